"""The landing: every provider response that was used, byte for byte, and one journal per run of what was asked.

What belongs here: keeping, finding and rejecting payloads, and the journal. Parsing and HTTP do not.

    <home>/landing/nba_cdn/boxscore/2024-03-12/0022300945/20240312T100001.123456Z_1f0c2d3e4a5b.json.gz
    <home>/landing/journal/01710237601123456789_<run id>.jsonl     {"kind": "run", ...} then {"kind": "request", ...}

A `ref` is a payload's path below `<home>/landing` without `.gz`: it is what tables carry in `source`.
"""

import gzip
import hashlib
import json
import os
import re
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, unquote
from weakref import WeakValueDictionary

import dagster as dg
from pydantic import PrivateAttr

from nba_pipeline.calendar import REPLAY_TAG, Clock
from nba_pipeline.errors import BadInput, NotLanded, Permanent

Outcome = Literal["landed", "reused", "not_yet", "failed", "rejected"]

INSTANT = "%Y%m%dT%H%M%S.%fZ"
HASH_DIGITS = 12
REJECTED = ".rejected."
DIRECT = "direct"
"""The run id of work outside of a run."""

PARTITION_TAGS = ("dagster/partition", "dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
KEPT_HEADERS = ("content-type", "date", "etag", "last-modified")


@dataclass(frozen=True)
class Slot:
    """Where the payloads of one and the same question are kept; the newest answers it.

    `game_date` or `season` names the folder; with neither it is "all". `entity` is the game, event, page or "season".
    """

    provider: str
    endpoint: str
    entity: str
    game_date: date | None = None
    season: str | None = None
    extension: str = "json"

    def __post_init__(self) -> None:
        for name in ("provider", "endpoint", "extension"):
            value = getattr(self, name)
            if not re.fullmatch(r"[a-z0-9_-]+", value):
                raise BadInput(f"{name} of a payload must be lower-case letters, digits, _ or -, not {value!r}")
        if not self.entity:
            raise BadInput(f"a payload of {self.provider} {self.endpoint} needs an entity")
        if self.game_date and self.season:
            raise BadInput(f"a payload of {self.provider} {self.endpoint} has a game_date or a season, not both")

    @property
    def period(self) -> str:
        """The folder: an ISO date, a season, or "all"."""
        return self.game_date.isoformat() if self.game_date else self.season or "all"

    @property
    def folder(self) -> str:
        """The path of the payloads below the landing."""
        entity = quote(self.entity, safe="-_+=").replace(".", "%2E")
        return "/".join((self.provider, self.endpoint, self.period, entity))

    @property
    def name(self) -> str:
        """For messages: provider, endpoint and entity."""
        return f"{self.provider} {self.endpoint} {self.entity}"


@dataclass(frozen=True)
class Payload:
    """A landed body. `fetched_at` is the UTC instant of the response. Two of the same `ref` are the same."""

    slot: Slot = field(compare=False)
    ref: str
    fetched_at: datetime
    path: Path

    @cached_property
    def body(self) -> bytes:
        """The bytes as they arrived."""
        return gzip.decompress(self.path.read_bytes())

    @cached_property
    def _document(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise Permanent(f"{self.slot.name}: the answer is not JSON ({error}): {self.ref}") from None

    def json(self) -> Any:
        """The parsed body. Raises Permanent naming provider, endpoint and entity when it is not JSON."""
        return self._document

    @property
    def game_date(self) -> date | None:
        """The Eastern date under which the payload was asked for."""
        return self.slot.game_date

    @property
    def sha256(self) -> str:
        """Hash of the body."""
        return hashlib.sha256(self.body).hexdigest()

    @property
    def short_hash(self) -> str:
        """First digits of the body's hash, as in the file name."""
        return self.path.name.partition("_")[2].partition(".")[0]


class Journal:
    """The append-only file of one run, shared by every resource of that run in this process."""

    def __init__(self, path: Path, header: Mapping[str, Any]):
        self.path, self._lock = path, threading.Lock()
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            self.write(header)

    def write(self, line: Mapping[str, Any]) -> None:
        """Append one line and flush it."""
        text = json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=str) + "\n"
        with self._lock, self.path.open("a", encoding="utf-8") as file:
            file.write(text)


_journals: WeakValueDictionary[tuple[str, str], Journal] = WeakValueDictionary()
_journals_lock = threading.Lock()
"""Dagster builds a resource anew for each resource that needs it: the run's journal has to be the same one."""


class Landing(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The payloads below `<home>/landing`, and the journal of this run.

    A run with the tag `nba/replay_of` (the id of the original run) is a replay: nothing is written, and look-ups see
    only what the original run, or runs before it, landed or reused.
    """

    home: str
    clock: dg.ResourceDependency[Clock]
    _journal: Journal | None = PrivateAttr(default=None)
    _run_id: str = PrivateAttr(default=DIRECT)
    _replay_of: str = PrivateAttr(default="")
    _replay: "_Replay | None" = PrivateAttr(default=None)
    _lock: Any = PrivateAttr(default_factory=threading.Lock)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Open the journal of the run, or begin the replay that its tags ask for."""
        run = context.run
        if run is None:
            return
        self._run_id, self._replay_of = run.run_id, run.tags.get(REPLAY_TAG, "")
        if not self._replay_of:
            assets = sorted(key.to_user_string() for key in run.asset_selection or ()) or None
            tags = {k: v for k, v in run.tags.items() if k in PARTITION_TAGS or k.startswith("nba/")}
            self._journal = self._open(self._header(run.job_name, assets, tags))

    @property
    def root(self) -> Path:
        """The folder of the landing."""
        return Path(self.home) / "landing"

    @property
    def is_replay(self) -> bool:
        """True when the network is off and nothing may be written."""
        return bool(self._replay_of)

    def keep(
        self, slot: Slot, body: bytes, *, fetched_at: datetime, status: int = 200,
        headers: Mapping[str, str] | None = None, url: str = "", statuses: Sequence[int] = (),
        quota: Mapping[str, int] | None = None, final_game_ids: Sequence[str] = (),
    ) -> Payload:  # fmt: skip
        """Write a body under its slot and journal it as landed; an identical file is left as it is.

        `statuses` are those of every attempt. Raises BadInput in a replay.
        """
        if self.is_replay:
            raise BadInput(f"{slot.name}: a replay of run {self._replay_of} writes nothing")
        digest = hashlib.sha256(body).hexdigest()
        ref = f"{slot.folder}/{fetched_at.astimezone(UTC).strftime(INSTANT)}_{digest[:HASH_DIGITS]}.{slot.extension}"
        path = self.root / f"{ref}.gz"
        if path.exists():
            os.utime(path)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            temporary = path.with_name(f".{path.name}.{os.getpid()}.{threading.get_ident()}.tmp")
            temporary.write_bytes(gzip.compress(body, compresslevel=1 if slot.extension == "parquet" else 6, mtime=0))
            temporary.replace(path)
        payload = Payload(slot, ref, fetched_at.astimezone(UTC), path)
        kept = {k: v for k, v in (headers or {}).items() if k.lower() in KEPT_HEADERS}
        self._note(
            slot, "landed", payload=payload, sha256=digest, status=status, statuses=statuses or [status], url=url,
            bytes=len(body), quota=quota, final_game_ids=list(final_game_ids), headers=kept,
        )  # fmt: skip
        return payload

    def note(
        self, slot: Slot, outcome: Outcome, *, payload: Payload | None = None, url: str = "",
        statuses: Sequence[int] = (), problem: str | None = None, final_game_ids: Sequence[str] = (),
    ) -> None:  # fmt: skip
        """Journal an outcome that brought no new payload: reused, not_yet or failed. Nothing happens in a replay."""
        self._note(
            slot, outcome, payload=payload, url=url, statuses=statuses, problem=problem,
            status=statuses[-1] if statuses else None, final_game_ids=list(final_game_ids),
        )  # fmt: skip

    def reject(self, payload: Payload, problem: str) -> None:
        """Take a payload that does not parse out of every look-up. It stays on disk, its name marked `.rejected.`."""
        if self.is_replay:
            return
        digest = None
        if payload.path.exists():
            digest, ending = payload.sha256, f".{payload.slot.extension}.gz"
            marked = payload.path.name.removesuffix(ending) + REJECTED + ending[1:]
            payload.path.replace(payload.path.with_name(marked))
        self._note(payload.slot, "rejected", payload=payload, problem=problem, sha256=digest)

    def newest(self, slot: Slot) -> Payload | None:
        """The newest accepted payload of a slot, or None. In a replay: the newest that the original run could see."""
        found = self.versions(slot)
        return found[-1] if found else None

    def versions(self, slot: Slot) -> list[Payload]:
        """Every accepted payload of a slot, oldest first."""
        return [_payload(slot, path, self.root) for path in self._accepted(slot.folder)]

    def payloads(self, provider: str, endpoint: str, game_date: date) -> list[Payload]:
        """Every accepted payload of a date, of every entity, oldest first."""
        slot = Slot(provider, endpoint, entity="any", game_date=game_date)
        paths = self._accepted(slot.folder.rpartition("/")[0], "*/*.gz")
        found = [_payload(_slot_of(path, self.root), path, self.root) for path in paths]
        return sorted(found, key=lambda payload: payload.fetched_at)

    def read(self, ref: str) -> Payload:
        """The payload that a row's `source` names. Raises NotLanded when it is not on disk."""
        path = self.root / f"{ref}.gz"
        if not path.exists():
            raise NotLanded(f"the landing below {self.root} holds no payload {ref}")
        return _payload(_slot_of(path, self.root), path, self.root)

    def original_outcome(self, slot: Slot) -> dict[str, Any] | None:
        """In a replay: the last journal line of the original run about a slot."""
        return self._replayed().outcomes.get(slot.folder) if self.is_replay else None

    def used_by_original(self, provider: str) -> list[Payload]:
        """In a replay: the provider's payloads that the original run itself landed or reused."""
        lines = [line for line in self._replayed().outcomes.values() if line["provider"] == provider]
        return [self.read(line["ref"]) for line in lines if line["ref"]]

    def runs(self) -> Iterator[dict[str, Any]]:
        """The header line of every journal, in the order in which the runs began."""
        for path in self._journal_files():
            for line in _lines(path):
                if line["kind"] == "run":
                    yield line

    def requests(self) -> Iterator[dict[str, Any]]:
        """Every request line of every journal, in order."""
        for path in self._journal_files():
            yield from (line for line in _lines(path) if line["kind"] == "request")

    def incidents(self, dates: Collection[date] | None = None, run_id: str | None = None) -> list[dict[str, Any]]:
        """Request lines with a retry, a failure or a rejection, in order; of some dates or of one run if asked."""
        wanted = None if dates is None else {day.isoformat() for day in dates}
        return [
            line for line in self.requests()
            if (line["outcome"] in ("failed", "rejected") or (line["attempts"] or 0) > 1)
            and (wanted is None or line["game_date"] in wanted)
            and (run_id is None or line["run_id"] == run_id)
        ]  # fmt: skip

    def _note(self, slot: Slot, outcome: Outcome, payload: Payload | None = None, **fields: Any) -> None:
        if self.is_replay:
            return
        statuses = list(fields.pop("statuses", ()))
        line: dict[str, Any] = {
            "kind": "request", "run_id": self._run_id, "provider": slot.provider, "endpoint": slot.endpoint,
            "game_date": slot.game_date.isoformat() if slot.game_date else None, "period": slot.period,
            "entity": slot.entity, "url": "", "outcome": outcome, "ref": payload.ref if payload else None,
            "sha256": None, "status": None, "attempts": len(statuses), "statuses": statuses,
            "fetched_at": (payload.fetched_at if payload else self.clock.now()).isoformat(), "bytes": None,
            "quota": None, "headers": {}, "problem": None, "final_game_ids": [],
        }  # fmt: skip
        line |= {name: value for name, value in fields.items() if value}
        if payload and not line["sha256"] and payload.path.exists():
            line["sha256"] = payload.sha256
        with self._lock:
            journal = self._journal or self._open(self._header("", None, {}))
            self._journal = journal
        journal.write(line)

    def _header(self, job: str, assets: list[str] | None, tags: Mapping[str, str]) -> dict[str, Any]:
        return {
            "kind": "run", "run_id": self._run_id, "as_of": self.clock.as_of.isoformat(), "job": job, "assets": assets,
            "tags": dict(tags),
        }  # fmt: skip

    def _open(self, header: Mapping[str, Any]) -> Journal:
        folder, run_id = self.root / "journal", self._run_id
        with _journals_lock:
            journal = _journals.get((str(folder), run_id)) if run_id != DIRECT else None
            if journal is None:
                earlier = sorted(folder.glob(f"*_{run_id}.jsonl")) if run_id != DIRECT else []
                journal = Journal(earlier[0] if earlier else folder / f"{time.time_ns():020d}_{run_id}.jsonl", header)
                if run_id != DIRECT:
                    _journals[str(folder), run_id] = journal
        return journal

    def _journal_files(self) -> list[Path]:
        return sorted((self.root / "journal").glob("*.jsonl"))

    def _accepted(self, folder: str, pattern: str = "*.gz") -> list[Path]:
        """Paths below a folder that look-ups may see, oldest first."""
        if self.is_replay:
            names = [ref for ref in self._replayed().visible if ref.startswith(f"{folder}/")]
            order = {self.root / f"{ref}.gz": number for number, ref in enumerate(names)}
            paths = [path for path in order if path.exists()]
            return sorted(paths, key=lambda path: (path.name.partition("_")[0], order[path]))
        found = (self.root / folder).glob(pattern)
        paths = [path for path in found if REJECTED not in path.name and path.name[0] != "."]
        return sorted(paths, key=lambda path: (path.name.partition("_")[0], path.stat().st_mtime_ns))

    def _replayed(self) -> "_Replay":
        with self._lock:
            if self._replay is None:
                self._replay = _Replay.of(self._journal_files(), self._replay_of, self.root)
            return self._replay


@dataclass(frozen=True)
class _Replay:
    """What a replay may see: refs of the original run and of runs before it, and how the original's requests ended."""

    visible: tuple[str, ...]
    outcomes: dict[str, dict[str, Any]]

    @classmethod
    def of(cls, journals: Sequence[Path], run_id: str, root: Path) -> "_Replay":
        mine = [number for number, path in enumerate(journals) if path.stem.partition("_")[2] == run_id]
        if not mine:
            raise NotLanded(f"the landing below {root} has no journal of run {run_id}")
        visible: dict[str, None] = {}
        outcomes: dict[str, dict[str, Any]] = {}
        for number, path in enumerate(journals[: mine[-1] + 1]):
            for line in _lines(path):
                if line["kind"] != "request":
                    continue
                if line["ref"]:
                    visible.pop(line["ref"], None)
                    if line["outcome"] in ("landed", "reused"):
                        visible[line["ref"]] = None
                if number in mine:
                    outcomes[_folder_of(line)] = line
        return cls(tuple(visible), outcomes)


def _folder_of(line: Mapping[str, Any]) -> str:
    day = line["game_date"]
    season = None if day or line["period"] == "all" else line["period"]
    game_date = date.fromisoformat(day) if day else None
    return Slot(line["provider"], line["endpoint"], line["entity"], game_date, season).folder


def _slot_of(path: Path, root: Path) -> Slot:
    provider, endpoint, period, entity, name = path.relative_to(root).parts
    extension = name.removesuffix(".gz").rpartition(".")[2]
    day = date.fromisoformat(period) if re.fullmatch(r"\d{4}-\d\d-\d\d", period) else None
    season = None if day or period == "all" else period
    return Slot(provider, endpoint, unquote(entity), day, season, extension)


def _payload(slot: Slot, path: Path, root: Path) -> Payload:
    fetched_at = datetime.strptime(path.name.partition("_")[0], INSTANT).replace(tzinfo=UTC)
    return Payload(slot, path.relative_to(root).as_posix().removesuffix(".gz"), fetched_at, path)


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a journal. A last line that a killed run left half-written is passed over."""
    with path.open(encoding="utf-8") as file:
        for text in file:
            if text.endswith("\n"):
                yield json.loads(text)

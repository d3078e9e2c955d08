"""The landing: stores every provider response that was used, byte for byte, and one journal of requests per run.

What belongs here: storing, finding and rejecting payloads, and the journal. Parsing, HTTP and the differences between a
folder and an object store do not.

    <home>/landing/nba_cdn/boxscore/2024-03-12/0022300945/20240312T100001.123456Z_1f0c2d3e4a5b.json.gz
    <home>/landing/journal/01710237601123456789_<run id>.jsonl     {"kind": "run", ...} then {"kind": "request", ...}
    <home>/landing/journal/01710237601123456789_<run id>.parts/00000001.jsonl     in a store, until the run ends

A `ref` is a payload's path below `<home>/landing` without `.gz`. Tables store it in `source`.
"""

import gzip
import hashlib
import json
import math
import os
import re
import threading
import zlib
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from itertools import groupby
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote, unquote

import dagster as dg
from pydantic import PrivateAttr

from nba_pipeline.errors import BadInput, NotLanded, Permanent, PipelineError
from nba_pipeline.instance import dead_runs
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.run_tags import OFFLINE_TAG, PARTITION_TAGS, REPLAY_TAG
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse import damage, files, payload_limits
from nba_pipeline.warehouse.files import Place
from nba_pipeline.warehouse.logs import LOG, Log, LogFile, list_logs, numbered_lines, resumed_log
from nba_pipeline.warehouse.payload_limits import TooLarge

Outcome = Literal["landed", "reused", "not_yet", "failed", "rejected"]

INSTANT = "%Y%m%dT%H%M%S.%fZ"
HASH_DIGITS = 12
REJECTED = ".rejected."
ANY_PERIOD = "all"
JOURNAL = "journal"
"""The only folder of the landing that does not belong to a provider."""
DIRECT = "direct"
"""The run id of work outside of a run."""

LINE_START, LINE_ENDINGS = '{"kind":"', ("}", "}\n")
REUSED, FAILURE = '"outcome":"reused"', re.compile('"outcome":"(?:failed|rejected)"')
REFUSED = re.compile(r'"provider":"(\w+)".*"outcome":"not_yet".*"statuses":\[[\d,]*403\]')
FETCHED_AT, AS_OF = '"fetched_at":"', '"as_of":"'
"""As `Journal.write` writes them. Quotes inside a value are escaped, so these only match field names."""
EXCERPT_LENGTH, INSTANT_DIGITS = 40, 20
_TEXT_OR_NULL = (str, type(None))
REQUIRED_FIELDS: Mapping[str, Mapping[str, type | tuple[type, ...]]] = {
    "run": {"run_id": str, "as_of": str, "job": str, "tags": dict, "assets": (list, type(None))},
    "request": {
        "run_id": str,
        "provider": str,
        "endpoint": str,
        "period": str,
        "entity": str,
        "outcome": str,
        "statuses": list,
        "fetched_at": str,
        "game_date": _TEXT_OR_NULL,
        "ref": _TEXT_OR_NULL,
        "problem": _TEXT_OR_NULL,
        "attempts": (int, type(None)),
    },
}
"""Kind of journal line -> the fields that its readers require, and their types."""
STORED_HEADERS = ("content-type", "date", "etag", "last-modified")


@dataclass(frozen=True)
class Slot:
    """Identifies one request; its payloads share a folder and the newest one is current.

    `game_date` or `season` names the folder; without either it is "all". `entity` is the game, event, page or "season".
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
                raise BadInput(f"{name} of a payload must be lowercase letters, digits, _ or -, not {value!r}")
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
    def most_bytes(self) -> int:
        """The size limit of a payload in bytes, both compressed and decompressed."""
        return payload_limits.most_bytes(self.provider, self.endpoint, self.extension)

    @property
    def name(self) -> str:
        """Provider, endpoint and entity, for messages."""
        return f"{self.provider} {self.endpoint} {self.entity}"


@dataclass(frozen=True)
class Payload:
    """A landed body. `fetched_at` is the UTC instant of the response. Payloads with the same `ref` are equal."""

    slot: Slot = field(compare=False)
    ref: str
    fetched_at: datetime
    path: Place

    @cached_property
    def body(self) -> bytes:
        """The bytes as received. Raises TooLarge for a body over the size limit."""
        try:
            return payload_limits.gunzip(files.read(self.path), self.slot.most_bytes)
        except TooLarge as error:
            raise TooLarge(f"{self.slot.name}: {error}: {self.ref}") from None

    @property
    def problem(self) -> str | None:
        """Why the file is unreadable or differs from what was landed; None if it is intact. Raises FileNotFoundError."""
        try:
            body = self.body
        except (OSError, EOFError, zlib.error, TooLarge) as error:
            if isinstance(error, FileNotFoundError):
                raise
            return str(error) or type(error).__name__
        if not hashlib.sha256(body).hexdigest().startswith(self.short_hash):
            return "the content differs from the hash in its name"
        return None

    @cached_property
    def _document(self) -> Any:
        try:
            return payload_limits.read_json(self.body, self.slot.name)
        except Permanent as error:
            raise Permanent(f"{error}: {self.ref}") from None

    def json(self) -> Any:
        """The parsed body. Raises Permanent, naming provider, endpoint and entity, for invalid or too deeply nested JSON."""
        return self._document

    @property
    def game_date(self) -> date | None:
        """The US Eastern date that the request was for."""
        return self.slot.game_date

    @property
    def sha256(self) -> str:
        """SHA-256 of the body."""
        return hashlib.sha256(self.body).hexdigest()

    @property
    def short_hash(self) -> str:
        """The first digits of the body's hash, as in the file name."""
        return self.path.name.partition("_")[2].partition(".")[0]


@dataclass(frozen=True)
class JournalDay:
    """The journals of the runs that began on a UTC date. `signature` changes whenever one of them grows."""

    day: date
    logs: tuple[LogFile, ...]

    @property
    def signature(self) -> str:
        """Hash of the names and sizes of the files."""
        sizes = [(log.path.name, piece.path.name, piece.size) for log in self.logs for piece in log.pieces]
        return hashlib.sha256(json.dumps(sizes).encode()).hexdigest()


@dataclass(frozen=True)
class DamagedLine:
    """An unreadable line of a run's journal. `place` is the file and the line number, counted from 1."""

    run_id: str
    number: int
    place: str
    problem: str

    @property
    def is_header(self) -> bool:
        """Whether the line is the header that identifies the run. A run without its header cannot be repeated."""
        return self.number == 1


class Journal:
    """The journal of one run, shared by all resources of the run in this process. The last user closes it."""

    def __init__(self, log: Log, header: Mapping[str, Any] | None):
        self.users, self._log = 0, log
        if header is not None:
            self.write(header)

    def write(self, line: Mapping[str, Any]) -> None:
        """Append one line and flush it."""
        self._log.write(json.dumps(line, ensure_ascii=False, separators=(",", ":"), default=str))

    def close(self) -> None:
        """Close the log. No lines may be written afterwards."""
        self._log.close()


_journals: dict[tuple[str, str], Journal] = {}
_journals_lock = threading.Lock()
"""Dagster instantiates a resource once per dependent resource. All instances must share the journal of the run."""


class Landing(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The payloads below `<home>/landing`, and the journal of this run.

    A run with the tag `nba/replay_of` (the id of the original run) is a replay. It writes nothing, and look-ups return only
    payloads that the original run or earlier runs landed or reused.

    A run with the tag `nba/offline` sends no requests either, but reads everything landed so far and writes its journal.
    """

    home: str
    """A folder, or an object store: gs://bucket/prefix."""
    clock: dg.ResourceDependency[Clock]
    _journal: Journal | None = PrivateAttr(default=None)
    _run_id: str = PrivateAttr(default=DIRECT)
    _replay_of: str = PrivateAttr(default="")
    _is_offline: bool = PrivateAttr(default=False)
    _replay: "_Replay | None" = PrivateAttr(default=None)
    _lock: Any = PrivateAttr(default_factory=threading.Lock)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Open the journal of the run, or start the replay that its tags request."""
        run = context.run
        if run is None:
            return
        dead_runs.mark(context.instance, run.run_id)
        self._run_id, self._replay_of = run.run_id, run.tags.get(REPLAY_TAG, "")
        self._is_offline = OFFLINE_TAG in run.tags
        if not self._replay_of:
            assets = sorted(key.to_user_string() for key in run.asset_selection or ()) or None
            tags = {k: v for k, v in run.tags.items() if k in PARTITION_TAGS or k.startswith("nba/")}
            self._journal = self._open(self._header(run.job_name, assets, tags))

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Release the run's journal. A journal that fails to close loses no lines, so the run does not fail."""
        with self._lock:
            journal, self._journal = self._journal, None
        try:
            self._release(journal)
        except PipelineError as error:
            if context.log:
                context.log.warning(f"the parts of this run's journal were not merged: {error}")

    @cached_property
    def root(self) -> Place:
        """The folder of the landing."""
        return files.place(self.home) / "landing"

    @property
    def is_replay(self) -> bool:
        """True when the network is off and writes are forbidden."""
        return bool(self._replay_of)

    @property
    def is_offline(self) -> bool:
        """True in a run that reloads from the landing, and in its replay."""
        return self._is_offline

    @property
    def sends_nothing(self) -> bool:
        """True when requests are answered from the landing only: in offline runs and replays."""
        return self.is_replay or self.is_offline

    def keep(
        self,
        slot: Slot,
        body: bytes,
        *,
        fetched_at: datetime,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        url: str = "",
        statuses: Sequence[int] = (),
        quota: Mapping[str, int] | None = None,
        final_game_ids: Sequence[str] = (),
    ) -> Payload:
        """Write a body to its slot and journal it as landed. An identical existing file is kept.

        `statuses` are the HTTP statuses of every attempt. Raises BadInput in a replay.
        """
        if self.is_replay:
            raise BadInput(f"{slot.name}: a replay of run {self._replay_of} writes nothing")
        digest = hashlib.sha256(body).hexdigest()
        ref = f"{slot.folder}/{fetched_at.astimezone(UTC).strftime(INSTANT)}_{digest[:HASH_DIGITS]}.{slot.extension}"
        path = self.root / f"{ref}.gz"
        if isinstance(path, Path) and path.exists():  # same response and instant: move an unreadable copy aside first
            next(self._readable([_payload(slot, path, self.root)]), None)
        files.write_immutable(path, lambda: gzip.compress(body, compresslevel=1 if slot.extension == "parquet" else 6, mtime=0))
        payload = Payload(slot, ref, fetched_at.astimezone(UTC), path)
        vars(payload)["body"] = body  # fills the cached property: avoids reading the upload back from a store
        stored_headers = {k: v for k, v in (headers or {}).items() if k.lower() in STORED_HEADERS}
        self._note(
            slot,
            "landed",
            payload=payload,
            sha256=digest,
            status=status,
            statuses=statuses or [status],
            url=url,
            bytes=len(body),
            quota=quota,
            final_game_ids=list(final_game_ids),
            headers=stored_headers,
        )
        return payload

    def note(
        self,
        slot: Slot,
        outcome: Outcome,
        *,
        payload: Payload | None = None,
        url: str = "",
        statuses: Sequence[int] = (),
        problem: str | None = None,
        final_game_ids: Sequence[str] = (),
    ) -> None:
        """Journal an outcome without a new payload: reused, not_yet or failed. Does nothing in a replay."""
        self._note(
            slot,
            outcome,
            payload=payload,
            url=url,
            statuses=statuses,
            problem=problem,
            status=statuses[-1] if statuses else None,
            final_game_ids=list(final_game_ids),
        )

    def reject(self, payload: Payload, problem: str) -> None:
        """Exclude a payload that does not parse from every look-up. The file is kept, with `.rejected.` in its name."""
        if self.is_replay:
            return
        digest, ending = None, f".{payload.slot.extension}.gz"
        with suppress(FileNotFoundError):
            digest = payload.sha256
            files.rename(payload.path, payload.path.name.removesuffix(ending) + REJECTED + ending[1:])
        self._note(payload.slot, "rejected", payload=payload, problem=problem, sha256=digest)

    def newest(self, slot: Slot) -> Payload | None:
        """The newest accepted payload of a slot, or None. In a replay: the newest one visible to the original run."""
        if self.is_replay:
            payloads = self.versions(slot)
            if not payloads:
                self._refuse_incomplete(slot)
            return payloads[-1] if payloads else None
        newest_first = (_payload(slot, path, self.root) for path in reversed(self._accepted(slot.folder)))
        return next(self._readable(newest_first), None)

    def versions(self, slot: Slot) -> list[Payload]:
        """Every accepted payload of a slot, oldest first. Unreadable payloads are moved aside.

        In a replay, returns an empty list if the newest payload is missing, because the original run used it; `newest` then
        raises and names it. Older payloads may be missing: they were fetched again after the damage.
        """
        payloads = list(self._readable(_payload(slot, path, self.root) for path in self._accepted(slot.folder)))
        return [] if self._missing(slot, payloads) else payloads

    def payloads(self, provider: str, endpoint: str, game_date: date) -> list[Payload]:
        """Every accepted payload of a date, for all entities, oldest first."""
        slot = Slot(provider, endpoint, entity="any", game_date=game_date)
        paths = self._accepted(slot.folder.rpartition("/")[0], "*/*.gz")
        readable = self._readable(_payload(_slot_of(path, self.root), path, self.root) for path in paths)
        return sorted(readable, key=lambda payload: payload.fetched_at)

    def periods(self) -> dict[tuple[str, str], set[str]]:
        """The periods (dates, seasons or "all") of each provider and endpoint, from folder names only."""
        return {
            (provider, endpoint): set(files.folders(self.root / provider / endpoint))
            for provider in files.folders(self.root)
            if provider != JOURNAL
            for endpoint in files.folders(self.root / provider)
        }

    def last_landed_at(self, endpoints: Collection[tuple[str, str]], game_date: date) -> datetime | None:
        """The real instant at which the newest accepted payload of a date was written, or None."""
        accepted = [
            file
            for provider, endpoint in endpoints
            for file in files.listing(self.root / provider / endpoint / game_date.isoformat(), "*/*.gz")
            if REJECTED not in file.path.name and file.path.name[0] != "."
        ]
        return max((file.written_at for file in accepted), default=None)

    def read(self, ref: str) -> Payload:
        """The payload named by a row's `source`. Raises NotLanded if it is missing or unreadable."""
        path = self.root / f"{ref}.gz"
        if not files.exists(path):
            raise NotLanded(f"the landing below {self.root} has no payload {ref}")
        payload = next(self._readable([_payload(_slot_of(path, self.root), path, self.root)]), None)
        if payload is None:
            raise NotLanded(f"the landing below {self.root} has no readable payload {ref}: it was moved to {damage.FOLDER}")
        return payload

    def original_outcome(self, slot: Slot) -> dict[str, Any] | None:
        """In a replay: the original run's last journal line for a slot."""
        return self._original().outcomes.get(slot.folder) if self.is_replay else None

    def used_by_original(self, provider: str) -> list[Payload]:
        """In a replay: the provider's payloads that the original run itself landed or reused."""
        lines = [line for line in self._original().outcomes.values() if line["provider"] == provider]
        return [self.read(line["ref"]) for line in lines if line["ref"]]

    def newest_of(self, provider: str) -> list[Payload]:
        """The newest accepted payload of each endpoint, for a provider whose payloads have no date."""
        newest = []
        for endpoint in files.folders(self.root / provider):
            paths = self._accepted(f"{provider}/{endpoint}/{ANY_PERIOD}", "*/*.gz")
            newest += [_payload(_slot_of(path, self.root), path, self.root) for path in paths[-1:]]
        return newest

    def runs(self) -> Iterator[dict[str, Any]]:
        """The header line of every journal, in the order in which the runs began."""
        return (line for _, line in self._lines(self._logs()) if line["kind"] == "run")

    def requests(self) -> Iterator[dict[str, Any]]:
        """Every request line of every journal, in order."""
        return (line for _, line in self._lines(self._logs()) if line["kind"] == "request")

    def recent_requests(self, window: timedelta) -> list[dict[str, Any]]:
        """The provider requests within the trailing `window`, in order, starting at the first failure or rejection.

        HTTP 403 responses count as failures if a provider returned enough of them to open its breaker.

        Opens only the journals that began within the window, so older ones cost no more than a directory listing. Parses no
        line unless there was a failure. Damaged lines are reported and skipped. Errors from opening files propagate.
        """
        now = self.clock.now()
        lines = [
            (log, line)
            for log, number, line in numbered_lines(self._recent_logs(now, window))
            if _looks_complete(line) or self._record_damage(log, number, line)
        ]
        first, end = (now - window).isoformat(), now.isoformat()  # ISO instants of one time zone sort chronologically as text
        failures = [_fetched_at(line) for _, line in lines if FAILURE.search(line)]
        failures += _breaker_refusals(line for _, line in lines)
        first = min((at for at in failures if first <= at <= end), default="")
        requests = [(_fetched_at(line), log, line) for log, line in lines if REUSED not in line] if first else []
        selected = sorted((entry for entry in requests if first <= entry[0] <= end), key=lambda entry: entry[0])
        return [request for _, log, line in selected if (request := self._parsed(log, None, line)) is not None]

    def incidents(self, dates: Collection[date] | None = None, run_id: str | None = None) -> list[dict[str, Any]]:
        """Request lines with a retry, a failure or a rejection, in order; optionally of some dates or one run only."""
        selected = None if dates is None else {day.isoformat() for day in dates}
        return [
            line
            for _, line in self._lines([log for log in self._logs() if run_id in (None, log.owner)])
            if line["kind"] == "request"
            and (line["outcome"] in ("failed", "rejected") or (line["attempts"] or 0) > 1)
            and (selected is None or line["game_date"] in selected)
        ]

    def notices(self) -> list[damage.Notice]:
        """The damage recorded below the home of the landing, oldest first."""
        return damage.notices(files.place(self.home))

    def journal_days(self) -> dict[date, JournalDay]:
        """The journals by the UTC date on which their runs began. Lists the folder once and reads no file."""
        return {day: JournalDay(day, tuple(logs)) for day, logs in groupby(self._logs(), key=lambda log: log.day)}

    def journal_lines(self, day: JournalDay) -> Iterator[dict[str, Any]]:
        """Every line of a day's journals, in order: headers and requests."""
        return (line for _, line in self._lines(day.logs))

    def _note(self, slot: Slot, outcome: Outcome, payload: Payload | None = None, **fields: Any) -> None:
        if self.is_replay:
            return
        statuses = list(fields.pop("statuses", ()))
        line: dict[str, Any] = {
            "kind": "request",
            "run_id": self._run_id,
            "provider": slot.provider,
            "endpoint": slot.endpoint,
            "game_date": slot.game_date.isoformat() if slot.game_date else None,
            "period": slot.period,
            "entity": slot.entity,
            "url": "",
            "outcome": outcome,
            "ref": payload.ref if payload else None,
            "sha256": None,
            "status": None,
            "attempts": len(statuses),
            "statuses": statuses,
            "fetched_at": (payload.fetched_at if payload else self.clock.now()).isoformat(),
            "bytes": None,
            "quota": None,
            "headers": {},
            "problem": None,
            "final_game_ids": [],
        }
        line |= {name: value for name, value in fields.items() if value}
        if payload and not line["sha256"]:
            with suppress(FileNotFoundError):
                line["sha256"] = payload.sha256
        with self._lock:
            journal = self._journal or self._open(self._header("", None, {}))
            self._journal = journal
        journal.write(line)

    def _header(self, job: str, assets: list[str] | None, tags: Mapping[str, str]) -> dict[str, Any]:
        return {
            "kind": "run",
            "run_id": self._run_id,
            "as_of": self.clock.as_of.isoformat(),
            "job": job,
            "assets": assets,
            "tags": dict(tags),
        }

    def _open(self, header: Mapping[str, Any]) -> Journal:
        folder, run_id = self.root / JOURNAL, self._run_id
        with _journals_lock:
            journal = _journals.get((str(folder), run_id)) if run_id != DIRECT else None
            if journal is None:
                earlier = [log for log in self._logs() if log.owner == run_id] if run_id != DIRECT else []
                journal = Journal(resumed_log(folder, run_id, earlier), None if earlier else header)
                if run_id != DIRECT:
                    _journals[str(folder), run_id] = journal
            journal.users += 1
        return journal

    def _release(self, journal: Journal | None) -> None:
        with _journals_lock:
            if journal is None:
                return
            journal.users -= 1
            if journal.users:
                return
            _journals.pop((str(self.root / JOURNAL), self._run_id), None)
        journal.close()

    def _logs(self) -> list[LogFile]:
        return list_logs(self.root / JOURNAL)

    def damaged_lines(self) -> list[DamagedLine]:
        """Every damaged line of every journal, in order. The first line of a journal is the header of its run."""
        return [
            DamagedLine(log.owner, number, f"{log.path}:{number}", problem)
            for log, number, line in numbered_lines(self._logs())
            if (problem := _problem_of(line)) is not None
        ]

    def _lines(self, logs: Sequence[LogFile]) -> Iterator[tuple[LogFile, dict[str, Any]]]:
        """The parsed lines of the journals. Damaged lines are reported and skipped."""
        for log, number, line in numbered_lines(logs):
            if (document := self._parsed(log, number, line)) is not None:
                yield log, document

    def _parsed(self, log: LogFile, number: int | None, line: str) -> dict[str, Any] | None:
        try:
            document: dict[str, Any] = json.loads(line)
        except ValueError:
            document = {}
        if _missing_fields(document):
            self._record_damage(log, number or _line_number(log, line), line)
            return None
        return document

    def _record_damage(self, log: LogFile, number: int, line: str) -> bool:
        """Report a damaged line once and return False. The journal is evidence, so it is neither moved nor changed."""
        subject = f"landing/journal/{log.path.name}:{number}"
        version = hashlib.sha256(line.encode(errors="replace")).hexdigest()[:HASH_DIGITS]
        problem = f"{_problem_of(line)}; reports, circuit breakers and rebuilds ignore it"
        notice = damage.Notice(subject, problem, datetime.now(UTC), next_command="nba-pipeline status")
        damage.record_notice(files.place(self.home), notice, version)
        return False

    def _recent_logs(self, now: datetime, window: timedelta) -> list[LogFile]:
        """The journals that began within the trailing `window` before `now`, or before the newest journal.

        File names use the real clock and lines use the platform's clock. If the platform's clock is stopped, the newest
        journals may still contain lines of the window.
        """
        folder = self.root / JOURNAL
        if not isinstance(folder, Path):
            logs = self._logs()
            recent = _recent_names([log.path.name for log in logs], now, window)
            return [log for log in logs if log.path.name in recent]
        try:
            with os.scandir(folder) as entries:  # names only: with sizes, as in `_logs`, 3,000 files take 50 ms
                names = [entry.name for entry in entries if entry.name.endswith(LOG)]
        except FileNotFoundError:
            return []
        listed = files.listing(folder, *sorted(_recent_names(names, now, window)))
        return [LogFile(file.path, (file,)) for file in listed]

    def _readable(self, payloads: Iterable[Payload]) -> Iterator[Payload]:
        """The readable payloads. Unreadable ones are moved aside; they no longer count as landed and are fetched again."""
        for payload in payloads:
            try:
                problem = payload.problem
            except FileNotFoundError:  # another process moved it
                continue
            if problem is None:
                yield payload
            else:
                damage.set_aside(files.place(self.home), payload.path, problem, _refetch_command(payload))

    def _missing(self, slot: Slot, payloads: Sequence[Payload]) -> list[str]:
        """In a replay: unreadable or missing payloads of a slot that the original run could see and no newer one replaces."""
        if not self.is_replay:
            return []
        visible = self._original().visible

        def age(ref: str) -> tuple[str, int]:
            return ref.rpartition("/")[2].partition("_")[0], visible[ref]

        readable = {payload.ref for payload in payloads}
        newest = max(map(age, readable), default=("", -1))
        of_slot = self._original().of_folder.get(slot.folder, ())
        missing = [ref for ref in of_slot if ref not in readable and ref in visible and age(ref) > newest]
        if not missing:
            return []
        names = {file.path.name for file in files.listing(self.root / slot.folder, "*.gz")}
        rejected = {f"{slot.folder}/{name.replace(REJECTED, '.').removesuffix('.gz')}" for name in names if REJECTED in name}
        return [ref for ref in missing if ref not in rejected]

    def _refuse_incomplete(self, slot: Slot) -> None:
        payloads = [_payload(slot, path, self.root) for path in self._accepted(slot.folder)]
        if missing := self._missing(slot, payloads):
            raise NotLanded(f"{slot.name}: the payload {missing[-1]} is missing or unreadable, and a replay fetches nothing")

    def _accepted(self, folder: str, pattern: str = "*.gz") -> list[Place]:
        """Paths below a folder that are visible to look-ups, oldest first."""
        listed = files.listing(self.root / folder, pattern)
        order = {file.path: file.changed for file in listed if REJECTED not in file.path.name and file.path.name[0] != "."}
        if self.is_replay:
            visible = self._original().visible
            order = {path: visible[ref] for path in order if (ref := _ref(path, self.root)) in visible}
        return sorted(order, key=lambda path: (path.name.partition("_")[0], order[path]))

    def _original(self) -> "_Replay":
        with self._lock:
            if self._replay is None:
                self._replay = _Replay.of(self._logs(), self._replay_of, self.root, self._lines)
            return self._replay


_Read = Callable[[Sequence[LogFile]], Iterator[tuple[LogFile, dict[str, Any]]]]


@dataclass(frozen=True)
class _Replay:
    """What a replay can see: the refs of the original and earlier runs, and the outcome of each original request."""

    visible: Mapping[str, int]
    """Ref -> its position in the order of last use."""
    outcomes: dict[str, dict[str, Any]]

    @cached_property
    def of_folder(self) -> Mapping[str, list[str]]:
        """The visible refs by slot folder."""
        refs: dict[str, list[str]] = {}
        for ref in self.visible:
            refs.setdefault(ref.rpartition("/")[0], []).append(ref)
        return refs

    @classmethod
    def of(cls, journals: Sequence[LogFile], run_id: str, root: Place, read: "_Read") -> "_Replay":
        positions = [number for number, log in enumerate(journals) if log.owner == run_id]
        if not positions:
            raise NotLanded(f"the landing below {root} has no journal of run {run_id}")
        visible: dict[str, None] = {}
        outcomes: dict[str, dict[str, Any]] = {}
        for log, line in read(journals[: positions[-1] + 1]):
            if line["kind"] != "request":
                continue
            if line["ref"]:
                visible.pop(line["ref"], None)
                if line["outcome"] in ("landed", "reused"):
                    visible[line["ref"]] = None
            if log.owner == run_id:
                outcomes[_folder_of(line)] = line
        return cls({ref: number for number, ref in enumerate(visible)}, outcomes)


def _folder_of(line: Mapping[str, Any]) -> str:
    day = line["game_date"]
    season = None if day or line["period"] == "all" else line["period"]
    game_date = date.fromisoformat(day) if day else None
    return Slot(line["provider"], line["endpoint"], line["entity"], game_date, season).folder


def _slot_of(path: Place, root: Place) -> Slot:
    provider, endpoint, period, entity, name = f"{_ref(path, root)}.gz".split("/")
    extension = name.removesuffix(".gz").rpartition(".")[2]
    day = date.fromisoformat(period) if re.fullmatch(r"\d{4}-\d\d-\d\d", period) else None
    season = None if day or period == "all" else period
    return Slot(provider, endpoint, unquote(entity), day, season, extension)


def _payload(slot: Slot, path: Place, root: Place) -> Payload:
    fetched_at = datetime.strptime(path.name.partition("_")[0], INSTANT).replace(tzinfo=UTC)
    return Payload(slot, _ref(path, root), fetched_at, path)


def _refetch_command(payload: Payload) -> str:
    day = payload.slot.game_date
    return f"nba-pipeline backfill --from {day} --to {day}" if day else damage.RECONCILE


def _ref(path: Place, root: Place) -> str:
    """The `source` of a payload in tables: its path below the landing, without `.gz`."""
    return path.as_posix().removeprefix(root.as_posix() + "/").removesuffix(".gz")


def _recent_names(names: Sequence[str], now: datetime, window: timedelta) -> set[str]:
    """The journals that began within `window` before `now` or before the newest. The first 20 digits of a name are the instant."""

    def name_at(seconds: float) -> str:
        return f"{int(seconds) * files.NANOSECONDS:0{INSTANT_DIGITS}d}"

    length, newest = window.total_seconds(), int(max(names, default="0")[:INSTANT_DIGITS]) / files.NANOSECONDS
    first, end = name_at(now.timestamp() - length), name_at(now.timestamp() + 1)
    latest = name_at(newest - length)
    return {name for name in names if name >= latest or first <= name <= end}


def _breaker_refusals(lines: Iterable[str]) -> list[str]:
    """The instants of the 403 responses of each provider that reached the limit of its breaker."""
    refused = defaultdict[str, list[str]](list)
    for line in lines:
        if match := REFUSED.search(line):
            refused[match[1]].append(_fetched_at(line))
    limits = SETTINGS.breakers.provider_refusals
    return [at for provider, instants in refused.items() if len(instants) >= limits.get(provider, math.inf) for at in instants]


def _fetched_at(line: str) -> str:
    """The instant of a request line, without parsing it; "" for other lines."""
    return line.partition(FETCHED_AT)[2].partition('"')[0]


def _looks_complete(line: str) -> bool:
    return line.startswith(LINE_START) and line.endswith(LINE_ENDINGS) and (FETCHED_AT in line or AS_OF in line)


def _problem_of(line: str) -> str | None:
    """Why a journal line is unusable; None for a usable one."""
    try:
        document = json.loads(line)
    except ValueError as error:
        return f"the line {line[:EXCERPT_LENGTH]!r} is not JSON ({error})"
    return f"the line {line[:EXCERPT_LENGTH]!r} lacks {lacking}" if (lacking := _missing_fields(document)) else None


def _missing_fields(document: Any) -> str:
    """The required fields that a journal line lacks or that have another type, comma-separated; empty if none."""
    if not isinstance(document, dict) or document.get("kind") not in REQUIRED_FIELDS:
        return "its kind"
    types = REQUIRED_FIELDS[document["kind"]]
    invalid = [name for name, field_type in types.items() if not isinstance(document.get(name, False), field_type)]
    if not invalid:
        invalid = [name for name in ("as_of", "fetched_at") if name in types and not _is_instant(document[name])]
        invalid += ["statuses"] if not all(isinstance(status, int) for status in document.get("statuses", ())) else []
    return ", ".join(invalid)


def _is_instant(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False


def _line_number(log: LogFile, line: str) -> int:
    return next((number for _, number, text in numbered_lines([log]) if text == line), 0)

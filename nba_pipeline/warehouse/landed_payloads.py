"""Look-ups of landed payloads. A replay only sees the payloads that its original run could see.

Storing payloads and recording requests is in `landing`.
"""

import threading
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any

import dagster as dg
from pydantic import PrivateAttr

from nba_pipeline.errors import NotLanded, Permanent
from nba_pipeline.warehouse import damage, files
from nba_pipeline.warehouse.files import Place
from nba_pipeline.warehouse.journal import JOURNAL, JournalReader
from nba_pipeline.warehouse.payloads import (
    ANY_PERIOD,
    INSTANT,
    Payload,
    Slot,
    accepted_files,
    payload_at,
    readable,
    ref_of,
    slot_of,
)
from nba_pipeline.warehouse.replay import Replay

NEWEST_PERIODS = 3
"""Tomorrow, today and yesterday, for an endpoint with one period per date."""


class LandedPayloads(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The payloads below `<home>/landing`."""

    home: str
    """A folder, or an object store: gs://bucket/prefix."""
    _replay_of: str = PrivateAttr(default="")
    _replay: Replay | None = PrivateAttr(default=None)
    _lock: Any = PrivateAttr(default_factory=threading.Lock)

    @cached_property
    def root(self) -> Place:
        """The folder of the landing."""
        return files.place(self.home) / "landing"

    @cached_property
    def _reader(self) -> JournalReader:
        return JournalReader(files.place(self.home))

    @property
    def is_replay(self) -> bool:
        """True when the network is off and writes are forbidden."""
        return bool(self._replay_of)

    def newest(self, slot: Slot) -> Payload | None:
        """The newest accepted payload of a slot, or None. In a replay: the newest one visible to the original run."""
        if self.is_replay:
            payloads = self.versions(slot)
            if not payloads:
                self._refuse_incomplete(slot)
            return payloads[-1] if payloads else None
        newest_first = (payload_at(slot, path, self.root) for path in reversed(self._accepted(slot.folder)))
        return next(self._readable(newest_first), None)

    def versions(self, slot: Slot) -> list[Payload]:
        """Every accepted payload of a slot, oldest first. Unreadable payloads are moved aside.

        In a replay, returns an empty list if the newest payload of the original run is missing; `newest` then raises NotLanded
        with its name. Older payloads may be missing: after the damage, newer ones were fetched in their place.
        """
        payloads = list(self._readable(payload_at(slot, path, self.root) for path in self._accepted(slot.folder)))
        is_incomplete = self.is_replay and self._original().missing(slot, payloads, self.root)
        return [] if is_incomplete else payloads

    def payloads(self, provider: str, endpoint: str, game_date: date) -> list[Payload]:
        """Every accepted payload of a date, for all entities, oldest first."""
        return list(self._readable(self.listed(provider, endpoint, game_date)))

    def listed(self, provider: str, endpoint: str, game_date: date) -> list[Payload]:
        """Every accepted payload of a date, for all entities, oldest first, from file names only: a body may be unreadable."""
        slot = Slot(provider, endpoint, entity="any", game_date=game_date)
        paths = self._accepted(slot.folder.rpartition("/")[0], "*/*.gz")
        payloads = (payload_at(slot_of(path, self.root), path, self.root) for path in paths)
        return sorted(payloads, key=lambda payload: payload.fetched_at)

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
            for file in accepted_files(self.root / provider / endpoint / game_date.isoformat(), "*/*.gz")
        ]
        return max((file.written_at for file in accepted), default=None)

    def last_fetched_at(self, endpoints: Collection[tuple[str, str]]) -> datetime | None:
        """The instant at which the newest accepted payload of some endpoints was fetched, from file names. None without one.

        Lists the newest periods only: dates are fetched from the day before, seasons one at a time.
        """
        names = [
            file.path.name.partition("_")[0]
            for provider, endpoint in endpoints
            for period in sorted(files.folders(self.root / provider / endpoint))[-NEWEST_PERIODS:]
            for file in accepted_files(self.root / provider / endpoint / period, "*/*.gz")
        ]
        return datetime.strptime(max(names), INSTANT).replace(tzinfo=UTC) if names else None

    def read(self, ref: str) -> Payload:
        """The payload named by a row's `source`. Raises NotLanded if it is missing or unreadable."""
        path = self.root / f"{ref}.gz"
        if not files.exists(path):
            raise NotLanded(f"the landing below {self.root} has no payload {ref}")
        payload = next(self._readable([payload_at(slot_of(path, self.root), path, self.root)]), None)
        if payload is None:
            raise NotLanded(f"the landing below {self.root} has no readable payload {ref}: it was moved to {damage.FOLDER}")
        return payload

    def body_of(self, ref: str) -> bytes:
        """The body named by a row's `source`, for proofs: an altered file stays where it is.

        Raises NotLanded if the file is missing, Permanent if it is unreadable or differs from the hash in its name.
        """
        path = self.root / f"{ref}.gz"
        payload = payload_at(slot_of(path, self.root), path, self.root)
        try:
            problem = payload.problem
        except FileNotFoundError:
            raise NotLanded(f"the landing below {self.root} has no payload {ref}") from None
        if problem:
            raise Permanent(f"payload {ref} was altered: {problem}; next: restore it from a backup")
        return payload.body

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
            newest += [payload_at(slot_of(path, self.root), path, self.root) for path in paths[-1:]]
        return newest

    def notices(self) -> list[damage.Notice]:
        """The damage recorded below the home of the landing, oldest first."""
        return damage.notices(files.place(self.home))

    def _readable(self, payloads: Iterable[Payload]) -> Iterator[Payload]:
        """The readable payloads. Unreadable ones are moved aside; they no longer count as landed and are fetched again."""
        return readable(payloads, files.place(self.home))

    def _refuse_incomplete(self, slot: Slot) -> None:
        payloads = [payload_at(slot, path, self.root) for path in self._accepted(slot.folder)]
        if missing := self._original().missing(slot, payloads, self.root):
            raise NotLanded(f"{slot.name}: the payload {missing[-1]} is missing or unreadable, and a replay fetches nothing")

    def _accepted(self, folder: str, pattern: str = "*.gz") -> list[Place]:
        """Paths below a folder that are visible to look-ups, oldest first."""
        order = {file.path: file.changed for file in accepted_files(self.root / folder, pattern)}
        if self.is_replay:
            visible = self._original().visible
            order = {path: visible[ref] for path in order if (ref := ref_of(path, self.root)) in visible}
        return sorted(order, key=lambda path: (path.name.partition("_")[0], order[path]))

    def _original(self) -> Replay:
        with self._lock:
            if self._replay is None:
                self._replay = Replay.of(self._reader.logs(), self._replay_of, self.root, self._reader.lines)
            return self._replay

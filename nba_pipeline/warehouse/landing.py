"""The landing: stores every provider response that was used, byte for byte, and one journal of requests per run.

What belongs here: storing and rejecting payloads, and recording requests. Look-ups are in `landed_payloads`. Parsing, HTTP,
and the differences between a folder and an object store do not belong here.

    <home>/landing/nba_cdn/boxscore/2024-03-12/...     see `payloads`
    <home>/landing/journal/...                         see `journal`
"""

import gzip
import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
from pydantic import PrivateAttr

from nba_pipeline.errors import BadInput, PipelineError
from nba_pipeline.instance import dead_runs
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.run_tags import OFFLINE_TAG, PARTITION_TAGS, REPLAY_TAG
from nba_pipeline.warehouse import files
from nba_pipeline.warehouse.journal import DIRECT, JOURNAL, DamagedLine, Journal, JournalDay, open_journal, release_journal
from nba_pipeline.warehouse.journal_lines import Outcome, header_line, request_line
from nba_pipeline.warehouse.landed_payloads import LandedPayloads
from nba_pipeline.warehouse.payloads import (
    HASH_DIGITS,
    INSTANT,
    REJECTED,
    Payload,
    Slot,
    payload_at,
)

STORED_HEADERS = ("content-type", "date", "etag", "last-modified")


class Landing(LandedPayloads):
    """The payloads below `<home>/landing`, and the journal of this run.

    A run with the tag `nba/replay_of` (the id of the original run) is a replay. It writes nothing, and look-ups return only
    payloads that the original run or earlier runs landed or reused.

    A run with the tag `nba/offline` sends no requests either, but reads everything landed so far and writes its journal.
    """

    clock: dg.ResourceDependency[Clock]
    _journal: Journal | None = PrivateAttr(default=None)
    _run_id: str = PrivateAttr(default=DIRECT)
    _is_offline: bool = PrivateAttr(default=False)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Opens the journal of the run, or starts the replay that its tags request."""
        run = context.run
        if run is None:
            return
        dead_runs.mark(context.instance, run.run_id)
        self._run_id, self._replay_of = run.run_id, run.tags.get(REPLAY_TAG, "")
        self._is_offline = OFFLINE_TAG in run.tags
        if self._replay_of:
            return
        assets = sorted(key.to_user_string() for key in run.asset_selection or ()) or None
        tags = {k: v for k, v in run.tags.items() if k in PARTITION_TAGS or k.startswith("nba/")}
        try:
            self._journal = self._open(run.job_name, assets, tags)
        except BaseException:
            dead_runs.unmark(run.run_id)  # Dagster calls no teardown of a resource whose setup failed
            raise

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Releases the run's journal. A journal that fails to close loses no lines, so the run does not fail."""
        if context.run:
            dead_runs.unmark(context.run.run_id)
        with self._lock:
            journal, self._journal = self._journal, None
        if journal is None:
            return
        try:
            release_journal(journal, self.root / JOURNAL, self._run_id)
        except PipelineError as error:
            if context.log:
                context.log.warning(f"the parts of this run's journal were not merged: {error}")

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
        """Writes a body to its slot and journals it as landed. An identical existing file is kept.

        `statuses` are the HTTP statuses of every attempt. Raises BadInput in a replay.
        """
        if self.is_replay:
            raise BadInput(f"{slot.name}: a replay of run {self._replay_of} writes nothing")
        digest = hashlib.sha256(body).hexdigest()
        ref = f"{slot.folder}/{fetched_at.astimezone(UTC).strftime(INSTANT)}_{digest[:HASH_DIGITS]}.{slot.extension}"
        path = self.root / f"{ref}.gz"
        if isinstance(path, Path) and path.exists():  # same response and instant: move an unreadable copy aside first
            next(self._readable([payload_at(slot, path, self.root)]), None)
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
        """Journals an outcome without a new payload: reused, not_yet or failed. Does nothing in a replay."""
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
        """Excludes a payload that does not parse from every look-up. The file is kept, with `.rejected.` in its name."""
        if self.is_replay:
            return
        digest, ending = None, f".{payload.slot.extension}.gz"
        with suppress(FileNotFoundError):
            digest = payload.sha256
            files.rename(payload.path, payload.path.name.removesuffix(ending) + REJECTED + ending[1:])
        self._note(payload.slot, "rejected", payload=payload, problem=problem, sha256=digest)

    def runs(self) -> Iterator[dict[str, Any]]:
        """The header line of every journal, in the order in which the runs began."""
        return (line for _, line in self._reader.lines() if line["kind"] == "run")

    def requests(self) -> Iterator[dict[str, Any]]:
        """Every request line of every journal, in order."""
        return (line for _, line in self._reader.lines() if line["kind"] == "request")

    def recent_requests(self, window: timedelta) -> list[dict[str, Any]]:
        """The provider requests within the trailing `window`, in order, starting at the first failure or rejection.

        HTTP 403 responses count as failures if a provider returned enough of them to open its breaker.

        Opens only the journals that began within the window, so older ones cost no more than a directory listing. Parses no
        line unless there was a failure. Damaged lines are reported and skipped. Errors from opening files propagate.
        """
        return self._reader.recent_requests(self.clock.now(), window)

    def incidents(self, dates: Collection[date] | None = None, run_id: str | None = None) -> list[dict[str, Any]]:
        """Request lines with a retry, a failure or a rejection, in order; optionally of some dates or one run only."""
        return self._reader.incidents(dates, run_id)

    def journal_days(self) -> dict[date, JournalDay]:
        """The journals by the UTC date on which their runs began. Lists the folder once and reads no file."""
        return self._reader.days()

    def journal_lines(self, day: JournalDay) -> Iterator[dict[str, Any]]:
        """Every line of a day's journals, in order: headers and requests."""
        return (line for _, line in self._reader.lines(day.logs))

    def newest_run(self) -> dict[str, Any] | None:
        """The journal's header of the newest run, or None if no run is recorded."""
        return self._reader.newest_run()

    def damaged_lines(self) -> list[DamagedLine]:
        """Every damaged line of every journal, in order. The first line of a journal is the header of its run."""
        return self._reader.damaged_lines()

    def _note(self, slot: Slot, outcome: Outcome, payload: Payload | None = None, **fields: Any) -> None:
        if self.is_replay:
            return
        fetched_at = payload.fetched_at if payload else self.clock.now()
        line = request_line(self._run_id, slot, outcome, payload, fetched_at, fields)
        with self._lock:
            journal = self._journal or self._open("", None, {})
            self._journal = journal
        journal.write(line)

    def _open(self, job: str, assets: list[str] | None, tags: Mapping[str, str]) -> Journal:
        """The journal of this run. A new journal begins with a header line."""
        header = header_line(self._run_id, self.clock.as_of, job, assets, tags)
        return open_journal(self.root / JOURNAL, self._run_id, header)

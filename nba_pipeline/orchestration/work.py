"""Work that is due and not done: its tables, its reason, the attempts at it, and the choice of the next one.

What is due belongs in `reconciliation.py`, `lost_partitions.py` and `corrections.py`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

import dagster as dg

from nba_pipeline.completeness.modes import Mode
from nba_pipeline.completeness.next_steps import command_of_dates
from nba_pipeline.instance.run_tags import DUE_TAG, LONGEST_WHY, MODE_TAG, PARTITION_TAG, WHY_TAG
from nba_pipeline.instance.runs_in_progress import spans_in_progress
from nba_pipeline.league.eastern_text import eastern_text
from nba_pipeline.orchestration.reloading import RELOAD, RELOAD_TAGS
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse import Warehouse


@dataclass(frozen=True)
class Attempts:
    """The attempts at one item of work: the number of ended runs, the end of the last one, and whether a run is in progress."""

    ended: int = 0
    last_end: datetime | None = None
    is_in_progress: bool = False

    def next_at(self) -> datetime | None:
        """Returns when the next attempt may start; None: at once. The delay doubles with each attempt, up to a limit."""
        if self.last_end is None:
            return None
        patience = SETTINGS.patience
        minutes = min(patience.first_wait_minutes * 2 ** max(self.ended - 1, 0), patience.longest_wait_minutes)
        return self.last_end + timedelta(minutes=minutes)


@dataclass(frozen=True)
class Work:
    """One item of work that is due and not done: the tables of a date, the instant at which they were due, and the reason."""

    mode: Mode | Literal["reload"]
    game_date: date
    due_at: datetime
    tables: tuple[str, ...]
    why: str
    attempts: Attempts = Attempts()
    omitted: tuple[str, ...] = ()
    """Optional tables that the work no longer waits for."""
    is_urgent: bool = False
    """Whether the slate begins so soon that its work starts before older work."""
    purpose: str = ""
    """The purpose of the work, if it is not the mode."""
    job: str = "game_day"
    next_command: str = ""
    """The command that does the work, if it is not the one that completes the date, see `command_of`."""

    @property
    def name(self) -> str:
        """Subject and date, for messages."""
        return f"{self.subject} of {self.game_date}"

    @property
    def subject(self) -> str:
        """The mode or other purpose of the work, as in the tag `nba/mode` of its runs."""
        return self.purpose or self.mode

    @property
    def run_key(self) -> str:
        """The run key of the next attempt, so that Dagster starts each attempt once."""
        return f"reconciliation:{self.subject}:{self.game_date}:{self.due_at.isoformat()}:{self.attempts.ended}"

    @property
    def tags(self) -> dict[str, str]:
        """The tags that identify the runs of the work and state its reason."""
        without = f"; proceeds without {', '.join(self.omitted)}" if self.omitted else ""
        tags = {MODE_TAG: self.subject, DUE_TAG: self.due_at.isoformat(), WHY_TAG: (self.why + without)[:LONGEST_WHY]}
        return RELOAD_TAGS | tags if self.mode == RELOAD else tags


def command_of(work: Work, warehouse: Warehouse, now: datetime) -> str:
    """Returns the command that does the work."""
    return work.next_command or command_of_dates(warehouse, work.game_date, work.game_date, now)


def next_of(undone: Sequence[Work], now: datetime) -> tuple[Work | None, str]:
    """Returns the next work to start, or None and the reason. No work starts while a run for any of it is in progress.

    The oldest work comes first. Only an urgent slate starts before older work, so its features may lack the rows of that
    work. Work that waits for a retry does not block other work: a late source must not delay the next slate.
    """
    for work in undone:
        if work.attempts.is_in_progress:
            return None, f"{work.name} is in progress"
    waiting = []
    for work in sorted(undone, key=lambda work: not work.is_urgent):
        next_at = work.attempts.next_at()
        if next_at is None or next_at <= now:
            return work, ""
        waiting.append(f"{work.name}: attempt {work.attempts.ended + 1} is at {eastern_text(next_at)}")
    return None, "; ".join(waiting) or "all due work is done"


def attempts_at(instance: dg.DagsterInstance, subject: str, day: date, due_at: datetime) -> Attempts:
    """Returns the attempts at this work: its own runs, and any run of the date in progress."""
    own = {PARTITION_TAG: day.isoformat(), MODE_TAG: subject, DUE_TAG: due_at.isoformat()}
    return attempts_of(instance.get_run_records(dg.RunsFilter(tags=own)), spans_in_progress(instance), own)


def attempts_of(records: Sequence[dg.RunRecord], spans: Sequence[tuple[str, str]], tags: Mapping[str, str]) -> Attempts:
    """Returns the attempts of these runs. `spans` are the first and last dates of the runs in progress."""
    ended = [record for record in records if record.dagster_run.is_finished]
    ends = [record.end_time for record in ended if record.end_time is not None]
    last = datetime.fromtimestamp(max(ends), UTC) if ends else None
    is_running = any(first <= tags[PARTITION_TAG] <= end for first, end in spans)
    return Attempts(ended=len(ended), last_end=last, is_in_progress=is_running)


def is_in_progress(instance: dg.DagsterInstance, day: date, job: str | None = None) -> bool:
    """Whether a run of a date, or of a range that includes it, is in progress. `job` limits the runs to one job.

    Without `job`, excludes `train`, whose partitions are weeks.
    """
    return any(first <= day.isoformat() <= last for first, last in spans_in_progress(instance, job))

"""The audit trail: decisions and manual runs of people, with instant, author and reason.

    waivers, marks of games, decisions on quarantined rows, acknowledged alerts,
    promotions and retirements of systems, halts and resumptions of picks           ledgers
    resolved names                                                                  landed payloads of the operator
    repairs, rechecks and other manual runs                                         Dagster's runs

Runs that a schedule, a sensor or an automation condition requested are not part of it. The trail only reads.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg

from nba_pipeline.assets.sources.players import RESOLUTIONS as NAMES
from nba_pipeline.completeness.gates import DEADLINE_AUTHOR, WAIVERS
from nba_pipeline.completeness.not_played import NOT_PLAYED
from nba_pipeline.completeness.quarantine_cases import RESOLUTIONS
from nba_pipeline.governance.halts import HALTS
from nba_pipeline.governance.roles import PLATFORM, ROLES_TABLE
from nba_pipeline.instance.command_runs import is_manual
from nba_pipeline.instance.run_tags import COMMAND, MODE_TAG, PARTITION_TAG, RANGE_TAGS, STARTED_BY_TAG, USER_TAG, WHY_TAG
from nba_pipeline.league.calendar import eastern, eastern_date
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing

NOT_RECORDED = "not recorded"
ACKNOWLEDGED = "alert acknowledged"


@dataclass(frozen=True)
class Entry:
    """One decision or manual run. `subject` is what it concerns, `game_date` the date or the range of dates."""

    at: datetime
    action: str
    who: str
    game_date: str
    subject: str
    why: str

    @property
    def is_by_a_person(self) -> bool:
        """Whether a person acted. The trail also contains the waivers that the platform writes at the deadline of a date."""
        return self.who not in (DEADLINE_AUTHOR, PLATFORM)


def trail(warehouse: Warehouse, landing: Landing, instance: dg.DagsterInstance | None, first: date, last: date) -> list[Entry]:
    """Returns the entries of a range of US Eastern dates on which people acted, oldest first."""
    runs = _runs(instance, first, last) if instance else ()
    entries = [*_decisions(warehouse), *_names(landing), *runs]
    return sorted((entry for entry in entries if first <= eastern_date(entry.at) <= last), key=lambda entry: entry.at)


def _decisions(warehouse: Warehouse) -> Iterator[Entry]:
    """Yields the entries of the ledgers."""
    for row in _rows(warehouse, WAIVERS):
        yield _entry(row, "waived_at", "waiver", f"gate {row['gate']}", row["reason"])
    for row in _rows(warehouse, NOT_PLAYED):
        action = "marked as not played" if row["is_not_played"] else "mark withdrawn"
        yield _entry(row, "marked_at", action, f"game {row['game_id']}", row["reason"])
    for row in _rows(warehouse, RESOLUTIONS):
        subject = f"{row['quarantined_table']}: {row['quarantine_problem']}"
        yield _entry(row, "decided_at", f"quarantine {row['decision']}", subject, row["reason"])
    for row in _rows(warehouse, TABLES["alert_changes"]):
        if row["author"]:
            yield _entry(row, "changed_at", f"alert {row['change']}", f"{row['kind']} {row['subject']}", row["message"])
    for row in _rows(warehouse, ROLES_TABLE):
        if row["author"] != PLATFORM:
            yield _entry(row, "decided_at", f"system {row['decision']}", f"system {row['system_id']}", row["reason"])
    for row in _rows(warehouse, HALTS):
        if row["actor"] != PLATFORM:
            action = "picks halted" if row["is_halted"] else "picks resumed"
            yield Entry(row["recorded_at"], action, row["actor"], str(row["game_date"]), "all picks", row["note"])


def _rows(warehouse: Warehouse, table: Table) -> list[dict[str, Any]]:
    return warehouse.scan(table).collect().to_dicts()


def _entry(row: Mapping[str, Any], instant: str, action: str, subject: str, why: str) -> Entry:
    return Entry(row[instant], action, row["author"], str(row["game_date"]), subject, why)


def _names(landing: Landing) -> Iterator[Entry]:
    """Yields the names that were resolved. Resolutions of earlier versions have no author."""
    for day in sorted(landing.periods().get(NAMES, ())):
        for payload in landing.payloads(*NAMES, date.fromisoformat(day)):
            body = payload.json()
            who, why = body.get("author") or NOT_RECORDED, body.get("reason") or NOT_RECORDED
            yield Entry(payload.fetched_at, "name resolved", who, day, f"{body['spelling']!r} is player {body['player_id']}", why)


def _runs(instance: dg.DagsterInstance, first: date, last: date) -> Iterator[Entry]:
    """Yields the runs that a person started, as far as Dagster still has their records."""
    span = dg.RunsFilter(created_after=eastern(first, 0), created_before=eastern(last + timedelta(days=1), 0))
    for record in instance.get_run_records(span):
        run = record.dagster_run
        if not is_manual(run):
            continue
        mode = run.tags.get(MODE_TAG, "")
        tables = sorted(key.path[-1] for key in run.asset_selection or ())
        subject = ", ".join(filter(None, (run.job_name, mode, f"{len(tables)} tables" if len(tables) > 1 else "".join(tables))))
        who = run.tags.get(USER_TAG) or (NOT_RECORDED if run.tags.get(STARTED_BY_TAG) == COMMAND else "a user of the UI")
        why = run.tags.get(WHY_TAG) or NOT_RECORDED
        dates = sorted({run.tags[tag] for tag in (PARTITION_TAG, *RANGE_TAGS) if tag in run.tags})
        action = mode if mode in ("repair", "recheck", "quarantine_replay") else "manual run"
        at = record.create_timestamp.replace(tzinfo=UTC)
        yield Entry(at, action, who, " to ".join(dates), f"{subject}: {run.status.value.lower()}, run {run.run_id[:8]}", why)

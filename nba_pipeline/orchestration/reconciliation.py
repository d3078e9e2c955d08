"""Finds work that is due and not done: work of schedules, sensors and conditions that no run has completed.

Reads written dates from the warehouse, materializations from Dagster's events and attempts from Dagster's runs. Changes
nothing. The sensor `reconciliation` and the command `reconcile` start the work in order, one date at a time.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import takewhile

import dagster as dg

from nba_pipeline.completeness import gates, history, modes, slate_gates
from nba_pipeline.completeness.modes import (
    MODES,
    Mode,
    critical_tables,
    derived_from_games,
    due_instants,
    may_proceed_without,
    results,
    tables_of_mode,
)
from nba_pipeline.instance.materializations import materialized_at, materialized_dates
from nba_pipeline.instance.run_tags import DUE_TAG, MODE_TAG, PARTITION_TAG
from nba_pipeline.instance.runs_in_progress import spans_in_progress
from nba_pipeline.league.calendar import FIRST_DATE, days, eastern, eastern_date
from nba_pipeline.league.eastern_text import eastern_text
from nba_pipeline.orchestration.reloading import RELOAD, Reload, find_reloads
from nba_pipeline.orchestration.slates import Slate, read_slates
from nba_pipeline.orchestration.work import Work, attempts_at, attempts_of
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.declarations import declared
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.partitions import recovering

RECONCILE = "nba-pipeline reconcile"
DATA_VERSION_TAG = "dagster/data_version"
"""Dagster's tag for the data version of a materialization. An asset may set it to a version of the contents."""

MAX_COMPARED = 200
"""Maximum number of materializations to compare. More with the same contents are not expected for a date of a table."""


def find_work(
    instance: dg.DagsterInstance,
    warehouse: Warehouse,
    now: datetime,
    days_back: int | None = None,
    landing: Landing | None = None,
) -> list[Work]:
    """Returns all work that is due and not done, oldest date first. `attempts` marks work in progress or waiting for a retry.

    With a landing, includes landed but not loaded data of every date. Of the dates before the first box scores of the
    warehouse, only the last `catch_up_days` are covered. Older ones require a backfill.
    """
    dates = covered_dates(warehouse, now, days_back)
    undone = []
    for slate in recovering(lambda: list(read_slates(warehouse, dates, now))):
        for mode in MODES:
            due_at = last_due(mode, slate, now)
            work = _work_of_mode(instance, slate, mode, due_at, now) if due_at else None
            if mode == "overnight" and due_at is None:
                work = _evening_work(instance, slate, now)
            undone += [work] if work else []
    if landing is not None:
        undone = with_reloads(undone, instance, find_reloads(instance, warehouse, landing, now, dates), now)
    order = (RELOAD, *MODES)
    return sorted(undone, key=lambda work: (work.game_date, order.index(work.mode)))


def covered_dates(warehouse: Warehouse, now: datetime, days_back: int | None = None) -> list[date]:
    """Returns the dates whose work is searched: up to tomorrow, and not before the stored history."""
    today = eastern_date(now)
    days_back = SETTINGS.patience.catch_up_days if days_back is None else days_back
    first = max(today - timedelta(days=days_back), history.first_due_date(warehouse, today), FIRST_DATE)
    return days(first, today + timedelta(days=1))


def with_reloads(undone: Sequence[Work], instance: dg.DagsterInstance, reloads: Sequence[Reload], now: datetime) -> list[Work]:
    """Returns the work of the modes and the reloads, without duplicate tables.

    Past the deadline of a date, its reload comes first, because it sends no request. The overnight work of the date waits for
    that attempt. Before the deadline, or after a failed reload, the work of the mode fetches the tables.
    """
    records = instance.get_run_records(dg.RunsFilter(tags={MODE_TAG: RELOAD})) if reloads else []
    spans, works, waiting = spans_in_progress(instance) if reloads else [], list[Work](), set[date]()
    for reload in reloads:
        own = {PARTITION_TAG: reload.game_date.isoformat(), DUE_TAG: reload.due_at.isoformat()}
        attempts = attempts_of([record for record in records if own.items() <= record.dagster_run.tags.items()], spans, own)
        comes_first = now >= gates.deadline(reload.game_date) and not attempts.ended
        of_date = [work for work in undone if work.game_date == reload.game_date]
        taken = set[str]() if comes_first else {name for work in of_date for name in work.tables}
        waiting |= {reload.game_date} if comes_first else set()
        tables = tuple(name for name in reload.tables if name not in taken)
        if set(tables).intersection(reload.sources):
            works.append(Work(RELOAD, reload.game_date, reload.due_at, tables, reload.why, attempts, next_command=RECONCILE))
    return [*works, *(work for work in undone if work.mode != "overnight" or work.game_date not in waiting)]


def last_due(mode: Mode, slate: Slate, now: datetime) -> datetime | None:
    """Returns the latest due instant of the mode for the slate, ignoring instants within the grace period; None without one."""
    return modes.last_due(mode, slate.game_date, slate.tipoffs, now)


def _work_of_mode(instance: dg.DagsterInstance, slate: Slate, mode: Mode, due_at: datetime, now: datetime) -> Work | None:
    tables = tuple(table for table in tables_of_mode(mode) if table not in slate.closed)
    day = slate.game_date
    instants = materialized_dates(instance, tables, [day]).get(day, {})
    materialized = {table: instants.get(table) if table in slate.written else None for table in tables}
    # tables that a closed gate stops are not due before the deadline: the sensor final_games requests the missing box scores
    is_gated = mode == "overnight" and not slate.is_open and now < gates.deadline(day)
    due = [table for table in tables if not (is_gated and table in derived_from_games())]
    missing = [table for table in due if (at := materialized[table]) is None or at < due_at]
    grace = timedelta(minutes=SETTINGS.patience.grace_minutes)
    only_if_changed = {name for one in declared().values() for name in one.if_changed}
    changed = materialized | {name: changed_at(instance, name, day) for name in only_if_changed if name in materialized}
    stale = [table for table in due if table not in missing and _is_stale(table, changed, now - grace)]
    problems = _problems_of_games(slate, now) if mode == "overnight" else ()
    if not missing and not stale and not problems:
        return None
    states = {f"not materialized since {eastern_text(due_at)}": missing, "older than upstream tables": stale}
    why = "; ".join([*(f"{state}: {', '.join(names)}" for state, names in states.items() if names), *problems])
    attempts = attempts_at(instance, mode, day, due_at)
    if problems:
        return Work(mode, day, due_at, tables, why, attempts)
    optional = [table for table in missing if table not in critical_tables(mode) and table not in results()]
    required = {*missing, *stale} - set(optional)
    waited = now - _missing_since(due_instants(mode, day, slate.tipoffs), [materialized[table] for table in optional], due_at)
    until = slate.until_first_tipoff(now)
    may_omit = attempts.ended and required and may_proceed_without(len(optional), waited, until)
    omitted = tuple(optional) if may_omit else ()
    chosen = {*missing, *stale} - set(omitted)
    chosen |= {"schedule"} if "boxscores" in chosen else set()  # a box score counts once the schedule has its game as final
    is_urgent = mode == "same_day" and until is not None and until <= timedelta(minutes=SETTINGS.patience.last_call_minutes)
    return Work(mode, day, due_at, tuple(name for name in tables if name in chosen), why, attempts, omitted, is_urgent)


def _problems_of_games(slate: Slate, now: datetime) -> tuple[str, ...]:
    """Returns the messages about incomplete and unprocessed games of a slate, until box scores are no longer expected.

    Until the deadline, the sensor `final_games` requests late box scores.
    """
    if now >= eastern(slate.game_date + timedelta(days=slate_gates.OVERDUE_DAYS), 0):
        return ()
    late = slate.incomplete if now >= gates.deadline(slate.game_date) else ()
    return (*late, *slate.unprocessed)


def _evening_work(instance: dg.DagsterInstance, slate: Slate, now: datetime) -> Work | None:
    """Returns the summaries and grades that the automation conditions did not update after the evening's box scores.

    Applies before the first overnight call, so that a failed evening run does not wait for it.
    """
    day = slate.game_date
    collected_at = materialized_at(instance, "boxscores", day) if slate.unprocessed and slate.is_open else None
    if collected_at is None or collected_at + timedelta(minutes=SETTINGS.patience.grace_minutes) > now:
        return None
    attempts = attempts_at(instance, "overnight", day, collected_at)
    return Work("overnight", day, collected_at, derived_from_games(), "; ".join(slate.unprocessed), attempts)


def _missing_since(instants: Sequence[datetime], materialized: Sequence[datetime | None], due_at: datetime) -> datetime:
    """Returns the first due instant at which a table was missing. Later due instants do not restart the wait."""
    return min((at for at in instants if at < due_at and any(one is None or one < at for one in materialized)), default=due_at)


def _is_stale(table: str, materialized: Mapping[str, datetime | None], before: datetime) -> bool:
    """Whether the automation conditions missed an update: an upstream table is newer than this one, but not newer than `before`."""
    own = materialized[table]
    return own is not None and any(
        own < at <= before for name in declared()[table].follows if (at := materialized.get(name)) is not None
    )


def changed_at(instance: dg.DagsterInstance, table: str, day: date) -> datetime | None:
    """Returns when a date of a table last changed its data version, UTC; None if it was never materialized."""
    of_date = dg.AssetRecordsFilter(asset_key=dg.AssetKey(table), asset_partitions=[day.isoformat()])
    records = instance.fetch_materializations(of_date, limit=MAX_COMPARED).records
    newest = _data_version(records[0]) if records else None
    same = records[:1] if newest is None else takewhile(lambda record: _data_version(record) == newest, records)
    return min((datetime.fromtimestamp(record.timestamp, UTC) for record in same), default=None)


def _data_version(record: dg.EventLogRecord) -> str | None:
    materialization = record.asset_materialization
    return (materialization.tags or {}).get(DATA_VERSION_TAG) if materialization else None

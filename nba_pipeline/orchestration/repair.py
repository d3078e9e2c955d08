"""Repairs one date: finds the tables that lack rows, runs exactly those, and compares the date again.

A pass runs the missing tables whose upstream tables lack nothing. The next pass compares again: after a missing box score
arrives, its summary and its grades are missing. Each table runs once. The predictions of a slate that has begun are not
repaired, because they would be backtests.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import polars as pl

from nba_pipeline.completeness import gates, history, slate_gates
from nba_pipeline.completeness.expectations import playing
from nba_pipeline.completeness.modes import derived_from_games, first_due, grace, has_begun
from nba_pipeline.completeness.next_steps import loading_command
from nba_pipeline.errors import BadInput, Busy
from nba_pipeline.instance.run_tags import LONGEST_WHY, MODE_TAG, OFFLINE_TAG, WHY_TAG
from nba_pipeline.monitoring.landed_dates import loaded_before, missing_sources
from nba_pipeline.monitoring.phases import compare_phases
from nba_pipeline.monitoring.run_facts import read_runs
from nba_pipeline.orchestration.runner import Outcome, Runner
from nba_pipeline.tables.declarations import daily_tables, upstream_tables
from nba_pipeline.tables.registry import TABLES

REPAIR = "repair"
"""Value of the tag `nba/mode` of a run of a repair."""

WITH_BOXSCORES = ("schedule", "boxscores", "team_boxscores", "play_by_play", "players")
"""Tables that a missing box score also lacks. A box score counts once the schedule has its game as final."""

NAMED = 5


@dataclass(frozen=True)
class Missing:
    """What a date lacks: table -> reason."""

    tables: Mapping[str, str]
    landed: frozenset[str] = frozenset()
    """Those of the tables that are landed but not loaded."""
    blocked: Mapping[str, str] = field(default_factory=dict)
    """Incomplete table -> why a repair cannot write it."""


def refuse_running(runner: Runner, day: date) -> None:
    """Raises Busy while a run of the date is in progress."""
    if day in read_runs(runner.instance, [day], runner.clock).in_progress:
        raise Busy(f"a run of {day} is in progress; `nba-pipeline status --from {day} --to {day}` shows when it has ended")


def refuse(runner: Runner, day: date) -> None:
    """Raises Busy while a run of the date is in progress, BadInput for a date before the first stored one."""
    refuse_running(runner, day)
    refuse_before_history(runner, day)


def refuse_before_history(runner: Runner, day: date) -> None:
    """Raises BadInput for a date before the first stored one."""
    first = history.first_date(runner.warehouse)
    if first is None or day < first:
        stored = f"the first stored date is {first}" if first else "the home has no box scores"
        raise BadInput(f"--date {day} has no data: {stored}; first: {loading_command(runner.warehouse, day)}")


def find_missing(runner: Runner, day: date) -> Missing:
    """Returns what a date lacks now. A table that is not due lacks nothing."""
    warehouse, now = runner.warehouse, runner.clock.now()
    schedule = warehouse.scan(TABLES["schedule"], [day]).collect()
    tipoffs = playing(schedule)["tipoff_at"].to_list()
    due = {name for name, at in first_due(day, tipoffs).items() if at + grace() <= now}
    reasons = {name: "not written" for name in daily_tables() if name in due and day not in warehouse.dates(TABLES[name])}
    reasons |= {name: "its file was unreadable" for name in daily_tables() if day in warehouse.lost(TABLES[name])}
    landed = missing_sources(warehouse, runner.landing, day, loaded_before(runner.instance)).get(day, ())
    reasons |= dict.fromkeys(landed, "landed but not loaded")
    for comparison in compare_phases(warehouse, runner.landing, runner.clock, day):
        if comparison.is_due and comparison.missing:
            why = f"{comparison.unit} missing: {_some(comparison.missing)}"
            names = WITH_BOXSCORES if comparison.table == "boxscores" and comparison.unit == "games" else (comparison.table,)
            reasons |= {name: reasons.get(name, why) for name in names}
    blocked = {name: why for name, why in _blocked(runner, day, schedule).items() if name in reasons}
    ordered = {name: reasons[name] for name in daily_tables() if name in reasons and name not in blocked}
    return Missing(ordered, frozenset(landed), blocked)


def next_tables(missing: Missing, attempted: set[str]) -> tuple[str, ...]:
    """Returns the tables of the next pass: those not attempted whose upstream tables are complete or attempted. Sources run together."""
    waiting = {name for name in missing.tables if name not in attempted}
    upstream = {name: upstream_tables(name) & waiting for name in waiting}
    of_sources = waiting.intersection(daily_tables("sources"))
    return tuple(name for name in missing.tables if name in waiting and (name in of_sources or not upstream[name]))


def repair(runner: Runner, day: date) -> Iterator[Outcome]:
    """Runs the missing tables of a date, pass by pass. Landed tables are loaded without requests."""
    attempted = set[str]()
    while tables := next_tables(missing := find_missing(runner, day), attempted):
        landed = tuple(name for name in tables if name in missing.landed)
        chosen = landed or tables
        why = "; ".join(f"{name}: {missing.tables[name]}" for name in chosen)[:LONGEST_WHY]
        tags = {MODE_TAG: REPAIR, WHY_TAG: why} | ({OFFLINE_TAG: "true"} if landed else {})
        attempted |= set(chosen)
        yield runner.run("game_day", chosen, day, day, tags)


def _blocked(runner: Runner, day: date, schedule: pl.DataFrame) -> dict[str, str]:
    """Returns table -> why a repair cannot write it: a closed gate, or a slate that has begun."""
    warehouse, now = runner.warehouse, runner.clock.now()
    blocked = dict[str, str]()
    covered = gates.coverage(gates.judge_games(schedule, warehouse.scan(TABLES["boxscores"], [day]).collect()), [day])
    waivers = gates.standing_waivers(warehouse.scan(gates.WAIVERS, [day]).collect(), now)
    if not covered["is_open"][0] and waivers.is_empty():
        blocked |= dict.fromkeys(derived_from_games(), f"the gate {gates.COVERAGE_GATE} is closed")
    slates, _ = slate_gates.judge_slates(*slate_gates.before(warehouse, [day]), [day], now)
    if not slates["is_open"][0]:
        blocked |= dict.fromkeys(("features", "predictions"), "the gate the_last_slates_are_covered is closed")
    if has_begun(playing(schedule)["tipoff_at"].to_list(), now):
        blocked["predictions"] = "the slate has begun, so predictions would be backtests"
        written = [name for name in ("picks", "publications") if day in warehouse.dates(TABLES[name])]
        blocked |= dict.fromkeys(written, "the slate has begun, so nothing more is published")
    return blocked


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{', '.join(names[:NAMED])}{more}"

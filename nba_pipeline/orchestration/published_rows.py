"""Reads the rows of a published slate and of the record. The documents belong in `publishing/`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Any

import dagster as dg
import polars as pl

from nba_pipeline.asset_factory.code_versions import code_version
from nba_pipeline.errors import BadInput, Damaged
from nba_pipeline.governance.halts import read_halts, recorded
from nba_pipeline.governance.roles import champion_of, read_decisions
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import days
from nba_pipeline.monitoring.landed_dates import loaded_before
from nba_pipeline.monitoring.run_facts import read_runs
from nba_pipeline.monitoring.status import states
from nba_pipeline.publishing.slate import SlateRows
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.declarations import daily_tables
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.damage import with_next_step
from nba_pipeline.warehouse.landing import Landing

READS = ("predictions", "picks", "publications", "grades", "system_performance")
"""Tables whose update changes the published files."""

SNAPSHOTS = ("prop_lines", "injuries", "rosters")
"""Source tables whose newest snapshot is published."""

FORECAST = ("game_id", "player_id", "system_id", "market")
GRADED = ("prediction_id", "player_name", "team", "made_at", "over_probability")
"""Columns of `predictions` that the record needs in addition to those of `grades`."""


@dataclass(frozen=True)
class Sources:
    """The sources of an export: the resources of a run, and whether the league is simulated."""

    instance: dg.DagsterInstance
    warehouse: Warehouse
    landing: Landing
    clock: Clock
    is_simulated: bool


def refuse_unreadable(warehouse: Warehouse, day: date) -> None:
    """Raises Damaged if rows of the date are unreadable. The date would look like one without games or predictions.

    Raises BadInput if the schedule of the date is not loaded.
    """
    warehouse.check([TABLES["schedule"]], [day])
    closed = warehouse.closed(TABLES["predictions"], [day])
    lost = {of_date: with_next_step(message) for of_date, message in warehouse.lost(TABLES["schedule"]).items()}
    if reasons := [of_table[day] for of_table in (lost, closed) if day in of_table]:
        raise Damaged(f"not published: {'; '.join(reasons)}")
    if day not in warehouse.dates(TABLES["schedule"]):
        raise BadInput(f"the schedule of {day} is not loaded; first: `nba-pipeline run --date {day}`")


def date_states(sources: Sources, dates: Sequence[date]) -> Mapping[date, dict[str, Any]]:
    """Returns the state of each date with its reasons, as `status` shows them."""
    if not dates:
        return {}
    versions = {name: code_version(name) for name in daily_tables()}
    # the run of the export itself is in progress
    facts = replace(read_runs(sources.instance, dates, sources.clock), in_progress=frozenset())
    before = loaded_before(sources.instance)
    return states(sources.warehouse, sources.landing, sources.clock, dates, versions, before, facts)


def slate_rows(sources: Sources, day: date, state: Mapping[str, Any]) -> SlateRows:
    """Returns the rows of a slate. `state` is that of its date."""
    warehouse, clock, yesterday = sources.warehouse, sources.clock, day - timedelta(days=1)
    # a backtest is made after the game, so it was never a forecast
    live = warehouse.scan(TABLES["predictions"], [day]).filter(pl.col("run_kind") == "live")
    captures = warehouse.scan(TABLES["prop_lines"], [day]).group_by("game_id")
    return SlateRows(
        game_date=day,
        as_of=clock.now(),
        schedule=warehouse.scan(TABLES["schedule"], [day]).collect(),
        predictions=live.sort("version", descending=True).unique(FORECAST, keep="first", maintain_order=True).collect(),
        captures=captures.agg(pl.col("snapshot_at").max().alias("captured_at")).collect(),
        graded=graded_rows(warehouse, yesterday, yesterday).filter(
            pl.col("run_kind") == "live", pl.col("player_name").is_not_null()
        ),
        freshness=_freshness(warehouse, day),
        status=state,
        is_simulated=sources.is_simulated,
        picks=_picks(warehouse, day),
        halt=_halt(warehouse),
        champion=_champion(warehouse),
    )


def graded_rows(warehouse: Warehouse, first: date, last: date) -> pl.DataFrame:
    """Returns the latest grade of each prediction, with the columns `GRADED` of the prediction; null if it is not stored."""
    dates = days(first, last)
    grades = warehouse.scan(TABLES["grades"], dates).sort("grade_version", descending=True)
    latest = grades.unique(["game_date", *FORECAST, "run_kind"], keep="first", maintain_order=True)
    predictions = warehouse.scan(TABLES["predictions"], dates).select("game_date", *GRADED).unique(["game_date", "prediction_id"])
    return latest.join(predictions, on=["game_date", "prediction_id"], how="left").collect()


def record_dates(clock: Clock) -> tuple[date, date]:
    """Returns the first and last date of the published record."""
    last = clock.today - timedelta(days=1)
    return last - timedelta(days=SETTINGS.publishing.record_days - 1), last


def performance_rows(warehouse: Warehouse, first: date, last: date) -> pl.DataFrame:
    """Returns the rows of `system_performance` of the dates."""
    return warehouse.scan(TABLES["system_performance"], days(first, last)).collect()


def _picks(warehouse: Warehouse, day: date) -> pl.DataFrame:
    """Returns the best-ranked live pick of each player."""
    live = warehouse.scan(TABLES["picks"], [day]).filter((pl.col("run_kind") == "live") & pl.col("is_pick")).sort("rank")
    key = ["game_id", "player_id", "market"]
    return live.unique(key, keep="first", maintain_order=True).select(*key, "recommendation", "rank").collect()


def _halt(warehouse: Warehouse) -> str:
    """Returns why picks are halted; empty if they are not. An unreadable ledger counts as a halt."""
    try:
        halt = recorded(read_halts(warehouse))
    except Damaged:
        return "picks are halted: the ledger halts cannot be read"
    return halt.message if halt.is_halted else ""


def _champion(warehouse: Warehouse) -> str | None:
    """Returns the champion; None if the ledger of roles is unreadable."""
    try:
        return champion_of(read_decisions(warehouse))
    except Damaged:
        return None


def _freshness(warehouse: Warehouse, day: date) -> Mapping[str, datetime]:
    """Returns source table -> newest snapshot of the date. A table without one is omitted."""
    newest = {
        name: warehouse.scan(TABLES[name], [day]).select(pl.col("snapshot_at").max()).collect().item()
        for name in SNAPSHOTS
        if "snapshot_at" in TABLES[name].dtypes
    }
    return {name: at for name, at in newest.items() if at is not None}

"""The state that governs a run's picks and the reasons of its live predictions: champion, decay states and halt."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import TypeVar

import polars as pl

from nba_pipeline.completeness.not_played import OFF
from nba_pipeline.errors import PipelineError
from nba_pipeline.formulas.decay import Decay
from nba_pipeline.formulas.performance import ALL, GROUPS
from nba_pipeline.governance.decay_states import decays_of, read_windows
from nba_pipeline.governance.halts import HALTS, UNKNOWN, Facts, Halt, derive, read_halts, record_derived, standing_halt
from nba_pipeline.governance.roles import RETIRED, ROLES_TABLE, champion_of, read_decisions, record_initial, roles_of
from nba_pipeline.league.calendar import days
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse

logger = logging.getLogger("nba_pipeline.governance")
Value = TypeVar("Value")
UNREADABLE = (PipelineError, OSError, pl.exceptions.PolarsError)


@dataclass(frozen=True)
class Governed:
    """Champion, halt, and the decay state of each system."""

    champion: str
    halt: Halt = field(default_factory=lambda: Halt(False))
    decays: Mapping[str, Decay] = field(default_factory=dict)


def governed(warehouse: Warehouse, now: datetime, today: date, systems: tuple[str, ...], *, is_live: bool) -> Governed:
    """Returns the state for the picks of today, and records a new champion or halt.

    A run of past dates (`is_live` is false) records nothing and is never halted, because it publishes nothing. It raises
    Damaged if a date of the ledger of roles is closed, because the champion is then unknown.
    """
    if not is_live:
        return Governed(champion_of(read_decisions(warehouse)))
    decisions, halts = _ledgers(warehouse)
    if decisions is None or halts is None:
        return _ungoverned(decisions)
    state = _derived(warehouse, today, systems, record_initial(warehouse, now, decisions, systems), halts)
    return replace(state, halt=record_derived(warehouse, now, halts, state.halt))


def read_state(warehouse: Warehouse, today: date, systems: tuple[str, ...]) -> Governed:
    """Returns the state for the live predictions of today. Records nothing."""
    decisions, halts = _ledgers(warehouse)
    if decisions is None or halts is None:
        return _ungoverned(decisions)
    return _derived(warehouse, today, systems, decisions, halts)


def _ledgers(warehouse: Warehouse) -> tuple[pl.DataFrame | None, pl.DataFrame | None]:
    """Returns the decisions about roles and the changes of the halt; None for a ledger that cannot be read."""
    return _known(lambda: read_decisions(warehouse)), _known(lambda: read_halts(warehouse))


def _ungoverned(decisions: pl.DataFrame | None) -> Governed:
    """Returns a halt, because a ledger cannot be read."""
    name = ROLES_TABLE.name if decisions is None else HALTS.name
    return Governed(SETTINGS.governance.initial_champion, Halt(True, UNKNOWN, f"the ledger {name} cannot be read"))


def _derived(
    warehouse: Warehouse, today: date, systems: tuple[str, ...], decisions: pl.DataFrame, halts: pl.DataFrame
) -> Governed:
    """Returns the state after the decisions and changes, from the schedule, the predictions and the performance."""
    champion = champion_of(decisions)
    active = [name for name, role in roles_of(decisions, systems, systems).items() if role != RETIRED]
    decays = _known(lambda: decays_of(read_windows(warehouse, today), active))
    recent = _known(lambda: read_recent(warehouse, champion, today))
    played, predicted = _known(lambda: _game_dates(warehouse, today)), _known(lambda: _predicted_dates(warehouse, today))
    halt = derive(Facts(today, played, predicted, champion, decays, recent), standing_halt(halts))
    return Governed(champion, halt, decays or {})


def _known(read: Callable[[], Value]) -> Value | None:
    """Returns the result of `read`, or None if it raises, and logs the cause. An unknown state is a halt."""
    try:
        return read()
    except UNREADABLE as error:
        logger.warning("the state of the picks is unknown: %s", error)
        return None


def _game_dates(warehouse: Warehouse, today: date) -> set[date]:
    around = timedelta(days=SETTINGS.halts.off_season_days)
    schedule = warehouse.scan(TABLES["schedule"], days(today - around, today + around)).filter(pl.col("status") != OFF)
    return set(schedule.select("game_date").unique().collect()["game_date"])


def _predicted_dates(warehouse: Warehouse, today: date) -> set[date]:
    window = days(today - timedelta(days=SETTINGS.halts.off_season_days), today)
    live = warehouse.scan(TABLES["predictions"], window).filter(pl.col("run_kind") == "live")
    return set(live.select("game_date").unique().collect()["game_date"])


def read_recent(warehouse: Warehouse, champion: str, today: date) -> Mapping[str, float | None]:
    """Returns the champion's n, gap, gap_low and log_loss_gap in points over the days of a collapse, from rows of single days.

    The half-width of the interval of a weighted mean of days is sqrt(sum of (n x half-width)^2) / N.
    """
    window = days(today - timedelta(days=SETTINGS.halts.collapse_days), today - timedelta(days=1))
    is_all = pl.all_horizontal(pl.col(name) == ALL for name in GROUPS)
    is_champion = (pl.col("system_id") == champion) & (pl.col("run_kind") == "live") & (pl.col("window") == "day")
    is_market = pl.col("market") == SETTINGS.lines.market
    rows = warehouse.scan(TABLES["system_performance"], window).filter(is_all, is_champion, is_market).collect()
    n, half = pl.col("gap_n"), pl.col("gap") - pl.col("gap_low")
    lead_n = pl.col("log_loss_gap_n")
    total, gap, width, lead_total, lead = (
        rows.filter(pl.col("gap_low").is_not_null())
        .select(
            n.sum(),
            (n * pl.col("gap")).sum().alias("gap"),
            (n * half).pow(2).sum().sqrt().alias("width"),
            lead_n.sum(),
            (lead_n * pl.col("log_loss_gap")).sum().alias("lead"),
        )
        .row(0)
    )
    if not total:
        return {"n": 0, "gap": None, "gap_low": None, "log_loss_gap": None}
    low = (gap - width) / total
    return {"n": total, "gap": gap / total, "gap_low": low, "log_loss_gap": lead / lead_total if lead_total else None}

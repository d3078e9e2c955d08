"""Halts: whether picks are halted, why and since when. The ledger `halts` records each change.

The first reason that holds applies:

    off_season             no games within 21 days of today
    between_rounds         no games within 14 days of today
    manual                 an operator halted the picks
    fleet_blocked          the champion is BLOCKED and no other system is HEALTHY
    edge_collapse          the champion is worse than the line, or its log loss worse than the market's, over two weeks
    predictions_inactive   games and no live predictions for three days
    unknown                the state could not be derived

An unknown state is a halt.
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

import dataframely as dy
import polars as pl

from nba_pipeline.errors import BadInput
from nba_pipeline.formulas.decay import BLOCKED, HEALTHY, Decay
from nba_pipeline.governance.records import NUMBER, read_ledger, record, refuse_empty
from nba_pipeline.governance.roles import PLATFORM
from nba_pipeline.league.eastern_text import eastern_text
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import Row, Table, code
from nba_pipeline.warehouse import Warehouse

OFF_SEASON, BETWEEN_ROUNDS, MANUAL, FLEET_BLOCKED, EDGE_COLLAPSE, PREDICTIONS_INACTIVE, UNKNOWN = REASONS = (
    "off_season",
    "between_rounds",
    "manual",
    "fleet_blocked",
    "edge_collapse",
    "predictions_inactive",
    "unknown",
)
DECLARED = (OFF_SEASON, BETWEEN_ROUNDS, MANUAL)
"""Halts by the calendar or an operator. Picks are expected to be empty then."""

SOURCE = "nba-pipeline halt"


class HaltRows(Row):
    """Columns of `halts`. `game_date` is the date of the change."""

    decision_number = dy.Int64(min=1, description="increases with each change")
    is_halted = dy.Bool(description="false from a resumption on")
    halt_reason = code(REASONS, "why picks are halted; null after a resumption", nullable=True)
    since = dy.Datetime(time_zone="UTC", description="instant from which the state applies")
    metrics = dy.String(nullable=True, description="JSON: the numbers from which the platform derived a halt")
    note = dy.String(description="reason of the author")
    actor = dy.String(description="name of the author, or `platform`")
    recorded_at = dy.Datetime(time_zone="UTC", description="instant of the record; later than `since` if a halt was confirmed")


HALTS = Table("halts", grain="change", key=(NUMBER,), schema=HaltRows, write="add", is_ledger=True)


@dataclass(frozen=True)
class Halt:
    """Whether picks are halted. `since` is None for a halt that is not recorded yet."""

    is_halted: bool
    reason: str = ""
    note: str = ""
    metrics: Mapping[str, Any] = field(default_factory=dict)
    actor: str = PLATFORM
    since: datetime | None = None
    recorded_at: datetime | None = None

    @property
    def message(self) -> str:
        """The reason with its explanation."""
        return f"picks are halted: {self.reason} ({self.note})" if self.is_halted else "picks are not halted"


@dataclass(frozen=True)
class Facts:
    """The facts from which the state of a date is derived. None: unknown."""

    day: date
    game_dates: Collection[date] | None
    """Dates with games, around the day."""
    predicted_dates: Collection[date] | None
    """Dates with live predictions."""
    champion: str
    decays: Mapping[str, Decay] | None
    """Decay state of every system with a role, including the champion."""
    recent: Mapping[str, float | None] | None
    """The champion's n, gap_low and log_loss_gap over the days of a collapse."""


def read_halts(warehouse: Warehouse) -> pl.DataFrame:
    """Returns every recorded change in order. Raises Damaged like `read_ledger`."""
    return read_ledger(warehouse, HALTS)


def recorded(halts: pl.DataFrame) -> Halt:
    """Returns the state after the recorded changes. Without a record, picks are not halted."""
    if halts.is_empty():
        return Halt(False)
    row = halts.row(-1, named=True)
    metrics = json.loads(row["metrics"]) if row["metrics"] else {}
    return Halt(row["is_halted"], row["halt_reason"] or "", row["note"], metrics, row["actor"], row["since"], row["recorded_at"])


def standing_halt(halts: pl.DataFrame) -> Halt:
    """Returns the last decision of an operator. Halts by the platform do not end it."""
    return recorded(halts.filter(pl.col("actor") != PLATFORM))


def derive(facts: Facts, manual: Halt) -> Halt:
    """Returns the state of a date. The first reason that holds applies. `manual` is the last decision of an operator."""
    settings = SETTINGS.halts
    if facts.game_dates is None or facts.predicted_dates is None:
        return _halt(UNKNOWN, "the games or the predictions could not be read")
    distances = [abs((game_date - facts.day).days) for game_date in facts.game_dates]
    nearest = min(distances, default=None)
    if nearest is None or nearest > settings.off_season_days:
        return _halt(OFF_SEASON, f"no games within {settings.off_season_days} days")
    if nearest > settings.between_rounds_days:
        return _halt(BETWEEN_ROUNDS, f"no games within {settings.between_rounds_days} days")
    if manual.is_halted:
        return manual
    if facts.decays is None or facts.recent is None:
        return _halt(UNKNOWN, "the performance of the systems could not be read")
    return _of_the_fleet(facts, facts.decays) or _collapse(facts, facts.recent) or _inactive(facts) or Halt(False)


def _of_the_fleet(facts: Facts, decays: Mapping[str, Decay]) -> Halt | None:
    champion = decays.get(facts.champion, Decay())
    others = [name for name, decay in decays.items() if name != facts.champion and decay.state == HEALTHY and not decay.is_thin]
    if champion.state != BLOCKED or others:
        return None
    metrics = {"champion": facts.champion, "gap": champion.gap, "gap_low": champion.gap_low, "n": champion.n}
    return _halt(FLEET_BLOCKED, f"{facts.champion} is BLOCKED and no other system is HEALTHY", metrics)


def _collapse(facts: Facts, recent: Mapping[str, float | None]) -> Halt | None:
    settings, n = SETTINGS.halts, recent.get("n") or 0
    if n < settings.collapse_rows:
        return None
    low, lead = recent.get("gap_low"), recent.get("log_loss_gap")
    largest = SETTINGS.governance.decay_gap
    if low is not None and low > largest:
        return _halt(
            EDGE_COLLAPSE, f"the interval of {facts.champion}'s gap begins at {low:+.2f} points, above {largest:+g}", recent
        )
    if lead is not None and lead > settings.collapse_log_loss_gap:
        limit = settings.collapse_log_loss_gap
        return _halt(
            EDGE_COLLAPSE, f"the log loss of {facts.champion} is {lead:+.4f} above the market's, limit {limit:g}", recent
        )
    return None


def _inactive(facts: Facts) -> Halt | None:
    """Looks back from the day before, because the predictions of the day may not be due yet."""
    days = SETTINGS.halts.inactive_days
    before = {facts.day - timedelta(days=n) for n in range(1, days + 1)}
    played, predicted = before.intersection(facts.game_dates or ()), before.intersection(facts.predicted_dates or ())
    has_begun = any(predicted_date < facts.day for predicted_date in facts.predicted_dates or ())
    if len(played) < days or predicted or not has_begun:
        return None
    return _halt(PREDICTIONS_INACTIVE, f"games and no live predictions from {min(before)} to {max(before)}")


def _halt(reason: str, note: str, metrics: Mapping[str, Any] | None = None) -> Halt:
    return Halt(True, reason, note, metrics or {})


def record_derived(warehouse: Warehouse, now: datetime, halts: pl.DataFrame, state: Halt) -> Halt:
    """Records a state that differs from the recorded one. Returns the state with its instant.

    The platform is also the author of a manual halt that applies again, because a record by an operator confirms a halt.
    """
    latest = recorded(halts)
    if (latest.is_halted, latest.reason) == (state.is_halted, state.reason):
        return latest if latest.since else state
    _record(warehouse, now, halts, replace(state, actor=PLATFORM))
    return recorded(read_halts(warehouse))


def halt(warehouse: Warehouse, now: datetime, reason: str, author: str) -> str:
    """Records a halt by an operator, or confirms the standing one. Returns a message."""
    refuse_bad_author(reason, author)
    halts = read_halts(warehouse)
    standing = standing_halt(halts)
    since = standing.since if standing.is_halted and standing.since else now
    _record(warehouse, now, halts, Halt(True, MANUAL, reason.strip(), {}, author.strip(), since))
    is_confirmed = standing.is_halted
    return f"the halt since {eastern_text(since)} is confirmed" if is_confirmed else "picks are halted from now on"


def resume(warehouse: Warehouse, now: datetime, reason: str, author: str) -> str:
    """Records that an operator resumed the picks. Returns a message. Raises BadInput if no operator halted them."""
    refuse_bad_author(reason, author)
    halts = read_halts(warehouse)
    latest = recorded(halts)
    if not standing_halt(halts).is_halted:
        cause = f"{latest.message}; this halt ends when its cause ends" if latest.is_halted else "picks are not halted"
        raise BadInput(f"no operator has halted the picks: {cause}")
    _record(warehouse, now, halts, Halt(False, "", reason.strip(), {}, author.strip(), now))
    return "picks resume with the next run, unless another cause halts them"


def refuse_bad_author(reason: str, author: str) -> None:
    """Raises BadInput for an empty option, and for the author of halts that the platform derives."""
    refuse_empty(reason=reason, author=author)
    if author.strip() == PLATFORM:
        raise BadInput(f"--author must not be {PLATFORM}, which is the author of halts that the platform derives")


def _record(warehouse: Warehouse, now: datetime, halts: pl.DataFrame, state: Halt) -> None:
    row = {
        "is_halted": state.is_halted,
        "halt_reason": state.reason or None,
        "since": state.since or now,
        "metrics": json.dumps(dict(state.metrics), sort_keys=True) if state.metrics else None,
        "note": state.note or "the cause has ended",
        "actor": state.actor,
        "recorded_at": now,
    }
    record(warehouse, HALTS, now, halts, row, SOURCE)

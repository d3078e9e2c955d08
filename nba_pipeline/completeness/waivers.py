"""Waivers of closed gates by an operator. The ledger `waivers` records the author, reason and end.

`gates` reads the ledger and decides which games of a waived date are eligible.
"""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import polars as pl

from nba_pipeline.completeness import gates
from nba_pipeline.errors import BadInput
from nba_pipeline.league.calendar import eastern_date
from nba_pipeline.league.eastern_text import eastern_text
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse

WAIVABLE = (gates.COVERAGE_GATE,)
"""Gates that can be waived. The gates of slates and of readiness cannot: they open when the missing data is loaded."""

SOURCE = "nba-pipeline waive"
CODE_VERSION = "1"


def refuse_invalid_waiver(now: datetime, day: date, gate: str, reason: str, author: str, ends_at: datetime | None) -> None:
    """Raises BadInput, with the option and its value, for a waiver that has no effect or lacks a reason or author."""
    if day > eastern_date(now):
        raise BadInput(f"--date {day} is after today, {eastern_date(now)}: none of its games can be final yet")
    if gate not in WAIVABLE:
        raise BadInput(f"--gate is {gate!r}; gates that can be waived: {', '.join(WAIVABLE)}")
    for option, text in (("--reason", reason), ("--author", author)):
        if not text.strip():
            raise BadInput(f"{option} must not be empty, it is {text!r}")
    if ends_at is not None and ends_at <= now:
        raise BadInput(f"--until {ends_at.isoformat()} is not after now, {eastern_text(now)}")


def refuse_open_gate(warehouse: Warehouse, day: date, gate: str) -> None:
    """Raises BadInput for a gate that is open, and for a date without final games."""
    covered = _covered(warehouse, day)
    if not covered["final_games"]:
        raise BadInput(f"no game of --date {day} is final yet: {gate} is not closed")
    if covered["is_open"]:
        raise BadInput(
            f"--gate {gate} of --date {day} is open: {covered['complete_games']} of {covered['final_games']} final games have a "
            "complete box score"
        )


def waive(
    warehouse: Warehouse, now: datetime, day: date, gate: str, reason: str, author: str, ends_at: datetime | None
) -> list[str]:
    """Adds a waiver and returns messages about its effect.

    Raises BadInput like `refuse_invalid_waiver`, and if the gate is already waived.
    """
    refuse_invalid_waiver(now, day, gate, reason, author, ends_at)
    existing = warehouse.scan(gates.WAIVERS, [day]).collect()
    standing = gates.standing_waivers(existing, now).filter(pl.col("gate") == gate).sort("waived_at")
    if standing.height:
        first = standing.row(0, named=True)
        raise BadInput(
            f"--gate {gate} of --date {day} is already waived, by {first['author']} on {eastern_date(first['waived_at'])} "
            f"{_until(first['ends_at'])} ({first['reason']})"
        )
    row = {
        "game_date": day,
        "gate": gate,
        "reason": reason.strip(),
        "author": author.strip(),
        "waived_at": now,
        "ends_at": ends_at,
        "source": SOURCE,
    }
    warehouse.add(gates.WAIVERS, [day], gates.WAIVERS.row(row, now, CODE_VERSION), f"{SOURCE} by {author.strip()}")
    return [
        f"{gate} of {day} is waived {_until(ends_at)}, by {author.strip()}: {reason.strip()}",
        *_consequences(_covered(warehouse, day), day),
    ]


def _covered(warehouse: Warehouse, day: date) -> dict[str, Any]:
    """Returns the coverage of a date, see `gates.coverage`."""
    schedule, boxscores = (warehouse.scan(TABLES[name], [day]).collect() for name in ("schedule", "boxscores"))
    return gates.coverage(gates.judge_games(schedule, boxscores), [day]).row(0, named=True)


def _consequences(covered: Mapping[str, Any], day: date) -> list[str]:
    """Returns the number of complete games, the excluded games, and the command that processes the date."""
    complete = f"{covered['complete_games']} of {covered['final_games']} final games have a complete box score"
    excluded = f"; excluded: {', '.join(covered['missing'])}" if covered["missing"] else ""
    return [f"{complete}{excluded}", f"next: nba-pipeline run --date {day} --mode overnight"]


def _until(ends_at: datetime | None) -> str:
    return "permanently" if ends_at is None else f"until {eastern_text(ends_at)}"

"""Waivers of closed gates by an operator. The ledger `waivers` records the author, reason and end.

`gates` reads the ledger and decides which games of a waived date are eligible.
"""

from datetime import date, datetime

import polars as pl

from nba_pipeline.completeness import gates
from nba_pipeline.errors import BadInput
from nba_pipeline.league.calendar import eastern_date
from nba_pipeline.tables.table import TABLES
from nba_pipeline.warehouse import Warehouse

WAIVABLE = (gates.COVERAGE_GATE,)
"""Gates that can be waived. The gates of slates and of readiness cannot: they open when the missing data is loaded."""

SOURCE = "nba-pipeline waive"
CODE_VERSION = "1"


def refuse_nonsense(now: datetime, day: date, gate: str, reason: str, author: str, ends_at: datetime | None) -> None:
    """Raises BadInput, with the option and its value, for a waiver that has no effect or lacks a reason or author."""
    if day > eastern_date(now):
        raise BadInput(f"--date {day} is after today, {eastern_date(now)}: none of its games can be final yet")
    if gate not in WAIVABLE:
        raise BadInput(f"--gate is {gate!r}; the gates that can be waived: {', '.join(WAIVABLE)}")
    for option, text in (("--reason", reason), ("--author", author)):
        if not text.strip():
            raise BadInput(f"{option} must not be empty, it is {text!r}")
    if ends_at is not None and ends_at <= now:
        raise BadInput(f"--until {ends_at.isoformat()} is not after now, {now.isoformat(timespec='seconds')}")


def waive(
    warehouse: Warehouse, now: datetime, day: date, gate: str, reason: str, author: str, ends_at: datetime | None
) -> list[str]:
    """Adds a waiver and returns messages about its effect.

    Raises BadInput as `refuse_nonsense` does, and if the gate is already waived.
    """
    refuse_nonsense(now, day, gate, reason, author, ends_at)
    there = warehouse.scan(gates.WAIVERS, [day]).collect()
    standing = gates.standing_waivers(there, now).filter(pl.col("gate") == gate).sort("waived_at")
    if standing.height:
        first = standing.row(0, named=True)
        raise BadInput(
            f"--gate {gate} of --date {day} is waived already, by {first['author']} on {eastern_date(first['waived_at'])} "
            f"{_until(first['ends_at'])} ({first['reason']})"
        )
    row = {
        "game_date": [day], "gate": [gate], "reason": [reason.strip()], "author": [author.strip()], "waived_at": [now],
        "ends_at": [ends_at], "source": [SOURCE],
    }  # fmt: skip
    # the schema gives the type of a null end
    frame = pl.DataFrame(row, schema={name: gates.WAIVERS.dtypes[name] for name in row})
    rows, _ = gates.WAIVERS.conform(frame, now, CODE_VERSION)
    warehouse.add(gates.WAIVERS, [day], rows, f"{SOURCE} by {author.strip()}")
    return [f"{gate} of {day} is waived {_until(ends_at)}, by {author.strip()}: {reason.strip()}", *_consequences(warehouse, day)]


def _consequences(warehouse: Warehouse, day: date) -> list[str]:
    """Returns the number of complete games, the excluded games, and the command that processes the date."""
    schedule, boxscores = (warehouse.scan(TABLES[name], [day]).collect() for name in ("schedule", "boxscores"))
    covered = gates.coverage(gates.judge_games(schedule, boxscores), [day]).row(0, named=True)
    told = f"{covered['complete_games']} of {covered['final_games']} final games have a complete box score"
    left_out = f"; left out: {', '.join(covered['missing'])}" if covered["missing"] else ""
    is_open = " (enough: the gate is open without a waiver)" if covered["is_open"] else ""
    return [f"{told}{is_open}{left_out}", f"they go on with: nba-pipeline run --date {day} --mode overnight"]


def _until(ends_at: datetime | None) -> str:
    return "for good" if ends_at is None else f"until {ends_at.isoformat(timespec='seconds')}"

"""Letting a date through a closed gate, on somebody's word: who, why and until when goes to the ledger `waivers`.

Which gates read the ledger stands in `gates`; what a waived date then goes on with is decided there, too.
"""

from datetime import date, datetime

import polars as pl

from nba_pipeline.completeness import gates
from nba_pipeline.errors import BadInput
from nba_pipeline.league.calendar import eastern_date
from nba_pipeline.tables.table import TABLES
from nba_pipeline.warehouse import Warehouse

WAIVABLE = (gates.COVERAGE_GATE,)
"""The gates that ask for waivers. Those of slates and of readiness do not: their way is to bring what is missing."""

SOURCE = "nba-pipeline waive"
CODE_VERSION = "1"


def refuse_nonsense(now: datetime, day: date, gate: str, reason: str, author: str, ends_at: datetime | None) -> None:
    """Raises BadInput, naming the option and its value, for a waiver that could open nothing or that says too little."""
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
    """Add the waiver, and say in sentences what it does. Raises BadInput as above, and when one stands already."""
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
    # the schema says the type of an end that is null
    frame = pl.DataFrame(row, schema={name: gates.WAIVERS.dtypes[name] for name in row})
    rows, _ = gates.WAIVERS.conform(frame, now, CODE_VERSION)
    warehouse.add(gates.WAIVERS, [day], rows, f"{SOURCE} by {author.strip()}")
    return [f"{gate} of {day} is waived {_until(ends_at)}, by {author.strip()}: {reason.strip()}", *_consequences(warehouse, day)]


def _consequences(warehouse: Warehouse, day: date) -> list[str]:
    """What goes on now, what is left out, and the command that makes it go on."""
    schedule, boxscores = (warehouse.scan(TABLES[name], [day]).collect() for name in ("schedule", "boxscores"))
    covered = gates.coverage(gates.judge_games(schedule, boxscores), [day]).row(0, named=True)
    told = f"{covered['complete_games']} of {covered['final_games']} final games have a complete box score"
    left_out = f"; left out: {', '.join(covered['missing'])}" if covered["missing"] else ""
    is_open = " (enough: the gate is open without a waiver)" if covered["is_open"] else ""
    return [f"{told}{is_open}{left_out}", f"they go on with: nba-pipeline run --date {day} --mode overnight"]


def _until(ends_at: datetime | None) -> str:
    return "for good" if ends_at is None else f"until {ends_at.isoformat(timespec='seconds')}"

"""The graded record on the terminal."""

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

import polars as pl
from rich.box import SIMPLE_HEAD
from rich.table import Table as RichTable

from nba_pipeline.cli.consoles import out, print_line
from nba_pipeline.evaluation.graded_record import COLUMNS, record_of

if TYPE_CHECKING:
    from nba_pipeline.cli.reading import Reading

GRADES = f"""
SELECT game_date, {", ".join(COLUMNS)} FROM latest_grades WHERE game_date BETWEEN DATE '{{first}}' AND DATE '{{last}}'
"""

COUNTS = ("graded", "bets", "hit rate", "push", "void", "no bet", "with line", "MAE", "gap to the line", "MAE of all")
HIDDEN_AT_80_COLUMNS = ("graded", "push", "void", "no bet", "MAE of all")
MIN_WIDTH = 110
"""Narrower terminals show fewer columns."""


def grades_of(tables: "Reading", first: date, last: date) -> pl.DataFrame:
    """Returns the newest grade of each prediction in a range of dates."""
    return tables.sql(GRADES.format(first=first, last=last))


def print_record(grades: pl.DataFrame) -> None:
    """Print the record of graded predictions per system and of the line: hit rate, error and gap to the line, with N and interval."""
    if grades.is_empty():
        return
    rows = record_of(grades)
    several = rows["market"].n_unique() > 1
    table = RichTable(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    title = f"Graded {min(grades['game_date'])} to {max(grades['game_date'])}; hit rate = wins / (wins + losses), 95 % intervals; break-even 52.4 %"
    for name in ("system", *["market"] * several, "kind"):
        table.add_column(name)
    shown = [name for name in COUNTS if out.width >= MIN_WIDTH or name not in HIDDEN_AT_80_COLUMNS]
    for name in shown:
        table.add_column(name, justify="right")
    for row in rows.iter_rows(named=True):
        numbers = dict(zip(COUNTS, _numbers(row), strict=True))
        table.add_row(row["system_id"], *[row["market"]] * several, row["run_kind"], *(numbers[name] for name in shown))
    print_line(f"\n{title}", style="bold")
    out.print(table)
    print_line("Bets are the recommendations OVER and UNDER, actionable or not.")
    print_line("MAE and gap are over the players who played and had a line from before tip-off.")
    print_line("The gap is the MAE of the system minus the MAE of the line for the same players.")


def _numbers(row: Mapping[str, Any]) -> list[str]:
    """Returns the cells of `COUNTS`. The line itself has no bets."""
    counts = [_count(row[name]) for name in ("pushes", "voids", "no_bets", "lined")]
    rate = "" if row["hit_rate"] is None else f"{row['hit_rate']:.1%} ({row['hit_rate_low']:.1%}-{row['hit_rate_high']:.1%})"
    gap = "" if row["gap_high"] is None else f"{row['gap']:+.2f} ± {row['gap_high'] - row['gap']:.2f}"
    errors = (_decimal(row["mae"]), gap, _decimal(row["mae_all"]))
    return [_count(row["graded"]), _count(row["bets"]), rate, *counts, *errors]


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"


def _decimal(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"

"""The graded record of a range of dates on the terminal."""

from collections.abc import Mapping
from datetime import date
from typing import TYPE_CHECKING, Any

from rich.box import SIMPLE_HEAD
from rich.table import Table as RichTable

from nba_pipeline.cli.consoles import out, print_line
from nba_pipeline.formulas.wilson import wilson_interval
from nba_pipeline.warehouse.views import OUTCOMES

if TYPE_CHECKING:
    from nba_pipeline.orchestration.runner import Runner

RECORD = f"""
SELECT system_id, market, run_kind, {OUTCOMES} FROM latest_grades
WHERE game_date BETWEEN DATE '{{first}}' AND DATE '{{last}}' GROUP BY system_id, market, run_kind ORDER BY system_id, market, run_kind
"""

COUNTS_AND_ERRORS = ("graded", "bets", "hit rate", "push", "void", "no bet", "with line", "MAE", "line MAE", "MAE of all")
HIDDEN_AT_80_COLUMNS = ("graded", "push", "void", "no bet", "MAE of all")
MIN_WIDTH = 110
"""Narrower terminals show fewer columns."""


def print_record(work: "Runner", first: date, last: date) -> None:
    """Print the graded record of a range per system: hit rate with N and interval, and the error next to the line's."""
    rows = work.warehouse.sql(RECORD.format(first=first, last=last))
    if rows.is_empty():
        return
    several = rows["market"].n_unique() > 1
    table = RichTable(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    title = f"Graded {first} to {last}; hit rate = wins / (wins + losses), 95 % interval; break-even 52.4 %"
    for name in ("system", *["market"] * several, "kind"):
        table.add_column(name)
    shown = [name for name in COUNTS_AND_ERRORS if out.width >= MIN_WIDTH or name not in HIDDEN_AT_80_COLUMNS]
    for name in shown:
        table.add_column(name, justify="right")
    for row in rows.iter_rows(named=True):
        numbers = dict(zip(COUNTS_AND_ERRORS, _numbers(row), strict=True))
        table.add_row(row["system_id"], *[row["market"]] * several, row["run_kind"], *(numbers[name] for name in shown))
    print_line(f"\n{title}", style="bold")
    out.print(table)
    print_line("MAE and line MAE are over the same rows: players who played and had a line from before tip-off.")


def _numbers(row: Mapping[str, Any]) -> list[str]:
    """Returns the cells of `COUNTS_AND_ERRORS`."""
    bets = row["wins"] + row["losses"]
    interval = wilson_interval(row["wins"], bets)
    rate = f"{row['wins'] / bets:.1%} ({interval[0]:.1%}-{interval[1]:.1%})" if interval else ""
    counts = [f"{row[name]:,}" for name in ("pushes", "voids", "no_bets", "lined")]
    return [f"{row['graded']:,}", f"{bets:,}", rate, *counts, *(_decimal(row[name]) for name in ("mae", "line_mae", "mae_all"))]


def _decimal(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"

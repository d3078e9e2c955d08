"""The graded record of a range of dates on the terminal."""

from datetime import date
from typing import TYPE_CHECKING

from rich.table import Table as RichTable

from nba_pipeline.cli.consoles import out
from nba_pipeline.formulas.wilson import wilson_interval
from nba_pipeline.warehouse.views import OUTCOMES

if TYPE_CHECKING:
    from nba_pipeline.orchestration.runner import Runner

RECORD = f"""
SELECT system_id, market, run_kind, {OUTCOMES} FROM latest_grades
WHERE game_date BETWEEN DATE '{{first}}' AND DATE '{{last}}' GROUP BY system_id, market, run_kind ORDER BY system_id, market, run_kind
"""


def print_record(work: "Runner", first: date, last: date) -> None:
    """Print the graded record of a range per system: hit rate with N and interval, and the error next to the line's."""
    rows = work.warehouse.sql(RECORD.format(first=first, last=last))
    if rows.is_empty():
        return
    several = rows["market"].n_unique() > 1
    table = RichTable(title=f"Graded {first} to {last}; hit rate = wins / (wins + losses), 95 % interval; break-even 52.4 %")
    for name in (
        "system",
        *["market"] * several,
        "kind",
        "graded",
        "bets",
        "hit rate",
        "push",
        "void",
        "no bet",
        "with line",
        "MAE",
        "line MAE",
        "MAE of all",
    ):
        table.add_column(name, justify="left" if name in ("system", "market", "kind") else "right")
    for row in rows.iter_rows(named=True):
        bets = row["wins"] + row["losses"]
        rate = ""
        if interval := wilson_interval(row["wins"], bets):
            low, high = interval
            rate = f"{row['wins'] / bets:.1%} ({low:.1%}-{high:.1%})"
        table.add_row(
            row["system_id"], *[row["market"]] * several, row["run_kind"], f"{row['graded']:,}", f"{bets:,}", rate, str(row["pushes"]), str(row["voids"]), f"{row['no_bets']:,}",
            f"{row['lined']:,}", _shown(row["mae"], 2), _shown(row["line_mae"], 2), _shown(row["mae_all"], 2),
        )  # fmt: skip
    out.print(table)
    out.print("MAE and line MAE are over the same rows: players who played and had a line from before tip-off.", highlight=False)


def _shown(value: float | None, digits: int = 1) -> str:
    return "" if value is None else f"{value:.{digits}f}"

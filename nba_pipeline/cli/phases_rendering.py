"""The comparison of a date's phases on the terminal: one row per step, then the missing and unexpected names."""

from collections.abc import Sequence
from datetime import date

from rich.table import Table as RichTable

from nba_pipeline.cli.consoles import out, print_line, printable
from nba_pipeline.monitoring.phases import Comparison
from nba_pipeline.tables.wording import counted

NAMED = 20
STYLES = {"error": "red", "warning": "yellow", "ok": "green", "not due": "dim"}
"""Verdict -> its style."""


def print_phases(day: date, comparisons: Sequence[Comparison]) -> None:
    """Print the comparisons of a date."""
    if not comparisons:
        print_line(f"no game is played on {day}: there is nothing to compare")
        return
    table = RichTable(box=None, pad_edge=False)
    for column in ("table", "unit", "expected", "actual/expected", "without origin", "verdict"):
        table.add_column(column, justify="right" if column in ("actual/expected", "without origin") else "left")
    for comparison in comparisons:
        numbers = f"{comparison.actual}/{comparison.expected}", str(len(comparison.unexpected) or "")
        table.add_row(
            comparison.table, comparison.unit, comparison.origin, *numbers, comparison.verdict, style=STYLES[comparison.verdict]
        )
    print_line(f"Phases of {day}", style="bold")
    out.print(table)
    for comparison in comparisons:
        if comparison.is_due:
            _print_names(f"{comparison.table} lacks", comparison.unit, comparison.missing)
            _print_names(f"{comparison.table} has without origin", comparison.unit, comparison.unexpected)
    if any(comparison.verdict in ("error", "warning") for comparison in comparisons):
        print_line(f"next: nba-pipeline repair --date {day}")


def _print_names(what: str, unit: str, names: Sequence[str]) -> None:
    if names:
        more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
        number = counted(len(names), unit.removesuffix("s"))
        print_line(f"  {what} {number}: {printable(', '.join(names[:NAMED])).plain}{more}")

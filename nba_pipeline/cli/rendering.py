"""Decisions of the daemon and circuit breakers on the terminal."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from nba_pipeline.cli.consoles import out, print_line
from nba_pipeline.league.calendar import EASTERN
from nba_pipeline.league.eastern_text import eastern_text
from nba_pipeline.providers.circuit_breakers import Breaker, State

SECONDS = "%Y-%m-%d %H:%M:%S"
STYLES: Mapping[State, str] = {"closed": "green", "open": "red", "half_open": "yellow"}


def print_decisions(records: Sequence[Mapping[str, Any]], start: datetime, end: datetime) -> None:
    """Print one row per decision. Consecutive skips with the same reason are one row."""
    span = f"{eastern_text(start, SECONDS)} to {eastern_text(end, SECONDS)}"
    if not records:
        print_line(f"no decisions from {span}")
        return
    table = RichTable(title=f"Decisions from {span}")
    for column in ("at (US Eastern)", "name", "kind", "decision", "times", "reason or runs"):
        table.add_column(column, justify="right" if column == "times" else "left", overflow="fold")
    for record in records:
        runs = [" ".join(filter(None, (run["id"], run["partition"], run["mode"], run["why"]))) for run in record["runs"]]
        at, until = (_instant(datetime.fromisoformat(record[name])) for name in ("at", "until"))
        reason = f"{record['reason']} (until {until})" if record["times"] > 1 else record["reason"]
        text = "\n".join(filter(None, (reason, *runs)))
        table.add_row(at, record["name"], record["kind"], record["decision"], str(record["times"]), escape(text))
    out.print(table)


def print_breakers(breakers: Sequence[Breaker], console: Console = out) -> None:
    """Print the breakers as a table, with instants in US Eastern."""
    if not breakers:
        console.print("every breaker is closed", highlight=False)
        return
    table = RichTable("breaker", "state", "failures in a row", "since (US Eastern)", "until (US Eastern)", "last problem")
    for breaker in breakers:
        table.add_row(
            breaker.subject,
            f"[{STYLES[breaker.state]}]{breaker.state}[/]",
            str(breaker.failures or ""),
            _instant(breaker.since),
            _instant(breaker.until),
            escape(breaker.problem),
        )
    console.print(table)


def _instant(at: datetime | None) -> str:
    return f"{at.astimezone(EASTERN):{SECONDS}}" if at else ""

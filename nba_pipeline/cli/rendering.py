"""The status grid, decisions of the daemon and circuit breakers on the terminal."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from nba_pipeline.cli.consoles import out
from nba_pipeline.providers.circuit_breakers import Breaker, State

SHOWN_IN_STATUS = (
    "boxscores", "prop_lines", "injuries", "player_game_summary", "upcoming_players", "features", "predictions", "grades",
)  # fmt: skip
"""Tables in the printed grid. `--format json` has all tables."""

STYLES: Mapping[State, str] = {"closed": "green", "open": "red", "half_open": "yellow"}


def print_status(records: list[dict[str, Any]]) -> None:
    """Print the grid of dates, then reasons, missing data, games not played, waivers, incidents and stale tables."""
    table = RichTable()
    names = [name for name in records[0]["rows"] if name in SHOWN_IN_STATUS]
    for column in ("date", "state", "games", "complete_/ final", *names, "quarantined"):
        is_text = column in ("date", "state")
        table.add_column(column.replace("_", "\n"), justify="left" if is_text else "right", no_wrap=True)
    for record in records:
        rows = ["" if record["rows"][name] is None else f"{record['rows'][name]:,}" for name in names]
        parked = sum(record["quarantined"].values())
        table.add_row(
            record["game_date"],
            record["state"],
            str(record["games"]),
            f"{record['complete_games']}/{record['final_games']}",
            *rows,
            str(parked or ""),
        )
    out.print(table)
    for record in records:
        for reason in record["reasons"]:
            out.print(f"{record['game_date']} {reason}", highlight=False, soft_wrap=True, markup=False)
        for name in record["missing"]:
            if name not in record["reasons"] and record["state"] != "NOT_DUE":
                out.print(f"{record['game_date']} missing: {name}", highlight=False, soft_wrap=True)
        told = dict.fromkeys((*record["not_played"], *record["waivers"], *record["happened"]))
        for sentence in (sentence for sentence in told if sentence not in record["reasons"]):
            out.print(f"{record['game_date']} {sentence}", highlight=False, soft_wrap=True)

    for name in names_of_stale(records):
        stale = [record["game_date"] for record in records if name in record["stale"]]
        out.print(
            f"{name}: {len(stale)} dates are of another version of its code ({stale[0]} to {stale[-1]}); backfill makes them anew",
            highlight=False, soft_wrap=True,
        )  # fmt: skip


def names_of_stale(records: list[dict[str, Any]]) -> list[str]:
    """Returns the tables with a stale date, in pipeline order."""
    stale = {name for record in records for name in record["stale"]}
    return [name for name in records[0]["rows"] if name in stale]


def print_decisions(records: Sequence[Mapping[str, Any]], start: datetime, end: datetime) -> None:
    """Print one row per decision. Consecutive skips with the same reason are one row."""
    if not records:
        out.print(
            f"nothing was decided from {start.isoformat(timespec='seconds')} to {end.isoformat(timespec='seconds')}",
            highlight=False,
        )
        return
    table = RichTable(title=f"Decisions from {start.isoformat(timespec='seconds')} to {end.isoformat(timespec='seconds')}")
    for column in ("at", "name", "kind", "decision", "times", "reason or runs"):
        table.add_column(column, justify="right" if column == "times" else "left", overflow="fold")
    for record in records:
        runs = [" ".join(filter(None, (run["id"], run["partition"], run["mode"], run["why"]))) for run in record["runs"]]
        often = f"{record['reason']} (until {record['until']})" if record["times"] > 1 else record["reason"]
        told = "\n".join(filter(None, (often, *runs)))
        table.add_row(record["at"], record["name"], record["kind"], record["decision"], str(record["times"]), escape(told))
    out.print(table)


def print_breakers(found: Sequence[Breaker], console: Console = out) -> None:
    """Print the breakers as a table, with instants in UTC."""
    if not found:
        console.print("every breaker is closed", highlight=False)
        return
    table = RichTable("breaker", "state", "failures in a row", "since (UTC)", "until (UTC)", "last problem")
    for breaker in found:
        table.add_row(
            breaker.subject, f"[{STYLES[breaker.state]}]{breaker.state}[/]", str(breaker.failures or ""), _instant(breaker.since),
            _instant(breaker.until), escape(breaker.problem),
        )  # fmt: skip
    console.print(table)


def _instant(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else ""

"""The status grid, decisions of the daemon and circuit breakers on the terminal."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.markup import escape
from rich.measure import Measurement
from rich.table import Table as RichTable

from nba_pipeline.cli.consoles import out, print_line
from nba_pipeline.providers.circuit_breakers import Breaker, State

SHOWN_IN_STATUS = (
    "boxscores", "prop_lines", "injuries", "player_game_summary", "upcoming_players", "features", "predictions", "grades",
)  # fmt: skip
"""Tables in the printed grid. `--format json` has all tables."""

LEFT_OUT_AT_80_COLUMNS = ("games", "boxscores", "injuries", "player_game_summary", "upcoming_players")
WIDEST = 1000
"""Width at which the grid is measured."""

STYLES: Mapping[State, str] = {"closed": "green", "open": "red", "half_open": "yellow"}


def print_status(records: list[dict[str, Any]]) -> None:
    """Print the grid of dates, then reasons, missing data, games not played, waivers, incidents and stale tables."""
    _print_grid([_grid_row(record) for record in records])
    for record in records:
        for message in _messages(record):
            print_line(f"{record['game_date']} {message}")
    for name in names_of_stale(records):
        stale = [record["game_date"] for record in records if name in record["stale"]]
        dates = "1 date has" if len(stale) == 1 else f"{len(stale)} dates have"
        command = f"`nba-pipeline backfill --from {stale[0]} --to {stale[-1]}` rebuilds them"
        print_line(f"{name}: {dates} rows of another code version ({stale[0]} to {stale[-1]}); {command}")


def _grid_row(record: Mapping[str, Any]) -> dict[str, str]:
    """Returns column -> text of one date."""
    counts = {name: rows for name, rows in record["rows"].items() if name in SHOWN_IN_STATUS}
    return {
        "date": record["game_date"],
        "state": record["state"],
        "games": str(record["games"]),
        "complete_/ final": f"{record['complete_games']}/{record['final_games']}",
        **{name: "" if rows is None else f"{rows:,}" for name, rows in counts.items()},
        "quaran-_tined": str(sum(record["quarantined"].values()) or ""),
    }


def _print_grid(rows: Sequence[Mapping[str, str]]) -> None:
    """Print all columns, or those of a narrow terminal, or one field per line."""
    for shown in (list(rows[0]), [name for name in rows[0] if name not in LEFT_OUT_AT_80_COLUMNS]):
        table = RichTable(box=SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        for name in shown:
            is_text = name in ("date", "state")
            table.add_column(name.replace("_", "\n"), justify="left" if is_text else "right", no_wrap=True)
        for row in rows:
            table.add_row(*(row[name] for name in shown))
        if Measurement.get(out, out.options.update(width=WIDEST), table).maximum <= out.width:
            out.print(table)
            return
    for row in rows:
        print_line(f"{row['date']} {row['state']}")
        for name, text in list(row.items())[2:]:
            print_line(f"  {name.replace('-_', '').replace('_', ' ')}: {text}")


def _messages(record: Mapping[str, Any]) -> Iterator[str]:
    """Yields the reasons of a state, then missing data, games not played, waivers and incidents, each once."""
    yield from record["reasons"]
    if record["state"] != "NOT_DUE":
        yield from (f"missing: {name}" for name in record["missing"] if name not in record["reasons"])
    others = dict.fromkeys((*record["not_played"], *record["waivers"], *record["happened"]))
    yield from (message for message in others if message not in record["reasons"])


def names_of_stale(records: list[dict[str, Any]]) -> list[str]:
    """Returns the tables with a stale date, in pipeline order."""
    stale = {name for record in records for name in record["stale"]}
    return [name for name in records[0]["rows"] if name in stale]


def print_decisions(records: Sequence[Mapping[str, Any]], start: datetime, end: datetime) -> None:
    """Print one row per decision. Consecutive skips with the same reason are one row."""
    span = f"{start.isoformat(timespec='seconds')} to {end.isoformat(timespec='seconds')}"
    if not records:
        print_line(f"no decisions from {span}")
        return
    table = RichTable(title=f"Decisions from {span}")
    for column in ("at", "name", "kind", "decision", "times", "reason or runs"):
        table.add_column(column, justify="right" if column == "times" else "left", overflow="fold")
    for record in records:
        runs = [" ".join(filter(None, (run["id"], run["partition"], run["mode"], run["why"]))) for run in record["runs"]]
        reason = f"{record['reason']} (until {record['until']})" if record["times"] > 1 else record["reason"]
        text = "\n".join(filter(None, (reason, *runs)))
        table.add_row(record["at"], record["name"], record["kind"], record["decision"], str(record["times"]), escape(text))
    out.print(table)


def print_breakers(breakers: Sequence[Breaker], console: Console = out) -> None:
    """Print the breakers as a table, with instants in UTC."""
    if not breakers:
        console.print("every breaker is closed", highlight=False)
        return
    table = RichTable("breaker", "state", "failures in a row", "since (UTC)", "until (UTC)", "last problem")
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
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else ""

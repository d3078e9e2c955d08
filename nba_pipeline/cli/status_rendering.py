"""The status of dates on the terminal: the grid, its legend, and what is missing or went wrong per date."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime
from itertools import groupby
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.measure import Measurement
from rich.padding import Padding
from rich.table import Table as RichTable

from nba_pipeline.cli.consoles import out, print_line, printable
from nba_pipeline.cli.terms import STATES
from nba_pipeline.league.eastern_text import eastern_text
from nba_pipeline.tables.wording import as_code, counted

Record = Mapping[str, Any]

COUNTED = {
    "boxscores": "box_scores",
    "player_game_summary": "sum-_maries",
    "prop_lines": "prop_lines",
    "upcoming_players": "players",
    "features": "features",
    "predictions": "predic-_tions",
    "publications": "picks",
    "grades": "grades",
}
"""Table -> its heading. `--format json` has all tables."""

HIDDEN_AT_80_COLUMNS = ("games", "sum-_maries", "players", "picks")
WIDEST = 1000
"""Width at which the grid is measured."""

LEGEND = (
    "A cell is actual/expected: complete of final games, summarized of final games, games with lines, games with expected "
    "players, players with features, predicted games, published of picks, graded predictions of those on final games. An empty cell: nothing is expected yet."
)

DUE_WORK = {
    "reload": "loads stored responses that are newer than their table, as all are in a home that was copied without file times",
    "recheck": "fetches the final games of a date again, because a source may have corrected them",
    "correction": "updates the tables that are older than a corrected box score or grade",
}
"""Reloads, re-reads and corrections: their subject, see `Work.subject` -> what they do."""

GAME_ID = re.compile(r"(?<![\w/=.-])(?<!--game )(00\d{8})(?!\w)")
"""A game id in a message, but not in an address, a file name or a command."""


def print_status(records: Sequence[Record], now: datetime, is_verbose: bool = False) -> None:
    """Print the grid of dates, its legend and notes, then per date the reasons, missing data and incidents, then stale tables."""
    first, last = records[0]["game_date"], records[-1]["game_date"]
    span = first if first == last else f"{first} to {last}"
    print_line(f"Status of {span}, as of {eastern_text(now)}", style="bold")
    _print_grid([_grid_row(record) for record in records])
    for meaning in _meanings(records):
        print_wrapped(meaning, 0)
    print_wrapped(LEGEND, 0)
    for note, dates in _by_note(records).items():
        print_wrapped(f"{spans(dates)}: {note}", 0)
    for (state, lines), alike in groupby(records, key=lambda record: (record["state"], _lines(record, is_verbose))):
        if lines:
            print_line(f"\n{spans([record['game_date'] for record in alike])} {state}", style="bold")
        for line in lines:
            print_wrapped(line, 2, style="")
    _print_stale(records, is_verbose)
    _print_next(records)


def _lines(record: Record, is_verbose: bool) -> tuple[str, ...]:
    return tuple(with_teams(message, record) for message in messages(record, is_verbose))


def _meanings(records: Sequence[Record]) -> Iterator[str]:
    """Yields the meaning of each shown state, or the cause of it on dates that have one."""
    dates: dict[tuple[str, str], list[str]] = {}
    for record in records:
        dates.setdefault((record["state"], record.get("cause", "")), []).append(record["game_date"])
    for (state, cause), of_cause in dates.items():
        of_dates = f"{spans(of_cause)} " if cause and len(records) > 1 else ""
        yield f"{of_dates}{state}: {cause or STATES[state].meaning}"


def _by_note(records: Sequence[Record]) -> dict[str, list[str]]:
    """Returns the dates of each note."""
    dates: dict[str, list[str]] = {}
    for record in records:
        for note in record["notes"]:
            dates.setdefault(note, []).append(record["game_date"])
    return dates


def spans(dates: Sequence[str]) -> str:
    """Returns dates in ascending order as text, consecutive ones as a range.

    >>> spans(["2026-01-14", "2026-01-15", "2026-01-20"])
    '2026-01-14 to 2026-01-15, 2026-01-20'
    """
    offsets = ((date.fromisoformat(day).toordinal() - number, day) for number, day in enumerate(dates))
    ranges = ([day for _, day in group] for _, group in groupby(offsets, key=lambda pair: pair[0]))
    return ", ".join(days[0] if len(days) == 1 else f"{days[0]} to {days[-1]}" for days in ranges)


def _print_next(records: Sequence[Record]) -> None:
    """Print the commands that complete the late and failed dates. Backfills of one date each become one command."""
    dates: dict[str, list[str]] = {}
    for record in records:
        if command := record["next"]:
            day = record["game_date"]
            dates.setdefault(command.replace(f"--from {day} --to {day}", "--from {} --to {}"), []).append(day)
    if dates:
        print_line("")
    for command, of_command in dates.items():
        step = command.format(of_command[0], of_command[-1])
        print_wrapped(f"Next for {spans(of_command)}: {as_code(step)}", 0, style="")


def _print_stale(records: Sequence[Record], is_verbose: bool) -> None:
    """Print one line about all tables with rows of another code version, or with `is_verbose` one per table."""
    names = names_of_stale(records)
    for group in [[name] for name in names] if is_verbose else [names] * bool(names):
        stale = [record["game_date"] for record in records if not set(group).isdisjoint(record["stale"])]
        dates = counted(len(stale), "date")
        tables = group[0] if len(group) == 1 else counted(len(group), "table")
        command = f"`nba-pipeline backfill --from {stale[0]} --to {stale[-1]}` rebuilds them"
        text = f"{tables}: rows of another code version on {dates} ({stale[0]} to {stale[-1]}); {command}"
        print_wrapped(text + ("; -v lists the tables" if len(group) > 1 else ""), 0, style="")


def due_message(names: Sequence[str]) -> str:
    """Returns the number of due reloads, re-reads and corrections. The states do not show this work, because its dates are complete."""
    kinds = Counter(name.partition(" of ")[0] for name in names)
    work = ", ".join(f"{number} x {kind} ({DUE_WORK[kind]})" for kind, number in kinds.items())
    return f"Due: {work}; `nba-pipeline reconcile` runs it, `nba-pipeline reconcile --dry-run` lists it."


def _grid_row(record: Record) -> dict[str, str]:
    """Returns column -> text of one date."""
    return {
        "date": record["game_date"],
        "state": record["state"],
        "games": str(record["games"]),
        **{heading: _cell(record, name) for name, heading in COUNTED.items()},
        "quaran-_tined": str(sum(record["quarantined"].values()) or ""),
    }


def _cell(record: Record, name: str) -> str:
    """Returns the actual and the expected number of a table; empty if nothing is expected and nothing is written."""
    count = record["counts"][name]
    is_empty = not count["actual"] and (not count["expected"] or record["state"] == "NOT_DUE")
    return "" if is_empty else f"{count['actual']:,}/{count['expected']:,}"


def _print_grid(rows: Sequence[Mapping[str, str]]) -> None:
    """Print all columns, or those of a narrow terminal, or one field per line."""
    for shown in (list(rows[0]), [name for name in rows[0] if name not in HIDDEN_AT_80_COLUMNS]):
        table = RichTable(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
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
            if text:
                print_line(f"  {name.replace('-_', '').replace('_', ' ')}: {text}")


def messages(record: Record, is_verbose: bool) -> Iterator[str]:
    """Yields the reasons of a state, then missing data, games not played, waivers, incidents and quarantine, each once."""
    yield from record["reasons"]
    if record["state"] != "NOT_DUE":
        missing = [name for name in record["missing"] if name not in record["reasons"]]
        if "boxscores" in record.get("not_loaded", ()):  # a reason says so
            missing = []
        yield from (f"missing: {name}" for name in missing)
    seen = {*record["reasons"], *record["quarantine"]}
    other_messages = dict.fromkeys((*record["not_played"], *record["waivers"], *record["happened"]))
    yield from (message for message in other_messages if message not in seen)
    if is_verbose:
        yield from record["quarantine"]
    elif number := sum(record["quarantined"].values()):
        tables = ", ".join(f"{name} {count:,}" for name, count in record["quarantined"].items() if count)
        yield f"{counted(number, 'row is', 'rows are')} quarantined ({tables}); -v lists the problems"


def with_teams(message: str, record: Record) -> str:
    """Returns a message that names games by their teams, and the first cause of a game without a box score.

    A game id stays in an address, a file name or a command.
    """
    matchups, causes = record["matchups"], record["first_causes"]
    ids = GAME_ID.findall(message)
    for game_id in ids:
        if game_id in matchups:
            message = message.replace(f"{matchups[game_id]} {game_id}", matchups[game_id])
    text = GAME_ID.sub(lambda match: matchups.get(match[1], match[1]), message)
    is_about_missing = message.partition(" ")[0] == "missing:" or "no box score" in message
    first = [causes[game_id] for game_id in ids if game_id in causes and is_about_missing]
    cause = GAME_ID.sub(lambda match: matchups.get(match[1], match[1]), first[0]) if first else ""
    return f"{text}; first cause: {cause}" if first else text


def names_of_stale(records: Sequence[Record]) -> list[str]:
    """Returns the tables with a stale date, in pipeline order."""
    stale = {name for record in records for name in record["stale"]}
    return [name for name in records[0]["rows"] if name in stale]


def print_wrapped(message: str, indent: int = 0, style: str = "dim") -> None:
    """Print a message. On a terminal, it is wrapped between words and indented; elsewhere, it is one line."""
    if out.is_terminal:
        out.print(Padding(printable(message), (0, 0, 0, indent)), style=style, highlight=False)
    else:
        print_line(" " * indent + message, style=style)

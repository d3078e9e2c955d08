"""Output of the command: outcomes of runs, slates, records, the status grid, query results. `report` returns the exit code.

Tables and data go to standard output (`out`), progress and errors to standard error (`err`).
"""

import json
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import httpx
import polars as pl
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable
from rich.text import Text

from nba_pipeline.cli.csv_text import csv_text
from nba_pipeline.formulas.wilson import wilson_interval
from nba_pipeline.orchestration.backfill import ACCEPTABLE, EXCELLENT, Step
from nba_pipeline.orchestration.runner import Outcome, Runner
from nba_pipeline.providers.circuit_breakers import Breaker, State
from nba_pipeline.warehouse.views import OUTCOMES

if TYPE_CHECKING:
    from nba_pipeline.orchestration.rebuild import Plan

WIDTH_WITHOUT_TERMINAL = 150
out, err = Console(width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL), Console(stderr=True)

UNPRINTABLE = ("Cc", "Cf")
"""Unicode categories of characters that can move the cursor, reorder text or hide it."""

DATES_NAMED = 10
SHOWN_IN_STATUS = (
    "boxscores", "prop_lines", "injuries", "player_game_summary", "upcoming_players", "features", "predictions", "grades",
)  # fmt: skip
"""Tables in the printed grid. `--format json` has all tables."""


STYLES: Mapping[State, str] = {"closed": "green", "open": "red", "half_open": "yellow"}


def report(work: Runner, outcomes: Iterable[Outcome], is_brief: bool = False) -> int:
    """Print the outcome of each run when it ends, and return the exit code.

    With `is_brief`, warnings and closed gates are counted instead of listed, and closed gates do not affect the exit code.
    """
    code = 0
    for outcome in outcomes:
        mark = "[green]done[/]" if outcome.succeeded else "[red]failed[/]"
        told = len(outcome.warnings) + len(outcome.closed)
        noted = f", {told} checks failed without stopping it" if is_brief and told else ""
        err.print(f"{mark} {outcome.title} in {outcome.seconds:.1f} s{noted}", highlight=False)
        refused = [i for i in work.landing.incidents(run_id=outcome.run_id) if i["status"] == httpx.codes.UNAUTHORIZED]
        stopped = [*outcome.failures, *dict.fromkeys(str(incident["problem"]) for incident in refused)]
        for sentence in () if is_brief else outcome.warnings:
            err.print(f"  [yellow]warning[/] {sentence}", highlight=False, soft_wrap=True)
        for sentence in () if is_brief else outcome.closed:
            err.print(f"  [red]closed[/] {sentence}", highlight=False, soft_wrap=True)
        for sentence in stopped:
            err.print(f"  [red]{sentence}[/]", highlight=False, soft_wrap=True)
        code |= int(bool(stopped or (outcome.closed and not is_brief)))
    return code


def print_slate(work: Runner, day: date) -> None:
    """Print a date's latest predictions: player, line, and per system the forecast, with its recommendation if it is one."""
    rows = work.warehouse.sql(f"SELECT * FROM latest_predictions WHERE game_date = DATE '{day}'").sort(
        "game_id", "player_id", "market", "system_id"
    )
    if rows.is_empty():
        return
    systems, several = rows["system_id"].unique().sort().to_list(), rows["market"].n_unique() > 1
    table = RichTable(title=f"Slate of {day}: {rows['player_id'].n_unique()} players, {rows['game_id'].n_unique()} games")
    for name in ("player", "team", "opponent", *["market"] * several, "line", "book"):
        table.add_column(name, justify="right" if name == "line" else "left")
    for system in systems:
        table.add_column(system, justify="left", no_wrap=True)
    keyed = {(r["game_id"], r["player_id"], r["market"], r["system_id"]): r for r in rows.iter_rows(named=True)}
    order = rows.sort(pl.col("edge").abs(), "predicted_value", descending=True, nulls_last=True).unique(
        ["game_id", "player_id", "market"], keep="first", maintain_order=True
    )
    for first in order.iter_rows(named=True):
        cells = [first["player_name"], first["team"], first["opponent"], *[first["market"]] * several]
        cells += [_shown(first["line"]), first["book"] or ""]
        forecasts = [keyed.get((first["game_id"], first["player_id"], first["market"], system)) for system in systems]
        table.add_row(*cells, *map(_forecast, forecasts))
    out.print(table)


def _forecast(row: Mapping[str, Any] | None) -> str:
    """Returns a forecast, with OVER or UNDER if that is its recommendation."""
    if row is None:
        return ""
    return f"{_shown(row['predicted_value']):>4} {row['recommendation'] if row['recommendation'] in ('OVER', 'UNDER') else ''}".rstrip()


RECORD = f"""
SELECT system_id, market, run_kind, {OUTCOMES} FROM latest_grades
WHERE game_date BETWEEN DATE '{{first}}' AND DATE '{{last}}' GROUP BY system_id, market, run_kind ORDER BY system_id, market, run_kind
"""


def print_record(work: Runner, first: date, last: date) -> None:
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


def print_plan(steps: Sequence[Step], noted: Iterable[str]) -> None:
    """Print one row per step of a backfill, with the number of existing dates, then the notes."""
    table = RichTable(box=None, pad_edge=False)
    for column in ("pass", "job", "dates", "number", "there", "", "tables"):
        table.add_column(column, justify="right" if column in ("number", "there") else "left", overflow="fold")
    for step in steps:
        table.add_row(
            step.part,
            step.job,
            step.when,
            str(step.number_of_dates),
            str(step.complete_count),
            _fate(step),
            ", ".join(step.tables),
        )
    out.print(table)
    for sentence in noted:
        out.print(f"[yellow]note[/] {sentence}", highlight=False, soft_wrap=True)
    number = sum(not step.is_skipped for step in steps)
    out.print(f"{number} runs; nothing was touched", highlight=False)


def print_rebuild(plan: "Plan") -> None:
    """Print the tables that a rebuild replaces and keeps, and the number of runs that it repeats."""
    table = RichTable(box=None, pad_edge=False)
    for column in ("table", "dates", "rows", ""):
        table.add_column(column, justify="right" if column in ("dates", "rows") else "left")
    for fate, some in (("replaced", plan.replaced), ("kept: ledger", plan.kept)):
        for held in some:
            table.add_row(held.name, f"{held.dates:,}", f"{held.rows:,}", fate)
    out.print(table)
    out.print(f"{len(plan.runs)} runs are repeated from the landing", highlight=False)


def tell_left_out(step: Step) -> None:
    """Print a step that a running backfill skips."""
    err.print(f"[dim]left out[/] {step.job} {step.when}: {_fate(step)}", highlight=False)


def _fate(step: Step) -> str:
    """Returns whether a step will run, or why it is skipped."""
    if step.part == "models":
        return "there, or nothing new to be trained on" if step.is_skipped else "no model"
    return "complete" if step.is_skipped else "to run"


def print_rating(rated: Mapping[str, Sequence[date]]) -> None:
    """Print the number of excellent, acceptable and failed dates of a backfill, and the first failed dates."""
    least = {"excellent": f">= {EXCELLENT:.0%}", "acceptable": f">= {ACCEPTABLE:.0%}", "failed": f"< {ACCEPTABLE:.0%}"}
    told = ", ".join(f"{len(rated[name])} {name} ({share})" for name, share in least.items())
    without = len(rated["without final games"])
    out.print(
        f"Dates by final games with a complete box score: {told}; {without} without final games", highlight=False, soft_wrap=True
    )
    if failed := rated["failed"]:
        names = ", ".join(map(str, failed[:DATES_NAMED])) + (" ..." if len(failed) > DATES_NAMED else "")
        out.print(f"failed: {names}", style="red", highlight=False, soft_wrap=True)


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


def print_answer(frame: pl.DataFrame, style: str) -> None:
    """Print a query result as a table, CSV or JSON."""
    if style == "json":
        sys.stdout.write(json.dumps(frame.to_dicts(), default=str, indent=1) + "\n")
    elif style == "csv":
        sys.stdout.write(csv_text(frame))
    else:
        print_frame(frame)


def print_frame(frame: pl.DataFrame) -> None:
    """Print a frame as a table."""
    table = RichTable()
    for name, kind in frame.schema.items():
        table.add_column(printable(name), justify="right" if kind.is_numeric() else "left", overflow="fold")
    for row in frame.iter_rows():
        table.add_row(*("" if value is None else printable(str(value)) for value in row))
    out.print(table)


def printable(text: str) -> Text:
    """Returns text without markup. Control and format characters except line feed and tab are escaped."""
    unsafe = {c for c in text if unicodedata.category(c) in UNPRINTABLE and c not in "\n\t"}
    return Text(text.translate({ord(c): c.encode("unicode_escape").decode() for c in unsafe}))


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


def _shown(value: float | None, digits: int = 1) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _instant(at: datetime | None) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}" if at else ""

"""Audit reports on the terminal."""

from collections.abc import Sequence
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable

from nba_pipeline.audit.seasons import MIN_GAMES
from nba_pipeline.audit.trail import Entry
from nba_pipeline.cli.consoles import print_line, printable
from nba_pipeline.league.calendar import EASTERN

MAX_SHOWN = 100
"""Maximum findings in the printed report. `--format json` lists all."""

VERDICTS = {True: "[green]passed[/]", False: "[red]FAILED[/]", None: "not tested"}


def print_leakage(result: dict[str, Any], out: Console) -> None:
    """Print the sample, a table of the tests, and a table of the planted leaks with the tests that caught them."""
    out.print(
        f"{len(result['dates'])} of {result['candidates']} dates with final games and features, {result['from']} to {result['to']}, "
        f"seed {result['seed']}, as of {result['as_of']}: {', '.join(result['dates'])}",
        highlight=False,
    )
    table = RichTable(title="The real derivation")
    for name in ("test", "", "N", "result"):
        table.add_column(name, justify="right" if name == "N" else "left", overflow="fold")
    for test in result["tests"]:
        table.add_row(test["name"], VERDICTS[test["passed"]], f"{test['n']:,}", test["detail"])
    out.print(table)
    _print_plants(result, out)


def _print_plants(result: dict[str, Any], out: Console) -> None:
    plants = result["plants"]
    names = [test["name"] for test in plants[0]["tests"]]
    table = RichTable(title=f"Planted leaks, on {' and '.join(result['control_dates'])}")
    for name in ("plant", "caught by", "", "evidence"):
        table.add_column(name, overflow="fold")
    for plant in plants:
        numbers = " ".join(str(names.index(name) + 1) for name in plant["caught_by"])
        table.add_row(plant["name"], numbers, *_outcome(plant, result["candidates"]))
    out.print(table)
    out.print("; ".join(f"{number} {name}" for number, name in enumerate(names, 1)), highlight=False)
    tested = [plant for plant in plants if plant["is_tried"]]
    caught = sum(bool(plant["caught_by"]) for plant in tested)
    untested = f", {len(plants) - len(tested)} not tested" if len(tested) < len(plants) else ""
    verdict = "[green]nothing leaks[/]" if result["passed"] else "[red]see above[/]"
    out.print(f"{caught} of {len(tested)} plants caught{untested}; {verdict}; {result['seconds']} s", highlight=False)


def _outcome(plant: dict[str, Any], candidates: int) -> tuple[str, str]:
    """Returns caught, missed or not tested, and the evidence."""
    if not plant["is_tried"]:
        return VERDICTS[None], f"no data of the range could leak on any of its {candidates} dates"
    if not plant["caught_by"]:
        return "[red]MISSED[/]", f"changed values on {', '.join(plant['dates'])}"
    first = plant["caught_by"][0]
    return "[green]caught[/]", next(test["detail"] for test in plant["tests"] if test["name"] == first)


def print_seasons(records: list[dict[str, Any]], out: Console) -> None:
    """Print tables of games, coverage, quality, league means and null features, one column per season."""
    names = [record["season"] for record in records]

    def grid(title: str, rows: dict[str, list[str]]) -> None:
        table = RichTable(title=title)
        for number, name in enumerate(["", *names]):
            table.add_column(name, justify="right" if number else "left")
        for name, cells in rows.items():
            table.add_row(name, *cells)
        out.print(table)

    counts = ("games", "final_games", "complete_games", "player_games")
    spans = {name: [record[name] for record in records] for name in ("first_date", "last_date")}
    grid("Seasons", spans | {name: [f"{record[name]:,}" for record in records] for name in counts})
    for title, part in (("Coverage", "coverage"), ("Quality of features", "tiers")):
        rows = dict.fromkeys(name for record in records for name in record[part])
        grid(title, {name: [_share(record[part].get(name)) for record in records] for name in rows})
    means = {name: [_mean(record["means"][name], name, record) for record in records] for name in records[0]["means"]}
    grid("League means", means)
    nulls = {name: [_share(record["null_shares"].get(name)) for record in records] for name in _most_null_first(records)}
    grid("Null features of players with 5 games; the others are never null", nulls)
    for record in records:
        if not record["is_judged"]:
            games = record["complete_games"]
            out.print(f"{record['season']}: means need {MIN_GAMES} complete games, and it has {games}", highlight=False)
        for message in record["implausible"]:
            out.print(f"{record['season']}: {message}", style="red", highlight=False, markup=False)


def _most_null_first(records: list[dict[str, Any]]) -> list[str]:
    """Returns the features with a null, the largest share of a season first."""
    worst: dict[str, float] = {}
    for record in records:
        for name, share in record["null_shares"].items():
            worst[name] = max(worst.get(name, 0.0), share or 0.0)
    return sorted((name for name in worst if worst[name]), key=lambda name: -worst[name])


def print_ledgers(report: dict[str, Any], out: Console) -> None:
    """Print one row per ledger, then the findings."""
    table = RichTable()
    for name in ("ledger", "dates", "rows", "findings"):
        table.add_column(name, justify="left" if name == "ledger" else "right")
    for record in report["ledgers"]:
        table.add_row(record["ledger"], *(f"{record[name]:,}" for name in ("dates", "rows", "findings")))
    out.print(table)
    for finding in report["findings"][:MAX_SHOWN]:
        out.print(finding["text"], style="red", highlight=False, soft_wrap=True, markup=False)
    if (more := len(report["findings"]) - MAX_SHOWN) > 0:
        out.print(f"and {more} more findings; --format json has all", style="red", highlight=False)


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _mean(value: float | None, name: str, record: dict[str, Any]) -> str:
    if value is None:
        return ""
    is_odd = any(message.startswith(f"{name} ") for message in record["implausible"])
    return f"[red]{value:.4g}[/]" if is_odd else f"{value:.4g}"


def print_trail(entries: Sequence[Entry], out: Console) -> None:
    """Print the decisions and manual runs of a period, oldest first."""
    if not entries:
        print_line("no decision and no manual run in this period")
        return
    table = RichTable("at (US Eastern)", "action", "who", "date", "subject", "why", box=None, pad_edge=False)
    for entry in entries:
        at = f"{entry.at.astimezone(EASTERN):%Y-%m-%d %H:%M}"
        table.add_row(*(printable(text) for text in (at, entry.action, entry.who, entry.game_date, entry.subject, entry.why)))
    out.print(table)

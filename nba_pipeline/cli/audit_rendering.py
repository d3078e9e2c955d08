"""Audit reports on the terminal."""

from typing import Any

from rich.console import Console
from rich.table import Table as RichTable

from nba_pipeline.audit.seasons import LEAST_GAMES

MOST_SHOWN = 100
"""Maximum findings in the printed report. `--format json` lists all."""

VERDICTS = {True: "[green]passed[/]", False: "[red]FAILED[/]", None: "not tried"}


def print_leakage(found: dict[str, Any], out: Console) -> None:
    """Print the sample, a table of the tests, and a table of the planted leaks with the tests that caught them."""
    out.print(
        f"{len(found['dates'])} of {found['candidates']} dates with final games and features, {found['from']} to {found['to']}, "
        f"seed {found['seed']}, as of {found['as_of']}: {', '.join(found['dates'])}",
        highlight=False,
    )  # fmt: skip
    table = RichTable(title="The real derivation")
    for name in ("test", "", "N", "what was found"):
        table.add_column(name, justify="right" if name == "N" else "left", overflow="fold")
    for test in found["tests"]:
        table.add_row(test["name"], VERDICTS[test["passed"]], f"{test['n']:,}", test["detail"])
    out.print(table)
    _print_plants(found, out)


def _print_plants(found: dict[str, Any], out: Console) -> None:
    plants = found["plants"]
    names = [test["name"] for test in plants[0]["tests"]]
    table = RichTable(title=f"Planted leaks, on {' and '.join(found['control_dates'])}")
    for name in ("plant", "caught by", "", "what it was caught with"):
        table.add_column(name, overflow="fold")
    for plant in plants:
        numbers = " ".join(str(names.index(name) + 1) for name in plant["caught_by"])
        table.add_row(plant["name"], numbers, *_outcome(plant, found["candidates"]))
    out.print(table)
    out.print("; ".join(f"{number} {name}" for number, name in enumerate(names, 1)), highlight=False)
    were_tried = [plant for plant in plants if plant["is_tried"]]
    caught = sum(bool(plant["caught_by"]) for plant in were_tried)
    untried = f", {len(plants) - len(were_tried)} not tried" if len(were_tried) < len(plants) else ""
    verdict = "[green]nothing leaks[/]" if found["passed"] else "[red]see above[/]"
    out.print(
        f"{caught} of {len(were_tried)} plants caught{untried}; {verdict}; {found['seconds']} s", highlight=False
    )  # fmt: skip


def _outcome(plant: dict[str, Any], candidates: int) -> tuple[str, str]:
    """Returns caught, missed or not tried, and the evidence."""
    if not plant["is_tried"]:
        return VERDICTS[None], f"this range cannot show the leak: it has nothing to leak on any of the dates ({candidates})"
    if not plant["caught_by"]:
        return "[red]MISSED[/]", f"it changes values on {', '.join(plant['dates'])}"
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
    worst: dict[str, float] = {}
    for record in records:
        for name, share in record["null_shares"].items():
            worst[name] = max(worst.get(name, 0.0), share or 0.0)
    shown = sorted((name for name in worst if worst[name]), key=lambda name: -worst[name])
    nulls = {name: [_share(record["null_shares"].get(name)) for record in records] for name in shown}
    grid("Null features of players with 5 games; the others are never null", nulls)
    for record in records:
        if not record["is_judged"]:
            few = f"{record['complete_games']} complete games are too few to judge the means"
            out.print(f"{record['season']}: {few}, which needs {LEAST_GAMES}", highlight=False)
        for sentence in record["implausible"]:
            out.print(f"[red]{record['season']}: {sentence}[/]", highlight=False)


def print_ledgers(report: dict[str, Any], out: Console) -> None:
    """Print one row per ledger, then the findings."""
    table = RichTable()
    for name in ("ledger", "dates", "rows", "findings"):
        table.add_column(name, justify="left" if name == "ledger" else "right")
    for record in report["ledgers"]:
        table.add_row(record["ledger"], *(f"{record[name]:,}" for name in ("dates", "rows", "findings")))
    out.print(table)
    for finding in report["findings"][:MOST_SHOWN]:
        out.print(finding["text"], style="red", highlight=False, soft_wrap=True, markup=False)
    if (more := len(report["findings"]) - MOST_SHOWN) > 0:
        out.print(f"and {more} more findings; --format json has all", style="red", highlight=False)


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _mean(value: float | None, name: str, record: dict[str, Any]) -> str:
    if value is None:
        return ""
    is_odd = any(sentence.startswith(f"{name} ") for sentence in record["implausible"])
    return f"[red]{value:.4g}[/]" if is_odd else f"{value:.4g}"

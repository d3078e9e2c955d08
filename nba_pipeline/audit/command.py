"""The audits as the command runs and prints them. What is audited, and how, stands in the modules beside this one."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

import polars as pl
from rich.console import Console
from rich.table import Table as RichTable

from nba_pipeline.assets.features.features import TABLE as FEATURES
from nba_pipeline.assets.predictions.predictions import TABLE as PREDICTIONS
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.audit.controls import control_dates, dates_shown, tried
from nba_pipeline.audit.derivations import REAL, Audit, Derivation
from nba_pipeline.audit.leakage import TESTS, Test, a_fact_of_before_moves_the_row
from nba_pipeline.audit.parity import a_later_backfill_differs_only_where_a_source_did, stored_rows_equal_recomputed_rows
from nba_pipeline.audit.plants import PLANTS
from nba_pipeline.audit.recompute import World, sources_before
from nba_pipeline.audit.seasons import LEAST_GAMES
from nba_pipeline.errors import BadInput
from nba_pipeline.league.calendar import days
from nba_pipeline.warehouse import Warehouse

TESTS_OF_THE_REAL: tuple[Test, ...] = (
    *TESTS, a_fact_of_before_moves_the_row, stored_rows_equal_recomputed_rows, a_later_backfill_differs_only_where_a_source_did,
)  # fmt: skip
"""With the one that asks whether the audit is blind, and those that ask the warehouse."""

VERDICTS = {True: "[green]passed[/]", False: "[red]FAILED[/]", None: "not tried"}


def leakage(
    warehouse: Warehouse, first: date, last: date, *, number: int, seed: int, now: datetime, say: Callable[[str], None],
    plants: Sequence[Derivation] = PLANTS,
) -> dict[str, Any]:  # fmt: skip
    """Sample dates, put the real derivation and every plant to the tests, and say what was found.

    The answer's `passed` is false when the real derivation fails a test or passes none, and when a plant that changes a
    value is caught by none, or no plant changes any.
    """
    started, span = time.monotonic(), days(first, last)
    candidates = dates_to_audit(warehouse, span)
    if not candidates:
        raise BadInput(f"no date from {first} to {last} has final games and features")
    sample = sorted(random.Random(seed).sample(candidates, min(number, len(candidates))))
    say(f"reading the sources of {len(sample)} dates")
    world = sources_before(warehouse, [sample[0], last])
    stored = warehouse.scan(FEATURES, sample).collect()
    predictions = warehouse.scan(PREDICTIONS, span).collect()
    audit = Audit(world, sorted({*sample, *company(world, sample)}), now, (), seed, stored, predictions, say)
    shown = dates_shown(audit, plants, sample)
    audit.control = control_dates(audit.world, sample, shown)
    tests = [test(audit, REAL, sample) for test in TESTS_OF_THE_REAL]
    failed = [result.name for result in tests if result.passed is False]
    records = {record["name"]: record for record in tried(audit, plants, shown, failed)}
    untried = [plant for plant in plants if not records[plant.name]["is_tried"]]
    if (rest := sorted(set(candidates) - set(sample))) and untried:
        records |= _tried_elsewhere(sources_before(warehouse, [rest[0], last]), rest, untried, audit)
    return {
        "from": str(first),
        "to": str(last),
        "seed": seed,
        "as_of": now.isoformat(),
        "candidates": len(candidates),
        "dates": [str(day) for day in sample],
        "control_dates": [str(day) for day in audit.control],
        "tests": [asdict(result) for result in tests],
        "plants": list(records.values()),
        "passed": not failed and any(result.passed for result in tests) and _are_controlled(list(records.values())),
        "seconds": round(time.monotonic() - started, 1),
    }


def dates_to_audit(warehouse: Warehouse, dates: Sequence[date]) -> list[date]:
    """The dates with final games and features."""
    final = warehouse.scan(SCHEDULE, dates).filter(pl.col("status") == "final").select("game_date")
    made = warehouse.scan(FEATURES, dates).select("game_date")
    return list(final.join(made, on="game_date", how="semi").unique().sort("game_date").collect()["game_date"])


def company(world: World, sample: Sequence[date]) -> list[date]:
    """The last date with games before the sample. Derived with it, so that no date is ever derived alone: leaks may need two."""
    games = world["schedule"].filter(pl.col("status") == "final", pl.col("game_date") < sample[0])
    return games["game_date"].unique().sort().tail(1).to_list()


def print_leakage(found: dict[str, Any], out: Console) -> None:
    """The sample, then two tables: test by test, and plant by plant which test caught it."""
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
    """Caught, missed or not tried, and what says so."""
    if not plant["is_tried"]:
        return VERDICTS[None], f"this range cannot show the leak: it has nothing to leak on any of the dates ({candidates})"
    if not plant["caught_by"]:
        return "[red]MISSED[/]", f"it changes values on {', '.join(plant['dates'])}"
    first = plant["caught_by"][0]
    return "[green]caught[/]", next(test["detail"] for test in plant["tests"] if test["name"] == first)


def print_seasons(records: list[dict[str, Any]], out: Console) -> None:
    """Four tables, a column per season: games, coverage, quality and means; and the features that are null most often."""
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


def _tried_elsewhere(
    world: World, rest: Sequence[date], plants: Sequence[Derivation], audit: Audit
) -> dict[str, dict[str, Any]]:  # fmt: skip
    """The records of the plants that change a value on a date of the range which was not sampled."""
    audit.say(f"looking for {len(plants)} leaks on the other {len(rest)} dates of the range")
    elsewhere = Audit(world, sorted({*rest, *company(world, rest)}), audit.as_of, (), audit.seed, say=audit.say)
    shown = dates_shown(elsewhere, plants, rest)
    elsewhere.control = control_dates(elsewhere.world, rest, shown)
    found = [plant for plant in plants if shown[plant.name]]
    return {record["name"]: record for record in tried(elsewhere, found, shown, ())}


def _are_controlled(plants: Sequence[dict[str, Any]]) -> bool:
    """Whether every leak that could be tried was caught, and one could; true when none was planted."""
    were_tried = [plant for plant in plants if plant["is_tried"]]
    return all(plant["caught_by"] for plant in were_tried) and bool(were_tried or not plants)


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _mean(value: float | None, name: str, record: dict[str, Any]) -> str:
    if value is None:
        return ""
    is_odd = any(sentence.startswith(f"{name} ") for sentence in record["implausible"])
    return f"[red]{value:.4g}[/]" if is_odd else f"{value:.4g}"

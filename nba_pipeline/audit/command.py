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
from nba_pipeline.audit.derivations import REAL, Audit, Derivation
from nba_pipeline.audit.leakage import TESTS, Test, a_fact_of_before_moves_the_row
from nba_pipeline.audit.parity import a_later_backfill_differs_only_where_a_source_did, stored_rows_equal_recomputed_rows
from nba_pipeline.audit.plants import PLANTS
from nba_pipeline.audit.recompute import World, sources_before
from nba_pipeline.audit.worlds import first_tipoff
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

    The answer's `passed` is false when the real derivation fails a test, or when a plant is caught by none.
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
    derived = sorted({*sample, *company(world, sample)})
    audit = Audit(world, derived, now, control_dates(world, sample), seed, stored, predictions, say)
    tests = [test(audit, REAL, sample) for test in TESTS_OF_THE_REAL]
    tried = [_tried(audit, plant, say) for plant in plants]
    return {
        "from": str(first),
        "to": str(last),
        "seed": seed,
        "as_of": now.isoformat(),
        "candidates": len(candidates),
        "dates": [str(day) for day in sample],
        "control_dates": [str(day) for day in audit.control],
        "tests": [asdict(result) for result in tests],
        "plants": tried,
        "passed": all(result.passed is not False for result in tests) and all(plant["caught_by"] for plant in tried),
        "seconds": round(time.monotonic() - started, 1),
    }


def dates_to_audit(warehouse: Warehouse, dates: Sequence[date]) -> list[date]:
    """The dates with final games and features."""
    final = warehouse.scan(SCHEDULE, dates).filter(pl.col("status") == "final").select("game_date")
    made = warehouse.scan(FEATURES, dates).select("game_date")
    return list(final.join(made, on="game_date", how="semi").unique().sort("game_date").collect()["game_date"])


def control_dates(world: World, sample: Sequence[date]) -> list[date]:
    """Two of the sample: the first, and the second of those whose tip-offs are known, or of all. The earlier, the quicker."""
    known = [day for day in sample if first_tipoff(world, day)] or list(sample)
    return sorted({sample[0], known[min(1, len(known) - 1)]})


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
    names = [test["name"] for test in found["plants"][0]["tests"]]
    table = RichTable(title=f"Planted leaks, on {' and '.join(found['control_dates'])}")
    for name in ("plant", "caught by", "", "what it was caught with"):
        table.add_column(name, overflow="fold")
    for plant in found["plants"]:
        caught = plant["caught_by"]
        detail = next((test["detail"] for test in plant["tests"] if test["passed"] is False), "")
        numbers = " ".join(str(names.index(name) + 1) for name in caught)
        table.add_row(plant["name"], numbers, "[green]caught[/]" if caught else "[red]MISSED[/]", detail)
    out.print(table)
    out.print("; ".join(f"{number} {name}" for number, name in enumerate(names, 1)), highlight=False)
    caught = sum(bool(plant["caught_by"]) for plant in found["plants"])
    verdict = "[green]nothing leaks[/]" if found["passed"] else "[red]see above[/]"
    out.print(f"{caught} of {len(found['plants'])} plants caught; {verdict}; {found['seconds']} s", highlight=False)


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
        for sentence in record["implausible"]:
            out.print(f"[red]{record['season']}: {sentence}[/]", highlight=False)


def _tried(audit: Audit, plant: Derivation, say: Callable[[str], None]) -> dict[str, Any]:
    """A plant, each test's answer to it, and the names of the tests that caught it."""
    say(f"planting {plant.name}")
    results = [test(audit, plant, audit.control) for test in TESTS]
    caught = [result.name for result in results if result.passed is False]
    told = [{"name": result.name, "passed": result.passed, "n": result.n, "detail": result.detail} for result in results]
    return {"name": plant.name, "story": plant.story, "caught_by": caught, "tests": told}


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.1%}"


def _mean(value: float | None, name: str, record: dict[str, Any]) -> str:
    if value is None:
        return ""
    is_odd = any(sentence.startswith(f"{name} ") for sentence in record["implausible"])
    return f"[red]{value:.4g}[/]" if is_odd else f"{value:.4g}"

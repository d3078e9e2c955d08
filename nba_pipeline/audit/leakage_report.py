"""The leakage audit: sampled dates, all tests on the real derivation, and the planted leaks."""

import random
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any

import polars as pl

from nba_pipeline.assets.features.features import TABLE as FEATURES
from nba_pipeline.assets.predictions.predictions import TABLE as PREDICTIONS
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.audit.controls import control_dates, dates_with_effect, plant_results
from nba_pipeline.audit.derivations import REAL, Audit, Derivation, Instants
from nba_pipeline.audit.leakage import TESTS, Test
from nba_pipeline.audit.parity import a_later_backfill_differs_only_where_a_source_did, stored_rows_equal_recomputed_rows
from nba_pipeline.audit.plants import PLANTS
from nba_pipeline.audit.recompute import World, sources_before
from nba_pipeline.audit.sensitivity import a_fact_of_before_moves_the_row
from nba_pipeline.errors import BadInput
from nba_pipeline.league.calendar import days
from nba_pipeline.tables.wording import counted
from nba_pipeline.warehouse import Warehouse

ALL_TESTS: tuple[Test, ...] = (
    *TESTS,
    a_fact_of_before_moves_the_row,
    stored_rows_equal_recomputed_rows,
    a_later_backfill_differs_only_where_a_source_did,
)
"""All tests of the real derivation, including the sensitivity test and the comparisons with stored rows."""


def leakage(
    warehouse: Warehouse,
    first: date,
    last: date,
    *,
    number: int,
    seed: int,
    now: datetime,
    log: Callable[[str], None],
    plants: Sequence[Derivation] = PLANTS,
    materialized: Callable[[Collection[str], Collection[date]], Instants] = lambda tables, dates: {},
) -> dict[str, Any]:
    """Returns the report of a leakage audit: sampled dates, test results and the results of every plant.

    `materialized` returns when dates of tables were last materialized. Without it, rows with the same `as_of` count as written together.

    `passed` is false in these cases: the real derivation fails a test or passes none; a plant that changes a value is not
    caught; no plant changes a value.
    """
    started, span = time.monotonic(), days(first, last)
    candidates, sample = _sampled_dates(warehouse, span, number, seed)
    log(f"reading the sources of {counted(len(sample), 'date')}")
    audit = _audit_of(warehouse, span, sample, now, seed, log)
    audit.written = materialized((*audit.world, FEATURES.name), _dates_of(audit.world))
    effective_dates = dates_with_effect(audit, plants, sample)
    audit.control = control_dates(audit.world, sample, effective_dates)
    tests = [test(audit, REAL, sample) for test in ALL_TESTS]
    failed = [result.name for result in tests if result.passed is False]
    records = {record["name"]: record for record in plant_results(audit, plants, effective_dates, failed)}
    untested = [plant for plant in plants if not records[plant.name]["is_tried"]]
    if (rest := sorted(set(candidates) - set(sample))) and untested:
        records |= _tested_outside_the_sample(sources_before(warehouse, [rest[0], last]), rest, untested, audit)
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


def _sampled_dates(warehouse: Warehouse, span: Sequence[date], number: int, seed: int) -> tuple[list[date], list[date]]:
    """Returns the dates of the range that can be audited, and a sample of them."""
    candidates = dates_to_audit(warehouse, span)
    if not candidates:
        raise BadInput(f"no date from {span[0]} to {span[-1]} has final games and features")
    return candidates, sorted(random.Random(seed).sample(candidates, min(number, len(candidates))))


def _audit_of(
    warehouse: Warehouse, span: Sequence[date], sample: Sequence[date], now: datetime, seed: int, report: Callable[[str], None]
) -> Audit:
    """Returns the audit of the sample, with its stored features and the predictions of the range."""
    world = sources_before(warehouse, [sample[0], span[-1]])
    stored = warehouse.scan(FEATURES, sample).collect()
    predictions = warehouse.scan(PREDICTIONS, span).collect()
    return Audit(world, sorted({*sample, *preceding_dates(world, sample)}), now, (), seed, stored, predictions, report)


def _dates_of(world: World) -> set[date]:
    return {day for frame in world.values() for day in frame["game_date"].unique()}


def dates_to_audit(warehouse: Warehouse, dates: Sequence[date]) -> list[date]:
    """Returns the dates with final games and features."""
    final = warehouse.scan(SCHEDULE, dates).filter(pl.col("status") == "final").select("game_date")
    with_features = warehouse.scan(FEATURES, dates).select("game_date")
    return list(final.join(with_features, on="game_date", how="semi").unique().sort("game_date").collect()["game_date"])


def preceding_dates(world: World, sample: Sequence[date]) -> list[date]:
    """Returns the last date with games before the sample, as a list of at most one date.

    Some leaks need two dates, so no date is derived alone.
    """
    games = world["schedule"].filter(pl.col("status") == "final", pl.col("game_date") < sample[0])
    return games["game_date"].unique().sort().tail(1).to_list()


def _tested_outside_the_sample(
    world: World, rest: Sequence[date], plants: Sequence[Derivation], audit: Audit
) -> dict[str, dict[str, Any]]:
    """Returns the records of the plants that change a value on a date outside the sample."""
    audit.report(f"testing {len(plants)} more planted leaks on the {len(rest)} dates outside the sample")
    outside = Audit(world, sorted({*rest, *preceding_dates(world, rest)}), audit.as_of, (), audit.seed, report=audit.report)
    effective_dates = dates_with_effect(outside, plants, rest)
    outside.control = control_dates(outside.world, rest, effective_dates)
    detectable = [plant for plant in plants if effective_dates[plant.name]]
    return {record["name"]: record for record in plant_results(outside, detectable, effective_dates, ())}


def _are_controlled(plants: Sequence[dict[str, Any]]) -> bool:
    """Whether every tested leak was caught and at least one was tested. True without plants."""
    tested = [plant for plant in plants if plant["is_tried"]]
    return all(plant["caught_by"] for plant in tested) and bool(tested or not plants)

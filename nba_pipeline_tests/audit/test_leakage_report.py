"""The audit commands: samples, output, results and exit codes."""

import io
import json
from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any

import polars as pl
import pytest
from rich.console import Console

from nba_pipeline.audit import leakage_report, plants
from nba_pipeline.audit.derivations import Audit, Derivation, Derive
from nba_pipeline.audit.leakage_report import dates_to_audit, leakage, preceding_dates
from nba_pipeline.audit.recompute import World
from nba_pipeline.audit.seasons import seasons
from nba_pipeline.cli import app
from nba_pipeline.cli.audit_rendering import print_leakage, print_seasons
from nba_pipeline.errors import BadInput
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.audit.conftest import LATER, SAMPLE, a_warehouse
from nba_pipeline_tests.builders_audit import DATES

pytestmark = pytest.mark.platform

LEAK, HARMLESS = plants.PLANTS[0], Derivation("harmless", "No leak at all.")
FIRST_ROUNDS = DATES[1:7]
"""Rounds 2 to 7 of the season. A five-game window is null in the first four of them."""


def shift_everything(world: World, dates: Sequence[date], as_of: datetime, derive: Derive) -> World:
    derived = derive(world, dates, as_of)
    return {**derived, "features": derived["features"].with_columns(pl.col("points_mean_season") + 0.001)}


UNSEEN = Derivation("unseen", "Another value, which does not know the future.", features=shift_everything)


@pytest.mark.unattended
def test_a_sample_is_audited_and_the_plants_are_tested_on_it(warehouse: LocalWarehouse) -> None:
    messages: list[str] = []
    report = leakage(
        warehouse, DATES[0], DATES[-1], number=1, seed=5, now=LATER, log=messages.append, plants=[LEAK, UNSEEN, HARMLESS]
    )
    assert [test["name"] for test in report["tests"]] == [test.__name__ for test in leakage_report.ALL_TESTS]
    assert not [test for test in report["tests"] if test["passed"] is False]
    assert [bool(plant["caught_by"]) for plant in report["plants"]] == [True, False, False]
    assert [plant["is_tried"] for plant in report["plants"]] == [True, True, False]
    assert report["passed"] is False, "an uncaught leak fails the audit"
    assert report["candidates"] == len(SAMPLE)
    assert messages
    json.dumps(report, default=str)
    text = printed(lambda out: print_leakage(report, out))
    assert f"seed 5, as of {LATER.isoformat()}: {report['dates'][0]}" in text
    assert "MISSED" in text and "1 of 2 plants caught, 1 not tested; see above" in text
    assert f"no data of the range could leak on any of its {len(SAMPLE)} dates" in text


def test_only_dates_with_final_games_and_features_are_sampled(warehouse: LocalWarehouse) -> None:
    assert dates_to_audit(warehouse, DATES) == SAMPLE
    with pytest.raises(BadInput, match="no date from 2023-11-01 to 2023-11-03 has final games and features"):
        leakage(warehouse, DATES[0], DATES[1], number=1, seed=0, now=LATER, log=str)


@pytest.fixture(scope="module")
def first_rounds(world: World, tmp_path_factory: pytest.TempPathFactory) -> LocalWarehouse:
    """A warehouse with the features of the first rounds of the season."""
    return a_warehouse(Audit(world, FIRST_ROUNDS, LATER), tmp_path_factory.mktemp("first_rounds"))


(ANOTHER,) = (plant for plant in plants.PLANTS if plant.name == "only_who_played")
WINDOWS = [plant for plant in plants.PLANTS if plant.name in ("window_that_holds_tonight", "opponent_rating_that_holds_tonight")]


def audited(
    warehouse: LocalWarehouse, first: date, last: date, *planted: Derivation, number: int = 1, seed: int = 0
) -> dict[str, Any]:
    return leakage(warehouse, first, last, number=number, seed=seed, now=LATER, log=str, plants=planted)


@pytest.mark.unattended
@pytest.mark.parametrize("number", [pytest.param(2, id="two dates"), pytest.param(40, id="every date")])
def test_the_first_rounds_of_a_season_catch_leaks_on_the_dates_that_show_them(first_rounds: LocalWarehouse, number: int) -> None:
    report = audited(first_rounds, DATES[0], FIRST_ROUNDS[-1], *WINDOWS, number=number)
    assert len(report["dates"]) == min(number, len(FIRST_ROUNDS))
    assert (report["passed"], report["control_dates"]) == (True, [str(DATES[4])])
    for plant in report["plants"]:
        assert plant["is_tried"] and "everything_after_the_first_tipoff_may_go" in plant["caught_by"]


@pytest.mark.unattended
def test_a_leak_that_a_range_cannot_show_is_not_tried(first_rounds: LocalWarehouse) -> None:
    found = audited(first_rounds, DATES[0], FIRST_ROUNDS[2], *WINDOWS, plants.PLANTS[1], ANOTHER)
    assert [(plant["is_tried"], bool(plant["caught_by"])) for plant in found["plants"]] == [(False, False)] * 3 + [(True, True)]
    assert found["passed"] is True
    text = printed(lambda out: print_leakage(found, out))
    assert "no data of the range could leak on any of its 3 dates" in text
    assert "1 of 1 plants caught, 3 not tested; nothing leaks" in text


@pytest.mark.unattended
def test_an_audit_without_an_effective_leak_does_not_pass(first_rounds: LocalWarehouse) -> None:
    report = audited(first_rounds, DATES[0], FIRST_ROUNDS[0], *WINDOWS)
    assert report["passed"] is False
    assert "0 of 0 plants caught, 2 not tested; see above" in printed(lambda out: print_leakage(report, out))


@pytest.mark.unattended
def test_leaks_without_effect_on_the_sample_are_tested_on_other_dates(first_rounds: LocalWarehouse) -> None:
    report = audited(first_rounds, DATES[0], FIRST_ROUNDS[-1], *WINDOWS, seed=1)
    assert report["dates"] == [str(FIRST_ROUNDS[1])]
    assert (report["passed"], report["control_dates"]) == (True, [str(FIRST_ROUNDS[1])])
    for plant in report["plants"]:
        assert plant["is_tried"] and plant["dates"] == [str(DATES[4])]
        assert "everything_after_the_first_tipoff_may_go" in plant["caught_by"]


@pytest.mark.parametrize(
    ("plants_tried_and_caught", "is_controlled"),
    [([], True), ([(False, False)], False), ([(True, True), (False, False)], True), ([(True, True), (True, False)], False)],
    ids=["no plants", "no effective leak", "every effective leak is caught", "an effective leak is missed"],
)
def test_an_audit_passes_only_if_effective_leaks_exist_and_are_caught(
    plants_tried_and_caught: list[tuple[bool, bool]], is_controlled: bool
) -> None:
    records = [{"is_tried": tried, "caught_by": ["a test"] if caught else []} for tried, caught in plants_tried_and_caught]
    assert leakage_report._are_controlled(records) is is_controlled


def test_no_date_is_derived_alone(world: World) -> None:
    assert preceding_dates(world, SAMPLE) == [DATES[7]]
    assert preceding_dates(world, DATES) == []


def test_seasons_are_printed(warehouse: LocalWarehouse) -> None:
    text = printed(lambda out: print_seasons(seasons(warehouse, DATES), out))
    assert "2023-24" in text and "60.0%" in text and "is not between" in text
    text = printed(lambda out: print_seasons(seasons(warehouse, DATES[:9]), out))
    assert "2023-24: means need 50 complete games, and it has 45" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["leakage", "--from", "2024-01-02", "--to", "2024-01-01"], "--from 2024-01-02 is after --to 2024-01-01"),
        (["leakage", "--from", "2024-01-01", "--to", "2024-01-02", "--dates", "0"], "--dates must be at least 1, not 0"),
        (["leakage", "--from", "2024-01-01", "--to", "2024-01-02", "--format", "xml"], "--format is 'xml'"),
        (["leakage", "--from", "2024-01-01", "--to", "2024-01-02"], "has final games and features"),
        (["seasons", "--from", "2024-01-01", "--to", "2024-01-02"], "has games"),
    ],
    ids=["dates turned round", "no dates", "unknown format", "nothing to audit", "no seasons"],
)
def test_bad_arguments_are_refused_in_one_line(arguments: list[str], message: str) -> None:
    with pytest.raises(BadInput, match=message):
        app(["audit", *arguments], standalone_mode=False)


def printed(show: Callable[[Console], None]) -> str:
    """Returns the output of a console with 400 columns."""
    text = io.StringIO()
    show(Console(file=text, width=400))
    return text.getvalue()

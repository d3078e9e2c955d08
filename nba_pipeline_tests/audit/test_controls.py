"""The dates on which planted leaks are tested, and the plants that count as tested."""

import polars as pl
import pytest

from nba_pipeline.audit.controls import control_dates, dates_with_effect, plant_results
from nba_pipeline.audit.derivations import Audit, Derivation
from nba_pipeline.audit.leakage import TESTS
from nba_pipeline.audit.plants import PLANTS
from nba_pipeline.audit.recompute import World
from nba_pipeline_tests.audit.conftest import CONTROL, LATER, SAMPLE
from nba_pipeline_tests.builders_audit import DATES

pytestmark = pytest.mark.platform

A, B, C, *_ = DATES
HARMLESS = Derivation("harmless", "No leak at all.")


def planted(name: str) -> Derivation:
    (plant,) = (plant for plant in PLANTS if plant.name == name)
    return plant


def test_a_leak_is_shown_where_it_changes_a_value(world: World) -> None:
    audit = Audit(world, DATES[1:7], LATER)
    shown = dates_with_effect(audit, [planted("window_that_holds_tonight"), HARMLESS], audit.dates)
    assert shown == {"window_that_holds_tonight": DATES[4:7], "harmless": []}


@pytest.mark.unattended
def test_a_leak_between_dates_needs_two_dates_with_players(world: World) -> None:
    plant = planted("scaled_over_all_dates")
    for dates, shown in ((DATES[1:2], []), (DATES[1:3], DATES[1:3])):
        assert dates_with_effect(Audit(world, dates, LATER), [plant], dates) == {plant.name: shown}


def test_the_control_dates_are_few_early_and_show_every_leak(world: World) -> None:
    assert control_dates(world, [A, B, C], {"one": [A, B], "two": [B, C]}) == [B]
    assert control_dates(world, [A, B, C], {"one": [A], "two": [C], "three": []}) == [A, C]
    assert control_dates(world, [A, B, C], {"one": [B, C]}) == [B]
    assert control_dates(world, [A, B, C], {"one": []}) == [A]


def test_one_of_the_control_dates_has_known_tipoffs(world: World) -> None:
    tipoff = pl.when(pl.col("game_date") == B).then("tipoff_at").alias("tipoff_at")
    some = {**world, "schedule": world["schedule"].with_columns(tipoff)}
    assert control_dates(some, [A, B, C], {"one": [A, B, C]}) == [B]
    assert control_dates(some, [A, B, C], {"one": [C]}) == [B, C]
    none = {**world, "schedule": world["schedule"].with_columns(pl.lit(None, pl.Datetime("us", "UTC")).alias("tipoff_at"))}
    assert control_dates(none, [A, B, C], {"one": [C]}) == [C]
    assert control_dates(none, [A, B, C], {"one": []}) == [A]


@pytest.mark.unattended
def test_a_leak_of_in_play_lines_is_caught_in_a_world_without_them(audit: Audit) -> None:
    plant = planted("closing_line_of_the_game_in_play")
    shown = dates_with_effect(audit, [plant], SAMPLE)
    (record,) = plant_results(audit, [plant], shown, ())
    assert (shown[plant.name], record["is_tried"]) == ([], True)
    assert "no_line_or_report_is_from_after_tipoff" in record["caught_by"]
    assert record["dates"] == [str(CONTROL)]


@pytest.mark.unattended
def test_a_test_failed_by_the_real_derivation_does_not_catch_a_leak_without_effect(audit: Audit) -> None:
    plant = planted("closing_line_of_the_game_in_play")
    (record,) = plant_results(audit, [plant], {plant.name: []}, [test.__name__ for test in TESTS])
    assert (record["is_tried"], record["caught_by"]) == (False, [])
    assert {test["passed"] for test in record["tests"]} == {True, False}

"""The checks of `features` at their bounds: each passes there, fails just below, and passes on a date without players."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from statistics import stdev

import polars as pl
import pytest

from nba_pipeline.asset_factory.verdicts import Verdict, verdicts_of
from nba_pipeline.assets.features.features import (
    TABLE,
    enough_expected_players_have_features,
    enough_players_are_ready,
    every_feature_varies,
    most_players_are_ready,
    most_rows_are_of_quality,
    no_feature_is_constant,
)
from nba_pipeline.assets.features.upcoming_players import TABLE as UPCOMING_PLAYERS
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import days
from nba_pipeline.settings import SETTINGS
from nba_pipeline.systems.moving_average import MOVING_AVERAGE
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import DAY, Values, a_game, an_expected_player, before, frame_of
from nba_pipeline_tests.builders_predictions import a_feature_row, features_of_rows

Check = Callable[..., pl.DataFrame]
NEXT_DAY = DAY + timedelta(days=1)
LEAST_GAMES = {"games_played_season": 5}
NEWCOMER = {"games_played_season": 4}
"""Players with fewer than 5 games do not count."""


@pytest.fixture
def warehouse(tmp_path: Path) -> LocalWarehouse:
    return LocalWarehouse(home=str(tmp_path))


def judged(check: Check, warehouse: LocalWarehouse, *slates: Sequence[Values]) -> list[Verdict]:
    """The verdicts on slates of successive dates from DAY on. A slate has the fields of each player's row."""
    dates = days(DAY, DAY + timedelta(days=len(slates) - 1))
    rows = [
        a_feature_row(day, player_id=number, **fields)
        for day, slate in zip(dates, slates, strict=True)
        for number, fields in enumerate(slate)
    ]
    warehouse.replace(TABLE, dates, features_of_rows(*rows), "test")
    return verdicts_of(check(warehouse, dates, Clock()), dates)


def test_80_pct_of_the_expected_players_suffice_and_those_without_features_are_named(warehouse: LocalWarehouse) -> None:
    names, dates = [f"Player {number}" for number in range(100)], [DAY, NEXT_DAY]
    players = [an_expected_player(day, player_id=number, player_name=name) for day in dates for number, name in enumerate(names)]
    warehouse.replace(UPCOMING_PLAYERS, dates, frame_of(UPCOMING_PLAYERS, *players), "test")
    verdicts = judged(enough_expected_players_have_features, warehouse, [{}] * 80, [{}] * 79, [])
    assert [(verdict.passed, verdict.numbers["share"]) for verdict in verdicts] == [(True, 0.8), (False, 0.79), (True, 1.0)]
    assert [verdict.missing for verdict in verdicts] == [[f"{name} (GSW)" for name in names[first:]] for first in (80, 79, 100)]


def test_players_of_excluded_teams_need_no_features(warehouse: LocalWarehouse) -> None:
    """The last game of GSW has no box score."""
    yesterday, tonight = a_game(before(1), "GSW", "NYK"), a_game(DAY, "GSW", "BOS", status="scheduled")
    players = [an_expected_player(player_id=number, team=team) for number, team in enumerate(("GSW", "BOS"))]
    warehouse.replace(SCHEDULE, [before(1), DAY], frame_of(SCHEDULE, yesterday, tonight), "test")
    warehouse.replace(UPCOMING_PLAYERS, [DAY], frame_of(UPCOMING_PLAYERS, *players), "test")
    (verdict,) = judged(enough_expected_players_have_features, warehouse, [])
    assert (verdict.passed, verdict.numbers["expected"], verdict.missing) == (False, 1, ["Stephen Curry (BOS)"])


@pytest.mark.parametrize("feature", MOVING_AVERAGE.required)
@pytest.mark.parametrize(("check", "ready"), [(enough_players_are_ready, 60), (most_players_are_ready, 80)])
def test_a_share_of_the_players_has_each_required_feature(
    check: Check, ready: int, feature: str, warehouse: LocalWarehouse
) -> None:
    unready = {feature: None}
    slates = [[{}] * count + [LEAST_GAMES | unready] * (100 - count) + [NEWCOMER | unready] * 10 for count in (ready, ready - 1)]
    verdicts = judged(check, warehouse, *slates, [])
    expected = [(True, ready / 100, 100), (False, (ready - 1) / 100, 100), (True, 1.0, 0)]
    assert [(verdict.passed, verdict.numbers["share"], verdict.numbers["expected"]) for verdict in verdicts] == expected


def test_the_nulls_in_required_features_are_counted(warehouse: LocalWarehouse) -> None:
    unready = dict.fromkeys(MOVING_AVERAGE.required)
    (verdict,) = judged(most_players_are_ready, warehouse, [{}, LEAST_GAMES | unready, NEWCOMER | unready])
    assert verdict.numbers["nulls_in_required_features"] == len(unready)


@pytest.mark.parametrize(
    ("check", "features"),
    [
        (no_feature_is_constant, SETTINGS.slates.never_constant),
        (every_feature_varies, tuple(SETTINGS.slates.usual_variation)),
    ],
    ids=["never constant", "usual variation"],
)
def test_each_constant_feature_of_50_players_is_named(check: Check, features: Sequence[str], warehouse: LocalWarehouse) -> None:
    newcomer = NEWCOMER | dict.fromkeys(features, 2.0)
    small, judged_slate, empty = judged(check, warehouse, [LEAST_GAMES] * 49 + [newcomer], [LEAST_GAMES] * 50 + [newcomer], [])
    assert [(verdict.passed, verdict.missing) for verdict in (small, empty)] == [(True, [])] * 2
    assert (judged_slate.passed, judged_slate.numbers) == (False, {"rows": 50, "flat_features": len(features)})
    assert judged_slate.missing == [f"{feature} (distinct values: 1, standard deviation 0.00)" for feature in features]


def test_a_feature_with_two_values_or_none_is_not_constant_and_one_with_a_single_value_is(warehouse: LocalWarehouse) -> None:
    features = SETTINGS.slates.never_constant
    values, nulls = dict.fromkeys(features, 2.0), dict.fromkeys(features)
    verdicts = judged(no_feature_is_constant, warehouse, [{}] * 149 + [values], [nulls] * 50, [nulls] * 49 + [values])
    assert [(verdict.passed, len(verdict.missing)) for verdict in verdicts] == [(True, 0), (True, 0), (False, len(features))]


@pytest.mark.parametrize(
    ("feature", "at_bound", "below"),
    [
        ("points_mean_last_5_games", [5.0 * (n % 20) for n in range(150)], [5.0 * (n % 19) for n in range(150)]),
        ("rest_days", [2.0] * 43 + [1.0, 3.0] * 7, [2.0] * 44 + [1.0, 3.0] * 6 + [1.0]),
        ("line", [20.5] * 49 + [None] * 101, [20.5] * 50 + [None] * 100),
    ],
    ids=["20 distinct values of a full slate", "standard deviation of 0.5", "fewer than 50 values are not judged"],
)
def test_a_feature_that_varies_less_than_usual_is_named(
    feature: str, at_bound: Sequence[float | None], below: Sequence[float | None], warehouse: LocalWarehouse
) -> None:
    slates = [
        [dict.fromkeys(SETTINGS.slates.usual_variation, float(n)) | {feature: value} for n, value in enumerate(values)]
        for values in (at_bound, below)
    ]
    known = [value for value in below if value is not None]
    message = f"{feature} (distinct values: {len(set(known))}, standard deviation {stdev(known):.2f})"
    verdicts = judged(every_feature_varies, warehouse, *slates)
    assert [(verdict.passed, verdict.missing) for verdict in verdicts] == [(True, []), (False, [message])]


def test_60_pct_of_the_rows_are_bronze_or_better(warehouse: LocalWarehouse) -> None:
    tiers = {"gold": 10, "silver": 20, "bronze": 30, "poor": 15, "critical": 25}
    at_bound = [LEAST_GAMES | {"quality_tier": tier} for tier, rows in tiers.items() for _ in range(rows)]
    at_bound += [NEWCOMER | {"quality_tier": "critical"}] * 10
    below = [at_bound[0] | {"quality_tier": "poor"}, *at_bound[1:]]
    verdicts = judged(most_rows_are_of_quality, warehouse, at_bound, below, [])
    assert [verdict.passed for verdict in verdicts] == [True, False, True]
    fractions = {f"{tier}_fraction": rows / 100 for tier, rows in tiers.items()}
    changed = fractions | {"gold_fraction": 0.09, "poor_fraction": 0.16}
    assert [verdict.numbers for verdict in verdicts] == [{"rows": 100} | fractions, {"rows": 100} | changed, {"rows": 0}]

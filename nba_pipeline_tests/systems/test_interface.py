"""Rules of every system. Features are named as text, because systems may not import the assets."""

import polars as pl
import pytest

from nba_pipeline.assets.features.career_form import CareerFormFeatures
from nba_pipeline.assets.features.expected_absences import ExpectedAbsenceFeatures
from nba_pipeline.assets.features.features import FEATURES, REQUIRED_FOR_BETTING
from nba_pipeline.assets.features.team_outlook import TeamOutlookFeatures
from nba_pipeline.errors import Permanent
from nba_pipeline.systems import CATBOOST, LINEAR_MEDIAN, SIMILARITY, SYSTEMS, System, cross_season
from nba_pipeline_tests.builders_predictions import a_feature_row, features_of_rows

PLAYER_LINES = {
    "line",
    "opening_line",
    "line_movement",
    "has_line",
    "line_minus_points_mean_season",
    "line_standard_deviation_across_books",
    "line_minus_previous_closing_line",
    "line_movement_direction",
    "price_skew",
    "late_line_movements",
}
NOT_COMPARED = {
    "over_pct_last_10_lined_games",
    "points_minus_closing_line_mean_last_5_lined_games",
    "blowout_pct_last_10_team_games",
    "minutes_standard_deviation_last_10_games",
    "team_pace_minus_opponent_pace",
    "self_creation_pct_last_10_games",
    "shot_zone_points_effect",
    "free_throw_points_effect",
    "points_mean_similar_games",
    "same_venue_pct_similar_games",
}
"""Features that are newer than the reads of CatBoost, and whose effect on it was never measured."""

ACROSS_SEASONS = {
    *CareerFormFeatures.column_names(),
    *TeamOutlookFeatures.column_names(),
    *ExpectedAbsenceFeatures.column_names(),
}
"""Read by the systems of `systems.cross_season`."""

every_system = pytest.mark.parametrize("system", SYSTEMS, ids=lambda system: system.system_id)


@every_system
def test_every_input_is_a_feature_and_listed_once(system: System) -> None:
    unknown = set(system.reads) - set(FEATURES)
    assert not unknown, (
        f"{system.system_id} reads {sorted(unknown)}, which `features` does not have; correct the name in its module"
    )
    assert len(set(system.reads)) == len(system.reads)


@every_system
def test_required_features_are_read(system: System) -> None:
    assert set(system.required) <= set(system.required_for_betting) <= set(system.reads)


@every_system
def test_features_required_for_betting_are_on_the_domain_list(system: System) -> None:
    added_later = {*LINEAR_MEDIAN.required, *SIMILARITY.required}
    assert set(system.required_for_betting) <= set(REQUIRED_FOR_BETTING) | added_later


def test_catboost_reads_all_features_except_player_lines_and_uncompared_features() -> None:
    assert set(FEATURES) - set(CATBOOST.reads) == PLAYER_LINES | NOT_COMPARED | ACROSS_SEASONS


def test_catboost_requires_the_domain_list() -> None:
    legitimately_null = {"points_mean_versus_opponent_last_1095_days"}
    assert set(REQUIRED_FOR_BETTING) - set(CATBOOST.required_for_betting) == legitimately_null


def test_the_systems_across_seasons_read_every_feature_of_their_tables() -> None:
    assert set(cross_season.READS) == ACROSS_SEASONS | {"home_court_level", "rest_days"}
    assert not set(cross_season.READS) & PLAYER_LINES


@every_system
def test_the_label_is_not_among_the_features(system: System) -> None:
    assert not {"points", "minutes", "did_play"} & set(system.reads)


@every_system
@pytest.mark.parametrize("change", ["missing", "renamed"])
def test_a_missing_or_renamed_feature_column_is_named(system: System, change: str) -> None:
    name = system.reads[-1]
    rows = features_of_rows(a_feature_row())
    rows = rows.drop(name) if change == "missing" else rows.rename({name: f"{name}_renamed"})
    with pytest.raises(Permanent, match=f"{system.system_id} reads {name}, which `features` does not have"):
        system.predictable(rows)


@every_system
def test_a_feature_column_of_text_is_named(system: System) -> None:
    name = system.reads[0]
    rows = features_of_rows(a_feature_row()).with_columns(pl.col(name).cast(pl.String))
    with pytest.raises(Permanent, match=rf"these columns of `features` are not numeric: {name} \(String\)"):
        system.predictable(rows)


@pytest.mark.parametrize("system", [s for s in SYSTEMS if set(s.reads) - set(s.required)], ids=lambda system: system.system_id)
def test_an_all_null_column_of_no_type_is_unknown(system: System) -> None:
    name = next(name for name in reversed(system.reads) if name not in system.required)
    rows = features_of_rows(a_feature_row()).with_columns(pl.lit(None).alias(name))
    assert system.predictable(rows).height == 1


@every_system
def test_no_rows_have_no_forecast_and_no_reason(system: System) -> None:
    assert system.predictable(features_of_rows()).is_empty() and system.why_not(features_of_rows()).is_empty()

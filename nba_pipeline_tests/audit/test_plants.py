"""The audit catches every planted leak (positive controls)."""

import pytest

from nba_pipeline.audit.derivations import Audit, Derivation
from nba_pipeline.audit.leakage import (
    Test,
    everything_after_the_first_tipoff_may_be_absurd,
    everything_after_the_first_tipoff_may_go,
    no_distribution_reads_an_outcome_of_its_date,
    no_feature_knows_the_points_better_than_the_line,
    no_line_or_report_is_from_after_tipoff,
    the_games_own_box_score_may_change,
    windows_rarely_equal_the_leaked_ones,
)
from nba_pipeline.audit.plants import PLANTS
from nba_pipeline.audit.recompute import World
from nba_pipeline_tests.audit.conftest import CONTROL, LATER, SAMPLE

pytestmark = pytest.mark.platform

CAUGHT_BY: dict[str, tuple[Test, ...]] = {
    "window_that_holds_tonight": (windows_rarely_equal_the_leaked_ones, everything_after_the_first_tipoff_may_go),
    "season_mean_that_holds_tonight": (windows_rarely_equal_the_leaked_ones, the_games_own_box_score_may_change),
    "season_mean_of_the_end_of_the_season": (everything_after_the_first_tipoff_may_go, the_games_own_box_score_may_change),
    "closing_line_of_the_game_in_play": (no_line_or_report_is_from_after_tipoff,),
    "line_of_an_unknown_instant": (no_line_or_report_is_from_after_tipoff,),
    "line_filled_from_the_points": (everything_after_the_first_tipoff_may_go, the_games_own_box_score_may_change),
    "report_of_after_the_tipoff": (no_line_or_report_is_from_after_tipoff,),
    "roster_as_it_stands_now": (everything_after_the_first_tipoff_may_be_absurd,),
    "only_who_played": (everything_after_the_first_tipoff_may_go,),
    "out_is_who_did_not_play": (everything_after_the_first_tipoff_may_go,),
    "points_with_noise": (no_feature_knows_the_points_better_than_the_line, the_games_own_box_score_may_change),
    "opponent_rating_that_holds_tonight": (everything_after_the_first_tipoff_may_go, the_games_own_box_score_may_change),
    "record_that_holds_tonight": (everything_after_the_first_tipoff_may_go,),
    "minutes_of_tonight_as_load": (everything_after_the_first_tipoff_may_go,),
    "margin_as_home_court": (everything_after_the_first_tipoff_may_go, the_games_own_box_score_may_change),
    "gaps_filled_from_later_games": (everything_after_the_first_tipoff_may_go,),
    "scaled_over_all_dates": (everything_after_the_first_tipoff_may_be_absurd,),
    "weighted_average_that_holds_tonight": (everything_after_the_first_tipoff_may_go, the_games_own_box_score_may_change),
    "absences_of_tonights_box": (everything_after_the_first_tipoff_may_go,),
    "cut_point_of_the_whole_sample": (everything_after_the_first_tipoff_may_go,),
    "box_scores_of_yesterday_by_another_clock": (windows_rarely_equal_the_leaked_ones,),
    "residuals_that_include_tonight": (no_distribution_reads_an_outcome_of_its_date,),
    "record_of_the_whole_period": (no_distribution_reads_an_outcome_of_its_date,),
    "league_mean_of_the_whole_season": (everything_after_the_first_tipoff_may_go,),
}


@pytest.mark.parametrize("plant", PLANTS, ids=lambda plant: plant.name)
def test_a_planted_leak_is_caught(audit: Audit, plant: Derivation) -> None:
    for test in CAUGHT_BY[plant.name]:
        result = test(audit, plant, [CONTROL])
        assert result.passed is False, result


def test_a_disguised_label_is_caught_without_lines(world: World) -> None:
    unlined = Audit({**world, "prop_lines": world["prop_lines"].clear()}, SAMPLE, LATER)
    (plant,) = (plant for plant in PLANTS if plant.name == "points_with_noise")
    result = no_feature_knows_the_points_better_than_the_line(unlined, plant, [CONTROL])
    assert result.passed is False
    assert result.detail.startswith("correlates too well: usage_pct_last_5_games 0.9")


def test_every_plant_is_tested_and_has_a_story() -> None:
    assert CAUGHT_BY.keys() == {plant.name for plant in PLANTS}
    assert len(PLANTS) >= 10
    assert all(plant.description.endswith(".") for plant in PLANTS)

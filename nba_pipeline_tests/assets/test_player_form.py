"""Season starts, trades and overtimes in a player's form: no window adds or loses a game."""

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from nba_pipeline.asset_factory.verdicts import verdicts_of
from nba_pipeline.assets.features.player_form import TABLE, form_of, most_windows_are_complete
from nba_pipeline.assets.features.upcoming_players import TABLE as UPCOMING_PLAYERS
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.instance.clock import Clock
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import (
    DAY,
    Values,
    a_boxscore,
    a_game,
    an_expected_player,
    before,
    boxscores_of,
    frame_of,
    games_of,
    summaries_of,
)
from nba_pipeline_tests.builders_summaries import team_summaries_of

pytestmark = pytest.mark.slow


def form(boxscores: Sequence[Values], schedule: Sequence[Values] = (), **expected: Any) -> Values:
    """Returns the row of one expected player. It is valid."""
    frame = form_of(
        frame_of(UPCOMING_PLAYERS, an_expected_player(**expected)),
        summaries_of(*boxscores),
        team_summaries_of(boxscores_of(*boxscores)),
        frame_of(SCHEDULE, *schedule),
    )
    assert TABLE.schema.is_valid(frame.drop("source"))
    return frame.row(0, named=True)


COUNTS = (
    "games_played_season",
    "games_versus_opponent_last_1095_days",
    "games_since_structural_change",
    "games_last_7_days",
    "back_to_backs_last_14_days",
    "actual_games_last_10",
)
UNKNOWN = (
    "latest_game_date", "rest_days", "points_mean_season", "points_mean_last_3_games", "minutes_mean_last_10_games",
    "points_mean_versus_opponent_last_1095_days", "is_window_complete", "previous_closing_line",
)  # fmt: skip


def test_the_first_game_of_a_career_has_a_row_of_no_games() -> None:
    row = form([a_boxscore(before(2), player_id=2)])
    assert {name: row[name] for name in COUNTS} == dict.fromkeys(COUNTS, 0)
    assert {name: row[name] for name in UNKNOWN} == dict.fromkeys(UNKNOWN)


def test_the_first_game_of_a_season_has_no_window_and_rests_since_the_last_season() -> None:
    row = form(games_of(*[20] * 10, last=date(2023, 4, 9)), game_date=date(2023, 10, 24))
    assert (row["games_played_season"], row["points_mean_season"], row["contributing_game_ids"]) == (0, None, [])
    assert (row["latest_game_date"], row["rest_days"], row["is_back_to_back"]) == (date(2023, 4, 9), 198, 0)


def test_the_second_game_of_a_season_knows_one_game() -> None:
    row = form([*games_of(*[20] * 10, last=date(2023, 4, 9)), a_boxscore(date(2023, 10, 24))], game_date=date(2023, 10, 26))
    assert (row["games_played_season"], row["actual_games_last_10"], row["rest_days"]) == (1, 1, 2)


def test_a_traded_player_keeps_his_games_and_meetings_count_only_games_played() -> None:
    """Five games for Boston, one of them against Golden State, then five for Golden State. The next opponent is Boston."""
    for_boston = games_of(10, 10, 10, 10, 30, last=before(12), team="BOS", opponent="LAL")
    for_boston[-1]["opponent"] = "GSW"
    row = form([*for_boston, *games_of(*[20] * 5)], opponent="BOS")
    assert (row["games_played_season"], row["points_mean_last_10_games"], row["games_since_structural_change"]) == (10, 17, 5)
    assert (row["games_versus_opponent_last_1095_days"], len(row["contributing_game_ids"])) == (0, 10)
    assert form([*for_boston, *games_of(*[20] * 5)], team="BOS", opponent="GSW")["games_versus_opponent_last_1095_days"] == 1


def test_two_players_of_one_name_keep_their_own_games() -> None:
    namesake = games_of(*[40] * 5, player_id=2)
    assert form([*games_of(*[20] * 5), *namesake])["points_mean_last_5_games"] == 20


def test_the_minutes_of_an_overtime_game_are_those_on_court() -> None:
    usual = games_of(*[20] * 5, minutes=30.0)
    row = form([*usual[:-1], usual[-1] | {"minutes": 50.0}])
    assert (row["minutes_mean_last_10_games"], row["points_per_minute_last_10_games"]) == (34, pytest.approx(100 / 170))


def test_a_game_that_moved_is_no_hole_on_the_date_that_it_left() -> None:
    boxes, games = games_of(*[20] * 6), [a_game(before(2 * n)) for n in range(1, 7)]
    assert form(boxes, games)["is_window_complete"] is True
    postponed = a_game(before(3), game_id="0022300999", status="postponed", home_points=None, away_points=None)
    assert form(boxes, [*games, postponed])["expected_games_last_10"] == 6
    assert form(boxes, [*games, postponed | {"status": "final"}])["expected_games_last_10"] == 7


@pytest.mark.parametrize(("complete", "passed"), [(9, True), (8, False)])
def test_teams_with_holes_in_their_windows_are_named(complete: int, passed: bool, tmp_path: Path) -> None:
    shared: Values = {
        "game_date": DAY,
        "game_id": "g",
        "season": "2023-24",
        "opponent": "NYK",
        "source": "t",
        "code_version": "1",
        "games_played_season": 9,
    }
    rows = [
        shared | {"player_id": n, "team": "GSW" if n < complete else "BOS", "is_window_complete": n < complete} for n in range(10)
    ]
    warehouse = LocalWarehouse(home=str(tmp_path))
    warehouse.replace(TABLE, [DAY], frame_of(TABLE, *rows), "run")
    [found] = verdicts_of(most_windows_are_complete(warehouse, [DAY], Clock()), [DAY])
    assert (found.passed, list(found.missing)) == (passed, ["BOS"])

"""Similar games: the score by hand, earlier games of two seasons only, and terciles of the date."""

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.formulas.similar_games import SIMILAR_GAMES, defense_thirds, similarity_score, with_similar_games
from nba_pipeline_tests.builders import DAY, PLAYER, before

SAME = {"third": 1, "rest_step": 2, "is_home": True, "form": 20.0}


def score(**then: Any) -> int:
    values = SAME | {f"{name}_then": value for name, value in (SAME | then).items()}
    kinds = {"third": pl.Int64, "rest_step": pl.Int64, "is_home": pl.Boolean, "form": pl.Float64}
    schema = kinds | {f"{name}_then": kind for name, kind in kinds.items()}
    result: int = pl.DataFrame([values], schema=schema).select(similarity_score()).item()
    return result


@pytest.mark.parametrize(
    ("then", "points"),
    [
        ({}, 100), ({"third": 2}, 80), ({"third": None}, 60), ({"rest_step": 3}, 85), ({"rest_step": 4}, 70),
        ({"is_home": False}, 90), ({"is_home": None}, 85), ({"form": 23.0}, 100), ({"form": 23.1}, 90), ({"form": 13.9}, 85),
        ({"form": None}, 85), ({"third": 0, "rest_step": 1, "is_home": False, "form": 0.0}, 40),
    ],
    ids=str,
)  # fmt: skip
def test_the_score_adds_its_parts_and_an_unknown_part_adds_nothing(then: dict[str, Any], points: int) -> None:
    assert score(**then) == points


def games(
    points: list[int], last: date = DAY - timedelta(days=2), season: str = "2023-24", **fields: Any
) -> list[dict[str, Any]]:
    """One home game every second day against NYK."""
    return [
        {
            "game_date": last - timedelta(days=2 * back), "game_id": f"{last} {back}", "player_id": PLAYER, "season": season,
            "opponent": "NYK", "is_home": True, "did_play": True, "points": scored,
        } | fields
        for back, scored in enumerate(reversed(points))
    ]  # fmt: skip


def team_games(day: date = DAY) -> pl.DataFrame:
    """Six teams with ten games each: the first one has the best defense."""
    rows = [
        {
            "game_date": day - timedelta(days=2 * n + 1), "game_id": f"{team} {n}", "team": team, "opponent": "opponent", "season": "2023-24",
            "offensive_rating": 110.0, "defensive_rating": 100.0 + number, "pace": 100.0, "fga": 80, "fta": 20,
        }
        for number, team in enumerate(("BOS", "CHI", "NYK", "LAL", "UTA", "WAS"))
        for n in range(20)
    ]  # fmt: skip
    return pl.DataFrame(rows)


def similar(played: list[dict[str, Any]], *days: date, form: float | None = 20.0, **fields: Any) -> pl.DataFrame:
    rows = [
        {
            "game_date": day, "game_id": f"tonight {day}", "player_id": PLAYER, "season": "2023-24", "opponent": "NYK", "is_home": True,
            "rest_days": 2, "points_mean_last_5_games": form,
        } | fields
        for day in days or (DAY,)
    ]  # fmt: skip
    schema = {"rest_days": pl.Int64, "points_mean_last_5_games": pl.Float64}
    return with_similar_games(pl.DataFrame(rows, schema_overrides=schema), pl.DataFrame(played), team_games())


def values(frame: pl.DataFrame) -> tuple[Any, ...]:
    return frame.select(SIMILAR_GAMES).row(0)


def test_the_mean_is_over_at_most_twenty_similar_games_the_latest_on_a_tie() -> None:
    mean, venue = values(similar(games([0] * 20 + [20] * 20)))
    assert (mean, venue) == (20.0, 1.0)


def test_the_mean_is_weighted_by_the_score() -> None:
    """Games after a rest of two days score 85 without form and thirds; the first of the season has no rest and does not count."""
    played = games([10] * 7, is_home=True) + games([30] * 3, last=before(20), is_home=False)
    assert values(similar(played, form=None))[1] == pytest.approx(0.7, abs=0.11)


def test_four_similar_games_are_too_few() -> None:
    far = {"opponent": "WAS"}
    assert values(similar(games([20] * 4))) == (None, None)
    assert values(similar(games([20] * 30, **far), opponent="BOS", rest_days=4)) == (None, None)


@pytest.mark.parametrize(("season", "counts"), [("2022-23", True), ("2021-22", False)])
def test_this_season_and_the_one_before_count(season: str, counts: bool) -> None:
    played = games([20] * 12, last=date(2023, 4, 1) if counts else date(2022, 4, 1), season=season)
    teams = team_games().with_columns(pl.lit(season).alias("season"), pl.col("game_date") - (DAY - played[-1]["game_date"]))
    rows = pl.DataFrame(
        {
            "game_date": [DAY], "game_id": ["tonight"], "player_id": [PLAYER], "season": ["2023-24"], "opponent": ["NYK"],
            "is_home": [True], "rest_days": [2], "points_mean_last_5_games": [20.0],
        }
    )  # fmt: skip
    tonight = pl.concat([team_games(), teams])
    assert (values(with_similar_games(rows, pl.DataFrame(played), tonight))[0] is not None) is counts


def test_games_of_the_date_and_later_and_games_without_the_player_have_no_effect() -> None:
    played, later = games([20] * 30), games([90] * 10, last=DAY + timedelta(days=18))
    absent = games([90] * 10, last=before(3), did_play=False)
    assert values(similar(played + later + absent)) == values(similar(played))


def test_a_date_has_the_same_values_alone_and_in_a_range() -> None:
    played = games([n % 30 for n in range(40)], last=DAY)
    both = similar(played, DAY, DAY + timedelta(days=2))
    assert_frame_equal(both.head(1), similar(played, DAY))
    assert_frame_equal(both.tail(1), similar(played, DAY + timedelta(days=2)))


def test_thirds_are_those_of_the_date_and_unknown_under_five_games() -> None:
    slates = pl.DataFrame({"game_date": [DAY, before(32)], "season": ["2023-24"] * 2})
    thirds = {(row[0], row[1]): row[2] for row in defense_thirds(slates, team_games()).iter_rows()}
    assert [thirds[DAY, team] for team in ("BOS", "CHI", "NYK", "LAL", "UTA", "WAS")] == [0, 0, 1, 1, 2, 2]
    assert thirds[before(32), "BOS"] is None


def test_without_games_the_values_are_null() -> None:
    none = games([20])[:1]
    assert values(similar(none)) == (None, None)

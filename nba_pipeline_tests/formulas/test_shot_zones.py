"""Zones follow the area. Counts that disagree with the box score are null as a group. Real games are tested in real/."""

from itertools import count
from typing import Any

import polars as pl
import pytest

from nba_pipeline.formulas.shot_zones import (
    ZONE_COLUMNS,
    player_zones,
    team_zones,
    with_team_zones,
    with_zones,
    zone,
)

ORDER = count(1)
SCHEMA = {
    "game_id": pl.String, "order_number": pl.Int64, "period": pl.Int64, "period_seconds_left": pl.Float64, "team": pl.String,
    "player_id": pl.Int64, "action_type": pl.String, "sub_type": pl.String, "area": pl.String, "is_made": pl.Boolean,
    "assist_player_id": pl.Int64, "block_player_id": pl.Int64,
}  # fmt: skip
BOX_SCHEMA = {
    "game_id": pl.String,
    "player_id": pl.Int64,
    "did_play": pl.Boolean,
    "points": pl.Int64,
    "fgm": pl.Int64,
    "fga": pl.Int64,
    "ftm": pl.Int64,
}
PAINT, MID = "Restricted Area", "Mid-Range"


def an_action(kind: str, area: str | None = None, made: bool | None = True, **fields: Any) -> dict[str, Any]:
    """Returns an action of player 1 of Boston in game "1". Each action follows the one before."""
    return dict.fromkeys(SCHEMA) | {
        "game_id": "1", "order_number": next(ORDER), "period": 1, "period_seconds_left": 600.0, "team": "BOS", "player_id": 1,
        "action_type": kind, "area": area, "is_made": made,
    } | fields  # fmt: skip


def plays(*actions: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(list(actions), schema=SCHEMA)


def of_player(player: int, *actions: dict[str, Any]) -> dict[str, Any]:
    is_he = (pl.col("game_id") == "1") & (pl.col("player_id") == player)
    return player_zones(plays(*actions)).row(by_predicate=is_he, named=True)


def a_line(points: int | None = 2, fgm: int | None = 1, fga: int | None = 2, **fields: Any) -> dict[str, Any]:
    """Returns player 1's row of the box score."""
    return {"game_id": "1", "player_id": 1, "did_play": True, "points": points, "fgm": fgm, "fga": fga, "ftm": 0} | fields


def zoned(line: dict[str, Any], *actions: dict[str, Any]) -> dict[str, Any]:
    return with_zones(pl.DataFrame([line], schema=BOX_SCHEMA), plays(*actions)).row(0, named=True)


@pytest.mark.parametrize(
    ("kind", "area", "expected"),
    [
        ("2pt", "Restricted Area", "paint"), ("2pt", "In The Paint (Non-RA)", "paint"), ("2pt", "Mid-Range", "mid_range"),
        ("2pt", "Above the Break 3", "mid_range"), ("3pt", "Left Corner 3", "three_point"), ("3pt", "Backcourt", "three_point"),
        ("3pt", None, "three_point"), ("heave", "Backcourt", "three_point"), ("Heave", None, "three_point"), ("2pt", None, None), ("2pt", "Paint", None), ("rebound", "Restricted Area", None),
    ],
)  # fmt: skip
def test_the_zone_goes_by_type_and_area(kind: str, area: str | None, expected: str | None) -> None:
    assert plays(an_action(kind, area)).select(zone()).item() == expected


def test_shots_count_by_zone() -> None:
    row = of_player(
        1,
        an_action("2pt", PAINT),
        an_action("2pt", PAINT, made=False),
        an_action("2pt", MID, assist_player_id=2),
        an_action("3pt"),
        an_action("3pt", made=False),
        an_action("freethrow", made=False),
        an_action("freethrow"),
    )
    assert {name: row[name] for name in row if row[name] != 0} == {
        "game_id": "1", "player_id": 1, "paint_fga": 2, "paint_fgm": 1, "mid_range_fga": 1, "mid_range_fgm": 1,
        "three_point_fga": 2, "three_point_fgm": 1, "assisted_fgm": 1, "unassisted_fgm": 2, "ftm": 1,
    }  # fmt: skip


def test_a_block_is_credited_in_the_zone_of_the_shot() -> None:
    row = of_player(2, an_action("2pt", PAINT, made=False, block_player_id=2), an_action("3pt", made=False, block_player_id=2))
    assert [row[f"{name}_blocks"] for name in ("paint", "mid_range", "three_point")] == [1, 0, 1]
    assert row["paint_fga"] == 0


THROW = {"sub_type": "1 of 1"}


@pytest.mark.parametrize(
    ("throw", "and_ones"),
    [
        (THROW, 1), (THROW | {"is_made": False}, 1), ({"sub_type": "1 of 2"}, 0), (THROW | {"player_id": 2}, 0),
        (THROW | {"period_seconds_left": 599.9}, 0), (THROW | {"period": 2}, 0), (THROW | {"game_id": "2"}, 0),
        (THROW | {"order_number": 0}, 0),
    ],
    ids=["and one", "missed", "one of two", "somebody else", "another clock", "another period", "another game", "before"],
)  # fmt: skip
def test_an_and_one_is_a_throw_of_the_same_player_at_the_same_clock(throw: dict[str, Any], and_ones: int) -> None:
    assert of_player(1, an_action("2pt", PAINT), an_action("freethrow", **throw))["and_ones"] == and_ones


def test_a_missed_shot_is_no_and_one() -> None:
    assert of_player(1, an_action("2pt", PAINT, made=False), an_action("freethrow", **THROW))["and_ones"] == 0


def test_a_team_s_shots_count_by_zone() -> None:
    frame = team_zones(plays(an_action("2pt", PAINT), an_action("3pt", player_id=None), an_action("2pt", MID, team="NYK")))
    assert frame.select("team", "paint_fga", "mid_range_fga", "three_point_fga").rows() == [("BOS", 1, 0, 1), ("NYK", 0, 1, 0)]


SHOTS = (an_action("2pt", PAINT), an_action("2pt", MID, made=False))


def test_zones_that_agree_with_the_box_score_are_complete() -> None:
    row = zoned(a_line(), *SHOTS)
    assert (row["has_complete_zones"], row["paint_fga"], row["mid_range_fga"], row["and_ones"]) == (True, 1, 1, 0)
    assert row["ftm"] == 0 and set(row) == {*BOX_SCHEMA, *ZONE_COLUMNS, "has_complete_zones"}


@pytest.mark.parametrize(
    "line", [a_line(fga=3), a_line(fgm=2), a_line(points=3), a_line(fga=None)], ids=["attempts", "makes", "points", "unknown"]
)
def test_zones_that_disagree_with_the_box_score_are_null_as_a_group(line: dict[str, Any]) -> None:
    row = zoned(line, *SHOTS)
    assert row["has_complete_zones"] is False and {row[name] for name in ZONE_COLUMNS} == {None}


def test_a_shot_from_an_unknown_area_is_not_guessed() -> None:
    row = zoned(a_line(), an_action("2pt", PAINT), an_action("2pt", "Somewhere", made=False))
    assert (row["has_complete_zones"], row["paint_fga"]) == (False, None)


def test_a_blocked_shot_from_an_unknown_area_leaves_the_blocker_without_zones() -> None:
    blocked = an_action("2pt", None, made=False, player_id=2, block_player_id=1)
    row = zoned(a_line(), *SHOTS, blocked)
    assert (row["has_complete_zones"], row["paint_blocks"]) == (False, None)


def test_free_throws_belong_to_the_points() -> None:
    assert zoned(a_line(points=3), *SHOTS, an_action("freethrow"))["has_complete_zones"] is True


def test_who_played_and_did_not_shoot_has_zeros() -> None:
    row = zoned(a_line(0, 0, 0, player_id=9), *SHOTS)
    assert row["has_complete_zones"] is True and {row[name] for name in ZONE_COLUMNS} == {0}


def test_without_play_by_play_or_playing_all_is_null() -> None:
    other_game, bench = a_line(0, 0, 0, game_id="2"), a_line(None, None, None, did_play=False)
    for line in (other_game, bench):
        row = zoned(line, *SHOTS)
        assert {row[name] for name in (*ZONE_COLUMNS, "has_complete_zones")} == {None}


def test_rows_stay_as_many_and_in_order() -> None:
    lines = pl.DataFrame([a_line(player_id=n, game_id=g) for g in ("2", "1") for n in (3, 1, 2)], schema=BOX_SCHEMA)
    assert with_zones(lines, plays(*SHOTS)).select(lines.columns).equals(lines)


def test_zones_of_a_team_are_null_as_a_group_when_they_do_not_sum() -> None:
    teams = pl.DataFrame(
        [("1", "BOS", 2, 1), ("1", "NYK", 80, 40), ("2", "BOS", 2, 1)], schema=["game_id", "team", "fga", "fgm"], orient="row"
    )
    shots = plays(*SHOTS, an_action("3pt", team="NYK", player_id=5))
    assert with_team_zones(teams, shots)["paint_fga"].to_list() == [1, None, None]
    assert with_team_zones(teams, shots).select(teams.columns).equals(teams)


A_HEAVE = {"made": False, "period_seconds_left": 0.7}
HEAVES = {
    "of nobody, as the league's stats site lists it": an_action("Heave", player_id=None, **A_HEAVE),
    "without a result, as older rows have it": an_action("Heave", made=None, player_id=None),
    "of nobody": an_action("heave", "Backcourt", player_id=None, **A_HEAVE),
    "of its shooter": an_action("heave", "Backcourt", **A_HEAVE),
    "a three of nobody": an_action("3pt", "Backcourt", player_id=None, **A_HEAVE),
}


def test_a_heave_without_a_result_is_one_of_the_listed() -> None:
    assert of_teams(2, HEAVES["without a result, as older rows have it"], 0)["three_point_fga"] == 1


def of_teams(fga: int, heave: dict[str, Any], heaves: int | None) -> dict[str, Any]:
    """Returns Boston's zones. `heaves` of its attempts count for no player."""
    teams = pl.DataFrame([("1", "BOS", fga, 1, heaves)], schema=["game_id", "team", "fga", "fgm", "heaves"], orient="row")
    return with_team_zones(teams, plays(*SHOTS, heave), pl.col("heaves")).row(0, named=True)


@pytest.mark.parametrize("heave", HEAVES.values(), ids=HEAVES)
def test_a_missed_heave_counts_for_the_team_and_for_no_player(heave: dict[str, Any]) -> None:
    player = zoned(a_line(fga=2), *SHOTS, heave)
    assert (player["has_complete_zones"], player["three_point_fga"]) == (True, 0)
    assert team_zones(plays(*SHOTS, heave)).select("paint_fga", "mid_range_fga", "three_point_fga").row(0) == (1, 1, 1)


@pytest.mark.parametrize(
    ("fga", "heaves", "three_point_fga"), [(3, 1, 1), (2, 0, 1), (3, None, 1), (4, 1, None), (4, None, None), (1, 0, None)],
    ids=["the total holds it", "the total lacks it", "as many as listed", "another is lacking", "one is unexplained", "too few"],
)  # fmt: skip
def test_zones_of_a_team_hold_its_listed_heave(fga: int, heaves: int | None, three_point_fga: int | None) -> None:
    assert of_teams(fga, HEAVES["of nobody"], heaves)["three_point_fga"] == three_point_fga


def test_zones_of_a_team_are_complete_without_its_unlisted_heave() -> None:
    nothing = an_action("rebound", made=None, player_id=None)
    assert of_teams(3, nothing, 1)["three_point_fga"] == 0
    assert of_teams(3, nothing, 0)["three_point_fga"] is None


def test_a_made_heave_is_a_three_of_its_shooter() -> None:
    row = zoned(a_line(points=5, fgm=2, fga=3), *SHOTS, an_action("heave", "Backcourt"))
    assert (row["has_complete_zones"], row["three_point_fga"], row["three_point_fgm"]) == (True, 1, 1)


def test_a_blocked_heave_is_a_blocked_three() -> None:
    row = of_player(2, an_action("heave", player_id=None, block_player_id=2, **A_HEAVE))
    assert (row["three_point_blocks"], row["three_point_fga"]) == (1, 0)

"""A team's game from its own and the opponent's totals. The numbers are from the real games 0042400407 and 0022400561."""

from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.asset_factory.verdicts import Verdict, verdicts_of
from nba_pipeline.assets.sources.play_by_play import TABLE as PLAY_BY_PLAY
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.assets.sources.team_boxscores import TABLE as TEAM_BOXSCORES
from nba_pipeline.assets.summaries.player_game_summary import TABLE as PLAYER_GAMES
from nba_pipeline.assets.summaries.team_game_summary import (
    TABLE,
    enough_summarised_games_have_two_rows,
    every_summarised_game_has_two_rows,
    league_means_are_plausible,
    points_equal_the_schedule,
    summarize_team_games,
    team_game_summary,
    team_zones_are_complete,
)
from nba_pipeline.formulas.shot_zones import TEAM_ZONE_COLUMNS
from nba_pipeline.instance.clock import Clock
from nba_pipeline.warehouse.io_manager import EXCLUDED
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import DAY, Values, a_boxscore, a_game, at, before, frame_of
from nba_pipeline_tests.builders_summaries import a_team_boxscore, a_team_game, plays_of, shots_of, team_games

OKC = {"team": "OKC", "points": 103, "fgm": 35, "fga": 87, "fg3m": 11, "ftm": 22, "fta": 31, "oreb": 13, "turnovers": 7}
IND = {"team": "IND", "points": 91, "fgm": 29, "fga": 70, "fg3m": 11, "ftm": 22, "fta": 29, "oreb": 12, "turnovers": 21}
PHI = {"team": "PHI", "points": 119, "fgm": 46, "fga": 92, "fg3m": 13, "ftm": 14, "fta": 14, "oreb": 11, "turnovers": 12}
NYK = {"team": "NYK", "points": 125, "fgm": 46, "fga": 86, "fg3m": 16, "ftm": 17, "fta": 24, "oreb": 15, "turnovers": 13}
RATES = ("possessions", "offensive_rating", "defensive_rating", "pace", "effective_field_goal_pct", "true_shooting_pct")
GAME = a_team_boxscore()["game_id"]


def boxes(home: Values, away: Values) -> list[Values]:
    return [a_team_boxscore(opponent=other["team"], is_home=side is home, **side) for side, other in ((home, away), (away, home))]


def summaries(
    rows: list[Values], *schedule: Values, overtimes: int = 0, plays: pl.DataFrame | None = None, games: tuple[str, ...] = (GAME,)
) -> pl.DataFrame:
    players = frame_of(PLAYER_GAMES, *({"game_id": game, "overtimes": overtimes} for game in games))
    boxscores = frame_of(TEAM_BOXSCORES, *rows)
    return summarize_team_games(boxscores, players, plays_of() if plays is None else plays, frame_of(SCHEDULE, *schedule))


def of(team: str, frame: pl.DataFrame) -> Values:
    return frame.row(by_predicate=pl.col("team") == team, named=True)


@pytest.mark.parametrize(
    ("home", "away", "overtimes", "expected"),
    [
        (OKC, IND, 0, (94.64, 108.83, 99.17, 93.20, 0.4655, 0.5117)),
        (IND, OKC, 0, (91.76, 99.17, 108.83, 93.20, 0.4929, 0.5498)),
        (PHI, NYK, 1, (99.16, 120.01, 132.19, 87.72, 0.571, 0.606)),
        (NYK, PHI, 1, (94.56, 132.19, 120.01, 87.72, 0.628, 0.647)),
    ],
    ids=["OKC", "IND", "PHI after overtime", "NYK after overtime"],
)
def test_rates_of_a_real_game(home: Values, away: Values, overtimes: int, expected: tuple[float, ...]) -> None:
    row = of(home["team"], summaries(boxes(home, away), overtimes=overtimes))
    assert [row[name] for name in RATES[:4]] == pytest.approx(expected[:4], abs=0.005)
    assert [row[name] for name in RATES[4:]] == pytest.approx(expected[4:], abs=5e-4)


def test_the_defensive_columns_are_the_opponent_s_row() -> None:
    frame = summaries(boxes(OKC, IND))
    okc, ind = of("OKC", frame), of("IND", frame)
    assert (okc["did_win"], okc["opponent_points"], okc["margin"]) == (True, 91, 12)
    assert (ind["did_win"], ind["opponent_points"], ind["margin"]) == (False, 103, -12)
    assert (okc["pace"], okc["defensive_rating"]) == (ind["pace"], ind["offensive_rating"])


def test_rates_are_null_when_the_counts_of_one_side_are_unknown() -> None:
    row = of("OKC", summaries(boxes(OKC, IND | {"oreb": None})))
    assert [row[name] for name in RATES[:4]] == [pytest.approx(94.64), pytest.approx(108.83, abs=0.01), None, None]


def test_only_games_with_summarized_players_have_rows() -> None:
    assert summaries(boxes(OKC, IND), games=("another",)).is_empty()
    assert summaries(boxes(OKC, IND)).height == 2


def test_zones_are_own_and_allowed() -> None:
    player = a_boxscore(**OKC | {"fta": 0})
    plays = plays_of(*shots_of(player, (50, 20, 17), (24, 0, 11)))
    frame = summaries(boxes(OKC, IND), plays=plays)
    okc, ind = of("OKC", frame), of("IND", frame)
    assert [okc[name] for name in TEAM_ZONE_COLUMNS] == [50, 24, 20, 0, 17, 11]
    assert [ind[f"allowed_{name}"] for name in TEAM_ZONE_COLUMNS] == [50, 24, 20, 0, 17, 11]
    assert [okc[f"allowed_{name}"] for name in TEAM_ZONE_COLUMNS] == [None] * 6


@pytest.mark.parametrize(("days", "expected"), [(1, 1), (3, 3), (30, 30), (31, None)])
def test_rest_is_since_the_last_final_game_of_an_earlier_date(days: int, expected: int | None) -> None:
    schedule = [a_game(before(days), "OKC", "BOS"), a_game(DAY, "OKC", "IND"), a_game(before(-1), "OKC", "LAL")]
    postponed = a_game(before(1), "LAL", "OKC", status="postponed")
    frame = summaries(boxes(OKC, IND), *schedule, postponed)
    assert (of("OKC", frame)["rest_days"], of("IND", frame)["rest_days"]) == (expected, None)


def test_the_order_of_the_input_does_not_matter() -> None:
    rows = boxes(OKC, IND)
    assert_frame_equal(summaries(rows), summaries(rows[::-1]), check_exact=True)


# Rules of the table


def quarantined(*rows: Values) -> list[str]:
    frame = team_games(*rows).drop("as_of", "code_version")
    return TABLE.conform(frame, at(12), "1")[1]["problem"].to_list()


def both(**fields: Any) -> list[Values]:
    """Returns both sides of a game, the home side with these values."""
    return [a_team_game(**fields), a_team_game(team="NYK", opponent="GSW", is_home=False)]


def test_rows_keep_the_promise_of_the_table() -> None:
    frame = summaries(boxes(OKC, IND), a_game(before(2), "OKC", "BOS"))
    assert frame.columns == [*TABLE.schema.column_names(), "source"]
    assert TABLE.schema.is_valid(frame.drop("source"))
    assert quarantined(*both()) == []


@pytest.mark.parametrize(
    ("fields", "rule"),
    [
        ({"fga": 49}, "game_is_whole"),
        ({"possessions": 79.9}, "possessions_are_possible"),
        ({"possessions": 140.1}, "possessions_are_possible"),
        ({"pace": 79.0}, "pace_is_possible"),
        ({"pace": 121.0}, "pace_is_possible"),
        ({"offensive_rating": 59.0}, "ratings_are_possible"),
        ({"offensive_rating": 171.0}, "ratings_are_possible"),
    ],
)
def test_an_impossible_row_is_quarantined_with_the_other_side(fields: Values, rule: str) -> None:
    assert quarantined(*both(**fields)) == [rule, rule]


def test_one_row_of_a_game_is_not_enough() -> None:
    assert quarantined(both()[0]) == ["game_has_both_teams"]


def test_unknown_rates_are_no_impossible_ones() -> None:
    assert quarantined(*both(possessions=None, pace=None, offensive_rating=None, fga=None)) == []


# The asset and its checks


def test_games_without_summaries_are_left_out_by_name() -> None:
    games = [a_game(), a_game(game_id="2", home_team="BOS", away_team="LAL")]
    other = {"game_id": "2", "opponent": "LAL", "team": "BOS"}
    rows = [*both_boxes(), a_team_boxscore(**other), a_team_boxscore(**other | {"team": "LAL", "opponent": "BOS"})]
    context = dg.build_asset_context(partition_key=str(DAY))
    found = team_game_summary(
        context,
        schedule=frame_of(SCHEDULE, *games),
        team_boxscores=frame_of(TEAM_BOXSCORES, *rows),
        player_game_summary=player_rows(GAME),
        play_by_play=plays_of(),
    )
    assert found["game_id"].unique().to_list() == [GAME]  # type: ignore[index]
    assert context.get_output_metadata("result")[EXCLUDED].data == {str(DAY): ["LAL@BOS 2"]}


def both_boxes() -> list[Values]:
    return [a_team_boxscore(), a_team_boxscore(points=100, team="NYK", opponent="GSW", is_home=False)]


def player_rows(*games: str) -> pl.DataFrame:
    return frame_of(PLAYER_GAMES, *[a_boxscore(game_id=game) | {"overtimes": 0} for game in games])


def verdict(check: Any, home: Path, rows: list[Values], games: tuple[str, ...] = (GAME,)) -> Verdict:
    warehouse = LocalWarehouse(home=str(home))
    warehouse.replace(SCHEDULE, [DAY], frame_of(SCHEDULE, a_game()), "me")
    warehouse.replace(PLAYER_GAMES, [DAY], player_rows(*games), "me")
    warehouse.replace(TABLE, [DAY], team_games(*rows), "me")
    (only,) = verdicts_of(check(warehouse, [DAY], Clock(fixed_at=at(12).isoformat())), [DAY])
    assert isinstance(only, Verdict)
    return only


SIDES = [a_team_game(), a_team_game(margin=-10, points=100, team="NYK", opponent="GSW", is_home=False)]


@pytest.mark.parametrize(("others", "enough", "every"), [(0, True, True), (1, False, False)])
def test_a_game_without_both_teams_is_named(others: int, enough: bool, every: bool, tmp_path: Path) -> None:
    games = (GAME, *["2"] * others)
    blocking = verdict(enough_summarised_games_have_two_rows, tmp_path / "a", SIDES, games)
    warning = verdict(every_summarised_game_has_two_rows, tmp_path / "b", SIDES, games)
    assert (blocking.passed, warning.passed, warning.missing) == (enough, every, ["2"] * others)
    assert not verdict(every_summarised_game_has_two_rows, tmp_path / "c", SIDES[:1]).passed


def test_four_of_five_games_are_enough(tmp_path: Path) -> None:
    games = tuple(str(n) for n in range(5))
    rows = [side | {"game_id": game} for game in games[:4] for side in SIDES]
    assert verdict(enough_summarised_games_have_two_rows, tmp_path / "a", rows, games).passed
    assert not verdict(every_summarised_game_has_two_rows, tmp_path / "b", rows, games).passed
    assert not verdict(enough_summarised_games_have_two_rows, tmp_path / "c", rows[:6], games).passed


def test_points_that_differ_from_the_schedule_are_named(tmp_path: Path) -> None:
    assert verdict(points_equal_the_schedule, tmp_path / "a", SIDES).passed
    found = verdict(points_equal_the_schedule, tmp_path / "b", [SIDES[0] | {"points": 111}, SIDES[1]])
    assert (found.passed, found.missing) == (False, [f"{GAME} GSW: 111, the schedule has 110"])


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({}, []),
        ({"pace": 79.0}, ["pace 79.000"]),
        ({"offensive_rating": 131.0}, ["offensive_rating 131.000"]),
        ({"effective_field_goal_pct": 0.66}, ["effective_field_goal_pct 0.660"]),
        ({"pace": None, "offensive_rating": None}, []),
    ],
)
def test_a_slate_s_mean_out_of_the_league_s_range_warns(fields: Values, missing: list[str], tmp_path: Path) -> None:
    found = verdict(league_means_are_plausible, tmp_path, [side | fields for side in SIDES])
    assert (found.passed, list(found.missing)) == (not missing, missing)
    assert found.numbers["team_games"] == 2
    assert found.numbers.get("pace") == fields.get("pace", 100.0)


# A missed heave counts for the team and for no player

SHOOTER = a_boxscore(points=60, season="2025-26", fgm=25, fga=60, fg3m=10, ftm=0, fta=0)
SHOTS = shots_of(SHOOTER, (20, 20, 20), (10, 5, 10))
THE_HEAVE = shots_of(SHOOTER | {"player_id": None}, (0, 0, 1), (0, 0, 0), action_type="heave")


def with_a_heave(*actions: Values) -> pl.DataFrame:
    """Summarizes Golden State of 2025-26 with one attempt more than its only shooter, and these actions."""
    totals = [a_team_boxscore(points=60, season="2025-26", fgm=25, fga=61, fg3m=10, ftm=0, fta=0), both_boxes()[1]]
    players = frame_of(PLAYER_GAMES, SHOOTER | {"overtimes": 0})
    return summarize_team_games(frame_of(TEAM_BOXSCORES, *totals), players, plays_of(*actions), SCHEDULE.empty())


@pytest.mark.parametrize(
    ("actions", "threes"),
    [((*SHOTS, *THE_HEAVE), 21), (SHOTS, 20), ((*SHOTS[1:], *THE_HEAVE), None)],
    ids=["listed", "not listed", "a shot is lacking"],
)
def test_the_zones_of_a_team_with_a_heave_are_kept(actions: tuple[Values, ...], threes: int | None) -> None:
    row = of("GSW", with_a_heave(*actions))
    assert (row["three_point_fga"], row["fga"]) == (threes, 61)


@pytest.mark.parametrize("listed", [True, False])
def test_heaves_are_counted_beside_the_zones(listed: bool, tmp_path: Path) -> None:
    warehouse = LocalWarehouse(home=str(tmp_path))
    actions = [*SHOTS, *THE_HEAVE] if listed else SHOTS
    warehouse.replace(PLAYER_GAMES, [DAY], frame_of(PLAYER_GAMES, SHOOTER | {"overtimes": 0}), "me")
    warehouse.replace(PLAY_BY_PLAY, [DAY], plays_of(*actions), "me")
    warehouse.replace(TABLE, [DAY], frame_of(TABLE, *with_a_heave(*actions).rows(named=True)), "me")
    (found,) = verdicts_of(team_zones_are_complete(warehouse, [DAY], Clock(fixed_at=at(12).isoformat())), [DAY])
    assert (found.passed, found.missing) == (False, [f"{GAME} NYK"])
    assert (found.numbers["team_heaves"], found.numbers["listed_heaves"], found.numbers["present"]) == (1, int(listed), 1)

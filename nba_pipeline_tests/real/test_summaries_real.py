"""Summaries of real games: domain/golden.md sections 1 and 6, bit-identical one date at a time."""

import json
import math
from datetime import date, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.assets.features.team_defense_zones import TABLE as TEAM_DEFENSE_ZONES
from nba_pipeline.assets.features.team_defense_zones import TWO_SEASONS_DAYS, defense_zones_of
from nba_pipeline.assets.sources.boxscores import TABLE as BOXSCORES
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.assets.sources.team_boxscores import complete_with_sums, sum_players
from nba_pipeline.assets.summaries.player_game_summary import TABLE as PLAYER_GAMES
from nba_pipeline.assets.summaries.player_game_summary import summarize_player_games
from nba_pipeline.assets.summaries.team_game_summary import TABLE as TEAM_GAMES
from nba_pipeline.assets.summaries.team_game_summary import summarize_team_games
from nba_pipeline.completeness.contradictions import implausible_box_scores
from nba_pipeline.formulas.plausibility import team_totals
from nba_pipeline.formulas.possessions import with_team_heaves
from nba_pipeline.formulas.team_form import with_team_form
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import days
from nba_pipeline.providers.archive import Archive
from nba_pipeline.providers.balldontlie import STATISTICS as FIELDS
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline_tests.builders import frame_of
from nba_pipeline_tests.builders_summaries import plays_of
from nba_pipeline_tests.real.conftest import DATA, SHARED

pytestmark = pytest.mark.real

GAME, DAY = "0042400407", date(2025, 6, 22)
TEAMS = {
    "OKC": (103, 35, 87, 11, 40, 22, 31, 13, 27, 20, 7, 94.64, 108.83, 99.17, 93.20, 0.4655, 0.5117),
    "IND": (91, 29, 70, 11, 28, 22, 29, 12, 33, 17, 21, 91.76, 99.17, 108.83, 93.20, 0.4929, 0.5498),
}
TEAM_COLUMNS = (
    "points", "fgm", "fga", "fg3m", "fg3a", "ftm", "fta", "oreb", "dreb", "assists", "turnovers", "possessions",
    "offensive_rating", "defensive_rating", "pace", "effective_field_goal_pct", "true_shooting_pct",
)  # fmt: skip
PLAYERS = {
    "Gilgeous-Alexander": (40, 29, 37.10, 0.449, 0.333), "Jalen Williams": (38, 20, 27.74, 0.442, 0.400),
    "Holmgren": (31, 18, 16.57, 0.781, 0.812), "Caruso": (32, 10, 13.94, 0.500, 0.500),
    "Mathurin": (33, 24, 30.00, 0.652, 0.500), "Siakam": (37, 16, 21.35, 0.498, 0.462),
    "McConnell": (28, 16, 33.04, 0.615, 0.615), "Haliburton": (7, 9, 39.65, 0.900, 0.900),
}  # fmt: skip
DATES = [date(2021, 10, 20), date(2022, 10, 25), date(2023, 2, 15), date(2024, 4, 20), date(2025, 1, 15), date(2025, 6, 22)]

Seasons = dict[str, pl.DataFrame]


@pytest.fixture(scope="module")
def the_game() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Players and teams of the seventh game of the 2025 Finals, from balldontlie's statistics."""
    document = json.loads((SHARED / "wire" / "balldontlie" / "v1_stats__2025-06-22.json").read_text())
    rows = []
    for player in document["data"]:
        team = player["team"]["abbreviation"]
        did_play = player["min"] != "00"
        counts = {column: player[field] if did_play else None for column, field in FIELDS.items()}
        rows.append(
            {
                "game_date": DAY,
                "game_id": GAME,
                "player_id": player["player"]["id"],
                "season": "2024-25",
                "team": team,
                "opponent": {"OKC": "IND", "IND": "OKC"}[team],
                "is_home": team == "OKC",
                "did_play": did_play,
                "player_name": f"{player['player']['first_name']} {player['player']['last_name']}",
                "status": "played" if did_play else "dnp",
                "minutes": float(player["min"]) if did_play else None,
                "minutes_precision": "rounded" if did_play else None,
                "team_points": {"OKC": 103, "IND": 91}[team],
                "provider": "balldontlie",
                "source": "test",
                **counts,
            }
        )
    boxscores = frame_of(BOXSCORES, *rows)
    players = summarize_player_games(boxscores)
    return players, summarize_team_games(sum_players(boxscores), players, plays_of(), SCHEDULE.empty())


@pytest.mark.parametrize("team", TEAMS)
def test_the_teams_of_a_real_game(the_game: tuple[pl.DataFrame, pl.DataFrame], team: str) -> None:
    row = the_game[1].row(by_predicate=pl.col("team") == team, named=True)
    actual, expected = [row[name] for name in TEAM_COLUMNS], TEAMS[team]
    assert actual[:11] == list(expected[:11])
    assert actual[11:15] == pytest.approx(expected[11:15], abs=0.005)
    assert actual[15:] == pytest.approx(expected[15:], abs=5e-5)
    assert (row["overtimes"], row["did_win"]) == (0, team == "OKC")


@pytest.mark.parametrize("name", PLAYERS)
def test_the_players_of_a_real_game(the_game: tuple[pl.DataFrame, pl.DataFrame], name: str) -> None:
    row = the_game[0].row(by_predicate=pl.col("player_name").str.ends_with(name), named=True)
    minutes, points, usage, true_shooting, effective = PLAYERS[name]
    assert (row["minutes"], row["points"]) == (minutes, points)
    assert 100 * row["usage_pct"] == pytest.approx(usage, abs=0.005)
    assert (row["true_shooting_pct"], row["effective_field_goal_pct"]) == pytest.approx((true_shooting, effective), abs=6e-4)


@pytest.fixture(scope="module")
def seasons(tmp_path_factory: pytest.TempPathFactory) -> Seasons:
    """The summaries of the four seasons, computed together."""
    clock = Clock(fixed_at="2025-09-01T00:00:00Z")
    landing = Landing(home=str(tmp_path_factory.mktemp("landing")), clock=clock)
    archive, dates = Archive(folder=str(DATA), landing=landing, clock=clock), days(date(2021, 10, 1), date(2025, 6, 22))
    schedule, boxscores = archive.schedule(dates), archive.boxscores(dates)
    players = summarize_player_games(boxscores)
    given = archive.team_boxscores(dates)
    teams = summarize_team_games(complete_with_sums(given, boxscores), players, plays_of(), schedule)
    return {"schedule": schedule, "boxscores": boxscores, "given": given, "players": players, "teams": teams}


def regular(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.filter(pl.col("game_id").str.starts_with("002"))


def test_every_row_conforms(seasons: Seasons) -> None:
    for table, name in ((PLAYER_GAMES, "players"), (TEAM_GAMES, "teams")):
        good, bad = table.conform(seasons[name], Clock(fixed_at="2025-09-01T00:00:00Z").now(), "1")
        assert (good.height, bad.height) == (seasons[name].height, 0)
    assert seasons["teams"].height == 2 * 5_257
    assert seasons["teams"].filter("is_reconstructed").height == 2 * 337  # the playoffs


@pytest.mark.parametrize(
    ("column", "mean", "low", "high"),
    [
        ("possessions", 101.01, 82.28, 132.04), ("pace", 100.41, 84.66, 117.16), ("offensive_rating", 112.29, 68.59, 163.04),
        ("defensive_rating", 112.29, 68.59, 163.04), ("effective_field_goal_pct", None, 0.319, 0.804),
        ("true_shooting_pct", None, 0.356, 0.825),
    ],
)  # fmt: skip
def test_means_and_extremes_of_9840_team_games(
    seasons: Seasons, column: str, mean: float | None, low: float, high: float
) -> None:
    values = regular(seasons["teams"])[column]
    tolerance = 0.005 if mean else 5e-4
    assert values.count() == 9_840
    assert (values.min(), values.max()) == pytest.approx((low, high), abs=tolerance)
    assert mean is None or values.mean() == pytest.approx(mean, abs=tolerance)


@pytest.mark.parametrize(
    ("season", "pace", "rating"),
    [("2021-22", 99.9, 110.2), ("2022-23", 100.9, 112.9), ("2023-24", 100.2, 113.4), ("2024-25", 100.6, 112.6)],
)
def test_the_league_s_means_by_season(seasons: Seasons, season: str, pace: float, rating: float) -> None:
    rows = regular(seasons["teams"]).filter(season=season)
    assert (rows["pace"].mean(), rows["offensive_rating"].mean()) == pytest.approx((pace, rating), abs=0.05)


def test_overtimes_home_wins_and_the_difference_of_the_possessions(seasons: Seasons) -> None:
    rows = regular(seasons["teams"])
    assert dict(rows.filter(pl.col("overtimes") > 0).group_by("overtimes").len().iter_rows()) == {1: 454, 2: 54, 3: 4}
    assert rows.filter("is_home")["did_win"].mean() == pytest.approx(0.553, abs=5e-4)
    opponents = rows.select("game_id", opponent="team", other="possessions")
    apart = rows.join(opponents, on=["game_id", "opponent"]).select((pl.col("possessions") - pl.col("other")).abs()).to_series()
    assert (apart.mean(), apart.max()) == pytest.approx((2.28, 11.96), abs=0.005)


STATISTICS_OF_A_TEAM = tuple(SETTINGS.plausible_games.ranges)


def test_every_statistic_of_a_team_was_the_sum_of_its_players_before_team_heaves(seasons: Seasons) -> None:
    sums = sum_players(seasons["boxscores"]).select("game_id", "team", pl.col(STATISTICS_OF_A_TEAM).name.suffix("_of_players"))
    both = seasons["given"].join(sums, on=["game_id", "team"])
    off = [name for name in STATISTICS_OF_A_TEAM if (both[name] != both[f"{name}_of_players"]).any()]
    assert (both.height, off) == (9_840, [])
    with_heaves = with_team_heaves(seasons["given"], seasons["boxscores"], **SETTINGS.team_heaves.model_dump())
    assert dict(with_heaves["team_heaves"].value_counts().iter_rows()) == {0: 9_840}


EXTREMES = {
    "points": (67, 176), "fgm": (22, 65), "fga": (64, 121), "fg3m": (2, 29), "fg3a": (12, 63), "ftm": (0, 44), "fta": (0, 53),
    "oreb": (0, 29), "dreb": (16, 60), "rebounds": (23, 74), "assists": (8, 50), "steals": (0, 22), "blocks": (0, 19),
    "turnovers": (1, 31), "fouls": (4, 35),
}  # fmt: skip


def test_no_game_of_four_seasons_is_implausible_nor_near_it(seasons: Seasons) -> None:
    """The bounds are half of the least and 5/4 of the most; of threes from 0."""
    assert implausible_box_scores(seasons["schedule"], seasons["boxscores"]) == {}
    totals = team_totals(seasons["boxscores"], STATISTICS_OF_A_TEAM)
    assert {name: (totals[name].min(), totals[name].max()) for name in STATISTICS_OF_A_TEAM} == EXTREMES
    bounds = {name: (low // 2, math.ceil(1.25 * high)) for name, (low, high) in EXTREMES.items()} | {"fg3m": (0, 37)}
    assert bounds == SETTINGS.plausible_games.ranges
    # 16 games of the playoffs lack some counts
    games = totals.drop_nulls().group_by("game_id").agg(pl.col(STATISTICS_OF_A_TEAM).sum())
    assert [games[name].min() for name in SETTINGS.plausible_games.never_zero] == [10, 2, 3, 10]


def test_team_turnovers_of_the_archive_are_those_of_the_players(seasons: Seasons) -> None:
    """Possessions are therefore the same with both. The NBA's box score adds team turnovers."""
    sums = sum_players(seasons["boxscores"]).select("game_id", "team", summed="turnovers")
    both = seasons["given"].join(sums, on=["game_id", "team"])
    assert (both.height, (both["turnovers"] != both["summed"]).sum()) == (9_840, 0)


def test_points_equal_the_schedule_and_rest_is_known_after_the_first_game(seasons: Seasons) -> None:
    sides = [seasons["schedule"].select("game_id", team=f"{side}_team", score=f"{side}_points") for side in ("home", "away")]
    rows = seasons["teams"].join(pl.concat(sides), on=["game_id", "team"])
    assert (rows.height, (rows["points"] != rows["score"]).sum()) == (seasons["teams"].height, 0)
    assert rows["rest_days"].null_count() == 4 * 30


def test_usage_above_the_team_total_is_null_and_flagged(seasons: Seasons) -> None:
    odd = regular(seasons["players"]).filter(pl.col("flags").list.contains("usage_anomaly"))
    assert (odd.height, odd["minutes"].max(), odd["usage_pct"].null_count()) == (14, 2, 14)
    long = seasons["players"].filter(pl.col("minutes") >= 10)
    assert 100 * long["usage_pct"].max() == pytest.approx(57.92, abs=0.005)  # type: ignore[operator]


@pytest.mark.parametrize("day", DATES, ids=str)
def test_a_date_computed_from_its_past_alone_is_bit_identical(seasons: Seasons, day: date) -> None:
    """The input is shuffled and has only the history that the asset reads."""
    everything = defense_zones_of(DATES, seasons["teams"])
    assert TEAM_DEFENSE_ZONES.schema.is_valid(everything.drop("source"))
    alone = defense_zones_of([day], before(seasons["teams"], day, TWO_SEASONS_DAYS))
    assert_frame_equal(alone, everything.filter(game_date=day), check_exact=True)
    slate = seasons["teams"].select("game_date", "game_id", "season", "team", "opponent")
    form = with_team_form(slate, seasons["teams"], seasons["schedule"]).filter(game_date=day).sort("game_id", "team")
    past = [before(seasons[name], day, 300) for name in ("teams", "schedule")]
    alone = with_team_form(slate.filter(game_date=day), *past).sort("game_id", "team")
    assert_frame_equal(alone, form, check_exact=True)


def before(frame: pl.DataFrame, day: date, reach: int) -> pl.DataFrame:
    """Returns the rows of the given number of days before the date, in another order."""
    past = pl.col("game_date").is_between(day - timedelta(days=reach), day - timedelta(days=1))
    return frame.filter(past).sample(fraction=1, shuffle=True, seed=11)


def test_thirty_teams_have_ratings_and_no_zones_in_mid_season(seasons: Seasons) -> None:
    rows = defense_zones_of([date(2024, 1, 15)], seasons["teams"])
    assert (rows.height, rows["games_last_15"].to_list(), rows["pace_last_15_games"].null_count()) == (30, [15] * 30, 0)
    assert rows["paint_field_goal_pct_allowed_last_15_games"].null_count() == 30
    assert 95 < rows["defensive_rating_last_15_games"].min() < rows["defensive_rating_last_15_games"].max() < 125  # type: ignore[operator]

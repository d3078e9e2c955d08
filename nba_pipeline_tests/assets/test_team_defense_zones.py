"""Teams per date, and proof that no row uses the date. formulas/test_zone_defense.py covers the values."""

import random
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.asset_factory.verdicts import Verdict, verdicts_of
from nba_pipeline.assets.features.team_defense_zones import (
    TABLE,
    TWO_SEASONS_DAYS,
    defense_zones_of,
    every_recent_team_is_here,
)
from nba_pipeline.assets.summaries.team_game_summary import TABLE as TEAM_GAMES
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import days, season_of
from nba_pipeline.league.teams import TEAMS
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import DAY, Values, at, before, frame_of
from nba_pipeline_tests.builders_summaries import a_team_game, allowing, team_games


def a_season(first: date, rounds: int, seed: int = 3) -> list[Values]:
    """Returns a season in which all teams play every third day. The zones of every seventh game are unknown."""
    chance, rows = random.Random(seed), []
    for n in range(rounds):
        day = first + timedelta(days=3 * n)
        teams = chance.sample(sorted(TEAMS), len(TEAMS))
        for number, (home, away) in enumerate(zip(teams[::2], teams[1::2], strict=True)):
            rates = {"season": season_of(day), "game_id": f"{day}{number}", "pace": chance.uniform(90, 110)}
            for team, opponent in ((home, away), (away, home)):
                zones = allowing((chance.randrange(15, 25), 5, 10), (40, 12, 38))
                known = zones if chance.random() < 6 / 7 else dict.fromkeys(zones)
                rows.append(a_team_game(day, team=team, opponent=opponent, **rates, **known))
    return rows


GAMES = team_games(*a_season(date(2022, 11, 1), 20), *a_season(date(2023, 10, 24), 20))
DATES = days(date(2023, 10, 20), date(2024, 1, 5))


def test_every_team_that_has_played_has_a_row() -> None:
    rows = defense_zones_of([date(2023, 10, 24), date(2023, 10, 25), before(0)], GAMES)
    assert dict(rows.group_by("game_date").len().iter_rows()) == {date(2023, 10, 25): 30, DAY: 30}


def test_the_season_before_stands_in_while_few_teams_have_played() -> None:
    two_games = GAMES.filter((pl.col("season") == "2022-23") | pl.col("game_id").str.ends_with("0"))
    assert defense_zones_of([date(2023, 10, 26)], two_games)["is_league_mean_of_last_season"].to_list() == [True] * 4
    assert not defense_zones_of(DATES, GAMES)["is_league_mean_of_last_season"].any()


def test_rows_keep_the_promise_of_the_table_over_a_range_of_dates() -> None:
    good, bad = TABLE.conform(defense_zones_of(DATES, GAMES), at(12), "1")
    assert (good.height, bad.height) == (30 * (len(DATES) - 5), 0)
    assert good["paint_field_goal_pct_points_above_league"].count() > good.height / 2


@pytest.mark.parametrize("day", DATES[6::14])
def test_one_date_alone_with_only_what_the_asset_reads_has_the_same_bits_as_in_a_range(day: date) -> None:
    read = pl.col("game_date").is_between(day - timedelta(days=TWO_SEASONS_DAYS), day, "left")
    past = GAMES.filter(read).sample(fraction=1, shuffle=True, seed=3)
    assert_frame_equal(defense_zones_of([day], past), defense_zones_of(DATES, GAMES).filter(game_date=day), check_exact=True)


@pytest.mark.parametrize("last", [date(2024, 6, 30), date(2025, 6, 30)], ids=str)
def test_the_input_window_covers_the_season_before(last: date) -> None:
    assert last - timedelta(days=TWO_SEASONS_DAYS) <= date(last.year - 2, 7, 2)


def test_a_date_before_any_game_is_empty() -> None:
    assert defense_zones_of([DAY], team_games()).is_empty()
    assert defense_zones_of([DAY], team_games()).columns == [*TABLE.schema.column_names(), "source"]


def verdicts(home: Path, dates: list[date], games: list[Values], leave_out: str = "") -> list[Verdict]:
    warehouse = LocalWarehouse(home=str(home))
    for day in {game["game_date"] for game in games}:
        warehouse.replace(TEAM_GAMES, [day], team_games(*[g for g in games if g["game_date"] == day]), "me")
    rows = defense_zones_of(dates, team_games(*games)).filter(pl.col("team") != leave_out).to_dicts()
    warehouse.replace(TABLE, dates, frame_of(TABLE, *rows), "me")
    return verdicts_of(every_recent_team_is_here(warehouse, dates, Clock(fixed_at=at(12).isoformat())), dates)


BOTH = [a_team_game(before(5)), a_team_game(before(5), team="NYK", opponent="GSW"), a_team_game(before(20), team="LAL")]


def test_a_team_that_played_lately_and_is_lacking_is_named(tmp_path: Path) -> None:
    (passed,) = verdicts(tmp_path / "a", [DAY], BOTH)
    assert (passed.passed, passed.numbers["teams"], passed.numbers["teams_with_zones"]) == (True, 3, 0)
    (found,) = verdicts(tmp_path / "b", [DAY], BOTH, leave_out="NYK")
    assert (found.passed, found.numbers["share"], found.missing) == (False, 0.5, ["NYK"])


def test_teams_of_the_season_before_are_not_missed(tmp_path: Path) -> None:
    finals = [a_team_game(date(2024, 6, 23)), a_team_game(date(2024, 6, 23), team="NYK", opponent="GSW")]
    last, first = verdicts(tmp_path, [date(2024, 6, 30), date(2024, 7, 1)], finals)
    assert (last.numbers["expected"], first.numbers["expected"], first.passed) == (2, 0, True)

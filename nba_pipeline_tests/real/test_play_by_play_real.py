"""A real play-by-play list and a real box score: the numbers of domain/golden.md, sections 3 and 4."""

import gzip
import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from nba_pipeline.assets.sources.play_by_play import TABLE as PLAY_BY_PLAY
from nba_pipeline.assets.sources.team_boxscores import SUMMED_BY_PLAYERS, complete_with_sums, sum_players
from nba_pipeline.assets.sources.team_boxscores import TABLE as TEAM_BOXSCORES
from nba_pipeline.formulas.possessions import offensive_rating, possessions
from nba_pipeline.formulas.shot_zones import TEAM_ZONE_COLUMNS, player_zones, team_zones, with_team_zones, with_zones, zone
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import days
from nba_pipeline.providers.archive import Archive
from nba_pipeline.providers.nba_cdn_boxscore import parse_boxscore, parse_team_boxscores
from nba_pipeline.providers.nba_cdn_play_by_play import is_over, parse_play_by_play
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payloads import Payload, Slot

SHARED = Path(os.environ.get("NBA_SHARED_DIR", Path(__file__).parents[3] / "shared"))
WIRE = SHARED / "wire" / "nba_cdn"
NIGHT = datetime(2025, 1, 7, 4, tzinfo=UTC)

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not WIRE.is_dir(), reason=f"needs the real payloads at {WIRE} (NBA_SHARED_DIR)"),
]

Land = Callable[[str, str, str, date], Payload]


@pytest.fixture
def land(tmp_path: Path) -> Land:
    landing = Landing(home=str(tmp_path), clock=Clock(fixed_at=NIGHT.isoformat()))

    def land(name: str, endpoint: str, game_id: str, day: date) -> Payload:
        body = (WIRE / name).read_bytes()
        body = gzip.decompress(body) if name.endswith(".gz") else body
        return landing.keep(Slot("nba_cdn", endpoint, game_id, day), body, fetched_at=NIGHT)

    return land


@pytest.fixture
def payload(land: Land) -> Payload:
    return land("liveData_playbyplay.json.gz", "playbyplay", "0022400500", date(2025, 1, 6))


@pytest.fixture
def actions(payload: Payload) -> pl.DataFrame:
    return parse_play_by_play(payload)


def test_571_actions_conform_and_end_the_game(payload: Payload, actions: pl.DataFrame) -> None:
    good, bad = PLAY_BY_PLAY.conform(actions, NIGHT, "1")
    assert (good.height, bad.height, is_over(payload)) == (571, 0, True)
    assert good.select("home_points", "away_points").row(-1) == (108, 106)
    kinds = dict(good["action_type"].value_counts().rows())
    assert [kinds[kind] for kind in ("2pt", "3pt", "freethrow", "substitution")] == [107, 74, 42, 110]
    assert good["block_player_id"].count() == 15
    assert good["is_made"].count() == 181 + 42


def test_ninety_of_107_two_pointers_were_taken_in_the_paint(actions: pl.DataFrame) -> None:
    twos = actions.filter(pl.col("action_type") == "2pt")
    areas = dict(twos["area"].value_counts().rows())
    assert (areas["Restricted Area"], areas["In The Paint (Non-RA)"]) == (44, 46)
    zones = dict(actions.filter(pl.col("is_made").is_not_null()).select(zone()).to_series().value_counts().rows())
    assert zones == {"paint": 90, "mid_range": 17, "three_point": 74, None: 42}


def test_the_zones_of_both_teams(actions: pl.DataFrame) -> None:
    zones = team_zones(actions).drop("game_id")
    assert zones.columns == ["team", *TEAM_ZONE_COLUMNS]
    assert zones.rows() == [("LAC", 42, 23, 12, 2, 35, 12), ("MIN", 48, 24, 5, 1, 39, 16)]
    box = pl.DataFrame({"game_id": ["0022400500"] * 2, "team": ["LAC", "MIN"], "fga": [89, 92], "fgm": [37, 41]})
    assert with_team_zones(box, actions)["paint_fgm"].to_list() == [23, 24]


def test_assists_free_throws_and_points_of_both_teams(actions: pl.DataFrame) -> None:
    teams = actions.filter(pl.col("player_id").is_not_null()).select("player_id", "team").unique()
    players = player_zones(actions).join(teams, on="player_id", validate="1:1")
    points = 2 * (pl.col("paint_fgm") + pl.col("mid_range_fgm")) + 3 * pl.col("three_point_fgm") + pl.col("ftm")
    sums = players.group_by("team").agg(pl.col("assisted_fgm", "unassisted_fgm", "ftm").sum(), points.sum().alias("points"))
    assert sorted(sums.rows()) == [("LAC", 23, 14, 20, 106), ("MIN", 24, 17, 10, 108)]
    thrown = actions.filter(pl.col("action_type") == "freethrow")["team"].value_counts()
    assert dict(thrown.rows()) == {"LAC": 25, "MIN": 17}
    assert players["and_ones"].sum() == 9  # 11 one-of-one free throws, of which 2 are for technical fouls
    assert players.select("paint_blocks", "mid_range_blocks", "three_point_blocks").sum().row(0) == (11, 1, 3)


def test_the_zones_of_every_player_agree_with_his_box_score(actions: pl.DataFrame) -> None:
    """The samples have no box score of this game, so it is counted from the actions."""
    is_made_shot = pl.col("is_made")
    value = pl.col("action_type").replace_strict({"2pt": 2, "3pt": 3, "freethrow": 1}, return_dtype=pl.Int64)
    is_field_goal = pl.col("action_type") != "freethrow"
    box = (
        actions.filter(is_made_shot.is_not_null())
        .group_by("game_id", "player_id")
        .agg(
            (value * is_made_shot).sum().alias("points"),
            is_field_goal.sum().alias("fga"),
            (is_field_goal & is_made_shot).sum().alias("fgm"),
        )
        .with_columns(did_play=pl.lit(True))
    )
    assert with_zones(box, actions)["has_complete_zones"].to_list() == [True] * box.height
    one_off = box.with_columns(pl.when(pl.col("player_id") == 1630162).then(pl.col("fga") + 1).otherwise("fga").alias("fga"))
    assert with_zones(one_off, actions).filter(~pl.col("has_complete_zones"))["player_id"].to_list() == [1630162]


def test_team_totals_possessions_and_ratings_of_brooklyn_and_golden_state(land: Land) -> None:
    payload = land("liveData_boxscore_0022000001.json", "boxscore", "0022000001", date(2020, 12, 22))
    good, bad = TEAM_BOXSCORES.conform(parse_team_boxscores(payload), NIGHT, "1")
    assert bad.is_empty()
    counts = ("team", "points", "fgm", "fga", "fg3m", "fg3a", "ftm", "fta", "oreb", "rebounds", "turnovers", "seconds", "periods")
    assert good.select(counts).rows() == [
        ("BKN", 125, 42, 92, 15, 35, 26, 32, 13, 57, 20, 14_400, 4),
        ("GSW", 99, 37, 99, 10, 33, 15, 23, 13, 47, 18, 14_400, 4),
    ]
    rates = good.with_columns(possessions()).select("possessions", offensive_rating()).to_numpy().round(2)
    assert rates.tolist() == [[113.08, 110.54], [114.12, 86.75]]
    sums = sum_players(parse_boxscore(payload)).sort("team")
    assert sums.select(SUMMED_BY_PLAYERS).equals(good.select(SUMMED_BY_PLAYERS))


@pytest.mark.skipif(not (SHARED / "data").is_dir(), reason=f"needs the real data at {SHARED} (NBA_SHARED_DIR)")
def test_the_archive_has_totals_of_the_regular_season_and_the_playoffs_are_summed_up(tmp_path: Path) -> None:
    clock = Clock(fixed_at="2025-09-01T00:00:00Z")
    archive = Archive(folder=str(SHARED / "data"), landing=Landing(home=str(tmp_path), clock=clock), clock=clock)
    dates = days(date(2021, 7, 1), date(2025, 6, 22))
    good, bad = TEAM_BOXSCORES.conform(complete_with_sums(archive.team_boxscores(dates), archive.boxscores(dates)), NIGHT, "1")
    competitions = good.group_by(pl.col("game_id").str.slice(0, 3), "is_reconstructed").len().sort("game_id")
    assert (bad.height, competitions.rows()) == (0, [("002", False, 9840), ("004", True, 674)])
    regular = good.filter(~pl.col("is_reconstructed")).select(possessions())["possessions"]
    assert [round(value, 2) for value in (regular.mean(), regular.min(), regular.max())] == [101.01, 82.28, 132.04]

"""Real responses of stats.nba.com and balldontlie, and the formulas on them: domain/golden.md, sections 1, 2 and 4."""

import gzip
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from nba_pipeline.assets.sources.boxscores import TABLE
from nba_pipeline.assets.summaries.player_game_summary import summarize_player_games
from nba_pipeline.completeness import gates
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import season_of
from nba_pipeline.providers.balldontlie import STATISTICS as FIELDS
from nba_pipeline.providers.columns import BOXSCORE_COLUMNS
from nba_pipeline.providers.nba_cdn_schedule import parse_schedule
from nba_pipeline.providers.nba_stats import STATISTICS as HEADERS
from nba_pipeline.providers.nba_stats import parse_game_log
from nba_pipeline.providers.wire import minutes_fields, seconds_of
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payloads import Payload, Slot
from nba_pipeline_tests.builders_summaries import team_summaries_of
from nba_pipeline_tests.real.conftest import SHARED

DAY = date(2025, 3, 15)
LOG = "nba_stats/leaguegamelog_player__2025-03-15.json"
SEASON = "nba_cdn/scheduleLeagueV2__2024-25_full__2025-08-27.json.gz"
NEW_YORK_AT_PHILADELPHIA = "nba_stats/boxscoretraditionalv2__0022400561.json"
INDIANA_AT_OKLAHOMA = "balldontlie/v1_stats__2025-06-22.json"

pytestmark = pytest.mark.real

Wire = Callable[..., Payload]


def bytes_of(path: str) -> bytes:
    body = (SHARED / "wire" / path).read_bytes()
    return gzip.decompress(body) if path.endswith(".gz") else body


@pytest.fixture
def wire(tmp_path: Path) -> Wire:
    """Lands one of the samples."""
    landing = Landing(home=str(tmp_path), clock=Clock(fixed_at="2025-09-01T00:00:00Z"))

    def land(path: str, *slot: Any) -> Payload:
        return landing.keep(Slot(*slot), bytes_of(path), fetched_at=datetime(2025, 9, 1, tzinfo=UTC))

    return land


@pytest.fixture
def schedule(wire: Wire) -> pl.DataFrame:
    """The eight games of the date."""
    return parse_schedule(wire(SEASON, "nba_cdn", "schedule", "season")).filter(game_date=DAY)


@pytest.fixture
def log(wire: Wire, schedule: pl.DataFrame) -> pl.DataFrame:
    return parse_game_log(wire(LOG, "nba_stats", "player_game_log", "regular_season", DAY), schedule)


def test_the_log_of_15_march_2025_is_eight_complete_games(log: pl.DataFrame, schedule: pl.DataFrame) -> None:
    assert (log.height, log["game_id"].n_unique(), log["points"].sum(), log["problem"].null_count()) == (157, 8, 1814, 157)
    per_game = log.group_by("game_id").len()["len"]
    assert (per_game.min(), per_game.max()) == (18, 22)
    sums = log.group_by("game_id", "team", "team_points").agg(pl.col("points").sum())
    assert sums.height == 16 and (sums["points"] == sums["team_points"]).all()
    assert gates.judge_games(schedule, log)["is_complete"].to_list() == [True] * 8


def test_two_of_the_log_played_for_less_than_half_a_minute(log: pl.DataFrame) -> None:
    rows = log.filter(pl.col("minutes") == 0)
    assert (rows.height, rows["did_play"].all(), log["seconds"].null_count(), log["is_starter"].null_count()) == (
        2,
        True,
        157,
        157,
    )


def test_every_row_of_the_log_conforms_to_the_table(log: pl.DataFrame) -> None:
    good, bad = TABLE.conform(log, datetime(2025, 9, 1, tzinfo=UTC), "1")
    assert (good.height, bad.height) == (157, 0)


def test_home_and_away_are_those_of_the_schedule(log: pl.DataFrame, schedule: pl.DataFrame) -> None:
    sides = log.select("game_id", "team", "is_home").unique().filter("is_home").sort("game_id")
    assert sides["team"].to_list() == schedule.sort("game_id")["home_team"].to_list()


# The two reference games of the formulas


def a_box(rows: Sequence[Mapping[str, Any]], day: date, home: str, points: Mapping[str, int]) -> pl.DataFrame:
    """Returns rows of `boxscores` of one game."""
    (away,) = points.keys() - {home}
    about = {
        team: {
            "game_date": day,
            "season": season_of(day),
            "team": team,
            "opponent": other,
            "is_home": team == home,
            "team_points": points[team],
            "provider": "nba_stats",
            "source": "test",
        }
        for team, other in ((home, away), (away, home))
    }
    return pl.DataFrame([about[row["team"]] | dict(row) for row in rows], schema=BOXSCORE_COLUMNS)


@pytest.fixture
def philadelphia() -> pl.DataFrame:
    """NYK 125 @ PHI 119, one overtime, from the traditional box score V2: clock, starters and reasons for not playing."""
    (players,) = [s for s in json.loads(bytes_of(NEW_YORK_AT_PHILADELPHIA))["resultSets"] if s["name"] == "PlayerStats"]
    rows = []
    for values in players["rowSet"]:
        row = dict(zip(players["headers"], values, strict=True))
        did_play = row["MIN"] is not None
        counts = {name: row[{"TOV": "TO"}.get(header, header)] for name, header in HEADERS.items()}
        rows.append(
            {
                "game_id": "0022400561",
                "player_id": row["PLAYER_ID"],
                "player_name": row["PLAYER_NAME"],
                "team": row["TEAM_ABBREVIATION"],
                "did_play": did_play,
                "status": "played" if did_play else "dnp",
                "reason": row["COMMENT"].strip() or None,
                "is_starter": row["START_POSITION"] != "",
                "plus_minus": row["PLUS_MINUS"],
                **minutes_fields(seconds_of(row["MIN"]) if did_play else None, is_rounded=False),
                **counts,
            }
        )
    return a_box(rows, date(2025, 1, 15), "PHI", {"PHI": 119, "NYK": 125})


@pytest.fixture
def oklahoma() -> pl.DataFrame:
    """IND 91 @ OKC 103, regulation, whole minutes, from balldontlie."""
    rows = []
    for row in json.loads(bytes_of(INDIANA_AT_OKLAHOMA))["data"]:
        seconds = seconds_of(row["min"])
        did_play, person = bool(seconds), row["player"]
        counts = {name: row[field] if did_play else None for name, field in FIELDS.items()}
        rows.append(
            {
                "game_id": "0042400407",
                "player_id": person["id"],
                "player_name": f"{person['first_name']} {person['last_name']}",
                "team": row["team"]["abbreviation"],
                "did_play": did_play,
                "status": "played" if did_play else "dnp",
                **minutes_fields(seconds if did_play else None, is_rounded=True),
                **counts,
            }
        )
    return a_box(rows, date(2025, 6, 22), "OKC", {"OKC": 103, "IND": 91})


def rates(summary: pl.DataFrame, name: str, *columns: str) -> tuple[float, ...]:
    row = summary.filter(pl.col("player_name") == name).row(0, named=True)
    return tuple(row[column] for column in columns)


def teams(boxscores: pl.DataFrame, *columns: str) -> dict[str, tuple[float, ...]]:
    rows = team_summaries_of(boxscores).select("team", *columns).rows()
    return {team: values for team, *values in rows}  # type: ignore[misc]


def test_an_overtime_game_is_complete_and_absent_players_have_no_statistics(philadelphia: pl.DataFrame) -> None:
    assert (philadelphia.height, philadelphia["did_play"].sum(), philadelphia["points"].sum()) == (25, 17, 244)
    assert philadelphia.group_by("team").agg(pl.col("seconds").sum())["seconds"].to_list() == [15_900, 15_900]
    summary = summarize_player_games(philadelphia)
    assert summary["overtimes"].unique().to_list() == [1]
    absent = summary.filter(~pl.col("did_play"))
    assert (absent.height, absent["points"].null_count(), absent["usage_pct"].null_count()) == (8, 8, 8)
    assert absent["reason"].value_counts(sort=True).rows() == [("DNP - Coach's Decision", 7), ("DND - Injury/Illness", 1)]
    starters = summary.filter("is_starter", pl.col("team") == "PHI")["player_name"]
    assert {name.split()[1] for name in starters} == {"George", "Oubre", "Yabusele", "Gordon", "Maxey"}


@pytest.mark.parametrize(
    ("name", "usage"),
    [
        ("Tyrese Maxey", 0.4030), ("Jalen Brunson", 0.3294), ("Paul George", 0.2790), ("Mikal Bridges", 0.2226),
        ("OG Anunoby", 0.2052), ("Kelly Oubre Jr.", 0.1424),
    ],
)  # fmt: skip
def test_usage_counts_the_minutes_of_an_overtime(name: str, usage: float, philadelphia: pl.DataFrame) -> None:
    assert rates(summarize_player_games(philadelphia), name, "usage_pct") == pytest.approx((usage,), abs=5e-5)


def test_a_team_s_ratings_and_the_pace_of_an_overtime_game(philadelphia: pl.DataFrame) -> None:
    actual = teams(philadelphia, "possessions", "offensive_rating", "effective_field_goal_pct", "true_shooting_pct", "pace")
    assert actual["PHI"] == pytest.approx([99.16, 120.01, 0.571, 0.606, 87.72], abs=0.005)
    assert actual["NYK"] == pytest.approx([94.56, 132.19, 0.628, 0.647, 87.72], abs=0.005)


def test_a_team_s_ratings_and_the_pace_of_a_game_of_regulation(oklahoma: pl.DataFrame) -> None:
    assert (oklahoma.height, oklahoma["points"].sum(), oklahoma.filter(~pl.col("did_play")).height) == (30, 194, 6)
    actual = teams(oklahoma, "possessions", "offensive_rating", "effective_field_goal_pct", "true_shooting_pct", "pace")
    assert actual["OKC"] == pytest.approx([94.64, 108.83, 0.4655, 0.5117, 93.20], abs=0.005)
    assert actual["IND"] == pytest.approx([91.76, 99.17, 0.4929, 0.5498, 93.20], abs=0.005)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Shai Gilgeous-Alexander", (0.3710, 0.449, 0.333)), ("Jalen Williams", (0.2774, 0.442, 0.400)),
        ("Chet Holmgren", (0.1657, 0.781, 0.812)), ("Alex Caruso", (0.1394, 0.500, 0.500)),
        ("Bennedict Mathurin", (0.3000, 0.652, 0.500)), ("Pascal Siakam", (0.2135, 0.498, 0.462)),
        ("T.J. McConnell", (0.3304, 0.615, 0.615)), ("Tyrese Haliburton", (0.3965, 0.900, 0.900)),
    ],
)  # fmt: skip
def test_a_player_s_rates_of_a_game_of_regulation(name: str, expected: tuple[float, ...], oklahoma: pl.DataFrame) -> None:
    usage, *shooting = rates(summarize_player_games(oklahoma), name, "usage_pct", "true_shooting_pct", "effective_field_goal_pct")
    assert usage == pytest.approx(expected[0], abs=5e-5) and shooting == pytest.approx(list(expected[1:]), abs=6e-4)

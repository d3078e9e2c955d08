"""A real season from the archive, then live days against the replay server, without and with faults.

Two days represent the week of 2024-03-11 to 2024-03-17; NBA_REAL_DAYS=7 runs all of it.
"""

import json
import os
import shutil
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.systems import SYSTEMS
from nba_pipeline_tests.real.conftest import DATA, Platform, Replay, live_through, serving

pytestmark = pytest.mark.long(seconds=40, group="week")

HISTORY = ("2024-02-01", "2024-03-10")
FIRST = date(2024, 3, 11)
DAYS = tuple(FIRST + timedelta(days=n) for n in range(int(os.environ.get("NBA_REAL_DAYS", "2"))))
WITHOUT_LINES = date(2024, 3, 16)
STATISTICS = (
    "points",
    "rebounds",
    "oreb",
    "dreb",
    "assists",
    "steals",
    "blocks",
    "turnovers",
    "fouls",
    "fgm",
    "fga",
    "fg3m",
    "fg3a",
    "ftm",
    "fta",
    "plus_minus",
)


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with some weeks of the archive, up to grades."""
    home = tmp_path_factory.mktemp("loaded")
    Platform(home, NBA_ARCHIVE_DIR=str(DATA))("backfill", "--from", HISTORY[0], "--to", HISTORY[1], code=None)
    return home


@pytest.fixture(scope="module")
def lived(loaded: Path, tmp_path_factory: pytest.TempPathFactory) -> Platform:
    """The loaded home after the live days without faults. The replay server is stopped."""
    platform = Platform(Path(shutil.copytree(loaded, tmp_path_factory.mktemp("lived") / "home")))
    with serving() as replay:
        for day in DAYS:
            live_through(platform, replay, day)
    return platform


def assert_boxscores_equal_the_archive(platform: Platform, days: tuple[date, ...]) -> None:
    ours = platform.table("boxscores").filter(pl.col("did_play"), pl.col("game_date").is_in(days))
    truth = pl.read_parquet(DATA / "player_boxscores_2023-24.parquet").filter(pl.col("game_date").is_in(days))
    key = ["game_id", "player_id"]
    columns = [*key, "team", *STATISTICS]
    assert_frame_equal(ours.select(columns).sort(key), truth.select(columns).sort(key), check_dtypes=False)
    off = ours.join(truth.select(*key, pl.col("minutes").alias("rounded")), on=key).filter(
        (pl.col("minutes") - pl.col("rounded")).abs() > 0.5
    )
    assert off.is_empty()


def assert_every_spelling_resolves(platform: Platform) -> None:
    """Every spelling of a player with a box score this season resolves to that player."""
    variants = pl.read_parquet(DATA / "player_name_variants.parquet")
    played = platform.table("boxscores")["player_id"].unique()
    offered = platform.table("prop_lines").select("player_id", pl.col("spelling").alias("player_name_raw")).unique()
    wrong = offered.join(variants.rename({"player_id": "truth"}), on="player_name_raw").filter(
        pl.col("player_id") != pl.col("truth")
    )
    assert wrong.is_empty(), wrong
    quarantined = pl.read_parquet(platform.home / "quarantine" / "prop_lines" / "*" / "part.parquet", hive_partitioning=False)
    names = (
        quarantined.filter(pl.col("game_date") >= FIRST, pl.col("problem").str.contains("name"))["row"]
        .str.json_path_match("$.spelling")
        .unique()
    )
    unresolved = variants.filter(pl.col("player_name_raw").is_in(names.implode()) & pl.col("player_id").is_in(played.implode()))
    assert unresolved.is_empty(), unresolved


def assert_nothing_is_doubled_or_late(platform: Platform) -> None:
    keys = {
        "boxscores": "game_id, player_id",
        "features": "game_id, player_id",
        "predictions": "game_id, player_id, system_id, market, run_kind, version",
        "grades": "game_id, player_id, system_id, market, run_kind, grade_version",
        "prop_lines": "game_id, player_id, market, book, line_half_points, snapshot_at",
    }
    for table, key in keys.items():
        assert platform.rows(f"SELECT {key}, count(*) FROM {table} GROUP BY ALL HAVING count(*) > 1") == [], table
    assert (
        platform.rows(
            "SELECT * FROM predictions WHERE line_snapshot_at >= tipoff_at OR (run_kind = 'live' AND made_at >= tipoff_at)"
        )
        == []
    )


GRADED_SYSTEMS = sorted(system.system_id for system in SYSTEMS if system.system_id != "similarity")
"""The home's history is too short for `similarity`, which needs similar games of each player."""


def test_the_days_are_predicted_before_tipoff_and_graded_the_next_morning(lived: Platform) -> None:
    assert_boxscores_equal_the_archive(lived, DAYS)
    assert_every_spelling_resolves(lived)
    assert_nothing_is_doubled_or_late(lived)
    graded = lived.rows(
        "SELECT system_id, count(*) AS n, count(*) FILTER (outcome IN ('WIN', 'LOSS')) AS bets FROM grades "
        f"WHERE run_kind = 'live' AND game_date BETWEEN '{DAYS[0]}' AND '{DAYS[-1]}' GROUP BY 1 ORDER BY 1"
    )
    assert [row["system_id"] for row in graded] == GRADED_SYSTEMS
    of_all = [row for row in graded if row["system_id"] != "market_blend"]
    assert [row for row in of_all if row["n"] <= 150 or row["bets"] <= 30] == []
    # market_blend needs a line and stays near it, so that it rarely bets
    assert [row["n"] > 100 for row in graded if row["system_id"] == "market_blend"] == [True]
    assert {record["state"] for record in _status(lived, DAYS[0], DAYS[-1])} == {"COMPLETE"}


def test_the_days_have_performance_and_a_reason_for_every_candidate_that_is_no_pick(lived: Platform) -> None:
    """The replay server has no injury reports, so the status of every player is unknown and nothing may be bet."""
    rated = lived.rows(
        f"SELECT system_id, gap_n, gap FROM system_performance WHERE run_kind = 'live' AND game_date = '{DAYS[-1]}' "
        "AND \"window\" = '7 days' AND direction = 'all' AND tier = 'all' AND subset = 'all' ORDER BY 1"
    )
    assert [row["system_id"] for row in rated] == GRADED_SYSTEMS
    assert [row for row in rated if int(str(row["gap_n"])) <= 50 or abs(float(str(row["gap"]))) > 1] == []
    judged = "FROM picks WHERE run_kind = 'live' AND subset = 'best'"
    dates = lived.rows(f"SELECT DISTINCT game_date {judged} ORDER BY 1")
    assert [row["game_date"] for row in dates] == [str(day) for day in DAYS if day != WITHOUT_LINES]
    assert lived.rows(f"SELECT * {judged} AND NOT list_contains(failed_rules, 'injury_status_unknown')") == []
    printed = lived("audit", "record", "--date", str(DAYS[0]), NBA_PIPELINE_NOW=f"{DAYS[-1] + timedelta(days=1)}T12:00:00-04:00")
    assert printed.endswith(" 0 picks; equal to the ledgers\n")


def test_every_printed_number_traces_to_its_landed_payload(lived: Platform) -> None:
    lines = lived.rows(
        "SELECT p.line, p.line_source, l.sha256, l.fetched_at FROM predictions p LEFT JOIN landing l ON l.source = p.line_source "
        f"WHERE p.line IS NOT NULL AND p.game_date = '{DAYS[0]}'"
    )
    assert lines and all(row["sha256"] and (lived.home / "landing" / f"{row['line_source']}.gz").exists() for row in lines)
    points = lived.rows(
        f"SELECT b.source, l.sha256 FROM boxscores b LEFT JOIN landing l USING (source) WHERE b.game_date = '{DAYS[0]}'"
    )
    assert points and all(row["sha256"] for row in points)


def test_the_tables_are_rebuilt_from_the_landing_without_a_network(lived: Platform) -> None:
    names = sorted(p.name for p in (lived.home / "tables").iterdir())
    before = {name: lived.table(name) for name in names}
    lived("rebuild", "--yes", code=None)
    for name in names:
        assert_frame_equal(lived.table(name), before[name])


def test_a_corrected_box_score_changes_the_grade(lived: Platform, tmp_path: Path, replay: Replay) -> None:
    """Three days later, the league moves two points to a teammate. The score of the game does not change."""
    platform = Platform(Path(shutil.copytree(lived.home, tmp_path / "home")))
    later = f"{DAYS[0] + timedelta(days=3)}T13:00:00-04:00"
    graded = platform.rows(
        "SELECT b.game_id, b.team, b.player_id, b.player_name, b.points FROM boxscores b JOIN grades g USING (game_date, game_id, player_id) "
        f"WHERE b.game_date = '{DAYS[0]}' AND g.system_id = 'moving_average' AND g.run_kind = 'live' AND b.ftm >= 2 ORDER BY b.points DESC"
    )
    one = graded[0]
    other = next(row for row in graded[1:] if (row["game_id"], row["team"]) == (one["game_id"], one["team"]))
    about = {"game": one["game_id"], "action": "correct_stat", "field": "points"}
    replay.misbehave(
        {**about, "player": str(one["player_id"]), "delta": 2}, {**about, "player": str(other["player_id"]), "delta": -2}
    )
    replay.set_clock(later)
    of_the_day = (
        f"SELECT as_of FROM system_performance WHERE system_id = 'moving_average' AND run_kind = 'live' AND game_date = '{DAYS[0]}' "
        "AND \"window\" = 'day' AND direction = 'all' AND tier = 'all' AND subset = 'all'"
    )
    before = platform.rows(of_the_day)
    first_run = platform("recheck", "--date", str(DAYS[0]), NBA_PIPELINE_NOW=later, **replay.variables())
    corrected = int(str(one["points"])) + 2
    line = next(line for line in first_run.splitlines() if str(one["player_name"]) in line)
    assert f"points {one['points']} -> {corrected}" in line and f"grade v1 -> v2 ({', '.join(GRADED_SYSTEMS)})" in line
    of_one = f"game_id = '{one['game_id']}' AND player_id = {one['player_id']}"
    assert platform.rows(f"SELECT points FROM player_game_summary WHERE {of_one}") == [{"points": corrected}]
    versions = platform.rows(
        f"SELECT grade_version, regrade_reason FROM grades WHERE {of_one} AND system_id = 'moving_average' ORDER BY 1"
    )
    assert [row["grade_version"] for row in versions] == [1, 2]
    assert platform.rows(of_the_day) != before  # at once, with the new grades
    assert str(versions[1]["regrade_reason"]).startswith(f"points {one['points']} -> {corrected}")
    second = platform("recheck", "--date", str(DAYS[0]), NBA_PIPELINE_NOW=later, **replay.variables())
    assert second.splitlines() == ["nothing changed"]


def test_provider_faults_are_reported_and_do_not_change_the_results(loaded: Path, tmp_path: Path, replay: Replay) -> None:
    platform = Platform(Path(shutil.copytree(loaded, tmp_path / "home")))
    noon = f"{DAYS[1]}T12:00:00-04:00"
    games = pl.read_parquet(DATA / "games_2023-24.parquet").filter(pl.col("game_date") == DAYS[0])["game_id"].sort().to_list()
    replay.misbehave(
        {"match": {"provider": "nba_cdn"}, "action": "status", "status": 429, "headers": {"Retry-After": "1"}, "times": 3},
        {"match": {"provider": "nba_cdn", "path": "boxscore"}, "action": "status", "status": 503, "times": 4},
        {"match": {"path": f"boxscore_{games[1]}"}, "action": "truncate", "fraction": 0.4, "times": 1},
        {"match": {"path": f"boxscore_{games[0]}"}, "action": "status", "status": 404, "until": noon},
        {"match": {"provider": "nba_stats"}, "game": games[0], "action": "drop_game", "until": noon},
        {"match": {"provider": "balldontlie"}, "game": games[0], "action": "drop_game", "until": noon},
        {"match": {"provider": "odds_api"}, "action": "inplay_odds", "minutes": 20, "from": f"{DAYS[1]}T08:00:00-04:00"},
    )
    live_through(platform, replay, DAYS[0])
    status = _status(platform, DAYS[0], DAYS[0])[0]
    assert status["state"] == "DEGRADED" and any(games[0] in name for name in status["missing"])
    assert any("429" in word for word in status["happened"]) and any("503" in word for word in status["happened"])
    live_through(platform, replay, DAYS[1])
    later = f"{DAYS[1] + timedelta(days=1)}T12:30:00-04:00"
    replay.set_clock(later)
    platform("run", "--date", str(DAYS[0]), "--mode", "overnight", code=None, NBA_PIPELINE_NOW=later, **replay.variables())
    assert_boxscores_equal_the_archive(platform, DAYS[:2])
    assert_nothing_is_doubled_or_late(platform)
    assert platform.rows(
        f"SELECT DISTINCT recommendation FROM predictions WHERE game_date = '{DAYS[1]}' AND run_kind = 'live'"
    ) == [{"recommendation": "NO_LINE"}]
    assert any("shown at or after tip-off" in word for word in _status(platform, DAYS[1], DAYS[1])[0]["happened"])
    assert _status(platform, DAYS[0], DAYS[0])[0]["state"] == "COMPLETE"


def _status(platform: Platform, first: date, last: date) -> list[dict[str, object]]:
    return list(
        json.loads(
            platform(
                "status",
                "--from",
                str(first),
                "--to",
                str(last),
                "--format",
                "json",
                code=None,
                NBA_PIPELINE_NOW="2024-03-14T12:00:00-04:00",
            )
        )
    )

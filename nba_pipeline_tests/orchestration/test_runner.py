"""Game days of the simulated league from HTTP to grades: the real jobs, warehouse, landing and instance, with faults.

Every test works on its own copy of one loaded home.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path

import dagster as dg
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.completeness import gates
from nba_pipeline.completeness.modes import from_predictions, tables_of_mode
from nba_pipeline.completeness.waivers import waive
from nba_pipeline.definitions import build_definitions
from nba_pipeline.environments import resources_for
from nba_pipeline.errors import BadInput
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import days, eastern
from nba_pipeline.orchestration.line_captures import share_captured
from nba_pipeline.orchestration.runner import Outcome, Runner
from nba_pipeline.orchestration.scoreboard import pending_games
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.backup import back_up
from nba_pipeline.warehouse.restore import restore
from nba_pipeline.warehouse.verification import verify
from nba_pipeline_tests.commands import nba_pipeline
from nba_pipeline_tests.instances import open_instance
from nba_pipeline_tests.prepared import copy_of, link_or_copy, prepared  # noqa: F401 - other modules import it from here

DAY = date(2026, 1, 15)
HISTORY_DAYS = 8
CLUBS = 12
"""A small league: ten of the clubs play on each date, so that eight days give every player enough games."""

NEXT = DAY + timedelta(days=1)
OF_ANY_DATE = ("rosters", "player_shot_zones", "team_defense_zones")
"""Tables of players and teams as of a date, with or without a game."""

WITHOUT_GAMES = [str(day) for day in days(date(2025, 7, 1), date(2026, 9, 30)) if abs(day - DAY) > timedelta(days=14)]
"""The season has games in four weeks only, because each run loads the schedule of the whole season."""

UNKNOWN = "Nobody Whom Anybody Knows"

NO_BOXES = (
    {"match": {"path": "boxscore_"}, "action": "status", "status": 404},
    {"match": {"provider": "nba_stats"}, "action": "status", "status": 403},
    {"match": {"provider": "balldontlie"}, "action": "empty_json", "body": {"data": []}},
)
"""No source has a box score."""

At = Callable[[date, int], Runner]

pytestmark = pytest.mark.platform


def a_runner(home: Path, day: date, hour: int) -> Runner:
    """A runner at an Eastern hour of a date; a home without rules gets the small league."""
    if not (home / "sandbox_rules.json").exists():
        rules(home)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("NBA_PIPELINE_HOME", str(home))
        return Runner(
            build_definitions("sandbox", resources_for("sandbox", Clock(fixed_at=eastern(day, hour).isoformat()))),
            open_instance(home),
        )


def made_once(name: str, make: Callable[[Path], None], tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A home that one test process makes and all test processes copy."""
    root = tmp_path_factory.getbasetemp() if worker_id == "master" else tmp_path_factory.getbasetemp().parent
    return prepared(name, make, root)


@pytest.fixture(scope="session")
def loaded(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A home with some days of the league, on the morning of DAY."""

    def make(home: Path) -> None:
        before = DAY - timedelta(days=1)
        list(a_runner(home, DAY, 7).backfill(DAY - timedelta(days=HISTORY_DAYS), before))

    return made_once("loaded", make, tmp_path_factory, worker_id)


@pytest.fixture(scope="session")
def predicted(loaded: Path, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The loaded home after the predictions of DAY at noon."""

    def make(home: Path) -> None:
        copy_of(loaded, home)
        assert only(a_runner(home, DAY, 12).slate(DAY, "same_day")).succeeded

    return made_once("predicted", make, tmp_path_factory, worker_id)


@pytest.fixture(scope="session")
def graded(predicted: Path, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The predicted home after the next morning."""

    def make(home: Path) -> None:
        copy_of(predicted, home)
        assert only(a_runner(home, NEXT, 7).slate(DAY, "overnight")).succeeded

    return made_once("graded", make, tmp_path_factory, worker_id)


@pytest.fixture
def home(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy of the home in the test's `starts_from`; the default is the loaded one."""
    marker = request.node.get_closest_marker("starts_from")
    start = request.getfixturevalue(marker.args[0] if marker else "loaded")
    return copy_of(start, tmp_path / "home")


@pytest.fixture
def at(home: Path) -> At:
    """A runner on the home with its clock fixed at an Eastern hour of a date. The same arguments return the same runner."""
    return cache(lambda day, hour: a_runner(home, day, hour))


def rules(home: Path, *faults: dict[str, object], no_game_dates: tuple[str, ...] = ()) -> None:
    """The league of these tests, with these faults."""
    document = {"clubs": CLUBS, "rules": list(faults), "no_game_dates": [*WITHOUT_GAMES, *no_game_dates]}
    home.mkdir(exist_ok=True)
    (home / "sandbox_rules.json").write_text(json.dumps(document))


def tables(home: Path) -> dict[str, pl.DataFrame]:
    """Every table as stored on disk."""
    return {
        folder.name: pl.read_parquet(folder / "*" / "part.parquet", hive_partitioning=False).sort(
            "game_date", *TABLES[folder.name].key
        )
        for folder in sorted((home / "tables").iterdir())
    }


def only(outcomes: Iterator[Outcome]) -> Outcome:
    return list(outcomes)[-1]


def done(outcomes: Iterator[Outcome]) -> None:
    """Asserts that every run succeeded. The assertion message has the failures."""
    assert [failure for outcome in outcomes for failure in outcome.failures] == []


def ask(runner: Runner, query: str) -> list[dict[str, object]]:
    return runner.warehouse.sql(query).to_dicts()


@pytest.mark.starts_from("graded")
def test_a_slate_is_predicted_before_tipoff_and_graded_the_next_morning(at: At) -> None:
    morning = at(NEXT, 7)
    predicted_rows = ask(
        morning,
        f"SELECT count(*) AS n, count(*) FILTER (run_kind = 'live' AND is_before_tipoff) AS live, count(line) AS lined FROM predictions WHERE game_date = '{DAY}'",
    )[0]
    assert predicted_rows["n"] == predicted_rows["live"] > 50 and predicted_rows["lined"] > 30
    graded = ask(
        morning,
        f"SELECT count(*) AS n, count(*) FILTER (outcome IN ('WIN', 'LOSS', 'PUSH', 'VOID')) AS bets FROM grades WHERE game_date = '{DAY}'",
    )[0]
    assert graded["n"] == predicted_rows["n"] and graded["bets"] > 15


@pytest.mark.starts_from("graded")
def test_a_second_run_changes_nothing(at: At, home: Path) -> None:
    before = tables(home)
    only(at(NEXT, 7).slate(DAY, "overnight"))
    after = tables(home)
    assert all(after[name].drop("as_of").equals(before[name].drop("as_of")) for name in before)


@pytest.mark.starts_from("predicted")
def test_every_line_of_a_slate_leads_to_its_landed_payload(at: At, home: Path) -> None:
    runner = at(DAY, 12)
    rows = ask(
        runner,
        "SELECT p.line_source, l.sha256 FROM predictions p LEFT JOIN landing l ON l.source = p.line_source WHERE p.line IS NOT NULL",
    )
    assert rows and all(row["sha256"] and (home / "landing" / f"{row['line_source']}.gz").exists() for row in rows)


@pytest.mark.unattended
def test_a_missing_game_is_excluded_by_name_and_its_teams_lose_their_next_slate(at: At, home: Path) -> None:
    game = ask(at(DAY, 7), f"SELECT game_id, home_team FROM schedule WHERE game_date = '{DAY}' ORDER BY 1 LIMIT 1")[0]
    rules(
        home,
        {"match": {"path": f"boxscore_{game['game_id']}"}, "action": "status", "status": 404},
        *({"game": game["game_id"], "match": {"provider": name}, "action": "drop_game"} for name in ("nba_stats", "balldontlie")),
    )
    outcome = only(at(NEXT, 7).slate(DAY, "overnight"))
    assert outcome.succeeded and any(str(game["game_id"]) in warning for warning in outcome.warnings)
    runner = at(NEXT, 8)
    assert game["game_id"] not in {row["game_id"] for row in ask(runner, "SELECT DISTINCT game_id FROM player_game_summary")}
    up_to_features = [table for table in tables_of_mode("same_day") if table not in from_predictions()]
    assert runner.run("game_day", up_to_features, NEXT, NEXT).succeeded
    teams = {row["team"] for row in ask(runner, f"SELECT DISTINCT team FROM features WHERE game_date = '{NEXT}'")}
    assert teams and game["home_team"] not in teams


def test_the_second_source_replaces_a_failed_first_one_and_the_third_a_failed_second_one(at: At, home: Path) -> None:
    one, other = (
        row["game_id"] for row in ask(at(DAY, 7), f"SELECT game_id FROM schedule WHERE game_date = '{DAY}' ORDER BY 1 LIMIT 2")
    )
    rules(
        home,
        *({"match": {"path": f"boxscore_{game}"}, "action": "html"} for game in (one, other)),
        {"game": other, "match": {"provider": "nba_stats"}, "action": "drop_game"},
    )
    assert at(NEXT, 7).run("game_day", ["schedule", "boxscores"], DAY, DAY).succeeded
    rows = ask(at(NEXT, 7), f"SELECT DISTINCT game_id, provider FROM boxscores WHERE game_id IN ('{one}', '{other}') ORDER BY 1")
    assert rows == [{"game_id": one, "provider": "nba_stats"}, {"game_id": other, "provider": "balldontlie"}]


@pytest.mark.starts_from("predicted")
def test_too_few_box_scores_close_the_date_and_the_next_slate_for_manual_runs_too(at: At, home: Path) -> None:
    rules(home, *NO_BOXES)
    outcome = only(at(NEXT, 7).slate(DAY, "overnight"))
    assert not outcome.succeeded and "check enough_final_games_are_covered failed (0%)" in " ".join(outcome.failures)
    by_hand = at(NEXT, 8).run("game_day", ["player_game_summary"], DAY, DAY)
    assert any("is closed: 0 of" in failure for failure in by_hand.failures)
    assert at(NEXT, 8).run("game_day", ["schedule", "upcoming_players"], NEXT, NEXT).failures
    in_between = ["player_form", "player_shot_zones", "team_defense_zones", "matchups"]
    assert at(NEXT, 8).run("game_day", in_between, NEXT, NEXT).succeeded
    refused = at(NEXT, 8).run("game_day", ["features"], NEXT, NEXT).failures
    assert any("slate" in failure and "closed" in failure for failure in refused)


def test_a_manual_run_without_features_predicts_nothing(at: At) -> None:
    outcome = at(DAY, 12).run("game_day", ["predictions"], DAY, DAY)
    assert any("was never materialized" in failure for failure in outcome.failures)


@pytest.mark.unattended
def test_a_day_without_games_is_an_empty_success(at: At, home: Path) -> None:
    rules(home, no_game_dates=(str(DAY),))
    for runner, mode in ((at(DAY, 12), "same_day"), (at(NEXT, 7), "overnight")):
        outcome = only(runner.slate(DAY, mode))
        assert outcome.succeeded and outcome.warnings == []
    slate_injuries = {name: rows for name, rows in tables(home).items() if name not in OF_ANY_DATE}
    of_day = {name for name, rows in slate_injuries.items() if DAY in rows["game_date"].to_list()}
    assert of_day == {"system_roles"}  # the decision about the initial champion


@pytest.mark.unattended
def test_lines_in_play_are_never_used(at: At, home: Path) -> None:
    rules(home, {"match": {"provider": "odds_api"}, "action": "inplay_odds", "minutes": 20})
    runner = at(DAY, 12)
    assert only(runner.slate(DAY, "same_day")).succeeded
    assert ask(runner, "SELECT DISTINCT recommendation, line FROM predictions WHERE run_kind = 'live'") == [
        {"recommendation": "NO_LINE", "line": None}
    ]


@pytest.mark.unattended
def test_a_capture_without_an_answer_does_not_count(at: At, home: Path) -> None:
    """Its run succeeds, because earlier lines stay valid, and the sensor `lines` tries again."""
    rules(home, {"match": {"provider": "odds_api", "path": "/events"}, "action": "status", "status": 503})
    runner = at(DAY, 12)
    assert runner.run("game_day", ["schedule", "prop_lines"], DAY, DAY).succeeded
    since = datetime.now(UTC) - timedelta(hours=1)
    assert share_captured(runner.instance, DAY, since) == 0.0
    rules(home)
    later = at(DAY, 13)
    assert later.run("game_day", ["schedule", "prop_lines"], DAY, DAY).succeeded
    assert share_captured(later.instance, DAY, since) == 1.0
    assert share_captured(later.instance, DAY, datetime.now(UTC)) == 0.0


def test_unpublished_odds_leave_the_slate_without_lines(at: At, home: Path) -> None:
    """`test_lines_in_play_are_never_used` predicts a slate without lines."""
    rules(home, {"match": {"provider": "odds_api"}, "action": "status", "status": 404})
    runner = at(DAY, 12)
    assert runner.run("game_day", ["schedule", "prop_lines"], DAY, DAY).succeeded
    assert ask(runner, f"SELECT count(*) AS n FROM prop_lines WHERE game_date = '{DAY}'") == [{"n": 0}]


def test_a_gate_closed_on_one_date_of_a_range_is_reported(at: At, home: Path) -> None:
    rules(home, *NO_BOXES)
    outcome = at(NEXT, 7).run("season", ["schedule", "boxscores"], DAY, NEXT)
    assert outcome.succeeded and "check enough_final_games_are_covered failed on 1 date (0%)" in " ".join(outcome.closed)


@pytest.mark.unattended
def test_a_resolved_name_is_replayed(at: At, home: Path) -> None:
    runner = at(DAY, 12)
    star = ask(
        runner,
        "SELECT b.player_id, any_value(b.player_name) AS name FROM boxscores b JOIN schedule s ON b.team IN (s.home_team, s.away_team) "
        f"WHERE s.game_date = '{DAY}' GROUP BY 1 ORDER BY avg(b.points) DESC LIMIT 1",
    )[0]
    rules(home, {"match": {"provider": "odds_api"}, "action": "rename_player", "player": star["name"], "to": UNKNOWN})
    assert runner.run("game_day", ["schedule", "prop_lines"], DAY, DAY).succeeded
    assert ask(runner, f"SELECT DISTINCT problem FROM quarantine WHERE problem LIKE '%{UNKNOWN}%'")
    arguments = ["resolve", "--spelling", UNKNOWN, "--player", str(star["player_id"]), "--date", str(DAY)]
    assert nba_pipeline(*arguments, home=home, now=eastern(DAY, 13)).returncode == 0
    assert ask(runner, f"SELECT count(*) AS n FROM quarantine WHERE problem LIKE '%{UNKNOWN}%'") == [{"n": 0}]
    assert ask(runner, f"SELECT DISTINCT player_id FROM prop_lines WHERE spelling = '{UNKNOWN}'") == [
        {"player_id": star["player_id"]}
    ]


@pytest.mark.unattended
def test_a_home_is_restored_and_rebuilt_from_its_backup_alone(tmp_path: Path) -> None:
    """Ledgers and landing come from the backup, the other tables from the landing without requests."""
    home, folder, assets = tmp_path / "home", tmp_path / "backup", ["schedule", "boxscores"]
    runner = a_runner(home, NEXT, 8)
    assert runner.run("game_day", assets, DAY, DAY).succeeded
    waive(runner.warehouse, runner.clock.now(), DAY, gates.COVERAGE_GATE, "a reason", "somebody", None)
    before, manifests = tables(home), [path.read_bytes() for path in (home / "manifests").rglob("*.json")]
    back_up(
        runner.warehouse, runner.landing.root, folder, home=home, environment="sandbox", made_at=runner.clock.now(), report=str
    )
    shutil.rmtree(home)
    restored_runner = a_runner(home, NEXT, 9)
    rules(home, {"match": {"path": "."}, "action": "status", "status": 500})
    restored = restore(restored_runner.warehouse, restored_runner.landing.root, folder, environment="sandbox", report=str)
    assert (restored.rows["waivers"], restored.differences) == (1, []) and set(tables(home)) == {"waivers"}
    done(restored_runner.rebuild())
    after = tables(home)
    assert before.keys() == after.keys() and before["boxscores"].height > 100
    for name in before:
        assert_frame_equal(after[name], before[name])
    assert [path.read_bytes() for path in (home / "manifests").rglob("*.json")] == manifests
    assert not [finding for one in verify(restored_runner.warehouse, TABLES["waivers"]) for finding in one.findings]


@pytest.mark.unattended
def test_a_killed_run_is_finished_by_the_next(at: At, home: Path, predicted: Path) -> None:
    environment = {**os.environ, "NBA_PIPELINE_HOME": str(home), "NBA_PIPELINE_NOW": eastern(DAY, 12).isoformat()}
    command = [sys.executable, "-m", "nba_pipeline", "run", "--date", str(DAY)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        while not (home / "tables" / "prop_lines" / f"game_date={DAY}").exists():  # halfway through the run
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    assert DAY not in tables(home)["predictions"]["game_date"].to_list()
    assert only(at(DAY, 12).slate(DAY, "same_day")).succeeded
    expected, actual = tables(predicted), tables(home)
    assert actual["alerts"]["message"].to_list() == ["its process was killed"]
    assert actual["alert_changes"]["change"].to_list() == ["resolved"], "the next run wrote its tables"
    for name in expected:
        assert_frame_equal(actual[name], expected[name])


@pytest.mark.starts_from("predicted")
def test_a_check_of_a_single_date_is_recorded_with_its_date(home: Path) -> None:
    key = dg.AssetCheckKey(dg.AssetKey("upcoming_players"), "the_last_slates_are_covered")
    records = open_instance(home).event_log_storage.get_asset_check_execution_history(key, limit=5)
    assert records[0].partition == str(DAY)


def test_a_variable_unset_after_the_graph_was_loaded_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Dagster rejects the configuration before it creates a run."""
    monkeypatch.setenv("ODDS_API_KEY", "key")
    runner = a_runner(tmp_path, DAY, 7)
    monkeypatch.delenv("ODDS_API_KEY")
    with pytest.raises(BadInput, match=r"^Error in config for job game_day: .*'ODDS_API_KEY'"):
        runner.run("game_day", ["prop_lines"], DAY, DAY)


@pytest.mark.unattended
@pytest.mark.starts_from("predicted")
def test_a_game_marked_as_not_played_is_no_longer_awaited_and_its_predictions_are_void(at: At, home: Path) -> None:
    game = str(ask(at(DAY, 12), f"SELECT game_id FROM predictions WHERE game_date = '{DAY}' ORDER BY 1 LIMIT 1")[0]["game_id"])
    rules(home, {"action": "stale_status", "status": 2, "game": game})
    done(at(NEXT, 7).slate(DAY, "overnight"))
    of_game = f"FROM grades WHERE game_id = '{game}'"
    assert ask(at(NEXT, 7), f"SELECT count(*) AS n {of_game}") == [{"n": 0}]
    rules(home, {"match": {"path": "."}, "action": "status", "status": 500})  # the command sends no request
    arguments = ["not-played", "--game", game, "--reason", "suspended", "--author", "Ann"]
    ended = nba_pipeline(*arguments, home=home, now=eastern(NEXT, 8))
    assert ended.returncode == 0, ended.stderr
    status = f"SELECT status FROM schedule WHERE game_id = '{game}'"
    assert ask(at(NEXT, 8), status) == [{"status": "postponed"}]
    assert [slate.game_date for slate in pending_games(at(NEXT, 8).warehouse, eastern(NEXT, 8)) if game in slate.games] == []
    assert ask(at(NEXT, 8), f"SELECT DISTINCT did_play, void_reason {of_game} AND recommendation IN ('OVER', 'UNDER')") == [
        {"did_play": None, "void_reason": "game_not_played"}
    ]
    assert nba_pipeline(*arguments, "--take-back", home=home, now=eastern(NEXT, 9)).returncode == 0
    assert ask(at(NEXT, 9), status) == [{"status": "live"}]

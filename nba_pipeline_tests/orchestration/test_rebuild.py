"""A rebuild repeats the runs of the landing's journal, and replaces tables only if the new ones are complete.

Most tests use a home with one real run of `players` on one date, and add rows that no run can repeat.
"""

import time
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from dagster._daemon.types import DaemonHeartbeat
from filelock import FileLock
from polars.testing import assert_frame_equal

from nba_pipeline.cli import app
from nba_pipeline.errors import BadInput, Busy, PipelineError
from nba_pipeline.instance.run_tags import OFFLINE_TAG
from nba_pipeline.orchestration.rebuild import plan_rebuild, rebuild, repetition
from nba_pipeline.orchestration.runner import Outcome, Runner
from nba_pipeline.tables.registry import TABLES
from nba_pipeline_tests.builders import a_boxscore, frame_of
from nba_pipeline_tests.builders_days import Days
from nba_pipeline_tests.builders_record import RECORD_LEDGERS
from nba_pipeline_tests.monitoring.webhook import ALERT_LEDGERS
from nba_pipeline_tests.orchestration.test_runner import DAY, NEXT, a_runner, done, made_once, only, rules, tables
from nba_pipeline_tests.prepared import copy_of

pytestmark = pytest.mark.platform

SLATE = DAY - timedelta(days=9)
"""The sixth day of the season of these tests: the first one with features, with few games to repeat."""

REBUILT = {"schedule", "boxscores", "points_model"}
"""Some tables that can be rebuilt."""

HISTORY_DAYS, MORNING_AFTER = 5, SLATE + timedelta(days=1)


@pytest.fixture(scope="session")
def week(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """To copy: a home of a few days, a predicted slate and its grades."""

    def make(home: Path) -> None:
        rules(home)
        first, last = SLATE - timedelta(days=HISTORY_DAYS), SLATE - timedelta(days=1)
        done(a_runner(home, SLATE, 7).backfill(first, last, stop_after="features"))
        assert only(a_runner(home, SLATE, 12).slate(SLATE, "same_day")).succeeded
        assert only(a_runner(home, MORNING_AFTER, 7).slate(SLATE, "overnight")).succeeded

    return made_once("week", make, tmp_path_factory, worker_id)


@pytest.fixture(scope="session")
def one_run(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """To copy: a home with one run of `players` without rows."""

    def make(home: Path) -> None:
        assert a_runner(home, NEXT, 7).run("game_day", ["players"], DAY, DAY).succeeded

    return made_once("one_run", make, tmp_path_factory, worker_id)


@pytest.fixture
def home(one_run: Path, tmp_path: Path) -> Path:
    return copy_of(one_run, tmp_path / "home")


@pytest.fixture
def runner(home: Path) -> Runner:
    return a_runner(home, NEXT, 8)


def write(runner: Runner, name: str, rows: int = 0) -> None:
    """Writes rows of DAY that no journaled run makes."""
    box = frame_of(TABLES[name], *(a_boxscore(DAY, 0, player_id=n + 1) for n in range(rows)))
    runner.warehouse.replace(TABLES[name], [DAY], box, "test")


def all_of(runner: Runner) -> list[Outcome]:
    return list(rebuild(runner))


# Rebuilt tables


@pytest.mark.unattended
@pytest.mark.long(seconds=40)
def test_tables_are_rebuilt_from_the_landing_as_they_were(week: Path, tmp_path: Path) -> None:
    home = copy_of(week, tmp_path / "home")
    before, landed = tables(home), sorted((home / "landing").rglob("*"))
    rules(home, {"match": {"path": "."}, "action": "status", "status": 500})
    ledgers = {
        file: file.stat().st_ino for name in ("predictions", "grades") for file in (home / "tables" / name).rglob("*.parquet")
    }
    assert ledgers and all(outcome.succeeded for outcome in a_runner(home, MORNING_AFTER, 8).rebuild())
    after = tables(home)
    assert before.keys() == after.keys() and after["features"].height and after["points_model"].height
    for name in before:
        assert_frame_equal(after[name], before[name])
    assert {file: file.stat().st_ino for file in ledgers} == ledgers
    assert sorted((home / "landing").rglob("*")) == landed and not (home / "rebuild").exists()


def test_the_plan_counts_what_is_replaced_and_what_is_kept(runner: Runner) -> None:
    write(runner, "boxscores", 3)
    plan = plan_rebuild(runner.warehouse, runner.landing)
    assert {size.name: (size.dates, size.rows) for size in plan.replaced if size.dates} == {
        "boxscores": (1, 3),
        "players": (1, 0),
    }
    assert {
        "predictions",
        "grades",
        "waivers",
        "not_played_games",
        "quarantine_resolutions",
        "releases",
        "write_probes",
        *ALERT_LEDGERS,
        *RECORD_LEDGERS,
    } == {size.name for size in plan.retained}
    assert [(run.job, run.tables, run.first) for run in plan.runs] == [("game_day", ("players",), DAY)]


def test_a_landing_without_runs_is_refused(tmp_path: Path) -> None:
    empty = a_runner(tmp_path / "empty", NEXT, 8)
    with pytest.raises(BadInput, match="has no runs to rebuild from"):
        all_of(empty)


def test_a_training_that_dagster_started_is_repeated_as_a_training() -> None:
    run = {
        "job": "train",
        "assets": None,
        "tags": {"dagster/partition": "2026-01-12"},
        "as_of": "2026-01-12T10:00:00+00:00",
        "run_id": "x",
    }
    repeated = repetition(run, REBUILT)
    assert repeated and (repeated.job, repeated.tables) == ("train", ("points_model",))
    assert repeated.first == repeated.last == date(2026, 1, 12)


def test_an_offline_run_is_repeated_as_one() -> None:
    tags = {"dagster/partition": "2026-01-12", OFFLINE_TAG: "true"}
    run = {"job": "game_day", "assets": ["schedule"], "tags": tags, "as_of": "2026-01-12T10:00:00+00:00", "run_id": "x"}
    repeated = repetition(run, REBUILT)
    assert repeated and OFFLINE_TAG in repeated.tags


def test_a_reread_is_not_repeated_because_it_wrote_no_table() -> None:
    tags = {"dagster/partition": str(DAY)}
    run = {"job": "recheck", "assets": None, "tags": tags, "as_of": "2026-01-16T17:00:00+00:00", "run_id": "x"}
    assert repetition(run, REBUILT) is None


def test_assets_without_rows_are_not_repeated() -> None:
    run = {"job": "summarize", "assets": ["morning_summary"], "tags": {}, "as_of": "2026-01-16T13:00:00+00:00", "run_id": "x"}
    assert repetition(run, REBUILT) is None
    assert repetition({**run, "job": "__ASSET_JOB", "assets": ["slate_status"]}, REBUILT) is None


# Refusals


def test_a_table_that_would_lose_a_date_keeps_all_old_tables(runner: Runner, home: Path) -> None:
    write(runner, "boxscores", 3)
    before = tables(home)
    with pytest.raises(PipelineError, match=f"boxscores would lose 1 date \\(first: {DAY}\\); the old tables were kept") as error:
        all_of(runner)
    assert str(home / "rebuild" / "tables") in str(error.value)
    assert all(rows.equals(before[name]) for name, rows in tables(home).items())
    assert (home / "rebuild" / "tables" / "players").exists()


@pytest.mark.unattended
def test_a_table_that_would_shrink_keeps_all_old_tables(runner: Runner, home: Path) -> None:
    spelling = {"game_date": DAY, "player_id": 1, "spelling": "A", "lookup": "a", "evidence": "operator"}
    runner.warehouse.replace(TABLES["players"], [DAY], frame_of(TABLES["players"], spelling), "test")
    with pytest.raises(PipelineError, match=f"players would shrink below 80% on 1 date \\(first: {DAY}, 1 to 0 rows\\)"):
        all_of(runner)
    assert tables(home)["players"].height == 1


def test_a_run_that_had_succeeded_and_fails_keeps_all_old_tables(runner: Runner, home: Path) -> None:
    """The team box scores are derived from box scores that no journaled run makes."""
    write(runner, "boxscores")
    assert runner.run("game_day", ["team_boxscores"], DAY, DAY).succeeded
    with pytest.raises(PipelineError, match=r"1 run failed that had succeeded \(first: game_day 2026-01-15\)"):
        all_of(runner)
    assert tables(home).keys() >= {"boxscores", "team_boxscores", "players"}


@pytest.mark.unattended
def test_a_run_that_failed_originally_does_not_stop_the_rebuild(runner: Runner) -> None:
    assert not runner.run("game_day", ["features"], DAY, DAY).succeeded
    first, second = all_of(runner)
    assert first.succeeded and second.succeeded
    assert any(warning.startswith("as originally: ") for warning in second.warnings)


def a_run(runner: Runner, home: Path) -> None:
    Days(home).begin(DAY, datetime.now(UTC))


def a_daemon(runner: Runner, home: Path) -> None:
    runner.instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), "SENSOR", "x", []))


@pytest.mark.parametrize(
    ("use", "reason"), [(a_run, "is in progress"), (a_daemon, "Dagster's daemon was running on this home 0 s ago")]
)
def test_a_home_in_use_is_refused(use: Callable[[Runner, Path], None], reason: str, runner: Runner, home: Path) -> None:
    use(runner, home)
    with pytest.raises(Busy, match=reason):
        all_of(runner)
    assert not (home / "rebuild").exists()


def test_one_rebuild_runs_at_a_time(runner: Runner, home: Path) -> None:
    (home / "locks").mkdir(exist_ok=True)
    with FileLock(home / "locks" / "rebuild.lock"), pytest.raises(Busy, match=r"another rebuild of .* is running"):
        all_of(runner)


@pytest.mark.unattended
def test_a_killed_rebuild_is_repeated_from_the_start(runner: Runner, home: Path) -> None:
    leftover = home / "rebuild" / "tables" / "boxscores" / f"game_date={DAY}" / "part.parquet"
    leftover.parent.mkdir(parents=True)
    TABLES["boxscores"].empty().write_parquet(leftover)
    assert [outcome.succeeded for outcome in all_of(runner)] == [True]
    assert tables(home).keys() == {"players"} and not (home / "rebuild").exists()


# The command


def test_without_a_terminal_the_command_prints_its_plan_and_requires_yes(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("NBA_PIPELINE_HOME", str(home))
    before = sorted((str(path), path.stat().st_mtime_ns) for path in home.rglob("*"))
    with pytest.raises(BadInput, match="run it in a terminal or pass --yes"):
        app(["rebuild"], standalone_mode=False)
    app(["rebuild", "--dry-run"], standalone_mode=False)
    assert "1 run is repeated from the landing" in capsys.readouterr().out
    assert sorted((str(path), path.stat().st_mtime_ns) for path in home.rglob("*")) == before

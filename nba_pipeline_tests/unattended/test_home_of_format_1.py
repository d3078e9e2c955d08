"""A home built by the last version of format 1 is migrated and read by this version."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.league.calendar import days
from nba_pipeline.monitoring.status import status
from nba_pipeline.orchestration.backfill import plan as plan_backfill
from nba_pipeline.tables.declarations import daily_tables
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.ledgers import ledgers
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline.warehouse.migration import migrate, plan
from nba_pipeline.warehouse.verification import verify
from nba_pipeline_tests.orchestration.test_runner import a_runner, made_once, only

pytestmark = [pytest.mark.unattended, pytest.mark.long(seconds=20, group="home of format 1")]

LAST_OF_FORMAT_1 = "f7090fe"
ROOT = Path(__file__).parents[2]
DAY = date(2026, 1, 15)
NEXT, HISTORY_DAYS = DAY + timedelta(days=1), 13

BUILD = f"""
import os, sys
from datetime import date, timedelta
from pathlib import Path
import nba_pipeline
from nba_pipeline.calendar import Clock, eastern
from nba_pipeline.definitions import build_definitions
from nba_pipeline.environments import home, resources_for
from nba_pipeline.runs import Runner, open_instance

assert Path(nba_pipeline.__file__).is_relative_to(Path.cwd()), nba_pipeline.__file__

def at(day, hour):
    clock = Clock(stands_at=eastern(day, hour).isoformat())
    return Runner(build_definitions("sandbox", resources_for("sandbox", clock)), open_instance(home()))

day, next_day = date.fromisoformat("{DAY}"), date.fromisoformat("{NEXT}")
outcomes = [
    *at(day, 7).backfill(day - timedelta(days={HISTORY_DAYS}), day - timedelta(days=1)),
    *at(day, 12).slate(day, "same_day"),
    *at(next_day, 7).slate(day, "overnight"),
    *at(next_day, 12).slate(next_day, "same_day"),
]
"""
"""Two weeks of the league, the predictions of DAY and their grades, and the predictions of the next day."""

RENAMED = {
    "predictions": {"predicted_points": "predicted_value"},
    "grades": {
        "predicted_points": "predicted_value", "points": "actual_value", "error_points": "error",
        "absolute_error_points": "absolute_error",
    },
}  # fmt: skip

TABLES_ADDED_LATER = {"career_form", "team_outlook", "expected_absences", "picks", "publications", "system_performance"}


ADDED_SINCE = (
    "teammates_listed", "adjusted_line", "plays_probability", "standard_deviation", "model_over_probability",
    "model_push_probability", "model_under_probability", "blended_over_probability", "blended_push_probability",
    "blended_under_probability", "over_probability", "probability_reason", "market_over_probability", "price", "best_price",
    "best_price_book", "best_price_source", "price_edge", "expected_value", "best_expected_value", "prices_snapshot_at",
)  # fmt: skip
"""Nullable columns added to the ledgers after the migration was written. Earlier rows lack them on disk."""


def stored_versions(warehouse: Warehouse, dates: Sequence[date]) -> dict[str, str]:
    """Returns table -> code version of its rows."""
    stored = {
        name: warehouse.scan(TABLES[name], dates).select(pl.col("code_version").max()).collect().item() for name in daily_tables()
    }
    return {name: version for name, version in stored.items() if version is not None}


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True, text=True, check=False)


@contextmanager
def worktree(folder: Path) -> Iterator[Path]:
    """A worktree with the code of format 1."""
    done = git("worktree", "add", "--detach", str(folder), LAST_OF_FORMAT_1)
    assert not done.returncode, done.stderr
    try:
        yield folder
    finally:
        git("worktree", "remove", "--force", str(folder))


@pytest.fixture(scope="session")
def old(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A home written by the last version of format 1."""
    if not shutil.which("git") or git("cat-file", "-e", f"{LAST_OF_FORMAT_1}^{{commit}}").returncode:
        pytest.skip(f"this is not a git repository with the commit {LAST_OF_FORMAT_1}, the last version of format 1")

    def make(home: Path) -> None:
        with worktree(home.with_name("format_1_code")) as code:
            variables = {"PYTHONPATH": str(code), "NBA_PIPELINE_HOME": str(home), "PATH": os.environ["PATH"]}
            command = [sys.executable, "-W", "ignore", "-c", BUILD]
            subprocess.run(command, cwd=code, env=variables, check=True, timeout=600, capture_output=True)
        (home / "sandbox_rules.json").write_text("{}")  # the full league plays on

    return made_once("format_1_home", make, tmp_path_factory, worker_id)


@pytest.fixture
def home(old: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(old, tmp_path / "home", symlinks=True))


def rows(home: Path, table: str) -> pl.DataFrame:
    """Returns a ledger as stored on disk, in an order that exists in both formats."""
    parts = sorted((home / "tables" / table).glob("*/part.parquet"))
    read = pl.concat([pl.read_parquet(part, hive_partitioning=False) for part in parts], how="diagonal")
    version = "version" if table == "predictions" else "grade_version"
    return read.sort("game_date", "game_id", "player_id", "system_id", "run_kind", version)


def test_every_row_id_and_grade_is_unchanged(home: Path) -> None:
    before = {table: rows(home, table) for table in RENAMED}
    list(migrate(home, plan(home)))
    for table, renamed in RENAMED.items():
        after = rows(home, table)
        assert before[table].height > 0 and after["market"].unique().to_list() == ["player_points"]
        assert_frame_equal(after.drop("market"), before[table].rename(renamed))
        assert after.columns == [name for name in TABLES[table].dtypes if name not in ADDED_SINCE]
    assert set(rows(home, "grades")["prediction_id"]) < set(rows(home, "predictions")["prediction_id"])
    assert {DAY, NEXT} <= set(rows(home, "predictions")["game_date"])
    verified = [one for table in ledgers() for one in verify(LocalWarehouse(home=str(home)), table)]
    assert sum(one.rows for one in verified) > 0 and not [finding for one in verified for finding in one.findings]


def test_a_partly_converted_home_is_completed(home: Path, tmp_path: Path) -> None:
    other = Path(shutil.copytree(home, tmp_path / "other", symlinks=True))
    list(migrate(home, plan(home)))
    shutil.rmtree(other / "tables" / "predictions")
    shutil.copytree(home / "tables" / "predictions", other / "tables" / "predictions")
    list(migrate(other, plan(other)))
    for table in RENAMED:
        assert_frame_equal(rows(other, table), rows(home, table))


def test_a_migrated_home_of_the_earlier_simulated_league_is_read_and_not_extended(home: Path) -> None:
    list(migrate(home, plan(home)))
    before = {table: rows(home, table) for table in RENAMED}
    outcome = only(a_runner(home, NEXT, 12).slate(NEXT, "same_day"))
    assert not outcome.succeeded
    assert "holds games of version 1 of the simulated league" in " ".join(outcome.failures)
    for table in RENAMED:
        assert_frame_equal(rows(home, table), before[table])


def test_nothing_of_a_migrated_home_is_stale_and_only_added_tables_are_missing(home: Path) -> None:
    list(migrate(home, plan(home)))
    work, dates = a_runner(home, NEXT, 12), days(DAY - timedelta(days=3), DAY)
    versions = work.code_versions | stored_versions(work.warehouse, dates)  # later code changes do not concern the format
    models = work.warehouse.scan(TABLES["points_model"]).select(pl.col("code_version").max()).collect().item()
    versions |= {"points_model": models}
    records = status(work.warehouse, work.landing, work.clock, dates, versions)
    assert [record["stale"] for record in records] == [[]] * len(dates)
    missing = [{name for name, rows in record["rows"].items() if rows is None} for record in records]
    assert missing == [TABLES_ADDED_LATER] * len(dates)
    steps = plan_backfill(work.warehouse, dates[0], DAY, versions, "grades", is_resumed=True)
    # for the added tables, and for the systems that format 1 did not train
    assert {step.part for step in steps if not step.is_skipped} == {"features", "models", "predictions"}

"""Migration from format 1 to 2: converted and unchanged files, refusals and interruptions."""

import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from typer.testing import CliRunner

from nba_pipeline.assets.grades.grades import TABLE as GRADES
from nba_pipeline.assets.predictions.predictions import TABLE as PREDICTIONS
from nba_pipeline.cli import app
from nba_pipeline.errors import BadInput, Busy, PipelineError
from nba_pipeline.orchestration.run_requests import warehouse_problem
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse import migration
from nba_pipeline.warehouse.home_format import FORMAT, WITH_MONTHS, format_of, write_format
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline.warehouse.migration import ledger_format, migrate, plan, summary, to_format_2
from nba_pipeline.warehouse.verification import verify
from nba_pipeline.warehouse.writing import locked
from nba_pipeline_tests.builders import DAY
from nba_pipeline_tests.builders_format_1 import (
    ADDED_LATER,
    COLUMNS_OF_FORMAT_1,
    NEXT,
    a_home_of_format_1,
    in_format_1,
    ledgers,
    partition_of,
)

pytestmark = pytest.mark.slow

BOTH = (PREDICTIONS, GRADES)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    return a_home_of_format_1(tmp_path / "home")


def migrated(home: Path) -> list[str]:
    return list(migrate(home, plan(home)))


def contents(home: Path) -> dict[Path, bytes]:
    return {file.relative_to(home): file.read_bytes() for file in home.rglob("*") if file.is_file() and "locks" not in file.parts}


def assert_is_in_format_2(home: Path) -> None:
    warehouse = LocalWarehouse(home=str(home))
    for table, expected in ledgers().items():
        assert_frame_equal(warehouse.scan(table).sort(table.key).collect(), expected.sort(table.key))
        assert warehouse.dates(table) == {DAY, NEXT}
        columns = pl.read_parquet_schema(partition_of(home, table)).names()
        assert columns == [name for name in table.dtypes if name not in ADDED_LATER]


# Conversion


def test_every_row_has_its_values_under_the_new_names(old: Path) -> None:
    assert migrated(old) == [
        "predictions: 2 partitions with 3 rows converted",
        "grades: 2 partitions with 2 rows converted",
        "alert_changes: 0 rows recorded in the manifests",
        "alert_deliveries: 0 rows recorded in the manifests",
        "alert_message_deliveries: 0 rows recorded in the manifests",
        "alerts: 0 rows recorded in the manifests",
        "grades: 2 rows recorded in the manifests",
        "halts: 0 rows recorded in the manifests",
        "not_played_games: 0 rows recorded in the manifests",
        "picks: 0 rows recorded in the manifests",
        "predictions: 3 rows recorded in the manifests",
        "publications: 0 rows recorded in the manifests",
        "quarantine_resolutions: 0 rows recorded in the manifests",
        "releases: 0 rows recorded in the manifests",
        "system_roles: 0 rows recorded in the manifests",
        "waivers: 0 rows recorded in the manifests",
        "write_probes: 0 rows recorded in the manifests",
        f"{old} has format 2",
    ]
    assert_is_in_format_2(old)
    verified = [one for table in ledgers() for one in verify(LocalWarehouse(home=str(old)), table)]
    assert [one.findings for one in verified] == [()] * 4
    ids = (
        LocalWarehouse(home=str(old)).scan(PREDICTIONS).select("prediction_id", "market").unique().sort("prediction_id").collect()
    )
    assert ids.rows() == [("first", "player_points"), ("second", "player_points")]


def test_a_migration_that_is_repeated_touches_nothing(old: Path) -> None:
    migrated(old)
    before = contents(old)
    assert (plan(old), migrated(old), list(summary(old, []))) == ([], [], [f"nothing to do: {old} has format 2"])
    assert contents(old) == before


def test_a_plan_counts_partitions_and_rows_and_touches_nothing(old: Path) -> None:
    before = contents(old)
    assert list(summary(old, plan(old))) == [
        "predictions: 2 partitions with 3 rows to convert, 0 already converted",
        "grades: 2 partitions with 2 rows to convert, 0 already converted",
    ]
    assert contents(old) == before


def test_a_home_without_tables_has_nothing_to_migrate(tmp_path: Path) -> None:
    home = tmp_path / "nowhere"
    assert (plan(home), migrated(home), list(summary(home, []))) == ([], [], [f"nothing to do: {home} has no tables yet"])
    assert not home.exists()


def test_other_tables_and_later_columns_are_unchanged(old: Path) -> None:
    """A nullable column that a partition lacks is still missing afterwards. A column unknown to this version is kept."""
    file, other = partition_of(old, PREDICTIONS), old / "tables" / "schedule" / f"game_date={DAY}" / "part.parquet"
    rows = pl.read_parquet(file, hive_partitioning=False).drop("injury_status").with_columns(pl.lit(7).alias("later"))
    rows.write_parquet(file)
    other.parent.mkdir(parents=True)
    other.write_bytes(b"not read")
    migrated(old)
    after = pl.read_parquet(file, hive_partitioning=False)
    assert_frame_equal(after.drop("market"), rows.rename({"predicted_points": "predicted_value"}))
    assert other.read_bytes() == b"not read"


@pytest.mark.parametrize("table", BOTH, ids=lambda table: table.name)
def test_the_format_is_detected_from_the_columns(table: Table) -> None:
    old = COLUMNS_OF_FORMAT_1[table.name]
    assert (ledger_format(table.name, old), ledger_format(table.name, table.dtypes)) == (1, 2)
    assert ledger_format(table.name, [*old, "market"]) is None
    assert ledger_format(table.name, [name for name in table.dtypes if name != "market"]) is None
    assert ledger_format(table.name, [name for name in old if name != "run_kind"]) is None


@pytest.mark.parametrize("table", BOTH, ids=lambda table: table.name)
def test_the_conversion_changes_only_names_and_market(table: Table) -> None:
    rows = ledgers()[table].drop(ADDED_LATER, strict=False)
    assert_frame_equal(to_format_2(table.name, in_format_1(table, rows)), rows)


# Bad input


def damage_end(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-100])


def damage_rows(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[4:200] = b"\xff" * 196
    file.write_bytes(content)


def other_columns(file: Path) -> None:
    pl.DataFrame({"game_id": ["1"]}).write_parquet(file)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (damage_end, "cannot be read: "),
        (damage_rows, "cannot be read: "),
        (lambda file: file.write_bytes(b""), "cannot be read: "),
        (other_columns, "has neither the columns of format 1 nor those of format 2 (game_id); nothing was converted"),
    ],
    ids=["truncated", "overwritten", "empty", "other columns"],
)
def test_an_unusable_partition_is_named_before_anything_is_converted(
    damage: Callable[[Path], None], message: str, old: Path
) -> None:
    file = partition_of(old, GRADES)
    damage(file)
    before = contents(old)
    with pytest.raises(PipelineError) as raised:
        plan(old)
    assert str(file) in str(raised.value) and message in str(raised.value) and "\n" not in str(raised.value)
    assert not isinstance(raised.value, BadInput) and contents(old) == before


def test_a_folder_that_is_no_partition_is_named(old: Path) -> None:
    folder = partition_of(old, GRADES).parent
    folder.rename(folder.with_name("game_date=yesterday"))
    with pytest.raises(PipelineError, match=r"game_date=yesterday is not a partition: 'yesterday' is not a date"):
        plan(old)


def test_a_newer_home_is_refused(old: Path) -> None:
    write_format(old, WITH_MONTHS + 1)
    with pytest.raises(BadInput, match="install a newer nba_pipeline"):
        plan(old)


def test_a_locked_date_is_not_converted(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(SETTINGS.__dict__, "warehouse", SETTINGS.warehouse.model_copy(update={"lock_wait_seconds": 0.1}))
    planned = plan(old)
    with (
        locked(old / "locks" / "grades", "grades", [DAY], "a run", 1.0),
        pytest.raises(Busy, match=f"grades {DAY} is being written by"),
    ):
        list(migrate(old, planned))
    assert format_of(old) == 1
    migrated(old)
    assert_is_in_format_2(old)


def test_a_home_that_cannot_be_written_is_named(old: Path) -> None:
    (old / "locks").write_text("a file where the folder should be")
    before = contents(old)
    with pytest.raises(BadInput, match=f"^{old} cannot be written: .*; run `nba-pipeline migrate` again$"):
        migrated(old)
    assert contents(old) == before


def test_rows_that_come_out_different_replace_nothing(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A faulty conversion."""
    faulty = lambda name, rows: to_format_2(name, rows).reverse()  # noqa: E731
    monkeypatch.setattr(migration, "to_format_2", faulty)
    before = contents(old)
    with pytest.raises(PipelineError, match=r"part.parquet: the converted rows differ from the original ones"):
        migrated(old)
    assert contents(old) == before


def test_a_partition_converted_since_the_plan_is_unchanged(old: Path, tmp_path: Path) -> None:
    planned = plan(old)
    done = migrated(Path(shutil.copytree(old, tmp_path / "done"))) and tmp_path / "done"
    shutil.copy(partition_of(Path(done), GRADES), partition_of(old, GRADES))
    list(migrate(old, planned))
    assert_is_in_format_2(old)


# Interruptions

KILLED = """
import os, shutil, signal, sys
from pathlib import Path
from nba_pipeline.assets.grades import grades
from nba_pipeline.assets.predictions import predictions
from nba_pipeline.warehouse.migration import migrate, plan

template, folder, number = Path(sys.argv[1]), Path(sys.argv[2]), 0
while True:
    home, left = folder / str(number), [number]
    shutil.copytree(template, home)

    def die(event, arguments):
        if event in ("open", "os.rename", "os.remove", "os.mkdir") and str(home) in str(arguments[0]):
            if not left[0]:
                os.kill(os.getpid(), signal.SIGKILL)
            left[0] -= 1

    child = os.fork()
    if not child:
        sys.addaudithook(die)
        list(migrate(home, plan(home)))
        os._exit(0)
    if os.WIFEXITED(os.waitpid(child, 0)[1]):
        break
    number += 1
"""
"""Migrates copies of a home. The first is killed before its first file operation, each next one an operation later."""


@pytest.mark.unattended
@pytest.mark.long(seconds=25)
def test_a_migration_killed_before_any_file_operation_is_finished_by_the_next(old: Path, tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    subprocess.run([sys.executable, "-W", "ignore", "-c", KILLED, str(old), str(folder)], check=True, timeout=120)
    homes = sorted(folder.iterdir(), key=lambda home: int(home.name))
    left = set()
    for home in homes:
        if format_of(home) == 1:
            left.add(sum(part.format == 2 for part in plan(home)))
            with pytest.raises(BadInput, match="run `nba-pipeline migrate`"):
                LocalWarehouse(home=str(home)).scan(GRADES)
            migrated(home)
        assert_is_in_format_2(home)
        assert not list(home.rglob(".migrate.tmp"))
    assert left == {0, 1, 2, 3, 4}, "each number of converted partitions was left by a kill"


# The command


@pytest.mark.parametrize(("arguments", "number"), [(["migrate", "--dry-run"], 1), (["migrate"], 2)])
def test_the_command_prints_what_it_converts(
    arguments: list[str], number: int, old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NBA_PIPELINE_HOME", str(old))
    monkeypatch.setenv("NBA_PIPELINE_ENV", "local")
    result = CliRunner().invoke(app, arguments)
    assert (result.exit_code, format_of(old)) == (0, number), result.output
    assert "predictions: 2 partitions with 3 rows to convert, 0 already converted" in result.output
    assert ("2 partitions with 3 rows converted" in result.output) == (number == FORMAT)


def test_in_production_there_is_nothing_to_migrate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBA_PIPELINE_ENV", "production")
    result = CliRunner().invoke(app, ["migrate"])
    assert isinstance(result.exception, BadInput) and "NBA_PIPELINE_ENV is 'production'" in str(result.exception)


def test_schedules_and_sensors_skip_an_old_home_with_the_reason(old: Path) -> None:
    assert warehouse_problem(LocalWarehouse(home=str(old))).endswith("run `nba-pipeline migrate`")
    migrated(old)
    assert warehouse_problem(LocalWarehouse(home=str(old))) == ""


@pytest.mark.parametrize("arguments", [["status"], ["sql", "SELECT 1"], ["reconcile"], ["run", "--date", str(date(2024, 3, 12))]])
def test_a_command_on_an_old_home_names_the_migration_and_writes_nothing(
    arguments: list[str], old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NBA_PIPELINE_HOME", str(old))
    before = contents(old)
    result = CliRunner().invoke(app, arguments)
    assert isinstance(result.exception, BadInput) and str(result.exception).endswith("run `nba-pipeline migrate`")
    assert contents(old) == before

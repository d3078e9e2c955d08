"""Writes to a ledger are recorded once, and a write killed at any point is not reported as an alteration. Uses real files."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl
import pytest

from nba_pipeline.errors import Closed, PipelineError
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.ledgers import record_existing
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline.warehouse.verification import (
    MANIFEST_INVALID,
    ROW_ALTERED,
)
from nba_pipeline_tests.warehouse.contract import DAY, IMPATIENT, NEXT, ROOT, Tables, rows, stored_rows
from nba_pipeline_tests.warehouse.toy_ledger import KEY, a_ledger, findings, manifest, of_second, part, problems, tamper


@pytest.fixture
def picks(tables: Tables) -> Table:
    return tables("toy_picks", write="add", is_ledger=True)


@pytest.fixture
def local(tmp_path: Path, picks: Table) -> LocalWarehouse:
    """A ledger with two dates."""
    local = LocalWarehouse(home=str(tmp_path), lock_wait_seconds=IMPATIENT)
    local.add(picks, [DAY, NEXT], pl.concat([rows(3), rows(2, NEXT)]), "me")
    return local


@pytest.mark.parametrize("loss", ["a row", "the partition"])
def test_a_date_with_missing_recorded_rows_accepts_none_until_they_are_restored(
    local: LocalWarehouse, picks: Table, loss: str
) -> None:
    """Replacement rows would have other hashes, and the originals could not be restored."""
    if loss == "a row":
        tamper(local, lambda frame: frame.filter(pl.col("game_id") != "001"))
    else:
        shutil.rmtree(part(local).parent)
        assert "3 recorded rows are missing" in local.closed(picks, [DAY, NEXT])[DAY]
    with pytest.raises(Closed, match=f"toy_picks is closed for {DAY}: .* missing; next: nba-pipeline restore"):
        local.add(picks, [DAY], rows(4, points=9), "somebody")
    assert local.scan(picks, [DAY]).collect().height == (2 if loss == "a row" else 0)
    assert local.add(picks, [NEXT], rows(3, NEXT), "somebody") == 1


def test_other_tables_have_no_manifests(local: LocalWarehouse, tables: Tables) -> None:
    local.add(tables("toy_lines", write="add"), [DAY], rows(1), "me")
    assert [folder.name for folder in Path(local.home, "manifests").iterdir()] == ["toy_picks"]


def test_a_recorded_hash_is_never_recomputed(local: LocalWarehouse, picks: Table) -> None:
    tamper(local, of_second("points", pl.lit(30)))
    local.add(picks, [DAY], rows(3, first=1), "me")
    assert problems(local, picks) == [(ROW_ALTERED, DAY, KEY)]


def test_existing_rows_are_recorded_once_and_only_without_a_manifest(local: LocalWarehouse, picks: Table) -> None:
    manifest(local).unlink()
    tamper(local, of_second("points", pl.lit(30)), NEXT)
    stored = {day: local.ledger_rows(picks, [day]) for day in (DAY, NEXT)}
    recorded = [[record_existing(local.manifests, picks, day, rows) for day, rows in stored.items()] for _ in range(2)]
    assert recorded == [[True, False], [False, False]]
    assert problems(local, picks) == [(ROW_ALTERED, NEXT, KEY)]


# Concurrent and killed writers


def write_until_killed(home: str, step: int, when: str) -> None:
    """Run in its own process: add two rows to DAY and exit before or after one of the renames of the write."""
    replace, done = os.replace, 0

    def dying(source: object, target: object) -> None:
        nonlocal done
        if done == step and when == "before":
            os.kill(os.getpid(), 9)
        replace(source, target)  # type: ignore[arg-type]
        done += 1
        if done == step + 1 and when == "after":
            os.kill(os.getpid(), 9)

    os.replace = dying  # type: ignore[assignment]
    LocalWarehouse(home=home).add(a_ledger(), [DAY], rows(5), "the process that died")


FORKS_WRITERS = f"""
import json, os, sys
import nba_pipeline.warehouse.local

for line in sys.stdin:
    child = os.fork()
    if not child:
        from {__name__} import write_until_killed
        write_until_killed(*json.loads(line))
        os._exit(0)
    print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
"""
"""Forks a writer for each line of its input, so that only one process imports Dagster and polars.

It must not import this module, which computes a frame: polars' threads do not survive a fork.
"""


@pytest.fixture(scope="module")
def kill_a_writer() -> Iterator[Callable[[str, int, str], None]]:
    """A function that adds rows to the ledger of a home in a process that is killed at a rename."""
    command, variables = [sys.executable, "-W", "ignore", "-c", FORKS_WRITERS], {"PATH": os.environ["PATH"]}
    with subprocess.Popen(command, cwd=ROOT, env=variables, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as forks:

        def kill(home: str, step: int, when: str) -> None:
            assert forks.stdin and forks.stdout
            print(json.dumps([home, step, when]), file=forks.stdin, flush=True)
            assert forks.stdout.readline() == "-9\n"

        yield kill


STEPS = ["the pending manifest", "the rows", "the manifest"]
"""The renames of a write, in order."""


@pytest.mark.unattended
@pytest.mark.platform
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_writer_that_is_killed_at_any_point_leaves_no_alteration(
    local: LocalWarehouse, picks: Table, tmp_path: Path, kill_a_writer: Callable[..., None], step: str, when: str
) -> None:
    kill_a_writer(local.home, STEPS.index(step), when)
    is_written = (step, when) in (("the rows", "after"), ("the manifest", "before"), ("the manifest", "after"))
    assert stored_rows(local, picks, DAY).height == (5 if is_written else 3)
    copy = LocalWarehouse(home=str(shutil.copytree(tmp_path, tmp_path / "copy")), lock_wait_seconds=IMPATIENT)
    assert not findings(local, picks)
    assert copy.add(picks, [DAY], rows(6, points=9), "the next writer") == (1 if is_written else 3)
    for home in (local, copy):
        assert not findings(home, picks) and not list(Path(home.home, "manifests").rglob("*.pending"))
        assert home.add(picks, [DAY], rows(7), "the one after") and not findings(home, picks)


@pytest.mark.unattended
@pytest.mark.platform
def test_a_row_altered_before_a_pending_manifest_is_settled_is_named(
    local: LocalWarehouse, picks: Table, kill_a_writer: Callable[..., None]
) -> None:
    kill_a_writer(local.home, STEPS.index("the rows"), "after")
    tamper(local, lambda frame: frame.with_columns(points=pl.when(pl.col("game_id") == "004").then(30).otherwise("points")))
    assert problems(local, picks) == [(ROW_ALTERED, DAY, "game_id 004, book fanduel")]


def test_a_damaged_pending_manifest_closes_its_date(local: LocalWarehouse, picks: Table) -> None:
    pending = manifest(local).with_name(f"{manifest(local).name}.pending")
    pending.write_text("{")
    assert problems(local, picks) == [(MANIFEST_INVALID, DAY, "")]
    with pytest.raises(PipelineError, match=r"\.pending cannot be read"):
        local.add(picks, [DAY], rows(1, first=9), "me")

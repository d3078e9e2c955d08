"""Every alteration of a ledger is detected, and a write killed at any point is not reported as one. Uses real files."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from filelock import FileLock

from nba_pipeline.errors import Closed, PipelineError
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.ledgers import (
    MANIFEST_INVALID,
    MANIFEST_MISSING,
    NOT_VERIFIED,
    PARTITION_MISSING,
    PARTITION_UNREADABLE,
    ROW_ALTERED,
    ROW_DUPLICATED,
    ROW_MISSING,
    ROW_UNRECORDED,
    Finding,
    record_existing,
    verify,
)
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline.warehouse.manifests import InvalidManifest
from nba_pipeline_tests.warehouse.contract import DAY, IMPATIENT, NEXT, ROOT, Tables, a_table, stored_rows, rows

Change = Callable[[pl.DataFrame], pl.DataFrame]
KEY = "game_id 001, book fanduel"


def a_ledger() -> Table:
    return a_table("toy_picks", write="add", is_ledger=True)


@pytest.fixture
def picks(tables: Tables) -> Table:
    return tables("toy_picks", write="add", is_ledger=True)


@pytest.fixture
def local(tmp_path: Path, picks: Table) -> LocalWarehouse:
    """A ledger with two dates."""
    local = LocalWarehouse(home=str(tmp_path), lock_wait_seconds=IMPATIENT)
    local.add(picks, [DAY, NEXT], pl.concat([rows(3), rows(2, NEXT)]), "me")
    return local


def findings(local: LocalWarehouse, table: Table, dates: list[date] | None = None) -> list[Finding]:
    return [finding for verified in verify(local, table, dates) for finding in verified.findings]


def problems(local: LocalWarehouse, table: Table) -> list[tuple[str, date, str]]:
    return [(finding.problem, finding.game_date, finding.key) for finding in findings(local, table)]


def part(local: LocalWarehouse, day: date = DAY) -> Path:
    return Path(local.home, "tables", "toy_picks", f"game_date={day}", "part.parquet")


def manifest(local: LocalWarehouse, day: date = DAY) -> Path:
    return Path(local.home, "manifests", "toy_picks", f"game_date={day}.json")


def tamper(local: LocalWarehouse, change: Change, day: date = DAY) -> None:
    change(pl.read_parquet(part(local, day))).write_parquet(part(local, day))


def of_second(column: str, value: pl.Expr) -> Change:
    return lambda frame: frame.with_columns(pl.when(pl.col("game_id") == "001").then(value).otherwise(column).alias(column))


# Verification


def test_rows_as_they_were_written_are_verified(local: LocalWarehouse, picks: Table) -> None:
    local.add(picks, [DAY], rows(1, first=7), "me")
    assert [(one.game_date, one.rows, one.findings) for one in verify(local, picks)] == [(DAY, 4, ()), (NEXT, 2, ())]
    assert [one.game_date for one in verify(local, picks, [NEXT, date(2024, 3, 14)])] == [NEXT]


@pytest.mark.parametrize(
    "change",
    [of_second("price", pl.col("price") * 2), of_second("points", pl.col("points") + 5), of_second("price", pl.lit(None)),
     of_second("words", pl.lit(["early"])), of_second("seen_at", pl.col("seen_at") + pl.duration(microseconds=1)),
     of_second("source", pl.lit("elsewhere")), of_second("game_date", pl.lit(NEXT))],
    ids=["forecast doubled", "line + 5", "value erased", "list", "instant", "lineage", "date"],
)  # fmt: skip
def test_an_altered_row_is_named(local: LocalWarehouse, picks: Table, change: Change) -> None:
    tamper(local, change)
    assert problems(local, picks) == [(ROW_ALTERED, DAY, KEY)]
    [finding] = findings(local, picks)
    assert str(finding).startswith(f"toy_picks 2024-03-12, {KEY}: the row was altered")
    assert str(part(local)) in str(finding) and str(manifest(local)) in str(finding)


def test_a_deleted_row_is_named(local: LocalWarehouse, picks: Table) -> None:
    tamper(local, lambda frame: frame.filter(pl.col("game_id") != "001"))
    assert problems(local, picks) == [(ROW_MISSING, DAY, KEY)]


def test_a_row_added_by_hand_is_named(local: LocalWarehouse, picks: Table) -> None:
    tamper(local, lambda frame: pl.concat([frame, rows(1, first=9)]))
    assert problems(local, picks) == [(ROW_UNRECORDED, DAY, "game_id 009, book fanduel")]
    assert "added by hand, or manifest" in str(findings(local, picks)[0])


def test_a_row_that_was_copied_is_named(local: LocalWarehouse, picks: Table) -> None:
    tamper(local, lambda frame: pl.concat([frame, frame.slice(1, 1)]))
    assert problems(local, picks) == [(ROW_DUPLICATED, DAY, KEY)]


@pytest.mark.parametrize("loss", ["a row", "the partition"])
def test_a_date_that_lacks_recorded_rows_takes_none_until_they_are_restored(
    local: LocalWarehouse, picks: Table, loss: str
) -> None:
    """Replacement rows would have other hashes, and the originals could not be restored."""
    if loss == "a row":
        tamper(local, lambda frame: frame.filter(pl.col("game_id") != "001"))
    else:
        shutil.rmtree(part(local).parent)
        assert "3 rows that its manifest records are missing" in local.closed(picks, [DAY, NEXT])[DAY]
    with pytest.raises(Closed, match=f"toy_picks is closed for {DAY}: .* missing; next: nba-pipeline restore"):
        local.add(picks, [DAY], rows(4, points=9), "somebody")
    assert local.scan(picks, [DAY]).collect().height == (2 if loss == "a row" else 0)
    assert local.add(picks, [NEXT], rows(3, NEXT), "somebody") == 1


def test_a_copy_does_not_hide_a_deletion(local: LocalWarehouse, picks: Table) -> None:
    """The number of rows is as expected, and each row is recorded."""
    tamper(local, lambda frame: pl.concat([frame.slice(1, 1), frame.tail(2)]))
    assert {problem for problem, _, _ in problems(local, picks)} == {ROW_MISSING, ROW_DUPLICATED}


def test_a_changed_key_is_one_row_missing_and_one_unrecorded(local: LocalWarehouse, picks: Table) -> None:
    tamper(local, of_second("book", pl.lit("mine")))
    assert problems(local, picks) == [(ROW_MISSING, DAY, KEY), (ROW_UNRECORDED, DAY, "game_id 001, book mine")]


def test_a_partition_that_was_deleted_with_its_folder_is_named(local: LocalWarehouse, picks: Table) -> None:
    shutil.rmtree(part(local).parent)
    assert problems(local, picks) == [(PARTITION_MISSING, DAY, "")]
    assert "its manifest has 3 rows" in str(findings(local, picks)[0])


def test_a_file_from_another_date_is_noticed(local: LocalWarehouse, picks: Table) -> None:
    shutil.copy(part(local, NEXT), part(local))
    named = problems(local, picks)
    # two of the three keys of DAY also exist on NEXT, so these rows count as altered
    assert named == [(ROW_ALTERED, DAY, "game_id 000, book fanduel"), (ROW_ALTERED, DAY, KEY),
                     (ROW_MISSING, DAY, "game_id 002, book fanduel")]  # fmt: skip


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1 and something PAR1"])
def test_an_unreadable_partition_is_named_and_costs_no_other_date(local: LocalWarehouse, picks: Table, content: bytes) -> None:
    part(local).write_bytes(content)
    assert problems(local, picks) == [(PARTITION_UNREADABLE, DAY, "")]
    assert [one.rows for one in verify(local, picks)] == [0, 2]


def edited(text: str) -> str:
    document = json.loads(text)
    document["rows"]["sha256"][1] = "0" * 64
    return json.dumps(document)


@pytest.mark.parametrize(
    ("change", "message"),
    [(edited, "was edited: its partition hash"), (lambda text: text[:-9], r"cannot be read \(JSONDecodeError"), (lambda _: "", "cannot be read"),
     (lambda _: "{}", r"cannot be read \(KeyError"), (lambda _: "[]", r"cannot be read \(TypeError"),
     (lambda text: text.replace('"format":1', '"format":2'), "has format 2, and this version of the platform reads 1"),
     (lambda text: text.replace("toy_picks", "toy_bets"), "belongs to toy_bets 2024-03-12, not to toy_picks"),
     (lambda text: text.replace('"book":', '"books":'), "its columns are game_id, books, sha256, and the key of toy_picks is"),
     (lambda text: text.replace('"000",', ""), "cannot be read"), (lambda text: text.replace('"000"', '"001"'), "was edited")],
    ids=["edited", "truncated", "empty", "no fields", "a list", "newer", "another table", "another key", "fewer keys", "key twice"],
)  # fmt: skip
def test_an_invalid_manifest_is_named_and_closes_its_date(
    local: LocalWarehouse, picks: Table, change: Callable[[str], str], message: str
) -> None:
    manifest(local).write_text(change(manifest(local).read_text()))
    before = manifest(local).read_bytes()
    assert problems(local, picks) == [(MANIFEST_INVALID, DAY, "")]
    with pytest.raises(InvalidManifest, match=message):
        local.add(picks, [DAY], rows(1, first=9), "me")
    assert stored_rows(local, picks, DAY).height == 3 and manifest(local).read_bytes() == before
    assert local.add(picks, [NEXT], rows(1, NEXT, first=9), "me") == 1


def test_the_manifest_of_another_date_is_refused(local: LocalWarehouse, picks: Table) -> None:
    shutil.copy(manifest(local, NEXT), manifest(local))
    assert "belongs to toy_picks 2024-03-13, not to toy_picks 2024-03-12" in str(findings(local, picks)[0])


def test_an_older_manifest_is_noticed_and_never_completed_silently(local: LocalWarehouse, picks: Table) -> None:
    older = manifest(local).read_bytes()
    local.add(picks, [DAY], rows(1, first=7), "me")
    manifest(local).write_bytes(older)
    for _ in range(2):
        assert problems(local, picks) == [(ROW_UNRECORDED, DAY, "game_id 007, book fanduel")]
        local.add(picks, [DAY], rows(2, first=7), "me")


def test_a_missing_manifest_is_noticed_and_never_made_anew_silently(local: LocalWarehouse, picks: Table) -> None:
    manifest(local).unlink()
    assert problems(local, picks) == [(MANIFEST_MISSING, DAY, "")]
    assert "3 rows have no manifest" in str(findings(local, picks)[0])
    assert local.add(picks, [DAY], rows(1, first=7), "me") == 1
    assert [problem for problem, _, _ in problems(local, picks)] == [ROW_UNRECORDED] * 3


def test_a_date_without_rows_needs_no_manifest(local: LocalWarehouse, picks: Table) -> None:
    later = date(2024, 3, 14)
    local.add(picks, [later], picks.empty(), "me")
    assert not manifest(local, later).exists() and not findings(local, picks)


def test_other_tables_have_no_manifests(local: LocalWarehouse, tables: Tables) -> None:
    local.add(tables("toy_lines", write="add"), [DAY], rows(1), "me")
    assert [folder.name for folder in Path(local.home, "manifests").iterdir()] == ["toy_picks"]


def test_a_column_that_the_ledger_gains_later_alters_no_row(local: LocalWarehouse, picks: Table) -> None:
    """The same files with a table that has one more nullable column."""
    older = a_table("toy_bets", write="add", is_ledger=True)
    local.add(older, [DAY], rows(2).with_columns(points=pl.lit(None, pl.Int64)), "me")
    tamper_file = Path(local.home, "tables", "toy_bets", f"game_date={DAY}", "part.parquet")
    pl.read_parquet(tamper_file).drop("points").write_parquet(tamper_file)
    assert not findings(local, older)


def test_a_recorded_hash_is_never_computed_again(local: LocalWarehouse, picks: Table) -> None:
    tamper(local, of_second("points", pl.lit(30)))
    local.add(picks, [DAY], rows(3, first=1), "me")
    assert problems(local, picks) == [(ROW_ALTERED, DAY, KEY)]


# Existing rows


def test_existing_rows_are_recorded_once_and_only_where_there_is_no_manifest(local: LocalWarehouse, picks: Table) -> None:
    manifest(local).unlink()
    tamper(local, of_second("points", pl.lit(30)), NEXT)
    stored = {day: local.ledger_rows(picks, [day]) for day in (DAY, NEXT)}
    recorded = [[record_existing(local.manifests, picks, day, rows) for day, rows in stored.items()] for _ in range(2)]
    assert recorded == [[True, False], [False, False]]
    assert problems(local, picks) == [(ROW_ALTERED, NEXT, KEY)]


# Concurrent and killed writers


def test_a_date_that_is_being_written_is_named_not_verified(local: LocalWarehouse, picks: Table) -> None:
    tamper(local, of_second("points", pl.lit(30)))
    with FileLock(Path(local.home, "locks", "toy_picks", f"{DAY}.lock")):
        assert problems(local, picks) == [(NOT_VERIFIED, DAY, "")]


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

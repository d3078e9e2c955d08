"""Every alteration of a ledger is detected. Uses real files."""

import json
import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from filelock import FileLock

from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline.warehouse.manifests import InvalidManifest
from nba_pipeline.warehouse.verification import (
    MANIFEST_INVALID,
    MANIFEST_MISSING,
    NOT_VERIFIED,
    PARTITION_MISSING,
    PARTITION_UNREADABLE,
    ROW_ALTERED,
    ROW_DUPLICATED,
    ROW_MISSING,
    ROW_UNRECORDED,
    verify,
)
from nba_pipeline_tests.warehouse.contract import DAY, IMPATIENT, NEXT, Tables, a_table, rows, stored_rows
from nba_pipeline_tests.warehouse.toy_ledger import KEY, Change, findings, manifest, of_second, part, problems, tamper


@pytest.fixture
def picks(tables: Tables) -> Table:
    return tables("toy_picks", write="add", is_ledger=True)


@pytest.fixture
def local(tmp_path: Path, picks: Table) -> LocalWarehouse:
    """A ledger with two dates."""
    local = LocalWarehouse(home=str(tmp_path), lock_wait_seconds=IMPATIENT)
    local.add(picks, [DAY, NEXT], pl.concat([rows(3), rows(2, NEXT)]), "me")
    return local


def test_unaltered_rows_are_verified(local: LocalWarehouse, picks: Table) -> None:
    local.add(picks, [DAY], rows(1, first=7), "me")
    assert [(one.game_date, one.rows, one.findings) for one in verify(local, picks)] == [(DAY, 4, ()), (NEXT, 2, ())]
    assert [one.game_date for one in verify(local, picks, [NEXT, date(2024, 3, 14)])] == [NEXT]


@pytest.mark.parametrize(
    "change",
    [
        of_second("price", pl.col("price") * 2),
        of_second("points", pl.col("points") + 5),
        of_second("price", pl.lit(None)),
        of_second("words", pl.lit(["early"])),
        of_second("seen_at", pl.col("seen_at") + pl.duration(microseconds=1)),
        of_second("source", pl.lit("elsewhere")),
        of_second("game_date", pl.lit(NEXT)),
    ],
    ids=["forecast doubled", "line + 5", "value erased", "list", "instant", "lineage", "date"],
)
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
    assert named == [
        (ROW_ALTERED, DAY, "game_id 000, book fanduel"),
        (ROW_ALTERED, DAY, KEY),
        (ROW_MISSING, DAY, "game_id 002, book fanduel"),
    ]


@pytest.mark.parametrize("content", [b"", b"PAR1", b"PAR1 and something PAR1"])
def test_an_unreadable_partition_is_reported_and_other_dates_are_verified(
    local: LocalWarehouse, picks: Table, content: bytes
) -> None:
    part(local).write_bytes(content)
    assert problems(local, picks) == [(PARTITION_UNREADABLE, DAY, "")]
    assert [one.rows for one in verify(local, picks)] == [0, 2]


def edited(text: str) -> str:
    document = json.loads(text)
    document["rows"]["sha256"][1] = "0" * 64
    return json.dumps(document)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (edited, "was edited: its partition hash"),
        (lambda text: text[:-9], r"cannot be read \(JSONDecodeError"),
        (lambda _: "", "cannot be read"),
        (lambda _: "{}", r"cannot be read \(KeyError"),
        (lambda _: "[]", r"cannot be read \(TypeError"),
        (lambda text: text.replace('"format":1', '"format":2'), "has format 2, and this version of the platform reads 1"),
        (lambda text: text.replace("toy_picks", "toy_bets"), "belongs to toy_bets 2024-03-12, not to toy_picks"),
        (lambda text: text.replace('"book":', '"books":'), "its columns are game_id, books, sha256, and the key of toy_picks is"),
        (lambda text: text.replace('"000",', ""), "cannot be read"),
        (lambda text: text.replace('"000"', '"001"'), "was edited"),
    ],
    ids=[
        "edited",
        "truncated",
        "empty",
        "no fields",
        "a list",
        "newer",
        "another table",
        "another key",
        "fewer keys",
        "key twice",
    ],
)
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


def test_a_missing_manifest_is_reported_and_never_recreated(local: LocalWarehouse, picks: Table) -> None:
    manifest(local).unlink()
    assert problems(local, picks) == [(MANIFEST_MISSING, DAY, "")]
    assert "the date has 3 rows and no manifest" in str(findings(local, picks)[0])
    assert local.add(picks, [DAY], rows(1, first=7), "me") == 1
    assert [problem for problem, _, _ in problems(local, picks)] == [ROW_UNRECORDED] * 3


def test_a_date_without_rows_needs_no_manifest(local: LocalWarehouse, picks: Table) -> None:
    later = date(2024, 3, 14)
    local.add(picks, [later], picks.empty(), "me")
    assert not manifest(local, later).exists() and not findings(local, picks)


def test_a_column_that_the_ledger_gains_later_alters_no_row(local: LocalWarehouse, picks: Table) -> None:
    """The same files with a table that has one more nullable column."""
    older = a_table("toy_bets", write="add", is_ledger=True)
    local.add(older, [DAY], rows(2).with_columns(points=pl.lit(None, pl.Int64)), "me")
    tamper_file = Path(local.home, "tables", "toy_bets", f"game_date={DAY}", "part.parquet")
    pl.read_parquet(tamper_file).drop("points").write_parquet(tamper_file)
    assert not findings(local, older)


def test_a_locked_date_is_reported_as_not_verified(local: LocalWarehouse, picks: Table) -> None:
    tamper(local, of_second("points", pl.lit(30)))
    with FileLock(Path(local.home, "locks", "toy_picks", f"{DAY}.lock")):
        assert problems(local, picks) == [(NOT_VERIFIED, DAY, "")]

"""Restore after deleting everything except the backup, and into homes with existing content. Uses real files."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.errors import BadInput, PipelineError
from nba_pipeline.instance.clock import Clock
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.backup import back_up, digest_of
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline.warehouse.payloads import Slot
from nba_pipeline.warehouse.restore import Restored, restore
from nba_pipeline.warehouse.verification import verify
from nba_pipeline_tests.warehouse.contract import DAY, IMPATIENT, NEXT, NOON, Tables, rows, stored_rows

pytestmark = pytest.mark.slow

BOX = Slot("nba_cdn", "boxscore", "0022300945", DAY)


@pytest.fixture
def picks(tables: Tables) -> Table:
    return tables("toy_picks", write="add", is_ledger=True)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backup"


@pytest.fixture
def local(home: Path, picks: Table, folder: Path) -> LocalWarehouse:
    """A home with two dates of a ledger and two payloads of the same instant, and its backup."""
    local = LocalWarehouse(home=str(home), lock_wait_seconds=IMPATIENT)
    local.add(picks, [DAY, NEXT], pl.concat([rows(3), rows(2, NEXT)]), "me")
    landing = a_landing(home)
    for points in (3, 2):
        landing.keep(BOX, b'{"points": %d}' % points, fetched_at=NOON)
    back_up(local, landing.root, folder, home=home, environment="local", made_at=NOON, report=lambda _: None)
    return local


def a_landing(home: Path) -> Landing:
    return Landing(home=str(home), clock=Clock(fixed_at=NOON.isoformat()))


def do(local: LocalWarehouse, folder: Path, environment: str = "local", dry_run: bool = False) -> Restored:
    root = Path(local.home, "landing")
    return restore(local, root, folder, environment=environment, dry_run=dry_run, report=lambda _: None)


def is_verified(local: LocalWarehouse, table: Table) -> bool:
    return not [finding for one in verify(local, table) for finding in one.findings]


def part(home: Path, day: Any = DAY) -> Path:
    return home / "tables" / "toy_picks" / f"game_date={day}" / "part.parquet"


def manifest(home: Path) -> Path:
    return home / "manifests" / "toy_picks" / f"game_date={DAY}.json"


def content(folder: Path) -> dict[str, bytes]:
    """Every file except the locks."""
    files = {path.relative_to(folder).as_posix(): path for path in folder.rglob("*") if path.is_file()}
    return {name: path.read_bytes() for name, path in files.items() if not name.startswith("locks/")}


def test_everything_comes_back_after_everything_but_the_backup_was_deleted(
    local: LocalWarehouse, picks: Table, home: Path, folder: Path
) -> None:
    landed, recorded, before = content(home / "landing"), content(home / "manifests"), stored_rows(local, picks)
    order = [payload.body for payload in a_landing(home).versions(BOX)]
    shutil.rmtree(home)
    restored = do(local, folder)
    assert (restored.rows["toy_picks"], restored.files, restored.differences) == (5, 3, [])
    assert_frame_equal(stored_rows(local, picks), before)
    assert content(home / "landing") == landed and content(home / "manifests") == recorded
    assert is_verified(local, picks)
    assert order == [payload.body for payload in a_landing(home).versions(BOX)] == [b'{"points": 3}', b'{"points": 2}']


def test_a_backup_copied_without_modification_times_has_the_same_order_of_payloads(
    local: LocalWarehouse, home: Path, folder: Path
) -> None:
    for number, path in enumerate(sorted(folder.rglob("*.gz"))):
        os.utime(path, (number, number))
    shutil.rmtree(home)
    do(local, folder)
    assert [payload.body for payload in a_landing(home).versions(BOX)] == [b'{"points": 3}', b'{"points": 2}']


def test_restoring_twice_is_restoring_once(local: LocalWarehouse, home: Path, folder: Path) -> None:
    shutil.rmtree(home)
    do(local, folder)
    before = content(home)
    restored = do(local, folder)
    assert (sum(restored.rows.values()), restored.files, restored.differences) == (0, 0, [])
    assert content(home) == before


def test_an_interrupted_restore_is_completed(local: LocalWarehouse, picks: Table, home: Path, folder: Path) -> None:
    before = stored_rows(local, picks)
    shutil.rmtree(home)

    def stop(message: str) -> None:
        if message.startswith("landing"):
            part(home, NEXT).parent.parent.mkdir(parents=True)
            part(home, NEXT).parent.write_text("a file where the folder of the second date should be")

    with pytest.raises(PipelineError, match="cannot be read or written"):
        restore(local, home / "landing", folder, environment="local", report=stop)
    assert stored_rows(local, picks, DAY).height == 3
    part(home, NEXT).parent.unlink()
    assert do(local, folder).differences == []
    assert_frame_equal(stored_rows(local, picks), before)
    assert is_verified(local, picks)


def test_a_dry_run_reports_missing_rows_and_adds_nothing(local: LocalWarehouse, home: Path, folder: Path) -> None:
    part(home).unlink()
    next((home / "landing").rglob("*.gz")).unlink()
    before = content(home)
    restored = do(local, folder, dry_run=True)
    assert (restored.rows["toy_picks"], restored.files, restored.differences) == (3, 1, [])
    assert content(home) == before


def test_only_missing_rows_and_files_are_added(local: LocalWarehouse, picks: Table, home: Path, folder: Path) -> None:
    local.add(picks, [DAY], rows(1, first=7), "after the backup")
    everything = stored_rows(local, picks)
    everything.filter(pl.col("game_date") == DAY).filter(pl.col("game_id") != "001").write_parquet(part(home))
    journal = next((home / "landing" / "journal").iterdir())
    journal.write_text(journal.read_text() + '{"kind": "request"}\n')
    grown = journal.read_bytes()
    restored = do(local, folder)
    assert (restored.rows["toy_picks"], restored.files, restored.differences) == (1, 0, [])
    assert_frame_equal(stored_rows(local, picks), everything)
    assert is_verified(local, picks) and journal.read_bytes() == grown


def test_a_row_that_differs_is_reported_and_unchanged(local: LocalWarehouse, picks: Table, home: Path, folder: Path) -> None:
    altered = pl.when(pl.col("game_id") == "001").then(30).otherwise("points").alias("points")
    pl.read_parquet(part(home)).with_columns(altered).write_parquet(part(home))
    restored = do(local, folder)
    assert (
        "toy_picks 2024-03-12, game_id 001, book fanduel: the row differs from the backup; it was not changed"
        in restored.differences
    )
    assert any("the row was altered" in difference for difference in restored.differences)
    assert stored_rows(local, picks, DAY)["points"].to_list() == [1, 30, 1]


def test_a_manifest_recreated_for_altered_rows_is_reported(local: LocalWarehouse, picks: Table, home: Path, folder: Path) -> None:
    """Rows and manifest match each other, so only the backup shows the alteration."""
    part(home).unlink()
    manifest(home).unlink()
    local.add(picks, [DAY], rows(3, points=9), "somebody")
    assert is_verified(local, picks)
    restored = do(local, folder)
    assert sum("the recorded hash differs from the backup" in difference for difference in restored.differences) == 3
    assert stored_rows(local, picks, DAY)["points"].to_list() == [9, 9, 9]


def test_a_row_whose_recorded_hash_differs_is_not_added(local: LocalWarehouse, picks: Table, home: Path, folder: Path) -> None:
    """The row would count as altered."""
    part(home).unlink()
    manifest(home).unlink()
    local.add(picks, [DAY], rows(3, points=9), "somebody")
    pl.read_parquet(part(home)).filter(pl.col("game_id") != "001").write_parquet(part(home))
    restored = do(local, folder)
    assert restored.rows["toy_picks"] == 0 and stored_rows(local, picks, DAY)["points"].to_list() == [9, 9]
    assert any("game_id 001, book fanduel: the row is missing" in difference for difference in restored.differences)


def test_a_deleted_partition_comes_back_with_its_recorded_rows(
    local: LocalWarehouse, picks: Table, home: Path, folder: Path
) -> None:
    part(home).unlink()
    assert local.closed(picks, [DAY])
    assert (do(local, folder).rows, do(local, folder).rows) == ({"toy_picks": 3}, {"toy_picks": 0})
    assert is_verified(local, picks) and local.closed(picks, [DAY]) == {}
    assert_frame_equal(stored_rows(local, picks, DAY), rows(3))


def test_an_unreadable_partition_is_set_aside_and_replaced(local: LocalWarehouse, picks: Table, home: Path, folder: Path) -> None:
    local.add(picks, [DAY], rows(1, first=7), "after the backup")
    part(home).write_bytes(b"PAR1")
    restored = do(local, folder)
    [aside] = (home / "damaged" / part(home).relative_to(home)).parent.iterdir()
    assert aside.read_bytes() == b"PAR1"
    assert "the partition could not be read and was replaced" in restored.differences[0] and restored.rows == {"toy_picks": 3}
    assert "game_id 007, book fanduel: the row is missing" in restored.differences[1] and len(restored.differences) == 2
    assert_frame_equal(stored_rows(local, picks, DAY), rows(3))
    assert "the row is missing" in do(local, folder).differences[0]


@pytest.mark.parametrize("text", ["", "edited"])
def test_an_invalid_manifest_is_set_aside_and_replaced(
    local: LocalWarehouse, picks: Table, home: Path, folder: Path, text: str
) -> None:
    good = manifest(home).read_text()
    bad = text and good.replace('"sha256":["', '"sha256":["0')
    manifest(home).write_text(bad)
    restored = do(local, folder)
    assert (home / "damaged" / manifest(home).relative_to(home)).read_text() == bad
    assert len(restored.differences) == 1 and "the manifest was invalid" in restored.differences[0]
    assert manifest(home).read_text() == good and is_verified(local, picks)


def test_a_missing_or_older_manifest_is_completed(local: LocalWarehouse, picks: Table, home: Path, folder: Path) -> None:
    good = manifest(home).read_bytes()
    manifest(home).unlink()
    assert do(local, folder).differences == []
    assert manifest(home).read_bytes() == good and is_verified(local, picks)


def test_rows_that_were_not_recorded_stay_unrecorded(local: LocalWarehouse, picks: Table, home: Path, tmp_path: Path) -> None:
    manifest(home).unlink()
    back_up(local, home / "landing", tmp_path / "b", home=home, environment="local", made_at=NOON, report=lambda _: None)
    shutil.rmtree(home)
    restored = do(local, tmp_path / "b")
    assert stored_rows(local, picks, DAY).height == 3 and not is_verified(local, picks)
    assert any("the date has 3 rows and no manifest" in difference for difference in restored.differences)


def test_a_payload_that_was_rejected_since_is_not_accepted_again(local: LocalWarehouse, home: Path, folder: Path) -> None:
    landing = a_landing(home)
    landing.reject(landing.versions(BOX)[0], "does not parse")
    assert do(local, folder).files == 0
    assert len(landing.versions(BOX)) == 1


def test_a_payload_that_differs_is_reported_and_unchanged(local: LocalWarehouse, home: Path, folder: Path) -> None:
    payload = next((home / "landing").rglob("*.gz"))
    payload.write_bytes(b"")
    assert do(local, folder).differences == [f"{payload} differs from the backup; it was not changed"]
    assert payload.read_bytes() == b""


# Unusable backups


def receipt(folder: Path, **changes: Any) -> None:
    """Change a receipt and recompute its digest."""
    document = json.loads((folder / "backup.json").read_bytes())
    del document["sha256"]
    document |= changes
    (folder / "backup.json").write_text(json.dumps({**document, "sha256": digest_of(document)}))


def replace_text(path: Path, old: str, new: str) -> None:
    path.write_text(path.read_text().replace(old, new))


BROKEN: dict[str, tuple[Callable[[Path], object], str]] = {
    "no folder": (shutil.rmtree, "backup folder .*backup does not exist$"),
    "interrupted": (lambda folder: (folder / "backup.json").unlink(), r"is incomplete: it has no backup\.json"),
    "half a receipt": (lambda folder: (folder / "backup.json").write_text("{"), r"backup\.json cannot be read \(JSONDecodeError"),
    "not a receipt": (lambda folder: (folder / "backup.json").write_text("[]"), r"backup\.json cannot be read \(TypeError"),
    "newer": (lambda folder: receipt(folder, format=2), "has format 2, and this version of the platform reads 1"),
    "edited receipt": (
        lambda folder: replace_text(folder / "backup.json", '"local"', '"production"'),
        r"backup\.json was edited",
    ),
    "missing file": (lambda folder: next(folder.rglob("*.gz")).unlink(), r"cannot be restored: .*\.gz is missing"),
    "shorter file": (lambda folder: next(folder.rglob("*.parquet")).write_bytes(b""), r"\.parquet has 0 bytes instead of"),
    "edited file": (
        lambda folder: replace_text(next(folder.rglob("*03-12.json")), '"000"', '"009"'),
        r"2024-03-12\.json was altered",
    ),
    "unlisted file": (lambda folder: (folder / "landing" / "new.gz").write_bytes(b""), r"new\.gz is not listed in backup\.json"),
    "file outside": (
        lambda folder: receipt(folder, files={"landing/../../x": {"bytes": 0, "sha256": "", "modified_ns": 0}}),
        r"lists landing/\.\./\.\./x, which does not belong in a backup",
    ),
    "another league": (
        lambda folder: receipt(folder, environment="sandbox"),
        "was made in the environment sandbox; NBA_PIPELINE_ENV is local",
    ),
}


@pytest.mark.parametrize("how", BROKEN)
def test_an_unusable_backup_is_refused_in_one_line_before_any_change(
    local: LocalWarehouse, home: Path, folder: Path, how: str
) -> None:
    part(home).unlink()
    spoil, message = BROKEN[how]
    spoil(folder)
    before = content(home)
    with pytest.raises(BadInput, match=message):
        do(local, folder)
    assert content(home) == before


def test_an_unknown_ledger_is_refused(local: LocalWarehouse, home: Path, folder: Path, picks: Table) -> None:
    shutil.rmtree(home)
    del TABLES["toy_picks"]
    try:
        with pytest.raises(BadInput, match="has a ledger toy_picks, which does not exist in this version of the platform"):
            do(local, folder)
    finally:
        TABLES["toy_picks"] = picks
    assert not home.exists()


# Evaluations

SEARCHES = "evaluations/searches/searches.jsonl"


def with_evaluations(local: LocalWarehouse, folder: Path, home: Path, lines: str) -> Restored:
    """Backs a home with a ledger of searches up, and restores it over other lines of the ledger; none: over no ledger."""
    file = home / SEARCHES
    file.parent.mkdir(parents=True)
    file.write_text("one\ntwo\n")
    back_up(local, home / "landing", folder / "b", home=home, environment="local", made_at=NOON, report=lambda _: None)
    file.write_text(lines) if lines else file.unlink()
    return restore(local, home / "landing", folder / "b", environment="local", report=lambda _: None, home=home)


def test_the_ledger_of_searches_is_restored(local: LocalWarehouse, tmp_path: Path, home: Path) -> None:
    restored = with_evaluations(local, tmp_path, home, "")
    assert (home / SEARCHES).read_text() == "one\ntwo\n" and (restored.files, restored.differences) == (1, [])


@pytest.mark.parametrize(
    ("lines", "differs"),
    [("one\ntwo\nthree\n", False), ("one\n2\nthree\n", True), ("one\n", True)],
    ids=["grown", "altered", "cut"],
)
def test_a_ledger_of_searches_that_differs_is_named_and_not_changed(
    local: LocalWarehouse, tmp_path: Path, home: Path, lines: str, differs: bool
) -> None:
    restored = with_evaluations(local, tmp_path, home, lines)
    assert (home / SEARCHES).read_text() == lines and restored.files == 0
    assert restored.differences == [f"{home / SEARCHES} differs from the backup; it was not changed"] * differs

"""The content of a backup, and refused folders. Uses real files; the landing also in an object store over loopback."""

import gzip
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from nba_pipeline.errors import BadInput, Busy, PipelineError
from nba_pipeline.instance.clock import Clock
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse import files
from nba_pipeline.warehouse.backup import Receipt, back_up
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline.warehouse.payloads import Slot
from nba_pipeline.warehouse.restore import restore
from nba_pipeline.warehouse.writing import locked
from nba_pipeline_tests.warehouse.contract import DAY, IMPATIENT, NEXT, NOON, Tables, rows
from nba_pipeline_tests.warehouse.gcs_server import KINDS, a_home

pytestmark = pytest.mark.slow

Make = Callable[..., Receipt]


@pytest.fixture
def picks(tables: Tables) -> Table:
    return tables("toy_picks", write="add", is_ledger=True)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def local(home: Path, picks: Table) -> LocalWarehouse:
    """A ledger with two dates, one written twice, and another table, which a backup excludes."""
    local = LocalWarehouse(home=str(home), lock_wait_seconds=IMPATIENT)
    local.add(picks, [DAY, NEXT], pl.concat([rows(3), rows(2, NEXT)]), "me")
    local.add(picks, [DAY], rows(1, first=7), "me")
    return local


@pytest.fixture
def landing(home: Path) -> Landing:
    """Two payloads of the same instant, and their journal."""
    landing = Landing(home=str(home), clock=Clock(fixed_at=NOON.isoformat()))
    for body in (b'{"points": 2}', b'{"points": 3}'):
        landing.keep(Slot("nba_cdn", "boxscore", "0022300945", DAY), body, fetched_at=NOON)
    return landing


@pytest.fixture
def make(local: LocalWarehouse, landing: Landing, home: Path, tmp_path: Path) -> Make:
    def make(folder: Path = tmp_path / "backup") -> Receipt:
        return back_up(local, landing.root, folder, home=home, environment="local", made_at=NOON, report=lambda _: None)

    return make


def test_a_backup_contains_ledgers_manifests_and_landing(make: Make, home: Path, tmp_path: Path, tables: Tables) -> None:
    LocalWarehouse(home=str(home)).replace(tables("toy_lines"), [DAY], rows(1), "me")
    receipt = make()
    existing = {path.relative_to(tmp_path / "backup").as_posix() for path in (tmp_path / "backup").rglob("*") if path.is_file()}
    below = {f"landing/{p.relative_to(home / 'landing').as_posix()}" for p in (home / "landing").rglob("*") if p.is_file()}
    ledger = {
        f"{kind}/toy_picks/game_date={day}.{end}"
        for kind, end in (("ledgers", "parquet"), ("manifests", "json"))
        for day in (DAY, NEXT)
    }
    assert existing == {*below, *ledger, "backup.json"} and set(receipt.files) == existing - {"backup.json"}
    assert len(below) == 3 and receipt.findings == []
    assert pl.read_parquet(tmp_path / "backup" / "ledgers" / "toy_picks" / f"game_date={DAY}.parquet").height == 4


def test_a_manifest_agrees_with_the_rows_beside_it(make: Make, home: Path, tmp_path: Path) -> None:
    """Includes a pending manifest of a killed writer, which is settled first."""
    manifest = home / "manifests" / "toy_picks" / f"game_date={DAY}.json"
    shutil.copy(manifest, manifest.with_name(f"{manifest.name}.pending"))
    make()
    assert (tmp_path / "backup" / "manifests" / "toy_picks" / manifest.name).read_bytes() == manifest.read_bytes()
    assert not list(home.rglob("*.pending"))


def test_altered_rows_are_backed_up_as_they_are_and_named(make: Make, home: Path) -> None:
    part = home / "tables" / "toy_picks" / f"game_date={DAY}" / "part.parquet"
    pl.read_parquet(part).with_columns(points=pl.lit(30, pl.Int64)).write_parquet(part)
    receipt = make()
    assert len(receipt.findings) == 4 and "the row was altered" in receipt.findings[0]


@pytest.mark.parametrize("kind", ["partition", "manifest"])
def test_unreadable_files_are_skipped_and_reported(make: Make, home: Path, kind: str) -> None:
    if kind == "partition":
        (home / "tables" / "toy_picks" / f"game_date={DAY}" / "part.parquet").write_bytes(b"")
    else:
        (home / "manifests" / "toy_picks" / f"game_date={DAY}.json").write_bytes(b"")
    receipt = make()
    assert [finding.startswith(f"toy_picks {DAY}") for finding in receipt.findings] == [True]
    assert f"manifests/toy_picks/game_date={DAY}.json" not in receipt.files
    assert f"ledgers/toy_picks/game_date={NEXT}.parquet" in receipt.files
    assert (f"ledgers/toy_picks/game_date={DAY}.parquet" in receipt.files) == (kind == "manifest")


@pytest.mark.parametrize("body", [b"", b"no gzip", gzip.compress(b"another answer")], ids=["empty", "no gzip", "another answer"])
def test_a_damaged_payload_is_named(make: Make, home: Path, landing: Landing, body: bytes) -> None:
    payload = sorted((home / "landing" / "nba_cdn").rglob("*.gz"))[0]
    payload.write_bytes(body)
    receipt = make()
    assert len(receipt.findings) == 1 and payload.relative_to(home).as_posix() in receipt.findings[0]


def test_a_home_without_anything_has_an_empty_backup(tmp_path: Path, tables: Tables) -> None:
    tables("toy_picks", write="add", is_ledger=True)
    local, landing = LocalWarehouse(home=str(tmp_path / "new")), tmp_path / "new" / "landing"
    receipt = back_up(
        local, landing, tmp_path / "b", home=tmp_path / "new", environment="local", made_at=NOON, report=lambda _: None
    )
    assert receipt.files == {} and json.loads((tmp_path / "b" / "backup.json").read_bytes())["files"] == {}


def test_a_folder_that_is_not_empty_is_refused(make: Make, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "mine.txt").write_text("mine")
    with pytest.raises(
        BadInput, match=r"notes is not empty \(it contains mine\.txt\); choose a new folder; an interrupted backup"
    ):
        make(tmp_path / "notes")
    make()
    with pytest.raises(BadInput, match=r"backup is not empty \(it contains .*\); choose a new folder$"):
        make()


def test_a_folder_that_cannot_be_written_is_refused(make: Make, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/backup")):
        with pytest.raises(BadInput, match=f"{folder} cannot be written: "):
            make(folder)


@pytest.mark.parametrize("folder", [".", "landing", "tables/backup", "backup"])
def test_a_folder_inside_of_the_home_is_refused(make: Make, home: Path, folder: str) -> None:
    with pytest.raises(BadInput, match="is inside the home"):
        make(home / folder)
    assert not (home / "backup").exists()


def test_a_locked_date_makes_the_backup_fail_as_incomplete(
    make: Make, local: LocalWarehouse, picks: Table, home: Path, tmp_path: Path
) -> None:
    with (
        locked(home / "locks" / "toy_picks", "toy_picks", [DAY], "another", 1.0),
        pytest.raises(Busy, match="is being written by"),
    ):
        make()
    assert not (tmp_path / "backup" / "backup.json").exists()


def test_a_copy_that_differs_is_no_backup(local: LocalWarehouse, landing: Landing, home: Path, tmp_path: Path) -> None:
    """A disk that stores other bytes: a journal is emptied after it was copied."""

    def lose(message: str) -> None:
        if message.startswith("verifying"):
            next(tmp_path.glob("backup/landing/journal/*")).write_bytes(b"")

    with pytest.raises(PipelineError, match=r"the backup is not usable: .*\.jsonl has 0 bytes instead of"):
        back_up(local, landing.root, tmp_path / "backup", home=home, environment="local", made_at=NOON, report=lose)
    assert not (tmp_path / "backup" / "backup.json").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_the_landing_is_backed_up_from_a_store_and_restored_to_one(
    local: LocalWarehouse, home: Path, tmp_path: Path, kind: str
) -> None:
    """Includes a journal in parts, whose run has not ended."""
    slot = Slot("nba_cdn", "boxscore", "0022300945", DAY)
    with a_home(kind, tmp_path / "store") as store, a_home("memory", tmp_path) as other:
        for body in (b"3", b"2"):
            Landing(home=store, clock=Clock(fixed_at=NOON.isoformat())).keep(slot, body, fetched_at=NOON)
        landing = files.place(store) / "landing"
        back_up(local, landing, tmp_path / "b", home=home, environment="local", made_at=NOON, report=lambda _: None)
        target = files.place(f"{other}/new") / "landing"
        restored = restore(local, target, tmp_path / "b", environment="local", report=lambda _: None)
        # two payloads; two journals, each one file in a folder and two parts in a store
        assert (restored.files, restored.differences) == (4 if kind == "folder" else 6, [])
        restored_landing = Landing(home=f"{other}/new", clock=Clock(fixed_at=NOON.isoformat()))
        assert [payload.body for payload in restored_landing.versions(slot)] == [b"3", b"2"]
        assert [line["outcome"] for line in restored_landing.requests()] == ["landed", "landed"]
        assert restore(local, target, tmp_path / "b", environment="local", report=lambda _: None).files == 0


def test_progress_is_reported(local: LocalWarehouse, landing: Landing, home: Path, tmp_path: Path) -> None:
    messages = list[str]()
    back_up(local, landing.root, tmp_path / "b", home=home, environment="local", made_at=NOON, report=messages.append)
    assert "toy_picks: 2 dates" in messages
    assert messages[-3:] == ["landing: 1 of 1 journals", "landing: 2 of 2 payloads", "verifying 7 files"]

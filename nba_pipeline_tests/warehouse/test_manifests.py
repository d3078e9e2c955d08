"""The manifest file, in a folder, a store in memory and a bucket behind real gcsfs."""

import json
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import dataframely as dy
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.tables.table import Row, Table
from nba_pipeline.warehouse import files
from nba_pipeline.warehouse.ledgers import hashed
from nba_pipeline.warehouse.manifests import InvalidManifest, Manifest, Manifests, empty_manifest, parse_manifest
from nba_pipeline_tests.warehouse.contract import DAY, NEXT, NOON, Tables, forgotten_tables, rows
from nba_pipeline_tests.warehouse.gcs_server import KINDS, a_home


class WaiverRows(Row):
    """A key with a date, an instant and a nullable column."""

    gate = dy.String(nullable=True, description="gate")
    waived_at = dy.Datetime(time_zone="UTC", description="when")


@pytest.fixture
def picks(tables: Tables) -> Table:
    return tables("toy_picks", write="add", is_ledger=True)


@pytest.fixture
def waivers() -> Iterator[Table]:
    with forgotten_tables():
        yield Table("toy_waivers", "waiver", ("game_date", "gate", "waived_at"), WaiverRows, "add", is_ledger=True)


@pytest.fixture(params=KINDS)
def manifests(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Manifests]:
    with a_home(request.param, tmp_path) as home:
        yield Manifests(files.place(home) / "manifests")


def a_manifest(table: Table, count: int = 2, day: date = DAY) -> Manifest:
    return empty_manifest(table, day).plus(hashed(table, rows(count, day)))


def test_the_file_has_table_date_and_hashes(picks: Table) -> None:
    document = json.loads(a_manifest(picks).to_bytes())
    assert {name: document[name] for name in ("format", "table", "game_date")} == {
        "format": 1,
        "table": "toy_picks",
        "game_date": "2024-03-12",
    }
    assert document["rows"]["game_id"] == ["000", "001"] and document["rows"]["book"] == ["fanduel", "fanduel"]
    assert document["partition_sha256"] == a_manifest(picks).partition_hash and len(document["rows"]["sha256"][0]) == 64


def test_keys_of_every_type_come_back_as_they_were(waivers: Table) -> None:
    instants = [NOON, datetime(2024, 11, 3, 5, 30, 0, 1, NOON.tzinfo)]
    frame = pl.DataFrame(
        {"game_date": [DAY, DAY], "gate": [None, "g"], "waived_at": instants, "source": "me", "as_of": NOON, "code_version": "1"}
    )
    manifest = empty_manifest(waivers, DAY).plus(hashed(waivers, frame.cast({"waived_at": pl.Datetime("us", "UTC")})))
    assert_frame_equal(parse_manifest(manifest.to_bytes(), waivers, DAY, "file").rows, manifest.rows)
    nothing = empty_manifest(waivers, DAY)
    assert_frame_equal(parse_manifest(nothing.to_bytes(), waivers, DAY, "file").rows, nothing.rows)


def test_a_recorded_hash_is_never_replaced(picks: Table) -> None:
    manifest = a_manifest(picks)
    extended = manifest.plus(hashed(picks, rows(3, points=9)))
    assert extended.rows["sha256"].to_list()[:2] == manifest.rows["sha256"].to_list() and extended.rows.height == 3


def test_a_committed_manifest_replaces_the_previous_one(manifests: Manifests, picks: Table) -> None:
    assert manifests.dates(picks) == {} and manifests.read(picks, DAY) is None and manifests.read_pending(picks, DAY) is None
    for count in (1, 2):
        manifests.prepare(a_manifest(picks, count))
        assert manifests.dates(picks) == {DAY: True}
        manifests.commit(picks, DAY)
    manifests.prepare(a_manifest(picks, 3, NEXT))
    assert manifests.dates(picks) == {DAY: False, NEXT: True}
    manifests.discard(picks, NEXT)
    manifests.discard(picks, NEXT)
    assert manifests.dates(picks) == {DAY: False}
    manifest = manifests.read(picks, DAY)
    assert manifest and manifest.rows.height == 2


def test_invalid_manifests_are_moved_and_never_deleted(manifests: Manifests, picks: Table) -> None:
    for body in (b"{", b"["):
        files.write(manifests.path(picks, DAY), body)
        files.write(manifests.path(picks, NEXT), a_manifest(picks, day=NEXT).to_bytes())
        with pytest.raises(InvalidManifest, match=r"2024-03-12\.json cannot be read"):
            manifests.read(picks, DAY)
        assert len(manifests.set_aside(picks, DAY)) == 1 and manifests.set_aside(picks, NEXT) == []
    damaged = {file.path.name: files.read(file.path) for file in files.tree(manifests.root.parent / "damaged")}
    assert damaged == {"game_date=2024-03-12.json": b"{", "game_date=2024-03-12.json.2": b"["}
    assert manifests.dates(picks) == {NEXT: False}

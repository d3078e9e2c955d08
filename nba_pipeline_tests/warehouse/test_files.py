"""Files in a folder, a store in memory and a bucket behind real gcsfs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nba_pipeline.errors import BadInput
from nba_pipeline.warehouse import files
from nba_pipeline.warehouse.files import Place
from nba_pipeline_tests.warehouse.gcs_server import KINDS, Bucket, a_bucket, a_home


@pytest.fixture(params=KINDS)
def root(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    with a_home(request.param, tmp_path) as home:
        yield files.place(home)


@pytest.fixture
def bucket() -> Iterator[Bucket]:
    with a_bucket() as bucket:
        yield bucket


@pytest.mark.parametrize("home", ["s3://bucket/prefix", "gs://", "http://x/y"])
def test_an_unsupported_address_is_named(home: str) -> None:
    with pytest.raises(BadInput, match=rf"{home} is neither a folder nor an address like gs://bucket/prefix"):
        files.place(home)


def test_a_listing_returns_matches_and_sizes(root: Place) -> None:
    for name in ("a/1.gz", "a/22.gz", "a/b/3.gz", "a/4.txt", "ab/5.gz"):
        files.write_immutable(root / name, lambda name=name: name.encode())  # type: ignore[misc]
    assert sorted((file.path.name, file.size) for file in files.listing(root / "a", "*.gz")) == [("1.gz", 6), ("22.gz", 7)]
    assert [file.path.name for file in files.listing(root / "a", "*/*.gz")] == ["3.gz"]
    assert files.listing(root / "nowhere", "*") == []


def test_a_listing_of_several_pages_is_complete(root: Place) -> None:
    for number in range(8):
        files.write_immutable(root / f"{number}.gz", bytes)
    assert len(files.listing(root, "*.gz")) == 8


def test_an_immutable_file_written_twice_sorts_last(root: Place) -> None:
    for name in ("1", "2", "1"):
        files.write_immutable(root / name, name.encode)
    assert [file.path.name for file in sorted(files.listing(root, "*"), key=lambda file: file.changed)] == ["2", "1"]


def test_an_existing_object_is_not_uploaded_twice(bucket: Bucket) -> None:
    path = files.place("gs://bucket") / "payload"
    files.write_immutable(path, lambda: b"first")
    files.write_immutable(path, lambda: b"never")
    assert files.read(path) == b"first" and bucket.uploaded == ["payload"]


def test_a_renamed_file_exists_once(root: Place) -> None:
    files.write_immutable(root / "good", lambda: b"x")
    files.rename(root / "good", "bad")
    assert files.read(root / "bad") == b"x" and not files.exists(root / "good") and files.exists(root / "bad")
    for act in (lambda: files.rename(root / "good", "bad"), lambda: files.read(root / "good")):
        with pytest.raises(FileNotFoundError):
            act()


def test_a_write_replaces_an_existing_file(root: Place) -> None:
    for body in (b"one", b"2"):
        files.write(root / "a" / "x.json", body)
        assert files.read(root / "a" / "x.json") == body
    for _ in range(2):
        files.delete(root / "a" / "x.json")
    assert not files.exists(root / "a" / "x.json")


def test_a_tree_has_every_file_in_the_order_of_writing(root: Place) -> None:
    for name in ("b", "a/b/c", "a/1"):
        files.write_immutable(root / name, name.encode)
    assert [file.path.as_posix().removeprefix(root.as_posix() + "/") for file in files.tree(root)] == ["b", "a/b/c", "a/1"]
    assert files.tree(root / "nowhere") == []


def test_a_temporary_file_is_no_part_of_a_tree(tmp_path: Path) -> None:
    (tmp_path / ".x.tmp").touch()
    assert files.tree(tmp_path) == []


def test_a_moved_file_takes_an_unused_name(root: Place) -> None:
    for body in (b"1", b"2", b"3"):
        files.write(root / "x", body)
        files.move(root / "x", files.unused(root / "damaged" / "x"))
    assert {file.path.name: files.read(file.path) for file in files.tree(root)} == {"x": b"1", "x.2": b"2", "x.3": b"3"}

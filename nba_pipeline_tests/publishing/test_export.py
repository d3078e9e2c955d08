"""Published files: a reader sees the old set or the new one, and every change is noticed."""

import json
import os
from datetime import timedelta
from pathlib import Path

import pytest
from filelock import FileLock

from nba_pipeline.assets.grades.system_performance import TABLE
from nba_pipeline.errors import Busy, PipelineError
from nba_pipeline.publishing import export
from nba_pipeline.publishing.export import problems, record_files, slate_files, write_local
from nba_pipeline.publishing.page import page
from nba_pipeline.publishing.performance import performance_document
from nba_pipeline.publishing.record import record_csv
from nba_pipeline.publishing.slate import slate_document
from nba_pipeline_tests.publishing.test_record import GRADED
from nba_pipeline_tests.publishing.test_slate import DAY, NOON, RECORD, rows

PERFORMANCE = performance_document(TABLE.empty(), NOON, "all")
FILES = slate_files(slate := slate_document(rows(), "all", RECORD), page(slate)) | record_files(
    RECORD, record_csv(GRADED.clear(), "all"), PERFORMANCE
)


def contents(home: Path) -> dict[str, bytes]:
    public = home / "public"
    return {path.relative_to(public).as_posix(): path.read_bytes() for path in public.rglob("*") if path.is_file()}


def test_an_export_is_complete_and_valid(tmp_path: Path) -> None:
    write_local(tmp_path, FILES)
    assert contents(tmp_path).keys() == {*FILES, "manifest.json"}
    assert problems(tmp_path / "public") == []
    assert json.loads((tmp_path / "public" / "v1" / "latest.json").read_text())["game_date"] == str(DAY)


def test_files_of_other_dates_stay(tmp_path: Path) -> None:
    write_local(tmp_path, {"2026-01-14.html": b"old", "index.html": b"old"})
    write_local(tmp_path, FILES)
    assert contents(tmp_path)["2026-01-14.html"] == b"old" and contents(tmp_path)["index.html"] == FILES["index.html"]
    assert problems(tmp_path / "public") == []


@pytest.mark.parametrize("stopped_at", range(len(FILES) + 2))
def test_an_export_that_dies_leaves_the_old_set_and_the_next_one_succeeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stopped_at: int
) -> None:
    """It dies before the write of a file, of the manifest, or of the link."""
    write_local(tmp_path, {"index.html": b"old"})
    before, calls = contents(tmp_path), iter(range(len(FILES) + 1))
    write, link = export._replace, Path.symlink_to

    def dying(path: Path, content: bytes) -> None:
        if next(calls) == stopped_at:
            raise KeyboardInterrupt
        write(path, content)

    def not_linked(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(export, "_replace", dying)
    if stopped_at == len(FILES) + 1:
        monkeypatch.setattr(Path, "symlink_to", not_linked)
    with pytest.raises(KeyboardInterrupt):
        write_local(tmp_path, FILES)
    assert contents(tmp_path) == before and problems(tmp_path / "public") == []
    monkeypatch.setattr(export, "_replace", write)
    monkeypatch.setattr(Path, "symlink_to", link)
    write_local(tmp_path, FILES)
    assert contents(tmp_path)["index.html"] == FILES["index.html"] and problems(tmp_path / "public") == []


def test_old_sets_are_removed(tmp_path: Path) -> None:
    for number in range(5):
        write_local(tmp_path, {"index.html": str(number).encode()})
    assert sorted(folder.name for folder in (tmp_path / "public.sets").iterdir() if folder.is_dir()) == ["000004", "000005"]


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("v1/latest.json", b"{}", "v1/latest.json differs from the manifest"),
        ("index.html", None, "index.html is missing"),
        ("extra.html", b"x", "extra.html is not in the manifest"),
        ("manifest.json", b"no json", "manifest.json is not a manifest"),
    ],
)
def test_a_changed_set_is_named(tmp_path: Path, name: str, content: bytes | None, problem: str) -> None:
    folder = write_local(tmp_path, FILES)
    (folder / name).unlink(missing_ok=True)
    if content is not None:
        (folder / name).write_bytes(content)
    (found,) = problems(tmp_path / "public")
    assert found.endswith(problem)


def test_a_document_that_does_not_fit_its_schema_is_named(tmp_path: Path) -> None:
    document = json.loads(FILES["v1/latest.json"])
    write_local(tmp_path, FILES | {"v1/latest.json": json.dumps(document | {"state": "fine"}).encode()})
    (found,) = problems(tmp_path / "public")
    assert found.startswith("v1/latest.json: state: Input should be 'ok'")


def test_a_home_without_published_files_names_the_command(tmp_path: Path) -> None:
    assert problems(tmp_path / "public") == [
        f"{tmp_path / 'public' / 'manifest.json'} does not exist; first: `nba-pipeline publish`"
    ]


def test_a_folder_that_people_made_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "public").mkdir()
    with pytest.raises(PipelineError, match="is not a link that an export made"):
        write_local(tmp_path, FILES)


def test_a_second_export_at_once_is_refused_and_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_local(tmp_path, {"index.html": b"old"})
    monkeypatch.setattr(export, "LOCK_SECONDS", 0)
    with (
        FileLock(tmp_path / "public.sets" / "lock"),
        pytest.raises(Busy, match=r"another export writes .*; try again when it has"),
    ):
        write_local(tmp_path, FILES)
    assert contents(tmp_path)["index.html"] == b"old" and problems(tmp_path / "public") == []


def test_a_home_in_which_no_folder_can_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "public.sets").write_text("a file where the folder of the sets should be")
    with pytest.raises(PipelineError, match="public cannot be written: File exists; the earlier files stay public"):
        write_local(tmp_path, FILES)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written_keeps_its_files(tmp_path: Path) -> None:
    write_local(tmp_path, {"index.html": b"old"})
    (tmp_path / "public.sets").chmod(0o500)
    with pytest.raises(PipelineError, match="cannot be written: Permission denied; the earlier files stay public"):
        write_local(tmp_path, FILES)
    assert contents(tmp_path)["index.html"] == b"old"


def test_an_earlier_slate_does_not_replace_the_index(tmp_path: Path) -> None:
    write_local(tmp_path, FILES)
    earlier = slate_document(rows(), "all", RECORD).model_copy(update={"game_date": DAY - timedelta(days=1)})
    write_local(tmp_path, slate_files(earlier, "<p>earlier</p>"))
    assert contents(tmp_path)["index.html"] == FILES["index.html"]
    assert contents(tmp_path)[f"{DAY - timedelta(days=1)}.html"] == b"<p>earlier</p>"


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (b"game_date,game_id\n2026-01-15,1\n", "v1/record.csv: "),
        (FILES["v1/record.csv"] + b"2026-01-15,1,1,A,GSW,player_points,ensemble,often,,,,,\n", "v1/record.csv: "),
        (FILES["v1/record.csv"] + b"2026-01-15,1,1,A,GSW,player_points,ensemble,2,,,,,\n" * 2, "v1/record.csv: 1 rows repeat game_date"),
    ],
    ids=["columns", "type", "key"],
)  # fmt: skip
def test_a_csv_that_does_not_fit_its_table_schema_is_named(tmp_path: Path, body: bytes, problem: str) -> None:
    write_local(tmp_path, FILES | {"v1/record.csv": body})
    (found,) = problems(tmp_path / "public")
    assert found.startswith(problem)


def test_tomorrow_is_the_index_only_until_today_is_published(tmp_path: Path) -> None:
    """The slate of tomorrow is predicted before tonight's games."""
    tomorrow = slate_document(rows(), "all", RECORD).model_copy(update={"game_date": DAY + timedelta(days=1)})
    later = slate_files(tomorrow, "<p>tomorrow</p>")
    write_local(tmp_path, later, DAY)
    assert contents(tmp_path)["index.html"] == b"<p>tomorrow</p>"
    write_local(tmp_path, FILES, DAY)
    write_local(tmp_path, later, DAY)
    assert contents(tmp_path)["index.html"] == FILES["index.html"]
    write_local(tmp_path, later, DAY + timedelta(days=1))
    assert contents(tmp_path)["index.html"] == b"<p>tomorrow</p>"

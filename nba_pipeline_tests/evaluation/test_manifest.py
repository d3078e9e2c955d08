"""The manifest is a chain of lines: what was edited after it was written is named."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from nba_pipeline.errors import PipelineError
from nba_pipeline.evaluation.manifest import verify, verify_manifest, writing

HEADER = {"from": "2024-03-02", "population": 3}
WEEKS = [{"week": "2024-03-04", "forecasts_sha256": "a"}, {"week": "2024-03-11", "forecasts_sha256": "b"}]


def written(home: Path, *weeks: dict[str, str]) -> Path:
    with writing(home, HEADER) as manifest:
        for week in weeks or WEEKS:
            manifest.append(week)
    return manifest.path


def test_the_header_is_on_the_disk_before_the_first_week(tmp_path: Path) -> None:
    with writing(tmp_path, HEADER) as manifest:
        assert verify_pending(manifest.path) == [HEADER]


def verify_pending(file: Path) -> list[dict[str, object]]:
    return [{k: v for k, v in json.loads(line).items() if k != "sha256"} for line in file.read_text().splitlines()]


def test_equal_evaluations_write_one_file_of_equal_bytes(tmp_path: Path) -> None:
    first = written(tmp_path)
    content = first.read_bytes()
    assert written(tmp_path) == first and first.read_bytes() == content
    assert [file.name for file in first.parent.iterdir()] == [first.name]
    assert verify(first) == [HEADER, *WEEKS]


def test_other_models_get_a_file_of_their_own(tmp_path: Path) -> None:
    first, second = written(tmp_path), written(tmp_path, WEEKS[0])
    assert second.name == first.name.replace(".jsonl", "-2.jsonl") and verify(first) != verify(second)


def test_a_failed_evaluation_leaves_no_manifest(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), writing(tmp_path, HEADER):
        raise ZeroDivisionError
    assert list(tmp_path.rglob("*.*")) == []


EDITS: dict[str, tuple[Callable[[list[str]], list[str]], str]] = {
    "the header": (lambda lines: [lines[0].replace("2024", "2023"), *lines[1:]], "line 1 was edited"),
    "a week": (lambda lines: [*lines[:2], lines[2].replace('"b"', '"c"')], "line 3 was edited"),
    "a deleted week": (lambda lines: [lines[0], lines[2]], "line 2 was edited"),
    "no JSON": (lambda lines: [*lines, "x"], "line 4 is not a line of a manifest"),
    "no hash": (lambda lines: ["{}", *lines[1:]], "line 1 is not a line of a manifest"),
}


@pytest.mark.parametrize(("edit", "message"), EDITS.values(), ids=EDITS)
def test_an_edited_manifest_is_refused_by_the_next_evaluation(
    tmp_path: Path, edit: Callable[[list[str]], list[str]], message: str
) -> None:
    file = written(tmp_path)
    file.write_text("\n".join(edit(file.read_text().splitlines())) + "\n")
    with pytest.raises(PipelineError, match=f"{file.name}: {message}"):
        written(tmp_path)


def test_a_header_written_anew_with_its_hash_differs_from_the_name(tmp_path: Path) -> None:
    file = written(tmp_path)
    other = written(tmp_path / "other", WEEKS[0])
    renamed = file.with_name("0" * 12 + ".jsonl")
    other.rename(renamed)
    with pytest.raises(PipelineError, match="the file name does not match the SHA-256 of the header"):
        verify_manifest(renamed)

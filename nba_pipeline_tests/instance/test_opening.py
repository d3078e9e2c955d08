"""The dagster.yaml of a home is written, replaced while unedited, kept once edited, and named in errors if invalid."""

import os
import re
from pathlib import Path

import pytest

from nba_pipeline.errors import BadInput
from nba_pipeline.instance.opening import FIRST_LINE_OF_OLDER_FILES, POSTGRES_CLASS, is_edited, open_instance, prepare_instance
from nba_pipeline.instance.private_files import GROUP_AND_OTHERS

pytestmark = pytest.mark.any_storage

PARALLEL_RUNS = "max_concurrent_runs: 3"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return prepare_instance(tmp_path) / "dagster.yaml"


def edit(file: Path, old: str, new: str) -> str:
    text = file.read_text()
    edited = re.sub(old, new, text)
    assert edited != text
    file.write_text(edited)
    return file.read_text()


def test_a_new_home_is_only_the_users(tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        folder = prepare_instance(tmp_path / "home")
    finally:
        os.umask(before)
    assert [path for path in (folder.parent, folder, folder / "dagster.yaml") if path.stat().st_mode & GROUP_AND_OTHERS] == []


def test_a_file_of_a_newer_version_replaces_an_unedited_one(file: Path, tmp_path: Path) -> None:
    written = file.read_text()
    assert not is_edited(written) and (str(tmp_path) in written or POSTGRES_CLASS in written)
    prepare_instance(tmp_path)
    assert file.read_text() == written


@pytest.mark.sqlite
def test_a_file_of_an_earlier_version_is_replaced(file: Path, tmp_path: Path) -> None:
    written = file.read_text()
    file.write_text(f"{FIRST_LINE_OF_OLDER_FILES} and names that folder.\nevent_log_storage:\n  module: nba_pipeline.event_log\n")
    prepare_instance(tmp_path)
    assert file.read_text() == written


def test_an_edited_file_is_unchanged(file: Path, tmp_path: Path) -> None:
    edited = edit(file, PARALLEL_RUNS, "max_concurrent_runs: 1")
    with open_instance(tmp_path) as instance:
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 1  # type: ignore[union-attr]
    assert file.read_text() == edited


@pytest.mark.parametrize(
    ("old", "new", "reason"),  # the first is a pattern, since the file names another storage with PostgreSQL
    [
        (" (Kept|Pooled)\\w+Storage", " NoSuchStorage", "Couldn't find class NoSuchStorage .*"),
        (r"nba_pipeline\.instance\.\w+", "nba_pipeline.nowhere", "Couldn't import module nba_pipeline.nowhere .*"),
        (PARALLEL_RUNS, "max_concurrent_runs: many", "Errors whilst loading dagster instance config .*"),
        (PARALLEL_RUNS, "max_concurrent_runs: [", "while parsing .*"),
    ],
)
def test_a_file_that_cannot_be_used_is_named_with_the_way_out(
    file: Path, tmp_path: Path, old: str, new: str, reason: str
) -> None:
    edit(file, old, new)
    with pytest.raises(BadInput, match=rf"^{file} cannot be used: {reason} Correct the file, or delete it: .*own$"):
        open_instance(tmp_path)
    file.unlink()
    open_instance(tmp_path).dispose()


COMPUTE_LOGS = """
compute_logs:
  module: dagster._core.storage.local_compute_log_manager
  class: LocalComputeLogManager
  config: {base_dir: logs, colour: red}
"""
RUN_LAUNCHER = """
run_launcher: {module: dagster, class: DefaultRunLauncher, config: {colour: red}}
"""


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("telemetry:", "colour: red\ntelemetry:"),
        ("  enabled: false\nnux", "  colour: red\nnux"),
        ("    dequeue_interval_seconds: 1", "    colour: red"),
        ("( +)(base_dir|connections):", r"\1colour: red\n\1\2:"),
        ("telemetry:", f"{COMPUTE_LOGS}telemetry:"),
        ("telemetry:", f"{RUN_LAUNCHER}telemetry:"),
    ],
    ids=[
        "at the root",
        "in a section",
        "of the run coordinator",
        "of the storage",
        "of the compute logs",
        "of the run launcher",
    ],
)
def test_an_unknown_key_is_named_before_any_run(file: Path, tmp_path: Path, old: str, new: str) -> None:
    edit(file, old, new)
    with pytest.raises(BadInput, match=rf"^{file} cannot be used: .* unexpected config entry \"colour\" ") as refused:
        open_instance(tmp_path)
    assert len(str(refused.value)) < 600


@pytest.mark.sqlite
def test_a_folder_that_dagster_cannot_make_is_named(file: Path, tmp_path: Path) -> None:
    (file.parent / "schedules").write_text("a file where the folder should be")
    with pytest.raises(BadInput, match=f"cannot be opened: File exists: {file.parent / 'schedules'}$"):
        open_instance(tmp_path)


def test_homes_of_earlier_versions_find_their_storage() -> None:
    from nba_pipeline import event_log  # noqa: PLC0415  # as Dagster imports it, by the name in dagster.yaml
    from nba_pipeline.instance.event_log import KeptSqliteEventLogStorage  # noqa: PLC0415

    assert event_log.KeptSqliteEventLogStorage is KeptSqliteEventLogStorage

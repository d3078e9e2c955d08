"""Whole tables are replaced together, regardless of interruptions."""

from pathlib import Path

import pytest

from nba_pipeline.warehouse import swap
from nba_pipeline.warehouse.home_format import FORMAT, write_format
from nba_pipeline.warehouse.local import LocalWarehouse

LINES, BOXES, LEDGER = "prop_lines", "boxscores", "predictions"
RENAMES = (
    ("tables/prop_lines", "rebuild/old/tables/prop_lines"),
    ("rebuild/tables/prop_lines", "tables/prop_lines"),
    ("tables/boxscores", "rebuild/old/tables/boxscores"),
    ("rebuild/tables/boxscores", "tables/boxscores"),
    ("quarantine/prop_lines", "rebuild/old/quarantine/prop_lines"),
)
"""The renames of `install` in these tests, in order."""


def write(home: Path, path: str, text: str) -> None:
    file = home / path / "game_date=2024-03-12" / "part.parquet"
    file.parent.mkdir(parents=True)
    file.write_text(text)


def contents(home: Path) -> dict[str, str]:
    files = [path for kind in swap.KINDS for path in (home / kind).rglob("part.parquet")]
    return {file.relative_to(home).parts[0] + "/" + file.relative_to(home).parts[1]: file.read_text() for file in files}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Two tables with new rows and a ledger. The old `prop_lines` have a quarantine, the new ones do not."""
    for name in (LINES, BOXES):
        write(tmp_path, f"tables/{name}", "old")
        write(tmp_path, f"rebuild/tables/{name}", "new")
    write(tmp_path, f"quarantine/{LINES}", "old")
    write(tmp_path, f"tables/{LEDGER}", "kept")
    write(tmp_path, f"rebuild/tables/{LEDGER}", "a link")
    write_format(tmp_path, FORMAT)
    return tmp_path


NEW = {"tables/prop_lines": "new", "tables/boxscores": "new", "tables/predictions": "kept"}


def test_new_tables_replace_the_old_ones_with_their_quarantine_and_ledgers_stay(home: Path) -> None:
    swap.install(home, [LINES, BOXES])
    assert contents(home) == NEW
    assert not (home / "rebuild").exists()


@pytest.mark.parametrize("done", range(len(RENAMES) + 1))
def test_an_installation_interrupted_after_any_rename_is_finished_by_the_next_command(home: Path, done: int) -> None:
    (home / "rebuild" / "install.json").write_text(
        '{"tables": ["prop_lines", "boxscores"], "new": {"tables": ["prop_lines", "boxscores"], "quarantine": []}}'
    )
    for source, target in RENAMES[:done]:
        (home / target).parent.mkdir(parents=True, exist_ok=True)
        (home / source).rename(home / target)
    LocalWarehouse(home=str(home), least_free_mib=0).preflight()
    assert contents(home) == NEW and not (home / "rebuild").exists()


def test_new_tables_without_a_journal_are_not_moved(home: Path) -> None:
    before = contents(home)
    LocalWarehouse(home=str(home), least_free_mib=0).preflight()
    assert contents(home) == before and (home / "rebuild" / "tables" / LINES).exists()


def test_a_date_written_after_the_interruption_is_retained(home: Path) -> None:
    (home / "rebuild" / "install.json").write_text(
        '{"tables": ["prop_lines"], "new": {"tables": ["prop_lines"], "quarantine": []}}'
    )
    (home / "rebuild" / "old" / "tables").mkdir(parents=True)
    (home / "tables" / LINES).rename(home / "rebuild" / "old" / "tables" / LINES)
    write(home, f"tables/{LINES}", "later")
    swap.finish(home)
    assert contents(home)["tables/prop_lines"] == "later"

"""The commands `reconcile --date` and `repair` on a slate with planted faults, and the audit trail of the repair."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nba_pipeline.instance.opening import open_instance
from nba_pipeline.instance.run_tags import MODE_TAG, USER_TAG
from nba_pipeline.league.calendar import eastern
from nba_pipeline.tables.declarations import SLATE_EXPORT
from nba_pipeline_tests.builders_days import Days
from nba_pipeline_tests.cli.conftest import Faulty
from nba_pipeline_tests.commands import nba_pipeline
from nba_pipeline_tests.orchestration.test_runner import DAY

ON_DAY = ("--date", str(DAY))


def test_a_dry_run_lists_what_is_missing_and_changes_nothing(faulty: Faulty) -> None:
    ended = faulty.run("repair", *ON_DAY, "--dry-run")
    assert ended.returncode == 1
    assert f"  boxscores: games missing: {faulty.matchup} {faulty.game_id}" in ended.stdout.splitlines()
    runs = open_instance(faulty.home).get_runs()
    assert not [run for run in runs if run.tags.get(MODE_TAG) == "repair"]


def test_reconcile_of_a_date_compares_its_phases_and_warns_above_80_percent(faulty: Faulty) -> None:
    ended = faulty.run("reconcile", *ON_DAY, "--dry-run")
    assert f"boxscores lacks 1 game: {faulty.matchup} {faulty.game_id}" in ended.stdout
    assert any(
        line.split()[:2] == ["boxscores", "games"] and line.split()[-2:] == ["4/5", "warning"]
        for line in ended.stdout.splitlines()
    )


@pytest.mark.unattended
def test_a_repair_runs_only_what_is_missing_and_ends_complete(faulty: Faulty, tmp_path: Path) -> None:
    own = faulty.copy(tmp_path / "home")
    before = {run.run_id for run in open_instance(own.home).get_runs()}
    ended = own.run("repair", *ON_DAY)
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (0, f"nothing is missing on {DAY}")
    runs = [run for run in open_instance(own.home).get_runs() if run.run_id not in before]
    written = [sorted({key.path[-1] for key in run.asset_selection or ()} - {SLATE_EXPORT}) for run in reversed(runs)]
    assert written[0] == ["boxscores", "play_by_play", "players", "schedule", "team_boxscores"]
    assert sorted(name for names in written[1:] for name in names) == ["grades", "player_game_summary", "team_game_summary"]
    trail = json.loads(own.run("audit", "trail", "--from", "2026-01-01", "--format", "json").stdout)
    assert trail == [], "the instants of runs are real, and the clock of this home is not"
    assert {(run.tags[MODE_TAG], run.tags.get(USER_TAG, "")) for run in runs} == {("repair", runs[0].tags[USER_TAG])}
    assert own.run("repair", *ON_DAY).stdout == f"nothing is missing on {DAY}\n"


def test_a_repair_is_refused_while_a_run_of_the_date_is_in_progress(faulty: Faulty, tmp_path: Path) -> None:
    own = faulty.copy(tmp_path / "home")
    Days(own.home).begin(DAY, datetime.now(UTC))
    for words in (("repair", *ON_DAY), ("quarantine", "replay", *ON_DAY)):
        ended = own.run(*words)
        assert ended.returncode == 1 and f"a run of {DAY} is in progress" in ended.stderr


@pytest.mark.parametrize(
    ("day", "problem"), [("2026-02-01", "is after tomorrow"), ("2026-01-02", "has no data: the first stored date is")]
)
def test_a_date_that_cannot_be_repaired_is_refused(day: str, problem: str, faulty: Faulty) -> None:
    ended = faulty.run("repair", "--date", day)
    assert ended.returncode == 2 and problem in ended.stderr


@pytest.mark.parametrize("words", [("reconcile",), ("reconcile", "--dry-run")], ids=" ".join)
def test_a_date_whose_schedule_is_not_loaded_is_not_a_date_without_games(words: tuple[str, ...], tmp_path: Path) -> None:
    ended = nba_pipeline(*words, "--date", "2024-12-01", home=tmp_path, now=eastern(DAY, 8))
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == (
        "nba-pipeline: the schedule of 2024-12-01 is not loaded; first: nba-pipeline backfill --from 2024-12-01 --to 2024-12-01 --resume\n"
    )


def test_reconcile_refuses_a_date_before_the_stored_history_as_repair_does(faulty: Faulty) -> None:
    ended = faulty.run("reconcile", "--date", "2026-01-02")
    assert (ended.returncode, ended.stdout) == (2, "") and "the first stored date is" in ended.stderr

"""A search is seeded, and its plan is in the ledger before its first trial."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from nba_pipeline.errors import BadInput, PipelineError
from nba_pipeline.evaluation import search as searching
from nba_pipeline.evaluation.manifest import verify
from nba_pipeline.evaluation.search import FILE, SECTIONS, plan, read_ledger, search
from nba_pipeline.settings import SETTINGS, Training
from nba_pipeline_tests.builders_evaluation import FIRST, LAST, Memory, league, source_of

DAY = timedelta(days=1)


@pytest.mark.parametrize("system", SECTIONS)
def test_equal_seeds_plan_equal_trials_and_the_first_has_the_settings_in_effect(system: str) -> None:
    assert plan(system, 5, seed=3) == plan(system, 5, seed=3) != plan(system, 5, seed=4)
    section = getattr(SETTINGS, SECTIONS[system][1])
    assert plan(system, 1, seed=0) == [{name: getattr(section, name) for name in SECTIONS[system][2]}]


def test_a_search_records_its_plan_and_every_trial(tmp_path: Path, remembering: None) -> None:
    made = search(source_of(), tmp_path, "linear_median", FIRST, LAST, trials=2, seed=1)
    lines = verify(tmp_path / FILE)
    assert [line.get("trial") for line in lines] == [None, 0, 1] and len(lines[0]["trials"]) == 2
    assert sorted(made["trial"]) == [0, 1] and made["n"][0] > 0
    ledger = read_ledger(tmp_path)
    assert ledger.trials == 2 and ledger.overlapping(LAST, LAST) and not ledger.overlapping(LAST + DAY, LAST + DAY)


def test_an_edited_ledger_is_refused(tmp_path: Path, remembering: None) -> None:
    search(source_of(), tmp_path, "linear_median", FIRST, LAST, trials=1, seed=1)
    file = tmp_path / FILE
    file.write_text(file.read_text().replace("2024-03-18", "2023-03-18"))
    with pytest.raises(PipelineError, match=f"{FILE}: line 1 was edited after it was written"):
        search(source_of(), tmp_path, "linear_median", FIRST, LAST, trials=1, seed=1)


def test_a_search_without_a_model_saw_no_results_and_locks_no_period(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(searching, "_with", lambda system, parameters: Memory(Training(least_rows=10**9)))
    with pytest.raises(BadInput, match=r"^no trial of linear_median has a forecast with a result from .*does not count"):
        search(source_of(), tmp_path, "linear_median", FIRST, LAST, trials=2, seed=1)
    assert not read_ledger(tmp_path).overlapping(FIRST, LAST)


def test_a_period_without_features_is_refused_before_a_plan_is_written(tmp_path: Path, remembering: None) -> None:
    earlier = league()["features"].filter(pl.col("game_date") < FIRST)
    with pytest.raises(BadInput, match=f"^features has no rows from {FIRST} to {LAST}; next: nba-pipeline backfill"):
        search(source_of(features=earlier), tmp_path, "linear_median", FIRST, LAST, trials=1, seed=1)
    assert not (tmp_path / FILE).exists()


def test_an_interrupted_search_may_have_seen_results(tmp_path: Path, remembering: None) -> None:
    search(source_of(), tmp_path, "linear_median", FIRST, LAST, trials=1, seed=1)
    file = tmp_path / FILE
    file.write_text("".join(file.read_text().splitlines(keepends=True)[:1]))
    assert read_ledger(tmp_path).overlapping(FIRST, LAST)


def test_a_system_without_parameters_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--system is 'ensemble'; choose one of linear_median, xgboost, catboost"):
        search(source_of(), tmp_path, "ensemble", FIRST, LAST, trials=1, seed=1)


@pytest.fixture
def remembering(monkeypatch: pytest.MonkeyPatch) -> None:
    """The searched system is a small one: training a real one takes thousands of rows."""
    monkeypatch.setattr(searching, "_with", lambda system, parameters: Memory())

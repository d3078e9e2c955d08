"""The limit of a step follows its history, and the run of a step that exceeds it is started again."""

import subprocess
from collections.abc import Callable
from pathlib import Path

import dagster as dg
import pytest
from dagster._core.storage.tags import WILL_RETRY_TAG

from nba_pipeline import environments  # noqa: F401  # registers the settings file of the home
from nba_pipeline.asset_factory.step_timeout import limit_of, limited
from nba_pipeline.instance.partitions import DAILY
from nba_pipeline.settings import SETTINGS
from nba_pipeline_tests import instances

MINUTE = 60.0


@pytest.mark.parametrize(
    ("durations", "minutes"),
    [
        ([], SETTINGS.runs.step_minutes),
        ([1.0], SETTINGS.runs.step_minutes),
        ([3 * MINUTE] * 4, SETTINGS.runs.step_minutes),
        ([3 * MINUTE] * 5, 15),
        ([2 * MINUTE] * 6 + [60 * MINUTE] * 5, 10),
        ([0.0] * 20, SETTINGS.steps.least_limit_minutes),
        ([10 * MINUTE] * 20, SETTINGS.steps.most_limit_minutes),
    ],
    ids=["none", "one", "few", "enough", "median", "tiny", "long"],
)
def test_the_limit_of_a_step_follows_its_history_within_bounds(durations: list[float], minutes: float) -> None:
    assert limit_of(durations) == minutes * MINUTE


def test_a_run_of_one_slate_may_last_longer_than_its_longest_step() -> None:
    """Else the daemon ends the run before the step is interrupted by name."""
    assert SETTINGS.steps.most_limit_minutes + SETTINGS.steps.stalled_seconds / MINUTE < SETTINGS.runs.game_day_minutes


@pytest.mark.parametrize(
    ("compute", "is_repeated"),
    [(lambda: subprocess.run(["sleep", "60"], check=True), "true"), (lambda: 1 / 0, "false")],
    ids=["stalls", "fails"],
)
def test_only_the_run_of_a_step_that_timed_out_is_started_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, compute: Callable[[], object], is_repeated: str
) -> None:
    @limited
    def table(context: dg.AssetExecutionContext) -> None:
        compute()

    (tmp_path / "settings.toml").write_text("[runs]\nstep_minutes = 0.03")
    monkeypatch.setenv("NBA_PIPELINE_HOME", str(tmp_path))
    with instances.open_instance(tmp_path) as instance:
        asset = dg.asset(partitions_def=DAILY)(table)
        result = dg.materialize([asset], partition_key="2024-03-12", instance=instance, raise_on_error=False)
        run = instance.get_run_by_id(result.run_id)
    assert run and run.tags[WILL_RETRY_TAG] == is_repeated

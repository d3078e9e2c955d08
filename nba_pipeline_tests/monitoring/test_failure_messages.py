"""Known failures of runs in the words of the operator, with the step that helps."""

from datetime import date
from pathlib import Path

import pytest

from nba_pipeline.errors import BadInput, PipelineError
from nba_pipeline.instance.settings_file import Loaded
from nba_pipeline.monitoring.failure_messages import cause_of, message_of, next_step_of
from nba_pipeline.settings import Settings
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.writing import refuse_to_shrink

DAY = date(2026, 1, 16)
GAMES = "CLE@BOS 0022501991; DAL@CHA 0022501992"


def test_edited_settings_require_a_restart_of_the_daemon(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    with pytest.raises(BadInput) as refused:
        Loaded(Settings(), file, "another").refuse_another_file()
    failures = [f"schedule: {refused.value}"]
    assert message_of(failures, [DAY]) == f"The daemon starts no work until it is restarted: {file} was edited"
    assert next_step_of(failures) == "restart the daemon"


def test_refused_rows_are_named_with_the_rows_that_are_kept() -> None:
    with pytest.raises(PipelineError) as refused:
        refuse_to_shrink(TABLES["boxscores"], DAY, rows=57, before=90, excused=0)
    failures = [f"boxscores: {refused.value}"]
    assert message_of(failures, [DAY]) == (
        "Nothing is lost: the newest responses have fewer rows of boxscores of 2026-01-16 than the stored ones (57 of 90; at "
        "least 80% are required), so the stored rows are kept"
    )
    assert next_step_of(failures) == "wait, the request is repeated automatically; to repeat it now: nba-pipeline reconcile"


@pytest.mark.parametrize(
    "failure",
    [
        f"upcoming_players: check the_last_slates_are_covered failed (78%): {GAMES}",
        f"features: the slate of {DAY} is closed: 7 of 9 final games of the last 3 slates have a complete box score; missing: {GAMES}",
    ],
    ids=["check", "table"],
)
def test_a_closed_slate_says_that_there_are_no_predictions(failure: str) -> None:
    assert message_of([failure], [DAY]) == (
        f"No predictions are made for {DAY}: fewer than 80% of the final games of the last 3 slates have a complete box score; "
        f"missing: {GAMES.replace(';', ',')}"
    )


def test_all_runs_that_a_closed_slate_stops_have_one_cause() -> None:
    of_check = [f"upcoming_players: check the_last_slates_are_covered failed (78%): {GAMES}"]
    of_features = [f"features: the slate of {DAY} is closed: 7 of 9 final games of the last 3 slates have a complete box score"]
    assert cause_of(of_check, [DAY]) == cause_of(of_features, [DAY]) != cause_of(["features: no"], [DAY])


def test_another_failure_keeps_its_text() -> None:
    assert (message_of(["grades: no"], [DAY]), next_step_of(["grades: no"])) == ("grades: no", "")

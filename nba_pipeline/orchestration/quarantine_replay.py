"""Parses the landed responses of quarantined tables again. A source table sends no request; a derived table is derived again."""

from collections.abc import Iterator, Sequence
from datetime import date

from nba_pipeline.errors import BadInput
from nba_pipeline.instance.run_tags import MODE_TAG, OFFLINE_TAG, WHY_TAG
from nba_pipeline.orchestration.runner import Outcome, Runner

REPLAY = "quarantine_replay"
"""Value of the tag `nba/mode` of such a run."""

NOT_REPLAYED = "predictions"
"""A ledger whose rows depend on the instant of their run."""


def refuse(tables: Sequence[str]) -> None:
    """Raises BadInput for a table whose rows cannot be derived again."""
    if NOT_REPLAYED in tables:
        raise BadInput("predictions are not replayed, because a prediction depends on its instant: nba-pipeline run --date D")


def replay(runner: Runner, day: date, tables: Sequence[str]) -> Iterator[Outcome]:
    """Runs the quarantined tables of a date offline, in pipeline order."""
    tags = {MODE_TAG: REPLAY, OFFLINE_TAG: "true", WHY_TAG: f"quarantined rows of {', '.join(tables)}"}
    yield runner.run("game_day", tables, day, day, tags)

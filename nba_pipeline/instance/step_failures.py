"""The failure of a step as one sentence, which Dagster's pages show before the stack trace.

Dagster 1.13 wraps an error of an asset or IO manager in an error of its own, whose first line does not say what happened. It
passes its own errors on unchanged.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import dagster as dg

from nba_pipeline.errors import PipelineError


class StepFailure(dg.DagsterError):
    """A step failed: the table, its dates, what happened and the next command."""


@contextmanager
def explained(table: str, partition_keys: Sequence[str]) -> Iterator[None]:
    """Raises StepFailure in place of an error of the platform. Other errors are bugs and keep their own first line."""
    try:
        yield
    except PipelineError as error:
        raise StepFailure(sentence(table, partition_keys, str(error))) from error


def sentence(table: str, partition_keys: Sequence[str], problem: str) -> str:
    """Returns the sentence. A problem that names a command has its own next step.

    >>> sentence("schedule", ["2026-11-29"], "nba_cdn schedule season: status 503 after 5 attempts")
    'schedule 2026-11-29: nba_cdn schedule season: status 503 after 5 attempts; next: nba-pipeline run --date 2026-11-29'
    """
    first, last = min(partition_keys), max(partition_keys)
    dates = first if first == last else f"{first} to {last}"
    command = f"run --date {first}" if first == last else f"backfill --from {first} --to {last} --resume"
    next_step = "" if "nba-pipeline" in problem else f"; next: nba-pipeline {command}"
    return f"{table} {dates}: {problem}{next_step}"

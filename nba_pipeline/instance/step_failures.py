"""The failure of a step as one sentence, which Dagster's pages show before the stack trace.

Dagster 1.13 wraps an error of an asset or IO manager in an error of its own, whose first line does not say what happened. It
passes its own errors on unchanged.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import dagster as dg

from nba_pipeline.errors import PipelineError


class StepFailure(dg.DagsterError):
    """A step failed: the table, its dates, what happened and the command that names the next step."""


@contextmanager
def explained(table: str, partition_keys: Sequence[str]) -> Iterator[None]:
    """Raises StepFailure in place of an error of the platform. Other errors are bugs and keep their own first line."""
    try:
        yield
    except PipelineError as error:
        raise StepFailure(sentence(table, partition_keys, str(error))) from error


def sentence(table: str, partition_keys: Sequence[str], problem: str) -> str:
    """Returns the sentence. The next step depends on the data at the time of reading, so the named command decides it.

    A problem that names a command has its own next step.

    >>> sentence("schedule", ["2026-11-29"], "nba_cdn: status 503 after 5 attempts")
    'schedule 2026-11-29: nba_cdn: status 503 after 5 attempts; `nba-pipeline explain --date 2026-11-29` names the next step'
    """
    first, last = min(partition_keys), max(partition_keys)
    dates = first if first == last else f"{first} to {last}"
    command = f"explain --date {first}" if first == last else f"status --from {first} --to {last}"
    pointer = "" if "nba-pipeline" in problem else f"; `nba-pipeline {command}` names the next step"
    return f"{table} {dates}: {problem}{pointer}"

"""Summarizes in one sentence an error that Dagster recorded: its root cause, or the invalid key of a configuration."""

import re
from typing import Any

from nba_pipeline import errors

PLATFORM_ERRORS = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
CONFIG_ERROR = re.compile(r"^\s*Error \d+: (.*)$", re.MULTILINE)
"""Format of Dagster 1.13 for configuration errors, below a headline."""

EXPECTED = " Expected: "
LONGEST_SCHEMA = 200
"""Maximum characters of the expected configuration in a message. That of dagster.yaml has 6,000."""

RESOURCE = re.compile(r"Error executing resource_fn on ResourceDefinition (\w+)")


def cause_of(error: Any) -> str | None:
    """Returns the innermost of the platform's own errors, else the deepest cause, prefixed by a resource that failed to start.

    None for a failed check, which has its own message.
    """
    chain = []
    while error is not None:
        chain.append(error)
        error = error.cause
    if any(e.cls_name == "DagsterAssetCheckFailedError" for e in chain):
        return None
    if not chain:
        return "unknown error"
    of_the_platform = [e for e in chain if e.cls_name in PLATFORM_ERRORS]
    text = str((of_the_platform or chain)[-1].message).strip()
    message = text.split(": ", 1)[-1] if of_the_platform else error_summary(text)
    resource = RESOURCE.search(" ".join(str(e.message) for e in chain[:-1]))
    return f"resource {resource[1]}: {message}" if resource else message


def error_summary(text: str) -> str:
    """Returns the first line of a message. For a configuration that Dagster rejects, adds its errors."""
    lines = text.strip().splitlines()
    problems = CONFIG_ERROR.findall(text)
    if not problems:
        return lines[0] if lines else "unknown error"
    headline = lines[0].partition(" for {")[0].removeprefix("dagster._core.errors.DagsterInvalidConfigError: ").rstrip(" .:")
    return f"{headline}: {'; '.join(_without_long_schema(problem) for problem in problems)}"


def _without_long_schema(problem: str) -> str:
    rest, _, schema = problem.partition(EXPECTED)
    return problem if len(schema) <= LONGEST_SCHEMA else rest

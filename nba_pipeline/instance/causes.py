"""What an error that Dagster recorded says, in one sentence: its first cause, and the key that a configuration should not have."""

import re
from typing import Any

from nba_pipeline import errors

OURS = {name for name, kind in vars(errors).items() if isinstance(kind, type)}
CONFIG_ERROR = re.compile(r"^\s*Error \d+: (.*)$", re.MULTILINE)
"""How Dagster 1.13 lists what is wrong with a configuration, below a headline."""

EXPECTED = " Expected: "
LONGEST_SCHEMA = 200
"""Characters of the expected configuration; the whole of dagster.yaml takes six thousand."""

RESOURCE = re.compile(r"Error executing resource_fn on ResourceDefinition (\w+)")


def cause_of(error: Any) -> str | None:
    """The innermost of the platform's own errors, else the deepest cause, after the resource that failed to start.

    None for a failed check, which has a sentence of its own.
    """
    chain = []
    while error is not None:
        chain.append(error)
        error = error.cause
    if any(e.cls_name == "DagsterAssetCheckFailedError" for e in chain):
        return None
    if not chain:
        return "unknown error"
    ours = [e for e in chain if e.cls_name in OURS]
    text = str((ours or chain)[-1].message).strip()
    sentence = text.split(": ", 1)[-1] if ours else sentence_of(text)
    named = RESOURCE.search(" ".join(str(e.message) for e in chain[:-1]))
    return f"resource {named[1]}: {sentence}" if named else sentence


def sentence_of(text: str) -> str:
    """The first line of a message; of a configuration that Dagster refuses, also what is wrong with it."""
    lines = text.strip().splitlines()
    found = CONFIG_ERROR.findall(text)
    if not found:
        return lines[0] if lines else "unknown error"
    headline = lines[0].partition(" for {")[0].removeprefix("dagster._core.errors.DagsterInvalidConfigError: ").rstrip(" .:")
    return f"{headline}: {'; '.join(_without_a_long_schema(one) for one in found)}"


def _without_a_long_schema(problem: str) -> str:
    said, _, schema = problem.partition(EXPECTED)
    return problem if len(schema) <= LONGEST_SCHEMA else said

"""Checks the value of an option. The error message suggests the closest choice."""

from collections.abc import Iterable

from nba_pipeline.errors import BadInput, did_you_mean

LARGEST_PORT = 65_535


def one_of(name: str, value: str, choices: Iterable[str]) -> None:
    """Raise BadInput if the value of an option is not one of its choices."""
    choices = tuple(choices)
    if value not in choices:
        raise BadInput(f"{name} is {value!r}; {did_you_mean(value, choices)}choose one of {', '.join(choices)}")


def refuse_invalid_port(port: int) -> None:
    """Raise BadInput if --port is not a number of a port."""
    if not 0 < port <= LARGEST_PORT:
        raise BadInput(f"--port must be between 1 and {LARGEST_PORT}, not {port}")

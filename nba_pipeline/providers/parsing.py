"""The one boundary around every parser: whatever goes wrong inside costs one payload, which is rejected by name.

What belongs here: the boundary, and the shapes that parsers require. What a payload means belongs to its provider.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import polars as pl

from nba_pipeline.errors import OutOfTime, Permanent, PipelineError
from nba_pipeline.providers.wire import quoted
from nba_pipeline.warehouse.landing import Landing, Payload, Slot

Parsed = TypeVar("Parsed")
Arguments = ParamSpec("Arguments")
MOST_CHARACTERS = 2000
"""Of a message: it stands in the journal, and in the quarantine once per row."""


class Unusable(PipelineError):
    """A field whose value cannot be used. The message names both."""


@contextmanager
def parsing(slot: Slot, ref: str = "") -> Iterator[None]:
    """Turn every failure of a parser into a Permanent error that names provider, endpoint and entity.

    What is no fault of the payload goes on as it is: its file, memory, the step's time and the platform's other errors.
    """
    where = f": {ref}" if ref else ""
    try:
        yield
    except Unusable as error:
        raise Permanent(f"{slot.name}: {error}{where}"[:MOST_CHARACTERS]) from None
    except Permanent as error:
        if len(str(error)) > MOST_CHARACTERS:
            raise Permanent(str(error)[:MOST_CHARACTERS]) from None
        raise
    except (PipelineError, OutOfTime, OSError, MemoryError):
        raise
    # A document that nobody foresaw may end in any exception, and must not end the other games of the date.
    except (Exception, pl.exceptions.PanicException) as error:
        problem = (
            f"{error.args[0]} is missing" if isinstance(error, KeyError) and error.args else f"{type(error).__name__}: {error}"
        )
        raise Permanent(f"{slot.name}: the answer is not built as it was: {problem[:MOST_CHARACTERS]}{where}") from error


def parser(
    parse: Callable[Concatenate[Payload, Arguments], Parsed],
) -> Callable[Concatenate[Payload, Arguments], Parsed]:
    """A function of a landed payload, inside of the boundary. Raises Permanent, and what reading the payload raises."""

    @wraps(parse)
    def parsed(payload: Payload, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Parsed:
        _ = payload.body  # before the boundary: that a file cannot be read says nothing about its contents
        with parsing(payload.slot, payload.ref):
            return parse(payload, *args, **kwargs)

    return parsed


def read_each(
    parse: Callable[[Payload], Parsed], payloads: Iterable[Payload], landing: Landing, problems: list[str]
) -> list[tuple[Payload, Parsed]]:
    """Each payload with what it parses to, in the order given. One that cannot be parsed is rejected, and the others go on.

    `problems` gets the reasons of the rejections.
    """
    found = []
    for payload in payloads:
        try:
            found.append((payload, parse(payload)))
        except Permanent as error:
            landing.reject(payload, str(error))
            problems.append(str(error))
    return found


def those_that(
    holds: Callable[[Payload], bool], payloads: Iterable[Payload], landing: Landing, problems: list[str]
) -> list[Payload]:
    """The payloads of which a fact holds; see `read_each`."""
    return [payload for payload, does_hold in read_each(holds, payloads, landing, problems) if does_hold]


def frame_of(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """The rows as a frame. Raises Unusable naming column and value for one that does not fit its type."""
    try:
        return pl.DataFrame(rows, schema=columns)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        for row in rows:
            for column, dtype in columns.items():
                _refuse_unfit(column, row.get(column), dtype)
        raise


def _refuse_unfit(column: str, value: Any, dtype: pl.DataType) -> None:
    try:
        pl.DataFrame([{column: value}], schema={column: dtype})
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        raise Unusable(f"{column} is {quoted(value)}") from None


def field_in(thing: Mapping[str, Any], key: str) -> Any:
    """A field that an object must have, of any kind. Raises Unusable when it is missing."""
    if key not in thing:
        raise Unusable(f"{key} is missing")
    return thing[key]


def list_in(thing: Any, key: str) -> list[Any]:
    """A list that an object must have. Raises Unusable when it is missing or something else."""
    return _of_type(thing, key, list)


def object_in(thing: Any, key: str) -> dict[str, Any]:
    """An object that an object must have. Raises Unusable when it is missing or something else."""
    return _of_type(thing, key, dict)


def objects_in(thing: Any, key: str) -> list[dict[str, Any]]:
    """A list of objects that an object must have. Raises Unusable when it is missing, or something else is in it."""
    found = list_in(thing, key)
    for number, one in enumerate(found):
        if not isinstance(one, dict):
            raise Unusable(f"{key}[{number}] is {quoted(one)}")
    return found


def _of_type(thing: Any, key: str, kind: type[Parsed]) -> Parsed:
    found = field_in(thing, key) if isinstance(thing, dict) else field_in({}, key)
    if not isinstance(found, kind):
        raise Unusable(f"{key} is {quoted(found)}")
    return found

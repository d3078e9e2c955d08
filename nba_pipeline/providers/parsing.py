"""Error boundary of all parsers: an error inside a parser rejects one payload and nothing else.

The boundary and the structures that parsers require belong here. The meaning of a payload belongs to its provider.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

import polars as pl

from nba_pipeline.errors import OutOfTime, Permanent, PipelineError
from nba_pipeline.providers.wire import quoted
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payloads import Payload, Slot

Parsed = TypeVar("Parsed")
Arguments = ParamSpec("Arguments")
MAX_CHARACTERS = 2000
"""Maximum length of a message. It is stored in the journal, and in the quarantine once per row."""


class Unusable(PipelineError):
    """A field has an unusable value. The message names both."""


@contextmanager
def parsing(slot: Slot, ref: str = "") -> Iterator[None]:
    """Converts the errors of a parser to Permanent errors that name provider, endpoint and entity.

    Errors that are not caused by the payload propagate unchanged: OSError, MemoryError, OutOfTime and other PipelineErrors.
    """
    reference = f": {ref}" if ref else ""
    try:
        yield
    except Unusable as error:
        raise Permanent(f"{slot.name}: {error}{reference}"[:MAX_CHARACTERS]) from None
    except Permanent as error:
        if len(str(error)) > MAX_CHARACTERS:
            raise Permanent(str(error)[:MAX_CHARACTERS]) from None
        raise
    except (PipelineError, OutOfTime, OSError, MemoryError):
        raise
    # An unexpected document may raise any exception, which must not affect the other games of the date.
    except (Exception, pl.exceptions.PanicException) as error:
        problem = (
            f"{error.args[0]} is missing" if isinstance(error, KeyError) and error.args else f"{type(error).__name__}: {error}"
        )
        raise Permanent(f"{slot.name}: unexpected structure: {problem[:MAX_CHARACTERS]}{reference}") from error


def parser(
    parse: Callable[Concatenate[Payload, Arguments], Parsed],
) -> Callable[Concatenate[Payload, Arguments], Parsed]:
    """Decorator for functions of a landed payload. They raise Permanent, and the errors of reading the payload's file.

    A function without further arguments parses a payload once: the result is stored on the payload.
    """

    @wraps(parse)
    def parsed(payload: Payload, /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Parsed:
        is_cached = not args and not kwargs
        if is_cached and parse in payload.parsed:
            result: Parsed = payload.parsed[parse]
            return result
        _ = payload.body  # outside of the boundary: an unreadable file does not make the payload invalid
        with parsing(payload.slot, payload.ref):
            result = parse(payload, *args, **kwargs)
        if is_cached:
            payload.parsed[parse] = result
        return result

    return parsed


def read_each(
    parse: Callable[[Payload], Parsed], payloads: Iterable[Payload], landing: Landing, problems: list[str]
) -> list[tuple[Payload, Parsed]]:
    """Returns (payload, parsed value) in the given order. Payloads that cannot be parsed are rejected and omitted.

    The reasons of the rejections are appended to `problems`.
    """
    parsed = []
    for payload in payloads:
        try:
            parsed.append((payload, parse(payload)))
        except Permanent as error:
            landing.reject(payload, str(error))
            problems.append(str(error))
    return parsed


def payloads_where(
    predicate: Callable[[Payload], bool], payloads: Iterable[Payload], landing: Landing, problems: list[str]
) -> list[Payload]:
    """Returns the payloads for which `predicate` is true. Rejections as in `read_each`."""
    return [payload for payload, is_accepted in read_each(predicate, payloads, landing, problems) if is_accepted]


def frame_of(rows: Sequence[Mapping[str, Any]], columns: Mapping[str, pl.DataType]) -> pl.DataFrame:
    """Returns the rows as a frame. Raises Unusable naming column and value if a value does not fit its type."""
    try:
        return pl.DataFrame(rows, schema=columns)
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        for row in rows:
            for column, dtype in columns.items():
                _check_value(column, row.get(column), dtype)
        raise


def _check_value(column: str, value: Any, dtype: pl.DataType) -> None:
    try:
        pl.DataFrame([{column: value}], schema={column: dtype})
    except (TypeError, ValueError, OverflowError, pl.exceptions.PolarsError):
        raise Unusable(f"{column} is {quoted(value)}") from None


def field_in(document: Mapping[str, Any], key: str) -> Any:
    """Returns a required field of any type. Raises Unusable if it is missing."""
    if key not in document:
        raise Unusable(f"{key} is missing")
    return document[key]


def list_in(document: Any, key: str) -> list[Any]:
    """Returns a required list. Raises Unusable if it is missing or has another type."""
    return _of_type(document, key, list)


def object_in(document: Any, key: str) -> dict[str, Any]:
    """Returns a required object. Raises Unusable if it is missing or has another type."""
    return _of_type(document, key, dict)


def objects_in(document: Any, key: str) -> list[dict[str, Any]]:
    """Returns a required list of objects. Raises Unusable if it is missing or has an element of another type."""
    elements = list_in(document, key)
    for number, element in enumerate(elements):
        if not isinstance(element, dict):
            raise Unusable(f"{key}[{number}] is {quoted(element)}")
    return elements


def _of_type(document: Any, key: str, kind: type[Parsed]) -> Parsed:
    value = field_in(document, key) if isinstance(document, dict) else field_in({}, key)
    if not isinstance(value, kind):
        raise Unusable(f"{key} is {quoted(value)}")
    return value

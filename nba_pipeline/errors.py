"""Exceptions of the platform.

    PipelineError
    |-- Transient     a retry may succeed: timeouts, lost connections, 429, 5xx
    |-- Permanent     a retry gives the same result: 401, 403, 404 after the due time, a payload that does not parse
    |   `-- NotLanded the landing has no payload for a request, and the network is off
    |-- NotPublished        nothing is published at the URL; normal before the due time
    |-- Closed        a gate is closed or could not be evaluated: downstream work stops
    |-- Damaged       a stored file is unreadable; it was moved aside, or its ledger date is closed
    |-- Busy          another writer holds the table and date
    `-- BadInput      wrong use: the command exits with code 2 and changes nothing

    OutOfTime         a step exceeded its time limit; must not be caught

Every message is one sentence that names the subject and the value.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class OutOfTime(Exception):
    """A step exceeded its time limit. Not a PipelineError, because per-request error handlers must not catch it."""


class PipelineError(Exception):
    """Base class of errors that the platform explains in one sentence."""


class Transient(PipelineError):
    """A retry may succeed."""


class Permanent(PipelineError):
    """A retry gives the same result."""


class NotLanded(Permanent):
    """A replay or an offline run needs a payload that is not landed, and the network is off."""


class NotPublished(PipelineError):
    """403 or 404: nothing is published at the URL. Normal before the due time.

    A 403 may also mean that the host refuses the client. `status` is the HTTP status, if known.
    """

    def __init__(self, message: str = "", status: int | None = None):
        super().__init__(message)
        self.status = status


class Closed(PipelineError):
    """A gate is closed or could not be evaluated."""


class Damaged(PipelineError):
    """A stored file is unreadable. The message names the file, its new location and the next command."""


class Busy(PipelineError):
    """Another writer holds the table and date."""


class BadInput(PipelineError):
    """A value from the user is unusable."""


def did_you_mean(value: str, choices: Iterable[str]) -> str:
    """Returns a question with the closest choice, or an empty text.

    >>> did_you_mean("predictons", ["boxscores", "predictions"])
    'did you mean predictions? '
    >>> did_you_mean("weather", ["boxscores", "predictions"])
    ''
    """
    by_lower = {choice.lower(): choice for choice in choices}
    closest = get_close_matches(value.lower(), by_lower, n=1)
    return f"did you mean {by_lower[closest[0]]}? " if closest else ""


def wrong_columns(missing: Iterable[str], unknown: Iterable[str]) -> str:
    """Returns the names of missing and unknown columns.

    >>> wrong_columns(["points"], ["point"])
    'missing columns: points; unknown columns: point'
    >>> wrong_columns([], ["a", "b"])
    'unknown columns: a, b'
    """
    kinds = {"missing": list(missing), "unknown": list(unknown)}
    return "; ".join(f"{kind} columns: {', '.join(names)}" for kind, names in kinds.items() if names)

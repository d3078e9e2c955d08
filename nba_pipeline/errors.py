"""The exceptions of the platform: what may be asked again, what may not, and what is shut.

    PipelineError
    |-- Transient     the same request may succeed later: timeouts, lost connections, 429, 5xx
    |-- Permanent     asking again gives the same answer: 401, 403, 404 after the due time, a payload that does not parse
    |   `-- NotLanded the landing holds no payload for a request and the network is off
    |-- NotYet        nothing is published under that address; before the due time that is normal
    |-- Closed        a gate is closed, or could not be evaluated: nothing goes on
    |-- Damaged       a stored file is unreadable; it was moved aside, or its ledger date is closed
    |-- Busy          another writer holds the table and date
    `-- BadInput      wrong use: the command ends with exit code 2 and nothing was touched

    OutOfTime         a step took longer than it may; nothing catches it

Every message is one sentence that names the thing and the value.
"""


class OutOfTime(Exception):
    """A step took too long. No PipelineError, so that who passes over the failure of one request does not pass over it."""


class PipelineError(Exception):
    """Anything the platform can explain in one sentence."""


class Transient(PipelineError):
    """The same request may succeed later."""


class Permanent(PipelineError):
    """Asking again gives the same answer."""


class NotLanded(Permanent):
    """A replay asked for a payload that no earlier run used, or an offline run for one that is not landed."""


class NotYet(PipelineError):
    """403 or 404: nothing is published under that address. Before the due time that is normal.

    A host that answers 403 may also be refusing to answer: `status` tells the two apart, where it is known.
    """

    def __init__(self, message: str = "", status: int | None = None):
        super().__init__(message)
        self.status = status


class Closed(PipelineError):
    """A gate is closed or could not be evaluated."""


class Damaged(PipelineError):
    """A stored file is unreadable. The message names the file, where it is now and the next command."""


class Busy(PipelineError):
    """Another writer holds the table and date."""


class BadInput(PipelineError):
    """A value that a person gave cannot be used."""

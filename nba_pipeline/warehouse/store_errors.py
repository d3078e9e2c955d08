"""Messages for the errors of an object store. Reading and writing its files does not belong here."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from nba_pipeline.errors import BadInput, PipelineError, Transient

UNAUTHORIZED, FORBIDDEN = 401, 403
SERVER_ERRORS, TOO_MANY, TIMED_OUT = 500, 429, 408


@contextmanager
def reached(path: object, *, raises_bad_input: bool = True) -> Iterator[None]:
    """Converts a store's errors to a PipelineError that names the path. FileNotFoundError propagates unless `raises_bad_input`."""
    try:
        yield
    except FileNotFoundError as error:
        if not raises_bad_input:
            raise
        raise BadInput(f"{path} cannot be used: the bucket does not exist; create it or correct the address") from error
    except FileExistsError:
        raise
    except _store_errors() as error:
        raise _explained(path, error) from error


def _store_errors() -> tuple[type[Exception], ...]:
    """The exceptions of a store. Looked up when an error occurs, because gcsfs is only imported for a store."""
    if "gcsfs" not in sys.modules:
        return (OSError,)
    from aiohttp import ClientError  # noqa: PLC0415
    from gcsfs.retry import ChecksumError, HttpError  # noqa: PLC0415
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415

    return OSError, ValueError, ClientError, HttpError, ChecksumError, GoogleAuthError


def _explained(path: object, error: Exception) -> PipelineError:
    """The platform's error for an error of a store. Never Permanent, since an unreachable payload must not be rejected."""
    from google.auth.exceptions import GoogleAuthError, TransportError  # noqa: PLC0415

    code, message = int(vars(error).get("code") or 0), " ".join(str(error).split()) or type(error).__name__
    if isinstance(error, PermissionError) or code in (UNAUTHORIZED, FORBIDDEN) or message.startswith("Forbidden"):
        return BadInput(
            f"{path} is not accessible with this account: log in with `gcloud auth application-default login` or give it the role "
            f"Storage Object User on the bucket ({message})"
        )
    if isinstance(error, GoogleAuthError) and not isinstance(error, TransportError):
        return BadInput(
            f"{path} needs Google credentials: run `gcloud auth application-default login` or set "
            f"GOOGLE_APPLICATION_CREDENTIALS ({message})"
        )
    if isinstance(error, ValueError) or (code and code < SERVER_ERRORS and code not in (TOO_MANY, TIMED_OUT)):
        return BadInput(f"{path} cannot be used: the store refuses the request ({message})")
    return Transient(f"{path} cannot be reached: check the network and try again ({message})")

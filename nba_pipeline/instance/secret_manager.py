"""Secrets by reference: a variable names a secret of Google's Secret Manager, and its value is read when it is used.

    sm://PROJECT/SECRET                              the latest version
    sm://PROJECT/SECRET/VERSION                      a version
    projects/PROJECT/secrets/SECRET/versions/VERSION the resource name of a version

A process reads each secret once and keeps it in memory. Dagster, the home and messages have the reference only. `environments`
registers the address of the service. Google's packages are imported in the functions, because most processes need none.
"""

import base64
import binascii
import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from nba_pipeline.errors import BadInput

if TYPE_CHECKING:
    import requests

ADDRESS_VARIABLE = "SECRET_MANAGER_URL"
ADDRESS = "https://secretmanager.googleapis.com"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
PREFIXES = ("sm://", "projects/")
SHORT = re.compile(r"sm://(?P<project>[\w.:-]+)/(?P<secret>[\w-]+)(?:/(?P<version>[\w-]+))?")
RESOURCE = re.compile(r"projects/[\w.:-]+(/locations/[\w-]+)?/secrets/[\w-]+(/versions/[\w-]+)?")
EXAMPLE = "sm://PROJECT/SECRET or projects/PROJECT/secrets/SECRET/versions/VERSION"
LATEST = "latest"
TIMEOUT_SECONDS, ATTEMPTS = 10, 3
"""Time-out of one request, and requests per secret if the service is not available."""

TOO_MANY, SERVER_ERROR = 429, 500
REASONS = {
    400: "has no enabled version",
    401: "was refused: the credentials are not accepted",
    403: "was refused: grant the role Secret Manager Secret Accessor",
    404: "does not exist",
}
"""Status of an error -> reason."""


class _Registered:
    """The function that returns the address of the service, which `environments` registers."""

    address: Callable[[], str] = staticmethod(lambda: ADDRESS)


def register(address: Callable[[], str]) -> None:
    """Registers the function that returns the address of the service."""
    _Registered.address = staticmethod(address)


def is_reference(value: str) -> bool:
    """Whether the value of a variable names a secret."""
    return value.startswith(PREFIXES)


def resolved(value: str, variable: str, address: str = "") -> str:
    """Returns the secret that a value names; any other value is returned unchanged.

    `address` replaces the registered address of the service. Raises BadInput if the secret cannot be read.
    """
    return _secret(value, variable, address or _Registered.address()) if is_reference(value) else value


@cache
def _secret(reference: str, variable: str, address: str) -> str:
    """Returns a secret, without white space around it, such as the line end of a file that was uploaded."""
    name, host = _resource_name(reference, variable), urlsplit(address).netloc
    response = _response(f"{address.rstrip('/')}/v1/{name}:access", variable, host)
    if not response.ok:
        reason = REASONS.get(response.status_code, "cannot be read")
        raise BadInput(f"{variable}: the secret {name} at {host} {reason} ({response.status_code})")
    try:
        secret = base64.b64decode(response.json()["payload"]["data"], validate=True).decode().strip()
    except (ValueError, KeyError, TypeError, binascii.Error):  # the errors' messages could show the secret
        raise BadInput(f"{variable}: the response of {host} about the secret {name} has no text") from None
    if not secret:
        raise BadInput(f"{variable}: the secret {name} at {host} is empty")
    return secret


def _resource_name(reference: str, variable: str) -> str:
    if short := SHORT.fullmatch(reference):
        return f"projects/{short['project']}/secrets/{short['secret']}/versions/{short['version'] or LATEST}"
    if match := RESOURCE.fullmatch(reference):
        return reference if match[2] else f"{reference}/versions/{LATEST}"
    raise BadInput(f"{variable} must name a secret as {EXAMPLE}, not {reference!r}")


def _response(url: str, variable: str, host: str) -> "requests.Response":
    """Returns the response of the service. Raises BadInput without valid credentials, and if the service is unavailable."""
    import google.auth  # noqa: PLC0415  Google's packages take 0.3 s
    import requests  # noqa: PLC0415
    import stamina  # noqa: PLC0415
    from google.auth.exceptions import GoogleAuthError  # noqa: PLC0415
    from google.auth.transport.requests import AuthorizedSession  # noqa: PLC0415

    try:
        credentials, _ = google.auth.default(scopes=[SCOPE])
        with AuthorizedSession(credentials) as session:  # type: ignore[no-untyped-call]
            for attempt in stamina.retry_context(
                on=requests.RequestException, attempts=ATTEMPTS, wait_initial=0.2, wait_jitter=0.1
            ):
                with attempt:
                    response = session.get(url, timeout=TIMEOUT_SECONDS)
                    if response.status_code == TOO_MANY or response.status_code >= SERVER_ERROR:
                        response.raise_for_status()
        return response
    except GoogleAuthError as error:
        reason = str(error.args[0] if error.args else type(error).__name__).splitlines()[0]
        raise BadInput(f"{variable}: no secret can be read at {host} without valid Google credentials: {reason}") from None
    except requests.RequestException as error:
        reason = f"status {error.response.status_code}" if error.response is not None else type(error).__name__
        raise BadInput(f"{variable}: {host} is not available ({reason})") from None

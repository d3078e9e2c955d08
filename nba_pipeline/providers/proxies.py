"""The HTTP proxy of a provider: its address and login from a variable, and one request that tries it.

The value of the variable is read when a request is sent. Configurations, journals and messages have the name of the variable
and the host and port of the proxy, never the login.
"""

import ssl
from dataclasses import dataclass, field

import dagster as dg
import httpx

from nba_pipeline.errors import BadInput, Permanent, Transient
from nba_pipeline.instance.secret_manager import is_reference, resolved

SCHEMES = ("http", "https")
EXAMPLE = "http://user:password@host:port"
UNREACHED = (httpx.codes.BAD_GATEWAY, httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.GATEWAY_TIMEOUT)
"""Statuses of a proxy that cannot reach the provider."""


@dataclass(frozen=True)
class Proxy:
    """The proxy that a variable names."""

    variable: str
    url: httpx.URL = field(repr=False)  # has the password

    def __str__(self) -> str:
        """Host, port and variable for messages, without the login."""
        return f"the proxy {self.url.host}:{self.url.port or {'http': 80, 'https': 443}[self.url.scheme]} ({self.variable})"

    def client(self, trusted: ssl.SSLContext, headers: dict[str, str]) -> httpx.Client:
        """Returns a client that sends each request through the proxy. `trusted` has the certificate authorities of both."""
        context = trusted if self.url.scheme == "https" else None
        return httpx.Client(headers=headers, verify=trusted, proxy=httpx.Proxy(self.url, ssl_context=context))

    def refuse_failure(self, client: httpx.Client, address: str, timeout: httpx.Timeout) -> None:
        """Sends one HEAD request to a provider. Raises Permanent or Transient unless the provider answers, with any status."""
        host = httpx.URL(address).host
        try:
            status = client.head(address, timeout=timeout).status_code
            is_of_proxy = status == httpx.codes.PROXY_AUTHENTICATION_REQUIRED or status in UNREACHED
        except httpx.ProxyError as error:
            status, is_of_proxy = status_of(error), True
        except httpx.HTTPError as error:
            raise Transient(f"{host} is not reached through {self}: {kind_of(error)}") from None
        if is_of_proxy and status >= httpx.codes.INTERNAL_SERVER_ERROR:
            raise Transient(f"{host} is not reached through {self}: status {status}")
        if is_of_proxy:
            raise self.refusal(status)

    def refusal(self, status: int) -> Permanent:
        """Returns the error for a login or an address that the proxy does not accept."""
        what = "the login" if status == httpx.codes.PROXY_AUTHENTICATION_REQUIRED else "the request"
        return Permanent(f"{self} refuses {what} ({status}): check {self.variable}")


def kind_of(error: httpx.HTTPError) -> str:
    """Returns the kind of an error for messages: the name of its class, or that a certificate is not trusted."""
    return "untrusted certificate" if "CERTIFICATE_VERIFY_FAILED" in str(error) else type(error).__name__


def status_of(error: httpx.ProxyError) -> int:
    """Returns the status with which a proxy has answered CONNECT; 0 if the error has none."""
    status, _, _ = str(error).partition(" ")
    return int(status) if status.isdecimal() else 0


def proxy_of(variable: str) -> Proxy:
    """Returns the proxy of a variable, or of the secret that it names. Raises BadInput for an unusable value."""
    return proxy_at(resolved(dg.EnvVar(variable).get_value() or "", variable), variable)


def refuse_malformed(value: str, variable: str) -> None:
    """Raises BadInput if the value of a variable is not a proxy's URL. A secret is not read."""
    if not is_reference(value):
        proxy_at(value, variable)


def proxy_at(value: str, variable: str) -> Proxy:
    """Returns the proxy of a URL. Raises BadInput, without the value, if it is not a proxy's URL."""
    try:
        url = httpx.URL(value)
    except httpx.InvalidURL:
        raise BadInput(f"{variable} must be a URL like {EXAMPLE}") from None
    if url.scheme not in SCHEMES or not url.host or url.path not in ("", "/") or url.query or url.fragment:
        raise BadInput(f"{variable} must be a URL like {EXAMPLE}")
    return Proxy(variable, url)

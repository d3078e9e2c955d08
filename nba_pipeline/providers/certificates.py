"""The certificate authorities that every HTTP client of the process trusts."""

import ssl
from functools import cache

import httpx


@cache
def trusted_authorities() -> ssl.SSLContext:
    """Returns the context of the trusted authorities. Cached: loading them takes 30 ms, and each run, tick and message has a client."""
    return httpx.create_ssl_context()

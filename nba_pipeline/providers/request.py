"""A request to a provider, as a value."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx

from nba_pipeline.errors import BadInput
from nba_pipeline.warehouse.payloads import Payload, Slot


@dataclass(frozen=True, kw_only=True)
class Request(Slot):
    """A request to a provider, and the landing slot of its response.

    A response that breaks the contract is never landed as accepted. With the extension pdf, the response must be a PDF
    instead of JSON.

    Attributes:
        secret_params, secret_headers: the API key. Never part of a message, a journaled URL or a ref.
        key_variable: the environment variable to name when the key is rejected.
        required_keys: the required top-level keys. Empty accepts any JSON.
        parser: the pure function that must parse the response without an error.
        final_game_ids: returns the ids of the games that are final according to the response.
    """

    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    secret_params: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    key_variable: str = ""
    required_keys: tuple[str, ...] = ()
    parser: Callable[[Payload], object] | None = field(default=None, repr=False, compare=False)
    final_game_ids: Callable[[Any], list[str]] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.path.startswith("/"):
            raise BadInput(f"{self.name}: the path must begin with /, not {self.path!r}")

    def url(self, base_url: str) -> str:
        """Returns the URL without secrets, for the journal and for messages."""
        return str(httpx.URL(base_url.rstrip("/") + self.path, params=dict(self.params) or None))

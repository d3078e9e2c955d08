"""Error responses of providers."""

from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]


class Refusal(Exception):
    """A status other than 200 with the provider's body. Text is sent unchanged, other values as JSON."""

    def __init__(self, status: int, body: Any, content_type: str = "application/json") -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.content_type = content_type


def utc_text(instant: datetime) -> str:
    """Returns an instant as text, for example 2024-03-15T23:00:00Z."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def ratio(made: int, attempted: int, digits: int = 15) -> float:
    """Returns made / attempted as the providers write it, 0.0 without attempts."""
    return round(made / attempted, digits) if attempted else 0.0

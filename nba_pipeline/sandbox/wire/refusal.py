"""An answer that is not the document asked for."""

from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]


class Refusal(Exception):
    """A status other than 200 with the body the provider gives; text is sent as it is, anything else as JSON."""

    def __init__(self, status: int, body: Any, content_type: str = "application/json") -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.content_type = content_type


def utc_text(instant: datetime) -> str:
    """An instant as 2024-03-15T23:00:00Z."""
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def ratio(made: int, attempted: int, digits: int = 15) -> float:
    """Made / attempted, 0.0 without an attempt, as the providers write it."""
    return round(made / attempted, digits) if attempted else 0.0

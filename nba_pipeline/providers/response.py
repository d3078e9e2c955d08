"""The parts of a response that do not depend on its provider: its document, quota, retry delay and error code."""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx

from nba_pipeline.errors import Permanent
from nba_pipeline.providers.request import Request
from nba_pipeline.warehouse.payload_limits import read_json

QUOTA_HEADERS = {f"x-requests-{name}": name for name in ("remaining", "used", "last")}
MAX_DIGITS = 18
"""Maximum digits of a number in a header. Python refuses to parse thousands of digits."""
MAX_CODE_CHARACTERS = 80
PDF_PREFIX = b"%PDF-"


def document_of(request: Request, response: httpx.Response) -> Any:
    """Returns the parsed JSON, or None for a PDF, which the request's parser reads. Raises Permanent for a broken contract."""
    received = f"({response.headers.get('content-type', 'no content type')}, {len(response.content)} bytes)"
    if request.extension == "pdf":
        if not response.content.startswith(PDF_PREFIX):
            raise Permanent(f"{request.name}: the response is not a PDF {received}")
        return None
    document = read_json(response.content, request.name, received)
    missing = [key for key in request.required_keys if not isinstance(document, dict) or key not in document]
    if missing:
        raise Permanent(f"{request.name}: the response has no {', '.join(missing)}")
    return document


def quota_of(response: httpx.Response) -> dict[str, int]:
    """Returns the numbers of the x-requests-* headers. A header without a number is omitted."""
    headers = {name: response.headers.get(header, "") for header, name in QUOTA_HEADERS.items()}
    return {name: int(value) for name, value in headers.items() if value.isdecimal() and len(value) <= MAX_DIGITS}


def retry_after_seconds(response: httpx.Response, now: datetime) -> float | None:
    """Returns the seconds to wait, from a number or an HTTP date. Some providers send dates with an offset other than GMT."""
    text = response.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        at = parsedate_to_datetime(text)
        # "-0000" and a missing zone give a naive datetime; both mean UTC. The difference cannot overflow.
        return max(((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds(), 0.0)
    except (ValueError, OverflowError):
        return None


def error_code(response: httpx.Response) -> str:
    """Returns the `error_code` of an error response, empty without one."""
    try:
        document = read_json(response.content, "")
    except Permanent:  # for example a proxy's HTML page: only the status is meaningful
        return ""
    return str(document.get("error_code", ""))[:MAX_CODE_CHARACTERS] if isinstance(document, dict) else ""

"""Streaming decompression of HTTP responses with a size limit that bounds memory.

httpx decodes each chunk as a whole: a chunk of 64 KiB may expand to 64 MiB, or much more if it was compressed twice.
"""

import time
import zlib
from collections.abc import Callable, Iterator

import httpx

from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse.payload_limits import MIB, TooLarge

ACCEPT_ENCODING = "gzip"
"""The value of the Accept-Encoding header."""
ANY_ZLIB = 32 + zlib.MAX_WBITS
"""zlib window bits that accept gzip and zlib ("deflate"), detected from the header."""
MAX_ERROR_BYTES = 64 * 1024
"""Maximum bytes of an error response. Only its error code is used."""
BODY_HEADERS = ("content-encoding", "content-length", "transfer-encoding")
"""Headers that describe the body as sent."""


def read_response(stream: httpx.Response, max_bytes: int) -> httpx.Response:
    """Returns a streamed response as a complete one with a decompressed body. An error response that is too long is emptied.

    Raises TooLarge beyond `max_bytes` bytes, and httpx's DecodingError and ReadTimeout for transient failures.
    """
    try:
        body = _body(stream, max_bytes if stream.is_success else min(max_bytes, MAX_ERROR_BYTES))
    except TooLarge:
        if stream.is_success:
            raise
        body = b""
    headers = [(name, value) for name, value in stream.headers.multi_items() if name.lower() not in BODY_HEADERS]
    response = httpx.Response(stream.status_code, headers=headers, content=body, request=stream.request)
    response.next_request = stream.next_request
    return response


def _body(stream: httpx.Response, max_bytes: int) -> bytes:
    chunks = _Chunks(stream, max_bytes)
    encoding = stream.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return _joined(chunks, lambda chunk, _: chunk, max_bytes)
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise httpx.DecodingError(f"the response is encoded as {encoding[:40]!r}, but {ACCEPT_ENCODING} was requested")
    decompressor = zlib.decompressobj(ANY_ZLIB)
    try:
        body = _joined(chunks, decompressor.decompress, max_bytes)
    except zlib.error as error:
        raise httpx.DecodingError(str(error)) from None
    except TooLarge as error:
        raise TooLarge(f"{error} ({chunks.size} bytes compressed)") from None
    if chunks.size and not decompressor.eof:
        raise httpx.DecodingError("the compressed response is truncated")
    return body


def _joined(chunks: Iterator[bytes], decode: Callable[[bytes, int], bytes], max_bytes: int) -> bytes:
    """Decodes and joins the chunks. `decode` takes a chunk and the maximum output size, one byte above the remaining limit."""
    parts, size = list[bytes](), 0
    for chunk in chunks:
        parts.append(decode(chunk, max_bytes + 1 - size))
        size += len(parts[-1])
        if size > max_bytes:
            raise TooLarge(f"the response has more than {max_bytes / MIB:g} MiB")
    return b"".join(parts)


class _Chunks:
    """Iterator over the raw chunks of a response. Counts their bytes and enforces the limits of size and time."""

    def __init__(self, stream: httpx.Response, max_bytes: int):
        self.size = 0
        self._chunks, self._max_bytes = stream.iter_raw(), max_bytes
        self._deadline = time.monotonic() + SETTINGS.payloads.longest_answer_seconds

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        chunk = next(self._chunks)
        self.size += len(chunk)
        if self.size > self._max_bytes:
            raise TooLarge(f"the response has more than {self._max_bytes / MIB:g} MiB")
        if time.monotonic() > self._deadline:
            raise httpx.ReadTimeout("the response arrives too slowly")
        return chunk

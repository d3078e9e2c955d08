"""Streaming decompression of HTTP responses with a size limit that bounds memory.

httpx decodes each chunk as a whole: a chunk of 64 KiB may expand to 64 MiB, or much more if it was compressed twice.
"""

import time
import zlib
from collections.abc import Callable, Iterator

import httpx

from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse.payload_limits import MIB, TooLarge

ACCEPTED = "gzip"
"""The value of the Accept-Encoding header."""
ANY_ZLIB = 32 + zlib.MAX_WBITS
"""zlib window bits that accept gzip and zlib ("deflate"), detected from the header."""
MOST_OF_A_REFUSAL = 64 * 1024
"""Maximum bytes of an error response. Only its error code is used."""
DESCRIBES_THE_BODY = ("content-encoding", "content-length", "transfer-encoding")


def received(stream: httpx.Response, most: int) -> httpx.Response:
    """Returns a streamed response as a complete one with a decompressed body. An error response that is too long is emptied.

    Raises TooLarge beyond `most` bytes, and httpx's DecodingError and ReadTimeout for transient failures.
    """
    try:
        body = _body(stream, most if stream.is_success else min(most, MOST_OF_A_REFUSAL))
    except TooLarge:
        if stream.is_success:
            raise
        body = b""
    headers = [(name, value) for name, value in stream.headers.multi_items() if name.lower() not in DESCRIBES_THE_BODY]
    whole = httpx.Response(stream.status_code, headers=headers, content=body, request=stream.request)
    whole.next_request = stream.next_request
    return whole


def _body(stream: httpx.Response, most: int) -> bytes:
    arrived = _Arrived(stream, most)
    encoding = stream.headers.get("content-encoding", "").strip().lower()
    if encoding in ("", "identity"):
        return _gathered(arrived, lambda piece, _: piece, most)
    if encoding not in ("gzip", "x-gzip", "deflate"):
        raise httpx.DecodingError(f"the answer is encoded as {encoding[:40]!r}, and {ACCEPTED} was asked for")
    inflate = zlib.decompressobj(ANY_ZLIB)
    try:
        body = _gathered(arrived, inflate.decompress, most)
    except zlib.error as error:
        raise httpx.DecodingError(str(error)) from None
    except TooLarge as error:
        raise TooLarge(f"{error} ({arrived.size} bytes compressed)") from None
    if arrived.size and not inflate.eof:
        raise httpx.DecodingError("the compressed answer is cut off")
    return body


def _gathered(pieces: Iterator[bytes], decoded: Callable[[bytes, int], bytes], most: int) -> bytes:
    """Decodes and joins the chunks. `decoded` takes a chunk and the maximum output size, one byte above the remaining limit."""
    parts, size = list[bytes](), 0
    for piece in pieces:
        parts.append(decoded(piece, most + 1 - size))
        size += len(parts[-1])
        if size > most:
            raise TooLarge(f"the answer has more than {most / MIB:g} MiB")
    return b"".join(parts)


class _Arrived:
    """Iterator over the raw chunks of a response. Counts their bytes and enforces the limits of size and time."""

    def __init__(self, stream: httpx.Response, most: int):
        self.size = 0
        self._pieces, self._most = stream.iter_raw(), most
        self._until = time.monotonic() + SETTINGS.payloads.longest_answer_seconds

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        piece = next(self._pieces)
        self.size += len(piece)
        if self.size > self._most:
            raise TooLarge(f"the answer has more than {self._most / MIB:g} MiB")
        if time.monotonic() > self._until:
            raise httpx.ReadTimeout("the answer arrives too slowly")
        return piece

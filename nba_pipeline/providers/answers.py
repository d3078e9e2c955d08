"""The body of an HTTP answer, decompressed while it arrives, so that it never takes more memory than it may have bytes.

httpx decodes each piece as a whole, and a piece of 64 KiB may become 64 MiB, or much more when it was compressed twice.
"""

import time
import zlib
from collections.abc import Callable, Iterator

import httpx

from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse.payload_limits import MIB, TooLarge

ACCEPTED = "gzip"
"""What is asked for as Accept-Encoding."""
ANY_ZLIB = 32 + zlib.MAX_WBITS
"""gzip, or zlib under the name of deflate: told apart by the header."""
MOST_OF_A_REFUSAL = 64 * 1024
"""Bytes of an answer that is an error: only its code is shown."""
DESCRIBES_THE_BODY = ("content-encoding", "content-length", "transfer-encoding")


def received(stream: httpx.Response, most: int) -> httpx.Response:
    """A streamed answer as a whole one, its body decompressed; that of an error is empty where it is long.

    Raises TooLarge beyond `most` bytes, and httpx's DecodingError and ReadTimeout for what may pass.
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
    """The pieces decoded and joined. `decoded` is told how many bytes are of use: one more than there is room for."""
    parts, size = list[bytes](), 0
    for piece in pieces:
        parts.append(decoded(piece, most + 1 - size))
        size += len(parts[-1])
        if size > most:
            raise TooLarge(f"the answer has more than {most / MIB:g} MiB")
    return b"".join(parts)


class _Arrived:
    """The bytes of an answer as they arrive, counted, and within the time that an answer may take."""

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

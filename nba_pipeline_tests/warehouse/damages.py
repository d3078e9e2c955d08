"""The ways in which tests damage a stored file."""

import zlib
from collections.abc import Callable
from pathlib import Path

Damage = Callable[[bytes], bytes]


def flipped(body: bytes) -> bytes:
    """The body with one changed byte in the middle: in a page of a parquet file, in the content of a gzip file."""
    at = len(body) // 3
    return body[:at] + bytes([body[at] ^ 0xFF]) + body[at + 1 :]


DAMAGES: dict[str, Damage] = {
    "empty": lambda _: b"",
    "cut off": lambda body: body[: len(body) // 2],
    "garbage": lambda body: zlib.compress(body)[:64] + b"\0" * 64,
    "one byte": flipped,
}


def damage(file: Path, how: str) -> bytes:
    """Damage a file, possibly a hard link of another home's file, and return its new bytes."""
    body = DAMAGES[how](file.read_bytes())
    file.unlink()
    file.write_bytes(body)
    return body

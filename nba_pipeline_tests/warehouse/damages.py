"""The ways in which a stored file is damaged in tests."""

import zlib
from collections.abc import Callable
from pathlib import Path

Damage = Callable[[bytes], bytes]


def flipped(body: bytes) -> bytes:
    """One byte in the middle is another one: of a parquet file in a page, of a gzip file in its content."""
    at = len(body) // 3
    return body[:at] + bytes([body[at] ^ 0xFF]) + body[at + 1 :]


DAMAGES: dict[str, Damage] = {
    "empty": lambda _: b"",
    "cut off": lambda body: body[: len(body) // 2],
    "garbage": lambda body: zlib.compress(body)[:64] + b"\0" * 64,
    "one byte": flipped,
}


def damage(file: Path, how: str) -> bytes:
    """Damage a file, which may be a hard link of another home's; the bytes that it holds then."""
    body = DAMAGES[how](file.read_bytes())
    file.unlink()
    file.write_bytes(body)
    return body

"""The limits on a payload: its size, received or landed, and the depth of its JSON.

What belongs here: reading bytes within the memory limits of the settings. Requests do not belong here.
"""

import gzip
import io
import json
from typing import Any

from nba_pipeline.errors import Permanent
from nba_pipeline.settings import SETTINGS

MIB = 1024**2


class TooLarge(Permanent):
    """A response exceeds its size limit. The message contains the limit."""


def most_bytes(provider: str, endpoint: str, extension: str) -> int:
    """The size limit of a response in bytes, both as received and decompressed."""
    limits = SETTINGS.payloads
    mib = limits.most_mib_of_extension.get(extension) or limits.most_mib_of.get(f"{provider} {endpoint}", limits.most_mib)
    return int(mib * MIB)


def gunzip(body: bytes, max_bytes: int) -> bytes:
    """Decompresses gzip data. Raises TooLarge after more than `max_bytes` bytes, otherwise like `gzip.decompress`."""
    with gzip.GzipFile(fileobj=io.BytesIO(body)) as file:
        content = file.read(max_bytes + 1)
    if len(content) > max_bytes:
        raise TooLarge(f"the content has more than {max_bytes / MIB:g} MiB ({len(body)} bytes compressed)")
    return content


def read_json(body: bytes, about: str, reason: str = "") -> Any:
    """Parses a JSON body. Raises Permanent, with a message that begins with `about`, for invalid or too deeply nested JSON.

    `reason` replaces the JSON parser's error in the message.
    """
    levels = SETTINGS.payloads.deepest
    try:
        document = json.loads(body)
        is_too_deep = is_deeper(document, levels)
    except RecursionError:  # the interpreter's limit differs from ours
        is_too_deep = True
    except ValueError as error:
        raise Permanent(f"{about}: the response is not JSON {reason or f'({error})'}") from None
    if is_too_deep:
        raise Permanent(f"{about}: the JSON of the response is nested deeper than {levels} levels ({len(body)} bytes)")
    return document


def is_deeper(document: Any, levels: int) -> bool:
    """Whether lists and objects are nested deeper than this number of levels."""
    level = [document] if isinstance(document, (dict, list)) else []
    for _ in range(levels):
        if not level:
            return False
        parts = (part.values() if isinstance(part, dict) else part for part in level)
        level = [child for part in parts for child in part if isinstance(child, (dict, list))]
    return bool(level)

"""The limits on a payload: its size, arriving or landed, and the depth of its JSON.

What belongs here: reading bytes without more memory than the settings allow. Which request a payload answers does not.
"""

import gzip
import io
import json
from typing import Any

from nba_pipeline.errors import Permanent
from nba_pipeline.settings import SETTINGS

MIB = 1024**2


class TooLarge(Permanent):
    """An answer has more bytes than it may. The message names the limit."""


def most_bytes(provider: str, endpoint: str, extension: str) -> int:
    """How many bytes an answer may have, as it arrives and decompressed."""
    limits = SETTINGS.payloads
    mib = limits.most_mib_of_extension.get(extension) or limits.most_mib_of.get(f"{provider} {endpoint}", limits.most_mib)
    return int(mib * MIB)


def gunzip(body: bytes, most: int) -> bytes:
    """The content of a gzip file. Raises TooLarge beyond `most` bytes, holding no more than these, else as `gzip.decompress`."""
    with gzip.GzipFile(fileobj=io.BytesIO(body)) as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise TooLarge(f"the content has more than {most / MIB:g} MiB ({len(body)} bytes compressed)")
    return content


def read_json(body: bytes, about: str, found: str = "") -> Any:
    """The document of a body. Raises Permanent, which begins with `about`, when it is not JSON or too deep.

    `found` is shown in place of what the JSON reader says.
    """
    levels = SETTINGS.payloads.deepest
    try:
        document = json.loads(body)
        is_too_deep = is_deeper(document, levels)
    except RecursionError:  # where the interpreter stops is not where we do
        is_too_deep = True
    except ValueError as error:
        raise Permanent(f"{about}: the answer is not JSON {found or f'({error})'}") from None
    if is_too_deep:
        raise Permanent(f"{about}: the JSON of the answer has more than {levels} levels ({len(body)} bytes)")
    return document


def is_deeper(document: Any, levels: int) -> bool:
    """Whether lists and objects are nested in more levels than these."""
    level = [document] if isinstance(document, (dict, list)) else []
    for _ in range(levels):
        if not level:
            return False
        parts = (part.values() if isinstance(part, dict) else part for part in level)
        level = [one for part in parts for one in part if isinstance(one, (dict, list))]
    return bool(level)

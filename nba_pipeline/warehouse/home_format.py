"""The format number of a home, which decides whether this version may read and write its tables.

The number is in `<home>/format.json`. A home with tables and without that file has format 1. A home without tables has no
format until its first write, which assigns the current one. `migration.py` converts homes.
"""

import json
import os
import threading
from pathlib import Path

from nba_pipeline.errors import BadInput

FORMAT = 2
"""The format of new and migrated homes."""

WITH_MONTHS = 3
"""The format of a home with month files, see `months`. Earlier versions would not see their rows, and refuse it."""

READABLE = (FORMAT, WITH_MONTHS)
"""The formats that this version reads and writes."""

UNNUMBERED = 1
"""The format of homes that have no format file."""

FILE = "format.json"

_current: dict[Path, tuple[int, int, int]] = {}
"""Home -> inode, size and modification time of its format file when it last held a readable number."""


def format_of(home: Path) -> int | None:
    """The format number of a home, or None if it has no tables yet. Raises BadInput for an unreadable number."""
    file = home / FILE
    try:
        text = file.read_text()
    except FileNotFoundError:
        return UNNUMBERED if _has_tables(home) else None
    except NotADirectoryError:
        return None  # the home is a file; the first write raises
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file} cannot be read: {error}") from None
    return _number(file, text)


def refuse_another_format(home: Path) -> None:
    """Raise BadInput for a home of another format. A known home costs one `stat`; a home without tables passes."""
    if _is_current(home):
        return
    signature, number = _signature(home), format_of(home)
    if number in READABLE and signature:
        _current[home] = signature
    elif number is not None and number > WITH_MONTHS:
        raise BadInput(
            f"the home {home} has format {number}; this version reads format {WITH_MONTHS}; install a newer nba_pipeline"
        )
    elif number is not None and number < FORMAT:
        raise BadInput(f"the home {home} has format {number}; this version reads format {FORMAT}; run `nba-pipeline migrate`")


def prepare_write(home: Path) -> None:
    """Assign the current format to a home without tables. Raises BadInput as `refuse_another_format`."""
    refuse_another_format(home)
    if not _is_current(home):
        write_format(home, FORMAT)


def write_format_of_months(home: Path) -> None:
    """Assign the format of a home with month files, before the first one is written."""
    if format_of(home) != WITH_MONTHS:
        write_format(home, WITH_MONTHS)


def write_format(home: Path, number: int) -> None:
    """Write the format number atomically."""
    home.mkdir(parents=True, exist_ok=True)
    temporary = home / f".{FILE}.{os.getpid()}.{threading.get_ident()}"
    temporary.write_text(json.dumps({"format": number}) + "\n")
    temporary.replace(home / FILE)


def _is_current(home: Path) -> bool:
    signature = _current.get(home)
    return signature is not None and signature == _signature(home)


def _signature(home: Path) -> tuple[int, int, int] | None:
    try:
        stat = (home / FILE).stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def _has_tables(home: Path) -> bool:
    return any(home.glob("tables/*/*/part.parquet"))


def _number(file: Path, text: str) -> int:
    example = json.dumps({"format": FORMAT})
    try:
        content = json.loads(text)
    except json.JSONDecodeError as error:
        raise BadInput(
            f"{file} is not JSON ({error.msg}); expected the format number of the home, for example {example}"
        ) from None
    number = content.get("format") if isinstance(content, dict) else None
    if not isinstance(number, int) or isinstance(number, bool) or number < UNNUMBERED:
        raise BadInput(f"{file} has the format {number!r}; expected an integer of at least {UNNUMBERED}, for example {example}")
    return number

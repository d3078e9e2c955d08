"""The terminal: tables and data go to standard output (`out`), progress and errors to standard error (`err`)."""

import sys
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext

from rich.console import Console
from rich.text import Text

WIDTH_WITHOUT_TERMINAL = 150
out, err = Console(width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL), Console(stderr=True)

UNPRINTABLE = ("Cc", "Cf")
"""Unicode categories of characters that can move the cursor, reorder text or hide it."""


def report(message: str) -> None:
    """Print progress on standard error."""
    err.print(message, style="dim", highlight=False, soft_wrap=True, markup=False)


@contextmanager
def working(message: str) -> Iterator[None]:
    """Show a spinner on a terminal while a command without a progress bar runs."""
    with err.status(message) if err.is_terminal else nullcontext():
        yield


def print_line(message: str, style: str | None = None) -> None:
    """Print a message on standard output unchanged, without markup and without line breaks."""
    out.print(message, style=style, highlight=False, soft_wrap=True, markup=False)


def print_error(message: str, style: str = "red") -> None:
    """Print a message on standard error unchanged, without markup and without line breaks."""
    err.print(message, style=style, highlight=False, soft_wrap=True, markup=False)


def printable(text: str) -> Text:
    """Returns text without markup. Control and format characters except line feed and tab are escaped."""
    unsafe = {c for c in text if unicodedata.category(c) in UNPRINTABLE and c not in "\n\t"}
    return Text(text.translate({ord(c): c.encode("unicode_escape").decode() for c in unsafe}))

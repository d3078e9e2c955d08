"""Query results on standard output: as a table or one field per line for people, exact as CSV or JSON for machines."""

import json
import sys
from collections.abc import Sequence
from typing import Any

import polars as pl
from rich.cells import cell_len
from rich.table import Table as RichTable

from nba_pipeline.cli.consoles import out, print_error, print_line, printable
from nba_pipeline.cli.csv_text import csv_text

DECIMALS = 3
"""Decimals of a float in a table, and significant digits of a float below 0.1."""
BORDER, PADDING = 1, 3
"""Characters of a table: the left border, and per column its padding and right border."""


def print_result(frame: pl.DataFrame, style: str) -> None:
    """Print a query result as a table, CSV or JSON."""
    if style == "json":
        sys.stdout.write(json.dumps(frame.to_dicts(), default=str, indent=1) + "\n")
    elif style == "csv":
        sys.stdout.write(csv_text(frame))
    else:
        print_frame(frame)


def print_frame(frame: pl.DataFrame) -> None:
    """Print a frame as a table, or one field per line if the table does not fit the terminal."""
    rows = [[_text(value) for value in row] for row in frame.iter_rows()]
    if not rows:
        print_error("no rows", style="dim")
        print_line(f"columns: {', '.join(printable(name).plain for name in frame.columns)}")
    elif _width(frame.columns, rows) > out.width:
        _print_fields(frame.columns, rows)
    else:
        _print_table(frame, rows)


def _print_table(frame: pl.DataFrame, rows: Sequence[Sequence[str]]) -> None:
    table = RichTable()
    for name, kind in frame.schema.items():
        table.add_column(printable(name), justify="right" if kind.is_numeric() else "left", overflow="fold")
    for row in rows:
        table.add_row(*map(printable, row))
    out.print(table)


def _print_fields(names: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    longest = max(map(cell_len, names))
    for number, row in enumerate(rows, 1):
        print_line(f"row {number} of {len(rows)}", style="bold")
        for name, value in zip(names, row, strict=True):
            print_line(f"  {printable(name).plain:<{longest}}  {printable(value).plain}".rstrip())


def _width(names: Sequence[str], rows: Sequence[Sequence[str]]) -> int:
    """Returns the width of a table without folded cells."""
    columns = zip(names, *rows, strict=True)
    widest = (max(cell_len(line) for cell in column for line in cell.split("\n")) for column in columns)
    return BORDER + sum(width + PADDING for width in widest)


def _text(value: Any) -> str:
    """Returns a value as text for people. Null is empty, a float is rounded, a list has rounded elements."""
    if value is None:
        return ""
    if isinstance(value, float):
        return rounded(value)
    return f"[{', '.join(map(_text, value))}]" if isinstance(value, list) else str(value)


def rounded(value: float) -> str:
    """Returns a float with three decimals, or with three significant digits below 0.1. Trailing zeros are dropped.

    >>> [rounded(value) for value in (26.083312, 3.0, -0.5, 0.000123456, 1234567.0)]
    ['26.083', '3.0', '-0.5', '0.000123', '1234567.0']
    """
    text = f"{value:.{DECIMALS}f}" if abs(value) >= 0.1 or value == 0 else f"{value:.{DECIMALS}g}"  # noqa: PLR2004
    digits, point, decimals = text.partition(".")
    return f"{digits}.{decimals.rstrip('0') or '0'}" if point and "e" not in text else text

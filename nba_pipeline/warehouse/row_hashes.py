r"""Row hashes of ledgers, format 1: the SHA-256 of a canonical text of a row's values. Reads and writes no files.

The text of a row is UTF-8, with one line `<name>=<value>` per column, each ended by a line feed, sorted by the code points of
the column name. A column without a value has no line, so a column added later changes no hash. Nulls and empty
lists count as no value, because BigQuery stores no null lists. The text of a value depends on its type:

    String            unchanged, with `\\` for a backslash and `\n` for a line feed
    integer           decimal digits, with "-" before a negative number
    float             Python's repr: the shortest text that parses to the same number; -0.0 as 0.0, and nan, inf, -inf
    Boolean           true | false
    Date              2026-01-15
    Datetime          the UTC instant with microseconds: 2026-01-15T17:00:00.000000Z
    List              JSON without spaces and without escapes for non-ASCII characters; dates and instants as JSON strings

The hash is written as 64 hexadecimal digits.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date
from typing import TypeAlias

import polars as pl
from polars.datatypes import DataTypeClass

from nba_pipeline.errors import PipelineError

Kind: TypeAlias = "pl.DataType | DataTypeClass"

FORMAT = 1
"""The format of row hashes and partition hashes. A change of the canonical text requires a new number."""

HASH = "sha256"
"""The name of the hash column."""

MIN_PLAIN, MAX_PLAIN = 1e-4, 1e16
"""Polars and Python format floats between these magnitudes identically."""

INSTANT = "%Y-%m-%dT%H:%M:%S%.6fZ"
STRING_ESCAPES = {"\\": "\\\\", "\n": "\\n"}
JSON_ESCAPES = {
    "\\": "\\\\",
    '"': '\\"',
    "\n": "\\n",
    "\r": "\\r",
    "\t": "\\t",
    "\b": "\\b",
    "\f": "\\f",
    **{chr(code): f"\\u{code:04x}" for code in range(0x20) if chr(code) not in "\n\r\t\b\f"},
}


def row_hashes(frame: pl.DataFrame, schema: Mapping[str, pl.DataType]) -> pl.Series:
    """The hash of each row, in the order of the rows. `schema` gives each column's type; other columns are ignored.

    Raises PipelineError for a type without a canonical text.
    """
    typed = frame if frame.schema == schema else frame.select(pl.col(name).cast(kind) for name, kind in schema.items())
    special, nulls = _special_columns(typed, schema), typed.null_count().row(0, named=True)
    template, values = "", list[pl.Expr]()
    for name in sorted(schema):
        text = _text(name, schema[name], name in special)
        if nulls[name] or isinstance(schema[name], pl.List):
            template += "{}"
            values.append(pl.concat_str(pl.lit(f"{name}="), text, pl.lit("\n")).fill_null(""))
        else:
            template += f"{name}={{}}\n"
            values.append(text)
    rows = typed.select(pl.format(template, *values).cast(pl.Binary)).to_series()
    return pl.Series(HASH, [hashlib.sha256(row).hexdigest() for row in rows.to_list()], dtype=pl.String)


def partition_hash(table: str, game_date: date, hashes: Iterable[str]) -> str:
    """The hash of a partition: SHA-256 of the lines `ledger 1`, table, date and the sorted row hashes."""
    return hashlib.sha256("\n".join((f"ledger {FORMAT}", table, str(game_date), *sorted(hashes))).encode()).hexdigest()


def _special_columns(typed: pl.DataFrame, schema: Mapping[str, pl.DataType]) -> set[str]:
    """The columns with text to escape, or with numbers that polars formats differently from Python."""
    tests = list[pl.Expr]()
    for name, kind in schema.items():
        value = pl.col(name)
        if kind == pl.String:
            tests.append(value.str.contains(r"[\\\n]").any())
        elif kind.is_float():
            size = value.abs()
            tests.append((((size < MIN_PLAIN) & (size > 0.0)) | (size >= MAX_PLAIN) | value.is_nan()).any())
    return {column.name for column in typed.select(tests) if column.item()} if tests else set()


def _text(name: str, kind: pl.DataType, is_special: bool) -> pl.Expr:
    """The canonical text of a column's values; null for null and for an empty list."""
    value = pl.col(name)
    if isinstance(kind, pl.List):
        items = value.list.eval(_element(name, kind.inner).fill_null("null")).list.join(",")
        return pl.when(value.list.len() > 0).then(pl.concat_str(pl.lit("["), items, pl.lit("]")))
    if is_special and kind.is_float():
        return value.map_batches(_python_texts, return_dtype=pl.String)
    text = _scalar(value, name, kind)
    return text.str.replace_many(STRING_ESCAPES) if is_special else text


def _scalar(value: pl.Expr, name: str, kind: Kind) -> pl.Expr:
    if kind == pl.String:
        return value
    if kind.is_float():
        return pl.when(value == 0.0).then(0.0).otherwise(value.cast(pl.Float64)).cast(pl.String)  # -0.0 becomes 0.0
    if isinstance(kind, pl.Datetime) and (kind.time_zone, kind.time_unit) == ("UTC", "us"):
        return value.dt.strftime(INSTANT)
    if kind.is_integer() or kind in (pl.Boolean, pl.Date):
        return value.cast(pl.String)
    raise PipelineError(f"column {name} of a ledger is {kind}, which has no canonical text to hash")


def _element(name: str, kind: Kind) -> pl.Expr:
    if kind.is_float() or kind.is_nested():
        raise PipelineError(f"column {name} of a ledger is a list of {kind}, which has no canonical text to hash")
    text = _scalar(pl.element(), name, kind)
    if kind == pl.String:
        text = text.str.replace_many(JSON_ESCAPES)
    return '"' + text + '"' if kind == pl.String or kind.is_temporal() else text


def _python_texts(column: pl.Series) -> pl.Series:
    numbers = column.cast(pl.Float64).to_list()
    return pl.Series(column.name, [None if number is None else repr(number + 0.0) for number in numbers], dtype=pl.String)

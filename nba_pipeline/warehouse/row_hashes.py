r"""Row hashes of ledgers, format 1: the SHA-256 of a row's values in one canonical text. Pure; knows no files.

The text of a row is UTF-8, one line `<name>=<value>` per column, each ended by a line feed, in the order of the columns'
names by code point. A column without a value (null, or an empty list, since BigQuery stores no null list) has no line, so a
column that a table gains later changes no hash. The value is written, by type,

    String            as it is, with `\\` for a backslash and `\n` for a line feed
    integer           decimal digits, with "-" before a negative number
    float             as Python's repr prints it: the shortest text that reads back to the same number; -0.0 as 0.0,
                      and nan, inf, -inf
    Boolean           true | false
    Date              2026-01-15
    Datetime          the UTC instant with microseconds: 2026-01-15T17:00:00.000000Z
    List              JSON without spaces, other than ASCII characters as they are; dates and instants as JSON strings

The hash is printed as 64 hexadecimal digits.
"""

import hashlib
from collections.abc import Iterable, Mapping
from datetime import date
from typing import TypeAlias

import polars as pl
import polars.selectors as cs
from polars.datatypes import DataTypeClass

from nba_pipeline.errors import PipelineError

Kind: TypeAlias = "pl.DataType | DataTypeClass"

FORMAT = 1
"""Of row hashes and partition hashes. Another canonical text needs another number."""

HASH = "sha256"
"""Name of the column of hashes."""

LEAST_PLAIN, MOST_PLAIN = 1e-4, 1e16
"""Between these magnitudes polars and Python print a float alike."""

INSTANT = "%Y-%m-%dT%H:%M:%S%.6fZ"
STRING_ESCAPES = {"\\": "\\\\", "\n": "\\n"}
JSON_ESCAPES = {
    "\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f",
    **{chr(code): f"\\u{code:04x}" for code in range(0x20) if chr(code) not in "\n\r\t\b\f"},
}  # fmt: skip


def row_hashes(frame: pl.DataFrame, schema: Mapping[str, pl.DataType]) -> pl.Series:
    """The hash of each row, in the order of the rows. `schema` gives each column's type; other columns are ignored.

    Raises PipelineError for a type that has no canonical text.
    """
    typed = frame if frame.schema == schema else frame.select(pl.col(name).cast(kind) for name, kind in schema.items())
    texts = typed.select(_text(name, kind) for name, kind in schema.items())
    texts = _with_python_floats(typed, texts)
    texts = _with_escapes(texts, [name for name, kind in schema.items() if kind == pl.String])
    lines = list[pl.Expr]()
    for name in sorted(schema):
        line = pl.lit(f"{name}="), pl.col(name), pl.lit("\n")
        # concat_str leaves out what is null, so a column with nulls needs its name and value in one piece
        lines += [pl.concat_str(line)] if texts[name].null_count() else line
    rows = texts.select(pl.concat_str(lines, ignore_nulls=True).cast(pl.Binary)).to_series()
    return pl.Series(HASH, [hashlib.sha256(row).hexdigest() for row in rows.to_list()], dtype=pl.String)


def partition_hash(table: str, game_date: date, hashes: Iterable[str]) -> str:
    """The hash of a partition: SHA-256 of the lines `ledger 1`, table, date and the sorted row hashes."""
    return hashlib.sha256("\n".join((f"ledger {FORMAT}", table, str(game_date), *sorted(hashes))).encode()).hexdigest()


def _text(name: str, kind: pl.DataType) -> pl.Expr:
    """The text of a column's values, null for null; without the escapes of strings and Python's print of extreme floats."""
    value = pl.col(name)
    if isinstance(kind, pl.List):
        items = value.list.eval(_element(name, kind.inner).fill_null("null")).list.join(",")
        return pl.when(value.list.len() > 0).then(pl.concat_str(pl.lit("["), items, pl.lit("]"))).alias(name)
    return _scalar(value, name, kind).alias(name)


def _scalar(value: pl.Expr, name: str, kind: Kind) -> pl.Expr:
    if kind.is_float():
        return pl.when(value == 0.0).then(0.0).otherwise(value.cast(pl.Float64)).cast(pl.String)  # one zero
    if isinstance(kind, pl.Datetime) and (kind.time_zone, kind.time_unit) == ("UTC", "us"):
        return value.dt.strftime(INSTANT)
    if kind.is_integer() or kind in (pl.String, pl.Boolean, pl.Date):
        return value.cast(pl.String)
    raise PipelineError(f"column {name} of a ledger is {kind}, which has no canonical text to hash")


def _element(name: str, kind: Kind) -> pl.Expr:
    if kind.is_float() or kind.is_nested():
        raise PipelineError(f"column {name} of a ledger is a list of {kind}, which has no canonical text to hash")
    text = _scalar(pl.element(), name, kind)
    if kind == pl.String:
        text = text.str.replace_many(JSON_ESCAPES)
    return '"' + text + '"' if kind == pl.String or kind.is_temporal() else text


def _with_python_floats(typed: pl.DataFrame, texts: pl.DataFrame) -> pl.DataFrame:
    """The numbers that polars prints unlike Python, as Python prints them."""
    floats = typed.select(cs.float().cast(pl.Float64))
    magnitude = pl.all().abs()
    is_plain = ((magnitude >= LEAST_PLAIN) & (magnitude < MOST_PLAIN)) | (magnitude == 0.0)
    plain = floats.select(is_plain.fill_null(True))
    unlike = [column.name for column in plain if not column.all()]
    printed = (
        texts[name].scatter((~plain[name]).arg_true(), [repr(number) for number in floats[name].filter(~plain[name])])
        for name in unlike
    )
    return texts.with_columns(*printed)


def _with_escapes(texts: pl.DataFrame, strings: list[str]) -> pl.DataFrame:
    """Few texts have a backslash or a line feed, and looking for them is quicker than replacing them."""
    has_some = texts.select(pl.col(strings).str.contains(r"[\\\n]").any())
    escaped = [column.name for column in has_some if column.item()]
    return texts.with_columns(pl.col(escaped).str.replace_many(STRING_ESCAPES)) if escaped else texts

"""CSV that is safe to open in a spreadsheet: text that looks like a formula is escaped.

See https://owasp.org/www-community/attacks/CSV_Injection. The files contain names and messages of providers.
"""

import json

import polars as pl
import polars.selectors as cs

FORMULA = "^[=+\\-@\\t\\r\\n\uff1d\uff0b\uff0d\uff20]"
"""Beginnings of cells that a spreadsheet evaluates: `=`, `+`, `-`, `@` and their full-width forms, tab, CR and LF."""

ESCAPE = "'"


def csv_text(frame: pl.DataFrame) -> str:
    """Returns CSV with a header. A quote precedes text and column names that begin like a formula. Numbers are unchanged.

    >>> print(csv_text(pl.DataFrame({"a": ["=1+1", "-3.5", "x"], "-b": [-3.5, 2.0, None]})), end="")
    a,'-b
    '=1+1,-3.5
    '-3.5,2.0
    x,
    """
    flat = frame.with_columns(
        cs.nested().map_elements(_as_json, pl.String),
        cs.enum().cast(pl.String),
        cs.categorical().cast(pl.String),
        cs.binary().bin.encode("hex"),
    )
    header = pl.DataFrame({str(number): [name] for number, name in enumerate(frame.columns)})
    return "".join(
        rows.with_columns(cs.string().str.replace(FORMULA, f"{ESCAPE}$0")).write_csv(include_header=False)
        for rows in (header, flat)
    )


def _as_json(value: object) -> str:
    return json.dumps(value.to_list() if isinstance(value, pl.Series) else value, default=str)

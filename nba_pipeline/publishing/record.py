"""The record: the document with the averages of each system, and a CSV with each graded forecast of the displayed systems."""

from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

import polars as pl

from nba_pipeline.evaluation.graded_record import record_of
from nba_pipeline.publishing.documents import Performance, Record
from nba_pipeline.publishing.prices import Prices, displayed, has_enough_lines, is_published, rounded

COLUMNS: Mapping[str, tuple[str, str]] = {
    "game_date": ("date", "US Eastern date of the game"),
    "game_id": ("string", "the NBA's ten digits"),
    "player_id": ("integer", "the NBA's person id"),
    "player_name": ("string", "name of the player"),
    "team": ("string", "team of the player"),
    "market": ("string", "the Odds API's key, as player_points"),
    "system_id": ("string", "system that made the forecast"),
    "predicted_value": ("number", "forecast, in the unit of the market"),
    "line": ("number", "line of the sportsbook; empty without one, and where lines are not published"),
    "recommendation": ("string", "OVER, UNDER, PASS or NO_LINE; empty where lines are not published"),
    "actual_value": ("integer", "result; empty for a player who did not play"),
    "outcome": ("string", "WIN, LOSS, PUSH, VOID or NO_BET; empty where lines are not published"),
    "made_at": ("datetime", "UTC instant of the forecast"),
}
"""Column of the CSV -> its type in a Table Schema, and its description."""

CSV_TYPES: Mapping[str, type[pl.DataType]] = {
    "date": pl.Date,
    "string": pl.String,
    "integer": pl.Int64,
    "number": pl.Float64,
    "datetime": pl.String,
}
KEY = ("game_date", "game_id", "player_id", "market", "system_id")
OF_A_LINE = ("line", "recommendation", "outcome")


def record_document(grades: pl.DataFrame, first: date, last: date, as_of: datetime, prices: Prices) -> Record:
    """Returns the record of all systems from the latest grades of the dates."""
    rows = record_of(grades).to_dicts() if grades.height else []
    shown = [row for row in rows if is_published(row["system_id"], prices)]
    dates = (first, last) if rows else (None, None)
    return Record(first=dates[0], last=dates[1], as_of=as_of, performance=[_performance(row, prices) for row in shown])


def _performance(row: Mapping[str, Any], prices: Prices) -> Performance:
    # the counts of bets and wins over few rows bound their lines
    shown = row if has_enough_lines(row["lined"], prices) else {name: None for name in row}
    return Performance(
        system=row["system_id"],
        market=row["market"],
        run_kind=row["run_kind"],
        graded=row["graded"],
        with_line=row["lined"],
        mae=rounded(shown["mae"], prices),
        gap_to_line=rounded(shown["gap"], prices),
        gap_half_width=None if shown["gap_high"] is None else rounded(shown["gap_high"] - shown["gap"], prices),
        bets=shown["bets"],
        hit_rate=rounded(shown["hit_rate"], prices),
        hit_rate_low=rounded(shown["hit_rate_low"], prices),
        hit_rate_high=rounded(shown["hit_rate_high"], prices),
    )


def record_csv(grades: pl.DataFrame, prices: Prices) -> bytes:
    """Returns the graded live forecasts of the displayed systems as CSV, one row per forecast. Unpublished values are empty."""
    is_shown = pl.col("system_id").is_in(displayed(prices)) & (pl.col("run_kind") == "live")
    types = grades.schema  # each access builds it again
    hidden = [] if prices == "all" else [pl.lit(None, types[name]).alias(name) for name in OF_A_LINE]
    rows = grades.filter(is_shown).with_columns(hidden).sort(KEY).select(*COLUMNS)
    return rows.write_csv(datetime_format="%Y-%m-%dT%H:%M:%SZ").encode()


def csv_problem(body: bytes) -> str:
    """Returns why a CSV does not fit its Table Schema; empty if it does."""
    types = {name: CSV_TYPES[kind] for name, (kind, _) in COLUMNS.items()}
    try:
        rows = pl.read_csv(body, schema=types, try_parse_dates=True)
    except pl.exceptions.PolarsError as error:
        return str(error).splitlines()[0]
    repeated = rows.height - rows.n_unique(KEY)
    return f"{repeated} rows repeat {', '.join(KEY)}" if repeated else ""


def record_table_schema() -> dict[str, Any]:
    """Returns the Table Schema of the CSV (https://datapackage.org/standard/table-schema)."""
    fields = [{"name": name, "type": kind, "description": text} for name, (kind, text) in COLUMNS.items()]
    return {"fields": fields, "primaryKey": list(KEY), "missingValues": [""]}

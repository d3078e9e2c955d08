"""notebook: tables and views as data frames, for analysts. Reads the warehouse of NBA_PIPELINE_ENV and NBA_PIPELINE_HOME.

    slate("2026-01-15")                               the newest forecasts of a date
    record("2026-01-01", "2026-01-14")                the graded forecasts of some dates
    features("2026-01-01", "2026-01-14")              the features of some dates
    frame("boxscores", "2026-01-01", "2026-01-14")    any table or view

Each function returns a pandas.DataFrame, with `engine="polars"` a polars.DataFrame. The columns of the tables are explained in
docs/data-dictionary.md, and docs/example.ipynb is an example. No other module of the platform imports this module.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Literal

import polars as pl
import polars.selectors as cs

from nba_pipeline.environments import clock, environment, resources_for
from nba_pipeline.errors import BadInput, Damaged, did_you_mean
from nba_pipeline.league.calendar import EASTERN_NAME, days, parse_date, season_start
from nba_pipeline.orchestration.lost_partitions import unreadable_dates
from nba_pipeline.tables.pandas_types import checked, to_pandas, typed_frame
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.partitions import recovering
from nba_pipeline.warehouse.views import descriptions, tables_in

DATED_BY = {"availability": "first_seen_at", "runs": "as_of"}
"""View without `game_date` -> the instant whose US Eastern date selects its rows. `season_record` is selected by season."""

Engine = Literal["pandas", "polars"]
ENGINES: tuple[Engine, ...] = ("pandas", "polars")


def slate(day: str, *, engine: Engine = "pandas") -> Any:
    """Returns the newest live forecast of each player and system of a US Eastern date.

    The columns are those of docs/data-dictionary.md#predictions. A date without forecasts has no rows.
    """
    rows = _rows("latest_predictions", day, day, engine).filter(pl.col("run_kind") == "live")
    return to_pandas(rows) if engine == "pandas" else rows


def record(first: str, last: str, *, engine: Engine = "pandas") -> Any:
    """Returns the newest grade of each forecast from the first to the last US Eastern date, both included.

    The columns are those of docs/data-dictionary.md#grades. Both live forecasts and backtests are included, see `run_kind`.
    """
    return frame("latest_grades", first, last, engine=engine)


def features(first: str, last: str, *, engine: Engine = "pandas") -> Any:
    """Returns the features of each expected player and game from the first to the last US Eastern date, both included.

    The columns are those of docs/data-dictionary.md#features. A feature is null if it is unknown, see `missing_features`.
    """
    return frame("features", first, last, engine=engine)


def frame(name: str, first: str, last: str, *, engine: Engine = "pandas") -> Any:
    """Returns the rows of a table or view from the first to the last US Eastern date, both included.

    The columns of the tables are those of docs/data-dictionary.md. A date that was never written has no rows. Rows of a view
    without `game_date` are selected by the date of its instant, rows of `season_record` by the seasons of the dates.

    Raises BadInput for an unknown name or engine or an invalid date, Permanent for rows that violate the table's schema, Damaged
    for a date with an unreadable file.
    """
    rows = _rows(name, first, last, engine)
    if name in TABLES:
        valid = checked(rows, typed_frame(TABLES[name]))[0]
        return valid if engine == "pandas" else rows
    return to_pandas(rows) if engine == "pandas" else rows


def _rows(name: str, first: str, last: str, engine: str) -> pl.DataFrame:
    """Returns the rows of a table or view, sorted. Raises like `frame`."""
    if engine not in ENGINES:
        raise BadInput(f"unknown engine {engine!r}; choose one of {', '.join(ENGINES)}")
    warehouse: Warehouse = resources_for(environment())["warehouse"]
    from nba_pipeline import definitions  # noqa: F401, PLC0415  # asset modules register their tables

    names = sorted({*TABLES, *descriptions()})
    if name not in names:
        raise BadInput(f"unknown table {name!r}; {did_you_mean(name, names)}choose one of {', '.join(names)}")
    dates = _dates(first, last)
    tables = [TABLES[name]] if name in TABLES else tables_in(name)
    if name in TABLES:
        table = TABLES[name]
        rows = recovering(lambda: warehouse.scan(table, dates).collect()).sort("game_date", *table.key)
    else:
        rows = _of_dates(name, warehouse.sql(f"SELECT * FROM {name}"), dates)
    if unreadable := unreadable_dates(warehouse, [TABLES[table.name] for table in tables], dates):
        raise Damaged("; ".join(unreadable))
    return rows


def _dates(first: str, last: str) -> list[date]:
    start, end, tomorrow = parse_date(first, "first"), parse_date(last, "last"), clock().today + timedelta(days=1)
    if start > end:
        raise BadInput(f"first {start} is after last {end}")
    if end > tomorrow:
        raise BadInput(f"last {end} is after tomorrow, {tomorrow}")
    return days(start, end)


def _of_dates(view: str, rows: pl.DataFrame, dates: Sequence[date]) -> pl.DataFrame:
    """The rows of a view on these dates, sorted, with every integer as Int64."""
    if view == "season_record":
        is_of_dates = pl.col("season").is_between(season_start(dates[0]).year, season_start(dates[-1]).year)
    elif view in DATED_BY:
        is_of_dates = pl.col(DATED_BY[view]).dt.convert_time_zone(EASTERN_NAME).dt.date().is_between(dates[0], dates[-1])
    else:
        is_of_dates = pl.col("game_date").is_between(dates[0], dates[-1])
    plain = [name for name, kind in rows.schema.items() if not kind.is_nested()]
    return rows.filter(is_of_dates).with_columns(cs.integer().cast(pl.Int64)).sort(plain)

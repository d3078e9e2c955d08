"""The files of the archive: one landed parquet file, and the expected types of its columns."""

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from nba_pipeline.errors import BadInput

PROVIDER = "archive"
UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
INSTANTS, DATES = ("tipoff_utc", "commence_time_utc", "commence_time", "snapshot_at"), ("game_date",)
FLAGS = ("is_neutral", "starter", "is_latest_pregame", "is_active")
TEXTS = (
    "game_id",
    "event_game_id",
    "event_id",
    "odds_event_id",
    "tipoff_source",
    "team",
    "home_team",
    "away_team",
    "game_label",
    "game_sublabel",
    "arena_name",
    "arena_city",
    "player_name",
    "player_name_raw",
    "full_name",
    "market",
    "book",
)
"""Columns of the files by type. All other columns are numeric."""


@dataclass(frozen=True)
class ArchiveFile:
    """A landed archive file."""

    name: str
    ref: str
    body: bytes

    def scan(self, columns: Iterable[str]) -> pl.LazyFrame:
        """Returns the given columns. Raises BadInput naming file and column if one is missing or has another type."""
        frame = pl.scan_parquet(io.BytesIO(self.body))
        required, types = list(columns), frame.collect_schema()
        missing = [column for column in required if column not in types]
        if missing:
            raise BadInput(f"the archive's {self.name} has no column {', '.join(missing)}")
        mistyped = [f"{column} is {types[column]}" for column in required if not _has_expected_type(column, types[column])]
        if mistyped:
            raise BadInput(f"the archive's {self.name} has columns of another type: {', '.join(mistyped)}")
        # polars infers the type Null for an all-null column, which cannot be compared with other columns
        return frame.select(pl.col(name).cast(_type_of(name)) if types[name] == pl.Null else name for name in required)

    def columns(self, required: set[str]) -> list[str]:
        """Returns the optional columns that the file has, sorted."""
        return sorted(required & set(pl.scan_parquet(io.BytesIO(self.body)).collect_schema()))

    def problem(self) -> str | None:
        """Returns why the file cannot be read, or None if it can. Reads the whole file."""
        try:
            pl.read_parquet(io.BytesIO(self.body))
        except UNREADABLE as error:
            return str(error).splitlines()[0]
        return None


def _has_expected_type(column: str, dtype: pl.DataType) -> bool:
    """True if a column has its expected type. An all-null column is valid as any type."""
    if dtype == pl.Null:
        return True
    if column in INSTANTS:
        return isinstance(dtype, pl.Datetime) and dtype.time_zone is not None
    if column in DATES:
        return dtype == pl.Date
    if column in FLAGS:
        return dtype == pl.Boolean
    return dtype == pl.String if column in TEXTS else dtype.is_numeric()


def _type_of(column: str) -> pl.DataType:
    """Returns the type of an all-null column."""
    if column in INSTANTS:
        return pl.Datetime("us", "UTC")
    if column in DATES:
        return pl.Date()
    if column in FLAGS:
        return pl.Boolean()
    return pl.String() if column in TEXTS else pl.Int64()


def cast_rows(frame: pl.DataFrame, columns: Mapping[str, pl.DataType], file: ArchiveFile) -> pl.DataFrame:
    """Casts the columns to the given types. Raises BadInput, naming the file, for a value that does not fit."""
    try:
        return frame.select(pl.col(name).cast(dtype) for name, dtype in columns.items())
    except pl.exceptions.PolarsError as error:
        raise BadInput(f"the archive's {file.name} has an unusable value: {str(error).splitlines()[0]}") from None

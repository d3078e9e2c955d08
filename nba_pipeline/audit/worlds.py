"""Worlds: copies of the source tables that the leakage audit cuts by date and alters.

A world maps table names to source tables sorted by `game_date`, so that the rows before a date are a slice. Alterations
stay consistent: box scores still sum to the score of the game. An incomplete game would be excluded from every window, and
a leak would not show.

known_facts   removes facts that were unknown at an instant
box_scores    changes box scores
snapshots     adds lines and reports
nonsense      replaces facts that were unknown at tip-off
"""

from datetime import date, datetime, timedelta

import polars as pl

from nba_pipeline.audit.recompute import SOURCES, World

DAYS_OF_NONSENSE = 14
"""Days of nonsense data after the date; later dates have no rows. Longer than any window could look ahead."""

NEXT_NOON = timedelta(hours=36)
PLAYER = ["game_id", "player_id"]


def ordered(world: World) -> World:
    """Returns the sources of a world, sorted by date."""
    return {name: world[name].sort("game_date", maintain_order=True) for name in SOURCES}


def before(frame: pl.DataFrame, day: date) -> pl.DataFrame:
    """Returns the rows before a date. The frame must be sorted by date."""
    return frame.head(_place(frame, day))


def since(frame: pl.DataFrame, day: date) -> pl.DataFrame:
    """Returns the rows on or after a date. The frame must be sorted by date."""
    return frame.slice(_place(frame, day))


def between(frame: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """Returns the rows between two dates, both included. The frame must be sorted by date."""
    start = _place(frame, first)
    return frame.slice(start, _place(frame, last + timedelta(days=1)) - start)


def first_tipoff(world: World, day: date) -> datetime | None:
    """Returns the first scheduled tip-off of a date, or None if a game has no tip-off time."""
    tipoffs = between(world["schedule"], day, day).filter(pl.col("status") != "postponed")["tipoff_at"]
    first = None if tipoffs.has_nulls() or tipoffs.is_empty() else tipoffs.min()
    return first if isinstance(first, datetime) else None


def _place(frame: pl.DataFrame, day: date) -> int:
    return int(frame["game_date"].search_sorted(day, side="left")) if frame.height else 0


def after(frame: pl.DataFrame, day: date, rows: pl.DataFrame | None) -> pl.DataFrame:
    """Returns the rows before the date, followed by the given rows."""
    past = before(frame, day)
    return past if rows is None else pl.concat([past, rows.select(frame.columns)])


def with_columns_of(frame: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Returns the rows with the columns of a frame. Missing columns become null."""
    return pl.concat([frame.clear(), rows.select(name for name in frame.columns if name in rows.columns)], how="diagonal_relaxed")


def joined(frame: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Returns a frame with added rows, sorted by date. Missing columns become null."""
    return pl.concat([frame, with_columns_of(frame, rows)]).sort("game_date", maintain_order=True)

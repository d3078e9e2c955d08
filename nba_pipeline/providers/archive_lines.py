"""Rows of the archive's player and game lines in the columns of the source tables."""

from datetime import date

import polars as pl

from nba_pipeline.league.calendar import EASTERN_NAME
from nba_pipeline.league.teams import TEAM_OF_NAME
from nba_pipeline.providers.archive_files import ArchiveFile, cast_rows
from nba_pipeline.providers.archive_rows import is_on
from nba_pipeline.providers.odds_events import match_events

PROP_COLUMNS = {
    "game_date": pl.Date(),
    "game_id": pl.String(),
    "player_id": pl.Int64(),
    "market": pl.String(),
    "book": pl.String(),
    "line_half_points": pl.Int64(),
    "snapshot_at": pl.Datetime("us", "UTC"),
    "line": pl.Float64(),
    "over_price": pl.Int64(),
    "under_price": pl.Int64(),
    "tipoff_at": pl.Datetime("us", "UTC"),
    "is_before_tipoff": pl.Boolean(),
    "spelling": pl.String(),
    "odds_event_id": pl.String(),
    "captured_at": pl.Datetime("us", "UTC"),
    "request_format": pl.String(),
    "is_latest_pregame": pl.Boolean(),
    "source": pl.String(),
    "problem": pl.String(),
}

GAME_LINE_COLUMNS = {
    "game_date": pl.Date(),
    "game_id": pl.String(),
    "market": pl.String(),
    "book": pl.String(),
    "outcome": pl.String(),
    "line_half_points": pl.Int64(),
    "line": pl.Float64(),
    "price": pl.Int64(),
    "snapshot_at": pl.Datetime("us", "UTC"),
    "tipoff_at": pl.Datetime("us", "UTC"),
    "is_before_tipoff": pl.Boolean(),
    "odds_event_id": pl.String(),
    "captured_at": pl.Datetime("us", "UTC"),
    "request_format": pl.String(),
    "source": pl.String(),
    "problem": pl.String(),
}

PROPS = (
    "odds_event_id",
    "market",
    "book",
    "player_name_raw",
    "line",
    "over_odds",
    "under_odds",
    "commence_time_utc",
    "game_date",
    "home_team",
    "away_team",
    "snapshot_at",
    "is_latest_pregame",
    "event_game_id",
)
GAME_LINES = ("event_id", "home_team", "away_team", "commence_time", "spread_point", "total_point")
CONSENSUS = "consensus"
"""The book of the archive's game lines: one value per event, averaged over unnamed books."""
GAME_OUTCOMES = (
    ("spreads", "home", 1, "spread_point"),
    ("spreads", "away", -1, "spread_point"),
    ("totals", "over", 1, "total_point"),
    ("totals", "under", 1, "total_point"),
)
"""Market, outcome, sign and column of the four rows per event of the archive."""


def prop_line_rows(file: ArchiveFile, tipoffs: pl.DataFrame, days: list[date]) -> pl.DataFrame:
    """Returns the player lines of some dates in PROP_COLUMNS. `tipoffs` has the game_id and tipoff_utc of the games."""
    props = file.scan(PROPS).filter(is_on(days)).collect()
    rows = props.join(tipoffs, left_on="event_game_id", right_on="game_id", how="left", maintain_order="left")
    earlier = pl.min_horizontal("tipoff_utc", "commence_time_utc")
    tipoff_at = pl.when(pl.col("tipoff_utc").is_not_null()).then(earlier)
    no_game = pl.format("no game id for {} at {}", "away_team", "home_team")
    shaped = rows.with_columns(
        pl.col("event_game_id").alias("game_id"),
        pl.lit(None, pl.Int64).alias("player_id"),
        (pl.col("line") * 2).alias("line_half_points"),
        pl.col("over_odds").alias("over_price"),
        pl.col("under_odds").alias("under_price"),
        tipoff_at.alias("tipoff_at"),
        (pl.col("snapshot_at") < tipoff_at).alias("is_before_tipoff"),
        pl.col("player_name_raw").alias("spelling"),
        pl.lit(None, pl.Datetime("us", "UTC")).alias("captured_at"),
        pl.lit("american").alias("request_format"),
        pl.lit(file.ref).alias("source"),
        pl.when(pl.col("event_game_id").is_null()).then(no_game).alias("problem"),
    )
    return _merge_repeated_captures(cast_rows(shaped, PROP_COLUMNS, file))


def game_line_rows(file: ArchiveFile, games: pl.DataFrame, days: list[date]) -> pl.DataFrame:
    """Returns the game lines of some dates in GAME_LINE_COLUMNS. `games` has the games of whole seasons."""
    events = _events(file.scan(GAME_LINES).collect())
    # match against whole seasons, so that an event's game does not depend on the requested dates
    matched = events.join(match_events(events, games), on="odds_event_id", how="left", maintain_order="left").join(
        games.select("game_id", "tipoff_utc", scheduled="game_date", scheduled_home="home_team"),
        on="game_id",
        how="left",
        maintain_order="left",
    )
    requested = matched.with_columns(pl.coalesce("scheduled", "game_date").alias("game_date")).filter(is_on(days))
    parts = [_outcome_rows(requested, *outcome) for outcome in GAME_OUTCOMES]
    half_points = 2 * pl.col("line")
    rows = (
        pl.concat(parts)
        .filter(pl.col("line").is_not_null())
        .with_columns(
            half_points.round().alias("line_half_points"),
            pl.lit(CONSENSUS).alias("book"),
            pl.when(pl.col("tipoff_utc").is_not_null()).then(pl.min_horizontal("tipoff_utc", "commence_time")).alias("tipoff_at"),
            *[pl.lit(None).alias(name) for name in ("price", "snapshot_at", "is_before_tipoff", "captured_at")],
            pl.lit("american").alias("request_format"),
            pl.lit(file.ref).alias("source"),
            pl.when(pl.col("game_id").is_null())
            .then(pl.format("event {} matches no game of the schedule", "odds_event_id"))
            .when(half_points != half_points.round())
            .then(pl.format("{} of {} is no whole number of half points", "market", "line"))
            .alias("problem"),
        )
    )
    return cast_rows(rows, GAME_LINE_COLUMNS, file)


def _events(lines: pl.DataFrame) -> pl.DataFrame:
    """Returns the events of the game lines in the columns of `match_events`, with the Eastern date of their start."""
    teams = pl.col("home_team", "away_team").replace_strict(TEAM_OF_NAME, default=None)
    return lines.rename({"event_id": "odds_event_id"}).with_columns(
        teams, pl.col("commence_time").dt.convert_time_zone(EASTERN_NAME).dt.date().alias("game_date")
    )


def _outcome_rows(events: pl.DataFrame, market: str, outcome: str, sign: int, column: str) -> pl.DataFrame:
    """Returns one outcome per event, relative to the schedule's home team. Events at neutral sites may swap home and away."""
    is_swapped = pl.col("scheduled_home") == pl.col("away_team")
    value = pl.col(column).cast(pl.Float64)
    line = value if market == "totals" else pl.when(is_swapped).then(0 - value).otherwise(value)
    return events.with_columns(
        pl.lit(market).alias("market"), pl.lit(outcome).alias("outcome"), (line if sign > 0 else 0 - line).alias("line")
    )


def _merge_repeated_captures(lines: pl.DataFrame) -> pl.DataFrame:
    """Merges rows that differ only in `is_latest_pregame`. The flag of a merged row is true if it is true for one of them.

    Without `snapshot_at`, repeated captures of an unchanged line are identical (3,154 rows of pick'em sites).
    """
    key = [column for column in lines.columns if column != "is_latest_pregame"]
    return lines.group_by(key, maintain_order=True).agg(pl.col("is_latest_pregame").max()).select(lines.columns)

"""Rows of the archive's games and box scores in the columns of the source tables."""

from datetime import date

import polars as pl

from nba_pipeline.league.calendar import season_of_game_date
from nba_pipeline.providers import SEASON_TYPES
from nba_pipeline.providers.archive_files import PROVIDER, ArchiveFile, cast_rows
from nba_pipeline.providers.columns import BOXSCORE_COLUMNS, SCHEDULE_COLUMNS, STATISTICS, TEAM_BOXSCORE_COLUMNS

STATUSES = {1: "scheduled", 2: "live", 3: "final"}
GAMES = (
    "game_id",
    "game_date",
    "tipoff_utc",
    "tipoff_source",
    "home_team",
    "away_team",
    "home_pts",
    "away_pts",
    "status",
    "is_neutral",
    "game_label",
    "game_sublabel",
    "arena_name",
    "arena_city",
)
BOXSCORES = (
    "game_id",
    "game_date",
    "player_id",
    "player_name",
    "team",
    "starter",
    "minutes",
    "plus_minus",
    *STATISTICS,
)
TEAM_TOTALS = {
    "points": "pts",
    "rebounds": "reb",
    "assists": "ast",
    "steals": "stl",
    "blocks": "blk",
    "turnovers": "tov",
    "fouls": "pf",
}
"""Column -> suffix of its name in a games file, if they differ."""


def schedule_rows(file: ArchiveFile, boxscores: ArchiveFile, days: list[date]) -> pl.DataFrame:
    """Returns the games of some dates in the columns of `schedule`, from the games and box scores of a season."""
    played = boxscores.scan(["game_id"]).select(competition()).unique().collect()
    points = [
        pl.when(pl.col("status") == "final").then(side).alias(name)
        for side, name in (("home_pts", "home_points"), ("away_pts", "away_points"))
    ]
    rows = file.scan(GAMES).filter(is_on(days) & competition().is_in(list(SEASON_TYPES))).collect()
    has_scores = pl.col("home_pts").is_not_null() & pl.col("away_pts").is_not_null()
    status = pl.col("status").replace_strict(STATUSES, default="unknown", return_dtype=pl.String)
    shaped = rows.with_columns(
        season_of_game_date(),
        competition().replace_strict(SEASON_TYPES).alias("season_type"),
        pl.col("tipoff_utc").alias("tipoff_at"),
        pl.when((status == "final") & ~has_scores).then(pl.lit("unknown")).otherwise(status).alias("status"),
        pl.lit(None, pl.String).alias("status_text"),
        _joined("game_label", "game_sublabel").alias("game_label"),
        _joined("arena_name", "arena_city").alias("arena"),
        competition().is_in(played["competition"].to_list()).alias("has_boxscore_source"),
        pl.lit(file.ref).alias("source"),
        pl.lit(None, pl.String).alias("problem"),
    ).with_columns(points)
    return cast_rows(shaped, SCHEDULE_COLUMNS, file)


def boxscore_rows(file: ArchiveFile, games_file: ArchiveFile, season: str, days: list[date]) -> pl.DataFrame:
    """Returns the box scores of some dates in the columns of `boxscores`. Rows of an unknown game have a `problem`."""
    games = games_file.scan(["game_id", "home_team", "away_team", "home_pts", "away_pts"])
    rows = file.scan(BOXSCORES).filter(is_on(days) & competition().is_in(list(SEASON_TYPES)))
    is_home = pl.col("team") == pl.col("home_team")
    shaped = rows.join(games, on="game_id", how="left", maintain_order="left").with_columns(
        season_of_game_date(),
        pl.when(is_home).then("away_team").otherwise("home_team").alias("opponent"),
        is_home.alias("is_home"),
        pl.lit(True).alias("did_play"),
        pl.lit("played").alias("status"),
        pl.lit(None, pl.String).alias("reason"),
        pl.col("starter").alias("is_starter"),
        pl.lit(None, pl.Int64).alias("seconds"),
        pl.lit("rounded").alias("minutes_precision"),
        pl.when(is_home).then("home_pts").otherwise("away_pts").alias("team_points"),
        pl.lit(PROVIDER).alias("provider"),
        pl.lit(file.ref).alias("source"),
        pl.when(pl.col("home_team").is_null())
        .then(pl.format("game {} is not in the games file of {}", "game_id", pl.lit(season)))
        .alias("problem"),
    )
    return cast_rows(shaped.collect(), BOXSCORE_COLUMNS, file)


def team_boxscore_rows(file: ArchiveFile, days: list[date]) -> pl.DataFrame:
    """Returns the team totals of some dates in the columns of `team_boxscores`. Games without totals are omitted."""
    totals = {name: TEAM_TOTALS.get(name, name) for name in STATISTICS}
    columns = [f"{side}_{end}" for side in ("home", "away") for end in ("team", *totals.values())]
    games = file.scan(["game_id", "game_date", *columns]).filter(is_on(days) & competition().is_in(list(SEASON_TYPES)))
    sides = [
        games.select(
            "game_date",
            "game_id",
            season_of_game_date(),
            pl.col(f"{side}_team").alias("team"),
            pl.col(f"{other}_team").alias("opponent"),
            pl.lit(side == "home").alias("is_home"),
            *[pl.col(f"{side}_{end}").alias(name) for name, end in totals.items()],
            pl.lit(None, pl.Int64).alias("seconds"),
            pl.lit(None, pl.Int64).alias("periods"),
            pl.lit(False).alias("is_reconstructed"),
            pl.lit(PROVIDER).alias("provider"),
            pl.lit(file.ref).alias("source"),
            pl.lit(None, pl.String).alias("problem"),
        )
        for side, other in (("home", "away"), ("away", "home"))
    ]
    has_totals = pl.all_horizontal(pl.col(name).is_not_null() for name in totals).all().over("game_id")
    rows = pl.concat(sides, how="vertical_relaxed").collect().filter(has_totals).sort("game_date", "game_id", "is_home")
    return cast_rows(rows, TEAM_BOXSCORE_COLUMNS, file)


def is_on(days: list[date]) -> pl.Expr:
    """Filter for the rows of some dates. `days` is sorted."""
    return pl.col("game_date").is_between(days[0], days[-1]) & pl.col("game_date").is_in(days)


def competition() -> pl.Expr:
    """The competition of a game: the first three digits of its id."""
    return pl.col("game_id").str.slice(0, 3).alias("competition")


def _joined(*columns: str) -> pl.Expr:
    """Joins two texts with a comma. Null if both are null."""
    text = pl.concat_str(*columns, separator=", ", ignore_nulls=True)
    return pl.when(text != "").then(text)

"""Decides which expected players may be predicted, and with which run kind and market line. Pure functions of tables."""

from datetime import datetime

import polars as pl

from nba_pipeline.completeness.not_played import IS_CALLED_POSTPONED, OFF
from nba_pipeline.league.calendar import eastern_date
from nba_pipeline.settings import SETTINGS

PLAYER_GAME = ("game_id", "player_id")


def judge_players(
    upcoming_players: pl.DataFrame, features: pl.DataFrame, schedule: pl.DataFrame, lines: pl.DataFrame, now: datetime
) -> pl.DataFrame:
    """Returns one row per expected player and game, with run kind, usable line and `reason`, which is null for eligible players.

    Args:
        upcoming_players: One row per expected player and game.
        features: One row per player and game.
        schedule: The games of the dates.
        lines: One row per player and game: the market line, and the price-adjusted line.
        now: Instant of the run.
    """
    games = schedule.select("game_id", "game_date", "status", "status_text", "tipoff_at")
    on = ["game_date", *PLAYER_GAME]
    feature_columns = features.select(
        *on,
        "minutes_mean_last_10_games",
        "minutes_half_life_5_games",
        "plays_probability",
        "injury_status",
        "injury_risk_level",
        pl.col("code_version").alias("feature_version"),
        pl.lit(True).alias("has_features"),
    )
    market = lines.select(
        *PLAYER_GAME, "line", "adjusted_line", "book", "line_source", pl.col("snapshot_at").alias("line_snapshot_at")
    )
    is_usable = pl.col("line_snapshot_at") < pl.col("tipoff_at")
    return (
        upcoming_players.select("game_date", *PLAYER_GAME, "season", "player_name", "team", "opponent", "injury_snapshot_at")
        .join(games, on=["game_id", "game_date"], how="left")
        .join(feature_columns, on=on, how="left")
        .join(_teammates_listed(features), on=PLAYER_GAME, how="left")
        .join(market, on=PLAYER_GAME, how="left")
        .with_columns(
            pl.when(is_usable).then(pl.col(name)).alias(name)
            for name in ("line", "adjusted_line", "book", "line_source", "line_snapshot_at")
        )
        .with_columns(_run_kind(now).alias("run_kind"), _ineligible().alias("reason"), _plays_little().alias("has_few_minutes"))
        .with_columns(_is_injury_unknown().alias("is_injury_unknown"))
    )


def _teammates_listed(features: pl.DataFrame) -> pl.DataFrame:
    """Returns per player and game the rotation teammates with a listed or unknown status, as text; null without a report.

    A teammate with unknown minutes counts as part of the rotation.
    """
    side, is_known = ["game_id", "team"], pl.col("injury_risk_level").is_not_null()
    status = pl.coalesce("injury_status", pl.when(~is_known).then(pl.lit("unknown")))
    entries = features.filter(
        (pl.col("minutes_mean_last_10_games") >= SETTINGS.predicting.rotation_minutes).fill_null(True), status.is_not_null()
    ).select(*side, pl.col("player_id").alias("teammate"), pl.format("{} {}", "player_id", status).alias("teammates_listed"))
    listed = (
        features.select(*PLAYER_GAME, "team")
        .join(entries.sort("teammate"), on=side, maintain_order="right")
        .filter(pl.col("teammate") != pl.col("player_id"))
        .group_by(PLAYER_GAME, maintain_order=True)
        .agg(pl.col("teammates_listed").str.join(", "))
    )
    has_report = features.select(*PLAYER_GAME, is_known.any().over(side).alias("has_report"))
    text = pl.when("has_report").then(pl.col("teammates_listed").fill_null("")).alias("teammates_listed")
    return has_report.join(listed, on=PLAYER_GAME, how="left").select(*PLAYER_GAME, text)


def _is_injury_unknown() -> pl.Expr:
    """Whether an unknown injury status forbids a bet. A backtest without a report of the team is exempt."""
    has_report = pl.col("injury_snapshot_at").is_not_null()
    return pl.col("injury_risk_level").is_null() & (has_report | (pl.col("run_kind") == "live"))


def _run_kind(now: datetime) -> pl.Expr:
    """Returns `live` before tip-off. With an unknown tip-off, a game that is scheduled for today or later is live."""
    is_upcoming = (
        pl.when(pl.col("tipoff_at").is_not_null())
        .then((pl.col("tipoff_at") > now) & pl.col("status").is_in(["scheduled", "unknown", "postponed"]))
        .otherwise((pl.col("game_date") >= eastern_date(now)) & (pl.col("status") == "scheduled"))
    )
    return pl.when(is_upcoming).then(pl.lit("live")).otherwise(pl.lit("backtest"))


def _ineligible() -> pl.Expr:
    """Returns the reason why no system may predict an expected player, or null."""
    settings = SETTINGS.predicting
    below = pl.format(f"no line, and {{}} minutes per game is below {settings.least_minutes:g}", _usual_minutes().round(1))
    return (
        pl.when(pl.col("status").is_null())
        .then(pl.lit("the game is not in the schedule of the date"))
        .when((pl.col("status") == OFF) & IS_CALLED_POSTPONED)
        .then(pl.lit("the game is postponed"))
        .when(pl.col("status") == OFF)
        .then(pl.lit("the game is not played"))
        .when(pl.col("has_features").is_null())
        .then(pl.lit("no row in features"))
        .when(pl.col("line").is_null() & _plays_little())
        .then(below.fill_null("no line, and minutes per game are unknown"))
    )


def _usual_minutes() -> pl.Expr:
    """Minutes per game over the last 10 games of the season; below 5 games, over the latest games of any season."""
    return pl.coalesce("minutes_mean_last_10_games", "minutes_half_life_5_games")


def _plays_little() -> pl.Expr:
    return (_usual_minutes() < SETTINGS.predicting.least_minutes).fill_null(True)

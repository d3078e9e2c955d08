"""Drift between training and serving: feature ranges in the training rows, and the share of served values outside of them."""

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta

import polars as pl

from nba_pipeline.settings import SETTINGS
from nba_pipeline.systems.interface import TrainedSystem

OUTER_SHARE = 0.005
"""Share of the training rows below a feature's range. The same share is above it."""

Range = tuple[float | None, float | None, float]
"""Low and high end of the central 99 % of a feature's known values (null if none is known), and the share of nulls."""

DRIFT = {"game_date": pl.Date, "system_id": pl.String, "feature": pl.String, "share": pl.Float64}


def drift_of_dates(
    dates: Sequence[date], features: pl.DataFrame, points_model: pl.DataFrame, systems: Sequence[TrainedSystem]
) -> pl.DataFrame:
    """Returns the share of values unlike the training rows, one row per date, system and compared feature.

    For each date, the values of the last days up to it are compared with the models of its week. Models with less than a year
    of games are not compared, nor are models of earlier versions, which recorded no ranges.

    Args:
        dates: The dates to compare.
        features: Rows of `features` of these dates and of the days before, see `first_date`.
        points_model: Rows of `points_model` of the weeks of the dates.
        systems: The trained systems.
    """
    has_a_year = pl.col("train_end_date") - pl.col("train_start_date") >= timedelta(days=SETTINGS.training.least_days)
    rows = points_model.filter(pl.col("feature_ranges").is_not_null(), has_a_year)
    ranges = {
        (week, name): json.loads(text) for week, name, text in rows.select("game_date", "system_id", "feature_ranges").iter_rows()
    }
    shares = []
    for day in dates:
        served = features.filter(pl.col("game_date").is_between(first_date(day), day))
        for system in systems:
            of_week = ranges.get((day - timedelta(days=day.weekday()), system.model_name), {})
            shares += [(day, system.model_name, name, share) for name, share in drift(served, system, of_week).items()]
    return pl.DataFrame(shares, schema=DRIFT, orient="row")


def judge_drift(shares: pl.DataFrame, dates: Sequence[date]) -> pl.DataFrame:
    """Returns one row per date: passed, missing (the drifted features with their shares), features_drifted, largest_drift.

    `largest_drift` is null on a date without a compared feature; the date passes.
    """
    is_drifted = pl.col("share") > SETTINGS.training.drift_share
    percent = (100 * pl.col("share")).round().cast(pl.Int64)
    name = pl.format("{}: {} ({}%)", "system_id", "feature", percent)
    by_date = shares.group_by("game_date").agg(
        name.filter(is_drifted).alias("missing"),
        is_drifted.sum().cast(pl.Int64).alias("features_drifted"),
        pl.col("share").max().alias("largest_drift"),
    )
    rows = pl.DataFrame({"game_date": dates}, schema={"game_date": pl.Date}).join(by_date, on="game_date", how="left")
    return (
        rows.sort("game_date")
        .with_columns(pl.col("features_drifted").fill_null(0), pl.col("missing").fill_null([]))
        .with_columns((pl.col("features_drifted") == 0).alias("passed"))
    )


def first_date(day: date) -> date:
    """Returns the first of the dates whose values are compared for a date."""
    return day - timedelta(days=SETTINGS.training.drift_days - 1)


def feature_ranges(rows: pl.DataFrame, names: Sequence[str]) -> dict[str, Range]:
    """Returns feature -> its range in the rows."""
    values = rows.select(
        *[pl.col(name).quantile(OUTER_SHARE, "linear").alias(f"{name} low") for name in names],
        *[pl.col(name).quantile(1 - OUTER_SHARE, "linear").alias(f"{name} high") for name in names],
        *[pl.col(name).is_null().mean().alias(f"{name} null") for name in names],
    ).row(0, named=True)
    return {name: (values[f"{name} low"], values[f"{name} high"], values[f"{name} null"] or 0.0) for name in names}


def drift(features: pl.DataFrame, system: TrainedSystem, ranges: Mapping[str, Range]) -> dict[str, float]:
    """Returns feature -> the share of values unlike the training rows, see `unlike_shares`; empty with too few rows.

    Rows of a player's first games of the season do not count: their features differ from those of most training rows.
    """
    rows = system.learnable(features.filter(pl.col("games_played_season") >= SETTINGS.predicting.least_games))
    return unlike_shares(rows, ranges) if rows.height >= SETTINGS.training.drift_least_rows else {}


def unlike_shares(rows: pl.DataFrame, ranges: Mapping[str, Range]) -> dict[str, float]:
    """Returns feature -> the larger of two numbers: share of its known values outside its range, and rise of its share of nulls.

    The first is 0 if no value is known. A feature without a known value in training has no range and is not compared.
    """
    shares = rows.select(
        pl.max_horizontal(
            (~pl.col(name).is_between(low, high)).mean().fill_null(0.0), pl.col(name).is_null().mean() - null_share
        ).alias(name)
        for name, (low, high, null_share) in ranges.items()
        if low is not None and name in rows.columns
    )
    return shares.row(0, named=True) if rows.height and shares.width else {}

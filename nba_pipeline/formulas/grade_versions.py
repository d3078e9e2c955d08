"""Versions of grades: which grades the ledger lacks, their version numbers, and what changed since the latest one."""

import polars as pl

GRADED = ("game_id", "player_id", "system_id", "market", "run_kind")
"""Grade versions are numbered within these columns."""

OF_A_DATE = ("game_date", *GRADED)
COMPARED = ("actual_value", "did_play", "outcome", "prediction_id")
"""A difference in one of these columns makes a new grade version."""


def new_grades(graded: pl.DataFrame, ledger: pl.DataFrame, predictions: pl.DataFrame) -> pl.DataFrame:
    """Returns the grades that are new or differ from the latest of their date, with version and reason."""
    latest = ledger.sort("grade_version").group_by(OF_A_DATE).last().select(*OF_A_DATE, *COMPARED)
    versions = ledger.group_by(GRADED).agg(pl.col("grade_version").max())
    numbers = predictions.select(pl.col("prediction_id", "version").name.suffix("_before"))
    rows = (
        graded.join(latest.with_columns(pl.lit(True).alias("is_graded")), on=OF_A_DATE, how="left", suffix="_before")
        .join(versions, on=GRADED, how="left")
        .join(numbers.unique("prediction_id_before"), on="prediction_id_before", how="left")
    )
    changes = [
        _change(pl.col("market").str.strip_prefix("player_"), "actual_value"),
        _change(pl.lit("played"), "did_play"),
        _change(pl.lit("outcome"), "outcome"),
    ]
    has_new_prediction = pl.col("prediction_id_before").ne_missing(pl.col("prediction_id"))
    version_change = _from_to(pl.lit("prediction version"), pl.col("version_before"), pl.col("version"))
    changes.append(pl.when(has_new_prediction).then(version_change))
    reason = pl.concat_str(changes, separator=", ", ignore_nulls=True)
    is_new, is_changed = pl.col("is_graded").is_null(), pl.any_horizontal(part.is_not_null() for part in changes)
    return rows.filter(is_new | is_changed).with_columns(
        (pl.col("grade_version").fill_null(0) + 1).alias("grade_version"),
        pl.when(~is_new).then(reason).alias("regrade_reason"),
    )


def _change(label: pl.Expr, name: str) -> pl.Expr:
    """Returns a change as "points 20 -> 22", or null if the latest grade has the same value."""
    before, now = pl.col(f"{name}_before"), pl.col(name)
    return pl.when(before.ne_missing(now)).then(_from_to(label, before, now))


def _from_to(label: pl.Expr, before: pl.Expr, now: pl.Expr) -> pl.Expr:
    return pl.format("{} {} -> {}", label, *(value.cast(pl.String).fill_null("none") for value in (before, now)))

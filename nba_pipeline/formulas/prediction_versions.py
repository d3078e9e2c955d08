"""Versions of predictions: which predictions the ledger lacks, their version numbers, and hashes of their inputs."""

import hashlib
from collections.abc import Sequence

import polars as pl

from nba_pipeline.formulas.recommendation import HALTED, INJURY_STATUS_UNKNOWN, MISSING_REQUIRED, MODEL_STATE

PLAYER_GAME = ("game_id", "player_id")
PREDICTED = (*PLAYER_GAME, "system_id", "market", "run_kind")
"""Versions are numbered within these columns."""

IDENTITY = [
    pl.col(name).cast(pl.String).fill_null("")
    for name in (
        *PREDICTED,
        "version",
        "game_date",
        "system_version",
        "model_id",
        "features_hash",
        "line",
        "book",
        "line_snapshot_at",
    )
]
"""Columns hashed into `prediction_id`: the key and the inputs, without the instant of the prediction."""

HASH_LENGTH = 16


def new_versions(predictions: pl.DataFrame, ledger: pl.DataFrame, *, material_move: float) -> pl.DataFrame:
    """Returns the rows that are new or need another version, with `version` and `prediction_id`.

    A row needs another version after one of these changes:

    - the line moves by `material_move` points or more
    - required features arrive
    - the player or a rotation teammate has a new injury status
    - a halt, or a decay state without bets, starts or ends
    - the game moves to another date

    A key with a live prediction gets no backtest.
    """
    compared = ("version", "game_date", "line", "reasons", "injury_status", "teammates_listed")
    latest = (
        ledger.sort("version")
        .group_by(PREDICTED)
        .last()
        .select(*PREDICTED, *(pl.col(name).alias(f"{name}_before") for name in compared))
    )
    live = ledger.filter(pl.col("run_kind") == "live").select("game_date", *PLAYER_GAME, "system_id", "market", "run_kind")
    before = {name: pl.col(f"{name}_before") for name in compared}
    line, arrived = pl.col("line"), ~pl.col("lacks_required") & before["reasons"].list.contains(MISSING_REQUIRED)
    was_unknown = before["reasons"].list.contains(INJURY_STATUS_UNKNOWN)
    is_due = pl.any_horizontal(
        before["version"].is_null(),
        before["game_date"] != pl.col("game_date"),
        line.is_null() != before["line"].is_null(),
        (line - before["line"]).abs() >= material_move,
        arrived,
        pl.col("injury_status").ne_missing(before["injury_status"]),
        pl.col("teammates_listed") != before["teammates_listed"],  # null in rows of earlier code versions, which lack the column
        pl.col("is_injury_unknown") != was_unknown,
        *(pl.col("reasons").list.contains(name) != before["reasons"].list.contains(name) for name in (HALTED, MODEL_STATE)),
    ).fill_null(False)
    has_live = pl.col("run_kind_live").is_not_null() & (pl.col("run_kind") == "backtest")
    due = (
        predictions.join(latest, on=PREDICTED, how="left")
        .join(live.unique(), on=["game_date", *PLAYER_GAME, "system_id", "market"], how="left", suffix="_live")
        .filter(is_due & ~has_live)
        .with_columns((before["version"].fill_null(0) + 1).alias("version"))
    )
    identities = due.select(pl.concat_list(IDENTITY).list.join("|")).to_series()
    return due.with_columns(_hashes(identities).alias("prediction_id"))


def features_hash(features: pl.DataFrame, names: Sequence[str]) -> pl.DataFrame:
    """Returns game_id, player_id and a hash of the row's values of the named features. The hash is the same in every process."""
    values = features.select(pl.struct(pl.col(names).cast(pl.Float64)).struct.json_encode()).to_series()
    return features.select(*PLAYER_GAME, _hashes(values).alias("features_hash"))


def _hashes(texts: pl.Series) -> pl.Series:
    # sha256, because the hash of polars differs between versions and processes
    return pl.Series([hashlib.sha256(text.encode()).hexdigest()[:HASH_LENGTH] for text in texts], dtype=pl.String)

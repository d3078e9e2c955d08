"""Records of graded predictions per market, run kind and system, beside the line's. They are computed from `grades`."""

from typing import Any

import polars as pl

from nba_pipeline.evaluation.metrics import mean_of, share_of
from nba_pipeline.evaluation.records import MARKET
from nba_pipeline.formulas.bets import gap

COLUMNS = (
    "system_id",
    "market",
    "run_kind",
    "game_id",
    "player_id",
    "outcome",
    "predicted_value",
    "actual_value",
    "line",
    "absolute_error",
)
"""Columns of `grades` that a record needs."""

RECORD = (
    dict.fromkeys(("system_id", "market", "run_kind"), pl.String)
    | dict.fromkeys(("graded", "bets", "pushes", "voids", "no_bets"), pl.Int64)
    | dict.fromkeys(("hit_rate", "hit_rate_low", "hit_rate_high"), pl.Float64)
    | {"lined": pl.Int64}
    | dict.fromkeys(("mae", "mae_all", "gap", "gap_high"), pl.Float64)
)
"""The columns of a record."""


def record_of(grades: pl.DataFrame) -> pl.DataFrame:
    """Returns one row per market, run kind and system: counts of outcomes, hit rate, errors, and the gap to the line.

    The gap is the mean absolute error minus that of the line, over the predictions of players who played and had a line. The
    system `market` is the line itself, over the player-games that have one.
    """
    rows = grades.sort("system_id", "game_id", "player_id")
    records = list[dict[str, Any]]()
    for (market, kind), of_kind in rows.partition_by("market", "run_kind", as_dict=True).items():
        for (system,), part in of_kind.partition_by("system_id", as_dict=True, maintain_order=True).items():
            records.append({"system_id": system, "market": market, "run_kind": kind, **_of_system(part)})
        lines = of_kind.unique(["game_id", "player_id", "line"], maintain_order=True)
        records.append({"system_id": MARKET, "market": market, "run_kind": kind, **_of_line(lines)})
    is_the_line = pl.col("system_id") == MARKET
    return pl.DataFrame(records, schema=RECORD).sort("market", "run_kind", is_the_line, "system_id")


def _of_system(rows: pl.DataFrame) -> dict[str, Any]:
    counts = {name: (rows["outcome"] == outcome).sum() for name, outcome in _OUTCOMES.items()}
    won = pl.when(pl.col("outcome") == "WIN").then(1.0).when(pl.col("outcome") == "LOSS").then(0.0)
    hits, gaps = share_of(rows.select(won).to_series()), mean_of(rows.select(gap("predicted_value", "line")).to_series())
    lined = rows.filter(pl.col("line").is_not_null())
    return {
        "graded": rows.height,
        "bets": hits.n,
        **counts,
        "hit_rate": hits.value,
        "hit_rate_low": hits.low,
        "hit_rate_high": hits.high,
        "lined": gaps.n,
        "mae": mean_of(lined["absolute_error"]).value,
        "mae_all": mean_of(rows["absolute_error"]).value,
        "gap": gaps.value,
        "gap_high": gaps.high,
    }


_OUTCOMES = {"pushes": "PUSH", "voids": "VOID", "no_bets": "NO_BET"}


def _of_line(rows: pl.DataFrame) -> dict[str, Any]:
    error = mean_of(rows.select((pl.col("actual_value") - pl.col("line")).abs()).to_series())
    return {"lined": error.n, "mae": error.value}

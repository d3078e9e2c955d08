"""Flags results that are too good. Each counts as a leak until target ablation and an audit of the lines prove otherwise."""

from collections.abc import Collection

import polars as pl

from nba_pipeline.evaluation.metrics import rounded
from nba_pipeline.formulas.markets import POINTS, Market
from nba_pipeline.settings import SETTINGS


def suspicions(records: pl.DataFrame, contains_the_line: Collection[str], market: Market = POINTS) -> list[str]:
    """Returns a message per result beyond the limits of `settings.Evaluation`, from the overall and edge rows of `records`."""
    messages = list[str]()
    unit = SETTINGS.predicting.edge_of_a_point(market.name)
    for row in records.filter(pl.col("group") == "all").iter_rows(named=True):
        messages += _of_errors(row, unit, blends=row["system_id"] in contains_the_line)
    for points, bets, limit in SETTINGS.evaluation.suspect_hit_rates:
        least = rounded(points * unit)
        edges = records.filter(pl.col("group") == "edge", pl.col("value") == f"at least {least:g}")
        messages += [
            f"SUSPECT A LEAK: {row['system_id']} wins {row['hit_rate']:.1%} of {row['hit_rate_n']:,} bets at an edge of at least {least:g}"
            for row in edges.iter_rows(named=True)
            if row["hit_rate"] is not None and row["hit_rate_n"] >= bets and row["hit_rate"] > limit
        ]
    return messages


def _of_errors(row: dict[str, object], unit: float, *, blends: bool) -> list[str]:
    limits, name = SETTINGS.evaluation, row["system_id"]
    lead, n = row["gap"], row["gap_n"]
    limit = unit * (-limits.suspect_blend_gain if blends else limits.suspect_gap)
    messages = []
    if isinstance(lead, float) and isinstance(n, int) and n >= limits.suspect_rows and lead < limit:
        messages.append(f"SUSPECT A LEAK: the gap of {name} is {lead:+.4f} over {n:,} rows, below {limit:+.3g}")
    lead, n = row["log_loss_gap"], row["log_loss_gap_n"]
    if isinstance(lead, float) and isinstance(n, int) and n >= limits.suspect_rows and lead < -limits.suspect_log_loss_gain:
        messages.append(f"SUSPECT A LEAK: the log loss of {name} minus the market's is {lead:+.5f} over {n:,} rows")
    return messages

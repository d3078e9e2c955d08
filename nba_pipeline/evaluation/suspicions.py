"""Flags results that are too good. Each counts as a leak until target ablation and an audit of the lines prove otherwise."""

from collections.abc import Collection, Mapping

import polars as pl

from nba_pipeline.formulas.markets import POINTS, Market
from nba_pipeline.settings import SETTINGS


def suspicions(records: pl.DataFrame, contains_the_line: Collection[str], market: Market = POINTS) -> list[str]:
    """Returns a message per result beyond the limits of `settings.Evaluation`, from the overall and edge rows of `records`.

    Outside of the points market, only the log loss is judged. Books of a statistic with low counts move the prices and rarely
    the line, so that the line is not the median: on real rebounds, bets on the side that the prices favor win 55.7 % (n = 3,601)
    and lose money.
    """
    overall = records.filter(pl.col("group") == "all").rows(named=True)
    of_log_loss = [message for row in overall for message in _of_log_loss(row)]
    if market != POINTS:
        return of_log_loss
    of_gaps = [message for row in overall for message in _of_gap(row, blends=row["system_id"] in contains_the_line)]
    return [*of_gaps, *of_log_loss, *_of_hit_rates(records)]


def _of_hit_rates(records: pl.DataFrame) -> list[str]:
    messages = list[str]()
    for least, bets, limit in SETTINGS.evaluation.suspect_hit_rates:
        edges = records.filter(pl.col("group") == "edge", pl.col("value") == f"at least {least:g}")
        messages += [
            f"SUSPECT A LEAK: {row['system_id']} wins {row['hit_rate']:.1%} of {row['hit_rate_n']:,} bets at an edge of at least {least:g}"
            for row in edges.iter_rows(named=True)
            if row["hit_rate"] is not None and row["hit_rate_n"] >= bets and row["hit_rate"] > limit
        ]
    return messages


def _of_gap(row: Mapping[str, object], *, blends: bool) -> list[str]:
    limits, lead, n = SETTINGS.evaluation, row["gap"], row["gap_n"]
    limit = -limits.suspect_blend_gain if blends else limits.suspect_gap
    if isinstance(lead, float) and isinstance(n, int) and n >= limits.suspect_rows and lead < limit:
        return [f"SUSPECT A LEAK: the gap of {row['system_id']} is {lead:+.4f} over {n:,} rows, below {limit:+.2f}"]
    return []


def _of_log_loss(row: Mapping[str, object]) -> list[str]:
    limits, lead, n = SETTINGS.evaluation, row["log_loss_gap"], row["log_loss_gap_n"]
    if isinstance(lead, float) and isinstance(n, int) and n >= limits.suspect_rows and lead < -limits.suspect_log_loss_gain:
        return [f"SUSPECT A LEAK: the log loss of {row['system_id']} minus the market's is {lead:+.5f} over {n:,} rows"]
    return []

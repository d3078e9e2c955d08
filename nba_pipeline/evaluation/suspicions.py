"""Results that are too good. Each counts as a leak until target ablation and an audit of the lines used prove the opposite."""

from collections.abc import Collection

import polars as pl

from nba_pipeline.settings import SETTINGS


def suspicions(records: pl.DataFrame, contains_the_line: Collection[str]) -> list[str]:
    """Returns a sentence per result beyond the limits of `settings.Evaluation`, from the overall and edge rows of `records`."""
    found = list[str]()
    for row in records.filter(pl.col("group") == "all").iter_rows(named=True):
        found += _of_errors(row, blends=row["system_id"] in contains_the_line)
    for least, bets, limit in SETTINGS.evaluation.suspect_hit_rates:
        edges = records.filter(pl.col("group") == "edge", pl.col("value") == f"at least {least:g}")
        found += [
            f"SUSPECT A LEAK: {row['system_id']} wins {row['hit_rate']:.1%} of {row['hit_rate_n']:,} bets at an edge of {least:g}"
            for row in edges.iter_rows(named=True)
            if row["hit_rate"] is not None and row["hit_rate_n"] >= bets and row["hit_rate"] > limit
        ]
    return found


def _of_errors(row: dict[str, object], *, blends: bool) -> list[str]:
    limits, name = SETTINGS.evaluation, row["system_id"]
    lead, n = row["gap"], row["gap_n"]
    limit = -limits.suspect_blend_gain if blends else limits.suspect_gap
    found = []
    if isinstance(lead, float) and isinstance(n, int) and n >= limits.suspect_rows and lead < limit:
        found.append(f"SUSPECT A LEAK: the gap of {name} is {lead:+.4f} over {n:,} rows, below {limit:+.2f}")
    lead, n = row["log_loss_gap"], row["log_loss_gap_n"]
    if isinstance(lead, float) and isinstance(n, int) and n >= limits.suspect_rows and lead < -limits.suspect_log_loss_gain:
        found.append(f"SUSPECT A LEAK: the log loss of {name} is {lead:+.5f} against the market's over {n:,} rows")
    return found

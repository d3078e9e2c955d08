"""Flags results that are too good. Each counts as a leak until target ablation and an audit of the lines prove otherwise.

Two limits of points do not hold for a statistic with low counts. Its books move the prices and rarely the line, so the line
is not the median. On real lines of rebounds, bets on the side that the prices favor win 55.7 % (n = 3,599) and return -2.8 ±
2.9 %. Two other limits replace them in another market than points:

    points                      another market
    gap to the consensus        gap to the price-adjusted line, on lines of a known instant
    hit rate at an edge         low end of the 95 % interval of the return at an edge

The limit of a gap is converted to the unit of the market with `predicting.edge_of`. The limit of a return is that of the hit
rate at odds of -110. The low end of the interval counts, because returns vary: `xgboost` returns +14.7 ± 8.4 % at an edge of 1.2
(n = 414), above the limit of +14.5 %. This limit is therefore weaker than that of the hit rate. Real lines of rebounds from 2 March
to 25 May 2024, with a training every four weeks, have these gaps:

    system          gap to the price-adjusted line      limit
    ensemble        +0.031 ± 0.021 (n = 3,601)          +0.008
    market_blend    -0.006 ± 0.005 (n = 3,601)          -0.016

`python benchmarks/forecasts.py 2024-03-02 2024-05-25` prints the gaps with MARKET=player_rebounds, LINES=known and REFIT_WEEKS=4.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

import polars as pl

from nba_pipeline.evaluation.records import in_unit
from nba_pipeline.formulas.markets import POINTS, Market
from nba_pipeline.settings import SETTINGS

BREAK_EVEN = 110 / 210
"""Hit rate without profit or loss at odds of -110."""

Row = Mapping[str, Any]


def suspicions(records: pl.DataFrame, contains_the_line: Collection[str], market: Market = POINTS) -> list[str]:
    """Returns a message per result beyond the limits of `settings.Evaluation`, from the overall and edge rows of `records`."""
    overall = records.filter(pl.col("group") == "all").rows(named=True)
    return [
        *(message for row in overall for message in _of_gap(row, market, blends=row["system_id"] in contains_the_line)),
        *(message for row in overall for message in _of_log_loss(row)),
        *_of_bets(records, market),
    ]


def _of_gap(row: Row, market: Market, *, blends: bool) -> Iterator[str]:
    limits, metric = SETTINGS.evaluation, "gap" if market == POINTS else "gap_to_adjusted_line"
    lead, n = row[metric], row[f"{metric}_n"]
    [limit] = in_unit([-limits.suspect_blend_gain if blends else limits.suspect_gap], market)
    if lead is not None and n >= limits.suspect_rows and lead < limit:
        baseline = "" if market == POINTS else " to the price-adjusted line"
        yield f"SUSPECT A LEAK: the gap of {row['system_id']}{baseline} on {n:,} rows is {lead:+.4f}, below the limit of {limit:+.3g}"


def _of_log_loss(row: Row) -> Iterator[str]:
    limits, lead, n = SETTINGS.evaluation, row["log_loss_gap"], row["log_loss_gap_n"]
    if lead is not None and n >= limits.suspect_rows and lead < -limits.suspect_log_loss_gain:
        yield f"SUSPECT A LEAK: the log loss of {row['system_id']} minus the market's is {lead:+.5f} over {n:,} rows"


def _of_bets(records: pl.DataFrame, market: Market) -> Iterator[str]:
    for edge, bets, limit in SETTINGS.evaluation.suspect_hit_rates:
        [least] = in_unit([edge], market)
        for row in records.filter(group="edge", value=f"at least {least:g}").rows(named=True):
            of_edge = f"bets at an edge of at least {least:g}"
            if market == POINTS:
                rate, n = row["hit_rate"], row["hit_rate_n"]
                if rate is not None and n >= bets and rate > limit:
                    yield f"SUSPECT A LEAK: {row['system_id']} wins {rate:.1%} of {n:,} {of_edge}"
            else:
                low, n, largest = row["roi_low"], row["roi_n"], limit / BREAK_EVEN - 1
                if low is not None and n >= bets and low > largest:
                    yield (
                        f"SUSPECT A LEAK: {row['system_id']} returns {row['roi']:+.1%} on {n:,} {of_edge}; the low end of the "
                        f"interval, {low:+.1%}, is above {largest:+.1%}"
                    )

"""The result of one forecast and its line: difference of their errors, bet, profit, scores of the probability, tier."""

from collections.abc import Sequence
from itertools import pairwise

import polars as pl

from nba_pipeline.formulas.calibration import brier_score, log_loss
from nba_pipeline.formulas.calibration import without_push as given_no_push
from nba_pipeline.formulas.closing_lines import closing_line_value
from nba_pipeline.formulas.markets import POINTS, Market
from nba_pipeline.formulas.odds import payout
from nba_pipeline.formulas.recommendation import CONTAINS_THE_LINE

WIN, LOSS, PUSH = 1.0, 0.0, 0.5


def gap(forecast: str, baseline: str) -> pl.Expr:
    """Absolute error of a forecast minus that of a baseline, per row with both; the column `actual_value` is the result.

    >>> pl.select(actual_value=22.0, model=20.0, line=21.0).select(gap("model", "line")).item()
    1.0
    """
    return (pl.col("actual_value") - pl.col(forecast)).abs() - (pl.col("actual_value") - pl.col(baseline)).abs()


def result(forecast: str, line: str) -> pl.Expr:
    """The bet on the side of the forecast: 1 for a win, 0 for a loss, 0.5 for a push; null without a line or an edge.

    >>> rows = pl.DataFrame({"actual_value": [30, 10, 20, 30], "line": [20.0] * 4, "model": [25.0, 25.0, 25.0, 20.0]})
    >>> rows.select(result("model", "line")).to_series().to_list()
    [1.0, 0.0, 0.5, None]
    """
    edge, margin = pl.col(forecast) - pl.col(line), pl.col("actual_value") - pl.col(line)
    is_won = pl.when(margin.sign() == edge.sign()).then(WIN).otherwise(LOSS)
    return pl.when(edge != 0).then(pl.when(margin == 0).then(PUSH).otherwise(is_won))


def profit(result: pl.Expr, price: pl.Expr) -> pl.Expr:
    """Units won per unit staked at an American price: the payout, -1 or 0 for a push; null without a bet or a price.

    >>> pl.select(profit(pl.lit(WIN), pl.lit(-110)).round(4), lost=profit(pl.lit(LOSS), pl.lit(-110))).row(0)
    (0.9091, -1.0)
    """
    pays = payout(price)
    return pl.when(pays.is_not_null() & result.is_not_null()).then(
        pl.when(result == WIN).then(pays).when(result == LOSS).then(-1.0).otherwise(0.0)
    )


def scores() -> list[pl.Expr]:
    """Scores of the probability of the over given no push, and of the market's.

    Null for a push, and if one of the two probabilities is null.

    Reads actual_value, line, over_probability, blended_over_probability, blended_push_probability and market_over_probability.
    """
    is_over = pl.when(pl.col("actual_value") != pl.col("line")).then(pl.col("actual_value") > pl.col("line"))
    probability = given_no_push(pl.col("blended_over_probability"), pl.col("blended_push_probability"))
    market_probability = pl.col("market_over_probability")
    both = is_over.is_not_null() & probability.is_not_null() & market_probability.is_not_null()
    scores = {
        "log_loss": log_loss(probability, is_over),
        "market_log_loss": log_loss(market_probability, is_over),
        "brier": brier_score(probability, is_over),
        "market_brier": brier_score(market_probability, is_over),
    }
    lead = scores["log_loss"] - scores["market_log_loss"]
    return [
        *(pl.when(both).then(score).alias(name) for name, score in scores.items()),
        pl.when(both).then(probability).alias("probability"),
        pl.when(both).then(lead).alias("log_loss_gap"),
        pl.when(both & pl.col("over_probability").is_not_null()).then(lead).alias("published_log_loss_gap"),
    ]


def value_of_forecast(market: Market = POINTS) -> pl.Expr:
    """Closing line value of a bet at the first snapshot on the side of the forecast, see `closing_line_value`.

    Null for a forecast that contains a later line, because it could not be bet at the first one.
    """
    has_side = ~pl.col("reasons").list.contains(CONTAINS_THE_LINE) & (pl.col("predicted_value") != pl.col("first_line"))
    value = closing_line_value(pl.col("predicted_value") > pl.col("first_line"), market)
    return pl.when(has_side.fill_null(False)).then(value).alias("closing_line_value")


def tier(line: str, borders: Sequence[float]) -> pl.Expr:
    """The tier of a line: "below 10", "10 to 15", ..., "from 25"; null without a line.

    >>> rows = pl.DataFrame({"line": [8.5, 10.0, 30.5, None]})
    >>> rows.select(tier("line", (10.0, 15.0))).to_series().to_list()
    ['below 10', '10 to 15', 'from 15', None]
    """
    names = [*(f"{low:g} to {high:g}" for low, high in pairwise(borders)), f"from {borders[-1]:g}"]
    of_line: pl.Expr = pl.lit(f"below {borders[0]:g}")
    for border, name in zip(borders, names, strict=True):
        of_line = pl.when(pl.col(line) >= border).then(pl.lit(name)).otherwise(of_line)
    return pl.when(pl.col(line).is_not_null()).then(of_line)

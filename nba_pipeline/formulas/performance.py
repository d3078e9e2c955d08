"""Performance: the metrics of graded predictions per system, window and group, from sums per date.

The sums of a date are computed once. A window adds the sums of its dates, so that a season needs one pass over the rows.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta

import polars as pl

from nba_pipeline.formulas.bets import gap, profit, scores, tier
from nba_pipeline.formulas.calibration import calibration_error, decided, reliability
from nba_pipeline.formulas.wilson import Z_95, wilson_ends

ALL = "all"
SYSTEM = ("system_id", "market", "run_kind", "season")
GROUPS = ("direction", "tier", "subset")
CELL = (*SYSTEM, *GROUPS)
SEASON = "season"
WINDOWS: Mapping[str, int | None] = {"day": 1, "7 days": 7, "30 days": 30, SEASON: None}
"""Window -> its number of dates up to the date of the row; None: all dates of the season."""

ESTIMATES = ("gap", "roi", "roi_at_best_price", "log_loss_gap", "closing_line_value")
"""Means with an interval: columns of this name, and with the suffixes _n, _low and _high."""
MEANS = ("mae", "line_mae", "bias", "mae_all", "log_loss", "market_log_loss", "brier", "market_brier", "quality_score")
RECOMMENDED = {"overs": "OVER", "unders": "UNDER", "passes": "PASS", "no_lines": "NO_LINE"}
OUTCOMES = {"wins": "WIN", "losses": "LOSS", "pushes": "PUSH", "voids": "VOID", "no_bets": "NO_BET"}
COUNTS = ("predicted", "with_line", "actionable", "published", "ungradable", *RECOMMENDED, *OUTCOMES)
TOO_SMALL = "sample too small"
DECIMALS = 5


def performance(
    rows: pl.DataFrame, eligible: pl.DataFrame, dates: Collection[date], *, tiers: Sequence[float], least_bets: int
) -> pl.DataFrame:
    """Returns one row per date, system, market, run kind, window and group. A date without predictions has no rows.

    The groups are all rows, each direction, each tier and each subset. They are not crossed: at most one of the columns
    direction, tier and subset differs from "all".

    Args:
        rows: One row per prediction that counts, of the dates and of the earlier dates of their seasons: game_date, season,
            system_id, market, run_kind, predicted_value, line, actual_value (null for a player who did not play), outcome
            (null without a grade), recommendation, is_actionable, is_published, price, best_price, the probabilities of
            `bets.scores`, quality_score, closing_line_value and subset. A pick has another row per subset that it counts in;
            the row of the prediction itself has the subset "all".
        eligible: game_date and the number of eligible players.
        dates: The dates to return.
        tiers: Borders of the tiers of the line, in points.
        least_bets: Bets below which the sample is too small.
    """
    measured = _measured(rows, tiers)
    dense = _dense(_sums(measured))
    windows = pl.concat([_window(dense, name, length, dates) for name, length in WINDOWS.items()])
    finished = _finished(windows.filter(pl.col("predicted") > 0), least_bets)
    of_all = [pl.lit(ALL).alias(name) for name in GROUPS]
    errors = _calibration(measured, dates).with_columns(of_all)
    key = ["game_date", *CELL, "window"]
    counted = _eligible(eligible, rows, dates).with_columns(of_all)
    return (
        finished.join(errors, on=key, how="left")
        .join(counted, on=[name for name in key if name in counted.columns], how="left")
        .sort(key)
    )


def _measured(rows: pl.DataFrame, tiers: Sequence[float]) -> pl.DataFrame:
    """Adds the metrics of each row: one column per name of ESTIMATES, MEANS and COUNTS, and the groups."""
    error, is_lined = pl.col("predicted_value") - pl.col("actual_value"), pl.col("line").is_not_null()
    outcome, edge = pl.col("outcome"), pl.col("predicted_value") - pl.col("line")
    bet = pl.when(outcome == "WIN").then(1.0).when(outcome == "LOSS").then(0.0).when(outcome == "PUSH").then(0.5)
    counts = {
        "predicted": pl.lit(value=True),
        "with_line": is_lined,
        "actionable": pl.col("is_actionable"),
        "published": pl.col("is_published"),
        "ungradable": outcome.is_null(),
        **{name: pl.col("recommendation") == value for name, value in RECOMMENDED.items()},
        **{name: outcome == value for name, value in OUTCOMES.items()},
    }
    return rows.with_columns(
        gap("predicted_value", "line").alias("gap"),
        profit(bet, pl.col("price")).alias("roi"),
        profit(bet, pl.col("best_price")).alias("roi_at_best_price"),
        *scores(),
        pl.when(is_lined).then(error.abs()).alias("mae"),
        (pl.col("line") - pl.col("actual_value")).abs().alias("line_mae"),
        pl.when(is_lined).then(error).alias("bias"),
        error.abs().alias("mae_all"),
        pl.when(edge > 0).then(pl.lit("OVER")).when(edge < 0).then(pl.lit("UNDER")).alias("direction"),
        tier("line", tiers).alias("tier"),
        **{name: flag.fill_null(value=False).cast(pl.Int64) for name, flag in counts.items()},
    )


def _sums(measured: pl.DataFrame) -> pl.DataFrame:
    """Returns, per date and cell, the counts, and the number, sum and sum of squares of the known values of each metric."""
    systems = _numbered(measured)
    known = [*ESTIMATES, *MEANS]
    numbered = measured.join(systems, on=SYSTEM).select("system", "game_date", *GROUPS, *known, *COUNTS)
    added = [
        *(pl.col(name).sum() for name in COUNTS),
        *(pl.col(name).count().cast(pl.Int64).alias(f"{name}_n") for name in known),
        *(pl.col(name).sum().alias(f"{name}_sum") for name in known),
        *((pl.col(name) ** 2).sum().alias(f"{name}_squares") for name in ESTIMATES),
    ]

    def by(group: str, rows: pl.DataFrame) -> pl.DataFrame:
        others = [pl.lit(ALL).alias(name) for name in GROUPS if name != group]
        key = ["system", "game_date", group]
        return (
            rows.group_by(key).agg(added).with_columns(others).select("system", "game_date", *GROUPS, pl.exclude(*key, *GROUPS))
        )

    of_all = numbered.filter(pl.col("subset") == ALL)
    parts = [by("subset", numbered), *(by(group, of_all.drop_nulls(group)) for group in ("direction", "tier"))]
    return pl.concat(parts).join(systems, on="system").drop("system")


def _numbered(rows: pl.DataFrame) -> pl.DataFrame:
    """Returns the values of SYSTEM with a number, `system`, which is faster to group by."""
    return rows.select(SYSTEM).unique().sort(SYSTEM).with_row_index("system")


def _dense(sums: pl.DataFrame) -> pl.DataFrame:
    """Returns a row per cell and date of its season, with zeros for dates without rows."""
    dates = sums.select(SEASON, "game_date").unique()
    grid = sums.select(CELL).unique().join(dates, on=SEASON)
    return grid.join(sums, on=[*CELL, "game_date"], how="left").fill_null(0).sort(*CELL, "game_date")


def _window(dense: pl.DataFrame, name: str, length: int | None, dates: Collection[date]) -> pl.DataFrame:
    """Returns the sums of the window that ends on each of the dates."""
    numbers = pl.exclude(*CELL, "game_date")
    added = numbers.cum_sum() if length is None else numbers.rolling_sum_by("game_date", f"{length}d")
    summed = dense.with_columns(added.over(CELL, order_by="game_date"))
    return summed.filter(pl.col("game_date").is_in(sorted(dates))).with_columns(pl.lit(name).alias("window"))


def _finished(windows: pl.DataFrame, least_bets: int) -> pl.DataFrame:
    """Returns the metrics of each window from its sums."""
    columns = [pl.col(*COUNTS), pl.col("mae_all_n").alias("graded")]
    columns += [_mean(name).alias(name) for name in MEANS]
    for name in ESTIMATES:
        n, total = pl.col(f"{name}_n"), pl.col(f"{name}_sum")
        variance = (pl.col(f"{name}_squares") - total**2 / n) / (n - 1)
        half = pl.when(n > 1).then(Z_95 * (pl.max_horizontal(variance, 0.0) / n).sqrt())
        columns += [n, _mean(name).alias(name)]
        columns += [_rounded(_mean(name) - half).alias(f"{name}_low"), _rounded(_mean(name) + half).alias(f"{name}_high")]
    bets = pl.col("wins") + pl.col("losses")
    low, high = (pl.when(bets > 0).then(end) for end in wilson_ends(pl.col("wins"), bets))
    columns += [
        bets.alias("bets"),
        _rounded(pl.when(bets > 0).then(pl.col("wins") / bets)).alias("hit_rate"),
        _rounded(low).alias("hit_rate_low"),
        _rounded(high).alias("hit_rate_high"),
        pl.when(bets < least_bets).then(pl.lit(TOO_SMALL)).alias("note"),
    ]
    return windows.select("game_date", *CELL, "window", *columns)


def _mean(name: str) -> pl.Expr:
    n = pl.col(f"{name}_n")
    return _rounded(pl.when(n > 0).then(pl.col(f"{name}_sum") / n))


def _rounded(value: pl.Expr) -> pl.Expr:
    """Rounds, so that the order of a sum does not change a row; never a negative zero."""
    return value.round(DECIMALS) + 0.0


def _calibration(measured: pl.DataFrame, dates: Collection[date]) -> pl.DataFrame:
    """Returns the calibration error of each system, date and window, over all rows of the window."""
    rows = decided(measured.filter(pl.col("subset") == ALL)).drop_nulls("probability")
    # of all dates with predictions: a window may have probabilities although its last date has none
    starts = dict(measured.select("game_date", pl.col("game_date").min().over(SEASON).alias("start")).unique().iter_rows())
    systems = _numbered(rows)
    known = rows.join(systems, on=SYSTEM).select("system", "game_date", "probability", "is_over").sort("system", "probability")
    parts = [known.select("system", "game_date", window=pl.lit(""), calibration_error=pl.lit(0.0)).clear()]
    for day in sorted(starts.keys() & set(dates)):
        for name, length in WINDOWS.items():
            first = starts[day] if length is None else max(starts[day], day - timedelta(days=length - 1))
            groups = reliability(known.filter(pl.col("game_date").is_between(first, day)), "probability", by=["system"])
            error = groups.group_by("system").agg(_rounded(calibration_error()).alias("calibration_error"))
            parts.append(
                error.select("system", pl.lit(day).alias("game_date"), pl.lit(name).alias("window"), "calibration_error")
            )
    return systems.join(pl.concat(parts), on="system").drop("system")


def _eligible(eligible: pl.DataFrame, rows: pl.DataFrame, dates: Collection[date]) -> pl.DataFrame:
    """Returns the eligible players per date and window; the same for every system."""
    seasons = rows.select("game_date", SEASON).unique().join(eligible, on="game_date", how="left").sort("game_date")
    parts = []
    for name, length in WINDOWS.items():
        number = pl.col("eligible").cast(pl.Int64)
        added = number.cum_sum() if length is None else number.rolling_sum_by("game_date", f"{length}d")
        parts.append(seasons.with_columns(added.over(SEASON, order_by="game_date"), pl.lit(name).alias("window")))
    return pl.concat(parts).filter(pl.col("game_date").is_in(sorted(dates)))

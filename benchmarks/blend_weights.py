"""Log loss of the blended probability with a constant weight, and with a weight that is chosen again for each date.

The walk-forward replay of `ensemble` on the real archive gives the forecasts. For each date, the chosen weight is the one with
the smallest log loss on all earlier rows. Differences are paired, with 95 % intervals. The last columns compare with the
no-vig market, on the sportsbook rows.

Data from NBA_ARCHIVE_DIR (default ../shared/data). REFIT_WEEKS (default 8) is the number of weeks between two trainings.

    python benchmarks/blend_weights.py
"""

import os
from collections.abc import Sequence
from datetime import date

import polars as pl
from forecasts import ARCHIVE, FIRST_LINE, LAST_LINE, prop_lines, real_features

from nba_pipeline.assets.predictions.predictions import outcomes_of
from nba_pipeline.evaluation.evaluate import with_members
from nba_pipeline.evaluation.market import market_of
from nba_pipeline.evaluation.metrics import Estimate, mean_of
from nba_pipeline.evaluation.source import PLAYER_GAME, Frames
from nba_pipeline.evaluation.walk_forward import walk
from nba_pipeline.formulas.calibration import log_loss, without_push
from nba_pipeline.formulas.forecast_distribution import FORECAST, Rules, with_distribution
from nba_pipeline.settings import SETTINGS

WEIGHTS = (0.1, 0.15, 0.2, 0.25, 0.3)
LEAST_ROWS = 500
"""Earlier rows from which a weight is chosen."""


def forecasts_and_outcomes() -> tuple[pl.DataFrame, pl.DataFrame]:
    """Returns the lined forecasts of `ensemble` in the columns of `predictions`, and the results."""
    features, summary = real_features()
    source = Frames({"features": features, "player_game_summary": summary, "prop_lines": prop_lines()})
    in_period = pl.col("game_date").is_between(FIRST_LINE, LAST_LINE)
    lined = market_of(source.tables["prop_lines"].filter(in_period), "all")
    systems = with_members(["ensemble"])
    refits = {system.system_id: int(os.environ.get("REFIT_WEEKS", "8")) for system in systems}
    made = pl.concat([week.forecasts for week in walk(source, lined, systems, refits, lambda _: None)])
    market = lined.select(*PLAYER_GAME, "line", "adjusted_line", "market_over_probability")
    rows = made.filter(system_id="ensemble").join(market, on=PLAYER_GAME).drop_nulls("adjusted_line")
    return rows.with_columns(market=pl.lit("player_points"), run_kind=pl.lit("backtest")), outcomes_of(summary)


def log_losses(rows: pl.DataFrame, outcomes: pl.DataFrame) -> pl.DataFrame:
    """Returns game_date, the log loss of each weight and that of the market, over the rows without a push, by date."""
    blended = [pl.lit(None, pl.Float64).alias(f"blended_{side}_probability") for side in ("over", "push")]
    none_yet = rows.clear().with_columns(blended).select(FORECAST).with_columns(outcomes["actual_value"].clear())
    over = pl.col("actual_value") > pl.col("line")
    ours = without_push(pl.col("blended_over_probability"), pl.col("blended_push_probability"))
    made = rows.join(outcomes, on=[*PLAYER_GAME, "market"]).sort("game_date", *PLAYER_GAME)
    made = made.with_columns(log_loss(pl.col("market_over_probability"), over).alias("market_loss"))
    for weight in WEIGHTS:
        rules = Rules(blend_weight=weight, **SETTINGS.distributions.rules)
        distributed = with_distribution(rows, none_yet, outcomes, rules).select(*PLAYER_GAME, ours.alias("probability"))
        made = made.join(distributed, on=PLAYER_GAME, maintain_order="left").with_columns(
            log_loss(pl.col("probability"), over).alias(str(weight))
        )
        made = made.drop("probability")
    names = [str(weight) for weight in WEIGHTS]
    decided = made.filter(pl.col("actual_value") != pl.col("line")).drop_nulls(names)
    return decided.select("game_date", *names, "market_loss")


def chosen(losses: pl.DataFrame) -> pl.Series:
    """Returns per row the loss of the weight with the smallest mean loss on all earlier dates; null with too few earlier rows."""
    names, values = [str(weight) for weight in WEIGHTS], list[float | None]()
    for part in losses.partition_by("game_date", maintain_order=True):
        day: date = part["game_date"][0]
        earlier = losses.filter(pl.col("game_date") < day)
        means: Sequence[float] = earlier.select(pl.col(names).mean()).row(0)
        best = names[min(range(len(names)), key=means.__getitem__)] if earlier.height >= LEAST_ROWS else None
        values += part[best].to_list() if best else [None] * part.height
    return pl.Series(values, dtype=pl.Float64)


def shown(estimate: Estimate) -> str:
    """Returns a mean with its interval and its number of rows."""
    half = (estimate.high or 0.0) - (estimate.value or 0.0)
    return f"{estimate.value:+.5f} ± {half:.5f} (n = {estimate.n:,})"


def main() -> None:
    if not (ARCHIVE / "player_name_variants.parquet").is_file():
        print(f"skipped: no real data in {ARCHIVE}")
        return
    losses = log_losses(*forecasts_and_outcomes())
    losses = losses.with_columns(chosen(losses).alias("chosen"))
    usual = str(SETTINGS.forecasts.blend_weight)
    for name in (*(str(weight) for weight in WEIGHTS), "chosen"):
        beside = (mean_of(losses[name] - losses[other]) for other in (usual, "market_loss"))
        print(f"weight {name}: minus weight {usual} {shown(next(beside))}, minus no-vig {shown(next(beside))}")


if __name__ == "__main__":
    main()

"""The recommendation of a prediction against the market line, and the reasons against a bet."""

from collections.abc import Mapping
from datetime import date

import polars as pl

from nba_pipeline.formulas.calibration import without_push
from nba_pipeline.formulas.decay import HEALTHY, WATCH, WITHOUT_PICKS

SEASON_STARTS: Mapping[str, pl.DataType] = {"season": pl.String(), "season_starts": pl.Date()}

MISSING_REQUIRED = "missing_required_feature"
INJURY_STATUS_UNKNOWN = "injury_status_unknown"
CONTAINS_THE_LINE = "contains_the_line"
"""A system gives this reason if its forecast contains the line, because the edge would compare the line with itself."""

LOW_PROBABILITY = "low_probability"
"""Requires a published probability."""

HALTED, MODEL_STATE, WATCH_EDGE = GOVERNED = ("halted", "model_state", "watch_edge")
"""Reasons that halts and decay states add to live predictions when these are made. `picks` evaluates both again."""

FEW_CAREER_GAMES = "few_career_games"
"""A flag of systems that read features across seasons, for a player with few games. It widens the distribution."""


def _recommendation(edge: pl.Expr, pass_below_edge: float) -> pl.Expr:
    return (
        pl.when(edge.is_null())
        .then(pl.lit("NO_LINE"))
        .when(edge.abs() < pass_below_edge)
        .then(pl.lit("PASS"))
        .when(edge > 0)
        .then(pl.lit("OVER"))
        .otherwise(pl.lit("UNDER"))
    )


def _published_probability(edge: pl.Expr) -> pl.Expr:
    """Returns the published probability of the side with the edge, given no push; null while none is published."""
    side = pl.when(edge > 0).then(pl.col("over_probability")).otherwise(pl.col("blended_under_probability"))
    return pl.when(pl.col("over_probability").is_not_null()).then(without_push(side, pl.col("blended_push_probability")))


def with_recommendation(
    predictions: pl.DataFrame,
    season_starts: Mapping[str, date],
    *,
    pass_below_edge: float,
    actionable_edge: float,
    least_probability: float,
    quality_floor: float,
    bootstrap_days: int,
    stale_days: int,
) -> pl.DataFrame:
    """Adds edge, recommendation and the reasons against a bet. The system's own reasons do not forbid a bet.

    Args:
        predictions: One row per player, game and system, with predicted_value, line, the distribution and the columns that
            the reasons read.
        season_starts: Season -> date of its first game. A season without an entry counts as just begun.
        pass_below_edge: Smaller edges are PASS, in points.
        actionable_edge: Smaller edges are not actionable, in points.
        least_probability: A lower published probability of the side with the edge is not actionable, given no push.
        quality_floor: A lower quality score is not actionable, 0-100.
        bootstrap_days: Days at the start of a season without bets.
        stale_days: Predictions of a model whose last training row is older than this are not actionable.
    """
    starts = pl.DataFrame(list(season_starts.items()), schema=SEASON_STARTS, orient="row")
    forbidding = _forbidding(actionable_edge, least_probability, quality_floor, bootstrap_days, stale_days)
    return (
        predictions.join(starts, on="season", how="left")
        .with_columns((pl.col("predicted_value") - pl.col("line")).alias("edge"))
        .with_columns(
            (2 * pl.col("line")).round().cast(pl.Int64).alias("line_half_points"),
            _recommendation(pl.col("edge"), pass_below_edge).alias("recommendation"),
            (forbidding.list.len() == 0).alias("is_actionable"),
            pl.concat_list(forbidding, "reasons").list.unique(maintain_order=True).alias("reasons"),
        )
    )


def with_governance(
    predictions: pl.DataFrame, *, is_halted: bool, states: Mapping[str, str], edge_in_watch: float
) -> pl.DataFrame:
    """Adds the reasons GOVERNED to live predictions. A prediction with one of them is not actionable.

    Args:
        predictions: Rows of `with_recommendation`, with run_kind.
        is_halted: Whether picks are halted.
        states: System -> its decay state. A system without one is HEALTHY.
        edge_in_watch: Smaller edges of a system in WATCH are not actionable, in the unit of the market.
    """
    state = pl.col("system_id").replace_strict(dict(states), default=HEALTHY, return_dtype=pl.String)
    against = {
        HALTED: pl.lit(is_halted),
        MODEL_STATE: state.is_in(WITHOUT_PICKS),
        WATCH_EDGE: (state == WATCH) & (pl.col("edge").abs() < edge_in_watch),
    }
    is_live = pl.col("run_kind") == "live"
    reasons = pl.concat_list(pl.when(is_live, holds).then(pl.lit(name)) for name, holds in against.items()).list.drop_nulls()
    return predictions.with_columns(
        pl.col("is_actionable") & (reasons.list.len() == 0), pl.concat_list(reasons, "reasons").alias("reasons")
    )


def _forbidding(
    actionable_edge: float, least_probability: float, quality_floor: float, bootstrap_days: int, stale_days: int
) -> pl.Expr:
    """Returns the list of the reasons against a bet."""
    days_played = (pl.col("game_date") - pl.col("season_starts")).dt.total_days()
    edge = pl.col("edge")
    against = {
        "no_line": pl.col("line").is_null(),
        MISSING_REQUIRED: pl.col("lacks_required"),
        "low_edge": edge.abs() < actionable_edge,
        LOW_PROBABILITY: _published_probability(edge) < least_probability,
        "not_quality_ready": pl.col("quality_score") < quality_floor,
        "bootstrap": (days_played < bootstrap_days).fill_null(True),
        "few_minutes": pl.col("has_few_minutes"),
        "out_or_doubtful": pl.col("injury_status").is_in(["out", "doubtful"]),
        INJURY_STATUS_UNKNOWN: pl.col("is_injury_unknown"),
        "short_history": pl.col("has_short_history"),
        "stale_model": (pl.col("game_date") - pl.col("trained_through")).dt.total_days() > stale_days,
        CONTAINS_THE_LINE: pl.col("reasons").list.contains(CONTAINS_THE_LINE),
    }
    return pl.concat_list(pl.when(holds).then(pl.lit(name)) for name, holds in against.items()).list.drop_nulls()

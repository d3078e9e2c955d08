"""Changes the box scores of a world. Scores in the schedule, team totals and play-by-play stay consistent with them."""

from collections.abc import Sequence

import polars as pl

from nba_pipeline.audit.recompute import World
from nba_pipeline.audit.worlds import PLAYER, joined

BEYOND_ANY_ACTION = 1_000_000
"""First order number of added actions."""
POINTS_PER_THREE = 3


def with_more_threes(world: World, rows: pl.DataFrame) -> World:
    """Adds `threes` made threes to box-score rows (game_id, player_id). Scores, totals and actions stay consistent."""
    scored = rows.select(*PLAYER, "threes").join(world["boxscores"].select(*PLAYER, "team", "game_date"), on=PLAYER)
    of_team = scored.group_by("game_id", "team").agg(pl.col("threes").sum().alias("team_threes"))
    own, team = pl.col("threes").fill_null(0), pl.col("team_threes").fill_null(0)
    shots = ("fgm", "fga", "fg3m", "fg3a")
    boxes = (
        world["boxscores"]
        .join(scored.select(*PLAYER, "threes"), on=PLAYER, how="left", maintain_order="left")
        .join(of_team, on=["game_id", "team"], how="left", maintain_order="left")
        .with_columns(
            *[pl.col(name) + own for name in shots],
            pl.col("points") + POINTS_PER_THREE * own,
            pl.col("team_points") + POINTS_PER_THREE * team,
        )
        .drop("threes", "team_threes")
    )
    totals = (
        world["team_boxscores"]
        .join(of_team, on=["game_id", "team"], how="left", maintain_order="left")
        .with_columns(*[pl.col(name) + team for name in shots], pl.col("points") + POINTS_PER_THREE * team)
        .drop("team_threes")
    )
    schedule = world["schedule"]
    for side in ("home", "away"):
        scores_of_side = of_team.rename({"team": f"{side}_team"})
        schedule = (
            schedule.join(scores_of_side, on=["game_id", f"{side}_team"], how="left", maintain_order="left")
            .with_columns(pl.col(f"{side}_points") + POINTS_PER_THREE * team)
            .drop("team_threes")
        )
    actions = _with_actions(world["play_by_play"], scored)
    return {**world, "boxscores": boxes, "team_boxscores": totals, "schedule": schedule, "play_by_play": actions}


def actions_of(boxes: pl.DataFrame) -> pl.DataFrame:
    """Returns play-by-play that agrees with box scores: one action per shot, with all two-pointers in the paint."""
    played = boxes.filter("did_play")
    kinds: Sequence[tuple[str, str | None, bool, pl.Expr]] = (
        ("2pt", "Restricted Area", True, pl.col("fgm") - pl.col("fg3m")),
        ("2pt", "Restricted Area", False, pl.col("fga") - pl.col("fg3a") - pl.col("fgm") + pl.col("fg3m")),
        ("3pt", "Above the Break 3", True, pl.col("fg3m")),
        ("3pt", "Above the Break 3", False, pl.col("fg3a") - pl.col("fg3m")),
        ("freethrow", None, True, pl.col("ftm")),
        ("freethrow", None, False, pl.col("fta") - pl.col("ftm")),
    )
    shots = pl.concat(
        played.select(
            "game_date",
            *PLAYER,
            "team",
            pl.lit(kind).alias("action_type"),
            pl.lit(area, pl.String).alias("area"),
            pl.lit(is_made).alias("is_made"),
            times.clip(0).alias("times"),
        )
        for kind, area, is_made, times in kinds
    )
    one_by_one = shots.select(pl.exclude("times").repeat_by("times"))
    return _numbered(one_by_one.explode(one_by_one.columns).drop_nulls("game_id"), 0)


def _with_actions(play_by_play: pl.DataFrame, scored: pl.DataFrame) -> pl.DataFrame:
    """Adds made threes to the games that have play-by-play."""
    with_actions = scored.join(play_by_play.select("game_id").unique(), on="game_id", how="semi")
    shots = with_actions.select(
        pl.col("game_date", *PLAYER, "team").repeat_by("threes"),
        pl.lit("3pt").alias("action_type"),
        pl.lit("Above the Break 3").alias("area"),
        pl.lit(True).alias("is_made"),
    ).explode("game_date", *PLAYER, "team")
    return joined(play_by_play, _numbered(shots, BEYOND_ANY_ACTION))


def _numbered(shots: pl.DataFrame, first: int) -> pl.DataFrame:
    order = (pl.int_range(pl.len()) + first).cast(pl.Int64)
    return shots.with_columns(
        order.alias("order_number"),
        order.alias("action_number"),
        pl.lit(1, pl.Int64).alias("period"),
        pl.lit(700.0).alias("period_seconds_left"),
        pl.lit(0, pl.Int64).alias("home_points"),
        pl.lit(0, pl.Int64).alias("away_points"),
    ).sort("game_date", maintain_order=True)

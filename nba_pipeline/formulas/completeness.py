"""Completeness of a window: whether it contains every game of the team between its first and last game."""

import polars as pl

COMPLETE_SHARE = 0.9
"""Minimum ratio of actual to expected games in a complete window."""

HOLES = {"team": pl.String(), "hole_date": pl.Date()}


def holes(schedule: pl.DataFrame, player_games: pl.DataFrame) -> pl.DataFrame:
    """Returns one row per team and final game without a summary: team, hole_date.

    A game without a source (`has_boxscore_source` false) is not a hole.
    """
    lost = schedule.filter((pl.col("status") == "final") & pl.col("has_boxscore_source")).join(
        player_games.select("game_id").unique(), on="game_id", how="anti"
    )
    return pl.concat(
        [lost.select(pl.col(side).alias("team"), pl.col("game_date").alias("hole_date")) for side in ("home_team", "away_team")]
    ).select(pl.col(name).cast(kind) for name, kind in HOLES.items())


def with_completeness(rows: pl.DataFrame, lost: pl.DataFrame) -> pl.DataFrame:
    """Adds the completeness of the 10-game window to expected players. One row per expected player in and out.

    Reads `contributing_game_ids` and `window_starts`. expected_games_last_10 counts the window's games and the team's holes
    since the window's first game. is_window_complete: at least 0.9 of the expected games are in the window; null without a
    game. window_span_days: days from the window's first game to the date.
    """
    key = ["game_id", "player_id"]
    missed = (
        rows.select(*key, "team", "game_date", "window_starts")
        .join(lost, on="team")
        .filter(pl.col("hole_date") >= pl.col("window_starts"), pl.col("hole_date") < pl.col("game_date"))
        .group_by(key)
        .agg(pl.len().cast(pl.Int64).alias("missed"))
    )
    actual = pl.col("contributing_game_ids").list.len().cast(pl.Int64).fill_null(0)
    return (
        rows.join(missed, on=key, how="left", maintain_order="left")
        .with_columns(
            actual.alias("actual_games_last_10"),
            (actual + pl.col("missed").fill_null(0)).alias("expected_games_last_10"),
            pl.col("contributing_game_ids").fill_null([]),
            (pl.col("game_date") - pl.col("window_starts")).dt.total_days().alias("window_span_days"),
        )
        .with_columns(
            pl.when(pl.col("expected_games_last_10") > 0)
            .then(pl.col("actual_games_last_10") / pl.col("expected_games_last_10") >= COMPLETE_SHARE)
            .alias("is_window_complete")
        )
        .drop("missed", "window_starts")
    )

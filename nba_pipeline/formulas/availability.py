"""Who is said to miss a game, and what his absence takes from his team.

Per team of a game the newest counted snapshot of the injury report speaks. A snapshot counts when it is known to be from
before the tip-off; one in which the team has not submitted says nothing, so the one before it goes on to hold.
"""

from datetime import datetime

import polars as pl

from nba_pipeline.formulas.rolling import BILLIONTHS, whole

TEAM = ["game_id", "team"]
NOT_SUBMITTED = "not_submitted"
RISK_LEVELS = {"available": 0, "probable": 0, "questionable": 1, "doubtful": 2, "out": 3}
ABSENT = ("out", "doubtful")
QUESTIONABLE = "questionable"

STAR_POINTS = 18.0
STAR_MINUTES = 28.0
STAR_POINTS_WITH_MINUTES = 12.0
STAR_GAMES = 10


def injury_status(rows: pl.DataFrame, injuries: pl.DataFrame, as_of: datetime | None = None) -> pl.DataFrame:
    """Expected players in, the same rows out with what the newest report of their team says of each.

    Args:
        rows: one row per player and game, with game_id, team and player_id.
        injuries: rows of `injuries`.
        as_of: only what had been seen by then counts; without it everything from before the tip-off.

    Returns:
        The rows with injury_status and injury_reason (null for who is not listed), has_injury_report (the team has
        submitted), injury_snapshot_at (of the report that speaks) and injury_risk_level: 0 not listed, available or
        probable, 1 questionable, 2 doubtful, 3 out; null without a report.
    """
    counted = injuries.filter(pl.col("is_before_tipoff").fill_null(False))
    if as_of is not None:
        counted = counted.filter(pl.col("seen_at") <= as_of)
    silent = counted.filter(pl.col("status") == NOT_SUBMITTED).select(*TEAM, "snapshot_at")
    newest = counted.join(silent, on=[*TEAM, "snapshot_at"], how="anti").group_by(TEAM).agg(pl.col("snapshot_at").max())
    listed = counted.join(newest, on=[*TEAM, "snapshot_at"], how="semi").select(
        *TEAM, "player_id", pl.col("status").alias("injury_status"), pl.col("reason").alias("injury_reason")
    )
    has_report = pl.col("injury_snapshot_at").is_not_null()
    risk = pl.col("injury_status").replace_strict(RISK_LEVELS, default=None, return_dtype=pl.Int64).fill_null(0)
    return (
        rows.join(newest.rename({"snapshot_at": "injury_snapshot_at"}), on=TEAM, how="left", maintain_order="left")
        .join(listed, on=[*TEAM, "player_id"], how="left", maintain_order="left")
        .with_columns(has_report.alias("has_injury_report"), pl.when(has_report).then(risk).alias("injury_risk_level"))
    )


def absent_teammates(rows: pl.DataFrame) -> pl.DataFrame:
    """Every expected player of each game in, the same rows out with which of his team-mates are said to miss it.

    Absent is who is out or doubtful. A star has at least 10 games of the season and scores 18 points a game, or plays 28
    minutes and scores 12.

    Args:
        rows: with game_id, team, injury_status, has_injury_report, and of the season points_mean_season,
            minutes_mean_season, games_played_season and usage_pct_season (null counts as 0).

    Returns:
        The rows with star_teammates_out and questionable_teammates (counts), absent_teammates_usage_pct_sum_season and, of
        the stars among them, star_teammates_usage_pct_sum (sums of fractions); the player himself never counts, and all
        are null without a report of the team.
    """
    is_absent = pl.col("injury_status").is_in(ABSENT).fill_null(False)
    scores = pl.col("points_mean_season") >= STAR_POINTS
    carries = (pl.col("minutes_mean_season") >= STAR_MINUTES) & (pl.col("points_mean_season") >= STAR_POINTS_WITH_MINUTES)
    is_star = ((pl.col("games_played_season") >= STAR_GAMES) & (scores | carries)).fill_null(False)
    usage = whole("usage_pct_season", BILLIONTHS)
    own = {
        "star_teammates_out": is_absent & is_star,
        "questionable_teammates": (pl.col("injury_status") == QUESTIONABLE).fill_null(False),
        "absent_teammates_usage_pct_sum_season": pl.when(is_absent).then(usage).fill_null(0),
        "star_teammates_usage_pct_sum": pl.when(is_absent & is_star).then(usage).fill_null(0),
    }
    of_others = {name: (value.cast(pl.Int64).sum().over(TEAM) - value.cast(pl.Int64)) for name, value in own.items()}
    for name in ("absent_teammates_usage_pct_sum_season", "star_teammates_usage_pct_sum"):
        of_others[name] /= BILLIONTHS
    return rows.with_columns(pl.when("has_injury_report").then(value).alias(name) for name, value in of_others.items())

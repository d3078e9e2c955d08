"""Injury status per player, and the effect of absences on the team.

Per team and game, the newest snapshot of the injury report decides. Only snapshots known to be from before tip-off count. A
snapshot in which the team has not submitted is skipped, so the previous one stays valid. If an entry is unusable, the status
of its player is unknown. If such an entry has no player id, every player whom the snapshot does not list has an unknown
status.
"""

from datetime import datetime

import polars as pl

from nba_pipeline.formulas.rolling import BILLIONTHS, MIN_GAMES, whole_parts

TEAM = ["game_id", "team"]
NOT_SUBMITTED = "not_submitted"
RISK_LEVELS = {"available": 0, "probable": 0, "questionable": 1, "doubtful": 2, "out": 3}
PRINTED_INSTANT = "%Y-%m-%d %H:%M:%S%.f%z"
"""Format of instants in the quarantine."""

UNCLEAR = "unclear"
"""Status of an unusable entry, added by `with_unclear` and never stored."""

STAR_POINTS = 18.0
STAR_MINUTES = 28.0
STAR_POINTS_WITH_MINUTES = 12.0
STAR_GAMES = 10


def with_unclear(injuries: pl.DataFrame, quarantine: pl.DataFrame) -> pl.DataFrame:
    """Appends the quarantined rows to `injuries`, with the status `unclear`.

    A quarantined entry without a game is added to each game of its date. One without a team is added to both teams.
    """
    texts = [
        pl.col("row").str.json_path_match(f"$.{name}").alias(name) for name in (*TEAM, "player_id", "snapshot_at", "seen_at")
    ]
    unclear_rows = quarantine.select("game_date", "source", *texts).with_columns(
        pl.col("player_id").cast(pl.Int64),
        pl.col("snapshot_at", "seen_at").str.to_datetime(PRINTED_INSTANT, time_unit="us", time_zone="UTC"),
        pl.lit(UNCLEAR).alias("status"),
    )
    newest_rows = injuries.sort("snapshot_at").unique(["game_date", *TEAM], keep="last", maintain_order=True)
    sides = newest_rows.select("game_date", *TEAM, "tipoff_at")
    is_about = (pl.col("game_id") == pl.col("of_game")) & (pl.col("team") == pl.col("of_team"))
    placed = (
        unclear_rows.rename({"game_id": "of_game", "team": "of_team"})
        .join(sides, on="game_date")
        .filter(is_about.fill_null(True))
        .with_columns((pl.col("snapshot_at") < pl.col("tipoff_at")).alias("is_before_tipoff"))
    )
    return pl.concat([injuries, placed.drop("of_game", "of_team")], how="diagonal_relaxed").select(injuries.columns)


def injury_status(rows: pl.DataFrame, injuries: pl.DataFrame, as_of: datetime | None = None) -> pl.DataFrame:
    """Adds the status of the team's newest report to each expected player. One row per expected player in and out.

    Args:
        rows: One row per player and game, with game_id, team and player_id.
        injuries: Rows of `injuries`, with quarantined entries as added by `with_unclear`.
        as_of: Only snapshots seen by this instant count. Without it, all snapshots from before tip-off count.

    Returns:
        The rows with injury_status and injury_reason (null if the player is not listed or the status is unknown),
        has_injury_report (the team has submitted), injury_snapshot_at (of the deciding report) and injury_risk_level:
        0 not listed, available or probable, 1 questionable, 2 doubtful, 3 out; null without a report, and if the report's
        entry on the player is unusable.
    """
    counted = injuries.filter(pl.col("is_before_tipoff").fill_null(False))
    if as_of is not None:
        counted = counted.filter(pl.col("seen_at") <= as_of)
    snapshot, player = [*TEAM, "snapshot_at"], [*TEAM, "player_id"]
    unclear = counted.filter(pl.col("status") == UNCLEAR)
    unsubmitted = counted.filter(pl.col("status") == NOT_SUBMITTED).join(unclear, on=snapshot, how="anti")
    newest = counted.join(unsubmitted, on=snapshot, how="anti").group_by(TEAM).agg(pl.col("snapshot_at").max())
    latest_entries = counted.join(newest, on=snapshot, how="semi").select(
        *TEAM, "player_id", pl.col("status").alias("reported_status"), pl.col("reason").alias("reported_reason")
    )
    is_unclear = pl.col("reported_status") == UNCLEAR
    nameless = latest_entries.filter(is_unclear & pl.col("player_id").is_null()).select(*TEAM, pl.lit(UNCLEAR).alias("of_others"))
    listed = latest_entries.filter(pl.col("player_id").is_not_null()).sort(is_unclear, descending=True, maintain_order=True)
    has_report = pl.col("injury_snapshot_at").is_not_null()
    reported = pl.coalesce("reported_status", "of_others")
    risk = (
        pl.when(reported.is_null()).then(0).otherwise(reported.replace_strict(RISK_LEVELS, default=None, return_dtype=pl.Int64))
    )
    return (
        rows.join(newest.rename({"snapshot_at": "injury_snapshot_at"}), on=TEAM, how="left", maintain_order="left")
        .join(listed.unique(player, keep="first", maintain_order=True), on=player, how="left", maintain_order="left")
        .join(nameless.unique(), on=TEAM, how="left", maintain_order="left")
        .with_columns(
            has_report.alias("has_injury_report"),
            pl.when(has_report).then(risk).cast(pl.Int64).alias("injury_risk_level"),
            pl.when(~is_unclear).then("reported_status").alias("injury_status"),
            pl.when(~is_unclear).then("reported_reason").alias("injury_reason"),
        )
        .drop("reported_status", "reported_reason", "of_others")
    )


def absent_teammates(rows: pl.DataFrame) -> pl.DataFrame:
    """Adds the teammates who are expected to be absent. One row per expected player in and out.

    Absent players are out or doubtful. A star has at least 10 games of the season and averages 18 points, or 28 minutes and
    12 points.

    Args:
        rows: All expected players of each game, with game_id, team, has_injury_report, injury_risk_level,
            points_mean_season, minutes_mean_season, games_played_season and usage_pct_season (counts as 0 below 5 games).

    Returns:
        The rows with star_teammates_out and questionable_teammates (counts), absent_teammates_usage_pct_sum_season and, for
        absent stars, star_teammates_usage_pct_sum (sums of fractions). The player is never included. All are null without
        a report from the team. Each is null if it depends on a teammate's unknown status or usage.
    """
    is_absent = pl.col("injury_risk_level") >= RISK_LEVELS["doubtful"]
    is_scorer = pl.col("points_mean_season") >= STAR_POINTS
    is_rotation_scorer = (pl.col("minutes_mean_season") >= STAR_MINUTES) & (
        pl.col("points_mean_season") >= STAR_POINTS_WITH_MINUTES
    )
    is_star = (pl.col("games_played_season") >= STAR_GAMES) & (is_scorer | is_rotation_scorer)
    usage = pl.when(pl.col("games_played_season") < MIN_GAMES).then(0).otherwise(whole_parts("usage_pct_season", BILLIONTHS))
    own = {
        "star_teammates_out": is_absent & is_star,
        "questionable_teammates": pl.col("injury_risk_level") == RISK_LEVELS["questionable"],
        "absent_teammates_usage_pct_sum_season": _where(is_absent, usage),
        "star_teammates_usage_pct_sum": _where(is_absent & is_star, usage),
    }
    sums_of_teammates = {name: _sum_of_teammates(value.cast(pl.Int64)) for name, value in own.items()}
    for name in ("absent_teammates_usage_pct_sum_season", "star_teammates_usage_pct_sum"):
        sums_of_teammates[name] /= BILLIONTHS
    return rows.with_columns(pl.when("has_injury_report").then(value).alias(name) for name, value in sums_of_teammates.items())


def _where(condition: pl.Expr, value: pl.Expr) -> pl.Expr:
    """Returns the value where the condition holds, 0 where it does not, null where it is unknown."""
    return pl.when(condition).then(value).when(~condition).then(0)


def _sum_of_teammates(value: pl.Expr) -> pl.Expr:
    """Sum over the other players of the team; null if one of their values is unknown."""
    unknown_teammates = value.is_null().sum().over(TEAM) - value.is_null()
    return pl.when(unknown_teammates == 0).then(value.sum().over(TEAM) - value.fill_null(0))

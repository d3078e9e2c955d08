"""Decides whether a game or a date is complete enough to continue. Used by checks, automation and assets.

Functions of the data only. A gate that cannot be evaluated is closed: the functions raise.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import dataframely as dy
import polars as pl

from nba_pipeline.errors import Closed
from nba_pipeline.league.calendar import eastern
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import Row, Table

REGULATION_MINUTES = 240
OVERTIME_MINUTES = 25
EXACT_TOLERANCE_MINUTES = 1.0
ROUNDED_TOLERANCE_MINUTES = 6.0
"""Tolerance for the sum of the whole minutes of up to 15 players. Four real seasons stay within 4."""


class WaiverRows(Row):
    """Columns of `waivers`."""

    gate = dy.String(description="the waived gate")
    reason = dy.String(description="reason of the author")
    author = dy.String(description="name of the author")
    waived_at = dy.Datetime(time_zone="UTC", description="instant from which the waiver applies")
    ends_at = dy.Datetime(nullable=True, time_zone="UTC", description="end of the waiver; null: no end")


WAIVERS = Table(
    "waivers",
    grain="date, gate and instant",
    key=("game_date", "gate", "waived_at"),
    schema=WaiverRows,
    write="add",
    is_ledger=True,
)
SIDE_COLUMNS = ("home_team", "away_team", "home_points", "away_points")
GAME_COLUMNS = ("game_date", "game_id", "season", "status", *SIDE_COLUMNS, "has_boxscore_source", "tipoff_at")
BOXSCORE_COLUMNS = ("game_date", "game_id", "team", "did_play", "points", "team_points", "minutes", "minutes_precision")
"""The columns of `schedule` and `boxscores` that the gates of games and slates read."""

DEADLINE_AUTHOR = "deadline"
COVERAGE_GATE = "enough_final_games_are_covered"


def judge_games(schedule: pl.DataFrame, boxscores: pl.DataFrame) -> pl.DataFrame:
    """Returns for each final game whether its box score is complete, and the reason if it is not.

    One row per final game of the schedule: game_date, game_id, season, home_team, away_team, matchup, is_covered (false: no
    source has box scores of the competition), is_complete, problem.
    """
    final = schedule.filter(pl.col("status") == "final")
    expected = pl.concat(
        [
            final.select("game_id", pl.col(f"{side}_team").alias("team"), pl.col(f"{side}_points").alias("score"))
            for side in ("home", "away")
        ]
    )
    judged = expected.join(_sides(boxscores), on=["game_id", "team"], how="left").with_columns(_problem())
    problems = judged.group_by("game_id").agg(pl.col("problem").filter(pl.col("problem") != "").sort().str.join("; "))
    return (
        final.select(
            "game_date",
            "game_id",
            "season",
            "home_team",
            "away_team",
            pl.format("{}@{} {}", "away_team", "home_team", "game_id").alias("matchup"),
            pl.col("has_boxscore_source").alias("is_covered"),
        )
        .join(problems, on="game_id", how="left")
        .with_columns(pl.col("problem").eq_missing(pl.lit("")).alias("is_complete"))
        .sort("game_date", "game_id")
    )


def _sides(boxscores: pl.DataFrame) -> pl.DataFrame:
    """Returns per game and team the number of players, their points and minutes, and the error of the minutes."""
    minutes = pl.col("minutes").sum()
    overtimes = ((minutes - REGULATION_MINUTES) / OVERTIME_MINUTES).round().clip(lower_bound=0)
    is_exact = (pl.col("minutes_precision") == "exact").any()
    tolerance = pl.when(is_exact).then(EXACT_TOLERANCE_MINUTES).otherwise(ROUNDED_TOLERANCE_MINUTES)
    minutes_off = (pl.col("minutes") - REGULATION_MINUTES - OVERTIME_MINUTES * pl.col("overtimes")).abs()
    return (
        boxscores.filter(pl.col("did_play"))
        .group_by("game_id", "team")
        .agg(
            pl.len().alias("played"),
            pl.col("points").sum(),
            pl.col("team_points").max(),
            minutes,
            tolerance.alias("tolerance"),
            overtimes.alias("overtimes"),
        )
        # both teams play as many overtimes; alone, an overtime team that lacks a player would look like a regulation team
        .with_columns(pl.col("overtimes").max().over("game_id"))
        .with_columns(minutes_off.alias("minutes_off"))
    )


def _problem() -> pl.Expr:
    """Returns why the box score of a team is incomplete; an empty text if it is complete."""
    team = pl.col("team")
    return (
        pl.when(pl.col("played").is_null())
        .then(pl.format("no box score of {}", team))
        .when(pl.col("played") < SETTINGS.coverage.players_per_team)
        .then(pl.format("only {} played for {}", "played", team))
        .when(pl.col("points").ne_missing(pl.col("score")))
        .then(pl.format("players of {} sum to {} points, the team scored {}", team, "points", _or_unknown("score")))
        .when(pl.col("points").ne_missing(pl.col("team_points")))
        .then(pl.format("players of {} sum to {} points, its box score says {}", team, "points", _or_unknown("team_points")))
        .when(pl.col("minutes_off") > pl.col("tolerance"))
        .then(pl.format("players of {} sum to {} minutes", team, pl.col("minutes").round(1)))
        .otherwise(pl.lit(""))
        .fill_null("the box score cannot be checked: a value is null")
        .alias("problem")
    )


def _or_unknown(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String).fill_null("an unknown number")


def coverage(judged: pl.DataFrame, dates: Sequence[date]) -> pl.DataFrame:
    """Returns one row per date: final_games, complete_games, share (1 without final games), missing, uncovered, is_open."""
    counted = pl.col("is_covered")
    per_date = judged.group_by("game_date").agg(
        counted.sum().alias("final_games"),
        (counted & pl.col("is_complete")).sum().alias("complete_games"),
        pl.format("{} ({})", "matchup", "problem").filter(counted & ~pl.col("is_complete")).alias("missing"),
        pl.col("matchup").filter(~counted).alias("uncovered"),
    )
    share = pl.col("complete_games") / pl.col("final_games")
    return (
        pl.DataFrame({"game_date": list(dates)}, schema={"game_date": pl.Date})
        .join(per_date, on="game_date", how="left")
        .with_columns(
            pl.col("final_games", "complete_games").fill_null(0),
            pl.col("missing", "uncovered").fill_null([]),
        )
        .with_columns(pl.when(pl.col("final_games") == 0).then(1.0).otherwise(share).alias("share"))
        .with_columns((pl.col("share") >= SETTINGS.coverage.enough).alias("is_open"))
        .sort("game_date")
    )


def deadline(day: date) -> datetime:
    """Returns the instant from which the complete games of a date are eligible, even if too many games are missing."""
    return eastern(day + timedelta(days=1), SETTINGS.coverage.deadline_hour_eastern)


def waivers_due(covered: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """Returns one waiver per closed date with complete games whose deadline has passed. The result is deterministic."""
    due = covered.filter(~pl.col("is_open") & (pl.col("complete_games") > 0))
    due = due.filter(pl.Series([deadline(day) <= as_of for day in due["game_date"]], dtype=pl.Boolean))
    return due.select(
        "game_date",
        pl.lit(COVERAGE_GATE).alias("gate"),
        pl.format("DEGRADED: {} of {} final games complete at the deadline", "complete_games", "final_games").alias("reason"),
        pl.lit(DEADLINE_AUTHOR).alias("author"),
        pl.Series("waived_at", [deadline(day) for day in due["game_date"]], dtype=pl.Datetime("us", "UTC")),
        pl.lit(None, pl.Datetime("us", "UTC")).alias("ends_at"),
        pl.lit("boxscores, schedule").alias("source"),
    )


def standing_waivers(waivers: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """Returns the waivers of the coverage gate that are in effect at `as_of`. A date can have several."""
    has_ended = pl.col("ends_at").is_not_null() & (pl.col("ends_at") <= as_of)
    return waivers.filter((pl.col("gate") == COVERAGE_GATE) & (pl.col("waived_at") <= as_of) & ~has_ended)


def eligible_games(
    schedule: pl.DataFrame, boxscores: pl.DataFrame, waivers: pl.DataFrame, dates: Sequence[date], as_of: datetime
) -> tuple[list[str], dict[str, list[str]]]:
    """Returns the ids of the games that may be summarized and graded, and per date the matchups of the excluded games.

    Raises Closed if every date is closed.
    """
    judged = judge_games(schedule, boxscores).filter(pl.col("game_date").is_in(list(dates)))
    covered = coverage(judged, dates)
    standing = standing_waivers(waivers, as_of)
    is_waived = pl.col("game_date").is_in(standing["game_date"].implode())
    closed = covered.filter(~pl.col("is_open") & ~is_waived)
    if closed.height and closed.height == covered.height:
        first = closed.row(0, named=True)
        raise Closed(
            f"{first['game_date']} is closed: {first['complete_games']} of {first['final_games']} final games have a complete "
            f"box score, fewer than {SETTINGS.coverage.enough:.0%}; missing: {', '.join(first['missing'])}"
        )
    eligible = judged.filter(pl.col("is_complete") & ~pl.col("game_date").is_in(closed["game_date"].implode()))
    excluded = judged.filter(~pl.col("game_id").is_in(eligible["game_id"].implode()))
    excluded_by_date = {
        str(day): excluded.filter(pl.col("game_date") == day)["matchup"].to_list() for day in excluded["game_date"].unique()
    }
    return eligible["game_id"].to_list(), excluded_by_date

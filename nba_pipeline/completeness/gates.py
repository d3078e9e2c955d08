"""Decides whether a game, a date or a team is complete enough to continue. Used by checks, automation and assets.

Functions of the data only. A gate that cannot be evaluated is closed: the functions raise.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import dataframely as dy
import polars as pl

from nba_pipeline.errors import Closed
from nba_pipeline.league.calendar import days, eastern, season_of_game_date
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import TABLES, Row, Table
from nba_pipeline.warehouse import Warehouse

REGULATION_MINUTES = 240
OVERTIME_MINUTES = 25
EXACT_TOLERANCE_MINUTES = 1.0
ROUNDED_TOLERANCE_MINUTES = 6.0
"""For the whole minutes of up to 15 players. Four real seasons stay within 4."""

RECENT_DAYS = 40
"""How many days before a slate its gate reads a team's last games. Longer than any break within a season."""

OVERDUE_HOURS = 6.0
OVERDUE_DAYS = 3
"""A game that is not final after this many days counts as not played, whatever the schedule says."""


class WaiverRows(Row):
    """Columns of `waivers`."""

    gate = dy.String(description="the gate that was waived")
    reason = dy.String(description="why")
    author = dy.String(description="who")
    waived_at = dy.Datetime(time_zone="UTC", description="since when")
    ends_at = dy.Datetime(nullable=True, time_zone="UTC", description="until when; null: for good")


WAIVERS = Table(
    "waivers", grain="date, gate and instant", key=("game_date", "gate", "waived_at"), schema=WaiverRows, write="add",
    is_ledger=True,
)  # fmt: skip
AUTHOR_OF_THE_DEADLINE = "deadline"
COVERAGE_GATE = "enough_final_games_are_covered"


def judge_games(schedule: pl.DataFrame, boxscores: pl.DataFrame) -> pl.DataFrame:
    """Returns for each final game whether its box score is complete, and the reason if it is not.

    One row per final game of the schedule: game_date, game_id, season, home_team, away_team, matchup, is_covered (false: no
    source has box scores of the competition), is_complete, problem.
    """
    minutes = pl.col("minutes").sum()
    overtimes = ((minutes - REGULATION_MINUTES) / OVERTIME_MINUTES).round().clip(lower_bound=0)
    tolerance = (
        pl.when((pl.col("minutes_precision") == "exact").any()).then(EXACT_TOLERANCE_MINUTES).otherwise(ROUNDED_TOLERANCE_MINUTES)
    )
    sides = (
        boxscores.filter(pl.col("did_play"))
        .group_by("game_id", "team")
        .agg(
            pl.len().alias("played"), pl.col("points").sum(), pl.col("team_points").max(),
            minutes, tolerance.alias("tolerance"), overtimes.alias("overtimes"),
        )
        # both teams play equal minutes; an overtime team that lacks a player would look like a team of a regulation game
        .with_columns(pl.col("overtimes").max().over("game_id"))
        .with_columns(
            (pl.col("minutes") - REGULATION_MINUTES - OVERTIME_MINUTES * pl.col("overtimes")).abs().alias("minutes_off")
        )
    )  # fmt: skip
    final = schedule.filter(pl.col("status") == "final")
    expected = pl.concat(
        [
            final.select("game_id", pl.col(f"{side}_team").alias("team"), pl.col(f"{side}_points").alias("score"))
            for side in ("home", "away")
        ]
    )
    team = pl.col("team")
    judged = expected.join(sides, on=["game_id", "team"], how="left").with_columns(
        pl.when(pl.col("played").is_null()).then(pl.format("no box score of {}", team))
        .when(pl.col("played") < SETTINGS.coverage.players_per_team).then(pl.format("only {} played for {}", "played", team))
        .when(pl.col("points").ne_missing(pl.col("score")))
        .then(pl.format("players of {} sum to {} points, the team scored {}", team, "points", _or_unknown("score")))
        .when(pl.col("points").ne_missing(pl.col("team_points")))
        .then(pl.format("players of {} sum to {} points, its box score says {}", team, "points", _or_unknown("team_points")))
        .when(pl.col("minutes_off") > pl.col("tolerance"))
        .then(pl.format("players of {} sum to {} minutes", team, pl.col("minutes").round(1)))
        .otherwise(pl.lit(""))
        .fill_null("cannot be judged")
        .alias("problem")
    )  # fmt: skip
    problems = judged.group_by("game_id").agg(pl.col("problem").filter(pl.col("problem") != "").sort().str.join("; "))
    return (
        final.select(
            "game_date", "game_id", "season", "home_team", "away_team",
            pl.format("{}@{} {}", "away_team", "home_team", "game_id").alias("matchup"),
            pl.col("has_boxscore_source").alias("is_covered"),
        )
        .join(problems, on="game_id", how="left")
        .with_columns(pl.col("problem").eq_missing(pl.lit("")).alias("is_complete"))
        .sort("game_date", "game_id")
    )  # fmt: skip


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
    """Returns the instant from which the complete games of a date are eligible although too many are missing."""
    return eastern(day + timedelta(days=1), SETTINGS.coverage.deadline_hour_eastern)


def waivers_due(covered: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """Returns one waiver per closed date with complete games whose deadline has passed. The result is deterministic."""
    due = covered.filter(~pl.col("is_open") & (pl.col("complete_games") > 0))
    due = due.filter(pl.Series([deadline(day) <= as_of for day in due["game_date"]], dtype=pl.Boolean))
    return due.select(
        "game_date",
        pl.lit(COVERAGE_GATE).alias("gate"),
        pl.format("DEGRADED: {} of {} final games complete at the deadline", "complete_games", "final_games").alias("reason"),
        pl.lit(AUTHOR_OF_THE_DEADLINE).alias("author"),
        pl.Series("waived_at", [deadline(day) for day in due["game_date"]], dtype=pl.Datetime("us", "UTC")),
        pl.lit(None, pl.Datetime("us", "UTC")).alias("ends_at"),
        pl.lit("boxscores, schedule").alias("source"),
    )


def standing_waivers(waivers: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """Returns the waivers of the coverage gate in effect at `as_of`. A date can have several."""
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
    go_on = judged.filter(pl.col("is_complete") & ~pl.col("game_date").is_in(closed["game_date"].implode()))
    out = judged.filter(~pl.col("game_id").is_in(go_on["game_id"].implode()))
    left_out = {str(day): out.filter(pl.col("game_date") == day)["matchup"].to_list() for day in out["game_date"].unique()}
    return go_on["game_id"].to_list(), left_out


def judge_slates(
    schedule: pl.DataFrame, boxscores: pl.DataFrame, dates: Sequence[date], as_of: datetime
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Judges the games before each date, from which its features are derived.

    Returns one row per date (game_date, recent_games, recent_complete, share, is_open, missing), and one row per date and
    excluded team (game_date, team, matchup). A team is excluded if one of its last 3 games lacks a complete box score. An
    overdue game counts as incomplete. A date without games is open. Teams that do not play on the date are omitted.
    """
    judged = judge_games(schedule, boxscores).filter("is_covered")
    overdue = schedule.filter(
        pl.col("status").is_in(["scheduled", "live", "unknown"]),
        pl.col("has_boxscore_source"),
        pl.coalesce("tipoff_at", pl.col("game_date").cast(pl.Datetime("us", "UTC")) + timedelta(hours=24))
        < as_of - timedelta(hours=OVERDUE_HOURS),
    ).select(
        "game_date", "game_id", "home_team", "away_team",
        pl.format("{}@{} {}", "away_team", "home_team", "game_id").alias("matchup"), pl.lit(False).alias("is_complete"),
    )  # fmt: skip
    games = (
        pl.concat([judged.select(overdue.columns).with_columns(is_overdue=False), overdue.with_columns(is_overdue=True)])
        .with_columns(season_of_game_date())
        .sort("game_date", "game_id")
    )
    verdicts: list[dict[str, object]] = []
    held_back: list[dict[str, object]] = []
    slates = pl.DataFrame({"game_date": sorted(dates)}, schema={"game_date": pl.Date}).with_columns(season_of_game_date())
    for day, season in slates.iter_rows():
        is_recent = ~pl.col("is_overdue") | (pl.col("game_date") >= day - timedelta(days=OVERDUE_DAYS))
        earlier = games.filter(pl.col("season") == season, pl.col("game_date") < day, is_recent)
        verdicts.append(_last_slates(earlier, day))
        held_back += _teams_with_a_hole(earlier, day)
    playing = pl.concat(
        [
            schedule.filter(pl.col("status") != "postponed").select("game_date", pl.col(f"{side}_team").alias("team"))
            for side in ("home", "away")
        ]
    )
    has_games = pl.col("game_date").is_in(playing["game_date"].implode())
    return (
        pl.DataFrame(verdicts, schema=SLATE_VERDICT).with_columns(pl.col("is_open") | ~has_games),
        pl.DataFrame(held_back, schema=HELD_BACK).join(playing, on=["game_date", "team"], how="semi"),
    )


SLATE_VERDICT: Mapping[str, Any] = {
    "game_date": pl.Date, "recent_games": pl.Int64, "recent_complete": pl.Int64, "share": pl.Float64, "is_open": pl.Boolean,
    "missing": pl.List(pl.String),
}  # fmt: skip
HELD_BACK: Mapping[str, Any] = {"game_date": pl.Date, "team": pl.String, "matchup": pl.String}


def _last_slates(earlier: pl.DataFrame, day: date) -> dict[str, object]:
    """Returns the share of complete games on the last dates with games."""
    slates = earlier["game_date"].unique().sort().tail(SETTINGS.coverage.recent_slates)
    recent = earlier.filter(pl.col("game_date").is_in(slates.implode()))
    games, complete = recent.height, int(recent["is_complete"].sum())
    share = complete / games if games else 1.0
    missing = recent.filter(~pl.col("is_complete"))["matchup"].to_list()
    return {"game_date": day, "recent_games": games, "recent_complete": complete, "share": share,
            "is_open": share >= SETTINGS.coverage.enough, "missing": missing}  # fmt: skip


def _teams_with_a_hole(earlier: pl.DataFrame, day: date) -> list[dict[str, object]]:
    """Returns the teams with an incomplete game among their last games."""
    if earlier["is_complete"].all():
        return []
    team_games = pl.concat(
        [earlier.select("game_date", pl.col(f"{side}_team").alias("team"), "is_complete", "matchup") for side in ("home", "away")]
    ).sort("team", "game_date")
    last = team_games.group_by("team", maintain_order=True).tail(SETTINGS.coverage.recent_team_games)
    holes = last.filter(~pl.col("is_complete")).select("team", "matchup")
    return [{"game_date": day, "team": team, "matchup": matchup} for team, matchup in holes.iter_rows()]


def before(warehouse: Warehouse, dates: Sequence[date]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Returns the schedule through the last date and the box scores before it, from `RECENT_DAYS` before the first date."""
    window = days(min(dates) - timedelta(days=RECENT_DAYS), max(dates))
    return warehouse.scan(TABLES["schedule"], window).collect(), warehouse.scan(TABLES["boxscores"], window[:-1]).collect()


def judge_readiness(
    features: pl.DataFrame, required: Sequence[str], dates: Sequence[date], least_games: int = SETTINGS.predicting.least_games
) -> pl.DataFrame:
    """Decides whether a slate can be predicted. One row per date: ready, expected, share (1 if none is expected), is_open.

    Expected players have `least_games` played games this season; with 0, one of any season. Ready players also have every
    required feature.
    """
    has_games = pl.col("games_played_season") >= least_games if least_games else pl.col("career_games_last_1095_days") > 0
    per_date = (
        features.filter(has_games)
        .group_by("game_date")
        .agg(pl.all_horizontal(pl.col(required).is_not_null()).sum().alias("ready"), pl.len().alias("expected"))
    )
    return (
        pl.DataFrame({"game_date": list(dates)}, schema={"game_date": pl.Date})
        .join(per_date, on="game_date", how="left")
        .with_columns(pl.col("ready", "expected").fill_null(0))
        .with_columns(pl.when(pl.col("expected") == 0).then(1.0).otherwise(pl.col("ready") / pl.col("expected")).alias("share"))
        .with_columns((pl.col("share") >= SETTINGS.coverage.ready_block).alias("is_open"))
        .sort("game_date")
    )

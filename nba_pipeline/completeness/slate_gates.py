"""Decides whether the slate of a date may have features and predictions, and for which teams. Pure functions of tables.

A gate that cannot be evaluated is closed: the functions raise.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from nba_pipeline.completeness import gates
from nba_pipeline.errors import Closed
from nba_pipeline.league.calendar import days, season_of_game_date
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.io_manager import SLATE_CLOSED

RECENT_DAYS = 40
"""Days before a slate in which its gate searches for a team's last games. Longer than any break within a season."""

OVERDUE_HOURS = 6.0
OVERDUE_DAYS = 3
"""A game that is not final after this many days counts as not played, whatever the schedule says."""

SLATE_VERDICT: Mapping[str, Any] = {
    "game_date": pl.Date,
    "recent_games": pl.Int64,
    "recent_complete": pl.Int64,
    "share": pl.Float64,
    "is_open": pl.Boolean,
    "missing": pl.List(pl.String),
}
EXCLUDED_TEAMS: Mapping[str, Any] = {"game_date": pl.Date, "team": pl.String, "matchup": pl.String}


def before(warehouse: Warehouse, dates: Sequence[date]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Returns the schedule through the last date and the box scores before it, from `RECENT_DAYS` before the first date."""
    window = days(min(dates) - timedelta(days=RECENT_DAYS), max(dates))
    schedule = warehouse.scan(TABLES["schedule"], window).select(gates.GAME_COLUMNS)
    return schedule.collect(), warehouse.scan(TABLES["boxscores"], window[:-1]).select(gates.BOXSCORE_COLUMNS).collect()


def judge_slates(
    schedule: pl.DataFrame, boxscores: pl.DataFrame, dates: Sequence[date], as_of: datetime
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Judges the games before each date, from which its features are derived.

    Returns one row per date (game_date, recent_games, recent_complete, share, is_open, missing), and one row per date and
    excluded team (game_date, team, matchup). A team is excluded if one of its last 3 games lacks a complete box score. An
    overdue game counts as incomplete. A date without games is open. Teams that do not play on the date are omitted.
    """
    judged = gates.judge_games(schedule, boxscores).filter("is_covered")
    overdue = _overdue_games(schedule, as_of)
    games = (
        pl.concat([judged.select(overdue.columns).with_columns(is_overdue=False), overdue.with_columns(is_overdue=True)])
        .with_columns(season_of_game_date())
        .sort("game_date", "game_id")
    )
    verdicts: list[dict[str, object]] = []
    excluded_teams: list[dict[str, object]] = []
    slates = pl.DataFrame({"game_date": sorted(dates)}, schema={"game_date": pl.Date}).with_columns(season_of_game_date())
    for day, season in slates.iter_rows():
        is_recent = ~pl.col("is_overdue") | (pl.col("game_date") >= day - timedelta(days=OVERDUE_DAYS))
        earlier = games.filter(pl.col("season") == season, pl.col("game_date") < day, is_recent)
        verdicts.append(_recent_coverage(earlier, day))
        excluded_teams += _teams_with_an_incomplete_game(earlier, day)
    playing = pl.concat(
        [
            schedule.filter(pl.col("status") != "postponed").select("game_date", pl.col(f"{side}_team").alias("team"))
            for side in ("home", "away")
        ]
    )
    has_games = pl.col("game_date").is_in(playing["game_date"].implode())
    return (
        pl.DataFrame(verdicts, schema=SLATE_VERDICT).with_columns(pl.col("is_open") | ~has_games),
        pl.DataFrame(excluded_teams, schema=EXCLUDED_TEAMS).join(playing, on=["game_date", "team"], how="semi"),
    )


def _overdue_games(schedule: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """Returns the games that should be final and are not, as incomplete games."""
    starts_at = pl.coalesce("tipoff_at", pl.col("game_date").cast(pl.Datetime("us", "UTC")) + timedelta(hours=24))
    return schedule.filter(
        pl.col("status").is_in(["scheduled", "live", "unknown"]),
        pl.col("has_boxscore_source"),
        starts_at < as_of - timedelta(hours=OVERDUE_HOURS),
    ).select(
        "game_date",
        "game_id",
        "home_team",
        "away_team",
        pl.format("{}@{} {}", "away_team", "home_team", "game_id").alias("matchup"),
        pl.lit(False).alias("is_complete"),
    )


def _recent_coverage(earlier: pl.DataFrame, day: date) -> dict[str, object]:
    """Returns the share of complete games on the last dates with games."""
    slates = earlier["game_date"].unique().sort().tail(SETTINGS.coverage.recent_slates)
    recent = earlier.filter(pl.col("game_date").is_in(slates.implode()))
    games, complete = recent.height, int(recent["is_complete"].sum())
    share = complete / games if games else 1.0
    missing = recent.filter(~pl.col("is_complete"))["matchup"].to_list()
    return {
        "game_date": day,
        "recent_games": games,
        "recent_complete": complete,
        "share": share,
        "is_open": share >= SETTINGS.coverage.enough,
        "missing": missing,
    }


def _teams_with_an_incomplete_game(earlier: pl.DataFrame, day: date) -> list[dict[str, object]]:
    """Returns the teams with an incomplete game among their last games."""
    if earlier["is_complete"].all():
        return []
    team_games = pl.concat(
        [earlier.select("game_date", pl.col(f"{side}_team").alias("team"), "is_complete", "matchup") for side in ("home", "away")]
    ).sort("team", "game_date")
    last_games = team_games.group_by("team", maintain_order=True).tail(SETTINGS.coverage.recent_team_games)
    incomplete = last_games.filter(~pl.col("is_complete")).select("team", "matchup")
    return [{"game_date": day, "team": team, "matchup": matchup} for team, matchup in incomplete.iter_rows()]


def ready_players(
    upcoming_players: pl.DataFrame, slates: pl.DataFrame, excluded_teams: pl.DataFrame
) -> tuple[pl.DataFrame, dict[str, list[str]]]:
    """Returns the expected players of the open slates, and per date the excluded teams.

    The players lack those of excluded teams. A closed slate is listed among the excluded teams of its date. Raises Closed if
    every slate is closed.
    """
    closed = slates.filter(~pl.col("is_open"))
    if closed.height == slates.height:
        first = closed.row(0, named=True)
        raise Closed(
            f"the slate of {first['game_date']} is closed: {first['recent_complete']} of {first['recent_games']} final games of "
            f"the last {SETTINGS.coverage.recent_slates} slates have a complete box score; missing: {', '.join(first['missing'][:20])}"
        )
    expected = upcoming_players.filter(~pl.col("game_date").is_in(closed["game_date"].implode())).join(
        excluded_teams.select("game_date", "team").unique(), on=["game_date", "team"], how="anti"
    )
    names = pl.concat(
        [
            excluded_teams.select("game_date", pl.format("{} ({})", "team", "matchup").alias("name")),
            closed.select("game_date", pl.lit(SLATE_CLOSED).alias("name")),
        ]
    )
    by_date = names.group_by("game_date", maintain_order=True).agg("name")
    return expected, {str(day): messages for day, messages in by_date.iter_rows()}


def judge_readiness(
    features: pl.DataFrame, required: Sequence[str], dates: Sequence[date], min_games: int | None = None
) -> pl.DataFrame:
    """Decides whether a slate can be predicted. One row per date: ready, expected, share (1 if none is expected), is_open.

    Expected players have at least `min_games` played games this season, by default the setting. If it is 0, they have a game
    of any season in the 1,095 days before. Ready players also have every required feature.
    """
    min_games = SETTINGS.predicting.least_games if min_games is None else min_games
    has_games = pl.col("games_played_season") >= min_games if min_games else pl.col("career_games_last_1095_days") > 0
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

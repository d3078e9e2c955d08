"""Latency of final games: when each step of the pipeline had them. Pure functions of frames; `latency_facts` reads them.

One row per final game, with these instants:

    final_at                       its last action
    boxscore_at                    the first landed final box score
    summary_at                     the first materialization of its date that could contain it
    graded_at                      its first grade
    features_at, predictions_at    of the next slate: the first materialization after the preceding step

An instant that is unknown, or not reached yet, is null. `is_predicted` says whether the game has a prediction to grade.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time

import polars as pl

from nba_pipeline.completeness.modes import CLOCK, DAYS_FROM_TODAY
from nba_pipeline.league.calendar import EASTERN_NAME
from nba_pipeline.monitoring.alert_rows import Severity
from nba_pipeline.settings import SETTINGS

UTC_INSTANT = pl.Datetime("us", "UTC")
FEATURES = "features of the next slate"
TRANSITIONS: Mapping[str, tuple[str, str]] = {
    "box score": ("final_at", "boxscore_at"),
    "summary": ("boxscore_at", "summary_at"),
    "grades": ("summary_at", "graded_at"),
    FEATURES: ("summary_at", "features_at"),
    "predictions of the next slate": ("features_at", "predictions_at"),
}
"""Step -> the instant of the step before, and its own."""

MINUTES = "minutes"

SlowStep = tuple[date, str, float, Severity]
"""Date, step, minutes of the slowest game, severity."""


def latencies(
    games: pl.DataFrame,
    ended: pl.DataFrame,
    seen: pl.DataFrame,
    graded: pl.DataFrame,
    materialized: Mapping[str, Mapping[date, Sequence[datetime]]],
) -> pl.DataFrame:
    """Returns the latency of final games, one row per game, sorted by date and game.

    Args:
        games: game_date, game_id, next_slate (the next date with games, null if unknown) and is_predicted.
        ended: game_id and final_at.
        seen: game_id and boxscore_at.
        graded: game_id and graded_at.
        materialized: table -> date -> instants of its materializations, oldest first.
    """
    rows = games
    for frame in (ended, seen, graded):
        rows = rows.join(frame, on="game_id", how="left")
    for table, of_date, after, name in (
        ("player_game_summary", "game_date", "boxscore_at", "summary_at"),
        ("features", "next_slate", "summary_at", "features_at"),
        ("predictions", "next_slate", "features_at", "predictions_at"),
    ):
        rows = rows.with_columns(_first_after(table, of_date, after, materialized).alias(name))
    instants = list(dict.fromkeys(name for pair in TRANSITIONS.values() for name in pair))
    facts = ("game_date", "game_id", "next_slate", "is_predicted")
    return rows.select(*facts, *(pl.col(name).cast(UTC_INSTANT) for name in instants)).sort("game_date", "game_id")


def _first_after(table: str, of_date: str, after: str, materialized: Mapping[str, Mapping[date, Sequence[datetime]]]) -> pl.Expr:
    """The first materialization of a date of a table that is not before an instant of the game."""
    by_date = materialized.get(table, {})

    def first(row: Mapping[str, datetime | date | None]) -> datetime | None:
        day, since = row[of_date], row[after]
        if not isinstance(since, datetime) or not isinstance(day, date):
            return None
        return next((at for at in by_date.get(day, ()) if at >= since), None)

    return pl.struct(of_date, after).map_elements(first, return_dtype=UTC_INSTANT, skip_nulls=False)


def transitions(rows: pl.DataFrame) -> pl.DataFrame:
    """Returns game_date, game_id, step and minutes: one row per game and step whose two instants are known.

    A step that began before the preceding step ended has 0 minutes, because it did not wait.
    """
    return pl.concat([_minutes(rows, step, pl.col(end)) for step, (_, end) in TRANSITIONS.items()])


def _minutes(rows: pl.DataFrame, step: str, end: pl.Expr) -> pl.DataFrame:
    """Returns game_date, game_id, step and minutes until `end`, for the games whose step could begin and whose `end` is known.

    Features of the next slate cannot begin before the first mode of that slate is due, for example after a break of three days.
    """
    start = pl.col(TRANSITIONS[step][0])
    if step == FEATURES:
        start = not_before_first_due(start)
    minutes = ((end - start).dt.total_seconds() / 60).clip(0).alias(MINUTES)
    timed = rows.select("game_date", "game_id", pl.lit(step).alias("step"), minutes)
    return timed.filter(pl.col(MINUTES).is_not_null())


def not_before_first_due(instant: pl.Expr) -> pl.Expr:
    """The later of an instant and the first due instant of the next slate, that of the mode `tomorrow`. Null stays null."""
    first_due = eastern_instant("next_slate", time(*CLOCK["tomorrow"][0]), days_later=-DAYS_FROM_TODAY["tomorrow"])
    return pl.when(instant.is_not_null()).then(pl.max_horizontal(instant, first_due))


def eastern_instant(day: str, at: time, days_later: int = 0) -> pl.Expr:
    """The UTC instant of a US Eastern time of day on the date of a column, or some days later."""
    local = pl.col(day).dt.offset_by(f"{days_later}d").dt.combine(at)
    return local.dt.replace_time_zone(EASTERN_NAME).dt.convert_time_zone("UTC")


def slow(rows: pl.DataFrame) -> list[SlowStep]:
    """Returns date, step, minutes and severity of each step that was slow on a date, by its slowest game."""
    return _slow(transitions(rows))


def waiting(rows: pl.DataFrame, now: datetime) -> list[SlowStep]:
    """Returns date, step, minutes and severity of each step that is still missing and already slow, by its slowest game.

    Grades are expected only of games with a prediction, features only of games before another slate.
    """
    expected = {"grades": pl.col("is_predicted"), FEATURES: pl.col("next_slate").is_not_null()}
    parts = []
    for step, (_, end) in TRANSITIONS.items():
        is_missing = pl.col(end).is_null() & expected.get(step, pl.lit(True))
        parts.append(_minutes(rows.filter(is_missing), step, pl.lit(now).cast(UTC_INSTANT)))
    return _slow(pl.concat(parts))


def _slow(timed: pl.DataFrame) -> list[SlowStep]:
    limits = SETTINGS.latency
    slowest = timed.group_by("game_date", "step").agg(pl.col(MINUTES).max()).sort("game_date", "step")
    return [
        (day, step, minutes, "critical" if minutes >= limits.critical_minutes else "warning")
        for day, step, minutes in slowest.iter_rows()
        if minutes >= limits.warning_minutes
    ]

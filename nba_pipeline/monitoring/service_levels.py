"""Service levels: objectives as data, their attainment over 7 and 30 days, and the error budget that is left."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta

import polars as pl

from nba_pipeline.league.calendar import EASTERN_NAME, eastern_date
from nba_pipeline.settings import SETTINGS

WINDOWS = (7, 30)
"""Days of the windows, today included."""


@dataclass(frozen=True)
class Objective:
    """A share of units that must be good. `judge` adds `is_good`, null where it cannot be judged at the instant."""

    name: str
    description: str
    target: float
    """Share of good units, 0-1."""
    unit: str
    judge: Callable[[pl.DataFrame, datetime], pl.DataFrame]


def _eastern(day: str, at: time, days_later: int = 0) -> pl.Expr:
    """The UTC instant of a US Eastern time of day on the date of a column, or some days later."""
    local = pl.col(day).dt.offset_by(f"{days_later}d").dt.combine(at)
    return local.dt.replace_time_zone(EASTERN_NAME).dt.convert_time_zone("UTC")


def _is_good(step: str, due: pl.Expr, due_at_latest: pl.Expr, now: datetime) -> pl.Expr:
    """Whether a step was not late. A step that has not happened is null until it is overdue, then false.

    `due` is null for a game whose end is unknown. Its step is late after `due_at_latest`, else null.
    """
    is_late = pl.coalesce(step, pl.lit(now)) > pl.coalesce(due, due_at_latest)
    return pl.when(is_late).then(False).when(pl.col(step).is_not_null() & due.is_not_null()).then(True)


def _after_the_game(step: str, minutes: float, now: datetime) -> pl.Expr:
    """Whether a step happened at most so many minutes after the last action.

    A game of unknown end has ended by the deadline for the box scores of its date.
    """
    limit, deadline = timedelta(minutes=minutes), time(SETTINGS.coverage.deadline_hour_eastern)
    return _is_good(step, pl.col("final_at") + limit, _eastern("game_date", deadline, days_later=1) + limit, now)


def _in_the_morning(step: str, now: datetime) -> pl.Expr:
    """Whether a step happened by the morning deadline of the next slate."""
    due = _eastern("next_slate", _morning_deadline())
    return _is_good(step, due, due, now)


def _per_game(rows: pl.DataFrame, good: pl.Expr) -> pl.DataFrame:
    return rows.select("game_date", good.alias("is_good"))


def _per_slate(rows: pl.DataFrame, good: pl.Expr) -> pl.DataFrame:
    """Judges each slate by the games before it: false if one is, else null if one cannot be judged."""
    judged = rows.filter(pl.col("next_slate").is_not_null()).with_columns(good.alias("is_good"))
    return judged.group_by(pl.col("next_slate").alias("game_date")).agg(pl.col("is_good").all(ignore_nulls=False))


def _morning_deadline() -> time:
    """The US Eastern time of day by which a slate has predictions."""
    hour, minute = divmod(round(SETTINGS.latency.predictions_by_hour_eastern * 60), 60)
    return time(hour, minute)


def objectives() -> tuple[Objective, ...]:
    """Returns the objectives with the limits of the settings."""
    limits = SETTINGS.latency
    return (
        Objective(
            "boxscores_in_time",
            f"box score within {limits.boxscore_minutes:g} minutes of the last action",
            0.90,
            "game",
            lambda rows, now: _per_game(rows, _after_the_game("boxscore_at", limits.boxscore_minutes, now)),
        ),
        Objective(
            "grades_in_time",
            f"grades within {limits.grades_hours:g} hours of the last action",
            0.95,
            "game",
            # a game without a prediction has nothing to grade
            lambda rows, now: _per_game(rows.filter("is_predicted"), _after_the_game("graded_at", 60 * limits.grades_hours, now)),
        ),
        Objective(
            "predictions_in_the_morning",
            f"predictions of the next slate by {_morning_deadline():%H:%M} Eastern",
            0.95,
            "slate",
            lambda rows, now: _per_slate(rows, _in_the_morning("predictions_at", now)),
        ),
        Objective(
            "end_to_end_in_time",
            f"predictions of the next slate within {limits.end_to_end_minutes:g} minutes of the last action",
            0.95,
            "slate",
            lambda rows, now: _per_slate(rows, _after_the_game("predictions_at", limits.end_to_end_minutes, now)),
        ),
    )


@dataclass(frozen=True)
class Attainment:
    """How an objective was met in a window. Without units, `share` and `budget_left` are unknown."""

    objective: Objective
    days: int
    units: int
    good: int
    unknown: int
    """Units that could not be judged. They count neither as good nor as bad."""

    @property
    def share(self) -> float | None:
        """Share of good units."""
        return self.good / self.units if self.units else None

    @property
    def budget_left(self) -> float | None:
        """Share of the error budget that is left; negative if more units were bad than the target permits."""
        return 1 - (self.units - self.good) / (self.units * (1 - self.objective.target)) if self.units else None

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None without units."""
        return None if self.share is None else self.share >= self.objective.target


def attainments(rows: pl.DataFrame, now: datetime) -> list[Attainment]:
    """Returns the attainment of each objective and window. `rows` are those of `latency.latencies`."""
    today, attained = eastern_date(now), list[Attainment]()
    for objective in objectives():
        judged = objective.judge(rows, now)
        for window in WINDOWS:
            recent = judged.filter(pl.col("game_date").is_between(today - timedelta(days=window - 1), today))
            known = recent["is_good"].drop_nulls()
            unknown = recent.height - known.len()
            attained.append(Attainment(objective, window, known.len(), int(known.sum()), unknown))
    return attained


def exhausted(attained: Sequence[Attainment]) -> list[Attainment]:
    """Returns the windows of enough units in which more than the error budget was spent."""
    least = SETTINGS.latency.least_units
    return [one for one in attained if one.units >= least and one.budget_left is not None and one.budget_left < 0]

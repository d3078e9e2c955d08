"""Service levels: objectives as data, their attainment over 7 and 30 days, and the error budget that is left."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta

import polars as pl

from nba_pipeline.league.calendar import EASTERN_NAME
from nba_pipeline.settings import SETTINGS

WINDOWS = (7, 30)
"""Days of the windows, today included."""


@dataclass(frozen=True)
class Objective:
    """A share of units that must be good. `judge` adds `is_good`, null where it cannot be judged yet."""

    name: str
    description: str
    target: float
    """Share of good units, 0-1."""
    unit: str
    judge: Callable[[pl.DataFrame], pl.DataFrame]


def _within(start: str, end: str, minutes: float) -> pl.Expr:
    """Whether an instant is at most so many minutes after another one. Null if either is unknown."""
    return (pl.col(end) - pl.col(start)).dt.total_seconds() <= 60 * minutes


def _per_game(good: pl.Expr) -> Callable[[pl.DataFrame], pl.DataFrame]:
    return lambda rows: rows.select("game_date", good.alias("is_good"))


def _per_slate(good: pl.Expr) -> Callable[[pl.DataFrame], pl.DataFrame]:
    """Judges each slate by the games before it: all must be good. A slate with a game that cannot be judged is null."""

    def judge(rows: pl.DataFrame) -> pl.DataFrame:
        judged = rows.filter(pl.col("next_slate").is_not_null()).with_columns(good.alias("is_good"))
        worst = pl.when(pl.col("is_good").is_null().any()).then(None).otherwise(pl.col("is_good").all())
        return judged.group_by(pl.col("next_slate").alias("game_date")).agg(worst.alias("is_good"))

    return judge


def _morning_deadline() -> time:
    """The US Eastern time of day by which a slate has predictions."""
    hour, minute = divmod(round(SETTINGS.latency.predictions_by_hour_eastern * 60), 60)
    return time(hour, minute)


def _readable_in_the_morning() -> pl.Expr:
    """Whether the predictions that use a game were written by the deadline, on the clock on the wall."""
    due = pl.col("next_slate").dt.combine(_morning_deadline()).dt.replace_time_zone(EASTERN_NAME)
    return pl.col("predictions_at").dt.convert_time_zone(EASTERN_NAME) <= due


def objectives() -> tuple[Objective, ...]:
    """Returns the objectives with the limits of the settings."""
    limits = SETTINGS.latency
    return (
        Objective(
            "boxscores_in_time",
            f"box score within {limits.boxscore_minutes:g} minutes of the last action",
            0.90,
            "game",
            _per_game(_within("final_at", "boxscore_at", limits.boxscore_minutes)),
        ),
        Objective(
            "grades_in_time",
            f"grades within {limits.grades_hours:g} hours of the last action",
            0.95,
            "game",
            _per_game(_within("final_at", "graded_at", 60 * limits.grades_hours)),
        ),
        Objective(
            "predictions_in_the_morning",
            f"predictions of the next slate by {_morning_deadline():%H:%M} Eastern",
            0.95,
            "slate",
            _per_slate(_readable_in_the_morning()),
        ),
        Objective(
            "end_to_end_in_time",
            f"predictions of the next slate within {limits.end_to_end_minutes:g} minutes of the last action",
            0.95,
            "slate",
            _per_slate(_within("final_at", "predictions_at", limits.end_to_end_minutes)),
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


def attainments(rows: pl.DataFrame, today: date) -> list[Attainment]:
    """Returns the attainment of each objective and window. `rows` are those of `latency.latencies`."""
    found = list[Attainment]()
    for objective in objectives():
        judged = objective.judge(rows)
        for window in WINDOWS:
            recent = judged.filter(pl.col("game_date").is_between(today - timedelta(days=window - 1), today))
            known = recent["is_good"].drop_nulls()
            unknown = recent.height - known.len()
            found.append(Attainment(objective, window, known.len(), int(known.sum()), unknown))
    return found


def exhausted(attained: Sequence[Attainment]) -> list[Attainment]:
    """Returns the windows of enough units in which more than the error budget was spent."""
    least = SETTINGS.latency.least_units
    return [one for one in attained if one.units >= least and one.budget_left is not None and one.budget_left < 0]

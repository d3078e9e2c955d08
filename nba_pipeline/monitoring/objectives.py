"""The objectives of the service levels: their units and the cost of each unit. `service_levels` computes the attainment.

An objective limits the share of bad units, a mean, or a number per week. Each unit has a cost, which spends the error budget:

    share    0 for a good unit, 1 for a bad one; the target is the share of good units
    mean     a number of minutes; the target is the largest mean
    rate     1; the target is the largest number of units per week
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta
from typing import Literal

import polars as pl

from nba_pipeline.monitoring.latency import UTC_INSTANT, eastern_instant, not_before_first_due
from nba_pipeline.settings import SETTINGS

Measure = Literal["share", "mean", "rate"]

UNIT = {"game_date": pl.Date(), "at": UTC_INSTANT}
"""Columns of every unit: its US Eastern date, and the instant from which it can be judged."""

WORK = UNIT | {"name": pl.String(), "done_at": UTC_INSTANT, "failed_at": UTC_INSTANT}
"""Columns of `decided_work.read_work`."""
RELEASES = UNIT | {"is_good": pl.Boolean()}
"""Columns of `releases.judge`."""


@dataclass(frozen=True)
class Facts:
    """The facts from which the objectives are judged."""

    latencies: pl.DataFrame
    """Rows of `latency.latencies`."""
    work: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=WORK))
    acts: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=UNIT))
    releases: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=RELEASES))
    since: datetime | None = None
    """Instant of the first start of the daemon. None: unknown, so that rates are unknown, too."""


@dataclass(frozen=True)
class Objective:
    """An objective. `judge` returns game_date, at and cost of each unit; a cost is null if it is unknown at the instant."""

    name: str
    description: str
    target: float
    unit: str
    judge: Callable[[Facts, datetime], pl.DataFrame]
    measure: Measure = "share"
    is_urgent: bool = False
    """Whether a fast burn of its error budget is critical."""

    def budget(self, units: float, hours: float) -> float:
        """Returns the cost that the target permits to a number of units within a number of hours."""
        if self.measure == "rate":
            return self.target * hours / (7 * 24)
        return units * (self.target if self.measure == "mean" else 1 - self.target)


def objectives() -> tuple[Objective, ...]:
    """Returns the objectives with the limits of the settings."""
    return (*_of_latency(), *_of_operation())


def _of_latency() -> tuple[Objective, ...]:
    """Returns the objectives about the steps after a game."""
    limits = SETTINGS.latency
    return (
        Objective(
            "boxscores_in_time",
            f"box score within {limits.boxscore_minutes:g} minutes of the last action",
            0.90,
            "game",
            lambda facts, now: _per_game(facts.latencies, "boxscore_at", limits.boxscore_minutes, now),
            is_urgent=True,
        ),
        Objective(
            "grades_in_time",
            f"grades within {limits.grades_hours:g} hours of the last action",
            0.95,
            "game",
            # a game without a prediction has nothing to grade
            lambda facts, now: _per_game(facts.latencies.filter("is_predicted"), "graded_at", 60 * limits.grades_hours, now),
            is_urgent=True,
        ),
        Objective(
            "predictions_in_the_morning",
            f"predictions of the next slate by {_morning_deadline():%H:%M} Eastern",
            0.95,
            "slate",
            lambda facts, now: _per_slate(facts.latencies, *_in_the_morning(), now),
            is_urgent=True,
        ),
        Objective(
            "end_to_end_in_time",
            f"predictions of the next slate within {limits.end_to_end_minutes:g} minutes of the last action",
            0.95,
            "slate",
            lambda facts, now: _per_slate(facts.latencies, *_end_to_end(limits.end_to_end_minutes), now),
            is_urgent=True,
        ),
    )


def _of_operation() -> tuple[Objective, ...]:
    """Returns the objectives about runs, people and releases."""
    limits = SETTINGS.service_levels
    return (
        Objective(
            "decided_work_done",
            f"decided work is done (judged after {limits.work_hours:g} hours)",
            limits.work_share,
            "item",
            _work_done,
            is_urgent=True,
        ),
        Objective(
            "mean_time_to_repair",
            f"failed work is repaired in less than {limits.repair_minutes:g} minutes on average",
            limits.repair_minutes,
            "repair",
            _repairs,
            measure="mean",
        ),
        Objective(
            "manual_acts",
            f"fewer than {limits.acts_per_week:g} manual acts a week",
            limits.acts_per_week,
            "act",
            lambda facts, _: facts.acts.select("game_date", "at", pl.lit(1.0).alias("cost")),
            measure="rate",
        ),
        Objective(
            "releases_succeed",
            f"releases without a failure, rollback or repair within {limits.release_hours:g} hours",
            limits.release_share,
            "release",
            lambda facts, _: facts.releases.select("game_date", "at", _cost(pl.col("is_good"))),
        ),
    )


def _cost(good: pl.Expr) -> pl.Expr:
    """The cost of a unit of a share. Null stays null."""
    return (~good).cast(pl.Float64).alias("cost")


def _morning_deadline() -> time:
    """The US Eastern time of day by which a slate has predictions."""
    hour, minute = divmod(round(SETTINGS.latency.predictions_by_hour_eastern * 60), 60)
    return time(hour, minute)


def _after_the_game(minutes: float) -> tuple[pl.Expr, pl.Expr]:
    """Returns two due instants: `minutes` after the last action, and `minutes` after the latest possible end.

    The first is null if the end of the game is unknown.
    """
    limit = timedelta(minutes=minutes)
    return pl.col("final_at") + limit, _ended_at_latest() + limit


def _end_to_end(minutes: float) -> tuple[pl.Expr, pl.Expr]:
    """Like `_after_the_game`. After a break, the minutes count from the first due instant of the next slate."""
    limit = timedelta(minutes=minutes)
    return not_before_first_due(pl.col("final_at")) + limit, not_before_first_due(_ended_at_latest()) + limit


def _ended_at_latest() -> pl.Expr:
    """The latest possible end of a game: the deadline for the box scores of its date."""
    return eastern_instant("game_date", time(SETTINGS.coverage.deadline_hour_eastern), days_later=1)


def _in_the_morning() -> tuple[pl.Expr, pl.Expr]:
    """Returns two equal due instants, because this deadline does not depend on the end of a game."""
    due = eastern_instant("next_slate", _morning_deadline())
    return due, due


def _is_good(step: str, due: pl.Expr, due_at_latest: pl.Expr, now: datetime) -> pl.Expr:
    """Whether a step was not late. A step that has not happened is null until it is overdue, then false.

    `due` is null for a game whose end is unknown. Its step is late after `due_at_latest`, else null.
    """
    is_late = pl.coalesce(step, pl.lit(now)) > pl.coalesce(due, due_at_latest)
    return pl.when(is_late).then(False).when(pl.col(step).is_not_null() & due.is_not_null()).then(True)


def _per_game(rows: pl.DataFrame, step: str, minutes: float, now: datetime) -> pl.DataFrame:
    due, at_latest = _after_the_game(minutes)
    return rows.select("game_date", pl.coalesce(due, at_latest).alias("at"), _cost(_is_good(step, due, at_latest, now)))


def _per_slate(rows: pl.DataFrame, due: pl.Expr, at_latest: pl.Expr, now: datetime) -> pl.DataFrame:
    """Judges each slate by the games before it: bad if one game is bad, else unknown if one game is unknown, else good."""
    good = _is_good("predictions_at", due, at_latest, now).alias("is_good")
    judged = rows.filter(pl.col("next_slate").is_not_null()).with_columns(good, pl.coalesce(due, at_latest).alias("at"))
    by_slate = judged.group_by(pl.col("next_slate").alias("game_date"))
    return by_slate.agg(pl.col("at").max(), _cost(pl.col("is_good").all(ignore_nulls=False)))


def _work_done(facts: Facts, now: datetime) -> pl.DataFrame:
    """Work that is done is good. Other work is unknown until its limit, then bad."""
    is_lost = pl.col("at") + timedelta(hours=SETTINGS.service_levels.work_hours) < now
    good = pl.when(pl.col("done_at").is_not_null()).then(True).when(is_lost).then(False)
    return facts.work.select("game_date", "at", _cost(good))


def _repairs(facts: Facts, now: datetime) -> pl.DataFrame:
    """Minutes from the first failure of work to its success. Work that is not repaired is unknown until the limit."""
    failed = facts.work.filter(pl.col("failed_at").is_not_null())
    minutes = (pl.coalesce("done_at", pl.lit(now)) - pl.col("failed_at")).dt.total_seconds() / 60
    is_known = pl.col("done_at").is_not_null() | (minutes > SETTINGS.service_levels.repair_minutes)
    return failed.select("game_date", pl.col("failed_at").alias("at"), pl.when(is_known).then(minutes).alias("cost"))

"""Attainment of the service levels over 7 and 30 days, and the error budget that is left.

The objectives are in `objectives`, the reading of their facts in `service_level_facts`, alerts in `burn_rates`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from nba_pipeline.league.calendar import eastern, eastern_date
from nba_pipeline.monitoring.objectives import Facts, Objective, objectives
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.wording import counted

WINDOWS = (7, 30)
"""Days of the windows, today included."""


@dataclass(frozen=True)
class Attainment:
    """The attainment of an objective in a window. A number that is unknown is None, such as a mean without units."""

    objective: Objective
    days: int
    units: int
    good: int
    unknown: int
    """Units that could not be judged. They count neither as good nor as bad."""
    spent: float
    """Cost of the units."""
    is_observed: bool = True
    """Whether a daemon ran in the whole window. Otherwise a rate below its target is unknown."""

    @property
    def share(self) -> float | None:
        """Share of good units; None for a rate."""
        return self.good / self.units if self.units and self.objective.measure != "rate" else None

    @property
    def budget(self) -> float:
        """The cost that the target permits."""
        return self.objective.budget(self.units, 24 * self.days)

    @property
    def value(self) -> float | None:
        """The number that the target limits: a share, a mean, or a number per week."""
        if self.objective.measure == "rate":
            is_known = self.is_observed or self.spent > self.budget
            return self.spent * 7 / self.days if is_known else None
        return self.share if self.objective.measure == "share" or not self.units else self.spent / self.units

    @property
    def budget_left(self) -> float | None:
        """Share of the error budget that is left; negative if more than the target permits was spent."""
        return None if self.value is None or not self.budget else 1 - self.spent / self.budget

    @property
    def is_met(self) -> bool | None:
        """Whether the target is met; None if the value is unknown. A mean or a rate must be below its target."""
        if self.value is None:
            return None
        is_share = self.objective.measure == "share"
        return self.value >= self.objective.target if is_share else self.value < self.objective.target

    @property
    def message(self) -> str:
        """The attainment in one sentence."""
        value, target = text_of(self.objective, self.value), text_of(self.objective, self.objective.target)
        units = counted(self.units, self.objective.unit)
        return f"{self.objective.description}: {value} with {units} in {self.days} days (target {target})"


def text_of(objective: Objective, value: float | None) -> str:
    """Returns a value or target of an objective as text."""
    if value is None:
        return "no data"
    if objective.measure == "share":
        return f"{100 * value:.4g}%"
    return f"{value:.1f} min" if objective.measure == "mean" else f"{value:.2f} a week"


def attainments(facts: Facts, now: datetime) -> list[Attainment]:
    """Returns the attainment of each objective and window."""
    today, attained = eastern_date(now), list[Attainment]()
    for objective in objectives():
        judged = objective.judge(facts, now)
        for window in WINDOWS:
            first = today - timedelta(days=window - 1)
            recent = judged.filter(pl.col("game_date").is_between(first, today))
            cost = recent["cost"].drop_nulls()
            is_observed = facts.since is not None and facts.since <= eastern(first, 0)
            attained.append(
                Attainment(
                    objective,
                    window,
                    cost.len(),
                    good_units(objective, cost),
                    recent.height - cost.len(),
                    float(cost.sum()),
                    is_observed,
                )
            )
    return attained


def good_units(objective: Objective, cost: pl.Series) -> int:
    """Returns the number of good units; 0 for a rate, whose units are neither good nor bad."""
    if objective.measure == "rate":
        return 0
    return int((cost <= (objective.target if objective.measure == "mean" else 0)).sum())


def exhausted(attained: Sequence[Attainment]) -> list[Attainment]:
    """Returns the windows of enough units in which more than the error budget was spent."""
    limits = SETTINGS.service_levels
    return [
        one
        for one in attained
        if one.units >= (limits.least_bad if one.objective.measure == "rate" else SETTINGS.latency.least_units)
        and one.budget_left is not None
        and one.budget_left < 0
    ]


def missed(attained: Sequence[Attainment]) -> list[str]:
    """Returns a message per objective whose error budget is exhausted. It describes the shortest exhausted window."""
    messages: dict[str, str] = {}
    for one in exhausted(attained):
        messages.setdefault(one.objective.name, one.message)
    return list(messages.values())

"""The monitor of error budgets: one alert per objective whose error budget burns too fast.

The burn rate of a window is the cost of its units divided by the cost that the target permits. Each window ends now. It holds the
units that became due in it, whatever the date of their game.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import dagster as dg
import polars as pl

from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.instigators import read_instigators
from nba_pipeline.monitoring.alert_rows import Severity
from nba_pipeline.monitoring.findings import Finding
from nba_pipeline.monitoring.latency_facts import began_at
from nba_pipeline.monitoring.objectives import Facts, Objective, objectives
from nba_pipeline.monitoring.service_level_facts import read_facts
from nba_pipeline.monitoring.service_levels import good_units
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.wording import counted
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing

BURN_RATE_HIGH = "burn_rate_high"
COMMAND = "nba-pipeline slo"


@dataclass(frozen=True)
class Burn:
    """How fast the error budget of an objective burns in a window."""

    hours: float
    units: int
    bad: int
    rate: float | None
    """1 spends the budget exactly. None: unknown, because the window has no units."""

    def is_at_least(self, rate: float) -> bool:
        """Whether the budget burns at this rate or faster. False if the rate is unknown."""
        return self.rate is not None and self.rate >= rate


@dataclass(frozen=True)
class Rule:
    """A threshold: an alert is raised if a window and its recent part both burn at `burn_rate` or faster."""

    name: str
    hours: float
    recent_hours: float
    burn_rate: float
    severity: Severity


def rules() -> tuple[Rule, ...]:
    """Returns the rules, most urgent first."""
    limits = SETTINGS.service_levels
    return (
        Rule("fast", limits.fast_hours, limits.fast_recent_hours, limits.fast_burn_rate, "critical"),
        Rule("slow", limits.slow_hours, limits.slow_recent_hours, limits.slow_burn_rate, "warning"),
    )


def burn(objective: Objective, judged: pl.DataFrame, hours: float, now: datetime) -> Burn:
    """Returns the burn of the last `hours` hours. Units that are already good or bad count, even if they are not due yet."""
    cost = judged.filter(pl.col("at") > now - timedelta(hours=hours))["cost"].drop_nulls()
    budget = objective.budget(cost.len(), hours)
    return Burn(hours, cost.len(), cost.len() - good_units(objective, cost), float(cost.sum()) / budget if budget else None)


def burn_findings(facts: Facts, now: datetime) -> list[Finding]:
    """Returns a finding per objective whose budget burns too fast."""
    return list(_findings(facts, now))


def burn_of_each_window(facts: Facts, now: datetime) -> list[tuple[str, Burn]]:
    """Returns the name of the objective and its burn, for each objective and window of the rules."""
    hours = sorted({hours for rule in rules() for hours in (rule.hours, rule.recent_hours)})
    return [
        (objective.name, burn(objective, judged, window, now))
        for objective in objectives()
        for judged in [objective.judge(facts, now)]
        for window in hours
    ]


def _findings(facts: Facts, now: datetime) -> Iterator[Finding]:
    for objective in objectives():
        judged = objective.judge(facts, now)
        for rule in rules():
            if rule.severity == "critical" and not objective.is_urgent:
                continue
            long, recent = (burn(objective, judged, hours, now) for hours in (rule.hours, rule.recent_hours))
            is_high = long.is_at_least(rule.burn_rate) and recent.is_at_least(rule.burn_rate)
            if is_high and long.bad >= SETTINGS.service_levels.least_bad:
                yield Finding(BURN_RATE_HIGH, objective.name, _message(objective, rule, long), rule.severity, COMMAND)
                break  # one alert per objective


def _message(objective: Objective, rule: Rule, long: Burn) -> str:
    """Returns the message about the long window."""
    units = counted(long.units, objective.unit)
    bad = units if objective.measure == "rate" else f"{long.bad} of {units} missed it"
    return (
        f"objective {objective.name} ({objective.description}): {bad} in {long.hours:g} h; "
        f"the error budget burns at {long.rate:.1f} times the permitted rate ({rule.name} burn)"
    )


def high_burn_rates(instance: dg.DagsterInstance, warehouse: Warehouse, landing: Landing, clock: Clock) -> list[Finding]:
    """Returns a finding per objective whose budget burns too fast. Without a daemon, there are no service levels."""
    since = began_at(list(read_instigators(instance).values()))
    if since is None:
        return []
    hours = max(rule.hours for rule in rules())
    facts = read_facts(instance, warehouse, landing, since, clock.now(), back=int(hours // 24) + 1)
    return burn_findings(facts, clock.now())

"""The morning summary: five lines about yesterday, today, alerts, quarantine and the operation. Each problem adds a line.

The functions judge facts that are already read. The asset, its schedule and its message are in `orchestration/morning_summary`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from nba_pipeline.completeness.states import FAILING
from nba_pipeline.league.calendar import EASTERN
from nba_pipeline.monitoring.alert_changes import Incident, duration
from nba_pipeline.monitoring.latency import SlowStep
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.wording import counted

ALERTS_SHOWN = 5
COUNTED = {"boxscores": "games collected", "grades": "predictions graded"}
"""Table -> unit of its count of yesterday."""
PLANNED = {"prop_lines": "games have lines", "features": "expected players have features", "predictions": "games are predicted"}
"""Table -> unit of its count of today."""


@dataclass(frozen=True)
class Facts:
    """The facts of which the summary consists. `yesterday` and `today` are records of `status`."""

    at: datetime
    yesterday: Mapping[str, Any]
    today: Mapping[str, Any]
    open_alerts: Sequence[Incident] = ()
    oldest_quarantined: tuple[str, date] | None = None
    """Table and date of the oldest row of the last days that is quarantined unexpectedly."""
    quota: Mapping[str, int] = field(default_factory=dict)
    missed: Sequence[str] = ()
    """Messages about schedules and sensors that did not tick."""
    untrained_week: date | None = None
    """The current week if its models are overdue."""
    slow: Sequence[SlowStep] = ()
    """Slow steps of the last games."""
    missed_objectives: Sequence[str] = ()
    """Messages about objectives whose error budget is exhausted."""


def summary(facts: Facts) -> list[str]:
    """Returns the lines of the summary, most important line of each subject first."""
    return [
        f"{_day(facts.yesterday)}: {_state(facts.yesterday, COUNTED)}",
        f"{_day(facts.today)}: {_state(facts.today, PLANNED)}",
        *_alerts(facts),
        _quarantine(facts),
        *_operation(facts),
    ]


def is_all_well(facts: Facts) -> bool:
    """Whether nothing in the summary needs a person."""
    states = {record["state"] for record in (facts.yesterday, facts.today)}
    problems = (facts.open_alerts, facts.missed, facts.untrained_week, facts.slow, facts.missed_objectives)
    return not (states & {*FAILING, "DEGRADED"} or any(problems))


def _day(record: Mapping[str, Any]) -> str:
    return f"{date.fromisoformat(record['game_date']):%a} {record['game_date']}"


def _state(record: Mapping[str, Any], units: Mapping[str, str]) -> str:
    """Returns the state, the counts and the first reason of a date."""
    if not record["games"] and record["state"] not in FAILING:  # a schedule that is not loaded has no games either
        return f"no games ({record['state']})"
    counts = [
        f"{count['actual']} of {count['expected']} {unit}"
        for table, unit in units.items()
        if (count := record["counts"][table])["expected"]
    ]
    reasons = [] if record["state"] in ("COMPLETE", "NOT_DUE", "EXPECTED", "EMPTY_OK") else record["reasons"][:1]
    return f"{record['state']}, {counted(record['games'], 'game')}; {'; '.join([*counts, *reasons]) or 'nothing is due yet'}"


def _alerts(facts: Facts) -> list[str]:
    """Returns a line with the number of open alerts, and one for each of the most urgent ones."""
    if not facts.open_alerts:
        return ["no open alert"]
    urgent = sorted(facts.open_alerts, key=lambda one: (one.severity != "critical", one.since))
    lines = [
        f"  {one.severity}: {one.kind} {one.subject}, open for {duration(one.since, facts.at)}" for one in urgent[:ALERTS_SHOWN]
    ]
    more = [f"  and {len(urgent) - ALERTS_SHOWN} more: nba-pipeline alerts list"] if len(urgent) > ALERTS_SHOWN else []
    return [counted(len(urgent), "open alert"), *lines, *more]


def _quarantine(facts: Facts) -> str:
    """Returns a line about rows that are neither accepted nor quarantined by a rule of the market."""
    window = f"the last {counted(SETTINGS.watch.incident_days, 'day')}"
    if facts.oldest_quarantined is None:
        return f"no row was quarantined unexpectedly in {window}"
    table, day = facts.oldest_quarantined
    return f"oldest unexpectedly quarantined row of {window}: {table} of {day}"


def _operation(facts: Facts) -> list[str]:
    """Returns a line about ticks, models and credits, and one for each missing tick, slow step and missed objective."""
    ticks = (
        counted(len(facts.missed), "problem") + " with schedules and sensors"
        if facts.missed
        else "every schedule and sensor ticks"
    )
    models = (
        f"the models of the week of {facts.untrained_week} are overdue"
        if facts.untrained_week
        else "the models of the week are current"
    )
    credit = f"{facts.quota['remaining']:,} credits of The Odds API left" if "remaining" in facts.quota else "credits unknown"
    slow = [f"  slow: {step} of {day} took {minutes:.0f} minutes ({severity})" for day, step, minutes, severity in facts.slow]
    objectives = [f"  objective missed: {message}" for message in facts.missed_objectives]
    return [f"{ticks}; {models}; {credit}", *(f"  {message}" for message in facts.missed), *slow, *objectives]


def title(facts: Facts) -> str:
    """Returns the first line of the message."""
    verdict = "all is well" if is_all_well(facts) else "needs a look"
    return f"nba_pipeline, {facts.at.astimezone(EASTERN):%a %Y-%m-%d %H:%M} Eastern: {verdict}"

"""Days on the simulated daemon with three slowdowns, of which one misses an objective: the messages and their instants.

    Thursday evening   all box scores are 45 minutes late: the error budget burns fast
    Friday evening     one box score is 80 minutes late: the morning summary names the slow step
    Sunday             the daemon is stopped until 10:10 and from 15:36 to 22:06: the summary names the features of the next slate

The alert resolves itself on Monday, 72 hours after Thursday. The summary of Tuesday names the objective, with ten games. The
daemon evaluates less often than the real one, so that there are other alerts, such as late lines.
"""

import json
import re
from collections.abc import Iterator, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    InstigatorType,
    ScheduleInstigatorData,
    SensorInstigatorData,
    TickData,
    TickStatus,
)

from nba_pipeline.league.calendar import EASTERN, eastern
from nba_pipeline.monitoring.watchdog import EXPECTED
from nba_pipeline.sandbox.league import League
from nba_pipeline_tests.monitoring.webhook import Slack, listening
from nba_pipeline_tests.unattended.daemon import RULES_FILE
from nba_pipeline_tests.unattended.nights import STAGES, NightDaemon

pytestmark = [pytest.mark.unattended, pytest.mark.long(seconds=400)]

START = STAGES["morning"][0]
"""Instant at which the simulated daemon starts."""
FIRST = date(2026, 1, 15)
"""A Thursday."""
DAYS, HISTORY_DAYS, CLUBS = 5, 12, 6
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
THURSDAY, FRIDAY, SUNDAY = FIRST, FIRST + DAY, FIRST + 3 * DAY
GAME = timedelta(minutes=150)
SOURCES = ("boxscore_{game_id}", "leaguegamelog", "box_scores")
"""Paths of the requests for box scores. A late box score is late in every source."""


class WeekDaemon(NightDaemon):
    """The daemon of a league of six clubs. It ticks as the real daemon does, so that a home has service levels."""

    def write_rules(self, now: datetime) -> None:
        """Writes the rules of the week."""
        (self.home / RULES_FILE).write_text(json.dumps({"rules": self.fixed_rules, "clubs": CLUBS}))

    def evaluate_tick_at(self, now: datetime) -> None:
        """Records a tick of each schedule and sensor, then evaluates them."""
        for name in EXPECTED.schedules:
            self._tick(name, InstigatorType.SCHEDULE, now)
        for name in EXPECTED.sensors:
            self._tick(name, InstigatorType.SENSOR, now)
        super().evaluate_tick_at(now)

    def _tick(self, name: str, kind: InstigatorType, now: datetime) -> None:
        origin = RemoteInstigatorOrigin(
            RemoteRepositoryOrigin(RegisteredCodeLocationOrigin("nba_pipeline"), "nba_pipeline"), name
        )
        is_schedule = kind == InstigatorType.SCHEDULE
        data = ScheduleInstigatorData("0 6 * * *", (START + MINUTE).timestamp()) if is_schedule else SensorInstigatorData()
        state = InstigatorState(origin, kind, InstigatorStatus.DECLARED_IN_CODE, data)
        if not self.instance.get_instigator_state(state.instigator_origin_id, state.selector_id):
            self.instance.add_instigator_state(state)
        origin_id, selector_id = state.instigator_origin_id, state.selector_id
        at = now.timestamp()
        self.instance.create_tick(TickData(origin_id, name, kind, TickStatus.SUCCESS, at, run_ids=[], selector_id=selector_id))


def rules() -> list[dict[str, Any]]:
    """The late box scores. A source that has no box score answers 403."""
    late = [(game, 44 * MINUTE) for game in games(THURSDAY)] + [(games(FRIDAY)[0], 79 * MINUTE)]
    return [
        {
            "match": {"path": path.format(game_id=game.game_id)},
            "action": "status",
            "status": 403,
            "from": game.tipoff_at.isoformat(),
            "until": (game.tipoff_at + GAME + wait).isoformat(),
        }
        for game, wait in late
        for path in SOURCES
    ]


def games(day: date) -> Sequence[Any]:
    """The games of a date, by their tip-off."""
    return sorted(League(clubs=CLUBS).games(day), key=lambda game: game.tipoff_at)


def instants() -> Iterator[datetime]:
    """When the daemon evaluates: in the morning, after each game, and again when a late box score has arrived."""
    yield eastern(FIRST, 13, 5)
    for day in (FIRST + n * DAY for n in range(DAYS)):
        if day > FIRST:
            yield from [eastern(day, 10, 10)] if day == SUNDAY else [eastern(day, 7, 10), eastern(day, 8, 5)]
        waits = [6 * MINUTE, *([45 * MINUTE, 51 * MINUTE] if day == THURSDAY else []), *([80 * MINUTE] if day == FRIDAY else [])]
        yield from sorted({game.tipoff_at + GAME + wait for game in games(day) for wait in waits})
    yield eastern(FIRST + DAYS * DAY, 8, 5)


def play(home: Path, slack: Slack) -> list[tuple[str, str]]:
    """Plays the week and returns the Eastern instant and the text of each message."""
    received, known = list[tuple[str, str]](), 0
    daemon = WeekDaemon(home, [])
    daemon.load_the_days_before(HISTORY_DAYS)
    daemon.fixed_rules = rules()
    for now in instants():
        with time_machine.travel(now, tick=False):
            daemon.prepare(now)
            daemon.evaluate_tick_at(now)
        new, known = slack.texts[known:], len(slack.texts)
        received += [(f"{now.astimezone(EASTERN):%a %H:%M}", text) for text in new]
    return received


ABOUT = re.compile(r"^(?:resolved, )?\w+: burn_rate_high .*|^  (?:slow: .*|objective missed: .*)", re.MULTILINE)
"""Lines of messages about the three slowdowns."""
MISSED = "box score within 30 minutes of the last action: 70% with 10 games in 7 days (target 90%)"


def test_slowdowns_are_reported_and_the_alert_resolves_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as slack:
        monkeypatch.setenv("NBA_PIPELINE_HOME", str(tmp_path))
        monkeypatch.setenv("SLACK_WEBHOOK_URL", slack.url)
        messages = play(tmp_path, slack)
    reported = [(at, line.strip().partition(" took ")[0]) for at, text in messages for line in ABOUT.findall(text)]
    assert reported == [
        ("Thu 22:51", "critical: burn_rate_high boxscores_in_time (2026-01-15)"),
        ("Sat 08:05", "slow: box score of 2026-01-16"),
        ("Sat 08:05", "slow: summary of 2026-01-16"),
        ("Mon 08:05", "slow: features of the next slate of 2026-01-18"),
        ("Mon 22:06", "resolved, critical: burn_rate_high boxscores_in_time (2026-01-15)"),
        ("Tue 08:05", f"objective missed: {MISSED}"),
    ]

"""The simulated daemon on the sandbox, with faults and kills: a process of its own for the tests.

python -m nba_pipeline_tests.unattended.daemon HOME FROM TO [--without-games DATE ...] [--kill-at-event N] [--faults SEED] [--clubs N]
python -m nba_pipeline_tests.unattended.daemon HOME FROM TO --history DAYS [--clubs N]    # loads the days before and ends
"""

import argparse
import json
import os
import random
import signal
import warnings
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import time_machine

from nba_pipeline.definitions import build_definitions
from nba_pipeline.instance.event_log import KeptSqliteEventLogStorage
from nba_pipeline.instance.opening import open_instance
from nba_pipeline.instance.simulated_daemon import SimulatedDaemon
from nba_pipeline.league.calendar import EASTERN, eastern, eastern_date
from nba_pipeline.league.teams import TEAMS
from nba_pipeline.orchestration.runner import QUIET, Runner
from nba_pipeline.sandbox.league import League

STATE = "unattended.json"
EASTERN_TIMES = ((6, 10), (16, 10), (17, 40), (23, 15))
"""Instants of the evaluations. The real daemon evaluates every 30 seconds and gets the same results slightly earlier."""

RULES_FILE = "sandbox_rules.json"
SHARE_OF_TICKS_WITH_FAULTS = 0.4
LATE_EVENING = 23


class Daemon(SimulatedDaemon):
    """The definitions of the sandbox on the instance of a home."""

    def __init__(
        self, home: Path, start: datetime, faults: int | None = None, without_games: Sequence[date] = (), clubs: int = len(TEAMS)
    ):
        self.home, self.faults, self.without_games, self.clubs = home, faults, set(without_games), clubs
        super().__init__(build_definitions("sandbox"), open_instance(home), home / STATE, start, QUIET)

    def load_the_days_before(self, number: int) -> None:
        """Runs the backfill of a new user. Its first slates have closed gates, because they have no history."""
        now = datetime.fromisoformat(self.state.now)
        yesterday = eastern_date(now) - timedelta(days=1)
        with time_machine.travel(now, tick=False):
            self.write_rules(now)
            list(Runner(self.definitions, self.instance).backfill(yesterday - timedelta(days=number - 1), yesterday))

    def prepare(self, now: datetime) -> None:
        """Changes the rules of the sandbox."""
        self.write_rules(now)

    def write_rules(self, now: datetime) -> None:
        """Writes the faults, the dates without games and the number of clubs to the rules file of the sandbox."""
        document = {"rules": self.rules(now), "no_game_dates": sorted(map(str, self.without_games)), "clubs": self.clubs}
        (self.home / RULES_FILE).write_text(json.dumps(document))

    def rules(self, now: datetime) -> list[dict[str, Any]]:
        """Returns the temporary faults of one evaluation, a function of seed and instant. Most evaluations have none.

        Only a late-evening evaluation loses box scores or rows of them, and only before a date without games. The next
        evaluation gets them. Otherwise predictions in between would differ, and predictions are never replaced.
        """
        if self.faults is None:
            return []
        chance = random.Random(f"{self.faults} {now.isoformat()}")
        rules: list[dict[str, Any]] = []
        if chance.random() < SHARE_OF_TICKS_WITH_FAULTS:
            provider = chance.choice(("nba_cdn", "odds_api", "espn"))
            rules.append(
                {"match": {"provider": provider}, "action": "status", "status": chance.choice((500, 503, 429)), "times": 1}
            )
        today = eastern_date(now)
        if now.astimezone(EASTERN).hour == LATE_EVENING and today + timedelta(days=1) in self.without_games:
            games = [game.game_id for game in League(no_game_dates=frozenset(self.without_games), clubs=self.clubs).games(today)]
            late, halved = chance.sample(games, 2)
            rules.append({"match": {"path": f"boxscore_{late}"}, "action": "status", "status": 403})
            rules.append({"game": [halved], "action": "drop_players", "n": 6})
        return rules


def next_look(now: datetime) -> datetime:
    """Returns the first evaluation instant after an instant."""
    day = now.astimezone(EASTERN).date()
    times = [eastern(d, hour, minute) for d in (day, day + timedelta(days=1)) for hour, minute in EASTERN_TIMES]
    return min(at for at in times if at > now)


def die_at_event(number: int) -> None:
    """Kills this process with SIGKILL when it has stored its n-th event, alone or in a batch."""
    stored, store, store_batch = 0, KeptSqliteEventLogStorage.store_event, KeptSqliteEventLogStorage.store_event_batch

    def count(events: int) -> None:
        nonlocal stored
        stored += events
        if stored >= number:
            os.kill(os.getpid(), signal.SIGKILL)

    def count_and_store(self: Any, event: Any) -> None:
        store(self, event)
        count(1)

    def count_and_store_batch(self: Any, events: Any) -> None:
        store_batch(self, events)
        count(len(events))

    KeptSqliteEventLogStorage.store_event = count_and_store  # type: ignore[method-assign]
    KeptSqliteEventLogStorage.store_event_batch = count_and_store_batch  # type: ignore[method-assign]


def main() -> None:
    warnings.filterwarnings("ignore")
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", type=Path)
    parser.add_argument("start", type=datetime.fromisoformat)
    parser.add_argument("to", type=datetime.fromisoformat)
    parser.add_argument("--kill-at-event", type=int)
    parser.add_argument("--faults", type=int, help="seed of the faults; default: no faults")
    parser.add_argument("--without-games", type=date.fromisoformat, nargs="*", default=[], help="dates without games")
    parser.add_argument("--history", type=int, help="number of days before that are loaded")
    parser.add_argument("--clubs", type=int, default=len(TEAMS), help="number of clubs of the league")
    arguments = parser.parse_args()
    if arguments.kill_at_event:
        die_at_event(arguments.kill_at_event)
    daemon = Daemon(arguments.home, arguments.start, arguments.faults, arguments.without_games, arguments.clubs)
    if arguments.history:
        daemon.load_the_days_before(arguments.history)
    else:
        daemon.run(arguments.to, next_look)


if __name__ == "__main__":
    main()

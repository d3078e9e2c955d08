"""A process with the simulated daemon on PostgreSQL, which prints its connections, files, memory and objects per evaluation.

python -m nba_pipeline_tests.unattended.counting HOME PORT    # the port of PostgreSQL
"""

import gc
import json
import sys
import warnings
from datetime import date, datetime, timedelta
from pathlib import Path

import psutil

from nba_pipeline.league.calendar import days, eastern
from nba_pipeline_tests.unattended.nights import DAY, NightDaemon

CLUBS, HISTORY_DAYS, SLATES_BEFORE = 4, 8, 3
GAMELESS = days(date(2025, 10, 1), DAY - timedelta(days=SLATES_BEFORE + 1))
"""The season begins late, so that the first evaluation has few dates to repair and to read again. Features need three slates."""

START, EVALUATIONS, EVERY = eastern(DAY, 6), 8, timedelta(hours=3)
"""First evaluation, number, and time between two. The real daemon evaluates every 30 seconds, mostly without work."""


class CountingDaemon(NightDaemon):
    """The daemon, which counts what it holds after each evaluation."""

    def __init__(self, home: Path, port: int):
        super().__init__(home, clubs=CLUBS, without_games=GAMELESS)
        self.process, self.port = psutil.Process(), port

    def evaluate_tick_at(self, now: datetime) -> None:
        """Evaluates everything, then counts."""
        super().evaluate_tick_at(now)
        gc.collect()
        connections = [one for one in self.process.net_connections("tcp") if one.raddr and one.raddr.port == self.port]
        counts = {
            "at": now.isoformat(),
            "connections": len(connections),
            "files": self.process.num_fds(),
            "threads": self.process.num_threads(),
            "mib": self.process.memory_info().rss / 1024**2,
            "blocks": sys.getallocatedblocks(),
            "runs": self.instance.get_runs_count(),
        }
        sys.stdout.write(f"{json.dumps(counts)}\n")
        sys.stdout.flush()


def main(home: str, port: str) -> None:
    """Loads the history, then evaluates every three hours of a day."""
    warnings.filterwarnings("ignore")
    daemon = CountingDaemon(Path(home), int(port))
    daemon.load_the_days_before(HISTORY_DAYS)
    daemon.play([START + number * EVERY for number in range(EVALUATIONS)], {})


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A home with planted faults, for the commands that explain and repair. Tests that write take a copy."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from nba_pipeline.league.calendar import eastern
from nba_pipeline_tests.commands import Ended, nba_pipeline
from nba_pipeline_tests.orchestration.test_runner import DAY, NEXT, UNKNOWN, a_runner, ask, loaded, made_once, only, rules
from nba_pipeline_tests.prepared import copy_of

__all__ = ["loaded"]


@dataclass(frozen=True)
class Faulty:
    """A home on the morning after DAY: a game without a box score, and a player whose lines have an unknown name."""

    home: Path
    game_id: str
    matchup: str
    player_id: int
    player_name: str

    def run(self, *words: str, hour: int = 8) -> Ended:
        """Runs a command on the morning after DAY."""
        return nba_pipeline(*words, home=self.home, now=eastern(NEXT, hour))

    def copy(self, target: Path) -> "Faulty":
        """A copy in which no provider fails any more."""
        home = copy_of(self.home, target)
        rules(home)
        return Faulty(home, self.game_id, self.matchup, self.player_id, self.player_name)


@pytest.fixture(scope="session")
def faulty(loaded: Path, tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Faulty:
    """The loaded home after the slate of DAY and the next morning, with both faults at the providers.

    Each worker has a copy of its own: reading leaves temporary files, which would vanish while another worker copies them.
    """

    def make(home: Path) -> None:
        copy_of(loaded, home)
        runner = a_runner(home, DAY, 12)
        facts = _planted(home)
        renamed = {"match": {"provider": "odds_api"}, "action": "rename_player", "player": facts.player_name, "to": UNKNOWN}
        rules(home, renamed)
        assert only(runner.slate(DAY, "same_day")).succeeded
        runner.instance.dispose()
        no_box = {"match": {"path": f"boxscore_{facts.game_id}"}, "action": "status", "status": 503}
        others = (
            {"game": facts.game_id, "match": {"provider": name}, "action": "drop_game"} for name in ("nba_stats", "balldontlie")
        )
        rules(home, renamed, no_box, *others)
        morning = a_runner(home, NEXT, 7)
        assert only(morning.slate(DAY, "overnight")).succeeded
        morning.instance.dispose()

    prepared = made_once("faulty", make, tmp_path_factory, worker_id)
    return _planted(copy_of(prepared, tmp_path_factory.mktemp("faulty_of_worker") / "home"))


def _planted(home: Path) -> Faulty:
    """The first game of DAY loses its box score, and the best scorer before the second one loses his name."""
    runner = a_runner(home, DAY, 12)
    first, second = ask(
        runner, f"SELECT game_id, away_team, home_team FROM schedule WHERE game_date = '{DAY}' ORDER BY 1 LIMIT 2"
    )
    teams = f"'{second['away_team']}', '{second['home_team']}'"
    [star] = ask(
        runner,
        f"SELECT player_id, any_value(player_name) AS name FROM boxscores WHERE game_date < '{DAY}' AND team IN ({teams}) "
        "GROUP BY 1 ORDER BY avg(points) DESC LIMIT 1",
    )
    runner.instance.dispose()
    matchup = f"{first['away_team']}@{first['home_team']}"
    return Faulty(home, str(first["game_id"]), matchup, int(str(star["player_id"])), str(star["name"]))

"""A date with the games of three leagues at once, through HTTP: collected, predicted and graded, with few requests.

The load is 15 games, in which every club plays. Three times the nine games of a busy date would need 54 clubs. The tables know thirty,
and a club plays once per date: lines are matched to games by date and clubs, and `team_defense_zones` has one row per club and date.
One league has ten of the clubs and their five games.
"""

import json
import re
from collections import Counter
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import httpx
import polars as pl
import pytest

from nba_pipeline.environments import KEYS, PROVIDER_ADDRESSES
from nba_pipeline.league.calendar import days, eastern
from nba_pipeline.league.teams import TEAMS
from nba_pipeline.sandbox.server import serve
from nba_pipeline.tables.declarations import daily_tables
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.commands import nba_pipeline
from nba_pipeline_tests.orchestration.test_runner import made_once

pytestmark = [pytest.mark.unattended, pytest.mark.long(seconds=20, group="three leagues")]

DAY = date(2026, 1, 15)
NEXT = DAY + timedelta(days=1)
CLUBS, GAMES = 10, 5
"""Of one league."""

HISTORY_DAYS = 5
"""Every club plays on each date, and a player needs five games for predictions."""

WITHOUT_GAMES = [str(day) for day in days(date(2025, 7, 1), date(2026, 6, 30)) if not -HISTORY_DAYS <= (day - DAY).days <= 1]

OVERNIGHT = "run", "--date", str(DAY), "--mode", "overnight"
COMMANDS = {
    "history": (
        eastern(DAY, 7),
        ("backfill", "--from", str(DAY - timedelta(days=HISTORY_DAYS)), "--to", str(DAY - timedelta(days=1))),
    ),
    "predictions": (eastern(DAY, 12), ("run", "--date", str(DAY), "--mode", "same_day")),
    "grades": (eastern(NEXT, 7), OVERNIGHT),
    "grades again": (eastern(NEXT, 8), OVERNIGHT),
}
"""Name -> instant and command."""

REQUESTS = "requests.json"
SCHEDULE = "/static/json/staticData/scheduleLeagueV2.json"
OF_A_GAME = {"predictions": ["/odds"], "grades": ["/boxscore_", "/playbyplay_"]}
"""Command -> parts of the addresses that name one game."""


@dataclass(frozen=True)
class Played:
    """A home after the commands."""

    home: Path

    @property
    def requests(self) -> dict[str, list[str]]:
        """Command -> the addresses of its requests."""
        return dict(json.loads((self.home / REQUESTS).read_text()))

    def rows(self, table: str) -> pl.DataFrame:
        """The rows of a table on the date."""
        return LocalWarehouse(home=str(self.home)).scan(TABLES[table], [DAY]).collect()


def play(home: Path, leagues: int) -> None:
    """Loads the history, predicts and grades the date, and runs the grades again."""
    home.mkdir()
    rules = {"clubs": CLUBS * leagues, "games_per_date": GAMES * leagues, "no_game_dates": WITHOUT_GAMES}
    (home / "sandbox_rules.json").write_text(json.dumps(rules))
    requests, now = dict[str, list[str]](), eastern(DAY, 7)
    with serve(home, lambda: now) as server, pytest.MonkeyPatch.context() as patch:
        for variable in [address for address, _ in PROVIDER_ADDRESSES.values()]:
            patch.setenv(variable, server.url)
        for variable in KEYS.values():
            patch.setenv(variable, "key")
        for name, (now, words) in COMMANDS.items():
            done = nba_pipeline(*words, home=home, now=now)
            assert done.returncode == 0, done.stderr
            requests[name] = requests_of(server.url)
    (home / REQUESTS).write_text(json.dumps(requests))


def requests_of(url: str) -> list[str]:
    """Returns the addresses of the requests since the last call."""
    log = httpx.get(f"{url}/__control/requests?limit=100000", timeout=60).json()["requests"]
    httpx.delete(f"{url}/__control/requests", timeout=60)
    return [f"{request['path']}?{request['query']}".removesuffix("?") for request in log]


def per_kind(requests: list[str]) -> Counter[str]:
    """Returns the number of requests per path without its numbers and ids."""
    return Counter(re.sub(r"[0-9a-f]{32}|\d+", "#", address.partition("?")[0]) for address in requests)


@pytest.fixture(scope="session")
def one(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Played:
    """The date with the games of one league."""
    return Played(made_once("one_league", lambda home: play(home, 1), tmp_path_factory, worker_id))


@pytest.fixture(scope="session")
def three(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Played:
    """The date with the games of three leagues."""
    return Played(made_once("three_leagues", lambda home: play(home, 3), tmp_path_factory, worker_id))


def test_every_game_is_collected_predicted_and_graded(three: Played) -> None:
    schedule = three.rows("schedule")
    assert schedule.height == 3 * GAMES and {*schedule["home_team"], *schedule["away_team"]} == {*TEAMS}
    games = {*schedule["game_id"]}
    tables = ("prop_lines", "game_lines", "features", "predictions", "boxscores", "play_by_play", "player_game_summary", "grades")
    assert {table: games ^ {*three.rows(table)["game_id"]} for table in tables} == {table: set() for table in tables}


def test_every_prediction_has_one_grade(three: Played) -> None:
    key = ["game_id", "player_id", "system_id"]
    predictions, grades = three.rows("predictions"), three.rows("grades")
    assert predictions.height > 10 * 3 * GAMES and not predictions.select(key).is_duplicated().any()
    assert grades.select(key).sort(key).equals(predictions.select(key).sort(key))


def test_no_row_is_doubled(three: Played) -> None:
    doubled = {name for name in daily_tables() if three.rows(name).select(TABLES[name].key).is_duplicated().any()}
    assert doubled == set()


def test_no_command_repeats_a_request_and_finished_grades_only_read_the_schedule(three: Played) -> None:
    assert {name: len(addresses) - len({*addresses}) for name, addresses in three.requests.items()} == dict.fromkeys(COMMANDS, 0)
    assert three.requests["grades again"] == [SCHEDULE]


def test_requests_grow_no_faster_than_games(one: Played, three: Played) -> None:
    for name, addresses in three.requests.items():
        alone, together = per_kind(one.requests[name]), per_kind(addresses)
        assert alone.keys() == together.keys(), name
        assert {kind: count for kind, count in together.items() if count > 3 * alone[kind]} == {}, name


def test_each_game_has_one_request_per_source(three: Played) -> None:
    counts = {
        part: sum(part in address for address in three.requests[name]) for name, parts in OF_A_GAME.items() for part in parts
    }
    assert counts == {"/odds": 15, "/boxscore_": 15, "/playbyplay_": 15}

"""The results of a re-read of one date: one game, scripted providers over loopback, real landing and warehouse."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import dagster as dg
import pytest

from nba_pipeline.assets.sources.boxscores import TABLE as BOXSCORES
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.environments import resources_for
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.rereads import Reread, rereads
from nba_pipeline.instance.run_tags import RECHECK_TAG
from nba_pipeline.league.calendar import eastern
from nba_pipeline.orchestration.recheck_job import recheck
from nba_pipeline.orchestration.runner import Runner
from nba_pipeline_tests.assets.test_boxscores import (
    ALL_PLAYERS,
    BALLDONTLIE,
    CDN,
    GAME,
    LOG,
    NOT_FOUND,
    PEOPLE,
    VARIABLES,
    but,
    in_balldontlie,
    in_cdn,
    in_log,
)
from nba_pipeline_tests.builders import DAY, a_boxscore, a_game, frame_of
from nba_pipeline_tests.providers.conftest import Answer, Provider

pytestmark = pytest.mark.platform

LIST = f"/static/json/liveData/playbyplay/playbyplay_{GAME}.json"
REFUSED = Answer({}, status=429, headers={"Retry-After": "600"})
FIRST, NOON = eastern(DAY + timedelta(days=1), 6), eastern(DAY + timedelta(days=1), 12)
BOX, LOGGED = f"nba_cdn box score of game {GAME}", "nba_stats game log of regular_season"


class Rereads:
    """Runs the job for the date on one home, against scripted providers."""

    def __init__(self, provider: Provider, instance: dg.DagsterInstance):
        self.provider, self.instance = provider, instance

    def __call__(
        self,
        cdn: Answer,
        log: Answer = NOT_FOUND,
        balldontlie: Answer = NOT_FOUND,
        *,
        now: datetime = NOON,
        box_from: str = "nba_cdn",
        is_forced: bool = False,
        **score: int,
    ) -> Reread:
        answers = {CDN: cdn, LOG: log, BALLDONTLIE: balldontlie}
        self.provider.asked.clear()
        self.provider.responds(lambda asked: answers.get(asked.path, NOT_FOUND))
        resources = resources_for("local", Clock(fixed_at=now.isoformat()))
        side = {
            "GSW": {"opponent": "NYK", "is_home": True, "team_points": 110},
            "NYK": {"opponent": "GSW", "is_home": False, "team_points": 100},
        }
        rows = [
            a_boxscore(
                points=p.points, player_id=p.number, team=p.team, minutes=p.seconds / 60, provider=box_from, **side[p.team]
            )
            for p in PEOPLE
        ]
        resources["warehouse"].replace(SCHEDULE, [DAY], frame_of(SCHEDULE, a_game(**score)), "test")
        resources["warehouse"].replace(BOXSCORES, [DAY], frame_of(BOXSCORES, *rows), "test")
        definitions = dg.Definitions(jobs=[recheck], resources=resources)
        outcome = Runner(definitions, self.instance).run("recheck", (), DAY, DAY, {RECHECK_TAG: "now"} if is_forced else {})
        assert outcome.failures == []
        return rereads(self.instance, DAY)[0]

    @property
    def asked(self) -> list[str]:
        """The requested paths."""
        return [asked.path for asked in self.provider.asked]


@pytest.fixture
def read(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> Iterator[Rereads]:
    for name in VARIABLES:
        monkeypatch.setenv(name, provider.url)
    monkeypatch.setenv("BALLDONTLIE_API_KEY", "key")
    with dg.DagsterInstance.ephemeral() as instance:
        yield Rereads(provider, instance)


def stamped(answer: Answer, **meta: Any) -> Answer:
    """The same contents in other bytes."""
    return Answer(answer.document | {"meta": meta})


def test_new_contents_are_news_and_equal_contents_in_other_bytes_are_not(read: Rereads) -> None:
    first = read(in_cdn(ALL_PLAYERS), in_log(ALL_PLAYERS), now=FIRST)
    assert (first.changes, first.read_at) == ((BOX, LOGGED), FIRST)
    assert read(stamped(in_cdn(ALL_PLAYERS), time="later"), in_log(ALL_PLAYERS), now=NOON).changes == ()
    assert read.asked == [CDN, LIST, LOG]
    corrected = in_cdn(but(1, seconds=PEOPLE[0].seconds + 30))
    assert read(corrected, in_log(ALL_PLAYERS), now=NOON + timedelta(days=2)).changes == (BOX,)


def test_a_source_is_read_once_per_due_instant_unless_forced(read: Rereads) -> None:
    read(in_cdn(ALL_PLAYERS), in_log(ALL_PLAYERS), now=NOON)
    read(in_cdn(ALL_PLAYERS), in_log(ALL_PLAYERS), now=NOON + timedelta(minutes=5))
    assert read.asked == [LIST]  # which was never landed
    read(in_cdn(ALL_PLAYERS), in_log(ALL_PLAYERS), now=NOON + timedelta(minutes=6), is_forced=True)
    assert read.asked == [CDN, LIST, LOG]


def test_a_game_that_contradicts_the_schedule_is_read_at_once(read: Rereads) -> None:
    read(in_cdn(ALL_PLAYERS), in_log(ALL_PLAYERS), now=NOON)
    read(in_cdn(ALL_PLAYERS), in_log(ALL_PLAYERS), now=NOON + timedelta(minutes=5), home_points=112)
    assert read.asked == [CDN, LIST, LOG]


def test_a_reread_without_an_answer_of_the_league_stays_due_and_keeps_landed_payloads(read: Rereads) -> None:
    read(in_cdn(ALL_PLAYERS), in_log(ALL_PLAYERS), now=FIRST)
    undone = read(REFUSED, in_log(ALL_PLAYERS))
    assert (undone.read_at, undone.changes) == (None, ())
    assert any(f"nba_cdn boxscore {GAME}" in problem and "429" in problem for problem in undone.problems)
    assert read(in_cdn(ALL_PLAYERS), in_log(ALL_PLAYERS), now=NOON + timedelta(minutes=10)).changes == ()


def test_a_missing_answer_of_the_second_source_is_a_problem_and_is_repeated_only_if_forced(read: Rereads) -> None:
    done = read(in_cdn(ALL_PLAYERS), REFUSED)
    assert done.read_at == NOON and any("nba_stats" in problem for problem in done.problems)
    assert read(in_cdn(ALL_PLAYERS), REFUSED, now=NOON + timedelta(minutes=10), is_forced=True).read_at is None


@pytest.mark.parametrize("answer", [NOT_FOUND, in_cdn(ALL_PLAYERS, gameStatus=2)], ids=["withdrawn", "in play again"])
def test_a_withdrawn_box_score_is_a_problem_and_no_news(answer: Answer, read: Rereads) -> None:
    read(in_cdn(ALL_PLAYERS), in_log(ALL_PLAYERS), now=FIRST)
    done = read(answer, in_log(ALL_PLAYERS))
    assert (done.changes, done.read_at) == ((), NOON) and any(GAME in problem for problem in done.problems)


def test_a_game_from_balldontlie_is_compared_with_balldontlie(read: Rereads) -> None:
    source = "balldontlie box_scores page_first"
    first = read(NOT_FOUND, NOT_FOUND, in_balldontlie(ALL_PLAYERS), now=FIRST, box_from="balldontlie")
    assert first.changes == (f"{source} of {DAY}",)
    assert read(NOT_FOUND, NOT_FOUND, in_balldontlie(ALL_PLAYERS), box_from="balldontlie").changes == ()
    corrected = in_balldontlie([replace(person, points=person.points + 2) for person in PEOPLE])
    assert read(NOT_FOUND, NOT_FOUND, corrected, now=NOON + timedelta(days=2), box_from="balldontlie").changes == (
        f"{source} of {DAY}",
    )

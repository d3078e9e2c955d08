"""Requested lists, reuse of landed lists, and the checks."""

import json
import re
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, ClassVar

import dagster as dg
import polars as pl
import pytest

from nba_pipeline.asset_factory.verdicts import Verdict, verdicts_of
from nba_pipeline.assets.sources.boxscores import TABLE as BOXSCORES
from nba_pipeline.assets.sources.play_by_play import (
    NO_SOURCE,
    TABLE,
    assists_are_those_of_the_box_scores,
    collect,
    every_field_goal_has_a_zone,
    every_final_game_has_play_by_play,
    last_score_is_the_final_score,
    lists_are_as_long_as_usual,
    play_by_play,
)
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.errors import NotPublished, PipelineError
from nba_pipeline.instance.clock import Clock
from nba_pipeline.providers.archive import Archive
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.providers.nba_cdn import NbaCdn, playbyplay_request
from nba_pipeline.providers.request import Request
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline.warehouse.payloads import Payload
from nba_pipeline_tests.builders import DAY, Values, a_boxscore, a_game, frame_of
from nba_pipeline_tests.fuzzing import nested
from nba_pipeline_tests.providers.test_nba_cdn_play_by_play import THE_END, a_list, an_action

GAME = a_game()["game_id"]
NIGHT = datetime(2024, 3, 13, 3, tzinfo=UTC)
"""23:00 Eastern of the game date: minutes after the end of the game."""
OVER = THE_END | {"scoreHome": "110", "scoreAway": "100"}
FINISHED = a_list(an_action(), OVER, game_id=GAME)
DEEP = nested(60)
LIVE = a_list(an_action(), game_id=GAME)


class ScriptedClient(HttpClient):
    """Lands the given answers and records the requested games.

    Both are class attributes, because Dagster copies the resources of an asset.
    """

    answers: ClassVar[list[Any]]
    asked: ClassVar[list[str]]

    def get(self, request: Request) -> Payload:
        self.asked.append(request.entity)
        answer = self.answers.pop(0)
        if isinstance(answer, PipelineError):
            raise answer
        return self.landing.keep(request, json.dumps(answer).encode(), fetched_at=self.clock.now())


def an_nba(home: Path, now: datetime, *answers: Any) -> NbaCdn:
    ScriptedClient.answers, ScriptedClient.asked = list(answers), []
    clock = Clock(fixed_at=now.isoformat())
    return NbaCdn(http=ScriptedClient(base_urls={}, landing=Landing(home=str(home), clock=clock), clock=clock))


def looked_at(home: Path, now: datetime, *answers: Any) -> tuple[pl.DataFrame, dict[str, str], list[str]]:
    """Runs `collect` at an instant and returns the rows, the problems and the requested games."""
    frame, problems = collect(frame_of(SCHEDULE, a_game()), an_nba(home, now, *answers), now)
    return frame, problems, ScriptedClient.asked


def test_a_finished_list_is_collected_and_then_reused(tmp_path: Path) -> None:
    frame, problems, asked = looked_at(tmp_path, NIGHT, FINISHED)
    assert (frame["order_number"].to_list(), problems, asked) == ([10000, 990000], {}, [GAME])
    again, problems, asked = looked_at(tmp_path, NIGHT.replace(hour=6))
    assert (again.equals(frame), problems, asked) == (True, {}, [])


def test_a_list_is_requested_again_four_hours_after_the_first_complete_one(tmp_path: Path) -> None:
    looked_at(tmp_path, NIGHT, FINISHED)
    edited = a_list(an_action(personId=9), OVER, game_id=GAME)
    frame, _, asked = looked_at(tmp_path, NIGHT.replace(hour=7), edited)
    assert (frame["player_id"][0], asked) == (9, [GAME])


def test_a_list_that_contradicts_the_score_is_requested_again_at_once(tmp_path: Path) -> None:
    looked_at(tmp_path, NIGHT, a_list(an_action(), OVER | {"scoreHome": "108"}, game_id=GAME))
    frame, _, asked = looked_at(tmp_path, NIGHT.replace(minute=1), FINISHED)
    assert (frame["home_points"].to_list(), asked) == ([2, 110], [GAME])
    assert looked_at(tmp_path, NIGHT.replace(minute=2))[2] == []


def test_a_failed_second_reading_leaves_the_first(tmp_path: Path) -> None:
    looked_at(tmp_path, NIGHT, FINISHED)
    frame, problems, _ = looked_at(tmp_path, NIGHT.replace(hour=8), NotPublished("not published (404)"))
    assert (frame.height, problems) == (2, {GAME: "not published (404)"})


def test_an_incomplete_list_is_named_and_requested_again(tmp_path: Path) -> None:
    frame, problems, _ = looked_at(tmp_path, NIGHT, LIVE)
    assert frame.is_empty() and "it lacks the end of the game" in problems[GAME]
    frame, problems, asked = looked_at(tmp_path, NIGHT.replace(minute=5), FINISHED)
    assert (frame.height, problems, asked) == (2, {}, [GAME])


def test_a_landed_list_that_no_longer_parses_is_rejected_and_named(tmp_path: Path) -> None:
    broken = a_list({"actionType": "game", "subType": "end"}, game_id=GAME)
    frame, problems, _ = looked_at(tmp_path, NIGHT, broken)
    assert frame.is_empty() and "an action has no orderNumber" in problems[GAME]
    assert an_nba(tmp_path, NIGHT).http.landing.newest(playbyplay_request(GAME, DAY)) is None


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        (a_list(an_action(description=DEEP), OVER, game_id=GAME), "deeper than 50 levels"),
        ({"game": None}, "the response has no game.gameId"),
        (a_list(None, game_id=GAME), r"actions\[0\] is None"),
    ],
    ids=["deep", "no game", "no action"],
)
def test_a_landed_list_without_a_readable_end_is_rejected_alone(document: Any, problem: str, tmp_path: Path) -> None:
    """The payload was landed before limits existed. It must not stop the lists of the other games."""
    cdn = an_nba(tmp_path, NIGHT, FINISHED)
    cdn.http.landing.keep(playbyplay_request(GAME, DAY), json.dumps(document).encode(), fetched_at=NIGHT.replace(hour=2))
    frame, problems = collect(frame_of(SCHEDULE, a_game()), cdn, NIGHT)
    assert (frame.height, ScriptedClient.asked) == (2, [GAME]) and re.search(
        f"nba_cdn playbyplay {GAME}: .*{problem}", problems[GAME]
    )


def materialised(home: Path, schedule: list[Values], boxscores: list[Values], *answers: Any) -> tuple[pl.DataFrame, list[str]]:
    cdn = an_nba(home, NIGHT, *answers)
    frame = play_by_play(
        dg.build_asset_context(partition_key=str(DAY)),
        schedule=frame_of(SCHEDULE, *schedule),
        boxscores=frame_of(BOXSCORES, *boxscores),
        nba_cdn=cdn,
        archive=Archive(landing=cdn.http.landing, clock=cdn.http.clock),
        clock=cdn.http.clock,
    )
    return frame, ScriptedClient.asked


def test_only_final_games_with_a_box_score_are_requested(tmp_path: Path) -> None:
    live, boxless = a_game(game_id="0022300002", status="live"), a_game(game_id="0022300003")
    frame, asked = materialised(tmp_path, [a_game(), live, boxless], [a_boxscore(), a_boxscore(game_id="0022300002")], FINISHED)
    assert asked == [GAME]
    good, bad = TABLE.conform(frame, NIGHT, "1")
    assert (good.height, bad.height) == (2, 0)


def test_a_missing_list_stops_nothing(tmp_path: Path) -> None:
    frame, _ = materialised(tmp_path, [a_game()], [a_boxscore()], NotPublished("not published (403)"))
    assert TABLE.conform(frame, NIGHT, "1")[0].is_empty()


# Checks


@pytest.fixture
def warehouse(tmp_path: Path) -> LocalWarehouse:
    return LocalWarehouse(home=str(tmp_path))


def written(warehouse: LocalWarehouse, actions: int = 300, provider: str = "nba_cdn", **last: Any) -> None:
    """Writes a final game GSW 110 - NYK 100 with a box score and a list of `actions` actions."""
    action = {
        "game_date": DAY, "game_id": GAME, "action_number": 1, "period": 1, "period_seconds_left": 1.0, "action_type": "foul",
        "home_points": 110, "away_points": 100, "source": "test",
    }  # fmt: skip
    rows = [action | {"order_number": n} for n in range(actions)]
    if rows:
        rows[-1] |= last
    frames = ((SCHEDULE, [a_game()]), (BOXSCORES, [a_boxscore(provider=provider)]), (TABLE, rows))
    for table, some in frames:
        warehouse.replace(table, [DAY], frame_of(table, *some), "me")


def verdict(check: Any, warehouse: LocalWarehouse) -> Verdict:
    (only,) = verdicts_of(check(warehouse, [DAY], Clock(fixed_at=NIGHT.isoformat())), [DAY])
    assert isinstance(only, Verdict)
    return only


def test_a_final_game_without_a_list_is_named(warehouse: LocalWarehouse) -> None:
    written(warehouse)
    assert verdict(every_final_game_has_play_by_play, warehouse).passed
    warehouse.drop(TABLE)
    found = verdict(every_final_game_has_play_by_play, warehouse)
    assert (found.passed, found.numbers["share"], found.missing) == (False, 0.0, [f"NYK@GSW {GAME}"])


def test_a_date_of_the_archive_has_no_source_and_passes(warehouse: LocalWarehouse) -> None:
    written(warehouse, actions=0, provider="archive")
    found = verdict(every_final_game_has_play_by_play, warehouse)
    assert (found.passed, found.numbers["share"], found.missing) == (True, 0.0, [NO_SOURCE])


@pytest.mark.parametrize(("actions", "passed"), [(200, True), (900, True), (199, False), (901, False)])
def test_a_list_of_unusual_length_is_named(actions: int, passed: bool, warehouse: LocalWarehouse) -> None:
    written(warehouse, actions)
    found = verdict(lists_are_as_long_as_usual, warehouse)
    assert (found.passed, found.missing) == (passed, [] if passed else [f"{GAME}: {actions} actions"])


def test_a_list_that_ends_with_another_score_is_named(warehouse: LocalWarehouse) -> None:
    written(warehouse)
    assert verdict(last_score_is_the_final_score, warehouse).passed
    written(warehouse, home_points=108, away_points=98)
    found = verdict(last_score_is_the_final_score, warehouse)
    assert (found.passed, found.missing) == (False, [f"{GAME}: 98-108, the schedule has 100-110"])


def test_shots_without_a_known_area_are_counted_by_it(warehouse: LocalWarehouse) -> None:
    written(warehouse, action_type="2pt", area="Mid-Range", is_made=True)
    assert verdict(every_field_goal_has_a_zone, warehouse).passed
    written(warehouse, action_type="heave", is_made=False)
    assert verdict(every_field_goal_has_a_zone, warehouse).numbers["shots"] == 1
    written(warehouse, action_type="2pt", area="RestrictedArea", is_made=True)
    found = verdict(every_field_goal_has_a_zone, warehouse)
    assert (found.passed, found.missing) == (False, ["RestrictedArea: 1 shots"])


def test_a_list_that_has_lost_its_assists_is_named_by_team(warehouse: LocalWarehouse) -> None:
    basket = {"action_type": "2pt", "team": "GSW", "is_made": True}
    written(warehouse, **basket, assist_player_id=2)
    assert verdict(assists_are_those_of_the_box_scores, warehouse).passed
    written(warehouse, **basket)
    found = verdict(assists_are_those_of_the_box_scores, warehouse)
    assert (found.passed, found.missing) == (False, [f"{GAME} GSW: 0, the box score has 1"])
    warehouse.replace(BOXSCORES, [DAY], frame_of(BOXSCORES, a_boxscore(assists=None)), "me")
    assert verdict(assists_are_those_of_the_box_scores, warehouse).passed  # the source has no assists


@pytest.mark.parametrize("kind", ["2pt", "3pt", "heave", "Heave", "freethrow"])
def test_a_shot_without_a_result_is_quarantined(kind: str) -> None:
    row = {
        "game_date": date(2024, 3, 12), "game_id": GAME, "order_number": 1, "action_number": 1, "period": 1,
        "period_seconds_left": 1.0, "action_type": kind, "home_points": 0, "away_points": 0, "source": "test",
    }  # fmt: skip
    frame = frame_of(TABLE, row, row | {"order_number": 2, "is_made": False}).drop("as_of", "code_version")
    good, bad = TABLE.conform(frame, NIGHT, "1")
    assert (good["order_number"].to_list(), bad["problem"].to_list()) == ([2], ["shots_are_made_or_missed"])

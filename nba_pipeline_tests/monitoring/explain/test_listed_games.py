"""The games that the source of lines listed in its newest capture."""

import json
from datetime import timedelta

import pytest

from nba_pipeline.monitoring.explain.link import first_broken
from nba_pipeline.monitoring.explain.listed_games import events_links
from nba_pipeline.monitoring.explain.origins import source_link
from nba_pipeline.monitoring.explain.subject import Subject
from nba_pipeline.warehouse.payloads import Slot
from nba_pipeline_tests.builders import DAY, Values, a_prop_line
from nba_pipeline_tests.builders_predictions import BEFORE_TIPOFF, TIPOFF
from nba_pipeline_tests.monitoring.explain.conftest import Slate

EVENTS = Slot("odds_api", "events", "slate", DAY)
LISTED = {
    "id": "e1", "commence_time": TIPOFF.strftime("%Y-%m-%dT%H:%M:%SZ"),
    "home_team": "Golden State Warriors", "away_team": "New York Knicks",
}  # fmt: skip
OTHER = LISTED | {"id": "e2", "home_team": "Boston Celtics", "away_team": "Denver Nuggets"}
LINE = a_prop_line(is_before_tipoff=True, snapshot_at=BEFORE_TIPOFF - timedelta(hours=1))


@pytest.mark.parametrize(
    ("body", "lines", "is_needed", "state", "fact"),
    [
        ([LISTED], [LINE], False, "ok", "listed 1 of 1 upcoming game"),
        ([], [LINE], False, "partial", "(the response is an empty list); the lines of unlisted games were captured at "),
        ([OTHER], [LINE], False, "partial", "listed 0 of 1 upcoming game (the response lists DEN@BOS); the lines of "),
        ([], [], True, "broken", "listed 0 of 1 upcoming game (the response is an empty list), so no odds were requested"),
        ([LISTED], [], True, "broken", "listed 1 of 1 upcoming game; the odds of NYK@GSW have no usable line"),
        ({}, [], False, "partial", "is unusable: "),
    ],
    ids=["listed", "withdrawn", "another game", "not listed", "without lines", "unusable"],
)
def test_a_capture_says_how_many_games_it_listed(
    body: object, lines: list[Values], is_needed: bool, state: str, fact: str, slate: Slate
) -> None:
    facts = slate(prop_lines=lines)
    facts.landing.keep(EVENTS, json.dumps(body).encode(), fetched_at=BEFORE_TIPOFF)
    [link] = events_links(facts, Subject(DAY), "prop_lines", is_needed)
    assert link.state == state and fact in link.fact


def test_games_that_have_begun_need_not_be_listed(slate: Slate) -> None:
    facts = slate(TIPOFF)
    facts.landing.keep(EVENTS, b"[]", fetched_at=TIPOFF)
    assert events_links(facts, Subject(DAY), "prop_lines", is_needed=True) == []


def test_an_empty_list_is_the_cause_of_missing_lines(slate: Slate) -> None:
    facts = slate(TIPOFF, prop_lines=[])
    facts.landing.keep(EVENTS, b"[]", fetched_at=BEFORE_TIPOFF)
    first = first_broken([source_link(facts, Subject(DAY), "prop_lines", "no lines", is_complete=False, next_command="run")])
    assert first and (first.name, first.next_command) == ("prop_lines, events", "run")

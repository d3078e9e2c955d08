"""The fallback providers of incomplete box scores."""

import json

import pytest

from nba_pipeline.monitoring.explain.fallbacks import fallback_links
from nba_pipeline.monitoring.explain.subject import Subject
from nba_pipeline.providers.nba_stats import HEADERS, RESULT_SET
from nba_pipeline.warehouse.payloads import Slot
from nba_pipeline_tests.builders import DAY, a_game
from nba_pipeline_tests.builders_predictions import AFTER_TIPOFF, GAME, TIPOFF
from nba_pipeline_tests.monitoring.explain.conftest import Slate

LOG, PAGE = Slot("nba_stats", "player_game_log", "regular_season", DAY), Slot("balldontlie", "box_scores", "page_first", DAY)


def a_log(game_id: str) -> bytes:
    row = [{"GAME_ID": game_id, "GAME_DATE": str(DAY)}.get(name) for name in HEADERS]
    return json.dumps({"resultSets": [{"name": RESULT_SET, "headers": list(HEADERS), "rowSet": [row]}]}).encode()


@pytest.mark.parametrize(("game_id", "says"), [("0022400998", "does not list NYK@GSW"), (GAME, "lists every game")])
def test_fallback_providers_say_whether_they_list_an_incomplete_game(game_id: str, says: str, slate: Slate) -> None:
    facts = slate(AFTER_TIPOFF, schedule=[a_game(tipoff_at=TIPOFF)])
    facts.landing.keep(LOG, a_log(game_id), fetched_at=AFTER_TIPOFF)
    facts.landing.keep(PAGE, b'{"data": [], "meta": {}}', fetched_at=AFTER_TIPOFF)
    [link] = fallback_links(facts, Subject(DAY), "boxscores", is_needed=True)
    log, page = link.fact.split("; ")
    assert log.startswith("nba_stats player_game_log of ") and says in log
    assert page.startswith("balldontlie box_scores of ") and "does not list NYK@GSW" in page
    assert fallback_links(facts, Subject(DAY, "0022400998"), "boxscores", is_needed=True) == []


def test_an_unusable_response_of_a_fallback_is_named(slate: Slate) -> None:
    facts = slate(AFTER_TIPOFF, schedule=[a_game(tipoff_at=TIPOFF)])
    facts.landing.keep(LOG, b"{}", fetched_at=AFTER_TIPOFF)
    [link] = fallback_links(facts, Subject(DAY), "boxscores", is_needed=False)
    assert link.state == "ok" and " is unusable: " in link.fact

"""The requests, landed responses and quarantined rows behind a source table."""

import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from nba_pipeline.completeness.date_facts import Failure
from nba_pipeline.completeness.next_steps import NEW_KEY
from nba_pipeline.monitoring.explain.chain import chain
from nba_pipeline.monitoring.explain.facts import SlateFacts
from nba_pipeline.monitoring.explain.link import Link
from nba_pipeline.monitoring.explain.origins import NOT_IN_THE_RESPONSES, landing_link, of_subject, requests_link, source_link
from nba_pipeline.monitoring.explain.subject import Subject
from nba_pipeline.monitoring.run_facts import RunFacts
from nba_pipeline.tables.registry import QUARANTINE_SCHEMA
from nba_pipeline.warehouse.payloads import Slot
from nba_pipeline_tests.builders import DAY, PLAYER, a_boxscore, a_game
from nba_pipeline_tests.builders_predictions import AFTER_TIPOFF, GAME, TIPOFF
from nba_pipeline_tests.monitoring.explain.conftest import Slate

BOX, OTHER_BOX = (Slot("nba_cdn", "boxscore", game, DAY) for game in (GAME, "0022400999"))
OF_GAME = Subject(DAY, GAME, "NYK@GSW", ("NYK", "GSW"))
URL = f"https://cdn.example/boxscore_{GAME}.json"


@pytest.fixture
def facts(slate: Slate) -> SlateFacts:
    """A final game, and another one on the same date, on the next day."""
    games = [a_game(tipoff_at=TIPOFF), a_game(home_team="BOS", away_team="LAL", game_id="0022400999", tipoff_at=TIPOFF)]
    return slate(AFTER_TIPOFF.replace(day=AFTER_TIPOFF.day + 1), schedule=games)


def parts_of(facts: SlateFacts, is_complete: bool) -> tuple[str, dict[str, Link]]:
    link = source_link(facts, OF_GAME, "boxscores", "a fact", is_complete)
    return link.state, {part.name: part for part in link.parts}


def test_a_failed_request_is_named_with_status_run_and_address(facts: SlateFacts) -> None:
    problem = f"nba_cdn boxscore {GAME}: status 503 after 2 attempts"
    facts.landing.note(BOX, "failed", url=URL, statuses=[503, 503], problem=problem)
    state, parts = parts_of(facts, is_complete=False)
    assert (state, parts["requests"].state) == ("broken", "broken")
    assert problem in parts["requests"].fact and "(failed, status 503, run " in parts["requests"].evidence[0]
    assert parts["requests"].evidence[0].endswith(URL)


def test_a_refused_key_leads_to_the_command_that_tests_the_keys(facts: SlateFacts) -> None:
    facts.landing.note(BOX, "failed", url=URL, statuses=[401], problem="nba_cdn rejected the key (401)")
    assert parts_of(facts, is_complete=True)[1]["requests"].next_command == NEW_KEY


def test_a_table_whose_last_run_failed_is_broken_though_it_has_rows(slate: Slate) -> None:
    facts = slate(TIPOFF, schedule=[a_game(tipoff_at=TIPOFF)], boxscores=[a_boxscore()])
    failure = Failure(1, "57 rows would replace 90")
    vars(facts)["runs"] = RunFacts(failures={DAY: {"boxscores": failure}})  # as if they had been read
    link = source_link(facts, OF_GAME, "boxscores", "a fact", is_complete=True)
    assert (link.state, link.fact, link.next_command) == (
        "broken",
        "a fact; a later run failed, and the stored rows are kept",
        "nba-pipeline reconcile",
    )
    assert link.evidence == [failure.reason]


def test_runs_that_edited_settings_stop_need_a_restart(slate: Slate) -> None:
    facts = slate(TIPOFF)
    failure = Failure(1, "settings.toml was edited", own_step="restart the daemon")
    vars(facts)["runs"] = RunFacts(failures={DAY: {"schedule": failure}})  # as if they had been read
    links = chain(facts, Subject(DAY))
    assert (links[0].state, links[0].next_command) == ("broken", "restart the daemon")
    assert "predictions" in {link.name for link in links}, "the rows of the schedule are usable, so the chain continues"


def test_a_request_that_was_answered_later_is_no_problem(facts: SlateFacts) -> None:
    facts.landing.note(BOX, "failed", url=URL, statuses=[503], problem="status 503")
    facts.landing.keep(BOX, b"{}", fetched_at=facts.clock.now(), url=URL)
    requests = parts_of(facts, is_complete=True)[1]["requests"]
    assert (requests.state, requests.fact) == ("ok", "1 of 1 request answered")


def test_a_request_without_an_answer_is_named_before_the_table_is_due(facts: SlateFacts) -> None:
    facts.landing.note(BOX, "not_yet", statuses=[403], problem=f"nba_cdn boxscore {GAME} is not published (403)")
    facts.landing.keep(Slot("nba_cdn", "boxscore", "0022400998", DAY), b"{}", fetched_at=facts.clock.now(), url=URL)
    requests = requests_link(facts, Subject(DAY), "boxscores", is_needed=False)
    named = f"nba_cdn boxscore {GAME} is not published yet (nba_cdn answers 403 for it) at "
    assert requests.state == "ok" and requests.fact.startswith(f"1 of 2 requests answered; {named}")


def test_a_rejected_response_was_answered(facts: SlateFacts) -> None:
    payload = facts.landing.keep(BOX, b"{}", fetched_at=facts.clock.now(), url=URL)
    facts.landing.reject(payload, "statistics is missing")
    assert "(answered, content unusable, run " in parts_of(facts, is_complete=False)[1]["requests"].evidence[0]


def test_requests_of_other_games_do_not_count_for_a_game(facts: SlateFacts) -> None:
    facts.landing.note(OTHER_BOX, "failed", statuses=[404], problem="status 404")
    assert parts_of(facts, is_complete=False)[1]["requests"].fact == "no request was sent"


def test_a_response_that_is_landed_and_not_loaded_is_repaired(facts: SlateFacts) -> None:
    facts.landing.keep(BOX, b"{}", fetched_at=facts.clock.now(), url=URL)
    landing = parts_of(facts, is_complete=False)[1]["landing"]
    assert landing.fact.startswith("landed but not loaded: nba_cdn/boxscore/")
    assert landing.next_command == "nba-pipeline reconcile"


def test_answers_without_the_missing_rows_are_named_as_the_cause(slate: Slate) -> None:
    facts = slate(TIPOFF + timedelta(days=1), schedule=[a_game(tipoff_at=TIPOFF)], boxscores=[a_boxscore()])
    facts.landing.keep(BOX, b"{}", fetched_at=facts.clock.now(), url=URL)
    assert source_link(facts, OF_GAME, "boxscores", "a fact", is_complete=False).evidence == [NOT_IN_THE_RESPONSES]


def test_a_table_with_an_unreadable_file_is_broken_before_it_is_due(slate: Slate, tmp_path: Path) -> None:
    facts = slate(schedule=[a_game(tipoff_at=TIPOFF)], boxscores=[a_boxscore()])
    (tmp_path / "tables" / "boxscores" / f"game_date={DAY}" / "part.parquet").write_bytes(b"PAR1")
    assert facts.rows("boxscores").is_empty()
    link = source_link(facts, OF_GAME, "boxscores", "a fact", is_complete=False)
    assert (link.state, link.next_command) == ("broken", "nba-pipeline reconcile") and "unreadable file" in link.fact


def test_a_response_that_changed_at_the_provider_is_counted(slate: Slate) -> None:
    facts = slate(TIPOFF, schedule=[a_game(tipoff_at=TIPOFF)], boxscores=[a_boxscore()])
    for body in (b'{"points": 27}', b'{"points": 29}'):
        facts.landing.keep(BOX, body, fetched_at=facts.clock.now(), url=URL)
    landing = landing_link(facts, OF_GAME, "boxscores", is_needed=False)
    assert landing.fact.startswith("2 responses, the newest nba_cdn/boxscore/")
    assert landing.fact.endswith("; 1 response changed at the provider")


def test_quarantined_rows_of_a_player_are_found_by_id_and_by_spelling() -> None:
    rows = [{"player_id": PLAYER}, {"spelling": "STEPHEN CURRY"}, {"player_name": "Someone Else", "game_id": GAME}]
    values = [{"table": "t", "game_date": DAY, "problem": "p", "row": json.dumps(row), "source": "s"} for row in rows]
    quarantined = pl.DataFrame([value | {"as_of": TIPOFF} for value in values], schema=dict(QUARANTINE_SCHEMA))
    player = Subject(DAY, GAME, "NYK@GSW", ("GSW",), PLAYER, "Stephen Curry")
    assert of_subject(quarantined, player)["row"].to_list() == [json.dumps(row) for row in rows[:2]]
    assert of_subject(quarantined, OF_GAME)["row"].to_list() == [json.dumps(rows[2])]
    assert of_subject(quarantined, Subject(DAY)).height == len(rows)

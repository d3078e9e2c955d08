"""Why a player has no line, no features or no prediction."""

import json
from typing import Any

import polars as pl
import pytest

from nba_pipeline.monitoring.explain import players
from nba_pipeline.monitoring.explain.facts import SlateFacts
from nba_pipeline.monitoring.explain.link import Link, first_broken
from nba_pipeline.monitoring.explain.subject import Subject
from nba_pipeline.tables.registry import QUARANTINE_SCHEMA, TABLES
from nba_pipeline_tests.builders import DAY, PLAYER, a_prop_line
from nba_pipeline_tests.builders_predictions import AFTER_TIPOFF, BEFORE_TIPOFF, GAME, TIPOFF, a_feature_row, a_prediction
from nba_pipeline_tests.monitoring.explain.conftest import Slate

CURRY = Subject(DAY, GAME, "NYK@GSW", ("GSW",), PLAYER, "Stephen Curry")
UNKNOWN = "Wardell Curry II's"


def links_of(facts: SlateFacts) -> dict[str, Link]:
    return {link.name: link for link in players.links(facts, CURRY)}


def quarantine_line(facts: SlateFacts, spelling: str, game_id: str) -> None:
    row = json.dumps({"game_id": game_id, "spelling": spelling})
    values = {"table": "prop_lines", "game_date": DAY, "problem": f"unresolved name '{spelling}'", "row": row, "source": "odds"}
    rejected = pl.DataFrame([values | {"as_of": BEFORE_TIPOFF}], schema=dict(QUARANTINE_SCHEMA))
    facts.warehouse.quarantine(TABLES["prop_lines"], [DAY], rejected)


def test_a_line_under_an_unresolved_name_is_the_broken_link_and_its_command_is_quoted_for_a_shell(slate: Slate) -> None:
    facts = slate(predictions=[a_prediction("NO_LINE", line=None)])
    quarantine_line(facts, UNKNOWN, GAME)
    first = first_broken(list(links_of(facts).values()))
    assert first and first.name == "prop_lines" and UNKNOWN in first.fact
    command = f"""nba-pipeline resolve --spelling 'Wardell Curry II'"'"'s' --player {PLAYER} --date {DAY}"""
    assert first.next_command == command


def test_an_unresolved_name_of_another_game_does_not_matter(slate: Slate) -> None:
    facts = slate(prop_lines=[a_prop_line(player_id=2)])
    quarantine_line(facts, UNKNOWN, "0022400001")
    lines = links_of(facts)["prop_lines"]
    assert (lines.state, lines.fact) == ("excluded", "1 other player of the game with lines of 1 book, and none for this player")


def test_lines_from_after_tipoff_are_no_lines(slate: Slate) -> None:
    facts = slate(prop_lines=[a_prop_line(is_before_tipoff=False, snapshot_at=AFTER_TIPOFF)])
    assert "every snapshot is from after tip-off" in links_of(facts)["prop_lines"].fact


@pytest.mark.parametrize(("now", "command"), [(BEFORE_TIPOFF, f"nba-pipeline run --date {DAY}"), (AFTER_TIPOFF, "")])
def test_a_line_that_was_loaded_after_the_prediction_is_named_with_a_command_until_tipoff(
    now: Any, command: str, slate: Slate
) -> None:
    facts = slate(now, prop_lines=[a_prop_line()], predictions=[a_prediction("NO_LINE", line=None)])
    predictions = links_of(facts)["predictions"]
    assert predictions.state == "broken" and "a line was loaded at" in predictions.fact
    assert predictions.next_command == command


def test_a_player_with_few_minutes_and_no_line_is_excluded_by_the_rule_of_the_predictions(slate: Slate) -> None:
    facts = slate(TIPOFF, features=[a_feature_row(minutes_mean_last_10_games=8.0)], prop_lines=[a_prop_line(player_id=2)])
    predictions = links_of(facts)["predictions"]
    assert (predictions.state, predictions.fact) == ("excluded", "no prediction: no line, and 8.0 minutes per game is below 15")


def test_a_player_without_a_row_of_features_is_a_broken_link(slate: Slate) -> None:
    links = links_of(slate(features=[a_feature_row(player_id=2)]))
    assert (links["features"].state, links["features"].fact) == ("broken", "written without rows")
    assert "no row in features" in links["predictions"].fact


def test_a_player_who_is_not_on_the_roster_is_not_expected(slate: Slate) -> None:
    roster = {"team": "GSW", "player_id": 2, "spelling": "Somebody Else", "seen_at": BEFORE_TIPOFF}
    expected = links_of(slate(upcoming_players=[], rosters=[roster]))["upcoming_players"]
    assert expected.state == "broken", "no player of the date is expected"
    facts = slate(rosters=[roster])
    other = Subject(DAY, GAME, "NYK@GSW", ("GSW",), 3, "Nobody")
    expected = {link.name: link for link in players.links(facts, other)}["upcoming_players"]
    assert expected.state == "excluded" and "the roster of GSW, seen at" in expected.fact


def test_a_system_without_a_prediction_has_its_reason(slate: Slate) -> None:
    predictions = links_of(slate(prop_lines=[a_prop_line()], predictions=[a_prediction(book="draftkings")]))["predictions"]
    reasons = {part.name: part.fact for part in predictions.parts}
    assert reasons["catboost"] == "no prediction: no model of the week"
    assert reasons["ensemble"].endswith("missing: linear_median, xgboost")
    assert reasons["moving_average"].startswith("25.0, line 20.5 by draftkings, OVER, version 1")


def test_a_player_without_a_game_has_no_links_after_the_schedule(slate: Slate) -> None:
    links = list(players.links(slate(), Subject(DAY, teams=("BOS",), player_id=7, player_name="Resting")))
    assert [(link.name, link.state, link.fact) for link in links] == [("schedule", "excluded", f"BOS does not play on {DAY}")]

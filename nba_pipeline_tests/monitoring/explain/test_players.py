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

pytestmark = pytest.mark.slow

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
    facts = slate(prop_lines=[a_prop_line(player_id=2)], predictions=[a_prediction("NO_LINE", line=None)])
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


def test_a_player_with_few_minutes_and_no_line_has_one_reason(slate: Slate) -> None:
    facts = slate(TIPOFF, features=[a_feature_row(minutes_mean_last_10_games=8.0)], prop_lines=[a_prop_line(player_id=2)])
    links = links_of(facts)
    predictions = links["predictions"]
    assert (predictions.state, predictions.fact) == ("excluded", "no prediction: no line, and 8.0 minutes per game is below 15")
    assert not predictions.parts
    assert first_broken(list(links.values())) == predictions


def test_a_player_who_is_predicted_without_a_line_ends_the_chain_at_his_lines(slate: Slate) -> None:
    facts = slate(TIPOFF, prop_lines=[a_prop_line(player_id=2)], predictions=[a_prediction("NO_LINE", line=None)])
    first = first_broken(list(links_of(facts).values()))
    assert first and (first.name, first.state) == ("prop_lines", "excluded")


def test_before_the_run_nothing_is_known_about_the_player(slate: Slate) -> None:
    """At tip-off, the tables that the run should have written are broken."""
    for now in (BEFORE_TIPOFF, TIPOFF):
        facts = slate(now, upcoming_players=None, features=None, prop_lines=[a_prop_line()])
        links = links_of(facts)
        assert links["injuries"].fact == "no status: upcoming_players is not written"
        assert not [name for name, link in links.items() if "not expected" in link.fact]
    assert links["predictions"].fact == "no prediction: upcoming_players is not written"
    assert links["predictions"].state == "broken"


def test_a_system_that_could_predict_names_what_the_tables_show(slate: Slate) -> None:
    facts = slate(TIPOFF, prop_lines=[a_prop_line()])
    reasons = {part.name: part.fact for part in links_of(facts)["predictions"].parts}
    assert reasons["moving_average"] == "no prediction: predictions is not written"
    other = a_prediction(player_id=2, made_at=BEFORE_TIPOFF)
    reasons = {
        part.name: part.fact
        for part in links_of(slate(TIPOFF, prop_lines=[a_prop_line()], predictions=[other]))["predictions"].parts
    }
    assert "no prediction: the features were computed at" in reasons["moving_average"]


def test_a_prediction_in_another_market_is_named_and_adds_no_system(slate: Slate) -> None:
    rows = [a_prediction(), a_prediction(market="player_rebounds", prediction_id="2")]
    predictions = links_of(slate(prop_lines=[a_prop_line()], predictions=rows))["predictions"]
    assert predictions.fact == "1 system: 2 OVER"
    assert [part.name for part in predictions.parts[:2]] == ["moving_average", "moving_average player_rebounds"]


def test_a_backtest_is_called_one(slate: Slate) -> None:
    rows = [a_prediction(run_kind="backtest", made_at=AFTER_TIPOFF)]
    predictions = links_of(slate(AFTER_TIPOFF, prop_lines=[a_prop_line()], predictions=rows))["predictions"]
    assert predictions.fact == "1 system: 1 OVER; 1 backtest: it was made after tip-off"
    assert ", OVER, backtest version 1 at" in predictions.parts[0].fact


def test_a_player_without_a_row_of_features_is_a_broken_link(slate: Slate) -> None:
    links = links_of(slate(TIPOFF, features=[a_feature_row(player_id=2)], prop_lines=[a_prop_line()]))
    assert (links["features"].state, links["features"].fact) == ("broken", "no row of the player")
    assert (links["predictions"].state, links["predictions"].fact) == ("broken", "no prediction: no row in features")


def test_a_player_who_is_not_on_the_roster_is_not_expected(slate: Slate) -> None:
    roster = {"team": "GSW", "player_id": 2, "spelling": "Somebody Else", "seen_at": BEFORE_TIPOFF}
    expected = links_of(slate(upcoming_players=[], rosters=[roster]))["upcoming_players"]
    assert expected.state == "broken", "no player of the date is expected"
    facts = slate(rosters=[roster])
    other = Subject(DAY, GAME, "NYK@GSW", ("GSW",), 3, "Nobody")
    links = {link.name: link for link in players.links(facts, other)}
    assert links["upcoming_players"].state == "excluded" and "the roster of GSW, seen at" in links["upcoming_players"].fact
    assert {links[name].fact for name in ("features", "injuries")} == {
        "no row: the player is not expected",
        "no status: the player is not expected",
    }


def test_a_system_without_a_prediction_has_its_reason(slate: Slate) -> None:
    predictions = links_of(slate(prop_lines=[a_prop_line()], predictions=[a_prediction(book="draftkings")]))["predictions"]
    reasons = {part.name: part.fact for part in predictions.parts}
    assert reasons["catboost"] == "no prediction: no model of the week"
    assert reasons["ensemble"].endswith("missing: linear_median, xgboost")
    assert reasons["moving_average"].startswith("25.0, line 20.5 by draftkings, OVER, version 1")


def test_a_player_without_a_game_has_no_links_after_the_schedule(slate: Slate) -> None:
    links = list(players.links(slate(), Subject(DAY, teams=("BOS",), player_id=7, player_name="Resting")))
    assert [(link.name, link.state, link.fact) for link in links] == [("schedule", "excluded", f"BOS does not play on {DAY}")]


def test_a_date_whose_schedule_is_not_loaded_does_not_say_that_the_team_does_not_play(slate: Slate) -> None:
    links = list(players.links(slate(schedule=None), Subject(DAY, teams=("BOS",), player_id=7, player_name="Resting")))
    assert [(link.name, link.fact) for link in links] == [("schedule", "the schedule of the date is not loaded")]

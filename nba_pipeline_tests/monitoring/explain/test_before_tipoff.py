"""The links from the schedule to the predictions of a date or game."""

from datetime import timedelta

import pytest

from nba_pipeline.monitoring.explain import before_tipoff
from nba_pipeline.monitoring.explain.chain import chain
from nba_pipeline.monitoring.explain.facts import SlateFacts
from nba_pipeline.monitoring.explain.link import Link
from nba_pipeline.monitoring.explain.subject import Subject
from nba_pipeline.monitoring.incidents import eastern_time
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.payloads import Slot
from nba_pipeline_tests.builders import DAY, PLAYER, a_game, a_prop_line, an_expected_player, frame_of
from nba_pipeline_tests.builders_predictions import BEFORE_TIPOFF, GAME, TIPOFF, a_feature_row, a_prediction
from nba_pipeline_tests.monitoring.explain.conftest import Slate

pytestmark = pytest.mark.slow

DATE = Subject(DAY)
OF_GAME = Subject(DAY, GAME, "NYK@GSW", ("NYK", "GSW"))
POSTPONED = a_game(tipoff_at=TIPOFF, status="postponed", status_text="PPD", home_points=None, away_points=None)


def links_of(facts: SlateFacts, subject: Subject = DATE) -> dict[str, Link]:
    return {link.name: link for link in before_tipoff.links(facts, subject)}


def test_a_postponed_game_ends_the_chain_with_the_words_of_the_league(slate: Slate) -> None:
    [link] = chain(slate(schedule=[POSTPONED]), OF_GAME)
    assert (link.name, link.state) == ("schedule", "excluded")
    assert link.fact == f"NYK@GSW {GAME} is not played; the league says: PPD"


def test_a_date_without_games_ends_the_chain(slate: Slate) -> None:
    assert [(link.state, link.fact) for link in chain(slate(schedule=[]), DATE)] == [
        ("excluded", "no game is scheduled on the date")
    ]


def test_an_incomplete_earlier_game_excludes_its_teams_and_breaks_the_chain_of_their_game(slate: Slate) -> None:
    facts, yesterday = slate(), DAY - timedelta(days=1)
    for number, teams in enumerate((("GSW", "NYK"), ("BOS", "LAL"), ("DEN", "MIA"), ("PHX", "CHI"), ("DAL", "HOU"))):
        day = yesterday - timedelta(days=number)
        facts.warehouse.replace(TABLES["schedule"], [day], frame_of(TABLES["schedule"], a_game(day, *teams) | LINEAGE), "test")
    gate = links_of(facts, OF_GAME)["gate the_last_slates_are_covered"]
    first = yesterday - timedelta(days=2)
    assert gate.state == "broken" and gate.fact.startswith(f"closed, waits for box scores of {first}: 0 of 3 games")
    assert (
        gate.next_command
        == f"wait, the box scores are requested again automatically; to request them now: nba-pipeline repair --date {first}"
    )


LINEAGE = {"as_of": TIPOFF, "code_version": "1"}


def test_games_without_lines_are_named_and_are_not_due_early(slate: Slate) -> None:
    lines = links_of(slate(TIPOFF - timedelta(hours=40)))["prop_lines"]
    assert (lines.state, lines.fact.endswith("; no lines for NYK@GSW")) == ("not_due", True)
    assert links_of(slate(TIPOFF))["prop_lines"].state == "broken"
    assert links_of(slate(TIPOFF, prop_lines=[a_prop_line()]))["prop_lines"].state == "ok"


def test_lines_that_books_do_not_offer_yet_are_not_due(slate: Slate) -> None:
    lines = links_of(slate(TIPOFF - timedelta(hours=12), prop_lines=[]))["prop_lines"]
    assert lines.state == "not_due" and lines.fact.endswith("due at 13:00 US Eastern")
    assert links_of(slate(prop_lines=[]))["prop_lines"].state == "broken"


def test_an_eligible_player_without_features_is_named(slate: Slate) -> None:
    others = [an_expected_player(player_id=PLAYER + 1, player_name="Moses Moody")]
    features = links_of(slate(upcoming_players=[an_expected_player(), *others]))["features"]
    assert (features.state, features.fact) == ("partial", "1 of 2 eligible players; missing: Moses Moody")


def test_systems_that_are_not_ready_are_named_with_their_numbers(slate: Slate) -> None:
    gate = links_of(slate(features=[a_feature_row(points_mean_similar_games=None)]))["gate enough_players_are_ready"]
    assert gate.state == "ok" and gate.fact.endswith(
        "no predictions by 1 system: fewer than 60% of the players with 5 games are ready for similarity (0 of 1)"
    )


def test_predictions_count_players_systems_and_those_without_a_line(slate: Slate) -> None:
    rows = [a_prediction("NO_LINE", line=None), a_prediction("OVER", system_id="similarity", player_id=PLAYER + 1)]
    predictions = links_of(slate(TIPOFF, predictions=rows))["predictions"]
    assert predictions.state == "ok" and predictions.fact == (
        "2 players of 0 of 0 games: 1 with a line, 1 without; 2 of 8 systems predicted; no prediction: zone_matchup; "
        "no model of the week: catboost, linear_median, xgboost; combine others: ensemble, market_blend"
    )


def test_predictions_that_are_not_written_are_broken_although_no_game_is_known_to_lack_some(slate: Slate) -> None:
    """Without features, no game is expected to have predictions."""
    link = links_of(slate(TIPOFF))["predictions"]
    assert (link.state, link.fact) == ("broken", "not written")
    assert links_of(slate(TIPOFF, predictions=[]))["predictions"].state == "ok"


def test_predictions_that_all_lack_a_line_are_partial_once_lines_are_due(slate: Slate) -> None:
    rows = [a_prediction("NO_LINE", line=None)]
    early = links_of(slate(TIPOFF - timedelta(hours=12), predictions=rows))["predictions"]
    late = links_of(slate(TIPOFF, predictions=rows))["predictions"]
    assert (early.state, late.state) == ("ok", "partial")
    assert "1 player of 0 of 0 games: 0 with a line, 1 without; a prediction without a line is not actionable" in late.fact


def test_games_that_are_not_final_have_the_instant_at_which_they_were_read(slate: Slate) -> None:
    assert links_of(slate())["schedule"].fact.endswith(f", as read at {eastern_time(BEFORE_TIPOFF, DAY)}")


@pytest.mark.parametrize(("hours", "state"), [(48, "not_due"), (0, "partial")])
def test_optional_sources_that_are_not_written_do_not_break_the_chain(hours: int, state: str, slate: Slate) -> None:
    links = links_of(slate(TIPOFF - timedelta(hours=hours), upcoming_players=None))
    assert (links["injuries"].state, links["rosters"].state) == (state, state)


REPORT, LEAGUE = Slot("injury_report", "report", "1", DAY), Slot("espn", "injuries", "league", DAY)


def test_unknown_statuses_are_broken_while_no_provider_of_injuries_answers(slate: Slate) -> None:
    facts = slate(upcoming_players=[an_expected_player(injury_risk_level=None, injury_snapshot_at=None)])
    facts.landing.note(REPORT, "failed", statuses=[500], problem="status 500")
    facts.landing.note(LEAGUE, "failed", statuses=[500], problem="status 500")
    injuries = links_of(facts)["injuries"]
    assert (injuries.state, injuries.fact) == ("broken", "no report; the status of 1 of 1 expected player is unknown")
    assert injuries.next_command == f"nba-pipeline run --date {DAY}"
    facts.landing.keep(LEAGUE, b"{}", fetched_at=facts.clock.now())
    again = SlateFacts(facts.warehouse, facts.landing, facts.clock, None, DAY)
    assert links_of(again)["injuries"].state == "partial"

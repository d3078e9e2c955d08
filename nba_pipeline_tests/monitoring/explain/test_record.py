"""The links of the picks and of their publication."""

from datetime import timedelta
from typing import Any

from nba_pipeline.monitoring.explain import record
from nba_pipeline.monitoring.explain.chain import chain
from nba_pipeline.monitoring.explain.facts import SlateFacts
from nba_pipeline.monitoring.explain.link import Link
from nba_pipeline.monitoring.explain.subject import Subject
from nba_pipeline_tests.builders import DAY, Values
from nba_pipeline_tests.builders_predictions import BEFORE_TIPOFF, a_prediction
from nba_pipeline_tests.monitoring.explain.conftest import Slate

DATE = Subject(DAY)
BET = a_prediction(system_id="ensemble")


def a_judged(failed_rules: list[str], **fields: Any) -> Values:
    """A row of `picks` of the candidate."""
    copied = ("game_id", "player_id", "market", "run_kind", "version", "system_id", "tipoff_at")
    judged = {"subset": "best", "failed_rules": failed_rules, "is_pick": not failed_rules, "picked_at": BEFORE_TIPOFF}
    return {name: BET[name] for name in copied} | judged | fields


def links_of(facts: SlateFacts) -> dict[str, Link]:
    return {link.name: link for link in record.links(facts, DATE)}


def test_a_slate_without_picks_names_the_rules(slate: Slate) -> None:
    judged = [a_judged(["low_edge", "price"]), a_judged(["low_edge"], subset="value")]
    links = links_of(slate(predictions=[BET], picks=judged, publications=[]))
    picks = links["picks"]
    assert (picks.state, picks.fact) == ("ok", "1 candidate: best 0 picks (low_edge 1, price 1); value 0 picks (low_edge 1)")
    assert (links["publications"].state, links["publications"].fact) == ("ok", "0 publications; 0 of 0 picks published")


def test_the_latest_version_of_a_candidate_counts(slate: Slate) -> None:
    judged = [a_judged(["price"]), a_judged([], version=2)]
    assert links_of(slate(predictions=[BET], picks=judged))["picks"].fact == "1 candidate: best 1 pick"


def test_a_candidate_that_is_not_judged_makes_the_link_partial(slate: Slate) -> None:
    second = a_prediction(system_id="ensemble", player_id=7)
    picks = links_of(slate(predictions=[BET, second], picks=[a_judged(["price"])]))["picks"]
    assert picks.state == "partial" and picks.fact.endswith("; 1 candidate not judged")


def test_a_pick_without_a_manifest_breaks_the_chain(slate: Slate) -> None:
    publications = links_of(slate(predictions=[BET], picks=[a_judged([])], publications=[]))["publications"]
    assert (publications.state, publications.fact) == ("broken", "0 publications; 0 of 1 pick published")
    assert publications.next_command == f"nba-pipeline audit record --date {DAY}"


def test_the_picks_of_tomorrow_are_not_due(slate: Slate) -> None:
    facts = slate(BEFORE_TIPOFF - timedelta(days=1), predictions=[BET], picks=[])
    assert links_of(facts)["picks"] == Link("picks", "not_due", "picks are made on the day of their games")


def test_a_backtest_has_no_links_of_the_record(slate: Slate) -> None:
    facts = slate(predictions=[BET | {"run_kind": "backtest"}], picks=[])
    assert not {"picks", "publications"} & {link.name for link in chain(facts, DATE)}


def test_a_slate_without_candidates_says_why(slate: Slate) -> None:
    untrained = slate(predictions=[a_prediction(system_id="moving_average")], picks=[])
    assert links_of(untrained)["picks"].fact == "0 candidates: ensemble has no predictions"

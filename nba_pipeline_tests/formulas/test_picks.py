"""Selection of picks: rules, order, limits and plausibility."""

from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from nba_pipeline.formulas.picks import FORBIDDING, conditions, counterfactuals, rank_value, select_picks, slate_problems
from nba_pipeline.formulas.recommendation import with_recommendation
from nba_pipeline_tests.builders import DAY

NO_PICKS = pl.DataFrame(schema={"game_id": pl.String, "player_id": pl.Int64, "market": pl.String, "team": pl.String})
PRICE = {"price": "best_price IS NOT NULL"}


def a_candidate(player_id: int, price_edge: float | None = 0.0, **fields: Any) -> dict[str, Any]:
    return {
        "game_id": "1", "player_id": player_id, "market": "player_points", "team": f"T{player_id}", "recommendation": "OVER",
        "edge": 4.0, "best_price": -110, "price_edge": price_edge, "reasons": [], "over_probability": None,
        "blended_over_probability": 0.6, "blended_under_probability": 0.4, "blended_push_probability": 0.0,
        "market_over_probability": 0.5,
    } | fields  # fmt: skip


def selected(
    *candidates: dict[str, Any], locked: pl.DataFrame = NO_PICKS, per_team: int = 2, per_day: int = 15
) -> dict[int, Any]:
    """Player -> rank of a pick, or the rules that the candidate fails."""
    schema = {"best_price": pl.Int64, "price_edge": pl.Float64, "over_probability": pl.Float64, "reasons": pl.List(pl.String)}
    frame = pl.DataFrame(list(candidates), schema_overrides=schema, infer_schema_length=None)
    rows = select_picks(frame, conditions(PRICE), locked, per_team=per_team, per_day=per_day)
    return {row["player_id"]: row["rank"] if row["is_pick"] else row["failed_rules"] for row in rows.to_dicts()}


def test_without_a_published_probability_picks_rank_by_price_edge() -> None:
    assert selected(a_candidate(1, 0.01), a_candidate(2, 0.03), a_candidate(3, None)) == {2: 1, 1: 2, 3: 3}


def test_published_probabilities_rank_by_their_lead_over_the_market() -> None:
    over = a_candidate(1, 0.09, over_probability=0.6)  # 0.6 - 0.5
    under = a_candidate(2, over_probability=0.6, recommendation="UNDER", blended_under_probability=0.7)  # 0.7 - 0.5
    assert selected(over, under) == {2: 1, 1: 2}


@pytest.mark.parametrize(("side", "lead"), [("OVER", 0.05), ("UNDER", -0.05)])
def test_the_lead_is_that_of_the_recommended_side_without_pushes(side: str, lead: float) -> None:
    candidate = a_candidate(
        1, over_probability=0.6, recommendation=side, blended_over_probability=0.54, blended_under_probability=0.36,
        blended_push_probability=0.1, market_over_probability=0.55,
    )  # fmt: skip
    assert pl.DataFrame([candidate], schema_overrides={"price_edge": pl.Float64}).select(rank_value()).item() == pytest.approx(
        lead
    )


def test_equal_candidates_rank_by_the_distance_of_their_line_and_then_by_player() -> None:
    candidates = [a_candidate(1), a_candidate(2, edge=-4.5), a_candidate(3, edge=4.5)]
    assert selected(*candidates) == selected(*reversed(candidates)) == {2: 1, 3: 2, 1: 3}


def test_a_rule_about_an_unknown_value_is_not_met() -> None:
    rows = pl.DataFrame({"edge": [4.0, 2.0, None]})
    assert rows.select(**conditions({"edge": "edge >= 3"}))["edge"].to_list() == [True, False, False]


def test_a_candidate_has_every_rule_that_it_fails() -> None:
    assert selected(a_candidate(1, best_price=None, reasons=["low_edge", "few_career_games"])) == {1: ["low_edge", "price"]}


def test_a_team_and_a_day_have_a_limit() -> None:
    same_team = [a_candidate(number, 0.1 - number / 100, team="GSW") for number in (1, 2, 3)]
    assert selected(*same_team, a_candidate(4, 0.0), per_day=3) == {1: 1, 2: 2, 3: ["team_limit"], 4: 3}
    assert selected(*same_team, per_day=1) == {1: 1, 2: ["day_limit"], 3: ["day_limit"]}


def test_locked_picks_count_towards_the_limits_and_are_not_selected_again() -> None:
    locked = pl.DataFrame([("1", number, "player_points", "GSW") for number in (1, 2)], schema=NO_PICKS.schema, orient="row")
    found = selected(a_candidate(1), a_candidate(3, team="GSW"), a_candidate(4), locked=locked)
    assert found == {3: ["team_limit"], 4: 3}


def test_the_reasons_that_forbid_a_bet_are_those_of_the_recommendation() -> None:
    worst = {
        "game_date": DAY, "season": "2023-24", "predicted_value": 20.5, "line": 20.5, "lacks_required": True, "quality_score": 0.0,
        "has_few_minutes": True, "injury_status": "out", "is_injury_unknown": True, "has_short_history": True,
        "trained_through": DAY - timedelta(days=22),
        "reasons": ["contains_the_line"], "over_probability": 0.1, "blended_push_probability": 0.0,
        "blended_under_probability": 0.1,
    }  # fmt: skip
    rows = pl.DataFrame([worst, worst | {"line": None}])
    limits = {
        "pass_below_edge": 1.0,
        "actionable_edge": 3.0,
        "least_probability": 0.5,
        "quality_floor": 70.0,
        "bootstrap_days": 14,
        "stale_days": 21,
    }
    reasons = set(with_recommendation(rows, {}, **limits)["reasons"].explode())  # type: ignore[arg-type]
    assert reasons == set(FORBIDDING)


@pytest.mark.parametrize(
    ("row", "subsets"),
    [
        ({"failed_rules": [], "is_pick": True, "failed_trial_rules": []}, ["best"]),
        ({"failed_rules": [], "is_pick": True, "failed_trial_rules": ["star"]}, ["best", "best against star"]),
        ({"failed_rules": ["price"], "is_pick": False, "failed_trial_rules": []}, ["best without price"]),
        ({"failed_rules": ["price", "low_edge"], "is_pick": False, "failed_trial_rules": ["star"]}, []),
    ],
    ids=["a pick", "a pick that a rule on trial would remove", "removed by one rule", "removed by two"],
)
def test_the_record_of_a_filter_has_what_it_alone_removed(row: dict[str, Any], subsets: list[str]) -> None:
    schema = {"failed_rules": pl.List(pl.String), "failed_trial_rules": pl.List(pl.String)}
    frame = pl.DataFrame([row | {"subset": "best"}], schema_overrides=schema)
    assert frame.select(counterfactuals(["star"])).item().to_list() == subsets


def a_slate(recommendations: list[str], edge: float = 0.0, probabilities: list[float] | None = None) -> pl.DataFrame:
    over = probabilities or [None] * len(recommendations)
    schema = {"recommendation": pl.String, "edge": pl.Float64, "over_probability": pl.Float64}
    return pl.DataFrame([(one, edge, p) for one, p in zip(recommendations, over, strict=True)], schema=schema, orient="row")


@pytest.mark.parametrize(
    ("slate", "problems"),
    [
        (a_slate(["OVER", "UNDER"] * 10), []),
        (a_slate(["UNDER"] * 20), ["0% of 20 recommendations are OVER"]),
        (a_slate(["UNDER"] * 19), []),
        (a_slate(["OVER", "UNDER"] * 10, 2.6), ["the mean edge is +2.60 points, beyond 2.5"]),
        (a_slate(["OVER", "UNDER"] * 10, -2.6), ["the mean edge is -2.60 points, beyond 2.5"]),
        (a_slate(["OVER", "UNDER"] * 10, 2.5), []),
        (a_slate(["OVER", "UNDER"] * 10, probabilities=[0.5] * 20), ["all 20 probabilities are 0.5"]),
        (a_slate(["OVER", "UNDER"] * 9, probabilities=[0.5] * 18), []),
        (a_slate(["OVER", "UNDER"] * 10, probabilities=[0.5] * 19 + [0.6]), []),
        (a_slate([]), []),
    ],
    ids=[
        "plausible",
        "one direction",
        "few rows",
        "mean edge",
        "negative mean edge",
        "mean edge at its limit",
        "constant probability",
        "few constant probabilities",
        "two probabilities",
        "no predictions",
    ],
)
def test_an_implausible_slate_is_named(slate: pl.DataFrame, problems: list[str]) -> None:
    assert slate_problems(slate, largest_share=0.95, least_rows=20, largest_mean_edge=2.5) == problems

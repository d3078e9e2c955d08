"""The records of a few graded forecasts, with values computed by hand."""

from typing import Any

import polars as pl
import pytest

from nba_pipeline.evaluation.market import market_of
from nba_pipeline.evaluation.records import MARKET, graded, records, with_conditions
from nba_pipeline.evaluation.suspicions import suspicions
from nba_pipeline.formulas.markets import REBOUNDS
from nba_pipeline_tests.builders_evaluation import FIRST, a_line, lines_of

pytestmark = pytest.mark.slow

PROBABILITIES = ("blended_over_probability", "blended_push_probability", "over_probability")


def forecast(player: int, value: float, **fields: Any) -> dict[str, Any]:
    key = {"game_date": FIRST, "game_id": f"002{FIRST:%y%m%d}1", "player_id": player}
    return {**key, "system_id": "model", "predicted_value": value, "reasons": [], **dict.fromkeys(PROBABILITIES)} | fields


def rows(
    points: dict[int, int], *forecasts: dict[str, Any], lines: list[dict[str, Any]] | None = None, population: str = "known"
) -> pl.DataFrame:
    schema = {"reasons": pl.List(pl.String), **dict.fromkeys(PROBABILITIES, pl.Float64)}
    market = market_of(lines_of(*(lines or [a_line(player=one["player_id"]) for one in forecasts])), population)
    outcomes = pl.DataFrame([{"game_id": f"002{FIRST:%y%m%d}1", "player_id": p, "points": n} for p, n in points.items()])
    return with_conditions(graded(pl.DataFrame(forecasts, schema_overrides=schema), market, outcomes), conditions(len(points)))


def conditions(players: int) -> pl.DataFrame:
    """Features of players 1, 2, ...: rest days as their number, 16 minutes a game, no known absence of teammates."""
    return pl.DataFrame(
        {
            "game_id": f"002{FIRST:%y%m%d}1",
            "player_id": range(1, players + 1),
            "rest_days": range(1, players + 1),
            "minutes_mean_last_10_games": 16.0,
            "absent_minutes_expected": None,
        }
    )


def record(made: pl.DataFrame, group: str = "all", value: str = "all", system: str = "model") -> dict[str, Any]:
    [row] = records(made, [system]).filter(pl.col("group") == group, pl.col("value") == value).to_dicts()
    return row


def test_errors_stand_beside_those_of_the_line_on_the_same_rows() -> None:
    row = record(rows({1: 25, 2: 15}, forecast(1, 24.5), forecast(2, 20.0)))
    # errors 0.5 and 5.0 against 4.5 and 5.5 of the line at 20.5
    assert (row["n"], row["mae"], row["consensus_mae"], row["gap"], row["bias"]) == (2, 2.75, 5.0, -2.25, 2.25)
    assert row["rmse"] == pytest.approx(3.55317)


def test_a_player_who_did_not_play_is_void() -> None:
    assert record(rows({1: 25}, forecast(1, 24.5), forecast(2, 24.5)))["n"] == 1


def test_the_market_has_a_record_of_its_own_and_no_bets() -> None:
    row = record(rows({1: 25}, forecast(1, 24.5)), system=MARKET)
    assert (row["mae"], row["gap"], row["hit_rate_n"], row["roi_n"]) == (4.5, 0.0, 0, 0)


def test_bets_are_counted_by_direction_edge_tier_and_book() -> None:
    made = rows({1: 25, 2: 15, 3: 30}, forecast(1, 24.5), forecast(2, 20.0), forecast(3, 18.0))
    groups = [("direction", "OVER"), ("direction", "UNDER"), ("edge", "at least 1"), ("edge", "at least 3"), ("tier", "20 to 25")]
    counts = [(record(made, *group)["hit_rate_n"], record(made, *group)["hit_rate"]) for group in groups]
    assert counts == [(1, 1.0), (2, 0.5), (2, 0.5), (1, 1.0), (3, 0.66667)]
    assert record(made, "book", "draftkings")["n"] == 3 and record(made, "season", "2023-24")["n"] == 3


def test_errors_are_split_by_rest_minutes_and_absent_teammates() -> None:
    made = rows({1: 25, 2: 15, 3: 30}, forecast(1, 24.5), forecast(2, 20.0), forecast(3, 18.0))
    assert [record(made, "rest days", value)["mae"] for value in ("below 2", "2 to 3", "3 to 4")] == [0.5, 5.0, 12.0]
    assert record(made, "minutes", "15 to 20")["n"] == 3
    unknown = records(made, ["model"]).filter(pl.col("group") == "teammates out")
    assert unknown.is_empty(), "an unknown condition belongs to no group"


def test_returns_use_the_price_of_the_line_used_and_the_best_price() -> None:
    lines = [a_line(over_price=-125), a_line(over_price=150, book="fanduel")]
    row = record(rows({1: 25}, forecast(1, 24.5), lines=lines))
    assert (row["roi"], row["roi_at_best_price"]) == (0.8, 1.5)


def test_a_probability_is_scored_beside_the_markets_without_pushes() -> None:
    whole = [a_line(player=player, line=21.0) for player in (1, 2)]
    probability = {"blended_over_probability": 0.54, "blended_push_probability": 0.1}
    row = record(rows({1: 25, 2: 21}, forecast(1, 24.5, **probability), forecast(2, 24.5, **probability), lines=whole))
    # 0.54 / 0.9 = 0.6 given no push: -ln 0.6 against -ln 0.5; the push counts in neither
    assert (row["log_loss_gap_n"], row["log_loss"], row["market_log_loss"]) == (1, 0.51083, 0.69315)
    assert (row["brier"], row["published_log_loss_gap_n"]) == (0.16, 0)


def test_closing_line_value_needs_a_forecast_without_the_line() -> None:
    lines = [a_line(minutes=300, over_price=100, under_price=-120), a_line(minutes=5, over_price=-140, under_price=110)]
    free, blended = (rows({1: 25}, forecast(1, 24.5, reasons=reasons), lines=lines) for reasons in ([], ["contains_the_line"]))
    assert record(free)["closing_line_value"] == pytest.approx(0.1011, abs=1e-4)
    assert record(blended)["closing_line_value"] is None


def test_results_that_are_too_good_are_named() -> None:
    n = 4000
    overall = {"gap": -0.01, "gap_n": n, "log_loss_gap": -0.01, "log_loss_gap_n": n, "hit_rate": 0.5, "hit_rate_n": n}
    of_all = pl.DataFrame([{"system_id": "model", "group": "all", "value": "all", **overall}])
    of_edge = of_all.with_columns(group=pl.lit("edge"), value=pl.lit("at least 1"), hit_rate=0.57)
    assert suspicions(pl.concat([of_all, of_edge]), contains_the_line=set()) == [
        "SUSPECT A LEAK: the gap of model on 4,000 rows is -0.0100, below the limit of +0.02",
        "SUSPECT A LEAK: the log loss of model minus the market's is -0.01000 over 4,000 rows",
        "SUSPECT A LEAK: model wins 57.0% of 4,000 bets at an edge of at least 1",
    ]
    assert suspicions(of_all.with_columns(gap_n=100, log_loss_gap_n=100), contains_the_line=set()) == []
    # -0.01 points is not suspect for a forecast that contains the line; its log loss is
    assert len(suspicions(of_all, contains_the_line={"model"})) == 1


RETURN = {"roi": 0.15, "roi_n": 500, "roi_low": 0.08}
OF_REBOUNDS = {"gap": -0.5, "gap_n": 4000, "gap_to_adjusted_line": 0.007, "gap_to_adjusted_line_n": 4000, "log_loss_gap": -0.01,
               "log_loss_gap_n": 4000, "hit_rate": 0.6, "hit_rate_n": 4000, **RETURN}  # fmt: skip


def suspicions_of_rebounds(blends: bool = False, **changed: float | None) -> list[str]:
    names = {"group": ["all", "edge"], "value": ["all", "at least 0.4"]}
    of_model = {"system_id": "model", **OF_REBOUNDS, **changed}
    records = pl.DataFrame(names).with_columns(pl.lit(value).alias(name) for name, value in of_model.items())
    return suspicions(records, {"model"} if blends else set(), REBOUNDS)


def test_rebounds_are_judged_by_the_price_adjusted_line_and_the_return() -> None:
    assert suspicions_of_rebounds() == [
        "SUSPECT A LEAK: the gap of model to the price-adjusted line on 4,000 rows is +0.0070, below the limit of +0.008",
        "SUSPECT A LEAK: the log loss of model minus the market's is -0.01000 over 4,000 rows",
        "SUSPECT A LEAK: model returns +15.0% on 500 bets at an edge of at least 0.4; the low end of the interval, +8.0%, is above +6.9%",
    ]


def test_rebounds_within_the_limits_or_with_too_few_rows_are_not_suspect() -> None:
    """The line of rebounds is not the median, so its gap and its hit rate have no limit."""
    assert suspicions_of_rebounds(gap_to_adjusted_line=0.009, log_loss_gap=-0.003, roi_low=0.068) == []
    assert suspicions_of_rebounds(gap_to_adjusted_line_n=3999, log_loss_gap_n=3999, roi_n=499) == []
    assert suspicions_of_rebounds(gap_to_adjusted_line=None, log_loss_gap=None, roi_low=None) == []


def test_a_blend_of_rebounds_may_beat_the_price_adjusted_line_by_0_016() -> None:
    of_blend = {"log_loss_gap": 0.0, "roi_low": 0.0, "blends": True}
    assert suspicions_of_rebounds(gap_to_adjusted_line=-0.015, **of_blend) == []
    assert len(suspicions_of_rebounds(gap_to_adjusted_line=-0.017, **of_blend)) == 1


def test_the_gap_to_the_price_adjusted_line_needs_a_line_of_a_known_instant() -> None:
    """-130 on the over raises the median above the line of 21.5. An archive line has no prices, so none to adjust."""
    priced = a_line(player=1, line=21.5, over_price=-130, under_price=110)
    archived = a_line(player=2, line=21.5, is_before_tipoff=None, is_latest_pregame=True)
    made = rows({1: 25, 2: 25}, forecast(1, 24.5), forecast(2, 24.5), lines=[priced, archived], population="all")
    gaps = made.filter(system_id="model").sort("player_id").select("gap", "gap_to_adjusted_line").rows()
    assert gaps[0][0] == -3.0 and -3.0 < gaps[0][1] < -2.0 and gaps[1] == (-3.0, None)

"""The document of a slate: its states, and what is published of lines and prices."""

from datetime import date, timedelta
from typing import Any

import polars as pl
import pytest

from nba_pipeline.assets.grades.grades import TABLE as GRADES
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.league.calendar import eastern
from nba_pipeline.publishing.documents import Record, Slate
from nba_pipeline.publishing.export import slate_files
from nba_pipeline.publishing.page import page
from nba_pipeline.publishing.prices import Prices
from nba_pipeline.publishing.slate import SlateRows, slate_document
from nba_pipeline_tests.builders import a_game, frame_of
from nba_pipeline_tests.builders_predictions import a_prediction, predictions_of

DAY = date(2026, 1, 15)
NOON = eastern(DAY, 12)
PICKED = {
    "game_id": pl.String(),
    "player_id": pl.Int64(),
    "market": pl.String(),
    "recommendation": pl.String(),
    "rank": pl.Int64(),
}
RECORD = Record(first=None, last=None, as_of=NOON, performance=[])
GAME = a_game(DAY, status="scheduled")
PLAYED = {
    "game_date": DAY, "game_id": GAME["game_id"], "tipoff_at": eastern(DAY, 19), "made_at": NOON, "team": "GSW", "opponent": "NYK",
    "player_name": "Al Able", "is_actionable": True, "system_version": "1",
}  # fmt: skip
PRICED = {"adjusted_line": 20.72, "book": "fanduel", "price": -115, "best_price": -105, "best_price_book": "draftkings", "edge": 4.5,
          "market_over_probability": 0.52, "over_probability": 0.55}  # fmt: skip
FORECASTS = [
    a_prediction("OVER", **PLAYED, **PRICED, system_id="ensemble", predicted_value=25.0),
    a_prediction("PASS", **PLAYED, **PRICED | {"edge": 0.8}, system_id="market_blend", predicted_value=21.3),
]


def rows(predictions: pl.DataFrame | None = None, schedule: pl.DataFrame | None = None, **fields: Any) -> SlateRows:
    found = predictions_of(*FORECASTS) if predictions is None else predictions
    defaults: dict[str, Any] = {
        "captures": pl.DataFrame({"game_id": [GAME["game_id"]], "captured_at": [NOON]}),
        "graded": pl.DataFrame(schema=GRADES.dtypes | {"player_name": pl.String(), "team": pl.String()}),
        "freshness": {"prop_lines": NOON},
        "status": {"state": "EXPECTED", "reasons": []},
        "picks": pl.DataFrame(schema=PICKED),
    }
    games = frame_of(SCHEDULE, GAME) if schedule is None else schedule
    return SlateRows(DAY, NOON, games, found, **defaults | fields)


def document(given: SlateRows, prices: Prices = "all") -> Slate:
    return slate_document(given, prices, RECORD)


def test_with_prices_the_blend_is_displayed_beside_the_line() -> None:
    (player,) = document(rows()).players
    assert (player.displayed_system, player.line, player.book, player.best_price) == ("market_blend", 20.5, "fanduel", -105)
    assert [(one.system, one.value, one.edge) for one in player.forecasts] == [
        ("ensemble", 25.0, 4.5),
        ("market_blend", 21.3, 0.8),
    ]


def test_without_prices_nothing_is_published_from_which_a_line_follows() -> None:
    slate = document(rows(), "none")
    (player,) = slate.players
    assert (player.displayed_system, [one.system for one in player.forecasts]) == ("ensemble", ["ensemble"])
    (forecast,) = player.forecasts
    assert (forecast.edge, forecast.recommendation, player.line, player.over_probability) == (None, None, None, None)
    text = slate.model_dump_json()
    assert not [
        value
        for value in ("20.5", "20.72", "fanduel", "draftkings", "-105", "-115", "0.52", "0.55", "21.3", "4.5")
        if value in text
    ]


def test_without_prices_the_files_of_a_slate_are_the_same_for_every_line() -> None:
    """Two slates that differ in every value of the market give equal bytes."""
    other = {"line": 27.5, "adjusted_line": 27.0, "book": "betmgm", "price": 120, "best_price": 130, "best_price_book": "betmgm", "edge": -2.5,
             "market_over_probability": 0.4, "over_probability": 0.31, "recommendation": "UNDER", "is_actionable": False,
             "reasons": ["low_edge"], "probability_reason": None}  # fmt: skip
    one, two = (
        slate_document(rows(predictions_of(*made)), "none", RECORD)
        for made in (FORECASTS, [row | other | {"predicted_value": row["predicted_value"]} for row in FORECASTS])
    )
    assert slate_files(one, page(one)) == slate_files(two, page(two))


def test_the_consensus_is_the_line_without_its_book() -> None:
    (player,) = document(rows(), "consensus").players
    assert (player.line, player.book, player.price, player.over_probability) == (20.5, None, None, None)
    assert player.displayed_system == "ensemble" and player.forecasts[0].edge == 4.5


def test_a_player_whom_only_the_blend_forecasts_is_not_published_without_prices() -> None:
    assert document(rows(predictions_of(FORECASTS[1])), "none").players == []


@pytest.mark.parametrize(
    ("given", "state", "reasons"),
    [
        (rows(), "ok", []),
        (rows(status={"state": "DEGRADED", "reasons": ["missing: LAL @ BOS"]}), "degraded", ["missing: LAL @ BOS"]),
        (rows(halt="picks are halted: manual (Injury news)"), "halted", ["picks are halted: manual (Injury news)"]),
        (rows(halt="halted", status={"state": "DEGRADED", "reasons": ["missing: LAL @ BOS"]}), "halted", ["halted", "missing: LAL @ BOS"]),
        (rows(predictions_of()), "pending", ["no player is predicted yet"]),
        (rows(predictions_of(), halt="halted"), "pending", ["no player is predicted yet", "halted"]),
        (rows(predictions_of(), SCHEDULE.empty()), "no games", []),
        (rows(predictions_of(), frame_of(SCHEDULE, GAME | {"status": "postponed"})), "no games", ["every game is postponed or canceled"]),
    ],
)  # fmt: skip
def test_emptiness_has_a_state(given: SlateRows, state: str, reasons: list[str]) -> None:
    slate = document(given)
    assert (slate.state, slate.state_reasons) == (state, reasons)


def test_yesterday_shows_the_displayed_system_once_with_its_losses() -> None:
    graded = [
        {"game_date": DAY - timedelta(days=1), "game_id": "1", "player_id": 1, "system_id": system, "market": "player_points",
         "predicted_value": value, "line": 20.5, "recommendation": "OVER", "actual_value": 12, "outcome": "LOSS"}
        for system, value in (("ensemble", 25.0), ("market_blend", 22.0), ("catboost", 30.0))
    ]  # fmt: skip
    frame = frame_of(GRADES, *graded).with_columns(pl.lit("Al Able").alias("player_name"), pl.lit("GSW").alias("team"))
    (shown,) = document(rows(graded=frame)).yesterday
    assert (shown.system, shown.forecast, shown.actual, shown.outcome) == ("market_blend", 22.0, 12, "LOSS")
    (hidden,) = document(rows(graded=frame), "none").yesterday
    assert (hidden.system, hidden.line, hidden.outcome, hidden.actual) == ("ensemble", None, None, 12)


def test_a_pick_is_marked_where_lines_are_published() -> None:
    pick = {"game_id": GAME["game_id"], "player_id": FORECASTS[0]["player_id"], "market": "player_points"}
    picks = pl.DataFrame([pick | {"recommendation": "OVER", "rank": 2}], PICKED)
    (player,) = document(rows(picks=picks)).players
    assert (player.pick, player.pick_rank) == ("OVER", 2)
    (hidden,) = document(rows(picks=picks), "none").players
    assert hidden.pick is None, "the side of a pick bounds the line"


def test_a_halt_is_published_with_the_forecasts() -> None:
    slate = document(rows(halt="picks are halted: manual (Injury news)"))
    assert (slate.is_halted, slate.halt_reason, len(slate.players)) == (True, "picks are halted: manual (Injury news)", 1)

"""Predicted players, live and backtest rows, recommendations and reasons, and new versions in the ledger."""

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.asset_factory.checks import Judge
from nba_pipeline.asset_factory.verdicts import MISSING, PASSED, verdicts_of
from nba_pipeline.assets.grades.grades import grade_predictions
from nba_pipeline.assets.predictions.points_model import TABLE as POINTS_MODEL
from nba_pipeline.assets.predictions.predictions import (
    TABLE,
    enough_eligible_players_are_predicted,
    every_eligible_player_is_predicted,
    every_line_is_from_before_tipoff,
    features_resemble_training,
    lines_with_prices,
    models_are_recent,
    outcomes_of,
    predict_slate,
    unpredicted,
)
from nba_pipeline.formulas.career_form import form_of
from nba_pipeline.formulas.decay import Decay
from nba_pipeline.formulas.forecast_distribution import graded_rows
from nba_pipeline.formulas.markets import REBOUNDS
from nba_pipeline.formulas.recommendation import GOVERNED
from nba_pipeline.governance.halts import Halt
from nba_pipeline.governance.states import Governed
from nba_pipeline.instance.clock import Clock
from nba_pipeline.systems import CATBOOST, LINEAR_MEDIAN, MOVING_AVERAGE
from nba_pipeline.systems.forecasts import NOT_READY, absent_models
from nba_pipeline.systems.interface import TrainedModel
from nba_pipeline.systems.linear_median import LinearMedian, LinearModel
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline.warehouse.weekly_models import Models
from nba_pipeline_tests.builders import DAY, PLAYER, a_boxscore, a_prop_line, before, frame_of, prop_lines_of, summaries_of
from nba_pipeline_tests.builders_predictions import (
    AFTER_TIPOFF,
    BEFORE_TIPOFF,
    GAME,
    STARTS,
    TIPOFF,
    WEEK,
    a_feature_row,
    a_finished_game,
    a_model,
    a_prediction,
    a_slate,
    features_of_rows,
    market,
    predictions_of,
)
from nba_pipeline_tests.builders_record import a_bet, bets_of

pytestmark = pytest.mark.slow

FOUR_GAMES = "4 played games this season, needs 5"
SEASON_SYSTEMS = ("moving_average", "zone_matchup", "similarity", "catboost")
"""The systems that need five games of the season, in order."""
WITHOUT_MEANS = {"points_mean_season": None, "points_mean_similar_games": None}
NO_MEANS = (
    "moving_average: missing points_mean_season; zone_matchup: missing points_mean_season; "
    "similarity: missing points_mean_similar_games"
)
NO_MODELS = "; ".join(f"{name}: no model for the week of {WEEK}" for name in ("linear_median", "xgboost"))
KNOWN = (*SEASON_SYSTEMS, "linear_median", "xgboost", "ensemble", "market_blend")
"""The systems that these tests are about. A system that is added has tests of its own."""
DEFAULT = ("catboost", "moving_average", "similarity", "zone_matchup")
"""The systems that predict a default slate with MODELS."""
LEDGER = TABLE.empty()
NOBODY = outcomes_of(summaries_of())
GRADED = graded_rows(LEDGER, NOBODY)
MODELS: Models = {(WEEK, "catboost"): a_model(20.0)}


def predict(slate: dict[str, pl.DataFrame] | None = None, **given: Any) -> pl.DataFrame:
    known = {
        "models": MODELS,
        "ledger": LEDGER,
        "now": BEFORE_TIPOFF,
        "season_starts": STARTS,
        "graded": GRADED,
        "outcomes": NOBODY,
    }
    return predict_slate(**(slate or a_slate()) | known | given).filter(pl.col("system_id").is_in(KNOWN))


def baseline(slate: dict[str, pl.DataFrame] | None = None, **given: Any) -> dict[str, Any]:
    return predict(slate, **given).row(by_predicate=pl.col("system_id") == "moving_average", named=True)


def players(*fields: dict[str, Any]) -> dict[str, pl.DataFrame]:
    """Returns a slate of the players 1, 2 and so on with these features."""
    return a_slate(*({"player_id": n} | one for n, one in enumerate(fields, 1)))


def markets(*lines: float | None, **fields: Any) -> pl.DataFrame:
    """Returns the market lines of the players 1, 2 and so on."""
    return pl.concat(market(line, player_id=n, **fields) for n, line in enumerate(lines, 1))


def baselines(slate: dict[str, pl.DataFrame], *columns: str, **given: Any) -> list[tuple[Any, ...]]:
    """Returns columns of the rows of moving_average, in the order of the players."""
    return predict(slate, **given).filter(system_id="moving_average").sort("player_id").select(columns).rows()


def reasons_of_unpredicted(slate: dict[str, pl.DataFrame], models: Models = MODELS, now: datetime = BEFORE_TIPOFF) -> list[str]:
    reasons = unpredicted(**slate, models=models, now=now)[0]["reason"].to_list()
    return [
        "; ".join(part for part in reason.split("; ") if ": " not in part or part.split(": ")[0] in KNOWN) for reason in reasons
    ]


# One row per system


def test_each_system_predicts_each_eligible_player() -> None:
    rows = predict(a_slate({"player_id": 1}, {"player_id": 2}))
    assert rows.select("player_id", "system_id", "version", "model_id").rows() == [
        (player, system, 1, "model" if system == "catboost" else None) for player in (1, 2) for system in DEFAULT
    ]


def test_every_row_satisfies_the_schema() -> None:
    rows = pl.concat([predict(lines=market(16.5)), predict(a_slate({"player_id": 2})), predict(now=AFTER_TIPOFF)])
    valid, quarantined = TABLE.conform(rows, BEFORE_TIPOFF, "1")
    assert (valid.height, quarantined.height) == (3 * len(DEFAULT), 0)


def test_an_absent_model_costs_only_its_system_and_is_named() -> None:
    slate = a_slate()
    assert predict(slate, models={})["system_id"].to_list() == ["moving_average", "similarity", "zone_matchup"]
    next_command = f"next: nba-pipeline backfill --from {DAY} --to {DAY}"
    absent = [f"{name}: no model for the week of {WEEK}; {next_command}" for name in ("catboost", "linear_median")]
    systems = [MOVING_AVERAGE, CATBOOST, LINEAR_MEDIAN]
    assert absent_models(systems, slate["features"], {}) == absent
    assert absent_models(systems, slate["features"], MODELS) == absent[1:]


def test_each_week_is_served_by_its_own_model() -> None:
    days = [DAY, DAY + timedelta(days=7)]
    slates = [a_slate({"game_date": day, "game_id": "0022300001"}, game_date=day, game_id="0022300001") for day in days[:1]]
    slates.append(a_slate({"game_date": days[1], "game_id": "0022300002"}, game_date=days[1], game_id="0022300002"))
    both = {name: pl.concat([slate[name] for slate in slates]) for name in slates[0]}
    models = MODELS | {(WEEK + timedelta(days=7), "catboost"): a_model(30.0, model_id="next")}
    rows = predict(both, models=models).filter(system_id="catboost")
    assert rows.select("game_date", "model_id", "predicted_value").rows() == [(days[0], "model", 20.0), (days[1], "next", 30.0)]


def test_an_empty_slate_is_an_empty_frame_of_the_table() -> None:
    slate = {name: frame.clear() for name, frame in a_slate().items()}
    rows = predict(slate, models={})
    assert rows.is_empty() and set(rows.columns) == set(TABLE.dtypes) - {"as_of", "code_version"}
    assert all(frame.is_empty() for frame in unpredicted(**slate, models={}, now=BEFORE_TIPOFF))


# Live and backtest


@pytest.mark.parametrize(
    ("now", "run_kind", "is_before_tipoff"),
    [(BEFORE_TIPOFF, "live", True), (TIPOFF, "backtest", False), (AFTER_TIPOFF, "backtest", False)],
    ids=["before", "at the tip-off", "after"],
)
def test_a_game_is_live_until_it_starts(now: datetime, run_kind: str, is_before_tipoff: bool) -> None:
    row = baseline(now=now)
    assert (row["run_kind"], row["is_before_tipoff"], row["made_at"]) == (run_kind, is_before_tipoff, now)


@pytest.mark.parametrize(
    ("day", "status", "run_kind"),
    [(0, "scheduled", "live"), (1, "scheduled", "backtest"), (0, "final", "backtest")],
)
def test_without_a_tipoff_a_game_is_live_while_it_is_scheduled_for_today_or_later(day: int, status: str, run_kind: str) -> None:
    row = baseline(a_slate(tipoff_at=None, status=status), now=BEFORE_TIPOFF + timedelta(days=day))
    assert (row["run_kind"], row["is_before_tipoff"]) == (run_kind, None)


def test_a_live_prediction_gets_no_backtest() -> None:
    assert predict(now=AFTER_TIPOFF, ledger=predict()).is_empty()


def test_a_player_who_was_missed_live_gets_a_backtest() -> None:
    live = predict(a_slate({"player_id": 1}))
    late = predict(a_slate({"player_id": 1}, {"player_id": 2}), now=AFTER_TIPOFF, ledger=live)
    assert late.select("player_id", "run_kind").unique().rows() == [(2, "backtest")]


# Lines


def test_the_recommendation_has_the_sign_of_an_edge_of_at_least_a_point() -> None:
    expected = {20.0: "PASS", 19.5: "PASS", 19.0: "OVER", 20.5: "PASS", 21.0: "UNDER", None: "NO_LINE"}
    rows = baselines(players(*[{}] * len(expected)), "line", "recommendation", "edge", lines=markets(*expected))
    assert rows == [(line, name, None if line is None else 20 - line) for line, name in expected.items()]


def test_a_line_is_shown_with_its_book_source_and_instant() -> None:
    row = baseline(lines=market(16.5))
    shown = ("line", "line_half_points", "book", "line_source", "line_snapshot_at")
    assert [row[name] for name in shown] == [16.5, 33, "draftkings", "odds", TIPOFF - timedelta(hours=4)]


@pytest.mark.parametrize("now", [BEFORE_TIPOFF, AFTER_TIPOFF], ids=["live", "backtest"])
def test_a_line_of_unknown_or_late_instant_is_not_used(now: datetime) -> None:
    instants = (TIPOFF - timedelta(minutes=1), TIPOFF, TIPOFF + timedelta(minutes=1), None)
    lines = pl.concat(market(10.5, player_id=n, snapshot_at=instant) for n, instant in enumerate(instants, 1))
    columns = ("recommendation", "line", "book", "line_snapshot_at")
    used, *unused = baselines(players(*[{}] * len(instants)), *columns, lines=lines, now=now)
    assert used == ("OVER", 10.5, "draftkings", instants[0])
    assert unused == [("NO_LINE", None, None, None)] * 3


# Reasons against a bet


def test_a_large_edge_on_a_known_player_is_actionable() -> None:
    row = baseline(lines=market(16.5))
    assert (row["is_actionable"], row["reasons"], row["quality_score"]) == (True, [], 100)


def test_every_reason_against_a_bet_is_listed() -> None:
    expected: list[tuple[dict[str, Any], float | None, list[str]]] = [
        ({}, None, ["no_line"]),
        ({}, 17.5, ["low_edge"]),
        ({}, 20.0, ["low_edge"]),
        ({"minutes_mean_last_10_games": 14.9}, 16.5, ["few_minutes"]),
        ({"minutes_mean_last_10_games": None}, 16.5, ["few_minutes"]),
        ({"pace_score": None}, 16.5, ["missing_required_feature", "not_quality_ready", "without pace_score"]),
        ({"minutes_mean_last_10_games": 1.0}, 17.5, ["low_edge", "few_minutes"]),
        ({}, 16.5, []),
    ]
    slate, lines = players(*(fields for fields, _, _ in expected)), markets(*(line for _, line, _ in expected))
    assert baselines(slate, "reasons", "is_actionable", lines=lines) == [(reasons, not reasons) for _, _, reasons in expected]


@pytest.mark.parametrize(
    ("now", "reported", "is_forbidden"),
    [(BEFORE_TIPOFF, True, True), (BEFORE_TIPOFF, False, True), (AFTER_TIPOFF, True, True), (AFTER_TIPOFF, False, False)],
    ids=["entry unusable", "no report", "backtest, entry unusable", "backtest without reports"],
)
def test_an_unknown_injury_status_forbids_a_bet(now: datetime, reported: bool, is_forbidden: bool) -> None:
    slate = a_slate({"injury_risk_level": None})
    report = pl.lit(BEFORE_TIPOFF if reported else None).cast(pl.Datetime("us", "UTC"))
    slate["upcoming_players"] = slate["upcoming_players"].with_columns(report.alias("injury_snapshot_at"))
    row = baseline(slate, lines=market(16.5), now=now)
    assert (row["reasons"], row["is_actionable"]) == (["injury_status_unknown"] if is_forbidden else [], not is_forbidden)


def test_an_adjustment_left_out_forbids_nothing() -> None:
    row = baseline(a_slate({"usage_spike_score": None}), lines=market(16.5))
    assert (row["reasons"], row["is_actionable"]) == (["without usage_spike_score"], True)


@pytest.mark.parametrize(
    ("first_game", "is_bootstrap"),
    [(DAY, True), (DAY - timedelta(days=13), True), (DAY - timedelta(days=14), False)],
    ids=["first day", "14th day", "15th day"],
)
def test_the_first_14_days_of_a_season_are_bootstrap(first_game: date, is_bootstrap: bool) -> None:
    assert ("bootstrap" in baseline(season_starts={"2023-24": first_game})["reasons"]) is is_bootstrap


def test_a_season_whose_start_is_unknown_is_bootstrap() -> None:
    assert "bootstrap" in baseline(season_starts={})["reasons"]


@pytest.mark.parametrize(("days", "is_short"), [(364, True), (365, False)])
def test_a_model_with_less_than_a_year_of_history_is_not_bet_on(days: int, is_short: bool) -> None:
    last = WEEK - timedelta(days=1)
    model = a_model(train_start_date=last - timedelta(days=days), train_end_date=last)
    rows = predict(models={(WEEK, "catboost"): model}, lines=market(16.5))
    short = {row["system_id"]: "short_history" in row["reasons"] for row in rows.iter_rows(named=True)}
    assert short == {name: is_short and name == "catboost" for name in DEFAULT}


@pytest.mark.parametrize(("days", "is_stale"), [(21, False), (22, True)])
def test_a_model_whose_last_training_row_is_three_weeks_old_is_not_bet_on(days: int, is_stale: bool) -> None:
    model = a_model(train_end_date=DAY - timedelta(days=days))
    rows = predict(models={(WEEK, "catboost"): model}, lines=market(16.5))
    stale = {row["system_id"]: "stale_model" in row["reasons"] for row in rows.iter_rows(named=True)}
    assert stale == {name: is_stale and name == "catboost" for name in DEFAULT}


@pytest.mark.parametrize(
    ("days", "missing"), [(10, []), (11, [f"catboost: trained on games up to {before(11)}, 11 days before"])]
)
def test_a_model_whose_last_training_row_is_old_is_named(tmp_path: Path, days: int, missing: list[str]) -> None:
    model = {
        "game_date": WEEK, "system_id": "catboost", "model_id": "m", "train_end_date": before(days), "rows": 1,
        "validation_rows": 1, "features": [], "library_version": "1", "source": "s", "as_of": TIPOFF, "code_version": "1",
    }  # fmt: skip
    warehouse = LocalWarehouse(home=str(tmp_path))
    warehouse.replace(POINTS_MODEL, [WEEK], frame_of(POINTS_MODEL, model), "test")
    dates = [DAY, WEEK - timedelta(days=1)]
    judged, of_a_week_without_models = reversed(verdicts_of(models_are_recent(warehouse, dates, Clock()), dates))
    assert (judged.passed, judged.missing, judged.numbers) == (not missing, missing, {"days_since_training": days})
    assert (of_a_week_without_models.passed, of_a_week_without_models.numbers) == (True, {})


# Halts and decay states

BLOCKED = {"moving_average": Decay("BLOCKED", False), "catboost": Decay("WATCH", False)}


def governed_reasons(state: Governed, **given: Any) -> dict[str, list[str]]:
    """System -> the reasons by governance of its prediction with an edge of 3.5 points; none of them is actionable."""
    rows = predict(lines=market(16.5), state=state, **given).sort("system_id")
    reasons = {row["system_id"]: [one for one in row["reasons"] if one in GOVERNED] for row in rows.iter_rows(named=True)}
    assert not rows.filter(pl.col("is_actionable"), pl.col("reasons").list.set_intersection(list(GOVERNED)).list.len() > 0).height
    return {name: names for name, names in reasons.items() if names}


def test_a_halt_and_the_decay_state_of_a_system_forbid_bets_on_its_live_predictions() -> None:
    assert governed_reasons(Governed("ensemble")) == {}
    assert governed_reasons(Governed("ensemble", decays=BLOCKED)) == {
        "moving_average": ["model_state"],
        "catboost": ["watch_edge"],
    }
    halted = governed_reasons(Governed("ensemble", Halt(True, "manual")))
    assert halted == {name: ["halted"] for name in DEFAULT}
    assert governed_reasons(Governed("ensemble", Halt(True, "manual"), BLOCKED), now=AFTER_TIPOFF) == {}  # backtests


def test_the_begin_and_the_end_of_a_halt_make_a_new_version() -> None:
    halted, lines = Governed("ensemble", Halt(True, "manual")), market(16.5)
    first = predict(lines=lines)
    second = predict(lines=lines, ledger=first, state=halted)
    assert second["version"].to_list() == [2] * len(DEFAULT)
    ledger = pl.concat([first, second])
    assert predict(lines=lines, ledger=ledger, state=halted).is_empty()
    assert predict(lines=lines, ledger=ledger)["version"].to_list() == [3] * len(DEFAULT)


@pytest.mark.parametrize(
    ("missing", "quality"),
    [
        (["shot_zone_mismatch_score"], 800 / 9),
        (["shot_zone_mismatch_score", "usage_spike_score"], 700 / 9),
        (["pace_score"], 69),
        (["pace_score", "shot_zone_mismatch_score", "usage_spike_score"], 600 / 9),
    ],
)
def test_quality_is_the_share_of_what_the_system_reads_and_capped(missing: list[str], quality: float) -> None:
    assert baseline(a_slate(dict.fromkeys(missing)))["quality_score"] == pytest.approx(quality)


def test_five_missing_required_features_cap_the_quality_at_49() -> None:
    missing = ["pace_score", "fatigue_score", "is_back_to_back", "home_court_level", "team_win_pct_season"]
    rows = predict(a_slate(dict.fromkeys(missing))).filter(system_id="catboost")
    assert rows["quality_score"].item() == 49


# Players without a prediction


@pytest.mark.parametrize(
    ("fields", "game", "reason"),
    [
        ({"games_played_season": 4}, {}, "".join(f"{name}: {FOUR_GAMES}; " for name in SEASON_SYSTEMS) + NO_MODELS),
        ({"minutes_mean_last_10_games": 14.94}, {}, "no line, and 14.9 minutes per game is below 15"),
        (
            {"minutes_mean_last_10_games": None, "minutes_half_life_5_games": None},
            {},
            "no line, and minutes per game are unknown",
        ),
        ({}, {"status": "postponed"}, "the game is postponed"),
        ({}, {"status": "postponed", "status_text": "PPD"}, "the game is postponed"),
        ({}, {"status": "postponed", "status_text": "Cancelled"}, "the game is not played"),
        ({}, {"game_date": DAY + timedelta(days=1)}, "the game is not in the schedule of the date"),
        (
            WITHOUT_MEANS,
            {},
            f"{NO_MEANS}; catboost: missing points_mean_season; {NO_MODELS}",
        ),
    ],
)
def test_an_unpredicted_player_is_named_with_the_reason(fields: dict[str, Any], game: dict[str, Any], reason: str) -> None:
    slate = a_slate(fields, **{"game_id": GAME} | game)
    assert predict(slate).is_empty()
    assert reasons_of_unpredicted(slate) == [reason]


def test_a_player_without_a_row_in_features_is_named() -> None:
    slate = a_slate() | {"features": features_of_rows()}
    assert predict(slate).is_empty()
    assert reasons_of_unpredicted(slate) == ["no row in features"]


def test_without_a_model_the_week_is_named() -> None:
    slate = a_slate(WITHOUT_MEANS)
    reason = f"{NO_MEANS}; catboost: no model for the week of {WEEK}; {NO_MODELS}"
    assert reasons_of_unpredicted(slate, models={}) == [reason]


def test_few_minutes_with_a_line_are_predicted() -> None:
    assert baseline(a_slate({"minutes_mean_last_10_games": 8.0}), lines=market(5.5))["recommendation"] == "OVER"


def test_a_player_whom_one_system_predicts_is_not_named() -> None:
    assert reasons_of_unpredicted(a_slate(), models={}) == []


# The ledger


def test_a_second_equal_run_adds_nothing() -> None:
    assert predict(lines=market(16.5), ledger=predict(lines=market(16.5))).is_empty()
    assert predict(now=AFTER_TIPOFF, ledger=predict(now=AFTER_TIPOFF)).is_empty()


def test_a_line_that_moved_a_point_or_came_or_went_makes_another_version() -> None:
    moves: list[tuple[float | None, float | None, bool]] = [
        (16.5, 17.5, True), (16.5, 15.5, True), (16.5, 17.0, False), (16.5, 16.5, False),
        (None, 16.5, True), (16.5, None, True), (None, None, False),
    ]  # fmt: skip
    slate = players(*[{}] * len(moves))
    ledger = predict(slate, lines=markets(*(before for before, _, _ in moves)))
    rows = baselines(slate, "player_id", "version", lines=markets(*(now for _, now, _ in moves)), ledger=ledger)
    assert rows == [(player, 2) for player, (_, _, is_new) in enumerate(moves, 1) if is_new]


def test_small_moves_count_from_the_latest_version() -> None:
    ledger = predict(lines=market(16.5))
    for line, versions in ((17.0, []), (17.5, [2]), (18.0, []), (18.5, [3])):
        rows = predict(lines=market(line), ledger=ledger)
        assert rows.filter(system_id="moving_average")["version"].to_list() == versions
        ledger = pl.concat([ledger.select(rows.columns), rows])


def test_a_required_feature_that_arrived_makes_another_version() -> None:
    ledger = predict(a_slate({"pace_score": None}))
    assert predict(ledger=ledger)["version"].to_list() == [2] * len(DEFAULT)
    assert predict(a_slate({"pace_score": None}), ledger=ledger).is_empty()
    assert predict(a_slate({"usage_spike_score": None}), ledger=predict()).is_empty()


def test_a_later_run_adds_the_missing_player_only() -> None:
    rows = predict(a_slate({"player_id": 1}, {"player_id": 2}), ledger=predict(a_slate({"player_id": 1})))
    assert rows["player_id"].to_list() == [2] * len(DEFAULT)


def test_a_game_that_moved_to_another_date_gets_a_new_version() -> None:
    before = predictions_of(a_prediction(game_date=DAY - timedelta(days=1), line=None))
    rows = predict(ledger=before)
    assert dict(rows.select("system_id", "version").iter_rows()) == dict.fromkeys(DEFAULT, 1) | {"moving_average": 2}


def test_versions_count_within_a_market() -> None:
    rebounds = predictions_of(a_prediction(market="player_rebounds", version=5))
    assert predict(ledger=rebounds).select("market", "version").unique().rows() == [("player_points", 1)]
    late = predict(ledger=rebounds, now=AFTER_TIPOFF)
    assert late.filter(system_id="moving_average").select("run_kind", "version").rows() == [("backtest", 1)]


def test_the_id_follows_from_key_and_inputs_and_not_from_the_instant() -> None:
    first = baseline(lines=market(16.5))
    assert baseline(lines=market(16.5), now=BEFORE_TIPOFF + timedelta(hours=1))["prediction_id"] == first["prediction_id"]
    others = [baseline(lines=market(17.5)), baseline(a_slate({"pace_score": 2.0}), lines=market(16.5)), baseline()]
    assert len({row["prediction_id"] for row in (first, *others)}) == 4


def test_the_same_inputs_in_any_order_give_the_same_rows() -> None:
    players = [{"player_id": n, "pace_score": n / 10} for n in range(1, 20)]
    assert_frame_equal(predict(a_slate(*players)), predict(a_slate(*reversed(players))))


def test_the_player_of_a_slate_is_the_one_expected() -> None:
    row = baseline()
    assert (row["player_id"], row["player_name"], row["team"], row["opponent"]) == (PLAYER, "Stephen Curry", "GSW", "NYK")
    assert (row["game_id"], row["tipoff_at"], row["source"]) == (GAME, TIPOFF, "features, points_model, prop_lines")


# Late news


def mates(*statuses: str | None, minutes: float | None = 30.0, levels: float | None = 0.0) -> dict[str, pl.DataFrame]:
    """Returns a slate of player 1 and the teammates 2, 3, ... with these statuses."""
    others = [
        {"player_id": n, "injury_status": status, "injury_risk_level": levels, "minutes_mean_last_10_games": minutes}
        for n, status in enumerate(statuses, 2)
    ]
    return a_slate({"player_id": 1, "injury_risk_level": levels}, *others)


def versions(before: dict[str, pl.DataFrame], after: dict[str, pl.DataFrame]) -> list[tuple[int, int, str | None]]:
    """Returns the new rows of moving_average after a second run: player, version and listed teammates."""
    ledger = predict(before)
    rows = predict(after, ledger=ledger).filter(system_id="moving_average")
    return rows.select("player_id", "version", "teammates_listed").rows()


def test_a_rotation_teammate_who_is_ruled_out_makes_a_new_version_for_each_teammate() -> None:
    assert versions(mates(None, "probable"), mates("out", "probable")) == [
        (1, 2, "2 out, 3 probable"),
        (2, 2, "3 probable"),
        (3, 2, "2 out"),
    ]


def test_an_equal_report_makes_no_new_version() -> None:
    assert versions(mates("questionable", None), mates("questionable", None)) == []
    assert predict(mates("questionable", None))["teammates_listed"].unique().sort().to_list() == ["", "2 questionable"]


@pytest.mark.parametrize(
    ("minutes", "is_news"), [(14.9, False), (15.0, True), (None, True)], ids=["bench", "rotation", "unknown"]
)
def test_only_a_teammate_who_may_be_of_the_rotation_is_news(minutes: float | None, is_news: bool) -> None:
    assert ((1, 2, "2 out") in versions(mates(None, minutes=minutes), mates("out", minutes=minutes))) is is_news


def test_a_status_that_becomes_unknown_makes_a_new_version_and_so_does_its_return() -> None:
    known, unknown = mates(None), mates(None)
    is_two = pl.col("player_id") == 2
    unknown["features"] = unknown["features"].with_columns(pl.when(~is_two).then("injury_risk_level").alias("injury_risk_level"))
    assert versions(known, unknown) == [(1, 2, "2 unknown"), (2, 2, "")]
    assert versions(unknown, known) == [(1, 2, ""), (2, 2, "")]


def test_a_version_that_did_not_record_the_teammates_is_not_compared() -> None:
    ledger = predict(mates(None)).with_columns(pl.lit(None, pl.String).alias("teammates_listed"))
    assert predict(mates("out"), ledger=ledger).filter(player_id=1).is_empty()
    assert predict(mates(None, levels=None))["teammates_listed"].to_list() == [None] * 2 * len(DEFAULT)


# Systems across seasons


ACROSS = ("linear_median", "xgboost", "ensemble", "market_blend")


def a_linear_model(value: float, system: LinearMedian = LINEAR_MEDIAN, **fields: Any) -> TrainedModel:
    """A linear model that always forecasts the same."""
    reads, none = system.reads, (0.0,) * len(system.reads)
    card = a_model(system_id=system.model_name, features=reads, library_version=system.library_version, **fields).card
    return TrainedModel(card, LinearModel(reads, none, (1.0,) * len(reads), none, value))


def across(slate: dict[str, pl.DataFrame] | None = None, **given: Any) -> dict[str, dict[str, Any]]:
    """The rows of the systems across seasons, with a linear model that forecasts 18."""
    rows = predict(slate, models={(WEEK, "linear_median"): a_linear_model(18.0)}, **given)
    return {row["system_id"]: row for row in rows.iter_rows(named=True) if row["system_id"] in ACROSS}


def test_the_ensemble_has_the_models_of_its_members_and_names_the_missing_one() -> None:
    rows = across()
    assert set(rows) == {"linear_median", "ensemble"}
    assert (rows["ensemble"]["predicted_value"], rows["ensemble"]["model_id"]) == (18.0, "model")
    assert "without xgboost" in rows["ensemble"]["reasons"]


def test_the_blend_is_drawn_to_the_adjusted_line_and_is_no_bet() -> None:
    row = across(lines=market(24.0, adjusted_line=25.0))["market_blend"]
    assert row["predicted_value"] == pytest.approx(0.2 * 18 + 0.8 * 25)
    assert (row["line"], row["adjusted_line"], row["is_actionable"]) == (24.0, 25.0, False)
    assert "contains_the_line" in row["reasons"]


def test_without_prices_the_blend_has_no_row_and_says_why() -> None:
    slate = a_slate() | {"lines": market(24.0, adjusted_line=None)}
    models = {(WEEK, "linear_median"): a_linear_model(18.0)}
    _, reasons = unpredicted(**slate, models=models, now=BEFORE_TIPOFF)
    assert dict(reasons.select("system_id", "reason").iter_rows()) == {
        "catboost": f"no model for the week of {WEEK}",
        "xgboost": f"no model for the week of {WEEK}",
        "market_blend": "no line with prices",
    }


def test_on_opening_night_the_systems_across_seasons_forecast_and_the_others_do_not() -> None:
    """No game of the season, 200 of earlier ones."""
    first = dict.fromkeys(
        ("points_mean_last_5_games", "points_mean_last_10_games", "points_mean_season", "minutes_mean_last_10_games")
    )
    slate = a_slate({"games_played_season": 0, "minutes_half_life_5_games": 30.0, **first})
    assert set(across(slate)) == {"linear_median", "ensemble"}
    assert predict(slate).is_empty()


@pytest.mark.parametrize(("games", "is_flagged"), [(9.0, True), (10.0, False)])
def test_few_career_games_are_flagged(games: float, is_flagged: bool) -> None:
    rows = across(a_slate({"career_games_last_1095_days": games}))
    assert {name: "few_career_games" in row["reasons"] for name, row in rows.items()} == dict.fromkeys(rows, is_flagged)


def test_a_slate_that_is_closed_for_one_system_is_open_for_the_others() -> None:
    """Two of three players lack what the moving average requires; all have what the linear model requires."""
    lacking = {**WITHOUT_MEANS, "minutes_half_life_5_games": 30.0}
    slate = a_slate({"player_id": 1}, {"player_id": 2, **lacking}, {"player_id": 3, **lacking})
    models = {(WEEK, "linear_median"): a_linear_model(18.0)}
    made = predict(slate, models=models)
    assert made.group_by("system_id").len().sort("system_id").rows() == [("ensemble", 3), ("linear_median", 3)]
    _, reasons = unpredicted(**slate, models=models, now=BEFORE_TIPOFF)
    assert NOT_READY in reasons.filter(system_id="moving_average", player_id=1)["reason"].to_list()


def test_the_probability_to_play_stands_beside_the_forecast() -> None:
    assert baseline(a_slate({"plays_probability": 0.25}))["plays_probability"] == 0.25


# Drift between training and serving


RANGES = json.dumps(dict.fromkeys(LINEAR_MEDIAN.reads, (0.0, 10.0, 0.0)))


@pytest.mark.parametrize(
    ("rest_days", "ranges", "years", "drifted"),
    [
        ([3.0] * 300 + [30.0] * 200, RANGES, 2, ["linear_median: rest_days (40%)"]),
        ([3.0] * 250 + [None] * 250, RANGES, 2, ["linear_median: rest_days (50%)"]),
        ([3.0] * 375 + [30.0] * 125, RANGES, 2, []),
        ([30.0] * 499, RANGES, 2, []),
        ([30.0] * 500, RANGES, 0.9, []),
        ([30.0] * 500, None, 2, []),
    ],
    ids=["outside", "null", "few values outside", "few rows", "a model of less than a year", "a model of an earlier version"],
)
def test_features_unlike_the_training_rows_are_named(
    tmp_path: Path, rest_days: list[float | None], ranges: str | None, years: float, drifted: list[str]
) -> None:
    usual = dict.fromkeys(LINEAR_MEDIAN.reads, 9.0)
    rows = [
        a_feature_row(DAY, player_id=n + 1, source="s", as_of=TIPOFF, **usual | {"rest_days": v}) for n, v in enumerate(rest_days)
    ]
    model = {
        "game_date": WEEK, "system_id": "linear_median", "feature_ranges": ranges, "train_end_date": WEEK - timedelta(days=1),
        "train_start_date": WEEK - timedelta(days=1 + int(365 * years)), "rows": 1, "validation_rows": 1, "features": [],
        "library_version": "1", "source": "s", "as_of": TIPOFF, "code_version": "1",
    }  # fmt: skip
    warehouse = LocalWarehouse(home=str(tmp_path))
    warehouse.replace(TABLES["features"], [DAY], frame_of(TABLES["features"], *rows), "test")
    warehouse.replace(POINTS_MODEL, [WEEK], frame_of(POINTS_MODEL, model), "test")
    [verdict] = verdicts_of(features_resemble_training(warehouse, [DAY], Clock(fixed_at=TIPOFF.isoformat())), [DAY])
    assert (verdict.passed, verdict.missing, verdict.numbers["features_drifted"]) == (not drifted, drifted, len(drifted))


# Distribution and prices


def a_record(rows: int = 2000, blended: float = 0.5, system_id: str = "moving_average") -> pl.DataFrame:
    """Graded backtests of the day before: forecasts of 20 against 20.5 at even prices, outcomes from 11 to 30."""
    day = DAY - timedelta(days=1)
    known = [
        a_prediction(
            game_date=day, player_id=n, system_id=system_id, run_kind="backtest", predicted_value=20.0, adjusted_line=20.5,
            market_over_probability=0.5, blended_over_probability=blended, blended_push_probability=0.0,
        )
        for n in range(1, rows + 1)
    ]  # fmt: skip
    boxes = [a_boxscore(game_id=GAME, player_id=n, points=11 + n % 20) for n in range(1, rows + 1)]
    return graded_rows(predictions_of(*known), outcomes_of(summaries_of(*boxes)))


RECORD, BAD_RECORD = a_record(), a_record(blended=0.9)
PRICES = {
    "market_over_probability": 0.55, "over_price": -110, "over_best_price": 120, "over_best_price_book": "betmgm",
    "over_price_edge": 0.04, "under_price": -110, "under_best_price": 100, "under_best_price_book": "fanduel",
}  # fmt: skip


def test_a_prediction_has_its_distribution_and_the_prices_of_its_side() -> None:
    row = baseline(lines=market(16.5, adjusted_line=17.0, **PRICES), graded=RECORD)
    over, under = row["over_probability"], row["blended_under_probability"]
    assert row["model_over_probability"] > over > 0.5 and row["standard_deviation"] > 5
    assert (row["market_over_probability"], row["price"], row["best_price"], row["best_price_book"]) == (
        0.55,
        -110,
        120,
        "betmgm",
    )
    assert row["expected_value"] == pytest.approx(over / 1.1 - under)
    assert row["best_expected_value"] == pytest.approx(1.2 * over - under)
    assert (row["edge"], row["price_edge"]) == (3.5, 0.04)


@pytest.mark.parametrize(
    ("graded", "reason"), [(GRADED, "few_residuals"), (BAD_RECORD, "log_loss_above_market")], ids=["no record", "bad record"]
)
def test_an_unpublished_probability_has_a_reason_no_expected_value_and_does_not_forbid_a_bet(
    graded: pl.DataFrame, reason: str
) -> None:
    row = baseline(lines=market(16.5, **PRICES), graded=graded)
    assert (row["over_probability"], row["expected_value"], row["probability_reason"]) == (None, None, reason)
    assert (row["price"], row["reasons"], row["is_actionable"]) == (-110, [], True)


@pytest.mark.parametrize(("adjusted", "forbids"), [(14.0, True), (19.5, False)], ids=["market says under", "market agrees"])
def test_a_low_published_probability_of_the_side_forbids_a_bet(adjusted: float, forbids: bool) -> None:
    row = baseline(lines=market(16.5, adjusted_line=adjusted), graded=RECORD)
    assert (row["edge"], "low_probability" in row["reasons"], row["is_actionable"]) == (3.5, forbids, not forbids)


def test_pass_has_no_price_and_no_expected_value() -> None:
    row = baseline(lines=market(20.0, **PRICES), graded=RECORD)
    assert (row["recommendation"], row["price"], row["best_price"], row["expected_value"]) == ("PASS", None, None, None)


@pytest.mark.parametrize("now", [BEFORE_TIPOFF, AFTER_TIPOFF], ids=["live", "backtest"])
def test_prices_from_tip_off_or_later_are_not_used(now: datetime) -> None:
    row = baseline(lines=market(16.5, prices_snapshot_at=TIPOFF, **PRICES), now=now)
    assert (row["line"], row["price"], row["market_over_probability"]) == (16.5, None, None)


def test_the_lines_of_a_slate_have_their_adjustment_and_prices() -> None:
    offers = prop_lines_of(
        a_prop_line(16.5), a_prop_line(16.5, "fanduel", over_price=-105, under_price=-115),
        a_prop_line(16.5, "betmgm", over_price=100_000), a_prop_line(16.5, "fanduel", market="player_rebounds", over_price=500),
    )  # fmt: skip
    row = lines_with_prices(offers).row(0, named=True)
    assert (row["line"], row["adjusted_line_feeds"], row["over_price"], row["over_best_price"]) == (16.5, 2, -110, -105)


@pytest.fixture(scope="module")
def valid_row() -> pl.DataFrame:
    rows = predict(lines=market(16.5, adjusted_line=17.0, **PRICES), graded=RECORD).filter(system_id="moving_average")
    assert TABLE.conform(rows, BEFORE_TIPOFF, "1")[0].height == 1
    return rows


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"over_probability": 1.2, "blended_over_probability": 1.2}, "over_probability|max"),
        ({"blended_over_probability": 0.6}, "probabilities_sum_to_1"),
        ({"model_push_probability": None}, "probabilities_sum_to_1"),
        ({"over_probability": 0.4}, "published_probability_contains_the_market"),
        ({"over_probability": None}, "published_probability_contains_the_market"),
        ({"probability_reason": "no_line"}, "published_probability_contains_the_market"),
        ({"price": 100_000}, "price|max"),
        ({"prices_snapshot_at": AFTER_TIPOFF}, "prices_are_from_before_tipoff"),
    ],
    ids=str,
)
def test_an_impossible_distribution_or_price_is_quarantined_with_its_rule(
    fields: dict[str, Any], problem: str, valid_row: pl.DataFrame
) -> None:
    wrong = valid_row.with_columns(pl.lit(value).cast(valid_row.schema[name]).alias(name) for name, value in fields.items())
    valid, quarantined = TABLE.conform(wrong, BEFORE_TIPOFF, "1")
    assert valid.is_empty() and problem in quarantined["problem"].item()


# A second market


@pytest.fixture
def both_markets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "settings.toml").write_text('[lines]\nmarkets = ["player_points", "player_rebounds"]\n')
    monkeypatch.setenv("NBA_PIPELINE_SETTINGS", str(tmp_path / "settings.toml"))


def of_two_markets(points: float = 18.0, rebounds: float = 9.0, rebound_line: float = 7.5) -> pl.DataFrame:
    """The predictions of a player with a line of 16.5 points and one of rebounds."""
    of_rebounds = LinearMedian(market=REBOUNDS)
    models = {
        (WEEK, "linear_median"): a_linear_model(points),
        (WEEK, "linear_median_rebounds"): a_linear_model(rebounds, of_rebounds),
    }
    slate = a_slate()
    form = [pl.lit(1.0).alias(name) for name in form_of(REBOUNDS)]
    lines = pl.concat([market(16.5), market(rebound_line, market="player_rebounds")])
    return predict(slate | {"features": slate["features"].with_columns(form)}, models=models, lines=lines)


def test_a_market_that_is_not_in_use_is_not_predicted() -> None:
    assert of_two_markets()["market"].unique().to_list() == ["player_points"]


@pytest.mark.usefixtures("both_markets")
def test_a_second_market_has_rows_of_its_own_systems_and_line() -> None:
    rows = of_two_markets()
    of_rebounds = rows.filter(market="player_rebounds")
    assert of_rebounds.select("system_id", "predicted_value", "line").rows() == [
        ("ensemble", 9.0, 7.5),
        ("linear_median", 9.0, 7.5),
        ("market_blend", pytest.approx(0.2 * 9 + 0.8 * 7.5), 7.5),
    ]
    assert rows.filter(market="player_points")["predicted_value"].to_list()[:2] == [18.0, 18.0]
    assert rows["prediction_id"].n_unique() == rows.height


@pytest.mark.usefixtures("both_markets")
@pytest.mark.parametrize(("line", "recommendation"), [(8.7, "PASS"), (8.5, "OVER"), (9.5, "UNDER")])
def test_an_edge_of_a_second_market_counts_in_its_own_unit(line: float, recommendation: str) -> None:
    """0.4 rebounds count as one point."""
    row = of_two_markets(rebound_line=line).row(
        by_predicate=(pl.col("market") == "player_rebounds") & (pl.col("system_id") == "linear_median"), named=True
    )
    assert (row["recommendation"], "low_edge" in row["reasons"]) == (recommendation, True)


@pytest.mark.usefixtures("both_markets")
def test_each_market_is_graded_by_its_own_statistic() -> None:
    game = a_finished_game(a_boxscore(points=22, rebounds=8))
    grades = grade_predictions(of_two_markets(), **game).filter(system_id="linear_median")
    columns = ("market", "predicted_value", "actual_value", "margin", "outcome")
    assert grades.select(columns).rows() == [
        ("player_points", 18.0, 22, 5.5, "WIN"),
        ("player_rebounds", 9.0, 8, 0.5, "WIN"),
    ]
    assert set(outcomes_of(game["player_game_summary"]).select("market", "actual_value").rows()) == {
        ("player_points", 22),
        ("player_rebounds", 8),
    }


@pytest.mark.usefixtures("both_markets")
def test_each_market_has_its_own_lines() -> None:
    """8.5 rebounds and 20 rebounds are lines; 20 points are a placeholder."""
    offers = [
        a_prop_line(player_id=player, market=name, line=line, line_half_points=int(2 * line))
        for player, name, line in (
            (1, "player_points", 20.0),
            (2, "player_points", 8.5),
            (1, "player_rebounds", 20.0),
            (2, "player_rebounds", 3.5),
            (2, "player_assists", 3.5),
        )
    ]
    lines = lines_with_prices(prop_lines_of(*offers)).select("player_id", "market", "line")
    assert lines.rows() == [(2, "player_points", 8.5), (1, "player_rebounds", 20.0), (2, "player_rebounds", 3.5)]


# Coverage and instants of lines


def with_predictions(tmp_path: Path, players: list[dict[str, Any]], predicted: int, **game: Any) -> LocalWarehouse:
    """A slate of expected players, of whom the first are predicted. `players` are fields of `features`."""
    warehouse, numbers = LocalWarehouse(home=str(tmp_path)), range(1, len(players) + 1)
    slate = a_slate(*[{"player_id": n} | fields for n, fields in zip(numbers, players, strict=True)], **game)
    named = slate["upcoming_players"].with_columns(pl.format("Player {}", "player_id").alias("player_name"))
    warehouse.replace(TABLES["schedule"], [DAY], slate["schedule"], "test")
    warehouse.replace(TABLES["upcoming_players"], [DAY], named, "test")
    warehouse.replace(TABLES["features"], [DAY], slate["features"], "test")
    warehouse.add(TABLE, [DAY], predictions_of(*[a_prediction(player_id=n) for n in numbers[:predicted]]), "test")
    return warehouse


@pytest.mark.parametrize(
    ("check", "predicted", "passed"),
    [
        (enough_eligible_players_are_predicted, 4, True),
        (enough_eligible_players_are_predicted, 3, False),
        (enough_eligible_players_are_predicted, 0, False),
        (every_eligible_player_is_predicted, 5, True),
        (every_eligible_player_is_predicted, 4, False),
    ],
    ids=["80 %", "60 %", "none", "every", "all but one"],
)
def test_eligible_players_without_a_prediction_are_named(tmp_path: Path, check: Judge, predicted: int, passed: bool) -> None:
    [row] = check(with_predictions(tmp_path, [{}] * 5, predicted), [DAY], Clock()).to_dicts()
    assert (row[PASSED], row["share"]) == (passed, predicted / 5)
    assert sorted(row[MISSING]) == [f"Player {n}" for n in range(predicted + 1, 6)]


@pytest.mark.parametrize("check", [enough_eligible_players_are_predicted, every_eligible_player_is_predicted])
def test_a_player_needs_a_prediction_from_5_games_and_15_minutes_on(tmp_path: Path, check: Judge) -> None:
    regular = {"games_played_season": 5, "minutes_mean_last_10_games": 15.0}
    others = [{"games_played_season": 4}, {"minutes_mean_last_10_games": 14.9}, {"points_mean_season": None}]
    warehouse = with_predictions(tmp_path, [regular, *(regular | other for other in others)], predicted=0)
    [row] = check(warehouse, [DAY], Clock()).to_dicts()
    assert (row[PASSED], row["expected"], row[MISSING]) == (False, 1, ["Player 1"])


@pytest.mark.parametrize("check", [enough_eligible_players_are_predicted, every_eligible_player_is_predicted])
def test_nobody_needs_a_prediction_of_a_postponed_game(tmp_path: Path, check: Judge) -> None:
    [row] = check(with_predictions(tmp_path, [{}], 0, status="postponed"), [DAY], Clock()).to_dicts()
    assert (row[PASSED], row["expected"], row[MISSING]) == (True, 0, [])


@pytest.mark.parametrize(
    ("fields", "lines", "is_late"),
    [
        ({"line_snapshot_at": TIPOFF - timedelta(microseconds=1)}, 2, False),
        ({"line_snapshot_at": TIPOFF}, 2, True),
        ({"line_snapshot_at": None}, 2, True),
        ({"tipoff_at": None}, 2, True),
        ({"line": None, "line_snapshot_at": None}, 1, False),
    ],
    ids=["just before", "at tip-off", "unknown instant", "unknown tip-off", "no line"],
)
def test_a_line_that_is_not_from_before_tipoff_is_named(
    tmp_path: Path, fields: dict[str, Any], lines: int, is_late: bool
) -> None:
    warehouse = LocalWarehouse(home=str(tmp_path))
    warehouse.add(TABLE, [DAY], bets_of(a_bet(1), a_bet(2, **fields)), "test")
    [row] = every_line_is_from_before_tipoff(warehouse, [DAY], Clock()).to_dicts()
    assert (row[PASSED], row[MISSING]) == (not is_late, ["Player 2 (draftkings)"] * is_late)
    assert (row["lines_used"], row["late_lines"]) == (lines, is_late)

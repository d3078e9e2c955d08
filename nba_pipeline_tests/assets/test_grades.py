"""Settlement of predictions, the version that counts, and the causes of a second grade."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from nba_pipeline.asset_factory.checks import Judge
from nba_pipeline.asset_factory.verdicts import MISSING, PASSED
from nba_pipeline.assets.grades.grades import (
    TABLE,
    closing_lines_are_captured,
    enough_gradable_predictions_are_graded,
    every_prediction_is_graded,
    grade_predictions,
    hit_rate_is_no_leak,
    probabilities_are_calibrated,
    without_lost_rows,
)
from nba_pipeline.assets.predictions.predictions import TABLE as PREDICTIONS
from nba_pipeline.assets.sources.boxscores import TABLE as BOXSCORES
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.formulas.forecast_distribution import RESIDUAL_DAYS
from nba_pipeline.instance.clock import Clock
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import (
    DAY,
    Values,
    a_boxscore,
    a_game,
    a_prop_line,
    before,
    frame_of,
    prop_lines_of,
    summaries_of,
    who_did_not_play,
)
from nba_pipeline_tests.builders_days import complete_box
from nba_pipeline_tests.builders_predictions import (
    AFTER_TIPOFF,
    BEFORE_TIPOFF,
    GAME,
    TIPOFF,
    a_finished_game,
    a_prediction,
    predictions_of,
)


def grade(*predictions: dict[str, Any], game: dict[str, Any] | None = None, **given: Any) -> pl.DataFrame:
    return grade_predictions(predictions_of(*predictions or (a_prediction(),)), **(game or a_finished_game()) | given)


def the_grade(*predictions: dict[str, Any], **given: Any) -> dict[str, Any]:
    return grade(*predictions, **given).row(0, named=True)


# Outcomes


@pytest.mark.parametrize(
    ("recommendation", "line", "outcome", "is_correct"),
    [
        ("OVER", 21.5, "WIN", True), ("OVER", 22.5, "LOSS", False), ("OVER", 22.0, "PUSH", None),
        ("UNDER", 22.5, "WIN", True), ("UNDER", 21.5, "LOSS", False), ("UNDER", 22.0, "PUSH", None),
        ("PASS", 21.5, "NO_BET", None), ("NO_LINE", None, "NO_BET", None),
    ],
)  # fmt: skip
def test_22_points_settle_as_a_sportsbook_would(
    recommendation: str, line: float | None, outcome: str, is_correct: bool | None
) -> None:
    row = the_grade(a_prediction(recommendation, line=line))
    assert (row["outcome"], row["is_correct"], row["void_reason"]) == (outcome, is_correct, None)


def test_errors_and_margin_are_signed() -> None:
    row = the_grade(a_prediction(predicted_value=19.0, line=23.5))
    assert (row["actual_value"], row["minutes"], row["did_play"]) == (22, 30.0, True)
    assert (row["error"], row["absolute_error"], row["margin"]) == (-3.0, 3.0, -1.5)


def test_a_prediction_without_a_line_is_graded_on_its_error_only() -> None:
    row = the_grade(a_prediction("NO_LINE", line=None))
    assert (row["error"], row["margin"], row["outcome"]) == (3.0, None, "NO_BET")


def test_a_player_whose_row_of_the_summary_is_quarantined_is_not_taken_to_have_stayed_out() -> None:
    boxes = frame_of(BOXSCORES, a_boxscore(points=22), who_did_not_play(player_id=2))
    summary = summaries_of(a_boxscore(points=3, player_id=9))
    made = predictions_of(a_prediction(), a_prediction(player_id=2))
    assert without_lost_rows(made, boxes, summary)["player_id"].to_list() == [2]
    assert without_lost_rows(made, boxes, summaries_of(a_boxscore(points=22))).equals(made)


def test_zero_points_in_a_short_appearance_are_graded() -> None:
    row = the_grade(a_prediction("UNDER"), game=a_finished_game(a_boxscore(points=0, minutes=0.2)))
    assert (row["outcome"], row["actual_value"]) == ("WIN", 0)


@pytest.mark.parametrize(
    ("reason", "void_reason"),
    [
        ("DNP - COACH'S DECISION", "dnp_unknown"),
        (None, "dnp_unknown"),
        ("INACTIVE_INJURY", "dnp_injury_confirmed"),
        ("Injury/Illness - Right Knee; Soreness", "dnp_injury_confirmed"),
        ("illness", "dnp_injury_confirmed"),
    ],
)
def test_a_bet_on_a_player_who_did_not_play_is_void(reason: str | None, void_reason: str) -> None:
    row = the_grade(game=a_finished_game(who_did_not_play(reason=reason)))
    assert (row["outcome"], row["void_reason"], row["is_correct"]) == ("VOID", void_reason, None)
    assert (row["did_play"], row["actual_value"], row["minutes"], row["error"]) == (False, None, None, None)


def test_a_player_without_a_row_in_a_complete_game_did_not_play() -> None:
    row = the_grade(game=a_finished_game(a_boxscore(player_id=7)))
    assert (row["outcome"], row["void_reason"], row["did_play"]) == ("VOID", "dnp_unknown", False)


@pytest.mark.parametrize("reason", [None, "INACTIVE_INJURY"])
def test_no_bet_on_a_player_who_did_not_play_stays_no_bet(reason: str | None) -> None:
    row = the_grade(a_prediction("PASS"), game=a_finished_game(who_did_not_play(reason=reason)))
    assert (row["outcome"], row["void_reason"], row["did_play"]) == ("NO_BET", None, False)


@pytest.mark.parametrize(("recommendation", "outcome", "reason"), [("OVER", "VOID", "game_postponed"), ("PASS", "NO_BET", None)])
def test_a_postponed_game_is_void(recommendation: str, outcome: str, reason: str | None) -> None:
    game = a_finished_game(status="postponed", home_points=None, away_points=None)
    row = the_grade(a_prediction(recommendation), game=game, complete_games=[])
    assert (row["outcome"], row["void_reason"], row["did_play"], row["actual_value"]) == (outcome, reason, None, None)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("PPD", "game_postponed"), ("Postponed", "game_postponed"), ("Cancelled", "game_not_played"), ("TBD", "game_not_played")],
)
def test_a_game_that_is_not_played_is_void_with_the_league_s_reason(text: str, reason: str) -> None:
    game = a_finished_game(status="postponed", status_text=text, home_points=None, away_points=None)
    assert the_grade(game=game, complete_games=[])["void_reason"] == reason


def test_a_prediction_of_a_suspended_game_waits() -> None:
    assert grade(game=a_finished_game(status="suspended") | {"complete_games": []}).is_empty()


def test_a_game_that_was_played_on_another_date_is_void_on_the_first() -> None:
    game = a_finished_game(a_boxscore(DAY + timedelta(days=1), 22, game_id=GAME), game_date=DAY + timedelta(days=1), game_id=GAME)
    row = the_grade(game=game)
    assert (row["game_date"], row["outcome"], row["void_reason"], row["actual_value"]) == (DAY, "VOID", "game_postponed", None)


# Eligible predictions


def test_an_incomplete_game_waits_and_complete_games_are_graded() -> None:
    other = a_game(game_id="0022300002", tipoff_at=TIPOFF)
    game = a_finished_game(a_boxscore(points=22), a_boxscore(points=22, game_id="0022300002"))
    game |= {"schedule": pl.concat([game["schedule"], frame_of(SCHEDULE, other)]), "complete_games": ["0022300002"]}
    graded = grade(a_prediction(), a_prediction(game_id="0022300002"), game=game)
    assert graded["game_id"].to_list() == ["0022300002"]


def test_complete_games_may_come_as_a_series() -> None:
    assert grade(complete_games=pl.Series([GAME])).height == 1


def test_a_game_that_the_schedule_does_not_know_waits() -> None:
    assert grade(game=a_finished_game() | {"schedule": SCHEDULE.empty()}).is_empty()


def test_the_latest_version_made_before_the_tipoff_is_the_one_that_counts() -> None:
    versions = [
        a_prediction(version=n, prediction_id=f"v{n}", made_at=made_at)
        for n, made_at in ((1, BEFORE_TIPOFF), (2, BEFORE_TIPOFF), (3, TIPOFF))
    ]
    assert grade(*versions)["prediction_id"].to_list() == ["v2"]


@pytest.mark.parametrize("made_at", [TIPOFF, AFTER_TIPOFF])
def test_a_live_prediction_that_was_not_made_before_the_tipoff_is_not_graded(made_at: datetime) -> None:
    assert grade(a_prediction(made_at=made_at)).is_empty()


def test_the_tipoff_that_counts_is_the_schedules_latest() -> None:
    assert grade(game=a_finished_game(tipoff_at=BEFORE_TIPOFF - timedelta(hours=1))).is_empty()


def test_of_a_backtest_the_latest_version_counts() -> None:
    versions = [a_prediction(version=n, prediction_id=f"v{n}", run_kind="backtest", made_at=AFTER_TIPOFF) for n in (1, 2)]
    assert grade(*versions)["prediction_id"].to_list() == ["v2"]


def test_live_and_backtest_and_systems_are_graded_apart() -> None:
    graded = grade(a_prediction(), a_prediction(system_id="catboost"), a_prediction(run_kind="backtest"))
    assert graded.select("system_id", "run_kind").rows() == [
        ("catboost", "live"),
        ("moving_average", "backtest"),
        ("moving_average", "live"),
    ]


def test_a_market_without_a_statistic_stays_ungraded() -> None:
    assert grade(a_prediction(), a_prediction(market="player_assists"))["market"].to_list() == ["player_points"]


def test_grade_versions_count_within_a_market() -> None:
    other = grade().with_columns(pl.lit("player_rebounds").alias("market"), pl.lit(4, pl.Int64).alias("grade_version"))
    assert the_grade(grades_ledger=other)["grade_version"] == 1


def test_every_row_keeps_the_tables_promise() -> None:
    graded = pl.concat(
        [
            grade(),
            grade(a_prediction("PASS", player_id=2)),
            grade(a_prediction(player_id=3), game=a_finished_game(status="postponed", home_points=None, away_points=None)),
        ]
    )
    valid, quarantined = TABLE.conform(graded, AFTER_TIPOFF, "1")
    assert (valid.height, quarantined.height) == (3, 0)


def test_nothing_predicted_is_nothing_graded() -> None:
    assert grade_predictions(predictions_of(), **a_finished_game()).is_empty()


# A second grade


def test_a_second_grading_adds_nothing() -> None:
    for game in (a_finished_game(), a_finished_game(who_did_not_play()), a_finished_game(status="postponed")):
        assert grade(game=game | {"grades_ledger": grade(game=game)}).is_empty()


@pytest.mark.parametrize(
    ("game", "reason"),
    [
        (a_finished_game(a_boxscore(points=23)), "points 22 -> 23"),
        (a_finished_game(a_boxscore(points=20)), "points 22 -> 20, outcome WIN -> LOSS"),
        (a_finished_game(who_did_not_play()), "points 22 -> none, played true -> false, outcome WIN -> VOID"),
    ],
    ids=["points", "outcome", "did not play after all"],
)
def test_a_correction_is_a_new_version_with_its_reason(game: dict[str, Any], reason: str) -> None:
    row = the_grade(game=game | {"grades_ledger": grade()})
    assert (row["grade_version"], row["regrade_reason"]) == (2, reason)


def test_minutes_alone_are_no_correction() -> None:
    assert grade(game=a_finished_game(a_boxscore(points=22, minutes=31.0)), grades_ledger=grade()).is_empty()


def test_another_prediction_that_counts_is_a_new_version() -> None:
    versions = [a_prediction(), a_prediction(version=2, prediction_id="second")]
    row = the_grade(*versions, grades_ledger=grade())
    assert (row["grade_version"], row["prediction_id"], row["regrade_reason"]) == (2, "second", "prediction version 1 -> 2")


def test_corrections_count_from_the_latest_grade() -> None:
    ledger = grade()
    for points, version in ((23, 2), (22, 3)):
        corrected = grade(game=a_finished_game(a_boxscore(points=points)), grades_ledger=ledger)
        assert corrected["grade_version"].to_list() == [version]
        ledger = pl.concat([ledger, corrected])
    assert grade(grades_ledger=ledger).is_empty()


def test_a_postponed_game_and_its_later_date_do_not_correct_each_other() -> None:
    """One game has two dates and one prediction on each. The first stays void however often either date is graded."""
    later = DAY + timedelta(days=1)
    predictions = [a_prediction(), a_prediction(game_date=later, version=2, prediction_id="second", tipoff_at=TIPOFF)]
    game = a_finished_game(a_boxscore(later, 22, game_id=GAME), game_date=later, game_id=GAME)
    first = grade(predictions[0], game=game)
    second = grade(predictions[1], game=game | {"grades_ledger": first})
    assert [row["outcome"] for row in (first.row(0, named=True), second.row(0, named=True))] == ["VOID", "WIN"]
    assert second.select("game_date", "grade_version", "regrade_reason").rows() == [(later, 2, None)]
    assert grade(*predictions, game=game | {"grades_ledger": pl.concat([first, second])}).is_empty()


def a_grade(outcome: str = "WIN", **fields: Any) -> Values:
    return {name: value for name, value in a_prediction().items() if name in TABLE.dtypes} | {
        "grade_version": 1, "outcome": outcome,
    } | fields  # fmt: skip


# Coverage


FIVE_GAMES = [a_game(game_id=f"002230000{n}", home_team=f"H{n}") for n in range(1, 6)]
OF_FIVE_GAMES = [{"game_id": game["game_id"]} for game in FIVE_GAMES]


def with_grades(
    tmp_path: Path, complete: Iterable[Values], predicted: Iterable[Values], graded: Iterable[Values], **game: Any
) -> LocalWarehouse:
    """Five final games, of which some have complete box scores. `predicted` and `graded` are fields of rows."""
    warehouse, boxes = LocalWarehouse(home=str(tmp_path)), [row for one in complete for row in complete_box(one)]
    warehouse.replace(SCHEDULE, [DAY], frame_of(SCHEDULE, *[one | game for one in FIVE_GAMES]), "test")
    warehouse.replace(BOXSCORES, [DAY], frame_of(BOXSCORES, *boxes), "test")
    warehouse.add(PREDICTIONS, [DAY], predictions_of(*[a_prediction(**fields) for fields in predicted]), "test")
    warehouse.add(TABLE, [DAY], frame_of(TABLE, *[a_grade(**fields) for fields in graded]), "test")
    return warehouse


@pytest.mark.parametrize(
    ("check", "complete", "graded", "passed", "missing"),
    [
        (enough_gradable_predictions_are_graded, 5, 4, True, [5]),
        (enough_gradable_predictions_are_graded, 5, 3, False, [4, 5]),
        (enough_gradable_predictions_are_graded, 3, 3, True, []),
        (every_prediction_is_graded, 5, 5, True, []),
        (every_prediction_is_graded, 5, 4, False, [5]),
        (every_prediction_is_graded, 3, 3, False, [4, 5]),
    ],
    ids=["80 %", "60 %", "all of the complete games", "every", "all but one", "none of the incomplete games"],
)
def test_games_without_grades_are_named(
    tmp_path: Path, check: Judge, complete: int, graded: int, passed: bool, missing: list[int]
) -> None:
    warehouse = with_grades(tmp_path, FIVE_GAMES[:complete], OF_FIVE_GAMES, OF_FIVE_GAMES[:graded])
    [row] = check(warehouse, [DAY], Clock()).to_dicts()
    assert (row[PASSED], row[MISSING]) == (passed, [f"NYK@H{n} 002230000{n}" for n in missing])


COVERAGE_CHECKS = pytest.mark.parametrize("check", [enough_gradable_predictions_are_graded, every_prediction_is_graded])


@COVERAGE_CHECKS
def test_a_grade_covers_its_own_prediction_only(tmp_path: Path, check: Judge) -> None:
    others = [{"system_id": "catboost"}, {"market": "player_rebounds"}, {"run_kind": "backtest"}, {"player_id": 2}]
    predicted = [OF_FIVE_GAMES[0] | other for other in ({}, *others)]
    [row] = check(with_grades(tmp_path, FIVE_GAMES, predicted, OF_FIVE_GAMES[:1]), [DAY], Clock()).to_dicts()
    assert (row[PASSED], row["present"], row["expected"], set(row[MISSING])) == (False, 1, 5, {"NYK@H1 0022300001"})


@COVERAGE_CHECKS
def test_a_game_that_moved_needs_a_grade_and_one_without_a_source_of_box_scores_needs_none(tmp_path: Path, check: Judge) -> None:
    predicted = [*OF_FIVE_GAMES, {"game_id": "moved"}]
    warehouse = with_grades(tmp_path, FIVE_GAMES, predicted, [], has_boxscore_source=False)
    [row] = check(warehouse, [DAY], Clock()).to_dicts()
    assert (row[PASSED], row["expected"], row[MISSING]) == (False, 1, ["moved"])


# Hit rate


SUSPECT = "moving_average player_points live"


def settled(wins: int, bets: int, **fields: Any) -> list[Values]:
    """Grades of a date: the first are won, the rest lost."""
    return [a_grade("WIN" if n <= wins else "LOSS", player_id=n, **fields) for n in range(1, bets + 1)]


def with_bets(tmp_path: Path, *bets: Values) -> LocalWarehouse:
    warehouse = LocalWarehouse(home=str(tmp_path))
    warehouse.add(TABLE, sorted({bet["game_date"] for bet in bets}), frame_of(TABLE, *bets), "test")
    return warehouse


@pytest.mark.parametrize(
    ("wins", "bets", "passed"),
    [(67, 100, True), (68, 100, False), (610, 1000, True), (611, 1000, False), (99, 99, True), (100, 100, False)],
)
def test_a_system_that_wins_too_often_is_named(tmp_path: Path, wins: int, bets: int, passed: bool) -> None:
    """The interval of 68 wins in 100 bets begins at 58.3 %, that of 611 in 1,000 at 58.04 %."""
    [row] = hit_rate_is_no_leak(with_bets(tmp_path, *settled(wins, bets)), [DAY], Clock()).to_dicts()
    assert (row[PASSED], row[MISSING]) == (passed, [] if passed else [f"{SUSPECT}: {wins} of {bets}"])
    assert (row["bets_of_30_days"], row["wins_of_30_days"], row["hit_rate"]) == (bets, wins, wins / bets)


def test_a_bet_counts_on_its_date_and_on_the_29_days_after_it(tmp_path: Path) -> None:
    warehouse, dates = with_bets(tmp_path, *settled(68, 100)), [before(n) for n in (1, 0, -29, -30)]
    together = hit_rate_is_no_leak(warehouse, dates, Clock())
    alone = pl.concat([hit_rate_is_no_leak(warehouse, [day], Clock()) for day in dates])
    assert together["bets_of_30_days"].to_list() == alone["bets_of_30_days"].to_list() == [0, 100, 100, 0]
    assert together[PASSED].to_list() == alone[PASSED].to_list() == [True, False, False, True]


@pytest.mark.parametrize(("days", "passed"), [(29, False), (30, True)])
def test_bets_of_30_days_are_judged_together(tmp_path: Path, days: int, passed: bool) -> None:
    bets = [*settled(99, 99), *settled(1, 1, game_date=before(days))]
    [row] = hit_rate_is_no_leak(with_bets(tmp_path, *bets), [DAY], Clock()).to_dicts()
    assert (row[PASSED], row[MISSING]) == (passed, [] if passed else [f"{SUSPECT}: 100 of 100"])


@pytest.mark.parametrize(("wins_before", "wins", "passed"), [(100, 67, True), (0, 68, False)], ids=["corrected", "suspect"])
def test_only_the_latest_grade_of_a_prediction_counts(tmp_path: Path, wins_before: int, wins: int, passed: bool) -> None:
    # the correction is stored first, so that the order of the rows cannot stand in for the version
    grades = [*settled(wins, 100, grade_version=2), *settled(wins_before, 100)]
    [row] = hit_rate_is_no_leak(with_bets(tmp_path, *grades), [DAY], Clock()).to_dicts()
    assert (row[PASSED], row[MISSING]) == (passed, [] if passed else [f"{SUSPECT}: 68 of 100"])
    assert (row["bets_of_30_days"], row["wins_of_30_days"]) == (100, wins)


@pytest.mark.parametrize("outcome", ["PUSH", "VOID", "NO_BET"])
def test_only_wins_and_losses_are_bets(tmp_path: Path, outcome: str) -> None:
    """Catboost has 99 bets and is not judged."""
    unsettled = [
        a_grade(outcome, player_id=1000 + n, system_id=name) for n in range(50) for name in ("moving_average", "catboost")
    ]
    bets = [*settled(68, 100), *settled(99, 99, system_id="catboost"), *unsettled]
    [row] = hit_rate_is_no_leak(with_bets(tmp_path, *bets), [DAY], Clock()).to_dicts()
    assert (row[MISSING], row["bets_of_30_days"]) == ([f"{SUSPECT}: 68 of 100"], 199)


@pytest.mark.parametrize(
    ("other", "plotted"),
    [({"system_id": "catboost"}, 199), ({"market": "player_rebounds"}, 100), ({"run_kind": "backtest"}, 100)],
    ids=["system", "market", "run kind"],
)
def test_systems_markets_and_run_kinds_are_judged_apart(tmp_path: Path, other: Values, plotted: int) -> None:
    bets = [*settled(100, 100), *settled(99, 99, **other)]
    [row] = hit_rate_is_no_leak(with_bets(tmp_path, *bets), [DAY], Clock()).to_dicts()
    assert (row[MISSING], row["bets_of_30_days"]) == ([f"{SUSPECT}: 100 of 100"], plotted)


# Closing lines


@pytest.mark.parametrize(
    ("minutes", "captured", "verdict"),
    [(10, True, (True, 0)), (25, True, (False, 1)), (300, False, (True, 0))],
    ids=["captured", "missed", "an archive has no captures"],
)
def test_a_game_whose_closing_lines_were_missed_is_named(
    tmp_path: Path, minutes: int, captured: bool, verdict: tuple[bool, int]
) -> None:
    warehouse, seen = LocalWarehouse(home=str(tmp_path)), TIPOFF - timedelta(minutes=minutes)
    line = a_prop_line(snapshot_at=seen, captured_at=seen if captured else None, tipoff_at=TIPOFF)
    warehouse.replace(SCHEDULE, [DAY], frame_of(SCHEDULE, a_game(tipoff_at=TIPOFF)), "test")
    warehouse.replace(TABLES["prop_lines"], [DAY], prop_lines_of(line), "test")
    [row] = closing_lines_are_captured(warehouse, [DAY], Clock()).to_dicts()
    assert (row["passed"], row["closing_lines_missed"]) == verdict
    assert row["missing"] == ["NYK-GSW"] * verdict[1]


# Calibration


def with_graded_forecasts(tmp_path: Path, probability: float, market: str = "player_points") -> LocalWarehouse:
    """2,000 rows at even prices, half of them overs."""
    warehouse, players = LocalWarehouse(home=str(tmp_path)), range(1, 2001)
    known = {
        "market_over_probability": 0.5, "blended_over_probability": probability, "blended_push_probability": 0.0,
        "blended_under_probability": 1 - probability, "adjusted_line": 20.5, "is_actionable": False, "source": "test",
        "market": market,
    }  # fmt: skip
    made = predictions_of(*[a_prediction(player_id=n, **known) for n in players])
    outcomes = pl.Series("actual_value", [15 + 10 * (n % 2) for n in players], pl.Int64)
    lineage = {"as_of": pl.lit(AFTER_TIPOFF), "code_version": pl.lit("1")}
    grades = made.select(name for name in TABLE.dtypes if name in made.columns).with_columns(
        outcomes, pl.lit(1, pl.Int64).alias("grade_version"), pl.lit("WIN").alias("outcome"), source=pl.lit("test"), **lineage
    )
    warehouse.add(PREDICTIONS, [DAY], made.with_columns(**lineage), "test")
    warehouse.add(TABLE, [DAY], pl.concat([TABLE.empty(), grades], how="diagonal_relaxed").select(list(TABLE.dtypes)), "test")
    return warehouse


@pytest.mark.parametrize(("probability", "passed"), [(0.5, True), (0.9, False)])
def test_a_probability_that_scores_worse_than_the_market_is_named(tmp_path: Path, probability: float, passed: bool) -> None:
    warehouse = with_graded_forecasts(tmp_path, probability)
    (verdict,) = probabilities_are_calibrated(warehouse, [DAY], Clock()).iter_rows(named=True)
    assert (verdict["passed"], verdict["moving_average_log_loss_rows"]) == (passed, 2000)
    assert [name.split(":")[0] for name in verdict["missing"]] == ([] if passed else ["moving_average"])


def test_the_calibration_of_each_market_is_judged_apart(tmp_path: Path) -> None:
    with_graded_forecasts(tmp_path, 0.5)
    warehouse = with_graded_forecasts(tmp_path, 0.9, market="player_rebounds")
    (verdict,) = probabilities_are_calibrated(warehouse, [DAY], Clock()).iter_rows(named=True)
    assert [name.split(":")[0] for name in verdict["missing"]] == ["moving_average_rebounds"]
    assert (verdict["moving_average_log_loss_rows"], verdict["moving_average_rebounds_log_loss_rows"]) == (2000, 2000)


def test_the_calibration_of_a_date_does_not_depend_on_the_other_dates_of_the_run(tmp_path: Path) -> None:
    warehouse, later = with_graded_forecasts(tmp_path, 0.9), DAY + timedelta(days=RESIDUAL_DAYS + 1)
    first, last = probabilities_are_calibrated(warehouse, [DAY, later], Clock()).iter_rows(named=True)
    assert (first["passed"], last["passed"], last["moving_average_log_loss_rows"]) == (False, True, None)

"""The rows that performance is computed from: grades, corrections, picks as published, closing lines."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from nba_pipeline.assets.grades.grades import TABLE as GRADES
from nba_pipeline.assets.grades.grades import grade_predictions
from nba_pipeline.assets.grades.system_performance import TABLE, eligible_players, no_system_decays, rate_systems, rows_to_rate
from nba_pipeline.assets.predictions.picks import TABLE as PICKS
from nba_pipeline.assets.predictions.picks import select_slate
from nba_pipeline.errors import BadInput
from nba_pipeline.instance.clock import Clock
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import DAY, a_boxscore, a_prop_line, prop_lines_of
from nba_pipeline_tests.builders_predictions import AFTER_TIPOFF, TIPOFF, a_feature_row, a_finished_game, features_of_rows
from nba_pipeline_tests.builders_record import CHAMPION, LINES, NOW, a_bet, bets_of, players_of

pytestmark = pytest.mark.slow

BETS = bets_of(a_bet(1))


def graded(predictions: pl.DataFrame, points: int, ledger: pl.DataFrame | None = None) -> pl.DataFrame:
    """The ledger of grades after player 1 scored these points."""
    game = a_finished_game(a_boxscore(player_id=1, points=points))
    earlier = GRADES.empty() if ledger is None else ledger
    new = grade_predictions(predictions, **game | {"grades_ledger": earlier})
    return pl.concat([earlier, GRADES.conform(new, AFTER_TIPOFF, "1")[0]])


def picks_of(predictions: pl.DataFrame) -> pl.DataFrame:
    rows, _ = select_slate(predictions, players_of(1), LINES, PICKS.empty(), CHAMPION, NOW)
    return PICKS.conform(rows, NOW, "1")[0]


def of_the_day(predictions: pl.DataFrame, grades: pl.DataFrame, subset: str = "all", **tables: pl.DataFrame) -> dict[str, Any]:
    """The row of the day of a subset. Fails if a row breaks a rule of the table."""
    picks, lines = tables.get("picks", PICKS.empty()), tables.get("lines", LINES)
    rows = rate_systems(rows_to_rate(predictions, grades, picks, lines, ()), eligible_players(players_of(1)), [DAY])
    valid, rejected = TABLE.conform(rows, AFTER_TIPOFF, "1")
    assert rejected["problem"].to_list() == []
    (row,) = valid.filter(window="day", direction="all", tier="all", subset=subset).to_dicts()
    return row


def test_a_graded_prediction_is_rated_at_its_line_and_price() -> None:
    row = of_the_day(BETS, graded(BETS, 22))
    assert (row["wins"], row["mae"], row["line_mae"], row["eligible"]) == (1, 3.0, 1.5, 1)
    assert (row["roi"], row["roi_at_best_price"]) == pytest.approx((0.90909, 0.95238), abs=1e-5)


def test_a_correction_turns_a_win_into_a_loss() -> None:
    before = graded(BETS, 22)
    after = graded(BETS, 20, before)
    assert after["regrade_reason"].to_list() == [None, "points 22 -> 20, outcome WIN -> LOSS"]
    assert [of_the_day(BETS, ledger)["losses"] for ledger in (before, after)] == [0, 1]
    published = picks_of(BETS)
    assert [of_the_day(BETS, ledger, "best", picks=published)["wins"] for ledger in (before, after)] == [1, 0]


def test_a_pick_is_settled_as_published_whatever_its_prediction_became() -> None:
    published = picks_of(BETS)
    later = bets_of(a_bet(1), a_bet(1, version=2, prediction_id="later", line=26.5, edge=-1.5, recommendation="UNDER"))
    grades = graded(later, 22)
    assert of_the_day(later, grades)["unders"] == 1
    best = of_the_day(later, grades, "best", picks=published)
    assert (best["overs"], best["wins"], best["published"]) == (1, 1, 1)


def test_the_pick_of_a_backtest_was_never_published() -> None:
    backtests = bets_of(a_bet(1, run_kind="backtest", made_at=AFTER_TIPOFF))
    for subset in ("all", "best"):
        row = of_the_day(backtests, graded(backtests, 22), subset, picks=picks_of(backtests))
        assert (row["run_kind"], row["predicted"], row["published"]) == ("backtest", 1, 0)


def test_an_ungraded_prediction_counts_in_its_latest_version() -> None:
    rows = bets_of(a_bet(1), a_bet(1, version=2, prediction_id="later", line=None, recommendation="NO_LINE"))
    row = of_the_day(rows, GRADES.empty())
    assert (row["predicted"], row["ungradable"], row["with_line"], row["no_lines"]) == (1, 1, 0, 1)


def test_the_closing_line_value_is_that_of_the_book_of_the_line() -> None:
    first = a_prop_line(20.5, player_id=1, over_price=100, under_price=-120, snapshot_at=NOW, tipoff_at=TIPOFF)
    closing = first | {"over_price": -140, "under_price": 110, "snapshot_at": TIPOFF - timedelta(minutes=10)}
    row = of_the_day(BETS, graded(BETS, 22), lines=prop_lines_of(first, closing))
    assert row["closing_line_value"] == pytest.approx(0.1011, abs=1e-4)


def test_a_bet_on_rebounds_has_no_closing_line_of_points() -> None:
    first = a_prop_line(20.5, player_id=1, over_price=100, under_price=-120, snapshot_at=NOW, tipoff_at=TIPOFF)
    closing = first | {"over_price": -140, "under_price": 110, "snapshot_at": TIPOFF - timedelta(minutes=10)}
    rebounds = bets_of(a_bet(1, market="player_rebounds"))
    rows = rows_to_rate(rebounds, GRADES.empty(), PICKS.empty(), prop_lines_of(first, closing), ())
    assert rows["closing_line_value"].to_list() == [None]


def test_a_system_of_two_markets_is_judged_by_points(tmp_path: Path) -> None:
    both = bets_of(a_bet(1), a_bet(1, market="player_rebounds", prediction_id="r1"))
    rows = rate_systems(rows_to_rate(both, GRADES.empty(), PICKS.empty(), LINES, ()), eligible_players(players_of(1)), [DAY])
    warehouse = LocalWarehouse(home=str(tmp_path))
    warehouse.replace(TABLE, [DAY], TABLE.conform(rows, NOW, "1")[0], "test")
    (verdict,) = no_system_decays(warehouse, [DAY], Clock()).to_dicts()
    assert (verdict["passed"], verdict["overs"]) == (True, 1)


def test_a_graded_prediction_with_a_line_from_after_tipoff_is_refused() -> None:
    late = BETS.with_columns(pl.lit(TIPOFF).alias("line_snapshot_at"))
    with pytest.raises(
        BadInput, match="the line of the graded prediction p1 is from 2024-03-12 19:30 US Eastern, not before tip-off"
    ):
        of_the_day(late, graded(BETS, 22))


def test_players_with_few_games_or_minutes_are_not_eligible() -> None:
    few_games, few_minutes = a_feature_row(games_played_season=4), a_feature_row(minutes_mean_last_10_games=14.0)
    assert eligible_players(features_of_rows(a_feature_row(), few_games, few_minutes)).rows() == [(DAY, 1)]


@pytest.mark.parametrize(("gap", "n", "passed"), [(0.16, 500, False), (0.16, 499, True), (0.15, 500, True)])
def test_a_system_that_is_worse_than_the_line_is_named(tmp_path: Path, gap: float, n: int, passed: bool) -> None:
    rows = rate_systems(rows_to_rate(BETS, graded(BETS, 22), PICKS.empty(), LINES, ()), eligible_players(players_of(1)), [DAY])
    changed = TABLE.conform(rows, NOW, "1")[0].with_columns(pl.lit(gap).alias("gap"), pl.lit(n).cast(pl.Int64).alias("gap_n"))
    warehouse = LocalWarehouse(home=str(tmp_path))
    warehouse.replace(TABLE, [DAY], changed, "test")
    (verdict,) = no_system_decays(warehouse, [DAY], Clock()).to_dicts()
    assert verdict["passed"] is passed
    assert verdict["missing"] == ([] if passed else ["ensemble: 0.16 points worse than the line, N 500"])
    assert (verdict["overs"], verdict["quality_mean"], verdict["gap_ensemble"]) == (1, 90.0, gap)


def test_a_date_without_predictions_has_no_rows() -> None:
    nothing = rows_to_rate(bets_of(), GRADES.empty(), PICKS.empty(), prop_lines_of(), ("star",))
    assert rate_systems(nothing, eligible_players(players_of()), [DAY]).is_empty()
    of_another_date = rows_to_rate(BETS, graded(BETS, 22), PICKS.empty(), LINES, ())
    assert rate_systems(of_another_date, eligible_players(players_of()), [DAY + timedelta(days=1)]).is_empty()

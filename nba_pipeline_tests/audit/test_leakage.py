"""The real derivation passes every test of the audit. A test without enough data has no result."""

from collections.abc import Sequence
from copy import copy
from datetime import date, datetime, timedelta

import polars as pl
import pytest

from nba_pipeline.assets.predictions.predictions import TABLE as PREDICTIONS
from nba_pipeline.audit.derivations import REAL, Audit, Derivation, Derive
from nba_pipeline.audit.leakage import (
    TESTS,
    Test,
    everything_after_the_first_tipoff_may_go,
    no_feature_knows_the_points_better_than_the_line,
    no_line_or_report_is_from_after_tipoff,
    windows_rarely_equal_the_leaked_ones,
)
from nba_pipeline.audit.recompute import World
from nba_pipeline.audit.sensitivity import a_fact_of_before_moves_the_row
from nba_pipeline_tests.audit.conftest import CONTROL, LATER, SAMPLE
from nba_pipeline_tests.builders import frame_of
from nba_pipeline_tests.builders_audit import DATES

pytestmark = pytest.mark.platform

ANOTHER = SAMPLE[-1]


@pytest.mark.parametrize("test", (*TESTS, a_fact_of_before_moves_the_row), ids=lambda test: test.__name__)
def test_the_real_derivation_passes(audit: Audit, test: Test) -> None:
    result = test(audit, REAL, [CONTROL, ANOTHER])
    assert result.passed, result
    assert result.n >= 20
    assert result.name == test.__name__


def test_a_leak_is_described_by_column_player_and_both_values(audit: Audit) -> None:
    tenfold = (pl.col("points_mean_season") * 10).alias("points_mean_season")

    def leak(world: World, dates: Sequence[date], as_of: datetime, derive: Derive) -> World:
        derived, is_over = derive(world, dates, as_of), CONTROL in world["boxscores"]["game_date"].to_list()
        return {**derived, "features": derived["features"].with_columns(tenfold)} if is_over else derived

    result = everything_after_the_first_tipoff_may_go(audit, Derivation("tenfold", "", features=leak), [CONTROL])
    assert result.passed is False
    assert result.detail.startswith(f"features.points_mean_season of game_date {CONTROL}, game_id 002")
    assert " became " in result.detail
    assert result.differences[0]["column"] == "features.points_mean_season"


def test_a_derivation_that_ignores_known_facts_fails(audit: Audit) -> None:
    frozen = audit.baseline(REAL)

    def same(world: World, dates: Sequence[date], as_of: datetime, derive: Derive) -> World:
        return frozen

    result = a_fact_of_before_moves_the_row(audit, Derivation("frozen", "", features=same), [CONTROL])
    assert result.passed is False
    assert result.detail.startswith("changes detected: 0 of 10 last box scores, 0 of ")


def test_a_prediction_with_a_line_from_after_tipoff_fails(audit: Audit) -> None:
    late = {"game_date": CONTROL, "game_id": "0022400001", "player_id": 7, "line": 20.5, "tipoff_at": LATER}
    for shown, passes in ((LATER - timedelta(seconds=1), True), (LATER, False)):
        changed = copy(audit)
        changed.predictions = frame_of(PREDICTIONS, late | {"line_snapshot_at": shown})
        assert no_line_or_report_is_from_after_tipoff(changed, REAL, [CONTROL]).passed is passes


@pytest.mark.unattended
def test_without_tipoffs_the_date_is_the_border_and_lines_are_not_altered(world: World) -> None:
    no_tipoff, no_mark = (
        pl.lit(None, pl.Datetime("us", "UTC")).alias("tipoff_at"),
        pl.lit(None, pl.Boolean).alias("is_before_tipoff"),
    )
    snapshots = {name: world[name].with_columns(no_tipoff, no_mark) for name in ("prop_lines", "game_lines", "injuries")}
    changed = Audit({**world, **snapshots, "schedule": world["schedule"].with_columns(no_tipoff)}, [CONTROL], LATER, [CONTROL])
    assert everything_after_the_first_tipoff_may_go(changed, REAL, [CONTROL]).passed
    seen = a_fact_of_before_moves_the_row(changed, REAL, [CONTROL])
    assert seen.passed
    assert seen.detail == "changes detected: 10 of 10 last box scores; no known tip-off, so no line and no report was altered"


def test_too_few_rows_are_not_judged(world: World) -> None:
    result = no_feature_knows_the_points_better_than_the_line(Audit(world, [CONTROL], LATER), REAL, [CONTROL])
    assert (result.passed, result.detail) == (None, f"{result.n} players; the test needs 300")


@pytest.fixture(scope="module")
def first_rounds(world: World) -> Audit:
    """Rounds 2 to 7 of the season. Five-game windows exist only in the last two."""
    return Audit(world, DATES[1:7], LATER)


def test_windows_of_too_few_players_are_not_judged(first_rounds: Audit) -> None:
    result = windows_rarely_equal_the_leaked_ones(first_rounds, REAL, first_rounds.dates)
    assert (result.passed, result.detail) == (None, "no window is known for 300 players")
    assert result.n > 300


def test_without_features_no_correlation_is_judged(audit: Audit) -> None:
    def nothing(world: World, dates: Sequence[date], as_of: datetime, derive: Derive) -> World:
        derived = derive(world, dates, as_of)
        unknown = [pl.lit(None, kind).alias(name) for name, kind in derived["features"].schema.items() if kind.is_numeric()]
        key = derived["features"].select("player_id")
        return {**derived, "features": derived["features"].with_columns(unknown).with_columns(key["player_id"])}

    result = no_feature_knows_the_points_better_than_the_line(audit, Derivation("nothing", "", features=nothing), [CONTROL])
    assert (result.passed, result.detail) == (None, "no feature is known for 300 players")


@pytest.mark.unattended
def test_facts_are_altered_on_dates_on_which_windows_show_them(first_rounds: Audit) -> None:
    result = a_fact_of_before_moves_the_row(first_rounds, REAL, first_rounds.dates)
    assert result.passed and result.detail.startswith("changes detected: 20 of 20 last box scores, 20 of 20 lines")


@pytest.mark.unattended
def test_box_scores_outside_every_window_are_reported_as_not_altered(first_rounds: Audit) -> None:
    result = a_fact_of_before_moves_the_row(first_rounds, REAL, first_rounds.dates[:2])
    assert result.passed and result.detail.startswith("changes detected: 20 of 20 lines")
    assert result.detail.endswith("; no window of five games, so no box score was altered")

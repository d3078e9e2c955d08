"""Partial recomputation of altered worlds equals full recomputation, and results are cached."""

from datetime import timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.audit.derivations import FEATURE_TABLES, REAL, RESUMMARIZED_DAYS, SUMMARIES, Audit
from nba_pipeline.audit.nonsense import with_nonsense
from nba_pipeline.audit.recompute import World, derive, summaries_of
from nba_pipeline_tests.audit.conftest import CONTROL, LATER, SAMPLE
from nba_pipeline_tests.builders_audit import FIRST, a_world

pytestmark = pytest.mark.platform


def test_recent_and_older_summaries_together_equal_all_summaries() -> None:
    dates = [FIRST + timedelta(days=4 * n) for n in range(20)]
    world, day = a_world(dates), dates[15]
    assert day - timedelta(days=RESUMMARIZED_DAYS) > dates[4]
    audit = Audit(world, [day], LATER)
    altered = with_nonsense(audit.world, day)
    partial, complete = audit.summarized(REAL, altered, day), summaries_of(altered, LATER)
    for name in SUMMARIES:
        assert_frame_equal(partial[name], complete[name])


def test_dates_derived_together_equal_dates_derived_alone(audit: Audit, world: World) -> None:
    alone = derive(world, [CONTROL], LATER)
    for name in FEATURE_TABLES:
        assert_frame_equal(audit.baseline(REAL)[name].filter(pl.col("game_date") == CONTROL), alone[name], check_exact=True)


def test_alterations_of_a_control_date_are_cached(audit: Audit) -> None:
    cached = [audit.altered("test", CONTROL, lambda: dict(audit.world)) for _ in range(2)]
    assert cached[0] is cached[1]
    uncached = [audit.altered("test", SAMPLE[0], lambda: dict(audit.world)) for _ in range(2)]
    assert uncached[0] is not uncached[1]
    assert audit.baseline(REAL) is audit.baseline(REAL)


def test_a_closed_slate_has_no_rows(world: World) -> None:
    lost = {**world, "boxscores": world["boxscores"].clear()}
    features = Audit(lost, [CONTROL], LATER).baseline(REAL)
    assert {name: features[name].height for name in FEATURE_TABLES} == dict.fromkeys(FEATURE_TABLES, 0)


def test_the_same_seed_samples_the_same_players(world: World) -> None:
    first, same, other = (Audit(world, [CONTROL], LATER, seed=seed).chance(CONTROL).random() for seed in (1, 1, 2))
    assert first == same != other

"""Partial recomputation of altered worlds equals full recomputation, and results are cached."""

from datetime import timedelta

import polars as pl
from polars.testing import assert_frame_equal

from nba_pipeline.audit.derivations import FEATURE_TABLES, REAL, RESUMMARISED_DAYS, SUMMARIES, Audit
from nba_pipeline.audit.nonsense import with_nonsense
from nba_pipeline.audit.recompute import World, derive, summaries_of
from nba_pipeline_tests.audit.conftest import CONTROL, LATER, SAMPLE
from nba_pipeline_tests.builders_audit import FIRST, a_world


def test_summaries_of_the_last_days_and_older_ones_are_those_of_the_whole() -> None:
    dates = [FIRST + timedelta(days=4 * n) for n in range(20)]
    world, day = a_world(dates), dates[15]
    assert day - timedelta(days=RESUMMARISED_DAYS) > dates[4]
    audit = Audit(world, [day], LATER)
    altered = with_nonsense(audit.world, day)
    anew, whole = audit.summarised(REAL, altered, day), summaries_of(altered, LATER)
    for name in SUMMARIES:
        assert_frame_equal(anew[name], whole[name])


def test_many_dates_at_once_are_the_dates_alone(audit: Audit, world: World) -> None:
    alone = derive(world, [CONTROL], LATER)
    for name in FEATURE_TABLES:
        assert_frame_equal(audit.baseline(REAL)[name].filter(pl.col("game_date") == CONTROL), alone[name], check_exact=True)


def test_what_is_altered_on_a_control_date_is_made_once(audit: Audit) -> None:
    made = [audit.altered("test", CONTROL, lambda: dict(audit.world)) for _ in range(2)]
    assert made[0] is made[1]
    others = [audit.altered("test", SAMPLE[0], lambda: dict(audit.world)) for _ in range(2)]
    assert others[0] is not others[1]
    assert audit.baseline(REAL) is audit.baseline(REAL)


def test_a_closed_slate_has_no_rows(world: World) -> None:
    lost = {**world, "boxscores": world["boxscores"].clear()}
    made = Audit(lost, [CONTROL], LATER).baseline(REAL)
    assert {name: made[name].height for name in FEATURE_TABLES} == dict.fromkeys(FEATURE_TABLES, 0)


def test_the_same_seed_samples_the_same_players(world: World) -> None:
    first, same, other = (Audit(world, [CONTROL], LATER, seed=seed).chance(CONTROL).random() for seed in (1, 1, 2))
    assert first == same != other

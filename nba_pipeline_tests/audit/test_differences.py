"""Differences between two worlds are detected, counted and described."""

import polars as pl
import pytest

from nba_pipeline.audit.derivations import REAL, Audit
from nba_pipeline.audit.differences import differences
from nba_pipeline.audit.recompute import World
from nba_pipeline_tests.audit.conftest import CONTROL, SAMPLE

pytestmark = pytest.mark.slow

PLAYER = pl.col("player_id") == 400


def altered(derived: World, value: pl.Expr) -> World:
    return {**derived, "matchups": derived["matchups"].with_columns(value)}


def test_equal_worlds_have_no_differences_and_a_number_of_compared_values(audit: Audit) -> None:
    derived = audit.baseline(REAL)
    differing, values = differences(derived, derived, [CONTROL])
    assert differing == []
    assert values > 15_000


def test_the_largest_difference_of_a_column_is_shown(audit: Audit) -> None:
    derived = audit.baseline(REAL)
    moved = pl.when(PLAYER).then(pl.col("fatigue_score") - 50).otherwise(pl.col("fatigue_score") - 1).alias("fatigue_score")
    (difference,), _ = differences(derived, altered(derived, moved), [CONTROL])
    assert (difference.name, difference.rows) == ("matchups.fatigue_score", 90)
    assert difference.where.endswith("player_id 400")
    assert difference.before == difference.after + 50  # type: ignore[operator]


def test_a_value_that_becomes_null_differs(audit: Audit) -> None:
    derived = audit.baseline(REAL)
    lost = pl.when(~PLAYER).then("fatigue_score").alias("fatigue_score")
    (difference,), _ = differences(derived, altered(derived, lost), [CONTROL])
    assert (difference.rows, difference.after) == (1, None)


def test_a_list_differs(audit: Audit) -> None:
    derived = audit.baseline(REAL)
    form = derived["player_form"].with_columns(pl.col("contributing_game_ids").list.head(9))
    (difference,), _ = differences(derived, {**derived, "player_form": form}, [CONTROL])
    assert difference.name == "player_form.contributing_game_ids"


def test_removed_and_added_rows_differ(audit: Audit) -> None:
    derived = audit.baseline(REAL)
    fewer = {**derived, "features": derived["features"].filter(~PLAYER)}
    for was, became, counts in ((derived, fewer, (90, 89)), (fewer, derived, (89, 90))):
        (difference,), _ = differences(was, became, [CONTROL])
        assert (difference.name, difference.rows, difference.before, difference.after) == ("features.rows", 1, *counts)


def test_other_dates_and_lineage_do_not_count(audit: Audit) -> None:
    derived = audit.baseline(REAL)
    other = pl.when(pl.col("game_date") == CONTROL).then("fatigue_score").otherwise(0.0).alias("fatigue_score")
    assert differences(derived, altered(derived, other), [CONTROL])[0] == []
    assert differences(derived, altered(derived, other), SAMPLE)[0] != []
    assert differences(derived, altered(derived, pl.lit("another").alias("source")), SAMPLE)[0] == []

"""Differences between two worlds are detected, counted and described."""

import polars as pl

from nba_pipeline.audit.derivations import REAL, Audit
from nba_pipeline.audit.differences import differences
from nba_pipeline.audit.recompute import World
from nba_pipeline_tests.audit.conftest import CONTROL, SAMPLE

PLAYER = pl.col("player_id") == 400


def altered(made: World, value: pl.Expr) -> World:
    return {**made, "matchups": made["matchups"].with_columns(value)}


def test_equal_worlds_have_none_and_say_how_much_was_compared(audit: Audit) -> None:
    made = audit.baseline(REAL)
    found, values = differences(made, made, [CONTROL])
    assert found == []
    assert values > 15_000


def test_the_worst_row_of_a_column_is_told(audit: Audit) -> None:
    made = audit.baseline(REAL)
    moved = pl.when(PLAYER).then(pl.col("fatigue_score") - 50).otherwise(pl.col("fatigue_score") - 1).alias("fatigue_score")
    (difference,), _ = differences(made, altered(made, moved), [CONTROL])
    assert (difference.name, difference.rows) == ("matchups.fatigue_score", 90)
    assert difference.where.endswith("player_id 400")
    assert difference.was == difference.became + 50  # type: ignore[operator]


def test_a_value_that_becomes_null_differs(audit: Audit) -> None:
    made = audit.baseline(REAL)
    lost = pl.when(~PLAYER).then("fatigue_score").alias("fatigue_score")
    (difference,), _ = differences(made, altered(made, lost), [CONTROL])
    assert (difference.rows, difference.became) == (1, None)


def test_a_list_differs(audit: Audit) -> None:
    made = audit.baseline(REAL)
    form = made["player_form"].with_columns(pl.col("contributing_game_ids").list.head(9))
    (difference,), _ = differences(made, {**made, "player_form": form}, [CONTROL])
    assert difference.name == "player_form.contributing_game_ids"


def test_a_row_that_is_gone_and_one_that_is_new_differ(audit: Audit) -> None:
    made = audit.baseline(REAL)
    fewer = {**made, "features": made["features"].filter(~PLAYER)}
    for was, became, counts in ((made, fewer, (90, 89)), (fewer, made, (89, 90))):
        (difference,), _ = differences(was, became, [CONTROL])
        assert (difference.name, difference.rows, difference.was, difference.became) == ("features.rows", 1, *counts)


def test_other_dates_and_lineage_do_not_count(audit: Audit) -> None:
    made = audit.baseline(REAL)
    other = pl.when(pl.col("game_date") == CONTROL).then("fatigue_score").otherwise(0.0).alias("fatigue_score")
    assert differences(made, altered(made, other), [CONTROL])[0] == []
    assert differences(made, altered(made, other), SAMPLE)[0] != []
    assert differences(made, altered(made, pl.lit("another").alias("source")), SAMPLE)[0] == []

"""Stored features are recomputed. Differences must be explained by a change of a source or the code."""

from copy import copy
from datetime import timedelta

import polars as pl
import pytest

from nba_pipeline.assets.summaries.player_game_summary import summarize_player_games
from nba_pipeline.assets.summaries.team_game_summary import summarize_team_games
from nba_pipeline.audit.box_scores import with_more_threes
from nba_pipeline.audit.derivations import REAL, Audit
from nba_pipeline.audit.leakage import Result
from nba_pipeline.audit.parity import (
    a_later_backfill_differs_only_where_a_source_did,
    stored_rows_equal_recomputed_rows,
    value_differences,
)
from nba_pipeline.audit.recompute import World
from nba_pipeline.audit.worlds import between
from nba_pipeline_tests.audit.conftest import CONTROL, LATER, SAMPLE, as_stored
from nba_pipeline_tests.builders import at

pytestmark = pytest.mark.platform

EARLIER = CONTROL - timedelta(days=6)
FIRST_TIPOFF = at(0, day=CONTROL + timedelta(days=1))
SEEN = {"prop_lines": ["snapshot_at"], "game_lines": ["snapshot_at"], "injuries": ["seen_at"]}
SINCE = LATER + timedelta(hours=1)
PLAYER = pl.col("player_id") == 400
THREE_MORE = (pl.col("points_mean_season") + 3).alias("points_mean_season")


def result_for(audit: Audit, rows: pl.DataFrame) -> Result:
    """Returns the result for the control date when the warehouse holds these rows."""
    other = copy(audit)
    other.stored = rows.filter(pl.col("game_date") == CONTROL)
    return stored_rows_equal_recomputed_rows(other, REAL, [CONTROL])


def with_newer_rows(audit: Audit, source: str, rows: pl.Expr) -> Audit:
    """Returns the audit with some rows of a source newer than the features."""
    other = copy(audit)
    newer = pl.when(rows).then(pl.lit(SINCE)).otherwise("as_of").alias("as_of")
    other.world = {**audit.world, source: audit.world[source].with_columns(newer)}
    return other


def with_changed_value(rows: pl.DataFrame) -> pl.DataFrame:
    """Returns the rows with a different season mean for one player."""
    return pl.concat([rows.filter(~PLAYER), rows.filter(PLAYER).with_columns(THREE_MORE)])


def test_unchanged_rows_are_equal(audit: Audit, stored: pl.DataFrame) -> None:
    result = result_for(audit, stored)
    assert result.passed
    assert (result.n, result.detail) == (90, "0 values differ, 0 of them unexplained")


def test_a_difference_without_a_changed_source_fails(audit: Audit, stored: pl.DataFrame) -> None:
    result = result_for(audit, with_changed_value(stored))
    assert result.passed is False
    assert result.detail.startswith(
        f"1 value differs, 1 of them unexplained (points_mean_season 1); first: points_mean_season of player 400 on {CONTROL}: stored "
    )
    assert result.differences[0]["explained_by"] == ""


@pytest.mark.parametrize(
    ("source", "rows", "passes"),
    [
        ("boxscores", PLAYER & (pl.col("game_date") < CONTROL), True),
        ("boxscores", PLAYER & (pl.col("game_date") >= CONTROL), False),  # the game itself cannot explain a difference
        ("prop_lines", PLAYER, False),  # means of points do not depend on lines
        ("schedule", pl.col("game_date") >= CONTROL, False),
    ],
    ids=["his earlier game", "the game itself", "a source of other columns", "the score of the game"],
)
def test_only_a_newer_source_of_the_column_explains_it(
    audit: Audit, stored: pl.DataFrame, source: str, rows: pl.Expr, passes: bool
) -> None:
    result = result_for(with_newer_rows(audit, source, rows), with_changed_value(stored))
    assert result.passed is passes
    if passes:
        assert "boxscores of 2023-12-03 changed 2024-01-01 01:00" in result.detail


def test_stale_features_are_named_with_the_command_that_computes_them_again(audit: Audit, stored: pl.DataFrame) -> None:
    earlier_game = with_newer_rows(audit, "boxscores", PLAYER & (pl.col("game_date") < CONTROL))
    assert result_for(earlier_game, with_changed_value(stored)).detail.endswith(
        "stale: the features of 1 date are older than their sources or their code; "
        f"next: nba-pipeline backfill --from {CONTROL} --to {CONTROL} --stop-after features"
    )


@pytest.mark.unattended
def test_a_source_that_was_loaded_later_at_the_same_instant_of_a_fixed_clock_explains_a_difference(
    audit: Audit, stored: pl.DataFrame
) -> None:
    other, [as_of] = copy(audit), stored.filter(game_date=CONTROL)["as_of"].unique().to_list()
    other.world = {**audit.world, "boxscores": audit.world["boxscores"].with_columns(pl.lit(as_of).alias("as_of"))}
    first, second = SINCE, SINCE + timedelta(hours=1)
    for loaded_at, passes in ((first, False), (second, True)):
        other.written = {CONTROL: {"features": first}, EARLIER: {"boxscores": loaded_at}}
        assert result_for(other, with_changed_value(stored)).passed is passes


@pytest.mark.unattended
def test_games_of_other_teams_explain_only_features_relative_to_the_league(audit: Audit, stored: pl.DataFrame) -> None:
    row = stored.filter(PLAYER, game_date=CONTROL).row(0, named=True)
    of_others = ~pl.col("team").is_in([row["team"], row["opponent"]]) & (pl.col("game_date") < CONTROL)
    changed_world = with_newer_rows(audit, "boxscores", of_others)
    assert result_for(changed_world, with_changed_value(stored)).passed is False
    pace = pl.when(PLAYER).then(2.5).otherwise("pace_score").alias("pace_score")
    assert result_for(changed_world, stored.with_columns(pace)).passed


def test_a_row_that_is_no_longer_derived_is_a_difference(audit: Audit, stored: pl.DataFrame) -> None:
    result = result_for(audit, stored.filter(~PLAYER))
    assert result.passed is False
    assert [(d["column"], d["player_id"], d["stored"], d["now"]) for d in result.differences] == [("row", 400, None, "present")]


@pytest.mark.unattended
def test_a_moved_game_explains_its_rows(audit: Audit, stored: pl.DataFrame) -> None:
    game = stored.filter(game_date=CONTROL)["game_id"][0]
    moved_on = pl.when(pl.col("game_id") == game).then(pl.lit("postponed")).otherwise("status").alias("status")
    schedule = audit.world["schedule"].with_columns(moved_on)
    other = Audit({**audit.world, "schedule": schedule}, SAMPLE, LATER, [CONTROL])
    result = result_for(other, stored)
    assert result.passed
    assert {difference["explained_by"] for difference in result.differences} == {"the game was moved"}


def test_rows_of_another_version_of_the_code_are_listed(audit: Audit, stored: pl.DataFrame) -> None:
    result = result_for(audit, with_changed_value(stored).with_columns(pl.lit("older").alias("code_version")))
    assert result.passed
    assert result.differences[0]["explained_by"] == "made by code version older"


@pytest.mark.unattended
def test_features_stored_at_noon_differ_from_a_backfill_where_sources_changed_later(audit: Audit, world: World) -> None:
    """Five hours before the first tip-off, half of the lines and all reports are still missing."""
    noon = FIRST_TIPOFF - timedelta(hours=5)
    instant = {name: pl.min_horizontal(*columns) for name, columns in SEEN.items()}
    later = {
        name: frame.with_columns(pl.when(instant[name] > noon).then(instant[name]).otherwise("as_of").alias("as_of"))
        if name in instant
        else frame
        for name, frame in world.items()
    }
    live = Audit(later, SAMPLE, LATER, [CONTROL])
    derived = live.derived(REAL, live.summarized(REAL, live.world), [CONTROL], noon)["features"]
    live.stored = as_stored(derived).with_columns(pl.lit(noon).alias("as_of"))
    assert stored_rows_equal_recomputed_rows(live, REAL, [CONTROL]).detail.startswith("0 values differ")
    result = a_later_backfill_differs_only_where_a_source_did(live, REAL, [CONTROL])
    assert result.passed
    assert {"line", "injury_status"} <= {difference["column"] for difference in result.differences}
    live.world = {**later, "injuries": world["injuries"]}
    live.stored = live.stored.with_columns(points_mean_season=0.0)
    assert a_later_backfill_differs_only_where_a_source_did(live, REAL, [CONTROL]).passed is False


@pytest.mark.unattended
def test_features_are_not_derived_from_a_quarantined_summary(world: World) -> None:
    """The box score a week earlier implies an impossible number of possessions."""
    odd = between(world["boxscores"], EARLIER, EARLIER).filter("did_play").head(1).select("game_id", "player_id", threes=60)
    changed = Audit(with_more_threes(world, odd.with_columns(pl.col("threes").cast(pl.Int64))), SAMPLE, LATER, [CONTROL])
    summarized, sources = changed.summarized(REAL, changed.world), changed.world
    players = summarize_player_games(sources["boxscores"], sources["play_by_play"], sources["prop_lines"])
    teams = summarize_team_games(sources["team_boxscores"], players, sources["play_by_play"], sources["schedule"])
    with_it, without_it = (
        changed.derived(REAL, {**summarized, **summaries}, [CONTROL], LATER)["features"]
        for summaries in ({"player_game_summary": players, "team_game_summary": teams}, {})
    )
    assert result_for(changed, as_stored(without_it)).passed
    assert result_for(changed, as_stored(with_it)).passed is False


def test_without_stored_rows_nothing_is_tested(audit: Audit) -> None:
    assert stored_rows_equal_recomputed_rows(audit, REAL, [CONTROL]).passed is None


def test_nulls_and_lists_are_compared() -> None:
    row = {"game_date": CONTROL, "game_id": "1", "player_id": 1, "team": "GSW", "opponent": "NYK"}
    was = pl.DataFrame([row | {"line": None, "missing_features": ["line"]}], schema_overrides={"line": pl.Float64})
    now = pl.DataFrame(
        [row | {"line": 7.5, "missing_features": list[str]()}], schema_overrides={"missing_features": pl.List(pl.String)}
    )
    differing = [(d["column"], d["stored"], d["now"]) for d in value_differences(was, now)]
    assert differing == [("line", None, 7.5), ("missing_features", ["line"], [])]

"""The rows of an evaluation, from a warehouse on disk."""

from datetime import timedelta
from pathlib import Path

import polars as pl

from nba_pipeline.evaluation.source import OUTCOMES, StoredRows, columns_of
from nba_pipeline.systems import SYSTEMS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import DAY, a_boxscore, a_prop_line, frame_of, prop_lines_of, summaries_of
from nba_pipeline_tests.builders_predictions import a_feature_row, features_of_rows

BEFORE = DAY - timedelta(days=1)


def stored(home: Path) -> StoredRows:
    warehouse = LocalWarehouse(home=str(home))
    features = features_of_rows(
        *(a_feature_row(DAY, player_id=n, source="s") for n in (202, 201)), a_feature_row(BEFORE, source="s")
    )
    is_absent = pl.col("player_id") == 202
    summary = (
        summaries_of(a_boxscore(player_id=201), a_boxscore(player_id=202))
        .filter(pl.col("player_id").is_in([201, 202]))
        .with_columns(did_play=~is_absent)
    )
    for name, rows in (("features", features), ("player_game_summary", summary), ("prop_lines", prop_lines_of(a_prop_line()))):
        table = TABLES[name]
        known = frame_of(table, *rows.select(set(rows.columns) & table.dtypes.keys()).to_dicts())
        warehouse.replace(table, known["game_date"].unique().to_list(), known, "test")
    return StoredRows(warehouse, columns_of(SYSTEMS))


def test_rows_are_those_of_the_dates_in_order(tmp_path: Path) -> None:
    source = stored(tmp_path)
    assert source.game_dates() == [BEFORE, DAY]
    assert source.features([DAY])["player_id"].to_list() == [201, 202] and source.prop_lines([BEFORE]).is_empty()
    assert source.prop_lines([DAY]).height == 1


def test_results_are_those_of_the_players_who_played(tmp_path: Path) -> None:
    results = stored(tmp_path).outcomes([DAY])
    assert results.columns == list(OUTCOMES) and results["player_id"].to_list() == [201]


def test_every_column_that_a_system_reads_is_read() -> None:
    needed = {name for system in SYSTEMS for name in (*system.reads, *system.required)} | {"games_played_season", "season"}
    assert needed <= set(columns_of(SYSTEMS)) and pl.Series(columns_of(SYSTEMS)).is_unique().all()

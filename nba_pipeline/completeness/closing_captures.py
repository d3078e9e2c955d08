"""Whether the closing lines of games were captured."""

from collections.abc import Sequence
from datetime import date

import polars as pl

from nba_pipeline.formulas.closing_lines import MISSED, closing_lines
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse


def games_with_lines(warehouse: Warehouse, dates: Sequence[date]) -> pl.DataFrame:
    """Returns the final games with captured lines: game_date, game_id, matchup, and whether their closing lines were missed."""
    lines = warehouse.scan(TABLES["prop_lines"], dates).filter(pl.col("captured_at").is_not_null()).collect()
    is_missed = (pl.col("closing_status") == MISSED).any().alias("is_missed")
    closing = closing_lines(lines, **SETTINGS.lines.closing).group_by("game_id").agg(is_missed)
    games = warehouse.scan(TABLES["schedule"], dates).filter(pl.col("status") == "final").collect()
    named = games.select("game_date", "game_id", pl.format("{}-{}", "away_team", "home_team").alias("matchup"))
    return named.join(closing, on="game_id").sort("game_date", "matchup")

"""Resolution of providers' player names: the candidates of a game, and the player of each line."""

from collections.abc import Sequence
from datetime import date, timedelta

import polars as pl

from nba_pipeline.league.active_players import SEEN_COLUMNS, SEEN_SCHEMA, active_players, box_score_sightings
from nba_pipeline.league.calendar import days, season_of_game_date
from nba_pipeline.league.name_resolution import IS_A_NAME_PROBLEM, resolve_names
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import PROBLEM
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.partitions import recovering

NAME_COLUMNS = SEEN_COLUMNS[:-1]
"""Columns of box scores that identify player, team and spelling."""


def candidate_players(
    schedule: pl.DataFrame, boxscores: pl.DataFrame, players: pl.DataFrame, rosters: pl.DataFrame
) -> pl.DataFrame:
    """Returns the active players of each game with their relation to its teams, see `active_players`.

    `boxscores` needs NAME_COLUMNS. `rosters` is the result of `roster_sightings`.
    """
    sides = pl.concat(
        [schedule.select("game_id", "game_date", "season", pl.col(f"{side}_team").alias("team")) for side in ("home", "away")]
    )
    seen = pl.concat([box_score_sightings(boxscores), rosters], how="vertical_relaxed")
    return active_players(sides, seen, players)


def roster_sightings(warehouse: Warehouse, dates: Sequence[date]) -> pl.DataFrame:
    """Returns the rosters of some dates and the `roster_days` before, in the columns of `active_players`.

    Players without an id get a negative one. The warehouse is read directly instead of through an upstream asset, because a
    missing roster or a failed roster step must not fail the lines of the date.
    """
    if not dates:
        return pl.DataFrame(schema=SEEN_SCHEMA)
    window = days(min(dates) - timedelta(days=SETTINGS.expected.roster_days), max(dates))
    table, field = TABLES["rosters"], pl.col("row").str.json_path_match
    listed, unnamed = recovering(
        lambda: (
            warehouse.scan(table, window).select("game_date", "team", "player_id", player_name="spelling").collect(),
            warehouse.scan_quarantine(table, window)
            .filter(IS_A_NAME_PROBLEM)
            .select("game_date", team=field("$.team"), player_name=field("$.spelling"))
            .collect(),
        )
    )
    placeholder_id = 0 - pl.struct("team", "player_name").rank("dense").cast(pl.Int64)
    sightings = pl.concat([listed, unnamed.with_columns(player_id=placeholder_id).select(listed.columns)], how="vertical_relaxed")
    return sightings.with_columns(season_of_game_date(), is_roster=pl.lit(True)).select(SEEN_COLUMNS)


def known_spellings(warehouse: Warehouse, dates: Sequence[date]) -> pl.DataFrame:
    """Returns the spellings of `players` that box scores of some dates may use to identify players.

    `players` of a date is derived from its box scores, so reading it as an upstream asset would be a cycle. The spellings come from other dates,
    from the archive's list and from operators, and never from the box scores of the dates themselves. Therefore a repeated run
    gives the same rows as the first.
    """
    of_these_box_scores = pl.col("game_date").is_in(list(dates)) & (pl.col("evidence") == "boxscore")
    columns = ["game_date", "player_id", "spelling", "evidence"]
    return recovering(lambda: warehouse.scan(TABLES["players"]).filter(~of_these_box_scores).select(columns).collect())


def resolve_players(
    offered: pl.DataFrame, players: pl.DataFrame, active: pl.DataFrame, resolutions: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Adds `player_id` to each line. Unresolved and ambiguous names give a `problem`."""
    mentions = offered.filter(pl.col("game_id").is_not_null(), pl.col("spelling").is_not_null())
    names = resolve_names(mentions.select("game_id", "spelling").unique(), players, active, resolutions).select(
        "game_id", "spelling", "player_id", pl.col("problem").alias("name_problem")
    )
    return (
        offered.drop("player_id", strict=False)
        .join(names, on=["game_id", "spelling"], how="left")
        .with_columns(pl.coalesce(PROBLEM, "name_problem").alias(PROBLEM))
        .drop("name_problem")
    )

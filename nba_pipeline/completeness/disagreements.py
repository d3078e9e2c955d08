"""Disagreements between two sources of one box score: points, and minutes beyond rounding.

The table has no asset of its own. `boxscores` writes it, because only that asset reads both sources.
"""

from collections.abc import Sequence

import dataframely as dy
import polars as pl

from nba_pipeline.tables.table import Row, Table, code, number

TOLERANCES = {"points": 0.0, "minutes": 1.0}
"""Statistic -> largest tolerated difference. Whole minutes differ from exact ones by up to 1."""


class DisagreementRows(Row):
    """Columns of `boxscore_disagreements`."""

    game_id = dy.String(description="the NBA's ten digits")
    player_id = dy.Int64(min=1, description="the NBA's person id")
    player_name = dy.String(description="spelling of either source")
    statistic = code(TOLERANCES, "points or minutes")
    provider = dy.String(description="provider whose rows of the game `boxscores` uses")
    value = number("value in that source; null: the player did not play there")
    other_provider = dy.String(description="the other source of the game")
    other_value = number("value in the other source; null: the player did not play there")


DISAGREEMENTS = Table(
    "boxscore_disagreements",
    grain="game, player, statistic and other provider",
    schema=DisagreementRows,
    may_shrink=True,
    key=("game_id", "player_id", "statistic", "other_provider"),
)


def disagreements(chosen: pl.DataFrame, sources: Sequence[pl.DataFrame]) -> pl.DataFrame:
    """Returns one row per player and statistic on which two sources of a game disagree.

    Args:
        chosen: usable rows of `boxscores`, each game from one provider.
        sources: each provider's rows in the columns of BOXSCORE_COLUMNS. Games chosen from the same provider are skipped.

    A player who is missing from one source counts as 0 there, so that a few seconds on court are not a disagreement. Players
    missing from the other source are not reported if some of its rows of the game have a `problem`.
    """
    return pl.concat([_between(chosen.filter("did_play"), source) for source in sources])


def _between(chosen: pl.DataFrame, other: pl.DataFrame) -> pl.DataFrame:
    has_problem = pl.col("problem").is_not_null()
    other_played = other.filter(pl.col("did_play") & ~has_problem)
    games = _games(chosen).join(_games(other_played), on="game_id", suffix="_of_other")
    games = games.filter(pl.col("provider") != pl.col("provider_of_other"))
    pairs = _values(chosen).join(
        _values(other_played), on=["game_id", "player_id", "statistic"], how="full", coalesce=True, suffix="_of_other"
    )
    distance = (pl.col("value").fill_null(0.0) - pl.col("value_of_other").fill_null(0.0)).abs()
    is_unclear = pl.col("value_of_other").is_null() & pl.col("game_id").is_in(other.filter(has_problem)["game_id"].implode())
    return (
        pairs.filter(distance > pl.col("statistic").replace_strict(TOLERANCES, return_dtype=pl.Float64), ~is_unclear)
        .join(games, on="game_id")
        .select(
            "game_date",
            "game_id",
            "player_id",
            pl.coalesce("player_name", "player_name_of_other").alias("player_name"),
            "statistic",
            "provider",
            "value",
            pl.col("provider_of_other").alias("other_provider"),
            pl.col("value_of_other").alias("other_value"),
            pl.format("{}, {}", "source", "source_of_other").alias("source"),
        )
        .sort(DISAGREEMENTS.key)
    )


def _games(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.group_by("game_id").agg(pl.col("game_date", "provider", "source").first())


def _values(rows: pl.DataFrame) -> pl.DataFrame:
    """One row per player and statistic."""
    return rows.select("game_id", "player_id", "player_name", pl.col(*TOLERANCES).cast(pl.Float64)).unpivot(
        on=list(TOLERANCES), index=["game_id", "player_id", "player_name"], variable_name="statistic"
    )

"""Finds final games that contradict another source, and games that changed between two versions of `boxscores`. Pure functions."""

from collections.abc import Collection
from datetime import date

import polars as pl

from nba_pipeline.completeness.gates import judge_games
from nba_pipeline.formulas.plausibility import implausible_games, team_totals
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import LINEAGE

WITHOUT_MEANING = (*LINEAGE, "provider")
"""Columns in which two equal box scores may differ."""


def contradicted_games(schedule: pl.DataFrame, boxscores: pl.DataFrame, judged: pl.DataFrame | None = None) -> set[str]:
    """Returns the final games with an incomplete box score: its sums contradict the score or the minutes.

    `judged` is the result of `judge_games` for the same rows, if already computed.
    """
    judged = judge_games(schedule, boxscores) if judged is None else judged
    incomplete = judged.filter("is_covered", ~pl.col("is_complete"))
    return set(incomplete["game_id"]) & set(boxscores["game_id"])


def implausible_box_scores(schedule: pl.DataFrame, boxscores: pl.DataFrame, judged: pl.DataFrame | None = None) -> dict[str, str]:
    """Returns the final games with a complete but implausible box score: game id -> what is implausible.

    Skips incomplete box scores, because their sums are always too small. `judged` is the result of `judge_games` for the same
    rows, if already computed.
    """
    judged = judge_games(schedule, boxscores) if judged is None else judged
    complete = boxscores.filter(pl.col("game_id").is_in(judged.filter("is_complete")["game_id"].implode()))
    bounds = SETTINGS.plausible_games
    return dict(implausible_games(team_totals(complete, list(bounds.ranges)), bounds.ranges, bounds.never_zero).iter_rows())


def changed_games(before: pl.DataFrame, after: pl.DataFrame, dates: Collection[date]) -> dict[date, list[str]]:
    """Returns per date the ids of the games whose rows of `boxscores` differ between the frames."""
    columns = [name for name in before.columns if name in after.columns and name not in WITHOUT_MEANING]
    sides = [frame.select(columns).filter(pl.col("game_date").is_in(list(dates))) for frame in (before, after)]
    differing = [
        one.join(other, on=columns, how="anti", nulls_equal=True).select("game_date", "game_id")
        for one, other in (sides, reversed(sides))
    ]
    changed: dict[date, list[str]] = {}
    for day, game_id in pl.concat(differing).unique().sort("game_date", "game_id").iter_rows():
        changed.setdefault(day, []).append(game_id)
    return changed

"""Selects the source of each game: the first with a complete and plausible box score. Functions of the data only."""

from dataclasses import dataclass

import polars as pl

from nba_pipeline.completeness.contradictions import contradicted_games, implausible_box_scores
from nba_pipeline.completeness.gates import judge_games
from nba_pipeline.tables.table import PROBLEM


@dataclass(frozen=True)
class GameSource:
    """Box scores of one or several sources."""

    rows: pl.DataFrame
    """Rows of `boxscores`. Rows with a problem do not count."""
    incomplete: frozenset[str]
    """Ids of the final games without a complete and plausible box score."""

    @property
    def usable(self) -> pl.DataFrame:
        """The rows without a problem."""
        return usable(self.rows)


def usable(rows: pl.DataFrame) -> pl.DataFrame:
    """Returns the rows without a problem."""
    return rows.filter(pl.col(PROBLEM).is_null()) if PROBLEM in rows.columns else rows


def judge_source(games: pl.DataFrame, rows: pl.DataFrame) -> GameSource:
    """Returns the rows and the ids of the incomplete games. Every row of an implausible game gets a problem."""
    final = games.filter(pl.col("status") == "final")["game_id"]
    counted = usable(rows)
    if counted.is_empty():
        return GameSource(rows, frozenset(final))
    judged = judge_games(games, counted)
    implausible = implausible_box_scores(games, counted, judged)
    incomplete = frozenset(judged.filter(~pl.col("is_complete"))["game_id"]) | implausible.keys()
    return GameSource(_with_implausible(rows, implausible), incomplete)


def _with_implausible(rows: pl.DataFrame, implausible: dict[str, str]) -> pl.DataFrame:
    """Adds the problem of each implausible game to its rows without another problem."""
    reasons = pl.DataFrame(list(implausible.items()), schema={"game_id": pl.String, "implausible": pl.String}, orient="row")
    problem = pl.col(PROBLEM) if PROBLEM in rows.columns else pl.lit(None, pl.String)
    named = pl.when(pl.col("implausible").is_not_null()).then(pl.format("implausible game: {}", "implausible"))
    return (
        rows.join(reasons, on="game_id", how="left", maintain_order="left")
        .with_columns(pl.coalesce(problem, named).alias(PROBLEM))
        .drop("implausible")
    )


def fall_back(first: GameSource, second: GameSource) -> GameSource:
    """Returns the usable rows of the first source. Missing and incomplete games come from the second source.

    All rows of a game come from one source. A complete game replaces an incomplete one. An incomplete game of the second source
    is only used if the first source lacks the game.
    """
    existing, offered = set(first.usable["game_id"]), set(second.usable["game_id"])
    complete = offered - second.incomplete
    taken = first.incomplete & (complete | (offered - existing))
    is_taken = pl.col("game_id").is_in(list(taken))
    rows = pl.concat([first.usable.filter(~is_taken), second.usable.filter(is_taken)])
    return GameSource(rows, first.incomplete - (taken & complete))


def doubtful_games(games: pl.DataFrame, rows: pl.DataFrame) -> set[str]:
    """Returns the final games whose rows contradict the schedule, or whose usable rows are implausible."""
    if rows.is_empty():
        return set()
    judged, counted = judge_games(games, rows), usable(rows)
    judged_counted = judged if counted.height == rows.height else judge_games(games, counted)
    return contradicted_games(games, rows, judged) | implausible_box_scores(games, counted, judged_counted).keys()

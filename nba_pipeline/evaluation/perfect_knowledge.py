"""The bound of perfect knowledge: the features know which rotation players sit out, in training and in forecasts.

No forecast can know this, so the result is neither evidence nor a record. It bounds the gain from better news on absences.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from nba_pipeline.evaluation.source import PLAYER_GAME, Source
from nba_pipeline.formulas.career_form import CAREER_DAYS
from nba_pipeline.formulas.expected_absences import ABSENCE_FEATURES, with_expected_absences
from nba_pipeline.tables.registry import TABLES

NOTE = "BOUND, NOT A FORECAST: the features know which rotation players sit out"


@dataclass(frozen=True)
class KnowsWhoPlays:
    """A source whose expected absences of teammates are the true ones. `player_games` are rows of `player_game_summary`."""

    source: Source
    player_games: pl.DataFrame

    def game_dates(self) -> list[date]:
        """See Source.game_dates."""
        return self.source.game_dates()

    def prop_lines(self, dates: Collection[date]) -> pl.DataFrame:
        """See Source.prop_lines."""
        return self.source.prop_lines(dates)

    def outcomes(self, dates: Collection[date]) -> pl.DataFrame:
        """See Source.outcomes."""
        return self.source.outcomes(dates)

    def features(self, dates: Collection[date]) -> pl.DataFrame:
        """See Source.features. The box scores of the dates themselves decide who is absent."""
        rows = self.source.features(dates)
        if rows.is_empty():
            return rows
        span = min(dates) - timedelta(days=CAREER_DAYS), max(dates)
        games = self.player_games.filter(pl.col("game_date").is_between(*span))
        players = rows.select("game_date", *PLAYER_GAME, "season", "team")
        absences = with_expected_absences(players, games, TABLES["injuries"].empty(), rate=_true_absences)
        absences = absences.select(*PLAYER_GAME, *ABSENCE_FEATURES)
        return rows.drop(ABSENCE_FEATURES).join(absences, on=PLAYER_GAME, how="left", maintain_order="left").select(rows.columns)


def _true_absences(mates: pl.DataFrame, cases: pl.DataFrame) -> pl.DataFrame:
    """Adds the columns of `expected_absences.with_out_probability`: 1 for a teammate who sits out, else 0."""
    return mates.with_columns(pl.col("is_out").cast(pl.Float64).alias("out_probability"), pl.lit(False).alias("is_of_report"))

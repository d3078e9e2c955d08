"""The rows that an evaluation reads, by date. The replay reads the outcomes of a date only when it reaches the date."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import polars as pl

from nba_pipeline.errors import BadInput
from nba_pipeline.evaluation.records import CONDITIONS
from nba_pipeline.formulas.markets import STATISTICS
from nba_pipeline.systems.interface import System
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse

PLAYER_GAME = ("game_id", "player_id")
OUTCOMES = ("game_date", *PLAYER_GAME, "did_play", *STATISTICS.values())


def columns_of(systems: Sequence[System]) -> tuple[str, ...]:
    """Returns the columns of `features` that these systems need."""
    own = (
        "game_date",
        *PLAYER_GAME,
        "season",
        "team",
        "games_played_season",
        "code_version",
        *(name for name, _ in CONDITIONS.values()),
    )
    return tuple(dict.fromkeys((*own, *(name for system in systems for name in (*system.required, *system.reads)))))


class Source(Protocol):
    """The rows that an evaluation reads, by US Eastern date: `StoredRows` of a warehouse, or `Frames` in memory."""

    def game_dates(self) -> list[date]:
        """Returns the dates with rows of `features`, in order."""

    def prop_lines(self, dates: Collection[date]) -> pl.DataFrame:
        """Returns the lines of these dates."""

    def features(self, dates: Collection[date]) -> pl.DataFrame:
        """Returns the features of these dates, with their code version."""

    def outcomes(self, dates: Collection[date]) -> pl.DataFrame:
        """Returns `OUTCOMES` of the players of these dates who played."""


@dataclass(frozen=True)
class StoredRows:
    """The tables of a warehouse. `columns` are those of `features` that the systems read."""

    warehouse: Warehouse
    columns: tuple[str, ...]

    def game_dates(self) -> list[date]:
        """See Source.game_dates."""
        return sorted(self.warehouse.dates(TABLES["features"]))

    def prop_lines(self, dates: Collection[date]) -> pl.DataFrame:
        """See Source.prop_lines."""
        return self.warehouse.scan(TABLES["prop_lines"], dates).collect()

    def features(self, dates: Collection[date]) -> pl.DataFrame:
        """See Source.features."""
        rows = self.warehouse.scan(TABLES["features"], dates).select(self.columns)
        return rows.collect().sort("game_date", *PLAYER_GAME)

    def outcomes(self, dates: Collection[date]) -> pl.DataFrame:
        """See Source.outcomes."""
        rows = self.warehouse.scan(TABLES["player_game_summary"], dates).select(OUTCOMES).filter("did_play")
        return rows.collect().sort("game_date", *PLAYER_GAME)


@dataclass(frozen=True)
class Frames:
    """Frames in memory: `prop_lines`, `features` and `player_game_summary`."""

    tables: Mapping[str, pl.DataFrame]

    def game_dates(self) -> list[date]:
        """See Source.game_dates."""
        return self.tables["features"]["game_date"].unique().sort().to_list()

    def prop_lines(self, dates: Collection[date]) -> pl.DataFrame:
        """See Source.prop_lines."""
        return self._of("prop_lines", dates)

    def features(self, dates: Collection[date]) -> pl.DataFrame:
        """See Source.features."""
        return self._of("features", dates).sort("game_date", *PLAYER_GAME)

    def outcomes(self, dates: Collection[date]) -> pl.DataFrame:
        """See Source.outcomes."""
        rows = self._of("player_game_summary", dates).filter("did_play").select(OUTCOMES)
        return rows.sort("game_date", *PLAYER_GAME)

    def _of(self, name: str, dates: Collection[date]) -> pl.DataFrame:
        return self.tables[name].filter(pl.col("game_date").is_in(list(dates)))


def refuse_without_features(source: Source, first: date, last: date) -> None:
    """Raises BadInput for a period without rows of `features`."""
    if not any(first <= day <= last for day in source.game_dates()):
        raise BadInput(f"features has no rows from {first} to {last}; next: nba-pipeline backfill --from {first} --to {last}")

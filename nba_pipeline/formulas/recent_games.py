"""Statistics over the last games before a date, with equal weights or with weights that halve every few games.

`rolling` has the windows within one season or group. This module adds weights, and windows that reach back a number of days.
Both modules add only whole numbers: values in whole parts of their unit, and weights in whole parts of 1. A statistic is
therefore bitwise identical for any other rows in the frame, any order of the rows, and any number of dates.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import polars as pl

from nba_pipeline.formulas.rolling import GAME, difference, in_order, strictly_before, whole_parts

HALF_LIVES = 4
"""Length of a weighted window, in half-lives. Older games would have 1/16 of the total weight."""
FULL_WEIGHT = 2**24
"""The weight of the latest game, in whole parts."""
ROWS_AT_ONCE = 20_000
"""Rows per batch, to bound the memory."""

GAMES = "games_in_reach"
LATEST, BEYOND, ROW, BACK, WEIGHT = "latest_place", "games_beyond_reach", "row_number", "games_back", "weight"

Kind = Literal["mean", "weighted_mean", "weighted_sum", "median", "standard_deviation", "maximum", "minimum"]


@dataclass(frozen=True)
class Recent:
    """A statistic of a column over the last `size` games; for the weighted kinds, `size` is the half-life in games.

    Values are rounded to multiples of 1 / `per_unit`.
    """

    column: str
    kind: Kind
    size: int
    per_unit: int = 1

    @property
    def depth(self) -> int:
        """The number of games in the window."""
        return HALF_LIVES * self.size if self.kind.startswith("weighted") else self.size

    def of(self, name: str) -> pl.Expr:
        """The statistic of the whole numbers in column `name`, over the games in a row's window."""
        value = pl.col(name)
        n, total = value.count().cast(pl.Int64), value.sum()
        unit = self.per_unit + 0 * n  # a column, because polars rounds a division by a literal differently in frames of one row
        match self.kind:
            case "mean":
                return pl.when(n > 0).then(total / (n * unit))
            case "median":
                return value.median() / unit
            case "maximum":
                return value.max() / unit
            case "minimum":
                return value.min() / unit
            case "standard_deviation":
                spread = (n * (value * value).sum() - total**2) / (n * (n - 1))
                return pl.when(n > 1).then(spread.sqrt() / unit)
        known_weight = pl.when(value.is_not_null()).then(WEIGHT).sum()
        scale = FULL_WEIGHT * unit if self.kind == "weighted_sum" else known_weight * unit
        return pl.when(known_weight > 0).then((pl.col(WEIGHT) * value).sum() / scale)


def with_recent_games(
    rows: pl.DataFrame, games: pl.DataFrame, group: Sequence[str], days: int, statistics: Mapping[str, Recent]
) -> pl.DataFrame:
    """Adds statistics over the games of the group in the `days` days before `game_date`. The same rows in and out.

    A statistic is null if no value of its games is known; a standard deviation needs two values. `games_in_reach` is the number
    of games in those days. The result is sorted by date.

    Args:
        rows: The rows to add to, with `game_date` and the group.
        games: One row per game of the group, with `game_date`, `game_id` and the columns of the statistics.
        group: Columns of the group.
        days: Days before `game_date` in which games count.
        statistics: Name of the new column -> its statistic.
    """
    read = sorted({recent.column for recent in statistics.values()} | {"game_date", "game_id", *group})
    ordered = in_order(games.select(read), group).with_row_index(LATEST)
    rows = strictly_before(rows, ordered, group, {LATEST: LATEST, GAME: GAMES})
    rows = strictly_before(rows, ordered, group, {GAME: BEYOND}, days=days)
    rows = rows.with_columns(difference(GAMES, BEYOND).alias(GAMES)).drop(BEYOND)
    scales = {(recent.column, recent.per_unit) for recent in statistics.values()}
    values = ordered.select(whole_parts(column, unit).alias(_value(column, unit)) for column, unit in sorted(scales))
    parts = [_looked_back(part, values, statistics) for part in rows.select(LATEST, GAMES).iter_slices(ROWS_AT_ONCE)]
    computed = pl.concat(parts) if parts else pl.DataFrame(schema=dict.fromkeys(statistics, pl.Float64))
    return pl.concat([rows.drop(LATEST), computed], how="horizontal")


def _looked_back(rows: pl.DataFrame, values: pl.DataFrame, statistics: Mapping[str, Recent]) -> pl.DataFrame:
    """Returns the statistics of `rows`, which hold the position of their latest game and the number of games in reach."""
    numbered, depths = rows.with_row_index(ROW), sorted({recent.depth for recent in statistics.values()}, reverse=True)
    reach = pl.int_ranges(0, pl.min_horizontal(GAMES, depths[0])).alias(BACK)
    games = numbered.with_columns(reach).explode(BACK).filter(pl.col(BACK).is_not_null())
    computed = numbered.select(ROW)
    for depth in depths:
        windows = {name: recent for name, recent in statistics.items() if recent.depth == depth}
        games = games.filter(pl.col(BACK) < depth)
        values_of_depth = (
            _looked_up(games, values, list(windows.values()))
            .group_by(ROW, maintain_order=True)
            .agg(
                recent.of(_value(recent.column, recent.per_unit)).cast(pl.Float64).alias(name) for name, recent in windows.items()
            )
        )
        computed = computed.join(values_of_depth, on=ROW, how="left", maintain_order="left")
    return computed.select(*statistics)


def _looked_up(games: pl.DataFrame, values: pl.DataFrame, statistics: Sequence[Recent]) -> pl.DataFrame:
    """Adds the values that the statistics read, and the weights. All weighted statistics have the same half-life."""
    place = games[LATEST].cast(pl.Int64) - games[BACK]
    columns = sorted({_value(recent.column, recent.per_unit) for recent in statistics})
    weighted = [recent for recent in statistics if recent.kind.startswith("weighted")]
    weights = (
        pl.Series(WEIGHT, [round(FULL_WEIGHT * 0.5 ** (back / weighted[0].size)) for back in range(weighted[0].depth)])
        if weighted
        else None
    )
    parts = [games.select(pl.col(ROW).set_sorted()), values.select(columns)[place]]
    return pl.concat(parts if weights is None else [*parts, weights.gather(games[BACK]).to_frame()], how="horizontal")


def _value(column: str, per_unit: int) -> str:
    return f"{column}_in_{per_unit}"

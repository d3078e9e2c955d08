"""Windows over the last games, and what was known strictly before a date: the one place that does either.

Put a frame `in_order`; the window functions then describe, on each row, the window that ends WITH that row's game. What
a later game may know of it is what `strictly_before` brings: the latest row of an earlier date. Together they are every
window of this package; no other code compares a history with a target date.

Windows add whole numbers only (points; seconds; billionths of a rate), as differences of running totals. Whole numbers
leave no rounding behind, so a window has the same bits whatever came before it in the frame, in whatever order the rows
arrived, and whether one date is computed or a thousand.
"""

from collections.abc import Mapping, Sequence

import polars as pl

GAME = "nth_game"
"""Added by `in_order`: 1 for the first game of the group."""

LEAST_GAMES = 5
BILLIONTHS = 1_000_000_000
SECONDS_PER_MINUTE = 60


def in_order(
    games: pl.DataFrame, group: Sequence[str], totals: Mapping[str, pl.Expr] | None = None, spreads: Sequence[str] = ()
) -> pl.DataFrame:
    """The games of each group from first to last, whatever their order before, numbered in `nth_game`.

    Args:
        games: One row per game of the group, with `game_date` and `game_id`.
        group: Columns whose games make a window; without any all games are one group.
        totals: Name -> whole number per game, that window_sum and window_mean may then be asked for; null counts as 0.
        spreads: Those of the names that window_standard_deviation and window_slope may be asked for.
    """
    row = pl.int_range(pl.len())
    starts = pl.any_horizontal(row == 0, *[pl.col(column) != pl.col(column).shift() for column in group])
    first_row = pl.when(starts).then(row).forward_fill()
    running = {name: value.cast(pl.Int64).fill_null(0) for name, value in (totals or {}).items()}
    running |= {_squared(name): running[name] ** 2 for name in spreads}
    running |= {_by_row(name): running[name] * row for name in spreads}
    ordered = games.sort(*group, "game_date", "game_id", maintain_order=True).with_columns(
        (row - first_row + 1).alias(GAME), *[value.cum_sum().alias(_running(name)) for name, value in running.items()]
    )
    return ordered.with_columns(
        pl.col(_running(name)).shift(1, fill_value=0).gather(row - pl.col(GAME) + 1).alias(_before(name)) for name in running
    )


def whole(value: str, per_unit: int) -> pl.Expr:
    """A fractional column as whole parts of its unit: `whole("minutes", 60)` is seconds, of a rate take BILLIONTHS."""
    return (pl.col(value) * per_unit).round().cast(pl.Int64)


def window_games(games: int | None = None) -> pl.Expr:
    """Games in the window: the last `games`, or all of the group; fewer at its start."""
    return pl.col(GAME) if games is None else pl.min_horizontal(pl.col(GAME), games)


def window_sum(name: str, games: int | None = None) -> pl.Expr:
    """Exact sum over the window."""
    running, before = pl.col(_running(name)), pl.col(_before(name))
    if games is None:
        return running - before
    return running - pl.when(pl.col(GAME) > games).then(running.shift(games)).otherwise(before)


def window_mean(name: str, games: int | None = None, least: int = LEAST_GAMES) -> pl.Expr:
    """Mean over the window. Null under `least` games."""
    return of_at_least(least, window_sum(name, games) / window_games(games))


def window_standard_deviation(name: str, games: int | None = None, least: int = LEAST_GAMES) -> pl.Expr:
    """Sample standard deviation (n - 1) over the window.

    sqrt((n sum(x^2) - sum(x)^2) / (n (n - 1))). Null under `least` games.
    """
    n = window_games(games)
    spread = n * window_sum(_squared(name), games) - window_sum(name, games) ** 2
    return of_at_least(max(least, 2), (spread / (n * (n - 1))).sqrt())


def window_slope(name: str, games: int, least: int = LEAST_GAMES) -> pl.Expr:
    """Least-squares slope over the window, per game; positive rises towards the latest.

    (n sum(i y) - sum(i) sum(y)) / (n sum(i^2) - sum(i)^2) with i = 0 at the oldest game, n - 1 at the latest. Null
    under `least` games.
    """
    n, row = window_games(games), pl.int_range(pl.len())
    # n sum(i y) - sum(i) sum(y) with i counted from the oldest game, from sums in which it is the row of the frame
    rise = 2 * n * window_sum(_by_row(name), games) - n * (2 * row - n + 1) * window_sum(name, games)
    return of_at_least(max(least, 2), rise / (n * n * (n * n - 1) // 6))


def strictly_before(
    rows: pl.DataFrame,
    history: pl.DataFrame,
    group: Sequence[str],
    columns: Mapping[str, str],
    *,
    date: str = "game_date",
    days: int = 0,
) -> pl.DataFrame:
    """Each row with what the latest history of its group before `date` minus `days` says; null where there is none.

    `history` stands `in_order`; what bears the date itself is not before it. The difference of a running total and the
    same `days` earlier covers the dates [date - days, date). Rows come back in order of that date.

    Args:
        rows: What to look up for; any number of dates.
        history: One row per game, with `game_date`.
        group: Columns that must be equal.
        columns: Column of the history -> its name in the result.
        date: The date to stay before.
        days: How much earlier to look.
    """
    known = history.select(
        *group, pl.col("game_date").alias("known_on"), *[pl.col(old).alias(new) for old, new in columns.items()]
    )
    return (
        rows.with_columns((pl.col(date) - pl.duration(days=days)).alias("before"))
        .sort("before", maintain_order=True)
        .join_asof(
            known.sort("known_on", maintain_order=True), left_on="before", right_on="known_on",
            by=list(group) or None, strategy="backward", allow_exact_matches=False, check_sortedness=False,
        )
        .drop("before", "known_on", strict=False)
    )  # fmt: skip


def difference(now: str, before: str) -> pl.Expr:
    """Of two readings of a running total; no reading is 0."""
    return pl.col(now).fill_null(0).cast(pl.Int64) - pl.col(before).fill_null(0).cast(pl.Int64)


def of_at_least(games: int, value: pl.Expr) -> pl.Expr:
    """The value where the group has so many games by then, else null."""
    return pl.when(pl.col(GAME) >= games).then(value)


def _running(name: str) -> str:
    return f"{name}_running"


def _before(name: str) -> str:
    """The running total when the group begins."""
    return f"{name}_before"


def _squared(name: str) -> str:
    return f"{name}_squared"


def _by_row(name: str) -> str:
    return f"{name}_by_row"

"""Windows over the last games, and joins with the data from strictly before a date.

Sort a frame with `in_order`. The window functions then return, on each row, the window that ends WITH that row's game.
`strictly_before` joins the latest row of an earlier date to a later game. Every window of this package uses these steps;
`recent_games` adds weighted windows.

Windows add only whole numbers (points; seconds; billionths of a rate), as differences of running totals. Whole numbers
have no rounding error, so a window is bitwise identical for any other rows in the frame, any order of the rows, and any
number of dates.
"""

from collections.abc import Mapping, Sequence

import polars as pl

GAME = "nth_game"
"""Column added by `in_order`: 1 for the first game of the group."""

MIN_GAMES = 5
BILLIONTHS = 1_000_000_000
SECONDS_PER_MINUTE = 60


def in_order(
    games: pl.DataFrame, group: Sequence[str], totals: Mapping[str, pl.Expr] | None = None, spreads: Sequence[str] = ()
) -> pl.DataFrame:
    """Sorts the games of each group by date and numbers them in `nth_game`. The input may have any order.

    Args:
        games: One row per game of the group, with `game_date` and `game_id`.
        group: Columns of the group. Without columns, all games are one group.
        totals: Name -> whole number per game, for window_sum and window_mean; null counts as 0.
        spreads: The names that window_standard_deviation and window_slope may use.
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


def whole_parts(value: str, per_unit: int) -> pl.Expr:
    """Converts a fractional column to whole parts of its unit: `whole_parts("minutes", 60)` is seconds. Rates use BILLIONTHS."""
    return (pl.col(value) * per_unit).round().cast(pl.Int64)


def window_games(games: int | None = None) -> pl.Expr:
    """Games in the window: the last `games`, or all of the group. Fewer at the start of the group."""
    return pl.col(GAME) if games is None else pl.min_horizontal(pl.col(GAME), games)


def window_sum(name: str, games: int | None = None) -> pl.Expr:
    """Exact sum over the window."""
    running, before = pl.col(_running(name)), pl.col(_before(name))
    if games is None:
        return running - before
    return running - pl.when(pl.col(GAME) > games).then(running.shift(games)).otherwise(before)


def window_mean(name: str, games: int | None = None, min_games: int = MIN_GAMES) -> pl.Expr:
    """Mean over the window. Null under `min_games` games."""
    return of_at_least(min_games, window_sum(name, games) / window_games(games))


def window_standard_deviation(name: str, games: int | None = None, min_games: int = MIN_GAMES) -> pl.Expr:
    """Sample standard deviation (n - 1) over the window.

    sqrt((n sum(x^2) - sum(x)^2) / (n (n - 1))). Null under `min_games` games.
    """
    n = window_games(games)
    spread = n * window_sum(_squared(name), games) - window_sum(name, games) ** 2
    return of_at_least(max(min_games, 2), (spread / (n * (n - 1))).sqrt())


def window_slope(name: str, games: int, min_games: int = MIN_GAMES) -> pl.Expr:
    """Least-squares slope over the window, per game. Positive values rise towards the latest game.

    (n sum(i y) - sum(i) sum(y)) / (n sum(i^2) - sum(i)^2) with i = 0 at the oldest game, n - 1 at the latest. Null
    under `min_games` games.
    """
    n, row = window_games(games), pl.int_range(pl.len())
    # n sum(i y) - sum(i) sum(y) with i counted from the oldest game; the running sums use the row number as i
    rise = 2 * n * window_sum(_by_row(name), games) - n * (2 * row - n + 1) * window_sum(name, games)
    return of_at_least(max(min_games, 2), rise / (n * n * (n * n - 1) // 6))


def strictly_before(
    rows: pl.DataFrame,
    history: pl.DataFrame,
    group: Sequence[str],
    columns: Mapping[str, str],
    *,
    date: str = "game_date",
    days: int = 0,
) -> pl.DataFrame:
    """Joins to each row the latest history of its group from before `date` minus `days`; null without one.

    `history` is sorted by date within each group, as by `in_order`. A row of the date itself is not joined. The difference between a running total and
    the same total `days` earlier covers the dates [date - days, date). The result is sorted by that date.

    Args:
        rows: The rows to join to, of any number of dates.
        history: One row per game, with `game_date`.
        group: Columns that must be equal.
        columns: Column of the history -> its name in the result.
        date: Column with the target date.
        days: Days to subtract from the target date.
    """
    earlier = history.select(
        *group, pl.col("game_date").alias("known_on"), *[pl.col(old).alias(new) for old, new in columns.items()]
    )
    return (
        rows.with_columns((pl.col(date) - pl.duration(days=days)).alias("before"))
        .sort("before", maintain_order=True)
        .join_asof(
            earlier,
            left_on="before",
            right_on="known_on",
            by=list(group) or None,
            strategy="backward",
            allow_exact_matches=False,
            check_sortedness=False,
        )
        .drop("before", "known_on", strict=False)
    )


def difference(now: str, before: str) -> pl.Expr:
    """Difference of two values of a running total; null counts as 0."""
    return pl.col(now).fill_null(0).cast(pl.Int64) - pl.col(before).fill_null(0).cast(pl.Int64)


def of_at_least(games: int, value: pl.Expr) -> pl.Expr:
    """Returns the value if the group has that many games so far, else null."""
    return pl.when(pl.col(GAME) >= games).then(value)


def _running(name: str) -> str:
    return f"{name}_running"


def _before(name: str) -> str:
    """Column with the running total before the first game of the group."""
    return f"{name}_before"


def _squared(name: str) -> str:
    return f"{name}_squared"


def _by_row(name: str) -> str:
    return f"{name}_by_row"

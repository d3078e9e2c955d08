"""Lines, game lines and injury reports added to a world: just before tip-off, or in play."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import polars as pl

from nba_pipeline.audit.recompute import World
from nba_pipeline.audit.worlds import NEXT_NOON, PLAYER, joined, with_columns_of
from nba_pipeline.settings import SETTINGS

WILD_LINE = 47.5
WILD_TOTAL, WILD_SPREAD = 279.5, -24.5
"""Within the valid ranges of the features; values outside would become null."""
MINUTES_INTO_THE_GAME = 30


def with_snapshots_in_play(world: World) -> World:
    """Adds lines, game lines and injury reports at and after tip-off for all players with a box score or a line.

    `is_before_tipoff` is false for some of the rows, as when they are loaded, and null for others. Rows with an unknown
    instant are also added; they must not count as pregame.
    """
    people = people_of(world["boxscores"], world["prop_lines"])
    added = in_play(world, world["schedule"], people)
    return {**world, **{name: joined(world[name], rows) for name, rows in added.items()}}


def with_lines_just_before(world: World, people: pl.DataFrame, line: float) -> World:
    """Adds one line per player (game_id, player_id, game_date, tipoff_at), 1 s before a known tip-off."""
    rows = _just_before(people).with_columns(*_prop_line(line))
    return {**world, "prop_lines": joined(world["prop_lines"], rows)}


def with_game_lines_just_before(world: World, games: pl.DataFrame) -> World:
    """Adds one total and one spread per game (game_id, game_date, tipoff_at), 1 s before a known tip-off."""
    return {**world, "game_lines": joined(world["game_lines"], _game_lines(_just_before(games)))}


def with_reports_just_before(world: World, people: pl.DataFrame, status: str) -> World:
    """Adds one report with this status per player (game_id, player_id, team, game_date, tipoff_at), 1 s before tip-off."""
    rows = _just_before(people).with_columns(pl.col("snapshot_at").alias("seen_at"), pl.lit(status).alias("status"))
    return {**world, "injuries": joined(world["injuries"], rows)}


def _just_before(rows: pl.DataFrame) -> pl.DataFrame:
    """Returns the rows with a known tip-off as a snapshot 1 s before it, newer than any real snapshot."""
    instant = (pl.col("tipoff_at") - timedelta(seconds=1)).alias("snapshot_at")
    return rows.filter(pl.col("tipoff_at").is_not_null()).with_columns(instant, pl.lit(True).alias("is_before_tipoff"))


def people_of(boxscores: pl.DataFrame, prop_lines: pl.DataFrame) -> pl.DataFrame:
    """Returns the players of box scores and lines: game_date, game_id, player_id, team (null for players with a line only)."""
    seen = boxscores.select("game_date", *PLAYER, "team")
    lined = prop_lines.select("game_date", *PLAYER).unique()
    return pl.concat([seen, lined.join(seen, on=PLAYER, how="anti")], how="diagonal_relaxed")


def in_play(world: World, games: pl.DataFrame, people: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Returns snapshots at and after tip-off, with the columns of the three tables."""
    tipoffs = games.select("game_id", "game_date", "tipoff_at")
    players = people.join(tipoffs.select("game_id", "tipoff_at"), on="game_id")
    all_out = players.filter(pl.col("team").is_not_null()).with_columns(pl.lit("out").alias("status"))
    reports = pl.concat(_of_instants(all_out)[:-1]).with_columns(pl.col("snapshot_at").alias("seen_at"))
    lines = pl.concat(_of_instants(players.with_columns(*_prop_line(WILD_LINE))))
    return {
        "prop_lines": with_columns_of(world["prop_lines"], lines),
        "game_lines": with_columns_of(world["game_lines"], pl.concat(_of_instants(_game_lines(tipoffs)))),
        "injuries": with_columns_of(world["injuries"], reports),
    }


def _of_instants(rows: pl.DataFrame) -> list[pl.DataFrame]:
    """Returns the rows at tip-off, in play, in play with `is_before_tipoff` null, and at an unknown instant.

    If the tip-off is unknown, noon of the next day replaces it, which is always after the game.
    """
    tipoff = pl.coalesce("tipoff_at", pl.col("game_date").cast(pl.Datetime("us", "UTC")) + NEXT_NOON)
    later = tipoff + timedelta(minutes=MINUTES_INTO_THE_GAME)
    marks: Sequence[tuple[pl.Expr, bool | None]] = (
        (tipoff, False),
        (later, False),
        (later + timedelta(minutes=1), None),
        (pl.lit(None, pl.Datetime("us", "UTC")), None),
    )
    return [
        rows.with_columns(instant.alias("snapshot_at"), pl.lit(mark, pl.Boolean).alias("is_before_tipoff"))
        for instant, mark in marks
    ]


def _prop_line(line: float) -> list[pl.Expr]:
    values: dict[str, Any] = {
        "market": SETTINGS.lines.market,
        "book": SETTINGS.lines.book_precedence[0],
        "line": line,
        "line_half_points": round(2 * line),
        "over_price": -110,
        "under_price": -110,
    }
    return [pl.lit(value).alias(name) for name, value in values.items()]


def _game_lines(games: pl.DataFrame) -> pl.DataFrame:
    """Returns four rows per game from the first book: both outcomes of an extreme spread and of an extreme total."""
    outcomes = pl.DataFrame(
        {
            "market": ["spreads", "spreads", "totals", "totals"],
            "outcome": ["home", "away", "over", "under"],
            "line": [WILD_SPREAD, -WILD_SPREAD, WILD_TOTAL, WILD_TOTAL],
        }
    ).with_columns((2 * pl.col("line")).cast(pl.Int64).alias("line_half_points"))
    return games.join(outcomes, how="cross").with_columns(
        pl.lit(SETTINGS.lines.book_precedence[0]).alias("book"), pl.lit(-110, pl.Int64).alias("price")
    )

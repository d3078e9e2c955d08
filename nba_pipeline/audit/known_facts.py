"""Restricts a world to the facts that were known before an instant.

A test of the leakage audit compares features with and without the later facts.
"""

from datetime import date, datetime

import polars as pl

from nba_pipeline.audit.recompute import SOURCES, World
from nba_pipeline.audit.worlds import after, between


def known_before(world: World, day: date, border: datetime | None) -> dict[str, pl.DataFrame]:
    """Returns the snapshots of a date known before the border or, without a border, before the tip-off of their game."""
    games = between(world["schedule"], day, day)
    limit = pl.col("tipoff_at") if border is None else pl.lit(border).cast(pl.Datetime("us", "UTC"))
    until = games.select("game_id", limit.alias("until"))
    teams = pl.concat(games.select(pl.col(f"{side}_team").alias("team"), limit.alias("until")) for side in ("home", "away"))
    # With a border, only rows that had arrived were known. Without one, a report counts from its printed instant.
    printed = pl.col("snapshot_at") if border is None else pl.max_horizontal("snapshot_at", "seen_at")
    limits_of = {
        "prop_lines": (until, pl.col("snapshot_at")),
        "game_lines": (until, pl.col("snapshot_at")),
        "injuries": (until, printed),
        "rosters": (teams.unique("team"), pl.col("seen_at")),
    }
    return {
        name: between(world[name], day, day)
        .join(limits, on=[column for column in limits.columns if column != "until"], how="left", maintain_order="left")
        .filter(instant < pl.col("until"))
        .drop("until")
        for name, (limits, instant) in limits_of.items()
    }


def is_quiet(world: World, day: date, border: datetime) -> bool:
    """Whether no snapshot became known between the border and the tip-off of its game."""
    by_then, by_tipoff = known_before(world, day, border), known_before(world, day, None)
    return all(by_then[name].height == by_tipoff[name].height for name in by_then)


def without_later_facts(world: World, day: date, border: datetime | None = None) -> World:
    """Removes everything that became known at or after the border; without a border, at or after the tip-off of each game.

    The date keeps its schedule, without results, and the snapshots with known instants before the border. Later dates have
    no rows. Without a border, a game with an unknown tip-off keeps no snapshots.
    """
    known = known_before(world, day, border)
    games = between(world["schedule"], day, day)
    is_played = pl.col("status").is_in(["final", "live", "suspended"])
    without_points = [pl.when(False).then(column).alias(column) for column in ("home_points", "away_points")]
    upcoming = games.with_columns(
        pl.when(is_played).then(pl.lit("scheduled")).otherwise("status").alias("status"),
        pl.lit(None, pl.String).alias("status_text"),
        *without_points,
    )
    return {name: after(world[name], day, {"schedule": upcoming, **known}.get(name)) for name in SOURCES}

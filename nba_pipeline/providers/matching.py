"""Matching of other providers' games to the schedule, by Eastern date and teams. Their ids are opaque."""

import polars as pl

KEYS = ["game_date", "home_team", "away_team"]


def match_games(provider_games: pl.DataFrame, schedule: pl.DataFrame) -> pl.DataFrame:
    """Returns the same rows with `game_id` added, null for no match or more than one.

    Both frames need game_date (Eastern), home_team and away_team (tricodes). `schedule` also needs game_id. Games match
    on date and teams, with home and away in either order. Otherwise a game matches a scheduled game of its teams one day
    earlier or later, if no game matches that one on its own date. There must be exactly one such scheduled game.
    """
    keys = provider_games.select(KEYS).unique(maintain_order=True).with_columns(_pair())
    games = schedule.select("game_id", *KEYS).unique().with_columns(_pair())
    same_day = _only(keys.join(games, on=["game_date", "pair"], nulls_equal=False), keys)
    matched_games = same_day.select("game_id").drop_nulls()
    adjacent = pl.concat(
        games.join(matched_games, on="game_id", how="anti").with_columns(pl.col("game_date").dt.offset_by(offset))
        for offset in ("-1d", "1d")
    )
    unmatched_keys = same_day.filter(pl.col("game_id").is_null()).drop("game_id")
    adjacent_matches = _only(unmatched_keys.join(adjacent, on=["game_date", "pair"]), keys)
    matches = same_day.join(adjacent_matches.rename({"game_id": "adjacent_game_id"}), on=KEYS, how="left", nulls_equal=True)
    matches = matches.select(*KEYS, pl.coalesce("game_id", "adjacent_game_id").alias("game_id"))
    return provider_games.join(matches, on=KEYS, how="left", nulls_equal=True, maintain_order="left")


def _pair() -> pl.Expr:
    return pl.concat_str(
        pl.min_horizontal("home_team", "away_team"), pl.max_horizontal("home_team", "away_team"), separator=" "
    ).alias("pair")


def _only(candidates: pl.DataFrame, keys: pl.DataFrame) -> pl.DataFrame:
    """Returns the only matching game per key, otherwise null."""
    unique = candidates.group_by(KEYS).agg(pl.col("game_id").unique()).filter(pl.col("game_id").list.len() == 1)
    return keys.join(unique.with_columns(pl.col("game_id").list.first()), on=KEYS, how="left", nulls_equal=True)

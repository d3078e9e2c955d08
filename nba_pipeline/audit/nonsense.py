"""Replaces everything that became known at or after tip-off with nonsense."""

from datetime import date, timedelta

import polars as pl

from nba_pipeline.assets.sources.team_boxscores import sum_players
from nba_pipeline.audit.box_scores import actions_of
from nba_pipeline.audit.known_facts import known_before
from nba_pipeline.audit.recompute import SOURCES, World
from nba_pipeline.audit.snapshots import in_play, people_of
from nba_pipeline.audit.worlds import DAYS_OF_NONSENSE, NEXT_NOON, after, between, with_columns_of


def with_nonsense(world: World, day: date) -> World:
    """Replaces everything that became known at or after tip-off with nonsense, on the date and the 14 days after it.

    The box scores have other players and other values in every column. Scores, totals and play-by-play agree with them. The
    later snapshots have extreme lines, list all players as out, and give every team a roster of invented players.
    """
    last = day + timedelta(days=DAYS_OF_NONSENSE)
    games, boxscores = between(world["schedule"], day, last), between(world["boxscores"], day, last)
    today, known = between(world["schedule"], day, day), known_before(world, day, None)
    boxes = _absurd_boxes(boxscores)
    people = people_of(between(world["boxscores"], day, day), between(world["prop_lines"], day, day))
    values: dict[str, pl.DataFrame] = {
        "boxscores": boxes,
        "team_boxscores": with_columns_of(world["team_boxscores"], sum_players(boxes)),
        "play_by_play": with_columns_of(world["play_by_play"], actions_of(boxes)),
        "schedule": _with_scores(games, boxes),
        "rosters": _later_rosters(known["rosters"], today),
        "waivers": between(world["waivers"], day, last),
        **{name: pl.concat([known[name], rows]) for name, rows in in_play(world, today, people).items()},
    }
    return {name: after(world[name], day, values[name]) for name in SOURCES}


def _absurd_boxes(boxscores: pl.DataFrame) -> pl.DataFrame:
    """Returns box scores with the players of each date exchanged and every number replaced."""
    number = pl.int_range(pl.len())
    values = {
        "fg3m": number * 7 % 5,
        "ftm": number * 5 % 9,
        "oreb": number % 6,
        "turnovers": number * 3 % 8,
        "assists": number * 11 % 13,
        "steals": number % 4,
    }
    values["fgm"] = values["fg3m"] + 4 + number * 13 % 7
    values |= {
        "fga": values["fgm"] + 3 + number % 5,
        "fg3a": values["fg3m"] + 1,
        "fta": values["ftm"] + 1,
        "dreb": number % 9,
        "rebounds": number % 6 + number % 9,
        "blocks": pl.lit(0),
        "fouls": number % 6,
        "plus_minus": number % 41 - 20,
    }
    values["points"] = 2 * values["fgm"] + values["fg3m"] + values["ftm"]
    exchanged = [pl.col(name).reverse().over("game_date") for name in ("player_id", "player_name")]
    played = pl.col("did_play")
    return boxscores.with_columns(
        *exchanged,
        *[pl.when(played).then(value.cast(pl.Int64)).alias(name) for name, value in values.items()],
        pl.col("minutes").reverse().over("game_id", "team", "did_play"),
        ~pl.col("is_starter"),
    ).with_columns(pl.col("points").sum().over("game_id", "team").alias("team_points"))


def _with_scores(games: pl.DataFrame, boxes: pl.DataFrame) -> pl.DataFrame:
    """Returns the games as final, with the scores of the box scores. Games without a box score receive an invented score."""
    scores = boxes.select("game_id", "team", "team_points").unique(["game_id", "team"])
    for side, otherwise in (("home", 199), ("away", 51)):
        scores_of_side = scores.select("game_id", pl.col("team").alias(f"{side}_team"), "team_points")
        games = (
            games.join(scores_of_side, on=["game_id", f"{side}_team"], how="left", maintain_order="left")
            .with_columns(pl.col("team_points").fill_null(otherwise).alias(f"{side}_points"))
            .drop("team_points")
        )
    was_moved = pl.col("status") == "postponed"
    return games.with_columns(pl.when(was_moved).then("status").otherwise(pl.lit("final")).alias("status"))


def _later_rosters(rosters: pl.DataFrame, games: pl.DataFrame) -> pl.DataFrame:
    """Adds one roster per team, seen at tip-off or, if the tip-off is unknown, at noon of the next day."""
    noon = pl.col("game_date").cast(pl.Datetime("us", "UTC")) + NEXT_NOON
    teams = pl.concat(
        games.select("game_date", pl.col(f"{side}_team").alias("team"), pl.coalesce("tipoff_at", noon).alias("seen_at"))
        for side in ("home", "away")
    )
    invented_players = pl.DataFrame({"player_id": range(9_000_001, 9_000_016), "spelling": ["A Stranger"] * 15})
    rows = teams.join(invented_players, how="cross").with_columns(pl.lit(date(1950, 1, 1)).alias("birth_date"))
    return pl.concat([rosters, with_columns_of(rosters, rows)])

"""Box scores of balldontlie with the player ids of the NBA."""

import polars as pl

from nba_pipeline.errors import NotPublished, Permanent, Transient
from nba_pipeline.league.active_players import active_players, box_score_sightings
from nba_pipeline.league.name_resolution import operator_resolutions, resolve_names
from nba_pipeline.providers.balldontlie import Balldontlie, map_to_games, parse_boxscores
from nba_pipeline.providers.final_boxscores import NO_ROWS, once_per_player
from nba_pipeline.tables.table import PROBLEM


def balldontlie_boxscores(
    incomplete: pl.DataFrame, games: pl.DataFrame, balldontlie: Balldontlie, candidates: pl.DataFrame, spellings: pl.DataFrame
) -> tuple[pl.DataFrame, dict[str, str]]:
    """Returns balldontlie's rows of the `incomplete` games, with the player ids of `with_player_ids`, and a problem by date."""
    frames, problems = [NO_ROWS], dict[str, str]()
    for day in incomplete["game_date"].unique().sort():
        try:
            parsed = parse_boxscores(balldontlie.box_scores(day))
        except (NotPublished, Permanent, Transient) as error:
            problems[str(day)] = str(error)
            continue
        frames.append(map_to_games(parsed, games.filter(pl.col("game_date") == day)))
    is_requested = pl.col("game_id").is_null() | pl.col("game_id").is_in(incomplete["game_id"].implode())
    return once_per_player(with_player_ids(pl.concat(frames).filter(is_requested), candidates, spellings)), problems


def with_player_ids(box: pl.DataFrame, candidates: pl.DataFrame, spellings: pl.DataFrame) -> pl.DataFrame:
    """Adds the player id to each row. An unresolved or ambiguous name becomes the row's problem.

    Args:
        box: Rows of `boxscores` without a player id.
        candidates: Box-score rows with NAME_COLUMNS. Players of the same team come first.
        spellings: player_id and spelling of `players`; evidence and game_date mark resolutions by an operator.
    """
    side = pl.format("{} {}", "game_id", "team")  # the team distinguishes two players of the same name
    of_games = box.filter(pl.col("game_id").is_not_null())
    sides = of_games.select(side.alias("game_id"), "game_date", "season", "team").unique()
    mentions = of_games.select(side.alias("game_id"), spelling="player_name").unique()
    players = pl.concat([spellings, candidates.select("player_id", spelling="player_name").unique()], how="diagonal_relaxed")
    active = active_players(sides, box_score_sightings(candidates), spellings)
    names = resolve_names(mentions, players, active, operator_resolutions(spellings, sides)).select(
        pl.col("game_id").alias("side"), pl.col("spelling").alias("player_name"), "player_id", name_problem="problem"
    )
    named = box.drop("player_id").with_columns(side.alias("side")).join(names, on=["side", "player_name"], how="left")
    return named.with_columns(pl.coalesce(PROBLEM, "name_problem").alias(PROBLEM)).select(box.columns)

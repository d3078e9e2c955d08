"""A player's own earlier games that resemble the next one: opponent, rest, venue and form.

    score = 40 the opponent's defense in the same third of the league (20 in an adjacent one)
          + 30 the same rest (15 one step apart); steps: up to 1, 2, 3, 4 or more days
          + 15 the same venue (5 the other one)
          + 15 mean points of the last 5 games within 3 points of the current mean (5 within 6)

Thirds are those of each game's date, because fixed limits drift with the league. An unknown part scores 0. Games of this
season and the one before count if their score is at least 70, at most the 20 with the highest score.
"""

import polars as pl

from nba_pipeline.formulas.rolling import in_order, strictly_before, window_mean
from nba_pipeline.formulas.team_form import TEAM_SEASON
from nba_pipeline.formulas.zone_defense import ratings

PLAYER_SEASON = ["player_id", "season"]
SIMILAR_DAYS = 730
"""Covers this season and the one before."""
RATING = "defensive_rating_last_15_games"
THIRDS, REST_STEPS = 3, 4
SAME_THIRD, NEXT_THIRD, SAME_REST, NEXT_REST, SAME_VENUE, OTHER_VENUE = 40, 20, 30, 15, 15, 5
CLOSE_FORM, NEAR_FORM, CLOSE_POINTS, NEAR_POINTS = 15, 5, 3, 6
MIN_SCORE, MAX_GAMES, MIN_SIMILAR_GAMES = 70, 20, 5
ROWS_AT_A_TIME = 4000
"""Bounds the memory of the pairs of games."""

SIMILAR_GAMES = ("points_mean_similar_games", "same_venue_pct_similar_games")
"""Columns that `with_similar_games` adds."""

GAME_COLUMNS = ("game_date", "game_id", "player_id", "season", "opponent", "is_home", "did_play", "points")
"""The columns read from `player_game_summary`."""


def with_similar_games(rows: pl.DataFrame, player_games: pl.DataFrame, team_games: pl.DataFrame) -> pl.DataFrame:
    """Adds mean points of the similar games, weighted by score, and their share at the same venue; null under 5 games.

    One row per player and game in and out. Each date sees only earlier games. Values are bitwise identical for any grouping of
    the dates, because only whole numbers are added.

    Args:
        rows: game_date, game_id, player_id, season, opponent, is_home, rest_days and points_mean_last_5_games.
        player_games: Rows of `player_game_summary` of the 730 days before the first date.
        team_games: Rows of `team_game_summary` of the same days.
    """
    played = player_games.filter(pl.col("did_play")).join(rows, on="player_id", how="semi")
    slates = pl.concat([frame.select("game_date", "season") for frame in (rows, played)]).unique()
    thirds = defense_thirds(slates, team_games)
    earlier = _described(_with_form_before(played), thirds).select(
        "player_id", pl.col("game_date", "year", "third", "rest_step", "is_home", "form").name.suffix("_then"), "points"
    )
    now = rows.with_columns(pl.col("points_mean_last_5_games").alias("form"))
    targets = _described(now, thirds).select("game_id", "player_id", "game_date", "year", "third", "rest_step", "is_home", "form")
    parts = [_similar(targets[start : start + ROWS_AT_A_TIME], earlier) for start in range(0, targets.height, ROWS_AT_A_TIME)]
    similar = pl.concat(parts) if parts else _similar(targets, earlier)
    return rows.join(similar, on=["game_id", "player_id"], how="left", maintain_order="left")


def defense_thirds(slates: pl.DataFrame, team_games: pl.DataFrame) -> pl.DataFrame:
    """Returns game_date, opponent and third per date and team: 0 the best defenses, 2 the weakest; null under 5 games.

    The defense is the mean rating of the last 15 games before the date. `slates` has game_date and season.
    """
    teams = slates.join(team_games.select(TEAM_SEASON).unique(), on="season")
    rated = strictly_before(teams, ratings(team_games), TEAM_SEASON, {RATING: "rating"})
    rank, count = pl.col("rating").rank("min").cast(pl.Int64), pl.col("rating").count().cast(pl.Int64)
    third = ((rank - 1) * THIRDS // count).over("game_date")
    return rated.select("game_date", pl.col("team").alias("opponent"), third.alias("third"))


def _with_form_before(played: pl.DataFrame) -> pl.DataFrame:
    """Adds the mean of the 5 games before each game, and the days since the game before, both within the season."""
    games = in_order(played, PLAYER_SEASON, {"points": pl.col("points")}).with_columns(window_mean("points", 5).alias("mean"))
    columns = {"mean": "form", "game_date": "last_game_date"}
    rows = strictly_before(played, games.select(*PLAYER_SEASON, "game_date", "mean"), PLAYER_SEASON, columns)
    return rows.with_columns((pl.col("game_date") - pl.col("last_game_date")).dt.total_days().alias("rest_days"))


def _described(rows: pl.DataFrame, thirds: pl.DataFrame) -> pl.DataFrame:
    """Adds the third of the opponent, the step of rest and the first year of the season."""
    return rows.join(thirds, on=["game_date", "opponent"], how="left", maintain_order="left").with_columns(
        pl.col("rest_days").clip(1, REST_STEPS).cast(pl.Int64).alias("rest_step"),
        pl.col("season").str.slice(0, 4).cast(pl.Int64).alias("year"),
    )


def _similar(targets: pl.DataFrame, earlier: pl.DataFrame) -> pl.DataFrame:
    """Returns per target with enough similar games their weighted mean and the share at the same venue."""
    pairs = targets.join(earlier, on="player_id").filter(
        pl.col("game_date_then") < pl.col("game_date"), pl.col("year") - pl.col("year_then") <= 1
    )
    best = (
        pairs.with_columns(similarity_score().alias("score"))
        .filter(pl.col("score") >= MIN_SCORE)
        .sort("score", "game_date_then", descending=True, maintain_order=True)
        .group_by("game_id", "player_id", maintain_order=True)
        .head(MAX_GAMES)
    )
    is_same_venue = pl.col("is_home") == pl.col("is_home_then")
    values = best.group_by("game_id", "player_id", maintain_order=True).agg(
        pl.len().alias("games"),
        ((pl.col("score") * pl.col("points")).sum() / pl.col("score").sum()).alias(SIMILAR_GAMES[0]),
        (is_same_venue.fill_null(False).sum() / pl.len()).alias(SIMILAR_GAMES[1]),
    )
    return values.filter(pl.col("games") >= MIN_SIMILAR_GAMES).select("game_id", "player_id", *SIMILAR_GAMES)


def similarity_score() -> pl.Expr:
    """Similarity of two games, 0-100, from the columns of both; those of the earlier one end with `_then`. Never null."""
    thirds = (pl.col("third") - pl.col("third_then")).abs()
    rest = (pl.col("rest_step") - pl.col("rest_step_then")).abs()
    form = (pl.col("form") - pl.col("form_then")).abs()
    is_same_venue = pl.col("is_home") == pl.col("is_home_then")
    venue = pl.when(is_same_venue).then(SAME_VENUE).when(is_same_venue.is_not_null()).then(OTHER_VENUE).otherwise(0)
    return (
        _steps(thirds == 0, SAME_THIRD, thirds == 1, NEXT_THIRD)
        + _steps(rest == 0, SAME_REST, rest == 1, NEXT_REST)
        + venue
        + _steps(form <= CLOSE_POINTS, CLOSE_FORM, form <= NEAR_POINTS, NEAR_FORM)
    )


def _steps(is_same: pl.Expr, same: int, is_next: pl.Expr, following: int) -> pl.Expr:
    return pl.when(is_same).then(same).when(is_next).then(following).otherwise(0)

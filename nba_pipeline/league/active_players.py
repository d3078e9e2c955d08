"""Active players of a game: the candidates for the resolution of names."""

import polars as pl

from nba_pipeline.settings import SETTINGS

OF_THE_TEAMS, UNATTACHED, ELSEWHERE, ROSTERED_ELSEWHERE = "of_the_teams", "unattached", "elsewhere", "rostered_elsewhere"

ACTIVE_SCHEMA = {"game_id": pl.String(), "player_id": pl.Int64(), "player_name": pl.String(), "standing": pl.String()}

SEEN_SCHEMA = {
    "game_date": pl.Date(),
    "season": pl.String(),
    "team": pl.String(),
    "player_id": pl.Int64(),
    "player_name": pl.String(),
    "is_roster": pl.Boolean(),
}
SEEN_COLUMNS = tuple(SEEN_SCHEMA)


def active_players(sides: pl.DataFrame, seen: pl.DataFrame, players: pl.DataFrame | None = None) -> pl.DataFrame:
    """Returns the active players of each game, with their relation to its teams.

    A player is active if seen in a box score or roster within `settings.Names.active_days` days before the date.

    Args:
        sides: (game_id, game_date, season, team), one row per game and team.
        seen: (game_date, season, team, player_id, player_name, is_roster): box-score rows, and rosters, which exist before
            the games of their date. A player without an id in a roster has a negative player_id and is only active on the
            roster's date, because the first box score provides the id.
        players: optional rows of the table. Players whose first box score is within `active_days` before or after the date
            are also active, because the first dates of a home have no earlier box scores.

    Returns:
        game_id, player_id, player_name and standing, one row per game, player and spelling. The standings are `of_the_teams`
        (seen with one of the teams this season, or last seen with one of them), `unattached` (not seen this season),
        `rostered_elsewhere` (on another team's roster of the date) and `elsewhere` (all others). On the earliest dates of a
        home the teams are unknown, and all players are `unattached`.
    """
    seen = seen.with_columns(_visible_from()).sort("visible_from", "is_roster")
    games = sides.group_by("game_id", "game_date", "season").agg(pl.col("team").unique().alias("teams"))
    standings = _standings(games, _last_sightings(sides, seen), _seen_with_team(sides, seen))
    names = seen.select("player_id", "player_name").unique(maintain_order=True)
    active = standings.join(names, on="player_id").select(pl.col(name).cast(dtype) for name, dtype in ACTIVE_SCHEMA.items())
    if players is None or "evidence" not in players.columns:
        return active
    newcomers = _newcomers(games, players).join(standings, on=["game_id", "player_id"], how="anti")
    return pl.concat([active, newcomers])


def box_score_sightings(boxscores: pl.DataFrame) -> pl.DataFrame:
    """Returns box-score rows in the columns of `active_players`."""
    return boxscores.with_columns(pl.lit(False).alias("is_roster")).select(SEEN_COLUMNS)


def _last_sightings(sides: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    """Returns the last sighting of each active player by date: season, team, `visible_from` and `is_roster`."""
    dates = sides.select("game_date", "season").unique().sort("game_date")
    return (
        dates.join(seen.select("player_id").unique(), how="cross")
        .sort("game_date")
        .join_asof(
            seen.select("player_id", "visible_from", "is_roster", last_season="season", last_team="team"),
            left_on="game_date",
            right_on="visible_from",
            by="player_id",
            strategy="backward",
            check_sortedness=False,
        )
        .filter(pl.col("game_date") - pl.col("visible_from") <= pl.duration(days=SETTINGS.names.active_days))
        .filter((pl.col("player_id") > 0) | (pl.col("visible_from") == pl.col("game_date")))
    )


def _standings(games: pl.DataFrame, last: pl.DataFrame, seen_with_team: pl.DataFrame) -> pl.DataFrame:
    """Returns (game_id, player_id, standing) of the active players."""
    is_this_season = pl.col("last_season") == pl.col("season")
    is_of_the_date = pl.col("is_roster") & (pl.col("visible_from") == pl.col("game_date"))
    standing = (
        pl.when(pl.col("last_team").is_in("teams") | pl.col("is_of_teams"))
        .then(pl.lit(OF_THE_TEAMS))
        .when(~is_this_season)
        .then(pl.lit(UNATTACHED))
        .when(is_of_the_date)
        .then(pl.lit(ROSTERED_ELSEWHERE))
        .otherwise(pl.lit(ELSEWHERE))
    )
    return (
        games.join(last, on=["game_date", "season"])
        .join(seen_with_team, on=["game_id", "player_id"], how="left")
        .with_columns(pl.col("is_of_teams").fill_null(False))
        .select("game_id", "player_id", standing.alias("standing"))
    )


def _visible_from() -> pl.Expr:
    """The first date on which a sighting counts: the next day for a box score, the same date for a roster."""
    day = pl.col("game_date")
    return pl.when("is_roster").then(day).otherwise(day.dt.offset_by("1d")).alias("visible_from")


def _seen_with_team(sides: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    """Returns (game_id, player_id, is_of_teams) of players seen with a team of the game this season, up to its date."""
    first = seen.group_by("season", "team", "player_id").agg(pl.col("visible_from").min())
    matching = sides.join(first, on=["season", "team"]).filter(pl.col("visible_from") <= pl.col("game_date"))
    return matching.select("game_id", "player_id", pl.lit(True).alias("is_of_teams")).unique()


def _newcomers(games: pl.DataFrame, players: pl.DataFrame) -> pl.DataFrame:
    """Returns the players whose first box score is within `active_days` of each game's date."""
    first_appearances = players.filter(pl.col("evidence") == "boxscore").select(
        "player_id", player_name="spelling", first_shown_on="game_date"
    )
    days = games.select("game_date").unique().join(first_appearances, how="cross")
    distance = (pl.col("game_date") - pl.col("first_shown_on")).dt.total_days().abs()
    near_date = days.filter(distance <= SETTINGS.names.active_days).with_columns(pl.lit(UNATTACHED).alias("standing"))
    return games.join(near_date, on="game_date").select(pl.col(name).cast(dtype) for name, dtype in ACTIVE_SCHEMA.items())

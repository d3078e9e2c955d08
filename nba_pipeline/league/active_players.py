"""Who is active for a team on a date: the people whom a name may mean."""

import polars as pl

from nba_pipeline.settings import SETTINGS

OF_THE_TEAMS, UNATTACHED, ELSEWHERE, ROSTERED_ELSEWHERE = "of_the_teams", "unattached", "elsewhere", "rostered_elsewhere"

ACTIVE_SCHEMA = {"game_id": pl.String(), "player_id": pl.Int64(), "player_name": pl.String(), "standing": pl.String()}

SEEN_SCHEMA = {
    "game_date": pl.Date(), "season": pl.String(), "team": pl.String(), "player_id": pl.Int64(), "player_name": pl.String(),
    "is_roster": pl.Boolean(),
}  # fmt: skip
SEEN_COLUMNS = tuple(SEEN_SCHEMA)


def active_players(sides: pl.DataFrame, seen: pl.DataFrame, players: pl.DataFrame | None = None) -> pl.DataFrame:
    """Everybody in the league who is active at the date of a game, and how he stands to its teams.

    Args:
        sides: (game_id, game_date, season, team), one row per game and team that a name of the game may belong to.
        seen: (game_date, season, team, player_id, player_name, is_roster): box-score rows, and the rosters of a date, which
            are known before its games. Somebody of whom a roster shows only the name has a negative player_id, and counts at
            the date of the roster alone: his first box score shows his id.
        players: the rows of the table. Who is first shown by a box score around the date, before or after it, is active too:
            a home that begins at a date has seen nobody before.

    Returns:
        game_id, player_id, player_name and standing, one row per game, player and spelling. Active are those seen in the last
        `settings.Names.active_days` days before the date. `of_the_teams`: seen with one of the teams this season, or seen last
        with one of them. `unattached`: not seen this season. `rostered_elsewhere`: on another team's roster of the date.
        `elsewhere`: everybody else. The earliest dates of a home know no team: there all are `unattached`.
    """
    seen = seen.with_columns(_known_on()).sort("known_on", "is_roster")
    days = sides.select("game_date", "season").unique().sort("game_date")
    people = seen.select("player_id").unique()
    last = (
        days.join(people, how="cross")
        .sort("game_date")
        .join_asof(
            seen.select("player_id", "known_on", "is_roster", last_season="season", last_team="team"),
            left_on="game_date", right_on="known_on", by="player_id", strategy="backward", check_sortedness=False,
        )
        .filter(pl.col("game_date") - pl.col("known_on") <= pl.duration(days=SETTINGS.names.active_days))
        .filter((pl.col("player_id") > 0) | (pl.col("known_on") == pl.col("game_date")))
    )  # fmt: skip
    teams = sides.group_by("game_id", "game_date", "season").agg(pl.col("team").unique().alias("teams"))
    is_this_season = pl.col("last_season") == pl.col("season")
    is_of_the_date = pl.col("is_roster") & (pl.col("known_on") == pl.col("game_date"))
    standing = (
        pl.when(pl.col("last_team").is_in("teams") | pl.col("was_here")).then(pl.lit(OF_THE_TEAMS))
        .when(~is_this_season).then(pl.lit(UNATTACHED))
        .when(is_of_the_date).then(pl.lit(ROSTERED_ELSEWHERE))
        .otherwise(pl.lit(ELSEWHERE))
    )  # fmt: skip
    standings = (
        teams.join(last, on=["game_date", "season"])
        .join(_seen_here(sides, seen), on=["game_id", "player_id"], how="left")
        .with_columns(pl.col("was_here").fill_null(False))
        .select("game_id", "player_id", standing.alias("standing"))
    )
    names = seen.select("player_id", "player_name").unique(maintain_order=True)
    found = standings.join(names, on="player_id").select(pl.col(name).cast(dtype) for name, dtype in ACTIVE_SCHEMA.items())
    if players is None or "evidence" not in players.columns:
        return found
    learned = _first_shown(teams, players).join(standings, on=["game_id", "player_id"], how="anti")
    return pl.concat([found, learned])


def box_score_sightings(boxscores: pl.DataFrame) -> pl.DataFrame:
    """Box-score rows as `active_players` reads them."""
    return boxscores.with_columns(pl.lit(False).alias("is_roster")).select(SEEN_COLUMNS)


def _known_on() -> pl.Expr:
    """The first date for whose games a sighting counts: a box score from the next day on, a roster from its own date on."""
    day = pl.col("game_date")
    return pl.when("is_roster").then(day).otherwise(day.dt.offset_by("1d")).alias("known_on")


def _seen_here(sides: pl.DataFrame, seen: pl.DataFrame) -> pl.DataFrame:
    """(game_id, player_id, was_here) of those seen with a team of the game, in its season and before its date."""
    first = seen.group_by("season", "team", "player_id").agg(pl.col("known_on").min())
    here = sides.join(first, on=["season", "team"]).filter(pl.col("known_on") <= pl.col("game_date"))
    return here.select("game_id", "player_id", pl.lit(True).alias("was_here")).unique()


def _first_shown(games: pl.DataFrame, players: pl.DataFrame) -> pl.DataFrame:
    """Who is first shown by a box score around the date of each game."""
    shown = players.filter(pl.col("evidence") == "boxscore").select("player_id", player_name="spelling", shown_on="game_date")
    days = games.select("game_date").unique().join(shown, how="cross")
    distance = (pl.col("game_date") - pl.col("shown_on")).dt.total_days().abs()
    near = days.filter(distance <= SETTINGS.names.active_days).with_columns(pl.lit(UNATTACHED).alias("standing"))
    return games.join(near, on="game_date").select(pl.col(name).cast(dtype) for name, dtype in ACTIVE_SCHEMA.items())

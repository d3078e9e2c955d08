"""Possessions of a team, and rates per possession. Denominators with minutes include overtime."""

import polars as pl

from nba_pipeline.formulas.shooting import FREE_THROW_POSSESSION_SHARE

REGULATION_MINUTES = 48
OVERTIME_MINUTES = 5
PLAYERS_ON_COURT = 5
MIN_USAGE_MINUTES = 1
"""With fewer minutes the rate is noise: it is above 1 in 14 of 104,262 player-games, and all 14 have 1 or 2 minutes."""


def plays(prefix: str = "") -> pl.Expr:
    """Plays that a player ended, or with the prefix `team_` the team: a shot, a trip to the line or a turnover.

    fga + 0.44 fta + turnovers, a count; null with an unknown count.
    """
    attempts = pl.col(f"{prefix}fga") + FREE_THROW_POSSESSION_SHARE * pl.col(f"{prefix}fta")
    return attempts + pl.col(f"{prefix}turnovers")


def possessions() -> pl.Expr:
    """Estimated possessions of a team in a game, from its own counts.

    fga + 0.44 fta + turnovers - oreb, a count, 82-132 in four seasons; null with an unknown count.

    >>> okc = pl.select(fga=87, fta=31, turnovers=7, oreb=13)
    >>> okc.select(possessions().round(2)).item()
    94.64
    """
    return (plays() - pl.col("oreb")).alias("possessions")


def offensive_rating() -> pl.Expr:
    """Points per 100 possessions, from `points` and `possessions`.

    100 points / possessions, 69-163 in four seasons; null without a possession. A team's defensive rating is the
    opponent's offensive rating.
    """
    return pl.when(pl.col("possessions") > 0).then(100 * pl.col("points") / pl.col("possessions"))


def pace() -> pl.Expr:
    """Possessions per 48 minutes, from `possessions`, `opponent_possessions` and `overtimes`: one value per game.

    48 (possessions + opponent_possessions) / 2 / (48 + 5 overtimes), 85-117 in four seasons; null if any of them is null.
    """
    both = (pl.col("possessions") + pl.col("opponent_possessions")) / 2
    return REGULATION_MINUTES * both / (REGULATION_MINUTES + OVERTIME_MINUTES * pl.col("overtimes"))


def overtimes(team_minutes: pl.Expr) -> pl.Expr:
    """Overtime periods of a game, from the minutes of one team's players.

    (team_minutes - 240) / 25 to the nearest whole number, at least 0: whole-minute sources are up to 4 minutes off.

    >>> pl.select(overtimes(pl.lit(pl.Series([238, 265, 288])))).to_series().to_list()
    [0, 1, 2]
    """
    beyond = team_minutes - PLAYERS_ON_COURT * REGULATION_MINUTES
    return (beyond / (PLAYERS_ON_COURT * OVERTIME_MINUTES)).round().clip(lower_bound=0).cast(pl.Int64)


def usage_pct() -> pl.Expr:
    """Share of the team's plays that a player ended while on the court.

    plays (team_minutes / 5) / (minutes team_plays) with team_minutes = 240 + 25 overtimes, a fraction 0-1; team counts
    are the sums of its players. Null under 1 minute, outside of 0-1, without a team play or with an unknown count.
    https://www.nba.com/stats/help/glossary#usgpct
    """
    court_minutes = REGULATION_MINUTES + OVERTIME_MINUTES * pl.col("overtimes")
    usage = plays() * court_minutes / (pl.col("minutes") * plays("team_"))
    is_meaningful = (pl.col("minutes") >= MIN_USAGE_MINUTES) & (plays("team_") > 0) & usage.is_between(0, 1)
    return pl.when(is_meaningful).then(usage).alias("usage_pct")


def with_team_heaves(team_games: pl.DataFrame, player_games: pl.DataFrame, first_season: str, most: int) -> pl.DataFrame:
    """Adds `team_heaves`, the attempts that count for no player, to each team's game. The same rows in and out.

    Team fga minus the sum of its players' fga, a count; 0 before `first_season`. Null with an unknown count, and if the difference
    is not between 0 and `most`: such a difference is an error in one of the sources.
    """
    fga = pl.col("fga")
    of_players = (
        player_games.filter("did_play")
        .group_by("game_id", "team")
        .agg(pl.when(fga.is_not_null().all()).then(fga.sum()).alias("fga_of_players"))
    )
    beyond = fga - pl.col("fga_of_players")
    heaves = pl.when(beyond.is_between(0, pl.when(pl.col("season") >= first_season).then(most).otherwise(0))).then(beyond)
    rows = team_games.join(of_players, on=["game_id", "team"], how="left", maintain_order="left")
    return rows.with_columns(heaves.alias("team_heaves")).drop("fga_of_players")

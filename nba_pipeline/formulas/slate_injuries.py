"""The rows of an injury report for the games of a date: their game, the teams without rows, and a hash of the contents."""

import hashlib

import polars as pl

from nba_pipeline.formulas.availability import NOT_SUBMITTED
from nba_pipeline.formulas.offers import first_of_each

NOBODY_LISTED = "nobody_listed"
SNAPSHOT = ["snapshot_at", "seen_at", "provider", "source"]


def team_games(games: pl.DataFrame) -> pl.DataFrame:
    """Returns two rows per game, one per team: game_date, game_id, home_team, away_team, tipoff_at, status, team."""
    columns = ["game_date", "game_id", "home_team", "away_team", "tipoff_at", "status"]
    return pl.concat(games.select(*columns, pl.col(f"{side}_team").alias("team")) for side in ("home", "away"))


def slate_injuries(listed: pl.DataFrame, games: pl.DataFrame) -> pl.DataFrame:
    """Returns one snapshot's rows for the games of one date, with game_id, tip-off and at least one row per team.

    If the report names games, keeps the rows for games of the date; a matchup that is not in the schedule is a problem. If it
    names only teams, keeps the rows for teams of the slate. A team without rows gets a row: `nobody_listed` if the report
    mentions its game or names no games at all; `not_submitted` otherwise, or if a row with an unknown team may concern it.

    Args:
        listed: The rows of one snapshot, with `provider`; game_date, home_team and away_team if the report names games.
        games: The schedule of the date.
    """
    snapshot, teams = listed.select(SNAPSHOT).head(1), team_games(games.filter(pl.col("status") != "postponed"))
    if "game_date" in listed.columns:
        rows, mentioned, unclear = _by_matchup(listed, games)
    else:
        rows, mentioned, unclear = _by_team(listed, games)
    has_submitted = pl.col("game_id").is_in(mentioned.implode()) & ~pl.col("game_id").is_in(unclear.implode())
    teams_without_rows = (
        teams.join(rows, on=["game_id", "team"], how="anti")
        .join(snapshot, how="cross")
        .select(
            "game_id",
            "team",
            "tipoff_at",
            *SNAPSHOT,
            pl.lit(None, pl.String).alias("problem"),
            pl.when(has_submitted).then(pl.lit(NOBODY_LISTED)).otherwise(pl.lit(NOT_SUBMITTED)).alias("status"),
            pl.lit(True).alias("is_silence"),
        )
    )
    return pl.concat([rows, teams_without_rows], how="diagonal_relaxed").with_columns(
        pl.lit(games["game_date"].first()).alias("game_date"),
        (pl.col("snapshot_at") < pl.col("tipoff_at")).alias("is_before_tipoff"),
    )


def _by_matchup(listed: pl.DataFrame, games: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series, pl.Series]:
    """Places the rows of a report that names games.

    Returns the rows, the ids of the mentioned games, and the ids of the games that a row with an unknown team may concern.
    """
    slate = _slate(games)
    rows = listed.filter(pl.col("game_date").is_in(slate["game_date"].implode())).drop("game_date")
    rows = _of_their_game(rows.join(slate, on="team", how="left", maintain_order="left"), games)
    is_scheduled = (pl.col("home_team") == pl.col("home")) & (pl.col("away_team") == pl.col("away"))
    is_unscheduled = ~is_scheduled.fill_null(False)
    unscheduled = pl.format("{} at {} is no game of the schedule", "away_team", "home_team")
    unclear = games.join(rows.filter(pl.col("team").is_null()), on=["home_team", "away_team"], how="semi")["game_id"]
    mentioned = rows.filter(~is_unscheduled)["game_id"]
    return (
        rows.with_columns(pl.coalesce("problem", pl.when(is_unscheduled).then(unscheduled)).alias("problem")),
        mentioned,
        unclear,
    )


def _by_team(listed: pl.DataFrame, games: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series, pl.Series]:
    """Places the rows of a report that names only teams. It mentions every game. Returns the same as `_by_matchup`."""
    rows = listed.join(_slate(games), on="team", how="left", maintain_order="left")
    rows = rows.filter(pl.col("game_id").is_not_null() | pl.col("team").is_null())
    unclear = games["game_id"] if rows["team"].null_count() else games["game_id"].clear()
    return rows, games["game_id"], unclear


def _slate(games: pl.DataFrame) -> pl.DataFrame:
    return team_games(games).select("game_date", "game_id", "team", "tipoff_at", home="home_team", away="away_team")


def ignored_injuries(listed: pl.DataFrame, games: pl.DataFrame) -> pl.DataFrame:
    """Returns the rows that `slate_injuries` excludes: those of other dates, or of teams without a game on the date."""
    if "game_date" in listed.columns:
        return listed.filter(~pl.col("game_date").is_in(games["game_date"].unique().implode()))
    return listed.filter(pl.col("team").is_not_null(), ~pl.col("team").is_in(team_games(games)["team"].unique().implode()))


def _of_their_game(rows: pl.DataFrame, games: pl.DataFrame) -> pl.DataFrame:
    """Gives rows with an unknown team the game of their matchup, because they may concern either of its teams.

    If the matchup has no team of the slate, its text becomes the game_id, because the row concerns no player of the slate.
    """
    of_matchup = games.select("home_team", "away_team", pl.col("game_id").alias("of_matchup"))
    teams = team_games(games)["team"].unique().implode()
    is_elsewhere = pl.col("team").is_null() & ~(pl.col("home_team").is_in(teams) | pl.col("away_team").is_in(teams))
    elsewhere = pl.when(is_elsewhere).then(pl.format("{}@{}", "away_team", "home_team"))
    placed = rows.join(of_matchup, on=["home_team", "away_team"], how="left", maintain_order="left")
    of_unknown_team = pl.when(pl.col("team").is_null()).then(pl.coalesce("of_matchup", elsewhere))
    return placed.with_columns(pl.coalesce("game_id", of_unknown_team).alias("game_id")).drop("of_matchup")


def once_per_player(rows: pl.DataFrame) -> pl.DataFrame:
    """Removes repeated rows of one snapshot, including those of a player under two spellings. `copies` counts the removed rows."""
    who = pl.coalesce(pl.col("player_id").cast(pl.String), "spelling").alias("who")
    content = ["game_id", "team", "who", "snapshot_at", "status", "problem"]
    return first_of_each(rows.with_columns(who), content).drop("who")


def contents_hash(rows: pl.DataFrame) -> str:
    """Returns a hash of the newest statuses of each team, without their instants. An unchanged report has the same hash."""
    submitted = pl.col("status").is_null() | (pl.col("status") != NOT_SUBMITTED)
    counted = rows.filter(pl.col("is_before_tipoff").fill_null(True), submitted)
    newest = counted.filter(pl.col("snapshot_at") == pl.col("snapshot_at").max().over("game_id", "team"))
    statuses = newest.select("game_date", "game_id", "team", "player_id", "spelling", "status", "problem").unique()
    return hashlib.sha256(statuses.sort(pl.all()).write_csv().encode()).hexdigest()

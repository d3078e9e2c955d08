"""Games that an operator marked as not played. The ledger `not_played_games` records the author, reason and instant.

The asset `schedule` sets the status of a marked game to postponed, which applies to every reader of the schedule. A game that
the league reports as final stays final.
"""

from datetime import date, datetime
from typing import Any

import dataframely as dy
import polars as pl

from nba_pipeline.errors import BadInput
from nba_pipeline.league.calendar import eastern_date
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Row, Table
from nba_pipeline.warehouse import Warehouse

SOURCE = "nba-pipeline not-played"
CODE_VERSION = "1"
OFF = "postponed"
"""The status of a game that is not played on its date. `status_text` has the league's wording."""

IS_CALLED_POSTPONED = pl.col("status_text").str.contains("(?i)ppd|postp").fill_null(True)
"""Whether the league itself calls the game postponed, not canceled or unnecessary. True without a `status_text`."""


class NotPlayedRows(Row):
    """Columns of `not_played_games`."""

    game_id = dy.String(description="the NBA's ten digits")
    is_not_played = dy.Bool(description="false if the mark was withdrawn")
    reason = dy.String(description="reason of the author")
    author = dy.String(description="name of the author")
    marked_at = dy.Datetime(time_zone="UTC", description="instant of the mark")


NOT_PLAYED = Table(
    "not_played_games", grain="game and instant", key=("game_id", "marked_at"), schema=NotPlayedRows, write="add", is_ledger=True
)


def standing_marks(marks: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """Returns the newest mark of each date and game up to an instant, without withdrawn marks."""
    earlier = marks.filter(pl.col("marked_at") <= as_of).sort("marked_at")
    return earlier.group_by("game_date", "game_id", maintain_order=True).last().filter("is_not_played")


def with_marks(games: pl.DataFrame, marks: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """Returns the rows of `schedule` with the status `OFF` for games that are marked for their date and not final."""
    marked = standing_marks(marks, as_of).select("game_date", "game_id", is_marked=pl.lit(True))
    is_off = pl.col("is_marked").fill_null(False) & (pl.col("status") != "final")
    return (
        games.join(marked, on=["game_date", "game_id"], how="left", maintain_order="left")
        .with_columns(pl.when(is_off).then(pl.lit(OFF)).otherwise("status").alias("status"))
        .drop("is_marked")
    )


def off_games(games: pl.DataFrame, marks: pl.DataFrame, as_of: datetime) -> dict[date, list[str]]:
    """Returns per date a message for each game that is not played and each marked game that the league reports as final."""
    standing = standing_marks(marks, as_of).select("game_date", "game_id", "author", mark_reason="reason")
    beside = games.join(standing, on=["game_date", "game_id"], how="left").sort("game_id")
    matchup, league = pl.format("{}@{} {}", "away_team", "home_team", "game_id"), pl.col("status_text").fill_null("no reason")
    is_marked, is_off = pl.col("author").is_not_null(), pl.col("status") == OFF
    message = (
        pl.when(is_off & is_marked)
        .then(pl.format("{} is marked as not played, by {}: {}", matchup, "author", "mark_reason"))
        .when(is_off)
        .then(pl.format("{} is not played; the league says: {}", matchup, league))
        .when(is_marked & (pl.col("status") == "final"))
        .then(pl.format("{} is final; the mark by {} has no effect", matchup, "author"))
    )
    messages = beside.with_columns(message.alias("message")).filter(pl.col("message").is_not_null())
    return dict(messages.group_by("game_date", maintain_order=True).agg("message").iter_rows())


def refuse_empty(reason: str, author: str) -> None:
    """Raises BadInput, naming the option and its value, for a mark without a reason or an author."""
    for option, text in (("--reason", reason), ("--author", author)):
        if not text.strip():
            raise BadInput(f"{option} must not be empty, it is {text!r}")


def mark(
    warehouse: Warehouse, now: datetime, game_id: str, reason: str, author: str, is_not_played: bool = True
) -> tuple[date, str]:
    """Adds a mark, or withdraws the current one.

    Returns:
        The US Eastern date of the game, and a message for the operator.

    Raises:
        BadInput: the reason or the author is empty, or the game is not in the schedule; for a new mark, the game is final,
            marked or not played already; for a withdrawal, it has no mark.
    """
    refuse_empty(reason, author)
    game = _scheduled(warehouse, game_id)
    day, matchup = game["game_date"], f"{game['away_team']}@{game['home_team']} {game_id} of {game['game_date']}"
    marks = standing_marks(warehouse.scan(NOT_PLAYED, [day]).filter(pl.col("game_id") == game_id).collect(), now)
    if is_not_played:
        _refuse_mark(game, matchup, marks)
    elif marks.is_empty():
        raise BadInput(f"--game {matchup} has no mark to withdraw")
    row = {
        "game_date": day,
        "game_id": game_id,
        "is_not_played": is_not_played,
        "reason": reason.strip(),
        "author": author.strip(),
        "marked_at": now,
        "source": SOURCE,
    }
    warehouse.add(NOT_PLAYED, [day], NOT_PLAYED.row(row, now, CODE_VERSION), f"{SOURCE} by {author.strip()}")
    change = "is marked as not played" if is_not_played else "is no longer marked as not played"
    return day, f"{matchup} {change}, by {author.strip()}: {reason.strip()}"


def _scheduled(warehouse: Warehouse, game_id: str) -> dict[str, Any]:
    rows = warehouse.scan(TABLES["schedule"]).filter(pl.col("game_id") == game_id).collect()
    if rows.is_empty():
        raise BadInput(f"--game is {game_id!r}; schedule has no game with this game_id")
    return rows.sort("game_date").row(-1, named=True)


def _refuse_mark(game: dict[str, Any], matchup: str, marks: pl.DataFrame) -> None:
    if game["status"] == "final":
        score = f"{game['away_points']}:{game['home_points']}"
        raise BadInput(f"--game {matchup} is final, {score}: a game that was played cannot be marked as not played")
    if marks.height:
        first = marks.row(0, named=True)
        since = eastern_date(first["marked_at"])
        raise BadInput(f"--game {matchup} is already marked, by {first['author']} on {since} ({first['reason']})")
    if game["status"] == OFF:
        raise BadInput(f"--game {matchup} needs no mark: the league lists it as {game['status_text'] or OFF!r}")

"""Dates with incomplete games, and the state of their games on the league's scoreboard.

`boxscore_polling.py` decides whether to collect a date.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from nba_pipeline.completeness import gates
from nba_pipeline.errors import PipelineError
from nba_pipeline.league.calendar import days, eastern, eastern_date
from nba_pipeline.orchestration.boxscore_polling import Pending
from nba_pipeline.providers.nba_cdn import NbaCdn
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.partitions import recovering

NOON = 12
"""Eastern hour that replaces an unknown tip-off."""

PEEK_SECONDS = 20.0
"""Time per evaluation for fetching single games. Dagster ends a sensor's evaluation after a minute."""


@dataclass(frozen=True)
class GameStates:
    """The games with a known state, the final ones among them, and the problems of the requests."""

    listed: frozenset[str] = frozenset()
    final: frozenset[str] = frozenset()
    problems: tuple[str, ...] = ()


def read_game_states(watched: Sequence[Pending], nba_cdn: NbaCdn, now: datetime) -> GameStates:
    """Returns the states of the games of the watched dates. Without dates, sends no request.

    The scoreboard switches to the next date at noon. Begun games that it does not list are fetched one by one.
    """
    if not watched:
        return GameStates()
    if breaker := nba_cdn.http.is_open("nba_cdn"):
        return GameStates(problems=(breaker.message,))
    try:
        board = nba_cdn.scoreboard()
    except PipelineError as error:
        return GameStates(problems=(f"the scoreboard is unavailable: {error}",))
    listed, final, problems = set(board.listed), set(board.final), []
    begun = {game: slate.game_date for slate in watched for game, tipoff in slate.games.items() if tipoff <= now}
    until = time.monotonic() + PEEK_SECONDS
    for game, day in begun.items():
        if game in board.listed:
            continue
        if time.monotonic() > until:
            problems.append(f"fetching single games stopped after {PEEK_SECONDS:g} s; the next evaluation continues")
            break
        try:
            final |= {game} if nba_cdn.has_ended(game, day) else set()
            listed.add(game)
        except PipelineError as error:
            problems.append(str(error))
    return GameStates(frozenset(listed), frozenset(final), tuple(problems))


def pending_games(warehouse: Warehouse, now: datetime) -> list[Pending]:
    """Returns the dates with incomplete games, oldest first: today and the two dates before it."""
    today = eastern_date(now)
    dates = days(today - timedelta(days=2), today)
    schedule = recovering(lambda: warehouse.scan(TABLES["schedule"], dates).collect())
    games = schedule.filter(pl.col("status") != "postponed")
    begun = games.filter(pl.col("tipoff_at").is_null() | (pl.col("tipoff_at") <= now))["game_date"].unique().sort().to_list()
    boxscores = recovering(lambda: warehouse.scan(TABLES["boxscores"], begun).collect())
    completeness_of_games = gates.judge_games(schedule, boxscores)
    done = completeness_of_games.filter(pl.col("is_complete") | ~pl.col("is_covered"))["game_id"]
    tipoffs = {day: dict[str, datetime]() for day in dates}
    pending = games.filter(~pl.col("game_id").is_in(done.implode()))
    for day, game, tipoff in pending.select("game_date", "game_id", "tipoff_at").iter_rows():
        tipoffs[day][game] = tipoff or eastern(day, NOON)
    teams = dict(pending.select("game_id", pl.format("{}@{}", "away_team", "home_team")).iter_rows())
    return [Pending(day, of_date, gates.deadline(day), teams) for day, of_date in tipoffs.items() if of_date]

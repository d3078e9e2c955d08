"""Data that a stored history cannot contain, because it begins too late: earlier games, and the models of its first weeks.

Checks do not expect such data, so they fail only for gaps. Gates stay closed on these dates. The functions read tables.
Several tables are evidence of the beginning of the history, so that lost rows of one table do not look like a late
beginning.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta

import polars as pl

from nba_pipeline.completeness import gates, slate_gates
from nba_pipeline.completeness.expectations import playing
from nba_pipeline.league.calendar import days, season_of_game_date
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse import Warehouse

EVIDENCE = ("boxscores", "player_game_summary", "predictions")
"""Tables whose first date is that of the history. `predictions` is a ledger."""

TEAM = ["game_date", "team"]


BATCH = 30
"""Number of dates that are read at once in the search for the first one with rows, after the first date alone."""


def first_date(warehouse: Warehouse) -> date | None:
    """Returns the first date of the stored history; None without any, so that everything is expected.

    A date without rows does not count, because a failed run of an earlier date leaves one.
    """
    return min(filter(None, (_first_with_rows(warehouse, TABLES[name]) for name in EVIDENCE)), default=None)


def _first_with_rows(warehouse: Warehouse, table: Table) -> date | None:
    dates = sorted(warehouse.dates(table))
    # usually, the first date has rows, and each check and gate of a run asks for it
    batches = [dates[:1], *(dates[start : start + BATCH] for start in range(1, len(dates), BATCH))]
    for batch in batches:
        first: date | None = warehouse.scan(table, batch).select(pl.col("game_date").min()).collect().item()
        if first is not None:
            return first
    return None


def first_due_date(warehouse: Warehouse, today: date) -> date:
    """Returns the first date that is due without a backfill: that of the history, or of the last days in a new home."""
    return min(first_date(warehouse) or today, today - timedelta(days=SETTINGS.patience.catch_up_days))


def since_first_date(warehouse: Warehouse, schedule: pl.DataFrame) -> pl.DataFrame:
    """Returns the games of `schedule` that the history can contain."""
    first = first_date(warehouse)
    return schedule if first is None else schedule.filter(pl.col("game_date") >= first)


def waiting_teams(warehouse: Warehouse, dates: Sequence[date], as_of: datetime) -> pl.DataFrame:
    """Returns the teams that the gate of the slate excludes only because the history begins too late: game_date and team."""
    if not _begins_within(warehouse, dates, slate_gates.RECENT_DAYS):
        return pl.DataFrame(schema={"game_date": pl.Date, "team": pl.String})
    schedule, boxscores = slate_gates.before(warehouse, dates)
    excluded = _excluded(schedule, boxscores, dates, as_of)
    if excluded.is_empty():
        return excluded
    gaps = _excluded(since_first_date(warehouse, schedule), boxscores, dates, as_of)
    return excluded.join(gaps, on=TEAM, how="anti", maintain_order="left")


def waiting_dates(warehouse: Warehouse, dates: Sequence[date], as_of: datetime) -> set[date]:
    """Returns the dates whose slate is closed only because the history begins too late."""
    if not _begins_within(warehouse, dates, slate_gates.RECENT_DAYS):
        return set()
    schedule, boxscores = slate_gates.before(warehouse, dates)
    closed = _closed(slate_gates.judge_slates(schedule, boxscores, dates, as_of)[0])
    if not closed:
        return closed
    known = since_first_date(warehouse, schedule)
    return closed - _closed(slate_gates.judge_slates(known, boxscores, dates, as_of)[0])


def _begins_within(warehouse: Warehouse, dates: Sequence[date], number: int) -> bool:
    """Whether the history begins in the days before one of the dates, or later."""
    first = first_date(warehouse)
    return first is not None and first > min(dates) - timedelta(days=number)


def _excluded(schedule: pl.DataFrame, boxscores: pl.DataFrame, dates: Sequence[date], as_of: datetime) -> pl.DataFrame:
    """Returns the teams without features: those with a hole, and all teams of closed slates."""
    slates, with_a_hole = slate_gates.judge_slates(schedule, boxscores, dates, as_of)
    of_closed = _sides(schedule).filter(pl.col("game_date").is_in(sorted(_closed(slates))))
    return pl.concat([with_a_hole.select(TEAM), of_closed.select(TEAM)]).unique(maintain_order=True)


def _closed(slates: pl.DataFrame) -> set[date]:
    return set(slates.filter(~pl.col("is_open"))["game_date"])


def new_teams(warehouse: Warehouse, dates: Sequence[date]) -> pl.DataFrame:
    """Returns the teams of the dates without an earlier game in the history: game_date and team, sorted.

    An earlier game counts if it is recent enough to carry players over to the next season.
    """
    longest = SETTINGS.expected.carried_over_days
    if not _begins_within(warehouse, dates, longest):
        return pl.DataFrame(schema={"game_date": pl.Date, "team": pl.String})
    # most teams have a recent game, so the other months are seldom read
    new = _teams_without_a_game(warehouse, dates, min(slate_gates.RECENT_DAYS, longest))
    return new if new.is_empty() else _teams_without_a_game(warehouse, dates, longest)


def _teams_without_a_game(warehouse: Warehouse, dates: Sequence[date], number: int) -> pl.DataFrame:
    """Returns the teams of the dates without a game in the days before, see `new_teams`."""
    sides = stored_sides(warehouse, days(min(dates) - timedelta(days=number), max(dates)))
    earlier = sides.filter("has_boxscore_source").select("team", played_on="game_date").unique()
    is_earlier = (pl.col("game_date") - pl.col("played_on")).is_between(pl.duration(days=1), pl.duration(days=number))
    of_dates = sides.filter(pl.col("game_date").is_in(list(dates))).select(TEAM).unique().sort(TEAM)
    with_games = of_dates.join(earlier, on="team").filter(is_earlier).select(TEAM)
    return of_dates.join(with_games, on=TEAM, how="anti", maintain_order="left")


def stored_sides(warehouse: Warehouse, dates: Sequence[date]) -> pl.DataFrame:
    """Returns two rows per game of the dates that the history can contain: game_date, game_id, team and has_boxscore_source."""
    games = warehouse.scan(TABLES["schedule"], dates).select(gates.GAME_COLUMNS).collect()
    return _sides(since_first_date(warehouse, games))


def lined_players(warehouse: Warehouse, dates: Sequence[date], as_of: datetime) -> pl.DataFrame:
    """Returns the players with a line from before tip-off whom the history can contain: game_date, ids and spelling.

    A player whom the slate does not expect may belong to either team of the game. He is excluded if the history begins too late
    for one of them.
    """
    lined = (
        warehouse.scan(TABLES["prop_lines"], dates)
        .filter(pl.col("market") == SETTINGS.lines.market, "is_before_tipoff")
        .group_by("game_date", "game_id", "player_id")
        .agg(pl.col("spelling").first())
        .sort("spelling")
        .collect()
    )
    if not _begins_within(warehouse, dates, SETTINGS.expected.carried_over_days):
        return lined
    waiting, new = waiting_teams(warehouse, dates, as_of), new_teams(warehouse, dates)
    if waiting.is_empty() and new.is_empty():
        return lined
    expected = warehouse.scan(TABLES["upcoming_players"], dates).select("game_date", "game_id", "player_id", "team").collect()
    sides = _sides(warehouse.scan(TABLES["schedule"], dates).collect())
    of_games = sides.join(pl.concat([waiting, new]), on=TEAM, how="semi").select("game_id")
    key = ["game_id", "player_id"]
    unknown = lined.join(expected, on=key, how="anti").join(of_games, on="game_id", how="semi")
    excluded_players = pl.concat([expected.join(waiting, on=TEAM, how="semi").select(key), unknown.select(key)])
    return lined.join(excluded_players, on=key, how="anti", maintain_order="left")


def weeks_before_models(warehouse: Warehouse, weeks: Collection[date], least_games: Mapping[str, int]) -> set[tuple[date, str]]:
    """Returns the weeks and systems whose model is not expected yet: its row says so, and the history has too few player-games.

    Args:
        warehouse: Holds `points_model`, `boxscores` and `player_game_summary`.
        weeks: Mondays.
        least_games: system_id -> number of earlier games of the season that a player-game of its training needs.
    """
    untrained = warehouse.scan(TABLES["points_model"], weeks).filter(pl.col("model_id").is_null()).collect()
    if untrained.is_empty():
        return set()
    span = pl.col("game_date") < untrained["game_date"].max()
    player_games = [
        warehouse.scan(TABLES[name]).filter(span, "did_play").select("game_date", "player_id")
        for name in ("boxscores", "player_game_summary")
    ]
    played = pl.concat(player_games).unique().collect()
    number = pl.int_range(pl.len()).over("season", "player_id")
    played = played.with_columns(season_of_game_date()).sort("game_date").with_columns(number.alias("earlier"))
    return {
        (week, name)
        for week, name in untrained.select("game_date", "system_id").iter_rows()
        if name in least_games
        and played.filter(pl.col("game_date") < week, pl.col("earlier") >= max(least_games[name], 1)).height
        < SETTINGS.training.expected_rows
    }


def players_with_games(warehouse: Warehouse, dates: Sequence[date], least: int) -> pl.DataFrame:
    """Returns the players with `least` games of the season before the date: game_date and player_id."""
    season = days(min(dates) - timedelta(days=SETTINGS.expected.carried_over_days), max(dates))
    played = (
        warehouse.scan(TABLES["player_game_summary"], season)
        .filter("did_play")
        .select("player_id", "game_date")
        .collect()
        .with_columns(season_of_game_date())
        .rename({"game_date": "played_on"})
    )
    slates = pl.DataFrame({"game_date": sorted(dates)}, schema={"game_date": pl.Date}).with_columns(season_of_game_date())
    earlier = slates.join(played, on="season").filter(pl.col("played_on") < pl.col("game_date"))
    counts = earlier.group_by("game_date", "player_id").len("games")
    return counts.filter(pl.col("games") >= least).select("game_date", "player_id")


def _sides(schedule: pl.DataFrame) -> pl.DataFrame:
    """Returns two rows per game that is played."""
    games, columns = playing(schedule), ("game_date", "game_id", "has_boxscore_source")
    return pl.concat([games.select(*columns, pl.col(f"{side}_team").alias("team")) for side in ("home", "away")])

"""The data that a slate is expected to have, derived from the schedule and from earlier slates, never from its own data.

Functions of tables. The checks and `states` decide what a gap means.
"""

from bisect import bisect_left
from collections.abc import Collection, Sequence
from datetime import date, timedelta

import polars as pl

from nba_pipeline.completeness.not_played import OFF
from nba_pipeline.league.calendar import days, season_of_game_date, season_start
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse

PRICES = ["over_price", "under_price"]
ARCHIVE = "archive/"
"""Prefix of the `source` of archived rows."""


def playing(schedule: pl.DataFrame) -> pl.DataFrame:
    """Returns the games of `schedule` that are played on their date, with `matchup`."""
    matchup = pl.format("{}@{} {}", "away_team", "home_team", "game_id").alias("matchup")
    return schedule.filter(pl.col("status") != OFF).with_columns(matchup).sort("game_date", "game_id")


def games_to_predict(schedule: pl.DataFrame, summaries: pl.DataFrame, dates: Sequence[date]) -> pl.DataFrame:
    """Returns the games that require predictions: one of their teams has enough summarized games this season.

    Args:
        schedule: rows of `schedule`.
        summaries: rows of `player_game_summary` since the start of the season.
        dates: US Eastern dates.

    Returns:
        game_date, game_id, home_team, away_team, matchup, sorted. Excludes games that are not played.
    """
    slate = playing(schedule).filter(pl.col("game_date").is_in(list(dates)))
    slate = slate.select("game_date", "game_id", "home_team", "away_team", "matchup").with_columns(season_of_game_date())
    played = summaries.select("game_date", "game_id", "team").unique().with_columns(season_of_game_date()).sort("game_date")
    counted = played.with_columns(pl.int_range(1, pl.len() + 1).over("season", "team").alias("games"))
    history = counted.group_by("season", "team", "game_date").agg(pl.col("games").max()).sort("game_date")
    enough = pl.lit(False)
    for side in ("home", "away"):
        of_side = history.rename({"team": f"{side}_team", "games": f"{side}_games"})
        slate = slate.sort("game_date").join_asof(
            of_side,
            on="game_date",
            by=["season", f"{side}_team"],
            strategy="backward",
            allow_exact_matches=False,
            check_sortedness=False,
        )
        enough |= (pl.col(f"{side}_games") >= SETTINGS.predicting.least_games).fill_null(False)
    return slate.filter(enough).drop("season", "home_games", "away_games").sort("game_date", "game_id")


def games_without_predictions(warehouse: Warehouse, dates: Sequence[date]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Returns the games of the dates that require predictions, and those without any."""
    season = days(season_start(min(dates)), max(dates))
    summaries = warehouse.scan(TABLES["player_game_summary"], season).select("game_date", "game_id", "team").unique().collect()
    expected = games_to_predict(warehouse.scan(TABLES["schedule"], dates).collect(), summaries, dates)
    predicted = warehouse.scan(TABLES["predictions"], dates).select("game_date", "game_id").unique().collect()
    return expected, expected.join(predicted, on=["game_date", "game_id"], how="anti", maintain_order="left")


def players_without_predictions(
    warehouse: Warehouse, dates: Sequence[date], required: Sequence[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Returns the players of the dates who require a prediction, and those without any.

    A player of a played game requires a prediction if he has enough games, enough minutes and the `required` features.
    """
    settings = SETTINGS.predicting
    eligible = (
        warehouse.scan(TABLES["features"], dates)
        .filter(
            pl.col("games_played_season") >= settings.least_games,
            pl.col("minutes_mean_last_10_games") >= settings.least_minutes,
            pl.all_horizontal(pl.col(required).is_not_null()),
        )
        .select("game_date", "game_id", "player_id", "team")
        .collect()
    )
    played = warehouse.scan(TABLES["schedule"], dates).filter(pl.col("status") != OFF).select("game_id").collect()
    names = warehouse.scan(TABLES["upcoming_players"], dates).select("game_id", "player_id", "player_name").collect()
    predicted = warehouse.scan(TABLES["predictions"], dates).select("game_id", "player_id").unique().collect()
    expected = eligible.join(played, on="game_id", how="semi").join(names, on=["game_id", "player_id"], how="left")
    return expected, expected.join(predicted, on=["game_id", "player_id"], how="anti")


def usual(observed: pl.DataFrame, column: str, slates: Sequence[date], dates: Sequence[date]) -> dict[date, list[str]]:
    """Returns, for each date with games, the values of a column that most earlier slates had.

    Args:
        observed: game_date and the column, at least for the trailing window of each date.
        column: its name, for example `book`.
        slates: the dates with games.
        dates: the dates to return.
    """
    settings, of_day = SETTINGS.usual, dict(observed.group_by("game_date").agg(pl.col(column).unique()).iter_rows())
    dates_with_rows = sorted(of_day.keys() & set(slates))
    expected: dict[date, list[str]] = {}
    for day in sorted(set(dates) & set(slates)):
        before = dates_with_rows[: bisect_left(dates_with_rows, day)][-settings.slates :]
        earlier = [slate for slate in before if slate >= day - timedelta(days=settings.days)]
        counts = pl.Series(column, [value for slate in earlier for value in of_day[slate]], dtype=pl.String).value_counts()
        frequent = counts.filter(pl.col("count") >= settings.share * len(earlier))
        expected[day] = sorted(frequent[column].to_list())
    return expected


def absent_books(
    warehouse: Warehouse, table: str, dates: Sequence[date], market: str | None = None, has_prices: bool = False
) -> dict[date, list[str]]:
    """Returns, for each date with games, the books without lines that had lines on most earlier slates.

    Counts only lines with an instant before the tip-off. An archive of lines without instants creates no expectation.

    Args:
        warehouse: holds `schedule` and the table.
        table: `prop_lines` or `game_lines`.
        dates: US Eastern dates.
        market: counts only lines of this market.
        has_prices: counts only lines with both prices.
    """
    window = days(min(dates) - timedelta(days=SETTINGS.usual.days), max(dates))
    lines = warehouse.scan(TABLES[table], window).filter("is_before_tipoff")
    lines = lines if market is None else lines.filter(pl.col("market") == market)
    lines = lines.drop_nulls(PRICES) if has_prices else lines
    observed = lines.select("game_date", "book").unique().collect()
    games = warehouse.scan(TABLES["schedule"], window).filter(pl.col("status") != OFF).select("game_date").unique().collect()
    slates = games["game_date"].to_list()
    existing = dict(observed.group_by("game_date").agg("book").iter_rows())
    expected = usual(observed, "book", slates, dates)
    return {day: [book for book in books if book not in existing.get(day, ())] for day, books in expected.items()}


def archived_dates(warehouse: Warehouse, dates: Collection[date]) -> set[date]:
    """Returns the dates whose schedule comes from the archive."""
    is_archived = pl.col("source").str.starts_with(ARCHIVE)
    games = warehouse.scan(TABLES["schedule"], sorted(dates)).filter(is_archived)
    return set(games.select("game_date").unique().collect()["game_date"])


def dates_without_lines(warehouse: Warehouse, dates: Sequence[date], has_prices: bool = False) -> set[date]:
    """Returns the dates of the archive without lines from before the tip-off, unless a usual book should have had some.

    Args:
        warehouse: holds `schedule` and `prop_lines`.
        dates: US Eastern dates.
        has_prices: counts only lines with both prices.
    """
    market = SETTINGS.lines.market
    lines = warehouse.scan(TABLES["prop_lines"], dates).filter("is_before_tipoff", pl.col("market") == market)
    counted = lines.drop_nulls(PRICES) if has_prices else lines
    without = archived_dates(warehouse, dates).difference(counted.select("game_date").unique().collect()["game_date"])
    books = absent_books(warehouse, "prop_lines", sorted(without), market, has_prices) if without else {}
    return {day for day in without if not books.get(day)}

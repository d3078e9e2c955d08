"""The actual and the expected number of games, players or predictions of a date, per table."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import polars as pl

from nba_pipeline.assets.grades.grades import published
from nba_pipeline.completeness import expectations
from nba_pipeline.completeness.modes import lines_due_at
from nba_pipeline.completeness.not_played import OFF
from nba_pipeline.formulas.grade_versions import OF_A_DATE
from nba_pipeline.formulas.markets import STATISTICS
from nba_pipeline.instance.clock import Clock
from nba_pipeline.monitoring.record_keys import candidates, judged_candidates, live_picks
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse

GAME = ("game_date", "game_id")
PLAYER = ("game_date", "game_id", "player_id")


class Count(NamedTuple):
    """The actual and the expected number."""

    actual: int
    expected: int


UNITS = {
    "boxscores": "complete of final games",
    "player_game_summary": "summarized of final games",
    "prop_lines": "games with lines of games",
    "upcoming_players": "games with players of games",
    "features": "players with features of expected players",
    "predictions": "predicted games of games to predict",
    "picks": "judged candidates of the champion's predictions with a side",
    "publications": "published picks of picks",
    "grades": "graded predictions of those on final games",
}
"""Table -> the meaning of its actual and expected number."""


def counts(
    warehouse: Warehouse, clock: Clock, schedule: pl.DataFrame, judged: pl.DataFrame, dates: Sequence[date]
) -> dict[date, dict[str, Count]]:
    """Returns by date and table the actual and the expected number. `judged` is the result of `gates.judge_games`.

    No picks are expected for games after today, because picks are made on the day of their games. No lines are expected on a
    date without any before they are due, see `lines_due_at`.
    """

    def keys(table: str, columns: Sequence[str]) -> pl.DataFrame:
        return warehouse.scan(TABLES[table], dates).select(columns).unique().collect()

    playing = expectations.playing(schedule).select(GAME)
    final = judged.filter("is_covered")
    complete = final.filter("is_complete").select(GAME)
    to_grade = gradable(warehouse, schedule, judged.with_columns(is_complete=True), dates)
    to_predict, _ = expectations.games_without_predictions(warehouse, dates)
    graded, lined = keys("grades", OF_A_DATE), keys("prop_lines", GAME)
    has_or_needs_lines = pl.col("game_date").is_in(lined["game_date"].to_list() + _dates_with_lines_due(schedule, clock, dates))
    of_games_up_to_today = candidates(warehouse, [day for day in dates if day <= clock.today])
    expected_and_actual = {
        "boxscores": (final.select(GAME), complete),
        "player_game_summary": (final.select(GAME), keys("player_game_summary", GAME)),
        "prop_lines": (playing.filter(has_or_needs_lines), lined),
        "upcoming_players": (playing, keys("upcoming_players", GAME)),
        "features": (keys("upcoming_players", PLAYER), keys("features", PLAYER)),
        "predictions": (to_predict.select(GAME), keys("predictions", GAME)),
        "picks": (of_games_up_to_today, judged_candidates(warehouse, dates)),
        "grades": (pl.concat([to_grade, graded]).unique(), graded),
    }
    numbers = {
        name: (_per_date(expected), _per_date(actual.join(expected, on=expected.columns, how="semi")))
        for name, (expected, actual) in expected_and_actual.items()
    }
    numbers["publications"] = _published(warehouse, dates)
    return {
        day: {name: Count(actual.get(day, 0), expected.get(day, 0)) for name, (expected, actual) in numbers.items()}
        for day in dates
    }


def _dates_with_lines_due(schedule: pl.DataFrame, clock: Clock, dates: Sequence[date]) -> list[date]:
    """Returns the dates whose games should have lines by now."""
    tipoffs = dict(expectations.playing(schedule).group_by("game_date").agg("tipoff_at").iter_rows())
    return [day for day in dates if clock.now() >= lines_due_at(day, tipoffs.get(day, ()))]


def _published(warehouse: Warehouse, dates: Sequence[date]) -> tuple[dict[date, int], dict[date, int]]:
    """Returns by date the number of live picks, and how many of them the publications have."""
    picks = _per_date(live_picks(warehouse, dates))
    published = warehouse.scan(TABLES["publications"], dates).group_by("game_date").agg(pl.col("picks").sum()).collect()
    return picks, {day: min(number, picks.get(day, 0)) for day, number in published.iter_rows()}


def gradable(warehouse: Warehouse, schedule: pl.DataFrame, judged: pl.DataFrame, dates: Sequence[date]) -> pl.DataFrame:
    """Returns the bets that can be graded: those on a statistic, in a game that is complete or not played. One row per bet."""
    complete = judged.filter("is_covered", "is_complete").select(GAME)
    gradable_games = pl.concat([complete, schedule.filter(pl.col("status") == OFF).select(GAME)])
    columns = [*OF_A_DATE, "version", "made_at", "tipoff_at"]
    is_gradable_market = pl.col("market").is_in(list(STATISTICS))
    predictions = warehouse.scan(TABLES["predictions"], dates).filter(is_gradable_market).select(columns).collect()
    return published(predictions.join(gradable_games, on=GAME, how="semi"), schedule).select(OF_A_DATE)


def _per_date(rows: pl.DataFrame) -> dict[date, int]:
    return dict(rows.group_by("game_date").len().iter_rows())

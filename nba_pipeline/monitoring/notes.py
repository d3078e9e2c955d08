"""Notes on dates: why tables of a date are empty although nothing is missing. They do not affect the state of the date."""

from collections.abc import Collection, Mapping
from datetime import date

from nba_pipeline.completeness import history
from nba_pipeline.completeness.states import FAILING
from nba_pipeline.instance.clock import Clock
from nba_pipeline.monitoring.counts import Count
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse import Warehouse

Numbers = Mapping[date, Mapping[str, Count]]


def notes(warehouse: Warehouse, clock: Clock, states: Mapping[date, str], numbers: Numbers) -> dict[date, list[str]]:
    """Returns the notes of each date. A late or failed date has no notes, because its reasons explain its empty tables.

    Args:
        warehouse: Holds the schedule and the tables whose first date is that of the history.
        clock: Has the present date.
        states: The state of each date.
        numbers: The actual and expected number of each date and table, see `counts`.
    """
    by_date: dict[date, list[str]] = {day: [] for day in states}
    first = history.first_date(warehouse)
    if first is None:
        return by_date
    explained = [day for day, state in states.items() if state not in (*FAILING, "EMPTY_OK")]
    with_games = [day for day in explained if day >= first and numbers[day]["upcoming_players"].expected]
    for day in explained:
        if day < min(first, clock.today):
            by_date[day].append(f"before the stored history, which begins {first}; nba-pipeline backfill loads earlier dates")
    for day in _without_earlier_games(warehouse, clock, with_games, numbers):
        by_date[day].append(
            f"players or features are missing for teams whose last games are before the stored history, which begins {first}"
        )
    for day in with_games:
        if not numbers[day]["predictions"].expected:
            least = SETTINGS.predicting.least_games
            by_date[day].append(f"no predictions are expected, because no team has {least} earlier summarized games this season")
    return by_date


def _without_earlier_games(warehouse: Warehouse, clock: Clock, dates: Collection[date], numbers: Numbers) -> list[date]:
    """Returns the dates that lack players or features of a team because the history begins too late for it."""
    short = [day for day in dates if any(_is_short(numbers[day][name]) for name in ("upcoming_players", "features"))]
    if not short:
        return []
    teams = (history.new_teams(warehouse, short), history.waiting_teams(warehouse, short, clock.now()))
    return sorted(set[date]().union(*(frame["game_date"] for frame in teams)))


def _is_short(count: Count) -> bool:
    return count.actual < count.expected

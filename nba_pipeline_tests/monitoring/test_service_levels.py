"""Attainment and error budgets of the service levels, from latencies."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from nba_pipeline.league.calendar import eastern
from nba_pipeline.monitoring.latency import UTC_INSTANT
from nba_pipeline.monitoring.objectives import Facts, objectives
from nba_pipeline.monitoring.service_levels import Attainment, attainments, exhausted, missed

TODAY = date(2026, 3, 9)
"""The morning after the clocks went forward."""
NOW = eastern(TODAY, 9)
INSTANTS = ("final_at", "boxscore_at", "summary_at", "graded_at", "features_at", "predictions_at")


def a_game(day: date, number: int = 0, **minutes: float | None) -> dict[str, Any]:
    """A game that ended at midnight Eastern of the next date (04:00 or 05:00 UTC). Minutes count from its end; None: unknown."""
    end = datetime(day.year, day.month, day.day, 5, tzinfo=UTC) + timedelta(days=1)
    steps = {"boxscore_at": 10, "graded_at": 60, "predictions_at": 90} | minutes
    instants = {name: None if after is None else end + timedelta(minutes=after) for name, after in steps.items()}
    blank = dict.fromkeys(INSTANTS)
    return {
        "game_date": day,
        "game_id": f"{day}{number}",
        "next_slate": day + timedelta(days=1),
        "is_predicted": True,
        **blank,
        "final_at": end,
        **instants,
    }


def frame(games: list[dict[str, Any]]) -> pl.DataFrame:
    days: dict[str, Any] = {"game_date": pl.Date(), "game_id": pl.String(), "next_slate": pl.Date(), "is_predicted": pl.Boolean()}
    return pl.DataFrame(games, schema=days | dict.fromkeys(INSTANTS, UTC_INSTANT))


def of(name: str, games: list[dict[str, Any]], days: int = 7, now: datetime = NOW) -> Attainment:
    found = attainments(Facts(frame(games)), now)
    return next(one for one in found if one.objective.name == name and one.days == days)


def test_late_box_scores_spend_the_error_budget() -> None:
    games = [a_game(TODAY - timedelta(days=1), i, boxscore_at=45 if i < 2 else 10) for i in range(10)]
    one = of("boxscores_in_time", games)
    assert (one.units, one.good, one.share, one.is_met) == (10, 8, 0.8, False)
    assert one.budget_left == pytest.approx(-1.0), "one bad game of ten was permitted, two were bad"
    attained = attainments(Facts(frame(games)), NOW)
    assert [found.objective.name for found in exhausted(attained)] == ["boxscores_in_time"] * 2
    objective = "box score within 30 minutes of the last action"
    assert missed(attained) == [f"{objective}: 80% with 10 games in 7 days (target 90%)"], "one message per objective"


@pytest.mark.parametrize(("minutes", "good"), [(30.0, 1), (30.5, 0)])
def test_a_limit_is_exact_to_the_second(minutes: float, good: int) -> None:
    assert of("boxscores_in_time", [a_game(TODAY - timedelta(days=1), boxscore_at=minutes)]).good == good


def test_a_slate_is_good_only_if_every_game_before_it_was() -> None:
    day = TODAY - timedelta(days=2)
    one = of("end_to_end_in_time", [a_game(day, 0), a_game(day, 1, predictions_at=500)])
    assert (one.units, one.good) == (1, 0)


@pytest.mark.parametrize(("minutes_after_due", "good"), [(400, 1), (401, 0)])
@pytest.mark.parametrize("final_at", [0, None], ids=["known end", "unknown end"])
def test_a_slate_after_a_break_is_timed_from_its_first_due_instant(
    final_at: int | None, minutes_after_due: int, good: int
) -> None:
    """Two days without games: the slate is first due at 17:30 of the day before it, long after the last action."""
    day = TODAY - timedelta(days=5)
    due_at = eastern(day + timedelta(days=2), 17, 30)
    game = a_game(day, final_at=final_at) | {
        "next_slate": day + timedelta(days=3),
        "predictions_at": due_at + timedelta(minutes=minutes_after_due),
    }
    one = of("end_to_end_in_time", [game])
    is_unknown = final_at is None and good
    assert (one.units, one.good, one.unknown) == ((0, 0, 1) if is_unknown else (1, good, 0))


def test_a_step_that_has_not_happened_is_unknown_until_its_limit_then_bad() -> None:
    """The game of the evening before ended at 01:00 Eastern. Nothing of it has arrived."""
    games = [a_game(TODAY - timedelta(days=1), boxscore_at=None, graded_at=None, predictions_at=None)]
    due = {
        "boxscores_in_time": (1, 30),
        "grades_in_time": (7, 0),
        "predictions_in_the_morning": (7, 30),
        "end_to_end_in_time": (7, 40),
    }
    for name, (hour, minute) in due.items():
        limit = eastern(TODAY, hour, minute)
        before, after = (of(name, games, now=limit + timedelta(seconds=late)) for late in (0, 1))
        assert (before.units, before.unknown) == (0, 1), name
        assert (after.units, after.good, after.unknown) == (1, 0, 0), name


def test_a_game_of_unknown_end_is_bad_without_a_box_score_after_the_deadline_of_its_date() -> None:
    games = [a_game(TODAY - timedelta(days=1), final_at=None, boxscore_at=None)]
    deadline = eastern(TODAY, 12, 30)
    before, after = (of("boxscores_in_time", games, now=deadline + timedelta(seconds=late)) for late in (0, 1))
    assert (before.units, before.unknown) == (0, 1)
    assert (after.units, after.good) == (1, 0)


def test_a_game_of_unknown_end_counts_as_neither() -> None:
    day = TODAY - timedelta(days=2)
    games = [a_game(day, 0, final_at=None), a_game(day, 1)]
    one = of("grades_in_time", games)
    assert (one.units, one.good, one.unknown) == (1, 1, 1)
    assert of("end_to_end_in_time", games).share is None


def test_a_slate_is_bad_by_one_game_even_if_another_cannot_be_judged() -> None:
    day = TODAY - timedelta(days=2)
    one = of("end_to_end_in_time", [a_game(day, 0, final_at=None), a_game(day, 1, predictions_at=500)])
    assert (one.units, one.good) == (1, 0)


def test_a_game_without_a_prediction_has_no_grade_to_wait_for() -> None:
    games = [a_game(TODAY - timedelta(days=2), graded_at=None) | {"is_predicted": False}]
    one = of("grades_in_time", games)
    assert (one.units, one.unknown) == (0, 0)


def test_the_morning_deadline_follows_the_clock_change() -> None:
    """On 2026-03-08 the clocks went forward, so 07:30 Eastern is 11:30 UTC; the day before it was 12:30 UTC."""
    before, change = date(2026, 3, 6), date(2026, 3, 7)
    made: dict[str, Any] = {"predictions_at": 7.25 * 60}  # 12:15 UTC: 07:15 Eastern in winter, 08:15 in summer
    assert of("predictions_in_the_morning", [a_game(before, **made)]).good == 1
    assert of("predictions_in_the_morning", [a_game(change, **made)]).good == 0


def test_no_games_have_no_attainment_and_no_alarm() -> None:
    found = attainments(Facts(frame([])), NOW)
    assert len(found) == 2 * len(objectives())
    assert {(one.share, one.budget_left, one.is_met) for one in found} == {(None, None, None)} and exhausted(found) == []
    assert {one.value for one in found} == {None}


def test_few_games_exhaust_no_budget() -> None:
    one_bad = [a_game(TODAY - timedelta(days=1), 0, boxscore_at=45)]
    assert of("boxscores_in_time", one_bad).is_met is False and exhausted(attainments(Facts(frame(one_bad)), NOW)) == []

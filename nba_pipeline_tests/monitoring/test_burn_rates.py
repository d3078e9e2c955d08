"""Alerts about error budgets: when a burn is fast or slow, when it is over, and the histories that raise none."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from nba_pipeline.league.calendar import eastern
from nba_pipeline.monitoring.burn_rates import burn_findings
from nba_pipeline.monitoring.objectives import UNIT, WORK, Facts
from nba_pipeline_tests.monitoring.test_service_levels import a_game, frame

NIGHT = date(2026, 3, 7)
"""The clocks go forward in this night."""
MORNING = eastern(NIGHT + timedelta(days=1), 9)
DAY = timedelta(days=1)


def slates(*late: int, days: int = 14, games: int = 7) -> list[dict[str, Any]]:
    """Games of the nights up to NIGHT, with a number of late box scores in the newest nights, newest first."""
    return [
        a_game(NIGHT - n * DAY, number, boxscore_at=90 if number < (late[n] if n < len(late) else 0) else 10)
        for n in range(days)
        for number in range(games)
    ]


def found(games: list[dict[str, Any]], now: datetime = MORNING, **facts: Any) -> list[tuple[str, str]]:
    findings = burn_findings(Facts(frame(games), since=MORNING - 99 * DAY, **facts), now)
    return [(one.subject, one.severity) for one in findings]


def test_a_night_without_late_games_burns_nothing() -> None:
    assert found(slates()) == []


def test_a_night_of_late_box_scores_is_a_fast_burn_and_over_after_a_day_of_good_ones() -> None:
    assert found(slates(7)) == [("boxscores_in_time", "critical")]
    good_night = [a_game(NIGHT + DAY, number) for number in range(7)]
    assert found([*slates(7), *good_night], MORNING + DAY) == []


def test_a_fast_burn_is_over_when_no_game_follows() -> None:
    assert found(slates(7), MORNING + 12 * timedelta(hours=1)) == [("boxscores_in_time", "critical")]
    assert found(slates(7), MORNING + 30 * DAY) == []


def test_some_late_games_in_many_nights_are_a_slow_burn() -> None:
    assert found(slates(2, 0, 2, 0, 2, 2, 2, 0, 2, 2, 2)) == [("boxscores_in_time", "warning")]
    assert found(slates(0, 0, 0, 2, 2, 2, 2, 2, 2, 2, 2)) == [], "three nights without a late game"


def test_a_message_says_what_burns() -> None:
    [finding] = burn_findings(Facts(frame(slates(7)), since=MORNING - 99 * DAY), MORNING)
    assert finding.message == (
        "objective boxscores_in_time (box score within 30 minutes of the last action): 7 of 14 games missed it in "
        "48 h; the error budget burns at 5.0 times the permitted rate (fast burn)"
    )


@pytest.mark.parametrize("games", [[], [a_game(NIGHT, boxscore_at=900, graded_at=900, predictions_at=900)]])
def test_no_games_and_a_history_of_one_game_raise_no_alert(games: list[dict[str, Any]]) -> None:
    assert found(games) == []
    lost = pl.DataFrame([(NIGHT, MORNING - DAY, "lines", None, MORNING - DAY)], schema=WORK, orient="row")
    assert found(games, work=lost) == []


def test_games_before_the_clock_change_are_no_hour_older() -> None:
    """24 hours before 09:00 of the day of the change is 08:00 of the day before."""
    ends = datetime(2026, 3, 7, 12, 31, tzinfo=UTC)  # due at 13:01, which is 08:01 Eastern
    games = [a_game(NIGHT - DAY, n) | {"final_at": ends, "boxscore_at": ends + timedelta(hours=2)} for n in range(7)]
    assert found(games) == [("boxscores_in_time", "critical")]
    assert found(games, MORNING + timedelta(minutes=2)) == [("boxscores_in_time", "warning")]


def test_manual_acts_are_never_urgent_and_one_raises_no_alert() -> None:
    def acts(number: int) -> pl.DataFrame:
        return pl.DataFrame([(NIGHT, MORNING - n * DAY) for n in range(number)], schema=UNIT, orient="row")

    assert found([], acts=acts(1)) == []
    assert found([], acts=acts(2)) == [("manual_acts", "warning")]
    [finding] = burn_findings(Facts(frame([]), acts=acts(2), since=MORNING - 99 * DAY), MORNING)
    assert finding.message.startswith("objective manual_acts (fewer than 0.25 manual acts a week): 2 acts in 336 h; ")

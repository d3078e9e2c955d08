"""Notes on the first dates of a home. Eight teams play each day; the schedule also has earlier days."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import days
from nba_pipeline.monitoring.counts import Count
from nba_pipeline.monitoring.notes import notes
from nba_pipeline_tests.builders_days import Days, complete_box, slate_of

FIRST = date(2026, 1, 12)
FOURTH = FIRST + timedelta(days=3)
"""The first date whose teams have three stored games."""
CLOCK = Clock(fixed_at=f"{FOURTH}T12:00:00-05:00")
BEFORE = [f"before the stored history, which begins {FIRST}; nba-pipeline backfill loads earlier dates"]
TEAMS = f"players or features are missing for teams whose last games are before the stored history, which begins {FIRST}"
UNPREDICTED = "no predictions are expected, because no team has 5 earlier summarized games this season"
NUMBERS = {"upcoming_players": Count(4, 4), "features": Count(0, 120), "predictions": Count(0, 0)}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Days:
    home = Days(tmp_path_factory.mktemp("home"))
    for day in days(FIRST - timedelta(days=3), FOURTH):
        games = slate_of(day, *[None] * 4, status="final")
        home.write("schedule", day, *games)
        if day >= FIRST:
            home.write("boxscores", day, *(row for game in games for row in complete_box(game)))
    return home


def notes_on(home: Days, day: date, state: str = "COMPLETE", **numbers: Count) -> list[str]:
    return notes(home.warehouse, CLOCK, {day: state}, {day: NUMBERS | numbers})[day]


def test_a_date_before_the_first_stored_date_says_so(home: Days) -> None:
    assert notes_on(home, FIRST - timedelta(days=1), "NOT_DUE") == BEFORE
    assert notes_on(home, FOURTH + timedelta(days=1), "NOT_DUE", predictions=Count(0, 4)) == []


def test_a_date_whose_teams_have_no_earlier_stored_games_says_so(home: Days) -> None:
    assert [notes_on(home, day) for day in days(FIRST, FOURTH)] == [[TEAMS, UNPREDICTED]] * 3 + [[UNPREDICTED]]
    assert notes_on(home, FIRST, features=Count(120, 120)) == [UNPREDICTED]


def test_a_date_with_expected_predictions_has_no_note_about_them(home: Days) -> None:
    assert notes_on(home, FOURTH, predictions=Count(3, 4)) == []


@pytest.mark.parametrize("state", ["LATE", "FAILED", "EMPTY_OK"])
def test_reasons_explain_a_late_date_and_no_game_explains_an_empty_one(state: str, home: Days) -> None:
    assert notes_on(home, FIRST, state) == notes_on(home, FIRST - timedelta(days=1), state) == []


def test_a_home_without_tables_has_no_notes(tmp_path: Path) -> None:
    assert notes_on(Days(tmp_path), FIRST, "NOT_DUE") == []

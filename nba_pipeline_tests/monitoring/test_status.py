"""The states, reasons and exit codes of `status`."""

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nba_pipeline.completeness.disagreements import DISAGREEMENTS
from nba_pipeline.completeness.modes import MODES, tables_of_mode
from nba_pipeline.completeness.not_played import mark
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import eastern
from nba_pipeline.monitoring.status import status
from nba_pipeline.tables.declarations import daily_tables
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline_tests.builders import Values
from nba_pipeline_tests.builders_days import Days, a_copy, complete_box, slate_of
from nba_pipeline_tests.builders_predictions import a_prediction
from nba_pipeline_tests.commands import Ended, nba_pipeline
from nba_pipeline_tests.completeness.test_expectations import BOOKS, line_of, summarized
from nba_pipeline_tests.monitoring.webhook import a_notifier, listening

pytestmark = pytest.mark.platform

DAY = date(2026, 1, 15)
LATER = eastern(date(2026, 1, 30), 12)
"""Long after the last automatic re-read."""


def test_contradictions_are_listed_after_their_last_reread(tmp_path: Path) -> None:
    days, clock = Days(tmp_path), Clock(fixed_at=LATER.isoformat())
    game = slate_of(DAY, eastern(DAY, 19), status="final")[0]
    days.write("schedule", DAY, game | {"home_points": 112})
    days.write("boxscores", DAY, *complete_box(game))
    row = {
        "game_id": game["game_id"],
        "player_id": 1,
        "player_name": "Al Able",
        "statistic": "points",
        "provider": "nba_cdn",
        "value": 20.0,
        "other_provider": "nba_stats",
        "other_value": 22.0,
        "source": "test",
    }
    days.write(DISAGREEMENTS.name, DAY, row)
    landing = Landing(home=str(tmp_path), clock=clock)
    (record,) = status(days.warehouse, landing, clock, [DAY], dict.fromkeys(daily_tables(), "1"))
    assert record["missing"] == [f"NYK@GSW {game['game_id']} (players of GSW sum to 110 points, the team scored 112)"]
    assert record["happened"] == [f"sources of game {game['game_id']} disagree: Al Able points 20.0 (nba_cdn), 22.0 (nba_stats)"]


def test_an_undelivered_message_is_listed_on_the_date_it_was_raised(tmp_path: Path) -> None:
    days, clock = Days(tmp_path), Clock(fixed_at=LATER.isoformat())
    with listening() as slack:
        slack.status = 500
        notifier = a_notifier(days.warehouse, slack.url, eastern(DAY, 12))
        notifier.raise_alert(date(2021, 11, 1), "run_failed", "season", "no box scores")
    (record,) = status(days.warehouse, Landing(home=str(tmp_path), clock=clock), clock, [DAY], dict.fromkeys(daily_tables(), "1"))
    assert record["happened"] == [
        "alert run_failed season (2021-11-01) is not delivered yet after 1 attempt: the webhook answered 500"
    ]


# States, from the tables to the exit code


BEFORE = [DAY - timedelta(days=n) for n in (2, 4, 6, 8, 10)]
TIPOFFS = [eastern(DAY, hour) for hour in (19, 19, 20, 22)]
MORNING, AFTERNOON = eastern(DAY + timedelta(days=1), 8), eastern(DAY + timedelta(days=1), 13)
GAMES = slate_of(DAY, *TIPOFFS, status="final")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Five slates and DAY with every table written. Dagster has no records."""
    days = Days(tmp_path_factory.mktemp("finished"))
    for day in (*BEFORE, DAY):
        games = slate_of(day, *(eastern(day, 19),) * 4, status="final") if day != DAY else GAMES
        bets = [
            a_prediction(game_date=day, game_id=game["game_id"], tipoff_at=game["tipoff_at"], made_at=eastern(day, 12))
            for game in games
        ]
        days.write("schedule", day, *games)
        days.write("boxscores", day, *(row for game in games for row in complete_box(game)))
        days.write("player_game_summary", day, *summarized(day, games))
        days.write("predictions", day, *bets)
        days.write("grades", day, *(grade_of(bet) for bet in bets))
        for table in ("prop_lines", "game_lines"):
            days.write(table, day, *(line_of(table, day, game["game_id"], book) for game in games for book in BOOKS))
        for table in dict.fromkeys(name for mode in MODES for name in tables_of_mode(mode)):
            if day not in days.warehouse.dates(TABLES[table]):
                days.write(table, day)
    return days.home


def grade_of(bet: Values) -> Values:
    return {name: bet[name] for name in ("game_date", "game_id", "player_id", "system_id", "market", "run_kind")} | {
        "grade_version": 1
    }


@pytest.fixture
def days(finished: Path, tmp_path: Path) -> Days:
    return a_copy(finished, tmp_path / "home")


def status_of(days: Days, now: datetime, *arguments: str) -> Ended:
    return nba_pipeline("status", "--from", str(DAY), "--to", str(DAY), *arguments, home=days.home, now=now)


def answer(days: Days, now: datetime = AFTERNOON) -> tuple[int, str, list[str]]:
    """Exit code, state and reasons."""
    ended = status_of(days, now, "--format", "json")
    record: dict[str, Any] = json.loads(ended.stdout)[0]
    return ended.returncode, record["state"], record["reasons"]


def test_a_date_with_every_table_is_complete(days: Days) -> None:
    code, state, reasons = answer(days)
    assert (code, reasons) == (0, []) and state in ("COMPLETE", "STALE")  # the rows have no code version


@pytest.mark.unattended
def test_a_suspended_game_is_listed_until_it_is_marked_and_its_predictions_are_void(days: Days) -> None:
    """A game that is not final is neither in the coverage nor gradable."""
    suspended = GAMES[3] | {"status": "suspended", "status_text": "Suspended", "home_points": 61, "away_points": 58}
    days.write("schedule", DAY, *GAMES[:3], suspended)
    days.write("boxscores", DAY, *(row for game in GAMES[:3] for row in complete_box(game)))
    days.write("grades", DAY, *(grade_of(a_prediction(game_date=DAY, game_id=game["game_id"])) for game in GAMES[:3]))
    game = f"CHI@PHX {suspended['game_id']}"
    named = f"{game} is not final but suspended; if it is not played: nba-pipeline not-played --game {suspended['game_id']} --reason R --author N"
    assert answer(days, MORNING) == (1, "LATE", [named])
    assert answer(days) == (1, "FAILED", [named])
    assert "\n  CHI@PHX is not final but suspended" in status_of(days, AFTERNOON).stdout
    mark(days.warehouse, MORNING, suspended["game_id"], "the floor was wet", "Ann")
    days.write("schedule", DAY, *GAMES[:3], suspended | {"status": "postponed"})  # as a run of the asset writes it
    assert answer(days) == (1, "FAILED", [f"{game}: 1 prediction is not graded"])
    days.write("grades", DAY, *(grade_of(a_prediction(game_date=DAY, game_id=game["game_id"])) for game in GAMES))
    assert answer(days)[0] == 0
    assert "\n  CHI@PHX is marked as not played, by Ann: the floor was wet" in status_of(days, AFTERNOON).stdout


def test_ungraded_predictions_of_a_complete_game_are_counted(days: Days) -> None:
    days.write("grades", DAY, *(grade_of(a_prediction(game_date=DAY, game_id=game["game_id"])) for game in GAMES[:3]))
    assert answer(days, MORNING) == (1, "LATE", [f"CHI@PHX {GAMES[3]['game_id']}: 1 prediction is not graded"])


def test_a_game_without_predictions_and_a_book_without_lines_are_listed(days: Days) -> None:
    days.write("predictions", DAY, *(a_prediction(game_date=DAY, game_id=game["game_id"]) for game in GAMES[:3]))
    days.write(
        "prop_lines", DAY, *(line_of("prop_lines", DAY, game["game_id"], book) for game in GAMES[1:] for book in BOOKS[:2])
    )
    first, last = f"NYK@GSW {GAMES[0]['game_id']}", f"CHI@PHX {GAMES[3]['game_id']}"
    assert answer(days) == (
        0,
        "DEGRADED",
        [f"no predictions for {last}", f"prop_lines: no lines for {first}", "prop_lines: no lines by usual books: betmgm"],
    )


@pytest.mark.parametrize(
    ("now", "code", "state"),
    [
        (eastern(DAY - timedelta(days=1), 12), 0, "NOT_DUE"),
        (eastern(DAY, 18, 45), 1, "LATE"),
        (AFTERNOON + timedelta(days=3), 1, "FAILED"),
    ],
    ids=["the day before", "15 minutes before the tip-off", "three days later"],
)
def test_a_slate_without_a_run_is_late_and_then_failed(now: datetime, code: int, state: str, days: Days) -> None:
    coming = slate_of(DAY, *TIPOFFS)
    for table in daily_tables():
        for file in (days.home / "tables" / table).glob(f"game_date={DAY}/*"):
            file.unlink()
    days.write("schedule", DAY, *coming)
    assert answer(days, now)[:2] == (code, state)


def test_a_date_with_a_failed_run_is_not_complete(days: Days) -> None:
    days.end(days.begin(DAY, datetime.now(AFTERNOON.tzinfo)), datetime.now(AFTERNOON.tzinfo))
    code, state, reasons = answer(days, MORNING)
    assert (code, state) == (1, "LATE") and any("failed and no later run has succeeded" in reason for reason in reasons)


def test_a_date_with_a_run_in_progress_is_running(days: Days) -> None:
    days.write("schedule", DAY, *slate_of(DAY, *TIPOFFS))
    days.begin(DAY, datetime.now(AFTERNOON.tzinfo))
    assert answer(days)[:2] == (0, "RUNNING")


def test_an_empty_home_is_late_today_and_failed_before(tmp_path: Path) -> None:
    Days(tmp_path)
    ended = nba_pipeline("status", "--format", "json", home=tmp_path, now=AFTERNOON)
    states = [record["state"] for record in json.loads(ended.stdout)]
    assert ended.returncode == 1 and states == ["FAILED"] * 6 + ["LATE", "NOT_DUE"]

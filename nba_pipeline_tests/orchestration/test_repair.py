"""What a repair runs, and what it does not: nothing that is complete, blocked or not due. `cli/test_repair.py` runs one."""

from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pytest

from nba_pipeline.definitions import build_definitions
from nba_pipeline.environments import resources_for
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import eastern
from nba_pipeline.orchestration.repair import Missing, find_missing, next_tables
from nba_pipeline.orchestration.runner import Runner
from nba_pipeline.tables.declarations import daily_tables
from nba_pipeline_tests.builders_days import Days, complete_box, slate_of

pytestmark = pytest.mark.platform

DAY = date(2026, 1, 15)
MORNING = eastern(date(2026, 1, 16), 9)
GAMES = slate_of(DAY, eastern(DAY, 19), eastern(DAY, 22), status="final")

Found = Callable[[datetime], Missing]


@pytest.fixture
def days(tmp_path: Path) -> Days:
    """Two final games, one of them without a box score. Every daily table is written."""
    days = Days(tmp_path)
    for name in daily_tables():
        days.write(name, DAY)
    days.write("schedule", DAY, *GAMES)
    days.write("boxscores", DAY, *complete_box(GAMES[0]))
    return days


@pytest.fixture
def found(days: Days, monkeypatch: pytest.MonkeyPatch) -> Found:
    """Returns what the date lacks at an instant."""
    monkeypatch.setenv("NBA_PIPELINE_HOME", str(days.home))

    def at(now: datetime) -> Missing:
        definitions = build_definitions("sandbox", resources_for("sandbox", Clock(fixed_at=now.isoformat())))
        return find_missing(Runner(definitions, days.instance), DAY)

    return at


def test_a_missing_box_score_concerns_the_tables_that_are_loaded_with_it(found: Found) -> None:
    missing = found(MORNING)
    names = ("schedule", "boxscores", "team_boxscores", "play_by_play", "players")
    assert {name: missing.tables[name] for name in names} == dict.fromkeys(names, f"games missing: LAL@BOS {GAMES[1]['game_id']}")


def test_a_closed_gate_and_a_slate_that_has_begun_are_not_repaired(found: Found) -> None:
    blocked = found(MORNING).blocked
    assert blocked["player_game_summary"] == "the gate enough_final_games_are_covered is closed"
    assert not blocked.keys() & found(MORNING).tables.keys()


def test_nothing_is_missing_before_it_is_due(found: Found) -> None:
    assert not {"boxscores", "grades"} & found(eastern(DAY, 12)).tables.keys()


def test_a_table_that_is_not_written_is_missing(days: Days, found: Found) -> None:
    (days.home / "tables" / "matchups" / f"game_date={DAY}" / "part.parquet").unlink()
    assert found(MORNING).tables["matchups"] == "not written"


def test_a_pass_runs_sources_first_then_what_depends_on_them() -> None:
    missing = Missing(dict.fromkeys(("schedule", "boxscores", "player_game_summary", "grades"), "missing"))
    assert next_tables(missing, set()) == ("schedule", "boxscores")
    assert next_tables(missing, {"schedule", "boxscores"}) == ("player_game_summary",)
    assert next_tables(missing, {"schedule", "boxscores", "player_game_summary"}) == ("grades",)
    assert next_tables(missing, set(missing.tables)) == ()

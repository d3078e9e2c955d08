"""The audit trail: decisions of the ledgers, resolved names and runs that a person started."""

import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from nba_pipeline.assets.sources.players import RESOLUTIONS as NAMES
from nba_pipeline.audit.trail import Entry, trail
from nba_pipeline.completeness.waivers import waive
from nba_pipeline.governance.halts import Halt, halt, read_halts, record_derived, resume
from nba_pipeline.governance.roles import promote, read_decisions, record_initial
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.run_tags import MODE_TAG, STARTED_BY_TAG, USER_TAG, WHY_TAG
from nba_pipeline.league.calendar import eastern, eastern_date
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payloads import Slot
from nba_pipeline_tests.builders_days import Days, slate_of

DAY = date(2026, 1, 15)
MORNING = eastern(date(2026, 1, 16), 9)
GATE = "enough_final_games_are_covered"


@pytest.fixture
def days(tmp_path: Path) -> Days:
    return Days(tmp_path)


def landing_of(days: Days) -> Landing:
    return Landing(home=str(days.home), clock=Clock(fixed_at=MORNING.isoformat()))


def entries(days: Days, first: date = DAY, last: date = DAY + timedelta(days=1)) -> list[Entry]:
    return trail(days.warehouse, landing_of(days), days.instance, first, last)


def test_a_waiver_has_author_and_reason_on_the_date_of_the_decision(days: Days) -> None:
    days.write("schedule", DAY, *slate_of(DAY, eastern(DAY, 19), status="final"))
    waive(days.warehouse, MORNING, DAY, GATE, "the arena lost power", "Ann", None)
    assert entries(days) == [Entry(MORNING, "waiver", "Ann", str(DAY), f"gate {GATE}", "the arena lost power")]
    assert entries(days, last=DAY) == [], "it was decided the day after"


def test_decisions_of_people_on_systems_and_halts_are_listed_and_those_of_the_platform_are_not(days: Days) -> None:
    here = days.warehouse
    decisions = record_initial(here, MORNING, read_decisions(here), ("ensemble", "xgboost"))
    promote(here, MORNING, decisions, "xgboost", "better", "Ann", {})
    halt(here, MORNING + timedelta(hours=1), "a test", "Ann")
    resume(here, MORNING + timedelta(hours=2), "done", "Bob")
    record_derived(here, MORNING + timedelta(hours=3), read_halts(here), Halt(True, "off_season", "no games"))
    assert [(one.action, one.who, one.subject, one.why) for one in entries(days)] == [
        ("system promote", "Ann", "system xgboost", "better"),
        ("picks halted", "Ann", "all picks", "a test"),
        ("picks resumed", "Bob", "all picks", "done"),
    ]


@pytest.mark.parametrize(
    ("decision", "who", "why"),
    [({"author": "Ann", "reason": "a nickname"}, "Ann", "a nickname"), ({}, "not recorded", "not recorded")],
    ids=["with author", "of an earlier version"],
)
def test_a_resolved_name_has_its_author_if_one_was_recorded(decision: dict[str, str], who: str, why: str, days: Days) -> None:
    body = json.dumps({"player_id": 7, "spelling": "B. Nobody", **decision}).encode()
    landing_of(days).keep(Slot(*NAMES, entity="7-B. Nobody", game_date=DAY), body, fetched_at=MORNING)
    assert entries(days) == [Entry(MORNING, "name resolved", who, str(DAY), "'B. Nobody' is player 7", why)]


def test_runs_of_people_are_listed_and_those_of_schedules_sensors_and_conditions_are_not(days: Days) -> None:
    now = datetime.now(UTC)
    command = {STARTED_BY_TAG: "command", USER_TAG: "ann"}
    days.begin(DAY, now - timedelta(minutes=2), **command, **{MODE_TAG: "repair", WHY_TAG: "boxscores: not written"})
    days.begin(DAY, now - timedelta(minutes=1), **command, **{MODE_TAG: "overnight"})
    days.begin(DAY, now)
    for tag in ("dagster/schedule_name", "dagster/sensor_name", "dagster/from_automation_condition"):
        days.begin(DAY, now, **{tag: "lines"})
    today = eastern_date(now)
    listed = entries(days, today - timedelta(days=1), today + timedelta(days=1))
    assert [(one.action, one.who, one.why) for one in listed] == [
        ("repair", "ann", "boxscores: not written"),
        ("manual run", "ann", "not recorded"),
        ("manual run", "a user of the UI", "not recorded"),
    ]

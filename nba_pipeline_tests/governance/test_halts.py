"""Each kind of halt, which of them applies, and the ledger of changes."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from nba_pipeline.errors import BadInput
from nba_pipeline.formulas.decay import Decay
from nba_pipeline.governance.halts import (
    Facts,
    Halt,
    derive,
    halt,
    read_halts,
    record_derived,
    recorded,
    resume,
    standing_halt,
)
from nba_pipeline.league.eastern_text import eastern_text
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import DAY, at, before

NOW = at(15)
WEEK = [before(number) for number in range(8)]
RUNNING = Halt(False)
HEALTHY, BLOCKED = Decay("HEALTHY", False), Decay("BLOCKED", False, DAY, 0.4, 0.2, 900)
USUAL = Facts(
    DAY, WEEK, WEEK, "ensemble", {"ensemble": HEALTHY, "xgboost": HEALTHY}, {"n": 900, "gap_low": 0.0, "log_loss_gap": 0.0}
)
FAR, NEAR = DAY + timedelta(days=22), DAY + timedelta(days=15)


def test_a_usual_day_is_not_halted() -> None:
    assert derive(USUAL, RUNNING) == RUNNING


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"game_dates": [FAR]}, "off_season"),
        ({"game_dates": []}, "off_season"),
        ({"game_dates": [NEAR]}, "between_rounds"),
        ({"game_dates": [DAY + timedelta(days=21)]}, "between_rounds"),
        ({"decays": {"ensemble": BLOCKED, "xgboost": Decay("WATCH", False)}}, "fleet_blocked"),
        ({"decays": {"ensemble": BLOCKED, "xgboost": Decay()}}, "fleet_blocked"),  # a thin state is no evidence of health
        ({"recent": {"n": 500, "gap_low": 0.16, "log_loss_gap": None}}, "edge_collapse"),
        ({"recent": {"n": 500, "gap_low": None, "log_loss_gap": 0.0011}}, "edge_collapse"),
        ({"predicted_dates": [before(4)]}, "predictions_inactive"),
        ({"game_dates": None}, "unknown"),
        ({"predicted_dates": None}, "unknown"),
        ({"decays": None}, "unknown"),
        ({"recent": None}, "unknown"),
    ],
)
def test_each_cause_halts_the_picks(facts: dict[str, Any], reason: str) -> None:
    state = derive(replace(USUAL, **facts), RUNNING)
    assert (state.is_halted, state.reason) == (True, reason)


@pytest.mark.parametrize(
    "facts",
    [
        {"game_dates": [DAY + timedelta(days=14)]},
        {"decays": {"ensemble": BLOCKED, "xgboost": HEALTHY}},
        {"recent": {"n": 499, "gap_low": 0.9, "log_loss_gap": 0.9}},
        {"recent": {"n": 500, "gap_low": 0.15, "log_loss_gap": 0.001}},
        {"predicted_dates": [before(3)]},
        {"predicted_dates": []},
        {"predicted_dates": [DAY]},
        {"predicted_dates": [before(4)], "game_dates": [before(1), before(2)]},
    ],
    ids=[
        "a short break",
        "a healthy challenger",
        "few rows",
        "at the limit",
        "predicted three days ago",
        "a new home",
        "predicted for the first time",
        "two game days",
    ],
)
def test_less_than_a_cause_does_not(facts: dict[str, Any]) -> None:
    assert not derive(replace(USUAL, **facts), RUNNING).is_halted


def test_a_manual_halt_precedes_what_the_platform_derives_and_follows_the_calendar() -> None:
    manual = Halt(True, "manual", "a test", actor="Ann")
    collapsed = replace(USUAL, recent={"n": 500, "gap_low": 0.2, "log_loss_gap": None})
    assert derive(collapsed, manual) == manual
    assert derive(replace(USUAL, game_dates=[FAR]), manual).reason == "off_season"


@pytest.fixture
def warehouse(tmp_path: Path) -> LocalWarehouse:
    return LocalWarehouse(home=str(tmp_path))


def test_a_change_is_recorded_once_with_its_numbers(warehouse: LocalWarehouse) -> None:
    state = derive(replace(USUAL, recent={"n": 500, "gap_low": 0.2, "log_loss_gap": None}), RUNNING)
    for hours in (0, 1):
        found = record_derived(warehouse, NOW + timedelta(hours=hours), read_halts(warehouse), state)
        assert (found.since, found.metrics["gap_low"], found.actor) == (NOW, 0.2, "platform")
    record_derived(warehouse, NOW + timedelta(hours=2), read_halts(warehouse), RUNNING)
    assert read_halts(warehouse)["is_halted"].to_list() == [True, False]


def test_a_manual_halt_stands_through_the_off_season_until_it_is_resumed(warehouse: LocalWarehouse) -> None:
    assert halt(warehouse, NOW, "a test", "Ann") == "picks are halted from now on"
    record_derived(warehouse, NOW, read_halts(warehouse), Halt(True, "off_season", "no games"))
    assert derive(USUAL, standing_halt(read_halts(warehouse))).reason == "manual"
    resume(warehouse, NOW, "done", "Ann")
    assert not derive(USUAL, standing_halt(read_halts(warehouse))).is_halted


def test_a_manual_halt_that_applies_again_is_not_confirmed_by_it(warehouse: LocalWarehouse) -> None:
    later = NOW + timedelta(days=90)
    halt(warehouse, NOW, "a test", "Ann")
    record_derived(warehouse, NOW, read_halts(warehouse), Halt(True, "off_season", "no games"))
    again = record_derived(warehouse, later, read_halts(warehouse), derive(USUAL, standing_halt(read_halts(warehouse))))
    assert (again.reason, again.note, again.since, again.actor) == ("manual", "a test", NOW, "platform")
    assert (standing_halt(read_halts(warehouse)).actor, standing_halt(read_halts(warehouse)).recorded_at) == ("Ann", NOW)


def test_a_confirmed_halt_keeps_its_beginning(warehouse: LocalWarehouse) -> None:
    later = NOW + timedelta(hours=30)
    halt(warehouse, NOW, "a test", "Ann")
    assert halt(warehouse, later, "still", "Ann") == f"the halt since {eastern_text(NOW)} is confirmed"
    assert (recorded(read_halts(warehouse)).since, recorded(read_halts(warehouse)).recorded_at) == (NOW, later)


def test_only_a_manual_halt_can_be_resumed(warehouse: LocalWarehouse) -> None:
    with pytest.raises(BadInput, match="no operator has halted the picks: picks are not halted"):
        resume(warehouse, NOW, "done", "Ann")
    record_derived(warehouse, NOW, read_halts(warehouse), Halt(True, "edge_collapse", "worse"))
    with pytest.raises(BadInput, match="this halt ends when its cause ends"):
        resume(warehouse, NOW, "done", "Ann")
    with pytest.raises(BadInput, match="--author must not be platform"):
        halt(warehouse, NOW, "a test", "platform")

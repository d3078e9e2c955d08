"""A slate without candidates says why."""

from datetime import date, timedelta
from pathlib import Path

import pytest

from nba_pipeline.governance.candidates import champion_or_reason, reason_without_candidates, reasons_without_candidates
from nba_pipeline.governance.roles import ROLES_TABLE
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import a_game, frame_of
from nba_pipeline_tests.builders_predictions import a_prediction, predictions_of

DAY = date(2026, 1, 15)


@pytest.mark.parametrize(
    ("calls", "reason"),
    [
        ([("xgboost", "OVER")], "ensemble has no predictions"),
        (
            [("ensemble", "PASS"), ("ensemble", "NO_LINE"), ("ensemble", "NO_LINE")],
            "ensemble has 2 NO_LINE, 1 PASS",
        ),
        ([("ensemble", "PASS"), ("ensemble", "UNDER")], ""),
        ([], "no system has predictions"),
    ],
)
def test_the_calls_of_the_champion_are_the_reason(calls: list[tuple[str, str]], reason: str) -> None:
    rows = [a_prediction(call, system_id=system, player_id=player) for player, (system, call) in enumerate(calls, 1)]
    assert reason_without_candidates(predictions_of(*rows), "ensemble") == reason


def test_the_last_version_of_a_prediction_counts() -> None:
    rows = [a_prediction(call, system_id="ensemble", version=number) for number, call in enumerate(("OVER", "PASS"), 1)]
    assert reason_without_candidates(predictions_of(*rows), "ensemble") == "ensemble has 1 PASS"


def test_the_champion_of_an_unreadable_ledger_is_unknown(tmp_path: Path) -> None:
    assert champion_or_reason(LocalWarehouse(home=str(tmp_path))) == ("ensemble", "")
    part = tmp_path / "tables" / ROLES_TABLE.name / "game_date=2026-01-15" / "part.parquet"
    part.parent.mkdir(parents=True)
    part.write_bytes(b"garbage")
    champion, reason = champion_or_reason(LocalWarehouse(home=str(tmp_path)))
    assert champion == "" and reason.startswith("the champion is unknown: ")


def test_only_dates_with_games_need_a_reason(tmp_path: Path) -> None:
    warehouse = LocalWarehouse(home=str(tmp_path))
    dates = [DAY, DAY + timedelta(days=1), DAY + timedelta(days=2)]
    for day, status in zip(dates, ("scheduled", "scheduled", "postponed"), strict=True):
        warehouse.add(TABLES["schedule"], [day], frame_of(TABLES["schedule"], a_game(day, status=status)), "test")
    bet = a_prediction("OVER", system_id="ensemble", game_date=DAY)
    warehouse.add(TABLES["predictions"], [DAY], predictions_of(bet), "test")
    assert reasons_without_candidates(warehouse, dates) == {DAY: "", dates[1]: "no system has predictions"}

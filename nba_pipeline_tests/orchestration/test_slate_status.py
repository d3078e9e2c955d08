"""The asset `slate_status`: its grid, its checks, and the sensor that reports them."""

from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from nba_pipeline.instance.clock import Clock
from nba_pipeline.orchestration.slate_status import check_results, grid, next_step, slate_status, slate_status_sensor, slates
from nba_pipeline.orchestration.work import Attempts, Work
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import at


def a_record(state: str, *reasons: str, day: str = "2024-03-12") -> dict[str, Any]:
    return {
        "game_date": day, "state": state, "games": 9, "complete_games": 7, "final_games": 8, "reasons": list(reasons),
        "notes": [], "matchups": {}, "next": "nba-pipeline reconcile" if state in ("LATE", "FAILED") else "",
    }  # fmt: skip


def test_the_grid_is_a_table_of_dates_with_the_first_reasons() -> None:
    late = a_record("LATE", "boxscores is late", "a | b", "three", "four", "five")
    assert grid([late, a_record("COMPLETE", day="2024-03-11")]).splitlines()[2:] == [
        "| Tue 2024-03-12 | **LATE** | 9 | 7 / 8 | boxscores is late; a \\| b; three; and 2 more |",
        "| Mon 2024-03-11 | COMPLETE | 9 | 7 / 8 |  |",
    ]


@pytest.mark.parametrize(
    ("state", "failing"),
    [
        ("LATE", "no_date_is_late_or_failed"),
        ("FAILED", "no_date_is_late_or_failed"),
        ("DEGRADED", "no_date_is_degraded"),
        ("WAIVED", "no_date_is_degraded"),
        ("STALE", "no_date_is_stale"),
        ("COMPLETE", None),
        ("RUNNING", None),
    ],
)
def test_a_check_names_the_dates_of_its_states(state: str, failing: str | None) -> None:
    results = {result.check_name: result for result in check_results([a_record("COMPLETE"), a_record(state, "why")])}
    assert [name for name, result in results.items() if not result.passed] == ([failing] if failing else [])
    if failing:
        assert results[failing].metadata["dates"].value == f"2024-03-12 {state}: why"


DUE = [Work("overnight", date(2024, 3, 10), at(12), (), "a re-read is due", Attempts(0, None), purpose="recheck")]


@pytest.mark.parametrize(
    ("state", "due", "step"),
    [
        ("COMPLETE", [], "nothing to do"),
        ("COMPLETE", DUE, "the sensor `reconciliation` runs 1 due re-read or correction"),
        ("DEGRADED", [], "`nba-pipeline status --from 2024-03-12` names what is missing"),
        ("LATE", [], "`nba-pipeline status --from 2024-03-12` names what is missing; `nba-pipeline reconcile`"),
    ],
)
def test_the_next_step_names_the_command_or_the_sensor(state: str, due: list[Work], step: str) -> None:
    assert next_step([a_record(state), a_record("COMPLETE", day="2024-03-11")], due) == step


def test_a_degraded_date_has_its_next_step_and_a_sentence_is_no_code() -> None:
    wait = "wait, the box scores are requested again automatically; to request them now: nba-pipeline repair --date 2024-03-12"
    assert next_step([a_record("DEGRADED") | {"next": wait}], []).endswith(f" names what is missing; {wait}")


def test_the_grid_names_games_by_teams_and_cuts_long_reasons() -> None:
    games = {f"002260150{n}": f"AA{n}@BB{n}" for n in range(9)}
    record = a_record("DEGRADED", f"no lines for {', '.join(f'{teams} {game}' for game, teams in games.items())}") | {
        "matchups": games
    }
    why = grid([record]).splitlines()[-1].split(" | ")[-1]
    assert why.startswith("no lines for AA0@BB0, AA1@BB1") and why.endswith("... |") and len(why) <= 82
    assert "AA8@BB8" in check_metadata([record])


def check_metadata(records: list[dict[str, Any]]) -> str:
    return "".join(str(result.metadata.get("dates")) for result in check_results(records))


def test_the_grid_has_the_notes_of_a_date() -> None:
    assert "before the stored history" in grid([a_record("NOT_DUE") | {"notes": ["before the stored history"]}])


@pytest.fixture
def resources(tmp_path: Path) -> dict[str, Any]:
    clock = Clock(fixed_at=at(12).isoformat())
    return {
        "warehouse": LocalWarehouse(home=str(tmp_path)),
        "landing": Landing(home=str(tmp_path), clock=clock),
        "clock": clock,
    }


def evaluate(instance: dg.DagsterInstance, resources: dict[str, Any], cursor: str | None = None) -> dg.SensorResult:
    with dg.build_sensor_context(instance, cursor=cursor, resources=resources) as context:
        result = slate_status_sensor(context)
    assert isinstance(result, dg.SensorResult)
    return result


@pytest.mark.slow
def test_the_sensor_reports_the_states_once_until_one_changes(resources: dict[str, Any]) -> None:
    instance = dg.DagsterInstance.ephemeral()
    records = slates(instance, resources["warehouse"], resources["landing"], resources["clock"])
    assert [record["game_date"] for record in records[:2]] == ["2024-03-12", "2024-03-11"] and len(records) == 8
    first = evaluate(instance, resources)
    materialization, *evaluations = first.asset_events
    assert materialization.metadata["grid"].value == grid(records)
    assert {evaluation.check_name for evaluation in evaluations} == {result.check_name for result in check_results(records)}
    assert not evaluate(instance, resources, first.cursor).asset_events


def test_materializing_the_asset_reports_the_same(resources: dict[str, Any]) -> None:
    result = dg.materialize([slate_status], resources=resources)
    assert {evaluation.check_name for evaluation in result.get_asset_check_evaluations()} == {
        check.check_name for check in check_results([])
    }

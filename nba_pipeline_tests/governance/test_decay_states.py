"""A champion whose forecasts become worse, day by day through the real tables: performance, decay states, picks and halt."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import dagster as dg
import pytest

from nba_pipeline.assets.grades.grades import TABLE as GRADES
from nba_pipeline.assets.grades.system_performance import TABLE as PERFORMANCE
from nba_pipeline.assets.grades.system_performance import system_performance
from nba_pipeline.assets.predictions.picks import picks
from nba_pipeline.assets.predictions.predictions import TABLE as PREDICTIONS
from nba_pipeline.governance.halts import read_halts
from nba_pipeline.governance.states import read_state
from nba_pipeline.instance.clock import Clock
from nba_pipeline.systems import PROMOTABLE
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import DAY, Values, a_game, a_prop_line, frame_of, prop_lines_of
from nba_pipeline_tests.builders_predictions import TIPOFF
from nba_pipeline_tests.builders_record import LINEAGE, a_bet
from nba_pipeline_tests.governance.test_evidence import a_grade

pytestmark = pytest.mark.platform

GOOD_DAYS, BAD_DAYS, PLAYERS = 17, 18, 30
SYSTEMS = ("ensemble", "xgboost")
DAYS = [DAY - timedelta(days=GOOD_DAYS + BAD_DAYS - number) for number in range(GOOD_DAYS + BAD_DAYS)]
SPREAD = 2.0
"""Points; half of the gaps of a day lie above the mean by this much, the others below."""


def rows_of(number: int) -> tuple[list[Values], list[Values]]:
    """The predictions and grades of a day. The line errs by 4.5 points, the systems by as much, or from the first bad day on by 5."""
    day, worse = DAYS[number], 0.5 if number >= GOOD_DAYS else 0.0
    predictions, grades = [], []
    for player in range(1, PLAYERS + 1):
        forecast = 20.5 - worse + (SPREAD if player % 2 else -SPREAD)
        for system in SYSTEMS:
            key = {"game_date": day, "player_id": player, "system_id": system, "prediction_id": f"{day} {player} {system}"}
            shared = key | {"predicted_value": forecast, "line": 20.5, "game_id": f"{day:%y%m%d}"}
            predictions.append(a_bet() | shared | instants(day))
            grades.append(a_grade(system, 25) | shared)
    return predictions, grades


def instants(day: date) -> Values:
    """The instants of a prediction of the builders, moved to another date."""
    return {name: value - (DAY - day) for name, value in a_bet().items() if isinstance(value, datetime)}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> LocalWarehouse:
    """The graded predictions of all days and their performance, and a game on each day and on the day after."""
    here = LocalWarehouse(home=str(tmp_path_factory.mktemp("home")))
    predictions, grades = zip(*(rows_of(number) for number in range(len(DAYS))), strict=True)
    for table, of_days in ((PREDICTIONS, predictions), (GRADES, grades)):
        here.add(table, DAYS, frame_of(table, *(row for rows in of_days for row in rows)), "test")
    games = [a_game(game_date=day, game_id=f"{day:%y%m%d}") | LINEAGE for day in (*DAYS, DAY)]
    here.replace(TABLES["schedule"], [*DAYS, DAY], frame_of(TABLES["schedule"], *games), "test")
    inputs = [here.scan(TABLES[name], DAYS).collect() for name in ("grades", "predictions", "picks", "features", "prop_lines")]
    context = dg.build_asset_context(partition_key_range=dg.PartitionKeyRange(str(DAYS[0]), str(DAYS[-1])))
    rows = system_performance(context, *inputs, here)
    valid, rejected = PERFORMANCE.conform(rows, TIPOFF, "1")
    assert rejected.is_empty()
    here.replace(PERFORMANCE, DAYS, valid, "test")
    return here


JUDGED = (1, 9, 16, 17, 20, 24, 25, 28, 31, 32, 33, 34, 35)
"""The days after which the state is read, numbered from 1: the first and the last of each state, and one between them."""


def states_of(warehouse: LocalWarehouse) -> dict[str, list[int]]:
    """State of the champion -> the judged days after which it applies; a thin state in brackets."""
    states: dict[str, list[int]] = {}
    for number in JUDGED:
        decay = read_state(warehouse, DAYS[number - 1] + timedelta(days=1), PROMOTABLE).decays["ensemble"]
        states.setdefault(f"({decay.state})" if decay.is_thin else decay.state, []).append(number)
    return states


def test_a_failing_champion_passes_through_every_state(warehouse: LocalWarehouse) -> None:
    """30 rows a day: 500 rows from day 17 on. The mean gap of 30 days is above 0.15 points from the eighth bad day on."""
    assert states_of(warehouse) == {
        "(HEALTHY)": [1, 9, 16],
        "HEALTHY": [17, 20, 24],
        "WATCH": [25, 28, 31],
        "DEGRADING": [32, 33],
        "BLOCKED": [34, 35],
    }


def failed_rules(warehouse: LocalWarehouse, day: date) -> Sequence[str]:
    """The rules that a candidate with an edge of 3.5 points fails, according to the real asset."""
    bet = a_bet(edge=3.5, line=21.5) | {"game_date": day, "game_id": f"{day:%y%m%d}"} | instants(day)
    at = bet["made_at"] + timedelta(minutes=10)
    lines = prop_lines_of(a_prop_line(game_date=day, game_id=f"{day:%y%m%d}", captured_at=bet["made_at"]))
    clock, features = Clock(fixed_at=at.isoformat()), TABLES["features"].empty()
    context = dg.build_asset_context(partition_key=str(day))
    rows = picks(context, frame_of(PREDICTIONS, bet), features, lines, warehouse, clock)
    return list(rows.filter(subset="best")["failed_rules"].item())


def test_each_state_stops_the_picks_as_far_as_it_should_and_the_last_one_halts_them(warehouse: LocalWarehouse) -> None:
    after = {number: failed_rules(warehouse, DAYS[number - 1] + timedelta(days=1)) for number in (24, 25, 32, 34)}
    assert after == {24: [], 25: ["watch_edge"], 32: ["model_state"], 34: ["halted", "model_state"]}
    (halt,) = read_halts(warehouse).to_dicts()
    assert (halt["halt_reason"], halt["actor"]) == ("fleet_blocked", "platform")
    assert halt["note"] == "ensemble is BLOCKED and no other system is HEALTHY"
    assert '"gap_low": 0.15' in halt["metrics"]

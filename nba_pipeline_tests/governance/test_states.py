"""The state of a run, read from a warehouse."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from nba_pipeline.assets.grades.system_performance import TABLE as PERFORMANCE
from nba_pipeline.governance.halts import HALTS, halt
from nba_pipeline.governance.roles import ROLES_TABLE, read_decisions
from nba_pipeline.governance.states import governed, read_recent, read_state
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import DAY, Values, a_game, at, before, frame_of
from nba_pipeline_tests.builders_record import a_bet, bets_of

NOW = at(15)
SYSTEMS = ("ensemble", "xgboost")
LINEAGE: Values = {"source": "test", "as_of": NOW, "code_version": "1"}
COUNTS = {name: 0 for name, kind in PERFORMANCE.dtypes.items() if kind == pl.Int64()}


def a_window(days: int, gap: float, half_width: float, window: str, n: int = 600, system_id: str = "ensemble") -> Values:
    """A row of `system_performance` some days before DAY."""
    return {
        **COUNTS, "game_date": before(days), "system_id": system_id, "market": "player_points", "run_kind": "live",
        "season": "2023-24", "window": window, "direction": "all", "tier": "all", "subset": "all", "gap": gap, "gap_n": n,
        "gap_low": gap - half_width, "log_loss_gap": 0.0, "log_loss_gap_n": n, **LINEAGE,
    }  # fmt: skip


@pytest.fixture
def warehouse(tmp_path: Path) -> LocalWarehouse:
    """A game on DAY."""
    here = LocalWarehouse(home=str(tmp_path))
    here.replace(TABLES["schedule"], [DAY], frame_of(TABLES["schedule"], a_game() | LINEAGE), "test")
    return here


def performed(warehouse: LocalWarehouse, *rows: Values) -> None:
    warehouse.replace(PERFORMANCE, sorted({row["game_date"] for row in rows}), frame_of(PERFORMANCE, *rows), "test")


def test_a_system_that_stopped_working_halts_the_picks(warehouse: LocalWarehouse) -> None:
    bad = [a_window(days, 0.5, 0.1, "30 days", system_id=name) for days in (2, 1) for name in SYSTEMS]
    performed(warehouse, *bad)
    state = governed(warehouse, NOW, DAY, SYSTEMS, is_live=True)
    assert (state.champion, state.halt.reason, state.decays["xgboost"].state) == ("ensemble", "fleet_blocked", "BLOCKED")
    assert warehouse.scan(HALTS).collect()["halt_reason"].to_list() == ["fleet_blocked"]


def scheduled(warehouse: LocalWarehouse, *days: int) -> None:
    """Games some days before DAY; a negative number is after it. No other games."""
    warehouse.replace(TABLES["schedule"], [DAY], TABLES["schedule"].empty(), "test", {DAY: 1})
    for number in days:
        game = a_game(game_date=before(number), game_id=f"{before(number):%y%m%d}") | LINEAGE
        warehouse.replace(TABLES["schedule"], [before(number)], frame_of(TABLES["schedule"], game), "test")


def off_season(warehouse: LocalWarehouse) -> None:
    scheduled(warehouse, -22)


def between_rounds(warehouse: LocalWarehouse) -> None:
    scheduled(warehouse, 15)


def manual(warehouse: LocalWarehouse) -> None:
    halt(warehouse, NOW, "a test", "Ann")


def edge_collapse(warehouse: LocalWarehouse) -> None:
    performed(warehouse, a_window(1, 0.5, 0.1, "day", n=500))


def predictions_inactive(warehouse: LocalWarehouse) -> None:
    scheduled(warehouse, 0, 1, 2, 3)
    warehouse.add(TABLES["predictions"], [before(4)], bets_of(a_bet(game_date=before(4))), "test")


@pytest.mark.parametrize(
    "cause",
    [off_season, between_rounds, manual, edge_collapse, predictions_inactive],
    ids=lambda cause: cause.__name__,
)
def test_each_cause_halts_live_picks(warehouse: LocalWarehouse, cause: Callable[[LocalWarehouse], None]) -> None:
    """`fleet_blocked` and `unknown` have tests of their own."""
    assert not read_state(warehouse, DAY, SYSTEMS).halt.is_halted
    cause(warehouse)
    state = governed(warehouse, NOW, DAY, SYSTEMS, is_live=True)
    assert (state.halt.is_halted, state.halt.reason) == (True, cause.__name__)
    assert read_state(warehouse, DAY, SYSTEMS).halt.reason == cause.__name__
    assert warehouse.scan(HALTS).collect()["halt_reason"].to_list()[-1] == cause.__name__


def test_a_run_of_past_dates_records_nothing_and_is_not_halted(warehouse: LocalWarehouse) -> None:
    assert not governed(warehouse, NOW, DAY + timedelta(days=90), SYSTEMS, is_live=False).halt.is_halted
    assert read_decisions(warehouse).is_empty() and warehouse.scan(HALTS).collect().is_empty()


@pytest.mark.parametrize("table", [HALTS, ROLES_TABLE], ids=lambda table: table.name)
def test_an_unreadable_ledger_is_a_halt(
    table: Table, warehouse: LocalWarehouse, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    governed(warehouse, NOW, DAY + timedelta(days=90), SYSTEMS, is_live=True)  # records the off-season and the roles
    (tmp_path / "tables" / table.name / f"game_date={DAY}" / "part.parquet").write_bytes(b"damaged")
    state = LocalWarehouse(home=str(tmp_path))
    state.check([table], [DAY])
    for found in (governed(state, NOW, DAY, SYSTEMS, is_live=True), read_state(state, DAY, SYSTEMS)):
        assert (found.halt.is_halted, found.halt.reason, found.halt.note) == (
            True, "unknown", f"the ledger {table.name} cannot be read",
        )  # fmt: skip
        assert found.champion == SETTINGS.governance.initial_champion
    assert f"the state of the picks is unknown: the ledger {table.name} is closed for 2024-03-12" in caplog.text


def test_the_recent_gap_is_the_mean_of_days_weighted_by_rows(warehouse: LocalWarehouse) -> None:
    performed(
        warehouse,
        a_window(1, 0.3, 0.04, "day", n=300),
        a_window(2, 0.1, 0.03, "day", n=100),
        a_window(15, 9.0, 0.1, "day"),
        a_window(0, 9.0, 0.1, "day"),  # of today, whose games are not graded
        a_window(1, -9.0, 0.1, "day") | {"market": "player_rebounds"},
        a_window(1, -9.0, 0.1, "day", system_id="xgboost"),
        a_window(1, -9.0, 0.1, "day") | {"run_kind": "backtest"},
        a_window(1, -9.0, 0.1, "30 days"),
        a_window(1, -9.0, 0.1, "day") | {"direction": "OVER"},
    )
    recent = read_recent(warehouse, "ensemble", DAY)
    # (300 x 0.3 + 100 x 0.1) / 400, minus sqrt((300 x 0.04)^2 + (100 x 0.03)^2) / 400
    assert recent == pytest.approx({"n": 400, "gap": 0.25, "gap_low": 0.25 - 153**0.5 / 400, "log_loss_gap": 0.0})

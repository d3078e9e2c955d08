"""Whole nights of four of the 25 fault scenarios: faults of the providers' responses, the expected alerts, and no other.

The daemon is simulated, and each night starts from a copy of the same history. `suite/test_scenarios.py` lists the tests of all
scenarios. A night without expected alerts recovers without an operator.
"""

from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pytest

from nba_pipeline.tables.registry import TABLES
from nba_pipeline_tests.prepared import prepared
from nba_pipeline_tests.unattended.nights import DAY, Night, Rule, a_night, games, load_history

pytestmark = [pytest.mark.unattended, pytest.mark.long]

FIRST, SECOND, THIRD = (game.game_id for game in games())


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The days before the night."""
    root = tmp_path_factory.getbasetemp() if worker_id == "master" else tmp_path_factory.getbasetemp().parent
    with pytest.MonkeyPatch.context() as patch:
        return prepared("history_of_nights", lambda home: _load(home, patch), root)


def _load(home: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("NBA_PIPELINE_HOME", str(home))
    load_history(home)


def rows(night: Night, table: str) -> pl.DataFrame:
    return night.warehouse.scan(TABLES[table], [DAY]).collect()


def games_of(night: Night, table: str) -> set[str]:
    return set(rows(night, table)["game_id"])


NIGHTS: dict[str, tuple[Sequence[Rule], dict[tuple[str, str], bool], set[str]]] = {
    "a clean night": ([], {}, {FIRST, SECOND, THIRD}),
    "FS08 failures that succeed on retry": (
        [{"match": {"provider": "nba_cdn"}, "action": "status", "status": 503, "times": 2}], {}, {FIRST, SECOND, THIRD},
    ),
    "FS17 a renamed field in one box score": (
        [{"match": {"path": f"boxscore_{FIRST}"}, "action": "rename_field", "field": "statistics", "to": "stats"}], {},
        {FIRST, SECOND, THIRD},
    ),
    "FS23 a game that is postponed before its tip-off": (
        [{"action": "postpone", "game": FIRST, "from": "2026-01-15T17:00:00"}], {}, {SECOND, THIRD},
    ),
    "FS25 a revoked key of the lines": (
        [{"match": {"provider": "odds_api"}, "action": "status", "status": 401, "from": "2026-01-15T18:00:00"}],
        {("lines_missing", "prop_lines"): True}, {FIRST, SECOND, THIRD},
    ),
}  # fmt: skip
"""Scenario -> the rules, the alerts with whether they are open in the end, and the games with summaries."""


@pytest.mark.parametrize(("rules", "alerts", "summarized"), NIGHTS.values(), ids=NIGHTS.keys())
def test_a_night_has_its_alerts_and_no_other(
    history: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    rules: Sequence[Rule],
    alerts: dict[tuple[str, str], bool],
    summarized: set[str],
) -> None:
    monkeypatch.setenv("NBA_PIPELINE_HOME", str(tmp_path / "home"))
    night = a_night(history, tmp_path / "home", *rules)
    assert night.alerts == alerts
    assert games_of(night, "player_game_summary") == summarized
    assert not rows(night, "player_game_summary").select(TABLES["player_game_summary"].key).is_duplicated().any()
    assert summarized <= games_of(night, "grades")

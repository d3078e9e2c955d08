"""The automation conditions by a simulated clock: the requested tables, once the date is covered and its checks have passed.

Every update consists of Dagster's own events: a materialization and the evaluations of the table's blocking checks, in a run.
Do not merge `needs` and `follows` into one list: a table that is read over a window would close its gate permanently.
"""

import signal
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import cache
from types import FrameType
from typing import Any

import dagster as dg
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData
from dagster._core.definitions.declarative_automation import automation_condition_tester
from dagster._core.events import AssetMaterializationPlannedData, StepMaterializationData
from dagster._core.test_utils import create_run_for_test

from nba_pipeline.completeness.modes import tables_of_mode
from nba_pipeline.definitions import build_definitions
from nba_pipeline.instance.run_tags import PARTITION_TAG
from nba_pipeline.league.calendar import EASTERN
from nba_pipeline.orchestration.reconciliation import DATA_VERSION_TAG
from nba_pipeline.tables.declarations import SLATE_EXPORT, daily_tables, declared, requested_by

pytestmark = pytest.mark.platform  # each tick evaluates the conditions of the whole graph

TODAY, YESTERDAY, TOMORROW, DAY_BEFORE = "2026-01-15", "2026-01-14", "2026-01-16", "2026-01-13"
CHAIN = (*daily_tables("features"), "predictions", "picks", "publications")
"""The tables that follow new sources of a slate, among them every feature table."""

POST_GAME = ("player_game_summary", "team_game_summary", "grades", "system_performance")
TICK = timedelta(seconds=30)
COLLECTED, CAPTURED = requested_by("final_games"), requested_by("lines")
SOURCES = ("schedule", *CAPTURED, "rosters")


@cache
def definitions() -> dg.Definitions:
    return build_definitions("sandbox")


@cache
def first_cursor(now: datetime) -> Any:
    """The cursor of the conditions after the first tick, on an empty instance."""
    empty = dg.DagsterInstance.ephemeral()
    return dg.evaluate_automation_conditions(definitions(), empty, cursor=None, evaluation_time=now + TICK).cursor


class Clock:
    """An instance and the conditions' cursor; each tick is half a minute later."""

    def __init__(self, at: str):
        self.now = datetime.fromisoformat(at).replace(tzinfo=EASTERN)
        self.instance, self.cursor = dg.DagsterInstance.ephemeral(), first_cursor(self.now)
        self.now += TICK

    def tick(self) -> dict[str, list[str]]:
        """Table -> the requested dates."""
        self.now += TICK
        found = dg.evaluate_automation_conditions(definitions(), self.instance, cursor=self.cursor, evaluation_time=self.now)
        self.cursor: Any = found.cursor
        self.exported = sorted(found.get_requested_partitions(dg.AssetKey(SLATE_EXPORT)))
        asked = {
            table: sorted(found.get_requested_partitions(dg.AssetKey(table))) for table, one in declared().items() if one.follows
        }
        return {table: days for table, days in asked.items() if days}

    def land(self, tables: tuple[str, ...], day: str, passed: bool = True, crashed: bool = False, contents: str = "") -> None:
        """Records one run that makes some tables of a date. Its blocking checks pass, fail or, after a crash, have no result."""
        run_id = str(uuid.uuid4())
        for table in tables:
            version = {DATA_VERSION_TAG: contents or run_id}  # every step writes this tag
            made = StepMaterializationData(dg.AssetMaterialization(table, partition=day, tags=version))
            self._report(dg.DagsterEventType.ASSET_MATERIALIZATION, made, run_id)
            for check in () if crashed else definitions().resolve_asset_graph().get(dg.AssetKey(table)).check_keys:
                if definitions().resolve_asset_graph().get(check).blocking:
                    self._evaluate(check, day, passed, run_id)

    def begin(self, table: str, day: str) -> dg.DagsterRun:
        """Starts a run that is to materialize a table of a date."""
        key = dg.AssetKey(table)
        run = create_run_for_test(
            self.instance,
            "game_day",
            asset_selection=frozenset({key}),
            tags={PARTITION_TAG: day},
            status=dg.DagsterRunStatus.STARTED,
        )
        self._report(dg.DagsterEventType.ASSET_MATERIALIZATION_PLANNED, AssetMaterializationPlannedData(key, day), run.run_id)
        return run

    def _evaluate(self, check: dg.AssetCheckKey, day: str, passed: bool, run_id: str) -> None:
        wanted = dg.AssetRecordsFilter(asset_key=check.asset_key, asset_partitions=[day])
        record = self.instance.fetch_materializations(wanted, limit=1).records[0]
        target = AssetCheckEvaluationTargetMaterializationData(
            storage_id=record.storage_id, run_id=record.run_id, timestamp=record.timestamp
        )
        evaluation = dg.AssetCheckEvaluation(
            asset_key=check.asset_key,
            check_name=check.name,
            passed=passed,
            metadata={},
            partition=day,
            blocking=True,
            target_materialization_data=target,
        )
        self._report(dg.DagsterEventType.ASSET_CHECK_EVALUATION, evaluation, run_id)

    def _report(self, kind: dg.DagsterEventType, data: Any, run_id: str) -> None:
        event = dg.DagsterEvent(event_type_value=kind.value, job_name="game_day", event_specific_data=data)
        self.instance.report_dagster_event(event, run_id=run_id)


@pytest.fixture(autouse=True)
def asyncio_leaves_ctrl_c_alone() -> Iterator[None]:
    """An event loop replaces only Python's own handler of Ctrl-C. Doing so formats the whole task, twice per tick, 50 ms each."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        signal.default_int_handler(number, frame)

    before = signal.signal(signal.SIGINT, interrupt)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture(autouse=True)
def cursors_stay_objects(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dagster's tester writes each cursor as JSON and reads it again, which is a third of a tick. Tests with a daemon cover that."""
    monkeypatch.setattr(automation_condition_tester, "serialize_value", lambda cursor: cursor)
    monkeypatch.setattr(automation_condition_tester, "deserialize_value", lambda cursor, _: cursor)


@pytest.fixture
def evening() -> Clock:
    return Clock(f"{TODAY}T22:00")


def test_what_is_needed_is_read_of_the_same_date() -> None:
    graph = definitions().resolve_asset_graph()
    for table, flow in declared().items():
        node = graph.get(dg.AssetKey(table))
        for name in flow.needs:
            assert dg.AssetKey(name) in node.parent_keys, (table, name)
            assert not isinstance(node.partition_mappings.get(dg.AssetKey(name)), dg.TimeWindowPartitionMapping), (table, name)
        assert {dg.AssetKey(name) for name in flow.follows} <= node.parent_keys, table


def test_nothing_is_requested_before_upstream_tables_exist(evening: Clock) -> None:
    assert evening.tick() == {}


def test_an_ordinary_evening_goes_from_box_scores_to_grades(evening: Clock) -> None:
    evening.land(COLLECTED, TODAY)
    assert evening.tick() == {"player_game_summary": [TODAY]}
    evening.land(("player_game_summary",), TODAY)
    assert evening.tick() == {"grades": [TODAY], "team_game_summary": [TODAY]}
    evening.land(("grades", "team_game_summary"), TODAY)
    assert evening.tick() == {"system_performance": [TODAY]}
    evening.land(("system_performance",), TODAY)
    assert evening.tick() == evening.tick() == {}


def test_a_date_below_the_threshold_waits_and_goes_on_when_it_is_covered(evening: Clock) -> None:
    evening.land(COLLECTED, TODAY, passed=False)
    assert evening.tick() == evening.tick() == {}
    evening.land(COLLECTED, TODAY)
    assert evening.tick() == {"player_game_summary": [TODAY]}


def test_a_check_that_crashed_keeps_the_gate_closed(evening: Clock) -> None:
    evening.land(COLLECTED, TODAY, crashed=True)
    assert evening.tick() == evening.tick() == {}


def test_a_good_date_does_not_open_a_bad_one(evening: Clock) -> None:
    evening.land(COLLECTED, YESTERDAY, passed=False)
    evening.land(COLLECTED, TODAY)
    assert evening.tick() == {"player_game_summary": [TODAY]}


def test_a_late_game_is_carried_on_by_itself(evening: Clock) -> None:
    test_an_ordinary_evening_goes_from_box_scores_to_grades(evening)
    evening.land(COLLECTED, TODAY)
    assert evening.tick() == {table: [TODAY] for table in POST_GAME}


@pytest.mark.unattended
def test_a_game_that_ends_while_the_last_one_is_carried_on_is_not_forgotten(evening: Clock) -> None:
    """Between two ticks a summary is made, then its box scores are updated, so that the summary lacks games."""
    evening.land(COLLECTED, TODAY)
    assert evening.tick() == {"player_game_summary": [TODAY]}
    evening.land(("player_game_summary",), TODAY)
    evening.land(COLLECTED, TODAY)
    assert evening.tick() == {table: [TODAY] for table in POST_GAME if table != "system_performance"}
    evening.land(POST_GAME, TODAY)
    assert evening.tick() == evening.tick() == {}


@pytest.mark.unattended
def test_a_game_that_ends_before_the_last_one_is_carried_on_costs_no_second_run(evening: Clock) -> None:
    evening.land(COLLECTED, TODAY)
    assert evening.tick() == {"player_game_summary": [TODAY]}
    evening.land(COLLECTED, TODAY)
    evening.land(("player_game_summary",), TODAY)
    assert evening.tick() == {"grades": [TODAY], "team_game_summary": [TODAY]}


def test_a_failed_table_is_not_requested_again_at_each_tick(evening: Clock) -> None:
    """Two updates in a row may request twice. Later attempts are left to the reconciliation with its growing delays."""
    evening.land(COLLECTED, TODAY)
    assert evening.tick() == {"player_game_summary": [TODAY]}
    evening.land(COLLECTED, TODAY)
    assert evening.tick() == {"player_game_summary": [TODAY]}
    assert evening.tick() == evening.tick() == {}


def test_a_correction_within_the_window_flows_through(evening: Clock) -> None:
    evening.land((*COLLECTED, *POST_GAME), DAY_BEFORE)
    evening.tick()
    evening.land(("boxscores",), DAY_BEFORE)
    assert evening.tick() == {table: [DAY_BEFORE] for table in POST_GAME}


@pytest.mark.unattended
def test_a_correction_before_the_window_is_the_reconciliations(evening: Clock) -> None:
    evening.land((*COLLECTED, "player_game_summary"), "2026-01-05")
    evening.tick()
    evening.land(("boxscores",), "2026-01-05")
    assert evening.tick() == {}


@pytest.mark.unattended
def test_a_mode_that_materialized_everything_in_one_run_is_not_repeated(evening: Clock) -> None:
    evening.land(tables_of_mode("overnight"), TODAY)
    evening.land(tables_of_mode("tomorrow"), TOMORROW)
    assert evening.tick() == evening.tick() == {}


def test_new_lines_reach_the_predictions() -> None:
    noon = Clock(f"{TODAY}T12:00")
    noon.land(tables_of_mode("same_day"), TODAY)
    noon.tick()
    noon.land(("prop_lines", "game_lines"), TODAY)
    assert noon.tick() == {name: [TODAY] for name in ("features", "predictions", "picks", "publications")}


def test_a_report_with_news_reaches_the_predictions_and_an_unchanged_one_starts_nothing() -> None:
    noon = Clock(f"{TODAY}T12:00")
    noon.land(tables_of_mode("same_day"), TODAY, contents="nobody is out")
    noon.tick()
    noon.land(("injuries",), TODAY, contents="nobody is out")
    assert noon.tick() == noon.tick() == {}
    noon.land(("injuries",), TODAY, contents="the star is out")
    assert noon.tick() == {table: [TODAY] for table in CHAIN}
    noon.land(CHAIN, TODAY)
    noon.land(("injuries",), TODAY, contents="the star is out")
    assert noon.tick() == noon.tick() == {}


def test_a_correction_makes_no_backtests() -> None:
    morning = Clock(f"{TODAY}T08:00")
    morning.land((*COLLECTED, *tables_of_mode("same_day")), YESTERDAY)
    morning.tick()
    morning.land(("upcoming_players", "player_form", "matchups", "features"), YESTERDAY)
    assert "predictions" not in morning.tick()


def test_a_slate_whose_window_is_not_covered_stops_at_its_expected_players() -> None:
    morning = Clock(f"{TODAY}T07:00")
    morning.land(SOURCES, TODAY)
    assert morning.tick() == {"upcoming_players": [TODAY]}
    morning.land(("upcoming_players",), TODAY, passed=False)
    assert morning.tick() == morning.tick() == {}


def test_the_chain_of_a_slate_follows_its_expected_players() -> None:
    morning = Clock(f"{TODAY}T07:00")
    morning.land(SOURCES, TODAY)
    asked, made = [], ("",)
    while made:
        found = morning.tick()
        assert {day for days in found.values() for day in days} <= {TODAY}
        made = tuple(table for table in CHAIN if table in found)
        asked += made
        morning.land(made, TODAY)
    assert sorted(asked) == sorted(CHAIN)


@pytest.mark.parametrize("table", ["boxscores", "player_game_summary"], ids=["a source", "the table"])
def test_a_table_waits_for_the_runs_of_itself_and_its_sources(table: str, evening: Clock) -> None:
    evening.land(COLLECTED, TODAY)
    run = evening.begin(table, TODAY)
    assert evening.tick() == evening.tick() == {}
    evening.instance.report_run_failed(run)
    assert evening.tick() == {"player_game_summary": [TODAY]}


def test_no_table_follows_the_schedule_alone() -> None:
    """A postponed game changes only the schedule, which the modes read."""
    noon = Clock(f"{TODAY}T12:00")
    noon.land(tables_of_mode("same_day"), TODAY)
    noon.tick()
    noon.land(("schedule",), TODAY)
    assert noon.tick() == {}


def test_a_day_without_games_has_empty_partitions_and_causes_no_requests() -> None:
    night = Clock("2026-07-15T06:30")
    night.land(tables_of_mode("overnight"), "2026-07-14")
    night.land(tables_of_mode("same_day"), "2026-07-15")
    assert night.tick() == night.tick() == {}


@pytest.mark.parametrize(
    "day", ["2025-11-02", "2026-03-08", "2025-10-21", "2026-07-01"], ids=["25 hours", "23 hours", "first game", "new season"]
)
def test_clock_changes_and_season_edges_are_ordinary_dates(day: str) -> None:
    night = Clock(f"{day}T23:30")
    night.land(COLLECTED, day)
    assert night.tick() == {"player_game_summary": [day]}


def test_the_slate_is_exported_once_per_update_that_its_run_did_not_export(evening: Clock) -> None:
    evening.land((*tables_of_mode("same_day"), SLATE_EXPORT), TODAY)
    evening.tick()
    assert evening.exported == []
    evening.land(("predictions", "picks", "publications"), TODAY)
    evening.tick()
    assert evening.exported == [TODAY]
    evening.tick()
    assert evening.exported == [], "a closed gate materializes nothing, and is no reason to try again"

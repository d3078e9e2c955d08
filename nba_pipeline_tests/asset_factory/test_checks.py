"""Results of checks in runs of one date and of a range, in toy jobs."""

import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import dataframely as dy
import polars as pl
import pytest
from dagster._core.definitions.asset_checks.asset_check_evaluation import AssetCheckEvaluationTargetMaterializationData

from nba_pipeline import environments  # noqa: F401  # registers the settings file
from nba_pipeline.asset_factory import common_checks
from nba_pipeline.asset_factory.checks import _checks, checks_of, coverage_check, dated_check
from nba_pipeline.asset_factory.verdicts import EXPECTED, PASSED, Verdict, count_off, share_present, verdict_rows, verdicts_of
from nba_pipeline.errors import BadInput
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.partitions import DAILY
from nba_pipeline.instance.run_tags import RETRY_FAILED_STEP_TAG
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Row, Table
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.accounting import RowsIn, rows_out
from nba_pipeline.warehouse.home_format import prepare_write
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.instances import instance_without_files

pytestmark = [pytest.mark.slow, pytest.mark.any_storage]

FIRST, SECOND, THIRD = date(2024, 3, 12), date(2024, 3, 13), date(2024, 3, 14)
NOON = datetime(2024, 3, 12, 16, tzinfo=UTC)


class ToyRows(Row):
    """Points of a game."""

    game_id = dy.String(description="game")


@pytest.fixture
def boxes() -> Iterator[Table]:
    yield Table("toy_boxes", grain="game", key=("game_id",), schema=ToyRows)
    del TABLES["toy_boxes"]
    _checks.pop("toy_boxes", None)


@pytest.fixture
def instance(tmp_path: Path) -> Iterator[dg.DagsterInstance]:
    with instance_without_files(tmp_path) as instance:
        yield instance


@dg.asset(partitions_def=DAILY, backfill_policy=dg.BackfillPolicy.single_run())
def toy_boxes() -> None:
    """The checked table."""


@dg.asset(partitions_def=DAILY, backfill_policy=dg.BackfillPolicy.single_run(), deps=[toy_boxes])
def toy_summary() -> None:
    """The table downstream of the check."""


def a_check(
    table: Table, open_dates: Sequence[date], blocking: bool, expected_dates: Sequence[date] = ()
) -> dg.AssetChecksDefinition:
    """A check that finds all games on open dates and half of them on other dates, of which some are expected to lack them."""

    @dated_check(table, blocking=blocking)
    def games_are_there(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
        """The games are there."""
        games = [(day, name, day in open_dates or name == "LAL@GSW") for day in dates for name in ("LAL@GSW", "NYK@BOS")]
        frame = pl.DataFrame(games, schema=["game_date", "name", "is_present"], orient="row")
        verdicts = share_present(dates, frame, pl.col("is_present"), pl.col("name"), 0.8)
        return verdicts.with_columns(pl.col("game_date").is_in(list(expected_dates)).alias(EXPECTED))

    return checks_of(table)


Run = Callable[..., dg.ExecuteInProcessResult]


def told_of(result: dg.ExecuteInProcessResult) -> dg.AssetCheckEvaluation:
    """The evaluation of the check of these tests."""
    (evaluation,) = (e for e in result.get_asset_check_evaluations() if e.check_name == "games_are_there")
    return evaluation


@pytest.fixture
def run(instance: dg.DagsterInstance, tmp_path: Path) -> Run:
    def run(check: dg.AssetChecksDefinition, first: date, last: date | None = None) -> dg.ExecuteInProcessResult:
        definitions = dg.Definitions(
            assets=[toy_boxes, toy_summary],
            asset_checks=[check],
            jobs=[dg.define_asset_job("toys")],
            resources={"warehouse": LocalWarehouse(home=str(tmp_path)), "clock": Clock(fixed_at=NOON.isoformat())},
        )
        span = {"dagster/asset_partition_range_start": str(first), "dagster/asset_partition_range_end": str(last)} if last else {}
        return definitions.resolve_job_def("toys").execute_in_process(
            instance=instance, partition_key=None if last else str(first), tags=span, raise_on_error=False
        )

    return run


def summarised(result: dg.ExecuteInProcessResult) -> bool:
    """Whether the asset downstream of the check was materialized."""
    return bool(result.asset_materializations_for_node("toy_summary"))


def recorded(instance: dg.DagsterInstance, day: date) -> dg.AssetCheckEvaluation | None:
    """The recorded evaluation of a check on one date."""
    records = instance.event_log_storage.get_asset_check_execution_history(
        dg.AssetCheckKey(dg.AssetKey("toy_boxes"), "games_are_there"), limit=50
    )
    events = [record.event for record in records if record.event and record.event.dagster_event]
    found: list[Any] = [event.dagster_event.event_specific_data for event in events if event.dagster_event]
    return next((evaluation for evaluation in found if getattr(evaluation, "partition", None) == str(day)), None)


@pytest.mark.parametrize("open_dates", [[FIRST], []], ids=["open", "closed"])
def test_a_blocking_check_lets_an_open_date_on_and_stops_a_closed_one(boxes: Table, run: Run, open_dates: list[date]) -> None:
    result = run(a_check(boxes, open_dates, blocking=True), FIRST)
    evaluation = told_of(result)
    assert result.success == evaluation.passed == summarised(result) == bool(open_dates)
    assert evaluation.severity == dg.AssetCheckSeverity.ERROR
    told = {name: value.value for name, value in evaluation.metadata.items()}
    expected = {"share": 1.0, "present": 2, "expected": 2}
    assert told == (expected if open_dates else {"share": 0.5, "present": 1, "expected": 2, "missing": "NYK@BOS"})


@pytest.mark.parametrize("last", [None, THIRD], ids=["date", "range"])
def test_a_warning_does_not_stop_downstream_assets(boxes: Table, run: Run, last: date | None) -> None:
    result = run(a_check(boxes, [SECOND], blocking=False), FIRST, last)
    evaluation = told_of(result)
    assert (evaluation.passed, evaluation.severity) == (False, dg.AssetCheckSeverity.WARN)
    assert result.success and summarised(result)


def test_a_range_goes_on_while_one_of_its_dates_is_open(boxes: Table, run: Run) -> None:
    result = run(a_check(boxes, [SECOND], blocking=True), FIRST, THIRD)
    assert result.success and summarised(result)
    told = {name: value.value for name, value in told_of(result).metadata.items()}
    assert told == {"share": 0.5, "failing_dates": 2, "missing": "2024-03-12: NYK@BOS\n2024-03-14: NYK@BOS"}


def test_a_date_that_is_closed_as_expected_is_no_failing_date_and_stays_closed(
    boxes: Table, run: Run, instance: dg.DagsterInstance
) -> None:
    result = run(a_check(boxes, [SECOND], blocking=True, expected_dates=[FIRST]), FIRST, THIRD)
    told = {name: value.value for name, value in told_of(result).metadata.items()}
    assert told == {"share": 0.5, "failing_dates": 1, "missing": "2024-03-14: NYK@BOS"}
    closed = [recorded(instance, day) for day in (FIRST, THIRD)]
    assert [(one.passed, one.severity.value, "is_expected" in one.metadata) for one in closed if one] == [
        (False, "WARN", True),
        (False, "ERROR", False),
    ]


@pytest.mark.parametrize("last", [None, THIRD], ids=["date", "range"])
def test_a_run_of_dates_that_are_closed_as_expected_stops(boxes: Table, run: Run, last: date | None) -> None:
    result = run(a_check(boxes, [], blocking=True, expected_dates=[FIRST, SECOND, THIRD]), FIRST, last)
    assert not result.success and not summarised(result)


def test_a_range_without_an_open_date_stops(boxes: Table, run: Run) -> None:
    result = run(a_check(boxes, [], blocking=True), FIRST, THIRD)
    assert not result.success and not summarised(result)


@pytest.mark.parametrize("last", [THIRD, FIRST], ids=["three dates", "a range of one date"])
def test_a_range_records_each_date_with_its_materialization(
    boxes: Table, run: Run, instance: dg.DagsterInstance, last: date
) -> None:
    """Without the partition no date passes; without the materialization the evaluation applies to none."""
    run(a_check(boxes, [FIRST], blocking=True), FIRST, last)
    for day in {FIRST, last}:
        evaluation = recorded(instance, day)
        assert evaluation and evaluation.passed == (day == FIRST) and evaluation.blocking
        (materialization,) = instance.fetch_materializations(
            dg.AssetRecordsFilter(asset_key=dg.AssetKey("toy_boxes"), asset_partitions=[str(day)]), limit=1
        ).records
        assert evaluation.target_materialization_data
        assert evaluation.target_materialization_data.storage_id == materialization.storage_id
        assert evaluation.metadata["share"].value == (1.0 if day == FIRST else 0.5)


def test_without_stored_results_no_date_has_passed(
    boxes: Table, run: Run, instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr("nba_pipeline.instance.check_evaluations.store_evaluations", fail)
    result = run(a_check(boxes, [FIRST], blocking=True), FIRST, THIRD)
    assert not result.success and not summarised(result)
    assert states(instance, "games_are_there") == {str(day): "PLANNED" for day in (FIRST, SECOND, THIRD)}


def test_the_plots_of_a_range_have_its_dates_in_order(boxes: Table, run: Run, instance: dg.DagsterInstance) -> None:
    """Dagster plots over the instants of the evaluations. All dates are judged at once, which each result says."""
    run(a_check(boxes, [FIRST], blocking=False), FIRST, THIRD)
    key = dg.AssetCheckKey(dg.AssetKey("toy_boxes"), "key_is_unique")
    records = instance.event_log_storage.get_asset_check_execution_history(key, limit=50)
    instants = {record.partition: record.event.timestamp for record in records if record.event}
    assert sorted(instants, key=lambda day: instants[day]) == [str(FIRST), str(SECOND), str(THIRD)]
    assert len(set(instants.values())) == 3
    (description,) = {evaluation.description for day in (FIRST, SECOND, THIRD) if (evaluation := recorded(instance, day))}
    assert description and description.startswith("Judged with all dates of the run at 20")


def test_a_run_of_one_date_records_it_itself(boxes: Table, run: Run, instance: dg.DagsterInstance) -> None:
    run(a_check(boxes, [FIRST], blocking=True), FIRST)
    evaluation = recorded(instance, FIRST)
    assert evaluation and evaluation.passed and evaluation.target_materialization_data


def test_the_private_import_of_dagster_still_holds_what_is_used() -> None:
    """If this fails after an update of Dagster, see `nba_pipeline/instance/check_evaluations.py`."""
    target = AssetCheckEvaluationTargetMaterializationData(storage_id=1, run_id="r", timestamp=0.0)
    evaluation = dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey("a"),
        check_name="c",
        passed=True,
        metadata={},
        blocking=True,
        partition="2024-03-12",
        target_materialization_data=target,
    )
    assert (evaluation.partition, evaluation.target_materialization_data) == ("2024-03-12", target)


def states(instance: dg.DagsterInstance, check: str) -> dict[str | None, str]:
    """The state of a check in Dagster's pages: date -> status of its newest execution."""
    key = dg.AssetCheckKey(dg.AssetKey("toy_boxes"), check)
    records = instance.event_log_storage.get_asset_check_execution_history(key, limit=50)
    return {record.partition: record.status.value for record in reversed(records)}


@pytest.mark.parametrize("last", [None, THIRD], ids=["date", "range"])
def test_a_check_that_crashes_has_failed_with_its_error_and_the_others_are_judged(
    boxes: Table, run: Run, instance: dg.DagsterInstance, last: date | None
) -> None:
    @dated_check(boxes, blocking=True)
    def games_are_there(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
        """The warehouse is unavailable."""
        raise OSError("the disk is gone")

    result = run(checks_of(boxes), FIRST, last)
    assert not result.success and not summarised(result)
    assert told_of(result).metadata["missing"].value.endswith("OSError: the disk is gone")
    dates = [str(day) for day in ([FIRST, SECOND, THIRD] if last else [FIRST])]
    assert states(instance, "games_are_there") == dict.fromkeys(dates, "FAILED")
    assert states(instance, "key_is_unique") == dict.fromkeys(dates, "SUCCEEDED")


def test_a_crashed_check_that_blocks_nothing_fails_the_run(boxes: Table, run: Run) -> None:
    @dated_check(boxes)
    def games_are_there(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
        """The warehouse is unavailable."""
        raise OSError("the disk is gone")

    assert not run(checks_of(boxes), FIRST, None).success


def test_a_check_that_stalls_fails_and_its_run_is_started_again(
    boxes: Table, run: Run, instance: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    @dated_check(boxes)
    def games_are_there(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
        """The warehouse does not answer."""
        time.sleep(60)
        raise OSError("the disk is gone")

    (tmp_path / "limits.toml").write_text("[runs]\nstep_minutes = 0.03")
    monkeypatch.setenv("NBA_PIPELINE_SETTINGS", str(tmp_path / "limits.toml"))
    result = run(checks_of(boxes), FIRST, None)
    assert told_of(result).metadata["missing"].value.endswith("check games_are_there timed out after 1.8 seconds")
    stalled = instance.get_run_by_id(result.run_id)
    assert stalled and stalled.tags[RETRY_FAILED_STEP_TAG] == "true"


def test_a_check_without_a_verdict_on_a_date_has_failed(boxes: Table, run: Run, instance: dg.DagsterInstance) -> None:
    @dated_check(boxes)
    def games_are_there(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
        """Forgets the last date."""
        return verdict_rows([{"game_date": day, PASSED: True} for day in dates[:-1]])

    result = run(checks_of(boxes), FIRST, THIRD)
    assert not result.success
    assert "toy_boxes: check games_are_there: expected one verdict per date; missing or repeated on 2024-03-14" in str(
        told_of(result).metadata
    )
    assert set(states(instance, "games_are_there").values()) == {"FAILED"}


@pytest.mark.parametrize("last", [None, THIRD, FIRST], ids=["date", "range", "range of one date"])
def test_every_check_has_one_result_per_date_and_none_without(
    boxes: Table, run: Run, instance: dg.DagsterInstance, last: date | None
) -> None:
    """Dagster shows a planned check without a result as skipped, and a result without a date as the newest of all."""
    checks = a_check(boxes, [FIRST], blocking=False)
    run(checks, FIRST, last)
    dates = [FIRST, SECOND, THIRD] if last == THIRD else [FIRST]
    for check in ("games_are_there", "key_is_unique", "no_row_is_quarantined"):
        of_date = {day: "FAILED" if check == "games_are_there" and day != FIRST else "SUCCEEDED" for day in dates}
        assert states(instance, check) == {str(day): status for day, status in of_date.items()}
    evaluation = recorded(instance, dates[-1])
    assert evaluation and evaluation.severity == dg.AssetCheckSeverity.WARN
    assert evaluation.metadata["present"].value == (1 if last == THIRD else 2)


def test_a_check_is_named_and_described_by_its_function(boxes: Table) -> None:
    specs = {spec.name: spec for spec in a_check(boxes, [], blocking=True).check_specs}
    assert specs.keys() == {"games_are_there", "key_is_unique", "no_row_is_quarantined"}
    spec = specs["games_are_there"]
    assert (spec.name, spec.description, spec.blocking) == ("games_are_there", "The games are there.", True)
    assert spec.asset_key == dg.AssetKey("toy_boxes")


# Verdicts


@pytest.mark.parametrize(
    ("there", "expected", "passed", "share"), [(4, 5, True, 0.8), (79, 100, False, 0.79), (0, 1, False, 0.0), (0, 0, True, 1.0)]
)
def test_a_share_passes_from_its_floor(there: int, expected: int, passed: bool, share: float) -> None:
    items = {"game_date": [FIRST] * expected, "name": ["a"] * expected, "is_there": [n < there for n in range(expected)]}
    frame = pl.DataFrame(items, schema={"game_date": pl.Date, "name": pl.String, "is_there": pl.Boolean})
    (verdict,) = verdicts_of(share_present([FIRST], frame, pl.col("is_there"), pl.col("name"), 0.8), [FIRST])
    assert (verdict.passed, verdict.numbers) == (passed, {"share": share, "present": there, "expected": expected})
    assert len(verdict.missing) == expected - there


def test_an_item_whose_presence_is_unknown_is_missing_and_a_row_that_may_be_off_is_off() -> None:
    rows, is_known = pl.DataFrame({"game_date": [FIRST], "name": ["a"]}), pl.lit(None, pl.Boolean)
    for frame in (
        share_present([FIRST], rows, is_known, pl.col("name"), 0.8),
        count_off([FIRST], rows, is_known, pl.col("name"), total="rows", off="rows_off"),
    ):
        (verdict,) = verdicts_of(frame, [FIRST])
        assert (verdict.passed, verdict.missing) == (False, ["a"])


@pytest.mark.parametrize(
    "frame",
    [
        verdict_rows([{"game_date": FIRST, PASSED: True}]),
        verdict_rows([{"game_date": FIRST, PASSED: True}, {"game_date": SECOND, PASSED: None}]),
        verdict_rows([{"game_date": day, PASSED: True} for day in (FIRST, SECOND, SECOND)]),
        verdict_rows([{"game_date": day, PASSED: True} for day in (FIRST, SECOND, THIRD)]),
    ],
    ids=["a date is missing", "a verdict is unknown", "a date has two", "another date"],
)
def test_a_frame_without_exactly_one_verdict_per_date_is_refused(frame: pl.DataFrame) -> None:
    with pytest.raises(BadInput, match=r"toys: expected one verdict per date"):
        verdicts_of(frame, [FIRST, SECOND], "toys")


def test_coverage_requires_enough_items_of_a_gate_and_every_item_of_a_warning(boxes: Table, tmp_path: Path) -> None:
    def expected(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
        """The games."""
        return pl.DataFrame({"game_date": [FIRST] * 5, "game_id": list("12345")})

    def present(warehouse: Warehouse, dates: Sequence[date]) -> pl.DataFrame:
        return pl.DataFrame({"game_id": ["1", "2", "3", "5", "6"]})

    gate, warning = (
        coverage_check(boxes, present, ["game_id"], "game_id", blocking=blocking)(expected) for blocking in (True, False)
    )
    warehouse = LocalWarehouse(home=str(tmp_path))
    for check, passed in ((gate, True), (warning, False)):
        (verdict,) = verdicts_of(check(warehouse, [FIRST], Clock()), [FIRST])
        assert verdict == Verdict(FIRST, passed, {"share": 0.8, "present": 4, "expected": 5}, ["4"])


def test_the_pages_show_rounded_numbers_and_no_empty_list() -> None:
    assert Verdict(FIRST, True, {"share": 2 / 3, "rows": 6}).metadata() == {"share": 0.6667, "rows": 6}


def test_at_most_fifty_names_are_shown() -> None:
    names = [str(n) for n in range(60)]
    assert Verdict(FIRST, False, {}, names).metadata()["missing"].value.split("\n") == names[:50]


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return LocalWarehouse(home=str(tmp_path))


def rows(table: Table, *game_ids: str) -> pl.DataFrame:
    frame = pl.DataFrame({"game_date": [FIRST] * len(game_ids), "game_id": game_ids})
    return frame.with_columns(
        source=pl.lit("s"), as_of=pl.lit(NOON).cast(pl.Datetime("us", "UTC")), code_version=pl.lit("1")
    ).cast(
        dict(table.dtypes)  # type: ignore[arg-type]
    )


def test_a_duplicate_key_fails_the_check(warehouse: Warehouse, boxes: Table, tmp_path: Path) -> None:
    # the warehouse rejects such rows, so the test writes the file itself
    prepare_write(tmp_path)
    by_hand = tmp_path / "tables" / boxes.name / f"game_date={FIRST}" / "part.parquet"
    rows(boxes, "1", "1", "2", "2", "2").write_parquet(by_hand, mkdir=True)
    verdicts = verdicts_of(common_checks.key_is_unique(boxes)(warehouse, [FIRST, SECOND], Clock()), [FIRST, SECOND])
    assert verdicts == [
        Verdict(FIRST, False, {"rows": 5, "duplicates": 3}),
        Verdict(SECOND, True, {"rows": 0, "duplicates": 0}),
    ]


def test_quarantined_rows_are_reported_by_problem(warehouse: Warehouse, boxes: Table) -> None:
    broken = rows(boxes, "1", "2").drop("as_of", "code_version").with_columns(problem=pl.lit("nobody is called X"))
    _, rejected = boxes.conform(broken, NOON, "1")
    warehouse.quarantine(boxes, [FIRST], rejected)
    check = common_checks.no_row_is_quarantined(boxes)
    assert verdicts_of(check(warehouse, [FIRST, SECOND], Clock()), [FIRST, SECOND]) == [
        Verdict(FIRST, False, {"rows_quarantined": 2}, ["nobody is called X (2 rows)"]),
        Verdict(SECOND, True, {"rows_quarantined": 0}, []),
    ]


def test_a_ledger_is_checked_against_its_manifests_and_another_table_is_not(tmp_path: Path, boxes: Table) -> None:
    ledger = Table("toy_picks", grain="game", key=("game_id",), schema=ToyRows, write="add", is_ledger=True)
    warehouse = LocalWarehouse(home=str(tmp_path))
    try:
        names = {table.name: {key.name for key in checks_of(table).check_keys} for table in (ledger, boxes)}
        assert "rows_are_unaltered" in names["toy_picks"] and "rows_are_unaltered" not in names["toy_boxes"]
        row = {"game_id": "1", "source": "me", "as_of": NOON, "code_version": "1"}
        for day in (FIRST, SECOND):
            warehouse.add(ledger, [day], pl.DataFrame([{"game_date": day, **row}], schema=ledger.dtypes), "me")
        file = tmp_path / "tables" / "toy_picks" / f"game_date={FIRST}" / "part.parquet"
        pl.read_parquet(file).with_columns(source=pl.lit("you")).write_parquet(file)
        frame = common_checks.rows_are_unaltered(ledger)(warehouse, [FIRST, SECOND, THIRD], Clock())
        verdicts = verdicts_of(frame, [FIRST, SECOND, THIRD])
        assert [(v.game_date, v.passed, v.numbers) for v in verdicts] == [
            (FIRST, False, {"rows": 1, "findings": 1}),
            (SECOND, True, {"rows": 1, "findings": 0}),
            (THIRD, True, {"rows": 0, "findings": 0}),
        ]
        assert "toy_picks 2024-03-12, game_id 1: the row was altered" in verdicts[0].missing[0]
    finally:
        del TABLES["toy_picks"]


def materialized(instance: dg.DagsterInstance, day: date, **metadata: Any) -> None:
    instance.report_runless_asset_event(dg.AssetMaterialization("toy_boxes", partition=str(day), metadata=metadata))


def test_a_row_that_is_nowhere_fails_its_date_and_an_uncounted_date_is_no_pass(
    boxes: Table, instance: dg.DagsterInstance
) -> None:
    """A code version without row counts materialized the third date."""
    dates = [FIRST, SECOND]
    rows = pl.DataFrame({"game_date": [FIRST, FIRST, SECOND]})
    read = RowsIn(dates)
    read.parsed(rows)
    read.ignored(rows.head(1), "market player_double_double")
    counts = {**read.metadata(), **rows_out(dates, rows[1:2], rows.clear(), {})}
    for day, metadata in ((FIRST, counts), (SECOND, counts), (THIRD, {})):
        materialized(instance, day, **metadata)
    dates = [FIRST, SECOND, THIRD]
    first, second, third = verdicts_of(common_checks.every_row_is_accounted_for(instance, boxes, dates), dates)
    assert (first.passed, first.missing) == (True, ["ignored: market player_double_double (1 row)"])
    assert first.numbers == {
        "rows_in": 2,
        "rows_kept": 1,
        "rows_quarantined": 0,
        "rows_ignored": 1,
        "rows_repeated": 0,
        "rows_unaccounted": 0,
    }
    assert (second.passed, second.numbers["rows_unaccounted"]) == (False, 1)
    assert (third.passed, third.numbers) == (False, {})
    assert third.missing == [f"toy_boxes: no row counts are recorded for {THIRD}; materialize the date again"]

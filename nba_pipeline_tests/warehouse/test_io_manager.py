"""The IO manager in real runs of toy assets: lineage, validation, quarantine, writes and reads."""

import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import dataframely as dy
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline import environments  # noqa: F401  # registers the settings file
from nba_pipeline.asset_factory.asset import days_before, optional_input, plots_of
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.partitions import DAILY
from nba_pipeline.league.calendar import season_of
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Row, Table
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.accounting import Account, RowsIn, account_of
from nba_pipeline.warehouse.io_manager import EXCLUDED, TableIO
from nba_pipeline.warehouse.local import LocalWarehouse

pytestmark = pytest.mark.slow

DAY, NEXT = date(2024, 3, 12), date(2024, 3, 13)
NOON = datetime(2024, 3, 12, 16, tzinfo=UTC)


class ToyRows(Row):
    """Points of a game."""

    game_id = dy.String(description="game")
    points = dy.Int64(min=0, description="points")


@pytest.fixture
def tables() -> Iterator[Callable[..., Table]]:
    """Creates tables that are unregistered after the test."""
    before = set(TABLES)
    yield lambda name, **fields: Table(name, grain="game", key=("game_date", "game_id"), schema=ToyRows, **fields)
    for name in TABLES.keys() - before:
        del TABLES[name]


@pytest.fixture
def toys(tables: Callable[..., Table]) -> Table:
    return tables("toys")


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return LocalWarehouse(home=str(tmp_path))


def rows(count: int, day: date = DAY, points: int = 1) -> pl.DataFrame:
    data = {"game_date": [day] * count, "game_id": [f"002230000{n}" for n in range(count)], "points": [points] * count}
    return pl.DataFrame(data, schema_overrides={"game_date": pl.Date, "game_id": pl.String}).with_columns(source=pl.lit("box"))


def asset(
    name: str, frame: pl.DataFrame, left_out: Mapping[str, list[str]] | None = None, rows_in: RowsIn | None = None
) -> dg.AssetsDefinition:
    """An asset of a table that returns a frame, for any dates of the run."""

    @dg.asset(
        name=name,
        io_manager_key="tables",
        partitions_def=DAILY,
        code_version="v7",
        backfill_policy=dg.BackfillPolicy.single_run(),
    )
    def it(context: dg.AssetExecutionContext) -> pl.DataFrame:
        if left_out is not None:
            context.add_output_metadata({EXCLUDED: dg.MetadataValue.json(dict(left_out))})
        if rows_in is not None:
            context.add_output_metadata(rows_in.metadata())
        return frame

    return it


def run(
    warehouse: Warehouse, *assets: dg.AssetsDefinition, first: date = DAY, last: date | None = None, only: str | None = None
) -> dg.ExecuteInProcessResult:
    clock = Clock(fixed_at=NOON.isoformat())
    span = {"dagster/asset_partition_range_start": str(first), "dagster/asset_partition_range_end": str(last)} if last else {}
    return dg.materialize(
        assets,
        partition_key=None if last else str(first),
        tags=span,
        raise_on_error=False,
        selection=only,
        resources={"tables": TableIO(warehouse=warehouse, clock=clock), "warehouse": warehouse, "clock": clock},
    )


def why(result: dg.ExecuteInProcessResult) -> str:
    """The errors of a failed run, innermost last."""
    (failure,) = (event for event in result.all_events if event.is_step_failure)
    error: Any = getattr(failure.event_specific_data, "error", None)
    messages = []
    while error:
        messages.append(str(error.message).strip())
        error = error.cause
    return " <- ".join(messages)


def metadata(result: dg.ExecuteInProcessResult, name: str) -> dict[str, Any]:
    (event,) = result.asset_materializations_for_node(name)
    return {key: value.value for key, value in event.metadata.items()}


def test_the_rows_of_an_asset_are_written_with_lineage(warehouse: Warehouse, toys: Table) -> None:
    assert run(warehouse, asset("toys", rows(2))).success
    stamped = rows(2).with_columns(as_of=pl.lit(NOON).cast(pl.Datetime("us", "UTC")), code_version=pl.lit("v7"))
    assert_frame_equal(warehouse.scan(toys).collect(), stamped)


def test_a_write_counts_kept_quarantined_and_merged_rows_per_date(warehouse: Warehouse, toys: Table) -> None:
    bad, good, next_day = rows(1, points=-1), rows(2).tail(1), rows(2, NEXT)
    rows_in = RowsIn([DAY, NEXT])
    rows_in.parsed(pl.concat([bad, good, good, next_day]))
    returned = pl.concat([bad, good, good.with_columns(source=pl.lit("another")), next_day.head(1)])
    result = run(warehouse, asset("toys", returned, rows_in=rows_in), last=NEXT)
    outcomes = result.asset_materializations_for_node("toys")
    accounts = [account_of(outcome.metadata, day) for outcome, day in zip(outcomes, (DAY, NEXT), strict=True)]
    assert accounts == [Account(parsed=3, kept=1, quarantined=1, repeated=1), Account(parsed=2, kept=1)]
    assert [account.unaccounted for account in accounts] == [0, 1]  # a row of the second date was lost


def test_the_metadata_has_written_and_rejected_rows(warehouse: Warehouse, toys: Table) -> None:
    bad = rows(5).with_columns(points=pl.when(pl.col("game_id") == "0022300003").then(-1).otherwise("points"))
    outcome = metadata(run(warehouse, asset("toys", bad)), "toys")
    assert (outcome["dagster/partition_row_count"], outcome["rows_quarantined"], outcome["problems"]) == (4, 1, {"points|min": 1})
    assert (outcome["dagster/table_name"], outcome["as_of"]) == ("toys", NOON.timestamp())
    assert warehouse.scan_quarantine(toys, [DAY]).collect()["problem"].to_list() == ["points|min"]


def test_a_range_has_the_counts_of_each_date_and_its_own_numbers_as_text(warehouse: Warehouse, toys: Table) -> None:
    """A plot of a number of the range would show it for each of its days."""

    @dg.asset(io_manager_key="tables", partitions_def=DAILY, code_version="v7", backfill_policy=dg.BackfillPolicy.single_run())
    def toys(context: dg.AssetExecutionContext) -> pl.DataFrame:
        context.add_output_metadata({"snapshots": 6, "problems_met": dg.MetadataValue.json({str(NEXT): ["late"]})})
        context.add_output_metadata({"seconds_per_date": 0.5})
        return pl.concat([rows(2), rows(1, points=-1, day=NEXT).with_columns(game_id=pl.lit("9")), rows(3, NEXT)])

    first, second = (
        {name: value.value for name, value in event.metadata.items()}
        for event in run(warehouse, toys, last=NEXT).asset_materializations_for_node("toys")
    )
    shown = ("dagster/partition_row_count", "rows_quarantined", "problems", "snapshots", "problems_met", "seconds_per_date")
    assert [first[name] for name in shown] == [2, 0, {}, "6 in 2 dates", {}, 0.5]
    assert [second[name] for name in shown] == [3, 1, {"points|min": 1}, "6 in 2 dates", {str(NEXT): ["late"]}, 0.5]


@pytest.mark.parametrize(("last", "plotted"), [(None, [0.25]), (NEXT, [0.25, None])], ids=["a date", "a range"])
def test_a_number_of_a_date_is_plotted_for_that_date_only(
    warehouse: Warehouse, toys: Table, last: date | None, plotted: list[float | None]
) -> None:
    @dg.asset(io_manager_key="tables", partitions_def=DAILY, code_version="v7", backfill_policy=dg.BackfillPolicy.single_run())
    def toys(context: dg.AssetExecutionContext) -> pl.DataFrame:
        numbers = pl.DataFrame({"game_date": [DAY, NEXT], "gap": [0.25, None]})
        context.add_output_metadata(plots_of(numbers if last else numbers.head(1)))
        return rows(1)

    events = run(warehouse, toys, last=last).asset_materializations_for_node("toys")
    assert [event.metadata["gap"].value if "gap" in event.metadata else None for event in events] == plotted


def test_a_good_run_empties_the_quarantine_of_its_date(warehouse: Warehouse, toys: Table) -> None:
    run(warehouse, asset("toys", rows(5, points=-1)))
    run(warehouse, asset("toys", rows(5)))
    assert warehouse.scan_quarantine(toys).collect().is_empty()


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (rows(2).drop("points"), r"toys: missing columns: points"),
        (rows(2).with_columns(points=pl.lit("two")), "toys: a value cannot be cast to its type"),
        (rows(2, NEXT), "toys: rows of 2024-03-13 are outside the dates of the write"),
        (rows(1), "toys 2024-03-12: 1 row would replace 2"),
    ],
    ids=["columns", "type", "date", "shrinks"],
)
def test_unwritable_rows_fail_the_run_and_the_old_rows_are_unchanged(
    warehouse: Warehouse, toys: Table, frame: pl.DataFrame, message: str
) -> None:
    write(warehouse, SCHEDULE, a_schedule("0", "1"))
    write(warehouse, toys, rows(2))
    result = run(warehouse, asset("toys", frame))
    assert not result.success
    assert re.search(message, why(result))
    assert warehouse.scan(toys).collect().height == 2


def write(warehouse: Warehouse, table: Table, frame: pl.DataFrame, *dates: date) -> None:
    """Write the rows of an earlier run."""
    good, _ = table.conform(frame, NOON, "v1")
    when = dates or (DAY,)
    warehouse.replace(table, when, good, "an earlier run", dict.fromkeys(when, 1_000))


def a_schedule(*game_ids: str, status: str = "scheduled") -> pl.DataFrame:
    """Games of DAY."""
    games = [
        {
            "game_date": DAY,
            "game_id": f"002230000{n}",
            "season": season_of(DAY),
            "season_type": "regular_season",
            "home_team": "BOS",
            "away_team": "NYK",
            "status": status,
            "has_boxscore_source": True,
            "source": "s",
        }
        for n in game_ids
    ]
    return pl.DataFrame(games, schema=SCHEDULE.dtypes).drop("as_of", "code_version")


def test_a_date_may_shrink_by_the_games_that_a_gate_excluded(warehouse: Warehouse, toys: Table) -> None:
    write(warehouse, SCHEDULE, a_schedule(*"01234"))
    write(warehouse, toys, rows(5))
    assert not run(warehouse, asset("toys", rows(1), {})).success
    assert not run(warehouse, asset("toys", rows(1), {str(DAY): []})).success
    assert not run(warehouse, asset("toys", rows(1), {str(DAY): ["NYK@BOS 0022300004 (no box score)"]})).success
    assert run(
        warehouse, asset("toys", rows(1), {str(DAY): [f"NYK@BOS 002230000{n} (no box score)" for n in range(1, 5)]})
    ).success
    assert warehouse.scan(toys).collect().height == 1


@pytest.mark.parametrize("remaining", [("0",), ()], ids=["moved away", "all moved away"])
def test_a_date_may_shrink_when_the_schedule_has_fewer_games(
    warehouse: Warehouse, toys: Table, remaining: tuple[str, ...]
) -> None:
    write(warehouse, SCHEDULE, a_schedule(*"01234"))
    write(warehouse, toys, rows(5))
    write(warehouse, SCHEDULE, a_schedule(*remaining))
    assert run(warehouse, asset("toys", rows(len(remaining)))).success


def test_a_date_may_shrink_when_its_games_were_postponed(warehouse: Warehouse, toys: Table) -> None:
    write(warehouse, SCHEDULE, a_schedule(*"01234"))
    write(warehouse, toys, rows(5))
    write(warehouse, SCHEDULE, a_schedule(*"01234", status="postponed"))
    assert run(warehouse, asset("toys", rows(0))).success


def test_a_ledger_is_only_added_to(warehouse: Warehouse, tables: Callable[..., Table]) -> None:
    ledger = tables("toy_ledger", write="add")
    run(warehouse, asset("toy_ledger", rows(2)))
    outcome = metadata(run(warehouse, asset("toy_ledger", rows(3, points=9))), "toy_ledger")
    assert (outcome["rows_added"], outcome["dagster/partition_row_count"]) == (1, 3)
    assert warehouse.scan(ledger).sort("game_id").collect()["points"].to_list() == [1, 1, 9]


def test_a_range_is_written_date_by_date_in_one_run(warehouse: Warehouse, toys: Table) -> None:
    frame = pl.concat([rows(2), rows(1, date(2024, 3, 14))])
    assert run(warehouse, asset("toys", frame), last=date(2024, 3, 15)).success
    assert sorted(warehouse.dates(toys)) == [DAY, NEXT, date(2024, 3, 14), date(2024, 3, 15)]
    assert warehouse.scan(toys, [DAY]).collect().height == 2


def reader(seen: list[pl.DataFrame], how: dg.AssetIn | None = None) -> dg.AssetsDefinition:
    """An asset that reads `toys`."""

    @dg.asset(
        ins={"toys": how} if how else None,
        partitions_def=DAILY,
        backfill_policy=dg.BackfillPolicy.single_run(),
        io_manager_key="tables",
    )
    def reads(toys: pl.DataFrame) -> None:
        seen.append(toys.sort("game_date"))

    return reads


@pytest.fixture
def written(warehouse: Warehouse, toys: Table) -> dg.AssetsDefinition:
    """Rows on the 11th and 12th, and an empty partition on the 13th."""
    frame = pl.concat([rows(1, date(2024, 3, 11)), rows(2)])
    write(warehouse, toys, frame, date(2024, 3, 11), DAY, NEXT)
    return asset("toys", frame)


def read(warehouse: Warehouse, written: dg.AssetsDefinition, how: dg.AssetIn | None = None, **when: Any) -> Any:
    """The dates of the rows that an asset receives, or the error."""
    seen: list[pl.DataFrame] = []
    result = run(warehouse, written, reader(seen, how), only="reads", **when)
    return [day.day for day in seen[0]["game_date"]] if seen else why(result)


def test_an_asset_reads_the_dates_of_its_run(warehouse: Warehouse, written: dg.AssetsDefinition) -> None:
    assert read(warehouse, written) == [12, 12]
    assert read(warehouse, written, first=NEXT) == []
    assert read(warehouse, written, first=date(2024, 3, 11), last=NEXT) == [11, 12, 12]


def test_a_step_of_one_date_records_its_seconds_and_one_of_several_dates_does_not(
    warehouse: Warehouse, tables: Callable[..., Table], written: dg.AssetsDefinition
) -> None:
    tables("copies")

    @dg.asset(io_manager_key="tables", partitions_def=DAILY, code_version="v7", backfill_policy=dg.BackfillPolicy.single_run())
    def copies(toys: pl.DataFrame) -> pl.DataFrame:
        return toys.drop("as_of", "code_version")

    assert metadata(run(warehouse, written, copies, only="copies"), "copies")["step_seconds"] > 0
    ranged = run(warehouse, written, copies, only="copies", last=NEXT)
    assert all("step_seconds" not in event.metadata for event in ranged.asset_materializations_for_node("copies"))


class Stalling(LocalWarehouse):
    """A warehouse whose reads, or only its writes, never end."""

    stalls: str

    def scan(self, *args: Any) -> pl.LazyFrame:
        time.sleep(60 * (self.stalls == "read"))
        return super().scan(*args)

    def quarantine(self, *args: Any) -> None:
        time.sleep(60 * (self.stalls == "write"))
        super().quarantine(*args)


@pytest.mark.parametrize("part", ["read", "write"])
def test_a_read_and_a_write_have_a_limit(
    tables: Callable[..., Table], written: dg.AssetsDefinition, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    tables("copies")
    (tmp_path / "limits.toml").write_text("[runs]\nstep_minutes = 0.03")
    monkeypatch.setenv("NBA_PIPELINE_SETTINGS", str(tmp_path / "limits.toml"))

    @dg.asset(io_manager_key="tables", partitions_def=DAILY, code_version="v7")
    def copies(toys: pl.DataFrame) -> pl.DataFrame:
        return toys.drop("as_of", "code_version")

    result = run(Stalling(home=str(tmp_path), stalls=part), written, copies, only="copies")
    table = "toys" if part == "read" else "copies"
    assert f"the {part} of {table} timed out after 1.8 seconds" in why(result)


def test_a_required_date_that_was_never_materialized_closes_the_asset(warehouse: Warehouse, written: dg.AssetsDefinition) -> None:
    outcome = read(warehouse, written, first=date(2024, 3, 14))
    assert outcome.strip().endswith("Closed: toys was never materialized for 2024-03-14")
    outcome = read(warehouse, written, last=date(2024, 3, 31))
    assert "2024-03-14, 2024-03-15, 2024-03-16, 2024-03-17, 2024-03-18 and 13 more dates" in outcome


def test_a_missing_optional_input_is_empty(warehouse: Warehouse, written: dg.AssetsDefinition) -> None:
    assert read(warehouse, written, optional_input(), first=date(2024, 3, 14)) == []
    assert read(warehouse, written, optional_input()) == [12, 12]


def test_days_before_ends_on_the_previous_date_by_default(warehouse: Warehouse, written: dg.AssetsDefinition) -> None:
    assert read(warehouse, written, days_before(30)) == [11]
    assert read(warehouse, written, days_before(1), first=NEXT) == [12, 12]
    assert read(warehouse, written, days_before(30, through=0)) == [11, 12, 12]
    assert read(warehouse, written, days_before(1), first=date(2024, 3, 12), last=NEXT) == [11, 12, 12]


def test_the_first_date_of_the_platform_has_no_days_before(warehouse: Warehouse, written: dg.AssetsDefinition) -> None:
    assert read(warehouse, written, days_before(30), first=date(2021, 10, 1)) == []

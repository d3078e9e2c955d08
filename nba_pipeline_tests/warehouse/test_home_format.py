"""Accepted and refused formats of homes."""

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest

from nba_pipeline.assets.predictions.predictions import TABLE as PREDICTIONS
from nba_pipeline.errors import BadInput
from nba_pipeline.tables.registry import QUARANTINE_SCHEMA
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.home_format import (
    FORMAT,
    SIMULATION,
    UNRECORDED_SIMULATION,
    WITH_MONTHS,
    format_of,
    league_of,
    refuse_another_simulation,
    simulation_of,
    write_format,
)
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import DAY
from nba_pipeline_tests.builders_format_1 import a_home_of_format_1
from nba_pipeline_tests.warehouse.contract import Tables, a_table, quarantine, quarantined_row, rows, stored_rows

USES: dict[str, Callable[[LocalWarehouse, Table], object]] = {
    "preflight": lambda warehouse, _: warehouse.preflight(),
    "scan": lambda warehouse, table: warehouse.scan(table),
    "scan_quarantine": lambda warehouse, table: warehouse.scan_quarantine(table),
    "dates": lambda warehouse, table: warehouse.dates(table),
    "replace": lambda warehouse, table: warehouse.replace(table, [DAY], rows(2, DAY), "me"),
    "add": lambda warehouse, table: warehouse.add(table, [DAY], rows(2, DAY), "me"),
    "park": lambda warehouse, table: warehouse.quarantine(
        table, [DAY], pl.DataFrame([quarantined_row(DAY)], schema=dict(QUARANTINE_SCHEMA))
    ),
    "drop": lambda warehouse, table: warehouse.drop(table),
    "sql": lambda warehouse, _: warehouse.sql("SELECT 1"),
}


@pytest.fixture
def lines(tables: Tables) -> Table:
    return tables("toy_lines")


@pytest.fixture
def warehouse(tmp_path: Path) -> LocalWarehouse:
    return LocalWarehouse(home=str(tmp_path))


def files_of(home: Path) -> dict[Path, bytes]:
    return {file: file.read_bytes() for file in home.rglob("*") if file.is_file()}


@pytest.mark.parametrize("use", USES)
def test_a_home_of_format_1_is_refused_by_every_method_and_unchanged(
    use: str, tmp_path: Path, warehouse: LocalWarehouse, lines: Table
) -> None:
    before = files_of(a_home_of_format_1(tmp_path))
    with pytest.raises(BadInput, match=rf"^the home {tmp_path} has format 1; .*; run `nba-pipeline migrate`$"):
        USES[use](warehouse, lines)
    assert files_of(tmp_path) == before


@pytest.mark.parametrize("use", USES)
def test_a_home_of_a_newer_format_is_refused_by_every_method_and_unchanged(
    use: str, tmp_path: Path, warehouse: LocalWarehouse, lines: Table
) -> None:
    warehouse.replace(lines, [DAY], rows(2, DAY), "me")
    warehouse.dates(lines)  # the current format is now cached
    write_format(tmp_path, WITH_MONTHS + 1)
    before = files_of(tmp_path)
    with pytest.raises(
        BadInput, match=rf"has format {WITH_MONTHS + 1}; this version reads format {WITH_MONTHS}; install a newer nba_pipeline$"
    ):
        USES[use](warehouse, lines)
    assert files_of(tmp_path) == before


@pytest.mark.parametrize("use", ["replace", "add", "park"])
def test_the_first_write_numbers_a_new_home(use: str, tmp_path: Path, warehouse: LocalWarehouse, lines: Table) -> None:
    assert format_of(tmp_path) is None
    USES[use](warehouse, lines)
    assert json.loads((tmp_path / "format.json").read_text()) == {"format": FORMAT}
    assert format_of(tmp_path) == FORMAT


def test_reading_a_new_home_writes_no_file(tmp_path: Path, warehouse: LocalWarehouse, lines: Table) -> None:
    for use in ("preflight", "scan", "scan_quarantine", "dates"):
        USES[use](warehouse, lines)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_of_tables_is_a_new_home(tmp_path: Path, warehouse: LocalWarehouse, lines: Table) -> None:
    (tmp_path / "tables" / "predictions").mkdir(parents=True)
    USES["replace"](warehouse, lines)
    assert stored_rows(warehouse, lines).height == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is not JSON"),
        ("{", "is not JSON"),
        ("[2]", "has the format None"),
        ("{}", "has the format None"),
        ('{"format": "2"}', "has the format '2'"),
        ('{"format": true}', "has the format True"),
        ('{"format": 0}', "has the format 0"),
        ("\udcff", "cannot be read"),
    ],
)
def test_an_unreadable_number_is_refused_by_name(text: str, message: str, tmp_path: Path, warehouse: LocalWarehouse) -> None:
    (tmp_path / "format.json").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(BadInput, match=rf"^{tmp_path}/format.json {message}"):
        warehouse.scan(PREDICTIONS)


def test_a_cached_format_is_read_only_after_the_file_changes(tmp_path: Path, warehouse: LocalWarehouse, lines: Table) -> None:
    warehouse.replace(lines, [DAY], rows(2, DAY), "me")
    warehouse.scan(lines)
    file = tmp_path / "format.json"
    text, times = file.read_text(), (file.stat().st_atime_ns, file.stat().st_mtime_ns)
    file.write_text(text.replace(str(FORMAT), "9"))
    os.utime(file, ns=times)  # the same inode, size and modification time
    warehouse.scan(lines)
    os.utime(file, ns=(times[0], times[1] + 1))
    with pytest.raises(BadInput, match="has format 9"):
        warehouse.scan(lines)


def test_the_quarantine_alone_does_not_make_a_home_old(tmp_path: Path, warehouse: LocalWarehouse, lines: Table) -> None:
    quarantine(warehouse, lines, [DAY], quarantined_row(DAY))
    (tmp_path / "format.json").unlink()
    assert format_of(tmp_path) is None
    assert set(warehouse.scan_quarantine(lines).collect().columns) == set(QUARANTINE_SCHEMA)


def test_a_table_of_another_name_makes_a_home_old(tmp_path: Path, tables: Tables) -> None:
    with_schedule = a_table("toy_schedule")
    LocalWarehouse(home=str(tmp_path)).replace(with_schedule, [DAY], rows(2, DAY), "me")
    (tmp_path / "format.json").unlink()
    assert format_of(tmp_path) == 1


def test_threads_that_number_a_new_home_at_the_same_time_do_not_meet(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        numbered = [pool.submit(write_format, tmp_path, FORMAT) for _ in range(400)]
    assert [one.exception() for one in numbered if one.exception()] == []
    assert format_of(tmp_path) == FORMAT and [path.name for path in tmp_path.iterdir()] == ["format.json"]


@pytest.mark.parametrize(("league", "other"), [("simulated", "real"), ("real", "simulated")])
def test_simulated_and_real_rows_do_not_mix_in_one_home(league: str, other: str, tmp_path: Path, lines: Table) -> None:
    LocalWarehouse(home=str(tmp_path), league=league).replace(lines, [DAY], rows(2, DAY), "me")
    before = files_of(tmp_path)
    with pytest.raises(BadInput, match=rf"^the home {tmp_path} holds {league} games, and this environment has {other} ones; "):
        LocalWarehouse(home=str(tmp_path), league=other).add(lines, [DAY], rows(3, DAY), "me")
    assert files_of(tmp_path) == before


def test_a_home_of_an_earlier_version_gets_the_league_of_its_next_write(tmp_path: Path, lines: Table) -> None:
    LocalWarehouse(home=str(tmp_path)).replace(lines, [DAY], rows(2, DAY), "me")
    assert league_of(tmp_path) is None
    LocalWarehouse(home=str(tmp_path), league="real").replace(lines, [DAY], rows(3, DAY), "me")
    write_format(tmp_path, FORMAT)
    assert (league_of(tmp_path), format_of(tmp_path)) == ("real", FORMAT)


def record(home: Path, **content: object) -> None:
    (home / "format.json").write_text(json.dumps({"format": FORMAT} | content))


def test_the_first_write_records_the_version_of_the_simulated_league_and_later_ones_keep_it(tmp_path: Path, lines: Table) -> None:
    refuse_another_simulation(tmp_path)
    LocalWarehouse(home=str(tmp_path), league="simulated").replace(lines, [DAY], rows(2, DAY), "me")
    write_format(tmp_path, WITH_MONTHS)
    assert json.loads((tmp_path / "format.json").read_text()) == {
        "format": WITH_MONTHS,
        "league": "simulated",
        "simulation": SIMULATION,
    }
    refuse_another_simulation(tmp_path)


@pytest.mark.parametrize("recorded", [{}, {"league": "simulated"}, {"league": "simulated", "simulation": SIMULATION + 1}])
def test_a_home_of_another_simulated_league_is_read_and_not_extended(
    recorded: dict[str, object], tmp_path: Path, lines: Table
) -> None:
    warehouse = LocalWarehouse(home=str(tmp_path), league="simulated")
    warehouse.replace(lines, [DAY], rows(2, DAY), "me")
    record(tmp_path, **recorded)
    version = recorded.get("simulation", UNRECORDED_SIMULATION)
    with pytest.raises(BadInput, match=rf"^the home {tmp_path} holds games of version {version} of the simulated league, and "):
        refuse_another_simulation(tmp_path)
    assert warehouse.scan(lines).collect().height == 2
    warehouse.add(lines, [DAY], rows(3, DAY), "me")  # such as a grade of its own games
    assert simulation_of(tmp_path) == version


def test_a_home_of_real_games_has_no_version_of_the_simulated_league(tmp_path: Path, lines: Table) -> None:
    LocalWarehouse(home=str(tmp_path), league="real").replace(lines, [DAY], rows(2, DAY), "me")
    assert simulation_of(tmp_path) is None
    refuse_another_simulation(tmp_path)


def test_a_version_of_the_simulated_league_that_is_no_number_is_named(tmp_path: Path) -> None:
    record(tmp_path, league="simulated", simulation="two")
    with pytest.raises(BadInput, match=r"has the simulation 'two'; expected an integer, for example \d$"):
        refuse_another_simulation(tmp_path)


def test_an_unknown_league_is_named(tmp_path: Path, warehouse: LocalWarehouse) -> None:
    (tmp_path / "format.json").write_text(json.dumps({"format": FORMAT, "league": "summer"}))
    with pytest.raises(BadInput, match=r"has the league 'summer'; expected simulated or real$"):
        warehouse.preflight()

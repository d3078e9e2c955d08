"""Reads from BigQuery: number and content of queries, visibility of writes, and allowed user queries."""

from collections.abc import Callable
from datetime import date, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.errors import BadInput
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import days
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.bigquery.parts import Parts
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payloads import Slot
from nba_pipeline_tests.bigquery.faults import Call, FaultProxy, Respond
from nba_pipeline_tests.bigquery.store import BigQueryStore, of_kind, statement, text_of
from nba_pipeline_tests.warehouse.contract import DAY, NEXT, NOON, on, rows, stored_rows


def read_calls(proxy: FaultProxy, table: str = "toy_lines") -> list[Call]:
    """The queries of a table."""
    return [call for call in proxy.calls if f"FROM `{table}`" in text_of(call)]


def test_a_run_reads_a_date_once_and_again_after_it_wrote_it(store: BigQueryStore, proxy: FaultProxy, lines: Table) -> None:
    store.open().replace(lines, [DAY, NEXT], pl.concat([rows(2), rows(2, NEXT)]), "another")
    run = store.open()
    proxy.forget()
    for _ in range(3):
        assert stored_rows(run, lines, DAY)["points"].to_list() == [1, 1]
        assert run.scan(lines, [DAY]).select("game_id").collect().height == 2
    assert len(read_calls(proxy)) == 1
    run.replace(lines, [DAY], rows(2, points=5), "me")
    run.replace(lines, [NEXT], rows(2, NEXT, points=6), "me")
    before = len(read_calls(proxy))
    for _ in range(2):
        assert stored_rows(run, lines, DAY)["points"].to_list() == [5, 5]
        assert stored_rows(run, lines)["points"].to_list() == [5, 5, 6, 6]
    assert len(read_calls(proxy)) == before + 2
    assert run.add(lines, [DAY], rows(3, points=7), "me") == 1
    assert stored_rows(run, lines)["points"].to_list() == [5, 5, 7, 6, 6]
    assert stored_rows(run, lines, DAY)["points"].to_list() == [5, 5, 7]


def test_a_run_reads_the_record_once_and_before_each_write(store: BigQueryStore, proxy: FaultProxy, lines: Table) -> None:
    run = store.open()
    for n in range(3):
        run.replace(lines, [DAY], rows(2, points=n), "me")
        run.dates(lines)
        stored_rows(run, lines)
    assert (
        len([call for call in proxy.calls if "FROM loads" in text_of(call) and not text_of(call).strip().startswith("INSERT")])
        == 1 + 3
    )


def test_outside_of_runs_every_write_is_visible(
    store: BigQueryStore, proxy: FaultProxy, lines: Table, settings: Callable[..., None]
) -> None:
    person = store.open_reader()
    assert stored_rows(person, lines).is_empty()
    run = store.open()
    for points in (1, 2):
        run.replace(lines, [DAY], rows(2, points=points), "a run of this process")
        assert stored_rows(person, lines)["points"].to_list() == [points] * 2
    settings(record_seconds=0.0)
    store.run_query(
        "INSERT INTO loads (game_date, table_name, job_id, row_count, run_id, loaded_at) "
        f"VALUES (DATE '{NEXT}', 'toy_lines', 'of_another_process', 0, 'x', CURRENT_TIMESTAMP())"
    )
    assert person.dates(lines) == {DAY, NEXT}


def test_dates_are_query_parameters_and_only_dates_with_rows_are_read(
    store: BigQueryStore, proxy: FaultProxy, lines: Table
) -> None:
    dates = days(DAY, DAY + timedelta(days=3))
    filled = [dates[0], dates[2]]
    store.open().replace(lines, dates, pl.concat([rows(1, day) for day in filled]), "another")
    run = store.open()
    proxy.forget()
    assert stored_rows(run, lines, dates[1], dates[3], date(2030, 1, 1)).is_empty()
    assert read_calls(proxy) == []
    assert run.scan(lines, dates).select("points").collect()["points"].to_list() == [1, 1]
    [question] = read_calls(proxy)
    given = {p["name"]: (p["parameterType"]["type"], p["parameterValue"]["value"]) for p in question.body["queryParameters"]}
    assert given == {"first": ("DATE", "2024-03-12"), "last": ("DATE", "2024-03-14")}
    assert "WHERE game_date BETWEEN @first AND @last" in text_of(question)
    assert "price" not in text_of(question), "only the columns that are needed"
    assert int(question.body["maximumBytesBilled"]) == SETTINGS.bigquery.most_bytes_billed
    assert run.scan(lines, [dates[0]]).collect().height == 1


def test_unrequested_dates_in_between_are_not_read(store: BigQueryStore, proxy: FaultProxy, lines: Table) -> None:
    dates = days(DAY, DAY + timedelta(days=2))
    store.open().replace(lines, dates, pl.concat([rows(1, day) for day in dates]), "another")
    run = store.open()
    assert stored_rows(run, lines, dates[0], dates[2])["game_date"].to_list() == [dates[0], dates[2]]
    assert "game_date IN UNNEST(@dates)" in text_of(read_calls(proxy)[-1])


def test_the_cache_has_a_limit_and_evicts_the_oldest_entry(settings: Callable[..., None]) -> None:
    frame = pl.DataFrame({"a": range(1000)})
    settings(cached_bytes=int(frame.estimated_size() * 2.5))
    cache = Parts(is_cached=True)
    dates = days(DAY, DAY + timedelta(days=2))
    for day in dates[:2]:
        cache.keep("toy_lines", [day], ["a"], frame)
    assert cache.get("toy_lines", [dates[0]], ["a"]) is frame
    cache.keep("toy_lines", [dates[2]], ["a"], frame)
    assert [cache.get("toy_lines", [day], ["a"]) is None for day in dates] == [False, True, False]
    cache.forget("toy_lines", [dates[2]])
    assert cache.get("toy_lines", [dates[2]], ["a"]) is None
    cache.forget_tables(["toy_lines"])
    assert cache.get("toy_lines", [dates[0]], ["a"]) is None


def test_outside_of_runs_nothing_is_cached() -> None:
    cache = Parts(is_cached=False)
    cache.keep("toy_lines", [DAY], ["a"], pl.DataFrame({"a": [1]}))
    assert cache.get("toy_lines", [DAY], ["a"]) is None


# User queries


def test_a_query_without_a_date_is_refused_with_an_example(store: BigQueryStore, lines: Table) -> None:
    with pytest.raises(BadInput, match=r"without a filter over column.*Every table is partitioned: add WHERE game_date = DATE"):
        store.open_reader().sql("SELECT * FROM toy_lines")


def test_other_statements_and_unknown_tables_are_refused_with_a_next_step(store: BigQueryStore, lines: Table) -> None:
    messages = {
        "MERGE toy_lines T USING (SELECT 1 AS a) S ON FALSE WHEN NOT MATCHED BY SOURCE AND game_date = '2024-03-12' THEN DELETE": "not MERGE",
        "EXPORT DATA OPTIONS(uri='gs://a/*.csv', format='CSV') AS SELECT 1 AS a": "not EXPORT_DATA",
        "DECLARE x INT64; SELECT 1": "not SCRIPT",
        "BEGIN SELECT 1; END": "not SCRIPT",
        "DROP TABLE toy_lines": "not DROP_TABLE",
        "SELECT * FROM toy_linez": "toy_linez was not found.*BIGQUERY_DATASET.*nba-pipeline bigquery apply",
        "SELECT nonsense(": "Syntax error",
    }
    person = store.open_reader()
    for query, phrases in messages.items():
        with pytest.raises(BadInput, match=phrases):
            person.sql(query)
    assert store.run_query("SELECT table_name FROM INFORMATION_SCHEMA.TABLES WHERE table_name = 'toy_lines'")


def test_a_refused_statement_runs_nothing_and_loads_no_journal(store: BigQueryStore, proxy: FaultProxy, lines: Table) -> None:
    person = store.open_reader()
    landing = Landing(home=person.store or person.home, clock=Clock(fixed_at=NOON.isoformat()))
    landing.note(Slot("nba_cdn", "boxscore", "0022300946", DAY), "not_yet", statuses=[403])
    with pytest.raises(BadInput, match="not DROP_TABLE"):
        person.sql("DROP TABLE toy_lines -- not the requests")
    queries = [call.body["configuration"] for call in proxy.calls if "configuration" in call.body]
    assert [bool(configuration.get("dryRun")) for configuration in queries] == [True]


def test_a_query_over_the_byte_limit_is_refused_with_the_limit(store: BigQueryStore, proxy: FaultProxy, lines: Table) -> None:
    """The emulator bills nothing, so the proxy returns Google's own response."""
    store.open().replace(lines, [DAY], rows(1), "me")
    person, run = store.open_reader(), store.open()
    run.dates(lines)
    too_much = Respond(400, "bytesBilledLimitExceeded", "Query exceeded limit for bytes billed: 1. 10485760 or higher required.")
    proxy.rule(lambda call: "FROM toy_lines" in text_of(call) and not call.body.get("configuration", {}).get("dryRun"), too_much)
    with pytest.raises(BadInput, match=r"the query would read more than 21,474,836,480 bytes; filter game_date more narrowly"):
        person.sql(on(DAY))
    proxy.rule(lambda call: "FROM `toy_lines`" in text_of(call), too_much)
    with pytest.raises(BadInput, match=r"a query of toy_lines would read more than"):
        stored_rows(run, lines)


def test_a_read_is_retried_after_a_server_error(store: BigQueryStore, proxy: FaultProxy, lines: Table) -> None:
    store.open().replace(lines, [DAY], rows(2), "me")
    proxy.rule(statement("SELECT"), Respond(503, "backendError", "later"), times=2)
    proxy.rule(of_kind("datasets"), Respond(503, "backendError", "later"), times=2)
    assert_frame_equal(stored_rows(store.open(), lines), rows(2))


def test_a_large_result_is_complete(store: BigQueryStore, lines: Table) -> None:
    many = pl.concat([rows(1000, first=n * 1000) for n in range(20)]).with_columns(
        game_id=pl.int_range(20_000).cast(pl.String).str.zfill(6)
    )
    run = store.open()
    run.replace(lines, [DAY], many, "me")
    assert_frame_equal(stored_rows(run, lines), many)

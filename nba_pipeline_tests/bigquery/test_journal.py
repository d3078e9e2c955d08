"""The journal as a table: queries match its lines, and a date is loaded once and again only after it has grown."""

import json
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest
from dagster_gcp import BigQueryResource
from google.cloud import bigquery
from polars.testing import assert_frame_equal

from nba_pipeline.errors import PipelineError
from nba_pipeline.instance.clock import Clock
from nba_pipeline.warehouse.bigquery.journal import DESCRIPTIONS, JOURNAL, VIEWS, statement, sync
from nba_pipeline.warehouse.bigquery.loads import Loads
from nba_pipeline.warehouse.bigquery.session import Session
from nba_pipeline.warehouse.bigquery.shapes import LOADS, difference
from nba_pipeline.warehouse.journal_views import JOURNAL_VIEWS
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline.warehouse.payloads import Slot
from nba_pipeline_tests.bigquery.emulator import Emulator
from nba_pipeline_tests.bigquery.faults import Call, DropAfter, FaultProxy, Respond
from nba_pipeline_tests.bigquery.fixtures import PROJECT

GAME_DAY = date(2024, 3, 12)
FETCHED_AT = datetime(2024, 3, 13, 5, 0, 0, 123456, UTC)
BOXSCORE = Slot("nba_cdn", "boxscore", "0022300945", game_date=GAME_DAY)
ODDS = Slot("odds_api", "events", "season", season="2023-24")


@pytest.fixture
def session(emulator: Emulator, proxy: FaultProxy, dataset_name: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Session]:
    """A dataset with journal, record of writes and views, as created by `plan`."""
    for name, value in emulator.variables(PROJECT, dataset_name, proxy.url).items():
        monkeypatch.setenv(name, value)
    session = Session(BigQueryResource(project=PROJECT), dataset_name, "", emulator.grpc_host, "direct")
    session.client.create_dataset(dataset_name)
    for shape in (JOURNAL, LOADS):
        session.client.create_table(shape.ddl(session.dataset.reference))
    for name in VIEWS:
        view = bigquery.Table(session.dataset.reference.table(name))
        view.view_query = statement(name, f"`{session.name}.{{}}`")
        session.client.create_table(view)
    proxy.forget()
    yield session
    session.close()


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(home=str(tmp_path), clock=Clock(fixed_at="2024-03-13T12:00:00+00:00"))


def ask_providers(landing: Landing) -> None:
    """Work outside of runs that lands two payloads and fails once."""
    landing.keep(
        BOXSCORE,
        b'{"game": 1}',
        fetched_at=FETCHED_AT,
        statuses=[503, 200],
        url="http://cdn/boxscore",
        final_game_ids=["0022300945"],
    )
    landing.keep(ODDS, b"[]", fetched_at=FETCHED_AT, quota={"remaining": 480}, url="http://odds/früh")
    landing.note(BOXSCORE, "failed", statuses=[500], problem="500 twice")


def move_newest_to(landing: Landing, day: date) -> None:
    """Move the newest journal to another date, as if its run had begun then."""
    newest = sorted(Path(landing.home, "landing", "journal").glob("*.jsonl"))[-1]
    nanoseconds = int(datetime(day.year, day.month, day.day, 10, tzinfo=UTC).timestamp()) * 10**9
    newest.rename(newest.with_name(f"{nanoseconds:020d}_{newest.name.partition('_')[2]}"))


def loads_of(session: Session) -> Loads:
    return Loads(session, is_cached=False)


def loaded(proxy: FaultProxy) -> list[str | None]:
    return sorted(str(call.table) for call in proxy.calls if call.kind == "load")


def results(frame: pl.DataFrame) -> pl.DataFrame:
    """A result with sorted rows, and with empty lists instead of nulls."""
    lists = [name for name, kind in frame.schema.items() if isinstance(kind, pl.List)]
    frame = frame.with_columns(pl.col(name).fill_null([]) for name in lists)
    numbers = [name for name, kind in frame.schema.items() if kind.is_integer()]
    return frame.with_columns(pl.col(numbers).cast(pl.Int64)).sort(pl.exclude(lists))


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_returns_the_rows_of_the_local_view(session: Session, landing: Landing, view: str) -> None:
    ask_providers(landing)
    assert sync(session, loads_of(session), landing) == 1
    local = LocalWarehouse(home=landing.home).sql(f"SELECT * FROM {view}")
    assert local.height > 0
    assert_frame_equal(results(session.read_only(f"SELECT * FROM {view}")), results(local))


def test_the_views_are_the_local_ones(session: Session) -> None:
    assert VIEWS.keys() == JOURNAL_VIEWS.keys() == DESCRIPTIONS.keys()
    assert str(difference(JOURNAL, session.describe()["journal"])) == ""


def test_a_source_leads_to_its_payload(session: Session, landing: Landing) -> None:
    ask_providers(landing)
    sync(session, loads_of(session), landing)
    matches = session.read_only("SELECT source, game_date FROM landing WHERE game_date = DATE '2024-03-12'")
    assert matches.rows() == [(landing.newest(BOXSCORE).ref, GAME_DAY)]  # type: ignore[union-attr]
    assert landing.read(matches["source"][0]).json() == {"game": 1}


def test_only_days_with_new_entries_are_loaded_again(session: Session, landing: Landing, proxy: FaultProxy) -> None:
    ask_providers(landing)
    move_newest_to(landing, date(2026, 3, 1))
    landing = Landing(home=landing.home, clock=landing.clock)  # another process has its own journal
    ask_providers(landing)
    move_newest_to(landing, date(2026, 3, 2))
    assert sync(session, loads_of(session), landing) == 2
    assert loaded(proxy) == ["journal$20260301", "journal$20260302"]
    assert sync(session, loads_of(session), landing) == 0
    newest = sorted(Path(landing.home, "landing", "journal").glob("*.jsonl"))[-1]
    line = {"kind": "run", "run_id": "late", "as_of": "2026-03-02T10:00:00+00:00", "job": "game_day", "assets": None, "tags": {}}
    with newest.open("a") as file:
        file.write(json.dumps(line) + "\n")
    proxy.forget()
    assert sync(session, loads_of(session), landing) == 1
    assert loaded(proxy) == ["journal$20260302"]
    assert session.read_only("SELECT job, count(*) AS n FROM runs GROUP BY job ORDER BY job").rows() == [("", 2), ("game_day", 1)]


def test_a_landing_without_a_journal_starts_no_job(session: Session, landing: Landing, proxy: FaultProxy) -> None:
    assert sync(session, loads_of(session), landing) == 0
    assert session.read_only("SELECT * FROM requests").is_empty()
    assert loaded(proxy) == []


# Failures


def test_a_dropped_response_does_not_load_twice(session: Session, landing: Landing, proxy: FaultProxy) -> None:
    ask_providers(landing)
    proxy.rule(lambda call: call.kind in ("load", "load_data"), DropAfter())
    assert sync(session, loads_of(session), landing) == 1
    assert session.read_only("SELECT count(*) AS n FROM requests").item() == 3


def test_a_run_killed_before_the_record_reuses_its_job(session: Session, landing: Landing, proxy: FaultProxy) -> None:
    ask_providers(landing)

    def is_record(call: Call) -> bool:
        return call.kind == "query" and "INSERT INTO loads" in call.body.get("query", "")

    proxy.rule(is_record, Respond(400, "invalid", "the record is not to be had"), times=1)
    with pytest.raises(PipelineError, match="the record is not to be had"):
        sync(session, loads_of(session), landing)
    assert sync(session, loads_of(session), landing) == 1
    assert len({call.job_id for call in proxy.calls if call.kind == "load"}) == 1
    assert session.read_only("SELECT count(*) AS n FROM requests").item() == 3


def test_a_failed_day_does_not_block_other_days(session: Session, landing: Landing, proxy: FaultProxy) -> None:
    ask_providers(landing)
    move_newest_to(landing, date(2026, 3, 1))
    landing = Landing(home=landing.home, clock=landing.clock)
    ask_providers(landing)
    move_newest_to(landing, date(2026, 3, 2))
    proxy.rule(
        lambda call: call.kind == "load" and call.table == "journal$20260301", Respond(400, "invalid", "not this one"), times=None
    )
    with pytest.raises(PipelineError, match=r"loading journal 2026-03-01: .*not this one"):
        sync(session, loads_of(session), landing)
    assert set(loads_of(session).of("journal")) == {date(2026, 3, 2)}
    proxy.forget()
    assert sync(session, loads_of(session), landing) == 1
    assert loaded(proxy) == ["journal$20260301"]

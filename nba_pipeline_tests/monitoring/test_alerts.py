"""What a person is told, once: over a real HTTP receiver and a real local warehouse, and what never reaches a log."""

import http.server
import json
import logging
import re
import threading
import time
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from dagster._core.events import JobFailureData, RunFailureReason
from polars.testing import assert_frame_equal

from nba_pipeline.completeness import gates
from nba_pipeline.errors import Closed, PipelineError
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.partitions import DAILY
from nba_pipeline.league.calendar import eastern
from nba_pipeline.monitoring.alerts import ALERTS, CODE_VERSION, SOURCE, Notifier, failed_run_sensor
from nba_pipeline.tables.table import TABLES
from nba_pipeline.warehouse.bigquery.shapes import shape_of
from nba_pipeline.warehouse.local import LocalWarehouse

DAY = date(2024, 3, 12)
NEXT = DAY + timedelta(days=1)
NOON = eastern(DAY, 12)
SECRET = "T00000000/B00000000/SeCrEtSeCrEt"
LATE = ("late_boxscores", "boxscores", "2 of 8 games have no box score.")


class Slack:
    """An incoming webhook: what it was sent, and what it answers."""

    def __init__(self) -> None:
        self.url, self.status, self.delay_seconds = "", 200, 0.0
        self.headers: dict[str, str] = {}
        self.sent: list[dict[str, Any]] = []

    @property
    def texts(self) -> list[str]:
        return [document["text"] for document in self.sent]


class _Handler(http.server.BaseHTTPRequestHandler):
    slack: Slack

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.path.endswith(SECRET) and self.headers["Content-Type"] == "application/json"
        self.slack.sent.append(json.loads(body))
        time.sleep(self.slack.delay_seconds)
        self.send_response(self.slack.status)
        for name, value in self.slack.headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def slack() -> Iterator[Slack]:
    slack = Slack()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"slack": slack}))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    slack.url = f"http://127.0.0.1:{server.server_address[1]}/services/{SECRET}"
    yield slack
    server.shutdown()
    server.server_close()


@pytest.fixture
def warehouse(tmp_path: Path) -> LocalWarehouse:
    return LocalWarehouse(home=str(tmp_path))


@pytest.fixture
def notifier(slack: Slack, warehouse: LocalWarehouse) -> Notifier:
    return a_notifier(warehouse, slack.url)


@pytest.fixture
def everything(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    """Every line of every logger, however little it matters."""
    caplog.set_level(logging.DEBUG)
    return caplog


def a_notifier(warehouse: LocalWarehouse, url: str = "", **fields: Any) -> Notifier:
    return Notifier(webhook_url=url, warehouse=warehouse, clock=Clock(stands_at=NOON.isoformat()), **fields)


def rows(warehouse: LocalWarehouse) -> list[dict[str, Any]]:
    return warehouse.scan(ALERTS).collect().to_dicts()


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What the notifier itself has logged."""
    return [record.getMessage() for record in caplog.records if record.name == SOURCE]


# A row and a message


def test_an_alert_is_a_row_and_a_message(notifier: Notifier, slack: Slack, warehouse: LocalWarehouse) -> None:
    assert notifier.raise_alert(DAY, *LATE, severity="critical", next_command=f"nba-pipeline run --date {DAY}")
    assert slack.sent == [
        {
            "text": "critical: late_boxscores boxscores (2024-03-12)\n2 of 8 games have no box score.\n"
            "Next: nba-pipeline run --date 2024-03-12"
        }
    ]
    expected = {"game_date": DAY, "kind": LATE[0], "subject": LATE[1], "severity": "critical", "message": LATE[2],
                "next_command": f"nba-pipeline run --date {DAY}", "raised_at": NOON, "source": SOURCE, "as_of": NOON,
                "code_version": CODE_VERSION}  # fmt: skip
    assert_frame_equal(warehouse.scan(ALERTS).collect(), pl.DataFrame([expected], schema=ALERTS.dtypes))


def test_raised_again_it_is_the_same_alert(notifier: Notifier, slack: Slack, warehouse: LocalWarehouse) -> None:
    assert notifier.raise_alert(DAY, *LATE)
    assert not notifier.raise_alert(DAY, *LATE[:2], "1 of 8 games has no box score.", severity="critical")
    assert len(slack.sent) == 1
    assert [(row["message"], row["severity"]) for row in rows(warehouse)] == [(LATE[2], "warning")]


def test_another_process_that_raises_it_sends_nothing(notifier: Notifier, slack: Slack, warehouse: LocalWarehouse) -> None:
    notifier.raise_alert(DAY, *LATE)
    assert not a_notifier(LocalWarehouse(home=warehouse.home), slack.url).raise_alert(DAY, *LATE)
    assert len(slack.sent) == 1


@pytest.mark.parametrize("other", [(NEXT, *LATE), (DAY, "silent_source", *LATE[1:]), (DAY, LATE[0], "play_by_play", LATE[2])])
def test_of_another_date_kind_or_subject_it_is_another(
    notifier: Notifier, slack: Slack, other: tuple[date, str, str, str]
) -> None:
    notifier.raise_alert(DAY, *LATE)
    assert notifier.raise_alert(*other)
    assert len(slack.sent) == 2


def test_what_means_something_to_slack_is_escaped(notifier: Notifier, slack: Slack) -> None:
    notifier.raise_alert(DAY, "few_rows", "features", "rows < 50 & <!channel>")
    assert slack.texts[0].splitlines()[1] == "rows &lt; 50 &amp; &lt;!channel&gt;"


def test_an_unknown_severity_is_refused_and_not_lost(notifier: Notifier, slack: Slack, warehouse: LocalWarehouse) -> None:
    with pytest.raises(PipelineError, match="late_boxscores boxscores cannot be kept: severity"):
        notifier.raise_alert(DAY, *LATE, severity="urgent")  # type: ignore[arg-type]
    assert (slack.sent, rows(warehouse)) == ([], [])


# Without a webhook, and with one that fails


@pytest.mark.parametrize(("severity", "level"), [("warning", logging.WARNING), ("critical", logging.CRITICAL)])
def test_without_a_webhook_it_is_a_line_in_the_log(
    warehouse: LocalWarehouse, caplog: pytest.LogCaptureFixture, severity: Any, level: int
) -> None:
    notifier = a_notifier(warehouse)
    for _ in range(2):
        notifier.raise_alert(DAY, *LATE, severity=severity, next_command="nba-pipeline status")
    told = f"{severity}: late_boxscores boxscores (2024-03-12): 2 of 8 games have no box score. Next: nba-pipeline status"
    assert [(r.levelno, r.getMessage()) for r in caplog.records if r.name == SOURCE] == [(level, told)]


@pytest.mark.parametrize(("status", "headers"), [(404, {}), (429, {}), (500, {}), (302, {"Location": "/elsewhere"})], ids=str)
def test_a_webhook_that_refuses_costs_the_message_and_not_the_alert(
    notifier: Notifier, slack: Slack, warehouse: LocalWarehouse, everything: pytest.LogCaptureFixture, status: int, headers: Any
) -> None:
    slack.status, slack.headers = status, headers
    assert notifier.raise_alert(DAY, *LATE)
    assert len(rows(warehouse)) == 1
    assert lines(everything) == [
        "warning: late_boxscores boxscores (2024-03-12): 2 of 8 games have no box score. This was not delivered to the "
        f"webhook: it answered {status}"
    ]
    assert SECRET not in everything.text


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        (f"http://127.0.0.1:1/services/{SECRET}", "ConnectError"),
        (f"hooks.example/services/{SECRET}", "UnsupportedProtocol"),
        (f"http://127.0.0.1:1/services/{SECRET}\n", "InvalidURL"),
        (f"http://127.0.0.1:{SECRET}", "InvalidURL"),
    ],
    ids=["down", "no scheme", "a line break", "no port"],
)  # fmt: skip
def test_a_webhook_that_cannot_be_asked_fails_nobody(
    warehouse: LocalWarehouse, everything: pytest.LogCaptureFixture, url: str, problem: str
) -> None:
    assert a_notifier(warehouse, url).raise_alert(DAY, *LATE)
    assert len(rows(warehouse)) == 1
    assert [line.rpartition(": ")[2] for line in lines(everything)] == [problem]
    assert SECRET not in everything.text


def test_a_webhook_that_does_not_answer_is_given_up(
    slack: Slack, warehouse: LocalWarehouse, everything: pytest.LogCaptureFixture
) -> None:
    slack.delay_seconds = 1.0
    assert a_notifier(warehouse, slack.url, timeout_seconds=0.1).raise_alert(DAY, *LATE)
    assert [line.rpartition(": ")[2] for line in lines(everything)] == ["ReadTimeout"]


def test_the_webhook_is_never_logged_nor_shown(notifier: Notifier, slack: Slack, everything: pytest.LogCaptureFixture) -> None:
    notifier.raise_alert(DAY, *LATE)
    assert slack.sent and SECRET not in everything.text and SECRET not in repr(notifier)


# The table among the others


def test_it_is_a_ledger_that_a_rebuild_keeps(notifier: Notifier, warehouse: LocalWarehouse) -> None:
    notifier.raise_alert(DAY, *LATE)
    assert TABLES["alerts"] is ALERTS and ALERTS.write == "add"
    with pytest.raises(PipelineError, match="record of decisions"):
        warehouse.drop(ALERTS)


def test_people_ask_for_it_in_sql(notifier: Notifier, warehouse: LocalWarehouse) -> None:
    notifier.raise_alert(DAY, *LATE)
    assert warehouse.sql("SELECT kind, subject FROM alerts").rows() == [LATE[:2]]


def test_bigquery_has_a_type_for_each_of_its_columns() -> None:
    assert [str(column) for column in shape_of(ALERTS).columns] == [
        "game_date DATE NOT NULL", "kind STRING NOT NULL", "subject STRING NOT NULL", "severity STRING NOT NULL",
        "message STRING NOT NULL", "next_command STRING NOT NULL", "raised_at TIMESTAMP NOT NULL", "source STRING NOT NULL",
        "as_of TIMESTAMP NOT NULL", "code_version STRING NOT NULL",
    ]  # fmt: skip


# Failed runs


@dg.asset(partitions_def=DAILY, backfill_policy=dg.BackfillPolicy.single_run())
def breaks() -> None:
    raise Closed("2024-03-12 is closed: 1 of 8 final games have a complete box score")


@dg.asset(partitions_def=DAILY, backfill_policy=dg.BackfillPolicy.single_run())
def checked() -> None:
    """Something to check."""


@dg.asset_check(asset=checked, blocking=True)
def enough_is_there() -> dg.AssetCheckResult:
    missing = dg.MetadataValue.json(["NYK@BOS", "ATL@MIA"])
    return dg.AssetCheckResult(passed=False, metadata={"share": 0.25, "missing": missing})


def run_of(
    instance: dg.DagsterInstance, asset: dg.AssetsDefinition, dates: Sequence[date] = (DAY,), tags: dict[str, str] | None = None
) -> dg.ExecuteInProcessResult:
    """A run of one asset and its check."""
    definitions = dg.Definitions(
        assets=[asset], asset_checks=[enough_is_there] if asset is checked else [], jobs=[dg.define_asset_job("game_day")]
    )
    span = {"dagster/asset_partition_range_start": str(dates[0]), "dagster/asset_partition_range_end": str(dates[-1])}
    return definitions.resolve_job_def("game_day").execute_in_process(
        instance=instance, partition_key=str(dates[0]) if len(dates) == 1 else None, raise_on_error=False,
        tags={**(tags or {}), **(span if len(dates) > 1 else {})},
    )  # fmt: skip


def tell(instance: dg.DagsterInstance, notifier: Notifier, run_id: str, ending: dg.DagsterEvent) -> None:
    """Let the sensor see the end of a run."""
    run = instance.get_run_by_id(run_id)
    assert run
    context = dg.build_run_status_sensor_context(
        "alert_on_failed_run", ending, instance, run, resources={"notifier": notifier}
    ).for_run_failure()
    with context:
        failed_run_sensor("nba/mode")(context)


@pytest.fixture
def instance() -> dg.DagsterInstance:
    return dg.DagsterInstance.ephemeral()


def failed(instance: dg.DagsterInstance, notifier: Notifier, result: dg.ExecuteInProcessResult) -> None:
    """Let the sensor see the end of a run that failed by itself."""
    assert not result.success
    tell(instance, notifier, result.run_id, result.get_run_failure_event())


def test_a_failed_run_is_told_with_its_cause(instance: dg.DagsterInstance, notifier: Notifier, slack: Slack) -> None:
    failed(instance, notifier, run_of(instance, breaks))
    assert slack.texts == [
        "warning: run_failed game_day 2024-03-12 breaks (2024-03-12)\n"
        "breaks: 2024-03-12 is closed: 1 of 8 final games have a complete box score\n"
        "Next: nba-pipeline run --date 2024-03-12"
    ]


def test_a_failed_check_is_told_as_the_sentence_that_does_not_hold(
    instance: dg.DagsterInstance, notifier: Notifier, warehouse: LocalWarehouse
) -> None:
    failed(instance, notifier, run_of(instance, checked, tags={"nba/mode": "overnight"}))
    assert [(row["subject"], row["message"], row["next_command"]) for row in rows(warehouse)] == [
        (
            "overnight 2024-03-12 checked", "checked: not true that enough is there (25%): NYK@BOS; ATL@MIA",
            "nba-pipeline run --date 2024-03-12 --mode overnight",
        )
    ]  # fmt: skip


def test_a_failure_that_nobody_can_name_is_told_of(
    instance: dg.DagsterInstance, warehouse: LocalWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when the events of its steps were deleted: it is no late box score."""

    @dg.asset(partitions_def=DAILY)
    def breaks() -> None:
        raise ValueError("no")

    job = dg.Definitions(assets=[breaks], jobs=[dg.define_asset_job("game_day")]).resolve_job_def("game_day")
    result = job.execute_in_process(instance=instance, partition_key=str(DAY), raise_on_error=False)
    monkeypatch.setattr("nba_pipeline.monitoring.alerts.why_it_failed", lambda *_: [])
    before = gates.deadline(DAY) - timedelta(seconds=1)
    failed(instance, Notifier(warehouse=warehouse, clock=Clock(stands_at=before.isoformat())), result)
    assert len(rows(warehouse)) == 1


def test_late_box_scores_are_told_of_only_after_their_deadline(instance: dg.DagsterInstance, warehouse: LocalWarehouse) -> None:
    """Nothing else failed: until then the sensor of the finals asks for them."""

    @dg.asset(partitions_def=DAILY)
    def boxscores() -> None:
        pass

    @dg.asset_check(asset=boxscores, blocking=True, name=gates.COVERAGE_GATE)
    def covered() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=False)

    job = dg.Definitions(assets=[boxscores], asset_checks=[covered], jobs=[dg.define_asset_job("game_day")]).resolve_job_def(
        "game_day"
    )
    result = job.execute_in_process(instance=instance, partition_key=str(DAY), raise_on_error=False)
    for seconds, told in ((-1, 0), (0, 1)):
        at = gates.deadline(DAY) + timedelta(seconds=seconds)
        failed(instance, Notifier(warehouse=warehouse, clock=Clock(stands_at=at.isoformat())), result)
        assert len(rows(warehouse)) == told


def test_a_failed_range_is_told_under_its_last_date(
    instance: dg.DagsterInstance, notifier: Notifier, warehouse: LocalWarehouse
) -> None:
    failed(instance, notifier, run_of(instance, checked, [DAY, NEXT]))
    assert [(row["game_date"], row["subject"], row["next_command"]) for row in rows(warehouse)] == [
        (NEXT, "game_day 2024-03-12 to 2024-03-13 checked", "nba-pipeline backfill --from 2024-03-12 --to 2024-03-13")
    ]


def test_a_failed_reread_is_repeated_by_its_own_command(
    instance: dg.DagsterInstance, notifier: Notifier, warehouse: LocalWarehouse
) -> None:
    @dg.op
    def breaks() -> None:
        raise ValueError("no")

    @dg.job(partitions_def=DAILY)
    def recheck() -> None:
        breaks()

    failed(instance, notifier, recheck.execute_in_process(instance=instance, partition_key=str(DAY), raise_on_error=False))
    assert [row["next_command"] for row in rows(warehouse)] == [f"nba-pipeline recheck --date {DAY}"]


def test_a_closed_run_is_told_with_what_closed_it(
    instance: dg.DagsterInstance, notifier: Notifier, warehouse: LocalWarehouse
) -> None:
    """Also where a check had failed before: it is not what ended the run."""
    run = instance.get_run_by_id(run_of(instance, checked).run_id)
    assert run
    crash = JobFailureData(error=None, failure_reason=RunFailureReason.UNEXPECTED_TERMINATION)
    tell(instance, notifier, run.run_id, instance.report_run_failed(run, "its process was killed", crash))
    assert [row["message"] for row in rows(warehouse)] == ["its process was killed"]


@pytest.mark.parametrize(("will_retry", "alerts"), [("true", 0), ("false", 1)])
def test_a_run_that_dagster_tries_again_is_not_told(
    instance: dg.DagsterInstance, notifier: Notifier, warehouse: LocalWarehouse, will_retry: str, alerts: int
) -> None:
    result = run_of(instance, breaks)
    instance.add_run_tags(result.run_id, {"dagster/will_retry": will_retry})
    failed(instance, notifier, result)
    assert len(rows(warehouse)) == alerts


def test_the_same_slate_that_fails_all_morning_is_told_once(
    instance: dg.DagsterInstance, notifier: Notifier, slack: Slack
) -> None:
    for _ in range(3):
        failed(instance, notifier, run_of(instance, breaks))
    assert len(slack.sent) == 1


def test_a_run_without_a_date_is_told_under_today(instance: dg.DagsterInstance, notifier: Notifier, slack: Slack) -> None:
    @dg.op
    def nothing_works() -> None:
        raise ValueError("no")

    @dg.job
    def chores() -> None:
        nothing_works()

    failed(instance, notifier, chores.execute_in_process(instance=instance, raise_on_error=False))
    assert re.sub(r"\s+", " ", slack.texts[0]) == (
        "warning: run_failed chores nothing_works (2024-03-12) nothing_works: ValueError: no Next: nba-pipeline status"
    )


def test_the_sensor_is_one_that_runs_by_itself() -> None:
    sensor = failed_run_sensor("nba/mode")
    definitions = dg.Definitions(
        sensors=[sensor], resources={"notifier": Notifier(warehouse=LocalWarehouse(home="x"), clock=Clock())}
    )
    dg.Definitions.validate_loadable(definitions)
    assert (sensor.name, sensor.default_status) == ("alert_on_failed_run", dg.DefaultSensorStatus.RUNNING)


def test_an_alert_that_the_warehouse_cannot_keep_is_sent_all_the_same(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    tables = tmp_path / "tables"
    tables.write_text("a file where the folder of the tables should be")
    notifier = Notifier(warehouse=LocalWarehouse(home=str(tmp_path)), clock=Clock())
    with caplog.at_level(logging.WARNING):
        told = [notifier.raise_alert(date(2026, 1, 15), "probe_failed", str(tables), "it does not answer") for _ in range(3)]
    assert told == [True, False, False] and caplog.text.count("it does not answer (This alert is not in the table:") == 1

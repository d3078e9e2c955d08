"""The watchdog finds silence, stopped schedules and missing decisions, and reports each of them and its end once."""

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from nba_pipeline.definitions import build_definitions
from nba_pipeline.instance.instigators import Instigator
from nba_pipeline.league.calendar import eastern
from nba_pipeline.monitoring.alert_changes import CHANGES
from nba_pipeline.monitoring.alerts import Notifier
from nba_pipeline.monitoring.findings import Finding, report
from nba_pipeline.monitoring.watchdog import EXPECTED, KINDS, findings
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.monitoring.webhook import DAY, NOON, Slack, a_notifier, rows

pytestmark = pytest.mark.slow

SILENT = Finding("daemon_silent", "daemon", "No schedule or sensor has ticked since noon.", "warning")


def healthy(now: datetime = NOON) -> dict[str, Instigator]:
    """Every schedule and sensor, with a tick a minute ago."""
    at, long_ago = now - timedelta(minutes=1), now - timedelta(days=30)
    schedules = {name: Instigator(name, True, at, long_ago) for name in EXPECTED.schedules}
    return schedules | {name: Instigator(name, True, at) for name in EXPECTED.sensors}


def silent_for(minutes: float) -> dict[str, Instigator]:
    at = NOON - timedelta(minutes=minutes)
    return {name: replace(one, last_tick=at) for name, one in healthy().items()}


def test_the_expected_schedules_and_sensors_are_those_of_the_definitions() -> None:
    served = build_definitions("sandbox").get_repository_def()
    schedules = {one.name for one in served.schedule_defs if one.default_status.value == "RUNNING"}
    sensors = {one.name for one in served.sensor_defs if one.default_status.value == "RUNNING"}
    assert (EXPECTED.schedules, EXPECTED.sensors) == (schedules, sensors)


def test_a_healthy_daemon_has_no_findings() -> None:
    assert findings(healthy(), EXPECTED, NOON) == []


@pytest.mark.parametrize(("minutes", "severity"), [(29, None), (30, "warning"), (119, "warning"), (120, "critical")])
def test_silence_warns_after_30_minutes_and_is_critical_after_120(minutes: float, severity: str | None) -> None:
    found = findings(silent_for(minutes), EXPECTED, NOON)
    assert [(one.kind, one.subject, one.severity) for one in found] == (
        [("daemon_silent", "daemon", severity)] if severity else []
    )


def test_a_daemon_that_never_ticked_is_critical() -> None:
    [found] = findings({}, EXPECTED, NOON)
    assert (found.kind, found.severity) == ("daemon_silent", "critical")


def test_silence_is_the_only_finding_although_modes_are_undecided() -> None:
    assert [one.kind for one in findings(silent_for(600), EXPECTED, NOON)] == ["daemon_silent"]


@pytest.mark.parametrize(
    ("name", "state", "message"),
    [
        ("lines", None, "The sensor lines has never run; the daemon runs other code, or has just started."),
        ("same_day", None, "The schedule same_day has never run; the daemon runs other code, or has just started."),
        ("same_day", {"is_running": False}, "The schedule same_day is stopped; start it in the UI under Automation."),
        (
            "lines",
            {"last_tick": NOON - timedelta(minutes=30)},
            "The sensor lines has not ticked since 2024-03-12 11:30 Eastern, although others do.",
        ),
    ],
)
def test_a_schedule_or_sensor_that_does_not_run_is_named(name: str, state: dict[str, object] | None, message: str) -> None:
    live = healthy()
    live = live | {name: replace(live[name], **state)} if state else {key: one for key, one in live.items() if key != name}  # type: ignore[arg-type]
    assert [(one.kind, one.subject, one.message) for one in findings(live, EXPECTED, NOON)] == [
        ("definitions_differ", name, message)
    ]


def test_a_running_sensor_that_the_code_does_not_define_is_named() -> None:
    live = healthy() | {"old": Instigator("old", True, NOON)}
    assert [(one.kind, one.subject) for one in findings(live, EXPECTED, NOON)] == [("definitions_differ", "old")]
    live["old"] = Instigator("old", True, NOON - timedelta(days=1))  # removed from the code, its state remains
    assert findings(live, EXPECTED, NOON) == []


@pytest.mark.parametrize(
    ("now", "last_tick", "is_found"),
    [
        (eastern(DAY, 7, 29), eastern(DAY, 6), False),
        (eastern(DAY, 7, 30), eastern(DAY, 6), True),
        (eastern(DAY, 7, 30), eastern(DAY, 7), False),
        (eastern(DAY, 3), eastern(DAY, 16) - timedelta(days=1), False),
        (eastern(DAY, 3), eastern(DAY, 13) - timedelta(days=1), True),
    ],
    ids=["not long enough", "no decision", "decided", "decided yesterday", "no decision yesterday"],
)
def test_a_mode_without_a_decision_is_named(now: datetime, last_tick: datetime, is_found: bool) -> None:
    live = healthy(now)
    live["same_day"] = replace(live["same_day"], last_tick=last_tick)
    expected = [("mode_undecided", "same_day")] if is_found else []
    assert [(one.kind, one.subject) for one in findings(live, EXPECTED, now)] == expected


def test_a_mode_that_was_not_started_yet_when_it_was_due_needs_no_decision() -> None:
    live = healthy()
    live["same_day"] = Instigator("same_day", True, None, started_at=NOON - timedelta(minutes=5))
    assert findings(live, EXPECTED, NOON) == []


# Alerts


def test_a_silence_is_reported_once_rises_once_and_its_end_is_reported_once(warehouse: LocalWarehouse, slack: Slack) -> None:
    """Over midnight, and by a new process each time."""
    critical = replace(SILENT, severity="critical")
    for hours, found in ((0, [SILENT]), (1, [SILENT]), (2, [critical]), (20, [critical]), (21, []), (22, [])):
        notifier = a_notifier(LocalWarehouse(home=warehouse.home), slack.url, NOON + timedelta(hours=hours))
        report(notifier, found, KINDS)
    heads = [text.splitlines()[:2] for text in slack.texts]
    assert heads == [
        ["warning: daemon_silent daemon (2024-03-12)", SILENT.message],
        ["escalated, critical: daemon_silent daemon (2024-03-12)", SILENT.message],
        ["resolved, critical: daemon_silent daemon (2024-03-12)", "It lasted 21 h."],
    ]
    assert len(rows(warehouse)) == 1


def test_two_watchers_at_once_send_one_alert_and_one_recovery(warehouse: LocalWarehouse, slack: Slack) -> None:
    """Both resolve the incident that they read before: the second one does not add its row."""
    one, other = (a_notifier(LocalWarehouse(home=warehouse.home), slack.url) for _ in range(2))
    assert [report(notifier, [SILENT], KINDS) != [] for notifier in (one, other)] == [True, False]
    from nba_pipeline.monitoring.alert_changes import incidents  # noqa: PLC0415

    [open_one] = incidents(warehouse, [DAY])
    assert [notifier.resolve(open_one) for notifier in (one, other)] == [True, False]
    assert [text.split(":")[0] for text in slack.texts] == ["warning", "resolved, warning"]
    assert warehouse.scan(CHANGES).collect()["change"].to_list() == ["resolved"]


def at_once(work: Callable[[Notifier], object], notifiers: Sequence[Notifier]) -> list[object]:
    """Calls a function with each notifier in a thread of its own, at the same moment."""
    start = threading.Barrier(len(notifiers))

    def begin(notifier: Notifier) -> object:
        start.wait()
        return work(notifier)

    with ThreadPoolExecutor(len(notifiers)) as pool:
        return list(pool.map(begin, notifiers))


@pytest.mark.unattended
def test_watchers_at_the_same_moment_send_each_change_once(warehouse: LocalWarehouse, slack: Slack) -> None:
    critical = replace(SILENT, severity="critical")
    for found in ([SILENT], [critical], [], [SILENT], []):
        watchers = [a_notifier(LocalWarehouse(home=warehouse.home), slack.url) for _ in range(4)]
        at_once(lambda notifier, found=found: report(notifier, found, KINDS), watchers)  # type: ignore[misc]
    assert [text.split(":")[0] for text in slack.texts] == [
        "warning",
        "escalated, critical",
        "resolved, critical",
        "reopened, warning",
        "resolved, warning",
    ]


def test_a_recurrence_on_the_same_date_is_a_reopening(notifier: Notifier, slack: Slack) -> None:
    for found in ([SILENT], [], [SILENT], [SILENT], []):
        report(notifier, found, KINDS)
    assert [text.split(":")[0] for text in slack.texts] == [
        "warning",
        "resolved, warning",
        "reopened, warning",
        "resolved, warning",
    ]


def test_a_resolution_leaves_alerts_of_other_kinds_open(notifier: Notifier, warehouse: LocalWarehouse) -> None:
    notifier.raise_alert(DAY, "run_failed", "overnight", "It failed.")
    report(notifier, [], KINDS)
    assert warehouse.scan(CHANGES).collect().height == 0

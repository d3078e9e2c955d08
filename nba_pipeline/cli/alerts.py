"""The commands `alerts list`, `alerts ack` and `alerts test`."""

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from nba_pipeline.cli.app import alerts, date_of, leave
from nba_pipeline.cli.choices import one_of
from nba_pipeline.cli.consoles import out, print_error, print_line
from nba_pipeline.environments import clock, environment, notifier_for, warehouse_of
from nba_pipeline.errors import BadInput, PipelineError

if TYPE_CHECKING:
    from nba_pipeline.monitoring.alert_changes import Incident
    from nba_pipeline.monitoring.alerts import Notifier


def _notifier() -> "Notifier":
    return notifier_for(warehouse_of(environment()), clock())


def _incidents(notifier: "Notifier") -> "list[Incident]":
    """Returns the incidents that are recent enough to be listed."""
    from nba_pipeline.monitoring.alert_changes import recent_incidents

    return recent_incidents(notifier.warehouse, notifier.clock.today)


@alerts.command("list")
def list_alerts(
    is_complete: Annotated[bool, typer.Option("--all", help="also list resolved alerts")] = False,
    style: Annotated[str, typer.Option("--format", help="table | json")] = "table",
) -> None:
    """List the open alerts, critical ones first, then oldest first, with their age and next command."""
    one_of("--format", style, ("table", "json"))
    notifier = _notifier()
    shown = [one for one in _incidents(notifier) if is_complete or one.is_open]
    listed = sorted(shown, key=lambda one: one.severity != "critical")
    if style == "json":
        print(json.dumps([asdict(one) | {"is_open": one.is_open} for one in listed], default=str, indent=1))
    elif listed:
        _print(notifier, listed)
    else:
        print_line("no alert is open")
    leave(0)


def _print(notifier: "Notifier", listed: "list[Incident]") -> None:
    from rich.table import Table as RichTable

    from nba_pipeline.cli.consoles import printable
    from nba_pipeline.monitoring.alert_changes import duration

    table = RichTable()
    for heading in ("date", "kind", "subject", "severity", "state", "message", "next"):
        table.add_column(heading, overflow="fold")  # a path that is cut off is no help
    for one in listed:
        age = f"open for {duration(one.since, notifier.clock.now())}" if one.is_open else "resolved"
        state = f"{age}, {one.acknowledged_by} works on it" if one.is_open and one.acknowledged_by else age
        texts = (str(one.game_date), one.kind, one.subject, one.severity, state, one.message, one.next_command)
        table.add_row(*(printable(text) for text in texts))
    out.print(table)


@alerts.command("ack")
def acknowledge(
    kind: Annotated[str, typer.Option(help="kind of the alert")],
    subject: Annotated[str, typer.Option(help="subject of the alert, exactly as it is listed")],
    day: Annotated[str, typer.Option("--date", help="date of the alert")],
    author: Annotated[str, typer.Option(help="who works on it; recorded permanently")],
) -> None:
    """Record that a person works on an open alert, and notify the sinks."""
    from nba_pipeline.monitoring.alert_changes import incident_of

    if not author.strip():
        raise BadInput("--author must name a person")
    notifier = _notifier()
    incident = incident_of(notifier.warehouse, (date_of(day, "--date"), kind, subject))
    if incident is None or not incident.is_open:
        problem = "is resolved" if incident else "does not exist"
        raise BadInput(f"the alert {kind} {subject} of {day} {problem}; `nba-pipeline alerts list` names the open ones")
    print_line(_acknowledged(notifier, incident, author.strip()))
    leave(0)


def _acknowledged(notifier: "Notifier", incident: "Incident", author: str) -> str:
    """Acknowledges an incident and returns what happened. Raises PipelineError if another process has changed the alert."""
    if incident.acknowledged_by:
        return f"{incident.acknowledged_by} already works on it"
    if not notifier.acknowledge(incident, author):
        raise PipelineError(
            f"the alert {incident.kind} {incident.subject} was changed at the same time and is not acknowledged; "
            "`nba-pipeline alerts list` shows its state"
        )
    return f"acknowledged {incident.kind} {incident.subject}"


@alerts.command("test")
def send_test() -> None:
    """Send a critical test alert to every sink and resolve it; exit code 1 if a sink did not accept it."""
    from nba_pipeline.league.eastern_text import eastern_text
    from nba_pipeline.monitoring.alert_changes import incident_of
    from nba_pipeline.monitoring.deliveries import unsent
    from nba_pipeline.monitoring.sinks import VARIABLES

    notifier = _notifier()
    if not notifier.sinks:
        *others, last = VARIABLES.values()
        raise BadInput(f"no sink is configured; set {', '.join(others)} or {last}")
    today, subject = notifier.clock.today, f"test at {eastern_text(notifier.clock.now(), '%H:%M:%S.%f')}"
    notifier.raise_alert(today, "test_alert", subject, "This is a test. It resolves itself.", "critical")
    if incident := incident_of(notifier.warehouse, (today, "test_alert", subject)):
        notifier.resolve(incident)
    failed = {one.sink: one.reason for one in unsent(notifier.warehouse, [today]) if one.subject == subject}
    for sink in notifier.sinks:
        if sink in failed:
            print_error(f"{sink}: not delivered: {failed[sink]}")
        else:
            print_line(f"{sink}: delivered")
    leave(int(bool(failed)))

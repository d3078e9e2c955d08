"""The command `status`: what is complete, missing or late, once or repeatedly."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nba_pipeline.cli.app import app, date_range, leave, open_runner, today
from nba_pipeline.cli.choices import one_of
from nba_pipeline.cli.consoles import out, print_line, report, working
from nba_pipeline.environments import home
from nba_pipeline.errors import BadInput, PipelineError
from nba_pipeline.tables.wording import counted, with_step

if TYPE_CHECKING:
    from nba_pipeline.instance.demos import Unfinished
    from nba_pipeline.monitoring.alert_changes import Incident
    from nba_pipeline.orchestration.runner import Runner

WATCH_SECONDS = 30
DAYS_BACK = 6
ALERTS_SHOWN = 5


@app.command()
def status(
    first: Annotated[str | None, typer.Option("--from", help="first US Eastern date; default six days ago")] = None,
    last: Annotated[str | None, typer.Option("--to", help="last US Eastern date; default tomorrow")] = None,
    style: Annotated[str, typer.Option("--format", help="table | json")] = "table",
    is_verbose: Annotated[bool, typer.Option("--verbose", "-v", help="also list the problems of quarantined rows")] = False,
    is_watching: Annotated[
        bool, typer.Option("--watch", help="repeat until Ctrl-C; a pipe gets one snapshot after another")
    ] = False,
    seconds: Annotated[int, typer.Option("--every", help="seconds between two snapshots of --watch")] = WATCH_SECONDS,
) -> None:
    """Show the state, counts, missing data and incidents of each date; exit code 1 if a date is LATE or FAILED."""
    from nba_pipeline.completeness.states import FAILING

    one_of("--format", style, ("table", "json"))
    if seconds < 1:
        raise BadInput(f"--every must be at least 1 second, not {seconds}")
    if is_watching and style == "json":
        raise BadInput("--watch prints tables; call `nba-pipeline status --format json` repeatedly instead")
    if is_watching:
        _watch(first, last, is_verbose, seconds)
    with working("reading tables and runs"):
        snapshot = read_snapshot(open_runner(), *_dates(first, last))
    if style == "json":
        print(json.dumps(snapshot.records, indent=1))
        _print_not_shown(snapshot, report)
    else:
        print_snapshot(snapshot, is_verbose)
    leave(int(any(record["state"] in FAILING for record in snapshot.records)))


@dataclass(frozen=True)
class Snapshot:
    """The status of dates at an instant, and the due work that the states do not show."""

    at: datetime
    records: list[dict[str, Any]]
    due: Sequence[str]
    """Names of due reloads, re-reads and corrections."""
    not_loaded: Sequence[date]
    """Other dates with data that is landed but not loaded."""
    is_empty: bool
    open_alerts: Sequence[str] = ()
    """Severity, kind, subject, date, message and next step of each open alert, critical ones first; of every date."""


def read_snapshot(runner: "Runner", start: date, end: date) -> Snapshot:
    """Reads the status of a range of dates."""
    from nba_pipeline.instance.demos import unfinished_demo
    from nba_pipeline.league.calendar import days
    from nba_pipeline.monitoring import status as grid
    from nba_pipeline.monitoring.landed_dates import loaded_before, missing_sources
    from nba_pipeline.monitoring.run_facts import read_runs
    from nba_pipeline.orchestration.lost_partitions import alert_on_damage
    from nba_pipeline.tables.registry import TABLES

    at, dates, before = runner.clock.now(), days(start, end), loaded_before(runner.instance)
    runs = read_runs(runner.instance, dates, runner.clock)
    records = grid.status(runner.warehouse, runner.landing, runner.clock, dates, runner.code_versions, before, runs)
    demo = unfinished_demo(home(), runner.clock.today)
    due = [] if demo else [(str(one.game_date), one.name) for one in (*runner.reloads(), *runner.corrections())]
    for record in records:
        record["as_of"] = at.isoformat(timespec="seconds")
        record["due"] = [name for day, name in due if day == record["game_date"]]
    alert_on_damage(runner.notifier, runner.landing)
    elsewhere = set() if demo else missing_sources(runner.warehouse, runner.landing, end, before).keys() - set(dates)
    is_empty = not runner.warehouse.dates(TABLES["schedule"])
    alerts, problem = _open_alerts(runner)
    _add_silence(records, alerts)
    if demo:
        _add_demo(records, demo)
    texts = [problem] if problem else [_alert_text(one) for one in alerts]
    return Snapshot(at, records, [name for _, name in due], sorted(elsewhere), is_empty, texts)


def _open_alerts(runner: "Runner") -> "tuple[list[Incident], str]":
    """Returns the open alerts of recent dates, critical ones first, and the reason if they cannot be read."""
    from nba_pipeline.monitoring.alert_changes import recent_incidents

    try:
        known = [one for one in recent_incidents(runner.warehouse, runner.clock.today) if one.is_open]
    except (PipelineError, OSError) as error:  # the status is shown without them
        return [], f"unknown: {error}"
    return sorted(known, key=lambda one: one.severity != "critical"), ""


def _add_silence(records: "list[dict[str, Any]]", alerts: "Sequence[Incident]") -> None:
    """Makes a silent daemon the cause of the dates that wait for it, with the next step of its alert."""
    from nba_pipeline.monitoring.watchdog import DAEMON_SILENT

    silent = next((one for one in alerts if one.kind == DAEMON_SILENT), None)
    for record in records if silent else []:
        if silent and record["state"] in ("EXPECTED", "LATE"):
            record["cause"] = f"Nothing is collected, predicted or graded. {silent.message}"
            record["next"] = silent.next_command


def _add_demo(records: list[dict[str, Any]], demo: "Unfinished") -> None:
    """Makes an unfinished demo the cause of the dates that it completes, and its command the next step."""
    from nba_pipeline.completeness.states import FAILING

    for record in records:
        if record["state"] in FAILING:
            record |= {"cause": demo.cause, "next": demo.command}


def _alert_text(alert: "Incident") -> str:
    about = f"{alert.severity} {alert.kind} {alert.subject} ({alert.game_date})"
    return f"{about}: {with_step(alert.message, alert.next_command)}"


def print_snapshot(snapshot: Snapshot, is_verbose: bool = False) -> None:
    """Print a snapshot. For a home without tables, print only what to do first."""
    from nba_pipeline.cli.demos import no_tables
    from nba_pipeline.cli.status_rendering import print_status, print_wrapped
    from nba_pipeline.league.calendar import eastern_date

    if snapshot.is_empty:
        print_line(no_tables(eastern_date(snapshot.at)))
        if not any(record["happened"] for record in snapshot.records):
            return
    print_status(snapshot.records, snapshot.at, is_verbose)
    if snapshot.open_alerts:
        shown, more = snapshot.open_alerts[:ALERTS_SHOWN], len(snapshot.open_alerts) - ALERTS_SHOWN
        print_line("\nOpen alerts")
        for text in shown:
            print_wrapped(text, 2, style="")
        if more > 0:
            print_wrapped(f"and {more} more; `nba-pipeline alerts list` shows all", 2, style="")
    _print_not_shown(snapshot, partial(print_wrapped, style=""))


def _print_not_shown(snapshot: Snapshot, print_message: Callable[[str], None]) -> None:
    """Print what the states do not show: data of other dates that is landed but not loaded, and due re-reads."""
    from nba_pipeline.cli.status_rendering import due_message

    if snapshot.not_loaded:
        number, end = counted(len(snapshot.not_loaded), "other date"), snapshot.records[-1]["game_date"]
        first = snapshot.not_loaded[0]
        print_message(f"landed but not loaded: {number} up to {end}, the first {first}; next: `nba-pipeline reconcile`")
    if snapshot.due:
        print_message(due_message(snapshot.due))


def _dates(first: str | None, last: str | None) -> tuple[date, date]:
    from nba_pipeline.league.calendar import FIRST_DATE

    earliest = max(today() - timedelta(days=DAYS_BACK), FIRST_DATE)
    return date_range(first or str(earliest), last or str(today() + timedelta(days=1)))


def _watch(first: str | None, last: str | None, is_verbose: bool, seconds: int) -> None:
    """Print snapshots until Ctrl-C, which ends the command with exit code 0. A terminal is cleared before each one."""
    try:
        runner = open_runner()
        while True:
            snapshot = read_snapshot(runner, *_dates(first, last))
            if out.is_terminal:
                out.clear()
            print_snapshot(snapshot, is_verbose)
            print_line(f"\nnext in {seconds} s; Ctrl-C ends" if out.is_terminal else "", style="dim")
            out.file.flush()
            time.sleep(seconds)
    except KeyboardInterrupt:
        leave(0)

"""The command `watch`: alerts about a daemon that is silent. It needs no daemon; cron, systemd or Kubernetes starts it."""

import time
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from nba_pipeline.cli.app import app, leave
from nba_pipeline.cli.consoles import print_error, print_line
from nba_pipeline.cli.reading import reading
from nba_pipeline.environments import environment, home
from nba_pipeline.errors import BadInput, PipelineError
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.wording import with_step

if TYPE_CHECKING:
    from nba_pipeline.monitoring.alerts import Notifier
    from nba_pipeline.monitoring.findings import Finding

HEALTHY = "healthy: schedules and sensors tick as the code defines"


@app.command()
def watch(
    once: Annotated[bool, typer.Option("--once", help="check once and exit, for cron, systemd or Kubernetes")] = False,
) -> None:
    """Alert if the daemon is silent, a mode left no decision, or a schedule is stopped; needs no daemon.

    Exit code 0: healthy, 1: something is wrong or the check failed, 2: wrong use. Without --once, checks repeatedly until Ctrl-C.
    """
    from nba_pipeline.environments import clock, notifier_for, warehouse_of
    from nba_pipeline.instance.opening import has_instance
    from nba_pipeline.warehouse.home_format import refuse_another_format

    name = environment()
    if not has_instance(home()):
        raise BadInput(f"the home {home()} has no Dagster instance to watch; set NBA_PIPELINE_HOME to the daemon's home")
    if name != "production":
        refuse_another_format(home())
    notifier = notifier_for(warehouse_of(name), clock())
    while True:
        code = check(notifier)
        if once:
            leave(code)
        try:
            time.sleep(SETTINGS.watch.every_seconds)
        except KeyboardInterrupt:
            leave(0)


def check(notifier: "Notifier") -> int:
    """Checks once, and raises and resolves alerts. Returns the exit code. A check that fails raises an alert of its own."""
    from nba_pipeline.monitoring import watchdog
    from nba_pipeline.monitoring.findings import Finding, raise_unread, report

    kinds: tuple[str, ...] = watchdog.KINDS
    try:
        findings = _find(notifier)
    except Exception as error:  # noqa: BLE001  nothing else watches: an error of any class must be sent
        reason = str(error) if isinstance(error, (PipelineError, OSError)) else f"{type(error).__name__}: {error}"
        message = f"The watchdog could not check the daemon: {reason}"
        findings = [Finding(watchdog.WATCH_FAILED, "watch", message, "critical", "nba-pipeline status")]
        kinds = (watchdog.WATCH_FAILED,)  # nothing is known about the others
    try:
        changes = report(notifier, findings, kinds)
    except (PipelineError, OSError) as error:
        print_error(f"the alerts cannot be read: {error}")
        changes = raise_unread(notifier, findings)
    for line in filter(None, [*changes, notifier.retry_deliveries()]):
        print_line(line)
    for one in findings:
        print_error(f"{one.severity}: {one.kind} {one.subject}: {with_step(one.message, one.next_command)}")
    if not findings:
        print_line(HEALTHY)
    return int(bool(findings))


def _find(notifier: "Notifier") -> "list[Finding]":
    """Reads the ticks and the schedule. Dagster's ticks use the real time, even if the platform's clock is fixed."""
    from nba_pipeline.instance.clock import Clock
    from nba_pipeline.instance.damage import database_named
    from nba_pipeline.instance.instigators import read_instigators
    from nba_pipeline.instance.opening import open_instance
    from nba_pipeline.monitoring.watchdog import EXPECTED, findings
    from nba_pipeline.warehouse.partitions import damage_named

    with damage_named():
        if not is_in_season(notifier.clock.today):
            return []
    with database_named(home()), open_instance(home()) as instance:
        return findings(read_instigators(instance), EXPECTED, Clock().now())


def is_in_season(today: date) -> bool:
    """Whether a game is near enough that a silent daemon matters. True if the schedule of these dates is unknown."""
    from nba_pipeline.league.calendar import days

    tables, around = reading(), timedelta(days=SETTINGS.watch.games_within_days)
    dates = days(today - around, today + around)
    if not tables.dates("schedule") or any(tables.unreadable_on(["schedule"], day) for day in dates):
        return True
    return tables.scan("schedule", dates).select("game_id").collect().height > 0

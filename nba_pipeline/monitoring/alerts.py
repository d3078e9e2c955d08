"""What a person has to be told: a table of it, and one message per row of it.

What belongs here: the table, the notifier that adds to it, the sensor that tells of failed runs. When something is worth an
alert is decided where it is seen.
"""

import logging
from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal

import dagster as dg
import dataframely as dy
import httpx
import polars as pl
from pydantic import Field

from nba_pipeline.completeness import gates
from nba_pipeline.completeness.modes import MODES
from nba_pipeline.errors import PipelineError
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.run_outcomes import in_short, is_not_true, why_it_failed
from nba_pipeline.instance.run_tags import PARTITION_TAGS, WILL_RETRY_TAG
from nba_pipeline.league.calendar import parse_key
from nba_pipeline.tables.table import Row, Table, code
from nba_pipeline.warehouse import Warehouse

Severity = Literal["warning", "critical"]

CODE_VERSION = "1"
SOURCE = "nba_pipeline.monitoring.alerts"
RUN_FAILED = "run_failed"
REFUSED_FROM = 300

logger = logging.getLogger(SOURCE)
logging.getLogger("httpx").setLevel(logging.WARNING)  # its INFO line shows the whole URL, which is the webhook's secret


class AlertRows(Row):
    """Columns of `alerts`."""

    kind = dy.String(description="what sort of thing happened, as run_failed")
    subject = dy.String(description="what it happened to: a table, a source, a run")
    severity = code(("warning", "critical"), "how much it matters when it was raised")
    message = dy.String(description="one sentence that says what is the case")
    next_command = dy.String(description="what to type next; empty where nothing helps")
    raised_at = dy.Datetime(time_zone="UTC", description="when it was first raised")


ALERTS = Table(
    "alerts", grain="date, kind and subject", key=("game_date", "kind", "subject"), schema=AlertRows, write="add",
    is_a_record_of_decisions=True,
)  # fmt: skip


_sent_without_a_row: set[tuple[date, str, str]] = set()
"""What was told while the warehouse could not keep it: as long as this process lives it is told once."""


class Notifier(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Tells a person once: a row in `alerts`, and with it a message to a Slack webhook, or without one a line in the log."""

    webhook_url: str = Field(default="", repr=False)
    """A secret: whoever knows it can write to the channel."""
    warehouse: dg.ResourceDependency[Warehouse]
    clock: dg.ResourceDependency[Clock]
    timeout_seconds: float = 10.0

    def raise_alert(
        self, game_date: date, kind: str, subject: str, message: str, severity: Severity = "warning", next_command: str = ""
    ) -> bool:
        """Add an alert and send its message; False, and no message, when one of its date, kind and subject is there.

        A message that cannot be delivered stays as a row and a line in the log, and an alert that the warehouse cannot keep
        is sent all the same. Raises PipelineError for a value that the table cannot hold.
        """
        row = {"game_date": game_date, "kind": kind, "subject": subject, "severity": severity, "message": message,
               "next_command": next_command, "raised_at": self.clock.now(), "source": SOURCE}  # fmt: skip
        good, rejected = ALERTS.conform(pl.DataFrame([row]), self.clock.as_of, CODE_VERSION)
        if rejected.height:
            raise PipelineError(f"an alert of {kind} {subject} cannot be kept: {rejected['problem'][0]}")
        try:
            if not self.warehouse.add(ALERTS, [game_date], good, f"alert {kind} {subject}"):
                return False
            _sent_without_a_row.discard((game_date, kind, subject))
        except (PipelineError, OSError) as error:
            # the warehouse may be what the alert is about: the message goes out without the row, and once
            if (game_date, kind, subject) in _sent_without_a_row:
                return False
            _sent_without_a_row.add((game_date, kind, subject))
            message = f"{message} (This alert is not in the table: {error})"
        head = f"{severity}: {kind} {subject} ({game_date})"
        if not self.webhook_url:
            logger.log(_level(severity), "%s: %s%s", head, message, f" Next: {next_command}" if next_command else "")
        elif problem := self._post("\n".join(part for part in (head, message, next_command and f"Next: {next_command}") if part)):
            logger.error("%s: %s This was not delivered to the webhook: %s", head, message, problem)
        return True

    def _post(self, text: str) -> str:
        """Send a message; the reason when it was not delivered, which never names the URL."""
        try:
            answer = httpx.post(self.webhook_url, json={"text": _escaped(text)}, timeout=self.timeout_seconds)
        except (httpx.HTTPError, httpx.InvalidURL) as error:  # their messages may show the URL, their names do not
            return type(error).__name__
        return f"it answered {answer.status_code}" if answer.status_code >= REFUSED_FROM else ""


def alert_on_killed(notifier: Notifier, closed: Sequence[dg.DagsterRun]) -> None:
    """Alerts for the runs of the command among those that were closed: nobody starts them again, no failure sensor sees them."""
    for run in closed:
        if run.remote_job_origin is None:
            told = f"{run.job_name} {run.run_id[:8]}"
            notifier.raise_alert(
                notifier.clock.today, RUN_FAILED, told, "its process was killed", next_command="nba-pipeline status"
            )


def failed_run_sensor(mode_tag: str) -> dg.SensorDefinition:
    """The sensor that raises an alert for each failed run that Dagster does not retry.

    `mode_tag` is the tag that names a run better than its job does.
    """

    @dg.run_failure_sensor(
        name="alert_on_failed_run", default_status=dg.DefaultSensorStatus.RUNNING,
        description="An alert for each run that failed and is not retried; of the runs that this code location started.",
    )  # fmt: skip
    def alert_on_failed_run(context: dg.RunFailureSensorContext, notifier: Notifier) -> None:
        run = context.dagster_run
        if run.tags.get(WILL_RETRY_TAG) == "true":
            return
        span = [parse_key(run.tags[tag]) for tag in PARTITION_TAGS if tag in run.tags]
        mode = run.tags.get(mode_tag, "")
        failures = why_it_failed(context.instance, run.run_id, context.failure_event)
        if _waits_for_boxes(failures, span, notifier.clock.now()):
            return
        dates = " to ".join(str(day) for day in dict.fromkeys(span))
        places = ", ".join(dict.fromkeys(failure.split(":")[0] for failure in failures if ":" in failure))
        notifier.raise_alert(
            max(span, default=notifier.clock.today), RUN_FAILED, " ".join(filter(None, (mode or run.job_name, dates, places))),
            in_short(failures), next_command=_again(span, mode, run.job_name),
        )  # fmt: skip

    return alert_on_failed_run


def _waits_for_boxes(failures: Sequence[str], span: Sequence[date], now: datetime) -> bool:
    """Whether nothing but late box scores stopped the run: they have until the date's deadline, which has an alert of its own."""
    awaited = is_not_true("boxscores", gates.COVERAGE_GATE)
    if not span or not failures:  # of what nobody can name, somebody is told
        return False
    return now < gates.deadline(max(span)) and all(failure.startswith(awaited) for failure in failures)


def _again(span: list[date], mode: str, job: str) -> str:
    """What repeats a run of these dates and mode."""
    if job == "train":
        return "nba-pipeline reconcile"
    if not span:
        return "nba-pipeline status"
    first, last = min(span), max(span)
    if first != last:
        return f"nba-pipeline backfill --from {first} --to {last}"
    if job == "recheck":
        return f"nba-pipeline recheck --date {first}"
    return f"nba-pipeline run --date {first}" + (f" --mode {mode}" if mode in MODES else "")


def _level(severity: Severity) -> int:
    return logging.CRITICAL if severity == "critical" else logging.WARNING


def _escaped(text: str) -> str:
    """The three characters that mean something to Slack (https://docs.slack.dev/messaging/formatting-message-text)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")

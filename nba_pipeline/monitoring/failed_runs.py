"""Alerts for failed and killed runs and for crashed checks: the sensor, and the failures that need no alert."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime

import dagster as dg

from nba_pipeline import assets  # noqa: F401  # declares every table
from nba_pipeline.completeness import gates
from nba_pipeline.completeness.modes import CLOCK
from nba_pipeline.completeness.next_steps import RECONCILE, boxscores_step, closed_slate, command_of_dates
from nba_pipeline.errors import PipelineError
from nba_pipeline.instance.command_runs import is_started_by_command
from nba_pipeline.instance.run_outcomes import CHECKS, crashed_checks, failed_check, failure_reasons, is_killed
from nba_pipeline.instance.run_tags import MODE_TAG, PARTITION_TAGS, WILL_RETRY_TAG
from nba_pipeline.league.calendar import eastern, parse_key
from nba_pipeline.monitoring.alert_changes import incident_of
from nba_pipeline.monitoring.alerts import Notifier
from nba_pipeline.monitoring.failure_messages import message_of, next_step_of, of_a_closed_slate
from nba_pipeline.settings import SETTINGS

RUN_FAILED = "run_failed"
CHECK_CRASHED = "check_crashed"
"""Kind of the alert about a check that could not be judged. Nothing is known about the data then."""
COVERAGE = failed_check("boxscores", gates.COVERAGE_GATE)


def alert_on_killed(notifier: Notifier, closed: Sequence[dg.DagsterRun]) -> None:
    """Raises an alert for each closed run that a command executed. Dagster does not retry it.

    Without a daemon no failure sensor sees it. With one, the sensor raises the same alert, which is sent once.
    """
    for run in closed:
        if is_started_by_command(run):
            _raise_alert(notifier, run, ["its process was killed"], run.tags.get(MODE_TAG, ""), places=[])


def alert_on_crashed(notifier: Notifier, run: dg.DagsterRun, crashed: Mapping[str, str]) -> None:
    """Raises an alert per table whose checks could not be judged in a run."""
    span = span_of(run)
    day = max(span, default=notifier.clock.today)
    for table, error in crashed.items():
        message = f"{table} of {day}: a check could not be judged, so nothing is known about the rows: {error}"
        notifier.raise_alert(day, CHECK_CRASHED, table, message, next_command=_next_command(notifier, span, run.job_name))


def _is_of_a_crash(failure: str, crashed: Mapping[str, str]) -> bool:
    """Whether a failure is that of a crashed check. The step of another table may fail with the same error."""
    return any(
        failure.startswith((f"{table}{CHECKS}:", f"{table}: check")) and error in failure for table, error in crashed.items()
    )


def _raise_alert(notifier: Notifier, run: dg.DagsterRun, failures: Sequence[str], mode: str, places: Iterable[str]) -> None:
    """Raises the alert for a run. Its subject names the mode or job, the dates and the places of the failures.

    All runs that the closed gate of a slate stops have the same subject, so that they share one alert.
    """
    span = span_of(run)
    subject, command = mode or run.job_name, next_step_of(failures) or _next_command(notifier, span, run.job_name)
    message = message_of(failures, span)
    if span and failures and all(failure.startswith(of_a_closed_slate(span)) for failure in failures):
        subject, places = "slate", ["upcoming_players"]
        message, command = _closed_slate(notifier, max(span)) or (message, command)
    dates = " to ".join(str(day) for day in dict.fromkeys(span))
    notifier.raise_alert(
        max(span, default=notifier.clock.today),
        RUN_FAILED,
        " ".join(filter(None, (subject, dates, ", ".join(dict.fromkeys(places))))),
        message,
        next_command=command,
    )


def span_of(run: dg.DagsterRun) -> list[date]:
    """Returns the date of a run, or its first and last date."""
    return [parse_key(run.tags[tag]) for tag in PARTITION_TAGS if tag in run.tags]


def failed_run_sensor(mode_tag: str) -> dg.SensorDefinition:
    """Returns the sensor that raises an alert for each failed run that Dagster does not retry.

    `mode_tag` is the tag that replaces the job in the subject of the alert.
    """

    @dg.run_failure_sensor(
        name="alert_on_failed_run",
        default_status=dg.DefaultSensorStatus.RUNNING,
        description="Raises an alert for each failed run of this code location that Dagster does not retry.",
    )
    def alert_on_failed_run(context: dg.RunFailureSensorContext, notifier: Notifier) -> None:
        run = context.dagster_run
        if run.tags.get(WILL_RETRY_TAG) == "true":
            return
        failures = failure_reasons(context.instance, run.run_id, context.failure_event)
        if crashed := crashed_checks(context.instance, run.run_id):
            alert_on_crashed(notifier, run, crashed)
            failures = [failure for failure in failures if not _is_of_a_crash(failure, crashed)]
            if not failures:
                return
        span = span_of(run)
        if not waits_for_box_scores(failures, span, notifier.clock.now()) and not _is_explained(notifier, failures, span):
            steps = () if is_killed(context.failure_event) else failures
            places = [failure.split(":")[0] for failure in steps if ":" in failure]
            _raise_alert(notifier, run, failures, run.tags.get(mode_tag, ""), places)

    return alert_on_failed_run


def waits_for_box_scores(failures: Sequence[str], span: Sequence[date], now: datetime) -> bool:
    """Whether only box scores that are not due yet stopped the run.

    The box scores of the date are due at its deadline, which raises its own alert. The next slate needs them from the
    beginning of its day on.
    """
    if not span or not failures:  # unidentified failures always raise an alert
        return False
    due = {COVERAGE: gates.deadline(max(span))}
    due |= dict.fromkeys(of_a_closed_slate(span), eastern(max(span), *CLOCK["same_day"][0]))
    return all(any(failure.startswith(check) and now < at for check, at in due.items()) for failure in failures)


def _is_explained(notifier: Notifier, failures: Sequence[str], span: Sequence[date]) -> bool:
    """Whether only box scores stopped the run, and an open alert of the date already says that they are missing."""
    if not span or not failures or not all(failure.startswith(COVERAGE) for failure in failures):
        return False
    try:
        incident = incident_of(notifier.warehouse, (max(span), "boxscores_missing", "boxscores"))
    except (PipelineError, OSError):  # whether that alert is open is unknown, so this one is raised
        return False
    return incident is not None and incident.is_open


def _next_command(notifier: Notifier, span: list[date], job: str) -> str:
    """Returns the command that completes the dates of a failed run."""
    if job == "train":
        return RECONCILE
    if not span:
        return "nba-pipeline status"
    if job == "recheck":
        return f"nba-pipeline recheck --date {min(span)}"
    try:
        return command_of_dates(notifier.warehouse, min(span), max(span), notifier.clock.now())
    except (PipelineError, OSError):  # the warehouse may be the cause of the failed run
        return RECONCILE


def _closed_slate(notifier: Notifier, day: date) -> tuple[str, str] | None:
    """Returns which box scores the slate of a date waits for, and the next step; None if it is unknown."""
    try:
        closed = closed_slate(notifier.warehouse, day, notifier.clock.now())
    except (PipelineError, OSError):  # the alert is raised without the missing box scores
        return None
    if closed is None:
        return None
    message = (
        f"No predictions are made for {day} until the box scores of {closed.waits_for} are complete. Missing: "
        f"{', '.join(closed.missing)}. {closed.complete} of {closed.games} final games of the last "
        f"{SETTINGS.coverage.recent_slates} slates have a complete box score, {SETTINGS.coverage.enough:.0%} are required."
    )
    return message, boxscores_step(closed.waits_for)

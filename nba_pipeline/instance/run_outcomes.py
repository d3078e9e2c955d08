"""Messages about the outcome of a run, read from its events. Used by the command and by the alerts for failed runs.

Reactions to an outcome do not belong here.
"""

from collections.abc import Iterable, Sequence

import dagster as dg
from dagster._core.events import JobFailureData, RunFailureReason

from nba_pipeline.instance.causes import cause_of

MAX_NAMES = 5
OUTSIDE = "This run has been marked as failed from outside the execution context."
"""Message of Dagster 1.13 for a run whose process ended, if its code server noticed it. It has no cause."""
CHECKS = "_checks"
"""Suffix of the name of the step that judges the checks of a table."""
ENDINGS = {dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.RUN_CANCELED}


def outcome_messages(events: Iterable[dg.DagsterEvent], has_succeeded: bool) -> tuple[list[str], list[str], list[str]]:
    """Returns the failures, the gates closed on some dates, and the warnings of a run."""
    failures: list[str] = []
    closed: list[str] = []
    warnings: list[str] = []
    stopped: list[tuple[str | None, str]] = []
    ended_by: str | None = None
    for event in events:
        data = event.event_specific_data
        if event.event_type in ENDINGS:  # without a step: a resource that cannot be created, a dead process
            error = getattr(data, "error", None)
            ended_by = (cause_of(error) if error else None) or event.message
        if event.is_step_failure and event.event_specific_data:
            message = cause_of(getattr(event.event_specific_data, "error", None))
            stopped += [(event.step_key, message)] if message else []
        # the results per date of a range run have no step, see check_evaluations.py; the result for all dates has one
        if event.event_type != dg.DagsterEventType.ASSET_CHECK_EVALUATION or not event.step_key:
            continue
        evaluation = event.asset_check_evaluation_data
        if not evaluation.passed:
            is_error = evaluation.severity == dg.AssetCheckSeverity.ERROR
            (failures if is_error else warnings).append(_verdict(evaluation))
        elif evaluation.blocking and getattr(evaluation.metadata.get("failing_dates"), "value", None):
            closed.append(_verdict(evaluation))
    verdicts, causes = list(failures), set[str]()
    for step, message in stopped:
        table = (step or "").removesuffix(CHECKS)
        is_judged = any(verdict.startswith(f"{table}:") and message in verdict for verdict in verdicts)
        if not is_judged and not any(message in cause for cause in causes):
            failures.append(f"{step}: {message}")
            causes.add(message)
    if not has_succeeded and not failures:
        failures.append(ended_by or "the run did not finish")
    return failures, closed, warnings


def is_interrupted(events: Iterable[dg.DagsterEvent]) -> bool:
    """Whether a person interrupted the run, in a step or between two.

    Dagster 1.13 records it as a failure of the step or of the run, and returns normally.
    """
    failures = (event for event in events if event.is_step_failure or event.event_type == dg.DagsterEventType.RUN_FAILURE)
    errors = (getattr(event.event_specific_data, "error", None) for event in failures)
    return any(error is not None and error.cls_name == dg.DagsterExecutionInterruptedError.__name__ for error in errors)


def is_killed(ending: dg.DagsterEvent) -> bool:
    """Whether the run ended because its process was killed."""
    data = ending.event_specific_data
    return isinstance(data, JobFailureData) and data.failure_reason == RunFailureReason.UNEXPECTED_TERMINATION


def failure_reasons(instance: dg.DagsterInstance, run_id: str, ending: dg.DagsterEvent) -> list[str]:
    """Returns why a run failed: its failed checks and steps, else its own error, else the message of its last event."""
    data = ending.event_specific_data
    if isinstance(data, JobFailureData) and data.failure_reason == RunFailureReason.STEP_FAILURE:
        event_types = {dg.DagsterEventType.STEP_FAILURE, dg.DagsterEventType.ASSET_CHECK_EVALUATION}
        events = [entry.dagster_event for entry in instance.all_logs(run_id, of_type=event_types) if entry.dagster_event]
        return outcome_messages(events, has_succeeded=False)[0]
    error = data.error if isinstance(data, JobFailureData) else None
    reason = (cause_of(error) if error else None) or ending.message or "the run did not finish"
    step = None if error or is_killed(ending) else unfinished_step(instance, run_id)
    if step is None:
        return [reason]
    if reason == OUTSIDE:
        reason = "its process ended during this step; the log of the run may have the reason"
    return [f"{step}: {reason}"]


def unfinished_step(instance: dg.DagsterInstance, run_id: str) -> str | None:
    """Returns the last step of a run that started and did not end; None without one."""
    begun, ended = dg.DagsterEventType.STEP_START, {dg.DagsterEventType.STEP_SUCCESS, dg.DagsterEventType.STEP_FAILURE}
    unfinished = dict[str, None]()
    for entry in instance.all_logs(run_id, of_type={begun, *ended}):
        if entry.dagster_event and entry.step_key:
            if entry.dagster_event.event_type == begun:
                unfinished[entry.step_key] = None
            else:
                unfinished.pop(entry.step_key, None)
    return next(reversed(unfinished), None)


def crashed_checks(instance: dg.DagsterInstance, run_id: str) -> dict[str, str]:
    """Returns table -> error, for the tables whose checks could not be judged. A check that was judged and failed is no crash."""
    entries = instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    events = [entry.dagster_event for entry in entries if entry.dagster_event]
    errors = {event.step_key or "": cause_of(getattr(event.event_specific_data, "error", None)) for event in events}
    return {step.removesuffix(CHECKS): error for step, error in errors.items() if step.endswith(CHECKS) and error}


def shortened(failures: Sequence[str]) -> str:
    """Returns the first failures in one line, and the number of further ones."""
    more = len(failures) - MAX_NAMES
    return "; ".join(failures[:MAX_NAMES]) + (f"; and {more} more" if more > 0 else "")


def failed_check(table: str, check: str) -> str:
    """Returns the beginning of the message of a failed check."""
    return f"{table}: check {check} failed"


def _names(missing: object) -> list[str]:
    """Returns the names of missing items: one per line of a text, or the items of a list, as earlier versions wrote them."""
    return [str(name) for name in missing] if isinstance(missing, list) else str(missing).splitlines()


def _verdict(evaluation: dg.AssetCheckEvaluation) -> str:
    """Returns the message of a failed check with its failing dates, its worst share and the first missing names."""
    missing = _names(getattr(evaluation.metadata.get("missing"), "value", None) or [])
    share = getattr(evaluation.metadata.get("share"), "value", None)
    dates = int(getattr(evaluation.metadata.get("failing_dates"), "value", None) or 0)
    message = failed_check(evaluation.asset_key.to_user_string(), evaluation.check_name)
    message += f" on {dates} date{'s' if dates > 1 else ''}" if dates else ""
    message += f" ({share:.0%})" if share is not None else ""
    names = "; ".join(missing[:MAX_NAMES]) + (" ..." if len(missing) > MAX_NAMES else "")
    return f"{message}: {names}" if names else message

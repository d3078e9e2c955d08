"""Outcomes, plans and ratings of runs on the terminal. `report` returns the exit code."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

import dagster as dg
import httpx
import polars as pl
from rich.markup import escape
from rich.table import Table as RichTable

from nba_pipeline.cli.app import INTERRUPTED, leave
from nba_pipeline.cli.consoles import err, out, print_error, print_line
from nba_pipeline.cli.progress import RunProgress
from nba_pipeline.completeness.next_steps import command_of_dates
from nba_pipeline.league.calendar import days
from nba_pipeline.orchestration.backfill import ACCEPTABLE, EXCELLENT, Step
from nba_pipeline.orchestration.runner import Outcome, Runner
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.wording import counted

if TYPE_CHECKING:
    from nba_pipeline.orchestration.rebuild import Plan

DATES_NAMED = 10
PROBLEMS_NAMED = 5


def report(
    runner: Runner,
    outcomes: Iterable[Outcome],
    repeat: str,
    is_brief: bool = False,
    message_if_none: str = "",
    reported: list[Outcome] | None = None,
    is_before_lines: bool = False,
) -> int:
    """Print the progress of each run and its outcome when it ends, and return the exit code.

    With `is_brief`, warnings and closed gates are counted instead of listed, and closed gates do not affect the exit code.
    `is_before_lines` says beside the count that the lines of the slate are not due yet.
    `repeat` is the command that continues after an interruption, which ends the command with exit code 130. `message_if_none`
    is printed if there was nothing to run. A command that prints more afterwards passes `reported`, which collects the
    outcomes, and ends with `print_first_failure`.
    """
    ended = list[Outcome]()
    started: list[RunProgress] = []

    def start(title: str, tables: int) -> RunProgress:
        started.append(RunProgress(title, tables, runner.instance))
        return started[-1]

    runner.on_start, code = start, 0
    try:
        for outcome in outcomes:
            _stop(started)
            code |= _print_outcome(runner, outcome, is_brief, is_before_lines)
            ended.append(outcome)
    except (KeyboardInterrupt, dg.DagsterExecutionInterruptedError):
        _stop(started)
        print_error(f"interrupted: the run was stopped, and every table that was written is kept. To continue: `{repeat}`")
        leave(INTERRUPTED)
    finally:
        _stop(started)
        runner.on_start = None
    if message_if_none and not ended:
        print_line(message_if_none)
    if reported is None:
        print_first_failure(ended)
    else:
        reported += ended
    return code


def print_last_lines(runner: Runner, ended: Sequence[Outcome], first: date, last: date) -> None:
    """Print the first failure of a command and the next command, which `status` and `explain` name, too."""
    print_first_failure(ended)
    if any(not outcome.succeeded for outcome in ended):
        print_error(f"next: {command_of_dates(runner.warehouse, first, last, runner.clock.now())}")


def print_first_failure(ended: Sequence[Outcome]) -> None:
    """Print the first failure and the tables that were not written because of it, as the last lines of a failed command."""
    failed = [outcome for outcome in ended if not outcome.succeeded]
    if not failed:
        return
    first, later_failures = failed[0], len(failed) - 1
    cause = first.failures[0]
    failed_tables = {failure.partition(":")[0] for failure in first.failures}
    dependents = [name for name in first.not_written if name not in failed_tables]
    if not later_failures and not dependents and len(first.failures) == 1 and len(ended) == 1:
        return  # it is the last line already
    more = f"; {counted(later_failures, 'later run')} failed" if later_failures else ""
    print_error(f"first failure: {first.title}: {cause}{more}")
    if dependents:
        print_error(f"not written because of it: {', '.join(dependents)}")


def later_versions(runner: Runner, first: date, last: date) -> int:
    """Returns the number of predictions of these dates whose version is not the first."""
    rows = runner.warehouse.scan(TABLES["predictions"], days(first, last)).filter(pl.col("version") > 1)
    return int(rows.select(pl.len()).collect().item())


def print_new_versions(runner: Runner, first: date, last: date, before: int) -> None:
    """Print how many versions a command has added to existing predictions. `before` is the number before the command."""
    if number := later_versions(runner, first, last) - before:
        print_line(
            f"{counted(number, 'prediction is a new version', 'predictions are new versions')} of an existing one, "
            "because an input changed; the view latest_predictions has the newest"
        )


def print_failed_checks(
    ended: Sequence[Outcome], before_lines: Sequence[Outcome] = (), expected: Mapping[str, str] | None = None
) -> None:
    """Print the checks that failed without stopping a run, by table, and where to read about them.

    `before_lines` are runs of a slate whose lines are not due yet. Their checks have their own heading, because most of them need
    lines. `expected` has the reason of a check that fails in every such run.
    """
    reasons = expected or {}
    headings = {
        "Checks that failed without stopping a run:": _failed_checks(ended),
        "Checks that failed for the next slate, whose lines are not due yet:": _failed_checks(before_lines),
    }
    for heading, by_table in headings.items():
        if by_table:
            print_line(f"\n{heading}")
        for table, checks in by_table.items():
            named = (f"{check} (expected: {reasons[check]})" if check in reasons else check for check in checks)
            print_line(f"  {table}: {', '.join(named)}")
    if any(headings.values()):
        print_line(
            "`nba-pipeline help NAME` explains a check. "
            "Its failed dates are in Dagster's UI: table, tab Checks, check, tab Partitions."
        )


def _failed_checks(ended: Iterable[Outcome]) -> dict[str, list[str]]:
    """Returns table -> its checks that failed without stopping a run, each once."""
    names: dict[str, list[str]] = {}
    for message in dict.fromkeys(message for outcome in ended for message in (*outcome.closed, *outcome.warnings)):
        table, _, rest = message.partition(": check ")
        name = rest.partition(" failed")[0]
        if name not in names.setdefault(table, []):
            names[table].append(name)
    return names


def _stop(started: list[RunProgress]) -> None:
    while started:
        started.pop().stop()


def _print_outcome(runner: Runner, outcome: Outcome, is_brief: bool, is_before_lines: bool) -> int:
    """Print one outcome: failures, closed gates, warnings, and the requests that had problems. Returns the exit code."""
    mark = "[green]done[/]" if outcome.succeeded else "[red]failed[/]"
    number = len(outcome.warnings) + len(outcome.closed)
    when = "while its lines are not due yet" if is_before_lines else "without stopping it"
    checks = f", {counted(number, 'check')} failed {when}" if is_brief and number else ""
    err.print(f"{mark} {outcome.title} in {outcome.seconds:.1f} s{checks}", highlight=False, soft_wrap=True)
    incidents = runner.landing.incidents(run_id=outcome.run_id)
    refused = [incident for incident in incidents if incident["status"] == httpx.codes.UNAUTHORIZED]
    stopped = [*outcome.failures, *dict.fromkeys(str(incident["problem"]) for incident in refused)]
    if not is_brief:
        for message in outcome.warnings:
            err.print(f"  [yellow]warning[/] {escape(message)}", highlight=False, soft_wrap=True)
        for message in outcome.closed:
            err.print(f"  [red]closed[/] {escape(message)}", highlight=False, soft_wrap=True)
        for message in request_problems(incidents):
            err.print(f"  [yellow]request[/] {escape(message)}", highlight=False, soft_wrap=True)
    for message in stopped:
        print_error(f"  {message}")
    return int(bool(stopped or (outcome.closed and not is_brief)))


def request_problems(incidents: Iterable[Mapping[str, Any]]) -> list[str]:
    """Returns a message per provider, endpoint and problem of a run's requests, the most frequent first.

    >>> request_problems([{"provider": "espn", "endpoint": "injuries", "outcome": "landed", "attempts": 3, "problem": None}])
    ['espn injuries: landed after 3 attempts']
    """
    kinds = Counter(
        f"{one['provider']} {one['endpoint']}: {one['problem'] or one['outcome']}"
        + (f" after {counted(one['attempts'], 'attempt')}" if (one["attempts"] or 0) > 1 and not one["problem"] else "")
        for one in incidents
    )
    messages = [
        f"{kind} ({counted(number, 'request')})" if number > 1 else kind for kind, number in kinds.most_common(PROBLEMS_NAMED)
    ]
    more = len(kinds) - len(messages)
    return [*messages, f"and {counted(more, 'more problem')}"] if more else messages


def print_plan(steps: Sequence[Step], notes: Iterable[str]) -> None:
    """Print one row per step of a backfill, with the number of existing dates, then the notes."""
    table = RichTable(box=None, pad_edge=False)
    for column in ("pass", "job", "dates", "number", "existing", "", "tables"):
        table.add_column(column, justify="right" if column in ("number", "existing") else "left", overflow="fold")
    for step in steps:
        numbers = str(step.number_of_dates), str(step.complete_count)
        table.add_row(step.part, step.job, step.dates_text, *numbers, _decision(step), ", ".join(step.tables))
    out.print(table)
    for note in notes:
        print_line(f"note {note}", style="yellow")
    number = sum(not step.is_skipped for step in steps)
    print_line(f"{counted(number, 'run')}; nothing was changed")


def print_rebuild(plan: "Plan") -> None:
    """Print the tables that a rebuild replaces and keeps, and the number of runs that it repeats."""
    table = RichTable(box=None, pad_edge=False)
    for column in ("table", "dates", "rows", ""):
        table.add_column(column, justify="right" if column in ("dates", "rows") else "left")
    for decision, sizes in (("replaced", plan.replaced), ("kept: ledger", plan.retained)):
        for size in sizes:
            table.add_row(size.name, f"{size.dates:,}", f"{size.rows:,}", decision)
    out.print(table)
    number = len(plan.runs)
    print_line(f"{counted(number, 'run is', 'runs are')} repeated from the landing")


def report_skipped(step: Step) -> None:
    """Print a step that a running backfill skips."""
    err.print(f"[dim]skipped[/] {step.job} {step.dates_text}: {_decision(step)}", highlight=False)


def _decision(step: Step) -> str:
    """Returns whether a step runs, or why it is skipped."""
    if step.blocked_by:
        return f"{', '.join(step.blocked_by)} could not be written"
    if step.part == "models":
        return "the model exists, or there is no new training data" if step.is_skipped else "no model"
    return "complete" if step.is_skipped else "to run"


def print_rating(rated: Mapping[str, Sequence[date]]) -> None:
    """Print the number of excellent, acceptable and failed dates of a backfill, and the first failed dates."""
    thresholds = {"excellent": f">= {EXCELLENT:.0%}", "acceptable": f">= {ACCEPTABLE:.0%}", "failed": f"< {ACCEPTABLE:.0%}"}
    counts = ", ".join(f"{len(rated[name])} {name} ({share})" for name, share in thresholds.items())
    without = len(rated["without final games"])
    print_line(f"Dates by share of final games with a complete box score: {counts}; {without} without final games")
    if failed := rated["failed"]:
        names = ", ".join(map(str, failed[:DATES_NAMED])) + (" ..." if len(failed) > DATES_NAMED else "")
        print_line(f"failed: {names}", style="red")

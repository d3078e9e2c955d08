"""Commands that materialize tables: run, backfill, demo."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from nba_pipeline.cli.app import app, date_range, date_up_to_tomorrow, leave, open_runner, open_runner_at
from nba_pipeline.cli.choices import one_of
from nba_pipeline.cli.consoles import err, out, print_error, print_line
from nba_pipeline.cli.demos import DEMO_DAYS
from nba_pipeline.environments import environment, home, now, public
from nba_pipeline.errors import BadInput
from nba_pipeline.instance.demos import DEMO_SLATE, playing
from nba_pipeline.tables.wording import counted

if TYPE_CHECKING:
    import dagster as dg

    from nba_pipeline.completeness.modes import Mode
    from nba_pipeline.orchestration.backfill import Stage
    from nba_pipeline.orchestration.runner import Outcome, Runner
    from nba_pipeline.warehouse import Warehouse

Step = tuple[date, datetime, "Mode"]
"""A run of the demo: its slate, the instant of its clock, and its mode."""

FAIL_IN_A_DEMO = {
    "every_team_has_a_report": "some simulated teams submit no injury report",
    "every_feature_varies": "the first dates of a history vary little",
    "closing_lines_are_captured": "the demo collects lines at noon only",
}
"""Check -> why it fails in a demo."""


@app.command()
def run(
    day: Annotated[str, typer.Option("--date", help="the slate's US Eastern date")],
    mode: Annotated[
        str | None, typer.Option(help="overnight | same_day | tomorrow; without it, what is due for the date now")
    ] = None,
) -> None:
    """Collect, predict or grade one slate: the work that is due now, or that of a mode."""
    from nba_pipeline.cli.outcomes import later_versions, print_last_lines, print_new_versions, report
    from nba_pipeline.completeness.modes import MODES, tables_of_mode

    environment()
    slate = date_up_to_tomorrow(day, "--date")
    if mode is not None:
        one_of("--mode", mode, MODES)
    runner = open_runner(sends_requests=True)
    refuse_gap(runner.warehouse, slate, runner.clock.today)
    chosen = next((choice for choice in MODES if choice == mode), None) or _due_mode(runner, slate)
    repeat = f"nba-pipeline run --date {slate}" + (f" --mode {mode}" if mode else "")
    before, ended = later_versions(runner, slate, slate), list["Outcome"]()
    outcomes = runner.slate(slate, chosen) if chosen else runner.run_every_table(slate)
    code = report(runner, outcomes, repeat, reported=ended)
    if chosen is None or "predictions" in tables_of_mode(chosen):
        if any("predictions" in outcome.not_written for outcome in ended):
            print_error("This run wrote no predictions. Earlier ones follow, if any:", style="yellow")
        print_slate_of(runner, slate, has_failed=any(not outcome.succeeded for outcome in ended))
        print_new_versions(runner, slate, slate, before)
    print_last_lines(runner, ended, slate, slate)
    leave(code)


def refuse_gap(warehouse: "Warehouse", slate: date, today: date) -> None:
    """Raises BadInput for a date before the stored history, unless the history begins on the next date.

    The history would begin with this date, so that checks would expect the dates between.
    """
    from nba_pipeline.completeness import history
    from nba_pipeline.completeness.next_steps import loading_command

    first = history.first_date(warehouse)
    if first and slate + timedelta(days=1) < history.first_due_date(warehouse, today):
        raise BadInput(
            f"--date {slate} would leave a gap before the stored history, which begins {first}; to load the dates between, too: "
            f"{loading_command(warehouse, slate)}"
        )


def _due_mode(runner: "Runner", slate: date) -> "Mode | None":
    """Returns the mode of a date without --mode; None for a past date without predictions, which gets every table."""
    from nba_pipeline.tables.registry import TABLES

    if slate >= runner.clock.today:
        return "same_day" if slate == runner.clock.today else "tomorrow"
    return "overnight" if slate in runner.warehouse.dates(TABLES["predictions"]) else None


def print_slate_of(runner: "Runner", slate: date, *, has_failed: bool = False) -> None:
    """Print the actionable predictions of a slate and the counts of all, or why there are none.

    After a failed run, the last lines of the command name the reason and the next command.
    """
    from nba_pipeline.cli.reading import Production
    from nba_pipeline.cli.slate_rendering import print_slate
    from nba_pipeline.cli.slate_rows import champion, chosen, slate_rows, why_empty

    tables = Production(runner.warehouse)
    rows = slate_rows(tables, slate)
    if rows.is_empty() and has_failed:
        print_line(f"no slate: {slate} has no predictions")
    elif rows.is_empty():
        print_line(f"no slate: {why_empty(tables, slate)}")
    else:
        print_slate(slate, rows, chosen(rows, None, None, shows_all=False), champion(tables))


@app.command()
def backfill(
    first: Annotated[str, typer.Option("--from", help="first US Eastern date")],
    last: Annotated[str, typer.Option("--to", help="last US Eastern date, included")],
    stop_after: Annotated[str, typer.Option(help="features | grades: the last stage to materialize")] = "grades",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print the plan and change nothing")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="skip dates that are complete already")] = False,
) -> None:
    """Materialize every table for a range of dates: sources, features, missing models, predictions, grades."""
    from nba_pipeline.cli.grades_rendering import grades_of, print_record
    from nba_pipeline.cli.outcomes import (
        later_versions,
        print_last_lines,
        print_new_versions,
        print_rating,
        report,
        report_skipped,
    )
    from nba_pipeline.cli.reading import Production
    from nba_pipeline.league.calendar import days
    from nba_pipeline.orchestration.backfill import STAGES, rate

    one_of("--stop-after", stop_after, STAGES)
    start, end = date_range(first, last)
    stage: Stage = "features" if stop_after == "features" else "grades"
    if dry_run:
        _print_plan(start, end, stage, resume)
        leave(0)
    runner = open_runner(sends_requests=True)
    repeat = f"nba-pipeline backfill --from {start} --to {end} --stop-after {stage} --resume"
    before, ended = later_versions(runner, start, end), list["Outcome"]()
    outcomes = runner.backfill(start, end, stop_after=stage, is_resumed=resume, on_skipped=report_skipped)
    code = report(runner, outcomes, repeat, reported=ended)
    print_record(grades_of(Production(runner.warehouse), start, end))
    print_new_versions(runner, start, end, before)
    rated = rate(runner.warehouse, days(start, end))
    print_rating(rated)
    print_last_lines(runner, ended, start, end)
    leave(code or int(bool(rated["failed"])))


def _print_plan(start: date, end: date, stage: "Stage", is_resumed: bool) -> None:
    """Print the runs of a backfill. Opens no Runner: opening Dagster's instance creates its folder if it does not exist."""
    from nba_pipeline.cli.outcomes import print_plan
    from nba_pipeline.definitions import defs
    from nba_pipeline.instance.opening import has_instance, open_instance
    from nba_pipeline.league.calendar import days
    from nba_pipeline.monitoring.run_facts import failed_tables
    from nba_pipeline.orchestration.backfill import missing_before, plan, windows_of
    from nba_pipeline.orchestration.runner import code_versions_of

    warehouse = (defs.resources or {})["warehouse"]
    warehouse.preflight()
    failed = failed_tables(open_instance(home()), days(start, end)) if is_resumed and has_instance(home()) else {}
    steps = list(plan(warehouse, start, end, code_versions_of(defs), stage, is_resumed, failed=failed))
    tables = {table for step in steps for table in step.tables}
    print_plan(steps, missing_before(warehouse, start, windows_of(defs, tables)))


@app.command()
def demo() -> None:
    """Simulate some weeks of the league, predict the last day before tip-off, and grade the day before."""
    from nba_pipeline.league.calendar import eastern, eastern_date
    from nba_pipeline.orchestration.in_use import refuse_while_in_use

    if environment() != "sandbox":
        raise BadInput(f"demo runs in the sandbox only, and NBA_PIPELINE_ENV is {environment()!r}: unset it")
    real = now()
    slate = eastern_date(real) if real >= eastern(eastern_date(real), 12) else eastern_date(real) - timedelta(days=1)
    before = slate - timedelta(days=1)
    start, planned = eastern(before, 5), demo_steps(slate, real)
    with playing(home()):
        runner = open_runner_at(start)
        refuse_while_in_use(runner.instance, "demo")
        err.print(f"Playing the simulated league as if it were noon on {slate} (US Eastern).", highlight=False)
        code = _demo(slate, start, planned, newest_instant(runner.warehouse))
    leave(code)


def _demo(slate: date, start: datetime, planned: list[Step], known: datetime | None) -> int:
    """Plays the runs of a demo that are not older than the data of the home, and prints the results. Returns the exit code."""
    from nba_pipeline.cli.grades_rendering import grades_of, print_record
    from nba_pipeline.cli.outcomes import print_failed_checks, print_first_failure, report
    from nba_pipeline.cli.reading import Production
    from nba_pipeline.league.calendar import eastern

    before = slate - timedelta(days=1)
    steps, last = steps_after(known, planned, before - timedelta(days=1))
    if omitted := len(planned) - len(steps):
        err.print(f"The home has newer data than {counted(omitted, 'run')} of the demo, which are not repeated.", highlight=False)
    runner = open_runner_at(max(known or start, start))
    (home() / DEMO_SLATE).write_text(str(slate))
    first, ended = before - timedelta(days=DEMO_DAYS), list["Outcome"]()
    backfilled = runner.backfill(first, last, is_resumed=True)
    code = report(runner, backfilled, "nba-pipeline demo", is_brief=True, reported=ended)
    code, before_lines = _play(steps, slate, ended, code)
    (home() / DEMO_SLATE).unlink(missing_ok=True)
    runner = open_runner_at(eastern(slate, 12))
    print_slate_of(runner, slate)
    print_record(grades_of(Production(runner.warehouse), first, before))
    out.print("The simulated league is not the NBA: its record tests the arithmetic and says nothing about real lines.")
    print_failed_checks([outcome for outcome in ended if outcome not in before_lines], before_lines, FAIL_IN_A_DEMO)
    _print_where(page_text(runner.instance, slate), slate)
    print_first_failure(ended)
    return code


def _print_where(page: str, slate: date) -> None:
    """Print where the results of a demo are."""
    out.print(
        f"\nThe slate as a page: {page}"
        f"\nEvery prediction of the slate: [bold]nba-pipeline slate --date {slate} --all[/]; the grades: [bold]nba-pipeline record[/]"
        f"\nThe tables, checks and runs are in Dagster's UI: [bold]make dev[/], then http://127.0.0.1:3000. Home: {home()}",
        highlight=False,
        soft_wrap=True,
    )


def _play(steps: Sequence[Step], slate: date, ended: "list[Outcome]", code: int) -> tuple[int, "list[Outcome]"]:
    """Adds the outcomes of the runs of a demo to `ended`. Returns the exit code, and the outcomes of a slate without lines yet."""
    from nba_pipeline.cli.outcomes import report

    before_lines = list["Outcome"]()
    for day, instant, mode in steps:
        runner = open_runner_at(instant)
        of_step, is_before_lines = list["Outcome"](), day > slate  # a demo ends before noon of the next slate
        code |= report(
            runner,
            runner.slate(day, mode),
            "nba-pipeline demo",
            is_brief=True,
            reported=of_step,
            is_before_lines=is_before_lines,
        )
        ended += of_step
        before_lines += of_step if is_before_lines else []
    return code, before_lines


def newest_instant(warehouse: "Warehouse") -> datetime | None:
    """Returns the instant of the newest row of `schedule`, which every mode writes; None for a home without tables."""
    import polars as pl

    from nba_pipeline.tables.registry import TABLES

    newest: datetime | None = warehouse.scan(TABLES["schedule"]).select(pl.col("as_of").max()).collect().item()
    return newest


def steps_after(known: datetime | None, steps: Sequence[Step], last: date) -> tuple[list[Step], date]:
    """Returns the runs of a demo that are not older than the data of the home, and the last date of its backfill.

    An older run would replace final games by scheduled ones. The backfill completes the dates of the omitted overnight runs.
    `last` is the last date of the backfill in a home without data.
    """
    remaining = [step for step in steps if known is None or step[1] >= known]
    completed = [day for day, instant, mode in steps if mode == "overnight" and (day, instant, mode) not in remaining]
    return remaining, max([last, *completed])


def page_text(instance: "dg.DagsterInstance", slate: date) -> str:
    """Returns where the page of a slate is, or that the slate was not published."""
    from nba_pipeline.instance.materializations import latest_materialization
    from nba_pipeline.tables.declarations import SLATE_EXPORT

    if latest_materialization(instance, SLATE_EXPORT, slate) is None:
        return "not published, see the warnings"
    return (
        f"{public()}/{slate}.html" if public() else f"[bold]nba-pipeline serve public[/], then http://127.0.0.1:8400/{slate}.html"
    )


def demo_steps(slate: date, until: datetime) -> list[Step]:
    """Returns the runs after the backfill: two slates until noon of the second, then the runs that have become due since.

    Without the later runs, the first `nba-pipeline status` would show their dates as late.
    """
    from nba_pipeline.league.calendar import eastern

    before, after = slate - timedelta(days=1), slate + timedelta(days=1)
    steps: list[Step] = [
        (before, eastern(before, 12), "same_day"),
        (before, eastern(slate, 7), "overnight"),
        (slate, eastern(slate, 12), "same_day"),
        (after, eastern(slate, 17, 30), "tomorrow"),
        (slate, eastern(after, 6), "overnight"),
        (after, eastern(after, 7), "same_day"),
    ]
    return [step for step in steps if step[1] <= until]

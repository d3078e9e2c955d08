"""Commands that materialize tables: run, backfill, demo."""

from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from nba_pipeline.cli.rendering import (
    err,
    out,
    print_plan,
    print_rating,
    print_record,
    print_slate,
    report,
    tell_left_out,
)
from nba_pipeline.completeness.modes import MODES, Mode
from nba_pipeline.environments import environment, home
from nba_pipeline.errors import BadInput
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import eastern, eastern_date
from nba_pipeline.orchestration.backfill import STAGES, Stage, missing_before, plan, rate, windows_of
from nba_pipeline.orchestration.runner import code_versions_of

if TYPE_CHECKING:
    pass

from nba_pipeline.cli.app import app, date_range, date_up_to_tomorrow, leave, one_of, runner, runner_at

DEMO_DAYS = 35


@app.command()
def run(
    day: Annotated[str, typer.Option("--date", help="the slate's US Eastern date")],
    mode: Annotated[str | None, typer.Option(help=f"{' | '.join(MODES)}; without it, what is due for the date now")] = None,
) -> None:
    """Collect, predict or grade one slate: the work that is due now, or that of a mode."""
    environment()
    slate, chosen = date_up_to_tomorrow(day, "--date"), next((m for m in MODES if m == mode), None)
    if mode is not None and chosen is None:
        raise BadInput(f"--mode is {mode!r}; choose one of {', '.join(MODES)}")
    work = runner()
    if chosen:
        outcomes = work.slate(slate, chosen)
    elif slate < work.clock.today:
        from nba_pipeline.tables.table import TABLES

        was_predicted = slate in work.warehouse.dates(TABLES["predictions"])
        outcomes = work.slate(slate, "overnight") if was_predicted else work.run_every_table(slate)
    else:
        outcomes = work.slate(slate, "same_day" if slate == work.clock.today else "tomorrow")
    code = report(work, outcomes)
    print_slate(work, slate)
    leave(code)


@app.command()
def backfill(
    first: Annotated[str, typer.Option("--from", help="first US Eastern date")],
    last: Annotated[str, typer.Option("--to", help="last US Eastern date, included")],
    stop_after: Annotated[str, typer.Option(help="features | grades: the last stage to make")] = "grades",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be run, and touch nothing")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="leave out what is complete already")] = False,
) -> None:
    """Materialize every table for a range of dates: sources, features, missing models, predictions, grades."""
    from nba_pipeline.definitions import defs
    from nba_pipeline.league.calendar import days

    one_of("--stop-after", stop_after, STAGES)
    start, end = date_range(first, last)
    stage: Stage = "features" if stop_after == "features" else "grades"
    if dry_run:
        # no Runner: opening Dagster's instance creates its folder
        warehouse = (defs.resources or {})["warehouse"]
        warehouse.preflight()
        steps = list(plan(warehouse, start, end, code_versions_of(defs), stage, resume))
        tables = {table for step in steps for table in step.tables}
        print_plan(steps, missing_before(warehouse, start, windows_of(defs, tables)))
        leave(0)
    work = runner()
    code = report(work, work.backfill(start, end, stop_after=stage, is_resumed=resume, on_skipped=tell_left_out))
    print_record(work, start, end)
    rated = rate(work.warehouse, days(start, end))
    print_rating(rated)
    leave(code or int(bool(rated["failed"])))


@app.command()
def demo() -> None:
    """Simulate some weeks of the league, predict the last day before tip-off, and grade the day before."""
    if environment() != "sandbox":
        raise BadInput(f"demo plays the simulated league; NBA_PIPELINE_ENV is {environment()!r}, unset it")
    real = Clock().now()
    slate = eastern_date(real) if real >= eastern(eastern_date(real), 12) else eastern_date(real) - timedelta(days=1)
    before = slate - timedelta(days=1)
    err.print(f"The simulated league, as if it were noon on {slate} (US Eastern).", highlight=False)
    work = runner_at(eastern(before, 5))
    first = before - timedelta(days=DEMO_DAYS)
    code = report(work, work.backfill(first, before - timedelta(days=1)), is_brief=True)
    steps: tuple[tuple[date, date, int, Mode], ...] = (
        (before, before, 12, "same_day"), (before, slate, 7, "overnight"), (slate, slate, 12, "same_day")
    )  # fmt: skip
    for day, on, hour, mode in steps:
        work = runner_at(eastern(on, hour))
        code |= report(work, work.slate(day, mode), is_brief=True)
    print_slate(work, slate)
    print_record(work, before - timedelta(days=DEMO_DAYS), before)
    out.print("The simulated league is not the NBA: its record says that the numbers add up, nothing about real lines.")
    out.print(
        f"\nThe tables, checks and runs are in Dagster's UI: [bold]make dev[/], then http://127.0.0.1:3000. Home: {home()}",
        highlight=False,
    )
    leave(code)

"""The `nba-pipeline` command. One command a function; what it does stands in the modules that it calls.

Exit codes: 0 done, 1 ran and something failed or a gate is closed, 2 wrong use. Machine formats print only the data on
standard output; everything else goes to standard error.
"""

import json
import logging
import sys
import warnings
from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from nba_pipeline.completeness.modes import MODES, Mode
from nba_pipeline.environments import clock, environment, home
from nba_pipeline.errors import BadInput, PipelineError
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.damage import database_named
from nba_pipeline.league.calendar import eastern, eastern_date, parse_date, parse_instant
from nba_pipeline.orchestration.backfill import STAGES, Stage, missing_before, plan, rate, windows_of
from nba_pipeline.orchestration.runner import Runner, code_versions_of, open_instance
from nba_pipeline.printing import (
    err,
    out,
    print_answer,
    print_breakers,
    print_decisions,
    print_plan,
    print_rating,
    print_rebuild,
    print_record,
    print_slate,
    print_status,
    report,
    tell_left_out,
)
from nba_pipeline.warehouse.partitions import damage_named

if TYPE_CHECKING:
    from dagster import Definitions

    from nba_pipeline.warehouse.bigquery import BigQueryWarehouse

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Run, inspect, verify and repair the pipeline.",
)
audit = typer.Typer(
    no_args_is_help=True, help="Prove that no feature sees the future, verify the ledgers, summarize the seasons."
)
app.add_typer(audit, name="audit")
bigquery = typer.Typer(no_args_is_help=True, help="The production warehouse: what it holds, what it should, what it costs.")
app.add_typer(bigquery, name="bigquery")
DEMO_DAYS = 35

SPELLED_IN = {"boxscores": "player_name", "prop_lines": "spelling", "injuries": "spelling", "rosters": "spelling"}
"""Table that names players -> its column with the name as it was written."""


def main() -> NoReturn:
    """Run the command and leave with its exit code; an error that the platform knows is one sentence."""
    warnings.filterwarnings("ignore")
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    try:
        with database_named(home()), damage_named():
            app()
    except PipelineError as error:
        err.print(f"nba-pipeline: {error}", style="red", highlight=False, soft_wrap=True, markup=False)
        sys.exit(2 if isinstance(error, BadInput) else 1)
    sys.exit(0)


def runner() -> Runner:
    """The graph of the configured environment on the instance of the home."""
    environment()
    from nba_pipeline.definitions import defs

    # before the instance is opened, which writes into the home
    refuse_another_format(defs)
    work = Runner(defs, open_instance(home()))
    work.warehouse.preflight()
    return work


def runner_at(instant: datetime) -> Runner:
    """As `runner`, with the clock standing at an instant."""
    from nba_pipeline.definitions import build_definitions
    from nba_pipeline.environments import resources_for

    defs = build_definitions(environment(), resources_for(environment(), Clock(stands_at=instant.isoformat())))
    refuse_another_format(defs)
    return Runner(defs, open_instance(home()))


def refuse_another_format(defs: "Definitions") -> None:
    """Raise BadInput for a home of another format, before anything is written into it."""
    from nba_pipeline.warehouse import home_format
    from nba_pipeline.warehouse.local import LocalWarehouse

    if isinstance((defs.resources or {})["warehouse"], LocalWarehouse):
        home_format.refuse_another_format(home())


def leave(code: int) -> NoReturn:
    """End the command with an exit code."""
    raise typer.Exit(code)


def date_up_to_tomorrow(text: str, name: str) -> date:
    """A date of the platform's range. Raises BadInput."""
    day, tomorrow = parse_date(text, name), clock().today + timedelta(days=1)
    if day > tomorrow:
        raise BadInput(f"{name} {day} is after tomorrow, {tomorrow}")
    return day


def date_range(first: str, last: str) -> tuple[date, date]:
    """The dates of --from and --to. Raises BadInput."""
    start, end = parse_date(first, "--from"), date_up_to_tomorrow(last, "--to")
    if start > end:
        raise BadInput(f"--from {start} is after --to {end}")
    return start, end


@app.command()
def run(
    day: Annotated[str, typer.Option("--date", help="the slate's US Eastern date")],
    mode: Annotated[str | None, typer.Option(help=f"{' | '.join(MODES)}; without it, what is due for the date now")] = None,
) -> None:
    """Collect, predict or grade one slate: what is due for it now, or what a mode brings."""
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
        outcomes = work.slate(slate, "overnight") if was_predicted else work.whole_date(slate)
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
    """Load and derive every table of a range of dates: features, missing models, predictions, grades."""
    from nba_pipeline.definitions import defs
    from nba_pipeline.league.calendar import days

    _one_of("--stop-after", stop_after, STAGES)
    start, end = date_range(first, last)
    stage: Stage = "features" if stop_after == "features" else "grades"
    if dry_run:
        # no Runner: opening Dagster's instance makes its folder
        warehouse = (defs.resources or {})["warehouse"]
        warehouse.preflight()
        steps = list(plan(warehouse, start, end, code_versions_of(defs), stage, resume))
        tables = {table for step in steps for table in step.tables}
        print_plan(steps, missing_before(warehouse, start, windows_of(defs, tables)))
        leave(0)
    work = runner()
    code = report(work, work.backfill(start, end, stop_after=stage, is_resumed=resume, tell=tell_left_out))
    print_record(work, start, end)
    rated = rate(work.warehouse, days(start, end))
    print_rating(rated)
    leave(code or int(bool(rated["failed"])))


@app.command()
def demo() -> None:
    """Play some weeks of the simulated league, predict the last day before tip-off, grade the day before."""
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


@app.command()
def status(
    first: Annotated[str | None, typer.Option("--from", help="first US Eastern date; default six days ago")] = None,
    last: Annotated[str | None, typer.Option("--to", help="last US Eastern date; default tomorrow")] = None,
    style: Annotated[str, typer.Option("--format", help="table | json")] = "table",
) -> None:
    """What is due, what is there, what is missing by name, and what happened on the way."""
    from nba_pipeline.league.calendar import days
    from nba_pipeline.monitoring import status as grid
    from nba_pipeline.monitoring.landed_dates import loaded_before, missing_sources
    from nba_pipeline.orchestration.lost_partitions import alert_on_damage

    _one_of("--format", style, ("table", "json"))
    today = clock().today
    start, end = date_range(first or str(today - timedelta(days=6)), last or str(today + timedelta(days=1)))
    work = runner()
    before = loaded_before(work.instance)
    records = grid.status(work.warehouse, work.landing, work.clock, days(start, end), work.code_versions, before)
    alert_on_damage(work.notifier, work.landing)
    if style == "json":
        print(json.dumps(records, indent=1))
    else:
        print_status(records)
        elsewhere = missing_sources(work.warehouse, work.landing, end, before).keys() - set(days(start, end))
        if elsewhere:
            message = f"{len(elsewhere)} other dates up to {end} are landed but not loaded (first: {min(elsewhere)})"
            out.print(f"{message}; nba-pipeline reconcile reloads them", highlight=False, soft_wrap=True)
    leave(int(any(record["state"] == "FAILED" for record in records)))


@app.command()
def reconcile(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what is due and not done, and do nothing")] = False,
) -> None:
    """Do what is due and was not done, the oldest date first: what the daemon's reconciliation does by itself."""
    work = runner()
    if dry_run:
        found = work.undone()
        for undone in found:
            out.print(f"{undone.name}: {undone.why}", highlight=False, soft_wrap=True)
        if not found:
            out.print("nothing that is due is undone", highlight=False)
        leave(int(bool(found)) | _print_closed(work))
    code = report(work, work.reconcile())
    leave(code | _print_closed(work))


@app.command()
def decisions(
    first: Annotated[str | None, typer.Option("--from", help="instant, or US Eastern date; default two days before --to")] = None,
    last: Annotated[str | None, typer.Option("--to", help="instant, or US Eastern date, included; default now")] = None,
    style: Annotated[str, typer.Option("--format", help="table | json")] = "table",
) -> None:
    """What every schedule and sensor decided: which runs it started, or why it skipped or failed."""
    from nba_pipeline.instance import ticks

    _one_of("--format", style, ("table", "json"))
    # Dagster's own clock is the real one, wherever ours stands
    start, end = ticks.span(first, last, Clock().now())
    environment()
    records = ticks.decisions(open_instance(home()), start, end)
    if style == "json":
        print(json.dumps(records, indent=1))
    else:
        print_decisions(records, start, end)
    leave(0)


@app.command()
def breakers(style: Annotated[str, typer.Option("--format", help="table | json")] = "table") -> None:
    """Who is asked no more for a while, since when, until when and why."""
    from nba_pipeline.definitions import defs
    from nba_pipeline.providers.circuit_breakers import breakers_not_closed

    _one_of("--format", style, ("table", "json"))
    found = breakers_not_closed((defs.resources or {})["landing"])
    if style == "json":
        print(json.dumps([asdict(breaker) for breaker in found], default=_iso, indent=1))
    else:
        print_breakers(found)
    leave(0)


@app.command()
def waive(
    day: Annotated[str, typer.Option("--date", help="the US Eastern date that may go on")],
    gate: Annotated[str, typer.Option(help="the gate that it may pass: enough_final_games_are_covered")],
    reason: Annotated[str, typer.Option(help="why, for whoever asks later")],
    author: Annotated[str, typer.Option(help="who says so")],
    until: Annotated[str | None, typer.Option(help="the instant at which the waiver ends; without it, for good")] = None,
) -> None:
    """Let the complete games of a date through a closed gate; who, why and until when is kept for good."""
    from nba_pipeline.completeness import waivers as ledger

    slate = date_up_to_tomorrow(day, "--date")
    ends_at = parse_instant(until, "--until") if until is not None else None
    ledger.refuse_nonsense(clock(), slate, gate, reason, author, ends_at)
    work = runner()
    for sentence in ledger.waive(work.warehouse, work.clock, slate, gate, reason, author, ends_at):
        out.print(sentence, highlight=False, soft_wrap=True, markup=False)
    leave(0)


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="one statement that only reads; tables go by their plain names")],
    style: Annotated[str, typer.Option("--format", help="table | csv | json")] = "table",
) -> None:
    """Query the warehouse; no file can be read or written. CSV escapes formulas. SHOW TABLES lists the tables and views."""
    from nba_pipeline.orchestration.lost_partitions import unreadable_dates
    from nba_pipeline.warehouse.views import tables_in

    _one_of("--format", style, ("table", "csv", "json"))
    warehouse = runner().warehouse
    answer = warehouse.sql(query)
    for sentence in unreadable_dates(warehouse, tables_in(query)):
        err.print(f"warning: {sentence}", style="yellow", highlight=False, soft_wrap=True, markup=False)
    print_answer(answer, style)
    leave(0)


@app.command()
def resolve(
    spelling: Annotated[str, typer.Option(help="the quarantined name, exactly as it was spelled")],
    player: Annotated[int, typer.Option(help="the NBA's person id that it means")],
    day: Annotated[str, typer.Option("--date", help="the date whose quarantine holds it; it is replayed")],
) -> None:
    """Say whom a quarantined name means, and replay the date for the tables that met it."""
    from nba_pipeline.assets.sources.players import RESOLUTIONS
    from nba_pipeline.league.names import IS_A_NAME_PROBLEM
    from nba_pipeline.tables.table import TABLES
    from nba_pipeline.warehouse.landing import Slot

    slate = date_up_to_tomorrow(day, "--date")
    if player < 1:
        raise BadInput(f"--player must be a person id of the NBA, not {player}")
    work = runner()
    met = {
        table: set(parked["row"].str.json_path_match(f"$.{column}").drop_nulls())
        for table, column in SPELLED_IN.items()
        for parked in [work.warehouse.scan_quarantine(TABLES[table], [slate]).filter(IS_A_NAME_PROBLEM).collect()]
    }
    tables = [table for table, spellings in met.items() if spelling in spellings]
    if not tables:
        known = ", ".join(sorted(set().union(*met.values()))) or "nothing"
        raise BadInput(f"the quarantine of {', '.join(met)} on {slate} holds no {spelling!r}, but {known}")
    slot = Slot(*RESOLUTIONS, entity=f"{player}-{spelling}", game_date=slate)
    body = json.dumps({"player_id": player, "spelling": spelling}).encode()
    work.landing.keep(slot, body, fetched_at=work.clock.now())
    leave(report(work, (work.run("game_day", [table], slate, slate) for table in ("players", *tables))))


@app.command()
def recheck(day: Annotated[str, typer.Option("--date", help="the US Eastern date whose final games are read again")]) -> None:
    """Read the final games of a date again at every source, and carry a correction through to features and grades."""
    from nba_pipeline.definitions import defs
    from nba_pipeline.orchestration.recheck import Recheck, refuse_bad_date

    slate = parse_date(day, "--date")
    resources = defs.resources or {}
    # no Runner yet: opening Dagster's instance makes its folder
    resources["warehouse"].preflight()
    refuse_bad_date(resources["warehouse"], resources["archive"], clock(), slate)
    work = runner()
    rechecked = Recheck(work, slate)
    code = report(work, rechecked.run())
    for problem in () if rechecked.is_unanswered else rechecked.problems:
        err.print(f"  [yellow]warning[/] {problem}", highlight=False, soft_wrap=True)
    changes = rechecked.changes()
    for line in changes or (["nothing changed"] if not code and not rechecked.is_unanswered else []):
        out.print(line, highlight=False, soft_wrap=True, markup=False)
    if rechecked.is_unanswered:
        unanswered = "; ".join(rechecked.problems) or "the run left no record"
        err.print(
            f"not every source answered: {unanswered}; repeat `nba-pipeline recheck --date {slate}` later",
            style="red", highlight=False, soft_wrap=True, markup=False,
        )  # fmt: skip
    leave(code or int(rechecked.is_unanswered))


@app.command()
def rebuild(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print the plan and touch nothing")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask for confirmation")] = False,
) -> None:
    """Rebuild every table but the ledgers from the landing, offline, and replace the old tables once all new ones are complete."""
    import nba_pipeline.definitions  # noqa: F401  # fills TABLES
    from nba_pipeline.environments import resources_for
    from nba_pipeline.orchestration import rebuild as rebuilding

    resources = resources_for(environment())
    resources["warehouse"].preflight()
    print_rebuild(rebuilding.plan_rebuild(resources["warehouse"], resources["landing"]))
    if dry_run:
        leave(0)
    if not yes and not sys.stdin.isatty():
        raise BadInput("rebuild replaces tables and asks for confirmation: run it in a terminal or pass --yes")
    if not yes and not typer.confirm("Replace these tables?"):
        raise BadInput("the rebuild was not confirmed; nothing was touched")
    code = report(work := runner(), work.rebuild())
    out.print("every table but the ledgers was replaced", highlight=False)
    leave(code)


@app.command()
def migrate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print what would be converted, and change nothing")] = False,
) -> None:
    """Convert a home of an older format. May be interrupted and repeated."""
    from nba_pipeline import definitions  # noqa: F401  # the modules of the assets register their tables
    from nba_pipeline.warehouse import migration

    if environment() == "production":
        raise BadInput("migrate converts a local home, and NBA_PIPELINE_ENV is 'production'; set it to local or sandbox")
    partitions = migration.plan(home())
    for line in migration.summary(home(), partitions):
        out.print(line, highlight=False, soft_wrap=True, markup=False)
    if not dry_run:
        for line in migration.migrate(home(), partitions):
            out.print(line, highlight=False, soft_wrap=True, markup=False)
    leave(0)


@app.command()
def backup(folder: Annotated[Path, typer.Argument(help="a new or empty folder outside of the home")]) -> None:
    """Copy the ledgers with their manifests and the landing to a folder, and verify the copy."""
    from nba_pipeline.warehouse.backup import back_up

    work = runner()
    receipt = back_up(
        work.warehouse, work.landing.root, folder, home=home(), environment=environment(), made_at=work.clock.now(), say=_say
    )
    size = sum(entry.bytes for entry in receipt.files.values())
    out.print(
        f"{len(receipt.files)} files with {size / 1024**2:.1f} MiB are in {folder}, verified", highlight=False, soft_wrap=True
    )
    for finding in receipt.findings:
        out.print(f"not as recorded: {finding}", style="red", highlight=False, soft_wrap=True, markup=False)
    leave(int(bool(receipt.findings)))


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(help="a folder that `backup` made")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what is missing, and add nothing")] = False,
) -> None:
    """Add what a backup has and the home lacks; nothing that exists is overwritten or deleted."""
    from nba_pipeline.warehouse.restore import restore as restore_backup

    work = runner()
    restored = restore_backup(work.warehouse, work.landing.root, folder, environment=environment(), dry_run=dry_run, say=_say)
    rows = ", ".join(f"{number} rows of {name}" for name, number in restored.rows.items()) or "no rows"
    out.print(
        f"{'missing' if dry_run else 'added'}: {rows}, {restored.files} files of the landing", highlight=False, soft_wrap=True
    )
    for difference in restored.differences:
        out.print(difference, style="red", highlight=False, soft_wrap=True, markup=False)
    leave(int(bool(restored.differences)))


@bigquery.command("plan")
def bigquery_plan() -> None:
    """Show what is missing or differs in the dataset, and change nothing."""
    from nba_pipeline.warehouse.bigquery.plan import plan

    steps = plan(production().session)
    for step in steps:
        out.print(str(step), highlight=False, soft_wrap=True, style="red" if step.action == "refused" else None)
    out.print(f"{len(steps)} steps" if steps else "nothing to do", highlight=False)
    leave(int(any(step.action == "refused" for step in steps)))


@bigquery.command("apply")
def bigquery_apply() -> None:
    """Make dataset, tables and views, add new nullable columns, delete staging tables that were left behind."""
    from nba_pipeline.warehouse.bigquery.plan import apply

    done = 0
    refused = 0
    for step in apply(production().session):
        out.print(str(step), highlight=False, soft_wrap=True, style="red" if step.action == "refused" else None)
        done, refused = done + (step.action != "refused"), refused + (step.action == "refused")
    out.print(f"{done} steps done" if done else "nothing to do" if not refused else f"{refused} steps refused", highlight=False)
    leave(int(bool(refused)))


@bigquery.command("cost")
def bigquery_cost(
    number: Annotated[int, typer.Option("--days", help="how many days back")] = 30,
    style: Annotated[str, typer.Option("--format", help="table | json")] = "table",
) -> None:
    """What the warehouse costs by run, table and kind of job; exit code 1 when the month is projected over budget."""
    from nba_pipeline.warehouse.bigquery.cost import command

    _one_of("--format", style, ("table", "json"))
    if number < 1:
        raise BadInput(f"--days must be at least 1, not {number}")
    leave(command(production().session, number, style))


@app.command("copy")
def copy_tables(
    source: Annotated[str, typer.Option("--from-warehouse", help="local | bigquery")],
    target: Annotated[str, typer.Option("--to-warehouse", help="local | bigquery")],
    first: Annotated[str, typer.Option("--from", help="first US Eastern date")],
    last: Annotated[str, typer.Option("--to", help="last US Eastern date, included")],
    tables: Annotated[list[str] | None, typer.Option("--tables", help="only this table; may be given several times")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what would be written")] = False,
) -> None:
    """Copy the rows of a range of dates from one warehouse to another, and compare them cell by cell."""
    from nba_pipeline.definitions import defs
    from nba_pipeline.environments import warehouse_of
    from nba_pipeline.league.calendar import days
    from nba_pipeline.tables.table import TABLES
    from nba_pipeline.warehouse.copying import copy

    for option, name in (("--from-warehouse", source), ("--to-warehouse", target)):
        _one_of(option, name, ("local", "bigquery"))
    if source == target:
        raise BadInput(f"--from-warehouse and --to-warehouse are both {source}")
    if unknown := sorted(set(tables or ()) - TABLES.keys()):
        raise BadInput(f"there is no table {', '.join(unknown)}; choose among {', '.join(sorted(TABLES))}")
    start, end = date_range(first, last)
    in_order = [key.path[-1] for key in defs.resolve_asset_graph().toposorted_asset_keys]
    names = [name for name in dict.fromkeys([*in_order, *TABLES]) if name in TABLES and (not tables or name in tables)]
    here, there = (warehouse_of("production" if name == "bigquery" else "local") for name in (source, target))
    if source == "bigquery":
        from nba_pipeline.warehouse.bigquery.format_1_source import source_of_copy

        here = source_of_copy(here)
    here.preflight()
    there.preflight()
    code = 0
    for record in copy(here, there, days(start, end), names, dry_run=dry_run):
        err.print(str(record), highlight=False, soft_wrap=True)
        for difference in record.differences:
            err.print(f"  {difference}", style="red", highlight=False, soft_wrap=True)
        code |= bool(record.differences)
    leave(int(code))


def production() -> "BigQueryWarehouse":
    """The production warehouse. Raises BadInput in another environment, and for a variable that is missing."""
    from nba_pipeline.definitions import defs
    from nba_pipeline.warehouse.bigquery import BigQueryWarehouse

    warehouse = (defs.resources or {})["warehouse"]
    if not isinstance(warehouse, BigQueryWarehouse):
        raise BadInput(f"bigquery needs NBA_PIPELINE_ENV=production, and it is {environment()!r}")
    warehouse.refuse_missing_names()
    return warehouse


@audit.command("leakage")
def audit_leakage(
    first: Annotated[str, typer.Option("--from", help="first US Eastern date of the sample")],
    last: Annotated[str, typer.Option("--to", help="last US Eastern date, included")],
    number: Annotated[int, typer.Option("--dates", help="how many dates to sample")] = 40,
    seed: Annotated[int, typer.Option(help="of the sample; the same seed samples the same dates")] = 0,
    style: Annotated[str, typer.Option("--format", help="table | json")] = "table",
) -> None:
    """Alter what nobody could know before tip-off, make the features again and compare; then plant leaks and catch them."""
    from nba_pipeline.audit import command

    _one_of("--format", style, ("table", "json"))
    start, end = date_range(first, last)
    if number < 1:
        raise BadInput(f"--dates must be at least 1, not {number}")
    work = runner()

    def say(told: str) -> None:
        err.print(told, style="dim", highlight=False, soft_wrap=True)

    found = command.leakage(work.warehouse, start, end, number=number, seed=seed, now=work.clock.now(), say=say)
    if style == "json":
        print(json.dumps(found, default=str, indent=1))
    else:
        command.print_leakage(found, out)
    leave(int(not found["passed"]))


@audit.command("seasons")
def audit_seasons(
    first: Annotated[str | None, typer.Option("--from", help="first US Eastern date; default the platform's first")] = None,
    last: Annotated[str | None, typer.Option("--to", help="last US Eastern date; default today")] = None,
    style: Annotated[str, typer.Option("--format", help="table | json")] = "table",
) -> None:
    """Per season what is there of what should be, how good it is, and whether the league's means are plausible."""
    from nba_pipeline.audit import command
    from nba_pipeline.audit.seasons import seasons
    from nba_pipeline.league.calendar import FIRST_DATE, days

    _one_of("--format", style, ("table", "json"))
    start, end = date_range(first or str(FIRST_DATE), last or str(clock().today))
    records = seasons(runner().warehouse, days(start, end))
    if not records:
        raise BadInput(f"no date from {start} to {end} has games")
    if style == "json":
        print(json.dumps(records, indent=1))
    else:
        command.print_seasons(records, out)
    leave(int(any(record["implausible"] for record in records)))


@audit.command("ledgers")
def audit_ledgers(
    first: Annotated[str | None, typer.Option("--from", help="first US Eastern date; default the platform's first")] = None,
    last: Annotated[str | None, typer.Option("--to", help="last US Eastern date, included; default tomorrow")] = None,
    style: Annotated[str, typer.Option("--format", help="table | json")] = "table",
) -> None:
    """Compare every ledger row with the hash recorded when it was written; exit code 1 for any finding."""
    from nba_pipeline.audit import ledgers
    from nba_pipeline.league.calendar import FIRST_DATE, days

    _one_of("--format", style, ("table", "json"))
    start, end = date_range(first or str(FIRST_DATE), last or str(clock().today + timedelta(days=1)))
    dates = None if first is None and last is None else days(start, end)
    found = ledgers.audit_ledgers(runner().warehouse, dates)
    if style == "json":
        print(json.dumps(found, indent=1))
    else:
        ledgers.print_ledgers(found, out)
    leave(int(not found["passed"]))


def _print_closed(work: Runner) -> int:
    """Print the ledger dates that only a backup can open again; the exit code."""
    from nba_pipeline.orchestration.lost_partitions import closed_dates

    sentences = closed_dates(work.warehouse)
    for sentence in sentences:
        err.print(sentence, style="red", highlight=False, soft_wrap=True, markup=False)
    return int(bool(sentences))


def _say(message: str) -> None:
    err.print(message, style="dim", highlight=False, soft_wrap=True, markup=False)


def _iso(instant: datetime) -> str:
    return instant.isoformat()


def _one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise BadInput(f"{name} is {value!r}; choose one of {', '.join(choices)}")

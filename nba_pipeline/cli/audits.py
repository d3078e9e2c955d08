"""The command group `audit`: leakage, seasons, ledgers, record, trail."""

import json
from datetime import timedelta
from functools import partial
from typing import Annotated

import typer

from nba_pipeline.cli.app import audit, date_range, date_up_to_tomorrow, leave, open_runner, today
from nba_pipeline.cli.choices import one_of
from nba_pipeline.cli.consoles import out, print_error, print_line, report, working
from nba_pipeline.errors import BadInput

TRAIL_DAYS = 30


@audit.command("leakage")
def audit_leakage(
    first: Annotated[str, typer.Option("--from", help="first US Eastern date of the sample")],
    last: Annotated[str, typer.Option("--to", help="last US Eastern date, included")],
    number: Annotated[int, typer.Option("--dates", help="how many dates to sample")] = 40,
    seed: Annotated[int, typer.Option(help="seed of the sample; the same seed selects the same dates")] = 0,
    style: Annotated[str, typer.Option("--format", help="table | json")] = "table",
) -> None:
    """Alter data from after tip-off, recompute the features and compare them; then verify that planted leaks are caught."""
    from nba_pipeline.audit.leakage_report import leakage
    from nba_pipeline.cli.audit_rendering import print_leakage
    from nba_pipeline.instance.materializations import materialized_dates

    one_of("--format", style, ("table", "json"))
    start, end = date_range(first, last)
    if number < 1:
        raise BadInput(f"--dates must be at least 1, not {number}")
    runner = open_runner()
    result = leakage(
        runner.warehouse,
        start,
        end,
        number=number,
        seed=seed,
        now=runner.clock.now(),
        log=report,
        materialized=partial(materialized_dates, runner.instance),
    )
    if style == "json":
        print(json.dumps(result, default=str, indent=1))
    else:
        print_leakage(result, out)
    leave(int(not result["passed"]))


@audit.command("seasons")
def audit_seasons(
    first: Annotated[str | None, typer.Option("--from", help="first US Eastern date; default the platform's first")] = None,
    last: Annotated[str | None, typer.Option("--to", help="last US Eastern date; default today")] = None,
    style: Annotated[str, typer.Option("--format", help="table | json")] = "table",
) -> None:
    """Summarize each season's coverage, feature quality and league means; exit code 1 for an implausible mean."""
    from nba_pipeline.audit.seasons import seasons
    from nba_pipeline.cli.audit_rendering import print_seasons
    from nba_pipeline.league.calendar import FIRST_DATE, days

    one_of("--format", style, ("table", "json"))
    start, end = date_range(first or str(FIRST_DATE), last or str(today()))
    with working("reading the seasons"):
        records = seasons(open_runner().warehouse, days(start, end))
    if not records:
        raise BadInput(f"no date from {start} to {end} has games")
    if style == "json":
        print(json.dumps(records, indent=1))
    else:
        print_seasons(records, out)
    leave(int(any(record["implausible"] for record in records)))


@audit.command("ledgers")
def audit_ledgers(
    first: Annotated[str | None, typer.Option("--from", help="first US Eastern date; default the platform's first")] = None,
    last: Annotated[str | None, typer.Option("--to", help="last US Eastern date, included; default tomorrow")] = None,
    style: Annotated[str, typer.Option("--format", help="table | json")] = "table",
) -> None:
    """Compare every ledger row with the hash recorded when it was written; exit code 1 for any finding."""
    from nba_pipeline.audit import ledgers
    from nba_pipeline.cli.audit_rendering import print_ledgers
    from nba_pipeline.league.calendar import FIRST_DATE, days

    one_of("--format", style, ("table", "json"))
    start, end = date_range(first or str(FIRST_DATE), last or str(today() + timedelta(days=1)))
    dates = None if first is None and last is None else days(start, end)
    with working("hashing the rows of the ledgers"):
        result = ledgers.audit_ledgers(open_runner().warehouse, dates)
    if style == "json":
        print(json.dumps(result, indent=1))
    else:
        print_ledgers(result, out)
    leave(int(not result["passed"]))


@audit.command("record")
def audit_record(
    day: Annotated[str, typer.Option("--date", help="US Eastern date whose publications are recomputed")],
    style: Annotated[str, typer.Option("--format", help="table | json")] = "table",
) -> None:
    """Recompute what was published on a date from the ledgers and the landing; exit code 1 for any difference."""
    from nba_pipeline.audit.published_record import audit_record as recompute

    one_of("--format", style, ("table", "json"))
    slate = date_up_to_tomorrow(day, "--date")
    runner = open_runner()
    result = recompute(runner.warehouse, runner.landing, slate)
    if style == "json":
        print(json.dumps(result, indent=1))
        leave(int(not result["passed"]))
    published = f"{result['publications']} publications of {slate}: {result['predictions']} predictions, {result['picks']} picks"
    print_line(f"{published}; {'equal' if result['passed'] else 'not equal'} to the ledgers")
    for difference in result["differences"]:
        print_error(difference)
    leave(int(not result["passed"]))


@audit.command("trail")
def audit_trail(
    first: Annotated[str | None, typer.Option("--from", help="first US Eastern date; default 30 days ago")] = None,
    last: Annotated[str | None, typer.Option("--to", help="last US Eastern date, included; default today")] = None,
    style: Annotated[str, typer.Option("--format", help="table | json")] = "table",
) -> None:
    """List the waivers, resolutions, marks, repairs, rechecks and manual runs of a period: when, who, what and why."""
    from dataclasses import asdict

    from nba_pipeline.cli.audit_rendering import print_trail
    from nba_pipeline.environments import environment, home, landing_of, warehouse_of
    from nba_pipeline.instance.opening import has_instance, open_instance

    one_of("--format", style, ("table", "json"))
    start, end = date_range(first or str(today() - timedelta(days=TRAIL_DAYS)), last or str(today()))
    with working("reading ledgers and runs"):
        import nba_pipeline.monitoring.alert_changes  # noqa: F401  # declares its table
        from nba_pipeline.audit.trail import trail

        instance = open_instance(home()) if has_instance(home()) else None
        entries = trail(warehouse_of(environment()), landing_of(environment()), instance, start, end)
    if style == "json":
        print(json.dumps([asdict(entry) for entry in entries], default=str, indent=1))
    else:
        print_trail(entries, out)
    leave(0)

"""The commands `quarantine list`, `show`, `resolve` and `replay`. A case is a date, table and problem."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nba_pipeline.cli.app import date_range, date_up_to_tomorrow, leave, open_runner, quarantine, today
from nba_pipeline.cli.choices import one_of
from nba_pipeline.cli.consoles import out, print_line
from nba_pipeline.environments import environment, now, warehouse_of
from nba_pipeline.errors import BadInput
from nba_pipeline.tables.wording import counted

if TYPE_CHECKING:
    from nba_pipeline.completeness.quarantine_cases import Case
    from nba_pipeline.warehouse import Warehouse

DAYS_BACK = 30
ROWS_SHOWN = 20

First = Annotated[str | None, typer.Option("--from", help=f"first US Eastern date; default {DAYS_BACK} days ago")]
Last = Annotated[str | None, typer.Option("--to", help="last US Eastern date; default tomorrow")]
Id = Annotated[str, typer.Argument(help="id of the case, from `nba-pipeline quarantine list`")]


@quarantine.command("list")
def list_cases(
    day: Annotated[str | None, typer.Option("--date", help="only this US Eastern date")] = None,
    first: First = None,
    last: Last = None,
    table: Annotated[str | None, typer.Option(help="only this table")] = None,
    is_complete: Annotated[bool, typer.Option("--all", help="also list accepted cases")] = False,
    style: Annotated[str, typer.Option("--format", help="table | json")] = "table",
) -> None:
    """List the quarantined rows by date, table and problem, oldest first, each with its id."""
    one_of("--format", style, ("table", "json"))
    if day is not None and (first or last):
        raise BadInput("--date excludes --from and --to")
    known = _cases(warehouse_of(environment()), day or first, day or last, table)
    listed = [case for case in known if is_complete or case.is_open]
    if style == "json":
        print(json.dumps([asdict(case) | {"id": case.case_id} for case in listed], default=str, indent=1))
    elif listed:
        _print_cases(listed)
    else:
        print_line(
            "no row is quarantined" if not known else f"no case is open; --all lists {counted(len(known), 'accepted case')}"
        )
    leave(0)


@quarantine.command("show")
def show(case_id: Id, first: First = None, last: Last = None) -> None:
    """Show the rows of a case with their values and responses, and the next command."""
    from nba_pipeline.completeness.quarantine_cases import case_of, rows_of

    warehouse = warehouse_of(environment())
    case = case_of(_cases(warehouse, first, last, None), case_id)
    print_line(f"{case.game_date} {case.table}: {case.problem}", style="bold")
    rows = rows_of(warehouse, case)
    for row in rows.head(ROWS_SHOWN).iter_rows(named=True):
        values = {name: value for name, value in json.loads(row["row"]).items() if value is not None}
        print_line(f"  {', '.join(f'{name} {value}' for name, value in values.items())}")
        print_line(f"    from {row['source']}")
    if rows.height > ROWS_SHOWN:
        print_line(f"  and {counted(rows.height - ROWS_SHOWN, 'more row')}")
    print_line(
        f"accepted by {case.accepted_by}: {case.reason}"
        if not case.is_open
        else f"next: {_next_command(case, json.loads(rows['row'][0]))}"
    )
    leave(0)


@quarantine.command("resolve")
def resolve(
    case_id: Id,
    reason: Annotated[str, typer.Option(help="why; recorded permanently")],
    author: Annotated[str, typer.Option(help="who decides; recorded permanently")],
    take_back: Annotated[bool, typer.Option("--take-back", help="withdraw the acceptance: the case is open again")] = False,
    first: First = None,
    last: Last = None,
) -> None:
    """Record that the rows of a case stay quarantined; author and reason are recorded permanently."""
    from nba_pipeline.completeness import quarantine_cases

    quarantine_cases.refuse_empty(reason, author)
    warehouse = warehouse_of(environment())
    case = quarantine_cases.case_of(_cases(warehouse, first, last, None), case_id)
    decision: quarantine_cases.Decision = "reopened" if take_back else "accepted"
    print_line(quarantine_cases.decide(warehouse, now(), case, decision, reason, author))
    leave(0)


@quarantine.command("replay")
def replay(
    day: Annotated[str, typer.Option("--date", help="US Eastern date of the quarantined rows")],
    table: Annotated[str | None, typer.Option(help="only this table; default every table with quarantined rows")] = None,
) -> None:
    """Parse the landed responses of the quarantined tables again, without requests; exit code 1 while rows stay quarantined."""
    from nba_pipeline.cli.outcomes import report
    from nba_pipeline.orchestration import quarantine_replay
    from nba_pipeline.orchestration.repair import refuse_running

    slate = date_up_to_tomorrow(day, "--date")
    before = _cases(warehouse_of(environment()), str(slate), str(slate), table)
    tables = list(dict.fromkeys(case.table for case in before))
    quarantine_replay.refuse(tables)
    if not before:
        print_line(f"no row is quarantined on {slate}")
        leave(0)
    runner = open_runner()
    refuse_running(runner, slate)
    repeat = f"nba-pipeline quarantine replay --date {slate}"
    code = report(runner, quarantine_replay.replay(runner, slate, tables), repeat)
    after = _cases(runner.warehouse, str(slate), str(slate), table)
    was, still = sum(case.rows for case in before), sum(case.rows for case in after)
    print_line(f"{counted(was, 'row was', 'rows were')} quarantined, {still} still {'is' if still == 1 else 'are'}")
    if after:
        _print_cases(after)
    print_line(f"next: nba-pipeline repair --date {slate}")
    leave(code | int(any(case.is_open for case in after)))


def _cases(warehouse: "Warehouse", first: str | None, last: str | None, table: str | None) -> "list[Case]":
    """Returns the cases of a range of dates. Raises BadInput for a table that is not daily."""
    import nba_pipeline.assets  # noqa: F401  # declares every table
    from nba_pipeline.completeness.quarantine_cases import cases
    from nba_pipeline.league.calendar import FIRST_DATE, days
    from nba_pipeline.tables.declarations import daily_tables

    if table is not None:
        one_of("--table", table, daily_tables())
    begin = first or last or str(max(today() - timedelta(days=DAYS_BACK), FIRST_DATE))
    start, end = date_range(begin, last or str(today() + timedelta(days=1)))
    return cases(warehouse, [table] if table else daily_tables(), days(start, end))


def _next_command(case: "Case", values: Mapping[str, Any]) -> str:
    """Returns the command that may release the rows: the resolution of a name, or a replay, for example after a corrected parser.

    `values` are those of one of the rows.
    """
    from nba_pipeline.completeness.next_steps import is_name_problem, resolving_command

    if is_name_problem(case.problem) and (spelling := values.get("spelling") or values.get("player_name")):
        return resolving_command(spelling, case.game_date)
    return f"nba-pipeline quarantine replay --date {case.game_date} --table {case.table}"


def _print_cases(listed: "list[Case]") -> None:
    from rich.table import Table as RichTable

    from nba_pipeline.cli.consoles import printable
    from nba_pipeline.league.calendar import EASTERN

    grid = RichTable("id", "date", "table", "rows", "problem", "state", "as of (US Eastern)", box=None, pad_edge=False)
    for case in listed:
        state = "open" if case.is_open else f"accepted by {case.accepted_by}: {case.reason}"
        as_of = f"{case.as_of.astimezone(EASTERN):%Y-%m-%d %H:%M}"
        texts = case.case_id, str(case.game_date), case.table, str(case.rows), case.problem, state, as_of
        grid.add_row(*(printable(text) for text in texts))
    out.print(grid)
    oldest = listed[0]
    print_line(f"`nba-pipeline quarantine show {oldest.case_id} --from {oldest.game_date}` shows the rows of the first one")

"""The command `record`: the graded record of a range of dates, without running anything."""

from typing import Annotated

import typer

from nba_pipeline.cli.app import FORMATS, app, date_range, leave, today
from nba_pipeline.cli.choices import one_of
from nba_pipeline.cli.consoles import print_error, working
from nba_pipeline.cli.demos import no_tables
from nba_pipeline.cli.reading import reading


@app.command()
def record(
    first: Annotated[str | None, typer.Option("--from", help="first US Eastern date; default the first graded one")] = None,
    last: Annotated[str | None, typer.Option("--to", help="last US Eastern date, included; default today")] = None,
    style: Annotated[str, typer.Option("--format", help="table | csv | json")] = "table",
) -> None:
    """Show the graded record: hit rate, error and gap to the line of each system, with N and intervals. Runs nothing."""
    from nba_pipeline.cli.frames import print_result
    from nba_pipeline.cli.grades_rendering import grades_of, print_record
    from nba_pipeline.evaluation.graded_record import record_of
    from nba_pipeline.league.calendar import FIRST_DATE

    one_of("--format", style, FORMATS)
    start, end = date_range(first or str(FIRST_DATE), last or str(today()))
    with working("reading grades"):
        tables = reading()
        grades = grades_of(tables, start, end)
        problems = tables.unreadable("SELECT * FROM grades")
    for problem in problems:
        print_error(f"warning: {problem}", style="yellow")
    if grades.is_empty():
        why = "no prediction of these dates is graded" if tables.dates("schedule") else no_tables(end)
        print_error(f"no record: {why}", style="yellow")
    if style != "table":
        print_result(record_of(grades), style)
    else:
        print_record(grades)
    leave(int(bool(problems)))

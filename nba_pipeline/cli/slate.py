"""The command `slate`: the predictions of a date, without running anything."""

import math
from typing import TYPE_CHECKING, Annotated

import typer

from nba_pipeline.cli.app import FORMATS, app, date_up_to_tomorrow, leave, today
from nba_pipeline.cli.choices import one_of
from nba_pipeline.cli.consoles import print_error
from nba_pipeline.cli.reading import reading
from nba_pipeline.errors import BadInput, did_you_mean

if TYPE_CHECKING:
    from datetime import date

    from nba_pipeline.cli.reading import Reading


@app.command()
def slate(
    day: Annotated[str | None, typer.Option("--date", help="the slate's US Eastern date; default today")] = None,
    style: Annotated[str, typer.Option("--format", help="table | csv | json")] = "table",
    min_edge: Annotated[
        float | None, typer.Option("--min-edge", help="minimum distance between forecast and line, in points")
    ] = None,
    team: Annotated[str | None, typer.Option(help="only players of this team, as BOS or Boston Celtics")] = None,
    shows_all: Annotated[bool, typer.Option("--all", help="every prediction, with the reasons against a bet")] = False,
) -> None:
    """Show a slate's actionable predictions: tip-off, line, book, price, forecast and edge. Runs nothing."""
    from nba_pipeline.cli import slate_rendering
    from nba_pipeline.cli.frames import print_result
    from nba_pipeline.cli.slate_rows import champion, chosen, halted, slate_rows, unreadable, why_empty

    one_of("--format", style, FORMATS)
    if min_edge is not None and not 0 <= min_edge < math.inf:
        raise BadInput(f"--min-edge is a distance of at least 0 points, not {min_edge:g}")
    date, tricode = date_up_to_tomorrow(day, "--date") if day else today(), _tricode(team) if team else None
    tables = reading()
    rows = slate_rows(tables, date)
    shown = chosen(rows, min_edge, tricode, shows_all)
    problems = unreadable(tables, date)
    for problem in problems:
        print_error(f"warning: {problem}", style="yellow")
    if halt := halted(tables):
        print_error(f"warning: {halt}", style="yellow")
    if rows.is_empty() and not problems:
        print_error(f"no slate: {why_empty(tables, date)}", style="yellow")
    if day is None and not problems and rows["line"].is_null().all():
        _print_newest_with_lines(tables, date)
    if style != "table":
        print_result(shown, style)
    elif not rows.is_empty():
        slate_rendering.print_slate(date, rows, shown, champion(tables), shows_all)
    leave(int(bool(problems)))


def _print_newest_with_lines(tables: "Reading", day: "date") -> None:
    """Print the command that shows the newest slate with lines."""
    from nba_pipeline.cli.slate_rows import newest_with_lines

    if newest := newest_with_lines(tables, day):
        print_error(f"No line of {day} is known. Newest slate with lines: nba-pipeline slate --date {newest}", style="yellow")


def _tricode(team: str) -> str:
    """Returns the tricode of a team. Raises BadInput for an unknown team."""
    from nba_pipeline.league.teams import TEAM_OF_NAME, TEAMS

    tricodes = {name.lower(): code for name, code in TEAM_OF_NAME.items()} | {code.lower(): code for code in TEAMS}
    if team.lower() not in tricodes:
        raise BadInput(
            f"--team {team!r} is not a team; {did_you_mean(team, [*TEAMS, *TEAM_OF_NAME])}choose one of {', '.join(TEAMS)}"
        )
    return tricodes[team.lower()]

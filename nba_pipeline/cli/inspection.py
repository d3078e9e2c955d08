"""Commands that only read: decisions, breakers, sql."""

import json
from dataclasses import asdict
from datetime import datetime
from typing import Annotated

import typer

from nba_pipeline.cli.app import FORMATS, app, leave
from nba_pipeline.cli.choices import one_of
from nba_pipeline.cli.consoles import print_error, working
from nba_pipeline.cli.reading import reading
from nba_pipeline.environments import environment, home
from nba_pipeline.tables import catalog


@app.command()
def decisions(
    first: Annotated[str | None, typer.Option("--from", help="instant, or US Eastern date; default two days before --to")] = None,
    last: Annotated[str | None, typer.Option("--to", help="instant, or US Eastern date, included; default now")] = None,
    style: Annotated[str, typer.Option("--format", help="table | json")] = "table",
) -> None:
    """Show the decisions of schedules and sensors: started runs, or the reason of a skip or failure."""
    from nba_pipeline.cli.rendering import print_decisions
    from nba_pipeline.instance import ticks
    from nba_pipeline.instance.clock import Clock
    from nba_pipeline.instance.opening import open_instance

    one_of("--format", style, ("table", "json"))
    # Dagster's ticks use the real time, even if the platform's clock is fixed
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
    """Show the circuit breakers that are not closed: since when, until when and why."""
    from nba_pipeline.cli.rendering import print_breakers
    from nba_pipeline.definitions import defs
    from nba_pipeline.providers.circuit_breakers import breakers_not_closed

    one_of("--format", style, ("table", "json"))
    open_breakers = breakers_not_closed((defs.resources or {})["landing"])
    if style == "json":
        print(json.dumps([asdict(breaker) for breaker in open_breakers], default=_iso, indent=1))
    else:
        print_breakers(open_breakers)
    leave(0)


def _tables_and_views() -> str:
    """Returns the last lines of `sql --help`."""
    return f"Tables: {', '.join(catalog.tables())}.\n\nViews: {', '.join(catalog.views())}. `nba-pipeline help <name>` lists columns."


@app.command(epilog=_tables_and_views())
def sql(
    query: Annotated[str, typer.Argument(help="one read-only statement with plain table names")],
    style: Annotated[str, typer.Option("--format", help="table | csv | json")] = "table",
) -> None:
    """Query the warehouse without access to files. CSV output escapes formulas. SHOW TABLES lists tables and views.

    A result that is wider than the terminal is shown as one field per line. CSV and JSON have exact numbers.
    """
    from nba_pipeline.cli.frames import print_result

    one_of("--format", style, FORMATS)
    with working("running the query"):
        tables = reading()
        result, messages = tables.sql(query), tables.unreadable(query)
    for message in messages:
        print_error(f"warning: {message}", style="yellow")
    print_result(result, style)
    leave(0)


def _iso(instant: datetime) -> str:
    return instant.isoformat()

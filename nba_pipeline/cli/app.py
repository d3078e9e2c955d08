"""The `nba-pipeline` command. Each command is a function; its logic is in the modules that it calls.

Exit codes: 0 done, 1 a failure or a closed gate, 2 wrong use. Machine formats print only data on standard output.
Everything else goes to standard error.
"""

import logging
import sys
import warnings
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, NoReturn

import typer

from nba_pipeline.cli.rendering import (
    err,
)
from nba_pipeline.environments import clock, environment, home
from nba_pipeline.errors import BadInput, PipelineError
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.damage import database_named
from nba_pipeline.instance.opening import open_instance
from nba_pipeline.instance.private_files import make_files_private
from nba_pipeline.league.calendar import parse_date
from nba_pipeline.orchestration.runner import Runner
from nba_pipeline.warehouse.partitions import damage_named

if TYPE_CHECKING:
    from dagster import Definitions


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


def main() -> NoReturn:
    """Run the command and exit with its code. A PipelineError is printed as one message."""
    warnings.filterwarnings("ignore")
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    make_files_private()
    try:
        with database_named(home()), damage_named():
            app()
    except PipelineError as error:
        err.print(f"nba-pipeline: {error}", style="red", highlight=False, soft_wrap=True, markup=False)
        sys.exit(2 if isinstance(error, BadInput) else 1)
    sys.exit(0)


def runner() -> Runner:
    """Returns a runner for the configured environment and the Dagster instance of the home."""
    environment()
    from nba_pipeline.definitions import defs

    # before opening the instance, which writes into the home
    refuse_another_format(defs)
    work = Runner(defs, open_instance(home()))
    work.warehouse.preflight()
    return work


def runner_at(instant: datetime) -> Runner:
    """Returns a runner with a clock fixed at an instant. Skips the warehouse's preflight check."""
    from nba_pipeline.definitions import build_definitions
    from nba_pipeline.environments import resources_for

    defs = build_definitions(environment(), resources_for(environment(), Clock(fixed_at=instant.isoformat())))
    refuse_another_format(defs)
    return Runner(defs, open_instance(home()))


def refuse_another_format(defs: "Definitions") -> None:
    """Raise BadInput if a local home has another format, before anything is written to it."""
    from nba_pipeline.warehouse import home_format
    from nba_pipeline.warehouse.local import LocalWarehouse

    if isinstance((defs.resources or {})["warehouse"], LocalWarehouse):
        home_format.refuse_another_format(home())


def leave(code: int) -> NoReturn:
    """End the command with an exit code."""
    raise typer.Exit(code)


def date_up_to_tomorrow(text: str, name: str) -> date:
    """Parses a date. Raises BadInput if it is malformed, before the platform's first date or after tomorrow."""
    day, tomorrow = parse_date(text, name), clock().today + timedelta(days=1)
    if day > tomorrow:
        raise BadInput(f"{name} {day} is after tomorrow, {tomorrow}")
    return day


def date_range(first: str, last: str) -> tuple[date, date]:
    """Parses --from and --to. Raises BadInput if a date is invalid or the range is empty."""
    start, end = parse_date(first, "--from"), date_up_to_tomorrow(last, "--to")
    if start > end:
        raise BadInput(f"--from {start} is after --to {end}")
    return start, end


def report(message: str) -> None:
    """Print progress on standard error."""
    err.print(message, style="dim", highlight=False, soft_wrap=True, markup=False)


def one_of(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise BadInput if the value of an option is not one of its choices."""
    if value not in choices:
        raise BadInput(f"{name} is {value!r}; choose one of {', '.join(choices)}")

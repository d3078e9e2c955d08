"""The `nba-pipeline` command: its entry point, its exit codes, and functions that all commands share.

Exit codes: 0 done, 1 a failure or a closed gate, 2 wrong use, 130 interrupted by Ctrl-C, 141 the reader of the output has
closed its pipe. Machine formats print only data on standard output. Everything else goes to standard error.

Modules of this package import what a command needs inside its function. `--help`, `--version`, `help`, `slate` and `sql`
import neither Dagster nor dataframely, because these imports take a second.
"""

import atexit
import gc
import logging
import os
import re
import sys
import warnings
from calendar import monthrange
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from nba_pipeline.cli.consoles import print_error
from nba_pipeline.environments import environment, home, now, refuse_unreadable_secrets
from nba_pipeline.errors import BadInput, PipelineError
from nba_pipeline.instance.private_files import make_files_private

if TYPE_CHECKING:
    from dagster import Definitions

    from nba_pipeline.orchestration.runner import Runner

FORMATS = ("table", "csv", "json")
INTERRUPTED, CLOSED_PIPE = 130, 141
"""Exit codes after SIGINT and SIGPIPE, as shells report them: 128 plus the number of the signal."""

OTHER_DATE_FORMATS = ("%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%m/%d/%Y", "%Y-%m-%d")
"""Formats of dates that are recognized in an error message. The last one accepts months and days of one digit."""

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Run, inspect, verify and repair the pipeline.",
)
audit = typer.Typer(
    no_args_is_help=True,
    help="Prove that no feature sees the future, verify the ledgers and the published record, summarize the seasons, list the "
    "decisions of people.",
)
app.add_typer(audit, name="audit")
bigquery = typer.Typer(no_args_is_help=True, help="Inspect and update the production warehouse, and show its cost.")
app.add_typer(bigquery, name="bigquery")
alerts = typer.Typer(no_args_is_help=True, help="List open alerts, acknowledge one, test the sinks.")
app.add_typer(alerts, name="alerts")
serve = typer.Typer(no_args_is_help=True, help="Serve health and metrics over HTTP, read-only.")
app.add_typer(serve, name="serve")
systems = typer.Typer(no_args_is_help=True, help="List the roles of the systems, promote one, retire one.")
app.add_typer(systems, name="systems")
instance = typer.Typer(no_args_is_help=True, help="Move Dagster's run history to PostgreSQL.")
app.add_typer(instance, name="instance")
quarantine = typer.Typer(no_args_is_help=True, help="List and show quarantined rows, accept them, or parse them again.")
app.add_typer(quarantine, name="quarantine")


RARE_COLLECTIONS = (500_000, 50, 100)
"""Thresholds of Python's garbage collector. With the defaults, it traverses the objects of the imported modules a thousand
times, which takes 5 % of the CPU time of a command. The run of a date creates fewer objects than the first threshold."""


def main() -> NoReturn:
    """Run the command as the only work of this process, and exit with its code.

    The process ends without freeing its objects, which takes 0.8 CPU seconds after an import of Dagster.
    """
    ended = [1]
    atexit.register(lambda: os._exit(ended[0]))  # runs after the handlers of the modules that the command imports
    ended[0] = run_command()
    sys.exit(ended[0])


def run_command() -> int:
    """Run the command of `sys.argv` and return its exit code. A PipelineError is printed as one message."""
    gc.set_threshold(*RARE_COLLECTIONS)
    warnings.filterwarnings("ignore")
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    make_files_private()
    try:
        _run()
    except SystemExit as ended:
        code = _exit_code(ended)
        if _is_unhandled_interrupt(ended):
            print_error("nba-pipeline: interrupted")
    except PipelineError as error:
        print_error(f"nba-pipeline: {error}")
        code = 2 if isinstance(error, BadInput) else 1
    else:
        code = 0
    return _flush() or code


def _run() -> None:
    """Run the command. Errors of Dagster's databases and of unreadable tables become errors that name the file.

    Every error is raised again: the classes of these errors are slow to import, so they are imported after a failure only.
    """
    try:
        app()
    except PipelineError:
        raise
    except Exception:
        from nba_pipeline.instance.damage import database_named
        from nba_pipeline.warehouse.partitions import damage_named

        with database_named(home()), damage_named():
            raise


def _exit_code(ended: SystemExit) -> int:
    """Returns the exit code of a command. Typer and rich exit with 1 after a closed pipe."""
    cause = ended.__context__
    while cause is not None:
        if isinstance(cause, BrokenPipeError):
            return CLOSED_PIPE
        cause = cause.__cause__ or cause.__context__
    return ended.code if isinstance(ended.code, int) else int(bool(ended.code))


def _is_unhandled_interrupt(ended: SystemExit) -> bool:
    """Whether a person interrupted the command and it printed nothing about it. Typer raises the exit from the interrupt."""
    return ended.__context__ is not None and isinstance(ended.__context__.__cause__, KeyboardInterrupt)


def _flush() -> int:
    """Write the buffered output. Returns the exit code of a closed pipe, which Python would otherwise report at its exit."""
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return CLOSED_PIPE
    return 0


def _print_version(is_requested: bool) -> None:
    if is_requested:
        from importlib.metadata import version

        print(f"nba-pipeline {version('nba_pipeline')}")
        leave(0)


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Run, inspect, verify and repair the pipeline."""


def open_runner(*, sends_requests: bool = False) -> "Runner":
    """Returns a runner for the configured environment and the Dagster instance of the home.

    Before a command that sends requests, raises BadInput if a secret of Secret Manager cannot be read, and Busy during a demo.
    """
    environment()
    from nba_pipeline.definitions import defs
    from nba_pipeline.instance.demos import refuse_during_a_demo
    from nba_pipeline.instance.opening import open_instance
    from nba_pipeline.orchestration.runner import Runner

    # before opening the instance, which writes into the home
    refuse_another_format(defs)
    if sends_requests:
        refuse_unreadable_secrets()
        refuse_during_a_demo(home(), today())
    runner = Runner(defs, open_instance(home()))
    runner.warehouse.preflight()
    return runner


def open_runner_at(instant: datetime) -> "Runner":
    """Returns a runner with a clock fixed at an instant. Skips the warehouse's preflight check."""
    from nba_pipeline.definitions import build_definitions
    from nba_pipeline.environments import resources_for
    from nba_pipeline.instance.clock import Clock
    from nba_pipeline.instance.opening import open_instance
    from nba_pipeline.orchestration.runner import Runner

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


def today() -> date:
    """Returns the present US Eastern date."""
    from nba_pipeline.league.calendar import eastern_date

    return eastern_date(now())


def date_of(text: str, name: str) -> date:
    """Parses a date. Raises BadInput, with the date in the right format if another one is recognized."""
    from nba_pipeline.league.calendar import parse_date

    try:
        return parse_date(text, name)
    except BadInput as error:
        if (day := _in_another_format(text)) and str(day) != text:
            raise BadInput(f"{error}; did you mean {day}?") from None
        if reason := _reason_of_invalid_date(text):
            raise BadInput(f"{name} {text} does not exist: {reason}") from None
        raise


def _reason_of_invalid_date(text: str) -> str:
    """Returns why a well-formed date is not in the calendar; empty for other text."""
    match = re.fullmatch(r"([1-9]\d{3})-(\d\d)-\d\d", text)
    if match is None:
        return ""
    year, month = int(match[1]), int(match[2])
    if month not in range(1, 13):
        return "a year has the months 01 to 12"
    last = monthrange(year, month)[1]
    return "" if 1 <= int(text[8:]) <= last else f"{year}-{month:02} has the days 01 to {last}"


def _in_another_format(text: str) -> date | None:
    relative = {"yesterday": -1, "today": 0, "tomorrow": 1}
    if text in relative:
        return today() + timedelta(days=relative[text])
    for form in OTHER_DATE_FORMATS:
        try:
            return datetime.strptime(text, form).date()  # a date has no time zone
        except ValueError:
            continue
    return None


def date_up_to_tomorrow(text: str, name: str) -> date:
    """Parses a date. Raises BadInput if it is malformed, before the platform's first date or after tomorrow."""
    day, tomorrow = date_of(text, name), today() + timedelta(days=1)
    if day > tomorrow:
        raise BadInput(f"{name} {day} is after tomorrow, {tomorrow}")
    return day


def date_range(first: str, last: str) -> tuple[date, date]:
    """Parses --from and --to. Raises BadInput if a date is invalid or the range is empty."""
    start, end = date_of(first, "--from"), date_up_to_tomorrow(last, "--to")
    if start > end:
        raise BadInput(f"--from {start} is after --to {end}")
    return start, end

"""The commands `publish` and `export`, and `serve public`: the slate and the record as files."""

import json
from collections.abc import Sequence
from datetime import date
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from nba_pipeline.cli.app import app, date_up_to_tomorrow, leave, open_runner, serve, today
from nba_pipeline.cli.choices import refuse_invalid_port
from nba_pipeline.cli.consoles import print_error, print_line, working
from nba_pipeline.cli.demos import refuse_without_tables
from nba_pipeline.environments import home, public
from nba_pipeline.errors import BadInput

if TYPE_CHECKING:
    from nba_pipeline.orchestration.runner import Runner

FOLDER = "public"
"""Folder of the published files in a home. Equals `publishing.export.PUBLIC`, whose import would slow down the start of every command."""


@app.command()
def publish(
    day: Annotated[str | None, typer.Option("--date", help="US Eastern date of the slate; default today")] = None,
) -> None:
    """Write the slate and the record as JSON, CSV and a page; exit code 1 if the gate is closed, which keeps the earlier files."""
    slate_date = date_up_to_tomorrow(day, "--date") if day else today()
    runner = open_runner()
    refuse_without_tables(runner.warehouse, slate_date)
    with working("reading predictions and grades"):
        state, problems = publish_slate(runner, slate_date)
    for problem in problems:
        print_error(f"not published: {problem}")
    if problems:
        leave(1)
    print_line(f"published the slate of {slate_date} ({state}) to {public() or home() / FOLDER}")
    if not public():
        print_line(f"see it at http://127.0.0.1:8400/{slate_date}.html with `nba-pipeline serve public`")
    leave(0)


def publish_slate(runner: "Runner", day: date) -> tuple[str, Sequence[str]]:
    """Writes the files of a slate. Returns its state, and why the gate is closed. A closed gate keeps the earlier files.

    Raises Damaged for unreadable rows, and BadInput for a schedule that is not loaded.
    """
    from nba_pipeline.orchestration.published_rows import Sources
    from nba_pipeline.orchestration.recovery import resolve_over
    from nba_pipeline.orchestration.slate_export import NOT_PUBLISHED, export_slates
    from nba_pipeline.orchestration.slate_messages import announce

    files = (runner.definitions.resources or {})["public"]
    sources = Sources(runner.instance, runner.warehouse, runner.landing, runner.clock, files.is_simulated)
    [result] = export_slates(sources, files, [day])
    if result.error:
        raise result.error
    if result.slate and not result.problems:
        for problem in announce(files, runner.warehouse, runner.clock, [result.slate]):
            print_error(problem)
        resolve_over(
            runner.notifier, {NOT_PUBLISHED: lambda one: one.game_date == day or one.game_date < day <= runner.clock.today}
        )
    return result.slate.state if result.slate else "", result.problems


@app.command()
def export(
    validate: Annotated[bool, typer.Option("--validate", help="compare the published files with manifest and schemas")] = False,
) -> None:
    """Verify the published files; exit code 1 names each file that is missing, changed or invalid."""
    from nba_pipeline.publishing.export import MANIFEST, problems
    from nba_pipeline.warehouse import files

    if not validate:
        raise BadInput("export needs --validate; `nba-pipeline publish` writes the files")
    folder = files.place(public() or str(home() / FOLDER))
    differences = problems(folder)
    for problem in differences:
        print_error(problem)
    if not differences:
        number = len(json.loads(files.read(folder / MANIFEST))["sha256"])
        print_line(f"{number} files of {folder} are as recorded and fit their schemas")
    leave(int(bool(differences)))


@serve.command("public")
def serve_public(
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="port to listen on")] = 8400,
) -> None:
    """Serve the published files on this machine until Ctrl-C. Any static host can serve them as well."""
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    refuse_invalid_port(port)
    if public():
        raise BadInput(f"the files are published to {public()}, which serves them; unset NBA_PIPELINE_PUBLIC to serve the home's")
    folder = home() / FOLDER
    if not folder.exists():
        raise BadInput(f"{folder} does not exist; first: `nba-pipeline publish`")
    try:
        server = ThreadingHTTPServer((host, port), partial(SimpleHTTPRequestHandler, directory=str(folder)))
    except OSError as error:
        raise BadInput(f"{host}:{port} cannot be used: {error.strerror}; choose another --port") from None
    print_line(f"serving {folder} at http://{host}:{port}; Ctrl-C ends")
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        leave(0)
    finally:
        server.server_close()

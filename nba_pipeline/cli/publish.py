"""The commands `publish` and `export`, and `serve public`: the slate and the record as files."""

import json
from datetime import date, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nba_pipeline.cli.app import app, date_up_to_tomorrow, leave, open_runner, serve, today
from nba_pipeline.cli.choices import refuse_invalid_port
from nba_pipeline.cli.consoles import print_error, print_line, working
from nba_pipeline.environments import environment, home, public
from nba_pipeline.errors import BadInput, Damaged
from nba_pipeline.settings import SETTINGS

if TYPE_CHECKING:
    import polars as pl

    from nba_pipeline.orchestration.runner import Runner
    from nba_pipeline.publishing.documents import Record, Slate
    from nba_pipeline.publishing.slate import SlateRows

SLATE_TABLES = ("prop_lines", "injuries", "rosters")
"""Source tables whose newest snapshot is published."""


@app.command()
def publish(
    day: Annotated[str | None, typer.Option("--date", help="US Eastern date of the slate; default today")] = None,
) -> None:
    """Write the slate and the record as JSON and as a page; exit code 1 if the gate is closed, which keeps the earlier files."""
    slate_date = date_up_to_tomorrow(day, "--date") if day else today()
    runner = open_runner()
    with working("reading predictions and grades"):
        document, reasons = publish_slate(runner, slate_date)
    for reason in reasons:
        print_error(f"not published: {reason}")
    if reasons:
        leave(1)
    print_line(f"published the slate of {slate_date} ({document.state}) to {_place()}")
    if not public():
        print_line("see it at http://127.0.0.1:8400 with `nba-pipeline serve public`")
    leave(0)


def publish_slate(runner: "Runner", day: date) -> "tuple[Slate, list[str]]":
    """Writes the files of a slate. Returns its document, and why the gate is closed. A closed gate keeps the earlier files.

    A halted slate skips the gate, so that the page shows the halt. Raises Damaged for an unreadable schedule or ledger of predictions.
    """
    from nba_pipeline.completeness.expectations import players_without_predictions
    from nba_pipeline.publishing.export import PUBLIC, latest_date, slate_files, write_local, write_store
    from nba_pipeline.publishing.gate import closed_because
    from nba_pipeline.publishing.page import page
    from nba_pipeline.publishing.slate import slate_document
    from nba_pipeline.systems import MOVING_AVERAGE
    from nba_pipeline.tables.registry import TABLES
    from nba_pipeline.warehouse.files import place

    _refuse_unreadable(runner, day)
    if day not in runner.warehouse.dates(TABLES["schedule"]):
        raise BadInput(f"the schedule of {day} is not loaded; first: `nba-pipeline run --date {day}`")
    rows, prices = _rows(runner, day), SETTINGS.publishing.prices
    if prices == "auto":
        prices = "all" if environment() == "sandbox" else "none"
    document = slate_document(rows, prices, _record(runner, has_prices=prices == "all"))
    if document.players:
        eligible, missing = players_without_predictions(runner.warehouse, [day], MOVING_AVERAGE.required)
        if document.state != "halted" and (reasons := closed_because(rows.predictions, eligible.height, missing.height)):
            return document, reasons
    latest = latest_date(place(public()) if public() else home() / PUBLIC)
    files = slate_files(document, page(document), is_latest=latest is None or day >= latest)
    if public():
        write_store(place(public()), files)
    else:
        write_local(home(), files)
    return document, []


def _refuse_unreadable(runner: "Runner", day: date) -> None:
    """Raises Damaged if rows of the date are unreadable. Without them, it would look like a date without games or predictions."""
    from nba_pipeline.tables.registry import TABLES

    runner.warehouse.check([TABLES["schedule"]], [day])
    lost, closed = runner.warehouse.lost(TABLES["schedule"]), runner.warehouse.closed(TABLES["predictions"], [day])
    if reasons := [of_table[day] for of_table in (lost, closed) if day in of_table]:
        raise Damaged(f"not published: {'; '.join(reasons)}")


def _place() -> str:
    """Returns where the files are published."""
    from nba_pipeline.publishing.export import PUBLIC

    return public() or str(home() / PUBLIC)


@app.command()
def export(
    validate: Annotated[bool, typer.Option("--validate", help="compare the published files with manifest and schemas")] = False,
) -> None:
    """Verify the published files; exit code 1 names each file that is missing, changed or invalid."""
    from nba_pipeline.publishing.export import MANIFEST, PUBLIC, problems

    if not validate:
        raise BadInput("export needs --validate; `nba-pipeline publish` writes the files")
    if public():
        raise BadInput(f"export --validate reads files of the home only, and NBA_PIPELINE_PUBLIC is {public()}")
    differences = problems(home() / PUBLIC)
    for problem in differences:
        print_error(problem)
    if not differences:
        number = len(json.loads((home() / PUBLIC / MANIFEST).read_text())["sha256"])
        print_line(f"{number} files are as recorded and fit their schemas")
    leave(int(bool(differences)))


@serve.command("public")
def serve_public(
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="port to listen on")] = 8400,
) -> None:
    """Serve the published files on this machine until Ctrl-C. Any static host can serve them as well."""
    from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

    from nba_pipeline.publishing.export import PUBLIC

    refuse_invalid_port(port)
    folder = home() / PUBLIC
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


def _rows(runner: "Runner", day: date) -> "SlateRows":
    """Reads the rows of a slate."""
    import polars as pl

    from nba_pipeline.publishing.slate import SlateRows
    from nba_pipeline.tables.registry import TABLES

    warehouse, yesterday = runner.warehouse, day - timedelta(days=1)
    # a backtest is made after the game, so it was never a forecast
    live = warehouse.scan(TABLES["predictions"], [day]).filter(pl.col("run_kind") == "live")
    predictions = live.sort("version", descending=True).collect()
    key = ("game_id", "player_id", "system_id", "market")
    names = (
        warehouse.scan(TABLES["predictions"], [yesterday]).select("prediction_id", "player_name", "team").unique("prediction_id")
    )
    grades = warehouse.scan(TABLES["grades"], [yesterday]).sort("grade_version", descending=True)
    latest = grades.unique([*key, "run_kind"], keep="first", maintain_order=True).filter(pl.col("run_kind") == "live")
    captures = (
        warehouse.scan(TABLES["prop_lines"], [day]).group_by("game_id").agg(pl.col("snapshot_at").max().alias("captured_at"))
    )
    return SlateRows(
        game_date=day,
        as_of=runner.clock.now(),
        schedule=warehouse.scan(TABLES["schedule"], [day]).collect(),
        predictions=predictions.unique(key, keep="first", maintain_order=True),
        captures=captures.collect(),
        graded=latest.join(names, on="prediction_id", how="inner").collect(),
        freshness=_freshness(runner, day),
        status=_status(runner, day),
        is_simulated=environment() == "sandbox",
        picks=_picks(runner, day),
        halt=_halt(runner),
        champion=_champion(runner),
    )


def _status(runner: "Runner", day: date) -> "dict[str, Any]":
    """Returns the record of the date in the status grid."""
    from nba_pipeline.monitoring import status as grid
    from nba_pipeline.monitoring.landed_dates import loaded_before
    from nba_pipeline.monitoring.run_facts import read_runs

    runs = read_runs(runner.instance, [day], runner.clock)
    [record] = grid.status(
        runner.warehouse, runner.landing, runner.clock, [day], runner.code_versions, loaded_before(runner.instance), runs
    )
    return record


def _picks(runner: "Runner", day: date) -> "pl.DataFrame":
    """Returns the best-ranked live pick of each player."""
    import polars as pl

    from nba_pipeline.tables.registry import TABLES

    live = runner.warehouse.scan(TABLES["picks"], [day]).filter((pl.col("run_kind") == "live") & pl.col("is_pick")).sort("rank")
    key = ["game_id", "player_id", "market"]
    return live.unique(key, keep="first", maintain_order=True).select(*key, "recommendation", "rank").collect()


def _halt(runner: "Runner") -> str:
    """Returns why picks are halted; empty if they are not. An unreadable ledger is a halt."""
    from nba_pipeline.governance.halts import read_halts, recorded

    try:
        halt = recorded(read_halts(runner.warehouse))
    except Damaged:
        return "picks are halted: the ledger halts cannot be read"
    return halt.message if halt.is_halted else ""


def _champion(runner: "Runner") -> str | None:
    """Returns the champion; None if the ledger of roles is unreadable."""
    from nba_pipeline.governance.roles import champion_of, read_decisions

    try:
        return champion_of(read_decisions(runner.warehouse))
    except Damaged:
        return None


def _freshness(runner: "Runner", day: date) -> dict[str, datetime]:
    """Returns source table -> newest snapshot of the date. A table without one is omitted."""
    import polars as pl

    from nba_pipeline.tables.registry import TABLES

    newest = {
        name: runner.warehouse.scan(TABLES[name], [day]).select(pl.col("snapshot_at").max()).collect().item()
        for name in SLATE_TABLES
        if "snapshot_at" in TABLES[name].dtypes
    }
    return {name: at for name, at in newest.items() if at is not None}


def _record(runner: "Runner", *, has_prices: bool) -> "Record":
    """Reads the record of the last days."""
    from nba_pipeline.cli.grades_rendering import GRADES
    from nba_pipeline.evaluation.graded_record import record_of
    from nba_pipeline.publishing.record import record_document

    last = runner.clock.today - timedelta(days=1)
    first = last - timedelta(days=SETTINGS.publishing.record_days - 1)
    grades = runner.warehouse.sql(GRADES.format(first=first, last=last))
    rows: list[dict[str, Any]] = record_of(grades).to_dicts() if grades.height else []
    return record_document(rows, first if rows else None, last if rows else None, runner.clock.now(), has_prices=has_prices)

"""Commands about a whole warehouse: migrate, backup, restore, copy."""

from pathlib import Path
from typing import Annotated

import typer

from nba_pipeline.cli.app import app, date_range, leave, open_runner
from nba_pipeline.cli.choices import one_of
from nba_pipeline.cli.consoles import print_error, print_line, report
from nba_pipeline.environments import environment, home
from nba_pipeline.errors import BadInput, did_you_mean
from nba_pipeline.tables.wording import counted


@app.command()
def migrate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="list the conversions; change nothing")] = False,
) -> None:
    """Convert a home of an older format. The conversion can be interrupted and repeated."""
    from nba_pipeline import definitions  # noqa: F401  # the modules of the assets register their tables
    from nba_pipeline.warehouse import migration
    from nba_pipeline.warehouse.old_leagues import is_of_old_league

    if environment() == "production":
        raise BadInput("migrate converts a local home, and NBA_PIPELINE_ENV is 'production'; set it to local or sandbox")
    partitions = migration.plan(home())
    is_old_league = environment() == "sandbox" and is_of_old_league(home())
    if partitions or not is_old_league:
        for line in migration.summary(home(), partitions):
            print_line(line)
    if not dry_run:
        for line in migration.migrate(home(), partitions):
            print_line(line)
    if is_old_league:
        _keep_old_league(dry_run=dry_run)
    leave(0)


def _keep_old_league(*, dry_run: bool) -> None:
    """Renames a home of an earlier simulated league, and creates a new one."""
    from nba_pipeline.instance.opening import has_instance, open_instance
    from nba_pipeline.orchestration.in_use import refuse_while_in_use
    from nba_pipeline.warehouse.old_leagues import keep_aside, kept_as

    if dry_run:
        print_line(f"the games are of an earlier version of the simulated league: the home becomes {kept_as(home())}")
        return
    if has_instance(home()):
        with open_instance(home()) as instance:
            refuse_while_in_use(instance, "migration")
    old = keep_aside(home())
    print_line(f"the games were of an earlier version of the simulated league: the home is kept as {old}, and {home()} is new")
    print_line(f"read it with NBA_PIPELINE_HOME={old}; begin with `nba-pipeline demo`")


@app.command()
def backup(folder: Annotated[Path, typer.Argument(help="a new or empty folder outside of the home")]) -> None:
    """Copy the ledgers with their manifests, the landing and the evaluations to a folder, and verify the copy."""
    from nba_pipeline.warehouse.backup import back_up

    runner = open_runner()
    receipt = back_up(
        runner.warehouse,
        runner.landing.root,
        folder,
        home=home(),
        environment=environment(),
        made_at=runner.clock.now(),
        report=report,
    )
    size = sum(entry.bytes for entry in receipt.files.values())
    print_line(f"verified: {counted(len(receipt.files), 'file')} in {folder}, {size / 1024**2:.1f} MiB")
    for finding in receipt.findings:
        print_line(f"differs from its record: {finding}", style="red")
    leave(int(bool(receipt.findings)))


@app.command()
def restore(
    folder: Annotated[Path, typer.Argument(help="a folder that `backup` made")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="list what is missing; add nothing")] = False,
) -> None:
    """Add the rows and files of a backup that are missing here; nothing existing is overwritten or deleted."""
    from nba_pipeline.warehouse.restore import restore as restore_backup

    runner = open_runner()
    restored = restore_backup(
        runner.warehouse, runner.landing.root, folder, home=home(), environment=environment(), dry_run=dry_run, report=report
    )
    rows = ", ".join(f"{counted(number, 'row')} of {name}" for name, number in restored.rows.items()) or "no rows"
    print_line(f"{'missing' if dry_run else 'added'}: {rows}, {counted(restored.files, 'file')}")
    for difference in restored.differences:
        print_line(difference, style="red")
    leave(int(bool(restored.differences)))


@app.command("copy")
def copy_tables(
    source: Annotated[str, typer.Option("--from-warehouse", help="local | bigquery")],
    target: Annotated[str, typer.Option("--to-warehouse", help="local | bigquery")],
    first: Annotated[str, typer.Option("--from", help="first US Eastern date")],
    last: Annotated[str, typer.Option("--to", help="last US Eastern date, included")],
    tables: Annotated[list[str] | None, typer.Option("--tables", help="only this table; may be given several times")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="list what would be written; write nothing")] = False,
) -> None:
    """Copy a range of dates from one warehouse to another, and compare the rows cell by cell."""
    from nba_pipeline.definitions import defs
    from nba_pipeline.environments import warehouse_of
    from nba_pipeline.league.calendar import days
    from nba_pipeline.tables.registry import TABLES
    from nba_pipeline.warehouse.copying import copy

    for option, name in (("--from-warehouse", source), ("--to-warehouse", target)):
        one_of(option, name, ("local", "bigquery"))
    if source == target:
        raise BadInput(f"--from-warehouse and --to-warehouse are both {source}")
    if unknown := sorted(set(tables or ()) - TABLES.keys()):
        raise BadInput(
            f"unknown table {', '.join(unknown)}; {did_you_mean(unknown[0], TABLES)}choose one of {', '.join(sorted(TABLES))}"
        )
    start, end = date_range(first, last)
    in_order = [key.path[-1] for key in defs.resolve_asset_graph().toposorted_asset_keys]
    names = [name for name in dict.fromkeys([*in_order, *TABLES]) if name in TABLES and (not tables or name in tables)]
    source_tables, target_tables = (warehouse_of("production" if name == "bigquery" else "local") for name in (source, target))
    if source == "bigquery":
        from nba_pipeline.warehouse.bigquery.format_1_source import source_of_copy

        source_tables = source_of_copy(source_tables)
    source_tables.preflight()
    target_tables.preflight()
    code = 0
    for record in copy(source_tables, target_tables, days(start, end), names, dry_run=dry_run):
        print_error(str(record), style="")
        for difference in record.differences:
            print_error(f"  {difference}")
        code |= bool(record.differences)
    leave(int(code))

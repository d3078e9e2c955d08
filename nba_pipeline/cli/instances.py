"""The command `instance migrate`: moves the run history of a home from SQLite to PostgreSQL."""

from typing import Annotated

import typer

from nba_pipeline.cli.app import instance, leave
from nba_pipeline.cli.consoles import print_line, working
from nba_pipeline.environments import database_of, home
from nba_pipeline.errors import BadInput


@instance.command()
def migrate(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="list the rows that would be moved; change nothing")] = False,
) -> None:
    """Move runs, events and schedules from SQLite to the PostgreSQL database of DAGSTER_POSTGRES_URL; can be repeated."""
    from nba_pipeline.instance.moving import keep_files_aside, move
    from nba_pipeline.instance.opening import is_in_postgres, is_in_sqlite

    database = database_of(home())
    if database is None:
        raise BadInput("DAGSTER_POSTGRES_URL is not set; set it to the database that receives the run history")
    if is_in_postgres(home()):
        keep_files_aside(home())  # an interrupted move may have left them
        print_line(f"the run history of {home()} is in PostgreSQL already")
        leave(0)
    if not is_in_sqlite(home()):
        print_line(f"the home {home()} has no run history; the next command starts one in PostgreSQL")
        leave(0)
    _refuse_while_in_use()
    with working("copying the run history"):
        moved = move(home(), database, dry_run=dry_run)
    for table, rows in moved.rows.items():
        left = f", {moved.left[table]:,} of deleted runs left" if table in moved.left else ""
        if rows or left:
            print_line(f"{table}: {rows:,} rows{left}")
    if dry_run:
        print_line("nothing was changed")
        leave(0)
    print_line(f"the run history is in PostgreSQL; the files of SQLite are kept as {home() / 'dagster'}/*.moved")
    leave(0)


def _refuse_while_in_use() -> None:
    """Raises Busy while a run or Dagster's daemon may write the history."""
    from nba_pipeline.instance.opening import open_folder
    from nba_pipeline.orchestration.in_use import refuse_while_in_use

    with open_folder(home() / "dagster") as old:
        refuse_while_in_use(old, "migration")

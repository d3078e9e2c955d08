"""Commands that repair: reconcile, waive, not-played, resolve, recheck, rebuild."""

import json
import sys
from typing import TYPE_CHECKING, Annotated

import typer

from nba_pipeline.cli.rendering import (
    err,
    out,
    print_rebuild,
    report,
)
from nba_pipeline.environments import clock, environment
from nba_pipeline.errors import BadInput
from nba_pipeline.league.calendar import parse_date, parse_instant
from nba_pipeline.orchestration.runner import Runner

if TYPE_CHECKING:
    pass

from nba_pipeline.cli.app import app, date_up_to_tomorrow, leave, runner

SPELLED_IN = {"boxscores": "player_name", "prop_lines": "spelling", "injuries": "spelling", "rosters": "spelling"}
"""Table with player names -> its column with the original spelling."""


@app.command()
def reconcile(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="say what is due and not done, and do nothing")] = False,
) -> None:
    """Run the work that is due but not done, oldest date first, as the daemon's reconciliation does."""
    work = runner()
    if dry_run:
        found = work.undone()
        for undone in found:
            out.print(f"{undone.name}: {undone.why}", highlight=False, soft_wrap=True)
        if not found:
            out.print("nothing that is due is undone", highlight=False)
        leave(int(bool(found)) | _print_closed(work))
    code = report(work, work.reconcile())
    leave(code | _print_closed(work))


def _print_closed(work: Runner) -> int:
    """Print the ledger dates that are closed until a backup is restored. Returns the exit code."""
    from nba_pipeline.orchestration.lost_partitions import closed_dates

    sentences = closed_dates(work.warehouse)
    for sentence in sentences:
        err.print(sentence, style="red", highlight=False, soft_wrap=True, markup=False)
    return int(bool(sentences))


@app.command()
def waive(
    day: Annotated[str, typer.Option("--date", help="the US Eastern date that may go on")],
    gate: Annotated[str, typer.Option(help="the gate that it may pass: enough_final_games_are_covered")],
    reason: Annotated[str, typer.Option(help="why, for whoever asks later")],
    author: Annotated[str, typer.Option(help="who says so")],
    until: Annotated[str | None, typer.Option(help="the instant at which the waiver ends; without it, for good")] = None,
) -> None:
    """Waive a closed gate for the complete games of a date; author, reason and end are recorded permanently."""
    from nba_pipeline.completeness import waivers as ledger

    slate = date_up_to_tomorrow(day, "--date")
    ends_at = parse_instant(until, "--until") if until is not None else None
    ledger.refuse_nonsense(clock().now(), slate, gate, reason, author, ends_at)
    work = runner()
    ledger.refuse_open_gate(work.warehouse, slate, gate)
    for sentence in ledger.waive(work.warehouse, work.clock.now(), slate, gate, reason, author, ends_at):
        out.print(sentence, highlight=False, soft_wrap=True, markup=False)
    leave(0)


@app.command("not-played")
def not_played(
    game: Annotated[str, typer.Option(help="game_id, the NBA's ten digits")],
    reason: Annotated[str, typer.Option(help="why, for whoever asks later")],
    author: Annotated[str, typer.Option(help="who says so")],
    take_back: Annotated[bool, typer.Option("--take-back", help="the game is or will be played: take the mark back")] = False,
) -> None:
    """Mark a game as not played: gates ignore it and its predictions are void; author and reason are recorded permanently."""
    from nba_pipeline.completeness import not_played as ledger

    ledger.refuse_empty(reason, author)
    work = runner()
    day, message = ledger.mark(work.warehouse, work.clock.now(), game, reason, author, not take_back)
    out.print(message, highlight=False, soft_wrap=True, markup=False)
    leave(report(work, work.follow_mark(day)))


@app.command()
def resolve(
    spelling: Annotated[str, typer.Option(help="the quarantined name, exactly as it was spelled")],
    player: Annotated[int, typer.Option(help="the NBA's person id that it means")],
    day: Annotated[str, typer.Option("--date", help="the date whose quarantine holds it; it is replayed")],
) -> None:
    """Assign a quarantined name to a player, and replay the date for the tables that quarantined it."""
    from nba_pipeline.assets.sources.players import RESOLUTIONS
    from nba_pipeline.league.name_resolution import IS_A_NAME_PROBLEM
    from nba_pipeline.tables.table import TABLES
    from nba_pipeline.warehouse.payloads import Slot

    slate = date_up_to_tomorrow(day, "--date")
    if player < 1:
        raise BadInput(f"--player must be a person id of the NBA, not {player}")
    work = runner()
    met = {
        table: set(parked["row"].str.json_path_match(f"$.{column}").drop_nulls())
        for table, column in SPELLED_IN.items()
        for parked in [work.warehouse.scan_quarantine(TABLES[table], [slate]).filter(IS_A_NAME_PROBLEM).collect()]
    }
    tables = [table for table, spellings in met.items() if spelling in spellings]
    if not tables:
        known = ", ".join(sorted(set().union(*met.values()))) or "nothing"
        raise BadInput(f"the quarantine of {', '.join(met)} on {slate} holds no {spelling!r}, but {known}")
    slot = Slot(*RESOLUTIONS, entity=f"{player}-{spelling}", game_date=slate)
    body = json.dumps({"player_id": player, "spelling": spelling}).encode()
    work.landing.keep(slot, body, fetched_at=work.clock.now())
    leave(report(work, (work.run("game_day", [table], slate, slate) for table in ("players", *tables))))


@app.command()
def recheck(day: Annotated[str, typer.Option("--date", help="the US Eastern date whose final games are read again")]) -> None:
    """Fetch the final games of a date again from every source, and apply corrections up to features and grades."""
    from nba_pipeline.definitions import defs
    from nba_pipeline.orchestration.recheck import Recheck, refuse_bad_date

    slate = parse_date(day, "--date")
    resources = defs.resources or {}
    # no Runner yet: opening Dagster's instance creates its folder
    resources["warehouse"].preflight()
    refuse_bad_date(resources["warehouse"], resources["archive"], clock(), slate)
    work = runner()
    rechecked = Recheck(work, slate)
    code = report(work, rechecked.run())
    for problem in () if rechecked.is_unanswered else rechecked.problems:
        err.print(f"  [yellow]warning[/] {problem}", highlight=False, soft_wrap=True)
    changes = rechecked.changes()
    for line in changes or (["nothing changed"] if not code and not rechecked.is_unanswered else []):
        out.print(line, highlight=False, soft_wrap=True, markup=False)
    if rechecked.is_unanswered:
        unanswered = "; ".join(rechecked.problems) or "the run left no record"
        err.print(
            f"not every source answered: {unanswered}; repeat `nba-pipeline recheck --date {slate}` later",
            style="red", highlight=False, soft_wrap=True, markup=False,
        )  # fmt: skip
    leave(code or int(rechecked.is_unanswered))


@app.command()
def rebuild(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print the plan and touch nothing")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask for confirmation")] = False,
) -> None:
    """Rebuild every table except the ledgers from the landing, offline; replace the old tables once all new ones are complete."""
    import nba_pipeline.definitions  # noqa: F401  # fills TABLES
    from nba_pipeline.environments import resources_for
    from nba_pipeline.orchestration import rebuild as rebuilding

    resources = resources_for(environment())
    resources["warehouse"].preflight()
    print_rebuild(rebuilding.plan_rebuild(resources["warehouse"], resources["landing"]))
    if dry_run:
        leave(0)
    if not yes and not sys.stdin.isatty():
        raise BadInput("rebuild replaces tables and asks for confirmation: run it in a terminal or pass --yes")
    if not yes and not typer.confirm("Replace these tables?"):
        raise BadInput("the rebuild was not confirmed; nothing was touched")
    code = report(work := runner(), work.rebuild())
    out.print("every table but the ledgers was replaced", highlight=False)
    leave(code)

"""Commands that repair: reconcile, repair, waive, not-played, resolve, recheck, rebuild."""

import json
import shlex
import sys
from datetime import date
from typing import TYPE_CHECKING, Annotated

import typer

from nba_pipeline.cli.app import app, date_of, date_up_to_tomorrow, leave, open_runner
from nba_pipeline.cli.consoles import print_error, print_line
from nba_pipeline.cli.demos import refuse_without_tables
from nba_pipeline.environments import clock, environment, now
from nba_pipeline.errors import BadInput, did_you_mean

if TYPE_CHECKING:
    from nba_pipeline.orchestration.repair import Missing
    from nba_pipeline.orchestration.runner import Runner

NOTHING_DUE = "nothing to do: everything that is due is done"

SPELLED_IN = {"boxscores": "player_name", "prop_lines": "spelling", "injuries": "spelling", "rosters": "spelling"}
"""Table with player names -> its column with the original spelling."""


@app.command()
def reconcile(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="list what is due and not done; change nothing")] = False,
    day: Annotated[
        str | None, typer.Option("--date", help="only the work of this US Eastern date; then compare its phases")
    ] = None,
) -> None:
    """Run the work that is due but not done, oldest date first, as the daemon's reconciliation does.

    With --date, also compare the phases of the date: exit code 1 if one has less than 80 % of the one before.
    """
    from nba_pipeline.cli.outcomes import report

    slate = date_up_to_tomorrow(day, "--date") if day else None
    runner = open_runner(sends_requests=True)
    if slate and not any(due.game_date == slate for due in runner.undone()):
        _refuse_unknown(runner, slate)
    if dry_run:
        due_work = [due for due in runner.undone() if slate in (None, due.game_date)]
        for due in due_work:
            print_line(f"{due.name}: {due.why}")
        if not due_work:
            print_line(NOTHING_DUE)
        leave(int(bool(due_work)) | _print_closed(runner) | _print_phases(runner, slate))
    repeat = "nba-pipeline reconcile" + (f" --date {slate}" if slate else "")
    code = report(runner, runner.reconcile(slate), repeat, message_if_none=NOTHING_DUE)
    leave(code | _print_closed(runner) | _print_phases(runner, slate))


def _print_phases(runner: "Runner", slate: date | None) -> int:
    """Print the comparison of a date's phases. Returns the exit code: 1 if one is an error."""
    from nba_pipeline.cli.phases_rendering import print_phases
    from nba_pipeline.monitoring.phases import compare_phases

    if slate is None:
        return 0
    if not _is_loaded(runner, slate):
        print_error(f"the schedule of {slate} is not loaded, so its phases cannot be compared")
        return 1
    comparisons = compare_phases(runner.warehouse, runner.landing, runner.clock, slate)
    print_phases(slate, comparisons)
    return int(any(comparison.verdict == "error" for comparison in comparisons))


def _is_loaded(runner: "Runner", slate: date) -> bool:
    """Whether the schedule of a date is loaded. If it is not, the games of the date are unknown."""
    from nba_pipeline.tables.registry import TABLES

    return slate in runner.warehouse.dates(TABLES["schedule"])


def _refuse_unknown(runner: "Runner", slate: date) -> None:
    """Raises BadInput for a date whose schedule is not loaded, and for one before the first stored date."""
    from nba_pipeline.completeness.next_steps import loading_command
    from nba_pipeline.orchestration.repair import refuse_before_history

    if not _is_loaded(runner, slate):
        is_past = slate < runner.clock.today
        first = loading_command(runner.warehouse, slate) if is_past else f"nba-pipeline run --date {slate}"
        raise BadInput(f"the schedule of {slate} is not loaded; first: {first}")
    refuse_before_history(runner, slate)


@app.command()
def repair(
    day: Annotated[str, typer.Option("--date", help="US Eastern date to complete")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="list what the date lacks; change nothing")] = False,
) -> None:
    """Run exactly the tables of a date that lack rows, then compare the date again; exit code 1 if something is still missing."""
    from nba_pipeline.cli.outcomes import report
    from nba_pipeline.orchestration import repair as repairing

    slate = date_up_to_tomorrow(day, "--date")
    runner = open_runner(sends_requests=True)
    refuse_without_tables(runner.warehouse, slate)
    repairing.refuse(runner, slate)
    missing = repairing.find_missing(runner, slate)
    if not missing.tables:
        _refuse_unknown(runner, slate)
    _print_missing(slate, missing)
    if dry_run or not missing.tables:
        leave(int(bool(missing.tables or missing.blocked)))
    code = report(runner, repairing.repair(runner, slate), f"nba-pipeline repair --date {slate}")
    remaining = repairing.find_missing(runner, slate)
    print_line(f"\nafter the repair of {slate}:")
    _print_missing(slate, remaining)
    leave(code | int(bool(remaining.tables or remaining.blocked)))


def _print_missing(slate: date, missing: "Missing") -> None:
    """Print what a date lacks, or that it lacks nothing."""
    for name, why in missing.tables.items():
        print_line(f"  {name}: {why}")
    for name, why in missing.blocked.items():
        print_line(f"  {name}: incomplete and not repaired: {why}", style="yellow")
    if not missing.tables and not missing.blocked:
        print_line(f"nothing is missing on {slate}")
    elif missing.tables:
        print_line(f"  cause: nba-pipeline explain --date {slate}")


def _print_closed(runner: "Runner") -> int:
    """Print the ledger dates that are closed until a backup is restored. Returns the exit code."""
    from nba_pipeline.orchestration.lost_partitions import closed_dates

    messages = closed_dates(runner.warehouse)
    for message in messages:
        print_error(message)
    return int(bool(messages))


@app.command()
def waive(
    day: Annotated[str, typer.Option("--date", help="US Eastern date whose gate is waived")],
    gate: Annotated[str, typer.Option(help="the gate to open: enough_final_games_are_covered")],
    reason: Annotated[str, typer.Option(help="why; recorded permanently")],
    author: Annotated[str, typer.Option(help="who decides; recorded permanently")],
    until: Annotated[str | None, typer.Option(help="instant at which the waiver ends; default never")] = None,
) -> None:
    """Waive a closed gate for the complete games of a date; author, reason and end are recorded permanently."""
    from nba_pipeline.completeness import waivers as ledger
    from nba_pipeline.league.calendar import parse_instant

    slate = date_up_to_tomorrow(day, "--date")
    ends_at = parse_instant(until, "--until") if until is not None else None
    ledger.refuse_invalid_waiver(now(), slate, gate, reason, author, ends_at)
    runner = open_runner()
    ledger.refuse_open_gate(runner.warehouse, slate, gate)
    for message in ledger.waive(runner.warehouse, runner.clock.now(), slate, gate, reason, author, ends_at):
        print_line(message)
    leave(0)


@app.command("not-played")
def not_played(
    game: Annotated[str, typer.Option(help="game_id, the NBA's ten digits")],
    reason: Annotated[str, typer.Option(help="why; recorded permanently")],
    author: Annotated[str, typer.Option(help="who decides; recorded permanently")],
    take_back: Annotated[bool, typer.Option("--take-back", help="withdraw the mark: the game is or will be played")] = False,
) -> None:
    """Mark a game as not played: gates ignore it and its predictions are void; author and reason are recorded permanently."""
    from nba_pipeline.cli.outcomes import report
    from nba_pipeline.completeness import not_played as ledger

    ledger.refuse_empty(reason, author)
    runner = open_runner()
    day, message = ledger.mark(runner.warehouse, runner.clock.now(), game, reason, author, not take_back)
    print_line(message)
    leave(report(runner, runner.follow_mark(day), f"nba-pipeline run --date {day} --mode overnight"))


@app.command()
def resolve(
    spelling: Annotated[str, typer.Option(help="the quarantined name, exactly as it was spelled")],
    player: Annotated[int, typer.Option(help="the NBA's id of the player")],
    day: Annotated[str, typer.Option("--date", help="US Eastern date of the quarantined name; the date is replayed")],
    reason: Annotated[str, typer.Option(help="why; recorded permanently")] = "",
    author: Annotated[str, typer.Option(help="who decides; recorded permanently; default the user")] = "",
) -> None:
    """Assign a quarantined name to a player, and replay the date for the tables that quarantined it."""
    from nba_pipeline.assets.sources.players import RESOLUTIONS
    from nba_pipeline.cli.outcomes import report
    from nba_pipeline.instance.command_runs import user
    from nba_pipeline.league.name_resolution import IS_A_NAME_PROBLEM
    from nba_pipeline.tables.registry import TABLES
    from nba_pipeline.warehouse.payloads import Slot

    slate = date_up_to_tomorrow(day, "--date")
    if player < 1:
        raise BadInput(f"--player must be a person id of the NBA, not {player}")
    runner = open_runner()
    quarantined = {
        table: set(rows["row"].str.json_path_match(f"$.{column}").drop_nulls())
        for table, column in SPELLED_IN.items()
        for rows in [runner.warehouse.scan_quarantine(TABLES[table], [slate]).filter(IS_A_NAME_PROBLEM).collect()]
    }
    tables = [table for table, spellings in quarantined.items() if spelling in spellings]
    if not tables:
        spellings = sorted(set().union(*quarantined.values()))
        names = f"{did_you_mean(spelling, spellings)}it has {', '.join(spellings)}" if spellings else "it has no names"
        raise BadInput(f"the quarantine of {', '.join(quarantined)} on {slate} has no {spelling!r}; {names}")
    slot = Slot(*RESOLUTIONS, entity=f"{player}-{spelling}", game_date=slate)
    decision = {"player_id": player, "spelling": spelling, "author": author.strip() or user(), "reason": reason.strip()}
    body = json.dumps(decision).encode()
    runner.landing.keep(slot, body, fetched_at=runner.clock.now())
    repeat = f"nba-pipeline resolve --spelling {shlex.quote(spelling)} --player {player} --date {slate}"
    leave(report(runner, (runner.run("game_day", [table], slate, slate) for table in ("players", *tables)), repeat))


@app.command()
def recheck(day: Annotated[str, typer.Option("--date", help="US Eastern date whose final games are fetched again")]) -> None:
    """Fetch the final games of a date again from every source, and apply corrections up to features and grades."""
    from nba_pipeline.cli.outcomes import report
    from nba_pipeline.definitions import defs
    from nba_pipeline.orchestration.recheck import Recheck, refuse_bad_date

    slate = date_of(day, "--date")
    resources = defs.resources or {}
    # no Runner yet: opening Dagster's instance creates its folder
    resources["warehouse"].preflight()
    refuse_bad_date(resources["warehouse"], resources["archive"], clock(), slate)
    runner = open_runner(sends_requests=True)
    rechecked = Recheck(runner, slate)
    code = report(runner, rechecked.run(), f"nba-pipeline recheck --date {slate}")
    for problem in () if rechecked.is_unanswered else rechecked.problems:
        print_error(f"  warning {problem}", style="yellow")
    changes = rechecked.changes()
    for line in changes or (["nothing changed"] if not code and not rechecked.is_unanswered else []):
        print_line(line)
    if rechecked.is_unanswered:
        unanswered = "; ".join(rechecked.problems) or "the run left no record"
        print_error(f"not every source answered: {unanswered}; repeat `nba-pipeline recheck --date {slate}` later")
    leave(code or int(rechecked.is_unanswered))


@app.command()
def rebuild(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="print the plan; change nothing")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="do not ask for confirmation")] = False,
) -> None:
    """Rebuild every table except the ledgers from the landing, offline; replace the old tables once all new ones are complete."""
    import nba_pipeline.definitions  # noqa: F401  # fills TABLES
    from nba_pipeline.cli.outcomes import print_rebuild, report
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
        raise BadInput("the rebuild was not confirmed; nothing was changed")
    code = report(runner := open_runner(), runner.rebuild(), "nba-pipeline rebuild")
    print_line("every table except the ledgers was replaced")
    leave(code)

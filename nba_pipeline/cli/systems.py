"""Commands that govern publication: systems list, promote and retire; halt and resume."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from nba_pipeline.cli.app import app, leave, open_runner, systems
from nba_pipeline.cli.choices import one_of
from nba_pipeline.cli.consoles import out, print_error, print_line

if TYPE_CHECKING:
    import polars as pl

    from nba_pipeline.orchestration.runner import Runner

Reason = Annotated[str, typer.Option(help="why; recorded permanently")]
Author = Annotated[str, typer.Option(help="who decides; recorded permanently")]
SystemId = Annotated[str, typer.Argument(help="the system, as `systems list` names it")]


@systems.command("list")
def list_systems(style: Annotated[str, typer.Option("--format", help="table | json")] = "table") -> None:
    """Show the role and decay state of each system, every decision, and whether picks are halted."""
    from nba_pipeline.cli.systems_rendering import print_systems
    from nba_pipeline.governance.decay_states import decays_of, read_windows
    from nba_pipeline.governance.halts import read_halts, recorded
    from nba_pipeline.governance.roles import read_decisions

    one_of("--format", style, ("table", "json"))
    runner = open_runner()
    decisions = read_decisions(runner.warehouse)
    roles = _roles(runner, decisions)
    decays = decays_of(read_windows(runner.warehouse, runner.clock.today), list(roles))
    halt = recorded(read_halts(runner.warehouse))
    if style == "json":
        states = {
            name: {"role": role, "state": decays[name].state, "is_thin": decays[name].is_thin} for name, role in roles.items()
        }
        print(json.dumps({"systems": states, "decisions": decisions.to_dicts(), "halt": halt.message}, default=str, indent=1))
    else:
        print_systems(roles, decays, decisions, halt, out)
    leave(0)


@systems.command()
def promote(system_id: SystemId, reason: Reason, author: Author) -> None:
    """Make a system the champion if it passes every gate. The evidence is stored with the decision; nothing can force it."""
    from nba_pipeline.formulas.promotion import evidence, refused
    from nba_pipeline.governance import roles as ledger
    from nba_pipeline.governance.evidence import judge_promotion
    from nba_pipeline.governance.records import refuse_empty
    from nba_pipeline.systems import PROMOTABLE

    refuse_empty(reason=reason, author=author)
    runner = open_runner()
    decisions = ledger.read_decisions(runner.warehouse)
    ledger.refuse(ledger.PROMOTE, system_id, _roles(runner, decisions))
    champion = ledger.champion_of(decisions)
    rows, gates = judge_promotion(runner.warehouse, runner.clock.today, system_id, champion, trained_members(system_id))
    for gate in gates:
        print_line(f"{'passed' if gate.passed else 'failed'} {gate.name}: {gate.value} (required: {gate.limit})")
    if messages := refused(gates):
        print_error(f"nba-pipeline: {system_id} is not promoted: {'; '.join(messages)}")
        leave(1)
    decisions = ledger.record_initial(runner.warehouse, runner.clock.now(), decisions, PROMOTABLE)
    stored = evidence(gates, rows)
    print_line(ledger.promote(runner.warehouse, runner.clock.now(), decisions, system_id, reason, author, stored))
    leave(0)


@systems.command()
def retire(system_id: SystemId, reason: Reason, author: Author) -> None:
    """Retire a system: it keeps its predictions and can never become the champion."""
    from nba_pipeline.governance import roles as ledger
    from nba_pipeline.governance.records import refuse_empty
    from nba_pipeline.systems import PROMOTABLE

    refuse_empty(reason=reason, author=author)
    runner = open_runner()
    decisions = ledger.read_decisions(runner.warehouse)
    roles = _roles(runner, decisions)
    ledger.refuse(ledger.RETIRE, system_id, roles)  # before the initial decision is recorded
    decisions = ledger.record_initial(runner.warehouse, runner.clock.now(), decisions, PROMOTABLE)
    print_line(ledger.retire(runner.warehouse, runner.clock.now(), decisions, roles, system_id, reason, author))
    leave(0)


@app.command()
def halt(reason: Reason, author: Author) -> None:
    """Halt the picks from the next run on, or confirm the present halt."""
    from nba_pipeline.governance import halts

    halts.refuse_bad_author(reason, author)
    runner = open_runner()
    print_line(halts.halt(runner.warehouse, runner.clock.now(), reason, author))
    leave(0)


@app.command()
def resume(reason: Reason, author: Author) -> None:
    """Resume the picks after a halt by an operator."""
    from nba_pipeline.governance import halts

    halts.refuse_bad_author(reason, author)
    runner = open_runner()
    print_line(halts.resume(runner.warehouse, runner.clock.now(), reason, author))
    leave(0)


def trained_members(system_id: str) -> list[str]:
    """Returns the trained systems that a system uses: itself, or the members of a combination."""
    from nba_pipeline.systems import SYSTEMS, TRAINED_SYSTEMS, Combination

    trained = {system.system_id for system in TRAINED_SYSTEMS}
    system = next(system for system in SYSTEMS if system.system_id == system_id)
    members = system.members if isinstance(system, Combination) else (system_id,)
    return [name for name in members if name in trained]


def _roles(runner: "Runner", decisions: "pl.DataFrame") -> dict[str, str]:
    from nba_pipeline.governance.roles import roles_of
    from nba_pipeline.systems import PROMOTABLE
    from nba_pipeline.tables.registry import TABLES

    predicted = runner.warehouse.scan(TABLES["predictions"]).select("system_id").unique().collect()["system_id"]
    return roles_of(decisions, PROMOTABLE, predicted.to_list())

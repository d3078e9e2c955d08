"""The command `slo`: the attainment of the service levels, and the error budget that is left."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nba_pipeline.cli.app import app, leave, open_runner
from nba_pipeline.cli.choices import one_of
from nba_pipeline.cli.consoles import out, print_line, report, working

if TYPE_CHECKING:
    from nba_pipeline.monitoring.service_levels import Attainment


@app.command()
def slo(style: Annotated[str, typer.Option("--format", help="table | json")] = "table") -> None:
    """Show how the service levels were met in the last 7 and 30 days; exit code 1 if more than an error budget was spent."""
    from nba_pipeline.instance.instigators import read_instigators
    from nba_pipeline.monitoring.latency_facts import began_at
    from nba_pipeline.monitoring.service_level_facts import read_facts
    from nba_pipeline.monitoring.service_levels import attainments, exhausted

    one_of("--format", style, ("table", "json"))
    runner = open_runner()
    since = began_at(list(read_instigators(runner.instance).values()))
    if since is None:
        message = "no daemon has run in this home, so no service level can be judged; start it with `make dev`"
        if style == "json":
            print("[]")
            report(message)
        else:
            print_line(message)
        leave(0)
    now = runner.clock.now()
    with working("reading runs and payloads"):
        attained = attainments(read_facts(runner.instance, runner.warehouse, runner.landing, since, now), now)
    if style == "json":
        print(json.dumps([_record(attainment) for attainment in attained], indent=1))
    else:
        _print(attained)
    leave(int(bool(exhausted(attained))))


def _record(attainment: "Attainment") -> dict[str, Any]:
    return {
        "objective": attainment.objective.name,
        "description": attainment.objective.description,
        "measure": attainment.objective.measure,
        "target": attainment.objective.target,
        "days": attainment.days,
        "unit": attainment.objective.unit,
        "units": attainment.units,
        "good": attainment.good,
        "unknown": attainment.unknown,
        "share": attainment.share,
        "value": attainment.value,
        "budget_left": attainment.budget_left,
        "is_met": attainment.is_met,
    }


def _print(attained: "list[Attainment]") -> None:
    """Prints a row per objective and window."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    from nba_pipeline.monitoring.service_levels import text_of
    from nba_pipeline.tables.wording import counted

    table = Table(box=SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in ("objective", "days", "target", "attained", "of", "error budget left"):
        table.add_column(name, justify="left" if name == "objective" else "right")
    for attainment in attained:
        budget = "" if attainment.budget_left is None else f"{attainment.budget_left:.0%}"
        style = "red" if attainment.is_met is False else None
        table.add_row(
            attainment.objective.description,
            str(attainment.days),
            text_of(attainment.objective, attainment.objective.target),
            text_of(attainment.objective, attainment.value),
            counted(attainment.units, attainment.objective.unit),
            budget,
            style=style,
        )
    out.print(table)
    if any(one.value is None and not one.is_observed for one in attained if one.objective.measure == "rate"):
        print_line("A rate per week is unknown until the daemon has run for all days of its window.")
    if unknown := max(attainment.unknown for attainment in attained):
        print_line(f"Up to {unknown} units per row cannot be judged yet and are not counted.")

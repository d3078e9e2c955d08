"""Outcomes, plans and ratings of runs on the terminal. `report` returns the exit code."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

import httpx
from rich.table import Table as RichTable

from nba_pipeline.cli.consoles import err, out
from nba_pipeline.orchestration.backfill import ACCEPTABLE, EXCELLENT, Step
from nba_pipeline.orchestration.runner import Outcome, Runner

if TYPE_CHECKING:
    from nba_pipeline.orchestration.rebuild import Plan

DATES_NAMED = 10


def report(work: Runner, outcomes: Iterable[Outcome], is_brief: bool = False) -> int:
    """Print the outcome of each run when it ends, and return the exit code.

    With `is_brief`, warnings and closed gates are counted instead of listed, and closed gates do not affect the exit code.
    """
    code = 0
    for outcome in outcomes:
        mark = "[green]done[/]" if outcome.succeeded else "[red]failed[/]"
        told = len(outcome.warnings) + len(outcome.closed)
        noted = f", {told} checks failed without stopping it" if is_brief and told else ""
        err.print(f"{mark} {outcome.title} in {outcome.seconds:.1f} s{noted}", highlight=False)
        refused = [i for i in work.landing.incidents(run_id=outcome.run_id) if i["status"] == httpx.codes.UNAUTHORIZED]
        stopped = [*outcome.failures, *dict.fromkeys(str(incident["problem"]) for incident in refused)]
        for sentence in () if is_brief else outcome.warnings:
            err.print(f"  [yellow]warning[/] {sentence}", highlight=False, soft_wrap=True)
        for sentence in () if is_brief else outcome.closed:
            err.print(f"  [red]closed[/] {sentence}", highlight=False, soft_wrap=True)
        for sentence in stopped:
            err.print(f"  [red]{sentence}[/]", highlight=False, soft_wrap=True)
        code |= int(bool(stopped or (outcome.closed and not is_brief)))
    return code


def print_plan(steps: Sequence[Step], noted: Iterable[str]) -> None:
    """Print one row per step of a backfill, with the number of existing dates, then the notes."""
    table = RichTable(box=None, pad_edge=False)
    for column in ("pass", "job", "dates", "number", "there", "", "tables"):
        table.add_column(column, justify="right" if column in ("number", "there") else "left", overflow="fold")
    for step in steps:
        table.add_row(
            step.part, step.job, step.when, str(step.number_of_dates), str(step.there), _fate(step), ", ".join(step.tables)
        )
    out.print(table)
    for sentence in noted:
        out.print(f"[yellow]note[/] {sentence}", highlight=False, soft_wrap=True)
    number = sum(not step.is_left_out for step in steps)
    out.print(f"{number} runs; nothing was touched", highlight=False)


def print_rebuild(plan: "Plan") -> None:
    """Print the tables that a rebuild replaces and keeps, and the number of runs that it repeats."""
    table = RichTable(box=None, pad_edge=False)
    for column in ("table", "dates", "rows", ""):
        table.add_column(column, justify="right" if column in ("dates", "rows") else "left")
    for fate, some in (("replaced", plan.replaced), ("kept: ledger", plan.kept)):
        for held in some:
            table.add_row(held.name, f"{held.dates:,}", f"{held.rows:,}", fate)
    out.print(table)
    out.print(f"{len(plan.runs)} runs are repeated from the landing", highlight=False)


def report_skipped(step: Step) -> None:
    """Print a step that a running backfill skips."""
    err.print(f"[dim]skipped[/] {step.job} {step.when}: {_fate(step)}", highlight=False)


def _fate(step: Step) -> str:
    """Returns whether a step will run, or why it is skipped."""
    if step.part == "models":
        return "there, or nothing new to be trained on" if step.is_left_out else "no model"
    return "complete" if step.is_left_out else "to run"


def print_rating(rated: Mapping[str, Sequence[date]]) -> None:
    """Print the number of excellent, acceptable and failed dates of a backfill, and the first failed dates."""
    least = {"excellent": f">= {EXCELLENT:.0%}", "acceptable": f">= {ACCEPTABLE:.0%}", "failed": f"< {ACCEPTABLE:.0%}"}
    told = ", ".join(f"{len(rated[name])} {name} ({share})" for name, share in least.items())
    without = len(rated["without final games"])
    out.print(
        f"Dates by final games with a complete box score: {told}; {without} without final games", highlight=False, soft_wrap=True
    )
    if failed := rated["failed"]:
        names = ", ".join(map(str, failed[:DATES_NAMED])) + (" ..." if len(failed) > DATES_NAMED else "")
        out.print(f"failed: {names}", style="red", highlight=False, soft_wrap=True)

"""The tables of `nba-pipeline systems list`."""

from collections.abc import Mapping

import polars as pl
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from nba_pipeline.formulas.decay import Decay
from nba_pipeline.governance.halts import Halt


def print_systems(
    roles: Mapping[str, str], decays: Mapping[str, Decay], decisions: pl.DataFrame, halt: Halt, console: Console
) -> None:
    """Print a row per system, a row per decision, and the halt."""
    table = RichTable("system", "role", "state", "gap to the line", "N", "since")
    for name, role in roles.items():
        decay = decays[name]
        gap = f"{decay.gap:+.2f}" if decay.gap is not None else ""
        state = f"{decay.state} (thin)" if decay.is_thin else decay.state
        table.add_row(name, role, state, gap, str(decay.n or ""), str(decay.since or ""))
    console.print(table)
    if decisions.height:
        decision_table = RichTable("decision", "system", "role", "date", "author", "reason")
        for row in decisions.iter_rows(named=True):
            decision_table.add_row(
                row["decision"],
                row["system_id"],
                row["role"],
                str(row["game_date"]),
                escape(row["author"]),
                escape(row["reason"]),
            )
        console.print(decision_table)
    console.print(halt.message, highlight=False, markup=False)

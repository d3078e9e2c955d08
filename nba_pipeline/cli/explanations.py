"""The command `help`: what a state, gate, check, alert kind, reason, role, table or word is, and what to do about it."""

from collections.abc import Iterator, Mapping
from typing import Annotated

import typer

from nba_pipeline.cli.app import app, leave
from nba_pipeline.cli.consoles import print_line
from nba_pipeline.cli.glossary import glossary
from nba_pipeline.cli.record_terms import DECAY_STATES, HALTS, PICK_RULES, ROLES
from nba_pipeline.cli.terms import ALERTS, FLAGS, GATES, REASONS, STATES, UNPUBLISHED, Term
from nba_pipeline.errors import BadInput, did_you_mean
from nba_pipeline.tables import catalog

LISTS: Mapping[str, Mapping[str, Term]] = {
    "state": STATES,
    "gate": GATES,
    "alert": ALERTS,
    "reason": {**REASONS, **FLAGS, **UNPUBLISHED},
    "role": ROLES,
    "decay": DECAY_STATES,
    "rule": PICK_RULES,
    "halt": HALTS,
}
"""Kind -> its terms. Checks and tables are in the catalog."""

KINDS = (*LISTS, "check", "table", "word")


@app.command("help")
def explain(
    term: Annotated[str | None, typer.Argument(help=f"a name, or one of {', '.join(KINDS)} to list all of a kind")] = None,
) -> None:
    """Explain a state, gate, check, alert kind, reason, role, decay state, pick rule, halt, table or word, and the next step."""
    if term is None:
        print_line("`nba-pipeline --help` lists the commands.")
        print_line(f"`nba-pipeline help <kind>` lists all names of a kind: {', '.join(KINDS)}.")
        print_line("`nba-pipeline help <name>` explains one of them, such as LATE or low_edge.")
        leave(0)
    lines = list(_of_kind(term.lower())) or list(_of_name(term))
    if not lines:
        raise BadInput(
            f"{term!r} is not a {', '.join(KINDS[:-1])} or {KINDS[-1]}; {did_you_mean(term, names())}see `nba-pipeline help`"
        )
    for line in lines:
        print_line(line)
    leave(0)


def names() -> list[str]:
    """Returns every name that `help` explains."""
    return [
        *(name for terms in LISTS.values() for name in terms),
        *catalog.checks(),
        *catalog.tables(),
        *catalog.views(),
        *glossary(),
        *KINDS,
    ]


def _of_kind(kind: str) -> Iterator[str]:
    """Yields what a kind is, then its names, each with its meaning."""
    if kind in KINDS and kind in glossary():
        yield f"{kind}: {glossary()[kind]}"
    for name, term in LISTS.get(kind, {}).items():
        yield f"{name}: {term.meaning}"
    if kind == "check":
        yield from (f"{check.name}: {_first(check)}" for check in catalog.checks().values())
    if kind == "table":
        yield from (f"{table.name}: {table.summary}" for table in catalog.tables().values())
        yield from (f"{name}: {meaning}" for name, meaning in catalog.views().items())
    if kind == "word":
        yield from (f"{name}: {meaning}" for name, meaning in glossary().items())


def _of_name(name: str) -> Iterator[str]:
    """Yields the lines about a name. A name can have several kinds: every gate is also a check."""
    by_lower = {spelled.lower(): spelled for spelled in names()}
    name = by_lower.get(name.lower(), name)
    for kind, terms in LISTS.items():
        if term := terms.get(name):
            yield f"{name} ({kind}): {term.meaning}"
            yield from (f"Next: {step}" for step in [term.next_step] if step)
    if meaning := glossary().get(name):
        yield f"{name} (word): {meaning}"
    if check := catalog.checks().get(name):
        for summary, tables in check.summaries.items():
            yield f"{name} (check of {', '.join(tables)}): {summary}"
        yield f"It stops the tables after {', '.join(check.blocking)}." if check.blocking else "It reports and stops nothing."
    if table := catalog.tables().get(name):
        yield f"{name} (table): {table.summary}"
        yield f"Key: {', '.join(table.key)}. Columns: {', '.join(table.types)}"
    if meaning := catalog.views().get(name):
        yield f"{name} (view): {meaning}"
        yield f'Columns: nba-pipeline sql "DESCRIBE {name}"'


def _first(check: catalog.CatalogCheck) -> str:
    """Returns the meaning of a check, with a note if it differs by table."""
    first, *more_summaries = check.summaries
    return first if not more_summaries else f"{first} The meaning differs by table: `nba-pipeline help {check.name}`."

"""The data dictionary: every table with its columns, written from the schemas.

It is the page `docs/data-dictionary.md`; `make generated` writes it again after a change of a table.
"""

from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import polars as pl

from nba_pipeline.definitions import build_definitions
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Table

PAGE = Path(__file__).parents[2] / "docs" / "data-dictionary.md"
STAGES = ("sources", "summaries", "features", "predictions", "grades")
RECORDS = "records"
"""Heading of the tables that no asset makes."""
INSTANT = str(pl.Datetime("us", "UTC"))

HEADER = """# Data dictionary

Every table with its grain, key and columns. The page is generated from the schemas:

    make generated

These conventions hold in every table:

- `game_date` is the US Eastern date of the game. Tables are partitioned by it.
- Columns that end in `_at` are UTC instants. Columns that end in `_pct` are fractions from 0 to 1.
- Null means unknown. Statistics of a player who did not play are null, never 0.
- A run replaces its dates in a table that is written by `replace`. Rows are only added to a table that is written by `add`.
- A row that breaks a type, a range or a rule goes to the [quarantine](glossary.md#quarantine) with its reason.
"""


def data_dictionary() -> Iterator[str]:
    """The lines of the page."""
    specs = {spec.key.path[-1]: spec for spec in build_definitions("sandbox").resolve_all_asset_specs()}
    by_stage: dict[str, list[str]] = {stage: [] for stage in (*STAGES, RECORDS)}
    for name in sorted(TABLES):
        by_stage[specs[name].group_name or RECORDS if name in specs else RECORDS].append(name)
    yield HEADER
    yield from (f"- {stage}: {', '.join(f'[{name}](#{name})' for name in names)}" for stage, names in by_stage.items())
    for name in (name for names in by_stage.values() for name in names):
        yield from _table(TABLES[name], specs.get(name))


def _table(table: Table, spec: dg.AssetSpec | None) -> Iterator[str]:
    yield f"\n## {table.name}\n"
    yield (spec.description if spec else None) or f"**Grain:** one row per {table.grain}"
    yield f"\n**Key:** {', '.join(f'`{name}`' for name in table.key)}. **Written by:** `{table.write}`."
    if rules := _rules(table):
        yield f"\n**Rules:** {', '.join(f'`{rule}`' for rule in rules)}."
    yield "\n| column | type | null | range | description |\n|---|---|---|---|---|"
    for column in table.column_schema().columns:
        kind = column.type.replace(INSTANT, "Datetime (UTC)")
        null, limits = "yes" if column.constraints.nullable else "no", ", ".join(column.constraints.other)
        description = (column.description or "").replace("|", r"\|")
        yield f"| `{column.name}` | {kind} | {null} | {limits} | {description} |"


def _rules(table: Table) -> list[str]:
    _, failures = table.schema.filter(table.empty().select(table.schema.column_names()))
    return sorted(rule for rule in set(failures.details().columns) - table.dtypes.keys() if "|" not in rule)


def test_the_data_dictionary_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8").splitlines() == "\n".join(data_dictionary()).splitlines(), "run `make generated`"


def test_every_column_has_a_description() -> None:
    missing = [
        f"{table.name}.{name}" for table in TABLES.values() for name, column in table.columns.items() if not column.description
    ]
    assert not missing, f"{', '.join(missing)}: give the column a description"


if __name__ == "__main__":
    print("\n".join(data_dictionary()))  # noqa: T201

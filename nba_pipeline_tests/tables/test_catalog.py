"""The catalog agrees with the definitions. `make generated` writes it again after a change of a table or check."""

import json
from pathlib import Path
from typing import Any

import nba_pipeline.tables
from nba_pipeline.definitions import build_definitions
from nba_pipeline.tables import catalog
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.views import descriptions

FILE = Path(str(nba_pipeline.tables.__file__)).with_name(catalog.FILE)


def generated() -> dict[str, Any]:
    """The content of the file."""
    definitions = build_definitions("sandbox")
    meanings = {spec.key.path[-1]: spec.description or "" for spec in definitions.resolve_all_asset_specs()}
    graph = definitions.resolve_asset_graph()
    order = [key.path[-1] for key in graph.toposorted_asset_keys if key.path[-1] in TABLES]
    nodes = sorted((graph.get(key) for key in graph.asset_check_keys), key=lambda node: (node.key.name, str(node.key)))
    checks: dict[str, Any] = {}
    for node in nodes:
        entry = checks.setdefault(node.key.name, {"summaries": {}, "blocking": []})
        entry["summaries"].setdefault(summary(node.description or ""), []).append(node.key.asset_key.path[-1])
        entry["blocking"] += [node.key.asset_key.path[-1]] * node.blocking
    return {
        "tables": {
            name: {
                "summary": summary(meanings.get(name, "").removeprefix(f"{name}: ")) or f"one row per {TABLES[name].grain}",
                "key": list(TABLES[name].key),
                "is_ledger": TABLES[name].is_ledger,
                "columns": {column: str(kind) for column, kind in TABLES[name].dtypes.items()},
            }
            for name in [*order, *sorted(TABLES.keys() - set(order))]
        },
        "views": descriptions(),
        "checks": checks,
    }


def summary(description: str) -> str:
    """The first paragraph, on one line."""
    return " ".join(description.split("\n\n", maxsplit=1)[0].split())


def test_the_catalog_is_current() -> None:
    assert json.loads(FILE.read_text(encoding="utf-8")) == generated(), "run `make generated`"


def test_the_catalog_has_the_columns_and_types_of_the_tables() -> None:
    assert {name: table.dtypes for name, table in catalog.tables().items()} == {
        name: table.dtypes for name, table in TABLES.items()
    }


def test_every_table_and_check_has_a_summary() -> None:
    assert all(table.summary for table in catalog.tables().values())
    assert all(all(check.summaries) for check in catalog.checks().values())


if __name__ == "__main__":
    print(json.dumps(generated(), indent=1, ensure_ascii=False))  # noqa: T201

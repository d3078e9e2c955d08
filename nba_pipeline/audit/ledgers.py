"""The audit of the ledgers: every row against the hash recorded when it was written, as the command runs and prints it."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import date
from typing import Any

from rich.console import Console
from rich.table import Table as RichTable

from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.ledgers import ledgers, verify

MOST_SHOWN = 100
"""Findings in the printed report; `--format json` has all."""


def audit_ledgers(warehouse: Warehouse, dates: Collection[date] | None = None) -> dict[str, Any]:
    """Per ledger the verified dates and rows, and every finding; of some dates or of all."""
    summary, findings = [], []
    for table in ledgers():
        verified = list(verify(warehouse, table, dates))
        found = [finding for one in verified for finding in one.findings]
        summary.append(
            {"ledger": table.name, "dates": len(verified), "rows": sum(one.rows for one in verified), "findings": len(found)}
        )
        findings += [{**asdict(finding), "game_date": str(finding.game_date), "text": str(finding)} for finding in found]
    return {"ledgers": summary, "findings": findings, "passed": not findings}


def print_ledgers(report: dict[str, Any], out: Console) -> None:
    """One line per ledger, then the findings."""
    table = RichTable()
    for name in ("ledger", "dates", "rows", "findings"):
        table.add_column(name, justify="left" if name == "ledger" else "right")
    for record in report["ledgers"]:
        table.add_row(record["ledger"], *(f"{record[name]:,}" for name in ("dates", "rows", "findings")))
    out.print(table)
    for finding in report["findings"][:MOST_SHOWN]:
        out.print(finding["text"], style="red", highlight=False, soft_wrap=True, markup=False)
    if (more := len(report["findings"]) - MOST_SHOWN) > 0:
        out.print(f"and {more} more findings; --format json has all", style="red", highlight=False)

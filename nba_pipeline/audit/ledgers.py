"""The ledger audit: compares every row with the hash recorded when it was written."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import date
from typing import Any

from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.ledgers import ledgers
from nba_pipeline.warehouse.verification import verify


def audit_ledgers(warehouse: Warehouse, dates: Collection[date] | None = None) -> dict[str, Any]:
    """Returns the verified dates and rows per ledger, and all findings. Covers all dates by default."""
    summary, findings = [], []
    for table in ledgers():
        verified = list(verify(warehouse, table, dates))
        of_table = [finding for one in verified for finding in one.findings]
        summary.append(
            {"ledger": table.name, "dates": len(verified), "rows": sum(one.rows for one in verified), "findings": len(of_table)}
        )
        findings += [{**asdict(finding), "game_date": str(finding.game_date), "text": str(finding)} for finding in of_table]
    return {"ledgers": summary, "findings": findings, "passed": not findings}

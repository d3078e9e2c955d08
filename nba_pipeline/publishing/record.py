"""The document of the record, from the records of graded predictions."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from nba_pipeline.publishing.documents import Performance, Record


def record_document(
    rows: Sequence[Mapping[str, Any]], first: date | None, last: date | None, as_of: datetime, *, has_prices: bool
) -> Record:
    """Returns the record of all systems. `rows` are those of `evaluation.graded_record.record_of`."""
    shown = [row for row in rows if has_prices or row["system_id"] != "market_blend"]
    return Record(first=first, last=last, as_of=as_of, performance=[_performance(row) for row in shown])


def _performance(row: Mapping[str, Any]) -> Performance:
    return Performance(
        system=row["system_id"],
        market=row["market"],
        run_kind=row["run_kind"],
        graded=row["graded"],
        with_line=row["lined"],
        mae=_rounded(row["mae"]),
        gap_to_line=_rounded(row["gap"]),
        gap_half_width=None if row["gap_high"] is None else _rounded(row["gap_high"] - row["gap"]),
        bets=row["bets"],
        hit_rate=_rounded(row["hit_rate"]),
        hit_rate_low=_rounded(row["hit_rate_low"]),
        hit_rate_high=_rounded(row["hit_rate_high"]),
    )


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)

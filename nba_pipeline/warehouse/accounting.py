"""Row accounting of source tables: parsed rows = kept + quarantined + ignored + repeated.

An asset counts the rows that it parses, ignores or merges. The write counts the rows that it keeps, quarantines or merges.
Both counts are in the materialization's metadata, per date, and the check `every_row_is_accounted_for` compares them.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import dagster as dg
import polars as pl

ROWS_IN, ROWS_OUT = "rows_in", "rows_out"
"""Metadata: {date: {count: rows}} of the asset and of the write."""
PARSED, IGNORED, REPEATED = "parsed", "ignored", "repeated"
KEPT, QUARANTINED = "kept", "quarantined"
REASONS = "reasons"


@dataclass
class RowsIn:
    """The row counts of an asset for each of its dates. A row without a date counts for the earliest date."""

    dates: Sequence[date]
    counts: dict[date, Counter[str]] = field(default_factory=dict)
    reasons: dict[date, Counter[str]] = field(default_factory=dict)

    def parsed(self, rows: pl.DataFrame) -> None:
        """Counts parsed rows."""
        self._add(PARSED, per_date(rows, self.dates))

    def ignored(self, rows: pl.DataFrame, reason: str | pl.Expr) -> None:
        """Counts intentionally ignored rows by reason. `reason` is a text or a column."""
        with_reason = rows.with_columns((pl.lit(reason) if isinstance(reason, str) else reason).alias("reason"))
        for (text,), part in with_reason.group_by("reason"):
            counts = per_date(part, self.dates)
            self._add(IGNORED, counts)
            for day, count in counts.items():
                self.reasons.setdefault(day, Counter())[str(text)] += count

    def repeated(self, rows: pl.DataFrame, copies: pl.Expr | None = None) -> None:
        """Counts rows that were merged into equal rows: `rows` themselves, or with `copies` the sum of that column over `rows`."""
        self._add(REPEATED, per_date(rows, self.dates, copies))

    def metadata(self) -> dict[str, Any]:
        """The counts as output metadata of the asset."""
        by_date = {day.isoformat(): {**self.counts.get(day, {}), REASONS: dict(self.reasons.get(day, {}))} for day in self.dates}
        return {ROWS_IN: dg.MetadataValue.json(by_date)}

    def _add(self, name: str, counts: Mapping[date, int]) -> None:
        for day, count in counts.items():
            self.counts.setdefault(day, Counter())[name] += count


def rows_out(
    dates: Sequence[date], kept: pl.DataFrame, quarantined: pl.DataFrame, repeated: Mapping[date, int]
) -> dict[str, Any]:
    """The counts of a write as output metadata."""
    counts = {KEPT: per_date(kept, dates), QUARANTINED: per_date(quarantined, dates), REPEATED: repeated}
    return {
        ROWS_OUT: dg.MetadataValue.json(
            {day.isoformat(): {name: rows_of.get(day, 0) for name, rows_of in counts.items()} for day in dates}
        )
    }


def per_date(rows: pl.DataFrame, dates: Sequence[date], weight: pl.Expr | None = None) -> dict[date, int]:
    """The number of rows per date. Rows without a date, or of a date not in `dates`, count for the earliest of `dates`."""
    if rows.is_empty() or not dates:
        return {}
    day = pl.when(pl.col("game_date").is_in(list(dates))).then("game_date").otherwise(pl.lit(min(dates))).alias("day")
    return dict(rows.group_by(day).agg((pl.len() if weight is None else weight.sum()).cast(pl.Int64)).iter_rows())


@dataclass(frozen=True)
class Account:
    """The counts of one date of a materialization. `is_counted` is false if the metadata has no counts."""

    parsed: int = 0
    kept: int = 0
    quarantined: int = 0
    ignored: int = 0
    repeated: int = 0
    is_counted: bool = True
    reasons: Mapping[str, int] = field(default_factory=dict)

    @property
    def unaccounted(self) -> int:
        """Parsed rows missing from the other counts. Negative if the other counts exceed the parsed rows."""
        return self.parsed - self.kept - self.quarantined - self.ignored - self.repeated


def account_of(metadata: Mapping[str, Any], day: date) -> Account:
    """The counts of a date in the metadata of its materialization."""
    both = [getattr(metadata.get(name), "data", None) for name in (ROWS_IN, ROWS_OUT)]
    read, written = (counts.get(day.isoformat()) if isinstance(counts, dict) else None for counts in both)
    if read is None or written is None:
        return Account(is_counted=False)
    return Account(
        read.get(PARSED, 0),
        written[KEPT],
        written[QUARANTINED],
        read.get(IGNORED, 0),
        read.get(REPEATED, 0) + written[REPEATED],
        reasons=read[REASONS],
    )

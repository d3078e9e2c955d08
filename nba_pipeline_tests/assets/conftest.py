"""Loopback providers for assets that make requests."""

from datetime import date, datetime
from typing import Any

import dagster as dg
import polars as pl
from dagster._core.execution.context.invocation import DirectAssetExecutionContext

from nba_pipeline.instance.clock import Clock
from nba_pipeline.providers.archive import Archive
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline_tests.providers.conftest import Provider, clock, land, landing, provider, reader_of_pdfs

__all__ = ["ArchiveOfAllDates", "OfARun", "OnThisMachine", "clock", "land", "landing", "provider", "reader_of_pdfs"]


class OfARun(DirectAssetExecutionContext):
    """The context of a direct call for a date, with a run. Dagster's own has none, and a run costs 0.15 s."""

    def __init__(self, day: date):
        super().__init__(dg.build_asset_context(partition_key=str(day)).op_execution_context)

    @property
    def run(self) -> dg.DagsterRun:
        return dg.DagsterRun(job_name="test", run_id="test")

    @property
    def metadata(self) -> dict[str, Any]:
        """Output metadata of the call."""
        entries = self.get_output_metadata("result") or {}
        return {name: entry.value if isinstance(entry, dg.MetadataValue) else entry for name, entry in entries.items()}


class ArchiveOfAllDates(Archive):
    """An archive that covers every date."""

    def holds(self, day: date) -> bool:
        return True


class OnThisMachine:
    """An asset with loopback providers. Keeps the problems, metadata and quarantined rows of its run."""

    def __init__(self, landing: Landing, clock: Clock, provider: Provider, *names: str):
        self.landing, self.provider = landing, provider
        self.http = HttpClient(
            base_urls=dict.fromkeys(names, provider.url), landing=landing, clock=clock, attempts=2, first_wait_seconds=0.01
        )

    def conformed(self, table: Table, context: dg.AssetExecutionContext, frame: pl.DataFrame, now: datetime) -> pl.DataFrame:
        """Returns the valid rows."""
        self.metadata = context.get_output_metadata("result")
        self.problems = self.metadata["problems_met"].data
        good, self.parked = table.conform(frame, now, "1")
        return good

"""The IO manager: validates, quarantines and writes what assets return, and reads the tables that they take as parameters.

Adds the lineage columns, so that assets only return data and its source. Contains no table names.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

import dagster as dg
import polars as pl

from nba_pipeline.errors import Closed, Damaged
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.step_failures import explained
from nba_pipeline.instance.step_seconds import STEP_SECONDS, begin_step, end_step
from nba_pipeline.instance.time_limit import usual_limit, within_a_run
from nba_pipeline.league.calendar import parse_key
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import PROBLEM, Table
from nba_pipeline.tables.wording import counted
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.accounting import ROWS_IN, per_date, rows_out
from nba_pipeline.warehouse.damage import with_next_step
from nba_pipeline.warehouse.dated_metadata import add_dated_metadata
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.partitions import recovering

EXCLUDED = "left_out"
"""Output metadata: {date: [names]} of the games or teams that a gate excluded."""

SLATE_CLOSED = "the slate is closed"
"""The name in `EXCLUDED` when a gate excluded the whole date."""

DATES_NAMED = 5
OPTIONAL = "optional"
"""Input metadata: the table is optional for the asset."""
NAMED = "named"
"""Input metadata: a missing optional table is reported in the log of the run."""
REFERENCE = "reference"
"""Input metadata: a look-up table for names. A missing date leaves names unresolved and changes no other value."""
COLUMNS = "columns"
"""Input metadata: the columns that the asset reads, if not all."""


class TableIO(dg.ConfigurableIOManager):
    """One IO manager for every table of every warehouse."""

    warehouse: dg.ResourceDependency[Warehouse]
    clock: dg.ResourceDependency[Clock]
    landing: dg.ResourceDependency[Landing]
    """Unused here. The dependency opens a journal in every run that writes a table, which `rebuild` needs to replay the run."""

    def handle_output(self, context: dg.OutputContext, obj: pl.DataFrame) -> None:
        """Writes the valid rows, quarantines the others, and adds the counts as metadata."""
        keys, name = context.asset_partition_keys, context.asset_key.path[-1]
        instance, limit = context.step_context.instance, usual_limit(len(keys))
        with explained(name, keys), within_a_run(instance, context.run_id, limit, f"the write of {name}"):
            self._handle(context, obj)
        seconds = end_step(context.run_id, context.step_key)
        if seconds is not None and len(keys) == 1:
            context.add_output_metadata({STEP_SECONDS: round(seconds, 3)})

    def _handle(self, context: dg.OutputContext, obj: pl.DataFrame) -> None:
        table = _table(context.asset_key)
        every = [parse_key(key) for key in context.asset_partition_keys]
        dates, obj = self._open_dates(table, every, obj, context)
        good, rejected = table.conform(obj, self.clock.as_of, _code_version(context))
        if ROWS_IN in context.output_metadata:
            context.add_output_metadata(rows_out(dates, good, rejected, _merged_by_conform(table, dates, obj)))
        recovering(lambda: self._write(table, dates, good, rejected, context))

    def _write(
        self, table: Table, dates: list[date], good: pl.DataFrame, rejected: pl.DataFrame, context: dg.OutputContext
    ) -> None:
        self.warehouse.quarantine(table, dates, rejected)
        if table.write == "add":
            added = self.warehouse.add(table, dates, good, context.run_id)
            context.add_output_metadata({"rows_added": added})
        else:
            excused = self._excused(table, dates, context.output_metadata)
            self.warehouse.replace(table, dates, good, context.run_id, excused)
        context.add_output_metadata(
            {
                "dagster/table_name": table.name,
                "as_of": dg.MetadataValue.timestamp(self.clock.as_of),
                **self.warehouse.last_write(table),
            }
        )
        add_dated_metadata(context, dates, self.warehouse.scan(table, dates).select("game_date").collect(), rejected)

    def _open_dates(
        self, table: Table, dates: list[date], frame: pl.DataFrame, context: dg.OutputContext
    ) -> tuple[list[date], pl.DataFrame]:
        """The dates that can be written and their rows. Raises Closed if a ledger is closed for every date."""
        closed = recovering(lambda: self.warehouse.closed(table, dates))
        if not closed:
            return dates, frame
        if len(closed) == len(set(dates)):
            raise Closed(closed[min(closed)])
        for day in sorted(closed):
            context.log.warning(f"{closed[day]}; the rows of this date are not written")
        of_closed_dates = pl.col("game_date").is_in(list(closed)).fill_null(False)
        return [day for day in dates if day not in closed], frame.filter(~of_closed_dates)

    def load_input(self, context: dg.InputContext) -> pl.DataFrame:
        """The rows of the dates in the partition mapping.

        Raises Closed if a required table was never written for a date, or if a ledger is closed for every date. Raises
        Damaged if a required date is unreadable and not rebuilt yet.
        """
        reader, name = context.step_context, context.asset_key.path[-1]
        span = reader.partition_key_range
        limit = usual_limit(dates=1 if span.start == span.end else 2)
        begin_step(reader.run_id, reader.step.key)
        with (
            explained(reader.step.key, [span.start, span.end]),
            within_a_run(reader.instance, reader.run_id, limit, f"the read of {name}"),
        ):
            return recovering(lambda: self._rows(context))

    def _rows(self, context: dg.InputContext) -> pl.DataFrame:
        table = _table(context.asset_key)
        dates = {parse_key(key) for key in context.asset_partition_keys}
        metadata = context.definition_metadata or {}
        self.warehouse.check([table], dates)
        self._refuse_closed(table, dates, context)
        self._refuse_lost(table, dates, metadata, context)
        missing = self._missing_dates(table, dates) if not metadata.get(OPTIONAL) or metadata.get(NAMED) else ""
        if missing and not metadata.get(OPTIONAL):
            raise Closed(missing)
        if missing and context.log:
            context.log.warning(f"{missing}; continuing without these optional rows")
        # a scan has one chunk per file; window expressions over hundreds of chunks take a third longer
        columns = metadata.get(COLUMNS) or list(table.dtypes)
        return self.warehouse.scan(table, dates).select(columns).collect().rechunk()

    def _refuse_closed(self, table: Table, dates: set[date], context: dg.InputContext) -> None:
        closed = self.warehouse.closed(table, dates)
        if closed and closed.keys() == dates:
            raise Closed(closed[min(closed)])
        for day in sorted(closed):
            context.log.warning(f"{closed[day]}; the rows of this date are not read")

    def _refuse_lost(self, table: Table, dates: set[date], metadata: Mapping[str, Any], context: dg.InputContext) -> None:
        """Raises Damaged for lost dates, because they change the values of a window. Named and reference inputs only log them."""
        lost = {day: message for day, message in self.warehouse.lost(table).items() if day in dates}
        if lost and not metadata.get(NAMED) and not metadata.get(REFERENCE):
            raise Damaged(with_next_step(lost[min(lost)]))
        for day in sorted(lost):
            context.log.warning(lost[day])

    def _missing_dates(self, table: Table, dates: set[date]) -> str:
        """A message with the dates that were never written; empty without any."""
        missing = sorted(str(day) for day in dates - self.warehouse.dates(table))
        more = f" and {counted(len(missing) - DATES_NAMED, 'more date')}" if len(missing) > DATES_NAMED else ""
        return f"{table.name} was never materialized for {', '.join(missing[:DATES_NAMED])}{more}" if missing else ""

    def _excused(self, table: Table, dates: list[date], metadata: Mapping[str, Any] | None) -> dict[date, int]:
        """Date -> number of rows that may be removed: games no longer scheduled, and games and teams that a gate excluded."""
        if "game_id" not in table.dtypes or table.may_shrink:
            return {}
        columns = ["game_date", "game_id", *({"team"} & table.dtypes.keys())]
        before = self.warehouse.scan(table, dates).select(columns).collect()
        if before.is_empty():
            return {}
        played = self.warehouse.scan(TABLES["schedule"], dates).filter(pl.col("status") != "postponed")
        scheduled = played.select("game_date", "game_id").collect()
        removed = before.join(scheduled, on=["game_date", "game_id"], how="anti")
        excused = dict(removed.group_by("game_date").len().iter_rows())
        exclusions = (metadata or {}).get(EXCLUDED)
        for key, names in (getattr(exclusions, "data", exclusions) or {}).items():
            day, excluded = date.fromisoformat(key), " ".join(names)
            rows = before.filter(pl.col("game_date") == day)
            named = [self._is_excluded(row, excluded) for row in rows.iter_rows(named=True)]
            excused[day] = excused.get(day, 0) + sum(named)
        return excused

    @staticmethod
    def _is_excluded(row: Mapping[str, Any], excluded: str) -> bool:
        return row["game_id"] in excluded or f"{row.get('team')} (" in excluded or SLATE_CLOSED in excluded


def _table(key: dg.AssetKey) -> Table:
    return TABLES[key.path[-1]]


def _merged_by_conform(table: Table, dates: list[date], frame: pl.DataFrame) -> dict[date, int]:
    """Date -> number of rows that `Table.conform` merges because they only differ in lineage."""
    usable = frame.filter(pl.col(PROBLEM).is_null()) if PROBLEM in frame.columns else frame
    before, after = (per_date(rows, dates) for rows in (usable, usable.unique(table.schema.column_names())))
    return {day: count - after[day] for day, count in before.items()}


def _code_version(context: dg.OutputContext) -> str:
    asset = context.asset_spec
    return (asset.code_version or "") if asset else ""

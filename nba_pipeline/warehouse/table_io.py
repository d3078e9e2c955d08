"""Between assets and the warehouse: what an asset returns is validated, quarantined and written; what it names is read.

Stamps the lineage, so that an asset only says what it made and from what. Knows no table by name.
"""

from collections.abc import Mapping
from datetime import date
from typing import Any

import dagster as dg
import polars as pl

from nba_pipeline.calendar import Clock
from nba_pipeline.errors import Closed
from nba_pipeline.table import TABLES, Table
from nba_pipeline.warehouse import Warehouse

LEFT_OUT = "left_out"
"""Output metadata: {date: [names]} of the games or teams that a gate left out."""

OPTIONAL = "optional"
"""Input metadata: the asset can do without this table."""


class TableIO(dg.ConfigurableIOManager):
    """One IO manager for every table of every warehouse."""

    warehouse: dg.ResourceDependency[Warehouse]
    clock: dg.ResourceDependency[Clock]

    def handle_output(self, context: dg.OutputContext, obj: pl.DataFrame) -> None:
        table = _table(context.asset_key)
        dates = [date.fromisoformat(key[:10]) for key in context.asset_partition_keys]
        good, rejected = table.conform(obj, self.clock.as_of, _code_version(context))
        self.warehouse.park(table, dates, rejected)
        if table.write == "add":
            added = self.warehouse.add(table, dates, good, context.run_id)
            context.add_output_metadata({"rows_added": added})
        else:
            excused = self._excused(table, dates, good, context.output_metadata)
            self.warehouse.replace(table, dates, good, context.run_id, excused)
        rows = self.warehouse.scan(table, dates).select(pl.len()).collect().item()
        context.add_output_metadata(
            {
                "dagster/partition_row_count": rows,
                "dagster/table_name": table.name,
                "rows_quarantined": rejected.height,
                "problems": dg.MetadataValue.json(
                    dict(rejected.group_by("problem").len().sort("len", descending=True).head(10).iter_rows())
                ),
                "as_of": dg.MetadataValue.timestamp(self.clock.as_of),
            }
        )

    def load_input(self, context: dg.InputContext) -> pl.DataFrame:
        table = _table(context.asset_key)
        dates = {date.fromisoformat(key[:10]) for key in context.asset_partition_keys}
        if not (context.definition_metadata or {}).get(OPTIONAL):
            missing = sorted(str(day) for day in dates - self.warehouse.dates(table))
            if missing:
                raise Closed(
                    f"{table.name} has never been materialised for {', '.join(missing[:5])}"
                    f"{f' and {len(missing) - 5} more dates' if len(missing) > 5 else ''}"
                )
        return self.warehouse.scan(table, dates).collect()

    def _excused(
        self, table: Table, dates: list[date], frame: pl.DataFrame, metadata: Mapping[str, Any] | None
    ) -> dict[date, str]:
        """The dates that may shrink: a gate named what it left out, or the schedule has fewer games than the rows before."""
        left_out = (metadata or {}).get(LEFT_OUT)
        names = getattr(left_out, "data", left_out) or {}
        excused = {date.fromisoformat(day): "left out by name" for day, games in names.items() if games}
        if "game_id" not in table.dtypes:
            return excused
        scheduled = self.warehouse.scan(TABLES["schedule"], dates).select("game_date", "game_id", "status").collect()
        gone = (
            self.warehouse.scan(table, dates).select("game_date", "game_id").unique().collect()
            .join(scheduled.filter(pl.col("status") != "postponed"), on=["game_date", "game_id"], how="anti")
        )  # fmt: skip
        return excused | {day: "the schedule has fewer games" for day in gone["game_date"].unique()}


def _table(key: dg.AssetKey) -> Table:
    return TABLES[key.path[-1]]


def _code_version(context: dg.OutputContext) -> str:
    asset = context.asset_spec
    return (asset.code_version or "") if asset else ""

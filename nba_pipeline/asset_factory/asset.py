"""Factories of assets: the arguments derived from a table and its stage, and inputs from other dates."""

import inspect
import re
from collections.abc import Callable, Mapping, Sequence, Set
from datetime import date, timedelta
from typing import Any, Unpack

import dagster as dg
import polars as pl

from nba_pipeline.asset_factory.code_versions import code_version
from nba_pipeline.asset_factory.conditions import condition_of
from nba_pipeline.asset_factory.step_timeout import limited
from nba_pipeline.asset_factory.verdicts import DECIMALS
from nba_pipeline.errors import BadInput
from nba_pipeline.instance.partitions import DAILY, WEEKLY
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.declarations import Declaration, Wiring, declare
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.dated_metadata import NUMBERS
from nba_pipeline.warehouse.io_manager import COLUMNS, EXCLUDED, NAMED, OPTIONAL, REFERENCE

OWNERS = ["team:nba-pipeline"]

FRESH = dg.FreshnessPolicy.time_window(
    fail_window=timedelta(hours=SETTINGS.freshness.fail_hours), warn_window=timedelta(hours=SETTINGS.freshness.warn_hours)
)


def markdown_of(docstring: str | None) -> str:
    r"""Returns the docstring of a table module as Markdown, with each section as a paragraph with its name in bold.

    >>> markdown_of("rosters: the players of a team.\n\nGrain: one row per player\nSource: ESPN,\n  fetched daily\n")
    'rosters: the players of a team.\n\n**Grain:** one row per player\n\n**Source:** ESPN, fetched daily'
    """
    unbroken = re.sub(r"\n +", " ", inspect.cleandoc(docstring or ""))
    return re.sub(r"\n+(Grain|Source|Caveats): ", r"\n\n**\1:** ", unbroken)


def shared(table: Table, module: str, description: str | None, kinds: Set[str]) -> dict[str, Any]:
    """Returns the arguments of `dg.asset` that are derived from a table and the folder of its module.

    Raises BadInput if the module has another name than the table: a copied module may still have the name of its origin.
    """
    *_, stage, name = module.split(".")
    if name != table.name:
        raise BadInput(f"table {table.name} is declared in {module}; a table is declared in a module of its name")
    return {
        "name": table.name, "group_name": stage, "description": markdown_of(description), "kinds": set(kinds),
        "owners": OWNERS, "code_version": code_version(table.name), "io_manager_key": "tables",
        "metadata": {"dagster/column_schema": table.column_schema(), "dagster/table_name": table.name},
    }  # fmt: skip


def dependencies_of(compute: Callable[..., Any], asset: dg.AssetsDefinition) -> tuple[str, ...]:
    """Returns the tables that an asset depends on: those it reads in the order of its parameters, then the others."""
    keys = {name: key.to_user_string() for name, key in asset.keys_by_input_name.items()}
    parameters = [name for name in inspect.signature(compute).parameters if name in keys]
    return tuple(dict.fromkeys(keys[name] for name in (*parameters, *sorted(keys.keys() - set(parameters)))))


def weekly_asset(
    table: Table, *, module: str, description: str | None, kinds: Set[str], ins: Mapping[str, dg.AssetIn]
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """Returns the decorator of a table of training weeks, and declares the table. It has its own job and belongs to no mode."""

    def decorate(compute: Callable[..., Any]) -> dg.AssetsDefinition:
        asset: dg.AssetsDefinition = dg.asset(**shared(table, module, description, kinds), ins=ins, partitions_def=WEEKLY)(
            limited(compute, is_training=True)
        )
        declare(Declaration(name=table.name, module=module, dependencies=dependencies_of(compute, asset), is_daily=False))
        return asset

    return decorate


def daily_asset(
    table: Table,
    *,
    module: str,
    description: str | None,
    kinds: Set[str],
    ins: Mapping[str, dg.AssetIn] | None = None,
    deps: Sequence[str] = (),
    pool: str = "",
    **wiring: Unpack[Wiring],
) -> Callable[[Callable[..., Any]], dg.AssetsDefinition]:
    """Returns the decorator of a daily table, and declares the table with the keywords of `Wiring`.

    Sets the shared partitions, single-run backfills, freshness policy, automation condition and step timeout. `deps` are tables
    that must run first and are not read. Across all runs, one step of a `pool` runs at a time; by default each table is its own
    pool. Raises BadInput for a declaration that contradicts itself.
    """

    def decorate(compute: Callable[..., Any]) -> dg.AssetsDefinition:
        asset: dg.AssetsDefinition = dg.asset(
            **shared(table, module, description, kinds),
            ins=ins,
            deps=list(deps),
            partitions_def=DAILY,
            backfill_policy=dg.BackfillPolicy.single_run(),
            freshness_policy=FRESH,
            automation_condition=condition_of(wiring),
            pool=pool or table.name,
        )(limited(compute))
        declare(Declaration(name=table.name, module=module, dependencies=dependencies_of(compute, asset), **wiring))
        return asset

    return decorate


def days_before(
    days: int, asset: str | None = None, through: int = -1, columns: Sequence[str] = (), is_reference: bool = False
) -> dg.AssetIn:
    """Returns an input with the written rows of the `days` days before the date; with `through=0`, also of the date.

    `columns` limits the columns: pass it for a long window of a wide table. A reference is used for look-ups only, so an
    unreadable date is logged and does not stop the asset.
    """
    return dg.AssetIn(
        key=asset,
        partition_mapping=dg.TimeWindowPartitionMapping(
            start_offset=-days, end_offset=through, allow_nonexistent_upstream_partitions=True
        ),
        metadata={OPTIONAL: True, COLUMNS: list(columns), REFERENCE: is_reference},
    )


def every_date(columns: Sequence[str] = (), is_reference: bool = False) -> dg.AssetIn:
    """Returns an input with every written row. `columns` limits the columns. See `days_before` for a reference."""
    metadata = {OPTIONAL: True, COLUMNS: list(columns), REFERENCE: is_reference}
    return dg.AssetIn(partition_mapping=dg.AllPartitionMapping(), metadata=metadata)


def optional_input(asset: str | None = None) -> dg.AssetIn:
    """Returns an input with the rows of the date; empty if the date is not written."""
    return dg.AssetIn(key=asset, metadata={OPTIONAL: True, NAMED: True})


def dates_of(context: dg.AssetExecutionContext) -> list[date]:
    """Returns the dates of a run."""
    return [date.fromisoformat(key) for key in context.partition_keys]


def log_problems(context: dg.AssetExecutionContext, problems: Mapping[str, Sequence[str]]) -> None:
    """Logs each problem as a warning, with its date."""
    for name, messages in problems.items():
        for message in messages:
            context.log.warning(f"{name}: {message}")


def plots_of(numbers: pl.DataFrame) -> dict[str, dg.MetadataValue[Any]]:
    """Returns output metadata with the numbers of each date, which the page of the table plots over dates.

    The page of a check plots numbers over the instants of its runs instead. Null numbers are unknown and omitted.
    """
    by_date = {
        str(row.pop("game_date")): {name: round(value, DECIMALS) for name, value in row.items() if value is not None}
        for row in numbers.sort("game_date").to_dicts()
    }
    return {NUMBERS: dg.MetadataValue.json(by_date)}


def record_excluded(context: dg.AssetExecutionContext, excluded: Mapping[str, list[str]]) -> None:
    """Records the games or teams that a gate excluded, by date."""
    context.add_output_metadata(
        {EXCLUDED: dg.MetadataValue.json(dict(excluded)), "left_out_count": sum(len(names) for names in excluded.values())}
    )

"""players: the spellings of each player's name.

Grain: one row per player and spelling
Source: boxscores of the date; the archive's list on 2021-10-01; an operator's resolution of a quarantined name
Caveats: rows are only ever added, on the first date of the spelling; identity only, no team; two players may share a
  spelling.
"""

from collections.abc import Sequence
from datetime import date

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset, dates_of, optional_input
from nba_pipeline.asset_factory.checks import checks_of, dated_check
from nba_pipeline.asset_factory.code_versions import code_version
from nba_pipeline.asset_factory.verdicts import PASSED, for_each_date
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import FIRST_DATE
from nba_pipeline.league.names import lookup
from nba_pipeline.providers.archive import Archive
from nba_pipeline.tables.table import Row, Table, code
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.accounting import RowsIn
from nba_pipeline.warehouse.landing import Landing


class PlayerRows(Row):
    """Columns of `players`."""

    player_id = dy.Int64(min=1, description="the NBA's person id")
    spelling = dy.String(min_length=1, description="name as written")
    lookup = dy.String(description="normalized spelling, see nba_pipeline.league.names")
    evidence = code(
        ("seed", "seed_inactive", "boxscore", "operator"),
        "source of the spelling; seed_inactive: the archive's list, which calls the player retired",
    )


TABLE = Table("players", grain="player and spelling", key=("player_id", "spelling"), schema=PlayerRows, write="add")
IS_FIRST = pl.int_range(pl.len()).over("player_id", "spelling") == 0
"""Whether a row of a sorted frame is the first of its player and spelling."""
SEED_EVIDENCE = pl.when(pl.col("is_active").eq(False)).then(pl.lit("seed_inactive")).otherwise(pl.lit("seed")).alias("evidence")
RESOLUTIONS = ("operator", "spelling")
"""Provider and endpoint of an operator's resolutions in the landing."""


def new_spellings(sightings: pl.DataFrame, existing: pl.DataFrame) -> pl.DataFrame:
    """Returns the unknown spellings, each on its first date.

    Args:
        sightings: game_date, player_id, spelling, evidence, source; any number of rows per spelling.
        existing: The rows of `players`.
    """
    ordered = sightings.sort("game_date", "player_id", "spelling", "source")
    first = ordered.filter(IS_FIRST).join(existing, on=["player_id", "spelling"], how="anti", maintain_order="left")
    forms = {spelling: lookup(spelling) for spelling in first["spelling"].unique()}
    return first.with_columns(pl.col("spelling").replace_strict(forms, return_dtype=pl.String).alias("lookup"))


@daily_asset(
    TABLE,
    module=__name__,
    description=__doc__,
    kinds={"polars"},
    modes=["overnight"],
    requested_by="final_games",
    may_be_empty=True,  # a date may have no new spelling
    endpoints=["nba_cdn/boxscore", "nba_stats/player_game_log", "balldontlie/box_scores", "operator/spelling"],
    ins={"boxscores": optional_input()},
)
def players(
    context: dg.AssetExecutionContext,
    boxscores: pl.DataFrame,
    archive: Archive,
    landing: Landing,
    warehouse: dg.ResourceParam[Warehouse],
    clock: Clock,
) -> pl.DataFrame:
    """Spellings of the box scores, of the archive's list, and of names that an operator resolved."""
    dates = dates_of(context)
    sightings = [
        boxscores.select(
            "game_date", "player_id", pl.col("player_name").alias("spelling"), pl.lit("boxscore").alias("evidence"), "source"
        )
    ]
    for day in dates:
        for payload in landing.payloads(*RESOLUTIONS, day):
            sightings.append(
                pl.DataFrame(
                    {**payload.json(), "game_date": day, "evidence": "operator", "source": payload.ref},
                    schema_overrides={"player_id": pl.Int64},
                ).select(sightings[0].columns)
            )
    if FIRST_DATE not in warehouse.dates(TABLE) and not archive.is_empty:
        seed = new_spellings(
            archive.players().with_columns(pl.lit(FIRST_DATE).alias("game_date"), SEED_EVIDENCE).drop("is_active"), TABLE.empty()
        )
        if FIRST_DATE in dates:
            sightings.append(seed.select(sightings[0].columns))
        else:
            rows, _ = TABLE.conform(seed, clock.as_of, code_version(TABLE.name))
            warehouse.add(TABLE, [FIRST_DATE], rows, context.run.run_id)
            context.log_event(dg.AssetMaterialization(context.asset_key, partition=FIRST_DATE.isoformat()))
    all_sightings, existing = pl.concat(sightings, how="vertical_relaxed"), warehouse.scan(TABLE).collect()
    context.add_output_metadata(_counted(all_sightings, existing, dates).metadata())
    return new_spellings(all_sightings, existing)


def _counted(sightings: pl.DataFrame, existing: pl.DataFrame, dates: Sequence[date]) -> RowsIn:
    rows_in = RowsIn(dates)
    rows_in.parsed(sightings)
    rows_in.ignored(sightings.join(existing, on=["player_id", "spelling"], how="semi"), "the spelling is known")
    unknown = sightings.join(existing, on=["player_id", "spelling"], how="anti").sort(
        "game_date", "player_id", "spelling", "source"
    )
    rows_in.repeated(unknown.filter(~IS_FIRST))
    return rows_in


@dated_check(TABLE, is_error=True)
def key_is_unique(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """A player and spelling occur once in the whole table, not only on their date."""
    count = pl.len().cast(pl.Int64)
    copies = (
        warehouse.scan(TABLE).filter(pl.struct(TABLE.key).is_duplicated()).group_by("game_date").agg(count.alias("duplicates"))
    )
    rows = warehouse.scan(TABLE, dates).group_by("game_date").agg(count.alias("rows"))
    return for_each_date(dates, rows.collect(), copies.collect()).with_columns((pl.col("duplicates") == 0).alias(PASSED))


checks = checks_of(TABLE, is_source=True)

"""publications: the instant of each publication of predictions and picks, with the SHA-256 of its manifest.

Grain: one row per publication
Source: predictions and picks of the date
Caveats: a ledger, rows are only ever added; published predictions are those of the champion and of market_blend; rows of a
  game are published before it begins; the manifest itself is the landed payload in `source`.
"""

import hashlib
from collections.abc import Sequence
from datetime import date, datetime

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset, dates_of
from nba_pipeline.asset_factory.checks import checks_of, dated_check
from nba_pipeline.asset_factory.verdicts import count_off
from nba_pipeline.governance.publication import PUBLISHED, entries_in, entries_of, manifest_of, slot_of
from nba_pipeline.governance.roles import champion_of, read_decisions
from nba_pipeline.instance.clock import Clock
from nba_pipeline.systems import MARKET_BLEND
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Row, Table
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing

NUMBER = "publication_number"


class PublicationRows(Row):
    """Columns of `publications`."""

    publication_number = dy.Int64(min=1, description="increases with each publication of the date")
    published_at = dy.Datetime(time_zone="UTC", description="instant of the publication")
    first_tipoff_at = dy.Datetime(time_zone="UTC", description="earliest tip-off among the games of the published rows")
    predictions = dy.Int64(min=0, description="predictions in the manifest")
    picks = dy.Int64(min=0, description="picks in the manifest")
    manifest_sha256 = dy.String(description="SHA-256 of the manifest")

    @dy.rule()
    def published_before_tipoff(cls) -> pl.Expr:
        """Every game of the published rows began after the publication."""
        return pl.col("published_at") < pl.col("first_tipoff_at")


TABLE = Table("publications", grain="publication", key=("game_date", NUMBER), schema=PublicationRows, write="add", is_ledger=True)


def to_publish(rows: pl.DataFrame, table: str, published: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Returns the live rows that no earlier manifest has, of games that have not begun."""
    of_open_games = rows.filter(pl.col("run_kind") == "live", pl.col("tipoff_at") > now)
    return of_open_games.join(published, on=list(TABLES[table].key), how="anti")


def publish(day: date, now: datetime, rows: dict[str, pl.DataFrame], existing: pl.DataFrame, landing: Landing) -> pl.DataFrame:
    """Lands the manifest of the rows that no earlier publication has. Returns its row, or no row if nothing is new."""
    manifests = {row["source"]: row for row in existing.iter_rows(named=True)}
    earlier = [entries_in(landing.body_of(source), day, source) for source in manifests]
    new = {
        name: to_publish(
            rows[name], name, pl.concat([entries_of(name, rows[name].clear()), *(entries[name] for entries in earlier)]), now
        )
        for name in PUBLISHED
    }
    if all(frame.is_empty() for frame in new.values()):
        return existing.clear()
    number = existing.height + 1
    body = manifest_of(day, now, new)
    payload = landing.keep(slot_of(day, number), body, fetched_at=now)
    row = {
        "game_date": day,
        NUMBER: number,
        "published_at": now,
        "first_tipoff_at": pl.concat([frame["tipoff_at"] for frame in new.values()]).min(),
        **{name: frame.height for name, frame in new.items()},
        "manifest_sha256": hashlib.sha256(body).hexdigest(),
        "source": payload.ref,
    }
    return pl.DataFrame([row], schema=existing.schema)


@daily_asset(
    TABLE,
    module=__name__,
    description=__doc__,
    kinds={"polars"},
    modes=["same_day", "tomorrow"],
    follows=["picks"],
    needs=["predictions", "picks"],
    within_days=2,
    may_be_empty=True,
    is_record=True,
)
def publications(
    context: dg.AssetExecutionContext,
    predictions: pl.DataFrame,
    picks: pl.DataFrame,
    warehouse: dg.ResourceParam[Warehouse],
    landing: dg.ResourceParam[Landing],
    clock: Clock,
) -> pl.DataFrame:
    """The publications of new rows of the dates. A run that reloads from the landing publishes nothing."""
    dates, now = dates_of(context), clock.now()
    columns = [pl.col(name) for name in TABLE.dtypes if name not in ("as_of", "code_version")]
    existing = warehouse.scan(TABLE, dates).select(columns).sort(NUMBER).collect()
    if landing.sends_nothing:
        return existing.clear()
    shown = predictions.filter(pl.col("system_id").is_in([champion_of(read_decisions(warehouse)), MARKET_BLEND.system_id]))
    rows = {"predictions": shown, "picks": picks.filter("is_pick")}
    parts = [existing.clear()]
    for day in dates:
        on_day = pl.col("game_date") == day
        of_day = {name: frame.filter(on_day) for name, frame in rows.items()}
        parts.append(publish(day, now, of_day, existing.filter(on_day), landing))
    return pl.concat(parts)


@dated_check(TABLE)
def every_pick_is_published(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """The publications of the date have as many picks as the ledger of picks."""
    live = (
        warehouse.scan(TABLES["picks"], dates)
        .filter("is_pick", pl.col("run_kind") == "live")
        .group_by("game_date")
        .len("expected")
    )
    published = warehouse.scan(TABLE, dates).group_by("game_date").agg(pl.col("picks").sum())
    rows = live.join(published.filter(pl.col("picks") > 0), on="game_date", how="full", coalesce=True).sort("game_date")
    rows = rows.with_columns(pl.col("picks", "expected").fill_null(0))
    name = pl.format("{} of {} picks are published", "picks", "expected")
    return count_off(dates, rows, pl.col("picks") != pl.col("expected"), name, total="dates_with_picks", off="dates_off")


checks = checks_of(TABLE)

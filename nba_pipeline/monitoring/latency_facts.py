"""Reads the instants of `latency` from the landing, the tables and Dagster's materializations."""

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime

import dagster as dg
import polars as pl

from nba_pipeline.completeness.not_played import OFF
from nba_pipeline.instance.instigators import Instigator
from nba_pipeline.instance.materializations import materialization_instants
from nba_pipeline.league.calendar import EASTERN_NAME
from nba_pipeline.monitoring.latency import UTC_INSTANT, latencies
from nba_pipeline.providers.nba_cdn import PROVIDER
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payloads import Payload

TIME_ACTUAL = re.compile(rb'"timeActual"\s*:\s*"([^"]+)"')
"""The instant of an action in a play-by-play. Read without parsing the document, which takes ten times as long."""

SEEN = "SELECT game_id, min(first_seen_at) AS boxscore_at FROM availability GROUP BY game_id"
LIVE = "run_kind = 'live' AND game_date BETWEEN DATE '{first}' AND DATE '{last}'"
GRADED = f"SELECT game_id, min(as_of) AS graded_at FROM grades WHERE {LIVE} GROUP BY game_id"
PREDICTED = f"SELECT DISTINCT game_id FROM predictions WHERE {LIVE}"


def began_at(instigators: Sequence[Instigator]) -> datetime | None:
    """Returns since when a daemon has evaluated schedules; None if never. Games that ended before were backfilled."""
    return min((one.started_at for one in instigators if one.started_at), default=None)


def read_latencies(
    instance: dg.DagsterInstance, warehouse: Warehouse, landing: Landing, dates: Sequence[date], since: datetime
) -> pl.DataFrame:
    """Returns the latency of the final games of these dates that ended after `since`, see `latency.latencies`.

    A game whose end is unknown counts if it started after `since`.
    """
    schedule = warehouse.scan(TABLES["schedule"]).filter(pl.col("game_date") >= min(dates)).collect()
    slates = schedule.filter(pl.col("status") != OFF).select("game_date").unique().sort("game_date")
    following = slates.with_columns(pl.col("game_date").shift(-1).alias("next_slate"))
    final = schedule.filter((pl.col("status") == "final") & pl.col("game_date").is_in(dates))
    ended = _ended(landing, sorted(set(final["game_date"])))
    midnight = pl.col("game_date").cast(pl.Datetime("us")).dt.replace_time_zone(EASTERN_NAME).dt.convert_time_zone("UTC")
    counted = final.join(ended, on="game_id", how="left").filter(pl.coalesce("final_at", "tipoff_at", midnight) >= since)
    span = {"first": min(dates), "last": max(dates)}
    predicted = warehouse.sql(PREDICTED.format(**span))["game_id"]
    is_predicted = pl.col("game_id").is_in(predicted.to_list()).alias("is_predicted")
    games = counted.select("game_date", "game_id", is_predicted).join(following, on="game_date", how="left")
    days = set(games["game_date"]) | set(games["next_slate"].drop_nulls())
    return latencies(
        games,
        ended,
        warehouse.sql(SEEN).with_columns(pl.col("boxscore_at").cast(UTC_INSTANT)),
        warehouse.sql(GRADED.format(**span)).with_columns(pl.col("graded_at").cast(UTC_INSTANT)),
        {
            table: {day: materialization_instants(instance, table, day) for day in days}
            for table in ("player_game_summary", "features", "predictions")
        },
    )


def _ended(landing: Landing, dates: Sequence[date]) -> pl.DataFrame:
    """Returns game_id and final_at: the instant of the last action in the newest play-by-play of each game.

    A game whose last action has no readable instant is omitted.
    """
    instants: dict[str, datetime] = {}
    for day in dates:
        for payload in reversed(landing.listed(PROVIDER, "playbyplay", day)):  # newest first
            if payload.slot.entity not in instants and (at := _last_action(payload)):
                instants[payload.slot.entity] = at
    return pl.DataFrame(
        {"game_id": list(instants), "final_at": list(instants.values())}, {"game_id": pl.String(), "final_at": UTC_INSTANT}
    )


def _last_action(payload: Payload) -> datetime | None:
    """Returns the instant of the last action in a play-by-play; None if it is unreadable."""
    if payload.ref not in _last_actions:
        try:
            if payload.problem:  # the run of `play_by_play` moves unreadable payloads aside
                return None
        except FileNotFoundError:  # another process moved it
            return None
        last = TIME_ACTUAL.search(payload.body, max(payload.body.rfind(b'"timeActual"'), 0))
        _last_actions[payload.ref] = _instant(last[1]) if last else None
    return _last_actions[payload.ref]


_last_actions: dict[str, datetime | None] = {}
"""Payload -> the instant of its last action. A payload never changes, and a monitor reads the same payloads every few minutes."""


def _instant(text: bytes) -> datetime | None:
    try:
        return datetime.fromisoformat(text.decode()).astimezone(UTC)
    except ValueError:
        return None

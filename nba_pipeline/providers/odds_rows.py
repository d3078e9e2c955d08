"""Conversion of landed odds to rows of `prop_lines` and `game_lines`: game, cut-off, and reasons for ignored or rejected rows."""

from collections.abc import Callable, Sequence
from datetime import date

import polars as pl

from nba_pipeline.providers.odds_api import OddsApi
from nba_pipeline.providers.odds_events import match_events, parse_events
from nba_pipeline.providers.parsing import read_each
from nba_pipeline.tables.table import PROBLEM
from nba_pipeline.warehouse.payloads import Payload

AFTER_TIPOFF = "shown at or after tip-off"

IGNORED = "ignored"
"""Temporary column: why a row is ignored by declaration. Ignored rows are counted and not stored."""

NO_OFFERS = pl.DataFrame(schema={PROBLEM: pl.String, IGNORED: pl.String})


def as_rows(odds: pl.DataFrame, events: pl.DataFrame, schedule: pl.DataFrame) -> pl.DataFrame:
    """Returns event odds as rows of the table without the player, with `game_id`, `tipoff_at` and `is_before_tipoff`.

    `tipoff_at`, the cut-off, is the earlier of the schedule's tip-off and the provider's start. It is null without the
    schedule's tip-off, because the provider's start is about ten minutes late.
    """
    matched = match_events(events, schedule).select("odds_event_id", "game_id")
    games = schedule.select("game_id", "game_date", pl.col("tipoff_at").alias("scheduled_at"))
    rows = odds.join(matched, on="odds_event_id", how="left").join(games, on="game_id", how="left")
    return rows.with_columns(
        pl.when(pl.col("scheduled_at").is_not_null()).then(pl.min_horizontal("scheduled_at", "commence_time")).alias("tipoff_at"),
        pl.lit(None, pl.Boolean).alias("is_latest_pregame"),
        pl.coalesce(
            PROBLEM,
            pl.when(pl.col("game_id").is_null()).then(pl.format("event {} matches no game of the schedule", "odds_event_id")),
        ).alias(PROBLEM),
    ).with_columns((pl.col("snapshot_at") < pl.col("tipoff_at")).alias("is_before_tipoff"))


def landed_rows(
    odds_api: OddsApi, games: pl.DataFrame, day: date, parse: Callable[[Payload], pl.DataFrame], problems: list[str]
) -> list[pl.DataFrame]:
    """Returns a list with one frame: all landed odds of a date as rows of the table. Empty without landed events or odds.

    The reasons of rejected responses are appended to `problems`.
    """
    listed = read(odds_api, odds_api.landed_events(day), parse_events, problems)
    offered = read(odds_api, odds_api.landed_odds(day), parse, problems)
    if listed.is_empty() or offered.is_empty():
        return []
    newest = listed.unique("odds_event_id", keep="last", maintain_order=True)
    return [as_rows(offered, newest, games).with_columns(pl.col("game_date").fill_null(day))]


def read(
    odds_api: OddsApi, payloads: Sequence[Payload], parse: Callable[[Payload], pl.DataFrame], problems: list[str]
) -> pl.DataFrame:
    """Returns all payloads as one frame, oldest first. Payloads that do not parse are rejected and added to `problems`."""
    frames = [frame for _, frame in read_each(parse, payloads, odds_api.http.landing, problems)]
    return pl.concat(frames, how="diagonal_relaxed") if frames else pl.DataFrame()

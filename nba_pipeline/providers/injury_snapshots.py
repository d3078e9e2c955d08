"""Snapshots of the injury report: requests for the newest one, and the landed ones as frames."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

import polars as pl

from nba_pipeline.errors import PipelineError
from nba_pipeline.league.calendar import eastern_date
from nba_pipeline.providers import espn as espn_api
from nba_pipeline.providers import injury_report as official
from nba_pipeline.providers.espn import Espn
from nba_pipeline.providers.injury_report import InjuryReport, due_at
from nba_pipeline.providers.parsing import read_each
from nba_pipeline.warehouse.payloads import Payload

SECONDS_PER_MINUTE = 60


def land_reports(
    games: pl.DataFrame, day: date, injury_report: InjuryReport, espn: Espn, now: datetime
) -> tuple[Payload | None, list[str]]:
    """Lands the newest report on a date's games, else ESPN's injuries. Returns the payload, if there is one, and the problems.

    There are no requests before the slate is due, and none in an offline run. Once every game has begun, the request is for
    the last report from before the first tip-off. ESPN is then skipped, because it only serves current injuries.
    """
    if injury_report.http.landing.is_offline:
        return None, []
    tipoffs = games.filter(pl.col("status") != "postponed")["tipoff_at"]
    if now < due_at(day) or tipoffs.is_empty():
        return None, []
    is_over = (tipoffs <= now).fill_null(eastern_date(now) > day).all()
    before = tipoffs.min() if is_over else now
    if not isinstance(before, datetime):
        return None, [f"no game of {day} has a tip-off time, so no pregame report can be requested"]
    report, problems = injury_report.newest(day, before)
    if report is None and not is_over:
        try:
            report = espn.injuries(day)
        except PipelineError as error:
            problems.append(str(error))
    return report, problems


def landed_snapshots(
    day: date, injury_report: InjuryReport, espn: Espn, problems: list[str], landed: Payload | None = None
) -> list[pl.DataFrame]:
    """Returns every landed snapshot of a date, one frame each, with its provider.

    `landed` is the result of `land_reports`, whose parsed rows are reused. Snapshots with the same printed instant and contents
    count once. The reasons of rejected snapshots are appended to `problems`.
    """
    landing = injury_report.http.landing
    sources = (
        (official.PROVIDER, injury_report.landed(day), official.parse_injury_report),
        (espn_api.PROVIDER, espn.landed_injuries(day), espn_api.parse_injuries),
    )
    frames = dict[tuple[tuple[Any, ...], ...], pl.DataFrame]()
    for provider, payloads, parse in sources:
        parsed = read_each(parse, [landed if payload == landed else payload for payload in payloads], landing, problems)
        for _, frame in reversed(parsed):  # newest first, so that the oldest of equal snapshots remains
            if frame.height:
                frames[tuple(frame.drop("seen_at", "source").rows())] = frame.with_columns(pl.lit(provider).alias("provider"))
    return list(frames.values())


def minutes_old(frames: Sequence[pl.DataFrame], now: datetime) -> float | None:
    """Returns the age in minutes of the newest official report, from its printed instant; None without one."""
    printed = [frame["snapshot_at"][0] for frame in frames if frame["provider"][0] == official.PROVIDER]
    return (now - max(printed)).total_seconds() / SECONDS_PER_MINUTE if printed else None

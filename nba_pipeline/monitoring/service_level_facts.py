"""Reads the facts from which the service levels are judged: latencies, decided work, manual acts and releases."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import dagster as dg
import polars as pl

from nba_pipeline.audit.trail import ACKNOWLEDGED, Entry, trail
from nba_pipeline.league.calendar import days, eastern, eastern_date
from nba_pipeline.monitoring.decided_work import read_work
from nba_pipeline.monitoring.latency_facts import read_latencies
from nba_pipeline.monitoring.objectives import UNIT, Facts
from nba_pipeline.monitoring.releases import judge, read_releases
from nba_pipeline.monitoring.service_levels import WINDOWS
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing

REPAIR = "repair"


def read_facts(
    instance: dg.DagsterInstance, warehouse: Warehouse, landing: Landing, since: datetime, now: datetime, back: int = max(WINDOWS)
) -> Facts:
    """Returns the facts of today and the `back` days before it, since the daemon was first started."""
    today = eastern_date(now)
    dates = days(today - timedelta(days=back), today)
    begin = max(since, eastern(dates[1], 0))
    entries = [one for one in trail(warehouse, landing, instance, dates[0], today) if one.at >= begin]
    repairs = [one.at for one in entries if one.action == REPAIR]
    releases = [one for one in read_releases(warehouse) if one["released_at"] >= since]
    return Facts(
        latencies=read_latencies(instance, warehouse, landing, dates, since),
        work=read_work(instance, begin),
        acts=acts_of(entries),
        releases=judge(releases, repairs, now),
        since=since,
    )


def acts_of(entries: Sequence[Entry]) -> pl.DataFrame:
    """Returns game_date and at of each manual act. `entries` are oldest first.

    An act is a series of entries by one person with short pauses. Acknowledgments do not count, because they change no data.
    """
    acts, pause, last = list[datetime](), timedelta(minutes=SETTINGS.service_levels.act_minutes), dict[str, datetime]()
    for one in entries:
        if one.action == ACKNOWLEDGED or not one.is_by_a_person:
            continue
        if one.who not in last or one.at - last[one.who] > pause:
            acts.append(one.at)
        last[one.who] = one.at
    return pl.DataFrame({"game_date": map(eastern_date, acts), "at": acts}, schema=UNIT)

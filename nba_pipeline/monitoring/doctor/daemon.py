"""Probes of Dagster: the definitions load, and the daemon ticks the schedules and sensors that the code defines."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import dagster as dg

from nba_pipeline.instance.instigators import Instigator, read_instigators
from nba_pipeline.monitoring.alert_changes import duration
from nba_pipeline.monitoring.doctor.probe import Result, failed, ok, warning
from nba_pipeline.monitoring.watchdog import EXPECTED, findings
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.wording import counted

START = "start the daemon: `make dev`, or the units in deploy/"


def definitions(load: Callable[[], dg.Definitions]) -> Result:
    """Loads the definitions as the daemon and the web server do."""
    assets = load().resolve_asset_graph().get_all_asset_keys()
    return ok("definitions", f"{counted(len(assets), 'asset')} load")


def daemon(instance: dg.DagsterInstance, now: datetime, *, is_in_season: bool, is_production: bool) -> Result:
    """Judges the ticks of an instance, see `judge`."""
    return judge(read_instigators(instance), now, is_in_season=is_in_season, is_production=is_production)


def judge(live: Mapping[str, Instigator], now: datetime, *, is_in_season: bool, is_production: bool) -> Result:
    """Judges the ticks like the watchdog, but warns earlier: a daemon that ended minutes ago has missed no schedule yet.

    Out of season a silent daemon is no failure, because nothing is due. Outside of production, a home may never have had one.
    """
    if not live and not is_production:
        return warning("daemon", "this home has never had a daemon, so nothing runs without a command", START)
    if problems := findings(live, EXPECTED, now):
        message = " ".join(one.message for one in problems)
        return failed("daemon", message, START) if is_in_season else ok("daemon", f"out of season: {message}")
    newest = max(one.last_tick for one in live.values() if one.last_tick)
    message = f"the newest tick is {duration(newest, now)} old"
    if is_in_season and now - newest >= timedelta(minutes=SETTINGS.doctor.silent_minutes):
        return warning("daemon", f"{message}; a running daemon ticks every 30 seconds", START)
    return ok("daemon", f"{len(live)} schedules and sensors tick as the code defines; {message}")

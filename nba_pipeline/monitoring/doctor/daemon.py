"""Probes of Dagster: the definitions load, and the daemon ticks the schedules and sensors that the code defines."""

from collections.abc import Callable
from datetime import datetime

import dagster as dg

from nba_pipeline.instance.instigators import read_instigators
from nba_pipeline.monitoring.doctor.probe import Result, failed, ok, warning
from nba_pipeline.monitoring.watchdog import EXPECTED, findings
from nba_pipeline.tables.wording import counted

START = "start the daemon: `make dev`, or the units in deploy/"


def definitions(load: Callable[[], dg.Definitions]) -> Result:
    """Loads the definitions as the daemon and the web server do."""
    assets = load().resolve_asset_graph().get_all_asset_keys()
    return ok("definitions", f"{counted(len(assets), 'asset')} load")


def daemon(instance: dg.DagsterInstance, now: datetime, *, is_in_season: bool, is_production: bool) -> Result:
    """Judges the ticks as the watchdog does.

    Out of season a silent daemon is no failure, because nothing is due. Outside of production, a home may never have had one.
    """
    live = read_instigators(instance)
    if not live and not is_production:
        return warning("daemon", "this home has never had a daemon, so nothing runs without a command", START)
    found = findings(live, EXPECTED, now)
    if not found:
        return ok("daemon", f"{len(live)} schedules and sensors tick as the code defines")
    message = " ".join(one.message for one in found)
    if not is_in_season:
        return ok("daemon", f"out of season: {message}")
    return failed("daemon", message, START)

"""The decay state of each system, derived from the sequence of 30-day windows in `system_performance`."""

from collections.abc import Collection, Mapping
from datetime import date, timedelta

import polars as pl

from nba_pipeline.formulas.decay import Decay, Window, decay
from nba_pipeline.formulas.performance import ALL, GROUPS
from nba_pipeline.league.calendar import days, season_start
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse

WINDOW = "30 days"
COLUMNS = ("game_date", "system_id", "window", "gap_n", "gap", "gap_low")


def read_windows(warehouse: Warehouse, before: date) -> pl.DataFrame:
    """Returns the windows of all live predictions of the market, of the season's dates before a date, by system and date."""
    last = before - timedelta(days=1)
    is_all = pl.all_horizontal(pl.col(name) == ALL for name in GROUPS)
    is_live = (pl.col("run_kind") == "live") & (pl.col("market") == SETTINGS.lines.market)
    season = days(min(season_start(before), last), last)
    rows = warehouse.scan(TABLES["system_performance"], season).filter(is_all, is_live, pl.col("window") == WINDOW)
    return rows.select(COLUMNS).sort("system_id", "game_date").collect()


def decays_of(windows: pl.DataFrame, systems: Collection[str]) -> Mapping[str, Decay]:
    """Returns system -> its decay state after the windows of `read_windows`."""
    limits, states = SETTINGS.governance.decay, dict.fromkeys(systems, Decay())
    for (system_id,), part in windows.partition_by("system_id", as_dict=True).items():
        if system_id in states:
            of_system = (Window(*row) for row in part.select("game_date", "gap_n", "gap", "gap_low").iter_rows())
            states[str(system_id)] = decay(of_system, **limits)
    return states

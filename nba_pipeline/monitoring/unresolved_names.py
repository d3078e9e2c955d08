"""Alerts for names that have a line and resolve to no player, on the day of the line.

Such a name has no predictions until an operator resolves it.
"""

import re
from collections.abc import Mapping
from datetime import date, timedelta

import dagster as dg
import polars as pl

from nba_pipeline.completeness.next_steps import resolving_command
from nba_pipeline.completeness.quarantine_cases import is_accepted
from nba_pipeline.league.calendar import eastern_date
from nba_pipeline.league.name_resolution import IS_A_NAME_PROBLEM
from nba_pipeline.monitoring.alerts import Notifier
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.wording import counted
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.partitions import recovering

NAME_UNRESOLVED = "name_unresolved"


def unresolved_names(warehouse: Warehouse, day: date) -> dict[str, tuple[str, int]]:
    """Returns spelling -> its problem and the number of its quarantined lines of a date, most lines first. Omits accepted cases."""
    is_open = IS_A_NAME_PROBLEM & ~is_accepted(warehouse, "prop_lines", [day])
    rows = recovering(lambda: warehouse.scan_quarantine(TABLES["prop_lines"], [day]).filter(is_open).collect())
    spelling = pl.col("row").str.json_path_match("$.spelling").alias("spelling")
    counts = rows.group_by(spelling, "problem").len().sort(["len", "spelling"], descending=[True, False])
    return {name: (problem, count) for name, problem, count in counts.select("spelling", "problem", "len").iter_rows() if name}


def alert_on_unresolved_names(notifier: Notifier, day: date, names: Mapping[str, tuple[str, int]]) -> int:
    """Raises an alert per name. Many names indicate another cause and raise one alert. Returns the number of new alerts."""
    if len(names) > SETTINGS.names.most_alerts:
        first = list(names)[: SETTINGS.names.most_alerts]  # those with the most lines
        others, listing = len(names) - len(first), f"nba-pipeline quarantine list --date {day} --table prop_lines"
        message = (
            f"prop_lines of {day}: {len(names)} names have no player: {', '.join(first)} and {counted(others, 'other')}; "
            f"{listing} lists all. The player's ID: {_command_for_id(first[0])}"
        )
        command = resolving_command(first[0], day)
        return int(notifier.raise_alert(day, NAME_UNRESOLVED, "prop_lines", message, next_command=command))
    raised = 0
    for spelling, (problem, count) in names.items():
        command = resolving_command(spelling, day)
        quarantined = f"prop_lines of {day}: {problem}; {counted(count, 'line is', 'lines are')} quarantined."
        message = f"{quarantined} The player's ID: {_command_for_id(spelling)}"
        raised += notifier.raise_alert(day, NAME_UNRESOLVED, spelling, message, next_command=command)
    return raised


def _command_for_id(spelling: str) -> str:
    """Returns the command that lists the ids of the players whose name has the longest word of the spelling."""
    word = max(re.findall(r"\w+", spelling), key=len, default="")
    return f"""nba-pipeline sql "SELECT DISTINCT player_id, player_name FROM players WHERE player_name LIKE '%{word}%'\""""


@dg.asset_sensor(
    asset_key=dg.AssetKey("prop_lines"),
    name="alert_on_unresolved_names",
    minimum_interval_seconds=30,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Raises an alert for each name with a line of today or tomorrow that resolves to no player.",
)
def unresolved_names_sensor(
    context: dg.SensorEvaluationContext, asset_event: dg.EventLogEntry, warehouse: dg.ResourceParam[Warehouse], notifier: Notifier
) -> dg.SkipReason:
    """Runs after each capture of lines, for today and tomorrow. The check `every_name_is_resolved` covers past dates."""
    today = eastern_date(notifier.clock.now())
    unresolved = {day: unresolved_names(warehouse, day) for day in (today, today + timedelta(days=1))}
    for day, names in unresolved.items():
        alert_on_unresolved_names(notifier, day, names)
    return dg.SkipReason("; ".join(f"{day}: {counted(len(names), 'name')} without a player" for day, names in unresolved.items()))

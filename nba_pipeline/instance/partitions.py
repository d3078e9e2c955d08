"""The partition definitions that tables share."""

import dagster as dg

from nba_pipeline.league.calendar import EASTERN_NAME, FIRST_DATE

DAILY = dg.DailyPartitionsDefinition(FIRST_DATE.isoformat(), timezone=EASTERN_NAME, end_offset=2)
"""The partitions of every daily table: 2021-10-01 to tomorrow, in US Eastern dates."""

WEEKLY = dg.WeeklyPartitionsDefinition("2021-09-27", timezone=EASTERN_NAME, day_offset=1, end_offset=2)
"""Training weeks, Monday to Sunday. `end_offset=2` lets Sunday's run train for Monday."""

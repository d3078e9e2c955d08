"""Whether the demo is the first step in a home, and the refusal of commands in a home without tables."""

from datetime import date, timedelta
from typing import TYPE_CHECKING

from nba_pipeline.environments import environment, home, now
from nba_pipeline.errors import BadInput

if TYPE_CHECKING:
    from nba_pipeline.warehouse import Warehouse

DEMO_DAYS = 35


def no_tables(day: date) -> str:
    """Returns the message for a home without tables: the first command is the demo for a recent date of the sandbox, else a run."""
    from nba_pipeline.league.calendar import eastern_date

    is_of_demo = environment() == "sandbox" and day >= eastern_date(now()) - timedelta(days=1)
    first = "nba-pipeline demo" if is_of_demo else f"nba-pipeline run --date {day}"
    return f"{'the warehouse' if environment() == 'production' else f'the home {home()}'} has no tables; first: `{first}`"


def refuse_without_tables(warehouse: "Warehouse", day: date) -> None:
    """Raises BadInput for a home without tables."""
    from nba_pipeline.tables.registry import TABLES

    if not warehouse.dates(TABLES["schedule"]):
        raise BadInput(no_tables(day))

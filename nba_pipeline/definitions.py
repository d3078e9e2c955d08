"""Assembly of everything that Dagster serves. Nothing is defined here."""

import atexit
import gc
from typing import Any

import dagster as dg

from nba_pipeline.environments import environment, resources_for  # before the table modules: it registers the settings file
from nba_pipeline.orchestration.jobs import JOBS
from nba_pipeline.orchestration.morning_summary import morning_summary
from nba_pipeline.orchestration.schedules import SCHEDULES
from nba_pipeline.orchestration.sensors import SENSORS
from nba_pipeline.orchestration.slate_export import slate_export
from nba_pipeline.orchestration.slate_status import slate_status


def build_definitions(name: str, resources: dict[str, Any] | None = None) -> dg.Definitions:
    """Returns the definitions with the resources of an environment. `resources` overrides some of them."""
    modules = dg.load_assets_from_package_name("nba_pipeline.assets")
    checks = dg.load_asset_checks_from_package_name("nba_pipeline.assets")
    return dg.Definitions(
        assets=[*modules, slate_status, slate_export, morning_summary],
        asset_checks=checks,
        jobs=JOBS,
        schedules=SCHEDULES,
        sensors=SENSORS,
        resources={**resources_for(name), **(resources or {})},
        executor=dg.in_process_executor,
    )


defs = build_definitions(environment())

# Modules and definitions live as long as their process: a collection that traverses them takes 0.2 CPU seconds and frees nothing.
gc.freeze()
atexit.register(gc.unfreeze)  # libraries that check for leaks at the end of the process would report the frozen objects

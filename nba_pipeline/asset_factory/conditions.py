"""The automation condition that propagates updates through the graph.

Thresholds belong in the blocking checks. Schedules and sensors, which start a day, belong in `orchestration/`.
"""

from datetime import timedelta

import dagster as dg
from dagster import AutomationCondition as Condition

from nba_pipeline.tables.declarations import WITHIN_DAYS, Wiring


def condition_of(wiring: Wiring) -> Condition | None:  # type: ignore[type-arg]
    """Returns the condition that requests a date of the last days when `follows` is newer and all of `needs` have passed.

    Each update is requested once; the reconciliation retries failed runs. The request stays pending until the gate opens. Only
    same-date tables are gates, because over a window any passed date satisfies Dagster's condition. Windows have their gates in
    the asset itself and in `upcoming_players`. None for a table that schedules and sensors request.
    """
    follows, needs, if_changed = (wiring.get("follows", ()), wiring.get("needs", ()), wiring.get("if_changed", ()))
    if not follows:
        return None
    followed, needed, compared = (dg.AssetSelection.assets(*names) for names in (follows, needs, if_changed))
    updated: Condition[dg.AssetKey] = Condition.any_deps_match(Condition.newly_updated()).allow(followed - compared)
    if if_changed:
        updated = updated | Condition.any_deps_match(Condition.data_version_changed()).allow(compared)
    # two conditions, because within one tick Dagster compares update instants with a single other condition only;
    # since_last_handled would treat an update during the run of the table as handled
    is_older, was_not_requested = updated.since(Condition.newly_updated()), updated.since(Condition.newly_requested())
    is_requested_with_upstream = Condition.any_deps_match(Condition.will_be_requested()).allow(followed)
    is_to_be_updated = (is_older & was_not_requested) | is_requested_with_upstream
    return (
        Condition.in_latest_time_window(timedelta(days=wiring.get("within_days", WITHIN_DAYS)))
        & is_to_be_updated
        & ~Condition.any_deps_missing().allow(needed)
        & ~Condition.any_deps_in_progress().allow(followed | needed)
        & ~Condition.in_progress()
        & Condition.all_deps_blocking_checks_passed().allow(needed)
    ).with_label("every dependency has passed")

"""The schedules and sensors of Dagster's daemon with their newest ticks. Reads Dagster's storage; needs no daemon."""

from dataclasses import dataclass
from datetime import UTC, datetime

import dagster as dg
from dagster._core.scheduler.instigation import InstigatorState, InstigatorStatus, ScheduleInstigatorData  # Dagster 1.13


@dataclass(frozen=True)
class Instigator:
    """A schedule or sensor, as recorded by the daemon."""

    name: str
    is_running: bool
    last_tick: datetime | None
    """Instant of the newest tick, UTC; that of a schedule is the instant at which it was due."""
    started_at: datetime | None = None
    """Since when the daemon evaluates a schedule, UTC; None for a sensor."""


def read_instigators(instance: dg.DagsterInstance) -> dict[str, Instigator]:
    """Returns every schedule and sensor of which Dagster has a state, by name.

    A name that was loaded from several code locations has several states; the one with the newest tick counts.
    """
    newest: dict[str, Instigator] = {}
    for state in instance.all_instigator_state():
        ticks = instance.get_ticks(state.instigator_origin_id, state.selector_id, limit=1)
        tick_at = datetime.fromtimestamp(ticks[0].timestamp, UTC) if ticks else None
        one = Instigator(state.instigator_name, state.status != InstigatorStatus.STOPPED, tick_at, _started_at(state))
        before = newest.get(one.name)
        if before is None or _rank(one) > _rank(before):
            newest[one.name] = one
    return newest


def _started_at(state: InstigatorState) -> datetime | None:
    data = state.instigator_data
    at = data.start_timestamp if isinstance(data, ScheduleInstigatorData) else None
    return datetime.fromtimestamp(at, UTC) if at is not None else None


def _rank(one: Instigator) -> float:
    return one.last_tick.timestamp() if one.last_tick else 0.0

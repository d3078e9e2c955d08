"""The decisions of schedules and sensors and their reasons, read from the ticks of Dagster's daemon.

A decision can be queried while Dagster keeps its tick. `retention` in dagster.yaml sets the days per kind and outcome. Removing
a schedule or sensor from the code also removes its decisions, because Dagster drops its state. A tick in progress is not a
decision yet.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import dagster as dg
from dagster._core.scheduler.instigation import InstigatorTick, TickStatus

from nba_pipeline.errors import BadInput
from nba_pipeline.instance.causes import error_summary
from nba_pipeline.instance.run_tags import MODE_TAG, PARTITION_TAG, RANGE_TAGS, WHY_TAG
from nba_pipeline.league.calendar import eastern, parse_date, parse_instant

DECISION_OF = {TickStatus.SUCCESS: "run", TickStatus.SKIPPED: "skip", TickStatus.FAILURE: "failed"}
RUNS_PER_QUERY = 500
NO_REASON = "no reason given"


def decisions(instance: dg.DagsterInstance, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """Returns one record per decision from `start` on and before `end`, oldest first.

    Fields: at (UTC), name, kind (schedule, sensor), decision (run, skip, failed), reason (of a skip or failure; for a sensor
    that acted without a run, the runs it read), runs ({id, partition, mode, why}), times and until (number and end of
    consecutive skips for the same reason).
    """
    ticks: dict[int, InstigatorTick] = {}
    for state in instance.all_instigator_state():
        state_ticks = instance.get_ticks(
            state.instigator_origin_id, state.selector_id, after=start.timestamp() - 1, before=end.timestamp() + 1
        )
        # the same tick is returned for each location from which the code was loaded
        ticks |= {tick.tick_id: tick for tick in state_ticks if tick.status in DECISION_OF}
    in_order = sorted(
        (tick for tick in ticks.values() if start.timestamp() <= tick.timestamp < end.timestamp()),
        key=lambda tick: (tick.timestamp, tick.tick_id),
    )
    runs = _runs(instance, {run_id for tick in in_order for run_id in tick.run_ids})
    return fold([_record(tick, runs) for tick in in_order])


def fold(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Merges consecutive skips of a name for the same reason into one record."""
    folded: list[dict[str, Any]] = []
    newest: dict[tuple[str, str], dict[str, Any]] = {}
    for record in records:
        key = (record["kind"], record["name"])
        before = newest.get(key)
        if before and record["decision"] == before["decision"] == "skip" and record["reason"] == before["reason"]:
            before["times"], before["until"] = before["times"] + 1, record["until"]
        else:
            newest[key] = dict(record)
            folded.append(newest[key])
    return folded


def span(first: str | None, last: str | None, now: datetime) -> tuple[datetime, datetime]:
    """Returns the instants of --from and --to, each an instant or an Eastern date. A date of --to is included.

    Defaults to the two days before now. Raises BadInput.
    """
    end = _instant(last, "--to", timedelta(days=1)) if last else now
    start = _instant(first, "--from", timedelta(0)) if first else end - timedelta(days=2)
    if start >= end:
        raise BadInput(f"--from {first or start.isoformat()} is not before --to {last or end.isoformat()}")
    return start, end


def _instant(text: str, option: str, offset: timedelta) -> datetime:
    """Returns an instant with an offset, or the Eastern midnight at the start of a date plus `offset`."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return parse_instant(text, option)
    return eastern(parse_date(text, option) + offset, 0)


def _record(tick: InstigatorTick, runs: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    at = datetime.fromtimestamp(tick.timestamp, UTC).isoformat(timespec="seconds")
    return {
        "at": at,
        "name": tick.instigator_name,
        "kind": tick.instigator_type.value.lower(),
        "decision": DECISION_OF[tick.status],
        "reason": _reason(tick),
        "runs": [runs[run_id] for run_id in tick.run_ids],
        "times": 1,
        "until": at,
    }


def _reason(tick: InstigatorTick) -> str | None:
    """Returns why a tick skipped or failed; None if it started runs."""
    if tick.status == TickStatus.SKIPPED:
        return tick.skip_reason or NO_REASON
    if tick.status == TickStatus.FAILURE:
        return _deepest_cause(tick.error)
    if not tick.run_ids:
        run_ids = ", ".join(tick.origin_run_ids or ())
        return f"reacted to runs {run_ids}" if run_ids else "acted without starting a run"
    return None


def _deepest_cause(error: Any) -> str:
    """Returns the deepest cause in one sentence."""
    while error is not None and error.cause is not None:
        error = error.cause
    return error_summary(str(error.message) if error is not None else "")


def _runs(instance: dg.DagsterInstance, run_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Returns run id -> id, partition (or range), mode and why; None for fields of a deleted run."""
    ids = sorted(run_ids)
    runs: dict[str, dict[str, Any]] = {run_id: {"id": run_id, "partition": None, "mode": None, "why": None} for run_id in ids}
    edges = [*range(0, len(ids), RUNS_PER_QUERY), len(ids)]
    for low, high in pairwise(edges):
        for run in instance.get_runs(dg.RunsFilter(run_ids=ids[low:high])):
            dates = [run.tags[tag] for tag in RANGE_TAGS if tag in run.tags]
            partition = run.tags.get(PARTITION_TAG) or " to ".join(dates) or None
            runs[run.run_id] |= {"partition": partition, "mode": run.tags.get(MODE_TAG), "why": run.tags.get(WHY_TAG)}
    return runs

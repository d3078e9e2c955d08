"""What every schedule and sensor decided, and why: read from the ticks that Dagster's daemon stores, nothing kept twice.

A decision can be queried as long as its tick is kept. `retention` in dagster.yaml says how many days that is, per kind and
outcome; the daemon purges what is older. A schedule or sensor that is taken out of the code takes its decisions with it, for
Dagster forgets that it was there. A tick that has begun and not ended is no decision yet.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any

import dagster as dg
from dagster._core.scheduler.instigation import InstigatorTick, TickStatus

from nba_pipeline.errors import BadInput
from nba_pipeline.instance.causes import sentence_of
from nba_pipeline.instance.run_tags import MODE_TAG, PARTITION_TAG, RANGE_TAGS, WHY_TAG
from nba_pipeline.league.calendar import eastern, parse_date, parse_instant

DECISION_OF = {TickStatus.SUCCESS: "run", TickStatus.SKIPPED: "skip", TickStatus.FAILURE: "failed"}
RUNS_PER_QUESTION = 500
NO_REASON = "no reason given"


def decisions(instance: dg.DagsterInstance, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """One record per decision from `start` on and before `end`, the oldest first.

    at (UTC), name, kind (schedule, sensor), decision (run, skip, failed), reason (of a skip or a failure; of a sensor that
    acted without starting anything, what it looked at), runs ({id, partition, mode, why}), times and until: how often, and up
    to when, the name skipped for the same reason without deciding anything else in between.
    """
    ticks: dict[int, InstigatorTick] = {}
    for state in instance.all_instigator_state():
        found = instance.get_ticks(
            state.instigator_origin_id, state.selector_id, after=start.timestamp() - 1, before=end.timestamp() + 1
        )
        # one and the same tick answers for each place that the code was loaded from
        ticks |= {tick.tick_id: tick for tick in found if tick.status in DECISION_OF}
    in_order = sorted(
        (tick for tick in ticks.values() if start.timestamp() <= tick.timestamp < end.timestamp()),
        key=lambda tick: (tick.timestamp, tick.tick_id),
    )
    runs = _runs(instance, {run_id for tick in in_order for run_id in tick.run_ids})
    return fold([_record(tick, runs) for tick in in_order])


def fold(records: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Make one record of the skips of a name that follow each other for the same reason."""
    folded: list[dict[str, Any]] = []
    newest: dict[tuple[str, str], dict[str, Any]] = {}
    for record in records:
        of = (record["kind"], record["name"])
        before = newest.get(of)
        if before and record["decision"] == before["decision"] == "skip" and record["reason"] == before["reason"]:
            before["times"], before["until"] = before["times"] + 1, record["until"]
        else:
            newest[of] = dict(record)
            folded.append(newest[of])
    return folded


def span(first: str | None, last: str | None, now: datetime) -> tuple[datetime, datetime]:
    """The instants of --from and --to: an instant, or an Eastern date, of which --to holds all. Raises BadInput.

    Without them: the last two days, up to now.
    """
    end = _instant(last, "--to", timedelta(days=1)) if last else now
    start = _instant(first, "--from", timedelta(0)) if first else end - timedelta(days=2)
    if start >= end:
        raise BadInput(f"--from {first or start.isoformat()} is not before --to {last or end.isoformat()}")
    return start, end


def _instant(text: str, option: str, whole_day: timedelta) -> datetime:
    """An instant with an offset, or the Eastern midnight that a date begins with, `whole_day` later."""
    try:
        date.fromisoformat(text)
    except ValueError:
        return parse_instant(text, option)
    return eastern(parse_date(text, option) + whole_day, 0)


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
    """Why it skipped or failed; None for runs that it started."""
    if tick.status == TickStatus.SKIPPED:
        return tick.skip_reason or NO_REASON
    if tick.status == TickStatus.FAILURE:
        return _sentence(tick.error)
    if not tick.run_ids:
        looked_at = ", ".join(tick.origin_run_ids or ())
        return f"acted on {looked_at}" if looked_at else "acted, and started no run"
    return None


def _sentence(error: Any) -> str:
    """The deepest cause, in one sentence."""
    while error is not None and error.cause is not None:
        error = error.cause
    return sentence_of(str(error.message) if error is not None else "")


def _runs(instance: dg.DagsterInstance, run_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Run id -> id, partition (or range), mode and why; null for a run that was deleted since."""
    wanted = sorted(run_ids)
    runs: dict[str, dict[str, Any]] = {run_id: {"id": run_id, "partition": None, "mode": None, "why": None} for run_id in wanted}
    edges = [*range(0, len(wanted), RUNS_PER_QUESTION), len(wanted)]
    for low, high in pairwise(edges):
        for run in instance.get_runs(dg.RunsFilter(run_ids=wanted[low:high])):
            dates = [run.tags[tag] for tag in RANGE_TAGS if tag in run.tags]
            partition = run.tags.get(PARTITION_TAG) or " to ".join(dates) or None
            runs[run.run_id] |= {"partition": partition, "mode": run.tags.get(MODE_TAG), "why": run.tags.get(WHY_TAG)}
    return runs

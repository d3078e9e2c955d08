"""Decides whether a capture of the lines of a slate is due, must be repeated or must wait. The sensor `lines` requests the runs.

The instants of captures belong in `completeness/modes.py`.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime

import dagster as dg
import polars as pl

from nba_pipeline.assets.sources.prop_lines import GAMES_ANSWERED, UPCOMING_GAMES
from nba_pipeline.completeness.modes import capture_instants
from nba_pipeline.completeness.next_steps import NEW_KEY, fetching_command
from nba_pipeline.instance.materializations import latest_materialization
from nba_pipeline.instance.rereads import PROBLEMS_MET
from nba_pipeline.instance.run_tags import DUE_TAG, MODE_TAG
from nba_pipeline.league.eastern_text import eastern_text
from nba_pipeline.monitoring.alerts import Notifier
from nba_pipeline.monitoring.incidents import is_refused, request_lines
from nba_pipeline.orchestration.run_requests import Decision, games_of, request, warehouse_problem
from nba_pipeline.orchestration.work import Attempts, attempts_at
from nba_pipeline.providers.nba_cdn import NbaCdn
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.declarations import requested_by
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.wording import counted
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing

PROVIDER = "odds_api"


def decide_capture(
    instance: dg.DagsterInstance, warehouse: Warehouse, nba_cdn: NbaCdn, notifier: Notifier, day: date, now: datetime
) -> Decision:
    """Decides whether to request the last due capture. Raises an alert if it lacks games after several attempts."""
    tipoffs = games_of(warehouse, [day]).filter(pl.col("tipoff_at") > now)["tipoff_at"].to_list()
    due_at = max((at for at in capture_instants(tipoffs) if at <= now), default=None)
    if due_at is None:
        return Decision(day, "no capture is due" if tipoffs else "no upcoming games")
    attempts, share = attempts_at(instance, "lines", day, due_at), share_captured(instance, day, due_at)
    problem = problem_of_capture(instance, day, due_at)
    has_refused = share < 1.0 and is_key_refused(nba_cdn.http.landing, day, due_at)  # a retry does not help
    has_enough_attempts = attempts.ended >= SETTINGS.patience.alert_after_attempts or has_refused
    capture = f"the capture of {eastern_text(due_at, '%H:%M')}"
    if share < 1.0 and has_enough_attempts:
        message = f"{_shortfall(warehouse, day, capture, share)} ({counted(attempts.ended, 'attempt')})"
        message += f": {problem}" if problem else ""
        command = NEW_KEY if has_refused else fetching_command(day, tipoffs, now)
        notifier.raise_alert(day, "lines_missing", "prop_lines", message, next_command=command)
    if share == 1.0 or (share and has_enough_attempts):
        return Decision(day, "no capture is due")
    if reason := _reason_to_wait(attempts, warehouse, now):
        return Decision(day, f"{capture} {reason}")
    # the first attempt includes the schedule if its provider is available: a moved tip-off moves captures and polling
    is_alone = attempts.ended or nba_cdn.http.is_open("nba_cdn")
    tables = requested_by("lines") if is_alone else ("schedule", *requested_by("lines"))
    tags = {MODE_TAG: "lines", DUE_TAG: due_at.isoformat()}
    run_key = f"lines:{day}:{due_at.isoformat()}:{attempts.ended}"
    return Decision(day, f"{capture} is due", request(tables, day, run_key, tags))


def _shortfall(warehouse: Warehouse, day: date, capture: str, share: float) -> str:
    """Returns a message: since when lines are missing, or the share of the games with lines in the capture."""
    if share:
        return f"prop_lines of {day}: {capture} has lines of only {share:.0%} of the upcoming games"
    newest = warehouse.scan(TABLES["prop_lines"], [day]).select(pl.col("captured_at").max()).collect().item()
    since = f"no new lines since {eastern_text(newest)}" if newest else "no lines yet"
    return f"prop_lines of {day}: {since}; {capture} failed"


def _reason_to_wait(attempts: Attempts, warehouse: Warehouse, now: datetime) -> str:
    """Returns why a due capture cannot start now; empty if it can."""
    if attempts.is_in_progress:
        return "waits: another run of the date is in progress"
    next_at = attempts.next_at()
    if next_at is not None and next_at > now:
        return f"failed; the next attempt is at {eastern_text(next_at, '%H:%M')}"
    problem = warehouse_problem(warehouse)
    return f"waits for the warehouse: {problem}" if problem else ""


def share_captured(instance: dg.DagsterInstance, day: date, since: datetime) -> float:
    """Returns the share of upcoming games with a response in the last capture of lines; 0 without a capture since `since`.

    A provider without a response does not fail the run, because earlier captures stay valid. The capture is repeated.
    """
    metadata = _metadata_of_capture(instance, day, since)
    if metadata is None:
        return 0.0
    numbers = (metadata.get(name) for name in (UPCOMING_GAMES, GAMES_ANSWERED))
    upcoming, games_with_response = (number.value or 0 if isinstance(number, dg.IntMetadataValue) else 0 for number in numbers)
    return games_with_response / upcoming if upcoming else 1.0


def is_key_refused(landing: Landing, day: date, since: datetime) -> bool:
    """Whether the provider of lines refused the key of a request of a date since an instant."""
    lines = (line for line, dates in request_lines(landing, since.astimezone(UTC).date()) if day in dates)
    of_lines = [line for line in lines if line["provider"] == PROVIDER and datetime.fromisoformat(line["fetched_at"]) >= since]
    return any(map(is_refused, of_lines))


def problem_of_capture(instance: dg.DagsterInstance, day: date, since: datetime) -> str:
    """Returns the first problem of the last capture since an instant; an empty text without one."""
    problems = getattr((_metadata_of_capture(instance, day, since) or {}).get(PROBLEMS_MET), "value", None) or {}
    return next(iter(problems.get(str(day), [])), "")


def _metadata_of_capture(instance: dg.DagsterInstance, day: date, since: datetime) -> Mapping[str, dg.MetadataValue] | None:
    """Returns the metadata of the last capture; None without a capture since an instant."""
    record = latest_materialization(instance, "prop_lines", day)
    materialization = record and record.asset_materialization
    if record is None or materialization is None or datetime.fromtimestamp(record.timestamp, UTC) < since:
        return None
    return materialization.metadata

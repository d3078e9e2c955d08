"""The asset `slate_status`: the states of today and the last seven dates, in its metadata and checks.

The states are those of `nba-pipeline status`. The sensor `slate_status` reports them without a run. Materializing the asset by
hand reports them at once.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from textwrap import shorten
from typing import Any

import dagster as dg

from nba_pipeline.asset_factory.asset import OWNERS
from nba_pipeline.asset_factory.code_versions import code_version
from nba_pipeline.completeness.states import FAILING
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import EASTERN, days
from nba_pipeline.monitoring.landed_dates import loaded_before
from nba_pipeline.monitoring.run_facts import read_runs
from nba_pipeline.monitoring.status import status
from nba_pipeline.orchestration.corrections import find_corrections
from nba_pipeline.orchestration.work import Work
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.declarations import daily_tables
from nba_pipeline.tables.wording import as_code, counted
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing

NAME = "slate_status"
REASONS_SHOWN = 3
MAX_CHARACTERS = 80
"""Length of the reasons of a date in the grid, whose column is narrow on the page. The checks have the whole text."""
DESCRIPTION = """slate_status: the state of today's slate and of the last seven dates.

Its latest materialization has the grid, and its checks name the dates that need manual work. `nba-pipeline status` shows more of
each date. `nba-pipeline help STATE` explains a state.

The list of a table's checks says "Failed" beside a check while any of its dates has failed, also a date of last year. The checks
here look at these eight dates only."""


@dataclass(frozen=True)
class StateCheck:
    """A fact about the dates: the states that contradict it, and whether they need an operator now."""

    name: str
    states: tuple[str, ...]
    severity: dg.AssetCheckSeverity
    description: str


CHECKS = (
    StateCheck(
        "no_date_is_late_or_failed",
        tuple(FAILING),
        dg.AssetCheckSeverity.ERROR,
        "No date is LATE or FAILED. Runbook: docs/runbooks/table_late.md",
    ),
    StateCheck(
        "no_date_is_degraded",
        ("DEGRADED", "WAIVED"),
        dg.AssetCheckSeverity.WARN,
        "No date is DEGRADED or WAIVED: data is missing.",
    ),
    StateCheck("no_date_is_stale", ("STALE",), dg.AssetCheckSeverity.WARN, "No date has rows of another code version."),
)


def slates(instance: dg.DagsterInstance, warehouse: Warehouse, landing: Landing, clock: Clock) -> list[dict[str, Any]]:
    """Returns the status records of today and the last seven dates, newest first."""
    dates = days(clock.today - timedelta(days=SETTINGS.freshness.slate_days), clock.today)
    versions = {name: code_version(name) for name in daily_tables()}
    runs = read_runs(instance, dates, clock)
    return status(warehouse, landing, clock, dates, versions, loaded_before(instance), runs)[::-1]


def grid(records: Sequence[Mapping[str, Any]]) -> str:
    """Returns the records as a Markdown table: date, state, complete games of the final ones, reasons."""
    head = "| date | state | games | complete / final | why |\n|---|---|---:|---:|---|\n"
    return head + "\n".join(
        f"| {_weekday(record)} | {_marked(record['state'])} | {record['games']} "
        f"| {record['complete_games']} / {record['final_games']} | {_escaped(shorten(_reasons(record), MAX_CHARACTERS, placeholder=' ...'))} |"
        for record in records
    )


def _weekday(record: Mapping[str, Any]) -> str:
    return f"{date.fromisoformat(record['game_date']):%a} {record['game_date']}"


def _marked(state: str) -> str:
    return f"**{state}**" if any(state in check.states for check in CHECKS) else state


def _reasons(record: Mapping[str, Any]) -> str:
    reasons = [*record["reasons"], *record["notes"]]
    more = f"; and {len(reasons) - REASONS_SHOWN} more" if len(reasons) > REASONS_SHOWN else ""
    text = "; ".join(reasons[:REASONS_SHOWN]) + more
    for game_id, teams in record["matchups"].items():
        text = text.replace(f"{teams} {game_id}", teams)
    return text


def _escaped(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def metadata(records: Sequence[Mapping[str, Any]], now: datetime, due: Sequence[Work]) -> dict[str, Any]:
    """Returns the metadata of the asset. `due` holds the due re-reads and corrections."""
    return {
        "next": dg.MetadataValue.text(next_step(records, due)),
        "as_of": dg.MetadataValue.timestamp(now),
        "grid": dg.MetadataValue.md(grid(records)),
    }


def next_step(records: Sequence[Mapping[str, Any]], due: Sequence[Work]) -> str:
    """Returns what a person does next, and what the daemon does without one."""
    late = [record for record in records if record["state"] in CHECKS[0].states]
    degraded = [record for record in records if record["state"] in CHECKS[1].states]
    named = [*reversed(late), *reversed(degraded)]
    steps = list(dict.fromkeys(as_code(record["next"]) for record in named if record["next"]))
    if named:
        first = min(record["game_date"] for record in named)
        steps = [f"`nba-pipeline status --from {first}` names what is missing", *steps]
    if due:
        steps.append(
            f"the sensor `reconciliation` runs {counted(len(due), 'due re-read or correction', 'due re-reads or corrections')}"
        )
    return "; ".join(steps) or "nothing to do"


def check_results(records: Sequence[Mapping[str, Any]]) -> Iterator[dg.AssetCheckResult]:
    """Yields the result of each check, with its dates and their reasons."""
    for check in CHECKS:
        off = [record for record in records if record["state"] in check.states]
        lines = [f"{record['game_date']} {record['state']}: {_reasons(record)}" for record in off]
        dates = {"dates": dg.MetadataValue.text("\n".join(lines))} if lines else {}
        yield dg.AssetCheckResult(
            asset_key=NAME,
            check_name=check.name,
            passed=not off,
            severity=check.severity,
            metadata={"dates_off": len(off), **dates},
        )


@dg.asset(
    name=NAME,
    group_name="status",
    description=DESCRIPTION,
    owners=OWNERS,
    backfill_policy=dg.BackfillPolicy.single_run(),
    check_specs=[dg.AssetCheckSpec(check.name, asset=NAME, description=check.description) for check in CHECKS],
)
def slate_status(
    context: dg.AssetExecutionContext, warehouse: dg.ResourceParam[Warehouse], landing: Landing, clock: Clock
) -> dg.MaterializeResult:  # type: ignore[type-arg]
    """Reports the states at once."""
    records = slates(context.instance, warehouse, landing, clock)
    due = find_corrections(context.instance, warehouse, clock.now())
    return dg.MaterializeResult(metadata=metadata(records, clock.now(), due), check_results=list(check_results(records)))


@dg.sensor(
    name=NAME,
    minimum_interval_seconds=300,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Reports the states of today and the last seven dates when one has changed, and every hour.",
)
def slate_status_sensor(
    context: dg.SensorEvaluationContext, warehouse: dg.ResourceParam[Warehouse], landing: Landing, clock: Clock
) -> dg.SensorResult:
    """Reports a materialization and the checks of `slate_status`. The cursor has the reported grid and its hour."""
    records = slates(context.instance, warehouse, landing, clock)
    cursor = f"{clock.now().astimezone(EASTERN):%Y-%m-%d %H}\n{grid(records)}"
    if cursor == context.cursor:
        return dg.SensorResult(skip_reason="no state has changed", cursor=cursor)
    due = find_corrections(context.instance, warehouse, clock.now())
    materialization = dg.AssetMaterialization(NAME, metadata=metadata(records, clock.now(), due))
    evaluations = [evaluation_of(result) for result in check_results(records)]
    return dg.SensorResult(asset_events=[materialization, *evaluations], cursor=cursor)


def evaluation_of(result: dg.AssetCheckResult) -> dg.AssetCheckEvaluation:
    """Returns the event of a check result that no run reports."""
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey(NAME),
        check_name=result.check_name or "",
        passed=result.passed,
        severity=result.severity,
        metadata=result.metadata or {},
    )

"""Progress of a run on standard error: a bar on a terminal, a line every 25 % in a log, and the other run that it waits for."""

import time
from typing import TYPE_CHECKING

import dagster as dg
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from nba_pipeline.cli.consoles import err, report

if TYPE_CHECKING:
    from dagster import EventLogEntry

QUIET_SECONDS = 3.0
"""Runs up to this duration print no progress in a log."""
STEPS_IN_A_LOG = 4


class RunProgress:
    """Shows how many tables of a run are written. Receives the events of the run. `tables` is 0 if the number is unknown."""

    def __init__(self, title: str, tables: int, instance: dg.DagsterInstance):
        self._title, self._total, self._began = title, tables or None, time.monotonic()
        self._instance = instance
        self._written, self._printed, self._pools_waited_for = set[str](), 0, set[str]()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("tables"),
            TimeElapsedColumn(),
            console=err,
            transient=True,
            disable=not err.is_terminal,
        )
        self._task = self._bar.add_task(title, total=self._total)
        self._bar.start()

    def __call__(self, event: "EventLogEntry") -> None:
        """Count the table of a materialization. A run of several dates materializes a table once per date."""
        of_dagster = event.dagster_event
        if of_dagster is not None and of_dagster.is_engine_event and "pool" in of_dagster.engine_event_data.metadata:
            self._print_wait(event.run_id, of_dagster.step_key or "", str(of_dagster.engine_event_data.metadata["pool"].value))
        if of_dagster is None or of_dagster.event_type != dg.DagsterEventType.ASSET_MATERIALIZATION or not of_dagster.asset_key:
            return
        self._written.add(of_dagster.asset_key.to_user_string())
        self._bar.update(self._task, completed=len(self._written))
        self._print_in_a_log()

    def _print_wait(self, run_id: str, step: str, pool: str) -> None:
        """Name the other run that holds a pool. Steps of the same run also wait for each other, for a moment."""
        slots = self._instance.event_log_storage.get_concurrency_info(pool).claimed_slots
        others = sorted({slot.run_id for slot in slots} - {run_id})
        if others and pool not in self._pools_waited_for:
            self._pools_waited_for.add(pool)
            report(f"{self._title}: {step} waits for run {others[0][:8]}, which holds the pool {pool}")

    def stop(self) -> None:
        """Remove the bar."""
        self._bar.stop()

    def _print_in_a_log(self) -> None:
        if self._total is None:
            return
        step, seconds = len(self._written) * STEPS_IN_A_LOG // self._total, time.monotonic() - self._began
        if err.is_terminal or step <= self._printed or step >= STEPS_IN_A_LOG or seconds < QUIET_SECONDS:
            return
        self._printed = step
        share = step / STEPS_IN_A_LOG
        report(f"{self._title}: {share:.0%}, {len(self._written)} of {self._total} tables after {seconds:.0f} s")

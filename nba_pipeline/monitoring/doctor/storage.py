"""Probes of the storage: warehouse and landing written and read back, and rows of other versions."""

import secrets
from collections.abc import Mapping
from datetime import timedelta

import dataframely as dy

from nba_pipeline.errors import Busy
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import days
from nba_pipeline.monitoring.doctor.probe import Result, failed, ok, warning
from nba_pipeline.monitoring.status import stale_dates
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import Row, Table
from nba_pipeline.tables.wording import counted
from nba_pipeline.warehouse import Warehouse, files
from nba_pipeline.warehouse.landing import Landing

PROBE_FOLDER = "doctor"
CODE_VERSION, SOURCE = "1", "nba-pipeline doctor"


class WriteProbeRows(Row):
    """Columns of `write_probes`."""

    token = dy.String(description="random text that `doctor` wrote and read back")


WRITE_PROBES = Table(
    "write_probes",
    grain="run of `nba-pipeline doctor`, by the date on which it wrote to the warehouse",
    key=("game_date", "token"),
    schema=WriteProbeRows,
    write="add",
    is_ledger=True,  # `doctor` is not a run, so a rebuild cannot repeat it
)


def warehouse_round_trip(warehouse: Warehouse, clock: Clock) -> Result:
    """Adds a row to `write_probes` and reads it back."""
    warehouse.preflight()
    token = secrets.token_hex(8)
    row = {"game_date": clock.today, "token": token, "source": SOURCE}
    rows = WRITE_PROBES.row(row, clock.as_of, CODE_VERSION)
    try:
        warehouse.add(WRITE_PROBES, [clock.today], rows, writer="doctor")
    except Busy:
        return warning("warehouse", "another `doctor` is writing at this moment; the write is not checked")
    stored = warehouse.scan(WRITE_PROBES, [clock.today]).collect()["token"].to_list()
    place = warehouse.partition_name(WRITE_PROBES, clock.today)
    if token not in stored:
        return failed("warehouse", f"{place} was written and does not contain the written row", "nba-pipeline status")
    return ok("warehouse", f"written and read back at {place}")


def landing_round_trip(landing: Landing) -> Result:
    """Writes a file beside the payloads, reads it back and deletes it."""
    token = secrets.token_bytes(16)
    path = landing.root / PROBE_FOLDER / f"{token.hex()}.probe"
    files.write_immutable(path, lambda: token)
    try:
        is_equal = files.read(path) == token
    finally:
        files.delete(path)
    if not is_equal:
        return failed("landing", f"{path} was written, but has other content when read", "check the disk or the bucket")
    return ok("landing", f"written and read back at {landing.root}")


def code_versions(warehouse: Warehouse, clock: Clock, versions: Mapping[str, str]) -> Result:
    """Names the tables whose recent rows were derived by other code or have other columns than the present code."""
    recent = days(clock.today - timedelta(days=SETTINGS.watch.incident_days), clock.today)
    stale = {name: dates for name, dates in stale_dates(warehouse, recent, versions).items() if dates}
    if not stale:
        return ok("code", f"the rows of the last {counted(len(recent), 'day')} are of the present code")
    first = min(min(dates) for dates in stale.values())
    message = f"recent rows of {', '.join(sorted(stale))} are of earlier code, the first of {first}"
    return warning("code", message, f"nba-pipeline backfill --from {first} --to {clock.today}")

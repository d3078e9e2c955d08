"""The command `audit ledgers`: counts, findings, both formats, exit codes."""

import io
import json
from datetime import date
from pathlib import Path

import polars as pl
import pytest
from rich.console import Console
from typer.testing import CliRunner

from nba_pipeline import definitions
from nba_pipeline.audit.ledgers import audit_ledgers
from nba_pipeline.cli import app
from nba_pipeline.cli.audit_rendering import MAX_SHOWN, print_ledgers
from nba_pipeline.completeness import gates, waivers
from nba_pipeline.definitions import build_definitions
from nba_pipeline.errors import BadInput
from nba_pipeline.league.calendar import eastern
from nba_pipeline.warehouse.local import LocalWarehouse

pytestmark = pytest.mark.slow

DAYS = [date(2026, 1, 15), date(2026, 1, 16)]


@pytest.fixture
def warehouse(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalWarehouse:
    """A waiver on each of two dates, in the home of the command."""
    monkeypatch.setattr(definitions, "defs", build_definitions("sandbox"))  # the module-level definitions use another home
    warehouse = LocalWarehouse(home=str(tmp_path))
    for day in DAYS:
        waivers.waive(warehouse, eastern(day, 23), day, gates.COVERAGE_GATE, "no source", "me", None)
    return warehouse


def alter(warehouse: LocalWarehouse, day: date) -> None:
    file = Path(warehouse.home, "tables", "waivers", f"game_date={day}", "part.parquet")
    pl.read_parquet(file).with_columns(author=pl.lit("you")).write_parquet(file)


def command(*arguments: str) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["audit", "ledgers", *arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout


def test_unaltered_ledgers_pass(warehouse: LocalWarehouse) -> None:
    report = audit_ledgers(warehouse)
    assert report["passed"] and [r for r in report["ledgers"] if r["ledger"] == "waivers"] == [
        {"ledger": "waivers", "dates": 2, "rows": 2, "findings": 0}
    ]
    assert {record["ledger"] for record in report["ledgers"]} >= {"alerts", "grades", "predictions", "waivers"}


def test_an_altered_row_is_named_in_both_formats_with_exit_code_1(warehouse: LocalWarehouse) -> None:
    alter(warehouse, DAYS[0])
    code, printed = command("--format", "json")
    [finding] = json.loads(printed)["findings"]
    assert code == 1 and (finding["problem"], finding["table"], finding["game_date"]) == ("row_altered", "waivers", "2026-01-15")
    assert finding["key"].startswith("gate enough_final_games_are_covered, waived_at ")
    code, printed = command()
    assert code == 1 and "waivers 2026-01-15, gate enough_final_games_are_covered" in printed


def test_the_dates_can_be_limited(warehouse: LocalWarehouse) -> None:
    alter(warehouse, DAYS[0])
    assert command("--from", str(DAYS[1]), "--to", str(DAYS[1]))[0] == 0
    assert command("--to", str(DAYS[0]))[0] == 1
    with pytest.raises(BadInput, match="--from 2026-01-16 is after --to 2026-01-15"):
        command("--from", str(DAYS[1]), "--to", str(DAYS[0]))
    with pytest.raises(BadInput, match="--format is 'csv'"):
        command("--format", "csv")


def test_a_long_report_has_the_number_of_omitted_findings() -> None:
    out = Console(file=io.StringIO(), width=200)
    print_ledgers({"ledgers": [], "findings": [{"text": "x"}] * (MAX_SHOWN + 2), "passed": False}, out)
    assert isinstance(out.file, io.StringIO) and "and 2 more findings; --format json has all" in out.file.getvalue()

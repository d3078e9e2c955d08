"""A name that has a line and no player is an alert on the same day, once, with the command that resolves it."""

from pathlib import Path

import dagster as dg
import polars as pl
import pytest

from nba_pipeline.assets.sources.prop_lines import TABLE
from nba_pipeline.completeness.quarantine_cases import cases, decide
from nba_pipeline.instance.clock import Clock
from nba_pipeline.monitoring.alerts import ALERTS, Notifier
from nba_pipeline.monitoring.unresolved_names import unresolved_names_sensor
from nba_pipeline.tables.table import PROBLEM
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import DAY, a_prop_line, at, before, prop_lines_of

NAMES = ("Adama-Alpha Bal", "D'Angelo Nobody")


@pytest.fixture
def notifier(tmp_path: Path) -> Notifier:
    clock = Clock(fixed_at=at(16).isoformat())
    return Notifier(warehouse=LocalWarehouse(home=str(tmp_path)), clock=clock)


def quarantine(notifier: Notifier, *names: str, days_ago: int = 0) -> None:
    """Quarantines a line of each name."""
    rows = [a_prop_line(game_date=before(days_ago), spelling=name, player_id=None) for name in names]
    marked = prop_lines_of(*rows).drop("as_of", "code_version")
    problems = [f"unresolved name '{name}'" for name in names]
    _, bad = TABLE.conform(marked.with_columns(pl.Series(PROBLEM, problems)), at(16), "1")
    notifier.warehouse.quarantine(TABLE, [before(days_ago)], bad)


def alerts(notifier: Notifier) -> list[tuple[str, str]]:
    """Subject and command of every alert, after an evaluation of the sensor."""
    with dg.DagsterInstance.ephemeral() as instance:
        instance.report_runless_asset_event(dg.AssetMaterialization("prop_lines", partition=str(DAY)))
        resources = {"warehouse": notifier.warehouse, "notifier": notifier}
        with dg.build_sensor_context(instance=instance, resources=resources) as context:
            unresolved_names_sensor.evaluate_tick(context)
    rows = notifier.warehouse.scan(ALERTS, [DAY]).select("subject", "next_command").sort("subject").collect()
    return rows.rows()


def test_each_name_is_one_alert_with_its_command(notifier: Notifier) -> None:
    quarantine(notifier, *NAMES)
    expected = [
        ("Adama-Alpha Bal", f"nba-pipeline resolve --spelling 'Adama-Alpha Bal' --player ID --date {DAY}"),
        ("D'Angelo Nobody", f"""nba-pipeline resolve --spelling 'D'"'"'Angelo Nobody' --player ID --date {DAY}"""),
    ]
    assert alerts(notifier) == expected
    assert alerts(notifier) == expected  # the second capture raises no alert
    messages = notifier.warehouse.scan(ALERTS, [DAY]).sort("subject").collect()["message"]
    assert [message.rpartition(" ")[2] for message in messages] == ["""'%Adama%'\"""", """'%Angelo%'\""""]


def test_an_accepted_name_raises_no_alert(notifier: Notifier) -> None:
    quarantine(notifier, *NAMES)
    first = cases(notifier.warehouse, ["prop_lines"], [DAY])[0]
    decide(notifier.warehouse, at(15), first, "accepted", "a typo of the book", "Ann")
    assert [subject for subject, _ in alerts(notifier)] == [NAMES[1]]


def test_many_names_are_one_alert(notifier: Notifier) -> None:
    quarantine(notifier, *(f"Nobody {n}" for n in "ABCD"), "Nobody D")
    command = f"nba-pipeline resolve --spelling 'Nobody D' --player ID --date {DAY}"
    assert alerts(notifier) == [("prop_lines", command)], "of the name with the most lines"
    [message] = notifier.warehouse.scan(ALERTS, [DAY]).collect()["message"]
    assert message.startswith(f"prop_lines of {DAY}: 4 names have no player: Nobody D, Nobody A, Nobody B and 1 other; ")


def test_a_past_date_raises_no_alert(notifier: Notifier) -> None:
    quarantine(notifier, *NAMES, days_ago=1)
    assert alerts(notifier) == []

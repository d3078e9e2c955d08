"""Late lines, failed checks that affect bets and old quarantined rows are found, and their harmless look-alikes are not."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import dagster as dg
import polars as pl
import pytest

from nba_pipeline.assets.sources.prop_lines import AFTER_TIPOFF
from nba_pipeline.completeness.quarantine_cases import cases, decide
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import eastern
from nba_pipeline.monitoring.alert_changes import incidents
from nba_pipeline.monitoring.findings import Finding
from nba_pipeline.monitoring.slate_monitors import failed_betting_checks, late_lines, old_quarantines
from nba_pipeline.tables.registry import QUARANTINE_SCHEMA, TABLES
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import a_prop_line, frame_of
from nba_pipeline_tests.builders_days import slate_of
from nba_pipeline_tests.monitoring.webhook import DAY, a_notifier

BEFORE = DAY - timedelta(days=1)
GAMES = slate_of(DAY, *[eastern(DAY, 19)] * 4)


def clock(hour: int, day: date = DAY) -> Clock:
    return Clock(fixed_at=eastern(day, hour).isoformat())


def write(warehouse: LocalWarehouse, table: str, day: date, *rows: dict[str, Any]) -> None:
    warehouse.replace(TABLES[table], [day], frame_of(TABLES[table], *rows), "test")


def add_lines(warehouse: LocalWarehouse, day: date, game_ids: Sequence[str]) -> None:
    write(warehouse, "prop_lines", day, *(a_prop_line(game_date=day, game_id=game_id) for game_id in game_ids))


@pytest.fixture
def slate(warehouse: LocalWarehouse) -> LocalWarehouse:
    """Four games tonight, and lines yesterday."""
    write(warehouse, "schedule", DAY, *GAMES)
    add_lines(warehouse, BEFORE, ["0022400001"])
    return warehouse


# Lines by 13:00


@pytest.mark.parametrize(
    ("games_with_lines", "hour", "severity"),
    [(0, 12, None), (0, 13, "critical"), (1, 13, "critical"), (2, 13, "warning"), (3, 13, "warning"), (4, 13, None)],
)
def test_games_without_lines_are_found_from_13_00(
    slate: LocalWarehouse, games_with_lines: int, hour: int, severity: str | None
) -> None:
    add_lines(slate, DAY, [game["game_id"] for game in GAMES[:games_with_lines]])
    found = late_lines(slate, clock(hour), [])
    assert [(one.subject, one.severity, one.game_date) for one in found] == ([("prop_lines", severity, DAY)] if severity else [])


def test_lines_of_a_noon_game_are_due_at_its_tipoff(slate: LocalWarehouse) -> None:
    write(slate, "schedule", DAY, *slate_of(DAY, eastern(DAY, 12), eastern(DAY, 19)))
    assert late_lines(slate, clock(11), []) == []
    [late] = late_lines(slate, clock(12), [])
    assert late.message.endswith("80% are expected from 12:00")
    assert late.next_command == f"nba-pipeline run --date {DAY}"


def test_a_home_that_never_had_lines_waits_for_none(warehouse: LocalWarehouse) -> None:
    write(warehouse, "schedule", DAY, *GAMES)
    assert late_lines(warehouse, clock(14), []) == []


def test_a_date_without_games_waits_for_no_lines(slate: LocalWarehouse) -> None:
    write(slate, "schedule", DAY, *(game | {"status": "postponed"} for game in GAMES))
    assert late_lines(slate, clock(14), []) == []


def test_a_failed_capture_explains_missing_lines(slate: LocalWarehouse) -> None:
    a_notifier(slate).raise_alert(DAY, "lines_missing", "prop_lines", "The provider does not answer.")
    assert late_lines(slate, clock(14), incidents(slate, [DAY])) == []
    a_notifier(slate).raise_alert(DAY, "lines_late", "prop_lines", "0 of 4 games have a line.")
    [late] = late_lines(slate, clock(14), incidents(slate, [DAY]))  # an open alert is not over because of another one
    assert late.message.startswith(f"At 14:00 US Eastern, none of 4 games of {DAY} has a points line")


# Checks that affect bets


def judged(instance: dg.DagsterInstance, table: str, check: str, passed: bool, day: date = DAY) -> None:
    evaluation = dg.AssetCheckEvaluation(
        dg.AssetKey(table),
        check,
        passed,
        {"missing": dg.MetadataValue.text("rest_days (1% to 90%)\nminutes")},
        partition=str(day),
    )
    instance.report_runless_asset_event(evaluation)


def checks(instance: dg.DagsterInstance, warehouse: LocalWarehouse, hour: int, late: Sequence[Finding] = ()) -> list[str]:
    return [one.message for one in failed_betting_checks(instance, warehouse, clock(hour), late, [])]


def test_a_failed_check_of_today_is_found_with_the_features_that_it_names(slate: LocalWarehouse) -> None:
    check = ("features", "no_feature_loses_its_source")
    with dg.DagsterInstance.ephemeral() as instance:
        judged(instance, *check, passed=False, day=BEFORE)
        assert checks(instance, slate, 8) == []  # not judged yet
        judged(instance, *check, passed=False)
        assert checks(instance, slate, 8) == [
            f"features of {DAY}: check no_feature_loses_its_source failed: rest_days (1% to 90%), minutes"
        ]
        [found] = failed_betting_checks(instance, slate, clock(8), [], [])
        assert found.next_command == "nba-pipeline reconcile"
    with dg.DagsterInstance.ephemeral() as instance:
        judged(instance, *check, passed=True)
        assert checks(instance, slate, 8) == []


def test_predictions_without_lines_are_found_once_lines_are_due_and_late_lines_explain_them(slate: LocalWarehouse) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        judged(instance, "predictions", "few_players_lack_a_line", passed=False)
        assert checks(instance, slate, 12) == []
        [found] = failed_betting_checks(instance, slate, clock(13), [], [])
        assert found.next_command == f"nba-pipeline run --date {DAY}"
        assert checks(instance, slate, 13, [Finding("lines_late", "prop_lines", "0 of 4 games")]) == []
        write(slate, "schedule", DAY, *slate_of(DAY, eastern(DAY, 12)))
        assert len(checks(instance, slate, 12)) == 1, "lines of a noon game are due at its tip-off"


# Quarantine


def quarantine(warehouse: LocalWarehouse, table: str, day: date, at: datetime, problem: str = "points_match_the_shots") -> None:
    row = {"table": table, "game_date": day, "problem": problem, "row": "{}", "source": "test", "as_of": at}
    warehouse.quarantine(TABLES[table], [day], pl.DataFrame([row], QUARANTINE_SCHEMA))


def quarantined(warehouse: LocalWarehouse, now: Clock) -> list[tuple[str, date | None]]:
    return [(one.subject, one.game_date) for one in old_quarantines(warehouse, now)]


def test_a_quarantined_row_is_old_a_day_after_it_was_written_or_after_the_end_of_its_date(slate: LocalWarehouse) -> None:
    quarantine(slate, "boxscores", BEFORE, eastern(DAY, 6))
    quarantine(slate, "rosters", DAY, eastern(BEFORE, 17))
    assert quarantined(slate, clock(16)) == []
    assert quarantined(slate, clock(17)) == [("rosters", DAY)]
    quarantine(slate, "boxscores", BEFORE, eastern(DAY, 23))  # a re-read makes no row younger
    write(slate, "schedule", DAY + timedelta(days=1), *slate_of(DAY + timedelta(days=1), None))
    assert quarantined(slate, clock(0, DAY + timedelta(days=1))) == [("boxscores", BEFORE), ("rosters", DAY)]


def test_quarantined_rows_wait_for_the_season(warehouse: LocalWarehouse) -> None:
    quarantine(warehouse, "boxscores", BEFORE, eastern(BEFORE, 6))
    assert quarantined(warehouse, clock(23)) == []
    write(warehouse, "schedule", DAY, *GAMES)
    assert quarantined(warehouse, clock(23)) == [("boxscores", BEFORE)]


def test_an_accepted_case_is_not_old(slate: LocalWarehouse) -> None:
    quarantine(slate, "rosters", DAY, eastern(BEFORE, 6))
    quarantine(slate, "boxscores", BEFORE, eastern(BEFORE, 6))
    now = eastern(DAY, 12)
    for case in cases(slate, ["rosters"], [DAY]):
        decide(slate, now, case, "accepted", "the page is right", "Ann")
    assert quarantined(slate, clock(23)) == [("boxscores", BEFORE)]
    for case in cases(slate, ["rosters"], [DAY]):
        decide(slate, now + timedelta(minutes=1), case, "reopened", "it was not", "Ann")
    assert quarantined(slate, clock(23)) == [("boxscores", BEFORE), ("rosters", DAY)]


@pytest.mark.parametrize("problem", ["unresolved name 'Nobody'", AFTER_TIPOFF])
def test_lines_of_no_market_and_names_with_their_own_alert_are_expected(slate: LocalWarehouse, problem: str) -> None:
    quarantine(slate, "prop_lines", DAY, eastern(BEFORE, 6), problem)
    assert quarantined(slate, clock(23)) == []
    quarantine(slate, "prop_lines", DAY, eastern(BEFORE, 6), "line_is_a_half_point")
    assert quarantined(slate, clock(23)) == [("prop_lines", DAY)]

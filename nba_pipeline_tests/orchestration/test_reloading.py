"""Landed but not loaded data is due, and reloaded without requests.

A payload in the landing is a file in the folder of its slot. Most tests write it directly.
"""

import os
import shutil
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import islice
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.environments import PROVIDER_ADDRESSES
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.run_tags import OFFLINE_TAG
from nba_pipeline.league.calendar import FIRST_DATE, days, eastern
from nba_pipeline.monitoring import status as grid
from nba_pipeline.monitoring.landed_dates import READS, landed_dates, loaded_before, not_loaded
from nba_pipeline.orchestration.reconciliation import find_work
from nba_pipeline.orchestration.reloading import RELOAD, RELOAD_TAGS, rebuildable
from nba_pipeline.orchestration.undone import find_missing
from nba_pipeline.orchestration.work import Work, next_of
from nba_pipeline.providers import balldontlie, espn, injury_report, nba_cdn, nba_stats, odds_api
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payloads import Slot
from nba_pipeline_tests.builders_days import Days, a_copy, complete_box, slate_of
from nba_pipeline_tests.orchestration.test_runner import DAY, HISTORY_DAYS, a_runner, loaded, tables
from nba_pipeline_tests.prepared import copy_of
from nba_pipeline_tests.providers.conftest import Provider, provider

pytestmark = pytest.mark.platform

__all__ = ["loaded", "provider"]

OLD = date(2025, 11, 10)
NOW = eastern(date(2026, 1, 15), 13)
ODDS = Slot("odds_api", "event_odds", "e1", OLD)


@pytest.fixture(scope="module")
def quiet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """To copy: a home without games since a week before NOW, so that no mode has undone work."""
    home = Days(tmp_path_factory.mktemp("quiet"))
    recent = days(NOW.date() - timedelta(days=8), NOW.date() + timedelta(days=1))
    home.make_everything(NOW - timedelta(minutes=30), *recent)
    return home.home


@pytest.fixture
def days_of(quiet: Path, tmp_path: Path) -> Days:
    """A copy of the quiet home."""
    return a_copy(quiet, tmp_path / "home")


def landing_of(home: Days) -> Landing:
    return Landing(home=str(home.home), clock=Clock(fixed_at=NOW.isoformat()))


def land(home: Days, *slots: Slot, written_at: datetime = NOW) -> None:
    """Writes a payload for each slot. Its time of writing decides whether a later load has read it."""
    for slot in slots:
        payload = landing_of(home).keep(slot, b"{}", fetched_at=NOW)
        os.utime(str(payload.path), (written_at.timestamp(), written_at.timestamp()))


def due(home: Days) -> list[Work]:
    return find_work(home.instance, home.warehouse, NOW, landing=landing_of(home))


def named(works: Sequence[Work]) -> list[tuple[date, tuple[str, ...]]]:
    return [(work.game_date, work.tables) for work in works if work.mode == RELOAD]


# The comparison


def test_each_source_reads_the_slots_of_its_providers() -> None:
    """If a provider renamed an endpoint, its landed dates would look missing."""
    client = HttpClient(base_urls={}, landing=Landing(home="x", clock=Clock()), clock=Clock())
    odds = odds_api.OddsApi(http=client, api_key="k")
    box = {
        nba_cdn.boxscore_request("g", OLD).name,
        nba_stats.player_game_log_request(OLD, "regular_season").name,
        balldontlie.Balldontlie(http=client, api_key="k").box_scores_request(OLD).name,
    }
    lines = {one.name for at in (None, NOW) for one in (odds.events_request(OLD, at), odds.odds_request("e", OLD, at))}
    report = injury_report.InjuryReport(http=client).request(OLD, "n")
    slots = {"boxscores": box, "prop_lines": lines, "play_by_play": {nba_cdn.playbyplay_request("g", OLD).name}}
    for name, requested in slots.items():
        assert {tuple(slot.split()[:2]) for slot in requested} == set(READS[name])
    assert READS["game_lines"] == READS["prop_lines"] and READS["team_boxscores"] == READS["boxscores"]
    assert READS["injuries"] == ((report.provider, report.endpoint), (espn.PROVIDER, "injuries"))


def test_every_dated_folder_of_a_real_landing_belongs_to_a_source(loaded: Path) -> None:
    periods = Landing(home=str(loaded), clock=Clock()).periods()
    dated = {endpoint for endpoint, names in periods.items() if any(name[:2] == "20" and len(name) == 10 for name in names)}
    assert dated and dated <= {endpoint for endpoints in READS.values() for endpoint in endpoints}


def test_only_folder_names_that_are_dates_count() -> None:
    landed = landed_dates(
        {("odds_api", "events"): {"2025-11-10"}, ("nba_cdn", "schedule"): {"2025-26"}, ("archive", "players"): {"all"}}
    )
    assert {name: dates for name, dates in landed.items() if dates} == {
        "schedule": {OLD, FIRST_DATE},
        "prop_lines": {OLD},
        "game_lines": {OLD},
        "players": {FIRST_DATE},
    }


def test_landed_or_once_loaded_dates_that_are_absent_are_missing_oldest_first() -> None:
    loaded_now = {name: {OLD} for name in READS} | {"rosters": set[date]()}
    expected = [{"boxscores": {OLD, OLD + timedelta(days=1)}}, {"rosters": {OLD}, "injuries": {date(2030, 1, 1)}}]
    assert not_loaded(expected, loaded_now, NOW.date()) == {OLD: ("rosters",), OLD + timedelta(days=1): ("boxscores",)}


def test_downstream_tables_include_grades_and_exclude_predictions() -> None:
    assert rebuildable(["prop_lines"]) == ("features",)
    downstream = rebuildable(["boxscores"])
    assert downstream[:2] == ("player_game_summary", "team_game_summary") and downstream[-2:] == ("grades", "system_performance")
    assert "predictions" not in downstream


# Found reloads


def test_a_landed_date_that_is_not_loaded_is_due_at_any_age(days_of: Days) -> None:
    assert due(days_of) == []
    land(days_of, ODDS)
    work = due(days_of)[0]
    assert (work.game_date, work.tables, work.why) == (
        OLD,
        ("schedule", "prop_lines", "game_lines"),
        "landed but not loaded: schedule, prop_lines, game_lines",
    )
    assert work.tags.items() >= RELOAD_TAGS.items() and OFFLINE_TAG in work.tags
    days_of.write("schedule", OLD)
    assert named(due(days_of)) == [(OLD, ("prop_lines", "game_lines"))]


def test_a_partition_that_was_loaded_once_is_due_without_landed_payloads(days_of: Days) -> None:
    """Archived and empty dates have no folder in the landing."""
    days_of.make(NOW, OLD, *READS)
    shutil.rmtree(days_of.home / "tables" / "injuries" / f"game_date={OLD}")
    assert named(due(days_of)) == [(OLD, ("injuries",))]


def test_the_oldest_date_is_first_and_a_date_in_progress_blocks_all_work(days_of: Days) -> None:
    for day in (OLD + timedelta(days=2), OLD, OLD + timedelta(days=1)):
        days_of.make(NOW, day, *READS)
        land(days_of, Slot("odds_api", "events", "slate", day))
        shutil.rmtree(days_of.home / "tables" / "prop_lines" / f"game_date={day}")
    assert [day for day, _ in named(due(days_of))] == days(OLD, OLD + timedelta(days=2))
    chosen, _ = next_of(due(days_of), NOW)
    assert chosen and chosen.game_date == OLD
    days_of.begin(OLD, NOW, **chosen.tags)
    assert next_of(due(days_of), NOW) == (None, f"reload of {OLD} is in progress")


def test_a_failed_reload_waits_and_another_date_is_next(days_of: Days) -> None:
    for day in (OLD, OLD + timedelta(days=1)):
        land(days_of, Slot("odds_api", "events", "slate", day))
    first = due(days_of)[0]
    days_of.end(days_of.begin(OLD, NOW, **first.tags), NOW)
    works = due(days_of)
    assert works[0].attempts.ended == 1 and works[0].run_key != first.run_key
    chosen, _ = next_of(works, NOW)
    assert chosen and chosen.game_date == OLD + timedelta(days=1)


def test_lost_downstream_tables_beyond_the_automation_window_are_rebuilt(days_of: Days) -> None:
    days_of.make(NOW, OLD, *READS, "player_game_summary", "team_game_summary", "features", "predictions", "grades")
    for name in ("boxscores", "player_game_summary", "features", "grades"):
        shutil.rmtree(days_of.home / "tables" / name / f"game_date={OLD}")
    assert named(due(days_of)) == [(OLD, ("boxscores", "player_game_summary", "features", "grades"))]


def test_tables_made_before_a_source_was_first_loaded_are_rebuilt(days_of: Days) -> None:
    land(days_of, ODDS)
    days_of.make(NOW, OLD, *(name for name in READS if name != "prop_lines"), "features", "predictions")
    assert named(due(days_of)) == [(OLD, ("prop_lines", "features"))]


def test_within_the_automation_window_conditions_update_downstream_tables(days_of: Days) -> None:
    yesterday = NOW.date() - timedelta(days=1)
    land(days_of, Slot("odds_api", "events", "slate", yesterday), written_at=NOW - timedelta(days=1))
    shutil.rmtree(days_of.home / "tables" / "prop_lines" / f"game_date={yesterday}")
    assert named(due(days_of)) == [(yesterday, ("prop_lines",))]


def test_a_landed_capture_is_due_until_it_is_loaded(days_of: Days) -> None:
    yesterday = NOW.date() - timedelta(days=1)
    slot = Slot("odds_api", "event_odds", "e1", yesterday)
    land(days_of, slot, written_at=NOW - timedelta(hours=20))
    assert due(days_of) == []
    land(days_of, slot, written_at=NOW - timedelta(minutes=1))
    assert named(due(days_of)) == [(yesterday, ("prop_lines", "game_lines"))]
    days_of.make(NOW, yesterday, "prop_lines", "game_lines")
    assert due(days_of) == []


def test_past_its_deadline_a_date_is_reloaded_before_any_request(days_of: Days) -> None:
    day = NOW.date() - timedelta(days=3)
    game = slate_of(day, eastern(day, 19), status="final")
    days_of.write("schedule", day, *game)
    days_of.write("boxscores", day, *complete_box(game[0]))
    days_of.write("player_game_summary", day, {"game_id": game[0]["game_id"], "player_id": 1})
    assert due(days_of) == []
    shutil.rmtree(days_of.home / "tables" / "boxscores" / f"game_date={day}")
    (work,) = due(days_of)
    assert (work.mode, work.tables) == (RELOAD, ("boxscores",))
    days_of.end(days_of.begin(day, NOW, **work.tags), NOW)
    assert [work.mode for work in due(days_of)] == ["overnight"]


def test_before_its_deadline_the_mode_fetches_missing_tables(days_of: Days) -> None:
    today = NOW.date()
    land(days_of, Slot("odds_api", "events", "slate", today))
    days_of.write("schedule", today, *slate_of(today, eastern(today, 19)))
    shutil.rmtree(days_of.home / "tables" / "prop_lines" / f"game_date={today}")
    assert [work.mode for work in due(days_of) if "prop_lines" in work.tables] == ["same_day"]


# Reloaded


@pytest.mark.unattended
def test_deleted_partitions_are_restored_without_a_request(
    loaded: Path, tmp_path: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copy_of(loaded, tmp_path / "home")
    before, first = tables(home), DAY - timedelta(days=HISTORY_DAYS)
    lost = {name: [first] for name in ("boxscores", "team_boxscores", "injuries", "player_game_summary")}
    for name, dates in {**lost, "prop_lines": [first, first + timedelta(days=1)]}.items():
        for day in dates:
            shutil.rmtree(home / "tables" / name / f"game_date={day}")
    for variable, _ in PROVIDER_ADDRESSES.values():
        monkeypatch.setenv(variable, provider.url)
    runner = a_runner(home, DAY, 7)

    def states() -> dict[str, str]:
        once = loaded_before(runner.instance)
        dates = [first, first + timedelta(days=1)]
        records = grid.status(runner.warehouse, runner.landing, runner.clock, dates, runner.code_versions, once)
        return {record["game_date"]: record["state"] for record in records}

    assert "COMPLETE" not in states().values()
    reloads = list(islice(runner.reconcile(), 2))  # re-reads of final games send requests and come later
    assert all(outcome.succeeded for outcome in reloads)
    assert find_missing(runner.instance, runner.warehouse, runner.landing, runner.clock.now()) == []
    assert provider.asked == []
    for name, rows in tables(home).items():
        assert_frame_equal(rows.drop("as_of"), before[name].drop("as_of"))
    assert set(states().values()) == {"COMPLETE"}

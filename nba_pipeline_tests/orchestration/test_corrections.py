"""Corrections that are due and not done, on a real warehouse and instance with events at simulated instants."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import time_machine

from nba_pipeline.completeness.disagreements import DISAGREEMENTS
from nba_pipeline.completeness.modes import tables_of_mode
from nba_pipeline.instance.rereads import CORRECTIONS, READ_AT, changed_at, rereads
from nba_pipeline.instance.run_tags import DUE_TAG, MODE_TAG
from nba_pipeline.league.calendar import eastern
from nba_pipeline.orchestration.corrections import CARRY, find_corrections
from nba_pipeline.orchestration.work import Work, command_of, next_of
from nba_pipeline.tables.declarations import daily_tables
from nba_pipeline_tests.builders_days import Days, a_copy, complete_box, slate_of

pytestmark = pytest.mark.platform

DAY = date(2026, 1, 15)
SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
GAME = slate_of(DAY, eastern(DAY, 19), status="final")[0]


def after(days: int, hour: int = 12, minute: int = 0) -> datetime:
    return eastern(DAY + timedelta(days=days), hour, minute)


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Days:
    """A home in which every table of DAY was made at 11:00 on the next day."""
    days = Days(tmp_path_factory.mktemp("collected"))
    days.write("schedule", DAY, GAME)
    days.write("boxscores", DAY, *complete_box(GAME))
    days.make_mode(after(1, 11), DAY, "overnight")
    return days


@pytest.fixture
def days(collected: Days, tmp_path: Path) -> Days:
    """A copy of it."""
    return a_copy(collected.home, tmp_path / "home")


def due(days: Days, now: datetime) -> list[Work]:
    return find_corrections(days.instance, days.warehouse, now)


def the_one(works: Sequence[Work]) -> Work:
    assert len(works) == 1, [(work.name, work.why) for work in works]
    return works[0]


def reread(days: Days, at: datetime, *news: str, answered: bool = True) -> None:
    """A run of the job `recheck` at an instant."""
    metadata: dict[str, object] = {
        CORRECTIONS: dg.MetadataValue.json(list(news)),
        **({READ_AT: at.isoformat()} if answered else {}),
    }
    with time_machine.travel(at, tick=False):
        days.instance.report_runless_asset_event(dg.AssetObservation("boxscores", partition=str(DAY), metadata=metadata))


def change(days: Days, at: datetime) -> None:
    """The stored box scores are replaced by different ones, and the other tables of the date follow."""
    with time_machine.travel(at, tick=False):
        metadata = {CORRECTIONS: dg.MetadataValue.json({str(DAY): [GAME["game_id"]]})}
        days.instance.report_runless_asset_event(dg.AssetMaterialization("boxscores", partition=str(DAY), metadata=metadata))
    days.make(at + SECOND, DAY, *tables_of_mode("overnight")[2:])


def test_a_reread_is_due_once_at_each_noon(days: Days) -> None:
    assert due(days, after(1) - SECOND) == []
    for number in (1, 2, 4, 8):
        work = the_one(due(days, after(number)))
        assert (work.job, work.tables, work.game_date, work.due_at) == ("recheck", (), DAY, after(number))
        assert work.tags[MODE_TAG] == "recheck" and work.tags[DUE_TAG] == after(number).isoformat()
        assert command_of(work, days.warehouse, after(number)) == "nba-pipeline recheck --date 2026-01-15"
        reread(days, after(number, 12, 5))
        assert due(days, after(number, 12, 6)) == []
    assert due(days, after(9)) == []


def test_a_missed_reread_is_due_until_the_window_ends(collected: Days) -> None:
    assert the_one(due(collected, after(10) - SECOND)).due_at == after(8)
    assert due(collected, after(10)) == []


def test_an_unanswered_reread_is_retried_after_a_delay(days: Days) -> None:
    days.try_mode("overnight", DAY, after(1), after(1, 12, 1))  # an attempt at different work of the date
    reread(days, after(1, 12, 2), answered=False)
    run = days.begin(DAY, after(1, 12, 2), "recheck", **the_one(due(days, after(1))).tags)
    days.end(run, after(1, 12, 2), succeeded=True)
    work = the_one(due(days, after(1, 12, 3)))
    assert work.attempts.ended == 1
    assert next_of([work], after(1, 12, 3)) == (
        None,
        "recheck of 2026-01-15: attempt 2 is at 2026-01-16 12:04 US Eastern",
    )
    assert next_of([work], after(1, 12, 5))[0] == work


def test_the_oldest_date_is_reread_first(days: Days) -> None:
    earlier = DAY - timedelta(days=2)
    game = GAME | {"game_date": earlier, "game_id": "0022601131"}
    days.write("schedule", earlier, game)
    days.write("boxscores", earlier, *complete_box(game))
    assert [work.game_date for work in due(days, after(1))] == [earlier, DAY]


@pytest.mark.parametrize("status", ["postponed", "scheduled", "live"])
def test_a_date_without_a_final_game_is_not_reread(status: str, days: Days) -> None:
    days.write("schedule", DAY, GAME | {"status": status})
    assert due(days, after(1)) == []


def test_a_date_that_was_never_collected_or_is_archived_is_not_reread(days: Days) -> None:
    days.write("boxscores", DAY, *(row | {"provider": "archive"} for row in complete_box(GAME)))
    assert due(days, after(1)) == []
    new = Days(days.home.parent / "new")
    new.write("schedule", DAY, GAME)
    assert due(new, after(1)) == []


def test_news_of_a_reread_make_the_tables_of_the_date_due_until_they_are_loaded(days: Days) -> None:
    reread(days, after(1, 12, 5), "nba_cdn box score of game 1")
    work = the_one(due(days, after(1, 12, 6)))
    assert (work.job, work.tables, work.purpose) == ("game_day", tables_of_mode("overnight"), CARRY)
    assert work.why == "a re-read changed: nba_cdn box score of game 1"
    change(days, after(1, 12, 7))
    assert due(days, after(1, 12, 8)) == []


def test_a_reread_without_news_causes_no_work(days: Days) -> None:
    days.make_everything(after(1, 9), DAY + timedelta(days=1))
    reread(days, after(1, 12, 5))
    assert due(days, after(1, 12, 6)) == []
    assert rereads(days.instance, DAY)[0].changes == () and changed_at(days.instance, DAY) is None


# Contradictions


def test_a_contradiction_is_reread_at_once_and_then_at_growing_intervals(days: Days) -> None:
    reread(days, after(3))
    days.write("schedule", DAY, GAME | {"home_points": 112})
    days.make(after(3, 14), DAY, "schedule")
    now = after(3, 14, 1)
    work = the_one(due(days, now))
    assert work.job == "recheck" and work.why == f"sources contradict each other on {GAME['game_id']}"
    for hours in (1, 2, 4):
        reread(days, now)
        assert due(days, now + hours * HOUR - 2 * SECOND) == []
        now += hours * HOUR + 2 * SECOND
        assert the_one(due(days, now)).job == "recheck"


def test_a_resolved_contradiction_causes_no_work(days: Days) -> None:
    reread(days, after(3))
    days.write("schedule", DAY, GAME | {"home_points": 112})
    days.write("boxscores", DAY, *complete_box(GAME | {"home_points": 112}))
    assert due(days, after(3, 14)) == []


def test_a_disagreement_of_two_sources_is_reread_for_a_week(days: Days) -> None:
    reread(days, after(1))
    row = {"game_date": DAY, "game_id": GAME["game_id"], "player_id": 1, "player_name": "A", "statistic": "points",
           "provider": "nba_cdn", "value": 20.0, "other_provider": "nba_stats", "other_value": 22.0, "source": "test"}  # fmt: skip
    days.write(DISAGREEMENTS.name, DAY, row)
    assert the_one(due(days, after(2))).job == "recheck"
    reread(days, after(7))
    assert due(days, after(7, 13)) == []


# Features of later dates


def test_a_change_outdates_the_features_of_later_dates_beyond_the_automation_window(days: Days) -> None:
    """The automation conditions update tomorrow, today and the two days before."""
    for number in range(1, 6):
        days.make(after(number, 16), DAY + timedelta(days=number), "features")
    reread(days, after(5))
    change(days, after(5, 13))
    works = due(days, after(5, 14))
    assert [(work.game_date - DAY).days for work in works] == [1, 2]
    assert {work.tables for work in works} == {daily_tables("features")} and works[0].subject == CARRY
    assert works[0].why == "the features are older than the corrected box scores of 2026-01-15"
    for work in works:
        days.make(after(5, 14, 1), work.game_date, *work.tables)
    assert due(days, after(5, 14, 2)) == []


def test_a_grade_outdates_the_performance_of_later_dates(days: Days) -> None:
    lineage = {"source": "test", "code_version": "1"}
    days.write("system_performance", DAY + timedelta(days=1), lineage | {"as_of": after(2, 6)})
    days.write("grades", DAY, lineage | {"as_of": after(3, 16)})
    work = the_one([one for one in due(days, after(3, 17)) if one.purpose == CARRY])
    assert (work.mode, work.game_date, work.tables) == ("overnight", DAY + timedelta(days=1), ("system_performance",))
    assert work.why == "the performance is older than the grades of 2026-01-15"
    days.write("system_performance", DAY + timedelta(days=1), lineage | {"as_of": after(3, 18)})
    assert [one for one in due(days, after(3, 19)) if one.purpose == CARRY] == []


def test_news_of_any_source_outdate_the_features_of_later_dates(days: Days) -> None:
    """The box score is unchanged: the play-by-play was corrected, or a process died before it recorded the change."""
    days.make(after(1, 16), DAY + timedelta(days=1), "features")
    reread(days, after(5), "nba_cdn play-by-play of game 1")
    days.make_mode(after(5, 13), DAY, "overnight")
    work = the_one(due(days, after(5, 14)))
    assert (work.game_date, work.tables) == (DAY + timedelta(days=1), daily_tables("features"))
    days.make(after(5, 14, 1), work.game_date, *work.tables)
    days.make_mode(after(5, 15), DAY, "overnight")
    assert due(days, after(5, 16)) == []


def test_features_wait_for_the_summaries_of_the_corrected_date(days: Days) -> None:
    days.make(after(1, 16), DAY + timedelta(days=1), "features")
    reread(days, after(5))
    change(days, after(5, 13))
    with time_machine.travel(after(5, 14), tick=False):
        metadata = {CORRECTIONS: dg.MetadataValue.json({str(DAY): ["1"]})}
        days.instance.report_runless_asset_event(dg.AssetMaterialization("boxscores", partition=str(DAY), metadata=metadata))
    assert due(days, after(5, 14, 1)) == []


def test_rewriting_equal_rows_outdates_nothing(days: Days) -> None:
    days.make(after(1, 16), DAY + timedelta(days=1), "features")
    reread(days, after(5))
    days.make_mode(after(5, 13), DAY, "overnight")
    assert due(days, after(5, 14)) == []


def test_a_date_whose_features_were_never_made_is_left_to_a_backfill(days: Days) -> None:
    reread(days, after(5))
    change(days, after(5, 13))
    assert due(days, after(5, 14)) == []

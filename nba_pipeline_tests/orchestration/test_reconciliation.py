"""Work that is due and not done, on a real warehouse and instance with events at simulated instants.

A run that succeeds without completing its work counts as an attempt. Do not count failures only, or a late game would be
requested every five minutes for days.
"""

import shutil
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
import time_machine

from nba_pipeline.completeness.gates import deadline
from nba_pipeline.completeness.modes import MODES, Mode, critical_tables, from_predictions, tables_of_mode
from nba_pipeline.errors import PipelineError
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.materializations import materialized_at
from nba_pipeline.instance.run_tags import DUE_TAG, MODE_TAG
from nba_pipeline.league.calendar import FIRST_DATE, eastern
from nba_pipeline.orchestration.reconciliation import DATA_VERSION_TAG, find_work, last_due
from nba_pipeline.orchestration.slates import Slate, read_slates
from nba_pipeline.orchestration.undone import find_undone
from nba_pipeline.orchestration.work import Attempts, Work, next_of
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.declarations import daily_tables, requested_by
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders_days import Days, a_copy, complete_box, slate_of
from nba_pipeline_tests.builders_predictions import a_prediction

pytestmark = pytest.mark.slow

DAY = date(2026, 1, 15)
YESTERDAY, TOMORROW = DAY - timedelta(days=1), DAY + timedelta(days=1)
SIX, ELEVEN, LAST_CALL = eastern(DAY, 6), eastern(DAY, 11), eastern(DAY, 16)
AFTERNOON = eastern(DAY, 13)
GRACE = timedelta(minutes=SETTINGS.patience.grace_minutes)
SECOND = timedelta(seconds=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def ordinary(tmp_path_factory: pytest.TempPathFactory) -> Days:
    """Read-only: a home in which yesterday was made at 11:01 and today at 13:01, with games yesterday, tonight and tomorrow."""
    days = Days(tmp_path_factory.mktemp("ordinary"))
    yesterday = slate_of(YESTERDAY, eastern(YESTERDAY, 19), eastern(YESTERDAY, 22), status="final")
    days.write("schedule", YESTERDAY, *yesterday)
    days.write("schedule", DAY, *slate_of(DAY, eastern(DAY, 19), eastern(DAY, 22)))
    days.write("schedule", TOMORROW, *slate_of(TOMORROW, eastern(TOMORROW, 19)))
    days.write("boxscores", YESTERDAY, *(row for game in yesterday for row in complete_box(game)))
    days.write("player_game_summary", YESTERDAY, *({"game_id": game["game_id"], "player_id": 1} for game in yesterday))
    days.make_mode(ELEVEN + MINUTE, YESTERDAY, "overnight")
    days.make_mode(AFTERNOON + MINUTE, DAY, "same_day")
    return days


@pytest.fixture
def days(ordinary: Days, tmp_path: Path) -> Days:
    """A copy of the ordinary home."""
    return a_copy(ordinary.home, tmp_path / "home")


def undone(days: Days, now: datetime, days_back: int = 1) -> list[Work]:
    return find_work(days.instance, days.warehouse, now, days_back)


def the_one(works: Sequence[Work]) -> Work:
    assert len(works) == 1, [work.name for work in works]
    return works[0]


def same_day(but: Sequence[str] = ()) -> tuple[str, ...]:
    return tuple(table for table in tables_of_mode("same_day") if table not in but)


# Done and lost work


def test_no_date_before_the_first_of_the_platform_is_due(tmp_path: Path) -> None:
    """They have no partition, so that Dagster refuses a run of them."""
    days, noon = Days(tmp_path), eastern(FIRST_DATE, 12)
    due = find_undone(days.instance, days.warehouse, Landing(home=str(tmp_path), clock=Clock()), noon, 30)
    assert {work.game_date for work in due} == {FIRST_DATE}


@pytest.mark.parametrize("now", [eastern(DAY, 13, 6), eastern(DAY, 15, 59), LAST_CALL, LAST_CALL + GRACE - SECOND])
def test_nothing_is_undone_if_everything_was_made_since_it_was_due(ordinary: Days, now: datetime) -> None:
    assert undone(ordinary, now) == []
    assert next_of([], now) == (None, "all due work is done")


def test_a_lost_run_is_undone_after_the_grace_period(ordinary: Days) -> None:
    assert undone(ordinary, LAST_CALL + GRACE) == [
        Work(
            "same_day",
            DAY,
            LAST_CALL,
            same_day(),
            f"not materialized since 2026-01-15 16:00 US Eastern: {', '.join(same_day())}",
            Attempts(),
        )
    ]


def test_a_table_made_at_the_due_instant_is_done(days: Days) -> None:
    days.make_mode(LAST_CALL, DAY, "same_day")
    assert undone(days, eastern(DAY, 17, 30)) == []


def test_only_the_missing_tables_of_a_run_are_undone(days: Days) -> None:
    days.make(LAST_CALL + MINUTE, DAY, *same_day(but=("matchups", "features", "predictions")))
    assert the_one(undone(days, LAST_CALL + GRACE)).tables == ("matchups", "features", "predictions")


def test_a_run_of_another_date_does_not_count(days: Days) -> None:
    days.make_mode(LAST_CALL + MINUTE, YESTERDAY, "same_day")
    assert the_one(undone(days, LAST_CALL + GRACE)).game_date == DAY


def test_a_written_table_without_a_materialization_is_missing(days: Days) -> None:
    """Written by hand or by a deleted instance, at an unknown instant."""
    days.make_mode(eastern(DAY, 17, 31), TOMORROW, "tomorrow", but=("rosters",))
    days.make_mode(LAST_CALL + MINUTE, DAY, "same_day")
    days.write("rosters", TOMORROW)
    assert materialized_at(days.instance, "rosters", TOMORROW) is None
    assert the_one(undone(days, eastern(DAY, 17, 36))).tables[0] == "rosters"


def test_a_materialized_table_without_files_is_missing(days: Days) -> None:
    days.make_mode(LAST_CALL + MINUTE, DAY, "same_day")
    days.warehouse.drop(TABLES["matchups"])
    assert the_one(undone(days, LAST_CALL + GRACE)).tables == ("matchups",)


def test_missing_box_scores_are_requested_together_with_the_schedule(days: Days) -> None:
    """The schedule comes from an earlier answer in which the games had not ended."""
    days.make_mode(eastern(DAY, 6, 1), YESTERDAY, "overnight", but=("boxscores",))
    shutil.rmtree(days.home / "tables" / "boxscores" / f"game_date={YESTERDAY}")
    work = next(work for work in undone(days, eastern(DAY, 7)) if work.game_date == YESTERDAY)
    assert work.tables[:2] == ("schedule", "boxscores")


def test_a_slate_is_not_due_once_every_game_has_begun(ordinary: Days) -> None:
    assert [work.mode for work in undone(ordinary, eastern(DAY, 22) - SECOND)] == ["same_day", "tomorrow"]
    assert [work.mode for work in undone(ordinary, eastern(DAY, 22))] == ["tomorrow"]


def test_a_day_without_games_needs_one_run(days: Days) -> None:
    days.write("schedule", DAY)
    assert undone(days, eastern(DAY, 17)) == []
    assert [work.name for work in undone(days, eastern(DAY, 17, 36))] == ["tomorrow of 2026-01-16"]


def test_a_slate_in_an_empty_home_is_undone(tmp_path: Path) -> None:
    empty = Days(tmp_path)
    work = the_one(undone(empty, eastern(DAY, 7, 6), days_back=0))
    assert (work.name, work.due_at, work.tables) == ("same_day of 2026-01-15", eastern(DAY, 7), same_day())


@pytest.mark.parametrize(
    ("mode", "slate", "now", "expected"),
    [
        ("same_day", DAY, eastern(DAY, 7, 5), None),
        ("same_day", DAY, eastern(DAY, 7, 6), eastern(DAY, 7)),
        ("same_day", DAY, eastern(DAY, 23), LAST_CALL),
        ("same_day", DAY, eastern(TOMORROW, 0), None),
        ("same_day", TOMORROW, eastern(DAY, 23), None),
        ("tomorrow", DAY, eastern(YESTERDAY, 17, 36), eastern(YESTERDAY, 17, 30)),
        ("tomorrow", DAY, eastern(DAY, 0), None),
        ("overnight", DAY, eastern(DAY, 23), None),
        ("overnight", DAY, eastern(TOMORROW, 6, 6), eastern(TOMORROW, 6)),
        ("overnight", DAY, eastern(TOMORROW, 11, 6), eastern(TOMORROW, 11)),
        ("overnight", DAY, eastern(DAY + timedelta(days=5), 3), eastern(TOMORROW, 11)),
        ("overnight", date(2025, 11, 1), eastern(date(2025, 11, 2), 6, 6), eastern(date(2025, 11, 2), 6)),
        ("overnight", date(2026, 3, 7), eastern(date(2026, 3, 8), 6, 6), eastern(date(2026, 3, 8), 6)),
        ("overnight", date(2026, 6, 30), eastern(date(2026, 7, 1), 6, 6), eastern(date(2026, 7, 1), 6)),
    ],
)
def test_only_past_due_instants_count(mode: Mode, slate: date, now: datetime, expected: datetime | None) -> None:
    assert last_due(mode, Slate(slate, (eastern(slate, 23, 30),)), now) == expected


@pytest.mark.parametrize("tipoffs", [(None,), (eastern(DAY, 12), None)])
def test_a_slate_with_an_unknown_tip_off_has_not_begun(tipoffs: tuple[datetime | None, ...]) -> None:
    assert last_due("same_day", Slate(DAY, tipoffs), eastern(DAY, 20)) == LAST_CALL
    assert Slate(DAY, (None,)).until_first_tipoff(LAST_CALL) is None


def test_a_slate_at_night_is_due_the_evening_before_and_undone_from_midnight(days: Days) -> None:
    days.write("schedule", TOMORROW, *slate_of(TOMORROW, eastern(TOMORROW, 2), eastern(TOMORROW, 19)))
    slate = next(read_slates(days.warehouse, [TOMORROW], AFTERNOON))
    assert last_due("same_day", slate, eastern(DAY, 23, 59)) is None
    assert last_due("same_day", slate, eastern(TOMORROW, 0)) == eastern(DAY, 20)


# Two days of downtime


def test_work_of_two_days_of_downtime_is_done_oldest_first_and_one_at_a_time(days: Days) -> None:
    """The daemon stops on the 15th after 13:00 and restarts on the 17th at 12:10."""
    now = eastern(DAY + timedelta(days=2), 12, 10)
    days.write("schedule", TOMORROW + timedelta(days=1), *slate_of(TOMORROW + timedelta(days=1), now + timedelta(hours=7)))
    order, keys = [], set()
    while chosen := next_of(undone(days, now, days_back=3), now)[0]:
        assert chosen.run_key not in keys
        keys.add(chosen.run_key)
        order.append(chosen.name)
        run = days.begin(chosen.game_date, now, **chosen.tags)
        assert next_of(undone(days, now, days_back=3), now) == (None, f"{chosen.name} is in progress")
        days.make(now, chosen.game_date, *chosen.tables)
        now += MINUTE
        days.end(run, now, succeeded=True)
    assert order == ["overnight of 2026-01-15", "overnight of 2026-01-16", "same_day of 2026-01-17"]
    assert undone(days, now, days_back=2) == []


def test_a_slate_that_begins_soon_comes_before_older_work(days: Days) -> None:
    days.write("boxscores", YESTERDAY)
    for now, first in ((eastern(DAY, 17, 59), "overnight"), (eastern(DAY, 18), "same_day")):
        chosen = next_of(undone(days, now), now)[0]
        assert chosen and chosen.mode == first


def test_any_run_of_the_date_counts_as_in_progress(days: Days) -> None:
    run = days.begin(DAY, LAST_CALL, **{MODE_TAG: "lines"})
    assert the_one(undone(days, LAST_CALL + GRACE)).attempts == Attempts(is_in_progress=True)
    days.end(run, LAST_CALL + GRACE)
    assert the_one(undone(days, LAST_CALL + GRACE)).attempts == Attempts()


# Attempts


def test_the_run_of_a_schedule_is_the_first_attempt(days: Days) -> None:
    days.try_mode("same_day", DAY, LAST_CALL, LAST_CALL + MINUTE)
    work = the_one(undone(days, LAST_CALL + GRACE))
    assert (work.attempts.ended, work.run_key) == (1, "reconciliation:same_day:2026-01-15:2026-01-15T21:00:00+00:00:1")
    assert work.tags == {MODE_TAG: "same_day", DUE_TAG: "2026-01-15T21:00:00+00:00", "nba/why": work.why}


def test_an_attempt_at_an_earlier_due_instant_does_not_count(days: Days) -> None:
    days.try_mode("same_day", DAY, AFTERNOON, AFTERNOON + MINUTE)
    assert the_one(undone(days, LAST_CALL + GRACE)).attempts == Attempts()


def test_work_that_waits_for_a_retry_does_not_block_the_next_slate(days: Days) -> None:
    """Late box scores of yesterday must not delay tonight's predictions."""
    days.write("boxscores", YESTERDAY)
    for minutes in (1, 4, 10):
        days.try_mode("overnight", YESTERDAY, ELEVEN, LAST_CALL + minutes * MINUTE)
    now = LAST_CALL + 12 * MINUTE
    works = undone(days, now)
    assert [work.name for work in works] == ["overnight of 2026-01-14", "same_day of 2026-01-15"]
    assert works[0].attempts.ended == 3
    assert next_of(works, now)[0] == works[1]
    days.make_mode(now, DAY, "same_day")
    chosen, why = next_of(undone(days, now), now)
    assert chosen is None
    assert why == "overnight of 2026-01-14: attempt 4 is at 2026-01-15 16:18 US Eastern"
    later = LAST_CALL + 18 * MINUTE + SECOND
    retried = next_of(undone(days, later), later)[0]
    assert retried and retried.name == "overnight of 2026-01-14"


# Patience


def failed(days: Days, due_at: datetime, *missing: str) -> None:
    """A failed call that made all tables except the missing ones and their downstream tables."""
    days.make(due_at + MINUTE, DAY, *same_day(but=(*missing, "features", "predictions")))
    days.try_mode("same_day", DAY, due_at, due_at + MINUTE)


def the_slate(days: Days, now: datetime) -> Work:
    return the_one([work for work in undone(days, now) if work.mode == "same_day"])


def test_an_optional_table_is_waited_for_and_then_omitted(days: Days) -> None:
    failed(days, LAST_CALL, "rosters")
    waiting = the_slate(days, LAST_CALL + timedelta(minutes=59))
    assert (waiting.tables, waiting.omitted) == (("rosters", "features", "predictions"), ())
    over = the_slate(days, LAST_CALL + timedelta(hours=1))
    assert (over.tables, over.omitted) == (("features", "predictions"), ("rosters",))


def test_a_table_that_was_never_attempted_is_not_omitted(days: Days) -> None:
    days.make(LAST_CALL + MINUTE, DAY, *same_day(but=("rosters", "features", "predictions")))
    assert the_slate(days, LAST_CALL + timedelta(hours=1)).omitted == ()


def test_two_optional_tables_are_waited_for_longer(days: Days) -> None:
    failed(days, LAST_CALL, "prop_lines", "game_lines")
    assert the_slate(days, LAST_CALL + timedelta(minutes=119)).omitted == ()
    assert the_slate(days, LAST_CALL + timedelta(minutes=120)).omitted == ("prop_lines", "game_lines")


def test_the_next_due_instant_does_not_restart_the_wait(days: Days) -> None:
    """The tables are missing since 13:00, so that the wait at the call of 16:00 is three hours."""
    days.warehouse.drop(TABLES["prop_lines"])
    days.warehouse.drop(TABLES["game_lines"])
    failed(days, LAST_CALL, "prop_lines", "game_lines")
    assert the_slate(days, LAST_CALL + GRACE).omitted == ("prop_lines", "game_lines")


def test_an_hour_before_the_first_tip_off_nothing_optional_is_waited_for(days: Days) -> None:
    days.write("schedule", DAY, *slate_of(DAY, eastern(DAY, 17, 30), eastern(DAY, 22)))
    failed(days, LAST_CALL, "prop_lines", "game_lines", "rosters")
    assert the_slate(days, eastern(DAY, 16, 29)).omitted == ()
    assert the_slate(days, eastern(DAY, 16, 30)).omitted == ("prop_lines", "game_lines", "rosters")


def test_critical_tables_and_predictions_are_never_omitted(days: Days) -> None:
    critical = {*critical_tables("same_day"), "predictions"}
    failed(days, LAST_CALL, *critical)
    for now in (LAST_CALL + timedelta(hours=1), eastern(DAY, 18, 30), eastern(DAY, 21, 59)):
        work = the_slate(days, now)
        assert set(work.tables) == critical and work.omitted == ()


def test_an_optional_table_that_alone_is_missing_is_not_omitted(days: Days) -> None:
    """The slate is already predicted, so that the late table is requested without giving it up."""
    days.make(LAST_CALL + MINUTE, DAY, *same_day(but=("rosters",)))
    days.try_mode("same_day", DAY, LAST_CALL, LAST_CALL + MINUTE)
    work = the_slate(days, eastern(DAY, 21))
    assert (work.tables, work.omitted) == (("rosters",), ())


def test_a_failing_optional_table_does_not_keep_other_tables_stale(days: Days) -> None:
    days.make(LAST_CALL + MINUTE, DAY, *same_day(but=("rosters",)))
    days.make(LAST_CALL + 10 * MINUTE, DAY, "prop_lines")
    days.try_mode("same_day", DAY, LAST_CALL, LAST_CALL + MINUTE)
    work = the_slate(days, LAST_CALL + timedelta(hours=1))
    assert (work.tables, work.omitted) == (("features",), ("rosters",))


# Tables older than their upstream tables


def land_report(days: Days, at: datetime, contents: str) -> None:
    """A report read at an instant."""
    materialization = dg.AssetMaterialization("injuries", partition=DAY.isoformat(), tags={DATA_VERSION_TAG: contents})
    with time_machine.travel(at, tick=False):
        days.instance.report_runless_asset_event(materialization)


def test_tables_that_no_condition_updated_are_stale_after_the_grace_period(days: Days) -> None:
    days.make_mode(LAST_CALL + MINUTE, DAY, "same_day")
    captured = eastern(DAY, 17)
    days.make(captured, DAY, *requested_by("lines"))
    assert undone(days, captured + GRACE - SECOND) == []
    work = the_one(undone(days, captured + GRACE + SECOND))
    assert work.tables == ("upcoming_players", "features")
    assert work.why == "older than upstream tables: upcoming_players, features"


def test_an_unchanged_report_makes_nothing_stale_and_a_changed_one_does(days: Days) -> None:
    land_report(days, LAST_CALL, "no one is out")
    days.make(LAST_CALL + MINUTE, DAY, *same_day(but=("injuries",)))
    land_report(days, eastern(DAY, 17), "no one is out")
    assert undone(days, eastern(DAY, 17, 10)) == []
    land_report(days, eastern(DAY, 17, 15), "the star is out")
    land_report(days, eastern(DAY, 17, 30), "the star is out")
    assert the_one(undone(days, eastern(DAY, 17, 22))).tables == ("upcoming_players",)


def test_each_step_of_the_chain_becomes_stale_in_its_turn(days: Days) -> None:
    days.make_mode(LAST_CALL + MINUTE, DAY, "same_day")
    remade = ("upcoming_players", "player_form", "features")
    days.make(eastern(DAY, 17), DAY, *remade)
    others = tuple(name for name in daily_tables("features") if name not in remade)
    assert the_one(undone(days, eastern(DAY, 17, 10))).tables == (*others, "predictions")


def test_summaries_older_than_a_corrected_box_score_are_stale(days: Days) -> None:
    days.make(eastern(DAY, 12), YESTERDAY, *requested_by("final_games"))
    assert the_one(undone(days, eastern(DAY, 12, 10))).tables == ("player_game_summary", "team_game_summary")


# Content


def content(days: Days) -> list[str]:
    """The missing content of yesterday after every table was made."""
    return [work.why for work in undone(days, ELEVEN + 10 * MINUTE) if work.game_date == YESTERDAY]


def test_a_final_game_without_a_complete_box_score_is_undone_at_the_deadline(days: Days) -> None:
    first, second = slate_of(YESTERDAY, eastern(YESTERDAY, 19), eastern(YESTERDAY, 22), status="final")
    days.write("boxscores", YESTERDAY, *complete_box(first), *complete_box(second)[1:])
    assert undone(days, deadline(YESTERDAY) - SECOND) == []  # the sensor final_games requests it
    work = the_one([work for work in undone(days, deadline(YESTERDAY)) if work.mode == "overnight"])
    assert work.why == "LAL@BOS 0022601141 has no complete box score"
    assert work.tables == tables_of_mode("overnight")


def test_tables_behind_a_closed_gate_are_not_due_before_the_deadline(days: Days) -> None:
    """Half of the games are complete: summaries and grades cannot be made and are not attempted."""
    first, _ = slate_of(YESTERDAY, eastern(YESTERDAY, 19), eastern(YESTERDAY, 22), status="final")
    days.write("boxscores", YESTERDAY, *complete_box(first))
    days.make(ELEVEN + 2 * MINUTE, YESTERDAY, *requested_by("final_games"))
    assert undone(days, deadline(YESTERDAY) - SECOND) == []
    assert set(the_one(undone(days, deadline(YESTERDAY))).tables) >= {"player_game_summary", "grades"}


LATE_EVENING = eastern(DAY, 22, 20)


@pytest.fixture
def evening(days: Days) -> Days:
    """Tonight's first of two games is over and has a box score, and the automation conditions missed the update."""
    days.make_mode(LAST_CALL + MINUTE, DAY, "same_day")
    days.make_mode(eastern(DAY, 17, 31), TOMORROW, "tomorrow")
    over, playing = slate_of(DAY, eastern(DAY, 19), eastern(DAY, 22), status="final")
    days.write("schedule", DAY, over, playing | {"status": "live"})
    days.write("boxscores", DAY, *complete_box(over))
    days.make(LATE_EVENING, DAY, *requested_by("final_games"))
    return days


def test_missing_summaries_of_the_evening_do_not_wait_for_the_morning(evening: Days) -> None:
    assert undone(evening, LATE_EVENING + GRACE - SECOND) == []
    work = the_one(undone(evening, LATE_EVENING + GRACE + SECOND))
    assert (work.mode, work.tables) == ("overnight", ("player_game_summary", "team_game_summary", "grades", "system_performance"))
    assert work.why == "NYK@GSW 0022601150 is not summarized"
    evening.try_mode("overnight", DAY, work.due_at, LATE_EVENING + 7 * MINUTE)
    assert the_one(undone(evening, LATE_EVENING + 8 * MINUTE)).attempts.ended == 1
    evening.write("player_game_summary", DAY, {"game_id": "0022601150", "player_id": 1})
    assert undone(evening, LATE_EVENING + 9 * MINUTE) == []


def test_a_closed_gate_causes_no_evening_work(evening: Days) -> None:
    evening.write("schedule", DAY, *slate_of(DAY, eastern(DAY, 19), eastern(DAY, 22), status="final"))
    assert undone(evening, LATE_EVENING + GRACE + SECOND) == []


def test_a_game_without_a_summary_is_undone(days: Days) -> None:
    days.write("player_game_summary", YESTERDAY, {"game_id": "0022601140", "player_id": 1})
    assert content(days) == ["LAL@BOS 0022601141 is not summarized"]


def test_an_ungraded_prediction_of_a_summarized_game_is_undone(days: Days) -> None:
    bet = a_prediction(game_date=YESTERDAY, game_id="0022601140", player_id=1)
    days.write("predictions", YESTERDAY, bet, bet | {"version": 2}, bet | {"system_id": "catboost"})
    assert content(days) == ["NYK@GSW 0022601140 is not graded"]
    other_market = {name: bet[name] for name in ("game_id", "player_id", "system_id", "run_kind")} | {"market": "player_rebounds"}
    days.write(
        "grades",
        YESTERDAY,
        *(other_market | {"system_id": system, "grade_version": 1} for system in ("moving_average", "catboost")),
    )
    assert content(days) == ["NYK@GSW 0022601140 is not graded"]
    graded = {name: bet[name] for name in ("game_id", "player_id", "system_id", "market", "run_kind")} | {"grade_version": 1}
    days.write("grades", YESTERDAY, graded)
    assert content(days) == ["NYK@GSW 0022601140 is not graded"]
    days.write("grades", YESTERDAY, graded, graded | {"system_id": "catboost"})
    assert content(days) == []


def test_a_prediction_of_a_game_not_played_that_is_not_void_is_undone(days: Days) -> None:
    off, other = slate_of(YESTERDAY, eastern(YESTERDAY, 19), eastern(YESTERDAY, 22), status="final")
    days.write("schedule", YESTERDAY, off | {"status": "postponed", "home_points": None, "away_points": None}, other)
    bet = a_prediction(game_date=YESTERDAY, game_id=off["game_id"], player_id=1, tipoff_at=off["tipoff_at"])
    late = bet | {"system_id": "catboost", "made_at": off["tipoff_at"]}
    days.write("predictions", YESTERDAY, bet | {"made_at": eastern(YESTERDAY, 12)}, late)  # too late to be graded
    assert content(days) == [f"NYK@GSW {off['game_id']} is not played, but its predictions are not void"]
    graded = {name: bet[name] for name in ("game_id", "player_id", "system_id", "market", "run_kind")} | {"grade_version": 1}
    days.write("grades", YESTERDAY, graded)
    assert content(days) == []


def test_a_game_that_is_not_final_lacks_nothing(days: Days) -> None:
    days.write("boxscores", YESTERDAY)
    for status in ("postponed", "scheduled", "live"):
        days.write("schedule", YESTERDAY, *slate_of(YESTERDAY, eastern(YESTERDAY, 19), status=status))
        assert content(days) == []


def test_a_game_without_a_box_score_source_lacks_nothing(days: Days) -> None:
    days.write("schedule", YESTERDAY, *slate_of(YESTERDAY, None, status="final", has_boxscore_source=False))
    days.write("boxscores", YESTERDAY)
    assert content(days) == []


def test_late_box_scores_are_no_longer_requested_after_some_days(days: Days) -> None:
    days.write("boxscores", YESTERDAY)
    third = YESTERDAY + timedelta(days=3)
    before = [work.game_date for work in undone(days, eastern(third, 0) - SECOND, 2)]
    after = [work.game_date for work in undone(days, eastern(third, 0), 3)]
    assert (YESTERDAY in before, YESTERDAY in after) == (True, False)


def test_postponed_games_have_no_tip_off(days: Days) -> None:
    tonight = slate_of(DAY, eastern(DAY, 12), status="postponed") + slate_of(DAY, None, eastern(DAY, 19), None)[1:]
    days.write("schedule", DAY, *tonight)
    slate = next(read_slates(days.warehouse, [DAY], AFTERNOON))
    assert set(slate.tipoffs) == {eastern(DAY, 19), None}
    assert slate.written == {*tables_of_mode("same_day")}


# Unreadable data


class Unreadable(LocalWarehouse):
    """An unavailable warehouse."""

    def dates(self, table: Table) -> set[date]:
        raise PipelineError(f"{table.name} cannot be read")


def test_an_unreadable_warehouse_raises(ordinary: Days) -> None:
    with pytest.raises(PipelineError, match="cannot be read"):
        find_work(ordinary.instance, Unreadable(home=ordinary.warehouse.home), LAST_CALL + GRACE)


def test_results_are_tables_of_their_modes() -> None:
    assert {table for mode in MODES for table in tables_of_mode(mode)} >= set(from_predictions())


def test_a_closed_ledger_is_not_due_and_the_rest_of_its_date_is(tmp_path: Path) -> None:
    days, now = Days(tmp_path / "home"), ELEVEN + GRACE + MINUTE
    games = slate_of(YESTERDAY, eastern(YESTERDAY, 19), status="final")
    days.write("schedule", YESTERDAY, *games)
    days.write("boxscores", YESTERDAY, *(row for game in games for row in complete_box(game)))
    days.make_mode(SIX + MINUTE, YESTERDAY, "overnight")

    def tables_due() -> tuple[str, ...]:
        return next((work.tables for work in undone(days, now) if work.game_date == YESTERDAY), ())

    before = tables_due()
    assert "grades" in before
    Path(days.home, "tables", "grades", f"game_date={YESTERDAY}", "part.parquet").write_bytes(b"")
    assert tables_due() == tuple(table for table in before if table != "grades")

"""Sensors by a simulated clock, on a real warehouse, a real instance and the league of the sandbox.

A held-back tick must skip and not fail: Dagster retries a failed tick, and the slate would be requested twice.
"""

import json
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import pytest
import time_machine
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import TickStatus
from dagster._utils.error import SerializableErrorInfo

from nba_pipeline.completeness.gates import deadline
from nba_pipeline.completeness.modes import CAPTURED, COLLECTED, TABLES_OF_MODE
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.run_tags import DUE_TAG, MODE_TAG, PARTITION_TAG, WHY_TAG
from nba_pipeline.league.calendar import eastern
from nba_pipeline.orchestration import sensors
from nba_pipeline.providers.nba_cdn import boxscore_request
from nba_pipeline.sandbox.league import Game, League
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline_tests.builders import Values
from nba_pipeline_tests.builders_days import Days, complete_box, slate_of
from nba_pipeline_tests.instance.test_ticks import NOON, Instigator
from nba_pipeline_tests.monitoring.webhook import a_notifier, listening
from nba_pipeline_tests.orchestration.ticks import (
    DAY,
    MINUTE,
    MONDAY,
    TOMORROW,
    YESTERDAY,
    alerts,
    broken,
    look,
    tables_of,
)

# Lines


def test_a_capture_is_asked_for_when_it_is_due(days: Days) -> None:
    assert look(days, sensors.lines, eastern(DAY, 6, 59)).why.startswith(f"{DAY}: no capture is due")
    found = look(days, sensors.lines, eastern(DAY, 7))
    assert (found.run.partition_key, tables_of(found.run)) == (DAY.isoformat(), ("schedule", *CAPTURED))
    assert found.run.tags[MODE_TAG] == "lines"
    run = days.begin(DAY, eastern(DAY, 7), **found.run.tags)
    assert look(days, sensors.lines, eastern(DAY, 7, 1)).runs == []
    days.make(eastern(DAY, 7, 2), DAY, *CAPTURED)
    days.end(run, eastern(DAY, 7, 2), succeeded=True)
    assert look(days, sensors.lines, eastern(DAY, 7, 3)).runs == []


def test_a_capture_that_failed_is_tried_again_a_little_later(days: Days) -> None:
    found = look(days, sensors.lines, eastern(DAY, 18, 45))
    days.try_mode("lines", DAY, eastern(DAY, 18, 45), eastern(DAY, 18, 46))
    waiting = look(days, sensors.lines, eastern(DAY, 18, 47))
    assert (waiting.runs, "failed and is tried again" in waiting.why) == ([], True)
    again = look(days, sensors.lines, eastern(DAY, 18, 48)).run
    assert again.run_key != found.run.run_key and again.tags == found.run.tags


def test_a_capture_of_a_provider_that_is_down_is_tried_again(days: Days) -> None:
    """Its run succeeds, because earlier lines stay valid. The next capture covers a few events without an answer."""
    due_at = eastern(DAY, 18, 45)
    days.make(eastern(DAY, 18, 46), DAY, *CAPTURED, games_to_come=8, games_heard_of=0)
    days.try_mode("lines", DAY, due_at, eastern(DAY, 18, 46), succeeded=True)
    assert look(days, sensors.lines, eastern(DAY, 18, 47)).runs == []
    assert look(days, sensors.lines, eastern(DAY, 18, 48)).run.tags[DUE_TAG] == due_at.astimezone(UTC).isoformat()
    for minute in (49, 50):
        days.try_mode("lines", DAY, due_at, eastern(DAY, 18, minute), succeeded=True)
    look(days, sensors.lines, eastern(DAY, 18, 51))
    assert [alert[1:] for alert in alerts(days)] == [("lines_missing", "prop_lines")]
    days.make(eastern(DAY, 18, 52), DAY, *CAPTURED, games_to_come=8, games_heard_of=5)
    assert look(days, sensors.lines, eastern(DAY, 18, 53)).runs == []


def test_a_capture_that_lacks_a_game_is_tried_three_times(days: Days) -> None:
    due_at = eastern(DAY, 10)
    days.make(eastern(DAY, 10, 1), DAY, *CAPTURED, games_to_come=8, games_heard_of=7)
    for minute in (1, 4, 9):
        assert look(days, sensors.lines, eastern(DAY, 10, minute)).runs
        days.try_mode("lines", DAY, due_at, eastern(DAY, 10, minute), succeeded=True)
    assert look(days, sensors.lines, eastern(DAY, 10, 30)).runs == []
    assert [alert[1:] for alert in alerts(days)] == [("lines_missing", "prop_lines")]


def test_the_lines_do_not_wait_for_a_schedule_that_failed(days: Days) -> None:
    assert tables_of(look(days, sensors.lines, eastern(DAY, 7)).run) == ("schedule", *CAPTURED)
    days.try_mode("lines", DAY, eastern(DAY, 7), eastern(DAY, 7, 1))
    assert tables_of(look(days, sensors.lines, eastern(DAY, 7, 4)).run) == CAPTURED


def test_lines_are_captured_while_the_league_cannot_be_asked(days: Days) -> None:
    """Five failures in the journal open the breaker of nba_cdn. Tonight's schedule is already loaded."""
    landing = Landing(home=str(days.home), clock=Clock())
    with time_machine.travel(eastern(DAY, 6, 59)):
        for n in range(5):
            landing.note(boxscore_request(f"002250000{n}", DAY), "failed", statuses=[503] * 5, problem="status 503")
    assert tables_of(look(days, sensors.lines, eastern(DAY, 7)).run) == CAPTURED


def test_captures_that_were_missed_are_one(days: Days) -> None:
    """A daemon that starts at 18:50 requests only the last due capture."""
    found = look(days, sensors.lines, eastern(DAY, 18, 50))
    assert found.run.run_key == f"lines:{DAY}:{eastern(DAY, 18, 45).isoformat()}:0"
    days.make(eastern(DAY, 18, 51), DAY, *CAPTURED)
    assert look(days, sensors.lines, eastern(DAY, 18, 54)).runs == []
    assert look(days, sensors.lines, eastern(DAY, 18, 55)).runs


def test_what_a_mode_has_captured_since_is_not_captured_again(days: Days) -> None:
    days.make(eastern(DAY, 9, 1), DAY, *CAPTURED)
    assert look(days, sensors.lines, eastern(DAY, 9, 2)).runs == []
    assert look(days, sensors.lines, eastern(DAY, 9, 59)).runs == []
    assert look(days, sensors.lines, eastern(DAY, 10)).runs  # twelve hours before the second tip-off


def test_a_capture_waits_for_the_run_of_its_date_and_comes_then(days: Days) -> None:
    run = days.begin(DAY, eastern(DAY, 7))
    found = look(days, sensors.lines, eastern(DAY, 7, 1))
    assert (found.runs, "another run of the date is under way" in found.why) == ([], True)
    days.end(run, eastern(DAY, 7, 2))
    assert look(days, sensors.lines, eastern(DAY, 7, 3), found.cursor).runs


def test_a_capture_that_is_held_back_is_not_forgotten(days: Days) -> None:
    found = look(days, sensors.lines, eastern(DAY, 7), warehouse=broken(days))
    assert (found.runs, "waits: the dataset is not there" in found.why) == ([], True)
    assert look(days, sensors.lines, eastern(DAY, 7, 1), found.cursor).runs


def test_games_that_have_begun_are_not_captured(days: Days) -> None:
    assert look(days, sensors.lines, eastern(DAY, 22)).why.startswith(f"{DAY}: no game to come")


def test_each_date_is_captured_for_itself(days: Days) -> None:
    days.write("schedule", TOMORROW, *slate_of(TOMORROW, eastern(TOMORROW, 2)))
    found = look(days, sensors.lines, eastern(DAY, 18))
    assert [run.partition_key for run in found.runs] == [DAY.isoformat(), TOMORROW.isoformat()]


# Cursors


@pytest.mark.parametrize("cursor", ["not JSON", "[1]"])
def test_an_unreadable_cursor_of_the_finals_begins_anew(days: Days, cursor: str) -> None:
    found = look(days, sensors.final_games, eastern(DAY, 16), cursor)
    assert found.cursor and json.loads(found.cursor)[DAY.isoformat()]["requests"] > 1_000_000


def test_an_unreadable_cursor_of_the_reconciliation_begins_anew(days: Days) -> None:
    now = eastern(DAY, 16, 6)
    found = look(days, sensors.reconciliation, now, "since yesterday", warehouse=broken(days))
    assert found.cursor is not None and abs(datetime.fromisoformat(found.cursor) - now) < MINUTE


# Reconciliation


def test_a_date_whose_final_games_are_due_is_read_again(lived: Days) -> None:
    game = slate_of(YESTERDAY, eastern(YESTERDAY, 19), status="final")[0]
    lived.write("schedule", YESTERDAY, game)
    lived.write("boxscores", YESTERDAY, *complete_box(game))
    lived.write("player_game_summary", YESTERDAY, {"game_id": game["game_id"], "player_id": 1})
    assert look(lived, sensors.reconciliation, eastern(DAY, 13, 5)).run.job_name == "recheck"
    request = look(lived, sensors.reconciliation, eastern(DAY, 13, 6)).run
    assert (request.partition_key, request.asset_selection) == (str(YESTERDAY), None)
    assert request.run_key == f"reconciliation:recheck:{YESTERDAY}:{eastern(DAY, 12).isoformat()}:0"
    late = look(lived, sensors.reconciliation, eastern(DAY, 16, 6)).run
    assert tables_of(late) == TABLES_OF_MODE["same_day"]  # a slate does not wait for a re-read


def test_what_was_lost_is_asked_for_once_until_it_was_tried(lived: Days) -> None:
    assert look(lived, sensors.reconciliation, eastern(DAY, 16, 5)).why == "nothing that is due is undone"
    now = eastern(DAY, 16, 6)
    request = look(lived, sensors.reconciliation, now).run
    assert (request.partition_key, tables_of(request)) == (DAY.isoformat(), TABLES_OF_MODE["same_day"])
    assert request.run_key == look(lived, sensors.reconciliation, now + MINUTE).run.run_key  # Dagster starts a key once
    run = lived.begin(DAY, now, **{name: value for name, value in request.tags.items() if name != PARTITION_TAG})
    assert look(lived, sensors.reconciliation, now + 2 * MINUTE).why == f"same_day of {DAY} is under way"
    lived.end(run, now + 3 * MINUTE)
    assert look(lived, sensors.reconciliation, now + 4 * MINUTE).runs == []
    again = look(lived, sensors.reconciliation, now + 6 * MINUTE).run
    assert again.run_key != request.run_key


def test_work_that_keeps_failing_is_told_once(lived: Days) -> None:
    for n in range(3):
        assert alerts(lived) == []
        lived.try_mode("same_day", DAY, eastern(DAY, 16), eastern(DAY, 16, n + 1))
        if n:
            look(lived, sensors.reconciliation, eastern(DAY, 16, 6))
    for minute in (12, 14):  # the fourth attempt and the alert are due after eight minutes
        look(lived, sensors.reconciliation, eastern(DAY, 16, minute))
    assert alerts(lived) == [(DAY, "work_undone", "same_day")]


def test_held_back_for_minutes_it_is_told_once(days: Days) -> None:
    """The test's broken warehouse holds the sensor back. The alerts go to the warehouse of the sandbox."""
    cursor, now = None, eastern(DAY, 16, 6)
    for minutes, expected in ((0, 0), (2, 0), (4, 0), (6, 1), (8, 1), (60, 1)):
        found = look(days, sensors.reconciliation, now + minutes * MINUTE, cursor, warehouse=broken(days))
        assert (found.runs, found.why) == ([], "held back: the dataset is not there")
        assert alerts(days) == [(DAY, "probe_failed", "preflight")] * expected
        cursor = found.cursor


def test_what_answers_in_between_is_not_held_back_for_minutes(days: Days) -> None:
    now = eastern(DAY, 16, 6)
    cursor = look(days, sensors.reconciliation, now, None, warehouse=broken(days)).cursor
    cursor = look(days, sensors.reconciliation, now + 4 * MINUTE, cursor).cursor
    look(days, sensors.reconciliation, now + 8 * MINUTE, cursor, warehouse=broken(days))
    assert alerts(days) == []


def test_held_back_again_on_another_day_it_is_told_again(days: Days) -> None:
    """Dagster ignores an empty cursor in a sensor's result, so that the sensor must reset its cursor explicitly."""
    cursor = None
    for day in (DAY, TOMORROW):
        for minutes in (0, 6, 12):
            now = eastern(day, 16, 6 + minutes)
            cursor = look(days, sensors.reconciliation, now, cursor, warehouse=broken(days)).cursor
        cursor = look(days, sensors.reconciliation, eastern(day, 17), cursor).cursor
    assert [(day, kind) for day, kind, _ in alerts(days)] == [(DAY, "probe_failed"), (TOMORROW, "probe_failed")]


def test_a_week_without_models_is_trained_and_after_a_failure_tried_again(days: Days) -> None:
    keys = []
    for minute, is_expected in ((6, True), (9, False), (12, True)):
        found = [run for run in look(days, sensors.reconciliation, eastern(DAY, 16, minute)).runs if run.job_name == "train"]
        assert bool(found) is is_expected
        if minute == 6:
            days.end(days.begin(MONDAY, eastern(DAY, 16, 7), job="train", **found[0].tags), eastern(DAY, 16, 8))
        keys += [run.run_key for run in found]
    assert len(set(keys)) == 2


def test_a_tick_that_failed_is_told_of(days: Days) -> None:
    failed = SerializableErrorInfo("OSError: the disk is gone\n", [], "OSError")
    sensor = Instigator(days.instance, "lines", InstigatorType.SENSOR)
    sensor.tick(0, TickStatus.FAILURE, error=failed)
    for minutes in (3, 8):
        assert "lines" in look(days, sensors.alert_on_failed_tick, NOON + minutes * MINUTE).why
    assert [alert[1:] for alert in alerts(days)] == [("tick_failed", "lines")]
    assert look(days, sensors.alert_on_failed_tick, NOON + 60 * MINUTE).why == "nothing failed"


def test_a_message_that_was_not_delivered_is_sent_by_a_later_look(days: Days) -> None:
    with listening() as slack:
        slack.status = 500
        a_notifier(days.warehouse, slack.url, NOON).raise_alert(DAY, "late_boxscores", "boxscores", "2 of 8 are late")
        slack.status = 200
        for minutes in (3, 8, 13):
            now = NOON + minutes * MINUTE
            look(days, sensors.alert_on_failed_tick, now, notifier=a_notifier(days.warehouse, slack.url, now))
        assert len(slack.sent) == 2


def test_a_week_without_models_is_trained(days: Days) -> None:
    found = look(days, sensors.reconciliation, eastern(DAY, 16, 6))
    training = [run for run in found.runs if run.job_name == "train"]
    assert [(run.partition_key, run.run_key) for run in training] == [(str(MONDAY), f"train:{MONDAY}:reconciliation:0")]
    days.make(eastern(DAY, 16, 7), MONDAY, "points_model")
    assert "train" not in {run.job_name for run in look(days, sensors.reconciliation, eastern(DAY, 16, 8)).runs}


def test_a_week_that_is_being_trained_is_not_trained_again(days: Days) -> None:
    assert "train" in {run.job_name for run in look(days, sensors.reconciliation, eastern(MONDAY, 5, 7)).runs}
    days.begin(MONDAY, eastern(MONDAY, 5), job="train")
    found = look(days, sensors.reconciliation, eastern(MONDAY, 5, 7))
    assert "train" not in {run.job_name for run in found.runs}


@pytest.mark.parametrize("gate", ["find_undone", "held_back", "untrained_week"])
def test_a_gate_that_raises_starts_nothing(days: Days, monkeypatch: pytest.MonkeyPatch, gate: str) -> None:
    """All work is undone, so that a swallowed exception would start a run."""

    def explode(*_: Any, **__: Any) -> Any:
        raise RuntimeError("nobody thought of this")

    monkeypatch.setattr(sensors, gate, explode)
    with pytest.raises(RuntimeError, match="nobody thought of this"):
        look(days, sensors.reconciliation, eastern(DAY, 16, 6))
    assert days.instance.get_runs_count() == 0 and alerts(days) == []


# Final games, on the scoreboard of the sandbox's league


@cache
def league(day: date) -> list[Game]:
    """The games that are played, in the order of their ends."""
    return sorted(League().games(day), key=lambda game: (game.ends_at, game.game_id))


def scheduled(day: date, *games: Game) -> list[Values]:
    """The rows of the schedule as read in the morning."""
    return [
        slate_of(day, game.tipoff_at, game_id=game.game_id, home_team=game.teams[0], away_team=game.teams[1])[0] for game in games
    ]


def complete(days: Days, day: date, *finals: Game) -> None:
    """Simulates a collection: these games are final and have box scores, the others do not change."""
    rows = scheduled(day, *league(day))
    done = {game.game_id for game in finals}
    known = [row | {"status": "final", "home_points": 110, "away_points": 100} if row["game_id"] in done else row for row in rows]
    days.write("schedule", day, *known)
    days.write("boxscores", day, *(box for row in known if row["game_id"] in done for box in complete_box(row)))


@pytest.fixture
def night(days: Days, monkeypatch: pytest.MonkeyPatch) -> Days:
    """The evening of the league's own games."""
    monkeypatch.delenv("NBA_CDN_URL")
    days.write("schedule", DAY, *scheduled(DAY, *league(DAY)))
    return days


def ends() -> list[datetime]:
    """The instants at which games of the night end, each once."""
    return sorted({game.ends_at for game in league(DAY)})


def over(now: datetime) -> list[Game]:
    return [game for game in league(DAY) if game.ends_at <= now]


def rule(days: Days, **spec: Any) -> None:
    (days.home / "sandbox_rules.json").write_text(json.dumps({"rules": [spec]}))


def test_before_the_first_final_nobody_is_asked_to_collect(night: Days) -> None:
    found = look(night, sensors.final_games, ends()[0] - MINUTE)
    assert (found.runs, found.why) == ([], f"{DAY}: {sum(g.tipoff_at < ends()[0] - MINUTE for g in league(DAY))} games in play")


def test_a_night_is_collected_final_by_final_and_nothing_twice(night: Days) -> None:
    cursor, keys = None, []
    for end in ends():
        found = look(night, sensors.final_games, end + MINUTE / 2, cursor)
        assert (found.run.partition_key, tables_of(found.run)) == (str(DAY), COLLECTED)
        assert found.run.tags[MODE_TAG] == "final_games"
        keys.append(found.run.run_key)
        run = night.begin(DAY, end + MINUTE / 2)
        assert look(night, sensors.final_games, end + MINUTE, found.cursor).runs == []
        night.end(run, end + MINUTE)
        complete(night, DAY, *over(end))
        after = look(night, sensors.final_games, end + 3 * MINUTE, found.cursor)
        assert after.runs == []
        cursor = after.cursor
    assert keys == [f"final_games:{DAY}:{n + 1}" for n in range(len(ends()))]
    assert look(night, sensors.final_games, ends()[-1] + timedelta(hours=1), cursor).why == "no game is pending"


def test_a_date_that_another_run_is_working_on_is_asked_for_afterwards(night: Days) -> None:
    now = ends()[0] + MINUTE
    run = night.begin(DAY, now)
    found = look(night, sensors.final_games, now)
    assert found.runs == [] and found.why.endswith("another run of the date is under way")
    night.end(run, now)
    assert look(night, sensors.final_games, now + MINUTE, found.cursor).run.run_key == f"final_games:{DAY}:1"


def test_dates_are_asked_for_each_by_itself(night: Days) -> None:
    """A game of the previous night has no box score yet, and at 09:00 the scoreboard still shows that night."""
    night.write("schedule", YESTERDAY, *scheduled(YESTERDAY, league(YESTERDAY)[0]))
    found = look(night, sensors.final_games, eastern(DAY, 9))
    assert [run.run_key for run in found.runs] == [f"final_games:{YESTERDAY}:1"]
    assert f"; {DAY}: the first tip-off is at" in found.run.tags[WHY_TAG]  # the decision on the other date
    evening = look(night, sensors.final_games, ends()[0] + MINUTE, found.cursor)
    assert [run.run_key for run in evening.runs] == [f"final_games:{DAY}:1"]  # long after noon of the first date


def test_a_date_that_comes_back_has_a_run_key_of_its_own(night: Days) -> None:
    """A correction makes a complete game incomplete. Dagster starts no run for a used run key."""
    end = ends()[-1]
    found = look(night, sensors.final_games, end + MINUTE)
    complete(night, DAY, *league(DAY))
    between = look(night, sensors.final_games, end + 3 * MINUTE, found.cursor)
    assert between.why == "no game is pending"
    complete(night, DAY, *league(DAY)[1:])
    again = look(night, sensors.final_games, end + 5 * MINUTE, between.cursor)
    assert again.run.run_key != found.run.run_key


def test_a_box_score_that_never_comes_is_an_alert_at_the_deadline(night: Days) -> None:
    found = look(night, sensors.final_games, ends()[-1] + MINUTE)
    cursor = found.cursor
    for n in range(3):
        found = look(night, sensors.final_games, deadline(DAY) + n * MINUTE, cursor)
        cursor = found.cursor
        assert found.runs == [] and "gave up on" in found.why
        assert alerts(night) == [(DAY, "boxscores_missing", "boxscores")]


def test_while_the_league_cannot_be_asked_the_reason_is_told_and_then_it_is_collected_anyway(night: Days) -> None:
    rule(night, match={"provider": "nba_cdn"}, action="status", status=503)
    first = min(game.tipoff_at for game in league(DAY))
    found = look(night, sensors.final_games, ends()[0] + MINUTE)
    assert found.runs == []
    assert "status 503" in found.why
    late = look(night, sensors.final_games, first + timedelta(hours=3, minutes=30), found.cursor)
    assert late.run.run_key == f"final_games:{DAY}:1"


def test_when_no_game_has_begun_nobody_is_asked(night: Days) -> None:
    """A rule that breaks every answer has no effect."""
    rule(night, match={"provider": "nba_cdn"}, action="status", status=503)
    found = look(night, sensors.final_games, eastern(DAY, 15))
    assert (found.runs, "503" in found.why) == ([], False)
    assert "the first tip-off is at" in found.why


def test_the_simulated_instants_are_those_of_the_season() -> None:
    assert ends()[0].tzinfo is UTC and len(ends()) > 2

"""Sensors by a simulated clock, on a real warehouse, a real instance and the league of the sandbox.

A tick that cannot start a run must skip and not fail: Dagster retries a failed tick, and the slate would be requested twice.
"""

import json
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import dagster as dg
import pytest
import time_machine
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.scheduler.instigation import TickStatus
from dagster._utils.error import SerializableErrorInfo

from nba_pipeline.completeness.gates import deadline
from nba_pipeline.completeness.modes import tables_of_mode
from nba_pipeline.errors import PipelineError
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.run_tags import DUE_TAG, MODE_TAG, PARTITION_TAG, WHY_TAG
from nba_pipeline.league.calendar import eastern
from nba_pipeline.monitoring.alerts import ALERTS
from nba_pipeline.orchestration import sensors
from nba_pipeline.providers.nba_cdn import boxscore_request
from nba_pipeline.sandbox.league import Game, League
from nba_pipeline.tables.declarations import requested_by
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payloads import Slot
from nba_pipeline_tests.builders import Values
from nba_pipeline_tests.builders_days import Days, complete_box, slate_of
from nba_pipeline_tests.instance.test_ticks import NOON, Instigator
from nba_pipeline_tests.monitoring.webhook import SECRET, a_notifier, listening, pinged
from nba_pipeline_tests.orchestration.ticks import (
    DAY,
    MINUTE,
    MONDAY,
    TOMORROW,
    YESTERDAY,
    Unreadable,
    alerts,
    broken,
    evaluate,
    tables_of,
)

pytestmark = pytest.mark.platform  # each tick loads the repository of the whole graph

# Lines


def test_a_due_capture_is_requested(days: Days) -> None:
    assert evaluate(days, sensors.lines, eastern(DAY, 6, 59)).why.startswith(f"{DAY}: no capture is due")
    tick = evaluate(days, sensors.lines, eastern(DAY, 7))
    assert (tick.run.partition_key, tables_of(tick.run)) == (DAY.isoformat(), ("schedule", *requested_by("lines")))
    assert tick.run.tags[MODE_TAG] == "lines"
    run = days.begin(DAY, eastern(DAY, 7), **tick.run.tags)
    assert evaluate(days, sensors.lines, eastern(DAY, 7, 1)).runs == []
    days.make(eastern(DAY, 7, 2), DAY, *requested_by("lines"))
    days.end(run, eastern(DAY, 7, 2), succeeded=True)
    assert evaluate(days, sensors.lines, eastern(DAY, 7, 3)).runs == []


def test_a_failed_capture_is_retried_after_a_delay(days: Days) -> None:
    tick = evaluate(days, sensors.lines, eastern(DAY, 18, 45))
    days.try_mode("lines", DAY, eastern(DAY, 18, 45), eastern(DAY, 18, 46))
    waiting = evaluate(days, sensors.lines, eastern(DAY, 18, 47))
    assert (waiting.runs, "failed; the next attempt is at" in waiting.why) == ([], True)
    retry = evaluate(days, sensors.lines, eastern(DAY, 18, 48)).run
    assert retry.run_key != tick.run.run_key and retry.tags == tick.run.tags


def test_a_capture_without_any_answer_is_retried(days: Days) -> None:
    """Its run succeeds, because earlier lines stay valid. The next capture covers a few events without an answer."""
    due_at = eastern(DAY, 18, 45)
    days.make(eastern(DAY, 18, 46), DAY, *requested_by("lines"), games_to_come=8, games_heard_of=0)
    days.try_mode("lines", DAY, due_at, eastern(DAY, 18, 46), succeeded=True)
    assert evaluate(days, sensors.lines, eastern(DAY, 18, 47)).runs == []
    assert evaluate(days, sensors.lines, eastern(DAY, 18, 48)).run.tags[DUE_TAG] == due_at.astimezone(UTC).isoformat()
    for minute in (49, 50):
        days.try_mode("lines", DAY, due_at, eastern(DAY, 18, minute), succeeded=True)
    evaluate(days, sensors.lines, eastern(DAY, 18, 51))
    assert [alert[1:] for alert in alerts(days)] == [("lines_missing", "prop_lines")]
    days.make(eastern(DAY, 18, 52), DAY, *requested_by("lines"), games_to_come=8, games_heard_of=5)
    assert evaluate(days, sensors.lines, eastern(DAY, 18, 53)).runs == []


def test_a_capture_that_lacks_a_game_is_attempted_three_times(days: Days) -> None:
    due_at = eastern(DAY, 10)
    days.make(eastern(DAY, 10, 1), DAY, *requested_by("lines"), games_to_come=8, games_heard_of=7)
    for minute in (1, 4, 9):
        assert evaluate(days, sensors.lines, eastern(DAY, 10, minute)).runs
        days.try_mode("lines", DAY, due_at, eastern(DAY, 10, minute), succeeded=True)
    assert evaluate(days, sensors.lines, eastern(DAY, 10, 30)).runs == []
    assert [alert[1:] for alert in alerts(days)] == [("lines_missing", "prop_lines")]


def test_a_refused_key_raises_the_alert_after_one_attempt_and_is_named(days: Days) -> None:
    problem = "odds_api rejected the key (401): check ODDS_API_KEY"
    problems = dg.MetadataValue.json({str(DAY): [problem]})
    days.make(eastern(DAY, 10, 1), DAY, *requested_by("lines"), games_to_come=8, games_heard_of=0, problems_met=problems)
    days.try_mode("lines", DAY, eastern(DAY, 10), eastern(DAY, 10, 1), succeeded=True)
    with time_machine.travel(eastern(DAY, 10, 1), tick=False):
        events = Slot("odds_api", "events", "slate", DAY)
        Landing(home=str(days.home), clock=Clock()).note(events, "failed", statuses=[401], problem=problem)
    evaluate(days, sensors.lines, eastern(DAY, 10, 2))
    [alert] = days.warehouse.scan(ALERTS).collect().to_dicts()
    capture = "the capture of 10:00 US Eastern failed (1 attempt)"
    assert alert["message"] == f"prop_lines of {DAY}: no lines yet; {capture}: {problem}"
    assert alert["next_command"] == "correct the key, test it by nba-pipeline doctor, then restart the daemon"


def test_lines_do_not_wait_for_a_failed_schedule(days: Days) -> None:
    assert tables_of(evaluate(days, sensors.lines, eastern(DAY, 7)).run) == ("schedule", *requested_by("lines"))
    days.try_mode("lines", DAY, eastern(DAY, 7), eastern(DAY, 7, 1))
    assert tables_of(evaluate(days, sensors.lines, eastern(DAY, 7, 4)).run) == requested_by("lines")


def test_lines_are_captured_while_the_provider_of_the_schedule_is_unavailable(days: Days) -> None:
    """Five failures in the journal open the breaker of nba_cdn. Tonight's schedule is already loaded."""
    landing = Landing(home=str(days.home), clock=Clock())
    with time_machine.travel(eastern(DAY, 6, 59), tick=False):
        for n in range(5):
            landing.note(boxscore_request(f"002250000{n}", DAY), "failed", statuses=[503] * 5, problem="status 503")
    assert tables_of(evaluate(days, sensors.lines, eastern(DAY, 7)).run) == requested_by("lines")


def test_several_missed_captures_are_one_request(days: Days) -> None:
    """A daemon that starts at 18:50 requests only the last due capture."""
    tick = evaluate(days, sensors.lines, eastern(DAY, 18, 50))
    assert tick.run.run_key == f"lines:{DAY}:{eastern(DAY, 18, 45).isoformat()}:0"
    days.make(eastern(DAY, 18, 51), DAY, *requested_by("lines"))
    assert evaluate(days, sensors.lines, eastern(DAY, 18, 54)).runs == []
    assert evaluate(days, sensors.lines, eastern(DAY, 18, 55)).runs


def test_tables_captured_by_a_mode_are_not_captured_twice(days: Days) -> None:
    days.make(eastern(DAY, 9, 1), DAY, *requested_by("lines"))
    assert evaluate(days, sensors.lines, eastern(DAY, 9, 2)).runs == []
    assert evaluate(days, sensors.lines, eastern(DAY, 9, 59)).runs == []
    assert evaluate(days, sensors.lines, eastern(DAY, 10)).runs  # twelve hours before the second tip-off


def test_a_capture_waits_for_another_run_of_its_date(days: Days) -> None:
    run = days.begin(DAY, eastern(DAY, 7))
    tick = evaluate(days, sensors.lines, eastern(DAY, 7, 1))
    assert (tick.runs, "another run of the date is in progress" in tick.why) == ([], True)
    days.end(run, eastern(DAY, 7, 2))
    assert evaluate(days, sensors.lines, eastern(DAY, 7, 3), tick.cursor).runs


def test_a_capture_waits_for_an_unavailable_warehouse(days: Days) -> None:
    tick = evaluate(days, sensors.lines, eastern(DAY, 7), warehouse=broken(days))
    assert (tick.runs, "waits for the warehouse: the dataset does not exist" in tick.why) == ([], True)
    assert evaluate(days, sensors.lines, eastern(DAY, 7, 1), tick.cursor).runs


def test_started_games_are_not_captured(days: Days) -> None:
    assert evaluate(days, sensors.lines, eastern(DAY, 22)).why.startswith(f"{DAY}: no upcoming games")


def test_each_date_is_captured_by_its_own_run(days: Days) -> None:
    days.write("schedule", TOMORROW, *slate_of(TOMORROW, eastern(TOMORROW, 2)))
    tick = evaluate(days, sensors.lines, eastern(DAY, 18))
    assert [run.partition_key for run in tick.runs] == [DAY.isoformat(), TOMORROW.isoformat()]


# Cursors


@pytest.mark.parametrize("cursor", ["not JSON", "[1]"])
def test_an_unreadable_cursor_of_final_games_is_reset(days: Days, cursor: str) -> None:
    tick = evaluate(days, sensors.final_games, eastern(DAY, 16), cursor)
    assert tick.cursor and json.loads(tick.cursor)[DAY.isoformat()]["requests"] > 1_000_000


def test_an_unreadable_cursor_of_the_reconciliation_is_reset(days: Days) -> None:
    now = eastern(DAY, 16, 6)
    tick = evaluate(days, sensors.reconciliation, now, "since yesterday", warehouse=broken(days))
    assert tick.cursor is not None and abs(datetime.fromisoformat(tick.cursor) - now) < MINUTE


# Reconciliation


def test_a_due_recheck_is_requested_after_the_slate(lived: Days) -> None:
    game = slate_of(YESTERDAY, eastern(YESTERDAY, 19), status="final")[0]
    lived.write("schedule", YESTERDAY, game)
    lived.write("boxscores", YESTERDAY, *complete_box(game))
    lived.write("player_game_summary", YESTERDAY, {"game_id": game["game_id"], "player_id": 1})
    assert evaluate(lived, sensors.reconciliation, eastern(DAY, 13, 5)).run.job_name == "recheck"
    request = evaluate(lived, sensors.reconciliation, eastern(DAY, 13, 6)).run
    assert (request.partition_key, request.asset_selection) == (str(YESTERDAY), None)
    assert request.run_key == f"reconciliation:recheck:{YESTERDAY}:{eastern(DAY, 12).isoformat()}:0"
    late = evaluate(lived, sensors.reconciliation, eastern(DAY, 16, 6)).run
    assert tables_of(late) == tables_of_mode("same_day")  # a slate does not wait for a re-read


def test_undone_work_is_requested_once_per_attempt(lived: Days) -> None:
    assert evaluate(lived, sensors.reconciliation, eastern(DAY, 16, 5)).why == "all due work is done"
    now = eastern(DAY, 16, 6)
    request = evaluate(lived, sensors.reconciliation, now).run
    assert (request.partition_key, tables_of(request)) == (DAY.isoformat(), tables_of_mode("same_day"))
    assert request.run_key == evaluate(lived, sensors.reconciliation, now + MINUTE).run.run_key  # Dagster starts a key once
    run = lived.begin(DAY, now, **{name: value for name, value in request.tags.items() if name != PARTITION_TAG})
    assert evaluate(lived, sensors.reconciliation, now + 2 * MINUTE).why == f"same_day of {DAY} is in progress"
    lived.end(run, now + 3 * MINUTE)
    assert evaluate(lived, sensors.reconciliation, now + 4 * MINUTE).runs == []
    retry = evaluate(lived, sensors.reconciliation, now + 6 * MINUTE).run
    assert retry.run_key != request.run_key


def test_repeatedly_failed_work_raises_one_alert(lived: Days) -> None:
    for n in range(3):
        assert alerts(lived) == []
        lived.try_mode("same_day", DAY, eastern(DAY, 16), eastern(DAY, 16, n + 1))
        if n:
            evaluate(lived, sensors.reconciliation, eastern(DAY, 16, 6))
    for minute in (12, 14):  # the fourth attempt and the alert are due after eight minutes
        evaluate(lived, sensors.reconciliation, eastern(DAY, 16, minute))
    assert alerts(lived) == [(DAY, "work_undone", "same_day")]


def test_a_warehouse_that_fails_for_minutes_raises_one_alert(days: Days) -> None:
    """The test's broken warehouse prevents a start. The alerts go to the warehouse of the sandbox."""
    cursor, now = None, eastern(DAY, 16, 6)
    for minutes, expected in ((0, 0), (2, 0), (4, 0), (6, 1), (8, 1), (60, 1)):
        tick = evaluate(days, sensors.reconciliation, now + minutes * MINUTE, cursor, warehouse=broken(days))
        assert (tick.runs, tick.why) == ([], "no run can start: the dataset does not exist")
        assert alerts(days) == [(DAY, "probe_failed", "preflight")] * expected
        cursor = tick.cursor


def test_a_success_in_between_restarts_the_wait_for_the_alert(days: Days) -> None:
    now = eastern(DAY, 16, 6)
    cursor = evaluate(days, sensors.reconciliation, now, None, warehouse=broken(days)).cursor
    cursor = evaluate(days, sensors.reconciliation, now + 4 * MINUTE, cursor).cursor
    evaluate(days, sensors.reconciliation, now + 8 * MINUTE, cursor, warehouse=broken(days))
    assert alerts(days) == []


def test_a_failure_on_another_day_raises_another_alert(days: Days) -> None:
    """Dagster ignores an empty cursor in a sensor's result, so that the sensor must reset its cursor explicitly."""
    cursor = None
    for day in (DAY, TOMORROW):
        for minutes in (0, 6, 12):
            now = eastern(day, 16, 6 + minutes)
            cursor = evaluate(days, sensors.reconciliation, now, cursor, warehouse=broken(days)).cursor
        cursor = evaluate(days, sensors.reconciliation, eastern(day, 17), cursor).cursor
    assert [(day, kind) for day, kind, _ in alerts(days)] == [(DAY, "probe_failed"), (TOMORROW, "probe_failed")]


def test_a_failed_training_is_retried_after_a_delay(days: Days) -> None:
    keys = []
    for minute, is_expected in ((6, True), (9, False), (12, True)):
        requests = [
            run for run in evaluate(days, sensors.reconciliation, eastern(DAY, 16, minute)).runs if run.job_name == "train"
        ]
        assert bool(requests) is is_expected
        if minute == 6:
            days.end(days.begin(MONDAY, eastern(DAY, 16, 7), job="train", **requests[0].tags), eastern(DAY, 16, 8))
        keys += [run.run_key for run in requests]
    assert len(set(keys)) == 2


def test_a_failed_tick_raises_an_alert(days: Days) -> None:
    failed = SerializableErrorInfo("OSError: the disk is full\n", [], "OSError")
    sensor = Instigator(days.instance, "lines", InstigatorType.SENSOR)
    sensor.tick(0, TickStatus.FAILURE, error=failed)
    for minutes in (3, 8):
        assert "lines" in evaluate(days, sensors.alert_on_failed_tick, NOON + minutes * MINUTE).why
    assert [alert[1:] for alert in alerts(days)] == [("tick_failed", "lines")]
    assert evaluate(days, sensors.alert_on_failed_tick, NOON + 60 * MINUTE).why == "no evaluation failed"


def test_an_undelivered_message_is_sent_by_a_later_evaluation(days: Days) -> None:
    with listening() as slack:
        slack.status = 500
        a_notifier(days.warehouse, slack.url, NOON).raise_alert(DAY, "late_boxscores", "boxscores", "2 of 8 are late")
        slack.status = 200
        for minutes in (3, 8, 13):
            now = NOON + minutes * MINUTE
            evaluate(days, sensors.alert_on_failed_tick, now, notifier=a_notifier(days.warehouse, slack.url, now))
        assert len(slack.sent) == 2


def test_a_week_without_models_is_trained(days: Days) -> None:
    tick = evaluate(days, sensors.reconciliation, eastern(DAY, 16, 6))
    training = [run for run in tick.runs if run.job_name == "train"]
    assert [(run.partition_key, run.run_key) for run in training] == [(str(MONDAY), f"train:{MONDAY}:reconciliation:0")]
    days.make(eastern(DAY, 16, 7), MONDAY, "points_model")
    assert "train" not in {run.job_name for run in evaluate(days, sensors.reconciliation, eastern(DAY, 16, 8)).runs}


def test_a_week_with_a_training_in_progress_is_not_requested(days: Days) -> None:
    assert "train" in {run.job_name for run in evaluate(days, sensors.reconciliation, eastern(MONDAY, 5, 7)).runs}
    days.begin(MONDAY, eastern(MONDAY, 5), job="train")
    tick = evaluate(days, sensors.reconciliation, eastern(MONDAY, 5, 7))
    assert "train" not in {run.job_name for run in tick.runs}


@pytest.mark.parametrize("gate", ["find_undone", "start_problem", "untrained_week"])
def test_an_unexpected_error_starts_no_run(days: Days, monkeypatch: pytest.MonkeyPatch, gate: str) -> None:
    """All work is undone, so that a swallowed exception would start a run."""

    def explode(*_: Any, **__: Any) -> Any:
        raise RuntimeError("an unexpected error")

    monkeypatch.setattr(sensors, gate, explode)
    with pytest.raises(RuntimeError, match="an unexpected error"):
        evaluate(days, sensors.reconciliation, eastern(DAY, 16, 6))
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
    rows_after = [
        row | {"status": "final", "home_points": 110, "away_points": 100} if row["game_id"] in done else row for row in rows
    ]
    days.write("schedule", day, *rows_after)
    days.write("boxscores", day, *(box for row in rows_after if row["game_id"] in done for box in complete_box(row)))


@pytest.fixture
def night(days: Days, monkeypatch: pytest.MonkeyPatch) -> Days:
    """The evening of the league's own games."""
    monkeypatch.delenv("NBA_CDN_URL")
    days.write("schedule", DAY, *scheduled(DAY, *league(DAY)))
    return days


def ends() -> list[datetime]:
    """The instants at which games of the night end, each once."""
    return sorted({game.ends_at for game in league(DAY)})


def ended(now: datetime) -> list[Game]:
    return [game for game in league(DAY) if game.ends_at <= now]


def add_rule(days: Days, **spec: Any) -> None:
    (days.home / "sandbox_rules.json").write_text(json.dumps({"rules": [spec]}))


def test_nothing_is_collected_before_the_first_final(night: Days) -> None:
    tick = evaluate(night, sensors.final_games, ends()[0] - MINUTE)
    assert (tick.runs, tick.why) == ([], f"{DAY}: {sum(g.tipoff_at < ends()[0] - MINUTE for g in league(DAY))} games in play")


def test_each_final_of_a_night_is_collected_once(night: Days) -> None:
    cursor, keys = None, []
    for end in ends():
        tick = evaluate(night, sensors.final_games, end + MINUTE / 2, cursor)
        assert (tick.run.partition_key, tables_of(tick.run)) == (str(DAY), requested_by("final_games"))
        assert tick.run.tags[MODE_TAG] == "final_games"
        keys.append(tick.run.run_key)
        run = night.begin(DAY, end + MINUTE / 2)
        assert evaluate(night, sensors.final_games, end + MINUTE, tick.cursor).runs == []
        night.end(run, end + MINUTE)
        complete(night, DAY, *ended(end))
        after = evaluate(night, sensors.final_games, end + 3 * MINUTE, tick.cursor)
        assert after.runs == []
        cursor = after.cursor
    assert keys == [f"final_games:{DAY}:{n + 1}" for n in range(len(ends()))]
    assert evaluate(night, sensors.final_games, ends()[-1] + timedelta(hours=1), cursor).why == "no game is pending"


def test_a_date_with_a_run_in_progress_is_requested_afterwards(night: Days) -> None:
    now = ends()[0] + MINUTE
    run = night.begin(DAY, now)
    tick = evaluate(night, sensors.final_games, now)
    assert tick.runs == [] and tick.why.endswith("another run of the date is in progress")
    night.end(run, now)
    assert evaluate(night, sensors.final_games, now + MINUTE, tick.cursor).run.run_key == f"final_games:{DAY}:1"


def test_each_date_is_requested_separately(night: Days) -> None:
    """A game of the previous night has no box score yet, and at 09:00 the scoreboard still shows that night."""
    night.write("schedule", YESTERDAY, *scheduled(YESTERDAY, league(YESTERDAY)[0]))
    tick = evaluate(night, sensors.final_games, eastern(DAY, 9))
    assert [run.run_key for run in tick.runs] == [f"final_games:{YESTERDAY}:1"]
    assert f"; {DAY}: the first tip-off is at" in tick.run.tags[WHY_TAG]  # the decision on the other date
    evening = evaluate(night, sensors.final_games, ends()[0] + MINUTE, tick.cursor)
    assert [run.run_key for run in evening.runs] == [f"final_games:{DAY}:1"]  # long after noon of the first date


def test_a_date_that_becomes_incomplete_again_has_a_new_run_key(night: Days) -> None:
    """A correction makes a complete game incomplete. Dagster starts no run for a used run key."""
    end = ends()[-1]
    tick = evaluate(night, sensors.final_games, end + MINUTE)
    complete(night, DAY, *league(DAY))
    between = evaluate(night, sensors.final_games, end + 3 * MINUTE, tick.cursor)
    assert between.why == "no game is pending"
    complete(night, DAY, *league(DAY)[1:])
    retry = evaluate(night, sensors.final_games, end + 5 * MINUTE, between.cursor)
    assert retry.run.run_key != tick.run.run_key


def test_a_missing_box_score_raises_an_alert_at_the_deadline(night: Days) -> None:
    tick = evaluate(night, sensors.final_games, ends()[-1] + MINUTE)
    cursor = tick.cursor
    for n in range(3):
        tick = evaluate(night, sensors.final_games, deadline(DAY) + n * MINUTE, cursor)
        cursor = tick.cursor
        assert tick.runs == [] and "by the deadline" in tick.why
        assert alerts(night) == [(DAY, "boxscores_missing", "boxscores")]


def test_without_the_scoreboard_a_date_is_collected_hours_after_tip_off(night: Days) -> None:
    add_rule(night, match={"provider": "nba_cdn"}, action="status", status=503)
    first = min(game.tipoff_at for game in league(DAY))
    tick = evaluate(night, sensors.final_games, ends()[0] + MINUTE)
    assert tick.runs == []
    assert "status 503" in tick.why
    late = evaluate(night, sensors.final_games, first + timedelta(hours=3, minutes=30), tick.cursor)
    assert late.run.run_key == f"final_games:{DAY}:1"


def test_no_request_is_sent_before_the_first_tip_off(night: Days) -> None:
    """A rule that breaks every answer has no effect."""
    add_rule(night, match={"provider": "nba_cdn"}, action="status", status=503)
    tick = evaluate(night, sensors.final_games, eastern(DAY, 15))
    assert (tick.runs, "503" in tick.why) == ([], False)
    assert "the first tip-off is at" in tick.why


def test_the_simulated_night_has_several_ends_in_utc() -> None:
    assert ends()[0].tzinfo is UTC and len(ends()) > 2


# Heartbeat


def test_a_pass_of_the_reconciliation_pings_the_heartbeat(days: Days, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass that can start no run, or that raises an error, has failed."""
    pings = list[str]()
    with pinged(pings) as url:
        monkeypatch.setenv("HEARTBEAT_URL", url)
        evaluate(days, sensors.reconciliation, eastern(DAY, 12))
        evaluate(days, sensors.reconciliation, eastern(DAY, 12), warehouse=broken(days))
        with pytest.raises(PipelineError, match="cannot be read"):
            evaluate(days, sensors.reconciliation, eastern(DAY, 12), warehouse=Unreadable(home=str(days.home)))
    assert pings == [f"/{SECRET}", f"/{SECRET}/fail", f"/{SECRET}/fail"]

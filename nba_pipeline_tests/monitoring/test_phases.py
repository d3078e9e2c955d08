"""The comparison of the phases of a date, in both directions."""

from datetime import date, datetime, timedelta
from pathlib import Path

import pytest

from nba_pipeline.governance.publication import manifest_of, slot_of
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import eastern
from nba_pipeline.monitoring.phases import Comparison, compare_phases
from nba_pipeline.monitoring.record_keys import candidates
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payloads import Slot
from nba_pipeline_tests.builders_days import TEAMS, Days, complete_box, slate_of
from nba_pipeline_tests.builders_predictions import a_prediction

pytestmark = pytest.mark.platform

DAY = date(2026, 1, 15)
MORNING = eastern(date(2026, 1, 16), 9)
GAMES = slate_of(DAY, *[eastern(DAY, 19)] * len(TEAMS), status="final")


@pytest.fixture
def days(tmp_path: Path) -> Days:
    """Four final games with complete box scores and the summaries of all players."""
    days = Days(tmp_path)
    days.write("schedule", DAY, *GAMES)
    boxes = [row for game in GAMES for row in complete_box(game)]
    days.write("boxscores", DAY, *boxes)
    days.write("player_game_summary", DAY, *boxes_as_summaries(boxes))
    return days


def boxes_as_summaries(boxes: list[dict[str, object]]) -> list[dict[str, object]]:
    return [{name: row[name] for name in ("game_id", "player_id", "team")} for row in boxes]


def compared(days: Days, now: datetime = MORNING) -> dict[tuple[str, str, str], Comparison]:
    clock = Clock(fixed_at=now.isoformat())
    comparisons = compare_phases(days.warehouse, Landing(home=str(days.home), clock=clock), clock, DAY)
    return {(one.table, one.unit, one.origin): one for one in comparisons}


BOXSCORES = ("boxscores", "games", "played in schedule")
SUMMARIES = ("player_game_summary", "games", "complete in boxscores")
PLAYERS = ("player_game_summary", "players", "in complete boxscores")


def test_complete_phases_are_ok(days: Days) -> None:
    results = compared(days)
    assert [(results[step].actual, results[step].expected, results[step].verdict) for step in (BOXSCORES, SUMMARIES)] == [
        (4, 4, "ok")
    ] * 2


def test_less_than_80_percent_is_an_error_and_is_named(days: Days) -> None:
    days.write("boxscores", DAY, *(row for game in GAMES[:3] for row in complete_box(game)))
    boxscores = compared(days)[BOXSCORES]
    assert (boxscores.share, boxscores.verdict) == (0.75, "error")
    assert boxscores.missing == [f"CHI@PHX {GAMES[3]['game_id']}"]


def test_one_missing_player_is_a_warning(days: Days) -> None:
    boxes = [row for game in GAMES for row in complete_box(game)]
    days.write("player_game_summary", DAY, *boxes_as_summaries(boxes[1:]))
    players = compared(days)[PLAYERS]
    assert (players.actual, players.expected, players.verdict, players.missing) == (63, 64, "warning", ["Stephen Curry"])


def test_a_summary_without_a_complete_box_score_has_no_origin(days: Days) -> None:
    days.write("boxscores", DAY, *(row for game in GAMES[1:] for row in complete_box(game)))
    summaries = compared(days)[SUMMARIES]
    assert (summaries.verdict, summaries.missing, summaries.unexpected) == ("warning", [], [f"NYK@GSW {GAMES[0]['game_id']}"])


def test_a_box_score_of_a_game_that_the_schedule_lacks_is_named(days: Days) -> None:
    days.write("schedule", DAY, *GAMES[:3])
    schedule = compared(days)["schedule", "games", "in boxscores"]
    assert (schedule.verdict, schedule.missing) == ("error", [f"{GAMES[3]['game_id']}"])


def test_games_without_rows_are_an_error_and_not_complete(days: Days) -> None:
    days.write("boxscores", DAY)
    assert (compared(days)[BOXSCORES].expected, compared(days)[BOXSCORES].verdict) == (4, "error")


def test_games_that_the_schedule_does_not_call_final_the_next_morning_are_missing(days: Days) -> None:
    days.write("schedule", DAY, *(game | {"status": "scheduled", "home_points": None} for game in GAMES))
    boxscores = compared(days)[BOXSCORES]
    assert (boxscores.actual, boxscores.expected, boxscores.verdict) == (0, 4, "error")


def test_a_landed_response_without_rows_is_missing(days: Days) -> None:
    landing = Landing(home=str(days.home), clock=Clock(fixed_at=MORNING.isoformat()))
    for game_id in (GAMES[0]["game_id"], "0022400999"):
        landing.keep(Slot("nba_cdn", "boxscore", game_id, DAY), b"{}", fetched_at=MORNING)
    landed = compared(days)["boxscores", "responses", "landed from nba_cdn boxscore"]
    assert (landed.actual, landed.expected, landed.missing) == (1, 2, ["0022400999"])


def test_a_phase_that_is_not_due_has_no_verdict(days: Days) -> None:
    days.write("boxscores", DAY)
    assert compared(days, eastern(DAY, 12))[BOXSCORES].verdict == "not due"


CANDIDATES = ("picks", "candidates", "in predictions of the champion")
PUBLISHED = ("publications", "picks", "in picks")


@pytest.fixture
def recorded(days: Days) -> Days:
    """Two candidates of the champion in the first game, one of them a pick, and a prediction of another system."""
    noon = {"made_at": eastern(DAY, 12), "tipoff_at": eastern(DAY, 19), "game_id": GAMES[0]["game_id"]}
    systems = {901: "ensemble", 902: "ensemble", 903: "xgboost"}
    bets = [
        a_prediction(game_date=DAY, player_id=number, player_name=f"Player {number}", system_id=system, **noon)
        for number, system in systems.items()
    ]
    pick = {name: bets[0][name] for name in ("game_id", "player_id", "market", "run_kind", "version", "system_id", "tipoff_at")}
    days.write("predictions", DAY, *bets)
    days.write("picks", DAY, pick | {"subset": "best", "is_pick": True, "failed_rules": [], "picked_at": eastern(DAY, 12)})
    return days


def test_a_candidate_without_a_verdict_and_a_pick_without_a_publication_are_named(recorded: Days) -> None:
    results = compared(recorded)
    assert [(results[step].actual, results[step].expected) for step in (CANDIDATES, PUBLISHED)] == [(1, 2), (0, 1)]
    assert results[CANDIDATES].missing == ["Player 902"] and results[PUBLISHED].verdict == "error"
    picks = recorded.warehouse.scan(TABLES["picks"], [DAY]).collect()
    rows = {"predictions": TABLES["predictions"].empty(), "picks": picks}
    landing = Landing(home=str(recorded.home), clock=Clock(fixed_at=MORNING.isoformat()))
    payload = landing.keep(slot_of(DAY, 1), manifest_of(DAY, eastern(DAY, 12), rows), fetched_at=eastern(DAY, 12))
    recorded.write("publications", DAY, {"publication_number": 1, "picks": 1, "source": payload.ref})
    assert compared(recorded)[PUBLISHED].verdict == "ok"


def test_picks_are_not_due_on_the_evening_before(recorded: Days) -> None:
    evening, morning = (compared(recorded, now) for now in (eastern(DAY - timedelta(days=1), 22), eastern(DAY, 9)))
    assert [result[CANDIDATES].verdict for result in (evening, morning)] == ["not due", "error"]
    assert evening["predictions", "players", "in grades"].is_due


def test_a_date_before_the_first_picks_has_no_candidates(recorded: Days) -> None:
    day = DAY - timedelta(days=1)
    recorded.write("predictions", day, a_prediction(game_date=day, system_id="ensemble"))
    assert candidates(recorded.warehouse, [day, DAY])["game_date"].unique().to_list() == [DAY]


def test_a_date_without_games_has_nothing_to_compare(days: Days) -> None:
    days.write("schedule", DAY)
    assert compared(days) == {}

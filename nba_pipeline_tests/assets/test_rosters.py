"""Rosters: requested for today and tomorrow only, a failing team stops no other, names are resolved."""

from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from nba_pipeline.asset_factory.verdicts import verdicts_of
from nba_pipeline.assets.sources.boxscores import TABLE as BOXSCORES
from nba_pipeline.assets.sources.rosters import (
    TABLE,
    every_team_has_a_roster,
    once_per_player,
    rosters,
    rosters_have_12_to_21_players,
    with_player_ids,
)
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.teams import TEAMS
from nba_pipeline.providers.archive import Archive
from nba_pipeline.providers.espn import ROSTER_COLUMNS, TEAM_IDS, Espn
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.assets.conftest import ArchiveOfAllDates, OnThisMachine
from nba_pipeline_tests.builders import DAY, PLAYER, Values, a_boxscore, a_game, before, frame_of
from nba_pipeline_tests.providers.conftest import NOON, Answer, Provider, ReceivedRequest

pytestmark = pytest.mark.slow

RECENT_ROWS = {PLAYER: "Stephen Curry", 2: "Gary Payton II", 3: "Jaylin Williams", 4: "Jaylin Williams"}


def a_roster(team_id: str, *names: str) -> Answer:
    """Returns ESPN's answer for a team. The ids are in the order of our tricodes."""
    athletes = [{"fullName": name, "height": 74.0, "weight": 185.0, "dateOfBirth": "1988-03-14T08:00Z"} for name in names]
    return Answer({"team": {"id": team_id, "abbreviation": TEAMS[int(team_id) - 1], "athletes": athletes}})


# Names


def named(spelling: str, *seen: Values, team: str = "GSW", day: date = DAY) -> tuple[int | None, str | None]:
    listed = {"team": team, "spelling": spelling, "seen_at": NOON, "source": "test"}
    roster = pl.DataFrame([{**dict.fromkeys(ROSTER_COLUMNS), **listed}], schema=ROSTER_COLUMNS).with_columns(
        pl.lit(day).alias("game_date")
    )
    known = pl.DataFrame({"player_id": list(RECENT_ROWS), "spelling": list(RECENT_ROWS.values())})
    [row] = with_player_ids(roster, known, frame_of(BOXSCORES, *seen)).rows(named=True)
    return row["player_id"], row["problem"]


def test_a_name_resolves_among_the_recent_players_of_the_team() -> None:
    seen = a_boxscore(before(2), player_id=2, player_name="Gary Payton II")
    assert named("Gary Payton", seen) == (2, None)


def test_a_player_new_to_the_team_resolves_in_the_league() -> None:
    seen = a_boxscore(before(2), team="BOS")
    assert named("Stephen Curry", seen) == (PLAYER, None)


def test_later_box_scores_do_not_count() -> None:
    seen = a_boxscore(DAY, player_id=3, player_name="Jaylin Williams")
    assert named("Jaylin Williams", seen)[0] is None
    assert named("Jaylin Williams", seen, day=before(-1)) == (3, None)


@pytest.mark.parametrize(
    ("spelling", "problem"),
    [
        ("Jaylin Williams", "ambiguous name 'Jaylin Williams': 3, 4"),
        ("New Rookie", "unresolved name 'New Rookie'"),
    ],
)
def test_an_ambiguous_or_unresolved_name_is_a_problem(spelling: str, problem: str) -> None:
    assert named(spelling) == (None, problem)


def on_rosters(*listed: tuple[str, str, date | None]) -> list[tuple[int | None, str | None]]:
    """Returns player and problem of each (team, spelling, birth date). Stephen Curry is known at GSW."""
    rows = [
        {**dict.fromkeys(ROSTER_COLUMNS), "team": team, "spelling": spelling, "birth_date": born, "seen_at": NOON, "source": "t"}
        for team, spelling, born in listed
    ]
    roster = pl.DataFrame(rows, schema=ROSTER_COLUMNS).with_columns(pl.lit(DAY).alias("game_date"))
    known = pl.DataFrame({"player_id": [PLAYER], "spelling": ["Stephen Curry"]})
    named = with_player_ids(roster, known, frame_of(BOXSCORES, a_boxscore(before(3))))
    return once_per_player(named).select("player_id", "problem").rows()


BORN, LATER = date(1988, 3, 14), date(2005, 1, 1)


def test_a_player_between_two_teams_stands_in_both() -> None:
    assert on_rosters(("GSW", "Stephen Curry", BORN), ("UTA", "Stephen Curry", BORN)) == [(PLAYER, None)] * 2


@pytest.mark.parametrize("born", [LATER, None], ids=["another day of birth", "unknown day of birth"])
def test_a_new_player_with_the_name_of_another_team_s_player_is_ambiguous(born: date | None) -> None:
    problem = "ambiguous name 'Stephen Curry': Stephen Curry of GSW, or a new player"
    assert on_rosters(("GSW", "Stephen Curry", BORN), ("UTA", "Stephen Curry", born)) == [(PLAYER, None), (None, problem)]


def test_two_spellings_of_a_player_on_one_roster_are_one_row() -> None:
    assert on_rosters(("GSW", "Stephen Curry", BORN), ("GSW", "Steph Curry", BORN)) == [(PLAYER, None)]


def test_rookies_without_an_id_stay_apart() -> None:
    assert [problem for _, problem in on_rosters(("GSW", "A Rook", None), ("GSW", "B Rook", None))] == [
        "unresolved name 'A Rook'",
        "unresolved name 'B Rook'",
    ]


# The asset


class Teams(OnThisMachine):
    """The asset with a loopback ESPN."""

    def __init__(self, landing: Landing, clock: Clock, provider: Provider):
        super().__init__(landing, clock, provider, "espn")
        self.answers = {team_id: a_roster(team_id, "Stephen Curry") for team_id in TEAM_IDS}
        provider.responds(self.answer)

    def answer(self, asked: ReceivedRequest) -> Answer:
        return self.answers[asked.path.rpartition("/")[2]]

    def collect(
        self, now: datetime = NOON, day: date = DAY, archive: type[Archive] = Archive, status: str = "scheduled"
    ) -> pl.DataFrame:
        clock = Clock(fixed_at=now.isoformat())
        context = dg.build_asset_context(partition_key=day.isoformat())
        frame = rosters(
            context,
            schedule=frame_of(SCHEDULE, a_game(day, status=status)),
            players=pl.DataFrame({"player_id": list(RECENT_ROWS), "spelling": list(RECENT_ROWS.values())}),
            boxscores=frame_of(BOXSCORES, a_boxscore(before(3))),
            espn=Espn(http=self.http),
            archive=archive(folder="", landing=self.landing, clock=clock),
            clock=clock,
        )
        return self.conformed(TABLE, context, frame, now)


@pytest.fixture
def teams(landing: Landing, clock: Clock, provider: Provider) -> Teams:
    return Teams(landing, clock, provider)


@pytest.mark.parametrize("days", [0, -1], ids=["today", "tomorrow"])
def test_all_thirty_teams_are_requested_for_today_and_tomorrow(days: int, teams: Teams) -> None:
    rows = teams.collect(day=before(days))
    assert len(teams.provider.asked) == 30 and set(rows["team"]) == set(TEAMS)
    assert rows.row(by_predicate=pl.col("team") == "GSW", named=True) == {
        "game_date": before(days), "team": "GSW", "player_id": PLAYER, "spelling": "Stephen Curry", "birth_date": date(1988, 3, 14),
        "position": None, "height_inches": 74.0, "weight_pounds": 185.0, "seen_at": NOON, "as_of": NOON, "code_version": "1",
        "source": rows.filter(pl.col("team") == "GSW")["source"][0],
    }  # fmt: skip


@pytest.mark.parametrize("days", [1, -2], ids=["yesterday", "in two days"])
def test_past_and_later_dates_cause_no_requests(days: int, teams: Teams) -> None:
    assert teams.collect(day=before(days)).is_empty() and not teams.provider.asked


def test_a_date_with_only_a_postponed_game_causes_no_requests(teams: Teams) -> None:
    assert teams.collect(status="postponed").is_empty() and not teams.provider.asked


def test_a_date_of_the_archive_causes_no_requests(teams: Teams) -> None:
    assert teams.collect(archive=ArchiveOfAllDates).is_empty() and not teams.provider.asked


def test_a_past_date_keeps_what_was_landed_on_it(teams: Teams) -> None:
    first = teams.collect()
    later = teams.collect(now=NOON + timedelta(days=2))
    assert later.drop("as_of").equals(first.drop("as_of")) and len(teams.provider.asked) == 30


@pytest.mark.parametrize(("hours", "asked"), [(5.9, 30), (6.1, 60)])
def test_a_roster_is_requested_again_after_six_hours(hours: float, asked: int, teams: Teams) -> None:
    teams.collect()
    teams.collect(now=NOON + timedelta(hours=hours))
    assert len(teams.provider.asked) == asked


BROKEN = Answer({"team": {"id": "10", "abbreviation": "GS", "players": []}})


@pytest.mark.parametrize(
    ("bad", "problem"),
    [(Answer({}, status=404), "is not published"), (BROKEN, "has no list athletes")],
    ids=["missing", "renamed"],
)
def test_a_team_that_fails_is_named_and_the_other_teams_are_used(bad: Answer, problem: str, teams: Teams) -> None:
    teams.answers["10"] = bad
    rows = teams.collect()
    assert set(TEAMS) - set(rows["team"]) == {"GSW"}
    [told] = teams.problems[str(DAY)]
    assert told.startswith("espn roster 10") and problem in told


def test_a_team_that_fails_later_keeps_what_was_landed(teams: Teams) -> None:
    teams.collect()
    teams.answers["10"] = Answer({}, status=404)
    rows = teams.collect(now=NOON + timedelta(hours=7))
    assert "GSW" in set(rows["team"]) and len(teams.problems[str(DAY)]) == 1


def test_a_host_that_is_down_leaves_no_rows_and_stops_nothing(teams: Teams) -> None:
    teams.answers = dict.fromkeys(TEAM_IDS, Answer({}, status=503))
    assert teams.collect().is_empty() and len(teams.problems[str(DAY)]) == 30


def test_an_unresolved_name_is_quarantined_and_the_other_rows_are_used(teams: Teams) -> None:
    teams.answers["10"] = a_roster("10", "Stephen Curry", "New Rookie")
    assert teams.collect().height == 30
    assert teams.parked["problem"].to_list() == ["unresolved name 'New Rookie'"]


# Checks


@pytest.fixture
def warehouse(tmp_path: Path) -> LocalWarehouse:
    return LocalWarehouse(home=str(tmp_path))


def fill(warehouse: LocalWarehouse, players: dict[str, int], day: date = DAY) -> None:
    rows: list[dict[str, Any]] = [
        {"game_date": day, "team": team, "player_id": n + 1, "spelling": "x", "seen_at": NOON, "source": "t", "as_of": NOON,
         "code_version": "1"}
        for team, count in players.items()
        for n in range(count)
    ]  # fmt: skip
    warehouse.replace(TABLE, [day], frame_of(TABLE, *rows), "run")


Check = Callable[[LocalWarehouse, list[date], Clock], Any]


def verdict(check: Check, warehouse: LocalWarehouse, day: date = DAY) -> tuple[bool, list[str]]:
    [found] = verdicts_of(check(warehouse, [day], Clock(fixed_at=NOON.isoformat())), [day])
    return found.passed, list(found.missing)


def test_teams_without_a_roster_are_named(warehouse: LocalWarehouse) -> None:
    warehouse.replace(SCHEDULE, [DAY], frame_of(SCHEDULE, a_game()), "run")
    fill(warehouse, {team: 15 for team in TEAMS if team != "UTA"})
    assert verdict(every_team_has_a_roster, warehouse) == (False, ["UTA"])
    fill(warehouse, dict.fromkeys(TEAMS, 15))
    assert verdict(every_team_has_a_roster, warehouse) == (True, [])


def test_an_empty_table_fails_today_if_there_is_a_game_and_passes_on_past_dates(warehouse: LocalWarehouse) -> None:
    assert verdict(every_team_has_a_roster, warehouse) == (True, [])
    for day in (DAY, before(1)):
        warehouse.replace(SCHEDULE, [day], frame_of(SCHEDULE, a_game(day)), "run")
    assert verdict(every_team_has_a_roster, warehouse) == (False, list(TEAMS))
    assert verdict(every_team_has_a_roster, warehouse, before(1)) == (True, [])


@pytest.mark.parametrize(("players", "passed"), [(11, False), (12, True), (21, True), (22, False)])
def test_a_roster_has_12_to_21_players(players: int, passed: bool, warehouse: LocalWarehouse) -> None:
    fill(warehouse, {"BOS": 15, "GSW": players})
    assert verdict(rosters_have_12_to_21_players, warehouse) == (passed, [] if passed else [f"GSW: {players}"])

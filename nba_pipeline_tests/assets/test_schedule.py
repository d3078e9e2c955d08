"""Games that move or are called off, and changed schedules: every other date is updated, and every lost game is named."""

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from typing import Any

import dagster as dg
import polars as pl
import pytest

from nba_pipeline.assets.sources.schedule import (
    TABLE,
    changed_dates,
    newest_of_each_game,
    refuse_dates_of_another_season,
    refuse_shrunken_season,
    schedule,
)
from nba_pipeline.completeness.not_played import mark
from nba_pipeline.environments import resources_for
from nba_pipeline.errors import Permanent
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.step_failures import StepFailure
from nba_pipeline.providers.columns import SCHEDULE_COLUMNS
from nba_pipeline.providers.nba_cdn_schedule import parse_schedule
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.payloads import Payload
from nba_pipeline_tests.builders import DAY, Values, a_game, before, frame_of
from nba_pipeline_tests.providers.conftest import Answer, Provider
from nba_pipeline_tests.providers.test_nba_cdn_schedule import a_game as a_listed_game
from nba_pipeline_tests.providers.test_nba_cdn_schedule import a_schedule as a_listed_schedule

pytestmark = pytest.mark.slow

NOON = datetime(2024, 3, 12, 16, tzinfo=UTC)
NEXT, LATER, FAR = before(-1), before(-53), date(2099, 3, 12)
"""Tomorrow, 53 days later, and a date without a partition key."""

ONE, TWO, THREE = "0022300001", "0022300002", "0022300003"
PPD = {"gameStatus": 1, "gameStatusText": "PPD"}
COMING = {"gameStatus": 1, "gameStatusText": "7:30 pm ET"}
Listed = Mapping[Any, list[dict[str, Any]]]


def listed(game_id: str, **fields: Any) -> dict[str, Any]:
    return a_listed_game(gameId=game_id, **fields)


def a_team(tricode: Any = "BOS", score: Any = 110) -> dict[str, Any]:
    return {"teamTricode": tricode, "score": score}


class Season:
    """Runs the asset for one date against the provider's schedule, in one home."""

    def __init__(self, provider: Provider, instance: dg.DagsterInstance):
        self.provider, self.instance, self.metadata = provider, instance, dict[str, Any]()
        self.warehouse: Warehouse = resources_for("local", Clock())["warehouse"]

    def __call__(self, games: Listed, day: date = DAY, now: datetime = NOON) -> dict[date, list[tuple[str, str]]]:
        """Runs the asset and returns (game_id, status) of every game in the table by date, including empty dates."""
        days = [
            {"gameDate": on if isinstance(on, str) else f"{on:%m/%d/%Y} 00:00:00", "games": rows} for on, rows in games.items()
        ]
        self.provider.responds(Answer({"leagueSchedule": {"gameDates": days}}))
        resources = resources_for("local", Clock(fixed_at=now.isoformat()))
        result = dg.materialize([schedule], partition_key=str(day), resources=resources, instance=self.instance)
        events = result.asset_materializations_for_node("schedule")
        self.materialised = sorted(str(event.partition) for event in events)
        self.metadata = {name: entry.value for event in events for name, entry in event.metadata.items()}
        return self.table

    @property
    def table(self) -> dict[date, list[tuple[str, str]]]:
        rows = self.warehouse.scan(TABLE).select("game_date", "game_id", "status").sort("game_id").collect().rows()
        return {day: [(game, status) for on, game, status in rows if on == day] for day in sorted(self.warehouse.dates(TABLE))}

    @property
    def quarantine(self) -> list[tuple[date, str]]:
        return sorted(self.warehouse.scan_quarantine(TABLE).select("game_date", "problem").collect().rows())


@pytest.fixture
def season(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> Iterator[Season]:
    monkeypatch.setenv("NBA_CDN_URL", provider.url)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Season(provider, instance)


# A game that moves


@pytest.mark.parametrize(("to", "has_key"), [(NEXT, True), (LATER, True), (FAR, False)], ids=["a day", "53 days", "no key yet"])
def test_a_game_that_moves_leaves_one_date_and_enters_the_other(to: date, has_key: bool, season: Season) -> None:
    season({DAY: [listed(ONE, **COMING), listed(TWO, **COMING)]})
    moved = season({DAY: [listed(ONE, **COMING)], to: [listed(TWO, **COMING)]})
    assert moved == {DAY: [(ONE, "scheduled")], to: [(TWO, "scheduled")]}
    assert season.materialised == [str(DAY), *([str(to)] if has_key else [])] and season.metadata["dates_changed_beside"] == 1
    assert season.quarantine == []


def test_the_date_that_a_game_left_is_emptied_by_a_run_of_another_date(season: Season) -> None:
    season({DAY: [listed(ONE, **COMING)]})
    moved = season({NEXT: [listed(ONE, **COMING)]}, day=NEXT)
    assert moved == {DAY: [], NEXT: [(ONE, "scheduled")]} and season.materialised == [str(DAY), str(NEXT)]


def test_a_game_listed_on_two_dates_is_on_the_later_one_and_the_other_row_is_quarantined(season: Season) -> None:
    both = season({DAY: [listed(ONE, **COMING), listed(TWO, **COMING)], LATER: [listed(TWO, **COMING)]})
    assert both == {DAY: [(ONE, "scheduled")], LATER: [(TWO, "scheduled")]}
    assert season.quarantine == [(DAY, f"{TWO} is also listed on a later date")]


def test_only_the_status_text_makes_a_game_postponed(season: Season) -> None:
    """The code A or N has no meaning: it is A throughout a season that is not played."""
    season({DAY: [listed(ONE, **COMING, postponedStatus="A"), listed(TWO, **COMING)]})
    off = season({DAY: [listed(ONE, **COMING, postponedStatus="A"), listed(TWO, **PPD, postponedStatus="N")]})
    assert off == {DAY: [(ONE, "scheduled"), (TWO, "postponed")]}


# Unusual provider data


def test_an_unusable_game_keeps_its_existing_row_or_is_quarantined_and_other_games_are_used(season: Season) -> None:
    """Final without scores is not final. An unknown code is unknown. Home and away of a neutral site are the schedule's."""
    unscored = {"homeTeam": a_team(score=None), "awayTeam": a_team("NYK", None)}
    nobody = {"homeTeam": a_team("", 0), "awayTeam": a_team(None, 0)}
    changes: list[Values] = [{}, unscored, {"gameStatus": 7}, {"isNeutral": True}, {"homeTeam": a_team("SEA")}, nobody]
    games = [listed(f"002230000{n}", **fields) for n, fields in enumerate(changes, 1)]
    kept = [(ONE, "final"), (TWO, "unknown"), (THREE, "unknown"), ("0022300004", "final")]
    assert season({DAY: games}) == {DAY: kept} and season.metadata["games_without_teams_yet"] == 1
    assert season.quarantine == [(DAY, "unknown team 'SEA' in game 0022300005")]
    neutral = season.warehouse.scan(TABLE).filter("is_neutral").select("game_id", "home_team").collect().rows()
    assert neutral == [("0022300004", "BOS")]


def test_games_of_an_unusable_date_are_quarantined_with_the_run(season: Season) -> None:
    assert season({DAY: [listed(ONE)], "soon": [listed(TWO)]}) == {DAY: [(ONE, "final")]}
    assert season.quarantine == [(DAY, f"unusable date 'soon' in game {TWO}")]


# A schedule that lost its games

FOUR = [listed(f"002230000{n}") for n in range(1, 5)]


def test_a_season_that_lost_most_games_is_refused_and_nothing_replaced(season: Season) -> None:
    there = season({DAY: FOUR})
    with pytest.raises(
        StepFailure, match="lists 1 usable games of the season, but the warehouse has 4; the schedule was not replaced"
    ):
        season({DAY: FOUR[:1]})
    assert season.table == there and season.quarantine == []


def test_a_first_schedule_of_which_nothing_can_be_used_is_refused(season: Season) -> None:
    with pytest.raises(StepFailure, match=r"lists 0 usable games .*first problem: unknown team 'Celtics'"):
        season({DAY: [game | {"homeTeam": a_team("Celtics")} for game in FOUR]})
    assert season.table == {}


@pytest.mark.parametrize(
    "change",
    [
        {"homeTeam": a_team("Celtics")}, {"homeTeam": a_team("")}, {"gameId": 22300001}, {"gameDateTimeUTC": 1710286200},
        {"gameStatus": "Final"}, {"gameStatusText": 3}, {"isNeutral": "no"}, {"awayTeam": a_team("NYK", "many")},
    ],
    ids=["teams", "no teams", "ids", "instants", "status", "text", "flag", "scores"],
)  # fmt: skip
def test_a_field_that_changed_in_every_game_empties_nothing(change: Values, land: Callable[..., Payload]) -> None:
    drifted = parse_schedule(land(a_listed_schedule(*(game | change for game in FOUR))))
    known = frame_of(TABLE, *(a_game(game_id=game["gameId"]) for game in FOUR))
    with pytest.raises(Permanent, match="lists 0 usable games"):
        refuse_shrunken_season(newest_of_each_game(drifted), known, [DAY])


def test_a_summer_before_the_schedule_is_an_empty_success(season: Season) -> None:
    """In July the provider only lists the preseason of the next season."""
    july = date(2025, 7, 17)
    assert season({date(2025, 10, 2): [listed("0012500001")]}, day=july, now=datetime(2025, 7, 17, 16, tzinfo=UTC)) == {july: []}


# Games that are not played


@pytest.mark.parametrize("text", ["Cancelled", "Suspended"])
def test_the_league_s_status_text_reaches_the_table(text: str, season: Season) -> None:
    status = {"Cancelled": "postponed", "Suspended": "suspended"}[text]
    assert season({DAY: [listed(ONE, gameStatus=1, gameStatusText=text)]}) == {DAY: [(ONE, status)]}
    assert season.warehouse.scan(TABLE).collect()["status_text"].to_list() == [text]


def test_a_marked_game_is_off_by_a_run_of_any_date_and_stays_so(season: Season) -> None:
    games: Listed = {DAY: [listed(ONE, **COMING)], NEXT: [listed(TWO, **COMING)]}
    season(games)
    season(games, day=NEXT)
    mark(season.warehouse, NOON, TWO, "the floor was wet", "Ann")
    assert season(games) == {DAY: [(ONE, "scheduled")], NEXT: [(TWO, "postponed")]}
    assert (season.metadata["dates_changed_beside"], season.materialised) == (1, [str(DAY), str(NEXT)])
    assert season(games)[NEXT] == [(TWO, "postponed")] and season.metadata["dates_changed_beside"] == 0
    assert season(games | {NEXT: [listed(TWO)]})[NEXT] == [(TWO, "final")]  # the game was played despite the mark


# Pure functions


def season_of(*games: Values) -> pl.DataFrame:
    return pl.DataFrame([{name: game.get(name) for name in SCHEDULE_COLUMNS} for game in games], schema=SCHEDULE_COLUMNS)


def test_only_the_newest_date_of_a_game_is_without_a_problem() -> None:
    frame = newest_of_each_game(season_of(a_game(game_id=ONE), a_game(NEXT, game_id=ONE), a_game(game_id=TWO)))
    assert frame["problem"].to_list() == [f"{ONE} is also listed on a later date", None, None]


def test_the_problem_of_a_row_is_not_overwritten_by_a_later_listing() -> None:
    frame = newest_of_each_game(season_of(a_game(game_id=ONE, problem="unknown team"), a_game(NEXT, game_id=ONE)))
    assert frame["problem"].to_list() == ["unknown team", None]


@pytest.mark.parametrize(
    ("fields", "dates"),
    [
        ({}, []), ({"game_date": NEXT}, [DAY, NEXT]), ({"status": "postponed"}, [DAY]), ({"home_points": 112}, [DAY]),
        ({"tipoff_at": NOON}, [DAY]), ({"problem": "unknown team"}, [DAY]), ({"arena": "Garden"}, []),
    ],
    ids=["nothing", "moved", "called off", "corrected score", "tip-off", "unusable now", "what is no fact"],
)  # fmt: skip
def test_dates_change_with_the_facts_of_their_games(fields: Values, dates: list[date]) -> None:
    season, known = season_of(a_game(game_id=ONE) | fields), frame_of(TABLE, a_game(game_id=ONE))
    assert changed_dates(season, known) == dates


@pytest.mark.parametrize(("games", "is_refused"), [(3, True), (4, False), (6, False)])
def test_a_season_below_four_fifths_of_the_existing_games_is_refused(games: int, is_refused: bool) -> None:
    known = frame_of(TABLE, *(a_game(game_id=str(n)) for n in range(5)))
    season = season_of(*(a_game(game_id=str(n)) for n in range(games)))
    if is_refused:
        with pytest.raises(Permanent, match="lists 3 usable games of the season, but the warehouse has 5"):
            refuse_shrunken_season(season, known, [DAY])
    else:
        refuse_shrunken_season(season, known, [DAY])


@pytest.mark.parametrize(
    ("day", "is_refused"),
    [(DAY, False), (date(2023, 1, 15), True), (date(2024, 7, 15), False), (date(2024, 10, 25), True), (date(2022, 8, 1), True)],
    ids=["of the season", "season before", "summer after", "season after", "summer before"],
)
def test_another_season_than_is_served_is_refused(day: date, is_refused: bool) -> None:
    if is_refused:
        with pytest.raises(Permanent, match=f"serves season 2023-24, but {day} belongs to"):
            refuse_dates_of_another_season([day], "2023-24", {DAY})
    else:
        refuse_dates_of_another_season([day], "2023-24", {DAY})

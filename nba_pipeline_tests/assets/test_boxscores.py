"""The source of a game, disagreements between sources, and name resolution: one game, three providers.

New York scores 100 at Golden State, which scores 110. Each side has five players, all on court for the whole game.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.asset_factory.verdicts import MISSING, verdicts_of
from nba_pipeline.assets.sources.boxscores import (
    TABLE,
    boxscores,
    every_final_game_is_covered,
    player_points_sum_to_team_points,
    sources_agree,
)
from nba_pipeline.assets.sources.players import TABLE as PLAYERS
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.completeness.disagreements import DISAGREEMENTS
from nba_pipeline.environments import resources_for
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.partitions import DAILY
from nba_pipeline.instance.run_tags import REPLAY_TAG
from nba_pipeline.providers import balldontlie as bdl
from nba_pipeline.providers import nba_cdn_boxscore, nba_stats
from nba_pipeline.providers.archive import Archive
from nba_pipeline.providers.balldontlie import Balldontlie
from nba_pipeline.providers.final_boxscores import NO_ROWS
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.providers.nba_cdn import NbaCdn, boxscore_request
from nba_pipeline.providers.nba_stats import NbaStats
from nba_pipeline.providers.player_matching import NAME_COLUMNS
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.assets.conftest import OfARun
from nba_pipeline_tests.builders import DAY, Values, a_boxscore, a_game, frame_of, parsed_rows_of, who_did_not_play
from nba_pipeline_tests.builders_days import complete_box
from nba_pipeline_tests.fuzzing import nested
from nba_pipeline_tests.providers.conftest import Answer, Provider
from nba_pipeline_tests.providers.test_balldontlie import a_line
from nba_pipeline_tests.providers.test_nba_cdn_boxscore import a_player
from nba_pipeline_tests.providers.test_nba_stats import a_log, a_logged_game

pytestmark = pytest.mark.slow

GAME = a_game()["game_id"]
NIGHT = datetime(2024, 3, 13, 3, tzinfo=UTC)
"""23:00 Eastern of the game date: minutes after the end of the game."""

EARLIER = date(2024, 3, 10)

CDN, LOG, BALLDONTLIE = f"/static/json/liveData/boxscore/boxscore_{GAME}.json", "/stats/leaguegamelog", "/v1/box_scores"
PROVIDERS = ("nba_cdn", "nba_stats", "balldontlie")
VARIABLES = ("NBA_CDN_URL", "NBA_STATS_URL", "BALLDONTLIE_URL", "ODDS_API_URL", "INJURY_REPORT_URL", "ESPN_URL")
NOT_FOUND = Answer({}, status=404)


@dataclass(frozen=True)
class Person:
    """A player who played, independent of a provider's format."""

    number: int
    name: str
    team: str
    points: int
    seconds: int
    assists: int = 5

    def counts(self, words: Mapping[str, str]) -> dict[str, int]:
        """Returns the statistics under a provider's names. Two shots are threes above 5 points; a free throw is the odd point."""
        odd = self.points % 2
        threes = 2 if self.points > 5 else 0
        shots = {
            "fgm": (self.points - threes) // 2,
            "fga": self.points,
            "fg3m": threes,
            "fg3a": 3 * threes,
            "ftm": odd,
            "fta": odd,
        }
        own = {"points": self.points, "assists": self.assists, **shots, **EQUAL_COUNTS}
        return {word: own[column] for column, word in words.items()}


EQUAL_COUNTS = {"rebounds": 9, "oreb": 2, "dreb": 7, "steals": 2, "blocks": 1, "turnovers": 3, "fouls": 4}
"""Statistics of every player. Five players add up to plausible team totals."""

NAMES = ("Al Able", "Bo Baker", "Cy Charlie", "Di Dog", "Ed Easy", "Flo Fox", "Gus George", "Hal How", "Ike Item", "Jo Jig")
PEOPLE = tuple(
    Person(number, name, "GSW" if number <= 5 else "NYK", 22 if number <= 5 else 20, 2880 + 17 * (number % 5 - 2))
    for number, name in enumerate(NAMES, 1)
)


def without(*numbers: int) -> list[Person]:
    return [person for person in PEOPLE if person.number not in numbers]


def but(number: int, **fields: Any) -> list[Person]:
    """Returns all players, with one of them changed."""
    return [replace(person, **fields) if person.number == number else person for person in PEOPLE]


def in_cdn(people: list[Person], **fields: Any) -> Answer:
    def line(person: Person) -> dict[str, Any]:
        player = a_player(person.number, f"PT{person.seconds // 60:02d}M{person.seconds % 60:02d}.00S", name=person.name)
        player["statistics"] |= person.counts(nba_cdn_boxscore.STATISTICS)
        return player

    sides = {
        side: {"teamTricode": team, "score": score, "players": [line(p) for p in people if p.team == team]}
        for side, team, score in (("homeTeam", "GSW", 110), ("awayTeam", "NYK", 100))
    }
    return Answer({"game": {"gameId": GAME, "gameStatus": 3, **sides} | fields})


def in_log(people: list[Person], **fields: Any) -> Answer:
    rows = [
        a_logged_game(
            PLAYER_ID=p.number,
            PLAYER_NAME=p.name,
            TEAM_ABBREVIATION=p.team,
            GAME_ID=GAME,
            MIN=round(p.seconds / 60),
            **p.counts(nba_stats.STATISTICS),
            **fields,
        )
        for p in people
    ]
    return Answer(a_log(*rows))


def in_balldontlie(people: list[Person]) -> Answer:
    def side(team: str) -> dict[str, Any]:
        lines = [a_line(p.name, f"{p.seconds // 60:02d}", **p.counts(bdl.STATISTICS)) for p in people if p.team == team]
        return {"abbreviation": team, "players": lines}

    game = {
        "date": str(DAY),
        "status": "Final",
        "period": 4,
        "home_team": side("GSW"),
        "visitor_team": side("NYK"),
        "home_team_score": 110,
        "visitor_team_score": 100,
    }
    return Answer({"data": [game]})


@dg.asset(name="schedule", io_manager_key="tables", partitions_def=DAILY)
def a_schedule() -> pl.DataFrame:
    """Placeholder for the table, which each test writes."""
    raise AssertionError("it is never run")


class ArchiveOfEverything(Archive):
    """Covers every date and has no rows."""

    def holds(self, day: date) -> bool:
        return True

    def boxscores(self, dates: Any) -> pl.DataFrame:
        return NO_ROWS


class Night:
    """The asset for the date against scripted providers, in one home.

    A call computes the asset and writes its rows. `materialize` runs it in Dagster, which costs three times as much.
    """

    warehouse: Warehouse
    clock: Clock
    run_id: str

    def __init__(self, provider: Provider, home: Path):
        self.provider, self.home, self.metadata = provider, home, dict[str, Any]()

    def __call__(
        self,
        *answers: Answer,
        now: datetime = NIGHT,
        games: Sequence[Values] = (a_game(),),
        history: Sequence[Values] = (),
        archive: type[Archive] = Archive,
        **named: Answer,
    ) -> pl.DataFrame:
        self._prepare(now, *answers, **named)
        landing = Landing(home=str(self.home), clock=self.clock)
        http = HttpClient(base_urls=dict.fromkeys(PROVIDERS, self.provider.url), landing=landing, clock=self.clock)
        self.warehouse.replace(SCHEDULE, [DAY], frame_of(SCHEDULE, *games), "test")
        context = OfARun(DAY)
        frame = boxscores(
            context,
            schedule=frame_of(SCHEDULE, *games),
            history=frame_of(TABLE, *history).select(NAME_COLUMNS),
            nba_cdn=NbaCdn(http=http),
            nba_stats=NbaStats(http=http),
            balldontlie=Balldontlie(http=http, api_key="key"),
            archive=archive(folder="", landing=landing, clock=self.clock),
            warehouse=self.warehouse,
            clock=self.clock,
        )
        http.close()
        rows, quarantined = TABLE.conform(frame, now, "1")
        self.warehouse.quarantine(TABLE, [DAY], quarantined)
        self.warehouse.replace(TABLE, [DAY], rows, "test")
        return self._stored(context.metadata)

    def materialize(self, *answers: Answer, history: Sequence[Values] = (), replay_of: str = "", **named: Answer) -> pl.DataFrame:
        self._prepare(NIGHT, *answers, **named)
        self.warehouse.replace(SCHEDULE, [DAY], frame_of(SCHEDULE, a_game()), "test")
        self.warehouse.replace(TABLE, [EARLIER], frame_of(TABLE, *history), "test")
        result = dg.materialize(
            [a_schedule, boxscores],
            selection="boxscores",
            partition_key=str(DAY),
            resources=resources_for("local", self.clock),
            tags={REPLAY_TAG: replay_of} if replay_of else None,
        )
        self.run_id = result.run_id
        (event,) = result.asset_materializations_for_node("boxscores")
        return self._stored({name: entry.value for name, entry in event.metadata.items()})

    def _prepare(self, now: datetime, cdn: Answer = NOT_FOUND, log: Answer = NOT_FOUND, balldontlie: Answer = NOT_FOUND) -> None:
        answers = {CDN: cdn, LOG: log, BALLDONTLIE: balldontlie}
        self.provider.asked.clear()
        self.provider.responds(lambda asked: answers.get(asked.path, NOT_FOUND))
        self.clock, self.warehouse = Clock(fixed_at=now.isoformat()), LocalWarehouse(home=str(self.home))

    def _stored(self, metadata: dict[str, Any]) -> pl.DataFrame:
        """Returns the rows of the date, and keeps the metadata."""
        self.metadata = metadata
        rows: pl.DataFrame = self.warehouse.scan(TABLE, [DAY]).collect()
        return rows

    @property
    def asked(self) -> list[str]:
        """Paths of the requests."""
        return [asked.path for asked in self.provider.asked]

    @property
    def quarantine(self) -> list[str]:
        """Problems of the quarantined rows."""
        return sorted(self.warehouse.scan_quarantine(TABLE, [DAY]).collect()["problem"].to_list())

    @property
    def disagreements(self) -> list[str]:
        """Names in the verdict of `sources_agree`."""
        (verdict,) = verdicts_of(sources_agree(self.warehouse, [DAY], self.clock), [DAY])
        assert verdict.passed == (not verdict.missing)
        return list(verdict.missing)


@pytest.fixture
def night(provider: Provider, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Night:
    for name in VARIABLES:
        monkeypatch.setenv(name, provider.url)
    monkeypatch.setenv("BALLDONTLIE_API_KEY", "key")
    return Night(provider, tmp_path)


ALL_PLAYERS = list(PEOPLE)
HISTORY = [a_boxscore(EARLIER, player_id=p.number, player_name=p.name, team=p.team) for p in PEOPLE]


def providers(rows: pl.DataFrame) -> list[str]:
    return rows["provider"].unique().to_list()


def test_a_complete_box_is_used_and_compared_with_the_log(night: Night) -> None:
    rows = night.materialize(in_cdn(ALL_PLAYERS), in_log(ALL_PLAYERS))
    assert (rows.height, providers(rows), night.disagreements) == (10, ["nba_cdn"], [])
    assert night.asked == [CDN, LOG] and night.metadata["not_compared"] == {}
    assert night.warehouse.dates(DISAGREEMENTS) == {DAY}


def test_the_log_replaces_a_missing_box_as_a_whole(night: Night) -> None:
    rows = night(log=in_log(ALL_PLAYERS))
    assert (rows.height, providers(rows), night.asked) == (10, ["nba_stats"], [CDN, LOG])
    assert rows["is_starter"].null_count() == 10 and rows["source"].str.starts_with("nba_stats/player_game_log/").all()
    assert night.metadata["games_from_nba_stats"] == 1 and GAME in night.metadata["problems_met"]


def test_balldontlie_is_used_when_both_other_sources_fail(night: Night) -> None:
    rows = night.materialize(balldontlie=in_balldontlie(ALL_PLAYERS), history=HISTORY)
    assert (rows["player_id"].to_list(), providers(rows)) == ([p.number for p in PEOPLE], ["balldontlie"])
    assert night.asked == [CDN, LOG, BALLDONTLIE] and night.quarantine == []


@pytest.mark.parametrize(
    ("cdn", "problem"),
    [
        (Answer({"game": {"gameId": GAME, "gameStatus": 3, "home": {}}}), "homeTeam is missing"),
        (in_cdn(but(1, name=" ")), "name of player 1 is missing"),
        (in_cdn(ALL_PLAYERS, awayTeam={"teamTricode": "NYK", "score": "many", "players": []}), "score is 'many'"),
        (in_cdn(ALL_PLAYERS, homeTeam={"teamTricode": "GSW", "score": 110, "players": [a_player(1, played="0", status="GONE")]}),
         "status of Player 1 is 'GONE'"),
    ],
    ids=["renamed", "missing", "retyped", "unknown status"],
)  # fmt: skip
def test_an_unreadable_box_is_named_and_the_log_is_used(cdn: Answer, problem: str, night: Night) -> None:
    assert providers(night(cdn, in_log(ALL_PLAYERS))) == ["nba_stats"]
    assert problem in night.metadata["problems_met"][GAME]


def test_a_complete_log_replaces_an_incomplete_box_and_the_missing_player_is_named(night: Night) -> None:
    rows = night(in_cdn(without(3)), in_log(ALL_PLAYERS))
    assert (rows.height, providers(rows)) == (10, ["nba_stats"])
    assert night.disagreements == [
        f"{GAME} Cy Charlie: minutes 48 (nba_stats), did not take part (nba_cdn)",
        f"{GAME} Cy Charlie: points 22 (nba_stats), did not take part (nba_cdn)",
    ]


def test_an_incomplete_log_replaces_nothing_and_the_next_source_is_requested(night: Night) -> None:
    rows = night(in_cdn(without(3)), in_log(without(1, 2)), in_balldontlie(without(1)), history=HISTORY)
    assert (rows.height, providers(rows)) == (9, ["nba_cdn"]) and night.asked == [CDN, LOG, BALLDONTLIE]


def test_an_incomplete_game_is_better_than_nothing(night: Night) -> None:
    assert night(log=in_log(without(1))).height == 9


def test_an_unresolved_name_is_quarantined_while_the_box_is_used(night: Night) -> None:
    rows = night(in_cdn(without(3)), NOT_FOUND, in_balldontlie(but(1, name="Al Nobody")), history=HISTORY)
    assert (rows.height, providers(rows), night.quarantine) == (9, ["nba_cdn"], ["unresolved name 'Al Nobody'"])


def test_a_spelling_that_an_operator_resolved_resolves(night: Night) -> None:
    night()
    known = {
        "game_date": DAY,
        "player_id": 1,
        "spelling": "Al Nobody",
        "lookup": "alnobody",
        "evidence": "operator",
        "source": "t",
    }
    night.warehouse.add(PLAYERS, [DAY], frame_of(PLAYERS, known), "test")
    rows = night(balldontlie=in_balldontlie(but(1, name="Al Nobody")), history=HISTORY)
    assert rows["player_id"].to_list() == [p.number for p in PEOPLE] and night.quarantine == []


@pytest.mark.parametrize(
    ("other_source", "names"),
    [
        (but(6, points=24), ["points 20 (nba_cdn), 24 (nba_stats)"]),
        (but(6, seconds=2790), ["minutes 47.72 (nba_cdn), 46 (nba_stats)"]),
        (but(6, seconds=2830), []),
    ],
    ids=["points", "minutes", "the rounding"],
)
def test_a_disagreement_of_two_sources_is_reported(other_source: list[Person], names: list[str], night: Night) -> None:
    rows = night(in_cdn(ALL_PLAYERS), in_log(other_source))
    assert providers(rows) == ["nba_cdn"] and night.disagreements == [f"{GAME} Flo Fox: {name}" for name in names]


def test_a_corrected_box_shows_until_both_sources_have_the_correction(night: Night) -> None:
    """The box score is read again four hours later. Meanwhile the league moved two points from Fox to George."""
    corrected = [replace(p, points=p.points + {6: -2, 7: 2}.get(p.number, 0)) for p in PEOPLE]
    night(in_cdn(ALL_PLAYERS), in_log(ALL_PLAYERS))
    assert night.disagreements == []
    rows = night(in_cdn(corrected), in_log(ALL_PLAYERS), now=NIGHT.replace(hour=8))
    assert rows.filter(player_id=6)["points"].item() == 18 and night.asked == [CDN, LOG]
    assert [name.partition(": ")[2] for name in night.disagreements] == [
        "points 18 (nba_cdn), 20 (nba_stats)",
        "points 22 (nba_cdn), 20 (nba_stats)",
    ]
    night(in_cdn(corrected), in_log(corrected), now=NIGHT.replace(hour=11))
    assert night.disagreements == []


def test_a_landed_box_that_contradicts_a_corrected_score_is_requested_again_at_once(night: Night) -> None:
    """The league adds two points to Able. The schedule has them a minute after the box score was read."""
    night(in_cdn(ALL_PLAYERS), in_log(ALL_PLAYERS))
    corrected = in_cdn(but(1, points=24), homeTeam=in_cdn(but(1, points=24)).document["game"]["homeTeam"] | {"score": 112})
    games = [a_game(home_points=112)]
    rows = night(corrected, in_log(but(1, points=24)), now=NIGHT.replace(minute=1), games=games)
    assert night.asked == [CDN, LOG] and rows.filter(player_id=1)["points"].item() == 24
    assert night.metadata["corrected"] == {str(DAY): [GAME]}
    night(now=NIGHT.replace(minute=2), games=games)
    assert night.asked == [] and night.metadata["corrected"] == {}


def test_disputed_games_are_requested_again_at_once(night: Night) -> None:
    night(in_cdn(ALL_PLAYERS), in_log(but(6, points=24)))
    assert night.disagreements == [f"{GAME} Flo Fox: points 20 (nba_cdn), 24 (nba_stats)"]
    night(in_cdn(ALL_PLAYERS), in_log(ALL_PLAYERS), now=NIGHT.replace(minute=1))
    assert (night.asked, night.disagreements) == ([CDN, LOG], [])


def test_a_first_box_score_of_a_date_is_no_change(night: Night) -> None:
    night(in_cdn(ALL_PLAYERS), in_log(ALL_PLAYERS))
    assert night.metadata["corrected"] == {}


@pytest.mark.parametrize(
    ("second_answer", "problem"),
    [
        (Answer({}, status=403), f"nba_cdn boxscore {GAME} is not published (403)"),
        (NOT_FOUND, f"nba_cdn boxscore {GAME} is not published (404)"),
        (in_cdn(ALL_PLAYERS, gameStatus=2), f"the newest box score of game {GAME} is not final: nba_cdn/boxscore/"),
        (Answer({"game": {"gameId": GAME, "gameStatus": 3, "home": {}}}), "homeTeam is missing"),
    ],
    ids=["refused", "gone", "in play again", "built otherwise"],
)
def test_a_box_that_is_withdrawn_stays_as_it_was_landed_and_is_named(second_answer: Answer, problem: str, night: Night) -> None:
    first = night(in_cdn(ALL_PLAYERS), in_log(ALL_PLAYERS))
    rows = night(second_answer, in_log(ALL_PLAYERS), now=NIGHT.replace(hour=8))
    assert night.asked == [CDN, LOG] and rows.drop("as_of").equals(first.drop("as_of"))
    problems = night.metadata["problems_met"][GAME]
    assert problem in problems and problems.endswith("; using the final box score that landed earlier")


def test_a_landed_box_without_a_readable_status_is_rejected_and_requested_again(night: Night) -> None:
    """The payload was landed before limits existed. It must not stop the other games of the date."""
    night(in_cdn(ALL_PLAYERS), in_log(ALL_PLAYERS))
    landing = Landing(home=str(night.home), clock=night.clock)
    deep = in_cdn(ALL_PLAYERS, arena=nested(60)).document
    ref = landing.keep(boxscore_request(GAME, DAY), json.dumps(deep).encode(), fetched_at=NIGHT.replace(minute=1)).ref
    rows = night(now=NIGHT.replace(minute=2))
    assert (rows.height, night.asked) == (10, [])
    assert (
        night.metadata["problems_met"][GAME]
        == f"nba_cdn boxscore {GAME}: the JSON of the response is nested deeper than 50 levels ({len(json.dumps(deep))} bytes): {ref}"
    )


def test_a_box_in_play_is_no_withdrawn_one(night: Night) -> None:
    night(in_cdn(ALL_PLAYERS, gameStatus=2), games=[a_game(status="live")])
    assert night.metadata["problems_met"] == {}


def test_a_landed_log_is_used_until_it_lacks_a_final_game(night: Night) -> None:
    night(in_cdn(ALL_PLAYERS), in_log(ALL_PLAYERS))
    night(now=NIGHT.replace(minute=5))
    assert night.asked == []
    second = a_game(game_id="0022300002", home_team="BOS", away_team="LAL")
    night(now=NIGHT.replace(minute=10), games=[a_game(), second])
    assert night.asked.count(LOG) == 1


def test_a_log_that_does_not_answer_is_only_noted(night: Night) -> None:
    rows = night(in_cdn(ALL_PLAYERS), Answer({}, status=403))
    assert (rows.height, night.asked, night.disagreements, night.metadata["problems_met"]) == (10, [CDN, LOG], [], {})
    assert "stats.nba.com may block this address" in night.metadata["not_compared"][str(DAY)]


def test_an_empty_log_on_a_date_with_final_games_is_an_outage(night: Night) -> None:
    assert night(in_cdn(ALL_PLAYERS), Answer(a_log())).height == 10
    assert "probably an outage" in night.metadata["not_compared"][str(DAY)]


@pytest.mark.parametrize("log", [in_log(but(6, points=24)), NOT_FOUND], ids=["compared", "not compared"])
def test_a_replay_has_the_rows_of_the_original_run(log: Answer, night: Night) -> None:
    rows = night.materialize(in_cdn(ALL_PLAYERS), log)
    found, not_compared = night.disagreements, night.metadata["not_compared"]
    assert_frame_equal(night.materialize(replay_of=night.run_id), rows)
    assert (night.disagreements, night.metadata["not_compared"], night.asked) == (found, not_compared, [])


def test_only_incomplete_games_are_taken_from_balldontlie(night: Night) -> None:
    second = a_game(game_id="0022300002", home_team="BOS", away_team="LAL")
    other_source = in_balldontlie(but(1, name="Al Nobody", points=30))
    boston = {"abbreviation": "BOS", "players": [a_line("Some Body", pts=2, fgm=1, fga=1)]}
    angeles = {"abbreviation": "LAL", "players": []}
    other_source.document["data"].append(other_source.document["data"][0] | {"home_team": boston, "visitor_team": angeles})
    rows = night(in_cdn(ALL_PLAYERS), in_log(ALL_PLAYERS), other_source, games=[a_game(), second])
    assert (providers(rows), night.quarantine, night.disagreements) == (["nba_cdn"], ["unresolved name 'Some Body'"], [])


def test_before_a_game_is_final_no_log_is_requested(night: Night) -> None:
    night(games=[a_game(status="live", home_points=50, away_points=40)])
    assert night.asked == [CDN]


def test_dates_of_the_archive_cause_no_requests(night: Night) -> None:
    night(archive=ArchiveOfEverything)
    assert night.asked == [] and night.warehouse.dates(DISAGREEMENTS) == set()


def test_a_player_listed_for_both_teams_costs_the_box_its_game(night: Night) -> None:
    rows = night(in_cdn([*PEOPLE, replace(PEOPLE[0], team="NYK", points=0)]), in_log(ALL_PLAYERS))
    assert providers(rows) == ["nba_stats"] and rows.height == 10
    assert night.quarantine == [f"nba_cdn: Al Able is listed 2 times in game {GAME}, for GSW and NYK"] * 2


def test_an_unusable_row_of_the_log_is_quarantined_and_the_box_is_used(night: Night) -> None:
    log = in_log(ALL_PLAYERS)
    log.document["resultSets"][0]["rowSet"][0][-4] = "many"
    assert providers(night(in_cdn(ALL_PLAYERS), log)) == ["nba_cdn"]
    assert night.quarantine == [f"nba_stats: PTS is 'many' for Al Able in game {GAME}"]
    assert night.disagreements == []


PASSLESS = [replace(person, assists=0) if person.team == "NYK" else person for person in PEOPLE]
NO_ASSISTS = "implausible game: NYK has 0 assists, not 4 to 63"


def test_a_box_with_a_team_without_assists_is_quarantined_and_the_log_is_used(night: Night) -> None:
    rows = night(in_cdn(PASSLESS), in_log(ALL_PLAYERS))
    assert (rows.height, providers(rows), night.quarantine) == (10, ["nba_stats"], [NO_ASSISTS] * 10)


def test_an_implausible_game_is_quarantined_as_a_whole_without_another_source(night: Night) -> None:
    rows = night(in_cdn(PASSLESS), in_log(PASSLESS), in_balldontlie(PASSLESS), history=HISTORY)
    assert (rows.height, night.quarantine) == (0, [NO_ASSISTS] * 30)
    (verdict,) = verdicts_of(every_final_game_is_covered(night.warehouse, [DAY], night.clock), [DAY])
    assert verdict.missing == [f"NYK@GSW {GAME} (no box score of GSW; no box score of NYK)"]


def test_a_team_without_a_point_is_implausible_though_the_schedule_agrees(night: Night) -> None:
    pointless = [replace(p, points=0) if p.team == "NYK" else p for p in PEOPLE]
    box = in_cdn(pointless)
    box.document["game"]["awayTeam"]["score"] = 0
    rows = night(box, games=[a_game(away_points=0)])
    assert rows.is_empty() and len(night.quarantine) == 10
    assert "NYK has 0 points, not 33 to 220" in night.quarantine[0]


def test_a_landed_implausible_box_is_requested_again_at_once(night: Night) -> None:
    night(in_cdn(PASSLESS), in_log(PASSLESS))
    rows = night(in_cdn(ALL_PLAYERS), in_log(ALL_PLAYERS), now=NIGHT.replace(minute=1))
    assert night.asked == [CDN, LOG] and (rows.height, providers(rows)) == (10, ["nba_cdn"])


def test_a_landed_box_without_players_is_requested_again_at_once(night: Night) -> None:
    assert night(in_cdn([]), in_log([])).is_empty()
    rows = night(in_cdn(ALL_PLAYERS), in_log(ALL_PLAYERS), now=NIGHT.replace(minute=1))
    assert (rows.height, providers(rows)) == (10, ["nba_cdn"])


def test_an_implausible_game_of_the_archive_is_quarantined(night: Night) -> None:
    class ArchiveWithoutThrees(ArchiveOfEverything):
        def boxscores(self, dates: Any) -> pl.DataFrame:
            box = parsed_rows_of(*complete_box(a_game())).drop("problem")
            return box.with_columns(pl.when("did_play").then(5).alias(name) for name in ("rebounds", "dreb"))

    assert night(archive=ArchiveWithoutThrees).is_empty()
    assert night.quarantine == ["implausible game: both teams have 0 fg3m"] * 16


@pytest.mark.parametrize(
    ("team_points", "names"),
    [
        (110, []),
        (109, [f"{GAME} GSW: 110 of 109"]),
        (111, [f"{GAME} GSW: 110 of 111"]),
        (None, [f"{GAME} GSW: 110 of unknown"]),
    ],
    ids=["equal", "a point too many", "a point missing", "unknown"],
)
def test_a_team_whose_players_do_not_sum_to_its_points_is_named(
    team_points: int | None, names: list[str], tmp_path: Path
) -> None:
    warehouse, score = LocalWarehouse(home=str(tmp_path)), {"team_points": team_points}
    team = [a_boxscore(points=60, **score), a_boxscore(points=50, player_id=2, **score), who_did_not_play(player_id=3, **score)]
    opponent = a_boxscore(points=100, player_id=4, team="NYK", opponent="GSW", team_points=100)
    warehouse.replace(TABLE, [DAY], frame_of(TABLE, *team, opponent), "test")
    [row] = player_points_sum_to_team_points(warehouse, [DAY], Clock()).to_dicts()
    assert (row["passed"], row["team_games"], row["team_games_off"]) == (not names, 2, len(names))
    assert row[MISSING] == names

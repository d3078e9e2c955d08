"""balldontlie: pages, absent players, games without ids."""

from collections.abc import Callable
from datetime import date
from typing import Any

import polars as pl
import pytest

from nba_pipeline.errors import Permanent
from nba_pipeline.providers.balldontlie import Balldontlie, map_to_games, parse_boxscores
from nba_pipeline.providers.columns import BOXSCORE_COLUMNS
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.warehouse.payloads import Payload
from nba_pipeline_tests.providers.conftest import MISSING, RENAMED, Answer, Provider, drifted, message_of

Land = Callable[..., Payload]
DAY = date(2024, 1, 15)
FIELDS = "fgm fga fg3m fg3a ftm fta oreb dreb reb ast stl blk turnover pf pts".split()
SCHEDULE = pl.DataFrame({"game_id": ["0022300500"], "game_date": [DAY], "home_team": ["BOS"], "away_team": ["NYK"]})


def a_line(name: str, minutes: str = "28", **statistics: Any) -> dict[str, Any]:
    first, last = name.split(" ")
    person = {"first_name": first, "last_name": last}
    return {**dict.fromkeys(FIELDS, 0), "min": minutes, **statistics, "player": person}


def a_game(*home: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "date": "2024-01-15",
        "status": "Final",
        "period": 4,
        "home_team_score": 2,
        "visitor_team_score": 0,
        "home_team": {"abbreviation": "BOS", "players": list(home)},
        "visitor_team": {"abbreviation": "NYK", "players": []},
    } | fields


def parsed(land: Land, *games: dict[str, Any]) -> pl.DataFrame:
    return parse_boxscores([land({"data": list(games)}, "balldontlie", "box_scores", "page_first", DAY)])


def test_a_player_is_one_row_in_the_columns_of_boxscores(land: Land) -> None:
    frame = map_to_games(parsed(land, a_game(a_line("Al Horford", "07", pts=2, fgm=1, fga=3))), SCHEDULE)
    row = frame.row(0, named=True)
    expected = {
        "game_date": DAY,
        "game_id": "0022300500",
        "player_id": None,
        "season": "2023-24",
        "team": "BOS",
        "opponent": "NYK",
        "is_home": True,
        "player_name": "Al Horford",
        "did_play": True,
        "status": "played",
        "seconds": None,
        "minutes": 7.0,
        "minutes_precision": "rounded",
        "points": 2,
        "fgm": 1,
        "fga": 3,
        "team_points": 2,
        "plus_minus": None,
        "provider": "balldontlie",
        "problem": None,
    }
    assert frame.schema == pl.Schema(BOXSCORE_COLUMNS) and {name: row[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("line", "did_play", "minutes"),
    [(a_line("A B", "00"), False, None), (a_line("A B", "00", reb=1), True, 0.0), (a_line("A B", "01"), True, 1.0)],
    ids=["absent", "a few seconds", "a minute"],
)
def test_zero_minutes_with_statistics_are_a_participation(
    line: dict[str, Any], did_play: bool, minutes: float | None, land: Land
) -> None:
    row = map_to_games(parsed(land, a_game(line)), SCHEDULE).row(0, named=True)
    assert (row["did_play"], row["minutes"]) == (did_play, minutes)
    assert (row["status"], row["points"]) == (("played", 0) if did_play else ("dnp", None))


def test_only_final_games_count(land: Land) -> None:
    assert parsed(land, a_game(a_line("A B"), status="3rd Qtr")).is_empty()


def test_the_home_team_of_a_neutral_site_is_the_schedule_s(land: Land) -> None:
    swapped = SCHEDULE.rename({"home_team": "away_team", "away_team": "home_team"})
    row = map_to_games(parsed(land, a_game(a_line("A B"))), swapped).row(0, named=True)
    assert (row["game_id"], row["team"], row["is_home"]) == ("0022300500", "BOS", False)


def test_an_unusable_row_has_a_problem(land: Land) -> None:
    frame = map_to_games(parsed(land, a_game(a_line("A B", pts="x"), a_line("C D", "?", pts=2))), SCHEDULE.clear())
    assert frame["problem"].to_list() == ["pts is 'x' of A B", "min is '?' of C D"]
    unmatched = map_to_games(parsed(land, a_game(a_line("A B"))), SCHEDULE.clear())
    assert unmatched["problem"].to_list() == ["no game NYK at BOS on 2024-01-15"]


@pytest.mark.parametrize("document", [{"data": None}, {"data": [a_game(home_team=["x"])]}, {"data": [7]}, []])
def test_a_document_of_another_structure_is_permanent(document: Any, land: Land) -> None:
    with pytest.raises(Permanent, match="balldontlie box_scores"):
        parse_boxscores([land(document, "balldontlie", "box_scores", "page_first", DAY)])


def test_every_page_is_landed(http_client: HttpClient, provider: Provider) -> None:
    provider.responds(Answer({"data": [], "meta": {"next_cursor": 25}}), Answer({"data": []}))
    pages = Balldontlie(http=http_client, api_key="key").box_scores(DAY)
    assert [page.slot.entity for page in pages] == ["page_first", "page_25"]
    requests = [(a.params.get("cursor"), a.headers["authorization"]) for a in provider.asked]
    assert requests == [(None, "key"), ("25", "key")]


def test_a_cursor_that_repeats_ends_the_list(http_client: HttpClient, provider: Provider) -> None:
    first, second = ({"data": [], "meta": {"next_cursor": cursor}} for cursor in (25, 50))
    provider.responds(Answer(first), Answer(second), Answer(first))
    with pytest.raises(
        Permanent, match="balldontlie box_scores of 2024-01-15: next_cursor 25 is repeated: balldontlie/box_scores/"
    ):
        Balldontlie(http=http_client, api_key="key").box_scores(DAY)
    assert len(provider.asked) == 3


def test_a_list_with_too_many_pages_is_permanent(http_client: HttpClient, provider: Provider) -> None:
    provider.responds(lambda request: Answer({"data": [], "meta": {"next_cursor": int(request.params.get("cursor", 0)) + 1}}))
    with pytest.raises(Permanent, match="balldontlie box_scores of 2024-01-15 has more than 20 pages"):
        Balldontlie(http=http_client, api_key="key").box_scores(DAY)
    assert len(provider.asked) == 20


@pytest.mark.parametrize(
    ("meta", "message"),
    [
        ([25], r"meta is \[25\]"),
        ({"next_cursor": [25]}, r"next_cursor is \[25\]"),
        ({"next_cursor": True}, "next_cursor is True"),
        ({"next_cursor": "a b"}, "next_cursor is 'a b'"),
        ({"next_cursor": "9" * 400}, "next_cursor is '999"),
    ],
)
def test_an_invalid_cursor_rejects_its_page(meta: Any, message: str, http_client: HttpClient, provider: Provider) -> None:
    provider.responds(Answer({"data": [], "meta": meta}))
    with pytest.raises(Permanent, match=f"balldontlie box_scores page_first: {message}"):
        Balldontlie(http=http_client, api_key="key").box_scores(DAY)
    assert [line["outcome"] for line in http_client.landing.requests()] == ["landed", "rejected"]


@pytest.mark.parametrize("meta", [None, {}, {"next_cursor": None}])
def test_a_page_without_a_cursor_is_the_last(meta: Any, http_client: HttpClient, provider: Provider) -> None:
    provider.responds(Answer({"data": [], "meta": meta}))
    assert len(Balldontlie(http=http_client, api_key="key").box_scores(DAY)) == 1


def test_without_a_key_no_request_is_sent(http_client: HttpClient, provider: Provider) -> None:
    with pytest.raises(Permanent, match="balldontlie requires a key: set BALLDONTLIE_API_KEY"):
        Balldontlie(http=http_client).box_scores(DAY)
    assert not provider.asked


@pytest.mark.parametrize(
    ("field", "change", "message"),
    [
        ("status", RENAMED, "balldontlie box_scores page_first: status is missing"),
        ("status", 3, "balldontlie box_scores page_first: status is 3"),
        ("home_team", RENAMED, "balldontlie box_scores page_first: home_team is missing"),
        ("home_team.players", MISSING, "balldontlie box_scores page_first: players is missing"),
        ("home_team_score", MISSING, "balldontlie box_scores page_first: home_team_score is missing"),
        ("home_team.players.0.player", RENAMED, "balldontlie box_scores page_first: player is missing"),
        ("home_team.players.0.player.first_name", RENAMED, "balldontlie box_scores page_first: first_name is missing"),
        ("home_team.players.0.player.first_name", 7, "name is [7, 'Horford'] of Horford"),
        ("home_team_score", "many", "home_team_score is 'many'"),
        ("home_team.abbreviation", ["BOS"], "unknown team ['BOS']"),
        ("home_team.players.0.reb", RENAMED, "reb is None of Al Horford"),
        ("home_team.players.0.ast", "", "ast is '' of Al Horford"),
        ("home_team.players.0.min", RENAMED, "min is None of Al Horford"),
        ("home_team.players.0.plus_minus", "x", "plus_minus is 'x' of Al Horford"),
    ],
)
def test_changed_fields_of_box_scores_are_named(field: str, change: Any, message: str, land: Land) -> None:
    document = {"data": [a_game(a_line("Al Horford", pts=2, fgm=1, fga=3, plus_minus=3))]}
    changed = land(drifted(document, f"data.0.{field}", change), "balldontlie", "box_scores", "page_first", DAY)
    assert message in message_of(lambda: parse_boxscores([changed]))


def test_numbers_as_text_are_parsed(land: Land) -> None:
    text = {name: str(value) for name, value in a_line("Al Horford", pts=2, fgm=1).items() if name in FIELDS}
    game = a_game(a_line("Al Horford") | text, home_team_score="2", visitor_team_score="0")
    assert parsed(land, game).drop("source").equals(parsed(land, a_game(a_line("Al Horford", pts=2, fgm=1))).drop("source"))

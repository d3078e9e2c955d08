"""The Odds API's lines: both sides in one row, and a problem for everything that is unusable."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from nba_pipeline.errors import Permanent
from nba_pipeline.providers.odds_lines import GAME_ODDS_COLUMNS, ODDS_COLUMNS, parse_event_odds, parse_game_odds
from nba_pipeline.warehouse.payloads import Payload
from nba_pipeline_tests.providers.conftest import MISSING, NOON, RENAMED, drifted, message_of

Land = Callable[..., Payload]
SEEN = datetime(2024, 3, 12, 11, 55, tzinfo=UTC)
EVENT = {
    "id": "e1",
    "commence_time": "2024-03-13T02:40:00Z",
    "home_team": "Los Angeles Clippers",
    "away_team": "Utah Jazz",
}


def an_outcome(side: str, point: Any = 20.5, price: Any = -110, name: str = "Paolo Banchero") -> dict[str, Any]:
    return {"name": side, "description": name, "price": price, "point": point}


def odds(*outcomes: dict[str, Any], market: dict[str, Any] | None = None, **event: Any) -> dict[str, Any]:
    shown = {"key": "player_points", "last_update": "2024-03-12T11:55:00Z"} if market is None else market
    return {**EVENT, "bookmakers": [{"key": "draftkings", "markets": [{**shown, "outcomes": list(outcomes)}]}], **event}


def parsed(land: Land, document: Any) -> pl.DataFrame:
    return parse_event_odds(land(document, "odds_api", "event_odds", "e1"))


def test_over_and_under_become_one_row(land: Land) -> None:
    frame = parsed(land, odds(an_outcome("Over", price=-140), an_outcome("Under", price=110)))
    assert frame.schema == pl.Schema(ODDS_COLUMNS)
    assert frame.rows(named=True) == [
        {
            "odds_event_id": "e1",
            "commence_time": datetime(2024, 3, 13, 2, 40, tzinfo=UTC),
            "home_team": "LAC",
            "away_team": "UTA",
            "book": "draftkings",
            "market": "player_points",
            "spelling": "Paolo Banchero",
            "line": 20.5,
            "line_half_points": 41,
            "over_price": -140,
            "under_price": 110,
            "snapshot_at": SEEN,
            "captured_at": NOON,
            "request_format": "american",
            "source": frame["source"][0],
            "problem": None,
            "ignored": None,
        }
    ]


def test_each_line_of_a_ladder_and_each_spelling_is_a_row(land: Land) -> None:
    outcomes = [an_outcome(side, point) for point in (19.5, 20.5) for side in ("Over", "Under")]
    frame = parsed(land, odds(*outcomes, an_outcome("Over", name="P. Banchero")))
    assert frame.select("spelling", "line", "over_price", "under_price").rows() == [
        ("Paolo Banchero", 19.5, -110, -110),
        ("Paolo Banchero", 20.5, -110, -110),
        ("P. Banchero", 20.5, -110, None),
    ]


@pytest.mark.parametrize(
    ("outcomes", "problem"),
    [
        ([an_outcome("Over", price=1.91)], "Over price of Paolo Banchero at 20.5 is 1.91"),
        ([an_outcome("Over", price=-110), an_outcome("Over", price=-120)], "Over price .* is -110 and -120"),
        ([an_outcome("Over", point=None)], "line of Paolo Banchero is None"),
        ([an_outcome("Over", point=20.25)], "line of Paolo Banchero is 20.25"),
        ([an_outcome("Yes")], "outcome Yes of Paolo Banchero"),
    ],
    ids=["decimal", "two prices", "no line", "quarter", "side"],
)
def test_an_unusable_outcome_is_a_problem(outcomes: list[dict[str, Any]], problem: str, land: Land) -> None:
    [problem_of_row] = parsed(land, odds(*outcomes))["problem"]
    assert re.search(problem, problem_of_row)


def test_an_unknown_team_is_a_problem(land: Land) -> None:
    frame = parsed(land, odds(an_outcome("Over"), home_team="Seattle"))
    assert frame["problem"].to_list() == ["unknown team 'Seattle'"]


def test_the_snapshot_instant_is_that_of_the_market_the_book_or_the_historical_response(land: Land) -> None:
    bare = odds(an_outcome("Over"), market={"key": "player_points"})
    assert parsed(land, bare)["snapshot_at"].to_list() == [None]
    assert parsed(land, {"timestamp": "2024-03-12T11:55:00Z", "data": bare})["snapshot_at"].to_list() == [SEEN]
    bare["bookmakers"][0]["last_update"] = "2024-03-12T11:54:00Z"
    older = parsed(land, {"timestamp": "2024-03-12T11:55:00Z", "data": bare})["snapshot_at"]
    assert older.to_list() == [SEEN.replace(minute=54)]


@pytest.mark.parametrize(
    ("outcome", "row"),
    [
        ({"name": "Adam Winger Over", "point": 21.5}, ("Adam Winger", 21.5, -110, None)),
        ({"name": "Adam Winger under", "point": "21.5"}, ("Adam Winger", 21.5, None, -110)),
        ({"name": "Adam Winger", "description": "Over", "point": 21.5}, ("Adam Winger", 21.5, -110, None)),
        ({"name": "OVER", "description": "Adam  Winger ", "point": 21.5}, ("Adam Winger", 21.5, -110, None)),
    ],
    ids=["both in the name", "both in the name, lower case", "swapped", "capitals and blanks"],
)
def test_plausible_forms_of_player_and_side_are_parsed(outcome: dict[str, Any], row: tuple[Any, ...], land: Land) -> None:
    frame = parsed(land, odds({"price": -110, **outcome}))
    assert frame.select("spelling", "line", "over_price", "under_price").rows() == [row]
    assert frame["problem"].to_list() == [None]


@pytest.mark.parametrize(
    ("outcome", "problem"),
    [
        ({"name": "Utah Jazz", "point": 6.5}, "the player is None, outcome Utah Jazz of None"),
        ({"name": "Over", "point": 6.5}, "the player is None"),
        ({"name": "Over", "description": " ", "point": 6.5}, "the player is ' '"),
        ({"point": 6.5}, "the player is None, outcome None of None"),
        ({}, "the player is None, line of None is None, outcome None of None"),
    ],
    ids=["a team", "nobody", "blank", "no name", "nothing"],
)
def test_every_outcome_of_a_player_market_becomes_a_row(outcome: dict[str, Any], problem: str, land: Land) -> None:
    assert parsed(land, odds({"price": -110, **outcome}))["problem"].to_list() == [problem]


def test_one_line_in_several_forms_is_one_row(land: Land) -> None:
    outcomes = [an_outcome("Over", 21, "-110"), an_outcome("Under", 21.0, -120), an_outcome("Over", "21.0", -110.0)]
    frame = parsed(land, odds(*outcomes))
    assert frame.select("line_half_points", "over_price", "under_price", "problem").rows() == [(42, -110, -120, None)]


def test_two_prices_at_one_instant_are_a_problem_of_their_row_only(land: Land) -> None:
    frame = parsed(land, odds(*[an_outcome("Over", price=price) for price in (-110, -150)], an_outcome("Over", 21.5)))
    assert frame.select("line", "over_price", "problem").rows() == [
        (20.5, None, "Over price of Paolo Banchero at 20.5 is -110 and -150"),
        (21.5, -110, None),
    ]


YES = {"name": "Yes", "description": "Paolo Banchero", "price": 350}


def test_a_market_without_lines_is_ignored_without_a_problem(land: Land) -> None:
    frame = parsed(land, odds(YES, YES | {"description": "Jalen Suggs"}, market={"key": "player_double_double"}))
    assert frame.select("spelling", "ignored", "problem").rows() == [
        (name, "market player_double_double", None) for name in ("Paolo Banchero", "Jalen Suggs")
    ]


def test_a_market_that_is_not_declared_is_a_problem(land: Land) -> None:
    frame = parsed(land, odds(YES, market={"key": "players_points"}))
    assert frame["problem"].to_list() == ["market 'players_points' is declared neither used nor ignored"]


def game_odds(land: Land, market: str, *outcomes: tuple[str, Any, Any], **event: Any) -> pl.DataFrame:
    shown = {"key": market, "last_update": "2024-03-12T11:55:00Z"}
    sides = [{"name": name, "price": price, "point": point} for name, point, price in outcomes]
    return parse_game_odds(land(odds(*sides, market=shown, **event), "odds_api", "event_odds", "e1"))


def test_each_side_of_a_spread_is_a_row_relative_to_its_team(land: Land) -> None:
    frame = game_odds(land, "spreads", ("Utah Jazz", 6.5, -105), ("Los Angeles Clippers", -6.5, -115))
    assert frame.schema == pl.Schema(GAME_ODDS_COLUMNS)
    shared = {
        "odds_event_id": "e1",
        "commence_time": datetime(2024, 3, 13, 2, 40, tzinfo=UTC),
        "home_team": "LAC",
        "away_team": "UTA",
        "book": "draftkings",
        "market": "spreads",
        "snapshot_at": SEEN,
        "captured_at": NOON,
        "request_format": "american",
        "source": frame["source"][0],
        "problem": None,
        "ignored": None,
    }
    away = {"outcome": "away", "line": 6.5, "line_half_points": 13, "price": -105}
    home = {"outcome": "home", "line": -6.5, "line_half_points": -13, "price": -115}
    assert frame.rows(named=True) == [{name: (shared | side)[name] for name in GAME_ODDS_COLUMNS} for side in (away, home)]


def test_each_side_of_a_total_is_a_row(land: Land) -> None:
    frame = game_odds(land, "totals", ("Over", 228.0, -110), ("Under", 228.0, -110))
    assert frame.select("market", "outcome", "line").rows() == [("totals", "over", 228.0), ("totals", "under", 228.0)]


@pytest.mark.parametrize(
    ("market", "outcome", "problem"),
    [
        ("spreads", ("Seattle", 6.5, -110), "outcome 'Seattle' of spreads of draftkings"),
        ("totals", ("Draw", 228.5, -110), "outcome 'Draw' of totals of draftkings"),
        ("totals", ("Over", None, -110), "line of totals Over of draftkings is None"),
        ("totals", ("Over", 228.25, -110), "line of totals Over of draftkings is 228.25"),
        ("totals", ("Over", 228.5, 1.87), "price of totals Over of draftkings is 1.87"),
    ],
    ids=["team", "side", "no line", "quarter", "decimal"],
)
def test_an_unusable_game_outcome_is_a_problem(market: str, outcome: tuple[str, Any, Any], problem: str, land: Land) -> None:
    assert game_odds(land, market, outcome)["problem"].to_list() == [problem]


def test_a_response_has_rows_for_both_tables_without_overlap(land: Land) -> None:
    document = odds(an_outcome("Over"))
    total = {"key": "totals", "outcomes": [{"name": "Over", "price": -110, "point": 228.5}]}
    team_total = {"key": "team_totals", "outcomes": [{"name": "Over", "price": -110, "point": 114.5, "description": "Utah"}]}
    document["bookmakers"][0]["markets"] += [total, team_total, {"key": "h2h", "outcomes": [{"name": "Utah Jazz", "price": 120}]}]
    payload = land(document, "odds_api", "event_odds", "e1")
    assert parse_event_odds(payload).filter(market="player_points").height == 1
    assert parse_event_odds(payload).height == 1
    assert parse_game_odds(payload).select("market", "line", "ignored").rows() == [
        ("totals", 228.5, None),
        ("team_totals", None, "market team_totals"),
        ("h2h", None, "market h2h"),
    ]
    assert "totals" not in parse_event_odds(payload)["market"]


@pytest.mark.parametrize("parse", [parse_event_odds, parse_game_odds])
@pytest.mark.parametrize(
    "document",
    [
        {},
        [],
        {**EVENT, "bookmakers": [{"key": "x"}]},
        {**EVENT, "bookmakers": [{"key": "x", "markets": ["totals"]}]},
        {**EVENT, "bookmakers": [{"key": "x", "markets": [{"key": "totals", "outcomes": [1]}]}]},
    ],
    ids=str,
)
def test_a_document_of_another_structure_is_permanent(
    parse: Callable[[Payload], pl.DataFrame], document: Any, land: Land
) -> None:
    with pytest.raises(Permanent, match="odds_api event_odds e1"):
        parse(land(document, "odds_api", "event_odds", "e1"))


MARKET = "bookmakers.0.markets.0"


@pytest.mark.parametrize(
    ("field", "change", "message"),
    [
        ("id", RENAMED, "id of the event is None"),
        ("commence_time", 1710297600, "commence_time is 1710297600"),
        ("home_team", {"name": "Utah Jazz"}, "unknown team {'name': 'Utah Jazz'}"),
        ("bookmakers", RENAMED, "the response has no list bookmakers"),
        ("bookmakers.0.key", RENAMED, "unusable key of book None or market player_points"),
        (f"{MARKET}.key", MISSING, "unusable key of book draftkings or market None"),
        (f"{MARKET}.key", 5, "of book draftkings or market None"),
        (f"{MARKET}.outcomes", RENAMED, "a market of draftkings has no list outcomes"),
        (f"{MARKET}.outcomes", None, "a market of draftkings has no list outcomes"),
        (f"{MARKET}.last_update", 1710244500, "the instant of draftkings player_points is 1710244500"),
        (f"{MARKET}.outcomes.0.name", RENAMED, "outcome None of Paolo Banchero"),
        (f"{MARKET}.outcomes.0.description", RENAMED, "the player is None"),
        (f"{MARKET}.outcomes.0.description", ["Paolo"], "the player is ['Paolo']"),
        (f"{MARKET}.outcomes.0.price", "even", "Over price of Paolo Banchero at 20.5 is even"),
        (f"{MARKET}.outcomes.0.point", RENAMED, "line of Paolo Banchero is None"),
        (f"{MARKET}.outcomes.0.point", True, "line of Paolo Banchero is True"),
    ],
)
def test_changed_fields_of_lines_are_named(field: str, change: Any, message: str, land: Land) -> None:
    document = drifted(odds(an_outcome("Over")), field, change)
    assert message in message_of(lambda: parsed(land, document))


@pytest.mark.parametrize(
    ("field", "change", "message"),
    [
        (f"{MARKET}.key", RENAMED, "unusable key of book draftkings or market None"),
        (f"{MARKET}.outcomes.0.name", RENAMED, "outcome None of spreads of draftkings"),
        (f"{MARKET}.outcomes.0.point", True, "line of spreads Utah Jazz of draftkings is True"),
        (f"{MARKET}.outcomes.0.price", MISSING, "price of spreads Utah Jazz of draftkings is None"),
    ],
)
def test_changed_fields_of_game_lines_are_named(field: str, change: Any, message: str, land: Land) -> None:
    shown = {"key": "spreads", "last_update": "2024-03-12T11:55:00Z"}
    document = drifted(odds({"name": "Utah Jazz", "price": -105, "point": 6.5}, market=shown), field, change)
    assert message in message_of(lambda: parse_game_odds(land(document, "odds_api", "event_odds", "e1")))


def test_an_unreadable_historical_instant_is_named(land: Land) -> None:
    document = {"timestamp": "yesterday", "data": odds(an_outcome("Over"), market={"key": "player_points"})}
    assert message_of(lambda: parsed(land, document)) == "the instant of draftkings player_points is 'yesterday'"


def test_lines_and_prices_as_text_are_parsed(land: Land) -> None:
    text, plain = (parsed(land, odds(an_outcome("Over", *values))) for values in (("20.5", "-110"), (20.5, -110)))
    assert text.drop("source").equals(plain.drop("source"))

"""Parsers of The Odds API's player and game lines.

Every outcome of a response becomes a row of one of the two parsers: as a line, with a `problem`, or with a reason in
`ignored`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import polars as pl

from nba_pipeline.errors import Permanent
from nba_pipeline.league.teams import TEAM_OF_NAME
from nba_pipeline.providers.odds_events import data_of, event_fields
from nba_pipeline.providers.odds_markets import GAME, IGNORED, PLAYER, SPREADS, USED, declared
from nba_pipeline.providers.parsing import frame_of, parser
from nba_pipeline.providers.wire import instant, integer_or_none, number_or_none, plain, quoted, text_or_none
from nba_pipeline.warehouse.payloads import Payload

REQUEST_FORMAT = "american"
PRICE_FLOOR = 100
"""Smallest absolute value of an American price."""

ODDS_COLUMNS = {
    "odds_event_id": pl.String(),
    "commence_time": pl.Datetime("us", "UTC"),
    "home_team": pl.String(),
    "away_team": pl.String(),
    "book": pl.String(),
    "market": pl.String(),
    "spelling": pl.String(),
    "line": pl.Float64(),
    "line_half_points": pl.Int64(),
    "over_price": pl.Int64(),
    "under_price": pl.Int64(),
    "snapshot_at": pl.Datetime("us", "UTC"),
    "captured_at": pl.Datetime("us", "UTC"),
    "request_format": pl.String(),
    "source": pl.String(),
    "problem": pl.String(),
    "ignored": pl.String(),
}

GAME_ODDS_COLUMNS = {
    "odds_event_id": pl.String(),
    "commence_time": pl.Datetime("us", "UTC"),
    "home_team": pl.String(),
    "away_team": pl.String(),
    "book": pl.String(),
    "market": pl.String(),
    "outcome": pl.String(),
    "line": pl.Float64(),
    "line_half_points": pl.Int64(),
    "price": pl.Int64(),
    "snapshot_at": pl.Datetime("us", "UTC"),
    "captured_at": pl.Datetime("us", "UTC"),
    "request_format": pl.String(),
    "source": pl.String(),
    "problem": pl.String(),
    "ignored": pl.String(),
}

OVER_AND_UNDER = {"over": "Over", "under": "Under"}
"""Lower-case form -> documented name of each side. Other letter cases may occur."""
NAME_WITH_SIDE = re.compile(r"(?P<player>.*\S)\s+(?P<side>over|under)", re.IGNORECASE)
"""A plausible outcome without `description`: its name contains the player and the side."""
NOT_DECLARED = "market {} is declared neither used nor ignored"


@parser
def parse_event_odds(payload: Payload) -> pl.DataFrame:
    """Returns one row per event, book, market, spelling and line, with the prices of both sides (null for a missing side).

    `snapshot_at` is the market's last_update, else the bookmaker's, else the timestamp of a historical response, else null.
    Unusable rows and outcomes of undeclared markets have a `problem`. Outcomes of player markets that are declared as ignored
    have the reason in `ignored`. `parse_game_odds` reads the game markets.
    """
    rows = [row for shared, outcomes in _markets(payload) for row in _player_rows(shared, outcomes)]
    return frame_of(rows, ODDS_COLUMNS)


@parser
def parse_game_odds(payload: Payload) -> pl.DataFrame:
    """Returns one row per event, book, market (spreads or totals) and outcome (home, away, over or under).

    Home and away are the provider's. A spread is relative to its outcome's team, negative for the favorite. `snapshot_at` is
    defined as in `parse_event_odds`, which reads the other markets of the same responses. Unusable rows have a `problem`.
    Outcomes of game markets that are declared as ignored have the reason in `ignored`.
    """
    rows = [
        {**shared, **(_game_line(outcome, shared) if declared(shared["market"]) == (GAME, USED) else _ignored(shared))}
        for shared, outcomes in _markets(payload)
        if (declared(shared["market"]) or ("",))[0] == GAME
        for outcome in outcomes
    ]
    return frame_of(rows, GAME_ODDS_COLUMNS)


def _markets(payload: Payload) -> Iterator[tuple[dict[str, Any], list[Mapping[str, Any]]]]:
    """Yields each market of each book of a response: the columns that its rows share, and its outcomes.

    Raises Permanent if the response has another structure.
    """
    event = data_of(payload)
    if not isinstance(event, dict) or not isinstance(event.get("bookmakers"), list):
        raise Permanent(f"{payload.slot.name}: the response has no list bookmakers: {payload.ref}")
    if not all(isinstance(book, dict) and isinstance(book.get("markets"), list) for book in event["bookmakers"]):
        raise Permanent(f"{payload.slot.name}: a bookmaker has no list markets: {payload.ref}")
    of_event = {
        **event_fields(event),
        "captured_at": payload.fetched_at,
        "request_format": REQUEST_FORMAT,
        "source": payload.ref,
    }
    document = payload.json()
    historical_at = document.get("timestamp") if "data" in document else None
    for book in event["bookmakers"]:
        for market in book["markets"]:
            outcomes = market.get("outcomes") if isinstance(market, dict) else None
            if not isinstance(outcomes, list) or not all(isinstance(outcome, dict) for outcome in outcomes):
                raise Permanent(f"{payload.slot.name}: a market of {book.get('key')} has no list outcomes: {payload.ref}")
            keys = text_or_none(book.get("key")), text_or_none(market.get("key"))
            if None in keys:
                raise Permanent(f"{payload.slot.name}: unusable key of book {keys[0]} or market {keys[1]}: {payload.ref}")
            instants = (market.get("last_update"), book.get("last_update"), historical_at)
            of_market = {"book": keys[0], "market": keys[1], **_snapshot_fields(instants, keys, of_event["problem"])}
            yield {**of_event, **of_market}, outcomes


def _snapshot_fields(instants: Sequence[Any], keys: Sequence[str | None], problem: str | None) -> dict[str, Any]:
    """Returns the first readable instant as `snapshot_at`. Unreadable ones are added to the event's problem."""
    label = " ".join(map(str, keys))
    unreadable = [f"the instant of {label} is {quoted(text)}" for text in instants if text and instant(text) is None]
    return {"snapshot_at": _first_instant(instants), "problem": ", ".join(filter(None, [problem, *unreadable])) or None}


def _player_rows(shared: Mapping[str, Any], outcomes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns the rows of a market, including unusable outcomes. Empty for a game market."""
    kind = declared(shared["market"])
    if kind == (PLAYER, USED):
        return [{**shared, **_line(sides, shared["problem"])} for sides in _by_line(outcomes)]
    if kind == (PLAYER, IGNORED):
        return [{**shared, "spelling": _player_and_side(outcome)[0], **_ignored(shared)} for outcome in outcomes]
    if kind is None:
        problem = ", ".join(filter(None, [shared["problem"], NOT_DECLARED.format(quoted(shared["market"]))]))
        return [{**shared, "spelling": _player_and_side(outcome)[0], "problem": problem} for outcome in outcomes]
    return []


def _ignored(shared: Mapping[str, Any]) -> dict[str, Any]:
    return {"ignored": f"market {shared['market']}", "problem": None}


def _player_and_side(outcome: Mapping[str, Any]) -> tuple[str | None, Any]:
    """Returns the player of an outcome (null if missing) and its side: Over, Under or the unknown value.

    The documented form has the side in `name` and the player in `description`. Plausible forms have the two swapped, or both
    in `name`.
    """
    name, description = outcome.get("name"), outcome.get("description")
    side, spelling = _side_of(name), _plain(description)
    if side is None and _side_of(description) is not None and _plain(name) is not None:
        return _plain(name), _side_of(description)
    if side is None and description is None and (match := NAME_WITH_SIDE.fullmatch(_plain(name) or "")):
        return match["player"], _side_of(match["side"])
    return spelling, side or name


def _side_of(value: Any) -> str | None:
    return OVER_AND_UNDER.get(value.strip().casefold()) if isinstance(value, str) else None


def _plain(value: Any) -> str | None:
    """Text with single spaces. Null if empty or not text."""
    return " ".join(value.split()) or None if isinstance(value, str) else None


def _half_points(point: Any) -> int | None:
    line = number_or_none(point)
    return None if line is None else integer_or_none(line * 2)


class _Offer(NamedTuple):
    """One outcome with its player and side."""

    outcome: Mapping[str, Any]
    spelling: str | None
    side: Any


def _by_line(outcomes: Sequence[Mapping[str, Any]]) -> list[list[_Offer]]:
    """Groups the outcomes by player and line, both sides together. A missing player or line is grouped by its raw value."""
    groups: dict[tuple[Any, Any], list[_Offer]] = {}
    for outcome in outcomes:
        offer, half_points = _Offer(outcome, *_player_and_side(outcome)), _half_points(outcome.get("point"))
        player_key = offer.spelling or ("", repr(outcome.get("description")))
        line_key = ("", repr(outcome.get("point"))) if half_points is None else half_points
        groups.setdefault((player_key, line_key), []).append(offer)
    return list(groups.values())


def _line(sides: Sequence[_Offer], problem: str | None) -> dict[str, Any]:
    first, spelling, _ = sides[0]
    point = first.get("point")
    line, half_points = number_or_none(point), _half_points(point)
    problems = [problem] if problem else []
    if spelling is None:
        problems.append(f"the player is {quoted(first.get('description'))}")
    if half_points is None:
        problems.append(f"line of {spelling} is {quoted(point)}")
    prices: dict[str, int | None] = {}
    for side in OVER_AND_UNDER.values():
        distinct = {_price_key(o.outcome.get("price")): o.outcome.get("price") for o in sides if o.side == side}
        price = integer_or_none(next(iter(distinct.values()), None))
        if len(distinct) > 1 or (distinct and (price is None or abs(price) < PRICE_FLOOR)):
            problems.append(f"{side} price of {spelling} at {plain(point)} is {' and '.join(map(plain, distinct.values()))}")
        prices[f"{side.lower()}_price"] = None if len(distinct) > 1 else price
    if unknown_sides := sorted({plain(o.side) for o in sides} - set(OVER_AND_UNDER.values())):
        problems.append(f"outcome {', '.join(unknown_sides)} of {spelling}")
    return {
        "spelling": spelling,
        "line": line,
        "line_half_points": half_points,
        **prices,
        "problem": ", ".join(problems) or None,
    }


def _price_key(price: Any) -> Any:
    """Returns the same key for all forms of a price, such as -110 and "-110"."""
    number = integer_or_none(price)
    return str(price) if number is None else number


def _game_line(outcome: Mapping[str, Any], shared: Mapping[str, Any]) -> dict[str, Any]:
    name, point, listed_price = outcome.get("name"), outcome.get("point"), outcome.get("price")
    sides = {shared["home_team"]: "home", shared["away_team"]: "away"}
    team = sides.get(TEAM_OF_NAME.get(str(name)))
    side = team if shared["market"] == SPREADS else (_side_of(name) or "").lower() or None
    line, price = number_or_none(point), integer_or_none(listed_price)
    half_points = _half_points(point)
    label = f"{shared['market']} {plain(name)} of {shared['book']}"
    problems = [shared["problem"]] if shared["problem"] else []
    if side is None:
        problems.append(f"outcome {quoted(name)} of {shared['market']} of {shared['book']}")
    if half_points is None:
        problems.append(f"line of {label} is {quoted(point)}")
    if price is None or abs(price) < PRICE_FLOOR:
        problems.append(f"price of {label} is {quoted(listed_price)}")
    return {
        "outcome": side,
        "line": line,
        "line_half_points": half_points,
        "price": price,
        "problem": ", ".join(problems) or None,
    }


def _first_instant(values: Sequence[Any]) -> datetime | None:
    return next((at for value in values if (at := instant(value))), None)

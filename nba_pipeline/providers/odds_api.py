"""The Odds API v4: events, and the sportsbooks' player and game lines, current or historical. Needs a key.

`commence_time` is about ten minutes after tip-off. A payload may contain two spellings of a player, alternate lines under
the main market, and prices of a game in progress. One request per event fetches player and game lines, so that both are
from the same instant.

Every outcome of a response becomes a row of one of the two parsers: as a line, with a `problem`, or with a reason in
`ignored`.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import polars as pl

from nba_pipeline.errors import Permanent, PipelineError
from nba_pipeline.league.calendar import EASTERN_NAME, eastern
from nba_pipeline.league.teams import TEAM_OF_NAME
from nba_pipeline.providers.http import HttpClient, Request
from nba_pipeline.providers.matching import match_games
from nba_pipeline.providers.odds_markets import GAME, IGNORED, PLAYER, SPREADS, USED, declared
from nba_pipeline.providers.parsing import Unusable, frame_of, parser
from nba_pipeline.providers.wire import instant, number_or_none, plain, quoted, text_or_none, whole
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse.payloads import Payload

PROVIDER = "odds_api"
KEY_VARIABLE = "ODDS_API_KEY"
SPORT = "/sports/basketball_nba"
REQUEST_FORMAT = "american"
PRICE_FLOOR = 100
LATEST_START = timedelta(hours=30)
"""Latest start of a slate's games, after the Eastern midnight at the beginning of the slate."""

EVENT_COLUMNS = {
    "odds_event_id": pl.String(), "commence_time": pl.Datetime("us", "UTC"), "game_date": pl.Date(),
    "home_team": pl.String(), "away_team": pl.String(), "source": pl.String(), "problem": pl.String(),
}  # fmt: skip

ODDS_COLUMNS = {
    "odds_event_id": pl.String(), "commence_time": pl.Datetime("us", "UTC"), "home_team": pl.String(),
    "away_team": pl.String(), "book": pl.String(), "market": pl.String(), "spelling": pl.String(), "line": pl.Float64(),
    "line_half_points": pl.Int64(), "over_price": pl.Int64(), "under_price": pl.Int64(),
    "snapshot_at": pl.Datetime("us", "UTC"), "captured_at": pl.Datetime("us", "UTC"), "request_format": pl.String(),
    "source": pl.String(), "problem": pl.String(), "ignored": pl.String(),
}  # fmt: skip

GAME_ODDS_COLUMNS = {
    "odds_event_id": pl.String(), "commence_time": pl.Datetime("us", "UTC"), "home_team": pl.String(),
    "away_team": pl.String(), "book": pl.String(), "market": pl.String(), "outcome": pl.String(), "line": pl.Float64(),
    "line_half_points": pl.Int64(), "price": pl.Int64(), "snapshot_at": pl.Datetime("us", "UTC"),
    "captured_at": pl.Datetime("us", "UTC"), "request_format": pl.String(), "source": pl.String(), "problem": pl.String(),
    "ignored": pl.String(),
}  # fmt: skip

HISTORICAL = "historical_"
"""Prefix of the endpoints whose responses are wrapped with a timestamp."""
EVENT_ID = re.compile(r"[\w-]{1,80}")
"""Valid event ids. They become part of a URL and of a file name."""
OVER_AND_UNDER = {"over": "Over", "under": "Under"}
"""Lower-case form -> documented name of the two sides. Other letter cases are plausible."""
NAME_WITH_SIDE = re.compile(r"(?P<player>.*\S)\s+(?P<side>over|under)", re.IGNORECASE)
"""A plausible outcome without `description`: its name contains the player and the side."""
NOT_DECLARED = "market {} is declared neither used nor ignored"


class OddsApi(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Client for api.the-odds-api.com, https://the-odds-api.com/liveapi/guides/v4/.

    Live events are free. Odds cost 1 credit per market and region live, 10 historical. The player and game lines of an
    event cost 3 credits live, 30 historical.
    """

    http: dg.ResourceDependency[HttpClient]
    api_key: str = ""

    def events(self, day: date, at: datetime | None = None) -> Payload:
        """Returns the landed events of an Eastern date, as listed now or at the past instant `at`.

        Raises Permanent without a key, otherwise as HttpClient.get.
        """
        return self.http.get(self.events_request(day, at))

    def odds(self, event_ids: Sequence[str], day: date, at: datetime | None = None) -> list[Payload | PipelineError]:
        """Fetches the player and game lines of events. Returns a payload or an error per event, in the given order."""
        return self.http.get_many([self.odds_request(event_id, day, at) for event_id in event_ids])

    def landed_events(self, day: date) -> list[Payload]:
        """Returns all landed event lists of a date, live and historical, oldest first."""
        return self._landed("events", day)

    def landed_odds(self, day: date) -> list[Payload]:
        """Returns all landed responses with lines of a date, live and historical, oldest first."""
        return self._landed("event_odds", day)

    @property
    def quota(self) -> dict[str, int]:
        """The credits of the latest response: remaining, used, last. Empty before the first response."""
        return self.http.quota

    def events_request(self, day: date, at: datetime | None = None) -> Request:
        """Returns the request for the events that start on an Eastern date."""
        start = eastern(day, 0)
        window = {"commenceTimeFrom": _iso(start), "commenceTimeTo": _iso(start + LATEST_START)}
        return self._request(("events", "/events", "slate"), day, at, window)

    def odds_request(self, event_id: str, day: date, at: datetime | None = None) -> Request:
        """Returns the request for an event's player and game lines."""
        markets = ",".join((SETTINGS.lines.market, *SETTINGS.lines.game_markets))
        params = {"regions": SETTINGS.lines.regions, "markets": markets, "oddsFormat": REQUEST_FORMAT}
        return self._request(("event_odds", f"/events/{event_id}/odds", event_id), day, at, params)

    def _landed(self, endpoint: str, day: date) -> list[Payload]:
        landing = self.http.landing
        both = [*landing.payloads(PROVIDER, endpoint, day), *landing.payloads(PROVIDER, f"{HISTORICAL}{endpoint}", day)]
        return sorted(both, key=lambda payload: payload.fetched_at)

    def _request(self, what: tuple[str, str, str], day: date, at: datetime | None, params: Mapping[str, str]) -> Request:
        endpoint, path, entity = what
        if not self.api_key and not self.http.landing.sends_nothing:
            raise Permanent(f"odds_api needs {KEY_VARIABLE}")
        past = {"date": _iso(at)} if at else {}
        keys = () if endpoint == "events" else ("id", "bookmakers")
        return Request(
            provider=PROVIDER, endpoint=f"{HISTORICAL}{endpoint}" if at else endpoint, entity=entity, game_date=day,
            path=f"/v4{'/historical' if at else ''}{SPORT}{path}",
            params={**params, "dateFormat": "iso", **past}, secret_params={"apiKey": self.api_key},
            key_variable=KEY_VARIABLE, required_keys=("timestamp", "data") if at else keys,
            parser=parse_events if endpoint == "events" else parse_event_odds,
        )  # fmt: skip


@parser
def parse_events(payload: Payload) -> pl.DataFrame:
    """Returns one row per event. `game_date` is the Eastern date of `commence_time`. Unknown teams give a `problem`."""
    events = _data(payload)
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise Permanent(f"{payload.slot.name}: the answer is not a list of events: {payload.ref}")
    frame = frame_of([{**_event(event), "source": payload.ref} for event in events], EVENT_COLUMNS)
    return frame.with_columns(_eastern_date())


@parser
def parse_event_odds(payload: Payload) -> pl.DataFrame:
    """Returns one row per event, book, market, spelling and line, with the prices of both sides (null for a missing side).

    `snapshot_at` is the market's last_update, else the bookmaker's, else the timestamp of a historical response, else null.
    Unusable rows and outcomes of undeclared markets have a `problem`. Outcomes of player markets that are declared as ignored
    have the reason in `ignored`. `parse_game_odds` reads the game markets.
    """
    rows = [row for shown, outcomes in _markets(payload) for row in _player_rows(shown, outcomes)]
    return frame_of(rows, ODDS_COLUMNS)


@parser
def parse_game_odds(payload: Payload) -> pl.DataFrame:
    """Returns one row per event, book, market (spreads or totals) and outcome (home, away, over or under).

    Home and away are the provider's. A spread is relative to its outcome's team, negative for the favorite. `snapshot_at` is
    defined as in `parse_event_odds`, which reads the other markets of the same responses. Unusable rows have a `problem`.
    Outcomes of game markets that are declared as ignored have the reason in `ignored`.
    """
    rows = [
        {**shown, **(_game_line(outcome, shown) if declared(shown["market"]) == (GAME, USED) else _ignored(shown))}
        for shown, outcomes in _markets(payload)
        if (declared(shown["market"]) or ("",))[0] == GAME
        for outcome in outcomes
    ]
    return frame_of(rows, GAME_ODDS_COLUMNS)


def match_events(events: pl.DataFrame, schedule: pl.DataFrame) -> pl.DataFrame:
    """Returns (odds_event_id, game_id) of the events that match a game of the schedule.

    `events` needs odds_event_id, commence_time, home_team and away_team. `schedule` needs game_id, game_date, home_team and
    away_team.
    """
    keyed = events.select("odds_event_id", "commence_time", "home_team", "away_team").unique(maintain_order=True)
    matched = match_games(keyed.with_columns(_eastern_date()), schedule)
    return matched.select("odds_event_id", "game_id").drop_nulls().unique(maintain_order=True)


def _data(payload: Payload) -> Any:
    """Returns the data of a live response, or of the envelope of a historical one."""
    document = payload.json()
    is_historical = isinstance(document, dict) and "timestamp" in document and "data" in document
    if payload.slot.endpoint.startswith(HISTORICAL) and not is_historical:
        raise Unusable("timestamp or data is missing")
    return document["data"] if is_historical else document


def _markets(payload: Payload) -> Iterator[tuple[dict[str, Any], list[Mapping[str, Any]]]]:
    """Yields each market of each book of a response: the columns that its rows share, and its outcomes.

    Raises Permanent if the response has another structure.
    """
    event = _data(payload)
    if not isinstance(event, dict) or not isinstance(event.get("bookmakers"), list):
        raise Permanent(f"{payload.slot.name}: the answer has no list bookmakers: {payload.ref}")
    if not all(isinstance(book, dict) and isinstance(book.get("markets"), list) for book in event["bookmakers"]):
        raise Permanent(f"{payload.slot.name}: a bookmaker has no list markets: {payload.ref}")
    about = {
        **_event(event), "captured_at": payload.fetched_at, "request_format": REQUEST_FORMAT, "source": payload.ref,
    }  # fmt: skip
    document = payload.json()
    historical_at = document.get("timestamp") if "data" in document else None
    for book in event["bookmakers"]:
        for market in book["markets"]:
            outcomes = market.get("outcomes") if isinstance(market, dict) else None
            if not isinstance(outcomes, list) or not all(isinstance(outcome, dict) for outcome in outcomes):
                raise Permanent(f"{payload.slot.name}: a market of {book.get('key')} has no list outcomes: {payload.ref}")
            keys = text_or_none(book.get("key")), text_or_none(market.get("key"))
            if None in keys:
                raise Permanent(f"{payload.slot.name}: a book or market is called {keys[0]}, {keys[1]}: {payload.ref}")
            times = (market.get("last_update"), book.get("last_update"), historical_at)
            odd = [
                f"the instant of {' '.join(map(str, keys))} is {quoted(told)}" for told in times if told and instant(told) is None
            ]
            problem = ", ".join(filter(None, [about["problem"], *odd])) or None
            shown = {"book": keys[0], "market": keys[1], "snapshot_at": _first_instant(times), "problem": problem}
            yield {**about, **shown}, outcomes


def _event(event: Mapping[str, Any]) -> dict[str, Any]:
    names = {side: event.get(side) for side in ("home_team", "away_team")}
    problems = [f"unknown team {quoted(name)}" for name in names.values() if str(name) not in TEAM_OF_NAME]
    event_id = event.get("id")
    is_id = isinstance(event_id, str) and EVENT_ID.fullmatch(event_id) is not None
    if not is_id:
        problems.append(f"id of the event is {quoted(event.get('id'))}")
    commence_time = instant(event.get("commence_time"))
    if commence_time is None:
        problems.append(f"commence_time is {quoted(event.get('commence_time'))}")
    return {
        "odds_event_id": event_id if is_id else None, "commence_time": commence_time,
        **{side: TEAM_OF_NAME.get(str(name)) for side, name in names.items()}, "problem": ", ".join(problems) or None,
    }  # fmt: skip


def _player_rows(shown: Mapping[str, Any], outcomes: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Returns the rows of a market, including unusable outcomes. Empty for a game market."""
    kind = declared(shown["market"])
    if kind == (PLAYER, USED):
        return [{**shown, **_line(sides, shown["problem"])} for sides in _by_line(outcomes)]
    if kind == (PLAYER, IGNORED):
        return [{**shown, "spelling": _who(outcome)[0], **_ignored(shown)} for outcome in outcomes]
    if kind is None:
        problem = ", ".join(filter(None, [shown["problem"], NOT_DECLARED.format(quoted(shown["market"]))]))
        return [{**shown, "spelling": _who(outcome)[0], "problem": problem} for outcome in outcomes]
    return []


def _ignored(shown: Mapping[str, Any]) -> dict[str, Any]:
    return {"ignored": f"market {shown['market']}", "problem": None}


def _who(outcome: Mapping[str, Any]) -> tuple[str | None, Any]:
    """Returns the player of an outcome (null if missing) and its side: Over, Under or the unknown value.

    The documented form has the side in `name` and the player in `description`. Plausible forms have the two swapped, or both
    in `name`.
    """
    name, named = outcome.get("name"), outcome.get("description")
    side, spelling = _side_of(name), _plain(named)
    if side is None and _side_of(named) is not None and _plain(name) is not None:
        return _plain(name), _side_of(named)
    if side is None and named is None and (match := NAME_WITH_SIDE.fullmatch(_plain(name) or "")):
        return match["player"], _side_of(match["side"])
    return spelling, side or name


def _side_of(value: Any) -> str | None:
    return OVER_AND_UNDER.get(value.strip().casefold()) if isinstance(value, str) else None


def _plain(value: Any) -> str | None:
    """Text with single spaces. Null if empty or not text."""
    return " ".join(value.split()) or None if isinstance(value, str) else None


def _half_points(point: Any) -> int | None:
    line = number_or_none(point)
    return None if line is None else whole(line * 2)


def _by_line(outcomes: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Groups the outcomes by player and line, both sides together. A missing player or line is grouped by its raw value."""
    groups: dict[tuple[Any, Any], list[Mapping[str, Any]]] = {}
    for outcome in outcomes:
        spelling, half_points = _who(outcome)[0], _half_points(outcome.get("point"))
        who = spelling or ("", repr(outcome.get("description")))
        where = ("", repr(outcome.get("point"))) if half_points is None else half_points
        groups.setdefault((who, where), []).append(outcome)
    return list(groups.values())


def _line(sides: Sequence[Mapping[str, Any]], problem: str | None) -> dict[str, Any]:
    spelling, point = _who(sides[0])[0], sides[0].get("point")
    line, half_points = number_or_none(point), _half_points(point)
    problems = [problem] if problem else []
    if spelling is None:
        problems.append(f"the player is {quoted(sides[0].get('description'))}")
    if half_points is None:
        problems.append(f"line of {spelling} is {quoted(point)}")
    prices: dict[str, int | None] = {}
    for side in OVER_AND_UNDER.values():
        offered = {_price_key(o.get("price")): o.get("price") for o in sides if _who(o)[1] == side}
        price = whole(next(iter(offered.values()), None))
        if len(offered) > 1 or (offered and (price is None or abs(price) < PRICE_FLOOR)):
            problems.append(f"{side} price of {spelling} at {plain(point)} is {' and '.join(map(plain, offered.values()))}")
        prices[f"{side.lower()}_price"] = None if len(offered) > 1 else price
    if strange := sorted({plain(_who(o)[1]) for o in sides} - set(OVER_AND_UNDER.values())):
        problems.append(f"outcome {', '.join(strange)} of {spelling}")
    return {
        "spelling": spelling, "line": line, "line_half_points": half_points, **prices,
        "problem": ", ".join(problems) or None,
    }  # fmt: skip


def _price_key(price: Any) -> Any:
    """Returns the same key for all forms of a price, such as -110 and "-110"."""
    number = whole(price)
    return str(price) if number is None else number


def _game_line(outcome: Mapping[str, Any], shown: Mapping[str, Any]) -> dict[str, Any]:
    name, point, offered = outcome.get("name"), outcome.get("point"), outcome.get("price")
    sides = {shown["home_team"]: "home", shown["away_team"]: "away"}
    team = sides.get(TEAM_OF_NAME.get(str(name)))
    side = team if shown["market"] == SPREADS else (_side_of(name) or "").lower() or None
    line, price = number_or_none(point), whole(offered)
    half_points = _half_points(point)
    what = f"{shown['market']} {plain(name)} of {shown['book']}"
    problems = [shown["problem"]] if shown["problem"] else []
    if side is None:
        problems.append(f"outcome {quoted(name)} of {shown['market']} of {shown['book']}")
    if half_points is None:
        problems.append(f"line of {what} is {quoted(point)}")
    if price is None or abs(price) < PRICE_FLOOR:
        problems.append(f"price of {what} is {quoted(offered)}")
    return {
        "outcome": side, "line": line, "line_half_points": half_points, "price": price,
        "problem": ", ".join(problems) or None,
    }  # fmt: skip


def _first_instant(values: Sequence[Any]) -> datetime | None:
    return next((found for value in values if (found := instant(value))), None)


def _eastern_date() -> pl.Expr:
    return pl.col("commence_time").dt.convert_time_zone(EASTERN_NAME).dt.date().alias("game_date")


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

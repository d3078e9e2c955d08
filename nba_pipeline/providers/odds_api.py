"""The Odds API v4: events and the sportsbooks' player lines, now or at a past instant. Needs a key.

`commence_time` is about ten minutes after the tip-off. One payload may hold two spellings of a player, ladders of
alternate lines under the main market, and prices of a game that is under way.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import polars as pl

from nba_pipeline.calendar import EASTERN_NAME, eastern
from nba_pipeline.errors import Permanent, PipelineError
from nba_pipeline.providers.http import HttpClient, Request
from nba_pipeline.providers.matching import match_games
from nba_pipeline.providers.wire import instant, text_or_none, whole
from nba_pipeline.settings import SETTINGS
from nba_pipeline.teams import TEAM_OF_NAME
from nba_pipeline.warehouse.landing import Payload

PROVIDER = "odds_api"
KEY_VARIABLE = "ODDS_API_KEY"
SPORT = "/sports/basketball_nba"
REQUEST_FORMAT = "american"
PRICE_FLOOR = 100
LATEST_START = timedelta(hours=30)
"""From the Eastern midnight that begins a slate: no game of it starts later."""

EVENT_COLUMNS = {
    "odds_event_id": pl.String(), "commence_time": pl.Datetime("us", "UTC"), "game_date": pl.Date(),
    "home_team": pl.String(), "away_team": pl.String(), "source": pl.String(), "problem": pl.String(),
}  # fmt: skip

ODDS_COLUMNS = {
    "odds_event_id": pl.String(), "commence_time": pl.Datetime("us", "UTC"), "home_team": pl.String(),
    "away_team": pl.String(), "book": pl.String(), "market": pl.String(), "spelling": pl.String(), "line": pl.Float64(),
    "line_half_points": pl.Int64(), "over_price": pl.Int64(), "under_price": pl.Int64(),
    "snapshot_at": pl.Datetime("us", "UTC"), "captured_at": pl.Datetime("us", "UTC"), "request_format": pl.String(),
    "source": pl.String(), "problem": pl.String(),
}  # fmt: skip


class OddsApi(dg.ConfigurableResource):  # type: ignore[type-arg]
    """api.the-odds-api.com, https://the-odds-api.com/liveapi/guides/v4/.

    Live events are free; live odds cost 1 credit per market and region, historical ones 10.
    """

    http: dg.ResourceDependency[HttpClient]
    api_key: str = ""

    def events(self, day: date, at: datetime | None = None) -> Payload:
        """The events of an Eastern date, landed; those listed at a past instant when `at` is given.

        Raises Permanent without a key, else as HttpClient.get.
        """
        return self.http.get(self.events_request(day, at))

    def odds(self, event_ids: Sequence[str], day: date, at: datetime | None = None) -> list[Payload | PipelineError]:
        """The player lines of each event, its payload or its error, in the order given."""
        return self.http.get_many([self.odds_request(event_id, day, at) for event_id in event_ids])

    def landed_events(self, day: date) -> list[Payload]:
        """Every landed list of events of a date, live and historical, oldest first."""
        return self._landed("events", day)

    def landed_odds(self, day: date) -> list[Payload]:
        """Every landed answer with player lines of a date, live and historical, oldest first."""
        return self._landed("event_odds", day)

    @property
    def quota(self) -> dict[str, int]:
        """Credits as last told: remaining, used, last. Empty before the first answer."""
        return self.http.quota

    def events_request(self, day: date, at: datetime | None = None) -> Request:
        """The question for the events that start on an Eastern date."""
        start = eastern(day, 0)
        window = {"commenceTimeFrom": _iso(start), "commenceTimeTo": _iso(start + LATEST_START)}
        return self._request(("events", "/events", "slate"), day, at, window)

    def odds_request(self, event_id: str, day: date, at: datetime | None = None) -> Request:
        """The question for one event's player lines."""
        params = {"regions": SETTINGS.lines.regions, "markets": SETTINGS.lines.market, "oddsFormat": REQUEST_FORMAT}
        return self._request(("event_odds", f"/events/{event_id}/odds", event_id), day, at, params)

    def _landed(self, endpoint: str, day: date) -> list[Payload]:
        landing = self.http.landing
        both = [*landing.payloads(PROVIDER, endpoint, day), *landing.payloads(PROVIDER, f"historical_{endpoint}", day)]
        return sorted(both, key=lambda payload: payload.fetched_at)

    def _request(self, what: tuple[str, str, str], day: date, at: datetime | None, params: Mapping[str, str]) -> Request:
        endpoint, path, entity = what
        if not self.api_key and not self.http.landing.is_replay:
            raise Permanent(f"odds_api needs {KEY_VARIABLE}")
        past = {"date": _iso(at)} if at else {}
        keys = () if endpoint == "events" else ("id", "bookmakers")
        return Request(
            provider=PROVIDER, endpoint=f"historical_{endpoint}" if at else endpoint, entity=entity, game_date=day,
            path=f"/v4{'/historical' if at else ''}{SPORT}{path}",
            params={**params, "dateFormat": "iso", **past}, secret_params={"apiKey": self.api_key},
            key_variable=KEY_VARIABLE, required_keys=("timestamp", "data") if at else keys,
            parser=parse_events if endpoint == "events" else parse_event_odds,
        )  # fmt: skip


def parse_events(payload: Payload) -> pl.DataFrame:
    """One row per event; `game_date` is the Eastern date of `commence_time`. Unknown teams give a `problem`."""
    events = _data(payload)
    if not isinstance(events, list) or not all(isinstance(event, dict) for event in events):
        raise Permanent(f"{payload.slot.name}: the answer is not a list of events: {payload.ref}")
    frame = pl.DataFrame([{**_event(event), "source": payload.ref} for event in events], schema=EVENT_COLUMNS)
    return frame.with_columns(_eastern_date())


def parse_event_odds(payload: Payload) -> pl.DataFrame:
    """One row per event, book, market, spelling and line, with the prices of both sides (null for a missing side).

    `snapshot_at` is the market's last_update, else the bookmaker's, else the timestamp of a historical answer, else
    null. Markets without a player (spreads, totals) are left out. Rows that cannot be used carry a `problem`.
    """
    event = _data(payload)
    if not isinstance(event, dict) or not isinstance(event.get("bookmakers"), list):
        raise Permanent(f"{payload.slot.name}: the answer has no list bookmakers: {payload.ref}")
    about = _event(event)
    problem = about.pop("problem")
    about |= {"captured_at": payload.fetched_at, "request_format": REQUEST_FORMAT, "source": payload.ref}
    document = payload.json()
    historical_at = document.get("timestamp") if "data" in document else None
    rows = list[dict[str, Any]]()
    if not all(isinstance(book, dict) and isinstance(book.get("markets"), list) for book in event["bookmakers"]):
        raise Permanent(f"{payload.slot.name}: a bookmaker has no list markets: {payload.ref}")
    for book in event["bookmakers"]:
        for market in book["markets"]:
            times = (market.get("last_update"), book.get("last_update"), historical_at)
            shown = {"book": book.get("key"), "market": market.get("key"), "snapshot_at": _first_instant(times)}
            rows += [{**about, **shown, **_line(sides, problem)} for sides in _by_line(market.get("outcomes") or [])]
    return pl.DataFrame(rows, schema=ODDS_COLUMNS)


def match_events(events: pl.DataFrame, schedule: pl.DataFrame) -> pl.DataFrame:
    """(odds_event_id, game_id) of the events that are a game of the schedule.

    `events` needs odds_event_id, commence_time, home_team and away_team; `schedule` game_id, game_date, home_team and
    away_team.
    """
    keyed = events.select("odds_event_id", "commence_time", "home_team", "away_team").unique(maintain_order=True)
    matched = match_games(keyed.with_columns(_eastern_date()), schedule)
    return matched.select("odds_event_id", "game_id").drop_nulls().unique(maintain_order=True)


def _data(payload: Payload) -> Any:
    """What a live answer is, and what a historical one wraps."""
    document = payload.json()
    is_historical = isinstance(document, dict) and "timestamp" in document and "data" in document
    return document["data"] if is_historical else document


def _event(event: Mapping[str, Any]) -> dict[str, Any]:
    names = {side: event.get(side) for side in ("home_team", "away_team")}
    problems = [f"unknown team {name!r}" for name in names.values() if name not in TEAM_OF_NAME]
    commence_time = instant(event.get("commence_time"))
    if commence_time is None:
        problems.append(f"commence_time is {event.get('commence_time')!r}")
    return {
        "odds_event_id": text_or_none(event.get("id")), "commence_time": commence_time,
        **{side: TEAM_OF_NAME.get(str(name)) for side, name in names.items()}, "problem": ", ".join(problems) or None,
    }  # fmt: skip


def _by_line(outcomes: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """The outcomes of each player and line, both sides together."""
    groups: dict[tuple[Any, Any], list[Mapping[str, Any]]] = {}
    for outcome in outcomes:
        if outcome.get("description") is not None:
            groups.setdefault((outcome["description"], str(outcome.get("point"))), []).append(outcome)
    return list(groups.values())


def _line(sides: Sequence[Mapping[str, Any]], problem: str | None) -> dict[str, Any]:
    spelling, point = text_or_none(sides[0]["description"]), sides[0].get("point")
    line = _float(point)
    half_points = None if line is None else whole(line * 2)
    problems = [problem] if problem else []
    if half_points is None:
        problems.append(f"line of {spelling} is {point!r}")
    prices: dict[str, int | None] = {}
    for side in ("Over", "Under"):
        offered = {str(o.get("price")): o.get("price") for o in sides if o.get("name") == side}
        price = whole(next(iter(offered.values()), None))
        if len(offered) > 1 or (offered and (price is None or abs(price) < PRICE_FLOOR)):
            problems.append(f"{side} price of {spelling} at {point} is {' and '.join(offered)}")
        prices[f"{side.lower()}_price"] = None if len(offered) > 1 else price
    if strange := sorted({str(o.get("name")) for o in sides} - {"Over", "Under"}):
        problems.append(f"outcome {', '.join(strange)} of {spelling}")
    return {
        "spelling": spelling, "line": line, "line_half_points": half_points, **prices,
        "problem": ", ".join(problems) or None,
    }  # fmt: skip


def _first_instant(values: Sequence[Any]) -> datetime | None:
    return next((found for value in values if (found := instant(value))), None)


def _float(value: Any) -> float | None:
    try:
        return float(value)
    except (TypeError, ValueError):
        return None


def _eastern_date() -> pl.Expr:
    return pl.col("commence_time").dt.convert_time_zone(EASTERN_NAME).dt.date().alias("game_date")


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

"""The Odds API v4: current and historical events and event odds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from nba_pipeline.league.calendar import eastern_date
from nba_pipeline.sandbox.lines import BOOK_TITLES, GAME_MARKETS, GameQuote, Quote
from nba_pipeline.sandbox.snapshots import FINAL, GameSnapshot
from nba_pipeline.sandbox.view import View
from nba_pipeline.sandbox.wire.refusal import Json, Refusal, utc_text

PLAYER_MARKET, REGION = "player_points", "us"
TOTALS, SPREADS = "totals", "spreads"
COMMENCES_AFTER_TIPOFF, COMMENCES_AFTER_SHARE = timedelta(minutes=10), 1 / 15  # the shorter one applies; share of game length
LISTED_BEFORE = timedelta(hours=48)
STEP_SECONDS, STEP_OFFSET_SECONDS = 300, 38  # historical snapshots: every five minutes at second 38
HISTORICAL_FACTOR = 10
BOOKS_PER_REGION = 10


@dataclass(frozen=True)
class Priced:
    """A document and its cost in credits."""

    document: Any
    credits: int


def events(view: View, query: dict[str, str], is_historical: bool) -> Priced:
    """Returns games from two days before the start until the end. Free; historical requests cost one credit."""
    at = _moment(view, query, is_historical)
    low, high = (_time(query[name]) if query.get(name) else None for name in ("commenceTimeFrom", "commenceTimeTo"))
    event_ids = set(filter(None, query.get("eventIds", "").split(",")))
    listed = [
        _event(view, snapshot)
        for snapshot in _listed(view, at)
        if (low is None or _commences_at(view, snapshot) >= low)
        and (high is None or _commences_at(view, snapshot) <= high)
        and (not event_ids or snapshot.game.fixture.event_id in event_ids)
    ]
    return Priced(_with_timestamps(listed, at, is_historical), 1 if is_historical and listed else 0)


def event_odds(view: View, query: dict[str, str], event_id: str, is_historical: bool) -> Priced:
    """Returns the books' latest quotes of a game. Costs returned markets times regions, and ten times that for history."""
    at = _moment(view, query, is_historical)
    snapshot = view.event(event_id, at)
    if snapshot is None or not _is_listed(view, snapshot, at):
        raise _refusal(404, "EVENT_NOT_FOUND", "Event not found. The event may have expired or the event id is invalid.")
    if not query.get("regions") and not query.get("bookmakers"):
        raise _refusal(422, "MISSING_REGION", "Missing regions parameter")
    books = list(filter(None, query.get("bookmakers", "").split(",")))
    regions = list(filter(None, query.get("regions", "").split(",")))
    shown_books = [book for book in BOOK_TITLES if (book in books if books else REGION in regions)]
    markets = list(dict.fromkeys(query.get("markets", "h2h").split(",")))
    offered = {market: _offered(view, snapshot, market, at) for market in markets}
    is_american = query.get("oddsFormat") == "american"
    bookmakers = [
        _bookmaker(book, book_markets, is_historical)
        for book in shown_books
        if (book_markets := [market for name in markets if (market := _market(snapshot, name, book, offered[name], is_american))])
    ]
    paid_regions = -(-len(books) // BOOKS_PER_REGION) if books else len(regions)
    market_keys = {market["key"] for bookmaker in bookmakers for market in bookmaker["markets"]}
    credits = (HISTORICAL_FACTOR if is_historical else 1) * paid_regions * len(market_keys)
    return Priced(_with_timestamps(_event(view, snapshot) | {"bookmakers": bookmakers}, at, is_historical), credits)


def out_of_credits() -> Refusal:
    """Returns the response for a used-up quota."""
    return _refusal(401, "OUT_OF_USAGE_CREDITS", "Usage quota has been reached.")


def _refusal(status: int, code: str, message: str) -> Refusal:
    address = f"https://the-odds-api.com/liveapi/guides/v4/api-error-codes.html#{code.lower().replace('_', '-')}"
    return Refusal(status, {"message": message, "error_code": code, "details_url": address})


def _time(text: str) -> datetime:
    """Returns an ISO instant, UTC without an offset. Treats a space as a plus sign that was not URL-encoded."""
    try:
        instant = datetime.fromisoformat(text.strip().replace(" ", "+"))
    except ValueError:
        raise _refusal(422, "INVALID_TIMESTAMP", f"Invalid timestamp {text!r}") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=UTC)


def _moment(view: View, query: dict[str, str], is_historical: bool) -> datetime:
    """Returns the instant of the response, never later than now."""
    if not query.get("apiKey"):
        raise _refusal(401, "MISSING_KEY", "API key is missing")
    if not is_historical:
        return view.now
    if not query.get("date"):
        raise _refusal(422, "INVALID_HISTORICAL_TIMESTAMP", "Missing historical timestamp parameter: date")
    seconds = int(min(_time(query["date"]), view.now).timestamp()) - STEP_OFFSET_SECONDS
    return datetime.fromtimestamp(seconds - seconds % STEP_SECONDS + STEP_OFFSET_SECONDS, UTC)


def _with_timestamps(data: Any, at: datetime, is_historical: bool) -> Any:
    if not is_historical:
        return data
    step = timedelta(seconds=STEP_SECONDS)
    return {
        "timestamp": utc_text(at),
        "previous_timestamp": utc_text(at - step),
        "next_timestamp": utc_text(at + step),
        "data": data,
    }


def _commences_at(view: View, snapshot: GameSnapshot) -> datetime:
    return snapshot.tipoff_at + min(COMMENCES_AFTER_TIPOFF, view.league.game_length * COMMENCES_AFTER_SHARE)


def _is_listed(view: View, snapshot: GameSnapshot, at: datetime) -> bool:
    return not snapshot.is_postponed and snapshot.state != FINAL and _commences_at(view, snapshot) <= at + LISTED_BEFORE


def _listed(view: View, at: datetime) -> Iterable[GameSnapshot]:
    today = eastern_date(at)
    dates = [today + timedelta(days=n) for n in range(-1, LISTED_BEFORE.days + 1)]
    return [snapshot for day in dates for snapshot in view.games(day, at) if _is_listed(view, snapshot, at)]


def _event(view: View, snapshot: GameSnapshot) -> Json:
    home, away = snapshot.clubs
    return {
        "id": snapshot.game.fixture.event_id,
        "sport_key": "basketball_nba",
        "sport_title": "NBA",
        "commence_time": utc_text(_commences_at(view, snapshot)),
        "home_team": home.odds_api_name,
        "away_team": away.odds_api_name,
    }


def _offered(view: View, snapshot: GameSnapshot, market: str, at: datetime) -> Sequence[Quote | GameQuote]:
    """Returns all books' quotes of a market, none for an unsupported market."""
    if market == PLAYER_MARKET:
        quotes = view.quotes(snapshot, at, _commences_at(view, snapshot))
        return sorted(quotes, key=lambda quote: (quote.description, quote.line))
    if market not in GAME_MARKETS:
        return []
    game_quotes = [quote for quote in view.game_quotes(snapshot, at, _commences_at(view, snapshot)) if quote.market == market]
    return sorted(game_quotes, key=lambda quote: quote.line)


def _market(snapshot: GameSnapshot, key: str, book: str, offered: Sequence[Quote | GameQuote], is_american: bool) -> Json | None:
    """Returns one market of one book, None without quotes."""
    quotes = [quote for quote in offered if quote.book == book]
    if not quotes:
        return None
    outcomes = [
        outcome | {"price": price if is_american else _decimal_price(price)} | point
        for quote in quotes
        for outcome, price, point in _sides(snapshot, quote)
    ]
    return {"key": key, "last_update": utc_text(max(quote.updated_at for quote in quotes)), "outcomes": outcomes}


def _sides(snapshot: GameSnapshot, quote: Quote | GameQuote) -> list[tuple[Json, int, Json]]:
    """Returns name, American price and point of both outcomes of a quote. Clubs are in alphabetical order."""
    if isinstance(quote, Quote) or quote.market == TOTALS:
        player = {"description": quote.description} if isinstance(quote, Quote) else {}
        prices = (("Over", quote.over_price), ("Under", quote.under_price))
        return [({"name": name} | player, price, {"point": quote.line}) for name, price in prices]
    home, away = snapshot.clubs
    handicaps: tuple[Json, Json] = ({"point": -quote.line}, {"point": quote.line}) if quote.market == SPREADS else ({}, {})
    sides: list[tuple[Json, int, Json]] = [
        ({"name": home.odds_api_name}, quote.over_price, handicaps[0]),
        ({"name": away.odds_api_name}, quote.under_price, handicaps[1]),
    ]
    return sorted(sides, key=lambda side: str(side[0]["name"]))


def _bookmaker(book: str, markets: list[Json], is_historical: bool) -> Json:
    update = {"last_update": max(market["last_update"] for market in markets)} if is_historical else {}
    return {"key": book, "title": BOOK_TITLES[book], **update, "markets": markets}


def _decimal_price(american: int) -> float:
    return round(1 + (american / 100 if american > 0 else 100 / -american), 2)

"""Betting lines for players and games, set around the expected values and moved several times before tip-off.

Each book has its own error. All books share a second error, because a player's form is not known exactly. Both errors shrink
towards tip-off. A book reacts to a reported absence within minutes: it removes the player and moves the teammates.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from math import erf, floor, sqrt

import numpy as np

from nba_pipeline.league.calendar import eastern, eastern_date
from nba_pipeline.sandbox.outlooks import Expectation, Outlook
from nba_pipeline.sandbox.randomness import generator, stable_hash
from nba_pipeline.sandbox.roster import Floats, Player
from nba_pipeline.sandbox.schedule import Fixture

BOOK_TITLES = {
    "draftkings": "DraftKings",
    "fanduel": "FanDuel",
    "betmgm": "BetMGM",
    "williamhill_us": "Caesars",
    "betrivers": "BetRivers",
    "unibet_us": "Unibet",
}
OWN_FEEDS = ("draftkings", "fanduel", "betmgm", "williamhill_us", "betrivers")
COPY, COPIED = "unibet_us", "betrivers"

MIN_MINUTES = 16.0
LOWEST_LINE = 0.5
OPENING_HOUR_EASTERN = 10
LATEST_OPENING = timedelta(hours=2)  # before tip-off
MOVES = 5  # the opening and four updates
MEDIAN_SHARE = 0.96  # of the mean, because the distribution is right-skewed
MARKET_ERROR = (1.00, 0.90, 0.82, 0.75, 0.70)  # points at each move, shared by all books
BOOK_ERROR = (0.30, 0.28, 0.26, 0.23, 0.20)  # points at each move, per book
STEP_ERROR = 0.15  # points, per book and move, independent of the others
REACTION_MINUTES = (2, 10)  # from the report of an absence to the removal of the player, for the quickest and slowest book
MARGIN = 1.07  # sum of the two implied probabilities
LADDER_STEPS = range(-4, 5)

GAME_MARKETS = ("h2h", "spreads", "totals")
MARGIN_SHARE = 0.88  # of the expected margin, because trailing sides rally
OVERTIME_POINTS = 1.2  # mean points added to a total by overtimes
MARGIN_SPREAD, TOTAL_SPREAD = 14.0, 18.0  # points, standard deviation around the expectation
TOTAL_ERROR = 2.0  # multiple of the player line errors; the factor for margins is 1
GAME_MARGIN = 1.046  # sum of the two implied probabilities


@dataclass(frozen=True, slots=True)
class Quote:
    """One row per book, player and line. Prices are American; `description` is the book's spelling; updated_at is UTC."""

    book: str
    player: Player
    description: str
    line: float
    over_price: int
    under_price: int
    updated_at: datetime
    is_main: bool


@dataclass(frozen=True, slots=True)
class GameQuote:
    """One row per book, game market and line. Prices are American; updated_at is UTC.

    The over side wins if the home club wins by more than `line` points (spreads, and h2h with line 0) or if both clubs
    together score more than `line` (totals).
    """

    book: str
    market: str
    line: float
    over_price: int
    under_price: int
    updated_at: datetime
    is_main: bool


def spread_points(expected_points: float) -> float:
    """Returns the standard deviation of a player's points around the expectation."""
    return sqrt(3.0 + 1.8 * expected_points + 0.042 * expected_points**2)


def american_price(probability: float) -> int:
    """Returns the American price of an implied probability, in steps of five; never between -100 and 100."""
    probability = min(max(probability, 0.03), 0.97)
    exact = -100 * probability / (1 - probability) if probability >= 0.5 else 100 * (1 - probability) / probability
    rounded = int(5 * round(exact / 5))
    return 100 if -100 <= rounded < 100 else rounded


def game_quotes(seed: int, fixture: Fixture, outlooks: Sequence[Outlook], at: datetime, tipoff_at: datetime) -> list[Quote]:
    """Returns every book's latest quotes at an instant, for the current tip-off.

    Books do not quote players who are known to be out or are expected to play little.
    """
    rng = generator(seed, "lines", fixture.game_id)
    opening = _opening(tipoff_at)
    late, spacing = rng.uniform(0, 1, len(OWN_FEEDS)), np.sort(rng.uniform(0.05, 0.95, (len(OWN_FEEDS), MOVES - 2)))
    shape = (len(OWN_FEEDS), sum(map(len, outlooks[0].players)))
    market_direction, book_direction = rng.normal(0, 1, shape[1]), rng.normal(0, 1, shape)
    steps = rng.normal(0, STEP_ERROR, (MOVES, *shape))
    quotes: list[Quote] = []
    for number, book in enumerate(OWN_FEEDS):
        moves = _moves(opening, tipoff_at, float(late[number]), spacing[number])
        reached = [n for n, instant in enumerate(moves) if instant <= at]
        if not reached:
            continue
        move = reached[-1]
        outlook, updated_at = _reaction(outlooks, moves[move], at, float(late[number]))
        for place, expectation in enumerate(itertools.chain(*outlook.players)):
            if expectation.minutes < MIN_MINUTES:
                continue
            error = MARKET_ERROR[move] * market_direction[place] + BOOK_ERROR[move] * book_direction[number, place]
            median = MEDIAN_SHARE * expectation.points + float(error + steps[move, number, place])
            quotes += _player_quotes(book, expectation, median, updated_at)
    return quotes + [replace(quote, book=COPY) for quote in quotes if quote.book == COPIED]


def game_line_quotes(
    seed: int, fixture: Fixture, outlooks: Sequence[Outlook], at: datetime, tipoff_at: datetime
) -> list[GameQuote]:
    """Returns every book's latest game lines, from the expected points of home and away."""
    rng = generator(seed, "game lines", fixture.game_id)
    opening = _opening(tipoff_at)
    shape = (len(GAME_MARKETS), len(OWN_FEEDS))
    late, spacing = rng.uniform(0, 1, shape), np.sort(rng.uniform(0.05, 0.95, (*shape, MOVES - 2)))
    market_direction, book_direction = rng.normal(0, 1, 2), rng.normal(0, 1, (2, shape[1]))
    quotes: list[GameQuote] = []
    for number, book in enumerate(OWN_FEEDS):
        for row, market in enumerate(GAME_MARKETS):
            moves = _moves(opening, tipoff_at, float(late[row, number]), spacing[row, number])
            reached = [n for n, instant in enumerate(moves) if instant <= at]
            if not reached:
                continue
            move, kind = reached[-1], int(market == "totals")
            outlook, updated_at = _reaction(outlooks, moves[move], at, float(late[row, number]))
            home, away = outlook.points
            expectation, spread, factor = (
                (MARGIN_SHARE * (home - away), MARGIN_SPREAD, 1.0),
                (home + away + OVERTIME_POINTS, TOTAL_SPREAD, TOTAL_ERROR),
            )[kind]
            error = MARKET_ERROR[move] * market_direction[kind] + BOOK_ERROR[move] * book_direction[kind, number]
            median = expectation + factor * float(error)
            line = 0.0 if market == "h2h" else _half_points(median)
            over = _chance_above(line, median, spread)
            prices = american_price(over * GAME_MARGIN), american_price((1 - over) * GAME_MARGIN)
            quotes.append(GameQuote(book, market, line, *prices, updated_at, is_main=True))
    return quotes + [replace(quote, book=COPY) for quote in quotes if quote.book == COPIED]


def _half_points(median: float) -> float:
    """Returns the nearest half point, never zero, because books offer no spread of 0."""
    return floor(2 * median + 0.5) / 2 or 0.5


def _chance_above(line: float, median: float, spread: float) -> float:
    return 0.5 * (1 - erf((line - median) / (spread * sqrt(2))))


def _opening(tipoff_at: datetime) -> datetime:
    """Returns 10 am Eastern on the game date, but at the latest two hours before tip-off."""
    return min(eastern(eastern_date(tipoff_at), OPENING_HOUR_EASTERN), tipoff_at - LATEST_OPENING)


def _moves(opening: datetime, tipoff_at: datetime, late: float, spacing: Floats) -> list[datetime]:
    """Returns the instants of one book's quotes: soon after the opening, a few in between, and minutes before tip-off."""
    first = opening + timedelta(minutes=int(20 * late))
    last = tipoff_at - timedelta(minutes=4 + int(14 * late), seconds=int(59 * late))
    between = [first + (last - first) * float(share) for share in spacing]
    return [instant.replace(microsecond=0) for instant in (first, *between, last)]


def _reaction(outlooks: Sequence[Outlook], moved_at: datetime, at: datetime, late: float) -> tuple[Outlook, datetime]:
    """Returns the newest outlook that a book has reacted to, and the instant of its quotes."""
    quickest, slowest = REACTION_MINUTES
    delay = timedelta(minutes=quickest + int((slowest - quickest) * late))
    reactions = [(outlook.since + delay, outlook) for outlook in outlooks if outlook.since and outlook.since + delay <= at]
    if not reactions:
        return outlooks[0], moved_at
    reacted_at, outlook = reactions[-1]
    return outlook, max(moved_at, reacted_at)


def _player_quotes(book: str, expectation: Expectation, median: float, updated_at: datetime) -> list[Quote]:
    spread = spread_points(expectation.points)
    main = max(floor(median) + 0.5, LOWEST_LINE)
    description = _spelling(book, expectation.player)
    quotes = []
    for step in LADDER_STEPS if book == COPIED else (0,):
        line = main + step
        if line < LOWEST_LINE:
            continue
        over = _chance_above(line, median, spread)
        prices = american_price(over * MARGIN), american_price((1 - over) * MARGIN)
        quotes.append(Quote(book, expectation.player, description, line, *prices, updated_at, is_main=step == 0))
    return quotes


@lru_cache(maxsize=8192)
def _spelling(book: str, player: Player) -> str:
    """Returns a book's spelling of a name: often without accents, sometimes without the suffix, rarely with an initial."""
    habit = stable_hash("spelling", book, player.person_id) % 100
    return player.spelling(
        accents=book in ("fanduel", "betmgm") and habit >= 50,
        suffix=book in ("draftkings", "betrivers") or habit >= 50,
        initial=book != "draftkings" and habit < 2,
    )

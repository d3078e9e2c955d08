"""The published documents. Their fields are public: removing or renaming one requires a new folder, `v2/`."""

from datetime import date, datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

State = Literal["ok", "degraded", "no games", "halted", "pending"]


class Document(BaseModel):
    """A part of a published document. Unknown values are null."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Forecast(Document):
    """The forecast of one system for a player, in the unit of the market."""

    system: str
    value: float
    standard_deviation: float | None
    edge: float | None
    """Forecast minus line. Null without a line, and where lines are not published."""
    recommendation: str | None


class Player(Document):
    """A player of a game with every forecast for him."""

    player_id: int
    name: str
    team: str
    opponent: str
    game_id: str
    market: str
    displayed_system: str
    """The system whose forecast the page shows."""
    forecasts: list[Forecast]
    line: float | None
    book: str | None
    price: int | None
    """American price of the recommended side at `book`."""
    best_price: int | None
    best_price_book: str | None
    over_probability: float | None
    probability_reason: str | None
    """Why `over_probability` is null."""
    market_over_probability: float | None
    is_actionable: bool | None
    """Whether the displayed system's prediction meets every condition for a bet. Null unless prices are published, because it bounds the line."""
    pick: str | None
    """Side of the published pick on this player: OVER or UNDER. A pick never changes."""
    pick_rank: int | None
    """Place of the pick in its subset."""
    reasons: list[str]
    injury_status: str | None
    plays_probability: float | None
    made_at: datetime
    model_id: str | None
    system_version: str


class Game(Document):
    """A game of the slate. `players` is the number of players with a forecast."""

    game_id: str
    home: str
    away: str
    tipoff_at: datetime | None
    status: str
    players: int
    lines_captured_at: datetime | None


class Graded(Document):
    """A graded prediction of the displayed system. `actual` is null for a player who did not play."""

    player_id: int
    name: str
    team: str
    market: str
    system: str
    forecast: float
    line: float | None
    recommendation: str | None
    actual: int | None
    outcome: str | None


class Performance(Document):
    """The record of a system over the graded rows. `system` is `market` for the line itself."""

    system: str
    market: str
    run_kind: str
    graded: int | None
    with_line: int
    mae: float | None
    """Mean absolute error on the rows with a line, in points."""
    gap_to_line: float | None
    """`mae` minus the line's error on the same rows."""
    gap_half_width: float | None
    """Half of the 95 % interval of `gap_to_line`."""
    bets: int | None
    hit_rate: float | None
    hit_rate_low: float | None
    hit_rate_high: float | None


class Record(Document):
    """The graded record of all systems over a range of dates."""

    version: Literal[1] = 1
    first: date | None
    last: date | None
    as_of: datetime
    performance: list[Performance]


class Slate(Document):
    """The slate of a date. `state` says why it may be empty."""

    version: Literal[1] = 1
    game_date: date
    is_simulated: bool
    """Whether the games are those of the simulated league."""
    state: State
    state_reasons: list[str]
    is_halted: bool
    """Whether picks are halted. Forecasts are published nevertheless."""
    halt_reason: str | None
    champion: str | None = None
    """The only system whose predictions may become picks. Null if the ledger of roles is unreadable."""
    as_of: datetime
    prices: Literal["none", "consensus", "all"]
    """What is published of lines and prices."""
    games: list[Game]
    players: list[Player]
    freshness: dict[str, datetime]
    """Source table -> instant of its newest snapshot of the date."""
    yesterday: list[Graded]
    record: Record

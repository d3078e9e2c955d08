"""Effects of content rules on single rows and quotes."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, TypeVar

from nba_pipeline.sandbox.boxscores import PlayerGame
from nba_pipeline.sandbox.faults import Rule
from nba_pipeline.sandbox.lines import GameQuote, Quote
from nba_pipeline.sandbox.names import plain
from nba_pipeline.sandbox.roster import Player

AnyQuote = TypeVar("AnyQuote", Quote, GameQuote)

FIELD_ALIASES = {"pts": ("points", 1), "reb": ("rebounds", 1), "ast": ("assists", 1), "minutes": ("seconds", 60)}
"""Alias of a statistic -> its column and the number of column units per unit of the alias."""


def is_player(identifiers: Any, player: Player) -> bool:
    """Whether a player matches one of the ids or names. Ignores accents and case."""
    names = identifiers if isinstance(identifiers, list) else [identifiers]
    return any(str(name) == str(player.person_id) or plain(str(name)) == plain(player.name) for name in names)


def selected_rows(rule: Rule, rows: list[PlayerGame]) -> list[int]:
    """Returns the indices of the rows selected by a rule: by id or name, otherwise the first n."""
    if rule.parameter("ids") is not None:
        return [i for i, row in enumerate(rows) if is_player(rule.parameter("ids"), row.player)]
    return list(range(min(rule.parameter("n", 1), len(rows))))


def apply_correction(row: PlayerGame, field: str, delta: int) -> None:
    """Changes one statistic. Points also change free throws, and rebounds change defensive rebounds, to keep the row valid."""
    setattr(row, field, getattr(row, field) + delta)
    if field == "points":
        row.ftm += delta
        row.fta = max(row.fta, row.ftm)
    elif field == "rebounds":
        row.dreb += delta
    elif field in ("oreb", "dreb"):
        row.rebounds += delta


def _placeholder(rule: Rule, quote: Quote, commence_at: datetime) -> list[Quote]:
    return [replace(quote, line=float(rule.parameter("value", 20.0)))] if quote.is_main else []


def _in_play(rule: Rule, quote: AnyQuote, commence_at: datetime) -> list[AnyQuote]:
    return [replace(quote, updated_at=commence_at + timedelta(minutes=rule.parameter("minutes", 20)))]


def _ladder(rule: Rule, quote: AnyQuote, commence_at: datetime) -> list[AnyQuote]:
    has_ladder = quote.is_main and not (isinstance(quote, GameQuote) and quote.market == "h2h")
    offsets = rule.parameter("offsets", (-2, -1, 1, 2)) if has_ladder else ()
    prices = {offset: (-120 - 70 * abs(offset), 100 + 55 * abs(offset)) for offset in offsets}
    ladder = [quote]
    for offset, (low, high) in prices.items():
        over, under = (low, high) if offset < 0 else (high, low)
        ladder.append(replace(quote, line=quote.line + offset, over_price=over, under_price=under, is_main=False))
    return ladder


def _dropped(rule: Rule, quote: AnyQuote, commence_at: datetime) -> list[AnyQuote]:
    return []


def _renamed(rule: Rule, quote: Quote, commence_at: datetime) -> list[Quote]:
    return [replace(quote, description=rule.parameter("to"))]


QUOTE_FAULTS: dict[str, Callable[[Rule, Any, datetime], list[Any]]] = {
    "drop_book": _dropped,
    "placeholder_line": _placeholder,
    "inplay_odds": _in_play,
    "alt_lines": _ladder,
    "rename_player": _renamed,
}
"""Action -> function that returns the quotes that replace one quote."""

GAME_QUOTE_FAULTS = frozenset({"drop_book", "inplay_odds", "alt_lines"})
"""Actions that also apply to game lines."""

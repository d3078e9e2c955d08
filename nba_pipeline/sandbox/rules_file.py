"""The rules file of a home: fault rules, dates without games, game length, number of clubs and of games per date."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import date
from pathlib import Path
from typing import Any

from nba_pipeline.errors import BadInput
from nba_pipeline.league.teams import TEAMS
from nba_pipeline.sandbox.faults import Rule, parse_rules
from nba_pipeline.sandbox.league import GAME_MINUTES

RULES_FILE = "sandbox_rules.json"
MAX_GAME_MINUTES = 24 * 60
MIN_CLUBS = 4


@dataclass(frozen=True)
class RulesFile:
    """League configuration of a home. The game length is in wall-clock minutes."""

    rules: Sequence[Rule] = ()
    no_game_dates: frozenset[date] = frozenset()
    game_minutes: float = GAME_MINUTES
    clubs: int = len(TEAMS)
    games_per_date: int | None = None
    """None: five to nine games, and with few clubs less than half of the clubs."""


KEYS = frozenset(field.name for field in fields(RulesFile))


def read_rules_file(home: Path) -> RulesFile:
    """Returns the contents of <home>/sandbox_rules.json, or the default league without such a file."""
    path = home / RULES_FILE
    if not path.exists():
        return RulesFile()
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadInput(f"{path} is not JSON: {error}") from None
    if not isinstance(document, dict) or document.keys() - KEYS:
        raise BadInput(f"{path} must be an object of rules, no_game_dates, game_minutes, clubs and games_per_date")
    try:
        no_game_dates = frozenset(date.fromisoformat(str(text)) for text in document.get("no_game_dates", []))
    except ValueError as error:
        raise BadInput(f"no_game_dates in {path} must be dates like 2026-12-25: {error}") from None
    game_minutes = document.get("game_minutes", GAME_MINUTES)
    is_number = isinstance(game_minutes, int | float) and not isinstance(game_minutes, bool)
    if not is_number or not 0 < game_minutes <= MAX_GAME_MINUTES:  # the comparison also rejects NaN
        raise BadInput(f"game_minutes in {path} must be a number above 0 and up to {MAX_GAME_MINUTES}, not {game_minutes!r}")
    clubs, games_per_date = _size(document, path)
    return RulesFile(parse_rules(document.get("rules", [])), no_game_dates, game_minutes, clubs, games_per_date)


def _size(document: dict[str, Any], path: Path) -> tuple[int, int | None]:
    """Returns the number of clubs and of games per date."""
    clubs = document.get("clubs", len(TEAMS))
    if not _is_whole(clubs) or clubs % 2 or not MIN_CLUBS <= clubs <= len(TEAMS):
        raise BadInput(f"clubs in {path} must be an even number from {MIN_CLUBS} to {len(TEAMS)}, not {clubs!r}")
    games = document.get("games_per_date", 1)
    if not _is_whole(games) or not 1 <= games <= clubs // 2:
        raise BadInput(f"games_per_date in {path} must be a whole number from 1 to {clubs // 2}, not {games!r}")
    return clubs, document.get("games_per_date")


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)

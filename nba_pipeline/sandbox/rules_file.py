"""The rules file of a home: fault rules, dates without games, game length and number of clubs."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from nba_pipeline.errors import BadInput
from nba_pipeline.league.teams import TEAMS
from nba_pipeline.sandbox.faults import Rule, parse_rules
from nba_pipeline.sandbox.league import GAME_MINUTES

RULES_FILE = "sandbox_rules.json"
MAX_GAME_MINUTES = 24 * 60
MIN_CLUBS = 4


@dataclass(frozen=True)
class RulesFile:
    """League configuration of a home: fault rules, dates without games, game length in wall-clock minutes, number of clubs."""

    rules: Sequence[Rule] = ()
    no_game_dates: frozenset[date] = frozenset()
    game_minutes: float = GAME_MINUTES
    clubs: int = len(TEAMS)


def read_rules_file(home: Path) -> RulesFile:
    """Returns the contents of <home>/sandbox_rules.json, or the default league without such a file."""
    path = home / RULES_FILE
    if not path.exists():
        return RulesFile()
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadInput(f"{path} is not JSON: {error}") from None
    if not isinstance(document, dict) or document.keys() - {"rules", "no_game_dates", "game_minutes", "clubs"}:
        raise BadInput(f"{path} must be an object of rules, no_game_dates, game_minutes and clubs")
    try:
        no_game_dates = frozenset(date.fromisoformat(str(text)) for text in document.get("no_game_dates", []))
    except ValueError as error:
        raise BadInput(f"no_game_dates in {path} must be dates like 2026-12-25: {error}") from None
    game_minutes = document.get("game_minutes", GAME_MINUTES)
    is_number = isinstance(game_minutes, int | float) and not isinstance(game_minutes, bool)
    if not is_number or not 0 < game_minutes <= MAX_GAME_MINUTES:  # the comparison also rejects NaN
        raise BadInput(f"game_minutes in {path} must be a number above 0 and up to {MAX_GAME_MINUTES}, not {game_minutes!r}")
    clubs = document.get("clubs", len(TEAMS))
    if not isinstance(clubs, int) or isinstance(clubs, bool) or clubs % 2 or not MIN_CLUBS <= clubs <= len(TEAMS):
        raise BadInput(f"clubs in {path} must be an even number from {MIN_CLUBS} to {len(TEAMS)}, not {clubs!r}")
    return RulesFile(parse_rules(document.get("rules", [])), no_game_dates, game_minutes, clubs)

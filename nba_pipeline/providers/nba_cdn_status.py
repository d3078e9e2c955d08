"""What the NBA says about whether a game is played: status codes, status texts, series that are over.

Seen in real schedules: the codes 1, 2 and 3, the texts "7:30 pm ET", "TBD", "Final" and "Final/OT2", `ifNecessary` false,
series texts as "IND wins 4-1". Seen in recorded postponements: "PPD". The other spellings below are plausible and unseen.
`postponedStatus` is not read: a whole season that was not played carried "A".
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from nba_pipeline.providers.wire import text_or_none, whole

FINAL = 3
STATUSES = {1: "scheduled", 2: "live", FINAL: "final"}
SIDES = ("homeTeam", "awayTeam")
PLAYOFFS = "004"
WINS_OF_A_SERIES = 4

OFF = re.compile(
    r"\b(ppd|postp\w*|cancel\w*|canc|cancl|cncl|cxl|cxld|forfeit\w*|abandon\w*|no contest|not necessary|unnecessary)\b"
)
"""Texts of a game that is not played on its date."""

SUSPENDED = re.compile(r"\bsusp\w*")
"""Texts of a game that was stopped and may be resumed on a later date."""

OVER = re.compile(r"^final\b")
"""Texts of a game that has ended, whatever else they mention."""

DECIDED = re.compile(r"\b([0-3])\s*[-\u2013]\s*4\b|\b4\s*[-\u2013]\s*([0-3])\b")
"""The score of a series that has a winner."""

TRUE = ("true", "1", "y", "yes")
IF_NECESSARY = "if necessary"
TEXTS = ("gameStatusText", "gameLabel", "gameSubLabel", "seriesText")


def status_of(code: int | None, text: str, points: Sequence[int | None]) -> str:
    """The value of the column `status`. The text outweighs the code; final needs both scores."""
    words = text.strip().lower()
    if not OVER.match(words):
        if OFF.search(words):
            return "postponed"
        if SUSPENDED.search(words):
            return "suspended"
    status = STATUSES.get(code or 0, "unknown")
    has_score = all(p is not None for p in points) and any(points)
    return "unknown" if status == "final" and not has_score else status


def has_ended(game: Mapping[str, Any]) -> bool:
    """Whether a box score is final: its code says so, and its text does not say otherwise."""
    text = text_or_none(game.get("gameStatusText")) or ""
    return whole(game.get("gameStatus")) == FINAL and status_of(FINAL, text, (1, 1)) == "final"


def decided_series(statuses: Sequence[tuple[Mapping[str, Any], str]]) -> set[frozenset[str]]:
    """The pairs of teams of which one has won its playoff series, by the final games among (game, status)."""
    wins: Counter[tuple[frozenset[str], str]] = Counter()
    for game, status in statuses:
        points = [whole(game[side]["score"]) for side in SIDES]
        if status == "final" and str(game["gameId"]).startswith(PLAYOFFS) and None not in points:
            teams = [str(game[side]["teamTricode"]) for side in SIDES]
            wins[frozenset(teams), teams[points.index(max(p for p in points if p is not None))]] += 1
    return {series for (series, _), won in wins.items() if won >= WINS_OF_A_SERIES}


def is_unnecessary(
    game: Mapping[str, Any], decided: set[frozenset[str]], has_time: bool, game_date: date | None, asked_on: date
) -> bool:
    """Whether a game that has not begun will not be needed: its series is over, or its date passed without a time.

    Args:
        game: a game of the schedule that is neither live nor final.
        decided: the series that are over, as `decided_series` returns them.
        has_time: whether the league has set its tip-off, which it does for each game that becomes necessary.
        game_date: its US Eastern date.
        asked_on: the US Eastern date of the schedule.
    """
    is_playoff = str(game["gameId"]).startswith(PLAYOFFS)
    if is_playoff and frozenset(str(game[side]["teamTricode"]) for side in SIDES) in decided:
        return True
    if not (is_playoff or _is_conditional(game)):
        return False
    if _is_decided_before(game):
        return True
    return _is_conditional(game) and not has_time and game_date is not None and game_date < asked_on


def _is_conditional(game: Mapping[str, Any]) -> bool:
    """Whether the game is played only if its series needs it."""
    flag = str(game.get("ifNecessary")).strip().lower() in TRUE
    return flag or any(IF_NECESSARY in (text_or_none(game.get(name)) or "").lower() for name in TEXTS)


def _is_decided_before(game: Mapping[str, Any]) -> bool:
    """Whether the series text names a winner after fewer games than this one's number; the last game names one, too."""
    found = DECIDED.search(text_or_none(game.get("seriesText")) or "")
    numbers = [re.search(r"(\d)", text_or_none(game.get(name)) or "") for name in ("seriesGameNumber", "gameSubLabel")]
    number = next((int(one[1]) for one in numbers if one), None)
    if found is None:
        return False
    played = WINS_OF_A_SERIES + int(found[1] or found[2])
    return played < number if number is not None else _is_conditional(game)

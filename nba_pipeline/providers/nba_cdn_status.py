"""Status of a game from the NBA's status codes, status texts and decided series.

Seen in real schedules: the codes 1, 2 and 3, the texts "7:30 pm ET", "TBD", "Final" and "Final/OT2", `ifNecessary` false,
and series texts like "IND wins 4-1". Seen in recorded postponements: "PPD". The other spellings below are plausible but
unseen. `postponedStatus` is not read: it was "A" for a whole season that had not been played.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from nba_pipeline.providers.wire import integer_or_none, text_or_none

FINAL = 3
STATUSES = {1: "scheduled", 2: "live", FINAL: "final"}
SIDES = ("homeTeam", "awayTeam")
PLAYOFFS = "004"
WINS_OF_A_SERIES = 4

NOT_PLAYED = re.compile(
    r"\b(ppd|postp\w*|cancel\w*|canc|cancl|cncl|cxl|cxld|forfeit\w*|abandon\w*|no contest|not necessary|unnecessary)\b"
)
"""Status texts of a game that is not played on its date."""

SUSPENDED = re.compile(r"\bsusp\w*")
"""Status texts of a game that was stopped and may be resumed on a later date."""

ENDED = re.compile(r"^final\b")
"""Status texts of a game that has ended. They take precedence over NOT_PLAYED and SUSPENDED."""

DECIDED = re.compile(r"\b([0-3])\s*[-\u2013]\s*4\b|\b4\s*[-\u2013]\s*([0-3])\b")
"""The score of a decided series."""

TRUE = ("true", "1", "y", "yes")
IF_NECESSARY = "if necessary"
TEXTS = ("gameStatusText", "gameLabel", "gameSubLabel", "seriesText")


def status_of(code: int | None, text: str, points: Sequence[int | None]) -> str:
    """Returns the value of the column `status`. The text takes precedence over the code. Final requires both scores."""
    lowered = text.strip().lower()
    if not ENDED.match(lowered):
        if NOT_PLAYED.search(lowered):
            return "postponed"
        if SUSPENDED.search(lowered):
            return "suspended"
    status = STATUSES.get(code or 0, "unknown")
    has_score = all(p is not None for p in points) and any(points)
    return "unknown" if status == "final" and not has_score else status


def has_ended(game: Mapping[str, Any]) -> bool:
    """True if a box score is final: its code is final and its text does not contradict it."""
    text = text_or_none(game.get("gameStatusText")) or ""
    return integer_or_none(game.get("gameStatus")) == FINAL and status_of(FINAL, text, (1, 1)) == "final"


def decided_series(statuses: Sequence[tuple[Mapping[str, Any], str]]) -> set[frozenset[str]]:
    """Returns the pairs of teams with a decided playoff series, counted from the final games among (game, status)."""
    wins: Counter[tuple[frozenset[str], str]] = Counter()
    for game, status in statuses:
        points = [integer_or_none(game[side]["score"]) for side in SIDES]
        if status == "final" and str(game["gameId"]).startswith(PLAYOFFS) and None not in points:
            teams = [str(game[side]["teamTricode"]) for side in SIDES]
            wins[frozenset(teams), teams[points.index(max(p for p in points if p is not None))]] += 1
    return {series for (series, _), won in wins.items() if won >= WINS_OF_A_SERIES}


def is_unnecessary(
    game: Mapping[str, Any], decided: set[frozenset[str]], has_time: bool, game_date: date | None, fetched_on: date
) -> bool:
    """True if a game that has not started is unnecessary: its series is decided, or its date has passed without a tip-off time.

    Args:
        game: a game of the schedule that is neither live nor final.
        decided: the decided series, as returned by `decided_series`.
        has_time: whether the league has set the tip-off. It sets one for each game that becomes necessary.
        game_date: the game's US Eastern date.
        fetched_on: the US Eastern date on which the schedule was fetched.
    """
    is_playoff = str(game["gameId"]).startswith(PLAYOFFS)
    if is_playoff and frozenset(str(game[side]["teamTricode"]) for side in SIDES) in decided:
        return True
    if not (is_playoff or _is_conditional(game)):
        return False
    if _is_decided_before(game):
        return True
    return _is_conditional(game) and not has_time and game_date is not None and game_date < fetched_on


def _is_conditional(game: Mapping[str, Any]) -> bool:
    """True if the game is only played if necessary."""
    flag = str(game.get("ifNecessary")).strip().lower() in TRUE
    return flag or any(IF_NECESSARY in (text_or_none(game.get(name)) or "").lower() for name in TEXTS)


def _is_decided_before(game: Mapping[str, Any]) -> bool:
    """True if the series text names a winner after fewer games than this game's number. The last game's text also names one."""
    match = DECIDED.search(text_or_none(game.get("seriesText")) or "")
    numbers = [re.search(r"(\d)", text_or_none(game.get(name)) or "") for name in ("seriesGameNumber", "gameSubLabel")]
    number = next((int(digit[1]) for digit in numbers if digit), None)
    if match is None:
        return False
    played = WINS_OF_A_SERIES + int(match[1] or match[2])
    return played < number if number is not None else _is_conditional(game)

"""Parser of the NBA's season schedule.

Times that end in Z are UTC only if the field name says UTC. Requests belong to `nba_cdn`.
"""

import re
from collections.abc import Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any

import polars as pl

from nba_pipeline.errors import Permanent
from nba_pipeline.league.calendar import EASTERN, eastern_date, season_of
from nba_pipeline.league.teams import TEAMS
from nba_pipeline.providers import SEASON_TYPES
from nba_pipeline.providers.columns import SCHEDULE_COLUMNS
from nba_pipeline.providers.nba_cdn_status import SIDES, decided_series, is_unnecessary, status_of
from nba_pipeline.providers.parsing import field_in, frame_of, object_in, objects_in, parser
from nba_pipeline.providers.wire import day_or_none, instant, integer_or_none, quoted, text_or_none
from nba_pipeline.warehouse.payloads import Payload

GAME_ID = re.compile(r"\d{10}")
NO_TIME = "1900-"
"""Prefix of an instant that the NBA has not set."""
SCHEDULE_FIELDS = ("gameStatus", "gameStatusText", "gameDateTimeUTC")
"""Required fields of every game of the schedule. `isNeutral` and the labels are newer and optional."""


@parser
def parse_schedule(payload: Payload) -> pl.DataFrame:
    """Returns one row per game in scope with known teams, for every date of the season.

    Unusable rows have a `problem`. A game that is being rescheduled may be listed under two dates and then has two rows.
    Games that a series does not need have the status postponed, like canceled games. Raises Permanent if the document
    has no games or another structure.
    """
    listed = [(game, game_status(game), day.get("gameDate")) for game, day in _scheduled(payload) if _has_teams(game)]
    decided = decided_series([(game, status) for game, status, _ in listed])
    rows = [
        {**_row(game, status, _day(str(written)), payload, decided), "problem": _problem(game, written)}
        for game, status, written in listed
    ]
    return frame_of(rows, SCHEDULE_COLUMNS).unique(maintain_order=True)


@parser
def count_undetermined_games(payload: Payload) -> int:
    """Returns the number of games in scope whose teams are undetermined. `parse_schedule` omits them."""
    return sum(not _has_teams(game) for game, _ in _scheduled(payload))


def _scheduled(payload: Payload) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Returns (game, date entry) of every game in scope."""
    days = objects_in(object_in(payload.json(), "leagueSchedule"), "gameDates")
    games = [(game, day) for day in days for game in objects_in(day, "games")]
    if not games:
        raise Permanent(f"{payload.slot.name}: the schedule has no games: {payload.ref}")
    # keep games with an invalid id: their competition is unknown, and they get a problem
    in_scope = [
        (game, day) for game, day in games if not is_game_id(field_in(game, "gameId")) or game["gameId"][:3] in SEASON_TYPES
    ]
    for game, _ in in_scope:
        _ = [field_in(game, field) for field in SCHEDULE_FIELDS]
        _ = [field_in(object_in(game, side), field) for side in SIDES for field in ("teamTricode", "score")]
    return in_scope


def game_status(game: Mapping[str, Any]) -> str:
    """Returns the value of the column `status` of a game of the schedule or the scoreboard."""
    points = [integer_or_none(field_in(object_in(game, side), "score")) for side in SIDES]
    return status_of(integer_or_none(field_in(game, "gameStatus")), text_or_none(field_in(game, "gameStatusText")) or "", points)


def _has_teams(game: Mapping[str, Any]) -> bool:
    """False while a team is to be determined: its tricode is null or empty."""
    return all(game[side]["teamTricode"] not in (None, "") for side in SIDES)


def is_game_id(value: Any) -> bool:
    """True for text of ten digits."""
    return isinstance(value, str) and GAME_ID.fullmatch(value) is not None


def _row(
    game: Mapping[str, Any], status: str, game_date: date | None, payload: Payload, decided: set[frozenset[str]]
) -> dict[str, Any]:
    """Returns the columns of a game, except `problem`."""
    game_id, home, away = str(game["gameId"]), game["homeTeam"], game["awayTeam"]
    text = text_or_none(game.get("gameStatusText"))
    tipoff_at = _tipoff(game, text or "")
    fetched_on = eastern_date(payload.fetched_at)
    if status in ("scheduled", "unknown") and is_unnecessary(game, decided, tipoff_at is not None, game_date, fetched_on):
        status = "postponed"
    has_points = status in ("live", "final", "suspended")
    home_points, away_points = (integer_or_none(side.get("score")) if has_points else None for side in (home, away))
    return {
        "game_date": game_date,
        "game_id": text_or_none(game_id),
        "season": season_of(game_date) if game_date else None,
        "season_type": SEASON_TYPES.get(game_id[:3]),
        "tipoff_at": tipoff_at,
        "tipoff_source": "gameDateTimeUTC" if tipoff_at else None,
        "home_team": text_or_none(home["teamTricode"]),
        "away_team": text_or_none(away["teamTricode"]),
        "is_neutral": game.get("isNeutral") is True if _is_flag(game) else None,
        "status": status,
        "status_text": text,
        "home_points": home_points,
        "away_points": away_points,
        "game_label": _joined_texts(game, "gameLabel", "gameSubLabel"),
        "arena": _joined_texts(game, "arenaName", "arenaCity"),
        "has_boxscore_source": True,
        "source": payload.ref,
    }


def _joined_texts(game: Mapping[str, Any], *fields: str) -> str | None:
    texts = [text_or_none(game.get(field)) for field in fields]
    return ", ".join(filter(None, texts)) or None


def _problem(game: Mapping[str, Any], written_date: Any) -> str | None:
    """Returns the unusable values of a game, or None."""
    codes = [game[side]["teamTricode"] for side in SIDES]
    problems = [f"unknown team {quoted(code)}" for code in codes if code not in TEAMS]
    if _day(str(written_date)) is None:
        problems.append(f"unusable date {quoted(written_date)}")
    problems += _mistyped(game)
    return f"{', '.join(problems)} in game {game['gameId']}" if problems else None


def _mistyped(game: Mapping[str, Any]) -> list[str]:
    """Returns the fields with a value of an unknown type. Missing values and unknown status codes are valid."""
    start, text = game["gameDateTimeUTC"], game["gameStatusText"]
    scores = {f"score of {game[side]['teamTricode']}": game[side]["score"] for side in SIDES}
    is_valid = {
        "gameId": is_game_id(game["gameId"]),
        "gameStatus": game["gameStatus"] is None or integer_or_none(game["gameStatus"]) is not None,
        "gameStatusText": text is None or isinstance(text, str),
        "isNeutral": game.get("isNeutral") is None or _is_flag(game),
        "gameDateTimeUTC": start in (None, "") or str(start).startswith(NO_TIME) or instant(start) is not None,
    }
    invalid = [f"{field} is {quoted(game.get(field))}" for field, valid in is_valid.items() if not valid]
    return invalid + [
        f"{name} is {quoted(value)}"
        for name, value in scores.items()
        if value not in (None, "") and integer_or_none(value) is None
    ]


def _is_flag(game: Mapping[str, Any]) -> bool:
    return isinstance(game.get("isNeutral"), bool)


def _tipoff(game: Mapping[str, Any], text: str) -> datetime | None:
    """Null while the time is to be determined: the field then holds midnight Eastern."""
    tipoff = instant(game.get("gameDateTimeUTC"))
    if tipoff is None or text.upper() == "TBD":
        return None
    local = tipoff.astimezone(EASTERN)
    return None if (local.hour, local.minute) == (0, 0) else tipoff


@lru_cache(maxsize=400)  # a season has 2,600 games on 250 dates
def _day(text: str) -> date | None:
    try:
        return day_or_none(datetime.strptime(text.partition(" ")[0], "%m/%d/%Y").date())
    except ValueError:
        return None

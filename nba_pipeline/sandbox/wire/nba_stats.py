"""stats.nba.com: season game log with one row per player or team, in the classic table envelope.

Like the real host, this one refuses requests without browser headers for nba.com. The log has only final games and players
who played. Minutes are integers.
"""

import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from nba_pipeline.league.calendar import eastern_date, season_start
from nba_pipeline.sandbox.boxscores import PlayerGame
from nba_pipeline.sandbox.snapshots import FINAL, BoxscoreSnapshot, GameSnapshot
from nba_pipeline.sandbox.view import View
from nba_pipeline.sandbox.wire.refusal import Json, Refusal, ratio

ACCESS_DENIED = "<HTML><HEAD>\n<TITLE>Access Denied</TITLE>\n</HEAD><BODY>\n<H1>Access Denied</H1>\n</BODY>\n</HTML>\n"
BROWSER, REFERER = "Mozilla/", re.compile(r"https://(www\.)?nba\.com(/.*)?")
REQUIRED = ("Season", "SeasonType", "PlayerOrTeam")
SEASON = re.compile(r"(\d{4})-(\d{2})")
PLAYED_SEASON_TYPE = "Regular Season"
OTHER_SEASON_TYPES = frozenset({"Pre Season", "Playoffs", "PlayIn", "IST", "All Star"})
DATE_FORMATS = ("%m/%d/%Y", "%Y-%m-%d")

TEAM = ("TEAM_ID", "TEAM_ABBREVIATION", "TEAM_NAME")
LINE = (
    "GAME_ID", "GAME_DATE", "MATCHUP", "WL", "MIN", "FGM", "FGA", "FG_PCT", "FG3M", "FG3A", "FG3_PCT", "FTM", "FTA", "FT_PCT",
    "OREB", "DREB", "REB", "AST", "STL", "BLK", "TOV", "PF", "PTS", "PLUS_MINUS",
)  # fmt: skip
PLAYER_HEADERS = ("SEASON_ID", "PLAYER_ID", "PLAYER_NAME", *TEAM, *LINE, "FANTASY_PTS", "VIDEO_AVAILABLE")
TEAM_HEADERS = ("SEASON_ID", *TEAM, *LINE, "VIDEO_AVAILABLE")
COUNTS = ("oreb", "dreb", "rebounds", "assists", "steals", "blocks", "turnovers", "fouls")


def league_game_log(view: View, query: Mapping[str, str], headers: Mapping[str, str]) -> Json:
    """Returns rows of the final games of a season, or from DateFrom to DateTo, by date."""
    if not headers.get("user-agent", "").startswith(BROWSER) or not REFERER.fullmatch(headers.get("referer", "")):
        raise Refusal(403, ACCESS_DENIED, "text/html")
    for name in REQUIRED:
        if not query.get(name):
            raise Refusal(400, f"The {name} property is required.", "text/plain")
    kind, player_or_team = query["SeasonType"], query["PlayerOrTeam"].upper()
    if kind not in {PLAYED_SEASON_TYPE, *OTHER_SEASON_TYPES} or player_or_team not in ("P", "T", "PLAYER", "TEAM"):
        raise Refusal(400, "SeasonType or PlayerOrTeam has a value that is not known.", "text/plain")
    first, last = (_date(query.get(name, "")) for name in ("DateFrom", "DateTo"))
    games = _final_games(view, query["Season"], first, last) if kind == PLAYED_SEASON_TYPE else []
    if query.get("Direction", "ASC").upper() == "DESC":
        games.reverse()
    is_of_players = player_or_team[0] == "P"
    rows_of = _player_rows if is_of_players else _team_rows
    rows = [row for snapshot in games if (box := view.box(snapshot)) for row in rows_of(view, snapshot, box)]
    return {
        "resource": "leaguegamelog",
        "parameters": {
            "LeagueID": query.get("LeagueID", "00"),
            "Season": query["Season"],
            "SeasonType": kind,
            "PlayerOrTeam": player_or_team[0],
            "Counter": int(query["Counter"]) if query.get("Counter", "").isdigit() else 0,
            "Sorter": query.get("Sorter", "DATE"),
            "Direction": query.get("Direction", "ASC"),
            "DateFrom": query.get("DateFrom") or None,
            "DateTo": query.get("DateTo") or None,
        },
        "resultSets": [
            {"name": "LeagueGameLog", "headers": list(PLAYER_HEADERS if is_of_players else TEAM_HEADERS), "rowSet": rows}
        ],
    }


def _date(text: str) -> date | None:
    """Returns a date from the host's format or ISO format, None if empty. Raises Refusal if invalid."""
    if not text:
        return None
    for notation in DATE_FORMATS:
        try:
            return datetime.strptime(text, notation).date()
        except ValueError:
            continue
    raise Refusal(400, f"The value '{text}' is not a date like 03/15/2025.", "text/plain")


def _final_games(view: View, season: str, first: date | None, last: date | None) -> list[GameSnapshot]:
    """Returns the final games by date and tip-off."""
    years = SEASON.fullmatch(season)
    if years is None or int(years[2]) != (int(years[1]) + 1) % 100:
        raise Refusal(400, f"The value '{season}' is not a season like 2024-25.", "text/plain")
    if season_start(date(int(years[1]), 7, 1)) > eastern_date(view.now):
        return []
    games = [
        snapshot
        for snapshot in view.season_games(season)
        if snapshot.status == FINAL and (first or snapshot.game_date) <= snapshot.game_date <= (last or snapshot.game_date)
    ]
    return sorted(games, key=lambda snapshot: (snapshot.game_date, snapshot.tipoff_at, snapshot.game.game_id))


def _player_rows(view: View, snapshot: GameSnapshot, box: BoxscoreSnapshot) -> Iterator[list[Any]]:
    """Returns one row per player who played, as shown."""
    for side in (0, 1):
        before = _identity(view, snapshot, side)
        for row in box.shown[side]:
            if row.did_play:
                defense = 3 * (row.steals + row.blocks)
                fantasy = round(row.points + 1.2 * row.rebounds + 1.5 * row.assists + defense - row.turnovers, 1)
                line = _line([row], round(row.seconds / 60), row.points, row.plus_minus)
                yield [before[0], row.player.person_id, row.name, *before[1:], *line, fantasy, 1]


def _team_rows(view: View, snapshot: GameSnapshot, box: BoxscoreSnapshot) -> Iterator[list[Any]]:
    """Returns one row per club: the sums of its players, with the score as shown."""
    score = view.score(snapshot)
    for side, rows in enumerate(box.true):
        minutes = round(sum(row.seconds for row in rows) / 60)
        yield [*_identity(view, snapshot, side), *_line(rows, minutes, score[side], score[side] - score[1 - side]), 1]


def _identity(view: View, snapshot: GameSnapshot, side: int) -> list[Any]:
    """Returns season, club and game. A season id starts with the digit of the season type."""
    club, other = snapshot.clubs[side], snapshot.clubs[1 - side]
    score = view.score(snapshot)
    return [
        f"2{snapshot.game.fixture.season[:4]}",
        club.team_id,
        club.tricode,
        club.full_name,
        snapshot.game.game_id,
        snapshot.game_date.isoformat(),
        f"{club.tricode} {'@' if side else 'vs.'} {other.tricode}",
        "W" if score[side] > score[1 - side] else "L",
    ]


def _line(rows: list[PlayerGame], minutes: int, points: int, plus_minus: int) -> list[Any]:
    """Returns minutes to plus-minus summed over rows. A fraction without attempts is None."""
    line: list[Any] = [minutes]
    for made, attempted in (("fgm", "fga"), ("fg3m", "fg3a"), ("ftm", "fta")):
        makes, attempts = (sum(int(getattr(row, name)) for row in rows) for name in (made, attempted))
        line += [makes, attempts, ratio(makes, attempts, 3) if attempts else None]
    return line + [sum(int(getattr(row, name)) for row in rows) for name in COUNTS] + [points, plus_minus]

"""stats.nba.com: the player game log of a date, to cross-check box scores. No key. Blocks data center addresses for days.

Only players who played are listed. `MIN` is a rounded integer; 0 means a few seconds. Both teams of a game at a neutral site
are away ("@"), so home and away, opponents and scores come from the schedule.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg
import polars as pl

from nba_pipeline.errors import NotPublished, Permanent, PipelineError
from nba_pipeline.league.calendar import season_of
from nba_pipeline.providers.columns import BOXSCORE_COLUMNS
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.providers.parsing import frame_of, parser
from nba_pipeline.providers.request import Request
from nba_pipeline.providers.wire import integer_or_none, minutes_fields, quoted, text_or_none
from nba_pipeline.warehouse.payloads import Payload

PROVIDER = "nba_stats"
RESULT_SET = "LeagueGameLog"
SEASON_TYPES = {
    "regular_season": "Regular Season",
    "playoffs": "Playoffs",
    "play_in": "PlayIn",
    "cup_final": "IST",
}
"""Season type -> query parameter. A response covers one season type."""

BROWSER_HEADERS = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0",
    "Accept": "application/json",
    "Accept-Language": "en-US,en;q=0.9",
    "Origin": "https://www.nba.com",
    "Referer": "https://www.nba.com/",
}
"""Required headers: requests of other clients time out."""

STATISTICS = {
    "points": "PTS",
    "rebounds": "REB",
    "oreb": "OREB",
    "dreb": "DREB",
    "assists": "AST",
    "steals": "STL",
    "blocks": "BLK",
    "turnovers": "TOV",
    "fouls": "PF",
    "fgm": "FGM",
    "fga": "FGA",
    "fg3m": "FG3M",
    "fg3a": "FG3A",
    "ftm": "FTM",
    "fta": "FTA",
}
"""Column -> header of the game log."""

HEADERS = (
    "PLAYER_ID",
    "PLAYER_NAME",
    "TEAM_ABBREVIATION",
    "GAME_ID",
    "GAME_DATE",
    "MIN",
    *STATISTICS.values(),
    "PLUS_MINUS",
)


class NbaStats(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Client for https://stats.nba.com/stats/leaguegamelog. One request at a time, about one per second."""

    http: dg.ResourceDependency[HttpClient]

    def player_game_logs(self, dates_and_season_types: Sequence[tuple[date, str]]) -> list[Payload | PipelineError]:
        """Fetches the game logs of (date, season type) sequentially. Returns a payload or an error for each.

        Each pair must have final games. A 403 applies to the client's address, so the remaining requests fail with it and are
        not sent. A 404 ends the sequence in the same way.
        """
        results, refusal = list[Payload | PipelineError](), None
        for day, season_type in dates_and_season_types:
            try:
                results.append(refusal or self.player_game_log(day, season_type))
            except NotPublished as error:
                refusal = Permanent(f"{error}; stats.nba.com may block this address, so this run sends it no further requests")
                results.append(refusal)
            except PipelineError as error:
                results.append(error)
        return results

    def player_game_log(self, day: date, season_type: str) -> Payload:
        """Returns the landed game log of an Eastern date with final games of the season type. Raises like HttpClient.get."""
        return self.http.get(player_game_log_request(day, season_type))

    def landed_player_game_logs(self, day: date, season_type: str) -> list[Payload]:
        """Returns the landed game logs of a date, oldest first. The newest is journaled as reused."""
        return self.http.landed(player_game_log_request(day, season_type))

    def reject(self, payload: Payload, problem: str) -> None:
        """Excludes a payload that does not parse from all later reads."""
        self.http.landing.reject(payload, problem)


def player_game_log_request(day: date, season_type: str) -> Request:
    """Returns the request for the player game log of one date and season type."""
    on = day.strftime("%m/%d/%Y")
    return Request(
        provider=PROVIDER,
        endpoint="player_game_log",
        entity=season_type,
        game_date=day,
        path="/stats/leaguegamelog",
        params={
            "LeagueID": "00",
            "Season": season_of(day),
            "SeasonType": SEASON_TYPES[season_type],
            "PlayerOrTeam": "P",
            "DateFrom": on,
            "DateTo": on,
            "Counter": "0",
            "Direction": "ASC",
            "Sorter": "DATE",
        },
        headers=BROWSER_HEADERS,
        required_keys=("resultSets",),
        final_game_ids=final_game_ids,
        parser=logged_rows,
    )


def final_game_ids(document: Any) -> list[str]:
    """Returns the ids of the games whose rows have a winner. A log of another shape has none, and its parser rejects it."""
    sets = document.get("resultSets") if isinstance(document, dict) else None
    ids = set[str]()
    for one in sets if isinstance(sets, list) else ():
        headers, rows = (one.get("headers"), one.get("rowSet")) if isinstance(one, dict) else (None, None)
        if isinstance(headers, list) and isinstance(rows, list) and "GAME_ID" in headers and "WL" in headers:
            game, winner = headers.index("GAME_ID"), headers.index("WL")
            ids |= {str(row[game]) for row in rows if isinstance(row, list) and len(row) == len(headers) and row[winner]}
    return sorted(ids)


@parser
def logged_rows(payload: Payload) -> list[dict[str, Any]]:
    """Returns the rows of a game log by header. Raises Permanent for an empty log, another date or a missing header.

    Game logs are only requested when games are final, so an empty log is an outage and not an empty date.
    """
    document = payload.json()
    sets = document.get("resultSets") if isinstance(document, dict) else None
    sets = [s for s in sets if isinstance(s, dict) and s.get("name") == RESULT_SET] if isinstance(sets, list) else []
    headers, rows = (sets[0].get("headers"), sets[0].get("rowSet")) if sets else ([], [])
    about = f"{payload.slot.name} of {payload.slot.period}"
    if not isinstance(headers, list) or not isinstance(rows, list):
        raise Permanent(f"{about}: headers or rowSet of {RESULT_SET} is not a list: {payload.ref}")
    if not rows:
        what = f"{RESULT_SET} has no rows" if sets else f"no result set {RESULT_SET}"
        raise Permanent(f"{about}: {what} although games are final, probably an outage: {payload.ref}")
    invalid = [quoted(name) for name in headers if not isinstance(name, str)]
    invalid += [name for name in HEADERS if headers.count(name) != 1]
    if invalid:
        raise Permanent(f"{about}: headers missing or not unique: {', '.join(invalid)}: {payload.ref}")
    if any(not isinstance(row, list) or len(row) != len(headers) for row in rows):
        raise Permanent(f"{about}: a row does not have the {len(headers)} values of headers: {payload.ref}")
    logged = [dict(zip(headers, row, strict=True)) for row in rows]
    other_dates = sorted({str(row["GAME_DATE"])[:10] for row in logged} - {payload.slot.period})
    if other_dates:
        raise Permanent(f"{about}: rows have other values of GAME_DATE: {', '.join(other_dates[:3])}: {payload.ref}")
    return logged


@parser
def parse_game_log(payload: Payload, schedule: pl.DataFrame) -> pl.DataFrame:
    """Returns one row per player who played in a final game of the schedule, in the columns of `boxscores`.

    `schedule` needs game_id, season, home_team, away_team, status, home_points and away_points of every game of the date. Rows
    of games that are not final are omitted. A row with an unknown game or team, or with an unusable value, has a `problem`
    that names game, player, field and value. Raises Permanent like `logged_rows`.
    """
    games = {game["game_id"]: game for game in schedule.iter_rows(named=True)}
    rows = []
    for logged in logged_rows(payload):
        game = games.get(str(logged["GAME_ID"]))
        if game is None or game["status"] == "final":
            rows.append({"game_date": payload.game_date, "source": payload.ref, **_row(logged, game)})
    return frame_of(rows, BOXSCORE_COLUMNS)


def _row(logged: Mapping[str, Any], game: Mapping[str, Any] | None) -> dict[str, Any]:
    name, team, game_id = (text_or_none(logged[header]) for header in ("PLAYER_NAME", "TEAM_ABBREVIATION", "GAME_ID"))
    values = {column: integer_or_none(logged[header]) for column, header in STATISTICS.items()}
    minutes, plus_minus, player_id = (integer_or_none(logged[header]) for header in ("MIN", "PLUS_MINUS", "PLAYER_ID"))
    required = {"PLAYER_NAME": name, "PLAYER_ID": player_id, "MIN": minutes}
    required |= {STATISTICS[column]: value for column, value in values.items()}
    required |= {"PLUS_MINUS": plus_minus} if logged["PLUS_MINUS"] is not None else {}
    problems = [f"{header} is {quoted(logged[header])}" for header, value in required.items() if value is None]
    sides = {game[f"{side}_team"]: side for side in ("home", "away")} if game else {}
    if game is None:
        problems.append("the schedule has no such game on the date")
    elif team not in sides:
        problems.append(f"TEAM_ABBREVIATION is {quoted(logged['TEAM_ABBREVIATION'])}, of neither {' nor '.join(sides)}")
    side = sides.get(team)
    subject = f"{name or 'a player without a name'} in game {game_id or quoted(logged['GAME_ID'])}"
    return {
        "game_id": game_id,
        "player_id": player_id,
        "season": game["season"] if game else None,
        "team": team,
        "opponent": next((other for other in sides if other != team), None) if side else None,
        "is_home": side == "home" if side else None,
        "player_name": name,
        "did_play": True,
        "status": "played",
        **minutes_fields(None if minutes is None else 60 * minutes, is_rounded=True),
        **values,
        "plus_minus": plus_minus,
        "team_points": game[f"{side}_points"] if game and side else None,
        "provider": PROVIDER,
        "problem": f"{PROVIDER}: {', '.join(problems)} for {subject}" if problems else None,
    }

"""The NBA content delivery network: season schedule, scoreboard, box scores and play-by-play."""

from datetime import date, datetime, timedelta
from functools import lru_cache

from nba_pipeline.league.calendar import EASTERN, eastern, eastern_date, season_of, season_start
from nba_pipeline.sandbox.clubs import Club
from nba_pipeline.sandbox.officials import Official, crew
from nba_pipeline.sandbox.snapshots import FINAL, LIVE, SCHEDULED, GameSnapshot
from nba_pipeline.sandbox.view import View
from nba_pipeline.sandbox.wire.nba_cdn_actions import action_list
from nba_pipeline.sandbox.wire.nba_cdn_boxscore import box_team
from nba_pipeline.sandbox.wire.refusal import Json, Refusal, utc_text

ACCESS_DENIED = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    "<Error><Code>AccessDenied</Code><Message>Access Denied</Message><RequestId>SANDBOX</RequestId></Error>"
)
SEASON_OVERLAP = timedelta(days=7)
SCOREBOARD_ROLLOVER = timedelta(hours=12)  # after midnight Eastern
LOCAL_TIME_THAT_CLAIMS_UTC = "%Y-%m-%dT%H:%M:%SZ"  # as in the real files


def schedule(view: View) -> Json:
    """Returns the schedule of the current season, with statuses and scores at the clock's instant.

    Unlike the real league, this one has no break between seasons. Within a week of the boundary, the nearest dates of the
    adjacent season are included, so that yesterday and tomorrow are always listed.
    """
    today = eastern_date(view.now)
    season = season_of(today)
    dates: dict[date, list[Json]] = {}
    for name in sorted({season_of(today - SEASON_OVERLAP), season, season_of(today + SEASON_OVERLAP)}):
        records: dict[str, list[int]] = {}
        for snapshot in view.season_games(name):
            listed = _schedule_game(view, snapshot, records)
            if name == season or abs(snapshot.game_date - today) <= SEASON_OVERLAP:
                dates.setdefault(snapshot.game_date, []).append(listed)
    return {
        "meta": {
            "version": 1,
            "request": f"http://nba.cloud/league/00/{season}/scheduleleaguev2?Format=json",
            "time": utc_text(view.now),
        },
        "leagueSchedule": {
            "seasonYear": season,
            "leagueId": "00",
            "gameDates": [{"gameDate": f"{day:%m/%d/%Y} 00:00:00", "games": dates[day]} for day in sorted(dates)],
            "weeks": [],
            "broadcasterList": [],
        },
    }


def scoreboard(view: View) -> Json:
    """Returns the games of the league's day, which starts at noon Eastern."""
    day = (view.now.astimezone(EASTERN) - SCOREBOARD_ROLLOVER).date()
    return {
        "meta": {
            "version": 1,
            "request": "http://nba.cloud/league/00/todaysscoreboard?Format=json",
            "time": f"{view.now.astimezone(EASTERN):%Y-%m-%d %H:%M:%S}",
            "code": 200,
        },
        "scoreboard": {
            "gameDate": day.isoformat(),
            "leagueId": "00",
            "leagueName": "National Basketball Association",
            "games": [_scoreboard_game(view, snapshot) for snapshot in view.games(day)],
        },
    }


def boxscore(view: View, game_id: str) -> Json:
    """Returns a box score after tip-off. Before it, and for an unknown game, access is denied."""
    snapshot = view.game(game_id)
    box = view.box(snapshot) if snapshot else None
    if snapshot is None or box is None:
        raise Refusal(403, ACCESS_DENIED, "application/xml")
    score, periods = view.score(snapshot), view.period_scores(snapshot)
    home, away = (
        _club(snapshot.clubs[side]) | box_team(snapshot, side, score, periods[side], box.shown[side], box.true) for side in (0, 1)
    )
    officials = enumerate(crew(view.league.seed, snapshot.game.fixture), start=1)
    game = _game_state(view, snapshot) | {
        "attendance": 0,
        "sellout": "0",
        "arena": _arena(snapshot.clubs[0]),
        "officials": [_official(official, number) for number, official in officials],
        "homeTeam": home,
        "awayTeam": away,
    }
    return {"meta": _game_meta(view, game_id, "boxscore"), "game": game}


def play_by_play(view: View, game_id: str) -> Json:
    """Returns the actions so far. Before tip-off, and for an unknown game, access is denied."""
    snapshot = view.game(game_id)
    if snapshot is None or snapshot.state == SCHEDULED:
        raise Refusal(403, ACCESS_DENIED, "application/xml")
    return {
        "meta": _game_meta(view, game_id, "playbyplay"),
        "game": {"gameId": game_id, "actions": action_list(view, snapshot)},
    }


def _game_meta(view: View, game_id: str, endpoint: str) -> Json:
    return {
        "version": 1,
        "code": 200,
        "request": f"http://nba.cloud/games/{game_id}/{endpoint}?Format=json",
        "time": f"{view.now:%Y-%m-%d %H:%M:%S.%f}",
    }


def _game_state(view: View, snapshot: GameSnapshot) -> Json:
    """Returns times, status, period and clock of a game."""
    tipoff = snapshot.tipoff_at
    home_time, away_time = (tipoff.astimezone(club.zone).isoformat() for club in snapshot.clubs)
    return {
        "gameId": snapshot.game.game_id,
        "gameTimeLocal": home_time,
        "gameTimeUTC": utc_text(tipoff),
        "gameTimeHome": home_time,
        "gameTimeAway": away_time,
        "gameEt": tipoff.astimezone(EASTERN).isoformat(),
        "duration": int(snapshot.progress * view.league.game_length.total_seconds() / 60),
        "gameCode": snapshot.code,
        "gameStatusText": _status_text(snapshot),
        "gameStatus": snapshot.status,
        "regulationPeriods": 4,
        "period": snapshot.period,
        "gameClock": _game_clock(snapshot),
    }


def _arena(club: Club) -> Json:
    return {
        "arenaId": club.team_id % 1000,
        "arenaName": f"{club.city} Arena",
        "arenaCity": club.city,
        "arenaState": club.state,
        "arenaCountry": "US",
        "arenaTimezone": club.zone.key,
    }


def _official(official: Official, number: int) -> Json:
    return {
        "personId": official.person_id,
        "name": f"{official.first_name} {official.family_name}",
        "nameI": f"{official.first_name[:1]}. {official.family_name}",
        "firstName": official.first_name,
        "familyName": official.family_name,
        "jerseyNum": official.jersey_number,
        "assignment": f"OFFICIAL{number}",
    }


def _club(club: Club) -> Json:
    return {"teamId": club.team_id, "teamName": club.nickname, "teamCity": club.city, "teamTricode": club.tricode}


def _status_text(snapshot: GameSnapshot) -> str:
    if snapshot.is_postponed:
        return "PPD"
    if snapshot.status == SCHEDULED:
        local = snapshot.tipoff_at.astimezone(EASTERN)
        return f"{local.hour % 12 or 12}:{local:%M} {'am' if local.hour < 12 else 'pm'} ET"
    if snapshot.status == LIVE:
        return f"{f'Q{snapshot.period}' if snapshot.period <= 4 else f'OT{snapshot.period - 4}'} {snapshot.clock_text}"
    overtimes = snapshot.game.overtimes
    return "Final" + ("" if not overtimes else "/OT" if overtimes == 1 else f"/OT{overtimes}")


def _game_clock(snapshot: GameSnapshot) -> str:
    seconds_left = snapshot.period_seconds_left
    return f"PT{seconds_left // 60:02d}M{seconds_left % 60:02d}.00S"


def _scoreboard_game(view: View, snapshot: GameSnapshot) -> Json:
    home, away = (_club(club) | {"score": points} for club, points in zip(snapshot.clubs, view.score(snapshot), strict=True))
    return {
        "gameId": snapshot.game.game_id,
        "gameCode": snapshot.code,
        "gameStatus": snapshot.status,
        "gameStatusText": _status_text(snapshot),
        "period": snapshot.period,
        "gameClock": _game_clock(snapshot) if snapshot.status == LIVE else "",
        "gameTimeUTC": utc_text(snapshot.tipoff_at),
        "gameEt": snapshot.tipoff_at.astimezone(EASTERN).strftime(LOCAL_TIME_THAT_CLAIMS_UTC),
        "regulationPeriods": 4,
        "homeTeam": home,
        "awayTeam": away,
    }


def _schedule_game(view: View, snapshot: GameSnapshot, records: dict[str, list[int]]) -> Json:
    clubs, score = snapshot.clubs, view.score(snapshot)
    sides = []
    for side in (0, 1):
        record = records.setdefault(clubs[side].tricode, [0, 0])
        if snapshot.state == FINAL:
            record[score[side] < score[1 - side]] += 1
        result = {"wins": record[0], "losses": record[1], "score": score[side], "seed": 0}
        sides.append(_club(clubs[side]) | {"teamSlug": clubs[side].slug} | result)
    return {
        "gameId": snapshot.game.game_id,
        "gameCode": snapshot.code,
        "gameStatus": snapshot.status,
        "gameStatusText": _status_text(snapshot),
        "gameSequence": snapshot.game.fixture.sequence,
        **_place_and_time(snapshot.clubs, snapshot.game_date, snapshot.tipoff_at),
        "postponedStatus": "P" if snapshot.is_postponed else "N",
        "branchLink": "",
        "gameSubtype": "",
        "isNeutral": False,
        "homeTeam": sides[0],
        "awayTeam": sides[1],
        "pointsLeaders": [],
    }


@lru_cache(maxsize=8192)
def _place_and_time(clubs: tuple[Club, Club], day: date, tipoff_at: datetime) -> Json:
    """Returns the constant fields of a game. Cached, because a season has 2,600 games."""
    home, away = clubs
    local = tipoff_at.astimezone(EASTERN)
    week = (day - season_start(day)).days // 7 + 1
    return {
        "gameDateEst": f"{day}T00:00:00Z",
        "gameTimeEst": local.strftime("1900-01-01T%H:%M:%SZ"),
        "gameDateTimeEst": local.strftime(LOCAL_TIME_THAT_CLAIMS_UTC),
        "gameDateUTC": utc_text(eastern(day, 0)),
        "gameTimeUTC": f"1900-01-01T{utc_text(tipoff_at)[11:]}",
        "gameDateTimeUTC": utc_text(tipoff_at),
        "awayTeamTime": tipoff_at.astimezone(away.zone).strftime(LOCAL_TIME_THAT_CLAIMS_UTC),
        "homeTeamTime": tipoff_at.astimezone(home.zone).strftime(LOCAL_TIME_THAT_CLAIMS_UTC),
        "day": f"{day:%a}",
        "monthNum": day.month,
        "weekNumber": week,
        "weekName": f"Week {week}",
        "ifNecessary": False,
        "seriesGameNumber": "",
        "gameLabel": "",
        "gameSubLabel": "",
        "seriesText": "",
        "arenaName": f"{home.city} Arena",
        "arenaState": home.state,
        "arenaCity": home.city,
    }

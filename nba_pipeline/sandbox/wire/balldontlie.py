"""balldontlie: box scores of a date, in the older format without a game id."""

from datetime import date
from typing import Any

from nba_pipeline.sandbox.boxscores import PlayerGame
from nba_pipeline.sandbox.clubs import Club
from nba_pipeline.sandbox.names import without_accents
from nba_pipeline.sandbox.snapshots import FINAL, SCHEDULED, BoxscoreSnapshot, GameSnapshot
from nba_pipeline.sandbox.view import View
from nba_pipeline.sandbox.wire.refusal import Json, Refusal, ratio, utc_text

PAGE = 25
MAX_PAGE = 100
STATUS_TEXTS = {1: "1st Qtr", 2: "2nd Qtr", 3: "3rd Qtr", 4: "4th Qtr"}


def box_scores(view: View, query: dict[str, str], is_authorized: bool) -> Json:
    """Returns the started games of a date, in pages of whole games."""
    if not is_authorized:
        raise Refusal(401, "Unauthorized", "text/plain")
    try:
        day = date.fromisoformat(query.get("date", "")[:10])
        size = min(max(int(query.get("per_page") or PAGE), 1), MAX_PAGE)
        cursor = int(query.get("cursor") or 0)
    except ValueError:
        raise Refusal(400, {"error": "date must be YYYY-MM-DD, per_page and cursor must be integers"}) from None
    boxes = [(snapshot, box) for snapshot in view.games(day) if (box := view.box(snapshot))]
    page = boxes[cursor : cursor + size]
    meta = {"per_page": size} | ({"next_cursor": cursor + size} if len(boxes) > cursor + size else {})
    return {"data": [_game(view, snapshot, box) for snapshot, box in page], "meta": meta}


def _game(view: View, snapshot: GameSnapshot, box: BoxscoreSnapshot) -> Json:
    home_score, visitor_score = view.score(snapshot)
    status, time = STATUS_TEXTS.get(snapshot.period, "OT"), f"Q{snapshot.period} {snapshot.clock_text}"
    if snapshot.status == FINAL:
        status, time = "Final", "Final"
    elif snapshot.status == SCHEDULED:
        status, time = utc_text(snapshot.tipoff_at), ""
    home, visitor = (_team(snapshot.clubs[side], box.shown[side]) for side in (0, 1))
    return {
        "date": snapshot.game_date.isoformat(),
        "season": int(snapshot.game.fixture.season[:4]),
        "status": status,
        "period": snapshot.period,
        "time": time or None,
        "postseason": False,
        "home_team_score": home_score,
        "visitor_team_score": visitor_score,
        "home_team": home,
        "visitor_team": visitor,
    }


def _team(club: Club, rows: list[PlayerGame]) -> Json:
    return {
        "id": club.balldontlie_id,
        "conference": club.conference,
        "division": club.division,
        "city": club.city,
        "name": club.nickname,
        "full_name": club.full_name,
        "abbreviation": club.tricode,
        "players": [_player(row) for row in rows],
    }


def _share(made: int, attempted: int) -> float | int:
    """Returns a fraction with seven digits. 0 and 1 are integers."""
    share = ratio(made, attempted, 7)
    return int(share) if share in (0, 1) else share


def _player(row: PlayerGame) -> Json:
    person: dict[str, Any] = {
        "id": row.player.balldontlie_id,
        "first_name": without_accents(row.first_name),
        "last_name": without_accents(row.family_name),
        "position": row.player.position[-1],
        "height": None,
        "weight": None,
        "jersey_number": row.player.jersey_number,
        "college": None,
        "country": None,
        "draft_year": None,
        "draft_round": None,
        "draft_number": None,
    }
    return {
        "min": f"{row.seconds // 60:02d}",
        "fgm": row.fgm,
        "fga": row.fga,
        "fg_pct": _share(row.fgm, row.fga),
        "fg3m": row.fg3m,
        "fg3a": row.fg3a,
        "fg3_pct": _share(row.fg3m, row.fg3a),
        "ftm": row.ftm,
        "fta": row.fta,
        "ft_pct": _share(row.ftm, row.fta),
        "oreb": row.oreb,
        "dreb": row.dreb,
        "reb": row.rebounds,
        "ast": row.assists,
        "stl": row.steals,
        "blk": row.blocks,
        "turnover": row.turnovers,
        "pf": row.fouls,
        "pts": row.points,
        "player": person,
    }

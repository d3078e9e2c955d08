"""ESPN: injuries and club rosters.

Names have no accents and sometimes no suffix. A birth date is midnight in California, expressed in UTC. Statuses are
coarser than the league's: questionable and probable players are day-to-day, and the comment gives the exact status.
"""

from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from nba_pipeline.league.calendar import EASTERN, eastern_date, season_of
from nba_pipeline.sandbox.clubs import CLUBS, Club
from nba_pipeline.sandbox.contents import is_player
from nba_pipeline.sandbox.injuries import AVAILABLE, DOUBTFUL, OUT, PROBABLE, QUESTIONABLE, InjuryStatement, newest_printed
from nba_pipeline.sandbox.names import without_accents
from nba_pipeline.sandbox.randomness import stable_hash
from nba_pipeline.sandbox.roster import Player, roster
from nba_pipeline.sandbox.snapshots import FINAL, GameSnapshot
from nba_pipeline.sandbox.view import View
from nba_pipeline.sandbox.wire.refusal import Json, Refusal, utc_text

PACIFIC = ZoneInfo("America/Los_Angeles")
SUFFIX_DROPPED_PER_CENT = 30
CITIES = {"LAC": "LA"}
POSITIONS = {
    "PG": ("1", "Point Guard"),
    "SG": ("2", "Shooting Guard"),
    "SF": ("5", "Small Forward"),
    "PF": ("6", "Power Forward"),
    "C": ("9", "Center"),
}
"""Abbreviation -> ESPN's id and name."""

DAY_TO_DAY = (
    "Day-To-Day",
    {"id": "6", "name": "INJURY_STATUS_DAYTODAY", "description": "day-to-day", "abbreviation": "DD"},
    "GTD",
)
STATUSES = {
    OUT: ("Out", {"id": "4", "name": "INJURY_STATUS_OUT", "description": "out", "abbreviation": "O"}, "OUT"),
    DOUBTFUL: ("Doubtful", {"id": "3", "name": "INJURY_STATUS_DOUBTFUL", "description": "doubtful", "abbreviation": "D"}, "GTD"),
    QUESTIONABLE: DAY_TO_DAY,
    PROBABLE: DAY_TO_DAY,
}
"""League status -> ESPN's status, type and fantasy status. Available players are not listed."""


def injuries(view: View) -> Json:
    """Returns the players named in the newest injury report, by club. Clubs without such players are omitted."""
    today = eastern_date(view.now)
    listed = _listed_statements(view)
    return {
        "timestamp": utc_text(view.now),
        "status": "success",
        "season": {
            "year": int(season_of(today)[:4]) + 1,
            "type": 2,
            "name": "Regular Season",
            "displayName": season_of(today),
        },
        "injuries": [
            {
                "id": str(club.espn_id),
                "displayName": club.full_name,
                "injuries": [
                    _injury(snapshot, club, statement) | {"athlete": _injured(club, statement)}
                    for snapshot, statement in listed[tricode]
                ],
            }
            for tricode, club in sorted(CLUBS.items(), key=lambda item: item[1].full_name)
            if listed.get(tricode)
        ],
    }


def team(view: View, number: str, query: dict[str, str]) -> Json:
    """Returns a club of the league and, with enable=roster, its players. Club numbers are 1 to 30."""
    club = next((club for club in CLUBS.values() if str(club.espn_id) == number and club.tricode in view.league.teams), None)
    if club is None:
        raise Refusal(404, {"code": 404, "message": "Failed to get team."})
    document = {
        "id": number,
        "uid": f"s:40~l:46~t:{number}",
        "slug": "-".join(club.full_name.lower().split()),
        "location": CITIES.get(club.tricode, club.city),
        "name": club.nickname,
        "abbreviation": club.espn_code,
        "displayName": club.full_name,
        "shortDisplayName": club.nickname,
        "isActive": True,
    }
    if "roster" in query.get("enable", "").split(","):
        injured = {
            statement.player: (snapshot, statement) for snapshot, statement in _listed_statements(view).get(club.tricode, [])
        }
        document["athletes"] = [
            _athlete(view, club, player)
            | {"injuries": [_injury(injured[player][0], club, injured[player][1])] if player in injured else []}
            for player in sorted(roster()[club.tricode], key=lambda player: without_accents(player.family_name))
        ]
    return {"team": document}


def _listed_statements(view: View) -> dict[str, list[tuple[GameSnapshot, InjuryStatement]]]:
    """Returns tricode -> (game, statement) for the next game of each club in the newest report."""
    at = newest_printed(view.now)
    listed: dict[str, list[tuple[GameSnapshot, InjuryStatement]]] = {}
    for snapshot in view.reported_games(at):
        for side, tricode in enumerate(snapshot.game.teams):
            if snapshot.state != FINAL and tricode not in listed:
                statements = view.injuries(snapshot, side, at) or []
                listed[tricode] = [(snapshot, statement) for statement in statements if statement.status != AVAILABLE]
    return listed


def _names(player: Player) -> tuple[str, str]:
    """Returns first and last name in ESPN's spelling."""
    keeps_suffix = stable_hash("spelling", "espn", player.person_id) % 100 >= SUFFIX_DROPPED_PER_CENT
    return without_accents(player.first_name), player.spelling(accents=False, suffix=keeps_suffix).partition(" ")[2]


def _name_fields(first_name: str, last_name: str) -> Json:
    name = f"{first_name} {last_name}"
    return {
        "firstName": first_name,
        "lastName": last_name,
        "fullName": name,
        "displayName": name,
        "shortName": f"{first_name[:1]}. {last_name}",
    }


def _card(player: Player, name: str) -> Json:
    slug = "-".join(name.lower().replace(".", "").replace("'", "").split())
    address = f"https://www.espn.com/nba/player/_/id/{player.espn_id}/{slug}"
    return {"language": "en-US", "rel": ["playercard", "desktop", "athlete"], "href": address, "text": "Player Card"}


def _position(player: Player) -> Json:
    number, name = POSITIONS[player.position]
    return {"id": number, "name": name, "displayName": name, "abbreviation": player.position, "leaf": True}


def _injured(club: Club, statement: InjuryStatement) -> Json:
    """Returns the athlete of an injury. The athlete id appears only in the link."""
    is_renamed = (statement.first_name, statement.family_name) != (statement.player.first_name, statement.player.family_name)
    parts = _name_fields(*((statement.first_name, statement.family_name) if is_renamed else _names(statement.player)))
    return parts | {
        "links": [_card(statement.player, parts["displayName"])],
        "position": _position(statement.player),
        "team": {
            "id": str(club.espn_id),
            "abbreviation": club.espn_code,
            "displayName": club.full_name,
        },
    }


def _injury(snapshot: GameSnapshot, club: Club, statement: InjuryStatement) -> Json:
    status, kind, fantasy = STATUSES[statement.status]
    _, _, injury = statement.reason.partition(" - ")
    place, _, detail = (injury or statement.reason).partition("; ")
    side, _, part = place.partition(" ")
    is_sided = side in ("Left", "Right")
    home, away = snapshot.clubs
    opponent = away if club is home else home
    comment = f"{statement.family_name} is {statement.status.lower()} for {snapshot.tipoff_at.astimezone(EASTERN):%A}'s game against the {opponent.nickname}"
    return {
        "id": str(statement.player.espn_id % 600_000),
        "longComment": without_accents(f"{comment}: {statement.reason}."),
        "shortComment": without_accents(f"{comment}."),
        "status": status,
        "date": f"{statement.since.astimezone(UTC):%Y-%m-%dT%H:%MZ}",
        "source": {"id": "1", "description": "basic/manual", "state": "basic"},
        "type": kind,
        "details": {
            "fantasyStatus": {"description": fantasy, "abbreviation": fantasy},
            "type": detail if place == "N/A" else part if is_sided else place,
            "side": side if is_sided else "Not Specified",
        }
        | ({"detail": detail} if detail and place != "N/A" else {}),
    }


def _athlete(view: View, club: Club, player: Player) -> Json:
    first_name, last_name = _names(player)
    for rule in view.rules:
        is_affected = rule.action == "rename_player" and rule.games is None and rule.parameter("team") in (None, club.tricode)
        if is_affected and is_player(rule.parameter("player"), player):
            view.fired.add(rule)
            first_name, _, last_name = rule.parameter("to").partition(" ")
    parts, body, today = _name_fields(first_name, last_name), player.body, eastern_date(view.now)
    born = datetime.combine(body.birth_date, time(), PACIFIC).astimezone(UTC)
    had_birthday = (today.month, today.day) >= (body.birth_date.month, body.birth_date.day)
    feet, inches = divmod(body.height_inches, 12)
    return (
        {"id": str(player.espn_id), "uid": f"s:40~l:46~a:{player.espn_id}", "type": "basketball"}
        | parts
        | {
            "weight": float(body.weight_pounds),
            "displayWeight": f"{body.weight_pounds} lbs",
            "height": float(body.height_inches),
            "displayHeight": f"{feet}' {inches}\"",
            "age": today.year - body.birth_date.year - (not had_birthday),
            "dateOfBirth": f"{born:%Y-%m-%dT%H:%MZ}",
            "debutYear": body.debut_year,
            "links": [_card(player, parts["displayName"])],
            "slug": "-".join(parts["displayName"].lower().split()),
            "jersey": player.jersey_number,
            "position": _position(player),
            "experience": {"years": max(int(season_of(today)[:4]) - body.debut_year, 0)},
            "active": True,
            "status": {"id": "1", "name": "Active", "type": "active", "abbreviation": "Active"},
        }
    )

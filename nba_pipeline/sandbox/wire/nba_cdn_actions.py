"""The actions of a game in the format of the content delivery network. The keys of an action depend on its type.

Actions are ordered by `orderNumber`, not by `actionNumber`: a block is numbered after actions that were entered earlier.
A revised action has the later instant in `edited` once that instant has passed.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import timedelta

from nba_pipeline.sandbox.league import OVERTIME_SECONDS, QUARTER_SECONDS
from nba_pipeline.sandbox.officials import crew
from nba_pipeline.sandbox.play_by_play import actions
from nba_pipeline.sandbox.play_by_play.action_log import Action
from nba_pipeline.sandbox.roster import Player
from nba_pipeline.sandbox.shot_zones import area_detail, distance_feet
from nba_pipeline.sandbox.snapshots import GameSnapshot
from nba_pipeline.sandbox.view import View
from nba_pipeline.sandbox.wire.refusal import Json

NUMBER_GAP_EVERY = 9  # one in this many numbers is skipped
BLOCK_LATENESS = 3  # positions
REVISED_EVERY, REVISED_AFTER = 7, timedelta(minutes=11)
COURT_TENTHS_LONG, COURT_TENTHS_WIDE = 940, 500  # of a foot
BASKET_TENTHS = 52.5  # from the baseline
ABBREVIATIONS = {"block": "BLK", "steal": "STL"}
DESCRIPTIONS = {
    ("period", "start"): "Period Start",
    ("period", "end"): "Period End",
    ("game", "end"): "Game End",
}


def action_list(view: View, snapshot: GameSnapshot) -> list[Json]:
    """Returns all actions so far, in order."""
    writer = _Writer(view, snapshot, _numbers(actions(view.league, snapshot.game)))
    return [writer.document(place, action) for place, action in enumerate(view.actions(snapshot))]


def _numbers(final: Sequence[Action]) -> list[int]:
    """Returns the action numbers of a whole game: increasing with gaps, except for blocks."""
    numbers = [2 + place + place // (NUMBER_GAP_EVERY - 1) for place in range(len(final))]
    for place, action in enumerate(final[:-BLOCK_LATENESS]):
        if action.kind == "block":
            later = place + BLOCK_LATENESS
            numbers[place], numbers[later] = numbers[later], numbers[place]
    return numbers


class _Writer:
    def __init__(self, view: View, snapshot: GameSnapshot, numbers: list[int]) -> None:
        self.now, self.tipoff_at, self.numbers = view.now, snapshot.tipoff_at, numbers
        self.clubs = snapshot.clubs
        self.pace = view.league.game_length.total_seconds() / snapshot.game.seconds
        self.officials = crew(view.league.seed, snapshot.game.fixture)
        self.totals: Counter[tuple[int, str]] = Counter()

    def document(self, place: int, action: Action) -> Json:
        """Returns one action with the keys of its type."""
        document = self._keys_of_every_action(place, action)
        if action.side is not None:
            club = self.clubs[action.side]
            document["teamId"], document["teamTricode"] = club.team_id, club.tricode
        if action.descriptor:
            document["descriptor"] = action.descriptor
        if action.area:
            document["area"], document["areaDetail"] = action.area, area_detail(action.area, *action.spot)
        if action.kind in ("2pt", "3pt"):
            document |= _shot_location(action)
        if action.kind == "foul" or (action.kind == "turnover" and action.other is None):
            document["officialId"] = self.officials[place % len(self.officials)].person_id
        if action.player is None:
            timeout = f"{document.get('teamTricode')} Timeout"
            document["description"] = DESCRIPTIONS.get((action.kind, action.subtype), timeout)
            return document
        document["personId"] = action.player.person_id
        document["playerName"], document["playerNameI"] = action.player.family_name, _initial(action.player)
        document |= self._result(action, action.player)
        return document | _second_player_keys(action, self.totals)

    def _keys_of_every_action(self, place: int, action: Action) -> Json:
        at = self.tipoff_at + timedelta(seconds=action.elapsed * self.pace)
        is_revised = place % REVISED_EVERY == 0 and at + REVISED_AFTER <= self.now
        return {
            "actionNumber": self.numbers[place],
            "clock": _clock(action),
            "timeActual": at.isoformat(timespec="milliseconds")[:21] + "Z",
            "period": action.period,
            "periodType": "REGULAR" if action.period <= 4 else "OVERTIME",
            "actionType": action.kind,
            "subType": action.subtype,
            "qualifiers": list(action.qualifiers),
            "personId": 0,
            "x": None,
            "y": None,
            "side": None,
            "possession": 0 if action.possession is None else self.clubs[action.possession].team_id,
            "scoreHome": str(action.score[0]),
            "scoreAway": str(action.score[1]),
            "edited": (at + REVISED_AFTER if is_revised else at).isoformat(timespec="seconds")[:19] + "Z",
            "orderNumber": 10_000 * (place + 1),
            "isTargetScoreLastPeriod": False,
            "xLegacy": None,
            "yLegacy": None,
            "isFieldGoal": 0,
            "personIdsFilter": [player.person_id for player in (action.player, action.other) if player],
        }

    def _count(self, player: Player, name: str, number: int = 1) -> int:
        """Returns the player's count after one more."""
        self.totals[player.person_id, name] += number
        return self.totals[player.person_id, name]

    def _result(self, action: Action, player: Player) -> Json:
        """Returns result, running totals and description of a player's action."""
        name, style = _initial(player), f"{action.descriptor} " if action.descriptor else ""
        keys: Json = {}
        if action.is_made:
            keys = {"shotResult": "Made", "pointsTotal": self._count(player, "points", action.points)}
            text = f"{name} {_shot_text(action, style)} ({keys['pointsTotal']} PTS)"
            if action.other:
                text += f" ({_initial(action.other)} {self._count(action.other, 'assists')} AST)"
        elif action.is_made is not None:
            keys = {"shotResult": "Missed"}
            text = f"MISS {name} {_shot_text(action, style)}{' - blocked' if action.other else ''}"
        elif action.kind == "rebound":
            self._count(player, action.subtype)
            defensive, offensive = self.totals[player.person_id, "defensive"], self.totals[player.person_id, "offensive"]
            keys = {
                "shotActionNumber": self.numbers[action.shot or 0],
                "reboundTotal": defensive + offensive,
                "reboundDefensiveTotal": defensive,
                "reboundOffensiveTotal": offensive,
            }
            text = f"{name} REBOUND (Off:{offensive} Def:{defensive})"
        elif action.kind == "turnover":
            keys = {"turnoverTotal": self._count(player, "turnovers")}
            text = f"{name} {style}{action.subtype} TURNOVER ({keys['turnoverTotal']} TO)"
        elif action.kind == "foul":
            keys = {"foulPersonalTotal": self._count(player, "fouls"), "foulTechnicalTotal": 0}
            throws = "".join(f" ({action.other.family_name} {word[0]} FT)" for word in action.qualifiers if action.other)
            text = f"{name} {style}personal FOUL ({keys['foulPersonalTotal']} PF){throws}"
        elif action.kind == "substitution":
            text = f"SUB {action.subtype}: {name}"
        else:
            text = f"{name} {action.kind.upper()} ({self._count(player, action.kind)} {ABBREVIATIONS[action.kind]})"
        keys["description"] = text
        return keys


def _shot_location(action: Action) -> Json:
    """Returns the location of a shot: percent of the court from one corner, and tenths of a foot from the basket."""
    across, out = action.spot
    is_right = (action.side == 0) == (action.period <= 2)  # sides change ends at half-time
    along, wide = 100 * (BASKET_TENTHS + out) / COURT_TENTHS_LONG, 100 * across / COURT_TENTHS_WIDE
    return {
        "isFieldGoal": 1,
        "x": 100 - along if is_right else along,
        "y": 50 + wide if is_right else 50 - wide,
        "xLegacy": across,
        "yLegacy": out,
        "side": "right" if is_right else "left",
        "shotDistance": distance_feet(across, out),
    }


def _second_player_keys(action: Action, totals: Counter[tuple[int, str]]) -> Json:
    """Returns the keys of the second player, which depend on that player's role."""
    other = action.other
    if other is None:
        return {}
    if action.is_made:
        return {
            "assistPlayerNameInitial": _initial(other),
            "assistPersonId": other.person_id,
            "assistTotal": totals[other.person_id, "assists"],
        }
    role = {"turnover": "steal", "foul": "foulDrawn"}.get(action.kind, "block")
    return {f"{role}PlayerName": other.family_name, f"{role}PersonId": other.person_id}


def _initial(player: Player) -> str:
    return f"{player.first_name[:1]}. {player.family_name}"


def _shot_text(action: Action, style: str) -> str:
    """Returns the shot type for the middle of a description."""
    if action.kind == "freethrow":
        return f"{style}Free Throw {action.subtype}"
    feet = int(distance_feet(*action.spot))
    if action.kind == "3pt":
        return f"{feet}' {style}3PT"
    kind = "Shot" if action.subtype == "Jump Shot" else action.subtype
    return f"{feet}' {style}{kind}" if feet >= 8 else f"{style}{kind}"


def _clock(action: Action) -> str:
    """Returns the time left in the period, for example PT11M42.00S."""
    overtimes = max(action.period - 4, 0)
    ends_at = (action.period - overtimes) * QUARTER_SECONDS + overtimes * OVERTIME_SECONDS
    hundredths = round((ends_at - action.elapsed) * 100)
    return f"PT{hundredths // 6000:02d}M{hundredths % 6000 / 100:05.2f}S"

"""Converts the plays of a game to its list of actions, with possessions, clock and score."""

from random import Random
from typing import NamedTuple

from nba_pipeline.sandbox.league import OVERTIME_SECONDS, QUARTER_SECONDS, Game
from nba_pipeline.sandbox.play_by_play.script import Play, Script
from nba_pipeline.sandbox.roster import Player
from nba_pipeline.sandbox.shot_zones import (
    IN_THE_PAINT,
    MID_RANGE,
    PAINT,
    RIM,
    THREES,
    TWOS,
)

TIMEOUT_STINTS = (2, 4)  # of a quarter: stints that begin with a timeout
STYLES = {
    RIM: (("Layup", "driving"), ("Layup", "cutting"), ("Layup", ""), ("Layup", "reverse"), ("DUNK", "running"), ("DUNK", "")),
    PAINT: (("Jump Shot", "driving floating"), ("Hook", "turnaround"), ("Layup", "driving finger roll"), ("Jump Shot", "pullup")),
    MID_RANGE: (("Jump Shot", "pullup"), ("Jump Shot", "step back"), ("Jump Shot", "turnaround fadeaway")),
} | dict.fromkeys(THREES, (("Jump Shot", ""), ("Jump Shot", ""), ("Jump Shot", "pullup"), ("Jump Shot", "step back")))
"""Area -> subType and descriptor."""
STOLEN_TURNOVERS = (("bad pass", ""), ("lost ball", ""))
UNFORCED_TURNOVERS = (
    ("out-of-bounds", "bad pass"),
    ("traveling", ""),
    ("out-of-bounds", "lost ball"),
    ("3-second violation", ""),
)


class Action(NamedTuple):
    """One action. Sides are 0 home and 1 away; `elapsed` is seconds of game clock since tip-off.

    `other` is the player who assisted, blocked, stole or was fouled. `shot` is the list index of the miss that was rebounded.
    `score` is the score after the action.
    """

    elapsed: float
    period: int
    kind: str
    subtype: str
    side: int | None = None
    player: Player | None = None
    other: Player | None = None
    descriptor: str = ""
    qualifiers: tuple[str, ...] = ()
    possession: int | None = None
    area: str = ""
    spot: tuple[int, int] = (0, 0)
    is_made: bool | None = None
    points: int = 0
    shot: int | None = None
    score: tuple[int, int] = (0, 0)


class _ActionLog:
    """Converts plays to actions and tracks score, clock and possession."""

    def __init__(self, script: Script) -> None:
        self.rng = script.rng
        self.players = [[row.player for row in rows] for rows in script.box]
        self.actions: list[Action] = []
        self.score = [0, 0]
        self.possession: int | None = None
        self.period, self.period_ends_at = 0, 0
        self.lost_by: int | None = None  # the side that committed a turnover in the previous play
        self.is_second_chance = False

    def append(
        self,
        at: float,
        kind: str,
        subtype: str,
        side: int | None = None,
        place: int | None = None,
        *,
        other: Player | None = None,
        descriptor: str = "",
        qualifiers: tuple[str, ...] = (),
        area: str = "",
        spot: tuple[int, int] = (0, 0),
        is_made: bool | None = None,
        points: int = 0,
        shot: int | None = None,
    ) -> None:
        """Appends one action. The clock has whole seconds, and tenths in the last minute."""
        elapsed = round(at, 1) if self.period_ends_at - at < 60 else float(round(at))
        player = None if side is None or place is None else self.players[side][place]
        if side is not None:
            self.score[side] += points
        score = self.score[0], self.score[1]
        self.actions.append(
            Action(
                elapsed,
                self.period,
                kind,
                subtype,
                side,
                player,
                other,
                descriptor,
                qualifiers,
                self.possession,
                area,
                spot,
                is_made,
                points,
                shot,
                score,
            )
        )

    def append_play(self, play: Play, at: float, pause: float) -> None:
        """Appends the actions of one play. Its rebounds occur within `pause`, the time before the next play."""
        side, opponents = play.side, 1 - play.side
        qualifiers = (("2ndchance",) if self.is_second_chance else ()) + (("fromturnover",) if self.lost_by == opponents else ())
        self.possession, self.lost_by = side, side if play.kind == "turnover" else None
        missed = len(self.actions)
        if play.kind == "shot":
            self._shot(play, at, qualifiers)
        elif play.kind == "turnover":
            self._turnover(play, at)
        elif play.kind == "steal":
            self.append(at, "steal", "", side, play.actor, area=play.area, spot=play.spot)
        if play.fouler is not None:
            self._foul(play, at)
        if play.throws:
            missed = self._free_throws(play, at, qualifiers)
        self._rebounds(play, at, pause, missed)
        self.is_second_chance = play.keeps_ball

    def _foul(self, play: Play, at: float) -> None:
        throws = len(play.throws)
        self.append(
            at,
            "foul",
            "personal",
            1 - play.side,
            play.fouler,
            other=self.players[play.side][play.actor],
            descriptor="shooting" if throws else "",
            qualifiers=(f"{throws}freethrow",) if throws else (),
            area=play.area,
            spot=play.spot,
        )

    def _free_throws(self, play: Play, at: float, qualifiers: tuple[str, ...]) -> int:
        """Appends the free throws of a play and returns the index of the last."""
        for number, is_made in enumerate(play.throws, start=1):
            self.append(
                at,
                "freethrow",
                f"{number} of {len(play.throws)}",
                play.side,
                play.actor,
                is_made=is_made,
                points=int(is_made),
                descriptor="technical" if play.is_technical else "",
                qualifiers=qualifiers,
            )
        return len(self.actions) - 1

    def _rebounds(self, play: Play, at: float, pause: float, missed: int) -> None:
        area = "" if play.throws else play.area
        for number, (side, place) in enumerate(play.rebounds, start=1):
            self.possession = side
            subtype = "offensive" if side == play.side else "defensive"
            later = at + pause * number / len(play.rebounds)
            self.append(later, "rebound", subtype, side, place, area=area, spot=play.spot, shot=missed)

    def _shot(self, play: Play, at: float, qualifiers: tuple[str, ...]) -> None:
        shot_points = 2 if play.area in TWOS else 3
        subtype, descriptor = self.rng.choice(STYLES[play.area])
        companions = play.side if play.is_made else 1 - play.side
        companion = None if play.companion is None else self.players[companions][play.companion]
        self.append(
            at,
            f"{shot_points}pt",
            subtype,
            play.side,
            play.actor,
            other=companion,
            descriptor=descriptor,
            qualifiers=("pointsinthepaint", *qualifiers) if play.area in IN_THE_PAINT else qualifiers,
            area=play.area,
            spot=play.spot,
            is_made=play.is_made,
            points=shot_points * play.is_made,
        )
        if companion is not None and not play.is_made:
            self.append(at, "block", "", companions, play.companion, area=play.area, spot=play.spot)

    def _turnover(self, play: Play, at: float) -> None:
        opponents = 1 - play.side
        stealer = None if play.companion is None else self.players[opponents][play.companion]
        subtype, descriptor = self.rng.choice(UNFORCED_TURNOVERS if stealer is None else STOLEN_TURNOVERS)
        self.append(
            at,
            "turnover",
            subtype,
            play.side,
            play.actor,
            other=stealer,
            descriptor=descriptor,
            area=play.area,
            spot=play.spot,
        )
        self.possession = opponents
        if stealer is not None:
            self.append(at, "steal", "", opponents, play.companion, area=play.area, spot=play.spot)


def recorded_actions(script: Script, game: Game, plays: list[Play]) -> list[Action]:
    """Returns all actions of a game."""
    rng, log = script.rng, _ActionLog(script)
    by_stint: list[list[Play]] = [[] for _ in script.stints]
    for play in plays:
        by_stint[play.stint].append(play)
    for number, stint in enumerate(script.stints):
        if stint.number == 0:
            if number:
                log.append(stint.starts_at, "period", "end")
            log.period = stint.period
            log.period_ends_at = stint.starts_at + (QUARTER_SECONDS if stint.period <= 4 else OVERTIME_SECONDS)
            log.possession, log.lost_by, log.is_second_chance = None, None, False
            log.append(stint.starts_at, "period", "start")
        elif stint.number in TIMEOUT_STINTS:
            log.append(stint.starts_at, "timeout", "full", rng.randrange(2), qualifiers=("team",))
        if number:
            _append_substitutions(script, log, number)
        ordered = _alternating_possessions(rng, by_stint[number])
        gap = stint.seconds / max(len(ordered), 1)
        for place, play in enumerate(ordered):
            log.append_play(play, stint.starts_at + (place + rng.uniform(0.2, 0.6)) * gap, min(0.4 * gap, 3.0))
    log.append(game.seconds, "period", "end")
    log.possession = None
    log.append(game.seconds, "game", "end")
    return log.actions


def _append_substitutions(script: Script, log: _ActionLog, number: int) -> None:
    """Appends the substitutions at the start of a stint."""
    for side in (0, 1):
        before, after = script.lineups[side][number - 1 : number + 1]
        for subtype, places, unchanged in (("out", before, after), ("in", after, before)):
            for place in places:
                if place not in unchanged:
                    log.append(script.stints[number].starts_at, "substitution", subtype, side, place)


def _alternating_possessions(rng: Random, plays: list[Play]) -> list[Play]:
    """Returns the plays of a stint in alternating possessions. An offensive rebound or a foul continues the possession."""
    turns: list[tuple[float, list[Play]]] = []
    first = rng.random()
    for side in (0, 1):
        own = [play for play in plays if play.side == side]
        rng.shuffle(own)
        possessions: list[list[Play]] = []
        for number, play in enumerate(own):
            continues = number and (
                own[number - 1].kind == "foul" or (own[number - 1].rebounds[-1:] and own[number - 1].rebounds[-1][0] == side)
            )
            if continues:
                possessions[-1].append(play)
            else:
                possessions.append([play])
        shift = 0.25 if (side == 0) == (first < 0.5) else 0.75
        turns += [((n + shift) / len(possessions), possession) for n, possession in enumerate(possessions)]
    return [play for _, possession in sorted(turns, key=lambda turn: turn[0]) for play in possession]

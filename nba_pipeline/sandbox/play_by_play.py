"""The actions of every game, generated to sum to the box score.

    box score of the league      the counts of every player, never changed here
    shots                        area and period, so that the period scores match
    lineups                      players on the court per stint, from the minutes
    companions                   assists, blocks, steals, fouls and rebounds by players on the court
    actions                      alternating possessions, with clock and score

A pure function of seed and game. A request during a game receives a prefix of the final list.
Caveats: the league draws rebounds and steals independently of misses and turnovers. A miss may therefore have two rebounds
or none, and a steal may have no turnover. Lineups change at fixed moments, so their minutes are off by one or two.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import prod
from random import Random
from typing import NamedTuple

from nba_pipeline.sandbox.league import OVERTIME_SECONDS, QUARTER_SECONDS, Boxscore, Game, League, PlayerGame
from nba_pipeline.sandbox.randomness import stable_hash
from nba_pipeline.sandbox.roster import Player
from nba_pipeline.sandbox.shot_zones import (
    ABOVE_THE_BREAK,
    IN_THE_PAINT,
    MID_RANGE,
    PAINT,
    RIM,
    THREES,
    TWOS,
    shots,
    spot,
    tastes,
)

GAMES_IN_MEMORY = 64
STINT_SECONDS = {QUARTER_SECONDS: 144, OVERTIME_SECONDS: 150}
STAYING_BONUS = 0.7  # stints by which a player on the court may exceed the fair share
TIMEOUT_STINTS = (2, 4)  # of a quarter: stints that begin with a timeout
AND_ONE_SHARE = 0.11  # of free throw pairs that become two and-ones, if there are enough fouls and made shots
ASSIST_WEIGHT = {RIM: 1.0, PAINT: 0.6, MID_RANGE: 0.5} | dict.fromkeys(THREES, 1.9)
BLOCK_WEIGHT = {RIM: 1.0, PAINT: 0.7, MID_RANGE: 0.15} | dict.fromkeys(THREES, 0.05)
AND_ONE_WEIGHT = {RIM: 1.0, PAINT: 0.5, MID_RANGE: 0.2} | dict.fromkeys(THREES, 0.03)

COUNTS = (
    "fgm", "fga", "fg3m", "fg3a", "ftm", "fta", "oreb", "dreb", "assists", "steals", "blocks", "turnovers", "fouls",
    "blocks_received", "fouls_drawn",
)  # fmt: skip
"""Counts that the actions of a player sum to."""

STYLES = {
    RIM: (("Layup", "driving"), ("Layup", "cutting"), ("Layup", ""), ("Layup", "reverse"), ("DUNK", "running"), ("DUNK", "")),
    PAINT: (("Jump Shot", "driving floating"), ("Hook", "turnaround"), ("Layup", "driving finger roll"), ("Jump Shot", "pullup")),
    MID_RANGE: (("Jump Shot", "pullup"), ("Jump Shot", "step back"), ("Jump Shot", "turnaround fadeaway")),
} | dict.fromkeys(THREES, (("Jump Shot", ""), ("Jump Shot", ""), ("Jump Shot", "pullup"), ("Jump Shot", "step back")))
"""Area -> subType and descriptor."""
ANYWHERE = (RIM, PAINT, MID_RANGE, ABOVE_THE_BREAK)
STOLEN = (("bad pass", ""), ("lost ball", ""))
LOST = (("out-of-bounds", "bad pass"), ("traveling", ""), ("out-of-bounds", "lost ball"), ("3-second violation", ""))


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


class Stint(NamedTuple):
    """Part of a period without substitutions, in seconds of game clock since tip-off."""

    period: int
    number: int
    starts_at: int
    seconds: int


@dataclass(slots=True, eq=False)
class Play:
    """An act of one player with the ball, and the other players involved. Players are row indices of their side."""

    side: int
    kind: str  # shot, throws, turnover, foul or steal
    actor: int
    area: str = ""
    spot: tuple[int, int] = (0, 0)
    is_made: bool = False
    points: int = 0  # includes free throws
    throws: list[bool] = field(default_factory=list)
    is_technical: bool = False
    stint: int = -1
    companion: int | None = None  # player who assists, blocks or steals
    fouler: int | None = None
    rebounds: list[tuple[int, int]] = field(default_factory=list)  # side and row index

    @property
    def is_missed_at_last(self) -> bool:
        """Whether the last shot or free throw missed, so that a rebound follows."""
        return not self.throws[-1] if self.throws else self.kind == "shot" and not self.is_made

    @property
    def is_kept(self) -> bool:
        """Whether the side keeps the ball."""
        return self.rebounds[-1][0] == self.side if self.rebounds else self.kind == "foul"


@dataclass(frozen=True)
class Script:
    """The inputs of a game's actions: the rows of both sides, the stints and the players on the court."""

    rng: Random
    box: Boxscore
    stints: list[Stint]
    lineups: tuple[list[list[int]], list[list[int]]]  # side, stint -> five row indices
    presence: tuple[list[list[int]], list[list[int]]]  # side, row index -> stints on the court

    def is_on_court(self, side: int, place: int, stint: int) -> bool:
        """Whether a player is on the court in a stint."""
        return place in self.lineups[side][stint]

    def taken(self, side: int, units: list[int], stint: int, unlike: int | None = None) -> int | None:
        """Removes and returns one unit, preferably of a player on the court; null if all units belong to `unlike`."""
        lineup = self.lineups[side][stint]
        best = None
        for number, place in enumerate(units):
            if place != unlike:
                best = number
                if place in lineup:
                    break
        return None if best is None else units.pop(best)


@lru_cache(maxsize=GAMES_IN_MEMORY)
def actions(league: League, game: Game) -> tuple[Action, ...]:
    """Returns all actions of a game in order. Takes about 7 ms; later calls are cached."""
    rng = Random(stable_hash(league.seed, "play by play", game.game_id))
    box = league.boxscore(game)
    stints = _stints(game.overtimes)
    home, away = (lineups(rng, rows, stints) for rows in box)
    at_home, visiting = (
        [[number for number, five in enumerate(fives) if place in five] for place in range(len(rows))]
        for fives, rows in zip((home, away), box, strict=True)
    )
    script = Script(rng, box, stints, (home, away), (at_home, visiting))
    plays = [*_side_plays(script, league, game, 0), *_side_plays(script, league, game, 1)]
    for side in (0, 1):
        _add_companions(script, side, plays)
    return tuple(_told(script, game, plays))


def rewind(box: Boxscore, seen: Iterable[Action], progress: float) -> None:
    """Changes final rows to rows of a moment. Counts come from the actions so far; minutes and plus-minus are proportional."""
    rows = {row.player.person_id: row for rows in box for row in rows}
    for row in rows.values():
        row.seconds, row.plus_minus = int(row.seconds * progress), int(row.plus_minus * progress)
        for name in COUNTS:
            setattr(row, name, 0)
    for (person_id, name), count in tally(seen).items():
        setattr(rows[person_id], name, count)
    for row in rows.values():
        row.points = 2 * row.fgm + row.fg3m + row.ftm
        row.rebounds = row.oreb + row.dreb


def tally(seen: Iterable[Action]) -> Counter[tuple[int, str]]:
    """Returns (person id, name of a count) -> count."""
    counts: Counter[tuple[int, str]] = Counter()
    for action in seen:
        other = action.other.person_id if action.other else None
        names: list[str] = []
        if action.kind in ("2pt", "3pt"):
            names = ["fga"] + (["fg3a"] if action.kind == "3pt" else [])
            names += [{"fga": "fgm", "fg3a": "fg3m"}[name] for name in names] if action.is_made else []
            if other:
                counts[(other, "assists" if action.is_made else "blocks")] += 1
                names += [] if action.is_made else ["blocks_received"]
        elif action.kind == "freethrow":
            names = ["fta", "ftm"] if action.is_made else ["fta"]
        elif action.kind == "rebound":
            names = ["oreb" if action.subtype == "offensive" else "dreb"]
        elif action.kind in ("turnover", "steal", "foul"):
            names = [action.kind + "s"]
            if action.kind == "foul" and other:
                counts[(other, "fouls_drawn")] += 1
        for name in names:
            counts[(action.player.person_id, name)] += 1  # type: ignore[union-attr]  # these actions always have a player
    return counts


def _stints(overtimes: int) -> list[Stint]:
    stints: list[Stint] = []
    start = 0
    for period in range(1, 5 + overtimes):
        length = QUARTER_SECONDS if period <= 4 else OVERTIME_SECONDS
        seconds = STINT_SECONDS[length]
        stints += [Stint(period, n, start + n * seconds, seconds) for n in range(length // seconds)]
        start += length
    return stints


def lineups(rng: Random, rows: list[PlayerGame], stints: list[Stint]) -> list[list[int]]:
    """Returns five row indices per stint: the players with the largest deficit of minutes. Starters begin.

    Every player with playing time has at least one stint.
    """
    total = sum(stint.seconds for stint in stints)
    shares = [row.seconds / total for row in rows]
    credit = [float(row.is_starter) + share * rng.random() * 0.5 for row, share in zip(rows, shares, strict=True)]
    playing = [place for place, row in enumerate(rows) if row.seconds > 0]
    fives: list[list[int]] = []
    while len(fives) < len(stints):
        for place in playing:
            credit[place] += shares[place]
        staying = fives[-1] if fives else []
        urgency = {place: credit[place] + STAYING_BONUS * (place in staying) for place in playing}
        five = sorted(playing, key=urgency.__getitem__, reverse=True)[:5]
        for place in five:
            credit[place] -= 1
        fives.append(sorted(five))
    counts = Counter(place for five in fives for place in five)
    for place in playing:
        if not counts[place]:
            five = fives[rng.randrange(1, len(fives))]
            often = max(five, key=counts.__getitem__)
            counts[often] -= 1
            counts[place] += 1
            five[five.index(often)] = place
    return fives


def _side_plays(script: Script, league: League, game: Game, side: int) -> list[Play]:
    """Returns all plays of one side, each assigned to a stint."""
    rng, rows, likes = script.rng, script.box[side], tastes(league.seed, game.fixture.season)
    plays: list[Play] = []
    for place, row in enumerate(rows):
        attempts, makes = (row.fga - row.fg3a, row.fg3a), (row.fgm - row.fg3m, row.fg3m)
        taken = [
            Play(side, "shot", place, area, spot(rng, area), is_made, is_made * (2 if area in TWOS else 3))
            for area, is_made in shots(rng, likes, row.player, game.teams[1 - side], attempts, makes)
        ]
        plays += taken + _free_throws(rng, side, place, row, [shot for shot in taken if shot.is_made])
        plays += [Play(side, "turnover", place) for _ in range(row.turnovers)]
    _set_periods(script, side, [play for play in plays if play.points], list(game.period_scores[side]))
    for play in plays:
        if play.stint < 0:
            play.stint = rng.choice(script.presence[side][play.actor])
        if not play.area:
            play.area, play.spot = _anywhere(rng)
    return plays


def _anywhere(rng: Random) -> tuple[str, tuple[int, int]]:
    """Returns an area and a spot for a play that is not a shot."""
    area = rng.choice(ANYWHERE)
    return area, spot(rng, area)


def _free_throws(rng: Random, side: int, place: int, row: PlayerGame, made: list[Play]) -> list[Play]:
    """Returns a player's free throws: pairs, and-ones after made shots, and a technical if no made shot is available."""
    results = [True] * row.ftm + [False] * (row.fta - row.ftm)
    rng.shuffle(results)
    made.sort(key=lambda shot: rng.random() ** (1 / AND_ONE_WEIGHT[shot.area]))
    pairs, and_ones = row.fta // 2, row.fta % 2
    fouls_to_spare = row.fouls_drawn - (row.fta + 1) // 2
    for _ in range(pairs):
        if fouls_to_spare > 0 and len(made) >= and_ones + 2 and rng.random() < AND_ONE_SHARE:
            fouls_to_spare, and_ones, pairs = fouls_to_spare - 1, and_ones + 2, pairs - 1
    plays = [Play(side, "throws", place, throws=[results.pop(), results.pop()]) for _ in range(pairs)]
    for _ in range(and_ones):
        if made:
            made[-1].points += results[-1]
            made.pop().throws = [results.pop()]
        else:
            plays.append(Play(side, "throws", place, throws=[results.pop()], is_technical=True))
    for play in plays:
        play.points = sum(play.throws)
    return plays


def _set_periods(script: Script, side: int, scoring: list[Play], room: list[int]) -> None:
    """Assigns scoring plays to periods so that each period has its points, and to a stint of that period.

    Each period with an odd number of missing points first receives one odd play. The other odd plays are assigned in pairs.
    Even plays fill the rest.
    """
    rng = script.rng
    stints_in = [
        {period: [n for n in there if script.stints[n].period == period] for period in range(1, len(room) + 1)}
        for there in script.presence[side]
    ]

    def put(plays: Sequence[Play], period: int) -> None:
        for play in plays:
            room[period - 1] -= play.points
            there = stints_in[play.actor][period]
            play.stint = rng.choice(there or [n for n, stint in enumerate(script.stints) if stint.period == period])

    def choose(plays: Sequence[Play]) -> int:
        points = sum(play.points for play in plays)
        weights = [
            (left >= points) * left * prod(len(stints_in[play.actor][period]) + 0.02 for play in plays)
            for period, left in enumerate(room, start=1)
        ]
        if not any(weights):
            return room.index(max(room)) + 1  # the period score is then off by a point or two; the final score is correct
        return rng.choices(range(1, len(room) + 1), weights)[0]

    rng.shuffle(scoring)
    odd = sorted((play for play in scoring if play.points % 2), key=lambda play: play.points)
    for period in sorted(range(1, len(room) + 1), key=lambda period: room[period - 1]):
        fitting = [play for play in odd if play.points <= room[period - 1]]
        if room[period - 1] % 2 and fitting:
            best = [play for play in fitting if play.points == fitting[-1].points]
            first = rng.choices(best, [len(stints_in[play.actor][period]) + 0.02 for play in best])[0]
            odd.remove(first)
            put([first], period)
    pairs = [odd[n : n + 2] for n in range(0, len(odd), 2)]
    evens = [[play] for play in scoring if play.points % 2 == 0]
    for together in (*reversed(pairs), *sorted(evens, key=lambda alone: -alone[0].points)):
        put(together, choose(together))


def _units(rng: Random, rows: list[PlayerGame], name: str) -> list[int]:
    """Returns each row index as often as the row counts, in random order."""
    units = [place for place, row in enumerate(rows) for _ in range(getattr(row, name))]
    rng.shuffle(units)
    return units


def _add_companions(script: Script, side: int, plays: list[Play]) -> None:
    """Adds the other players to the plays of a side: assists, blocks, steals, fouls and rebounds."""
    of_side = [play for play in plays if play.side == side]
    _add_assists(script, side, [play for play in of_side if play.kind == "shot" and play.is_made])
    _add_blocks(script, side, [play for play in of_side if play.kind == "shot" and not play.is_made])
    plays += _add_steals(script, side, [play for play in of_side if play.kind == "turnover"])
    plays += _add_fouls(script, side, [play for play in of_side if play.throws])
    _add_rebounds(script, side, [play for play in of_side if play.is_missed_at_last])


def _likeliest(rng: Random, plays: list[Play], weight: dict[str, float]) -> list[Play]:
    """Returns the plays in random order; areas with larger weights tend to come first."""
    return sorted(plays, key=lambda play: rng.random() ** (1 / weight[play.area]), reverse=True)


def _add_assists(script: Script, side: int, made: list[Play]) -> None:
    """Adds assists by teammates. If only the scorer has assists left, swaps with the assist of another player's shot."""
    units = _units(script.rng, script.box[side], "assists")
    ordered = _likeliest(script.rng, made, ASSIST_WEIGHT)
    stuck = []
    for shot in ordered[: len(units)]:
        shot.companion = script.taken(side, units, shot.stint, unlike=shot.actor)
        if shot.companion is None:
            stuck.append(shot)
    for shot, helper in zip(stuck, units, strict=True):
        mate = next(play for play in ordered if helper not in (play.actor, play.companion))
        shot.companion, mate.companion = mate.companion, helper


def _add_blocks(script: Script, side: int, missed: list[Play]) -> None:
    blockers = _units(script.rng, script.box[1 - side], "blocks")
    left = [row.blocks_received for row in script.box[side]]
    for shot in _likeliest(script.rng, missed, BLOCK_WEIGHT):
        if left[shot.actor]:
            left[shot.actor] -= 1
            shot.companion = script.taken(1 - side, blockers, shot.stint)


def _add_steals(script: Script, side: int, lost: list[Play]) -> list[Play]:
    """Adds steals to turnovers. Returns separate plays for the remaining steals."""
    stealers = _units(script.rng, script.box[1 - side], "steals")
    script.rng.shuffle(lost)
    for play in lost:
        play.companion = script.taken(1 - side, stealers, play.stint)
    return [
        Play(1 - side, "steal", place, *_anywhere(script.rng), stint=script.rng.choice(script.presence[1 - side][place]))
        for place in stealers
    ]


def _add_fouls(script: Script, side: int, with_throws: list[Play]) -> list[Play]:
    """Adds fouls to free throws. Returns separate plays for the remaining fouls."""
    rng = script.rng
    foulers = _units(rng, script.box[1 - side], "fouls")
    left = [row.fouls_drawn for row in script.box[side]]
    for play in with_throws:
        if left[play.actor] and not play.is_technical:
            left[play.actor] -= 1
            play.fouler = script.taken(1 - side, foulers, play.stint)
    victims = [place for place, count in enumerate(left) for _ in range(count)]
    others = []
    for victim in victims:
        stint = rng.choice(script.presence[side][victim])
        others.append(Play(side, "foul", victim, *_anywhere(rng), stint=stint, fouler=script.taken(1 - side, foulers, stint)))
    return others


def _add_rebounds(script: Script, side: int, missed: list[Play]) -> None:
    """Adds one rebound per miss. Remaining rebounds follow another rebound."""
    rng = script.rng
    units = [(side, place) for place in _units(rng, script.box[side], "oreb")]
    units += [(1 - side, place) for place in _units(rng, script.box[1 - side], "dreb")]
    rng.shuffle(units)
    while units:
        rng.shuffle(missed)
        for play in missed[: len(units)]:
            there = (n for n, unit in enumerate(units) if script.is_on_court(*unit, play.stint))
            play.rebounds.append(units.pop(next(there, -1)))


def _in_turns(rng: Random, plays: list[Play]) -> list[Play]:
    """Returns the plays of a stint in alternating possessions. An offensive rebound or a foul continues the possession."""
    turns: list[tuple[float, list[Play]]] = []
    first = rng.random()
    for side in (0, 1):
        own = [play for play in plays if play.side == side]
        rng.shuffle(own)
        possessions: list[list[Play]] = []
        for number, play in enumerate(own):
            goes_on = number and (
                own[number - 1].kind == "foul" or (own[number - 1].rebounds[-1:] and own[number - 1].rebounds[-1][0] == side)
            )
            if goes_on:
                possessions[-1].append(play)
            else:
                possessions.append([play])
        shift = 0.25 if (side == 0) == (first < 0.5) else 0.75
        turns += [((n + shift) / len(possessions), possession) for n, possession in enumerate(possessions)]
    return [play for _, possession in sorted(turns, key=lambda turn: turn[0]) for play in possession]


class _Teller:
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

    def say(
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
            Action(elapsed, self.period, kind, subtype, side, player, other, descriptor, qualifiers, self.possession,
                   area, spot, is_made, points, shot, score)
        )  # fmt: skip

    def tell(self, play: Play, at: float, pause: float) -> None:
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
            self.say(at, "steal", "", side, play.actor, area=play.area, spot=play.spot)
        throws = len(play.throws)
        if play.fouler is not None:
            self.say(
                at, "foul", "personal", opponents, play.fouler, other=self.players[side][play.actor],
                descriptor="shooting" if throws else "", qualifiers=(f"{throws}freethrow",) if throws else (),
                area=play.area, spot=play.spot,
            )  # fmt: skip
        for number, is_made in enumerate(play.throws, start=1):
            missed = len(self.actions)
            self.say(
                at, "freethrow", f"{number} of {throws}", side, play.actor, is_made=is_made, points=int(is_made),
                descriptor="technical" if play.is_technical else "", qualifiers=qualifiers,
            )  # fmt: skip
        area = "" if play.throws else play.area
        for number, (rebounding, place) in enumerate(play.rebounds, start=1):
            self.possession = rebounding
            subtype = "offensive" if rebounding == side else "defensive"
            later = at + pause * number / len(play.rebounds)
            self.say(later, "rebound", subtype, rebounding, place, area=area, spot=play.spot, shot=missed)
        self.is_second_chance = play.is_kept

    def _shot(self, play: Play, at: float, qualifiers: tuple[str, ...]) -> None:
        worth = 2 if play.area in TWOS else 3
        subtype, descriptor = self.rng.choice(STYLES[play.area])
        companions = play.side if play.is_made else 1 - play.side
        companion = None if play.companion is None else self.players[companions][play.companion]
        self.say(
            at, f"{worth}pt", subtype, play.side, play.actor, other=companion, descriptor=descriptor,
            qualifiers=("pointsinthepaint", *qualifiers) if play.area in IN_THE_PAINT else qualifiers,
            area=play.area, spot=play.spot, is_made=play.is_made, points=worth * play.is_made,
        )  # fmt: skip
        if companion is not None and not play.is_made:
            self.say(at, "block", "", companions, play.companion, area=play.area, spot=play.spot)

    def _turnover(self, play: Play, at: float) -> None:
        opponents = 1 - play.side
        stealer = None if play.companion is None else self.players[opponents][play.companion]
        subtype, descriptor = self.rng.choice(LOST if stealer is None else STOLEN)
        self.say(
            at, "turnover", subtype, play.side, play.actor,
            other=stealer, descriptor=descriptor, area=play.area, spot=play.spot,
        )  # fmt: skip
        self.possession = opponents
        if stealer is not None:
            self.say(at, "steal", "", opponents, play.companion, area=play.area, spot=play.spot)


def _told(script: Script, game: Game, plays: list[Play]) -> list[Action]:
    """Returns all actions of a game."""
    rng, teller = script.rng, _Teller(script)
    by_stint: list[list[Play]] = [[] for _ in script.stints]
    for play in plays:
        by_stint[play.stint].append(play)
    for number, stint in enumerate(script.stints):
        if stint.number == 0:
            if number:
                teller.say(stint.starts_at, "period", "end")
            teller.period = stint.period
            teller.period_ends_at = stint.starts_at + (QUARTER_SECONDS if stint.period <= 4 else OVERTIME_SECONDS)
            teller.possession, teller.lost_by, teller.is_second_chance = None, None, False
            teller.say(stint.starts_at, "period", "start")
        elif stint.number in TIMEOUT_STINTS:
            teller.say(stint.starts_at, "timeout", "full", rng.randrange(2), qualifiers=("team",))
        if number:
            _exchange(script, teller, number)
        in_turns = _in_turns(rng, by_stint[number])
        gap = stint.seconds / max(len(in_turns), 1)
        for place, play in enumerate(in_turns):
            teller.tell(play, stint.starts_at + (place + rng.uniform(0.2, 0.6)) * gap, min(0.4 * gap, 3.0))
    teller.say(game.seconds, "period", "end")
    teller.possession = None
    teller.say(game.seconds, "game", "end")
    return teller.actions


def _exchange(script: Script, teller: _Teller, number: int) -> None:
    """Appends the substitutions at the start of a stint."""
    for side in (0, 1):
        before, after = script.lineups[side][number - 1 : number + 1]
        for subtype, places, others in (("out", before, after), ("in", after, before)):
            for place in places:
                if place not in others:
                    teller.say(script.stints[number].starts_at, "substitution", subtype, side, place)

"""Where shots are taken from and go in: the tastes of players and defences, stable for a season.

The simulation knows how many twos and threes a player took and made, not from where. That split is made here, and the box
score stays as it is.
"""

from dataclasses import dataclass
from functools import lru_cache
from math import atan2, degrees, hypot
from random import Random

import numpy as np

from nba_pipeline.league.teams import TEAMS
from nba_pipeline.sandbox.randomness import generator
from nba_pipeline.sandbox.roster import PLAYERS_PER_TEAM, POSITIONS, Player

RIM, PAINT, MID_RANGE = "Restricted Area", "In The Paint (Non-RA)", "Mid-Range"
ABOVE_THE_BREAK, LEFT_CORNER, RIGHT_CORNER = "Above the Break 3", "Left Corner 3", "Right Corner 3"
TWOS, THREES = (RIM, PAINT, MID_RANGE), (ABOVE_THE_BREAK, LEFT_CORNER, RIGHT_CORNER)
IN_THE_PAINT = frozenset({RIM, PAINT})

TWO_POINT_SHARE = np.array([0.41, 0.40, 0.19])  # of TWOS, of the average player
TWO_POINT_PCT = np.array([0.66, 0.46, 0.415])
RIM_TASTE_OF_BIG_MEN = {"SF": 0.0, "PF": 0.15, "C": 0.55, "SG": -0.15, "PG": -0.20}
MID_RANGE_TASTE_OF_BIG_MEN = {"SF": 0.10, "PF": -0.15, "C": -0.65, "SG": 0.20, "PG": 0.15}
CORNER_SHARE = 0.26  # of threes
CORNER_ODDS = 1.10  # of a corner three against one from above the break


@dataclass(frozen=True)
class Tastes:
    """What is stable about a season's shots. Nested lists, because they are read one number at a time."""

    of_twos: list[list[list[float]]]  # (30 teams, 15 slots, TWOS): weights
    of_corners: list[list[float]]  # (30, 15): share of threes
    allowed: list[list[float]]  # (30 teams, TWOS): times the weight of an opponent's attempt
    odds: list[list[float]]  # (30 teams, TWOS): odds of an opponent's make


@lru_cache(maxsize=8)
def tastes(seed: int, season: str) -> Tastes:
    """Career tastes of the seed, moved a little every season."""
    career, year = generator(seed, "shot zones"), generator(seed, "shot zones", season)

    def trait(spread: float, season_spread: float, *shape: int) -> np.ndarray:
        return career.normal(0, spread, shape) + year.normal(0, season_spread, shape)

    people = len(TEAMS), PLAYERS_PER_TEAM
    positions = [POSITIONS[slot % len(POSITIONS)] for slot in range(PLAYERS_PER_TEAM)]
    weights = np.log(TWO_POINT_SHARE) + trait(0.22, 0.08, *people, len(TWOS))
    weights[..., 0] += [RIM_TASTE_OF_BIG_MEN[position] for position in positions]
    weights[..., 2] += [MID_RANGE_TASTE_OF_BIG_MEN[position] for position in positions] + trait(0.35, 0.10, *people)
    odds = np.log(TWO_POINT_PCT / (1 - TWO_POINT_PCT))
    return Tastes(
        of_twos=np.exp(weights).tolist(),
        of_corners=np.clip(CORNER_SHARE + trait(0.09, 0.03, *people), 0.03, 0.60).tolist(),
        allowed=np.exp(trait(0.10, 0.05, len(TEAMS), len(TWOS))).tolist(),
        odds=np.exp(odds + trait(0.10, 0.05, len(TEAMS), len(TWOS))).tolist(),
    )


def shots(
    rng: Random, likes: Tastes, player: Player, defence: str, attempts: tuple[int, int], makes: tuple[int, int]
) -> list[tuple[str, bool]]:
    """Area and success of every shot of a player's game. `attempts` and `makes` are of twos and threes."""
    team, other = TEAMS.index(player.team), TEAMS.index(defence)
    weights = [taste * allowed for taste, allowed in zip(likes.of_twos[team][player.slot], likes.allowed[other], strict=True)]
    corner = likes.of_corners[team][player.slot]
    twos = _split(rng, TWOS, weights, likes.odds[other], attempts[0], makes[0])
    threes = _split(rng, THREES, [1 - corner, corner / 2, corner / 2], [1, CORNER_ODDS, CORNER_ODDS], attempts[1], makes[1])
    return twos + threes


def _split(
    rng: Random, areas: tuple[str, ...], weights: list[float], odds: list[float], attempts: int, makes: int
) -> list[tuple[str, bool]]:
    """Areas by weight; then as many makes as there were, the likelier shots first (Efraimidis and Spirakis, 2006)."""
    places = rng.choices(range(len(areas)), weights, k=attempts)
    order = sorted(places, key=lambda place: rng.random() ** (1 / odds[place]), reverse=True)
    return [(areas[place], number < makes) for number, place in enumerate(order)]


def spot(rng: Random, area: str) -> tuple[int, int]:
    """A point of an area in tenths of a foot: across from the basket, negative on the left, and out from it."""
    u, v, hand = rng.random(), rng.random(), rng.random() < 0.5
    if area == RIM:
        return int(-26 + 52 * u), int(-8 + 36 * v)
    if area == PAINT:
        return int(-76 + 152 * u), int(44 + 91 * v)
    if area == MID_RANGE and u < 0.6:
        return int(86 + 200 * u) * (-1 if hand else 1), int(-30 + 95 * v)
    if area == MID_RANGE:
        return int(-75 + 150 * v), int(145 + 175 * (u - 0.6))
    if area == ABOVE_THE_BREAK:
        across = int(-210 + 420 * u)
        return across, int(((239 + 33 * v) ** 2 - across**2) ** 0.5)
    return (-1 if area == LEFT_CORNER else 1) * int(222 + 12 * u), int(-35 + 110 * v)


def distance_feet(across: int, out: int) -> float:
    """From the basket, hundredths of a foot."""
    return round(hypot(across, out) / 10, 2)


def area_detail(area: str, across: int, out: int) -> str:
    """The league's band and sector of a point: 8-16 Left."""
    if area in (LEFT_CORNER, RIGHT_CORNER):
        return "24+ Left" if area == LEFT_CORNER else "24+ Right"
    feet, angle = hypot(across, out) / 10, degrees(atan2(across, out))
    hand = "Left" if angle < 0 else "Right"
    if feet < 8:
        return "0-8 Center"
    if feet < 16 and area not in THREES:
        return f"8-16 {hand if abs(angle) > 25 else 'Center'}"
    sector = "Center" if abs(angle) < 18 else f"{hand} Center" if abs(angle) < 72 else hand
    return f"{'24+' if area in THREES else '16-24'} {sector}"

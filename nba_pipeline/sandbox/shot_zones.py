"""Areas of shots and makes, drawn from preferences of players and defenses that are stable within a season.

The simulation determines how many twos and threes a player took and made. This module splits them by area and does not
change the box score.
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

TWO_POINT_SHARE = np.array([0.41, 0.40, 0.19])  # of TWOS, for the average player
TWO_POINT_PCT = np.array([0.66, 0.46, 0.415])
RIM_WEIGHT_BY_POSITION = {"SF": 0.0, "PF": 0.15, "C": 0.55, "SG": -0.15, "PG": -0.20}
MID_RANGE_WEIGHT_BY_POSITION = {"SF": 0.10, "PF": -0.15, "C": -0.65, "SG": 0.20, "PG": 0.15}
CORNER_SHARE = 0.26  # of threes
CORNER_ODDS = 1.10  # of a corner three relative to one above the break


@dataclass(frozen=True)
class ShotPreferences:
    """Shooting preferences of a season. Nested lists, because values are read one at a time."""

    of_twos: list[list[list[float]]]  # (30 teams, 15 slots, TWOS): weights
    of_corners: list[list[float]]  # (30, 15): share of threes
    allowed: list[list[float]]  # (30 teams, TWOS): multiplies the weight of an opponent's attempt
    odds: list[list[float]]  # (30 teams, TWOS): odds that an opponent's attempt is made


@lru_cache(maxsize=8)
def shot_preferences(seed: int, season: str) -> ShotPreferences:
    """Returns the preferences of a season: career preferences of the seed with a small seasonal change."""
    career, year = generator(seed, "shot zones"), generator(seed, "shot zones", season)

    def trait(spread: float, season_spread: float, *shape: int) -> np.ndarray:
        return career.normal(0, spread, shape) + year.normal(0, season_spread, shape)

    people = len(TEAMS), PLAYERS_PER_TEAM
    positions = [POSITIONS[slot % len(POSITIONS)] for slot in range(PLAYERS_PER_TEAM)]
    weights = np.log(TWO_POINT_SHARE) + trait(0.22, 0.08, *people, len(TWOS))
    weights[..., 0] += [RIM_WEIGHT_BY_POSITION[position] for position in positions]
    weights[..., 2] += [MID_RANGE_WEIGHT_BY_POSITION[position] for position in positions] + trait(0.35, 0.10, *people)
    odds = np.log(TWO_POINT_PCT / (1 - TWO_POINT_PCT))
    return ShotPreferences(
        of_twos=np.exp(weights).tolist(),
        of_corners=np.clip(CORNER_SHARE + trait(0.09, 0.03, *people), 0.03, 0.60).tolist(),
        allowed=np.exp(trait(0.10, 0.05, len(TEAMS), len(TWOS))).tolist(),
        odds=np.exp(odds + trait(0.10, 0.05, len(TEAMS), len(TWOS))).tolist(),
    )


def shots(
    rng: Random, preferences: ShotPreferences, player: Player, defense: str, attempts: tuple[int, int], makes: tuple[int, int]
) -> list[tuple[str, bool]]:
    """Returns area and success of all shots of a player in a game. `attempts` and `makes` are (twos, threes)."""
    team, other = TEAMS.index(player.team), TEAMS.index(defense)
    weights = [
        preference * allowed
        for preference, allowed in zip(preferences.of_twos[team][player.slot], preferences.allowed[other], strict=True)
    ]
    corner = preferences.of_corners[team][player.slot]
    twos = _split(rng, TWOS, weights, preferences.odds[other], attempts[0], makes[0])
    threes = _split(rng, THREES, [1 - corner, corner / 2, corner / 2], [1, CORNER_ODDS, CORNER_ODDS], attempts[1], makes[1])
    return twos + threes


def _split(
    rng: Random, areas: tuple[str, ...], weights: list[float], odds: list[float], attempts: int, makes: int
) -> list[tuple[str, bool]]:
    """Draws areas by weight, then assigns the makes by odds (weighted sampling, Efraimidis and Spirakis, 2006)."""
    places = rng.choices(range(len(areas)), weights, k=attempts)
    order = sorted(places, key=lambda place: rng.random() ** (1 / odds[place]), reverse=True)
    return [(areas[place], number < makes) for number, place in enumerate(order)]


def spot(rng: Random, area: str) -> tuple[int, int]:
    """Returns a point in an area, in tenths of a foot from the basket: across (negative on the left) and out."""
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
    """Returns the distance from the basket in feet, rounded to 0.01."""
    return round(hypot(across, out) / 10, 2)


def area_detail(area: str, across: int, out: int) -> str:
    """Returns the league's distance band and sector of a point, for example "8-16 Left"."""
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

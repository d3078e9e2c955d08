"""The players: fifteen per club, with fixed names, ids and bodies. Talents depend on seed and season."""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from nba_pipeline.league.teams import TEAMS
from nba_pipeline.sandbox.names import FAMILY_NAMES, FIRST_NAMES, SUFFIXES, without_accents
from nba_pipeline.sandbox.randomness import generator

PLAYERS_PER_TEAM = 15
FIRST_PERSON_ID = 9_000_001
SUFFIX_SHARE = 0.06
POSITIONS = ("SF", "PF", "C", "SG", "PG")

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Booleans = NDArray[np.bool_]


BORN_FIRST, BORN_LAST = date(1989, 7, 2), date(2002, 9, 30)
"""With these limits, all players are 19 to 38 years old from October 2021 to June 2028, without changing clubs."""

LATEST_DEBUT = 2021
AVERAGE_HEIGHT = {"PG": 74.5, "SG": 77.0, "SF": 79.0, "PF": 81.0, "C": 83.5}
"""Position -> inches."""


@dataclass(frozen=True)
class Body:
    """Constant facts of a player: birth date, height in inches, weight in pounds, first year of the first season."""

    birth_date: date
    height_inches: int
    weight_pounds: int
    debut_year: int


@dataclass(frozen=True)
class Player:
    """One invented player. `slot` 0-14 is the rank in the rotation; family_name includes the suffix, as in NBA data."""

    person_id: int
    team: str
    slot: int
    first_name: str
    family_name: str
    suffix: str
    position: str
    jersey_number: str

    @cached_property
    def name(self) -> str:
        """The name as spelled by the league."""
        return f"{self.first_name} {self.family_name}"

    @property
    def balldontlie_id(self) -> int:
        """The balldontlie id."""
        return self.person_id * 7 % 99_999_989

    @property
    def espn_id(self) -> int:
        """The ESPN id."""
        return 3_000_000 + self.person_id * 13 % 1_999_993

    @cached_property
    def body(self) -> Body:
        """Birth date, height and weight, independent of the league's seed."""
        rng = generator("body", self.person_id)
        born = BORN_FIRST + timedelta(days=int((BORN_LAST - BORN_FIRST).days * rng.beta(1.4, 1.0)))
        height = AVERAGE_HEIGHT[self.position] + rng.normal(0, 1.3)
        weight = 215 + 6.5 * (height - 79) + rng.normal(0, 10)
        debut_year = min(born.year + int(rng.integers(19, 24)), LATEST_DEBUT)
        return Body(born, round(float(height)), round(float(weight)), debut_year)

    def spelling(self, *, accents: bool = True, suffix: bool = True, initial: bool = False) -> str:
        """Returns the name as another provider might spell it."""
        first = f"{self.first_name[0]}." if initial else self.first_name
        family = self.family_name if suffix else self.family_name.removesuffix(f" {self.suffix}")
        return f"{first} {family}" if accents else without_accents(f"{first} {family}")


@lru_cache(maxsize=1)
def roster() -> dict[str, tuple[Player, ...]]:
    """Returns tricode -> fifteen players in slot order, independent of the seed. Initial and family name are unique."""
    rng = generator("roster")
    used_names: set[str] = set()
    players: dict[str, tuple[Player, ...]] = {}
    families = [FAMILY_NAMES[i] for _ in range(3) for i in rng.permutation(len(FAMILY_NAMES))]
    person_id = FIRST_PERSON_ID
    for team in TEAMS:
        members = []
        numbers = rng.permutation(56)
        for slot in range(PLAYERS_PER_TEAM):
            family = families.pop()
            first = FIRST_NAMES[int(rng.integers(len(FIRST_NAMES)))]
            while f"{first[0]} {family}" in used_names:
                first = FIRST_NAMES[int(rng.integers(len(FIRST_NAMES)))]
            used_names.add(f"{first[0]} {family}")
            suffix = SUFFIXES[int(rng.integers(len(SUFFIXES)))] if rng.random() < SUFFIX_SHARE else ""
            position = POSITIONS[slot % 5]
            full_family = f"{family} {suffix}".strip()
            members.append(Player(person_id, team, slot, first, full_family, suffix, position, str(numbers[slot])))
            person_id += 1
        players[team] = tuple(members)
    return players


SHOT_WEIGHT = np.array([1.58, 1.27, 1.08, 0.93, 0.85, 0.98, 0.90, 0.85, 0.82, 0.78, 0.75, 0.72, 0.70, 0.70, 0.70])


@dataclass(frozen=True)
class Talents:
    """The abilities of the players in a season. Arrays have shape (30 teams, 15 slots) unless noted; rates are fractions."""

    minutes_factor: Floats  # multiplies the rotation minutes of the slot
    shot_weight: Floats  # shots per minute relative to teammates
    free_throw_weight: Floats
    two_point_pct: Floats
    three_point_share: Floats  # of field goal attempts
    three_point_pct: Floats
    free_throw_pct: Floats
    offensive_rebound_share: Floats  # of available rebounds, per 48 minutes
    defensive_rebound_share: Floats
    assist_share: Floats  # of teammates' field goals, per 48 minutes
    steals: Floats  # per 48 minutes, like the next three fields
    blocks: Floats
    turnovers: Floats
    fouls: Floats
    offense: Floats  # (30 teams): added to shooting fractions
    defense: Floats  # (30 teams): subtracted from the opponent's shooting fractions
    pace: Floats  # (30 teams): factor


def talents(seed: int, season: str) -> Talents:
    """Returns the talents of a season: career talent of the seed with a small seasonal change."""
    career, year = generator(seed, "career"), generator(seed, "season talent", season)
    shape = (len(TEAMS), PLAYERS_PER_TEAM)

    def trait(spread: float, season_spread: float) -> Floats:
        return career.normal(0, spread, shape) + year.normal(0, season_spread, shape)

    def club_trait(spread: float, season_spread: float) -> Floats:
        return career.normal(0, spread, len(TEAMS)) + year.normal(0, season_spread, len(TEAMS))

    size = np.broadcast_to(np.array([0.35, 0.65, 1.0, 0.15, 0.0] * 3), shape)  # in the order of POSITIONS
    return Talents(
        minutes_factor=np.exp(trait(0.05, 0.04)),
        shot_weight=SHOT_WEIGHT * np.exp(trait(0.10, 0.06)),
        free_throw_weight=np.exp(trait(0.22, 0.10)),
        two_point_pct=0.522 + 0.045 * size + trait(0.018, 0.010),
        three_point_share=np.clip(0.56 - 0.42 * size + trait(0.07, 0.03), 0.02, 0.72),
        three_point_pct=np.clip(0.362 - 0.020 * size + trait(0.014, 0.008), 0.27, 0.43),
        free_throw_pct=np.clip(0.82 - 0.10 * size + trait(0.05, 0.015), 0.5, 0.94),
        offensive_rebound_share=(0.016 + 0.060 * size) * np.exp(trait(0.25, 0.08)),
        defensive_rebound_share=(0.085 + 0.125 * size) * np.exp(trait(0.15, 0.05)),
        assist_share=(0.182 - 0.115 * size) * np.exp(trait(0.30, 0.08)),
        steals=1.45 * np.exp(trait(0.25, 0.08)),
        blocks=(0.4 + 1.3 * size) * np.exp(trait(0.30, 0.08)),
        turnovers=1.6 + 1.1 * SHOT_WEIGHT * np.exp(trait(0.15, 0.05)),
        fouls=(3.4 + 1.6 * size) * np.exp(trait(0.15, 0.05)),
        offense=club_trait(0.008, 0.005),
        defense=club_trait(0.007, 0.005),
        pace=1 + club_trait(0.018, 0.008),
    )

"""Invented referees: three per game, and at most one game per referee and date."""

from dataclasses import dataclass
from functools import lru_cache
from random import Random

from nba_pipeline.sandbox.names import FAMILY_NAMES, FIRST_NAMES
from nba_pipeline.sandbox.randomness import stable_hash
from nba_pipeline.sandbox.schedule import Fixture

OFFICIALS = 60
OFFICIALS_PER_GAME = 3
FIRST_OFFICIAL_ID = 9_100_001


@dataclass(frozen=True, slots=True)
class Official:
    """One referee."""

    person_id: int
    first_name: str
    family_name: str
    jersey_number: str


@lru_cache(maxsize=1)
def officials() -> tuple[Official, ...]:
    """Returns all referees, independent of the seed."""
    rng = Random(stable_hash("officials"))
    families, numbers = rng.sample(FAMILY_NAMES, OFFICIALS), rng.sample(range(2, 90), OFFICIALS)
    return tuple(
        Official(FIRST_OFFICIAL_ID + place, rng.choice(FIRST_NAMES), family, str(number))
        for place, (family, number) in enumerate(zip(families, numbers, strict=True))
    )


@lru_cache(maxsize=512)
def crew(seed: int, fixture: Fixture) -> tuple[Official, ...]:
    """Returns the three referees of a game, crew chief first."""
    order = Random(stable_hash(seed, "officials", fixture.game_date)).sample(officials(), OFFICIALS)
    first = OFFICIALS_PER_GAME * (fixture.sequence - 1)
    return tuple(order[first : first + OFFICIALS_PER_GAME])

"""Who is out: injuries that last days or weeks, rest on back-to-backs, and what was announced in time."""

from dataclasses import dataclass

import numpy as np

from nba_pipeline.sandbox.randomness import generator
from nba_pipeline.sandbox.roster import PLAYERS_PER_TEAM, Booleans, Integers
from nba_pipeline.teams import TEAMS

EPISODES = 9
MEAN_HEALTHY_DAYS = 75.0
LATE_SHARE = 0.35  # of episodes whose first game is missed too late for the books to know
REST_SHARE = 0.07  # of back-to-backs that a leading player sits out
LEADING_SLOTS = 3
LEAST_AVAILABLE = 9

INJURIES = (
    "Left Ankle; Sprain", "Right Ankle; Sprain", "Left Knee; Soreness", "Right Knee; Contusion",
    "Left Hamstring; Strain", "Right Hamstring; Tightness", "Lower Back; Spasms", "Left Calf; Strain",
    "Right Calf; Strain", "Left Wrist; Sprain", "Right Shoulder; Strain", "Left Groin; Tightness",
    "N/A; Illness", "Right Hip; Contusion", "Left Foot; Soreness",
)  # fmt: skip

PLAYED, INJURED, RESTED, NOT_DRESSED, COACH_DECISION = range(5)
"""Why a player did or did not play, as coded in the arrays."""


@dataclass(frozen=True)
class Absences:
    """Arrays are (games, 2 sides, 15 slots). `known` is what the world knew when the books opened."""

    available: Booleans
    known_available: Booleans
    reason: Integers  # PLAYED, INJURED or RESTED
    injury: Integers  # place in INJURIES, where INJURED


def season_absences(seed: int, season: str, teams: Integers, day_numbers: Integers, rest_days: Integers) -> Absences:
    """Absences of every game; teams and rest_days are (games, 2), day_numbers (games,)."""
    rng = generator(seed, "absences", season)
    shape = (len(TEAMS), PLAYERS_PER_TEAM, EPISODES)
    kind = rng.random(shape)
    days, weeks, months = rng.integers(2, 7, shape), rng.integers(7, 22, shape), rng.integers(22, 61, shape)
    length = np.where(kind < 0.6, days, np.where(kind < 0.9, weeks, months))
    healthy = rng.exponential(MEAN_HEALTHY_DAYS, shape).astype(np.int64) + 1
    start = np.cumsum(healthy, axis=-1) + np.cumsum(length, axis=-1) - length - int(MEAN_HEALTHY_DAYS / 3)
    is_late = (rng.random(shape) < LATE_SHARE).astype(np.int64)
    injuries = rng.integers(len(INJURIES), size=shape)

    day = day_numbers[:, None, None, None]
    is_in_episode = (start[teams] <= day) & (day < (start + length)[teams])
    injured = is_in_episode.any(axis=-1)
    episode = is_in_episode.argmax(axis=-1)[..., None]

    def of_episode(values: Integers) -> Integers:
        return np.take_along_axis(values[teams], episode, axis=-1)[..., 0]

    is_first_game_missed = of_episode(start) > (day_numbers[:, None] - rest_days)[..., None]
    late = injured & of_episode(is_late).astype(np.bool_) & is_first_game_missed
    leading = np.arange(PLAYERS_PER_TEAM) < LEADING_SLOTS
    rested = ~injured & leading & (rest_days == 1)[..., None] & (rng.random(injured.shape) < REST_SHARE)
    available = _with_enough_players(~injured & ~rested)
    reason = np.where(available, PLAYED, np.where(injured, INJURED, RESTED))
    return Absences(
        available=available,
        known_available=available | late,
        reason=reason.astype(np.int64),
        injury=of_episode(injuries),
    )


def _with_enough_players(available: Booleans) -> Booleans:
    """Where fewer than nine could play, the best of the others play hurt."""
    order = np.argsort(~available, axis=-1, kind="stable")
    place = np.argsort(order, axis=-1, kind="stable")
    return available | (place < LEAST_AVAILABLE)

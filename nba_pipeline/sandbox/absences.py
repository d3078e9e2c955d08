"""Who is out: injuries that last days or weeks, rest on back-to-backs, and what was announced in time."""

from dataclasses import dataclass

import numpy as np

from nba_pipeline.league.teams import TEAMS
from nba_pipeline.sandbox.randomness import generator
from nba_pipeline.sandbox.roster import PLAYERS_PER_TEAM, Booleans, Integers
from nba_pipeline.sandbox.schedule import Fixture

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
    injury: Integers  # place in INJURIES, where injured
    injured: Booleans  # hurt, who plays hurt included
    first_missed: Booleans  # the first game of an injury
    injured_last_game: Booleans  # in the team's game before this one
    last_injury: Integers  # place in INJURIES, where injured_last_game


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
    injury, (last_game, last_side), is_first = of_episode(injuries), *_last_games(teams)
    return Absences(
        available=available,
        known_available=available | late,
        reason=reason.astype(np.int64),
        injury=injury,
        injured=injured,
        first_missed=injured & is_first_game_missed,
        injured_last_game=injured[last_game, last_side] & ~is_first[..., None],
        last_injury=injury[last_game, last_side],
    )


def fixtures_absences(seed: int, season: str, fixtures: list[Fixture]) -> Absences:
    """Absences of every game of a programme, in its order."""
    teams = np.array([[TEAMS.index(f.home), TEAMS.index(f.away)] for f in fixtures])
    rest_days = np.array([[f.home_rest_days, f.away_rest_days] for f in fixtures])
    ordinals = np.array([f.game_date.toordinal() for f in fixtures])
    return season_absences(seed, season, teams, ordinals - ordinals[0], rest_days)


def _last_games(teams: Integers) -> tuple[tuple[Integers, Integers], Booleans]:
    """Place and side of each team's game before, itself where it is the team's first, and whether it is that."""
    flat = teams.ravel()
    order = np.argsort(flat, kind="stable")
    is_first = np.append(True, np.diff(flat[order]) != 0)
    before = np.empty_like(order)
    before[order] = np.where(is_first, order, np.roll(order, 1))
    first = np.empty(flat.size, dtype=np.bool_)
    first[order] = is_first
    return (before.reshape(teams.shape) // 2, before.reshape(teams.shape) % 2), first.reshape(teams.shape)


def _with_enough_players(available: Booleans) -> Booleans:
    """Where fewer than nine could play, the best of the others play hurt."""
    order = np.argsort(~available, axis=-1, kind="stable")
    place = np.argsort(order, axis=-1, kind="stable")
    return available | (place < LEAST_AVAILABLE)

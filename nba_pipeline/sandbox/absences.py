"""Player absences: injuries, rest on back-to-backs, and the absences that are known before the lines open."""

from dataclasses import dataclass

import numpy as np

from nba_pipeline.league.teams import TEAMS
from nba_pipeline.sandbox.randomness import generator
from nba_pipeline.sandbox.roster import PLAYERS_PER_TEAM, Booleans, Integers

EPISODES = 20  # at most, per player and season
MEAN_HEALTHY_DAYS = 33.0
EPISODE_DAYS = ((1, 3), (3, 9), (9, 22), (22, 61))  # shortest, and longest plus one
EPISODE_SHARE = (0.52, 0.33, 0.11, 0.04)
LATE_SHARE = 0.35  # of injuries: the first missed game becomes known too late for the books
REST_SHARE = 0.07  # of back-to-backs: a leading player rests
LEADING_SLOTS = 3
MIN_AVAILABLE = 9

INJURIES = (
    "Left Ankle; Sprain",
    "Right Ankle; Sprain",
    "Left Knee; Soreness",
    "Right Knee; Contusion",
    "Left Hamstring; Strain",
    "Right Hamstring; Tightness",
    "Lower Back; Spasms",
    "Left Calf; Strain",
    "Right Calf; Strain",
    "Left Wrist; Sprain",
    "Right Shoulder; Strain",
    "Left Groin; Tightness",
    "N/A; Illness",
    "Right Hip; Contusion",
    "Left Foot; Soreness",
)

PLAYED, INJURED, RESTED, NOT_DRESSED, COACH_DECISION = range(5)
"""Codes in the arrays for the reason why a player did or did not play."""


@dataclass(frozen=True)
class Absences:
    """Arrays have shape (games, 2 sides, 15 slots). `known_available` is the availability known when the books opened."""

    available: Booleans
    known_available: Booleans
    reason: Integers  # PLAYED, INJURED or RESTED
    injury: Integers  # index in INJURIES; valid if injured
    injured: Booleans  # includes players who play hurt
    first_missed: Booleans  # first game of an injury
    injured_last_game: Booleans  # injured in the team's previous game
    last_injury: Integers  # index in INJURIES; valid if injured_last_game


def season_absences(seed: int, season: str, teams: Integers, day_numbers: Integers, rest_days: Integers) -> Absences:
    """Returns the absences of every game. `teams` and `rest_days` have shape (games, 2), `day_numbers` (games,)."""
    rng = generator(seed, "absences", season)
    shape = (len(TEAMS), PLAYERS_PER_TEAM, EPISODES)
    kind = rng.choice(len(EPISODE_DAYS), p=EPISODE_SHARE, size=shape)
    length = rng.integers(*np.array(EPISODE_DAYS)[kind].transpose(3, 0, 1, 2))
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


def _last_games(teams: Integers) -> tuple[tuple[Integers, Integers], Booleans]:
    """Returns the index and side of each team's previous game, and whether the game is the team's first.

    A first game is its own previous game.
    """
    flat = teams.ravel()
    order = np.argsort(flat, kind="stable")
    is_first = np.append(True, np.diff(flat[order]) != 0)
    before = np.empty_like(order)
    before[order] = np.where(is_first, order, np.roll(order, 1))
    first = np.empty(flat.size, dtype=np.bool_)
    first[order] = is_first
    return (before.reshape(teams.shape) // 2, before.reshape(teams.shape) % 2), first.reshape(teams.shape)


def _with_enough_players(available: Booleans) -> Booleans:
    """Makes the best unavailable players play hurt where fewer than nine are available."""
    order = np.argsort(~available, axis=-1, kind="stable")
    place = np.argsort(order, axis=-1, kind="stable")
    return available | (place < MIN_AVAILABLE)

"""Shots and points of the simulated games, and the points expected before each game."""

from dataclasses import dataclass, fields
from typing import cast

import numpy as np

from nba_pipeline.sandbox.roster import Floats, Integers, Talents

FIELD_GOAL_ATTEMPTS = 88.5  # per team in regulation, at a pace of 1
FREE_THROW_ATTEMPTS = 22.0
REGULATION_RESCUE_SHARE = 0.60  # of one-point games in which the trailing side ties with a free throw


@dataclass
class Shooting:
    """Counts per player, (games, 2 sides, 15 slots)."""

    fga: Integers
    fgm: Integers
    fg3a: Integers
    fg3m: Integers
    fta: Integers
    ftm: Integers

    @property
    def points(self) -> Integers:
        """Points per player."""
        return 2 * self.fgm + self.fg3m + self.ftm

    @property
    def score(self) -> Integers:
        """Team points, (games, 2)."""
        return cast(Integers, self.points.sum(axis=-1))

    def add(self, games: Integers, extra: "Shooting") -> None:
        """Adds the shots of an overtime to the given games."""
        for field in fields(self):
            getattr(self, field.name)[games] += getattr(extra, field.name)


def expected_points(talent: Talents, teams: Integers, pace: Floats, edge: Floats, *, shots: Floats, fouled: Floats) -> Floats:
    """Returns the expected points of each player from shares of the shots and free throws."""
    threes = talent.three_point_share[teams]
    per_attempt = 2 * (1 - threes) * (talent.two_point_pct[teams] + edge) + 3 * threes * (talent.three_point_pct[teams] + edge)
    field_goals = FIELD_GOAL_ATTEMPTS * shots / shots.sum(axis=-1, keepdims=True) * per_attempt
    free_throws = FREE_THROW_ATTEMPTS * fouled / fouled.sum(axis=-1, keepdims=True) * talent.free_throw_pct[teams]
    return cast(Floats, pace[..., None] * (field_goals + free_throws))


def shoot(
    rng: np.random.Generator,
    talent: Talents,
    teams: Integers,
    *,
    field_goals: Floats,
    free_throws: Floats,
    edge: Floats,
    weight: Floats,
    fouled: Floats,
) -> Shooting:
    """Returns the shots of the teams. Weights divide the attempts, (games, 2 sides), and talents decide which are made."""
    attempts = field_goals[..., None] * weight / weight.sum(axis=-1, keepdims=True)
    visits = free_throws[..., None] * fouled / fouled.sum(axis=-1, keepdims=True)
    fga, fta = _drawn_counts(rng, attempts), 2 * _drawn_counts(rng, visits / 2)
    fg3a = rng.binomial(fga, talent.three_point_share[teams])
    fg3m = rng.binomial(fg3a, talent.three_point_pct[teams] + edge)
    fg2m = rng.binomial(fga - fg3a, talent.two_point_pct[teams] + edge)
    return Shooting(fga, fg2m + fg3m, fg3a, fg3m, fta, rng.binomial(fta, talent.free_throw_pct[teams]))


def _drawn_counts(rng: np.random.Generator, expected: Floats) -> Integers:
    """Rounds each player's expectation up or down at random. A team's sum differs from its expectation by less than 1."""
    steps = np.floor(np.cumsum(expected, axis=-1) + rng.random((*expected.shape[:-1], 1)))
    return np.diff(steps, axis=-1, prepend=0.0).astype(np.int64)


def _free_throw(shooting: Shooting, games: Integers, side: Integers, leader: Integers) -> None:
    """Adds one made free throw for the leader of a side."""
    shooting.ftm[games, side, leader[games, side]] += 1
    shooting.fta[games, side, leader[games, side]] += 1


def rescue(rng: np.random.Generator, shooting: Shooting, leader: Integers) -> None:
    """Adds a free throw to some sides that trail by one point, to make overtimes more frequent."""
    score = shooting.score
    margin = score[:, 0] - score[:, 1]
    games = np.flatnonzero((np.abs(margin) == 1) & (rng.random(len(margin)) < REGULATION_RESCUE_SHARE))
    _free_throw(shooting, games, (margin[games] == 1).astype(np.int64), leader)


def break_tie(shooting: Shooting, games: Integers, leader: Integers) -> None:
    """Adds a free throw for the home side in games that are still tied."""
    score = shooting.score[games]
    tied = games[score[:, 0] == score[:, 1]]
    _free_throw(shooting, tied, np.zeros(len(tied), dtype=np.int64), leader)

"""The turnovers and offensive rebounds of a game, which decide how often each team shoots.

The teams of a game alternate possessions, so both have nearly the same number. A turnover costs a shot, and an offensive
rebound adds one. Belongs here: counts that are drawn before the shots. Other statistics are drawn after them, in `simulation`.
"""

from dataclasses import dataclass

import numpy as np

from nba_pipeline.sandbox.roster import Floats, Integers, Talents

EXPECTED_MISSES = 47.0  # field goals per team in regulation


@dataclass(frozen=True)
class BallControl:
    """The counts of regulation."""

    turnovers: Integers  # (games, 2 sides, 15 slots)
    offensive_rebounds: Integers  # (games, 2 sides): of the team
    extra_attempts: Floats  # (games, 2 sides): field goal attempts above the expectation, zero on average


def drawn_ball_control(rng: np.random.Generator, talent: Talents, teams: Integers, minutes: Floats) -> BallControl:
    """Draws the counts of regulation from its minutes."""
    turnovers, rebounds = _expected(talent, teams, minutes / 48)
    drawn_turnovers, drawn_rebounds = rng.poisson(turnovers), rng.poisson(rebounds)
    lost_attempts = (drawn_turnovers - turnovers).sum(axis=-1)
    return BallControl(drawn_turnovers, drawn_rebounds, drawn_rebounds - rebounds - lost_attempts)


def with_overtimes(
    rng: np.random.Generator, talent: Talents, teams: Integers, control: BallControl, *, share: Floats, overtime_share: Floats
) -> tuple[Integers, Integers]:
    """Returns each player's turnovers and offensive rebounds of the whole game.

    `share` is the time on the court in units of 48 minutes. `overtime_share` is the part of that time in overtimes.
    """
    turnovers, rebounds = _expected(talent, teams, overtime_share)
    weight = talent.offensive_rebound_share[teams] * share
    of_team = control.offensive_rebounds + rng.poisson(rebounds)
    of_players = rng.multinomial(of_team, weight / weight.sum(axis=-1, keepdims=True))
    return control.turnovers + rng.poisson(turnovers), of_players


def _expected(talent: Talents, teams: Integers, share: Floats) -> tuple[Floats, Floats]:
    """Returns the expected turnovers of each player and offensive rebounds of each team."""
    return talent.turnovers[teams] * share, EXPECTED_MISSES * (talent.offensive_rebound_share[teams] * share).sum(axis=-1)

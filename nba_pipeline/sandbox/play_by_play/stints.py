"""Stints without substitutions, and the five players of each side on the court."""

from collections import Counter
from random import Random
from typing import NamedTuple

from nba_pipeline.sandbox.boxscores import PlayerGame
from nba_pipeline.sandbox.league import OVERTIME_SECONDS, QUARTER_SECONDS

STINT_SECONDS = {QUARTER_SECONDS: 144, OVERTIME_SECONDS: 150}
STAYING_BONUS = 0.7  # stints by which a player on the court may exceed the fair share


class Stint(NamedTuple):
    """Part of a period without substitutions, in seconds of game clock since tip-off."""

    period: int
    number: int
    starts_at: int
    seconds: int


def stints_of(overtimes: int) -> list[Stint]:
    """Returns the stints of a game: five per quarter and two per overtime."""
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
            most_used = max(five, key=counts.__getitem__)
            counts[most_used] -= 1
            counts[place] += 1
            five[five.index(most_used)] = place
    return fives

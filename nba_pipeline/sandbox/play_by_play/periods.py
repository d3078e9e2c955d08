"""Assigns scoring plays to periods, so that the period scores of the box score match."""

from collections.abc import Sequence
from math import prod

from nba_pipeline.sandbox.play_by_play.script import Play, Script


def assign_periods(script: Script, side: int, scoring: list[Play], room: list[int]) -> None:
    """Assigns scoring plays to periods so that each period has its points, and to a stint of that period.

    Each period with an odd number of missing points first receives one odd play. The other odd plays are assigned in pairs.
    Even plays fill the rest.
    """
    rng = script.rng
    stints_in = [
        {period: [n for n in presence if script.stints[n].period == period] for period in range(1, len(room) + 1)}
        for presence in script.presence[side]
    ]

    def put(plays: Sequence[Play], period: int) -> None:
        for play in plays:
            room[period - 1] -= play.points
            presence = stints_in[play.actor][period]
            play.stint = rng.choice(presence or [n for n, stint in enumerate(script.stints) if stint.period == period])

    def choose(plays: Sequence[Play]) -> int:
        points = sum(play.points for play in plays)
        weights = [
            (missing_points >= points) * missing_points * prod(len(stints_in[play.actor][period]) + 0.02 for play in plays)
            for period, missing_points in enumerate(room, start=1)
        ]
        if not any(weights):
            return room.index(max(room)) + 1  # the period score is then off by a point or two; the final score is correct
        return rng.choices(range(1, len(room) + 1), weights)[0]

    rng.shuffle(scoring)
    odd = sorted((play for play in scoring if play.points % 2), key=lambda play: play.points)
    for period in sorted(range(1, len(room) + 1), key=lambda period: room[period - 1]):
        fitting = [play for play in odd if play.points <= room[period - 1]]
        if room[period - 1] % 2 and fitting:
            best = [play for play in fitting if play.points == fitting[-1].points]
            first = rng.choices(best, [len(stints_in[play.actor][period]) + 0.02 for play in best])[0]
            odd.remove(first)
            put([first], period)
    pairs = [odd[n : n + 2] for n in range(0, len(odd), 2)]
    evens = [[play] for play in scoring if play.points % 2 == 0]
    for group in (*reversed(pairs), *sorted(evens, key=lambda single: -single[0].points)):
        put(group, choose(group))

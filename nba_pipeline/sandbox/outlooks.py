"""The bookmakers' expectations of a game: at the opening, and after each late absence that a club reports.

Belongs here: the news that changes an expectation. `simulation` computes the expectation, `lines` turns it into quotes.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from nba_pipeline.sandbox.injuries import OUT, ClubReport
from nba_pipeline.sandbox.roster import Booleans, Floats, Player, roster
from nba_pipeline.sandbox.simulation import Results


@dataclass(frozen=True, slots=True)
class Expectation:
    """The expected minutes and points of a player."""

    player: Player
    minutes: float
    points: float


@dataclass(frozen=True, slots=True)
class Outlook:
    """The expected players and points of home and away. They hold from `since` on, or from the opening on if that is None."""

    since: datetime | None
    players: tuple[list[Expectation], list[Expectation]]
    points: tuple[float, float]


def outlooks(
    results: Results, place: int, teams: tuple[str, str], reports: Callable[[], tuple[ClubReport, ClubReport]]
) -> Iterator[Outlook]:
    """Yields the outlooks of a game in order. `place` is the index of the game in the arrays of the season.

    `reports` returns the injury reports. It is only called for a game with a late absence.
    """
    absences = results.matchups.absences
    available = absences.known_available[place].copy()
    yield _outlook(None, teams, results.expected_minutes[place], results.expected_points[place])
    late = available & ~absences.available[place]
    if not late.any():
        return
    for since, side, slot in _news(late, reports()):
        available[side, slot] = False
        minutes, points = results.matchups.expectation(slice(place, place + 1), available[None])
        yield _outlook(since, teams, minutes[0], points[0])


def _news(late: Booleans, reports: Sequence[ClubReport]) -> list[tuple[datetime, int, int]]:
    """Returns instant, side and slot of each late absence that a club reports. Some are never reported."""
    return sorted(
        (instant, side, listed.slot)
        for side, report in enumerate(reports)
        for listed in report.listed_players
        for instant, status in listed.timeline
        if status == OUT and late[side, listed.slot]
    )


def _outlook(since: datetime | None, teams: tuple[str, str], minutes: Floats, points: Floats) -> Outlook:
    home, away = (
        [Expectation(*row) for row in zip(roster()[team], minutes[side].tolist(), points[side].tolist(), strict=True)]
        for side, team in enumerate(teams)
    )
    home_points, away_points = points.sum(axis=-1).tolist()
    return Outlook(since, (home, away), (home_points, away_points))

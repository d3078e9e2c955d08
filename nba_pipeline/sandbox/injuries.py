"""The statements of the clubs in the injury report, and the instant of each statement.

They depend on absences, and therefore on the seed and the schedule, but not on game results. Most absent players are
listed as out from the first report. Some are questionable until the afternoon or until after the last report. A few are never
listed. Coach decisions are never listed either.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np

from nba_pipeline.league.calendar import EASTERN, eastern
from nba_pipeline.sandbox.absences import INJURED, INJURIES, MIN_AVAILABLE, RESTED, Absences
from nba_pipeline.sandbox.randomness import generator
from nba_pipeline.sandbox.roster import Floats, Player, roster
from nba_pipeline.sandbox.schedule import Fixture

OUT, DOUBTFUL, QUESTIONABLE, PROBABLE, AVAILABLE = "Out", "Doubtful", "Questionable", "Probable", "Available"

STATUSES = (OUT, DOUBTFUL, QUESTIONABLE, PROBABLE, AVAILABLE)

FIRST_REPORT_HOUR = 17  # Eastern, the day before
BACK_TO_BACK_HOUR = 13  # Eastern, on the game day: the latest hour after a game the day before
PUNCTUAL_SHARE = 0.6
LATEST_SUBMISSION = timedelta(hours=4)  # before tip-off
QUARTER_HOURLY_SINCE = eastern(date(2025, 12, 22), 9)
QUARTER_HOUR_MINUTES = 15
PRINTED_MINUTE = 30  # of every hour, before QUARTER_HOURLY_SINCE
KEY_HOURS = (17, 20)  # also printed on the hour
REST = "Rest"

Shares = dict[tuple[str, ...], float]

# shares of 1; the remainder is not listed
CONTINUING: Shares = {
    (OUT,): 0.86,
    (DOUBTFUL, OUT): 0.05,
    (DOUBTFUL,): 0.015,
    (QUESTIONABLE, OUT): 0.05,
    (QUESTIONABLE,): 0.02,
}
FIRST_MISSED: Shares = {
    (OUT,): 0.45,
    (DOUBTFUL, OUT): 0.12,
    (DOUBTFUL,): 0.03,
    (QUESTIONABLE, OUT): 0.22,
    (QUESTIONABLE, DOUBTFUL, OUT): 0.08,
    (QUESTIONABLE,): 0.07,
}
LATE_ABSENCE: Shares = {("", "", OUT): 0.30, ("", QUESTIONABLE, OUT): 0.35, ("", QUESTIONABLE, ""): 0.20}
RESTING: Shares = {(OUT,): 0.70, ("", OUT): 0.20}
PLAYS_HURT: Shares = {(QUESTIONABLE, AVAILABLE): 0.6, (QUESTIONABLE,): 0.3, (DOUBTFUL, QUESTIONABLE, AVAILABLE): 0.1}
BACK_FROM_INJURY: Shares = {
    (PROBABLE, AVAILABLE): 0.25,
    (PROBABLE,): 0.20,
    (QUESTIONABLE, AVAILABLE): 0.20,
    (QUESTIONABLE,): 0.10,
}
MINOR: Shares = {
    (PROBABLE,): 0.014,
    (PROBABLE, AVAILABLE): 0.008,
    (QUESTIONABLE, AVAILABLE): 0.012,
    (QUESTIONABLE, PROBABLE): 0.006,
    (QUESTIONABLE,): 0.008,
    (DOUBTFUL, QUESTIONABLE, AVAILABLE): 0.002,
}
"""Successive statuses -> share. "" means no new status."""

Timeline = tuple[tuple[datetime, str], ...]


@dataclass(frozen=True, slots=True)
class InjuryStatement:
    """One player in one club's report: spelling, current status and the instant of that status."""

    player: Player
    first_name: str
    family_name: str
    status: str
    reason: str
    since: datetime


def with_news(statements: Sequence[InjuryStatement], news: InjuryStatement) -> list[InjuryStatement]:
    """Returns the statements with `news` in place of any earlier statement about the same player."""
    other_statements = [statement for statement in statements if statement.player is not news.player]
    return sorted([*other_statements, news], key=lambda statement: (statement.family_name, statement.first_name))


@dataclass(frozen=True, slots=True)
class ListedPlayer:
    """One player of one club in one game, with all statuses and their instants."""

    slot: int
    reason: str
    timeline: Timeline

    def status(self, at: datetime) -> tuple[datetime, str] | None:
        """Returns the current status and its instant, None before the first."""
        return next((step for step in reversed(self.timeline) if step[0] <= at), None)


@dataclass(frozen=True, slots=True)
class ClubReport:
    """The statements of one club before one game."""

    team: str
    submitted_at: datetime
    listed_players: tuple[ListedPlayer, ...]

    def statements(self, at: datetime) -> list[InjuryStatement] | None:
        """Returns the current statements sorted by family name, None before the club has submitted."""
        if at < self.submitted_at:
            return None
        statements = [
            InjuryStatement(player, player.first_name, player.family_name, step[1], listed.reason, step[0])
            for listed in self.listed_players
            if (step := listed.status(at))
            for player in (roster()[self.team][listed.slot],)
        ]
        return sorted(statements, key=lambda statement: (statement.family_name, statement.first_name))


def club_reports(
    seed: int, fixture: Fixture, absences: Absences, place: int, tipoff_at: datetime, game_date: date
) -> tuple[ClubReport, ClubReport]:
    """Returns the reports of home and away. `place` is the index in the arrays; pass the current tip-off and Eastern date."""
    rng = generator(seed, "injury report", fixture.game_id)
    lateness, chance = rng.random((2, 2)), rng.random((2, len(absences.injured[place, 0]), 4))
    other_injuries = rng.integers(len(INJURIES), size=chance.shape[:2])
    reports = []
    for side, (team, rest_days) in enumerate(((fixture.home, fixture.home_rest_days), (fixture.away, fixture.away_rest_days))):
        submitted_at = _submitted_at(game_date, tipoff_at, lateness[side], is_back_to_back=rest_days == 1)
        listed_players = []
        for slot in range(chance.shape[1]):
            shares, reason = _status_shares(absences, (place, side, slot), INJURIES[other_injuries[side, slot]])
            statuses = _drawn_statuses(shares, float(chance[side, slot, 0]))
            timeline = _timeline(statuses, submitted_at, tipoff_at, chance[side, slot, 1:])
            if timeline:
                listed_players.append(ListedPlayer(slot, reason, timeline))
        reports.append(ClubReport(team, submitted_at, tuple(listed_players)))
    home, away = reports
    return home, away


def is_printed(at: datetime) -> bool:
    """Whether a report is published at a whole minute."""
    local = at.astimezone(EASTERN)
    if at >= QUARTER_HOURLY_SINCE:
        return local.minute % QUARTER_HOUR_MINUTES == 0
    return local.minute == PRINTED_MINUTE or (local.minute == 0 and local.hour in KEY_HOURS)


def newest_printed(at: datetime) -> datetime:
    """Returns the instant of the newest report."""
    minute = at.replace(second=0, microsecond=0)
    return next(earlier for n in range(120) if is_printed(earlier := minute - timedelta(minutes=n)))


def reported_dates(at: datetime) -> list[date]:
    """Returns the Eastern dates covered by a report: today and, from 5 pm, tomorrow."""
    local = at.astimezone(EASTERN)
    return [local.date()] + ([local.date() + timedelta(days=1)] if local.hour >= FIRST_REPORT_HOUR else [])


def _submitted_at(day: date, tipoff_at: datetime, lateness: Floats, *, is_back_to_back: bool) -> datetime:
    """Returns the submission instant: an hour before to 4 hours after the first report, or on the game day of a back-to-back."""
    late = float(lateness[0])
    if is_back_to_back:
        instant = eastern(day, BACK_TO_BACK_HOUR) - timedelta(minutes=int(150 * late))
    elif late < PUNCTUAL_SHARE:
        instant = eastern(day - timedelta(days=1), FIRST_REPORT_HOUR - 1)
    else:
        instant = eastern(day - timedelta(days=1), FIRST_REPORT_HOUR) + timedelta(minutes=int(240 * float(lateness[1])))
    return min(instant, tipoff_at - LATEST_SUBMISSION)


def _status_shares(absences: Absences, of: tuple[int, int, int], other_injury: str) -> tuple[Shares, str]:
    """Returns the status shares and the reason for a player. Players whom the coach may leave out are not listed."""
    injury = f"Injury/Illness - {INJURIES[absences.injury[of]]}"
    if absences.reason[of] == RESTED:
        return RESTING, REST
    if absences.reason[of] == INJURED:
        if absences.known_available[of]:
            return LATE_ABSENCE, injury
        return (FIRST_MISSED if absences.first_missed[of] else CONTINUING), injury
    if absences.injured[of]:
        return PLAYS_HURT, injury
    place, side, slot = of
    if np.count_nonzero(absences.available[place, side, :slot]) >= MIN_AVAILABLE:
        return {}, ""
    if absences.injured_last_game[of]:
        return BACK_FROM_INJURY, f"Injury/Illness - {INJURIES[absences.last_injury[of]]}"
    return MINOR, f"Injury/Illness - {other_injury}"


def _drawn_statuses(shares: Shares, chance: float) -> tuple[str, ...]:
    """Returns the status sequence selected by a number in 0-1, or () if none is selected."""
    for statuses, share in shares.items():
        chance -= share
        if chance < 0:
            return statuses
    return ()


def _timeline(statuses: Sequence[str], submitted_at: datetime, tipoff_at: datetime, chance: Floats) -> Timeline:
    """Returns statuses with instants: on submission, around noon, and 3.5 hours to 30 minutes before tip-off.

    A player with two statuses gets the first and the last instant, one with three gets all.
    """
    noon = max(submitted_at, tipoff_at - timedelta(minutes=480 - int(240 * float(chance[0]))))
    decision = max(noon, tipoff_at - timedelta(minutes=210 - int(180 * float(chance[1]))))
    instants = (submitted_at, noon, decision) if len(statuses) == 3 else (submitted_at, decision)
    return tuple((instant, status) for instant, status in zip(instants, statuses, strict=False) if status)

"""Decides when a final game is read again. Pure functions of a date and of instants.

Each game date has fixed instants with growing gaps. While sources contradict each other, there are further re-reads at growing
intervals. Automatic re-reads end after `corrections.window_days`.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from nba_pipeline.league.calendar import eastern
from nba_pipeline.settings import SETTINGS

NOON = 12


def noons(day: date) -> list[datetime]:
    """Returns the Eastern noons at which the final games of a date are read again, in order."""
    return [eastern(day + timedelta(days=number), NOON) for number in SETTINGS.corrections.reread_noon_days]


def is_due_for_rereading(first_final_at: datetime, read_at: datetime, day: date, now: datetime) -> bool:
    """Whether a re-read of a final game is due: one of its instants has passed since the last read.

    The instants are some hours after the first final box score, the next morning and, within the window, the noons.
    """
    corrections = SETTINGS.corrections
    later = first_final_at + timedelta(hours=corrections.reread_after_hours)
    instants = [later, eastern(day + timedelta(days=1), corrections.reread_at_hour_eastern)]
    if is_within_window(day, now):  # a backfill of older dates uses the landed payloads
        instants += noons(day)
    return any(read_at < instant <= now for instant in instants)


def is_within_window(day: date, now: datetime) -> bool:
    """Whether the games of a date are still read again automatically."""
    return now < eastern(day + timedelta(days=SETTINGS.corrections.window_days), NOON)


def due_noon(day: date, now: datetime) -> datetime | None:
    """Returns the last noon at which a re-read of a date was due; None before the first noon and after the window."""
    if not is_within_window(day, now):
        return None
    return max((noon for noon in noons(day) if noon <= now), default=None)


def due_for_contradiction(since: datetime, rereads: Sequence[datetime], day: date, now: datetime) -> datetime | None:
    """Returns the instant at which a re-read of contradicting sources was due; None if none is due.

    The first re-read is due at once, the next ones after 1, 2, 4, 8 ... hours, up to `contradiction_days` after the date.
    `since` is when the contradicting tables were last written. `rereads` are the instants of earlier re-reads of the date.
    """
    corrections = SETTINGS.corrections
    if now >= eastern(day + timedelta(days=corrections.contradiction_days), NOON):
        return None
    done = sorted(at for at in rereads if at >= since)
    due_at = since
    if done:
        due_at = done[-1] + timedelta(hours=corrections.contradiction_first_hours * 2 ** (len(done) - 1))
    return due_at if due_at <= now else None

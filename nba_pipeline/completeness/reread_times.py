"""When a final game is read again: pure functions of a date and of instants.

Fixed instants per game date, growing apart; beside them growing intervals while sources contradict one another. Nothing
is read again by itself after `corrections.window_days`.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from nba_pipeline.league.calendar import eastern
from nba_pipeline.settings import SETTINGS

NOON = 12


def noons(day: date) -> list[datetime]:
    """The Eastern noons at which the final games of a date are read again, in order."""
    return [eastern(day + timedelta(days=number), NOON) for number in SETTINGS.corrections.reread_noon_days]


def is_due_for_rereading(first_final_at: datetime, read_at: datetime, day: date, now: datetime) -> bool:
    """Whether a final game is due to be read again: an instant has passed since it was last read.

    Hours after it was first seen final, in the morning of the next day, and, within the window, at the noons.
    """
    corrections = SETTINGS.corrections
    later = first_final_at + timedelta(hours=corrections.reread_after_hours)
    instants = [later, eastern(day + timedelta(days=1), corrections.reread_at_hour_eastern)]
    if is_within_window(day, now):  # a backfill of old dates uses what was landed
        instants += noons(day)
    return any(read_at < instant <= now for instant in instants)


def is_within_window(day: date, now: datetime) -> bool:
    """Whether the games of a date are still read again without a person asking for it."""
    return now < eastern(day + timedelta(days=SETTINGS.corrections.window_days), NOON)


def due_noon(day: date, now: datetime) -> datetime | None:
    """The last noon at which the games of a date were due for a re-read; None before the first and after the window."""
    return max((noon for noon in noons(day) if noon <= now), default=None) if is_within_window(day, now) else None


def due_for_contradiction(since: datetime, rereads: Sequence[datetime], day: date, now: datetime) -> datetime | None:
    """The instant at which contradicting sources of a date were due for a re-read; None when they are not.

    At once when the contradiction appears; then after 1, 2, 4, 8 ... hours, up to `contradiction_days` after the date.
    `since` is when the tables that contradict one another were last written, `rereads` are the re-reads of the date so far.
    """
    corrections = SETTINGS.corrections
    if now >= eastern(day + timedelta(days=corrections.contradiction_days), NOON):
        return None
    done = sorted(at for at in rereads if at >= since)
    due_at = since
    if done:
        due_at = done[-1] + timedelta(hours=corrections.contradiction_first_hours * 2 ** (len(done) - 1))
    return due_at if due_at <= now else None

"""Instants of re-reads of a final game: pure functions, including both clock changes."""

from datetime import UTC, date, datetime, timedelta

import pytest

from nba_pipeline.completeness.reread_times import due_for_contradiction, due_noon, is_due_for_rereading, is_within_window, noons
from nba_pipeline.league.calendar import eastern

DAY = date(2026, 1, 15)
FINAL_AT = eastern(DAY, 22, 40)
HOUR, SECOND = timedelta(hours=1), timedelta(seconds=1)


def after(days: int, hour: int = 12) -> datetime:
    return eastern(DAY + timedelta(days=days), hour)


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (DAY, [(16, 17), (17, 17), (19, 17), (23, 17)]),
        (date(2026, 3, 6), [(7, 17), (8, 16), (10, 16), (14, 16)]),
        (date(2026, 3, 7), [(8, 16), (9, 16), (11, 16), (15, 16)]),
        (date(2025, 10, 31), [(1, 16), (2, 17), (4, 17), (8, 17)]),
        (date(2025, 11, 1), [(2, 17), (3, 17), (5, 17), (9, 17)]),
    ],
    ids=["winter", "into summer time", "the day before summer time", "into winter time", "the day before winter time"],
)
def test_the_noons_are_eastern_noons(day: date, expected: list[tuple[int, int]]) -> None:
    assert [(noon.day, noon.hour) for noon in noons(day)] == expected
    assert {noon.tzinfo for noon in noons(day)} == {UTC}


@pytest.mark.parametrize(
    ("read_at", "now", "expected"),
    [
        (FINAL_AT, FINAL_AT + 4 * HOUR - SECOND, False),
        (FINAL_AT, FINAL_AT + 4 * HOUR, True),
        (FINAL_AT + 4 * HOUR, after(1, 6) - SECOND, False),
        (FINAL_AT + 4 * HOUR, after(1, 6), True),
        (after(1, 11), after(1) - SECOND, False),
        (after(1, 11), after(1), True),
        (after(1), after(2) - SECOND, False),
        (after(1), after(2), True),
        (after(2), after(4), True),
        (after(4), after(8), True),
        (after(8), after(10), False),
        (after(1), after(10) - SECOND, True),
    ],
)
def test_a_final_game_is_due_at_each_instant_once(read_at: datetime, now: datetime, expected: bool) -> None:
    assert is_due_for_rereading(FINAL_AT, read_at, DAY, now) == expected


def test_a_backfill_of_old_dates_uses_what_was_landed() -> None:
    assert not is_due_for_rereading(FINAL_AT, after(1, 6), DAY, after(10))
    assert not is_due_for_rereading(after(300), after(300, 16), DAY, after(301))


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (after(1) - SECOND, None), (after(1), after(1)), (after(2) - SECOND, after(1)), (after(4), after(4)), (after(8), after(8)),
        (after(10) - SECOND, after(8)), (after(10), None),
    ],
)  # fmt: skip
def test_the_last_noon_stays_due_until_the_window_ends(now: datetime, expected: datetime | None) -> None:
    assert due_noon(DAY, now) == expected
    assert is_within_window(DAY, now) == (now < after(10))


def test_a_contradiction_is_due_at_once_and_then_at_growing_intervals() -> None:
    since, done = after(2), list[datetime]()
    for hours in (0, 1, 2, 4, 8):
        due_at = (done[-1] if done else since) + hours * HOUR
        assert due_for_contradiction(since, done, DAY, due_at - SECOND) is None
        assert due_for_contradiction(since, done, DAY, due_at) == due_at
        done.append(due_at)


def test_a_new_contradiction_restarts_the_intervals() -> None:
    assert due_for_contradiction(after(4), [after(2), after(3)], DAY, after(4)) == after(4)


def test_after_a_week_a_contradiction_is_only_named() -> None:
    assert due_for_contradiction(after(2), [], DAY, after(7) - SECOND) == after(2)
    assert due_for_contradiction(after(2), [], DAY, after(7)) is None

"""Work, the delay between its attempts, and the choice of the next one."""

from datetime import date, timedelta

from nba_pipeline.league.calendar import eastern
from nba_pipeline.orchestration.work import Attempts, Work, attempts_at, next_of
from nba_pipeline_tests.builders_days import Days

DAY = date(2026, 1, 15)
YESTERDAY = DAY - timedelta(days=1)
ELEVEN, LAST_CALL = eastern(DAY, 11), eastern(DAY, 16)
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def test_work_in_progress_blocks_all_other_work() -> None:
    older = Work("overnight", YESTERDAY, ELEVEN, ("grades",), "")
    running = Work("same_day", DAY, LAST_CALL, ("features",), "", Attempts(is_in_progress=True))
    assert next_of([older, running], LAST_CALL) == (None, "same_day of 2026-01-15 is in progress")


def test_each_attempt_waits_twice_as_long_up_to_a_limit() -> None:
    waits = [Attempts(n, LAST_CALL).next_at() for n in (1, 2, 3, 7, 8, 9, 50)]
    assert [(at - LAST_CALL) / MINUTE for at in waits if at] == [2, 4, 8, 128, 240, 240, 240]
    assert Attempts().next_at() is None


def test_an_attempt_without_an_end_does_not_wait() -> None:
    assert Attempts(ended=1, last_end=None).next_at() is None


def test_the_last_end_counts(days: Days) -> None:
    for minutes in (20, 1, 9):
        days.try_mode("same_day", DAY, LAST_CALL, LAST_CALL + minutes * MINUTE)
    attempts = attempts_at(days.instance, "same_day", DAY, LAST_CALL)
    assert attempts.ended == 3 and attempts.last_end is not None
    assert abs(attempts.last_end - (LAST_CALL + 20 * MINUTE)) < SECOND

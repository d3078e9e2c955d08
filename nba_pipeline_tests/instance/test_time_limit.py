"""Work that exceeds its limit is interrupted with an error."""

import threading
import time

import pytest

from nba_pipeline.errors import OutOfTime, PipelineError
from nba_pipeline.instance.time_limit import within


def test_work_that_takes_too_long_is_interrupted_by_name() -> None:
    with pytest.raises(OutOfTime, match=r"boxscores timed out after 0\.05 seconds"), within(0.05, "boxscores"):
        time.sleep(30)


def test_work_in_time_is_left_alone_afterwards() -> None:
    with within(1, "boxscores"):
        pass
    time.sleep(1.1)


def test_its_own_error_goes_through() -> None:
    with pytest.raises(ValueError, match="ours"), within(30, "boxscores"):
        raise ValueError("ours")


def test_another_thread_is_left_to_the_limit_of_the_run() -> None:
    ended = []

    def work() -> None:
        with within(0.01, "boxscores"):
            time.sleep(0.05)
        ended.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert ended


def test_handlers_of_failed_requests_do_not_catch_the_timeout() -> None:
    with pytest.raises(OutOfTime), within(0.05, "boxscores"):
        try:
            time.sleep(30)
        except PipelineError:
            pass

"""Probes run at the same time, and no probe hides the result of another one."""

import threading

import pytest

from nba_pipeline.errors import BadInput
from nba_pipeline.monitoring.doctor.probe import Probe, Result, ok, run_probes


def raising(error: Exception) -> Probe:
    def run() -> Result:
        raise error

    return Probe("broken", run, "do this")


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (BadInput("the home is a file"), "the home is a file"),
        (PermissionError(13, "Permission denied", "/x"), "[Errno 13] Permission denied: '/x'"),
        (ZeroDivisionError("by zero"), "ZeroDivisionError: by zero"),
    ],
)
def test_an_error_of_any_class_is_a_failed_result_and_the_others_are_reported(error: Exception, message: str) -> None:
    broken, good = run_probes([raising(error), Probe("good", lambda: ok("good", "works"))], 5)
    assert (broken.state, broken.message, broken.next_step) == ("failed", message, "do this")
    assert (good.state, good.message) == ("ok", "works")


def test_a_probe_without_a_result_at_the_deadline_has_failed() -> None:
    answer = threading.Event()
    hanging = Probe("hanging", lambda: ok("hanging", str(answer.wait())), "check the network")
    late, good = run_probes([hanging, Probe("good", lambda: ok("good", "works"))], 1)
    answer.set()
    assert (late.state, late.message, late.next_step) == ("failed", "no result after 1 s", "check the network")
    assert good.state == "ok"

"""The result of a probe, and the function that runs all probes at the same time. No probe can stop another one."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from nba_pipeline.errors import PipelineError

State = Literal["ok", "warning", "failed"]
ORDER: tuple[State, ...] = ("failed", "warning", "ok")
"""States, most urgent first."""


@dataclass(frozen=True)
class Result:
    """The result of a probe. `next_step` is a command or an action; empty if none is needed."""

    name: str
    state: State
    message: str
    next_step: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Probe:
    """A named operation. It returns its result, or raises an error whose message becomes a failed result."""

    name: str
    run: Callable[[], Result]
    next_step: str = ""
    """The next step after an error."""


def ok(name: str, message: str) -> Result:
    """Returns the result of a probe without a problem."""
    return Result(name, "ok", message)


def warning(name: str, message: str, next_step: str = "") -> Result:
    """Returns the result of a probe that found a risk or was inconclusive."""
    return Result(name, "warning", message, next_step)


def failed(name: str, message: str, next_step: str = "") -> Result:
    """Returns the result of a probe that found a problem that stops the pipeline."""
    return Result(name, "failed", message, next_step)


def run_probes(probes: Sequence[Probe], deadline_seconds: float) -> list[Result]:
    """Runs the probes at the same time. Returns one result per probe, in the given order.

    A probe without a result at the deadline has failed. Its thread ends with the process.
    """
    results: dict[str, Result] = {}

    def run(probe: Probe) -> None:
        results[probe.name] = _result_of(probe)

    # daemon threads: a pool would wait for a provider that does not answer before the process can exit
    threads = [threading.Thread(target=run, args=(probe,), daemon=True) for probe in probes]
    end = time.monotonic() + deadline_seconds
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(max(end - time.monotonic(), 0))
    timed_out = f"no result after {deadline_seconds:g} s"
    return [
        results.get(probe.name) or replace(failed(probe.name, timed_out, probe.next_step), seconds=deadline_seconds)
        for probe in probes
    ]


def _result_of(probe: Probe) -> Result:
    """Runs one probe. An error of any class is a failed result, because the other probes must still be reported."""
    began = time.monotonic()
    try:
        result = probe.run()
    except (PipelineError, OSError) as error:
        result = failed(probe.name, str(error), probe.next_step)
    except Exception as error:  # noqa: BLE001  the report names every failure, also an unexpected one
        result = failed(probe.name, f"{type(error).__name__}: {error}", probe.next_step)
    return replace(result, seconds=time.monotonic() - began)

"""The client of the process that reads the PDFs of injury reports, see `injury_report_layout`.

The process starts with the first PDF and reads all of a run, because its imports take longer than a PDF. The resource `InjuryReport`
keeps it for the run. Without a run, it ends after each PDF.
"""

import json
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from typing import Any

from nba_pipeline.errors import Transient
from nba_pipeline.instance.run_objects import RUN_OBJECTS
from nba_pipeline.providers import injury_report_layout
from nba_pipeline.providers.injury_report_layout import LENGTH_BYTES, NoReport
from nba_pipeline.settings import SETTINGS

KEY = ("pdf_reader",)
CLOSING_SECONDS = 5.0


def read_layout(body: bytes) -> dict[str, Any]:
    """Returns the layout of a PDF. Raises NoReport if it is not a complete report or exceeds a limit."""
    with RUN_OBJECTS.shared(KEY, PdfReader, PdfReader.close) as reader:
        layout = reader.read(body)
    if "problem" in layout:
        raise NoReport(layout["problem"])
    return layout


class _Ended(NoReport):
    """The process has ended without a response."""


class PdfReader:
    """Sends one PDF at a time to the process. After a failure or a broken PDF, the next PDF starts a new process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None

    def read(self, body: bytes) -> dict[str, Any]:
        """Returns the layout of a PDF, or its problem. Raises NoReport if the process ends or takes too long."""
        with self._lock:
            try:
                layout = self._read(body)
            except BaseException:
                self._stop()
                raise
            if "problem" in layout:
                self._stop()
            return layout

    def _read(self, body: bytes) -> dict[str, Any]:
        """Returns the layout of a PDF. A process that has read other PDFs and ends without a response is replaced once."""
        has_read_others = self._process is not None
        try:
            response = _response(self._running(), body)
        except _Ended:
            if not has_read_others:
                raise
            self._stop()
            response = _response(self._running(), body)
        layout: dict[str, Any] = json.loads(response)
        return layout

    def close(self) -> None:
        """Ends the process, which stops at the end of its input."""
        with self._lock:
            if self._process is not None and self._process.stdin:
                with suppress(OSError):
                    self._process.stdin.close()
                with suppress(subprocess.TimeoutExpired):
                    self._process.wait(CLOSING_SECONDS)
            self._stop()

    def _running(self) -> "subprocess.Popen[bytes]":
        """Returns the process, and starts a new one if there is none or it has ended since its last PDF."""
        if self._process is not None and self._process.poll() is not None:
            self._stop()
        if self._process is None:
            limits = SETTINGS.payloads
            numbers = map(str, (limits.pdf_pages, limits.pdf_memory_mib, limits.pdf_cpu_seconds))
            command = [sys.executable, "-P", injury_report_layout.__file__, *numbers]  # -P: our http.py is not the library's
            try:
                self._process = subprocess.Popen(
                    command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
                )
            except OSError as error:
                raise Transient(f"injury_report: the PDF reader did not start ({error})") from error
        return self._process

    def _stop(self) -> None:
        if self._process is None:
            return
        process, self._process = self._process, None
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                with suppress(OSError):
                    pipe.close()


def _response(process: "subprocess.Popen[bytes]", body: bytes) -> bytes:
    """Sends a PDF and returns the response. Kills the process and raises NoReport if it takes too long."""
    limits, size, is_timed_out = SETTINGS.payloads, f"{len(body)} bytes", threading.Event()

    def kill() -> None:
        is_timed_out.set()
        process.kill()

    assert process.stdin and process.stdout
    timer = threading.Timer(limits.pdf_seconds, kill)
    timer.start()
    try:
        with suppress(BrokenPipeError):  # the process has ended, see its exit code
            process.stdin.write(len(body).to_bytes(LENGTH_BYTES, "big") + body)
            process.stdin.flush()
        length = int.from_bytes(process.stdout.read(LENGTH_BYTES), "big")
        response = process.stdout.read(length)
    finally:
        timer.cancel()
    if length and len(response) == length:
        return response
    if is_timed_out.is_set():
        raise NoReport(f"reading the PDF takes more than {limits.pdf_seconds:g} seconds ({size})")
    raise _Ended(f"{_exit_reason(process)} ({size})")


def _exit_reason(process: "subprocess.Popen[bytes]") -> str:
    """Returns the reason of the end of a process, from its exit code."""
    code = process.wait()
    if code in (-signal.SIGXCPU, -signal.SIGKILL):
        return f"reading the PDF takes more than {SETTINGS.payloads.pdf_cpu_seconds} seconds of CPU time or too much memory"
    return f"the PDF reader exited with code {code}"

"""A read-only HTTP server for probes and for Prometheus: `/healthz`, `/readyz`, `/metrics`.

A thread measures at intervals. A request is answered from the newest measurements, so that it is fast and blocks no run.
"""

import json
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import GC_COLLECTOR, PLATFORM_COLLECTOR, PROCESS_COLLECTOR, CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from nba_pipeline.errors import BadInput, PipelineError
from nba_pipeline.monitoring.metrics import Measurements, families

PATHS = ("/healthz", "/readyz", "/metrics")
MISSED_INTERVALS = 5
"""Number of intervals without a measurement after which the process is unhealthy."""


@dataclass(frozen=True)
class Measured:
    """The result of the newest measurement: measurements, or the problem that prevented them."""

    measurements: Measurements | None = None
    problem: str = "nothing has been measured yet"
    not_ready: tuple[str, ...] = ()
    """Reasons why the pipeline produces nothing new, such as a silent daemon."""
    at: float = 0.0
    """Monotonic instant of the end of the measurement."""


class Health:
    """Measures at intervals in a thread of its own. `collect` is the collector of Prometheus' registry."""

    def __init__(self, measure: Callable[[], tuple[Measurements, list[str]]], every_seconds: float):
        self._measure, self._every = measure, every_seconds
        self._began = time.monotonic()
        self.newest = Measured()

    def start(self) -> None:
        """Starts the thread. It ends with the process."""
        threading.Thread(target=self._repeat, daemon=True).start()

    def update(self) -> None:
        """Measures once. A failure becomes the problem that `/readyz` names."""
        try:
            measurements, not_ready = self._measure()
            self.newest = Measured(measurements, "", tuple(not_ready), time.monotonic())
        except (PipelineError, OSError) as error:
            self.newest = Measured(None, str(error), (), time.monotonic())
        except Exception as error:  # noqa: BLE001  the endpoint names every failure, and the thread continues
            self.newest = Measured(None, f"{type(error).__name__}: {error}", (), time.monotonic())

    def is_alive(self) -> bool:
        """Whether a measurement ended recently, successful or not."""
        return time.monotonic() - max(self.newest.at, self._began) < MISSED_INTERVALS * self._every

    def problems(self) -> list[str]:
        """Returns why the pipeline is not ready; empty if it is."""
        newest = self.newest  # the thread may replace it at any moment
        return [newest.problem] if newest.problem else list(newest.not_ready)

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """Yields the metrics of the newest measurements, and whether there are any."""
        measurements = self.newest.measurements
        yield GaugeMetricFamily(
            "nba_pipeline_measured", "1 if the newest measurement succeeded.", float(measurements is not None)
        )
        yield GaugeMetricFamily("nba_pipeline_ready", "1 if /readyz returns 200.", float(not self.problems()))
        if measurements:
            yield from families(measurements)

    def _repeat(self) -> None:
        while True:
            self.update()
            time.sleep(self._every)


def server(health: Health, host: str, port: int) -> ThreadingHTTPServer:
    """Returns a server that is bound and not started. Raises BadInput if the address cannot be used."""
    registry = CollectorRegistry()
    registry.register(health)
    for collector in (PROCESS_COLLECTOR, PLATFORM_COLLECTOR, GC_COLLECTOR):
        registry.register(collector)

    class Handler(BaseHTTPRequestHandler):
        """Answers GET and HEAD of the three paths."""

        def do_GET(self) -> None:
            """Answers a request from the newest measurements."""
            path = self.path.partition("?")[0]
            if path == "/metrics":
                self._answer(HTTPStatus.OK, generate_latest(registry), CONTENT_TYPE_LATEST)
            elif path == "/healthz":
                self._answer_state([] if health.is_alive() else ["no measurement has ended recently"])
            elif path == "/readyz":
                self._answer_state(health.problems())
            else:
                self._answer(HTTPStatus.NOT_FOUND, f"choose one of {', '.join(PATHS)}\n".encode(), "text/plain")

        do_HEAD = do_GET  # noqa: N815  the name that http.server looks up

        def log_message(self, format: str, *args: object) -> None:
            """Logs nothing: a scrape every few seconds would fill a log."""

        def _answer_state(self, reasons: list[str]) -> None:
            body = json.dumps({"ok": not reasons, "reasons": reasons}) + "\n"
            status = HTTPStatus.SERVICE_UNAVAILABLE if reasons else HTTPStatus.OK
            self._answer(status, body.encode(), "application/json")

        def _answer(self, status: HTTPStatus, body: bytes, content_type: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", content_type)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

    try:
        return ThreadingHTTPServer((host, port), Handler)
    except OSError as error:
        raise BadInput(f"{host}:{port} cannot be used: {error.strerror}; choose another --port") from None

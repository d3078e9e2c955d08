"""An incoming webhook over real HTTP, for the tests of alerts and their deliveries."""

import http.server
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Any

from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import eastern
from nba_pipeline.monitoring.alerts import ALERTS, Notifier
from nba_pipeline.warehouse.local import LocalWarehouse

DAY = date(2024, 3, 12)
NEXT = DAY + timedelta(days=1)
NOON = eastern(DAY, 12)
ALERT_LEDGERS = ("alerts", "alert_changes", "alert_deliveries", "alert_message_deliveries")
SECRET = "T00000000/B00000000/SeCrEtSeCrEt"


class Slack:
    """An incoming webhook with its received messages and its answers."""

    def __init__(self) -> None:
        self.url, self.status, self.delay_seconds = "", 200, 0.0
        self.headers: dict[str, str] = {}
        self.sent: list[dict[str, Any]] = []

    @property
    def texts(self) -> list[str]:
        return [document["text"] for document in self.sent]


class _Handler(http.server.BaseHTTPRequestHandler):
    slack: Slack

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        assert self.path.endswith(SECRET) and self.headers["Content-Type"] == "application/json"
        self.slack.sent.append(json.loads(body))
        time.sleep(self.slack.delay_seconds)
        self.send_response(self.slack.status)
        for name, value in self.slack.headers.items():
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Logs nothing."""


@contextmanager
def listening() -> Iterator[Slack]:
    """A webhook on loopback."""
    slack = Slack()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"slack": slack}))
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    slack.url = f"http://127.0.0.1:{server.server_address[1]}/services/{SECRET}"
    yield slack
    server.shutdown()
    server.server_close()


@contextmanager
def pinged(paths: list[str], status: int = 200) -> Iterator[str]:
    """The secret address of a monitor on loopback that records the paths of its pings."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_response(status)
            if status >= 300:
                self.send_header("Location", "/elsewhere")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Logs nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/{SECRET}"
    server.shutdown()
    server.server_close()


def a_notifier(warehouse: LocalWarehouse, url: str = "", now: datetime = NOON, **fields: Any) -> Notifier:
    return Notifier(webhook_url=url, warehouse=warehouse, clock=Clock(fixed_at=now.isoformat()), **fields)


def rows(warehouse: LocalWarehouse) -> list[dict[str, Any]]:
    """The alerts."""
    return warehouse.scan(ALERTS).collect().to_dicts()

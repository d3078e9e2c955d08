"""The sandbox over HTTP on 127.0.0.1: connections, compression, and faults of whole responses."""

import gzip
import itertools
import os
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterable
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socketserver import TCPServer
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

from nba_pipeline.sandbox.control import CONTROL_PREFIX, control
from nba_pipeline.sandbox.faults import Rule
from nba_pipeline.sandbox.league import League
from nba_pipeline.sandbox.rules_file import read_rules_file
from nba_pipeline.sandbox.service import QUOTA_CREDITS, Admission, Response, Service

SMALLEST_COMPRESSED_BYTES = 256
HANG_SECONDS = 3600.0
IDLE_SECONDS = 600.0


class SandboxServer:
    """Serves a league on the loopback interface.

    >>> with SandboxServer(League(), now=clock.now) as server:  # doctest: +SKIP
    ...     httpx.get(server.url + "/static/json/staticData/scheduleLeagueV2.json")
    """

    def __init__(
        self,
        league: League,
        now: Callable[[], datetime],
        rules: Iterable[Rule] = (),
        *,
        port: int = 0,
        quota: int = QUOTA_CREDITS,
    ) -> None:
        self.service = Service(league, now, rules, quota)
        self._port = port
        self._http: _HttpServer | None = None
        self._thread: threading.Thread | None = None

    @property
    def port(self) -> int:
        """The port in use, or the requested port before the start."""
        return int(self._http.server_address[1]) if self._http else self._port

    @property
    def url(self) -> str:
        """The base URL that replaces those of all providers."""
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Accepts connections in a background thread. Has no effect if already started."""
        if self._http is not None:
            return
        self._http = _HttpServer(self.service, self._port)
        self._thread = threading.Thread(
            target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, name="sandbox", daemon=True
        )
        self._thread.start()

    def stop(self) -> None:
        """Closes all connections, including hanging ones. Has no effect if already stopped."""
        if self._http is None or self._thread is None:
            return
        self.service.remove_rules(None)
        self._http.shutdown()
        self._thread.join()
        self._http.close_connections()
        self._http.server_close()
        self._http = self._thread = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()


def serve(home: Path, now: Callable[[], datetime], *, port: int = 0) -> SandboxServer:
    """Returns a running sandbox with the rules of <home>/sandbox_rules.json. Raises BadInput for invalid rules."""
    rules_file = read_rules_file(home)
    league = League(
        game_minutes=rules_file.game_minutes,
        no_game_dates=rules_file.no_game_dates,
        clubs=rules_file.clubs,
        games_per_date=rules_file.games_per_date,
    )
    server = SandboxServer(league, now, rules_file.rules, port=port)
    server.start()
    return server


class _HttpServer(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, service: Service, port: int) -> None:
        self.service = service
        self.connection_numbers = itertools.count(1)
        self._open: set[socket.socket] = set()
        self._open_lock = threading.Lock()
        super().__init__(("127.0.0.1", port), _Handler)

    def server_bind(self) -> None:
        # avoids the DNS lookup of http.server, because the sandbox needs no network
        TCPServer.server_bind(self)
        self.server_name, self.server_port = "127.0.0.1", int(self.server_address[1])

    def track(self, connection: socket.socket, is_open: bool) -> None:
        """Adds or removes an open connection."""
        with self._open_lock:
            if is_open:
                self._open.add(connection)
            else:
                self._open.discard(connection)

    def close_connections(self) -> None:
        """Shuts down all open connections, so that waiting handlers end."""
        with self._open_lock:
            for connection in self._open:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue  # already closed by the client

    def handle_error(self, request: Any, client_address: Any) -> None:
        if not isinstance(sys.exc_info()[1], ConnectionError | TimeoutError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    timeout = IDLE_SECONDS
    server: _HttpServer

    def setup(self) -> None:
        super().setup()
        self.connection_number = next(self.server.connection_numbers)
        self.server.track(self.connection, True)

    def finish(self) -> None:
        self.server.track(self.connection, False)
        try:
            super().finish()
        except (OSError, ValueError):
            pass  # connection reset by the client or a rule

    def log_message(self, format: str, *args: Any) -> None:
        """Writes nothing to standard error. The control plane provides the log."""

    def do_GET(self) -> None:
        self._respond()

    def do_POST(self) -> None:
        self._respond()

    def do_DELETE(self) -> None:
        self._respond()

    def _respond(self) -> None:
        parts = urlsplit(self.path)
        size = int(self.headers.get("Content-Length") or 0)
        payload = self.rfile.read(size) if size else b""
        service = self.server.service
        if parts.path.startswith(CONTROL_PREFIX):
            self._send(control(service, self.command, parts.path, parts.query, payload))
            return
        if self.command != "GET":
            self._send(Response(405, b'{"message":"Method Not Allowed"}'))
            return
        started = time.perf_counter()
        admission = service.admit(
            self.command,
            parts.path,
            parts.query,
            {
                "user_agent": self.headers.get("User-Agent", ""),
                "connection": self.connection_number,
                "client_port": self.client_address[1],
                "authorization": bool(self.headers.get("Authorization")),
            },
        )
        try:
            self._handle(service, admission)
        finally:
            admission.entry["ms"] = round((time.perf_counter() - started) * 1000, 2)

    def _handle(self, service: Service, admission: Admission) -> None:
        for rule in admission.delays:
            rule.removed.wait(float(rule.parameter("seconds", 1.0)))
        replacement = admission.replacement
        if replacement is not None and replacement.action == "hang":
            replacement.removed.wait(float(replacement.parameter("seconds", HANG_SECONDS)))
            self.close_connection = True
        elif replacement is not None and replacement.action == "reset":
            self._reset()
        else:
            response = service.respond(admission, {name.lower(): value for name, value in self.headers.items()})
            admission.entry["status"] = response.status
            admission.entry["bytes"] = self._send(response, admission.truncation)

    def _send(self, response: Response, truncation: Rule | None = None) -> int:
        """Writes a response and returns its declared length. A truncated response declares its full length and closes early."""
        body = response.body
        is_compressed = len(body) >= SMALLEST_COMPRESSED_BYTES and "gzip" in self.headers.get("Accept-Encoding", "")
        if is_compressed:
            body = gzip.compress(body, 1, mtime=0)
        self.send_response(response.status)
        self.send_header("Content-Type", response.content_type)
        self.send_header("Content-Length", str(len(body)))
        if is_compressed:
            self.send_header("Content-Encoding", "gzip")
        for name, value in response.headers.items():
            self.send_header(name, value)
        self.end_headers()
        sent = len(body)
        if truncation is not None:
            self.close_connection = True
            fraction = float(truncation.parameter("fraction", 0.5))
            sent = min(int(truncation.parameter("bytes", fraction * len(body))), max(len(body) - 1, 0))
        self.wfile.write(body[:sent])
        self.wfile.flush()
        return len(body)

    def _reset(self) -> None:
        """Closes the connection with a TCP reset."""
        self.close_connection = True
        self.server.track(self.connection, False)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        os.close(self.connection.detach())

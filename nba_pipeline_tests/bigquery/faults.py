"""A proxy between a BigQuery client and the emulator. It numbers and records every HTTP call, and injects faults.

>>> with FaultProxy(emulator.url) as proxy:  # doctest: +SKIP
...     proxy.rule(2, Respond(503, "backendError", "try again"))
...     proxy.rule(lambda call: call.kind == "load" and call.table == "grades$20260101", DropAfter())
...     client = bigquery.Client(project, client_options={"api_endpoint": proxy.url}, credentials=AnonymousCredentials())

It only proxies REST. The Storage Read API is gRPC and bypasses it.
"""

import gzip
import http.client
import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Literal, Self
from urllib.parse import parse_qs, urlsplit

from nba_pipeline_tests.bigquery.emulator import HANG_SECONDS

Kind = Literal["token", "query", "load", "load_data", "get_job", "results", "cancel", "tables", "datasets", "other"]

HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "trailer", "upgrade", "proxy-connection", "content-length"}
JSON_PART = re.compile(rb"\{.*?\}\s*(?=\r?\n--)", re.DOTALL)


@dataclass
class Call:
    """One HTTP request and, once it is answered, the status that the client received."""

    number: int
    method: str
    path: str
    kind: Kind
    job_id: str | None = None
    table: str | None = None
    body: dict[str, Any] = field(default_factory=dict, repr=False)
    status: int | None = None
    sent: int = 0
    """Size of the request's body in bytes."""

    @property
    def label(self) -> str:
        """Destination and job, if the call has them."""
        return " ".join(filter(None, (self.table, self.job_id)))


@dataclass(frozen=True)
class Respond:
    """Respond with Google's error body without forwarding the call to BigQuery."""

    status: int
    reason: str
    message: str
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DropBefore:
    """Close the connection before the call reaches BigQuery."""


@dataclass(frozen=True)
class DropAfter:
    """Forward the call to BigQuery, then close the connection: a lost response."""


@dataclass(frozen=True)
class Kill:
    """SIGKILL a process, either before the call reaches BigQuery or before the client receives the response."""

    process: int | Callable[[], int]
    when: Literal["before", "after"]


@dataclass(frozen=True)
class Delay:
    """Wait, then forward the call."""

    seconds: float


@dataclass(frozen=True)
class Rewrite:
    """Change BigQuery's JSON response."""

    change: Callable[[Any], Any]


Fault = Respond | DropBefore | DropAfter | Kill | Delay | Rewrite


@dataclass
class Rule:
    """A fault, its condition, and how often it may still occur (None: always)."""

    when: int | Callable[[Call], bool]
    fault: Fault
    left: int | None

    def applies_to(self, call: Call) -> bool:
        if self.left == 0:
            return False
        return self.when(call) if callable(self.when) else self.when == call.number


@dataclass
class UpstreamResponse:
    """Status, headers and body of the response to the client."""

    status: int
    reason: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str:
        return next((value for key, value in self.headers if key.lower() == name), "")

    def with_body(self, body: bytes) -> "UpstreamResponse":
        """The same response with another, uncompressed body."""
        headers_kept = [(key, value) for key, value in self.headers if key.lower() != "content-encoding"]
        return UpstreamResponse(self.status, self.reason, headers_kept, body)


class FaultProxy:
    """A reverse proxy on a free port of the loopback interface.

    Args:
        upstream_url: the emulator.

    Rules are checked in the order of their creation. The first match is applied and counted down.
    """

    def __init__(self, upstream_url: str) -> None:
        self.upstream_url = upstream_url
        self._lock = threading.Lock()
        self._calls: list[Call] = []
        self._rules: list[Rule] = []
        self._uploads: dict[str, Call] = {}
        self._http = _Server(("127.0.0.1", 0), _Handler)
        self._http.proxy = self
        self._thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._http.shutdown()
        self._http.server_close()

    @property
    def url(self) -> str:
        """The address that the client uses for BigQuery."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def calls(self) -> list[Call]:
        """All calls so far, in the order of arrival."""
        with self._lock:
            return list(self._calls)

    def kinds(self) -> list[Kind]:
        """The calls' kinds, in the order of arrival."""
        return [call.kind for call in self.calls]

    def forget(self) -> None:
        """Restart numbering at 1 and delete all rules."""
        with self._lock:
            self._calls.clear()
            self._rules.clear()

    def rule(self, when: int | Callable[[Call], bool], do: Fault, times: int | None = 1) -> None:
        """Inject a fault at a call number, or at calls that match a predicate; `times=None` means every match."""
        with self._lock:
            self._rules.append(Rule(when, do, times))

    def arrived(self, method: str, path: str, body: bytes) -> tuple[Call, Fault | None]:
        """Number and record a call, and return the fault to inject."""
        with self._lock:
            call = _call(len(self._calls) + 1, method, path, body)
            call.sent = len(body)
            if call.kind == "load_data" and (begun := self._uploads.get(_upload_id(path))):
                call.job_id, call.table, call.body = begun.job_id, begun.table, begun.body
            self._calls.append(call)
            for rule in self._rules:
                if rule.applies_to(call):
                    rule.left = None if rule.left is None else rule.left - 1
                    return call, rule.fault
        return call, None

    def forward(self, call: Call, headers: Mapping[str, str], body: bytes) -> UpstreamResponse:
        """Forward a call to BigQuery, and replace its address with the proxy's in the response."""
        address = urlsplit(self.upstream_url)
        # a new connection for each call: the emulator may close a kept one, and the call must not be sent twice
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=HANG_SECONDS)
        try:
            sent = {key: value for key, value in headers.items() if key.lower() not in HOP_BY_HOP | {"host"}}
            connection.request(call.method, call.path, body=body or None, headers=sent)
            response = connection.getresponse()
            headers_kept = [(key, value) for key, value in response.getheaders() if key.lower() not in HOP_BY_HOP]
            upstream = UpstreamResponse(response.status, response.reason, headers_kept, response.read())
        except (OSError, http.client.HTTPException) as error:
            return _error(Respond(HTTPStatus.BAD_GATEWAY, "backendError", f"the emulator does not answer: {error!r}"))
        finally:
            connection.close()
        return self._with_our_address(call, upstream)

    def _with_our_address(self, call: Call, upstream: UpstreamResponse) -> UpstreamResponse:
        upstream.headers = [
            (key, value.replace(self.upstream_url, self.url) if key.lower() == "location" else value)
            for key, value in upstream.headers
        ]
        if location := upstream.header("location"):
            with self._lock:
                self._uploads[_upload_id(location)] = call
        plain = _plain(upstream)
        if _is_json(upstream) and self.upstream_url.encode() in plain:
            upstream = upstream.with_body(plain.replace(self.upstream_url.encode(), self.url.encode()))
        return upstream


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    proxy: FaultProxy

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore disconnected clients, so that threads print nothing into a test's output."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = -1
    disable_nagle_algorithm = True
    server: _Server

    def handle_call(self) -> None:
        proxy = self.server.proxy
        body = self._read_body()
        call, fault = proxy.arrived(self.command, self.path, _unzipped(body, self.headers.get("Content-Encoding", "")))
        match fault:
            case Respond():
                return self._send(call, _error(fault))
            case DropBefore():
                return self._hang_up()
            case Kill(when="before"):
                _kill(fault)
                return self._hang_up()
            case Delay(seconds=seconds):
                time.sleep(seconds)
        upstream = proxy.forward(call, dict(self.headers.items()), body)
        match fault:
            case DropAfter():
                return self._hang_up()
            case Kill(when="after"):
                _kill(fault)
                return self._hang_up()
            case Rewrite(change=change):
                upstream = upstream.with_body(json.dumps(change(json.loads(_plain(upstream)))).encode())
        return self._send(call, upstream)

    def __getattr__(self, name: str) -> Any:
        """Handles all methods from GET to DELETE alike."""
        if name.startswith("do_"):
            return self.handle_call
        raise AttributeError(name)

    def _read_body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", "").lower():
            return b"".join(iter(self._read_chunk, b""))
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _read_chunk(self) -> bytes:
        size = int(self.rfile.readline().split(b";")[0], 16)
        if not size:
            while self.rfile.readline().strip():  # trailers
                pass
            return b""
        chunk = self.rfile.read(size)
        self.rfile.readline()
        return chunk

    def _send(self, call: Call, upstream: UpstreamResponse) -> None:
        call.status = upstream.status
        self.send_response_only(upstream.status, upstream.reason)
        for key, value in upstream.headers:
            self.send_header(key, value)
        if upstream.status != HTTPStatus.NO_CONTENT:
            self.send_header("Content-Length", str(len(upstream.body)))
        self.end_headers()
        self.wfile.write(upstream.body)

    def _hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


def _kill(fault: Kill) -> None:
    os.kill(fault.process() if callable(fault.process) else fault.process, signal.SIGKILL)


def _error(fault: Respond) -> UpstreamResponse:
    """Google's error body."""
    detail = {"message": fault.message, "domain": "global", "reason": fault.reason}
    body = json.dumps({"error": {"code": fault.status, "message": fault.message, "errors": [detail]}}).encode()
    return UpstreamResponse(
        fault.status, fault.reason, [("Content-Type", "application/json; charset=UTF-8"), *fault.headers.items()], body
    )


def _unzipped(body: bytes, encoding: str) -> bytes:
    return gzip.decompress(body) if encoding == "gzip" and body else body


def _plain(upstream: UpstreamResponse) -> bytes:
    return _unzipped(upstream.body, upstream.header("content-encoding"))


def _is_json(upstream: UpstreamResponse) -> bool:
    return "json" in upstream.header("content-type")


# Parsing of calls


def _upload_id(url: str) -> str:
    return parse_qs(urlsplit(url).query).get("upload_id", [""])[0]


def _json_of(body: bytes) -> dict[str, Any]:
    """The JSON of a body, or of the first part of a multipart body."""
    if body.startswith(b"--"):
        match = JSON_PART.search(body)
        body = match.group() if match else b""
    if not body.startswith(b"{"):
        return {}
    try:
        read = json.loads(body)
    except ValueError:
        return {}
    return read if isinstance(read, dict) else {}


def _call(number: int, method: str, path: str, body: bytes) -> Call:
    content = _json_of(body)
    call = Call(number, method, path, "other", body=content)
    url = urlsplit(path)
    parts = url.path.rstrip("/").split("/")
    configuration = content.get("configuration", {})
    destination: dict[str, Any] = {}
    for job in configuration.values():
        if isinstance(job, dict):
            destination = job.get("destinationTable", destination)
    call.table = destination.get("tableId") or _after("tables", parts)
    call.job_id = content.get("jobReference", {}).get("jobId") or _after("jobs", parts) or _after("queries", parts)
    call.kind = _kind(method, url.path, parts, configuration)
    return call


def _after(name: str, parts: list[str]) -> str | None:
    """The path segment after the name of a collection."""
    place = parts.index(name) + 1 if name in parts else len(parts)
    return parts[place] if place < len(parts) else None


def _kind(method: str, path: str, parts: list[str], configuration: Mapping[str, Any]) -> Kind:
    last = parts[-1]
    if path.startswith("/upload/"):
        return "load_data" if method == "PUT" else "load"
    if method == "POST" and "load" in configuration:
        return "load"
    if method == "POST" and ("query" in configuration or last == "queries"):
        return "query"
    exact: dict[tuple[str, str], Kind] = {("POST", "token"): "token", ("POST", "cancel"): "cancel", ("GET", "data"): "results"}
    if match := exact.get((method, last)):
        return match
    beside: dict[str, Kind] = {"queries": "results", "jobs": "get_job"}
    if method == "GET" and len(parts) > 1 and (match := beside.get(parts[-2])):
        return match
    for collection in ("tables", "datasets"):
        if collection in parts:
            return collection
    return "other"

"""A bucket over loopback HTTP: the calls of Google's JSON API that the platform uses, served from memory.

Supports listing with pages, metadata, download, uploads with `ifGenerationMatch=0`, patch and delete with `ifGenerationMatch`, and
rewrite.
"""

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import count
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit
from uuid import uuid4

import fsspec
import pytest

KINDS = ("folder", "memory", "gcs")
"""Storage kinds: a local folder, a store in memory, a bucket behind real gcsfs."""

GENERATIONS = count(1)
PAGE = 3
"""Objects per page of a listing. Small, so that most listings have several pages."""


@dataclass
class Bucket:
    """The content of the server: name -> body and instant of the last write. `requests` is (method, kind, object) per call."""

    name: str
    objects: dict[str, tuple[bytes, str]] = field(default_factory=dict)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    refusals: list[int] = field(default_factory=list)
    """The statuses of the next responses."""
    lost_uploads: int = 0
    """The number of next uploads that are done and whose response is an error."""
    skew: timedelta = timedelta()
    """The clock of the server minus that of this machine."""
    generations: dict[str, int] = field(default_factory=dict)
    """Name -> generation of the last upload."""
    uploaded: list[str] = field(default_factory=list)
    """The names of the uploaded objects, in order."""
    headers: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Name -> metadata that the last upload set."""
    lock: threading.Lock = field(default_factory=threading.Lock)

    def write(self, name: str, body: bytes) -> dict[str, Any]:
        """Store an object and return its metadata."""
        self.generations[name] = next(GENERATIONS)
        self.touch(name, body)
        return self.metadata(name)

    def touch(self, name: str, body: bytes, ago: timedelta = timedelta()) -> None:
        """Set the instant of the last change."""
        self.objects[name] = body, (self.now - ago).strftime("%Y-%m-%dT%H:%M:%S.%fZ")

    @property
    def now(self) -> datetime:
        """The server's instant."""
        return datetime.now(UTC) + self.skew

    def metadata(self, name: str) -> dict[str, Any]:
        """The object resource."""
        body, at = self.objects[name]
        md5 = base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
        about = {"name": name, "bucket": self.name, "size": str(len(body)), "updated": at, "timeCreated": at, "md5Hash": md5}
        return about | {"generation": str(self.generations[name])}


class Handler(BaseHTTPRequestHandler):
    """Handles one call of the API."""

    bucket: Bucket
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a response in two packets waits 40 ms for the acknowledgment of the first
    wbufsize = -1

    def date_time_string(self, timestamp: float | None = None) -> str:
        """The header `Date`."""
        return super().date_time_string(self.bucket.now.timestamp() if timestamp is None else timestamp)

    def log_message(self, *args: object) -> None:
        """Log nothing."""

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        sent = self.rfile.read(int(self.headers.get("content-length") or 0))
        is_upload = parts.path.startswith("/upload/")
        bucket, _, rest = parts.path.partition("/storage/v1/b/")[2].partition("/o")
        name = unquote(rest.removeprefix("/"))
        with self.bucket.lock:
            self.bucket.requests.append((self.command, "upload" if is_upload else "object" if name else "list", name))
            if self.bucket.refusals:
                self._send(self.bucket.refusals.pop(0), {"error": {"message": "refused by the test"}})
            elif bucket != self.bucket.name:
                self._send(404, {"error": {"message": "no such bucket"}})
            elif is_upload:
                self._send(*self._upload(query, sent))
            elif not name:
                self._send(200, self._page(query))
            else:
                self._send(*self._do(rest.removeprefix("/"), query))

    def do_GET(self) -> None:
        self._answer()

    do_POST = do_PATCH = do_DELETE = do_GET  # noqa: N815  # names required by http.server

    def _upload(self, query: dict[str, str], sent: bytes) -> tuple[int, Any]:
        resource, kind, body = {"name": query.get("name", "")}, "application/octet-stream", sent
        if query["uploadType"] == "multipart":
            _, about, content = sent.split(b"--==0==", 2)
            resource = json.loads(about.split(b"\n\n", 1)[1])
            kind = content.split(b"\n\n", 1)[0].decode().strip().removeprefix("Content-Type: ")
            body = content.split(b"\n\n", 1)[1].removesuffix(b"\n--==0==--")
        name = resource["name"]
        if query.get("ifGenerationMatch") == "0" and name in self.bucket.objects:
            return 412, {"error": {"message": "the object exists"}}
        self.bucket.uploaded.append(name)
        self.bucket.headers[name] = {"contentType": kind} | resource
        written = self.bucket.write(name, body)
        if self.bucket.lost_uploads:
            self.bucket.lost_uploads -= 1
            return 503, {"error": {"message": "the response of the test"}}
        return 200, written

    def _page(self, query: dict[str, str]) -> dict[str, Any]:
        begins, after = query.get("prefix", ""), query.get("pageToken", "")
        names = [name for name in sorted(self.bucket.objects) if name.startswith(begins) and name > after]
        items, prefixes = list[str](), set[str]()
        for name in names[:PAGE]:
            folder, slash, _ = name.removeprefix(begins).partition(query.get("delimiter", "\0"))
            if slash:
                prefixes.add(f"{begins}{folder}/")
            else:
                items.append(name)
        page: dict[str, Any] = {"kind": "storage#objects", "items": [self.bucket.metadata(name) for name in items]}
        page |= {"prefixes": sorted(prefixes)} if prefixes else {}
        return page | ({"nextPageToken": names[PAGE - 1]} if len(names) > PAGE else {})

    def _do(self, rest: str, query: dict[str, str]) -> tuple[int, Any]:
        bucket, (source, _, target) = self.bucket, rest.partition("/rewriteTo/b/")
        name = unquote(source)
        if name not in bucket.objects:
            return 404, {"error": {"message": "no such object"}}
        if query.get("ifGenerationMatch", str(bucket.generations[name])) != str(bucket.generations[name]):
            return 412, {"error": {"message": "another generation"}}
        if self.command == "PATCH":
            bucket.touch(name, bucket.objects[name][0])
            return 200, bucket.metadata(name)
        if target:
            copy = unquote(target.partition("/o/")[2])
            return 200, {"done": True, "resource": bucket.write(copy, bucket.objects[name][0])}
        if self.command == "DELETE":
            del bucket.objects[name]
            return 204, b""
        return 200, bucket.objects[name][0] if query.get("alt") == "media" else bucket.metadata(name)

    def _send(self, status: int, answer: Any) -> None:
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("content-type", "application/octet-stream" if isinstance(answer, bytes) else "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Server(ThreadingHTTPServer):
    request_queue_size = 128  # gcsfs opens many connections at the same time; those above the size wait for minutes
    daemon_threads = True


@contextmanager
def serve(name: str) -> Iterator[tuple[Bucket, str]]:
    """An empty bucket of this name, and the address of its server."""
    bucket = Bucket(name)
    with _Server(("127.0.0.1", 0), type("Bound", (Handler,), {"bucket": bucket})) as server:
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        yield bucket, f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


@contextmanager
def a_bucket(name: str = "bucket") -> Iterator[Bucket]:
    """A bucket that gcsfs reaches as gs://<name> within the block."""
    with serve(name) as (bucket, address), pytest.MonkeyPatch.context() as patch:
        patch.setitem(fsspec.config.conf, "gs", {"endpoint_url": address, "token": "anon"})
        yield bucket


@contextmanager
def a_home(kind: str, folder: Path) -> Iterator[str]:
    """An empty home of a storage kind."""
    if kind == "gcs":
        with a_bucket():
            yield "gs://bucket/a/prefix"
    else:
        yield str(folder) if kind == "folder" else f"memory://{uuid4().hex}"

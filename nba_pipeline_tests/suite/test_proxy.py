"""The nginx configuration of `deploy/` with the real nginx and a real client, in front of two servers that record requests."""

import os
import re
import shutil
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

CONFIG = Path(__file__).parents[2] / "deploy" / "nginx.conf"
NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
TIMEOUT_SECONDS = 20.0
VIEWERS, OPERATORS = "webserver-read-only", "webserver"
LOGIN = ("viewer", "their password")
OPERATOR = ("operator", "another password")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not NGINX or not shutil.which("openssl"), reason="nginx or openssl is not installed"),
]


@dataclass
class Upstream:
    """A server in the place of one of Dagster's webservers. Records the requests that the proxy forwards."""

    server: ThreadingHTTPServer
    forwarded: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)


@pytest.fixture(scope="module")
def upstreams() -> Iterator[dict[str, Upstream]]:
    by_name: dict[str, Upstream] = {}
    for name in (VIEWERS, OPERATORS):

        class Handler(BaseHTTPRequestHandler):
            upstream = name

            def respond(self) -> None:
                self.rfile.read(int(self.headers.get("Content-Length") or 0))
                by_name[self.upstream].forwarded.append((self.command, self.path, dict(self.headers)))
                self.send_response(101 if self.headers.get("Upgrade") else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def do_GET(self) -> None:
                self.respond()

            def do_POST(self) -> None:
                self.respond()

            def log_message(self, *_: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        by_name[name] = Upstream(server)
    yield by_name
    for upstream in by_name.values():
        upstream.server.shutdown()
        upstream.server.server_close()


@pytest.fixture(scope="module")
def ports(upstreams: dict[str, Upstream], tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, int]]:
    """Nginx with the configuration, except for paths, ports and the addresses of the webservers."""
    folder = tmp_path_factory.mktemp("nginx")
    folder.chmod(0o755)
    (folder / "tls").mkdir()
    (folder / "users").mkdir()
    key, certificate = folder / "tls" / "tls.key", folder / "tls" / "tls.crt"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
                    "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)  # fmt: skip
    for file, (name, password) in (("viewers", LOGIN), ("operators", OPERATOR)):
        hashed = subprocess.run(
            ["openssl", "passwd", "-apr1", password], check=True, capture_output=True, text=True
        ).stdout.strip()
        (folder / "users" / file).write_text(f"{name}:{hashed}\n")
    numbers = {VIEWERS: free_port(), OPERATORS: free_port()}
    text = CONFIG.read_text().replace("/tmp/", f"{folder}/").replace("/etc/nginx", str(folder)).replace("/dev/stdout", "off")
    text = text.replace("/dev/stderr", str(folder / "errors"))
    text = text.replace("listen 8443", f"listen 127.0.0.1:{numbers[VIEWERS]}").replace(
        "listen 9443", f"listen 127.0.0.1:{numbers[OPERATORS]}"
    )
    for name, upstream in upstreams.items():
        text = re.sub(rf"http://{name}:3000", f"http://127.0.0.1:{upstream.server.server_address[1]}", text)
    if os.geteuid() == 0:
        text = f"user root;\n{text}"
    (folder / "nginx.conf").write_text(text)
    assert NGINX
    command = [NGINX, "-p", str(folder), "-e", str(folder / "errors"), "-c", str(folder / "nginx.conf"), "-g", "daemon off;"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + TIMEOUT_SECONDS
        while not listens(numbers[OPERATORS]):
            assert process.poll() is None and time.monotonic() < deadline, (folder / "errors").read_text()
            time.sleep(0.05)
        yield numbers
        process.terminate()


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def listens(port: int) -> bool:
    with socket.socket() as connection:
        return connection.connect_ex(("127.0.0.1", port)) == 0


@pytest.fixture(params=[VIEWERS, OPERATORS])
def connection(
    request: pytest.FixtureRequest, ports: dict[str, int], upstreams: dict[str, Upstream]
) -> Iterator[tuple[httpx.Client, Upstream]]:
    """A client of one of the two ports, without a login, and the server behind it."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    upstreams[request.param].forwarded.clear()
    with httpx.Client(base_url=f"https://127.0.0.1:{ports[request.param]}", verify=context, timeout=TIMEOUT_SECONDS) as client:
        yield client, upstreams[request.param]


def login_of(client: httpx.Client, ports: dict[str, int]) -> tuple[str, str]:
    return LOGIN if client.base_url.port == ports[VIEWERS] else OPERATOR


def exactly(client: httpx.Client, path: str) -> httpx.URL:
    """A URL with this path, which the client does not normalize."""
    return client.base_url.copy_with(raw_path=path.encode())


@pytest.mark.parametrize("path", ["/", "/graphql", "/../graphql", "//graphql", "/%2e%2e/graphql", "/server_info", "/GraphQL"])
def test_no_request_is_forwarded_without_the_right_password(
    connection: tuple[httpx.Client, Upstream], path: str, ports: dict[str, int]
) -> None:
    client, upstream = connection
    other = OPERATOR if login_of(client, ports) == LOGIN else LOGIN
    for login in (None, (login_of(client, ports)[0], "wrong"), other):
        for method in ("GET", "POST"):
            assert client.request(method, exactly(client, path), auth=login).status_code in (400, 401, 405)
    assert upstream.forwarded == []


def test_a_request_with_the_right_password_is_forwarded_without_it(
    connection: tuple[httpx.Client, Upstream], ports: dict[str, int]
) -> None:
    client, upstream = connection
    assert client.get("/runs", auth=login_of(client, ports)).status_code == 200
    assert client.post("/graphql", auth=login_of(client, ports), json={"query": "{ version }"}).status_code == 200
    assert [(method, path) for method, path, _ in upstream.forwarded] == [("GET", "/runs"), ("POST", "/graphql")]
    assert not [headers for _, _, headers in upstream.forwarded if "authorization" in {name.lower() for name in headers}]


@pytest.mark.parametrize("path", ["/graphql", "/graphql/", "//graphql", "/a/../graphql", "/%67raphql"])
def test_a_query_by_get_is_refused(connection: tuple[httpx.Client, Upstream], path: str, ports: dict[str, int]) -> None:
    """A link on another site could start a run, because the browser adds the password."""
    client, upstream = connection
    response = client.get(exactly(client, f"{path}?query=mutation%7Bx%7D"), auth=login_of(client, ports))
    assert response.status_code == 405 and upstream.forwarded == []


def test_a_request_of_another_site_is_refused(connection: tuple[httpx.Client, Upstream], ports: dict[str, int]) -> None:
    client, upstream = connection
    own, login = str(client.base_url).rstrip("/"), login_of(client, ports)
    for origin in ("https://evil.example", "null", own.replace("https", "http"), f"{own}.evil.example"):
        assert client.post("/graphql", headers={"Origin": origin}, json={}, auth=login).status_code == 403
    assert upstream.forwarded == []
    assert client.post("/graphql", headers={"Origin": own}, json={}, auth=login).status_code == 200


def test_a_websocket_is_upgraded(connection: tuple[httpx.Client, Upstream], ports: dict[str, int]) -> None:
    client, upstream = connection
    with client.stream(
        "GET", "/graphql", headers={"Upgrade": "websocket", "Connection": "Upgrade"}, auth=login_of(client, ports)
    ) as response:
        assert response.status_code == 101
    assert [headers["Upgrade"] for _, _, headers in upstream.forwarded] == ["websocket"]


def test_a_large_body_is_refused(connection: tuple[httpx.Client, Upstream], ports: dict[str, int]) -> None:
    client, upstream = connection
    assert client.post("/graphql", content=b"x" * 2**21, auth=login_of(client, ports)).status_code == 413
    assert upstream.forwarded == []


def test_too_many_requests_are_refused(connection: tuple[httpx.Client, Upstream]) -> None:
    """Requests without a password, which the proxy answers faster than its limit on a busy machine, too."""
    client, upstream = connection
    assert any(client.get("/").status_code == 429 for _ in range(5000))
    assert upstream.forwarded == []

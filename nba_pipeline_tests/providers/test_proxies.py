"""The proxy of a provider: a real HTTP proxy on a socket, its login, its failures, and messages without the login."""

import base64
import http.server
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import pytest

from nba_pipeline.environments import resources_for
from nba_pipeline.errors import BadInput, Permanent, PipelineError, Transient
from nba_pipeline.instance.clock import Clock
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.providers.proxies import proxy_at
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline_tests.providers.conftest import BOX, GOOD, ODDS, PATIENT_SECONDS, Answer, Provider

VARIABLE, CANARY = "NBA_CDN_PROXY", "canary/pass@word"
LOGIN = "nba:canary%2Fpass%40word"
OF_LOGIN = f"Basic {base64.b64encode(f'nba:{CANARY}'.encode()).decode()}"


class Server(http.server.ThreadingHTTPServer):
    """A server that ignores clients which end the connection."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Log nothing."""


@dataclass
class HttpProxy:
    """Forwards GET and HEAD, and answers CONNECT with a status. Refuses another login than LOGIN."""

    port: int = 0
    server: Server | None = None
    connect_status: int = 200
    forwarded: list[tuple[str, str]] = field(default_factory=list)

    def use_tls(self, folder: Path) -> None:
        """Serves TLS with a certificate that no client trusts."""
        key, certificate = folder / "key.pem", folder / "certificate.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
                        "-keyout", str(key), "-out", str(certificate)], check=True, capture_output=True)  # fmt: skip
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        assert self.server
        self.server.socket = context.wrap_socket(self.server.socket, server_side=True)

    def url(self, login: str = LOGIN) -> str:
        return f"http://{login}@127.0.0.1:{self.port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    proxy: HttpProxy

    def do_GET(self) -> None:
        if self.headers.get("Proxy-Authorization") != OF_LOGIN:
            self.answer(httpx.codes.PROXY_AUTHENTICATION_REQUIRED)
            return
        self.proxy.forwarded.append((self.command, self.path))
        if self.command == "CONNECT":
            self.answer(self.proxy.connect_status)
            return
        with httpx.Client(trust_env=False, timeout=PATIENT_SECONDS) as client:
            received = client.request(self.command, self.path)
        self.answer(received.status_code, received.content)

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_CONNECT(self) -> None:
        self.do_GET()

    def answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


@pytest.fixture
def proxy() -> Iterator[HttpProxy]:
    proxy = HttpProxy()
    server = Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"proxy": proxy}))
    proxy.port, proxy.server = server.server_address[1], server
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    yield proxy
    server.shutdown()
    server.server_close()


@pytest.fixture
def proxied(provider: Provider, landing: Landing, clock: Clock) -> Iterator[HttpClient]:
    """A client that sends the requests of nba_cdn through the proxy of the variable."""
    client = HttpClient(
        base_urls={"nba_cdn": provider.url, "odds_api": provider.url},
        proxies={"nba_cdn": VARIABLE},
        landing=landing,
        clock=clock,
        attempts=2,
        first_wait_seconds=0.01,
        read_timeout_seconds=PATIENT_SECONDS,
        connect_timeout_seconds=PATIENT_SECONDS,
    )
    with closing(client):
        yield client


def test_only_the_requests_of_its_provider_go_through_a_proxy_with_the_login(
    proxied: HttpClient, proxy: HttpProxy, provider: Provider, landing: Landing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, proxy.url())
    provider.responds(GOOD)
    assert proxied.get(BOX).json() == proxied.get(ODDS).json() == {"game": 1}
    assert proxy.forwarded == [("GET", f"{provider.url}/box/1.json")]
    assert "proxy-authorization" not in provider.asked[0].headers
    assert [line["url"].partition("?")[0] for line in landing.requests()] == [
        f"{provider.url}/box/1.json",
        f"{provider.url}/v4/events",
    ]
    assert not [path for path in landing.root.rglob("*") if path.is_file() and CANARY.encode() in path.read_bytes()]


def test_a_failure_of_the_provider_does_not_name_the_proxy(
    proxied: HttpClient, proxy: HttpProxy, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The metric of the proxy would be 0 while the proxy works."""
    monkeypatch.setenv(VARIABLE, proxy.url())
    provider.responds(Answer({}, status=503))
    with pytest.raises(Transient, match=r"^nba_cdn boxscore 1: status 503 after 2 attempts$"):
        proxied.get(BOX)


def wrong_login(proxy: HttpProxy) -> str:
    return proxy.url("nba:canary")


def closed_port(_: HttpProxy) -> str:
    return f"http://{LOGIN}@127.0.0.1:9"


PROBLEMS = {
    "wrong login": (wrong_login, Permanent, r"the proxy 127.0.0.1:\d+ \(NBA_CDN_PROXY\) refuses the login \(407\): check NBA_CDN_PROXY$"),
    "closed port": (closed_port, Transient, r"through the proxy 127.0.0.1:9 \(NBA_CDN_PROXY\)"),
    "no scheme": (lambda _: f"{LOGIN}@127.0.0.1:9", BadInput, "^NBA_CDN_PROXY must be a URL like http://user:password@host:port$"),
    "no number": (lambda _: f"http://{LOGIN}@127.0.0.1:x", BadInput, "^NBA_CDN_PROXY must be a URL like http://user:password@host:port$"),
}  # fmt: skip


@pytest.mark.parametrize(("url", "kind", "message"), PROBLEMS.values(), ids=list(PROBLEMS))
def test_a_proxy_that_cannot_be_used_is_one_sentence_without_its_login(
    url: object, kind: type[PipelineError], message: str, proxied: HttpClient, proxy: HttpProxy, provider: Provider,
    landing: Landing, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    assert callable(url)
    monkeypatch.setenv(VARIABLE, url(proxy))
    with pytest.raises(kind, match=message) as requested:
        proxied.get(BOX)
    with pytest.raises(kind, match=message) as tried:
        proxied.refuse_unreachable_proxy("nba_cdn")
    assert "canary" not in f"{requested.value} {tried.value} {[line['problem'] for line in landing.requests()]}"
    assert provider.asked == []


@pytest.mark.parametrize(
    ("status", "kind", "message"),
    [
        (503, Transient, r"status 503 through the proxy 127.0.0.1:\d+ \(NBA_CDN_PROXY\) after 2 attempts$"),
        (403, Permanent, r"\(NBA_CDN_PROXY\) refuses the request \(403\): check NBA_CDN_PROXY$"),
    ],
)
def test_a_proxy_that_does_not_connect_to_a_host_is_named(
    status: int, kind: type[PipelineError], message: str, proxied: HttpClient, proxy: HttpProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 403 of the proxy must not look like a response that is not published."""
    monkeypatch.setenv(VARIABLE, proxy.url())
    proxied.base_urls["nba_cdn"], proxy.connect_status = "https://127.0.0.1:9", status
    with pytest.raises(kind, match=message):
        proxied.get(BOX)
    with pytest.raises(kind, match=rf"\(NBA_CDN_PROXY\).* {'status ' if status == 503 else '.'}{status}"):
        proxied.refuse_unreachable_proxy("nba_cdn")
    assert {method for method, _ in proxy.forwarded} == {"CONNECT"}


def test_a_proxy_with_an_untrusted_certificate_is_one_sentence(
    proxied: HttpClient, proxy: HttpProxy, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    message = rf"127.0.0.1 .*the proxy localhost:{proxy.port} \(NBA_CDN_PROXY\)"
    proxy.use_tls(tmp_path)
    monkeypatch.setenv(VARIABLE, proxy.url().replace("http://", "https://").replace("127.0.0.1", "localhost"))
    with pytest.raises(Transient, match=f"untrusted certificate at {message} after 2 attempts$"):
        proxied.get(BOX)
    with pytest.raises(Transient, match=f"{message}: untrusted certificate$"):
        proxied.refuse_unreachable_proxy("nba_cdn")


def test_any_answer_of_the_provider_shows_that_the_proxy_works(
    proxied: HttpClient, proxy: HttpProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, proxy.url())
    assert str(proxied.refuse_unreachable_proxy("nba_cdn")) == f"the proxy 127.0.0.1:{proxy.port} ({VARIABLE})"
    assert proxied.refuse_unreachable_proxy("odds_api") is None
    assert [method for method, _ in proxy.forwarded] == ["HEAD"]


def test_the_login_is_not_shown() -> None:
    assert "secret" not in repr(proxy_at("https://user:secret@host", VARIABLE))
    assert str(proxy_at("https://user:secret@host", VARIABLE)) == "the proxy host:443 (NBA_CDN_PROXY)"


def test_each_provider_may_have_a_proxy_and_dagster_has_the_name_of_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ESPN_PROXY", "http://nba:canary@127.0.0.1:9")
    monkeypatch.setenv("NBA_STATS_PROXY", "sm://project/secret")
    assert resources_for("local")["espn"].http.proxies == {"espn": "ESPN_PROXY", "nba_stats": "NBA_STATS_PROXY"}
    monkeypatch.setenv("ESPN_PROXY", "nba:canary@127.0.0.1")
    with pytest.raises(BadInput, match=r"^ESPN_PROXY must be a URL like http://user:password@host:port$"):
        resources_for("local")

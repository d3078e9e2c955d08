"""A local provider over real HTTP, with scripted answers and recorded requests."""

import contextlib
import copy
import gzip
import http.server
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import parse_qs, urlsplit

import polars as pl
import pytest

from nba_pipeline.errors import PipelineError, Transient
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.run_objects import RUN_OBJECTS
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.providers.pdf_reader import KEY, PdfReader
from nba_pipeline.providers.request import Request
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payloads import Payload, Slot
from nba_pipeline_tests.builders_archive import archive, build  # noqa: F401  # fixtures

NOON = datetime(2024, 3, 12, 12, tzinfo=UTC)
PROVIDERS = ("nba_cdn", "balldontlie", "odds_api")
PATIENT_SECONDS, IMPATIENT_SECONDS = 60.0, 0.5
"""Timeouts of clients. With a short one, a stalled machine would turn a response into a failure."""
SILENT_SECONDS = 30.0
"""Delay of a response that comes after the timeout of an impatient client, on a stalled machine, too."""


@dataclass
class Answer:
    """The provider's response: a document or raw bytes. The last `lost` bytes are announced and never sent."""

    document: Any = None
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None
    lost: int = 0
    delay_seconds: float = 0.0


@dataclass
class ReceivedRequest:
    """A received request."""

    path: str
    params: dict[str, str]
    headers: dict[str, str]
    client: tuple[str, int]


class Provider:
    """Serves answers in the given order and repeats the last. An answer may be a function of the request."""

    def __init__(self) -> None:
        self.answers: list[Answer | Callable[[ReceivedRequest], Answer]] = [Answer({})]
        self.asked: list[ReceivedRequest] = []
        self.url = ""
        self._lock = threading.Lock()

    def responds(self, *answers: Answer | Callable[[ReceivedRequest], Answer]) -> None:
        self.answers = list(answers)

    def next_answer(self, request: ReceivedRequest) -> Answer:
        with self._lock:
            self.asked.append(request)
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return answer(request) if callable(answer) else answer


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # a response in two packets waits 40 ms for the acknowledgment of the first
    wbufsize = -1
    provider: Provider

    def do_GET(self) -> None:
        address = urlsplit(self.path)
        params = {name: values[0] for name, values in parse_qs(address.query).items()}
        headers = {name.lower(): value for name, value in self.headers.items()}
        answer = self.provider.next_answer(ReceivedRequest(address.path, params, headers, self.client_address))
        time.sleep(answer.delay_seconds)
        body = json.dumps(answer.document).encode() if answer.body is None else answer.body
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body) + answer.lost))
            self.end_headers()
            self.wfile.write(body)
        self.close_connection = bool(answer.lost)

    def log_message(self, format: str, *args: object) -> None:
        """Log nothing."""


class _Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect during a long response."""


@pytest.fixture
def provider() -> Iterator[Provider]:
    provider = Provider()
    handler = type("Handler", (_Handler,), {"provider": provider})
    server = _Server(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    provider.url = f"http://127.0.0.1:{server.server_address[1]}"
    yield provider
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="module")
def reader_of_pdfs() -> Iterator[PdfReader]:
    """One process reads the PDFs of a module, as in a run. Without it, each PDF starts a process, which takes 0.1 s."""
    with RUN_OBJECTS.shared(KEY, PdfReader, PdfReader.close) as reader:
        yield reader


@pytest.fixture
def clock() -> Clock:
    return Clock(fixed_at=NOON.isoformat())


@pytest.fixture
def landing(tmp_path: Path, clock: Clock) -> Landing:
    return Landing(home=str(tmp_path), clock=clock)


@pytest.fixture
def http_client(provider: Provider, landing: Landing, clock: Clock) -> Iterator[HttpClient]:
    client = HttpClient(
        base_urls=dict.fromkeys(PROVIDERS, provider.url),
        landing=landing,
        clock=clock,
        attempts=3,
        first_wait_seconds=0.01,
        read_timeout_seconds=PATIENT_SECONDS,
        connect_timeout_seconds=PATIENT_SECONDS,
    )
    yield client
    client.close()


DAY = date(2024, 3, 12)

BOX = Request(provider="nba_cdn", endpoint="boxscore", entity="1", game_date=DAY, path="/box/1.json", required_keys=("game",))

ODDS = Request(
    provider="odds_api",
    endpoint="events",
    entity="slate",
    game_date=DAY,
    path="/v4/events",
    params={"a": "b"},
    secret_params={"apiKey": "s3cret"},
    secret_headers={"Authorization": "s3cret"},
    key_variable="ODDS_API_KEY",
)

GOOD = Answer({"game": 1})


class At(Protocol):
    """Returns a client of another run, some seconds after noon. Its run id distinguishes its journal from the others."""

    def __call__(self, seconds: float, attempts: int = 1) -> HttpClient: ...


@pytest.fixture
def at(provider: Provider, tmp_path: Path) -> Iterator[At]:
    clients: list[HttpClient] = []

    def client(seconds: float, attempts: int = 1) -> HttpClient:
        clock = Clock(fixed_at=(NOON + timedelta(seconds=seconds)).isoformat())
        landing = Landing(home=str(tmp_path), clock=clock)
        landing._run_id = f"run {len(clients)}"
        clients.append(
            HttpClient(
                base_urls=dict.fromkeys(("nba_cdn", "odds_api"), provider.url),
                landing=landing,
                clock=clock,
                attempts=attempts,
                first_wait_seconds=0.01,
                read_timeout_seconds=PATIENT_SECONDS,
                connect_timeout_seconds=PATIENT_SECONDS,
            )
        )
        return clients[-1]

    yield client
    for one in clients:
        one.close()


def fail(client: HttpClient, provider: Provider, times: int = 5, status: int = 503) -> None:
    provider.responds(Answer({}, status=status))
    for _ in range(times):
        with pytest.raises(Transient, match=f"status {status} after"):
            client.get(BOX)
    provider.responds(GOOD)


@pytest.fixture
def land(landing: Landing) -> Callable[..., Payload]:
    """Lands a document as if it were a provider's response."""

    def keep(
        document: Any,
        provider: str = "nba_cdn",
        endpoint: str = "boxscore",
        entity: str = "1",
        day: date | None = date(2024, 3, 12),
    ) -> Payload:
        return landing.keep(Slot(provider, endpoint, entity, day), json.dumps(document).encode(), fetched_at=NOON)

    return keep


def only(frame: pl.DataFrame, *columns: str) -> tuple[Any, ...]:
    assert frame.height == 1
    return frame.select(columns).row(0)


def gzipped(document: Any) -> bytes:
    return gzip.compress(json.dumps(document).encode())


MISSING, RENAMED = object(), object()


def drifted(document: Any, path: str, change: Any) -> Any:
    """Returns a copy of a document with one field ("game.homeTeam.players.0.name") removed, renamed or changed."""
    changed = copy.deepcopy(document)
    *parents, field = [int(part) if part.isdecimal() else part for part in path.split(".")]
    place = changed
    for part in parents:
        place = place[part]
    before = place.pop(field)
    if change is RENAMED:
        place[f"new_{field}"] = before
    elif change is not MISSING:
        place[field] = change
    return changed


def message_of(parse: Callable[[], pl.DataFrame]) -> str:
    """Returns the error message of a document, or the problems of its rows."""
    try:
        return "; ".join(parse()["problem"].drop_nulls())
    except PipelineError as error:
        return str(error)

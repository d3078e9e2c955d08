"""HTTP client for all providers: rate limits, retries, circuit breakers. Every response is landed.

Connections, rates, retries and outcomes belong here. The meaning of a payload belongs to the provider's own module.

    200 with the expected JSON or PDF            landed and returned
    200 with another format or missing keys      landed as rejected, raises Permanent
    200 above the size limit                     not landed, journaled as rejected, raises Permanent
    403, 404                                     raises NotYet: the caller knows the due time; many 403 in a row open a breaker
    401                                          raises Permanent; no further request to the provider in this run
    429, 5xx, timeouts, broken responses         retried, then raises Transient
    open breaker                                 raises Transient without a request: see nba_pipeline.providers.circuit_breakers
"""

import contextlib
import logging
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cache
from typing import Any
from weakref import WeakValueDictionary

import dagster as dg
import httpx
import stamina
from pydantic import PrivateAttr

from nba_pipeline.errors import BadInput, NotLanded, NotPublished, Permanent, PipelineError, Transient
from nba_pipeline.instance.clock import Clock
from nba_pipeline.providers.answers import ACCEPTED, received
from nba_pipeline.providers.circuit_breakers import ReceivedRequest, Breaker, Entity, History, recent_history
from nba_pipeline.providers.parsing import parsing
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse.landing import Landing, Outcome, Payload, Slot
from nba_pipeline.warehouse.payload_limits import TooLarge, read_json

RETRIED = (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError, httpx.DecodingError)
QUOTA_HEADERS = {f"x-requests-{name}": name for name in ("remaining", "used", "last")}
LOOPBACK = {"127.0.0.1", "::1", "localhost"}
MOST_REDIRECTS = 3
MOST_DIGITS = 18
"""Maximum digits of a number in a header. Python refuses to parse thousands of digits."""
MOST_CODE_CHARACTERS = 80
PDF_BEGINS = b"%PDF-"
USER_AGENT = "nba-pipeline"

stamina.instrumentation.set_on_retry_hooks([])  # its hook writes to standard output; the journal records every attempt
logging.getLogger("httpx").setLevel(logging.WARNING)  # its INFO line shows the full URL, which contains The Odds API's key


@dataclass(frozen=True, kw_only=True)
class Request(Slot):
    """A request to a provider, and the landing slot of its response.

    A response that breaks the contract is never landed as accepted. With the extension pdf, the response must be a PDF
    instead of JSON.

    Attributes:
        secret_params, secret_headers: the API key. Never part of a message, a journaled URL or a ref.
        key_variable: the environment variable to name when the key is rejected.
        required_keys: the required top-level keys. Empty accepts any JSON.
        parser: the pure function that must parse the response without an error.
        final_game_ids: returns the ids of the games that are final according to the response.
    """

    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    secret_params: Mapping[str, str] = field(default_factory=dict, repr=False)
    secret_headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    key_variable: str = ""
    required_keys: tuple[str, ...] = ()
    parser: Callable[[Payload], object] | None = field(default=None, repr=False, compare=False)
    final_game_ids: Callable[[Any], list[str]] | None = field(default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.path.startswith("/"):
            raise BadInput(f"{self.name}: the path must begin with /, not {self.path!r}")

    def url(self, base_url: str) -> str:
        """Returns the URL without secrets, for the journal and for messages."""
        return str(httpx.URL(base_url.rstrip("/") + self.path, params=dict(self.params) or None))


class _Again(Exception):
    """A status that should be retried."""

    def __init__(self, status: int, retry_after: float | None):
        super().__init__(f"status {status}")
        self.status, self.retry_after = status, retry_after


@cache
def _trusted() -> ssl.SSLContext:
    """The trusted certificate authorities. Cached: loading takes 30 ms, and each run and sensor tick creates a client."""
    return httpx.create_ssl_context()


class _Session:
    """State shared by all requests of a run: connections, rates, breakers, rejected keys, quota."""

    def __init__(self, run_id: str = ""):
        self.run_id, self.users = run_id, 0
        self.lock = threading.Lock()
        self.quota: dict[str, int] = {}
        self.refused: dict[str, str] = {}
        self._next: dict[str, float] = {}
        self._history: History | None = None
        self._trials: Counter[str] = Counter()
        self._settled = threading.Condition()
        self.client = httpx.Client(headers={"User-Agent": USER_AGENT, "Accept-Encoding": ACCEPTED}, verify=_trusted())

    def wait_for_turn(self, provider: str, per_second: float) -> None:
        """Sleep until the rate limit permits the next request to the provider."""
        with self.lock:
            now = time.monotonic()
            turn = max(now, self._next.get(provider, now))
            self._next[provider] = turn + 1 / per_second
        if turn > now:
            time.sleep(turn - now)

    def admit(self, request: Request, landing: Landing, clock: Clock) -> bool:
        """Wait until the breakers admit the request. Returns True for a trial. Raises Transient when a breaker is open.

        The first request loads the history of earlier runs from the journal. Later requests of the session add to it.
        """
        with self._settled:
            if self._history is None:
                self._history = recent_history(landing)
            while True:
                now = clock.now()
                breaker = self._history.of_provider(request.provider, now)
                for one in (breaker, self._history.of_entity(request, now)):
                    if one.state == "open":
                        raise Transient(f"{one.sentence}; {request.name} was not asked for")
                if breaker.state == "closed":
                    return False
                if self._trials[request.provider] < SETTINGS.breakers.provider_trials:
                    self._trials[request.provider] += 1
                    return True
                self._settled.wait()

    def settle(self, asked: ReceivedRequest, is_trial: bool) -> None:
        """Record the outcome of an admitted request and wake the requests that wait for a trial."""
        with self._settled:
            if self._history:
                self._history.add(asked)
            self._trials[asked.entity.provider] -= is_trial
            self._settled.notify_all()

    def is_open(self, provider: str, now: datetime) -> bool:
        """True when other requests have opened the provider's breaker."""
        with self._settled:
            return self._history is not None and self._history.of_provider(provider, now).state == "open"


_sessions: WeakValueDictionary[str, _Session] = WeakValueDictionary()
_sessions_lock = threading.Lock()
"""Dagster creates a separate instance of a resource for each dependent resource. The sessions of a run must be shared."""


class HttpClient(dg.ConfigurableResource):  # type: ignore[type-arg]
    """HTTP client for providers. All resources of a run share one connection pool.

    `base_urls` maps a provider to its scheme and host. `read_timeout_seconds_of` and `attempts_of` override the defaults
    per provider. A replay reads responses from the landing, without network access.
    """

    base_urls: dict[str, str]
    landing: dg.ResourceDependency[Landing]
    clock: dg.ResourceDependency[Clock]
    attempts: int = SETTINGS.http.attempts
    first_wait_seconds: float = SETTINGS.http.first_wait_seconds
    connect_timeout_seconds: float = SETTINGS.http.connect_timeout_seconds
    read_timeout_seconds: float = SETTINGS.http.read_timeout_seconds
    read_timeout_seconds_of: dict[str, float] = SETTINGS.http.read_timeout_seconds_of
    attempts_of: dict[str, int] = SETTINGS.http.attempts_of
    _session: _Session | None = PrivateAttr(default=None)

    @contextlib.contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> "Iterator[HttpClient]":
        """Share the run's session. The last resource to exit closes it."""
        run_id = context.run.run_id if context.run else ""
        with _sessions_lock:
            session = _sessions.get(run_id) if run_id else None
            session = session or _Session(run_id)
            session.users += 1
            if run_id:
                _sessions[run_id] = session
        self._session = session
        try:
            yield self
        finally:
            with _sessions_lock:
                session.users -= 1
                if not session.users:
                    _sessions.pop(run_id, None)
                    session.client.close()
            self._session = None

    def close(self) -> None:
        """Close the connections. Only required outside of a run."""
        if self._session:
            self._session.client.close()
            self._session = None

    @property
    def quota(self) -> dict[str, int]:
        """The latest x-requests-* headers: remaining, used, last. Empty before the first response."""
        return dict(self._session.quota) if self._session else {}

    def landed(self, request: Request) -> list[Payload]:
        """Returns the landed responses to a request, oldest first. The newest is journaled as reused."""
        payloads = self.landing.versions(request)
        if payloads:
            self.landing.note(request, "reused", payload=payloads[-1])
        return payloads

    def get(self, request: Request) -> Payload:
        """Returns the landed response to a request. Rate limits and retries follow the settings.

        A replay returns the response of the original run. An offline run returns the newest landed response.

        Raises:
            NotYet: the status is 403 or 404.
            Transient: every attempt failed, or a breaker is open.
            Permanent: the status is 401 or another 4xx, the redirect leads to another host, or the response breaks the
                contract.
            NotLanded: a replay or an offline run has no landed response.

        A replay also raises the errors of the original run.
        """
        if self.landing.is_replay:
            return self._replayed(request)
        if self.landing.is_offline:
            return self._landed_only(request)
        base_url = self.base_urls.get(request.provider)
        if not base_url:
            known = ", ".join(sorted(self.base_urls))
            raise BadInput(f"no address is configured for {request.provider}; known: {known}")
        session, url, statuses = self._ready(), request.url(base_url), list[int]()
        with self._counted(session, request, url, statuses):
            try:
                response = self._ask(session, request, base_url, statuses)
            except PipelineError as error:
                self.landing.note(request, _outcome_of(error, statuses), url=url, statuses=statuses, problem=str(error))
                raise
            return self._land(request, response, url, statuses)

    def is_open(self, provider: str) -> Breaker | None:
        """Returns the provider's breaker if it is open according to the journal. For checks before a run starts."""
        if self.landing.sends_nothing:
            return None
        breaker = recent_history(self.landing).of_provider(provider, self.clock.now())
        return breaker if breaker.state == "open" else None

    def get_many(self, requests: Sequence[Request]) -> list[Payload | PipelineError]:
        """Sends several requests concurrently. Returns a payload or an error per request, in the given order."""

        def one(request: Request) -> Payload | PipelineError:
            try:
                return self.get(request)
            except PipelineError as error:
                return error

        if not requests:
            return []
        self._ready()
        with ThreadPoolExecutor(max_workers=min(SETTINGS.http.concurrent_requests, len(requests))) as pool:
            return list(pool.map(one, requests))

    def peek(self, request: Request) -> Any:
        """Returns the JSON of a single attempt, for deciding when to fetch. Nothing is landed or journaled. Raises as `get`.

        Circuit breakers are neither consulted nor updated; use `is_open`.
        """
        if self.landing.sends_nothing:
            raise NotLanded(f"{request.name}: a peek is never landed, and the network is off")
        return _document(request, self._peeked(request))

    def peek_body(self, request: Request) -> bytes:
        """As `peek`, but returns the bytes of a response that is not JSON."""
        if self.landing.sends_nothing:
            raise NotLanded(f"{request.name}: a peek is never landed, and the network is off")
        response = self._peeked(request)
        _document(request, response)
        return response.content

    def _peeked(self, request: Request) -> httpx.Response:
        base_url, session = self.base_urls.get(request.provider), self._ready()
        if not base_url:
            raise BadInput(f"no address is configured for {request.provider}; known: {', '.join(sorted(self.base_urls))}")
        if request.provider in session.refused:
            raise Permanent(session.refused[request.provider])
        session.wait_for_turn(request.provider, self._rate(request.provider, base_url))
        try:
            response = self._send(session, request, base_url, [0])
        except RETRIED as error:
            raise Transient(f"{request.name}: {type(error).__name__} after 1 try") from None
        except httpx.HTTPError as error:
            raise Permanent(f"{request.name}: {type(error).__name__} at {request.url(base_url)}") from None
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error:
            raise Transient(f"{request.name}: status {response.status_code} after 1 try")
        if response.status_code != httpx.codes.OK:
            raise self._refusal(session, request, response)
        return response

    def _ready(self) -> _Session:
        if self._session is None:
            self._session = _Session()
        return self._session

    @contextlib.contextmanager
    def _counted(self, session: _Session, request: Request, url: str, statuses: Sequence[int]) -> Iterator[None]:
        """Admit a request and record its outcome. A request that is not admitted is journaled without a status."""
        try:
            if request.provider in session.refused:
                raise Permanent(session.refused[request.provider])
            is_trial = session.admit(request, self.landing, self.clock)
        except PipelineError as error:
            self.landing.note(request, "failed", url=url, problem=str(error))
            raise
        outcome: Outcome = "failed"
        problem = ""
        try:
            yield
            outcome = "landed"
        except PipelineError as error:
            outcome, problem = _outcome_of(error, statuses), str(error)
            raise
        finally:
            session.settle(ReceivedRequest(Entity.of(request), outcome, statuses, self.clock.now(), problem), is_trial)

    def _ask(self, session: _Session, request: Request, base_url: str, statuses: list[int]) -> httpx.Response:
        """Returns the 200 response. Appends one status per attempt to `statuses`, 0 for an incomplete response."""
        try:
            response = self._try(session, request, base_url, statuses)
        except (_Again, *RETRIED) as error:
            raise Transient(f"{request.name}: {_words_of(error)} after {_times(len(statuses))}") from None
        except httpx.HTTPError as error:
            raise Permanent(f"{request.name}: {type(error).__name__} at {request.url(base_url)}") from None
        if response.status_code == httpx.codes.OK:
            return response
        raise self._refusal(session, request, response)

    def _try(self, session: _Session, request: Request, base_url: str, statuses: list[int]) -> httpx.Response:
        settings = SETTINGS.http

        def again(error: Exception) -> bool | float:
            if not isinstance(error, (_Again, *RETRIED)) or session.is_open(request.provider, self.clock.now()):
                return False
            wait = error.retry_after if isinstance(error, _Again) else None
            return True if wait is None else wait <= settings.longest_retry_after_seconds and max(wait, 0.01)

        for attempt in stamina.retry_context(
            on=again, attempts=self.attempts_of.get(request.provider, self.attempts), timeout=None,
            wait_initial=self.first_wait_seconds, wait_max=settings.longest_wait_seconds, wait_jitter=self.first_wait_seconds,
        ):  # fmt: skip
            with attempt:
                session.wait_for_turn(request.provider, self._rate(request.provider, base_url))
                statuses.append(0)
                response = self._send(session, request, base_url, statuses)
                self._remember_quota(session, response)
                if response.status_code == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error:
                    raise _Again(response.status_code, _retry_after(response, self.clock.now()))
                return response
        raise AssertionError("a retry context ends with a return or an error")

    def _send(self, session: _Session, request: Request, base_url: str, statuses: list[int]) -> httpx.Response:
        """Sends one attempt. Sets the last of `statuses` once the response is complete or exceeds the size limit."""
        question = session.client.build_request(
            "GET", base_url.rstrip("/") + request.path, params={**request.params, **request.secret_params},
            headers={**request.headers, **request.secret_headers}, timeout=self._timeout(request.provider),
        )  # fmt: skip
        response = self._received(session, question, request, statuses)
        for _ in range(MOST_REDIRECTS):
            following = response.next_request
            if following is None or following.url.netloc != question.url.netloc:
                break
            response = self._received(session, following, request, statuses)
        return response

    def _received(
        self, session: _Session, question: httpx.Request, request: Request, statuses: list[int]
    ) -> httpx.Response:  # fmt: skip
        statuses[-1] = 0
        with contextlib.closing(session.client.send(question, follow_redirects=False, stream=True)) as stream:
            try:
                response = received(stream, request.most_bytes)
            except TooLarge as error:
                statuses[-1] = stream.status_code
                raise TooLarge(f"{request.name}: {error}") from None
            statuses[-1] = response.status_code
            return response

    def _timeout(self, provider: str) -> httpx.Timeout:
        read = self.read_timeout_seconds_of.get(provider, self.read_timeout_seconds)
        return httpx.Timeout(read, connect=self.connect_timeout_seconds)

    def _refusal(self, session: _Session, request: Request, response: httpx.Response) -> PipelineError:
        status = response.status_code
        if response.next_request is not None:
            return Permanent(f"{request.name}: redirected to {response.next_request.url.host}, which is not followed")
        if status in (httpx.codes.FORBIDDEN, httpx.codes.NOT_FOUND):
            return NotPublished(f"{request.name} is not published ({status})", status)
        if status == httpx.codes.UNAUTHORIZED:
            check = f": check {request.key_variable}" if request.key_variable else ""
            code = _error_code(response)
            message = f"{request.provider} rejected the key (401){check}"
            if code == "OUT_OF_USAGE_CREDITS":
                message = f"{request.provider} has no credits left (401 {code}){check}"
            session.refused[request.provider] = message
            return Permanent(message)
        return Permanent(f"{request.name}: status {status} {_error_code(response)}".rstrip())

    def _land(self, request: Request, response: httpx.Response, url: str, statuses: Sequence[int]) -> Payload:
        document, finals, problem = None, list[str](), ""
        try:
            document = _document(request, response)
            if request.final_game_ids:
                with parsing(request):
                    finals = request.final_game_ids(document)
        except Permanent as error:
            problem = str(error)
        payload = self.landing.keep(
            request, response.content, status=response.status_code, headers=response.headers, url=url,
            statuses=statuses, fetched_at=self.clock.now(), quota=_quota(response) or None, final_game_ids=finals,
        )  # fmt: skip
        try:
            if problem:
                raise Permanent(problem)
            if request.parser:
                with parsing(request, payload.ref):
                    request.parser(payload)
        except Permanent as error:
            self.landing.reject(payload, str(error))
            raise
        return payload

    def _replayed(self, request: Request) -> Payload:
        line = self.landing.original_outcome(request)
        payload = self.landing.newest(request)
        problem = (line or {}).get("problem") or ""
        if line and line["outcome"] == "not_yet":
            raise NotPublished(problem)
        if line and line["outcome"] == "failed":
            raise Transient(problem)
        if line and line["outcome"] == "rejected":
            raise Permanent(problem)
        if payload is None:
            raise NotLanded(f"{request.name}: no run before the replayed one landed it, and the network is off")
        return payload

    def _landed_only(self, request: Request) -> Payload:
        """Returns the newest landed response. Without one, nothing is journaled: the provider did not fail."""
        if landed := self.landed(request):
            return landed[-1]
        raise NotLanded(f"{request.name}: nothing is landed, and an offline run sends no request")

    def _rate(self, provider: str, base_url: str) -> float:
        if httpx.URL(base_url).host in LOOPBACK:
            return SETTINGS.http.loopback_requests_per_second
        return SETTINGS.http.requests_per_second.get(provider, 1.0)

    def _remember_quota(self, session: _Session, response: httpx.Response) -> None:
        if quota := _quota(response):
            with session.lock:
                session.quota = quota


def _document(request: Request, response: httpx.Response) -> Any:
    """Returns the parsed JSON, or None for a PDF, which the request's parser reads. Raises Permanent for a broken contract."""
    found = f"({response.headers.get('content-type', 'no content type')}, {len(response.content)} bytes)"
    if request.extension == "pdf":
        if not response.content.startswith(PDF_BEGINS):
            raise Permanent(f"{request.name}: the answer is not a PDF {found}")
        return None
    document = read_json(response.content, request.name, found)
    missing = [key for key in request.required_keys if not isinstance(document, dict) or key not in document]
    if missing:
        raise Permanent(f"{request.name}: the answer lacks {', '.join(missing)}")
    return document


def _quota(response: httpx.Response) -> dict[str, int]:
    seen = {name: response.headers.get(header, "") for header, name in QUOTA_HEADERS.items()}
    return {name: int(value) for name, value in seen.items() if value.isdecimal() and len(value) <= MOST_DIGITS}


def _retry_after(response: httpx.Response, now: datetime) -> float | None:
    """Returns the seconds to wait, from a number or an HTTP date. Some providers send dates with an offset other than GMT."""
    text = response.headers.get("retry-after", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        at = parsedate_to_datetime(text)
        # "-0000" and a missing zone give a naive datetime; both mean UTC. The difference cannot overflow.
        return max(((at if at.tzinfo else at.replace(tzinfo=UTC)) - now).total_seconds(), 0.0)
    except (ValueError, OverflowError):
        return None


def _error_code(response: httpx.Response) -> str:
    try:
        document = read_json(response.content, "")
    except Permanent:  # for example a proxy's HTML page: only the status is meaningful
        return ""
    return str(document.get("error_code", ""))[:MOST_CODE_CHARACTERS] if isinstance(document, dict) else ""


def _outcome_of(error: PipelineError, statuses: Sequence[int] = ()) -> Outcome:
    """Returns the journal's outcome of an error. A Permanent error after a 200 is a broken contract."""
    if isinstance(error, NotPublished):
        return "not_yet"
    is_broken = isinstance(error, Permanent) and bool(statuses) and statuses[-1] == httpx.codes.OK
    return "rejected" if is_broken else "failed"


def _words_of(error: Exception) -> str:
    return str(error) if isinstance(error, _Again) else type(error).__name__


def _times(number: int) -> str:
    return "1 try" if number == 1 else f"{number} tries"

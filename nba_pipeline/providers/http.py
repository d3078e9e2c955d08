"""HTTP client for all providers: rate limits, retries, circuit breakers. Every response is landed.

Connections, rates, retries and outcomes belong here and in `attempts`. The meaning of a payload belongs to the provider's
own module.

    200 with the expected JSON or PDF            landed and returned
    200 with another format or missing keys      landed as rejected, raises Permanent
    200 above the size limit                     not landed, journaled as rejected, raises Permanent
    403, 404                                     raises NotPublished: the caller knows the due time; many 403 in a row open a breaker
    401                                          raises Permanent; no further request to the provider in this run
    429, 5xx, timeouts, broken responses         retried, then raises Transient
    open breaker                                 raises Transient without a request: see nba_pipeline.providers.circuit_breakers
"""

import contextlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import dagster as dg
import httpx
from pydantic import Field, PrivateAttr

from nba_pipeline.errors import BadInput, NotLanded, NotPublished, Permanent, PipelineError, Transient
from nba_pipeline.instance.clock import Clock
from nba_pipeline.providers.attempts import Attempts, RetryPolicy
from nba_pipeline.providers.circuit_breakers import Breaker, Entity, RequestResult, recent_history
from nba_pipeline.providers.parsing import parsing
from nba_pipeline.providers.proxies import Proxy, proxy_of
from nba_pipeline.providers.request import Request
from nba_pipeline.providers.response import document_of, quota_of
from nba_pipeline.providers.session import Session, session_of_run
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse.journal_lines import Outcome
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payloads import Payload


class HttpClient(dg.ConfigurableResource):  # type: ignore[type-arg]
    """HTTP client for providers. All resources of a run share one connection pool.

    `base_urls` maps a provider to its scheme and host, `proxies` maps it to the variable with its proxy.
    `read_timeout_seconds_of` and `attempts_of` override the defaults per provider. A replay reads responses from the landing, without network access.
    """

    base_urls: dict[str, str]
    proxies: dict[str, str] = Field(default_factory=dict)
    landing: dg.ResourceDependency[Landing]
    clock: dg.ResourceDependency[Clock]
    attempts: int = Field(default_factory=lambda: SETTINGS.http.attempts)
    first_wait_seconds: float = Field(default_factory=lambda: SETTINGS.http.first_wait_seconds)
    connect_timeout_seconds: float = Field(default_factory=lambda: SETTINGS.http.connect_timeout_seconds)
    read_timeout_seconds: float = Field(default_factory=lambda: SETTINGS.http.read_timeout_seconds)
    read_timeout_seconds_of: dict[str, float] = Field(default_factory=lambda: dict(SETTINGS.http.read_timeout_seconds_of))
    attempts_of: dict[str, int] = Field(default_factory=lambda: dict(SETTINGS.http.attempts_of))
    _session: Session | None = PrivateAttr(default=None)

    @contextlib.contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> "Iterator[HttpClient]":
        """Shares the run's session. The last resource to exit closes it."""
        with session_of_run(context.run.run_id if context.run else "") as session:
            self._session = session
            try:
                yield self
            finally:
                self._session = None

    def close(self) -> None:
        """Closes the connections. Only required outside of a run."""
        if self._session:
            self._session.close()
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
            NotPublished: the status is 403 or 404.
            Transient: every attempt failed, or a breaker is open.
            Permanent: the status is 401 or another 4xx, the redirect leads to another host, or the response breaks the
                contract.
            NotLanded: a replay or an offline run has no landed response.

        A replay also raises the errors of the original run.
        """
        if self.landing.is_replay:
            return self._replay(request)
        if self.landing.is_offline:
            return self._read_landed(request)
        attempts = self._attempts_for(request)
        url, statuses = request.url(attempts.base_url), attempts.statuses
        with self._admitted(attempts, url):
            try:
                response = attempts.response()
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

        def payload_or_error(request: Request) -> Payload | PipelineError:
            try:
                return self.get(request)
            except PipelineError as error:
                return error

        if not requests:
            return []
        self._open_session()
        with ThreadPoolExecutor(max_workers=min(SETTINGS.http.concurrent_requests, len(requests))) as pool:
            return list(pool.map(payload_or_error, requests))

    def peek(self, request: Request) -> Any:
        """Returns the JSON of a single attempt, for deciding when to fetch. Lands and journals nothing. Raises like `get`.

        Circuit breakers are neither consulted nor updated; use `is_open`.
        """
        return document_of(request, self.peek_response(request))

    def peek_body(self, request: Request) -> bytes:
        """Like `peek`, but returns the bytes of a response that is not JSON."""
        response = self.peek_response(request)
        document_of(request, response)
        return response.content

    def peek_response(self, request: Request) -> httpx.Response:
        """Like `peek`, but returns the response of any format with its headers."""
        if self.landing.sends_nothing:
            raise NotLanded(f"{request.name}: an offline run sends no requests, and a peeked response is never landed")
        attempts = self._attempts_for(request)
        self._raise_if_key_is_rejected(attempts.session, request)
        return attempts.single_response()

    def _open_session(self) -> Session:
        if self._session is None:
            self._session = Session()
        return self._session

    def _attempts_for(self, request: Request) -> Attempts:
        """Returns the attempts of a request. Raises BadInput if its provider has no URL."""
        provider = request.provider
        base_url = self.base_urls.get(provider)
        if not base_url:
            raise BadInput(f"no URL is configured for {provider}; configured: {', '.join(sorted(self.base_urls))}")
        read_timeout = self.read_timeout_seconds_of.get(provider, self.read_timeout_seconds)
        timeout = httpx.Timeout(read_timeout, connect=self.connect_timeout_seconds)
        policy = RetryPolicy(self.attempts_of.get(provider, self.attempts), self.first_wait_seconds, timeout)
        return Attempts(self._open_session(), request, base_url, policy, self.clock, self.proxy_of(provider))

    def proxy_of(self, provider: str) -> Proxy | None:
        """Returns the proxy of a provider; None without one. Raises BadInput if its variable is unusable."""
        return proxy_of(self.proxies[provider]) if provider in self.proxies else None

    def refuse_unreachable_proxy(self, provider: str) -> Proxy | None:
        """Sends one request through the provider's proxy and returns the proxy; None without one.

        Raises BadInput, Permanent or Transient if the provider does not answer through it.
        """
        if proxy := self.proxy_of(provider):
            timeout = httpx.Timeout(self.read_timeout_seconds, connect=self.connect_timeout_seconds)
            proxy.refuse_failure(self._open_session().client_of(proxy), self.base_urls[provider], timeout)
        return proxy

    @staticmethod
    def _raise_if_key_is_rejected(session: Session, request: Request) -> None:
        if request.provider in session.rejected_keys:
            raise Permanent(session.rejected_keys[request.provider])

    @contextlib.contextmanager
    def _admitted(self, attempts: Attempts, url: str) -> Iterator[None]:
        """Admits a request and records its outcome. A request that is not admitted is journaled without a status."""
        session, request = attempts.session, attempts.request
        try:
            self._raise_if_key_is_rejected(session, request)
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
            outcome, problem = _outcome_of(error, attempts.statuses), str(error)
            raise
        finally:
            result = RequestResult(Entity.of(request), outcome, attempts.statuses, self.clock.now(), problem)
            session.record(result, is_trial)

    def _land(self, request: Request, response: httpx.Response, url: str, statuses: Sequence[int]) -> Payload:
        document, final_game_ids, problem = None, list[str](), ""
        try:
            document = document_of(request, response)
            if request.final_game_ids:
                with parsing(request):
                    final_game_ids = request.final_game_ids(document)
        except Permanent as error:
            problem = str(error)
        payload = self.landing.keep(
            request,
            response.content,
            status=response.status_code,
            headers=response.headers,
            url=url,
            statuses=statuses,
            fetched_at=self.clock.now(),
            quota=quota_of(response) or None,
            final_game_ids=final_game_ids,
        )
        if document is not None:
            payload.set_document(document)
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

    def _replay(self, request: Request) -> Payload:
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
            raise NotLanded(f"{request.name}: no response was landed up to the original run, and a replay sends no requests")
        return payload

    def _read_landed(self, request: Request) -> Payload:
        """Returns the newest landed response. Without one, nothing is journaled: the provider did not fail."""
        if landed := self.landed(request):
            return landed[-1]
        raise NotLanded(f"{request.name}: no response is landed, and an offline run sends no requests")


def _outcome_of(error: PipelineError, statuses: Sequence[int] = ()) -> Outcome:
    """Returns the journal's outcome of an error. A Permanent error after a 200 is a broken contract."""
    if isinstance(error, NotPublished):
        return "not_yet"
    is_broken = isinstance(error, Permanent) and bool(statuses) and statuses[-1] == httpx.codes.OK
    return "rejected" if is_broken else "failed"

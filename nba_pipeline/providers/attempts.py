"""The attempts of one request: rate limit, timeouts, redirects, retries, and the error of an unusable status."""

import contextlib
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import httpx
import stamina

from nba_pipeline.errors import BadInput, NotPublished, Permanent, PipelineError, Transient
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.secret_manager import resolved
from nba_pipeline.providers.proxies import Proxy, kind_of, status_of
from nba_pipeline.providers.request import Request
from nba_pipeline.providers.response import error_code, quota_of, retry_after_seconds
from nba_pipeline.providers.response_body import read_response
from nba_pipeline.providers.session import Session
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.wording import counted
from nba_pipeline.warehouse.payload_limits import TooLarge

RETRIED = (httpx.TimeoutException, httpx.NetworkError, httpx.RemoteProtocolError, httpx.DecodingError)
LOOPBACK = {"127.0.0.1", "::1", "localhost"}
MAX_REDIRECTS = 3

stamina.instrumentation.set_on_retry_hooks([])  # its hook writes to standard output; the journal records every attempt
logging.getLogger("httpx").setLevel(logging.WARNING)  # its INFO line shows the full URL, which contains The Odds API's key


class _RetryableStatus(Exception):
    """A status that should be retried. `through` names a proxy that sent it instead of the provider."""

    def __init__(self, status: int, retry_after: float | None, through: str = ""):
        super().__init__(f"status {status}{through}")
        self.status, self.retry_after = status, retry_after


@dataclass(frozen=True)
class RetryPolicy:
    """Number of attempts, first wait and timeouts."""

    attempts: int
    first_wait_seconds: float
    timeout: httpx.Timeout


@dataclass
class Attempts:
    """The attempts of a request. `statuses` has one number per attempt, 0 for an incomplete response."""

    session: Session
    request: Request
    base_url: str
    policy: RetryPolicy
    clock: Clock
    proxy: Proxy | None = None
    statuses: list[int] = field(default_factory=list)

    def response(self) -> httpx.Response:
        """Returns the 200 response after retries. Raises Transient after the last attempt, NotPublished or Permanent otherwise."""
        return self._usable_response(self._send_with_retries)

    def single_response(self) -> httpx.Response:
        """Like `response`, with a single attempt."""
        return self._usable_response(self._send_once)

    def _usable_response(self, send: Callable[[], httpx.Response]) -> httpx.Response:
        try:
            response = send()
        except (_RetryableStatus, *RETRIED) as error:
            at = f" at {httpx.URL(self.base_url).host}{self._through}"
            reason = str(error) if isinstance(error, _RetryableStatus) else f"{kind_of(error)}{at}"
            raise Transient(f"{self.request.name}: {reason} after {counted(len(self.statuses), 'attempt')}") from None
        except httpx.HTTPError as error:
            url = self.request.url(self.base_url)
            raise Permanent(f"{self.request.name}: {type(error).__name__} at {url}{self._through}") from None
        if response.status_code == httpx.codes.OK:
            return response
        raise self._error(response)

    @property
    def _through(self) -> str:
        """The proxy, for a message about the connection."""
        return f" through {self.proxy}" if self.proxy else ""

    def _send_once(self) -> httpx.Response:
        response = self._send()
        self._raise_if_retryable(response)
        return response

    def _send_with_retries(self) -> httpx.Response:
        first_wait = self.policy.first_wait_seconds
        for attempt in stamina.retry_context(
            on=self._wait_before_retry,
            attempts=self.policy.attempts,
            timeout=None,
            wait_initial=first_wait,
            wait_max=SETTINGS.http.longest_wait_seconds,
            wait_jitter=first_wait,
        ):
            with attempt:
                response = self._send()
                if quota := quota_of(response):
                    with self.session.lock:
                        self.session.quota = quota
                self._raise_if_retryable(response)
                return response
        raise AssertionError("a retry context ends with a return or an error")

    def _wait_before_retry(self, error: Exception) -> bool | float:
        """Returns the seconds before a retry, True for the default wait, False for no retry, as with an open breaker."""
        if not isinstance(error, (_RetryableStatus, *RETRIED)):
            return False
        if self.session.is_open(self.request.provider, self.clock.now()):
            return False
        wait = error.retry_after if isinstance(error, _RetryableStatus) else None
        return True if wait is None else wait <= SETTINGS.http.longest_retry_after_seconds and max(wait, 0.01)

    def _raise_if_retryable(self, response: httpx.Response) -> None:
        if response.status_code == httpx.codes.TOO_MANY_REQUESTS or response.is_server_error:
            raise _RetryableStatus(response.status_code, retry_after_seconds(response, self.clock.now()))

    def _send(self) -> httpx.Response:
        """Sends one attempt. Sets the last of `statuses` once the response is complete or exceeds the size limit."""
        sent = self.session.client_of(self.proxy).build_request(
            "GET",
            self.base_url.rstrip("/") + self.request.path,
            params={**self.request.params, **self._secrets(self.request.secret_params)},
            headers={**self.request.headers, **self._secrets(self.request.secret_headers)},
            timeout=self.policy.timeout,
        )
        self.session.wait_for_turn(self.request.provider, requests_per_second(self.request.provider, self.base_url))
        self.statuses.append(0)
        response = self._receive(sent)
        for _ in range(MAX_REDIRECTS):
            redirect = response.next_request
            if redirect is None or redirect.url.netloc != sent.url.netloc:
                break
            response = self._receive(redirect)
        return response

    def _receive(self, sent: httpx.Request) -> httpx.Response:
        self.statuses[-1] = 0
        client = self.session.client_of(self.proxy)
        try:
            sending = client.send(sent, follow_redirects=False, stream=True)
        except httpx.ProxyError as error:
            raise self._proxy_error(error) from None
        with contextlib.closing(sending) as stream:
            try:
                response = read_response(stream, self.request.most_bytes)
            except TooLarge as error:
                self.statuses[-1] = stream.status_code
                raise TooLarge(f"{self.request.name}: {error}") from None
            self.statuses[-1] = response.status_code
            return response

    def _secrets(self, values: Mapping[str, str]) -> dict[str, str]:
        """Returns the values of the secrets, which may be references."""
        return {name: resolved(value, self.request.key_variable) for name, value in values.items()}

    def _proxy_error(self, error: httpx.ProxyError) -> Exception:
        """Returns the error for a proxy that has not connected to the provider."""
        status = status_of(error)
        if self.proxy is None or not status:
            return error
        if status >= httpx.codes.INTERNAL_SERVER_ERROR:
            return _RetryableStatus(status, None, self._through)
        return self._refused(self.proxy, status)

    def _refused(self, proxy: Proxy, status: int) -> Permanent:
        return Permanent(f"{self.request.name}: {proxy.refusal(status)}")

    def _error(self, response: httpx.Response) -> PipelineError:
        """Returns the error of a status other than 200. A rejected key is stored in the session."""
        request, status = self.request, response.status_code
        if response.next_request is not None:
            return Permanent(f"{request.name}: redirected to {response.next_request.url.host}, which is not followed")
        if status == httpx.codes.PROXY_AUTHENTICATION_REQUIRED and self.proxy:
            return self._refused(self.proxy, status)
        if status in (httpx.codes.FORBIDDEN, httpx.codes.NOT_FOUND):
            return NotPublished(f"{request.name} is not published ({status})", status)
        if status == httpx.codes.UNAUTHORIZED:
            self.session.rejected_keys[request.provider] = self._key_problem(response)
            return Permanent(self.session.rejected_keys[request.provider])
        return Permanent(f"{request.name}: status {status} {error_code(response)}".rstrip())

    def _key_problem(self, response: httpx.Response) -> str:
        check = f": check {self.request.key_variable}" if self.request.key_variable else ""
        if (code := error_code(response)) == "OUT_OF_USAGE_CREDITS":
            return f"{self.request.provider} has no credits left (401 {code}){check}"
        return f"{self.request.provider} rejected the key (401){check}"


def requests_per_second(provider: str, base_url: str) -> float:
    """Returns the rate limit of a provider. Loopback servers have their own. Raises BadInput for a provider without one."""
    if httpx.URL(base_url).host in LOOPBACK:
        return SETTINGS.http.loopback_requests_per_second
    if provider not in SETTINGS.http.requests_per_second:
        raise BadInput(f"{provider} has no rate limit; add it to http.requests_per_second in nba_pipeline/settings.py")
    return SETTINGS.http.requests_per_second[provider]

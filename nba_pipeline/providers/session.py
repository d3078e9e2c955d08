"""The session of a run: connections, rates, breakers, rejected keys and quota, shared by all of its requests."""

import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import httpx

from nba_pipeline.errors import Transient
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.run_objects import RUN_OBJECTS
from nba_pipeline.providers.certificates import trusted_authorities
from nba_pipeline.providers.circuit_breakers import History, RequestResult, recent_history
from nba_pipeline.providers.proxies import Proxy
from nba_pipeline.providers.request import Request
from nba_pipeline.providers.response_body import ACCEPT_ENCODING
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse.landing import Landing

HEADERS = {"User-Agent": "nba-pipeline", "Accept-Encoding": ACCEPT_ENCODING}


class Session:
    """State shared by all requests of a run. `rejected_keys` maps a provider to the message of its 401."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.quota: dict[str, int] = {}
        self.rejected_keys: dict[str, str] = {}
        self._next: dict[str, float] = {}
        self._history: History | None = None
        self._trials: Counter[str] = Counter()
        self._settled = threading.Condition()
        self.client = httpx.Client(headers=HEADERS, verify=trusted_authorities())
        self._proxied: dict[Proxy, httpx.Client] = {}

    def client_of(self, proxy: Proxy | None) -> httpx.Client:
        """Returns the client of a proxy, or the one without a proxy."""
        if proxy is None:
            return self.client
        with self.lock:
            if proxy not in self._proxied:
                self._proxied[proxy] = proxy.client(trusted_authorities(), HEADERS)
            return self._proxied[proxy]

    def close(self) -> None:
        """Closes the connections."""
        for client in (self.client, *self._proxied.values()):
            client.close()

    def wait_for_turn(self, provider: str, per_second: float) -> None:
        """Sleeps until the rate limit permits the next request to the provider."""
        with self.lock:
            now = time.monotonic()
            starts_at = max(now, self._next.get(provider, now))
            self._next[provider] = starts_at + 1 / per_second
        if starts_at > now:
            time.sleep(starts_at - now)

    def admit(self, request: Request, landing: Landing, clock: Clock) -> bool:
        """Waits until the breakers admit the request. Returns True for a trial. Raises Transient when a breaker is open.

        The first request loads the history of earlier runs from the journal. Later requests of the session add to it.
        """
        with self._settled:
            if self._history is None:
                self._history = recent_history(landing)
            while True:
                now = clock.now()
                provider_breaker = self._history.of_provider(request.provider, now)
                for breaker in (provider_breaker, self._history.of_entity(request, now)):
                    if breaker.state == "open":
                        raise Transient(f"{breaker.message}; {request.name} was not requested")
                if provider_breaker.state == "closed":
                    return False
                if self._trials[request.provider] < SETTINGS.breakers.provider_trials:
                    self._trials[request.provider] += 1
                    return True
                self._settled.wait()

    def record(self, result: RequestResult, is_trial: bool) -> None:
        """Records the outcome of an admitted request and wakes the requests that wait for a trial."""
        with self._settled:
            if self._history:
                self._history.add(result)
            self._trials[result.entity.provider] -= is_trial
            self._settled.notify_all()

    def is_open(self, provider: str, now: datetime) -> bool:
        """True when other requests have opened the provider's breaker."""
        with self._settled:
            return self._history is not None and self._history.of_provider(provider, now).state == "open"


@contextmanager
def session_of_run(run_id: str) -> Iterator[Session]:
    """Yields the run's shared session. The last user closes it. Without a run id, yields a session that is not shared."""
    if run_id:
        with RUN_OBJECTS.shared(("session", run_id), Session, Session.close) as session:
            yield session
        return
    session = Session()
    try:
        yield session
    finally:
        session.close()

"""The HTTP client of the sandbox. Each run serves its own league on an ephemeral port."""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import dagster as dg

from nba_pipeline.instance.clock import Clock
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.sandbox import faults
from nba_pipeline.sandbox.server import SandboxServer, serve
from nba_pipeline.warehouse.landing import Landing

PROVIDERS = tuple(sorted(faults.PROVIDERS - {"unknown"}))


@dataclass
class _Served:
    """A server and the number of resources that use it."""

    server: SandboxServer
    users: int = 0


_served: dict[tuple[str, str], _Served] = {}
_served_lock = threading.Lock()
"""Dagster initializes a resource once per dependent resource. All resources of a run share one league and its faults."""


class SandboxHttpClient(HttpClient):
    """An `HttpClient` for the simulated league of `<home>`, which is served during the run."""

    home: str

    @contextlib.contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["HttpClient"]:
        """Serves the league during the run. A replay or an offline run reads the landing and serves nothing."""
        landing, clock = cast(Landing, self.landing), cast(Clock, self.clock)
        if landing.sends_nothing:
            with super().yield_for_execution(context) as client:
                yield client
            return
        key = (self.home, context.run.run_id if context.run else f"no run {id(self)}")
        with _served_lock:
            league = _served.get(key) or _Served(serve(Path(self.home), clock.now))
            league.users += 1
            _served[key] = league
        for provider in PROVIDERS:
            self.base_urls[provider] = league.server.url
        try:
            with super().yield_for_execution(context) as client:
                yield client
        finally:
            with _served_lock:
                league.users -= 1
                if not league.users:
                    del _served[key]
                    league.server.stop()

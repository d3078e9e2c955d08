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
class _SharedServer:
    """A server and the number of resources that use it."""

    server: SandboxServer
    users: int = 0


_servers: dict[tuple[str, str], _SharedServer] = {}
_servers_lock = threading.Lock()
"""Guards `_servers`. Dagster initializes a resource once per dependent resource; all of a run share one league and its faults."""


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
        with _servers_lock:
            shared = _servers.get(key) or _SharedServer(serve(Path(self.home), clock.now))
            shared.users += 1
            _servers[key] = shared
        for provider in PROVIDERS:
            self.base_urls[provider] = shared.server.url
        try:
            with super().yield_for_execution(context) as client:
                yield client
        finally:
            with _servers_lock:
                shared.users -= 1
                if not shared.users:
                    del _servers[key]
                    shared.server.stop()

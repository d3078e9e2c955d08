"""The providers' client of the sandbox: each run serves its own league on an ephemeral port and asks that."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import dagster as dg

from nba_pipeline.calendar import Clock
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.sandbox import faults
from nba_pipeline.sandbox.server import serve
from nba_pipeline.warehouse.landing import Landing

PROVIDERS = tuple(sorted(faults.PROVIDERS - {"unknown"}))


class SandboxHttpClient(HttpClient):
    """`HttpClient` whose providers are the simulated league of `<home>`, served while the run lasts."""

    home: str

    @contextlib.contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["HttpClient"]:
        """Serve, ask, stop. A replay has the landing and serves nothing."""
        landing, clock = cast(Landing, self.landing), cast(Clock, self.clock)
        if landing.is_replay:
            with super().yield_for_execution(context) as client:
                yield client
            return
        with serve(Path(self.home), clock.now) as server:
            for provider in PROVIDERS:
                self.base_urls[provider] = server.url
            with super().yield_for_execution(context) as client:
                yield client

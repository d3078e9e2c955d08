"""The HTTP client of the sandbox. Each run serves its own league on an ephemeral port."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import dagster as dg

from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.run_objects import RUN_OBJECTS
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.sandbox import faults
from nba_pipeline.sandbox.server import SandboxServer, serve
from nba_pipeline.warehouse.home_format import refuse_another_simulation
from nba_pipeline.warehouse.landing import Landing

PROVIDERS = tuple(sorted(faults.PROVIDERS - {"unknown"}))


class SandboxHttpClient(HttpClient):
    """An `HttpClient` for the simulated league of `<home>`, which is served during the run."""

    home: str

    @contextlib.contextmanager
    def yield_for_execution(self, context: dg.InitResourceContext) -> Iterator["HttpClient"]:
        """Serves the league during the run. A replay or an offline run reads the landing and serves nothing.

        Raises BadInput if the home holds games of another version of the league.
        """
        landing, clock = cast(Landing, self.landing), cast(Clock, self.clock)
        if landing.sends_nothing:
            with super().yield_for_execution(context) as client:
                yield client
            return
        refuse_another_simulation(Path(self.home))
        key = ("sandbox", context.run.run_id if context.run else f"no run {id(self)}", self.home)
        with RUN_OBJECTS.shared(key, lambda: serve(Path(self.home), clock.now), SandboxServer.stop) as server:
            for provider in PROVIDERS:
                self.base_urls[provider] = server.url
            with super().yield_for_execution(context) as client:
                yield client

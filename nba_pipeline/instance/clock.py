"""The clock. No other module asks what time it is."""

from datetime import UTC, date, datetime

import dagster as dg
from pydantic import PrivateAttr

from nba_pipeline.instance.run_tags import AS_OF_TAG
from nba_pipeline.league.calendar import eastern_date, parse_instant

_run_instants: dict[str, datetime] = {}
"""Dagster builds a resource anew for each resource that needs it; all of a run's clocks must agree on when it began."""


class Clock(dg.ConfigurableResource):  # type: ignore[type-arg]
    """What time it is. `stands_at` (NBA_PIPELINE_NOW) stops it; a replayed run stands at the instant of the original."""

    stands_at: str = ""
    _run_stands_at: datetime | None = PrivateAttr(default=None)
    _as_of: datetime | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Read off when the run began, or the instant at which a replay stands."""
        tags = context.run.tags if context.run else {}
        if AS_OF_TAG in tags:
            self._run_stands_at = parse_instant(tags[AS_OF_TAG], AS_OF_TAG)
        self._as_of = _run_instants.setdefault(context.run.run_id, self.now()) if context.run else self.now()

    def now(self) -> datetime:
        """The present instant, UTC."""
        if self._run_stands_at:
            return self._run_stands_at
        if self.stands_at:
            return parse_instant(self.stands_at, "NBA_PIPELINE_NOW")
        return datetime.now(UTC)

    @property
    def as_of(self) -> datetime:
        """The instant at which this run began: one for all of its tables."""
        return self._as_of or self.now()

    @property
    def today(self) -> date:
        """The Eastern date of the present instant."""
        return eastern_date(self.now())

"""The clock of the platform. Use it instead of the system time."""

from datetime import UTC, date, datetime

import dagster as dg
from pydantic import PrivateAttr

from nba_pipeline.instance.run_objects import RUN_OBJECTS
from nba_pipeline.instance.run_tags import AS_OF_TAG
from nba_pipeline.league.calendar import eastern_date, parse_instant


class Clock(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The current time. `fixed_at` (NBA_PIPELINE_NOW) fixes it; a replayed run uses the instant of the original run."""

    fixed_at: str = ""
    _run_instant: datetime | None = PrivateAttr(default=None)
    _as_of: datetime | None = PrivateAttr(default=None)

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Sets the start of the run, or the fixed instant of a replay."""
        tags = context.run.tags if context.run else {}
        if AS_OF_TAG in tags:
            self._run_instant = parse_instant(tags[AS_OF_TAG], AS_OF_TAG)
        self._as_of = self.now()
        if context.run:
            self._as_of = RUN_OBJECTS.acquired(_key(context.run.run_id), self.now)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Releases the start of the run, which the last clock of the run deletes."""
        if context.run:
            RUN_OBJECTS.release(_key(context.run.run_id))

    def now(self) -> datetime:
        """Returns the current instant, UTC."""
        if self._run_instant:
            return self._run_instant
        if self.fixed_at:
            return parse_instant(self.fixed_at, "NBA_PIPELINE_NOW")
        return datetime.now(UTC)

    @property
    def as_of(self) -> datetime:
        """The start of this run, the same for all of its tables."""
        return self._as_of or self.now()

    @property
    def today(self) -> date:
        """The Eastern date of the current instant."""
        return eastern_date(self.now())


def _key(run_id: str) -> tuple[str, ...]:
    return "start", run_id

"""Derivations from sources to features, real and altered, and the audit that caches their results.

The audit compares derivations of the same dates from the original and from altered worlds. On control dates, all
summaries of an altered world are recomputed. On other dates, only the summaries from 40 days before the date are
recomputed; older ones come from the original world. A summary that looks ahead by less than 40 days is therefore detected
on every date, and one that looks further ahead only on the control dates.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType

import polars as pl

from nba_pipeline.audit.recompute import World, features_from, summaries_of
from nba_pipeline.audit.worlds import DAYS_OF_NONSENSE, before, ordered, since
from nba_pipeline.errors import Closed
from nba_pipeline.formulas.forecast_distribution import earlier_rows
from nba_pipeline.tables.declarations import daily_tables
from nba_pipeline.tables.registry import TABLES

FEATURE_TABLES = daily_tables("features")
SUMMARIES = daily_tables("summaries")

RESUMMARIZED_DAYS = 40
REST_DAYS = 40
"""Days of schedule loaded before the first recomputed game, to derive its rest. Longer than the longest rest that counts."""

Summarize = Callable[[World], World]
Derive = Callable[[World, Sequence[date], datetime], World]


def identity(world: World, summarize: Summarize) -> World:
    """Returns the summaries of the assets."""
    return summarize(world)


def unaltered(world: World, dates: Sequence[date], as_of: datetime, derive: Derive) -> World:
    """Returns the features of the assets."""
    return derive(world, dates, as_of)


@dataclass(frozen=True)
class Derivation:
    """A derivation from sources to features and distributions. A step of features receives the real step and may call it.

    `graded` selects the graded rows from which the distributions of a date are made.

    A leak between dates has no effect unless at least `min_dates` dates with players are derived together.
    """

    name: str
    description: str
    summaries: Callable[[World, Summarize], World] = identity
    features: Callable[[World, Sequence[date], datetime, Derive], World] = unaltered
    graded: Callable[[pl.DataFrame, date], pl.DataFrame] = earlier_rows
    min_dates: int = 1


REAL = Derivation("the real derivation", "what the assets do")


Instants = Mapping[date, Mapping[str, datetime]]
"""Date -> table -> instant of the last materialization."""


class Audit:
    """The original world, the audited dates and a cache of derived tables.

    Args:
        world: Source tables that cover the dates, the history of their features and the future that a leak could read.
        dates: Dates to derive together from the original world: the sample and additional dates.
        as_of: An instant later than every row.
        control: Dates on which plants are tested. Their results are cached and shared by all plants.
        seed: Seed of the player sample.
        stored: Stored rows of `features` for the sampled dates.
        predictions: Stored rows of `predictions` for all available dates.
        report: Callback for progress messages.
        written: When each date of the sources and of `features` was last materialized; empty if it is unknown.
    """

    def __init__(
        self,
        world: World,
        dates: Sequence[date],
        as_of: datetime,
        control: Sequence[date] = (),
        seed: int = 0,
        stored: pl.DataFrame | None = None,
        predictions: pl.DataFrame | None = None,
        report: Callable[[str], None] = lambda message: None,
        written: Instants = MappingProxyType({}),
    ) -> None:
        self.world, self.dates, self.as_of, self.seed, self.report = ordered(world), sorted(dates), as_of, seed, report
        self.control, self.stored, self.predictions = sorted(control), stored, predictions
        self.written = written
        self._altered: dict[tuple[str, date | None], World] = {}
        self._results: dict[tuple[object, ...], World] = {}
        self._cached: dict[int, World] = {id(self.world): self.world}

    def chance(self, day: date) -> random.Random:
        """Returns a random generator that depends only on the seed and the date."""
        return random.Random(f"{self.seed} {day}")

    def altered(self, kind: str, day: date | None, make: Callable[[], World]) -> World:
        """Returns altered sources. Alterations of all dates and of control dates are cached."""
        if (kind, day) in self._altered:
            return self._altered[kind, day]
        result = make()
        if day is None or day in self.control:
            self._altered[kind, day] = self._cached[id(result)] = result
        return result

    def cut(self, day: date) -> World:
        """Returns the original world up to 14 days after the date."""
        end = day + timedelta(days=DAYS_OF_NONSENSE + 1)
        return self.altered("cut", day, lambda: {name: before(frame, end) for name, frame in self.world.items()})

    def summarized(self, derivation: Derivation, world: World, day: date | None = None) -> World:
        """Returns a world with its summaries. For a world altered on `day`, recomputes only summaries that can have changed."""
        if day is None or day in self.control:
            return self._once(("summaries", derivation.name), world, lambda: derivation.summaries(world, self._summarize))
        first = day - timedelta(days=RESUMMARIZED_DAYS)
        recent = {name: since(world[name], first) for name in self.world}
        recent["schedule"] = since(world["schedule"], first - timedelta(days=REST_DAYS))
        fresh = derivation.summaries(recent, self._summarize)
        old = self.summarized(derivation, self.world)
        return {**world, **{name: pl.concat([before(old[name], first), fresh[name]]) for name in SUMMARIES}}

    def derived(self, derivation: Derivation, world: World, dates: Sequence[date], as_of: datetime) -> World:
        """Returns the feature tables derived from a world with summaries. The tables are empty when all gates are closed."""

        def derive() -> World:
            result = derivation.features(world, dates, as_of, self._derive)
            return {name: result[name] for name in FEATURE_TABLES}

        return self._once(("features", derivation.name, tuple(dates), as_of), world, derive)

    def baseline(self, derivation: Derivation) -> World:
        """Returns the feature tables derived from the original world for all dates at once."""
        return self.derived(derivation, self.summarized(derivation, self.world), self.dates, self.as_of)

    def _summarize(self, world: World) -> World:
        return self._once(("summaries",), world, lambda: summaries_of(world, self.as_of))

    def _derive(self, world: World, dates: Sequence[date], as_of: datetime) -> World:
        def derive() -> World:
            try:
                return features_from(world, dates, as_of)
            except Closed:
                return {**world, **{name: TABLES[name].empty() for name in FEATURE_TABLES}}

        return self._once(("features", tuple(dates), as_of), world, derive)

    def _once(self, key: tuple[object, ...], world: World, make: Callable[[], World]) -> World:
        """Returns `make()`. The result is cached if the world is."""
        if id(world) not in self._cached:
            return make()
        key = (*key, id(world))
        if key not in self._results:
            result = make()
            self._results[key] = self._cached[id(result)] = result
        return self._results[key]

"""Derivations from sources to features, real and altered, and the audit that caches their results.

The audit compares derivations of the same dates from the original and from altered worlds. On control dates, all
summaries of an altered world are recomputed. On other dates, only the summaries from 40 days before the date are
recomputed; older ones come from the original world. A summary that looks ahead by less than 40 days is therefore detected
on every date, and one that looks further ahead only on the control dates.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from nba_pipeline.audit.recompute import World, features_from, summaries_of
from nba_pipeline.audit.worlds import DAYS_OF_ABSURDITY, before, ordered, since
from nba_pipeline.errors import Closed
from nba_pipeline.tables.table import TABLES

FEATURE_TABLES = (
    "upcoming_players", "player_form", "player_shot_zones", "team_defense_zones", "matchups", "career_form", "team_outlook",
    "expected_absences", "features",
)  # fmt: skip
SUMMARIES = ("player_game_summary", "team_game_summary")

RESUMMARISED_DAYS = 40
REST_DAYS = 40
"""Days of schedule loaded before the first recomputed game, to derive its rest. Longer than the longest rest that counts."""

Summarise = Callable[[World], World]
Derive = Callable[[World, Sequence[date], datetime], World]


def identity(world: World, summarise: Summarise) -> World:
    """Returns the summaries of the assets."""
    return summarise(world)


def unaltered(world: World, dates: Sequence[date], as_of: datetime, derive: Derive) -> World:
    """Returns the features of the assets."""
    return derive(world, dates, as_of)


@dataclass(frozen=True)
class Derivation:
    """A derivation from sources to features. Each step receives the real step as an argument and may call it.

    At least `least_dates` dates with players must be derived together. A leak between dates has no effect on fewer.
    """

    name: str
    story: str
    summaries: Callable[[World, Summarise], World] = identity
    features: Callable[[World, Sequence[date], datetime, Derive], World] = unaltered
    least_dates: int = 1


REAL = Derivation("the real derivation", "what the assets do")


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
        say: Callback for progress messages.
    """

    def __init__(
        self, world: World, dates: Sequence[date], as_of: datetime, control: Sequence[date] = (), seed: int = 0,
        stored: pl.DataFrame | None = None, predictions: pl.DataFrame | None = None,
        say: Callable[[str], None] = lambda told: None,
    ) -> None:  # fmt: skip
        self.world, self.dates, self.as_of, self.seed, self.say = ordered(world), sorted(dates), as_of, seed, say
        self.control, self.stored, self.predictions = sorted(control), stored, predictions
        self._altered: dict[tuple[str, date | None], World] = {}
        self._made: dict[tuple[object, ...], World] = {}
        self._kept: dict[int, World] = {id(self.world): self.world}

    def chance(self, day: date) -> random.Random:
        """Returns a random generator that depends only on the seed and the date."""
        return random.Random(f"{self.seed} {day}")

    def altered(self, kind: str, day: date | None, make: Callable[[], World]) -> World:
        """Returns altered sources. Alterations of all dates and of control dates are cached."""
        if (kind, day) in self._altered:
            return self._altered[kind, day]
        made = make()
        if day is None or day in self.control:
            self._altered[kind, day] = self._kept[id(made)] = made
        return made

    def cut(self, day: date) -> World:
        """Returns the original world up to 14 days after the date."""
        end = day + timedelta(days=DAYS_OF_ABSURDITY + 1)
        return self.altered("cut", day, lambda: {name: before(frame, end) for name, frame in self.world.items()})

    def summarised(self, derivation: Derivation, world: World, day: date | None = None) -> World:
        """Returns a world with its summaries. For a world altered on `day`, recomputes only summaries that can have changed."""
        if day is None or day in self.control:
            return self._once(("summaries", derivation.name), world, lambda: derivation.summaries(world, self._summarise))
        first = day - timedelta(days=RESUMMARISED_DAYS)
        recent = {name: since(world[name], first) for name in self.world}
        recent["schedule"] = since(world["schedule"], first - timedelta(days=REST_DAYS))
        fresh = derivation.summaries(recent, self._summarise)
        old = self.summarised(derivation, self.world)
        return {**world, **{name: pl.concat([before(old[name], first), fresh[name]]) for name in SUMMARIES}}

    def derived(self, derivation: Derivation, world: World, dates: Sequence[date], as_of: datetime) -> World:
        """Returns the feature tables derived from a world with summaries. The tables are empty when all gates are closed."""

        def derive() -> World:
            made = derivation.features(world, dates, as_of, self._derive)
            return {name: made[name] for name in FEATURE_TABLES}

        return self._once(("features", derivation.name, tuple(dates), as_of), world, derive)

    def baseline(self, derivation: Derivation) -> World:
        """Returns the feature tables derived from the original world for all dates at once."""
        return self.derived(derivation, self.summarised(derivation, self.world), self.dates, self.as_of)

    def _summarise(self, world: World) -> World:
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
        if id(world) not in self._kept:
            return make()
        key = (*key, id(world))
        if key not in self._made:
            made = make()
            self._made[key] = self._kept[id(made)] = made
        return self._made[key]

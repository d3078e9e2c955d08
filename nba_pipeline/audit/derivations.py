"""Ways from sources to features, the real one and others, and what an audit has derived with them so far.

A derivation is asked for the same dates from the world as it is and from altered ones. An altered world is summarised
anew: whole on the control dates, elsewhere from 40 days before the date on, and what is older is taken from the world as
it is. So a summary that looks ahead by less than 40 days is seen on every date, and one that looks ahead further on the
control dates.
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

FEATURE_TABLES = ("upcoming_players", "player_form", "player_shot_zones", "team_defense_zones", "matchups", "features")
SUMMARIES = ("player_game_summary", "team_game_summary")

RESUMMARISED_DAYS = 40
REST_DAYS = 40
"""Days of the schedule before the first summarised game, from which its rest follows; longer than any rest that counts."""

Summarise = Callable[[World], World]
Derive = Callable[[World, Sequence[date], datetime], World]


def identity(world: World, summarise: Summarise) -> World:
    """The summaries of the assets."""
    return summarise(world)


def unaltered(world: World, dates: Sequence[date], as_of: datetime, derive: Derive) -> World:
    """The features of the assets."""
    return derive(world, dates, as_of)


@dataclass(frozen=True)
class Derivation:
    """A way from sources to features. Both steps are handed the real one, to use it on their way.

    `least_dates` with players are derived at once, or a leak from one date into another has nothing to leak.
    """

    name: str
    story: str
    summaries: Callable[[World, Summarise], World] = identity
    features: Callable[[World, Sequence[date], datetime, Derive], World] = unaltered
    least_dates: int = 1


REAL = Derivation("the real derivation", "what the assets do")


class Audit:
    """A world, the dates that are looked at, and what was derived so far.

    Args:
        world: The sources, of the dates and of everything their features look back to and a leak may look ahead to.
        dates: What the world as it is is derived for at once: the sampled dates and others.
        as_of: An instant after all of it.
        control: The dates on which plants are tried; what is made of them is kept, so that each plant finds it.
        seed: Of the sample of players.
        stored: Rows of `features` as the warehouse has them, of the sampled dates.
        predictions: Rows of `predictions`, of as many dates as there are.
        say: Told what is being done.
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
        """Chance that is the same whenever the same date is sampled with the same seed."""
        return random.Random(f"{self.seed} {day}")

    def altered(self, kind: str, day: date | None, make: Callable[[], World]) -> World:
        """The sources altered in some way; those of all dates and of the control dates are made once."""
        if (kind, day) in self._altered:
            return self._altered[kind, day]
        made = make()
        if day is None or day in self.control:
            self._altered[kind, day] = self._kept[id(made)] = made
        return made

    def cut(self, day: date) -> World:
        """The world as it is, up to a fortnight after the date."""
        end = day + timedelta(days=DAYS_OF_ABSURDITY + 1)
        return self.altered("cut", day, lambda: {name: before(frame, end) for name, frame in self.world.items()})

    def summarised(self, derivation: Derivation, world: World, day: date | None = None) -> World:
        """A world with its summaries; of a world altered from a date on only those that the alteration can have changed."""
        if day is None or day in self.control:
            return self._once(("summaries", derivation.name), world, lambda: derivation.summaries(world, self._summarise))
        first = day - timedelta(days=RESUMMARISED_DAYS)
        recent = {name: since(world[name], first) for name in self.world}
        recent["schedule"] = since(world["schedule"], first - timedelta(days=REST_DAYS))
        fresh = derivation.summaries(recent, self._summarise)
        old = self.summarised(derivation, self.world)
        return {**world, **{name: pl.concat([before(old[name], first), fresh[name]]) for name in SUMMARIES}}

    def derived(self, derivation: Derivation, world: World, dates: Sequence[date], as_of: datetime) -> World:
        """The feature tables that a derivation makes of a world with summaries; without rows when every slate is closed."""

        def derive() -> World:
            made = derivation.features(world, dates, as_of, self._derive)
            return {name: made[name] for name in FEATURE_TABLES}

        return self._once(("features", derivation.name, tuple(dates), as_of), world, derive)

    def baseline(self, derivation: Derivation) -> World:
        """What a derivation makes of the world as it is, for all dates at once."""
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
        """What is made of a world that is kept is kept too."""
        if id(world) not in self._kept:
            return make()
        key = (*key, id(world))
        if key not in self._made:
            made = make()
            self._made[key] = self._kept[id(made)] = made
        return self._made[key]

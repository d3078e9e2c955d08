"""Positive controls: planted leaks, each tested on dates on which it changes a value of the real derivation.

A leak has no effect on some dates. For example, a five-game window is null in the first rounds of a season, with or
without the leak. A leak without effect is not evidence about the tests, so it counts as neither caught nor missed.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import date
from typing import Any

from nba_pipeline.audit.derivations import REAL, Audit, Derivation
from nba_pipeline.audit.differences import differing_dates
from nba_pipeline.audit.leakage import TESTS
from nba_pipeline.audit.recompute import World
from nba_pipeline.audit.worlds import first_tipoff

EffectiveDates = Mapping[str, Sequence[date]]
"""Plant -> the dates on which it changes at least one value."""


def dates_with_effect(audit: Audit, plants: Sequence[Derivation], dates: Sequence[date]) -> EffectiveDates:
    """Returns, per plant, the dates on which it changes at least one feature value.

    The list is empty when fewer than `plant.min_dates` dates have players.
    """
    real, effective_dates = audit.baseline(REAL), dict[str, Sequence[date]]()
    dates_with_players = real["features"]["game_date"].n_unique()
    for plant in plants:
        audit.report(f"deriving features with the planted leak {plant.name}")
        changed = differing_dates(real, audit.baseline(plant), dates)
        effective_dates[plant.name] = changed if dates_with_players >= plant.min_dates else []
    return effective_dates


def control_dates(world: World, dates: Sequence[date], effective_dates: EffectiveDates) -> list[date]:
    """Returns a small set of dates that together show the effect of every leak. Prefers early dates, which are faster.

    Includes a date with known tip-offs if one exists, because some leaks show only in altered worlds (for example a line
    from a game in play).
    """
    has_tipoffs = {day for day in dates if first_tipoff(world, day)}
    remaining, control = {name for name in effective_dates if set(effective_dates[name]).intersection(dates)}, list[date]()
    while remaining:
        uncaught = {day: {name for name in remaining if day in effective_dates[name]} for day in dates}
        best = min(dates, key=lambda day: (-len(uncaught[day]), day not in has_tipoffs, day))
        control.append(best)
        remaining -= uncaught[best]
    if not has_tipoffs.intersection(control):
        control += sorted(has_tipoffs)[:1]
    return sorted(control or dates[:1])


def plant_results(
    audit: Audit, plants: Sequence[Derivation], effective_dates: EffectiveDates, failed: Collection[str]
) -> Iterator[dict[str, Any]]:
    """Yields, per plant, the test results on its control dates and the names of the tests that caught it.

    A leak that changes nothing in the original world can still be caught in an altered one. For such a leak, the tests in
    `failed` do not count, because the real derivation fails them too.
    """
    for plant in plants:
        audit.report(f"testing the planted leak {plant.name}")
        has_effect = bool(effective_dates[plant.name])
        dates = [day for day in audit.control if day in effective_dates[plant.name]] or audit.control
        results = [test(audit, plant, dates) for test in TESTS]
        caught = [result.name for result in results if result.passed is False and (has_effect or result.name not in failed)]
        yield {
            "name": plant.name,
            "story": plant.description,
            "is_tried": has_effect or bool(caught),
            "dates": [str(day) for day in dates],
            "caught_by": caught,
            "tests": [{"name": r.name, "passed": r.passed, "n": r.n, "detail": r.detail} for r in results],
        }

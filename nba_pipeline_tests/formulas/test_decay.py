"""The states that a system passes through."""

from datetime import date, timedelta

from nba_pipeline.formulas.decay import Decay, Window, decay

FIRST = date(2026, 1, 1)
LIMITS = {"largest_gap": 0.15, "least_rows": 500, "watch_days": 7}


def windows(*gaps: float, n: int = 600, half_width: float = 0.14) -> list[Window]:
    """One window per day."""
    return [Window(FIRST + timedelta(days=day), n, gap, gap - half_width) for day, gap in enumerate(gaps)]


def states(found: list[Window]) -> list[str]:
    return [decay(found[: number + 1], **LIMITS).state for number in range(len(found))]


def test_a_bad_system_passes_through_every_state() -> None:
    gaps = [0.1, *[0.2] * 8, 0.4]
    assert states(windows(*gaps)) == ["HEALTHY", *["WATCH"] * 7, "DEGRADING", "BLOCKED"]


def test_a_gap_at_the_limit_is_healthy() -> None:
    assert states(windows(0.2, 0.15, 0.2)) == ["WATCH", "HEALTHY", "WATCH"]


def test_the_lower_end_of_the_interval_decides_whether_a_system_is_blocked() -> None:
    assert states(windows(0.29, half_width=0.13)) == ["BLOCKED"]
    assert states(windows(0.4, half_width=0.3)) == ["WATCH"]


def test_few_rows_leave_the_state_unchanged_and_thin() -> None:
    found = [*windows(0.4), Window(FIRST + timedelta(days=1), 499, 0.0, -0.1)]
    assert (decay(found, **LIMITS).state, decay(found, **LIMITS).is_thin) == ("BLOCKED", True)


def test_a_system_without_rows_is_healthy_and_thin() -> None:
    assert decay([], **LIMITS) == Decay("HEALTHY", is_thin=True)

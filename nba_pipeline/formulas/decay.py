"""The decay state of a system, from its gap to the line over a trailing window on each date."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

HEALTHY, WATCH, DEGRADING, BLOCKED = "HEALTHY", "WATCH", "DEGRADING", "BLOCKED"
STATES = (HEALTHY, WATCH, DEGRADING, BLOCKED)
WITHOUT_PICKS = (DEGRADING, BLOCKED)


@dataclass(frozen=True)
class Window:
    """The gap of a system to the line, in points, over the window that ends on a date. None: unknown."""

    game_date: date
    n: int
    gap: float | None
    gap_low: float | None


@dataclass(frozen=True)
class Decay:
    """The state on a date. `since` is the date from which the gap is above the limit; None while it is not.

    `is_thin`: the window has too few rows, so the state of the date before still applies.
    """

    state: str = HEALTHY
    is_thin: bool = True
    since: date | None = None
    gap: float | None = None
    gap_low: float | None = None
    n: int = 0


def decay(windows: Iterable[Window], *, largest_gap: float, least_rows: int, watch_days: int) -> Decay:
    """Returns the state after the last window. If no window has enough rows, the state is HEALTHY and thin.

    WATCH      the gap is above the limit
    DEGRADING  WATCH for `watch_days` days
    BLOCKED    the lower end of the 95 % interval is above the limit

    Args:
        windows: Windows in the order of their dates.
        largest_gap: The limit, in points.
        least_rows: Rows below which a window leaves the state unchanged.
        watch_days: Days in WATCH after which a system is DEGRADING.
    """
    latest = Decay()
    for window in windows:
        if window.n < least_rows or window.gap is None or window.gap_low is None:
            latest = Decay(latest.state, True, latest.since, window.gap, window.gap_low, window.n)
            continue
        since = (latest.since or window.game_date) if window.gap > largest_gap else None
        state = _state(window, since, largest_gap, watch_days)
        latest = Decay(state, False, since, window.gap, window.gap_low, window.n)
    return latest


def _state(window: Window, since: date | None, largest_gap: float, watch_days: int) -> str:
    if since is None:
        return HEALTHY
    if window.gap_low is not None and window.gap_low > largest_gap:
        return BLOCKED
    return DEGRADING if (window.game_date - since).days >= watch_days else WATCH

"""Shares of the long tests, so that several commits together run all of them."""

from collections.abc import Collection, Mapping

import pytest

IN_SHARES = ("long", "unattended")
"""Markers of the tests that `--share` divides."""

USUAL_SECONDS = 10.0
"""Duration of such a test if its marker `long` has none."""


def of_other_shares(seconds: Mapping[str, float], share: str) -> set[str]:
    """The names outside a share such as "1/3", given the seconds of each name. Raises ValueError for an invalid share.

    The longest name comes first. Each goes to the share with the fewest seconds so far, so that all shares take about as long.
    """
    part, _, parts = share.partition("/")
    if not (part.isdecimal() and parts.isdecimal() and int(part) < int(parts)):
        raise ValueError(f"--share is {share}; write 0/3, 1/3 or 2/3 for the shares of three")
    totals, others = [0.0] * int(parts), set[str]()
    for name in sorted(seconds, key=lambda name: (-seconds[name], name)):
        shortest = totals.index(min(totals))
        totals[shortest] += seconds[name]
        if shortest != int(part):
            others.add(name)
    return others


def seconds_of(item: pytest.Item) -> float:
    """The duration of a test on a machine without other work; 0 for a test that is in every share."""
    if not any(map(item.get_closest_marker, IN_SHARES)):
        return 0.0
    marker = item.get_closest_marker("long")
    return float(marker.kwargs.get("seconds", USUAL_SECONDS)) if marker else USUAL_SECONDS


def items_of_other_shares(items: Collection[pytest.Item], share: str) -> set[pytest.Item]:
    """The tests outside a share. Tests with the same `long(group=...)` use one prepared home and are in one share."""

    def group_of(item: pytest.Item) -> str:
        marker = item.get_closest_marker("long")
        return str(marker.kwargs.get("group", item.nodeid)) if marker else item.nodeid

    groups = {item: group_of(item) for item in items if seconds_of(item)}
    seconds = dict.fromkeys(groups.values(), 0.0)
    for item, group in groups.items():
        seconds[group] += seconds_of(item)
    others = of_other_shares(seconds, share)
    return {item for item, group in groups.items() if group in others}

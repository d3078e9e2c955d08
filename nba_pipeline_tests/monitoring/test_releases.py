"""The ledger of releases, and when a release counts as failed."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nba_pipeline.errors import BadInput
from nba_pipeline.instance.clock import Clock
from nba_pipeline.monitoring.doctor.probe import failed, ok, warning
from nba_pipeline.monitoring.releases import judge, read_releases, record_release
from nba_pipeline.warehouse.local import LocalWarehouse

AT = datetime(2026, 1, 5, 17, tzinfo=UTC)
HOUR = timedelta(hours=1)


def a_release(hours: float, commit: str | None, has_passed: bool = True) -> dict[str, Any]:
    return {"released_at": AT + hours * HOUR, "version": "1.0", "commit": commit, "has_passed": has_passed}


def verdicts(*releases: dict[str, Any], repairs: tuple[float, ...] = (), after: float = 24) -> list[bool | None]:
    instants = [AT + hours * HOUR for hours in repairs]
    return judge(releases, instants, AT + after * HOUR)["is_good"].to_list()


def test_a_release_is_good_after_a_day_and_bad_at_once_if_doctor_failed() -> None:
    assert verdicts(a_release(0, "a"), after=23.9) == [None]
    assert verdicts(a_release(0, "a")) == [True]
    assert verdicts(a_release(0, "a", has_passed=False), after=0) == [False]


def test_a_release_fails_if_the_next_one_is_an_earlier_one() -> None:
    first, second = a_release(-90, "a"), a_release(0, "b")
    assert verdicts(first, second, a_release(1, "a")) == [True, False, None]
    assert verdicts(first, second, a_release(1, "c")) == [True, True, None]
    assert verdicts(first, second, a_release(25, "a"), after=26) == [True, True, None], "a day later it was no failure"
    assert verdicts(a_release(0, "a"), a_release(1, "a"), a_release(2, "a"), after=3) == [True, True, None], "recorded again"


def test_a_release_with_an_unknown_commit_is_no_return_to_an_earlier_one_of_its_version() -> None:
    assert verdicts(a_release(-90, None), a_release(0, "b"), a_release(1, None)) == [True, True, None]
    other = a_release(1, None) | {"version": "1.1"}
    assert verdicts(a_release(-90, None), a_release(0, None) | {"version": "1.1"}, a_release(1, None)) == [True, False, None]
    assert verdicts(a_release(0, None), other) == [True, None]


def test_a_repair_counts_for_the_release_that_was_in_use() -> None:
    assert verdicts(a_release(0, "a"), a_release(2, "b"), repairs=(3,), after=30) == [True, False]
    assert verdicts(a_release(0, "a"), repairs=(-1, 25), after=30) == [True]


def test_a_release_is_recorded_with_the_failed_probes(tmp_path: Path) -> None:
    warehouse, clock = LocalWarehouse(home=str(tmp_path)), Clock(fixed_at=AT.isoformat())
    results = [ok("disk", ""), warning("memory", ""), failed("daemon", ""), failed("clock", "")]
    message = record_release(warehouse, clock, results, " abc ")
    assert message.endswith("at commit abc; doctor failed: daemon, clock")
    [release] = read_releases(warehouse)
    assert (release["has_passed"], release["failures"], release["released_at"]) == (False, "daemon, clock", AT)
    assert record_release(warehouse, Clock(fixed_at=(AT + HOUR).isoformat()), results[:2], "b").endswith("doctor passed")
    assert [one["commit"] for one in read_releases(warehouse)] == ["abc", "b"]


@pytest.mark.parametrize("commit", ["", "  ", "x" * 65])
def test_an_impossible_commit_is_refused(commit: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="--commit must have 1 to 64 characters"):
        record_release(LocalWarehouse(home=str(tmp_path)), Clock(), [], commit)

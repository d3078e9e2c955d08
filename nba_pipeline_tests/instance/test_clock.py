"""The clock, alone and in runs."""

from datetime import UTC, date, datetime, timedelta

import dagster as dg

from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.run_tags import AS_OF_TAG


def test_a_fixed_clock_returns_the_same_eastern_time() -> None:
    clock = Clock(fixed_at="2024-03-13T03:00:00Z")
    assert clock.now() == clock.as_of == datetime(2024, 3, 13, 3, tzinfo=UTC)
    assert clock.today == date(2024, 3, 12)


def test_a_clock_that_runs_tells_the_present() -> None:
    assert abs(Clock().now() - datetime.now(UTC)) < timedelta(seconds=5)


class Watch(dg.ConfigurableResource):  # type: ignore[type-arg]
    """A second resource with a clock: Dagster builds another Clock for it."""

    clock: dg.ResourceDependency[Clock]


def as_of_in_a_run(tags: dict[str, str] | None = None) -> list[datetime]:
    """`as_of` of two clocks in a run of two assets, oldest first, and the current instant of one of them."""
    seen: list[datetime] = []

    @dg.asset
    def first(clock: Clock, watch: Watch) -> None:
        seen.extend((clock.as_of, watch.clock.as_of))

    @dg.asset(deps=[first])
    def second(clock: Clock, watch: Watch) -> None:
        seen.extend((clock.as_of, watch.clock.as_of, clock.now()))

    clock = Clock()
    dg.materialize([first, second], resources={"clock": clock, "watch": Watch(clock=clock)}, tags=tags)
    return seen


def test_all_clocks_of_a_run_agree_on_when_it_began() -> None:
    *began, now = as_of_in_a_run()
    assert len(set(began)) == 1
    assert began[0] < now


def test_a_replayed_run_uses_the_instant_of_the_original() -> None:
    instants = as_of_in_a_run({AS_OF_TAG: "2024-03-12T16:00:00+00:00"})
    assert set(instants) == {datetime(2024, 3, 12, 16, tzinfo=UTC)}

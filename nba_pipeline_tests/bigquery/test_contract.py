"""BigQuery passes the contract of warehouses. Failures are permanently lost connections."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from nba_pipeline_tests.bigquery.faults import Call, DropAfter, DropBefore
from nba_pipeline_tests.bigquery.store import acknowledges
from nba_pipeline_tests.warehouse.contract import Contract, Failure


def writes_rows(call: Call) -> bool:
    """A load into a partition, or the statement that merges staged rows."""
    return (call.kind == "load" and "$" in (call.table or "")) or (call.job_id or "").startswith(("add_", "merge_"))


STEPS: dict[str, tuple[Callable[[Call], bool], Any]] = {
    "before the rows are written": (writes_rows, DropBefore()),
    "after the rows are written": (writes_rows, DropAfter()),
    "before the acknowledgement": (acknowledges, DropBefore()),
    "after the acknowledgement": (acknowledges, DropAfter()),
}


@pytest.fixture(params=STEPS)
def failure(request: pytest.FixtureRequest, dead_from: Callable[..., AbstractContextManager[None]]) -> Failure:
    when, fault = STEPS[request.param]

    @contextmanager
    def fails() -> Iterator[None]:
        with dead_from(when, fault, DropBefore()):
            yield

    return fails


class TestContract(Contract):
    """The contract for BigQuery."""

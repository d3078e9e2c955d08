"""Objects of a run are made once, shared by its resources, and closed by the last of them."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import dagster as dg
import pytest

from nba_pipeline.environments import resources_for
from nba_pipeline.instance.run_objects import RUN_OBJECTS, RunObjects

KEY = ("session", "a run")


def test_an_object_is_made_once_and_closed_by_the_last_release() -> None:
    objects, closed = RunObjects(), list[str]()
    with objects.shared(KEY, lambda: "first", closed.append) as outer:
        with objects.shared(KEY, lambda: "second", closed.append) as inner:
            assert (outer, inner) == ("first", "first")
        assert closed == []
    assert closed == ["first"] and objects.keys() == set()
    with objects.shared(KEY, lambda: "third") as later:
        assert later == "third"


def test_an_object_that_was_never_made_is_not_closed() -> None:
    objects = RunObjects()
    objects.acquire(KEY)
    objects.release(KEY)
    objects.release(KEY)
    assert objects.keys() == set()


def test_an_object_that_cannot_be_made_leaves_nothing() -> None:
    objects = RunObjects()
    with pytest.raises(OSError, match="no port"), objects.shared(KEY, _fail):
        pass
    assert objects.keys() == set()


def test_threads_share_one_object() -> None:
    objects, made = RunObjects(), list[int]()
    barrier = threading.Barrier(8)

    def use(_: int) -> int:
        barrier.wait(timeout=30)
        with objects.shared(KEY, lambda: made.append(1) or len(made)) as number:
            barrier.wait(timeout=30)
            return number

    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(use, range(8))) == [1] * 8
    assert objects.keys() == set()


def test_an_object_used_outside_of_runs_is_closed_with_the_process() -> None:
    objects, closed = RunObjects(), list[str]()
    objects.get(KEY, lambda: "one", closed.append)
    objects.close()
    assert closed == ["one"] and objects.keys() == set()


def test_a_run_leaves_no_object(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every resource of the sandbox, in a run of one op."""
    monkeypatch.setenv("NBA_PIPELINE_HOME", str(tmp_path))
    seen = set[str]()
    resources = resources_for("sandbox")

    @dg.op(required_resource_keys={"clock", "landing", "tables", "nba_cdn", "espn"})
    def look(context: dg.OpExecutionContext) -> None:
        seen.update(key[0] for key in RUN_OBJECTS.keys() if context.run_id in key)
        assert context.resources.clock.as_of <= datetime.now(UTC)

    @dg.job(resource_defs=resources, executor_def=dg.in_process_executor)
    def looking() -> None:
        look()

    result = looking.execute_in_process()
    assert seen == {"start", "mark", "journal", "session", "sandbox"}
    assert not [key for key in RUN_OBJECTS.keys() if result.run_id in key]


def _fail() -> str:
    raise OSError("no port")

"""A simulated day on PostgreSQL: in its second half the daemon holds no more connections, open files, memory and objects.

The first half has the predictions of a slate and its lines, the second one those of the next slate, box scores and grades. See
`counting` for what is counted.
"""

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

from nba_pipeline_tests.postgres.cluster import cluster
from nba_pipeline_tests.unattended.counting import EVALUATIONS

pytestmark = [pytest.mark.unattended, pytest.mark.long(seconds=120)]

WARM = EVALUATIONS // 4
"""Evaluations during which the process still loads libraries."""

MEMORY_GROWTH = 1.15
"""Largest ratio of the median memory in the second half to that before, without the first evaluations."""

BLOCKS_GROWTH = 1.02
"""The same ratio for the memory blocks of Python's objects. It allows 30,000 more; an unchanged daemon adds 12,000."""


def test_a_daemon_holds_no_more_connections_files_and_memory_after_twelve_hours(tmp_path: Path) -> None:
    server = cluster()
    database = server.new_database()
    variables = {"PATH": os.environ["PATH"], "NBA_PIPELINE_HOME": str(tmp_path), "DAGSTER_POSTGRES_URL": server.url(database)}
    command = [sys.executable, "-W", "ignore", "-m", "nba_pipeline_tests.unattended.counting", str(tmp_path), str(server.port)]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    counted = [json.loads(line) for line in done.stdout.splitlines()]
    first, second = counted[: EVALUATIONS // 2], counted[EVALUATIONS // 2 :]
    assert len(first) == len(second) and second[-1]["runs"] > first[-1]["runs"] > first[0]["runs"]
    for name in ("connections", "files"):
        assert max(one[name] for one in second) <= max(one[name] for one in first), name
    for name, growth in (("mib", MEMORY_GROWTH), ("blocks", BLOCKS_GROWTH)):
        before, after = (statistics.median(one[name] for one in part) for part in (first[WARM:], second))
        assert after <= growth * before, name

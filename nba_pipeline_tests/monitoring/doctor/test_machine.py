"""What the probes say about the machine."""

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from nba_pipeline.monitoring.doctor import machine

MIB = 1024**2


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.mark.parametrize(("free_mib", "state"), [(100, "failed"), (1_000, "warning"), (50_000, "ok")])
def test_a_full_disk_fails_before_writes_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_mib: int, state: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, free_mib * MIB))
    assert machine.disk(tmp_path / "not yet" / "home").state == state

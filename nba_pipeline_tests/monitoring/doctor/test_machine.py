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


@pytest.mark.parametrize(
    ("free_mib", "state", "size"), [(100, "failed", "100 MiB"), (1_000, "warning", "1000 MiB"), (50_176, "ok", "49.0 GiB")]
)
def test_a_full_disk_fails_before_writes_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free_mib: int, state: str, size: str
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(0, 0, free_mib * MIB))
    one = machine.disk(tmp_path / "not yet" / "home")
    assert (one.state, one.message.split(" free")[0]) == (state, size)

"""Processes of several hosts on one machine: each host has its own name, clock and process ids."""

import atexit
import shutil
import subprocess
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import pytest

SOURCE = Path(__file__).with_name("host.c")


def variables(name: str, skew_seconds: int = 0) -> Mapping[str, str]:
    """The variables that make a process one of another host. Skips the test where no C compiler is installed."""
    return {"LD_PRELOAD": str(_library()), "TEST_HOST_NAME": name, "TEST_HOST_SKEW_SECONDS": str(skew_seconds)}


@cache
def _library() -> Path:
    compiler = shutil.which("cc")
    if compiler is None:
        pytest.skip("no C compiler is installed, which makes the name and the clock of another host")
    folder = Path(mkdtemp(prefix="nba_pipeline_host_"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    library = folder / "host.so"
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"], check=True)
    return library

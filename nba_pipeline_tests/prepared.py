"""Homes that are prepared once per run of the tests and copied by each test that needs one."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock

IMMUTABLE = (".parquet", ".gz")
"""Files that the platform only ever replaces as a whole, so that copies may share them."""


def prepared(name: str, make: Callable[[Path], None], root: Path) -> Path:
    """The folder `root/name`, made by the first process that asks for it.

    The lock ends with the process that holds it. What an aborted `make` left is deleted and made again.
    """
    home, ready = root / name, root / f"{name}.ready"
    with FileLock(root / f"{name}.lock"):
        if not ready.exists():
            shutil.rmtree(home, ignore_errors=True)
            make(home)
            ready.touch()
    return home


def copy_of(home: Path, target: Path) -> Path:
    """A copy of a home that shares the immutable files by hard links."""
    return Path(shutil.copytree(home, target, symlinks=True, copy_function=link_or_copy))


def link_or_copy(source: str, target: str) -> None:
    """Link what is only ever replaced as a whole; copy what is written into."""
    (os.link if source.endswith(IMMUTABLE) else shutil.copy2)(source, target)

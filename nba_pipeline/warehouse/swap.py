"""Replacing whole tables of a local warehouse with rebuilt ones, by renames that resume after an interruption.

    <home>/rebuild/tables/<table>        the new rows, until they are installed
    <home>/rebuild/old/tables/<table>    the old rows, until all tables are installed
    <home>/rebuild/install.json          written before the first rename, deleted after the last

Building the new tables and deciding whether they may replace the old ones do not belong here.
"""

import json
import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from filelock import FileLock

FOLDER = "rebuild"
KINDS = ("tables", "quarantine")


def is_pending(home: Path) -> bool:
    """Whether an installation has begun and is not finished."""
    return _journal(home).exists()


def install(home: Path, names: Sequence[str]) -> None:
    """Replaces tables of the home and their quarantine with the ones below `<home>/rebuild`."""
    new = {kind: [name for name in names if _new(home, kind, name).exists()] for kind in KINDS}
    body = json.dumps({"tables": list(names), "new": new})
    temporary = _journal(home).with_suffix(".tmp")
    with temporary.open("w") as file:
        file.write(body)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(_journal(home))
    finish(home)


def finish(home: Path) -> None:
    """Performs the remaining renames of an installation. Does nothing without one."""
    folder = home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    with FileLock(folder / "install.lock"):
        if not is_pending(home):
            return
        journal = json.loads(_journal(home).read_text())
        for kind in KINDS:
            for name in journal["tables"]:
                _swap(home, kind, name, has_new=name in journal["new"][kind])
        _journal(home).unlink()
        shutil.rmtree(home / FOLDER, ignore_errors=True)


def _swap(home: Path, kind: str, name: str, *, has_new: bool) -> None:
    """Moves the old table aside and the new one in. Resumes after an interruption."""
    live, new, old = home / kind / name, _new(home, kind, name), home / FOLDER / "old" / kind / name
    if has_new and not new.exists():
        return
    if live.exists() and not old.exists():
        old.parent.mkdir(parents=True, exist_ok=True)
        live.replace(old)
    if has_new:
        later = old.with_name(f"{name}.later")
        if live.exists():  # dates written by a run after the interruption are newer than both
            live.replace(later)
        live.parent.mkdir(parents=True, exist_ok=True)
        new.replace(live)
        for part in later.glob("*"):
            shutil.rmtree(live / part.name, ignore_errors=True)
            part.replace(live / part.name)


def _new(home: Path, kind: str, name: str) -> Path:
    return home / FOLDER / kind / name


def _journal(home: Path) -> Path:
    return home / FOLDER / "install.json"

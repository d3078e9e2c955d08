"""Whether a demo of a home is in progress or was interrupted. Its runs have simulated times, which must not mix with real ones."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import NamedTuple

from nba_pipeline.errors import Busy

DEMO_SLATE = "demo_slate"
"""File of a home with the slate of its demo. The demo deletes it at its end."""
STARTING_SECONDS = 1.0
"""A demo waits this long for the lock, because a command that tests it holds it for a moment."""


@contextmanager
def playing(home: Path, wait_seconds: float = STARTING_SECONDS) -> Iterator[None]:
    """Holds the lock of the demo until the block ends or its process dies. Raises Busy during another demo of the home."""
    from filelock import FileLock, Timeout  # noqa: PLC0415  loads asyncio, which `slate` does not need

    _lock_file(home).parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(_lock_file(home), timeout=wait_seconds)
    try:
        lock.acquire()
    except Timeout:
        raise Busy(
            f"a demo is in progress in the home {home}, and the times of its runs are simulated: repeat this command after its end"
        ) from None
    try:
        yield
    finally:
        lock.release()


def refuse_during_a_demo(home: Path, today: date) -> None:
    """Raises Busy while a demo of the home is not finished. Its simulated times would mix with the real times of another process."""
    _refuse_while_playing(home)
    if unfinished_demo(home, today):
        raise Busy(f"the demo of the home {home} has not ended; first: `nba-pipeline demo`")


class Unfinished(NamedTuple):
    """A demo that has not ended: a sentence about it, and the command that continues it; empty while it is in progress."""

    cause: str
    command: str


def unfinished_demo(home: Path, today: date) -> Unfinished | None:
    """Returns the unfinished demo of the home. An interrupted one that is not recent is no longer the way to go on."""
    try:
        slate = date.fromisoformat((home / DEMO_SLATE).read_text())
    except (FileNotFoundError, ValueError):  # no demo, or a file that is not its own
        return None
    try:
        _refuse_while_playing(home)
    except Busy:
        return Unfinished("The demo is in progress: wait for its end.", "")
    except PermissionError:  # who may only read the home cannot try its lock
        pass
    return Unfinished("The demo has not ended.", "nba-pipeline demo") if slate >= today - timedelta(days=1) else None


def _refuse_while_playing(home: Path) -> None:
    if _lock_file(home).exists():
        with playing(home, wait_seconds=0.0):
            pass


def _lock_file(home: Path) -> Path:
    return home / "locks" / "demo.lock"

"""The demo of a home: whether it is in progress, and whether an interrupted one is to be continued."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from nba_pipeline.environments import home
from nba_pipeline.errors import Busy

if TYPE_CHECKING:
    from filelock import FileLock

DEMO_DAYS = 35
DEMO_SLATE = "demo_slate"
"""File of a home with the slate of its demo. The demo deletes it at its end."""
STARTING_SECONDS = 1.0


@contextmanager
def playing() -> Iterator[None]:
    """Holds the lock of the demo until the block ends or its process dies. Raises Busy during another demo of the home."""
    from filelock import Timeout

    lock = _lock(STARTING_SECONDS)
    try:
        lock.acquire()
    except Timeout:
        raise _busy() from None
    try:
        yield
    finally:
        lock.release()


def refuse_during_a_demo() -> None:
    """Raises Busy during a demo of the home, whose runs have simulated times: those of other commands would mix with them."""
    from filelock import Timeout

    if not _lock_file().exists():
        return
    lock = _lock(seconds=0.0)
    try:
        lock.acquire()
    except Timeout:
        raise _busy() from None
    lock.release()


def is_demo_unfinished(today: date) -> bool:
    """Whether a recent demo of the home was interrupted, or is in progress. An older one is no longer the way to go on."""
    try:
        slate = date.fromisoformat((home() / DEMO_SLATE).read_text())
    except (FileNotFoundError, ValueError):  # no demo, or a file that is not its own
        return False
    return slate >= today - timedelta(days=1)


def _lock_file() -> Path:
    return home() / "locks" / "demo.lock"


def _lock(seconds: float) -> "FileLock":
    from filelock import FileLock

    _lock_file().parent.mkdir(parents=True, exist_ok=True)
    return FileLock(_lock_file(), timeout=seconds)


def _busy() -> Busy:
    return Busy(
        f"a demo is in progress in the home {home()}, and the times of its runs are simulated: repeat this command after its end"
    )

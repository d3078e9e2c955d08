"""The demo of a home: whether it is in progress, and whether an interrupted one is to be continued."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path

from nba_pipeline.environments import home
from nba_pipeline.errors import Busy

DEMO_DAYS = 35
DEMO_SLATE = "demo_slate"
"""File of a home with the slate of its demo. The demo deletes it at its end."""
STARTING_SECONDS = 1.0
"""A demo waits this long for the lock, because a command that tests it holds it for a moment."""


@contextmanager
def playing(wait_seconds: float = STARTING_SECONDS) -> Iterator[None]:
    """Holds the lock of the demo until the block ends or its process dies. Raises Busy during another demo of the home."""
    from filelock import FileLock, Timeout

    _lock_file().parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(_lock_file(), timeout=wait_seconds)
    try:
        lock.acquire()
    except Timeout:
        raise Busy(
            f"a demo is in progress in the home {home()}, and the times of its runs are simulated: repeat this command after its end"
        ) from None
    try:
        yield
    finally:
        lock.release()


def refuse_during_a_demo() -> None:
    """Raises Busy during a demo of the home. Its simulated times would mix with the real times of another command."""
    if _lock_file().exists():
        with playing(wait_seconds=0.0):
            pass


def is_demo_unfinished(today: date) -> bool:
    """Whether a recent demo of the home was interrupted, or is in progress. An older one is no longer the way to go on."""
    try:
        slate = date.fromisoformat((home() / DEMO_SLATE).read_text())
    except (FileNotFoundError, ValueError):  # no demo, or a file that is not its own
        return False
    return slate >= today - timedelta(days=1)


def _lock_file() -> Path:
    return home() / "locks" / "demo.lock"

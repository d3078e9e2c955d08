"""The demo of a home: whether it is in progress, whether an interrupted one is to be continued, and whether it is the first step."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from nba_pipeline.environments import environment, home, now
from nba_pipeline.errors import BadInput, Busy

if TYPE_CHECKING:
    from nba_pipeline.warehouse import Warehouse

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
    """Raises Busy while a demo of the home is not finished. Its simulated times would mix with the real times of another command."""
    from nba_pipeline.league.calendar import eastern_date

    _refuse_while_playing()
    if unfinished_demo(eastern_date(now())):
        raise Busy(f"the demo of the home {home()} has not ended; first: `nba-pipeline demo`")


def _refuse_while_playing() -> None:
    if _lock_file().exists():
        with playing(wait_seconds=0.0):
            pass


class Unfinished(NamedTuple):
    """A demo that has not ended: a sentence about it, and the command that continues it; empty while it is in progress."""

    cause: str
    command: str


def unfinished_demo(today: date) -> Unfinished | None:
    """Returns the unfinished demo of the home. An interrupted one that is not recent is no longer the way to go on."""
    try:
        slate = date.fromisoformat((home() / DEMO_SLATE).read_text())
    except (FileNotFoundError, ValueError):  # no demo, or a file that is not its own
        return None
    try:
        _refuse_while_playing()
    except Busy:
        return Unfinished("The demo is in progress: wait for its end.", "")
    except PermissionError:  # who may only read the home cannot try its lock
        pass
    return Unfinished("The demo has not ended.", "nba-pipeline demo") if slate >= today - timedelta(days=1) else None


def no_tables(day: date) -> str:
    """Returns the message for a home without tables: the first command is the demo for a recent date of the sandbox, else a run."""
    from nba_pipeline.league.calendar import eastern_date

    is_of_demo = environment() == "sandbox" and day >= eastern_date(now()) - timedelta(days=1)
    first = "nba-pipeline demo" if is_of_demo else f"nba-pipeline run --date {day}"
    return f"{'the warehouse' if environment() == 'production' else f'the home {home()}'} has no tables; first: `{first}`"


def refuse_without_tables(warehouse: "Warehouse", day: date) -> None:
    """Raises BadInput for a home without tables."""
    from nba_pipeline.tables.registry import TABLES

    if not warehouse.dates(TABLES["schedule"]):
        raise BadInput(no_tables(day))


def _lock_file() -> Path:
    return home() / "locks" / "demo.lock"

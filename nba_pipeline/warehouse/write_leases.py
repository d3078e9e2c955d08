"""Write leases in a bucket: one writer per table and date and one export at a time, on whichever host.

A lease is an object that only one writer can create: the bucket refuses to create an object that exists. The writer renews its
lease while it writes, and deletes it afterwards. A lease that was not renewed for some time has expired: its writer has died, and
the next writer deletes it. The time is `warehouse.lease_seconds` for a table and `publishing.lock_minutes` for an export. The
bucket's own instants determine the age of a lease, so the clocks of the hosts do not matter. A writer renews and deletes a lease by
the generation of its object, so it never touches the lease of another writer. Locks of one machine are in `writing`.
"""

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from datetime import date, datetime
from email.utils import parsedate_to_datetime
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from uuid import uuid4

from nba_pipeline.errors import Busy, PipelineError
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse import files
from nba_pipeline.warehouse.store_errors import reached
from nba_pipeline.warehouse.writing import busy, owner_of

if TYPE_CHECKING:
    from upath import UPath

Result = TypeVar("Result")

PARALLEL = 16
"""Maximum number of simultaneous requests for the leases of several dates."""

PAUSE_SECONDS = 0.5
"""Interval at which a writer checks the lease of another one."""

RENEWALS = 4
"""Number of renewals within the time after which a lease expires."""


class Stored(NamedTuple):
    """A lease in the bucket."""

    generation: str
    age_seconds: float
    """Time since its last renewal."""


class WriteLease:
    """The lease that one object stands for. It expires `seconds` after its last renewal."""

    def __init__(self, path: "UPath", writer: str, seconds: float) -> None:
        self.path, self.seconds = path, seconds
        self._bucket, self._name, _ = path.fs.split_path(path.path)
        self._owner = {"id": uuid4().hex, **owner_of(writer)}
        self._generation: str | None = None  # None while this writer does not hold the lease

    def take(self) -> bool:
        """Takes the lease, also an expired one of another writer. Returns False while another writer holds it."""
        if self._create():
            return True
        stored = self._stored()
        if stored is None:  # released just now
            return False
        if self.holder().get("id") == self._owner["id"]:  # the response to the creation was lost, and the request was repeated
            self._generation = stored.generation
            return True
        if stored.age_seconds <= self.seconds:
            return False
        self._change("DELETE", stored.generation)
        return self._create()

    def renew(self) -> None:
        """Renews the lease, if this writer still holds it."""
        if self._generation:
            self._change("PATCH", self._generation, json={"metadata": {"renewal": uuid4().hex}})

    def release(self) -> bool:
        """Deletes the lease. Returns False if it had expired and another writer took it."""
        generation, self._generation = self._generation, None
        return generation is None or self._change("DELETE", generation)

    def is_held(self) -> bool:
        """Whether a writer holds the lease."""
        stored = self._stored()
        return stored is not None and stored.age_seconds <= self.seconds

    def holder(self) -> dict[str, Any]:
        """Returns the writer of the lease, with its process and host; empty if it was released or is unreadable."""
        try:
            content = json.loads(files.read(self.path))
        except (FileNotFoundError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def _create(self) -> bool:
        """Creates the object. Returns False if it exists, see https://cloud.google.com/storage/docs/request-preconditions."""
        fs, address = self.path.fs, "upload/storage/v1/b/{}/o"
        with reached(self.path):
            try:
                created = fs.call(
                    "POST",
                    fs.base.removesuffix("storage/v1/") + address,
                    self._bucket,
                    uploadType="media",
                    name=self._name,
                    ifGenerationMatch="0",
                    data=json.dumps(self._owner).encode(),
                    json_out=True,
                )
            except FileExistsError:
                return False
        self._generation = str(created["generation"])
        return True

    def _stored(self) -> Stored | None:
        """Returns the lease in the bucket; None without one."""
        try:
            with reached(self.path, raises_bad_input=False):
                headers, content = self.path.fs.call("GET", "b/{}/o/{}", self._bucket, self._name)
        except FileNotFoundError:
            return None
        about = json.loads(content)
        age = parsedate_to_datetime(headers["Date"]) - datetime.fromisoformat(about["updated"])
        return Stored(str(about["generation"]), age.total_seconds())

    def _change(self, method: str, generation: str, **body: Any) -> bool:
        """Changes or deletes the object of a generation. Returns False if the bucket has another one or none."""
        try:
            with reached(self.path, raises_bad_input=False):
                self.path.fs.call(method, "b/{}/o/{}", self._bucket, self._name, ifGenerationMatch=generation, **body)
        except (FileNotFoundError, FileExistsError):  # gcsfs raises the latter for every precondition that does not hold
            return False
        return True


@contextmanager
def leased(folder: "UPath", name: str, dates: Sequence[date], writer: str, wait_seconds: float) -> Iterator[None]:
    """Holds the write lease of each date of a table, see `held`."""
    seconds = SETTINGS.warehouse.lease_seconds
    leases = {f"{name} {day}": WriteLease(folder / f"{day}.lease", writer, seconds) for day in sorted(set(dates))}
    with held(leases, wait_seconds, "rows"):
        yield


@contextmanager
def held(leases: Mapping[str, WriteLease], wait_seconds: float, written: str) -> Iterator[None]:
    """Holds all leases, each by the name of what it protects. Raises Busy if another writer holds one for `wait_seconds`.

    Raises Busy after the block if a lease expired within it, because another writer may have replaced what was `written`.
    """
    _take(leases, wait_seconds)
    is_over = Event()
    Thread(target=_renew, args=(leases, is_over), name="write leases", daemon=True).start()
    try:
        yield
    except BaseException:
        is_over.set()
        with suppress(PipelineError):  # the lease expires; its release must not hide the error of the write
            _release(leases)
        raise
    is_over.set()
    if lost := _release(leases):
        raise Busy(f"{lost[0]}: the write lease expired during the write, and another writer may have replaced the {written}")


def _take(leases: Mapping[str, WriteLease], wait_seconds: float) -> None:
    """Takes all leases or none, so that no two writers wait for each other. Raises Busy after `wait_seconds`."""
    deadline = time.monotonic() + wait_seconds
    while True:
        try:
            taken = dict(zip(leases, _all(leases, WriteLease.take), strict=True))
            blocked = next((name for name, is_taken in taken.items() if not is_taken), None)
        except BaseException:
            with suppress(PipelineError):  # the leases expire
                _release(leases)
            raise
        if blocked is None:
            return
        _release(leases)
        while leases[blocked].is_held():
            if time.monotonic() >= deadline:
                raise busy(blocked, leases[blocked].holder(), wait_seconds)
            time.sleep(PAUSE_SECONDS)


def _release(leases: Mapping[str, WriteLease]) -> list[str]:
    """Releases the leases, and returns the names of those that were lost."""
    return [name for name, is_held in zip(leases, _all(leases, WriteLease.release), strict=True) if not is_held]


def _all(leases: Mapping[str, WriteLease], method: Callable[[WriteLease], Result]) -> list[Result]:
    """Calls a method of each lease, several at the same time. Raises the first error after the last call has ended."""
    with ThreadPoolExecutor(min(PARALLEL, len(leases) or 1)) as pool:
        return list(pool.map(method, leases.values()))


def _renew(leases: Mapping[str, WriteLease], is_over: Event) -> None:
    interval = min((lease.seconds for lease in leases.values()), default=0.0) / RENEWALS
    while leases and not is_over.wait(interval):
        with suppress(PipelineError):  # the next renewal tries again; the release notices an expired lease
            _all(leases, WriteLease.renew)

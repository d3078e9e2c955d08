"""Payloads of the landing: the request, path, body and problems of each.

    <home>/landing/nba_cdn/boxscore/2024-03-12/0022300945/20240312T100001.123456Z_1f0c2d3e4a5b.json.gz

A `ref` is a payload's path below `<home>/landing` without `.gz`. Tables store it in `source`. Storing payloads and choosing
among them does not belong here.
"""

import hashlib
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from functools import cached_property
from typing import Any
from urllib.parse import quote, unquote

from nba_pipeline.errors import BadInput, Permanent
from nba_pipeline.warehouse import damage, files, payload_limits
from nba_pipeline.warehouse.files import File, Place
from nba_pipeline.warehouse.payload_limits import TooLarge

INSTANT = "%Y%m%dT%H%M%S.%fZ"
HASH_DIGITS = 12
REJECTED = ".rejected."
ANY_PERIOD = "all"


@dataclass(frozen=True)
class Slot:
    """Identifies one request; its payloads share a folder and the newest one is current.

    `game_date` or `season` names the folder; without either it is "all". `entity` is the game, event, page or "season".
    """

    provider: str
    endpoint: str
    entity: str
    game_date: date | None = None
    season: str | None = None
    extension: str = "json"

    def __post_init__(self) -> None:
        for name in ("provider", "endpoint", "extension"):
            value = getattr(self, name)
            if not re.fullmatch(r"[a-z0-9_-]+", value):
                raise BadInput(f"{name} of a payload must be lowercase letters, digits, _ or -, not {value!r}")
        if not self.entity:
            raise BadInput(f"a payload of {self.provider} {self.endpoint} needs an entity")
        if self.game_date and self.season:
            raise BadInput(f"a payload of {self.provider} {self.endpoint} has a game_date or a season, not both")

    @property
    def period(self) -> str:
        """The folder: an ISO date, a season, or "all"."""
        return self.game_date.isoformat() if self.game_date else self.season or "all"

    @property
    def folder(self) -> str:
        """The path of the payloads below the landing."""
        entity = quote(self.entity, safe="-_+=").replace(".", "%2E")
        return "/".join((self.provider, self.endpoint, self.period, entity))

    @property
    def most_bytes(self) -> int:
        """The size limit of a payload in bytes, both compressed and decompressed."""
        return payload_limits.most_bytes(self.provider, self.endpoint, self.extension)

    @property
    def name(self) -> str:
        """Provider, endpoint and entity, for messages."""
        return f"{self.provider} {self.endpoint} {self.entity}"


@dataclass(frozen=True)
class Payload:
    """A landed body. `fetched_at` is the UTC instant of the response. Payloads with the same `ref` are equal."""

    slot: Slot = field(compare=False)
    ref: str
    fetched_at: datetime
    path: Place

    @cached_property
    def body(self) -> bytes:
        """The bytes as received. Raises TooLarge for a body over the size limit."""
        try:
            return payload_limits.gunzip(files.read(self.path), self.slot.most_bytes)
        except TooLarge as error:
            raise TooLarge(f"{self.slot.name}: {error}: {self.ref}") from None

    @cached_property
    def parsed(self) -> dict[Any, Any]:
        """Parser -> its result. A payload is parsed when it lands, and later calls of the parser return the stored result."""
        return {}

    @property
    def problem(self) -> str | None:
        """Why the file is unreadable or differs from what was landed; None if it is intact. Raises FileNotFoundError."""
        try:
            body = self.body
        except (OSError, EOFError, zlib.error, TooLarge) as error:
            if isinstance(error, FileNotFoundError):
                raise
            return str(error) or type(error).__name__
        if not hashlib.sha256(body).hexdigest().startswith(self.short_hash):
            return "the content differs from the hash in its name"
        return None

    @cached_property
    def _document(self) -> Any:
        try:
            return payload_limits.read_json(self.body, self.slot.name)
        except Permanent as error:
            raise Permanent(f"{error}: {self.ref}") from None

    def set_document(self, document: Any) -> None:
        """Sets the parsed body, which the caller has already parsed."""
        vars(self)["_document"] = document

    def json(self) -> Any:
        """The parsed body. Raises Permanent, naming provider, endpoint and entity, for invalid or too deeply nested JSON."""
        return self._document

    @property
    def game_date(self) -> date | None:
        """The US Eastern date that the request was for."""
        return self.slot.game_date

    @property
    def sha256(self) -> str:
        """SHA-256 of the body."""
        return hashlib.sha256(self.body).hexdigest()

    @property
    def short_hash(self) -> str:
        """The first digits of the body's hash, as in the file name."""
        return self.path.name.partition("_")[2].partition(".")[0]


def accepted_files(folder: Place, pattern: str) -> list[File]:
    """The payload files below a folder, without rejected and temporary ones."""
    listed = files.listing(folder, pattern)
    return [file for file in listed if REJECTED not in file.path.name and file.path.name[0] != "."]


def readable(payloads: Iterable[Payload], home: Place) -> Iterator[Payload]:
    """The readable payloads. Moves unreadable ones aside; they no longer count as landed and are fetched again."""
    for payload in payloads:
        try:
            problem = payload.problem
        except FileNotFoundError:  # another process moved it
            continue
        if problem is None:
            yield payload
        else:
            damage.set_aside(home, payload.path, problem, _refetch_command(payload))


def slot_of(path: Place, root: Place) -> Slot:
    """The slot of a payload's path."""
    provider, endpoint, period, entity, name = f"{ref_of(path, root)}.gz".split("/")
    extension = name.removesuffix(".gz").rpartition(".")[2]
    day = date.fromisoformat(period) if re.fullmatch(r"\d{4}-\d\d-\d\d", period) else None
    season = None if day or period == "all" else period
    return Slot(provider, endpoint, unquote(entity), day, season, extension)


def payload_at(slot: Slot, path: Place, root: Place) -> Payload:
    """The payload of a file, whose name has the instant of the response."""
    fetched_at = datetime.strptime(path.name.partition("_")[0], INSTANT).replace(tzinfo=UTC)
    return Payload(slot, ref_of(path, root), fetched_at, path)


def _refetch_command(payload: Payload) -> str:
    day = payload.slot.game_date
    return f"nba-pipeline backfill --from {day} --to {day}" if day else damage.RECONCILE


def ref_of(path: Place, root: Place) -> str:
    """The `source` of a payload in tables: its path below the landing, without `.gz`."""
    return path.as_posix().removeprefix(root.as_posix() + "/").removesuffix(".gz")

"""Documents with one field changed, and what each parser makes of them: rows, rows with a problem, or a rejection by name."""

import copy
import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from nba_pipeline.errors import Permanent
from nba_pipeline.warehouse.payloads import Payload, Slot

SEEN = datetime(2025, 1, 15, 12, tzinfo=UTC)
DROP = object()


def nested(levels: int) -> list[Any]:
    return [nested(levels - 1)] if levels else []


VALUES: tuple[Any, ...] = (
    DROP, None, True, -1, 0, 1.5, "", "x", [], {}, [None], {"a": 1}, 10**18, -(10**30), 10**400, 1e300, float("inf"), float("nan"),
    "1" * 400, "9" * 5000, "9999-12-31T23:59:59-05:00", "0001-01-01T00:00:00+05:00", "\ud800", "x" * 50_000, nested(40), nested(60),
    "PT" + "9" * 30 + "M00.00S", "12/31/9999 00:00:00", "٣", "\x00",
)  # fmt: skip
"""What a field becomes."""

Parse = Callable[[Payload], pl.DataFrame]


@dataclass(frozen=True)
class Sample:
    """A document of a provider, the parser of its rows, and the fields that decide whether there is a row at all.

    The value of such a field (`decisive`, by its name) may leave rows out: a game that is not final has no box score yet.
    """

    name: str
    slot: Slot
    document: Any
    parse: Parse
    decisive: frozenset[str] = frozenset()
    values: tuple[Any, ...] = VALUES
    is_of_leaves: bool = False
    """Only what is neither an object nor a list is changed."""

    def payload(self, document: Any) -> Payload:
        """The document as if landed; nothing is written."""
        body = json.dumps(document).encode()
        digest = hashlib.sha256(body).hexdigest()[:12]  # payloads of the same ref are the same to what remembers them
        payload = Payload(self.slot, f"{self.slot.folder}/fuzzed_{digest}.{self.slot.extension}", SEEN, Path("fuzzed"))
        vars(payload)["body"] = body
        return payload

    def rows(self) -> pl.DataFrame:
        """The rows of the document as it is."""
        return self.parse(self.payload(self.document))


Path_ = tuple[str | int, ...]


def paths(document: Any, path: Path_ = ()) -> Iterator[Path_]:
    """Every field and element, however deep."""
    parts = document.items() if isinstance(document, dict) else enumerate(document) if isinstance(document, list) else ()
    for key, value in parts:
        yield (*path, key)
        yield from paths(value, (*path, key))


def at(document: Any, path: Path_) -> Any:
    """The value of a field."""
    for key in path:
        document = document[key]
    return document


def changed(document: Any, path: Path_, value: Any) -> Any:
    """A copy with one field dropped or of another value."""
    found = copy.deepcopy(document)
    place = at(found, path[:-1])
    if value is DROP:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return found


def cases(sample: Sample, each: int, seed: int) -> Iterator[tuple[Path_, Any]]:
    """Every field with so many of the values, chosen by the seed; all of them where `each` is as large."""
    chance = random.Random(f"{seed} {sample.name}")
    for path in paths(sample.document):
        if sample.is_of_leaves and isinstance(at(sample.document, path), (dict, list)):
            continue
        for value in chance.sample(sample.values, min(each, len(sample.values))):
            yield path, value


OTHER_WORDS = {
    "teamTricode": ("unknown team", "team is"), "arenaName": ("arena",), "arenaCity": ("arena",), "gameLabel": ("game_label",),
    "gameSubLabel": ("game_label",), "gameDates": ("no game at all",), "games": ("no game at all",), "fullName": ("spelling",),
    "displayName": ("spelling",), "description": ("spelling",), "abbreviation": ("unknown team",), "rowSet": ("row",),
    "resultSets": ("result set",), "key": ("book or market",), "Game Date": ("game date",), "Matchup": ("away_team", "home_team"), "Player Name": ("spelling",), "printed_at": ("title",), "title": ("title",),
    "name": ("player_name",), "firstName": ("player_name",), "familyName": ("player_name",), "PLAYER_NAME": ("player_name",),
}  # fmt: skip
"""A field -> other words by which messages call it."""


@dataclass
class Outcomes:
    """What became of the cases of a sample. `faults` are those that must not be."""

    name: str
    counts: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    frames: list[pl.DataFrame] = field(default_factory=list)

    @property
    def summary(self) -> str:
        """The counts in one line."""
        counts = ", ".join(f"{self.counts[name]} {name}" for name in ("kept", "with a problem", "rejected"))
        return f"{self.name}: {self.counts.total()} cases, {counts}, {len(self.faults)} faults"


def fuzz(sample: Sample, each: int, seed: int = 20261129) -> Outcomes:
    """Parse every case. A fault is another exception than Permanent, a message without names, and a row that is lost."""
    whole, outcomes = sample.rows(), Outcomes(sample.name)
    assert whole.height and whole["problem"].null_count() == whole.height, f"{sample.name} has to be sound to begin with"
    for path, value in cases(sample, each, seed):
        about = f"{sample.name}: {'.'.join(map(str, path))} = {'dropped' if value is DROP else ascii(value)[:40]}"
        try:
            frame = sample.parse(sample.payload(changed(sample.document, path, value)))
        except Permanent as error:
            outcomes.counts["rejected"] += 1
            outcomes.faults += [f"{about}: {problem}" for problem in faults_of(str(error), sample, path)]
            continue
        except (Exception, pl.exceptions.PanicException) as error:  # noqa: BLE001  whatever it is, it is the fault that is looked for
            outcomes.faults.append(f"{about}: {type(error).__name__} {ascii(error)[:100]}")
            continue
        outcomes.frames.append(frame)
        problems = frame.height - frame["problem"].null_count()
        outcomes.counts["with a problem" if problems else "kept"] += 1
        if frame.height < whole.height and not may_have_fewer_rows(sample, path, value):
            outcomes.faults.append(f"{about}: {frame.height} of {whole.height} rows")
    return outcomes


def faults_of(message: str, sample: Sample, path: Path_) -> list[str]:
    """What a rejection lacks: provider, endpoint and entity at its beginning, a field of the path, and an end."""
    found = []
    if not message.startswith(sample.slot.name):
        found.append(f"the message does not begin with {sample.slot.name}: {message[:80]!r}")
    below = {key for place in paths(at(sample.document, path)) for key in place}
    keys = [key for key in (*path, *below) if isinstance(key, str)]
    words = [word.lower().replace("_", "") for key in keys for word in (key, *OTHER_WORDS.get(key, ()))]
    if not any(word in message.lower().replace("_", "") for word in (*words, "levels", "not json", "list of events")):
        found.append(f"the message names no field: {message[:160]!r}")
    if len(message) > 2500:
        found.append(f"the message has {len(message)} characters")
    return found


def may_have_fewer_rows(sample: Sample, path: Path_, value: Any) -> bool:
    """An element that is dropped, an empty list and another decision say that there are fewer rows; anything else does not."""
    is_fewer = value is DROP and isinstance(path[-1], int)
    return is_fewer or value == [] or path[-1] in sample.decisive

"""The payloads that a replay of a run can see, read from the journals of the landing."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from nba_pipeline.errors import NotLanded
from nba_pipeline.warehouse import files
from nba_pipeline.warehouse.files import Place
from nba_pipeline.warehouse.logs import LogFile
from nba_pipeline.warehouse.payloads import REJECTED, Payload, Slot

Read = Callable[[Sequence[LogFile]], Iterator[tuple[LogFile, dict[str, Any]]]]
"""Yields the parsed lines of journals."""


@dataclass(frozen=True)
class Replay:
    """What a replay can see: the refs of the original and earlier runs, and the outcome of each original request."""

    visible: Mapping[str, int]
    """Ref -> its position in the order of last use."""
    outcomes: dict[str, dict[str, Any]]

    @cached_property
    def of_folder(self) -> Mapping[str, list[str]]:
        """The visible refs by slot folder."""
        refs: dict[str, list[str]] = {}
        for ref in self.visible:
            refs.setdefault(ref.rpartition("/")[0], []).append(ref)
        return refs

    def missing(self, slot: Slot, payloads: Sequence[Payload], root: Place) -> list[str]:
        """Unreadable or missing payloads of a slot that the original run could see and that no newer payload replaces."""

        def age(ref: str) -> tuple[str, int]:
            return ref.rpartition("/")[2].partition("_")[0], self.visible[ref]

        readable = {payload.ref for payload in payloads}
        newest = max(map(age, readable), default=("", -1))
        of_slot = self.of_folder.get(slot.folder, ())
        missing = [ref for ref in of_slot if ref not in readable and ref in self.visible and age(ref) > newest]
        if not missing:
            return []
        names = {file.path.name for file in files.listing(root / slot.folder, "*.gz")}
        rejected = {f"{slot.folder}/{name.replace(REJECTED, '.').removesuffix('.gz')}" for name in names if REJECTED in name}
        return [ref for ref in missing if ref not in rejected]

    @classmethod
    def of(cls, journals: Sequence[LogFile], run_id: str, root: Place, read: Read) -> "Replay":
        """Reads the journals up to the run. Raises NotLanded if the run has no journal."""
        positions = [number for number, log in enumerate(journals) if log.owner == run_id]
        if not positions:
            raise NotLanded(f"the landing below {root} has no journal of run {run_id}")
        visible: dict[str, None] = {}
        outcomes: dict[str, dict[str, Any]] = {}
        for log, line in read(journals[: positions[-1] + 1]):
            if line["kind"] != "request":
                continue
            if line["ref"]:
                visible.pop(line["ref"], None)
                if line["outcome"] in ("landed", "reused"):
                    visible[line["ref"]] = None
            if log.owner == run_id:
                outcomes[_folder_of(line)] = line
        return cls({ref: number for number, ref in enumerate(visible)}, outcomes)


def _folder_of(line: Mapping[str, Any]) -> str:
    day = line["game_date"]
    season = None if day or line["period"] == "all" else line["period"]
    game_date = date.fromisoformat(day) if day else None
    return Slot(line["provider"], line["endpoint"], line["entity"], game_date, season).folder

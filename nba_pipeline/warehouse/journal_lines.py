"""Lines of the landing's journal: their required fields, and facts that are read from a line without parsing it.

Opening and reading journals does not belong here.
"""

import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Literal

from nba_pipeline.instance.software import software
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse.payloads import Payload, Slot

Outcome = Literal["landed", "reused", "not_yet", "failed", "rejected"]

LINE_START, LINE_ENDINGS = '{"kind":"', ("}", "}\n")
REUSED, FAILURE = '"outcome":"reused"', re.compile('"outcome":"(?:failed|rejected)"')
REFUSED = re.compile(r'"provider":"(\w+)".*"outcome":"not_yet".*"statuses":\[[\d,]*403\]')

FETCHED_AT, AS_OF = '"fetched_at":"', '"as_of":"'
"""Field names as `Journal.write` writes them. Quotes inside a value are escaped, so these texts only match field names."""

EXCERPT_LENGTH = 40
_TEXT_OR_NULL = (str, type(None))

REQUIRED_FIELDS: Mapping[str, Mapping[str, type | tuple[type, ...]]] = {
    "run": {"run_id": str, "as_of": str, "job": str, "tags": dict, "assets": (list, type(None))},
    "request": {
        "run_id": str,
        "provider": str,
        "endpoint": str,
        "period": str,
        "entity": str,
        "outcome": str,
        "statuses": list,
        "fetched_at": str,
        "game_date": _TEXT_OR_NULL,
        "ref": _TEXT_OR_NULL,
        "problem": _TEXT_OR_NULL,
        "attempts": (int, type(None)),
    },
}
"""Kind of journal line -> the fields that its readers require, and their types."""


def header_line(run_id: str, as_of: datetime, job: str, assets: list[str] | None, tags: Mapping[str, str]) -> dict[str, Any]:
    """The first line of a run's journal. `software` has the versions of Python and of the packages that the run uses."""
    return {
        "kind": "run",
        "run_id": run_id,
        "as_of": as_of.isoformat(),
        "job": job,
        "assets": assets,
        "tags": dict(tags),
        "software": software(),
    }


def request_line(
    run_id: str, slot: Slot, outcome: Outcome, payload: Payload | None, fetched_at: datetime, fields: Mapping[str, Any]
) -> dict[str, Any]:
    """The line of a request. `fields` overrides the defaults, except with empty values."""
    statuses = list(fields.get("statuses", ()))
    line: dict[str, Any] = {
        "kind": "request",
        "run_id": run_id,
        "provider": slot.provider,
        "endpoint": slot.endpoint,
        "game_date": slot.game_date.isoformat() if slot.game_date else None,
        "period": slot.period,
        "entity": slot.entity,
        "url": "",
        "outcome": outcome,
        "ref": payload.ref if payload else None,
        "sha256": None,
        "status": None,
        "attempts": len(statuses),
        "statuses": statuses,
        "fetched_at": fetched_at.isoformat(),
        "bytes": None,
        "quota": None,
        "headers": {},
        "problem": None,
        "final_game_ids": [],
    }
    line |= {name: value for name, value in fields.items() if value and name != "statuses"}
    if payload and not line["sha256"]:
        with suppress(FileNotFoundError):
            line["sha256"] = payload.sha256
    return line


def breaker_refusals(lines: Iterable[str]) -> list[str]:
    """The instants of 403 responses, from the providers that returned enough of them to open their breaker."""
    refused = defaultdict[str, list[str]](list)
    for line in lines:
        if match := REFUSED.search(line):
            refused[match[1]].append(fetched_at_of(line))
    limits = SETTINGS.breakers.provider_refusals
    return [at for provider, instants in refused.items() if len(instants) >= limits.get(provider, math.inf) for at in instants]


def fetched_at_of(line: str) -> str:
    """The instant of a request line, without parsing it; "" for other lines."""
    return line.partition(FETCHED_AT)[2].partition('"')[0]


def looks_complete(line: str) -> bool:
    """Whether a line begins and ends like a journal line, without parsing it."""
    return line.startswith(LINE_START) and line.endswith(LINE_ENDINGS) and (FETCHED_AT in line or AS_OF in line)


def problem_of(line: str) -> str | None:
    """Why a journal line is unusable; None for a usable one."""
    try:
        document = json.loads(line)
    except ValueError as error:
        return f"the line {line[:EXCERPT_LENGTH]!r} is not JSON ({error})"
    return f"the line {line[:EXCERPT_LENGTH]!r} lacks {missing}" if (missing := missing_fields(document)) else None


def missing_fields(document: Any) -> str:
    """The required fields that a journal line lacks or that have another type, comma-separated; empty if none."""
    if not isinstance(document, dict) or document.get("kind") not in REQUIRED_FIELDS:
        return "its kind"
    types = REQUIRED_FIELDS[document["kind"]]
    invalid = [name for name, field_type in types.items() if not isinstance(document.get(name, False), field_type)]
    if not invalid:
        invalid = [name for name in ("as_of", "fetched_at") if name in types and not _is_instant(document[name])]
        invalid += ["statuses"] if not all(isinstance(status, int) for status in document.get("statuses", ())) else []
    return ", ".join(invalid)


def _is_instant(text: str) -> bool:
    try:
        return datetime.fromisoformat(text).tzinfo is not None
    except ValueError:
        return False

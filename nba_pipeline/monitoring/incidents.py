"""Incidents of requests by date, read from the landing's journals: what was retried or failed, when, and when it recovered."""

import re
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import Any

from nba_pipeline.instance.run_tags import PARTITION_TAGS
from nba_pipeline.league.calendar import EASTERN, parse_key
from nba_pipeline.providers.circuit_breakers import breakers_not_closed
from nba_pipeline.tables.wording import counted
from nba_pipeline.warehouse.landing import Landing

Line = Mapping[str, Any]

SLOT = ("provider", "endpoint", "game_date", "period", "entity")
"""Fields that identify what a request asks for."""
PROBLEMS = ("failed", "rejected")
UNAUTHORIZED = 401
"""Status of a refused key."""
OF_A_GAME = "boxscore"
"""The endpoint whose entity is a game."""
NOT_REQUESTED = " was not requested"
"""Suffix of the problem of a request that an open circuit breaker blocked."""
OF_A_REQUEST = re.compile(r".+: (?P<status>status \d+) after \d+ attempts?")
"""The problem of a request that the provider answered with an error each time."""
READ_BEFORE = timedelta(days=3)
"""How long before a date its first requests are sent: schedule and lines of the next days."""


@dataclass(frozen=True)
class Incident:
    """Requests of one endpoint with the same problem: the first and the last instant, and when all of them had recovered."""

    at: datetime
    text: str
    last_at: datetime
    recovered_at: datetime | None = None

    def message(self, day: date) -> str:
        """Returns the incident in one line. Instants are US Eastern, with a date if it is not that of the slate."""
        until = f" to {eastern_time(self.last_at, day)}" if self.last_at > self.at and self.recovered_at is None else ""
        recovered = f"; recovered at {eastern_time(self.recovered_at, day)}" if self.recovered_at else ""
        return f"{eastern_time(self.at, day)}{until} {self.text}{recovered}"


@dataclass(frozen=True)
class DateRequests:
    """The incidents of a date in order, and per game the first request for its box score without a usable answer.

    `failing` names the providers whose last request to an endpoint failed, `refused` those of them that refused the key.
    `unusable` names the providers with a last response that cannot be used.
    """

    incidents: list[Incident] = field(default_factory=list)
    first_causes: dict[str, str] = field(default_factory=dict)
    failing: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    unusable: tuple[str, ...] = ()


def read_requests(landing: Landing, dates: Sequence[date]) -> dict[date, DateRequests]:
    """Returns the requests of each date that had a problem. A request without a date belongs to all dates of its run."""
    lines: dict[date, list[Line]] = {day: [] for day in dates}
    for line, of_dates in request_lines(landing, min(dates) - READ_BEFORE):
        for day in of_dates:
            if day in lines:
                lines[day].append(line)
    return {
        day: DateRequests(_incidents(of_day), _first_causes(of_day, day), *failing_providers(of_day))
        for day, of_day in lines.items()
    }


def request_lines(landing: Landing, first: date) -> Iterator[tuple[Line, Sequence[date]]]:
    """Yields the requests of runs since a date, in order, each with its dates. Reads each journal once."""
    for journal_day in (day for at, day in landing.journal_days().items() if at >= first):
        spans: dict[str, list[date]] = {}
        for line in landing.journal_lines(journal_day):
            if line["kind"] == "run":
                keys = [parse_key(line["tags"][tag]) for tag in PARTITION_TAGS if tag in line["tags"]]
                count = (max(keys) - min(keys)).days + 1 if keys else 0
                spans[line["run_id"]] = [min(keys) + timedelta(days=n) for n in range(count)]
            elif line["outcome"] != "reused":
                yield line, [date.fromisoformat(line["game_date"])] if line["game_date"] else spans.get(line["run_id"], [])


def _incidents(lines: Sequence[Line]) -> list[Incident]:
    """Returns one incident per endpoint with retried requests, and one per problem of failed requests, in order."""
    rejected = {line["ref"] for line in lines if line["outcome"] == "rejected"} - {None}
    landed = {_slot(line): _at(line) for line in lines if line["outcome"] == "landed" and line["ref"] not in rejected}
    answered = [line for line in lines if line["outcome"] not in PROBLEMS]
    retried = sorted((line for line in answered if (line["attempts"] or 0) > 1), key=_endpoint)
    incidents = [_retried(list(group)) for _, group in groupby(retried, key=_endpoint)]
    problems: dict[str, list[Line]] = {}
    for line in lines:
        if line["outcome"] in PROBLEMS:
            problems.setdefault(f"{line['outcome']}: {_problem(line)}", []).append(line)
    for text, group in problems.items():
        recoveries = [landed.get(_slot(line)) for line in group]
        instants = sorted(map(_at, group))
        recovered = [at for at in recoveries if at is not None and at >= instants[-1]]
        times = f" (x {len(group)})" if len(group) > 1 else ""
        incidents.append(
            Incident(instants[0], text + times, instants[-1], max(recovered) if len(recovered) == len(group) else None)
        )
    return sorted(incidents, key=lambda incident: incident.at)


def failing_providers(lines: Sequence[Line]) -> tuple[tuple[str, ...], ...]:
    """Returns the failing providers, those that refused the key, and those with an unusable last response, see `DateRequests`."""
    ordered = sorted(lines, key=_at)
    failed = [line for line in {_endpoint(line): line for line in ordered}.values() if line["outcome"] == "failed"]
    refused = [line for line in failed if is_refused(line)]
    unusable = [line for line in {_slot(line): line for line in ordered}.values() if line["outcome"] == "rejected"]
    return tuple(tuple(sorted({line["provider"] for line in of_kind})) for of_kind in (failed, refused, unusable))


def paused_until(landing: Landing, providers: Collection[str]) -> datetime | None:
    """Returns until when the circuit breakers of providers refuse requests; None if none does."""
    breakers = breakers_not_closed(landing) if providers else []
    instants = [one.until for one in breakers if one.state == "open" and one.until and one.subject in providers]
    return max(instants, default=None)


def is_refused(line: Line) -> bool:
    """Whether the provider refused the key of a request."""
    return (line["statuses"] or [])[-1:] == [UNAUTHORIZED]


def _without_request(problem: str) -> str:
    """Returns a problem without the name of a blocked request, so that all requests an open breaker blocks share one incident."""
    return problem.rpartition("; ")[0] if problem.endswith(NOT_REQUESTED) else problem


def _problem(line: Line) -> str:
    """Returns the problem of a request. Requests of one endpoint with the same status share one incident, except box scores."""
    problem = _without_request(str(line["problem"]))
    status = OF_A_REQUEST.fullmatch(problem)
    if line["endpoint"] == OF_A_GAME or not status or not problem.startswith(f"{_endpoint(line)} {line['entity']}:"):
        return problem
    return f"{_endpoint(line)}: {status['status']}"


def _retried(lines: Sequence[Line]) -> Incident:
    """Returns the incident of requests that were answered after a retry."""
    statuses = Counter("no answer" if status == 0 else str(status) for line in lines for status in line["statuses"][:-1])
    counts = ", ".join(f"{status} x {number}" for status, number in sorted(statuses.items()))
    requests = counted(len(lines), "request was", "requests were")
    instants = sorted(map(_at, lines))
    text = f"{_endpoint(lines[0])}: {requests} retried ({counts})"
    return Incident(instants[0], text, instants[-1], instants[-1])


def _first_causes(lines: Sequence[Line], day: date) -> dict[str, str]:
    """Returns per game the first request for its box score without a usable answer, if no later request had one.

    The first provider usually answers that nothing is published yet, which is no failure. Its fallback then fails, and would
    look like the cause.
    """
    landed = {_slot(line) for line in lines if line["outcome"] == "landed"}
    causes: dict[str, str] = {}
    for line in sorted(lines, key=_at):
        if line["endpoint"] == OF_A_GAME and line["outcome"] != "landed" and _slot(line) not in landed:
            statuses = line["statuses"] or [line.get("status")]
            problem = line["problem"] or f"status {statuses[-1]}"
            names_endpoint = problem.startswith(_endpoint(line))
            cause = problem if names_endpoint else f"{_endpoint(line)}: {problem}"
            causes.setdefault(line["entity"], f"{cause} at {eastern_time(_at(line), day)}")
    return causes


def _slot(line: Line) -> tuple[Any, ...]:
    return tuple(line[name] for name in SLOT)


def _endpoint(line: Line) -> str:
    return f"{line['provider']} {line['endpoint']}"


def _at(line: Line) -> datetime:
    return datetime.fromisoformat(line["fetched_at"])


def eastern_time(instant: datetime, day: date) -> str:
    """Returns the US Eastern time of an instant, with its date if that is not the given date."""
    at = instant.astimezone(EASTERN)
    return f"{at:%H:%M}" if at.date() == day else f"{at:%Y-%m-%d %H:%M}"

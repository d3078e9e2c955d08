"""Circuit breakers: pause requests to a failing provider or entity. Their state is derived from the landing's journal alone.

    closed      requests are sent
    open        every request fails at once with the breaker's message, until an instant
    half_open   that instant has passed: a few concurrent trials are sent; an answer closes the breaker, a failure reopens it

Providers: a breaker opens after a number of consecutive requests that exhausted their attempts, or after a number of
consecutive 429 or 403 responses. 404, 401 and payloads that break the contract count as answers. A 403 means either that the
file is not published or that the host refuses the client, so the limit is set per provider. After the open period 403
responses are counted from zero, because a trial for an unpublished file proves nothing.

Entities: an entity is a slot of the landing. Its breaker opens after a number of consecutive failures or rejections. A
failure counts only if the endpoint returned a good response for another entity since the previous failure, or returns one
before the next. Otherwise an outage of the endpoint would open the breakers of the games requested during it. The breaker
closes when another endpoint of the provider lands a payload for the same entity.

Requests that were never sent have no statuses in the journal and do not count. If the journal cannot be read, every breaker
is open.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

import httpx

from nba_pipeline.errors import PipelineError
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse.landing import Landing, Outcome, Slot

State = Literal["closed", "open", "half_open"]

EVERYBODY = "every provider"
NO_ANSWER = 0  # the status of an attempt without a complete response


@dataclass(frozen=True)
class Breaker:
    """State of a breaker. `since` is the first of the consecutive failures, `until` the end of the open period."""

    subject: str
    state: State
    failures: int = 0
    since: datetime | None = None
    until: datetime | None = None
    problem: str = ""

    @property
    def message(self) -> str:
        """The message for refused requests: subject, since, until and the last problem."""
        if self.since is None or self.until is None:
            return f"{self.subject} is held back: {self.problem}"
        times = "1 failure" if self.failures == 1 else f"{self.failures} failures"
        return (
            f"{self.subject} is held back until {_shown(self.until)} after {times} in a row since {_shown(self.since)}, "
            f"the last: {self.problem}"
        )


class Entity(NamedTuple):
    """The subject of a slot's payloads: a slot without its extension."""

    provider: str
    endpoint: str
    period: str
    entity: str

    @property
    def name(self) -> str:
        """The name for messages. The date or season distinguishes entities of the same name."""
        return f"{self.provider} {self.endpoint} {self.entity} ({self.period})"

    @classmethod
    def of(cls, slot: Slot) -> "Entity":
        """The entity of a slot."""
        return cls(slot.provider, slot.endpoint, slot.period, slot.entity)

    def is_seen_elsewhere_in(self, other: "Entity") -> bool:
        """True if the other entity is the same one at a different endpoint of the provider."""
        return self.endpoint != other.endpoint and self._replace(endpoint=other.endpoint) == other


class ReceivedRequest(NamedTuple):
    """The outcome of a request. `statuses` has one number per attempt, 0 for an incomplete response."""

    entity: Entity
    outcome: Outcome
    statuses: Sequence[int]
    at: datetime
    problem: str = ""

    @classmethod
    def of(cls, line: Mapping[str, Any]) -> "Asked":
        """The request of a journal line."""
        entity = Entity(line["provider"], line["endpoint"], line["period"], line["entity"])
        at = datetime.fromisoformat(line["fetched_at"])
        return cls(entity, line["outcome"], line["statuses"], at, line["problem"] or "")

    @property
    def is_unanswered(self) -> bool:
        """True if the provider failed: all attempts are exhausted."""
        status = self.statuses[-1] if self.statuses else None
        return self.outcome == "failed" and status is not None and (
            status in (NO_ANSWER, httpx.codes.TOO_MANY_REQUESTS) or status >= httpx.codes.INTERNAL_SERVER_ERROR
        )  # fmt: skip

    @property
    def is_refused(self) -> bool:
        """True for a 403 of a provider whose 403 responses are counted: the file is not published, or the host refuses."""
        is_counted = self.entity.provider in SETTINGS.breakers.provider_refusals
        return is_counted and bool(self.statuses) and self.statuses[-1] == httpx.codes.FORBIDDEN

    @property
    def is_fault(self) -> bool:
        """True if the request counts as a failure of its entity. A payload may also be rejected when it is re-read later."""
        return self.outcome == "rejected" or (self.outcome == "failed" and bool(self.statuses))


@dataclass(frozen=True)
class _Row:
    """Consecutive failures. `until` is set once they reach the limit, and kept until an answer ends the sequence."""

    since: datetime
    last: datetime
    failures: int = 0
    too_many: int = 0
    refusals: int = 0
    until: datetime | None = None
    problem: str = ""

    def breaker(self, subject: str, now: datetime) -> Breaker:
        state: State = "closed" if self.until is None else "open" if now < self.until else "half_open"
        return Breaker(subject, state, self.failures, self.since, self.until, self.problem)


class History:
    """Consecutive failures of every provider and entity, up to the last added request."""

    def __init__(self, unreadable: str = ""):
        self.unreadable = unreadable
        self._providers: dict[str, _Row] = {}
        self._entities: dict[Entity, _Row] = {}
        self._good_answers: Counter[tuple[str, str]] = Counter()
        self._good_answers_at_fault: dict[Entity, int] = {}
        self._unproven: defaultdict[tuple[str, str], dict[Entity, ReceivedRequest]] = defaultdict(dict)

    @classmethod
    def of(cls, lines: Sequence[Mapping[str, Any]], now: datetime) -> "History":
        """Returns the history from the journal's request lines, in their order, at an instant.

        A fixed clock would never reach the end of the open period. If it has not advanced since the last failure, trials are
        permitted.
        """
        history = cls()
        for asked in _as_they_ended(lines):
            history.add(asked)
        history._providers = {provider: _released(row, now) for provider, row in history._providers.items()}
        history._entities = {entity: _released(row, now) for entity, row in history._entities.items()}
        return history

    def add(self, asked: ReceivedRequest) -> None:
        """Add the outcome of a request."""
        self._count_for_provider(asked)
        self._count_for_entities(asked)

    def of_provider(self, provider: str, now: datetime) -> Breaker:
        """The breaker of a provider."""
        if self.unreadable:
            return Breaker(provider, "open", problem=self.unreadable)
        row = self._providers.get(provider)
        return row.breaker(provider, now) if row else Breaker(provider, "closed")

    def of_entity(self, slot: Slot, now: datetime) -> Breaker:
        """The breaker of a slot's entity."""
        entity = Entity.of(slot)
        row = self._entities.get(entity)
        return row.breaker(entity.name, now) if row else Breaker(entity.name, "closed")

    def not_closed(self, now: datetime) -> list[Breaker]:
        """Returns the open and half-open breakers: providers first, then entities, each sorted by name."""
        if self.unreadable:
            return [Breaker(EVERYBODY, "open", problem=self.unreadable)]
        found = [row.breaker(provider, now) for provider, row in sorted(self._providers.items())]
        found += [row.breaker(entity.name, now) for entity, row in sorted(self._entities.items())]
        return [breaker for breaker in found if breaker.state != "closed"]

    def _count_for_provider(self, asked: ReceivedRequest) -> None:
        provider, numbers = asked.entity.provider, SETTINGS.breakers
        if not asked.statuses:
            return
        if not asked.is_unanswered and not asked.is_refused:
            self._providers.pop(provider, None)
            return
        row = self._providers.get(provider) or _Row(asked.at, asked.at)
        is_over = asked.is_refused and row.until is not None and row.until <= asked.at
        if is_over or (asked.is_unanswered and row.failures == row.refusals):  # a failure after 403s starts a new sequence
            row = _Row(asked.at, asked.at)
        too_many = row.too_many
        for status in asked.statuses:
            too_many = too_many + 1 if status == httpx.codes.TOO_MANY_REQUESTS else 0
        failures, refusals = row.failures + 1, row.refusals + asked.is_refused
        is_enough = row.until or (
            failures - refusals >= numbers.provider_failures or too_many >= numbers.provider_too_many
            or (asked.is_refused and refusals >= numbers.provider_refusals[provider])
        )  # fmt: skip
        until = asked.at + timedelta(seconds=numbers.provider_open_seconds) if is_enough else None
        self._providers[provider] = _Row(row.since, asked.at, failures, too_many, refusals, until, asked.problem)

    def _count_for_entities(self, asked: ReceivedRequest) -> None:
        entity = asked.entity
        endpoint = entity.provider, entity.endpoint
        if asked.is_fault:
            good, before = self._good_answers[endpoint], self._good_answers_at_fault.get(entity)
            self._good_answers_at_fault[entity] = good
            if before is not None and good > before:
                self._entities[entity] = self._one_more(entity, asked)
            else:
                self._unproven[endpoint][entity] = asked
        elif asked.statuses:
            self._entities.pop(entity, None)
            self._good_answers_at_fault.pop(entity, None)
            self._unproven[endpoint].pop(entity, None)
            if asked.outcome == "landed":
                self._good_answers[endpoint] += 1
                for other, fault in self._unproven.pop(endpoint, {}).items():
                    self._entities[other] = self._one_more(other, fault)
                self._heal(entity)

    def _one_more(self, entity: Entity, fault: ReceivedRequest) -> _Row:
        row = self._entities.get(entity) or _Row(fault.at, fault.at)
        failures = row.failures + 1
        is_enough = failures >= SETTINGS.breakers.entity_failures
        until = fault.at + timedelta(hours=SETTINGS.breakers.entity_open_hours) if is_enough else None
        return _Row(row.since, fault.at, failures, until=until, problem=fault.problem)

    def _heal(self, entity: Entity) -> None:
        for other, row in list(self._entities.items()):
            if row.until and entity.is_seen_elsewhere_in(other):
                del self._entities[other]


def breakers(lines: Sequence[Mapping[str, Any]], now: datetime) -> list[Breaker]:
    """Returns the breakers that are not closed at an instant, from a journal's request lines in their order."""
    return History.of(lines, now).not_closed(now)


def recent_history(landing: Landing) -> History:
    """Returns the current history from the recent journal. If it cannot be read, every breaker of the history is open."""
    try:
        lines = landing.recent_requests(timedelta(hours=SETTINGS.breakers.remembered_hours))
        return History.of(lines, landing.clock.now())
    except (PipelineError, OSError, ValueError, KeyError, TypeError) as error:  # the last three: malformed lines
        said = str(error) if isinstance(error, (PipelineError, OSError)) else f"{type(error).__name__}: {error}"
        return History(f"the landing's journal cannot be read, which counts as an open breaker ({said})")


def breakers_not_closed(landing: Landing) -> list[Breaker]:
    """Returns the breakers that are currently open or half-open."""
    return recent_history(landing).not_closed(landing.clock.now())


def _as_they_ended(lines: Sequence[Mapping[str, Any]]) -> list[ReceivedRequest]:
    """Returns one outcome per request. Skips reused payloads; a payload that a later line rejects counts as rejected."""
    ended, rejections = list[ReceivedRequest | None](), dict[str, int]()
    for line in reversed(lines):
        asked = ReceivedRequest.of(line)
        if asked.outcome == "rejected":
            rejections[line["ref"]] = len(ended)
        elif asked.outcome == "landed" and (place := rejections.pop(line["ref"], None)) is not None:
            rejection, ended[place] = ended[place], None
            asked = asked._replace(outcome="rejected", problem=rejection.problem if rejection else "")
        if asked.outcome != "reused":
            ended.append(asked)
    return [asked for asked in reversed(ended) if asked]


def _released(row: _Row, now: datetime) -> _Row:
    return replace(row, until=now) if row.until and row.last >= now else row


def _shown(at: datetime | None, zone: str = " UTC") -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}{zone}" if at else ""

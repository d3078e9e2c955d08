"""Circuit breakers: who is asked no more for a while. A breaker is what the landing's journal says; nothing else is kept.

    closed      asked as usual
    open        not asked until an instant: every request ends at once with the breaker's sentence
    half_open   that instant has come: a few trials at a time; an answer closes it, a failure opens it again

A provider opens after some requests in a row that used up their tries, or some answers 429 or 403 in a row. 404, 401 and
payloads that break the contract are answers. A 403 may say that nothing is published or that the host refuses to answer: a
setting per provider says how many are too many, and after the hold they are counted anew, since a trial that meets an absent
file proves nothing. An entity (a slot of the landing) opens after some failures or rejections in a row. One
counts only when its endpoint had a good answer for another entity between the one before it and the one after it, since what
the whole endpoint suffers is no entity's own: an outage must not hold the game back that happened to be asked for in it. It
heals when another endpoint of the provider lands news of the same entity.

A request that was never sent has no statuses in the journal, and counts nowhere. A journal that cannot be read counts as open.
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
NO_ANSWER = 0  # the status of a try without a complete answer


@dataclass(frozen=True)
class Breaker:
    """The breaker of a provider or of an entity. `since` is the first failure of the row, `until` the end of the hold."""

    subject: str
    state: State
    failures: int = 0
    since: datetime | None = None
    until: datetime | None = None
    problem: str = ""

    @property
    def sentence(self) -> str:
        """Why it is not asked: subject, since, until and the last problem."""
        if self.since is None or self.until is None:
            return f"{self.subject} is held back: {self.problem}"
        times = "1 failure" if self.failures == 1 else f"{self.failures} failures"
        return (
            f"{self.subject} is held back until {_shown(self.until)} after {times} in a row since {_shown(self.since)}, "
            f"the last: {self.problem}"
        )


class Entity(NamedTuple):
    """What a slot's payloads are about: a slot without its extension."""

    provider: str
    endpoint: str
    period: str
    entity: str

    @property
    def name(self) -> str:
        """For messages; a date or season tells entities of one name apart."""
        return f"{self.provider} {self.endpoint} {self.entity} ({self.period})"

    @classmethod
    def of(cls, slot: Slot) -> "Entity":
        """The entity of a slot."""
        return cls(slot.provider, slot.endpoint, slot.period, slot.entity)

    def is_seen_elsewhere_in(self, other: "Entity") -> bool:
        """Whether another endpoint of the provider tells of the same entity."""
        return self.endpoint != other.endpoint and self._replace(endpoint=other.endpoint) == other


class Asked(NamedTuple):
    """How one request ended. `statuses` has one number per try, 0 for a try without a complete answer."""

    entity: Entity
    outcome: Outcome
    statuses: Sequence[int]
    at: datetime
    problem: str = ""

    @classmethod
    def of(cls, line: Mapping[str, Any]) -> "Asked":
        """The request of a journal's line."""
        entity = Entity(line["provider"], line["endpoint"], line["period"], line["entity"])
        at = datetime.fromisoformat(line["fetched_at"])
        return cls(entity, line["outcome"], line["statuses"], at, line["problem"] or "")

    @property
    def is_unanswered(self) -> bool:
        """The provider's failure: the tries are used up."""
        status = self.statuses[-1] if self.statuses else None
        return self.outcome == "failed" and status is not None and (
            status in (NO_ANSWER, httpx.codes.TOO_MANY_REQUESTS) or status >= httpx.codes.INTERNAL_SERVER_ERROR
        )  # fmt: skip

    @property
    def is_refused(self) -> bool:
        """403 of a provider whose refusals are counted: absent, or asked too often."""
        is_counted = self.entity.provider in SETTINGS.breakers.provider_refusals
        return is_counted and bool(self.statuses) and self.statuses[-1] == httpx.codes.FORBIDDEN

    @property
    def is_fault(self) -> bool:
        """A failure, as far as its entity is concerned. A payload may also be rejected after it was read again."""
        return self.outcome == "rejected" or (self.outcome == "failed" and bool(self.statuses))


@dataclass(frozen=True)
class _Row:
    """Failures in a row. `until` is set once there are enough of them, and stays until the row ends."""

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
    """The rows of failures of every provider and entity, up to the last request that was added."""

    def __init__(self, unreadable: str = ""):
        self.unreadable = unreadable
        self._providers: dict[str, _Row] = {}
        self._entities: dict[Entity, _Row] = {}
        self._good_answers: Counter[tuple[str, str]] = Counter()
        self._good_answers_at_fault: dict[Entity, int] = {}
        self._unproven: defaultdict[tuple[str, str], dict[Entity, Asked]] = defaultdict(dict)

    @classmethod
    def of(cls, lines: Sequence[Mapping[str, Any]], now: datetime) -> "History":
        """What request lines of the journal, in their order, say at an instant.

        A clock that stands where it stood at the last failure never comes to the end of the hold: trials are let through.
        """
        history = cls()
        for asked in _as_they_ended(lines):
            history.add(asked)
        history._providers = {provider: _released(row, now) for provider, row in history._providers.items()}
        history._entities = {entity: _released(row, now) for entity, row in history._entities.items()}
        return history

    def add(self, asked: Asked) -> None:
        """Count one more request."""
        self._count_for_provider(asked)
        self._count_for_entities(asked)

    def of_provider(self, provider: str, now: datetime) -> Breaker:
        """The breaker of a provider."""
        if self.unreadable:
            return Breaker(provider, "open", problem=self.unreadable)
        row = self._providers.get(provider)
        return row.breaker(provider, now) if row else Breaker(provider, "closed")

    def of_entity(self, slot: Slot, now: datetime) -> Breaker:
        """The breaker of what a slot is about."""
        entity = Entity.of(slot)
        row = self._entities.get(entity)
        return row.breaker(entity.name, now) if row else Breaker(entity.name, "closed")

    def not_closed(self, now: datetime) -> list[Breaker]:
        """Every breaker that is open or half-open: providers, then entities, each by name."""
        if self.unreadable:
            return [Breaker(EVERYBODY, "open", problem=self.unreadable)]
        found = [row.breaker(provider, now) for provider, row in sorted(self._providers.items())]
        found += [row.breaker(entity.name, now) for entity, row in sorted(self._entities.items())]
        return [breaker for breaker in found if breaker.state != "closed"]

    def _count_for_provider(self, asked: Asked) -> None:
        provider, numbers = asked.entity.provider, SETTINGS.breakers
        if not asked.statuses:
            return
        if not asked.is_unanswered and not asked.is_refused:
            self._providers.pop(provider, None)
            return
        row = self._providers.get(provider) or _Row(asked.at, asked.at)
        is_over = asked.is_refused and row.until is not None and row.until <= asked.at
        if is_over or (asked.is_unanswered and row.failures == row.refusals):  # a failure after answers 403 begins a row
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

    def _count_for_entities(self, asked: Asked) -> None:
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

    def _one_more(self, entity: Entity, fault: Asked) -> _Row:
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
    """The breakers that are not closed at an instant, from the request lines of a journal in their order."""
    return History.of(lines, now).not_closed(now)


def recent_history(landing: Landing) -> History:
    """What the landing's journal of the last days says now; when it cannot be read, one that holds everything back."""
    try:
        lines = landing.recent_requests(timedelta(hours=SETTINGS.breakers.remembered_hours))
        return History.of(lines, landing.clock.now())
    except (PipelineError, OSError, ValueError, KeyError, TypeError) as error:  # the last three: lines of another form
        said = str(error) if isinstance(error, (PipelineError, OSError)) else f"{type(error).__name__}: {error}"
        return History(f"the landing's journal cannot be read, which counts as an open breaker ({said})")


def breakers_not_closed(landing: Landing) -> list[Breaker]:
    """The breakers that are open or half-open now, for people and machines."""
    return recent_history(landing).not_closed(landing.clock.now())


def _as_they_ended(lines: Sequence[Mapping[str, Any]]) -> list[Asked]:
    """One request each, without those answered from the landing: a payload that a later line rejects ended as rejected."""
    ended, rejections = list[Asked | None](), dict[str, int]()
    for line in reversed(lines):
        asked = Asked.of(line)
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

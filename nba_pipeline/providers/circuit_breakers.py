"""Circuit breakers: pause requests to a failing provider or entity. Their state is derived from the landing's journal alone.

    closed      requests are sent
    open        every request fails at once with the breaker's message, until an instant
    half_open   that instant has passed: a few concurrent trials are sent; a response closes the breaker, a failure reopens it

Providers: a breaker opens after several consecutive requests that exhausted their attempts, or after several consecutive 429
or 403 responses. Status 404, status 401 and payloads that break the contract count as responses. A 403 means either that the
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
from nba_pipeline.league.eastern_text import eastern_text
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.wording import counted
from nba_pipeline.warehouse.journal_lines import Outcome
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payloads import Slot

State = Literal["closed", "open", "half_open"]

ALL_PROVIDERS = "every provider"
INCOMPLETE = 0  # the status of an attempt without a complete response
SECONDS = "%Y-%m-%d %H:%M:%S"


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
            return f"{self.subject}: circuit breaker open: {self.problem}"
        times = counted(self.failures, "failure")
        return (
            f"{self.subject}: circuit breaker open until {eastern_text(self.until, SECONDS)} after {times} in a row since {eastern_text(self.since, SECONDS)}; "
            f"last error: {self.problem}"
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

    def is_same_entity_elsewhere(self, other: "Entity") -> bool:
        """True if the other entity is the same one at a different endpoint of the provider."""
        return self.endpoint != other.endpoint and self._replace(endpoint=other.endpoint) == other


class RequestResult(NamedTuple):
    """The outcome of a request. `statuses` has one number per attempt, 0 for an incomplete response."""

    entity: Entity
    outcome: Outcome
    statuses: Sequence[int]
    at: datetime
    problem: str = ""

    @classmethod
    def of(cls, line: Mapping[str, Any]) -> "RequestResult":
        """The request of a journal line."""
        entity = Entity(line["provider"], line["endpoint"], line["period"], line["entity"])
        at = datetime.fromisoformat(line["fetched_at"])
        return cls(entity, line["outcome"], line["statuses"], at, line["problem"] or "")

    @property
    def is_provider_failure(self) -> bool:
        """True if the provider failed: all attempts are exhausted."""
        status = self.statuses[-1] if self.statuses else None
        return (
            self.outcome == "failed"
            and status is not None
            and (status in (INCOMPLETE, httpx.codes.TOO_MANY_REQUESTS) or status >= httpx.codes.INTERNAL_SERVER_ERROR)
        )

    @property
    def is_refused(self) -> bool:
        """True for a 403 of a provider whose 403 responses are counted: the file is not published, or the host refuses."""
        is_counted = self.entity.provider in SETTINGS.breakers.provider_refusals
        return is_counted and bool(self.statuses) and self.statuses[-1] == httpx.codes.FORBIDDEN

    @property
    def is_entity_failure(self) -> bool:
        """True if the request counts as a failure of its entity. A payload may also be rejected when it is re-read later."""
        return self.outcome == "rejected" or (self.outcome == "failed" and bool(self.statuses))


@dataclass(frozen=True)
class _Streak:
    """Consecutive failures. `until` is set once they reach the limit, and stays until a response ends the streak."""

    since: datetime
    last: datetime
    failures: int = 0
    consecutive_429: int = 0
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
        self._providers: dict[str, _Streak] = {}
        self._entities: dict[Entity, _Streak] = {}
        self._good_responses: Counter[tuple[str, str]] = Counter()
        self._good_responses_at_failure: dict[Entity, int] = {}
        self._unconfirmed: defaultdict[tuple[str, str], dict[Entity, RequestResult]] = defaultdict(dict)

    @classmethod
    def of(cls, lines: Sequence[Mapping[str, Any]], now: datetime) -> "History":
        """Returns the history from the journal's request lines, in their order, at an instant.

        A fixed clock would never reach the end of the open period. If it has not advanced since the last failure, trials are
        permitted.
        """
        history = cls()
        for result in _results(lines):
            history.add(result)
        history._providers = {provider: _with_trials_permitted(streak, now) for provider, streak in history._providers.items()}
        history._entities = {entity: _with_trials_permitted(streak, now) for entity, streak in history._entities.items()}
        return history

    def add(self, result: RequestResult) -> None:
        """Adds the outcome of a request."""
        self._count_for_provider(result)
        self._count_for_entities(result)

    def of_provider(self, provider: str, now: datetime) -> Breaker:
        """The breaker of a provider."""
        if self.unreadable:
            return Breaker(provider, "open", problem=self.unreadable)
        streak = self._providers.get(provider)
        return streak.breaker(provider, now) if streak else Breaker(provider, "closed")

    def of_entity(self, slot: Slot, now: datetime) -> Breaker:
        """The breaker of a slot's entity."""
        entity = Entity.of(slot)
        streak = self._entities.get(entity)
        return streak.breaker(entity.name, now) if streak else Breaker(entity.name, "closed")

    def not_closed(self, now: datetime) -> list[Breaker]:
        """Returns the open and half-open breakers: providers first, then entities, each sorted by name."""
        if self.unreadable:
            return [Breaker(ALL_PROVIDERS, "open", problem=self.unreadable)]
        states = [streak.breaker(provider, now) for provider, streak in sorted(self._providers.items())]
        states += [streak.breaker(entity.name, now) for entity, streak in sorted(self._entities.items())]
        return [breaker for breaker in states if breaker.state != "closed"]

    def _count_for_provider(self, result: RequestResult) -> None:
        provider, limits = result.entity.provider, SETTINGS.breakers
        if not result.statuses:
            return
        if not result.is_provider_failure and not result.is_refused:
            self._providers.pop(provider, None)
            return
        streak = self._providers.get(provider) or _Streak(result.at, result.at)
        is_expired = result.is_refused and streak.until is not None and streak.until <= result.at
        is_first_failure = result.is_provider_failure and streak.failures == streak.refusals  # all before it are 403s
        if is_expired or is_first_failure:
            streak = _Streak(result.at, result.at)
        consecutive_429 = streak.consecutive_429
        for status in result.statuses:
            consecutive_429 = consecutive_429 + 1 if status == httpx.codes.TOO_MANY_REQUESTS else 0
        failures, refusals = streak.failures + 1, streak.refusals + result.is_refused
        is_open = streak.until or (
            failures - refusals >= limits.provider_failures
            or consecutive_429 >= limits.provider_too_many
            or (result.is_refused and refusals >= limits.provider_refusals[provider])
        )
        until = result.at + timedelta(seconds=limits.provider_open_seconds) if is_open else None
        self._providers[provider] = _Streak(streak.since, result.at, failures, consecutive_429, refusals, until, result.problem)

    def _count_for_entities(self, result: RequestResult) -> None:
        entity = result.entity
        endpoint = entity.provider, entity.endpoint
        if result.is_entity_failure:
            good_responses, previous_good_responses = self._good_responses[endpoint], self._good_responses_at_failure.get(entity)
            self._good_responses_at_failure[entity] = good_responses
            if previous_good_responses is not None and good_responses > previous_good_responses:
                self._entities[entity] = self._with_failure(entity, result)
            else:
                self._unconfirmed[endpoint][entity] = result
        elif result.statuses:
            self._entities.pop(entity, None)
            self._good_responses_at_failure.pop(entity, None)
            self._unconfirmed[endpoint].pop(entity, None)
            if result.outcome == "landed":
                self._good_responses[endpoint] += 1
                for other, failure in self._unconfirmed.pop(endpoint, {}).items():
                    self._entities[other] = self._with_failure(other, failure)
                self._close_recovered(entity)

    def _with_failure(self, entity: Entity, failure: RequestResult) -> _Streak:
        streak = self._entities.get(entity) or _Streak(failure.at, failure.at)
        failures = streak.failures + 1
        is_open = failures >= SETTINGS.breakers.entity_failures
        until = failure.at + timedelta(hours=SETTINGS.breakers.entity_open_hours) if is_open else None
        return _Streak(streak.since, failure.at, failures, until=until, problem=failure.problem)

    def _close_recovered(self, entity: Entity) -> None:
        for other, streak in list(self._entities.items()):
            if streak.until and entity.is_same_entity_elsewhere(other):
                del self._entities[other]


def recent_history(landing: Landing) -> History:
    """Returns the current history from the recent journal. If it cannot be read, every breaker of the history is open."""
    try:
        lines = landing.recent_requests(timedelta(hours=SETTINGS.breakers.remembered_hours))
        return History.of(lines, landing.clock.now())
    except (PipelineError, OSError, ValueError, KeyError, TypeError) as error:  # the last three: malformed lines
        reason = str(error) if isinstance(error, (PipelineError, OSError)) else f"{type(error).__name__}: {error}"
        return History(f"the landing's journal cannot be read ({reason})")


def breakers_not_closed(landing: Landing) -> list[Breaker]:
    """Returns the breakers that are currently open or half-open."""
    return recent_history(landing).not_closed(landing.clock.now())


def _results(lines: Sequence[Mapping[str, Any]]) -> list[RequestResult]:
    """Returns one outcome per request. Skips reused payloads; a payload that a later line rejects counts as rejected."""
    results, rejections = list[RequestResult | None](), dict[str, int]()
    for line in reversed(lines):
        result = RequestResult.of(line)
        if result.outcome == "rejected":
            rejections[line["ref"]] = len(results)
        elif result.outcome == "landed" and (index := rejections.pop(line["ref"], None)) is not None:
            rejection, results[index] = results[index], None
            result = result._replace(outcome="rejected", problem=rejection.problem if rejection else "")
        if result.outcome != "reused":
            results.append(result)
    return [result for result in reversed(results) if result]


def _with_trials_permitted(streak: _Streak, now: datetime) -> _Streak:
    return replace(streak, until=now) if streak.until and streak.last >= now else streak

"""Fault rules: which requests they match, when and how often they apply, and what they change.

    {"match": {"path": REGEX, "provider": NAME, "query": {NAME: REGEX} or REGEX, "game": ID or [IDS]},
     "times": 2, "after": 1, "from": TIME, "until": TIME, "id": NAME, "action": NAME, parameters of the action}

Only `action` is required. `game` may be given inside or next to `match`. Times refer to the server's clock;
a time without an offset is US Eastern. `after` is the number of matching requests to skip, `times` the number to change.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import count
from threading import Event
from typing import Any

from nba_pipeline.errors import BadInput
from nba_pipeline.league.calendar import EASTERN
from nba_pipeline.sandbox.injuries import STATUSES
from nba_pipeline.settings import Settings

PLAYERS = frozenset({"n", "ids", "team"})
QUOTES = frozenset({"player", "book"})
RESPONSE_ACTIONS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "status": (frozenset({"status"}), frozenset({"body", "headers"})),
    "delay": (frozenset(), frozenset({"seconds"})),
    "hang": (frozenset(), frozenset({"seconds"})),
    "reset": (frozenset(), frozenset()),
    "truncate": (frozenset(), frozenset({"fraction", "bytes"})),
    "html": (frozenset(), frozenset({"body", "status"})),
    "empty_json": (frozenset(), frozenset({"body"})),
}
"""Actions on the whole response. Action -> required and optional parameters."""
SHAPE_ACTIONS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "rename_field": (frozenset({"field", "to"}), frozenset()),
    "stringify_numbers": (frozenset(), frozenset({"fields"})),
    "null_field": (frozenset({"field"}), frozenset()),
}
"""Actions on any JSON document."""
CONTENT_ACTIONS: dict[str, tuple[frozenset[str], frozenset[str]]] = {
    "drop_players": (frozenset(), PLAYERS),
    "empty_players": (frozenset(), frozenset({"team"})),
    "duplicate_players": (frozenset(), PLAYERS),
    "rename_player": (frozenset({"player", "to"}), frozenset({"team", "book"})),
    "correct_stat": (frozenset({"player", "field", "delta"}), frozenset({"team"})),
    "wrong_total": (frozenset({"delta"}), frozenset({"team"})),
    "drop_game": (frozenset(), frozenset()),
    "stale_status": (frozenset(), frozenset({"status"})),
    "postpone": (frozenset(), frozenset()),
    "move_date": (frozenset(), frozenset({"to", "days"})),
    "placeholder_line": (frozenset(), QUOTES | {"value"}),
    "inplay_odds": (frozenset(), QUOTES | {"minutes"}),
    "drop_book": (frozenset({"book"}), frozenset()),
    "alt_lines": (frozenset(), QUOTES | {"offsets"}),
    "late_news": (frozenset({"player", "injury_status", "at"}), frozenset({"team", "reason"})),
}
"""Actions on games, box scores, lines or injury reports before serialization. `late_news` does not change the game: a player
reported as out may still play.
"""
INTEGERS = frozenset({"status", "bytes", "n", "delta", "days"})
NUMBERS = frozenset({"seconds", "fraction", "value", "minutes"})
ACTIONS = RESPONSE_ACTIONS | SHAPE_ACTIONS | CONTENT_ACTIONS
CORRECTABLE = frozenset({
    "points", "rebounds", "assists", "steals", "blocks", "turnovers", "fouls", "plus_minus", "minutes", "seconds",
    "fgm", "fga", "fg3m", "fg3a", "ftm", "fta", "oreb", "dreb", "pts", "reb", "ast",
})  # fmt: skip
"""Fields accepted by correct_stat, with short forms."""
ANY_RULE = frozenset({"match", "game", "times", "after", "from", "until", "id", "action"})
ANY_MATCH = frozenset({"path", "provider", "query", "game"})
PROVIDERS = frozenset({*Settings().http.requests_per_second, "unknown"})
"""The providers with a request rate, and `unknown` for requests with an unknown path."""

_numbers = count(1)


@dataclass(frozen=True)
class Request:
    """A request as matched by rules. `games` are the NBA ids of the games named in the request of any provider."""

    provider: str
    path: str
    query_text: str
    query: tuple[tuple[str, str], ...]
    games: frozenset[str]
    now: datetime


@dataclass(eq=False)
class Rule:
    """A fault rule with counters: `seen` counts matched requests, `hits` counts changed ones."""

    spec: dict[str, Any]
    id: str
    action: str
    path: re.Pattern[str]
    provider: str | None
    query: dict[str, re.Pattern[str]]
    games: frozenset[str] | None
    times: int | None
    after: int
    starts_at: datetime | None
    ends_at: datetime | None
    hits: int = 0
    seen: int = 0
    removed: Event = field(default_factory=Event)

    def parameter(self, name: str, default: Any = None) -> Any:
        """Returns a parameter of the action."""
        return self.spec.get(name, default)

    @property
    def is_used_up(self) -> bool:
        """Whether the rule has been applied `times` times."""
        return self.times is not None and self.hits >= self.times

    def is_due(self, request: Request) -> bool:
        """Whether the rule matches a request. Ignores `after`."""
        if self.is_used_up:
            return False
        if (self.starts_at and request.now < self.starts_at) or (self.ends_at and request.now >= self.ends_at):
            return False
        if self.provider not in (None, request.provider) or not self.path.search(request.path):
            return False
        if self.action in RESPONSE_ACTIONS and self.games is not None and not self.games & request.games:
            return False
        return all(self._matches_query(name, pattern, request) for name, pattern in self.query.items())

    @staticmethod
    def _matches_query(name: str, pattern: re.Pattern[str], request: Request) -> bool:
        """Whether a parameter of the query matches a pattern. An empty name stands for the whole query."""
        if not name:
            return bool(pattern.search(request.query_text))
        return any(name == given and pattern.search(value) for given, value in request.query)

    def concerns(self, game_id: str) -> bool:
        """Whether a content rule applies to a game."""
        return self.games is None or game_id in self.games


def parse_rule(spec: Any) -> Rule:
    """Returns the rule parsed from JSON. Raises BadInput with a message that names the problem."""
    if not isinstance(spec, dict):
        raise BadInput(f"a fault rule must be an object, not {spec!r}")
    action = spec.get("action")
    if action not in ACTIONS:
        raise BadInput(f"unknown fault action {action!r}; expected one of {', '.join(sorted(ACTIONS))}")
    required, optional = ACTIONS[action]
    missing = sorted(required - spec.keys())
    if action == "move_date" and not {"to", "days"} & spec.keys():
        missing = ["to or days"]
    if missing:
        raise BadInput(f"the fault action {action} requires the parameter {', '.join(missing)}")
    unknown = sorted(spec.keys() - required - optional - ANY_RULE)
    if unknown:
        raise BadInput(f"the fault action {action} has no parameter {', '.join(unknown)}")
    for name in (INTEGERS | NUMBERS) & (required | optional) & spec.keys():
        if isinstance(spec[name], bool) or not isinstance(spec[name], int if name in INTEGERS else int | float):
            raise BadInput(f"{name} of the fault action {action} must be a number, not {spec[name]!r}")
    _check_values(action, spec)
    match = spec.get("match") or {}
    if not isinstance(match, dict) or match.keys() - ANY_MATCH:
        raise BadInput(f"match of a fault rule must be an object of {', '.join(sorted(ANY_MATCH))}, not {match!r}")
    if match.get("provider") is not None and match["provider"] not in PROVIDERS:
        raise BadInput(f"unknown provider {match['provider']!r} in a fault rule; expected one of {', '.join(sorted(PROVIDERS))}")
    query = match.get("query") or {}
    games = match.get("game", spec.get("game"))
    return Rule(
        spec=spec,
        id=str(spec.get("id") or f"rule_{next(_numbers)}"),
        action=action,
        path=_pattern(match.get("path") or "", "path"),
        provider=match.get("provider"),
        query={name: _pattern(value, "query") for name, value in ({"": query} if isinstance(query, str) else query).items()},
        games=None if games is None else frozenset(map(str, games if isinstance(games, list) else [games])),
        times=None if spec.get("times") is None else _count(spec["times"], "times"),
        after=_count(spec.get("after") or 0, "after"),
        starts_at=parse_time(spec["from"], "from") if spec.get("from") else None,
        ends_at=parse_time(spec["until"], "until") if spec.get("until") else None,
    )


def _check_values(action: str, spec: dict[str, Any]) -> None:
    """Raises BadInput for an invalid parameter value of the action."""
    if action == "move_date" and "to" in spec:
        parse_time(spec["to"], "to")
    if action == "correct_stat" and spec["field"] not in CORRECTABLE:
        raise BadInput(f"correct_stat has no field {spec['field']!r}; expected one of {', '.join(sorted(CORRECTABLE))}")
    if action == "late_news":
        parse_time(spec["at"], "at")
        if spec["injury_status"] not in STATUSES:
            raise BadInput(f"late_news has no injury_status {spec['injury_status']!r}; expected one of {', '.join(STATUSES)}")


def parse_time(text: Any, name: str) -> datetime:
    """Parses an ISO instant, which is US Eastern if it has no offset. Raises BadInput if it is invalid."""
    try:
        instant = datetime.fromisoformat(str(text).strip())
    except ValueError:
        raise BadInput(f"{name} must be a time like 2024-03-15T12:00:00-04:00, not {text!r}") from None
    return instant if instant.tzinfo else instant.replace(tzinfo=EASTERN)


def _pattern(text: Any, name: str) -> re.Pattern[str]:
    try:
        return re.compile(str(text))
    except re.error as error:
        raise BadInput(f"{name} of a fault rule is not a regular expression: {text!r} ({error})") from None


def _count(value: Any, name: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise BadInput(f"{name} of a fault rule must be an integer of at least 0, not {value!r}")
    return value


def parse_rules(document: Any) -> list[Rule]:
    """Returns the rules of a document: one rule, a list of rules, or {"rules": [...]}."""
    if isinstance(document, dict) and "rules" in document:
        document = document["rules"]
    return [parse_rule(spec) for spec in (document if isinstance(document, list) else [document])]


def due_rules(rules: Sequence[Rule], request: Request) -> list[Rule]:
    """Returns the rules that apply to a request after skipping `after` requests. Increments `seen`."""
    due = [rule for rule in rules if rule.is_due(request)]
    for rule in due:
        rule.seen += 1
    return [rule for rule in due if rule.seen > rule.after]

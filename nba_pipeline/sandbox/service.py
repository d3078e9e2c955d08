"""The sandbox without sockets: clock, rules, request log and routes to the wire formats."""

import itertools
import json
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from nba_pipeline.sandbox.faults import (
    CONTENT_ACTIONS,
    RESPONSE_ACTIONS,
    SHAPE_ACTIONS,
    Request,
    Rule,
    due_rules,
)
from nba_pipeline.sandbox.league import League
from nba_pipeline.sandbox.shapes import reshape
from nba_pipeline.sandbox.view import View
from nba_pipeline.sandbox.wire import balldontlie, espn, injury_report, nba_cdn, nba_stats, odds_api
from nba_pipeline.sandbox.wire.refusal import Json, Refusal, utc_text

PREFIXES = {
    "/static/json/": "nba_cdn",
    "/v1/": "balldontlie",
    "/nba/v1/": "balldontlie",
    "/v4/": "odds_api",
    "/referee/": "injury_report",
    "/apis/": "espn",
    "/stats/": "nba_stats",
}
LOG_LENGTH = 100_000
QUOTA_CREDITS = 5_000_000

SCOREBOARD = re.compile(r"/static/json/liveData/scoreboard/todaysScoreboard_00\.json")
SCHEDULE = re.compile(r"/static/json/staticData/scheduleLeagueV2(?:_1)?\.json")
BOXSCORE = re.compile(r"/static/json/liveData/boxscore/boxscore_(\w+)\.json")
PLAY_BY_PLAY = re.compile(r"/static/json/liveData/playbyplay/playbyplay_(\w+)\.json")
GAME_LOG = re.compile(r"/stats/leaguegamelog")
BOX_SCORES = re.compile(r"(?:/nba)?/v1/box_scores")
EVENTS = re.compile(r"/v4(/historical)?/sports/basketball_nba/events")
EVENT_ODDS = re.compile(r"/v4(/historical)?/sports/basketball_nba/events/(\w+)/odds")
INJURIES = re.compile(r"/apis/site/v2/sports/basketball/nba/injuries")
TEAM = re.compile(r"/apis/site/v2/sports/basketball/nba/teams/(\w+)")
REPLACING_ACTIONS = frozenset(RESPONSE_ACTIONS) - {"delay", "truncate"}
GAME_ID = re.compile(r"002\d{7}")


@dataclass
class Response:
    """An HTTP response."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Admission:
    """An accepted request with its log entry, its content rules and its response rules."""

    request: Request
    entry: dict[str, Any]
    contents: list[Rule]
    delays: list[Rule]
    replacement: Rule | None
    truncation: Rule | None


class SandboxClock:
    """The pipeline's clock, with an offset or a fixed speed once it has been set."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._source = now
        self._offset = timedelta(0)
        self._speed: float | None = None
        self._set_at, self._base = 0.0, datetime.now(UTC)

    @property
    def speed(self) -> float:
        """Seconds per real second; 1.0 while it follows the pipeline's clock."""
        return 1.0 if self._speed is None else self._speed

    def now(self) -> datetime:
        """Returns the current instant, UTC."""
        if self._speed is None:
            return (self._source() + self._offset).astimezone(UTC)
        return self._base + timedelta(seconds=(time.monotonic() - self._set_at) * self._speed)

    def set(self, now: datetime, speed: float | None) -> None:
        """Sets the clock to an instant. The speed is in seconds per real second; 0 stops the clock."""
        self._speed = self._speed if speed is None else speed
        self._offset = now - self._source()
        self._set_at, self._base = time.monotonic(), now.astimezone(UTC)


class Service:
    """The state of the server. One lock makes a response and the update of its rule counts atomic."""

    def __init__(
        self, league: League, now: Callable[[], datetime], rules: Iterable[Rule] = (), quota: int = QUOTA_CREDITS
    ) -> None:
        self.league = league
        self.clock = SandboxClock(now)
        self.rules = list(rules)
        self.quota = quota
        self.credits_used = 0
        self.log: deque[dict[str, Any]] = deque(maxlen=LOG_LENGTH)
        self._numbers = itertools.count(1)
        self.lock = threading.RLock()

    def admit(self, method: str, path: str, query_text: str, client_fields: dict[str, Any]) -> Admission:
        """Logs a request and selects its rules. Counts response rules as used."""
        provider = next((name for prefix, name in PREFIXES.items() if path.startswith(prefix)), "unknown")
        query = tuple(parse_qsl(query_text, keep_blank_values=True))
        with self.lock:
            now = self.clock.now()
            request = Request(provider, path, query_text, query, self._named_games(path, query_text, now), now)
            due = due_rules(self.rules, request)
            delays = [rule for rule in due if rule.action == "delay"]
            replacement = next((rule for rule in due if rule.action in REPLACING_ACTIONS), None)
            truncation = next((rule for rule in due if rule.action == "truncate"), None)
            applied = [rule for rule in (*delays, replacement, truncation) if rule]
            for rule in applied:
                rule.hits += 1
            entry = {
                "seq": next(self._numbers),
                "time": time.time(),
                "virtual": utc_text(now),
                "provider": provider,
                "method": method,
                "path": path,
                "query": query_text,
                "status": None,
                "ms": None,
                "bytes": 0,
                "faults": [rule.id for rule in applied],
            } | client_fields
            self.log.append(entry)
        contents = [rule for rule in due if rule.action not in RESPONSE_ACTIONS]
        return Admission(request, entry, contents, delays, replacement, truncation)

    def respond(self, admission: Admission, headers: Mapping[str, str]) -> Response:
        """Returns the provider's response, or the response of a rule. Header names are in lower case."""
        credits, replacement = 0, admission.replacement
        if replacement is not None:
            response = _fault_response(replacement)
        else:
            with self.lock:
                response, credits, fired = self._provider_response(admission, headers)
                for rule in fired:
                    rule.hits += 1
                    admission.entry["faults"].append(rule.id)
        if admission.request.provider == "odds_api":
            response.headers = {
                "x-requests-remaining": str(max(self.quota - self.credits_used, 0)),
                "x-requests-used": str(self.credits_used),
                "x-requests-last": str(credits),
            } | response.headers
        return response

    def _provider_response(self, admission: Admission, headers: Mapping[str, str]) -> tuple[Response, int, list[Rule]]:
        request, credits = admission.request, 0
        # checked again, because another request may have used up a rule since admission
        rules = [rule for rule in admission.contents if not rule.is_used_up]
        view = View(self.league, request.now, [rule for rule in rules if rule.action in CONTENT_ACTIONS])
        try:
            document, credits = self._document(view, request, headers)
        except Refusal as refusal:
            if not isinstance(refusal.body, str):
                return Response(refusal.status, json_bytes(refusal.body)), 0, list(view.fired)
            return Response(refusal.status, refusal.body.encode(), refusal.content_type), 0, list(view.fired)
        fired = sorted(view.fired, key=lambda rule: rule.id)
        for rule in rules:
            if rule.action in SHAPE_ACTIONS:
                document, has_changed = reshape(document, rule)
                fired += [rule] if has_changed else []
        self.credits_used += credits
        if request.provider == "injury_report":
            return Response(200, injury_report.pdf(document), "application/pdf"), credits, fired
        return Response(200, json_bytes(document)), credits, fired

    def _document(self, view: View, request: Request, headers: Mapping[str, str]) -> tuple[Any, int]:
        """Returns the JSON document of a path and its cost in credits."""
        path, query = request.path, dict(request.query)
        if document := _league_document(view, path, query, headers):
            return document, 0
        if BOX_SCORES.fullmatch(path):
            return balldontlie.box_scores(view, query, bool(headers.get("authorization", "").strip())), 0
        if matched := injury_report.PATH.fullmatch(path):
            return injury_report.report(view, *matched.groups()), 0
        if INJURIES.fullmatch(path):
            return espn.injuries(view), 0
        if matched := TEAM.fullmatch(path):
            return espn.team(view, matched[1], query), 0
        if matched := EVENTS.fullmatch(path):
            priced = odds_api.events(view, query, bool(matched[1]))
        elif matched := EVENT_ODDS.fullmatch(path):
            priced = odds_api.event_odds(view, query, matched[2], bool(matched[1]))
        elif request.provider in ("nba_cdn", "injury_report"):
            raise Refusal(403, nba_cdn.ACCESS_DENIED, "application/xml")
        else:
            raise Refusal(404, {"message": f"Not found: {path}"})
        if priced.credits and self.credits_used + priced.credits > self.quota:
            raise odds_api.out_of_credits()
        return priced.document, priced.credits

    def _named_games(self, path: str, query_text: str, now: datetime) -> frozenset[str]:
        games = set(GAME_ID.findall(f"{path}?{query_text}"))
        if matched := EVENT_ODDS.fullmatch(path):
            snapshot = View(self.league, now).event(matched[2], _historical_moment(query_text) or now)
            games |= {snapshot.game.game_id} if snapshot else set()
        return frozenset(games)

    def remove_rules(self, rule_id: str | None) -> int:
        """Removes one rule or all rules, and ends their running delays and hangs."""
        removed = [rule for rule in self.rules if rule_id in (None, rule.id)]
        self.rules = [rule for rule in self.rules if rule not in removed]
        for rule in removed:
            rule.removed.set()
        return len(removed)


def _league_document(view: View, path: str, query: Mapping[str, str], headers: Mapping[str, str]) -> Json | None:
    """Returns the league's document for a path, None for paths of other providers."""
    if SCHEDULE.fullmatch(path):
        return nba_cdn.schedule(view)
    if SCOREBOARD.fullmatch(path):
        return nba_cdn.scoreboard(view)
    if matched := BOXSCORE.fullmatch(path):
        return nba_cdn.boxscore(view, matched[1])
    if matched := PLAY_BY_PLAY.fullmatch(path):
        return nba_cdn.play_by_play(view, matched[1])
    if GAME_LOG.fullmatch(path):
        return nba_stats.league_game_log(view, query, headers)
    return None


def _historical_moment(query_text: str) -> datetime | None:
    """Returns the `date` of a historical request, None if missing or invalid."""
    text = dict(parse_qsl(query_text)).get("date")
    try:
        instant = datetime.fromisoformat(text.replace(" ", "+")) if text else None
    except ValueError:
        return None
    return instant if instant is None or instant.tzinfo else instant.replace(tzinfo=UTC)


def json_bytes(document: Any) -> bytes:
    """Returns a document as compact JSON, with accents unescaped and dates in ISO format."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"), default=str).encode()


def _fault_response(rule: Rule) -> Response:
    """Returns the response that a rule substitutes for the provider's."""
    if rule.action == "status":
        headers = {str(name): str(value) for name, value in (rule.parameter("headers") or {}).items()}
        body = rule.parameter("body", "")
        text = body if isinstance(body, str) else json.dumps(body)
        kind = headers.pop("Content-Type", "application/json" if text[:1] in ("{", "[") else "text/plain")
        return Response(rule.parameter("status"), text.encode(), kind, headers)
    if rule.action == "html":
        page = rule.parameter("body", "<!DOCTYPE html><html><head><title>Service</title></head><body>Please wait.</body></html>")
        return Response(rule.parameter("status", 200), page.encode(), "text/html; charset=utf-8")
    body = rule.parameter("body", "{}")
    return Response(200, (body if isinstance(body, str) else json.dumps(body)).encode())

"""The control plane for tests and demonstrations: clock, faults, request log and true results. Real providers lack it."""

import json
import re
from collections import Counter
from dataclasses import asdict
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qsl

from nba_pipeline.errors import BadInput
from nba_pipeline.league.calendar import EASTERN, eastern_date, season_of
from nba_pipeline.sandbox.faults import parse_rules, parse_time
from nba_pipeline.sandbox.league import Game, League
from nba_pipeline.sandbox.service import Response, Service, json_bytes
from nba_pipeline.sandbox.wire.refusal import Refusal, utc_text

CONTROL_PREFIX = "/__control"


def control(service: Service, method: str, path: str, query_text: str, payload: bytes) -> Response:
    """Returns the response to a control call. An invalid call returns 400 with a message and changes nothing."""
    query = dict(parse_qsl(query_text))
    try:
        body = json.loads(payload) if payload else {}
        with service.lock:
            resource = path.removeprefix(CONTROL_PREFIX).rstrip("/")
            return Response(200, json_bytes(_handle(service, method, resource, query, body)))
    except Refusal as refusal:
        return Response(refusal.status, json_bytes(refusal.body))
    except BadInput as error:
        return Response(400, json_bytes({"error": str(error)}))
    except (ValueError, TypeError, AttributeError) as error:
        return Response(400, json_bytes({"error": f"invalid control request: {error}"}))


def _handle(service: Service, method: str, resource: str, query: dict[str, str], body: Any) -> Any:
    match method, resource:
        case "GET", "/health":
            league = service.league
            return {
                "ok": True,
                "seed": league.seed,
                "season": _season(service),
                "no_game_dates": sorted(league.no_game_dates),
                "clubs": len(league.teams),
                "game_minutes": league.game_length.total_seconds() / 60,
            }
        case "GET", "/clock":
            return _clock_state(service)
        case "POST", "/clock":
            now = parse_time(body["now"], "now") if body.get("now") else service.clock.now()
            speed = None if body.get("speed") is None else float(body["speed"])
            service.clock.set(now + timedelta(seconds=float(body.get("advance", 0))), speed)
            return _clock_state(service)
        case "GET", "/faults":
            return {"rules": [r.spec | {"id": r.id, "hits": r.hits, "seen": r.seen} for r in service.rules]}
        case "POST", "/faults":
            added = parse_rules(body)
            if query.get("replace"):
                service.remove_rules(None)
            service.rules += added
            return {"added": [rule.id for rule in added], "active": len(service.rules)}
        case "DELETE", "/faults":
            return {"removed": service.remove_rules(query.get("id"))}
        case "GET", "/requests":
            return _requests(service, query)
        case "DELETE", "/requests":
            service.log.clear()
            return {"cleared": True}
        case "GET", "/truth":
            return _truth(service, date.fromisoformat(query.get("date", "")), query.get("include", ""))
    raise Refusal(404, {"error": f"unknown control request: {method} {resource}"})


def _season(service: Service) -> str:
    return season_of(eastern_date(service.clock.now()))


def _clock_state(service: Service) -> dict[str, Any]:
    now = service.clock.now()
    return {
        "now": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "now_et": now.astimezone(EASTERN).isoformat(),
        "speed": service.clock.speed,
        "season": _season(service),
    }


def _requests(service: Service, query: dict[str, str]) -> dict[str, Any]:
    """Returns the request log with counts. Tests use it to check rate limits and connection reuse."""
    since, limit = int(query.get("since", 0)), int(query.get("limit", 10_000))
    provider, path = query.get("provider"), re.compile(query.get("path", ""))
    rows = [
        entry
        for entry in service.log
        if entry["seq"] > since and provider in (None, entry["provider"]) and path.search(entry["path"])
    ]
    providers = sorted({entry["provider"] for entry in rows})
    per_second = {name: Counter(str(int(e["time"])) for e in rows if e["provider"] == name) for name in providers}
    return {
        "count": len(rows),
        "requests": rows[-limit:] if limit else [],
        "by_provider": dict(Counter(entry["provider"] for entry in rows)),
        "connections": {name: len({e["connection"] for e in rows if e["provider"] == name}) for name in providers},
        "per_second": per_second,
        "max_per_second": {name: max(counts.values()) for name, counts in per_second.items()},
    }


def _truth(service: Service, day: date, include: str) -> dict[str, Any]:
    """Returns the true results of an Eastern date, independent of clock and rules."""
    games = service.league.games(day)
    truth: dict[str, Any] = {
        "date": day,
        "season": season_of(day),
        "games": [_true_game(game) for game in games],
        "players": [row for game in games for row in _true_players(service.league, game)],
    }
    if "lines" in include or "props" in include:
        truth["lines"] = [
            {"game_id": game.game_id, "player_id": quote.player.person_id, "player_name": quote.player.name}
            | {name: value for name, value in asdict(quote).items() if name != "player"}
            for game in games
            for quote in service.league.lines(game, game.tipoff_at)
        ]
    return truth


def _true_players(league: League, game: Game) -> list[dict[str, Any]]:
    """Returns one row per player of both clubs, with the column names of the box score table."""
    return [
        {
            "game_id": game.game_id,
            "player_id": row.player.person_id,
            "player_name": row.name,
            "team": row.player.team,
            "home_away": "HA"[side],
            "starter": row.is_starter,
            "minutes": row.seconds / 60,
        }
        | {name: value for name, value in asdict(row).items() if name not in ("player", "name", "is_starter")}
        for side, rows in enumerate(league.boxscore(game))
        for row in rows
    ]


def _true_game(game: Game) -> dict[str, Any]:
    return {
        "game_id": game.game_id,
        "odds_event_id": game.fixture.event_id,
        "game_date": game.game_date,
        "home_team": game.teams[0],
        "away_team": game.teams[1],
        "tipoff_at": utc_text(game.tipoff_at),
        "ends_at": utc_text(game.ends_at),
        "home_points": game.score[0],
        "away_points": game.score[1],
        "overtimes": game.overtimes,
    }

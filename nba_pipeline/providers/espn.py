"""ESPN: current injuries and the thirty rosters. Needs no key.

Six team codes differ from the league's, and names lack suffixes and accents. Injuries have no game: they apply to the
player's next game.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import dagster as dg
import polars as pl

from nba_pipeline.errors import Permanent, PipelineError
from nba_pipeline.league.teams import TEAM_OF_NAME, TEAMS
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.providers.parsing import frame_of, parser
from nba_pipeline.providers.request import Request
from nba_pipeline.providers.wire import day_or_none, instant, number_or_none, quoted, text_or_none
from nba_pipeline.warehouse.payloads import Payload

PROVIDER = "espn"
BASE = "/apis/site/v2/sports/basketball/nba"
TEAM_IDS = tuple(str(number) for number in range(1, 31))

TEAM_OF_CODE = {team: team for team in TEAMS} | {
    "GS": "GSW",
    "NO": "NOP",
    "NY": "NYK",
    "SA": "SAS",
    "UTAH": "UTA",
    "WSH": "WAS",
}
"""ESPN's code -> tricode."""

STATUSES = {
    "Out": "out",
    "Doubtful": "doubtful",
    "Questionable": "questionable",
    "Probable": "probable",
    "Available": "available",
    "Active": "available",
    "Day-To-Day": "questionable",
}
"""ESPN's status -> value of `status`."""

INJURY_COLUMNS = {
    "snapshot_at": pl.Datetime("us", "UTC"),
    "seen_at": pl.Datetime("us", "UTC"),
    "team": pl.String(),
    "spelling": pl.String(),
    "status": pl.String(),
    "reason": pl.String(),
    "source": pl.String(),
    "problem": pl.String(),
}

ROSTER_COLUMNS = {
    "team": pl.String(),
    "spelling": pl.String(),
    "birth_date": pl.Date(),
    "position": pl.String(),
    "height_inches": pl.Float64(),
    "weight_pounds": pl.Float64(),
    "seen_at": pl.Datetime("us", "UTC"),
    "source": pl.String(),
    "problem": pl.String(),
}


class Espn(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Client for site.api.espn.com. Returns the current state only, no past dates."""

    http: dg.ResourceDependency[HttpClient]

    def injuries(self, day: date) -> Payload:
        """Returns the league's current injuries, landed under a slate. Raises like HttpClient.get."""
        return self.http.get(injuries_request(day))

    def landed_injuries(self, day: date) -> list[Payload]:
        """Returns all landed injury responses of a slate, oldest first."""
        return self.http.landing.payloads(PROVIDER, "injuries", day)

    def rosters(self, team_ids: Sequence[str], day: date) -> list[Payload | PipelineError]:
        """Fetches rosters by ESPN team id. Returns a payload or an error per team, in the given order."""
        requests = [
            Request(
                provider=PROVIDER,
                endpoint="roster",
                entity=team_id,
                game_date=day,
                path=f"{BASE}/teams/{team_id}",
                params={"enable": "roster"},
                required_keys=("team",),
                parser=parse_roster,
            )
            for team_id in team_ids
        ]
        return self.http.get_many(requests)

    def landed_rosters(self, day: date) -> dict[str, Payload]:
        """Returns the newest landed roster of each team of a date, by ESPN team id."""
        return {payload.slot.entity: payload for payload in self.http.landing.payloads(PROVIDER, "roster", day)}


def injuries_request(day: date) -> Request:
    """Returns the request for the league's current injuries, landed under a slate."""
    return Request(
        provider=PROVIDER,
        endpoint="injuries",
        entity="league",
        game_date=day,
        path=f"{BASE}/injuries",
        required_keys=("injuries",),
        parser=parse_injuries,
    )


@parser
def parse_injuries(payload: Payload) -> pl.DataFrame:
    """Returns one row per player. `snapshot_at` and `seen_at` are the instant of the response, as ESPN reports current states.

    If a player has several entries, the one with the newest `date` is kept. If a date is missing or the newest is tied, each
    candidate is a row, and the table's key quarantines them unless they agree. An unknown status or team gives a `problem`.
    Raises Permanent if the list has another structure.
    """
    rows = list[dict[str, Any]]()
    of_response = {"snapshot_at": payload.fetched_at, "seen_at": payload.fetched_at, "source": payload.ref}
    for team in _list_in(payload.json(), "injuries", payload):
        rows += [{**_injury(injury, team, payload), **of_response} for injury in _list_in(team, "injuries", payload)]
    return _newest(frame_of(rows, {**INJURY_COLUMNS, "dated": pl.Datetime("us", "UTC")}))


@parser
def parse_roster(payload: Payload) -> pl.DataFrame:
    """Returns one row per player of a team. A height or weight of 0 is null.

    Raises Permanent if the response is about another team or has another structure.
    """
    document = payload.json()
    team = document.get("team") if isinstance(document, dict) else None
    athletes = _list_in(team, "athletes", payload)
    team_id, code = _text_in(team, "id", payload), _text_in(team, "abbreviation", payload)
    if team_id != payload.slot.entity:
        raise Permanent(f"{payload.slot.name}: the response is about team {team_id} {code}: {payload.ref}")
    tricode = TEAM_OF_CODE.get(code)
    if tricode is None:
        raise Permanent(f"{payload.slot.name}: unknown team {quoted(code)}: {payload.ref}")
    rows = [{"team": tricode, **_athlete(a, payload), "seen_at": payload.fetched_at, "source": payload.ref} for a in athletes]
    return frame_of(rows, ROSTER_COLUMNS)


def _injury(injury: Any, team: Mapping[str, Any], payload: Payload) -> dict[str, Any]:
    athlete, listed_status = _object_in(injury, "athlete", payload), _text_in(injury, "status", payload)
    spelling, code, name = _text_in(athlete, "displayName", payload), _code(athlete.get("team")), team.get("displayName")
    tricode = TEAM_OF_CODE.get(code) if code else TEAM_OF_NAME.get(str(name))
    status = STATUSES.get(listed_status)
    problems = [f"unknown team {quoted(code or name)} of {spelling}"] if tricode is None else []
    problems += [f"status of {spelling} is {quoted(listed_status)}"] if status is None else []
    return {
        "team": tricode,
        "spelling": spelling,
        "status": status,
        "reason": _reason(injury),
        "problem": ", ".join(problems) or None,
        "dated": instant(injury.get("date")),
    }


def _newest(rows: pl.DataFrame) -> pl.DataFrame:
    """Keeps the newest entry of each player of a team, or all of a player's entries if one has no readable date."""
    dated = pl.col("dated")
    is_newest = (dated == dated.max()) | dated.is_null().any()
    return rows.filter(is_newest.over("team", "spelling")).drop("dated")


def _reason(injury: Mapping[str, Any]) -> str | None:
    """Returns the injury, such as "Right Knee; Surgery", or the short comment."""
    details = injury.get("details")
    texts = {k: text_or_none(v) for k, v in details.items()} if isinstance(details, dict) else {}
    side = texts.get("side") if texts.get("side") in ("Left", "Right") else None
    body_part = " ".join(part for part in (side, texts.get("type")) if part) if texts.get("type") else None
    detail = texts.get("detail") if texts.get("detail") != "Not Specified" else None
    return "; ".join(part for part in (body_part, detail) if part) or text_or_none(injury.get("shortComment"))


def _athlete(athlete: Any, payload: Payload) -> dict[str, Any]:
    spelling = _text_in(athlete, "fullName", payload)
    born, position = athlete.get("dateOfBirth"), athlete.get("position")
    measures = {name: athlete.get(key) for name, key in (("height_inches", "height"), ("weight_pounds", "weight"))}
    problems = [f"{name} of {spelling} is {quoted(value)}" for name, value in measures.items() if not _is_measure(value)]
    if position is not None and not isinstance(position, dict):
        problems.append(f"position of {spelling} is {quoted(position)}")
    birth_date = _date(born)
    if born and birth_date is None:
        problems.append(f"dateOfBirth of {spelling} is {quoted(born)}")
    return {
        "spelling": spelling,
        "birth_date": birth_date,
        "position": _code(position),
        **({} if problems else {name: value or None for name, value in measures.items()}),
        "problem": ", ".join(problems) or None,
    }


def _is_measure(value: Any) -> bool:
    return value is None or (not isinstance(value, str) and number_or_none(value) is not None)


def _date(value: Any) -> date | None:
    """Returns the date of text like "1996-10-24T07:00Z", which is midnight Pacific."""
    try:
        return day_or_none(date.fromisoformat(str(value)[:10])) if value else None
    except ValueError:
        return None


def _code(document: Any) -> str | None:
    return text_or_none(document.get("abbreviation")) if isinstance(document, dict) else None


def _list_in(document: Any, key: str, payload: Payload) -> list[Any]:
    value = document.get(key) if isinstance(document, dict) else None
    if not isinstance(value, list):
        raise Permanent(f"{payload.slot.name}: the response has no list {key}: {payload.ref}")
    return value


def _object_in(document: Any, key: str, payload: Payload) -> dict[str, Any]:
    value = document.get(key) if isinstance(document, dict) else None
    if not isinstance(value, dict):
        raise Permanent(f"{payload.slot.name}: an entry has no {key}: {payload.ref}")
    return value


def _text_in(document: Any, key: str, payload: Payload) -> str:
    value = text_or_none(document.get(key)) if isinstance(document, dict) else None
    if value is None:
        raise Permanent(f"{payload.slot.name}: an entry has no {key}: {payload.ref}")
    return value

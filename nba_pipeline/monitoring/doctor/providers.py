"""Probes of the providers: one cheap request to each, parsed and not landed, with its key, its credits and its clock."""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import polars as pl

from nba_pipeline.errors import NotPublished, PipelineError
from nba_pipeline.monitoring.doctor.probe import Probe, Result, failed, ok, warning
from nba_pipeline.providers import balldontlie, odds_api
from nba_pipeline.providers.espn import injuries_request
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.providers.injury_report import InjuryReport, report_names
from nba_pipeline.providers.nba_cdn import read_scoreboard, scoreboard_request
from nba_pipeline.providers.nba_stats import player_game_log_request
from nba_pipeline.providers.parsing import parsing
from nba_pipeline.providers.request import Request
from nba_pipeline.providers.response import document_of, quota_of
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.wording import counted
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.payloads import Payload

NEXT_STEP = "check the network, the address and the key"
SET_KEY = "set a valid key in the environment of the daemon"
KEY_VARIABLES = {balldontlie.PROVIDER: balldontlie.KEY_VARIABLE, odds_api.PROVIDER: odds_api.KEY_VARIABLE}
REGULAR_SEASON = "regular_season"
SECOND_SOURCES = ("nba_stats", "balldontlie", "espn")
"""Providers that are requested only if another provider fails. Nothing is late without them."""


def provider_probes(resources: Any, today: date, without_key: Collection[str] = ()) -> list[Probe]:
    """Returns a probe per provider. `resources` are those of a run: the provider clients and the warehouse.

    `without_key` has the variables of missing keys. Providers that need them are not requested, and have a warning.
    """
    requests: dict[str, Callable[[], Request | None]] = {
        "nba_cdn": scoreboard_request,
        "nba_stats": lambda: _newest_game_log(resources.warehouse, today),
        "balldontlie": lambda: resources.balldontlie.box_scores_request(today),
        "odds_api": lambda: resources.odds_api.events_request(today),
        "injury_report": lambda: _newest_report(resources.injury_report),
        "espn": lambda: injuries_request(today),
    }
    return [
        Probe(name, partial(_without_key, name))
        if KEY_VARIABLES.get(name) in without_key
        else Probe(name, partial(_reach, name, getattr(resources, name).http, request), NEXT_STEP)
        for name, request in requests.items()
    ]


def proxy_probes(http: HttpClient) -> list[Probe]:
    """Returns a probe per provider with a proxy."""
    return [
        Probe(f"{provider} proxy", partial(_reach_through_proxy, provider, http), _check(variable))
        for provider, variable in http.proxies.items()
    ]


def _reach_through_proxy(provider: str, http: HttpClient) -> Result:
    """Sends one request through the proxy of a provider. An answer with any status is a success."""
    name, host = f"{provider} proxy", httpx.URL(http.base_urls[provider]).host
    try:
        proxy = http.refuse_unreachable_proxy(provider)
    except PipelineError as error:
        return (warning if provider in SECOND_SOURCES else failed)(name, str(error), _check(http.proxies[provider]))
    return ok(name, f"{host} answers through {proxy}")


def _check(variable: str) -> str:
    return f"check {variable} and the proxy"


def _without_key(name: str) -> Result:
    return warning(name, f"not requested: {KEY_VARIABLES[name]} is not set", SET_KEY)


def _reach(name: str, http: HttpClient, request_of: Callable[[], Request | None]) -> Result:
    """Sends one request and parses the response."""
    try:
        request = request_of()
        if request is None:
            return ok(name, "not requested: no final game is stored that could be requested")
        response = http.peek_response(request)
    except NotPublished as error:
        if name == "injury_report":
            return warning(name, f"{error}: no report is published yet, or the host blocks this address")
        return failed(name, str(error), NEXT_STEP)
    except PipelineError as error:
        next_step = SET_KEY if any(variable in str(error) for variable in KEY_VARIABLES.values()) else NEXT_STEP
        if name in SECOND_SOURCES:
            return warning(name, f"{error}; only used if another source fails", next_step)
        return failed(name, str(error), next_step)
    parse(request, response, http)
    return _with_quota(name, response) or ok(name, f"{request.endpoint} received and parsed")


def parse(request: Request, response: httpx.Response, http: HttpClient) -> None:
    """Parses a response as a run does. Raises Permanent if the response breaks the contract."""
    document = document_of(request, response)
    if request == scoreboard_request():
        read_scoreboard(document)
    if request.parser:
        payload = Payload(request, f"doctor {request.name}", http.clock.now(), Path(request.name))
        vars(payload)["body"] = response.content
        with parsing(request):
            request.parser(payload)


def _with_quota(name: str, response: httpx.Response) -> Result | None:
    """Returns a result about a provider's credits; None if the response does not have them."""
    quota = quota_of(response)
    if not {"remaining", "used"} <= quota.keys():
        return None
    total = quota["remaining"] + quota["used"]
    message = f"{quota['remaining']} of {total} credits left"
    if not quota["remaining"]:
        return failed(name, message, "buy credits, or wait until the plan renews them")
    if quota["remaining"] < SETTINGS.doctor.quota_share * total:
        return warning(name, message, "request fewer captures, or buy credits")
    return ok(name, message)


def clock_skew(http: HttpClient) -> Result:
    """Compares this machine's clock with the one of a provider's server."""
    try:
        response = http.peek_response(scoreboard_request())
    except PipelineError:
        return warning("clock", "not checked, because nba_cdn does not answer")
    dated = response.headers.get("date", "")
    try:
        server_time = parsedate_to_datetime(dated)
    except ValueError:
        return warning("clock", f"nba_cdn sent the date {dated!r}, which cannot be read; the clock is not checked")
    seconds = abs((datetime.now(UTC) - server_time.astimezone(UTC)).total_seconds())
    if seconds >= SETTINGS.doctor.clock_skew_seconds:
        return warning("clock", f"differs by {seconds:.0f} s from the clock of nba_cdn", "synchronize this machine's clock")
    return ok("clock", f"within {max(seconds, 1):.0f} s of the clock of nba_cdn")


def secrets(read: Callable[[], int]) -> Result:
    """Reads each secret that a variable names by reference. A secret itself is never printed."""
    number = read()
    return ok(
        "secrets", f"{counted(number, 'reference')} to Secret Manager can be read" if number else "no variable is a reference"
    )


def keys(missing: Sequence[str], *, are_needed: bool, is_production: bool) -> Result:
    """Names the variables of keys that are not set. A key itself is never printed. Without a key, predictions have no line."""
    if not are_needed:
        return ok("keys", "the simulated league needs none")
    if missing:
        verb = "is" if len(missing) == 1 else "are"
        message = f"{' and '.join(missing)} {verb} not set; without ODDS_API_KEY, predictions have no line"
        return (failed if is_production else warning)("keys", message, "set the variable in the environment of the daemon")
    return ok("keys", "all are set")


def _newest_game_log(warehouse: Warehouse, today: date) -> Request | None:
    """Returns the request for the newest past date with a final game of the regular season; None if none is stored."""
    since = today - timedelta(days=SETTINGS.doctor.game_log_days)
    schedule = warehouse.scan(TABLES["schedule"]).filter(pl.col("game_date").is_between(since, today - timedelta(days=1)))
    played = schedule.filter((pl.col("status") == "final") & (pl.col("season_type") == REGULAR_SEASON))
    newest = played.select(pl.col("game_date").max()).collect().item()
    return player_game_log_request(newest, REGULAR_SEASON) if newest else None


def _newest_report(client: InjuryReport) -> Request:
    """Returns the request for the newest landed report, which is known to be published, else for the newest name."""
    now = client.http.clock.now()
    today = client.http.clock.today
    landed = client.landed(today)
    name = landed[-1].slot.entity if landed else (report_names(today, now) or report_names(today + timedelta(days=1), now))[0]
    return client.request(today, name)

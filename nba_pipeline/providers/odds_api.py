"""The Odds API v4: events, and the sportsbooks' player and game lines, current or historical. Needs a key.

`commence_time` is about ten minutes after tip-off. A payload may contain two spellings of a player, alternate lines under
the main market, and prices of a game in progress. One request per event fetches player and game lines, so that both are
from the same instant. `odds_events` and `odds_lines` have the parsers.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import dagster as dg

from nba_pipeline.errors import Permanent, PipelineError
from nba_pipeline.league.calendar import eastern
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.providers.odds_events import HISTORICAL, parse_events
from nba_pipeline.providers.odds_lines import REQUEST_FORMAT, parse_event_odds
from nba_pipeline.providers.request import Request
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse.payloads import Payload

PROVIDER = "odds_api"
KEY_VARIABLE = "ODDS_API_KEY"
SPORT = "/sports/basketball_nba"
LATEST_START = timedelta(hours=30)
"""Latest start of a slate's games, counted from the Eastern midnight at which the slate begins."""


class OddsApi(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Client for api.the-odds-api.com, https://the-odds-api.com/liveapi/guides/v4/.

    Live events are free. Odds cost 1 credit per market and region live, 10 historical. The player and game lines of an
    event cost 3 credits live, 30 historical.
    """

    http: dg.ResourceDependency[HttpClient]
    api_key: str = ""

    def events(self, day: date, at: datetime | None = None) -> Payload:
        """Returns the landed events of an Eastern date, as listed now or at the past instant `at`.

        Raises Permanent without a key, otherwise the errors of HttpClient.get.
        """
        return self.http.get(self.events_request(day, at))

    def odds(self, event_ids: Sequence[str], day: date, at: datetime | None = None) -> list[Payload | PipelineError]:
        """Fetches the player and game lines of events. Returns a payload or an error per event, in the given order."""
        return self.http.get_many([self.odds_request(event_id, day, at) for event_id in event_ids])

    def landed_events(self, day: date) -> list[Payload]:
        """Returns all landed event lists of a date, live and historical, oldest first."""
        return self._landed("events", day)

    def landed_odds(self, day: date) -> list[Payload]:
        """Returns all landed responses with lines of a date, live and historical, oldest first."""
        return self._landed("event_odds", day)

    @property
    def quota(self) -> dict[str, int]:
        """The credits of the latest response: remaining, used, last. Empty before the first response."""
        return self.http.quota

    def events_request(self, day: date, at: datetime | None = None) -> Request:
        """Returns the request for the events that start on an Eastern date."""
        start = eastern(day, 0)
        window = {"commenceTimeFrom": _iso(start), "commenceTimeTo": _iso(start + LATEST_START)}
        return self._request(("events", "/events", "slate"), day, at, window)

    def odds_request(self, event_id: str, day: date, at: datetime | None = None) -> Request:
        """Returns the request for an event's player and game lines."""
        markets = ",".join((*SETTINGS.lines.markets, *SETTINGS.lines.game_markets))
        params = {"regions": SETTINGS.lines.regions, "markets": markets, "oddsFormat": REQUEST_FORMAT}
        return self._request(("event_odds", f"/events/{event_id}/odds", event_id), day, at, params)

    def _landed(self, endpoint: str, day: date) -> list[Payload]:
        landing = self.http.landing
        both = [*landing.payloads(PROVIDER, endpoint, day), *landing.payloads(PROVIDER, f"{HISTORICAL}{endpoint}", day)]
        return sorted(both, key=lambda payload: payload.fetched_at)

    def _request(self, what: tuple[str, str, str], day: date, at: datetime | None, params: Mapping[str, str]) -> Request:
        endpoint, path, entity = what
        if not self.api_key and not self.http.landing.sends_nothing:
            raise Permanent(f"{PROVIDER} requires a key: set {KEY_VARIABLE}")
        past = {"date": _iso(at)} if at else {}
        keys = () if endpoint == "events" else ("id", "bookmakers")
        return Request(
            provider=PROVIDER,
            endpoint=f"{HISTORICAL}{endpoint}" if at else endpoint,
            entity=entity,
            game_date=day,
            path=f"/v4{'/historical' if at else ''}{SPORT}{path}",
            params={**params, "dateFormat": "iso", **past},
            secret_params={"apiKey": self.api_key},
            key_variable=KEY_VARIABLE,
            required_keys=("timestamp", "data") if at else keys,
            parser=parse_events if endpoint == "events" else parse_event_odds,
        )


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

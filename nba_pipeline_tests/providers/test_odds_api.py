"""The Odds API: live and historical requests."""

from datetime import date

import pytest

from nba_pipeline.errors import Permanent
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.providers.odds_api import OddsApi
from nba_pipeline_tests.providers.conftest import Answer, Provider
from nba_pipeline_tests.providers.test_odds_lines import EVENT, SEEN, odds

DAY = date(2024, 3, 12)


def test_live_and_historical_requests_have_their_paths_and_parameters(http_client: HttpClient, provider: Provider) -> None:
    api = OddsApi(http=http_client, api_key="key")
    past = {"timestamp": "2024-03-12T11:55:00Z"}
    provider.responds(Answer([EVENT]), Answer(odds()), Answer(past | {"data": [EVENT]}), Answer(past | {"data": odds()}))
    for at in (None, SEEN):
        api.events(DAY, at)
        api.odds(["e1"], DAY, at)
    assert [request.path for request in provider.asked] == [
        f"/v4{past}/sports/basketball_nba/events{odds}" for past in ("", "/historical") for odds in ("", "/e1/odds")
    ]
    assert [request.params.get("date") for request in provider.asked] == [None, None, *["2024-03-12T11:55:00Z"] * 2]
    assert provider.asked[0].params["commenceTimeFrom"] == "2024-03-12T04:00:00Z"
    expected = {"regions": "us", "markets": "player_points,spreads,totals", "oddsFormat": "american"}
    for request in provider.asked[1::2]:
        assert request.params | expected == request.params
    assert (len(api.landed_events(DAY)), len(api.landed_odds(DAY))) == (2, 2)


def test_without_a_key_no_request_is_sent(http_client: HttpClient, provider: Provider) -> None:
    with pytest.raises(Permanent, match="odds_api requires a key: set ODDS_API_KEY"):
        OddsApi(http=http_client).events(DAY)
    assert not provider.asked

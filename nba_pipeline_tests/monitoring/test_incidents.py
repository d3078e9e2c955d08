"""Incidents of requests: instants, recovery, and the first cause of a missing box score, from a real journal."""

from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import eastern
from nba_pipeline.monitoring.incidents import DateRequests, paused_until, read_requests
from nba_pipeline.warehouse.journal_lines import Outcome
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payloads import Slot

DAY = date(2026, 1, 15)
GAME = "0022600001"
BOX = Slot("nba_cdn", "boxscore", entity=GAME, game_date=DAY)
LOG = Slot("nba_stats", "playergamelogs", entity="Regular Season", game_date=DAY)
NIGHT = eastern(DAY, 23)


class Requests:
    """The landing of a home, whose requests happen at chosen instants."""

    def __init__(self, home: Path):
        self.home = home

    def add(self, slot: Slot, at: datetime, outcome: Outcome, **fields: Any) -> None:
        landing = Landing(home=str(self.home), clock=Clock(fixed_at=at.isoformat()))
        landing._note(slot, outcome, **fields)

    def of_the_day(self) -> DateRequests:
        return read_requests(Landing(home=str(self.home), clock=Clock(fixed_at=NIGHT.isoformat())), [DAY])[DAY]

    def messages(self) -> list[str]:
        return [incident.message(DAY) for incident in self.of_the_day().incidents]


@pytest.fixture
def requests(tmp_path: Path) -> Requests:
    return Requests(tmp_path)


def test_a_retried_request_that_landed_has_recovered(requests: Requests) -> None:
    requests.add(BOX, NIGHT, "landed", statuses=[503, 200])
    assert requests.messages() == ["23:00 nba_cdn boxscore: 1 request was retried (503 x 1); recovered at 23:00"]


def test_a_failure_has_recovered_once_the_same_request_lands(requests: Requests) -> None:
    for minute in (0, 10):
        requests.add(LOG, eastern(DAY, 23, minute), "failed", problem="nba_stats: status 503")
    assert requests.messages() == ["23:00 to 23:10 failed: nba_stats: status 503 (x 2)"]
    requests.add(LOG, eastern(date(2026, 1, 16), 0, 5), "landed", statuses=[200])
    assert requests.messages() == ["23:00 failed: nba_stats: status 503 (x 2); recovered at 2026-01-16 00:05"]


def test_a_response_that_is_rejected_recovers_nothing(requests: Requests) -> None:
    requests.add(BOX, NIGHT, "landed", statuses=[200], ref="nba_cdn/boxscore/a.json")
    requests.add(BOX, NIGHT, "rejected", ref="nba_cdn/boxscore/a.json", problem="statistics is missing")
    assert requests.messages() == ["23:00 rejected: statistics is missing"]


def test_requests_that_an_open_breaker_kept_back_share_one_incident(requests: Requests) -> None:
    for team in ("3", "8"):
        problem = f"espn: circuit breaker open until 23:05; last error: status 500; espn roster {team} was not requested"
        requests.add(Slot("espn", "roster", entity=team, game_date=DAY), NIGHT, "failed", problem=problem)
    assert requests.messages() == ["23:00 failed: espn: circuit breaker open until 23:05; last error: status 500 (x 2)"]


def test_requests_of_one_endpoint_with_the_same_status_share_one_incident(requests: Requests) -> None:
    for team in ("3", "8"):
        problem = f"espn roster {team}: status 500 after 5 attempts"
        requests.add(Slot("espn", "roster", entity=team, game_date=DAY), NIGHT, "failed", problem=problem)
    assert requests.messages() == ["23:00 failed: espn roster: status 500 (x 2)"]


def test_a_provider_is_failing_until_its_endpoint_answers(requests: Requests) -> None:
    reports = [Slot("injury_report", "report", entity=hour, game_date=DAY) for hour in ("01PM", "04PM")]
    requests.add(reports[0], NIGHT, "failed", problem="status 500")
    assert requests.of_the_day().failing == ("injury_report",)
    requests.add(reports[1], eastern(DAY, 23, 10), "landed", statuses=[200])
    assert requests.of_the_day().failing == ()


def test_a_refused_key_and_an_unusable_response_are_named_by_their_providers(requests: Requests) -> None:
    requests.add(Slot("odds_api", "events", "slate", DAY), NIGHT, "failed", statuses=[401], problem="the key was rejected")
    requests.add(BOX, NIGHT, "landed", statuses=[200], ref="nba_cdn/boxscore/a.json")
    requests.add(BOX, NIGHT, "rejected", ref="nba_cdn/boxscore/a.json", problem="statistics is missing")
    of_the_day = requests.of_the_day()
    assert (of_the_day.failing, of_the_day.refused, of_the_day.unusable) == (("odds_api",), ("odds_api",), ("nba_cdn",))


def test_requests_are_paused_until_the_breaker_of_a_failing_provider_closes(requests: Requests) -> None:
    for number in range(5):
        slot = Slot("espn", "roster", entity=str(number), game_date=DAY)
        requests.add(slot, eastern(DAY, 22, 58), "failed", statuses=[500] * 5, problem="status 500")
    landing = Landing(home=str(requests.home), clock=Clock(fixed_at=NIGHT.isoformat()))
    assert paused_until(landing, ["espn"]) == eastern(DAY, 23, 3)
    assert paused_until(landing, ["odds_api"]) is None


def test_a_request_of_another_game_recovers_nothing(requests: Requests) -> None:
    requests.add(BOX, NIGHT, "failed", problem="status 503")
    requests.add(Slot("nba_cdn", "boxscore", entity="0022600002", game_date=DAY), NIGHT, "landed", statuses=[200])
    assert requests.messages() == ["23:00 failed: status 503"]


def test_the_first_cause_is_the_answer_of_the_first_provider(requests: Requests) -> None:
    """It is no failure, because nothing may be published yet. The fallback fails after it."""
    requests.add(BOX, NIGHT, "not_yet", statuses=[404])
    requests.add(LOG, eastern(DAY, 23, 1), "failed", problem="nba_stats: status 503")
    requests.add(BOX, eastern(DAY, 23, 30), "not_yet", statuses=[404])
    assert requests.of_the_day().first_causes == {GAME: "nba_cdn boxscore: status 404 at 23:00"}
    requests.add(BOX, eastern(DAY, 23, 40), "landed", statuses=[200])
    assert requests.of_the_day().first_causes == {}

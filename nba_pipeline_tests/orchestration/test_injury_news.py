"""Instants of peeks at injury reports, detection of news, and the resulting runs. An unchanged report starts no run.

A peek sends one request per name and lands nothing. Do not use `get` for it: each peek would land a payload, and each absent
name would add a journal line.
"""

import json
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.run_tags import MODE_TAG
from nba_pipeline.league.calendar import EASTERN, eastern
from nba_pipeline.monitoring.alerts import ALERTS
from nba_pipeline.orchestration import sensors
from nba_pipeline.orchestration.injury_news import Memory, cursor_of, reason_to_wait, remembered
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.providers.injury_report import InjuryReport
from nba_pipeline.tables.declarations import followers
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline_tests.builders_days import Days
from nba_pipeline_tests.builders_injuries import a_first_entry, a_report, an_entry
from nba_pipeline_tests.orchestration.ticks import Tick, alerts, evaluate, tables_of
from nba_pipeline_tests.providers.conftest import Answer, Provider, ReceivedRequest

pytestmark = pytest.mark.platform  # each tick loads the repository of the whole graph

DAY = date(2026, 1, 15)
SEVEN, TEN = eastern(DAY, 19), eastern(DAY, 22)
MINUTE = timedelta(minutes=1)
GAME = {"date": f"{DAY:%m/%d/%Y}", "matchup": "NYK@GSW"}
CURRY, HART = a_first_entry(**GAME), an_entry("Hart, Josh", "Questionable", team="New York Knicks")
LATER = an_entry("Tatum, Jayson", matchup="LAL@BOS", team="Boston Celtics", time="10:00 (ET)")


def report_at(hour: int, minute: int, *rows: dict[str, str]) -> Answer:
    at = eastern(DAY, hour, minute)
    return Answer(body=a_report(rows or [CURRY, HART, LATER], printed=f"{at.astimezone(EASTERN):%m/%d/%y %I:%M %p}"))


class League:
    """A slate of two games and its published reports."""

    def __init__(self, days: Days, provider: Provider):
        self.days, self.provider, self.cursor = days, provider, None
        self.reports: dict[str, Answer] = {}
        self.absent = Answer({}, status=403)
        provider.responds(self.answer)

    def answer(self, asked: ReceivedRequest) -> Answer:
        name = asked.path.rpartition("Injury-Report_2026-01-15_")[2].removesuffix(".pdf")
        return self.reports.get(name, self.absent)

    def source(self, now: datetime) -> InjuryReport:
        clock = Clock(fixed_at=now.isoformat())
        landing = Landing(home=str(self.days.home), clock=clock)
        http = HttpClient(base_urls={"injury_report": self.provider.url}, landing=landing, clock=clock, attempts=1)
        return InjuryReport(http=http)

    def read(self, now: datetime) -> None:
        """Simulates a run: lands the newest report and materializes the table."""
        self.source(now).newest(DAY, now)
        self.days.make(now + timedelta(seconds=1), DAY, "injuries")
        self.provider.asked.clear()

    def tick(self, now: datetime) -> Tick:
        result = evaluate(self.days, sensors.injury_news, now, self.cursor, injury_report=self.source(now))
        self.cursor: Any = result.cursor
        return result

    def names(self) -> list[str]:
        return [asked.path.rpartition("2026-01-15_")[2].removesuffix(".pdf") for asked in self.provider.asked]


@pytest.fixture
def league(days: Days, provider: Provider) -> League:
    league = League(days, provider)
    league.reports["06_00PM"] = report_at(18, 0)
    league.read(eastern(DAY, 18, 1))
    return league


def test_a_report_with_news_requests_the_tables_that_it_changes(league: League) -> None:
    league.reports["06_30PM"] = report_at(18, 30, CURRY, HART | {"status": "Out"}, LATER)
    result = league.tick(eastern(DAY, 18, 31))
    assert (tables_of(result.run), result.run.partition_key, result.run.tags[MODE_TAG]) == (
        ("injuries", *followers(["injuries"])),
        str(DAY),
        "injury_news",
    )
    assert result.run.job_name == "game_day" and result.run.run_key == f"injury_news:{DAY}:{DAY}_06_30PM"
    assert league.names() == ["06_30PM"]
    assert league.tick(eastern(DAY, 18, 32)).runs == []


def test_an_unchanged_report_starts_no_run_and_is_fetched_once(league: League) -> None:
    league.reports["06_30PM"] = report_at(18, 30)
    result = league.tick(eastern(DAY, 18, 31))
    assert result.runs == [] and f"{DAY}: the report 2026-01-15_06_30PM is unchanged" in result.why
    assert league.tick(eastern(DAY, 18, 44)).runs == [] and league.names() == ["06_30PM"]
    assert not Landing(home=str(league.days.home)).payloads("injury_report", "report", DAY)[1:]


def test_a_change_of_a_started_game_is_no_news(league: League) -> None:
    league.reports["07_15PM"] = report_at(19, 15, CURRY, HART | {"status": "Out"}, LATER)
    assert league.tick(eastern(DAY, 19, 16)).runs == []
    league.reports["07_30PM"] = report_at(19, 30, CURRY, HART, LATER | {"status": "Doubtful"})
    assert league.tick(eastern(DAY, 19, 31)).runs


def test_an_absent_report_and_its_older_names_are_requested_again_after_two_minutes(league: League) -> None:
    first = eastern(DAY, 18, 30) + timedelta(seconds=5)
    league.tick(first)
    assert league.names() == ["06_30PM", "06PM", "06_15PM"]
    league.tick(first + MINUTE)
    assert len(league.names()) == 3
    league.reports["06_30PM"] = report_at(18, 30, CURRY, LATER)
    assert league.tick(first + 2 * MINUTE + timedelta(seconds=1)).runs


@pytest.mark.parametrize(
    ("now", "tipoffs", "memory", "reason"),
    [
        (eastern(DAY, 6, 59), [SEVEN, TEN], Memory(), "the next peek at the reports is at 07:00 US Eastern"),
        (eastern(DAY, 7), [SEVEN, TEN], Memory(), ""),
        (TEN - MINUTE, [SEVEN, TEN], Memory(), ""),
        (TEN, [SEVEN, TEN], Memory(), "no upcoming games"),
        (eastern(DAY, 12), [], Memory(), "no upcoming games"),
        (eastern(DAY, 18), [SEVEN], Memory(next_at=eastern(DAY, 18, 15)), "the next peek at the reports is at 18:15 US Eastern"),
        (
            eastern(DAY - timedelta(days=1), 16),
            [eastern(DAY, 0)],
            Memory(),
            "the next peek at the reports is at 17:00 US Eastern",
        ),
    ],
    ids=["before", "twelve hours before", "until the last tip-off", "after it", "no tip-off", "later", "not due"],
)
def test_peeks_are_due_from_twelve_hours_before_the_first_tip_off_until_the_last(
    now: datetime, tipoffs: list[datetime], memory: Memory, reason: str
) -> None:
    assert reason_to_wait(DAY, tipoffs, memory, now) == reason


def test_the_first_report_of_a_date_is_left_to_modes_and_captures(days: Days, provider: Provider) -> None:
    league = League(days, provider)
    assert f"{DAY}: no report is loaded yet" in league.tick(eastern(DAY, 18, 31)).why and league.names() == []


def test_a_landed_report_that_is_not_loaded_is_news(league: League) -> None:
    league.reports["06_15PM"] = report_at(18, 15, CURRY)
    league.source(eastern(DAY, 18, 16)).newest(DAY, eastern(DAY, 18, 16))
    assert league.tick(eastern(DAY, 18, 17)).runs


@pytest.mark.unattended
def test_an_hour_without_a_report_raises_an_alert(league: League) -> None:
    league.reports.clear()
    for minute in range(20, 60, 2):
        league.tick(eastern(DAY, 17, minute))
    assert alerts(league.days) == []
    for hour, minute in ((18, 18), (18, 21), (18, 31)):
        league.tick(eastern(DAY, hour, minute))
    assert alerts(league.days) == [(DAY, "injury_report_missing", "injuries")]
    [step] = league.days.warehouse.scan(ALERTS, [DAY]).collect()["next_command"]
    assert step == f"wait, the report is requested again automatically; to request it now: nba-pipeline run --date {DAY}"
    league.provider.asked.clear()
    league.tick(eastern(DAY, 18, 40))
    assert league.names() == []  # a refusing host gets one request per published report


def test_a_failing_host_is_the_reason_and_is_retried(league: League) -> None:
    league.absent = Answer({}, status=503)
    result = league.tick(eastern(DAY, 18, 31))
    assert result.runs == [] and "status 503" in result.why and league.names() == ["06_30PM"]


def test_an_unreadable_report_is_the_reason(league: League) -> None:
    league.reports["06_30PM"] = Answer(body=b"<html></html>")
    assert "is not a PDF" in league.tick(eastern(DAY, 18, 31)).why


@pytest.mark.parametrize("cursor", ["{", "[1]", '{"x": {}}', '{"2026-01-15": {"seen": ""}}'])
def test_an_unreadable_cursor_is_an_error(cursor: str) -> None:
    with pytest.raises(ValueError):
        remembered(cursor)


def test_an_unreadable_cursor_is_reset(league: League) -> None:
    league.cursor = "{"
    league.reports["06_30PM"] = report_at(18, 30, CURRY)
    assert league.tick(eastern(DAY, 18, 31)).runs


def test_a_cursor_reads_back() -> None:
    memories = {DAY: Memory("x", SEVEN, TEN), DAY + timedelta(days=1): Memory()}
    assert remembered(cursor_of(memories)) == memories and remembered(None) == {}
    assert json.loads(cursor_of(memories))["2026-01-15"]["seen"] == "x"

"""The asset `slate_export`: what it publishes, and what it leaves when it cannot."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import time_machine

from nba_pipeline.definitions import build_definitions
from nba_pipeline.environments import resources_for
from nba_pipeline.instance import webhook_variables
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.run_tags import REPLAY_TAG
from nba_pipeline.league.calendar import eastern
from nba_pipeline.monitoring.alert_changes import recent_incidents
from nba_pipeline.orchestration import slate_export
from nba_pipeline.orchestration.jobs import with_export
from nba_pipeline.orchestration.recovery import over_by_data, resolve_over
from nba_pipeline.orchestration.slate_export import IS_PUBLISHED, IS_SMALL, NOT_PUBLISHED
from nba_pipeline.tables.declarations import SLATE_EXPORT
from nba_pipeline.tables.registry import TABLES
from nba_pipeline_tests.builders import frame_of
from nba_pipeline_tests.builders_days import Days, slate_of
from nba_pipeline_tests.builders_predictions import a_prediction
from nba_pipeline_tests.monitoring.webhook import SECRET, listening
from nba_pipeline_tests.orchestration.ticks import DAY, TOMORROW, YESTERDAY
from nba_pipeline_tests.publishing.test_record import performance

pytestmark = pytest.mark.platform

NOON = eastern(DAY, 12)
GAME = slate_of(DAY, eastern(DAY, 19))[0]


def predicted(number: int) -> list[dict[str, Any]]:
    """Plausible predictions of players of a game."""
    played = {
        "game_date": DAY,
        "game_id": GAME["game_id"],
        "made_at": NOON,
        "tipoff_at": GAME["tipoff_at"],
        "player_name": "Al Able",
    }
    played |= {
        "team": GAME["home_team"],
        "opponent": GAME["away_team"],
        "system_id": "ensemble",
        "system_version": "1",
        "is_actionable": False,
    }
    return [
        a_prediction(**played, player_id=n, prediction_id=str(n), edge=1.0 - 2 * (n % 2)) for n in range(1, number + 1)
    ]  # fmt: skip


class Home:
    """The asset on a home, at noon of DAY."""

    def __init__(self, days: Days, monkeypatch: pytest.MonkeyPatch):
        monkeypatch.setenv("NBA_PIPELINE_HOME", str(days.home))
        self.days, self.clock = days, Clock(fixed_at=NOON.isoformat())
        self.resources = resources_for("sandbox", self.clock)

    def export(self, *dates: Any, **tags: str) -> dg.ExecuteInProcessResult:
        span = {"dagster/asset_partition_range_start": str(dates[0]), "dagster/asset_partition_range_end": str(dates[-1])}
        result = dg.materialize(
            [slate_export.slate_export],
            instance=self.days.instance,
            resources=self.resources,
            partition_key=str(dates[0]) if len(dates) == 1 else None,
            tags=(span if len(dates) > 1 else {}) | tags,
            raise_on_error=False,
        )
        return result

    def published(self, name: str = "latest") -> dict[str, Any]:
        return dict(json.loads((self.days.home / "public" / "v1" / f"{name}.json").read_text()))

    def open_alerts(self) -> list[str]:
        return [one.kind for one in recent_incidents(self.days.warehouse, DAY) if one.is_open]


@pytest.fixture
def home(days: Days, monkeypatch: pytest.MonkeyPatch) -> Home:
    return Home(days, monkeypatch)


def verdict(result: dg.ExecuteInProcessResult, check: str = IS_PUBLISHED) -> bool:
    return {one.check_name: one.passed for one in result.get_asset_check_evaluations()}[check]


def exported(result: dg.ExecuteInProcessResult) -> dict[str, Any]:
    (event,) = result.get_asset_materialization_events()
    return {name: value.value for name, value in event.materialization.metadata.items()}


def test_a_slate_is_published_with_its_place_size_and_state(home: Home) -> None:
    home.days.write("predictions", DAY, *predicted(12))
    result = home.export(DAY)
    page = home.days.home / "public" / f"{DAY}.html"
    assert verdict(result) and exported(result) == {"page": str(page), "page_bytes": page.stat().st_size, "state": "degraded"}
    assert len(home.published()["players"]) == 12 and home.open_alerts() == []


def test_an_altered_published_page_does_not_alter_the_next_one(home: Home) -> None:
    gap = performance(1234, window="7 days", game_date=YESTERDAY).filter(game_date=YESTERDAY, window="7 days")
    home.days.write("system_performance", YESTERDAY, *gap.to_dicts())
    home.days.write("predictions", DAY, *predicted(12))
    home.export(DAY)
    index = home.days.home / "public" / "index.html"
    page = index.read_text()
    index.write_text(page.replace("</svg>", "altered</svg>"))
    home.export(DAY)
    assert "</svg>" in page and index.read_text() == page


def test_a_published_slate_is_announced_once_and_the_webhook_stays_secret(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.days.write("predictions", DAY, *predicted(12))
    publication = {
        "publication_number": 1,
        "published_at": NOON,
        "first_tipoff_at": GAME["tipoff_at"],
        "predictions": 12,
        "picks": 0,
    }
    with listening() as slack:
        monkeypatch.setenv(webhook_variables.PUBLIC, slack.url)
        home.resources = resources_for("sandbox", home.clock)
        home.export(DAY)
        assert slack.sent == [], "nothing is published before the first publication"
        home.days.warehouse.add(
            TABLES["publications"],
            [DAY],
            frame_of(TABLES["publications"], publication | {"game_date": DAY, "manifest_sha256": "a"}),
            "test",
        )
        results = [home.export(DAY), home.export(DAY)]
    [text] = slack.texts
    assert text.startswith(f"Simulated league, {DAY:%A} {DAY}: 2 games, 12 players, degraded")
    logs = [event for one in results for event in home.days.instance.all_logs(one.run_id)]
    assert SECRET not in f"{home.resources['public']!r}{logs}"


def test_a_closed_gate_keeps_the_files_and_alerts_until_a_slate_is_published(home: Home) -> None:
    assert exported(home.export(DAY))["state"] == "pending"
    before = home.published()
    home.days.write("predictions", DAY, *predicted(9))
    result = home.export(DAY)
    assert result.success and not verdict(result) and not result.get_asset_materialization_events()
    assert not verdict(result, IS_SMALL), "no page was written, so its size is unknown"
    assert home.published() == before and home.open_alerts() == [NOT_PUBLISHED]
    (alert,) = recent_incidents(home.days.warehouse, DAY)
    assert alert.message == "only 9 players predicted; at least 10 are required"
    home.days.write("predictions", DAY, *predicted(12))
    home.export(DAY)
    over = over_by_data(home.days.instance, home.days.warehouse)
    assert resolve_over(home.resources["notifier"], over) == [f"{NOT_PUBLISHED} {SLATE_EXPORT}"]


def test_the_page_of_tomorrow_ends_the_alert_of_today_only_on_its_own_date(home: Home) -> None:
    home.days.write("predictions", DAY, *predicted(9))
    home.export(DAY)
    over, next_day = over_by_data(home.days.instance, home.days.warehouse), DAY + timedelta(days=1)
    for at, resolved in ((eastern(DAY, 18), []), (eastern(next_day, 8), [f"{NOT_PUBLISHED} {SLATE_EXPORT}"])):
        with time_machine.travel(at, tick=False):
            home.days.instance.report_runless_asset_event(dg.AssetMaterialization(SLATE_EXPORT, partition=str(next_day)))
        assert resolve_over(home.resources["notifier"], over) == resolved


def test_files_that_cannot_be_written_are_an_alert_and_no_failed_run(home: Home) -> None:
    (home.days.home / "public").mkdir()
    result = home.export(DAY)
    assert result.success and not verdict(result) and home.open_alerts() == [NOT_PUBLISHED]


def test_an_error_of_the_code_fails_the_run_and_is_an_alert(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(slate_export, "page", lambda *_: 1 / 0)
    assert not home.export(DAY).success and home.open_alerts() == [NOT_PUBLISHED]


def test_a_graded_date_exports_the_next_page_too(home: Home) -> None:
    home.days.write("schedule", YESTERDAY)
    home.days.write("grades", YESTERDAY)
    home.export(YESTERDAY)
    assert home.published(f"slate/{YESTERDAY}")["state"] == "no games"
    assert home.published()["game_date"] == str(DAY)


def test_a_past_slate_that_is_not_published_is_no_alert(home: Home) -> None:
    result = home.export(YESTERDAY)
    assert not verdict(result) and home.open_alerts() == []


def test_a_range_run_judges_each_date(home: Home) -> None:
    home.days.write("schedule", TOMORROW)
    assert home.export(YESTERDAY, DAY, TOMORROW).success
    assert home.published()["game_date"] == str(DAY) and home.published(f"slate/{TOMORROW}")["state"] == "no games"
    key = dg.AssetCheckKey(dg.AssetKey(SLATE_EXPORT), IS_PUBLISHED)
    judged = home.days.instance.event_log_storage.get_asset_check_partition_info([key])
    results = {one.partition_key: one.latest_execution_status.value for one in judged}
    assert results == {str(YESTERDAY): "FAILED", str(DAY): "SUCCEEDED", str(TOMORROW): "SUCCEEDED"}


@pytest.mark.parametrize(
    ("job", "tables", "tags", "is_exported"),
    [
        ("game_day", ("schedule", "predictions", "picks"), {}, True),
        ("game_day", ("grades",), {}, True),
        ("game_day", ("schedule", "boxscores"), {}, False),
        ("game_day", (), {}, False),
        ("game_day", ("predictions",), {REPLAY_TAG: "run"}, False),
        ("season", ("predictions",), {}, False),
    ],
)
def test_a_run_of_a_date_ends_with_the_export_of_what_it_changes(
    job: str, tables: tuple[str, ...], tags: dict[str, str], is_exported: bool
) -> None:
    assert with_export(job, tables, tags) == (*tables, *[SLATE_EXPORT] * is_exported)


def test_the_bucket_is_that_of_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NBA_PIPELINE_HOME", str(tmp_path))
    monkeypatch.setenv("NBA_PIPELINE_PUBLIC", "gs://bucket/prefix")
    public = (build_definitions("production").resources or {})["public"]
    assert (public.location, public.prices) == ("gs://bucket/prefix", "none")

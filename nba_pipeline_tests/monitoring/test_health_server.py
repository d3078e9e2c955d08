"""The health server over a real socket: states, metrics, failures of a measurement."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from nba_pipeline.errors import BadInput, PipelineError
from nba_pipeline.instance.instigators import Instigator
from nba_pipeline.monitoring.burn_rates import burn_of_each_window
from nba_pipeline.monitoring.health_server import Health, server
from nba_pipeline.monitoring.metrics import Levels, Measurements
from nba_pipeline.monitoring.objectives import Facts
from nba_pipeline.monitoring.service_levels import attainments
from nba_pipeline.providers.circuit_breakers import Breaker
from nba_pipeline_tests.monitoring.test_service_levels import a_game, frame

NOW = datetime(2026, 1, 5, 17, tzinfo=UTC)


def measurements(home: Path, **facts: Any) -> Measurements:
    return Measurements(at=NOW, today=date(2026, 1, 5), home=home, **facts)


@contextmanager
def serving(health: Health) -> Iterator[httpx.Client]:
    listening = server(health, "127.0.0.1", 0)
    threading.Thread(target=listening.serve_forever, args=(0.02,), daemon=True).start()
    with httpx.Client(base_url=f"http://127.0.0.1:{listening.server_address[1]}", timeout=60) as client:
        yield client
    listening.shutdown()
    listening.server_close()


def samples(client: httpx.Client) -> dict[tuple[str, frozenset[str]], float]:
    """Name and label values -> value, as Prometheus' own parser reads them."""
    parsed = text_string_to_metric_families(client.get("/metrics").text)
    return {(one.name, frozenset(one.labels.values())): one.value for family in parsed for one in family.samples}


def named(name: str, *labels: str) -> tuple[str, frozenset[str]]:
    return name, frozenset(labels)


def test_a_measured_pipeline_is_alive_ready_and_has_metrics(tmp_path: Path) -> None:
    record = {
        "game_date": "2026-01-04",
        "state": "DEGRADED",
        "final_games": 8,
        "complete_games": 6,
        "rows": {"boxscores": 120, "grades": None},
        "quarantined": {"boxscores": 2},
    }
    games = [a_game(date(2026, 1, 3), number, boxscore_at=60 if number < 2 else 10) for number in range(10)]
    graded = {"system_id": "ensemble", "market": "player_points", "run_kind": "live", "mae": 5.2, "gap": 0.1, "lined": 40}
    health = Health(
        lambda: (
            measurements(
                tmp_path,
                records=[record],
                graded=[graded, graded | {"system_id": "market", "gap": None}],
                instigators={"lines": Instigator("lines", True, NOW), "new": Instigator("new", True, None)},
                breakers=[Breaker("espn", "open")],
                quota={"remaining": 10, "used": 90, "last": 3},
                proxies={"nba_stats": False, "espn": True},
                run_seconds={"game_day": 12.5},
                levels=Levels(attainments(Facts(frame(games)), NOW), burn_of_each_window(Facts(frame(games)), NOW)),
            ),
            [],
        ),
        60,
    )
    health.update()
    with serving(health) as client:
        assert client.get("/healthz").status_code == client.get("/readyz?verbose=1").status_code == 200
        values = samples(client)
        assert client.head("/metrics").content == b""
    expected = {
        named("nba_pipeline_ready"): 1,
        named("nba_pipeline_date_state", "1", "DEGRADED"): 1,
        named("nba_pipeline_date_state", "1", "COMPLETE"): 0,
        named("nba_pipeline_coverage_ratio", "1"): 0.75,
        named("nba_pipeline_rows", "1", "boxscores"): 120,
        named("nba_pipeline_quarantined_rows", "1", "boxscores"): 2,
        named("nba_pipeline_gap_to_line_points", "ensemble", "player_points", "live"): 0.1,
        named("nba_pipeline_last_tick_seconds", "lines"): NOW.timestamp(),
        named("nba_pipeline_breaker_not_closed", "espn", "open"): 1,
        named("nba_pipeline_odds_api_credits", "remaining"): 10,
        named("nba_pipeline_proxy_up", "nba_stats"): 0,
        named("nba_pipeline_proxy_up", "espn"): 1,
        named("nba_pipeline_run_seconds", "game_day"): 12.5,
        named("nba_pipeline_objective_value", "boxscores_in_time", "7"): 0.8,
        named("nba_pipeline_objective_target", "boxscores_in_time"): 0.9,
        named("nba_pipeline_objective_units", "boxscores_in_time", "30"): 10,
        named("nba_pipeline_error_budget_burn_rate", "boxscores_in_time", "48"): pytest.approx(2),
    }
    assert {name: values.get(name) for name in expected} == expected
    assert values[named("process_open_fds")] > 0
    unknown = [named("nba_pipeline_rows", "1", "grades"), named("nba_pipeline_last_tick_seconds", "new")]
    unknown += [named("nba_pipeline_objective_value", "releases_succeed", "7")]
    unknown += [named("nba_pipeline_error_budget_burn_rate", "boxscores_in_time", "24")]
    unknown.append(named("nba_pipeline_gap_to_line_points", "market", "player_points", "live"))
    assert not [name for name in unknown if name in values], "an unknown number has no sample"


@pytest.mark.parametrize(
    ("error", "reason"),
    [(PipelineError("the schedule is unreadable"), "the schedule is unreadable"), (KeyError("x"), "KeyError: 'x'")],
)
def test_a_failed_measurement_is_not_ready_and_keeps_no_old_numbers(tmp_path: Path, error: Exception, reason: str) -> None:
    outcomes: list[Any] = [(measurements(tmp_path), []), error]

    def measure() -> tuple[Measurements, list[str]]:
        outcome = outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    health = Health(measure, 60)
    health.update()
    health.update()
    with serving(health) as client:
        answered = client.get("/readyz")
        assert (answered.status_code, answered.json()) == (503, {"ok": False, "reasons": [reason]})
        assert client.get("/healthz").status_code == 200, "the process itself works"
        values = samples(client)
    assert (values[named("nba_pipeline_measured")], named("nba_pipeline_free_disk_bytes") in values) == (0, False)


def test_a_silent_daemon_is_not_ready(tmp_path: Path) -> None:
    health = Health(lambda: (measurements(tmp_path), ["No schedule or sensor has ever ticked."]), 60)
    health.update()
    with serving(health) as client:
        assert client.get("/readyz").json()["reasons"] == ["No schedule or sensor has ever ticked."]


def test_before_the_first_measurement_and_after_missed_ones(tmp_path: Path) -> None:
    health = Health(lambda: (measurements(tmp_path), []), 0)
    with serving(health) as client:
        assert client.get("/readyz").status_code == 503
        assert client.get("/healthz").status_code == 503, "an interval of 0 s is always missed"


def test_only_the_three_paths_are_served_and_only_for_reading(tmp_path: Path) -> None:
    health = Health(lambda: (measurements(tmp_path), []), 60)
    with serving(health) as client:
        assert client.get("/../etc/passwd").status_code == 404
        assert client.post("/metrics").status_code == 501


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    health = Health(lambda: (measurements(tmp_path), []), 60)
    first = server(health, "127.0.0.1", 0)
    with first, pytest.raises(BadInput, match=f"127.0.0.1:{first.server_address[1]} cannot be used: .*; choose another --port"):
        server(health, "127.0.0.1", int(first.server_address[1]))

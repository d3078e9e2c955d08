"""What the probes say about the software."""

from pathlib import Path

import pytest

from nba_pipeline.instance import software as installed
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.software import changes
from nba_pipeline.monitoring.doctor import software
from nba_pipeline.warehouse.landing import Landing


def test_packages_of_this_environment_are_supported() -> None:
    assert software.versions().state == "ok"


def test_a_package_of_another_version_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        software, "installed_version", lambda name: "1.0" if name == "polars" else installed.installed_version(name)
    )
    result = software.versions()
    assert (result.state, "polars 1.0 is installed; polars" in result.message) == ("failed", True)


def test_development_packages_matter_in_production_only(monkeypatch: pytest.MonkeyPatch) -> None:
    assert software.no_development_packages("sandbox").state == "ok"
    result = software.no_development_packages("production")
    assert result.state == "warning" and "pytest" in result.message
    assert "cryptography" not in result.message, "google-auth requires it, so production needs it"
    assert "dagster-postgres" not in result.message, "the extra `postgres` is for production"


def test_a_changed_dependency_is_named_against_the_last_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    landing = Landing(home=str(tmp_path), clock=Clock(fixed_at="2026-01-05T12:00:00+00:00"))
    assert software.drift(landing).message == "no run is recorded yet"
    landing._run_id = "11111111-run"
    landing._open("game_day", None, {}).close()
    assert software.drift(landing).state == "ok"
    monkeypatch.setattr(software, "software", lambda: {**installed.software(), "polars": "9.9.9"})
    changed = software.drift(landing)
    assert changed.state == "warning" and "-> 9.9.9" in changed.message and "2026-01-05 07:00 US Eastern" in changed.message


def test_a_package_that_is_required_since_or_until_the_last_run_is_no_change(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    landing = Landing(home=str(tmp_path), clock=Clock(fixed_at="2026-01-05T12:00:00+00:00"))
    landing._run_id = "11111111-run"
    landing._open("game_day", None, {}).close()
    required = installed.software()
    monkeypatch.setattr(software, "software", lambda: {n: v for n, v in required.items() if n != "polars"} | {"new": "1"})
    assert software.drift(landing).state == "ok"


def test_added_and_removed_packages_are_changes() -> None:
    assert changes({"a": "1", "b": "2"}, {"b": "3", "c": "1"}) == ["a 1 -> not installed", "b 2 -> 3", "c not installed -> 1"]

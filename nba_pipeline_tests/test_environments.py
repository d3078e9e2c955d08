"""Environment variables: their effects, and the error messages for unusable values."""

import os
import subprocess
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import dagster as dg
import pytest

from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.cli.app import run_command
from nba_pipeline.environments import ENVIRONMENTS, PROVIDER_ADDRESSES, clock, environment, home, resources_for
from nba_pipeline.errors import BadInput
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.opening import open_instance
from nba_pipeline.sandbox.client import SandboxHttpClient
from nba_pipeline.settings import SETTINGS, Settings, refuse_changes


def test_sandbox_is_the_default_environment() -> None:
    assert environment() == "sandbox"


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_each_environment_is_selected_by_name(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBA_PIPELINE_ENV", name)
    assert environment() == name


@pytest.mark.parametrize("name", ["prod", "", "Sandbox"])
def test_an_unknown_environment_is_an_error_with_the_choices(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBA_PIPELINE_ENV", name)
    with pytest.raises(BadInput, match=f"^NBA_PIPELINE_ENV is {name!r}; choose one of sandbox, local, production$"):
        environment()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("yesterday", "^NBA_PIPELINE_NOW must be an instant like .*, not 'yesterday'$"),
        ("2024-03-15T12:00:00", "^NBA_PIPELINE_NOW needs an offset, .*, not '2024-03-15T12:00:00'$"),
    ],
)
@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_a_malformed_instant_is_an_error_and_no_file_is_written(
    text: str, message: str, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("NBA_PIPELINE_NOW", text)
    with pytest.raises(BadInput, match=message):
        resources_for(name)
    assert not list(tmp_path.iterdir())


def test_the_clock_is_fixed_at_the_instant_of_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBA_PIPELINE_NOW", "2024-03-15T12:00:00-04:00")
    assert clock().now() == datetime(2024, 3, 15, 16, tzinfo=UTC)


def test_a_clock_argument_overrides_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBA_PIPELINE_NOW", "2024-03-15T12:00:00-04:00")
    resources = resources_for("sandbox", Clock(fixed_at="2024-01-01T00:00:00Z"))
    assert resources["clock"].now() == resources["landing"].clock.now() == datetime(2024, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("value", [None, ""], ids=["unset", "empty"])
def test_the_default_home_is_a_folder_of_the_working_folder(
    value: str | None, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NBA_PIPELINE_HOME")
    if value is not None:
        monkeypatch.setenv("NBA_PIPELINE_HOME", value)
    assert home() == tmp_path / ".nba_pipeline"


def test_a_relative_home_is_below_the_working_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NBA_PIPELINE_HOME", "there")
    assert home() == tmp_path / "there"


def test_a_home_that_is_not_writable_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("NBA_PIPELINE_HOME", str(tmp_path / "file"))
    with pytest.raises(BadInput, match=f"^NBA_PIPELINE_HOME {tmp_path}/file cannot be written: Not a directory$"):
        open_instance(home())


def test_the_sandbox_needs_no_variables_and_loading_it_writes_no_file(tmp_path: Path) -> None:
    resources = resources_for("sandbox")
    assert isinstance(resources["nba_cdn"].http, SandboxHttpClient)
    assert resources["warehouse"].home == str(tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_sandbox_does_not_read_the_archive(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("NBA_ARCHIVE_DIR", str(tmp_path))
    assert resources_for("sandbox")["archive"].folder == ""
    assert resources_for("local")["archive"].folder == str(tmp_path)


def test_local_uses_the_real_providers_and_loads_without_keys() -> None:
    http = resources_for("local")["nba_cdn"].http
    expected = {
        "nba_cdn": "https://cdn.nba.com",
        "nba_stats": "https://stats.nba.com",
        "balldontlie": "https://api.balldontlie.io",
        "odds_api": "https://api.the-odds-api.com",
        "injury_report": "https://ak-static.cms.nba.com",
        "espn": "https://site.api.espn.com",
    }
    assert expected.items() <= http.base_urls.items() and http.base_urls.keys() == PROVIDER_ADDRESSES.keys()
    assert all(address.startswith("https://") for address in http.base_urls.values())
    assert resources_for("local")["odds_api"].api_key == ""


def test_variables_set_the_url_and_the_key_of_a_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ODDS_API_URL", "http://127.0.0.1:8000")
    monkeypatch.setenv("ODDS_API_KEY", "abc")
    odds = resources_for("local")["odds_api"]
    assert odds.http.base_urls["odds_api"] == "http://127.0.0.1:8000"
    assert isinstance(odds.api_key, dg.EnvVar) and odds.api_key.env_var_name == "ODDS_API_KEY"  # the key itself is never stored
    assert odds.http.base_urls["nba_cdn"] == "https://cdn.nba.com"


def test_a_sandbox_with_one_url_uses_no_real_provider(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBA_CDN_URL", "http://127.0.0.1:8000")
    addresses = resources_for("sandbox")["odds_api"].http.base_urls
    assert not [address for address in addresses.values() if not address.startswith("http://127.0.0.1")]


@pytest.mark.parametrize(
    ("variables", "missing"),
    [
        ({}, "BIGQUERY_PROJECT and BIGQUERY_DATASET; set them"),
        ({"BIGQUERY_PROJECT": "nba"}, "BIGQUERY_DATASET; set it"),
        ({"BIGQUERY_DATASET": "nba"}, "BIGQUERY_PROJECT; set it"),
    ],
    ids=str,
)
def test_production_names_missing_variables(variables: dict[str, str], missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(BadInput, match=f"^NBA_PIPELINE_ENV=production needs {missing}$"):
        resources_for("production")["warehouse"].preflight()


def test_production_with_postgres_needs_a_bucket_which_several_hosts_can_share(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "BIGQUERY_PROJECT": "nba",
        "BIGQUERY_DATASET": "nba",
        "DAGSTER_POSTGRES_URL": "postgresql://x@y/z",
    }.items():
        monkeypatch.setenv(name, value)
    warehouse = resources_for("production")["warehouse"]
    with pytest.raises(BadInput, match="needs NBA_PIPELINE_STORE=gs://bucket/prefix"):
        warehouse.preflight()
    with pytest.raises(BadInput, match="needs NBA_PIPELINE_STORE=gs://bucket/prefix"):
        warehouse.locked(SCHEDULE, [date(2026, 1, 15)], "a writer")
    monkeypatch.setenv("NBA_PIPELINE_STORE", "gs://bucket/nba")
    monkeypatch.setenv("NBA_PIPELINE_ENV", "production")
    resources = resources_for("production")
    resources["warehouse"].refuse_missing_names()
    assert resources["public"].location == "gs://bucket/nba/public"


def test_landing_and_models_of_production_may_be_in_a_bucket(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert resources_for("production")["landing"].home == str(tmp_path)
    monkeypatch.setenv("NBA_PIPELINE_STORE", "gs://bucket/nba")
    resources = resources_for("production")
    assert resources["landing"].home == resources["model_store"].home == "gs://bucket/nba"
    assert resources_for("local")["landing"].home == str(tmp_path)


@pytest.mark.parametrize(
    ("variable", "value", "problem"),
    [
        ("NBA_PIPELINE_PUBLIC", "/srv/public", "NBA_PIPELINE_PUBLIC is '/srv/public'; name a bucket, such as gs://bucket/prefix"),
        ("NBA_PIPELINE_PUBLIC_URL", "nba.example.org", "NBA_PIPELINE_PUBLIC_URL is 'nba.example.org'; it must begin with https:// or http://"),
    ],
)  # fmt: skip
def test_an_address_of_the_published_files_that_is_none_is_refused(
    variable: str, value: str, problem: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(BadInput, match=f"^{problem}$"):
        resources_for("sandbox")


def test_every_environment_has_the_same_resources() -> None:
    sandbox, *other_environments = (resources_for(name).keys() for name in ENVIRONMENTS)
    assert all(names == sandbox for names in other_environments)


def test_the_command_exits_with_code_2_and_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("NBA_PIPELINE_ENV", "typo")
    monkeypatch.setattr(sys, "argv", ["nba-pipeline", "status"])
    code = run_command()
    captured = capsys.readouterr()
    assert (code, captured.out) == (2, "")
    assert captured.err == "nba-pipeline: NBA_PIPELINE_ENV is 'typo'; choose one of sandbox, local, production\n"
    assert not list(tmp_path.iterdir())


def test_settings_come_from_the_home_or_the_named_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    homes = [tmp_path / "one", tmp_path / "two"]
    for number, folder in enumerate(homes):
        folder.mkdir()
        (folder / "settings.toml").write_text(f"[lines]\nlate_hours = {number + 1}\n")
    late_hours = []
    for folder in [*homes, tmp_path / "none"]:
        monkeypatch.setenv("NBA_PIPELINE_HOME", str(folder))
        late_hours.append(SETTINGS.lines.late_hours)
    assert late_hours == [1.0, 2.0, Settings().lines.late_hours]
    monkeypatch.setenv("NBA_PIPELINE_SETTINGS", str(homes[1] / "settings.toml"))
    assert SETTINGS.lines.late_hours == 2.0
    monkeypatch.setenv("NBA_PIPELINE_SETTINGS", str(tmp_path / "missing.toml"))
    with pytest.raises(BadInput, match=r"missing\.toml cannot be read: No such file"):
        _ = SETTINGS.lines


def test_changed_settings_are_refused_until_the_process_restarts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NBA_PIPELINE_HOME", str(tmp_path / "home"))
    refuse_changes()
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "settings.toml").write_text("[lines]\nlate_hours = 5\n")
    with pytest.raises(BadInput, match=r"settings\.toml has changed since this process read it; restart the process"):
        refuse_changes()
    assert SETTINGS.lines.late_hours == Settings().lines.late_hours


@pytest.mark.unattended
@pytest.mark.platform
def test_the_definitions_of_the_tables_use_the_settings_file(tmp_path: Path) -> None:
    """Dagster's definitions are made at import. The file must be known by then."""
    file = tmp_path / "settings.toml"
    file.write_text("[names]\nactive_days = 17\n[lines]\nlowest = 2.5\n")
    show = (
        "from nba_pipeline.definitions import defs; spec = {s.key.path[-1]: s for s in defs.resolve_all_asset_specs()}['injuries'];"
        "print({d.asset_key.path[-1]: d.partition_mapping for d in spec.deps}['boxscores'].start_offset);"
        "from nba_pipeline.tables.registry import TABLES;"
        "print(*[TABLES[name].schema.columns()['line'].min for name in ('predictions', 'picks', 'features')])"
    )
    shown = subprocess.run(
        [sys.executable, "-c", show],
        env=os.environ | {"NBA_PIPELINE_SETTINGS": str(file)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert shown.stdout.split() == ["-17", "2.5", "2.5", "2.5"]

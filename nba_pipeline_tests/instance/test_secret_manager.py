"""Secrets by reference: the real client of Google against a local service, and one sentence for each failure."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nba_pipeline import environments
from nba_pipeline.environments import SECRETS, SINKS, refuse_unreadable_secrets
from nba_pipeline.errors import BadInput
from nba_pipeline.instance.postgres import database_of
from nba_pipeline.instance.secret_manager import resolved
from nba_pipeline.monitoring.sinks import VARIABLES
from nba_pipeline_tests.commands import nba_pipeline
from nba_pipeline_tests.instance.secret_service import SecretService, secret_service

pytestmark = pytest.mark.slow

NAME, CANARY = "projects/nba/secrets/odds/versions", "canary"


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecretService]:
    with secret_service(monkeypatch, tmp_path_factory.mktemp("account")) as service:
        yield service


def test_a_value_that_is_no_reference_is_returned_unchanged(service: SecretService) -> None:
    assert resolved("a key", "ODDS_API_KEY") == "a key" and resolved("", "ODDS_API_KEY") == ""
    assert service.requested == []


@pytest.mark.parametrize(
    ("reference", "version"),
    [("sm://nba/odds", "latest"), ("sm://nba/odds/7", "7"), (f"{NAME}/7", "7"), ("projects/nba/secrets/odds", "latest")],
)
def test_a_secret_is_read_once_per_process(reference: str, version: str, service: SecretService) -> None:
    service.secrets[f"{NAME}/{version}"] = b"canary\n"
    service.statuses = [503]
    assert [resolved(reference, "ODDS_API_KEY") for _ in range(3)] == [CANARY] * 3
    assert service.requested == [f"{NAME}/{version}"] * 2  # the first answer was 503


FAILURES = {
    "no such secret": (404, f"^ODDS_API_KEY: the secret {NAME}/latest at 127.0.0.1:PORT does not exist \\(404\\)$"),
    "no role": (403, "at 127.0.0.1:PORT was refused: grant the role Secret Manager Secret Accessor \\(403\\)$"),
    "disabled": (400, "at 127.0.0.1:PORT has no enabled version \\(400\\)$"),
    "unavailable": (503, "^ODDS_API_KEY: 127.0.0.1:PORT is not available \\(status 503\\)$"),
}


@pytest.mark.parametrize(("status", "message"), FAILURES.values(), ids=list(FAILURES))
def test_a_secret_that_cannot_be_read_is_one_sentence(status: int, message: str, service: SecretService) -> None:
    service.statuses = [status] * 3
    with pytest.raises(BadInput, match=message.replace("PORT", service.url.rpartition(":")[2])):
        resolved("sm://nba/odds", "ODDS_API_KEY")


@pytest.mark.parametrize("value", [b" \n", b"\xff"], ids=["empty", "no text"])
def test_an_unusable_secret_is_one_sentence(value: bytes, service: SecretService) -> None:
    service.secrets[f"{NAME}/latest"] = value
    with pytest.raises(BadInput, match=r"^ODDS_API_KEY: .* (is empty|has no text)$"):
        resolved("sm://nba/odds", "ODDS_API_KEY")


@pytest.mark.parametrize("value", ["sm://nba", "sm://nba/odds/7/8", "projects/nba/odds", "sm://nba/odds?x=1"])
def test_a_malformed_reference_is_one_sentence(value: str) -> None:
    with pytest.raises(BadInput, match=r"^ODDS_API_KEY must name a secret as sm://PROJECT/SECRET or .*, not '"):
        resolved(value, "ODDS_API_KEY")


def test_an_expired_credential_ends_a_command_before_it_changes_anything(
    service: SecretService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ODDS_API_KEY", service.add("odds", CANARY))
    service.token_error = "invalid_grant"
    ended = nba_pipeline("run", "--date", "2026-01-15", home=tmp_path, now=datetime(2026, 1, 15, 17, tzinfo=UTC))
    assert (ended.returncode, ended.stdout, list(tmp_path.iterdir())) == (2, "", [])
    assert "ODDS_API_KEY: no secret can be read at 127.0.0.1:" in ended.stderr and "invalid_grant" in ended.stderr
    reading = nba_pipeline("status", "--from", "2026-01-15", "--to", "2026-01-15", home=tmp_path)
    assert reading.returncode == 0, reading.stderr


def test_a_missing_key_file_is_named(service: SecretService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", "/nowhere.json")
    with pytest.raises(
        BadInput, match=r"^ODDS_API_KEY: no secret can be read .* credentials: File /nowhere.json was not found.$"
    ):
        resolved("sm://nba/odds", "ODDS_API_KEY")


def test_a_service_that_does_not_answer_is_named(service: SecretService, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_MANAGER_URL", "http://127.0.0.1:9")
    with pytest.raises(BadInput, match=r"^ODDS_API_KEY: 127.0.0.1:9 is not available \(ConnectionError\)$"):
        resolved("sm://nba/odds", "ODDS_API_KEY")


def test_every_secret_variable_may_be_a_reference(service: SecretService, monkeypatch: pytest.MonkeyPatch) -> None:
    assert set(SINKS.values()) == set(VARIABLES.values()) < set(SECRETS)
    assert refuse_unreadable_secrets() == 0
    for number, variable in enumerate(SECRETS):
        monkeypatch.setenv(variable, service.add(f"secret_{number}", CANARY))
    assert refuse_unreadable_secrets() == len(SECRETS) == len(service.requested)


def test_the_password_of_the_database_may_be_a_reference(service: SecretService, monkeypatch: pytest.MonkeyPatch) -> None:
    for part, value in {"HOST": "db", "DB": "nba", "USER": "ann", "PASSWORD": service.add("postgres", "a/b@c")}.items():
        monkeypatch.setenv(f"DAGSTER_POSTGRES_{part}", value)
    database = database_of(environments.home())
    assert database and database.url() == "postgresql+psycopg2://ann:a%2Fb%40c@db:5432/nba"
    assert database.config() == {
        "postgres_db": {key: {"env": f"DAGSTER_POSTGRES_{part}"} for key, part in
                        {"hostname": "HOST", "db_name": "DB", "username": "USER", "password": "PASSWORD"}.items()},
        "secret_manager_url": {"env": "SECRET_MANAGER_URL"},
    }  # fmt: skip

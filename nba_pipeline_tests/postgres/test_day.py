"""A day of the platform with its instance in PostgreSQL: backfill, run, status, watch. Nothing that it leaves has a secret."""

import gzip
import os
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from urllib.parse import quote

import polars as pl
import pytest

from nba_pipeline.environments import SECRETS
from nba_pipeline.instance.private_files import GROUP_AND_OTHERS
from nba_pipeline.league.calendar import eastern
from nba_pipeline_tests.commands import nba_pipeline
from nba_pipeline_tests.instance.secret_service import TOKEN, secret_service
from nba_pipeline_tests.monitoring.webhook import SECRET, Slack, listening
from nba_pipeline_tests.orchestration.test_runner import rules
from nba_pipeline_tests.postgres.cluster import PASSWORD, Cluster

FIRST, YESTERDAY, TODAY = date(2026, 1, 7), date(2026, 1, 14), date(2026, 1, 15)
MORNING = eastern(TODAY, 9)
CANARY = "c4nary"
SEARCHED = (CANARY, SECRET, PASSWORD, quote(PASSWORD, safe=""), TOKEN)


@pytest.fixture
def webhook(
    database: str, cluster: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Slack]:
    """A canary in every variable with a secret, in every second one by reference, and a webhook that receives the alerts."""
    umask = os.umask(0o022)  # the default of most systems, which lets all users read
    with secret_service(monkeypatch, tmp_path_factory.mktemp("account")) as service, listening() as webhook:
        monkeypatch.setenv("PAGERDUTY_URL", webhook.url)
        for number, variable in enumerate(SECRETS):
            value = f"http://{CANARY}:{CANARY}@127.0.0.1:9" if variable.endswith("_PROXY") else f"{CANARY}-{variable}"
            value = webhook.url if variable in ("SLACK_WEBHOOK_URL", "ALERT_WEBHOOK_URL") else value
            value = cluster.url(database) if variable == "DAGSTER_POSTGRES_URL" else value
            if variable != "DAGSTER_POSTGRES_PASSWORD":  # excludes the URL
                is_reference = number % 2 or variable == "DAGSTER_POSTGRES_URL"
                monkeypatch.setenv(variable, service.add(variable, value) if is_reference else value)
        yield webhook
    os.umask(umask)


@pytest.mark.long(seconds=100)
def test_a_day_leaves_its_history_in_postgres_and_no_secret(
    database: str, webhook: Slack, tmp_path: Path, cluster: Cluster
) -> None:
    rules(tmp_path)
    given = {tmp_path, *tmp_path.rglob("*")}
    span, printed = ("--from", str(FIRST), "--to", str(YESTERDAY)), []
    for words, code in {
        ("backfill", *span): 0,
        ("run", "--date", str(TODAY), "--mode", "same_day"): 0,
        ("status", "--from", str(FIRST), "--to", str(TODAY), "--format", "json"): 0,
        ("backfill", *span, "--resume"): 0,
        ("watch", "--once"): 1,
        ("explain", "--date", str(TODAY)): 0,
        ("doctor", "--format", "json"): 0,
        ("settings",): 0,
    }.items():
        done = nba_pipeline(*words, home=tmp_path, now=MORNING)
        assert done.returncode == code, f"{words}: {done.stdout}{done.stderr}"
        printed += [done.stdout, done.stderr]
    assert (
        "COMPLETE" in printed[4] and "daemon_silent" in printed[9] and "references to Secret Manager can be read" in printed[12]
    )
    assert {document.get("routing_key", "") for document in webhook.sent} == {"", f"{CANARY}-PAGERDUTY_ROUTING_KEY"}
    assert dict(cluster.execute("SELECT status, count(*) FROM runs GROUP BY status", database)).keys() == {"SUCCESS"}
    planned = "SELECT count(*) FROM asset_check_executions WHERE execution_status = 'PLANNED'"
    assert cluster.execute(planned, database) == [(0,)]
    assert not list(tmp_path.rglob("*.db"))
    assert not {place for place, text in {**left_in(tmp_path), **rows_of(cluster, database)}.items() if has_a_secret(text)}
    assert not [text for text in printed if has_a_secret(text)]
    assert not [path for path in {*tmp_path.rglob("*")} - given if path.stat().st_mode & GROUP_AND_OTHERS]


def test_a_secret_in_a_compressed_file_or_a_row_is_found(database: str, tmp_path: Path, cluster: Cluster) -> None:
    (tmp_path / "landed.json.gz").write_bytes(gzip.compress(f"x{CANARY}".encode()))
    pl.DataFrame({"problem": [CANARY]}).write_parquet(tmp_path / "part.parquet")
    cluster.execute(f"INSERT INTO kvs (key, value) VALUES ('a', '{PASSWORD}')", database)
    found = {place for place, text in {**left_in(tmp_path), **rows_of(cluster, database)}.items() if has_a_secret(text)}
    assert found == {"landed.json.gz", "part.parquet", "kvs"}


def has_a_secret(text: str) -> bool:
    return any(secret in text for secret in SEARCHED)


def left_in(home: Path) -> dict[str, str]:
    """Every file of a home by name, decompressed."""
    texts = dict[str, str]()
    for path in home.rglob("*"):
        if path.is_file():
            content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
            content = content if path.suffix != ".parquet" else str(pl.read_parquet(path).to_dicts()).encode()
            texts[str(path.relative_to(home))] = content.decode(errors="replace")
    return texts


def rows_of(cluster: Cluster, database: str) -> dict[str, str]:
    """Every row of every table of a database as text, by table."""
    tables = [str(name) for (name,) in cluster.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database)]
    return {table: str(cluster.execute(f"SELECT t::text FROM {table} t", database)) for table in tables}

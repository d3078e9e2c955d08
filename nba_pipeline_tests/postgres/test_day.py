"""A day of the platform with its instance in PostgreSQL: backfill, run, status, watch."""

from datetime import date
from pathlib import Path

from nba_pipeline.league.calendar import eastern
from nba_pipeline_tests.commands import nba_pipeline
from nba_pipeline_tests.orchestration.test_runner import rules
from nba_pipeline_tests.postgres.cluster import PASSWORD, Cluster

FIRST, YESTERDAY, TODAY = date(2026, 1, 7), date(2026, 1, 14), date(2026, 1, 15)
MORNING = eastern(TODAY, 9)


def test_a_day_leaves_its_history_in_postgres_and_no_secret(database: str, tmp_path: Path, cluster: Cluster) -> None:
    rules(tmp_path)
    loaded = nba_pipeline("backfill", "--from", str(FIRST), "--to", str(YESTERDAY), home=tmp_path, now=MORNING)
    assert loaded.returncode == 0, loaded.stderr
    done = nba_pipeline("run", "--date", str(TODAY), "--mode", "same_day", home=tmp_path, now=MORNING)
    assert done.returncode == 0, done.stderr
    status = nba_pipeline("status", "--from", str(FIRST), "--to", str(TODAY), "--format", "json", home=tmp_path, now=MORNING)
    assert "COMPLETE" in status.stdout
    resumed = nba_pipeline("backfill", "--from", str(FIRST), "--to", str(YESTERDAY), "--resume", home=tmp_path, now=MORNING)
    assert resumed.returncode == 0, resumed.stderr
    watched = nba_pipeline("watch", "--once", home=tmp_path, now=MORNING)
    assert watched.returncode == 1 and "daemon_silent" in watched.stderr
    assert dict(cluster.execute("SELECT status, count(*) FROM runs GROUP BY status", database)).keys() == {"SUCCESS"}
    planned = "SELECT count(*) FROM asset_check_executions WHERE execution_status = 'PLANNED'"
    assert cluster.execute(planned, database) == [(0,)]
    assert not list(tmp_path.rglob("*.db"))
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and PASSWORD.encode() in path.read_bytes()]
    texts = "SELECT count(*) FROM event_logs WHERE event LIKE %(secret)s".replace("%(secret)s", f"'%{PASSWORD}%'")
    assert cluster.execute(texts, database) == [(0,)]

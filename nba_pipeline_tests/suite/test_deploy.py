"""The unit files in `deploy/` are well-formed and start the watchdog with options that exist."""

import configparser
import json
import re
import shlex
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml

from nba_pipeline import cli
from nba_pipeline.monitoring.health_server import Health
from nba_pipeline.monitoring.metrics import Measurements, families

DEPLOY = Path(__file__).parents[2] / "deploy"
WATCH = ["watch", "--once"]
METRIC = re.compile(r"nba_pipeline_\w+")
LEGEND_LABEL = re.compile(r"{{(\w+)}}")


def unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(DEPLOY / name)
    return parser


def cronjob() -> dict[str, Any]:
    return dict(yaml.safe_load((DEPLOY / "watch-cronjob.yaml").read_text(encoding="utf-8")))


def command(name: str) -> list[str]:
    if name == "systemd":
        return shlex.split(unit("nba-pipeline-watch.service")["Service"]["ExecStart"])[1:]
    if name == "cron":
        line = (DEPLOY / "crontab").read_text(encoding="utf-8").splitlines()[-1]
        return re.findall(r'nba-pipeline" (watch \S+)', line)[0].split()
    [container] = cronjob()["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    return list(container["command"][1:])


@pytest.mark.parametrize("name", ["systemd", "cron", "kubernetes"])
def test_the_watchdog_is_started_once(name: str) -> None:
    assert command(name) == WATCH
    watch = typer.main.get_command(cli.app).commands["watch"]  # type: ignore[attr-defined]
    assert "--once" in {option for parameter in watch.params for option in parameter.opts}


def test_the_cron_job_is_a_cron_job_of_kubernetes_that_is_never_repeated() -> None:
    job = cronjob()
    assert (job["apiVersion"], job["kind"]) == ("batch/v1", "CronJob")
    inner = job["spec"]["jobTemplate"]["spec"]
    assert (inner["backoffLimit"], inner["template"]["spec"]["restartPolicy"]) == (0, "Never")
    volumes = {volume["name"] for volume in inner["template"]["spec"]["volumes"]}
    assert {mount["name"] for mount in inner["template"]["spec"]["containers"][0]["volumeMounts"]} == volumes


def test_all_of_them_run_every_five_minutes() -> None:
    assert cronjob()["spec"]["schedule"] == "*/5 * * * *"
    assert (DEPLOY / "crontab").read_text(encoding="utf-8").splitlines()[-1].startswith("*/5 * * * * ")
    assert unit("nba-pipeline-watch.timer")["Timer"]["OnCalendar"] == "*:0/5"


def test_an_alert_is_no_failure_of_the_unit() -> None:
    assert unit("nba-pipeline-watch.service")["Service"]["SuccessExitStatus"] == "1"


def test_the_dashboard_shows_metrics_that_exist(tmp_path: Path) -> None:
    measured = Measurements(at=datetime(2026, 1, 5, tzinfo=UTC), today=date(2026, 1, 5), home=tmp_path)
    known = {family.name for family in Health(lambda: (measured, []), 60).collect()} | {one.name for one in families(measured)}
    dashboard = json.loads((DEPLOY / "grafana-dashboard.json").read_text(encoding="utf-8"))
    named = {name for panel in dashboard["panels"] for one in panel["targets"] for name in METRIC.findall(one["expr"])}
    assert named and named <= known


def test_the_dashboard_names_series_by_labels_that_prometheus_keeps(tmp_path: Path) -> None:
    measured = Measurements(at=datetime(2026, 1, 5, tzinfo=UTC), today=date(2026, 1, 5), home=tmp_path)
    labels = {one.name: set(one._labelnames) for one in families(measured)}
    assert not [name for name, its in labels.items() if its & {"job", "instance"}], "Prometheus renames these labels"
    for panel in json.loads((DEPLOY / "grafana-dashboard.json").read_text(encoding="utf-8"))["panels"]:
        for one in panel["targets"]:
            (metric,) = METRIC.findall(one["expr"]) or [""]
            assert set(LEGEND_LABEL.findall(one["legendFormat"])) <= labels.get(metric, set()), panel["title"]

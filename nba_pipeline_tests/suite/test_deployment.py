"""The files in `deploy/` keep the rules: no root, no secret, one daemon, one open port, commands and variables that exist."""

import math
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from dagster._config import Shape, validate_config
from dagster._core.instance.config import dagster_instance_config_schema

from nba_pipeline.instance.command_runs import LOCATION
from nba_pipeline.instance.opening import settings_text
from nba_pipeline.instance.postgres import PARTS, PREFIX, URL_VARIABLE, Database

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SECRET = re.compile(r"KEY|PASSWORD|SECRET|TOKEN|WEBHOOK|HEARTBEAT|PROXY")
VARIABLE = re.compile(r"\b(?:NBA|DAGSTER_POSTGRES|ODDS|BALLDONTLIE|INJURY|ESPN|SLACK|PAGERDUTY|HEARTBEAT|BIGQUERY)_[A-Z_]+\b")
OURS = ("prepare", "code", "daemon", "webserver", "webserver-read-only", "watch")
MEASURED = re.compile(r"^\| ([^|]+) \| (\d+) \| [^|]* \| ([\d.]+) \|$", re.MULTILINE)
LARGEST_RUN, MEMORY_STEP = "backfill of a season", 128
LATEST = re.compile(r":latest$|^[^:]+$")


def text(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def services() -> dict[str, Any]:
    return dict(yaml.safe_load(text("compose.yaml"))["services"])


@pytest.fixture(scope="module")
def values() -> dict[str, Any]:
    return dict(yaml.safe_load(text("helm-values.yaml")))


def instructions() -> list[tuple[str, str]]:
    joined = re.sub(r"\\\n\s*", "", text("Dockerfile"))
    lines = [line for line in joined.splitlines() if line and not line.startswith("#")]
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in lines)]


def test_the_image_runs_without_root_and_holds_no_build_tools() -> None:
    steps = instructions()
    stages = [rest for word, rest in steps if word == "FROM"]
    assert len(stages) == 2 and stages[0].endswith(" AS build")
    last = steps[max(n for n, (word, _) in enumerate(steps) if word == "FROM") :]
    user = next(rest for word, rest in last if word == "USER")
    assert re.fullmatch(r"[1-9]\d{3,}:[1-9]\d{3,}", user)
    after_user = [word for word, _ in last[[word for word, _ in last].index("USER") :]]
    assert "RUN" not in after_user and "COPY" not in after_user
    assert not any("pip install" in rest for word, rest in last if word == "RUN")
    assert ("CMD", '["nba-pipeline", "--help"]') in last
    assert next(rest for word, rest in last if word == "HEALTHCHECK").endswith('CMD ["nba-pipeline", "doctor"]')


def test_the_image_is_pinned_and_copies_only_what_it_needs() -> None:
    steps = instructions()
    images = [rest.partition("=")[2] for word, rest in steps if word == "ARG" and "IMAGE=" in rest]
    assert images and not any(LATEST.search(image) for image in images)
    assert any("--constraint constraints.txt" in rest for word, rest in steps if word == "RUN")
    assert not any(word == "ADD" for word, _ in steps)
    ignored = text("Dockerfile.dockerignore").splitlines()
    assert "*" in ignored and {line[1:] for line in ignored if line.startswith("!")} == {
        source for word, rest in steps if word == "COPY" and "--from" not in rest for source in rest.split()[:-1]
    }


def test_only_the_proxy_publishes_ports_and_the_database_reaches_no_other_network(services: dict[str, Any]) -> None:
    assert [name for name, service in services.items() if "ports" in service] == ["proxy"]
    networks = yaml.safe_load(text("compose.yaml"))["networks"]
    inner = {name for name, network in networks.items() if network.get("internal")}
    for name in ("postgres", "daemon", "webserver", "webserver-read-only", "prepare"):
        assert set(services[name]["networks"]) <= inner, name
    assert {name for name, service in services.items() if "database" in service["networks"]} == {"postgres", *OURS}


def test_every_service_has_few_rights(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["cap_drop"] == ["ALL"] and service["security_opt"] == ["no-new-privileges:true"], name
        assert not service.get("privileged") and "user" not in service, name
        assert not LATEST.search(service["image"].replace("${NBA_PIPELINE_VERSION:?set it in deploy/.env}", "1")), name
        if name != "postgres":
            assert service["read_only"] and service["tmpfs"] == ["/tmp"], name


def test_there_is_one_daemon_and_every_process_that_stays_is_checked(services: dict[str, Any]) -> None:
    daemons = [name for name, service in services.items() if service.get("command", [""])[0] == "dagster-daemon"]
    assert daemons == ["daemon"] and "deploy" not in services["daemon"]
    unchecked = {name for name, service in services.items() if "test" not in service.get("healthcheck", {})}
    assert unchecked == {"prepare", "watch", "proxy"}
    assert services["code"]["hostname"] == "code"


def test_secrets_come_from_the_environment_and_only_the_services_that_need_them_have_them(services: dict[str, Any]) -> None:
    for name, service in services.items():
        for variable, value in service.get("environment", {}).items():
            if SECRET.search(variable):
                assert re.fullmatch(r"\$\{[A-Z_]+:(-|\?.*)\}?", value), f"{name}: {variable}"
    with_keys = {name for name, service in services.items() if "ODDS_API_KEY" in service.get("environment", {})}
    assert with_keys == {"code", "watch"}
    assert all(line.endswith("=") for line in text("environment.example").splitlines() if SECRET.search(line.partition("=")[0]))


def test_the_variables_exist_and_are_documented() -> None:
    documented = set(VARIABLE.findall((ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")))
    of_compose = {"NBA_PIPELINE_VERSION"}
    named = {
        variable
        for file in ("compose.yaml", "environment.example", "Dockerfile", "helm-values.yaml", "watch-cronjob.yaml")
        for variable in VARIABLE.findall(text(file))
    }
    assert named - documented <= of_compose


def test_the_workspace_names_the_location_of_the_runs() -> None:
    [server] = yaml.safe_load(text("workspace.yaml"))["load_from"]
    assert server["grpc_server"] == {"host": "code", "port": 4000, "location_name": LOCATION}


@pytest.mark.parametrize(
    "values",
    [{URL_VARIABLE: "postgresql://x@y/z"}, {PREFIX + end: "1" for end in PARTS.values()}, None],
    ids=["url", "parts", "sqlite"],
)
def test_dagsters_schema_accepts_the_instance(values: dict[str, str] | None) -> None:
    written = settings_text(Path("/home"), Database(values, "local") if values else None)
    result = validate_config(Shape(dagster_instance_config_schema()), yaml.safe_load(written))
    assert result.success, result.errors


def test_the_chart_has_one_daemon_and_no_public_address(values: dict[str, Any]) -> None:
    assert values["dagsterWebserver"]["service"]["type"] == "ClusterIP" and "ingress" not in values
    assert values["postgresql"]["postgresqlScheme"] == "postgresql+psycopg2"
    assert "replicaCount" not in values["dagsterDaemon"]
    [deployment] = values["dagster-user-deployments"]["deployments"]
    assert not [entry for entry in deployment["env"] if SECRET.search(entry["name"])]
    assert deployment["podSecurityContext"]["runAsNonRoot"] and deployment["securityContext"]["readOnlyRootFilesystem"]


def test_requests_and_limits_follow_from_the_measurements(values: dict[str, Any], services: dict[str, Any]) -> None:
    """The rule is in deploy/README.md: memory of the peak and 1.5 times the peak, CPU of the 95th percentile."""
    measured = {name: (int(mib), float(cores)) for name, mib, cores in MEASURED.findall(text("README.md"))}
    [code] = values["dagster-user-deployments"]["deployments"]
    [watch] = yaml.safe_load(text("watch-cronjob.yaml"))["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    parts = {
        "code server, idle": code,
        "daemon, idle": values["dagsterDaemon"],
        "webserver, 50 requests at once": values["dagsterWebserver"],
        LARGEST_RUN: values["runLauncher"]["config"]["k8sRunLauncher"],
        "watch --once": watch,
    }
    for name, part in parts.items():
        mib, cores = measured[name]
        assert part["resources"] == {
            "requests": {"cpu": f"{math.ceil(10 * cores) * 100}m", "memory": f"{rounded(mib)}Mi"},
            "limits": {"memory": f"{rounded(1.5 * mib)}Mi"},
        }, name
    assert max(mib for name, (mib, _) in measured.items() if name not in parts) <= measured[LARGEST_RUN][0]
    runs = values["dagsterDaemon"]["runCoordinator"]["config"]["queuedRunCoordinator"]["maxConcurrentRuns"]
    on_one_host = measured["code server, idle"][0] + runs * measured[LARGEST_RUN][0]
    assert on_one_host <= 1024 * int(services["code"]["mem_limit"].removesuffix("g"))


def rounded(mib: float) -> int:
    return math.ceil(mib / MEMORY_STEP) * MEMORY_STEP


def test_pods_share_no_volume_and_the_watchdog_has_the_variables_of_runs(values: dict[str, Any]) -> None:
    """Runs are on any node. A claim that one node can write would leave the others pending."""
    [code] = values["dagster-user-deployments"]["deployments"]
    [watch] = (job := yaml.safe_load(text("watch-cronjob.yaml"))["spec"]["jobTemplate"]["spec"]["template"]["spec"])["containers"]
    for volumes in (code["volumes"], job["volumes"]):
        assert {frozenset(volume) for volume in volumes} == {frozenset(("name", "emptyDir"))}
    variables = {one["name"]: one["value"] for one in code["env"]}
    assert variables["NBA_PIPELINE_ENV"] == "production" and variables["NBA_PIPELINE_STORE"].startswith("gs://")
    database, parts = values["postgresql"], {"hostname": "Host", "db_name": "Database", "username": "Username"}
    for part, name in parts.items():
        assert variables.get(PREFIX + PARTS[part]) == database[f"postgresql{name}"], part
    assert watch["env"] == code["env"]
    assert [one["secretRef"] for one in watch["envFrom"]] == code["envSecrets"]
    for container in (code, watch):
        assert variables["NBA_PIPELINE_HOME"] in {mount["mountPath"] for mount in container["volumeMounts"]}


def test_the_limits_of_the_chart_are_those_of_one_machine(values: dict[str, Any]) -> None:
    here = yaml.safe_load(settings_text(Path("/home"), None))
    queue, runs = values["dagsterDaemon"]["runCoordinator"]["config"]["queuedRunCoordinator"], here["concurrency"]["runs"]
    assert queue["maxConcurrentRuns"] == runs["max_concurrent_runs"]
    assert queue["tagConcurrencyLimits"] == runs["tag_concurrency_limits"]
    assert values["additionalInstanceConfig"]["concurrency"]["pools"] == here["concurrency"]["pools"]
    monitoring = values["dagsterDaemon"]["runMonitoring"]
    assert monitoring["enabled"] and here["run_monitoring"]["enabled"], (
        "it ends runs whose launcher says that the worker has ended"
    )
    assert monitoring["freeSlotsAfterRunEndSeconds"] == here["run_monitoring"]["free_slots_after_run_end_seconds"]

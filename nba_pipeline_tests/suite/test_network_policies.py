"""The network policies of `deploy/`, evaluated for each pair of pods as Kubernetes does: what is not permitted is refused."""

import ipaddress
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
NAMESPACE = "kubernetes.io/metadata.name"
SENDS_REQUESTS = {"nba-pipeline/sends-requests": "true"}
PODS: dict[str, dict[str, str]] = {
    "webserver": {"app.kubernetes.io/name": "dagster", "component": "dagster-webserver"},
    "read-only webserver": {"app.kubernetes.io/name": "dagster", "component": "dagster-webserver-read-only"},
    "daemon": {"app.kubernetes.io/name": "dagster", "component": "dagster-daemon"},
    "code server": {"app.kubernetes.io/name": "dagster-user-deployments", "component": "user-deployments", **SENDS_REQUESTS},
    "run": {"app.kubernetes.io/name": "dagster", "app.kubernetes.io/component": "run_worker", **SENDS_REQUESTS},
    "watchdog": {"app.kubernetes.io/name": "nba-pipeline-watch", **SENDS_REQUESTS},
    "another pod": {"app": "another"},
}
"""Labels of the pods: those of the chart 1.13 and of dagster-k8s 0.29, and those of our files."""

PLACES: dict[str, dict[str, Any]] = {
    "proxy": {"namespace": "ingress-nginx"},
    "another namespace": {"namespace": "another"},
    "PostgreSQL": {"namespace": "database"},
    "DNS": {"namespace": "kube-system"},
    "Kubernetes": {"address": "10.0.0.1"},
    "provider": {"address": "203.0.113.1"},
    "private address": {"address": "10.1.2.3"},
    "metadata server": {"address": "169.254.169.254"},
}
WEB, CODE, HTTPS, POSTGRES = 80, 4000, 443, 5432
PERMITTED = {
    *(("proxy", name, WEB) for name in ("webserver", "read-only webserver")),
    *((name, "code server", CODE) for name in ("webserver", "read-only webserver", "daemon", "run")),
    *((name, "PostgreSQL", POSTGRES) for name in PODS if name != "another pod"),
    *((name, "provider", HTTPS) for name in ("code server", "run", "watchdog")),
    *((name, "metadata server", 80) for name in ("code server", "run", "watchdog")),
    *((name, "Kubernetes", HTTPS) for name in ("webserver", "daemon")),
    *((name, "DNS", 53) for name in PODS),
}
"""Sender, receiver and port of every permitted connection."""


@pytest.fixture(scope="module")
def policies() -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / "network-policies.yaml").read_text(encoding="utf-8")))


def selects(selector: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    for one in selector.get("matchExpressions", ()):
        assert one["operator"] in ("In", "Exists")
        if one["key"] not in labels or (one["operator"] == "In" and labels[one["key"]] not in one["values"]):
            return False
    return all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())


def is_peer(peer: Mapping[str, Any], name: str) -> bool:
    """Whether a peer of a rule includes a pod of the release's namespace, or a place outside of it."""
    place = PLACES.get(name, {})
    if "ipBlock" in peer:
        excluded = any(
            ipaddress.ip_address(place.get("address", "::")) in network for network in networks(peer["ipBlock"].get("except", ()))
        )
        return (
            "address" in place
            and ipaddress.ip_address(place["address"]) in ipaddress.ip_network(peer["ipBlock"]["cidr"])
            and not excluded
        )
    if "namespaceSelector" in peer:
        return "namespace" in place and selects(peer["namespaceSelector"], {NAMESPACE: place["namespace"]})
    return name in PODS and selects(peer["podSelector"], PODS[name])


def networks(texts: Any) -> Iterator[Any]:
    return map(ipaddress.ip_network, texts)


def permits(policies: list[dict[str, Any]], direction: str, pod: str, peer: str, port: int) -> bool:
    """Whether the policies of a pod permit a connection with a peer. A pod without a policy has no limits."""
    ours = [
        one["spec"]
        for one in policies
        if selects(one["spec"]["podSelector"], PODS[pod]) and direction in one["spec"]["policyTypes"]
    ]
    end = {"Ingress": "from", "Egress": "to"}[direction]
    rules = [rule for spec in ours for rule in spec.get(direction.lower(), ())]
    return not ours or any(
        any(is_peer(one, peer) for one in rule[end]) and any(one["port"] == port for one in rule["ports"]) for rule in rules
    )


def test_exactly_the_connections_of_the_platform_are_permitted(policies: list[dict[str, Any]]) -> None:
    found = set()
    for sender, receiver, port in product([*PODS, *PLACES], [*PODS, *PLACES], (WEB, CODE, HTTPS, POSTGRES, 53)):
        may_send = sender not in PODS or permits(policies, "Egress", sender, receiver, port)
        may_receive = receiver not in PODS or permits(policies, "Ingress", receiver, sender, port)
        if (sender in PODS or receiver in PODS) and may_send and may_receive:
            found.add((sender, receiver, port))
    assert found == PERMITTED


def test_without_the_policy_that_refuses_everything_another_pod_reaches_the_network(policies: list[dict[str, Any]]) -> None:
    rest = [one for one in policies if one["metadata"]["name"] not in ("default-deny", "dns")]
    assert permits(rest, "Egress", "another pod", "provider", HTTPS)
    assert not permits(policies, "Egress", "another pod", "provider", HTTPS)


def test_every_policy_is_one_of_kubernetes_and_applies_to_a_pod(policies: list[dict[str, Any]]) -> None:
    for one in policies:
        assert (one["apiVersion"], one["kind"]) == ("networking.k8s.io/v1", "NetworkPolicy")
        assert any(selects(one["spec"]["podSelector"], labels) for labels in PODS.values()), one["metadata"]["name"]


def test_labels_ports_and_namespaces_are_those_of_the_chart() -> None:
    values = yaml.safe_load((DEPLOY / "helm-values.yaml").read_text(encoding="utf-8"))
    [code] = values["dagster-user-deployments"]["deployments"]
    assert code["labels"] == values["runLauncher"]["config"]["k8sRunLauncher"]["labels"] == SENDS_REQUESTS
    assert (values["dagsterWebserver"]["service"]["port"], code["port"]) == (WEB, CODE)
    assert values["postgresql"]["service"]["port"] == POSTGRES
    assert values["postgresql"]["postgresqlHost"].split(".")[1] == PLACES["PostgreSQL"]["namespace"]
    job = yaml.safe_load((DEPLOY / "watch-cronjob.yaml").read_text(encoding="utf-8"))
    assert job["spec"]["jobTemplate"]["spec"]["template"]["metadata"]["labels"] == PODS["watchdog"]

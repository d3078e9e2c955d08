"""The bill of materials lists the installed distributions, names no host or path, and can be read as CycloneDX's JSON."""

import json
import socket
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import nba_pipeline
from nba_pipeline.instance.software import installed_version
from nba_pipeline_tests.suite.sbom import document

pytestmark = pytest.mark.platform


@cache
def text() -> str:
    return document()


@cache
def bill() -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(text())
    return parsed


def components() -> dict[str, dict[str, Any]]:
    return {one["name"]: one for one in bill()["components"]}


def test_the_format_is_cyclonedx() -> None:
    assert (bill()["bomFormat"], bill()["specVersion"]) == ("CycloneDX", "1.6")
    assert bill()["metadata"]["component"]["name"] == "nba-pipeline"


def test_a_package_has_its_version_its_license_and_its_scope() -> None:
    polars = components()["polars"]
    assert (polars["version"], polars["purl"]) == (installed_version("polars"), f"pkg:pypi/polars@{installed_version('polars')}")
    assert (polars["scope"], components()["pytest"]["scope"]) == ("required", "excluded")
    assert components()["httpx"]["licenses"] == [{"license": {"acknowledgement": "declared", "id": "BSD-3-Clause"}}]


def test_dependencies_of_dependencies_are_listed() -> None:
    of_dagster = next(one["dependsOn"] for one in bill()["dependencies"] if one["ref"].startswith("pkg:pypi/dagster@"))
    assert components()["sqlalchemy"]["bom-ref"] in of_dagster
    assert {ref for one in bill()["dependencies"] for ref in one.get("dependsOn", ())} <= {
        one["bom-ref"] for one in bill()["components"]
    }


def test_no_host_and_no_path_of_this_machine_is_named() -> None:
    root = Path(nba_pipeline.__file__).parents[1]
    assert [place for place in (str(root), str(Path.home()), socket.gethostname(), "file:") if place in text()] == []


@pytest.mark.unattended
def test_two_files_of_an_environment_differ_only_in_their_timestamp() -> None:
    first, second = bill(), json.loads(document())
    for one in (first, second):
        one["metadata"] = {**one["metadata"], "timestamp": ""}
    assert first == second

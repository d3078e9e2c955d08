"""The audit of the dependencies names each problem. `make lint` runs it on the environment itself."""

from importlib.metadata import distribution

import pytest

from nba_pipeline_tests.suite import dependencies as audit
from nba_pipeline_tests.suite.installed import closure

SETUP = """\
[options]
packages = find:
install_requires =
    # frames
    polars >= 2.1, < 3
    duckdb >= 2
    # a pin
    # of two lines
    dagster == 1.13.*

[options.extras_require]
dev =
    # tests
    pytest >= 9
    ruff

[options.packages.find]
include =
    nba_pipeline*
"""


def test_a_requirement_without_a_reason_of_its_own_is_named() -> None:
    assert [line.split()[1] for line in audit.unexplained(SETUP)] == ["duckdb", "ruff"]


def test_the_requirements_of_production_are_read_from_setup_cfg() -> None:
    assert audit.requirements_in(SETUP) == ["polars", "duckdb", "dagster"]


def test_a_version_that_is_not_the_pinned_one_is_named() -> None:
    pins = audit.pins_of("# why\nPolars==2.1.0\ntomli==2.5.0 ; python_version < '3.11'\nzope.x==1\n")
    assert pins == {"polars": "2.1.0", "tomli": "2.5.0", "zope-x": "1"}
    assert audit.unpinned({"polars": "2.2.0", "tomli": "2.5.0", "duckdb": "2.0.0"}, pins) == [
        "polars 2.2.0 is installed; constraints.txt pins 2.1.0",
        "duckdb 2.0.0 is installed; constraints.txt does not pin it",
    ]


def test_a_deprecated_package_is_named_with_its_reason() -> None:
    found = audit.deprecated(["polars", "dagit", "old"], inactive=["old"])
    assert found == {
        "dagit": "dagit is deprecated: replaced by dagster-webserver",
        "old": "old is deprecated: its authors call it inactive",
    }


def test_a_tool_for_tests_in_production_is_named() -> None:
    production = {name: distribution(name) for name in ("polars", "coverage", "mypy")}
    assert sorted(audit.test_tools(production, {"mypy", "ruff"})) == ["coverage", "mypy"]


def test_an_import_that_no_requirement_names_is_named() -> None:
    sources = ["import os\nimport httpx\n", "def f():\n    from yaml import safe_load\n    import polars as pl\n"]
    providers = {"httpx": ["httpx"], "yaml": ["PyYAML"], "polars": ["polars"]}
    assert audit.undeclared(sources, {"httpx", "polars"}, providers) == [
        "nba_pipeline imports yaml; install_requires does not name pyyaml"
    ]


def test_an_exception_is_permitted_while_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit, "EXCEPTIONS", {"old": "another requires it", "gone": "nothing requires it"})
    assert audit.without_exceptions({"old": "old is deprecated", "older": "older is deprecated"}) == [
        "older is deprecated",
        "the exception for gone is not needed any more",
    ]


def test_the_closure_has_what_production_requires_and_with_the_extra_what_developers_need() -> None:
    production, every = closure(), closure("dev")
    assert {"nba-pipeline", "dagster", "sqlalchemy"} <= production.keys() < every.keys()
    assert "pytest" in every and "pytest" not in production

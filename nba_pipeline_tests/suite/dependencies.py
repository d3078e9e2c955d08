"""The audit of the dependencies, offline: `python -m nba_pipeline_tests.suite.dependencies`, as `make lint` runs it.

It reads setup.cfg, constraints.txt and the installed distributions, prints one line per problem, and fails if there is one:

- each requirement has one line that says why
- each installed distribution is supported by setup.cfg and has the version that constraints.txt pins
- no distribution is deprecated, not even one that another requires; constraints.txt pins no deprecated one
- production requires every package that its code imports, no package of the extra `dev` and no test tool
"""

import re
import sys
from collections.abc import Collection, Iterable, Mapping
from importlib.metadata import Distribution, packages_distributions
from pathlib import Path

from packaging.utils import canonicalize_name

import nba_pipeline
from nba_pipeline.instance.software import development_packages
from nba_pipeline.monitoring.doctor.software import unsupported
from nba_pipeline_tests.suite.installed import ROOT, closure

PROJECT = Path(nba_pipeline.__file__).parents[1]

DEPRECATED = {
    "aioredis": "part of redis since 4.2",
    "argparse": "part of Python",
    "asyncio": "part of Python",
    "attr": "another package than attrs",
    "bs4": "a placeholder of beautifulsoup4",
    "dagit": "replaced by dagster-webserver",
    "dataclasses": "part of Python",
    "distribute": "merged into setuptools",
    "enum34": "part of Python",
    "fpdf": "replaced by fpdf2",
    "futures": "part of Python",
    "google-cloud": "replaced by one package per service",
    "importlib": "part of Python",
    "nose": "without a release since 2015",
    "oauth2client": "replaced by google-auth",
    "pathlib": "part of Python",
    "pep8": "replaced by pycodestyle",
    "pycrypto": "without a release since 2013, with known vulnerabilities",
    "pypdf2": "replaced by pypdf",
    "sklearn": "a placeholder of scikit-learn",
    "toml": "part of Python as tomllib",
    "typing": "part of Python",
    "universal-analytics-python": "its service is closed",
}
"""Distribution -> reason. Distributions that call themselves inactive need no entry."""

INACTIVE = "Development Status :: 7 - Inactive"
TEST_TOOLS = (
    "Framework :: Pytest",
    "Topic :: Software Development :: Testing",
    "Topic :: Software Development :: Quality Assurance",
)
"""Classifiers of packages that only tests need."""

EXCEPTIONS = {
    "oauth2client": "dagster-gcp 0.29 imports it; it is not pinned, because its last release is from 2018",
    "cryptography": "google-auth and pdfminer.six require it, so it is in production, too",
    "time-machine": "`rehearse` moves the clock with it",
}
"""Distribution -> why it is permitted. An unused exception is also a problem."""

REQUIREMENT = re.compile(r"^ {4}([A-Za-z0-9][\w.-]*)(?:\[.*\])? *[<>=~!]?")
IMPORT = re.compile(r"^\s*(?:from|import) (\w+)", re.MULTILINE)


def unexplained(setup: str) -> list[str]:
    """The requirements of setup.cfg that have no comment in the line before them."""
    problems, previous, is_required = [], "", False
    for line in setup.splitlines():
        if not line.startswith(" "):
            is_required = line.startswith("install_requires") or (is_required and not line.strip())
            is_required |= line.startswith(("dev =", "postgres ="))
        elif is_required and (match := REQUIREMENT.match(line)) and not previous.startswith("#"):
            problems.append(f"setup.cfg: {match[1]} has no line before it that says why it is required")
        previous = line.strip()
    return problems


def pins_of(constraints: str) -> dict[str, str]:
    """Canonical name -> version of constraints.txt."""
    lines = (line.partition("#")[0].partition(";")[0].strip() for line in constraints.splitlines())
    return {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines if line)}


def unpinned(installed: Mapping[str, str], pins: Mapping[str, str]) -> list[str]:
    """The installed versions that constraints.txt does not pin, or pins to another version."""
    return [
        f"{name} {version} is installed; constraints.txt {'pins ' + pins[name] if name in pins else 'does not pin it'}"
        for name, version in installed.items()
        if pins.get(name) != version
    ]


def deprecated(names: Iterable[str], inactive: Collection[str]) -> dict[str, str]:
    """The deprecated names -> a sentence about each."""
    reasons = dict.fromkeys(inactive, "its authors call it inactive") | DEPRECATED
    return {name: f"{name} is deprecated: {reasons[name]}" for name in sorted(set(names) & reasons.keys())}


def test_tools(production: Mapping[str, Distribution], development: Collection[str]) -> dict[str, str]:
    """The distributions of production that only developers need -> a sentence about each."""
    problems = {name: f"{name} is in the extra dev, and production requires it" for name in development if name in production}
    for name, one in production.items():
        if set(TEST_TOOLS) & set(one.metadata.get_all("Classifier") or ()):
            problems.setdefault(name, f"{name} is a tool for tests, and production requires it")
    return problems


def undeclared(sources: Iterable[str], declared: Collection[str], providers: Mapping[str, Collection[str]]) -> list[str]:
    """The imported distributions that neither install_requires nor the extra `postgres` names. `providers`: module -> its distributions."""
    modules = {module for source in sources for module in IMPORT.findall(source)} - sys.stdlib_module_names
    owners = {module: {canonicalize_name(name) for name in providers[module]} for module in modules & providers.keys()}
    return [
        f"nba_pipeline imports {module}; install_requires does not name {' or '.join(sorted(names))}"
        for module, names in sorted(owners.items())
        if not names & {*declared, ROOT}
    ]


def without_exceptions(problems: Mapping[str, str]) -> list[str]:
    """The problems without those of permitted distributions, and the exceptions that nothing needs."""
    unused = [f"the exception for {name} is not needed any more" for name in EXCEPTIONS if name not in problems]
    return [problem for name, problem in problems.items() if name not in EXCEPTIONS] + unused


def audit() -> list[str]:
    """The problems of this environment."""
    setup, constraints = ((PROJECT / name).read_text(encoding="utf-8") for name in ("setup.cfg", "constraints.txt"))
    production, every, pins = closure(), closure("dev"), pins_of(constraints)
    installed = {name: one.version for name, one in every.items() if name != ROOT}
    inactive = [name for name, one in every.items() if INACTIVE in (one.metadata.get_all("Classifier") or ())]
    declared = {canonicalize_name(name) for name in requirements_in(setup)}
    sources = (path.read_text(encoding="utf-8") for path in (PROJECT / "nba_pipeline").rglob("*.py"))
    return [
        *unexplained(setup),
        *unsupported("dev"),
        *unpinned({name: version for name, version in installed.items() if name not in DEPRECATED}, pins),
        *(f"constraints.txt: {problem}" for problem in deprecated(pins, inactive).values()),
        *without_exceptions(
            deprecated(installed, inactive) | test_tools(production, set(map(canonicalize_name, development_packages())))
        ),
        *undeclared(sources, declared, packages_distributions()),
    ]


def requirements_in(setup: str) -> list[str]:
    """The names in install_requires of setup.cfg, and in the extra `postgres`, which production may install."""
    section = setup.partition("install_requires =")[2].partition("\n\n")[0]
    extra = setup.partition("\npostgres =")[2].partition("\ndev =")[0]
    return [match[1] for line in f"{section}\n{extra}".splitlines() if (match := REQUIREMENT.match(line))]


def main() -> int:
    problems = audit()
    sys.stdout.writelines(f"{problem}\n" for problem in problems)
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())

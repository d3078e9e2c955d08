"""The software of this process: versions of Python, of this package and of its direct dependencies."""

import platform
import re
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version

NAME = re.compile(r"[A-Za-z0-9._-]+")
DISTRIBUTION = "nba_pipeline"
DEVELOPMENT = re.compile(r"""extra == ['"]dev['"]""")
"""Matches a requirement of the extra `dev`. The extra `postgres` is for production."""


@cache
def software() -> dict[str, str]:
    """Returns the version of Python, of this package and of each installed dependency that it names, by name."""
    names = [_name(line) for line in requires(DISTRIBUTION) or () if "extra ==" not in line]
    versions = {name: installed for name in names if (installed := installed_version(name))}
    return {"python": platform.python_version(), DISTRIBUTION: version(DISTRIBUTION), **dict(sorted(versions.items()))}


def development_packages() -> list[str]:
    """Returns the installed packages that only the extra `dev` requires, sorted."""
    lines = requires(DISTRIBUTION) or ()
    needed = {_name(line) for line in lines if not DEVELOPMENT.search(line)}
    return sorted(
        name for line in lines if DEVELOPMENT.search(line) and (name := _name(line)) not in needed and installed_version(name)
    )


def installed_version(name: str) -> str | None:
    """Returns the version of an installed package; None if it is not installed."""
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def changes(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """Returns a phrase per version that differs, such as `polars 2.1.0 -> 2.2.0`."""
    return [
        f"{name} {before.get(name, 'not installed')} -> {after.get(name, 'not installed')}"
        for name in sorted(before.keys() | after.keys())
        if before.get(name) != after.get(name)
    ]


def _name(requirement: str) -> str:
    match = NAME.match(requirement)
    return match.group() if match else requirement

"""The installed distributions that nba_pipeline requires, directly or indirectly. Used by the audit and the bill of materials."""

from collections.abc import Iterator, Mapping
from importlib.metadata import Distribution, PackageNotFoundError, distribution

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = "nba-pipeline"


def requirements_of(one: Distribution, extras: frozenset[str] = frozenset()) -> Iterator[Requirement]:
    """The requirements of a distribution that apply to this interpreter, with these extras."""
    for line in one.requires or ():
        requirement = Requirement(line)
        if requirement.marker is None or any(requirement.marker.evaluate({"extra": extra}) for extra in (extras or {""})):
            yield requirement


def closure(*extras: str) -> Mapping[str, Distribution]:
    """Canonical name -> distribution, for everything that nba_pipeline requires with these extras, itself included.

    A requirement that is not installed is omitted: `doctor` names it.
    """
    distributions, queue = dict[str, Distribution](), [(ROOT, frozenset(extras))]
    seen = set[tuple[str, frozenset[str]]]()
    while queue:
        name, chosen = queue.pop()
        if (name, chosen) in seen:
            continue
        seen.add((name, chosen))
        try:
            distributions[name] = distribution(name)
        except PackageNotFoundError:
            continue
        # a distribution with extras also has the requirements without one
        for requirement in requirements_of(distributions[name], chosen | {""}):
            queue.append((canonicalize_name(requirement.name), frozenset(requirement.extras)))
    return dict(sorted(distributions.items()))


def dependencies(one: Distribution, names: Mapping[str, Distribution]) -> list[str]:
    """The names among these that a distribution requires; for nba_pipeline, also those of the extra `dev`."""
    extras = frozenset({"", "dev"}) if canonicalize_name(one.metadata["Name"]) == ROOT else frozenset({""})
    return sorted({canonicalize_name(requirement.name) for requirement in requirements_of(one, extras)} & names.keys())

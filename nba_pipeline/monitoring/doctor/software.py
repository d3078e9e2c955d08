"""Probes of the software: supported versions, development packages in production, and what changed since the last run."""

from datetime import datetime
from importlib.metadata import distributions, requires

from packaging.requirements import Requirement

from nba_pipeline.instance.software import DISTRIBUTION, changes, development_packages, installed_version, software
from nba_pipeline.league.eastern_text import eastern_text
from nba_pipeline.monitoring.doctor.probe import Result, failed, ok, warning
from nba_pipeline.warehouse.landing import Landing


def versions() -> Result:
    """Compares the installed packages with the versions that this package requires."""
    if wrong := unsupported():
        return failed("packages", "; ".join(wrong), "pip install -c constraints.txt .")
    return ok("packages", f"Python {software()['python']}, {len(_required())} required packages have supported versions")


def unsupported(extra: str = "") -> list[str]:
    """Returns a message per required package that is missing or has an unsupported version. `extra` adds its packages."""
    wrong = []
    for one in _required(extra):
        installed = installed_version(one.name)
        if installed is None:
            wrong.append(f"{one.name} is not installed; {one} is required")
        elif not one.specifier.contains(installed, prereleases=True):
            wrong.append(f"{one.name} {installed} is installed; {one} is required")
    return wrong


def _required(extra: str = "") -> list[Requirement]:
    needed = [Requirement(line) for line in requires(DISTRIBUTION) or ()]
    return [one for one in needed if one.marker is None or one.marker.evaluate({"extra": extra})]


def no_development_packages(environment: str) -> Result:
    """In production, names the installed packages that only developers need."""
    if environment != "production":
        return ok("development packages", "allowed outside of production")
    required = _required_by_others()
    unneeded = [name for name in development_packages() if _canonical(name) not in required]
    if not unneeded:
        return ok("development packages", "none is installed")
    message = f"{', '.join(unneeded)} {'is' if len(unneeded) == 1 else 'are'} installed; production needs no development packages"
    return warning("development packages", message, "install without the extra dev: pip install -c constraints.txt .")


def drift(landing: Landing) -> Result:
    """Compares the versions of this process with those of the newest run in the journal."""
    run = landing.newest_run()
    if run is None:
        return ok("software drift", "no run is recorded yet")
    before = run.get("software")
    if not isinstance(before, dict):
        return ok("software drift", f"run {run['run_id'][:8]} of an earlier version did not record its software")
    since = f"since the run of {eastern_text(datetime.fromisoformat(run['as_of']))}"
    recorded = {str(name): str(value) for name, value in before.items()}
    # packages that became required later have no recorded version; packages that are no longer required may still be installed
    present = {name: version for name in recorded if (version := software().get(name) or installed_version(name))}
    changed = changes(recorded, present)
    if changed:
        message = f"changed {since}: {', '.join(changed)}"
        return warning("software drift", message, "restart the daemon if it still uses the earlier versions")
    return ok("software drift", f"unchanged {since}")


def _required_by_others() -> set[str]:
    """Returns the packages that installed packages require, except this one and the ones that only developers need."""
    skipped = {_canonical(one) for one in (DISTRIBUTION, *development_packages())}
    required = set[str]()
    for distribution in distributions():
        if _canonical(distribution.metadata["Name"] or "") in skipped:
            continue
        for line in distribution.requires or ():
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                required.add(_canonical(requirement.name))
    return required


def _canonical(name: str) -> str:
    return name.lower().replace("_", "-")

"""The ledger of releases, which `nba-pipeline doctor --record-release` writes, and the judgment of each release.

A release fails if a probe of `doctor` fails, if the next release returns to an earlier one, or if a person repairs a date. A
release is judged for `service_levels.release_hours`, or until the next release.
"""

import json
import subprocess
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import dataframely as dy
import polars as pl

from nba_pipeline.errors import BadInput
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.command_runs import user
from nba_pipeline.instance.software import DISTRIBUTION, software
from nba_pipeline.league.calendar import eastern_date
from nba_pipeline.monitoring.doctor.probe import Result
from nba_pipeline.monitoring.objectives import RELEASES as JUDGED
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import Row, Table
from nba_pipeline.warehouse import Warehouse

CODE_VERSION, SOURCE = "1", "nba-pipeline doctor --record-release"
LONGEST_COMMIT = 64
GIT_SECONDS = 5.0


class ReleaseRows(Row):
    """Columns of `releases`. `game_date` is the US Eastern date of the release."""

    version = dy.String(description="version of the package nba_pipeline")
    commit = dy.String(nullable=True, description="commit of the installed code; null if it is unknown")
    released_at = dy.Datetime(time_zone="UTC", description="instant of the record")
    has_passed = dy.Bool(description="whether no probe of doctor failed")
    failures = dy.String(description="names of the failed probes, comma-separated")
    author = dy.String(description="the operating system's name of the user")


RELEASES = Table(
    "releases",
    grain="release and instant",
    key=("game_date", "released_at"),
    schema=ReleaseRows,
    write="add",
    is_ledger=True,
)


def installed_commit() -> str | None:
    """Returns the commit of the installed code: that of `pip install git+...`, else of the git checkout. None if unknown."""
    direct_url = distribution(DISTRIBUTION).read_text("direct_url.json")
    vcs = json.loads(direct_url).get("vcs_info", {}) if direct_url else {}
    return vcs.get("commit_id") or _commit_of(Path(__file__).parents[2])


def _commit_of(folder: Path) -> str | None:
    if not (folder / ".git").exists():
        return None
    try:
        command = ["git", "-C", str(folder), "rev-parse", "HEAD"]
        completed = subprocess.run(command, capture_output=True, text=True, timeout=GIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):  # without git, or on a hanging disk
        return None
    return completed.stdout.strip() or None


def record_release(warehouse: Warehouse, clock: Clock, results: Sequence[Result], commit: str | None) -> str:
    """Adds a release with the results of `doctor` and returns a message. `commit` overrides the commit of the installed code."""
    commit = refuse_invalid_commit(commit) or installed_commit()
    failures = [one.name for one in results if one.state == "failed"]
    row = {
        "game_date": clock.today,
        "version": software()[DISTRIBUTION],
        "commit": commit,
        "released_at": clock.now(),
        "has_passed": not failures,
        "failures": ", ".join(failures),
        "author": user(),
        "source": SOURCE,
    }
    warehouse.add(RELEASES, [clock.today], RELEASES.row(row, clock.as_of, CODE_VERSION), writer="doctor")
    verdict = f"failed: {', '.join(failures)}" if failures else "passed"
    return f"recorded the release of {row['version']} at commit {commit or 'unknown'}; doctor {verdict}"


def refuse_invalid_commit(commit: str | None) -> str | None:
    """Returns the commit without surrounding spaces. Raises BadInput if it is empty or too long."""
    if commit is not None and not 0 < len(commit.strip()) <= LONGEST_COMMIT:
        raise BadInput(f"--commit must have 1 to {LONGEST_COMMIT} characters, not {commit!r}")
    return commit.strip() if commit is not None else None


def read_releases(warehouse: Warehouse) -> list[dict[str, Any]]:
    """Returns every recorded release, oldest first."""
    return warehouse.scan(RELEASES).sort("released_at").collect().to_dicts()


def judge(releases: Sequence[dict[str, Any]], repairs: Collection[datetime], now: datetime) -> pl.DataFrame:
    """Returns game_date, at and is_good of each release. `repairs` are the instants at which people repaired a date.

    A release without a problem is unknown until its time of judgment has passed.
    """
    rows, limit = [], timedelta(hours=SETTINGS.service_levels.release_hours)
    for number, one in enumerate(releases):
        at = one["released_at"]
        following = releases[number + 1] if number + 1 < len(releases) else None
        end = min(at + limit, following["released_at"]) if following else at + limit
        is_rolled_back = following is not None and following["released_at"] <= at + limit and _is_back(releases, number)
        has_failed = not one["has_passed"] or is_rolled_back or any(at <= repair < end for repair in repairs)
        is_good = False if has_failed else True if now >= end else None
        rows.append({"game_date": eastern_date(at), "at": at, "is_good": is_good})
    return pl.DataFrame(rows, schema=JUDGED, orient="row")


def _is_back(releases: Sequence[dict[str, Any]], number: int) -> bool:
    """Whether the next release has the version and commit of a release before this one.

    Two releases of one version are not compared if a commit is unknown: they may be equal or different.
    """
    before = [_identity(one) for one in releases[:number]]
    this, following = _identity(releases[number]), _identity(releases[number + 1])
    is_unknown = this[0] == following[0] and None in (this[1], following[1])
    return not is_unknown and following != this and following in before


def _identity(release: dict[str, Any]) -> tuple[str, str | None]:
    return release["version"], release["commit"]

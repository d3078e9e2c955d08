"""Homes of an earlier version of the simulated league: each is renamed, and an empty home replaces it.

The rows of two versions must not mix, and the earlier games cannot be played again. Renaming the folder keeps every file.
"""

import shutil
from pathlib import Path

from nba_pipeline.errors import BadInput
from nba_pipeline.warehouse.home_format import SIMULATION, simulation_of

CARRIED_OVER = ("settings.toml", "sandbox_rules.json")
"""Files of the operator, which the new home gets as well."""


def is_of_old_league(home: Path) -> bool:
    """Whether the home has rows of another version of the simulated league than this version of the package plays."""
    return simulation_of(home) not in (None, SIMULATION)


def kept_as(home: Path) -> Path:
    """The new name of a home of an earlier league."""
    return home.with_name(f"{home.name}.league_{simulation_of(home)}")


def keep_aside(home: Path) -> Path:
    """Renames the home, and creates a new one with the operator's files. Returns the folder of the old one.

    Raises BadInput if that folder exists. After an interruption the home may be missing; the next command creates it.
    """
    target = kept_as(home)
    if target.exists():
        raise BadInput(f"{target} exists already; move it away, then repeat `nba-pipeline migrate`")
    home.rename(target)
    home.mkdir()
    for name in CARRIED_OVER:
        if (target / name).exists():
            shutil.copy2(target / name, home / name)
    return target

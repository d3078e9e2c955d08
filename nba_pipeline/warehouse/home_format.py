"""What a home holds: its format number, whether its games are simulated, and by which version of the simulated league.

All are in `<home>/format.json`. The number decides whether this version may read and write the tables. A home with tables and
without that file has format 1. A home without tables has no format until its first write, which assigns the current one.
`migration.py` converts homes. A home without a league gets the one of its next write.
"""

import json
import os
import threading
from pathlib import Path
from typing import Any

from nba_pipeline.errors import BadInput

FORMAT = 2
"""The format of new and migrated homes."""

WITH_MONTHS = 3
"""The format of a home with month files, see `months`. Earlier versions refuse it, because they would not see these rows."""

READABLE = (FORMAT, WITH_MONTHS)
"""The formats that this version reads and writes."""

UNNUMBERED = 1
"""The format of homes that have no format file."""

FILE = "format.json"

SIMULATED = "simulated"
LEAGUES = (SIMULATED, "real")
"""The origins of a home's games."""

SIMULATION = 2
"""The version of the simulated league. Another version plays other games, so the games of two versions must not mix."""

UNRECORDED_SIMULATION = 1
"""The version of the simulated league in homes that do not record it."""

EXAMPLE = json.dumps({"format": FORMAT})

_current: dict[Path, tuple[tuple[int, int, int], str | None]] = {}
"""Home -> inode, size and modification time of its format file when it last held a readable number, and its league."""


def format_of(home: Path) -> int | None:
    """The format number of a home, or None if it has no tables yet. Raises BadInput for an unreadable number."""
    content = _content(home)
    if content is None:
        return UNNUMBERED if _has_tables(home) else None
    number = content.get("format")
    if not isinstance(number, int) or isinstance(number, bool) or number < UNNUMBERED:
        raise BadInput(
            f"{home / FILE} has the format {number!r}; expected an integer of at least {UNNUMBERED}, for example {EXAMPLE}"
        )
    return number


def league_of(home: Path) -> str | None:
    """The league of a home's rows, or None if no write has recorded it yet. Raises BadInput for another value."""
    league = (_content(home) or {}).get("league")
    if league is not None and league not in LEAGUES:
        raise BadInput(f"{home / FILE} has the league {league!r}; expected {' or '.join(LEAGUES)}")
    return league


def refuse_another_format(home: Path) -> None:
    """Raises BadInput for a home of another format. A home that was checked before costs one `stat`; a home without tables passes."""
    if _is_current(home):
        return
    signature, number = _signature(home), format_of(home)
    if number in READABLE and signature:
        _current[home] = signature, league_of(home)
    elif number is not None and number > WITH_MONTHS:
        raise BadInput(
            f"the home {home} has format {number}; this version reads format {WITH_MONTHS}; install a newer nba_pipeline"
        )
    elif number is not None and number < FORMAT:
        raise BadInput(f"the home {home} has format {number}; this version reads format {FORMAT}; run `nba-pipeline migrate`")


def refuse_another_league(home: Path, league: str) -> None:
    """Raises BadInput for a home with games of the other league. Simulated and real rows must not mix."""
    recorded = league_of(home)
    if recorded is not None and recorded != league:
        raise BadInput(
            f"the home {home} holds {recorded} games, and this environment has {league} ones; "
            "set NBA_PIPELINE_ENV to the home's environment or NBA_PIPELINE_HOME to another folder"
        )


def simulation_of(home: Path) -> int | None:
    """The version of the simulated league that a home's rows are from, or None for real games or a home without rows.

    Raises BadInput for another value.
    """
    has_tables, simulation = _has_tables(home), _recorded_simulation(home)  # in this order, see `write_format`
    if simulation is None:
        return UNRECORDED_SIMULATION if has_tables and league_of(home) in (None, SIMULATED) else None
    return simulation


def _recorded_simulation(home: Path) -> int | None:
    simulation = (_content(home) or {}).get("simulation")
    if simulation is not None and (not isinstance(simulation, int) or isinstance(simulation, bool)):
        raise BadInput(f"{home / FILE} has the simulation {simulation!r}; expected an integer, for example {SIMULATION}")
    return simulation


def refuse_another_simulation(home: Path) -> None:
    """Raises BadInput for a home with rows of another version of the simulated league. The rows can only be read."""
    simulation = simulation_of(home)
    if simulation not in (None, SIMULATION):
        raise BadInput(
            f"the home {home} holds games of version {simulation} of the simulated league, and this version of nba_pipeline plays "
            f"version {SIMULATION}. Its tables can still be read. `nba-pipeline migrate` renames the home and starts a new one"
        )


def prepare_write(home: Path, league: str | None = None) -> None:
    """Assigns the current format to a home without tables, and records the league of its first write.

    Raises BadInput like `refuse_another_format` and `refuse_another_league`.
    """
    refuse_another_format(home)
    if _is_current(home) and (league is None or _current[home][1] == league):
        return
    if league is not None:
        refuse_another_league(home, league)
    write_format(home, format_of(home) or FORMAT, league)


def write_format_of_months(home: Path) -> None:
    """Assigns the format of a home with month files, before the first one is written."""
    if format_of(home) != WITH_MONTHS:
        write_format(home, WITH_MONTHS)


def write_format(home: Path, number: int, league: str | None = None) -> None:
    """Writes the format number, and the league if given, atomically. A recorded league and its version stay."""
    # in this order: another process's first write records the version, then writes a table
    has_tables, simulation = _has_tables(home), _recorded_simulation(home)
    if simulation is None and league == SIMULATED and not has_tables:
        simulation = SIMULATION
    content = {"format": number, "league": league or league_of(home), "simulation": simulation}
    home.mkdir(parents=True, exist_ok=True)
    temporary = home / f".{FILE}.{os.getpid()}.{threading.get_ident()}"
    temporary.write_text(json.dumps({key: value for key, value in content.items() if value is not None}) + "\n")
    temporary.replace(home / FILE)


def _content(home: Path) -> dict[str, Any] | None:
    """The object in the format file, or None without a file."""
    file = home / FILE
    try:
        content = json.loads(file.read_text())
    except FileNotFoundError:
        return None
    except NotADirectoryError:
        return None  # the home is a file; the first write raises
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"{file} cannot be read: {error}") from None
    except json.JSONDecodeError as error:
        raise BadInput(
            f"{file} is not JSON ({error.msg}); expected the format number of the home, for example {EXAMPLE}"
        ) from None
    return content if isinstance(content, dict) else {}


def _is_current(home: Path) -> bool:
    cached = _current.get(home)
    return cached is not None and cached[0] == _signature(home)


def _signature(home: Path) -> tuple[int, int, int] | None:
    try:
        stat = (home / FILE).stat()
    except OSError:
        return None
    return stat.st_ino, stat.st_size, stat.st_mtime_ns


def _has_tables(home: Path) -> bool:
    return any(home.glob("tables/*/*/part.parquet"))

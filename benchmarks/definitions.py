"""CPU seconds to load the definitions, and to compute all code versions with and without parsed sources.

Each load is a process of its own. The minimum counts, because other processes affect it least. Code versions are computed for a
copy of the package. Target: 0.2 s for all code versions if an earlier process has parsed the sources.

    python benchmarks/definitions.py [PYTHON ...]

Each PYTHON is the interpreter of another checkout, such as `../earlier/.venv/bin/python`. The checkouts load alternately.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from measuring import children_cpu_seconds, print_table

from nba_pipeline.asset_factory.code_versions import PACKAGE, code_versions
from nba_pipeline.settings import Settings

REPEATS = 5
TARGET_SECONDS = 0.2
LOAD = "import nba_pipeline.definitions"


def load(python: str) -> float:
    """Returns the CPU seconds of a process that loads the definitions. Its first run compiles the modules."""
    before = children_cpu_seconds()
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run([python, "-c", LOAD], cwd=Path(python).parents[2], env=environment, check=True)
    return children_cpu_seconds() - before


def seconds_of_versions(package: Path) -> float:
    """Returns the CPU seconds of computing the code versions of a package."""
    before = time.process_time()
    code_versions(package, Settings())
    return time.process_time() - before


def main() -> None:
    pythons = [sys.executable, *sys.argv[1:]]
    loads: dict[str, list[float]] = {python: [] for python in pythons}
    for python in pythons * (1 + REPEATS):
        loads[python].append(load(python))
    rows = [(f"load {python}", min(each[1:]), max(each[1:]), "", "") for python, each in loads.items()]
    with tempfile.TemporaryDirectory(prefix="definitions-") as folder:
        package = Path(folder) / PACKAGE.name
        shutil.copytree(PACKAGE, package, ignore=shutil.ignore_patterns("__pycache__"))
        parsed = []
        for _ in range(REPEATS):
            shutil.rmtree(package / "__pycache__", ignore_errors=True)
            parsed.append(seconds_of_versions(package))
        stored = [seconds_of_versions(package) for _ in range(REPEATS)]
    rows.append(("all code versions, no parsed sources", min(parsed), max(parsed), "", ""))
    verdict = "" if min(stored) <= TARGET_SECONDS else "slower"
    rows.append(("all code versions, parsed sources", min(stored), max(stored), f"{TARGET_SECONDS}", verdict))
    print_table(("what", "CPU s, minimum", "maximum", "target", ""), rows)


if __name__ == "__main__":
    main()

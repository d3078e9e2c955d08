"""Ten ways to break the platform in one line. At least one named test fails for each, so the tests notice such a change.

A variant replaces one text in a copy of the code. Its tests then run in a process of their own. Without the replacement
they pass, which the other targets of the Makefile show.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

pytestmark = pytest.mark.unattended

ROOT = Path(__file__).parents[2]
FAILED_TESTS = 1
"""Exit code of pytest if it ran the tests and some failed; an error of collection has another one."""


@dataclass(frozen=True)
class Variant:
    """A fault: the text of a file that is replaced, and the tests that notice it."""

    file: str
    text: str
    replacement: str
    tests: tuple[str, ...]


# fmt: off
VARIANTS = {
    "fail-open gate": Variant(
        "completeness/gates.py",
        '.fill_null("the box score cannot be checked: a value is null")', '.fill_null("")',
        ("completeness/test_gates.py", "-k", "unknown_team"),
    ),
    "append writes": Variant(
        "warehouse/local.py",
        'self._write(self._file("tables", table, day), parts.get(day, empty))',
        'self._write(self._file("tables", table, day), pl.concat([self.scan(table, [day]).collect(), parts.get(day, empty)]))',
        ("warehouse/test_local.py", "-k", "replacing_twice_is_replacing_once or ends_where_it_ends"),
    ),
    "<= in a window": Variant(
        "formulas/rolling.py", "allow_exact_matches=False", "allow_exact_matches=True",
        ("formulas/test_rolling.py", "assets/test_features.py", "-k", "on_the_date"),
    ),
    "swallowed exception": Variant(
        "asset_factory/checks.py", "        if crashes:\n            raise crashes[0]\n", "",
        ("asset_factory/test_checks.py", "-k", "crash"),
    ),
    "unpartitioned check": Variant(
        "asset_factory/checks.py", "            partitions_def=DAILY,\n", "",
        ("asset_factory/test_checks.py", "-k", "records"),
    ),
    "WARN instead of ERROR": Variant(
        "asset_factory/checks.py",
        "severity = dg.AssetCheckSeverity.ERROR if blocking or is_error else", "severity = dg.AssetCheckSeverity.WARN if blocking else",
        ("asset_factory/test_checks.py", "-k", "stops"),
    ),
    "no watchdog": Variant(
        "monitoring/watchdog.py", "    if silence := _silence(live, now):\n        return [silence]\n", "",
        ("monitoring/test_watchdog.py", "-k", "silence or never_ticked"),
    ),
    "default 0": Variant(
        "assets/features/features.py",
        '.join(defense, on=["game_date", "opponent"], how="left")',
        '.join(defense, on=["game_date", "opponent"], how="left").fill_null(0)',
        ("assets/test_features.py",),
    ),
    "latest odds": Variant(
        "formulas/market_line.py",
        'pl.col("is_before_tipoff").fill_null(False) & (', '(',
        ("formulas/test_market_line.py",),
    ),
    "delete, then insert": Variant(
        "warehouse/local.py",
        "        temporary = file.with_name(f\".{os.getpid()}.tmp\")\n",
        "        file.unlink(missing_ok=True)\n        temporary = file.with_name(f\".{os.getpid()}.tmp\")\n",
        ("warehouse/test_local.py", "-k", "fails_leaves_old_or_new or sees_only_complete_dates"),
    ),
}
# fmt: on


@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS.keys())
def test_a_test_notices_the_variant(variant: Variant, tmp_path: Path) -> None:
    for folder in ("nba_pipeline", "nba_pipeline_tests"):
        shutil.copytree(ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    file = tmp_path / "nba_pipeline" / variant.file
    text = file.read_text(encoding="utf-8")
    assert text.count(variant.text) == 1, f"{variant.file} has changed; adapt the variant"
    file.write_text(text.replace(variant.text, variant.replacement), encoding="utf-8")
    tests = [f"nba_pipeline_tests/{name}" if name.endswith(".py") else name for name in variant.tests]
    # a worker of pytest-xdist exits with 0; this process would be taken for one
    env = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST_XDIST")}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-n", "0", "-q", "-x", "-p", "no:cacheprovider", *tests],
        cwd=tmp_path, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == FAILED_TESTS, done.stdout[-2000:] + done.stderr[-2000:]

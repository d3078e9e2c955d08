"""The conventions of the project. Each message says what to do when one is broken."""

import ast
import importlib
import inspect
import pkgutil
import re
import socket
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest

import nba_pipeline
import nba_pipeline.assets
from nba_pipeline.tables.table import Table

PACKAGE = Path(nba_pipeline.__file__).parent
TESTS = Path(__file__).parent

ASSET_MODULES = sorted(
    name for _, name, is_package in pkgutil.walk_packages(nba_pipeline.assets.__path__, "nba_pipeline.assets.") if not is_package
)
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "sandbox" not in path.relative_to(PACKAGE).parts)

PLAIN = {"errors", "settings"}
LOW = PLAIN | {"league", "instance", "tables", "warehouse"}
BELOW_ASSETS = LOW | {"providers", "completeness", "formulas", "systems", "asset_factory", "governance"}
MAY_IMPORT = {
    "formulas": set[str](),
    "league": PLAIN,
    "instance": PLAIN | {"league"},
    "tables": {"errors", "league"},
    "warehouse": PLAIN | {"league", "instance", "tables"},
    "providers": LOW,
    "completeness": PLAIN | {"formulas", "league", "tables", "warehouse"},  # a bound of a gate is a formula
    "governance": PLAIN | {"formulas", "league", "tables", "warehouse", "completeness"},
    "systems": PLAIN | {"formulas"},
    "asset_factory": LOW | {"completeness"},
    "assets": BELOW_ASSETS,
    "audit": BELOW_ASSETS | {"assets"},
    "evaluation": BELOW_ASSETS | {"assets"},
    "monitoring": BELOW_ASSETS | {"assets", "audit"},  # a service level counts the manual acts of the audit trail
    "publishing": BELOW_ASSETS | {"assets", "evaluation"},
    "orchestration": BELOW_ASSETS | {"assets", "monitoring", "publishing"},
    "sandbox": LOW | {"providers"},
    "environments": LOW | {"providers", "monitoring", "publishing", "sandbox"},
    "definitions": {"assets", "environments", "orchestration"},
    "notebook": LOW | {"definitions", "environments", "orchestration"},
    "event_log": {"instance"},
    "cli": BELOW_ASSETS
    | {"assets", "audit", "definitions", "environments", "evaluation", "monitoring", "orchestration", "publishing"},
    "__main__": {"cli"},
    "__init__": set(),
    "errors": set(),
    "settings": set(),
}
"""Package or module at the root -> the packages it may import. No two import one another."""

LIBRARIES = {
    "formulas": {"polars"},
    "systems": {"polars", "numpy", "catboost", "pydantic", "xgboost"},
    "assets": {"polars", "dagster", "dataframely"},
}
"""Package -> the libraries it may import beside the standard one; the others are free to choose."""


@cache
def nodes(path: Path) -> list[ast.AST]:
    """Every node of a module's syntax tree; most tests ask for those of all modules."""
    return list(ast.walk(ast.parse(path.read_text())))


def imports(path: Path) -> Iterator[tuple[str, str]]:
    """Module and name of every import, also of those inside functions; but for imports of types only."""
    of_types = {
        inner
        for node in nodes(path)
        if isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in nodes(path):
        if node in of_types:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, "") for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.module, alias.name) for alias in node.names)


def package_of(module: str, name: str) -> str:
    """The package, or the module at the root, that an import of the project takes something from."""
    return (f"{module}.{name}").split(".")[1]


def folder_of(path: Path) -> str:
    """The package of a module, or the module itself where it stands at the root."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def named(path: Path) -> str:
    return str(path.relative_to(PACKAGE.parent))


def of_folders(*folders: str) -> list[Path]:
    return [path for path in MODULES if folder_of(path) in folders]


# Import directions


def test_no_two_packages_may_import_one_another() -> None:
    both = [(one, other) for one, allowed in MAY_IMPORT.items() for other in allowed if one in MAY_IMPORT.get(other, ())]
    assert not both


def test_every_module_belongs_to_a_package_with_a_rule() -> None:
    offenders = {folder_of(path) for path in PACKAGE.rglob("*.py")} - MAY_IMPORT.keys()
    assert not offenders, (
        f"{', '.join(sorted(offenders))}: put the module into a package; a new package needs a rule in MAY_IMPORT"
    )


@pytest.mark.parametrize("package", sorted({folder_of(path) for path in PACKAGE.rglob("*.py")}))
def test_a_module_imports_only_what_its_package_may(package: str) -> None:
    allowed = MAY_IMPORT[package] | {package}
    offenders = [
        f"{named(path)} imports {f'{module}.{name}'.rstrip('.')}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if folder_of(path) == package
        for module, name in imports(path)
        if module.split(".")[0] == "nba_pipeline" and package_of(module, name) not in allowed
    ]
    assert not offenders, (
        f"{', '.join(offenders)}; {package} may import {', '.join(sorted(MAY_IMPORT[package])) or 'nothing'} "
        "only: move the code to where it may, or hand the value over as an argument"
    )


@pytest.mark.parametrize("package", LIBRARIES)
def test_a_package_imports_only_its_libraries(package: str) -> None:
    offenders = {
        f"{named(path)}: {module}"
        for path in of_folders(package)
        for module, _ in imports(path)
        if module.split(".")[0] not in sys.stdlib_module_names | LIBRARIES[package] | {"nba_pipeline"}
    }
    assert not offenders, f"{', '.join(sorted(offenders))}; {package} imports {', '.join(sorted(LIBRARIES[package]))} only"


def test_private_modules_of_dagster_are_imported_by_instance_only() -> None:
    offenders = [
        f"{named(path)} imports {module}.{name}"
        for path in PACKAGE.rglob("*.py")
        for module, name in imports(path)
        if f"{module}.{name}".startswith("dagster._") and folder_of(path) != "instance"
    ]
    assert not offenders, f"{'; '.join(offenders)}: wrap it in a module of instance/ that names the version of Dagster"


def test_pandas_is_imported_by_one_module_only() -> None:
    offenders = {
        named(path)
        for path in PACKAGE.rglob("*.py")
        for node in nodes(path)
        if isinstance(node, ast.Import | ast.ImportFrom) and re.match(r"(from|import) (dagster_)?pandas\b", ast.unparse(node))
    } - {"nba_pipeline/tables/pandas_types.py"}
    assert not offenders, f"{', '.join(sorted(offenders))}: stay with polars, and leave the border to tables/pandas_types.py"


@pytest.mark.parametrize("path", of_folders("assets"), ids=named)
def test_no_asset_is_imported_as_an_object(path: Path) -> None:
    """Loading the package would meet it twice: 'Duplicate asset key' (dagster #27564, #33282)."""
    taken = [
        f"{module}.{name}"
        for module, name in imports(path)
        if module.startswith("nba_pipeline.assets.") and module.split(".")[-1] == name
    ]
    assert not taken, (
        f"{named(path)} imports the asset {', '.join(taken)}: name it as a parameter of the asset instead; TABLE, schema "
        "classes and pure functions of a sibling may be imported"
    )


@pytest.mark.parametrize("path", of_folders("assets"), ids=named)
def test_an_asset_imports_no_function_of_another_asset(path: Path) -> None:
    """What two tables need belongs below them; a schema class, TABLE and constants may be imported."""
    taken = [
        f"{module}.{name}"
        for module, name in imports(path)
        if module.startswith("nba_pipeline.assets.") and inspect.isfunction(getattr(importlib.import_module(module), name, None))
    ]
    assert not taken, f"{named(path)} imports {', '.join(taken)}: move the function to a package below assets/"


@pytest.mark.parametrize("path", of_folders("assets"), ids=named)
def test_annotations_of_assets_are_not_strings(path: Path) -> None:
    assert ("__future__", "annotations") not in set(imports(path)), (
        f"{named(path)}: leave out `from __future__ import annotations`; Dagster reads the annotations of assets when they "
        "are defined and fails on strings (dagster #26837)"
    )


def test_only_environments_reads_environment_variables() -> None:
    readers = [
        named(path)
        for path in PACKAGE.rglob("*.py")
        if path.name != "environments.py"
        for node in nodes(path)
        if (isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv", "environb"))
        or (isinstance(node, ast.ImportFrom) and node.module == "os" and {a.name for a in node.names} & {"environ", "getenv"})
    ]
    assert not readers, f"{', '.join(readers)}: read the variable in environments.py and pass its value on"


# Tables


@pytest.fixture(params=ASSET_MODULES, ids=lambda name: name.removeprefix("nba_pipeline.assets."))
def module(request: pytest.FixtureRequest) -> ModuleType:
    return importlib.import_module(request.param)


def test_a_table_module_has_a_docstring_with_its_sections(module: ModuleType) -> None:
    name, text = module.__name__.split(".")[-1], module.__doc__ or ""
    first, *lines = text.splitlines() or [""]
    assert first.startswith(f"{name}: ") and first.endswith("."), (
        f"begin the docstring of {module.__name__} with '{name}: <what it holds>.'"
    )
    for part in ("Grain:", "Source:", "Caveats:"):
        assert any(line.startswith(f"{part} ") for line in lines), f"{module.__name__}: the docstring needs a line '{part} ...'"


def test_a_module_has_one_table_of_its_name(module: ModuleType) -> None:
    name = module.__name__.split(".")[-1]
    source = ast.parse(Path(str(module.__file__)).read_text())
    tables = [node for node in ast.walk(source) if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Table"]
    assert len(tables) == 1, f"{module.__name__} makes {len(tables)} tables; one module is one table: split it"
    table = getattr(module, "TABLE", None)
    assert isinstance(table, Table) and table.name == name, f"{module.__name__}: write TABLE = Table({name!r}, ...)"


def test_the_grain_in_the_docstring_is_that_of_the_table(module: ModuleType) -> None:
    line = re.search(r"^Grain: (.*)$", module.__doc__ or "", re.MULTILINE)
    expected = f"one row per {module.TABLE.grain}"
    assert line and line.group(1) == expected, (
        f"{module.__name__}: docstring and TABLE differ; write 'Grain: {expected}' or change grain="
    )


def test_checks_of_is_called_once_after_the_last_check(module: ModuleType) -> None:
    """A check that is registered later would never run, and the first of two definitions is thrown away silently."""
    statements = ast.parse(Path(str(module.__file__)).read_text()).body
    calls = {n: [getattr(c.func, "id", "") for c in ast.walk(s) if isinstance(c, ast.Call)] for n, s in enumerate(statements)}
    made_at, registered = (
        [n for n, names in calls.items() for name in names if name in of]
        for of in ({"checks_of"}, {"dated_check", "coverage_check"})
    )
    if registered or is_daily(module):
        assert len(made_at) == 1, f"{module.__name__} calls checks_of {len(made_at)} times; write checks = checks_of(TABLE) once"
        assert made_at[0] > max(registered, default=-1), f"{module.__name__}: move checks = checks_of(TABLE) below the last check"


def is_daily(module: ModuleType) -> bool:
    return any(name == "daily_asset" for _, name in imports(Path(str(module.__file__))))


def test_every_table_is_served() -> None:
    definitions = importlib.import_module("nba_pipeline.definitions")  # not before the environment is clean
    keys = definitions.build_definitions("sandbox").resolve_all_asset_keys()
    missing = {name.split(".")[-1] for name in ASSET_MODULES} - {key.path[-1] for key in keys}
    assert not missing, f"no asset is called {', '.join(sorted(missing))}: its module under assets/ needs an asset of its name"


# Tests


def test_every_test_module_mirrors_a_module_of_the_package() -> None:
    """Tests may leave an inner folder out: a stage of assets, the wire formats of the sandbox."""
    orphans = []
    for test in TESTS.rglob("test_*.py"):
        place = test.relative_to(TESTS)
        if place.parts[0] in ("real", "bigquery", "postgres", "unattended", "suite") or test == Path(__file__):
            continue
        name = place.name.removeprefix("test_").removesuffix(".py")
        beside, below = PACKAGE / place.parent, PACKAGE / "assets"
        modules = [*beside.rglob(f"{name}.py"), *beside.glob(f"{name}/__init__.py"), *below.rglob(f"{name}.py")]
        if not modules or (modules[0].is_relative_to(below) and place.parts[0] != "assets"):
            orphans.append(str(place))
    assert not orphans, f"{', '.join(sorted(orphans))}: call a test module test_<module>.py, in the folder of the module"


@pytest.mark.parametrize("address", [("203.0.113.1", 443), ("::2", 443)])
def test_tests_reach_no_network(address: tuple[str, int]) -> None:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    with socket.socket(family) as connection, pytest.raises(AssertionError, match=f"asked {address[0]}:443"):
        connection.connect(address)


DEFINITIONS = {
    "asset_factory/asset.py": "freshness policies",
    "assets": "windows of inputs",
    "orchestration/jobs.py": "time limits of runs",
    "orchestration/recheck_job.py": "time limits of runs",
    "orchestration/schedules.py": "descriptions",
    "orchestration/sensors.py": "time limits of runs",
    "systems": "the systems of the registry, made once",
}
"""Modules or folders that read settings at import, because Dagster's definitions are objects, and what they read."""


def reads_at_import(tree: ast.AST) -> Iterator[int]:
    """Yields the lines that read a setting outside of a function, in a default argument or in a decorator."""

    def visit(node: ast.AST) -> Iterator[int]:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            arguments = node.args
            for early in (*arguments.defaults, *arguments.kw_defaults, *getattr(node, "decorator_list", ())):
                if early is not None:
                    yield from visit(early)
            return
        if isinstance(node, ast.Name) and node.id == "SETTINGS" and isinstance(node.ctx, ast.Load):
            yield node.lineno
        for child in ast.iter_child_nodes(node):
            yield from visit(child)

    return visit(tree)


@pytest.mark.slow
def test_no_setting_is_read_at_import() -> None:
    found = [
        f"{name}:{line} reads SETTINGS at import, so a settings file has no effect: read it in a function"
        for path in sorted(PACKAGE.rglob("*.py"))
        for name in [path.relative_to(PACKAGE).as_posix()]
        if name not in DEFINITIONS and name.split("/")[0] not in DEFINITIONS
        for line in reads_at_import(ast.parse(path.read_text()))
    ]
    assert found == []


def test_a_read_at_import_is_found() -> None:
    source = "A = SETTINGS.x\ndef f(a=SETTINGS.x): return SETTINGS.y\nB = Field(default_factory=lambda: SETTINGS.x)\n"
    assert list(reads_at_import(ast.parse(source))) == [1, 2]

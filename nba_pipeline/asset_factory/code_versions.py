"""Code versions: the hash of the source that determines a table's rows, and the earlier versions that give the same rows.

The hash covers the table's module, its transitive imports in `FOLLOWED`, and the code versions of the derived tables that it
reads. It also covers the values of the settings that these modules read, if they affect data. Comments, docstrings,
descriptions and formatting do not count. The hash is the same on every supported Python version. Versions are never typed by
hand.
"""

import ast
import hashlib
import json
import os
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from nba_pipeline.errors import BadInput
from nba_pipeline.settings import SETTINGS, Settings
from nba_pipeline.tables.declarations import Wiring

PACKAGE = Path(__file__).parent.parent
FOLLOWED = ("formulas", "league", "completeness", "systems", "providers")
"""Packages whose modules belong to the source of a table that imports them."""

NOT_PARSERS = frozenset(
    f"providers.{name}" for name in ("http", "attempts", "circuit_breakers", "request", "response", "response_body", "session")
)
"""Modules of `providers` that fetch and do not parse."""

SOURCES = "sources"
"""Stage of the collected tables. Tables of later stages are derived: the code version of a reader includes theirs."""

LENGTH = 12
CACHE_FORMAT = 4
"""Format of the cached sources. Increase it when a change of this module parses the same file to another source."""

EQUIVALENT = Path(__file__).with_name("equivalent_versions.json")

_IGNORED_FIELDS = frozenset({"ctx", "type_comment", "kind"})
_DECLARATIONS = ("daily_asset", "weekly_asset")
_WITHOUT_EFFECT = frozenset({"description", *Wiring.__annotations__})
"""Keywords of a declaration that do not change the rows of its table."""

_COLUMNS = frozenset({"absences", "career", "code", "count", "feature", "number", "outlook"})
"""Functions that declare a column. Their only text by position is its description."""


@dataclass(frozen=True)
class Source:
    """What a module contributes: a hash of its tokens, its imports of followed modules, the settings and the tables it reads."""

    digest: str
    imports: tuple[str, ...]
    settings: tuple[str, ...]
    inputs: tuple[str, ...]


def code_version(table: str) -> str:
    """Returns the code version of a table of this package, with the settings as of the first call.

    Raises BadInput if no module of `assets` has the table's name.
    """
    if table not in _installed():
        raise BadInput(f"table {table} has no module in assets; a table is declared in a module of its name")
    return _installed()[table]


def code_versions(package: Path, settings: Settings) -> dict[str, str]:
    """Returns table -> code version for the package in a folder.

    Raises BadInput if a table has two modules, or if derived tables read each other in a cycle.
    """
    sources = _Sources(package)
    modules, versions = _asset_modules(package), dict[str, str]()

    def version(table: str, readers: tuple[str, ...]) -> str:
        if table in readers:
            raise BadInput(f"tables read each other in a cycle: {' <- '.join((*readers, table))}")
        if table not in versions:
            closure = dict(sources.closure(modules[table]))
            derived = [name for name in closure[modules[table]].inputs if name in modules and f".{SOURCES}." not in modules[name]]
            parts = {
                "code": sorted(source.digest for source in closure.values()),
                "settings": values_that_affect_data(settings, {name for one in closure.values() for name in one.settings}),
                "inputs": {name: version(name, (*readers, table)) for name in derived if name != table},
            }
            text = json.dumps(parts, sort_keys=True, default=str)
            versions[table] = hashlib.sha256(text.encode()).hexdigest()[:LENGTH]
        return versions[table]

    for table in modules:
        version(table, ())
    sources.write_cache()
    return versions


@cache
def _installed() -> dict[str, str]:
    return code_versions(PACKAGE, SETTINGS)


def _asset_modules(package: Path) -> dict[str, str]:
    """Returns table -> module below the package, such as `assets.sources.schedule`."""
    modules = dict[str, str]()
    for path in sorted(package.glob("assets/*/*.py")):
        module = f"assets.{path.parent.name}.{path.stem}"
        if path.stem != "__init__" and path.stem in modules:
            raise BadInput(f"table {path.stem} is declared twice: in {modules[path.stem]} and {module}")
        if path.stem != "__init__":
            modules[path.stem] = module
    return modules


def values_that_affect_data(settings: Settings, names: Collection[str]) -> dict[str, Any]:
    """Returns section.setting -> value of those settings among `names` that affect data. `section.*` names a whole section."""
    values = dict[str, Any]()
    for name in names:
        section, _, field = name.partition(".")
        model = getattr(settings, section)
        marked = type(model).affects_data
        for one in marked if field == "*" or field not in type(model).model_fields else marked & {field}:
            values[f"{section}.{one}"] = getattr(model, one)
    return values


def current_versions(table: str, current: str) -> list[str]:
    """Returns the code versions whose rows are current: the present one and the earlier ones declared equivalent to it."""
    return [current, *(old for old, new in _equivalent().get(table, {}).items() if new == current)]


@cache
def _equivalent() -> Mapping[str, Mapping[str, str]]:
    """Returns table -> earlier version -> the version that gives the same rows."""
    equivalent: dict[str, dict[str, str]] = json.loads(EQUIVALENT.read_text())
    return equivalent


class _Sources:
    """The sources of a package. A file is parsed once per change, and cached beside the package's compiled modules."""

    def __init__(self, package: Path) -> None:
        self.package = package
        self._file = package / "__pycache__" / "code_versions.json"
        self._cached = self._read_cache()
        self._used = dict[str, list[Any]]()

    def closure(self, module: str) -> Iterator[tuple[str, Source]]:
        """Yields a module and its transitive imports in `FOLLOWED`."""
        seen, pending = set[str](), [module]
        while pending:
            name = pending.pop()
            if name not in seen:
                seen.add(name)
                source = self._source(name)
                yield name, source
                pending += source.imports

    def write_cache(self) -> None:
        """Writes the parsed sources for the next process. A package in a read-only folder is parsed by each process."""
        if self._used == self._cached:
            return
        temporary = self._file.with_name(f"{self._file.name}.{os.getpid()}")
        try:
            self._file.parent.mkdir(exist_ok=True)
            temporary.write_text(json.dumps(self._used))
            temporary.replace(self._file)
        except OSError:
            return

    def _source(self, module: str) -> Source:
        path = _path(module, self.package)
        state = path.stat()
        key = [CACHE_FORMAT, state.st_mtime_ns, state.st_size]
        cached = self._used.get(module) or self._cached.get(module)
        if cached is None or cached[:3] != key:
            source = _parsed(path, self.package)
            cached = [*key, source.digest, list(source.imports), list(source.settings), list(source.inputs)]
        self._used[module] = cached
        return Source(cached[3], tuple(cached[4]), tuple(cached[5]), tuple(cached[6]))

    def _read_cache(self) -> dict[str, list[Any]]:
        try:
            cached: dict[str, list[Any]] = json.loads(self._file.read_text())
        except (OSError, ValueError):  # absent, or written by another version
            return {}
        return cached


def _path(module: str, package: Path) -> Path:
    path = package.joinpath(*module.split("."))
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def _parsed(path: Path, package: Path) -> Source:
    tree = ast.parse(path.read_text())
    tokens = list[str]()
    _collect_tokens(tree, tokens)
    return Source(
        hashlib.sha256("\0".join(tokens).encode()).hexdigest(),
        tuple(sorted(set(_imports(tree, package)))),
        tuple(sorted(set(_settings(tree)))),
        tuple(sorted(set(_inputs(tree)))),
    )


def _collect_tokens(node: ast.AST, tokens: list[str]) -> None:
    """Appends the tokens of a node. Empty fields are omitted, so that fields of later Python versions change nothing."""
    tokens.append(type(node).__name__)
    for name in node._fields:
        value = getattr(node, name, None)
        if value is None or value == [] or name in _IGNORED_FIELDS:
            continue
        tokens.append(name)
        for one in _without_prose(node, name, value if isinstance(value, list) else [value]):
            if isinstance(one, ast.AST):
                _collect_tokens(one, tokens)
            else:
                tokens.append(repr(one))
    tokens.append(".")


def _without_prose(node: ast.AST, name: str, values: list[Any]) -> list[Any]:
    """Returns the values of a field that can affect rows.

    Omits docstrings, descriptions, the wiring of a table, and the empty strings that Python 3.12 adds to f-strings.
    """
    if name == "body":
        return [one for one in values if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))]
    if name == "values" and isinstance(node, ast.JoinedStr):
        return [one for one in values if not (isinstance(one, ast.Constant) and one.value == "")]
    if name == "keywords":
        ignored = _WITHOUT_EFFECT if _is_call_of(_DECLARATIONS, node) else {"description"}
        return [one for one in values if one.arg not in ignored]
    if name == "args" and _is_call_of(_COLUMNS, node):
        return [one for one in values if not (isinstance(one, ast.Constant) and isinstance(one.value, str))]
    return values


def _is_call_of(functions: Collection[str], node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in functions


def _imports(tree: ast.AST, package: Path) -> Iterator[str]:
    """Yields the imported modules of `FOLLOWED`, such as `formulas.odds`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(f"{PACKAGE.name}."):
            module = node.module.removeprefix(f"{PACKAGE.name}.")
            for name in [module, *(f"{module}.{alias.name}" for alias in node.names)]:
                if name.split(".")[0] in FOLLOWED and name not in NOT_PARSERS and _path(name, package).is_file():
                    yield name


def _settings(tree: ast.AST) -> Iterator[str]:
    """Yields the settings that a module reads: `section.setting`, or `section.*` where it takes a whole section."""
    sections = dict[ast.AST, str]()
    for node in ast.walk(tree):  # parents come first
        if not isinstance(node, ast.Attribute):
            continue
        inner = node.value
        if isinstance(inner, ast.Name) and inner.id == "SETTINGS":
            sections.setdefault(node, f"{node.attr}.*")
        elif isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name) and inner.value.id == "SETTINGS":
            sections[inner] = f"{inner.attr}.{node.attr}"
    yield from sections.values()


def _inputs(tree: ast.AST) -> Iterator[str]:
    """Yields the tables that the module's asset reads: its parameters, or the keys that `ins` gives them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            for decorator in node.decorator_list:
                if isinstance(decorator, ast.Call) and _is_call_of(_DECLARATIONS, decorator):
                    yield from (argument.arg for argument in (*node.args.args, *node.args.kwonlyargs))
                    arguments = [*decorator.args, *_without_prose(decorator, "keywords", decorator.keywords)]
                    constants = [one.value for part in arguments for one in ast.walk(part) if isinstance(one, ast.Constant)]
                    yield from (one for one in constants if isinstance(one, str))

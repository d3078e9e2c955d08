"""The public strings: what stored data, run history, scripts and dashboards match. A change here breaks a home or a user.

The list is in `public_strings.txt`. After an intended and migrated change, `make generated` writes it again.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from datetime import date
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import typer.main

import nba_pipeline
from nba_pipeline import cli
from nba_pipeline.asset_factory.checks import _checks, _common_checks
from nba_pipeline.asset_factory.verdicts import MISSING, PASSED
from nba_pipeline.completeness.states import STATES
from nba_pipeline.definitions import build_definitions
from nba_pipeline.environments import KEYS, PROVIDER_ADDRESSES, PROXIES
from nba_pipeline.instance.clock import Clock
from nba_pipeline.monitoring.kinds import KINDS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.dated_metadata import PROBLEMS, ROW_COUNT, ROWS_QUARANTINED
from nba_pipeline.warehouse.local import LocalWarehouse

SNAPSHOT = Path(__file__).with_name("public_strings.txt")
PREFIXES = {name.split("_")[0] for name in (*(variable for variable, _ in PROVIDER_ADDRESSES.values()), *KEYS.values())}
"""First words of the variables of providers."""

FORMS = {
    "run tag": re.compile(r"nba/[a-z_]+"),
    "variable": re.compile(rf"(NBA|BIGQUERY|SLACK|PAGERDUTY|ALERT|HEARTBEAT|SECRET|{'|'.join(sorted(PREFIXES))})_[A-Z_]+"),
}
"""Kind -> pattern of such a string anywhere in the package."""


@cache
def sources() -> list[ast.Module]:
    """The modules of the package; every worker imports this module, and one of them runs its tests."""
    return [ast.parse(path.read_text(encoding="utf-8")) for path in sorted(Path(nba_pipeline.__file__).parent.rglob("*.py"))]


def public_strings() -> Iterator[str]:
    """One line per string, as `kind: string`."""
    yield from _tables()
    yield from _graph()
    yield from _commands()
    yield from _literals()
    yield from _check_numbers()
    yield from (f"variable: {variable}" for variable in PROXIES.values())
    yield from (f"state: {state}" for state in STATES)
    yield from (f"alert kind: {kind!r}" for kind in KINDS)


def _tables() -> Iterator[str]:
    for table in TABLES.values():
        yield f"key: {table.name} {', '.join(table.key)}"
        yield from (f"column: {table.name}.{name} {kind}" for name, kind in table.dtypes.items())
        _, failures = table.schema.filter(table.empty().select(table.schema.column_names()))
        rules = set(failures.details().columns) - table.dtypes.keys()
        yield from (f"quarantine problem: {table.name} {rule}" for rule in rules if "|" not in rule)


def _graph() -> Iterator[str]:
    definitions = build_definitions("sandbox")
    graph = definitions.resolve_asset_graph()
    for node in graph.asset_nodes:
        yield f"asset: {node.key.to_user_string()} ({node.group_name})"
        yield from (f"pool: {pool}" for pool in node.pools or ())
    yield from (f"check: {key.asset_key.to_user_string()} {key.name}" for key in graph.asset_check_keys)
    repository = definitions.get_repository_def()
    yield from (f"job: {name}" for name in repository.job_names if not name.startswith("__"))
    yield from (f"schedule: {item.name}" for item in repository.schedule_defs)
    yield from (f"sensor: {item.name}" for item in repository.sensor_defs)


def _check_numbers() -> Iterator[str]:
    """The metadata of every write, and the columns of the verdicts of every check of a date without rows."""
    yield from (f"metadata key: {name!r}" for name in (ROW_COUNT, ROWS_QUARANTINED, PROBLEMS))
    with TemporaryDirectory() as home:
        warehouse, dates = LocalWarehouse(home=home), [date(2024, 3, 12)]
        checks = [_common_checks(table, is_source=False) | _checks.get(table.name, {}) for table in TABLES.values()]
        frames = [check.judge(warehouse, dates, Clock()) for of_table in checks for check in of_table.values()]
        numbers = {name for frame in frames for name in frame.columns} - {"game_date", PASSED, MISSING}
    yield from (f"metadata key: {name!r}" for name in numbers)


def _commands(command: click.Command | None = None, name: str = "nba-pipeline") -> Iterator[str]:
    command = command or typer.main.get_command(cli.app)
    for option in command.params:
        yield f"command: {name} {'/'.join(option.opts)}" if option.name != "help" else f"command: {name}"
    for child in getattr(command, "commands", {}).values():
        yield f"command: {name} {child.name}"
        yield from _commands(child, f"{name} {child.name}")


def _constants() -> dict[str, str]:
    """Name -> value of the string constants of all modules; a name with two values is left out."""
    current: dict[str, set[str]] = {}
    for module in sources():
        for node in module.body:
            if isinstance(node, ast.Assign):
                target, value = node.targets[0], node.value
                names = target.elts if isinstance(target, ast.Tuple) else [target]
                texts = value.elts if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) else [value]
                for name, text in zip(names, texts, strict=False):
                    if isinstance(text, ast.Constant) and isinstance(text.value, str):
                        current.setdefault(ast.unparse(name), set()).add(ast.unparse(text))
    return {name: min(values) for name, values in current.items() if len(values) == 1}


def _literals() -> Iterator[str]:
    constants = _constants()
    for module in sources():
        for node in ast.walk(module):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield from (f"{kind}: {node.value}" for kind, form in FORMS.items() if form.fullmatch(node.value))
            if isinstance(node, ast.Call):
                yield from _of_call(node, constants)
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "against" and isinstance(node.value, ast.Dict):
                yield from (f"reason: {_named(key, constants)}" for key in node.value.keys if key)
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) in ("OUTCOMES", "RECOMMENDATIONS", "MODES"):
                yield from (f"value: {text!r}" for text in _texts(node.value) if "\n" not in text)
            if isinstance(node, ast.FunctionDef) and node.name.startswith("_state"):
                yield from (f"state: {text}" for part in node.body for text in _texts(part) if text.isupper())


def _texts(node: ast.AST) -> Iterator[str]:
    """The string literals of a statement, docstrings aside."""
    yield from (part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and isinstance(part.value, str))


def _named(node: ast.expr, constants: Mapping[str, str]) -> str:
    return constants.get(ast.unparse(node), ast.unparse(node))


def _of_call(call: ast.Call, constants: Mapping[str, str]) -> Iterator[str]:
    name = getattr(call.func, "attr", getattr(call.func, "id", ""))
    if name == "raise_alert" and not isinstance(call.args[1], ast.Attribute):  # the kind of a finding is in KINDS
        yield f"alert kind: {_named(call.args[1], constants)}"
    if name == "add_output_metadata":
        keys = [key for argument in call.args if isinstance(argument, ast.Dict) for key in argument.keys if key]
        yield from (f"metadata key: {_named(key, constants)}" for key in keys)
    if name == "alias" and ast.unparse(call.args[0]) in ("PROBLEM", "'problem'"):
        yield from (f"quarantine problem: {text}" for text in _quarantine_texts(call.func))
    if name == "lit" and call.args and re.fullmatch(r"'[a-zA-Z_]{3,}'", ast.unparse(call.args[0])):
        yield f"value: {ast.unparse(call.args[0])}"


def _quarantine_texts(node: ast.expr) -> Iterator[str]:
    """The texts that an expression gives to `pl.lit` and `pl.format`."""
    for part in ast.walk(node):
        if isinstance(part, ast.Call) and getattr(part.func, "attr", "") in ("lit", "format") and part.args:
            yield ast.unparse(part.args[0])


def test_no_public_string_changes_unnoticed() -> None:
    expected, current = set(SNAPSHOT.read_text(encoding="utf-8").splitlines()), set(public_strings())
    assert (sorted(expected - current), sorted(current - expected)) == ([], []), (
        "missing strings, new strings; if the change is intended and migrated, run `make generated`"
    )


def test_every_command_that_a_message_names_exists() -> None:
    """An error must not name a next command that does not exist. The words `the nba-pipeline command` name none."""
    texts = (node.value for module in sources() for node in ast.walk(module) if isinstance(node, ast.Constant))
    named = {name for text in texts if isinstance(text, str) for name in re.findall(r"\bnba-pipeline ([a-z][a-z-]*)", text)}
    assert named - {string.split()[2] for string in _commands() if len(string.split()) > 2} == {"command"}


if __name__ == "__main__":
    print("\n".join(sorted(set(public_strings()))))  # noqa: T201

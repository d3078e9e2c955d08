"""Modules and functions of the package are short, and the formatter formats all code.

`formatter_skips.txt` lists the files with `# fmt: skip` and how many each may have. After removing some of them:
`python -m nba_pipeline_tests.suite.test_code_size > nba_pipeline_tests/suite/formatter_skips.txt`.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import nba_pipeline

ROOT = Path(nba_pipeline.__file__).parent
MODULES = sorted(ROOT.rglob("*.py"))
MAX_MODULE_LINES = 300
MAX_FUNCTION_LINES = 45
SKIP = "# fmt: skip"
SKIPS = Path(__file__).with_name("formatter_skips.txt")

LONG_MODULES = {
    "settings.py": "one table of literals: every setting with its unit and description",
    "assets/features/features.py": "a table's module holds its schema, transform and checks; the schema has 92 columns",
    "assets/grades/grades.py": "a table's module holds its schema, transform and checks",
    "assets/predictions/predictions.py": "a table's module holds its schema, transform and checks",
    "assets/sources/boxscores.py": "a table's module holds its schema, transform and checks",
    "assets/sources/prop_lines.py": "a table's module holds its schema, transform and checks",
    "assets/summaries/player_game_summary.py": "a table's module holds its schema, transform and checks",
}
"""Module -> the reason why it may be longer."""

LONG_FUNCTIONS = dict.fromkeys(
    [
        "assets/features/features.py:features_of",
        "assets/sources/boxscores.py:boxscores",
        "assets/sources/injuries.py:injuries",
        "assets/sources/prop_lines.py:prop_lines",
    ],
    "its inputs and resources take ten lines of the signature",
)
"""Module and function -> the reason why it may be longer."""


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def functions_longer_than(lines: int, source: str) -> Iterator[tuple[str, int]]:
    """Yields name and length of every longer function, from `def` to its last line."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno:
            length = node.end_lineno - node.lineno + 1
            if length > lines:
                yield node.name, length


def formatter_skips() -> dict[str, int]:
    """Returns module -> number of skips, for modules that have any."""
    counts = {name_of(path): path.read_text(encoding="utf-8").count(SKIP) for path in MODULES}
    return {name: count for name, count in counts.items() if count}


def allowed_skips() -> dict[str, int]:
    lines = SKIPS.read_text(encoding="utf-8").splitlines()
    return {name: int(count) for name, count in (line.split() for line in lines)}


def test_no_module_is_longer_than_300_lines() -> None:
    lengths = {name_of(path): len(path.read_text(encoding="utf-8").splitlines()) for path in MODULES}
    long = [
        f"{name} has {length} lines" for name, length in lengths.items() if length > MAX_MODULE_LINES and name not in LONG_MODULES
    ]
    assert not long, f"{', '.join(long)}: split the module along its meaning, at most {MAX_MODULE_LINES} lines each"


def test_no_function_is_longer_than_45_lines() -> None:
    functions = (
        (f"{name_of(path)}:{name}", length)
        for path in MODULES
        for name, length in functions_longer_than(MAX_FUNCTION_LINES, path.read_text(encoding="utf-8"))
    )
    long = [f"{name} has {length} lines" for name, length in functions if name not in LONG_FUNCTIONS]
    assert not long, f"{', '.join(long)}: split the function, at most {MAX_FUNCTION_LINES} lines each"


def test_formatter_skips_do_not_increase() -> None:
    allowed = allowed_skips()
    more = [f"{name} has {count}" for name, count in formatter_skips().items() if count > allowed.get(name, 0)]
    assert not more, f"more `{SKIP}` than in {SKIPS.name}: {', '.join(more)}; let the formatter format the statement"


def test_the_length_of_a_function_includes_signature_docstring_and_nested_functions() -> None:
    source = (
        'def outer(\n    a: int,\n) -> int:\n    """Doc."""\n\n    def inner() -> int:\n        return a\n\n    return inner()\n'
    )
    assert list(functions_longer_than(8, source)) == [("outer", 9)]
    assert list(functions_longer_than(1, source)) == [("outer", 9), ("inner", 2)]


if __name__ == "__main__":
    print("\n".join(f"{name} {count}" for name, count in formatter_skips().items()))  # noqa: T201

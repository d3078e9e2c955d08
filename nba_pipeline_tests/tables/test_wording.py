"""Numbers and instants in messages."""

import re
from pathlib import Path

import pytest

import nba_pipeline
from nba_pipeline.tables.wording import counted

PACKAGE = Path(nba_pipeline.__file__).parent
SOURCES = [path for path in sorted(PACKAGE.rglob("*.py")) if "sandbox" not in path.relative_to(PACKAGE).parts]
TWO_FORMS = re.compile(
    r"""["'](?:1 )?(\w+)(?: \w+)*["'] if [\w.()]+ == 1 else f?["'](?:\{[^}]*\} )?\1s"""
    r"""|["']s["'] if [\w.()]+ (?:> 1|!= 1)"""
)
"""A singular and a plural in one expression."""
NAMED_UTC = re.compile(r"%H:%M[^}]*\} \(?UTC")


@pytest.mark.parametrize(("number", "text"), [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (1234, "1,234 rows")])
def test_only_one_is_singular(number: int, text: str) -> None:
    assert counted(number, "row") == text


def test_a_noun_may_have_its_own_plural() -> None:
    assert [counted(number, "row is", "rows are") for number in (1, 2)] == ["1 row is", "2 rows are"]


def lines_with(pattern: re.Pattern[str], *but: str) -> list[str]:
    """Returns the places in the package where a pattern occurs, except in these files."""
    return [
        f"{path.relative_to(PACKAGE)}:{number}"
        for path in SOURCES
        if path.relative_to(PACKAGE).as_posix() not in but
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if pattern.search(line)
    ]


def test_counted_nouns_are_written_with_counted() -> None:
    """`instance` may not import `tables`."""
    assert TWO_FORMS.search("""'row' if n == 1 else 'rows'""") and TWO_FORMS.search(
        """1 if a else "1 row" if n == 1 else f"{n} rows\""""
    )
    assert lines_with(TWO_FORMS, "instance/run_outcomes.py") == []


def test_messages_have_times_in_us_eastern() -> None:
    assert NAMED_UTC.search("{at:%Y-%m-%d %H:%M} UTC")
    assert lines_with(NAMED_UTC) == []

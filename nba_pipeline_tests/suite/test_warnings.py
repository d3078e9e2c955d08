"""Warnings of this project fail a test on every supported version; warnings of libraries do not."""

import types
import warnings
from pathlib import Path

import pytest

import nba_pipeline
import nba_pipeline_tests

LIBRARY = "def call():\n    import warnings\n    warnings.warn('old', DeprecationWarning, stacklevel={level})\n"


def library(level: int) -> types.ModuleType:
    """A library with a function that warns about itself (level 1) or about its caller (level 2)."""
    module = types.ModuleType("some_library")
    exec(LIBRARY.format(level=level), vars(module))
    return module


@pytest.mark.parametrize("category", [DeprecationWarning, FutureWarning, RuntimeWarning, UserWarning])
@pytest.mark.parametrize("module", ["nba_pipeline", "nba_pipeline.assets.grades", "nba_pipeline_tests.builders"])
def test_a_warning_of_our_code_is_an_error(module: str, category: type[Warning]) -> None:
    with pytest.raises(category, match=r"^old$"):
        warnings.warn_explicit("old", category, "a file", 1, module=module)


def test_a_warning_of_this_test_is_an_error() -> None:
    with pytest.raises(UserWarning, match=r"^ours$"):
        warnings.warn("ours", stacklevel=1)


def test_a_warning_that_a_library_attributes_to_us_is_an_error() -> None:
    with pytest.raises(DeprecationWarning, match=r"^old$"):
        library(level=2).call()


# Recording keeps the filters as they are, so an error would still be raised. `pytest.warns` would replace them.
def test_a_warning_inside_a_library_is_no_error() -> None:
    with warnings.catch_warnings(record=True) as recorded:
        library(level=1).call()
    assert [str(warning.message) for warning in recorded] == ["old"]


@pytest.mark.parametrize("category", [DeprecationWarning, FutureWarning, RuntimeWarning, UserWarning])
def test_a_warning_attributed_to_a_library_is_no_error(category: type[Warning]) -> None:
    with warnings.catch_warnings(record=True) as recorded:
        warnings.warn_explicit("old", category, "a file", 1, module="dagster._utils.schedules")
    assert [warning.category for warning in recorded] == [category]


@pytest.mark.parametrize("package", [nba_pipeline, nba_pipeline_tests])
def test_a_warning_of_the_compiler_about_our_source_is_an_error(package: types.ModuleType) -> None:
    path = Path(str(package.__file__)).with_name("some_module.py")
    with pytest.raises(SyntaxError, match="invalid escape sequence"):
        compile(r"'\d'", str(path), "exec")


def test_a_warning_of_the_compiler_about_a_library_is_no_error(tmp_path: Path) -> None:
    with warnings.catch_warnings(record=True) as recorded:
        compile(r"'\d'", str(tmp_path / "some_library.py"), "exec")
    assert len(recorded) == 1


def test_a_warning_of_pytest_about_a_test_is_an_error() -> None:
    with pytest.raises(pytest.PytestUnknownMarkWarning):
        warnings.warn_explicit(pytest.PytestUnknownMarkWarning("no such mark"), None, "a file", 1, module="_pytest.mark")

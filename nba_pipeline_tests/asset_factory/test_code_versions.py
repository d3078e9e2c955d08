"""A code version changes with the source, the settings and the upstream versions of its table, and with nothing else."""

import ast
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from nba_pipeline.asset_factory import code_versions as module
from nba_pipeline.asset_factory.code_versions import FOLLOWED, PACKAGE, code_versions, current_versions
from nba_pipeline.definitions import defs
from nba_pipeline.errors import BadInput
from nba_pipeline.settings import SETTINGS, Lines, Rosters, Settings
from nba_pipeline.tables.declarations import SLATE_EXPORT, declared

pytestmark = pytest.mark.platform

READS_PREDICTIONS = {"picks", "publications", "grades", "system_performance"}
READS_ZONE_DEFENSE = {"team_defense_zones", "matchups", "features", "points_model", "predictions"} | READS_PREDICTIONS

SYNTAX = '''
"""A docstring."""
import os
LIMIT: float = 0.5  # a comment
def share(rows: list[int], *, floor: float = LIMIT) -> float | None:
    """Another docstring."""
    name = f"{rows!r:>{LIMIT}} of {{braces}} {'nested'} {floor:.2f}"
    match rows:
        case [first, *_] if (found := first) > 1:
            return found * 1e-3
        case {"a": 1} | None:
            return None
    return lambda *args, **kwargs: [x async for x in args] or {**kwargs} or (yield name) or rows[1:, ...] or b"x"
class Rows(dict):
    points = code(("x",), description="prose")
    rebounds = number("prose", 0, LIMIT)
'''


@pytest.fixture(scope="module")
def parsed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """To copy: the modules that code versions read, each parsed once."""
    folder = tmp_path_factory.mktemp("parsed")
    for name in ("assets", *FOLLOWED):
        shutil.copytree(PACKAGE / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    code_versions(folder, SETTINGS)
    return folder


@pytest.fixture
def package(parsed: Path, tmp_path: Path) -> Path:
    """A copy of the modules with their parsed sources, so that only an edited module is parsed again."""
    return Path(shutil.copytree(parsed, tmp_path / "package"))


def changed(package: Path, edit: Callable[[], object]) -> set[str]:
    before = code_versions(package, SETTINGS)
    edit()
    after = code_versions(package, SETTINGS)
    return {name for name in before if before[name] != after[name]}


def edited(path: Path, old: str, new: str) -> Callable[[], object]:
    assert old in path.read_text()
    return lambda: path.write_text(path.read_text().replace(old, new, 1))


def test_every_table_has_a_version_and_an_asset() -> None:
    """The assets of the groups `status` and `publishing` store no rows, so they have no code version."""
    assets = {key.path[-1] for key in defs.resolve_asset_graph().materializable_asset_keys}
    assert (
        code_versions(PACKAGE, SETTINGS).keys() == declared().keys() == assets - {"slate_status", "morning_summary", SLATE_EXPORT}
    )


def test_an_edited_formula_changes_the_tables_that_use_it_and_their_readers(package: Path) -> None:
    path = package / "formulas" / "zone_defense.py"
    assert changed(package, lambda: path.write_text(f"{path.read_text()}\nSMOOTHING = 2\n")) == READS_ZONE_DEFENSE


def test_comments_docstrings_descriptions_and_formatting_change_nothing(package: Path) -> None:
    path = package / "formulas" / "zone_defense.py"
    assert not changed(package, lambda: path.write_text(f"# a comment\n{path.read_text()}\n\n# another\n"))
    assert not changed(package, edited(path, '"""', '"""Another sentence. '))
    summary = package / "assets" / "summaries" / "player_game_summary.py"
    assert not changed(package, edited(summary, 'description="', 'description="Reworded: '))
    features = package / "assets" / "features" / "features.py"
    assert not changed(package, edited(features, 'feature("', 'feature("reworded: '))
    assert changed(package, edited(features, ", 0, 40, HISTORY", ", 0, 41, HISTORY"))


def test_another_system_changes_no_features(package: Path) -> None:
    path = package / "systems" / "__init__.py"
    assert (
        changed(package, lambda: path.write_text(f"{path.read_text()}\nEXTRA = 1\n"))
        == {"points_model", "predictions"} | READS_PREDICTIONS
    )


def test_another_mode_trigger_or_coverage_of_a_table_changes_nothing(package: Path) -> None:
    path = package / "assets" / "features" / "matchups.py"
    assert not changed(package, edited(path, 'modes=["same_day", "tomorrow"]', 'modes=["same_day"], critical_in=["same_day"]'))
    assert not changed(package, edited(path, "    follows=[", '    follows=["features", '))
    assert not changed(package, edited(path, 'covers="player"', 'covers="game"'))


def test_an_edited_request_changes_nothing(package: Path) -> None:
    for name in module.NOT_PARSERS:
        path = package.joinpath(*name.split(".")).with_suffix(".py")
        assert not changed(package, lambda path=path: path.write_text(f"{path.read_text()}\nEXTRA = 1\n"))  # type: ignore[misc]


def test_an_edited_parser_changes_its_source_table(package: Path) -> None:
    path = package / "providers" / "espn.py"
    found = changed(package, lambda: path.write_text(f"{path.read_text()}\nEXTRA = 1\n"))
    assert {"rosters", "injuries"} <= found
    assert found.isdisjoint({"boxscores", "schedule"})


@pytest.mark.parametrize(
    ("section", "readers"),
    [
        (Rosters(most_players=22), {"rosters"}),
        (Rosters(reread_after_hours=1.0), set[str]()),
        (Lines(late_hours=5.0), {"player_game_summary"}),
    ],
    ids=["affects data", "does not affect data", "by way of a property"],
)
def test_a_setting_that_affects_data_changes_its_readers(section: Rosters | Lines, readers: set[str]) -> None:
    name = "rosters" if isinstance(section, Rosters) else "lines"
    before = code_versions(PACKAGE, SETTINGS)
    after = code_versions(PACKAGE, SETTINGS.model_copy(update={name: section}))
    found = {table for table in before if before[table] != after[table]}
    assert readers <= found if readers else not found
    assert "schedule" not in found


def test_every_setting_that_affects_data_exists() -> None:
    for name in Settings.model_fields:
        section = type(getattr(SETTINGS, name))
        assert section.affects_data <= section.model_fields.keys()


def test_versions_do_not_depend_on_the_version_of_python() -> None:
    """The hash was computed with 3.11, 3.12 and 3.13."""
    tokens = list[str]()
    module._collect_tokens(ast.parse(SYNTAX), tokens)
    assert "prose" not in str(tokens) and "docstring" not in str(tokens)
    assert module.hashlib.sha256("\0".join(tokens).encode()).hexdigest()[:12] == "7311212aa19c"


def test_a_table_in_two_modules_is_refused(package: Path) -> None:
    shutil.copy(package / "assets" / "sources" / "rosters.py", package / "assets" / "features" / "rosters.py")
    with pytest.raises(BadInput, match=r"table rosters is declared twice: in assets.features.rosters and assets.sources.rosters"):
        code_versions(package, SETTINGS)


def test_a_cycle_of_derived_tables_is_refused(package: Path) -> None:
    edited(package / "assets" / "features" / "matchups.py", "@daily_asset(\n    TABLE,", "@daily_asset(\n    'features',")()
    with pytest.raises(BadInput, match=r"tables read each other in a cycle: features <- matchups <- features"):
        code_versions(package, SETTINGS)


def test_parsed_sources_are_kept_and_a_damaged_file_is_ignored(package: Path) -> None:
    for path in package.glob("assets/*/*.py"):
        if path.stem not in ("__init__", "features"):
            path.unlink()  # each damaged file costs a parse of the rest
    first = code_versions(package, SETTINGS)
    kept = package / "__pycache__" / "code_versions.json"
    assert set(json.loads(kept.read_text())) >= {"formulas.odds", "assets.features.features"}
    kept.write_text("{")
    assert code_versions(package, SETTINGS) == first
    kept.unlink()
    kept.parent.rmdir()
    kept.parent.write_text("a file where the folder should be")
    assert code_versions(package, SETTINGS) == first


def test_rows_of_an_equivalent_version_are_current(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_equivalent", lambda: {"rosters": {"2": "abc", "1": "another"}})
    assert current_versions("rosters", "abc") == ["abc", "2"]
    assert current_versions("rosters", "a later one") == ["a later one"]
    assert current_versions("schedule", "abc") == ["abc"]

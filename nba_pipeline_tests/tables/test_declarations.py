"""What the declarations refuse, the order of the tables, and a new table that is found in every derived place."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import nba_pipeline
from nba_pipeline import assets  # noqa: F401  # declares every table
from nba_pipeline.errors import BadInput
from nba_pipeline.tables.declarations import (
    STAGES,
    Declaration,
    Wiring,
    check,
    daily_tables,
    declare,
    declared,
    followers,
    in_order,
    requested_by,
    upstream_tables,
)

PACKAGE = Path(nba_pipeline.__file__).parent
ROOT = PACKAGE.parent
FEATURES = daily_tables("features")


def a_table(name: str = "toy", stage: str = "summaries", **wiring: Any) -> Declaration:
    keywords: dict[str, Any] = {"modes": ["overnight"], "dependencies": (), **wiring}
    return Declaration(name=name, module=f"nba_pipeline.assets.{stage}.{name}", **keywords)


def with_table(one: Declaration) -> dict[str, Declaration]:
    return {**declared(), one.name: one}


# Refusals


@pytest.mark.parametrize(
    ("one", "message"),
    [
        (
            a_table(stage="silver"),
            "table toy: stage silver is unknown; choose one of sources, summaries, features, predictions, grades",
        ),
        (a_table(modes=[]), "table toy belongs to no mode; declare some of overnight, same_day, tomorrow"),
        (a_table(modes=["noon"]), "table toy: mode noon is unknown; choose one of overnight, same_day, tomorrow"),
        (
            a_table(critical_in=["tomorrow"]),
            "table toy is critical in mode tomorrow, to which it does not belong; add tomorrow to its modes",
        ),
        (a_table(follows=["boxscores"]), "table toy: follows names boxscores, which is not a dependency of the asset"),
        (a_table(needs=["boxscores"]), "table toy: needs names boxscores, which is not a dependency of the asset"),
        (a_table(if_changed=["boxscores"]), "table toy: if_changed names boxscores, which is not in follows"),
        (a_table(endpoints=["espn"]), "table toy: endpoint espn is not of the form provider/endpoint"),
        (a_table(stage="features"), "table toy is a feature table without recompute, so the leakage audit cannot cover it"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_declaration_that_contradicts_itself_is_refused(one: Declaration, message: str) -> None:
    with pytest.raises(BadInput) as refusal:
        check(one)
    assert str(refusal.value) == message


def test_a_table_declared_twice_is_refused() -> None:
    message = "table grades is declared twice: in nba_pipeline.assets.grades.grades and nba_pipeline.assets.summaries.grades"
    with pytest.raises(BadInput, match=message):
        declare(a_table("grades"))


def test_a_table_outside_of_assets_is_refused() -> None:
    with pytest.raises(BadInput, match=r"table toy is declared too late; its module .*toy is not below assets"):
        declare(a_table())
    assert "toy" not in declared()


def test_a_dependency_on_an_unknown_table_is_refused() -> None:
    with pytest.raises(BadInput, match=r"^table toy depends on box_scores, which is not a table$"):
        in_order(with_table(a_table(dependencies=("box_scores",))))


def test_a_cycle_is_refused() -> None:
    cyclic = replace(declared()["schedule"], dependencies=("toy",))
    with pytest.raises(BadInput, match=r"^tables depend on each other in a cycle: schedule <- toy <- schedule$"):
        in_order({**with_table(a_table(dependencies=("schedule",))), "schedule": cyclic})


@pytest.mark.parametrize("mode", ["overnight", "same_day", "tomorrow"])
def test_a_mode_without_a_critical_table_is_refused(mode: str) -> None:
    optional = {
        name: replace(one, critical_in=[other for other in one.critical_in if other != mode]) for name, one in declared().items()
    }
    with pytest.raises(BadInput, match=f"^mode {mode} has no critical table; declare critical_in="):
        in_order(optional)


@pytest.mark.platform
def test_tables_are_not_read_before_every_one_is_declared() -> None:
    code = "from nba_pipeline.completeness.modes import tables_of_mode; tables_of_mode('overnight')"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr.endswith("PipelineError: the tables are not declared yet; import nba_pipeline.assets first\n")


# The order and the lists


def test_the_order_has_upstream_tables_first_and_does_not_depend_on_the_order_of_imports() -> None:
    names = list(declared())
    for name, one in declared().items():
        assert all(names.index(other) <= names.index(name) for other in one.dependencies), name
    assert [*in_order(dict(reversed(declared().items())))] == names
    assert [STAGES.index(one.stage) for one in declared().values()] == sorted(
        STAGES.index(one.stage) for one in declared().values()
    )


def test_the_upstream_tables_of_a_table_include_indirect_ones_and_not_the_table() -> None:
    upstream = upstream_tables("player_game_summary")
    assert {"boxscores", "schedule"} <= upstream and "player_game_summary" not in upstream
    assert upstream < upstream_tables("grades")


def test_the_lists_of_the_sensors() -> None:
    assert requested_by("final_games") == ("schedule", "boxscores", "team_boxscores", "play_by_play", "players")
    assert requested_by("lines") == ("prop_lines", "game_lines", "injuries")


def test_a_changed_injury_report_is_followed_by_features_and_predictions() -> None:
    assert followers(["injuries"]) == (*FEATURES, "predictions", "picks", "publications")
    assert followers(["injuries"], without=["predictions"]) == FEATURES
    assert followers(["injuries"], without=["upcoming_players"]) == ()


def test_the_keywords_of_a_daily_table_are_attributes_of_its_declaration() -> None:
    own = {"name", "module", "dependencies", "is_daily"}
    assert Wiring.__annotations__.keys() == Declaration.__dataclass_fields__.keys() - own


# One module adds a table

TOY = '''"""toy_form: the rest of each expected player.

Grain: one row per expected player and game
Source: upcoming_players
Caveats: only for a test
"""

import dagster as dg
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset
from nba_pipeline.asset_factory.checks import checks_of
from nba_pipeline.tables.table import Row, Table, number

import dataframely as dy


class ToyFormRows(Row):
    game_id = dy.String(description="game")
    player_id = dy.Int64(description="player")
    toy_days = number("days")


TABLE = Table("toy_form", grain="expected player and game", key=("game_id", "player_id"), schema=ToyFormRows)


def toy_form_of(upcoming_players: pl.DataFrame) -> pl.DataFrame:
    return upcoming_players.select("game_date", "game_id", "player_id", pl.lit(1.0).alias("toy_days"), pl.lit("upcoming_players").alias("source"))


@daily_asset(
    TABLE,
    module=__name__,
    description=__doc__,
    kinds={"polars"},
    modes=["same_day"],
    critical_in=["same_day"],
    follows=["upcoming_players"],
    needs=["upcoming_players"],
    covers="player",
    recompute=lambda world, dates, as_of: toy_form_of(world["upcoming_players"]),
)
def toy_form(context: dg.AssetExecutionContext, upcoming_players: pl.DataFrame) -> pl.DataFrame:
    return toy_form_of(upcoming_players)


checks = checks_of(TABLE)
'''

DERIVED = """
import json
from datetime import UTC, date, datetime

import polars as pl

from nba_pipeline.definitions import defs
from nba_pipeline.asset_factory.code_versions import code_version
from nba_pipeline.audit import derivations, recompute, seasons
from nba_pipeline.completeness.modes import critical_tables, first_due, tables_of_mode, up_to_features
from nba_pipeline.orchestration.schedules import SCHEDULES
from nba_pipeline.tables.declarations import followers
from nba_pipeline_tests.suite.test_data_dictionary import data_dictionary
from nba_pipeline_tests.suite.test_public_strings import public_strings
from nba_pipeline_tests.tables.test_catalog import generated
from nba_pipeline_tests.test_definitions import drawing

TOY, graph = "toy_form", drawing(defs)
job = defs.resolve_job_def("season")
node = defs.resolve_asset_graph().get(next(key for key in job.asset_layer.executable_asset_keys if key.path[-1] == TOY))
print(json.dumps({
    "mode": TOY in tables_of_mode("same_day") and TOY not in tables_of_mode("tomorrow"),
    "critical table": TOY in critical_tables("same_day"),
    "state of a date": TOY in first_due(date(2026, 1, 15), ()),
    "schedule": TOY in next(one for one in SCHEDULES if one.name == "same_day").description,
    "condition": node.automation_condition is not None and TOY in followers(["injuries"]),
    "backfill stage": TOY in up_to_features(),
    "leakage audit": TOY in derivations.FEATURE_TABLES,
    "season audit": TOY in seasons.tables_that_cover("player"),
    "data dictionary": f"## {TOY}" in "\\n".join(data_dictionary()),
    "catalog": TOY in generated()["tables"],
    "public strings": f"column: {TOY}.toy_days Float64" in set(public_strings()),
    "graph": f"features/{TOY} <- upcoming_players\\n    key_is_unique\\n    no_row_is_quarantined" in graph,
    "code version": bool(code_version(TOY)),
}))
"""


@pytest.mark.unattended  # imports every module of a copied package in a process of its own
def test_a_feature_table_is_added_by_one_module(tmp_path: Path) -> None:
    """A copy of the package gets one more module; nothing else is edited."""
    # the parsed sources are copied too, but not the temporary files of other workers, which may vanish
    shutil.copytree(PACKAGE, tmp_path / "nba_pipeline", ignore=shutil.ignore_patterns("code_versions.json.*"))
    (tmp_path / "nba_pipeline" / "assets" / "features" / "toy_form.py").write_text(TOY)
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(ROOT)])}
    done = subprocess.run(
        [sys.executable, "-c", DERIVED], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    places = json.loads(done.stdout)
    assert len(places) == 13 and [place for place, is_there in places.items() if not is_there] == []

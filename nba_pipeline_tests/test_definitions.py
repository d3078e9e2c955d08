"""Dagster's definitions, and their snapshot `graph.txt`: the graph, jobs, schedules and sensors. `make generated` writes it."""

import gc
import subprocess
import sys
from pathlib import Path

import dagster as dg
import pytest

from nba_pipeline.definitions import build_definitions
from nba_pipeline.tables.declarations import declared

ROOT = Path(__file__).parents[1]

GRAPH = Path(__file__).with_name("graph.txt")


def drawing(definitions: dg.Definitions) -> str:
    """Returns group, asset, dependencies, blocking (!) and other checks; then jobs, schedules and sensors."""
    graph = definitions.resolve_asset_graph()
    lines = []
    for node in sorted(graph.asset_nodes, key=lambda node: (str(node.group_name), node.key.to_user_string())):
        parents = " ".join(sorted(key.to_user_string() for key in node.parent_keys))
        lines.append(f"{node.group_name}/{node.key.to_user_string()} <- {parents}".rstrip())
        checks = [graph.get(key) for key in sorted(node.check_keys, key=lambda key: key.name)]
        lines += [
            f"  {'!' if check.blocking else ' '} {check.key.name}" for check in sorted(checks, key=lambda c: not c.blocking)
        ]
    lines += [f"job {job.name}" for job in definitions.jobs or ()]
    for schedule in definitions.schedules or ():
        assert isinstance(schedule, dg.ScheduleDefinition)
        crons = schedule.cron_schedule
        lines.append(f"schedule {schedule.name} {crons if isinstance(crons, str) else ' | '.join(crons)}")
    lines += [f"sensor {sensor.name} every {sensor.minimum_interval_seconds} s" for sensor in definitions.sensors or ()]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def imported() -> set[str]:
    """Returns the modules loaded by a process that loads the definitions and reads a local folder."""
    code = "import sys, nba_pipeline.definitions as _; from nba_pipeline.warehouse import files; files.place('x'); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return set(done.stdout.split())


@pytest.mark.platform
@pytest.mark.parametrize(
    ("library", "only_for"),
    [
        ("pandas", "notebooks and catboost"),
        ("dagster_pandas", "the type of a table"),
        ("catboost", "training and prediction"),
        ("dagster_gcp", "production"),
        ("google.cloud.bigquery", "production"),
        ("fsspec", "stores"),
        ("upath", "stores"),
        ("gcsfs", "stores"),
        ("aiohttp", "stores"),
        ("jinja2", "the page"),
        ("prometheus_client", "the metrics"),
    ],
)
def test_a_library_is_not_imported_before_it_is_needed(imported: set[str], library: str, only_for: str) -> None:
    assert {"nba_pipeline.systems.catboost", "nba_pipeline.warehouse.files"} <= imported
    assert library not in imported, f"{library} is only for {only_for}; import it inside the function instead"


@pytest.mark.parametrize("environment", ["sandbox", "local", "production"])
def test_every_environment_loads_without_credentials(environment: str) -> None:
    dg.Definitions.validate_loadable(build_definitions(environment))


def test_the_graph_has_the_expected_tables_and_checks() -> None:
    assert drawing(build_definitions("sandbox")) == GRAPH.read_text(encoding="utf-8").strip(), "run `make generated`"


def specs_of_tables() -> list[dg.AssetSpec]:
    """The specs of all assets but those of the groups `status` and `publishing`, which are no tables."""
    specs = build_definitions("sandbox").resolve_all_asset_specs()
    return [spec for spec in specs if spec.group_name not in ("status", "publishing")]


def test_every_asset_has_a_description_owners_kinds_a_code_version_and_columns() -> None:
    for spec in specs_of_tables():
        name = spec.key.to_user_string()
        assert spec.description and spec.owners and spec.kinds and spec.code_version, name
        assert spec.metadata["dagster/column_schema"].columns, name


def test_every_edge_of_the_graph_carries_data_or_a_gate() -> None:
    """Dagster's lineage has no other edges. `game_lines` has no input from `prop_lines`: it reads the payloads that it landed."""
    graph = build_definitions("sandbox").resolve_asset_graph()
    for name, one in declared().items():
        asset = graph.get(dg.AssetKey(name)).assets_def
        read = {key.path[-1] for of, key in asset.keys_by_input_name.items() if not asset.op.ins[of].dagster_type.is_nothing}
        landed = {other for other in one.dependencies if set(one.endpoints) & set(declared()[other].endpoints)}
        assert set(one.dependencies) <= read | {*one.follows, *one.needs} | landed, name


def test_every_source_accounts_for_its_rows() -> None:
    definitions = build_definitions("sandbox")
    sources = {spec.key for spec in definitions.resolve_all_asset_specs() if spec.group_name == "sources"}
    keys = definitions.resolve_asset_graph().asset_check_keys
    assert {key.asset_key for key in keys if key.name == "every_row_is_accounted_for"} == sources


def test_every_asset_description_has_its_sections_in_paragraphs() -> None:
    for spec in specs_of_tables():
        paragraphs = (spec.description or "").split("\n\n")
        openings = [paragraph.split(" ")[0] for paragraph in paragraphs]
        assert openings == [f"{spec.key.to_user_string()}:", "**Grain:**", "**Source:**", "**Caveats:**"]


def test_no_check_description_has_a_paragraph_that_markdown_shows_as_code() -> None:
    specs = [spec for checks in build_definitions("sandbox").asset_checks or () for spec in checks.check_specs]
    assert specs and not [spec.name for spec in specs if "\n " in (spec.description or "")]


def test_every_daily_asset_carries_a_freshness_policy() -> None:
    assert [s.key.to_user_string() for s in specs_of_tables() if s.freshness_policy is None] == ["points_model"]


@pytest.mark.unattended
@pytest.mark.platform
def test_the_workspace_loads_on_a_bare_clone() -> None:
    command = [sys.executable, "-W", "ignore", "-m", "dagster", "definitions", "validate", "-w", "workspace.yaml"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_garbage_collection_traverses_the_definitions() -> None:
    assert gc.get_freeze_count() > 100_000

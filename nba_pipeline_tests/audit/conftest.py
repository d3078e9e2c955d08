"""A small league shared by all audit tests; its derived tables are cached."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest

from nba_pipeline.asset_factory.code_versions import code_version
from nba_pipeline.assets.grades.grades import TABLE as GRADES
from nba_pipeline.assets.predictions.predictions import TABLE as PREDICTIONS
from nba_pipeline.audit.derivations import FEATURE_TABLES, REAL, SUMMARIES, Audit
from nba_pipeline.audit.recompute import SOURCES, World
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders_audit import DATES, a_world

CONTROL = DATES[-3]
SAMPLE = DATES[8:]
LATER = datetime(2024, 1, 1, tzinfo=UTC)


@pytest.fixture(scope="session")
def world() -> World:
    return a_world()


@pytest.fixture(scope="session")
def audit(world: World) -> Audit:
    """An audit of the last twelve rounds."""
    return Audit(world, SAMPLE, LATER, [CONTROL])


@pytest.fixture(scope="session")
def stored(audit: Audit) -> pl.DataFrame:
    """The features of the real derivation, as stored in a warehouse."""
    return as_stored(audit.baseline(REAL)["features"])


@pytest.fixture(scope="session")
def warehouse(audit: Audit, tmp_path_factory: pytest.TempPathFactory) -> LocalWarehouse:
    """A warehouse with the league, its summaries and the features of the last twelve rounds, without predictions."""
    return a_warehouse(audit, tmp_path_factory.mktemp("warehouse"))


def a_warehouse(audit: Audit, home: Path) -> LocalWarehouse:
    """Returns a warehouse with the league of an audit, its summaries and the features of its dates."""
    warehouse = LocalWarehouse(home=str(home))
    summarized = audit.summarized(REAL, audit.world)
    tables = {name: audit.world[name] for name in SOURCES} | {name: as_stored(summarized[name]) for name in SUMMARIES}
    tables |= {name: as_stored(audit.baseline(REAL)[name]) for name in FEATURE_TABLES}
    for name, rows in tables.items():
        columns = [
            pl.col(column).fill_null("test") if column in ("source", "code_version") else column for column in TABLES[name].dtypes
        ]
        warehouse.replace(TABLES[name], DATES, rows.select(columns), "test")
    for table in (PREDICTIONS, GRADES):
        warehouse.add(table, DATES, table.empty(), "test")
    return warehouse


def as_stored(rows: pl.DataFrame) -> pl.DataFrame:
    """Returns derived rows with the lineage columns added by a run."""
    return rows.with_columns(pl.lit(LATER).alias("as_of"), pl.lit(code_version("features")).alias("code_version"))

"""What a published slate reads beside its tables."""

from pathlib import Path

from nba_pipeline.governance.halts import Halt, read_halts, record_derived
from nba_pipeline.orchestration import published_rows
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import at


def test_a_halt_by_the_platform_is_published_like_that_of_an_operator(tmp_path: Path) -> None:
    warehouse = LocalWarehouse(home=str(tmp_path))
    assert published_rows._halt(warehouse) == ""
    record_derived(warehouse, at(15), read_halts(warehouse), Halt(True, "edge_collapse", "worse than the line"))
    assert published_rows._halt(warehouse) == "picks are halted: edge_collapse (worse than the line)"

"""Spellings that box scores may use to identify players."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl

from nba_pipeline.assets.sources.players import TABLE
from nba_pipeline.providers.player_matching import known_spellings
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import DAY, frame_of


def test_spellings_never_come_from_the_box_scores_of_the_dates_themselves(tmp_path: Path) -> None:
    """Else a repeated run could give other rows than the first, because `players` is made from these box scores."""
    warehouse = LocalWarehouse(home=str(tmp_path))
    for day in (DAY - timedelta(days=1), DAY, DAY + timedelta(days=1)):
        rows = [a_spelling(day, number, evidence) for number, evidence in enumerate(("boxscore", "operator", "seed"), 1)]
        warehouse.add(TABLE, [day], frame_of(TABLE, *rows), "test")
    known = known_spellings(warehouse, [DAY])
    assert known.columns == ["game_date", "player_id", "spelling", "evidence"]
    assert known.filter(pl.col("game_date") == DAY)["evidence"].to_list() == ["operator", "seed"]
    assert known.height == 8


def a_spelling(day: date, number: int, evidence: str) -> dict[str, object]:
    name = f"Al {evidence} {day}"
    return {"game_date": day, "player_id": number, "spelling": name, "lookup": name, "evidence": evidence, "source": "test"}

"""The first five weeks of a new home, without a model at the beginning: each slate has picks, or says why not."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path

import pytest

from nba_pipeline.assets.predictions.picks import a_slate_without_picks_has_reasons
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import days, eastern
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.orchestration.test_runner import a_runner, only

pytestmark = [pytest.mark.unattended, pytest.mark.long(seconds=90)]

LAST = date(2026, 1, 15)
FIRST = LAST - timedelta(days=35)
CLUBS = 12


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalWarehouse]:
    """A new home after a backfill of five weeks, and the slate of the day after at noon."""
    home: Path = tmp_path_factory.mktemp("five_weeks") / "home"
    home.mkdir()
    (home / "sandbox_rules.json").write_text(json.dumps({"clubs": CLUBS}))
    list(a_runner(home, LAST, 7).backfill(FIRST, LAST - timedelta(days=1)))
    assert only(a_runner(home, LAST, 12).slate(LAST, "same_day")).succeeded
    yield LocalWarehouse(home=str(home), league="simulated")


def test_each_slate_of_a_new_home_has_picks_or_says_why_not(warehouse: LocalWarehouse) -> None:
    dates = days(FIRST, LAST)
    with_games = set(warehouse.scan(TABLES["schedule"], dates).select("game_date").collect()["game_date"])
    verdicts = a_slate_without_picks_has_reasons(warehouse, dates, Clock(fixed_at=eastern(LAST, 12).isoformat())).to_dicts()
    judged = {row["game_date"]: row for row in verdicts if row["game_date"] in with_games}
    silent = [day for day, row in judged.items() if not row["passed"] or not (row["picks"] or row["missing"])]
    assert judged.keys() == set(dates) and silent == []
    first = [judged[day]["missing"][0] for day in dates if not judged[day]["candidates"]]
    assert list(dict.fromkeys(first)) == [
        "no candidate: no system has predictions",
        "no candidate: ensemble has no predictions",
    ]
    assert all("short_history" in judged[day]["missing"][0] for day in dates[len(first) :] if not judged[day]["picks"])

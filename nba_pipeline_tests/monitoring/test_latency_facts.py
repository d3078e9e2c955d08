"""The latency of games is read from a warehouse and a landing. A game of which nothing has arrived counts."""

from datetime import timedelta
from pathlib import Path

import dagster as dg
import polars as pl

from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import eastern
from nba_pipeline.monitoring.latency_facts import read_latencies
from nba_pipeline.monitoring.objectives import Facts
from nba_pipeline.monitoring.service_levels import attainments
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import frame_of
from nba_pipeline_tests.builders_days import slate_of
from nba_pipeline_tests.monitoring.webhook import DAY


def read(home: Path, since_hour: int, **games: object) -> pl.DataFrame:
    """The latencies since an Eastern hour of the date, of games that tipped off at 19:00."""
    warehouse = LocalWarehouse(home=str(home))
    slate = [
        game | {"status": "final", "home_points": 99, "away_points": 98} | games
        for game in slate_of(DAY, *[eastern(DAY, 19)] * 2)
    ]
    warehouse.replace(TABLES["schedule"], [DAY], frame_of(TABLES["schedule"], *slate), "test")
    with dg.DagsterInstance.ephemeral() as instance:
        return read_latencies(instance, warehouse, Landing(home=str(home), clock=Clock()), [DAY], eastern(DAY, since_hour))


def test_final_games_without_a_play_by_play_and_a_box_score_miss_the_service_level(tmp_path: Path) -> None:
    rows = read(tmp_path, since_hour=18)
    assert rows.select("final_at", "boxscore_at", "is_predicted").rows() == [(None, None, False)] * 2
    one = attainments(Facts(rows), eastern(DAY + timedelta(days=1), 13))[0]
    assert (one.objective.name, one.units, one.good) == ("boxscores_in_time", 2, 0)


def test_a_game_of_unknown_end_that_started_before_the_daemon_is_omitted(tmp_path: Path) -> None:
    assert read(tmp_path, since_hour=20).is_empty()


def test_a_game_without_a_tip_off_started_after_midnight(tmp_path: Path) -> None:
    assert read(tmp_path, since_hour=0, tipoff_at=None).height == 2

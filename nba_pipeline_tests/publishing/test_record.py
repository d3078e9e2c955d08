"""The record and the performance: what an average over lines may reveal, and the CSV of the graded forecasts."""

from datetime import timedelta
from typing import Any

import polars as pl
import pytest

from nba_pipeline.assets.grades.grades import TABLE as GRADES
from nba_pipeline.assets.grades.system_performance import TABLE as PERFORMANCE
from nba_pipeline.publishing.performance import performance_document
from nba_pipeline.publishing.plots import published_gaps
from nba_pipeline.publishing.record import record_csv, record_document
from nba_pipeline_tests.builders import frame_of
from nba_pipeline_tests.publishing.test_slate import DAY, NOON

ENOUGH = 100
GRADED = pl.DataFrame(
    schema=GRADES.dtypes | {"player_name": pl.String, "team": pl.String, "made_at": pl.Datetime("us", "UTC"), "over_probability": pl.Float64}
)  # fmt: skip


def graded(number: int, line: float | None = 20.5, **fields: Any) -> pl.DataFrame:
    """The graded forecasts of `ensemble` and `market_blend` for some players."""
    made = [
        {"game_date": DAY, "game_id": "1", "player_id": player, "system_id": system, "market": "player_points", "run_kind": "live",
         "predicted_value": 25.0, "line": line, "recommendation": "OVER", "actual_value": 23, "outcome": "WIN",
         "absolute_error": 2.0} | fields
        for player in range(1, number + 1)
        for system in ("ensemble", "market_blend")
    ]  # fmt: skip
    return frame_of(GRADES, *made).with_columns(
        pl.lit("Al Able").alias("player_name"), pl.lit("GSW").alias("team"), pl.lit(NOON).alias("made_at"), over_probability=0.55
    )


@pytest.mark.parametrize(("number", "prices", "mae"), [(1, "all", 2.0), (ENOUGH - 1, "none", None), (ENOUGH, "none", 2.0)])
def test_an_average_over_few_lines_is_published_with_prices_only(number: int, prices: Any, mae: float | None) -> None:
    record = record_document(graded(number), DAY, DAY, NOON, prices)
    by_system = {one.system: one for one in record.performance}
    assert (by_system["ensemble"].mae, by_system["ensemble"].with_line) == (mae, number)
    assert (by_system["market"].mae, by_system["ensemble"].bets) == ((2.5 if mae else None), (number if mae else None))
    assert ("market_blend" in by_system) is (prices == "all")


@pytest.mark.parametrize("prices", ["none", "consensus"])
def test_the_record_over_few_lines_is_the_same_for_every_line(prices: Any) -> None:
    one, other = (graded(30, line, outcome=outcome) for line, outcome in ((20.5, "WIN"), (24.5, "LOSS")))
    assert record_document(one, DAY, DAY, NOON, prices) == record_document(other, DAY, DAY, NOON, prices)
    assert record_csv(one, prices) == record_csv(other, prices) and record_csv(one, "all") != record_csv(other, "all")


def test_the_csv_has_the_values_of_the_grades() -> None:
    rows = pl.read_csv(record_csv(graded(1), "all"))
    first = rows.filter(pl.col("system_id") == "ensemble").row(0, named=True)
    names = ("game_date", "player_name", "predicted_value", "line", "recommendation", "actual_value", "outcome", "made_at")
    assert [first[name] for name in names] == [str(DAY), "Al Able", 25.0, 20.5, "OVER", 23, "WIN", f"{NOON:%Y-%m-%dT%H:%M:%SZ}"]
    assert rows["system_id"].to_list() == ["ensemble", "market_blend"]


def performance(gap_n: int, **fields: Any) -> pl.DataFrame:
    """A row of all predictions, one of the overs, and one of the date before."""
    row: dict[str, Any] = {name: 0 for name, kind in PERFORMANCE.dtypes.items() if kind == pl.Int64}
    row |= {
        "game_date": DAY,
        "system_id": "ensemble",
        "market": "player_points",
        "run_kind": "live",
        "season": "2025-26",
        "window": "30 days",
    }
    row |= {
        "direction": "all",
        "tier": "all",
        "subset": "all",
        "graded": 150,
        "gap_n": gap_n,
        "gap": -0.123456,
        "roi": 0.5,
        "mae_all": 5.0,
    }
    return frame_of(PERFORMANCE, row | fields, row | {"direction": "OVER"}, row | {"game_date": DAY - timedelta(days=1)})  # fmt: skip


def test_the_performance_is_that_of_the_table_with_prices() -> None:
    rows = performance(1)
    document = performance_document(rows, NOON, "all")
    assert (document.last, len(document.rows)) == (DAY, 2)
    newest = rows.filter(game_date=DAY).sort(PERFORMANCE.key).drop("source", "as_of", "code_version", strict=False)
    assert [row.model_dump() for row in document.rows] == newest.to_dicts()


@pytest.mark.parametrize(("gap_n", "gap"), [(ENOUGH - 1, None), (ENOUGH, -0.12)])
def test_without_prices_the_performance_has_averages_over_many_lines_only(gap_n: int, gap: float | None) -> None:
    (row,) = performance_document(performance(gap_n), NOON, "none").rows
    values = row.model_dump()
    assert (values["gap"], values["graded"], values["mae_all"], values["roi"]) == (gap, 150, 5.0, None)
    assert performance_document(performance(ENOUGH, system_id="market_blend"), NOON, "none").rows == []


@pytest.mark.parametrize(
    ("gap_n", "prices", "gap"), [(ENOUGH - 1, "none", []), (ENOUGH, "none", [-0.12]), (1, "all", [-0.123456])]
)
def test_without_prices_the_plot_of_the_gap_has_averages_over_many_lines_only(gap_n: int, prices: Any, gap: list[float]) -> None:
    rows = performance(gap_n).filter(pl.col("game_date") == DAY, pl.col("direction") == "all")
    assert published_gaps(rows, prices)["gap"].to_list() == gap


def test_a_home_without_grades_has_an_empty_record() -> None:
    assert record_document(GRADED, DAY, DAY, NOON, "all").performance == []
    assert performance_document(PERFORMANCE.empty(), NOON, "all").last is None

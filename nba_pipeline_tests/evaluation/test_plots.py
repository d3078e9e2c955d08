"""The plots of a report: intervals as they are in the records, and a color per system."""

import re
from functools import partial
from typing import Any

import polars as pl
import pytest
from matplotlib.figure import Figure

from nba_pipeline.evaluation.plots import _gap_by_month, color_of, svg_of
from nba_pipeline.evaluation.records import ADJUSTED, MARKET
from nba_pipeline.systems import SYSTEMS


def intervals(*months: tuple[str, float, float | None]) -> list[list[Any]]:
    """The ends of the drawn interval of each month, from month, gap and the high end in the records; empty if none is drawn."""
    names = {"value": pl.String, "gap": pl.Float64, "gap_high": pl.Float64}
    records = pl.DataFrame(months, schema=names, orient="row").with_columns(group=pl.lit("month"), system_id=pl.lit("ensemble"))
    axes = Figure().add_subplot()
    assert _gap_by_month(axes, records)
    [errorbar] = axes.containers
    return [[height for _, height in segment] for segment in errorbar.lines[2][0].get_segments()]


def test_an_interval_that_ends_at_zero_is_drawn() -> None:
    assert intervals(("2024-01", -0.5, 0.0)) == [pytest.approx([-1.0, 0.0])]


def test_a_month_of_one_row_has_no_interval() -> None:
    assert intervals(("2024-01", -0.5, -0.25), ("2024-02", 0.2, None)) == [pytest.approx([-0.75, -0.25]), []]


def test_every_system_and_baseline_has_a_color_of_its_own() -> None:
    names = [*(system.system_id for system in SYSTEMS), ADJUSTED, MARKET]
    assert len({color_of(name) for name in names} - {"black"}) == len(names) and color_of("new") == "black"


def test_two_plots_of_a_page_share_no_id() -> None:
    def draw(axes: Any, value: float) -> bool:
        axes.plot([1, 2], [0, value], label="ensemble")
        return True

    ids = [re.findall(r'\bid="([^"]+)"', svg_of(partial(draw, value=value))) for value in (1.0, 2.0)]
    used = re.findall(r'(?:"#|url\(#)([^")]+)', svg_of(partial(draw, value=1.0)))
    assert ids[0] and not set(ids[0]) & set(ids[1]) and used and set(used) <= set(ids[0])

"""The plots of the page as SVG: gap to the line over time, reliability of the probability, closing-line value over time.

Equal rows give equal bytes. Without prices only the gap is drawn, over dates with enough lines.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from functools import partial
from typing import Any

import polars as pl

from nba_pipeline.evaluation.plots import color_of, draw_reliability, svg_of
from nba_pipeline.formulas.bets import gap
from nba_pipeline.formulas.calibration import decided, reliability
from nba_pipeline.formulas.performance import ALL, GROUPS
from nba_pipeline.publishing.prices import Prices, displayed, has_enough_lines, rounded
from nba_pipeline.settings import SETTINGS

MARGIN = timedelta(days=3)
"""Space before the first and after the last date."""
MOST_MARKS = 40
"""Number of dates above which a line has no marks."""
VALUE_WINDOW = "7 days"
"""Window of the closing-line value. A single date has too few bets."""


def plots(grades: pl.DataFrame, performance: pl.DataFrame, prices: Prices) -> Mapping[str, str]:
    """Returns title -> SVG. `grades` are the graded forecasts of the record, `performance` the rows of its dates."""
    is_shown = pl.col("system_id").is_in(displayed(prices)), pl.col("market") == SETTINGS.lines.market
    live = grades.filter(*is_shown, pl.col("run_kind") == "live")
    svgs = {"Gap to the line by date": svg_of(partial(_draw_gap, rows=gap_by_date(live, prices)))}
    if prices == "all":
        groups = reliability(decided(live.filter(pl.col("over_probability").is_not_null())), "over_probability", by=["system_id"])
        is_all = pl.all_horizontal(pl.col(name) == ALL for name in GROUPS)
        of_window = performance.filter(*is_shown, is_all, pl.col("run_kind") == "live", pl.col("window") == VALUE_WINDOW)
        svgs["Reliability of the probability"] = svg_of(partial(draw_reliability, reliability=groups))
        svgs[f"Closing-line value over {VALUE_WINDOW}"] = svg_of(partial(_draw_value, rows=of_window))
    return {title: svg for title, svg in svgs.items() if svg}


def gap_by_date(live: pl.DataFrame, prices: Prices) -> pl.DataFrame:
    """Returns per system and date the mean error minus that of the line, over dates with enough lines."""
    dated = live.with_columns(gap("predicted_value", "line").alias("gap")).filter(pl.col("gap").is_not_null())
    means = dated.group_by("system_id", "game_date").agg(pl.col("gap").mean(), pl.len().alias("rows"))
    kept = [
        row | {"gap": rounded(row["gap"], prices)} for row in means.iter_rows(named=True) if has_enough_lines(row["rows"], prices)
    ]
    return pl.DataFrame(kept, schema=means.schema).sort("system_id", "game_date")


def _draw_gap(axes: Any, rows: pl.DataFrame) -> bool:
    for (system,), part in rows.partition_by("system_id", as_dict=True, maintain_order=True).items():
        _draw_line(axes, str(system), part, "gap")
    return _finish(axes, rows, "points; below 0 is better than the line")


def _draw_value(axes: Any, rows: pl.DataFrame) -> bool:
    known = rows.filter(pl.col("closing_line_value").is_not_null()).sort("system_id", "game_date")
    for (system,), part in known.partition_by("system_id", as_dict=True, maintain_order=True).items():
        _draw_line(axes, str(system), part, "closing_line_value")
        with_interval = part.filter(pl.col("closing_line_value_low").is_not_null())
        low, high = (with_interval[f"closing_line_value_{end}"].to_list() for end in ("low", "high"))
        axes.fill_between(with_interval["game_date"].to_list(), low, high, color=color_of(str(system)), alpha=0.15, linewidth=0)
    return _finish(axes, known, "expected profit per unit; above 0 beats the closing line")


def _draw_line(axes: Any, system: str, part: pl.DataFrame, column: str) -> None:
    """Draws a column over the dates. Marks on many dates would take half of the page's size."""
    mark = "o" if part.height <= MOST_MARKS else ""
    dates, values = part["game_date"].to_list(), part[column].to_list()
    axes.plot(dates, values, color=color_of(system), marker=mark, markersize=3, linewidth=1, label=system)


def _finish(axes: Any, rows: pl.DataFrame, label: str) -> bool:
    """Adds the time axis, the zero line and the legend. Returns whether the plot has rows."""
    if rows.is_empty():
        return False
    dates: list[date] = rows["game_date"].to_list()
    axes.set_xlim(min(dates) - MARGIN, max(dates) + MARGIN)  # a single date would have an axis of years
    axes.axhline(0, color="#999999", linewidth=1)
    axes.set_ylabel(label)
    axes.tick_params(axis="x", labelrotation=30)
    axes.legend(frameon=False, fontsize=8)
    return True

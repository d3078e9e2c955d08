"""The plots of the page as SVG: gap to the line over time, reliability of the probability, closing-line value over time.

Equal rows give equal bytes. Without prices only the gap is drawn, of windows with enough lines. A plot without rows is empty.
The record changes once a day and a page many times, so a home keeps its newest plots in a private folder. Nothing that the public
can alter is read.

    <home>/plots/<key>.svg   a plot; its key is a hash of its rows and of what draws them
"""

import hashlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import date, timedelta
from functools import cache
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import Any

import polars as pl

from nba_pipeline.evaluation import plots as common
from nba_pipeline.evaluation.plots import color_of, draw_reliability, svg_of
from nba_pipeline.formulas import wilson
from nba_pipeline.formulas.calibration import decided, reliability
from nba_pipeline.formulas.performance import ALL, GROUPS
from nba_pipeline.publishing.prices import DISPLAYED, Prices, displayed, has_enough_lines, rounded
from nba_pipeline.publishing.units import unit
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse import files

MARGIN = timedelta(days=3)
"""Space before the first and after the last date."""
MOST_MARKS = 40
"""Number of dates above which a line has no marks."""
WINDOW = "7 days"
"""Window of the gap and of the closing-line value. A single date has too few bets, and too few lines to publish their average."""
MOST_TICKS = 6
FOLDER = "plots"
KEPT_PLOTS = 20
"""Number of plots in a home, 40 kB each. A page has three."""
SIZE = (4.6, 3.2)
"""Inches. On a phone, the text of a larger plot would be too small to read."""
GAP, RELIABILITY, VALUE = f"Gap to the line over {WINDOW}", "Reliability of P(over)", f"Closing-line value over {WINDOW}"
NOTES: Mapping[str, str] = {
    GAP: f"The mean error of the forecasts of the {WINDOW} that end on a date, minus that of the line on the same forecasts. Below 0, "
    "the forecasts are better than the line. The band is the 95 % interval. N is the number of forecasts of the last window.",
    RELIABILITY: "Ten groups of equal size, ordered by their P(over), with the share of results over the line and its 95 % interval. "
    "A reliable probability is on the dashed line. Both systems have the same P(over). N is the number of forecasts.",
    VALUE: "The profit per unit staked that the bets would be expected to have at the closing line, the last one before tip-off. Above 0, "
    "the bets beat it. The band is the 95 % interval. N is the number of bets of the last window.",
}
"""Title of a plot -> what it shows."""
ABSENT: Mapping[str, str] = {
    GAP: "too few forecasts with a line are graded",
    RELIABILITY: "too few forecasts with a published P(over) are graded",
    VALUE: "no bet has a line that was captured when it was offered and again shortly before tip-off",
}
"""Title of a plot -> why it has no rows."""


def plots(grades: pl.DataFrame, performance: pl.DataFrame, prices: Prices, home: Path) -> Mapping[str, str]:
    """Returns title -> SVG, empty without rows.

    Args:
        grades: Those of the record.
        performance: The rows of `system_performance` of its dates.
        prices: What is published of lines and prices.
        home: The home that keeps the plots.
    """
    is_live = pl.col("market") == SETTINGS.lines.market, pl.col("run_kind") == "live"
    is_all = pl.all_horizontal(pl.col(name) == ALL for name in GROUPS)
    is_shown = pl.col("system_id").is_in(displayed(prices)), is_all, pl.col("window") == WINDOW
    of_window = performance.filter(*is_live, *is_shown).sort("system_id", "game_date")
    svgs = {GAP: _svg(_draw_gap, _drawn(published_gaps(of_window, prices), "gap"), home)}
    if prices == "all":
        # both displayed systems have the same probability
        known = grades.filter(*is_live, pl.col("over_probability").is_not_null(), pl.col("system_id") == DISPLAYED[0])
        groups = reliability(decided(known), "over_probability", by=["system_id"])
        svgs[RELIABILITY] = _svg(draw_reliability, groups, home)
        svgs[VALUE] = _svg(_draw_value, _drawn(of_window, "closing_line_value"), home)
    return svgs


def _drawn(rows: pl.DataFrame, column: str) -> pl.DataFrame:
    """Returns the known values of a column with N and interval. No other value is drawn, so no other one is part of the key."""
    names = [f"{column}{part}" for part in ("", "_n", "_low", "_high")]
    return rows.filter(pl.col(column).is_not_null()).select("system_id", "game_date", *names)


def _svg(draw: Callable[[Any, pl.DataFrame], bool], rows: pl.DataFrame, home: Path) -> str:
    """Returns the plot of the rows: that of the home, or a new one, which takes 0.3 CPU seconds with its library."""
    if rows.is_empty():
        return ""
    key = hashlib.sha256(repr((draw.__name__, rows.columns, rows.rows(), _drawing(), unit())).encode()).hexdigest()
    path = home / FOLDER / f"{key}.svg"
    if kept := _kept(path):
        return kept
    svg = svg_of(lambda axes: draw(axes, rows), SIZE)
    with suppress(OSError):  # a home that cannot be written draws each plot anew
        path.unlink(missing_ok=True)  # it may be incomplete
        files.write_immutable(path, svg.encode)
        for old in sorted(path.parent.iterdir(), key=lambda file: file.stat().st_mtime_ns)[:-KEPT_PLOTS]:
            old.unlink(missing_ok=True)
    return svg


def _kept(path: Path) -> str:
    """Returns the plot of a file; empty if the file is absent, unreadable or incomplete."""
    try:
        svg = path.read_text()
    except (OSError, UnicodeDecodeError):
        return ""
    return svg if svg.startswith("<svg") and svg.rstrip().endswith("</svg>") else ""


@cache
def _drawing() -> tuple[object, ...]:
    """Returns what determines a plot besides its rows and their unit: the code, its library and the colors."""
    code = [Path(file).read_bytes() for file in (__file__, common.__file__, wilson.__file__)]
    return hashlib.sha256(b"".join(code)).hexdigest(), installed_version("matplotlib"), common.COLOR_OF


def published_gaps(performance: pl.DataFrame, prices: Prices) -> pl.DataFrame:
    """Returns the rows of `system_performance` whose gap may be published, with its ends rounded like every published average."""
    kept = [
        row | {name: rounded(row[name], prices) for name in ("gap", "gap_low", "gap_high")}
        for row in performance.iter_rows(named=True)
        if row["gap"] is not None and has_enough_lines(row["gap_n"], prices)
    ]
    return pl.DataFrame(kept, schema=performance.schema)


def _draw_gap(axes: Any, rows: pl.DataFrame) -> bool:
    for (system,), part in rows.partition_by("system_id", as_dict=True, maintain_order=True).items():
        _draw_line(axes, str(system), part, "gap")
    return _finish(axes, rows, f"{unit()} per forecast")


def _draw_value(axes: Any, rows: pl.DataFrame) -> bool:
    for (system,), part in rows.partition_by("system_id", as_dict=True, maintain_order=True).items():
        _draw_line(axes, str(system), part, "closing_line_value")
    return _finish(axes, rows, "expected profit per unit staked")


def _draw_line(axes: Any, system: str, part: pl.DataFrame, column: str) -> None:
    """Draws a column with its interval over the dates. Marks on many dates would take half of the page's size."""
    mark = "o" if part.height <= MOST_MARKS else ""
    dates, values, label = part["game_date"].to_list(), part[column].to_list(), f"{system} (N = {part[f'{column}_n'][-1]:,})"
    axes.plot(dates, values, color=color_of(system), marker=mark, markersize=3, linewidth=1, label=label)
    known = part.filter(pl.col(f"{column}_low").is_not_null())
    low, high = (known[f"{column}_{end}"].to_list() for end in ("low", "high"))
    axes.fill_between(known["game_date"].to_list(), low, high, color=color_of(system), alpha=0.15, linewidth=0)


def _finish(axes: Any, rows: pl.DataFrame, label: str) -> bool:
    """Adds the time axis, the zero line and the legend. Returns that the plot has rows."""
    from matplotlib import dates as module  # noqa: PLC0415  # see `svg_of`

    axis_dates: Any = module  # it has no annotations
    dates: list[date] = rows["game_date"].to_list()
    axes.set_xlim(min(dates) - MARGIN, max(dates) + MARGIN)  # a single date would have an axis of years
    axes.xaxis.set_major_locator(axis_dates.AutoDateLocator(minticks=2, maxticks=MOST_TICKS, interval_multiples=False))
    axes.xaxis.set_major_formatter(axis_dates.DateFormatter("%Y-%m-%d"))
    axes.axhline(0, color="#999999", linewidth=1)
    axes.set_ylabel(label)
    axes.tick_params(axis="x", labelrotation=30)
    axes.legend(frameon=False, fontsize=8)
    return True

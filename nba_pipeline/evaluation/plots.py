"""The plots of a report as SVG: reliability, gap by month, error by tier, importances. Equal reports give equal bytes."""

import hashlib
import math
import re
from collections.abc import Callable
from functools import partial
from io import StringIO
from typing import Any

import polars as pl

from nba_pipeline.evaluation.evaluate import Report
from nba_pipeline.evaluation.records import ADJUSTED, MARKET
from nba_pipeline.formulas.markets import STATISTICS
from nba_pipeline.formulas.wilson import wilson_ends
from nba_pipeline.systems import SYSTEMS

SIZE = (6.2, 3.9)
"""Inches."""
LARGEST_IMPORTANCES = 15
BASELINE_COLORS = {ADJUSTED: "#9c6b4e", MARKET: "#555555"}
SYSTEM_COLORS = ("#4269d0", "#efb118", "#ff725c", "#6cc5b0", "#3ca951", "#ff8ab7", "#a463f2", "#97bbf5")
FURTHER_COLORS = ("#1b7f79", "#b5179e", "#7a8b00", "#00a6fb", "#8c1c13", "#f4a6a6")
"""For systems that are added."""
COLOR_OF = BASELINE_COLORS | dict(zip((system.system_id for system in SYSTEMS), SYSTEM_COLORS + FURTHER_COLORS, strict=False))
"""System or baseline -> its color. A system without one is black."""


def color_of(system: str) -> str:
    """Returns the color of a system, which is the same in every plot."""
    return COLOR_OF.get(system, "black")


def plots(report: Report) -> dict[str, str]:
    """Returns title -> SVG. Plots without data are omitted."""
    unit = STATISTICS[report.header["market"]]
    svgs = {
        "Reliability of the probability": svg_of(partial(draw_reliability, reliability=report.reliability)),
        f"Gap to the consensus by month, in {unit}": svg_of(partial(_gap_by_month, records=report.records)),
        f"Mean absolute error by tier of the line, in {unit}": svg_of(partial(_error_by_tier, records=report.records)),
    }
    for (system,), rows in report.importances.partition_by("system_id", as_dict=True, maintain_order=True).items():
        svgs[f"Importance in the last model of {system}, share"] = svg_of(partial(_importances, rows=rows))
    return {title: svg for title, svg in svgs.items() if svg}


def svg_of(draw: Callable[[Any], bool], size: tuple[float, float] = SIZE) -> str:
    """Returns the SVG of a plot; an empty string if `draw` had no data. Imports matplotlib on first use: it takes 0.3 s."""
    import matplotlib as mpl  # noqa: PLC0415
    from matplotlib.figure import Figure  # noqa: PLC0415

    with mpl.rc_context(
        {"svg.hashsalt": "nba_pipeline", "svg.fonttype": "none", "font.size": 9, "font.sans-serif": ["DejaVu Sans"]}
    ):
        figure = Figure(figsize=size, layout="constrained")
        axes = figure.add_subplot()
        axes.spines[["top", "right"]].set_visible(False)
        if not draw(axes):
            return ""
        text = StringIO()
        figure.savefig(text, format="svg", metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    return _with_own_ids(_shortened(svg[svg.index("<svg") :]))


def _shortened(svg: str) -> str:
    """Returns the plot without indentation, and with coordinates of two decimals."""
    return re.sub(r"(\d\.\d\d)\d+", r"\1", re.sub(r"\n\s*", "\n", svg))


def _with_own_ids(svg: str) -> str:
    """Returns the plot with ids that no other plot of the page has. They begin with a hash of the plot."""
    own = f"p{hashlib.sha256(svg.encode()).hexdigest()[:8]}-"
    return re.sub(r'(\bid="|"#|url\(#)', rf"\g<1>{own}", svg)


def draw_reliability(axes: Any, reliability: pl.DataFrame) -> bool:
    """Draws the share of overs with its 95 % interval over the mean probability, per system. Returns whether there are groups."""
    if reliability.is_empty():
        return False
    low, high = wilson_ends(pl.col("over_share") * pl.col("rows"), pl.col("rows").cast(pl.Float64))
    groups = reliability.with_columns(below=pl.col("over_share") - low, above=high - pl.col("over_share"))
    for (system,), rows in groups.partition_by("system_id", as_dict=True, maintain_order=True).items():
        axes.errorbar(
            rows["mean_probability"].to_list(),
            rows["over_share"].to_list(),
            yerr=[rows["below"].to_list(), rows["above"].to_list()],
            color=color_of(system),
            marker="o",
            markersize=3,
            capsize=2,
            linewidth=1,
            label=f"{system} (N = {rows['rows'].sum():,})",
        )
    first, last = axes.get_xlim()
    axes.plot([first, last], [first, last], color="#999999", linewidth=1, linestyle="--", label="perfect")
    axes.set(xlabel="mean probability of the over, given no push", ylabel="share of overs")
    axes.legend(frameon=False, fontsize=8)
    return True


def _gap_by_month(axes: Any, records: pl.DataFrame) -> bool:
    rows = records.filter(pl.col("group") == "month", pl.col("system_id") != MARKET)
    months = rows["value"].unique().sort().to_list()
    parts = rows.partition_by("system_id", as_dict=True, maintain_order=True)
    for number, ((system,), part) in enumerate(parts.items()):
        offset = (number - (len(parts) - 1) / 2) * BESIDE
        places = [months.index(value) + offset for value in part["value"]]
        # a month with one row has no interval
        half_widths = (part["gap_high"] - part["gap"]).cast(pl.Float64).fill_null(math.nan)
        axes.errorbar(
            places,
            part["gap"].to_list(),
            yerr=half_widths.to_list(),
            color=color_of(system),
            marker="o",
            markersize=3,
            capsize=2,
            linewidth=1,
            label=system,
        )
    axes.axhline(0, color="#999999", linewidth=1)
    axes.set_xticks(range(len(months)), months, rotation=45 if len(months) > MANY_MONTHS else 0)
    axes.legend(frameon=False, fontsize=8)
    return bool(months)


MANY_MONTHS = 6
BESIDE = 0.05
"""Horizontal distance between the marks of two systems, in months, so that their intervals do not overlap."""


def _error_by_tier(axes: Any, records: pl.DataFrame) -> bool:
    rows = records.filter(pl.col("group") == "tier")
    tiers = sorted(rows["value"].unique().to_list(), key=_tier_order)
    systems = rows["system_id"].unique(maintain_order=True).to_list()
    width = 0.8 / max(len(systems), 1)
    for number, system in enumerate(systems):
        errors = dict(rows.filter(pl.col("system_id") == system).select("value", "mae").iter_rows())
        places = [place + number * width for place, tier in enumerate(tiers) if tier in errors]
        axes.bar(places, [errors[tier] for tier in tiers if tier in errors], width, color=color_of(system), label=system)
    axes.set_xticks([place + 0.4 - width / 2 for place in range(len(tiers))], tiers)
    axes.legend(frameon=False, fontsize=8, ncols=2)
    return bool(tiers)


def _tier_order(tier: str) -> tuple[bool, bool, float]:
    number = float(next(word for word in tier.split() if word.replace(".", "").isdigit()))
    return not tier.startswith("below"), tier.startswith("from"), number


def _importances(axes: Any, rows: pl.DataFrame) -> bool:
    largest = rows.head(LARGEST_IMPORTANCES).reverse()
    axes.barh(largest["feature"].to_list(), largest["share"].to_list(), color=SYSTEM_COLORS[0])
    axes.tick_params(axis="y", labelsize=7)
    return rows.height > 0

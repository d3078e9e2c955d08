"""The tables of a report as text cells, for the terminal and the page, and its content as JSON."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from nba_pipeline.evaluation.evaluate import Report
from nba_pipeline.evaluation.records import GROUPS, OVERALL
from nba_pipeline.formulas.markets import STATISTICS
from nba_pipeline.settings import SETTINGS

Row = Mapping[str, Any]
FEW = "*"
WARNINGS = ("NO EVIDENCE", "SUSPECT A LEAK", "BOUND")
"""Prefixes of notes that question the result."""

ERRORS = ("system", "N", "MAE", "gap to the consensus", "gap to the line used", "gap to the adjusted line", "RMSE", "bias")
PROBABILITIES = (
    "system",
    "N",
    "log loss",
    "market",
    "difference",
    "published: N",
    "difference",
    "Brier",
    "market",
    "calibration error",
)
BETS = (
    "system",
    "hit rate, line used",
    "hit rate, consensus",
    "ROI at the offered price",
    "at the best price",
    "closing-line value",
)
OF_GROUPS = (
    "system",
    "N",
    "MAE",
    "gap",
    "bias",
    "bets",
    "hit rate",
    "log loss difference",
    "ROI, offered",
    "ROI, best",
    "CLV",
)


@dataclass(frozen=True)
class Section:
    """A table: its title, column names and rows of text. The first columns are names, the others numbers."""

    title: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    names: int = 1
    is_detail: bool = False
    """Whether the table splits the result into groups. A summary omits it."""


def sections(report: Report) -> list[Section]:
    """Returns the tables of a report. If its period overlaps a search, or if it is a bound, every title says so."""
    warning = "".join(f" - {note}" for note in (*report.header["overlap"], *report.header["bound"]))
    overall = report.records.filter(pl.col("group") == OVERALL)
    tables = [
        Section(f"{title}{warning}", head, tuple(cells(row) for row in overall.iter_rows(named=True)))
        for title, head, cells in (
            (f"Errors in {STATISTICS[report.header['market']]}, beside the line on the same rows", ERRORS, _errors),
            ("Probability of the over that contains the market, beside the no-vig market", PROBABILITIES, _probabilities),
            ("Bets on the side of the forecast", BETS, _bets),
        )
    ]
    for group in GROUPS[1:]:
        rows = report.records.filter(pl.col("group") == group)
        values = rows.select("value").unique(maintain_order=True)
        ordered = values.join(rows, on="value", maintain_order="left_right")
        cells = tuple((row["value"], *_of_group(row)) for row in ordered.iter_rows(named=True))
        tables.append(Section(f"By {group}{warning}", (group, *OF_GROUPS), cells, names=2, is_detail=True))
    closings = tuple((book, f"{captured:,}", f"{missed:,}") for book, captured, missed in report.closings.iter_rows())
    title, head = f"Closing lines by book, in player-games{warning}", ("book", "captured", "missed")
    return [*tables, Section(title, head, closings, is_detail=True)]


def footnote() -> str:
    """Returns the explanation of the cells."""
    return (
        f"± and brackets are 95 % intervals. {FEW} fewer than {SETTINGS.evaluation.least_bets} bets or rows: no result. Break-even "
        "at -110 is 52.4 %. Void bets are excluded; pushes return the stake. The gap is the mean absolute error minus the "
        "baseline's on the same rows. Log loss and Brier score exclude pushes."
    )


def as_json(report: Report) -> str:
    """Returns the report as JSON: the same content gives the same text."""
    frames = {name: getattr(report, name).to_dicts() for name in ("records", "reliability", "importances", "closings")}
    content = {
        "manifest": report.header,
        "manifest_sha256": report.sha256,
        "chain_sha256": report.chain_sha256,
        "notes": list(report.notes),
        "counts": dict(report.counts),
        **frames,
    }
    return json.dumps(content, indent=1, sort_keys=True)


def _errors(row: Row) -> tuple[str, ...]:
    gaps = (_interval(row, "gap"), _interval(row, "gap_to_line_used"))
    adjusted = _interval(row, "gap_to_adjusted_line")
    adjusted += f" N {row['gap_to_adjusted_line_n']:,}" if adjusted else ""
    errors = (_number(row["mae"], 4), *gaps, adjusted, _number(row["rmse"], 3), _signed(row["bias"], 3))
    return (row["system_id"], f"{row['n']:,}", *errors)


def _probabilities(row: Row) -> tuple[str, ...]:
    scores = (_number(row["log_loss"], 5), _number(row["market_log_loss"], 5), _interval(row, "log_loss_gap", 5))
    published = (f"{row['published_log_loss_gap_n']:,}", _interval(row, "published_log_loss_gap", 5))
    briers = (_number(row["brier"], 5), _number(row["market_brier"], 5))
    return (row["system_id"], f"{row['log_loss_gap_n']:,}", *scores, *published, *briers, _number(row["calibration_error"], 3))


def _bets(row: Row) -> tuple[str, ...]:
    cells = [row["system_id"]]
    for name in ("hit_rate", "hit_rate_at_consensus", "roi", "roi_at_best_price", "closing_line_value"):
        text = _rate(row, name) if name.startswith("hit_rate") else _return(row, name)
        cells.append(f"{text} N {row[f'{name}_n']:,}{_few(row[f'{name}_n'])}" if text else "")
    return tuple(cells)


def _of_group(row: Row) -> tuple[str, ...]:
    errors = (f"{row['n']:,}", _number(row["mae"], 3), _interval(row, "gap", 3), _signed(row["bias"], 2))
    bets = (f"{row['hit_rate_n']:,}{_few(row['hit_rate_n'])}", _rate(row, "hit_rate"))
    returns = (_return(row, name) for name in ("roi", "roi_at_best_price", "closing_line_value"))
    return (row["system_id"], *errors, *bets, _interval(row, "log_loss_gap", 4), *returns)


def _number(value: float | None, decimals: int) -> str:
    return "" if value is None else f"{value:.{decimals}f}"


def _signed(value: float | None, decimals: int) -> str:
    return "" if value is None else f"{value:+.{decimals}f}"


def _interval(row: Row, name: str, decimals: int = 4) -> str:
    """Returns value ± half width; the value alone without an interval."""
    value, high = row[name], row[f"{name}_high"]
    if value is None or high is None:
        return _signed(value, decimals)
    return f"{value:+.{decimals}f} ± {high - value:.{decimals}f}"


def _rate(row: Row, name: str) -> str:
    value, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    return "" if value is None else f"{100 * value:.1f}% ({100 * low:.1f}-{100 * high:.1f})"


def _return(row: Row, name: str) -> str:
    value, high = row[name], row[f"{name}_high"]
    if value is None:
        return ""
    return f"{100 * value:+.1f}%" if high is None else f"{100 * value:+.1f} ± {100 * (high - value):.1f}%"


def _few(n: int) -> str:
    return FEW if n < SETTINGS.evaluation.least_bets else ""

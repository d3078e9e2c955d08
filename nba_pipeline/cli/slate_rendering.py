"""A slate on the terminal: one line per prediction, in 80 columns, and counts per recommendation and reason."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from typing import Any, NamedTuple

import polars as pl
from rich.cells import cell_len, set_cell_size

from nba_pipeline.cli.consoles import out, print_line, printable
from nba_pipeline.cli.frames import print_frame
from nba_pipeline.cli.terms import REASONS
from nba_pipeline.environments import now
from nba_pipeline.league.calendar import EASTERN, EASTERN_NAME

MIN_WIDTH = 72
"""Narrower terminals show one field per line."""
REASONS_BESIDE = 36
"""Minimum free characters of a line for printing the reasons beside the prediction; else they get a line of their own."""
INDENT = " " * 7
FIELDS = ["tipoff_at", "player_name", "team", "opponent", "recommendation", "line", "book", "price", "predicted_value", "edge"]


class Cell(NamedTuple):
    """The text of one field, its heading and its alignment."""

    heading: str
    text: str
    is_right: bool = False


def print_slate(day: date, rows: pl.DataFrame, shown: pl.DataFrame, champion: str, shows_reasons: bool = False) -> None:
    """Print the chosen predictions of a slate per system, then the counts of all predictions."""
    newest = max(rows["made_at"]).astimezone(EASTERN)
    print_line(f"Slate of {day}, newest prediction of {newest:%Y-%m-%d %H:%M} US Eastern", style="bold")
    print_line(f"Only predictions of the champion, {champion}, can become picks.")
    if not shown.is_empty() and champion not in shown["system_id"]:
        print_line("The predictions below are of other systems, so none of them can become a pick.")
    if backtests := (rows["run_kind"] == "backtest").sum():
        print_line(f"{backtests} of {rows.height} predictions are backtests: they were made after the game.", style="yellow")
    for name, of_system in _by_system(shown, rows["market"].n_unique() > 1):
        print_line(f"\n{name}")
        _print_predictions(of_system, shows_reasons)
    if shown.is_empty():
        print_line(
            "No actionable prediction matches. --all also shows the others." if not shows_reasons else "No prediction matches."
        )
    started = shown.filter(pl.col("tipoff_at") <= now())["game_id"].n_unique()
    if started:
        print_line(f"\nGames above that have started: {started} of {shown['game_id'].n_unique()}.", style="yellow")
    print_line("\nAll predictions of the slate:")
    print_counts(rows)


def print_counts(rows: pl.DataFrame) -> None:
    """Print per system the predictions per recommendation, and how many of them each reason forbids."""
    for name, of_system in _by_system(rows, rows["market"].n_unique() > 1):
        bets = of_system.filter("is_actionable")
        sides = ", ".join(f"{number} {side}" for side, number in Counter(bets["recommendation"].sort().to_list()).items())
        print_line(f"{name}: {bets.height} of {of_system.height} actionable{f' ({sides})' if sides else ''}")
        against = Counter(
            reason for reasons in of_system["reasons"].drop_nulls().to_list() for reason in reasons if reason in REASONS
        )
        if against:
            print_line(f"  not actionable: {', '.join(f'{reason} {number}' for reason, number in against.most_common())}")


def _by_system(rows: pl.DataFrame, has_several_markets: bool) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yields the rows of each system under its name; with several markets, those of each market under both names."""
    for (system, market), part in rows.group_by("system_id", "market", maintain_order=True):
        yield f"{system}, {market}" if has_several_markets else str(system), part


def _print_predictions(rows: pl.DataFrame, shows_reasons: bool) -> None:
    if out.width < MIN_WIDTH:
        tipoff = pl.col("tipoff_at").dt.convert_time_zone(EASTERN_NAME).dt.strftime("%Y-%m-%d %H:%M ET")
        print_frame(rows.with_columns(tipoff).select(*FIELDS, *["reasons"] * shows_reasons))
        return
    lines = [_cells(row) for row in rows.iter_rows(named=True)]
    widths = _widths(lines)
    print_line(_line([Cell(cell.heading, cell.heading, cell.is_right) for cell in lines[0]], widths), style="dim")
    for cells, reasons in zip(lines, rows["reasons"].to_list(), strict=True):
        line, why = _line(cells, widths), ", ".join(reasons or ()) if shows_reasons else ""
        if why and out.width - cell_len(line) >= REASONS_BESIDE:
            print_line(f"{line}  {why}")
        else:
            print_line(line)
            if why:
                print_line(f"{INDENT}{why}", style="dim")


def _cells(row: dict[str, Any]) -> list[Cell]:
    return [
        Cell("tip-off", _clock_time(row["tipoff_at"]), is_right=True),
        Cell("player", printable(row["player_name"]).plain),
        Cell("team-opp", f"{row['team']}-{row['opponent']}"),
        Cell("bet", row["recommendation"]),
        Cell("line", _number(row["line"]), is_right=True),
        Cell("book", printable(row["book"] or "").plain),
        Cell("price", "" if row["price"] is None else f"{row['price']:+d}", is_right=True),
        Cell("forecast", _number(row["predicted_value"]), is_right=True),
        Cell("edge", "" if row["edge"] is None else f"{row['edge']:+.1f}", is_right=True),
    ]


def _widths(lines: Sequence[Sequence[Cell]]) -> list[int]:
    """Returns the width of each column. The names of the players are cut if the line would not fit the terminal."""
    widths = [max(len(column[0].heading), *(cell_len(cell.text) for cell in column)) for column in zip(*lines, strict=True)]
    excess = sum(widths) + len(widths) - 1 - out.width
    widths[1] -= max(0, excess)
    return widths


def _line(cells: Iterable[Cell], widths: Sequence[int]) -> str:
    texts = (
        " " * (width - cell_len(cell.text)) + cell.text if cell.is_right else _fitted(cell.text, width)
        for cell, width in zip(cells, widths, strict=True)
    )
    return " ".join(texts).rstrip()


def _fitted(text: str, width: int) -> str:
    """Returns text padded to a width. Longer text is cut and ends with an ellipsis."""
    if cell_len(text) <= width:
        return set_cell_size(text, width)
    return set_cell_size(set_cell_size(text, width - 1).rstrip() + "…", width)


def _clock_time(instant: datetime | None) -> str:
    """Returns the US Eastern time of a tip-off, such as 7:30p; a question mark if it is unknown."""
    if instant is None:
        return "?"
    at = instant.astimezone(EASTERN)
    return f"{at.hour % 12 or 12}:{at:%M}{'ap'[at.hour >= 12]}"  # noqa: PLR2004  # noon


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.1f}"

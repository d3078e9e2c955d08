"""The league's injury report: one PDF per printed instant, with the layout of the real reports.

A cell that repeats the cell above is empty, also across pages. Only the first page has column headings. Words are placed
individually, so the file contains no spaces. A club without listed players has no row.
"""

import re
from datetime import date, datetime
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

from nba_pipeline.league.calendar import EASTERN, eastern
from nba_pipeline.sandbox.injuries import PRINTED_MINUTE, QUARTER_HOURLY_SINCE, is_printed
from nba_pipeline.sandbox.names import without_accents
from nba_pipeline.sandbox.snapshots import GameSnapshot
from nba_pipeline.sandbox.view import View
from nba_pipeline.sandbox.wire.nba_cdn import ACCESS_DENIED
from nba_pipeline.sandbox.wire.refusal import Json, Refusal

if TYPE_CHECKING:
    from fpdf import FPDF

PATH = re.compile(r"/referee/injury/Injury-Report_(\d{4}-\d\d-\d\d)_(\d\d)(?:_(\d\d))?(AM|PM)\.pdf")
NOT_YET_SUBMITTED = "NOT YET SUBMITTED"

PAGE_SIZE = (841.95, 595.35)  # points, like all lengths here
COLUMNS = {
    "Game Date": 19.1,
    "Game Time": 115.6,
    "Matchup": 196.0,
    "Team": 260.2,
    "Player Name": 421.0,
    "Current Status": 581.7,
    "Reason": 662.1,
}
"""Heading -> left edge."""

RIGHT_EDGE, BOTTOM_EDGE = 822.8, 516.0
BAND, TITLE_BASELINE, FOOTER_BASELINE = (35.4, 40.0), 62.0, 545.4
HEADING_TOP, HEADING_HEIGHT = 100.4, 21.3
PADDING, LINE_HEIGHT, ROW_HEIGHT, CLUB_ROW_HEIGHT = 4.9, 14.0, 22.0, 23.0
BASELINE = 3.1  # below the middle of a line
FONT, TITLE_SIZE, TEXT_SIZE = "Helvetica", 22, 9
BLUE, GREY, WHITE, PALE = (29, 66, 138), 68, 255, (246, 248, 248)


def report(view: View, day: str, hour: str, minute: str | None, half: str) -> Json:
    """Returns title, instant and text rows of the report with this file name. Unpublished reports give access denied."""
    printed_at = _printed_at(day, hour, minute, half)
    games = [] if printed_at is None or view.now < printed_at else view.reported_games(printed_at)
    if printed_at is None or not games:
        raise Refusal(403, ACCESS_DENIED, "application/xml")
    return {
        "title": f"Injury Report: {printed_at.astimezone(EASTERN):%m/%d/%y %I:%M} {half}",
        "printed_at": printed_at.isoformat(),
        "rows": _without_repetitions([row for snapshot in games for row in _rows(view, snapshot, printed_at)]),
    }


def pdf(document: Json) -> bytes:
    """Returns a report as PDF. The bytes are the same in every process."""
    paper = _paper()
    paper.set_creation_date(datetime.fromisoformat(document["printed_at"]).astimezone(EASTERN))
    title, rows = str(document["title"]), document["rows"]
    _start_page(paper, title)
    top = _headings(paper, list(rows[0]) if rows else list(COLUMNS))
    for row in rows:
        cells = [_lines(str(text or ""), width) for text, width in zip(row.values(), _widths(), strict=False)]
        is_club_row = any(cells[: list(COLUMNS).index("Player Name")])
        height = (CLUB_ROW_HEIGHT if is_club_row else ROW_HEIGHT) + LINE_HEIGHT * (max(map(len, cells)) - 1)
        if top + height > BOTTOM_EDGE:
            _start_page(paper, title)
            top = sum(BAND)
        _row(paper, cells, top, height)
        top += height
    paper.set_text_color(GREY)
    for number in paper.pages:
        paper.page = number
        _write_words(paper, PAGE_SIZE[0] / 2 - PADDING * 5, FOOTER_BASELINE, f"Page {number} of {len(paper.pages)}")
    return bytes(paper.output())


def _printed_at(day: str, hour: str, minute: str | None, half: str) -> datetime | None:
    """Returns the instant of a file name, None for a name that is never published."""
    try:
        on = date.fromisoformat(day)
    except ValueError:
        return None
    if not 1 <= int(hour) <= 12 or int(minute or 0) > 59:
        return None
    printed_at = eastern(on, int(hour) % 12 + 12 * (half == "PM"), PRINTED_MINUTE if minute is None else int(minute))
    has_expected_name = (minute is None) == (printed_at < QUARTER_HOURLY_SINCE)
    return printed_at if has_expected_name and is_printed(printed_at) else None


def _rows(view: View, snapshot: GameSnapshot, at: datetime) -> list[Json]:
    """Returns the rows of a game, away team first: one per player, or one for a club that has not submitted."""
    local, (home, away) = snapshot.tipoff_at.astimezone(EASTERN), snapshot.game.teams
    rows = []
    for side in (1, 0):
        game_columns = (f"{snapshot.game_date:%m/%d/%Y}", f"{local:%I:%M} (ET)", f"{away}@{home}", snapshot.clubs[side].full_name)
        statements = view.injuries(snapshot, side, at)
        lines = (
            [("", "", NOT_YET_SUBMITTED)]
            if statements is None
            else [
                (without_accents(f"{statement.family_name}, {statement.first_name}"), statement.status, statement.reason)
                for statement in statements
            ]
        )
        rows += [dict(zip(COLUMNS, game_columns + line, strict=True)) for line in lines]
    return rows


def _without_repetitions(rows: list[Json]) -> list[Json]:
    """Clears date, time, matchup and team where they and all columns to their left equal the row above."""
    repeatable, cleared, above = list(COLUMNS)[:4], [], dict[str, str]()
    for row in rows:
        same = next((n for n, name in enumerate(repeatable) if row[name] != above.get(name)), len(repeatable))
        cleared.append(row | dict.fromkeys(repeatable[:same], ""))
        above = row
    return cleared


def _widths() -> list[float]:
    edges = [*COLUMNS.values(), RIGHT_EDGE]
    return [right - left - 2 * PADDING for left, right in pairwise(edges)]


def _paper() -> "FPDF":
    from fpdf import FPDF  # noqa: PLC0415  the import takes 0.5 s and is needed for reports only

    paper = FPDF(unit="pt", format=PAGE_SIZE)
    paper.set_compression(False)  # makes the file independent of the zlib version
    paper.set_auto_page_break(False)
    paper.set_draw_color(128)
    paper.set_line_width(0.2)
    paper.set_font(FONT, size=TEXT_SIZE)
    return paper


_ruler = lru_cache(maxsize=1)(_paper)


@lru_cache(maxsize=8192)
def _width(text: str, style: str = "", size: int = TEXT_SIZE) -> float:
    """Returns the width of a text on one line. Cached, because measuring takes longer than printing in FPDF."""
    ruler = _ruler()
    ruler.set_font(FONT, style="B" if style == "B" else "", size=size)
    return float(ruler.get_string_width(text))


def _start_page(paper: "FPDF", title: str) -> None:
    paper.add_page()
    paper.set_fill_color(*BLUE)
    paper.rect(0, BAND[0], PAGE_SIZE[0], BAND[1], style="F")
    paper.set_font(FONT, style="B", size=TITLE_SIZE)
    paper.set_text_color(WHITE)
    _write_words(paper, (PAGE_SIZE[0] - _width(title, "B", TITLE_SIZE)) / 2, TITLE_BASELINE, title, ("B", TITLE_SIZE))
    paper.set_font(FONT, style="", size=TEXT_SIZE)
    paper.set_text_color(0)


def _headings(paper: "FPDF", names: list[str]) -> float:
    """Writes the heading row and returns the top of the next row."""
    left = COLUMNS["Game Date"]
    paper.set_fill_color(*PALE)
    paper.rect(left, HEADING_TOP, RIGHT_EDGE - left, HEADING_HEIGHT, style="F")
    paper.set_font(FONT, style="B", size=TEXT_SIZE)
    for name, edge in zip(names, COLUMNS.values(), strict=False):
        _write_words(paper, edge + PADDING, HEADING_TOP + HEADING_HEIGHT / 2 + BASELINE, name, ("B", TEXT_SIZE))
    paper.set_font(FONT, style="", size=TEXT_SIZE)
    return HEADING_TOP + HEADING_HEIGHT


def _row(paper: "FPDF", cells: list[list[str]], top: float, height: float) -> None:
    """Writes one row, vertically centered, below a rule that starts at the first non-empty cell."""
    edges = list(COLUMNS.values())
    first = next((n for n, lines in enumerate(cells) if lines), 0)
    paper.line(edges[first], top, RIGHT_EDGE, top)
    for edge, lines in zip(edges, cells, strict=False):
        middle = top + height / 2 - LINE_HEIGHT * (len(lines) - 1) / 2
        for number, line in enumerate(lines):
            _write_words(paper, edge + PADDING, middle + LINE_HEIGHT * number + BASELINE, line)


def _lines(text: str, width: float) -> list[str]:
    """Returns a text broken into lines that fit a column."""
    lines: list[str] = []
    for word in text.encode("latin-1", "replace").decode("latin-1").split():
        if lines and _width(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return lines


def _write_words(paper: "FPDF", x: float, y: float, text: str, font: tuple[str, int] = ("", TEXT_SIZE)) -> None:
    """Writes a line of text word by word in the current font."""
    for word in text.split():
        paper.text(x, y, word)
        x += _width(word, *font) + _width(" ", *font)

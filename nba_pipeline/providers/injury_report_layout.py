"""What stands in an injury report: the parts of its title and its rows of text, by the places of the words.

A PDF of some kilobytes may take minutes and gigabytes to read, so this file runs as a process that the limits of
`injury_report` end. It imports nothing of the platform: its start is a tenth of a second then.
"""

import io
import json
import logging
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from typing import Any

HEADERS = ("Game Date", "Game Time", "Matchup", "Team", "Player Name", "Current Status", "Reason")
DATE, TIME, MATCHUP, TEAM, PLAYER, STATUS, REASON = HEADERS
TITLE = re.compile(r"Injury ?Report: ?(\d\d/\d\d/\d\d) ?(\d\d:\d\d) ?([AP]M)")
FOOTER = re.compile(r"Page ?\d+ ?of ?(\d{1,9})")
MOST_SHOWN = 120
MIB = 1024**2

# In points. A blank is 2.3 wide and no character of its own; lines of one cell are 4 apart, those of two rows 12.
BLANK = 1.0
SAME_LINE = 3.0
COLUMN_SLACK = 5.0
SAME_CELL_PER_HEIGHT = 0.8

logging.getLogger("pdfminer").setLevel(logging.ERROR)  # it warns of every small fault of a font

Printed = dict[str, str]
"""A row as it stands on the page: column -> text, only of the columns that are not empty."""


class NoReport(Exception):
    """The document is no complete injury report. The message says why."""


@dataclass(frozen=True)
class Layout:
    """Date, time and half of the day in the title, the title itself, and the rows with what the rows above them say."""

    printed_at: tuple[str, ...]
    title: str
    rows: list[Printed]


@dataclass
class _Cell:
    """Text of one column, on one line or on several that belong together."""

    top: float
    bottom: float
    text: str

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2

    def is_beside(self, other: "_Cell") -> bool:
        return self.top <= other.middle <= self.bottom or other.top <= self.middle <= other.bottom


@dataclass
class _Page:
    """The cells of a page by column, and those of its lines that belong to no column."""

    cells: dict[str, list[_Cell]] = field(default_factory=lambda: {name: [] for name in HEADERS})
    titles: list[re.Match[str]] = field(default_factory=list)
    pages: set[int] = field(default_factory=set)


def layout_of(body: bytes, most_pages: int) -> Layout:
    """The layout of a PDF. Raises NoReport for what is no complete injury report, or has more pages."""
    starts: dict[str, float] = {}
    pages = [_page(words, starts) for words in _words(body, most_pages)]
    titles = [title for page in pages for title in page.titles]
    if not titles or not starts:
        lacking = "title 'Injury Report: ...'" if not titles else f"columns {', '.join(HEADERS)}"
        raise NoReport(f"the PDF lacks the {lacking}")
    told = {number for page in pages for number in page.pages}
    if told and told != {len(pages)}:
        raise NoReport(f"the PDF has {len(pages)} of {max(told)} pages")
    rows = _carried_down(_joined_over_pages([_rows(page) for page in pages]))
    return Layout(titles[0].groups(), titles[0][0], rows)


def _words(body: bytes, most_pages: int) -> list[list[dict[str, Any]]]:
    """The words of each page, with their places.

    pdfplumber wraps what stops it and pdfminer on the way, but for what stops it where it opens a page: a box or a list
    of pages that is something else, nested without an end. 16,000 broken reports ended in nothing else (2026-11).
    """
    import pdfplumber  # noqa: PLC0415  slow to import, and only the process that reads a report needs it
    from pdfplumber.utils.exceptions import MalformedPDFException, PdfminerException  # noqa: PLC0415

    try:
        with pdfplumber.open(io.BytesIO(body), pages=list(range(1, most_pages + 2))) as pdf:
            if len(pdf.pages) > most_pages:
                raise NoReport(f"the PDF has more than {most_pages} pages ({len(body)} bytes)")
            return [page.extract_words(x_tolerance=BLANK) for page in pdf.pages]
    except (PdfminerException, MalformedPDFException, TypeError, IndexError, RecursionError) as error:
        cause = error.__context__ or error
        if isinstance(cause, MemoryError):
            raise cause from None
        raise NoReport(f"the PDF cannot be read ({type(cause).__name__})") from error


def _page(words: Sequence[Mapping[str, Any]], starts: dict[str, float]) -> _Page:
    """The cells of a page. `starts`, column -> left edge, is filled by the header and goes on to the next page."""
    page = _Page()
    for line in _lines(words):
        text = " ".join(str(word["text"]) for word in line)
        if title := TITLE.search(text):
            page.titles.append(title)
        elif footer := FOOTER.fullmatch(text):
            page.pages.add(int(footer[1]))
        elif found := _header(line):
            starts.update(found)
        elif starts:
            _fill(page.cells, line, starts)
    page.cells = {column: _joined(pieces) for column, pieces in page.cells.items()}
    return page


def _lines(words: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Words of the same height, from left to right."""
    lines: list[list[Mapping[str, Any]]] = []
    for word in sorted(words, key=lambda word: word["top"]):
        if lines and word["top"] - lines[-1][0]["top"] <= SAME_LINE:
            lines[-1].append(word)
        else:
            lines.append([word])
    return [sorted(line, key=lambda word: word["x0"]) for line in lines]


def _header(line: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """The left edge of every column, if the line is the header."""
    starts, letters = {}, ""
    waiting = [name.replace(" ", "") for name in HEADERS]
    for word in line:
        if not waiting or not waiting[0].startswith(letters + word["text"]):
            return {}
        if not letters:
            starts[HEADERS[-len(waiting)]] = float(word["x0"])
        letters += word["text"]
        if letters == waiting[0]:
            waiting, letters = waiting[1:], ""
    return {} if waiting else starts


def _fill(cells: Mapping[str, list[_Cell]], line: Sequence[Mapping[str, Any]], starts: Mapping[str, float]) -> None:
    of_column: dict[str, list[Mapping[str, Any]]] = {}
    for word in line:
        left = [name for name, start in starts.items() if start <= word["x0"] + COLUMN_SLACK]
        of_column.setdefault(left[-1] if left else DATE, []).append(word)
    for column, words in of_column.items():
        text = " ".join(str(word["text"]) for word in words)
        cells[column].append(_Cell(min(w["top"] for w in words), max(w["bottom"] for w in words), text))


def _joined(pieces: Sequence[_Cell]) -> list[_Cell]:
    """Lines of one cell put together."""
    cells = list(pieces[:1])
    for above, piece in pairwise(pieces):
        if piece.top - above.bottom < SAME_CELL_PER_HEIGHT * (above.bottom - above.top):
            cells[-1] = _Cell(cells[-1].top, piece.bottom, f"{cells[-1].text} {piece.text}")
        else:
            cells.append(piece)
    return cells


def _rows(page: _Page) -> list[Printed]:
    """The rows of a page, from top to bottom; a reason beside nobody is a row of its own.

    Raises NoReport for a date, time or matchup beside no row: what follows would be told of another game.
    """
    columns = page.cells
    bands = [(_band(cell, columns[REASON]), {PLAYER: cell.text}) for cell in columns[PLAYER]]
    alone = [cell for cell in columns[TEAM] if not any(band.is_beside(cell) for band, _ in bands)]
    bands += [(_band(cell, columns[REASON]), Printed()) for cell in alone]
    for column in (DATE, TIME, MATCHUP, TEAM, STATUS, REASON):
        for cell in columns[column]:
            beside = [row for band, row in bands if band.is_beside(cell)]
            if beside:
                beside[0][column] = cell.text
            elif column == REASON:
                bands.append((cell, {REASON: cell.text}))
            else:
                raise NoReport(f"{column} {cell.text[:MOST_SHOWN]!r} stands beside no row")
    return [row for _, row in sorted(bands, key=lambda pair: pair[0].middle)]


def _band(cell: _Cell, reasons: Iterable[_Cell]) -> _Cell:
    """How high the row of a player or team is: as high as its reason."""
    beside = [cell, *(reason for reason in reasons if reason.is_beside(cell))]
    return _Cell(min(c.top for c in beside), max(c.bottom for c in beside), cell.text)


def _joined_over_pages(pages: Sequence[list[Printed]]) -> list[Printed]:
    """All rows; a reason that a page break cut in two is put together."""
    rows = list[Printed]()
    for page in pages:
        head, *others = page or [Printed()]
        if rows and set(rows[-1]) == {REASON}:  # begun at the foot of the page before
            head[REASON] = f"{rows.pop()[REASON]} {head.get(REASON, '')}".strip()
        elif rows and set(head) == {REASON}:
            before = rows[-1]
            before[REASON] = f"{before.get(REASON, '')} {head[REASON]}".strip()
            head = Printed()
        rows += [row for row in (head, *others) if row]
    return rows


def _carried_down(rows: Iterable[Printed]) -> list[Printed]:
    """The rows with date, matchup and team of the rows above where they show none."""
    carried, full = Printed(), list[Printed]()
    for row in rows:
        carried |= {column: row[column] for column in (DATE, MATCHUP, TEAM) if column in row}
        full.append(carried | row)
    return full


def _limit(kind: int, most: int) -> None:
    """Lower a limit of this process, which may already have a lower one."""
    import resource  # noqa: PLC0415  as in `main`

    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def main(most_pages: int, most_mib: int, most_cpu_seconds: int) -> dict[str, Any]:
    """The layout of the PDF on standard input, or why there is none, within limits that the system enforces."""
    import resource  # noqa: PLC0415  not there on every system that may read the constants of this module

    with suppress(ValueError):  # macOS knows no limit on memory; there the one on CPU time has to do
        _limit(resource.RLIMIT_AS, most_mib * MIB)
    _limit(resource.RLIMIT_CPU, most_cpu_seconds)
    body = sys.stdin.buffer.read()
    try:
        return asdict(layout_of(body, most_pages))
    except NoReport as error:
        return {"problem": str(error)}
    except MemoryError:
        return {"problem": f"the PDF takes more than {most_mib} MiB to read ({len(body)} bytes)"}
    except Exception as error:  # noqa: BLE001  a document that nobody foresaw is no report, whatever it ends in
        return {"problem": f"the PDF cannot be read ({type(error).__name__})"}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*map(int, sys.argv[1:]))))

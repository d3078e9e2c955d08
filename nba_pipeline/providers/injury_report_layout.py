"""Layout of an injury report: the parts of its title and its rows of text, by word positions.

A PDF of a few kilobytes may take minutes and gigabytes to read, so this file runs as a separate process within the limits
of the settings, see `pdf_reader`. It imports no other module of the platform, so that the process starts in 0.1 s.

The process reads one PDF after the other from its standard input until that ends: the length in eight bytes, then the body. Its
response is a JSON document in the same form on its standard output.
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
from math import ceil
from typing import Any

HEADERS = ("Game Date", "Game Time", "Matchup", "Team", "Player Name", "Current Status", "Reason")
DATE, TIME, MATCHUP, TEAM, PLAYER, STATUS, REASON = HEADERS
TITLE = re.compile(r"Injury ?Report: ?(\d\d/\d\d/\d\d) ?(\d\d:\d\d) ?([AP]M)")
FOOTER = re.compile(r"Page ?\d+ ?of ?(\d{1,9})")
MAX_SHOWN_CHARACTERS = 120
MIB = 1024**2
LENGTH_BYTES = 8

# In points. A space is a gap of 2.3, not a character. Lines of one cell are 4 apart, lines of different rows 12.
BLANK = 1.0
SAME_LINE = 3.0
COLUMN_SLACK = 5.0
SAME_CELL_PER_HEIGHT = 0.8

logging.getLogger("pdfminer").setLevel(logging.ERROR)  # it logs a warning for every minor font defect

Printed = dict[str, str]
"""A printed row: column -> text, without empty columns."""


class NoReport(Exception):
    """The document is not a complete injury report. The message says why."""


@dataclass(frozen=True)
class Layout:
    """Date, time and AM/PM of the title, the title, and the rows with the values carried down from the rows above."""

    printed_at: tuple[str, ...]
    title: str
    rows: list[Printed]


@dataclass
class _Cell:
    """Text of one column, on one or more lines of a cell."""

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
    """The cells of a page by column, and its lines outside the columns: titles and page numbers."""

    cells: dict[str, list[_Cell]] = field(default_factory=lambda: {name: [] for name in HEADERS})
    titles: list[re.Match[str]] = field(default_factory=list)
    pages: set[int] = field(default_factory=set)


def layout_of(body: bytes, max_pages: int) -> Layout:
    """Returns the layout of a PDF. Raises NoReport if it is not a complete injury report or has too many pages."""
    starts: dict[str, float] = {}
    pages = [_page(words, starts) for words in _words(body, max_pages)]
    titles = [title for page in pages for title in page.titles]
    if not titles or not starts:
        missing = "title 'Injury Report: ...'" if not titles else f"columns {', '.join(HEADERS)}"
        raise NoReport(f"the PDF has no {missing}")
    page_counts = {number for page in pages for number in page.pages}
    if page_counts and page_counts != {len(pages)}:
        raise NoReport(f"the PDF has {len(pages)} of {max(page_counts)} pages")
    rows = _carried_down(_joined_over_pages([_rows(page) for page in pages]))
    return Layout(titles[0].groups(), titles[0][0], rows)


def _words(body: bytes, max_pages: int) -> list[list[dict[str, Any]]]:
    """Returns the words of each page, with their positions.

    pdfplumber wraps its own errors and those of pdfminer, except when it opens a page: TypeError, IndexError and
    RecursionError for a malformed page box or page tree. 16,000 broken reports raised no other error (2026-11).
    """
    import pdfplumber  # noqa: PLC0415  slow to import, only needed by the process that reads a report
    from pdfplumber.utils.exceptions import MalformedPDFException, PdfminerException  # noqa: PLC0415

    try:
        with pdfplumber.open(io.BytesIO(body), pages=list(range(1, max_pages + 2))) as pdf:
            if len(pdf.pages) > max_pages:
                raise NoReport(f"the PDF has more than {max_pages} pages ({len(body)} bytes)")
            return [page.extract_words(x_tolerance=BLANK) for page in pdf.pages]
    except (PdfminerException, MalformedPDFException, TypeError, IndexError, RecursionError) as error:
        cause = error.__context__ or error
        if isinstance(cause, MemoryError):
            raise cause from None
        raise NoReport(f"the PDF cannot be read ({type(cause).__name__})") from error


def _page(words: Sequence[Mapping[str, Any]], starts: dict[str, float]) -> _Page:
    """Returns the cells of a page. The header fills `starts` (column -> left edge), which also applies to later pages."""
    page = _Page()
    for line in _lines(words):
        text = " ".join(str(word["text"]) for word in line)
        if title := TITLE.search(text):
            page.titles.append(title)
        elif footer := FOOTER.fullmatch(text):
            page.pages.add(int(footer[1]))
        elif header := _header(line):
            starts.update(header)
        elif starts:
            _fill(page.cells, line, starts)
    page.cells = {column: _joined(pieces) for column, pieces in page.cells.items()}
    return page


def _lines(words: Sequence[Mapping[str, Any]]) -> list[list[Mapping[str, Any]]]:
    """Groups words of the same height into lines, from left to right."""
    lines: list[list[Mapping[str, Any]]] = []
    for word in sorted(words, key=lambda word: word["top"]):
        if lines and word["top"] - lines[-1][0]["top"] <= SAME_LINE:
            lines[-1].append(word)
        else:
            lines.append([word])
    return [sorted(line, key=lambda word: word["x0"]) for line in lines]


def _header(line: Sequence[Mapping[str, Any]]) -> dict[str, float]:
    """Returns the left edge of every column if the line is the header, otherwise an empty dictionary."""
    starts, letters = {}, ""
    remaining = [name.replace(" ", "") for name in HEADERS]
    for word in line:
        if not remaining or not remaining[0].startswith(letters + word["text"]):
            return {}
        if not letters:
            starts[HEADERS[-len(remaining)]] = float(word["x0"])
        letters += word["text"]
        if letters == remaining[0]:
            remaining, letters = remaining[1:], ""
    return {} if remaining else starts


def _fill(cells: Mapping[str, list[_Cell]], line: Sequence[Mapping[str, Any]], starts: Mapping[str, float]) -> None:
    words_of_column: dict[str, list[Mapping[str, Any]]] = {}
    for word in line:
        left = [name for name, start in starts.items() if start <= word["x0"] + COLUMN_SLACK]
        words_of_column.setdefault(left[-1] if left else DATE, []).append(word)
    for column, words in words_of_column.items():
        text = " ".join(str(word["text"]) for word in words)
        cells[column].append(_Cell(min(w["top"] for w in words), max(w["bottom"] for w in words), text))


def _joined(pieces: Sequence[_Cell]) -> list[_Cell]:
    """Joins the lines of a cell."""
    cells = list(pieces[:1])
    for above, piece in pairwise(pieces):
        if piece.top - above.bottom < SAME_CELL_PER_HEIGHT * (above.bottom - above.top):
            cells[-1] = _Cell(cells[-1].top, piece.bottom, f"{cells[-1].text} {piece.text}")
        else:
            cells.append(piece)
    return cells


def _rows(page: _Page) -> list[Printed]:
    """Returns the rows of a page, from top to bottom. A reason without a player or team is a separate row.

    Raises NoReport for any other cell without a row, because later rows could be assigned to the wrong game.
    """
    columns = page.cells
    bands = [(_band(cell, columns[REASON]), {PLAYER: cell.text}) for cell in columns[PLAYER]]
    alone = [cell for cell in columns[TEAM] if not any(band.is_beside(cell) for band, _ in bands)]
    bands += [(_band(cell, columns[REASON]), Printed()) for cell in alone]
    for column in (DATE, TIME, MATCHUP, TEAM, STATUS, REASON):
        for cell in columns[column]:
            aligned = [row for band, row in bands if band.is_beside(cell)]
            if aligned:
                aligned[0][column] = cell.text
            elif column == REASON:
                bands.append((cell, {REASON: cell.text}))
            else:
                raise NoReport(f"{column} {cell.text[:MAX_SHOWN_CHARACTERS]!r} is not aligned with a row")
    return [row for _, row in sorted(bands, key=lambda pair: pair[0].middle)]


def _band(cell: _Cell, reasons: Iterable[_Cell]) -> _Cell:
    """Returns the vertical extent of a player's or team's row, which is that of its reason."""
    aligned = [cell, *(reason for reason in reasons if reason.is_beside(cell))]
    return _Cell(min(c.top for c in aligned), max(c.bottom for c in aligned), cell.text)


def _joined_over_pages(pages: Sequence[list[Printed]]) -> list[Printed]:
    """Returns all rows. Joins reasons that are split by a page break."""
    rows = list[Printed]()
    for page in pages:
        first, *rest = page or [Printed()]
        if rows and set(rows[-1]) == {REASON}:  # starts at the bottom of the previous page
            first[REASON] = f"{rows.pop()[REASON]} {first.get(REASON, '')}".strip()
        elif rows and set(first) == {REASON}:
            before = rows[-1]
            before[REASON] = f"{before.get(REASON, '')} {first[REASON]}".strip()
            first = Printed()
        rows += [row for row in (first, *rest) if row]
    return rows


def _carried_down(rows: Iterable[Printed]) -> list[Printed]:
    """Fills missing dates, matchups and teams from the rows above."""
    carried, filled = Printed(), list[Printed]()
    for row in rows:
        carried |= {column: row[column] for column in (DATE, MATCHUP, TEAM) if column in row}
        filled.append(carried | row)
    return filled


def _limit(kind: int, limit: int) -> None:
    """Sets a resource limit of this process, at most the existing hard limit."""
    import resource  # noqa: PLC0415  as in `_layout_within_limits`

    _, hard = resource.getrlimit(kind)
    resource.setrlimit(kind, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _layout_within_limits(body: bytes, max_pages: int, max_mib: int, max_cpu_seconds: int) -> dict[str, Any]:
    """Returns the layout of a PDF, or the problem. The operating system enforces the limits."""
    import resource  # noqa: PLC0415  not available on every system that imports the constants of this module

    with suppress(ValueError):  # macOS has no memory limit; the CPU time limit has to suffice
        _limit(resource.RLIMIT_AS, max_mib * MIB)
    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, ceil(used.ru_utime + used.ru_stime) + max_cpu_seconds)
    try:
        return asdict(layout_of(body, max_pages))
    except NoReport as error:
        return {"problem": str(error)}
    except MemoryError:
        return {"problem": f"reading the PDF takes more than {max_mib} MiB ({len(body)} bytes)"}
    except Exception as error:  # noqa: BLE001  any error means that the document is not a report
        return {"problem": f"the PDF cannot be read ({type(error).__name__})"}


def main(max_pages: int, max_mib: int, max_cpu_seconds: int) -> None:
    """Reads PDFs from standard input until its end, and writes the layout of each to standard output."""
    while length := sys.stdin.buffer.read(LENGTH_BYTES):
        body = sys.stdin.buffer.read(int.from_bytes(length, "big"))
        response = json.dumps(_layout_within_limits(body, max_pages, max_mib, max_cpu_seconds)).encode()
        sys.stdout.buffer.write(len(response).to_bytes(LENGTH_BYTES, "big") + response)
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

"""The league's official injury report: a PDF, printed all day, that lists who may miss the games of today and tomorrow.

Needs no key. It lies under a name made of the minute, and most names are never published (403 or 404). The column header
stands on the first page only, a game's date, time and matchup only beside its first row, and a long reason runs over the
lines above and below its player.
"""

import io
import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import polars as pl

from nba_pipeline.calendar import EASTERN, eastern
from nba_pipeline.errors import NotYet, Permanent, PipelineError
from nba_pipeline.providers.http import HttpClient, Request
from nba_pipeline.settings import SETTINGS
from nba_pipeline.teams import TEAM_OF_NAME
from nba_pipeline.warehouse.landing import Payload

PROVIDER = "injury_report"
ENDPOINT = "report"

QUARTER_HOURLY_SINCE = eastern(date(2025, 12, 22), 9)
"""From here on a report is named after its quarter of an hour, 06_45PM: documented by two public sources.

Before, it came once an hour, was printed at half past and named after the hour: 12PM says 12:30 PM. That name is still asked
for where the newer one is not published: plausible should the league return to it, never seen after the change.
"""

HALF_PAST = 30
QUARTER_HOUR = timedelta(minutes=15)

STATUSES = {
    "Out": "out", "Doubtful": "doubtful", "Questionable": "questionable", "Probable": "probable", "Available": "available",
}  # fmt: skip
"""The report's words -> ours."""

NOT_SUBMITTED, NOBODY_LISTED = "not_submitted", "nobody_listed"
"""What a report may say of a team as a whole."""

REPORT_COLUMNS = {
    "snapshot_at": pl.Datetime("us", "UTC"), "seen_at": pl.Datetime("us", "UTC"), "game_date": pl.Date(),
    "home_team": pl.String(), "away_team": pl.String(), "team": pl.String(), "spelling": pl.String(),
    "status": pl.String(), "reason": pl.String(), "source": pl.String(), "problem": pl.String(),
}  # fmt: skip

HEADERS = ("Game Date", "Game Time", "Matchup", "Team", "Player Name", "Current Status", "Reason")
DATE, TIME, MATCHUP, TEAM, PLAYER, STATUS, REASON = HEADERS
TITLE = re.compile(r"Injury ?Report: ?(\d\d/\d\d/\d\d) ?(\d\d:\d\d) ?([AP]M)")
FOOTER = re.compile(r"Page ?\d+ ?of ?(\d+)")
TEAM_OF_LETTERS = {name.replace(" ", ""): team for name, team in TEAM_OF_NAME.items()}
PDF_ENDS = b"%%EOF"
TAIL_BYTES = 1024
REPORTS_REMEMBERED = 4

# In points. A blank is 2.3 wide and no character of its own; lines of one cell are 4 apart, those of two rows 12.
BLANK = 1.0
SAME_LINE = 3.0
COLUMN_SLACK = 5.0
SAME_CELL_PER_HEIGHT = 0.8

logging.getLogger("pdfminer").setLevel(logging.ERROR)  # it warns of every small fault of a font


class InjuryReport(dg.ConfigurableResource):  # type: ignore[type-arg]
    """ak-static.cms.nba.com, https://official.nba.com/nba-injury-report-2025-26-season/."""

    http: dg.ResourceDependency[HttpClient]

    def newest(self, day: date, before: datetime) -> tuple[Payload | None, list[str]]:
        """The newest report on a slate that was printed before an instant, and what went wrong on the way to it.

        Asks for one name after the other, backwards, until one is published; what is landed is not asked for again. A
        report that cannot be read is passed over for an older one. Where every name is answered 403, nothing is published or
        the host refuses to answer: the problem says both.
        """
        problems, names, statuses = list[str](), report_names(day, before), set[int | None]()
        for name in names:
            request = self.request(day, name)
            try:
                landed = self.http.landed(request)
                return landed[-1] if landed else self.http.get(request), problems
            except NotYet as absent:
                statuses.add(absent.status)
            except Permanent as error:
                problems.append(str(error))
            except PipelineError as error:
                return None, [*problems, str(error)]
        if names and statuses == {httpx.codes.FORBIDDEN} and not problems:
            problems.append(
                f"injury_report answered 403 to each of {len(names)} names from {names[-1]} to {names[0]}: "
                "none is published, or the host refuses to answer"
            )
        elif names:
            problems.append(f"injury_report published nothing that can be read from {names[-1]} to {names[0]}")
        return None, problems

    def peek(self, day: date, name: str) -> pl.DataFrame:
        """The rows of a report by one try, for whoever only decides when to ask: nothing is landed. Raises as HttpClient.peek."""
        request = self.request(day, name)
        payload = Payload(request, f"a look at {name}", self.http.clock.now(), Path(name))
        vars(payload)["body"] = self.http.peek_body(request)
        return parse_injury_report(payload)

    def landed(self, day: date) -> list[Payload]:
        """Every landed report that was asked for a slate, in the order of their arrival."""
        return self.http.landing.payloads(PROVIDER, ENDPOINT, day)

    def request(self, day: date, name: str) -> Request:
        """The question for the report of a name, asked for a slate."""
        return Request(
            provider=PROVIDER, endpoint=ENDPOINT, entity=name, game_date=day, extension="pdf",
            path=f"/referee/injury/Injury-Report_{name}.pdf", parser=parse_injury_report,
        )  # fmt: skip


def due_at(day: date) -> datetime:
    """Since when a slate must be reported on: 17:00 Eastern of the day before."""
    return eastern(day - timedelta(days=1), SETTINGS.injuries.due_hour_eastern)


def report_names(day: date, before: datetime) -> list[str]:
    """The names of reports on a slate that are printed before an instant, the newest first, of as many instants as may be asked for.

    >>> report_names(date(2024, 1, 4), eastern(date(2024, 1, 4), 12, 45))[:2]
    ['2024-01-04_12PM', '2024-01-04_11AM']
    >>> report_names(date(2026, 1, 1), eastern(date(2025, 12, 31), 17, 30))
    ['2025-12-31_05_15PM', '2025-12-31_05_00PM']
    >>> report_names(date(2025, 12, 22), eastern(date(2025, 12, 22), 9, 35))[:5]
    ['2025-12-22_09_30AM', '2025-12-22_09AM', '2025-12-22_09_15AM', '2025-12-22_09_00AM', '2025-12-22_08AM']
    """
    first, last = due_at(day), before - timedelta(microseconds=1)
    printed = last - timedelta(minutes=last.minute % 15, seconds=last.second, microseconds=last.microsecond)
    names, instants = list[str](), 0
    while printed >= first and instants < SETTINGS.injuries.probes:
        of_instant = _names_of(printed)
        instants += bool(of_instant)
        names += of_instant
        printed -= QUARTER_HOUR
    return names


def _names_of(printed: datetime) -> list[str]:
    """The names that a report printed at a quarter of an hour may have; none before the change, but at half past."""
    local = printed.astimezone(EASTERN)
    half = "PM" if local.hour >= 12 else "AM"  # noqa: PLR2004  the clock's own number; %p follows the locale
    newer = [f"{local:%Y-%m-%d_%I_%M}{half}"] if printed >= QUARTER_HOURLY_SINCE else []
    return newer + ([f"{local:%Y-%m-%d_%I}{half}"] if local.minute == HALF_PAST else [])


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


def parse_injury_report(payload: Payload) -> pl.DataFrame:
    """One row per player and game, and one per team of which the report says something as a whole (`spelling` null).

    `snapshot_at` is the instant printed at the top, `seen_at` that of the answer. Every date of the report is there.
    Rows that cannot be used carry a `problem`. Raises Permanent for a document that is no complete injury report.
    """
    name = payload.slot.name
    starts: dict[str, float] = {}
    pages = [_page(words, starts) for words in _words(payload)]
    titles = [title for page in pages for title in page.titles]
    if not titles or not starts:
        lacking = "title 'Injury Report: ...'" if not titles else f"columns {', '.join(HEADERS)}"
        raise Permanent(f"{name}: the PDF lacks the {lacking}: {payload.ref}")
    told = {number for page in pages for number in page.pages}
    if told and told != {len(pages)}:
        raise Permanent(f"{name}: the PDF has {len(pages)} of {max(told)} pages: {payload.ref}")
    about = {"snapshot_at": _printed_at(titles[0], payload), "seen_at": payload.fetched_at, "source": payload.ref}
    rows = _carried_down(_joined_over_pages([_rows(page, name) for page in pages]))
    return pl.DataFrame([{**_statement(row, name), **about} for row in rows], schema=REPORT_COLUMNS)


def _words(payload: Payload) -> list[list[dict[str, Any]]]:
    """The words of each page, with their places.

    pdfplumber wraps what stops it and pdfminer on the way, but for what stops it where it opens a page: a box or a list
    of pages that is something else. 16,000 broken reports ended in nothing else (2026-11).
    """
    from pdfplumber.utils.exceptions import MalformedPDFException, PdfminerException  # noqa: PLC0415  see `_read`

    name = payload.slot.name
    if PDF_ENDS not in payload.body[-TAIL_BYTES:]:
        raise Permanent(f"{name}: the PDF is cut off ({len(payload.body)} bytes): {payload.ref}")
    try:
        return _read(payload.body)
    except (PdfminerException, MalformedPDFException, TypeError, IndexError) as error:
        stumbled = type(error.__context__ or error).__name__
        raise Permanent(f"{name}: the PDF cannot be read ({stumbled}): {payload.ref}") from error


@lru_cache(maxsize=REPORTS_REMEMBERED)
def _read(body: bytes) -> list[list[dict[str, Any]]]:
    """Reading takes a fifth of a second, and what has just been landed is read again as a row."""
    import pdfplumber  # noqa: PLC0415  slow to import, and only who reads a report needs it

    with pdfplumber.open(io.BytesIO(body)) as pdf:
        return [page.extract_words(x_tolerance=BLANK) for page in pdf.pages]


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


Printed = dict[str, str]
"""A row as it stands on the page: column -> text, only of the columns that are not empty."""


def _rows(page: _Page, name: str) -> list[Printed]:
    """The rows of a page, from top to bottom; a reason beside nobody is a row of its own.

    Raises Permanent for a date, time or matchup beside no row: what follows would be told of another game.
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
                raise Permanent(f"{name}: {column} {cell.text!r} stands beside no row")
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


def _statement(row: Printed, name: str) -> dict[str, Any]:
    """What a row says, in our words."""
    player, printed, reason = row.get(PLAYER), row.get(STATUS), row.get(REASON)
    away, _, home = row.get(MATCHUP, "").partition("@")
    team = TEAM_OF_LETTERS.get(row.get(TEAM, "").replace(" ", ""))
    problem = None
    if player is not None:
        status = STATUSES.get(printed or "")
        problem = None if status else f"status of {player} is {printed!r}"
    elif (reason or "").replace(" ", "") == "NOTYETSUBMITTED":
        status, reason = NOT_SUBMITTED, None
    else:
        status = NOBODY_LISTED
        problem = f"{reason or printed!r} stands beside no player" if reason or printed else None
    if team is None or team not in (home, away):
        problem, team = f"team {row.get(TEAM)!r} does not play {row.get(MATCHUP)!r}", None
    return {
        "game_date": _date(row.get(DATE, ""), name), "home_team": home or None, "away_team": away or None, "team": team,
        "spelling": player, "status": None if problem else status, "reason": reason, "problem": problem,
    }  # fmt: skip


def _date(text: str, name: str) -> date:
    try:
        return datetime.strptime(text, "%m/%d/%Y").date()
    except ValueError:
        raise Permanent(f"{name}: the game date is {text!r}") from None


def _printed_at(title: re.Match[str], payload: Payload) -> datetime:
    """The instant of the title, which is Eastern."""
    try:
        local = datetime.strptime(" ".join(title.groups()), "%m/%d/%y %I:%M %p")
    except ValueError:
        raise Permanent(f"{payload.slot.name}: the title says {title[0]!r}: {payload.ref}") from None
    return local.replace(tzinfo=EASTERN).astimezone(UTC)

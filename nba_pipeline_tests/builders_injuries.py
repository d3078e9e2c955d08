"""Injury reports that a test needs: printed as the league prints them, and the rows that they become."""

import itertools
from collections.abc import Sequence
from typing import Any

import polars as pl
from fpdf import FPDF

from nba_pipeline.assets.sources.injuries import TABLE
from nba_pipeline_tests.builders import DAY, PLAYER, Values, at, frame_of

PAGE = (841.95, 595.35)
LEFT = {"date": 24.1, "time": 120.6, "matchup": 201.0, "team": 265.2, "player": 426.0, "status": 586.7, "reason": 667.1}
HEADERS = ("Game Date", "Game Time", "Matchup", "Team", "Player Name", "Current Status", "Reason")
BLANK = 2.3
LINE, ROW = 14.0, 22.0


def a_report(*pages: Sequence[dict[str, str]], printed: str = "03/12/24 05:30 PM", **said: Any) -> bytes:
    """A report as a PDF: per page its rows, each with the columns of LEFT that it shows.

    A reason with line breaks runs over the lines above and below its player, as in the real ones; a blank is no
    character, but a gap. `title`, `headers` and `pages` change what the document says of itself.
    """
    pdf = FPDF(unit="pt", format=PAGE)
    for number, rows in enumerate(pages, 1):
        pdf.add_page()
        _write(pdf, 289.1, 67.5, said.get("title", f"Injury Report: {printed}"), 22)
        top = 106.6
        if number == 1:
            for left, header in zip(LEFT.values(), said.get("headers", HEADERS), strict=True):
                _write(pdf, left - 1, top, header)
            top += ROW
        for row in rows:
            lines = row.get("reason", "").split("\n")
            middle = top + LINE * (len(lines) - 1) / 2
            for column, text in row.items():
                if column != "reason":
                    _write(pdf, LEFT[column], middle, text)
            for n, line in enumerate(lines):
                _write(pdf, LEFT["reason"], top + n * LINE, line)
            top += ROW + LINE * (len(lines) - 1)
        _write(pdf, 398.5, 548.1, f"Page {number} of {said.get('pages', len(pages))}")
    return bytes(pdf.output())


def _write(pdf: FPDF, left: float, baseline: float, text: str, size: int = 10) -> None:
    pdf.set_font("helvetica", size=size)
    widths = [pdf.get_string_width(word) + BLANK * size / 10 for word in text.split()]
    for word, before in zip(text.split(), itertools.accumulate(widths, initial=0.0), strict=False):
        pdf.text(left + before, baseline, word)


def an_entry(player: str = "Curry, Stephen", status: str = "Out", reason: str = "Rest", **columns: str) -> dict[str, str]:
    """A row of a report below the first of its team."""
    return {"player": player, "status": status, "reason": reason, **columns}


def a_first_entry(player: str = "Curry, Stephen", status: str = "Out", reason: str = "Rest", **columns: str) -> dict[str, str]:
    """The first row of a game in a report; NYK at GSW unless told otherwise."""
    game = {"date": "03/12/2024", "time": "10:00 (ET)", "matchup": "NYK@GSW", "team": "Golden State Warriors"}
    return game | an_entry(player, status, reason) | columns


def not_yet(team: str, **columns: str) -> dict[str, str]:
    """A row of a team that has not submitted."""
    return {"team": team, "reason": "NOT YET SUBMITTED", **columns}


def espn_injuries(*injuries: dict[str, Any], team: str = "Golden State Warriors") -> dict[str, Any]:
    """What ESPN answers: the injuries of one team."""
    return {"injuries": [{"id": "9", "displayName": team, "injuries": list(injuries)}]}


def an_espn_injury(player: str = "Stephen Curry", status: str = "Out", team: str = "GS", **fields: Any) -> dict[str, Any]:
    """An injury as ESPN lists it."""
    athlete = {"displayName": player, "team": {"abbreviation": team}}
    return {"status": status, "date": "2024-03-11T12:00Z", "athlete": athlete, "shortComment": "He is hurt."} | fields


def an_injury(status: str = "out", **fields: Any) -> Values:
    """A row of `injuries`: what the official report said at 17:00 UTC of a player of the game, before its tip-off."""
    return {
        "game_date": DAY, "game_id": f"002{DAY:%y%m%d}1", "team": "GSW", "player_id": PLAYER, "spelling": "Curry, Stephen",
        "status": status, "snapshot_at": at(17), "seen_at": at(17, 5), "provider": "injury_report", "is_before_tipoff": True,
        "source": "test",
    } | fields  # fmt: skip


def a_team_s(status: str, **fields: Any) -> Values:
    """A row of `injuries` about a team as a whole."""
    return an_injury(status, player_id=None, spelling=None) | fields


def injuries_of(*rows: Values) -> pl.DataFrame:
    """A frame of `injuries`."""
    return frame_of(TABLE, *rows)

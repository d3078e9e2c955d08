"""The league's official injury report: a PDF, published all day, with the players who may miss the games of today and tomorrow.

Needs no key. The file name contains the time, and most names are never published (403 or 404). The column header is on the
first page only. A game's date, time and matchup are in its first row only. A long reason extends to the lines above and
below its player.
"""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import httpx
import polars as pl

from nba_pipeline.errors import NotPublished, Permanent, PipelineError
from nba_pipeline.instance.run_objects import RUN_OBJECTS
from nba_pipeline.league.calendar import EASTERN, eastern
from nba_pipeline.league.teams import TEAM_OF_NAME
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.providers.injury_report_layout import DATE, MATCHUP, PLAYER, REASON, STATUS, TEAM, NoReport, Printed
from nba_pipeline.providers.parsing import Unusable, frame_of, parser
from nba_pipeline.providers.pdf_reader import KEY, read_layout
from nba_pipeline.providers.request import Request
from nba_pipeline.providers.wire import day_or_none, quoted
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse.payloads import Payload

PROVIDER = "injury_report"
ENDPOINT = "report"

QUARTER_HOURLY_SINCE = eastern(date(2025, 12, 22), 9)
"""Since this instant, reports are named after their quarter-hour, such as 06_45PM. Documented by two public sources.

Before, reports were hourly, printed at half past and named after the hour: 12PM is 12:30 PM. The old name is still requested
if the new one is not published, in case the league returns to it. No report with an old name is known since the change.
"""

HALF_PAST = 30
QUARTER_HOUR = timedelta(minutes=15)

STATUSES = {
    "Out": "out",
    "Doubtful": "doubtful",
    "Questionable": "questionable",
    "Probable": "probable",
    "Available": "available",
}
"""Status in the report -> value of `status`."""

NOT_SUBMITTED, NOBODY_LISTED = "not_submitted", "nobody_listed"
"""Statuses of a whole team."""

REPORT_COLUMNS = {
    "snapshot_at": pl.Datetime("us", "UTC"),
    "seen_at": pl.Datetime("us", "UTC"),
    "game_date": pl.Date(),
    "home_team": pl.String(),
    "away_team": pl.String(),
    "team": pl.String(),
    "spelling": pl.String(),
    "status": pl.String(),
    "reason": pl.String(),
    "source": pl.String(),
    "problem": pl.String(),
}

TEAM_OF_LETTERS = {name.replace(" ", ""): team for name, team in TEAM_OF_NAME.items()}
PDF_ENDS = b"%%EOF"
TAIL_BYTES = 1024


class InjuryReport(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Client for ak-static.cms.nba.com, https://official.nba.com/nba-injury-report-2025-26-season/."""

    http: dg.ResourceDependency[HttpClient]

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        """Keeps the process that reads PDFs for all reports of the run."""
        RUN_OBJECTS.acquire(KEY)

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        """Ends the process unless another run uses it."""
        RUN_OBJECTS.release(KEY)

    def newest(self, day: date, before: datetime) -> tuple[Payload | None, list[str]]:
        """Returns the newest report on a slate that was printed before an instant, and the problems of the search.

        Requests one name at a time, newest first, until one is published. Landed reports are not requested again. An
        unreadable report is skipped. If every name returns 403, either none is published or the host refuses the client; the
        problem names both causes.
        """
        problems, names, statuses = list[str](), report_names(day, before), set[int | None]()
        for name in names:
            request = self.request(day, name)
            try:
                landed = self.http.landed(request)
                return landed[-1] if landed else self.http.get(request), problems
            except NotPublished as error:
                statuses.add(error.status)
            except Permanent as error:
                problems.append(str(error))
            except PipelineError as error:
                return None, [*problems, str(error)]
        if names and statuses == {httpx.codes.FORBIDDEN} and not problems:
            problems.append(
                f"injury_report returned 403 for all {len(names)} reports from {names[-1]} to {names[0]}: "
                "none is published, or the host blocks this client"
            )
        elif names:
            problems.append(f"injury_report has no readable report from {names[-1]} to {names[0]}")
        return None, problems

    def peek(self, day: date, name: str) -> pl.DataFrame:
        """Returns a report's rows from one attempt, to decide when to fetch. Lands nothing. Raises like HttpClient.peek."""
        request = self.request(day, name)
        payload = Payload(request, f"peek at {name}", self.http.clock.now(), Path(name))
        vars(payload)["body"] = self.http.peek_body(request)
        return parse_injury_report(payload)

    def landed(self, day: date) -> list[Payload]:
        """Returns all landed reports of a slate, in the order of their arrival."""
        return self.http.landing.payloads(PROVIDER, ENDPOINT, day)

    def request(self, day: date, name: str) -> Request:
        """Returns the request for a report by name, landed under a slate."""
        return Request(
            provider=PROVIDER,
            endpoint=ENDPOINT,
            entity=name,
            game_date=day,
            extension="pdf",
            path=f"/referee/injury/Injury-Report_{name}.pdf",
            parser=parse_injury_report,
        )


def due_at(day: date) -> datetime:
    """Returns when the first report on a slate is due: 17:00 Eastern of the day before."""
    return eastern(day - timedelta(days=1), SETTINGS.injuries.due_hour_eastern)


def report_names(day: date, before: datetime) -> list[str]:
    """Returns the names of reports on a slate printed before an instant, newest first, for up to `probes` instants.

    >>> report_names(date(2024, 1, 4), eastern(date(2024, 1, 4), 12, 45))[:2]
    ['2024-01-04_12PM', '2024-01-04_11AM']
    >>> report_names(date(2026, 1, 1), eastern(date(2025, 12, 31), 17, 30))
    ['2025-12-31_05_15PM', '2025-12-31_05_00PM']
    >>> report_names(date(2025, 12, 22), eastern(date(2025, 12, 22), 9, 35))[:5]
    ['2025-12-22_09_30AM', '2025-12-22_09AM', '2025-12-22_09_15AM', '2025-12-22_09_00AM', '2025-12-22_08AM']
    """
    first, last = due_at(day), before - timedelta(microseconds=1)
    printed_at = last - timedelta(minutes=last.minute % 15, seconds=last.second, microseconds=last.microsecond)
    names, instants = list[str](), 0
    while printed_at >= first and instants < SETTINGS.injuries.probes:
        candidates = _names_of(printed_at)
        instants += bool(candidates)
        names += candidates
        printed_at -= QUARTER_HOUR
    return names


def _names_of(printed_at: datetime) -> list[str]:
    """Returns the possible names of a report printed at a quarter-hour. Before the change, only half past has a name."""
    local = printed_at.astimezone(EASTERN)
    half = "PM" if local.hour >= 12 else "AM"  # noqa: PLR2004  noon; %p depends on the locale
    quarter_hour_names = [f"{local:%Y-%m-%d_%I_%M}{half}"] if printed_at >= QUARTER_HOURLY_SINCE else []
    return quarter_hour_names + ([f"{local:%Y-%m-%d_%I}{half}"] if local.minute == HALF_PAST else [])


@parser
def parse_injury_report(payload: Payload) -> pl.DataFrame:
    """Returns one row per player and game, and one per team with a status of its own (`spelling` null).

    `snapshot_at` is the instant printed at the top, `seen_at` the instant of the response. All dates of the report are
    included. Unusable rows have a `problem`. Raises Permanent if the document is not a complete injury report or takes too
    long to read.
    """
    if PDF_ENDS not in payload.body[-TAIL_BYTES:]:
        raise Unusable(f"the PDF is truncated ({len(payload.body)} bytes)")
    try:
        return _statements(read_layout(payload.body), payload)
    except NoReport as error:
        raise Permanent(f"{payload.slot.name}: {error}: {payload.ref}") from error


def _statements(layout: dict[str, Any], payload: Payload) -> pl.DataFrame:
    of_report = {"snapshot_at": _printed_at(layout), "seen_at": payload.fetched_at, "source": payload.ref}
    return frame_of([{**_statement(row), **of_report} for row in layout["rows"]], REPORT_COLUMNS)


def _statement(row: Printed) -> dict[str, Any]:
    """Converts a printed row to the columns of REPORT_COLUMNS."""
    player, printed_status, reason = row.get(PLAYER), row.get(STATUS), row.get(REASON)
    away, _, home = row.get(MATCHUP, "").partition("@")
    team = TEAM_OF_LETTERS.get(row.get(TEAM, "").replace(" ", ""))
    problem = None
    if player is not None:
        status = STATUSES.get(printed_status or "")
        problem = None if status else f"status of {player} is {quoted(printed_status)}"
    elif (reason or "").replace(" ", "") == "NOTYETSUBMITTED":
        status, reason = NOT_SUBMITTED, None
    else:
        status = NOBODY_LISTED
        problem = f"{quoted(reason or printed_status)} has no player in its row" if reason or printed_status else None
    if team is None or team not in (home, away):
        problem, team = f"team {quoted(row.get(TEAM))} does not play {quoted(row.get(MATCHUP))}", None
    return {
        "game_date": _date(row.get(DATE, "")),
        "home_team": home or None,
        "away_team": away or None,
        "team": team,
        "spelling": player,
        "status": None if problem else status,
        "reason": reason,
        "problem": problem,
    }


def _date(text: str) -> date:
    try:
        day = day_or_none(datetime.strptime(text, "%m/%d/%Y").date())
    except ValueError:
        day = None
    if day is None:
        raise Unusable(f"the game date is {quoted(text)}")
    return day


def _printed_at(layout: dict[str, Any]) -> datetime:
    """Returns the UTC instant of the title, which is in Eastern time."""
    try:
        local = datetime.strptime(" ".join(layout["printed_at"]), "%m/%d/%y %I:%M %p")
    except ValueError:
        raise Unusable(f"the title has no valid instant: {quoted(layout['title'])}") from None
    return local.replace(tzinfo=EASTERN).astimezone(UTC)

"""The official injury report: file names, columns, rows over several lines and pages, and invalid documents."""

import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import dagster as dg
import polars as pl
import pytest

from nba_pipeline.errors import Permanent
from nba_pipeline.instance.run_tags import REPLAY_TAG
from nba_pipeline.league.calendar import eastern
from nba_pipeline.providers import pdf_reader
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.providers.injury_report import REPORT_COLUMNS, InjuryReport, parse_injury_report, report_names
from nba_pipeline.providers.pdf_reader import PdfReader
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payloads import Payload, Slot
from nba_pipeline_tests.builders_injuries import HEADERS, a_first_entry, a_report, an_entry, not_yet
from nba_pipeline_tests.providers.conftest import NOON, Answer, Provider, ReceivedRequest

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("reader_of_pdfs")]

DAY = date(2024, 3, 12)
SIX = eastern(DAY, 18, 10)
Land = Callable[[bytes], Payload]
REPORT = a_report([a_first_entry()])
GOOD = Answer(body=REPORT)
MISSING = Answer({}, status=403)


@pytest.fixture
def land(landing: Landing) -> Land:
    slot = Slot("injury_report", "report", "2024-03-12_05PM", DAY, extension="pdf")
    return lambda body: landing.keep(slot, body, fetched_at=NOON)


@pytest.fixture
def reports(http_client: HttpClient, provider: Provider) -> Iterator[InjuryReport]:
    addresses = {"injury_report": provider.url}
    client = HttpClient(
        base_urls=addresses, landing=http_client.landing, clock=http_client.clock, attempts=3, first_wait_seconds=0.01
    )
    yield InjuryReport(http=client)
    client.close()


def parsed_rows(land: Land, *rows: dict[str, str], columns: str = "team spelling status reason") -> list[tuple[Any, ...]]:
    return parse_injury_report(land(a_report(rows))).select(columns.split()).rows()


# Reading


def test_a_player_becomes_a_row(land: Land) -> None:
    frame = parse_injury_report(land(a_report([a_first_entry()])))
    assert frame.schema == pl.Schema(REPORT_COLUMNS)
    assert frame.rows(named=True) == [
        {
            "snapshot_at": datetime(2024, 3, 12, 21, 30, tzinfo=UTC),
            "seen_at": NOON,
            "game_date": DAY,
            "home_team": "GSW",
            "away_team": "NYK",
            "team": "GSW",
            "spelling": "Curry, Stephen",
            "status": "out",
            "reason": "Rest",
            "source": frame["source"][0],
            "problem": None,
        }
    ]


def test_date_matchup_and_team_apply_to_the_rows_below(land: Land) -> None:
    rows = parsed_rows(
        land,
        a_first_entry(),
        an_entry("Payton II, Gary"),
        an_entry("Hart, Josh", team="New York Knicks"),
        an_entry("Tatum, Jayson", matchup="BOS@MIA", team="Boston Celtics", time="11:00 (ET)"),
        a_first_entry("Heat, A", date="03/13/2024", matchup="MIA@CHI", team="Miami Heat"),
        columns="game_date away_team home_team team spelling",
    )
    assert rows == [
        (DAY, "NYK", "GSW", "GSW", "Curry, Stephen"),
        (DAY, "NYK", "GSW", "GSW", "Payton II, Gary"),
        (DAY, "NYK", "GSW", "NYK", "Hart, Josh"),
        (DAY, "BOS", "MIA", "BOS", "Tatum, Jayson"),
        (date(2024, 3, 13), "MIA", "CHI", "MIA", "Heat, A"),
    ]


@pytest.mark.parametrize("text", ["Injury/Illness - Right\nForearm; Contusion", "Injury/Illness -\nRight\nForearm; Contusion"])
def test_a_reason_may_extend_to_the_lines_around_its_player(text: str, land: Land) -> None:
    rows = parsed_rows(land, a_first_entry(reason=text), an_entry("Payton II, Gary", reason=text), an_entry("Green, Draymond"))
    forearm = "Injury/Illness - Right Forearm; Contusion"
    assert rows == [
        ("GSW", "Curry, Stephen", "out", forearm),
        ("GSW", "Payton II, Gary", "out", forearm),
        ("GSW", "Green, Draymond", "out", "Rest"),
    ]


@pytest.mark.parametrize("is_at_bottom", [True, False], ids=["begun at the foot", "ended at the head"])
def test_a_reason_split_by_a_page_break_is_joined(is_at_bottom: bool, land: Land) -> None:
    first, last = {"reason": "Injury/Illness - Right"}, {"reason": "Forearm; Contusion"}
    player = an_entry("Payton II, Gary")
    if is_at_bottom:
        pages = [[a_first_entry(), first], [player | last, an_entry("Green, Draymond")]]
    else:
        pages = [[a_first_entry(), player | first], [last, an_entry("Green, Draymond")]]
    frame = parse_injury_report(land(a_report(*pages)))
    assert frame.select("spelling", "reason").rows() == [
        ("Curry, Stephen", "Rest"),
        ("Payton II, Gary", "Injury/Illness - Right Forearm; Contusion"),
        ("Green, Draymond", "Rest"),
    ]
    assert frame["team"].unique().to_list() == ["GSW"]


def test_the_next_page_continues_the_game_of_the_previous_page(land: Land) -> None:
    pages = [[a_first_entry()], [an_entry("Hart, Josh", team="New York Knicks")]]
    rows = parse_injury_report(land(a_report(*pages))).select("game_date", "home_team", "team")
    assert rows.rows() == [(DAY, "GSW", "GSW"), (DAY, "GSW", "NYK")]


def test_a_team_may_have_no_submission_or_no_players(land: Land) -> None:
    game = {"date": "03/12/2024", "time": "10:00 (ET)", "matchup": "NYK@GSW"}
    rows = parsed_rows(land, not_yet("New York Knicks", **game), {"team": "Golden State Warriors"})
    assert rows == [("NYK", None, "not_submitted", None), ("GSW", None, "nobody_listed", None)]


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (an_entry("Hart, Josh", "Day-To-Day"), "status of Hart, Josh is 'Day-To-Day'"),
        ({"player": "Hart, Josh", "reason": "Rest"}, "status of Hart, Josh is None"),
        (an_entry("Hart, Josh", team="Boston Celtics"), "team 'Boston Celtics' does not play 'NYK@GSW'"),
        (an_entry("Hart, Josh", team="Seattle SuperSonics"), "team 'Seattle SuperSonics' does not play 'NYK@GSW'"),
        ({"team": "New York Knicks", "reason": "See memo"}, "'See memo' has no player in its row"),
    ],
    ids=["status", "no status", "another team", "unknown team", "team's reason"],
)
def test_an_unusable_row_has_a_problem_and_does_not_affect_the_others(row: dict[str, str], problem: str, land: Land) -> None:
    rows = parsed_rows(land, a_first_entry(), row, a_first_entry("Green, Draymond"), columns="status problem")
    assert rows == [("out", None), (None, problem), ("out", None)]


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        (REPORT[:-200], r"the PDF is truncated \(\d+ bytes\)"),
        (REPORT[:400] + b"%%EOF", "the PDF cannot be read|the PDF has no title"),
        (b"%PDF-1.7\nnothing\n%%EOF", "the PDF cannot be read|the PDF has no title"),
        (a_report([a_first_entry()], pages=2), "the PDF has 1 of 2 pages"),
        (a_report([a_first_entry()], title="Officials"), "the PDF has no title 'Injury Report: ...'"),
        (a_report([a_first_entry()], headers=(*HEADERS[:5], "Availability", "Reason")), "the PDF has no columns Game Date"),
        (
            a_report([a_first_entry()], printed="13/45/24 05:30 PM"),
            "the title has no valid instant: 'Injury Report: 13/45/24 05:30 PM'",
        ),
        (a_report([a_first_entry(date="tomorrow")]), "the game date is 'tomorrow'"),
    ],
    ids=["cut off", "garbled", "empty", "a page missing", "another document", "another column", "instant", "date"],
)
def test_an_incomplete_report_is_permanent(body: bytes, problem: str, land: Land) -> None:
    with pytest.raises(Permanent, match=f"injury_report report 2024-03-12_05PM: .*({problem})"):
        parse_injury_report(land(body))


def a_pdf(*objects: bytes) -> bytes:
    """Returns a PDF of one page, with its contents as the last object."""
    pages = [
        b"<</Type/Catalog/Pages 2 0 R>>",
        b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 612 792]/Resources<</Font<</F1 4 0 R>>>>/Contents 5 0 R>>",
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>",
    ]
    body = b"".join(b"%d 0 obj\n%s\nendobj\n" % (number, one) for number, one in enumerate([*pages, *objects], 1))
    return b"%PDF-1.4\n" + body + b"trailer\n<</Root 1 0 R>>\n%%EOF\n"


def a_stream(content: bytes, filters: int) -> bytes:
    for _ in range(filters):
        content = zlib.compress(content, 9)
    return b"<</Length %d/Filter[%s]>>\nstream\n%s\nendstream" % (len(content), b"/FlateDecode " * filters, content)


def long_text() -> bytes:
    return a_pdf(a_stream(b"BT /F1 9 Tf " + b"(abcdefgh) Tj " * 400_000 + b"ET", 1))


@pytest.mark.platform
@pytest.mark.parametrize(
    ("build_pdf", "limit", "problem"),
    [
        (long_text, {"pdf_cpu_seconds": 1}, "reading the PDF takes more than 1 seconds of CPU time or too much memory"),
        (lambda: a_pdf(a_stream(bytes(2**27), 2)), {"pdf_memory_mib": 200}, "reading the PDF takes more than 200 MiB"),
        (long_text, {"pdf_seconds": 0.3}, "reading the PDF takes more than 0.3 seconds"),
        (lambda: a_report([a_first_entry()], [], []), {"pdf_pages": 2}, "the PDF has more than 2 pages"),
    ],
    ids=["cpu", "memory", "time", "pages"],
)
def test_a_report_beyond_the_limits_is_rejected_with_name_and_size(
    build_pdf: Callable[[], bytes],
    limit: dict[str, Any],
    problem: str,
    land: Land,
    reader_of_pdfs: PdfReader,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reader_of_pdfs.close()  # a process keeps the limits with which it started
    payloads = SETTINGS.payloads.model_copy(update=limit)
    monkeypatch.setattr(pdf_reader, "SETTINGS", SETTINGS.model_copy(update={"payloads": payloads}))
    body = build_pdf()
    with pytest.raises(Permanent, match=rf"injury_report report 2024-03-12_05PM: {problem} \({len(body)} bytes\): "):
        parse_injury_report(land(body))


# Names


def test_names_were_hourly_and_printed_at_half_past() -> None:
    assert report_names(DAY, eastern(DAY, 12, 30))[:2] == ["2024-03-12_11AM", "2024-03-12_10AM"]
    assert report_names(DAY, eastern(DAY, 12, 31))[:2] == ["2024-03-12_12PM", "2024-03-12_11AM"]
    assert report_names(DAY, eastern(DAY, 0, 31))[0] == "2024-03-12_12AM"


def test_names_are_quarter_hourly_since_december_2025() -> None:
    names = report_names(date(2025, 12, 23), eastern(date(2025, 12, 23), 0, 20))
    assert names[:4] == ["2025-12-23_12_15AM", "2025-12-23_12_00AM", "2025-12-22_11_45PM", "2025-12-22_11_30PM"]


def test_names_changed_at_nine_on_22_december_2025_and_the_old_name_is_requested_after_the_new() -> None:
    change = date(2025, 12, 22)
    names = report_names(change, eastern(change, 9, 46))
    assert names[:6] == [f"2025-12-22_{name}" for name in ("09_45AM", "09_30AM", "09AM", "09_15AM", "09_00AM", "08AM")]
    assert report_names(change, eastern(change, 9))[:2] == ["2025-12-22_08AM", "2025-12-22_07AM"]
    assert len(report_names(date(2026, 1, 14), eastern(date(2026, 1, 14), 18, 50))) == 20  # for 16 instants


def test_reports_are_requested_from_the_due_time_on_and_up_to_the_limit() -> None:
    before = DAY - timedelta(days=1)
    assert report_names(DAY, eastern(before, 19)) == ["2024-03-11_06PM", "2024-03-11_05PM"]
    assert report_names(DAY, eastern(before, 17, 30)) == []
    assert len(report_names(DAY, eastern(DAY, 23))) == 16


# Requests


def published(*names: str) -> Callable[[ReceivedRequest], Answer]:
    return lambda request: GOOD if any(f"_{name}.pdf" in request.path for name in names) else MISSING


def test_the_newest_published_report_is_landed_and_no_older_one_is_requested(reports: InjuryReport, provider: Provider) -> None:
    provider.responds(published("04PM", "03PM"))
    payload, problems = reports.newest(DAY, SIX)
    assert [request.path.rpartition("_")[2] for request in provider.asked] == ["05PM.pdf", "04PM.pdf"]
    assert provider.asked[0].path == "/referee/injury/Injury-Report_2024-03-12_05PM.pdf"
    assert (payload and payload.slot.entity, problems) == ("2024-03-12_04PM", [])
    assert payload and payload.slot.extension == "pdf" and payload.body == REPORT
    assert [landed.ref for landed in reports.landed(DAY)] == [payload.ref]


def test_a_landed_report_is_not_requested_again(reports: InjuryReport, provider: Provider) -> None:
    provider.responds(published("04PM"))
    first, _ = reports.newest(DAY, SIX)
    second, problems = reports.newest(DAY, SIX)
    assert (first and first.ref, problems) == (second and second.ref, [])
    assert len(provider.asked) == 3  # 05PM is requested again: it may have been published in the meantime


@pytest.mark.parametrize(
    ("not_published", "problem"),
    [
        (Answer({}, status=404), "injury_report has no readable report from 2024-03-12_02AM to 2024-03-12_05PM"),
        (
            MISSING,
            "injury_report returned 403 for all 16 reports from 2024-03-12_02AM to 2024-03-12_05PM: none is published, "
            "or the host blocks this client",
        ),
    ],
    ids=["absent", "absent or refused"],
)
def test_a_slate_without_a_report_is_a_problem(
    not_published: Answer, problem: str, reports: InjuryReport, provider: Provider
) -> None:
    provider.responds(not_published)
    assert reports.newest(DAY, SIX) == (None, [problem])
    assert len(provider.asked) == 16


@pytest.mark.parametrize(
    ("bad", "problem"),
    [
        (
            Answer(body=b"<html>Sorry</html>", headers={"Content-Type": "text/html"}),
            "the response is not a PDF (text/html, 18 bytes)",
        ),
        (Answer(body=REPORT[:-200]), "the PDF is truncated"),
    ],
    ids=["a page", "cut off"],
)
def test_an_unreadable_report_is_skipped_for_an_older_one(
    bad: Answer, problem: str, reports: InjuryReport, provider: Provider
) -> None:
    provider.responds(bad, GOOD)
    payload, [message] = reports.newest(DAY, SIX)
    assert payload and payload.slot.entity == "2024-03-12_04PM"
    assert message.startswith("injury_report report 2024-03-12_05PM: ") and problem in message
    assert [landed.ref for landed in reports.landed(DAY)] == [payload.ref]


def test_a_failing_host_ends_the_search(reports: InjuryReport, provider: Provider) -> None:
    provider.responds(Answer({}, status=503))
    assert reports.newest(DAY, SIX) == (None, ["injury_report report 2024-03-12_05PM: status 503 after 3 attempts"])
    assert len(provider.asked) == 3


def test_a_replay_returns_the_report_of_the_original_run(reports: InjuryReport, provider: Provider) -> None:
    def newest(tags: dict[str, str] | None = None) -> tuple[str, str]:
        entities = list[str]()

        @dg.asset
        def report(reports: InjuryReport) -> None:
            payload, _ = reports.newest(DAY, SIX)
            entities.append(payload.slot.entity if payload else "none")

        return dg.materialize([report], resources={"reports": reports}, tags=tags).run_id, entities[0]

    provider.responds(published("04PM"))
    original, first = newest()
    provider.responds(published("05PM"))
    assert (first, newest()[1]) == ("2024-03-12_04PM", "2024-03-12_05PM")
    sent = len(provider.asked)
    assert newest({REPLAY_TAG: original})[1] == first
    assert len(provider.asked) == sent

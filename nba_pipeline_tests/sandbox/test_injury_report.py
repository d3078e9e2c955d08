"""The injury report: publication times, explained absences, and a round trip through the PDF."""

import io
from datetime import date, datetime, timedelta
from typing import Any

import httpx
import pdfplumber
import pytest

from nba_pipeline.errors import BadInput
from nba_pipeline.league.calendar import EASTERN, eastern
from nba_pipeline.sandbox import League, SandboxServer
from nba_pipeline.sandbox.clubs import CLUBS
from nba_pipeline.sandbox.faults import parse_rule
from nba_pipeline.sandbox.injuries import OUT, newest_printed
from nba_pipeline.sandbox.roster import roster
from nba_pipeline.sandbox.view import View
from nba_pipeline.sandbox.wire.injury_report import COLUMNS, NOT_YET_SUBMITTED, report
from nba_pipeline_tests.sandbox.conftest import DAY, PATIENT_SECONDS, Peer
from nba_pipeline_tests.sandbox.test_injuries import last_report_before

pytestmark = pytest.mark.platform

MODERN = date(2026, 1, 14)  # file names have minutes
EVENING = eastern(MODERN, 17, 30)
SOLID_BLANK = 1.0


def address(at: datetime) -> str:
    local = at.astimezone(EASTERN)
    return f"/referee/injury/Injury-Report_{local:%Y-%m-%d_%I_%M%p}.pdf"


def intended(league: League, at: datetime) -> dict[str, Any]:
    local = at.astimezone(EASTERN)
    return report(View(league, at), f"{local:%Y-%m-%d}", f"{local:%I}", f"{local:%M}", f"{local:%p}")


def filled(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    """Returns the rows with repeated cells filled from the row above."""
    full: list[dict[str, str]] = []
    for row in rows:
        above = full[-1] if full else row
        full.append({name: row[name] or above[name] if name in list(COLUMNS)[:4] else row[name] for name in row})
    return full


def read(body: bytes) -> list[list[dict[str, Any]]]:
    """Returns the words of each page with their positions."""
    with pdfplumber.open(io.BytesIO(body)) as pdf:
        return [page.extract_words(x_tolerance=SOLID_BLANK) for page in pdf.pages]


def column_of(word: dict[str, Any]) -> str:
    return next(name for name, left in reversed(COLUMNS.items()) if word["x0"] >= left)


def test_the_pdf_reads_back_to_the_intended_rows(league: League, peer: Peer) -> None:
    response = peer.at(EVENING).get(address(EVENING))
    assert response.headers["content-type"] == "application/pdf" and response.content.startswith(b"%PDF")
    pages = read(response.content)
    document = intended(league, EVENING)
    words = [word for page in pages for word in page]
    title = f"{document['title']} " * len(pages)
    assert " ".join(word["text"] for word in words if word["bottom"] < 75) == title.strip()
    assert document["title"] == "Injury Report: 01/14/26 05:30 PM"
    footers = [" ".join(word["text"] for word in page if word["top"] > 530) for page in pages]
    assert footers == [f"Page {n} of {len(pages)}" for n in range(1, len(pages) + 1)] and len(pages) > 2
    body = [word for page in pages for word in sorted(page, key=lambda w: (w["top"], w["x0"])) if 75 < word["top"] < 530]
    for name in COLUMNS:
        printed = " ".join(word["text"] for word in body if column_of(word) == name)
        assert printed.split() == f"{name} {' '.join(row[name] for row in document['rows'])}".split()
    at_height = {(n, round(word["top"])) for n, page in enumerate(pages) for word in page if column_of(word) == "Player Name"}
    of_status = {(n, round(word["top"])) for n, page in enumerate(pages) for word in page if column_of(word) == "Current Status"}
    assert of_status - {(n, top) for n, top in of_status if top < 75} <= at_height


def test_date_time_matchup_and_team_are_printed_once_and_the_away_team_comes_first(league: League) -> None:
    rows = intended(league, EVENING)["rows"]
    full = filled(rows)
    for name in ("Game Date", "Matchup", "Team"):
        assert [row[name] for row in rows if row[name]] == list(dict.fromkeys(row[name] for row in full))
    assert all(row["Player Name"] or row["Reason"] == NOT_YET_SUBMITTED for row in rows)
    names = {tricode: club.full_name for tricode, club in CLUBS.items()}
    teams = {
        matchup: list(dict.fromkeys(row["Team"] for row in full if row["Matchup"] == matchup))
        for matchup in {row["Matchup"] for row in full}
    }
    for matchup, printed in teams.items():
        assert printed == [names[team] for team in matchup.split("@") if names[team] in printed]
    assert any(len(printed) == 2 for printed in teams.values())


def test_words_are_placed_without_spaces_and_long_reasons_wrap(peer: Peer) -> None:
    with pdfplumber.open(io.BytesIO(peer.at(EVENING).get(address(EVENING)).content)) as pdf:
        assert pdf.metadata == {"CreationDate": "D:20260114173000-05'00'"}
        assert " " not in {character["text"] for page in pdf.pages for character in page.chars}
        lines = [line for page in pdf.pages for line in page.extract_text(x_tolerance=SOLID_BLANK).splitlines()]
    assert any(line.startswith("Injury/Illness") and line.endswith(";") for line in lines)


def test_a_report_has_the_same_bytes_in_every_request_and_process(peer: Peer) -> None:
    fresh = peer.at(EVENING).get(address(EVENING)).content
    later = EVENING + timedelta(days=9)
    with SandboxServer(League(), lambda: later) as other:
        assert httpx.get(other.url + address(EVENING), timeout=PATIENT_SECONDS).content == fresh
    assert peer.at(EVENING + timedelta(hours=1)).get(address(EVENING + timedelta(hours=1))).content != fresh


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("2026-01-14_05_30PM", 200),
        ("2026-01-14_05_00PM", 200),
        ("2026-01-14_08_00PM", 403),  # not yet published
        ("2026-01-14_12_30AM", 200),
        ("2026-01-14_05_15PM", 200),
        ("2026-01-14_04_00PM", 200),
        ("2026-01-14_04_10PM", 403),
        ("2026-01-14_05PM", 403),  # old file name
        ("2026-01-14_13_30PM", 403),
        ("2026-02-30_01_30PM", 403),
        ("2025-12-22_08AM", 200),
        ("2025-12-22_08_30AM", 403),  # new file name
        ("2025-12-22_09AM", 403),
        ("2025-12-22_09_00AM", 200),
        ("2025-12-22_06PM", 403),
        ("2025-12-22_06_45PM", 200),
        ("2025-12-23_06PM", 403),
        ("2025-12-23_06_30PM", 200),
        ("2026-01-14_05_30XM", 403),
    ],
)
def test_a_file_name_that_is_never_published_is_denied(peer: Peer, name: str, status: int) -> None:
    response = peer.at(EVENING + timedelta(minutes=5)).get(f"/referee/injury/Injury-Report_{name}.pdf")
    assert response.status_code == status
    assert status == 200 or "<Code>AccessDenied</Code>" in response.text


def test_reports_are_quarter_hourly_since_december_2025_and_hourly_at_half_past_before(league: League, peer: Peer) -> None:
    quarters = [eastern(MODERN, 0) + timedelta(minutes=15 * n) for n in range(96)]
    peer.at(quarters[-1] + timedelta(hours=1))
    published = [at for at in quarters if peer.get(address(at)).status_code == 200]
    assert len(published) == 96
    assert newest_printed(eastern(DAY, 18, 10)) == eastern(DAY, 17, 30) and newest_printed(eastern(MODERN, 18, 14)) == eastern(
        MODERN, 18
    )
    words = read(peer.get(f"/referee/injury/Injury-Report_{DAY}_12PM.pdf").content)[0]
    assert [word["text"] for word in words[:5]] == ["Injury", "Report:", f"{DAY:%m/%d/%y}", "12:30", "PM"]


def test_no_report_is_printed_if_neither_today_nor_tomorrow_has_games() -> None:
    idle = frozenset({MODERN, MODERN + timedelta(days=1)})
    with SandboxServer(League(no_game_dates=idle), lambda: EVENING) as server:
        assert httpx.get(server.url + address(EVENING), timeout=PATIENT_SECONDS).status_code == 403


def test_tomorrow_is_on_the_report_from_five_in_the_afternoon(league: League) -> None:
    def dates(at: datetime) -> set[str]:
        return {row["Game Date"] for row in filled(intended(league, at)["rows"])}

    today, tomorrow = f"{MODERN:%m/%d/%Y}", f"{MODERN + timedelta(days=1):%m/%d/%Y}"
    assert dates(eastern(MODERN, 16, 30)) == {today}
    assert dates(eastern(MODERN, 17, 0)) == {today, tomorrow}
    assert dates(eastern(MODERN + timedelta(days=1), 0, 30)) == {tomorrow}


def test_a_club_that_has_not_submitted_has_one_row(league: League) -> None:
    rows = intended(league, EVENING)["rows"]
    waiting = [row for row in rows if row["Reason"] == NOT_YET_SUBMITTED]
    assert waiting and all(row["Player Name"] == row["Current Status"] == "" and row["Team"] for row in waiting)


def test_a_club_without_listed_players_has_no_row(league: League) -> None:
    game, club = next(
        (game, club)
        for game in league.season("2025-26").games
        for club in league.injuries(game, game.tipoff_at, game.game_date)
        if game.game_date > date(2025, 12, 23) and club.statements(last_report_before(game)) == []
    )
    rows = filled(intended(league, last_report_before(game))["rows"])
    assert CLUBS[club.team].full_name not in {row["Team"] for row in rows if row["Game Date"] == f"{game.game_date:%m/%d/%Y}"}


def test_family_names_come_first_without_accents_and_with_their_suffix(league: League) -> None:
    names = {
        row["Player Name"]
        for n in range(40)
        for row in intended(league, EVENING + timedelta(days=n))["rows"]
        if row["Player Name"]
    }
    assert all(name.isascii() and name.count(", ") == 1 for name in names)
    assert any(name.split(", ")[0].endswith((" Jr.", " II", " III")) for name in names)


def test_rules_rename_players_and_columns_and_remove_postponed_games(league: League, peer: Peer) -> None:
    game = league.games(MODERN)[0]
    clubs = league.injuries(game, game.tipoff_at, game.game_date)
    player = next(statement.player for club in clubs for statement in club.statements(EVENING) or ())
    peer.at(EVENING).rule(action="rename_player", player=player.name, to="Quentin Newman", times=1)
    text = " ".join(word["text"] for page in read(peer.get(address(EVENING)).content) for word in page)
    assert "Newman, Quentin" in text
    peer.rule(match={"provider": "injury_report"}, action="rename_field", field="Current Status", to="Status", times=1)
    headings = [word["text"] for word in read(peer.get(address(EVENING)).content)[0] if 100 < word["top"] < 118]
    assert headings[-2:] == ["Status", "Reason"] and "Current" not in headings
    peer.rule(match={"provider": "injury_report"}, action="null_field", field="Reason", times=1)
    assert "Injury/Illness" not in {word["text"] for page in read(peer.get(address(EVENING)).content) for word in page}
    peer.rule(game=game.game_id, action="postpone", times=1)
    matchup = f"{game.teams[1]}@{game.teams[0]}"
    assert matchup not in {word["text"] for page in read(peer.get(address(EVENING)).content) for word in page}
    assert matchup in {word["text"] for page in read(peer.get(address(EVENING)).content) for word in page}


def test_late_news_is_on_reports_printed_from_its_instant(league: League) -> None:
    game = league.games(MODERN)[0]
    at = game.tipoff_at - timedelta(minutes=35)
    clubs = league.injuries(game, game.tipoff_at, game.game_date)
    listed = {statement.player for club in clubs for statement in club.statements(at) or ()}
    star = next(player for player in roster()[game.teams[0]] if player not in listed)
    rule = parse_rule(
        {"action": "late_news", "game": game.game_id, "player": star.name, "injury_status": OUT, "at": at.isoformat()}
    )

    def statuses_at(printed_at: datetime) -> list[str]:
        view = View(league, printed_at, [rule])
        snapshot = view.game(game.game_id)
        assert snapshot
        return [statement.status for statement in view.injuries(snapshot, 0, printed_at) or () if statement.player is star]

    assert (statuses_at(at - timedelta(minutes=1)), statuses_at(at)) == ([], [OUT])


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        (
            {"injury_status": "Hurt"},
            "late_news has no injury_status 'Hurt'; expected one of Out, Doubtful, Questionable, Probable, Available",
        ),
        ({"at": "soon"}, "at must be a time like .*, not 'soon'"),
        ({"reasons": "x"}, "the fault action late_news has no parameter reasons"),
    ],
)
def test_invalid_late_news_is_refused_with_a_message(fields: dict[str, str], problem: str) -> None:
    with pytest.raises(BadInput, match=problem):
        parse_rule({"action": "late_news", "player": "x", "injury_status": OUT, "at": "2026-01-14T18:30"} | fields)


def test_response_rules_match_the_provider(peer: Peer) -> None:
    peer.at(EVENING).rule(match={"provider": "injury_report"}, action="status", status=503, times=1)
    assert peer.get(address(EVENING)).status_code == 503
    peer.rule(match={"provider": "injury_report"}, action="html", times=1)
    assert peer.get(address(EVENING)).headers["content-type"].startswith("text/html")
    peer.rule(match={"provider": "injury_report"}, action="truncate", times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        peer.get(address(EVENING))
    assert peer.get("/__control/requests").json()["by_provider"] == {"injury_report": 3}

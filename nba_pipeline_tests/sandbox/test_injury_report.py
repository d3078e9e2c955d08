"""The injury report: publication times, explained absences, and a round trip through the PDF."""

import io
from collections import Counter
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

import httpx
import numpy as np
import pdfplumber
import pytest

from nba_pipeline.errors import BadInput
from nba_pipeline.league.calendar import EASTERN, eastern
from nba_pipeline.sandbox import League, SandboxServer
from nba_pipeline.sandbox.absences import fixtures_absences
from nba_pipeline.sandbox.boxscores import PlayerGame
from nba_pipeline.sandbox.clubs import CLUBS
from nba_pipeline.sandbox.faults import parse_rule
from nba_pipeline.sandbox.injuries import AVAILABLE, DOUBTFUL, OUT, PROBABLE, QUESTIONABLE, newest_printed
from nba_pipeline.sandbox.league import Game
from nba_pipeline.sandbox.roster import roster
from nba_pipeline.sandbox.view import View
from nba_pipeline.sandbox.wire.injury_report import COLUMNS, NOT_YET_SUBMITTED, report
from nba_pipeline_tests.sandbox.conftest import DAY, Peer

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


def last_report_before(game: Game) -> datetime:
    return newest_printed(game.tipoff_at - timedelta(seconds=1))


def statuses(league: League, game: Game, at: datetime) -> dict[int, str]:
    clubs = league.injuries(game, game.tipoff_at, game.game_date)
    return {said.player.person_id: said.status for club in clubs for said in club.said(at) or ()}


def box_rows(league: League, games: tuple[Game, ...]) -> Iterator[tuple[Game, PlayerGame]]:
    return ((game, row) for game in games for rows in league.boxscore(game) for row in rows)


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


def test_date_time_matchup_and_team_stand_beside_their_first_row_only_and_visitors_come_first(league: League) -> None:
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
    assert all(found == [names[team] for team in matchup.split("@") if names[team] in found] for matchup, found in teams.items())
    assert any(len(found) == 2 for found in teams.values())


def test_the_words_stand_apart_without_blanks_and_long_reasons_run_over_two_lines(peer: Peer) -> None:
    with pdfplumber.open(io.BytesIO(peer.at(EVENING).get(address(EVENING)).content)) as pdf:
        assert pdf.metadata == {"CreationDate": "D:20260114173000-05'00'"}
        assert " " not in {character["text"] for page in pdf.pages for character in page.chars}
        text = pdf.pages[0].extract_text(x_tolerance=SOLID_BLANK)
    assert any(line.startswith("Injury/Illness") and line.endswith(";") for line in text.splitlines())


def test_the_bytes_of_a_minute_are_the_same_whenever_and_of_whomever_they_are_asked(peer: Peer) -> None:
    fresh = peer.at(EVENING).get(address(EVENING)).content
    later = EVENING + timedelta(days=9)
    with SandboxServer(League(), lambda: later) as other:
        assert httpx.get(other.url + address(EVENING)).content == fresh
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
def test_most_names_are_never_published(peer: Peer, name: str, status: int) -> None:
    response = peer.at(EVENING + timedelta(minutes=5)).get(f"/referee/injury/Injury-Report_{name}.pdf")
    assert response.status_code == status
    assert status == 200 or "<Code>AccessDenied</Code>" in response.text


def test_every_quarter_hour_is_published_since_december_2025_and_the_hourly_file_says_half_past(
    league: League, peer: Peer
) -> None:
    quarters = [eastern(MODERN, 0) + timedelta(minutes=15 * n) for n in range(96)]
    peer.at(quarters[-1] + timedelta(hours=1))
    found = [at for at in quarters if peer.get(address(at)).status_code == 200]
    assert len(found) == 96
    assert newest_printed(eastern(DAY, 18, 10)) == eastern(DAY, 17, 30) and newest_printed(eastern(MODERN, 18, 14)) == eastern(
        MODERN, 18
    )
    words = read(peer.get(f"/referee/injury/Injury-Report_{DAY}_12PM.pdf").content)[0]
    assert [word["text"] for word in words[:5]] == ["Injury", "Report:", f"{DAY:%m/%d/%y}", "12:30", "PM"]


def test_no_report_is_printed_when_neither_today_nor_tomorrow_has_games() -> None:
    idle = frozenset({MODERN, MODERN + timedelta(days=1)})
    with SandboxServer(League(no_game_dates=idle), lambda: EVENING) as server:
        assert httpx.get(server.url + address(EVENING)).status_code == 403


def test_tomorrow_is_on_the_report_from_five_in_the_afternoon(league: League) -> None:
    def dates(at: datetime) -> set[str]:
        return {row["Game Date"] for row in filled(intended(league, at)["rows"])}

    today, tomorrow = f"{MODERN:%m/%d/%Y}", f"{MODERN + timedelta(days=1):%m/%d/%Y}"
    assert dates(eastern(MODERN, 16, 30)) == {today}
    assert dates(eastern(MODERN, 17, 0)) == {today, tomorrow}
    assert dates(eastern(MODERN + timedelta(days=1), 0, 30)) == {tomorrow}


def test_a_club_submits_before_its_game_and_after_a_back_to_back_not_until_the_game_day(league: League) -> None:
    fractions = Counter[str]()
    for game in league.season("2025-26").games[:300]:
        for side, rest_days in enumerate((game.fixture.home_rest_days, game.fixture.away_rest_days)):
            club = league.injuries(game, game.tipoff_at, game.game_date)[side]
            assert club.said(club.submitted_at - timedelta(minutes=1)) is None and club.said(club.submitted_at) is not None
            assert club.submitted_at < last_report_before(game)
            on_game_day = club.submitted_at.astimezone(EASTERN).date() == game.game_date
            assert on_game_day == (rest_days == 1)
            fractions["before"] += club.submitted_at < eastern(game.game_date - timedelta(days=1), 17)
            fractions["all"] += 1
    assert 0.3 < fractions["before"] / fractions["all"] < 0.7
    rows = intended(league, EVENING)["rows"]
    waiting = [row for row in rows if row["Reason"] == NOT_YET_SUBMITTED]
    assert waiting and all(row["Player Name"] == row["Current Status"] == "" and row["Team"] for row in waiting)


def test_injuries_are_told_before_tip_off_and_nobody_who_is_out_plays(league: League) -> None:
    games = league.season("2024-25").games[300:500]
    told = {game.game_id: statuses(league, game, last_report_before(game)) for game in games}
    injured, others = Counter[str](), Counter[str]()
    for game, row in box_rows(league, games):
        status = told[game.game_id].get(row.player.person_id, "")
        if row.did_play:
            assert status not in (OUT, DOUBTFUL)
            others[status] += 1
        elif row.not_playing_reason == "INACTIVE_INJURY":
            assert status not in (AVAILABLE, PROBABLE)
            injured[status] += 1
        elif row.not_playing_description != "Rest":
            assert status == "", "the coach's decisions are no business of the report"
    assert 0.95 < 1 - injured[""] / injured.total() < 1
    assert 0.8 < injured[OUT] / injured.total() and 0.02 < injured[QUESTIONABLE] / injured.total() < 0.10
    assert others[QUESTIONABLE] and others[PROBABLE] and others[AVAILABLE]
    unlisted = sum(not row.did_play and row.player.person_id not in told[game.game_id] for game, row in box_rows(league, games))
    assert 0.5 < unlisted / sum(not row.did_play for _, row in box_rows(league, games)) < 0.75


def test_who_plays_hurt_because_too_few_are_healthy_is_questionable_and_never_out(league: League) -> None:
    games = league.season("2024-25").games
    absences = fixtures_absences(league.seed, "2024-25", [game.fixture for game in games])
    plays_hurt = list(zip(*np.nonzero(absences.injured & absences.available), strict=True))
    for place, side, slot in plays_hurt:
        player = roster()[games[place].teams[side]][slot]
        status = statuses(league, games[place], last_report_before(games[place]))[player.person_id]
        assert status in (QUESTIONABLE, AVAILABLE)
    assert plays_hurt


def test_most_are_out_from_the_first_and_some_become_it_on_the_game_day(league: League) -> None:
    paths = Counter[tuple[str, ...]]()
    for game in league.season("2024-25").games[300:500]:
        for club in league.injuries(game, game.tipoff_at, game.game_date):
            for mention in club.mentions:
                instants = [instant for instant, _ in mention.course]
                assert all(a < b for a, b in pairwise(instants)) and instants[-1] < game.tipoff_at
                paths[tuple(status for _, status in mention.course)] += 1
    ends_out = {path: count for path, count in paths.items() if path[-1] == OUT}
    assert 0.75 < ends_out[(OUT,)] / sum(ends_out.values()) < 0.95
    assert {(QUESTIONABLE, OUT), (DOUBTFUL, OUT), (QUESTIONABLE, DOUBTFUL, OUT), (PROBABLE,)} <= set(paths)


def test_a_club_that_has_nobody_to_name_has_no_line(league: League) -> None:
    game, club = next(
        (game, club)
        for game in league.season("2025-26").games
        for club in league.injuries(game, game.tipoff_at, game.game_date)
        if game.game_date > date(2025, 12, 23) and club.said(last_report_before(game)) == []
    )
    rows = filled(intended(league, last_report_before(game))["rows"])
    assert CLUBS[club.team].full_name not in {row["Team"] for row in rows if row["Game Date"] == f"{game.game_date:%m/%d/%Y}"}


def test_names_are_turned_round_without_accents_and_suffixes_stay_with_the_surname(league: League) -> None:
    names = {
        row["Player Name"]
        for n in range(40)
        for row in intended(league, EVENING + timedelta(days=n))["rows"]
        if row["Player Name"]
    }
    assert all(name.isascii() and name.count(", ") == 1 for name in names)
    assert any(name.split(", ")[0].endswith((" Jr.", " II", " III")) for name in names)


def test_rules_rename_players_and_columns_and_take_postponed_games_off(league: League, peer: Peer) -> None:
    game = league.games(MODERN)[0]
    said = [said for club in league.injuries(game, game.tipoff_at, game.game_date) for said in club.said(EVENING) or ()]
    peer.at(EVENING).rule(action="rename_player", player=said[0].player.name, to="Quentin Nobody", times=1)
    text = " ".join(word["text"] for page in read(peer.get(address(EVENING)).content) for word in page)
    assert "Nobody, Quentin" in text
    peer.rule(match={"provider": "injury_report"}, action="rename_field", field="Current Status", to="Status", times=1)
    headings = [word["text"] for word in read(peer.get(address(EVENING)).content)[0] if 100 < word["top"] < 118]
    assert headings[-2:] == ["Status", "Reason"] and "Current" not in headings
    peer.rule(match={"provider": "injury_report"}, action="null_field", field="Reason", times=1)
    assert "Injury/Illness" not in {word["text"] for page in read(peer.get(address(EVENING)).content) for word in page}
    peer.rule(game=game.game_id, action="postpone", times=1)
    matchup = f"{game.teams[1]}@{game.teams[0]}"
    assert matchup not in {word["text"] for page in read(peer.get(address(EVENING)).content) for word in page}
    assert matchup in {word["text"] for page in read(peer.get(address(EVENING)).content) for word in page}


def test_late_news_stands_on_the_reports_printed_from_its_instant_on(league: League) -> None:
    game = league.games(MODERN)[0]
    at = game.tipoff_at - timedelta(minutes=35)
    listed = {said.player for club in league.injuries(game, game.tipoff_at, game.game_date) for said in club.said(at) or ()}
    star = next(player for player in roster()[game.teams[0]] if player not in listed)
    rule = parse_rule(
        {"action": "late_news", "game": game.game_id, "player": star.name, "injury_status": OUT, "at": at.isoformat()}
    )

    def statuses_at(printed_at: datetime) -> list[str]:
        view = View(league, printed_at, [rule])
        seen = view.game(game.game_id)
        assert seen
        return [one.status for one in view.injuries(seen, 0, printed_at) or () if one.player is star]

    assert (statuses_at(at - timedelta(minutes=1)), statuses_at(at)) == ([], [OUT])


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        (
            {"injury_status": "Hurt"},
            "late_news knows no injury_status 'Hurt'; known are Out, Doubtful, Questionable, Probable, Available",
        ),
        ({"at": "soon"}, "at must be a time like .*, not 'soon'"),
        ({"reasons": "x"}, "the fault action late_news has no parameter reasons"),
    ],
)
def test_late_news_that_cannot_be_used_is_one_sentence(fields: dict[str, str], problem: str) -> None:
    with pytest.raises(BadInput, match=problem):
        parse_rule({"action": "late_news", "player": "x", "injury_status": OUT, "at": "2026-01-14T18:30"} | fields)


def test_rules_about_answers_know_the_provider(peer: Peer) -> None:
    peer.at(EVENING).rule(match={"provider": "injury_report"}, action="status", status=503, times=1)
    assert peer.get(address(EVENING)).status_code == 503
    peer.rule(match={"provider": "injury_report"}, action="html", times=1)
    assert peer.get(address(EVENING)).headers["content-type"].startswith("text/html")
    peer.rule(match={"provider": "injury_report"}, action="truncate", times=1)
    with pytest.raises(httpx.RemoteProtocolError):
        peer.get(address(EVENING))
    assert peer.get("/__control/requests").json()["by_provider"] == {"injury_report": 3}

"""Three-minute games moved to start soon: all providers report the same games."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from operator import le
from pathlib import Path
from typing import Any

import httpx
import pytest

from nba_pipeline.league.calendar import EASTERN, eastern_date
from nba_pipeline.sandbox import League, serve
from nba_pipeline.sandbox.injuries import newest_printed
from nba_pipeline.sandbox.view import View
from nba_pipeline.sandbox.wire.injury_report import COLUMNS, report
from nba_pipeline_tests.sandbox.conftest import DAY, PATIENT_SECONDS, Peer

pytestmark = pytest.mark.platform

MINUTES, CLUBS = 3, 6
LENGTH = timedelta(minutes=MINUTES)
BEFORE, BEGUN, HALFWAY, LAST, OVER, LATER = (
    -timedelta(minutes=2), timedelta(0), LENGTH / 2, LENGTH - timedelta(seconds=1), LENGTH, LENGTH + timedelta(hours=1),
)  # fmt: skip
STATUS = {BEFORE: 1, BEGUN: 2, HALFWAY: 2, LAST: 2, OVER: 3, LATER: 3}


@pytest.fixture(scope="module")
def league() -> League:
    """A smaller league than in other tests, because each schedule document holds all games of the season."""
    return League(clubs=CLUBS)


@pytest.fixture(
    params=["2025-01-15T09:17:30-05:00", "2025-01-15T14:05:00-05:00", "2025-01-15T23:58:00-05:00", "2025-01-16T02:10:00-05:00"],
    ids=["before the books open", "afternoon", "over midnight", "the night after"],
)
def short(request: pytest.FixtureRequest, tmp_path: Path, league: League) -> Iterator[tuple[Peer, datetime]]:
    """All games of a date, moved to one instant, with that instant."""
    games = league.games(DAY)
    rule = {"action": "move_date", "to": request.param, "game": [game.game_id for game in games]}
    (tmp_path / "sandbox_rules.json").write_text(json.dumps({"game_minutes": MINUTES, "clubs": CLUBS, "rules": [rule]}))
    moment, tipoff_at = [games[0].tipoff_at], datetime.fromisoformat(request.param).astimezone(UTC)
    with (
        serve(tmp_path, lambda: moment[0]) as server,
        httpx.Client(base_url=server.url, verify=False, timeout=PATIENT_SECONDS) as client,
    ):
        yield Peer(games[0], server, client, moment), tipoff_at


def listed(peer: Peer) -> dict[str, dict[str, Any]]:
    """Returns game id -> game of the schedule, with its listed date."""
    days = peer.get(peer.schedule).json()["leagueSchedule"]["gameDates"]
    return {
        game["gameId"]: game | {"on": datetime.strptime(day["gameDate"][:10], "%m/%d/%Y").date()}
        for day in days
        for game in day["games"]
    }


def test_schedule_scoreboard_and_boxes_agree(short: tuple[Peer, datetime], league: League) -> None:
    peer, tipoff_at = short
    moved, day = {game.game_id for game in league.games(DAY)}, eastern_date(tipoff_at)
    for after, status in STATUS.items():
        games, board = listed(peer.at(tipoff_at + after)), peer.get(peer.scoreboard).json()["scoreboard"]
        board_games = {game["gameId"]: game for game in board["games"]}
        is_shown = board["gameDate"] == str(day)
        assert is_shown == (eastern_date(peer.moment[0] - timedelta(hours=12)) == day)
        assert board_games.keys() & moved == (moved if is_shown else set())
        for game in (league.games(DAY)[0], league.games(DAY)[-1]):
            entry = games[game.game_id]
            assert (entry["on"], entry["gameStatus"]) == (day, status)
            assert datetime.fromisoformat(entry["gameDateTimeUTC"]) == tipoff_at
            documents = [entry] + ([board_games[game.game_id]] if is_shown else [])
            response = peer.get(f"/static/json/liveData/boxscore/boxscore_{game.game_id}.json")
            assert response.status_code == (403 if after < BEGUN else 200)
            if after >= BEGUN:
                documents.append(response.json()["game"])
                assert documents[-1]["duration"] <= MINUTES
                for side in ("homeTeam", "awayTeam"):
                    assert (
                        sum(row["statistics"]["points"] for row in documents[-1][side]["players"]) == documents[-1][side]["score"]
                    )
            assert {(document["gameStatus"], document["gameStatusText"], document["gameCode"]) for document in documents} == {
                (status, entry["gameStatusText"], f"{day:%Y%m%d}/{game.teams[1]}{game.teams[0]}")
            }
            assert {datetime.fromisoformat(document["gameTimeUTC"]) for document in documents[1:]} <= {tipoff_at}
            [score] = {(document["homeTeam"]["score"], document["awayTeam"]["score"]) for document in documents}
            assert (score == (0, 0)) == (after <= BEGUN)
            assert all(map(le, score, game.score))
            assert score == game.score or after < OVER
            assert score != game.score or after > HALFWAY


def test_actions_are_dated_within_the_game(short: tuple[Peer, datetime]) -> None:
    peer, tipoff_at = short
    path = f"/static/json/liveData/playbyplay/playbyplay_{peer.game.game_id}.json"
    assert peer.at(tipoff_at + BEFORE).get(path).status_code == 403
    for after in (BEGUN, HALFWAY, LAST, OVER, LATER):
        actions, box = peer.at(tipoff_at + after).get(path).json()["game"]["actions"], peer.box()
        times = [datetime.fromisoformat(action["timeActual"]) for action in actions]
        assert times[0] == tipoff_at and times == sorted(times) and times[-1] <= min(peer.moment[0], tipoff_at + LENGTH)
        assert [actions[-1][f"score{side}"] for side in ("Home", "Away")] == [
            str(box[side]["score"]) for side in ("homeTeam", "awayTeam")
        ]
        assert (actions[-1]["actionType"] == "game") == (after >= OVER)


def test_books_quote_before_tip_off_and_list_the_game_until_its_end(short: tuple[Peer, datetime], league: League) -> None:
    peer, tipoff_at = short
    for after in STATUS:
        response = peer.at(tipoff_at + after).get("/v4/sports/basketball_nba/events", apiKey="k")
        events = {event["id"]: event for event in response.json()}
        for game in league.games(DAY):
            response = peer.get(f"/v4/sports/basketball_nba/events/{game.fixture.event_id}/odds", **peer.odds)
            assert (game.fixture.event_id in events) == (response.status_code == 200) == (after < OVER)
            if after >= OVER:
                continue
            commences_at = datetime.fromisoformat(events[game.fixture.event_id]["commence_time"])
            assert tipoff_at < commences_at < tipoff_at + LENGTH and eastern_date(commences_at) == eastern_date(tipoff_at)
            assert len(response.json()["bookmakers"]) == (6 if after < BEGUN else 0)
            for book in response.json()["bookmakers"]:
                updated_at = datetime.fromisoformat(book["markets"][0]["last_update"])
                assert tipoff_at - timedelta(hours=5) < updated_at < tipoff_at - timedelta(minutes=3)


def test_the_books_open_hours_before_a_moved_game(short: tuple[Peer, datetime]) -> None:
    peer, tipoff_at = short
    priced = [bool(peer.at(tipoff_at - timedelta(hours=hours)).quotes()) for hours in (1, 15)]
    assert priced == [True, False]


def test_the_injury_report_shows_the_current_tip_off_of_a_moved_game(short: tuple[Peer, datetime], league: League) -> None:
    peer, tipoff_at = short
    local = newest_printed(tipoff_at).astimezone(EASTERN)
    name = f"/referee/injury/Injury-Report_{local:%Y-%m-%d_%I%p}.pdf"
    assert peer.at(tipoff_at + BEFORE).get(name).content.startswith(b"%PDF")
    view = View(peer.server.service.league, peer.moment[0], peer.server.service.rules)
    rows = report(view, f"{local:%Y-%m-%d}", f"{local:%I}", None, f"{local:%p}")["rows"]
    about, above = set(), dict.fromkeys(COLUMNS, "")
    for row in rows:
        above = {column: row[column] or above[column] for column in COLUMNS}
        about.add((above["Matchup"], above["Game Date"], above["Game Time"]))
    at = tipoff_at.astimezone(EASTERN)
    moved = {f"{game.teams[1]}@{game.teams[0]}": game for game in league.games(DAY)}
    listed = {
        matchup
        for matchup, game in moved.items()
        if any(club.statements(local) for club in league.injuries(game, tipoff_at, at.date()))
    }
    assert listed
    assert {facts for facts in about if facts[0] in moved} == {
        (matchup, f"{at:%m/%d/%Y}", f"{at:%I:%M} (ET)") for matchup in listed
    }
    assert "NOT YET SUBMITTED" not in {row["Reason"] for row in rows if row["Matchup"] in moved}

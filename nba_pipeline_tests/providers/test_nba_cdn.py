"""The NBA's CDN: requests, the landing of their responses, and the scoreboard poll."""

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from nba_pipeline.errors import BadInput, NotLanded, NotPublished, Permanent, Transient
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.run_tags import REPLAY_TAG
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.providers.nba_cdn import NbaCdn, Scoreboard, boxscore_request, playbyplay_request
from nba_pipeline.sandbox import League
from nba_pipeline.sandbox.client import SandboxHttpClient
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payloads import Payload
from nba_pipeline_tests.providers.conftest import (
    IMPATIENT_SECONDS,
    RENAMED,
    SILENT_SECONDS,
    Answer,
    Provider,
    ReceivedRequest,
    drifted,
)
from nba_pipeline_tests.providers.test_nba_cdn_boxscore import a_box, a_player
from nba_pipeline_tests.providers.test_nba_cdn_play_by_play import a_list, an_action
from nba_pipeline_tests.providers.test_nba_cdn_schedule import a_game, a_schedule

DAY = date(2024, 3, 12)


def test_box_scores_are_requested_landed_and_read_from_the_landing(http_client: HttpClient, provider: Provider) -> None:
    cdn = NbaCdn(http=http_client)
    provider.responds(Answer(a_box(a_player(1))), Answer(status=403, body=b"<Error/>"))
    [answer], [missing] = cdn.boxscores([("0022300945", DAY)]), cdn.boxscores([("0022300946", DAY)])
    assert isinstance(missing, NotPublished)
    assert cdn.landed_boxscores("0022300945", DAY) == [answer] and cdn.landed_boxscores("0022300946", DAY) == []
    landing = http_client.landing
    assert [x["outcome"] for x in landing.requests()] == ["landed", "not_yet", "reused"]
    assert next(landing.requests())["final_game_ids"] == ["0022300945"]
    assert provider.asked[0].path == "/static/json/liveData/boxscore/boxscore_0022300945.json"


def test_a_box_score_that_does_not_parse_does_not_affect_other_games(http_client: HttpClient, provider: Provider) -> None:
    cdn = NbaCdn(http=http_client)
    provider.responds(Answer(a_box(a_player(1, minutes="?"))))
    [answer] = cdn.boxscores([("0022300945", DAY)])
    assert isinstance(answer, Permanent) and "minutes of Player 1" in str(answer)
    assert http_client.landing.newest(boxscore_request("0022300945", DAY)) is None


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (
            {"statistics": a_player(1)["statistics"] | {"assists": 10**30}},
            "assists of Player 1 is 1000000000000000000000000000000",
        ),
        ({"statistics": a_player(1)["statistics"] | {"assists": "1" * 400}}, "assists of Player 1 is '1111"),
        ({"statistics": a_player(1)["statistics"] | {"minutes": "9" * 400}}, "minutes of Player 1 are '9999"),
        ({"name": "\ud800"}, "name of player 1 is missing"),
        ({"statistics": None}, "statistics is None"),
    ],
    ids=["number", "digits", "minutes", "half a character", "null"],
)
def test_one_unusable_game_of_nine_does_not_affect_the_others(
    bad: dict[str, Any], message: str, http_client: HttpClient, provider: Provider
) -> None:
    def answer(request: ReceivedRequest) -> Answer:
        game_id = request.path[-15:-5]
        return Answer(a_box(a_player(1) | bad if game_id == "0022300940" else a_player(1), gameId=game_id))

    provider.responds(answer)
    bad_one, *other_games = NbaCdn(http=http_client).boxscores([(f"00223009{number}", DAY) for number in range(40, 49)])
    assert all(isinstance(other, Payload) for other in other_games)
    assert isinstance(bad_one, Permanent) and re.match(f"nba_cdn boxscore 0022300940: {message}", str(bad_one))
    assert [line["problem"] for line in http_client.landing.incidents()] == [str(bad_one)]


def test_play_by_play_is_requested_landed_and_read_from_the_landing(http_client: HttpClient, provider: Provider) -> None:
    cdn = NbaCdn(http=http_client)
    provider.responds(Answer(a_list(an_action())), Answer(status=403, body=b"<Error/>"))
    [answer], [missing] = cdn.play_by_play([("0022300945", DAY)]), cdn.play_by_play([("0022300946", DAY)])
    assert isinstance(missing, NotPublished)
    assert cdn.landed_play_by_play("0022300945", DAY) == [answer] and cdn.landed_play_by_play("0022300946", DAY) == []
    assert provider.asked[0].path == "/static/json/liveData/playbyplay/playbyplay_0022300945.json"


def test_a_list_without_its_actions_is_never_landed_as_accepted(http_client: HttpClient, provider: Provider) -> None:
    """The previous pipeline treated an unknown key as no data and loaded 1 of 59 dates."""
    provider.responds(Answer({"game": {"gameId": "0022300945", "plays": [an_action()]}}))
    [answer] = NbaCdn(http=http_client).play_by_play([("0022300945", DAY)])
    assert isinstance(answer, Permanent) and "has no list game.actions" in str(answer)
    assert http_client.landing.newest(playbyplay_request("0022300945", DAY)) is None


def test_the_schedule_is_landed_under_its_season(http_client: HttpClient, provider: Provider) -> None:
    provider.responds(Answer(a_schedule(a_game())))
    payload = NbaCdn(http=http_client).schedule()
    assert payload.ref.startswith("nba_cdn/schedule/2023-24/season/") and payload.game_date is None


def a_scoreboard(*games: dict[str, Any]) -> dict[str, Any]:
    return {"scoreboard": {"gameDate": "2024-03-12", "games": list(games)}}


def a_score(
    number: int, status: Any = 3, points: tuple[Any, Any] = (110, 100), text: str = "Final", kind: str = "002"
) -> dict[str, Any]:
    """A game of the scoreboard. The first digits of its id are its competition."""
    home, away = ({"teamTricode": team, "score": score} for team, score in zip(("BOS", "NYK"), points, strict=True))
    return {
        "gameId": f"{kind}{number:07d}",
        "gameStatus": status,
        "gameStatusText": text,
        "homeTeam": home,
        "awayTeam": away,
    }


def is_empty(landing: Landing) -> bool:
    return not any(path.is_file() for path in Path(landing.home).rglob("*"))


def test_a_game_is_final_with_a_final_status_and_both_scores(http_client: HttpClient, provider: Provider) -> None:
    provider.responds(
        Answer(
            a_scoreboard(
                a_score(1),
                a_score(2, status="3"),
                a_score(3, points=("99", "98")),
                a_score(4, status=2, text="Q4 0:00"),
                a_score(5, points=(110, None)),
                a_score(6, points=(110, "")),
                a_score(7, points=(0, 0)),
                a_score(8, text="PPD"),
                a_score(9, status=1, text="7:30 pm ET"),
                a_score(10, status=None),
                a_score(11, kind="001"),
                a_score(12, kind="004"),
            )
        )
    )
    board = NbaCdn(http=http_client).scoreboard()
    assert board.game_date == DAY
    assert board.final == {"0020000001", "0020000002", "0020000003", "0040000012"}
    assert board.listed - board.final == {f"002{number:07d}" for number in range(4, 11)}
    assert provider.asked[0].path == "/static/json/liveData/scoreboard/todaysScoreboard_00.json"
    assert is_empty(http_client.landing)


def test_a_scoreboard_without_games_is_empty(http_client: HttpClient, provider: Provider) -> None:
    provider.responds(Answer(a_scoreboard()))
    assert NbaCdn(http=http_client).scoreboard() == Scoreboard(DAY, frozenset(), frozenset())


HTML = Answer(body=b"<html>Please wait.</html>", headers={"Content-Type": "text/html"})


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (HTML, Permanent, r"nba_cdn scoreboard today: the response is not JSON \(text/html, 25 bytes\)"),
        (Answer({}, status=503), Transient, "nba_cdn scoreboard today: status 503 after 1 attempt"),
        (Answer({}, status=429, headers={"Retry-After": "1"}), Transient, "status 429 after 1 attempt"),
        (Answer(a_scoreboard(), delay_seconds=SILENT_SECONDS), Transient, "ReadTimeout at 127.0.0.1 after 1 attempt"),
        (Answer(a_scoreboard(), lost=9), Transient, "RemoteProtocolError at 127.0.0.1 after 1 attempt"),
        (Answer({}, status=403), NotPublished, r"nba_cdn scoreboard today is not published \(403\)"),
        (Answer({}, status=400), Permanent, "nba_cdn scoreboard today: status 400"),
        (Answer({}, status=302, headers={"Location": "http://elsewhere.test/"}), Permanent, "redirected to elsewhere.test"),
        (Answer({"board": {}}), Permanent, "the response has no scoreboard"),
        (Answer({"scoreboard": {"gameDate": "2024-03-12"}}), Permanent, "nba_cdn scoreboard today: games is missing"),
        (Answer({"scoreboard": {"gameDate": "soon", "games": []}}), Permanent, "nba_cdn scoreboard today: gameDate is 'soon'"),
        (Answer(a_scoreboard(drifted(a_score(1), "homeTeam.score", RENAMED))), Permanent, "score is missing"),
        (Answer(a_scoreboard(drifted(a_score(1), "gameId", 20000001))), Permanent, "gameId is 20000001"),
        (Answer(a_scoreboard(drifted(a_score(1), "homeTeam", None))), Permanent, "nba_cdn scoreboard today: homeTeam is None"),
    ],
    ids=lambda value: "" if isinstance(value, Answer) else None,
)
def test_an_unusable_scoreboard_is_requested_once_and_not_landed(
    answer: Answer, error: type[Exception], message: str, http_client: HttpClient, provider: Provider
) -> None:
    provider.responds(answer)
    if answer.delay_seconds:
        http_client.read_timeout_seconds_of["nba_cdn"] = IMPATIENT_SECONDS
    with pytest.raises(error, match=message):
        NbaCdn(http=http_client).scoreboard()
    assert len(provider.asked) == 1 and is_empty(http_client.landing)


def test_failed_polls_open_no_breaker(http_client: HttpClient, provider: Provider) -> None:
    cdn = NbaCdn(http=http_client)
    provider.responds(Answer({}, status=503))
    for _ in range(12):
        with pytest.raises(Transient, match="status 503"):
            cdn.scoreboard()
    provider.responds(Answer(a_schedule(a_game())))
    assert cdn.schedule().game_date is None


def test_a_rejected_key_is_not_sent_again_by_a_poll(http_client: HttpClient, provider: Provider) -> None:
    provider.responds(Answer({}, status=401))
    for _ in range(2):
        with pytest.raises(Permanent, match="nba_cdn rejected the key"):
            NbaCdn(http=http_client).scoreboard()
    assert len(provider.asked) == 1


def test_a_provider_without_a_url_is_named(landing: Landing, clock: Clock) -> None:
    with pytest.raises(BadInput, match="no URL is configured for nba_cdn; configured: odds_api"):
        NbaCdn(http=HttpClient(base_urls={"odds_api": "http://127.0.0.1:1"}, landing=landing, clock=clock)).scoreboard()


def test_a_replay_does_not_poll(http_client: HttpClient, provider: Provider) -> None:
    @dg.op
    def poll(nba_cdn: NbaCdn) -> None:
        with pytest.raises(NotLanded, match="an offline run sends no requests, and a peeked response is never landed"):
            nba_cdn.scoreboard()

    @dg.job(tags={REPLAY_TAG: "0" * 8})
    def replay() -> None:
        poll()

    cdn = NbaCdn(http=http_client)
    assert replay.execute_in_process(resources={"nba_cdn": cdn}).success and not provider.asked


def polled(cdn: NbaCdn) -> dict[str, list[str]]:
    """Returns a sensor's result, evaluated outside of a run, as Dagster's daemon does."""

    @dg.sensor(job_name="nothing")
    def scoreboard(nba_cdn: NbaCdn) -> dg.SensorResult:
        board = nba_cdn.scoreboard()
        cursor = {"date": [str(board.game_date)], "listed": sorted(board.listed), "final": sorted(board.final)}
        return dg.SensorResult(skip_reason="a poll", cursor=json.dumps(cursor))

    with dg.DagsterInstance.ephemeral() as instance, dg.build_sensor_context(instance, resources={"nba_cdn": cdn}) as context:
        cursor = scoreboard.evaluate_tick(context).cursor
    return dict(json.loads(str(cursor)))


def test_a_sensor_polls_outside_of_a_run(http_client: HttpClient, provider: Provider) -> None:
    provider.responds(Answer(a_scoreboard(a_score(1), a_score(2, status=2))))
    cursor = polled(NbaCdn(http=http_client))
    assert cursor == {"date": [str(DAY)], "listed": ["0020000001", "0020000002"], "final": ["0020000001"]}
    assert len(provider.asked) == 1 and is_empty(http_client.landing)


def test_a_sensor_polls_the_simulated_league_of_its_home(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "sandbox_rules.json").write_text('{"game_minutes": 3}')
    games = League(game_minutes=3).games(DAY)
    clock = Clock(fixed_at=games[0].ends_at.isoformat())
    landing = Landing(home=str(tmp_path / "landing"), clock=clock)
    http = SandboxHttpClient(base_urls={}, landing=landing, clock=clock, home=str(tmp_path / "home"))
    cursor = polled(NbaCdn(http=http))
    assert cursor["date"] == [str(DAY)] and cursor["listed"] == sorted(game.game_id for game in games)
    assert cursor["final"] == sorted(game.game_id for game in games if game.ends_at <= games[0].ends_at)
    assert is_empty(landing)
    (tmp_path / "home" / "format.json").write_text('{"format": 2, "league": "simulated", "simulation": 1}')
    with pytest.raises(dg.DagsterResourceFunctionError) as raised:
        polled(NbaCdn(http=http))
    assert "holds games of version 1 of the simulated league" in str(raised.value.__cause__)

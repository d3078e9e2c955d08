"""Every parser on sandbox documents with one changed field: no traceback and no silently lost row.

`make test` tries some values of each field, `make test-unattended` all of them. `-s` shows the counts.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from nba_pipeline.assets.sources import boxscores, injuries, play_by_play, prop_lines, schedule, team_boxscores
from nba_pipeline.errors import BadInput
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import season_of
from nba_pipeline.providers import (
    balldontlie,
    espn,
    injury_report,
    nba_cdn,
    nba_cdn_boxscore,
    nba_cdn_schedule,
    nba_stats,
    odds_events,
    odds_lines,
    odds_rows,
)
from nba_pipeline.providers.archive import Archive
from nba_pipeline.providers.nba_cdn_play_by_play import is_over, parse_play_by_play
from nba_pipeline.providers.parsing import parser
from nba_pipeline.providers.pdf_reader import read_layout
from nba_pipeline.sandbox import League
from nba_pipeline.tables.table import LINEAGE, Table
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payloads import Payload, Slot
from nba_pipeline_tests.builders_archive import a_box, a_game, a_prop, an_event, build
from nba_pipeline_tests.builders_injuries import a_first_entry, a_report, an_entry, not_yet
from nba_pipeline_tests.fuzzing import DROP, VALUES, Outcomes, Parse, Sample, fuzz
from nba_pipeline_tests.sandbox.conftest import DAY, Peer, peer
from nba_pipeline_tests.sandbox.test_nba_stats import BROWSER, QUERY

pytestmark = pytest.mark.platform

__all__ = ["build", "peer"]

NOW = datetime(2025, 1, 16, 12, tzinfo=UTC)


@pytest.fixture(scope="module")
def league() -> League:
    """A league of few clubs, because a document of the schedule has all games of a season."""
    return League(clubs=12)


TEXTS = (DROP, *(value for value in VALUES if isinstance(value, str)))
"""Values of a PDF cell."""


def of_schedule(peer: Peer) -> Sample:
    days = peer.final().get(peer.schedule).json()["leagueSchedule"]["gameDates"]
    games = [day | {"games": day["games"][:3]} for day in days if day["gameDate"].startswith(f"{DAY:%m/%d/%Y}")]
    slot = Slot("nba_cdn", "schedule", "season", season=season_of(DAY))
    document = {"leagueSchedule": {"gameDates": games}}
    return Sample("nba_cdn schedule", slot, document, read_schedule, frozenset({"gameId", "teamTricode"}))


def read_schedule(payload: Payload) -> pl.DataFrame:
    nba_cdn_schedule.count_undetermined_games(payload)
    return nba_cdn_schedule.parse_schedule(payload)


def of_scoreboard(peer: Peer) -> Sample:
    document = peer.final().get(peer.scoreboard).json()
    document["scoreboard"]["games"] = document["scoreboard"]["games"][:3]
    return Sample("nba_cdn scoreboard", Slot("nba_cdn", "scoreboard", "today"), document, read_scoreboard, frozenset({"gameId"}))


def read_scoreboard(payload: Payload) -> pl.DataFrame:
    listed = sorted(nba_cdn.read_scoreboard(payload.json()).listed)
    return pl.DataFrame({"game_id": listed, "problem": [None] * len(listed)})


def with_few_players(game: dict[str, Any], *sides: str) -> dict[str, Any]:
    for side in sides:
        game[side]["players"] = [*game[side]["players"][:2], game[side]["players"][-1]]
    return game


def of_box(peer: Peer, parse: Parse, name: str) -> Sample:
    game = with_few_players(peer.final().box(), "homeTeam", "awayTeam")
    slot = Slot("nba_cdn", "boxscore", peer.game.game_id, DAY)
    return Sample(f"nba_cdn {name}", slot, {"game": game}, parse)


def read_box(payload: Payload) -> pl.DataFrame:
    nba_cdn_boxscore.is_final(payload)
    nba_cdn_boxscore.final_game_ids(payload.json())
    return nba_cdn_boxscore.parse_boxscore(payload)


def of_list(peer: Peer) -> Sample:
    path = f"/static/json/liveData/playbyplay/playbyplay_{peer.game.game_id}.json"
    document = peer.final().get(path).json()
    actions = document["game"]["actions"]
    of_kind = {action["actionType"]: action for action in reversed(actions)}
    document["game"]["actions"] = sorted(of_kind.values(), key=lambda action: action["orderNumber"])
    return Sample("nba_cdn playbyplay", Slot("nba_cdn", "playbyplay", peer.game.game_id, DAY), document, read_list)


def read_list(payload: Payload) -> pl.DataFrame:
    is_over(payload)
    return parse_play_by_play(payload)


def of_balldontlie(peer: Peer) -> Sample:
    document = peer.final().get("/v1/box_scores", date=str(DAY), per_page="100").json()
    ended = [game for game in document["data"] if game["status"] == "Final"]
    document = {"data": [with_few_players(game, "home_team", "visitor_team") for game in ended[:2]], "meta": {"next_cursor": 2}}
    slot = Slot("balldontlie", "box_scores", "page_first", DAY)
    return Sample("balldontlie box_scores", slot, document, read_page, frozenset({"status"}))


def read_page(payload: Payload) -> pl.DataFrame:
    balldontlie.next_cursor(payload)
    return balldontlie.parse_boxscores([payload])


def of_log(peer: Peer) -> Sample:
    games = of_schedule(peer).rows()
    document = (
        peer.at(peer.game.ends_at + timedelta(hours=12)).client.get("/stats/leaguegamelog", params=QUERY, headers=BROWSER).json()
    )
    log = document["resultSets"][0]
    log["rowSet"] = [row for row in log["rowSet"] if row[log["headers"].index("GAME_ID")] == peer.game.game_id][:4]
    slot = Slot("nba_stats", "player_game_log", "regular_season", DAY)
    return Sample("nba_stats player_game_log", slot, document, lambda payload: nba_stats.parse_game_log(payload, games))


def of_events(peer: Peer) -> Sample:
    document = peer.before_tip().get("/v4/sports/basketball_nba/events", apiKey="k").json()[:3]
    return Sample("odds_api events", Slot("odds_api", "events", "slate", DAY), document, odds_events.parse_events)


def of_odds(peer: Peer, parse: Parse, name: str) -> Sample:
    event = peer.before_tip().get(peer.odds_path, **peer.odds | {"markets": "player_points,spreads,totals"}).json()
    event["bookmakers"] = event["bookmakers"][:1]
    for market in event["bookmakers"][0]["markets"]:
        market["outcomes"] = market["outcomes"][:4]
    document = {"timestamp": "2025-01-16T00:20:00Z", "data": event}
    slot = Slot("odds_api", "historical_event_odds", event["id"], DAY)
    # the key of a market says whose rows they are, and two outcomes of one line are one row
    decisive = (
        frozenset({"key", "markets", "description", "point", "name", "outcomes"}) if name == "game_odds" else frozenset({"key"})
    )
    return Sample(f"odds_api {name}", slot, document, parse, decisive)


def of_injuries(peer: Peer) -> Sample:
    document = peer.before_tip().get("/apis/site/v2/sports/basketball/nba/injuries").json()
    document["injuries"] = [team | {"injuries": team["injuries"][:2]} for team in document["injuries"][:2]]
    return Sample("espn injuries", Slot("espn", "injuries", "league", DAY), document, espn.parse_injuries)


def of_roster(peer: Peer) -> Sample:
    document = peer.before_tip().get("/apis/site/v2/sports/basketball/nba/teams/2", enable="roster").json()
    document["team"]["athletes"] = document["team"]["athletes"][:2]
    return Sample("espn roster", Slot("espn", "roster", "2", DAY), document, espn.parse_roster)


def of_report(peer: Peer) -> Sample:
    body = a_report(
        [a_first_entry(), an_entry("Hart, Josh", team="New York Knicks")],
        [not_yet("Boston Celtics", matchup="BOS@MIA", time="1")],
    )
    slot = Slot("injury_report", "report", "2024-03-12_05PM", DAY, extension="pdf")
    read = parser(lambda payload: injury_report._statements(payload.json(), payload))
    return Sample("injury_report entries", slot, read_layout(body), read, values=TEXTS, is_of_leaves=True)


SAMPLES: dict[str, Callable[[Peer], Sample]] = {
    "schedule": of_schedule,
    "scoreboard": of_scoreboard,
    "boxscore": lambda peer: of_box(peer, read_box, "boxscore"),
    "team_boxscore": lambda peer: of_box(peer, nba_cdn_boxscore.parse_team_boxscores, "team totals"),
    "playbyplay": of_list,
    "balldontlie": of_balldontlie,
    "nba_stats": of_log,
    "events": of_events,
    "event_odds": lambda peer: of_odds(peer, odds_lines.parse_event_odds, "event_odds"),
    "game_odds": lambda peer: of_odds(peer, odds_lines.parse_game_odds, "game_odds"),
    "injuries": of_injuries,
    "roster": of_roster,
    "injury_report": of_report,
}


@pytest.mark.parametrize(
    "each", [pytest.param(1, id="some values"), pytest.param(len(VALUES), id="every value", marks=pytest.mark.unattended)]
)
@pytest.mark.parametrize("name", SAMPLES)
def test_a_changed_field_is_accepted_quarantined_or_rejected_by_name(name: str, each: int, peer: Peer) -> None:
    sample = SAMPLES[name](peer)
    outcomes = fuzz(sample, each)
    print(outcomes.summary)  # noqa: T201
    assert not outcomes.faults, "\n".join(outcomes.faults[:20])
    assert all(outcomes.counts[kind] for kind in ("kept", "rejected")), outcomes.summary
    assert_tables_accept(name, outcomes, peer)


def assert_tables_accept(name: str, outcomes: Outcomes, peer: Peer) -> None:
    """Asserts that the tables accept or quarantine every row without an exception."""
    rows = pl.concat(outcomes.frames)
    games = of_schedule(peer).rows().with_columns(pl.lit(NOW).alias("as_of"))
    tables: dict[str, Table] = {
        "schedule": schedule.TABLE,
        "boxscore": boxscores.TABLE,
        "nba_stats": boxscores.TABLE,
        "team_boxscore": team_boxscores.TABLE,
        "playbyplay": play_by_play.TABLE,
    }
    if table := tables.get(name):
        good, bad = table.conform(rows.select(*(c for c in table.dtypes if c not in LINEAGE[1:]), "problem"), NOW, "1")
        assert bad.height >= rows["problem"].count()
        assert good.height + bad.height <= rows.height
    elif name == "balldontlie":
        assert balldontlie.map_to_games(rows, games).height >= rows.height
    elif name in ("events", "event_odds", "game_odds"):
        events = of_events(peer).rows()
        assert odds_events.match_events(rows, games).height
        if name == "event_odds":
            assert prop_lines.reject_lines(odds_rows.as_rows(rows, events, games).with_columns(player_id=1)).height >= rows.height
    elif name in ("injuries", "injury_report"):
        snapshot = rows.with_columns(pl.lit(name).alias("provider"))
        assert injuries.slate_injuries(snapshot, games).height


# The archive, whose files are tables


TYPES = (
    pl.String,
    pl.Int64,
    pl.Float64,
    pl.Boolean,
    pl.Date,
    pl.Datetime("us"),
    pl.Datetime("us", "UTC"),
    pl.Null,
    pl.List(pl.Int64),
)
EXTREMES: dict[type[pl.DataType], tuple[Any, ...]] = {
    pl.Int64: (-1, 2**62, None),
    pl.Float64: (float("nan"), float("inf"), -1e300, 2.25, None),
    pl.String: ("", "x", "1" * 400, None),
    pl.Datetime: (datetime(9999, 12, 31, 23, 59, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC), None),
    pl.Date: (date(9999, 12, 31), date(1, 1, 1), None),
    pl.Boolean: (None,),
}


def other_columns(frame: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
    """The frame with one column dropped, of another type, or holding another value."""
    for name, dtype in frame.schema.items():
        yield f"{name} dropped", frame.drop(name)
        for kind in TYPES:
            if kind != dtype:
                yield f"{name} of {kind}", frame.with_columns(pl.lit(None, kind).alias(name))
        for value in EXTREMES.get(dtype.base_type(), ()):
            yield f"{name} {ascii(value)[:30]}", frame.with_columns(pl.lit(value, dtype).alias(name))


QUESTIONS: dict[str, Callable[[Archive, list[date]], pl.DataFrame]] = {
    "games_2023-24": lambda archive, days: pl.concat(
        [archive.schedule(days).select("game_id"), archive.team_boxscores(days).select("game_id")]
    ),
    "player_boxscores_2023-24": lambda archive, days: archive.boxscores(days),
    "player_props": lambda archive, days: archive.prop_lines(days),
    "game_lines": lambda archive, days: archive.game_lines(days),
    "players": lambda archive, days: archive.players(),
}


@pytest.mark.parametrize(
    "step", [pytest.param(7, id="some values"), pytest.param(1, id="every value", marks=pytest.mark.unattended)]
)
@pytest.mark.parametrize("stem", QUESTIONS)
def test_a_changed_archive_column_is_read_or_named_in_the_error(
    stem: str, step: int, build: Callable[..., Path], tmp_path: Path
) -> None:
    folder = build([a_game()], [a_box()], [a_prop()], [an_event()])
    original, counts = pl.read_parquet(folder / f"{stem}.parquet"), {"read": 0, "refused": 0}
    clock = Clock(fixed_at="2025-09-01T00:00:00Z")
    for number, (about, frame) in enumerate(islice(other_columns(original), 0, None, step)):
        frame.write_parquet(folder / f"{stem}.parquet")
        archive = Archive(folder=str(folder), landing=Landing(home=str(tmp_path / str(number)), clock=clock), clock=clock)
        try:
            QUESTIONS[stem](archive, [date(2024, 3, 12)])
            counts["read"] += 1
        except BadInput as error:
            counts["refused"] += 1
            assert f"{stem}.parquet" in str(error), about
    print(f"archive {stem}: {counts}")  # noqa: T201
    assert all(counts.values())

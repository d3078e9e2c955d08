"""Real payloads and real seasons: the numbers of domain/golden.md, sections 4, 5, 8 and 9."""

import gzip
import json
import os
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import days
from nba_pipeline.league.name_resolution import resolve_names
from nba_pipeline.league.names import lookup
from nba_pipeline.providers.archive import Archive
from nba_pipeline.providers.balldontlie import map_to_games, parse_boxscores
from nba_pipeline.providers.nba_cdn_boxscore import parse_boxscore
from nba_pipeline.providers.nba_cdn_schedule import count_undetermined_games, parse_schedule
from nba_pipeline.providers.odds_events import match_events, parse_events
from nba_pipeline.providers.odds_lines import parse_event_odds
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payloads import Payload, Slot

SHARED = Path(os.environ.get("NBA_SHARED_DIR", Path(__file__).parents[3] / "shared"))
ALL_DATES = days(date(2021, 7, 1), date(2025, 6, 22))

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not (SHARED / "data").is_dir(), reason=f"needs the real data at {SHARED} (NBA_SHARED_DIR)"),
]


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(home=str(tmp_path), clock=Clock(fixed_at="2025-09-01T00:00:00Z"))


@pytest.fixture
def wire(landing: Landing) -> Callable[..., Payload]:
    """Lands one of the samples."""

    def land(path: str, provider: str, endpoint: str, entity: str, day: date | None = None) -> Payload:
        body = (SHARED / "wire" / path).read_bytes()
        body = gzip.decompress(body) if path.endswith(".gz") else body
        return landing.keep(Slot(provider, endpoint, entity, day), body, fetched_at=datetime(2025, 9, 1, tzinfo=UTC))

    return land


@pytest.fixture
def archive(landing: Landing) -> Archive:
    return Archive(folder=str(SHARED / "data"), landing=landing, clock=landing.clock)


def test_brooklyn_beats_golden_state_on_the_first_night(wire: Callable[..., Payload]) -> None:
    payload = wire("nba_cdn/liveData_boxscore_0022000001.json", "nba_cdn", "boxscore", "0022000001", date(2020, 12, 22))
    frame = parse_boxscore(payload)
    totals = frame.group_by("team", "team_points").agg(
        pl.col("points", "fgm", "fga", "fg3m", "fg3a", "ftm", "fta", "oreb", "did_play").sum()
    )
    assert sorted(totals.rows()) == [
        ("BKN", 125, 125, 42, 92, 15, 35, 26, 32, 13, 15),
        ("GSW", 99, 99, 37, 99, 10, 33, 15, 23, 13, 13),
    ]
    assert frame.height == 34 and (frame["status"] == "inactive").sum() == 6
    assert (frame["seconds"][0], round(frame["minutes"][0], 2)) == (1246, 20.77)
    starters = frame.filter("is_starter", pl.col("team") == "BKN")["player_name"].to_list()
    assert [name.split()[-1] for name in starters] == ["Harris", "Durant", "Jordan", "Dinwiddie", "Irving"]


def test_the_schedule_of_2024_25_holds_1321_games_in_scope(wire: Callable[..., Payload]) -> None:
    payload = wire("nba_cdn/scheduleLeagueV2__2024-25_full__2025-08-27.json.gz", "nba_cdn", "schedule", "season")
    listed = payload.json()["leagueSchedule"]["gameDates"]
    assert (len(listed), sum(len(day["games"]) for day in listed)) == (231, 1400)
    frame = parse_schedule(payload)
    assert dict(frame["season_type"].value_counts().rows()) == {
        "regular_season": 1230,
        "playoffs": 84,
        "play_in": 6,
        "cup_final": 1,
    }
    regular = frame.filter(pl.col("season_type") == "regular_season")
    other_utc_date = (regular["tipoff_at"].dt.date() != regular["game_date"]).sum()
    assert (regular["game_date"].n_unique(), other_utc_date) == (163, 938)
    assert (frame["problem"].null_count(), frame["status"].unique().to_list()) == (1321, ["final"])
    neutral = "0022400147 0022400621 0022400633 0022401229 0022401230 0062400001".split()
    assert sorted(frame.filter("is_neutral")["game_id"]) == neutral


def test_a_schedule_before_the_season_postpones_nothing(wire: Callable[..., Payload]) -> None:
    payload = wire("nba_cdn/scheduleLeagueV2__2023-24_preseason__2023-09-16.json.gz", "nba_cdn", "schedule", "season")
    frame = parse_schedule(payload)
    assert (frame.height, count_undetermined_games(payload)) == (1200, 7)
    assert frame["status"].unique().to_list() == ["scheduled"]


def test_balldontlie_has_eleven_games_of_15_january_2024(wire: Callable[..., Payload], archive: Archive) -> None:
    day = date(2024, 1, 15)
    payload = wire("balldontlie/v1_box_scores__2024-01-15.json", "balldontlie", "box_scores", "page_first", day)
    frame = map_to_games(parse_boxscores([payload]), archive.schedule([day]))
    assert (frame.height, frame["points"].sum(), frame["problem"].null_count()) == (384, 2399, 384)
    sums = frame.group_by("game_id", "team", "team_points").agg(pl.col("points").sum())
    assert sums.height == 22 and (sums["points"] == sums["team_points"]).all()


def test_ten_books_price_orlando_at_cleveland(wire: Callable[..., Payload]) -> None:
    payload = wire(
        "odds_api/v4_event_odds__Magic_at_Cavaliers__2024-02-22.json", "odds_api", "event_odds", "e", date(2024, 2, 22)
    )
    frame = parse_event_odds(payload)
    assert (frame["book"].n_unique(), frame["spelling"].n_unique(), frame["problem"].null_count()) == (10, 20, 241)
    banchero = frame.filter(pl.col("spelling") == "Paolo Banchero")
    offered = banchero.select("book", "line", "over_price", "under_price").rows()
    prices = {(book, line): both for book, line, *both in offered}
    assert prices["draftkings", 20.5] == [-140, 110] and prices["fanduel", 20.5] == [-120, -102]
    assert prices["bovada", 20.5] == [-150, 115] and prices["betrivers", 20.5] == [-122, -109]
    assert prices["pointsbetus", 21.5] == [-110, -120] and prices["mybookieag", 21.5] == [-120, -115]
    assert banchero.filter(pl.col("book") == "betrivers").height == 8
    players = dict(frame.group_by("book").agg(pl.col("spelling").n_unique()).rows())
    assert (players["draftkings"], players["betmgm"], players["betonlineag"]) == (16, 18, 7)


def test_nothing_of_brooklyn_at_toronto_is_from_before_the_tipoff(wire: Callable[..., Payload]) -> None:
    sample = "odds_api/v4_event_odds__Nets_at_Raptors__2024-02-22__first2books.json"
    payload = wire(sample, "odds_api", "event_odds", "e", date(2024, 2, 22))
    scheduled = datetime(2024, 2, 23, tzinfo=UTC)
    frame = parse_event_odds(payload)
    assert frame.height > 0 and frame.filter(pl.col("snapshot_at") < scheduled).is_empty()


def test_sixteen_events_are_listed_and_all_are_games(wire: Callable[..., Payload], archive: Archive) -> None:
    payload = wire("odds_api/v4_historical_events__2025-03-09.json", "odds_api", "historical_events", "slate")
    events = parse_events(payload)
    games = archive.schedule(days(date(2025, 3, 8), date(2025, 3, 13)))
    assert (events.height, (events["game_date"] == date(2025, 3, 9)).sum()) == (16, 6)
    assert match_events(events, games)["game_id"].n_unique() == 16


def test_the_archive_holds_four_seasons(archive: Archive) -> None:
    edges = (date(2021, 6, 30), date(2021, 7, 1), date(2025, 6, 22), date(2025, 6, 23))
    assert [archive.holds(day) for day in edges] == [False, True, True, False]
    games, boxes = archive.schedule(ALL_DATES), archive.boxscores(ALL_DATES)
    assert (games.height, games.filter(~pl.col("has_boxscore_source")).height, boxes.height) == (5264, 7, 111_750)
    sums = boxes.group_by("game_id", "team", "team_points").agg(pl.col("points").sum())
    assert (sums.height, (sums["points"] == sums["team_points"]).sum()) == (10_514, 10_514)
    assert (boxes["minutes"] == 0).sum() == 454


def test_every_line_of_the_archive_is_unique(archive: Archive) -> None:
    lines = archive.prop_lines(ALL_DATES)
    usable = lines.filter(pl.col("problem").is_null())
    key = ["game_id", "spelling", "market", "book", "line_half_points", "snapshot_at"]
    raw = pl.read_parquet(SHARED / "data" / "player_props.parquet").filter(pl.col("event_game_id").is_not_null())
    distinct = raw.select("event_game_id", "player_name_raw", "market", "book", "line", "snapshot_at").n_unique()
    assert (lines.height, usable.height, usable.select(key).n_unique()) == (476_858, distinct, distinct)


def test_every_spelling_of_a_player_with_a_box_score_resolves(archive: Archive) -> None:
    boxes, lines = archive.boxscores(ALL_DATES), archive.prop_lines(ALL_DATES)
    mentions = lines.filter(pl.col("game_id").is_not_null()).select("game_id", "spelling").unique()
    names = resolve_names(mentions, archive.players(), boxes.select("game_id", "player_id", "player_name"))
    truth = pl.read_parquet(SHARED / "data" / "player_name_variants.parquet").select(
        pl.col("player_name_raw").alias("spelling"), pl.col("player_id").alias("true_id")
    )
    checked = names.join(truth, on="spelling")
    assert checked.filter(pl.col("player_id") != pl.col("true_id")).is_empty()
    took_part = checked.join(boxes.select("game_id", pl.col("player_id").alias("true_id")), on=["game_id", "true_id"])
    assert (took_part.height, took_part["player_id"].null_count()) == (33_741, 0)


def test_thirty_eight_name_keys_are_shared_in_league_history() -> None:
    seed = json.loads((SHARED / "wire" / "identities" / "nba_api_static_players.json").read_bytes())
    names = pl.Series([lookup(person["full_name"]) for person in seed])
    assert (len(names), names.filter(names.is_duplicated()).n_unique()) == (5198, 38)
    active = pl.Series([lookup(person["full_name"]) for person in seed if person["is_active"]])
    assert (len(active), active.is_duplicated().sum()) == (519, 0)

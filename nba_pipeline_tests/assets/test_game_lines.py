"""Spreads and totals from the answers that prop_lines landed, with the schedule's home and away."""

import json
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import dagster as dg
import polars as pl
import pytest

from nba_pipeline.asset_factory.verdicts import verdicts_of
from nba_pipeline.assets.sources import game_lines as module
from nba_pipeline.assets.sources.game_lines import TABLE, games_have_game_lines
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.instance.clock import Clock
from nba_pipeline.providers.archive import Archive
from nba_pipeline.providers.http import HttpClient
from nba_pipeline.providers.odds_api import OddsApi
from nba_pipeline.providers.odds_rows import AFTER_TIPOFF
from nba_pipeline.tables.table import PROBLEM
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline.warehouse.payloads import Slot
from nba_pipeline_tests.builders import DAY, Values, a_game, at, frame_of

TIPOFF = at(23, 30)
GAME = a_game(tipoff_at=TIPOFF, status="scheduled")
GAME_ID = GAME["game_id"]
EVENT = {
    "id": "e1",
    "commence_time": "2024-03-12T23:40:00Z",
    "home_team": "Golden State Warriors",
    "away_team": "New York Knicks",
}
CLOCK = Clock(fixed_at="2024-03-12T22:00:00Z")
COLUMNS = ["market", "outcome", "line", "price", "is_before_tipoff", PROBLEM]

Run = Callable[..., pl.DataFrame]


def an_answer(
    shown_at: str = "20:00", home: float = -6.5, total: float = 228.5, price: int = -110, **event: Any
) -> dict[str, Any]:
    """Odds of an event: a spread and a total of one book."""
    shown = {"last_update": f"2024-03-12T{shown_at}:00Z"}
    names = EVENT | event
    spread = [
        {"name": names["home_team"], "point": home, "price": -115},
        {"name": names["away_team"], "point": -home, "price": -105},
    ]
    both = [{"name": name, "point": total, "price": price} for name in ("Over", "Under")]
    markets = [{"key": "spreads", **shown, "outcomes": spread}, {"key": "totals", **shown, "outcomes": both}]
    return {**names, "bookmakers": [{"key": "draftkings", "markets": markets}]}


@pytest.fixture
def landing(tmp_path: Path) -> Landing:
    return Landing(home=str(tmp_path), clock=CLOCK)


@pytest.fixture
def run(landing: Landing) -> Run:
    """Lands answers and their event lists, then runs the asset for the date."""

    def run_it(*answers: dict[str, Any], game: Values = GAME) -> pl.DataFrame:
        def keep(endpoint: str, entity: str, document: Any, minute: int) -> None:
            fetched_at = datetime(2024, 3, 12, 20, minute, tzinfo=UTC)
            landing.keep(Slot("odds_api", endpoint, entity, DAY), json.dumps(document).encode(), fetched_at=fetched_at)

        keep("events", "slate", [{k: answer[k] for k in EVENT} for answer in answers], 0)
        for minute, answer in enumerate(answers, 1):
            keep("event_odds", answer["id"], answer, minute)
        # an unused address: the asset makes no requests
        client = HttpClient(base_urls={"odds_api": "http://127.0.0.1:9"}, landing=landing, clock=CLOCK)
        odds_api, archive = OddsApi(http=client, api_key="key"), Archive(landing=landing, clock=CLOCK)
        context = dg.build_asset_context(partition_key=str(DAY))
        return module.game_lines(context, schedule=frame_of(SCHEDULE, game), odds_api=odds_api, archive=archive)

    return run_it


def test_a_landed_answer_becomes_four_rows(run: Run) -> None:
    rows = run(an_answer())
    good, bad = TABLE.conform(rows, at(22), "1")
    assert good.height == 4 and bad.is_empty()
    assert sorted(rows.select(COLUMNS).rows()) == [
        ("spreads", "away", 6.5, -105, True, None), ("spreads", "home", -6.5, -115, True, None),
        ("totals", "over", 228.5, -110, True, None), ("totals", "under", 228.5, -110, True, None),
    ]  # fmt: skip
    assert rows.select("game_date", "game_id", "snapshot_at", "tipoff_at").unique().rows() == [(DAY, GAME_ID, at(20), TIPOFF)]


def test_an_in_play_line_is_quarantined(run: Run) -> None:
    assert run(an_answer(shown_at="23:30")).select("is_before_tipoff", PROBLEM).unique().rows() == [(False, AFTER_TIPOFF)]


def test_without_a_tip_off_no_line_is_confirmed_or_quarantined(run: Run) -> None:
    rows = run(an_answer(), game=GAME | {"tipoff_at": None})
    assert rows.select("is_before_tipoff", PROBLEM).unique().rows() == [(None, None)]


def test_home_is_the_schedule_s_home(run: Run) -> None:
    turned = an_answer(home_team="New York Knicks", away_team="Golden State Warriors", home=3.5)
    rows = run(turned, game=GAME | {"is_neutral": True}).filter(market="spreads")
    assert sorted(rows.select("outcome", "line", "price").rows()) == [("away", 3.5, -115), ("home", -3.5, -105)]


def test_an_unchanged_line_is_one_row_and_a_later_one_is_another(run: Run) -> None:
    rows = run(an_answer(), an_answer(), an_answer("21:00", total=229.5)).filter(outcome="over").sort("snapshot_at")
    assert rows.select("line", "snapshot_at").rows() == [(228.5, at(20)), (229.5, at(21))]


def test_two_lines_of_one_book_and_instant_are_both_quarantined(run: Run) -> None:
    good, bad = TABLE.conform(run(an_answer(), an_answer(total=229.5)), at(22), "1")
    assert good["outcome"].to_list() == ["away", "home"]
    assert bad["problem"].to_list() == ["key_is_unique"] * 4


def test_two_prices_of_one_line_and_instant_are_both_quarantined(run: Run) -> None:
    good, bad = TABLE.conform(run(an_answer(), an_answer(price=-150)), at(22), "1")
    assert good["outcome"].to_list() == ["away", "home"]
    assert sorted(bad["row"].str.json_path_match("$.price")) == ["-110", "-110", "-150", "-150"]


def test_markets_that_are_not_requested_are_ignored(run: Run) -> None:
    answer = an_answer()
    answer["bookmakers"][0]["markets"].append({"key": "h2h", "outcomes": [{"name": "New York Knicks", "price": 120}]})
    assert run(answer).height == 4


def test_an_event_without_a_game_is_quarantined_with_its_id(run: Run) -> None:
    rows = run(an_answer(id="e9", away_team="Miami Heat"))
    assert rows.select("game_date", PROBLEM).unique().rows() == [(DAY, "event e9 matches no game of the schedule")]


def test_a_date_without_an_answer_has_no_rows(run: Run) -> None:
    assert run().is_empty()


@pytest.mark.parametrize(
    "fields",
    [{"outcome": "over"}, {"line_half_points": 12}, {"price": 99}, {"market": "totals", "outcome": "over"}],
    ids=["outcome", "half points", "price", "negative total"],
)
def test_a_row_that_violates_a_rule_is_quarantined(fields: Values) -> None:
    row = {
        "game_date": DAY, "game_id": GAME_ID, "market": "spreads", "book": "b", "outcome": "home", "line": -6.5,
        "line_half_points": -13, "price": -110, "request_format": "american", "source": "test",
    }  # fmt: skip
    valid = [TABLE.conform(frame_of(TABLE, row | f).drop("as_of", "code_version"), at(22), "1")[0].height for f in ({}, fields)]
    assert valid == [1, 0]


@pytest.fixture
def verdict(tmp_path: Path, run: Run) -> Callable[..., tuple[bool, list[str], dict[str, float]]]:
    """Returns the check's verdict for a slate of two games and these lines."""

    def judge(*lines: pl.DataFrame, source: str = "nba_cdn/schedule") -> tuple[bool, list[str], dict[str, float]]:
        warehouse = LocalWarehouse(home=str(tmp_path))
        games = frame_of(SCHEDULE, GAME, a_game(game_id="0022300999", home_team="BOS", away_team="LAL"))
        games = games.drop("as_of", "code_version").with_columns(source=pl.lit(source))
        warehouse.replace(SCHEDULE, [DAY], SCHEDULE.conform(games, at(12), "1")[0], "me")
        for frame in lines:
            warehouse.add(TABLE, [DAY], TABLE.conform(frame, at(12), "1")[0], "me")
        [verdict] = verdicts_of(games_have_game_lines(warehouse, [DAY], CLOCK), [DAY])
        return verdict.passed, list(verdict.missing), verdict.numbers

    return judge


def test_games_without_both_markets_are_named(run: Run, verdict: Callable[..., Any]) -> None:
    passed, missing, numbers = verdict(run(an_answer()))
    assert (passed, missing) == (False, ["LAL@BOS 0022300999"])
    assert numbers == {"share": 0.5, "lines": 4, "lines_of_unknown_instant": 0}


def test_a_total_alone_is_not_enough(run: Run, verdict: Callable[..., Any]) -> None:
    _, missing, _ = verdict(run(an_answer()).filter(market="totals"))
    assert len(missing) == 2


def test_the_archive_needs_no_line_before_tip_off(run: Run, verdict: Callable[..., Any]) -> None:
    unknown = run(an_answer()).with_columns(
        is_before_tipoff=pl.lit(None, pl.Boolean), snapshot_at=pl.lit(None, pl.Datetime("us", "UTC"))
    )
    passed, _, numbers = verdict(unknown, source="archive/games_2023-24/all/file/x")
    assert passed and numbers == {"share": 1.0, "lines": 4, "lines_of_unknown_instant": 4}


def test_a_line_that_nothing_proves_from_before_tip_off_is_not_enough(run: Run, verdict: Callable[..., Any]) -> None:
    passed, missing, numbers = verdict(run(an_answer(), game=GAME | {"tipoff_at": None}))
    assert not passed and len(missing) == 2 and numbers["lines_of_unknown_instant"] == 4


def test_a_date_without_games_needs_no_lines(tmp_path: Path) -> None:
    [verdict] = verdicts_of(
        games_have_game_lines(LocalWarehouse(home=str(tmp_path)), [date(2024, 7, 1)], CLOCK), [date(2024, 7, 1)]
    )
    assert verdict.passed

"""Expectations of a slate from the schedule and earlier slates, independent of its own data."""

from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from nba_pipeline.asset_factory.verdicts import verdicts_of
from nba_pipeline.assets.predictions import predictions
from nba_pipeline.assets.sources import game_lines, prop_lines
from nba_pipeline.completeness.expectations import absent_books, games_to_predict, usual
from nba_pipeline.instance.clock import Clock
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline_tests.builders import Values, a_game, a_prop_line, frame_of
from nba_pipeline_tests.builders_days import TEAMS, Days, slate_of
from nba_pipeline_tests.builders_predictions import a_prediction

pytestmark = pytest.mark.slow

DAY = date(2026, 1, 15)
BEFORE = [DAY - timedelta(days=n) for n in (2, 4, 6, 8, 10)]
BOOKS = ("draftkings", "fanduel", "betmgm")
CLOCK = Clock()


def summaries(games: int, *teams: str, since: date = DAY) -> list[Values]:
    """One row per team and earlier game."""
    return [
        {"game_date": since - timedelta(days=2 * n), "game_id": f"0022{n}", "player_id": 1, "team": team}
        for n in range(1, games + 1)
        for team in teams
    ]


def expected(*rows: Values, games: list[Values] | None = None) -> list[str]:
    schedule = frame_of(TABLES["schedule"], *(games or [a_game(DAY, *teams, game_id=teams[0]) for teams in TEAMS[:2]]))
    return games_to_predict(schedule, frame_of(TABLES["player_game_summary"], *rows), [DAY])["game_id"].to_list()


def test_a_game_is_expected_to_be_predicted_once_one_of_its_teams_has_enough_games() -> None:
    assert expected(*summaries(5, "GSW"), *summaries(4, "BOS", "LAL")) == ["GSW"]
    assert expected() == []


def test_games_of_another_season_and_of_the_date_itself_do_not_count() -> None:
    assert expected(*summaries(9, "GSW", since=date(2025, 6, 1))) == []
    assert expected(*summaries(4, "GSW"), *summaries(1, "GSW", since=DAY + timedelta(days=2))) == []


def test_a_game_that_is_not_played_is_not_expected_to_be_predicted() -> None:
    assert expected(*summaries(5, "GSW"), games=[a_game(DAY, *TEAMS[0], status="postponed")]) == []


@pytest.mark.parametrize(
    ("slates", "books"),
    [
        ([], []), ([BOOKS], sorted(BOOKS)), ([BOOKS[:2], BOOKS[:2], BOOKS, BOOKS], sorted(BOOKS)), ([BOOKS[:2]] * 3 + [BOOKS], sorted(BOOKS[:2])),
        ([BOOKS[:2]] * 5 + [BOOKS] * 9, sorted(BOOKS[:2])),
    ],
    ids=["no slate", "one slate", "half of them", "a quarter", "only the last five"],
)  # fmt: skip
def test_a_book_is_usual_that_half_of_the_last_slates_had(slates: list[tuple[str, ...]], books: list[str]) -> None:
    dates = [DAY - timedelta(days=n) for n in range(1, len(slates) + 1)]
    rows = [{"game_date": day, "book": book} for day, of_day in zip(dates, slates, strict=True) for book in of_day]
    seen = pl.DataFrame(rows, schema={"game_date": pl.Date, "book": pl.String})
    assert usual(seen, "book", [*dates, DAY], [DAY]) == {DAY: books}


def test_old_slates_and_dates_without_games_do_not_count() -> None:
    old = DAY - timedelta(days=SETTINGS.usual.days + 1)
    seen = pl.DataFrame({"game_date": [old], "book": ["draftkings"]})
    assert usual(seen, "book", [old, DAY], [DAY]) == {DAY: []}
    assert usual(seen, "book", [old], [DAY]) == {}


@pytest.fixture
def days(tmp_path: Path) -> Days:
    """Four games tonight and on five dates before, each with lines of three books and predictions."""
    days, hours = Days(tmp_path), [None] * 4
    for day in (*BEFORE, DAY):
        games = slate_of(day, *hours)
        days.write("schedule", day, *games)
        days.write("player_game_summary", day, *summarized(day, games))
        days.write("predictions", day, *(a_prediction(game_date=day, game_id=game["game_id"]) for game in games))
        for table in ("prop_lines", "game_lines"):
            days.write(table, day, *(line_of(table, day, game["game_id"], book) for game in games for book in BOOKS))
    return days


def summarized(day: date, games: list[Values]) -> list[Values]:
    return [
        {"game_date": day, "game_id": game["game_id"], "player_id": n, "team": game[f"{side}_team"]}
        for game in games
        for n, side in enumerate(("home", "away"))
    ]


def line_of(table: str, day: date, game_id: str, book: str) -> Values:
    line = a_prop_line(book=book, game_date=day, game_id=game_id)
    if table == "prop_lines":
        return line
    return {name: line[name] for name in ("game_date", "game_id", "book", "is_before_tipoff", "source")} | {
        "market": "spreads",
        "outcome": "home",
    }


def test_the_ninth_game_is_named(days: Days) -> None:
    games = slate_of(DAY, *[None] * 4)
    days.write("predictions", DAY, *(a_prediction(game_date=DAY, game_id=game["game_id"]) for game in games[:3]))
    passing, verdict = verdicts_of(predictions.every_game_is_predicted(days.warehouse, [BEFORE[0], DAY], CLOCK), [BEFORE[0], DAY])
    assert (verdict.passed, list(verdict.missing)) == (False, [f"CHI@PHX {games[3]['game_id']}"])
    assert verdict.numbers == {"share": 0.75, "present": 3, "expected": 4}
    assert passing.passed


def test_a_slate_without_any_prediction_lacks_every_game_and_every_system(days: Days) -> None:
    days.write("predictions", DAY)
    for check, absent in (
        (predictions.every_game_is_predicted, 4),
        (predictions.every_system_predicts, len(predictions.SYSTEMS)),
    ):
        (verdict,) = verdicts_of(check(days.warehouse, [DAY], CLOCK), [DAY])
        assert (verdict.passed, len(verdict.missing)) == (False, absent)


@pytest.mark.parametrize("module", [prop_lines, game_lines], ids=["prop_lines", "game_lines"])
def test_a_book_without_lines_is_named(module: object, days: Days) -> None:
    table = module.TABLE.name  # type: ignore[attr-defined]
    existing = [line_of(table, DAY, game["game_id"], book) for game in slate_of(DAY, *[None] * 4) for book in BOOKS[:2]]
    days.write(table, DAY, *existing)
    passing, verdict = verdicts_of(module.every_usual_book_has_lines(days.warehouse, [BEFORE[0], DAY], CLOCK), [BEFORE[0], DAY])  # type: ignore[attr-defined]
    assert (verdict.passed, list(verdict.missing), verdict.numbers) == (False, ["betmgm"], {"books_missing": 1})
    assert passing.passed


def test_lines_of_another_market_do_not_make_up_for_points(days: Days) -> None:
    rebounds = line_of("prop_lines", DAY, slate_of(DAY, None)[0]["game_id"], "betmgm") | {"market": "player_rebounds"}
    days.write("prop_lines", DAY, rebounds)
    assert absent_books(days.warehouse, "prop_lines", [DAY], "player_points") == {DAY: sorted(BOOKS)}
    assert absent_books(days.warehouse, "prop_lines", [DAY]) == {DAY: ["draftkings", "fanduel"]}


@pytest.mark.parametrize("is_before_tipoff", [None, False], ids=["unknown instant", "in play"])
def test_lines_that_are_not_from_before_the_tipoff_neither_expect_nor_count(is_before_tipoff: bool | None, days: Days) -> None:
    other = {"is_before_tipoff": is_before_tipoff}
    for day in (*BEFORE, DAY):
        books = [*BOOKS[:2], "consensus"] if day != DAY else [BOOKS[0]]
        lines = [line_of("prop_lines", day, slate_of(day, None)[0]["game_id"], book) for book in books]
        days.write("prop_lines", day, *(line | (other if line["book"] == "consensus" else {}) for line in lines))
    days.write("prop_lines", DAY, *lines, line_of("prop_lines", DAY, slate_of(DAY, None)[0]["game_id"], BOOKS[1]) | other)
    assert absent_books(days.warehouse, "prop_lines", [DAY]) == {DAY: ["fanduel"]}


def test_a_game_that_is_not_played_needs_no_lines(days: Days) -> None:
    first, *others = slate_of(DAY, *[None] * 4)
    days.write("schedule", DAY, first | {"status": "postponed"}, *others)
    days.write("prop_lines", DAY, *(line_of("prop_lines", DAY, game["game_id"], "fanduel") for game in others))
    (verdict,) = verdicts_of(prop_lines.games_have_lines(days.warehouse, [DAY], CLOCK), [DAY])
    assert verdict.passed

"""What checks expect at the start of the stored history: nothing from before it, and everything after it.

Eight teams play each day. The schedule has the days before FIRST, the other tables do not.
"""

from collections.abc import Callable, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from nba_pipeline.asset_factory.verdicts import Verdict, verdicts_of
from nba_pipeline.assets.features import features, upcoming_players
from nba_pipeline.assets.predictions import points_model, predictions
from nba_pipeline.assets.sources import prop_lines
from nba_pipeline.completeness import history
from nba_pipeline.completeness.expectations import dates_without_lines
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import days, week_of
from nba_pipeline.settings import SETTINGS
from nba_pipeline.systems import MOVING_AVERAGE, TRAINED_SYSTEMS, ZONE_MATCHUP
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import Values, a_prop_line, an_expected_player, frame_of
from nba_pipeline_tests.builders_days import complete_box, slate_of
from nba_pipeline_tests.builders_predictions import a_feature_row, a_prediction
from nba_pipeline_tests.prepared import copy_of

pytestmark = pytest.mark.slow

FIRST = date(2026, 1, 12)
"""A Monday in the middle of a season."""
LAST = FIRST + timedelta(days=5)
CLOCK = Clock(fixed_at=(LAST + timedelta(days=1)).isoformat() + "T12:00:00-05:00")
NEW = (FIRST, FIRST + timedelta(days=1), FIRST + timedelta(days=2))
"""The dates whose last three slates are not all stored."""


def games(day: date) -> list[Values]:
    return slate_of(day, *[None] * 4, status="final")


def write(warehouse: LocalWarehouse, table: str, day: date, *rows: Values) -> None:
    warehouse.replace(
        TABLES[table], [day], frame_of(TABLES[table], *({"game_date": day} | row for row in rows)), "test", {day: 10_000}
    )


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with eight days of games, of which the last six have box scores, expected players and lines, but no features."""
    home = tmp_path_factory.mktemp("history")
    warehouse = LocalWarehouse(home=str(home))
    for day in days(FIRST - timedelta(days=3), LAST):
        write(warehouse, "schedule", day, *games(day))
    for day in days(FIRST, LAST):
        boxes = [row for game in games(day) for row in complete_box(game)]
        write(warehouse, "boxscores", day, *boxes)
        write(warehouse, "prop_lines", day, *(lined(row) for row in boxes))
        players = [an_expected_player(day, **{name: row[name] for name in ("game_id", "player_id", "team")}) for row in boxes]
        write(warehouse, "upcoming_players", day, *(players if day > FIRST else []))
    return home


@pytest.fixture
def warehouse(stored: Path, tmp_path: Path) -> LocalWarehouse:
    """A copy of that home."""
    return LocalWarehouse(home=str(copy_of(stored, tmp_path / "home")))


def lined(row: Values) -> Values:
    """A line of a player of a box score."""
    key = {name: row[name] for name in ("game_date", "game_id", "player_id")}
    return a_prop_line(**key, spelling=f"{row['team']} {row['player_id']}", source="test")


def judged(check: Callable[..., pl.DataFrame], warehouse: LocalWarehouse, *dates: date) -> list[Verdict]:
    return verdicts_of(check(warehouse, dates, CLOCK), dates)


def failing(check: Callable[..., pl.DataFrame], warehouse: LocalWarehouse) -> list[date]:
    return [verdict.game_date for verdict in judged(check, warehouse, *days(FIRST, LAST)) if not verdict.passed]


def lose_the_boxes(warehouse: LocalWarehouse, day: date, number: int) -> None:
    """Leave some games of a date without a box score."""
    write(warehouse, "boxscores", day, *(row for game in games(day)[number:] for row in complete_box(game)))


def test_the_history_begins_with_the_first_date_of_any_evidence(warehouse: LocalWarehouse) -> None:
    assert history.first_date(warehouse) == FIRST
    write(warehouse, "predictions", FIRST - timedelta(days=2), a_prediction(game_date=FIRST - timedelta(days=2)))
    assert history.first_date(warehouse) == FIRST - timedelta(days=2)


def test_a_failed_run_of_an_earlier_date_does_not_begin_the_history(warehouse: LocalWarehouse) -> None:
    for number in range(1, 40):
        write(warehouse, "boxscores", FIRST - timedelta(days=number))
    assert history.first_date(warehouse) == FIRST
    assert history.first_due_date(warehouse, LAST + timedelta(days=30)) == FIRST
    assert history.first_due_date(warehouse, FIRST) == FIRST - timedelta(days=SETTINGS.patience.catch_up_days)


def test_a_home_without_history_expects_every_game(tmp_path: Path) -> None:
    empty = LocalWarehouse(home=str(tmp_path))
    write(empty, "schedule", FIRST - timedelta(days=1), *games(FIRST - timedelta(days=1)))
    write(empty, "schedule", FIRST, *games(FIRST))
    assert history.first_date(empty) is None
    (verdict,) = judged(upcoming_players.the_last_slates_are_covered, empty, FIRST)
    assert (verdict.passed, verdict.is_expected) == (False, False)
    (verdict,) = judged(upcoming_players.no_team_has_a_hole, empty, FIRST)
    assert len(verdict.missing) == 8


def test_the_gate_of_the_first_slates_is_closed_as_expected(warehouse: LocalWarehouse) -> None:
    verdicts = judged(upcoming_players.the_last_slates_are_covered, warehouse, *days(FIRST, LAST))
    assert [verdict.game_date for verdict in verdicts if not verdict.passed] == list(NEW)
    assert [verdict.game_date for verdict in verdicts if verdict.is_expected] == list(NEW)


def test_the_gate_is_not_closed_as_expected_if_stored_slates_have_gaps(warehouse: LocalWarehouse) -> None:
    lose_the_boxes(warehouse, FIRST + timedelta(days=1), 2)
    verdicts = judged(upcoming_players.the_last_slates_are_covered, warehouse, *NEW)
    assert [verdict.is_expected for verdict in verdicts] == [True, True, False]


def test_a_hole_from_before_the_history_is_silent_and_one_within_it_is_named(warehouse: LocalWarehouse) -> None:
    assert failing(upcoming_players.no_team_has_a_hole, warehouse) == []
    lose_the_boxes(warehouse, FIRST + timedelta(days=4), 1)
    (verdict,) = judged(upcoming_players.no_team_has_a_hole, warehouse, LAST)
    assert [name[:3] for name in verdict.missing] == ["GSW", "NYK"]


def test_a_team_needs_players_after_its_first_stored_game(warehouse: LocalWarehouse) -> None:
    assert failing(upcoming_players.both_teams_have_players, warehouse) == []
    write(warehouse, "upcoming_players", NEW[1])
    (verdict,) = judged(upcoming_players.both_teams_have_players, warehouse, NEW[1])
    assert len(verdict.missing) == 8


def test_a_roster_that_is_too_short_is_named_on_the_first_date(warehouse: LocalWarehouse) -> None:
    write(warehouse, "upcoming_players", FIRST, an_expected_player(FIRST, team="GSW"))
    (verdict,) = judged(upcoming_players.both_teams_have_players, warehouse, FIRST)
    assert verdict.missing == ["GSW"]


@pytest.mark.parametrize("check", [features.every_expected_player_has_features, features.every_lined_player_has_features])
def test_players_of_the_first_slates_need_no_features(check: Callable[..., pl.DataFrame], warehouse: LocalWarehouse) -> None:
    assert failing(check, warehouse) == days(NEW[-1] + timedelta(days=1), LAST)


def test_a_lined_player_who_is_not_expected_counts_once_both_teams_have_history(warehouse: LocalWarehouse) -> None:
    stranger = {"game_id": games(LAST)[0]["game_id"], "player_id": 999, "team": "GSW"}
    for day in (FIRST, LAST):
        write(warehouse, "prop_lines", day, lined({"game_date": day} | stranger | {"game_id": games(day)[0]["game_id"]}))
    first, last = judged(features.every_lined_player_has_features, warehouse, FIRST, LAST)
    assert first.passed
    assert last.missing == ["GSW 999"]


FIVE = days(LAST - timedelta(days=5), LAST - timedelta(days=1))
"""The dates after which a team has five games."""


def summarize(warehouse: LocalWarehouse, dates: Sequence[date], players: int, name: str = "player_game_summary") -> None:
    """Store player-games of the same players on each of the dates."""
    rows = [
        {"game_date": day, "game_id": f"{day:%y%m%d}", "player_id": player, "team": "GSW", "did_play": True}
        for day in dates
        for player in range(1, players + 1)
    ]
    table = TABLES[name]
    warehouse.replace(table, dates, frame_of(table, *rows), "test", dict.fromkeys(dates, 10_000))


def without_models(warehouse: LocalWarehouse, week: date, systems: Sequence[Any] = TRAINED_SYSTEMS) -> None:
    """Store a week whose systems have a reason instead of a model."""
    row = {"rows": 0, "reason": "bootstrap: 0 rows, needs 2000", "features": [], "source": "test"}
    write(warehouse, "points_model", week, *(row | {"system_id": system.system_id} for system in systems))


LONG = days(FIRST - timedelta(days=20), FIRST - timedelta(days=1))
"""The dates of a history that suffices for models."""


def test_a_week_without_models_passes_while_the_history_is_short(warehouse: LocalWarehouse) -> None:
    without_models(warehouse, FIRST)
    summarize(warehouse, LONG[-3:], players=300)
    gaps, early = points_model.without_models(warehouse, [FIRST])
    assert (gaps, len(early)) == ([], len(TRAINED_SYSTEMS))


def test_a_week_without_models_fails_once_the_history_suffices(warehouse: LocalWarehouse) -> None:
    without_models(warehouse, FIRST)
    summarize(warehouse, LONG, players=300)
    gaps, early = points_model.without_models(warehouse, [FIRST])
    assert ("catboost: bootstrap: 0 rows, needs 2000" in gaps, early) == (True, [])


def test_lost_summaries_do_not_make_the_history_short(warehouse: LocalWarehouse) -> None:
    without_models(warehouse, FIRST)
    summarize(warehouse, LONG, players=300, name="boxscores")
    assert points_model.without_models(warehouse, [FIRST])[1] == []


def test_a_system_that_was_never_trained_fails_in_a_short_history(warehouse: LocalWarehouse) -> None:
    without_models(warehouse, FIRST, [system for system in TRAINED_SYSTEMS if system.system_id != "catboost"])
    assert points_model.without_models(warehouse, [FIRST])[0] == ["catboost: not trained"]


def test_player_games_count_from_the_number_that_the_system_needs(warehouse: LocalWarehouse) -> None:
    without_models(warehouse, FIRST)
    summarize(warehouse, LONG[-14:], players=300)  # 9 of 14 games of a player follow five others
    weeks = history.weeks_before_models(warehouse, [FIRST], {"catboost": 5, "xgboost": 0})
    assert weeks == {(FIRST, "catboost")}
    assert SETTINGS.training.expected_rows == 3000


def predicted(warehouse: LocalWarehouse, day: date, players: int, system: str = MOVING_AVERAGE.system_id) -> None:
    """Store the forecasts of one system for the first players of each game."""
    rows = [row for game in games(day) for row in complete_box(game)[:players]]
    keys = [{name: row[name] for name in ("game_date", "game_id", "player_id")} for row in rows]
    write(warehouse, "predictions", day, *(a_prediction(**key, system_id=system) for key in keys))


def test_a_trained_system_is_not_expected_before_the_history_suffices(warehouse: LocalWarehouse) -> None:
    predicted(warehouse, LAST, 8)
    summarize(warehouse, FIVE, players=8)
    without_models(warehouse, week_of(LAST))
    (verdict,) = judged(predictions.every_system_predicts, warehouse, LAST)
    untrained = {system.system_id for system in predictions.SYSTEMS if not system.needs_model}
    assert set(verdict.missing) == untrained - {"moving_average", "ensemble", "market_blend"}
    summarize(warehouse, LONG, players=300)
    (verdict,) = judged(predictions.every_system_predicts, warehouse, LAST)
    assert {"catboost", "ensemble", "market_blend"} <= set(verdict.missing)


def absent_without(warehouse: LocalWarehouse, *features: str) -> list[str]:
    """The absent systems of a slate whose only player lacks some features."""
    predicted(warehouse, LAST, 8)
    summarize(warehouse, FIVE, players=8)
    without_models(warehouse, week_of(LAST))
    row = complete_box(games(LAST)[0])[0]
    key = {name: row[name] for name in ("game_id", "player_id", "team")}
    write(warehouse, "features", LAST, a_feature_row(LAST, **key, **dict.fromkeys(features)))
    (verdict,) = judged(predictions.every_system_predicts, warehouse, LAST)
    return list(verdict.missing)


def test_similarity_is_not_expected_while_the_history_is_shorter_than_its_window(warehouse: LocalWarehouse) -> None:
    assert "similarity" not in absent_without(warehouse, "points_mean_similar_games")


def test_similarity_is_expected_in_a_long_history(warehouse: LocalWarehouse) -> None:
    early = FIRST - timedelta(days=800)
    write(warehouse, "boxscores", early, *complete_box(games(early)[0]))
    assert "similarity" in absent_without(warehouse, "points_mean_similar_games")


def test_a_short_history_excuses_no_system_with_short_windows(warehouse: LocalWarehouse) -> None:
    assert "zone_matchup" in absent_without(warehouse, *ZONE_MATCHUP.required)


def test_systems_that_need_five_games_are_expected_once_a_team_has_them(warehouse: LocalWarehouse) -> None:
    """The first slates of a season have forecasts of the other systems."""
    predicted(warehouse, LAST, 8, "linear_median")
    (verdict,) = judged(predictions.every_system_predicts, warehouse, LAST)
    assert verdict.missing == ["xgboost", "ensemble", "market_blend"]
    summarize(warehouse, FIVE, players=8)
    (verdict,) = judged(predictions.every_system_predicts, warehouse, LAST)
    assert {"moving_average", "catboost"} <= set(verdict.missing)


def test_a_trained_system_is_expected_in_a_week_that_was_not_trained(warehouse: LocalWarehouse) -> None:
    predicted(warehouse, LAST, 8)
    summarize(warehouse, FIVE, players=8)
    (verdict,) = judged(predictions.every_system_predicts, warehouse, LAST)
    assert {"catboost", "linear_median", "ensemble"} <= set(verdict.missing)


def test_before_the_first_model_lined_players_need_five_games(warehouse: LocalWarehouse) -> None:
    without_models(warehouse, week_of(LAST))
    (verdict,) = judged(predictions.every_lined_player_is_predicted, warehouse, LAST)
    assert verdict.passed and verdict.numbers["expected"] == 0
    summarize(warehouse, days(FIRST - timedelta(days=1), LAST - timedelta(days=1)), players=8)
    (verdict,) = judged(predictions.every_lined_player_is_predicted, warehouse, LAST)
    assert not verdict.passed and verdict.numbers["expected"] == 32


def test_every_lined_player_is_expected_in_a_week_that_was_not_trained(warehouse: LocalWarehouse) -> None:
    (verdict,) = judged(predictions.every_lined_player_is_predicted, warehouse, LAST)
    assert not verdict.passed and verdict.numbers["expected"] == 64


def without_lines(warehouse: LocalWarehouse, *dates: date, source: str = "archive/games") -> None:
    """Leave the last date without lines, and others; the last date is one of the archive."""
    write(warehouse, "schedule", LAST, *(game | {"source": source} for game in games(LAST)))
    for day in (*dates, LAST):
        write(warehouse, "prop_lines", day)


LINES = [prop_lines.games_have_lines, predictions.few_players_lack_a_line, predictions.every_system_predicts]


@pytest.mark.parametrize("check", LINES)
@pytest.mark.parametrize(
    ("dates", "source", "is_expected"),
    [([], "archive/games", True), (days(FIRST, LAST), "archive/games", False), (days(FIRST, LAST), "nba_cdn/schedule", True)],
    ids=["earlier slates had lines", "the archive has no lines", "not of the archive"],
)
def test_lines_are_expected_unless_the_archive_has_none(
    check: Callable[..., pl.DataFrame], dates: list[date], source: str, is_expected: bool, warehouse: LocalWarehouse
) -> None:
    without_lines(warehouse, *dates, source=source)
    rows = [{"system_id": system.system_id} for system in predictions.SYSTEMS if system.system_id != "market_blend"]
    write(warehouse, "predictions", LAST, *(a_prediction(game_date=LAST, recommendation="NO_LINE", **row) for row in rows))
    (verdict,) = judged(check, warehouse, LAST)
    assert verdict.passed != is_expected


@pytest.mark.parametrize("earlier", [-110, None], ids=["earlier slates had prices", "the archive has no prices"])
def test_prices_are_expected_unless_the_archive_has_none(earlier: int | None, warehouse: LocalWarehouse) -> None:
    for day in days(FIRST, LAST):
        price = None if day == LAST else earlier
        boxes = [row for game in games(day) for row in complete_box(game)]
        write(warehouse, "prop_lines", day, *(lined(row) | {"over_price": price, "under_price": price} for row in boxes))
    write(warehouse, "schedule", LAST, *(game | {"source": "archive/games"} for game in games(LAST)))
    assert dates_without_lines(warehouse, [LAST], has_prices=True) == ({LAST} if earlier is None else set())
    assert dates_without_lines(warehouse, [LAST]) == set()


def test_features_are_judged_by_the_players_that_the_history_contains(warehouse: LocalWarehouse) -> None:
    """A row of an expected player fills his gap."""
    boxes = [row for game in games(LAST) for row in complete_box(game)]
    rows = [a_feature_row(LAST, **{name: row[name] for name in ("game_id", "player_id", "team")}) for row in boxes]
    write(warehouse, "features", LAST, *rows)
    assert failing(features.every_expected_player_has_features, warehouse) == [
        NEW[-1] + timedelta(days=1),
        LAST - timedelta(days=1),
    ]

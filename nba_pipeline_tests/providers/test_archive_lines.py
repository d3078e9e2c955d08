"""The archive's player and game lines in the columns of the tables."""

from collections.abc import Callable
from datetime import date, datetime

import polars as pl
import pytest

from nba_pipeline.providers.archive import Archive
from nba_pipeline.providers.archive_lines import GAME_LINE_COLUMNS, PROP_COLUMNS
from nba_pipeline_tests.builders_archive import DAY, EARLY, TIPOFF, a_game, a_prop, an_event
from nba_pipeline_tests.providers.conftest import only


def test_a_line_becomes_a_row_with_the_earlier_start(archive: Callable[..., Archive]) -> None:
    frame = archive().prop_lines([DAY])
    columns = (
        "game_id",
        "player_id",
        "spelling",
        "line_half_points",
        "over_price",
        "under_price",
        "tipoff_at",
        "is_before_tipoff",
        "problem",
    )
    assert frame.schema == pl.Schema(PROP_COLUMNS)
    assert only(frame, *columns) == ("0022300945", None, "A. Horford", 17, -110, None, TIPOFF, True, None)


@pytest.mark.parametrize(
    ("snapshot_at", "tipoff", "is_before"),
    [(TIPOFF, TIPOFF, False), (None, TIPOFF, None), (EARLY, None, None)],
    ids=["at the tip-off", "unknown snapshot", "unknown tip-off"],
)
def test_a_line_is_before_tipoff_only_if_both_instants_are_set(
    snapshot_at: datetime | None, tipoff: datetime | None, is_before: bool | None, archive: Callable[..., Archive]
) -> None:
    opened = archive(games=[a_game(tipoff_utc=tipoff)], props=[a_prop(snapshot_at=snapshot_at)])
    assert only(opened.prop_lines([DAY]), "is_before_tipoff") == (is_before,)


def test_a_line_without_a_game_is_a_problem(archive: Callable[..., Archive]) -> None:
    frame = archive(props=[a_prop(event_game_id=None), a_prop()]).prop_lines([DAY])
    assert frame["problem"].to_list() == ["no game id for NYK at BOS", None]


def test_repeated_captures_of_an_unchanged_line_are_one_row(archive: Callable[..., Archive]) -> None:
    props = [a_prop(snapshot_at=None, is_latest_pregame=latest) for latest in (False, True)] + [a_prop(line=9.5)]
    frame = archive(props=props).prop_lines([DAY])
    assert frame.select("line", "is_latest_pregame").rows() == [(8.5, True), (9.5, True)]


def test_an_event_becomes_four_outcomes_of_the_book_consensus(archive: Callable[..., Archive]) -> None:
    frame = archive().game_lines([DAY])
    assert frame.schema == pl.Schema(GAME_LINE_COLUMNS)
    assert frame.select("market", "outcome", "line", "line_half_points").rows() == [
        ("spreads", "home", -6.5, -13),
        ("spreads", "away", 6.5, 13),
        ("totals", "over", 228.0, 456),
        ("totals", "under", 228.0, 456),
    ]
    columns = ("game_date", "game_id", "book", "tipoff_at", "snapshot_at", "is_before_tipoff", "price", "problem")
    expected = (DAY, "0022300945", "consensus", TIPOFF, None, None, None, None)
    assert frame.select(columns).unique().rows() == [expected]


def test_a_spread_is_relative_to_the_home_team_of_the_schedule(archive: Callable[..., Archive]) -> None:
    swapped = an_event(home_team="New York Knicks", away_team="Boston Celtics", total_point=None)
    frame = archive(events=[swapped]).game_lines([DAY])
    assert frame.select("outcome", "line").rows() == [("home", 6.5), ("away", -6.5)]


def test_a_line_between_half_points_and_an_event_without_a_game_are_problems(archive: Callable[..., Archive]) -> None:
    events = [an_event(spread_point=None, total_point=228.25), an_event("e2", home_team="Miami Heat", spread_point=None)]
    assert archive(events=events).game_lines([DAY]).select("outcome", "game_id", "problem").rows() == [
        ("over", "0022300945", "totals of 228.25 is no whole number of half points"),
        ("over", None, "event e2 matches no game of the schedule"),
        ("under", "0022300945", "totals of 228.25 is no whole number of half points"),
        ("under", None, "event e2 matches no game of the schedule"),
    ]


def test_the_game_of_an_event_does_not_depend_on_the_requested_dates(archive: Callable[..., Archive]) -> None:
    next_day = a_game("0022300950", game_date=date(2024, 3, 13))
    opened = archive(games=[a_game(), next_day], events=[an_event()])
    assert opened.game_lines([date(2024, 3, 13)]).is_empty()
    assert opened.game_lines([DAY, date(2024, 3, 13)])["game_id"].unique().to_list() == ["0022300945"]

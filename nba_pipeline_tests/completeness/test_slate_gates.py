"""Gates of slates. The last section tests that a gate that cannot be evaluated is closed."""

from collections.abc import Collection, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.completeness import slate_gates
from nba_pipeline.league.calendar import days, eastern
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders_gates import DAY, NOON_AFTER, a_game, boxes_of, schedule_of

HISTORY = [a_game(n, DAY - timedelta(days=1 + n // 5)) for n in range(20)]
"""Five games on each of the four days before DAY; each team plays once a day."""


def slate(
    games: Sequence[dict[str, Any]], without: Collection[str] = (), day: date = DAY, as_of: datetime = NOON_AFTER
) -> tuple[dict[str, Any], list[tuple[str, str]]]:
    """The verdict on a date and the excluded teams, without the box scores of some games."""
    boxes = boxes_of(*(g for g in games if g["status"] == "final" and g["game_id"] not in without))
    tonight = [a_game(60 + n, day, status="scheduled") for n in range(5)]
    verdicts, excluded_teams = slate_gates.judge_slates(schedule_of(*games, *tonight), boxes, [day], as_of)
    return verdicts.row(0, named=True), [(row["team"], row["matchup"][-2:]) for row in excluded_teams.iter_rows(named=True)]


def ids(*numbers: int) -> list[str]:
    return [f"{n:010d}" for n in numbers]


def test_a_slate_is_judged_by_the_last_three_slates() -> None:
    verdict, excluded_teams = slate(HISTORY)
    assert verdict == {"game_date": DAY, "recent_games": 15, "recent_complete": 15, "share": 1.0, "is_open": True, "missing": []}
    assert excluded_teams == []


@pytest.mark.parametrize(
    ("without", "is_open"),
    [(ids(0, 5, 10), True), (ids(0, 1, 5, 10), False), (ids(15, 16, 17, 18, 19), True)],
    ids=["80", "73", "older"],
)
def test_a_slate_is_closed_below_eighty_per_cent_of_them(without: list[str], is_open: bool) -> None:
    verdict, _ = slate(HISTORY, without)
    assert verdict["is_open"] == is_open
    assert sorted(name[-10:] for name in verdict["missing"]) == [g for g in without if int(g) < 15]


def test_a_team_with_an_incomplete_game_among_its_last_three_is_excluded() -> None:
    _, excluded_teams = slate(HISTORY, ids(2, 15))
    assert excluded_teams == [("CHI", "02"), ("CLE", "02")]


def test_games_of_the_date_and_later_do_not_count() -> None:
    today = [a_game(n, DAY + timedelta(days=n // 25)) for n in range(20, 30)]
    assert slate([*HISTORY, *today], ids(*range(20, 30))) == slate(HISTORY)


def test_games_of_the_last_season_do_not_count() -> None:
    playoffs = [a_game(n, date(2024, 6, 17)) for n in range(5)]
    verdict, excluded_teams = slate(playoffs, ids(0, 1, 2, 3, 4), date(2024, 10, 22), eastern(date(2024, 10, 22), 12))
    assert (verdict["recent_games"], verdict["is_open"], excluded_teams) == (0, True, [])


def test_an_overdue_game_counts_as_incomplete() -> None:
    stale = a_game(20, DAY - timedelta(days=1), status="scheduled", home_points=None, away_points=None)
    verdict, excluded_teams = slate([*HISTORY[5:], stale], as_of=eastern(DAY, 7))
    assert (verdict["recent_games"], verdict["recent_complete"]) == (11, 10)
    assert verdict["missing"] == ["BOS@ATL 0000000020"]
    assert excluded_teams == [("ATL", "20"), ("BOS", "20")]


@pytest.mark.parametrize(
    ("columns", "hour"),
    [
        ({"status": "live"}, 0),  # five hours after tip-off
        ({"status": "postponed"}, 7),
        ({"status": "scheduled", "tipoff_at": None}, 1),
        ({"status": "scheduled", "has_boxscore_source": False}, 7),
    ],
    ids=str,
)
def test_a_game_in_progress_or_not_played_is_not_missing(columns: dict[str, Any], hour: int) -> None:
    yesterday = a_game(20, DAY - timedelta(days=1), home_points=None, away_points=None, **columns)
    verdict, excluded_teams = slate([*HISTORY[5:], yesterday], as_of=eastern(DAY, hour))
    assert (verdict["missing"], excluded_teams) == ([], [])


def test_a_game_without_a_known_tipoff_is_missing_in_the_morning() -> None:
    yesterday = a_game(20, DAY - timedelta(days=1), status="unknown", tipoff_at=None)
    assert slate([*HISTORY[5:], yesterday], as_of=eastern(DAY, 7))[0]["missing"] == ["BOS@ATL 0000000020"]


def test_a_range_of_slates_has_the_results_of_its_dates() -> None:
    """A game that was never played is ignored after three days, independent of the first date of the run."""
    stale = a_game(20, DAY - timedelta(days=2), status="scheduled")
    games, dates = [*HISTORY, stale], days(DAY - timedelta(days=2), DAY + timedelta(days=4))
    boxes = boxes_of(*(g for g in HISTORY if g["game_id"] not in ids(3, 7)))
    together = slate_gates.judge_slates(schedule_of(*games), boxes, dates, NOON_AFTER)
    alone = [slate_gates.judge_slates(schedule_of(*games), boxes, [day], NOON_AFTER) for day in dates]
    for together_rows, parts in zip(together, zip(*alone, strict=True), strict=True):
        assert_frame_equal(together_rows, pl.concat(parts))


def test_the_gate_reads_forty_days_and_no_box_score_of_the_date(tmp_path: Any) -> None:
    dates_read: dict[str, Collection[date]] = {}

    class Listening(LocalWarehouse):
        def scan(self, table: Table, dates: Collection[date] | None = None) -> pl.LazyFrame:
            dates_read[table.name] = dates or ()
            return super().scan(table, dates)

    slate_gates.before(Listening(home=str(tmp_path)), [DAY, DAY + timedelta(days=1)])
    assert (min(dates_read["schedule"]), max(dates_read["schedule"])) == (DAY - timedelta(days=40), DAY + timedelta(days=1))
    assert (min(dates_read["boxscores"]), max(dates_read["boxscores"])) == (DAY - timedelta(days=40), DAY)


# A gate that cannot be evaluated is closed: it raises for any error in its input


class Exploding(LocalWarehouse):
    """An unreadable warehouse."""

    def scan(self, table: Table, dates: Collection[date] | None = None) -> pl.LazyFrame:
        """Raises an error."""
        raise OSError("the disk is gone")


@pytest.mark.parametrize("column", ["status", "game_date", "home_team", "home_points", "has_boxscore_source"])
def test_a_slate_is_closed_without_a_column_of_the_schedule(column: str) -> None:
    schedule, boxes = schedule_of(a_game()), boxes_of(a_game())
    slate_gates.judge_slates(schedule, boxes, [DAY], NOON_AFTER)
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        slate_gates.judge_slates(schedule.drop(column), boxes, [DAY], NOON_AFTER)


@pytest.mark.parametrize("column", ["did_play", "points", "minutes", "team", "team_points"])
def test_a_slate_is_closed_without_a_column_of_the_box_scores(column: str) -> None:
    with pytest.raises(pl.exceptions.ColumnNotFoundError):
        slate_gates.judge_slates(schedule_of(a_game()), boxes_of(a_game()).drop(column), [DAY], NOON_AFTER)


def test_a_slate_is_closed_when_minutes_are_not_numbers() -> None:
    games = schedule_of(a_game(day=DAY - timedelta(days=1)), a_game(1, DAY))
    boxes = boxes_of(a_game()).with_columns(minutes=float("nan"))
    verdicts, excluded_teams = slate_gates.judge_slates(games, boxes, [DAY], NOON_AFTER)
    assert (verdicts["is_open"].to_list(), excluded_teams.height) == ([False], 2)


def test_a_slate_is_closed_when_the_warehouse_cannot_be_read(tmp_path: Any) -> None:
    with pytest.raises(OSError, match="the disk is gone"):
        slate_gates.before(Exploding(home=str(tmp_path)), [DAY])

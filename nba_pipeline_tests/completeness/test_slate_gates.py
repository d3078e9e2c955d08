"""Gates of slates. The last section tests that a gate that cannot be evaluated is closed."""

from collections.abc import Collection, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.completeness import slate_gates
from nba_pipeline.errors import Closed
from nba_pipeline.league.calendar import days, eastern
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.io_manager import SLATE_CLOSED
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


@pytest.mark.parametrize(
    ("tipoff_at", "until"),
    [(eastern(DAY - timedelta(days=1), 19), eastern(DAY, 1)), (None, datetime(DAY.year, DAY.month, DAY.day, 6, tzinfo=UTC))],
    ids=["tip-off", "no tip-off"],
)
def test_a_game_is_overdue_six_hours_after_its_tip_off_or_the_end_of_its_date(
    tipoff_at: datetime | None, until: datetime
) -> None:
    yesterday = a_game(20, DAY - timedelta(days=1), status="scheduled", tipoff_at=tipoff_at)
    missing = [slate([*HISTORY[5:], yesterday], as_of=at)[0]["missing"] for at in (until, until + timedelta(minutes=1))]
    assert missing == [[], ["BOS@ATL 0000000020"]]


@pytest.mark.parametrize(("back", "games"), [(3, 1), (4, 0)])
def test_an_overdue_game_counts_for_three_days(back: int, games: int) -> None:
    verdict, excluded_teams = slate([a_game(20, DAY - timedelta(days=back), status="scheduled")])
    assert (verdict["recent_games"], verdict["is_open"], len(excluded_teams)) == (games, not games, 2 * games)


def test_a_final_game_counts_after_any_break() -> None:
    before_the_break = [a_game(n, DAY - timedelta(days=8)) for n in range(5)]
    verdict, excluded_teams = slate(before_the_break, ids(0, 1, 2, 3, 4))
    assert (verdict["recent_games"], verdict["is_open"], len(excluded_teams)) == (5, False, 10)


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


# Players and readiness


def players_of(*teams: tuple[date, str]) -> pl.DataFrame:
    return pl.DataFrame(teams, schema={"game_date": pl.Date, "team": pl.String}, orient="row")


def test_players_of_closed_slates_and_excluded_teams_are_not_ready() -> None:
    closed, later = slate(HISTORY, ids(0, 1, 2, 5, 10))[0], DAY + timedelta(days=1)
    verdicts = pl.DataFrame([closed, closed | {"game_date": later, "is_open": True}], schema=slate_gates.SLATE_VERDICT)
    excluded = pl.DataFrame([(later, "BOS", "BOS@ATL 1"), (later, "BOS", "BOS@CHI 2")], slate_gates.EXCLUDED_TEAMS, orient="row")
    players = players_of((DAY, "BOS"), (DAY, "ATL"), (later, "BOS"), (later, "ATL"))
    ready, excluded_by_date = slate_gates.ready_players(players, verdicts, excluded)
    assert ready.rows() == [(later, "ATL")]
    assert excluded_by_date == {str(later): ["BOS (BOS@ATL 1)", "BOS (BOS@CHI 2)"], str(DAY): [SLATE_CLOSED]}
    with pytest.raises(Closed, match=f"the slate of {DAY} is closed: 10 of 15 final games .*; missing: BOS@ATL 0000000010, "):
        slate_gates.ready_players(players, verdicts.head(1), excluded)


def readiness(*features: tuple[int, int, float | None], min_games: int | None = None) -> dict[str, Any]:
    """The verdict on players with (games of the season, career games, required feature), and on a later date without any."""
    schema = {"games_played_season": pl.Int64, "career_games_last_1095_days": pl.Int64, "points_mean": pl.Float64}
    rows = pl.DataFrame(features, schema=schema, orient="row").with_columns(game_date=DAY)
    verdicts = slate_gates.judge_readiness(rows, ["points_mean"], [DAY + timedelta(days=1), DAY], min_games)
    assert verdicts.row(1, named=True) == {
        "game_date": DAY + timedelta(days=1), "ready": 0, "expected": 0, "share": 1.0, "is_open": True,
    }  # fmt: skip
    return {name: verdicts.row(0, named=True)[name] for name in ("ready", "expected", "is_open")}


def test_a_slate_is_ready_with_enough_complete_players() -> None:
    least, share = SETTINGS.predicting.least_games, SETTINGS.coverage.ready_block
    complete, incomplete = (least, 0, 20.0), (least, 0, None)
    number = round(100 * share)
    enough = [complete] * number + [incomplete] * (100 - number)
    assert readiness(*enough) == {"ready": number, "expected": 100, "is_open": True}
    assert readiness(*enough[1:], incomplete) == {"ready": number - 1, "expected": 100, "is_open": False}
    assert readiness(complete, (least - 1, 99, None)) == {"ready": 1, "expected": 1, "is_open": True}
    assert readiness((1, 0, None), (0, 0, None), (0, 1, 20.0), min_games=0) == {"ready": 1, "expected": 1, "is_open": True}


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

"""Due instants of modes, instants of captures, and the optional tables that a slate may lack."""

from datetime import UTC, date, datetime, timedelta

import pytest

from nba_pipeline import assets  # noqa: F401  # declares every table
from nba_pipeline.completeness.modes import (
    MODES,
    Mode,
    capture_instants,
    critical_tables,
    due_instants,
    may_proceed_without,
    tables_of_mode,
)
from nba_pipeline.league.calendar import EASTERN, eastern
from nba_pipeline.tables.declarations import daily_tables, declared

DAY = date(2026, 1, 15)
EVENING = [eastern(DAY, 19), eastern(DAY, 19, 30), eastern(DAY, 22)]
SAME_DAY = ["07:00", "09:00", "10:00", "11:30", "13:00", "16:00"]
SPRING_FORWARD, FALL_BACK = date(2026, 3, 8), date(2025, 11, 2)


def eastern_times(instants: list[datetime], day: date) -> list[str]:
    """Wall-clock times; those of another date with the difference in days."""
    local = [instant.astimezone(EASTERN) for instant in instants]
    return [f"{at:%H:%M}" + (f"{(at.date() - day).days:+d}" if at.date() != day else "") for at in local]


def due(mode: Mode, *tipoffs: datetime | None, day: date = DAY) -> list[str]:
    return eastern_times(due_instants(mode, day, tipoffs), day)


@pytest.mark.parametrize(
    ("mode", "expected"), [("overnight", ["06:00+1", "11:00+1"]), ("same_day", SAME_DAY), ("tomorrow", ["17:30-1"])]
)
def test_an_ordinary_slate(mode: Mode, expected: list[str]) -> None:
    assert due(mode, *EVENING) == expected


def test_instants_are_utc_and_in_order() -> None:
    for mode in MODES:
        instants = due_instants(mode, DAY, EVENING)
        assert instants == sorted(instants) and {at.tzinfo for at in instants} == {UTC}


@pytest.mark.parametrize(("mode", "expected"), [("overnight", ["06:00+1"]), ("same_day", ["07:00"]), ("tomorrow", ["17:30-1"])])
def test_a_slate_without_games_is_due_once(mode: Mode, expected: list[str]) -> None:
    assert due(mode) == expected


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        ((13, 0), SAME_DAY),  # six hours earlier is 07:00, which is due in any case
        ((12, 30), ["06:30", *SAME_DAY]),
        ((12, 0), ["06:00", *SAME_DAY]),
        ((2, 0), ["20:00-1", *SAME_DAY]),
    ],
)
def test_a_slate_that_begins_early_is_due_hours_before(first: tuple[int, int], expected: list[str]) -> None:
    assert due("same_day", eastern(DAY, *first), *EVENING) == expected


@pytest.mark.parametrize(
    ("last", "expected"),
    [
        ((15, 30), SAME_DAY[:5]),
        ((16, 0), SAME_DAY[:5]),  # the tip-off itself is too late
        ((16, 1), SAME_DAY),
        ((12, 0), ["06:00", *SAME_DAY[:4]]),
        ((2, 0), ["20:00-1"]),
    ],
)
def test_nothing_is_due_once_the_last_game_has_begun(last: tuple[int, int], expected: list[str]) -> None:
    assert due("same_day", eastern(DAY, *last)) == expected


def test_what_is_for_the_day_after_does_not_care_when_games_begin() -> None:
    for tipoff in (eastern(DAY, 2), eastern(DAY, 13), None):
        assert due("overnight", tipoff) == ["06:00+1", "11:00+1"]
        assert due("tomorrow", tipoff) == ["17:30-1"]


@pytest.mark.parametrize("tipoffs", [[None], [None, None], [eastern(DAY, 13), None]])
def test_a_game_whose_tip_off_is_not_known_may_be_late(tipoffs: list[datetime | None]) -> None:
    assert due("same_day", *tipoffs) == SAME_DAY


def test_an_unknown_tip_off_does_not_hide_an_early_one() -> None:
    assert due("same_day", eastern(DAY, 12), None) == ["06:00", *SAME_DAY]


@pytest.mark.parametrize("day", [FALL_BACK, SPRING_FORWARD], ids=["25 hours", "23 hours"])
@pytest.mark.parametrize("games", [True, False])
def test_the_clock_change_moves_no_wall_clock_time(day: date, games: bool) -> None:
    tipoffs = [eastern(day, 19)] if games else []
    assert due("same_day", *tipoffs, day=day) == (SAME_DAY if games else SAME_DAY[:1])
    assert due("overnight", *tipoffs, day=day) == (["06:00+1", "11:00+1"] if games else ["06:00+1"])
    assert due("tomorrow", *tipoffs, day=day) == ["17:30-1"]


@pytest.mark.parametrize(("day", "hours"), [(DAY, 23), (FALL_BACK, 24), (SPRING_FORWARD, 22)])
def test_from_the_first_call_to_the_next_morning_a_clock_change_shows_in_utc(day: date, hours: int) -> None:
    """On the night of each clock change, the morning is an hour further from or nearer to the evening before."""
    before = day - timedelta(days=1)
    morning = due_instants("overnight", before, [eastern(before, 19)])[0]
    assert morning - due_instants("same_day", before, [eastern(before, 19)])[0] == timedelta(hours=hours)


@pytest.mark.parametrize("day", [date(2025, 7, 1), date(2026, 6, 30)], ids=["first of the season", "last of the season"])
def test_the_edges_of_a_season_are_ordinary(day: date) -> None:
    assert due("same_day", day=day) == ["07:00"]
    assert due("same_day", eastern(day, 20), day=day) == SAME_DAY
    assert due("overnight", eastern(day, 20), day=day) == ["06:00+1", "11:00+1"]
    assert due("tomorrow", eastern(day, 20), day=day) == ["17:30-1"]


# Captures


def test_lines_are_captured_every_two_hours_and_closer_together_at_the_end() -> None:
    assert eastern_times(capture_instants([eastern(DAY, 19)]), DAY) == [
        "07:00", "09:00", "11:00", "13:00", "15:00", "17:00", "17:30", "18:15", "18:45", "18:55",
    ]  # fmt: skip


def test_games_at_the_same_time_share_their_captures() -> None:
    assert capture_instants([EVENING[0], EVENING[0]]) == capture_instants([EVENING[0]])
    both = capture_instants([eastern(DAY, 19), eastern(DAY, 21)])
    alone = {at for hour in (19, 21) for at in capture_instants([eastern(DAY, hour)])}
    assert both == sorted(alone) and len(both) == 15


def test_a_game_at_night_is_captured_from_the_afternoon_before() -> None:
    assert eastern_times(capture_instants([eastern(DAY, 2)]), DAY)[0] == "14:00-1"


@pytest.mark.parametrize(("day", "first"), [(FALL_BACK, "01:00"), (SPRING_FORWARD, "00:00")])
def test_captures_keep_their_distance_from_the_tip_off_over_a_clock_change(day: date, first: str) -> None:
    """Twelve hours before noon is 01:00 on a date of 25 hours; twelve hours before 13:00 is 00:00 on a date of 23 hours."""
    tipoff = eastern(day, 12 if day == FALL_BACK else 13)
    captures = capture_instants([tipoff])
    assert tipoff - captures[0] == timedelta(hours=12)
    assert eastern_times(captures, day)[0] == first


def test_without_a_game_nothing_is_captured() -> None:
    assert capture_instants([]) == []


# Patience


@pytest.mark.parametrize(
    ("hours", "allowed"), [(0.0, 0), (0.5, 0), (0.99, 0), (1.0, 1), (1.99, 1), (2.0, 2), (3.99, 2), (4.0, 99), (30.0, 99)]
)
@pytest.mark.parametrize("until", [None, timedelta(hours=5)])
def test_the_longer_it_was_waited_the_less_is_waited_for(hours: float, allowed: int, until: timedelta | None) -> None:
    found = [missing for missing in (0, 1, 2, 3, 99) if may_proceed_without(missing, timedelta(hours=hours), until)]
    assert found == [missing for missing in (0, 1, 2, 3, 99) if missing <= allowed]


@pytest.mark.parametrize(("minutes", "is_over"), [(61, False), (60, True), (1, True), (0, True), (-90, True)])
def test_shortly_before_the_first_tip_off_the_waiting_is_over(minutes: int, is_over: bool) -> None:
    assert may_proceed_without(99, timedelta(0), timedelta(minutes=minutes)) == is_over


# The lists


def test_what_a_mode_brings_is_in_the_order_of_the_path() -> None:
    for mode in MODES:
        tables = tables_of_mode(mode)
        assert critical_tables(mode) <= set(tables) <= set(daily_tables()), mode
        for table in tables:
            before = [name for name in declared()[table].needs if name in tables]
            assert all(tables.index(name) < tables.index(table) for name in before), (mode, table)
        assert len(set(tables)) == len(tables), mode


def test_every_daily_table_belongs_to_a_mode() -> None:
    assert {table for mode in MODES for table in tables_of_mode(mode)} == set(daily_tables())

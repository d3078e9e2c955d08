"""Decisions on the scoreboard, minute by minute through an evening. Sends no requests."""

import json
from collections.abc import Iterable
from datetime import date, datetime, timedelta

import pytest

from nba_pipeline.completeness.gates import deadline
from nba_pipeline.league.calendar import eastern
from nba_pipeline.league.eastern_text import eastern_text
from nba_pipeline.orchestration.boxscore_polling import (
    Decision,
    Memory,
    Pending,
    cursor_of,
    decide,
    is_watched,
    new_memory,
    remembered,
)
from nba_pipeline.settings import SETTINGS

DAY = date(2026, 1, 15)
NEXT = DAY + timedelta(days=1)
EARLY, LATE = eastern(DAY, 19), eastern(DAY, 22)
LONGEST = timedelta(hours=SETTINGS.patience.longest_game_hours)
LIMIT = timedelta(minutes=SETTINGS.patience.longest_poll_minutes)


class Night:
    """A date's two games, the memory of the sensor, and the requests so far as (minute since the first tip-off, why)."""

    def __init__(self, memory: Memory | None = None, **games: datetime):
        self.games = games or {"A": EARLY, "B": LATE}
        self.memory = memory or Memory()
        self.listed = frozenset(self.games)
        self.last: Decision = Decision(False, "", self.memory)
        self.reasons: list[str] = []
        self.given_up: list[str] = []

    def evaluate(self, now: datetime, *final: str) -> bool:
        """One decision. The memory is written to the cursor and read back each time."""
        pending = Pending(DAY, self.games, deadline(DAY), {"B": "DEN@LAL"})
        self.last = decide(pending, frozenset(final), self.listed, self.memory, now)
        self.memory = remembered(cursor_of({DAY: self.last.memory}))[DAY]
        self.reasons += [self.last.why] if self.last.collects else []
        self.given_up += [self.last.why] if self.last.gives_up else []
        return self.last.collects

    def completed(self, *games: str) -> None:
        self.games = {game: tipoff for game, tipoff in self.games.items() if game not in games}

    def every_half_minute(self, since: datetime, until: datetime, *final: str) -> list[datetime]:
        """The instants of the requests."""
        instants = [since + timedelta(seconds=30 * n) for n in range(int((until - since) / timedelta(seconds=30)) + 1)]
        return [now for now in instants if self.evaluate(now, *final)]


def minutes(instants: Iterable[datetime], since: datetime) -> list[float]:
    return [(at - since) / timedelta(minutes=1) for at in instants]


# An ordinary evening


def test_nothing_is_requested_before_the_first_tip_off() -> None:
    night = Night()
    assert not night.evaluate(EARLY - timedelta(hours=1))
    assert night.last.why == "the first tip-off is at 2026-01-15 19:00 US Eastern"


def test_a_game_in_play_is_waited_for() -> None:
    night = Night()
    assert not night.evaluate(EARLY + timedelta(hours=2))
    assert night.last.why == "game A in play"
    assert not night.evaluate(LATE + timedelta(minutes=1))
    assert night.last.why == "2 games in play"


def test_each_final_is_collected_at_once() -> None:
    night = Night()
    first, second = EARLY + timedelta(minutes=140), LATE + timedelta(minutes=140)
    assert night.evaluate(first, "A")
    night.completed("A")
    assert night.every_half_minute(first, second - timedelta(seconds=30), "A") == []
    assert night.evaluate(second, "A", "B")
    night.completed("B")
    assert night.every_half_minute(second, second + timedelta(hours=2), "A", "B") == []
    assert night.reasons == ["game A ended", "game B ended"]
    assert night.memory.requests == 2


def test_games_that_end_together_are_one_request() -> None:
    night = Night()
    assert night.evaluate(LATE, "A", "B")
    assert night.reasons == ["2 games ended"]


def test_a_final_does_not_wait_for_an_earlier_late_box_score() -> None:
    night = Night()
    end = LATE + timedelta(hours=2)
    night.every_half_minute(end, end + timedelta(hours=1), "A")
    assert night.memory.in_a_row > 3
    assert night.evaluate(end + timedelta(hours=1, seconds=30), "A", "B")
    assert night.reasons[-1] == "game B ended"
    assert night.memory.in_a_row == 0  # A is polled frequently again, together with B


# A box score that is late


def test_a_late_box_score_is_requested_at_growing_intervals() -> None:
    night = Night(A=EARLY)
    end = EARLY + timedelta(minutes=140)
    requests = minutes(night.every_half_minute(end, end + timedelta(hours=4), "A"), end)
    assert requests == [0, 1, 3, 7, 15, 31, 61, 91, 121, 151, 181, 211]
    late = "no complete box score of game A yet, attempt"
    assert night.reasons[:3] == ["game A ended", f"{late} 2", f"{late} 3"]


def test_between_two_attempts_the_reason_has_the_next_instant() -> None:
    night = Night(A=EARLY)
    end = EARLY + timedelta(minutes=140)
    night.evaluate(end, "A")
    assert not night.evaluate(end + timedelta(seconds=30), "A")
    next_at = eastern_text(end + timedelta(minutes=1))
    assert night.last.why == f"no complete box score of game A yet; the next attempt is at {next_at}"


def test_a_date_is_given_up_once_at_the_deadline() -> None:
    night = Night(A=EARLY)
    requests = night.every_half_minute(EARLY + timedelta(minutes=140), eastern(NEXT, 14), "A")
    assert requests[-1] < eastern(NEXT, 12) <= requests[-1] + LIMIT
    assert night.given_up == ["no complete box score of game A by the deadline, 2026-01-16 12:00 US Eastern"]
    assert night.memory.is_given_up


def test_a_date_that_completes_after_the_deadline_raises_no_alert() -> None:
    night = Night(A=EARLY)
    night.every_half_minute(EARLY + timedelta(minutes=140), EARLY + timedelta(minutes=150), "A")
    night.completed("A")
    assert not night.evaluate(eastern(NEXT, 13))
    assert (night.last.why, night.given_up) == ("every ended game has a complete box score", [])


def test_a_date_that_becomes_incomplete_again_keeps_its_request_count() -> None:
    """A correction makes a complete game incomplete. A request with an old number would repeat a run key."""
    night = Night(A=EARLY)
    end = EARLY + timedelta(minutes=140)
    night.evaluate(end, "A")
    night.completed("A")
    night.evaluate(end + timedelta(minutes=1), "A")
    night.games = {"A": EARLY}
    assert night.evaluate(end + timedelta(minutes=2), "A")
    assert night.memory.requests == 2


# Games that the scoreboard omits or shows wrongly


def test_a_game_that_the_scoreboard_does_not_list_is_over_some_hours_after_its_tip_off() -> None:
    night = Night(A=EARLY)
    night.listed = frozenset()
    assert night.every_half_minute(EARLY, EARLY + LONGEST - timedelta(seconds=30)) == []
    assert night.evaluate(EARLY + LONGEST)
    assert night.reasons == ["game A ended"]


def test_a_listed_game_is_never_assumed_over() -> None:
    """During an overtime or a long delay, the state on the scoreboard is authoritative."""
    night = Night(A=EARLY)
    assert night.every_half_minute(EARLY, EARLY + 2 * LONGEST) == []
    assert night.last.why == "game A in play"


def test_a_postponed_game_causes_no_request_and_no_alert() -> None:
    """The next read of the schedule removes it from the pending games. Until then the scoreboard lists it as not final."""
    night = Night(A=EARLY)
    assert night.every_half_minute(EARLY, eastern(NEXT, 12, 59)) == []
    assert night.last.why == "past the deadline without a request; the reconciliation collects the date"
    assert night.given_up == []


def test_a_game_removed_from_the_schedule_is_forgotten() -> None:
    night = Night()
    night.evaluate(LATE + timedelta(minutes=140), "A", "B")
    night.completed("A")
    assert night.every_half_minute(LATE + timedelta(minutes=141), LATE + timedelta(minutes=145), "A", "B") != []
    night.completed("B")  # postponed: no game is pending any more
    assert not night.evaluate(eastern(NEXT, 12))
    assert night.memory == Memory(requests=night.memory.requests)


def test_a_game_that_never_ends_is_given_up_once_after_the_reconciliation() -> None:
    night = Night(A=EARLY)
    assert night.every_half_minute(eastern(NEXT, 11, 58), eastern(NEXT, 13, 5)) == []
    assert len(night.given_up) == 1


def test_after_days_of_downtime_the_reconciliation_comes_first() -> None:
    night, later = Night(A=EARLY), eastern(NEXT, 12) + timedelta(days=1)
    assert night.every_half_minute(later, later + timedelta(minutes=59)) == [] and night.given_up == []
    night.every_half_minute(later + timedelta(minutes=59), later + timedelta(minutes=65))
    assert len(night.given_up) == 1


# A daemon after a downtime


def test_games_that_ended_during_a_downtime_are_one_request() -> None:
    night = Night()
    assert night.evaluate(eastern(NEXT, 3), "A", "B")
    assert len(night.reasons) == 1


def test_a_daemon_that_starts_after_the_deadline_leaves_it_to_the_reconciliation() -> None:
    night = Night()
    assert night.every_half_minute(eastern(NEXT, 12), eastern(NEXT, 12, 59), "A", "B") == []
    assert night.last.why == "past the deadline without a request; the reconciliation collects the date"
    assert night.given_up == []


def test_a_restarted_daemon_continues_its_intervals() -> None:
    night = Night(A=EARLY)
    end = EARLY + timedelta(minutes=140)
    night.every_half_minute(end, end + timedelta(minutes=20), "A")
    restarted = Night(remembered(cursor_of({DAY: night.memory}))[DAY], A=EARLY)
    assert not restarted.evaluate(end + timedelta(minutes=30), "A")
    assert restarted.evaluate(end + timedelta(minutes=31), "A")
    assert restarted.memory.requests == night.memory.requests + 1


# The edges


@pytest.mark.parametrize(
    ("day", "hours"), [(date(2025, 11, 1), 18), (date(2025, 11, 2), 17), (date(2026, 3, 7), 16), (date(2026, 3, 8), 17)]
)
def test_the_deadline_is_noon_eastern_on_clock_changes_too(day: date, hours: int) -> None:
    tipoff = eastern(day, 19)
    pending = Pending(day, {"A": tipoff}, deadline(day))
    assert is_watched(pending, pending.deadline - timedelta(seconds=1)) and not is_watched(pending, pending.deadline)
    assert pending.deadline - tipoff == timedelta(hours=hours)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (EARLY - timedelta(seconds=1), False),
        (EARLY, True),
        (eastern(NEXT, 11, 59), True),
        (eastern(NEXT, 12), False),
    ],
)
def test_the_scoreboard_is_read_from_the_tip_off_to_the_deadline(now: datetime, expected: bool) -> None:
    assert is_watched(Pending(DAY, {"A": EARLY, "B": LATE}, deadline(DAY)), now) == expected


def test_nothing_pending_is_not_watched() -> None:
    assert not is_watched(Pending(DAY, {}, deadline(DAY)), LATE)


# The cursor


def test_a_cursor_reads_back() -> None:
    memories = {NEXT: Memory(), DAY: Memory(("A", "B"), 4, 2, LATE.isoformat(), is_given_up=True)}
    assert remembered(cursor_of(memories)) == memories
    assert list(json.loads(cursor_of(memories))) == [DAY.isoformat(), NEXT.isoformat()]


def test_a_cursor_of_an_earlier_commit_keeps_its_requests() -> None:
    cursor = f'{{"{DAY}": {{"asked": ["A"], "requests": 4, "in_a_row": 2, "next_at": "", "is_given_up": false, "seen_at": ""}}}}'
    assert remembered(cursor) == {DAY: Memory(("A",), 4, 2)}


@pytest.mark.parametrize("cursor", [None, "", "{}"])
def test_an_empty_cursor_has_no_memories(cursor: str | None) -> None:
    assert remembered(cursor) == {}


@pytest.mark.parametrize("cursor", ["not JSON", "[]", '{"2026-01-15": 3}', '{"yesterday": {}}', '{"2026-01-15": {"asked": 5}}'])
def test_an_unreadable_cursor_is_an_error_and_new_memories_have_new_run_keys(cursor: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        remembered(cursor)
    now = eastern(date(2026, 1, 15), 12)
    assert new_memory(now).requests < new_memory(now + timedelta(minutes=1)).requests

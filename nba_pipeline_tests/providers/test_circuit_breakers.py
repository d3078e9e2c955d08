"""Circuit breakers: states derived from the journal.

Two tempting changes would break them silently: counting requests that a breaker itself refused, so that it never closes, and
counting a provider's outage as failures of the games requested during it.
"""

import io
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from rich.console import Console

from nba_pipeline.cli.rendering import print_breakers
from nba_pipeline.instance.clock import Clock
from nba_pipeline.providers.circuit_breakers import Breaker, History, breakers_not_closed, recent_history
from nba_pipeline.settings import SETTINGS
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payloads import Slot

NOON = datetime(2024, 3, 12, 12, tzinfo=UTC)
BOX, OTHER_BOX = (Slot("nba_cdn", "boxscore", game, date(2024, 3, 12)) for game in ("0022300945", "0022300946"))
PLAYS, OTHER_PLAYS = (Slot("nba_cdn", "playbyplay", game, date(2024, 3, 12)) for game in ("0022300945", "0022300946"))
SCHEDULE = Slot("nba_cdn", "schedule", "season", season="2023-24")


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


class Journal:
    """Writes a landing's journal as the client does, one request per second."""

    def __init__(self, home: Path):
        self.home, self.seconds = str(home), 0.0

    def landing(self, seconds: float | None = None) -> Landing:
        return Landing(home=self.home, clock=Clock(fixed_at=after(self.seconds if seconds is None else seconds).isoformat()))

    def fails(self, slot: Slot = BOX, times: int = 1, status: int = 503, attempts: int = 3) -> None:
        for _ in range(times):
            self.landing().note(slot, "failed", statuses=[status] * attempts, problem=f"{slot.name}: status {status}")
            self.seconds += 1

    def is_not_sent(self, slot: Slot = BOX, times: int = 1) -> None:
        for _ in range(times):
            self.landing().note(slot, "failed", problem=f"{slot.provider} is not sent")
            self.seconds += 1

    def succeeds(self, slot: Slot = OTHER_BOX, body: bytes = b"{}") -> None:
        self.landing().keep(slot, body, fetched_at=after(self.seconds), statuses=[200])
        self.seconds += 1

    def is_rejected(self, slot: Slot = BOX) -> None:
        landing = self.landing()
        landing.reject(landing.keep(slot, b"<html>", fetched_at=after(self.seconds)), f"{slot.name}: not JSON")
        self.seconds += 1

    def not_closed(self, seconds: float | None = None) -> list[Breaker]:
        """Returns the states that are not closed at an instant, by default now.

        The whole journal gives the same states as the recent part that `breakers_not_closed` reads: no line within the window
        is lost. Lines outside of the window are left out here as there.
        """
        landing = self.landing(seconds)
        states, now = breakers_not_closed(landing), landing.clock.now()
        first = now - timedelta(hours=SETTINGS.breakers.remembered_hours)
        lines = [line for line in landing.requests() if first <= datetime.fromisoformat(line["fetched_at"]) <= now]
        lines.sort(key=lambda line: str(line["fetched_at"]))
        assert states == History.of(lines, now).not_closed(now)
        return states

    def states(self, seconds: float | None = None) -> dict[str, str]:
        return {breaker.subject: breaker.state for breaker in self.not_closed(seconds)}


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path)


# Providers


def test_a_provider_opens_after_five_failures_in_a_row(journal: Journal) -> None:
    journal.fails(BOX, times=4)
    assert journal.not_closed() == []
    journal.fails(SCHEDULE)
    assert journal.not_closed() == [
        Breaker("nba_cdn", "open", 5, since=after(0), until=after(304), problem="nba_cdn schedule season: status 503")
    ]


def test_a_breaker_is_half_open_at_the_end_of_the_open_period(journal: Journal) -> None:
    journal.fails(times=5)
    assert [journal.states(seconds) for seconds in (5, 303.9, 304)] == [
        {"nba_cdn": state} for state in ("open", "open", "half_open")
    ]


@pytest.mark.parametrize(
    "answer",
    [
        lambda journal: journal.succeeds(OTHER_BOX),
        lambda journal: journal.is_rejected(OTHER_BOX),
        lambda journal: journal.landing().note(OTHER_BOX, "not_yet", statuses=[404]),
        lambda journal: journal.landing().note(OTHER_BOX, "failed", statuses=[401]),
    ],
    ids=["accepted", "rejected", "not yet", "key refused"],
)
def test_any_response_ends_the_failures_in_a_row_of_a_provider(answer: Callable[[Journal], None], journal: Journal) -> None:
    journal.fails(times=4)
    answer(journal)
    journal.seconds += 1
    journal.fails(times=4)
    assert journal.not_closed() == []


@pytest.mark.parametrize(("requests", "states"), [(1, {}), (2, {"nba_cdn": "open"})])
def test_ten_429_in_a_row_open_a_provider(requests: int, states: dict[str, str], journal: Journal) -> None:
    journal.fails(times=requests, status=429, attempts=5)
    assert journal.states() == states


def test_429_before_another_failure_is_not_in_a_row(journal: Journal) -> None:
    journal.landing().note(BOX, "failed", statuses=[429] * 8 + [503])
    journal.fails(status=429, attempts=5)
    assert journal.not_closed() == []


def test_a_failed_trial_reopens_the_breaker_for_any_status(journal: Journal) -> None:
    journal.fails(times=2, status=429, attempts=5)
    journal.seconds = 400
    journal.fails(status=500)
    assert [(b.state, b.failures, b.until) for b in journal.not_closed()] == [("open", 3, after(700))]


def test_requests_that_were_not_sent_do_not_count(journal: Journal) -> None:
    journal.fails(times=4)
    journal.is_not_sent(times=3)
    assert journal.not_closed() == []
    journal.fails()
    journal.is_not_sent(times=50)
    assert [(b.failures, b.until, b.problem) for b in journal.not_closed()] == [
        (5, after(307), "nba_cdn boxscore 0022300945: status 503")
    ]


def test_each_provider_has_its_own_breaker(journal: Journal) -> None:
    for _ in range(5):
        journal.fails()
        journal.succeeds(Slot("espn", "injuries", "league", date(2024, 3, 12)))
    assert journal.states() == {"nba_cdn": "open"}


def test_lines_count_in_the_order_of_their_instants(journal: Journal) -> None:
    """A run that started earlier receives its response later."""
    early = journal.landing(9)
    early.note(SCHEDULE, "reused")
    journal.fails(times=5)
    assert journal.states() == {"nba_cdn": "open"}
    early.note(SCHEDULE, "not_yet", statuses=[404])
    assert journal.states(10) == {}


ODDS, REPORT = Slot("odds_api", "events", "slate", date(2024, 3, 12)), Slot("injury_report", "report", "x", date(2024, 3, 12))


def forbidden(journal: Journal, slot: Slot, times: int) -> None:
    for _ in range(times):
        journal.landing().note(slot, "not_yet", statuses=[403], problem=f"{slot.name} is not published (403)")
        journal.seconds += 1


@pytest.mark.parametrize(("slot", "limit"), [(ODDS, 4), (REPORT, 39)], ids=["odds", "injury report"])
def test_repeated_403_open_a_provider(slot: Slot, limit: int, journal: Journal) -> None:
    forbidden(journal, slot, limit)
    assert journal.not_closed() == []
    forbidden(journal, slot, 1)
    [breaker] = journal.not_closed()
    assert (breaker.subject, breaker.state, breaker.failures) == (slot.provider, "open", limit + 1)


def test_a_response_between_403_resets_the_count_and_403_of_game_files_do_not_count(journal: Journal) -> None:
    forbidden(journal, ODDS, 4)
    journal.succeeds(ODDS)
    forbidden(journal, ODDS, 4)
    forbidden(journal, BOX, 60)
    assert journal.not_closed() == []


def test_after_the_open_period_403_are_counted_from_zero(journal: Journal) -> None:
    forbidden(journal, ODDS, 5)
    journal.seconds = 400
    forbidden(journal, ODDS, 4)
    assert journal.not_closed() == []
    forbidden(journal, ODDS, 1)
    assert journal.states() == {"odds_api": "open"}


def test_403_do_not_count_as_exhausted_attempts(journal: Journal) -> None:
    forbidden(journal, ODDS, 3)
    journal.fails(ODDS, times=4)
    assert journal.not_closed() == []
    journal.fails(ODDS)
    assert journal.states() == {"odds_api": "open"}


# Entities


def fail_repeatedly(journal: Journal, times: int, slot: Slot = BOX) -> None:
    """A game is rejected or fails while the endpoint answers for another game."""
    for number in range(times):
        if number % 2:
            journal.fails(slot)
        else:
            journal.is_rejected(slot)
        journal.succeeds(OTHER_BOX, body=str(number).encode())


def test_an_entity_opens_after_five_failures_or_rejections_in_a_row(journal: Journal) -> None:
    fail_repeatedly(journal, 4)
    assert journal.not_closed() == []
    journal.is_rejected()
    assert journal.not_closed() == [
        Breaker(
            "nba_cdn boxscore 0022300945 (2024-03-12)",
            "open",
            5,
            since=after(0),
            until=after(8) + timedelta(hours=24),
            problem="nba_cdn boxscore 0022300945: not JSON",
        )
    ]


def test_an_entity_is_half_open_after_a_day(journal: Journal) -> None:
    fail_repeatedly(journal, 5)
    day = timedelta(hours=24).total_seconds()
    assert list(journal.states(8 + day - 1).values()) == ["open"] and list(journal.states(8 + day).values()) == ["half_open"]


@pytest.mark.parametrize(
    "outcome",
    [lambda journal: journal.succeeds(BOX, b"good"), lambda journal: journal.landing().note(BOX, "not_yet", statuses=[404])],
    ids=["accepted", "not yet"],
)
def test_a_response_ends_the_failures_in_a_row_of_an_entity(outcome: Callable[[Journal], None], journal: Journal) -> None:
    fail_repeatedly(journal, 4)
    outcome(journal)
    journal.seconds += 1
    fail_repeatedly(journal, 1)
    assert journal.not_closed() == []


@pytest.mark.parametrize(
    ("landed", "states"), [(PLAYS, []), (OTHER_PLAYS, ["open"]), (SCHEDULE, ["open"])], ids=["its own", "of another", "of none"]
)
def test_a_landed_payload_of_another_endpoint_closes_the_breaker_of_its_entity(
    landed: Slot, states: list[str], journal: Journal
) -> None:
    journal.succeeds(landed, b"before")
    fail_repeatedly(journal, 5)
    assert list(journal.states().values()) == ["open"]
    journal.succeeds(landed, b"after")
    assert list(journal.states().values()) == states


def test_a_rejected_payload_of_another_endpoint_does_not_close_the_breaker(journal: Journal) -> None:
    fail_repeatedly(journal, 5)
    journal.is_rejected(PLAYS)
    assert list(journal.states().values()) == ["open"]


def test_an_outage_of_the_provider_opens_no_entity(journal: Journal) -> None:
    """Every trial within an hour requests the same game."""
    for _ in range(12):
        journal.fails(BOX)
        journal.seconds += 300
    assert journal.states() == {"nba_cdn": "half_open"}
    journal.succeeds(OTHER_BOX)
    assert journal.not_closed() == []


def test_an_endpoint_that_rejects_every_entity_opens_no_entity(journal: Journal) -> None:
    """A maintenance page has the status 200, and the schedule is the only entity of its endpoint."""
    for _ in range(12):
        for slot in (BOX, OTHER_BOX, SCHEDULE):
            journal.is_rejected(slot)
        journal.succeeds(PLAYS)
    assert journal.not_closed() == []


# The journal


def test_a_fixed_clock_at_the_last_failure_permits_trials(journal: Journal) -> None:
    """A fixed clock would never reach the end of the open period."""
    journal.fails(times=5)
    assert [(b.state, b.until) for b in journal.not_closed(4)] == [("half_open", after(4))]
    assert journal.states(5) == {"nba_cdn": "open"}


def test_later_failures_do_not_count_for_a_clock_in_the_past(journal: Journal) -> None:
    journal.seconds = 1000
    journal.fails(times=5)
    assert journal.states(500) == {} and journal.states(1010) == {"nba_cdn": "open"}


def test_failures_older_than_the_history_do_not_count(journal: Journal) -> None:
    journal.fails(times=5)
    hours = timedelta(hours=36).total_seconds()
    assert journal.states(hours) == {"nba_cdn": "half_open"} and journal.states(hours + 1) == {}


def test_without_a_journal_every_breaker_is_closed(journal: Journal) -> None:
    assert journal.not_closed() == []


DAMAGED_LINES = {
    "zeros": b"\0\0\0\n",
    "fields missing": b'{"kind":"request","outcome":"failed"}\n',
    "cut off": b'{"kind":"request","outcome}\n',
    "not UTF-8": b'{"kind":"request","fetched_at":"\xff\xfe"}\n',
    "another instant": b'{"kind":"request","fetched_at":"2024-03-12T12:00:xx","outcome":"failed"}\n',
    "two lines in one": b'{"kind":"requ{"kind":"request","as_of":"2024-03-12T12:00:00+00:00"}\n',
}


@pytest.mark.parametrize("line", DAMAGED_LINES.values(), ids=DAMAGED_LINES)
def test_a_damaged_line_is_skipped_and_named(line: bytes, journal: Journal) -> None:
    journal.fails(times=5)
    path = next(Path(journal.home, "landing", "journal").iterdir())
    content = path.read_bytes()
    path.write_bytes(content + line + content.splitlines(keepends=True)[-1])
    [breaker] = breakers_not_closed(journal.landing())
    assert (breaker.subject, breaker.state) == ("nba_cdn", "open")
    assert recent_history(journal.landing()).of_provider("espn", NOON).state == "closed"
    journal.landing().incidents()
    number = len(content.splitlines()) + 1
    assert [notice.subject for notice in journal.landing().notices()] == [f"landing/journal/{path.name}:{number}"]
    assert [states.number for states in journal.landing().damaged_lines()] == [number]
    assert path.read_bytes().startswith(content + line)


def test_a_folder_in_place_of_a_journal_opens_every_breaker_and_is_named(journal: Journal) -> None:
    journal.fails()
    path = Path(journal.home, "landing", "journal", f"{int(NOON.timestamp()):d}000000000".zfill(20) + "_x.jsonl")
    path.mkdir()
    [breaker] = breakers_not_closed(journal.landing())
    assert path.name in breaker.problem


def test_old_journals_are_not_opened(journal: Journal) -> None:
    journal.fails(times=5)
    for day in range(1000):
        at = int((NOON - timedelta(days=2 + day)).timestamp())
        Path(journal.home, "landing", "journal", f"{at:011d}000000000_old.jsonl").write_text("not a journal\n")
    assert [breaker.subject for breaker in breakers_not_closed(journal.landing())] == ["nba_cdn"]


# Messages


def printed(states: list[Breaker]) -> str:
    text = io.StringIO()
    print_breakers(states, Console(file=text, width=200))
    return text.getvalue()


def test_breakers_are_printed_with_their_instants_and_problems(journal: Journal) -> None:
    journal.fails(times=5)
    text = printed(journal.not_closed())
    for word in ("nba_cdn", "open", " 5 ", "2024-03-12 08:00:00", "2024-03-12 08:05:04", "boxscore 0022300945: status 503"):
        assert word in text
    assert printed([]) == "every breaker is closed\n"
    assert "[Errno 21] no" in printed([Breaker("every provider", "open", problem="[Errno 21] no")])

"""Messages to readers over real HTTP: once per publication, and no other."""

import logging
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from nba_pipeline.instance.clock import Clock
from nba_pipeline.monitoring.deliveries import MESSAGE_DELIVERIES, undelivered_messages
from nba_pipeline.monitoring.webhook import is_refused, post_document
from nba_pipeline.orchestration import slate_messages
from nba_pipeline.orchestration.slate_messages import PAST, SUPERSEDED, announce, message_document
from nba_pipeline.publishing.export import slate_files, write_local
from nba_pipeline.publishing.place import PublicFiles
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import frame_of
from nba_pipeline_tests.monitoring.webhook import SECRET, Slack, listening
from nba_pipeline_tests.publishing.test_slate import DAY, NOON, document, rows

pytestmark = pytest.mark.slow

SLATE = document(rows())
RETRY = timedelta(minutes=SETTINGS.deliveries.first_wait_minutes)
HOUR = timedelta(hours=1)


class Home:
    """A home with publications, and a receiver of its messages."""

    def __init__(self, folder: Path, slack: Slack):
        self.folder, self.slack, self.warehouse = folder, slack, LocalWarehouse(home=str(folder))

    def publish(self, *picks: int) -> None:
        """The publications of DAY with these numbers of picks."""
        row = {"game_date": DAY, "published_at": NOON, "first_tipoff_at": NOON + HOUR, "predictions": 10, "manifest_sha256": "a"}
        made = [row | {"publication_number": number, "picks": count} for number, count in enumerate(picks, 1)]
        self.warehouse.add(TABLES["publications"], [DAY], frame_of(TABLES["publications"], *made), "test")
        write_local(self.folder, slate_files(SLATE, "page"))

    def announce(self, *slates: Any, now: datetime = NOON, **fields: Any) -> list[str]:
        """One export, in a process of its own."""
        public = PublicFiles(home=str(self.folder), webhook_url=self.slack.url, url="https://nba.example.org", **fields)
        return announce(public, LocalWarehouse(home=str(self.folder)), Clock(fixed_at=now.isoformat()), slates)

    def states(self) -> list[tuple[int, int, str]]:
        """Publication, attempt and state of each row, in the order of writing."""
        rows = self.warehouse.scan(MESSAGE_DELIVERIES).select("number", "attempt", "state", "reason").collect().rows()
        return sorted((row[:3] for row in rows), key=lambda row: (row[0], row[1], row[2] != "pending"))


@pytest.fixture
def home(tmp_path: Path) -> Any:
    with listening() as slack:
        yield Home(tmp_path, slack)


def test_a_publication_has_one_message_with_the_link(home: Home) -> None:
    home.publish(1)
    assert [home.announce(SLATE), home.announce(SLATE), home.announce()] == [[], [], []]
    [text] = home.slack.texts
    assert text.splitlines()[3] == f"https://nba.example.org/{DAY}.html" and len(text.splitlines()) == 4
    assert home.states() == [(1, 1, "pending"), (1, 1, "sent")]


def test_a_webhook_that_names_an_unreadable_secret_claims_no_message(home: Home) -> None:
    home.publish(1)
    public = PublicFiles(home=str(home.folder), webhook_url="sm://nba")
    [problem] = announce(public, home.warehouse, Clock(fixed_at=NOON.isoformat()), [SLATE])
    assert "NBA_PIPELINE_PUBLIC_WEBHOOK must name a secret as sm://PROJECT/SECRET" in problem
    assert home.states() == [] and home.announce(SLATE) == [] and len(home.slack.sent) == 1


def test_two_exports_at_once_send_one_message(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.publish(1)
    send = slate_messages._send

    def send_during_another_export(*arguments: Any) -> str:
        monkeypatch.setattr(slate_messages, "_send", send)
        assert home.announce(SLATE) == [] and home.slack.sent == []
        return send(*arguments)

    monkeypatch.setattr(slate_messages, "_send", send_during_another_export)
    assert home.announce(SLATE) == [] and len(home.slack.sent) == 1


def test_a_later_publication_has_a_message_if_it_has_picks(home: Home) -> None:
    for picks, messages in (((0,), 1), ((0, 0), 1), ((0, 0, 2), 2), ((0, 0, 2, 0), 2)):
        home.publish(*picks)
        home.announce(SLATE)
        assert len(home.slack.sent) == messages, picks


def test_a_slate_without_a_publication_or_of_a_past_date_has_no_message(home: Home) -> None:
    home.announce(SLATE)
    home.publish(1)
    home.announce(SLATE, now=NOON + 24 * HOUR)
    assert home.slack.sent == [] and home.states() == []


def test_a_refused_message_is_sent_again_when_it_is_due(home: Home, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    home.publish(1)
    home.slack.status = 503
    [problem] = home.announce(SLATE)
    assert (
        problem
        == f"the message about the published slate of {DAY} is not delivered yet after 1 attempt: the webhook answered 503"
    )
    assert undelivered_messages(home.warehouse, [DAY]) == {DAY: [problem]}
    home.slack.status = 200
    home.announce(now=NOON + RETRY - timedelta(seconds=1))
    assert len(home.slack.sent) == 1
    assert home.announce(now=NOON + RETRY) == home.announce(now=NOON + HOUR) == []
    assert home.states() == [(1, 1, "pending"), (1, 1, "failed"), (1, 2, "pending"), (1, 2, "sent")]
    assert len(home.slack.sent) == 2
    assert not any(
        SECRET in text for text in (caplog.text, problem, home.warehouse.scan(MESSAGE_DELIVERIES).collect().write_csv())
    )


def test_a_message_without_an_answer_is_not_repeated(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers may have received it. The same holds for the claim of a process that died."""
    home.publish(1)
    monkeypatch.setattr(home.slack, "delay_seconds", 30.0)
    monkeypatch.setattr(slate_messages, "post_document", lambda *arguments: post_document(*arguments[:2], 3.0))
    [problem] = home.announce(SLATE)
    assert problem.endswith("was not delivered: given up after 1 attempt, last reason: no answer within 3 seconds")
    home.publish(1, 1)
    monkeypatch.setattr(slate_messages, "post_document", killed)
    with pytest.raises(KeyboardInterrupt):
        home.announce(SLATE)
    monkeypatch.undo()
    assert home.announce(SLATE, now=NOON + HOUR) == [] and len(home.slack.sent) == 1
    assert home.states() == [(1, 1, "pending"), (1, 1, "given_up"), (2, 1, "pending")]


def killed(*_: object) -> str:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("no answer within 10 seconds", False), ("ReadError", False), ("ConnectError", True), ("the webhook answered 500", True)],
)
def test_only_a_message_that_was_certainly_not_accepted_is_refused(reason: str, expected: bool) -> None:
    assert is_refused(reason) is expected


@pytest.mark.parametrize(("picks", "hours", "reason"), [((0, 2), 1, SUPERSEDED), ((0,), 24, PAST)])
def test_a_refused_message_that_is_no_longer_news_is_given_up(
    home: Home, picks: tuple[int, ...], hours: int, reason: str
) -> None:
    home.publish(0)
    home.slack.status = 503
    home.announce(SLATE)
    home.slack.status = 200
    home.publish(*picks)
    home.announce(SLATE, now=NOON + timedelta(minutes=1))
    home.announce(SLATE, now=NOON + hours * HOUR)
    assert len(home.slack.sent) == len(picks) and (1, 1, "given_up") in home.states()
    given_up = home.warehouse.scan(MESSAGE_DELIVERIES).filter(state="given_up").collect()["reason"].to_list()
    assert given_up == [f"the webhook answered 503; {reason}"]


def test_a_damaged_document_is_named_and_its_message_stays_due(home: Home) -> None:
    home.publish(1)
    home.slack.status = 503
    home.announce(SLATE)
    write_local(home.folder, {f"v1/slate/{DAY}.json": b"{}"})
    [problem] = home.announce(now=NOON + RETRY)
    assert problem.startswith("the messages about slates cannot be sent: ") and home.states()[-1] == (1, 1, "failed")


@pytest.mark.parametrize("table", ["publications", "alert_message_deliveries"])
def test_an_unreadable_ledger_sends_nothing(home: Home, table: str) -> None:
    """Whether the message was sent is then unknown."""
    home.publish(1)
    if table != "publications":
        home.announce(SLATE)
    sent = len(home.slack.sent)
    part = home.folder / "tables" / table / f"game_date={DAY}" / "part.parquet"
    part.unlink()
    part.write_bytes(b"garbage")
    problems = home.announce(SLATE)
    assert len(home.slack.sent) == sent and (not problems or problems[0].startswith("the messages about slates cannot be sent: "))


@pytest.mark.parametrize("path", ["/services/", "/api/webhooks/"])
def test_a_name_from_a_payload_notifies_nobody(path: str) -> None:
    """Slack has escapes for its mentions, Discord a list of permitted ones."""
    hostile = SLATE.model_copy(
        update={"players": [SLATE.players[0].model_copy(update={"name": "<!channel> @everyone *x*", "pick": "OVER"})]}
    )
    sent = message_document(f"https://example.org{path}{SECRET}", hostile, "https://nba.example.org/2026-01-15.html")
    if path == "/services/":
        assert "&lt;!channel&gt;" in sent["text"]
    else:
        assert sent["allowed_mentions"] == {"parse": []} and r"\<!channel\> @everyone \*x\* OVER" in sent["content"]
    assert "https://nba.example.org/2026-01-15.html" in sent.get("text", sent.get("content"))

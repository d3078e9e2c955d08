"""Manual acts are derived from the audit trail."""

from datetime import UTC, datetime, timedelta

from nba_pipeline.audit.trail import ACKNOWLEDGED, Entry
from nba_pipeline.monitoring.service_level_facts import acts_of

AT = datetime(2026, 1, 5, 17, tzinfo=UTC)


def entry(minutes: int, who: str = "Ann", action: str = "manual run") -> Entry:
    return Entry(AT + timedelta(minutes=minutes), action, who, "2026-01-05", "game_day", "")


def test_commands_of_a_person_with_short_pauses_are_one_act() -> None:
    entries = [entry(0), entry(20), entry(30, "Bob"), entry(45), entry(76)]
    assert acts_of(entries)["at"].to_list() == [AT, AT + timedelta(minutes=30), AT + timedelta(minutes=76)]


def test_waivers_of_the_deadline_and_acknowledged_alerts_are_no_manual_acts() -> None:
    assert acts_of([entry(0, "deadline", "waiver"), entry(1, "platform"), entry(2, action=ACKNOWLEDGED)]).is_empty()

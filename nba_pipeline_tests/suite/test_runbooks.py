"""Every kind of alert has a runbook with the same four parts, and every message links it."""

import re
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from nba_pipeline.definitions import build_definitions
from nba_pipeline.monitoring import burn_rates, watchdog
from nba_pipeline.monitoring.kinds import KINDS, runbook
from nba_pipeline.monitoring.sinks import document_for
from nba_pipeline.monitoring.slate_monitors import BETTING_CHECKS
from nba_pipeline.warehouse import damage
from nba_pipeline_tests.suite.test_public_strings import SNAPSHOT

ROOT = Path(__file__).parents[2]
PARTS = ["What it means", "How to see more", "What to do", "How to know it is over"]


def test_kinds_pages_and_public_strings_are_the_same() -> None:
    pages = sorted(path.stem for path in (ROOT / "docs" / "runbooks").glob("*.md"))
    public = sorted(re.findall(r"^alert kind: '(\w+)'$", SNAPSHOT.read_text(encoding="utf-8"), re.MULTILINE))
    assert sorted(KINDS) == pages == public


@pytest.mark.parametrize("kind", KINDS)
def test_a_runbook_has_its_four_parts(kind: str) -> None:
    title, *parts = re.split(r"^#+ (.+)\n", (ROOT / runbook(kind)).read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    contents = dict(zip(parts[1::2], parts[2::2], strict=True))
    assert title == kind and list(contents) == PARTS
    assert [name for name, text in contents.items() if not text.strip()] == []


NEXT = {
    "betting_check_failed": "the command in the message",
    "boxscores_missing": "nba-pipeline repair --date D",
    "burn_rate_high": burn_rates.COMMAND,
    "check_crashed": "the command in the message",
    "daemon_silent": watchdog.START,
    "damaged_file": damage.RECONCILE,
    "definitions_differ": watchdog.RESTART,
    "disk_low": "free space on the disk of the home",
    "injury_report_missing": "nba-pipeline run --date D",
    "ledger_altered": "nba-pipeline audit ledgers",
    "lines_late": "nba-pipeline run --date D",
    "lines_missing": "the command in the message",
    "mode_undecided": "nba-pipeline reconcile",
    "monitor_failed": "nba-pipeline status",
    "name_unresolved": "the command in the message",
    "probe_failed": "nba-pipeline breakers",
    "quarantine_old": "nba-pipeline quarantine list --date D",
    "quota_low": "order a larger plan",
    "run_failed": "the command in the message",
    "slate_not_published": "nba-pipeline publish --date D",
    "source_stale": "nba-pipeline reconcile",
    "step_slow": "nba-pipeline doctor",
    "table_late": "the command in the message",
    "test_alert": "nothing",
    "tick_failed": "nba-pipeline decisions",
    "transition_late": "the command in the message",
    "watch_failed": "nba-pipeline status",
    "work_undone": "the command in the message",
}
"""Kind -> the next step of its alerts. Tests of the alerts hold the steps themselves."""


@pytest.mark.parametrize("kind", KINDS)
def test_the_first_act_of_a_runbook_is_the_next_step_of_its_alert(kind: str) -> None:
    acts = (ROOT / runbook(kind)).read_text(encoding="utf-8").partition("## What to do\n")[2]
    first = re.sub(r"\s+", " ", acts.partition("\n2. ")[0].partition("\n## ")[0]).lower()
    assert NEXT[kind].lower() in first


@pytest.mark.parametrize("kind", KINDS)
def test_the_page_of_operations_links_each_runbook(kind: str) -> None:
    assert f"[{kind}](runbooks/{kind}.md)" in (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("sink", ["slack", "webhook", "pagerduty"])
def test_every_message_links_its_runbook(sink: str) -> None:
    alert = {
        "game_date": date(2024, 3, 12),
        "kind": "run_failed",
        "subject": "overnight",
        "severity": "critical",
        "message": "It failed.",
    }
    alert |= {"next_command": "", "raised_at": datetime(2024, 3, 12, tzinfo=UTC)}
    assert "docs/runbooks/run_failed.md" in str(document_for(sink, [alert], "key", is_late=False))  # type: ignore[arg-type]


CHECKS_WITH_AN_ALERT = {
    ("boxscores", "enough_final_games_are_covered"): "boxscores_missing",
    ("boxscores", "no_row_is_quarantined"): "quarantine_old",
    ("features", "no_feature_loses_its_source"): "betting_check_failed",
    ("grades", "rows_are_unaltered"): "ledger_altered",
    ("predictions", "few_players_lack_a_line"): "betting_check_failed",
    ("prop_lines", "every_name_is_resolved"): "name_unresolved",
    ("prop_lines", "games_have_lines"): "lines_late",
    ("prop_lines", "no_row_is_quarantined"): "quarantine_old",
    ("slate_export", "slate_is_published"): "slate_not_published",
    ("slate_status", "no_date_is_late_or_failed"): "table_late",
}


def test_a_check_with_an_alert_links_its_runbook() -> None:
    graph = build_definitions("sandbox").resolve_asset_graph()
    descriptions = {key: graph.get_check_spec(key).description or "" for key in graph.asset_check_keys}
    linked = {
        (key.asset_key.to_user_string(), key.name): re.findall(r"docs/runbooks/(\w+)\.md", text)
        for key, text in descriptions.items()
    }
    assert {check: linked[check] for check in CHECKS_WITH_AN_ALERT} == {
        check: [kind] for check, kind in CHECKS_WITH_AN_ALERT.items()
    }
    assert {kind for kinds in linked.values() for kind in kinds} <= set(KINDS)


def test_every_check_that_affects_bets_has_an_alert() -> None:
    assert {check for check, kind in CHECKS_WITH_AN_ALERT.items() if kind == "betting_check_failed"} == set(BETTING_CHECKS)

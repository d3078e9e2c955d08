"""The commands `quarantine list`, `show`, `resolve` and `replay`."""

import json
from pathlib import Path

from nba_pipeline_tests.cli.conftest import Faulty
from nba_pipeline_tests.orchestration.test_runner import DAY, UNKNOWN, rules

ON_DAY = ("--date", str(DAY))


def case_of(faulty: Faulty) -> dict[str, object]:
    [case] = json.loads(faulty.run("quarantine", "list", *ON_DAY, "--format", "json").stdout)
    return dict(case)


def test_a_case_is_listed_and_shown_with_its_response_and_next_command(faulty: Faulty) -> None:
    case = case_of(faulty)
    assert (case["table"], case["problem"]) == ("prop_lines", f"unresolved name '{UNKNOWN}'")
    shown = faulty.run("quarantine", "show", str(case["id"])).stdout.splitlines()
    assert shown[-1] == f"next: nba-pipeline resolve --spelling '{UNKNOWN}' --player ID --date {DAY}"
    assert "from odds_api/event_odds/" in shown[2]


def test_an_accepted_case_is_not_open_and_is_in_the_audit_trail(faulty: Faulty, tmp_path: Path) -> None:
    own = faulty.copy(tmp_path / "home")
    case_id = str(case_of(own)["id"])
    decision = ("quarantine", "resolve", case_id, "--reason", "a typo of the book", "--author", "Ann")
    assert own.run(*decision).returncode == 0
    assert own.run("quarantine", "list", *ON_DAY).stdout == "no case is open; --all lists 1 accepted case\n"
    assert own.run(*decision).returncode == 2
    [entry] = json.loads(own.run("audit", "trail", "--format", "json").stdout)
    assert (entry["action"], entry["who"], entry["why"], entry["game_date"]) == (
        "quarantine accepted", "Ann", "a typo of the book", str(DAY),
    )  # fmt: skip


def test_a_replay_sends_no_request_and_names_what_stays_quarantined(faulty: Faulty, tmp_path: Path) -> None:
    own = faulty.copy(tmp_path / "home")
    rules(own.home, {"match": {}, "action": "status", "status": 500})
    ended = own.run("quarantine", "replay", *ON_DAY)
    number = case_of(faulty)["rows"]
    assert ended.returncode == 1 and f"{number} rows were quarantined, {number} still are" in ended.stdout


def test_unknown_tables_and_cases_are_refused(faulty: Faulty) -> None:
    assert "did you mean prop_lines?" in faulty.run("quarantine", "list", "--table", "prop_line").stderr
    ended = faulty.run("quarantine", "show", "0123456789")
    assert ended.returncode == 2 and "`nba-pipeline quarantine list` names them" in ended.stderr

"""The command `explain` on a slate with planted faults: the first broken link, its evidence and the next command."""

import json
from pathlib import Path
from typing import Any

import pytest

from nba_pipeline.completeness.next_steps import boxscores_step
from nba_pipeline.instance.demos import DEMO_SLATE
from nba_pipeline.league.calendar import eastern
from nba_pipeline_tests.cli.conftest import Faulty
from nba_pipeline_tests.commands import nba_pipeline
from nba_pipeline_tests.orchestration.test_runner import DAY, NEXT, UNKNOWN

ON_DAY = ("--date", str(DAY))


def explained(faulty: Faulty, *words: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(faulty.run("explain", *words, "--format", "json").stdout)
    return document


@pytest.mark.parametrize("words", [(), ("--table", "grades"), ("--game",)], ids=["date", "table", "game"])
def test_a_missing_box_score_leads_to_its_request(words: tuple[str, ...], faulty: Faulty) -> None:
    chosen = (*words, faulty.matchup) if words == ("--game",) else words
    first = explained(faulty, *ON_DAY, *chosen)["first_broken"]
    assert first["name"] == "boxscores, requests"
    assert f"nba_cdn boxscore {faulty.game_id}: status 503 after" in first["fact"]
    assert f"boxscore_{faulty.game_id}.json" in first["evidence"][0] and "run " in first["evidence"][0]
    assert first["next_command"] == boxscores_step(DAY)


def test_a_player_without_a_line_leads_to_the_unresolved_name_of_his_game(faulty: Faulty) -> None:
    document = explained(faulty, *ON_DAY, "--player", faulty.player_name)
    first = document["first_broken"]
    assert first["name"] == "prop_lines" and f"{UNKNOWN!r} (" in first["fact"]
    assert first["next_command"] == f"nba-pipeline resolve --spelling '{UNKNOWN}' --player {faulty.player_id} --date {DAY}"
    predictions = next(link for link in document["links"] if link["name"] == "predictions")
    assert predictions["fact"] == "2 systems: 2 NO_LINE"


def test_an_excluded_game_names_its_gate_and_what_depends_on_it(faulty: Faulty) -> None:
    links = {link["name"]: link for link in explained(faulty, *ON_DAY, "--game", faulty.game_id)["links"]}
    assert links["gate enough_final_games_are_covered"]["fact"] == "open: 4 of 5 final games complete"
    assert links["player_game_summary"]["fact"] == "the game is excluded: it has no complete box score"


def test_the_next_slate_of_its_teams_is_explained_by_the_gate(faulty: Faulty) -> None:
    away, _, home = faulty.matchup.partition("@")
    links = {link["name"]: link for link in explained(faulty, "--date", str(NEXT))["links"]}
    gate = links["gate the_last_slates_are_covered"]
    assert gate["state"] == "partial" and away in gate["fact"] and home in gate["fact"] and faulty.game_id in gate["fact"]


def test_the_text_has_the_tree_the_verdict_and_exit_code_1(faulty: Faulty) -> None:
    ended = faulty.run("explain", *ON_DAY)
    lines = ended.stdout.splitlines()
    assert (ended.returncode, ended.stderr, lines[0]) == (1, "", str(DAY))
    assert lines[-1] == f"  next: {boxscores_step(DAY)}"
    assert any(line.startswith("    broken   requests: ") for line in lines)


def test_an_unfinished_demo_is_the_next_command(faulty: Faulty) -> None:
    file = faulty.home / DEMO_SLATE
    file.write_text(str(DAY))
    try:
        assert explained(faulty, *ON_DAY)["first_broken"]["next_command"] == "nba-pipeline demo"
    finally:
        file.unlink()  # the home is shared


def test_a_complete_date_has_no_broken_link(faulty: Faulty) -> None:
    ended = nba_pipeline(
        "explain", "--date", "2026-01-14", "--table", "player_game_summary", home=faulty.home, now=eastern(NEXT, 8)
    )
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (0, "no link is broken")


def test_the_default_date_is_today(faulty: Faulty) -> None:
    assert explained(faulty)["subject"] == str(NEXT)


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (("--date", "2026-02-15"), "is after tomorrow"),
        (("--date", "2025-11-01"), "has no data: the first stored date is 2026-01-07"),
        ((*ON_DAY, "--table", "gradez"), "did you mean grades?"),
        ((*ON_DAY, "--format", "csv"), "choose one of text, json"),
    ],
)
def test_what_cannot_be_explained_is_one_sentence_and_exit_code_2(words: tuple[str, ...], problem: str, faulty: Faulty) -> None:
    ended = faulty.run("explain", *words)
    assert ended.returncode == 2 and ended.stdout == "" and problem in ended.stderr and ended.stderr.count("\n") == 1


def test_a_home_without_tables_gets_no_files(tmp_path: Path) -> None:
    ended = nba_pipeline("explain", *ON_DAY, home=tmp_path / "home", now=eastern(DAY, 8))
    assert ended.returncode == 2 and "has no tables; first: `nba-pipeline demo`" in ended.stderr.replace("\n", " ")
    assert not (tmp_path / "home" / "dagster").exists()

"""The first command of a new user: the demo on an empty home, what it leaves, and the demo again."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from nba_pipeline.instance.demos import DEMO_SLATE
from nba_pipeline.league.calendar import eastern
from nba_pipeline_tests.commands import Ended, nba_pipeline
from nba_pipeline_tests.orchestration.test_runner import tables

pytestmark = [pytest.mark.unattended, pytest.mark.long(seconds=100)]

SLATE, BEFORE = date(2026, 1, 15), date(2026, 1, 14)
AFTERNOON = eastern(SLATE, 15)


def text_of(ended: Ended) -> str:
    return " ".join((ended.stdout + ended.stderr).split())


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, Ended]]:
    """The home after a demo, and what it printed."""
    home = tmp_path_factory.mktemp("demo") / "home"
    yield home, nba_pipeline("demo", home=home, now=AFTERNOON)


def test_a_demo_predicts_a_slate_grades_the_day_before_and_runs_twice(played: tuple[Path, Ended]) -> None:
    home, ended = played
    text = text_of(ended)
    assert ended.returncode == 0 and "first failure" not in text and "Traceback" not in text, text
    assert f"Slate of {SLATE}" in text and f"nba-pipeline slate --date {SLATE} --all" in text
    assert not (home / DEMO_SLATE).exists()
    failed = ended.stdout.partition("Checks that failed without stopping a run:\n")[2].partition("\n`")[0].splitlines()
    assert failed and all("(expected: " in line for line in failed), failed
    assert nba_pipeline("record", home=home, now=AFTERNOON).stdout.strip() in ended.stdout
    before = tables(home)
    live = before["predictions"].filter((pl.col("game_date") == SLATE) & (pl.col("run_kind") == "live"))
    assert live["is_before_tipoff"].all() and live["line"].count() > 100
    assert before["grades"].filter(pl.col("game_date") == BEFORE)["outcome"].is_in(["WIN", "LOSS"]).sum() > 50
    assert (home / "public" / f"{SLATE}.html").exists()

    shown = nba_pipeline("status", "--format", "json", home=home, now=AFTERNOON)
    states = {record["game_date"]: record["state"] for record in json.loads(shown.stdout)}
    assert states[str(BEFORE)] == "COMPLETE" and {"LATE", "FAILED"}.isdisjoint(states.values()), states

    again = nba_pipeline("demo", home=home, now=AFTERNOON)
    assert again.returncode == 0 and "first failure" not in text_of(again), text_of(again)
    after = tables(home)
    for name in ("predictions", "grades", "picks"):
        assert after[name].equals(before[name]), name

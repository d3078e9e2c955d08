"""The date that `run` refuses, the runs of the demo, what it refuses, and the place of its page."""

import time
from datetime import date, datetime, timedelta
from pathlib import Path

import dagster as dg
import pytest
from dagster._daemon.types import DaemonHeartbeat

from nba_pipeline.cli.runs import demo_steps, newest_instant, page_text, refuse_gap, steps_after
from nba_pipeline.errors import BadInput
from nba_pipeline.instance.demos import DEMO_SLATE, playing, refuse_during_a_demo
from nba_pipeline.league.calendar import eastern
from nba_pipeline_tests.builders_days import Days, complete_box, slate_of
from nba_pipeline_tests.commands import nba_pipeline
from nba_pipeline_tests.instances import open_instance

BEFORE, SLATE, NEXT = date(2026, 1, 14), date(2026, 1, 15), date(2026, 1, 16)


@pytest.mark.parametrize(
    ("now", "expected"),
    [
        (eastern(SLATE, 17), []),
        (eastern(SLATE, 22), [(NEXT, "tomorrow")]),
        (eastern(NEXT, 6, 30), [(NEXT, "tomorrow"), (SLATE, "overnight")]),
        (eastern(NEXT, 11), [(NEXT, "tomorrow"), (SLATE, "overnight"), (NEXT, "same_day")]),
    ],
    ids=["afternoon", "evening", "early morning", "morning"],
)
def test_the_demo_runs_what_is_due_after_its_noon(now: datetime, expected: list[tuple[date, str]]) -> None:
    steps = demo_steps(SLATE, now)
    assert [mode for _, _, mode in steps[:3]] == ["same_day", "overnight", "same_day"]
    assert [(day, mode) for day, _, mode in steps[3:]] == expected
    assert [instant for _, instant, _ in steps] == sorted(instant for _, instant, _ in steps)


@pytest.mark.parametrize(
    ("known", "number", "last"),
    [
        (None, 6, BEFORE - timedelta(days=1)),
        (eastern(BEFORE, 5), 6, BEFORE - timedelta(days=1)),
        (eastern(SLATE, 12), 4, BEFORE),
        (eastern(NEXT, 6, 30), 1, SLATE),
        (eastern(NEXT, 10), 0, SLATE),
    ],
    ids=["a new home", "interrupted backfill", "interrupted slate", "after the results", "after every run"],
)
def test_a_second_demo_repeats_no_run_that_is_older_than_the_data(known: datetime | None, number: int, last: date) -> None:
    """An older run would replace final games by scheduled ones. The backfill completes the dates of the omitted runs."""
    steps = demo_steps(SLATE, eastern(NEXT, 11))
    assert steps_after(known, steps, BEFORE - timedelta(days=1)) == (steps[len(steps) - number :], last)


def test_the_data_of_a_home_is_as_new_as_its_schedule(tmp_path: Path) -> None:
    days = Days(tmp_path)
    assert newest_instant(days.warehouse) is None
    for day, hour in ((SLATE, 12), (NEXT, 7)):
        days.write("schedule", day, *(game | {"as_of": eastern(day, hour)} for game in slate_of(day, None)))
    assert newest_instant(days.warehouse) == eastern(NEXT, 7)


def test_the_demo_names_the_place_of_its_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_instance(tmp_path) as instance:
        assert page_text(instance, SLATE) == "not published, see the warnings"
        instance.report_runless_asset_event(dg.AssetMaterialization("slate_export", partition=str(SLATE)))
        assert page_text(instance, SLATE).endswith(f"then http://127.0.0.1:8400/{SLATE}.html")
        monkeypatch.setenv("NBA_PIPELINE_PUBLIC", "gs://bucket/prefix")
        assert page_text(instance, SLATE) == f"gs://bucket/prefix/{SLATE}.html"


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (dg.DagsterRunStatus.STARTED, "of game_day is in progress: wait for it, then repeat the demo"),
        (dg.DagsterRunStatus.NOT_STARTED, "of game_day is queued, and no daemon runs: start one with `make dev`, stop it once"),
    ],
    ids=["in progress", "queued"],
)
def test_a_demo_is_refused_beside_another_run(status: dg.DagsterRunStatus, message: str, tmp_path: Path) -> None:
    """The instants of a daemon or of another command would mix with the simulated ones of the demo."""
    with open_instance(tmp_path) as instance:
        instance.add_run(dg.DagsterRun(job_name="game_day", status=status))
    ended = nba_pipeline("demo", home=tmp_path, now=eastern(SLATE, 13))
    assert ended.returncode == 1 and message in ended.stderr.replace("\n", " ")
    assert not (tmp_path / "tables").exists() and not (tmp_path / DEMO_SLATE).exists()


def test_a_demo_beside_a_daemon_names_the_daemon_and_not_its_runs(tmp_path: Path) -> None:
    """A daemon goes on to start runs, so that waiting for one of them would not help."""
    with open_instance(tmp_path) as instance:
        instance.add_daemon_heartbeat(DaemonHeartbeat(time.time(), "SENSOR", "x", []))
        instance.add_run(dg.DagsterRun(job_name="game_day", status=dg.DagsterRunStatus.STARTED))
    ended = nba_pipeline("demo", home=tmp_path, now=eastern(SLATE, 13))
    assert ended.returncode == 1 and "Dagster's daemon was running on this home" in ended.stderr.replace("\n", " ")


def test_a_run_is_refused_until_an_interrupted_demo_has_ended(tmp_path: Path) -> None:
    """Its real instants would be newer than those that the demo still simulates, so that the demo would omit its last runs."""
    (tmp_path / DEMO_SLATE).write_text(str(SLATE))
    ended = nba_pipeline("run", "--date", str(SLATE), home=tmp_path, now=eastern(SLATE, 13))
    assert ended.returncode == 1 and "has not ended; first: `nba-pipeline demo`" in ended.stderr.replace("\n", " ")


@pytest.mark.parametrize("words", [("run", "--date", str(SLATE)), ("reconcile",), ("demo",)], ids=" ".join)
def test_a_command_that_sends_requests_is_refused_during_a_demo(words: tuple[str, ...], tmp_path: Path) -> None:
    """Its predictions would have other instants than those of the demo, which simulates its times."""
    with playing(tmp_path):
        ended = nba_pipeline(*words, home=tmp_path, now=eastern(SLATE, 13))
        shown = nba_pipeline("slate", home=tmp_path, now=eastern(SLATE, 13))
    assert ended.returncode == 1 and f"a demo is in progress in the home {tmp_path}" in ended.stderr.replace("\n", " ")
    assert not (tmp_path / "tables").exists() and "in progress" not in shown.stderr
    refuse_during_a_demo(tmp_path, SLATE)


def test_a_run_does_not_make_an_old_date_the_start_of_the_history(tmp_path: Path) -> None:
    """Checks would expect the dates between. The named backfill leaves no gap."""
    today, old = SLATE + timedelta(days=20), SLATE - timedelta(days=7)
    days = Days(tmp_path)
    days.write("boxscores", SLATE, *complete_box(*slate_of(SLATE, None, status="final")))
    ended = nba_pipeline("run", "--date", str(old), home=tmp_path, now=eastern(today, 12))
    assert (ended.returncode, ended.stdout, days.instance.get_runs()) == (2, "", [])
    assert "".join(ended.stderr.splitlines()) == (
        f"nba-pipeline: --date {old} would leave a gap before the stored history, which begins {SLATE}; to load the dates between, "
        f"too: nba-pipeline backfill --from {old} --to {SLATE - timedelta(days=1)} --resume"
    )


@pytest.mark.parametrize(
    ("back", "today", "is_refused"),
    [(0, NEXT, False), (1, NEXT, False), (2, SLATE + timedelta(days=20), True), (8, SLATE, False), (9, SLATE, True)],
    ids=["the first date", "the date before", "a gap of one date", "reconciled dates between", "a gap before reconciled dates"],
)
def test_a_run_is_refused_only_if_it_leaves_a_gap(back: int, today: date, is_refused: bool, tmp_path: Path) -> None:
    days = Days(tmp_path)
    refuse_gap(days.warehouse, SLATE, today)  # a home without history begins with any date
    days.write("boxscores", SLATE, *complete_box(*slate_of(SLATE, None, status="final")))
    slate = SLATE - timedelta(days=back)
    if not is_refused:
        refuse_gap(days.warehouse, slate, today)
        return
    with pytest.raises(BadInput, match="would leave a gap"):
        refuse_gap(days.warehouse, slate, today)

"""The plan, skipped steps and messages of a backfill. A killed and resumed backfill neither loses nor duplicates rows.

Most tests use empty written tables, because a written date counts as existing.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Collection, Sequence
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.assets.predictions.points_model import TABLE as POINTS_MODEL
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.cli import app
from nba_pipeline.completeness import gates
from nba_pipeline.completeness.modes import from_predictions, up_to_features
from nba_pipeline.definitions import build_definitions
from nba_pipeline.errors import BadInput
from nba_pipeline.league.calendar import days, eastern
from nba_pipeline.orchestration.backfill import (
    STAGES,
    Stage,
    Step,
    chunks,
    missing_before,
    plan,
    rate,
    windows_of,
    without_dependents,
)
from nba_pipeline.systems import TRAINED_SYSTEMS, System
from nba_pipeline.tables.declarations import daily_tables
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.local import LocalWarehouse
from nba_pipeline_tests.builders import Values, a_boxscore, a_game, at, frame_of
from nba_pipeline_tests.commands import nba_pipeline
from nba_pipeline_tests.orchestration.test_runner import DAY, NEXT, a_runner, done, loaded, tables
from nba_pipeline_tests.prepared import copy_of

pytestmark = pytest.mark.platform

MONDAY = date(2024, 3, 11)
VERSIONS = {name: "1" for name in (*daily_tables(), "points_model")}
LINEAGE: Values = {"source": "test", "as_of": at(12), "code_version": "1"}


@pytest.fixture
def warehouse(tmp_path: Path) -> LocalWarehouse:
    return LocalWarehouse(home=str(tmp_path))


@pytest.fixture(scope="module")
def nine_dates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """To copy: a home in which nine dates of every daily table are written."""
    home = tmp_path_factory.mktemp("written")
    write(LocalWarehouse(home=str(home)), days(day(0), day(8)))
    return home


@pytest.fixture
def written(nine_dates: Path, tmp_path: Path) -> LocalWarehouse:
    return LocalWarehouse(home=str(copy_of(nine_dates, tmp_path / "home")))


def day(number: int) -> date:
    """The date that many days after the first Monday; 7 is the next Monday."""
    return MONDAY + timedelta(days=number)


def write(warehouse: LocalWarehouse, dates: Collection[date], names: Collection[str] = daily_tables()) -> None:
    for name in names:
        warehouse.add(TABLES[name], sorted(dates), TABLES[name].empty(), "test")


def write_games(warehouse: LocalWarehouse, *dates: date, **fields: object) -> None:
    rows = frame_of(SCHEDULE, *(a_game(one) | LINEAGE | fields for one in dates))
    warehouse.replace(SCHEDULE, dates, rows, "test")


def write_model(warehouse: LocalWarehouse, week: date, model_id: str | None, systems: Sequence[System] = TRAINED_SYSTEMS) -> None:
    row = {"game_date": week, "model_id": model_id, "rows": 0, "validation_rows": 0, "features": []} | LINEAGE
    rows = [row | {"system_id": system.system_id} for system in systems]
    warehouse.replace(POINTS_MODEL, [week], frame_of(POINTS_MODEL, *rows), "test")


def planned(
    warehouse: LocalWarehouse, last: date, stop_after: Stage = "grades", is_resumed: bool = False, size: int = 3
) -> list[Step]:
    return list(plan(warehouse, MONDAY, last, VERSIONS, stop_after, is_resumed, size))


def summary_of(steps: Collection[Step]) -> list[tuple[str, int, int, int, bool]]:
    """Part, first and last day, number of complete dates, whether the step is skipped."""
    return [
        (step.part, (step.first - MONDAY).days, (step.last - MONDAY).days, step.complete_count, step.is_skipped) for step in steps
    ]


# The plan


def test_a_fresh_range_is_three_passes_of_ascending_chunks(warehouse: LocalWarehouse) -> None:
    steps = planned(warehouse, day(7))
    assert summary_of(steps) == [
        ("features", 0, 2, 0, False),
        ("features", 3, 5, 0, False),
        ("features", 6, 7, 0, False),
        ("models", 0, 0, 0, False),
        ("models", 7, 7, 0, False),
        ("predictions", 0, 2, 0, False),
        ("predictions", 3, 5, 0, False),
        ("predictions", 6, 7, 0, False),
    ]
    assert {(step.part, step.job, step.tables) for step in steps} == {
        ("features", "season", up_to_features()),
        ("models", "train", ("points_model",)),
        ("predictions", "season", from_predictions()),
    }
    assert summary_of(planned(warehouse, day(7), stop_after="features")) == summary_of(steps)[:3]


def test_a_week_that_lacks_a_system_is_trained(warehouse: LocalWarehouse) -> None:
    """As in a home of a version with fewer systems."""
    write_games(warehouse, MONDAY)
    write_model(warehouse, MONDAY, "m1", TRAINED_SYSTEMS[:1])
    models = [step for step in planned(warehouse, day(6), is_resumed=True) if step.part == "models"]
    assert [(step.first, step.is_skipped) for step in models] == [(MONDAY, False)]
    write_model(warehouse, MONDAY, "m1")
    models = [step for step in planned(warehouse, day(6), is_resumed=True) if step.part == "models"]
    assert [(step.first, step.is_skipped) for step in models] == [(MONDAY, True)]


def test_a_week_without_games_and_one_with_a_model_need_no_training(warehouse: LocalWarehouse) -> None:
    write(warehouse, days(day(0), day(27)), ["schedule"])
    write_games(warehouse, day(0), day(8), day(21))
    write_model(warehouse, day(7), "m1")
    assert [step for step in summary_of(planned(warehouse, day(27), size=30)) if step[0] == "models"] == [
        ("models", 0, 0, 0, False),
        ("models", 7, 7, 1, True),
        ("models", 21, 21, 0, False),
    ]


def test_weeks_are_planned_with_the_schedule_that_the_first_pass_loads(warehouse: LocalWarehouse) -> None:
    steps = plan(warehouse, MONDAY, day(13), VERSIONS, dates_per_run=20)
    assert next(steps).part == "features"
    write(warehouse, days(day(0), day(13)), ["schedule"])
    write_games(warehouse, day(9))
    assert [(step.part, step.first) for step in steps] == [("models", day(7)), ("predictions", day(0))]


def test_chunks_cover_the_range_once() -> None:
    assert list(chunks(day(0), day(4), 2)) == [(day(0), day(1)), (day(2), day(3)), (day(4), day(4))]


def test_no_chunk_crosses_the_boundary_of_two_seasons() -> None:
    """A bad file of a season then costs no date of another."""
    assert list(chunks(date(2024, 6, 29), date(2024, 7, 2), 200)) == [
        (date(2024, 6, 29), date(2024, 6, 30)),
        (date(2024, 7, 1), date(2024, 7, 2)),
    ]


def test_dependents_of_a_failed_table_are_skipped_on_its_dates_only() -> None:
    parents = {"predictions": {"features"}, "grades": {"predictions", "boxscores"}}
    step = Step("predictions", "season", ("predictions", "grades"), day(0), day(2), 0)
    assert without_dependents(step, [(day(3), day(5), ["features"])], parents) == step
    skipped = without_dependents(step, [(day(2), day(2), ["matchups", "features"])], parents)
    assert skipped.is_skipped and skipped.blocked_by == ("features",)
    partly = without_dependents(step, [(day(0), day(2), ["boxscores"])], parents)
    assert (partly.is_skipped, partly.tables, partly.blocked_by) == (False, ("predictions",), ("boxscores",))


# Steps that a resumed backfill skips


def test_a_date_of_a_failed_run_is_repeated_although_its_rows_are_complete(written: LocalWarehouse) -> None:
    """They are of an earlier run. `status` calls the date degraded until a run succeeds."""
    steps = list(plan(written, MONDAY, day(5), VERSIONS, is_resumed=True, dates_per_run=3, failed={day(4): {"grades"}}))
    assert [(step.part, step.first, step.is_skipped) for step in steps] == [
        ("features", day(0), True), ("features", day(3), True), ("predictions", day(0), True), ("predictions", day(3), False),
    ]  # fmt: skip


def test_complete_steps_are_skipped_only_when_resumed(written: LocalWarehouse) -> None:
    everything = [("features", 0, 2, 3), ("features", 3, 5, 3), ("predictions", 0, 2, 3), ("predictions", 3, 5, 3)]
    assert summary_of(planned(written, day(5), is_resumed=True)) == [(*step, True) for step in everything]
    assert summary_of(planned(written, day(5))) == [(*step, False) for step in everything]


def test_an_incomplete_chunk_and_all_later_chunks_are_run(written: LocalWarehouse) -> None:
    """Windows of a later chunk had incomplete input, so that the chunk is not skipped although it is complete."""
    shutil.rmtree(Path(written.home) / "tables" / up_to_features()[-1] / f"game_date={day(4)}")
    assert summary_of(planned(written, day(8), is_resumed=True)) == [
        ("features", 0, 2, 3, True),
        ("features", 3, 5, 2, False),
        ("features", 6, 8, 3, False),
        ("predictions", 0, 2, 3, True),
        ("predictions", 3, 5, 3, False),
        ("predictions", 6, 8, 3, False),
    ]


def test_a_date_with_too_few_box_scores_is_rerun_until_an_operator_waives_it(written: LocalWarehouse) -> None:
    write_games(written, day(4))  # final, and without a box score
    waiver = {"game_date": day(4), "gate": gates.COVERAGE_GATE, "reason": "x", "waived_at": eastern(day(5), 12), "source": "x"}
    for author, is_skipped in (("deadline", False), ("operator", True)):
        written.add(gates.WAIVERS, [day(4)], frame_of(gates.WAIVERS, waiver | LINEAGE | {"author": author}), author)
        assert summary_of(planned(written, day(5), "features", is_resumed=True)) == [
            ("features", 0, 2, 3, True),
            ("features", 3, 5, 2 + is_skipped, is_skipped),
        ]
        waiver["waived_at"] += timedelta(minutes=1)


def test_a_chunk_of_another_code_version_is_rebuilt(written: LocalWarehouse) -> None:
    write_games(written, day(4), code_version="0")
    write_model(written, MONDAY, "m1")
    assert summary_of(planned(written, day(5), is_resumed=True)) == [
        ("features", 0, 2, 3, True),
        ("features", 3, 5, 2, False),
        ("models", 0, 0, 1, True),
        ("predictions", 0, 2, 3, True),
        ("predictions", 3, 5, 3, False),
    ]


def test_predictions_of_a_trained_week_are_rebuilt(written: LocalWarehouse) -> None:
    write_games(written, day(0), day(7), status="scheduled")
    write_model(written, MONDAY, "m1")
    assert summary_of(planned(written, day(8), is_resumed=True, size=7)) == [
        ("features", 0, 6, 7, True),
        ("features", 7, 8, 2, True),
        ("models", 0, 0, 1, True),
        ("models", 7, 7, 0, False),
        ("predictions", 0, 6, 7, True),
        ("predictions", 7, 8, 2, False),
    ]


@pytest.mark.parametrize(("features_at", "is_skipped"), [(11, True), (13, False)], ids=["nothing new", "made since"])
def test_a_week_with_too_few_rows_is_retrained_once_it_has_new_rows(
    written: LocalWarehouse, features_at: int, is_skipped: bool
) -> None:
    write_games(written, MONDAY)
    write_model(written, MONDAY, None)
    table = TABLES["features"]
    row = frame_of(table, {"game_date": day(-1), "game_id": "1", "player_id": 1} | LINEAGE | {"as_of": at(features_at)})
    written.replace(table, [day(-1)], row, "test")
    resumed, fresh = ([s for s in planned(written, day(6), is_resumed=r) if s.part == "models"] for r in (True, False))
    assert [step.is_skipped for step in resumed] == [is_skipped]
    assert [step.is_skipped for step in fresh] == [False]


# Messages before and after


def test_windows_reach_back_as_far_as_the_graph_says() -> None:
    readers = ["upcoming_players", "player_form", "team_defense_zones", "matchups", "team_outlook", "expected_absences"]
    windows = windows_of(build_definitions("sandbox"), readers)
    assert list(windows) == ["boxscores", "injuries", "player_game_summary", "team_game_summary"]
    assert windows["team_game_summary"] == (730, ["matchups", "player_form", "team_defense_zones", "team_outlook"])
    assert windows_of(build_definitions("sandbox"), ["upcoming_players"]) == {"boxscores": (300, ["upcoming_players"])}


def test_missing_dates_before_the_range_are_reported(warehouse: LocalWarehouse) -> None:
    write_games(warehouse, day(-4), day(-3), day(-2), day(0))
    write(warehouse, [day(-3)], ["boxscores"])
    assert missing_before(warehouse, MONDAY, {"boxscores": (5, ["upcoming_players"])}) == [
        "boxscores lacks 2 dates with games before 2024-03-11 (2024-03-07 to 2024-03-09), which windows of upcoming_players read: "
        "the windows have fewer games, and gates of the first dates may be closed"
    ]
    write(warehouse, [day(-4), day(-2)], ["boxscores"])
    assert missing_before(warehouse, MONDAY, {"boxscores": (5, ["upcoming_players"])}) == []


def test_dates_of_another_season_are_not_missing(warehouse: LocalWarehouse) -> None:
    assert missing_before(warehouse, date(2024, 7, 1), {"boxscores": (300, ["player_form"])}) == []
    [message] = missing_before(warehouse, date(2024, 7, 3), {"boxscores": (300, ["player_form"])})
    assert message.startswith("boxscores lacks 2 dates before 2024-07-03 (2024-07-01 to 2024-07-02), which windows of")


def test_dates_are_rated_by_their_complete_games(warehouse: LocalWarehouse) -> None:
    """Ten final games a date, of which 9, 8, 7, 6 have a box score; then a date without a final game."""
    games, boxes = list[Values](), list[Values]()
    for number, complete in enumerate((9, 8, 7, 6)):
        for game in range(10):
            about = {"game_date": day(number), "game_id": f"{number}{game}"}
            games.append(a_game(**about) | LINEAGE)
            for team, points in (("GSW", 110), ("NYK", 100)) if game < complete else ():
                starters = [
                    a_boxscore(
                        points=points if player == 0 else 0,
                        team=team,
                        team_points=points,
                        minutes=48.0,
                        player_id=player + len(team) * points,
                        **about,
                    )
                    for player in range(5)
                ]
                boxes += [row | LINEAGE for row in starters]
    dates = days(day(0), day(4))
    warehouse.replace(SCHEDULE, dates, frame_of(SCHEDULE, *games), "test")
    warehouse.replace(TABLES["boxscores"], dates, frame_of(TABLES["boxscores"], *boxes), "test")
    assert rate(warehouse, dates) == {
        "excellent": [day(0)],
        "acceptable": [day(1), day(2)],
        "failed": [day(3)],
        "without final games": [day(4)],
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--from", "2024-01-02", "--to", "2024-01-01"], "^--from 2024-01-02 is after --to 2024-01-01$"),
        (["--from", "2024-01-01", "--to", "soon"], "^--to must be a date like 2024-03-15, not 'soon'$"),
        (
            ["--from", "2024-01-01", "--to", "2024-01-02", "--stop-after", "picks"],
            f"^--stop-after is 'picks'; choose one of {', '.join(STAGES)}$",
        ),
    ],
    ids=["dates turned round", "no date", "unknown stage"],
)
def test_bad_arguments_are_refused_in_one_line_without_changes(arguments: list[str], message: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=message):
        app(["backfill", *arguments], standalone_mode=False)
    assert not list(tmp_path.iterdir())


# The simulated league, for two more days

assert loaded  # a fixture
MORNING_AFTER = NEXT + timedelta(days=1)
STEP_BY_STEP = f"""
import warnings
warnings.filterwarnings("ignore")
from datetime import date
from nba_pipeline.definitions import defs
from nba_pipeline.environments import home
from nba_pipeline.instance.opening import open_instance
from nba_pipeline.orchestration.runner import Runner
runner = Runner(defs, open_instance(home()))
for outcome in runner.backfill(date.fromisoformat("{DAY}"), date.fromisoformat("{NEXT}"), dates_per_run=1):
    print(outcome.title, flush=True)
"""


def in_the_environment_of(home: Path) -> dict[str, str]:
    return {**os.environ, "NBA_PIPELINE_HOME": str(home), "NBA_PIPELINE_NOW": eastern(MORNING_AFTER, 7).isoformat()}


@pytest.mark.unattended
@pytest.mark.long(seconds=40)
def test_a_killed_and_resumed_backfill_has_the_result_of_an_undisturbed_one(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    undisturbed, killed = (copy_of(request.getfixturevalue("loaded"), tmp_path / name) for name in ("whole", "killed"))
    done(a_runner(undisturbed, MORNING_AFTER, 7).backfill(DAY, NEXT))

    command = [sys.executable, "-c", STEP_BY_STEP]
    environment = in_the_environment_of(killed)
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout and process.stdout.readline() == f"season {DAY}\n"
        while not (killed / "tables" / "boxscores" / f"game_date={NEXT}").exists():  # the second chunk is in progress
            assert process.poll() is None
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
    runner, left_out = a_runner(killed, MORNING_AFTER, 7), list[Step]()
    assert NEXT not in runner.warehouse.dates(TABLES["features"])

    done(runner.backfill(DAY, NEXT, is_resumed=True, dates_per_run=1, on_skipped=left_out.append))
    # the week was attempted before, and the earlier days have no new rows
    assert [(step.part, step.dates_text) for step in left_out] == [("features", str(DAY)), ("models", "2026-01-12")]
    expected, actual = tables(undisturbed), tables(killed)
    assert actual.pop("alerts")["message"].to_list() == ["its process was killed"]
    assert actual.pop("alert_changes")["change"].to_list() == ["resolved"]
    assert [actual.pop(name)["state"].to_list() for name in ("alert_deliveries", "alert_message_deliveries")] == [["pending"]] * 2
    assert actual.keys() == expected.keys()
    for name in expected:
        # a skipped week keeps the instant of its attempt
        irrelevant = ["as_of"] if name == "points_model" else []
        assert_frame_equal(actual[name].drop(irrelevant), expected[name].drop(irrelevant))
    assert expected["grades"].filter(pl.col("did_play"))["game_date"].unique().sort().to_list()[-2:] == [DAY, NEXT]

    # the command reports that nothing is left to do
    words = ["backfill", "--from", str(DAY), "--to", str(NEXT), "--resume"]
    again = nba_pipeline(*words, home=killed, now=eastern(MORNING_AFTER, 7))
    assert (again.returncode, again.stderr.count("skipped"), again.stderr.count("done")) == (0, 3, 0)
    assert "2 excellent (>= 90%), 0 acceptable (>= 70%), 0 failed (< 70%); 0 without final games" in again.stdout


def test_a_dry_run_changes_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "nba_pipeline", "backfill", "--from", str(DAY), "--to", str(NEXT), "--dry-run"]
    told = subprocess.run(command, env=in_the_environment_of(tmp_path), check=False, capture_output=True, text=True)
    assert (told.returncode, told.stderr) == (0, "")
    assert told.stdout.splitlines()[-1] == "3 runs; nothing was changed"
    assert not list(tmp_path.iterdir())

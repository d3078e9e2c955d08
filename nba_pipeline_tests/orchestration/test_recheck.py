"""`nba-pipeline recheck` on the simulated league: a correction followed from HTTP to the summary, the features and the grade."""

from datetime import date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from typer.testing import CliRunner

from nba_pipeline.cli import app
from nba_pipeline.completeness.modes import tables_of_mode
from nba_pipeline.errors import BadInput
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.rereads import rereads
from nba_pipeline.league.calendar import eastern
from nba_pipeline.orchestration.corrections import find_corrections
from nba_pipeline.orchestration.recheck import Recheck, Stored, changes, refuse_bad_date, spans
from nba_pipeline.orchestration.runner import Runner
from nba_pipeline.providers.archive import Archive
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline_tests.assets.conftest import ArchiveOfAllDates
from nba_pipeline_tests.builders import a_boxscore, frame_of
from nba_pipeline_tests.builders_days import Days, slate_of
from nba_pipeline_tests.orchestration.test_runner import DAY, NEXT, At, ask, rules, tables

LATER = DAY + timedelta(days=4)
CORRECTED, FOLLOWING = DAY - timedelta(days=1), DAY
"""The last two dates of the predicted home: a corrected date, and the only later date with features."""

FOUR_DAYS_LATER = CORRECTED + timedelta(days=4)
SYSTEM = "moving_average"


def teammates(runner: Runner, day: date = DAY) -> list[dict[str, object]]:
    """Two graded players of a team that plays on the date and the next one; two free throws can be taken from the second."""
    return ask(
        runner,
        f"""SELECT g.game_id, g.player_id, b.player_name, b.team, b.points, b.ftm FROM grades g JOIN boxscores b USING (game_id, player_id)
        WHERE g.game_date = '{day}' AND b.game_date = '{day}' AND g.did_play AND b.ftm >= 2 AND g.system_id = '{SYSTEM}'
        AND b.team IN (SELECT unnest([home_team, away_team]) FROM schedule WHERE game_date = '{day + timedelta(days=1)}')
        ORDER BY b.points DESC LIMIT 2""",
    )


def correction(who: dict[str, object], field: str, delta: int) -> dict[str, object]:
    return {"game": who["game_id"], "action": "correct_stat", "player": str(who["player_id"]), "field": field, "delta": delta}


def recheck(runner: Runner, day: date = DAY) -> Recheck:
    rechecked = Recheck(runner, day)
    assert [failure for outcome in rechecked.run() for failure in outcome.failures] == []
    return rechecked


def points_of(runner: Runner, table: str, who: dict[str, object]) -> object:
    return ask(runner, f"SELECT points FROM {table} WHERE game_id = '{who['game_id']}' AND player_id = {who['player_id']}")[0][
        "points"
    ]


def grades_of(runner: Runner, who: dict[str, object]) -> list[dict[str, object]]:
    return ask(
        runner,
        f"""SELECT grade_version, actual_value, regrade_reason FROM grades WHERE game_id = '{who["game_id"]}'
        AND player_id = {who["player_id"]} AND system_id = '{SYSTEM}' ORDER BY grade_version""",
    )


@pytest.mark.unattended
@pytest.mark.starts_from("predicted")
@pytest.mark.platform
def test_a_correction_that_leaves_the_score_reaches_summary_features_and_grade(at: At, home: Path) -> None:
    runner = at(FOUR_DAYS_LATER, 10)
    one, other = teammates(runner, CORRECTED)
    before = tables(home)
    rules(home, correction(one, "points", 2), correction(other, "points", -2))
    rechecked = recheck(runner, CORRECTED)
    corrected = int(str(one["points"])) + 2
    assert (points_of(runner, "boxscores", one), points_of(runner, "player_game_summary", one)) == (corrected, corrected)
    versions = grades_of(runner, one)
    assert [row["grade_version"] for row in versions] == [1, 2]
    assert str(versions[1]["regrade_reason"]).startswith(f"points {one['points']} -> {corrected}")
    lines = [line for line in rechecked.changes() if str(one["player_name"]) in line]
    assert len(lines) == 1 and f"points {one['points']} -> {corrected}" in lines[0] and "grade v1 -> v2 (" in lines[0]
    after = tables(home)
    form = before["player_form"].join(after["player_form"], on=["game_date", "player_id"], suffix="_after")
    moved = form.filter(pl.col("points_mean_season").ne_missing(pl.col("points_mean_season_after")))
    assert set(moved["game_date"]) == {FOLLOWING} and set(moved["player_id"]) == {one["player_id"], other["player_id"]}
    remade = after["features"].filter(pl.col("as_of") == eastern(FOUR_DAYS_LATER, 10))["game_date"].unique().to_list()
    assert remade == [FOLLOWING]
    assert_frame_equal(after["predictions"], before["predictions"])


@pytest.mark.unattended
@pytest.mark.starts_from("graded")
@pytest.mark.platform
def test_a_box_score_that_contradicts_a_corrected_score_is_fetched_and_graded_again_by_the_next_run(at: At, home: Path) -> None:
    """An hour after the last fetch, between two instants of the schedule of re-reads."""
    runner = at(NEXT, 8)
    one, _ = teammates(runner)
    rules(home, correction(one, "points", 2))
    assert runner.run("game_day", tables_of_mode("overnight"), DAY, DAY).failures == []
    corrected = int(str(one["points"])) + 2
    assert points_of(runner, "player_game_summary", one) == corrected
    versions = grades_of(runner, one)
    assert [(row["grade_version"], row["actual_value"]) for row in versions] == [(1, one["points"]), (2, corrected)]
    assert str(versions[1]["regrade_reason"]).startswith(f"points {one['points']} -> {corrected}")


def correct(runner: Runner, *dates: date) -> list[tuple[str, str]]:
    """Runs the due corrections of these dates until none is left. Returns the job and date of each run."""
    done = list[tuple[str, str]]()
    while work := next(
        (w for w in find_corrections(runner.instance, runner.warehouse, runner.clock.now()) if w.game_date in dates), None
    ):
        outcome = runner.run(work.job, work.tables, work.game_date, work.game_date, work.tags)
        assert outcome.failures == [] and len(done) < 5
        done.append((work.job, str(work.game_date)))
    return done


@pytest.mark.unattended
@pytest.mark.starts_from("predicted")
@pytest.mark.platform
def test_a_corrected_score_is_loaded_automatically_and_later_rereads_write_nothing(at: At, home: Path) -> None:
    one, _ = teammates(at(FOUR_DAYS_LATER, 13), CORRECTED)
    rules(home, correction(one, "points", 2))
    runner = at(FOUR_DAYS_LATER, 13)
    assert runner.run("game_day", ["schedule"], FOUR_DAYS_LATER, FOUR_DAYS_LATER).failures == []  # as a capture of the lines does
    corrected = int(str(one["points"])) + 2
    assert correct(runner, CORRECTED, FOLLOWING) == [
        ("recheck", str(CORRECTED)),
        ("game_day", str(CORRECTED)),
        ("game_day", str(FOLLOWING)),
    ]
    assert points_of(runner, "player_game_summary", one) == corrected
    assert [row["grade_version"] for row in grades_of(runner, one)] == [1, 2]
    assert {one["team"]} <= set(tables(home)["features"].filter(pl.col("game_date") == FOLLOWING)["team"])
    before = tables(home)
    later = at(CORRECTED + timedelta(days=8), 13)
    assert correct(later, CORRECTED, FOLLOWING) == [("recheck", str(CORRECTED))]
    after = tables(home)
    assert all(after[name].equals(before[name]) for name in before)


@pytest.mark.unattended
@pytest.mark.starts_from("graded")
@pytest.mark.platform
def test_a_source_that_does_not_answer_fails_the_recheck_without_losing_rows(at: At, home: Path) -> None:
    runner = at(LATER, 10)
    before = tables(home)
    one, _ = teammates(runner)
    refused = {"action": "status", "status": 429, "headers": {"Retry-After": "600"}}
    rules(home, {"match": {"path": f"boxscore_{one['game_id']}"}, **refused})
    rechecked = recheck(runner)
    assert rechecked.is_unanswered and rechecked.changes() == []
    assert any(str(one["game_id"]) in problem and "429" in problem for problem in rechecked.problems)
    assert rereads(runner.instance, DAY)[0].read_at is None
    noon = at(LATER, 13)  # by then the re-read is due by itself
    due = next(w for w in find_corrections(noon.instance, noon.warehouse, noon.clock.now()) if w.game_date == DAY)
    [failure] = noon.do(due).failures
    assert failure.startswith("recheck: not every source answered: ") and str(one["game_id"]) in failure
    after = tables(home)
    assert [name for name in before if not after[name].equals(before[name])] == ["schedule"]  # the games since


# Bad input


TODAY = date(2026, 1, 15)
EVENING = eastern(TODAY, 20)


@pytest.fixture(scope="module")
def days(tmp_path_factory: pytest.TempPathFactory) -> Days:
    """Final, postponed, live and upcoming games, each on its own date. Today's first game is over, its last in progress."""
    days = Days(tmp_path_factory.mktemp("days"))
    for back, status in ((6, "final"), (5, "postponed"), (4, "live"), (3, "scheduled")):
        day = TODAY - timedelta(days=back)
        days.write("schedule", day, *slate_of(day, eastern(day, 19), status=status))
        days.write("boxscores", day)
    days.write("schedule", TODAY - timedelta(days=2))
    over, playing = slate_of(TODAY, eastern(TODAY, 13), eastern(TODAY, 19), status="final")
    days.write("schedule", TODAY, over, playing | {"status": "scheduled"})
    written = TODAY - timedelta(days=7)
    days.write("schedule", written, *slate_of(written, eastern(written, 19), status="final"))
    return days


def refuse(days: Days, day: date, now: datetime = EVENING, archive: type[Archive] = Archive) -> None:
    clock = Clock(fixed_at=now.isoformat())
    refuse_bad_date(days.warehouse, archive(landing=Landing(home=str(days.home), clock=clock), clock=clock), clock, day)


@pytest.mark.parametrize(
    ("back", "message"),
    [
        (-1, "--date 2026-01-16 is in the future; today is 2026-01-15"),
        (0, "--date 2026-01-15 has 1 game in progress"),
        (
            1,
            "schedule has no rows for --date 2026-01-14; load it with `nba-pipeline backfill --from 2026-01-14 --to 2026-01-14 --resume`",
        ),
        (2, "--date 2026-01-13 has no games"),
        (3, "--date 2026-01-12 has no final game yet; run `nba-pipeline run --date 2026-01-12 --mode overnight` first"),
        (4, "--date 2026-01-11 has 1 game in progress"),
        (5, "--date 2026-01-10 has no games"),
        (7, "boxscores has no rows for --date 2026-01-08"),
    ],
)
def test_a_date_without_final_games_is_refused_in_one_line(back: int, message: str, days: Days) -> None:
    with pytest.raises(BadInput) as refused:
        refuse(days, TODAY - timedelta(days=back))
    assert str(refused.value).startswith(message)
    assert not (days.home / "landing").exists()


def test_a_date_with_final_games_is_accepted(days: Days) -> None:
    refuse(days, TODAY - timedelta(days=6))


def test_today_is_refused_until_its_games_are_over(days: Days) -> None:
    with pytest.raises(BadInput, match="has 1 game in progress"):
        refuse(days, TODAY, eastern(TODAY, 19))


def test_a_date_of_the_archive_is_refused(days: Days) -> None:
    with pytest.raises(BadInput, match="comes from the archive"):
        refuse(days, TODAY - timedelta(days=6), archive=ArchiveOfAllDates)


@pytest.mark.parametrize("text", ["2021-09-30", "2026-13-01", "2099-01-01"])
def test_bad_arguments_are_bad_input(text: str, tmp_path: Path) -> None:
    done = CliRunner().invoke(app, ["recheck", "--date", text])
    assert isinstance(done.exception, BadInput) and text in str(done.exception)
    assert list(tmp_path.iterdir()) == []


# Changes


def grades_frame(*versions: tuple[str, int]) -> pl.DataFrame:
    rows = [
        {"game_id": "1", "player_id": 7, "system_id": system, "run_kind": "live", "grade_version": n} for system, n in versions
    ]
    return frame_of(TABLES["grades"], *rows).select("game_id", "player_id", "system_id", "run_kind", "grade_version")


def test_changes_are_listed_per_game_and_player() -> None:
    def stored(points: int, *names: str, version: int) -> Stored:
        rows = [a_boxscore(points=points, game_id="1", player_id=7 + n, player_name=name) for n, name in enumerate(names)]
        return Stored(frame_of(TABLES["boxscores"], *rows), grades_frame(("catboost", version), ("moving_average", version)))

    before, after = stored(20, "Jalen Example", version=1), stored(22, "Jalen Example", "New Man", version=2)
    assert changes(before, after, {"1": "NYK@GSW 1"}) == [
        "NYK@GSW 1",
        "  Jalen Example: points 20 -> 22, fgm 10 -> 11, fga 22 -> 24; grade v1 -> v2 (catboost, moving_average)",
        "  New Man: added to the box score",
    ]
    assert changes(after, after, {}) == []
    assert "  New Man: removed from the box score" in changes(after, before, {})


def test_consecutive_dates_are_one_run() -> None:
    first = date(2026, 1, 30)
    dates = [first + timedelta(days=n) for n in (0, 1, 2, 5, 7, 8)]
    assert [(a.day, b.day) for a, b in spans(dates)] == [(30, 1), (4, 4), (6, 7)]
    assert spans([]) == []

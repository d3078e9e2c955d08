"""The leakage audit passes on a sample of dates of four real seasons, and on a live day under replay."""

import json
import random
from datetime import UTC, date, datetime
from pathlib import Path

import polars as pl
import pytest

from nba_pipeline.assets.sources.boxscores import TABLE as BOXSCORES
from nba_pipeline.assets.sources.game_lines import TABLE as GAME_LINES
from nba_pipeline.assets.sources.injuries import TABLE as INJURIES
from nba_pipeline.assets.sources.play_by_play import TABLE as PLAY_BY_PLAY
from nba_pipeline.assets.sources.prop_lines import TABLE as PROP_LINES
from nba_pipeline.assets.sources.prop_lines import reject_lines
from nba_pipeline.assets.sources.rosters import TABLE as ROSTERS
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.assets.sources.team_boxscores import TABLE as TEAM_BOXSCORES
from nba_pipeline.assets.sources.team_boxscores import complete_with_sums
from nba_pipeline.audit.controls import control_dates, dates_with_effect, plant_results
from nba_pipeline.audit.derivations import REAL, Audit, Derivation
from nba_pipeline.audit.leakage import TESTS, Test
from nba_pipeline.audit.plants import PLANTS
from nba_pipeline.audit.recompute import World
from nba_pipeline.audit.sensitivity import a_fact_of_before_moves_the_row
from nba_pipeline.completeness.gates import WAIVERS
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.active_players import SEEN_SCHEMA
from nba_pipeline.league.calendar import days
from nba_pipeline.providers.archive import Archive
from nba_pipeline.providers.odds_rows import IGNORED, NO_OFFERS
from nba_pipeline.providers.player_matching import candidate_players, resolve_players
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline_tests.real.conftest import DATA, Platform, Replay, live_through

pytestmark = pytest.mark.real

SEED, SAMPLED = 0, 4
NOW = datetime(2025, 9, 1, tzinfo=UTC)
QUICK_PLANTS = ("window_that_holds_tonight", "only_who_played", "points_with_noise", "closing_line_of_the_game_in_play")
"""Leaks without their own derivation, and one with its own. The command and `make test` plant all of them."""
QUICK = [plant for plant in PLANTS if plant.name in QUICK_PLANTS]
WINDOWS = [plant for plant in PLANTS if plant.name in ("window_that_holds_tonight", "opponent_rating_that_holds_tonight")]

HISTORY, LIVED = ("2024-03-04", "2024-03-10"), date(2024, 3, 11)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """The sources of the four seasons; the archive has no play-by-play, no reports and no rosters."""
    clock = Clock(fixed_at=NOW.isoformat())
    landing = Landing(home=str(tmp_path_factory.mktemp("landing")), clock=clock)
    archive, dates = Archive(folder=str(DATA), landing=landing, clock=clock), days(date(2021, 10, 1), date(2025, 6, 22))
    schedule, boxscores = archive.schedule(dates), archive.boxscores(dates)
    players = archive.players()
    active = candidate_players(schedule, boxscores, players, pl.DataFrame(schema=SEEN_SCHEMA))
    team_boxscores = complete_with_sums(archive.team_boxscores(dates), boxscores)
    offered = pl.concat([NO_OFFERS, archive.prop_lines(dates)], how="diagonal_relaxed")
    lines = reject_lines(resolve_players(offered, players, active)).filter(pl.col(IGNORED).is_null()).drop(IGNORED)
    frames = {
        SCHEDULE: schedule,
        BOXSCORES: boxscores,
        TEAM_BOXSCORES: team_boxscores,
        PROP_LINES: lines,
        GAME_LINES: archive.game_lines(dates),
    }
    return {
        **{table.name: conformed(table, frame) for table, frame in frames.items()},
        **{table.name: table.empty() for table in (PLAY_BY_PLAY, INJURIES, ROSTERS, WAIVERS)},
    }


def conformed(table: Table, frame: pl.DataFrame) -> pl.DataFrame:
    """Returns the valid rows."""
    return table.conform(frame, NOW, "1")[0]


@pytest.fixture(scope="module")
def audit(world: World) -> Audit:
    games = sorted(set(world["boxscores"]["game_date"]))
    sample = sorted(random.Random(SEED).sample(games, SAMPLED))
    audit_run = Audit(world, sample, NOW, (), SEED)
    audit_run.control = control_dates(audit_run.world, sample, dates_with_effect(audit_run, QUICK, sample))
    return audit_run


@pytest.mark.parametrize("test", (*TESTS, a_fact_of_before_moves_the_row), ids=lambda test: test.__name__)
def test_no_feature_of_the_real_seasons_sees_the_future(audit: Audit, test: Test) -> None:
    result = test(audit, REAL, audit.dates)
    assert result.passed, (SEED, audit.dates, result)
    assert result.n > 40


@pytest.mark.parametrize("plant", QUICK, ids=lambda plant: plant.name)
def test_a_leak_planted_in_the_real_seasons_is_caught(audit: Audit, plant: Derivation) -> None:
    caught = [test.__name__ for test in TESTS if test(audit, plant, audit.control).passed is False]
    assert caught, (SEED, audit.control)


def test_the_first_weeks_of_a_season_show_leaks_in_windows_from_the_fifth_game_on(world: World) -> None:
    """On the first two dates, a window is null with and without the leak."""
    season = world["schedule"].filter(pl.col("game_date").is_between(date(2023, 10, 24), date(2023, 11, 5)))
    dates = season["game_date"].unique().sort().to_list()
    audit_run = Audit(world, dates, NOW, (), SEED)
    dates_audited = dates_with_effect(audit_run, WINDOWS, dates)
    assert not {day for plant in WINDOWS for day in dates_audited[plant.name]} & set(dates[:2])
    audit_run.control = control_dates(audit_run.world, dates, dates_audited)
    for record in plant_results(audit_run, WINDOWS, dates_audited, ()):
        assert "everything_after_the_first_tipoff_may_go" in record["caught_by"], record


@pytest.mark.long(seconds=80)
def test_a_live_day_equals_a_later_backfill_of_it(tmp_path: Path, replay: Replay) -> None:
    """The afternoon's responses include lines of a game in play."""
    platform = Platform(tmp_path, NBA_ARCHIVE_DIR=str(DATA))
    platform("backfill", "--from", HISTORY[0], "--to", HISTORY[1], code=None)
    platform.variables = {}
    in_play = {"match": {"provider": "odds_api"}, "action": "inplay_odds", "minutes": 20, "from": f"{LIVED}T15:00:00-04:00"}
    replay.misbehave(in_play)
    live_through(platform, replay, LIVED)
    later, day = "2024-03-12T12:00:00-04:00", str(LIVED)
    report = json.loads(
        platform("audit", "leakage", "--from", day, "--to", day, "--format", "json", code=None, NBA_PIPELINE_NOW=later)
    )  # fmt: skip
    tests = {test["name"]: test for test in report["tests"]}
    assert report["dates"] == [day]
    assert not [test for test in report["tests"] if test["passed"] is False]
    assert "stored predictions have a line" in tests["no_line_or_report_is_from_after_tipoff"]["detail"]
    for name in ("stored_rows_equal_recomputed_rows", "a_later_backfill_differs_only_where_a_source_did"):
        assert tests[name]["passed"] and tests[name]["n"] > 100
    missed = [plant for plant in report["plants"] if not plant["caught_by"]]
    # leaks into the distribution change nothing before it exists, which takes 500 graded rows
    assert not [plant["name"] for plant in missed if plant["is_tried"]]
    assert {plant["name"] for plant in missed} <= {"residuals_that_include_tonight", "record_of_the_whole_period"}

"""One evaluation on a small league: what it prints first, that two are equal, and the periods that it refuses."""

import json
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from nba_pipeline.errors import BadInput, PipelineError
from nba_pipeline.evaluation import evaluate as evaluation
from nba_pipeline.evaluation.evaluate import Report, Request, evaluate, with_members
from nba_pipeline.evaluation.manifest import Manifest
from nba_pipeline.evaluation.page import page
from nba_pipeline.evaluation.perfect_knowledge import NOTE, KnowsWhoPlays
from nba_pipeline.evaluation.report import as_json, sections
from nba_pipeline.evaluation.search import FILE
from nba_pipeline.formulas.expected_absences import ABSENCE_FEATURES
from nba_pipeline.formulas.markets import REBOUNDS
from nba_pipeline.systems import CATBOOST, LINEAR_MEDIAN
from nba_pipeline_tests.builders_evaluation import FIRST, LAST, PLAYERS, Memory, league, source_of

pytestmark = pytest.mark.platform

REQUEST = Request(FIRST, LAST, ("moving_average",))


def evaluated(home: Path, request: Request = REQUEST) -> Report:
    return evaluate(source_of(), home, request)


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    """The evaluation of REQUEST on the unchanged league."""
    return evaluated(tmp_path_factory.mktemp("evaluated"))


def test_two_evaluations_give_the_same_bytes(report: Report, tmp_path: Path) -> None:
    one, other = report, evaluated(tmp_path)
    assert as_json(one) == as_json(other) and page(one) == page(other)
    assert one.manifest.read_bytes() == other.manifest.read_bytes()


def test_the_hash_of_the_manifest_is_reported_before_the_first_week(tmp_path: Path) -> None:
    progress: list[str] = []
    report = evaluate(source_of(), tmp_path, REQUEST, progress.append)
    assert progress[0] == f"manifest {report.sha256}" and progress[1].startswith(f"{FIRST}: ")
    header = json.loads(report.manifest.read_text().splitlines()[0])
    assert header["population"] == 14 * PLAYERS and header["search_trials"] == 0


def test_counts_name_the_void_forecasts(report: Report) -> None:
    counts = report.counts
    assert (counts["with_line"], counts["played"], counts["void"]) == (14 * PLAYERS, 14 * (PLAYERS - 1), 14)
    assert (counts["closing_captured"], counts["closing_missed"]) == (14 * PLAYERS, 0)


def test_a_missed_closing_line_is_counted_as_missed(tmp_path: Path) -> None:
    lines = league()["prop_lines"]
    early = {name: pl.col(name) - timedelta(hours=2) for name in ("snapshot_at", "captured_at")}
    report = evaluate(source_of(prop_lines=lines.with_columns(**early)), tmp_path, REQUEST)
    assert report.closings.rows() == [("draftkings", 0, 14 * PLAYERS), ("fanduel", 0, 14 * PLAYERS)]
    assert any(note.startswith("The closing line of 168 player-games was missed") for note in report.notes)


def test_a_changed_population_has_another_manifest(report: Report, tmp_path: Path) -> None:
    lines = league()["prop_lines"]
    fewer = evaluate(source_of(prop_lines=lines.filter(lines["player_id"] > 1)), tmp_path, REQUEST)
    assert fewer.sha256 != report.sha256


def searched(home: Path) -> None:
    period = {"from": str(FIRST - timedelta(days=30)), "to": str(FIRST), "system": "xgboost"}
    (home / FILE).parent.mkdir(parents=True)
    Manifest(home / FILE).append({**period, "trials": [{}, {}]})


def test_a_period_of_a_search_is_refused(tmp_path: Path) -> None:
    searched(tmp_path)
    message = (
        f"parameters were searched on dates of this period: xgboost from 2024-02-17 to {FIRST}; choose other dates, or --allow"
    )
    with pytest.raises(BadInput, match=message):
        evaluated(tmp_path)
    assert list((tmp_path / "evaluations").glob("*.jsonl")) == []


def test_every_table_names_an_allowed_overlap(tmp_path: Path) -> None:
    searched(tmp_path)
    report = evaluated(tmp_path, Request(FIRST, LAST, ("moving_average",), allows_overlap=True))
    assert all("NO EVIDENCE: parameters were searched on dates of this period" in section.title for section in sections(report))
    assert report.header["search_trials"] == 2 and page(report).count("NO EVIDENCE") >= len(sections(report))


def test_a_search_of_other_dates_is_counted(tmp_path: Path) -> None:
    searched(tmp_path)
    report = evaluated(tmp_path, Request(FIRST + timedelta(days=1), LAST, ("moving_average",)))
    assert report.header["search_trials"] == 2 and not report.header["overlap"]


def test_a_period_without_lines_is_refused(tmp_path: Path) -> None:
    later = LAST + timedelta(days=1)
    with pytest.raises(
        BadInput, match=f"prop_lines has no player_points line from before tip-off from {later} to {later}; --lines"
    ):
        evaluated(tmp_path, Request(later, later, ("moving_average",)))


def test_a_period_without_features_names_the_next_command(tmp_path: Path) -> None:
    features = league()["features"]
    source = source_of(features=features.filter(features["game_date"] < FIRST))
    with pytest.raises(
        BadInput, match=f"features has no rows from {FIRST} to {LAST}; next: nba-pipeline backfill --from {FIRST}"
    ):
        evaluate(source, tmp_path, REQUEST)


def test_a_period_without_any_model_names_the_reason(tmp_path: Path) -> None:
    read = pl.col("points_mean_last_5_games")
    features = league()["features"].with_columns(read.alias(name) for name in LINEAR_MEDIAN.reads)
    message = "no forecast of linear_median has a result from 2024-03-18 to 2024-03-31; a model needs 2,000 player-games"
    with pytest.raises(PipelineError, match=message):
        evaluate(source_of(features=features), tmp_path, Request(FIRST, LAST, ("linear_median",)))


def test_members_of_a_combination_are_replayed() -> None:
    assert [system.system_id for system in with_members(["market_blend"])] == [
        "linear_median",
        "xgboost",
        "ensemble",
        "market_blend",
    ]


def test_the_page_loads_nothing_and_has_the_plots(report: Report) -> None:
    html = page(report)
    assert html.count("<svg") == 2  # too few rows for a probability, and no model: gap by month, error by tier
    outside = [part for part in ("<script", "src=", 'href="http', "url(http", "@import") if part in html]
    assert outside == []


def test_catboost_is_trained_every_fourth_week_at_most() -> None:
    request = Request(FIRST, LAST, ("linear_median",), refit_weeks=2)
    assert request.refits(LINEAR_MEDIAN) == 2 and request.refits(CATBOOST) == 4 and Request(FIRST, LAST, ()).refits(CATBOOST) == 4


class MemoryOfRebounds(Memory):
    """Remembers the rebounds of every row that it was trained on."""

    market = REBOUNDS


def test_a_second_market_is_evaluated_against_its_own_lines_and_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every forecast is 0, because no row of the period was in the training."""
    monkeypatch.setattr(evaluation, "MARKET_SYSTEMS", {REBOUNDS.name: (MemoryOfRebounds(),)})
    rows = league()
    few = pl.col("player_id") <= 5
    of_rebounds = (
        rows["prop_lines"]
        .filter(few)
        .with_columns(market=pl.lit(REBOUNDS.name), line=pl.lit(6.5), line_half_points=pl.lit(13, pl.Int64))
    )
    source = source_of(prop_lines=pl.concat([rows["prop_lines"], of_rebounds]))
    report = evaluate(source, tmp_path, Request(FIRST, LAST, ("memory",), market=REBOUNDS))
    played = rows["player_game_summary"].filter(pl.col("game_date") >= FIRST, few)
    mean = played["rebounds"].mean()
    assert isinstance(mean, float)
    overall = report.records.row(by_predicate=(pl.col("system_id") == "memory") & (pl.col("group") == "all"), named=True)
    assert (report.header["market"], overall["n"], overall["mae"]) == (REBOUNDS.name, 14 * 5, round(mean, 5))
    assert sections(report)[0].title == "Errors in rebounds, beside the line on the same rows"
    edges = report.records.filter(pl.col("group") == "edge", pl.col("system_id") == "memory")["value"]
    assert edges.to_list() == [f"at least {edge:g}" for edge in (0, 0.4, 0.8, 1.2, 2)]


def test_a_bound_says_in_every_table_that_it_is_no_forecast(report: Report, tmp_path: Path) -> None:
    rows = league()
    features = rows["features"].with_columns(pl.lit("GSW").alias("team"), *(pl.lit(0.5).alias(n) for n in ABSENCE_FEATURES))
    known = {"team": pl.lit("GSW"), "season": pl.lit("2023-24"), "minutes": pl.lit(30.0)}
    statistics = {name: pl.lit(1, pl.Int64) for name in ("fga", "fta", "turnovers", "blocks", "assists", "fg3a")}
    games = rows["player_game_summary"].filter("did_play").with_columns(**known, **statistics)
    source = KnowsWhoPlays(source_of(features=features), games)
    bound = evaluate(source, tmp_path, REQUEST)
    assert all(NOTE in section.title for section in sections(bound)) and NOTE in bound.notes
    assert report.header["bound"] == []


def test_the_bound_knows_the_absences_of_the_evaluated_game() -> None:
    """Eleven players of a team play every day. Player 1 misses the last day, with 30 minutes and 20 points a game."""
    rows = league()
    known = {"team": pl.lit("GSW"), "season": pl.lit("2023-24"), "minutes": pl.lit(30.0), "points": pl.lit(20, pl.Int64)}
    statistics = {name: pl.lit(1, pl.Int64) for name in ("fga", "fta", "turnovers", "blocks", "assists", "fg3a")}
    missed = (pl.col("player_id") == 1) & (pl.col("game_date") == LAST)
    games = rows["player_game_summary"].filter(pl.col("did_play") & ~missed).with_columns(**known, **statistics)
    features = rows["features"].with_columns(
        pl.lit("GSW").alias("team"), *(pl.lit(None, pl.Float64).alias(n) for n in ABSENCE_FEATURES)
    )
    source = KnowsWhoPlays(source_of(features=features), games)
    absent = source.features([LAST]).filter(pl.col("player_id").is_in([1, 2])).select("player_id", "absent_points_expected")
    assert absent.rows() == [(1, 0.0), (2, 20.0)]
    assert source.features([LAST]).columns == features.columns

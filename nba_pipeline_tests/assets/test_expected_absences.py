"""expected_absences: the same bits for one date alone, and the evidence of each row."""

from datetime import date, timedelta

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from nba_pipeline.assets.features.expected_absences import TABLE, expected_absences_of
from nba_pipeline.assets.sources.injuries import TABLE as INJURIES
from nba_pipeline_tests.assets.test_career_form import expected_of
from nba_pipeline_tests.builders import a_league, at, frame_of, summaries_of

pytestmark = pytest.mark.slow

FIRST = date(2023, 11, 1)


@pytest.fixture(scope="module")
def league() -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Expected players, summaries, and a report of every game of the second half that lists who did not play as out."""
    _, boxscores = a_league(FIRST, 40)
    reported = boxscores.filter(pl.col("game_date") >= FIRST + timedelta(days=20))
    entries = [
        {
            "game_date": row["game_date"],
            "game_id": row["game_id"],
            "team": row["team"],
            "player_id": row["player_id"],
            "status": "out" if not row["did_play"] else "available",
            "snapshot_at": at(20, day=row["game_date"]),
            "seen_at": at(20, day=row["game_date"]),
            "tipoff_at": at(23, day=row["game_date"]),
            "is_before_tipoff": True,
        }
        for row in reported.iter_rows(named=True)
    ]
    return expected_of(boxscores), summaries_of(*boxscores.to_dicts()), frame_of(INJURIES, *entries)


def test_every_row_keeps_the_tables_promise(league: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]) -> None:
    rows = expected_absences_of(*league)
    valid, quarantined = TABLE.conform(rows, at(12), "1")
    assert (valid.height, quarantined.height) == (rows.height, 0)


def test_the_evidence_goes_from_unknown_to_box_scores_to_reports(league: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]) -> None:
    rows = expected_absences_of(*league).sort("game_date")
    assert rows.head(1)["absence_evidence"].item() is None
    assert rows.filter(game_date=FIRST + timedelta(days=18))["absence_evidence"].unique().to_list() == ["box_scores"]
    assert rows.filter(game_date=FIRST + timedelta(days=78))["absence_evidence"].unique().to_list() == ["injury_reports"]


def test_a_player_reported_out_is_expected_to_stay_out(league: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]) -> None:
    """In this league nobody plays who is reported out, and everybody else does."""
    *_, reports = league
    rows = expected_absences_of(*league).filter(game_date=FIRST + timedelta(days=78))
    told = reports.select("game_id", "player_id", "status")
    chances = rows.join(told, on=["game_id", "player_id"]).group_by("status").agg(pl.col("plays_probability").mean())
    found = dict(chances.iter_rows())
    assert found["out"] < 0.1 and found["available"] > 0.95


def test_one_date_alone_with_only_its_past_has_the_same_bits(league: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]) -> None:
    upcoming, games, reports = league
    together = expected_absences_of(upcoming, games, reports)
    for day in (FIRST + timedelta(days=18), FIRST + timedelta(days=60)):
        past = games.filter(pl.col("game_date") < day).sample(fraction=1, shuffle=True, seed=2)
        alone = expected_absences_of(upcoming.filter(game_date=day), past, reports.filter(pl.col("game_date") <= day))
        assert_frame_equal(alone, together.filter(game_date=day), check_exact=True)


def test_a_report_of_after_the_tipoff_changes_nothing(league: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]) -> None:
    upcoming, games, reports = league
    day = FIRST + timedelta(days=78)
    late = reports.filter(game_date=day).with_columns(pl.lit(False).alias("is_before_tipoff"), pl.lit("out").alias("status"))
    late = late.with_columns(pl.col("snapshot_at", "seen_at") + timedelta(hours=4))
    assert_frame_equal(
        expected_absences_of(upcoming, games, pl.concat([reports, late])), expected_absences_of(upcoming, games, reports)
    )

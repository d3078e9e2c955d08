"""Disagreements between two sources of one game, and their rows."""

import polars as pl
import pytest

from nba_pipeline.completeness.disagreements import DISAGREEMENTS, disagreements
from nba_pipeline.providers.columns import BOXSCORE_COLUMNS
from nba_pipeline_tests.builders import DAY, Values, a_boxscore, at, who_did_not_play

GAME = a_boxscore()["game_id"]


def rows_of(*rows: Values) -> pl.DataFrame:
    """Rows in the format of a provider's parser."""
    return pl.DataFrame(list(rows), schema=BOXSCORE_COLUMNS)


def found(kept: Values, *other: Values, provider: str = "nba_stats") -> list[tuple[object, ...]]:
    """(statistic, value, other_value) of each disagreement between a row and another source."""
    theirs = rows_of(*(row | {"provider": provider} for row in other))
    return disagreements(rows_of(kept), [theirs]).select("statistic", "value", "other_value").rows()


def test_a_disagreement_names_both_sources_and_both_values() -> None:
    theirs = a_boxscore(points=22, provider="nba_stats", source="log")
    frame = disagreements(rows_of(a_boxscore(points=20)), [rows_of(theirs)])
    rows, bad = DISAGREEMENTS.conform(frame, at(20), "1")
    assert bad.is_empty() and rows.drop("as_of", "code_version").row(0, named=True) == {
        "game_date": DAY, "game_id": GAME, "player_id": 201939, "player_name": "Stephen Curry", "statistic": "points",
        "provider": "nba_cdn", "value": 20.0, "other_provider": "nba_stats", "other_value": 22.0, "source": "test, log",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("minutes", "expected"), [(31.0, []), (29.0, []), (31.02, [("minutes", 30.0, 31.02)]), (28.9, [("minutes", 30.0, 28.9)])]
)
def test_minutes_may_be_apart_by_the_rounding(minutes: float, expected: list[object]) -> None:
    assert found(a_boxscore(), a_boxscore(minutes=minutes)) == expected


def test_a_player_of_one_source_only_is_null_in_the_other() -> None:
    somebody = a_boxscore(player_id=2, points=4, minutes=9.0)
    assert found(a_boxscore(), a_boxscore(), somebody) == [("minutes", None, 9.0), ("points", None, 4.0)]
    assert found(somebody, who_did_not_play(player_id=2), a_boxscore(player_id=3, points=0, minutes=0.0)) == [
        ("minutes", 9.0, None),
        ("points", 4.0, None),
    ]


def test_seconds_missing_from_the_other_source_are_no_disagreement() -> None:
    assert found(a_boxscore(), a_boxscore(), a_boxscore(player_id=2, points=0, minutes=0.4)) == []


def test_an_unusable_row_reports_no_missing_player() -> None:
    unresolved = a_boxscore(player_id=None, problem="unresolved name 'S. Curry'")
    assert found(a_boxscore(), unresolved, a_boxscore(player_id=2, points=0, minutes=0.0)) == []
    assert found(a_boxscore(points=20), a_boxscore(points=22), unresolved) == [("points", 20.0, 22.0)]


def test_only_games_of_two_sources_are_compared() -> None:
    assert found(a_boxscore(points=20), a_boxscore(points=22), provider="nba_cdn") == []
    assert found(a_boxscore(points=20), a_boxscore(points=22, game_id="0022300001")) == []
    assert disagreements(rows_of(), [rows_of()]).is_empty()


def test_each_other_source_is_reported() -> None:
    others = [rows_of(a_boxscore(points=22, provider=name)) for name in ("nba_stats", "balldontlie")]
    frame = disagreements(rows_of(a_boxscore(points=20)), others)
    assert frame["other_provider"].to_list() == ["nba_stats", "balldontlie"]
    assert isinstance(frame, pl.DataFrame) and frame.select(DISAGREEMENTS.key).is_unique().all()

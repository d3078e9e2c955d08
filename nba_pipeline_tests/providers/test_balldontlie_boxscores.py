"""Resolution of the names in box scores of balldontlie."""

from datetime import date
from typing import Any

import polars as pl

from nba_pipeline.providers.balldontlie_boxscores import with_player_ids
from nba_pipeline_tests.builders import a_boxscore, parsed_rows_of

EARLIER = date(2024, 3, 10)


def named(
    *mentions: tuple[str, str], candidates: list[tuple[int, str, str]], spellings: list[tuple[int, str]] | None = None
) -> list[Any]:
    """Returns the player_id or problem of each (team, name)."""
    box = parsed_rows_of(
        *(a_boxscore(team=team, player_name=name, player_id=None, provider="balldontlie") for team, name in mentions)
    )
    people = pl.DataFrame(candidates, schema={"player_id": pl.Int64, "player_name": pl.String, "team": pl.String}, orient="row")
    people = people.with_columns(pl.lit(EARLIER).alias("game_date"), pl.lit("2023-24").alias("season"))
    resolved = pl.DataFrame(spellings or [], schema={"player_id": pl.Int64, "spelling": pl.String}, orient="row")
    frame = with_player_ids(box, people, resolved)
    assert frame.schema == box.schema
    return [row["player_id"] or row["problem"] for row in frame.iter_rows(named=True)]


def test_the_team_distinguishes_two_players_of_one_name() -> None:
    candidates = [(1, "Jalen Smith", "GSW"), (2, "Jalen Smith", "NYK")]
    assert named(("NYK", "Jalen Smith"), ("GSW", "Jalen Smith"), candidates=candidates) == [2, 1]


def test_two_players_of_one_name_in_one_team_are_ambiguous() -> None:
    candidates = [(1, "Jalen Smith", "GSW"), (2, "Jalen Smith", "GSW")]
    assert named(("GSW", "Jalen Smith"), candidates=candidates) == ["ambiguous name 'Jalen Smith': Jalen Smith, Jalen Smith"]


def test_a_player_of_another_team_resolves_in_the_league() -> None:
    assert named(("GSW", "Al Able"), candidates=[(1, "Al Able", "BOS")]) == [1]


def test_a_player_without_a_recent_box_score_is_ambiguous() -> None:
    assert named(("GSW", "Al Able"), candidates=[], spellings=[(1, "Al Able")]) == [
        "ambiguous name 'Al Able': 1, or a new player"
    ]

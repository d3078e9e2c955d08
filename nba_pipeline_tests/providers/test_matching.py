"""Other providers' games are matched by Eastern date and teams."""

from datetime import date

import polars as pl
import pytest

from nba_pipeline.providers.matching import match_games

SCHEDULE = pl.DataFrame(
    [
        ("g1", date(2024, 3, 12), "BOS", "NYK"),
        ("g2", date(2024, 3, 13), "BOS", "NYK"),
        ("g3", date(2024, 3, 12), "LAL", "GSW"),
        ("g4", date(2024, 3, 11), "MIA", "ORL"),
        ("g5", date(2024, 3, 13), "MIA", "ORL"),
    ],
    schema=["game_id", "game_date", "home_team", "away_team"],
    orient="row",
)


@pytest.mark.parametrize(
    ("day", "home", "away", "game_id"),
    [
        (12, "BOS", "NYK", "g1"),
        (12, "NYK", "BOS", "g1"),
        (13, "LAL", "GSW", "g3"),
        (11, "GSW", "LAL", "g3"),
        (14, "LAL", "GSW", None),
        (12, "MIA", "ORL", None),
        (12, "CHI", "DET", None),
        (12, None, "NYK", None),
    ],
    ids=["same", "other orientation", "a day late", "a day early", "two days late", "two neighbours", "no game", "no team"],
)
def test_a_game_matches_if_exactly_one_candidate_exists(day: int, home: str, away: str, game_id: str | None) -> None:
    provider_games = pl.DataFrame({"game_date": [date(2024, 3, day)], "home_team": [home], "away_team": [away]}).cast(
        {"home_team": pl.String}
    )
    assert match_games(provider_games, SCHEDULE)["game_id"].to_list() == [game_id]


def test_an_adjacent_game_with_its_own_event_does_not_match() -> None:
    provider_games = pl.DataFrame(
        {"game_date": [date(2024, 3, 14), date(2024, 3, 13)], "home_team": ["BOS", "BOS"], "away_team": ["NYK", "NYK"]}
    )
    assert match_games(provider_games, SCHEDULE)["game_id"].to_list() == [None, "g2"]

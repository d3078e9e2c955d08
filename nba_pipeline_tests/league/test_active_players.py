"""Active players of a game."""

from datetime import date, timedelta

import polars as pl
import pytest

from nba_pipeline.league.active_players import SEEN_SCHEMA, active_players
from nba_pipeline.settings import SETTINGS

DAY = date(2024, 3, 12)
LAST_SEASON = date(2023, 6, 1)


def standings(*seen: tuple[date, str, int, bool]) -> dict[int, str]:
    """Returns player -> standing in GSW against NYK, from (date, team, player, is_roster)."""
    rows = [
        (day, "2023-24" if day.year == DAY.year else "2022-23", team, player_id, f"P{player_id}", roster)
        for day, team, player_id, roster in seen
    ]
    sides = pl.DataFrame({"game_id": ["g1"] * 2, "game_date": [DAY] * 2, "season": ["2023-24"] * 2, "team": ["GSW", "NYK"]})
    statuses = active_players(sides, pl.DataFrame(rows, schema=SEEN_SCHEMA, orient="row"))
    return dict(statuses.select("player_id", "standing").iter_rows())


def ago(days: int) -> date:
    return DAY - timedelta(days=days)


@pytest.mark.parametrize(
    ("seen", "standing"),
    [
        ([(ago(2), "GSW", 1, False)], "of_the_teams"),
        ([(LAST_SEASON, "NYK", 1, False)], "of_the_teams"),
        ([(ago(9), "GSW", 1, False), (ago(2), "BOS", 1, False)], "of_the_teams"),
        ([(ago(2), "BOS", 1, False)], "elsewhere"),
        ([(LAST_SEASON, "NYK", 1, False), (ago(2), "BOS", 1, False)], "elsewhere"),
        ([(LAST_SEASON, "BOS", 1, False)], "unattached"),
        ([(DAY, "BOS", 1, True)], "rostered_elsewhere"),
        ([(ago(1), "BOS", 1, True)], "elsewhere"),
        ([(ago(2), "BOS", 1, False), (DAY, "GSW", 1, True)], "of_the_teams"),
        ([(DAY, "GSW", 1, False)], None),
        ([(ago(-1), "GSW", 1, True)], None),
        ([(DAY, "GSW", -1, True)], "of_the_teams"),
        ([(ago(1), "GSW", -1, True)], None),
    ],
    ids=[
        "seen with the team",
        "seen last season",
        "has left",
        "plays elsewhere",
        "left in summer",
        "plays nowhere yet",
        "rostered elsewhere",
        "was rostered elsewhere",
        "has come",
        "the game itself",
        "a later roster",
        "without an id",
        "without an id before",
    ],
)
def test_standing_of_a_player(seen: list[tuple[date, str, int, bool]], standing: str | None) -> None:
    assert next(iter(standings(*seen).values()), None) == standing


@pytest.mark.parametrize(("days", "is_active"), [(0, True), (1, False)])
def test_a_player_without_a_recent_sighting_is_not_active(days: int, is_active: bool) -> None:
    last = ago(SETTINGS.names.active_days + 1 + days)  # a box score counts from the next day on
    assert bool(standings((last, "GSW", 1, False))) == is_active


@pytest.mark.parametrize(
    ("evidence", "shown_on", "standing"),
    [
        ("boxscore", ago(-5), "unattached"),
        ("boxscore", ago(5), "unattached"),
        ("seed", ago(-5), None),
        ("operator", ago(-5), None),
        ("boxscore", ago(SETTINGS.names.active_days + 1), None),
        ("boxscore", ago(-SETTINGS.names.active_days - 1), None),
    ],
)
def test_players_with_a_first_box_score_soon_are_active_on_the_first_dates_of_a_home(
    evidence: str, shown_on: date, standing: str | None
) -> None:
    players = pl.DataFrame({"game_date": [shown_on], "player_id": [1], "spelling": ["P1"], "evidence": [evidence]})
    sides = pl.DataFrame({"game_id": ["g1"] * 2, "game_date": [DAY] * 2, "season": ["2023-24"] * 2, "team": ["GSW", "NYK"]})
    statuses = active_players(sides, pl.DataFrame(schema=SEEN_SCHEMA), players)
    assert next(iter(statuses["standing"]), None) == standing


def test_without_games_there_are_no_active_players() -> None:
    empty = pl.DataFrame(schema={"game_id": pl.String, "game_date": pl.Date, "season": pl.String, "team": pl.String})
    assert active_players(empty, pl.DataFrame(schema=SEEN_SCHEMA)).is_empty()

"""Rows that tests of the summaries and of the zones made from them need: team games, shots, and players with known zones."""

from datetime import date, timedelta
from itertools import count
from typing import Any

import polars as pl

from nba_pipeline.assets.sources.play_by_play import TABLE as PLAY_BY_PLAY
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.assets.sources.team_boxscores import sum_players
from nba_pipeline.assets.summaries.player_game_summary import TABLE as PLAYER_GAMES
from nba_pipeline.assets.summaries.player_game_summary import summarize_player_games
from nba_pipeline.assets.summaries.team_game_summary import TABLE as TEAM_GAMES
from nba_pipeline.assets.summaries.team_game_summary import summarize_team_games
from nba_pipeline.formulas.shot_zones import TEAM_ZONE_COLUMNS
from nba_pipeline_tests.builders import DAY, Values, a_boxscore, frame_of

ORDER = count(1)
COUNTS = {
    "fgm": 40, "fga": 90, "fg3m": 12, "fg3a": 36, "ftm": 18, "fta": 20, "oreb": 10, "dreb": 33, "rebounds": 43, "assists": 25,
    "steals": 8, "blocks": 5, "turnovers": 13, "fouls": 19,
}  # fmt: skip
Zones = tuple[int, int, int]
"""Paint, mid-range and three-point."""


def a_team_boxscore(game_date: date = DAY, points: int = 110, **fields: Any) -> Values:
    """A row of `team_boxscores`: Golden State, at home."""
    return {
        "game_date": game_date, "game_id": f"002{game_date:%y%m%d}1", "season": "2023-24", "team": "GSW", "opponent": "NYK",
        "is_home": True, "points": points, "is_reconstructed": False, "provider": "nba_cdn", "source": "test", **COUNTS,
    } | fields  # fmt: skip


def a_team_game(game_date: date = DAY, margin: int = 10, **fields: Any) -> Values:
    """A row of `team_game_summary`: Golden State against New York, with zones of neither."""
    return {
        "game_date": game_date, "game_id": f"002{game_date:%y%m%d}1", "season": "2023-24", "team": "GSW", "opponent": "NYK",
        "is_home": True, "did_win": margin > 0, "points": 100 + margin, "opponent_points": 100, "margin": margin,
        "overtimes": 0, **COUNTS, "possessions": 100.0, "offensive_rating": 110.0, "defensive_rating": 100.0, "pace": 100.0,
        "is_reconstructed": False, "source": "test",
    } | fields  # fmt: skip


def team_games(*rows: Values) -> pl.DataFrame:
    """A frame of `team_game_summary`."""
    return frame_of(TEAM_GAMES, *rows)


def allowing(made: Zones, attempts: Zones, prefix: str = "allowed_") -> Values:
    """The zone columns of what a team allowed, or with another prefix of what it shot itself."""
    pairs = [number for pair in zip(attempts, made, strict=True) for number in pair]
    return {f"{prefix}{name}": number for name, number in zip(TEAM_ZONE_COLUMNS, pairs, strict=True)}


def a_zoned_game(game_date: date = DAY, attempts: Zones = (5, 2, 3), made: Zones = (3, 1, 1), **fields: Any) -> Values:
    """A row of `player_game_summary` with known zones, every paint shot that went in assisted."""
    row = a_boxscore(game_date) | {"flags": []}
    assists = {"assisted_fgm": made[0], "unassisted_fgm": made[1] + made[2]}
    return row | allowing(made, attempts, "") | assists | {"has_complete_zones": True, "quality_score": 100.0} | fields


def zoned_games(games: int, last: date = DAY - timedelta(days=2), every: int = 2, **fields: Any) -> list[Values]:
    """The same zoned game every so many days, up to `last`."""
    return [a_zoned_game(last - timedelta(days=every * n), **fields) for n in reversed(range(games))]


def player_games(*rows: Values) -> pl.DataFrame:
    """A frame of `player_game_summary`."""
    return frame_of(PLAYER_GAMES, *rows)


def shots_of(row: Values, attempts: Zones, made: Zones, **fields: Any) -> list[Values]:
    """Rows of `play_by_play`: the shots of the player of a `boxscores` row by zone, and his free throws."""
    kinds = (("2pt", "Restricted Area"), ("2pt", "Mid-Range"), ("3pt", "Above the Break 3"))
    shots = [
        (kind, area, n < makes) for (kind, area), tries, makes in zip(kinds, attempts, made, strict=True) for n in range(tries)
    ]
    throws = [("freethrow", None, n < row["ftm"]) for n in range(row["fta"])]
    return [an_action(row, kind, area, is_made, **fields) for kind, area, is_made in (*shots, *throws)]


def an_action(row: Values, kind: str, area: str | None, is_made: bool, **fields: Any) -> Values:
    """A row of `play_by_play`: something that the player of a `boxscores` row did."""
    return {
        "game_date": row["game_date"], "game_id": row["game_id"], "order_number": next(ORDER), "action_number": 1, "period": 1,
        "period_seconds_left": 600.0, "team": row["team"], "player_id": row["player_id"], "action_type": kind, "area": area,
        "is_made": is_made, "home_points": 0, "away_points": 0, "source": "test",
    } | fields  # fmt: skip


def plays_of(*rows: Values) -> pl.DataFrame:
    """A frame of `play_by_play`."""
    return frame_of(PLAY_BY_PLAY, *rows)


def team_summaries_of(boxscores: pl.DataFrame, schedule: pl.DataFrame | None = None) -> pl.DataFrame:
    """Rows of `team_game_summary`, made from those of `boxscores` alone: counts are sums of players, zones unknown."""
    games = SCHEDULE.empty() if schedule is None else schedule
    return summarize_team_games(sum_players(boxscores), summarize_player_games(boxscores), plays_of(), games)

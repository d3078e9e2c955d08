"""Columns that the parsers of all providers return, in order."""

import polars as pl

STATISTICS = (
    "points",
    "rebounds",
    "oreb",
    "dreb",
    "assists",
    "steals",
    "blocks",
    "turnovers",
    "fouls",
    "fgm",
    "fga",
    "fg3m",
    "fg3a",
    "ftm",
    "fta",
)
"""Counting statistics of a box score, in the order of its columns."""

SCHEDULE_COLUMNS = {
    "game_date": pl.Date(),
    "game_id": pl.String(),
    "season": pl.String(),
    "season_type": pl.String(),
    "tipoff_at": pl.Datetime("us", "UTC"),
    "tipoff_source": pl.String(),
    "home_team": pl.String(),
    "away_team": pl.String(),
    "is_neutral": pl.Boolean(),
    "status": pl.String(),
    "status_text": pl.String(),
    "home_points": pl.Int64(),
    "away_points": pl.Int64(),
    "game_label": pl.String(),
    "arena": pl.String(),
    "has_boxscore_source": pl.Boolean(),
    "source": pl.String(),
    "problem": pl.String(),
}
"""Columns of a schedule. One row per game."""

BOXSCORE_COLUMNS = {
    "game_date": pl.Date(),
    "game_id": pl.String(),
    "player_id": pl.Int64(),
    "season": pl.String(),
    "team": pl.String(),
    "opponent": pl.String(),
    "is_home": pl.Boolean(),
    "player_name": pl.String(),
    "did_play": pl.Boolean(),
    "status": pl.String(),
    "reason": pl.String(),
    "is_starter": pl.Boolean(),
    "seconds": pl.Int64(),
    "minutes": pl.Float64(),
    "minutes_precision": pl.String(),
    **dict.fromkeys(STATISTICS, pl.Int64()),
    "plus_minus": pl.Int64(),
    "team_points": pl.Int64(),
    "provider": pl.String(),
    "source": pl.String(),
    "problem": pl.String(),
}
"""Columns of player box scores. One row per game and player."""

TEAM_BOXSCORE_COLUMNS = {
    "game_date": pl.Date(),
    "game_id": pl.String(),
    "season": pl.String(),
    "team": pl.String(),
    "opponent": pl.String(),
    "is_home": pl.Boolean(),
    **dict.fromkeys(STATISTICS, pl.Int64()),
    "seconds": pl.Int64(),
    "periods": pl.Int64(),
    "is_reconstructed": pl.Boolean(),
    "provider": pl.String(),
    "source": pl.String(),
    "problem": pl.String(),
}
"""Columns of team box scores. One row per game and team."""

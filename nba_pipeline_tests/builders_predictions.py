"""Rows that tests of systems, predictions and grades need, and small models that are trained in an instant."""

import random
from datetime import date, timedelta
from functools import cache
from typing import Any

import polars as pl

from nba_pipeline.assets.features.features import FEATURES, RANGES
from nba_pipeline.assets.features.features import TABLE as FEATURE_ROWS
from nba_pipeline.assets.features.upcoming_players import TABLE as UPCOMING_PLAYERS
from nba_pipeline.assets.grades.grades import TABLE as GRADES
from nba_pipeline.assets.predictions.predictions import TABLE as PREDICTIONS
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.formulas.prices import OF_A_SIDE
from nba_pipeline.league.calendar import season_of, week_of
from nba_pipeline.settings import Training
from nba_pipeline.systems.catboost import CATBOOST, CatBoost
from nba_pipeline.systems.interface import Card, TrainedModel
from nba_pipeline_tests.builders import DAY, PLAYER, Values, a_boxscore, a_game, an_expected_player, at, frame_of, summaries_of

GAME = f"002{DAY:%y%m%d}1"
TIPOFF = at(23, 30)
BEFORE_TIPOFF, AFTER_TIPOFF = TIPOFF - timedelta(hours=3), TIPOFF + timedelta(hours=3)
STARTS = {season_of(DAY): date(2023, 10, 24)}
WEEK = week_of(DAY)

BASELINE = {
    "points_mean_last_5_games": 20.0, "points_mean_last_10_games": 20.0, "points_mean_season": 20.0,
    "fatigue_score": 100.0, "is_back_to_back": 0.0, "shot_zone_mismatch_score": 0.0, "pace_score": 0.0,
    "usage_spike_score": 0.0, "home_court_level": 0.5, "minutes_mean_last_10_games": 30.0,
}  # fmt: skip
"""Everybody is a rested 20-point scorer on a neutral court."""


def a_feature_row(game_date: date = DAY, **fields: Any) -> Values:
    """A row of `features`: every feature known, and moving_average says 20."""
    return {
        "game_date": game_date, "game_id": f"002{game_date:%y%m%d}1", "player_id": PLAYER, "season": season_of(game_date),
        "team": "GSW", "opponent": "NYK", "games_played_season": 40, "code_version": "made so",
        **dict.fromkeys(FEATURES, 1.0), **BASELINE,
    } | fields  # fmt: skip


def features_of_rows(*rows: Values) -> pl.DataFrame:
    """A frame of `features`."""
    return frame_of(FEATURE_ROWS, *rows)


def a_slate(*players: Values, **game: Any) -> dict[str, pl.DataFrame]:
    """What `predict_slate` reads about one game that starts at TIPOFF: features of the players named, and no lines."""
    rows = [a_feature_row(**fields) for fields in players] or [a_feature_row()]
    expected = [an_expected_player(**{k: row[k] for k in ("game_date", "game_id", "player_id")}) for row in rows]
    return {
        "upcoming_players": frame_of(UPCOMING_PLAYERS, *expected),
        "features": features_of_rows(*rows),
        "schedule": frame_of(SCHEDULE, a_game(**{"status": "scheduled", "tipoff_at": TIPOFF} | game)),
        "lines": market(),
    }


def market(line: float | None = None, **fields: Any) -> pl.DataFrame:
    """The market line of the player, as seen four hours before the tip-off; none without a number."""
    row = {
        "game_id": GAME,
        "player_id": PLAYER,
        "market": "player_points",
        "line": line,
        "adjusted_line": line,
        "book": "draftkings",
        "line_source": "odds",
        "snapshot_at": TIPOFF - timedelta(hours=4),
        "prices_snapshot_at": TIPOFF - timedelta(hours=4),
    } | fields
    schema: dict[str, Any] = {
        "game_id": pl.String,
        "player_id": pl.Int64,
        "market": pl.String,
        "line": pl.Float64,
        "adjusted_line": pl.Float64,
        "book": pl.String,
        "line_source": pl.String,
        "snapshot_at": pl.Datetime("us", "UTC"),
        "market_over_probability": pl.Float64,
        "prices_snapshot_at": pl.Datetime("us", "UTC"),
    }
    kinds = {"price": pl.Int64, "best_price": pl.Int64, "price_edge": pl.Float64}
    schema |= {f"{side}_{name}": kinds.get(name, pl.String) for side in ("over", "under") for name in OF_A_SIDE}
    return pl.DataFrame([row] if line is not None else [], schema=schema)


def a_prediction(recommendation: str = "OVER", **fields: Any) -> Values:
    """A row of `predictions`: live, 25 points against a line of 20.5."""
    return {
        "game_date": DAY, "game_id": GAME, "player_id": PLAYER, "system_id": "moving_average", "market": "player_points", "run_kind": "live",
        "version": 1, "prediction_id": "first", "predicted_value": 25.0, "line": 20.5, "recommendation": recommendation,
        "made_at": BEFORE_TIPOFF, "tipoff_at": TIPOFF, "reasons": [],
    } | fields  # fmt: skip


def predictions_of(*rows: Values) -> pl.DataFrame:
    """A frame of `predictions`."""
    return frame_of(PREDICTIONS, *rows)


def a_finished_game(*boxscores: Values, **game: Any) -> dict[str, Any]:
    """What `grade_predictions` reads of a game that is complete: by default the player scored 22."""
    rows = boxscores or (a_boxscore(points=22),)
    return {
        "player_game_summary": summaries_of(*rows),
        "schedule": frame_of(SCHEDULE, a_game(**{"tipoff_at": TIPOFF} | game)),
        "complete_games": [GAME],
        "grades_ledger": GRADES.empty(),
    }


class Constant:
    """A booster that always says the same."""

    feature_names_ = CATBOOST.reads

    def __init__(self, points: float) -> None:
        self.points = points

    def predict(self, matrix: Any, thread_count: int) -> list[float]:
        return [self.points] * len(matrix)


def a_model(points: float = 20.0, **fields: Any) -> TrainedModel:
    """A model of catboost with two years of history that always says the same."""
    card = {
        "model_id": "model", "system_id": "catboost", "system_version": "1", "features": CATBOOST.reads,
        "library_version": CATBOOST.library_version, "parameters": {}, "train_start_date": WEEK - timedelta(days=731),
        "train_end_date": WEEK - timedelta(days=1), "rows": 1, "validation_rows": 1, "trees": 1,
        "validation_mean_absolute_error": 5.0, "season_mean_absolute_error": 5.0, "golden_rows": [], "golden_outputs": [],
    } | fields  # fmt: skip
    return TrainedModel(Card.model_validate(card), Constant(points))


QUICK = CatBoost(Training(least_rows=300, iterations=30, threads=1))
"""catboost with few trees and little to learn from."""

HISTORY_STARTS = date(2023, 10, 30)


@cache
def a_history(dates: int = 60, players: int = 10, seed: int = 7) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`features` and `player_game_summary` of players who play every day from HISTORY_STARTS on, half of it null."""
    chance, rows, boxes = random.Random(seed), [], []
    for n in range(dates):
        day = HISTORY_STARTS + timedelta(days=n)
        for player in range(1, players + 1):
            known = {name: chance.uniform(*RANGES[name]) if place % 2 else None for place, name in enumerate(FEATURES)}
            mean = player + chance.random()
            rows.append(a_feature_row(day, player_id=100 + player, **known | dict.fromkeys(CATBOOST.required, mean)))
            boxes.append(a_boxscore(day, points=player + 1 + chance.randrange(4), player_id=100 + player))
    return features_of_rows(*rows), summaries_of(*boxes)

"""Rows that tests of picks, publications and performance need: predictions of the champion with a price."""

from datetime import timedelta
from typing import Any

import polars as pl

from nba_pipeline.assets.predictions.predictions import TABLE as PREDICTIONS
from nba_pipeline.governance.states import Governed
from nba_pipeline_tests.builders import Values, a_prop_line, frame_of, prop_lines_of
from nba_pipeline_tests.builders_predictions import BEFORE_TIPOFF, GAME, TIPOFF, a_feature_row, a_prediction, features_of_rows

RECORD_LEDGERS = ("picks", "publications", "system_roles", "halts")
NOW = BEFORE_TIPOFF + timedelta(minutes=10)
CHAMPION = Governed("ensemble")
LINEAGE: Values = {"as_of": BEFORE_TIPOFF, "code_version": "1", "source": "test"}


def a_bet(player_id: int = 1, **fields: Any) -> Values:
    """A live prediction of the champion that can be bet: 25 points against a line of 20.5, at -110."""
    return a_prediction() | {
        "player_id": player_id, "prediction_id": f"p{player_id}", "system_id": "ensemble", "player_name": f"Player {player_id}",
        "team": f"T{player_id}", "opponent": "NYK", "edge": 4.5, "price": -110, "best_price": -105, "best_price_book": "fanduel",
        "price_edge": 0.01, "book": "draftkings", "line_snapshot_at": TIPOFF - timedelta(hours=4), "is_actionable": True,
        "quality_score": 90.0, "features_hash": "", "feature_version": "", "system_version": "", **LINEAGE,
    } | fields  # fmt: skip


def bets_of(*rows: Values) -> pl.DataFrame:
    """A frame of `predictions`."""
    return frame_of(PREDICTIONS, *rows)


def players_of(*player_ids: int) -> pl.DataFrame:
    """A frame of `features` of these players."""
    return features_of_rows(*[a_feature_row(player_id=player_id) for player_id in player_ids])


LINES = prop_lines_of(a_prop_line(game_id=GAME, captured_at=BEFORE_TIPOFF))
"""The lines of the game were captured three hours before tip-off."""

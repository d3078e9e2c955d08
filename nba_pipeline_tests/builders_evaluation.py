"""A small league for the tests of the evaluation: features that say nothing about the points, and two books."""

import json
import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, ClassVar

import polars as pl

from nba_pipeline.evaluation.source import Frames
from nba_pipeline.settings import Training
from nba_pipeline.systems import MOVING_AVERAGE
from nba_pipeline.systems.interface import TrainedSystem

MONDAY = date(2024, 3, 4)
DAYS, PLAYERS = 28, 12
FIRST, LAST = MONDAY + timedelta(days=14), MONDAY + timedelta(days=DAYS - 1)
"""The evaluated period: the last two of four weeks."""
FEATURE = "points_half_life_8_games"
FEW_ROWS = Training(least_rows=20)
PROP_LINE: dict[str, Any] = {
    "game_date": pl.Date, "game_id": pl.String, "player_id": pl.Int64, "market": pl.String, "book": pl.String,
    "line_half_points": pl.Int64, "line": pl.Float64, "over_price": pl.Int64, "under_price": pl.Int64,
    "snapshot_at": pl.Datetime("us", "UTC"), "tipoff_at": pl.Datetime("us", "UTC"), "captured_at": pl.Datetime("us", "UTC"),
    "is_before_tipoff": pl.Boolean, "is_latest_pregame": pl.Boolean, "source": pl.String,
}  # fmt: skip


def tipoff_of(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 23, 30, tzinfo=UTC)


def a_line(day: date = FIRST, player: int = 1, line: float = 20.5, minutes: float = 10, **fields: Any) -> dict[str, Any]:
    """A line of DraftKings, captured some minutes before tip-off."""
    seen = tipoff_of(day) - timedelta(minutes=minutes)
    return {
        "game_date": day, "game_id": f"002{day:%y%m%d}1", "player_id": player, "market": "player_points", "book": "draftkings",
        "line_half_points": int(2 * line), "line": line, "over_price": -110, "under_price": -110, "snapshot_at": seen,
        "tipoff_at": tipoff_of(day), "captured_at": seen, "is_before_tipoff": True, "is_latest_pregame": None, "source": "odds",
    } | fields  # fmt: skip


def lines_of(*rows: dict[str, Any]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=PROP_LINE)


@cache
def league() -> dict[str, pl.DataFrame]:
    """Four weeks of twelve players with a game and a line every day. No feature of a row says anything about its points."""
    draw, features, results, lines = random.Random(1), [], [], []
    for number in range(DAYS):
        day = MONDAY + timedelta(days=number)
        for player in range(1, PLAYERS + 1):
            key = {"game_date": day, "game_id": f"002{day:%y%m%d}1", "player_id": player}
            values = {name: draw.uniform(5, 30) for name in (*MOVING_AVERAGE.reads, FEATURE)}
            conditions = {
                "rest_days": 1 + player % 4,
                "minutes_mean_last_10_games": 12.0 + 2 * player,
                "absent_minutes_expected": None,
            }
            features.append({**key, **values, **conditions, "games_played_season": 40, "season": "2023-24", "code_version": "c"})
            results.append({**key, "did_play": player < PLAYERS, "points": draw.randint(5, 30), "rebounds": draw.randint(0, 12)})
            line = draw.randint(8, 25) + 0.5
            lines += [a_line(day, player, line), a_line(day, player, line + 1, book="fanduel")]
    return {"features": pl.DataFrame(features), "player_game_summary": pl.DataFrame(results), "prop_lines": lines_of(*lines)}


def source_of(**changed: pl.DataFrame) -> Frames:
    return Frames({**league(), **changed})


@dataclass(frozen=True)
class Memory(TrainedSystem):
    """Remembers the points of every row that it was trained on, so that a row of the future would be forecast without error."""

    training: Training = FEW_ROWS

    system_id: ClassVar[str] = "memory"
    version: ClassVar[str] = "1"
    required: ClassVar[tuple[str, ...]] = (FEATURE,)
    required_for_betting: ClassVar[tuple[str, ...]] = (FEATURE,)
    reads: ClassVar[tuple[str, ...]] = (FEATURE,)
    file_name: ClassVar[str] = "model.json"
    least_season_games: ClassVar[int] = 0
    stops_early: ClassVar[bool] = False

    @property
    def parameters(self) -> dict[str, float | int | str]:
        return {}

    @property
    def library_version(self) -> str:
        return "1"

    def fit(self, training: Any, validation: Any) -> dict[float, float]:
        return dict(zip(training.matrix[:, 0].tolist(), training.label.tolist(), strict=True))

    def forecast_matrix(self, model: dict[float, float], matrix: Any) -> list[float]:
        return [model.get(value, 0.0) for value in matrix[:, 0].tolist()]

    def importances(self, model: Any) -> dict[str, float]:
        return {FEATURE: 1.0}

    def write(self, fitted: Any, path: Path) -> None:
        path.write_text(json.dumps(list(fitted.items())), encoding="utf-8")

    def read(self, path: Path) -> Any:
        return dict(json.loads(path.read_text(encoding="utf-8")))

    def names_in(self, fitted: Any) -> tuple[str, ...]:
        return self.reads

"""Archive folders of one season, from small rows."""

from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from nba_pipeline.instance.clock import Clock
from nba_pipeline.providers.archive import Archive
from nba_pipeline.providers.archive_rows import TEAM_TOTALS
from nba_pipeline.providers.nba_cdn_boxscore import STATISTICS
from nba_pipeline.warehouse.landing import Landing

DAY = date(2024, 3, 12)
TIPOFF = datetime(2024, 3, 12, 23, 30, tzinfo=UTC)
COMMENCE = datetime(2024, 3, 12, 23, 40, tzinfo=UTC)
EARLY = datetime(2024, 3, 12, 23, 0, tzinfo=UTC)
UTC_TIME = pl.Datetime("us", "UTC")
TOTALS = {name: TEAM_TOTALS.get(name, name) for name in STATISTICS}
Build = Callable[..., Path]


def a_game(game_id: str = "0022300945", **fields: Any) -> dict[str, Any]:
    totals = {f"{side}_{end}": n for side, least in (("home", 10), ("away", 50)) for n, end in enumerate(TOTALS.values(), least)}
    return (
        totals
        | {
            "game_id": game_id,
            "game_date": DAY,
            "tipoff_utc": TIPOFF,
            "tipoff_source": "league",
            "home_team": "BOS",
            "away_team": "NYK",
            "home_pts": 110,
            "away_pts": 100,
            "status": 3,
            "is_neutral": False,
            "game_label": None,
            "game_sublabel": None,
            "arena_name": "TD Garden",
            "arena_city": None,
        }
        | fields
    )


def a_box(game_id: str = "0022300945", **fields: Any) -> dict[str, Any]:
    row = {
        "game_id": game_id,
        "game_date": DAY,
        "player_id": 7,
        "player_name": "Al Horford",
        "team": "NYK",
        "starter": None,
        "minutes": 0,
        "plus_minus": -2,
    }
    return row | dict.fromkeys(STATISTICS, 0) | fields


def a_prop(**fields: Any) -> dict[str, Any]:
    return {
        "odds_event_id": "e1",
        "market": "player_points",
        "book": "draftkings",
        "player_name_raw": "A. Horford",
        "line": 8.5,
        "over_odds": -110.0,
        "under_odds": None,
        "commence_time_utc": COMMENCE,
        "game_date": DAY,
        "home_team": "BOS",
        "away_team": "NYK",
        "snapshot_at": EARLY,
        "is_latest_pregame": True,
        "event_game_id": "0022300945",
    } | fields


def an_event(event_id: str = "e1", **fields: Any) -> dict[str, Any]:
    return {
        "event_id": event_id,
        "home_team": "Boston Celtics",
        "away_team": "New York Knicks",
        "commence_time": COMMENCE,
        "spread_point": -6.5,
        "total_point": 228.0,
    } | fields


@pytest.fixture
def build(tmp_path: Path) -> Build:
    """An archive folder of one season."""

    def write(
        games: list[Any] | None = None,
        boxes: list[Any] | None = None,
        props: list[Any] | None = None,
        events: list[Any] | None = None,
    ) -> Path:
        folder = tmp_path / "archive"
        folder.mkdir(exist_ok=True)
        files = {
            "games_2023-24": games or [a_game()],
            "player_boxscores_2023-24": boxes or [a_box()],
            "player_props": props or [a_prop()],
            "game_lines": events or [an_event()],
            "players": [{"player_id": 7, "full_name": "Al Horford"}],
        }
        for stem, rows in files.items():
            types = {"tipoff_utc": UTC_TIME, "snapshot_at": UTC_TIME, "commence_time_utc": UTC_TIME, "commence_time": UTC_TIME}
            frame = pl.DataFrame(rows, infer_schema_length=None)
            frame.cast({name: dtype for name, dtype in types.items() if name in frame.columns}).write_parquet(
                folder / f"{stem}.parquet"
            )
        return folder

    return write


@pytest.fixture
def archive(build: Build, landing: Landing) -> Callable[..., Archive]:
    def open_archive(**files: Any) -> Archive:
        now = Clock(fixed_at="2025-01-01T12:00:00Z")
        return Archive(folder=str(build(**files)), landing=landing, clock=now)

    return open_archive

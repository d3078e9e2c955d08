"""Games and complete box scores for the gates."""

from datetime import date, timedelta
from typing import Any

import polars as pl

from nba_pipeline.assets.sources import boxscores as boxscores_module
from nba_pipeline.assets.sources import schedule as schedule_module
from nba_pipeline.completeness import gates
from nba_pipeline.league.calendar import eastern, season_of

DAY = date(2024, 3, 12)
NOON_AFTER = eastern(DAY + timedelta(days=1), 12)
TEAMS = ("ATL", "BOS", "BKN", "CHA", "CHI", "CLE", "DAL", "DEN", "DET", "GSW")

SCHEDULE = schedule_module.TABLE.schema.columns()
BOXSCORES = boxscores_module.TABLE.schema.columns()


def a_game(number: int = 1, day: date = DAY, **columns: Any) -> dict[str, Any]:
    """A final game, 110 to 100; the teams follow from the number."""
    return {
        "game_date": day, "game_id": f"{number:010d}", "season": season_of(day), "home_team": TEAMS[2 * number % 10],
        "away_team": TEAMS[(2 * number + 1) % 10], "home_points": 110, "away_points": 100, "status": "final",
        "tipoff_at": eastern(day, 19), "has_boxscore_source": True,
    } | columns  # fmt: skip


def a_side(game: dict[str, Any], side: str, played: int = 8, **columns: Any) -> list[dict[str, Any]]:
    """A team's eight players with 30 minutes each, of which the first scored all points, and one who did not play."""
    team, points = game[f"{side}_team"], game[f"{side}_points"]
    row = {"game_date": game["game_date"], "game_id": game["game_id"], "team": team, "did_play": True, "points": 0,
           "team_points": points, "minutes": 240 / played, "minutes_precision": "exact"}  # fmt: skip
    players = [row | {"points": points if n == 0 else 0} | columns for n in range(played)]
    return [*players, row | {"did_play": False, "points": None, "minutes": None, "minutes_precision": None}]


def schedule_of(*games: dict[str, Any]) -> pl.DataFrame:
    types = {name: SCHEDULE[name].dtype for name in a_game()}
    return pl.DataFrame(list(games), schema=types)


def boxes_of(*games: dict[str, Any], home: dict[str, Any] | None = None, away: dict[str, Any] | None = None) -> pl.DataFrame:
    """Complete box scores; `home` and `away` change every player of a side."""
    rows = [row for game in games for row in (*a_side(game, "home", **(home or {})), *a_side(game, "away", **(away or {})))]
    types = {name: BOXSCORES[name].dtype for name in a_side(a_game(), "home")[0]}
    return pl.DataFrame(rows, schema=types)


NO_WAIVERS = gates.WAIVERS.empty()

"""Rows that a test needs, each with what it does not care about filled in: `a_boxscore(points=30)`."""

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from nba_pipeline.assets.sources.boxscores import TABLE as BOXSCORES
from nba_pipeline.assets.sources.prop_lines import TABLE as PROP_LINES
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.assets.summaries.player_game_summary import summarize_player_games
from nba_pipeline.league.calendar import season_of
from nba_pipeline.providers.columns import BOXSCORE_COLUMNS, STATISTICS
from nba_pipeline.tables.table import Table

DAY = date(2024, 3, 12)
"""The date of a row that names none; the season is 2023-24."""
PLAYER = 201939
ROSTER = 8

Values = dict[str, Any]


def frame_of(table: Table, *rows: Values) -> pl.DataFrame:
    """Rows in the columns of a table; what no row names is null."""
    return pl.DataFrame(list(rows), schema=table.dtypes)


def parsed_rows_of(*rows: Values) -> pl.DataFrame:
    """Rows of box scores as a provider's parser returns them."""
    return pl.DataFrame(list(rows), schema=BOXSCORE_COLUMNS)


def before(days: int, day: date = DAY) -> date:
    """The date so many days earlier."""
    return day - timedelta(days=days)


def at(hour: int, minute: int = 0, day: date = DAY) -> datetime:
    """An instant of the day, UTC."""
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)


def a_game(game_date: date = DAY, home_team: str = "GSW", away_team: str = "NYK", **fields: Any) -> Values:
    """A row of `schedule`: a final regular-season game."""
    return {
        "game_date": game_date, "game_id": f"002{game_date:%y%m%d}1", "season": season_of(game_date),
        "season_type": "regular_season", "home_team": home_team, "away_team": away_team, "is_neutral": False,
        "status": "final", "home_points": 110, "away_points": 100, "has_boxscore_source": True, "source": "test",
    } | fields  # fmt: skip


def a_boxscore(game_date: date = DAY, points: int = 20, **fields: Any) -> Values:
    """A row of `boxscores`: somebody who played, with the shots that make his points."""
    shots = {"fgm": points // 2, "fga": points + 2, "fg3m": 0, "fg3a": 2, "ftm": points % 2, "fta": points % 2}
    return {
        "game_date": game_date, "game_id": f"002{game_date:%y%m%d}1", "player_id": PLAYER, "season": season_of(game_date),
        "team": "GSW", "opponent": "NYK", "is_home": True, "player_name": "Stephen Curry", "did_play": True,
        "status": "played", "minutes": 30.0, "minutes_precision": "exact", "points": points, "team_points": 110,
        "provider": "nba_cdn", "source": "test", **dict.fromkeys((*STATISTICS, "plus_minus"), 1), **shots,
    } | fields | {"points": points}  # fmt: skip


def who_did_not_play(game_date: date = DAY, **fields: Any) -> Values:
    """A row of `boxscores`: somebody who stayed on the bench."""
    unknown = dict.fromkeys((*STATISTICS, "plus_minus", "minutes", "minutes_precision"))
    return a_boxscore(game_date) | unknown | {"did_play": False, "status": "dnp"} | fields


def games_of(*points: int | None, last: date = DAY - timedelta(days=2), every: int = 2, **fields: Any) -> list[Values]:
    """Rows of `boxscores` of one player, a game every so many days up to `last`; None is a game he watched."""
    dates = [last - timedelta(days=every * n) for n in reversed(range(len(points)))]
    return [
        who_did_not_play(day, **fields) if scored is None else a_boxscore(day, scored, **fields)
        for day, scored in zip(dates, points, strict=True)
    ]


def boxscores_of(*boxscores: Values) -> pl.DataFrame:
    """A frame of `boxscores`; of an opponent without a row there is one player, and it scored 100."""
    opponents = [
        row | {"player_id": 1, "team": row["opponent"], "opponent": row["team"], "team_points": 100}
        for row in {(row["game_id"], row["team"]): row for row in boxscores}.values()
        if not any(r["game_id"] == row["game_id"] and r["team"] == row["opponent"] for r in boxscores)
    ]
    return frame_of(BOXSCORES, *boxscores, *opponents)


def summaries_of(*boxscores: Values) -> pl.DataFrame:
    """Rows of `player_game_summary`, made from those of `boxscores`."""
    return summarize_player_games(boxscores_of(*boxscores))


def an_expected_player(game_date: date = DAY, **fields: Any) -> Values:
    """A row of `upcoming_players`."""
    return {
        "game_date": game_date, "game_id": f"002{game_date:%y%m%d}1", "player_id": PLAYER, "player_name": "Stephen Curry",
        "season": season_of(game_date), "season_type": "regular_season", "team": "GSW", "opponent": "NYK", "is_home": True,
        "is_neutral": False, "evidence": "boxscore", "latest_boxscore_date": game_date - timedelta(days=2), "source": "test",
    } | fields  # fmt: skip


def a_prop_line(line: float = 24.5, book: str = "draftkings", **fields: Any) -> Values:
    """A row of `prop_lines`: points of the player before the tip-off."""
    return {
        "game_date": DAY, "game_id": f"002{DAY:%y%m%d}1", "player_id": PLAYER, "market": "player_points", "book": book,
        "line_half_points": round(2 * line), "line": line, "over_price": -110, "under_price": -110,
        "snapshot_at": at(20), "is_before_tipoff": True, "spelling": "Stephen Curry", "request_format": "american",
        "source": "test",
    } | fields  # fmt: skip


def prop_lines_of(*rows: Values) -> pl.DataFrame:
    """A frame of `prop_lines`."""
    return frame_of(PROP_LINES, *rows)


def a_league(first: date, rounds: int, seed: int = 7) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Schedule and box scores of four teams that all play every second day, with absences and fractional minutes."""
    chance, games, boxes = random.Random(seed), [], []
    for n in range(rounds):
        day = first + timedelta(days=2 * n)
        teams = chance.sample(["GSW", "NYK", "BOS", "LAL"], 4)
        for number, (home, away) in enumerate([teams[:2], teams[2:]]):
            game = a_game(day, home, away, game_id=f"002{day:%y%m%d}{number}")
            games.append(game)
            boxes += [row for team in (home, away) for row in _team_box(game, team, chance)]
    return frame_of(SCHEDULE, *games), frame_of(BOXSCORES, *boxes)


def _team_box(game: Values, team: str, chance: random.Random) -> list[Values]:
    is_home = team == game["home_team"]
    rest = {
        "game_id": game["game_id"],
        "team": team,
        "opponent": game["away_team" if is_home else "home_team"],
        "is_home": is_home,
        "team_points": game["home_points" if is_home else "away_points"],
    }
    return [
        who_did_not_play(game["game_date"], player_id=player, **rest)
        if chance.random() < 0.15
        else a_boxscore(
            game["game_date"],
            chance.randrange(35),
            player_id=player,
            minutes=chance.randrange(60, 2400) / 60,
            turnovers=chance.randrange(5),
            oreb=chance.randrange(4),
            **rest,
        )
        for player in range(10 * ord(team[0]), 10 * ord(team[0]) + ROSTER)
    ]

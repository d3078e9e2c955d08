"""A league of ten teams that is whole: box scores that sum to the scores, play-by-play, lines, reports and rosters."""

import random
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import polars as pl

from nba_pipeline.assets.sources.boxscores import TABLE as BOXSCORES
from nba_pipeline.assets.sources.game_lines import TABLE as GAME_LINES
from nba_pipeline.assets.sources.injuries import TABLE as INJURIES
from nba_pipeline.assets.sources.play_by_play import TABLE as PLAY_BY_PLAY
from nba_pipeline.assets.sources.prop_lines import TABLE as PROP_LINES
from nba_pipeline.assets.sources.rosters import TABLE as ROSTERS
from nba_pipeline.assets.sources.schedule import TABLE as SCHEDULE
from nba_pipeline.assets.sources.team_boxscores import TABLE as TEAM_BOXSCORES
from nba_pipeline.assets.sources.team_boxscores import sum_players
from nba_pipeline.audit.box_scores import actions_of
from nba_pipeline.audit.recompute import World
from nba_pipeline.audit.worlds import ordered
from nba_pipeline.completeness import gates
from nba_pipeline.tables.table import Table
from nba_pipeline_tests.builders import Values, a_boxscore, a_game, at, frame_of, who_did_not_play

TEAMS = ("BOS", "CHI", "DEN", "GSW", "LAL", "MEM", "MIA", "NYK", "PHX", "SAS")
SQUAD = 9
ROOKIE = 108
"""A player of the first team who is on its roster from the start, and plays from round 15 on."""
ROOKIE_PLAYS_FROM = 14
FIRST = date(2023, 11, 1)
DATES = [FIRST + timedelta(days=2 * n) for n in range(20)]
"""A round every second day, the last on 9 December."""

TIPOFF_HOURS = (0, 0, 1, 3, 3)
"""UTC, of the next day: the five games of a round do not begin all at once."""

COLLECTED = at(12, day=FIRST)


def a_world(dates: Sequence[date] = DATES, seed: int = 3) -> World:
    """The sources of a round on each date, every row as of the morning of the first: nothing was read again."""
    chance, games, boxes, lines, totals, reports, rosters = random.Random(seed), *(list[Values]() for _ in range(6))
    skill = {player: chance.uniform(8, 21) for team in range(len(TEAMS)) for player in squad(team)}
    for nth, day in enumerate(dates):
        order = chance.sample(range(len(TEAMS)), len(TEAMS))
        for number in range(len(TEAMS) // 2):
            home, away = order[2 * number], order[2 * number + 1]
            tipoff = at(TIPOFF_HOURS[number], day=day + timedelta(days=1))
            game = a_game(day, TEAMS[home], TEAMS[away], game_id=f"002{day:%y%m%d}{number}", tipoff_at=tipoff)
            both = {team: _box(game, team, skill, chance, nth < ROOKIE_PLAYS_FROM) for team in (home, away)}
            scores = {team: sum(row["points"] or 0 for row in rows) for team, rows in both.items()}
            games.append(game | {"home_points": scores[home], "away_points": scores[away]})
            for team, rows in both.items():
                boxes += [row | {"team_points": scores[team]} for row in rows]
                lines += [line for row in rows[:6] for line in _lines(row, tipoff, skill)]
                reports += _reports(game, TEAMS[team], squad(team), tipoff, chance)
                rosters += _roster(day, TEAMS[team], squad(team), tipoff)
            totals += _game_lines(game, tipoff, chance)
    frame = frame_of(BOXSCORES, *boxes)
    made = {
        "schedule": frame_of(SCHEDULE, *games),
        "boxscores": frame,
        "team_boxscores": _of(TEAM_BOXSCORES, sum_players(frame)),
        "play_by_play": _of(PLAY_BY_PLAY, actions_of(frame)),
        "prop_lines": frame_of(PROP_LINES, *lines),
        "game_lines": frame_of(GAME_LINES, *totals),
        "injuries": frame_of(INJURIES, *reports),
        "rosters": frame_of(ROSTERS, *rosters),
        "waivers": frame_of(gates.WAIVERS, a_waiver(dates[0])),
    }
    return ordered({name: rows.with_columns(pl.lit(COLLECTED).alias("as_of")) for name, rows in made.items()})


def a_waiver(day: date) -> Values:
    """A row of `waivers`: the date's complete games go on, however few."""
    about = {"game_date": day, "gate": gates.COVERAGE_GATE, "reason": "test", "author": "test", "source": "test"}
    return about | {"waived_at": at(17, day=day + timedelta(days=1))}


def squad(team: int) -> range:
    """The players of a team."""
    return range(100 * (team + 1), 100 * (team + 1) + SQUAD)


def _of(table: Table, rows: pl.DataFrame) -> pl.DataFrame:
    return pl.concat([table.empty(), rows.select(c for c in table.dtypes if c in rows.columns)], how="diagonal_relaxed")


def _box(game: Values, team: int, skill: dict[int, float], chance: random.Random, is_before_rookie: bool) -> list[Values]:
    """Everybody of a team, somebody of them watching; whoever plays shares 240 minutes, the first of them more."""
    is_home = game["home_team"] == TEAMS[team]
    rest = {
        "game_id": game["game_id"],
        "team": TEAMS[team],
        "opponent": game["away_team" if is_home else "home_team"],
        "is_home": is_home,
    }
    absent = ROOKIE if ROOKIE in squad(team) and is_before_rookie else chance.choice(squad(team))
    playing = [player for player in squad(team) if player != absent]
    rows = [who_did_not_play(game["game_date"], player_id=absent, player_name=f"Player {absent}", **rest)]
    for place, player in enumerate(playing):
        fgm = max(0, round(chance.gauss(skill[player] / 2.5, 2)))
        fg3m = chance.randrange(fgm // 2 + 1)
        shots = {"fgm": fgm, "fga": max(fgm + 1, 8 + chance.randrange(7)), "fg3m": fg3m, "fg3a": fg3m + 1, "ftm": 1, "fta": 2}
        numbers = {"turnovers": chance.randrange(1, 4), "oreb": chance.randrange(3), "blocks": 0, "minutes": 37.0 - 2 * place}
        points = 2 * fgm + fg3m + 1
        rows.append(
            a_boxscore(game["game_date"], points, player_id=player, player_name=f"Player {player}", **rest, **numbers) | shots
        )
    return sorted(rows, key=lambda row: int(row["player_id"]))


def _lines(row: Values, tipoff: datetime, skill: dict[int, float]) -> list[Values]:
    """Two books, each six hours and one hour before the tip-off."""
    about: Values = {key: row[key] for key in ("game_date", "game_id", "player_id")}
    line = int(skill[row["player_id"]]) + 1.5
    return [
        about | {
            "market": "player_points", "book": book, "line": shown, "line_half_points": round(2 * shown), "over_price": -110,
            "under_price": -110 + 2 * hours, "snapshot_at": tipoff - timedelta(hours=hours), "tipoff_at": tipoff,
            "is_before_tipoff": True, "spelling": row["player_name"], "request_format": "american", "source": "test",
        }
        for book in ("draftkings", "fanduel")
        for hours, shown in ((6, line), (1, line + 1))
    ]  # fmt: skip


def _game_lines(game: Values, tipoff: datetime, chance: random.Random) -> list[Values]:
    spread, total = chance.randrange(-10, 10) + 0.5, chance.randrange(200, 240) + 0.5
    outcomes = (("spreads", "home", spread), ("spreads", "away", -spread), ("totals", "over", total), ("totals", "under", total))
    return [
        {
            "game_date": game["game_date"], "game_id": game["game_id"], "market": market, "book": "draftkings", "outcome": outcome,
            "line": line, "line_half_points": round(2 * line), "price": -110, "snapshot_at": tipoff - timedelta(hours=2),
            "tipoff_at": tipoff, "is_before_tipoff": True, "request_format": "american", "source": "test",
        }
        for market, outcome, line in outcomes
    ]  # fmt: skip


def _reports(game: Values, team: str, players: range, tipoff: datetime, chance: random.Random) -> list[Values]:
    printed = tipoff - timedelta(hours=3)
    about: dict[str, Any] = {
        "game_date": game["game_date"], "game_id": game["game_id"], "team": team, "snapshot_at": printed, "seen_at": printed,
        "provider": "injury_report", "tipoff_at": tipoff, "is_before_tipoff": True, "source": "test",
    }  # fmt: skip
    return [
        about | {"player_id": player, "status": status, "spelling": f"Player {player}"}
        for player, status in zip(chance.sample(players, 2), ("out", "questionable"), strict=True)
    ]


def _roster(day: date, team: str, players: range, tipoff: datetime) -> list[Values]:
    return [
        {
            "game_date": day,
            "team": team,
            "player_id": player,
            "spelling": f"Player {player}",
            "birth_date": date(1990 + player % 12, 1, 1),
            "seen_at": tipoff - timedelta(hours=9),
            "source": "test",
        }
        for player in players
    ]

"""The subject of an explanation: a date, or one game, player or table of the date. Resolves the options of the command."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from difflib import get_close_matches

import polars as pl

from nba_pipeline.completeness import history
from nba_pipeline.completeness.next_steps import loading_command
from nba_pipeline.errors import BadInput, did_you_mean
from nba_pipeline.league.names import lookup, words_of
from nba_pipeline.tables.declarations import daily_tables
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse

NAMED_IN = ("upcoming_players", "boxscores", "predictions", "features")
"""Tables of a date that name its players."""
GAMES_NAMED, NAMES_SUGGESTED = 15, 3


@dataclass(frozen=True)
class Subject:
    """A date, and optionally a game, a player or a table."""

    game_date: date
    game_id: str | None = None
    matchup: str = ""
    teams: tuple[str, ...] = ()
    player_id: int | None = None
    player_name: str = ""
    table: str = ""

    @property
    def title(self) -> str:
        """The subject in one line."""
        parts = (self.player_name, f"id {self.player_id}" if self.player_id else "", self.matchup, self.game_id or "", self.table)
        return " ".join([str(self.game_date), *filter(None, parts)])

    def select(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Returns the rows of the subject. Rows without an own game are those of its teams."""
        if self.player_id and "player_id" in rows.columns:
            rows = rows.filter(pl.col("player_id") == self.player_id)
        if self.game_id and "game_id" in rows.columns:
            return rows.filter(pl.col("game_id") == self.game_id)
        return rows.filter(pl.col("team").is_in(self.teams)) if self.teams and "team" in rows.columns else rows


def subject_of(warehouse: Warehouse, day: date, game: str | None, player: str | None, table: str | None) -> Subject:
    """Returns the subject of the options. Raises BadInput for more than one option and for an unknown value."""
    if sum(option is not None for option in (game, player, table)) > 1:
        raise BadInput("--game, --player and --table exclude each other: choose one")
    if table is not None and table not in daily_tables():
        raise BadInput(
            f"--table {table!r} is not a daily table; {did_you_mean(table, daily_tables())}see `nba-pipeline help table`"
        )
    _refuse_unknown_date(warehouse, day)
    schedule = warehouse.scan(TABLES["schedule"], [day]).collect()
    if game is not None and day not in warehouse.dates(TABLES["schedule"]):
        raise BadInput(f"--game {game!r}: the schedule of {day} is not loaded; first: nba-pipeline run --date {day}")
    if game is not None:
        return _of_game(schedule, day, game)
    if player is not None:
        return _of_player(warehouse, schedule, day, player)
    return Subject(day, table=table or "")


def _refuse_unknown_date(warehouse: Warehouse, day: date) -> None:
    """Raises BadInput for a date that is not loaded and before the first stored box scores."""
    first = history.first_date(warehouse)
    if first and day < first and day not in warehouse.dates(TABLES["boxscores"]):
        raise BadInput(f"--date {day} has no data: the first stored date is {first}; first: {loading_command(warehouse, day)}")


def _of_game(schedule: pl.DataFrame, day: date, game: str) -> Subject:
    """Returns the subject of a game: its id, AWAY@HOME, or one of its teams."""
    matchups = {f"{away}@{home}": game_id for game_id, away, home in _games(schedule).iter_rows()}
    by_team = {team: matchup for matchup in matchups for team in matchup.split("@")}
    text = game.upper()
    matchup = text if text in matchups else by_team.get(text, "")
    matchup = matchup or next((name for name, game_id in matchups.items() if game_id == game), "")
    if not matchup:
        names = ", ".join(f"{name} {game_id}" for name, game_id in list(matchups.items())[:GAMES_NAMED])
        exist = f"its games are {names}" if names else "no game of this date is in the schedule"
        raise BadInput(f"--game {game!r} is not a game of {day}; {did_you_mean(game, [*matchups, *matchups.values()])}{exist}")
    return Subject(day, matchups[matchup], matchup, tuple(matchup.split("@")))


def _of_player(warehouse: Warehouse, schedule: pl.DataFrame, day: date, player: str) -> Subject:
    """Returns the subject of a player with his game of the date, if his team plays."""
    player_id, name = _player_named(warehouse, day, player)
    rows = (warehouse.scan(TABLES[table], [day]).filter(pl.col("player_id") == player_id).collect() for table in NAMED_IN)
    teams = next((of_table["team"].to_list() for of_table in rows if of_table.height), None) or _last_team(warehouse, player_id)
    for game_id, away, home in _games(schedule).iter_rows():
        if {away, home} & set(teams):
            return Subject(day, game_id, f"{away}@{home}", tuple(teams[:1]), player_id, name)
    return Subject(day, teams=tuple(teams[:1]), player_id=player_id, player_name=name)


def _player_named(warehouse: Warehouse, day: date, player: str) -> tuple[int, str]:
    """Returns the id and name of a player. The names of the date precede those of all dates."""
    of_date = [warehouse.scan(TABLES[table], [day]).select("player_id", "player_name").collect() for table in NAMED_IN[:3]]
    spelled = warehouse.scan(TABLES["players"]).select("player_id", pl.col("spelling").alias("player_name")).collect()
    known = pl.concat([*of_date, spelled], how="vertical_relaxed").unique(maintain_order=True)
    if player.isdecimal():
        names = known.filter(pl.col("player_id") == int(player))["player_name"]
        if names.is_empty():
            raise BadInput(f"--player {player} is not the id of a player in the tables")
        return int(player), str(names[0])
    by_lookup: dict[str, dict[int, str]] = {}
    for player_id, name in known.iter_rows():
        by_lookup.setdefault(lookup(name), {}).setdefault(player_id, name)
    matches = by_lookup.get(lookup(player), {})
    if len(matches) == 1:
        return next(iter(matches.items()))
    first_spellings = known.unique("player_id", keep="first", maintain_order=True)["player_name"].to_list()
    raise BadInput(f"--player {player!r} {_why_not_one(player, matches, first_spellings)}")


def _why_not_one(player: str, matches: Mapping[int, str], names: Collection[str]) -> str:
    if matches:
        return f"names {len(matches)} players; choose an id: {', '.join(f'{name} {number}' for number, name in matches.items())}"
    return f"is not a player in the tables; {_similar_names(player, names)}use the full name or the id"


def _similar_names(player: str, names: Collection[str]) -> str:
    """Returns a question with the names that have each word of the text, or a similar one; else with the closest name."""
    words = sorted({word for name in names for word in words_of(name)})
    closest = [get_close_matches(word, words, n=1) for word in words_of(player)]
    meant = {word for one in closest for word in one}
    similar = sorted({name for name in names if meant <= {*words_of(name)}}) if closest and all(closest) else []
    named = " or ".join(similar[:NAMES_SUGGESTED])
    return f"did you mean {named}? " if named else did_you_mean(player, names)


def _last_team(warehouse: Warehouse, player_id: int) -> list[str]:
    """Returns the team of a player's latest box score, as a list; empty without any."""
    rows = warehouse.scan(TABLES["boxscores"]).filter(pl.col("player_id") == player_id).select("game_date", "team").collect()
    return rows.sort("game_date")["team"].tail(1).to_list()


def _games(schedule: pl.DataFrame) -> pl.DataFrame:
    return schedule.sort("game_id").select("game_id", "away_team", "home_team")

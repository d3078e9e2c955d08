"""Compares the phases of a date in both directions: what a phase should have from the phase before, and what has no origin.

games     schedule -> boxscores -> summaries; schedule -> upcoming_players -> features; predictions -> grades
players   boxscores -> player_game_summary; upcoming_players -> features -> predictions -> grades
record    predictions of the champion -> picks -> publications; picks -> grades
landed    responses of a game -> rows of its table
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import NamedTuple

import polars as pl

from nba_pipeline.completeness import gates, slate_gates
from nba_pipeline.completeness.expectations import games_without_predictions, players_without_predictions, playing
from nba_pipeline.completeness.modes import due_instants, first_due, grace
from nba_pipeline.formulas.grade_versions import OF_A_DATE
from nba_pipeline.instance.clock import Clock
from nba_pipeline.monitoring.counts import GAME, PLAYER, gradable
from nba_pipeline.monitoring.record_keys import CANDIDATE, candidates, judged_candidates, live_picks, picks_in_manifests
from nba_pipeline.settings import SETTINGS
from nba_pipeline.systems import MOVING_AVERAGE
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing

RESPONSES_OF_A_GAME = {"boxscores": ("nba_cdn", "boxscore"), "play_by_play": ("nba_cdn", "playbyplay")}
"""Table -> the endpoint with one response per game, each of which has rows or quarantined rows."""

KEY_OF_GAME = {"game_date": pl.Date(), "game_id": pl.String()}


@dataclass(frozen=True)
class Comparison:
    """One step from a phase to the next. `missing` and `unexpected` are names of games, players or responses."""

    table: str
    unit: str
    origin: str
    actual: int
    expected: int
    missing: Sequence[str]
    unexpected: Sequence[str]
    is_due: bool

    @property
    def share(self) -> float:
        """Actual of expected; 1 if nothing is expected."""
        return self.actual / self.expected if self.expected else 1.0

    @property
    def verdict(self) -> str:
        """`error` below the threshold of the gates, `warning` for anything missing or unexpected, else `ok`."""
        if not self.is_due:
            return "not due"
        if self.share < SETTINGS.coverage.enough:
            return "error"
        return "warning" if self.missing or self.unexpected else "ok"


class Step(NamedTuple):
    """The keys that a phase should have and those that it has. `has_origin`: keys without an origin are reported, too."""

    table: str
    unit: str
    origin: str
    expected: pl.DataFrame
    actual: pl.DataFrame
    has_origin: bool = False


def compare_phases(warehouse: Warehouse, landing: Landing, clock: Clock, day: date) -> list[Comparison]:
    """Returns the comparisons of a date, in pipeline order. Without games on the date, returns none."""
    schedule = warehouse.scan(TABLES["schedule"], [day]).collect()
    if playing(schedule).is_empty():
        return []
    due = _due(playing(schedule)["tipoff_at"].to_list(), clock.now(), day)
    names = _names(warehouse, schedule, day)
    phases = _Phases(warehouse, schedule, clock, day)
    steps = [*phases.games(), *phases.players(), *phases.record(landing), *_landed(warehouse, landing, day)]
    return [_compare(step, names, step.table in due) for step in steps]


def _due(tipoffs: Sequence[datetime | None], now: datetime, day: date) -> set[str]:
    """Returns the tables that are due.

    The mode `tomorrow` writes picks and publications without rows; their rows are due on the day of the games.
    """
    due = {name for name, at in first_due(day, tipoffs).items() if at + grace() <= now}
    is_picked = any(at + grace() <= now for at in due_instants("same_day", day, tipoffs))
    return due if is_picked else due - {"picks", "publications"}


class _Phases:
    """The tables of a date, from which the steps of games and players are derived."""

    def __init__(self, warehouse: Warehouse, schedule: pl.DataFrame, clock: Clock, day: date):
        self.warehouse, self.schedule, self.day = warehouse, schedule, day
        self.boxscores = warehouse.scan(TABLES["boxscores"], [day]).collect()
        judged = gates.judge_games(schedule, self.boxscores).filter("is_covered")
        # not only final games: a schedule that was not read again would expect nothing
        self.played = playing(schedule).filter("has_boxscore_source").select(GAME)
        self.complete = judged.filter("is_complete").select(GAME)
        self.to_grade = gradable(warehouse, schedule, judged, [day])
        expected = self._keys("upcoming_players", (*PLAYER, "team"))
        self.expected = expected.join(_excluded_teams(warehouse, clock, day, expected), on=["game_date", "team"], how="anti")

    def games(self) -> Iterator[Step]:
        """Yields the steps of the games."""
        to_predict = games_without_predictions(self.warehouse, [self.day])[0].select(GAME)
        origin, of_features = "complete in boxscores", self.expected.select(GAME).unique()
        yield Step("boxscores", "games", "played in schedule", self.played, self.complete)
        yield Step("schedule", "games", "in boxscores", self.boxscores.select(GAME).unique(), self.schedule.select(GAME))
        for name in ("player_game_summary", "team_game_summary"):
            yield Step(name, "games", origin, self.complete, self._keys(name, GAME), has_origin=True)
        playing_games = playing(self.schedule).select(GAME)
        yield Step("upcoming_players", "games", "played in schedule", playing_games, self._keys("upcoming_players", GAME), True)
        yield Step("features", "games", "expected in upcoming_players", of_features, self._keys("features", GAME), True)
        yield Step("predictions", "games", "with enough history", to_predict, self._keys("predictions", GAME))

    def players(self) -> Iterator[Step]:
        """Yields the steps of the players and their predictions."""
        of_complete = self.boxscores.join(self.complete, on=GAME, how="semi").select(PLAYER)
        features, predictions = self._keys("features", PLAYER), self._keys("predictions", PLAYER)
        eligible = players_without_predictions(self.warehouse, [self.day], MOVING_AVERAGE.required)[0].select(PLAYER)
        graded, summarized = self._keys("grades", OF_A_DATE), self._keys("player_game_summary", PLAYER)
        yield Step("player_game_summary", "players", "in complete boxscores", of_complete, summarized, has_origin=True)
        yield Step("features", "players", "expected in upcoming_players", self.expected.select(PLAYER), features, True)
        yield Step("features", "players", "in predictions", predictions, features)
        yield Step("predictions", "players", "eligible in features", eligible, predictions)
        yield Step("predictions", "players", "in grades", graded.select(PLAYER).unique(), predictions)
        yield Step("grades", "predictions", "gradable", self.to_grade, graded)

    def record(self, landing: Landing) -> Iterator[Step]:
        """Yields the steps of the record, from the predictions of the champion to the grades of the picks."""
        dates, picks = [self.day], live_picks(self.warehouse, [self.day])
        in_manifests = picks_in_manifests(self.warehouse, landing, dates)
        to_grade = self.to_grade.join(picks, on=[*CANDIDATE, "system_id"], how="semi")
        of_candidates = candidates(self.warehouse, dates), judged_candidates(self.warehouse, dates)
        yield Step("picks", "candidates", "in predictions of the champion", *of_candidates)
        yield Step("publications", "picks", "in picks", picks.drop("system_id"), in_manifests, has_origin=True)
        yield Step("grades", "predictions", "of picks", to_grade, self._keys("grades", OF_A_DATE))

    def _keys(self, name: str, columns: Sequence[str]) -> pl.DataFrame:
        return _keys(self.warehouse, name, columns, self.day)


def _landed(warehouse: Warehouse, landing: Landing, day: date) -> Iterator[Step]:
    """Yields the steps from landed responses of games to rows or quarantined rows."""
    for table, (provider, endpoint) in RESPONSES_OF_A_GAME.items():
        entities = sorted({payload.slot.entity for payload in landing.payloads(provider, endpoint, day)})
        landed = pl.DataFrame([(day, entity) for entity in entities], schema=dict(KEY_OF_GAME), orient="row")
        game_id = pl.col("row").str.json_path_match("$.game_id").alias("game_id")
        quarantined = warehouse.scan_quarantine(TABLES[table], [day]).select("game_date", game_id).drop_nulls().collect()
        loaded = pl.concat([_keys(warehouse, table, GAME, day), quarantined]).unique()
        yield Step(table, "responses", f"landed from {provider} {endpoint}", landed, loaded)


def _compare(step: Step, names: pl.DataFrame, is_due: bool) -> Comparison:
    key = step.expected.columns
    missing = step.expected.join(step.actual, on=key, how="anti")
    unexpected = step.actual.join(step.expected, on=key, how="anti") if step.has_origin else step.actual.clear()
    number = step.expected.height
    named = _named(missing, names), _named(unexpected, names)
    return Comparison(step.table, step.unit, step.origin, number - missing.height, number, *named, is_due)


def _named(keys: pl.DataFrame, names: pl.DataFrame) -> list[str]:
    """Returns the names of games or players, without duplicates, sorted."""
    on = ["game_id", "player_id"] if "player_id" in keys.columns else ["game_id"]
    known = names.filter(pl.col("player_id").is_null() == (len(on) == 1)).select(*on, "name").unique(on)
    named = keys.select(on).unique().join(known, on=on, how="left")
    return sorted(named.select(pl.coalesce("name", pl.concat_str(on, separator=" "))).to_series())


def _names(warehouse: Warehouse, schedule: pl.DataFrame, day: date) -> pl.DataFrame:
    """Returns the names of the games (with a null player_id) and of the players of a date."""
    matchup, no_player = pl.format("{}@{} {}", "away_team", "home_team", "game_id"), pl.lit(None, pl.Int64)
    games = schedule.select("game_id", no_player.alias("player_id"), matchup.alias("name"))
    columns = ["game_id", "player_id", pl.col("player_name").alias("name")]
    tables = ("upcoming_players", "boxscores", "predictions")
    return pl.concat([games, *(warehouse.scan(TABLES[name], [day]).select(columns).collect() for name in tables)])


def _excluded_teams(warehouse: Warehouse, clock: Clock, day: date, expected: pl.DataFrame) -> pl.DataFrame:
    """Returns the teams that the gate of the slate excludes; all teams of a closed slate."""
    slates, excluded = slate_gates.judge_slates(*slate_gates.before(warehouse, [day]), [day], clock.now())
    return (excluded if slates["is_open"][0] else expected).select("game_date", "team").unique()


def _keys(warehouse: Warehouse, table: str, columns: Sequence[str], day: date) -> pl.DataFrame:
    return warehouse.scan(TABLES[table], [day]).select(columns).unique().collect()

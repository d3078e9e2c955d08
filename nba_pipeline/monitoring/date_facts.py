"""Reads the facts about dates from the tables. `completeness/states.py` derives the states from them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from nba_pipeline.completeness import expectations, gates, history
from nba_pipeline.completeness.date_facts import Facts, Game
from nba_pipeline.completeness.modes import record_tables
from nba_pipeline.completeness.next_steps import closed_slate, first_backfill
from nba_pipeline.formulas.grade_versions import OF_A_DATE
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import days
from nba_pipeline.monitoring.counts import gradable
from nba_pipeline.monitoring.run_facts import RunFacts
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.declarations import daily_tables
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse

OF_A_SLATE = {"upcoming_players", "features"}
"""Tables whose runs a closed slate stops."""
Messages = Mapping[date, Mapping[str, str]]
"""Messages by date and table."""


@dataclass(frozen=True)
class Damage:
    """By date: why ledgers are closed, why tables must be rebuilt, and which source tables are landed but not loaded."""

    closed: Messages
    lost: Messages
    not_loaded: Mapping[date, Collection[str]]


def read_facts(
    warehouse: Warehouse,
    dates: Sequence[date],
    clock: Clock,
    judged: pl.DataFrame,
    damage: Damage,
    stale: Mapping[str, Collection[date]],
    runs: RunFacts,
) -> dict[date, Facts]:
    """Returns the facts of each date. `judged` is the result of `gates.judge_games`."""
    window = days(min(dates) - timedelta(days=SETTINGS.usual.days), max(dates))
    schedule = warehouse.scan(TABLES["schedule"], window).collect()
    dates_of = {name: warehouse.dates(TABLES[name]) for name in daily_tables()}
    rows = _rows(warehouse, window)
    usual, waived = _usual(rows, schedule, dates), _waived(warehouse, dates, clock)
    games, ungraded = _games(schedule, judged), _ungraded(warehouse, schedule, judged, dates)
    without_lines, unknown = _games_without_lines(warehouse, "prop_lines", schedule, dates), _unknown_statuses(warehouse, dates)
    gaps, line_gaps = _gaps(warehouse, dates_of, dates), _line_gaps(warehouse, schedule, rows, usual, dates)
    first, backfill = history.first_due_date(warehouse, clock.today), first_backfill(warehouse, clock.today)
    return {
        day: Facts(
            day,
            tuple(games.get(day, ())),
            _rows_of(rows, dates_of, damage.closed[day], day),
            frozenset(usual.get(day, ())),
            runs.materialized_at.get(day, {}),
            runs.failures.get(day, {}),
            tuple(ungraded.get(day, ())),
            tuple(gaps.get(day, ())),
            _to_rebuild(damage, day),
            tuple(damage.closed[day].values()),
            tuple(name for name in daily_tables() if day in stale[name]),
            day in runs.in_progress,
            day in waived,
            day >= first,
            _not_begun(dates_of, day),
            day >= min(dates_of["predictions"], default=clock.today),
            tuple(line_gaps.get(day, ())),
            tuple(without_lines.get(day, ())) if day in dates_of["prop_lines"] and "prop_lines" in usual.get(day, ()) else (),
            unknown.get(day, 0),
            backfill,
            _waits_for(warehouse, day, clock) if OF_A_SLATE & runs.failures.get(day, {}).keys() else None,
        )
        for day in dates
    }


def _unknown_statuses(warehouse: Warehouse, dates: Sequence[date]) -> dict[date, int]:
    """Returns by date the number of expected players whose injury status is unknown."""
    players = warehouse.scan(TABLES["upcoming_players"], dates).filter(pl.col("injury_risk_level").is_null())
    return dict(players.group_by("game_date").len().collect().iter_rows())


def _waived(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> set[date]:
    """Returns the dates with a standing waiver."""
    return set(gates.standing_waivers(warehouse.scan(gates.WAIVERS, dates).collect(), clock.now())["game_date"])


def _waits_for(warehouse: Warehouse, day: date, clock: Clock) -> date | None:
    closed = closed_slate(warehouse, day, clock.now())
    return closed.waits_for if closed else None


def _rows_of(
    rows: Mapping[str, Mapping[date, int]], dates_of: Mapping[str, Collection[date]], closed: Collection[str], day: date
) -> dict[str, int | None]:
    """Returns per table the number of rows of a date; None if it is not written or closed."""
    return {name: rows[name].get(day, 0) if day in dates_of[name] and name not in closed else None for name in daily_tables()}


def _not_begun(dates_of: Mapping[str, Collection[date]], day: date) -> frozenset[str]:
    """Returns the tables of the record that were never written up to a date."""
    return frozenset(name for name in record_tables() if min(dates_of[name], default=date.max) > day)


def _to_rebuild(damage: Damage, day: date) -> tuple[str, ...]:
    not_loaded = [name for name in damage.not_loaded.get(day, ()) if name not in damage.lost[day]]
    landed = [f"landed but not loaded: {', '.join(not_loaded)}"] if not_loaded else []
    return (*landed, *damage.lost[day].values())


def _rows(warehouse: Warehouse, window: Sequence[date]) -> dict[str, dict[date, int]]:
    return {
        name: dict(warehouse.scan(TABLES[name], window).group_by("game_date").len().collect().iter_rows())
        for name in daily_tables()
    }


def _usual(rows: Mapping[str, Mapping[date, int]], schedule: pl.DataFrame, dates: Sequence[date]) -> dict[date, list[str]]:
    """Returns per date the tables with rows on most earlier slates."""
    cells = [{"game_date": day, "table": name} for name, counts in rows.items() for day in counts]
    cells_of_tables = pl.DataFrame(cells, schema={"game_date": pl.Date, "table": pl.String})
    slates = expectations.playing(schedule)["game_date"].unique().to_list()
    return expectations.usual(cells_of_tables, "table", slates, dates)


def _games(schedule: pl.DataFrame, judged: pl.DataFrame) -> dict[date, list[Game]]:
    """Returns the games per date, with the problem of incomplete box scores."""
    problems = {
        game_id: f"{matchup} ({problem})"
        for game_id, matchup, problem in judged.filter("is_covered", ~pl.col("is_complete"))
        .select("game_id", "matchup", "problem")
        .iter_rows()
    }
    games: dict[date, list[Game]] = {}
    for row in schedule.sort("game_id").iter_rows(named=True):
        name = f"{row['away_team']}@{row['home_team']} {row['game_id']}"
        game = Game(
            name, row["status"], row["tipoff_at"], problems.get(row["game_id"], ""), row["has_boxscore_source"], row["game_id"]
        )
        games.setdefault(row["game_date"], []).append(game)
    return games


def _ungraded(warehouse: Warehouse, schedule: pl.DataFrame, judged: pl.DataFrame, dates: Sequence[date]) -> dict[date, list[str]]:
    """Returns per date a message for each complete or not played game with ungraded predictions, with their number."""
    graded = warehouse.scan(TABLES["grades"], dates).select(OF_A_DATE).unique().collect()
    ungraded = gradable(warehouse, schedule, judged, dates).join(graded, on=OF_A_DATE, how="anti")
    counts = ungraded.group_by("game_date", "game_id").len().join(schedule, on=["game_date", "game_id"]).sort("game_id")
    noun = pl.when(pl.col("len") == 1).then(pl.lit("prediction is")).otherwise(pl.lit("predictions are"))
    matchup = pl.format("{}@{} {}: {} {} not graded", "away_team", "home_team", "game_id", "len", noun)
    return dict(counts.group_by("game_date").agg(matchup).iter_rows())


def _gaps(warehouse: Warehouse, dates_of: Mapping[str, Collection[date]], dates: Sequence[date]) -> dict[date, list[str]]:
    """Returns per date a message about expected games without predictions, if predictions are written."""
    _, unpredicted = expectations.games_without_predictions(warehouse, dates)
    return {
        day: [f"no predictions for {', '.join(games)}"]
        for day, games in _by_date(unpredicted).items()
        if games and day in dates_of["predictions"]
    }


def _line_gaps(
    warehouse: Warehouse,
    schedule: pl.DataFrame,
    rows: Mapping[str, Mapping[date, int]],
    usual: Mapping[date, Collection[str]],
    dates: Sequence[date],
) -> dict[date, list[str]]:
    """Returns per date a message for each table of lines that has rows and lacks games or usual books.

    A table without rows is a reason of its own, see `states`.
    """
    messages: dict[date, list[str]] = {}
    for table, market in (("prop_lines", SETTINGS.lines.market), ("game_lines", None)):
        without = _games_without_lines(warehouse, table, schedule, dates)
        absent_games = {day: names for day, names in without.items() if table in usual.get(day, ())}
        absent_books = expectations.absent_books(warehouse, table, dates, market)
        for problem, by_date in (("no lines for", absent_games), ("no lines by usual books:", absent_books)):
            for day, missing in by_date.items():
                if missing and rows[table].get(day):
                    messages.setdefault(day, []).append(f"{table}: {problem} {', '.join(missing)}")
    return messages


def _games_without_lines(
    warehouse: Warehouse, table: str, schedule: pl.DataFrame, dates: Sequence[date]
) -> dict[date, list[str]]:
    """Returns by date the games that lack a line of a table."""
    games = expectations.playing(schedule).filter(pl.col("game_date").is_in(list(dates)))
    lined = warehouse.scan(TABLES[table], dates).select("game_date", "game_id").unique().collect()
    return _by_date(games.join(lined, on=["game_date", "game_id"], how="anti", maintain_order="left"))


def _by_date(games: pl.DataFrame) -> dict[date, list[str]]:
    return dict(games.group_by("game_date", maintain_order=True).agg("matchup").iter_rows())

"""Reads the contents of the warehouse per date: tip-offs, written tables, incomplete and unprocessed games.

What is due for a date belongs in `reconciliation.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from nba_pipeline.assets.grades.grades import published
from nba_pipeline.completeness import gates, modes
from nba_pipeline.completeness.modes import MODES, tables_of_mode
from nba_pipeline.completeness.not_played import OFF
from nba_pipeline.formulas.grade_versions import GRADED
from nba_pipeline.formulas.markets import STATISTICS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse


@dataclass(frozen=True)
class Slate:
    """The contents of the warehouse for a date. `tipoffs` (UTC) omits postponed games; None is an unknown tip-off."""

    game_date: date
    tipoffs: tuple[datetime | None, ...] = ()
    written: frozenset[str] = frozenset()
    incomplete: tuple[str, ...] = ()
    """Messages about final games without a complete box score."""
    unprocessed: tuple[str, ...] = ()
    """Messages about complete games without summaries or grades, and about unplayed games whose predictions are not void."""
    closed: frozenset[str] = frozenset()
    """Ledgers that are closed for the date. They are not due until they are restored."""
    is_open: bool = True
    """Whether the coverage gate of the date is open or waived."""

    def has_begun(self, now: datetime) -> bool:
        """Whether every game has begun."""
        return modes.has_begun(self.tipoffs, now)

    def until_first_tipoff(self, now: datetime) -> timedelta | None:
        """Returns the time until the first tip-off, negative after it; None if no tip-off is known."""
        tipoffs = [tipoff for tipoff in self.tipoffs if tipoff is not None]
        return min(tipoffs) - now if tipoffs else None


def read_slates(warehouse: Warehouse, dates: Sequence[date], now: datetime) -> Iterator[Slate]:
    """Yields the contents of the warehouse for each date, and whether its coverage gate is open."""
    tables = {name: TABLES[name] for mode in MODES for name in tables_of_mode(mode)}
    warehouse.check(tables.values(), dates)
    written = {name: warehouse.dates(table) for name, table in tables.items()}
    closed = closed_ledgers(warehouse, dates)
    schedule, boxscores = (warehouse.scan(TABLES[name], dates).collect() for name in ("schedule", "boxscores"))
    judged = gates.judge_games(schedule, boxscores).filter("is_covered")
    incomplete = _messages_by_date([("has no complete box score", judged.filter(~pl.col("is_complete")))])
    unprocessed = _unprocessed(warehouse, schedule, judged, dates, closed)
    is_open = dict(gates.coverage(judged, dates).select("game_date", "is_open").iter_rows())
    waived = set(gates.standing_waivers(warehouse.scan(gates.WAIVERS, dates).collect(), now)["game_date"])
    playing = schedule.filter(pl.col("status") != "postponed")
    tipoffs: Mapping[date, list[datetime | None]] = dict(playing.group_by("game_date").agg("tipoff_at").iter_rows())
    for day in dates:
        yield Slate(
            day,
            tuple(tipoffs.get(day, ())),
            written=frozenset(name for name, of_table in written.items() if day in of_table),
            incomplete=incomplete.get(day, ()),
            unprocessed=unprocessed.get(day, ()),
            closed=closed[day],
            is_open=is_open[day] or day in waived,
        )


def _unprocessed(
    warehouse: Warehouse,
    schedule: pl.DataFrame,
    judged: pl.DataFrame,
    dates: Sequence[date],
    closed: Mapping[date, frozenset[str]],
) -> dict[date, tuple[str, ...]]:
    """Returns per date a message for each game that lacks its summary, its grades or its void predictions."""
    complete = judged.filter("is_complete").select("game_date", "game_id", "matchup")
    summarized = warehouse.scan(TABLES["player_game_summary"], dates).select("game_id").unique().collect()
    predicted, graded = (
        warehouse.scan(TABLES[name], dates).select(GRADED).unique().collect() for name in ("predictions", "grades")
    )
    ungraded = predicted.join(graded, on=GRADED, how="anti")
    of_open_ledgers = ~pl.col("game_date").is_in([day for day in dates if "grades" in closed[day]])
    gradable = complete.filter(of_open_ledgers).join(summarized, on="game_id", how="semi")
    return _messages_by_date(
        [
            ("is not summarized", complete.join(summarized, on="game_id", how="anti")),
            ("is not graded", gradable.join(ungraded, on="game_id", how="semi")),
            ("is not played, but its predictions are not void", _not_void(warehouse, schedule, graded, dates, closed)),
        ]
    )


def _not_void(
    warehouse: Warehouse,
    schedule: pl.DataFrame,
    graded: pl.DataFrame,
    dates: Sequence[date],
    closed: Mapping[date, frozenset[str]],
) -> pl.DataFrame:
    """Returns the games of graded dates that are not played and have ungraded but gradable predictions."""
    is_graded = [day for day in dates if day in warehouse.dates(TABLES["grades"]) and "grades" not in closed[day]]
    off = schedule.filter(pl.col("status") == OFF, pl.col("game_date").is_in(is_graded))
    if off.is_empty():
        return pl.DataFrame(schema={"game_date": pl.Date, "matchup": pl.String})
    predictions = warehouse.scan(TABLES["predictions"], is_graded).filter(pl.col("market").is_in(list(STATISTICS))).collect()
    ungraded = published(predictions, off).join(graded, on=GRADED, how="anti")
    matchup = pl.format("{}@{} {}", "away_team", "home_team", "game_id").alias("matchup")
    return off.join(ungraded, on=["game_date", "game_id"], how="semi").select("game_date", matchup)


def closed_ledgers(warehouse: Warehouse, dates: Sequence[date]) -> dict[date, frozenset[str]]:
    """Returns the closed ledgers per date. Closed predictions also close the grades."""
    closed = {name: warehouse.closed(TABLES[name], dates) for name in ("predictions", "grades")}
    names = {day: frozenset(name for name in closed if day in closed[name]) for day in dates}
    return {day: ledgers | {"grades"} if ledgers else ledgers for day, ledgers in names.items()}


def _messages_by_date(problems: Sequence[tuple[str, pl.DataFrame]]) -> dict[date, tuple[str, ...]]:
    """Returns per date a message for each game with a problem."""
    messages: dict[date, tuple[str, ...]] = {}
    for problem, games in problems:
        for day, matchup in games.select("game_date", "matchup").sort("game_date", "matchup").iter_rows():
            messages[day] = (*messages.get(day, ()), f"{matchup} {problem}")
    return messages

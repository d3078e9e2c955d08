"""Reads the contents of the warehouse per date: tip-offs, written tables, incomplete and unprocessed games.

What is due for a date belongs in `reconciliation.py`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import polars as pl

from nba_pipeline.assets.grades.grades import STATISTICS, published
from nba_pipeline.completeness import gates, modes
from nba_pipeline.completeness.modes import MODES, TABLES_OF_MODE
from nba_pipeline.completeness.not_played import OFF
from nba_pipeline.tables.table import TABLES
from nba_pipeline.warehouse import Warehouse


@dataclass(frozen=True)
class Slate:
    """The contents of the warehouse for a date. `tipoffs` are those of games that are not postponed, UTC; None: unknown."""

    game_date: date
    tipoffs: tuple[datetime | None, ...] = ()
    written: frozenset[str] = frozenset()
    incomplete: tuple[str, ...] = ()
    """Messages about final games without a complete box score."""
    left_behind: tuple[str, ...] = ()
    """Messages about complete games that are not summarized or graded, and about games not played with predictions to void."""
    closed: frozenset[str] = frozenset()
    """Ledgers that are closed for the date. They are not due until they are restored."""
    is_open: bool = True
    """Whether the coverage gate of the date is open or waived."""

    def has_begun(self, now: datetime) -> bool:
        """Whether every game has begun."""
        return modes.has_begun(self.tipoffs, now)

    def until_first_tipoff(self, now: datetime) -> timedelta | None:
        """Returns the time until the first tip-off, negative after it; None if no tip-off is known."""
        known = [tipoff for tipoff in self.tipoffs if tipoff is not None]
        return min(known) - now if known else None


def look_at(warehouse: Warehouse, dates: Sequence[date], now: datetime) -> Iterator[Slate]:
    """Yields the contents of the warehouse for each date, and whether its coverage gate is open."""
    tables = {name: TABLES[name] for mode in MODES for name in TABLES_OF_MODE[mode]}
    warehouse.check(tables.values(), dates)
    written = {name: warehouse.dates(table) for name, table in tables.items()}
    closed = closed_ledgers(warehouse, dates)
    schedule = warehouse.scan(TABLES["schedule"], dates).collect()
    boxscores = warehouse.scan(TABLES["boxscores"], dates).collect()
    judged = gates.judge_games(schedule, boxscores).filter("is_covered")
    complete = judged.filter("is_complete").select("game_date", "game_id", "matchup")
    summarised = warehouse.scan(TABLES["player_game_summary"], dates).select("game_id").unique().collect()
    of_a_bet = ["game_id", "player_id", "system_id", "market", "run_kind"]
    made, graded = (warehouse.scan(TABLES[name], dates).select(of_a_bet).unique().collect() for name in ("predictions", "grades"))
    ungraded = made.join(graded, on=of_a_bet, how="anti")
    of_open_ledgers = ~pl.col("game_date").is_in([day for day in dates if "grades" in closed[day]])
    incomplete = _told([("has no complete box score", judged.filter(~pl.col("is_complete")))])
    left_behind = _told(
        [
            ("is not summarised", complete.join(summarised, on="game_id", how="anti")),
            (
                "is not graded",
                complete.filter(of_open_ledgers)
                .join(summarised, on="game_id", how="semi")
                .join(ungraded, on="game_id", how="semi"),
            ),
            ("is not played and its predictions are not void", _not_void(warehouse, schedule, graded, dates, closed)),
        ]
    )
    is_open = dict(gates.coverage(judged, dates).select("game_date", "is_open").iter_rows())
    waived = set(gates.standing_waivers(warehouse.scan(gates.WAIVERS, dates).collect(), now)["game_date"])
    playing = schedule.filter(pl.col("status") != "postponed")
    tipoffs: Mapping[date, list[datetime | None]] = dict(playing.group_by("game_date").agg("tipoff_at").iter_rows())
    for day in dates:
        yield Slate(
            day, tuple(tipoffs.get(day, ())), frozenset(name for name, there in written.items() if day in there),
            incomplete.get(day, ()), left_behind.get(day, ()), closed[day], is_open[day] or day in waived,
        )  # fmt: skip


def _not_void(
    warehouse: Warehouse, schedule: pl.DataFrame, graded: pl.DataFrame, dates: Sequence[date],
    closed: Mapping[date, frozenset[str]],
) -> pl.DataFrame:  # fmt: skip
    """Returns the games of graded dates that are not played and have ungraded but gradable predictions."""
    is_graded = [day for day in dates if day in warehouse.dates(TABLES["grades"]) and "grades" not in closed[day]]
    off = schedule.filter(pl.col("status") == OFF, pl.col("game_date").is_in(is_graded))
    if off.is_empty():
        return pl.DataFrame(schema={"game_date": pl.Date, "matchup": pl.String})
    made = warehouse.scan(TABLES["predictions"], is_graded).filter(pl.col("market").is_in(list(STATISTICS))).collect()
    ungraded = published(made, off).join(graded, on=["game_id", "player_id", "system_id", "market", "run_kind"], how="anti")
    matchup = pl.format("{}@{} {}", "away_team", "home_team", "game_id").alias("matchup")
    return off.join(ungraded, on=["game_date", "game_id"], how="semi").select("game_date", matchup)


def closed_ledgers(warehouse: Warehouse, dates: Sequence[date]) -> dict[date, frozenset[str]]:
    """Returns the closed ledgers per date. Closed predictions also close the grades."""
    closed = {name: warehouse.closed(TABLES[name], dates) for name in ("predictions", "grades")}
    names = {day: frozenset(name for name in closed if day in closed[name]) for day in dates}
    return {day: found | {"grades"} if found else found for day, found in names.items()}


def _told(problems: Sequence[tuple[str, pl.DataFrame]]) -> dict[date, tuple[str, ...]]:
    """Returns per date a message for each game with a problem."""
    found: dict[date, tuple[str, ...]] = {}
    for problem, games in problems:
        for day, matchup in games.select("game_date", "matchup").sort("game_date", "matchup").iter_rows():
            found[day] = (*found.get(day, ()), f"{matchup} {problem}")
    return found

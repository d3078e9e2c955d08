"""The steps of a backfill, in order. A dry run prints them; a real run starts one after the other.

    season   up_to_features()     chunks of dates, ascending, because windows roll
    train    points_model         each week with games that has no model
    season   from_predictions()   the same chunks

A resumed backfill skips complete steps. A step is complete if the present code version wrote each of its dates in each of
its tables. The backfill rebuilds everything after the first incomplete step, because later dates read earlier ones. To
rebuild complete dates, for example after a correction at the source, omit `--resume`.

This module runs nothing.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import groupby
from typing import Literal

import dagster as dg
import polars as pl

from nba_pipeline.asset_factory.code_versions import current_versions
from nba_pipeline.completeness import gates
from nba_pipeline.completeness.modes import from_predictions, up_to_features
from nba_pipeline.league.calendar import FIRST_DATE, days, season_of, season_start, week_of
from nba_pipeline.monitoring.status import stale_dates
from nba_pipeline.orchestration.weekly_training import attempted_weeks
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.wording import counted
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.model_store import ModelStore

Stage = Literal["features", "grades"]
STAGES: tuple[Stage, ...] = ("features", "grades")
"""Stages after which a backfill can stop."""

Part = Literal["features", "models", "predictions"]

EXCELLENT = 0.90
ACCEPTABLE = 0.70
"""Shares of the final games of a date that have a complete box score."""


@dataclass(frozen=True)
class Step:
    """One run of a backfill, or one that is skipped.

    `complete_count` is the number of complete dates, or weeks for a training. A date is complete if the present code version
    wrote it in every table. The date of a training is the Monday of its week. A week is complete if it has a model, or if its
    input has not changed since the last attempt. Consecutive complete weeks form one skipped step.
    """

    part: Part
    job: str
    tables: tuple[str, ...]
    first: date
    last: date
    complete_count: int
    is_skipped: bool = False
    blocked_by: tuple[str, ...] = ()
    """Tables that failed in an earlier pass, so that their dependents are skipped."""

    @property
    def number_of_dates(self) -> int:
        """The number of dates of the run, or of weeks for a training."""
        return (self.last - self.first).days // (7 if self.part == "models" else 1) + 1

    @property
    def dates_text(self) -> str:
        """The date, or the first and last date."""
        return str(self.first) if self.first == self.last else f"{self.first} to {self.last}"


def plan(
    warehouse: Warehouse,
    first: date,
    last: date,
    code_versions: Mapping[str, str],
    stop_after: Stage = "grades",
    is_resumed: bool = False,
    dates_per_run: int | None = None,
    store: ModelStore | None = None,
    failed: Mapping[date, Collection[str]] | None = None,
) -> Iterator[Step]:
    """Yields the steps in order. Each pass is planned lazily, because the first pass loads the schedule that the second reads.

    `failed` holds by date the tables whose last run failed or was interrupted. Their rows are from an earlier run.
    """
    parts = list(chunks(first, last, dates_per_run))
    dates = days(first, last)
    complete = complete_dates(warehouse, up_to_features(), dates, code_versions) - failed_dates(failed, up_to_features())
    if is_resumed:
        complete -= too_incomplete(warehouse, dates)
    rebuilt_from: date | None = None
    for part in parts:
        count = len(complete.intersection(days(*part)))
        is_skipped = is_resumed and rebuilt_from is None and count == len(days(*part))
        if not is_skipped and rebuilt_from is None:
            rebuilt_from = part[0]
        yield Step("features", "season", up_to_features(), *part, count, is_skipped)
    if stop_after == "features":
        return

    weeks, complete_weeks = weeks_with_games(warehouse, dates), weeks_with_a_model(warehouse, store)
    if is_resumed:
        candidates = [week for week in weeks if week not in complete_weeks and (rebuilt_from is None or week <= rebuilt_from)]
        complete_weeks |= {week for week in candidates if is_attempted(warehouse, week, code_versions["points_model"])}
    yield from _training_steps(weeks, complete_weeks)
    trained = set(weeks) - complete_weeks

    complete = complete_dates(warehouse, from_predictions(), dates, code_versions) - failed_dates(failed, from_predictions())
    for part in parts:
        count = len(complete.intersection(days(*part)))
        is_outdated = (rebuilt_from is not None and part[1] >= rebuilt_from) or any(
            week_of(day) in trained for day in days(*part)
        )
        is_skipped = is_resumed and not is_outdated and count == len(days(*part))
        yield Step("predictions", "season", from_predictions(), *part, count, is_skipped)


def _training_steps(weeks: Sequence[date], complete: Collection[date]) -> Iterator[Step]:
    """Yields one step per week to train. Consecutive complete weeks form one skipped step."""
    for is_complete, group in groupby(weeks, key=lambda week: week in complete):
        mondays = list(group)
        for span in [mondays] if is_complete else [[monday] for monday in mondays]:
            yield Step("models", "train", ("points_model",), span[0], span[-1], len(span) * is_complete, is_complete)


def chunks(first: date, last: date, size: int | None = None) -> Iterator[tuple[date, date]]:
    """Yields the first and last date of each chunk of at most `size` dates of one season, ascending.

    An archive file holds one season, so an unusable file only affects chunks of its season.
    """
    size = SETTINGS.warehouse.dates_per_run if size is None else size
    for _, season in groupby(days(first, last), key=season_of):
        dates = list(season)
        for start in range(0, len(dates), size):
            part = dates[start : start + size]
            yield part[0], part[-1]


def complete_dates(
    warehouse: Warehouse,
    tables: Collection[str],
    dates: Sequence[date],
    code_versions: Mapping[str, str],
    failed: Mapping[date, Collection[str]] | None = None,
) -> set[date]:
    """Returns the dates that every table holds in its present code version, without dates on which a table has `failed`."""
    warehouse.check([TABLES[name] for name in tables], dates)
    written = set(dates).intersection(*(warehouse.dates(TABLES[name]) for name in tables))
    if not written:
        return written
    stale = stale_dates(warehouse, sorted(written), code_versions)
    return written.difference(*(stale[name] for name in tables), failed_dates(failed, tables))


def failed_dates(failed: Mapping[date, Collection[str]] | None, tables: Collection[str]) -> set[date]:
    """Returns the dates on which one of these tables has failed."""
    return {day for day, names in (failed or {}).items() if not set(names).isdisjoint(tables)}


def without_dependents(
    step: Step, not_written: Collection[tuple[date, date, Collection[str]]], parents: Mapping[str, Collection[str]]
) -> Step:
    """Returns the step without the dependents of tables that an earlier pass could not write for one of its dates.

    Args:
        step: a step of a later pass.
        not_written: first date, last date and tables of each failed run.
        parents: table -> the tables that it reads or follows.
    """
    missing = {name for first, last, names in not_written if first <= step.last and step.first <= last for name in names}
    blocked = set[str]()
    for name in step.tables:
        if not blocked.union(missing).isdisjoint(parents[name]):
            blocked.add(name)
    remaining = tuple(name for name in step.tables if name not in blocked)
    causes = {parent for name in blocked for parent in parents[name]} & missing
    return replace(
        step, tables=remaining or step.tables, is_skipped=step.is_skipped or not remaining, blocked_by=tuple(sorted(causes))
    )


def too_incomplete(warehouse: Warehouse, dates: Sequence[date]) -> set[date]:
    """Returns the dates with too few complete games and no waiver by an operator. Automatic waivers do not count."""
    schedule, boxscores = (warehouse.scan(TABLES[name], dates).collect() for name in ("schedule", "boxscores"))
    covered = gates.coverage(gates.judge_games(schedule, boxscores), dates)
    by_an_operator = (pl.col("gate") == gates.COVERAGE_GATE) & (pl.col("author") != gates.DEADLINE_AUTHOR)
    waived = warehouse.scan(gates.WAIVERS, dates).filter(by_an_operator).select("game_date").collect()
    return set(covered.filter(~pl.col("is_open"))["game_date"]) - set(waived["game_date"])


def weeks_with_a_model(warehouse: Warehouse, store: ModelStore | None = None) -> set[date]:
    """Returns the Mondays of the weeks with a trained model and a row for each trained system.

    With a store, it must still hold every model of the week.
    """
    rows = warehouse.scan(TABLES["points_model"]).select("game_date", "system_id", "model_id").collect()
    return attempted_weeks(rows, store) & set(rows.drop_nulls("model_id")["game_date"])


def weeks_with_games(warehouse: Warehouse, dates: Sequence[date]) -> list[date]:
    """Returns the Mondays of the weeks in which a date has games or no loaded schedule."""
    unknown = set(dates) - warehouse.dates(TABLES["schedule"])
    return sorted({week_of(day) for day in unknown | _dates_with_games(warehouse, dates)})


def is_attempted(warehouse: Warehouse, week: date, code_version: str) -> bool:
    """Whether this code version already attempted the week's training of every system, and no input has changed since."""
    rows = (
        warehouse.scan(TABLES["points_model"], [week])
        .filter(pl.col("code_version").is_in(current_versions("points_model", code_version)))
        .collect()
    )
    attempted_at = rows["as_of"].min()
    if attempted_at is None or not attempted_weeks(rows, store=None):
        return False
    inputs = [
        warehouse.scan(TABLES[name]).filter(pl.col("game_date") < week).select(pl.col("as_of").max()).collect().item()
        for name in ("features", "player_game_summary")
    ]
    return all(newest is None or newest <= attempted_at for newest in inputs)


def missing_before(warehouse: Warehouse, first: date, windows: Mapping[str, tuple[int, Sequence[str]]]) -> list[str]:
    """Returns a message per table that lacks dates before the range that windows read. Covers the season of `first`.

    `windows` maps a table to the length of its longest window in days, and to the tables that read it.
    """
    messages = []
    for name, (length, readers) in windows.items():
        start = max(first - timedelta(days=length), season_start(first), FIRST_DATE)
        window = days(start, first - timedelta(days=1))
        with_games = _dates_with_games(warehouse, window)
        missing = sorted((with_games or set(window)) - warehouse.dates(TABLES[name]))
        if missing:
            dates = f"{counted(len(missing), 'date')}{' with games' if with_games else ''}"
            messages.append(
                f"{name} lacks {dates} before {first} ({missing[0]} to {missing[-1]}), which windows of {', '.join(readers)} read: "
                "the windows have fewer games, and gates of the first dates may be closed"
            )
    return messages


def windows_of(definitions: dg.Definitions, tables: Collection[str]) -> dict[str, tuple[int, list[str]]]:
    """Returns, for each table of games, the length of its longest window in days and the tables that read it over a window.

    Excludes the schedule, which is read for the whole season.
    """
    windows: dict[str, tuple[int, list[str]]] = {}
    for node in definitions.resolve_asset_graph().asset_nodes:
        for parent, mapping in node.partition_mappings.items():
            offset = getattr(mapping, "start_offset", 0)
            name, reader = parent.path[-1], node.key.path[-1]
            if reader in tables and offset < 0 and name != "schedule" and "game_id" in TABLES[name].dtypes:
                length, readers = windows.get(name, (0, []))
                windows[name] = max(length, -offset), sorted({*readers, reader})
    return dict(sorted(windows.items(), key=lambda item: up_to_features().index(item[0])))


def rate(warehouse: Warehouse, dates: Sequence[date]) -> dict[str, list[date]]:
    """Returns rating -> dates, by the share of final games with a complete box score.

    The ratings are excellent, acceptable, failed and without final games.
    """
    schedule, boxscores = (warehouse.scan(TABLES[name], dates).collect() for name in ("schedule", "boxscores"))
    rated: dict[str, list[date]] = {"excellent": [], "acceptable": [], "failed": [], "without final games": []}
    for row in gates.coverage(gates.judge_games(schedule, boxscores), dates).iter_rows(named=True):
        rated[_rating(row["final_games"], row["share"])].append(row["game_date"])
    return rated


def _rating(final_games: int, share: float) -> str:
    if not final_games:
        return "without final games"
    if share >= EXCELLENT:
        return "excellent"
    return "acceptable" if share >= ACCEPTABLE else "failed"


def _dates_with_games(warehouse: Warehouse, dates: Sequence[date]) -> set[date]:
    return set(warehouse.scan(TABLES["schedule"], dates).select("game_date").unique().collect()["game_date"])

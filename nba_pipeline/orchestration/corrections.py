"""Finds re-reads and corrections that are due and not done, as work for the reconciliation. Changes nothing.

For each date within the window:

    what is due                           work
    a re-read landed new data             the tables of `overnight`, which load it
    a re-read is due                      the job `recheck`, at its instants or while sources contradict each other
    the stored box scores changed         the features of later dates, beyond the window of the automation conditions
    a grade is newer                      the performance of later dates, whose windows include the grade

Predictions of past slates are never repeated.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import dagster as dg
import polars as pl

from nba_pipeline.completeness import gates
from nba_pipeline.completeness.contradictions import contradicted_games
from nba_pipeline.completeness.disagreements import DISAGREEMENTS
from nba_pipeline.completeness.modes import tables_of_mode
from nba_pipeline.completeness.next_steps import features_command
from nba_pipeline.completeness.reread_times import due_for_contradiction, due_noon, is_within_window
from nba_pipeline.instance.materializations import materialized_at
from nba_pipeline.instance.rereads import Reread, changed_at, rereads, unloaded_reread
from nba_pipeline.league.calendar import FIRST_DATE, days, eastern_date
from nba_pipeline.league.eastern_text import eastern_text
from nba_pipeline.orchestration.outdated_performance import outdated_performance
from nba_pipeline.orchestration.recheck_job import JOB
from nba_pipeline.orchestration.work import Work, attempts_at
from nba_pipeline.providers.archive_files import PROVIDER as ARCHIVE
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.declarations import WITHIN_DAYS, daily_tables
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse

CARRY = "correction"
"""Tag value of runs for the tables of a corrected date, and for the features of later dates."""

NEWS_SHOWN = 5
JUDGED = ("game_date", "game_id", "team", "did_play", "points", "team_points", "minutes", "minutes_precision", "provider")


@dataclass(frozen=True)
class Final:
    """A date with final games and stored box scores, and its games with contradicting sources."""

    game_date: date
    contradicted: tuple[str, ...] = ()


def find_corrections(instance: dg.DagsterInstance, warehouse: Warehouse, now: datetime) -> list[Work]:
    """Returns all corrections that are due and not done, oldest date first."""
    today = eastern_date(now)
    first = max(today - timedelta(days=SETTINGS.corrections.window_days), FIRST_DATE)
    dates = [day for day in days(first, today) if is_within_window(day, now)]
    due = list[Work]()
    finals = final_dates(warehouse, [day for day in dates if day < today])
    for final in finals:
        due += _of_a_date(instance, final, now)
    outdated = outdated_features(
        instance, warehouse, [final.game_date for final in finals], today - timedelta(days=WITHIN_DAYS - 2)
    )
    for day, (corrected, changed) in outdated.items():
        names = ", ".join(str(one) for one in corrected)
        why = f"the features are older than the corrected box scores of {names}"
        command = features_command(day, day)
        attempts = attempts_at(instance, CARRY, day, changed)
        due.append(Work("same_day", day, changed, daily_tables("features"), why, attempts, purpose=CARRY, next_command=command))
    due += _of_performance(instance, warehouse, days(first, today))
    return sorted(due, key=lambda work: (work.game_date, work.purpose))


def _of_performance(instance: dg.DagsterInstance, warehouse: Warehouse, dates: Sequence[date]) -> Iterator[Work]:
    """Yields the work for each date of `system_performance` that is older than grades in its windows."""
    for day, (graded, at) in outdated_performance(warehouse, dates).items():
        why = f"the performance is older than the grades of {', '.join(str(one) for one in graded)}"
        attempts = attempts_at(instance, CARRY, day, at)
        yield Work("overnight", day, at, ("system_performance",), why, attempts, purpose=CARRY)


def final_dates(warehouse: Warehouse, dates: Sequence[date]) -> list[Final]:
    """Returns the dates with final games and stored box scores, except archived dates."""
    schedule = warehouse.scan(TABLES["schedule"], dates).collect()
    boxscores = warehouse.scan(TABLES["boxscores"], dates).select(JUDGED).collect()
    disagreements = warehouse.scan(DISAGREEMENTS, dates).select("game_date", "game_id").unique().collect()
    archived = set(boxscores.filter(provider=ARCHIVE)["game_date"])
    final = schedule.filter(pl.col("status") == "final", "has_boxscore_source")
    with_games = set(final["game_date"]) & warehouse.dates(TABLES["boxscores"]) - archived
    contradicted = contradicted_games(schedule, boxscores) | set(disagreements["game_id"])
    of_games = dict(final.filter(pl.col("game_id").is_in(list(contradicted))).group_by("game_date").agg("game_id").iter_rows())
    return [Final(day, tuple(sorted(of_games.get(day, [])))) for day in dates if day in with_games]


def outdated_features(
    instance: dg.DagsterInstance, warehouse: Warehouse, corrected: Sequence[date], end: date
) -> Mapping[date, tuple[list[date], datetime]]:
    """Returns the written dates before `end` whose features are older than a change of earlier box scores.

    Maps each date to the corrected dates and the instant of their last change. A change counts only after the summaries of
    its date are updated.
    """
    written = warehouse.dates(TABLES["features"])
    outdated: dict[date, tuple[list[date], datetime]] = {}
    features_at: dict[date, datetime | None] = {}
    for day in corrected:
        later = [one for one in days(day + timedelta(days=1), end - timedelta(days=1)) if one in written]
        changed = changed_at(instance, day) if later else None
        summarized = materialized_at(instance, "team_game_summary", day) if changed else None
        if changed is None or summarized is None or summarized < changed:
            continue
        for one in later:
            if one not in features_at:
                features_at[one] = materialized_at(instance, "features", one)
            derived_at = features_at[one]
            if derived_at is None or derived_at < changed:
                dates, at = outdated.get(one, ([], changed))
                outdated[one] = [*dates, day], max(at, changed)
    return dict(sorted(outdated.items()))


def _of_a_date(instance: dg.DagsterInstance, final: Final, now: datetime) -> Iterator[Work]:
    command = f"nba-pipeline recheck --date {final.game_date}"
    day, done = final.game_date, rereads(instance, final.game_date)
    has_news = any(one.changes for one in done)
    if has_news and (pending := unloaded_reread(done, materialized_at(instance, "boxscores", day))):
        more = len(pending.changes) - NEWS_SHOWN
        why = f"a re-read changed: {'; '.join(pending.changes[:NEWS_SHOWN])}{f'; and {more} more' if more > 0 else ''}"
        tables, at = tables_of_mode("overnight"), pending.recorded_at
        attempts = attempts_at(instance, CARRY, day, at)
        yield Work("overnight", day, at, tables, why, attempts, purpose=CARRY, next_command=command)
    elif due := _due(instance, final, done, now):
        due_at, why = due
        attempts = attempts_at(instance, JOB, day, due_at)
        yield Work("overnight", day, due_at, (), why, attempts, purpose=JOB, job=JOB, next_command=command)


def _due(instance: dg.DagsterInstance, final: Final, done: Sequence[Reread], now: datetime) -> tuple[datetime, str] | None:
    """Returns since when a re-read of a date is due, and why; None if it is not."""
    day = final.game_date
    noon = due_noon(day, now)
    if noon and not any(one.read_at is not None and one.read_at >= noon for one in done):
        return noon, f"a re-read of the final games is due since {eastern_text(noon)}"
    if not final.contradicted or now < gates.deadline(day):
        return None
    written = [at for name in ("boxscores", "schedule") if (at := materialized_at(instance, name, day))]
    if not written:
        return None
    due_at = due_for_contradiction(max(written), [one.recorded_at for one in done], day, now)
    return (due_at, f"sources contradict each other on {', '.join(final.contradicted)}") if due_at else None

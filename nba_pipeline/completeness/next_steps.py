"""The next step for a date.

    no date has box scores                 backfill of the weeks before today
    a game lacks a complete box score      wait, or repair of its date; also for a later slate that waits for it
    a response has fewer rows than before  wait
    a run failed, a table is not written   reconciliation, or a backfill of dates that it does not cover
    a provider failed, a game has no line  run of the date, which sends the requests again
    a provider refused its key             another key, a test of it, and a restart of the daemon
    a name with a line has no player       resolution of the name
    the settings were edited               restart of the daemon

`status`, `explain`, the alerts and the last line of a failed command take it from here, so that they name the same one.
"""

import shlex
from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import polars as pl

from nba_pipeline.completeness import gates, history, slate_gates
from nba_pipeline.completeness.date_facts import Facts
from nba_pipeline.completeness.expectations import playing
from nba_pipeline.completeness.modes import first_due, grace, has_begun
from nba_pipeline.completeness.states import FAILING
from nba_pipeline.league.calendar import days, eastern_date
from nba_pipeline.league.eastern_text import eastern_text
from nba_pipeline.league.name_resolution import IS_A_NAME_PROBLEM
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse

RECONCILE = "nba-pipeline reconcile"
NEW_KEY = "correct the key, test it by nba-pipeline doctor, then restart the daemon"
START, RESTART = "start the daemon", "restart the daemon"
KEPT = f"wait, the request is repeated automatically; to repeat it now: {RECONCILE}"
"""The next step after a response with too few rows: the stored rows are kept."""


def next_command(
    facts: Facts,
    state: str,
    now: datetime,
    failing: Collection[str] = (),
    refused: Collection[str] = (),
    paused_until: datetime | None = None,
) -> str:
    """Returns the next step of a date; empty if none helps. The reason of a closed ledger names its own command.

    Args:
        facts: The facts about the date.
        state: Its state.
        now: The present instant.
        failing: The providers whose last requests failed.
        refused: Those of them that refused the key.
        paused_until: Until when the requests to one of them are paused; None if they are not.
    """
    day, today = facts.game_date, eastern_date(now)
    if facts.closed:
        return ""
    if facts.missing and state in (*FAILING, "DEGRADED", "WAIVED"):
        return facts.own_step or RECONCILE  # rebuilds the table from stored responses
    is_incomplete = facts.has_incomplete_game and _are_boxscores_due(day, facts.tipoffs, now)
    if state in FAILING:
        if step := facts.own_step or facts.first_backfill:
            return step
        if facts.waits_for:
            return boxscores_step(facts.waits_for)
        return completing_command(day, day, today, is_within_home=facts.is_within_home, lacks_boxscores=is_incomplete)
    if state in ("DEGRADED", "WAIVED") and is_incomplete:
        return boxscores_step(day)
    if state not in ("EXPECTED", "DEGRADED"):
        return ""
    if refused:
        return NEW_KEY
    has_gap = state == "DEGRADED" and facts.games_without_lines
    return fetching_command(day, facts.tipoffs, now, paused_until) if failing or has_gap else ""


def completing_command(first: date, last: date, today: date, *, is_within_home: bool, lacks_boxscores: bool = False) -> str:
    """Returns the command that completes dates.

    Args:
        first: The first date.
        last: The last date, included.
        today: The present date.
        is_within_home: Whether the first date is in the stored history, see `history.first_due_date`.
        lacks_boxscores: Whether box scores of the only date are due and incomplete. The reconciliation does not request them
            at every hour, the repair does.
    """
    if is_within_home and lacks_boxscores:
        return boxscores_step(first)
    is_reconciled = is_within_home and first >= _first_reconciled(today)
    return RECONCILE if is_reconciled else backfill_command(first, last)


def _first_reconciled(today: date) -> date:
    """Returns the first date whose missing tables the reconciliation writes."""
    return today - timedelta(days=SETTINGS.patience.nightly_days)


def command_of_dates(warehouse: Warehouse, first: date, last: date, now: datetime) -> str:
    """Returns the command that completes dates, see `completing_command`.

    A backfill begins with the box scores that the first slate waits for, because no other command requests them.
    """
    today = eastern_date(now)
    if step := first_backfill(warehouse, today):
        return step
    is_within_home = first >= history.first_due_date(warehouse, today)
    is_reconciled = is_within_home and first >= _first_reconciled(today)
    closed = None if is_reconciled else closed_slate(warehouse, first, now)
    return completing_command(
        closed.waits_for if closed else first,
        last,
        today,
        is_within_home=is_within_home,
        lacks_boxscores=first == last and not closed and lacks_boxscores(warehouse, first, now),
    )


def lacks_boxscores(warehouse: Warehouse, day: date, now: datetime) -> bool:
    """Whether a played game of a date lacks a complete box score that is due. False for a file that must be rebuilt."""
    schedule, boxscores = (warehouse.scan(TABLES[name], [day]).collect() for name in ("schedule", "boxscores"))
    played = playing(schedule).filter("has_boxscore_source")
    if not _are_boxscores_due(day, played["tipoff_at"].to_list(), now) or day in warehouse.lost(TABLES["boxscores"]):
        return False
    complete = gates.judge_games(schedule, boxscores).filter("is_complete")
    return played.join(complete, on="game_id", how="anti").height > 0


class ClosedSlate(NamedTuple):
    """Why the slate of a date is closed: the first date with incomplete box scores, and the games of the last slates."""

    waits_for: date
    complete: int
    games: int
    missing: Sequence[str]


def closed_slate(warehouse: Warehouse, day: date, now: datetime) -> ClosedSlate | None:
    """Returns why the slate of a date is closed; None for an open slate."""
    slates, _ = slate_gates.judge_slates(*slate_gates.before(warehouse, [day]), [day], now)
    slate = slates.row(0, named=True)
    if slate["is_open"]:
        return None
    first = first_date_of(warehouse, day, slate["missing"])
    return ClosedSlate(first, slate["recent_complete"], slate["recent_games"], slate["missing"])


def first_date_of(warehouse: Warehouse, day: date, matchups: Sequence[str]) -> date:
    """Returns the first date of games before a date, each named AWAY@HOME and game_id."""
    window = days(day - timedelta(days=slate_gates.RECENT_DAYS), day - timedelta(days=1))
    games = warehouse.scan(TABLES["schedule"], window).select("game_date", "game_id").collect()
    named = games.filter(pl.col("game_id").is_in([matchup.rpartition(" ")[2] for matchup in matchups]))
    return min(named["game_date"].to_list(), default=window[-1])


def boxscores_step(day: date) -> str:
    """Returns the next step for missing box scores. The daemon requests them again; the command also writes what waits for them."""
    return f"wait, the box scores are requested again automatically; to request them now: {repair_command(day)}"


def repair_command(day: date) -> str:
    """Returns the command that writes the missing rows of a date."""
    return f"nba-pipeline repair --date {day}"


def fetching_command(day: date, tipoffs: Sequence[datetime | None], now: datetime, paused_until: datetime | None = None) -> str:
    """Returns the next step that sends the requests of a slate again; empty after its last tip-off.

    While requests to a failing provider are paused, no request is sent.
    """
    if has_begun(tipoffs, now):
        return ""
    command = f"nba-pipeline run --date {day}"
    return f"wait, requests are paused until {eastern_text(paused_until, '%H:%M')}; then: {command}" if paused_until else command


def report_step(day: date, tipoffs: Sequence[datetime | None], now: datetime) -> str:
    """Returns the next step for an injury report that is not published; empty after the last tip-off."""
    command = fetching_command(day, tipoffs, now)
    return f"wait, the report is requested again automatically; to request it now: {command}" if command else ""


def resolving_command(spelling: str, day: date) -> str:
    """Returns the command that records which player an unresolved name means, and replays the date."""
    return f"nba-pipeline resolve --spelling {shlex.quote(spelling)} --player ID --date {day}"


def is_name_problem(problem: str) -> bool:
    """Whether the problem of quarantined rows is a name that means no player, or several."""
    return bool(pl.DataFrame({"problem": [problem]}).select(IS_A_NAME_PROBLEM).item())


def quarantine_command(table: str, day: date, problem: str, row: Mapping[str, Any]) -> str:
    """Returns the next step for quarantined rows with the same problem: the resolution of a name, else the list of the problems.

    `row` has the values of one of the rows.
    """
    spelling = row.get("spelling") or row.get("player_name")
    if is_name_problem(problem) and spelling:
        return resolving_command(spelling, day)
    return f"nba-pipeline quarantine list --date {day} --table {table}"


def backfill_command(first: date, last: date) -> str:
    """Returns the command that loads dates, also those before the stored history, and skips complete ones."""
    return f"nba-pipeline backfill --from {first} --to {last} --resume"


def first_backfill(warehouse: Warehouse, today: date) -> str:
    """Returns the backfill with which a new home begins in mid-season: features need the games before today.

    Empty in a home with a history, and while no game of these weeks is final.
    """
    if history.first_date(warehouse) is not None:
        return ""
    before = days(today - timedelta(days=SETTINGS.usual.days), today - timedelta(days=1))
    has_played = not warehouse.scan(TABLES["schedule"], before).filter(pl.col("status") == "final").limit(1).collect().is_empty()
    return backfill_command(before[0], before[-1]) if has_played else ""


def loading_command(warehouse: Warehouse, day: date) -> str:
    """Returns the command that loads a date that is not stored. Before the stored history, it also loads the dates between."""
    first = history.first_date(warehouse)
    return backfill_command(day, max(day, first - timedelta(days=1)) if first else day)


def features_command(first: date, last: date) -> str:
    """Returns the command that computes the features of dates again."""
    return f"nba-pipeline backfill --from {first} --to {last} --stop-after features"


def _are_boxscores_due(day: date, tipoffs: Sequence[datetime | None], now: datetime) -> bool:
    return now >= first_due(day, tipoffs)["boxscores"] + grace()

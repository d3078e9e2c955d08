"""The status of dates: due, existing and missing data, and incidents, read from the tables and the landing."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

from nba_pipeline.asset_factory.code_versions import current_versions
from nba_pipeline.completeness import gates
from nba_pipeline.completeness.date_facts import Facts
from nba_pipeline.completeness.disagreements import DISAGREEMENTS
from nba_pipeline.completeness.next_steps import next_command
from nba_pipeline.completeness.not_played import NOT_PLAYED, off_games
from nba_pipeline.completeness.quarantine_cases import standing_acceptances
from nba_pipeline.completeness.state_causes import cause_of
from nba_pipeline.completeness.states import state_of
from nba_pipeline.instance.clock import Clock
from nba_pipeline.monitoring.counts import counts
from nba_pipeline.monitoring.date_facts import Damage, read_facts
from nba_pipeline.monitoring.deliveries import undelivered_messages
from nba_pipeline.monitoring.incidents import DateRequests, paused_until, read_requests
from nba_pipeline.monitoring.landed_dates import missing_sources
from nba_pipeline.monitoring.notes import notes
from nba_pipeline.monitoring.run_facts import RunFacts
from nba_pipeline.tables.declarations import daily_tables
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.wording import counted
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.partitions import recovering

DISAGREEMENTS_SHOWN = 20
PROBLEMS_SHOWN = 20

Quarantined = Mapping[str, Mapping[date, Mapping[str, int]]]
"""Table -> date -> problem -> number of rows."""

Accepted = Mapping[tuple[date, str, str], tuple[str, str]]
"""See `standing_acceptances`."""


@dataclass(frozen=True)
class _Read:
    """What the records of dates and their states have in common."""

    schedule: pl.DataFrame
    boxscores: pl.DataFrame
    judged: pl.DataFrame
    damage: Damage
    requests: Mapping[date, DateRequests]
    facts: Mapping[date, Facts]
    states: Mapping[date, dict[str, Any]]


def status(
    warehouse: Warehouse,
    landing: Landing,
    clock: Clock,
    dates: Sequence[date],
    code_versions: Mapping[str, str],
    before: Mapping[str, Collection[date]] | None = None,
    runs: RunFacts | None = None,
) -> list[dict[str, Any]]:
    """Returns one record per date.

    A record has the state, its reasons, notes, the next command, the games, the missing ones, the incidents, and per table the
    rows, counts and quarantined rows.

    `code_versions` has the present code version of each table; rows of another version are stale. `before` has the dates on
    which each source table was ever loaded. A date that was loaded or landed is incomplete while the table lacks it. Without
    `runs`, lateness is derived from the tables only. Moves unreadable files aside and reports them with their date.
    """
    return recovering(
        lambda: _records(
            warehouse, clock, dates, _read(warehouse, landing, clock, dates, code_versions, before, runs or RunFacts())
        )
    )


def states(
    warehouse: Warehouse,
    landing: Landing,
    clock: Clock,
    dates: Sequence[date],
    code_versions: Mapping[str, str],
    before: Mapping[str, Collection[date]] | None = None,
    runs: RunFacts | None = None,
) -> Mapping[date, dict[str, Any]]:
    """Returns per date the part of its record about its state: state, cause, reasons, next command and stale tables, see `status`."""
    return recovering(lambda: _read(warehouse, landing, clock, dates, code_versions, before, runs or RunFacts()).states)


def _read(
    warehouse: Warehouse,
    landing: Landing,
    clock: Clock,
    dates: Sequence[date],
    code_versions: Mapping[str, str],
    before: Mapping[str, Collection[date]] | None,
    runs: RunFacts,
) -> _Read:
    warehouse.check([TABLES[name] for name in daily_tables()], dates)
    damage = Damage(*_unreadable(warehouse, dates), missing_sources(warehouse, landing, max(dates), before))
    schedule, boxscores = (warehouse.scan(TABLES[name], dates).collect() for name in ("schedule", "boxscores"))
    judged, requests = gates.judge_games(schedule, boxscores), read_requests(landing, dates)
    facts = read_facts(warehouse, dates, clock, judged, damage, stale_dates(warehouse, dates, code_versions), runs)
    of_dates = {day: _state_of(facts[day], requests[day], landing, clock) for day in dates}
    return _Read(schedule, boxscores, judged, damage, requests, facts, of_dates)


def _records(warehouse: Warehouse, clock: Clock, dates: Sequence[date], read: _Read) -> list[dict[str, Any]]:
    """Returns the records, see `status`."""
    covered = {row["game_date"]: row for row in gates.coverage(read.judged, dates).iter_rows(named=True)}
    quarantined, accepted = _quarantined(warehouse, dates), standing_acceptances(warehouse, dates)
    waivers = warehouse.scan(gates.WAIVERS, dates).collect()
    sources = read.boxscores.group_by("game_date", "provider").agg(pl.col("game_id").n_unique())
    not_played = off_games(read.schedule, warehouse.scan(NOT_PLAYED, dates).collect(), clock.now())
    events = _events(warehouse, dates, read.damage, read.requests)
    numbers = counts(warehouse, clock, read.schedule, read.judged, dates)
    notes_on = notes(warehouse, clock, {day: read.states[day]["state"] for day in dates}, numbers)
    return [
        {
            "game_date": day.isoformat(),
            **read.states[day],
            "notes": notes_on[day],
            "final_games": covered[day]["final_games"],
            "complete_games": covered[day]["complete_games"],
            "boxscores_from": {provider: games for of_date, provider, games in sources.iter_rows() if of_date == day},
            "rows": dict(read.facts[day].rows),
            "counts": {name: count._asdict() for name, count in numbers[day].items()},
            **_quarantine_of(quarantined, accepted, day),
            "not_loaded": list(read.damage.not_loaded.get(day, ())),
            "missing": covered[day]["missing"],
            "not_played": not_played.get(day, []),
            "waivers": waivers.filter(pl.col("game_date") == day)["reason"].to_list(),
            "happened": [*events[day], *_messages_of_quarantine(quarantined, accepted, day)],
            **_games_of(read.facts[day], read.requests[day]),
        }
        for day in dates
    ]


def _state_of(facts: Facts, requests: DateRequests, landing: Landing, clock: Clock) -> dict[str, Any]:
    """Returns the state of a date, its cause and reasons, the next command, and the tables with rows of another code version."""
    now = clock.now()
    state, reasons = state_of(facts, now)
    cause = cause_of(facts, state, reasons, requests.failing, requests.unusable, now)
    paused = paused_until(landing, requests.failing)
    next_step = next_command(facts, state, now, requests.failing, requests.refused, paused)
    return {"state": state, "cause": cause, "reasons": list(reasons), "next": next_step, "stale": list(facts.stale)}


def _games_of(facts: Facts, requests: DateRequests) -> dict[str, Any]:
    """Returns the number of games, and by game id the teams and the first cause of a missing box score."""
    matchups = {game.game_id: game.name.partition(" ")[0] for game in facts.games}
    return {"games": len(facts.games), "matchups": matchups, "first_causes": requests.first_causes}


def _quarantine_of(quarantined: Quarantined, accepted: Accepted, day: date) -> dict[str, Any]:
    """Returns the number of quarantined rows per table, and a message per problem."""
    numbers = {name: sum(problems.get(day, {}).values()) for name, problems in quarantined.items()}
    return {"quarantined": numbers, "quarantine": _messages_of_quarantine(quarantined, accepted, day)}


def _quarantined(warehouse: Warehouse, dates: Sequence[date]) -> Quarantined:
    """Returns the number of quarantined rows per table, date and problem."""
    numbers: dict[str, dict[date, dict[str, int]]] = {}
    for name in daily_tables():
        of_table = numbers.setdefault(name, {})
        counts = warehouse.scan_quarantine(TABLES[name], dates).group_by("game_date", "problem").len()
        for day, problem, count in counts.collect().iter_rows():
            of_table.setdefault(day, {})[problem] = count
    return numbers


def _events(
    warehouse: Warehouse, dates: Sequence[date], damage: Damage, requests: Mapping[date, DateRequests]
) -> dict[date, list[str]]:
    """Returns messages by date: unreadable files, undelivered alerts, incidents and disagreements."""
    disagreements = warehouse.scan(DISAGREEMENTS, dates).sort("game_date", *DISAGREEMENTS.key).collect()
    undelivered = undelivered_messages(warehouse, dates)
    return {
        day: [
            *damage.closed[day].values(),
            *damage.lost[day].values(),
            *undelivered.get(day, ()),
            *(incident.message(day) for incident in requests[day].incidents),
            *_messages_of_disagreements(disagreements.filter(pl.col("game_date") == day)),
        ]
        for day in dates
    }


def _messages_of_quarantine(quarantined: Quarantined, accepted: Accepted, day: date) -> list[str]:
    """Returns a message per table and problem, with the author of its acceptance."""
    authors = {(name, problem): f" (accepted by {author})" for (of, name, problem), (author, _) in accepted.items() if of == day}
    return [
        f"{name}: {counted(count, 'row')} quarantined: {problem}{authors.get((name, problem), '')}"
        for name, of_table in quarantined.items()
        for problem, count in list(of_table.get(day, {}).items())[:PROBLEMS_SHOWN]
    ]


def _unreadable(warehouse: Warehouse, dates: Sequence[date]) -> tuple[dict[date, dict[str, str]], dict[date, dict[str, str]]]:
    """Returns messages by date and table about closed ledgers, and about tables to rebuild."""
    closed = {name: warehouse.closed(table, dates) for name, table in TABLES.items() if table.is_ledger}
    lost = {name: warehouse.lost(table) for name, table in TABLES.items()}
    closed_on, lost_on = (
        {day: {name: messages[day] for name, messages in by_table.items() if day in messages} for day in dates}
        for by_table in (closed, lost)
    )
    return closed_on, lost_on


def stale_dates(warehouse: Warehouse, dates: Sequence[date], code_versions: Mapping[str, str]) -> dict[str, set[date]]:
    """Returns per table the dates with rows of another code version. Append-only tables are never stale."""
    return {
        name: set(
            warehouse.scan(TABLES[name], dates)
            .filter(~pl.col("code_version").is_in(current_versions(name, code_versions[name])))
            .select("game_date")
            .unique()
            .collect()["game_date"]
        )
        if TABLES[name].write == "replace"
        else set()
        for name in daily_tables()
    }


def _messages_of_disagreements(rows: pl.DataFrame) -> list[str]:
    """Returns a message per player and statistic on which two sources of a game disagree."""
    return [
        f"sources of game {row['game_id']} disagree: {row['player_name']} {row['statistic']} {row['value']} ({row['provider']}), "
        f"{row['other_value']} ({row['other_provider']})"
        for row in rows.head(DISAGREEMENTS_SHOWN).iter_rows(named=True)
    ]

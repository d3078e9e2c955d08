"""The status of dates: due, existing and missing data, and incidents, read from the tables and the landing."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from nba_pipeline.completeness import gates
from nba_pipeline.completeness.disagreements import DISAGREEMENTS
from nba_pipeline.completeness.modes import DAILY_TABLES
from nba_pipeline.completeness.not_played import NOT_PLAYED, off_games
from nba_pipeline.completeness.states import state_of
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.run_tags import PARTITION_TAGS
from nba_pipeline.league.calendar import days, parse_key
from nba_pipeline.monitoring.date_facts import Damage, read_facts
from nba_pipeline.monitoring.deliveries import undelivered_sentences
from nba_pipeline.monitoring.landed_dates import missing_sources
from nba_pipeline.monitoring.run_facts import RunFacts
from nba_pipeline.tables.table import TABLES
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.partitions import recovering

DISAGREEMENTS_SHOWN = 20


def status(
    warehouse: Warehouse, landing: Landing, clock: Clock, dates: Sequence[date], code_versions: Mapping[str, str],
    before: Mapping[str, Collection[date]] | None = None, runs: RunFacts | None = None,
) -> list[dict[str, Any]]:  # fmt: skip
    """Returns one record per date, see `_status`. Moves unreadable files aside and reports them with their date."""
    return recovering(lambda: _status(warehouse, landing, clock, dates, code_versions, before, runs or RunFacts()))


def _status(
    warehouse: Warehouse, landing: Landing, clock: Clock, dates: Sequence[date], code_versions: Mapping[str, str],
    before: Mapping[str, Collection[date]] | None, runs: RunFacts,
) -> list[dict[str, Any]]:  # fmt: skip
    """Returns one record per date: state, reasons, games, rows and quarantined rows per table, missing games, incidents.

    `code_versions` has the present code version of each table; rows of another version are stale. `before` has the dates for
    which each source table was ever loaded; like landed dates, they are incomplete while the table lacks them. Without `runs`,
    lateness is derived from the tables only.
    """
    warehouse.check([TABLES[name] for name in DAILY_TABLES], dates)
    damage = Damage(*_unreadable(warehouse, dates), missing_sources(warehouse, landing, max(dates), before))
    schedule, boxscores = (warehouse.scan(TABLES[name], dates).collect() for name in ("schedule", "boxscores"))
    judged = gates.judge_games(schedule, boxscores)
    covered = {row["game_date"]: row for row in gates.coverage(judged, dates).iter_rows(named=True)}
    parked = {
        name: warehouse.scan_quarantine(TABLES[name], dates).group_by("game_date", "problem").len().collect()
        for name in DAILY_TABLES
    }
    waivers = warehouse.scan(gates.WAIVERS, dates).collect()
    sources = boxscores.group_by("game_date", "provider").agg(pl.col("game_id").n_unique())
    off = off_games(schedule, warehouse.scan(NOT_PLAYED, dates).collect(), clock.now())
    incidents = _incidents_by_date(landing)
    disagreements = warehouse.scan(DISAGREEMENTS, dates).sort("game_date", *DISAGREEMENTS.key).collect()
    undelivered = undelivered_sentences(warehouse, dates)
    stale = stale_dates(warehouse, dates, code_versions)
    facts = read_facts(warehouse, dates, clock, judged, damage, stale, runs)
    states = {day: state_of(facts[day], clock.now()) for day in dates}
    return [
        {
            "game_date": day.isoformat(),
            "state": states[day][0],
            "reasons": list(states[day][1]),
            "games": len(facts[day].games),
            "final_games": covered[day]["final_games"],
            "complete_games": covered[day]["complete_games"],
            "boxscores_from": {p: n for d, p, n in sources.iter_rows() if d == day},
            "rows": dict(facts[day].rows),
            "quarantined": {name: int(parked[name].filter(pl.col("game_date") == day)["len"].sum()) for name in DAILY_TABLES},
            "stale": list(facts[day].stale),
            "not_loaded": list(damage.not_loaded.get(day, ())),
            "missing": covered[day]["missing"],
            "not_played": off.get(day, []),
            "waivers": waivers.filter(pl.col("game_date") == day)["reason"].to_list(),
            "happened": [
                *damage.closed[day].values(),
                *damage.lost[day].values(),
                *undelivered.get(day, ()),
                *_incidents_in_words(incidents.get(day, [])),
                *_disagreements_in_words(disagreements.filter(pl.col("game_date") == day)),
                *(
                    f"{name}: {count} rows quarantined: {problem}"
                    for name in DAILY_TABLES
                    for _, problem, count in parked[name].filter(pl.col("game_date") == day).head(20).iter_rows()
                ),
            ],
        }
        for day in dates
    ]


def _unreadable(warehouse: Warehouse, dates: Sequence[date]) -> tuple[dict[date, dict[str, str]], dict[date, dict[str, str]]]:
    """Returns messages by date and table about closed ledgers, and about tables to rebuild."""
    closed = {name: warehouse.closed(table, dates) for name, table in TABLES.items() if table.is_ledger}
    lost = {name: warehouse.lost(table) for name, table in TABLES.items()}
    closed_on, lost_on = (
        {day: {name: found[day] for name, found in sentences.items() if day in found} for day in dates}
        for sentences in (closed, lost)
    )
    return closed_on, lost_on


def stale_dates(warehouse: Warehouse, dates: Sequence[date], code_versions: Mapping[str, str]) -> dict[str, set[date]]:
    """Returns per table the dates with rows of another code version. Append-only tables are never stale."""
    return {
        name: set(
            warehouse.scan(TABLES[name], dates).filter(pl.col("code_version") != code_versions[name])
            .select("game_date").unique().collect()["game_date"]
        )
        if TABLES[name].write == "replace" else set()
        for name in DAILY_TABLES
    }  # fmt: skip


def _incidents_by_date(landing: Landing) -> dict[date, list[dict[str, Any]]]:
    """Returns the incidents by date. An incident without a date belongs to all dates of its run."""
    spans = {
        run["run_id"]: [parse_key(run["tags"][tag]) for tag in PARTITION_TAGS if tag in run["tags"]] for run in landing.runs()
    }
    by_date: dict[date, list[dict[str, Any]]] = {}
    for incident in landing.incidents():
        span = [date.fromisoformat(incident["game_date"])] if incident["game_date"] else spans.get(incident["run_id"], [])
        for day in days(min(span), max(span)) if span else ():
            by_date.setdefault(day, []).append(incident)
    return by_date


def _disagreements_in_words(rows: pl.DataFrame) -> list[str]:
    """Returns a message per player and statistic on which two sources of a game disagree."""
    return [
        f"sources of game {row['game_id']} disagree: {row['player_name']} {row['statistic']} {row['value']} ({row['provider']}), "
        f"{row['other_value']} ({row['other_provider']})"
        for row in rows.head(DISAGREEMENTS_SHOWN).iter_rows(named=True)
    ]


def _incidents_in_words(incidents: list[dict[str, Any]]) -> list[str]:
    words = []
    for provider, endpoint in sorted({(i["provider"], i["endpoint"]) for i in incidents}):
        mine = [i for i in incidents if (i["provider"], i["endpoint"]) == (provider, endpoint)]
        retried = [i for i in mine if (i["attempts"] or 0) > 1]
        if retried:
            answers = Counter("no answer" if s == 0 else str(s) for i in retried for s in i["statuses"][:-1])
            told = ", ".join(f"{answer} x {n}" for answer, n in sorted(answers.items()))
            words.append(f"{provider} {endpoint}: {len(retried)} requests were tried again ({told})")
        words += [f"{i['outcome']}: {i['problem']}" for i in mine if i["outcome"] in ("failed", "rejected")]
    return list(dict.fromkeys(words))

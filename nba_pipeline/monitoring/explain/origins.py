"""The link of a source table, with the links that it depends on: its requests, its landed responses and its quarantine."""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import polars as pl

from nba_pipeline.completeness.next_steps import NEW_KEY, RECONCILE, quarantine_command
from nba_pipeline.league.names import lookup
from nba_pipeline.monitoring.explain.facts import SlateFacts
from nba_pipeline.monitoring.explain.fallbacks import fallback_links
from nba_pipeline.monitoring.explain.link import Link, State
from nba_pipeline.monitoring.explain.listed_games import events_links
from nba_pipeline.monitoring.explain.subject import Subject
from nba_pipeline.monitoring.incidents import PROBLEMS, SLOT, eastern_time, is_refused
from nba_pipeline.monitoring.landed_dates import READS
from nba_pipeline.tables.wording import counted

SHOWN = 5
SCHEDULE = (("nba_cdn", "schedule"),)
"""The endpoint of the schedule, which has no date of its own."""

NAME_COLUMNS = ("player_name", "spelling")
NOT_IN_THE_RESPONSES = "the provider answered every request without an error, but its responses lack the missing rows"


def source_link(
    facts: SlateFacts, subject: Subject, name: str, fact: str, is_complete: bool, next_command: str | None = None
) -> Link:
    """Returns the link of a source table. `is_complete` is whether the table has what the subject needs from it.

    An incomplete table is broken if it is due; its next command is by default that of the date. A complete table with failed
    requests or quarantined rows is partial.
    """
    if lost := facts.lost(name):
        return Link(name, "broken", lost, evidence_of(facts, name), RECONCILE)
    is_needed = not is_complete and facts.is_due(name)
    parts = [
        requests_link(facts, subject, name, is_needed),
        *events_links(facts, subject, name, is_needed),
        *fallback_links(facts, subject, name, is_needed),
        landing_link(facts, subject, name, is_needed),
        *quarantine_links(facts, subject, name, is_needed),
    ]
    has_problem = any(part.state != "ok" for part in parts)
    state: State = "broken" if is_needed else "not_due" if not is_complete else "partial" if has_problem else "ok"
    cause = [] if has_problem or not is_needed else [NOT_IN_THE_RESPONSES]
    if is_complete and (failure := facts.failure_of(name)):  # the rows are those of an earlier run
        command = failure.resume or failure.own_step or facts.completing_command
        return Link(
            name, "broken", f"{fact}; a later run failed, and the stored rows are kept", evidence_of(facts, name), command, parts
        )
    if not is_needed:
        wait = "" if is_complete else f"wait, {name} is {facts.due_text(name)}"
        return Link(name, state, fact, evidence_of(facts, name), wait, parts)
    command = facts.completing_command if next_command is None else next_command
    return Link(name, state, fact, [*evidence_of(facts, name), *cause], command, parts)


def evidence_of(facts: SlateFacts, name: str) -> list[str]:
    """Returns the run that wrote a table, and its failure without a later success."""
    failure = facts.failure_of(name)
    return [text for text in (facts.run_of(name), failure.reason if failure else "") if text]


def requests_link(facts: SlateFacts, subject: Subject, name: str, is_needed: bool) -> Link:
    """Returns the link of a table's requests: the last outcome of each, and those without a usable response."""
    last = {tuple(line[field] for field in SLOT): line for line in _lines(facts, subject, name)}
    unanswered = [line for line in reversed(last.values()) if line["outcome"] != "landed"]
    failed = [line for line in unanswered if line["outcome"] in PROBLEMS or (is_needed and line["outcome"] == "not_yet")]
    if not last:
        fact = "no request of the date is in the journals" if _is_archived(facts, name) else "no request was sent"
        return Link("requests", "broken" if is_needed else "ok", fact)
    fact = f"{len(last) - len(unanswered)} of {counted(len(last), 'request')} answered"
    named = failed or unanswered
    fact += "".join(f"; {request_text(line, facts)}" for line in named[:1])
    fact += f", and {len(named) - 1} more without a usable answer" if len(named) > 1 else ""
    command = NEW_KEY if any(is_refused(line) for line in failed) else facts.fetching_command(subject) if failed else ""
    evidence = [_request_evidence(line, facts) for line in failed[:SHOWN]]
    return Link("requests", _state(is_needed, bool(failed)), fact, evidence, command)


def landing_link(facts: SlateFacts, subject: Subject, name: str, is_needed: bool) -> Link:
    """Returns the link of a table's landed responses. A response that was fetched again with another content is named."""
    landed = [line for line in _lines(facts, subject, name) if line["outcome"] == "landed" and line["ref"]]
    contents: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for line in landed:
        contents.setdefault(tuple(line[field] for field in SLOT), []).append(line)
    changed = [lines for lines in contents.values() if len({line["sha256"] for line in lines}) > 1]
    if name in facts.not_loaded:
        newest = landed[-1]["ref"] if landed else "of an earlier run"
        return Link("landing", "broken", f"landed but not loaded: {newest}", (), facts.command(RECONCILE))
    if not landed:
        return Link("landing", "broken" if is_needed else "ok", "no response is landed")
    fact = f"{counted(len(landed), 'response')}, the newest {landed[-1]['ref']}"
    if changed:
        fact += f"; {counted(len(changed), 'response')} changed at the provider"
    return Link("landing", "ok", fact, [f"sha256 {landed[-1]['sha256']}, run {landed[-1]['run_id'][:8]}"])


def quarantine_links(facts: SlateFacts, subject: Subject, name: str, is_needed: bool) -> list[Link]:
    """Returns one link per problem of a table's quarantined rows that concern the subject."""
    rows = of_subject(facts.quarantined(name), subject)
    links = []
    for problem, number in rows["problem"].value_counts(sort=True).iter_rows():
        first = rows.filter(pl.col("problem") == problem).row(0, named=True)
        command = quarantine_command(name, facts.game_date, problem, json.loads(first["row"]))
        fact = f"{counted(number, 'row')} quarantined: {problem}"
        links.append(Link("quarantine", _state(is_needed, True), fact, [f"from {first['source']}"], command))
    return links


def of_subject(quarantined: pl.DataFrame, subject: Subject) -> pl.DataFrame:
    """Returns the quarantined rows of the subject's player, by id or name; else of its game; else all."""
    value = {name: pl.col("row").str.json_path_match(f"$.{name}") for name in ("game_id", "player_id", *NAME_COLUMNS)}
    rows = quarantined.with_columns(value[name].alias(f"its_{name}") for name in value)
    if subject.player_id:
        name_key = lookup(subject.player_name)
        has_name = pl.any_horizontal(
            pl.col(f"its_{name}").map_elements(lookup, return_dtype=pl.String) == name_key for name in NAME_COLUMNS
        )
        rows = rows.filter((pl.col("its_player_id") == str(subject.player_id)) | has_name.fill_null(False))
    elif subject.game_id:
        rows = rows.filter((pl.col("its_game_id") == subject.game_id).fill_null(False))
    return rows.select(quarantined.columns)


def all_providers_failed(facts: SlateFacts, name: str) -> bool:
    """Whether the newest request of every requested provider of a table has failed. False without any request."""
    newest = {line["provider"]: line["outcome"] in PROBLEMS for line in _lines(facts, Subject(facts.game_date), name)}
    return bool(newest) and all(newest.values())


def request_text(line: Mapping[str, Any], facts: SlateFacts) -> str:
    """Returns a request without a usable response in one sentence.

    The journal's problem names provider, endpoint and entity, if there is one.
    """
    problem = line["problem"] or f"{line['provider']} {line['endpoint']} {line['entity']}: status {line['status']}"
    if line["outcome"] == "not_yet" and line["status"]:
        not_yet = f"is not published yet ({line['provider']} answers {line['status']} for it)"
        problem = problem.replace(f"is not published ({line['status']})", not_yet)
    return f"{problem} at {eastern_time(datetime.fromisoformat(line['fetched_at']), facts.game_date)}"


def _request_evidence(line: Mapping[str, Any], facts: SlateFacts) -> str:
    outcome = f"{line['outcome']}, status {line['status']}" if line["status"] else f"{line['outcome']}, no status"
    outcome = "answered, content unusable" if line["outcome"] == "rejected" else outcome
    return f"{request_text(line, facts)} ({outcome}, run {line['run_id'][:8]}) {line['url']}".rstrip()


def _lines(facts: SlateFacts, subject: Subject, name: str) -> list[Mapping[str, Any]]:
    """Returns the requests of a table's endpoints, oldest first. For a game, without those of other games."""
    endpoints = READS.get(name) or SCHEDULE
    schedule = facts.rows("schedule")
    lines = [line for line in facts.requests if (line["provider"], line["endpoint"]) in endpoints]
    if name == "rosters" and {*schedule["home_team"], *schedule["away_team"]} <= {*facts.rows("rosters")["team"]}:
        lines = [line for line in lines if line["outcome"] != "not_yet"]  # of teams that do not play
    if subject.game_id is None:
        return lines
    games = {game_id: {game_id} for game_id in schedule["game_id"]}
    for table in ("prop_lines", "game_lines"):
        for game_id, event in facts.rows(table).select("game_id", "odds_event_id").unique().drop_nulls().iter_rows():
            games.setdefault(game_id, set()).add(event)
    others = set().union(*(names for game_id, names in games.items() if game_id != subject.game_id))
    return [line for line in lines if line["entity"] not in others]


def _is_archived(facts: SlateFacts, name: str) -> bool:
    sources = facts.rows(name)["source"]
    return bool(len(sources)) and bool(sources.str.starts_with("archive/").any())


def _state(is_needed: bool, has_problem: bool) -> State:
    return "ok" if not has_problem else "broken" if is_needed else "partial"

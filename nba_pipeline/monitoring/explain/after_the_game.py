"""The links from the box scores to the grades, of a date, game or player."""

from collections.abc import Iterator

import polars as pl

from nba_pipeline.completeness import gates
from nba_pipeline.completeness.next_steps import RECONCILE
from nba_pipeline.completeness.not_played import OFF
from nba_pipeline.league.eastern_text import eastern_text
from nba_pipeline.monitoring.counts import gradable
from nba_pipeline.monitoring.explain.before_tipoff import derived_link
from nba_pipeline.monitoring.explain.facts import SlateFacts
from nba_pipeline.monitoring.explain.link import Link
from nba_pipeline.monitoring.explain.origins import evidence_of, source_link
from nba_pipeline.monitoring.explain.subject import Subject
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.wording import counted

BET = ["game_date", "game_id", "player_id", "system_id", "market", "run_kind"]


def boxscores_link(facts: SlateFacts, subject: Subject) -> Link:
    """Returns the link of the box scores: complete of final games, and the problem of each incomplete one."""
    judged = _of_game(facts.judged, subject).filter("is_covered")
    incomplete = judged.filter(~pl.col("is_complete"))
    played = _of_game(facts.rows("schedule"), subject).filter(pl.col("status") != OFF)
    pending = played.filter(pl.col("status") != "final")
    fact = f"{judged.height - incomplete.height} of {counted(judged.height, 'final game')} complete"
    problems = [f"{matchup} ({problem})" for matchup, problem in incomplete.select("matchup", "problem").iter_rows()]
    problems += [f"{row['away_team']}@{row['home_team']} is {row['status']}" for row in pending.iter_rows(named=True)]
    if problems:
        fact += f"; {'; '.join(problems)}"
    return source_link(facts, subject, "boxscores", fact, is_complete=not problems)


def coverage_gate_link(facts: SlateFacts) -> Link:
    """Returns the coverage gate of the date with its numbers, and the waivers in effect."""
    covered, name = facts.covered, f"gate {gates.COVERAGE_GATE}"
    numbers = f"{covered['complete_games']} of {counted(covered['final_games'], 'final game')} complete"
    waivers = [f"waived by {author}: {reason}" for author, reason in facts.waivers.select("author", "reason").iter_rows()]
    if facts.lost("boxscores"):
        return Link(name, "not_due", "it cannot be judged until boxscores is rebuilt")
    if not covered["final_games"]:
        return Link(name, "not_due", "no game is final yet")
    if covered["is_open"]:
        return Link(name, "ok", f"open: {numbers}", waivers)
    if waivers:
        return Link(name, "partial", f"closed and waived: {numbers}", waivers)
    numbers += f", fewer than {SETTINGS.coverage.enough:.0%}"
    if not facts.is_due("boxscores"):
        return Link(name, "not_due", f"closed so far: {numbers}; box scores are {facts.due_text('boxscores')}")
    waive = f"nba-pipeline waive --date {facts.game_date} --gate {gates.COVERAGE_GATE} --reason R --author N"
    command = waive if covered["complete_games"] else facts.completing_command  # a waiver opens it for complete games only
    return Link(name, "broken", _closed_text(facts, numbers), (), command)


def _closed_text(facts: SlateFacts, numbers: str) -> str:
    """Returns why the coverage gate is closed, and when its deadline opens it or why it does not."""
    deadline = gates.deadline(facts.game_date)
    at = eastern_text(deadline)
    if facts.clock.now() < deadline and facts.covered["complete_games"]:
        return f"closed until {at}, then it opens by itself for the complete games: {numbers}"
    if facts.clock.now() < deadline:
        return f"closed: {numbers}; at {at} it opens by itself, but only for the games that are complete by then"
    if facts.covered["complete_games"]:
        return f"closed: {numbers}; the next run of boxscores opens it for the complete games, because its deadline, {at}, has passed"
    return f"closed: {numbers}; the deadline, {at}, opens it only for complete games, and there are none"


def summaries_link(facts: SlateFacts, subject: Subject) -> Link:
    """Returns the link of the summaries: players of complete games with and without a row."""
    complete = facts.judged.filter("is_complete")
    key = ["game_id", "player_id"]
    expected = facts.of("boxscores", subject).join(complete.select("game_id"), on="game_id", how="semi")
    rows = facts.of("player_game_summary", subject)
    missing = expected.join(rows, on=key, how="anti")
    others = rows.join(expected, on=key, how="anti").height
    fact = f"{rows.height - others:,} of {counted(expected.height, 'player')} of complete games"
    if expected.is_empty() and others:
        return _not_comparable(facts, "player_game_summary", rows)
    if rows.is_empty() and expected.is_empty():
        return _without_a_game(facts, subject, "player_game_summary")
    fact += f"; {counted(others, 'row')} of other games, written earlier" if others else ""
    return derived_link(facts, "player_game_summary", fact, not rows.is_empty(), not missing.is_empty() or others > 0)


def grades_link(facts: SlateFacts, subject: Subject) -> Link:
    """Returns the link of the grades: graded of gradable predictions."""
    expected = subject.select(gradable(facts.warehouse, facts.rows("schedule"), facts.judged, [facts.game_date]))
    rows = facts.of("grades", subject)
    missing = expected.join(rows, on=BET, how="anti")
    if rows.height and _of_game(facts.judged, subject).filter("is_complete").is_empty():
        return _not_comparable(facts, "grades", rows)
    if expected.is_empty() and rows.is_empty():
        return _without_a_game(facts, subject, "grades")
    fact = f"{expected.height - missing.height:,} of {counted(expected.height, 'gradable prediction')}"
    return derived_link(facts, "grades", fact, not rows.is_empty(), not missing.is_empty())


def _not_comparable(facts: SlateFacts, name: str, rows: pl.DataFrame) -> Link:
    """Returns the link of a table without any complete game: nothing shows which rows it should have."""
    if lost := facts.lost(name):
        return Link(name, "broken", lost, evidence_of(facts, name), RECONCILE)
    fact = f"{counted(rows.height, 'row')}, written earlier; they cannot be checked until boxscores has their games again"
    return Link(name, "partial", fact, evidence_of(facts, name))


def _without_a_game(facts: SlateFacts, subject: Subject, name: str) -> Link:
    """Returns the link of a table for which the date has no complete game, or no gradable prediction."""
    if _of_game(facts.judged, subject).filter("is_complete").height:
        reason = "no prediction to grade" if name == "grades" else "no box-score row"
        return Link(name, "excluded", f"a complete game, and {reason}")
    if facts.is_due(name):
        return Link(name, "broken", "the game is excluded: it has no complete box score", (), facts.completing_command)
    return Link(name, "not_due", facts.due_text(name))


def _of_game(rows: pl.DataFrame, subject: Subject) -> pl.DataFrame:
    return rows.filter(pl.col("game_id") == subject.game_id) if subject.game_id else rows


def links(facts: SlateFacts, subject: Subject) -> Iterator[Link]:
    """Yields the links from the box scores to the grades."""
    yield boxscores_link(facts, subject)
    yield coverage_gate_link(facts)
    yield summaries_link(facts, subject)
    yield grades_link(facts, subject)

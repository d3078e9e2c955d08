"""The links of a date or game from the schedule to the predictions. `players` has those of one player."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import polars as pl

from nba_pipeline.assets.predictions.predictions import readiness
from nba_pipeline.completeness.expectations import games_without_predictions
from nba_pipeline.completeness.next_steps import RECONCILE
from nba_pipeline.completeness.not_played import OFF
from nba_pipeline.monitoring.explain.facts import SlateFacts
from nba_pipeline.monitoring.explain.link import Link, State
from nba_pipeline.monitoring.explain.origins import evidence_of, source_link
from nba_pipeline.monitoring.explain.subject import Subject
from nba_pipeline.monitoring.incidents import eastern_time
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.wording import counted

NAMED = 10


def schedule_link(facts: SlateFacts, subject: Subject) -> Link:
    """Returns the link of the schedule: the games of the date, or the subject's game."""
    games = facts.of("schedule", subject)
    if not facts.is_written("schedule"):
        return source_link(facts, subject, "schedule", "the schedule of the date is not loaded", is_complete=False)
    if games.is_empty():
        fact = f"{subject.teams[0]} does not play" if subject.teams else "no game is scheduled on the date"
        return Link("schedule", "excluded", fact, evidence_of(facts, "schedule"))
    off = games.filter(pl.col("status") == OFF)
    if off.height == games.height:
        messages = [text for text in facts.not_played if subject.game_id is None or subject.game_id in text]
        return Link("schedule", "excluded", "; ".join(messages) or "the game is not played", evidence_of(facts, "schedule"))
    return source_link(facts, subject, "schedule", _games_text(facts, games), is_complete=True)


def _games_text(facts: SlateFacts, games: pl.DataFrame) -> str:
    if games.height > 1:
        counts = games["status"].value_counts(sort=True).sort("count", "status", descending=True).iter_rows()
        return f"{counted(games.height, 'game')}: {', '.join(f'{number} {status}' for status, number in counts)}"
    game = games.row(0, named=True)
    tipoff = f"tip-off {eastern_time(game['tipoff_at'], facts.game_date)}" if game["tipoff_at"] else "tip-off unknown"
    score = f", {game['away_points']}:{game['home_points']}" if game["home_points"] is not None else ""
    return f"{game['away_team']}@{game['home_team']} {game['game_id']} is {game['status']}{score}, {tipoff}"


def lines_link(facts: SlateFacts, subject: Subject) -> Link:
    """Returns the link of the lines of a date or game."""
    lines = facts.of("prop_lines", subject)
    usable = lines.filter("is_before_tipoff")
    games = facts.of("schedule", subject).filter(pl.col("status") != OFF).sort("game_id")
    without = games.join(usable, on="game_id", how="anti")
    fact = (
        f"{counted(usable['player_id'].n_unique(), 'player')} of {counted(games.height - without.height, 'game')} with lines, "
        f"{counted(usable['book'].n_unique(), 'book')}"
    )
    names = [f"{away}@{home}" for away, home in without.select("away_team", "home_team").iter_rows()]
    if names:
        fact += f"; no lines for {', '.join(names[:NAMED])}"
    return absent_lines_link(facts, subject, fact) if names else source_link(facts, subject, "prop_lines", fact, True)


def absent_lines_link(facts: SlateFacts, subject: Subject, fact: str) -> Link:
    """Returns the link of missing lines. It is not due before books should offer them, unless a request failed."""
    if not facts.is_written("prop_lines") or not facts.lines_due_text:
        return source_link(facts, subject, "prop_lines", fact, False, facts.command_for_lines(subject))
    link = source_link(facts, subject, "prop_lines", f"{fact}; {facts.lines_due_text}", True)
    return replace(link, state="not_due") if link.state == "ok" else link


def players_link(facts: SlateFacts, subject: Subject) -> Link:
    """Returns the link of the expected players of a date or game."""
    players = facts.of("upcoming_players", subject)
    return derived_link(facts, "upcoming_players", counted(players.height, "expected player"), players.height > 0)


def slate_gate_link(facts: SlateFacts, subject: Subject) -> Link:
    """Returns the gate of the slate: whether the games before the date are complete enough, and the excluded teams."""
    slate, excluded = facts.slate
    of_teams = excluded.filter(pl.col("team").is_in(subject.teams)) if subject.teams else excluded
    numbers = f"{slate['recent_complete']} of {slate['recent_games']} games of the last slates have a complete box score"
    name = "gate the_last_slates_are_covered"
    if not slate["is_open"]:
        fact = f"closed: {numbers}, fewer than {SETTINGS.coverage.enough:.0%}; missing: {', '.join(slate['missing'][:NAMED])}"
        return Link(name, "broken", fact, (), facts.command(RECONCILE))
    if of_teams.is_empty():
        return Link(name, "ok", f"open: {numbers}")
    teams = [f"{team} ({matchup})" for _, team, matchup in of_teams.iter_rows()]
    fact = f"open; excluded because of an incomplete box score: {', '.join(teams[:NAMED])}"
    is_alone = of_teams["team"].n_unique() == len(subject.teams)
    return Link(name, "broken" if is_alone else "partial", fact, (), facts.command(RECONCILE))


def features_link(facts: SlateFacts, subject: Subject) -> Link:
    """Returns the link of the features of a date or game: expected players with and without a row."""
    key = ["game_id", "player_id"]
    expected, rows = (facts.of(name, subject) for name in ("upcoming_players", "features"))
    _, excluded = facts.slate
    eligible = expected.join(excluded, on=["game_date", "team"], how="anti")
    missing = eligible.join(rows, on=key, how="anti")
    fact = f"{rows.height} of {counted(eligible.height, 'eligible player')}"
    return derived_link(
        facts, "features", _with_names(fact, missing["player_name"].to_list()), rows.height > 0, missing.height > 0
    )


def readiness_link(facts: SlateFacts) -> Link:
    """Returns the gate of readiness: the systems and the share of players with the features that they require."""
    name, features = "gate enough_players_are_ready", facts.rows("features")
    if features.is_empty():
        return Link(name, "not_due", "there are no features to judge")
    judged = readiness(features, [facts.game_date]).select("system_id", "ready", "expected", "is_open")
    closed = [f"{system} {ready} of {expected}" for system, ready, expected, is_open in judged.iter_rows() if not is_open]
    number = judged.height - len(closed)
    fact = f"open for {number} of {counted(judged.height, 'system')}"
    if closed:
        fact += f"; fewer than {SETTINGS.coverage.ready_block:.0%} of the players are ready for {', '.join(closed)}"
    state: State = "broken" if not number else "partial" if closed else "ok"
    return Link(name, state, fact, (), f"nba-pipeline explain --date {facts.game_date} --table features" if closed else "")


def predictions_link(facts: SlateFacts, subject: Subject) -> Link:
    """Returns the link of the predictions of a date or game."""
    rows = facts.of("predictions", subject)
    expected, without = games_without_predictions(facts.warehouse, [facts.game_date])
    missing = subject.select(without)["matchup"].to_list()
    games = subject.select(expected).height
    latest = rows.sort("version").unique(["game_id", "player_id", "system_id", "market", "run_kind"], keep="last")
    no_line = latest.filter(pl.col("recommendation") == "NO_LINE")["player_id"].n_unique()
    fact = (
        f"{counted(rows['player_id'].n_unique(), 'player')} by {counted(rows['system_id'].n_unique(), 'system')}, "
        f"{no_line} without a line, {games - len(missing)} of {counted(games, 'game')}"
    )
    fact = _with_names(fact + backtests_text(latest), missing)
    return derived_link(facts, "predictions", fact, rows.height > 0 or not games, bool(missing))


def backtests_text(predictions: pl.DataFrame) -> str:
    """Returns how many predictions are backtests; empty without any."""
    number = predictions.filter(pl.col("run_kind") == "backtest").height
    are_made = "it was made" if number == 1 else "they were made"
    return f"; {counted(number, 'backtest')}: {are_made} after tip-off" if number else ""


def derived_link(facts: SlateFacts, name: str, fact: str, is_existing: bool, is_partial: bool = False) -> Link:
    """Returns the link of a table that is derived from others: not due, broken without rows, or partial."""
    command = facts.repair_command
    if lost := facts.lost(name):
        return Link(name, "broken", lost, evidence_of(facts, name), "nba-pipeline reconcile")
    if not is_existing and not facts.is_due(name):
        return Link(name, "not_due", facts.due_text(name))
    if not is_existing and not facts.is_written(name):
        return Link(name, "broken", "not written", evidence_of(facts, name), command)
    if not is_existing:
        again = f"nba-pipeline backfill --from {facts.game_date} --to {facts.game_date}"
        return Link(name, "broken", "written without rows", evidence_of(facts, name), again)
    state: State = "partial" if is_partial else "ok"
    return Link(name, state, fact, evidence_of(facts, name), command if is_partial else "")


def _with_names(fact: str, names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{fact}; missing: {', '.join(names[:NAMED])}{more}" if names else fact


def links(facts: SlateFacts, subject: Subject) -> Iterator[Link]:
    """Yields the links of a date or game up to its predictions. A date without games ends with its schedule."""
    first = schedule_link(facts, subject)
    yield first
    if first.state in ("ok", "partial"):
        yield lines_link(facts, subject)
        yield players_link(facts, subject)
        yield slate_gate_link(facts, subject)
        yield features_link(facts, subject)
        yield readiness_link(facts)
        yield predictions_link(facts, subject)

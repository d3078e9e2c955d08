"""The links of a date or game from the schedule to the predictions. `players` has those of one player."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import polars as pl

from nba_pipeline.assets.predictions.predictions import readiness
from nba_pipeline.completeness.expectations import games_without_predictions
from nba_pipeline.completeness.next_steps import RECONCILE, boxscores_step, first_date_of
from nba_pipeline.completeness.not_played import OFF
from nba_pipeline.league.calendar import week_of
from nba_pipeline.monitoring.explain.facts import SlateFacts
from nba_pipeline.monitoring.explain.link import Link, State
from nba_pipeline.monitoring.explain.origins import all_providers_failed, evidence_of, source_link
from nba_pipeline.monitoring.explain.subject import Subject
from nba_pipeline.monitoring.incidents import eastern_time
from nba_pipeline.settings import SETTINGS
from nba_pipeline.systems import SYSTEMS
from nba_pipeline.systems.combination import Combination
from nba_pipeline.tables.registry import TABLES
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
    read_at = eastern_time(games["as_of"].max(), facts.game_date)  # type: ignore[arg-type]
    as_read = "" if (games["status"] == "final").all() else f", as read at {read_at}"
    return source_link(facts, subject, "schedule", f"{_games_text(facts, games)}{as_read}", is_complete=True)


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
    """Returns the link of missing lines. Before books should offer lines, the link is not due, unless a request failed."""
    if not facts.is_written("prop_lines") or not facts.lines_due_text:
        return source_link(facts, subject, "prop_lines", fact, False, facts.fetching_command(subject))
    link = source_link(facts, subject, "prop_lines", f"{fact}; {facts.lines_due_text}", True)
    return replace(link, state="not_due") if link.state == "ok" else link


def injuries_link(facts: SlateFacts, subject: Subject) -> Link:
    """Returns the link of the injury reports: the newest one, and the expected players whose status is unknown.

    It is broken if the newest request of every provider failed and a status is unknown.
    """
    players = facts.of("upcoming_players", subject)
    if players.is_empty():
        return _optional_link(facts, subject, "injuries", "no status is used yet: there is no expected player")
    unknown = players.filter(pl.col("injury_risk_level").is_null()).height
    instants = [at for at in players["injury_snapshot_at"].to_list() if at is not None]
    is_down = unknown > 0 and all_providers_failed(facts, "injuries")
    newest = eastern_time(max(instants), facts.game_date) if instants else ""
    report = "no report" if not newest else f"no report since {newest}" if is_down else f"the newest report is of {newest}"
    fact = f"{report}; the status of {unknown} of {counted(players.height, 'expected player')} is unknown"
    link = source_link(facts, subject, "injuries", fact, is_complete=True)
    if not is_down or link.state == "broken":
        return link
    causes = [part.fact for part in link.parts if part.state != "ok"]
    return replace(link, state="broken", evidence=[*link.evidence, *causes], next_command=facts.fetching_command(subject))


def rosters_link(facts: SlateFacts, subject: Subject) -> Link:
    """Returns the link of the rosters: the number of teams, and when the oldest roster was seen."""
    rosters = facts.of("rosters", subject)
    if rosters.is_empty():
        return _optional_link(facts, subject, "rosters", "no roster is loaded")
    seen_at = eastern_time(rosters["seen_at"].min(), facts.game_date)  # type: ignore[arg-type]
    fact = f"{counted(rosters['team'].n_unique(), 'team')}, the oldest roster seen at {seen_at}"
    return source_link(facts, subject, "rosters", fact, is_complete=True)


def _optional_link(facts: SlateFacts, subject: Subject, name: str, fact: str) -> Link:
    """Returns the link of an optional source without rows of the subject. If it is not written in time, it is partial, not broken."""
    link = source_link(facts, subject, name, fact, is_complete=True)
    if link.state != "ok" or facts.is_written(name):
        return link
    return replace(link, state="partial" if facts.is_due(name) else "not_due")


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
        first = first_date_of(facts.warehouse, facts.game_date, slate["missing"])
        fact = (
            f"closed, waits for box scores of {first}: {numbers}, fewer than {SETTINGS.coverage.enough:.0%}; "
            f"missing: {', '.join(slate['missing'][:NAMED])}; no deadline opens this gate"
        )
        why = f"why these box scores are missing: nba-pipeline explain --date {first}"
        return Link(name, "broken", fact, [why], facts.command(boxscores_step(first), first))
    if of_teams.is_empty():
        return Link(name, "ok", f"open: {numbers}")
    teams = [f"{team} ({matchup})" for _, team, matchup in of_teams.iter_rows()]
    fact = f"open; excluded because of an incomplete box score: {', '.join(teams[:NAMED])}"
    is_alone = of_teams["team"].n_unique() == len(subject.teams)
    first = first_date_of(facts.warehouse, facts.game_date, of_teams["matchup"].to_list())
    return Link(name, "broken" if is_alone else "partial", fact, (), facts.command(boxscores_step(first)))


def features_link(facts: SlateFacts, subject: Subject) -> Link:
    """Returns the link of the features of a date or game: expected players with and without a row."""
    key = ["game_id", "player_id"]
    expected, rows = (facts.of(name, subject) for name in ("upcoming_players", "features"))
    _, excluded = facts.slate
    eligible = expected.join(excluded, on=["game_date", "team"], how="anti")
    missing = eligible.join(rows, on=key, how="anti")
    fact = f"{rows.height:,} of {counted(eligible.height, 'eligible player')}"
    return derived_link(
        facts, "features", _with_names(fact, missing["player_name"].to_list()), rows.height > 0, missing.height > 0
    )


def readiness_link(facts: SlateFacts) -> Link:
    """Returns the gate of readiness: the systems and the share of players with the features that they require."""
    name, features = "gate enough_players_are_ready", facts.rows("features")
    if features.is_empty():
        return Link(name, "not_due", "there are no features to judge")
    judged = readiness(features, [facts.game_date])
    not_open = judged.filter(~pl.col("is_open")).select("system_id", "ready", "expected")
    closed = [f"{system} ({ready} of {expected})" for system, ready, expected in not_open.iter_rows()]
    number = judged.height - len(closed)
    least = counted(SETTINGS.predicting.least_games, "game")
    share = f"fewer than {SETTINGS.coverage.ready_block:.0%} of the players with {least} are ready for {', '.join(closed)}"
    if not number:
        return Link(name, "broken", f"closed: {share}", (), f"nba-pipeline explain --date {facts.game_date} --table features")
    without = f"; no predictions by {counted(len(closed), 'system')}: {share}" if closed else ""
    return Link(name, "ok", f"open for {number} of {counted(judged.height, 'system')}{without}")


def predictions_link(facts: SlateFacts, subject: Subject) -> Link:
    """Returns the link of the predictions of a date or game."""
    rows = facts.of("predictions", subject)
    expected, without = games_without_predictions(facts.warehouse, [facts.game_date])
    missing = subject.select(without)["matchup"].to_list()
    games = subject.select(expected).height
    latest = rows.sort("version").unique(["game_id", "player_id", "system_id", "market", "run_kind"], keep="last")
    no_line = latest.filter(pl.col("recommendation") == "NO_LINE")["player_id"].n_unique()
    players = rows["player_id"].n_unique()
    is_without_lines = 0 < players == no_line
    lined = facts.of("prop_lines", subject).filter("is_before_tipoff").join(rows, on="player_id", how="anti")
    number = lined["player_id"].drop_nulls().n_unique()
    unpredicted = f"; {counted(number, 'player')} with a line have no prediction" if number else ""
    fact = (
        f"{counted(players, 'player')} of {games - len(missing)} of {counted(games, 'game')}: {players - no_line} with a line, "
        f"{no_line} without{'; a prediction without a line is not actionable' if is_without_lines else ''}"
        f"{unpredicted}{_systems_text(facts, rows)}"
    )
    fact = _with_names(fact + backtests_text(latest), missing)
    # no player is eligible early in a season, and the table is written without rows
    is_existing = rows.height > 0 or (not games and facts.is_written("predictions"))
    link = derived_link(facts, "predictions", fact, is_existing, bool(missing))
    return replace(link, state="partial") if link.state == "ok" and is_without_lines and not facts.lines_due_text else link


def _systems_text(facts: SlateFacts, predictions: pl.DataFrame) -> str:
    """Returns how many systems predicted, and why the others did not; empty without any prediction."""
    if predictions.is_empty():
        return ""
    models = facts.warehouse.scan(TABLES["points_model"], [week_of(facts.game_date)]).collect().drop_nulls("model_id")
    predicted, trained = {*predictions["system_id"]}, {*models["system_id"]}
    judged = readiness(facts.rows("features"), [facts.game_date])
    not_ready = {*judged.filter(~pl.col("is_open"))["system_id"]}
    reasons: dict[str, list[str]] = {}
    for system in SYSTEMS:
        if system.system_id not in predicted:
            is_untrained = system.needs_model and system.system_id not in trained
            reason = "not ready" if system.system_id in not_ready else "no prediction"
            reason = "no model of the week" if is_untrained else reason
            reason = "combine others" if isinstance(system, Combination) else reason
            reasons.setdefault(reason, []).append(system.system_id)
    others = "".join(f"; {reason}: {', '.join(names)}" for reason, names in reasons.items())
    return f"; {len(predicted)} of {counted(len(SYSTEMS), 'system')} predicted{others}"


def backtests_text(predictions: pl.DataFrame) -> str:
    """Returns how many predictions are backtests; empty without any."""
    number = predictions.filter(pl.col("run_kind") == "backtest").height
    are_made = "it was made" if number == 1 else "they were made"
    return f"; {counted(number, 'backtest')}: {are_made} after tip-off" if number else ""


def derived_link(facts: SlateFacts, name: str, fact: str, is_existing: bool, is_partial: bool = False) -> Link:
    """Returns the link of a table that is derived from others: not due, broken without rows, or partial."""
    command = facts.repair_command
    if lost := facts.lost(name):
        return Link(name, "broken", lost, evidence_of(facts, name), RECONCILE)
    if not is_existing and not facts.is_due(name):
        return Link(name, "not_due", facts.due_text(name))
    if not is_existing and not facts.is_written(name):
        return Link(name, "broken", "not written", evidence_of(facts, name), facts.completing_command)
    if not is_existing:
        again = f"nba-pipeline backfill --from {facts.game_date} --to {facts.game_date}"
        command = again if facts.slate[0]["is_open"] else facts.completing_command
        return Link(name, "broken", "written without rows", evidence_of(facts, name), command)
    state: State = "partial" if is_partial else "ok"
    return Link(name, state, fact, evidence_of(facts, name), command if is_partial else "")


def _with_names(fact: str, names: Sequence[str]) -> str:
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return f"{fact}; missing: {', '.join(names[:NAMED])}{more}" if names else fact


def links(facts: SlateFacts, subject: Subject) -> Iterator[Link]:
    """Yields the links of a date or game up to its predictions. A date without games ends with its schedule."""
    first = schedule_link(facts, subject)
    yield first
    if first.state != "excluded" and facts.is_written("schedule"):
        yield lines_link(facts, subject)
        yield injuries_link(facts, subject)
        yield rosters_link(facts, subject)
        yield players_link(facts, subject)
        yield slate_gate_link(facts, subject)
        yield features_link(facts, subject)
        yield readiness_link(facts)
        yield predictions_link(facts, subject)

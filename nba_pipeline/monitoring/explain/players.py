"""The links of one player up to his predictions: lines, injury status, features, and why a system does not predict him."""

import shlex
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any

import polars as pl

from nba_pipeline.assets.predictions.predictions import closed_dates, lines_with_prices
from nba_pipeline.completeness.eligibility import judge_players
from nba_pipeline.league.calendar import week_of
from nba_pipeline.league.name_resolution import IS_A_NAME_PROBLEM
from nba_pipeline.monitoring.explain.before_tipoff import (
    absent_lines_link,
    backtests_text,
    derived_link,
    readiness_link,
    schedule_link,
    slate_gate_link,
)
from nba_pipeline.monitoring.explain.facts import SlateFacts
from nba_pipeline.monitoring.explain.link import Link, State
from nba_pipeline.monitoring.explain.origins import evidence_of, requests_link, source_link
from nba_pipeline.monitoring.explain.subject import Subject
from nba_pipeline.monitoring.incidents import eastern_time
from nba_pipeline.settings import SETTINGS
from nba_pipeline.systems import SYSTEMS, Combination, System
from nba_pipeline.systems.forecasts import NOT_READY
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.wording import counted

NAMES_SHOWN = 5
NOT_EXPECTED = "the player is not expected"


def injury_link(facts: SlateFacts, subject: Subject) -> Link:
    """Returns the link of the injury report: the status of the player on the newest report before tip-off."""
    expected = facts.of("upcoming_players", subject)
    if expected.is_empty():
        fact = f"no status: {_why_no_expected_row(facts)}"
        if not facts.rows("upcoming_players").is_empty():
            return source_link(facts, subject, "injuries", fact, is_complete=True)
        state: State = "partial" if facts.is_due("upcoming_players") else "not_due"
        return Link("injuries", state, fact, evidence_of(facts, "injuries"))
    player = expected.row(0, named=True)
    if player["injury_risk_level"] is None:
        is_unreported = player["injury_snapshot_at"] is None
        fact = "unknown: no usable report of the team" if is_unreported else "unknown: the entry of the report is unusable"
        parts = [requests_link(facts, subject, "injuries", is_needed=False)]
        return Link("injuries", "partial", fact, evidence_of(facts, "injuries"), "", parts)
    status, at = player["injury_status"] or "not listed", eastern_time(player["injury_snapshot_at"], facts.game_date)
    fact = f"{status} ({player['injury_reason'] or 'no reason'}) on the report of {at}"
    return source_link(facts, subject, "injuries", fact, is_complete=True)


def lines_link(facts: SlateFacts, subject: Subject) -> Link:
    """Returns the link of the player's lines: the books, or the reason why there is no usable line."""
    lines = _market_lines(facts, subject)
    usable = lines.filter("is_before_tipoff")
    if not usable.is_empty():
        newest = usable.sort("snapshot_at").row(-1, named=True)
        at = eastern_time(newest["snapshot_at"], facts.game_date)
        fact = f"{counted(usable['book'].n_unique(), 'book')}; the newest is {newest['line']:g} by {newest['book']} at {at}"
        return source_link(facts, subject, "prop_lines", fact, is_complete=True)
    if not lines.is_empty():
        fact = "no usable line: every snapshot is from after tip-off or has no instant"
        return Link("prop_lines", _state_without_line(facts, subject), fact, evidence_of(facts, "prop_lines"))
    names = _unresolved_in_game(facts, subject)
    if names:
        listed = "; ".join(f"{name!r} ({counted(number, 'row')})" for name, number in names[:NAMES_SHOWN])
        fact = f"no line has the player's name, and his game has lines of unresolved names: {listed}"
        spelling = shlex.quote(names[0][0])
        command = f"nba-pipeline resolve --spelling {spelling} --player {subject.player_id} --date {facts.game_date}"
        return Link("prop_lines", "broken", fact, evidence_of(facts, "prop_lines"), command)
    return _no_line_offered(facts, subject)


def _market_lines(facts: SlateFacts, subject: Subject) -> pl.DataFrame:
    """Returns the player's lines in the market of the predictions."""
    return facts.of("prop_lines", subject).filter(pl.col("market") == SETTINGS.lines.market)


def _no_line_offered(facts: SlateFacts, subject: Subject) -> Link:
    """Returns the link of a player whom no book offers, or whose game has no lines at all."""
    others = facts.rows("prop_lines").filter(pl.col("game_id") == subject.game_id)
    if others.is_empty():
        return absent_lines_link(facts, subject, "the game has no lines")
    books, players = others["book"].n_unique(), others["player_id"].n_unique()
    fact = f"{counted(players, 'other player')} of the game with lines of {counted(books, 'book')}, and none for this player"
    parts = [requests_link(facts, subject, "prop_lines", False)]
    return Link("prop_lines", _state_without_line(facts, subject), fact, evidence_of(facts, "prop_lines"), "", parts)


def _state_without_line(facts: SlateFacts, subject: Subject) -> State:
    """Returns the state of missing lines. They end the chain of a player with predictions: NO_LINE.

    Without predictions, a later link has the reason, for example the rule for players with few minutes and without a line.
    """
    return "partial" if facts.of("predictions", subject).is_empty() else "excluded"


def _unresolved_in_game(facts: SlateFacts, subject: Subject) -> list[tuple[str, int]]:
    """Returns the spellings of quarantined lines of the game whose name is unresolved, with the number of rows."""
    text = {name: pl.col("row").str.json_path_match(f"$.{name}") for name in ("game_id", "spelling")}
    rows = facts.quarantined("prop_lines").filter(IS_A_NAME_PROBLEM).select(**text)
    counts = rows.filter(pl.col("game_id") == subject.game_id)["spelling"].value_counts(sort=True)
    return [(spelling, number) for spelling, number in counts.iter_rows() if spelling]


def expected_link(facts: SlateFacts, subject: Subject) -> Link:
    """Returns the link of the expected players: the evidence for the player's team, or why he is not expected."""
    rows = facts.of("upcoming_players", subject)
    if rows.height:
        row = rows.row(0, named=True)
        fact = f"expected for {row['team']} against {row['opponent']}, evidence: {row['evidence']}"
        return Link("upcoming_players", "ok", fact, evidence_of(facts, "upcoming_players"))
    if facts.rows("upcoming_players").is_empty():
        return derived_link(facts, "upcoming_players", "", is_existing=False)
    fact = f"not expected: {_why_not_expected(facts, subject)}"
    return Link("upcoming_players", "excluded", fact, evidence_of(facts, "upcoming_players"), _last_game(subject))


def _why_not_expected(facts: SlateFacts, subject: Subject) -> str:
    """Returns whether the team's roster of the date lacks the player, or the date has no roster of the team."""
    team = subject.teams[0] if subject.teams else "his team"
    roster = facts.rows("rosters").filter(pl.col("team") == team)
    if roster.is_empty():
        return f"{facts.game_date} has no roster of {team}, and none of its recent box scores has the player"
    seen_at = eastern_time(roster["seen_at"].max(), facts.game_date)  # type: ignore[arg-type]
    return f"the roster of {team}, seen at {seen_at}, does not list the player"


def _why_no_expected_row(facts: SlateFacts) -> str:
    """Returns why `upcoming_players` has no row of a player: without any row of the date, nothing is known about him."""
    if not facts.is_written("upcoming_players"):
        return "upcoming_players is not written"
    return "upcoming_players has no rows" if facts.rows("upcoming_players").is_empty() else NOT_EXPECTED


def _last_game(subject: Subject) -> str:
    return f'nba-pipeline sql "SELECT * FROM boxscores WHERE player_id = {subject.player_id} ORDER BY game_date DESC LIMIT 1"'


def features_link(facts: SlateFacts, subject: Subject) -> Link:
    """Returns the link of the player's features: the number of games from which they are computed, and the missing features."""
    rows = facts.of("features", subject)
    if facts.rows("features").is_empty():
        return derived_link(facts, "features", "", is_existing=False)
    if rows.is_empty():
        is_expected = not facts.of("upcoming_players", subject).is_empty()
        fact = "no row of the player" if is_expected else f"no row: {_why_no_expected_row(facts)}"
        command = facts.repair_command if is_expected else ""
        return Link("features", "broken" if is_expected else "excluded", fact, evidence_of(facts, "features"), command)
    row = rows.row(0, named=True)
    missing = list(row["missing_features"] or ())
    fact = f"{row['games_played_season']} games this season, {counted(len(missing), 'missing feature')}"
    if missing:
        fact += f": {', '.join(missing)}"
    return Link("features", "partial" if missing else "ok", fact, evidence_of(facts, "features"))


def predictions_link(facts: SlateFacts, subject: Subject) -> Link:
    """Returns the link of the player's predictions: the newest of each system, and why a system has none."""
    rows = facts.of("predictions", subject).sort("run_kind", "version", descending=True)
    newest = rows.unique(["system_id", "market"], keep="first", maintain_order=True).sort("system_id", "market")
    evidence = evidence_of(facts, "predictions")
    if newest.is_empty() and not facts.is_due("predictions"):
        return Link("predictions", "not_due", facts.due_text("predictions"))
    reason, is_by_rule = _ineligible(facts, subject)
    if newest.is_empty() and reason:
        return Link("predictions", "excluded" if is_by_rule else "broken", f"no prediction: {reason}", evidence)
    parts = [*(_prediction(row, facts) for row in newest.iter_rows(named=True)), *_absent(facts, subject, newest, reason)]
    if newest.is_empty():
        command = f"nba-pipeline run --date {facts.game_date}"
        return Link("predictions", "broken", "no prediction, although the player is eligible", evidence, command, parts)
    kinds = newest["recommendation"].value_counts(sort=True).sort("count", "recommendation", descending=[True, False])
    systems = newest["system_id"].n_unique()
    fact = f"{counted(systems, 'system')}: {', '.join(f'{number} {kind}' for kind, number in kinds.iter_rows())}"
    fact += backtests_text(newest)
    if newer_line := _line_after_prediction(facts, subject, newest):
        return Link("predictions", "broken", f"{fact}; {newer_line}", evidence, facts.fetching_command(subject), parts)
    state: State = "partial" if systems < len(SYSTEMS) else "ok"
    return Link("predictions", state, fact, evidence, "", parts)


def _line_after_prediction(facts: SlateFacts, subject: Subject, newest: pl.DataFrame) -> str:
    """Returns a text if a line was loaded after the newest predictions and these have no line; else an empty text."""
    usable = _market_lines(facts, subject).filter("is_before_tipoff")
    if usable.is_empty() or not (newest["recommendation"] == "NO_LINE").all():
        return ""
    made, shown = (eastern_time(rows[name].max(), facts.game_date) for rows, name in ((newest, "made_at"), (usable, "as_of")))  # type: ignore[arg-type]
    return f"a line was loaded at {shown}, and the newest prediction is from {made}"


def _prediction(row: dict[str, Any], facts: SlateFacts) -> Link:
    """Returns the newest prediction of a system with its reasons against a bet."""
    line = f"line {row['line']:g} by {row['book']}" if row["line"] is not None else "no line"
    made = eastern_time(row["made_at"], facts.game_date)
    reasons = f"; {', '.join(row['reasons'])}" if row["reasons"] else ""
    version = f"{'backtest ' if row['run_kind'] == 'backtest' else ''}version {row['version']}"
    fact = f"{row['predicted_value']:.1f}, {line}, {row['recommendation']}, {version} at {made}{reasons}"
    evidence = [f"line from {row['line_source']}"] if row["line_source"] else []
    name = row["system_id"] if row["market"] == SETTINGS.lines.market else f"{row['system_id']} {row['market']}"
    return Link(name, "ok", fact, evidence)


def _absent(facts: SlateFacts, subject: Subject, newest: pl.DataFrame, reason: str | None) -> Iterator[Link]:
    """Yields a link per system without a prediction. `reason` is why no system may predict the player; None if he is eligible."""
    features = facts.of("features", subject)
    if features.is_empty():
        return
    trained = facts.warehouse.scan(TABLES["points_model"], [week_of(facts.game_date)]).collect().drop_nulls("model_id")
    closed = closed_dates(facts.rows("features"))
    predicted = set(newest["system_id"])
    for system in SYSTEMS:
        if system.system_id not in predicted:
            why = reason or _why_not(system, features, set(trained["system_id"]), predicted)
            why = why or (NOT_READY if system.system_id in closed else _why_not_predicted(facts, features))
            yield Link(system.system_id, "excluded", f"no prediction: {why}")


def _why_not(system: System, features: pl.DataFrame, trained: set[str], predicted: set[str]) -> str:
    """Returns why a system cannot predict a player with features; empty if it can."""
    if isinstance(system, Combination):
        without = [name for name in system.members if name not in predicted]
        return f"it combines {', '.join(system.members)}" + (
            f"; missing: {', '.join(without)}" if without else ", and needs a line"
        )
    if system.needs_model and system.system_id not in trained:
        return "no model of the week"
    reasons: Sequence[str] = system.why_not(features)["reason"].to_list()
    return reasons[0] if reasons else ""


def _why_not_predicted(facts: SlateFacts, features: pl.DataFrame) -> str:
    """Returns why a system has no prediction although it can make one, as far as the tables show it."""
    if not facts.is_written("predictions"):
        return "predictions is not written"
    made_at, as_of = facts.rows("predictions")["made_at"].max(), features["as_of"][0]
    if isinstance(made_at, datetime) and as_of > made_at:
        at, newest = (eastern_time(instant, facts.game_date) for instant in (as_of, made_at))
        return f"the features were computed at {at}, after the newest predictions at {newest}"
    return "unknown: the system can predict the player now"


def _ineligible(facts: SlateFacts, subject: Subject) -> tuple[str | None, bool]:
    """Returns why no system may predict the player, and whether a rule decides it. The reason is None for an eligible player.

    Without a row of the player or of his game, data is missing, and no rule decides.
    """
    expected = facts.of("upcoming_players", subject)
    if expected.is_empty():
        reason = _why_no_expected_row(facts)
        return reason, reason == NOT_EXPECTED
    now = facts.clock.now()
    lines = lines_with_prices(facts.rows("prop_lines").filter(pl.col("snapshot_at") <= now))
    of_market = lines.filter(pl.col("market") == SETTINGS.lines.market)
    judged = judge_players(expected, facts.rows("features"), facts.rows("schedule"), of_market, now).row(0, named=True)
    return judged["reason"], judged["has_features"] is not None and judged["status"] is not None


def links(facts: SlateFacts, subject: Subject) -> Iterator[Link]:
    """Yields the links of a player up to his predictions. Without a game on the date, the chain ends with the schedule."""
    first = schedule_link(facts, subject)
    if subject.game_id is None and facts.is_written("schedule"):
        team = subject.teams[0] if subject.teams else None
        fact = f"{team} does not play on {facts.game_date}" if team else "no stored box score names the player's team"
        yield Link("schedule", "excluded", fact, first.evidence)
        return
    yield first
    if first.state != "excluded" and facts.is_written("schedule"):
        yield injury_link(facts, subject)
        yield lines_link(facts, subject)
        yield expected_link(facts, subject)
        yield slate_gate_link(facts, subject)
        yield features_link(facts, subject)
        yield readiness_link(facts)
        yield predictions_link(facts, subject)

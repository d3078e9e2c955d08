"""Versions of predictions and grades, and what changed between them."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import polars as pl

from nba_pipeline.formulas.grade_versions import GRADED
from nba_pipeline.formulas.prediction_versions import PREDICTED
from nba_pipeline.monitoring.explain.facts import SlateFacts
from nba_pipeline.monitoring.explain.link import Link
from nba_pipeline.monitoring.explain.subject import Subject
from nba_pipeline.monitoring.incidents import eastern_time
from nba_pipeline.tables.wording import counted

COMPARED = (
    *("line", "book", "predicted_value", "recommendation", "injury_status", "teammates_listed"),
    *("features_hash", "model_id", "system_version", "game_date"),
)
"""Columns of `predictions` that explain another version, the most important first."""


def changes_link(facts: SlateFacts, subject: Subject) -> Link | None:
    """Returns the link of the changes: one part per new version of a prediction or grade, newest first; None without any."""
    changes = [*_predictions(facts, subject), *_grades(facts, subject)]
    if not changes:
        return None
    changes.sort(key=lambda change: change[0], reverse=True)
    newest = eastern_time(changes[0][0], facts.game_date)
    fact = f"{counted(len(changes), 'later version')} of predictions or grades, because an input changed; the newest of {newest}"
    return Link("changes", "ok", fact, (), "", [link for _, link in changes])


def _predictions(facts: SlateFacts, subject: Subject) -> Iterator[tuple[datetime, Link]]:
    """Yields the instant and the link of each later version of a prediction, with the inputs that differ from the version before."""
    rows = facts.of("predictions", subject).sort(*PREDICTED, "version")
    if rows.is_empty() or not (rows["version"] > 1).any():
        return
    for _, versions in rows.group_by(PREDICTED, maintain_order=True):
        pairs = zip(versions.iter_rows(named=True), versions[1:].iter_rows(named=True), strict=False)
        for before, after in pairs:
            at = eastern_time(after["made_at"], facts.game_date)
            name = f"{after['player_name']} {after['system_id']}"
            kind = "backtest " if after["run_kind"] == "backtest" else ""
            fact = f"{kind}version {before['version']} -> {after['version']} at {at}: {_differences(before, after)}"
            evidence = [f"line from {after['line_source']}"] if after["line_source"] else []
            yield after["made_at"], Link(name, "ok", fact, evidence)


def _differences(before: dict[str, Any], after: dict[str, Any]) -> str:
    texts = [f"{name} {_text(before[name])} -> {_text(after[name])}" for name in COMPARED if before[name] != after[name]]
    return ", ".join(texts) or "the reasons against a bet changed"


def _text(value: Any) -> str:
    return "none" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value) or "none"


def _grades(facts: SlateFacts, subject: Subject) -> Iterator[tuple[datetime, Link]]:
    """Yields the instant and the link of each later version of a grade, with its reason, once for all systems of a player."""
    rows = facts.of("grades", subject)
    later = rows.filter(pl.col("grade_version") > 1).sort("as_of", *GRADED)
    if later.is_empty():
        return
    correction = ["game_id", "player_id", "run_kind", "grade_version", "as_of"]
    names = facts.rows("boxscores").select("player_id", "player_name").unique("player_id")
    changed = later.group_by(correction, maintain_order=True).agg(
        pl.col("regrade_reason").first(), pl.col("system_id").n_unique().alias("systems"), pl.col("source").first()
    )
    for row in changed.join(names, on="player_id", how="left", maintain_order="left").iter_rows(named=True):
        at, grades = eastern_time(row["as_of"], facts.game_date), counted(row["systems"], "system")
        kind = "backtest " if row["run_kind"] == "backtest" else ""
        fact = f"{kind}grade version {row['grade_version']} at {at} for {grades}: {row['regrade_reason']}"
        yield row["as_of"], Link(str(row["player_name"] or row["player_id"]), "ok", fact, [f"from {row['source']}"])

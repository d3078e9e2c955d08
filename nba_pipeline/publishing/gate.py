"""Whether a slate may be published. A closed gate keeps the files that are public, so that an implausible slate replaces nothing."""

from collections.abc import Sequence

import polars as pl

from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.wording import counted


def closed_because(predictions: pl.DataFrame, eligible: int, missing: int) -> list[str]:
    """Returns why a slate with games may not be published; empty if it may.

    `predictions` has the newest predictions of all systems, `eligible` the number of players who require a prediction, and
    `missing` the number of these players without a prediction.
    """
    limits, reasons = SETTINGS.publishing, list[str]()
    players = predictions.select("game_id", "player_id").n_unique()
    if players < limits.least_players:
        reasons.append(f"only {counted(players, 'player')} predicted; at least {limits.least_players} are required")
    if eligible and eligible - missing < limits.coverage * eligible:
        reasons.append(f"{eligible - missing} of {eligible} eligible players are predicted; {limits.coverage:.0%} are required")
    for (system,), rows in predictions.partition_by("system_id", as_dict=True, maintain_order=True).items():
        reasons += [f"{system}: {problem}" for problem in _sanity(rows)]
    return reasons


def _sanity(rows: pl.DataFrame) -> Sequence[str]:
    """Returns why the forecasts of a system are implausible as a whole; empty if they are plausible."""
    limits, problems = SETTINGS.publishing, []
    lined = rows.filter(pl.col("edge").is_not_null())
    if lined.height >= limits.sanity_rows:
        for side, part in (("over", lined.filter(pl.col("edge") > 0)), ("under", lined.filter(pl.col("edge") < 0))):
            if part.height > limits.one_direction * lined.height:
                problems.append(f"{part.height} of {lined.height} forecasts are {side} the line")
        mean = lined.select(pl.col("edge").mean()).item()
        if abs(mean) > limits.mean_edge:
            problems.append(f"the mean edge is {mean:+.2f}")
    known = rows["over_probability"].drop_nulls()
    if known.len() >= limits.sanity_rows and known.n_unique() == 1:
        problems.append(f"all {known.len()} probabilities are {known[0]:.3f}")
    return problems

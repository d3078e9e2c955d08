"""The parameter search: seeded random trials of a trained system, and their ledger.

    <home>/evaluations/searches/searches.jsonl      one line per search and per trial, chained like a manifest

A search chooses parameters by the results of its period, so an evaluation of that period is no evidence. The ledger records
the plan before the first trial. `evaluate` reads it: it counts the trials and refuses a period that overlaps a search.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from nba_pipeline.errors import BadInput, did_you_mean
from nba_pipeline.evaluation.manifest import Manifest, verify
from nba_pipeline.evaluation.market import market_of
from nba_pipeline.evaluation.metrics import mean_of, rounded
from nba_pipeline.evaluation.source import PLAYER_GAME, Source, refuse_without_features
from nba_pipeline.evaluation.walk_forward import walk
from nba_pipeline.formulas.bets import gap
from nba_pipeline.league.calendar import days
from nba_pipeline.settings import SETTINGS
from nba_pipeline.systems import CATBOOST, LINEAR_MEDIAN, XGBOOST
from nba_pipeline.systems.interface import TrainedSystem

FILE = "evaluations/searches/searches.jsonl"
REFIT_WEEKS = 4
"""A search only trains every fourth week, which takes a quarter of the time."""

Choices = Mapping[str, Sequence[float | int]]
SECTIONS: Mapping[str, tuple[TrainedSystem, str, Choices]] = {
    "linear_median": (
        LINEAR_MEDIAN,
        "forecasts",
        {"linear_l2": (3e-5, 1e-4, 3e-4, 1e-3, 3e-3), "linear_clip": (3.0, 4.0, 5.0, 8.0), "linear_least_residual": (0.1, 0.25, 0.5, 1.0)},
    ),
    "xgboost": (
        XGBOOST,
        "forecasts",
        {
            "tree_rounds": (300, 450, 600), "tree_learning_rate": (0.02, 0.03, 0.05), "tree_leaves": (7, 15, 31),
            "tree_least_weight": (50.0, 100.0, 200.0, 400.0), "tree_columns": (0.2, 0.4, 0.8), "tree_l2": (1.0, 10.0, 30.0),
        },
    ),
    "catboost": (
        CATBOOST,
        "training",
        {"depth": (4, 6, 8), "learning_rate": (0.03, 0.05, 0.1), "l2_leaf_reg": (1.0, 3.0, 10.0)},
    ),
}  # fmt: skip
"""System id -> the system, the section of the settings with its parameters, and the values that a trial draws from."""


@dataclass(frozen=True)
class Search:
    """A search as it was planned."""

    system: str
    first: date
    last: date

    def overlaps(self, first: date, last: date) -> bool:
        """Whether the search saw results of these dates."""
        return self.first <= last and first <= self.last


@dataclass(frozen=True)
class Ledger:
    """The searches of a home."""

    searches: tuple[Search, ...] = ()
    trials: int = 0

    def overlapping(self, first: date, last: date) -> list[Search]:
        """Returns the searches over some of these dates."""
        return [search for search in self.searches if search.overlaps(first, last)]


def read_ledger(home: Path) -> Ledger:
    """Returns the recorded searches. Raises PipelineError if the ledger was edited."""
    file = home / FILE
    lines = verify(file) if file.exists() else []
    plans = [(number, line) for number, line in enumerate(lines, 1) if "trials" in line]
    searches = [
        Search(planned["system"], date.fromisoformat(planned["from"]), date.fromisoformat(planned["to"]))
        for after, planned in plans
        if _may_have_seen_results(lines[after : after + len(planned["trials"])], len(planned["trials"]))
    ]
    return Ledger(tuple(searches), sum(len(planned["trials"]) for _, planned in plans))


def _may_have_seen_results(trials: Sequence[Mapping[str, Any]], planned: int) -> bool:
    """Whether a trial scored a player-game, or has no line in the ledger because the search was interrupted."""
    recorded = [trial for trial in trials if "trial" in trial]
    return len(recorded) < planned or any(trial["n"] for trial in recorded)


def search(
    source: Source,
    home: Path,
    system_id: str,
    first: date,
    last: date,
    *,
    trials: int,
    seed: int,
    report: Callable[[str], object] = lambda _: None,
) -> pl.DataFrame:
    """Returns one row per trial: number, mean absolute error, gap to the consensus with its interval, and parameters.

    Trial 0 has the settings in effect. Raises BadInput for a system without parameters, a period without lines or features,
    or one in which no model could be trained.
    """
    if system_id not in SECTIONS:
        raise BadInput(f"--system is {system_id!r}; {did_you_mean(system_id, SECTIONS)}choose one of {', '.join(SECTIONS)}")
    lined = market_of(source.prop_lines(days(first, last)), "known")
    if lined.is_empty():
        raise BadInput(f"prop_lines has no {SETTINGS.lines.market} line from before tip-off from {first} to {last}")
    refuse_without_features(source, first, last)
    planned = plan(system_id, trials, seed)
    read_ledger(home)  # refuses to extend an edited ledger
    ledger = _opened(home / FILE)
    period = {"system": system_id, "from": str(first), "to": str(last), "seed": seed}
    ledger.append({**period, "refit_weeks": REFIT_WEEKS, "trials": planned})
    results = []
    for number, parameters in enumerate(planned):
        trial = {"trial": number, **_result_of(source, lined, _with(system_id, parameters))}
        ledger.append({**period, **trial, "parameters": parameters})
        results.append({**trial, "parameters": ", ".join(f"{name} {value:g}" for name, value in parameters.items())})
        score = "no forecast has a result" if trial["mae"] is None else f"mean absolute error {trial['mae']}"
        report(f"trial {number} ({number + 1} of {len(planned)}): {score}")
    if not any(trial["n"] for trial in results):
        raise BadInput(
            f"no trial of {system_id} has a forecast with a result from {first} to {last}, because no model could be trained; "
            "this search does not count against an evaluation of these dates"
        )
    return pl.DataFrame(results).sort("mae", "trial", nulls_last=True)


def plan(system_id: str, trials: int, seed: int) -> list[dict[str, float | int]]:
    """Returns the parameters of each trial. Equal seeds give equal trials; the first is the settings in effect."""
    _, section, choices = SECTIONS[system_id]
    draw = random.Random(seed)
    present = getattr(SETTINGS, section).model_dump(include=set(choices))
    drawn = [{name: draw.choice(values) for name, values in choices.items()} for _ in range(trials - 1)]
    return [{name: present[name] for name in choices}, *drawn]


def _opened(file: Path) -> Manifest:
    file.parent.mkdir(parents=True, exist_ok=True)
    return Manifest(file, file.read_text(encoding="utf-8").splitlines() if file.exists() else [])


def _with(system_id: str, parameters: Mapping[str, float | int]) -> TrainedSystem:
    system, section, _ = SECTIONS[system_id]
    changed = getattr(SETTINGS, section).model_copy(update=dict(parameters))
    return replace(system, **{section: changed})  # type: ignore[type-var]  # every trained system is a dataclass


def _result_of(source: Source, lined: pl.DataFrame, system: TrainedSystem) -> dict[str, Any]:
    """Returns the number of graded forecasts of a trial, their mean absolute error and their gap to the consensus."""
    weeks = walk(source, lined, [system], {system.system_id: REFIT_WEEKS}, lambda _: None)
    forecasts = pl.concat(
        [week.forecasts.join(week.outcomes.select(*PLAYER_GAME, actual_value=system.label), on=PLAYER_GAME) for week in weeks]
    )
    rows = forecasts.join(lined.select(*PLAYER_GAME, "consensus"), on=PLAYER_GAME)
    errors = (rows["predicted_value"] - rows["actual_value"]).abs().mean()
    lead = mean_of(rows.select(gap("predicted_value", "consensus")).to_series())
    mae = rounded(errors) if isinstance(errors, float) else None
    return {"n": rows.height, "mae": mae, "gap": lead.value, "gap_low": lead.low, "gap_high": lead.high}

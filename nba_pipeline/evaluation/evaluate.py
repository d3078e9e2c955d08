"""One evaluation: the manifest, the walk-forward replay and the report."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from nba_pipeline.asset_factory.code_versions import PACKAGE, code_version
from nba_pipeline.errors import BadInput, PipelineError
from nba_pipeline.evaluation import manifest
from nba_pipeline.evaluation.blend_weight import blend_weight_notes
from nba_pipeline.evaluation.market import market_of
from nba_pipeline.evaluation.perfect_knowledge import NOTE, KnowsWhoPlays
from nba_pipeline.evaluation.records import ADJUSTED, MARKET, graded, records, reliability_of, with_conditions
from nba_pipeline.evaluation.search import Ledger, read_ledger
from nba_pipeline.evaluation.source import PLAYER_GAME, Source, refuse_without_features
from nba_pipeline.evaluation.suspicions import suspicions
from nba_pipeline.evaluation.walk_forward import Trained, Week, frame_hash, walk
from nba_pipeline.formulas.closing_lines import CAPTURED, MISSED, closing_lines
from nba_pipeline.formulas.forecast_distribution import FORECAST, Rules, with_distribution
from nba_pipeline.formulas.markets import POINTS, Market
from nba_pipeline.league.calendar import days
from nba_pipeline.settings import SETTINGS
from nba_pipeline.systems import MARKET_BLEND, MARKET_SYSTEMS
from nba_pipeline.systems.combination import Combination
from nba_pipeline.systems.interface import System, TrainedSystem

FORMAT = 1
TRAINING_RULE = "as in points_model: the player-games before the Monday of the week that the system may learn from"
PACKAGES_OF_THE_EVALUATION = ("evaluation", "systems", "formulas")
CONTAINING_THE_LINE = {MARKET_BLEND.system_id, ADJUSTED, MARKET}
"""Systems and baselines whose forecast contains the line."""


@dataclass(frozen=True)
class Request:
    """What to evaluate. `systems` are those in the report; members of a combination are replayed as well.

    `refit_weeks` is the minimum number of weeks with lines between two trainings of a system.
    """

    first: date
    last: date
    systems: tuple[str, ...]
    population: str = "known"
    allows_overlap: bool = False
    refit_weeks: int = 1
    market: Market = POINTS

    def refits(self, system: System) -> int:
        """Returns the number of weeks with lines between two trainings of a system."""
        return max(self.refit_weeks, SETTINGS.evaluation.refit_weeks.get(system.system_id, 1))


@dataclass(frozen=True)
class Report:
    """The result: the header of the manifest with its hashes, notes, records, and the frames that the plots show."""

    header: Mapping[str, Any]
    manifest: Path
    sha256: str
    chain_sha256: str
    notes: tuple[str, ...]
    counts: Mapping[str, int]
    records: pl.DataFrame
    reliability: pl.DataFrame
    importances: pl.DataFrame
    closings: pl.DataFrame


def evaluate(source: Source, home: Path, request: Request, report: Callable[[str], object] = lambda _: None) -> Report:
    """Returns the report of a period.

    `report` receives lines of progress. The first is the hash of the manifest, before any result is read.

    Raises BadInput for a period without lines or features, or one that overlaps a search.
    """
    searches = read_ledger(home)
    overlap = _overlap(searches, request)
    offered = source.prop_lines(days(request.first, request.last))
    lined = market_of(offered, request.population, request.market)
    _refuse_an_empty_period(source, lined, request)
    systems = with_members(request.systems, request.market)
    bound = [NOTE] if isinstance(source, KnowsWhoPlays) else []
    header = {**_header(request, systems, lined, searches, overlap), "bound": bound}
    refits = {system.system_id: request.refits(system) for system in systems}
    with manifest.writing(home, header) as open_manifest:
        report(f"manifest {open_manifest.sha256}")
        weeks = list[Week]()
        models: Mapping[str, Trained] = {}
        for week in walk(source, lined, systems, refits, open_manifest.append):
            weeks.append(replace(week, models={}))  # keeps the last week's models only: each takes a megabyte
            models = week.models
            report(f"{week.monday}: {week.forecasts.height:,} forecasts")
    rows = _graded_rows(weeks, lined, request.market)
    if rows.is_empty():
        raise PipelineError(_why_nothing_is_graded(systems, request))
    rows = with_conditions(rows, source.features(days(request.first, request.last)))
    reported_systems = (*request.systems, ADJUSTED, MARKET)
    recorded = records(rows, reported_systems, request.market)
    counts = _counts(lined, weeks, rows)
    suspected = suspicions(recorded, CONTAINING_THE_LINE, request.market)
    notes = (*overlap, *header["bound"], *_notes(request, systems, counts), *blend_weight_notes(rows), *suspected)
    return Report(
        header,
        open_manifest.path,
        open_manifest.sha256,
        open_manifest.chain_sha256,
        notes,
        counts,
        recorded,
        _reliabilities(rows, request.systems),
        _importances(systems, models),
        _closings(offered, request.market),
    )


def with_members(names: Sequence[str], market: Market = POINTS) -> list[System]:
    """Returns the systems of these names and the members of their combinations, in the order of MARKET_SYSTEMS."""
    needed, systems = set(names), MARKET_SYSTEMS[market.name]
    for system in reversed(systems):
        if isinstance(system, Combination) and system.system_id in needed:
            needed |= set(system.members)
    return [system for system in systems if system.system_id in needed]


def _overlap(searches: Ledger, request: Request) -> list[str]:
    """Returns a note per search over the period. Raises BadInput unless the request allows an overlap."""
    overlapping = searches.overlapping(request.first, request.last)
    names = "; ".join(f"{search.system} from {search.first} to {search.last}" for search in overlapping)
    if names and not request.allows_overlap:
        raise BadInput(f"parameters were searched on dates of this period: {names}; choose other dates, or --allow-overlap")
    return [f"NO EVIDENCE: parameters were searched on dates of this period ({names})"] if names else []


def _refuse_an_empty_period(source: Source, lined: pl.DataFrame, request: Request) -> None:
    period = f"from {request.first} to {request.last}"
    if lined.is_empty():
        hint = "; --lines all adds lines of unknown instant" if request.population == "known" else ""
        raise BadInput(f"prop_lines has no {request.market.name} line from before tip-off {period}{hint}")
    refuse_without_features(source, request.first, request.last)


def _why_nothing_is_graded(systems: Sequence[System], request: Request) -> str:
    least = max((system.training.least_rows for system in systems if isinstance(system, TrainedSystem)), default=0)
    needs = f"; a model needs {least:,} player-games with features and results before its week" if least else ""
    names = ", ".join(system.system_id for system in systems)
    return f"no forecast of {names} has a result from {request.first} to {request.last}{needs}"


def _header(
    request: Request, systems: Sequence[System], lined: pl.DataFrame, searches: Ledger, overlap: Sequence[str]
) -> dict[str, Any]:
    """Returns what is fixed before any result of the period is read."""
    return {
        "format": FORMAT,
        "from": str(request.first),
        "to": str(request.last),
        "market": request.market.name,
        "lines": request.population,
        "population": lined.height,
        "population_sha256": frame_hash(lined),
        "systems": {system.system_id: _description(system, request) for system in systems},
        "shown": list(request.systems),
        "training_rule": TRAINING_RULE,
        "settings": SETTINGS.evaluation.model_dump(mode="json") | {"blend_weight": SETTINGS.forecasts.blend_weight},
        "code_versions": {name: code_version(name) for name in ("features", "player_game_summary", "points_model")},
        "code_sha256": _code_hash(),
        "search_trials": searches.trials,
        "overlap": list(overlap),
    }


def _description(system: System, request: Request) -> dict[str, Any]:
    about: dict[str, Any] = {"version": system.version, "reads": list(system.reads)}
    if isinstance(system, TrainedSystem):
        about |= {"parameters": dict(system.parameters), "library_version": system.library_version}
        about |= {"refit_weeks": request.refits(system)}
    return about


def _code_hash() -> str:
    """Returns the SHA-256 of the source files of these packages."""
    digest = hashlib.sha256()
    for file in sorted(file for name in PACKAGES_OF_THE_EVALUATION for file in (PACKAGE / name).rglob("*.py")):
        digest.update(f"{file.relative_to(PACKAGE).as_posix()}\n".encode() + file.read_bytes())
    return digest.hexdigest()


def _graded_rows(weeks: Sequence[Week], lined: pl.DataFrame, market: Market = POINTS) -> pl.DataFrame:
    """Returns the graded forecasts with their distribution. The distribution of a date reads results of earlier dates only."""
    forecasts = pl.concat([week.forecasts for week in weeks])
    outcomes = pl.concat([week.outcomes for week in weeks])
    inputs = forecasts.with_columns(pl.lit(market.name).alias("market"), pl.lit("backtest").alias("run_kind")).join(
        lined.select(*PLAYER_GAME, "line", "adjusted_line", "market_over_probability"), on=PLAYER_GAME
    )
    truth = outcomes.select(*PLAYER_GAME, pl.lit(market.name).alias("market"), pl.col(market.statistic).alias("actual_value"))
    blended = [pl.lit(None, pl.Float64).alias(f"blended_{side}_probability") for side in ("over", "push")]
    none_yet = inputs.clear().with_columns(blended).select(FORECAST).with_columns(truth["actual_value"].clear())
    rules = Rules(blend_weight=SETTINGS.forecasts.blend_weight, **SETTINGS.distributions.rules)
    known = inputs.filter(pl.col("adjusted_line").is_not_null())
    distributed = with_distribution(known, none_yet, truth, rules)
    columns = ["blended_over_probability", "blended_push_probability", "over_probability"]
    key = [*PLAYER_GAME, "system_id"]
    return graded(forecasts.join(distributed.select(*key, *columns), on=key, how="left"), lined, outcomes, market)


def _counts(lined: pl.DataFrame, weeks: Sequence[Week], rows: pl.DataFrame) -> dict[str, int]:
    forecasts = pl.concat([week.forecasts for week in weeks]).unique(PLAYER_GAME)
    statuses = dict(lined["closing_status"].drop_nulls().value_counts().iter_rows())
    return {
        "with_line": lined.height,
        "with_forecast": forecasts.height,
        "played": rows.unique(PLAYER_GAME).height,
        "void": forecasts.height - rows.unique(PLAYER_GAME).height,
        "closing_captured": statuses.get(CAPTURED, 0),
        "closing_missed": statuses.get(MISSED, 0),
    }


def _closings(offered: pl.DataFrame, market: Market) -> pl.DataFrame:
    """Returns one row per book: the number of player-games whose closing line was captured, and of those where it was missed."""
    closing = (
        closing_lines(offered, **SETTINGS.lines.closing_of(market.name))
        .group_by("book")
        .agg((pl.col("closing_status") == status).sum().cast(pl.Int64).alias(status) for status in (CAPTURED, MISSED))
    )
    return closing.sort("book")


def _notes(request: Request, systems: Sequence[System], counts: Mapping[str, int]) -> list[str]:
    lines = {
        "known": "Every line is known to be from before tip-off.",
        "all": "Lines of unknown instant that the archive marks as the latest before tip-off are included.",
    }
    notes = [
        f"{request.first} to {request.last}. {lines[request.population]} {counts['with_line']:,} player-games with a line, "
        f"{counts['with_forecast']:,} with a forecast, {counts['void']:,} of them void.",
        "Models learn from earlier weeks only. The first forecasts have no probability, because it needs earlier residuals.",
    ]
    for system in systems:
        if isinstance(system, TrainedSystem) and (every := request.refits(system)) > 1:
            notes.append(f"{system.system_id} is only trained every {every} weeks.")
    if counts["closing_missed"]:
        notes.append(
            f"The closing line of {counts['closing_missed']:,} player-games was missed: the last capture is more than "
            f"{SETTINGS.lines.closing_minutes:g} minutes before tip-off. They have no closing-line value."
        )
    return notes


def _reliabilities(rows: pl.DataFrame, systems: Sequence[str]) -> pl.DataFrame:
    parts = [
        reliability_of(rows.filter(pl.col("system_id") == name)).with_columns(pl.lit(name).alias("system_id")) for name in systems
    ]
    return pl.concat(parts)


def _importances(systems: Sequence[System], models: Mapping[str, Trained]) -> pl.DataFrame:
    """Returns the importances in each system's last model: system_id, feature and share, the largest share first."""
    rows = [
        {"system_id": system.system_id, "feature": feature, "share": share}
        for system in systems
        if isinstance(system, TrainedSystem) and models[system.system_id].fitted is not None
        for feature, share in system.importances(models[system.system_id].fitted).items()
    ]
    schema = {"system_id": pl.String, "feature": pl.String, "share": pl.Float64}
    return pl.DataFrame(rows, schema=schema).sort("system_id", "share", "feature", descending=[False, True, False])

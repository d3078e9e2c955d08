"""picks: the candidates of each subset for a bet, and which of them are published.

Grain: one row per player, game, market, subset, run kind and version
Source: predictions, features and prop_lines of the date; the ledgers system_roles and halts; system_performance of earlier dates
Caveats: a ledger, rows are only ever added; a published pick never changes, even if its prediction does; other candidates
  have the rules that they fail; `backtest` rows are what the rules would have selected, and were never published.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset, dates_of, optional_input, plots_of
from nba_pipeline.asset_factory.checks import checks_of, dated_check
from nba_pipeline.asset_factory.verdicts import MISSING, PASSED, count_off, for_each_date, verdict_rows
from nba_pipeline.assets.predictions.predictions import PredictionRows
from nba_pipeline.errors import Damaged
from nba_pipeline.formulas.decay import Decay
from nba_pipeline.formulas.picks import (
    CANDIDATE,
    FAILED,
    IS_PICK,
    SUBSET,
    select_picks,
    slate_problems,
)
from nba_pipeline.formulas.prediction_versions import PREDICTED
from nba_pipeline.governance.candidates import reasons_without_candidates
from nba_pipeline.governance.halts import read_halts, standing_halt
from nba_pipeline.governance.pick_rules import pick_rules, slate_rules
from nba_pipeline.governance.states import Governed, governed
from nba_pipeline.instance.clock import Clock
from nba_pipeline.settings import SETTINGS
from nba_pipeline.systems import PROMOTABLE
from nba_pipeline.tables.table import Row, Table, number
from nba_pipeline.tables.wording import counted
from nba_pipeline.warehouse import Warehouse

COPIED = (
    "system_id", "prediction_id", "player_name", "team", "opponent", "predicted_value", "line", "book", "line_snapshot_at",
    "edge", "recommendation", "is_actionable", "reasons", "price", "best_price", "best_price_book", "price_edge",
    "over_probability", "blended_over_probability", "blended_push_probability", "blended_under_probability",
    "market_over_probability", "expected_value", "quality_score", "plays_probability", "injury_status", "tipoff_at",
)  # fmt: skip
"""Columns of `predictions` that a pick keeps as published."""
OF_FEATURES = ("minutes_mean_last_10_games", "points_mean_last_5_games", "points_mean_season")
"""Columns of `features` that a rule may read."""


class PickRows(Row):
    """Columns of `picks`; those of the prediction are added below."""

    game_id = dy.String(description="the NBA's ten digits")
    player_id = dy.Int64(min=1, description="the NBA's person id")
    market = dy.String(description="the Odds API's key, as player_points")
    subset = dy.String(description="name of the set of rules in the setting picks.subsets")
    run_kind = PredictionRows.columns()["run_kind"]
    version = dy.Int64(min=1, description="increases with each change of a candidate; a live pick has no later version")
    is_pick = dy.Bool(description="true if no rule is failed; a live pick is published")
    rank = dy.Int64(nullable=True, min=1, description="place among the picks of the subset; null for other candidates")
    rank_value = number("published probability minus the market's, or price_edge if no probability is published; ranks the picks")
    failed_rules = dy.List(dy.String(), description="rules that keep the candidate from being a pick; empty for a pick")
    failed_trial_rules = dy.List(dy.String(), description="rules on trial that the candidate fails; they have no effect")
    picked_at = dy.Datetime(time_zone="UTC", description="instant of the version; of a live pick, of its publication")
    line_age_hours = number("hours from the last capture of the game's lines to picked_at, or to tip-off for a backtest", 0)
    minutes_mean_last_10_games = number("minutes a game", 0)
    points_mean_last_5_games = number("points a game", 0)
    points_mean_season = number("points a game", 0)

    @dy.rule()
    def a_pick_fails_no_rule(cls) -> pl.Expr:
        """A pick fails no rule and has a rank. Any other candidate fails a rule and has none."""
        fails_none, has_rank = pl.col("failed_rules").list.len() == 0, pl.col("rank").is_not_null()
        return fails_none.eq(pl.col("is_pick")) & has_rank.eq(pl.col("is_pick"))

    @dy.rule()
    def live_picks_are_from_before_tipoff(cls) -> pl.Expr:
        """A live row was made before tip-off. A game of unknown tip-off has none."""
        return (pl.col("run_kind") != "live") | (pl.col("picked_at") < pl.col("tipoff_at")).fill_null(False)


def _with_predictions(schema: type[PickRows]) -> type[dy.Schema]:
    """Returns the schema with the columns of the prediction."""
    return type(schema.__name__, (schema,), {name: PredictionRows.columns()[name] for name in COPIED})


TABLE = Table(
    "picks",
    grain="player, game, market, subset, run kind and version",
    key=("game_id", "player_id", "market", SUBSET, "run_kind", "version"),
    schema=_with_predictions(PickRows),
    write="add",
    cluster=(SUBSET, "player_id"),
    is_ledger=True,
)
SOURCE = "predictions, features, prop_lines"
NO_RULES = pl.lit([], dtype=pl.List(pl.String))
KEY = (*CANDIDATE, SUBSET, "run_kind")
COLUMNS = [pl.col(name).cast(kind) for name, kind in TABLE.dtypes.items() if name not in ("as_of", "code_version")]


def candidates_of(
    predictions: pl.DataFrame, features: pl.DataFrame, prop_lines: pl.DataFrame, champion: str, now: datetime
) -> pl.DataFrame:
    """Returns the latest predictions of the champion with a side: backtests, and live ones of games that have not begun.

    The age of a line is the time since the lines of its game were last captured, because an unchanged line leaves no row.
    """
    latest = latest_of(predictions, champion)
    is_open = (pl.col("run_kind") == "backtest") | (pl.col("tipoff_at") > now)
    at = pl.when(pl.col("run_kind") == "live").then(pl.lit(now).cast(pl.Datetime("us", "UTC"))).otherwise("tipoff_at")
    captured_at = pl.coalesce("captured_at", "snapshot_at").alias("captured_at")
    captures = prop_lines.filter(pl.col("is_before_tipoff")).group_by("game_id").agg(captured_at.max())
    age = (at - pl.min_horizontal("captured_at", at)).dt.total_seconds() / 3600
    sided = latest.filter(is_open, pl.col("recommendation").is_in(["OVER", "UNDER"]))
    known = features.select("game_id", "player_id", *OF_FEATURES)
    return (
        sided.join(captures, on="game_id", how="left")
        .with_columns(pl.when(pl.col("captured_at").is_not_null()).then(age).alias("line_age_hours"))
        .join(known, on=["game_id", "player_id"], how="left")
    )


def latest_of(predictions: pl.DataFrame, system_id: str) -> pl.DataFrame:
    """Returns the latest version of each prediction of a system."""
    return predictions.filter(pl.col("system_id") == system_id).sort("version").group_by("game_date", *PREDICTED).last()


def select_slate(
    predictions: pl.DataFrame,
    features: pl.DataFrame,
    prop_lines: pl.DataFrame,
    ledger: pl.DataFrame,
    state: Governed,
    now: datetime,
) -> tuple[pl.DataFrame, list[str]]:
    """Returns the new and changed rows of one date, and why its predictions are implausible as a whole.

    Halts, decay states and the plausibility of the slate apply to live predictions only.
    """
    candidates = candidates_of(predictions, features, prop_lines, state.champion, now)
    rules, trial = pick_rules(candidates)
    is_live = (pl.col("run_kind") == "live") & (pl.col("market") == SETTINGS.lines.market)  # the limits are in points
    lined = latest_of(predictions, state.champion).filter(pl.col("line").is_not_null(), is_live)
    problems = slate_problems(lined, **SETTINGS.picks.sanity)
    standing = slate_rules(state.halt, state.decays.get(state.champion, Decay()), problems)
    missed = [pl.when(~meets).then(pl.lit(name)) for name, meets in trial.items()]
    candidates = candidates.with_columns(pl.concat_list(NO_RULES, *missed).list.drop_nulls().alias("failed_trial_rules"))
    parts = [
        _selected(
            candidates.filter(pl.col("run_kind") == kind), subset, kind, of_subset | (standing if kind == "live" else {}), ledger
        )
        for kind in ("live", "backtest")
        for subset, of_subset in rules.items()
    ]
    if not parts:  # no subset is set
        return TABLE.empty().select(COLUMNS), problems
    rows = pl.concat(parts).with_columns(
        pl.lit(now).cast(pl.Datetime("us", "UTC")).alias("picked_at"), pl.lit(SOURCE).alias("source")
    )
    return _new_versions(rows, ledger).select(COLUMNS).sort("game_date", *TABLE.key), problems


def _selected(
    candidates: pl.DataFrame, subset: str, run_kind: str, rules: Mapping[str, pl.Expr], ledger: pl.DataFrame
) -> pl.DataFrame:
    settings, of_subset = SETTINGS.picks, pl.col(SUBSET) == subset
    # the pick of a backtest may change, because it was never published
    locked = ledger.filter(of_subset, pl.col("run_kind") == run_kind, IS_PICK, pl.lit(run_kind == "live"))
    selected = select_picks(
        candidates, rules, locked.select(*CANDIDATE, "team"), per_team=settings.per_team, per_day=settings.per_day
    )
    return selected.with_columns(pl.lit(subset).alias(SUBSET))


def _new_versions(rows: pl.DataFrame, ledger: pl.DataFrame) -> pl.DataFrame:
    """Returns the rows that are new, or differ from the latest version in their prediction or in the rules that they fail."""
    before = ledger.sort("version").group_by(KEY).last().select(*KEY, "version", "prediction_id", FAILED)
    compared = rows.drop("version").join(before, on=KEY, how="left", suffix="_before")
    is_same = (pl.col("prediction_id") == pl.col("prediction_id_before")) & (pl.col(FAILED) == pl.col(f"{FAILED}_before"))
    changed = compared.filter(~is_same.fill_null(value=False))
    return changed.with_columns((pl.col("version").fill_null(0) + 1).alias("version"))


@daily_asset(
    TABLE,
    module=__name__,
    description=__doc__,
    kinds={"polars"},
    modes=["same_day", "tomorrow"],
    follows=["predictions"],
    needs=["predictions"],
    within_days=2,
    may_be_empty=True,
    is_record=True,
    ins={"features": optional_input(), "prop_lines": optional_input()},
)
def picks(
    context: dg.AssetExecutionContext,
    predictions: pl.DataFrame,
    features: pl.DataFrame,
    prop_lines: pl.DataFrame,
    warehouse: dg.ResourceParam[Warehouse],
    clock: Clock,
) -> pl.DataFrame:
    """The new and changed candidates of the dates. Published picks do not change."""
    dates, now = dates_of(context), clock.now()
    pick_rules(candidates_of(predictions, features, prop_lines, "", now))  # refuses bad rules before a decision is recorded
    state = governed(warehouse, now, clock.today, PROMOTABLE, is_live=max(dates) >= clock.today)
    ledger, parts = warehouse.scan(TABLE, dates).collect(), [TABLE.empty().select(COLUMNS)]
    for day in dates:
        if day > clock.today:  # picks are published on the day of their games
            continue
        on_day = pl.col("game_date") == day
        predicted, known, lines, earlier = (table.filter(on_day) for table in (predictions, features, prop_lines, ledger))
        rows, problems = select_slate(predicted, known, lines, earlier, state, now)
        parts.append(rows)
        for problem in problems:
            context.log.warning(f"picks of {day}: the slate is implausible and has no picks: {problem}")
    if state.halt.is_halted:
        context.log.warning(state.halt.message)
    new = pl.concat(parts)
    plots = plots_of(_plotted(pl.concat([ledger.select(new.columns), new])))
    context.add_output_metadata({"champion": state.champion, "halt": state.halt.message, **plots})
    return new


def _plotted(rows: pl.DataFrame) -> pl.DataFrame:
    """Returns one row per date: the numbers of candidates and picks of each subset, in their latest version."""
    latest = rows.sort("version").unique(["game_date", *KEY], keep="last")
    counts = latest.group_by("game_date", SUBSET).agg(pl.len().alias("candidates"), pl.col(IS_PICK).sum().alias("picks"))
    return counts.sort("game_date", SUBSET).pivot(SUBSET, index="game_date", values=["candidates", "picks"])


@dated_check(TABLE)
def a_slate_without_picks_has_reasons(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Every candidate that is not a pick has the rules that it fails. A slate without picks names them with their counts.

    A slate without candidates names the calls of the champion. The numbers of candidates and picks of the first subset are plotted.
    """
    subset = next(iter(SETTINGS.picks.subsets), "")
    rows = warehouse.scan(TABLE, dates).filter(pl.col(SUBSET) == subset).sort("version")
    latest, verdicts = rows.group_by("game_date", *KEY).last().collect(), []
    without_candidates = reasons_without_candidates(warehouse, dates)
    for day in dates:
        of_day = latest.filter(pl.col("game_date") == day)
        number_of_picks = int(of_day[IS_PICK].sum())
        counts = of_day[FAILED].explode().drop_nulls().value_counts().sort("count", FAILED, descending=[True, False])
        names = [] if number_of_picks else [f"{rule} ({counted(count, 'candidate')})" for rule, count in counts.iter_rows()]
        if of_day.is_empty():
            names = [f"no candidate: {reason}" for reason in [without_candidates.get(day)] if reason]
        unexplained = of_day.filter(~pl.col(IS_PICK), pl.col(FAILED).list.len() == 0).height
        verdicts.append(
            {"game_date": day, PASSED: not unexplained, MISSING: names, "candidates": of_day.height, "picks": number_of_picks}
        )
    return verdict_rows(verdicts)


@dated_check(TABLE, is_error=True)
def limits_hold(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """No team and no date has more live picks of a subset than the settings allow."""
    settings = SETTINGS.picks
    live = warehouse.scan(TABLE, dates).filter(IS_PICK, pl.col("run_kind") == "live")
    of_team = live.group_by("game_date", SUBSET, "team").len().with_columns(pl.col("len") > settings.per_team)
    of_day = live.group_by("game_date", SUBSET).len().with_columns((pl.col("len") > settings.per_day), team=pl.lit("all teams"))
    limits = pl.concat([of_team, of_day], how="diagonal").sort("game_date", SUBSET, "team")
    return count_off(dates, limits, pl.col("len"), pl.format("{} {}", SUBSET, "team"), total="limits", off="limits_exceeded")


@dated_check(TABLE)
def a_manual_halt_is_confirmed(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """No halt by an operator is older than 36 hours without a confirmation by a further `nba-pipeline halt`."""
    names = _unconfirmed(warehouse, clock.now())
    frame = for_each_date(dates).with_columns(pl.lit(not names).alias(PASSED))
    return frame.with_columns(pl.Series(MISSING, [names] * frame.height, dtype=pl.List(pl.String)))


def _unconfirmed(warehouse: Warehouse, now: datetime) -> list[str]:
    """Returns the standing halt if its confirmation is overdue, or why the ledger of halts cannot be read."""
    try:
        state = standing_halt(read_halts(warehouse))
    except Damaged as error:
        return [str(error)]
    age = (now - state.recorded_at).total_seconds() / 3600 if state.recorded_at else 0.0
    is_overdue = state.is_halted and age > SETTINGS.halts.unconfirmed_hours
    return [f"halted by {state.actor} {age:.0f} hours ago: {state.note}"] if is_overdue else []


checks = checks_of(TABLE)

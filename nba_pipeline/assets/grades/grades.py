"""grades: how each prediction turned out, the morning after.

Grain: one row per prediction and grade version
Source: predictions, player_game_summary and schedule of the date
Caveats: a ledger: a correction is a new grade version with its reason; PUSH, VOID and NO_BET have `is_correct` null and
  count in no hit rate; a player without a row in a complete game did not play: VOID.
"""

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset, dates_of, optional_input, record_excluded
from nba_pipeline.asset_factory.checks import checks_of, coverage_check, dated_check
from nba_pipeline.asset_factory.verdicts import MISSING, PASSED, count_off, for_each_date, verdict_rows
from nba_pipeline.completeness import gates
from nba_pipeline.completeness.closing_captures import games_with_lines
from nba_pipeline.completeness.not_played import IS_CALLED_POSTPONED, OFF
from nba_pipeline.formulas.forecast_distribution import (
    FORECAST,
    RESIDUAL_DAYS,
    Rules,
    calibration_numbers,
    calibration_problems,
    graded_rows,
)
from nba_pipeline.formulas.grade_versions import OF_A_DATE, new_grades
from nba_pipeline.formulas.markets import MARKETS, POINTS, STATISTICS
from nba_pipeline.formulas.outcomes import with_outcomes
from nba_pipeline.formulas.wilson import wilson_interval
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import days
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Row, Table, code, number
from nba_pipeline.warehouse import Warehouse

OUTCOMES = ("WIN", "LOSS", "PUSH", "VOID", "NO_BET")


class GradeRows(Row):
    """Columns and rules of `grades`."""

    game_id = dy.String(description="the NBA's ten digits")
    player_id = dy.Int64(min=1, description="the NBA's person id")
    system_id = dy.String(description="module in nba_pipeline.systems")
    market = dy.String(description="the Odds API's key, as player_points")
    run_kind = code(("live", "backtest"), "live or backtest; statistics never mix them")
    grade_version = dy.Int64(min=1, description="increases with each correction")
    prediction_id = dy.String(description="the prediction graded: the last version made before tip-off")
    predicted_value = dy.Float64(description="in the unit of the market; points for player_points")
    line = dy.Float64(nullable=True, description="in the unit of the market")
    recommendation = dy.String(description="as published")
    did_play = dy.Bool(nullable=True, description="true if the player played; null for a game that was not played")
    actual_value = dy.Int64(
        nullable=True, min=0, description="from the box score, in the unit of the market; null for a player who did not play"
    )
    minutes = number("minutes on court", 0, 80)
    error = number("predicted_value - actual_value")
    absolute_error = number("absolute error", 0)
    margin = number("actual_value - line")
    outcome = code(OUTCOMES, "as a sportsbook settles: an equal value is PUSH, a player who did not play is VOID")
    is_correct = dy.Bool(nullable=True, description="true for WIN, false for LOSS, else null")
    void_reason = dy.String(nullable=True, description="reason for VOID")
    regrade_reason = dy.String(nullable=True, description="reason for a later version")

    @dy.rule()
    def only_wins_and_losses_are_correct_or_not(cls) -> pl.Expr:
        """`is_correct` is null for PUSH, VOID and NO_BET."""
        return pl.col("is_correct").is_not_null() == pl.col("outcome").is_in(["WIN", "LOSS"])

    @dy.rule()
    def nobody_who_did_not_play_has_points(cls) -> pl.Expr:
        """The actual value is null, not zero, for a player who did not play."""
        return pl.col("did_play").fill_null(False) == pl.col("actual_value").is_not_null()


TABLE = Table(
    "grades",
    grain="prediction and grade version",
    schema=GradeRows,
    write="add",
    key=("game_id", "player_id", "system_id", "market", "run_kind", "grade_version"),
    cluster=("system_id", "player_id"),
    is_ledger=True,
)

SOURCE = "predictions, player_game_summary, schedule"


def grade_predictions(
    predictions: pl.DataFrame,
    player_game_summary: pl.DataFrame,
    schedule: pl.DataFrame,
    complete_games: Sequence[str] | pl.Series,
    grades_ledger: pl.DataFrame,
) -> pl.DataFrame:
    """Returns the grades that the ledger lacks: one row per player, game, system, market and run kind that is new or changed.

    Grades only the `complete_games`, postponed games and games that `schedule` has on another date.
    """
    gradable = predictions.filter(pl.col("market").is_in(list(STATISTICS)))
    settled = _settled(published(gradable, schedule), schedule, complete_games)
    graded = new_grades(with_outcomes(settled, player_game_summary, STATISTICS), grades_ledger, predictions)
    columns = [pl.col(name).cast(kind) for name, kind in TABLE.dtypes.items() if name not in ("as_of", "code_version")]
    return graded.with_columns(pl.lit(SOURCE).alias("source")).select(columns).sort(TABLE.key)


def without_lost_rows(predictions: pl.DataFrame, boxscores: pl.DataFrame, player_game_summary: pl.DataFrame) -> pl.DataFrame:
    """Removes the predictions of players who played but have no summary row, because that row is in quarantine.

    A player counts as not having played only if both tables lack a row.
    """
    key = ["game_id", "player_id"]
    lost = boxscores.filter("did_play").join(player_game_summary, on=key, how="anti")
    return predictions.join(lost, on=key, how="anti")


def published(predictions: pl.DataFrame, schedule: pl.DataFrame) -> pl.DataFrame:
    """Returns the prediction that counts per player, game, system, market and run kind.

    It is the latest version. For live predictions, it is the latest version made before tip-off.
    """
    tipoffs = schedule.select("game_date", "game_id", pl.col("tipoff_at").alias("tipoff_at_now"))
    tipoff_at = pl.coalesce("tipoff_at_now", "tipoff_at")
    return (
        predictions.join(tipoffs, on=["game_date", "game_id"], how="left")
        .filter((pl.col("run_kind") == "backtest") | (pl.col("made_at") < tipoff_at))
        .sort("version")
        .group_by(OF_A_DATE)
        .last()
    )


def _settled(published: pl.DataFrame, schedule: pl.DataFrame, complete_games: Sequence[str] | pl.Series) -> pl.DataFrame:
    """Returns the rows whose game can be graded, with `is_off` and `is_postponed`.

    `is_off`: the game is not played, or the schedule has it on another date. `is_postponed`: the game is postponed or moved.
    """
    statuses = schedule.select("game_date", "game_id", "status", "status_text")
    is_elsewhere = pl.col("status").is_null() & pl.col("game_id").is_in(schedule["game_id"].to_list())
    is_complete = pl.col("status").is_not_null() & pl.col("game_id").is_in(list(complete_games))
    return (
        published.join(statuses, on=["game_date", "game_id"], how="left")
        .with_columns(
            ((pl.col("status") == OFF).fill_null(False) | is_elsewhere).alias("is_off"),
            IS_CALLED_POSTPONED.alias("is_postponed"),
        )
        .filter(pl.col("is_off") | is_complete)
    )


LEAK_DAYS = 30
LEAST_BETS = 100
SUSPECT_HIT_RATE = 0.58


@daily_asset(
    TABLE,
    module=__name__,
    description=__doc__,
    kinds={"polars"},
    modes=["overnight"],
    follows=["player_game_summary"],
    needs=["schedule", "boxscores", "player_game_summary"],
    may_be_empty=True,  # predictions without a grade are reported
    covers="game",
    ins={"predictions": optional_input()},
)
def grades(
    context: dg.AssetExecutionContext,
    predictions: pl.DataFrame,
    player_game_summary: pl.DataFrame,
    schedule: pl.DataFrame,
    boxscores: pl.DataFrame,
    warehouse: dg.ResourceParam[Warehouse],
    clock: Clock,
) -> pl.DataFrame:
    """The grades of complete and postponed games that the ledger lacks."""
    dates = dates_of(context)
    waivers = warehouse.scan(gates.WAIVERS, dates).collect()
    complete, excluded = gates.eligible_games(schedule, boxscores, waivers, dates, clock.as_of)
    # a complete game without a summary is not graded yet: its players would look as if they had not played
    summarized = set(player_game_summary["game_id"])
    for game_id, day in (
        schedule.filter(pl.col("game_id").is_in(set(complete) - summarized)).select("game_id", "game_date").iter_rows()
    ):
        excluded.setdefault(str(day), []).append(f"{game_id} (not summarized)")
    record_excluded(context, excluded)
    # add games that moved to another date: their predictions are void on this date, and version numbers continue on the other
    final = schedule.filter(pl.col("status") == "final")["game_id"]
    predicted = predictions["game_id"].unique()
    if predicted.is_in(final.implode()).all():
        moved = schedule.clear()  # a final game has not moved, so the other dates are not read
    else:
        everywhere = warehouse.scan(TABLES["schedule"]).filter(pl.col("game_id").is_in(predicted.implode()))
        moved = everywhere.filter(~pl.col("game_date").is_in(dates)).select(schedule.columns).collect()
    schedule = pl.concat([schedule, moved])
    ledger = warehouse.scan(TABLE).filter(pl.col("game_id").is_in(schedule["game_id"].implode())).collect()
    gradable_games = [game_id for game_id in complete if game_id in summarized]
    gradable = without_lost_rows(predictions, boxscores, player_game_summary)
    return grade_predictions(gradable, player_game_summary, schedule, gradable_games, ledger)


def _grades(warehouse: Warehouse, dates: Sequence[date]) -> pl.DataFrame:
    return warehouse.scan(TABLE, dates).select(OF_A_DATE).unique().collect()


@coverage_check(TABLE, _grades, on=OF_A_DATE, name="matchup", blocking=True)
def enough_gradable_predictions_are_graded(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """At least 80 % of the predictions of complete games have a grade."""
    return _gradable(warehouse, dates, only_complete=True)


@coverage_check(TABLE, _grades, on=OF_A_DATE, name="matchup")
def every_prediction_is_graded(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Every prediction of a final game has a grade. Games without grades are named."""
    return _gradable(warehouse, dates, only_complete=False)


@dated_check(TABLE)
def hit_rate_is_no_leak(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """No system with 100 bets or more in 30 days has a hit rate with its 95 % interval above 58 %. Otherwise, look for a leak.

    Of live predictions, the hit rate with its number of bets is plotted, and the mean absolute error of systems and lines on the
    same rows.
    """
    window = days(min(dates) - timedelta(days=LEAK_DAYS - 1), max(dates))
    latest = warehouse.scan(TABLE, window).sort("grade_version").group_by(OF_A_DATE).last()
    is_bet = pl.col("outcome").is_in(["WIN", "LOSS"])
    totals = (
        latest.group_by("game_date", "system_id", "market", "run_kind")
        .agg(
            (pl.col("outcome") == "WIN").sum().cast(pl.Int64).alias("wins"),
            is_bet.sum().cast(pl.Int64).alias("bets"),
            pl.col("absolute_error").mean().alias("mae"),
            pl.col("absolute_error").filter(pl.col("margin").is_not_null()).mean().alias("mae_lined"),
            pl.col("margin").abs().mean().alias("line_mae"),
        )
        .sort("system_id", "market", "run_kind")
        .collect()
    )
    of_date = (
        totals.filter(_is_plotted())
        .group_by("game_date")
        .agg(pl.col("bets", "wins").sum(), pl.col("mae", "mae_lined", "line_mae").mean())
    )
    of_date = of_date.with_columns(hit_rate=pl.when(pl.col("bets") > 0).then(pl.col("wins") / pl.col("bets")))
    return for_each_date(dates, _records(totals, dates), of_date).with_columns((pl.col(MISSING).list.len() == 0).alias(PASSED))


@dated_check(TABLE)
def closing_lines_are_captured(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """The lines of every final game were captured shortly before tip-off. Games whose closing lines were missed are named.

    Only lines that the platform captured count, not those of an archive. A game without lines is not judged.
    """
    rows = games_with_lines(warehouse, dates)
    return count_off(dates, rows, pl.col("is_missed"), pl.col("matchup"), total="games_with_lines", off="closing_lines_missed")


def _is_plotted() -> pl.Expr:
    """Errors of two markets have two units, and statistics never mix live predictions with backtests."""
    return (pl.col("market") == SETTINGS.lines.market) & (pl.col("run_kind") == "live")


def _records(totals: pl.DataFrame, dates: Sequence[date]) -> pl.DataFrame:
    """Returns per date the bets and wins of the 30 days up to it, and names the systems that win too often."""
    records = []
    for day in dates:
        recent = totals.filter(pl.col("game_date").is_between(day - timedelta(days=LEAK_DAYS - 1), day))
        of_system = recent.group_by("system_id", "market", "run_kind", maintain_order=True).agg(pl.col("wins", "bets").sum())
        suspects = [
            f"{system} {market} {kind}: {wins} of {bets}"
            for system, market, kind, wins, bets in of_system.iter_rows()
            if bets >= LEAST_BETS and (wilson_interval(wins, bets) or (0.0, 0.0))[0] > SUSPECT_HIT_RATE
        ]
        plotted = of_system.filter(_is_plotted())
        records.append((day, plotted["bets"].sum(), plotted["wins"].sum(), suspects))
    schema: dict[str, Any] = {
        "game_date": pl.Date,
        "bets_of_30_days": pl.Int64,
        "wins_of_30_days": pl.Int64,
        MISSING: pl.List(pl.String),
    }
    return pl.DataFrame(records, schema=schema, orient="row")


@dated_check(TABLE)
def probabilities_are_calibrated(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """No system's blended probability has too large a calibration error, or too large a log-loss gap to the market.

    A system is judged once it has enough graded rows in the 300 days up to the date. The numbers of each system and its
    reliability by group are plotted.
    """
    settings, graded = SETTINGS.distributions, _graded_forecasts(warehouse, dates)
    rules = Rules(blend_weight=SETTINGS.forecasts.blend_weight, **settings.rules)
    limits = settings.largest_calibration_error, settings.largest_log_loss_gap
    verdicts: list[dict[str, Any]] = []
    for day in dates:
        recent = graded.filter(pl.col("game_date").is_between(day - timedelta(days=RESIDUAL_DAYS), day))
        systems = recent.partition_by("system_id", "market", as_dict=True)
        records = {_name(*key): calibration_numbers(rows, rules) for key, rows in systems.items()}
        numbers = {f"{name}_{statistic}": value for name, record in records.items() for statistic, value in record.items()}
        problems = [
            f"{name}: {text}" for name, record in records.items() for text in calibration_problems(record, rules, *limits)
        ]
        verdicts.append({"game_date": day, PASSED: not problems, MISSING: problems, **numbers})
    return verdict_rows(verdicts)


def _name(system_id: str, market: str) -> str:
    """Returns the system, followed by the statistic of another market than that of points."""
    return system_id if market == POINTS.name else f"{system_id}_{MARKETS[market].statistic}"


def _graded_forecasts(warehouse: Warehouse, dates: Sequence[date]) -> pl.DataFrame:
    """Returns the graded forecasts of the dates and of the days before, by date."""
    span = days(min(dates) - timedelta(days=RESIDUAL_DAYS), max(dates))
    predictions = warehouse.scan(TABLES["predictions"], span).select(*FORECAST, "version").collect()
    grade = warehouse.scan(TABLE, span).sort("grade_version").group_by("game_id", "player_id", "market").last()
    return graded_rows(predictions, grade.select("game_id", "player_id", "market", "actual_value").collect())


def _gradable(warehouse: Warehouse, dates: Sequence[date], only_complete: bool) -> pl.DataFrame:
    """Returns the predictions of covered games and of games that moved to another date, with their matchup."""
    schedule = warehouse.scan(TABLES["schedule"], dates).collect()
    judged = gates.judge_games(schedule, warehouse.scan(TABLES["boxscores"], dates).collect()).filter("is_covered")
    games = judged.filter("is_complete") if only_complete else judged
    predicted_keys = warehouse.scan(TABLES["predictions"], dates).select(OF_A_DATE).unique().collect()
    moved = predicted_keys.join(schedule, on=["game_date", "game_id"], how="anti")
    gradable = pl.concat([predicted_keys.join(games, on="game_id", how="semi"), moved])
    named = gradable.join(judged.select("game_id", "matchup"), on="game_id", how="left")
    return named.with_columns(pl.col("matchup").fill_null(pl.col("game_id"))).sort("matchup")


checks = checks_of(TABLE)

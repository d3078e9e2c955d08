"""grades: how each prediction turned out, the morning after.

Grain: one row per prediction and grade version
Source: predictions, player_game_summary and schedule of the date
Caveats: a ledger, a correction is a new grade version with its reason; PUSH, VOID and NO_BET have `is_correct` null and
  count in no hit rate; a player without a row in a complete game did not play: VOID.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset, dates_of, optional_input, note_left_out
from nba_pipeline.asset_factory.checks import Verdict, checks_of, dated_check, share_verdict
from nba_pipeline.completeness import gates
from nba_pipeline.completeness.not_played import IS_CALLED_POSTPONED, OFF
from nba_pipeline.formulas.wilson import wilson_interval
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import days
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import TABLES, Row, Table, code, number
from nba_pipeline.warehouse import Warehouse

OUTCOMES = ("WIN", "LOSS", "PUSH", "VOID", "NO_BET")
STATISTICS = {"player_points": "points"}
"""Market -> the column of `player_game_summary` that settles it. Predictions of other markets are not graded."""


class GradeRows(Row):
    """Columns and rules of `grades`."""

    game_id = dy.String(description="the NBA's ten digits")
    player_id = dy.Int64(min=1, description="the NBA's person id")
    system_id = dy.String(description="module in nba_pipeline.systems")
    market = dy.String(description="the Odds API's key, as player_points")
    run_kind = code(("live", "backtest"), "population; never mixed")
    grade_version = dy.Int64(min=1, description="grows with each correction")
    prediction_id = dy.String(description="the prediction graded: the last version made before tip-off")
    predicted_value = dy.Float64(description="in the unit of the market; points for player_points")
    line = dy.Float64(nullable=True, description="in the unit of the market")
    recommendation = dy.String(description="as published")
    did_play = dy.Bool(nullable=True, description="took part; null for a game that was not played")
    actual_value = dy.Int64(
        nullable=True, min=0, description="from the box score, in the unit of the market; null for a player who did not play"
    )
    minutes = number("min on court", 0, 80)
    error = number("predicted_value - actual_value")
    absolute_error = number("absolute error", 0)
    margin = number("actual_value - line")
    outcome = code(OUTCOMES, "as a sportsbook settles: equal is PUSH, no part is VOID")
    is_correct = dy.Bool(nullable=True, description="true WIN, false LOSS, else null")
    void_reason = dy.String(nullable=True, description="why VOID")
    regrade_reason = dy.String(nullable=True, description="why there is a later version")

    @dy.rule()
    def only_wins_and_losses_are_correct_or_not(cls) -> pl.Expr:
        """`is_correct` is null for PUSH, VOID and NO_BET."""
        return pl.col("is_correct").is_not_null() == pl.col("outcome").is_in(["WIN", "LOSS"])

    @dy.rule()
    def nobody_who_did_not_play_has_points(cls) -> pl.Expr:
        """The actual value is null, not zero, for a player who did not play."""
        return pl.col("did_play").fill_null(False) == pl.col("actual_value").is_not_null()


TABLE = Table(
    "grades", grain="prediction and grade version", schema=GradeRows, write="add",
    key=("game_id", "player_id", "system_id", "market", "run_kind", "grade_version"), cluster=("system_id", "player_id"),
    is_ledger=True,
)  # fmt: skip

SOURCE = "predictions, player_game_summary, schedule"
GRADED = ("game_id", "player_id", "system_id", "market", "run_kind")
"""Grade versions are numbered within these columns."""

OF_A_DATE = ("game_date", *GRADED)
COMPARED = ("actual_value", "did_play", "outcome", "prediction_id")
"""A difference in one of these columns makes a new grade version."""

INJURY_WORDS = "INJURY|ILLNESS"


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
    return _new_versions(_outcomes(settled, player_game_summary), grades_ledger, predictions)


def without_lost_rows(
    predictions: pl.DataFrame, boxscores: pl.DataFrame, player_game_summary: pl.DataFrame
) -> pl.DataFrame:  # fmt: skip
    """Returns the predictions without players who played but lack a summary row. Their row is in quarantine.

    Only a player without a row in both tables counts as not having played.
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

    `is_off`: the game is not played, or the schedule has it on another date. `is_postponed`: the game counts as postponed; a
    moved game does.
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


def _outcomes(settled: pl.DataFrame, player_game_summary: pl.DataFrame) -> pl.DataFrame:
    """Adds the outcome of each prediction. A player without a row in a complete game's summary did not play."""
    facts = player_game_summary.select("game_id", "player_id", "did_play", "minutes", "reason", *STATISTICS.values())
    truth = pl.concat(
        facts.with_columns(pl.lit(market).alias("market"), pl.col(statistic).alias("actual_value"))
        for market, statistic in STATISTICS.items()
    ).drop(STATISTICS.values())
    is_off, played = pl.col("is_off"), pl.col("did_play").fill_null(False)
    is_bet, recommended = pl.col("recommendation").is_in(["OVER", "UNDER"]), pl.col("recommendation")
    is_injured, margin = pl.col("reason").str.to_uppercase().str.contains(INJURY_WORDS), pl.col("margin")
    return (
        settled.join(truth, on=["game_id", "player_id", "market"], how="left")
        .with_columns(pl.when(~is_off).then(played).alias("did_play"))
        .with_columns(pl.when(played).then(pl.col(name)).alias(name) for name in ("actual_value", "minutes"))
        .with_columns(
            (pl.col("predicted_value") - pl.col("actual_value")).alias("error"),
            (pl.col("actual_value") - pl.col("line")).alias("margin"),
        )
        .with_columns(
            pl.col("error").abs().alias("absolute_error"),
            pl.when(~is_bet).then(pl.lit("NO_BET"))
            .when(~played).then(pl.lit("VOID"))
            .when(margin == 0).then(pl.lit("PUSH"))
            .when((margin > 0) == (recommended == "OVER")).then(pl.lit("WIN"))
            .otherwise(pl.lit("LOSS")).alias("outcome"),
            pl.when(is_bet & is_off & pl.col("is_postponed")).then(pl.lit("game_postponed"))
            .when(is_bet & is_off).then(pl.lit("game_not_played"))
            .when(is_bet & ~played & is_injured).then(pl.lit("dnp_injury_confirmed"))
            .when(is_bet & ~played).then(pl.lit("dnp_unknown")).alias("void_reason"),
        )
        .with_columns(
            pl.when(pl.col("outcome").is_in(["WIN", "LOSS"])).then(pl.col("outcome") == "WIN").alias("is_correct")
        )
    )  # fmt: skip


def _new_versions(graded: pl.DataFrame, ledger: pl.DataFrame, predictions: pl.DataFrame) -> pl.DataFrame:
    """Returns the grades that are new or differ from the latest of their date, with version and reason."""
    latest = ledger.sort("grade_version").group_by(OF_A_DATE).last().select(*OF_A_DATE, *COMPARED)
    versions = ledger.group_by(GRADED).agg(pl.col("grade_version").max())
    numbers = predictions.select(pl.col("prediction_id", "version").name.suffix("_before"))
    rows = (
        graded.join(latest.with_columns(pl.lit(True).alias("is_graded")), on=OF_A_DATE, how="left", suffix="_before")
        .join(versions, on=GRADED, how="left")
        .join(numbers.unique("prediction_id_before"), on="prediction_id_before", how="left")
    )
    told = [
        _change(pl.col("market").str.strip_prefix("player_"), "actual_value"),
        _change(pl.lit("played"), "did_play"),
        _change(pl.lit("outcome"), "outcome"),
    ]
    is_other_prediction = pl.col("prediction_id_before").ne_missing(pl.col("prediction_id"))
    versions_told = _from_to(pl.lit("prediction version"), pl.col("version_before"), pl.col("version"))
    told.append(pl.when(is_other_prediction).then(versions_told))
    why = pl.concat_str(told, separator=", ", ignore_nulls=True)
    is_new, is_changed = pl.col("is_graded").is_null(), pl.any_horizontal(part.is_not_null() for part in told)
    columns = [pl.col(name).cast(kind) for name, kind in TABLE.dtypes.items() if name not in ("as_of", "code_version")]
    return (
        rows.filter(is_new | is_changed)
        .with_columns(
            (pl.col("grade_version").fill_null(0) + 1).alias("grade_version"),
            pl.when(~is_new).then(why).alias("regrade_reason"),
            pl.lit(SOURCE).alias("source"),
        )
        .select(columns)
        .sort(TABLE.key)
    )


def _change(word: pl.Expr, name: str) -> pl.Expr:
    """Returns a change as "points 20 -> 22", or null if the latest grade has the same value."""
    before, now = pl.col(f"{name}_before"), pl.col(name)
    return pl.when(before.ne_missing(now)).then(_from_to(word, before, now))


def _from_to(word: pl.Expr, before: pl.Expr, now: pl.Expr) -> pl.Expr:
    return pl.format("{} {} -> {}", word, *(value.cast(pl.String).fill_null("none") for value in (before, now)))


LEAK_DAYS = 30
LEAST_BETS = 100
SUSPECT_HIT_RATE = 0.58
CODE_VERSION = "1"


@daily_asset(
    TABLE, module=__name__, description=__doc__, kinds={"polars"}, code_version=CODE_VERSION, ins={"predictions": optional_input()},
)  # fmt: skip
def grades(
    context: dg.AssetExecutionContext, predictions: pl.DataFrame, player_game_summary: pl.DataFrame, schedule: pl.DataFrame,
    boxscores: pl.DataFrame, warehouse: dg.ResourceParam[Warehouse], clock: Clock,
) -> pl.DataFrame:  # fmt: skip
    """The grades that the ledger lacks, of complete and of postponed games."""
    dates = dates_of(context)
    waivers = warehouse.scan(gates.WAIVERS, dates).collect()
    complete, left_out = gates.eligible_games(schedule, boxscores, waivers, dates, clock.as_of)
    # a complete game without a summary waits: its players would look like absent ones
    summarised = set(player_game_summary["game_id"])
    for game_id, day in (
        schedule.filter(pl.col("game_id").is_in(set(complete) - summarised)).select("game_id", "game_date").iter_rows()
    ):
        left_out.setdefault(str(day), []).append(f"{game_id} (not summarised)")
    note_left_out(context, left_out)
    # the current dates of predicted games: a moved game is void here and continues its version numbers there
    predicted = predictions["game_id"].unique()
    moved = warehouse.scan(TABLES["schedule"]).filter(
        pl.col("game_id").is_in(predicted.implode()), ~pl.col("game_date").is_in(dates)
    )
    schedule = pl.concat([schedule, moved.collect()])
    ledger = warehouse.scan(TABLE).filter(pl.col("game_id").is_in(schedule["game_id"].implode())).collect()
    go_on = [game_id for game_id in complete if game_id in summarised]
    gradable = without_lost_rows(predictions, boxscores, player_game_summary)
    return grade_predictions(gradable, player_game_summary, schedule, go_on, ledger)


@dated_check(TABLE, blocking=True)
def enough_gradable_predictions_are_graded(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """At least 80 % of the predictions of complete games have a grade."""
    return _graded(warehouse, dates, clock, SETTINGS.coverage.enough, only_complete=True)


@dated_check(TABLE)
def every_prediction_is_graded(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """Every prediction of a final game has a grade. Games without grades are named."""
    return _graded(warehouse, dates, clock, 1.0, only_complete=False)


@dated_check(TABLE)
def hit_rate_is_no_leak(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """The 95 % interval of no system's 30-day hit rate lies above 58 %, with 100 bets or more. Otherwise, look for a leak."""
    window = days(min(dates) - timedelta(days=LEAK_DAYS - 1), max(dates))
    latest = (
        warehouse.scan(TABLE, window).sort("grade_version")
        .group_by(OF_A_DATE).last()
    )  # fmt: skip
    found = latest.group_by("game_date", "system_id", "market", "run_kind").agg(
        (pl.col("outcome") == "WIN").sum().alias("wins"), pl.col("outcome").is_in(["WIN", "LOSS"]).sum().alias("bets"),
        pl.col("absolute_error").mean().alias("mae"),
        pl.col("absolute_error").filter(pl.col("margin").is_not_null()).mean().alias("mae_lined"),
        pl.col("margin").abs().mean().alias("line_mae"),
    ).sort("system_id", "market", "run_kind").collect()  # fmt: skip
    verdicts = []
    for day in dates:
        recent = found.filter(pl.col("game_date").is_between(day - timedelta(days=LEAK_DAYS - 1), day))
        records = recent.group_by("system_id", "market", "run_kind", maintain_order=True).agg(pl.col("wins", "bets").sum())
        suspects = [
            f"{system} {market} {kind}: {wins} of {bets}"
            for system, market, kind, wins, bets in records.iter_rows()
            if bets >= LEAST_BETS and (wilson_interval(wins, bets) or (0.0, 0.0))[0] > SUSPECT_HIT_RATE
        ]
        today = found.filter(pl.col("game_date") == day).select(pl.col("mae", "mae_lined", "line_mae").mean())
        means = {name: today[name][0] for name in today.columns if today.height and today[name][0] is not None}
        numbers = {"bets_of_30_days": int(records["bets"].sum()), "wins_of_30_days": int(records["wins"].sum())}
        verdicts.append(Verdict(day, not suspects, numbers | means, suspects))
    return verdicts


checks = checks_of(TABLE)


def _graded(warehouse: Warehouse, dates: Sequence[date], clock: Clock, floor: float, only_complete: bool) -> list[Verdict]:
    schedule = warehouse.scan(TABLES["schedule"], dates).collect()
    judged = gates.judge_games(schedule, warehouse.scan(TABLES["boxscores"], dates).collect()).filter("is_covered")
    games = judged.filter("is_complete") if only_complete else judged
    keys = list(OF_A_DATE)
    made = warehouse.scan(TABLES["predictions"], dates).select(keys).unique().collect()
    moved = made.join(schedule, on=["game_date", "game_id"], how="anti")
    gradable = pl.concat([made.join(games, on="game_id", how="semi"), moved])
    there = warehouse.scan(TABLE, dates).select(keys).unique().collect()
    named = judged.select("game_id", "matchup")
    absent = (
        gradable.join(there, on=keys, how="anti")
        .join(named, on="game_id", how="left")
        .with_columns(pl.col("matchup").fill_null(pl.col("game_id")))
    )
    return [
        share_verdict(day, mine.height - gone.height, mine.height, floor, gone["matchup"].unique().sort().to_list())
        for day in dates
        for mine, gone in [(gradable.filter(pl.col("game_date") == day), absent.filter(pl.col("game_date") == day))]
    ]

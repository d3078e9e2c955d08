"""predictions: what each system forecast for each expected player before tip-off, against the market line.

Grain: one row per player, game, system, market, run kind and version
Source: features, points_model and schedule of the date
Caveats: a ledger, rows are only ever added; `backtest` rows are made after the start of the game, from data and a model
  from before it; queries select the latest version, no column marks it; NO_LINE and PASS are not bets.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset, dates_of, days_before, optional_input, record_excluded
from nba_pipeline.asset_factory.checks import Verdict, checks_of, dated_check, share_verdict, share_verdicts
from nba_pipeline.assets.features.features import FEATURES
from nba_pipeline.completeness import slate_gates
from nba_pipeline.completeness.eligibility import judge_players
from nba_pipeline.completeness.expectations import games_without_predictions, players_without_predictions
from nba_pipeline.errors import Closed
from nba_pipeline.formulas.adjusted_line import adjusted_lines
from nba_pipeline.formulas.market_line import market_lines
from nba_pipeline.formulas.prediction_versions import PREDICTED, features_hash, new_versions
from nba_pipeline.formulas.recommendation import with_recommendation
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import SEASON_DAYS
from nba_pipeline.settings import SETTINGS
from nba_pipeline.systems import MOVING_AVERAGE, SYSTEMS, TRAINED_SYSTEMS
from nba_pipeline.systems.forecasts import Models, absent_models, forecasts, joined_reasons, reasons_without_forecast
from nba_pipeline.systems.interface import PLAYER_GAME
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Row, Table, code
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.io_manager import SLATE_CLOSED
from nba_pipeline.warehouse.model_store import ModelStore
from nba_pipeline.warehouse.weekly_models import load_models

RECOMMENDATIONS = ("OVER", "UNDER", "PASS", "NO_LINE")


class PredictionRows(Row):
    """Columns and rules of `predictions`."""

    game_id = dy.String(description="the NBA's ten digits")
    player_id = dy.Int64(min=1, description="the NBA's person id")
    system_id = dy.String(description="module in nba_pipeline.systems")
    market = dy.String(description="the Odds API's key, as player_points")
    run_kind = code(("live", "backtest"), "live: made before the game started")
    version = dy.Int64(min=1, description="increases with each new prediction of the same key")
    prediction_id = dy.String(description="hash of key and inputs")
    player_name = dy.String(description="spelling of the latest box score")
    team = dy.String(description="tricode")
    opponent = dy.String(description="tricode")
    predicted_value = dy.Float64(min=0, max=60, description="in the unit of the market; points for player_points")
    line = dy.Float64(
        nullable=True, min=5, max=60, description="in the unit of the market; null without a line known before tip-off"
    )
    line_half_points = dy.Int64(nullable=True, description="2 x line")
    book = dy.String(nullable=True, description="sportsbook of the line, or `median` of several sportsbooks")
    line_snapshot_at = dy.Datetime(nullable=True, time_zone="UTC", description="instant of the line; strictly before tip-off")
    line_source = dy.String(nullable=True, description="landed payload of the line")
    adjusted_line = dy.Float64(
        nullable=True, min=0, max=70, description="points at which the over has 50 %, from lines and prices before tip-off"
    )
    edge = dy.Float64(nullable=True, description="predicted_value - line")
    recommendation = code(RECOMMENDATIONS, "NO_LINE without a line, PASS below the least edge")
    is_actionable = dy.Bool(description="no entry of `reasons` forbids a bet")
    reasons = dy.List(
        dy.String(), description="why the prediction is not actionable, and adjustments omitted because their input is null"
    )
    quality_score = dy.Float64(min=0, max=100, description="over the features that the system reads")
    features_hash = dy.String(description="hash of the row of `features` used")
    feature_version = dy.String(description="code version of the row of `features` used")
    plays_probability = dy.Float64(
        nullable=True, min=0, max=1, description="probability to play; the forecast is conditional on playing"
    )
    injury_status = dy.String(nullable=True, description="status in `features`; null: not listed or no report")
    teammates_listed = dy.String(
        nullable=True, description="rotation teammates with a status, as `player_id status`; empty: none; null: no report"
    )
    model_id = dy.String(nullable=True, description="null for systems without a model")
    system_version = dy.String(description="version of the system's code")
    made_at = dy.Datetime(time_zone="UTC", description="instant of the prediction")
    tipoff_at = dy.Datetime(nullable=True, time_zone="UTC", description="scheduled tip-off")
    is_before_tipoff = dy.Bool(nullable=True, description="made_at < tipoff_at; null where the tip-off is unknown")

    @dy.rule()
    def lines_are_from_before_tipoff(cls) -> pl.Expr:
        """The line was shown before tip-off."""
        return pl.col("line").is_null() | (pl.col("line_snapshot_at") < pl.col("tipoff_at"))

    @dy.rule()
    def live_rows_are_made_before_tipoff(cls) -> pl.Expr:
        """A live prediction was made before tip-off."""
        return (pl.col("run_kind") != "live") | pl.col("is_before_tipoff").fill_null(True)

    @dy.rule()
    def live_rows_use_lines_already_shown(cls) -> pl.Expr:
        """A live prediction uses no line that was shown after it was made."""
        return (pl.col("run_kind") != "live") | pl.col("line").is_null() | (pl.col("line_snapshot_at") <= pl.col("made_at"))

    @dy.rule()
    def recommendation_has_the_sign_of_the_edge(cls) -> pl.Expr:
        """OVER has a positive edge, UNDER a negative one, NO_LINE none. Violations are errors and are never repaired."""
        return (
            pl.when(pl.col("recommendation") == "OVER")
            .then(pl.col("edge") > 0)
            .when(pl.col("recommendation") == "UNDER")
            .then(pl.col("edge") < 0)
            .when(pl.col("recommendation") == "NO_LINE")
            .then(pl.col("edge").is_null())
            .otherwise(pl.col("edge").is_not_null())
        )


TABLE = Table(
    "predictions",
    grain="player, game, system, market, run kind and version",
    schema=PredictionRows,
    write="add",
    key=("game_id", "player_id", "system_id", "market", "run_kind", "version"),
    cluster=("system_id", "player_id"),
    is_ledger=True,
)

SOURCE = "features, points_model, prop_lines"
THRESHOLDS = {"pass_below_edge", "actionable_edge", "quality_floor", "bootstrap_days"}
"""Settings of `with_recommendation`."""


def predict_slate(
    upcoming_players: pl.DataFrame,
    features: pl.DataFrame,
    schedule: pl.DataFrame,
    lines: pl.DataFrame,
    models: Models,
    ledger: pl.DataFrame,
    now: datetime,
    season_starts: Mapping[str, date],
) -> pl.DataFrame:
    """Returns the predictions that the ledger lacks: one row per eligible player, game and system that is new or changed.

    Games that start after `now` get live predictions. Other games get backtests, unless they have a live prediction.

    Args:
        upcoming_players: One row per expected player and game.
        features: One row per player and game.
        schedule: The games of the dates.
        lines: One row per player and game: the market line, and the price-adjusted line.
        models: The trained models, by week and system.
        ledger: The existing predictions of these games.
        now: Instant of the run.
        season_starts: Season -> date of its first game. A season without an entry counts as just begun.
    """
    slate = judge_players(upcoming_players, features, schedule, lines, now).filter(pl.col("reason").is_null())
    rows = features.join(slate, on=["game_date", *PLAYER_GAME], how="semi")
    rows_of_systems = (
        pl.concat(forecasts(SYSTEMS, rows, models, slate, closed_dates(features)).values())
        .join(slate, on=PLAYER_GAME)
        .join(features_hash(rows, FEATURES), on=PLAYER_GAME)
        .with_columns(
            pl.lit(now).cast(pl.Datetime("us", "UTC")).alias("made_at"),
            pl.lit(SOURCE).alias("source"),
            pl.lit(SETTINGS.lines.market).alias("market"),
        )
        .with_columns((pl.col("made_at") < pl.col("tipoff_at")).alias("is_before_tipoff"))
    )
    columns = [pl.col(name).cast(kind) for name, kind in TABLE.dtypes.items() if name not in ("as_of", "code_version")]
    recommended = with_recommendation(rows_of_systems, season_starts, **SETTINGS.predicting.model_dump(include=THRESHOLDS))
    return new_versions(recommended, ledger, material_move=SETTINGS.lines.material_move).select(columns).sort(TABLE.key)


def unpredicted(
    upcoming_players: pl.DataFrame,
    features: pl.DataFrame,
    schedule: pl.DataFrame,
    lines: pl.DataFrame,
    models: Models,
    now: datetime,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Returns the expected players and games that no system predicts: game_date, ids, player_name, team, reason.

    The second frame has one row per eligible player, game and system that does not predict: ids, system_id, reason.
    """
    slate = judge_players(upcoming_players, features, schedule, lines, now)
    rows = features.join(slate.filter(pl.col("reason").is_null()), on=["game_date", *PLAYER_GAME], how="semi")
    made = forecasts(SYSTEMS, rows, models, slate, closed_dates(features))
    reasons = reasons_without_forecast(SYSTEMS, rows, models, made)
    players = (
        slate.join(pl.concat(made.values()), on=PLAYER_GAME, how="anti")
        .join(joined_reasons(SYSTEMS, reasons), on=PLAYER_GAME, how="left")
        .select("game_date", *PLAYER_GAME, "player_name", "team", pl.coalesce("reason", "by_system").alias("reason"))
        .sort("game_date", *PLAYER_GAME)
    )
    return players, reasons


def readiness(features: pl.DataFrame, dates: Sequence[date]) -> pl.DataFrame:
    """Returns one row per system and date, see `slate_gates.judge_readiness`."""
    judged = [
        slate_gates.judge_readiness(features, system.required, dates, system.least_season_games).with_columns(
            pl.lit(system.system_id).alias("system_id")
        )
        for system in SYSTEMS
    ]
    return pl.concat(judged)


def closed_dates(features: pl.DataFrame) -> dict[str, list[date]]:
    """Returns per system the dates on which it is not ready."""
    judged = readiness(features, features["game_date"].unique().sort().to_list())
    return dict(judged.filter(~pl.col("is_open")).group_by("system_id").agg("game_date").iter_rows())


def closed_slates(features: pl.DataFrame, dates: Sequence[date]) -> pl.DataFrame:
    """Returns the dates on which no system is ready, with the numbers of the system with the largest share."""
    best = readiness(features, dates).sort("game_date", "share", maintain_order=True)
    return best.unique("game_date", keep="last", maintain_order=True).filter(~pl.col("is_open"))


def lines_with_prices(prop_lines: pl.DataFrame) -> pl.DataFrame:
    """Returns one row per player and game: the market line, and the price-adjusted line if prices from before tip-off exist."""
    lines = market_lines(prop_lines, **SETTINGS.lines.cascade)
    adjusted = adjusted_lines(prop_lines, **SETTINGS.lines.adjusting, feed_minutes=SETTINGS.forecasts.feed_minutes)
    return lines.join(adjusted, on=PLAYER_GAME, how="left", maintain_order="left")


def _counted(rows: pl.DataFrame) -> dict[str, int]:
    """Returns the number of rows per reason, the most frequent first. Numbers within reasons are left out."""
    kinds = pl.col("reason").str.replace_all(r"\d+(\.\d+)?", "n")
    return dict(rows.group_by(kinds).len().sort("len", "reason", descending=True).iter_rows())


@daily_asset(
    TABLE,
    module=__name__,
    description=__doc__,
    kinds={"polars", "catboost"},
    modes=["same_day", "tomorrow"],
    follows=["features"],
    needs=["upcoming_players", "features"],
    within_days=2,  # a correction updates the features of a past slate, not its predictions; only a backfill makes backtests
    covers="player",
    ins={"prop_lines": optional_input(), "points_model": optional_input(), "schedule": days_before(SEASON_DAYS, through=0)},
)
def predictions(
    context: dg.AssetExecutionContext,
    upcoming_players: pl.DataFrame,
    features: pl.DataFrame,
    schedule: pl.DataFrame,
    prop_lines: pl.DataFrame,
    points_model: pl.DataFrame,
    model_store: ModelStore,
    warehouse: dg.ResourceParam[Warehouse],
    clock: Clock,
) -> pl.DataFrame:
    """New and changed predictions for the ledger: live before tip-off, backtest after."""
    dates, now = dates_of(context), clock.now()
    closed = closed_slates(features, dates)
    if closed.height == len(dates):
        first = closed.row(0, named=True)
        raise Closed(
            f"the predictions of {first['game_date']} are closed: {first['ready']} of {first['expected']} players are ready, "
            f"fewer than {SETTINGS.coverage.ready_block:.0%}"
        )
    features = features.filter(~pl.col("game_date").is_in(closed["game_date"].implode()))
    record_excluded(context, {str(day): [SLATE_CLOSED] for day in closed["game_date"]})
    shown = prop_lines.filter(pl.col("snapshot_at") <= now)
    lines = lines_with_prices(shown)
    models = load_models(points_model, model_store, TRAINED_SYSTEMS, context.log.warning)
    starts = dict(schedule.group_by("season").agg(pl.col("game_date").min()).iter_rows())
    slate = schedule.filter(pl.col("game_date").is_in(dates))
    # by game, not by date: a game that moved continues its version numbers
    ledger = warehouse.scan(TABLE).filter(pl.col("game_id").is_in(slate["game_id"].implode())).collect()
    without, reasons = unpredicted(upcoming_players, features, slate, lines, models, now)
    by_system = {system.system_id: _counted(reasons.filter(system_id=system.system_id)) for system in SYSTEMS}
    context.add_output_metadata(
        {
            "not_predicted": without.height,
            "reasons_not_predicted": dg.MetadataValue.json(_counted(without)),
            "reasons_not_predicted_by_system": dg.MetadataValue.json(by_system),
        }
    )
    for message in absent_models(SYSTEMS, features, models):
        context.log.warning(message)
    return predict_slate(upcoming_players, features, slate, lines, models, ledger, now, starts)


@dated_check(TABLE, blocking=True)
def enough_eligible_players_are_predicted(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """At least 80 % of the ready and eligible players are predicted. A slate with ready players and no prediction fails."""
    return _predicted(warehouse, dates, SETTINGS.coverage.enough)


@dated_check(TABLE)
def every_eligible_player_is_predicted(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """Every ready and eligible player is predicted. Missing players are named."""
    return _predicted(warehouse, dates, 1.0)


@dated_check(TABLE)
def every_game_is_predicted(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """Every scheduled game has predictions once one of its teams has five summarized games. Missing games are named."""
    expected, without = games_without_predictions(warehouse, dates)
    return share_verdicts(dates, expected, without, 1.0, "matchup")


@dated_check(TABLE)
def every_lined_player_is_predicted(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """At least 97 % of the players with a line from before tip-off have a forecast. Missing players are named."""
    key, is_market = ["game_id", "player_id"], pl.col("market") == SETTINGS.lines.market
    lined = (
        warehouse.scan(TABLES["prop_lines"], dates)
        .filter(is_market, pl.col("is_before_tipoff"))
        .group_by("game_date", *key)
        .agg(pl.col("spelling").first())
        .collect()
    )
    there = warehouse.scan(TABLE, dates).filter(is_market).select(key).unique().collect()
    absent = lined.join(there, on=key, how="anti")
    least = SETTINGS.forecasts.lined_coverage
    return [
        share_verdict(day, mine.height - gone.height, mine.height, least, gone["spelling"].sort().to_list(), "lined_share")
        for day in dates
        for mine, gone in [(lined.filter(pl.col("game_date") == day), absent.filter(pl.col("game_date") == day))]
    ]


@dated_check(TABLE)
def every_system_predicts(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """Each system has predictions for the slate. Missing systems are named."""
    players = warehouse.scan(TABLE, dates).group_by("game_date", "system_id").agg(pl.col("player_id").n_unique()).collect()
    expected = set(games_without_predictions(warehouse, dates)[0]["game_date"])
    verdicts = []
    for day in dates:
        counts = {system: n for d, system, n in players.iter_rows() if d == day}
        absent = [s.system_id for s in SYSTEMS if s.system_id not in counts] if counts or day in expected else []
        verdicts.append(Verdict(day, not absent, {f"players_{s.system_id}": counts.get(s.system_id, 0) for s in SYSTEMS}, absent))
    return verdicts


@dated_check(TABLE, blocking=True)
def every_line_is_from_before_tipoff(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """Every line used by a prediction has a snapshot strictly before tip-off."""
    rows = (
        warehouse.scan(TABLE, dates)
        .filter(pl.col("line").is_not_null())
        .select(
            "game_date",
            "player_name",
            "book",
            (pl.col("line_snapshot_at") < pl.col("tipoff_at")).fill_null(False).alias("is_before"),
        )
        .collect()
    )
    verdicts = []
    for day in dates:
        lined = rows.filter(pl.col("game_date") == day)
        late = lined.filter(~pl.col("is_before"))
        names = [f"{name} ({book})" for name, book in late.select("player_name", "book").iter_rows()]
        verdicts.append(Verdict(day, late.is_empty(), {"lines_used": lined.height, "late_lines": late.height}, names))
    return verdicts


@dated_check(TABLE)
def few_players_lack_a_line(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """At most 40 % of the slate's predictions are NO_LINE. A rising share indicates a problem."""
    latest = warehouse.scan(TABLE, dates).sort("version").group_by("game_date", *PREDICTED).last()
    per_date = (
        latest.group_by("game_date")
        .agg(
            (pl.col("recommendation") == "NO_LINE").mean().alias("no_line"),
            pl.len().alias("rows"),
            pl.col("is_actionable").sum().alias("actionable"),
        )
        .collect()
    )
    by_date = {row["game_date"]: row for row in per_date.iter_rows(named=True)}
    verdicts = []
    for day in dates:
        row = by_date.get(day, {"no_line": 0.0, "rows": 0, "actionable": 0})
        numbers = {"no_line_fraction": row["no_line"], "predictions": row["rows"], "actionable": row["actionable"]}
        verdicts.append(Verdict(day, row["no_line"] <= SETTINGS.coverage.no_line_warn, numbers))
    return verdicts


def _predicted(warehouse: Warehouse, dates: Sequence[date], floor: float) -> list[Verdict]:
    expected, without = players_without_predictions(warehouse, dates, MOVING_AVERAGE.required)
    return share_verdicts(dates, expected, without, floor, "player_name")


checks = checks_of(TABLE)

"""predictions: what each system forecast for each expected player before tip-off, against the market line.

Grain: one row per player, game, system, market, run kind and version
Source: features, points_model, schedule and prop_lines of the date; the ledger and player_game_summary of earlier dates
Caveats: a ledger, rows are only ever added; `backtest` rows are made after the start of the game, from data and a model
  from before it; queries select the latest version, no column marks it; NO_LINE and PASS are not bets; `over_probability` is
  null while the blended probability scores worse than the market; rows of earlier code versions have no distribution.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset, dates_of, days_before, optional_input, record_excluded
from nba_pipeline.asset_factory.checks import checks_of, coverage_check, dated_check
from nba_pipeline.asset_factory.verdicts import MISSING, PASSED, count_off, for_each_date, share_present, with_presence
from nba_pipeline.assets.features.features import FEATURES
from nba_pipeline.completeness import history, slate_gates
from nba_pipeline.completeness.eligibility import judge_players
from nba_pipeline.completeness.expectations import (
    dates_without_lines,
    games_without_predictions,
    players_without_predictions,
)
from nba_pipeline.errors import Closed
from nba_pipeline.formulas.adjusted_line import adjusted_lines, feed_lines
from nba_pipeline.formulas.forecast_distribution import (
    FORECAST,
    PROBABILITY_REASONS,
    RESIDUAL_DAYS,
    Rules,
    graded_rows,
    with_distribution,
)
from nba_pipeline.formulas.latest_offers import latest_offers
from nba_pipeline.formulas.market_line import market_lines
from nba_pipeline.formulas.markets import MARKETS, STATISTICS, Market
from nba_pipeline.formulas.odds import LARGEST_PRICE
from nba_pipeline.formulas.prediction_versions import PREDICTED, features_hash, new_versions
from nba_pipeline.formulas.prices import line_prices, with_expected_values, with_prices
from nba_pipeline.formulas.recommendation import with_governance, with_recommendation
from nba_pipeline.formulas.similar_games import SIMILAR_DAYS
from nba_pipeline.governance.states import Governed, read_state
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import SEASON_DAYS, days, week_of
from nba_pipeline.settings import SETTINGS
from nba_pipeline.systems import (
    MARKET_BLEND,
    MARKET_SYSTEMS,
    MOVING_AVERAGE,
    PROMOTABLE,
    SIMILARITY,
    SYSTEMS,
    TRAINED_SYSTEMS,
    Combination,
)
from nba_pipeline.systems.drift import drift_of_dates, first_date, judge_drift
from nba_pipeline.systems.forecasts import Models, absent_models, forecasts, joined_reasons, reasons_without_forecast
from nba_pipeline.systems.interface import PLAYER_GAME, System
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Row, Table, code
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.io_manager import SLATE_CLOSED
from nba_pipeline.warehouse.model_store import ModelStore
from nba_pipeline.warehouse.weekly_models import load_models

RECOMMENDATIONS = ("OVER", "UNDER", "PASS", "NO_LINE")
SUM_TOLERANCE = 1e-9


def probability(description: str) -> dy.Float64:
    """Returns a nullable column with a fraction."""
    return dy.Float64(nullable=True, min=0, max=1, description=description)


def american(description: str) -> dy.Int64:
    """Returns a nullable column with an American price."""
    return dy.Int64(nullable=True, min=-LARGEST_PRICE, max=LARGEST_PRICE, description=f"American {description}")


def _sums_to_1(kind: str) -> pl.Expr:
    columns = [pl.col(f"{kind}_{side}_probability") for side in ("over", "push", "under")]
    nulls = pl.sum_horizontal(column.is_null() for column in columns)
    return (nulls == len(columns)) | ((nulls == 0) & ((pl.sum_horizontal(columns) - 1).abs() < SUM_TOLERANCE))


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
        nullable=True,
        min=SETTINGS.lines.lower_bound(SETTINGS.lines.markets),
        max=60,
        description="in the unit of the market; null without a line known before tip-off",
    )
    line_half_points = dy.Int64(nullable=True, description="2 x line")
    book = dy.String(nullable=True, description="sportsbook of the line, or `median` of several sportsbooks")
    line_snapshot_at = dy.Datetime(nullable=True, time_zone="UTC", description="instant of the line; strictly before tip-off")
    line_source = dy.String(nullable=True, description="landed payload of the line")
    adjusted_line = dy.Float64(
        nullable=True, min=0, max=70, description="points at which the over has 50 %, from lines and prices before tip-off"
    )
    edge = dy.Float64(nullable=True, description="predicted_value - line")
    standard_deviation = dy.Float64(
        nullable=True, min=0, max=60, description="in the unit of the market; from residuals of earlier dates"
    )
    model_over_probability = probability("P(more than the line), around the system's own forecast; never published")
    model_push_probability = probability("P(exactly the line), see model_over_probability; 0 unless the line is a whole number")
    model_under_probability = probability("P(less than the line), see model_over_probability")
    blended_over_probability = probability("P(more than the line), around a mean of forecast and adjusted_line")
    blended_push_probability = probability("P(exactly the line), see blended_over_probability")
    blended_under_probability = probability("P(less than the line), see blended_over_probability")
    over_probability = probability("published probability: blended_over_probability, or null, see probability_reason")
    probability_reason = code(PROBABILITY_REASONS, "why over_probability is null", nullable=True)
    market_over_probability = probability("no-vig probability of the over at the line given no push, mean over distinct feeds")
    price = american("price of the recommended side by the book of the line; null for a median, PASS and NO_LINE")
    best_price = american("best price of the recommended side at the line, over distinct feeds within minutes of one another")
    best_price_book = dy.String(nullable=True, description="sportsbook of best_price")
    best_price_source = dy.String(nullable=True, description="landed payload of best_price")
    price_edge = dy.Float64(
        nullable=True,
        min=-1,
        max=1,
        description="probability of the recommended side according to the other feeds, minus that implied by best_price",
    )
    expected_value = dy.Float64(
        nullable=True, description="expected profit at price, per unit staked; null without over_probability"
    )
    best_expected_value = dy.Float64(nullable=True, description="expected profit at best_price, see expected_value")
    prices_snapshot_at = dy.Datetime(
        nullable=True, time_zone="UTC", description="instant of the newest price at the line; strictly before tip-off"
    )
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
    def prices_are_from_before_tipoff(cls) -> pl.Expr:
        """The prices were shown before tip-off, and before a live prediction was made."""
        shown = pl.col("prices_snapshot_at")
        is_known_then = (shown < pl.col("tipoff_at")) & ((pl.col("run_kind") != "live") | (shown <= pl.col("made_at")))
        return shown.is_null() | is_known_then.fill_null(False)

    @dy.rule()
    def probabilities_sum_to_1(cls) -> pl.Expr:
        """Over, push and under of a distribution sum to 1, and all three are known or none is."""
        return pl.all_horizontal(_sums_to_1(kind) for kind in ("model", "blended"))

    @dy.rule()
    def published_probability_contains_the_market(cls) -> pl.Expr:
        """The published probability is the blended one. Without it there is a reason and no expected value."""
        over, reason = pl.col("over_probability"), pl.col("probability_reason")
        is_reasoned = over.is_null() | (reason.is_null() & (over == pl.col("blended_over_probability")).fill_null(False))
        return is_reasoned & (over.is_not_null() | pl.all_horizontal(pl.col("expected_value", "best_expected_value").is_null()))

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

COLUMNS = [pl.col(name).cast(kind) for name, kind in TABLE.dtypes.items() if name not in ("as_of", "code_version")]
SOURCE = "features, points_model, prop_lines"
THRESHOLDS = {"pass_below_edge", "actionable_edge", "least_probability", "quality_floor", "bootstrap_days"}
"""Settings of `with_recommendation`."""

UNGOVERNED = Governed("")
"""The state of a run of past dates: its predictions are backtests."""

OUTCOME_COLUMNS = ("game_date", *PLAYER_GAME, "did_play", *STATISTICS.values())


def predict_slate(
    upcoming_players: pl.DataFrame,
    features: pl.DataFrame,
    schedule: pl.DataFrame,
    lines: pl.DataFrame,
    models: Models,
    ledger: pl.DataFrame,
    graded: pl.DataFrame,
    outcomes: pl.DataFrame,
    now: datetime,
    season_starts: Mapping[str, date],
    state: Governed = UNGOVERNED,
) -> pl.DataFrame:
    """Returns the predictions that the ledger lacks: one row per eligible player, game and system that is new or changed.

    Games that start after `now` get live predictions. Other games get backtests, unless they have a live prediction.

    Args:
        upcoming_players: One row per expected player and game.
        features: One row per player and game.
        schedule: The games of the dates.
        lines: Rows of `lines_with_prices`.
        models: The trained models, by week and system.
        ledger: The existing predictions of these games.
        graded: Rows of `graded_rows`: the ledger's predictions of earlier dates with their outcomes.
        outcomes: Rows of `outcomes_of`. Those of a date count for later dates only.
        now: Instant of the run.
        season_starts: Season -> date of its first game.
        state: Halt and decay states, which forbid bets on live predictions.
    """
    due = list[pl.DataFrame]()
    for market in SETTINGS.lines.markets:
        made = _forecasts_of(market, upcoming_players, features, schedule, lines.filter(market=market), models, now)
        distributed = with_distribution(made, graded, outcomes, distribution_rules())
        recommended = with_recommendation(distributed, season_starts, **_thresholds(market))
        valued = with_expected_values(with_governance(recommended, **_governance(market, state)))
        material_move = SETTINGS.lines.material_move * SETTINGS.predicting.edge_of_a_point(market)
        due.append(new_versions(valued, ledger, material_move=material_move).select(COLUMNS))
    return pl.concat(due).sort(TABLE.key)


def _thresholds(market: str) -> dict[str, Any]:
    """Returns the settings of `with_recommendation`, with edges in the unit of the market."""
    settings = SETTINGS.predicting
    thresholds = settings.model_dump(include=THRESHOLDS)
    edges = ("pass_below_edge", "actionable_edge")
    in_unit = {name: thresholds[name] * settings.edge_of_a_point(market) for name in edges}
    return thresholds | in_unit | {"stale_days": SETTINGS.training.stale_days}


def _governance(market: str, state: Governed) -> dict[str, Any]:
    """Returns the arguments of `with_governance`, with the edge in the unit of the market."""
    in_watch = SETTINGS.predicting.actionable_edge + SETTINGS.governance.watch_edge
    return {
        "is_halted": state.halt.is_halted,
        "states": {system: decay.state for system, decay in state.decays.items()},
        "edge_in_watch": in_watch * SETTINGS.predicting.edge_of_a_point(market),
    }


def _forecasts_of(
    market: str,
    upcoming_players: pl.DataFrame,
    features: pl.DataFrame,
    schedule: pl.DataFrame,
    lines: pl.DataFrame,
    models: Models,
    now: datetime,
) -> pl.DataFrame:
    """Returns the forecasts of a market's systems for its eligible players, with line and prices. `lines` are those of the market."""
    systems = MARKET_SYSTEMS[market]
    slate = judge_players(upcoming_players, features, schedule, lines, now).filter(pl.col("reason").is_null())
    rows = features.join(slate, on=["game_date", *PLAYER_GAME], how="semi")
    rows_of_systems = (
        pl.concat(forecasts(systems, rows, models, slate, closed_dates(features, systems)).values())
        .join(slate, on=PLAYER_GAME)
        .join(features_hash(rows, FEATURES), on=PLAYER_GAME)
        .with_columns(
            pl.lit(now).cast(pl.Datetime("us", "UTC")).alias("made_at"),
            pl.lit(SOURCE).alias("source"),
            pl.lit(market).alias("market"),
        )
        .with_columns((pl.col("made_at") < pl.col("tipoff_at")).alias("is_before_tipoff"))
    )
    return with_prices(rows_of_systems, lines)


def distribution_rules() -> Rules:
    """Returns the thresholds of the distribution from the settings."""
    return Rules(blend_weight=SETTINGS.forecasts.blend_weight, **SETTINGS.distributions.rules)


def outcomes_of(player_game_summary: pl.DataFrame) -> pl.DataFrame:
    """Returns game_id, player_id, market and actual_value of the players who played, for each market in use."""
    played = player_game_summary.filter(pl.col("did_play"))
    parts = [
        played.select(*PLAYER_GAME, pl.lit(market).alias("market"), pl.col(STATISTICS[market]).alias("actual_value"))
        for market in SETTINGS.lines.markets
    ]
    return pl.concat(parts)


def unpredicted(
    upcoming_players: pl.DataFrame,
    features: pl.DataFrame,
    schedule: pl.DataFrame,
    lines: pl.DataFrame,
    models: Models,
    now: datetime,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Returns the players whose points no system predicts, and the reasons of each system.

    The first frame has one row per expected player and game that no system predicts: game_date, ids, player_name, team, reason.
    The second has one row per eligible player, game and system that does not predict: ids, system_id, reason.
    """
    slate = judge_players(upcoming_players, features, schedule, lines.filter(market=SETTINGS.lines.market), now)
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


def readiness(features: pl.DataFrame, dates: Sequence[date], systems: Sequence[System] = SYSTEMS) -> pl.DataFrame:
    """Returns one row per system and date, see `slate_gates.judge_readiness`."""
    judged = [
        slate_gates.judge_readiness(features, system.required, dates, system.least_season_games).with_columns(
            pl.lit(system.system_id).alias("system_id")
        )
        for system in systems
    ]
    return pl.concat(judged)


def closed_dates(features: pl.DataFrame, systems: Sequence[System] = SYSTEMS) -> dict[str, list[date]]:
    """Returns per system the dates on which it is not ready."""
    judged = readiness(features, features["game_date"].unique().sort().to_list(), systems)
    return dict(judged.filter(~pl.col("is_open")).group_by("system_id").agg("game_date").iter_rows())


def closed_slates(features: pl.DataFrame, dates: Sequence[date]) -> pl.DataFrame:
    """Returns the dates on which no system is ready, with the numbers of the system with the largest share."""
    best = readiness(features, dates).sort("game_date", "share", maintain_order=True)
    return best.unique("game_date", keep="last", maintain_order=True).filter(~pl.col("is_open"))


def lines_with_prices(prop_lines: pl.DataFrame) -> pl.DataFrame:
    """Returns one row per player, game and market in use: line, price-adjusted line and prices from before tip-off."""
    return pl.concat([_lines_of(MARKETS[market], prop_lines) for market in SETTINGS.lines.markets])


def _lines_of(market: Market, prop_lines: pl.DataFrame) -> pl.DataFrame:
    settings, minutes = SETTINGS.lines, SETTINGS.forecasts.feed_minutes
    lines = market_lines(prop_lines, **settings.cascade_of(market.name))
    offers = latest_offers(prop_lines, **settings.adjusting_of(market.name))
    feeds = feed_lines(offers, minutes, market)
    for beside in (adjusted_lines(feeds), line_prices(lines, offers, feeds, minutes, market)):
        lines = lines.join(beside, on=PLAYER_GAME, how="left", maintain_order="left")
    return lines.with_columns(pl.lit(market.name).alias("market"))


def _counted(rows: pl.DataFrame) -> dict[str, int]:
    """Returns the number of rows per reason, the most frequent first. Reasons that differ only in a number count together."""
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
    ins={
        "prop_lines": optional_input(),
        "points_model": optional_input(),
        "schedule": days_before(SEASON_DAYS, through=0),
        "player_game_summary": days_before(RESIDUAL_DAYS, columns=OUTCOME_COLUMNS),
    },
)
def predictions(
    context: dg.AssetExecutionContext,
    upcoming_players: pl.DataFrame,
    features: pl.DataFrame,
    schedule: pl.DataFrame,
    prop_lines: pl.DataFrame,
    points_model: pl.DataFrame,
    player_game_summary: pl.DataFrame,
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
    in_use = [system for market in SETTINGS.lines.markets for system in MARKET_SYSTEMS[market]]
    for message in absent_models(in_use, features, models):
        context.log.warning(message)
    graded = graded_rows(earlier_predictions(warehouse, dates), outcomes := outcomes_of(player_game_summary))
    state = read_state(warehouse, clock.today, PROMOTABLE) if max(dates) >= clock.today else UNGOVERNED
    return predict_slate(upcoming_players, features, slate, lines, models, ledger, graded, outcomes, now, starts, state)


def earlier_predictions(warehouse: Warehouse, dates: Sequence[date]) -> pl.DataFrame:
    """Returns the predictions from RESIDUAL_DAYS before the first date to the day before the last."""
    span = days(min(dates) - timedelta(days=RESIDUAL_DAYS), max(dates) - timedelta(days=1))
    return warehouse.scan(TABLE, span).select(*FORECAST, "version").collect()


def _predicted_players(warehouse: Warehouse, dates: Sequence[date]) -> pl.DataFrame:
    return warehouse.scan(TABLE, dates).select("game_id", "player_id").unique().collect()


@coverage_check(TABLE, _predicted_players, on=["game_id", "player_id"], name="player_name", blocking=True)
def enough_eligible_players_are_predicted(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """At least 80 % of the ready and eligible players are predicted. A slate with ready players and no prediction fails."""
    return players_without_predictions(warehouse, dates, MOVING_AVERAGE.required)[0]


@coverage_check(TABLE, _predicted_players, on=["game_id", "player_id"], name="player_name")
def every_eligible_player_is_predicted(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Every ready and eligible player is predicted. Missing players are named."""
    return players_without_predictions(warehouse, dates, MOVING_AVERAGE.required)[0]


@dated_check(TABLE)
def every_game_is_predicted(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Every scheduled game has predictions once one of its teams has five summarized games. Missing games are named."""
    expected, without = games_without_predictions(warehouse, dates)
    is_missing = with_presence(expected, without, ["game_date", "game_id"])
    return share_present(dates, is_missing, ~pl.col("is_present"), pl.col("matchup"), 1.0)


@dated_check(TABLE)
def every_lined_player_is_predicted(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """At least 97 % of the players with a line from before tip-off have a forecast. Missing players are named.

    Players that the stored history cannot contain yet are excluded. In weeks before the first model, players need five games.
    """
    key, is_market = ["game_id", "player_id"], pl.col("market") == SETTINGS.lines.market
    lined = history.lined_players(warehouse, dates, clock.as_of)
    if new := sorted(_dates_before_models(warehouse, dates)):
        known = history.players_with_games(warehouse, new, SETTINGS.predicting.least_games)
        is_new = pl.col("game_date").is_in(new)
        of_new = lined.filter(is_new).join(known, on=["game_date", "player_id"], how="semi", maintain_order="left")
        lined = pl.concat([lined.filter(~is_new), of_new])
    players = with_presence(lined, warehouse.scan(TABLE, dates).filter(is_market).select(key).unique().collect(), key)
    least = SETTINGS.forecasts.lined_coverage
    return share_present(dates, players, pl.col("is_present"), pl.col("spelling"), least, share="lined_share")


def predicts_early(system: System) -> bool:
    """Whether a system, or every member of a combination, predicts from the first game of a season on."""
    if isinstance(system, Combination):
        return all(predicts_early(other) for other in SYSTEMS if other.system_id in system.members)
    return not system.least_season_games


def systems_before_models(warehouse: Warehouse, dates: Collection[date]) -> set[tuple[date, str]]:
    """Returns the dates and systems without predictions because the stored history is too short for a model."""
    least_games = {system.model_name: system.least_season_games for system in TRAINED_SYSTEMS}
    weeks = history.weeks_before_models(warehouse, {week_of(day) for day in dates}, least_games)
    without = {(day, name) for day in dates for week, name in weeks if week == week_of(day)}
    for system in SYSTEMS:
        if isinstance(system, Combination):
            without |= {(day, system.system_id) for day in dates if all((day, name) in without for name in system.members)}
    return without


def _dates_before_models(warehouse: Warehouse, dates: Collection[date]) -> set[date]:
    """Returns the dates on which every trained system that predicts early lacks its first model."""
    without = systems_before_models(warehouse, dates)
    names = [system.model_name for system in TRAINED_SYSTEMS if predicts_early(system)]
    return {day for day in dates if all((day, name) in without for name in names)}


@dated_check(TABLE)
def every_system_predicts(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Each system has predictions for the slate. Missing systems are named.

    Systems that need five games of the season are expected once a team has them. Trained systems are expected from their first
    model on. On dates of an archive without prices, `market_blend` is not expected. While the stored history is shorter than
    the window of similar games, `similarity` is not expected if too few players are ready for it.
    """
    systems = [system.system_id for system in SYSTEMS]
    of_system = [
        pl.col("player_id").filter(pl.col("system_id") == name).n_unique().cast(pl.Int64).alias(f"players_{name}")
        for name in systems
    ]
    is_market = pl.col("market") == SETTINGS.lines.market
    players = warehouse.scan(TABLE, dates).filter(is_market).group_by("game_date").agg(*of_system).collect()
    slates, counts = set(games_without_predictions(warehouse, dates)[0]["game_date"]), for_each_date(dates, players)
    early, predicted = {system.system_id for system in SYSTEMS if predicts_early(system)}, set(players["game_date"])
    expected = {name: slates | predicted if name in early else slates for name in systems}
    absent = {
        (row["game_date"], name)
        for row in counts.iter_rows(named=True)
        for name in systems
        if row["game_date"] in expected[name] and not row[f"players_{name}"]
    }
    absent -= _not_expected(warehouse, {day for day, _ in absent})
    names = [[name for name in systems if (day, name) in absent] for day in counts["game_date"]]
    verdicts = counts.with_columns(pl.Series(MISSING, names, dtype=pl.List(pl.String)))
    return verdicts.with_columns((pl.col(MISSING).list.len() == 0).alias(PASSED))


def _not_expected(warehouse: Warehouse, days_to_judge: Collection[date]) -> set[tuple[date, str]]:
    """Returns the dates and systems whose forecast is not expected, see `every_system_predicts`."""
    dates = sorted(days_to_judge)
    if not dates:
        return set()
    without = systems_before_models(warehouse, dates)
    without |= {(day, MARKET_BLEND.system_id) for day in dates_without_lines(warehouse, dates, has_prices=True)}
    first = history.first_date(warehouse)
    if short := [day for day in dates if first is not None and first > day - timedelta(days=SIMILAR_DAYS)]:
        closed = closed_dates(warehouse.scan(TABLES["features"], short).collect())
        without |= {(day, SIMILARITY.system_id) for day in closed.get(SIMILARITY.system_id, ())}
    return without


@dated_check(TABLE, blocking=True)
def every_line_is_from_before_tipoff(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Every line used by a prediction has a snapshot strictly before tip-off."""
    lined = warehouse.scan(TABLE, dates).filter(pl.col("line").is_not_null())
    is_late, name = pl.col("line_snapshot_at") >= pl.col("tipoff_at"), pl.format("{} ({})", "player_name", "book")
    return count_off(dates, lined, is_late, name, total="lines_used", off="late_lines")


@dated_check(TABLE)
def few_players_lack_a_line(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """At most 40 % of the slate's points predictions are NO_LINE. A rising share indicates a problem.

    Dates of an archive without lines pass. The share of each recommendation is plotted.

    Runbook: docs/runbooks/betting_check_failed.md
    """
    of_market = warehouse.scan(TABLE, dates).filter(pl.col("market") == SETTINGS.lines.market)
    latest = of_market.sort("version").group_by("game_date", *PREDICTED).last()
    shares = [(pl.col("recommendation") == name).mean().alias(f"{name.lower()}_fraction") for name in RECOMMENDATIONS]
    counts = latest.group_by("game_date").agg(
        *shares,
        pl.len().cast(pl.Int64).alias("predictions"),
        pl.col("is_actionable").sum().cast(pl.Int64).alias("actionable"),
    )
    is_few = pl.col("no_line_fraction").fill_null(0.0) <= SETTINGS.coverage.no_line_warn
    few = is_few | pl.col("game_date").is_in(sorted(dates_without_lines(warehouse, dates)))
    return for_each_date(dates, counts.collect()).with_columns(few.alias(PASSED))


@dated_check(TABLE)
def features_resemble_training(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Most values of each feature lie in the range of the model's training rows. The others are named with their share outside or null.

    Compares the slates of the last 7 days with the central 99 % of the training rows. Models of less than a year of games,
    weeks with few games and a player's first games of a season are not compared.
    """
    models = warehouse.scan(TABLES["points_model"], sorted({week_of(day) for day in dates})).collect()
    features = warehouse.scan(TABLES["features"], days(first_date(min(dates)), max(dates))).collect()
    return judge_drift(drift_of_dates(dates, features, models, TRAINED_SYSTEMS), dates)


@dated_check(TABLE)
def models_are_recent(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """The models of the date were trained on games of the last 10 days. Above 21 days, their predictions are not actionable.

    Weeks without a model pass. The days since the oldest model's last training row are plotted.
    """
    week, old_days = pl.col("game_date").dt.truncate("1w").alias("week"), SETTINGS.training.old_days
    models = warehouse.scan(TABLES["points_model"], sorted({week_of(day) for day in dates})).drop_nulls("model_id")
    known = models.select(pl.col("game_date").alias("week"), "system_id", "train_end_date").collect()
    days_old = (pl.col("game_date") - pl.col("train_end_date")).dt.total_days().cast(pl.Float64)  # a null float stays unknown
    name = pl.format(
        "{}: trained on games up to {}, {} days before", "system_id", "train_end_date", pl.col("days_old").cast(pl.Int64)
    )
    aged = for_each_date(dates).select("game_date", week).join(known, on="week").with_columns(days_old.alias("days_old"))
    names = name.filter(pl.col("days_old") > old_days).alias(MISSING)
    oldest = pl.col("days_old").max().alias("days_since_training")
    by_date = aged.sort("game_date", "system_id").group_by("game_date", maintain_order=True).agg(names, oldest)
    return for_each_date(dates, by_date).with_columns((pl.col(MISSING).list.len() == 0).alias(PASSED))


checks = checks_of(TABLE)

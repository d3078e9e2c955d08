"""predictions: what each system forecast for each expected player before tip-off, against the market line.

Grain: one row per player, game, system, market, run kind and version
Source: features, points_model and schedule of the date
Caveats: a ledger, rows are only ever added; `backtest` rows are made after the start of the game, from data and a model
  of before it; queries select the latest version, no column marks it; NO_LINE and PASS are not bets.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset, dates_of, days_before, optional_input, note_left_out
from nba_pipeline.asset_factory.checks import Verdict, checks_of, dated_check, share_verdict
from nba_pipeline.assets.features.features import FEATURES
from nba_pipeline.completeness import gates
from nba_pipeline.completeness.expectations import games_without_predictions
from nba_pipeline.completeness.not_played import IS_CALLED_POSTPONED, OFF
from nba_pipeline.errors import Closed
from nba_pipeline.formulas.adjusted_line import adjusted_lines
from nba_pipeline.formulas.market_line import market_lines
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import SEASON_DAYS, eastern_date, week_of
from nba_pipeline.settings import SETTINGS
from nba_pipeline.systems import MOVING_AVERAGE, SYSTEMS, TRAINED_SYSTEMS, Combination
from nba_pipeline.systems.interface import PLAYER_GAME, System, TrainedModel
from nba_pipeline.tables.table import TABLES, Row, Table, code
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.io_manager import SLATE_CLOSED
from nba_pipeline.warehouse.model_store import ModelStore
from nba_pipeline.warehouse.weekly_models import Models, load_models

RECOMMENDATIONS = ("OVER", "UNDER", "PASS", "NO_LINE")


class PredictionRows(Row):
    """Columns and rules of `predictions`."""

    game_id = dy.String(description="the NBA's ten digits")
    player_id = dy.Int64(min=1, description="the NBA's person id")
    system_id = dy.String(description="module in nba_pipeline.systems")
    market = dy.String(description="the Odds API's key, as player_points")
    run_kind = code(("live", "backtest"), "live: made before the game started")
    version = dy.Int64(min=1, description="grows with each new prediction of the same key")
    prediction_id = dy.String(description="hash of key and inputs")
    player_name = dy.String(description="spelling of the latest box score")
    team = dy.String(description="tricode")
    opponent = dy.String(description="tricode")
    predicted_value = dy.Float64(min=0, max=60, description="in the unit of the market; points for player_points")
    line = dy.Float64(
        nullable=True, min=5, max=60, description="in the unit of the market; null without a line known before tip-off"
    )
    line_half_points = dy.Int64(nullable=True, description="2 x line")
    book = dy.String(nullable=True, description="whose line, or `median` of the other sportsbooks")
    line_snapshot_at = dy.Datetime(nullable=True, time_zone="UTC", description="instant of the line; strictly before tip-off")
    line_source = dy.String(nullable=True, description="landed payload of the line")
    adjusted_line = dy.Float64(
        nullable=True, min=0, max=70, description="points at which the over has 50 %, from lines and prices before tip-off"
    )
    edge = dy.Float64(nullable=True, description="predicted_value - line")
    recommendation = code(RECOMMENDATIONS, "NO_LINE without a line, PASS below the least edge")
    is_actionable = dy.Bool(description="no entry of `reasons` forbids a bet")
    reasons = dy.List(dy.String(), description="why not actionable, and each adjustment left out because its input is null")
    quality_score = dy.Float64(min=0, max=100, description="over the features that the system reads")
    features_hash = dy.String(description="hash of the row of `features` used")
    feature_version = dy.String(description="code version of the row of `features` used")
    plays_probability = dy.Float64(
        nullable=True, min=0, max=1, description="probability to play; the forecast is conditional on playing"
    )
    injury_status = dy.String(nullable=True, description="as the features had it; null: not listed or no report")
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
            pl.when(pl.col("recommendation") == "OVER").then(pl.col("edge") > 0)
            .when(pl.col("recommendation") == "UNDER").then(pl.col("edge") < 0)
            .when(pl.col("recommendation") == "NO_LINE").then(pl.col("edge").is_null())
            .otherwise(pl.col("edge").is_not_null())
        )  # fmt: skip


TABLE = Table(
    "predictions", grain="player, game, system, market, run kind and version", schema=PredictionRows, write="add",
    key=("game_id", "player_id", "system_id", "market", "run_kind", "version"), cluster=("system_id", "player_id"),
    is_ledger=True,
)  # fmt: skip

SOURCE = "features, points_model, prop_lines"
PREDICTED = (*PLAYER_GAME, "system_id", "market", "run_kind")
"""Versions are numbered within these columns."""

IDENTITY = [
    pl.col(name).cast(pl.String).fill_null("")
    for name in (
        *PREDICTED,
        "version",
        "game_date",
        "system_version",
        "model_id",
        "features_hash",
        "line",
        "book",
        "line_snapshot_at",
    )
]
"""Columns hashed into `prediction_id`: the key and the inputs, without the instant of the prediction."""

FORECAST: Mapping[str, pl.DataType] = {
    "game_id": pl.String(), "player_id": pl.Int64(), "predicted_value": pl.Float64(), "reasons": pl.List(pl.String()),
    "model_id": pl.String(), "has_short_history": pl.Boolean(),
}  # fmt: skip
SEASON_STARTS: Mapping[str, pl.DataType] = {"season": pl.String(), "season_starts": pl.Date()}

HASH_LENGTH = 16
NOT_READY = "the slate is closed: too few players have what the system requires"
MISSING_REQUIRED = "missing_required_feature"
INJURY_STATUS_UNKNOWN = "injury_status_unknown"
ONE_MISSING_CAP, MANY_MISSING, MANY_MISSING_CAP = 69.0, 5, 49.0
"""Highest quality with one missing feature of `required_for_betting`, and with five or more."""


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
    slate = _slate(upcoming_players, features, schedule, lines, now).filter(pl.col("reason").is_null())
    rows = features.join(slate, on=["game_date", *PLAYER_GAME], how="semi")
    made = (
        pl.concat(_all_forecasts(rows, models, slate, features).values())
        .join(slate, on=PLAYER_GAME)
        .join(features_hash(rows), on=PLAYER_GAME)
        .with_columns(
            pl.lit(now).cast(pl.Datetime("us", "UTC")).alias("made_at"),
            pl.lit(SOURCE).alias("source"),
            pl.lit(SETTINGS.lines.market).alias("market"),
        )
        .with_columns((pl.col("made_at") < pl.col("tipoff_at")).alias("is_before_tipoff"))
    )
    columns = [pl.col(name).cast(kind) for name, kind in TABLE.dtypes.items() if name not in ("as_of", "code_version")]
    return _new_versions(_judge(made, season_starts), ledger).select(columns).sort(TABLE.key)


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
    slate = _slate(upcoming_players, features, schedule, lines, now)
    rows = features.join(slate.filter(pl.col("reason").is_null()), on=["game_date", *PLAYER_GAME], how="semi")
    made = _all_forecasts(rows, models, slate, features)
    predicted = pl.concat(made.values())
    by_system = pl.concat([_why_not(system, rows, models, made) for system in SYSTEMS])
    alone = by_system.filter(~pl.col("system_id").is_in([s.system_id for s in SYSTEMS if isinstance(s, Combination)]))
    texts = alone.group_by(PLAYER_GAME, maintain_order=True).agg(
        pl.format("{}: {}", "system_id", "reason").str.join("; ").alias("by_system")
    )
    players = (
        slate.join(predicted, on=PLAYER_GAME, how="anti")
        .join(texts, on=PLAYER_GAME, how="left")
        .select("game_date", *PLAYER_GAME, "player_name", "team", pl.coalesce("reason", "by_system").alias("reason"))
        .sort("game_date", *PLAYER_GAME)
    )
    return players, by_system


def absent_models(features: pl.DataFrame, models: Models) -> list[str]:
    """Returns one message per week and system that has rows of `features` but no model."""
    needy = [system.system_id for system in SYSTEMS if system.needs_model]
    wanted = [(week, name) for week in _weeks(features) for name in needy]
    return [f"{name}: no model for the week of {week}" for week, name in wanted if (week, name) not in models]


def features_hash(features: pl.DataFrame) -> pl.DataFrame:
    """Returns game_id, player_id and a hash of the row's feature values. The hash is the same in every process."""
    values = features.select(pl.struct(pl.col(FEATURES).cast(pl.Float64)).struct.json_encode()).to_series()
    return features.select(*PLAYER_GAME, _hashes(values).alias("features_hash"))


def _hashes(texts: pl.Series) -> pl.Series:
    # sha256, because the hash of polars differs between versions and processes
    return pl.Series([hashlib.sha256(text.encode()).hexdigest()[:HASH_LENGTH] for text in texts], dtype=pl.String)


def _slate(
    upcoming_players: pl.DataFrame, features: pl.DataFrame, schedule: pl.DataFrame, lines: pl.DataFrame, now: datetime
) -> pl.DataFrame:
    """Returns one row per expected player and game, with the usable line and `reason`, which is null for eligible players."""
    games = schedule.select("game_id", "game_date", "status", "status_text", "tipoff_at")
    on = ["game_date", *PLAYER_GAME]
    known = features.select(
        *on, "minutes_mean_last_10_games", "minutes_half_life_5_games", "plays_probability", "injury_status", "injury_risk_level",
        pl.col("code_version").alias("feature_version"), pl.lit(True).alias("has_features"),
    )  # fmt: skip
    market = lines.select(
        *PLAYER_GAME, "line", "adjusted_line", "book", "line_source", pl.col("snapshot_at").alias("line_snapshot_at")
    )
    is_usable = pl.col("line_snapshot_at") < pl.col("tipoff_at")
    return (
        upcoming_players.select("game_date", *PLAYER_GAME, "season", "player_name", "team", "opponent", "injury_snapshot_at")
        .join(games, on=["game_id", "game_date"], how="left")
        .join(known, on=on, how="left")
        .join(_teammates_listed(features), on=PLAYER_GAME, how="left")
        .join(market, on=PLAYER_GAME, how="left")
        .with_columns(
            pl.when(is_usable).then(pl.col(name)).alias(name)
            for name in ("line", "adjusted_line", "book", "line_source", "line_snapshot_at")
        )
        .with_columns(_run_kind(now).alias("run_kind"), _ineligible().alias("reason"))
        .with_columns(_is_injury_unknown().alias("is_injury_unknown"))
    )


def _teammates_listed(features: pl.DataFrame) -> pl.DataFrame:
    """Returns per player and game the rotation teammates with a listed or unknown status, as text; null without a report.

    A teammate with unknown minutes counts as part of the rotation.
    """
    side, is_known = ["game_id", "team"], pl.col("injury_risk_level").is_not_null()
    said = pl.coalesce("injury_status", pl.when(~is_known).then(pl.lit("unknown")))
    entries = features.filter(
        (pl.col("minutes_mean_last_10_games") >= SETTINGS.predicting.rotation_minutes).fill_null(True), said.is_not_null()
    ).select(*side, pl.col("player_id").alias("teammate"), pl.format("{} {}", "player_id", said).alias("teammates_listed"))
    listed = (
        features.select(*PLAYER_GAME, "team").join(entries.sort("teammate"), on=side, maintain_order="right")
        .filter(pl.col("teammate") != pl.col("player_id"))
        .group_by(PLAYER_GAME, maintain_order=True).agg(pl.col("teammates_listed").str.join(", "))
    )  # fmt: skip
    has_report = features.select(*PLAYER_GAME, is_known.any().over(side).alias("has_report"))
    text = pl.when("has_report").then(pl.col("teammates_listed").fill_null("")).alias("teammates_listed")
    return has_report.join(listed, on=PLAYER_GAME, how="left").select(*PLAYER_GAME, text)


def _is_injury_unknown() -> pl.Expr:
    """Whether an unknown injury status forbids a bet. A backtest without a report of the team is exempt."""
    has_report = pl.col("injury_snapshot_at").is_not_null()
    return pl.col("injury_risk_level").is_null() & (has_report | (pl.col("run_kind") == "live"))


def _run_kind(now: datetime) -> pl.Expr:
    """Returns `live` before tip-off. With an unknown tip-off, a game that is scheduled for today or later is live."""
    is_to_come = (
        pl.when(pl.col("tipoff_at").is_not_null())
        .then((pl.col("tipoff_at") > now) & pl.col("status").is_in(["scheduled", "unknown", "postponed"]))
        .otherwise((pl.col("game_date") >= eastern_date(now)) & (pl.col("status") == "scheduled"))
    )
    return pl.when(is_to_come).then(pl.lit("live")).otherwise(pl.lit("backtest"))


def _ineligible() -> pl.Expr:
    """Returns the reason why no system may predict an expected player, or null."""
    wanted = SETTINGS.predicting
    minutes = _usual_minutes()
    shown_minutes = minutes.round(1).cast(pl.String).fill_null("unknown")
    return (
        pl.when(pl.col("status").is_null())
        .then(pl.lit("the game is not in the schedule of the date"))
        .when((pl.col("status") == OFF) & IS_CALLED_POSTPONED)
        .then(pl.lit("the game is postponed"))
        .when(pl.col("status") == OFF)
        .then(pl.lit("the game is not played"))
        .when(pl.col("has_features").is_null())
        .then(pl.lit("no row in features"))
        .when(pl.col("line").is_null() & _plays_little())
        .then(pl.format(f"no line and {{}} minutes per game, needs {wanted.least_minutes:g}", shown_minutes))
    )


def _usual_minutes() -> pl.Expr:
    """Minutes a game of the last 10 games of the season; before 5 games, of the latest games of any season."""
    return pl.coalesce("minutes_mean_last_10_games", "minutes_half_life_5_games")


def _plays_little() -> pl.Expr:
    return (_usual_minutes() < SETTINGS.predicting.least_minutes).fill_null(True)


def _weeks(rows: pl.DataFrame) -> list[date]:
    return sorted({week_of(day) for day in rows["game_date"].unique()})


def _served(system: System, rows: pl.DataFrame, models: Models) -> Iterator[tuple[pl.DataFrame, TrainedModel | None]]:
    """Yields rows with their model. A system without models serves every row; weeks without a model are skipped."""
    if not system.needs_model:
        yield rows, None
        return
    for week in _weeks(rows):
        if model := models.get((week, system.system_id)):
            yield rows.filter(pl.col("game_date").dt.truncate("1w") == week), model


def _forecasts(system: System, rows: pl.DataFrame, models: Models) -> pl.DataFrame:
    """Returns one row per row that the system predicts, with forecast, model, system and quality."""
    parts = [
        system.predict(served, model).with_columns(
            pl.lit(model.card.model_id if model else None, pl.String).alias("model_id"),
            pl.lit(model is not None and _has_short_history(model)).alias("has_short_history"),
        )
        for served, model in _served(system, rows, models)
    ]
    return _with_system(pl.concat([pl.DataFrame(schema=FORECAST), *parts]), system, rows)


def _all_forecasts(rows: pl.DataFrame, models: Models, lines: pl.DataFrame, features: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Returns per system one row per row that it predicts, without the dates on which it is not ready."""
    made, dates = dict[str, pl.DataFrame](), features["game_date"].unique().sort().to_list()
    for system in SYSTEMS:
        judged = readiness(system, features, dates).filter("is_open")
        ready = rows.join(judged, on="game_date", how="semi", maintain_order="left")
        made[system.system_id] = (
            _combined(system, ready, made, lines) if isinstance(system, Combination) else _forecasts(system, ready, models)
        )
    return made


def readiness(system: System, features: pl.DataFrame, dates: Sequence[date]) -> pl.DataFrame:
    """Returns whether a system can predict each date, see `gates.judge_readiness`."""
    return gates.judge_readiness(features, system.required, dates, system.least_season_games)


def _combined(system: Combination, rows: pl.DataFrame, made: Mapping[str, pl.DataFrame], lines: pl.DataFrame) -> pl.DataFrame:
    """Returns the forecasts of a combination. `model_id` names the models of its members."""
    made = {name: forecast.join(rows, on=PLAYER_GAME, how="semi", maintain_order="left") for name, forecast in made.items()}
    members = pl.concat([made[name] for name in system.members])
    models = members.group_by(PLAYER_GAME, maintain_order=True).agg(
        pl.col("model_id").drop_nulls().sort().str.join("+"), pl.col("has_short_history").any()
    )
    forecast = system.combine(made, lines).join(models, on=PLAYER_GAME, how="left", maintain_order="left")
    return _with_system(forecast.select(*FORECAST), system, rows)


def _with_system(forecast: pl.DataFrame, system: System, rows: pl.DataFrame) -> pl.DataFrame:
    return forecast.join(_quality(system, rows), on=PLAYER_GAME).with_columns(
        pl.lit(system.system_id).alias("system_id"), pl.lit(system.version).alias("system_version")
    )


def _has_short_history(model: TrainedModel) -> bool:
    window = model.card.train_end_date - model.card.train_start_date
    return window.days < SETTINGS.training.least_days


def _why_not(system: System, rows: pl.DataFrame, models: Models, made: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """Returns one row per row that the system does not predict: game_id, player_id, system_id, reason."""
    known = (
        system.why_not_combined(rows, made[system.system_id], made)
        if isinstance(system, Combination)
        else _why_not_alone(system, rows, models)
    )
    closed = (
        rows.select(PLAYER_GAME).join(made[system.system_id], on=PLAYER_GAME, how="anti").join(known, on=PLAYER_GAME, how="anti")
    )
    return pl.concat([known, closed.with_columns(pl.lit(NOT_READY).alias("reason"))]).select(
        *PLAYER_GAME, pl.lit(system.system_id).alias("system_id"), "reason"
    )


def _why_not_alone(system: System, rows: pl.DataFrame, models: Models) -> pl.DataFrame:
    """Returns game_id, player_id and reason per row without the required features, or without a model for its week."""
    without = [week for week in _weeks(rows) if system.needs_model and (week, system.system_id) not in models]
    week = pl.col("game_date").dt.truncate("1w")
    modelless = pl.format("no model for the week of {}", week).alias("reason")
    return pl.concat(
        [
            system.why_not(rows.filter(~week.is_in(without))),
            rows.filter(week.is_in(without)).select(*PLAYER_GAME, modelless),
        ]
    )


def _quality(system: System, rows: pl.DataFrame) -> pl.DataFrame:
    """Returns per row the capped quality score and whether a feature required for betting is missing.

    The score is 100 x the known share of the features that the system reads.
    """
    known = 100 * pl.mean_horizontal(pl.col(name).is_not_null() for name in system.reads)
    missing = pl.sum_horizontal(pl.col(name).is_null() for name in system.required_for_betting)
    cap = pl.when(missing >= MANY_MISSING).then(MANY_MISSING_CAP).when(missing > 0).then(ONE_MISSING_CAP).otherwise(100.0)
    return rows.select(*PLAYER_GAME, pl.min_horizontal(known, cap).alias("quality_score"), (missing > 0).alias("lacks_required"))


def _judge(made: pl.DataFrame, season_starts: Mapping[str, date]) -> pl.DataFrame:
    """Adds edge, recommendation and the reasons against a bet. The system's own reasons do not forbid a bet."""
    wanted = SETTINGS.predicting
    starts = pl.DataFrame(list(season_starts.items()), schema=SEASON_STARTS, orient="row")
    days_played = (pl.col("game_date") - pl.col("season_starts")).dt.total_days()
    edge = pl.col("edge")
    against = {
        "no_line": pl.col("line").is_null(),
        MISSING_REQUIRED: pl.col("lacks_required"),
        "low_edge": edge.abs() < wanted.actionable_edge,
        "not_quality_ready": pl.col("quality_score") < wanted.quality_floor,
        "bootstrap": (days_played < wanted.bootstrap_days).fill_null(True),
        "few_minutes": _plays_little(),
        "out_or_doubtful": pl.col("injury_status").is_in(["out", "doubtful"]),
        INJURY_STATUS_UNKNOWN: pl.col("is_injury_unknown"),
        "short_history": pl.col("has_short_history"),
    }
    forbidding = pl.concat_list(pl.when(holds).then(pl.lit(name)) for name, holds in against.items()).list.drop_nulls()
    return (
        made.join(starts, on="season", how="left")
        .with_columns((pl.col("predicted_value") - pl.col("line")).alias("edge"))
        .with_columns(
            (2 * pl.col("line")).round().cast(pl.Int64).alias("line_half_points"),
            pl.when(edge.is_null()).then(pl.lit("NO_LINE"))
            .when(edge.abs() < wanted.pass_below_edge).then(pl.lit("PASS"))
            .when(edge > 0).then(pl.lit("OVER"))
            .otherwise(pl.lit("UNDER")).alias("recommendation"),
            (forbidding.list.len() == 0).alias("is_actionable"),
            pl.concat_list(forbidding, "reasons").alias("reasons"),
        )
    )  # fmt: skip


def _new_versions(made: pl.DataFrame, ledger: pl.DataFrame) -> pl.DataFrame:
    """Returns the rows that are new or need another version, with `version` and `prediction_id`.

    A row needs another version after a material move of the line, the arrival of required features, a new status of the
    player or of a rotation teammate, or a move of the game to another date. Live predictions get no backtest.
    """
    compared = ("version", "game_date", "line", "reasons", "injury_status", "teammates_listed")
    latest = (
        ledger.sort("version")
        .group_by(PREDICTED)
        .last()
        .select(*PREDICTED, *(pl.col(name).alias(f"{name}_before") for name in compared))
    )
    live = ledger.filter(pl.col("run_kind") == "live").select("game_date", *PLAYER_GAME, "system_id", "market", "run_kind")
    before = {name: pl.col(f"{name}_before") for name in compared}
    line, arrived = pl.col("line"), ~pl.col("lacks_required") & before["reasons"].list.contains(MISSING_REQUIRED)
    was_unknown = before["reasons"].list.contains(INJURY_STATUS_UNKNOWN)
    is_due = pl.any_horizontal(
        before["version"].is_null(),
        before["game_date"] != pl.col("game_date"),
        line.is_null() != before["line"].is_null(),
        (line - before["line"]).abs() >= SETTINGS.lines.material_move,
        arrived,
        pl.col("injury_status").ne_missing(before["injury_status"]),
        pl.col("teammates_listed") != before["teammates_listed"],  # null before: rows of earlier code versions lack the column
        pl.col("is_injury_unknown") != was_unknown,
    ).fill_null(False)
    has_live = pl.col("run_kind_live").is_not_null() & (pl.col("run_kind") == "backtest")
    due = (
        made.join(latest, on=PREDICTED, how="left")
        .join(live.unique(), on=["game_date", *PLAYER_GAME, "system_id", "market"], how="left", suffix="_live")
        .filter(is_due & ~has_live)
        .with_columns((before["version"].fill_null(0) + 1).alias("version"))
    )
    identities = due.select(pl.concat_list(IDENTITY).list.join("|")).to_series()
    return due.with_columns(_hashes(identities).alias("prediction_id"))


def _counted(rows: pl.DataFrame) -> dict[str, int]:
    """Returns the number of rows per reason, the most frequent first. Numbers within reasons are left out."""
    kinds = pl.col("reason").str.replace_all(r"\d+(\.\d+)?", "n")
    return dict(rows.group_by(kinds).len().sort("len", "reason", descending=True).iter_rows())


def closed_slates(features: pl.DataFrame, dates: Sequence[date]) -> pl.DataFrame:
    """Returns the dates on which no system is ready, with the numbers of the system that is ready for the largest share."""
    judged = pl.concat([readiness(system, features, dates) for system in SYSTEMS])
    best = judged.sort("game_date", "share", maintain_order=True).unique("game_date", keep="last", maintain_order=True)
    return best.filter(~pl.col("is_open"))


def lines_with_prices(prop_lines: pl.DataFrame) -> pl.DataFrame:
    """Returns one row per player and game: the market line, and the price-adjusted line if prices of before tip-off exist."""
    lines = market_lines(prop_lines, **SETTINGS.lines.cascade)
    adjusted = adjusted_lines(prop_lines, **SETTINGS.lines.adjusting, feed_minutes=SETTINGS.forecasts.feed_minutes)
    return lines.join(adjusted, on=PLAYER_GAME, how="left", maintain_order="left")


CODE_VERSION = "4"


@daily_asset(
    TABLE, module=__name__, description=__doc__, kinds={"polars", "catboost"}, code_version=CODE_VERSION,
    ins={
        "prop_lines": optional_input(), "points_model": optional_input(),
        "schedule": days_before(SEASON_DAYS, through=0),
    },
)  # fmt: skip
def predictions(
    context: dg.AssetExecutionContext, upcoming_players: pl.DataFrame, features: pl.DataFrame, schedule: pl.DataFrame,
    prop_lines: pl.DataFrame, points_model: pl.DataFrame, model_store: ModelStore, warehouse: dg.ResourceParam[Warehouse], clock: Clock,
) -> pl.DataFrame:  # fmt: skip
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
    note_left_out(context, {str(day): [SLATE_CLOSED] for day in closed["game_date"]})
    shown = prop_lines.filter(pl.col("snapshot_at") <= now)
    lines, models = (
        lines_with_prices(shown),
        load_models(points_model, model_store, TRAINED_SYSTEMS, context.log.warning),
    )
    starts = dict(schedule.group_by("season").agg(pl.col("game_date").min()).iter_rows())
    slate = schedule.filter(pl.col("game_date").is_in(dates))
    # by game, not by date: a game that moved continues its version numbers
    ledger = warehouse.scan(TABLE).filter(pl.col("game_id").is_in(slate["game_id"].implode())).collect()
    without, by_system = unpredicted(upcoming_players, features, slate, lines, models, now)
    of_systems = {system.system_id: _counted(by_system.filter(system_id=system.system_id)) for system in SYSTEMS}
    context.add_output_metadata(
        {
            "not_predicted": without.height,
            "reasons_not_predicted": dg.MetadataValue.json(_counted(without)),
            "reasons_not_predicted_by_system": dg.MetadataValue.json(of_systems),
        }
    )
    for sentence in absent_models(features, models):
        context.log.warning(sentence)
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
    return [
        share_verdict(day, mine.height - gone.height, mine.height, 1.0, gone["matchup"].to_list())
        for day in dates
        for mine, gone in [(expected.filter(pl.col("game_date") == day), without.filter(pl.col("game_date") == day))]
    ]


@dated_check(TABLE)
def every_lined_player_is_predicted(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """At least 97 % of the players with a line from before tip-off have a forecast. Missing players are named."""
    key, is_market = ["game_id", "player_id"], pl.col("market") == SETTINGS.lines.market
    lined = (
        warehouse.scan(TABLES["prop_lines"], dates).filter(is_market, pl.col("is_before_tipoff"))
        .group_by("game_date", *key).agg(pl.col("spelling").first()).collect()
    )  # fmt: skip
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
    made = warehouse.scan(TABLE, dates).group_by("game_date", "system_id").agg(pl.col("player_id").n_unique()).collect()
    expected = set(games_without_predictions(warehouse, dates)[0]["game_date"])
    verdicts = []
    for day in dates:
        counts = {system: n for d, system, n in made.iter_rows() if d == day}
        absent = [s.system_id for s in SYSTEMS if s.system_id not in counts] if counts or day in expected else []
        verdicts.append(Verdict(day, not absent, {f"players_{s.system_id}": counts.get(s.system_id, 0) for s in SYSTEMS}, absent))
    return verdicts


@dated_check(TABLE, blocking=True)
def every_line_is_from_before_tipoff(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """Every line used by a prediction has a snapshot strictly before tip-off."""
    rows = warehouse.scan(TABLE, dates).filter(pl.col("line").is_not_null()).select(
        "game_date", "player_name", "book", (pl.col("line_snapshot_at") < pl.col("tipoff_at")).fill_null(False).alias("is_before")
    ).collect()  # fmt: skip
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
    found = latest.group_by("game_date").agg(
        (pl.col("recommendation") == "NO_LINE").mean().alias("no_line"), pl.len().alias("rows"),
        pl.col("is_actionable").sum().alias("actionable"), pl.col("edge").abs().mean().alias("edge"),
    ).collect()  # fmt: skip
    by_date = {row["game_date"]: row for row in found.iter_rows(named=True)}
    verdicts = []
    for day in dates:
        row = by_date.get(day, {"no_line": 0.0, "rows": 0, "actionable": 0, "edge": None})
        numbers = {"no_line_fraction": row["no_line"], "predictions": row["rows"], "actionable": row["actionable"]}
        verdicts.append(Verdict(day, row["no_line"] <= SETTINGS.coverage.no_line_warn, numbers))
    return verdicts


checks = checks_of(TABLE)


def _predicted(warehouse: Warehouse, dates: Sequence[date], floor: float) -> list[Verdict]:
    """Per date, the share of players with features, enough games and enough minutes who have a prediction."""
    wanted = SETTINGS.predicting
    eligible = (
        warehouse.scan(TABLES["features"], dates)
        .filter(pl.col("games_played_season") >= wanted.least_games, pl.col("minutes_mean_last_10_games") >= wanted.least_minutes)
        .filter(pl.all_horizontal(pl.col(MOVING_AVERAGE.required).is_not_null()))
        .select("game_date", "game_id", "player_id", "team").collect()
    )  # fmt: skip
    played = warehouse.scan(TABLES["schedule"], dates).filter(pl.col("status") != "postponed").select("game_id").collect()
    there = warehouse.scan(TABLE, dates).select("game_id", "player_id").unique().collect()
    names = warehouse.scan(TABLES["upcoming_players"], dates).select("game_id", "player_id", "player_name").collect()
    eligible = eligible.join(played, on="game_id", how="semi").join(names, on=["game_id", "player_id"], how="left")
    absent = eligible.join(there, on=["game_id", "player_id"], how="anti")
    return [
        share_verdict(day, mine.height - gone.height, mine.height, floor, gone["player_name"].to_list())
        for day in dates
        for mine, gone in [(eligible.filter(pl.col("game_date") == day), absent.filter(pl.col("game_date") == day))]
    ]

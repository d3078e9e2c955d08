"""features: what is known about every expected player before tip-off, one named column per feature.

Grain: one row per expected player per game
Source: upcoming_players, player_game_summary, schedule, prop_lines, boxscores (for the gate)
Caveats: every window ends strictly before `game_date`; null means unknown and is listed in `missing_features`, except
  `points_mean_versus_opponent_last_1095_days` without a meeting; features whose source the platform does not read yet
  (shot zones, injuries, game lines) are null in every row; players of a team with a hole among its last games are absent.
"""

from collections.abc import Sequence
from datetime import date

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline import gates
from nba_pipeline.assets import daily_asset, dates_of, days_before, if_there, note_left_out
from nba_pipeline.calendar import Clock
from nba_pipeline.checks import Verdict, dated_check, quarantine_of, share_verdict, uniqueness_of
from nba_pipeline.errors import Closed
from nba_pipeline.formulas.attendance import with_missed_games
from nba_pipeline.formulas.market_line import market_lines
from nba_pipeline.formulas.player_form import with_player_form
from nba_pipeline.formulas.rest import fatigue_score
from nba_pipeline.formulas.team_form import pace_score, with_team_form
from nba_pipeline.settings import SETTINGS
from nba_pipeline.systems import MOVING_AVERAGE
from nba_pipeline.table import TABLES, Row, Table
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.table_io import SLATE_CLOSED


def feature(description: str, low: float, high: float, family: str, required: bool = False, unit: str = "") -> dy.Float64:
    """A nullable Float64 feature. Outside [low, high] it is null and listed as missing."""
    return dy.Float64(
        nullable=True, min=low, max=high, description=f"{description}{f' ({unit})' if unit else ''}",
        metadata={"family": family, "required_for_betting": required},
    )  # fmt: skip


HISTORY, TEAM, GAME, MATCHUP, MARKET, EXTENDED = (
    "player_history", "team_context", "game_context", "matchup", "market", "extended",
)  # fmt: skip


class FeatureRows(Row):
    """Columns of `features`: identity, the features in the order of the domain's list, quality."""

    game_id = dy.String(description="the NBA's ten digits")
    player_id = dy.Int64(description="the NBA's person id")
    season = dy.String(description="1 July to 30 June, as 2024-25")
    team = dy.String(description="tricode")
    opponent = dy.String(description="tricode")
    games_played_season = dy.Int64(min=0, description="played games this season before the date")

    points_mean_last_5_games = feature("mean points, last 5 played games", 0, 60, HISTORY, True)
    points_mean_last_10_games = feature("mean points, last 10 played games", 0, 60, HISTORY, True)
    points_mean_season = feature("mean points, all played games this season", 0, 60, HISTORY, True)
    points_standard_deviation_last_10_games = feature("sample standard deviation of points, last 10", 0, 30, HISTORY, True)
    games_last_7_days = feature("games played in the 7 days before", 0, 5, GAME, True)
    fatigue_score = feature("100 is fresh", 0, 100, MATCHUP, True)
    shot_zone_mismatch_score = feature("own shot diet against the opponent's zones; positive favours", -10, 10, MATCHUP, True)
    pace_score = feature("expected pace of the game against the league's", -3, 3, MATCHUP, True)
    usage_spike_score = feature("usage gained from absent teammates", -3, 3, MATCHUP)
    rest_advantage_days = feature("own rest minus opponent's rest, clamped", -2, 2, GAME, True, "days")
    injury_risk_level = feature("0 available, 1 questionable, 2 doubtful, 3 out", 0, 3, GAME, True)
    points_trend_level_last_5_games = feature("last 2 games against the 3 before, -2 to 2", -2, 2, HISTORY, True)
    minutes_change_level_last_10_games = feature("last 10 games' minutes against the season's, -2 to 2", -2, 2, HISTORY, True)
    opponent_defensive_rating_last_15_games = feature("opponent's points allowed per 100 possessions", 90, 130, MATCHUP, True)
    opponent_pace_last_15_games = feature("opponent's possessions per 48 minutes", 85, 120, MATCHUP, True)
    home_court_level = feature("1 home, 0 away, 0.5 neutral", 0, 1, GAME, True)
    is_back_to_back = feature("1 when rest_days is 1", 0, 1, GAME, True)
    is_playoff_game = feature("1 in playoffs and play-in", 0, 1, GAME, True)
    paint_attempt_pct_last_10_games = feature("share of attempts in the paint", 0, 1, HISTORY, True)
    mid_range_attempt_pct_last_10_games = feature("share of attempts from mid-range", 0, 1, HISTORY, True)
    three_point_attempt_pct_last_10_games = feature("share of attempts from three", 0, 1, HISTORY, True)
    free_throw_point_pct_last_10_games = feature("share of points from free throws", 0, 1, HISTORY, True)
    team_pace_last_10_games = feature("own team's possessions per 48 minutes", 85, 120, TEAM, True)
    team_offensive_rating_last_10_games = feature("own team's points per 100 possessions", 90, 135, TEAM, True)
    team_win_pct_season = feature("own team's share of games won this season", 0, 1, TEAM, True)
    line = feature("market line, latest snapshot before tip-off", 5, 60, MARKET, unit="points")
    opening_line = feature("first snapshot of the same book", 5, 60, MARKET, unit="points")
    line_movement = feature("line minus opening_line", -15, 15, MARKET, unit="points")
    has_line = feature("1 when line is known", 0, 1, MARKET)
    points_mean_versus_opponent_last_1095_days = feature("mean points against this opponent", 0, 60, HISTORY, True)
    games_versus_opponent_last_1095_days = feature("games behind the mean", 0, 40, HISTORY, True)
    minutes_mean_last_10_games = feature("mean minutes, last 10", 0, 60, HISTORY, True, "min")
    points_per_minute_last_10_games = feature("points by minutes, last 10", 0, 1.5, HISTORY, True)

    missed_game_pct_last_10_team_games = feature("share of the team's last 10 games missed while on the team", 0, 1, EXTENDED)
    points_slope_last_10_games = feature("least-squares slope of points, last 10", -5, 5, EXTENDED, unit="points per game")
    points_z_score_last_5_games = feature("last 5 against the season, in season standard deviations", -4, 4, EXTENDED)
    is_breakout = feature("1 when the last 5 exceed the season by 1.5 standard deviations", 0, 1, EXTENDED)
    star_teammates_out = feature("star teammates listed out or doubtful", 0, 5, EXTENDED)
    game_total = feature("market total before tip-off", 180, 280, MARKET, unit="points")
    rest_days = feature("days since the last played game", 0, 30, EXTENDED, unit="days")
    minutes_sum_last_7_days = feature("minutes in the 7 days before", 0, 250, EXTENDED, unit="min")
    absolute_game_spread = feature("absolute market spread before tip-off", 0, 25, MARKET, unit="points")
    implied_team_total = feature("total / 2 - own spread / 2", 85, 145, MARKET, unit="points")
    points_mean_last_3_games = feature("mean points, last 3 played games", 0, 70, EXTENDED)
    points_slope_last_7_games = feature("least-squares slope of points, last 7", -5, 5, EXTENDED, unit="points per game")
    points_z_score_last_3_games = feature("last 3 against the season, in season standard deviations", -4, 4, EXTENDED)
    games_below_season_mean_streak = feature("last games in a row below the season's mean", 0, 20, EXTENDED)
    absent_teammates_usage_pct_sum_season = feature("season usage of teammates expected out", 0, 1, EXTENDED)
    usage_pct_last_5_games = feature("minute-weighted usage, last 5", 0, 0.6, EXTENDED)
    games_since_structural_change = feature("games since a trade or a gap of more than 14 days", 0, 110, EXTENDED)
    line_standard_deviation_across_books = feature("standard deviation of main lines over distinct feeds", 0, 5, EXTENDED)
    over_streak_lined_games = feature("last lined games in a row over the closing line", 0, 20, EXTENDED)
    under_streak_lined_games = feature("last lined games in a row under the closing line", 0, 20, EXTENDED)
    line_minus_points_mean_season = feature("line minus points_mean_season", -30, 30, EXTENDED, unit="points")

    latest_game_date = dy.Date(nullable=True, description="the last played game behind the windows; before game_date")
    missing_features = dy.List(dy.String(), description="features that are unknown, stale or out of range; and `age`")
    matchup_quality = dy.Float64(min=0, max=100, description="share of the family's required features present x 100")
    player_history_quality = dy.Float64(min=0, max=100, description="as matchup_quality")
    team_context_quality = dy.Float64(min=0, max=100, description="as matchup_quality")
    game_context_quality = dy.Float64(min=0, max=100, description="as matchup_quality")
    market_quality = dy.Float64(min=0, max=100, description="share of the market features present x 100")
    quality_score = dy.Float64(min=0, max=100, description="share of all required features present x 100")

    @dy.rule()
    def windows_end_before_the_date(cls) -> pl.Expr:
        """No feature sees the game it describes."""
        return pl.col("latest_game_date") < pl.col("game_date")


TABLE = Table(
    "features", grain="expected player per game", key=("game_id", "player_id"), schema=FeatureRows, cluster=("player_id", "team")
)
ABOUT = {name: column.metadata for name, column in FeatureRows.columns().items() if column.metadata}
FEATURES = tuple(ABOUT)
"""Every feature, in the order of the domain's list."""

REQUIRED_FOR_BETTING = tuple(name for name, about in ABOUT.items() if about["required_for_betting"])
"""What a system's declaration starts from; a system requires nothing that it does not read."""


PLAYOFF_SEASON_TYPES = ("playoffs", "play_in")
LARGEST_REST_ADVANTAGE_DAYS = 2
NOT_KNOWN = ("age",)
"""What `missing_features` always names: part of a definition, without a source."""

RANGES: dict[str, tuple[float, float]] = {
    name: (column.min, column.max)
    for name, column in FeatureRows.columns().items()
    if name in FEATURES and isinstance(column, dy.Float64) and column.min is not None and column.max is not None
}
"""Lowest and highest value of a feature; beyond them it is an error of a source, not a fact."""


def features_of(
    upcoming_players: pl.DataFrame, player_game_summary: pl.DataFrame, schedule: pl.DataFrame, prop_lines: pl.DataFrame
) -> pl.DataFrame:
    """One row per expected player per game in, the same rows out with every feature.

    The only producer of features, for training and serving: any number of dates at once, each seeing only what is
    before it, with the same bits however they are grouped and ordered. `player_game_summary` reaches back 1,095 days
    before the first date, `schedule` 31; what they hold of later dates is not looked at.
    """
    identity = ["game_date", *TABLE.key, "season", "season_type", "team", "opponent", "is_home", "is_neutral"]
    rows = upcoming_players.select(identity).sort("game_date", *TABLE.key)
    rows = with_player_form(rows, player_game_summary)
    rows = with_missed_games(rows, player_game_summary)
    rows = with_team_form(rows, player_game_summary, schedule)
    rows = _with_lines(rows, prop_lines)
    rows = rows.with_columns(
        pl.when(pl.col("is_neutral").fill_null(False)).then(0.5).otherwise(pl.col("is_home").cast(pl.Float64))
        .alias("home_court_level"),
        pl.col("season_type").is_in(PLAYOFF_SEASON_TYPES).cast(pl.Float64).alias("is_playoff_game"),
    )  # fmt: skip
    rows = _within_range(rows).with_columns(_compared()).with_columns(fatigue_score(), pace_score())
    unknown = [pl.lit(None, pl.Float64).alias(name) for name in FEATURES if name not in rows.columns]
    return (
        _with_missing(_within_range(rows.with_columns(unknown)))
        .with_columns(*_qualities(), pl.lit("player_game_summary, schedule, prop_lines").alias("source"))
        .select(*FeatureRows.column_names(), "source")
        .sort("game_date", *TABLE.key)
    )


def _with_lines(rows: pl.DataFrame, prop_lines: pl.DataFrame) -> pl.DataFrame:
    """The market's line and where it opened."""
    lines = market_lines(prop_lines.join(rows, on=list(TABLE.key), how="semi"), **SETTINGS.lines.cascade)
    columns = ["line", "opening_line", "line_standard_deviation_across_books"]
    return rows.join(lines.select(*TABLE.key, *columns), on=list(TABLE.key), how="left")


def _compared() -> list[pl.Expr]:
    """Features that compare other features, after those out of range are gone."""
    limit = LARGEST_REST_ADVANTAGE_DAYS
    return [
        (pl.col("rest_days") - pl.col("opponent_rest_days")).clip(-limit, limit).alias("rest_advantage_days"),
        (pl.col("line") - pl.col("opening_line")).alias("line_movement"),
        pl.col("line").is_not_null().cast(pl.Float64).alias("has_line"),
        (pl.col("line") - pl.col("points_mean_season")).alias("line_minus_points_mean_season"),
    ]


def _within_range(rows: pl.DataFrame) -> pl.DataFrame:
    """Every feature that is there as Float64, null outside its range."""
    ranges = {name: RANGES[name] for name in FEATURES if name in rows.columns}
    value = {name: pl.col(name).cast(pl.Float64) for name in ranges}
    return rows.with_columns(
        pl.when(value[name].is_between(low, high)).then(value[name]).alias(name) for name, (low, high) in ranges.items()
    )


def _is_present(name: str) -> pl.Expr:
    """Known, or rightly null: the mean against an opponent never met."""
    present = pl.col(name).is_not_null()
    if name == "points_mean_versus_opponent_last_1095_days":
        present = present | (pl.col("games_versus_opponent_last_1095_days") == 0).fill_null(False)
    return present


def _with_missing(rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with the names of what they lack. Few patterns occur, so each list is made once, not once per row."""
    bits = [pl.when(_is_present(name)).then(0).otherwise(1 << n) for n, name in enumerate(FEATURES)]
    rows = rows.with_columns(pl.sum_horizontal(bits).alias("pattern"))
    names = [pl.when(~_is_present(name)).then(pl.lit(name)) for name in FEATURES]
    lists = pl.concat_list(*names, *[pl.lit(name) for name in NOT_KNOWN]).list.drop_nulls()
    patterns = rows.unique("pattern").select("pattern", lists.alias("missing_features"))
    return rows.join(patterns, on="pattern", how="left", maintain_order="left")


def _qualities() -> list[pl.Expr]:
    """Percentage of features present: required ones per family, all of the market's, all required ones."""
    families: dict[str, list[str]] = {
        f"{family}_quality": [name for name in REQUIRED_FOR_BETTING if _family(name) == family]
        for family in (MATCHUP, HISTORY, TEAM, GAME)
    }
    families["market_quality"] = [name for name in FEATURES if _family(name) == MARKET]
    families["quality_score"] = list(REQUIRED_FOR_BETTING)
    return [
        (100 * pl.sum_horizontal(_is_present(name) for name in names) / len(names)).alias(quality)
        for quality, names in families.items()
    ]


def _family(name: str) -> str:
    return str((FeatureRows.columns()[name].metadata or {})["family"])


MAY_BE_CONSTANT = (
    "is_back_to_back", "is_playoff_game", "has_line", "is_breakout", "home_court_level", "line_movement",
    "games_versus_opponent_last_1095_days",
)  # fmt: skip
"""Features that may well be the same for everybody on a slate."""

LEAST_ROWS_TO_VARY = 50
CODE_VERSION = "1"
HISTORY_DAYS = 1100
"""The longest window, 1,095 days against an opponent, and some."""


@daily_asset(
    TABLE, module=__name__, description=__doc__, kinds={"polars"}, code_version=CODE_VERSION,
    ins={
        "player_game_summary": days_before(HISTORY_DAYS), "schedule": days_before(gates.RECENT_DAYS, through=0),
        "boxscores": days_before(gates.RECENT_DAYS), "prop_lines": if_there(),
    },
)  # fmt: skip
def features(
    context: dg.AssetExecutionContext, upcoming_players: pl.DataFrame, player_game_summary: pl.DataFrame, schedule: pl.DataFrame,
    boxscores: pl.DataFrame, prop_lines: pl.DataFrame, clock: Clock,
) -> pl.DataFrame:  # fmt: skip
    """The features of the expected players whose team has no hole, on the slates that are open."""
    dates = dates_of(context)
    slates, held_back = gates.judge_slates(schedule, boxscores, dates, clock.as_of)
    closed = slates.filter(~pl.col("is_open"))
    if closed.height == len(dates):
        first = closed.row(0, named=True)
        raise Closed(
            f"the slate of {first['game_date']} is closed: {first['recent_complete']} of {first['recent_games']} final games of "
            f"the last {SETTINGS.coverage.recent_slates} slates have a complete box score; missing: {', '.join(first['missing'][:20])}"
        )
    expected = upcoming_players.filter(~pl.col("game_date").is_in(closed["game_date"].implode())).join(
        held_back.select("game_date", "team").unique(), on=["game_date", "team"], how="anti"
    )
    names = pl.concat(
        [
            held_back.select("game_date", pl.format("{} ({})", "team", "matchup").alias("name")),
            closed.select("game_date", pl.lit(SLATE_CLOSED).alias("name")),
        ]
    )
    note_left_out(
        context, {str(day): names.filter(pl.col("game_date") == day)["name"].to_list() for day in names["game_date"].unique()}
    )
    return features_of(expected, player_game_summary, schedule, prop_lines.filter(pl.col("snapshot_at") <= clock.as_of))


@dated_check(TABLE, blocking=True)
def enough_expected_players_have_features(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """At least 80 % of the expected players of teams without a hole have a row."""
    return _present(warehouse, dates, clock, SETTINGS.coverage.enough)


@dated_check(TABLE)
def every_expected_player_has_features(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """Every expected player has a row; those of teams with a hole are named."""
    return _present(warehouse, dates, clock, 1.0, count_held_back=True)


@dated_check(TABLE, blocking=True)
def enough_players_are_ready(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """At least 60 % of the players with 5 games have what the baseline needs in order to predict; bootstrap passes."""
    return _ready(warehouse, dates, SETTINGS.coverage.ready_block)


@dated_check(TABLE)
def most_players_are_ready(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """At least 80 % of the players with 5 games are ready."""
    return _ready(warehouse, dates, SETTINGS.coverage.ready_proceed)


@dated_check(TABLE)
def no_feature_is_constant(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """On a slate of 50 rows or more no feature has one and the same value for everybody; an all-null feature is missing instead."""
    varying = [name for name in FEATURES if name not in MAY_BE_CONSTANT]
    found = warehouse.scan(TABLE, dates).group_by("game_date").agg(
        pl.len().alias("rows"), pl.col("quality_score").mean(), *(pl.col(name).drop_nulls().n_unique().alias(name) for name in varying)
    ).collect()  # fmt: skip
    by_date = {row["game_date"]: row for row in found.iter_rows(named=True)}
    verdicts = []
    for day in dates:
        row = by_date.get(day, {"rows": 0, "quality_score": None})
        constant = [name for name in varying if row["rows"] >= LEAST_ROWS_TO_VARY and row.get(name) == 1]
        numbers = {"rows": row["rows"], "constant_features": len(constant), "quality_share": (row["quality_score"] or 0) / 100}
        verdicts.append(Verdict(day, not constant, numbers, constant))
    return verdicts


key_is_unique = uniqueness_of(TABLE)
no_row_is_quarantined = quarantine_of(TABLE)


def _present(
    warehouse: Warehouse, dates: Sequence[date], clock: Clock, floor: float, count_held_back: bool = False
) -> list[Verdict]:
    expected = (
        warehouse.scan(TABLES["upcoming_players"], dates)
        .select("game_date", "game_id", "player_id", "player_name", "team")
        .collect()
    )
    if not count_held_back:
        _, held_back = gates.judge_slates(*gates.before(warehouse, dates), dates, clock.as_of)
        expected = expected.join(held_back.select("game_date", "team").unique(), on=["game_date", "team"], how="anti")
    there = warehouse.scan(TABLE, dates).select("game_id", "player_id").collect()
    missing = expected.join(there, on=["game_id", "player_id"], how="anti")
    verdicts = []
    for day in dates:
        wanted, absent = (frame.filter(pl.col("game_date") == day) for frame in (expected, missing))
        names = [f"{name} ({team})" for name, team in absent.select("player_name", "team").iter_rows()]
        verdicts.append(share_verdict(day, wanted.height - absent.height, wanted.height, floor, names))
    return verdicts


def _ready(warehouse: Warehouse, dates: Sequence[date], floor: float) -> list[Verdict]:
    rows = gates.judge_readiness(warehouse.scan(TABLE, dates).collect(), MOVING_AVERAGE.required, dates)
    return [share_verdict(row["game_date"], row["ready"], row["expected"], floor) for row in rows.iter_rows(named=True)]

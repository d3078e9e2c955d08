"""features: what is known about every expected player before tip-off, one named column per feature.

Grain: one row per expected player per game
Source: upcoming_players, player_form, player_shot_zones, team_defense_zones, matchups, career_form, team_outlook,
  expected_absences, prop_lines and game_lines of the date; schedule and boxscores of earlier dates for the gate
Caveats: every window ends strictly before `game_date`; every line and report is from before tip-off; null means unknown
  and is listed in `missing_features`, except `points_mean_versus_opponent_last_1095_days` without an earlier meeting;
  players of a team with an incomplete box score among its last games are absent.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset, dates_of, days_before, optional_input, note_left_out
from nba_pipeline.asset_factory.checks import Verdict, checks_of, dated_check, share_verdict
from nba_pipeline.assets.features.career_form import CODE_VERSION as CAREER_VERSION
from nba_pipeline.assets.features.career_form import CareerFormFeatures
from nba_pipeline.assets.features.expected_absences import CODE_VERSION as ABSENCES_VERSION
from nba_pipeline.assets.features.expected_absences import ExpectedAbsenceFeatures, ExpectedAbsenceRows
from nba_pipeline.assets.features.matchups import CODE_VERSION as MATCHUPS_VERSION
from nba_pipeline.assets.features.matchups import MatchupRows
from nba_pipeline.assets.features.player_form import CODE_VERSION as FORM_VERSION
from nba_pipeline.assets.features.player_form import PlayerFormRows
from nba_pipeline.assets.features.player_shot_zones import CODE_VERSION as DIET_VERSION
from nba_pipeline.assets.features.team_defense_zones import CODE_VERSION as DEFENSE_VERSION
from nba_pipeline.assets.features.team_outlook import CODE_VERSION as OUTLOOK_VERSION
from nba_pipeline.assets.features.team_outlook import TeamOutlookFeatures
from nba_pipeline.assets.features.upcoming_players import CODE_VERSION as UPCOMING_VERSION
from nba_pipeline.completeness import gates
from nba_pipeline.errors import Closed
from nba_pipeline.formulas.game_line import game_lines_of
from nba_pipeline.formulas.market_line import market_lines
from nba_pipeline.formulas.quality import TIERS, known_share, tier, with_names
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import days
from nba_pipeline.settings import SETTINGS
from nba_pipeline.systems import MOVING_AVERAGE
from nba_pipeline.tables.feature_column import feature
from nba_pipeline.tables.table import TABLES, Row, Table, code
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.io_manager import SLATE_CLOSED

HISTORY, TEAM, GAME, MATCHUP, MARKET, EXTENDED = (
    "player_history", "team_context", "game_context", "matchup", "market", "extended",
)  # fmt: skip


class FeatureRows(Row, CareerFormFeatures, TeamOutlookFeatures, ExpectedAbsenceFeatures):
    """Columns of `features`: identity, the features in the order of the domain's list, and quality."""

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
    line_minus_previous_closing_line = feature(
        "line minus the closing line of the last lined game", -20, 20, EXTENDED, unit="points"
    )
    over_pct_last_10_lined_games = feature("share of the last 10 lined games over the closing line", 0, 1, EXTENDED)
    points_minus_closing_line_mean_last_5_lined_games = feature("mean of points minus closing line", -25, 25, EXTENDED)
    blowout_pct_last_10_team_games = feature("share of the team's last 10 games with a margin of 15 or more", 0, 1, EXTENDED)
    minutes_standard_deviation_last_10_games = feature(
        "sample standard deviation of minutes, last 10", 0, 20, EXTENDED, unit="min"
    )
    team_pace_minus_opponent_pace = feature("team_pace_last_10_games minus opponent_pace_last_15_games", -20, 20, EXTENDED)
    line_movement_direction = feature("moves of the book's main line up minus moves down", -5, 5, EXTENDED)
    price_skew = feature("no-vig probability of the over minus that of the under", -1, 1, EXTENDED)
    self_creation_pct_last_10_games = feature("share of made field goals without an assist, last 10", 0, 1, EXTENDED)
    late_line_movements = feature("moves of the book's main line in the last 6 hours before tip-off", 0, 50, EXTENDED)

    absence_evidence = ExpectedAbsenceRows.absence_evidence
    plays_probability = ExpectedAbsenceRows.plays_probability
    age_years = dy.Float64(nullable=True, min=15, max=60, description="part of fatigue_score; null without a roster")
    is_window_complete = dy.Bool(nullable=True, description="see player_form; null without a game")
    injury_status = dy.String(
        nullable=True, description="see upcoming_players; null: not listed, or unknown as the risk level is"
    )
    latest_game_date = dy.Date(nullable=True, description="the last played game behind the windows; before game_date")
    missing_features = dy.List(dy.String(), description="features that are unknown, stale or out of range; and `age`")
    matchup_quality = dy.Float64(min=0, max=100, description="share of the family's required features present x 100")
    player_history_quality = dy.Float64(min=0, max=100, description="as matchup_quality")
    team_context_quality = dy.Float64(min=0, max=100, description="as matchup_quality")
    game_context_quality = dy.Float64(min=0, max=100, description="as matchup_quality")
    market_quality = dy.Float64(min=0, max=100, description="share of the market features present x 100")
    quality_score = dy.Float64(min=0, max=100, description="share of all required features present x 100")
    quality_tier = code(TIERS, "of quality_score: gold from 95, silver from 85, bronze from 70, poor from 50")

    @dy.rule()
    def windows_end_before_the_date(cls) -> pl.Expr:
        """No feature contains data of the game itself."""
        return pl.col("latest_game_date") < pl.col("game_date")


TABLE = Table(
    "features", grain="expected player per game", key=("game_id", "player_id"), schema=FeatureRows, cluster=("player_id", "team")
)
ABOUT = {name: column.metadata for name, column in FeatureRows.columns().items() if column.metadata}
FEATURES = tuple(ABOUT)
"""All features, in the order of the domain's list."""

REQUIRED_FOR_BETTING = tuple(name for name, about in ABOUT.items() if about["required_for_betting"])
"""Default requirements for a bet. A system requires only features that it reads."""


OF_THE_FORM = (
    *(name for name in FEATURES if name in PlayerFormRows.column_names()), "games_played_season", "latest_game_date",
    "opponent_rest_days", "previous_closing_line", "is_window_complete",
)  # fmt: skip
OF_THE_MATCHUP = (*(name for name in FEATURES if name in MatchupRows.column_names()), "age_years")
OF_THE_DIET = (
    "paint_attempt_pct_last_10_games", "mid_range_attempt_pct_last_10_games", "three_point_attempt_pct_last_10_games",
    "assisted_pct_last_10_games",
)  # fmt: skip
OF_THE_LINE = (
    "line", "opening_line", "line_standard_deviation_across_books", "price_skew", "line_movement_direction",
    "late_line_movements",
)  # fmt: skip
PLAYOFF_SEASON_TYPES = ("playoffs", "play_in")
LARGEST_REST_ADVANTAGE_DAYS = 2

RANGES: dict[str, tuple[float, float]] = {
    name: (column.min, column.max)
    for name, column in FeatureRows.columns().items()
    if name in FEATURES and isinstance(column, dy.Float64) and column.min is not None and column.max is not None
}
"""Feature -> lowest and highest value. A value outside the range is a source error."""

OWN_VERSION = "3"
MADE_BY = (
    OWN_VERSION, UPCOMING_VERSION, FORM_VERSION, DIET_VERSION, DEFENSE_VERSION, MATCHUPS_VERSION, CAREER_VERSION,
    OUTLOOK_VERSION, ABSENCES_VERSION,
)  # fmt: skip
CODE_VERSION = hashlib.sha256(json.dumps([MADE_BY, RANGES]).encode()).hexdigest()[:12]
"""Hash of the code versions and ranges of the feature tables. Rows with another value are stale."""


def features_of(
    upcoming_players: pl.DataFrame, player_form: pl.DataFrame, player_shot_zones: pl.DataFrame,
    team_defense_zones: pl.DataFrame, matchups: pl.DataFrame, career_form: pl.DataFrame, team_outlook: pl.DataFrame,
    expected_absences: pl.DataFrame, prop_lines: pl.DataFrame, game_lines: pl.DataFrame,
    as_of: datetime | None = None,
) -> pl.DataFrame:  # fmt: skip
    """Adds every feature to the expected players. One row per expected player per game in and out.

    This function produces all features, for training and for serving. It accepts any number of dates; each date sees only
    earlier data. Values are bitwise identical for any grouping and order of the dates. Lines count if they were shown before
    tip-off and not after `as_of`.
    """
    identity = ["game_date", *TABLE.key, "season", "season_type", "team", "opponent", "is_home", "is_neutral", "tipoff_at"]
    reported = ["injury_status", "injury_risk_level"]
    key = list(TABLE.key)
    defense = team_defense_zones.select(
        "game_date", pl.col("team").alias("opponent"),
        *[pl.col(f"{what}_last_15_games").alias(f"opponent_{what}_last_15_games") for what in ("defensive_rating", "pace")],
    )  # fmt: skip
    diet = player_shot_zones.select("game_date", "player_id", *OF_THE_DIET)
    rows = (
        upcoming_players.select(*identity, *reported)
        .join(player_form.select(*key, *OF_THE_FORM), on=key, how="left")
        .join(matchups.select(*key, *OF_THE_MATCHUP), on=key, how="left")
        .join(career_form.select(*key, *CareerFormFeatures.column_names()), on=key, how="left")
        .join(team_outlook.select("game_id", "team", *TeamOutlookFeatures.column_names()), on=["game_id", "team"], how="left")
        .join(
            expected_absences.select(*key, "absence_evidence", "plays_probability", *ExpectedAbsenceFeatures.column_names()),
            on=key,
            how="left",
        )
        .join(diet, on=["game_date", "player_id"], how="left")
        .join(defense, on=["game_date", "opponent"], how="left")
    )
    rows = _with_market(rows, prop_lines, game_lines, as_of).with_columns(
        pl.when(pl.col("is_neutral").fill_null(False)).then(0.5).otherwise(pl.col("is_home").cast(pl.Float64))
        .alias("home_court_level"),
        pl.col("season_type").is_in(PLAYOFF_SEASON_TYPES).cast(pl.Float64).alias("is_playoff_game"),
        pl.col("games_played_season").fill_null(0),
        (1 - pl.col("assisted_pct_last_10_games")).alias("self_creation_pct_last_10_games"),
    )  # fmt: skip
    rows = _within_range(_within_range(rows).with_columns(_compared()))
    missing = {name: ~_is_present(name) for name in FEATURES} | {"age": pl.col("age_years").is_null()}
    return (
        with_names(rows, "missing_features", missing)
        .with_columns(*_qualities())
        .with_columns(tier("quality_score").alias("quality_tier"))
        .select(*FeatureRows.column_names(), pl.lit(SOURCE).alias("source"))
        .sort("game_date", *TABLE.key)
    )


SOURCE = "upcoming_players, player_form, player_shot_zones, team_defense_zones, matchups, career_form, team_outlook, expected_absences, prop_lines, game_lines"


def _with_market(rows: pl.DataFrame, prop_lines: pl.DataFrame, game_lines: pl.DataFrame, as_of: datetime | None) -> pl.DataFrame:
    """Adds the player's market line and its movement, and the spread and total of the game."""
    key = list(TABLE.key)
    offered = prop_lines.join(rows, on=key, how="semi")
    shown = offered if as_of is None else offered.filter(pl.col("snapshot_at") <= as_of)
    lines = market_lines(shown, **SETTINGS.lines.cascade).select(*key, *OF_THE_LINE)
    return game_lines_of(rows.join(lines, on=key, how="left"), game_lines, as_of=as_of, **SETTINGS.lines.game_cascade)


def _compared() -> list[pl.Expr]:
    """Features that compare other features. They are computed after values out of range became null."""
    limit = LARGEST_REST_ADVANTAGE_DAYS
    return [
        (pl.col("rest_days") - pl.col("opponent_rest_days")).clip(-limit, limit).alias("rest_advantage_days"),
        (pl.col("line") - pl.col("opening_line")).alias("line_movement"),
        pl.col("line").is_not_null().cast(pl.Float64).alias("has_line"),
        (pl.col("line") - pl.col("points_mean_season")).alias("line_minus_points_mean_season"),
        (pl.col("line") - pl.col("previous_closing_line")).alias("line_minus_previous_closing_line"),
        (pl.col("team_pace_last_10_games") - pl.col("opponent_pace_last_15_games")).alias("team_pace_minus_opponent_pace"),
    ]


def _within_range(rows: pl.DataFrame) -> pl.DataFrame:
    """Casts the existing features to Float64 and replaces values outside their range by null."""
    ranges = {name: RANGES[name] for name in FEATURES if name in rows.columns}
    value = {name: pl.col(name).cast(pl.Float64) for name in ranges}
    return rows.with_columns(
        pl.when(value[name].is_between(low, high)).then(value[name]).alias(name) for name, (low, high) in ranges.items()
    )


def _is_present(name: str) -> pl.Expr:
    """Whether a feature is known. The mean against an opponent is also present if there was no earlier meeting."""
    present = pl.col(name).is_not_null()
    if name == "points_mean_versus_opponent_last_1095_days":
        present = present | (pl.col("games_versus_opponent_last_1095_days") == 0).fill_null(False)
    return present


def _qualities() -> list[pl.Expr]:
    """Percentages of features present: required ones per family, all market features, all required ones."""
    families: dict[str, list[str]] = {
        f"{family}_quality": [name for name in REQUIRED_FOR_BETTING if _family(name) == family]
        for family in (MATCHUP, HISTORY, TEAM, GAME)
    }
    families["market_quality"] = [name for name in FEATURES if _family(name) == MARKET]
    families["quality_score"] = list(REQUIRED_FOR_BETTING)
    return [known_share([_is_present(name) for name in names]).alias(quality) for quality, names in families.items()]


def _family(name: str) -> str:
    return str(ABOUT[name]["family"])


@daily_asset(
    TABLE, module=__name__, description=__doc__, kinds={"polars"}, code_version=CODE_VERSION,
    ins={
        "schedule": days_before(gates.RECENT_DAYS, through=0), "boxscores": days_before(gates.RECENT_DAYS),
        "prop_lines": optional_input(), "game_lines": optional_input(), "player_shot_zones": optional_input(), "team_defense_zones": optional_input(),
        "matchups": optional_input(), "career_form": optional_input(), "team_outlook": optional_input(), "expected_absences": optional_input(),
    },
)  # fmt: skip
def features(
    context: dg.AssetExecutionContext, upcoming_players: pl.DataFrame, player_form: pl.DataFrame, player_shot_zones: pl.DataFrame,
    team_defense_zones: pl.DataFrame, matchups: pl.DataFrame, career_form: pl.DataFrame, team_outlook: pl.DataFrame,
    expected_absences: pl.DataFrame, prop_lines: pl.DataFrame, game_lines: pl.DataFrame, schedule: pl.DataFrame, boxscores: pl.DataFrame, clock: Clock,
) -> pl.DataFrame:  # fmt: skip
    """The features of expected players on open slates whose team is not held back."""
    slates, held_back = gates.judge_slates(schedule, boxscores, dates_of(context), clock.as_of)
    expected, left_out = ready_players(upcoming_players, slates, held_back)
    note_left_out(context, left_out)
    return features_of(
        expected,
        player_form,
        player_shot_zones,
        team_defense_zones,
        matchups,
        career_form,
        team_outlook,
        expected_absences,
        prop_lines,
        game_lines,
        clock.as_of,
    )


def ready_players(
    upcoming_players: pl.DataFrame, slates: pl.DataFrame, held_back: pl.DataFrame
) -> tuple[pl.DataFrame, dict[str, list[str]]]:
    """Returns the expected players of open slates whose team is not held back, and per date the excluded teams and slates.

    Raises Closed if every slate is closed.
    """
    closed = slates.filter(~pl.col("is_open"))
    if closed.height == slates.height:
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
    by_date = names.group_by("game_date", maintain_order=True).agg("name")
    return expected, {str(day): told for day, told in by_date.iter_rows()}


@dated_check(TABLE, blocking=True)
def enough_expected_players_have_features(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """At least 80 % of the expected players have a row, without those of held-back teams."""
    return _present(warehouse, dates, clock, SETTINGS.coverage.enough)


@dated_check(TABLE)
def every_expected_player_has_features(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """Every expected player has a row. Missing players are named, including those of held-back teams."""
    return _present(warehouse, dates, clock, 1.0, count_held_back=True)


@dated_check(TABLE, blocking=True)
def enough_players_are_ready(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """At least 60 % of the players with 5 games have the features that the baseline requires. Dates without such players pass."""
    return _ready(warehouse, dates, SETTINGS.coverage.ready_block)


@dated_check(TABLE)
def most_players_are_ready(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """At least 80 % of the players with 5 games are ready."""
    return _ready(warehouse, dates, SETTINGS.coverage.ready_proceed)


@dated_check(TABLE, blocking=True)
def no_feature_is_constant(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """No player or team measure has a single value on a slate. A feature that is null in every row is missing, not constant."""
    return _varied(warehouse, dates, {name: (0.0, 2) for name in SETTINGS.slates.never_constant})


@dated_check(TABLE)
def every_feature_varies(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """Each feature has the spread and the number of distinct values that are usual for a slate of its size."""
    return _varied(warehouse, dates, SETTINGS.slates.usual_variation)


@dated_check(TABLE, is_error=True)
def no_feature_loses_its_source(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """No feature's null share exceeds that of the 30 days before by more than 10 points. The null shares are plotted.

    Features from reports and lines arrive during the day. They are not judged here.
    """
    wanted = SETTINGS.slates
    span = days(min(dates) - timedelta(days=wanted.null_share_days), max(dates))
    known = warehouse.scan(TABLE, span).filter(pl.col("games_played_season") >= SETTINGS.predicting.least_games)
    absent = [(~_is_present(name)).sum().alias(name) for name in FEATURES]
    counts = known.group_by("game_date").agg(pl.len().alias("rows"), *absent).collect()
    verdicts = []
    for day in dates:
        now = counts.filter(pl.col("game_date") == day)
        age = (pl.lit(day) - pl.col("game_date")).dt.total_days()
        earlier = counts.filter(age.is_between(1, wanted.null_share_days))
        before = earlier.select(pl.col("rows", *FEATURES).sum())
        shares = {name: now[name][0] / now["rows"][0] for name in FEATURES} if now.height else {}
        usual = {name: before[name][0] / before["rows"][0] for name in FEATURES} if before["rows"][0] else shares
        is_judged = bool(shares) and now["rows"][0] >= wanted.least_rows and earlier.height >= wanted.least_dates_to_compare
        lost = [
            name for name, share in shares.items()
            if is_judged and name not in wanted.come_during_the_day and share > usual[name] + wanted.null_share_rise
        ]  # fmt: skip
        told = [f"{name} ({usual[name]:.0%} to {shares[name]:.0%})" for name in lost]
        verdicts.append(Verdict(day, not lost, {f"null_share_{name}": share for name, share in shares.items()}, told))
    return verdicts


@dated_check(TABLE)
def most_rows_are_of_quality(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """At least 60 % of the rows of players with 5 games are bronze or better. The share of each tier is plotted."""
    tiers = (
        warehouse.scan(TABLE, dates).filter(pl.col("games_played_season") >= SETTINGS.predicting.least_games)
        .group_by("game_date", "quality_tier").len().collect()
    )  # fmt: skip
    verdicts = []
    for day in dates:
        rows = dict(tiers.filter(pl.col("game_date") == day).select("quality_tier", "len").iter_rows())
        count = sum(rows.values())
        shares = {f"{name}_fraction": rows.get(name, 0) / count for name in TIERS} if count else {}
        fine = sum(rows.get(name, 0) for name in ("gold", "silver", "bronze"))
        verdicts.append(Verdict(day, fine >= SETTINGS.slates.least_of_quality * count, {"rows": count, **shares}))
    return verdicts


@dated_check(TABLE)
def every_lined_player_has_features(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """Every player with a line from before tip-off has a row. Missing players are named, including those of held-back teams."""
    market = pl.col("market") == SETTINGS.lines.market
    lined = (
        warehouse.scan(TABLES["prop_lines"], dates).filter(market, pl.col("is_before_tipoff"))
        .group_by("game_date", "game_id", "player_id").agg(pl.col("spelling").first()).collect()
    )  # fmt: skip
    there = warehouse.scan(TABLE, dates).select("game_id", "player_id").collect()
    absent = lined.join(there, on=["game_id", "player_id"], how="anti")
    return [
        share_verdict(day, mine.height - gone.height, mine.height, 1.0, gone["spelling"].sort().to_list(), "lined_share")
        for day in dates
        for mine, gone in [(lined.filter(pl.col("game_date") == day), absent.filter(pl.col("game_date") == day))]
    ]


def _varied(warehouse: Warehouse, dates: Sequence[date], wanted: Mapping[str, tuple[float, int]]) -> list[Verdict]:
    """Per date, the features with too little spread or too few distinct values, on slates with at least 50 known players.

    The required number of values grows with the number of rows, up to that of a full slate.
    """
    full = SETTINGS.slates.full_slate_rows
    rows = warehouse.scan(TABLE, dates).filter(pl.col("games_played_season") >= SETTINGS.predicting.least_games)
    found = rows.group_by("game_date").agg(
        pl.len().alias("rows"),
        *[pl.col(name).std().alias(f"{name}_spread") for name in wanted],
        *[pl.col(name).drop_nulls().n_unique().alias(f"{name}_values") for name in wanted],
    ).collect()  # fmt: skip
    by_date = {row["game_date"]: row for row in found.iter_rows(named=True)}
    verdicts = []
    for day in dates:
        row = by_date.get(day, {"rows": 0})
        flat = []
        for name, (least_spread, least_values) in wanted.items() if row["rows"] >= SETTINGS.slates.least_rows else ():
            spread, values = row[f"{name}_spread"], row[f"{name}_values"]
            enough = max(2, int(least_values * min(1, row["rows"] / full)))
            if values and (spread is None or spread < least_spread or values < enough):
                flat.append(f"{name} ({values} values, standard deviation {spread or 0:.2f})")
        verdicts.append(Verdict(day, not flat, {"rows": row["rows"], "flat_features": len(flat)}, flat))
    return verdicts


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


checks = checks_of(TABLE)

"""features: what is known about every expected player before tip-off, one named column per feature.

Grain: one row per expected player per game
Source: upcoming_players, player_form, player_shot_zones, team_defense_zones, matchups, career_form, team_outlook,
  expected_absences, prop_lines and game_lines of the date; schedule and boxscores of earlier dates for the gate
Caveats: every window ends strictly before `game_date`; every line and report is from before tip-off; null means unknown
  and is listed in `missing_features`, except `points_mean_versus_opponent_last_1095_days` without an earlier meeting;
  players of a team with an incomplete box score among its last games have no row.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset, dates_of, days_before, optional_input, record_excluded
from nba_pipeline.asset_factory.checks import checks_of, coverage_check, dated_check
from nba_pipeline.asset_factory.verdicts import (
    MISSING,
    PASSED,
    for_each_date,
    share_present,
    verdict_rows,
    with_presence,
    with_share,
)
from nba_pipeline.assets.features.career_form import CareerFormFeatures, MarketFormFeatures
from nba_pipeline.assets.features.expected_absences import ExpectedAbsenceFeatures, ExpectedAbsenceRows
from nba_pipeline.assets.features.matchups import MatchupRows
from nba_pipeline.assets.features.player_form import PlayerFormRows
from nba_pipeline.assets.features.team_outlook import TeamOutlookFeatures
from nba_pipeline.completeness import history, slate_gates
from nba_pipeline.formulas.compared_features import compared_features, game_context
from nba_pipeline.formulas.feature_quality import is_present, qualities, within_range
from nba_pipeline.formulas.feature_variation import flat_features
from nba_pipeline.formulas.game_line import game_lines_of
from nba_pipeline.formulas.market_line import market_lines
from nba_pipeline.formulas.null_shares import absent_counts, null_shares_with_earlier
from nba_pipeline.formulas.quality import TIERS, tier, with_names
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import days
from nba_pipeline.settings import SETTINGS
from nba_pipeline.systems.moving_average import MOVING_AVERAGE  # the package would make every system part of this table
from nba_pipeline.tables.feature_column import feature
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Row, Table, code
from nba_pipeline.warehouse import Warehouse

HISTORY, TEAM, GAME, MATCHUP, MARKET, EXTENDED = (
    "player_history",
    "team_context",
    "game_context",
    "matchup",
    "market",
    "extended",
)

LOWEST_LINE = SETTINGS.lines.lower_bound((SETTINGS.lines.market,))


class FeatureRows(Row, CareerFormFeatures, TeamOutlookFeatures, ExpectedAbsenceFeatures, MarketFormFeatures):
    """Columns of `features`: identity, the features in a fixed order, and quality."""

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
    fatigue_score = feature("freshness: 100 is fully rested", 0, 100, MATCHUP, True)
    shot_zone_mismatch_score = feature(
        "own shot diet against the opponent's zones; positive favors the player", -10, 10, MATCHUP, True
    )
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
    line = feature("market line, latest snapshot before tip-off", LOWEST_LINE, 60, MARKET, unit="points")
    opening_line = feature("first snapshot of the same book", LOWEST_LINE, 60, MARKET, unit="points")
    line_movement = feature("line minus opening_line", -15, 15, MARKET, unit="points")
    has_line = feature("1 when line is known", 0, 1, MARKET)
    points_mean_versus_opponent_last_1095_days = feature("mean points against this opponent", 0, 60, HISTORY, True)
    games_versus_opponent_last_1095_days = feature("games in the mean", 0, 40, HISTORY, True)
    minutes_mean_last_10_games = feature("mean minutes, last 10", 0, 60, HISTORY, True, "min")
    points_per_minute_last_10_games = feature("points per minute, last 10 games", 0, 1.5, HISTORY, True)

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
    shot_zone_points_effect = feature("points gained from the opponent's defense by zone", -6, 6, MATCHUP)
    free_throw_points_effect = feature("points gained from the free throws that the opponent allows", -1, 1, MATCHUP)
    points_mean_similar_games = feature("mean points of the player's similar games, weighted", 0, 60, MATCHUP)
    same_venue_pct_similar_games = feature("share of the similar games at the same venue", 0, 1, MATCHUP)

    absence_evidence = ExpectedAbsenceRows.absence_evidence
    plays_probability = ExpectedAbsenceRows.plays_probability
    age_years = dy.Float64(nullable=True, min=15, max=60, description="part of fatigue_score; null without a roster")
    is_window_complete = dy.Bool(nullable=True, description="see player_form; null without a game")
    injury_status = dy.String(
        nullable=True, description="see upcoming_players; null: not listed, or unknown (injury_risk_level is null)"
    )
    latest_game_date = dy.Date(nullable=True, description="the last played game in the windows; before game_date")
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
"""All features, in the order of the columns."""

REQUIRED_FOR_BETTING = tuple(name for name, about in ABOUT.items() if about["required_for_betting"])
"""Default requirements for a bet. A system requires only features that it reads."""


FORM_COLUMNS = (
    *(name for name in FEATURES if name in PlayerFormRows.column_names()),
    "games_played_season",
    "latest_game_date",
    "opponent_rest_days",
    "previous_closing_line",
    "is_window_complete",
)
MATCHUP_COLUMNS = (*(name for name in FEATURES if name in MatchupRows.column_names()), "age_years")
CAREER_COLUMNS = (*CareerFormFeatures.column_names(), *MarketFormFeatures.column_names())
ABSENCE_COLUMNS = (*ExpectedAbsenceFeatures.column_names(), "absence_evidence", "plays_probability")
DIET_COLUMNS = (
    "paint_attempt_pct_last_10_games",
    "mid_range_attempt_pct_last_10_games",
    "three_point_attempt_pct_last_10_games",
    "assisted_pct_last_10_games",
)
LINE_COLUMNS = (
    "line",
    "opening_line",
    "line_standard_deviation_across_books",
    "price_skew",
    "line_movement_direction",
    "late_line_movements",
)

RANGES: dict[str, tuple[float, float]] = {
    name: (column.min, column.max)
    for name, column in FeatureRows.columns().items()
    if name in FEATURES and isinstance(column, dy.Float64) and column.min is not None and column.max is not None
}
"""Feature -> lowest and highest value. A value outside the range is a source error."""

QUALITIES: Mapping[str, Sequence[str]] = {
    **{
        f"{family}_quality": [name for name in REQUIRED_FOR_BETTING if ABOUT[name]["family"] == family]
        for family in (MATCHUP, HISTORY, TEAM, GAME)
    },
    "market_quality": [name for name, about in ABOUT.items() if about["family"] == MARKET],
    "quality_score": REQUIRED_FOR_BETTING,
}
"""Quality score -> its features: the required ones of a family, all market features, all required ones."""


def features_of(
    upcoming_players: pl.DataFrame,
    player_form: pl.DataFrame,
    player_shot_zones: pl.DataFrame,
    team_defense_zones: pl.DataFrame,
    matchups: pl.DataFrame,
    career_form: pl.DataFrame,
    team_outlook: pl.DataFrame,
    expected_absences: pl.DataFrame,
    prop_lines: pl.DataFrame,
    game_lines: pl.DataFrame,
    as_of: datetime | None = None,
) -> pl.DataFrame:
    """Adds every feature to the expected players. One row per expected player per game in and out.

    This function produces all features, for training and for serving. It accepts any number of dates. Each date sees only
    earlier data. Values are bitwise identical for any grouping and order of the dates. Lines count if they were shown before
    tip-off and not after `as_of`.
    """
    identity = ["game_date", *TABLE.key, "season", "season_type", "team", "opponent", "is_home", "is_neutral", "tipoff_at"]
    reported = ["injury_status", "injury_risk_level"]
    key = list(TABLE.key)
    defense = team_defense_zones.select(
        "game_date",
        pl.col("team").alias("opponent"),
        *[
            pl.col(f"{statistic}_last_15_games").alias(f"opponent_{statistic}_last_15_games")
            for statistic in ("defensive_rating", "pace")
        ],
    )
    diet = player_shot_zones.select("game_date", "player_id", *DIET_COLUMNS)
    rows = (
        upcoming_players.select(*identity, *reported)
        .join(player_form.select(*key, *FORM_COLUMNS), on=key, how="left")
        .join(matchups.select(*key, *MATCHUP_COLUMNS), on=key, how="left")
        .join(career_form.select(*key, *CAREER_COLUMNS), on=key, how="left")
        .join(team_outlook.select("game_id", "team", *TeamOutlookFeatures.column_names()), on=["game_id", "team"], how="left")
        .join(expected_absences.select(*key, *ABSENCE_COLUMNS), on=key, how="left")
        .join(diet, on=["game_date", "player_id"], how="left")
        .join(defense, on=["game_date", "opponent"], how="left")
    )
    rows = _with_market(rows, prop_lines, game_lines, as_of).with_columns(
        *game_context(),
        pl.col("games_played_season").fill_null(0),
        (1 - pl.col("assisted_pct_last_10_games")).alias("self_creation_pct_last_10_games"),
    )
    rows = within_range(within_range(rows, RANGES).with_columns(compared_features()), RANGES)
    missing = {name: ~is_present(name) for name in FEATURES} | {"age": pl.col("age_years").is_null()}
    return (
        with_names(rows, "missing_features", missing)
        .with_columns(*qualities(QUALITIES))
        .with_columns(tier("quality_score").alias("quality_tier"))
        .select(*FeatureRows.column_names(), pl.lit(SOURCE).alias("source"))
        .sort("game_date", *TABLE.key)
    )


SOURCE = (
    "upcoming_players, player_form, player_shot_zones, team_defense_zones, matchups, career_form, team_outlook, "
    "expected_absences, prop_lines, game_lines"
)


UPSTREAM = (
    "upcoming_players",
    "player_form",
    "matchups",
    "career_form",
    "team_outlook",
    "expected_absences",
    "prop_lines",
    "game_lines",
)
"""Tables whose updates request a date once their checks have passed. `matchups` reads the tables of shot zones."""


def _with_market(rows: pl.DataFrame, prop_lines: pl.DataFrame, game_lines: pl.DataFrame, as_of: datetime | None) -> pl.DataFrame:
    """Adds the player's market line and its movement, and the spread and total of the game."""
    key = list(TABLE.key)
    offered = prop_lines.join(rows, on=key, how="semi")
    shown = offered if as_of is None else offered.filter(pl.col("snapshot_at") <= as_of)
    lines = market_lines(shown, **SETTINGS.lines.cascade).select(*key, *LINE_COLUMNS)
    return game_lines_of(rows.join(lines, on=key, how="left"), game_lines, as_of=as_of, **SETTINGS.lines.game_cascade)


@daily_asset(
    TABLE,
    module=__name__,
    description=__doc__,
    kinds={"polars"},
    modes=["same_day", "tomorrow"],
    critical_in=["same_day"],
    follows=UPSTREAM,
    needs=UPSTREAM,
    covers="player",
    recompute=lambda world, dates, as_of: features_of(
        slate_gates.ready_players(
            world["upcoming_players"], *slate_gates.judge_slates(world["schedule"], world["boxscores"], dates, as_of)
        )[0],
        world["player_form"],
        world["player_shot_zones"],
        world["team_defense_zones"],
        world["matchups"],
        world["career_form"],
        world["team_outlook"],
        world["expected_absences"],
        world["prop_lines"],
        world["game_lines"],
        as_of,
    ),
    ins={
        "schedule": days_before(slate_gates.RECENT_DAYS, through=0),
        "boxscores": days_before(slate_gates.RECENT_DAYS),
        "prop_lines": optional_input(),
        "game_lines": optional_input(),
        "player_shot_zones": optional_input(),
        "team_defense_zones": optional_input(),
        "matchups": optional_input(),
        "career_form": optional_input(),
        "team_outlook": optional_input(),
        "expected_absences": optional_input(),
    },
)
def features(
    context: dg.AssetExecutionContext,
    upcoming_players: pl.DataFrame,
    player_form: pl.DataFrame,
    player_shot_zones: pl.DataFrame,
    team_defense_zones: pl.DataFrame,
    matchups: pl.DataFrame,
    career_form: pl.DataFrame,
    team_outlook: pl.DataFrame,
    expected_absences: pl.DataFrame,
    prop_lines: pl.DataFrame,
    game_lines: pl.DataFrame,
    schedule: pl.DataFrame,
    boxscores: pl.DataFrame,
    clock: Clock,
) -> pl.DataFrame:
    """The features of expected players on open slates, without excluded teams."""
    slates, excluded_teams = slate_gates.judge_slates(schedule, boxscores, dates_of(context), clock.as_of)
    expected, excluded = slate_gates.ready_players(upcoming_players, slates, excluded_teams)
    record_excluded(context, excluded)
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


def _rows_of_features(warehouse: Warehouse, dates: Sequence[date]) -> pl.DataFrame:
    return warehouse.scan(TABLE, dates).select("game_id", "player_id").collect()


def _expected_players(warehouse: Warehouse, dates: Sequence[date]) -> pl.DataFrame:
    players = warehouse.scan(TABLES["upcoming_players"], dates).select("game_date", "game_id", "player_id", "player_name", "team")
    return players.with_columns(pl.format("{} ({})", "player_name", "team").alias("name")).collect()


@coverage_check(TABLE, _rows_of_features, on=["game_id", "player_id"], name="name", blocking=True)
def enough_expected_players_have_features(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """At least 80 % of the expected players have a row. Players of excluded teams do not count."""
    _, excluded_teams = slate_gates.judge_slates(*slate_gates.before(warehouse, dates), dates, clock.as_of)
    return _expected_players(warehouse, dates).join(excluded_teams, on=["game_date", "team"], how="anti", maintain_order="left")


@coverage_check(TABLE, _rows_of_features, on=["game_id", "player_id"], name="name")
def every_expected_player_has_features(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Every expected player has a row. Missing players are named, including those of excluded teams.

    Players whose team is excluded because of games before the first stored date do not count.
    """
    waiting = history.waiting_teams(warehouse, dates, clock.as_of)
    return _expected_players(warehouse, dates).join(waiting, on=["game_date", "team"], how="anti", maintain_order="left")


@dated_check(TABLE, blocking=True)
def enough_players_are_ready(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """At least 60 % of the players with 5 games have the features that the baseline requires. Dates without such players pass."""
    return _ready(warehouse, dates, SETTINGS.coverage.ready_block)


@dated_check(TABLE)
def most_players_are_ready(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """At least 80 % of the players with 5 games are ready. The nulls in the features that the baseline requires are plotted."""
    required = pl.sum_horizontal(pl.col(MOVING_AVERAGE.required).is_null())
    players_with_games = warehouse.scan(TABLE, dates).filter(pl.col("games_played_season") >= SETTINGS.predicting.least_games)
    nulls = (
        players_with_games.group_by("game_date").agg(required.sum().cast(pl.Int64).alias("nulls_in_required_features")).collect()
    )
    return for_each_date(dates, _ready(warehouse, dates, SETTINGS.coverage.ready_proceed), nulls)


@dated_check(TABLE, blocking=True)
def no_feature_is_constant(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """No feature of a player or team is the same in every row of a slate. A feature without values is missing, not constant."""
    return _varied(warehouse, dates, {name: (0.0, 2) for name in SETTINGS.slates.never_constant})


@dated_check(TABLE)
def every_feature_varies(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Each feature has the spread and the number of distinct values that are usual for a slate of its size.

    A feature that fewer than 50 players have is not judged.
    """
    return _varied(warehouse, dates, SETTINGS.slates.usual_variation, SETTINGS.slates.least_rows)


@dated_check(TABLE, is_error=True)
def no_feature_loses_its_source(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """No feature's null share exceeds that of the 30 days before by more than 10 percentage points. The shares are plotted.

    Features from reports and lines are not judged here, because they arrive during the day. Nor are those of similar games: after
    a break of the league, few players have earlier games with the same rest. The features of the same source are judged.

    Runbook: docs/runbooks/betting_check_failed.md
    """
    settings = SETTINGS.slates
    span = days(min(dates) - timedelta(days=settings.null_share_days), max(dates))
    players_with_games = warehouse.scan(TABLE, span).filter(pl.col("games_played_season") >= SETTINGS.predicting.least_games)
    counts = absent_counts(players_with_games, {name: is_present(name) for name in FEATURES})
    beside = null_shares_with_earlier(counts, FEATURES, dates, settings.null_share_days)
    is_judged = (pl.col("rows") >= settings.least_rows) & (pl.col("earlier_dates") >= settings.least_dates_to_compare)
    is_lost = is_judged & (pl.col("share") > pl.col("usual") + settings.null_share_rise)
    percentages = [(100 * pl.col(name)).round(0).cast(pl.Int64) for name in ("usual", "share")]
    not_judged = [*settings.come_during_the_day, *settings.depend_on_similar_games]
    lost = beside.filter(is_lost, ~pl.col("feature").is_in(not_judged))
    names = lost.group_by("game_date", maintain_order=True).agg(
        pl.format("{} ({}% to {}%)", "feature", *percentages).alias(MISSING)
    )
    shares = beside.pivot("feature", index="game_date", values="share")
    shares = shares.rename({name: f"null_share_{name}" for name in FEATURES}, strict=False)
    return for_each_date(dates, shares, names).with_columns((pl.col(MISSING).list.len() == 0).alias(PASSED))


@dated_check(TABLE)
def most_rows_are_of_quality(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """At least 60 % of the rows of players with 5 games are bronze or better. The share of each tier is plotted."""
    tier = pl.col("quality_tier")
    tiers = (
        warehouse.scan(TABLE, dates)
        .filter(pl.col("games_played_season") >= SETTINGS.predicting.least_games)
        .group_by("game_date")
        .agg(
            pl.len().cast(pl.Int64).alias("rows"),
            *[(tier == name).mean().alias(f"{name}_fraction") for name in TIERS],
            tier.is_in(["gold", "silver", "bronze"]).mean().alias("fine"),
        )
        .collect()
    )
    passed = (pl.col("rows") == 0) | (pl.col("fine") >= SETTINGS.slates.least_of_quality)
    return for_each_date(dates, tiers).with_columns(passed.alias(PASSED)).drop("fine")


@dated_check(TABLE)
def every_lined_player_has_features(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Every player with a line from before tip-off has a row. Missing players are named, including those of excluded teams.

    Players whom the stored history cannot contain yet do not count.
    """
    lined = history.lined_players(warehouse, dates, clock.as_of)
    players = with_presence(lined, _rows_of_features(warehouse, dates), ["game_id", "player_id"])
    return share_present(dates, players, pl.col("is_present"), pl.col("spelling"), 1.0, share="lined_share")


def _varied(
    warehouse: Warehouse, dates: Sequence[date], required: Mapping[str, tuple[float, int]], min_known: int = 1
) -> pl.DataFrame:
    """Returns per date the features with too little spread or too few distinct values. Small slates are not judged."""
    settings = SETTINGS.slates
    rows = warehouse.scan(TABLE, dates).filter(pl.col("games_played_season") >= SETTINGS.predicting.least_games)
    sizes = {"min_rows": settings.least_rows, "full_slate_rows": settings.full_slate_rows}
    flat = flat_features(rows, required, **sizes, min_known=min_known)
    results = [(day, *flat.get(day, (0, []))) for day in dates]
    return verdict_rows(
        [
            {"game_date": day, PASSED: not names, "rows": count, "flat_features": len(names), MISSING: names}
            for day, count, names in results
        ]
    )


def _ready(warehouse: Warehouse, dates: Sequence[date], floor: float) -> pl.DataFrame:
    columns = list(dict.fromkeys(["game_date", "games_played_season", "career_games_last_1095_days", *MOVING_AVERAGE.required]))
    features = warehouse.scan(TABLE, dates).select(columns).collect()
    rows = slate_gates.judge_readiness(features, MOVING_AVERAGE.required, dates)
    return with_share(
        rows.select("game_date", pl.col("ready").cast(pl.Int64).alias("present"), pl.col("expected").cast(pl.Int64)), floor
    )


checks = checks_of(TABLE)

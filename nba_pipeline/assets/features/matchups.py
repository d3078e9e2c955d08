"""matchups: scores of each expected player's game: fatigue, shot zones, free throws, pace, usage and similar earlier games.

Grain: one row per expected player per game
Source: upcoming_players, player_form, player_shot_zones and team_defense_zones of the date; player_game_summary and
  team_game_summary of the 730 days before
Caveats: a score with an unknown input is null, never 0; only the age term of `fatigue_score` may be missing; absences
  are those of the report before tip-off, not the actual ones.
"""

from collections.abc import Sequence
from datetime import date, timedelta

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset, days_before
from nba_pipeline.asset_factory.checks import checks_of, dated_check
from nba_pipeline.asset_factory.verdicts import MISSING, PASSED, for_each_date
from nba_pipeline.completeness import history
from nba_pipeline.completeness.expectations import archived_dates
from nba_pipeline.formulas.availability import absent_teammates
from nba_pipeline.formulas.matchup import (
    free_throw_points_effect,
    shot_zone_mismatch_score,
    shot_zone_points_effect,
    usage_spike_score,
)
from nba_pipeline.formulas.rest import age_years, fatigue_score
from nba_pipeline.formulas.rolling import BILLIONTHS, GAME, MIN_GAMES, in_order, strictly_before, whole_parts
from nba_pipeline.formulas.shot_diet import MIN_GAMES_OF_A_PRIMARY_ZONE
from nba_pipeline.formulas.similar_games import GAME_COLUMNS, SIMILAR_DAYS, with_similar_games
from nba_pipeline.formulas.team_form import pace_score
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import SEASON_DAYS, days, season_of_game_date
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Row, Table, number
from nba_pipeline.warehouse import Warehouse


class MatchupRows(Row):
    """Columns and rules of `matchups`."""

    game_id = dy.String(description="the NBA's ten digits")
    player_id = dy.Int64(description="the NBA's person id")
    team = dy.String(description="tricode")
    opponent = dy.String(description="tricode")
    age_years = number("age on the date; null without a roster", 15, 60)
    fatigue_score = number("freshness: 100 is fully rested", 0, 100)
    shot_zone_mismatch_score = number("own shot diet against the opponent's zones; positive favors the player", -10, 10)
    shot_zone_points_effect = number("points gained from the opponent's defense by zone, last 10 and 15 games", -6, 6)
    free_throw_points_effect = number("points gained from the free throws that the opponent allows", -1, 1)
    points_mean_similar_games = number("mean points of the player's similar games, weighted; null under 5 games", 0, 100)
    same_venue_pct_similar_games = number("share of the similar games at the same venue", 0, 1)
    pace_score = number("expected pace of the game against the league's", -3, 3)
    usage_spike_score = number("usage gained from stars of the team who are out", -3, 3)
    star_teammates_out = dy.Int64(nullable=True, min=0, description="stars of the team listed out or doubtful")
    questionable_teammates = dy.Int64(nullable=True, min=0, description="teammates listed questionable")
    absent_teammates_usage_pct_sum_season = number("season usage of teammates listed out or doubtful, fraction", 0)


TABLE = Table(
    "matchups", grain="expected player per game", key=("game_id", "player_id"), schema=MatchupRows, cluster=("player_id", "team")
)
FORM_COLUMNS = (
    "rest_days", "games_last_7_days", "minutes_sum_last_7_days", "back_to_backs_last_14_days", "games_played_season",
    "points_mean_season", "points_mean_last_5_games", "points_mean_last_10_games", "free_throw_point_pct_last_10_games",
    "minutes_mean_season", "usage_pct_season", "team_pace_last_10_games", "league_pace",
)  # fmt: skip
DIET_COLUMNS = (
    "primary_zone",
    "paint_attempt_pct_last_10_games",
    "mid_range_attempt_pct_last_10_games",
    "three_point_attempt_pct_last_10_games",
    "field_goal_attempts_per_game_last_10_games",
)
TEAM_COLUMNS = (
    "game_date",
    "game_id",
    "season",
    "team",
    "opponent",
    "fga",
    "fta",
    "offensive_rating",
    "defensive_rating",
    "pace",
)
"""The columns read from `team_game_summary`."""
FREE_THROW_RATE = "opponent_free_throw_rate_last_15_games"
DEFENSE_COLUMNS = (
    "paint_field_goal_pct_points_above_league",
    "mid_range_field_goal_pct_points_above_league",
    "three_point_field_goal_pct_points_above_league",
    FREE_THROW_RATE,
)


def match_up(
    upcoming_players: pl.DataFrame,
    player_form: pl.DataFrame,
    player_shot_zones: pl.DataFrame,
    team_defense_zones: pl.DataFrame,
    player_games: pl.DataFrame,
    team_games: pl.DataFrame,
) -> pl.DataFrame:
    """Adds the scores of the game to the expected players. One row per expected player per game in and out.

    `player_games` and `team_games` cover the 730 days before the first date. Rows of the date and later have no effect.
    """
    identity = ["game_date", *TABLE.key, "season", "team", "opponent", "is_home"]
    has_report = pl.col("injury_snapshot_at").is_not_null().alias("has_injury_report")
    defense = team_defense_zones.select(
        "game_date",
        pl.col("team").alias("opponent"),
        *DEFENSE_COLUMNS,
        pl.col("pace_last_15_games").alias("opponent_pace_last_15_games"),
        (whole_parts(FREE_THROW_RATE, BILLIONTHS).mean().over("game_date") / BILLIONTHS).alias("league_free_throw_rate"),
    )
    rows = (
        upcoming_players.select(*identity, "birth_date", "injury_risk_level", has_report)
        .join(player_form.select(*TABLE.key, *FORM_COLUMNS), on=list(TABLE.key), how="left", maintain_order="left")
        .join(player_shot_zones.select("game_date", "player_id", *DIET_COLUMNS), on=["game_date", "player_id"], how="left")
        .join(defense, on=["game_date", "opponent"], how="left")
    )
    columns = {name: column.dtype for name, column in MatchupRows.columns().items()}
    effects = shot_zone_points_effect(), free_throw_points_effect()
    return (
        absent_teammates(with_similar_games(rows, player_games, team_games).with_columns(age_years()))
        .with_columns(fatigue_score(), shot_zone_mismatch_score(), pace_score(), usage_spike_score(), *effects)
        .select(*[pl.col(name).cast(kind) for name, kind in columns.items()], pl.lit(SOURCE).alias("source"))
        .sort("game_date", *TABLE.key)
    )


SOURCE = "upcoming_players, player_form, player_shot_zones, team_defense_zones, player_game_summary, team_game_summary"


@daily_asset(
    TABLE,
    module=__name__,
    description=__doc__,
    kinds={"polars"},
    modes=["same_day", "tomorrow"],
    follows=["upcoming_players", "player_form", "player_shot_zones", "team_defense_zones"],
    needs=["upcoming_players", "player_form", "player_shot_zones", "team_defense_zones"],
    covers="player",
    recompute=lambda world, dates, as_of: match_up(
        world["upcoming_players"],
        world["player_form"],
        world["player_shot_zones"],
        world["team_defense_zones"],
        world["player_game_summary"],
        world["team_game_summary"],
    ),
    ins={
        "player_game_summary": days_before(SIMILAR_DAYS, columns=GAME_COLUMNS),
        "team_game_summary": days_before(SIMILAR_DAYS, columns=TEAM_COLUMNS),
    },
)
def matchups(
    context: dg.AssetExecutionContext,
    upcoming_players: pl.DataFrame,
    player_form: pl.DataFrame,
    player_shot_zones: pl.DataFrame,
    team_defense_zones: pl.DataFrame,
    player_game_summary: pl.DataFrame,
    team_game_summary: pl.DataFrame,
) -> pl.DataFrame:
    """The scores of the date's games."""
    return match_up(upcoming_players, player_form, player_shot_zones, team_defense_zones, player_game_summary, team_game_summary)


SCORES = ("fatigue_score", "pace_score", "shot_zone_mismatch_score", "usage_spike_score")


@dated_check(TABLE)
def every_score_has_its_inputs(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Each matchup score is known for at least half of the players with 5 games. The other scores are named.

    Players whose score needs more games than the season has had so far, or sources that the archive lacks, do not count.
    """
    veterans = (
        warehouse.scan(TABLES["player_form"], dates)
        .filter(pl.col("games_played_season") >= SETTINGS.predicting.least_games)
        .select(*TABLE.key, "games_played_season")
    )
    rows = warehouse.scan(TABLE, dates).join(veterans, on=list(TABLE.key)).collect()
    shares = _known_shares(rows)
    few = shares.filter(pl.any_horizontal(pl.col(f"{name}_share") < SETTINGS.slates.least_known_scores for name in SCORES))
    if few.height:
        of_few = pl.col("game_date").is_in(few["game_date"].implode())
        shares = pl.concat([shares.filter(~of_few), _known_shares(_without_unknowable(warehouse, rows.filter(of_few)))])
    missing = pl.concat_list(
        pl.when(pl.col(f"{name}_share") < SETTINGS.slates.least_known_scores).then(
            pl.format(f"{name} {{}}%", (100 * pl.col(f"{name}_share")).round(0).cast(pl.Int64))
        )
        for name in SCORES
    ).list.drop_nulls()
    verdicts = for_each_date(dates, shares).with_columns(missing.alias(MISSING))
    return verdicts.with_columns((pl.col(MISSING).list.len() == 0).alias(PASSED))


def _known_shares(rows: pl.DataFrame) -> pl.DataFrame:
    """Returns per date the known share of each score among the rows that count: those without a false `counts_{score}`."""
    shares = []
    for name in SCORES:
        counts = pl.col(f"counts_{name}") if f"counts_{name}" in rows.columns else pl.lit(value=True)
        shares.append(pl.col(name).is_not_null().filter(counts).mean().alias(f"{name}_share"))
    return rows.group_by("game_date").agg(shares)


def _without_unknowable(warehouse: Warehouse, rows: pl.DataFrame) -> pl.DataFrame:
    """Adds `counts_{score}`: whether the season's games since the first stored date, and the sources, suffice for the score."""
    if history.first_date(warehouse) is None:
        return rows
    first, last = min(rows["game_date"]), max(rows["game_date"])
    sides = history.stored_sides(warehouse, days(first - timedelta(days=SEASON_DAYS), last)).filter("has_boxscore_source")
    sides, rows = (frame.with_columns(season_of_game_date()) for frame in (sides, rows))
    for of in ("team", "opponent"):
        counted = in_order(sides.rename({"team": of}), [of, "season"])
        rows = strictly_before(rows, counted, [of, "season"], {GAME: f"games_of_{of}"})
    window, longest = days(first - timedelta(days=SETTINGS.usual.days), last), timedelta(days=SETTINGS.usual.days)
    for table in ("injuries", "play_by_play"):
        existing = warehouse.scan(TABLES[table], window).select("game_date").unique().sort("game_date").collect()
        # the play-by-play of the date itself comes after the slate
        rows = rows.sort("game_date").join_asof(
            existing.with_columns(pl.col("game_date").alias(f"{table}_on")),
            on="game_date",
            tolerance=longest,
            allow_exact_matches=table == "injuries",
        )
    is_archived = pl.col("game_date").is_in(sorted(archived_dates(warehouse, rows["game_date"].unique())))
    has = {name: pl.col(f"{name}_on").is_not_null() | ~is_archived for name in ("injuries", "play_by_play")}
    enough = {of: (pl.col(f"games_of_{of}") >= MIN_GAMES).fill_null(value=False) for of in ("team", "opponent")}
    has_zones = has["play_by_play"] & (pl.col("games_played_season") >= MIN_GAMES_OF_A_PRIMARY_ZONE)
    return rows.with_columns(
        counts_pace_score=enough["team"] & enough["opponent"],
        counts_shot_zone_mismatch_score=has_zones & enough["opponent"],
        counts_usage_spike_score=has["injuries"],
    )


checks = checks_of(TABLE)

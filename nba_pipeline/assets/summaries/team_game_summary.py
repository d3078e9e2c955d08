"""team_game_summary: one team's offense and defense in a game, with possessions, ratings, pace, shot zones and rest.

Grain: one row per team per game
Source: team_boxscores of the games in player_game_summary; play_by_play; schedule of the 40 days before, for rest
Caveats: the defensive columns are the opponent's row; turnovers are those of players, without team turnovers; since
  2025-26 fga and fg3a include missed heaves that count for no player, unless the counts are sums of player rows; each
  side's zones are null together, without play-by-play or if it disagrees with the box score; zones include the heaves
  that the play-by-play lists; a game with one impossible row is quarantined with both rows.
"""

from collections.abc import Sequence
from datetime import date

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset, days_before, optional_input, record_excluded
from nba_pipeline.asset_factory.checks import checks_of, coverage_check, dated_check
from nba_pipeline.asset_factory.verdicts import MISSING, PASSED, count_off, fixed, for_each_date, share_present
from nba_pipeline.completeness import slate_gates
from nba_pipeline.formulas.possessions import offensive_rating, pace, possessions, with_team_heaves
from nba_pipeline.formulas.shooting import effective_field_goal_pct, true_shooting_pct
from nba_pipeline.formulas.shot_zones import TEAM_ZONE_COLUMNS, listed_heaves, with_team_zones
from nba_pipeline.formulas.team_form import with_rest
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.teams import TEAMS
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Row, Table, code, count, number
from nba_pipeline.warehouse import Warehouse

SIDES = 2

MIN_SHOTS = 50
POSSESSIONS, PACE, RATING = (80, 140), (80, 120), (60, 170)
"""A game outside these ranges is incomplete. Four seasons: possessions 82-132, pace 85-117, ratings 69-163."""


class TeamGameSummaryRows(Row):
    """Columns and rules of `team_game_summary`."""

    game_id = dy.String(description="the NBA's ten digits")
    season = dy.String(description="1 July to 30 June, as 2024-25")
    team = code(TEAMS, "tricode")
    opponent = code(TEAMS, "tricode of the other team")
    is_home = dy.Bool(description="the schedule's home side")
    did_win = dy.Bool(description="points > opponent_points")
    points = dy.Int64(min=0, max=250, description="final score")
    opponent_points = dy.Int64(min=0, max=250, description="final score of the opponent")
    margin = dy.Int64(description="points - opponent_points")
    overtimes = dy.Int64(min=0, max=8, description="overtime periods, as in player_game_summary")
    fgm = count("field goals made")
    fga = count("field goals attempted")
    fg3m = count("three-pointers made")
    fg3a = count("three-pointers attempted")
    ftm = count("free throws made")
    fta = count("free throws attempted")
    oreb = count("offensive rebounds")
    dreb = count("defensive rebounds")
    rebounds = count("oreb + dreb")
    assists = count("assists")
    steals = count("steals")
    blocks = count("blocks")
    turnovers = count("turnovers of players")
    fouls = count("personal fouls")
    possessions = number("fga + 0.44 fta + turnovers - oreb; null with an unknown count")
    offensive_rating = number("100 points / possessions")
    defensive_rating = number("the opponent's offensive_rating")
    pace = number("possessions of both teams per 48 minutes, halved: one value per game")
    effective_field_goal_pct = number("(fgm + 0.5 fg3m) / fga", 0, 1.5)
    true_shooting_pct = number("points / (2 (fga + 0.44 fta))", 0, 1.5)
    paint_fga = count("field goals attempted in the paint; this and the next five are null together")
    paint_fgm = count("field goals made in the paint")
    mid_range_fga = count("two-pointers attempted outside the paint")
    mid_range_fgm = count("two-pointers made outside the paint")
    three_point_fga = count("three-pointers attempted, by the play-by-play")
    three_point_fgm = count("three-pointers made, by the play-by-play")
    allowed_paint_fga = count("the opponent's paint_fga; this and the next five are null together")
    allowed_paint_fgm = count("the opponent's paint_fgm")
    allowed_mid_range_fga = count("the opponent's mid_range_fga")
    allowed_mid_range_fgm = count("the opponent's mid_range_fgm")
    allowed_three_point_fga = count("the opponent's three_point_fga")
    allowed_three_point_fgm = count("the opponent's three_point_fgm")
    rest_days = dy.Int64(nullable=True, min=1, max=30, description="days since the team's last final game; null beyond 30")
    is_reconstructed = dy.Bool(description="the counts are sums of player rows")

    @dy.rule()
    def game_has_both_teams(cls) -> pl.Expr:
        """Two rows per game."""
        return pl.len().over("game_id") == SIDES

    @dy.rule()
    def game_is_whole(cls) -> pl.Expr:
        """Both teams attempted at least 50 field goals. Fewer mean an incomplete game."""
        return (pl.col("fga") >= MIN_SHOTS).all().over("game_id")

    @dy.rule()
    def possessions_are_possible(cls) -> pl.Expr:
        """Both teams have 80 to 140 possessions, overtime included."""
        return pl.col("possessions").is_between(*POSSESSIONS).all().over("game_id")

    @dy.rule()
    def pace_is_possible(cls) -> pl.Expr:
        """Pace is 80 to 120 per 48 minutes."""
        return pl.col("pace").is_between(*PACE).all().over("game_id")

    @dy.rule()
    def ratings_are_possible(cls) -> pl.Expr:
        """Both teams have 60 to 170 points per 100 possessions."""
        return pl.col("offensive_rating").is_between(*RATING).all().over("game_id")


TABLE = Table(
    "team_game_summary", grain="team per game", key=("game_id", "team"), schema=TeamGameSummaryRows, cluster=("team", "season")
)


def summarize_team_games(
    team_boxscores: pl.DataFrame, player_game_summary: pl.DataFrame, play_by_play: pl.DataFrame, schedule: pl.DataFrame
) -> pl.DataFrame:
    """Returns one row per team per game of `player_game_summary`, for any number of dates.

    `schedule` reaches back by the longest rest. Its games of the date and later do not count for rest.
    """
    overtimes = player_game_summary.select("game_id", "overtimes").unique()
    rows = with_team_heaves(
        team_boxscores.join(overtimes, on="game_id"), player_game_summary, **SETTINGS.team_heaves.model_dump()
    )
    rows = with_team_zones(rows, play_by_play, heaves=pl.col("team_heaves"))
    rows = rows.with_columns(possessions(), effective_field_goal_pct(), true_shooting_pct())
    rows = rows.with_columns(offensive_rating().alias("offensive_rating"))
    opponents = rows.select(
        "game_id",
        opponent="team",
        opponent_points="points",
        opponent_possessions="possessions",
        defensive_rating="offensive_rating",
        **{f"allowed_{count}": count for count in TEAM_ZONE_COLUMNS},
    )
    rows = rows.join(opponents, on=["game_id", "opponent"], how="left").with_columns(
        (pl.col("points") - pl.col("opponent_points")).alias("margin"),
        (pl.col("points") > pl.col("opponent_points")).alias("did_win"),
        pace().alias("pace"),
        pl.lit("team_boxscores, player_game_summary, play_by_play, schedule").alias("source"),
    )
    rows = with_rest(rows, schedule, "team", "rest_days")
    return rows.select(*TeamGameSummaryRows.column_names(), "source").sort("game_date", *TABLE.key)


PACE_MEAN, RATING_MEAN, SHOOTING_MEAN = (80, 120), (90, 130), (0.40, 0.65)
"""Ranges of a slate's means. Those of four seasons are 99.9-100.9, 110-113 and 0.53-0.55."""


@daily_asset(
    TABLE,
    module=__name__,
    description=__doc__,
    kinds={"polars"},
    modes=["overnight"],
    critical_in=["overnight"],
    follows=["team_boxscores", "play_by_play", "player_game_summary"],
    needs=["team_boxscores", "player_game_summary"],
    covers="game",
    ins={"schedule": days_before(slate_gates.RECENT_DAYS, through=0), "play_by_play": optional_input()},
)
def team_game_summary(
    context: dg.AssetExecutionContext,
    schedule: pl.DataFrame,
    team_boxscores: pl.DataFrame,
    player_game_summary: pl.DataFrame,
    play_by_play: pl.DataFrame,
) -> pl.DataFrame:
    """Both teams of the summarized games. Excluded games are named."""
    excluded = team_boxscores.join(player_game_summary, on="game_id", how="anti")
    matchups = schedule.join(excluded, on="game_id", how="semi").select(
        "game_date", pl.format("{}@{} {}", "away_team", "home_team", "game_id").alias("matchup")
    )
    dates = matchups["game_date"].unique().sort()
    record_excluded(context, {str(day): matchups.filter(game_date=day)["matchup"].to_list() for day in dates})
    return summarize_team_games(team_boxscores, player_game_summary, play_by_play, schedule)


def _complete_games(warehouse: Warehouse, dates: Sequence[date]) -> pl.DataFrame:
    return warehouse.scan(TABLE, dates).group_by("game_id").len().filter(pl.col("len") == SIDES).collect()


def _summarized_games(warehouse: Warehouse, dates: Sequence[date]) -> pl.DataFrame:
    games = warehouse.scan(TABLES["player_game_summary"], dates).select("game_date", "game_id").unique()
    return games.sort("game_id").collect()


@coverage_check(TABLE, _complete_games, on=["game_id"], name="game_id", blocking=True)
def enough_summarised_games_have_two_rows(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """At least 80 % of the games in `player_game_summary` have both teams."""
    return _summarized_games(warehouse, dates)


@coverage_check(TABLE, _complete_games, on=["game_id"], name="game_id")
def every_summarised_game_has_two_rows(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Every game in `player_game_summary` has both teams. Missing games are named."""
    return _summarized_games(warehouse, dates)


@dated_check(TABLE, is_error=True)
def points_equal_the_schedule(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Each team's points equal those of the schedule."""
    schedule = warehouse.scan(TABLES["schedule"], dates).select("game_id", "home_points", "away_points").collect()
    score = pl.when("is_home").then("home_points").otherwise("away_points").alias("score")
    rows = warehouse.scan(TABLE, dates).collect().join(schedule, on="game_id", how="left").with_columns(score)
    points, score = (pl.col(name).cast(pl.String).fill_null("unknown") for name in ("points", "score"))
    name = pl.format("{} {}: {}, the schedule has {}", "game_id", "team", points, score)
    is_off = pl.col("points").ne_missing(pl.col("score"))
    return count_off(dates, rows.sort("game_id", "team"), is_off, name, total="team_games", off="team_games_off")


@dated_check(TABLE)
def league_means_are_plausible(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """The slate's means are plausible: pace 80-120, ratings 90-130, effective field-goal percentage 0.40-0.65."""
    limits = {"pace": PACE_MEAN, "offensive_rating": RATING_MEAN, "effective_field_goal_pct": SHOOTING_MEAN}
    shown = [*limits, "true_shooting_pct", "possessions"]
    count = pl.len().cast(pl.Int64).alias("team_games")
    means = warehouse.scan(TABLE, dates).group_by("game_date").agg(count, pl.col(shown).mean()).collect()
    off = pl.concat_list(
        pl.when(~pl.col(name).is_between(*limit)).then(pl.format(f"{name} {{}}", fixed(pl.col(name), 3)))
        for name, limit in limits.items()
    ).list.drop_nulls()
    return (
        for_each_date(dates, means).with_columns(off.alias(MISSING)).with_columns((pl.col(MISSING).list.len() == 0).alias(PASSED))
    )


@dated_check(TABLE)
def team_zones_are_complete(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Every team of a game with play-by-play has its zones. Missed heaves are plotted, by team totals and by play-by-play."""
    play_by_play = warehouse.scan(TABLES["play_by_play"], dates).collect()
    players = warehouse.scan(TABLES["player_game_summary"], dates).collect()
    rows = warehouse.scan(TABLE, dates).collect().join(play_by_play, on="game_id", how="semi")
    rows = with_team_heaves(rows, players, **SETTINGS.team_heaves.model_dump()).sort("game_id", "team")
    rows = rows.join(listed_heaves(play_by_play), on=["game_id", "team"], how="left", maintain_order="left")
    has_zones, name = pl.col("paint_fga").is_not_null(), pl.format("{} {}", "game_id", "team")
    in_total, in_list = (pl.col(column).sum().cast(pl.Int64) for column in ("team_heaves", "listed_heaves"))
    return share_present(dates, rows, has_zones, name, 1.0, team_heaves=in_total, listed_heaves=in_list)


checks = checks_of(TABLE)

"""player_game_summary: one player's game, complete, with rates and the result.

Grain: one row per player per game
Source: boxscores and schedule of the date; only games that `gates` calls complete
Caveats: statistics and rates are null for somebody who did not play; usage counts player turnovers only; the archive
  has no rows for those who did not play.
"""

from collections.abc import Sequence
from datetime import date

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline import gates
from nba_pipeline.assets import daily_asset, dates_of, note_left_out
from nba_pipeline.assets.sources.boxscores import BoxscoreRows
from nba_pipeline.calendar import Clock
from nba_pipeline.checks import Verdict, dated_check, quarantine_of, share_verdict, uniqueness_of
from nba_pipeline.errors import Closed
from nba_pipeline.formulas.possessions import overtimes, usage_pct
from nba_pipeline.formulas.shooting import effective_field_goal_pct, true_shooting_pct
from nba_pipeline.settings import SETTINGS
from nba_pipeline.table import TABLES, Table, number
from nba_pipeline.warehouse import Warehouse


class PlayerGameSummaryRows(BoxscoreRows):
    """The columns of `boxscores` and what follows from both teams' totals."""

    opponent_points = dy.Int64(min=0, max=250, description="final score of the opponent")
    did_win = dy.Bool(description="team_points > opponent_points")
    overtimes = dy.Int64(min=0, max=8, description="overtime periods, from the minutes played")
    effective_field_goal_pct = number("(fgm + 0.5 fg3m) / fga; null without an attempt", 0, 1.5)
    true_shooting_pct = number("points / (2 (fga + 0.44 fta)); null without an attempt", 0, 1.5)
    usage_pct = number("share of the team's plays used while on court; null under 1 minute", 0, 1)


TABLE = Table(
    "player_game_summary", grain="player per game", key=("game_id", "player_id"), schema=PlayerGameSummaryRows,
    cluster=("player_id", "team"),
)  # fmt: skip

TEAM_TOTALS = ("fga", "fta", "turnovers")


def summarise_player_games(boxscores: pl.DataFrame | pl.LazyFrame) -> pl.DataFrame:
    """One row per player per complete game in, the same rows out.

    Team totals are the sums of the players, so a game of which rows are lacking gives wrong rates: the caller leaves it
    out.
    """
    rows = boxscores.lazy().select(*BoxscoreRows.column_names())
    opponents = rows.select("game_id", pl.col("team").alias("opponent"), pl.col("team_points").alias("opponent_points"))
    team_minutes = pl.col("minutes").sum().over("game_id", "team").max().over("game_id")  # both teams played as long
    return (
        rows.join(opponents.unique(), on=["game_id", "opponent"], how="left")
        .with_columns(
            (pl.col("team_points") > pl.col("opponent_points")).alias("did_win"),
            overtimes(team_minutes).alias("overtimes"),
            *[_team_total(count) for count in TEAM_TOTALS],
        )
        .with_columns(effective_field_goal_pct(), true_shooting_pct(), usage_pct(), pl.lit("boxscores").alias("source"))
        .select(*PlayerGameSummaryRows.column_names(), "source")
        .sort("game_date", *TABLE.key)
        .collect()
    )


def _team_total(count: str) -> pl.Expr:
    """Sum over the team; null when the count of somebody who played is unknown."""
    is_known = (pl.col(count).is_not_null() | ~pl.col("did_play")).all().over("game_id", "team")
    return pl.when(is_known).then(pl.col(count).sum().over("game_id", "team")).alias(f"team_{count}")


TRUE_SHOOTING_RANGE = (0.40, 0.75)
LEAST_USAGE_SHARE = 0.9
CODE_VERSION = "1"


@daily_asset(TABLE, module=__name__, description=__doc__, kinds={"polars"}, code_version=CODE_VERSION)
def player_game_summary(
    context: dg.AssetExecutionContext, schedule: pl.DataFrame, boxscores: pl.DataFrame,
    warehouse: dg.ResourceParam[Warehouse], clock: Clock,
) -> pl.DataFrame:  # fmt: skip
    """The complete games of the dates that are open; the others are left out by name."""
    dates = dates_of(context)
    waivers = warehouse.scan(gates.WAIVERS, dates).collect()
    go_on, left_out = gates.games_that_go_on(schedule, boxscores, waivers, dates, clock.as_of)
    note_left_out(context, left_out)
    return summarise_player_games(boxscores.filter(pl.col("game_id").is_in(go_on)))


@dated_check(TABLE, blocking=True)
def enough_players_are_summarised(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """At least 80 % of the players in the complete box scores of an open date are here."""
    return [_summarised(day, there, wanted, SETTINGS.coverage.enough) for day, there, wanted in _players(warehouse, dates, clock)]


@dated_check(TABLE)
def every_player_is_summarised(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """Every player in a box score of the date is here; the games left out are named."""
    judged = gates.judge_games(
        warehouse.scan(TABLES["schedule"], dates).collect(), warehouse.scan(TABLES["boxscores"], dates).collect()
    )
    there = warehouse.scan(TABLE, dates).select("game_date", "game_id").unique().collect()
    out = judged.filter(pl.col("is_covered")).join(there, on=["game_date", "game_id"], how="anti")
    final = dict(judged.filter("is_covered").group_by("game_date").len().iter_rows())
    return [
        share_verdict(day, final.get(day, 0) - games.height, final.get(day, 0), 1.0, games["matchup"].to_list())
        for day in dates
        for games in [out.filter(pl.col("game_date") == day)]
    ]


@dated_check(TABLE)
def rates_are_plausible(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """The slate's mean true shooting lies between 0.40 and 0.75, and usage is known for at least 90 % of those who played."""
    found = {
        row["game_date"]: row
        for row in warehouse.scan(TABLE, dates).filter("did_play").group_by("game_date")
        .agg(pl.col("true_shooting_pct").mean(), pl.col("usage_pct").is_not_null().mean().alias("usage_share"),
             pl.col("points").mean().alias("points_mean"), pl.len().alias("played")).collect().iter_rows(named=True)
    }  # fmt: skip
    verdicts = []
    for day in dates:
        row = found.get(day)
        if row is None:
            verdicts.append(Verdict(day, True, {"usage_share": 1.0, "played": 0}))
            continue
        low, high = TRUE_SHOOTING_RANGE
        shooting = row["true_shooting_pct"]  # null on a date whose source gives no shots
        is_plausible = shooting is not None and low <= shooting <= high and row["usage_share"] >= LEAST_USAGE_SHARE
        numbers = {name: row[name] for name in ("usage_share", "played", "true_shooting_pct", "points_mean")}
        verdicts.append(Verdict(day, is_plausible, {name: value for name, value in numbers.items() if value is not None}))
    return verdicts


key_is_unique = uniqueness_of(TABLE)
no_row_is_quarantined = quarantine_of(TABLE)


def _players(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[tuple[date, int, int]]:
    """Per date the players summarised and the players of the games that may go on."""
    schedule = warehouse.scan(TABLES["schedule"], dates).collect()
    boxscores = warehouse.scan(TABLES["boxscores"], dates).collect()
    waivers = warehouse.scan(gates.WAIVERS, dates).collect()
    try:
        go_on, _ = gates.games_that_go_on(schedule, boxscores, waivers, dates, clock.as_of)
    except Closed:
        go_on = []
    there = dict(warehouse.scan(TABLE, dates).group_by("game_date").len().collect().iter_rows())
    wanted = dict(boxscores.filter(pl.col("game_id").is_in(go_on)).group_by("game_date").len().iter_rows())
    return [(day, there.get(day, 0), wanted.get(day, 0)) for day in dates]


def _summarised(day: date, there: int, wanted: int, floor: float) -> Verdict:
    return share_verdict(day, there, wanted, floor)

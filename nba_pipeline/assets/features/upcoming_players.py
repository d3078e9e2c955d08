"""upcoming_players: who is expected to be available for each game of the date.

Grain: one row per expected player per game
Source: schedule of the date; boxscores of the 21 days before
Caveats: until rosters exist, expected is whoever has a box-score row for the team in its last 10 games and the last 21
  days before the date (latest team wins), the same for past dates; never the box score of the game itself.
"""

from collections.abc import Sequence
from datetime import date

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline import gates
from nba_pipeline.assets import daily_asset, days_before
from nba_pipeline.calendar import Clock
from nba_pipeline.checks import Verdict, dated_check, share_verdict, uniqueness_of
from nba_pipeline.formulas.rolling import GAME, in_order, strictly_before
from nba_pipeline.settings import SETTINGS
from nba_pipeline.table import TABLES, Row, Table
from nba_pipeline.warehouse import Warehouse


class UpcomingPlayerRows(Row):
    """Columns and rules of `upcoming_players`."""

    game_id = dy.String(description="the NBA's ten digits")
    player_id = dy.Int64(min=1, description="the NBA's person id")
    player_name = dy.String(description="spelling of the latest box score")
    season = dy.String(description="1 July to 30 June, as 2024-25")
    season_type = dy.String(description="competition")
    team = dy.String(description="tricode as of the date")
    opponent = dy.String(description="tricode")
    is_home = dy.Bool(description="the schedule's home side")
    is_neutral = dy.Bool(nullable=True, description="played at neither team's arena")
    tipoff_at = dy.Datetime(nullable=True, time_zone="UTC", description="scheduled tip-off")
    latest_boxscore_date = dy.Date(description="date of the box score that shows the player with the team")

    @dy.rule()
    def seen_before_the_date(cls) -> pl.Expr:
        """The evidence is older than the game."""
        return pl.col("latest_boxscore_date") < pl.col("game_date")


TABLE = Table(
    "upcoming_players", grain="expected player per game", key=("game_id", "player_id"), schema=UpcomingPlayerRows,
    cluster=("player_id", "team"),
)  # fmt: skip


def expect_players(schedule: pl.DataFrame, boxscores: pl.DataFrame) -> pl.DataFrame:
    """The games to come and the box scores of earlier dates in; one row per expected player per game out.

    Any number of dates at once, each seeing only what is before it. Postponed games have nobody.
    """
    sides = _sides(schedule.filter(pl.col("status") != "postponed"))
    seen = _sightings(boxscores)
    team_games = seen.select("team", "game_date", GAME).unique(maintain_order=True)
    known = strictly_before(sides, team_games, ["team"], {GAME: "latest_game"})
    # a player's latest row decides his team, so only that row needs to lie within the window
    windows = known.with_columns(
        pl.int_ranges(pl.col("latest_game") - SETTINGS.expected.team_games + 1, pl.col("latest_game") + 1).alias(GAME)
    ).explode(GAME)
    days_ago = pl.col("game_date") - pl.col("latest_boxscore_date")
    return (
        windows.join(seen.rename({"game_date": "latest_boxscore_date"}), on=["team", GAME])
        .filter(
            (pl.col("latest_boxscore_date") < pl.col("game_date"))
            & (days_ago <= pl.duration(days=SETTINGS.expected.days))
            & (pl.col("next_seen_on").is_null() | (pl.col("next_seen_on") >= pl.col("game_date")))
        )
        .select(*UpcomingPlayerRows.column_names(), pl.lit("boxscores, schedule").alias("source"))
        .sort("game_date", *TABLE.key)
    )


def _sides(games: pl.DataFrame) -> pl.DataFrame:
    """Two rows per game: one per team."""
    facts = ["game_date", "game_id", "season", "season_type", "is_neutral", "tipoff_at"]
    return pl.concat(
        games.select(
            *facts,
            pl.col(f"{side}_team").alias("team"),
            pl.col(f"{other}_team").alias("opponent"),
            pl.lit(side == "home").alias("is_home"),
        )
        for side, other in (("home", "away"), ("away", "home"))
    ).sort("game_id", "is_home")


def _sightings(boxscores: pl.DataFrame) -> pl.DataFrame:
    """One row per box-score row: the number of the team's game, and when the player was seen next, with any team."""
    games = in_order(boxscores.select("team", "game_date", "game_id").unique(), ["team"])
    columns = ["player_id", "player_name", "team", "game_date", "game_id"]
    rows = in_order(boxscores.select(columns), ["player_id"]).drop(GAME)
    next_seen_on = pl.when(pl.col("player_id") == pl.col("player_id").shift(-1)).then(pl.col("game_date").shift(-1))
    return rows.with_columns(next_seen_on.alias("next_seen_on")).join(
        games.select("team", "game_id", GAME), on=["team", "game_id"], maintain_order="left"
    ).drop("game_id").sort("team", GAME, "player_id")  # fmt: skip


LEAST_PLAYERS = 8
CODE_VERSION = "1"


@daily_asset(
    TABLE, module=__name__, description=__doc__, kinds={"polars"}, code_version=CODE_VERSION,
    ins={"boxscores": days_before(SETTINGS.expected.days)},
)  # fmt: skip
def upcoming_players(context: dg.AssetExecutionContext, schedule: pl.DataFrame, boxscores: pl.DataFrame) -> pl.DataFrame:
    """Whoever the box scores before the date show with one of its teams."""
    return expect_players(schedule, boxscores)


@dated_check(TABLE, blocking=True)
def the_last_slates_are_covered(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """At least 80 % of the final games of the last 3 slates before the date have complete box scores."""
    slates, _ = gates.judge_slates(*gates.before(warehouse, dates), dates, clock.as_of)
    return [
        Verdict(
            row["game_date"], row["is_open"],
            {"share": row["share"], "complete_games": row["recent_complete"], "final_games": row["recent_games"]}, row["missing"],
        )
        for row in slates.iter_rows(named=True)
    ]  # fmt: skip


@dated_check(TABLE)
def no_team_has_a_hole(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """Each team's last 3 games before the date have complete box scores; a team with a hole loses its players, by name."""
    _, held_back = gates.judge_slates(*gates.before(warehouse, dates), dates, clock.as_of)
    return [
        Verdict(
            day,
            teams.is_empty(),
            {"teams_held_back": teams["team"].n_unique()},
            [f"{team} ({game})" for _, team, game in teams.iter_rows()],
        )
        for day in dates
        for teams in [held_back.filter(pl.col("game_date") == day)]
    ]


@dated_check(TABLE)
def both_teams_have_players(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """Every team of the slate has at least eight expected players; in the season's first weeks this says bootstrap."""
    schedule = warehouse.scan(TABLES["schedule"], dates).filter(pl.col("status") != "postponed").collect()
    sides = pl.concat([schedule.select("game_date", pl.col(f"{side}_team").alias("team")) for side in ("home", "away")])
    expected = warehouse.scan(TABLE, dates).group_by("game_date", "team").len().collect()
    counted = sides.join(expected, on=["game_date", "team"], how="left").with_columns(pl.col("len").fill_null(0))
    return [
        share_verdict(day, enough.height, teams.height, 1.0, few["team"].to_list())
        for day in dates
        for teams in [counted.filter(pl.col("game_date") == day)]
        for enough, few in [(teams.filter(pl.col("len") >= LEAST_PLAYERS), teams.filter(pl.col("len") < LEAST_PLAYERS))]
    ]


key_is_unique = uniqueness_of(TABLE)

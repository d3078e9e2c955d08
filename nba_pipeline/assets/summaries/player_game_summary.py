"""player_game_summary: one player's statistics in a complete game, with rates, shot zones, closing line and results.

Grain: one row per player per game
Source: boxscores and schedule of the date, only games that `gates` calls complete; play_by_play; prop_lines
Caveats: statistics and rates are null for players who did not play; usage counts player turnovers only; all zones are
  null without play-by-play or if it disagrees with the box score; since 2025-26 a missed heave is not an attempt of its
  player; a line of an unknown instant is not a closing line; the archive lacks players who did not play.
"""

from collections.abc import Sequence
from datetime import date

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset, dates_of, optional_input, record_excluded
from nba_pipeline.asset_factory.checks import checks_of, coverage_check, dated_check
from nba_pipeline.asset_factory.verdicts import MISSING, PASSED, count_off, for_each_date, share_present, with_presence
from nba_pipeline.assets.sources.boxscores import BoxscoreRows
from nba_pipeline.assets.sources.play_by_play import TABLE as PLAY_BY_PLAY
from nba_pipeline.assets.sources.prop_lines import TABLE as PROP_LINES
from nba_pipeline.completeness import gates
from nba_pipeline.errors import Closed
from nba_pipeline.formulas.did_not_play import CATEGORIES, dnp_category
from nba_pipeline.formulas.market_line import market_lines
from nba_pipeline.formulas.possessions import MIN_USAGE_MINUTES, overtimes, plays, usage_pct
from nba_pipeline.formulas.quality import with_names
from nba_pipeline.formulas.shooting import effective_field_goal_pct, true_shooting_pct
from nba_pipeline.formulas.shot_zones import with_zones
from nba_pipeline.instance.clock import Clock
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Table, code, count, number
from nba_pipeline.warehouse import Warehouse

LINE_RESULTS = ("OVER", "UNDER", "PUSH", "VOID")


class PlayerGameSummaryRows(BoxscoreRows):
    """The columns of `boxscores`, and columns derived from both teams' totals, the play-by-play and the lines."""

    dnp_category = code(CATEGORIES, "reason for not playing; null if the provider gives none", nullable=True)
    opponent_points = dy.Int64(min=0, max=250, description="final score of the opponent")
    did_win = dy.Bool(description="team_points > opponent_points")
    overtimes = dy.Int64(min=0, max=8, description="overtime periods, from the minutes played")
    effective_field_goal_pct = number("(fgm + 0.5 fg3m) / fga; null without an attempt", 0, 1.5)
    true_shooting_pct = number("points / (2 (fga + 0.44 fta)); null without an attempt", 0, 1.5)
    usage_pct = number("share of the team's plays used while on court; null under 1 minute", 0, 1)
    paint_fga = count("field goals attempted in the paint; this and the next eleven are null together")
    paint_fgm = count("field goals made in the paint")
    mid_range_fga = count("two-pointers attempted outside the paint")
    mid_range_fgm = count("two-pointers made outside the paint")
    three_point_fga = count("three-pointers attempted, by the play-by-play")
    three_point_fgm = count("three-pointers made, by the play-by-play")
    assisted_fgm = count("field goals made with an assist")
    unassisted_fgm = count("field goals made without an assist")
    and_ones = count("field goals made with a free throw for the foul")
    paint_blocks = count("blocked shots in the paint")
    mid_range_blocks = count("blocked two-pointers outside the paint")
    three_point_blocks = count("blocked three-pointers")
    has_complete_zones = dy.Bool(nullable=True, description="the zones sum to the box score; null without play-by-play")
    closing_line = number("the market's last points line before tip-off, by book precedence", 0, 200)
    opening_line = number("the first line of the same book, before tip-off", 0, 200)
    line_movement = number("closing_line - opening_line")
    closing_book = dy.String(nullable=True, description="book of the closing line; median: over the other books")
    line_result = code(LINE_RESULTS, "points against closing_line; VOID when not played, null without a line", nullable=True)
    quality_score = dy.Float64(
        min=0,
        max=100,
        description="100 for the NBA's own box score, else 85; minus 5 for missing plus-minus and for missing zones",
    )
    flags = dy.List(dy.String(), description="weaknesses of the row: names in FLAGS")


TABLE = Table(
    "player_game_summary",
    grain="player per game",
    key=("game_id", "player_id"),
    schema=PlayerGameSummaryRows,
    cluster=("player_id", "team"),
)

TEAM_TOTALS = ("fga", "fta", "turnovers")


def summarize_player_games(
    boxscores: pl.DataFrame, play_by_play: pl.DataFrame | None = None, prop_lines: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Adds rates, zones, lines and results to the players of complete games. One row per player per game in and out.

    Zones are null without play-by-play, and lines are null without `prop_lines`. Team totals are sums over the players, so the
    caller must exclude games with missing rows: their rates would be wrong.
    """
    rows = boxscores.select(*BoxscoreRows.column_names())
    rows = with_zones(rows, PLAY_BY_PLAY.empty() if play_by_play is None else play_by_play)
    rows = _with_lines(rows, PROP_LINES.empty() if prop_lines is None else prop_lines)
    opponents = rows.select("game_id", pl.col("team").alias("opponent"), pl.col("team_points").alias("opponent_points"))
    team_minutes = pl.col("minutes").sum().over("game_id", "team").max().over("game_id")  # both teams play the same minutes
    rows = rows.join(opponents.unique(), on=["game_id", "opponent"], how="left").with_columns(
        (pl.col("team_points") > pl.col("opponent_points")).alias("did_win"),
        overtimes(team_minutes).alias("overtimes"),
        *[_team_total(count) for count in TEAM_TOTALS],
        pl.when(~pl.col("did_play")).then(dnp_category()).alias("dnp_category"),
        _line_result().alias("line_result"),
        _quality_score().alias("quality_score"),
    )
    rows = rows.with_columns(effective_field_goal_pct(), true_shooting_pct(), usage_pct())
    rows = with_names(rows, "flags", {name: pl.col("did_play") & flag for name, flag in FLAGS.items()})
    source = pl.lit("boxscores, play_by_play, prop_lines").alias("source")
    return rows.select(*PlayerGameSummaryRows.column_names(), source).sort("game_date", *TABLE.key)


def _with_lines(rows: pl.DataFrame, prop_lines: pl.DataFrame) -> pl.DataFrame:
    """Adds the market's closing and opening lines, from lines known to be from before tip-off."""
    lines = market_lines(prop_lines, **SETTINGS.lines.cascade).select(
        *TABLE.key,
        pl.col("line").alias("closing_line"),
        "opening_line",
        "line_movement",
        pl.col("book").alias("closing_book"),
    )
    return rows.join(lines, on=list(TABLE.key), how="left", maintain_order="left")


def _line_result() -> pl.Expr:
    """Returns OVER, UNDER or PUSH for points against the closing line, VOID for a player who did not play."""
    points, line = pl.col("points"), pl.col("closing_line")
    over, under, push, void = (pl.lit(result) for result in LINE_RESULTS)
    played = pl.when(points > line).then(over).when(points < line).then(under).otherwise(push)
    return pl.when(line.is_not_null()).then(pl.when("did_play").then(played).otherwise(void))


BEST_PROVIDER = "nba_cdn"
QUALITY_OF_ANOTHER_BOX = 85
QUALITY_OF_A_GAP = 5

_KNOWN_PLAYS = plays().is_not_null() & plays("team_").is_not_null()
FLAGS: dict[str, pl.Expr] = {
    "usage_anomaly": pl.col("usage_pct").is_null() & _KNOWN_PLAYS & (pl.col("minutes") >= MIN_USAGE_MINUTES),
    "rounded_minutes": pl.col("minutes_precision") == "rounded",
    "unknown_starter": pl.col("is_starter").is_null(),
    "no_plus_minus": pl.col("plus_minus").is_null(),
    "no_zones": pl.col("has_complete_zones").is_null(),
    "incomplete_zones": ~pl.col("has_complete_zones"),
}
"""Weaknesses of the row of a player who played. usage_anomaly: usage exceeds the team's plays, so it is null."""


def _quality_score() -> pl.Expr:
    """Returns 100 for the NBA's own box score, else 85; minus 5 each for missing plus-minus and zones of a player who played."""
    of_box_score = pl.when(pl.col("provider") == BEST_PROVIDER).then(100).otherwise(QUALITY_OF_ANOTHER_BOX)
    gaps = pl.sum_horizontal(pl.col("plus_minus").is_null(), ~pl.col("has_complete_zones").fill_null(False))
    return (of_box_score - QUALITY_OF_A_GAP * pl.when("did_play").then(gaps).otherwise(0)).cast(pl.Float64)


def _team_total(count: str) -> pl.Expr:
    """Returns the sum over the team; null if the count of a player who played is unknown."""
    is_known = (pl.col(count).is_not_null() | ~pl.col("did_play")).all().over("game_id", "team")
    return pl.when(is_known).then(pl.col(count).sum().over("game_id", "team")).alias(f"team_{count}")


TRUE_SHOOTING_RANGE = (0.40, 0.75)
MIN_USAGE_SHARE = 0.9
MIN_ZONES_SHARE = 0.95
NO_SOURCE = "no source"


@daily_asset(
    TABLE,
    module=__name__,
    description=__doc__,
    kinds={"polars"},
    modes=["overnight"],
    critical_in=["overnight"],
    follows=["boxscores", "play_by_play"],
    needs=["schedule", "boxscores"],
    covers="game",
    ins={"play_by_play": optional_input(), "prop_lines": optional_input()},
)
def player_game_summary(
    context: dg.AssetExecutionContext,
    schedule: pl.DataFrame,
    boxscores: pl.DataFrame,
    play_by_play: pl.DataFrame,
    prop_lines: pl.DataFrame,
    warehouse: dg.ResourceParam[Warehouse],
    clock: Clock,
) -> pl.DataFrame:
    """The eligible games of the open dates. Excluded games are named."""
    dates = dates_of(context)
    waivers = warehouse.scan(gates.WAIVERS, dates).collect()
    eligible, excluded = gates.eligible_games(schedule, boxscores, waivers, dates, clock.as_of)
    record_excluded(context, excluded)
    return summarize_player_games(boxscores.filter(pl.col("game_id").is_in(eligible)), play_by_play, prop_lines)


def _summaries(warehouse: Warehouse, dates: Sequence[date]) -> pl.DataFrame:
    return warehouse.scan(TABLE, dates).select("game_date", "game_id", "player_id").collect()


@coverage_check(TABLE, _summaries, on=["game_id", "player_id"], name="player_name", blocking=True)
def enough_players_are_summarised(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """At least 80 % of the players in the eligible games of an open date have a row."""
    schedule = warehouse.scan(TABLES["schedule"], dates).collect()
    boxscores = warehouse.scan(TABLES["boxscores"], dates).collect()
    waivers = warehouse.scan(gates.WAIVERS, dates).collect()
    try:
        eligible, _ = gates.eligible_games(schedule, boxscores, waivers, dates, clock.as_of)
    except Closed:
        eligible = []
    return boxscores.filter(pl.col("game_id").is_in(eligible)).sort("game_id", "player_name")


@dated_check(TABLE)
def every_player_is_summarised(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Every final game of the date is summarized, with every player of its box score. Missing games and players are named."""
    schedule, boxscores = (warehouse.scan(TABLES[name], dates).collect() for name in ("schedule", "boxscores"))
    summaries, is_present = _summaries(warehouse, dates), pl.col("is_present")
    games = with_presence(gates.judge_games(schedule, boxscores).filter("is_covered"), summaries, ["game_date", "game_id"])
    of_summarized = boxscores.join(games.filter(is_present), on="game_id", how="semi").sort("game_id", "player_name")
    players = with_presence(of_summarized, summaries, ["game_id", "player_id"])
    name = pl.format("{} ({})", "player_name", "team")
    absent = count_off(dates, players, ~is_present, name, total="players", off="players_missing").rename({MISSING: "names"})
    verdicts = share_present(dates, games, is_present, pl.col("matchup"), 1.0).join(absent.drop(PASSED), on="game_date")
    passed = pl.col(PASSED) & (pl.col("players_missing") == 0)
    return verdicts.with_columns(passed, pl.col(MISSING).list.concat("names")).drop("names")


@dated_check(TABLE)
def rates_are_plausible(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """The slate's mean true shooting is 0.40 to 0.75, and usage is known for at least 90 % of the players who played."""
    rates = (
        warehouse.scan(TABLE, dates)
        .filter("did_play")
        .group_by("game_date")
        .agg(
            pl.col("usage_pct").is_not_null().mean().alias("usage_share"),
            pl.len().cast(pl.Int64).alias("played"),
            pl.col("true_shooting_pct").mean(),
            pl.col("points").mean().alias("points_mean"),
        )
        .collect()
    )
    # mean true shooting is null if the source of the date has no shots
    is_plausible = pl.col("true_shooting_pct").is_between(*TRUE_SHOOTING_RANGE) & (pl.col("usage_share") >= MIN_USAGE_SHARE)
    passed = (pl.col("played") == 0) | is_plausible.fill_null(value=False)
    return for_each_date(dates, rates).with_columns(passed.alias(PASSED), pl.col("usage_share").fill_null(1.0))


@dated_check(TABLE)
def zones_are_complete(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """The shot zones of at least 95 % of the players who played sum to the box score. Dates without play-by-play pass."""
    played = warehouse.scan(TABLE, dates).filter("did_play")
    is_complete = pl.col("has_complete_zones")
    name, has_source = pl.format("{} ({})", "player_name", "team"), is_complete.is_not_null().any()
    verdicts = share_present(dates, played, is_complete, name, MIN_ZONES_SHARE, has_source=has_source)
    is_judged, is_unsourced = pl.col("has_source").fill_null(value=False), pl.col("has_source").not_().fill_null(value=False)
    return verdicts.select(
        "game_date",
        (pl.col(PASSED) | ~is_judged).alias(PASSED),
        pl.when(is_judged).then(pl.col("share", "present", "expected")),
        pl.when(~is_judged).then(0).alias("players_with_zones"),
        pl.when(is_unsourced).then(pl.lit([NO_SOURCE])).otherwise(MISSING).alias(MISSING),
    )


@dated_check(TABLE)
def lines_cover_the_rotation(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Most players with 15 minutes or more have a closing line. Dates pass if no points line has a known instant."""
    rotation = pl.col("did_play") & (pl.col("minutes") >= SETTINGS.predicting.least_minutes)
    players = warehouse.scan(TABLE, dates).filter(rotation).select("game_date", "player_name", "closing_line")
    is_usable = (pl.col("market") == SETTINGS.lines.market) & pl.col("is_before_tipoff").is_not_null()
    with_source = warehouse.scan(TABLES["prop_lines"], dates).filter(is_usable).select("game_date").unique().collect()
    has_line, floor = pl.col("closing_line").is_not_null(), 1 - SETTINGS.coverage.no_line_warn
    is_judged = pl.col("game_date").is_in(with_source["game_date"].implode()) | (pl.col("expected") == 0)
    return share_present(dates, players, has_line, pl.col("player_name"), floor).with_columns(
        pl.col(PASSED) | ~is_judged,
        pl.when(is_judged).then("share").alias("share"),
        pl.when(is_judged).then(pl.lit([], pl.List(pl.String))).otherwise(pl.lit([NO_SOURCE])).alias(MISSING),
    )


checks = checks_of(TABLE)

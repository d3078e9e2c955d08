"""team_boxscores: the totals of each team in a game that has box scores.

Grain: one row per team per game
Source: the team totals of the payload from which the players' rows come; the archive; else the sum of the players
Caveats: a sum of players is marked `is_reconstructed`; turnovers and rebounds are those of players in every source; a
  game in this table may be incomplete: `gates` decides which games are complete.
"""

from collections.abc import Sequence
from datetime import date

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset, dates_of
from nba_pipeline.asset_factory.checks import checks_of, dated_check
from nba_pipeline.asset_factory.verdicts import MISSING, PASSED, count_off, for_each_date, share_present
from nba_pipeline.errors import Permanent
from nba_pipeline.formulas import shooting
from nba_pipeline.formulas.plausibility import implausible_games
from nba_pipeline.formulas.possessions import with_team_heaves
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.rereads import PROBLEMS_MET
from nba_pipeline.league.teams import TEAMS
from nba_pipeline.providers import nba_cdn, nba_cdn_boxscore
from nba_pipeline.providers.archive import Archive
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import LINEAGE, PROBLEM, Row, Table, code, count
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.accounting import RowsIn
from nba_pipeline.warehouse.landing import Landing

COUNTS = (
    "points", "fgm", "fga", "fg3m", "fg3a", "ftm", "fta", "oreb", "dreb", "rebounds", "assists", "steals", "blocks",
    "turnovers", "fouls",
)  # fmt: skip
SUMMED_BY_PLAYERS = ("points", "fgm", "fga", "fg3m", "ftm", "oreb")
"""Statistics whose team total is the sum of the players, except for missed heaves in `fga`."""

SIDE = ("game_date", "game_id", "season", "team", "opponent", "is_home", "provider")
TEAMS_PER_GAME = 2


class TeamBoxscoreRows(Row):
    """Columns and rules of `team_boxscores`."""

    game_id = dy.String(description="the NBA's ten digits")
    season = dy.String(description="1 July to 30 June, as 2024-25")
    team = code(TEAMS, "tricode")
    opponent = code(TEAMS, "tricode of the other team")
    is_home = dy.Bool(description="the schedule's home side")
    points = dy.Int64(min=0, max=250, description="points scored")
    fgm = count("field goals made")
    fga = count("field goals attempted")
    fg3m = count("three-pointers made")
    fg3a = count("three-pointers attempted")
    ftm = count("free throws made")
    fta = count("free throws attempted")
    oreb = count("offensive rebounds of players")
    dreb = count("defensive rebounds of players")
    rebounds = count("oreb + dreb")
    assists = count("assists")
    steals = count("steals")
    blocks = count("blocks")
    turnovers = count("turnovers of players")
    fouls = count("personal fouls")
    seconds = dy.Int64(nullable=True, min=0, description="seconds on court of all players; null unless the source has the clock")
    periods = dy.Int64(nullable=True, min=1, max=14, description="periods played; null if the source lacks it")
    is_reconstructed = dy.Bool(description="computed from the players' rows because no source has the game")
    provider = code(["nba_cdn", "nba_stats", "balldontlie", "archive"], "source of the row")

    @dy.rule()
    def points_match_the_shots(cls) -> pl.Expr:
        """Points = 2 x two-pointers + 3 x three-pointers + free throws."""
        return shooting.points_match_the_shots()

    @dy.rule()
    def makes_do_not_exceed_attempts(cls) -> pl.Expr:
        """Fgm <= fga, fg3m <= fg3a <= fga, ftm <= fta."""
        return shooting.makes_do_not_exceed_attempts()

    @dy.rule()
    def rebounds_are_offensive_or_defensive(cls) -> pl.Expr:
        """Rebounds = oreb + dreb."""
        return pl.col("rebounds") == pl.col("oreb") + pl.col("dreb")


TABLE = Table("team_boxscores", grain="team per game", key=("game_id", "team"), schema=TeamBoxscoreRows, cluster=("team",))
WITHOUT_BOTH_TEAMS = "the source lacks one of the two teams, or boxscores lacks the game"


def sum_players(boxscores: pl.DataFrame) -> pl.DataFrame:
    """Returns the sum of the players per game and team, in the columns of the table.

    A total is null if the count of a player who played is unknown.
    """
    played = boxscores.filter("did_play")
    totals = [pl.when(pl.col(c).is_not_null().all()).then(pl.col(c).sum()).alias(c) for c in (*COUNTS, "seconds")]
    return played.group_by(SIDE, maintain_order=True).agg(
        *totals,
        pl.lit(None, pl.Int64).alias("periods"),
        pl.lit(True).alias("is_reconstructed"),
        pl.lit("boxscores").alias("source"),
    )


def implausible_totals(totals: pl.DataFrame) -> pl.DataFrame:
    """Returns both teams of games with implausible totals, each row with its problem."""
    bounds = SETTINGS.plausible_games
    implausible = implausible_games(totals, bounds.ranges, bounds.never_zero)
    problem = pl.format("implausible game: {}", "implausible").alias(PROBLEM)
    return totals.drop(PROBLEM, strict=False).join(implausible, on="game_id").with_columns(problem).drop("implausible")


def complete_with_sums(totals: pl.DataFrame, boxscores: pl.DataFrame) -> pl.DataFrame:
    """Returns both teams of every game with players of both teams: totals from a source, else the sums of the players."""
    sums = _of_both_teams(sum_players(boxscores))
    given = _of_both_teams(totals).filter(pl.col("game_id").is_in(sums["game_id"].implode()))
    return pl.concat([given, sums.join(given, on="game_id", how="anti")], how="diagonal_relaxed")


@daily_asset(
    TABLE,
    module=__name__,
    description=__doc__,
    kinds={"python", "polars"},
    modes=["overnight"],
    critical_in=["overnight"],  # no other table has team totals
    requested_by="final_games",
    endpoints=["nba_cdn/boxscore", "nba_stats/player_game_log", "balldontlie/box_scores"],
    covers="game",
)
def team_boxscores(
    context: dg.AssetExecutionContext, boxscores: pl.DataFrame, archive: Archive, landing: Landing
) -> pl.DataFrame:
    """The totals of the payloads that `boxscores` names. A game without plausible totals has the marked sums of its players."""
    frames, problems = [TABLE.empty().drop(LINEAGE[1:])], dict[str, str]()
    of_nba = boxscores.filter(pl.col("provider") == nba_cdn.PROVIDER).select("game_id", "source").unique(maintain_order=True)
    for game_id, source in of_nba.iter_rows():
        try:
            frames.append(nba_cdn_boxscore.parse_team_boxscores(landing.read(source)))
        except Permanent as error:
            problems[game_id] = str(error)
            context.log.warning(str(error))
    archived = boxscores.filter(pl.col("provider") == "archive")["game_date"].unique().sort().to_list()
    if archived:
        frames.append(archive.team_boxscores(archived))
    parsed = pl.concat(frames, how="diagonal_relaxed")
    implausible = implausible_totals(parsed)
    plausible = parsed.join(implausible, on="game_id", how="anti")
    totals = complete_with_sums(plausible, boxscores)
    rows_in = RowsIn(dates_of(context))
    rows_in.parsed(parsed)
    rows_in.parsed(totals.filter("is_reconstructed"))
    given = totals.filter(~pl.col("is_reconstructed"))
    rows_in.ignored(plausible.join(given, on=["game_id", "team"], how="anti"), WITHOUT_BOTH_TEAMS)
    context.add_output_metadata({PROBLEMS_MET: dg.MetadataValue.json(problems), **rows_in.metadata()})
    return pl.concat([totals, implausible], how="diagonal_relaxed")


@dated_check(TABLE)
def two_rows_per_game(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Every game in `boxscores` has exactly two rows, one per team. Other games are named."""
    rows = warehouse.scan(TABLE, dates).group_by("game_date", "game_id").len("rows")
    games = warehouse.scan(TABLES["boxscores"], dates).select("game_date", "game_id").unique()
    counted = games.join(rows, on=["game_date", "game_id"], how="full", coalesce=True).sort("game_id")
    name = pl.format("{}: {} of {}", "game_id", pl.col("rows").fill_null(0), pl.lit(TEAMS_PER_GAME))
    return count_off(dates, counted, pl.col("rows") != TEAMS_PER_GAME, name, total="games", off="games_off")


@dated_check(TABLE)
def team_totals_are_from_a_source(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """No team's totals are sums of its players. Games with such sums are named."""
    games = (
        warehouse.scan(TABLE, dates)
        .group_by("game_date", "game_id")
        .agg(pl.col("is_reconstructed").any(), pl.col("provider").first())
        .sort("game_id")
    )
    name, reconstructed = pl.format("{} ({})", "game_id", "provider"), pl.col("is_reconstructed").sum().cast(pl.Int64)
    verdicts = share_present(dates, games, ~pl.col("is_reconstructed"), name, 1.0, games_reconstructed=reconstructed)
    return verdicts.drop("present", "expected")


@dated_check(TABLE)
def player_sums_match_team_totals(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """The players' points, field goals, threes, free throws and offensive rebounds sum to the source's team totals.

    Since 2025-26 a team may have a few more attempts than its players: missed heaves, which are counted.
    """
    boxscores = warehouse.scan(TABLES["boxscores"], dates).collect()
    given = warehouse.scan(TABLE, dates).filter(~pl.col("is_reconstructed")).collect()
    given = with_team_heaves(given, boxscores, **SETTINGS.team_heaves.model_dump())
    on = ["game_date", "game_id", "team"]
    beside = given.join(sum_players(boxscores), on=on, how="left", suffix="_of_players").sort("game_id", "team")
    expected = {name: pl.col(f"{name}_of_players") for name in SUMMED_BY_PLAYERS}
    expected["fga"] += pl.col("team_heaves").fill_null(0)
    off = pl.concat(
        beside.filter(pl.col(name).ne_missing(of_players)).select(
            "game_date",
            pl.format("{} {}: {} {} of {}", *on[1:], pl.lit(name), _shown(f"{name}_of_players"), _shown(name)).alias(MISSING),
        )
        for name, of_players in expected.items()
    )
    team_games, heaves = pl.len().cast(pl.Int64).alias("team_games"), pl.col("team_heaves").sum().cast(pl.Int64)
    totals_off = off.group_by("game_date", maintain_order=True).agg(pl.len().cast(pl.Int64).alias("totals_off"), MISSING)
    verdicts = for_each_date(dates, beside.group_by("game_date").agg(team_games, heaves), totals_off)
    return verdicts.with_columns((pl.col("totals_off") == 0).alias(PASSED))


checks = checks_of(TABLE, is_source=True)


def _shown(column: str) -> pl.Expr:
    return pl.col(column).cast(pl.String).fill_null("unknown")


def _of_both_teams(rows: pl.DataFrame) -> pl.DataFrame:
    return rows.filter(pl.len().over("game_id") == TEAMS_PER_GAME)

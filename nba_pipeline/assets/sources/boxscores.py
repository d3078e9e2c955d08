"""boxscores: statistics of every player of both teams in a final game, and the reason why a player did not play.

Grain: one row per player per game
Source: NBA CDN box score, else the player game log of stats.nba.com, else balldontlie; the archive for the dates it covers
Caveats: rows of players who did not play have null statistics; the archive and balldontlie lack inactive players; the
  game log lacks starter flags and players who did not play; each game is from one source; `boxscore_disagreements` lists
  the differences between sources; a game with implausible totals is quarantined as a whole; a game in this table may be
  incomplete: `gates` decides which games are complete.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime
from functools import partial

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset, dates_of, days_before
from nba_pipeline.asset_factory.checks import checks_of, dated_check
from nba_pipeline.asset_factory.code_versions import code_version
from nba_pipeline.asset_factory.verdicts import MISSING, PASSED, count_off, for_each_date
from nba_pipeline.completeness import gates
from nba_pipeline.completeness.contradictions import changed_games
from nba_pipeline.completeness.disagreements import DISAGREEMENTS, disagreements
from nba_pipeline.completeness.game_sources import GameSource, doubtful_games, fall_back, judge_source, usable
from nba_pipeline.completeness.not_played import OFF
from nba_pipeline.completeness.reread_times import is_due_for_rereading
from nba_pipeline.formulas import shooting
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.rereads import CORRECTIONS, PROBLEMS_MET
from nba_pipeline.league.teams import TEAMS
from nba_pipeline.providers.archive import Archive
from nba_pipeline.providers.balldontlie import Balldontlie
from nba_pipeline.providers.balldontlie_boxscores import balldontlie_boxscores
from nba_pipeline.providers.final_boxscores import NO_ROWS, Rereading, cdn_boxscores, game_log_boxscores
from nba_pipeline.providers.nba_cdn import NbaCdn
from nba_pipeline.providers.nba_stats import NbaStats
from nba_pipeline.providers.player_matching import NAME_COLUMNS, known_spellings
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import PROBLEM, Row, Table, code, count
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.accounting import RowsIn


class BoxscoreRows(Row):
    """Columns and rules of `boxscores`."""

    game_id = dy.String(description="the NBA's ten digits")
    player_id = dy.Int64(min=1, description="the NBA's person id")
    season = dy.String(description="1 July to 30 June, as 2024-25")
    team = code(TEAMS, "tricode of the player's team")
    opponent = code(TEAMS, "tricode of the other team")
    is_home = dy.Bool(description="the schedule's home side")
    player_name = dy.String(description="spelling of the provider")
    did_play = dy.Bool(description="true if the player was on court, however briefly")
    status = code(["played", "dnp", "inactive"], "dnp: dressed and did not play")
    reason = dy.String(nullable=True, description="reason for not playing, as the provider words it")
    is_starter = dy.Bool(nullable=True, description="null if the source lacks starters")
    seconds = dy.Int64(nullable=True, min=0, description="seconds on court; null unless the source has the clock")
    minutes = dy.Float64(nullable=True, min=0, max=80, description="minutes on court; null for players who did not play")
    minutes_precision = code(["exact", "rounded"], "rounded: whole minutes", nullable=True)
    points = count("points scored")
    rebounds = count("oreb + dreb")
    oreb = count("offensive rebounds")
    dreb = count("defensive rebounds")
    assists = count("assists")
    steals = count("steals")
    blocks = count("blocks")
    turnovers = count("turnovers")
    fouls = count("personal fouls")
    fgm = count("field goals made")
    fga = count("field goals attempted")
    fg3m = count("three-pointers made")
    fg3a = count("three-pointers attempted")
    ftm = count("free throws made")
    fta = count("free throws attempted")
    plus_minus = dy.Int64(nullable=True, description="score difference while on court; null if unknown")
    team_points = dy.Int64(min=0, max=250, description="final score of the player's team in the same payload")
    provider = code(["nba_cdn", "nba_stats", "balldontlie", "archive"], "source of the row")

    @dy.rule()
    def points_match_the_shots(cls) -> pl.Expr:
        """Points = 2 x two-pointers + 3 x three-pointers + free throws."""
        return shooting.points_match_the_shots()

    @dy.rule()
    def statistics_only_of_those_who_played(cls) -> pl.Expr:
        """Statistics are null for players who did not play. Points and minutes are known for players who did."""
        return (
            pl.when(pl.col("did_play"))
            .then(pl.col("points").is_not_null() & pl.col("minutes").is_not_null())
            .otherwise(pl.all_horizontal(pl.col("points").is_null(), pl.col("minutes").is_null(), pl.col("fga").is_null()))
        )

    @dy.rule()
    def makes_do_not_exceed_attempts(cls) -> pl.Expr:
        """Fgm <= fga, fg3m <= fg3a <= fga, ftm <= fta."""
        return shooting.makes_do_not_exceed_attempts()


TABLE = Table(
    "boxscores", grain="player per game", key=("game_id", "player_id"), schema=BoxscoreRows, cluster=("player_id", "team")
)


def waive(covered: pl.DataFrame, context: dg.AssetExecutionContext, warehouse: Warehouse, now: datetime) -> None:
    """Writes the waivers of dates whose deadline has passed without enough complete games."""
    waivers = gates.waivers_due(covered, now)
    for waiver in waivers.iter_rows(named=True):
        row = gates.WAIVERS.row(waiver, now, code_version(TABLE.name))
        warehouse.add(gates.WAIVERS, [waiver["game_date"]], row, context.run.run_id)
        context.log.warning(f"{waiver['game_date']}: {waiver['reason']}")


@daily_asset(
    TABLE,
    module=__name__,
    description=__doc__,
    kinds={"python", "polars"},
    modes=["overnight"],
    critical_in=["overnight"],
    requested_by="final_games",
    endpoints=["nba_cdn/boxscore", "nba_stats/player_game_log", "balldontlie/box_scores"],
    covers="game",
    pool="nba_cdn",
    ins={"history": days_before(SETTINGS.names.active_days, "boxscores", columns=NAME_COLUMNS, is_reference=True)},
)
def boxscores(
    context: dg.AssetExecutionContext,
    schedule: pl.DataFrame,
    history: pl.DataFrame,
    nba_cdn: NbaCdn,
    nba_stats: NbaStats,
    balldontlie: Balldontlie,
    archive: Archive,
    warehouse: dg.ResourceParam[Warehouse],
    clock: Clock,
) -> pl.DataFrame:
    """Box scores of the games that have ended. If a source lacks a game or has it incomplete, the next source is used."""
    dates, now = dates_of(context), clock.as_of
    archived = [day for day in dates if archive.holds(day)]
    requested = [day for day in dates if day not in archived]
    games = schedule.filter(pl.col("game_date").is_in(requested))
    has_started = pl.coalesce(pl.col("tipoff_at") <= now, pl.col("game_date") <= clock.today) | (pl.col("status") == "final")
    disputed = set(warehouse.scan(DISAGREEMENTS, requested).select("game_id").collect()["game_id"])
    rereading = Rereading(partial(is_due_for_rereading, now=now), doubtful_games, disputed)

    cdn_rows, problems = cdn_boxscores(games.filter(has_started & (pl.col("status") != OFF)), nba_cdn, rereading)
    log_rows, not_compared = game_log_boxscores(games, nba_stats, rereading)
    first, second = (judge_source(games, rows) for rows in (cdn_rows, log_rows))
    selected = fall_back(first, second)
    incomplete = games.filter(pl.col("game_id").is_in(list(selected.incomplete)))
    candidates = _candidates(history, first, second)
    third_rows, problems_by_date = balldontlie_boxscores(
        incomplete, games, balldontlie, candidates, known_spellings(warehouse, requested)
    )
    third = judge_source(games, third_rows)
    selected = fall_back(selected, third)

    sources = tuple(source.rows for source in (first, second, third))
    differences = disagreements(selected.rows, sources)
    warehouse.replace(
        DISAGREEMENTS, requested, DISAGREEMENTS.conform(differences, now, code_version(TABLE.name))[0], context.run.run_id
    )
    from_archive = judge_source(schedule, archive.boxscores(archived)).rows if archived else NO_ROWS
    frame = pl.concat([from_archive, selected.rows], how="diagonal_relaxed")
    counted, problems = usable(frame), problems | problems_by_date
    if not nba_cdn.http.landing.is_offline:  # a provider may still have what the landing lacks
        waive(gates.coverage(gates.judge_games(schedule, counted), dates), context, warehouse, now)
    for name, problem in problems.items():
        context.log.warning(f"{name}: {problem}")
    context.add_output_metadata(
        {
            **_games_by_provider(counted),
            "disagreements": differences.height,
            "not_compared": dg.MetadataValue.json(not_compared),
            PROBLEMS_MET: dg.MetadataValue.json(problems),
            CORRECTIONS: dg.MetadataValue.json(_changed(warehouse, selected.rows, requested)),
            **_counted(dates, sources, selected.rows, from_archive).metadata(),
        }
    )
    unusable = [rows.filter(pl.col(PROBLEM).is_not_null()) for rows in sources]
    return pl.concat([frame, *unusable], how="diagonal_relaxed")


def _games_by_provider(rows: pl.DataFrame) -> dict[str, int]:
    by_provider = rows.group_by("provider").agg(pl.col("game_id").n_unique())
    return {f"games_from_{provider}": games for provider, games in by_provider.iter_rows()}


def _candidates(history: pl.DataFrame, *sources: GameSource) -> pl.DataFrame:
    """Returns the box scores with the players to whom a name may refer: earlier ones, and other sources of the same game."""
    same_game = pl.concat(source.usable.select(NAME_COLUMNS) for source in sources)
    same_game = same_game.with_columns(pl.col("game_date").dt.offset_by("-1d"))
    return pl.concat([history.select(NAME_COLUMNS), same_game], how="vertical_relaxed").unique()


def _changed(warehouse: Warehouse, rows: pl.DataFrame, dates: Collection[date]) -> dict[str, list[str]]:
    """Returns per stored date the ids of the games whose stored rows differ from the new ones."""
    stored = sorted(warehouse.dates(TABLE).intersection(dates))
    changed = changed_games(warehouse.scan(TABLE, stored).collect(), rows, stored)
    return {str(day): games for day, games in changed.items()}


def _counted(dates: Sequence[date], sources: Sequence[pl.DataFrame], selected: pl.DataFrame, archived: pl.DataFrame) -> RowsIn:
    """Counts the rows of every source. Rows of a game that is taken from another source are only compared, and count as ignored."""
    rows_in = RowsIn(dates)
    for rows in (*sources, archived):
        rows_in.parsed(rows)
    for rows in sources:
        rows_in.ignored(
            usable(rows).join(selected, on=["game_id", "provider"], how="anti"), "the game is taken from another source"
        )
    return rows_in


@dated_check(TABLE, blocking=True)
def enough_final_games_are_covered(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """At least 80 % of the final games of the schedule have a complete box score, or the date is waived.

    Runbook: docs/runbooks/boxscores_missing.md
    """
    waived = gates.standing_waivers(warehouse.scan(gates.WAIVERS, dates).collect(), clock.as_of)["game_date"]
    return (
        _coverage(warehouse, dates)
        .with_columns(waived=pl.col("game_date").is_in(waived.implode()))
        .with_columns((pl.col("is_open") | pl.col("waived")).alias(PASSED), waived=pl.col("waived").cast(pl.Float64))
        .select("game_date", PASSED, "share", "complete_games", "final_games", "waived", MISSING)
    )


@dated_check(TABLE)
def every_final_game_is_covered(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Every final game of the schedule has a complete box score. Missing games are named."""
    uncovered = pl.col("uncovered").list.eval(pl.element() + " (no source has the competition)")
    return _coverage(warehouse, dates).select(
        "game_date",
        (pl.col(MISSING).list.len() == 0).alias(PASSED),
        "share",
        pl.col(MISSING).list.len().alias("missing_games"),
        pl.col("uncovered").list.len().alias("games_without_a_source"),
        pl.col(MISSING).list.concat(uncovered),
    )


@dated_check(TABLE)
def player_points_sum_to_team_points(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """In each game, the points of a team's players sum to the team's points."""
    sums = (
        warehouse.scan(TABLE, dates)
        .filter("did_play")
        .group_by("game_date", "game_id", "team")
        .agg(pl.col("points").sum(), pl.col("team_points").max())
        .sort("game_id", "team")
    )
    name = pl.format("{} {}: {} of {}", "game_id", "team", "points", pl.col("team_points").fill_null("unknown"))
    return count_off(dates, sums, pl.col("points") != pl.col("team_points"), name, total="team_games", off="team_games_off")


@dated_check(TABLE)
def points_match_the_shots(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Points = 2 x two-pointers + 3 x three-pointers + free throws, in every row, including quarantined rows."""
    quarantined = warehouse.scan_quarantine(TABLE, dates).filter(pl.col("problem").str.contains("points_match_the_shots"))
    counts = quarantined.group_by("game_date").agg(pl.len().cast(pl.Int64).alias("rows_off")).collect()
    return for_each_date(dates, counts).with_columns((pl.col("rows_off") == 0).alias(PASSED))


@dated_check(TABLE)
def sources_agree(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Every player has the same points in each source of a game, and the same minutes within rounding."""
    rows = warehouse.scan(DISAGREEMENTS, dates).sort("game_date", *DISAGREEMENTS.key).collect()
    names = [
        f"{row['game_id']} {row['player_name']}: {row['statistic']} {_shown(row['value'])} ({row['provider']}), "
        f"{_shown(row['other_value'])} ({row['other_provider']})"
        for row in rows.iter_rows(named=True)
    ]
    named = rows.select("game_date", pl.Series("name", names, pl.String))
    return count_off(dates, named, pl.lit(value=True), pl.col("name"), total="rows", off="disagreements").drop("rows")


checks = checks_of(TABLE, is_source=True)


def _shown(value: float | None) -> str:
    return "did not take part" if value is None else f"{value:.4g}"


def _coverage(warehouse: Warehouse, dates: Sequence[date]) -> pl.DataFrame:
    schedule = warehouse.scan(TABLES["schedule"], dates).collect()
    return gates.coverage(gates.judge_games(schedule, warehouse.scan(TABLE, dates).collect()), dates)

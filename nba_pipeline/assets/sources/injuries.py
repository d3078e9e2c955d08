"""injuries: the injury report's status of each listed player, per snapshot.

Grain: one row per game, team, player and snapshot
Source: the league's official injury report (PDF); ESPN if there is no report
Caveats: rows are only ever added; a row with a null player_id is a statement about the team: it has not submitted, or
  it lists no player; an unlisted player is available only if the team has submitted; unusable rows are quarantined and
  make the status unknown to the features, never healthy; dates of the archive are empty; past dates have one report, the
  last one before the first tip-off.
"""

from collections.abc import Sequence
from datetime import date

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset, dates_of, days_before, every_date, log_problems
from nba_pipeline.asset_factory.checks import checks_of, dated_check
from nba_pipeline.asset_factory.verdicts import MISSING, PASSED, count_off, for_each_date, share_present, with_presence
from nba_pipeline.formulas.slate_injuries import (
    contents_hash,
    ignored_injuries,
    once_per_player,
    slate_injuries,
    team_games,
)
from nba_pipeline.formulas.snapshots import seen_by
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.rereads import PROBLEMS_MET
from nba_pipeline.league.calendar import EASTERN_NAME, season_of_game_date
from nba_pipeline.league.name_resolution import IS_A_NAME_PROBLEM, operator_resolutions
from nba_pipeline.league.teams import TEAMS
from nba_pipeline.providers import espn as espn_api
from nba_pipeline.providers import injury_report as official
from nba_pipeline.providers.archive import Archive
from nba_pipeline.providers.espn import Espn
from nba_pipeline.providers.injury_report import NOBODY_LISTED, NOT_SUBMITTED, InjuryReport, due_at
from nba_pipeline.providers.injury_snapshots import SECONDS_PER_MINUTE, land_reports, landed_snapshots, minutes_old
from nba_pipeline.providers.player_matching import NAME_COLUMNS, candidate_players, resolve_players, roster_sightings
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import LINEAGE, PROBLEM, Row, Table, code
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.accounting import RowsIn

PLAYER_STATUSES = ("out", "doubtful", "questionable", "probable", "available")
TEAM_STATUSES = (NOT_SUBMITTED, NOBODY_LISTED)


class InjuryRows(Row):
    """Columns and rules of `injuries`."""

    game_id = dy.String(description="the NBA's ten digits")
    team = code(TEAMS, "tricode of the team that reported")
    player_id = dy.Int64(nullable=True, min=1, description="the NBA's person id; null: a statement about the team as a whole")
    snapshot_at = dy.Datetime(time_zone="UTC", description="instant printed on the report; for ESPN, of the response")
    spelling = dy.String(nullable=True, description="the player's name as the report spelled it")
    status = code((*PLAYER_STATUSES, *TEAM_STATUSES), "of the player, or of the team's report")
    reason = dy.String(nullable=True, description="reason as printed on the report")
    seen_at = dy.Datetime(time_zone="UTC", description="instant at which the response arrived, at most that of the run")
    provider = code((official.PROVIDER, espn_api.PROVIDER), "source of the report")
    tipoff_at = dy.Datetime(nullable=True, time_zone="UTC", description="scheduled tip-off when the row was written")
    is_before_tipoff = dy.Bool(nullable=True, description="snapshot_at < tipoff_at; null if the tip-off is unknown")

    @dy.rule()
    def only_a_team_s_statement_has_no_player(cls) -> pl.Expr:
        """Player statuses have a player id, team statuses have none."""
        return pl.col("status").is_in(list(TEAM_STATUSES)) == pl.col("player_id").is_null()


TABLE = Table(
    "injuries",
    grain="game, team, player and snapshot",
    key=("game_id", "team", "player_id", "snapshot_at"),
    schema=InjuryRows,
    write="add",
    cluster=("game_id", "player_id"),
)
NO_REPORT = "no report"


def with_players(
    rows: pl.DataFrame, players: pl.DataFrame, active: pl.DataFrame, resolutions: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Adds `player_id`. An unresolved or ambiguous name becomes the row's problem."""
    is_player = pl.col("spelling").is_not_null()
    named = resolve_players(rows.filter(is_player), players, active, resolutions)
    return pl.concat([named, rows.filter(~is_player)], how="diagonal_relaxed").with_columns(pl.col("player_id").cast(pl.Int64))


@daily_asset(
    TABLE,
    module=__name__,
    description=__doc__,
    kinds={"python", "polars"},
    modes=["same_day", "tomorrow"],
    requested_by="lines",
    endpoints=["injury_report/report", "espn/injuries"],
    covers="game",
    covered_by=pl.col("is_before_tipoff") & (pl.col("status") != "not_submitted"),
    pool="espn",
    ins={
        "players": every_date(is_reference=True),
        "boxscores": days_before(SETTINGS.names.active_days, columns=NAME_COLUMNS, is_reference=True),
    },
)
def injuries(
    context: dg.AssetExecutionContext,
    schedule: pl.DataFrame,
    players: pl.DataFrame,
    boxscores: pl.DataFrame,
    injury_report: InjuryReport,
    espn: Espn,
    archive: Archive,
    warehouse: dg.ResourceParam[Warehouse],
    clock: Clock,
) -> dg.Output[pl.DataFrame]:
    """Every landed snapshot of the dates. If a source fails, the slate has no new snapshot and the problem is logged.

    The data version is a hash of the contents, by which the automation conditions recognize an unchanged report.
    """
    dates, frames = dates_of(context), list[pl.DataFrame]()
    problems, ages = dict[str, list[str]](), dict[str, float | None]()
    rows_in, live = RowsIn(dates), [day for day in dates if not archive.holds(day)]
    for day in live:
        games = schedule.filter(pl.col("game_date") == day)
        if games.is_empty():
            continue
        report, messages = land_reports(games, day, injury_report, espn, clock.now())
        snapshots = landed_snapshots(day, injury_report, espn, messages, report)
        ages[str(day)], problems[str(day)] = minutes_old(snapshots, clock.now()), list(dict.fromkeys(messages))
        for snapshot in snapshots:
            frames.append(slate_injuries(snapshot, games))
            _count(rows_in, snapshot, games, day)
    log_problems(context, problems)
    named = TABLE.empty().drop(LINEAGE[1:])
    if frames:
        games = schedule.with_columns(season_of_game_date())
        active = candidate_players(games, boxscores, players, roster_sightings(warehouse, live))
        placed = pl.concat(frames, how="diagonal_relaxed")
        once = once_per_player(with_players(placed, players, active, operator_resolutions(players, games)))
        rows_in.parsed(placed.filter("is_silence"))  # teams without rows in a snapshot get a row too
        rows_in.repeated(once, pl.col("copies"))
        named = once.with_columns(seen_by(clock.as_of)).select(*named.columns, PROBLEM)
    context.add_output_metadata(
        {
            PROBLEMS_MET: dg.MetadataValue.json({day: messages for day, messages in problems.items() if messages}),
            "snapshots": len(frames),
            "report_age_minutes": dg.MetadataValue.json(ages),
            **rows_in.metadata(),
        }
    )
    return dg.Output(named, data_version=dg.DataVersion(contents_hash(named) if frames else NO_REPORT))


def _count(rows_in: RowsIn, snapshot: pl.DataFrame, games: pl.DataFrame, day: date) -> None:
    of_day = pl.lit(day).alias("game_date")
    rows_in.parsed(snapshot.with_columns(of_day))
    rows_in.ignored(ignored_injuries(snapshot, games).with_columns(of_day), "another date, or a team without a game")


@dated_check(TABLE)
def every_team_has_a_report(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Every team has submitted a report from before its tip-off, once it is due: 17:00 Eastern of the day before.

    Dates of the archive pass, because it has no reports.
    """
    schedule = warehouse.scan(TABLES["schedule"], dates).filter(pl.col("status") != "postponed").collect()
    snapshots = warehouse.scan(TABLE, dates).filter(pl.col("is_before_tipoff")).collect()
    submitted = snapshots.filter(pl.col("status") != NOT_SUBMITTED)
    archived = schedule.filter(pl.col("source").str.starts_with("archive/"))["game_date"].unique()
    teams = with_presence(team_games(schedule).sort("team"), submitted, ["game_id", "team"])
    is_silent = with_presence(teams.select("game_id", "team"), snapshots, ["game_id", "team"])["is_present"]
    why = pl.when("is_silent").then(pl.lit("not submitted")).otherwise(pl.lit("no report"))
    name = pl.format("{} ({})", "team", why)
    verdicts = share_present(dates, teams.with_columns(is_silent=is_silent), pl.col("is_present"), name, 1.0)
    due = pl.Series([clock.now() >= due_at(day) for day in verdicts["game_date"]], dtype=pl.Boolean)
    is_due = due & ~pl.col("game_date").is_in(archived.implode())
    return verdicts.with_columns(is_due=is_due).select(
        "game_date",
        (pl.col(PASSED) | ~pl.col("is_due")).alias(PASSED),
        pl.when("is_due").then("share").otherwise(1.0).alias("share"),
        pl.col("expected").alias("teams"),
        (pl.col("expected") - pl.col("present")).alias("teams_without_report"),
        pl.col("is_due").cast(pl.Float64),
        pl.when("is_due").then(MISSING).alias(MISSING),
    )


@dated_check(TABLE)
def the_newest_report_is_recent(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """The newest report of an upcoming slate was printed within the last 6 hours. Its age is plotted, up to the first tip-off.

    `every_team_has_a_report` covers slates without a report.
    """
    tipoffs = warehouse.scan(TABLES["schedule"], dates).filter(pl.col("status") != "postponed")
    first = tipoffs.group_by("game_date").agg(pl.col("tipoff_at").min()).collect()
    reports = warehouse.scan(TABLE, dates).filter(pl.col("is_before_tipoff"), pl.col("provider") == official.PROVIDER)
    newest = reports.group_by("game_date").agg(pl.col("snapshot_at").max()).collect()
    now, printed = pl.lit(clock.now()).dt.convert_time_zone("UTC"), pl.col("snapshot_at")
    until = pl.max_horizontal(printed, pl.min_horizontal(now, pl.col("tipoff_at").fill_null(now)))
    age = (until - printed).dt.total_seconds() / SECONDS_PER_MINUTE
    local = printed.dt.convert_time_zone(EASTERN_NAME).dt.strftime("%Y-%m-%d %H:%M")
    message = "the newest report of {} was printed {} Eastern and is {} minutes old"
    name = pl.format(message, pl.col("game_date").cast(pl.String), local, pl.col("report_age_minutes").round(0).cast(pl.Int64))
    is_old = (pl.col("report_age_minutes") > SETTINGS.injuries.old_after_minutes).fill_null(value=False)
    rows = for_each_date(dates, newest, first).with_columns(report_age_minutes=age)
    missing = pl.when(is_old).then(pl.concat_list(name)).alias(MISSING)
    return rows.select("game_date", (~is_old).alias(PASSED), "report_age_minutes", missing)


@dated_check(TABLE)
def every_name_is_resolved(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Every name in the reports resolves to exactly one player."""
    unresolved = warehouse.scan_quarantine(TABLE, dates).filter(IS_A_NAME_PROBLEM).select("game_date", "problem").unique()
    everywhere, name = pl.lit(value=True), pl.col("problem")
    return count_off(dates, unresolved.sort("problem"), everywhere, name, total="rows", off="names_unresolved").drop("rows")


checks = checks_of(TABLE, is_source=True)

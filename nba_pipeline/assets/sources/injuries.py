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
from nba_pipeline.asset_factory.checks import Verdict, checks_of, dated_check
from nba_pipeline.formulas.slate_injuries import (
    contents_hash,
    ignored_injuries,
    once_per_player,
    slate_injuries,
    team_games,
)
from nba_pipeline.formulas.snapshots import seen_by
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import EASTERN, season_of_game_date
from nba_pipeline.league.name_resolution import IS_A_NAME_PROBLEM, assertions
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
    rows: pl.DataFrame, players: pl.DataFrame, active: pl.DataFrame, asserted: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Adds `player_id`. An unresolved or ambiguous name becomes the row's problem."""
    is_player = pl.col("spelling").is_not_null()
    named = resolve_players(rows.filter(is_player), players, active, asserted)
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
        once = once_per_player(with_players(placed, players, active, assertions(players, games)))
        rows_in.parsed(placed.filter("is_silence"))  # teams without rows in a snapshot get a row too
        rows_in.repeated(once, pl.col("copies"))
        named = once.with_columns(seen_by(clock.as_of)).select(*named.columns, PROBLEM)
    context.add_output_metadata(
        {
            "problems_met": dg.MetadataValue.json({day: messages for day, messages in problems.items() if messages}),
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
def every_team_has_a_report(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """Every team has submitted a report from before its tip-off, once it is due: 17:00 Eastern of the day before.

    Dates of the archive pass, because it has no reports.
    """
    schedule = warehouse.scan(TABLES["schedule"], dates).filter(pl.col("status") != "postponed").collect()
    snapshots = warehouse.scan(TABLE, dates).filter(pl.col("is_before_tipoff")).collect()
    submitted = snapshots.filter(pl.col("status") != NOT_SUBMITTED)
    verdicts = []
    for day in dates:
        games = schedule.filter(pl.col("game_date") == day)
        is_archived = games["source"].str.starts_with("archive/").any()
        teams = team_games(games).select("game_id", "team").sort("team")
        lacking = teams.join(submitted, on=["game_id", "team"], how="anti", maintain_order="left")
        silent = set(lacking.join(snapshots, on=["game_id", "team"], how="semi")["team"])
        names = [f"{team} ({'not submitted' if team in silent else 'no report'})" for team in lacking["team"]]
        is_due = clock.now() >= due_at(day) and not is_archived
        numbers = {
            "share": 1 - lacking.height / teams.height if teams.height and is_due else 1.0,
            "teams": teams.height,
            "teams_without_report": lacking.height,
            "is_due": float(is_due),
        }
        verdicts.append(Verdict(day, not names or not is_due, numbers, names if is_due else ()))
    return verdicts


@dated_check(TABLE)
def the_newest_report_is_recent(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """The newest report of an upcoming slate was printed within the last 6 hours. Its age is plotted, up to the first tip-off."""
    tipoffs = warehouse.scan(TABLES["schedule"], dates).filter(pl.col("status") != "postponed")
    first = dict(tipoffs.group_by("game_date").agg(pl.col("tipoff_at").min()).collect().iter_rows())
    reports = warehouse.scan(TABLE, dates).filter(pl.col("is_before_tipoff"), pl.col("provider") == official.PROVIDER)
    newest = dict(reports.group_by("game_date").agg(pl.col("snapshot_at").max()).collect().iter_rows())
    verdicts = []
    for day in dates:
        if (printed := newest.get(day)) is None:  # `every_team_has_a_report` covers slates without a report
            verdicts.append(Verdict(day, True, {}))
            continue
        until = max(printed, min(clock.now(), first.get(day) or clock.now()))
        age = (until - printed).total_seconds() / SECONDS_PER_MINUTE
        local = printed.astimezone(EASTERN)
        names = [f"the newest report of {day} was printed {local:%Y-%m-%d %H:%M} Eastern and is {age:.0f} minutes old"]
        is_recent = age <= SETTINGS.injuries.old_after_minutes
        verdicts.append(Verdict(day, is_recent, {"report_age_minutes": age}, () if is_recent else names))
    return verdicts


@dated_check(TABLE)
def every_name_is_resolved(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """Every name in the reports resolves to exactly one player."""
    names = (
        warehouse.scan_quarantine(TABLE, dates)
        .filter(IS_A_NAME_PROBLEM)
        .select("game_date", "problem")
        .unique()
        .sort("problem")
        .collect()
    )
    by_day = {day: names.filter(pl.col("game_date") == day)["problem"].to_list() for day in dates}
    return [Verdict(day, not problems, {"names_unresolved": len(problems)}, problems) for day, problems in by_day.items()]


checks = checks_of(TABLE, is_source=True)

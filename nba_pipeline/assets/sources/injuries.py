"""injuries: the injury report's status of each listed player, per snapshot.

Grain: one row per game, team, player and snapshot
Source: the league's official injury report (PDF); ESPN if there is no report
Caveats: rows are only ever added; a row with a null player_id is a statement about the team: it has not submitted, or
  it lists no player; an unlisted player is available only if the team has submitted; unusable rows are quarantined and
  make the status unknown to the features, never healthy; dates of the archive are empty; past dates have one report, the
  last from before the first tip-off.
"""

import hashlib
from collections.abc import Sequence
from datetime import date, datetime

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset, dates_of, days_before, every_date
from nba_pipeline.asset_factory.checks import Verdict, checks_of, dated_check
from nba_pipeline.errors import PipelineError
from nba_pipeline.formulas.offers import first_of_each
from nba_pipeline.formulas.snapshots import seen_by
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import EASTERN, eastern_date, season_of_game_date
from nba_pipeline.league.names import IS_A_NAME_PROBLEM, assertions
from nba_pipeline.league.teams import TEAMS
from nba_pipeline.providers import espn as espn_api
from nba_pipeline.providers import injury_report as official
from nba_pipeline.providers.archive import Archive
from nba_pipeline.providers.espn import Espn
from nba_pipeline.providers.injury_report import NOBODY_LISTED, NOT_SUBMITTED, InjuryReport, due_at
from nba_pipeline.providers.parsing import read_each
from nba_pipeline.providers.player_matching import NAME_COLUMNS, resolve_players, roster_sightings, candidate_players
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import LINEAGE, PROBLEM, TABLES, Row, Table, code
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.accounting import RowsIn

PLAYER_STATUSES = ("out", "doubtful", "questionable", "probable", "available")
SECONDS_PER_MINUTE = 60
TEAM_STATUSES = (NOT_SUBMITTED, NOBODY_LISTED)


class InjuryRows(Row):
    """Columns and rules of `injuries`."""

    game_id = dy.String(description="the NBA's ten digits")
    team = code(TEAMS, "tricode of the team that reported")
    player_id = dy.Int64(nullable=True, min=1, description="the NBA's person id; null: a statement about the team as a whole")
    snapshot_at = dy.Datetime(time_zone="UTC", description="instant printed on the report; of ESPN that of the answer")
    spelling = dy.String(nullable=True, description="the player's name as the report spelled it")
    status = code((*PLAYER_STATUSES, *TEAM_STATUSES), "of the player, or of the team's report")
    reason = dy.String(nullable=True, description="in the report's words")
    seen_at = dy.Datetime(time_zone="UTC", description="instant at which the answer arrived, at most that of the run")
    provider = code((official.PROVIDER, espn_api.PROVIDER), "who said so")
    tipoff_at = dy.Datetime(nullable=True, time_zone="UTC", description="scheduled tip-off when the row was made")
    is_before_tipoff = dy.Bool(nullable=True, description="snapshot_at < tipoff_at; null where that is unknown")

    @dy.rule()
    def only_a_team_s_statement_has_no_player(cls) -> pl.Expr:
        """Player statuses have a player id, team statuses have none."""
        return pl.col("status").is_in(list(TEAM_STATUSES)) == pl.col("player_id").is_null()


TABLE = Table(
    "injuries", grain="game, team, player and snapshot", key=("game_id", "team", "player_id", "snapshot_at"),
    schema=InjuryRows, write="add", cluster=("game_id", "player_id"),
)  # fmt: skip
CODE_VERSION = "2"
NOTHING_SAID = "no report"
SNAPSHOT = ["snapshot_at", "seen_at", "provider", "source"]


def team_games(games: pl.DataFrame) -> pl.DataFrame:
    """Returns two rows per game, one per team: game_date, game_id, home_team, away_team, tipoff_at, status, team."""
    columns = ["game_date", "game_id", "home_team", "away_team", "tipoff_at", "status"]
    return pl.concat(games.select(*columns, pl.col(f"{side}_team").alias("team")) for side in ("home", "away"))


def slate_injuries(listed: pl.DataFrame, games: pl.DataFrame) -> pl.DataFrame:
    """Returns one snapshot's rows for the games of one date, with game_id, tip-off and at least one row per team.

    A report that names games keeps the games of the date; a matchup that is not in the schedule is a problem. A report that
    names only teams keeps the teams of the slate. A team without rows has listed no player if the report mentions its game
    or names no games at all. Otherwise, or if a row with an unknown team may concern it, the team has not submitted.

    Args:
        listed: The rows of one snapshot, with `provider`; game_date, home_team and away_team if the report names games.
        games: The schedule of the date.
    """
    snapshot, teams = listed.select(SNAPSHOT).head(1), team_games(games.filter(pl.col("status") != "postponed"))
    slate = team_games(games).select("game_date", "game_id", "team", "tipoff_at", home="home_team", away="away_team")
    names_games = "game_date" in listed.columns
    if names_games:
        said = listed.filter(pl.col("game_date").is_in(slate["game_date"].implode())).drop("game_date")
        said = _of_their_game(said.join(slate, on="team", how="left", maintain_order="left"), games)
        is_scheduled = (pl.col("home_team") == pl.col("home")) & (pl.col("away_team") == pl.col("away"))
        strange = pl.format("{} at {} is no game of the schedule", "away_team", "home_team")
        is_strange = ~is_scheduled.fill_null(False)
        mentioned = said.filter(~is_strange)["game_id"]
        said = said.with_columns(pl.coalesce(PROBLEM, pl.when(is_strange).then(strange)).alias(PROBLEM))
    else:
        said = listed.join(slate, on="team", how="left", maintain_order="left")
        said, mentioned = said.filter(pl.col("game_id").is_not_null() | pl.col("team").is_null()), teams["game_id"]
    unknown = said.filter(pl.col("team").is_null())
    if names_games:
        unclear = games.join(unknown, on=["home_team", "away_team"], how="semi")["game_id"]
    else:
        unclear = games["game_id"] if unknown.height else games["game_id"].clear()
    has_said = pl.col("game_id").is_in(mentioned.implode()) & ~pl.col("game_id").is_in(unclear.implode())
    silent = (
        teams.join(said, on=["game_id", "team"], how="anti").join(snapshot, how="cross")
        .select("game_id", "team", "tipoff_at", *SNAPSHOT, pl.lit(None, pl.String).alias(PROBLEM),
                pl.when(has_said).then(pl.lit(NOBODY_LISTED)).otherwise(pl.lit(NOT_SUBMITTED)).alias("status"),
                pl.lit(True).alias("is_silence"))
    )  # fmt: skip
    return pl.concat([said, silent], how="diagonal_relaxed").with_columns(
        pl.lit(games["game_date"].first()).alias("game_date"),
        (pl.col("snapshot_at") < pl.col("tipoff_at")).alias("is_before_tipoff"),
    )


def other_injuries(listed: pl.DataFrame, games: pl.DataFrame) -> pl.DataFrame:
    """Returns the rows that `slate_injuries` excludes: those of other dates, or of teams without a game on the date."""
    if "game_date" in listed.columns:
        return listed.filter(~pl.col("game_date").is_in(games["game_date"].unique().implode()))
    return listed.filter(pl.col("team").is_not_null(), ~pl.col("team").is_in(team_games(games)["team"].unique().implode()))


def _of_their_game(said: pl.DataFrame, games: pl.DataFrame) -> pl.DataFrame:
    """Gives rows with an unknown team the game of their matchup, because they may concern either of its teams.

    A matchup without a team of the slate is written into game_id: the row concerns no player of the slate.
    """
    of_matchup = games.select("home_team", "away_team", pl.col("game_id").alias("of_matchup"))
    teams = team_games(games)["team"].unique().implode()
    is_elsewhere = pl.col("team").is_null() & ~(pl.col("home_team").is_in(teams) | pl.col("away_team").is_in(teams))
    elsewhere = pl.when(is_elsewhere).then(pl.format("{}@{}", "away_team", "home_team"))
    placed = said.join(of_matchup, on=["home_team", "away_team"], how="left", maintain_order="left")
    of_unknown_team = pl.when(pl.col("team").is_null()).then(pl.coalesce("of_matchup", elsewhere))
    return placed.with_columns(pl.coalesce("game_id", of_unknown_team).alias("game_id")).drop("of_matchup")


def with_players(
    rows: pl.DataFrame, players: pl.DataFrame, active: pl.DataFrame, asserted: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Adds `player_id`. An unresolved or ambiguous name becomes the row's problem."""
    is_player = pl.col("spelling").is_not_null()
    named = resolve_players(rows.filter(is_player), players, active, asserted)
    return pl.concat([named, rows.filter(~is_player)], how="diagonal_relaxed").with_columns(pl.col("player_id").cast(pl.Int64))


def once_per_player(rows: pl.DataFrame) -> pl.DataFrame:
    """Removes repeated rows of one snapshot, also of a player under two spellings. `copies` counts the removed rows."""
    who = pl.coalesce(pl.col("player_id").cast(pl.String), "spelling").alias("who")
    said = ["game_id", "team", "who", "snapshot_at", "status", PROBLEM]
    return first_of_each(rows.with_columns(who), said).drop("who")


def land_reports(games: pl.DataFrame, day: date, injury_report: InjuryReport, espn: Espn, now: datetime) -> list[str]:
    """Lands the newest report on a date's games, else ESPN's injuries, and returns the problems.

    There are no requests before the slate is due, and none in an offline run. Once every game has begun, the request is for
    the last report from before the first tip-off. ESPN is then skipped, because it only serves current injuries.
    """
    if injury_report.http.landing.is_offline:
        return []
    tipoffs = games.filter(pl.col("status") != "postponed")["tipoff_at"]
    if now < due_at(day) or tipoffs.is_empty():
        return []
    is_over = (tipoffs <= now).fill_null(eastern_date(now) > day).all()
    before = tipoffs.min() if is_over else now
    if not isinstance(before, datetime):
        return ["no game has a tip-off: no report can be from before it"]
    report, problems = injury_report.newest(day, before)
    if report is None and not is_over:
        try:
            espn.injuries(day)
        except PipelineError as error:
            problems.append(str(error))
    return problems


def landed(day: date, injury_report: InjuryReport, espn: Espn, problems: list[str]) -> list[pl.DataFrame]:
    """Returns every landed snapshot of a date, one frame each, with its provider.

    Snapshots with the same printed instant and contents count once. `problems` gets the reasons of rejected snapshots.
    """
    landing = injury_report.http.landing
    frames = {
        tuple(frame.drop("seen_at", "source").rows()): frame.with_columns(pl.lit(provider).alias("provider"))
        for provider, payloads, parse in (
            (official.PROVIDER, injury_report.landed(day), official.parse_injury_report),
            (espn_api.PROVIDER, espn.landed_injuries(day), espn_api.parse_injuries),
        )
        for _, frame in reversed(read_each(parse, payloads, landing, problems))
        if frame.height
    }
    return list(frames.values())


def contents(rows: pl.DataFrame) -> str:
    """Returns a hash of the newest statuses of each team, without their instants. An unchanged report has the same hash."""
    submitted = pl.col("status").is_null() | (pl.col("status") != NOT_SUBMITTED)
    counted = rows.filter(pl.col("is_before_tipoff").fill_null(True), submitted)
    newest = counted.filter(pl.col("snapshot_at") == pl.col("snapshot_at").max().over("game_id", "team"))
    said = newest.select("game_date", "game_id", "team", "player_id", "spelling", "status", PROBLEM).unique()
    return hashlib.sha256(said.sort(pl.all()).write_csv().encode()).hexdigest()


def minutes_old(frames: Sequence[pl.DataFrame], now: datetime) -> float | None:
    """Returns the age in minutes of the newest official report, from its printed instant; None without one."""
    printed = [frame["snapshot_at"][0] for frame in frames if frame["provider"][0] == official.PROVIDER]
    return (now - max(printed)).total_seconds() / SECONDS_PER_MINUTE if printed else None


@daily_asset(
    TABLE, module=__name__, description=__doc__, kinds={"python", "polars"}, code_version=CODE_VERSION, pool="espn",
    ins={
        "players": every_date(is_reference=True),
        "boxscores": days_before(SETTINGS.names.active_days, columns=NAME_COLUMNS, is_reference=True),
    },
)  # fmt: skip
def injuries(
    context: dg.AssetExecutionContext, schedule: pl.DataFrame, players: pl.DataFrame, boxscores: pl.DataFrame,
    injury_report: InjuryReport, espn: Espn, archive: Archive, warehouse: dg.ResourceParam[Warehouse], clock: Clock,
) -> dg.Output[pl.DataFrame]:  # fmt: skip
    """Every landed snapshot of the dates. If a source fails, the slate has no new snapshot and the problem is logged.

    The data version is a hash of the contents. With it the automation conditions recognize an unchanged report.
    """
    dates, frames = dates_of(context), list[pl.DataFrame]()
    problems, ages = dict[str, list[str]](), dict[str, float | None]()
    rows_in = RowsIn(dates)
    for day in dates:
        games = schedule.filter(pl.col("game_date") == day)
        if games.is_empty() or archive.holds(day):
            continue
        met = land_reports(games, day, injury_report, espn, clock.now())
        snapshots = landed(day, injury_report, espn, met)
        ages[str(day)] = minutes_old(snapshots, clock.now())
        for snapshot in snapshots:
            frames.append(slate_injuries(snapshot, games))
            of_day = pl.lit(day).alias("game_date")
            rows_in.parsed(snapshot.with_columns(of_day))
            rows_in.ignored(other_injuries(snapshot, games).with_columns(of_day), "another date, or a team without a game")
        problems[str(day)] = list(dict.fromkeys(met))
    for name, met in problems.items():
        for problem in met:
            context.log.warning(f"{name}: {problem}")
    named = TABLE.empty().drop(LINEAGE[1:])
    if frames:
        games = schedule.with_columns(season_of_game_date())
        live = [day for day in dates if not archive.holds(day)]
        active = candidate_players(games, boxscores, players, roster_sightings(warehouse, live))
        said = pl.concat(frames, how="diagonal_relaxed")
        said_once = once_per_player(with_players(said, players, active, assertions(players, games)))
        rows_in.parsed(said.filter("is_silence"))  # teams without rows in a snapshot get a row too
        rows_in.repeated(said_once, pl.col("copies"))
        named = said_once.with_columns(seen_by(clock.as_of)).select(*named.columns, PROBLEM)
    context.add_output_metadata(
        {
            "problems_met": dg.MetadataValue.json({day: met for day, met in problems.items() if met}),
            "snapshots": len(frames),
            "report_age_minutes": dg.MetadataValue.json(ages),
            **rows_in.metadata(),
        }
    )
    return dg.Output(named, data_version=dg.DataVersion(contents(named) if frames else NOTHING_SAID))


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
        tried = set(lacking.join(snapshots, on=["game_id", "team"], how="semi")["team"])
        names = [f"{team} ({'not submitted' if team in tried else 'no report'})" for team in lacking["team"]]
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
        names = [f"the newest report was printed {local:%Y-%m-%d %H:%M} Eastern, {age:.0f} minutes before"]
        is_recent = age <= SETTINGS.injuries.old_after_minutes
        verdicts.append(Verdict(day, is_recent, {"report_age_minutes": age}, () if is_recent else names))
    return verdicts


@dated_check(TABLE)
def every_name_is_resolved(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """Every name in the reports resolves to exactly one player."""
    names = (
        warehouse.scan_quarantine(TABLE, dates)
        .filter(IS_A_NAME_PROBLEM)
        .select("game_date", "problem").unique().sort("problem").collect()
    )  # fmt: skip
    by_day = {day: names.filter(pl.col("game_date") == day)["problem"].to_list() for day in dates}
    return [Verdict(day, not found, {"names_unresolved": len(found)}, found) for day, found in by_day.items()]


checks = checks_of(TABLE, is_source=True)

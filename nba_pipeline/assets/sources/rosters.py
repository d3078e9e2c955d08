"""rosters: the players of each team on a date, as of the fetch.

Grain: one row per team and player
Source: ESPN's rosters, requested on the day itself or the day before, if it has a game
Caveats: a past date has only the rosters landed on that date, so dates of the archive, dates without a run and dates
  without a game are empty; a player between two teams may be on both rosters; a player without any box score has no id and is
  quarantined; heights and weights are the provider's.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset, dates_of, days_before, every_date, log_problems
from nba_pipeline.asset_factory.checks import checks_of, dated_check
from nba_pipeline.asset_factory.verdicts import count_off, share_present, with_presence
from nba_pipeline.errors import PipelineError
from nba_pipeline.formulas.offers import first_of_each
from nba_pipeline.formulas.snapshots import seen_by
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.rereads import PROBLEMS_MET
from nba_pipeline.league.active_players import active_players, box_score_sightings
from nba_pipeline.league.calendar import season_of_game_date
from nba_pipeline.league.name_resolution import operator_resolutions, resolve_names
from nba_pipeline.league.teams import TEAMS
from nba_pipeline.providers.archive import Archive
from nba_pipeline.providers.espn import ROSTER_COLUMNS, TEAM_IDS, Espn, parse_roster
from nba_pipeline.providers.parsing import read_each
from nba_pipeline.providers.player_matching import NAME_COLUMNS
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import LINEAGE, PROBLEM, Row, Table, code, number
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.accounting import RowsIn


class RosterRows(Row):
    """Columns of `rosters`."""

    team = code(TEAMS, "tricode")
    player_id = dy.Int64(min=1, description="the NBA's person id")
    spelling = dy.String(description="the player's name as the roster spelled it")
    birth_date = dy.Date(nullable=True, description="day of birth")
    position = dy.String(nullable=True, description="the provider's code, as SG")
    height_inches = number("in", 60, 96)
    weight_pounds = number("lb", 120, 400)
    seen_at = dy.Datetime(time_zone="UTC", description="instant at which the response arrived, at most that of the run")


TABLE = Table(
    "rosters",
    grain="team and player",
    key=("team", "player_id"),
    schema=RosterRows,
    cluster=("team", "player_id"),
    may_shrink=True,
)


def with_player_ids(rosters: pl.DataFrame, players: pl.DataFrame, boxscores: pl.DataFrame) -> pl.DataFrame:
    """Adds `player_id`, looked up first among players seen with the team before the date, then among all active players.

    An unresolved or ambiguous name becomes the row's problem.
    """
    keyed = rosters.with_columns(pl.format("{} {}", "game_date", "team").alias("game_id"), season_of_game_date())
    sides = keyed.select("game_id", "game_date", "season", "team").unique()
    active = active_players(sides, box_score_sightings(boxscores), players)
    mentions = keyed.select("game_id", "spelling").unique()
    names = resolve_names(mentions, players, active, operator_resolutions(players, sides))
    names = names.select("game_id", "spelling", "player_id", "resolved_by", pl.col("problem").alias("name_problem"))
    named = keyed.join(names, on=["game_id", "spelling"], how="left", maintain_order="left")
    return with_one_team(named.with_columns(pl.coalesce(PROBLEM, "name_problem").alias(PROBLEM))).drop(
        "game_id", "season", "name_problem", "resolved_by"
    )


BY_NAME_ALONE = ("league", "seed")


def with_one_team(named: pl.DataFrame) -> pl.DataFrame:
    """Adds a problem to players resolved only by their name if another team's roster has the same player.

    The same birth date on both rosters is one player between two teams, and no problem.
    """
    own = named.filter(pl.col("player_id").is_not_null(), ~pl.col("resolved_by").is_in(BY_NAME_ALONE))
    own = own.select("game_date", "player_id", own_team="team", own_spelling="spelling", own_birth_date="birth_date")
    beside = named.join(own.unique(["game_date", "player_id"]), on=["game_date", "player_id"], how="left", maintain_order="left")
    is_another = (
        pl.col("resolved_by").is_in(BY_NAME_ALONE)
        & (pl.col("team") != pl.col("own_team"))
        & (pl.col("birth_date") != pl.col("own_birth_date")).fill_null(True)
    ).fill_null(False)
    problem = pl.format("ambiguous name '{}': {} of {}, or a new player", "spelling", "own_spelling", "own_team")
    return beside.with_columns(
        pl.coalesce(PROBLEM, pl.when(is_another).then(problem)).alias(PROBLEM),
        pl.when(~is_another).then("player_id").alias("player_id"),
    ).select(named.columns)


def once_per_player(named: pl.DataFrame) -> pl.DataFrame:
    """Keeps one row for a player whom a roster lists under two spellings, otherwise equal. `copies` counts the removed rows."""
    player = pl.coalesce(pl.col("player_id").cast(pl.String), "spelling").alias("who")
    listed = ["game_date", "team", "who", "birth_date", "position", "height_inches", "weight_pounds", PROBLEM]
    return first_of_each(named.with_columns(player), listed).drop("who")


def land_rosters(day: date, espn: Espn, now: datetime) -> list[str]:
    """Lands the rosters of a date that are missing or too old, and returns the problems."""
    oldest = now - timedelta(hours=SETTINGS.rosters.reread_after_hours)
    fresh = {team_id for team_id, payload in espn.landed_rosters(day).items() if payload.fetched_at > oldest}
    results = espn.rosters([team_id for team_id in TEAM_IDS if team_id not in fresh], day)
    return [str(result) for result in results if isinstance(result, PipelineError)]


def collected_dates(schedule: pl.DataFrame, clock: Clock) -> set[date]:
    """Returns today and tomorrow, if they have a game. A current roster is no evidence for other dates."""
    soon = pl.col("game_date").is_between(clock.today, clock.today + timedelta(days=1))
    return set(schedule.filter(soon, pl.col("status") != "postponed")["game_date"])


@daily_asset(
    TABLE,
    module=__name__,
    description=__doc__,
    kinds={"python", "polars"},
    modes=["same_day", "tomorrow"],
    endpoints=["espn/roster"],
    covers="date",
    pool="espn",
    ins={
        "players": every_date(is_reference=True),
        "boxscores": days_before(SETTINGS.names.active_days, columns=NAME_COLUMNS, is_reference=True),
    },
)
def rosters(
    context: dg.AssetExecutionContext,
    schedule: pl.DataFrame,
    players: pl.DataFrame,
    boxscores: pl.DataFrame,
    espn: Espn,
    archive: Archive,
    clock: Clock,
) -> pl.DataFrame:
    """The newest landed roster of every team. A failed request is logged, and the team keeps its landed roster."""
    landing = espn.http.landing
    collected = set[date]() if landing.is_offline else collected_dates(schedule, clock)
    frames, problems = [pl.DataFrame(schema={**ROSTER_COLUMNS, "game_date": pl.Date()})], dict[str, list[str]]()
    for day in dates_of(context):
        if archive.holds(day):
            continue
        problems[str(day)] = land_rosters(day, espn, clock.now()) if day in collected else []
        snapshots = read_each(parse_roster, espn.landed_rosters(day).values(), landing, problems[str(day)])
        frames += [frame.with_columns(pl.lit(day).alias("game_date")) for _, frame in snapshots]
    log_problems(context, problems)
    listed, rows_in = pl.concat(frames), RowsIn(dates_of(context))
    named = once_per_player(with_player_ids(listed, players, boxscores)).with_columns(seen_by(clock.as_of))
    rows_in.parsed(listed)
    rows_in.repeated(named, pl.col("copies"))
    problems_by_day = {day: messages for day, messages in problems.items() if messages}
    context.add_output_metadata({PROBLEMS_MET: dg.MetadataValue.json(problems_by_day), **rows_in.metadata()})
    return named.select(*(c for c in TABLE.dtypes if c not in LINEAGE[1:]), PROBLEM)


@dated_check(TABLE)
def every_team_has_a_roster(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """All thirty teams have a roster, if there is a game. A past date without rosters passes: they cannot be fetched later."""
    listed = _players_per_team(warehouse, dates)
    collected = collected_dates(warehouse.scan(TABLES["schedule"], dates).select("game_date", "status").collect(), clock)
    due = sorted({*listed["game_date"], *collected} & set(dates))
    teams = pl.DataFrame({"game_date": due}, schema={"game_date": pl.Date}).join(pl.DataFrame({"team": TEAMS}), how="cross")
    expected = with_presence(teams, listed, ["game_date", "team"])
    return share_present(dates, expected, pl.col("is_present"), pl.col("team"), 1.0)


@dated_check(TABLE)
def rosters_have_12_to_21_players(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Every roster has 12 to 21 players: enough for a game, and no more than may be under contract in the off-season."""
    is_off = ~pl.col("players").is_between(SETTINGS.rosters.fewest_players, SETTINGS.rosters.most_players)
    name = pl.format("{}: {}", "team", "players")
    return count_off(dates, _players_per_team(warehouse, dates), is_off, name, total="teams", off="teams_off")


def _players_per_team(warehouse: Warehouse, dates: Sequence[date]) -> pl.DataFrame:
    rows = warehouse.scan(TABLE, dates).group_by("game_date", "team").agg(pl.len().alias("players"))
    return rows.sort("game_date", "team").collect()


checks = checks_of(TABLE, is_source=True)

"""schedule: the games of the season, when they are played and how they ended.

Grain: one row per game
Source: NBA CDN season schedule; the archive for the dates that it covers; `not_played_games` for games marked by an operator
Caveats: a game changes its date when the league moves it; `tipoff_at` is null if no source has the instant; a game is
  final only with both scores; postponed means not played on its date, and includes games that are canceled, not needed
  by their series or marked; preseason and all-star games are out of scope.
"""

from collections.abc import Sequence
from datetime import date

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset, dates_of
from nba_pipeline.asset_factory.checks import checks_of
from nba_pipeline.asset_factory.code_versions import code_version
from nba_pipeline.completeness.not_played import NOT_PLAYED, with_marks
from nba_pipeline.errors import Permanent
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.partitions import DAILY
from nba_pipeline.league.calendar import season_of
from nba_pipeline.league.teams import TEAMS
from nba_pipeline.providers import SEASON_TYPES
from nba_pipeline.providers.archive import Archive
from nba_pipeline.providers.nba_cdn import NbaCdn
from nba_pipeline.providers.nba_cdn_schedule import count_undetermined_games, parse_schedule
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import LINEAGE, PROBLEM, Row, Table, code
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.accounting import RowsIn

STATUSES = ("scheduled", "live", "final", "postponed", "suspended", "unknown")
"""`postponed` is a game that is not played on its date: postponed, canceled or not necessary; `status_text` has the reason.
`suspended` is a game that was stopped and may be resumed.
"""


class ScheduleRows(Row):
    """Columns and rules of `schedule`."""

    game_id = dy.String(regex=r"^00[2456]\d{7}$", description="the NBA's ten digits")
    season = dy.String(regex=r"^\d{4}-\d{2}$", description="1 July to 30 June, as 2024-25")
    season_type = code(SEASON_TYPES.values(), "competition")
    tipoff_at = dy.Datetime(nullable=True, time_zone="UTC", description="scheduled tip-off")
    tipoff_source = dy.String(nullable=True, description="field of the provider that gave tipoff_at")
    home_team = code(TEAMS, "tricode")
    away_team = code(TEAMS, "tricode")
    is_neutral = dy.Bool(nullable=True, description="played at neither team's arena")
    status = code(STATUSES, "final only with both scores")
    status_text = dy.String(nullable=True, description="the provider's wording")
    home_points = dy.Int64(nullable=True, min=0, max=250, description="points; null before tip-off")
    away_points = dy.Int64(nullable=True, min=0, max=250, description="points; null before tip-off")
    game_label = dy.String(nullable=True, description="the league's label, as a Cup round")
    arena = dy.String(nullable=True, description="arena and city")
    has_boxscore_source = dy.Bool(description="false if the archive of the season lacks the competition")

    @dy.rule()
    def final_games_have_both_scores(cls) -> pl.Expr:
        """A final game has both scores. Providers do serve final games without scores."""
        return (pl.col("status") != "final") | (pl.col("home_points").is_not_null() & pl.col("away_points").is_not_null())

    @dy.rule()
    def teams_differ(cls) -> pl.Expr:
        """A team does not play itself."""
        return pl.col("home_team") != pl.col("away_team")


TABLE = Table("schedule", grain="game", key=("game_id",), schema=ScheduleRows, cluster=("game_id",), may_shrink=True)
FACTS = ("game_id", "game_date", "home_team", "away_team", "status", "home_points", "away_points", "tipoff_at")
"""A difference in one of these columns marks a date as changed."""

SUMMER = (7, 8, 9)
"""Months in which the provider may still serve the previous season."""


def newest_of_each_game(season: pl.DataFrame) -> pl.DataFrame:
    """Adds a problem to the earlier dates of a game that is listed on several dates, for example while the league moves it."""
    is_stale = pl.col("game_date") < pl.col("game_date").max().over("game_id")
    stale = pl.when(is_stale).then(pl.format("{} is also listed on a later date", "game_id"))
    return season.with_columns(pl.coalesce(PROBLEM, stale).alias(PROBLEM))


def usable(season: pl.DataFrame) -> pl.DataFrame:
    """Returns the games without a problem."""
    return season.filter(pl.col(PROBLEM).is_null())


def changed_dates(season: pl.DataFrame, before: pl.DataFrame) -> list[date]:
    """Returns the dates whose games differ between the two frames."""
    facts = [frame.select(FACTS).unique() for frame in (usable(season), before)]
    differing = [facts[i].join(facts[1 - i], on=list(FACTS), how="anti", nulls_equal=True)["game_date"] for i in (0, 1)]
    return sorted(pl.concat(differing).unique())


def refuse_shrunken_season(season: pl.DataFrame, before: pl.DataFrame, dates: Sequence[date]) -> None:
    """Raises Permanent if the season lost most of the games in the warehouse, or is empty outside of summer.

    Unusable games count as lost, so that a changed field in every game does not empty the table.
    """
    games, existing = usable(season)["game_id"].n_unique(), before["game_id"].n_unique()
    is_between_seasons = not existing and all(day.month in SUMMER for day in dates)
    if games < SETTINGS.coverage.shrink_floor * existing or not (games or is_between_seasons):
        why = next(iter(season[PROBLEM].drop_nulls()), "")
        raise Permanent(
            f"nba_cdn lists {games} usable games of the season, but the warehouse has {existing}; the schedule was not "
            f"replaced{f', first problem: {why}' if why else ''}"
        )


def refuse_dates_of_another_season(dates: Sequence[date], season: str, listed: set[date]) -> None:
    """Raises Permanent for a date outside the provider's season, except in summer before the new schedule is published."""
    for day in dates:
        is_summer = season_of(day) > season and day.month in SUMMER
        if season_of(day) != season and day not in listed and not is_summer:
            raise Permanent(
                f"nba_cdn serves season {season}, but {day} belongs to {season_of(day)}: set NBA_ARCHIVE_DIR to an archive with that season"
            )


@daily_asset(
    TABLE,
    module=__name__,
    description=__doc__,
    kinds={"python", "polars"},
    modes=["overnight", "same_day", "tomorrow"],
    critical_in=["overnight", "same_day", "tomorrow"],
    requested_by="final_games",
    pool="nba_cdn",
)
def schedule(
    context: dg.AssetExecutionContext, nba_cdn: NbaCdn, archive: Archive, warehouse: dg.ResourceParam[Warehouse], clock: Clock
) -> pl.DataFrame:
    """The games of the run's dates. Every other date of the season whose games changed is replaced too."""
    dates, marks = dates_of(context), warehouse.scan(NOT_PLAYED).collect()
    archived = [day for day in dates if archive.holds(day)]
    frames = [with_marks(archive.schedule(archived), marks, clock.as_of)] if archived else []
    rows_in, changed, undetermined = RowsIn(dates), 0, 0
    for rows in frames:
        rows_in.parsed(rows)
    live = [day for day in dates if day not in archived]
    if live:
        payload = nba_cdn.schedule(min(live) if nba_cdn.http.landing.is_offline else None)
        listed_games = with_marks(parse_schedule(payload), marks, clock.as_of)
        season = newest_of_each_game(listed_games)
        listed = set(usable(season)["game_date"])
        season_name = str(usable(season)["season"].mode().max()) if listed else season_of(min(live))
        existing = {day for day in warehouse.dates(TABLE) if season_of(day) == season_name or day in listed}
        before = warehouse.scan(TABLE, existing).collect()
        refuse_shrunken_season(season, before, live)
        refuse_dates_of_another_season(live, season_name, listed)
        moved = [day for day in changed_dates(season, before) if day not in dates and not archive.holds(day)]
        valid_rows, rejected = TABLE.conform(
            season.filter(pl.col("game_date").is_in(moved)), clock.as_of, code_version(TABLE.name)
        )
        warehouse.quarantine(TABLE, moved, rejected)
        warehouse.replace(TABLE, moved, valid_rows, context.run.run_id)
        keys = set(DAILY.get_partition_keys())
        for day in moved:
            if day.isoformat() in keys:
                context.log_event(dg.AssetMaterialization(context.asset_key, partition=day.isoformat()))
        # a game with an unusable date belongs to no date; it is quarantined with this run
        is_requested = pl.col("game_date").is_in(live) | pl.col("game_date").is_null()
        frames.append(season.filter(is_requested))
        rows_in.parsed(listed_games.filter(is_requested))
        changed, undetermined = len(moved), count_undetermined_games(payload)
    frame = pl.concat(frames, how="diagonal_relaxed")
    context.add_output_metadata({"dates_changed_beside": changed, "games_without_teams_yet": undetermined, **rows_in.metadata()})
    return frame.drop(*LINEAGE[1:], strict=False)


checks = checks_of(TABLE, is_source=True)

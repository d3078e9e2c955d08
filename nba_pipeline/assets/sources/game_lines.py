"""game_lines: the sportsbooks' spreads and totals of the games, as each book showed them at an instant.

Grain: one row per game, market, book, outcome and snapshot
Source: payloads of The Odds API that `prop_lines` landed, no requests of its own; the archive for the dates that it covers
Caveats: rows are only ever added; home and away are the schedule's; a spread belongs to its outcome and is negative for
  the favorite; the archive's rows are averages over unnamed books (book "consensus") without price or instant: they have
  `is_before_tipoff` null and are never used live; if two of them differ for one game, both are quarantined.
"""

from collections.abc import Sequence
from datetime import date

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset, dates_of
from nba_pipeline.asset_factory.checks import checks_of, dated_check
from nba_pipeline.asset_factory.verdicts import for_each_date, none_missing, share_present, with_presence
from nba_pipeline.completeness.expectations import absent_books
from nba_pipeline.formulas.offers import first_of_each
from nba_pipeline.instance.clock import Clock
from nba_pipeline.providers import archive_files
from nba_pipeline.providers.archive import Archive
from nba_pipeline.providers.odds_api import OddsApi
from nba_pipeline.providers.odds_lines import PRICE_FLOOR, parse_game_odds
from nba_pipeline.providers.odds_rows import AFTER_TIPOFF, IGNORED, NO_OFFERS, landed_rows
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import LINEAGE, PROBLEM, Row, Table, code
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.accounting import RowsIn

OUTCOMES = {"spreads": ("home", "away"), "totals": ("over", "under")}
"""Market -> its two outcomes."""


class GameLineRows(Row):
    """Columns and rules of `game_lines`."""

    game_id = dy.String(description="the NBA's ten digits")
    market = code(OUTCOMES, "The Odds API's key: spreads or totals")
    book = dy.String(description="The Odds API's key, as draftkings; consensus: the archive's average over books")
    outcome = code((outcome for both in OUTCOMES.values() for outcome in both), "home or away, over or under")
    line_half_points = dy.Int64(min=-200, max=800, description="2 x line; the line's form in comparisons")
    line = dy.Float64(min=-100, max=400, description="points; a spread is added to the outcome's own score")
    price = dy.Int64(nullable=True, description="American price of the outcome")
    snapshot_at = dy.Datetime(nullable=True, time_zone="UTC", description="instant at which the book showed the line")
    tipoff_at = dy.Datetime(nullable=True, time_zone="UTC", description="earlier of the schedule's and the provider's start")
    is_before_tipoff = dy.Bool(nullable=True, description="true; null where an instant is unknown")
    odds_event_id = dy.String(nullable=True, description="the provider's id of the game")
    captured_at = dy.Datetime(nullable=True, time_zone="UTC", description="instant at which the response arrived")
    request_format = dy.String(description="american or decimal: the requested price format")

    @dy.rule()
    def line_is_half_of_its_whole_number(cls) -> pl.Expr:
        """The shown line and its integer form agree."""
        return pl.col("line") * 2 == pl.col("line_half_points")

    @dy.rule()
    def outcome_is_one_of_its_market(cls) -> pl.Expr:
        """Spreads have home and away, totals over and under."""
        return pl.col("outcome").is_in(["over", "under"]) == (pl.col("market") == "totals")

    @dy.rule()
    def totals_are_positive(cls) -> pl.Expr:
        """A total is greater than 0."""
        return (pl.col("market") != "totals") | (pl.col("line") > 0)

    @dy.rule()
    def prices_are_american(cls) -> pl.Expr:
        """No price lies between -100 and +100."""
        return pl.col("price").abs() >= PRICE_FLOOR


TABLE = Table(
    "game_lines",
    grain="game, market, book, outcome and snapshot",
    schema=GameLineRows,
    write="add",
    key=("game_id", "market", "book", "outcome", "snapshot_at"),
    cluster=("book",),
)
OPPOSITE = {"home": "away", "away": "home"}


def of_the_schedule(rows: pl.DataFrame, schedule: pl.DataFrame) -> pl.DataFrame:
    """Returns the rows with the schedule's home and away. The provider may swap the teams of a game on a neutral site."""
    homes = schedule.select("game_id", scheduled_home="home_team")
    is_swapped = (pl.col("scheduled_home") == pl.col("away_team")).fill_null(False)
    outcome = pl.when(is_swapped).then(pl.col("outcome").replace(OPPOSITE)).otherwise("outcome")
    return rows.join(homes, on="game_id", how="left", maintain_order="left").with_columns(outcome.alias("outcome"))


def first_captured(rows: pl.DataFrame) -> pl.DataFrame:
    """Keeps the first capture of a line that is unchanged in several responses. Lines or prices that differ stay separate.

    `copies` counts the removed rows.
    """
    ordered = rows.sort("captured_at", nulls_last=True, maintain_order=True)
    return first_of_each(ordered, [*TABLE.key, "line", "price", PROBLEM])


def reject_late_lines(rows: pl.DataFrame) -> pl.DataFrame:
    """Adds a problem to each in-play line."""
    late = pl.when(~pl.col("is_before_tipoff")).then(pl.lit(AFTER_TIPOFF))
    return rows.with_columns(pl.coalesce(PROBLEM, late).alias(PROBLEM))


@daily_asset(
    TABLE,
    module=__name__,
    description=__doc__,
    kinds={"python", "polars"},
    modes=["same_day", "tomorrow"],
    requested_by="lines",
    endpoints=["odds_api/events", "odds_api/event_odds", "odds_api/historical_events", "odds_api/historical_event_odds"],
    covers="game",
    covered_by=pl.col("is_before_tipoff"),
    pool="odds_api",
    deps=["prop_lines"],
)
def game_lines(context: dg.AssetExecutionContext, schedule: pl.DataFrame, odds_api: OddsApi, archive: Archive) -> pl.DataFrame:
    """Every landed spread and total of the dates."""
    dates = dates_of(context)
    archived = [day for day in dates if archive.holds(day)]
    frames = [archive.game_lines(archived)] if archived else []
    problems = list[str]()
    for day in dates:
        games = schedule.filter(pl.col("game_date") == day)
        if day not in archived and games.height:
            frames += [of_the_schedule(rows, games) for rows in landed_rows(odds_api, games, day, parse_game_odds, problems)]
    for problem in problems:
        context.log.warning(problem)
    rows_in = RowsIn(dates)
    if not frames:
        context.add_output_metadata(rows_in.metadata())
        return TABLE.empty().drop(LINEAGE[1:])
    offered = pl.concat([NO_OFFERS, *frames], how="diagonal_relaxed")
    rows = reject_late_lines(first_captured(offered.filter(pl.col(IGNORED).is_null())))
    rows_in.parsed(offered)
    rows_in.repeated(rows, pl.col("copies"))
    rows_in.ignored(offered.filter(pl.col(IGNORED).is_not_null()), pl.col(IGNORED))
    context.add_output_metadata(rows_in.metadata())
    return rows.select(*(c for c in TABLE.dtypes if c not in LINEAGE[1:]), PROBLEM)


@dated_check(TABLE)
def games_have_game_lines(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Every game of the slate has a spread and a total from before tip-off. Games of the archive are exempt."""
    lines = (
        warehouse.scan(TABLE, dates)
        .group_by("game_date", "game_id")
        .agg(
            pl.len().cast(pl.Int64).alias("lines"),
            pl.col("is_before_tipoff").is_null().sum().cast(pl.Int64).alias("lines_of_unknown_instant"),
            pl.col("market").filter(pl.col("is_before_tipoff")).n_unique().alias("markets"),
        )
        .collect()
    )
    is_archived = pl.col("source").str.starts_with(f"{archive_files.PROVIDER}/")
    games = warehouse.scan(TABLES["schedule"], dates).filter(pl.col("status") != "postponed", ~is_archived)
    with_both = lines.filter(pl.col("markets") == len(SETTINGS.lines.game_markets))
    slate = with_presence(games.sort("game_id").collect(), with_both, ["game_id"])
    name = pl.format("{}@{} {}", "away_team", "home_team", "game_id")
    verdicts = share_present(dates, slate, pl.col("is_present"), name, 1.0).drop("present", "expected")
    return for_each_date(dates, verdicts, lines.group_by("game_date").agg(pl.col("lines", "lines_of_unknown_instant").sum()))


@dated_check(TABLE)
def every_usual_book_has_lines(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Every book with spreads or totals on most earlier slates has some on this one. Missing books are named."""
    return none_missing(dates, absent_books(warehouse, TABLE.name, dates), "books_missing")


checks = checks_of(TABLE, is_source=True)

"""prop_lines: the sportsbooks' player lines, as each book showed them at an instant.

Grain: one row per player, game, book, market, line and snapshot
Source: The Odds API (live, historical for past dates); the archive for the dates that it covers
Caveats: rows are only ever added; books mix alternate lines into the main market; a line with an unknown snapshot
  instant has `is_before_tipoff` null and is never used live; the provider's start is about ten minutes after tip-off;
  in-play lines and points lines of exactly 20 are quarantined; points lines below 5 and markets without a line are
  ignored and counted; contradictory offers of one line are all quarantined.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset, dates_of, days_before, every_date, log_problems
from nba_pipeline.asset_factory.checks import checks_of, dated_check
from nba_pipeline.asset_factory.common_checks import none_quarantined
from nba_pipeline.asset_factory.verdicts import PASSED, for_each_date, none_missing, share_present, with_presence
from nba_pipeline.completeness.expectations import absent_books, dates_without_lines
from nba_pipeline.errors import NotPublished, Permanent, PipelineError, Transient
from nba_pipeline.formulas.odds import is_main_line
from nba_pipeline.formulas.offers import merge_offers
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.rereads import PROBLEMS_MET
from nba_pipeline.league.calendar import season_of_game_date
from nba_pipeline.league.name_resolution import IS_A_NAME_PROBLEM, operator_resolutions
from nba_pipeline.providers.archive import Archive
from nba_pipeline.providers.odds_api import OddsApi
from nba_pipeline.providers.odds_events import match_events, parse_events
from nba_pipeline.providers.odds_lines import PRICE_FLOOR, parse_event_odds
from nba_pipeline.providers.odds_rows import AFTER_TIPOFF, IGNORED, NO_OFFERS, landed_rows, read
from nba_pipeline.providers.player_matching import NAME_COLUMNS, candidate_players, resolve_players, roster_sightings
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import LINEAGE, PROBLEM, Row, Table
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.accounting import RowsIn
from nba_pipeline.warehouse.payloads import Payload


class PropLineRows(Row):
    """Columns and rules of `prop_lines`."""

    game_id = dy.String(description="the NBA's ten digits")
    player_id = dy.Int64(min=1, description="the NBA's person id")
    market = dy.String(description="The Odds API's key, as player_points")
    book = dy.String(description="The Odds API's key, as draftkings; unknown if the source does not name it")
    line_half_points = dy.Int64(min=0, max=400, description="2 x line; the line's form in keys")
    snapshot_at = dy.Datetime(nullable=True, time_zone="UTC", description="instant at which the book showed the line")
    line = dy.Float64(min=0, max=200, description="points")
    over_price = dy.Int64(nullable=True, description="American price of the over")
    under_price = dy.Int64(nullable=True, description="American price of the under")
    tipoff_at = dy.Datetime(nullable=True, time_zone="UTC", description="earlier of the schedule's and the provider's start")
    is_before_tipoff = dy.Bool(nullable=True, description="true; null where an instant is unknown")
    spelling = dy.String(description="the player's name as the book spelled it")
    odds_event_id = dy.String(nullable=True, description="the provider's id of the game")
    captured_at = dy.Datetime(nullable=True, time_zone="UTC", description="instant at which the response arrived")
    request_format = dy.String(description="american or decimal: the requested price format")
    is_latest_pregame = dy.Bool(nullable=True, description="the archive's mark for lines of unknown instant; for evaluation only")

    @dy.rule()
    def line_is_half_of_its_key(cls) -> pl.Expr:
        """The shown line and its integer key agree."""
        return pl.col("line") * 2 == pl.col("line_half_points")

    @dy.rule()
    def prices_are_american(cls) -> pl.Expr:
        """No price lies between -100 and +100."""
        return (pl.col("over_price").abs() >= PRICE_FLOOR) & (pl.col("under_price").abs() >= PRICE_FLOOR)


TABLE = Table(
    "prop_lines",
    grain="player, game, book, market, line and snapshot",
    schema=PropLineRows,
    write="add",
    key=("game_id", "player_id", "market", "book", "line_half_points", "snapshot_at"),
    cluster=("player_id", "book"),
)
UPCOMING_GAMES, GAMES_ANSWERED = "games_to_come", "games_heard_of"
"""Metadata keys of a materialization: upcoming games with expected lines, and those of them with a response."""


def placeholder() -> str:
    """Returns the problem of a line that is a placeholder."""
    return f"{SETTINGS.lines.market} of exactly {SETTINGS.lines.placeholder:g} is a placeholder"


def too_low() -> str:
    """Returns the reason why a low line is ignored."""
    return f"{SETTINGS.lines.market} below {SETTINGS.lines.lowest:g}"


def of_low_ladder() -> str:
    """Returns the reason why the lines of a ladder with a low main line are ignored."""
    return f"rung of a ladder whose main line is {too_low()}"


def reasons_against_the_market() -> tuple[str, ...]:
    """Returns the problems and reasons of lines that a book shows and that are not lines of the market."""
    return (AFTER_TIPOFF, placeholder(), too_low(), of_low_ladder())


LADDER = ["game_id", "who", "market", "book", "snapshot_at"]


def reject_lines(rows: pl.DataFrame) -> pl.DataFrame:
    """Marks each line that is not a line of the market with its reason.

    `problem` marks lines shown at or after tip-off, and placeholders in the points market. `ignored` marks points lines below
    the lowest one, which books offer every day. If the main line of a ladder is that low, `ignored` marks every rung,
    because another rung would otherwise look like the main line.
    """
    settings = SETTINGS.lines
    rows = rows.with_columns(pl.coalesce(pl.col("player_id").cast(pl.String), "spelling").alias("who"))
    is_of_market = pl.col("market") == settings.market
    is_low = is_of_market & (pl.col("line") < settings.lowest)
    # Only the few ladders with a low rung are checked. A null instant matches no other one, so such lines form no ladder.
    with_a_low_rung = rows.filter(is_low).select(LADDER).unique()
    ladders = rows.filter(is_of_market).join(with_a_low_rung, on=LADDER, how="semi")
    low = ladders.filter(is_low & is_main_line(LADDER)).select(*LADDER, pl.lit(True).alias("is_of_low_ladder")).unique()
    problem = pl.coalesce(
        PROBLEM,
        pl.when(~pl.col("is_before_tipoff")).then(pl.lit(AFTER_TIPOFF)),
        pl.when(is_of_market & (pl.col("line") == settings.placeholder)).then(pl.lit(placeholder())),
    )
    ignored = pl.coalesce(
        IGNORED, pl.when(is_low).then(pl.lit(too_low())), pl.when("is_of_low_ladder").then(pl.lit(of_low_ladder()))
    )
    return (
        rows.join(low, on=LADDER, how="left")
        .with_columns(problem.alias(PROBLEM))
        .with_columns(pl.when(pl.col(PROBLEM).is_null()).then(ignored).otherwise(IGNORED).alias(IGNORED))
        .drop("is_of_low_ladder", "who")
    )


@dataclass(frozen=True)
class CaptureResult:
    """The result of a capture: the upcoming games with expected lines, those with a response, and the problems."""

    upcoming: int
    games_with_response: int
    problems: list[str]


def land_lines(games: pl.DataFrame, day: date, odds_api: OddsApi, now: datetime) -> CaptureResult:
    """Lands the odds of a date's games.

    Upcoming games are requested live, if an API key exists. For a started game without a landed line, the historical snapshot a
    few minutes before tip-off is requested. An offline run makes no requests, so its upcoming games have no response.
    """
    upcoming = games.filter(
        pl.coalesce(pl.col("tipoff_at") > now, pl.lit(True)) & pl.col("status").is_in(["scheduled", "unknown"])
    )
    if odds_api.http.landing.is_offline:
        return CaptureResult(upcoming.height, 0, [])
    started = games.filter(~pl.col("game_id").is_in(upcoming["game_id"].implode()) & (pl.col("status") != "postponed"))
    unusable = list[str]()
    live = _land_slate(odds_api, upcoming, day, None, unusable) if upcoming.height else []
    landed_games, past = _landed_games(odds_api, games, day, unusable), list[Payload | PipelineError]()
    for tipoff, simultaneous in started.filter(~pl.col("game_id").is_in(landed_games)).group_by("tipoff_at", maintain_order=True):
        if tipoff[0] is None:
            past += [
                Permanent(f"{game} has no tip-off: its historical lines cannot be requested") for game in simultaneous["game_id"]
            ]
            continue
        before = tipoff[0] - timedelta(minutes=SETTINGS.lines.historical_minutes_before_tipoff)
        past += _land_slate(odds_api, simultaneous, day, before, unusable)
    failed = [str(one) for one in (*live, *past) if isinstance(one, PipelineError)]
    problems = list(dict.fromkeys([*failed, *unusable]))
    # an unlisted game has no lines yet, but an empty list is an error: then every upcoming game counts as expected
    expected = (len(live) or upcoming.height) if odds_api.api_key else 0
    return CaptureResult(expected, sum(isinstance(one, Payload) for one in live), problems)


def _land_slate(
    odds_api: OddsApi, games: pl.DataFrame, day: date, at: datetime | None, unusable: list[str]
) -> list[Payload | PipelineError]:
    """Lands the events of the games and their odds, live or at a past instant. Appends the problems of events to `unusable`."""
    try:
        events = parse_events(odds_api.events(day, at=at))
    except (NotPublished, Permanent, Transient) as error:
        return [error]
    unusable += [f"odds_api events of {day}: {problem}" for problem in events["problem"].drop_nulls()]
    matched = match_events(events, games)
    return odds_api.odds(matched["odds_event_id"].to_list(), day, at=at)


def _landed_games(odds_api: OddsApi, games: pl.DataFrame, day: date, unusable: list[str]) -> list[str]:
    listed = read(odds_api, odds_api.landed_events(day), parse_events, unusable)
    events_with_odds = [payload.slot.entity for payload in odds_api.landed_odds(day)]
    if listed.is_empty() or not events_with_odds:
        return []
    return match_events(listed.filter(pl.col("odds_event_id").is_in(events_with_odds)), games)["game_id"].to_list()


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
    ins={
        "players": every_date(is_reference=True),
        "boxscores": days_before(SETTINGS.names.active_days, columns=NAME_COLUMNS, is_reference=True),
    },
)
def prop_lines(
    context: dg.AssetExecutionContext,
    schedule: pl.DataFrame,
    players: pl.DataFrame,
    boxscores: pl.DataFrame,
    odds_api: OddsApi,
    archive: Archive,
    warehouse: dg.ResourceParam[Warehouse],
    clock: Clock,
) -> pl.DataFrame:
    """Every landed line of the dates. If the provider fails, the slate has no new lines and the problem is logged."""
    dates = dates_of(context)
    archived = [day for day in dates if archive.holds(day)]
    frames = [archive.prop_lines(archived)] if archived else []
    captures: dict[str, CaptureResult] = {}
    for day in dates:
        games = schedule.filter(pl.col("game_date") == day)
        if day in archived or games.is_empty():
            continue
        of_day = captures[str(day)] = land_lines(games, day, odds_api, clock.now())
        frames += landed_rows(odds_api, games, day, parse_event_odds, of_day.problems)
    problems = {name: of_day.problems for name, of_day in captures.items() if of_day.problems}
    log_problems(context, problems)
    offered = pl.concat([NO_OFFERS, *frames], how="diagonal_relaxed")
    rows_in, rows = RowsIn(dates), TABLE.empty().drop(LINEAGE[1:])
    if offered.height:
        games = schedule.with_columns(season_of_game_date())
        rosters = roster_sightings(warehouse, [day for day in dates if day not in archived])
        active = candidate_players(games, boxscores, players, rosters)
        named = resolve_players(offered, players, active, operator_resolutions(players, games))
        # an unchanged line in several responses is one row: the first capture
        once = reject_lines(merge_offers(named, TABLE.key))
        rows = once.filter(pl.col(IGNORED).is_null()).select(*rows.columns, PROBLEM)
        rows_in.parsed(offered)
        rows_in.repeated(once, pl.col("copies"))
        rows_in.ignored(once.filter(pl.col(IGNORED).is_not_null()), pl.col(IGNORED))
    context.add_output_metadata(
        {
            PROBLEMS_MET: dg.MetadataValue.json(problems),
            UPCOMING_GAMES: sum(of_day.upcoming for of_day in captures.values()),
            GAMES_ANSWERED: sum(of_day.games_with_response for of_day in captures.values()),
            "quota": dg.MetadataValue.json(odds_api.quota),
            **rows_in.metadata(),
        }
    )
    return rows


@dated_check(TABLE)
def games_have_lines(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Every game of the slate has a points line from before its tip-off.

    Dates of the archive pass if neither they nor earlier slates have such lines.

    Runbook: docs/runbooks/lines_late.md
    """
    usable = pl.col("is_before_tipoff"), pl.col("market") == SETTINGS.lines.market
    lined = warehouse.scan(TABLE, dates).filter(*usable).select("game_date", "game_id", "player_id").collect()
    counts = lined.group_by("game_date").agg(
        pl.len().cast(pl.Int64).alias("lines"), pl.col("player_id").n_unique().cast(pl.Int64).alias("players")
    )
    late = warehouse.scan_quarantine(TABLE, dates).filter(problem=AFTER_TIPOFF)
    late = late.group_by("game_date").agg(pl.len().cast(pl.Int64).alias("lines_after_tipoff"))
    games = warehouse.scan(TABLES["schedule"], dates).filter(pl.col("status") != "postponed").sort("game_id").collect()
    slate = with_presence(games, lined, ["game_id"])
    name = pl.format("{}@{} {}", "away_team", "home_team", "game_id")
    verdicts = share_present(dates, slate, pl.col("is_present"), name, 1.0).drop("present", "expected")
    is_without_source = pl.col("game_date").is_in(sorted(dates_without_lines(warehouse, dates)))
    return for_each_date(dates, verdicts.with_columns(pl.col(PASSED) | is_without_source), counts, late.collect())


@dated_check(TABLE)
def every_usual_book_has_lines(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Every book with points lines on most earlier slates has some on this one. Missing books are named."""
    return none_missing(dates, absent_books(warehouse, TABLE.name, dates, SETTINGS.lines.market), "books_missing")


@dated_check(TABLE)
def every_name_is_resolved(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Every spelling resolves to one player. Unresolved spellings are quarantined until an operator resolves them.

    Runbook: docs/runbooks/name_unresolved.md
    """
    quarantined = warehouse.scan_quarantine(TABLE, dates).filter(IS_A_NAME_PROBLEM)
    return none_quarantined(dates, quarantined, "lines_without_a_player")


@dated_check(TABLE)
def no_row_is_quarantined(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """No row is quarantined, except for unresolved names and lines that are not lines of the market.

    Runbook: docs/runbooks/quarantine_old.md
    """
    quarantined = warehouse.scan_quarantine(TABLE, dates)
    is_of_no_market = pl.col("problem").is_in(reasons_against_the_market())
    no_market_lines = (
        quarantined.filter(is_of_no_market).group_by("game_date").agg(pl.len().cast(pl.Int64).alias("lines_of_no_market"))
    )
    unexpected = none_quarantined(dates, quarantined.filter(~IS_A_NAME_PROBLEM & ~is_of_no_market), "rows_quarantined")
    return for_each_date(dates, unexpected, no_market_lines.collect())


checks = checks_of(TABLE, is_source=True)

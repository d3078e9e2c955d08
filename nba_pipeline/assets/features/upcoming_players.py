"""upcoming_players: the players expected to be available for each game of the date, with their injury status.

Grain: one row per expected player per game
Source: schedule, rosters and injuries up to the tip-off; boxscores of the 300 days before
Caveats: the expected players of a team are those on its newest roster of the 7 days before; without a roster, those with a
  box-score row for the team in its last 10 games and the last 21 days (the latest team wins); in the team's first 5 games
  of a season, also those of the season before who have not played for another team since; past dates use the same rule,
  with data from before tip-off; the box score of the game itself is never used; players listed as out are included; a
  quarantined entry of the report makes a status unknown: the risk level is null.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset, dates_of, days_before, optional_input
from nba_pipeline.asset_factory.checks import checks_of, dated_check
from nba_pipeline.asset_factory.verdicts import EXPECTED, MISSING, PASSED, for_each_date, share_present
from nba_pipeline.completeness import history, slate_gates
from nba_pipeline.formulas.availability import PRINTED_INSTANT, injury_status, with_unclear
from nba_pipeline.formulas.carried_over import carried_over
from nba_pipeline.formulas.rolling import GAME, in_order, strictly_before
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import days
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Row, Table, code
from nba_pipeline.warehouse import Warehouse


class UpcomingPlayerRows(Row):
    """Columns and rules of `upcoming_players`."""

    game_id = dy.String(description="the NBA's ten digits")
    player_id = dy.Int64(min=1, description="the NBA's person id")
    player_name = dy.String(description="spelling of the latest box score, else of the roster")
    season = dy.String(description="1 July to 30 June, as 2024-25")
    season_type = dy.String(description="competition")
    team = dy.String(description="tricode as of the date")
    opponent = dy.String(description="tricode")
    is_home = dy.Bool(description="the schedule's home side")
    is_neutral = dy.Bool(nullable=True, description="played at neither team's arena")
    tipoff_at = dy.Datetime(nullable=True, time_zone="UTC", description="scheduled tip-off")
    evidence = code(("roster", "boxscore", "last_season"), "source that lists the player with the team")
    latest_boxscore_date = dy.Date(nullable=True, description="latest box score that shows the player, with any team")
    roster_seen_at = dy.Datetime(nullable=True, time_zone="UTC", description="instant of the roster that shows the player")
    birth_date = dy.Date(nullable=True, description="from the roster")
    injury_status = dy.String(
        nullable=True,
        description="status on the newest report before the tip-off; null: not listed, or unknown (injury_risk_level is null)",
    )
    injury_reason = dy.String(nullable=True, description="reason on that report")
    injury_snapshot_at = dy.Datetime(nullable=True, time_zone="UTC", description="instant of the team's newest report")
    injury_risk_level = dy.Float64(
        nullable=True, min=0, max=3, description="0 to 3; null without a report of the team, or if its entry is unusable"
    )

    @dy.rule()
    def known_before_the_game(cls) -> pl.Expr:
        """The evidence is older than the game."""
        return (
            (pl.col("latest_boxscore_date") < pl.col("game_date")).fill_null(True)
            & (pl.col("roster_seen_at") < pl.col("tipoff_at")).fill_null(True)
            & (pl.col("injury_snapshot_at") < pl.col("tipoff_at")).fill_null(True)
        )


TABLE = Table(
    "upcoming_players",
    grain="expected player per game",
    key=("game_id", "player_id"),
    schema=UpcomingPlayerRows,
    cluster=("player_id", "team"),
)


def expect_players(
    schedule: pl.DataFrame, boxscores: pl.DataFrame, rosters: pl.DataFrame, injuries: pl.DataFrame, as_of: datetime | None = None
) -> pl.DataFrame:
    """Returns one row per expected player per game of `schedule`, from data from before the game.

    Accepts any number of dates. Each date sees only data from before its games and not after `as_of`. Postponed games have no
    players. `injuries` and `rosters` include quarantined entries, as added by `with_unclear` and `with_unnamed`.
    """
    sides = _sides(schedule.filter(pl.col("status") != "postponed"))
    on_rosters = _listed(sides, rosters, as_of)
    listed, unnamed = (on_rosters.filter(pl.col("player_id").is_null() == is_null) for is_null in (False, True))
    # a roster with an unresolved name may lack a player, so the box scores supplement it
    complete = listed.join(unnamed, on=["game_id", "team"], how="anti")
    recent = _recent_players(sides.join(complete, on=["game_id", "team"], how="anti"), boxscores)
    recent = pl.concat([recent, _carried_over(sides.join(complete, on=["game_id", "team"], how="anti"), boxscores)])
    recent = recent.join(listed, on=["game_id", "team", "player_id"], how="anti")
    shown = strictly_before(
        pl.concat([listed, recent], how="diagonal_relaxed"),
        in_order(boxscores, ["player_id"]),
        ["player_id"],
        {"player_name": "boxscore_name", "game_date": "latest_boxscore_date", "team": "boxscore_team"},
    )
    rows = _newest_team(shown).with_columns(pl.coalesce("boxscore_name", "spelling").alias("player_name"))
    return (
        injury_status(rows, injuries, as_of)
        .with_columns(pl.col("injury_risk_level").cast(pl.Float64), pl.lit(SOURCE).alias("source"))
        .select(*UpcomingPlayerRows.column_names(), "source")
        .sort("game_date", *TABLE.key)
    )


SOURCE = "schedule, boxscores, rosters, injuries"


def with_unnamed(rosters: pl.DataFrame, quarantine: pl.DataFrame) -> pl.DataFrame:
    """Returns the rows of `rosters` and of its quarantine. Quarantined rows may lack a player id."""
    text = {name: pl.col("row").str.json_path_match(f"$.{name}") for name in ("team", "player_id", "spelling", "seen_at")}
    entries = quarantine.select("game_date", *[value.alias(name) for name, value in text.items()]).with_columns(
        pl.col("player_id").cast(pl.Int64), pl.col("seen_at").str.to_datetime(PRINTED_INSTANT, time_unit="us", time_zone="UTC")
    )
    once = entries.unique(["game_date", "team", "player_id", "seen_at"], maintain_order=True)
    return pl.concat([rosters, once], how="diagonal_relaxed")


def _listed(sides: pl.DataFrame, rosters: pl.DataFrame, as_of: datetime | None) -> pl.DataFrame:
    """Returns the players on each team's newest roster that was seen before the game."""
    if as_of is not None:
        rosters = rosters.filter(pl.col("seen_at") <= as_of)
    snapshots = rosters.select("team", "game_date", "seen_at").unique().rename({"game_date": "listed_on"})
    days_ago = (pl.col("game_date") - pl.col("listed_on")).dt.total_days()
    is_before = pl.coalesce(pl.col("seen_at") < pl.col("tipoff_at"), pl.col("listed_on") < pl.col("game_date"))
    newest = (
        sides.join(snapshots, on="team")
        .filter(is_before & days_ago.is_between(0, SETTINGS.expected.roster_days))
        .sort("listed_on", "seen_at")
        .unique(["game_id", "team"], keep="last", maintain_order=True)
    )
    rostered = rosters.select("team", "player_id", "spelling", "birth_date", "seen_at", pl.col("game_date").alias("listed_on"))
    return (
        newest.join(rostered, on=["team", "listed_on", "seen_at"])
        .with_columns(pl.lit("roster").alias("evidence"))
        .rename({"seen_at": "roster_seen_at", "listed_on": "shown_on"})
    )


def _recent_players(sides: pl.DataFrame, boxscores: pl.DataFrame) -> pl.DataFrame:
    """Returns the players with a box-score row for the team, within its last games and the last days. The latest team wins."""
    recent = _sightings(boxscores)
    team_games = recent.select("team", "game_date", GAME).unique(maintain_order=True)
    sides_with_games = strictly_before(sides, team_games, ["team"], {GAME: "latest_game"})
    # a player's latest row decides the team, so only that row needs to lie within the window
    windows = sides_with_games.with_columns(
        pl.int_ranges(pl.col("latest_game") - SETTINGS.expected.team_games + 1, pl.col("latest_game") + 1).alias(GAME)
    ).explode(GAME)
    days_ago = pl.col("game_date") - pl.col("seen_on")
    return (
        windows.join(recent.rename({"game_date": "seen_on"}), on=["team", GAME])
        .filter(
            (pl.col("seen_on") < pl.col("game_date"))
            & (days_ago <= pl.duration(days=SETTINGS.expected.days))
            & (pl.col("next_seen_on").is_null() | (pl.col("next_seen_on") >= pl.col("game_date")))
        )
        .with_columns(pl.lit("boxscore").alias("evidence"))
        .drop("next_seen_on", "latest_game", GAME)
        .rename({"player_name": "spelling", "seen_on": "shown_on"})
    )


def _carried_over(sides: pl.DataFrame, boxscores: pl.DataFrame) -> pl.DataFrame:
    """Returns the players of the season before, in the first games of a season."""
    expected = SETTINGS.expected
    rows = carried_over(sides, boxscores, days=expected.carried_over_days, team_games=expected.carried_over_games)
    return rows.select(*sides.columns, "player_id", "spelling", "shown_on", "evidence")


def _newest_team(shown: pl.DataFrame) -> pl.DataFrame:
    """Keeps each player's newest team. Drops rows that are older than the player's box score with another team."""
    is_of_earlier_team = (pl.col("latest_boxscore_date") > pl.col("shown_on")) & (pl.col("boxscore_team") != pl.col("team"))
    return (
        shown.filter(~is_of_earlier_team.fill_null(False))
        .sort("shown_on", "roster_seen_at", nulls_last=False, maintain_order=True)
        .unique(["game_date", "player_id"], keep="last", maintain_order=True)
    )


def _sides(games: pl.DataFrame) -> pl.DataFrame:
    """Returns two rows per game: one per team."""
    facts = ["game_date", "game_id", "season", "season_type", "is_neutral", "tipoff_at"]
    return pl.concat(
        games.select(
            *facts,
            pl.col(f"{side}_team").alias("team"),
            pl.col(f"{other}_team").alias("opponent"),
            pl.lit(side == "home").alias("is_home"),
        )
        for side, other in (("home", "away"), ("away", "home"))
    ).sort("game_id", "is_home")


def _sightings(boxscores: pl.DataFrame) -> pl.DataFrame:
    """Returns one row per box-score row, with the number of the team's game, and the player's next date with any team."""
    games = in_order(boxscores.select("team", "game_date", "game_id").unique(), ["team"])
    columns = ["player_id", "player_name", "team", "game_date", "game_id"]
    rows = in_order(boxscores.select(columns), ["player_id"]).drop(GAME)
    next_seen_on = pl.when(pl.col("player_id") == pl.col("player_id").shift(-1)).then(pl.col("game_date").shift(-1))
    return (
        rows.with_columns(next_seen_on.alias("next_seen_on"))
        .join(games.select("team", "game_id", GAME), on=["team", "game_id"], maintain_order="left")
        .drop("game_id")
        .sort("team", GAME, "player_id")
    )


MIN_PLAYERS = 8
BOXSCORE_COLUMNS = ("game_date", "game_id", "player_id", "player_name", "season", "team")


@daily_asset(
    TABLE,
    module=__name__,
    description=__doc__,
    kinds={"polars"},
    modes=["same_day", "tomorrow"],
    critical_in=["same_day", "tomorrow"],
    follows=["boxscores", "rosters", "injuries"],
    needs=["schedule", "injuries"],
    if_changed=["injuries"],
    covers="game",
    recompute=lambda world, dates, as_of: expect_players(
        world["schedule"].filter(pl.col("game_date").is_in(dates)), world["boxscores"], world["rosters"], world["injuries"], as_of
    ),
    ins={
        "boxscores": days_before(SETTINGS.expected.carried_over_days, columns=BOXSCORE_COLUMNS),
        "rosters": days_before(SETTINGS.expected.roster_days, through=0),
        "injuries": optional_input(),
    },
)
def upcoming_players(
    context: dg.AssetExecutionContext,
    schedule: pl.DataFrame,
    boxscores: pl.DataFrame,
    rosters: pl.DataFrame,
    injuries: pl.DataFrame,
    warehouse: dg.ResourceParam[Warehouse],
    clock: Clock,
) -> pl.DataFrame:
    """The players expected with the date's teams, from the data known before the games."""
    dates = dates_of(context)
    span = days(min(dates) - timedelta(days=SETTINGS.expected.roster_days), max(dates))
    quarantines = (("injuries", dates), ("rosters", span))
    of_injuries, of_rosters = (warehouse.scan_quarantine(TABLES[name], of).collect() for name, of in quarantines)
    rosters, injuries = with_unnamed(rosters, of_rosters), with_unclear(injuries, of_injuries)
    return expect_players(schedule, boxscores, rosters, injuries, clock.as_of)


@dated_check(TABLE, blocking=True)
def the_last_slates_are_covered(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """At least 80 % of the final games of the last 3 slates before the date have complete box scores.

    The gate is also closed, as expected, while these slates are from before the first stored date.
    """
    slates, _ = slate_gates.judge_slates(*slate_gates.before(warehouse, dates), dates, clock.as_of)
    games = {"recent_complete": "complete_games", "recent_games": "final_games"}
    waiting = set[date]() if slates["is_open"].all() else history.waiting_dates(warehouse, dates, clock.as_of)
    is_expected = pl.col("game_date").is_in(sorted(waiting)).alias(EXPECTED)
    named = slates.rename({"is_open": PASSED, **games})
    return named.select("game_date", PASSED, "share", *games.values(), MISSING, is_expected)


@dated_check(TABLE)
def no_team_has_a_hole(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Each team's last 3 games before the date have complete box scores. Teams without them are excluded and named.

    Games before the first stored date do not count.
    """
    schedule, boxscores = slate_gates.before(warehouse, dates)
    known = history.since_first_date(warehouse, schedule)
    _, excluded_teams = slate_gates.judge_slates(known, boxscores, dates, clock.as_of)
    excluded = excluded_teams.group_by("game_date", maintain_order=True).agg(
        pl.col("team").n_unique().cast(pl.Int64).alias("teams_held_back"), pl.format("{} ({})", "team", "matchup").alias(MISSING)
    )
    return for_each_date(dates, excluded).with_columns((pl.col("teams_held_back") == 0).alias(PASSED))


@dated_check(TABLE)
def both_teams_have_players(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Every team of the slate has at least eight expected players.

    A team without a roster does not count before its first stored game.
    """
    schedule = warehouse.scan(TABLES["schedule"], dates).filter(pl.col("status") != "postponed").collect()
    sides = pl.concat([schedule.select("game_date", pl.col(f"{side}_team").alias("team")) for side in ("home", "away")])
    expected = warehouse.scan(TABLE, dates).group_by("game_date", "team").len("players").collect()
    counted = sides.join(expected, on=["game_date", "team"], how="left", maintain_order="left")
    new = history.new_teams(warehouse, dates).with_columns(is_new=pl.lit(value=True))
    counted = counted.join(new, on=["game_date", "team"], how="left", maintain_order="left")
    known = counted.filter(pl.col("is_new").is_null() | pl.col("players").is_not_null())
    return share_present(dates, known, pl.col("players") >= MIN_PLAYERS, pl.col("team"), 1.0)


checks = checks_of(TABLE)

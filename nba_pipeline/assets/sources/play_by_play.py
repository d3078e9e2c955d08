"""play_by_play: what happened in a final game, action by action.

Grain: one row per action per game
Source: NBA CDN play-by-play; no other
Caveats: the archive has none, so its dates are empty; the NBA edits the actions after the end of a game, so they are fetched
  again; a game may have a box score and no play-by-play: columns derived from it are then null.
"""

from collections.abc import Sequence
from datetime import date, datetime

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset, dates_of
from nba_pipeline.asset_factory.checks import checks_of, dated_check
from nba_pipeline.asset_factory.verdicts import MISSING, PASSED, count_off, share_present
from nba_pipeline.completeness.reread_times import is_due_for_rereading
from nba_pipeline.errors import Permanent, PipelineError
from nba_pipeline.formulas.shot_zones import FREE_THROW, is_field_goal, zone
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.rereads import PROBLEMS_MET
from nba_pipeline.league.teams import TEAMS
from nba_pipeline.providers.archive import Archive
from nba_pipeline.providers.nba_cdn import NbaCdn
from nba_pipeline.providers.nba_cdn_play_by_play import is_over, parse_play_by_play
from nba_pipeline.providers.parsing import payloads_where
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import LINEAGE, Row, Table, code
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.accounting import RowsIn
from nba_pipeline.warehouse.payloads import Payload


class PlayByPlayRows(Row):
    """Columns and rules of `play_by_play`."""

    game_id = dy.String(description="the NBA's ten digits")
    order_number = dy.Int64(min=0, description="position in the game; increases, with gaps")
    action_number = dy.Int64(min=0, description="the NBA's action number; high for actions inserted later")
    period = dy.Int64(min=1, max=14, description="1-4, overtimes from 5")
    period_seconds_left = dy.Float64(min=0, max=720, description="seconds left in the period")
    team = code(TEAMS, "tricode of the acting team; null for actions without a team", nullable=True)
    player_id = dy.Int64(nullable=True, min=1, description="the NBA's person id; null for actions without a player")
    action_type = dy.String(description="2pt, 3pt, freethrow, rebound, turnover, foul, ...; as the NBA names it")
    sub_type = dy.String(nullable=True, description="as Layup, or 1 of 2; as the NBA names it")
    area = dy.String(nullable=True, description="part of the floor, as Restricted Area; as the NBA names it")
    is_made = dy.Bool(nullable=True, description="of field goals and free throws; null for everything else")
    assist_player_id = dy.Int64(nullable=True, min=1, description="player who assisted the made field goal")
    block_player_id = dy.Int64(nullable=True, min=1, description="player who blocked the attempt")
    home_points = dy.Int64(min=0, max=250, description="the home team's score after the action")
    away_points = dy.Int64(min=0, max=250, description="the away team's score after the action")
    description = dy.String(nullable=True, description="the NBA's description of the action")

    @dy.rule()
    def shots_are_made_or_missed(cls) -> pl.Expr:
        """Every field goal and free throw has a result."""
        return ~(is_field_goal() | (pl.col("action_type") == FREE_THROW)) | pl.col("is_made").is_not_null()


TABLE = Table(
    "play_by_play",
    grain="action per game",
    key=("game_id", "order_number"),
    schema=PlayByPlayRows,
    cluster=("game_id", "player_id"),
)
USUAL_ACTIONS = (200, 900)
NO_SOURCE = "no source: the archive holds no play-by-play"


def collect(games: pl.DataFrame, nba_cdn: NbaCdn, now: datetime) -> tuple[pl.DataFrame, dict[str, str]]:
    """Returns the finished play-by-play of each game, and a problem by game id.

    A landed response is fetched again at the same times as a box score, counted from the first fetch that contains the end
    of the game. It is fetched again at once if its last score differs from the schedule's. Requests are concurrent.
    """
    finished: dict[str, Payload] = {}
    problems: dict[str, str] = {}
    requests = []
    for game in games.select("game_id", "game_date", "home_points", "away_points").iter_rows(named=True):
        game_id, day = game["game_id"], game["game_date"]
        landed = _finished(nba_cdn.landed_play_by_play(game_id, day), nba_cdn, problems)
        if landed:
            finished[game_id] = landed[-1]
        is_due = not landed or is_due_for_rereading(landed[0].fetched_at, landed[-1].fetched_at, day, now)
        if is_due or contradicts(landed[-1], game["home_points"], game["away_points"]):
            requests.append((game_id, day))
    for (game_id, _), response in zip(requests, nba_cdn.play_by_play(requests), strict=True):
        if isinstance(response, PipelineError):
            problems[game_id] = str(response)
        elif _finished([response], nba_cdn, problems):
            finished[game_id] = response
        elif game_id not in problems:
            problems[game_id] = f"play-by-play of game {game_id} is incomplete, it lacks the end of the game: {response.ref}"
    frames = []
    for game_id, payload in finished.items():
        try:
            frames.append(parse_play_by_play(payload))
        except Permanent as error:
            nba_cdn.reject(payload, str(error))
            problems[game_id] = str(error)
    return pl.concat([TABLE.empty().drop(LINEAGE[1:]), *frames], how="diagonal_relaxed"), problems


def _finished(payloads: Sequence[Payload], nba_cdn: NbaCdn, problems: dict[str, str]) -> list[Payload]:
    """Returns the responses for a game that contain its end. An unparsable payload is rejected and becomes the game's problem."""
    messages = list[str]()
    finished = payloads_where(is_over, payloads, nba_cdn.http.landing, messages)
    problems.update({payload.slot.entity: problem for payload in payloads for problem in messages})
    return finished


def contradicts(payload: Payload, home_points: int | None, away_points: int | None) -> bool:
    """Whether the last score differs from the schedule's. False for a response that cannot be parsed: `collect` rejects it."""
    try:
        rows = parse_play_by_play(payload)
    except Permanent:
        return False
    last_score = rows.sort("order_number").select("home_points", "away_points").tail(1)
    return last_score.rows() != [(home_points, away_points)]


@daily_asset(
    TABLE,
    module=__name__,
    description=__doc__,
    kinds={"python", "polars"},
    modes=["overnight"],
    requested_by="final_games",
    endpoints=["nba_cdn/playbyplay"],
    covers="game",
    pool="nba_cdn",
)
def play_by_play(
    context: dg.AssetExecutionContext,
    schedule: pl.DataFrame,
    boxscores: pl.DataFrame,
    nba_cdn: NbaCdn,
    archive: Archive,
    clock: Clock,
) -> pl.DataFrame:
    """The actions of the final games that have a box score. Missing games are logged and do not stop the run."""
    has_box = pl.col("game_id").is_in(boxscores["game_id"].unique().implode())
    due = schedule.filter((pl.col("status") == "final") & has_box)
    frames, problems = [TABLE.empty().drop(LINEAGE[1:])], dict[str, str]()
    for day in dates_of(context):  # date by date, to save memory: a game is 0.4 MB of text and several times that when parsed
        if archive.holds(day):
            continue
        frame, messages = collect(due.filter(pl.col("game_date") == day), nba_cdn, clock.as_of)
        frames.append(frame)
        problems |= messages
    for problem in problems.values():
        context.log.warning(problem)
    listed = pl.concat(frames, how="diagonal_relaxed")
    rows_in = RowsIn(dates_of(context))
    rows_in.parsed(listed)
    context.add_output_metadata({PROBLEMS_MET: dg.MetadataValue.json(problems), **rows_in.metadata()})
    return listed


@dated_check(TABLE)
def every_final_game_has_play_by_play(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Every final game with a source has play-by-play. Missing games are named. Dates of the archive, which has none, pass."""
    boxscores, schedule = (warehouse.scan(TABLES[name], dates) for name in ("boxscores", "schedule"))
    archived = boxscores.filter(pl.col("provider") == "archive").select("game_date").unique().collect()["game_date"]
    existing = warehouse.scan(TABLE, dates).select("game_date", "game_id").unique()
    games = (
        schedule.filter((pl.col("status") == "final") & pl.col("has_boxscore_source"))
        .join(existing.with_columns(has_list=True), on=["game_date", "game_id"], how="left")
        .select("game_date", pl.format("{}@{} {}", "away_team", "home_team", "game_id").alias("matchup"), "has_list")
        .sort("game_date", "matchup")
    )
    is_archived = pl.col("game_date").is_in(archived.implode())
    return share_present(dates, games, pl.col("has_list"), pl.col("matchup"), 1.0).with_columns(
        pl.col(PASSED) | is_archived, pl.when(is_archived).then(pl.lit([NO_SOURCE])).otherwise(MISSING).alias(MISSING)
    )


@dated_check(TABLE)
def lists_are_as_long_as_usual(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Each game has 200 to 900 actions. Typical games have about 450 to 650."""
    lengths = warehouse.scan(TABLE, dates).group_by("game_date", "game_id").len("actions").sort("game_id")
    is_off, name = ~pl.col("actions").is_between(*USUAL_ACTIONS), pl.format("{}: {} actions", "game_id", "actions")
    actions = pl.col("actions").sum().cast(pl.Int64)
    return count_off(dates, lengths, is_off, name, total="games", off="games_off", actions=actions)


@dated_check(TABLE)
def last_score_is_the_final_score(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """The score after the last action is the final score of the schedule."""
    last = (
        warehouse.scan(TABLE, dates)
        .sort("order_number")
        .group_by("game_date", "game_id")
        .agg(pl.format("{}-{}", pl.col("away_points").last(), pl.col("home_points").last()).alias("score"))
    )
    final_score = pl.format("{}-{}", "away_points", "home_points").alias("final_score")
    schedule = warehouse.scan(TABLES["schedule"], dates).select("game_id", final_score)
    games = last.join(schedule, on="game_id", how="left").sort("game_id")
    score, final = (pl.col(name).fill_null("unknown") for name in ("score", "final_score"))
    name = pl.format("{}: {}, the schedule has {}", "game_id", score, final)
    return count_off(dates, games, pl.col("score").ne_missing(pl.col("final_score")), name, total="games", off="games_off")


@dated_check(TABLE)
def every_field_goal_has_a_zone(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Every field-goal attempt has a known area. Unknown areas are named."""
    shots = warehouse.scan(TABLE, dates).filter(is_field_goal()).with_columns(zone())
    areas = shots.group_by("game_date", pl.col("area").fill_null("no area"), pl.col("zone").is_null().alias("is_off")).len(
        "shots"
    )
    name, of_shots = pl.format("{}: {} shots", "area", "shots"), pl.col("shots").cast(pl.Int64)
    verdicts = count_off(
        dates,
        areas.sort("area"),
        pl.col("is_off"),
        name,
        total="areas",
        off="areas_off",
        shots=of_shots.sum(),
        shots_off=of_shots.filter("is_off").sum(),
    )
    return verdicts.drop("areas", "areas_off")


@dated_check(TABLE)
def assists_are_those_of_the_box_scores(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> pl.DataFrame:
    """Each team has the same number of assists in the play-by-play and in its box score, if the box score has assists.

    A basket without an assist counts as unassisted, so only this check notices that the provider dropped the field.
    """
    team = ["game_date", "game_id", "team"]
    listed = (
        warehouse.scan(TABLE, dates)
        .filter(pl.col("team").is_not_null())
        .group_by(team)
        .agg(pl.col("assist_player_id").count().cast(pl.Int64).alias("listed"))
    )
    boxes = (
        warehouse.scan(TABLES["boxscores"], dates)
        .filter("did_play")
        .group_by(team)
        .agg(pl.col("assists").sum(), pl.col("assists").is_not_null().all().alias("is_known"))
    )
    sides = listed.join(boxes.filter("is_known"), on=team).sort("game_id", "team")
    is_off, assists = pl.col("listed") != pl.col("assists"), pl.col("listed").sum()
    name = pl.format("{} {}: {}, the box score has {}", "game_id", "team", "listed", "assists")
    return count_off(dates, sides, is_off, name, total="team_games", off="team_games_off", assists=assists)


checks = checks_of(TABLE, is_source=True)

"""boxscores: what every player of both teams did in a final game, and who did not play and why.

Grain: one row per player per game
Source: NBA CDN box score, else balldontlie; the archive for the dates it holds
Caveats: rows of somebody who did not play have null statistics; the archive and balldontlie know nobody who was
  inactive; a game may be here and still be incomplete: `gates` says which games may go on.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline import gates
from nba_pipeline.assets import daily_asset, dates_of, days_before
from nba_pipeline.calendar import Clock, eastern
from nba_pipeline.checks import Verdict, dated_check, quarantine_of, uniqueness_of
from nba_pipeline.errors import NotYet, Permanent, PipelineError, Transient
from nba_pipeline.names import resolve_names
from nba_pipeline.providers import balldontlie as bdl
from nba_pipeline.providers.archive import Archive
from nba_pipeline.providers.balldontlie import Balldontlie
from nba_pipeline.providers.nba_cdn import NbaCdn, is_final, parse_boxscore
from nba_pipeline.settings import SETTINGS
from nba_pipeline.table import LINEAGE, PROBLEM, TABLES, Row, Table, code, count
from nba_pipeline.teams import TEAMS
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.landing import Payload

STATISTICS = (
    "points", "rebounds", "oreb", "dreb", "assists", "steals", "blocks", "turnovers", "fouls", "fgm", "fga", "fg3m",
    "fg3a", "ftm", "fta", "plus_minus",
)  # fmt: skip


class BoxscoreRows(Row):
    """Columns and rules of `boxscores`."""

    game_id = dy.String(description="the NBA's ten digits")
    player_id = dy.Int64(min=1, description="the NBA's person id")
    season = dy.String(description="1 July to 30 June, as 2024-25")
    team = code(TEAMS, "tricode of the player's team")
    opponent = code(TEAMS, "tricode of the other team")
    is_home = dy.Bool(description="the schedule's home side")
    player_name = dy.String(description="spelling of the provider")
    did_play = dy.Bool(description="took part, however short")
    status = code(["played", "dnp", "inactive"], "dnp: dressed and did not play")
    reason = dy.String(nullable=True, description="why somebody did not play, in the provider's words")
    is_starter = dy.Bool(nullable=True, description="null where the source does not know")
    seconds = dy.Int64(nullable=True, min=0, description="s on court; null unless the source has the clock")
    minutes = dy.Float64(nullable=True, min=0, max=80, description="min on court; null for somebody who did not play")
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
    plus_minus = dy.Int64(nullable=True, description="score difference while on court; null where unknown")
    team_points = dy.Int64(min=0, max=250, description="final score of the player's team in the same payload")
    provider = code(["nba_cdn", "balldontlie", "archive"], "who answered")

    @dy.rule()
    def points_match_the_shots(cls) -> pl.Expr:
        """Points = 2 x two-pointers + 3 x three-pointers + free throws."""
        return pl.col("points") == 2 * (pl.col("fgm") - pl.col("fg3m")) + 3 * pl.col("fg3m") + pl.col("ftm")

    @dy.rule()
    def statistics_only_of_those_who_played(cls) -> pl.Expr:
        """Null for somebody who did not play; points and minutes known for who did."""
        return (
            pl.when(pl.col("did_play"))
            .then(pl.col("points").is_not_null() & pl.col("minutes").is_not_null())
            .otherwise(pl.all_horizontal(pl.col("points").is_null(), pl.col("minutes").is_null(), pl.col("fga").is_null()))
        )

    @dy.rule()
    def makes_do_not_exceed_attempts(cls) -> pl.Expr:
        """Fgm <= fga, fg3m <= fg3a <= fga, ftm <= fta."""
        return (
            (pl.col("fgm") <= pl.col("fga")) & (pl.col("fg3m") <= pl.col("fg3a"))
            & (pl.col("fg3a") <= pl.col("fga")) & (pl.col("ftm") <= pl.col("fta"))
        )  # fmt: skip


TABLE = Table(
    "boxscores", grain="player per game", key=("game_id", "player_id"), schema=BoxscoreRows, cluster=("player_id", "team")
)
CODE_VERSION = "1"
ROSTER_DAYS = 30


def is_due_for_rereading(first_final_at: datetime, read_at: datetime, day: date, now: datetime) -> bool:
    """A final box is read again 4 hours after it was first seen and at 06:00 Eastern of the next day, for corrections."""
    again = (
        first_final_at + timedelta(hours=SETTINGS.corrections.reread_after_hours),
        eastern(day + timedelta(days=1), SETTINGS.corrections.reread_at_hour_eastern),
    )
    return any(read_at < instant <= now for instant in again)


def collect(games: pl.DataFrame, nba_cdn: NbaCdn, now: datetime) -> tuple[pl.DataFrame, dict[str, str]]:
    """The final box scores of these games at the NBA, and by game id why one is not there.

    A landed final box is used until its re-reading is due. Games are asked for concurrently.
    """
    finals: dict[str, Payload] = {}
    to_ask = []
    for game_id, day in games.select("game_id", "game_date").iter_rows():
        landed = [payload for payload in nba_cdn.landed_boxscores(game_id, day) if is_final(payload)]
        if landed:
            finals[game_id] = landed[-1]
        if not landed or is_due_for_rereading(landed[0].fetched_at, landed[-1].fetched_at, day, now):
            to_ask.append((game_id, day))
    problems: dict[str, str] = {}
    for (game_id, _), answer in zip(to_ask, nba_cdn.boxscores(to_ask), strict=True):
        if isinstance(answer, PipelineError):
            problems[game_id] = str(answer)
        elif is_final(answer):
            finals[game_id] = answer
    frames = []
    for game_id, payload in finals.items():
        try:
            frames.append(parse_boxscore(payload))
        except Permanent as error:
            nba_cdn.reject(payload, str(error))
            problems[game_id] = str(error)
    return pl.concat([TABLE.empty().drop(LINEAGE[1:]), *frames], how="diagonal_relaxed"), problems


def fall_back(
    games: pl.DataFrame, have: pl.DataFrame, history: pl.DataFrame, balldontlie: Balldontlie
) -> tuple[pl.DataFrame, dict[str, str]]:
    """What balldontlie knows of these games, with names resolved among the players of the two teams; and the problems."""
    frames, problems = [], {}
    for day in games["game_date"].unique().sort():
        try:
            box = bdl.map_to_games(bdl.parse_boxscores(balldontlie.box_scores(day)), games.filter(pl.col("game_date") == day))
        except (NotYet, Permanent, Transient) as error:
            problems[str(day)] = str(error)
            continue
        frames.append(box)
    if not frames:
        return TABLE.empty().drop(LINEAGE[1:]), problems
    box = pl.concat(frames, how="diagonal_relaxed")
    seen = pl.concat(
        [history.select("player_id", "player_name", "team"), have.select("player_id", "player_name", "team")]
    ).unique()
    sides = pl.concat([games.select("game_id", pl.col(f"{side}_team").alias("team")) for side in ("home", "away")])
    rosters = sides.join(seen, on="team").select("game_id", "player_id", "player_name")
    known = seen.select("player_id", pl.col("player_name").alias("spelling")).unique()
    names = resolve_names(box.select("game_id", pl.col("player_name").alias("spelling")).unique(), known, rosters)
    of_name = names.select(
        "game_id", pl.col("spelling").alias("player_name"), "player_id", pl.col("problem").alias("name_problem")
    )
    resolved = box.drop("player_id", strict=False).join(of_name, on=["game_id", "player_name"], how="left")
    return resolved.with_columns(pl.coalesce(PROBLEM, "name_problem").alias(PROBLEM)).drop("name_problem"), problems


@daily_asset(
    TABLE, module=__name__, description=__doc__, kinds={"python", "polars"}, code_version=CODE_VERSION,
    ins={"history": days_before(ROSTER_DAYS, "boxscores")},
)  # fmt: skip
def boxscores(
    context: dg.AssetExecutionContext, schedule: pl.DataFrame, history: pl.DataFrame, nba_cdn: NbaCdn, balldontlie: Balldontlie,
    archive: Archive, warehouse: dg.ResourceParam[Warehouse], clock: Clock,
) -> pl.DataFrame:  # fmt: skip
    """Box scores of the games that have ended; what one source lacks or has incomplete is asked of the next."""
    dates = dates_of(context)
    archived = [day for day in dates if archive.holds(day)]
    frame = archive.boxscores(archived) if archived else TABLE.empty().drop(LINEAGE[1:])
    started = pl.coalesce(pl.col("tipoff_at") <= clock.as_of, pl.col("game_date") <= clock.today) | (pl.col("status") == "final")
    due = schedule.filter(started & ~pl.col("game_date").is_in(archived) & (pl.col("status") != "postponed"))
    problems: dict[str, str] = {}
    if due.height:
        primary, problems = collect(due, nba_cdn, clock.as_of)
        judged = gates.judge_games(due, primary)
        wanting = due.filter(pl.col("game_id").is_in(judged.filter(~pl.col("is_complete"))["game_id"].implode()))
        if wanting.height:
            second, more = fall_back(wanting, primary, history, balldontlie)
            problems |= more
            resolved = second.filter(pl.col(PROBLEM).is_null()) if second.height else second
            rescued = gates.judge_games(wanting, resolved).filter(
                pl.col("is_complete") | ~pl.col("game_id").is_in(primary["game_id"].implode())
            )["game_id"]
            primary = pl.concat(
                [
                    primary.filter(~pl.col("game_id").is_in(rescued.implode())),
                    second.filter(pl.col("game_id").is_in(rescued.implode())),
                ],
                how="diagonal_relaxed",
            )
        frame = pl.concat([frame, primary], how="diagonal_relaxed")
    usable = frame.filter(pl.col(PROBLEM).is_null()) if PROBLEM in frame.columns else frame
    waivers = gates.waivers_due(gates.coverage(gates.judge_games(schedule, usable), dates), clock.as_of)
    for day in waivers["game_date"]:
        rows, _ = gates.WAIVERS.conform(waivers.filter(pl.col("game_date") == day), clock.as_of, CODE_VERSION)
        warehouse.add(gates.WAIVERS, [day], rows, context.run.run_id)
        context.log.warning(f"{day}: {rows['reason'][0]}")
    by_provider = usable.group_by("provider").agg(pl.col("game_id").n_unique())
    context.add_output_metadata(
        {
            **{f"games_from_{provider}": games for provider, games in by_provider.iter_rows()},
            "problems_met": dg.MetadataValue.json(problems),
        }
    )
    for name, problem in problems.items():
        context.log.warning(f"{name}: {problem}")
    return frame


@dated_check(TABLE, blocking=True)
def enough_final_games_are_covered(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """At least 80 % of the games that the schedule calls final have a complete box score, or the date is waived."""
    waived = set(gates.standing_waivers(warehouse.scan(gates.WAIVERS, dates).collect(), clock.as_of)["game_date"])
    return [
        Verdict(
            row["game_date"], row["is_open"] or row["game_date"] in waived,
            {"share": row["share"], "complete_games": row["complete_games"], "final_games": row["final_games"],
             "waived": float(row["game_date"] in waived)},
            row["missing"],
        )
        for row in _coverage(warehouse, dates).iter_rows(named=True)
    ]  # fmt: skip


@dated_check(TABLE)
def every_final_game_is_covered(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """Every game that the schedule calls final has a complete box score; those that have none are named."""
    return [
        Verdict(
            row["game_date"], not row["missing"],
            {"share": row["share"], "missing_games": len(row["missing"]), "games_without_a_source": len(row["uncovered"])},
            [*row["missing"], *(f"{name} (no source holds the competition)" for name in row["uncovered"])],
        )
        for row in _coverage(warehouse, dates).iter_rows(named=True)
    ]  # fmt: skip


@dated_check(TABLE)
def player_points_sum_to_team_points(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """The players of each team in each game score what the team scored."""
    sums = (
        warehouse.scan(TABLE, dates).filter("did_play").group_by("game_date", "game_id", "team")
        .agg(pl.col("points").sum(), pl.col("team_points").max()).collect()
    )  # fmt: skip
    verdicts = []
    for day in dates:
        teams = sums.filter(pl.col("game_date") == day)
        off = teams.filter(pl.col("points") != pl.col("team_points"))
        names = [f"{game_id} {team}: {points} of {score}" for _, game_id, team, points, score in off.iter_rows()]
        verdicts.append(Verdict(day, off.is_empty(), {"team_games": teams.height, "team_games_off": off.height}, names))
    return verdicts


@dated_check(TABLE)
def points_match_the_shots(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """Points = 2 x two-pointers + 3 x three-pointers + free throws, in every row offered, the quarantined ones included."""
    parked = warehouse.scan_quarantine(TABLE, dates).filter(pl.col("problem").str.contains("points_match_the_shots"))
    counts = dict(parked.group_by("game_date").len().collect().iter_rows())
    return [Verdict(day, day not in counts, {"rows_off": counts.get(day, 0)}) for day in dates]


key_is_unique = uniqueness_of(TABLE)
no_row_is_quarantined = quarantine_of(TABLE)


def _coverage(warehouse: Warehouse, dates: Sequence[date]) -> pl.DataFrame:
    schedule = warehouse.scan(TABLES["schedule"], dates).collect()
    return gates.coverage(gates.judge_games(schedule, warehouse.scan(TABLE, dates).collect()), dates)

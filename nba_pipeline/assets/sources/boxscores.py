"""boxscores: statistics of every player of both teams in a final game, and the reason why a player did not play.

Grain: one row per player per game
Source: NBA CDN box score, else the player game log of stats.nba.com, else balldontlie; the archive for the dates it covers
Caveats: rows of players who did not play have null statistics; the archive and balldontlie lack inactive players; the
  game log lacks starter flags and players who did not play; each game is from one source; `boxscore_disagreements` lists
  the differences between sources; a game with implausible totals is quarantined as a whole; a game in this table may be
  incomplete: `gates` decides which games are complete.
"""

from collections.abc import Collection, Sequence
from datetime import date, datetime

import dagster as dg
import dataframely as dy
import polars as pl

from nba_pipeline.asset_factory.asset import daily_asset, dates_of, days_before
from nba_pipeline.asset_factory.checks import Verdict, checks_of, dated_check
from nba_pipeline.assets.sources.players import TABLE as PLAYERS
from nba_pipeline.completeness import gates
from nba_pipeline.completeness.contradictions import changed_games, contradicted_games, implausible_box_scores
from nba_pipeline.completeness.disagreements import DISAGREEMENTS, disagreements
from nba_pipeline.completeness.reread_times import is_due_for_rereading
from nba_pipeline.errors import NotPublished, Permanent, PipelineError, Transient
from nba_pipeline.formulas import shooting
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.rereads import NEWS
from nba_pipeline.league.active_players import SEEN_COLUMNS, active_players, box_score_sightings
from nba_pipeline.league.names import assertions, resolve_names
from nba_pipeline.league.teams import TEAMS
from nba_pipeline.providers import balldontlie as bdl
from nba_pipeline.providers.archive import Archive
from nba_pipeline.providers.balldontlie import Balldontlie
from nba_pipeline.providers.columns import BOXSCORE_COLUMNS
from nba_pipeline.providers.nba_cdn import NbaCdn, is_final, parse_boxscore
from nba_pipeline.providers.nba_stats import NbaStats, parse_game_log
from nba_pipeline.providers.parsing import payloads_where
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.table import PROBLEM, TABLES, Row, Table, code, count
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.accounting import RowsIn
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
    provider = code(["nba_cdn", "nba_stats", "balldontlie", "archive"], "who answered")

    @dy.rule()
    def points_match_the_shots(cls) -> pl.Expr:
        """Points = 2 x two-pointers + 3 x three-pointers + free throws."""
        return shooting.points_match_the_shots()

    @dy.rule()
    def statistics_only_of_those_who_played(cls) -> pl.Expr:
        """Statistics are null for players who did not play. Points and minutes are known for players who did."""
        return (
            pl.when(pl.col("did_play"))
            .then(pl.col("points").is_not_null() & pl.col("minutes").is_not_null())
            .otherwise(pl.all_horizontal(pl.col("points").is_null(), pl.col("minutes").is_null(), pl.col("fga").is_null()))
        )

    @dy.rule()
    def makes_do_not_exceed_attempts(cls) -> pl.Expr:
        """Fgm <= fga, fg3m <= fg3a <= fga, ftm <= fta."""
        return shooting.makes_do_not_exceed_attempts()


TABLE = Table(
    "boxscores", grain="player per game", key=("game_id", "player_id"), schema=BoxscoreRows, cluster=("player_id", "team")
)
NAME_COLUMNS = SEEN_COLUMNS[:-1]
KEPT = "; the final box score landed before is used"
NO_ROWS = pl.DataFrame(schema=BOXSCORE_COLUMNS)


def collect(
    games: pl.DataFrame, nba_cdn: NbaCdn, now: datetime, doubted: Collection[str] = ()
) -> tuple[pl.DataFrame, dict[str, str]]:
    """Returns the final box scores of the games from the NBA, and a problem by game id.

    A landed final box score is used until its re-read is due. It is kept if the re-read fails or is not final; the problem
    then says so. A landed box score is read again at once if it contradicts the schedule, is implausible, or belongs to a
    `doubted` game. Requests are concurrent.
    """
    finals: dict[str, Payload] = {}
    problems: dict[str, str] = {}
    to_ask = []
    kept = []
    for game_id, day in games.select("game_id", "game_date").iter_rows():
        landed = _finals(nba_cdn.landed_boxscores(game_id, day), nba_cdn, problems)
        if landed:
            finals[game_id] = landed[-1]
        if not landed or game_id in doubted or is_due_for_rereading(landed[0].fetched_at, landed[-1].fetched_at, day, now):
            to_ask.append((game_id, day))
        else:
            kept.append((game_id, day))
    rows = {game_id: _read_box(finals[game_id], nba_cdn, problems) for game_id, _ in kept}
    landed_rows = once_per_player(pl.concat([NO_ROWS, *rows.values()]))
    is_doubtful = contradicted_games(games, landed_rows).union(implausible_box_scores(games, usable(landed_rows)))
    to_ask += [game for game in kept if game[0] in is_doubtful]
    for (game_id, _), answer in zip(to_ask, nba_cdn.boxscores(to_ask), strict=True):
        if isinstance(answer, PipelineError):
            problems[game_id] = f"{answer}{KEPT if game_id in finals else ''}"
        elif _finals([answer], nba_cdn, problems):
            finals[game_id] = answer
            rows.pop(game_id, None)
        elif game_id in finals and game_id not in problems:
            problems[game_id] = f"box score of game {game_id} is final no more: {answer.ref}{KEPT}"
    rows |= {game_id: _read_box(finals[game_id], nba_cdn, problems) for game_id in finals if game_id not in rows}
    return once_per_player(pl.concat([NO_ROWS, *(rows[game_id] for game_id in finals)])), problems


def _finals(payloads: Sequence[Payload], nba_cdn: NbaCdn, problems: dict[str, str]) -> list[Payload]:
    """Returns the final box scores of a game. A payload that cannot be parsed is rejected and becomes the game's problem."""
    met = list[str]()
    finals = payloads_where(is_final, payloads, nba_cdn.http.landing, met)
    problems.update({payload.slot.entity: problem for payload in payloads for problem in met})
    return finals


def _read_box(payload: Payload, nba_cdn: NbaCdn, problems: dict[str, str]) -> pl.DataFrame:
    """Returns the rows of a landed box score. If it cannot be parsed, returns no rows and records a problem."""
    try:
        return parse_boxscore(payload)
    except Permanent as error:
        nba_cdn.reject(payload, str(error))
        problems[payload.slot.entity] = str(error)
        return NO_ROWS


def read_the_log(
    games: pl.DataFrame, nba_stats: NbaStats, now: datetime, doubted: Collection[str] = ()
) -> tuple[pl.DataFrame, dict[str, str]]:
    """Returns the final games of the NBA's player game log, and a problem by date.

    A landed log is used unless it lacks a final game, contradicts the schedule, contains a `doubted` or implausible game, or
    its re-read is due. Then it is requested once per date and season type.
    """
    logs = dict[tuple[date, str], pl.DataFrame]()
    problems: dict[str, str] = {}
    to_ask = []
    final = games.filter(pl.col("status") == "final").sort("game_date", "season_type")
    for day, season_type in final.select("game_date", "season_type").unique(maintain_order=True).iter_rows():
        landed, of_day = nba_stats.landed_player_game_logs(day, season_type), games.filter(pl.col("game_date") == day)
        log = _read(landed[-1], of_day, nba_stats, problems) if landed else NO_ROWS
        wanted = final.filter(pl.col("game_date") == day, pl.col("season_type") == season_type)
        logs[day, season_type] = log
        is_due = bool(landed) and is_due_for_rereading(landed[0].fetched_at, landed[-1].fetched_at, day, now)
        is_doubtful = bool(
            set(wanted["game_id"]).intersection(doubted)
            | contradicted_games(wanted, usable(log))
            | implausible_box_scores(wanted, usable(log)).keys()
        )
        if is_due or is_doubtful or set(wanted["game_id"]) - set(log["game_id"]):
            to_ask.append((day, season_type))
    for (day, season_type), answer in zip(to_ask, nba_stats.player_game_logs(to_ask), strict=True):
        if isinstance(answer, PipelineError):
            problems[str(day)] = str(answer)
        else:
            problems.pop(str(day), None)
            logs[day, season_type] = _read(answer, games.filter(pl.col("game_date") == day), nba_stats, problems)
    return once_per_player(pl.concat([NO_ROWS, *logs.values()])), problems


def _read(log: Payload, games: pl.DataFrame, nba_stats: NbaStats, problems: dict[str, str]) -> pl.DataFrame:
    try:
        return parse_game_log(log, games)
    except Permanent as error:
        nba_stats.reject(log, str(error))
        problems[str(log.game_date)] = str(error)
        return NO_ROWS


def ask_balldontlie(
    wanting: pl.DataFrame, games: pl.DataFrame, balldontlie: Balldontlie, seen: pl.DataFrame, spellings: pl.DataFrame
) -> tuple[pl.DataFrame, dict[str, str]]:
    """Returns balldontlie's rows of the `wanting` games, named by `name_box_scores`, and a problem by date."""
    frames, problems = [NO_ROWS], dict[str, str]()
    for day in wanting["game_date"].unique().sort():
        try:
            parsed = bdl.parse_boxscores(balldontlie.box_scores(day))
        except (NotPublished, Permanent, Transient) as error:
            problems[str(day)] = str(error)
            continue
        frames.append(bdl.map_to_games(parsed, games.filter(pl.col("game_date") == day)))
    is_asked_for = pl.col("game_id").is_null() | pl.col("game_id").is_in(wanting["game_id"].implode())
    return once_per_player(name_box_scores(pl.concat(frames).filter(is_asked_for), seen, spellings)), problems


def name_box_scores(box: pl.DataFrame, seen: pl.DataFrame, spellings: pl.DataFrame) -> pl.DataFrame:
    """Gives each row its player id. An unresolved or ambiguous name becomes the row's problem.

    Args:
        box: Rows of `boxscores` without a player id.
        seen: Box-score rows with NAME_COLUMNS: the candidates, with those of the same team first.
        spellings: player_id and spelling of `players`; evidence and game_date mark resolutions by an operator.
    """
    side = pl.format("{} {}", "game_id", "team")  # the team distinguishes two players of the same name
    of_games = box.filter(pl.col("game_id").is_not_null())
    sides = of_games.select(side.alias("game_id"), "game_date", "season", "team").unique()
    mentions = of_games.select(side.alias("game_id"), spelling="player_name").unique()
    players = pl.concat([spellings, seen.select("player_id", spelling="player_name").unique()], how="diagonal_relaxed")
    active = active_players(sides, box_score_sightings(seen), spellings)
    names = resolve_names(mentions, players, active, assertions(spellings, sides)).select(
        pl.col("game_id").alias("side"), pl.col("spelling").alias("player_name"), "player_id", name_problem="problem"
    )
    named = box.drop("player_id").with_columns(side.alias("side")).join(names, on=["side", "player_name"], how="left")
    return named.with_columns(pl.coalesce(PROBLEM, "name_problem").alias(PROBLEM)).select(box.columns)


def once_per_player(rows: pl.DataFrame) -> pl.DataFrame:
    """Removes equal rows. Differing rows of the same player and game all get a problem and do not count for the game."""
    player = ["game_id", "player_id"]
    listed = pl.format(
        "{}: {} is listed {} times in game {}, for {}", "provider", "player_name", pl.len().over(player), "game_id",
        pl.col("team").sort().str.join(" and ").over(player),
    )  # fmt: skip
    is_double = pl.col("player_id").is_not_null() & (pl.len().over(player) > 1)
    return rows.unique(maintain_order=True).with_columns(pl.coalesce(PROBLEM, pl.when(is_double).then(listed)).alias(PROBLEM))


def usable(rows: pl.DataFrame) -> pl.DataFrame:
    """Returns the rows without a problem."""
    return rows.filter(pl.col(PROBLEM).is_null()) if PROBLEM in rows.columns else rows


def without_implausible_games(games: pl.DataFrame, rows: pl.DataFrame) -> pl.DataFrame:
    """Returns the same rows. Every row of an implausible game gets a problem, so that the next source is used."""
    found = implausible_box_scores(games, usable(rows))
    words = pl.DataFrame(list(found.items()), schema={"game_id": pl.String, "implausible": pl.String}, orient="row")
    problem = pl.col(PROBLEM) if PROBLEM in rows.columns else pl.lit(None, pl.String)
    named = pl.when(pl.col("implausible").is_not_null()).then(pl.format("implausible game: {}", "implausible"))
    return (
        rows.join(words, on="game_id", how="left", maintain_order="left")
        .with_columns(pl.coalesce(problem, named).alias(PROBLEM))
        .drop("implausible")
    )


def incomplete_games(games: pl.DataFrame, boxscores: pl.DataFrame) -> pl.DataFrame:
    """Returns the final games without a complete box score."""
    judged = gates.judge_games(games, boxscores)
    return games.filter(pl.col("game_id").is_in(judged.filter(~pl.col("is_complete"))["game_id"].implode()))


def fall_back(games: pl.DataFrame, boxscores: pl.DataFrame, second: pl.DataFrame) -> pl.DataFrame:
    """Returns the box scores with missing and incomplete games taken from a second source, each as a whole.

    A complete game replaces an incomplete one. An incomplete game is only used if the first source lacks the game.
    """
    wanting, offered = incomplete_games(games, boxscores)["game_id"], set(second["game_id"])
    complete = offered - set(incomplete_games(games, second)["game_id"])
    taken = set(wanting) & (complete | (offered - set(boxscores["game_id"])))
    is_taken = pl.col("game_id").is_in(list(taken))
    return pl.concat([boxscores.filter(~is_taken), second.filter(is_taken)])


def waive(covered: pl.DataFrame, context: dg.AssetExecutionContext, warehouse: Warehouse, now: datetime) -> None:
    """Writes the waivers of dates whose deadline has passed without enough complete games."""
    waivers = gates.waivers_due(covered, now)
    for day in waivers["game_date"]:
        rows, _ = gates.WAIVERS.conform(waivers.filter(pl.col("game_date") == day), now, CODE_VERSION)
        warehouse.add(gates.WAIVERS, [day], rows, context.run.run_id)
        context.log.warning(f"{day}: {rows['reason'][0]}")


CODE_VERSION = "3"


@daily_asset(
    TABLE, module=__name__, description=__doc__, kinds={"python", "polars"}, code_version=CODE_VERSION, pool="nba_cdn",
    ins={"history": days_before(SETTINGS.names.active_days, "boxscores", columns=NAME_COLUMNS, is_reference=True)},
)  # fmt: skip
def boxscores(
    context: dg.AssetExecutionContext, schedule: pl.DataFrame, history: pl.DataFrame, nba_cdn: NbaCdn, nba_stats: NbaStats,
    balldontlie: Balldontlie, archive: Archive, warehouse: dg.ResourceParam[Warehouse], clock: Clock,
) -> pl.DataFrame:  # fmt: skip
    """Box scores of the games that have ended. Games that one source lacks or has incomplete come from the next source."""
    dates, now = dates_of(context), clock.as_of
    archived = [day for day in dates if archive.holds(day)]
    asked = [day for day in dates if day not in archived]
    games = schedule.filter(pl.col("game_date").is_in(asked))
    started = pl.coalesce(pl.col("tipoff_at") <= now, pl.col("game_date") <= clock.today) | (pl.col("status") == "final")

    doubted = set(warehouse.scan(DISAGREEMENTS, asked).select("game_id").collect()["game_id"])
    first, problems = collect(games.filter(started & (pl.col("status") != "postponed")), nba_cdn, now, doubted)
    second, not_compared = read_the_log(games, nba_stats, now, doubted)
    first, second = (without_implausible_games(games, rows) for rows in (first, second))
    kept = fall_back(games, usable(first), usable(second))
    # players in another source's box score of the game are candidates for the name resolution
    same_game = pl.concat(usable(rows).select(NAME_COLUMNS) for rows in (first, second))
    same_game = same_game.with_columns(pl.col("game_date").dt.offset_by("-1d"))
    seen = pl.concat([history.select(NAME_COLUMNS), same_game], how="vertical_relaxed")
    # read outside the graph, because `players` is downstream; spellings of any date may be used
    spellings = warehouse.scan(PLAYERS).select("game_date", "player_id", "spelling", "evidence").collect()
    third, more = ask_balldontlie(incomplete_games(games, kept), games, balldontlie, seen.unique(), spellings)
    third = without_implausible_games(games, third)
    kept = fall_back(games, kept, usable(third))

    sources = (first, second, third)
    found = disagreements(kept, sources)
    rows, _ = DISAGREEMENTS.conform(found, now, CODE_VERSION)
    warehouse.replace(DISAGREEMENTS, asked, rows, context.run.run_id)
    from_archive = without_implausible_games(schedule, archive.boxscores(archived)) if archived else NO_ROWS
    frame = pl.concat([from_archive, kept], how="diagonal_relaxed")
    known = sorted(warehouse.dates(TABLE).intersection(asked))
    changed = changed_games(warehouse.scan(TABLE, known).collect(), kept, known)
    if not nba_cdn.http.landing.is_offline:  # a provider may still have what the landing lacks
        waive(gates.coverage(gates.judge_games(schedule, usable(frame)), dates), context, warehouse, now)
    for name, problem in (problems | more).items():
        context.log.warning(f"{name}: {problem}")
    by_provider = usable(frame).group_by("provider").agg(pl.col("game_id").n_unique())
    context.add_output_metadata(
        {
            **{f"games_from_{provider}": games for provider, games in by_provider.iter_rows()},
            "disagreements": found.height,
            "not_compared": dg.MetadataValue.json(not_compared),
            "problems_met": dg.MetadataValue.json(problems | more),
            NEWS: dg.MetadataValue.json({str(day): changed[day] for day in changed}),
            **_counted(dates, sources, kept, from_archive).metadata(),
        }
    )
    unusable = [source.filter(pl.col(PROBLEM).is_not_null()) for source in sources]
    return pl.concat([frame, *unusable], how="diagonal_relaxed")


def _counted(dates: Sequence[date], sources: Sequence[pl.DataFrame], kept: pl.DataFrame, archived: pl.DataFrame) -> RowsIn:
    """Counts the rows of every source. Rows of a game that comes from another source are only compared, and count as ignored."""
    rows_in = RowsIn(dates)
    for rows in (*sources, archived):
        rows_in.parsed(rows)
    for rows in sources:
        rows_in.ignored(usable(rows).join(kept, on=["game_id", "provider"], how="anti"), "the game is taken from another source")
    return rows_in


@dated_check(TABLE, blocking=True)
def enough_final_games_are_covered(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """At least 80 % of the final games of the schedule have a complete box score, or the date is waived."""
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
    """Every final game of the schedule has a complete box score. Missing games are named."""
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
    """In each game, the points of a team's players sum to the team's points."""
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
    """Points = 2 x two-pointers + 3 x three-pointers + free throws, in every row, including quarantined rows."""
    parked = warehouse.scan_quarantine(TABLE, dates).filter(pl.col("problem").str.contains("points_match_the_shots"))
    counts = dict(parked.group_by("game_date").len().collect().iter_rows())
    return [Verdict(day, day not in counts, {"rows_off": counts.get(day, 0)}) for day in dates]


@dated_check(TABLE)
def sources_agree(warehouse: Warehouse, dates: Sequence[date], clock: Clock) -> list[Verdict]:
    """Every player has the same points in each source of a game, and the same minutes within rounding."""
    found = warehouse.scan(DISAGREEMENTS, dates).sort("game_date", *DISAGREEMENTS.key).collect()
    verdicts = []
    for day in dates:
        of_day = found.filter(pl.col("game_date") == day)
        names = [
            f"{row['game_id']} {row['player_name']}: {row['statistic']} {_told(row['value'])} ({row['provider']}), "
            f"{_told(row['other_value'])} ({row['other_provider']})"
            for row in of_day.iter_rows(named=True)
        ]
        verdicts.append(Verdict(day, not names, {"disagreements": len(names)}, names))
    return verdicts


checks = checks_of(TABLE, is_source=True)


def _told(value: float | None) -> str:
    return "did not take part" if value is None else f"{value:.4g}"


def _coverage(warehouse: Warehouse, dates: Sequence[date]) -> pl.DataFrame:
    schedule = warehouse.scan(TABLES["schedule"], dates).collect()
    return gates.coverage(gates.judge_games(schedule, warehouse.scan(TABLE, dates).collect()), dates)

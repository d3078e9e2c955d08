"""The job `recheck`: reads the final games of a date again from every source, lands the responses and records the changes.

Writes no table. The reconciliation or `nba-pipeline recheck` starts the runs that load new responses.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import dagster as dg
import polars as pl

from nba_pipeline.completeness.contradictions import contradicted_games
from nba_pipeline.completeness.disagreements import DISAGREEMENTS
from nba_pipeline.completeness.reread_times import is_due_for_rereading
from nba_pipeline.errors import Permanent, PipelineError, Transient
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.partitions import DAILY
from nba_pipeline.instance.rereads import CORRECTIONS, PROBLEMS_MET, READ_AT
from nba_pipeline.instance.run_tags import RECHECK_TAG
from nba_pipeline.league.calendar import parse_key
from nba_pipeline.providers import balldontlie as bdl
from nba_pipeline.providers import nba_cdn as cdn
from nba_pipeline.providers import nba_cdn_boxscore as boxscore
from nba_pipeline.providers.balldontlie import Balldontlie
from nba_pipeline.providers.nba_cdn import NbaCdn
from nba_pipeline.providers.nba_cdn_play_by_play import is_over, parse_play_by_play
from nba_pipeline.providers.nba_stats import NbaStats, parse_game_log
from nba_pipeline.providers.parsing import payloads_where
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse
from nba_pipeline.warehouse.payloads import Payload

JOB = "recheck"
Parse = Callable[[Payload], Sequence[pl.DataFrame]]


@dataclass
class Findings:
    """The result of a re-read: the sources with new contents, and the problems."""

    changes: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    is_unanswered: bool = False
    """Whether a request failed with a transient error. The re-read must then be repeated."""

    def compare(self, name: str, landed: Sequence[Payload], response: Payload | PipelineError, parse: Parse) -> None:
        """Compares a response with the newest landed payload, and records new contents or a problem."""
        if isinstance(response, PipelineError):
            self.problems.append(str(response))
            self.is_unanswered |= isinstance(response, Transient)
        elif not landed or not has_same_contents(landed[-1], response, parse):
            self.changes.append(name)


def has_same_contents(before: Payload, after: Payload, parse: Parse) -> bool:
    """Whether two payloads hold the same rows. If one cannot be parsed, whether their bytes are equal."""
    if before.short_hash == after.short_hash:
        return True
    try:
        sides = [[frame.drop("source") for frame in parse(payload)] for payload in (before, after)]
    except Permanent:
        return False
    return len(sides[0]) == len(sides[1]) and all(one.equals(other) for one, other in zip(*sides, strict=True))


@dataclass(frozen=True)
class Rereader:
    """Reads those final games of a date again that are due."""

    day: date
    games: pl.DataFrame
    boxscores: pl.DataFrame
    contradicted: frozenset[str]
    is_forced: bool
    now: datetime

    def is_due(self, landed: Sequence[Payload], *game_ids: str) -> bool:
        """Whether a source must be read again: the re-read is forced or due, a game is contradicted, or nothing is landed."""
        if self.is_forced or not landed or self.contradicted.intersection(game_ids):
            return True
        return is_due_for_rereading(landed[0].fetched_at, landed[-1].fetched_at, self.day, self.now)

    def reread_boxscores(self, nba_cdn: NbaCdn, findings: Findings) -> None:
        """Reads the NBA's box scores again."""
        landed = {
            game: payloads_where(
                boxscore.is_final, nba_cdn.landed_boxscores(game, self.day), nba_cdn.http.landing, findings.problems
            )
            for game in self.games["game_id"]
        }
        due = [(game, self.day) for game, payloads in landed.items() if self.is_due(payloads, game)]
        for (game, _), response in zip(due, nba_cdn.boxscores(due), strict=True):
            if isinstance(response, Payload) and not boxscore.is_final(response):
                findings.problems.append(f"box score of game {game} is not final: {response.ref}")
                continue
            findings.compare(f"nba_cdn box score of game {game}", landed[game], response, _box)

    def reread_play_by_play(self, nba_cdn: NbaCdn, findings: Findings) -> None:
        """Reads the play-by-play of the games with a box score again."""
        games = set(self.boxscores["game_id"]).intersection(self.games["game_id"])
        landed = {
            game: payloads_where(is_over, nba_cdn.landed_play_by_play(game, self.day), nba_cdn.http.landing, findings.problems)
            for game in sorted(games)
        }
        due = [(game, self.day) for game, payloads in landed.items() if self.is_due(payloads, game)]
        for (game, _), response in zip(due, nba_cdn.play_by_play(due), strict=True):
            if isinstance(response, Payload) and not is_over(response):
                continue
            findings.compare(f"nba_cdn play-by-play of game {game}", landed[game], response, lambda p: [parse_play_by_play(p)])

    def reread_game_logs(self, nba_stats: NbaStats, findings: Findings) -> None:
        """Reads the league's player game logs again. As a second source, they are repeated after a failure only if forced."""
        landed = {kind: nba_stats.landed_player_game_logs(self.day, kind) for kind in self.games["season_type"].unique().sort()}
        of_kind = {kind: self.games.filter(season_type=kind)["game_id"] for kind in landed}
        due = [(self.day, kind) for kind, payloads in landed.items() if self.is_due(payloads, *of_kind[kind])]
        second = Findings()
        for (_, kind), response in zip(due, nba_stats.player_game_logs(due), strict=True):
            second.compare(f"nba_stats game log of {kind}", landed[kind], response, lambda p: [parse_game_log(p, self.games)])
        findings.changes += second.changes
        findings.problems += second.problems
        findings.is_unanswered |= second.is_unanswered and self.is_forced

    def reread_fallback(self, balldontlie: Balldontlie, findings: Findings) -> None:
        """Reads the box scores of balldontlie again if a game came from it. One request covers a date."""
        if self.boxscores.filter(provider=bdl.PROVIDER).is_empty():
            return
        landing = balldontlie.http.landing
        before = {page.slot.entity: page for page in landing.payloads(bdl.PROVIDER, "box_scores", self.day)}
        try:
            for page in balldontlie.box_scores(self.day):
                landed = [before[page.slot.entity]] if page.slot.entity in before else []
                findings.compare(f"{page.slot.name} of {self.day}", landed, page, lambda p: [bdl.parse_boxscores([p])])
        except PipelineError as error:
            findings.compare(bdl.PROVIDER, [], error, lambda _: [])


def _box(payload: Payload) -> list[pl.DataFrame]:
    """Returns the player rows, and the team totals if the payload has usable ones."""
    try:
        return [boxscore.parse_boxscore(payload), boxscore.parse_team_boxscores(payload)]
    except Permanent:
        return [boxscore.parse_boxscore(payload)]


def rereader_of(warehouse: Warehouse, day: date, is_forced: bool, now: datetime) -> Rereader:
    """Returns the rereader of a date, from the rows in the warehouse."""
    schedule, boxscores = (warehouse.scan(TABLES[name], [day]).collect() for name in ("schedule", "boxscores"))
    games = schedule.filter(pl.col("status") == "final", "has_boxscore_source")
    disagreeing = set(warehouse.scan(DISAGREEMENTS, [day]).select("game_id").collect()["game_id"])
    return Rereader(day, games, boxscores, frozenset(disagreeing | contradicted_games(schedule, boxscores)), is_forced, now)


@dg.op(pool=cdn.PROVIDER, description="Reads the final games of a date again and lands the responses. Writes no table.")
def read_again(
    context: dg.OpExecutionContext,
    warehouse: dg.ResourceParam[Warehouse],
    nba_cdn: NbaCdn,
    nba_stats: NbaStats,
    balldontlie: Balldontlie,
    clock: Clock,
) -> None:
    """Reads every source and records an observation of `boxscores` with the changes."""
    day, now, findings = parse_key(context.partition_key), clock.as_of, Findings()
    rereader = rereader_of(warehouse, day, RECHECK_TAG in context.run.tags, now)
    rereader.reread_boxscores(nba_cdn, findings)
    rereader.reread_play_by_play(nba_cdn, findings)
    rereader.reread_game_logs(nba_stats, findings)
    rereader.reread_fallback(balldontlie, findings)
    for problem in findings.problems:
        context.log.warning(problem)
    read_at = {} if findings.is_unanswered else {READ_AT: now.isoformat()}
    context.log_event(
        dg.AssetObservation(
            "boxscores",
            partition=day.isoformat(),
            metadata={
                **read_at,
                CORRECTIONS: dg.MetadataValue.json(findings.changes),
                PROBLEMS_MET: dg.MetadataValue.json(findings.problems),
                "games": rereader.games.height,
            },
        )
    )


@dg.job(
    name=JOB,
    partitions_def=DAILY,
    executor_def=dg.in_process_executor,
    tags={"dagster/max_runtime": str(60 * SETTINGS.runs.game_day_minutes)},
    description="Reads the final games of a date again and records the differences from the landed responses.",
)
def recheck() -> None:
    """Reads one date again."""
    read_again()

"""The command `nba-pipeline recheck`: reads the final games of a date again, updates downstream tables, reports changes."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import polars as pl

from nba_pipeline.completeness.modes import tables_of_mode
from nba_pipeline.completeness.next_steps import loading_command
from nba_pipeline.errors import BadInput
from nba_pipeline.instance.clock import Clock
from nba_pipeline.instance.materializations import materialized_at
from nba_pipeline.instance.rereads import rereads, unloaded_reread
from nba_pipeline.instance.run_tags import MODE_TAG, RECHECK_TAG
from nba_pipeline.league.calendar import days, season_of, season_start
from nba_pipeline.orchestration.corrections import outdated_features
from nba_pipeline.orchestration.outdated_performance import outdated_performance
from nba_pipeline.orchestration.recheck_job import JOB
from nba_pipeline.orchestration.runner import Outcome, Runner
from nba_pipeline.providers.archive import Archive
from nba_pipeline.tables.declarations import daily_tables
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import LINEAGE
from nba_pipeline.tables.wording import counted
from nba_pipeline.warehouse import Warehouse

PLAYER = ("game_id", "player_id")
COMPARED = (
    "team", "did_play", "minutes", "points", "rebounds", "oreb", "dreb", "assists", "steals", "blocks", "turnovers", "fouls",
    "fgm", "fga", "fg3m", "fg3a", "ftm", "fta", "plus_minus",
)  # fmt: skip


def refuse_bad_date(warehouse: Warehouse, archive: Archive, clock: Clock, day: date) -> None:
    """Raises BadInput for a date whose final games cannot be read again."""
    if day > clock.today:
        raise BadInput(f"--date {day} is in the future; today is {clock.today}")
    if archive.holds(day):
        raise BadInput(f"--date {day} comes from the archive, which cannot be read again")
    load = loading_command(warehouse, day)
    if day not in warehouse.dates(TABLES["schedule"]):
        raise BadInput(f"schedule has no rows for --date {day}; load it with `{load}`")
    games = warehouse.scan(TABLES["schedule"], [day]).filter(pl.col("status") != "postponed").collect()
    if games.is_empty():
        raise BadInput(f"--date {day} has no games")
    has_begun = (pl.col("status") != "final") & (pl.col("tipoff_at") <= clock.now()).fill_null(False)
    in_progress = games.filter((pl.col("status") == "live") | (has_begun & (pl.col("game_date") == clock.today)))
    collect = f"nba-pipeline run --date {day} --mode overnight"
    if in_progress.height:
        raise BadInput(f"--date {day} has {counted(in_progress.height, 'game')} in progress; run `{collect}` once they are over")
    if games.filter(pl.col("status") == "final").is_empty():
        raise BadInput(f"--date {day} has no final game yet; run `{collect}` first")
    if day not in warehouse.dates(TABLES["boxscores"]):
        raise BadInput(f"boxscores has no rows for --date {day}; load it with `{load}`")


@dataclass
class Recheck:
    """One call of the command. `run` yields its runs. Afterwards, `problems` and `changes` hold the results."""

    runner: Runner
    day: date

    def __post_init__(self) -> None:
        self.problems: list[str] = []
        self.is_unanswered = False
        self._before = _stored(self.runner.warehouse, self.day)

    def run(self) -> Iterator[Outcome]:
        """Runs the schedule and the re-read and, if either has changed, the downstream tables."""
        has_new_scores = yield from self._schedule()
        if has_new_scores is None:
            return
        tags = {MODE_TAG: JOB, RECHECK_TAG: self.runner.clock.now().isoformat()}
        outcome = self.runner.run(JOB, (), self.day, self.day, tags)
        yield outcome
        done = rereads(self.runner.instance, self.day)
        own = [one for one in done if one.run_id == outcome.run_id]
        self.problems = [problem for one in own for problem in one.problems]
        self.is_unanswered = not own or own[0].read_at is None
        if has_new_scores or unloaded_reread(done, materialized_at(self.runner.instance, "boxscores", self.day)):
            tables = [table for table in tables_of_mode("overnight") if table != "schedule"]
            outcome = self.runner.run("game_day", tables, self.day, self.day, tags)
            yield outcome
            if not outcome.succeeded:
                return
        yield from self._features(tags)
        yield from self._performance(tags)

    def changes(self) -> list[str]:
        """Returns the changes per game and player as lines of text."""
        after = _stored(self.runner.warehouse, self.day)
        names = self.runner.warehouse.scan(TABLES["schedule"], [self.day]).select(
            "game_id", pl.format("{}@{} {}", "away_team", "home_team", "game_id")
        )
        return changes(self._before, after, dict(names.collect().iter_rows()))

    def _schedule(self) -> Generator[Outcome, None, bool | None]:
        """Reads the schedule again if the date is in the current season, the only one that the league serves.

        Returns whether the games changed; None on failure.
        """
        if season_of(self.day) != season_of(self.runner.clock.today):
            return False
        before = _schedule(self.runner.warehouse, self.day)
        outcome = self.runner.run("game_day", ("schedule",), self.day, self.day, {MODE_TAG: JOB})
        yield outcome
        return None if outcome.failures else not before.equals(_schedule(self.runner.warehouse, self.day))

    def _features(self, tags: Mapping[str, str]) -> Iterator[Outcome]:
        """Runs the features of later written dates of the season that are older than the change."""
        end = min(
            self.runner.clock.today + timedelta(days=2), season_start(self.day).replace(year=season_start(self.day).year + 1)
        )
        outdated = outdated_features(self.runner.instance, self.runner.warehouse, [self.day], end)
        for first, last in spans(list(outdated)):
            yield self._run(daily_tables("features"), first, last, tags)

    def _performance(self, tags: Mapping[str, str]) -> Iterator[Outcome]:
        """Runs the performance of later written dates, whose windows include the corrected grades."""
        outdated = outdated_performance(self.runner.warehouse, days(self.day, self.runner.clock.today))
        for first, last in spans(list(outdated)):
            yield self._run(("system_performance",), first, last, tags)

    def _run(self, tables: Sequence[str], first: date, last: date, tags: Mapping[str, str]) -> Outcome:
        """Runs tables of one date or of several dates."""
        return self.runner.run("game_day" if first == last else "season", tables, first, last, dict(tags))


@dataclass(frozen=True)
class Stored:
    """The box scores of a date, and the newest version of each grade."""

    boxscores: pl.DataFrame
    grades: pl.DataFrame


def spans(dates: Sequence[date]) -> list[tuple[date, date]]:
    """Returns the dates as ranges of consecutive dates."""
    ranges: list[tuple[date, date]] = []
    for day in sorted(dates):
        if ranges and ranges[-1][1] + timedelta(days=1) == day:
            ranges[-1] = ranges[-1][0], day
        else:
            ranges.append((day, day))
    return ranges


def changes(before: Stored, after: Stored, games: Mapping[str, str]) -> list[str]:
    """Returns one line per game with its name, and one per changed player, such as "points 20 -> 22; grade v1 -> v2"."""
    differences: dict[tuple[str, int], list[str]] = {}
    names: dict[int, str] = {}
    sides = [
        {(row["game_id"], row["player_id"]): row for row in side.boxscores.iter_rows(named=True)} for side in (before, after)
    ]
    for key in sides[0].keys() | sides[1].keys():
        old, new = sides[0].get(key), sides[1].get(key)
        names[key[1]] = str((new or old or {})["player_name"])
        if changed := _difference(old, new):
            differences[key] = [changed]
    for key, new_grade in _new_grades(before.grades, after.grades):
        differences.setdefault(key, []).append(new_grade)
    lines = []
    for game in sorted({key[0] for key in differences}):
        lines.append(games.get(game, game))
        players = sorted((names.get(key[1], f"player {key[1]}"), parts) for key, parts in differences.items() if key[0] == game)
        lines += [f"  {name}: {'; '.join(parts)}" for name, parts in players]
    return lines


def _difference(old: Mapping[str, object] | None, new: Mapping[str, object] | None) -> str:
    """Returns the changed statistics of a player as text; empty without changes."""
    if old is None or new is None:
        return "added to the box score" if old is None else "removed from the box score"
    differing = [name for name in COMPARED if old[name] != new[name]]
    return ", ".join(f"{name} {_shown(old[name])} -> {_shown(new[name])}" for name in differing)


def _shown(value: object) -> str:
    if value is None:
        return "none"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _new_grades(before: pl.DataFrame, after: pl.DataFrame) -> list[tuple[tuple[str, int], str]]:
    """Returns per game and player a text with the new grade versions and their systems."""
    on = [name for name in before.columns if name != "grade_version"]
    new = after.join(before, on=on, how="left", suffix="_before", nulls_equal=True).filter(
        pl.col("grade_version").ne_missing(pl.col("grade_version_before"))
    )
    by = [*PLAYER, "grade_version_before", "grade_version"]
    systems = new.group_by(by).agg(pl.col("system_id").unique().sort()).sort(by)
    return [
        ((game, player), f"grade {f'v{old}' if old else 'none'} -> v{version} ({', '.join(names)})")
        for game, player, old, version, names in systems.iter_rows()
    ]


def _stored(warehouse: Warehouse, day: date) -> Stored:
    grades = TABLES["grades"]
    key = [name for name in grades.key if name != "grade_version"]
    newest = warehouse.scan(grades, [day]).group_by(key).agg(pl.col("grade_version").max())
    return Stored(warehouse.scan(TABLES["boxscores"], [day]).collect(), newest.collect())


def _schedule(warehouse: Warehouse, day: date) -> pl.DataFrame:
    return warehouse.scan(TABLES["schedule"], [day]).drop(LINEAGE).sort("game_id").collect()

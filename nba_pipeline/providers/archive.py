"""The archive: bulk history as a provider. A folder of parquet files replaces the requests for four seasons.

For the dates that it covers, the archive is the only source, even if it has no rows. Each file is landed once per content,
and `source` names the landed copy. A replay reads the copies that the original run used and does not need the folder.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import dagster as dg
import polars as pl
from pydantic import PrivateAttr

from nba_pipeline.errors import BadInput
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import season_of
from nba_pipeline.providers import SEASON_TYPES
from nba_pipeline.providers.archive_files import PROVIDER, UNREADABLE, ArchiveFile, cast_rows
from nba_pipeline.providers.archive_lines import GAME_LINE_COLUMNS, PROP_COLUMNS, game_line_rows, prop_line_rows
from nba_pipeline.providers.archive_rows import boxscore_rows, competition, schedule_rows, team_boxscore_rows
from nba_pipeline.providers.columns import BOXSCORE_COLUMNS, SCHEDULE_COLUMNS, TEAM_BOXSCORE_COLUMNS
from nba_pipeline.tables.wording import counted
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payloads import Payload, Slot

GAMES_FILE = re.compile(r"games_(\d{4}-\d{2})\.parquet")

PLAYER_COLUMNS = {"player_id": pl.Int64(), "spelling": pl.String(), "is_active": pl.Boolean(), "source": pl.String()}
PLAYERS = ("player_id", "full_name")

Result = TypeVar("Result")
Arguments = ParamSpec("Arguments")


def name_unreadable_files(
    method: "Callable[Concatenate[Archive, Arguments], Result]",
) -> "Callable[Concatenate[Archive, Arguments], Result]":
    """Decorator that raises BadInput naming the archive's unreadable files. They are user input and are never moved."""

    @wraps(method)
    def wrapped(archive: "Archive", /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
        try:
            return method(archive, *args, **kwargs)
        except UNREADABLE:
            if not (problems := archive.unreadable()):
                raise
            raise BadInput(f"the archive {archive.folder} has unreadable files: {problems}; replace them") from None

    return wrapped


class Archive(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The folder of NBA_ARCHIVE_DIR. Empty means no archive.

    Files: games_<season>, player_boxscores_<season>, player_props, game_lines, players.
    """

    folder: str = ""
    landing: dg.ResourceDependency[Landing]
    clock: dg.ResourceDependency[Clock]
    _files: dict[str, ArchiveFile] = PrivateAttr(default_factory=dict)
    _payloads: dict[str, Payload] | None = PrivateAttr(default=None)
    _last_date: date | None = PrivateAttr(default=None)

    @property
    def is_empty(self) -> bool:
        """True without an archive. An offline run only has the landed files, a replay only those that the original run used."""
        return not (self._landed_payloads() if self.landing.sends_nothing else self.folder)

    @name_unreadable_files
    def holds(self, day: date) -> bool:
        """True if the archive is the only source of a date: a past date in a season with a games file.

        In the latest of these seasons, dates after the last game are not covered. Raises BadInput naming the folder if it does
        not exist or has no games file.
        """
        if self.is_empty:
            return False
        seasons = self._seasons()
        if not seasons or day >= self.clock.today or season_of(day) not in seasons:
            return False
        return season_of(day) != seasons[-1] or day <= self._last_game_date(seasons[-1])

    def unreadable(self) -> str:
        """Returns the unreadable files among those read so far, each with its problem. Empty if all are readable."""
        problems = {file.name: file.problem() for file in self._files.values()}
        return "; ".join(f"{name} ({problem})" for name, problem in sorted(problems.items()) if problem)

    @name_unreadable_files
    def schedule(self, dates: Iterable[date]) -> pl.DataFrame:
        """Returns the games of some dates in the columns of `schedule`, without preseason and all-star games.

        `has_boxscore_source` is false for a competition without any box score in the season.
        """
        parts = [
            schedule_rows(self._file(f"games_{season}"), self._file(f"player_boxscores_{season}"), days)
            for season, days in self._by_season(dates)
        ]
        return pl.concat(parts) if parts else pl.DataFrame(schema=SCHEDULE_COLUMNS)

    @name_unreadable_files
    def boxscores(self, dates: Iterable[date]) -> pl.DataFrame:
        """Returns the box scores of some dates in the columns of `boxscores`. Lists only players who played, in whole minutes."""
        parts = [
            boxscore_rows(self._file(f"player_boxscores_{season}"), self._file(f"games_{season}"), season, days)
            for season, days in self._by_season(dates)
        ]
        return pl.concat(parts) if parts else pl.DataFrame(schema=BOXSCORE_COLUMNS)

    @name_unreadable_files
    def prop_lines(self, dates: Iterable[date]) -> pl.DataFrame:
        """Returns the lines of some dates and all markets in the columns of `prop_lines`. `player_id` is null until resolved.

        `is_before_tipoff` and `tipoff_at` are null without a tip-off in the schedule, because the provider's start time is
        about ten minutes late. Rows without a game id have a `problem`.
        """
        seasons = self._by_season(dates)
        if not seasons:
            return pl.DataFrame(schema=PROP_COLUMNS)
        file = self._file("player_props")
        tipoffs = pl.concat([self._file(f"games_{season}").scan(["game_id", "tipoff_utc"]).collect() for season, _ in seasons])
        return prop_line_rows(file, tipoffs, [day for _, days in seasons for day in days])

    @name_unreadable_files
    def game_lines(self, dates: Iterable[date]) -> pl.DataFrame:
        """Returns the spreads and totals of some dates in the columns of `game_lines`, up to four rows per event.

        The lines are averages over books, with the book "consensus". The price is null, because a mean of American prices is
        not a price. `snapshot_at` and `is_before_tipoff` are null. Lines that are not multiples of half a point and
        events without a game of the schedule have a `problem`.
        """
        seasons = self._by_season(dates)
        if not seasons:
            return pl.DataFrame(schema=GAME_LINE_COLUMNS)
        file = self._file("game_lines")
        columns = ["game_id", "game_date", "home_team", "away_team", "tipoff_utc"]
        in_scope = competition().is_in(list(SEASON_TYPES))
        games = pl.concat([self._file(f"games_{season}").scan(columns).filter(in_scope).collect() for season, _ in seasons])
        return game_line_rows(file, games, [day for _, days in seasons for day in days])

    @name_unreadable_files
    def team_boxscores(self, dates: Iterable[date]) -> pl.DataFrame:
        """Returns the team totals of some dates in the columns of `team_boxscores`, two rows per game, regular season only.

        Games without totals are omitted. `seconds` and `periods` are null: the files lack them. The totals are sums over
        players and exclude team turnovers and team rebounds.
        """
        parts = [team_boxscore_rows(self._file(f"games_{season}"), days) for season, days in self._by_season(dates)]
        return pl.concat(parts) if parts else pl.DataFrame(schema=TEAM_BOXSCORE_COLUMNS)

    @name_unreadable_files
    def players(self) -> pl.DataFrame:
        """Returns one row per player of the seed list: player_id, spelling, is_active (null if the file lacks it) and source."""
        file = self._file("players")
        people = file.scan([*PLAYERS, *file.columns({"is_active"})]).collect().rename({"full_name": "spelling"})
        if "is_active" not in people.columns:
            people = people.with_columns(pl.lit(None, pl.Boolean).alias("is_active"))
        return cast_rows(people.with_columns(pl.lit(file.ref).alias("source")), PLAYER_COLUMNS, file)

    def _by_season(self, dates: Iterable[date]) -> list[tuple[str, list[date]]]:
        """Returns (season, dates) of the seasons with a games file."""
        seasons = [] if self.is_empty else self._seasons()
        groups: dict[str, list[date]] = {}
        for day in sorted(set(dates)):
            groups.setdefault(season_of(day), []).append(day)
        return [(season, days) for season, days in groups.items() if season in seasons]

    def _seasons(self) -> list[str]:
        if self.landing.sends_nothing:
            names = [f"{stem}.parquet" for stem in self._landed_payloads()]
        elif Path(self.folder).is_dir():
            names = [path.name for path in Path(self.folder).iterdir()]
        else:
            raise BadInput(f"NBA_ARCHIVE_DIR {self.folder} is not a folder")
        seasons = sorted(match[1] for name in names if (match := GAMES_FILE.fullmatch(name)))
        if not seasons and not self.landing.sends_nothing:
            raise BadInput(f"NBA_ARCHIVE_DIR {self.folder} has no games_<season>.parquet")
        if not self.landing.is_replay:
            for season in seasons:  # journaled, so that a replay covers the same seasons
                self._file(f"games_{season}")
        return seasons

    def _last_game_date(self, season: str) -> date:
        if self._last_date is None:
            dates = self._file(f"games_{season}").scan(["game_date"]).collect()["game_date"]
            if nulls := dates.null_count():
                raise BadInput(f"the archive's games_{season}.parquet has {counted(nulls, 'game')} without game_date")
            self._last_date = max(dates.to_list(), default=date.min)
        return self._last_date

    def _landed_payloads(self) -> Mapping[str, Payload]:
        """Returns landed files by stem: in a replay those of the original run, in an offline run the newest of each."""
        if self._payloads is None:
            payloads_of = self.landing.used_by_original if self.landing.is_replay else self.landing.newest_of
            self._payloads = {payload.slot.endpoint: payload for payload in payloads_of(PROVIDER)}
        return self._payloads

    def _file(self, stem: str) -> ArchiveFile:
        """Returns a file, landed once per content. Raises BadInput naming folder and file if it is missing."""
        if stem not in self._files:
            if self.landing.sends_nothing:
                payload = self._landed_payloads().get(stem)
                if payload is None:
                    reason = "not used by the original run" if self.landing.is_replay else "not landed"
                    raise BadInput(f"the archive file {stem}.parquet was {reason}")
                self.landing.note(payload.slot, "reused", payload=payload)
                self._files[stem] = ArchiveFile(f"{stem}.parquet", payload.ref, payload.body)
            else:
                self._files[stem] = self._land(stem)
        return self._files[stem]

    def _land(self, stem: str) -> ArchiveFile:
        path = Path(self.folder) / f"{stem}.parquet"
        if not path.is_file():
            raise BadInput(f"the archive {self.folder} has no {path.name}")
        slot = Slot(PROVIDER, stem, entity="file", extension="parquet")
        if (size := path.stat().st_size) > slot.most_bytes:
            raise BadInput(f"the archive's {path.name} has {size} bytes; the limit is {slot.most_bytes} bytes")
        body = path.read_bytes()
        payload = self.landing.newest(slot)
        if payload and hashlib.sha256(body).hexdigest().startswith(payload.short_hash):
            self.landing.note(slot, "reused", payload=payload)
        else:
            payload = self.landing.keep(slot, body, fetched_at=self.clock.now(), url=path.absolute().as_uri())
        return ArchiveFile(path.name, payload.ref, body)

"""The archive: bulk history as a provider. A folder of parquet files replaces the requests for four seasons.

For the dates that it holds, the archive is the only source, even if it has no rows. Each file is landed once per content,
and `source` names the landed copy. A replay reads the copies that the original run used and does not need the folder.
"""

import hashlib
import io
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import wraps
from pathlib import Path
from typing import Concatenate, ParamSpec, TypeVar

import dagster as dg
import polars as pl
from pydantic import PrivateAttr

from nba_pipeline.errors import BadInput
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.calendar import EASTERN_NAME, season_of, season_of_game_date
from nba_pipeline.league.teams import TEAM_OF_NAME
from nba_pipeline.providers import SEASON_TYPES
from nba_pipeline.providers.columns import BOXSCORE_COLUMNS, SCHEDULE_COLUMNS, TEAM_BOXSCORE_COLUMNS
from nba_pipeline.providers.nba_cdn import STATISTICS
from nba_pipeline.providers.odds_api import match_events
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.payloads import Payload, Slot

PROVIDER = "archive"
GAMES_FILE = re.compile(r"games_(\d{4}-\d{2})\.parquet")
STATUSES = {1: "scheduled", 2: "live", 3: "final"}

PROP_COLUMNS = {
    "game_date": pl.Date(), "game_id": pl.String(), "player_id": pl.Int64(), "market": pl.String(), "book": pl.String(),
    "line_half_points": pl.Int64(), "snapshot_at": pl.Datetime("us", "UTC"), "line": pl.Float64(),
    "over_price": pl.Int64(), "under_price": pl.Int64(), "tipoff_at": pl.Datetime("us", "UTC"),
    "is_before_tipoff": pl.Boolean(), "spelling": pl.String(), "odds_event_id": pl.String(),
    "captured_at": pl.Datetime("us", "UTC"), "request_format": pl.String(), "is_latest_pregame": pl.Boolean(),
    "source": pl.String(), "problem": pl.String(),
}  # fmt: skip

GAME_LINE_COLUMNS = {
    "game_date": pl.Date(), "game_id": pl.String(), "market": pl.String(), "book": pl.String(), "outcome": pl.String(),
    "line_half_points": pl.Int64(), "line": pl.Float64(), "price": pl.Int64(), "snapshot_at": pl.Datetime("us", "UTC"),
    "tipoff_at": pl.Datetime("us", "UTC"), "is_before_tipoff": pl.Boolean(), "odds_event_id": pl.String(),
    "captured_at": pl.Datetime("us", "UTC"), "request_format": pl.String(), "source": pl.String(),
    "problem": pl.String(),
}  # fmt: skip

PLAYER_COLUMNS = {"player_id": pl.Int64(), "spelling": pl.String(), "is_active": pl.Boolean(), "source": pl.String()}

GAMES = (
    "game_id", "game_date", "tipoff_utc", "tipoff_source", "home_team", "away_team", "home_pts", "away_pts", "status",
    "is_neutral", "game_label", "game_sublabel", "arena_name", "arena_city",
)  # fmt: skip
BOXSCORES = (
    "game_id", "game_date", "player_id", "player_name", "team", "starter", "minutes", "plus_minus", *STATISTICS,
)  # fmt: skip
PROPS = (
    "odds_event_id", "market", "book", "player_name_raw", "line", "over_odds", "under_odds", "commence_time_utc",
    "game_date", "home_team", "away_team", "snapshot_at", "is_latest_pregame", "event_game_id",
)  # fmt: skip
GAME_LINES = ("event_id", "home_team", "away_team", "commence_time", "spread_point", "total_point")
PLAYERS = ("player_id", "full_name")
TEAM_TOTALS = {
    "points": "pts", "rebounds": "reb", "assists": "ast", "steals": "stl", "blocks": "blk", "turnovers": "tov",
    "fouls": "pf",
}  # fmt: skip
"""Column -> suffix of its name in a games file, if they differ."""
UNREADABLE = (pl.exceptions.PolarsError, pl.exceptions.PanicException)
CONSENSUS = "consensus"
"""The book of the archive's game lines: one value per event, averaged over unnamed books."""
INSTANTS, DATES = ("tipoff_utc", "commence_time_utc", "commence_time", "snapshot_at"), ("game_date",)
FLAGS = ("is_neutral", "starter", "is_latest_pregame", "is_active")
TEXTS = (
    "game_id", "event_game_id", "event_id", "odds_event_id", "tipoff_source", "team", "home_team", "away_team", "game_label",
    "game_sublabel", "arena_name", "arena_city", "player_name", "player_name_raw", "full_name", "market", "book",
)  # fmt: skip
"""Columns of the files by type. All other columns are numeric."""
GAME_OUTCOMES = (("spreads", "home", 1, "spread_point"), ("spreads", "away", -1, "spread_point"),
                 ("totals", "over", 1, "total_point"), ("totals", "under", 1, "total_point"))  # fmt: skip
"""Market, outcome, sign and column of the four rows per event of the archive."""


@dataclass(frozen=True)
class _File:
    """A landed archive file."""

    name: str
    ref: str
    body: bytes

    def scan(self, columns: Iterable[str]) -> pl.LazyFrame:
        """Returns the given columns. Raises BadInput naming file and column if one is missing or has another type."""
        frame = pl.scan_parquet(io.BytesIO(self.body))
        wanted, types = list(columns), frame.collect_schema()
        missing = [column for column in wanted if column not in types]
        if missing:
            raise BadInput(f"the archive's {self.name} has no column {', '.join(missing)}")
        retyped = [f"{column} is {types[column]}" for column in wanted if not _holds(column, types[column])]
        if retyped:
            raise BadInput(f"the archive's {self.name} has columns of another type: {', '.join(retyped)}")
        # polars infers the type Null for an all-null column, which cannot be compared with other columns
        return frame.select(pl.col(name).cast(_type_of(name)) if types[name] == pl.Null else name for name in wanted)

    def columns(self, wanted: set[str]) -> list[str]:
        """Returns the optional columns that the file has, sorted."""
        return sorted(wanted & set(pl.scan_parquet(io.BytesIO(self.body)).collect_schema()))

    def problem(self) -> str | None:
        """Returns why the file cannot be read, or None if it can. Reads the whole file."""
        try:
            pl.read_parquet(io.BytesIO(self.body))
        except UNREADABLE as error:
            return str(error).splitlines()[0]
        return None


Answer = TypeVar("Answer")
Arguments = ParamSpec("Arguments")


def unreadable_files_are_named(
    question: "Callable[Concatenate[Archive, Arguments], Answer]",
) -> "Callable[Concatenate[Archive, Arguments], Answer]":
    """Decorator that raises BadInput naming the archive's unreadable files. They are user input and are never moved."""

    @wraps(question)
    def asked(archive: "Archive", /, *args: Arguments.args, **kwargs: Arguments.kwargs) -> Answer:
        try:
            return question(archive, *args, **kwargs)
        except UNREADABLE:
            if not (named := archive.unreadable()):
                raise
            raise BadInput(f"the archive {archive.folder} has unreadable files: {named}; put whole copies there") from None

    return asked


class Archive(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The folder of NBA_ARCHIVE_DIR. Empty means no archive.

    Files: games_<season>, player_boxscores_<season>, player_props, game_lines, players.
    """

    folder: str = ""
    landing: dg.ResourceDependency[Landing]
    clock: dg.ResourceDependency[Clock]
    _files: dict[str, _File] = PrivateAttr(default_factory=dict)
    _replayed: dict[str, Payload] | None = PrivateAttr(default=None)
    _last_date: date | None = PrivateAttr(default=None)

    @property
    def is_empty(self) -> bool:
        """True without an archive. In an offline run: no file is landed. In a replay: the original run used no file."""
        return not (self._landed_files() if self.landing.sends_nothing else self.folder)

    @unreadable_files_are_named
    def holds(self, day: date) -> bool:
        """True if the archive is the only source of a date: a past date in a season with a games file.

        In the latest of these seasons, dates after the last game are not held. Raises BadInput naming the folder if it does
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

    @unreadable_files_are_named
    def schedule(self, dates: Iterable[date]) -> pl.DataFrame:
        """Returns the games of some dates in the columns of `schedule`, without preseason and all-star games.

        `has_boxscore_source` is false for a competition without any box score in the season.
        """
        parts = [self._season_schedule(season, days) for season, days in self._by_season(dates)]
        return pl.concat(parts) if parts else pl.DataFrame(schema=SCHEDULE_COLUMNS)

    @unreadable_files_are_named
    def boxscores(self, dates: Iterable[date]) -> pl.DataFrame:
        """Returns the box scores of some dates in the columns of `boxscores`. Only players who played, in whole minutes."""
        parts = [self._season_boxscores(season, days) for season, days in self._by_season(dates)]
        return pl.concat(parts) if parts else pl.DataFrame(schema=BOXSCORE_COLUMNS)

    @unreadable_files_are_named
    def prop_lines(self, dates: Iterable[date]) -> pl.DataFrame:
        """Returns the lines of some dates and all markets in the columns of `prop_lines`. `player_id` is null until resolved.

        `is_before_tipoff` and `tipoff_at` are null without a tip-off in the schedule, because the provider's start time is
        about ten minutes late. Rows without a game id have a `problem`.
        """
        seasons = self._by_season(dates)
        if not seasons:
            return pl.DataFrame(schema=PROP_COLUMNS)
        file, days = self._file("player_props"), [day for _, some in seasons for day in some]
        tipoffs = pl.concat([self._file(f"games_{season}").scan(["game_id", "tipoff_utc"]).collect() for season, _ in seasons])
        rows = file.scan(PROPS).filter(_of(days)).collect().join(
            tipoffs, left_on="event_game_id", right_on="game_id", how="left", maintain_order="left"
        )  # fmt: skip
        earlier = pl.min_horizontal("tipoff_utc", "commence_time_utc")
        tipoff_at = pl.when(pl.col("tipoff_utc").is_not_null()).then(earlier)
        no_game = pl.format("no game id for {} at {}", "away_team", "home_team")
        shaped = rows.with_columns(
            pl.col("event_game_id").alias("game_id"),
            pl.lit(None, pl.Int64).alias("player_id"),
            (pl.col("line") * 2).alias("line_half_points"),
            pl.col("over_odds").alias("over_price"),
            pl.col("under_odds").alias("under_price"),
            tipoff_at.alias("tipoff_at"),
            (pl.col("snapshot_at") < tipoff_at).alias("is_before_tipoff"),
            pl.col("player_name_raw").alias("spelling"),
            pl.lit(None, pl.Datetime("us", "UTC")).alias("captured_at"),
            pl.lit("american").alias("request_format"),
            pl.lit(file.ref).alias("source"),
            pl.when(pl.col("event_game_id").is_null()).then(no_game).alias("problem"),
        )
        return _one_per_line(_cast(shaped, PROP_COLUMNS, file))

    @unreadable_files_are_named
    def game_lines(self, dates: Iterable[date]) -> pl.DataFrame:
        """Returns the spreads and totals of some dates in the columns of `game_lines`, up to four rows per event.

        The lines are averages over books, with the book "consensus". The price is null, because a mean of American prices is
        not a price. `snapshot_at` and `is_before_tipoff` are null. Lines that are not multiples of half a point and
        events without a game of the schedule have a `problem`.
        """
        seasons = self._by_season(dates)
        if not seasons:
            return pl.DataFrame(schema=GAME_LINE_COLUMNS)
        file, days = self._file("game_lines"), [day for _, some in seasons for day in some]
        columns = ["game_id", "game_date", "home_team", "away_team", "tipoff_utc"]
        in_scope = _competition().is_in(list(SEASON_TYPES))
        games = pl.concat([self._file(f"games_{season}").scan(columns).filter(in_scope).collect() for season, _ in seasons])
        events = _events(file.scan(GAME_LINES).collect())
        # match against whole seasons, so that an event's game does not depend on the requested dates
        matched = events.join(match_events(events, games), on="odds_event_id", how="left", maintain_order="left").join(
            games.select("game_id", "tipoff_utc", scheduled="game_date", scheduled_home="home_team"), on="game_id", how="left",
            maintain_order="left",
        )  # fmt: skip
        wanted = matched.with_columns(pl.coalesce("scheduled", "game_date").alias("game_date")).filter(_of(days))
        parts = [_side_of(wanted, *outcome) for outcome in GAME_OUTCOMES]
        half_points = 2 * pl.col("line")
        rows = pl.concat(parts).filter(pl.col("line").is_not_null()).with_columns(
            half_points.round().alias("line_half_points"),
            pl.lit(CONSENSUS).alias("book"),
            pl.when(pl.col("tipoff_utc").is_not_null())
            .then(pl.min_horizontal("tipoff_utc", "commence_time")).alias("tipoff_at"),
            *[pl.lit(None).alias(name) for name in ("price", "snapshot_at", "is_before_tipoff", "captured_at")],
            pl.lit("american").alias("request_format"),
            pl.lit(file.ref).alias("source"),
            pl.when(pl.col("game_id").is_null())
            .then(pl.format("event {} matches no game of the schedule", "odds_event_id"))
            .when(half_points != half_points.round())
            .then(pl.format("{} of {} is no whole number of half points", "market", "line")).alias("problem"),
        )  # fmt: skip
        return _cast(rows, GAME_LINE_COLUMNS, file)

    @unreadable_files_are_named
    def team_boxscores(self, dates: Iterable[date]) -> pl.DataFrame:
        """Returns the team totals of some dates in the columns of `team_boxscores`, two rows per game, regular season only.

        Games without totals are omitted. `seconds` and `periods` are null: the files lack them. The totals are sums over
        players and exclude team turnovers and team rebounds.
        """
        parts = [self._season_team_boxscores(season, days) for season, days in self._by_season(dates)]
        return pl.concat(parts) if parts else pl.DataFrame(schema=TEAM_BOXSCORE_COLUMNS)

    @unreadable_files_are_named
    def players(self) -> pl.DataFrame:
        """Returns one row per player of the seed list: player_id, spelling, is_active (null if the file lacks it) and source."""
        file = self._file("players")
        people = file.scan([*PLAYERS, *file.columns({"is_active"})]).collect().rename({"full_name": "spelling"})
        if "is_active" not in people.columns:
            people = people.with_columns(pl.lit(None, pl.Boolean).alias("is_active"))
        return _cast(people.with_columns(pl.lit(file.ref).alias("source")), PLAYER_COLUMNS, file)

    def _season_schedule(self, season: str, days: list[date]) -> pl.DataFrame:
        file = self._file(f"games_{season}")
        played = self._file(f"player_boxscores_{season}").scan(["game_id"]).select(_competition()).unique().collect()
        points = [pl.when(pl.col("status") == "final").then(side).alias(name)
                  for side, name in (("home_pts", "home_points"), ("away_pts", "away_points"))]  # fmt: skip
        rows = file.scan(GAMES).filter(_of(days) & _competition().is_in(list(SEASON_TYPES))).collect()
        has_scores = pl.col("home_pts").is_not_null() & pl.col("away_pts").is_not_null()
        status = pl.col("status").replace_strict(STATUSES, default="unknown", return_dtype=pl.String)
        shaped = rows.with_columns(
            season_of_game_date(),
            _competition().replace_strict(SEASON_TYPES).alias("season_type"),
            pl.col("tipoff_utc").alias("tipoff_at"),
            pl.when((status == "final") & ~has_scores).then(pl.lit("unknown")).otherwise(status).alias("status"),
            pl.lit(None, pl.String).alias("status_text"),
            _listed("game_label", "game_sublabel").alias("game_label"),
            _listed("arena_name", "arena_city").alias("arena"),
            _competition().is_in(played["competition"].to_list()).alias("has_boxscore_source"),
            pl.lit(file.ref).alias("source"),
            pl.lit(None, pl.String).alias("problem"),
        ).with_columns(points)
        return _cast(shaped, SCHEDULE_COLUMNS, file)

    def _season_boxscores(self, season: str, days: list[date]) -> pl.DataFrame:
        file = self._file(f"player_boxscores_{season}")
        games = self._file(f"games_{season}").scan(["game_id", "home_team", "away_team", "home_pts", "away_pts"])
        rows = file.scan(BOXSCORES).filter(_of(days) & _competition().is_in(list(SEASON_TYPES)))
        is_home = pl.col("team") == pl.col("home_team")
        shaped = rows.join(games, on="game_id", how="left", maintain_order="left").with_columns(
            season_of_game_date(),
            pl.when(is_home).then("away_team").otherwise("home_team").alias("opponent"),
            is_home.alias("is_home"),
            pl.lit(True).alias("did_play"),
            pl.lit("played").alias("status"),
            pl.lit(None, pl.String).alias("reason"),
            pl.col("starter").alias("is_starter"),
            pl.lit(None, pl.Int64).alias("seconds"),
            pl.lit("rounded").alias("minutes_precision"),
            pl.when(is_home).then("home_pts").otherwise("away_pts").alias("team_points"),
            pl.lit(PROVIDER).alias("provider"),
            pl.lit(file.ref).alias("source"),
            pl.when(pl.col("home_team").is_null())
            .then(pl.format("game {} is not in the games file of {}", "game_id", pl.lit(season)))
            .alias("problem"),
        )
        return _cast(shaped.collect(), BOXSCORE_COLUMNS, file)

    def _season_team_boxscores(self, season: str, days: list[date]) -> pl.DataFrame:
        file = self._file(f"games_{season}")
        totals = {name: TEAM_TOTALS.get(name, name) for name in STATISTICS}
        columns = [f"{side}_{end}" for side in ("home", "away") for end in ("team", *totals.values())]
        games = file.scan(["game_id", "game_date", *columns]).filter(_of(days) & _competition().is_in(list(SEASON_TYPES)))
        sides = [
            games.select(
                "game_date", "game_id", season_of_game_date(), pl.col(f"{side}_team").alias("team"),
                pl.col(f"{other}_team").alias("opponent"), pl.lit(side == "home").alias("is_home"),
                *[pl.col(f"{side}_{end}").alias(name) for name, end in totals.items()],
                pl.lit(None, pl.Int64).alias("seconds"), pl.lit(None, pl.Int64).alias("periods"),
                pl.lit(False).alias("is_reconstructed"), pl.lit(PROVIDER).alias("provider"),
                pl.lit(file.ref).alias("source"), pl.lit(None, pl.String).alias("problem"),
            )
            for side, other in (("home", "away"), ("away", "home"))
        ]  # fmt: skip
        is_known = pl.all_horizontal(pl.col(name).is_not_null() for name in totals).all().over("game_id")
        rows = pl.concat(sides, how="vertical_relaxed").collect().filter(is_known).sort("game_date", "game_id", "is_home")
        return _cast(rows, TEAM_BOXSCORE_COLUMNS, file)

    def _by_season(self, dates: Iterable[date]) -> list[tuple[str, list[date]]]:
        """Returns (season, dates) of the seasons with a games file."""
        seasons = [] if self.is_empty else self._seasons()
        groups: dict[str, list[date]] = {}
        for day in sorted(set(dates)):
            groups.setdefault(season_of(day), []).append(day)
        return [(season, days) for season, days in groups.items() if season in seasons]

    def _seasons(self) -> list[str]:
        if self.landing.sends_nothing:
            names = [f"{stem}.parquet" for stem in self._landed_files()]
        elif Path(self.folder).is_dir():
            names = [path.name for path in Path(self.folder).iterdir()]
        else:
            raise BadInput(f"NBA_ARCHIVE_DIR is {self.folder}, which is not a folder")
        seasons = sorted(match[1] for name in names if (match := GAMES_FILE.fullmatch(name)))
        if not seasons and not self.landing.sends_nothing:
            raise BadInput(f"NBA_ARCHIVE_DIR is {self.folder}, which has no games_<season>.parquet")
        if not self.landing.is_replay:
            for season in seasons:  # journaled, so that a replay knows which seasons were held
                self._file(f"games_{season}")
        return seasons

    def _last_game_date(self, season: str) -> date:
        if self._last_date is None:
            dates = self._file(f"games_{season}").scan(["game_date"]).collect()["game_date"]
            if dates.null_count():
                raise BadInput(f"the archive's games_{season}.parquet has {dates.null_count()} games without game_date")
            self._last_date = max(dates.to_list(), default=date.min)
        return self._last_date

    def _landed_files(self) -> Mapping[str, Payload]:
        """Returns landed files by stem: in a replay those of the original run, in an offline run the newest of each."""
        if self._replayed is None:
            newest = self.landing.used_by_original if self.landing.is_replay else self.landing.newest_of
            self._replayed = {payload.slot.endpoint: payload for payload in newest(PROVIDER)}
        return self._replayed

    def _file(self, stem: str) -> _File:
        """Returns a file, landed once per content. Raises BadInput naming folder and file if it is missing."""
        if stem not in self._files:
            if self.landing.sends_nothing:
                payload = self._landed_files().get(stem)
                if payload is None:
                    used = "the replayed run used" if self.landing.is_replay else "the landing holds"
                    raise BadInput(f"{used} no archive file {stem}.parquet")
                self.landing.note(payload.slot, "reused", payload=payload)
                self._files[stem] = _File(f"{stem}.parquet", payload.ref, payload.body)
            else:
                self._files[stem] = self._landed(stem)
        return self._files[stem]

    def _landed(self, stem: str) -> _File:
        path = Path(self.folder) / f"{stem}.parquet"
        if not path.is_file():
            raise BadInput(f"the archive {self.folder} has no {path.name}")
        slot = Slot(PROVIDER, stem, entity="file", extension="parquet")
        if (size := path.stat().st_size) > slot.most_bytes:
            raise BadInput(f"the archive's {path.name} has {size} bytes, more than the {slot.most_bytes} that a file may have")
        body = path.read_bytes()
        payload = self.landing.newest(slot)
        if payload and hashlib.sha256(body).hexdigest().startswith(payload.short_hash):
            self.landing.note(slot, "reused", payload=payload)
        else:
            payload = self.landing.keep(slot, body, fetched_at=self.clock.now(), url=path.absolute().as_uri())
        return _File(path.name, payload.ref, body)


def _holds(column: str, dtype: pl.DataType) -> bool:
    """True if a column has its expected type. An all-null column is valid as any type."""
    if dtype == pl.Null:
        return True
    if column in INSTANTS:
        return isinstance(dtype, pl.Datetime) and dtype.time_zone is not None
    if column in DATES:
        return dtype == pl.Date
    if column in FLAGS:
        return dtype == pl.Boolean
    return dtype == pl.String if column in TEXTS else dtype.is_numeric()


def _type_of(column: str) -> pl.DataType:
    """Returns the type of an all-null column."""
    if column in INSTANTS:
        return pl.Datetime("us", "UTC")
    if column in DATES:
        return pl.Date()
    if column in FLAGS:
        return pl.Boolean()
    return pl.String() if column in TEXTS else pl.Int64()


def _of(days: list[date]) -> pl.Expr:
    return pl.col("game_date").is_between(days[0], days[-1]) & pl.col("game_date").is_in(days)


def _competition() -> pl.Expr:
    return pl.col("game_id").str.slice(0, 3).alias("competition")


def _listed(*columns: str) -> pl.Expr:
    """Joins two texts with a comma. Null if both are null."""
    text = pl.concat_str(*columns, separator=", ", ignore_nulls=True)
    return pl.when(text != "").then(text)


def _cast(frame: pl.DataFrame, columns: Mapping[str, pl.DataType], file: _File) -> pl.DataFrame:
    try:
        return frame.select(pl.col(name).cast(dtype) for name, dtype in columns.items())
    except pl.exceptions.PolarsError as error:
        raise BadInput(f"the archive's {file.name} has an unusable value: {str(error).splitlines()[0]}") from None


def _events(lines: pl.DataFrame) -> pl.DataFrame:
    """Returns the events of the game lines in the columns of `match_events`, with the Eastern date of their start."""
    teams = pl.col("home_team", "away_team").replace_strict(TEAM_OF_NAME, default=None)
    return lines.rename({"event_id": "odds_event_id"}).with_columns(
        teams, pl.col("commence_time").dt.convert_time_zone(EASTERN_NAME).dt.date().alias("game_date")
    )


def _side_of(events: pl.DataFrame, market: str, outcome: str, sign: int, column: str) -> pl.DataFrame:
    """Returns one outcome per event, relative to the schedule's home team. Events at neutral sites may swap home and away."""
    is_turned = pl.col("scheduled_home") == pl.col("away_team")
    told = pl.col(column).cast(pl.Float64)
    line = told if market == "totals" else pl.when(is_turned).then(0 - told).otherwise(told)
    return events.with_columns(
        pl.lit(market).alias("market"), pl.lit(outcome).alias("outcome"), (line if sign > 0 else 0 - line).alias("line")
    )


def _one_per_line(lines: pl.DataFrame) -> pl.DataFrame:
    """Merges rows that differ only in `is_latest_pregame`. The merged row is the latest if one of them is.

    Without `snapshot_at`, repeated captures of an unchanged line are identical (3,154 rows of pick'em sites).
    """
    others = [column for column in lines.columns if column != "is_latest_pregame"]
    return lines.group_by(others, maintain_order=True).agg(pl.col("is_latest_pregame").max()).select(lines.columns)

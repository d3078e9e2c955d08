"""Features of one, two and four seasons, features of one date from a warm warehouse, and rolling windows in three engines.

Runs three measurements, each in its own process:

* `features` of whole seasons by the functions of the assets, from sources in memory. Target: 5 s of compute and 2 GB for four
  seasons, and linear growth with the rows.
* The feature tables of one date by the assets, which read their input windows from a local warehouse, with one file per date and
  with compacted months. Target: under 1 s.
* 21 window columns over all played games, compared with DuckDB window SQL and pandas. Values must be equal; times are
  ratios.

Data from NBA_ARCHIVE_DIR (default ../shared/data), or from a generated league if missing.

    python benchmarks/features.py
"""

import gc
import os
import random
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import numpy as np
import pandas as pd  # type: ignore[import-untyped]
import polars as pl
from measuring import Stopwatch, in_new_process, peak_gigabytes, print_table
from polars.testing import assert_frame_equal

from nba_pipeline.assets.features.career_form import career_form
from nba_pipeline.assets.features.expected_absences import expected_absences
from nba_pipeline.assets.features.features import features
from nba_pipeline.assets.features.matchups import matchups
from nba_pipeline.assets.features.player_form import player_form
from nba_pipeline.assets.features.player_shot_zones import player_shot_zones
from nba_pipeline.assets.features.team_defense_zones import team_defense_zones
from nba_pipeline.assets.features.team_outlook import team_outlook
from nba_pipeline.assets.features.upcoming_players import upcoming_players
from nba_pipeline.assets.sources.team_boxscores import complete_with_sums
from nba_pipeline.audit import recompute
from nba_pipeline.audit.recompute import SOURCES, World, features_from, summaries_of
from nba_pipeline.completeness import gates, slate_gates
from nba_pipeline.formulas import player_form as form
from nba_pipeline.formulas.rolling import (
    BILLIONTHS,
    GAME,
    SECONDS_PER_MINUTE,
    in_order,
    whole_parts,
    window_mean,
    window_slope,
    window_standard_deviation,
)
from nba_pipeline.formulas.shot_zones import TEAM_ZONE_COLUMNS, ZONE_COLUMNS
from nba_pipeline.instance.clock import Clock
from nba_pipeline.league.active_players import SEEN_SCHEMA
from nba_pipeline.league.calendar import days, season_of_game_date
from nba_pipeline.league.teams import TEAMS
from nba_pipeline.providers.archive import Archive
from nba_pipeline.providers.odds_rows import IGNORED, NO_OFFERS
from nba_pipeline.providers.player_matching import candidate_players, resolve_players
from nba_pipeline.tables.declarations import daily_tables, declared
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.tables.table import Table
from nba_pipeline.warehouse.io_manager import COLUMNS as LIMITED_TO
from nba_pipeline.warehouse.landing import Landing
from nba_pipeline.warehouse.local import LocalWarehouse

ARCHIVE = Path(os.environ.get("NBA_ARCHIVE_DIR") or Path(__file__).parents[2] / "shared" / "data")
SEASONS = ("2021-22", "2022-23", "2023-24", "2024-25")
FIRST, LAST = date(2021, 10, 1), date(2025, 6, 30)
AS_OF = datetime(2025, 9, 1, tzinfo=UTC)
CLOCK = Clock(fixed_at=AS_OF.isoformat())
AIM_SECONDS, AIM_GIGABYTES, AIM_OF_A_DAY_SECONDS = 5, 2, 1
REPEATS, REPEATS_OF_SEASONS = 5, 3
TOLERANCE = 1e-9

SUMMARIES = "summarize_player_games summarize_team_games"
GATES = "judge_games, judge_slates"
REST = "the rest of derivation"
ASSETS = (
    upcoming_players, player_form, player_shot_zones, team_defense_zones, matchups, career_form, team_outlook, expected_absences, features
)  # fmt: skip
"""In order of materialization."""

Seconds = Counter[str]
Part = tuple[str, int, int, float, float, float]


def prepare(folder: Path) -> None:
    """Writes the sources of four seasons as a warehouse would hold them."""
    world = archived(folder) if ARCHIVE.joinpath(f"games_{SEASONS[0]}.parquet").is_file() else generated()
    for name, table in SOURCES.items():
        rows, _ = table.conform(world[name], AS_OF, "") if name in world else (table.empty(), None)
        rows.write_parquet(folder / f"{name}.parquet")


def sources(folder: Path, seasons: int) -> World:
    """Returns the sources of the last seasons."""
    world = {name: pl.read_parquet(folder / f"{name}.parquet") for name in SOURCES}
    is_of_them = pl.col("season").is_in(SEASONS[-seasons:])
    return {
        name: frame.with_columns(season_of_game_date()).filter(is_of_them).select(frame.columns) for name, frame in world.items()
    }


def archived(folder: Path) -> World:
    """Returns the sources of the archive, with the players of its lines."""
    archive, dates = Archive(folder=str(ARCHIVE), landing=Landing(home=str(folder), clock=CLOCK), clock=CLOCK), days(FIRST, LAST)
    schedule, boxscores = archive.schedule(dates), archive.boxscores(dates)
    players = archive.players()
    active = candidate_players(schedule, boxscores, players, pl.DataFrame(schema=SEEN_SCHEMA))
    offered = pl.concat([NO_OFFERS, archive.prop_lines(dates)], how="diagonal_relaxed")
    return {
        "schedule": schedule,
        "boxscores": boxscores,
        "team_boxscores": complete_with_sums(archive.team_boxscores(dates), boxscores),
        "prop_lines": resolve_players(offered, players, active).filter(pl.col(IGNORED).is_null()).drop(IGNORED),
        "game_lines": archive.game_lines(dates),
    }


def generated() -> World:
    """Returns a league of thirty teams, 82 rounds per season and ten players per team: fewer rows than the archive, no lines."""
    chance, games, boxes = random.Random(1), [], []
    teams = list(TEAMS)
    for season in SEASONS:
        opening = date(int(season[:4]), 10, 20)
        for number in range(82 * 15):
            if number % 15 == 0:
                order = chance.sample(teams, 30)
            day, game_id = opening + timedelta(days=2 * (number // 15)), f"002{season[2:4]}{number:05d}"
            home, away = order[2 * (number % 15)], order[2 * (number % 15) + 1]
            games.append((day, game_id, season, home, away))
            for team, opponent in ((home, away), (away, home)):
                for nth, player in enumerate(chance.sample(range(15), 10)):
                    minutes = 24 + (-1) ** nth * 2 * (nth // 2)  # in pairs, so that a team plays 240 minutes
                    boxes.append(
                        (
                            day,
                            game_id,
                            season,
                            team,
                            opponent,
                            team == home,
                            100 * teams.index(team) + player + 1,
                            minutes,
                            chance.randrange(7),
                            chance.randrange(3),
                            chance.randrange(4),
                        )
                    )
    twos, threes, free = pl.col("twos"), pl.col("threes"), pl.col("free")
    box_columns = [
        "game_date",
        "game_id",
        "season",
        "team",
        "opponent",
        "is_home",
        "player_id",
        "minutes",
        "twos",
        "threes",
        "free",
    ]
    boxscores = (
        pl.DataFrame(boxes, orient="row", schema=box_columns)
        .with_columns(
            points=2 * twos + 3 * threes + free,
            fgm=twos + threes,
            fga=twos + threes + 5,
            fg3m=threes,
            fg3a=threes + 2,
            ftm=free,
            fta=free + 1,
            oreb=pl.lit(1),
            dreb=twos,
            rebounds=twos + 1,
            assists=free,
            steals=pl.lit(1),
            blocks=pl.lit(1),
            turnovers=pl.lit(1),
            fouls=pl.lit(2),
            did_play=pl.lit(True),
            status=pl.lit("played"),
            provider=pl.lit("archive"),
            minutes_precision=pl.lit("rounded"),
            player_name=pl.format("player {}", "player_id"),
            source=pl.lit("generated"),
        )
        .with_columns(team_points=pl.col("points").sum().over("game_id", "team"))
        .drop("twos", "threes", "free")
    )
    boxscores = filled(boxscores, TABLES["boxscores"])
    score = boxscores.group_by("game_id").agg(
        home_points=pl.col("points").filter("is_home").sum(), away_points=pl.col("points").filter(~pl.col("is_home")).sum()
    )
    schedule = (
        pl.DataFrame(games, orient="row", schema=["game_date", "game_id", "season", "home_team", "away_team"])
        .join(score, on="game_id")
        .with_columns(
            is_neutral=pl.lit(False),
            season_type=pl.lit("regular_season"),
            status=pl.lit("final"),
            has_boxscore_source=pl.lit(True),
            source=pl.lit("generated"),
        )
    )
    none = TABLES["team_boxscores"].empty().drop("as_of", "code_version")
    return {
        "schedule": filled(schedule, TABLES["schedule"]),
        "boxscores": boxscores,
        "team_boxscores": complete_with_sums(none, boxscores),
    }


def filled(frame: pl.DataFrame, table: Table) -> pl.DataFrame:
    """Returns a frame with the columns of a table. Missing columns are null."""
    return frame.select(
        (pl.col(name) if name in frame.columns else pl.lit(None)).cast(kind).alias(name)
        for name, kind in table.dtypes.items()
        if name not in ("as_of", "code_version")
    )


def with_made_up_zones(world: World) -> World:
    """Returns the summaries with generated zones that sum to the box scores. Shares differ between players."""
    twos_made, twos_missed = pl.col("fgm") - pl.col("fg3m"), pl.col("fga") - pl.col("fgm") - pl.col("fg3a") + pl.col("fg3m")
    of_the_paint = 0.35 + (pl.col("player_id") % 10) / 20
    paint_made, paint_missed = (twos_made * of_the_paint).round(), (twos_missed * of_the_paint * 0.8).round()
    zones = {
        "paint_fga": paint_made + paint_missed,
        "paint_fgm": paint_made,
        "mid_range_fga": twos_made + twos_missed - paint_made - paint_missed,
        "mid_range_fgm": twos_made - paint_made,
        "three_point_fga": pl.col("fg3a"),
        "three_point_fgm": pl.col("fg3m"),
        "assisted_fgm": (pl.col("fgm") * 0.6).round(),
        "unassisted_fgm": pl.col("fgm") - (pl.col("fgm") * 0.6).round(),
        "and_ones": pl.lit(0),
        "paint_blocks": pl.col("blocks"),
        "mid_range_blocks": pl.lit(0),
        "three_point_blocks": pl.lit(0),
    }
    played = pl.col("did_play")
    player_games = world["player_game_summary"].with_columns(
        *[pl.when(played).then(zones[name]).cast(pl.Int64).alias(name) for name in ZONE_COLUMNS],
        pl.when(played).then(True).alias("has_complete_zones"),
    )
    sums = player_games.group_by("game_id", "team").agg(pl.col(TEAM_ZONE_COLUMNS).sum())
    allowed = sums.rename({"team": "opponent", **{name: f"allowed_{name}" for name in TEAM_ZONE_COLUMNS}})
    team_games = world["team_game_summary"]
    bare = team_games.drop(*TEAM_ZONE_COLUMNS, *[f"allowed_{name}" for name in TEAM_ZONE_COLUMNS])
    zoned = bare.join(sums, on=["game_id", "team"], how="left").join(allowed, on=["game_id", "opponent"], how="left")
    return {**world, "player_game_summary": player_games, "team_game_summary": zoned.select(team_games.columns)}


def whole_features(folder: Path, seasons: int, has_zones: bool) -> tuple[tuple[int, int], Seconds, float, float]:
    """Returns history and feature rows, wall seconds per step and CPU seconds of the fastest of three runs, and peak GB."""
    world, watch = sources(folder, seasons), Stopwatch()
    watch.wrap(recompute, SUMMARIES, SUMMARIES.replace(" ", ", "))
    for name in daily_tables("features"):
        one = declared()[name]
        assert one.recompute
        object.__setattr__(one, "recompute", watch.timed(one.recompute, name))
    watch.wrap(gates, "judge_games", GATES)
    watch.wrap(slate_gates, "judge_slates", GATES)
    dates, runs = world["schedule"]["game_date"].unique().sort().to_list(), []
    for _ in range(REPEATS_OF_SEASONS):
        gc.collect()
        wall, cpu = Seconds(), 0.0

        def timed(step: Callable[[], World]) -> World:
            nonlocal wall, cpu
            watch.turn()
            before, cpu_before = watch.seconds.copy(), watch.cpu_seconds.total()
            with watch.part(REST):
                result = step()
            watch.turn()
            wall += watch.seconds - before
            cpu += watch.cpu_seconds.total() - cpu_before
            return result

        summarised = timed(partial(summaries_of, world, AS_OF))
        if has_zones:
            summarised = with_made_up_zones(summarised)
        tables = timed(partial(features_from, summarised, dates, AS_OF))
        runs.append((wall, cpu))
    peak = peak_gigabytes()
    fastest, cpu = min(runs, key=lambda run: run[0].total())
    if has_zones:
        for name in (*DERIVED, "features"):
            tables[name].write_parquet(folder / f"{name}.parquet")
    return (tables["player_game_summary"].height, tables["features"].height), fastest, cpu, peak


DERIVED = ("player_game_summary", "team_game_summary")


def inputs_read_by(asset: dg.AssetsDefinition) -> list[tuple[str, dg.AssetKey]]:
    """Returns the inputs of an asset with their keys, without dependencies that are not read."""
    return [
        (name, key) for name, key in asset.keys_by_input_name.items() if not asset.op.input_dict[name].dagster_type.is_nothing
    ]


def inputs_of(asset: dg.AssetsDefinition, day: date) -> dict[str, list[date]]:
    """Returns table -> the dates that an asset reads for one date."""
    windows = {}
    for name, key in inputs_read_by(asset):
        mapping = asset.get_partition_mapping(key)
        first, last = (mapping.start_offset, mapping.end_offset) if isinstance(mapping, dg.TimeWindowPartitionMapping) else (0, 0)
        windows[name] = days(day + timedelta(days=first), day + timedelta(days=last))
    return windows


def fill(warehouse: LocalWarehouse, folder: Path, day: date) -> float:
    """Writes the tables that the assets of a date read but do not make. Returns the seconds."""
    start, derived = time.perf_counter(), {asset.key.path[-1] for asset in ASSETS}
    windows = [window for asset in ASSETS for window in inputs_of(asset, day).items()]
    for name in sorted({name for name, _ in windows} - derived):
        dates = sorted({d for other, some in windows for d in some if other == name})
        rows = pl.read_parquet(folder / f"{name}.parquet").filter(pl.col("game_date").is_in(dates))
        if name in DERIVED:
            rows, _ = TABLES[name].conform(rows, AS_OF, "")
        warehouse.replace(TABLES[name], dates, rows, "benchmark")
    return time.perf_counter() - start


def one_day(folder: Path) -> tuple[date, float, list[tuple[str, float, list[Part]]], int]:
    """Measures the feature tables of the latest date with the most games, from date files and from compacted months.

    Returns the date, the seconds to fill the warehouse, the number of feature rows, and per kind of files the seconds of the first
    run and the parts of the fastest later run. A part is an asset with files read, rows read, seconds of reading, seconds of
    computing, and CPU seconds of both. Fails unless the rows equal those of the four-season run.
    """
    schedule = pl.read_parquet(folder / "schedule.parquet")
    day = schedule.group_by("game_date").len().sort("len", "game_date")["game_date"][-1]
    warehouse = LocalWarehouse(home=str(folder / "home"))
    filling, results = fill(warehouse, folder, day), []
    expected = pl.read_parquet(folder / "features.parquet").filter(pl.col("game_date") == day)
    for kind in ("one file per date", "compacted months"):
        if kind == "compacted months":
            start = time.perf_counter()
            warehouse.compact(TABLES.values(), day)
            print(f"compaction: {time.perf_counter() - start:.1f} s")
        runs = []
        for _ in range(1 + REPEATS):
            gc.collect()
            tables, parts = features_of_a_day(warehouse, day)
            runs.append(parts)
        assert_frame_equal(tables["features"], expected, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
        results.append((kind, taken(runs[0]), min(runs[1:], key=taken)))
    return day, filling, results, expected.height


def features_of_a_day(warehouse: LocalWarehouse, day: date) -> tuple[dict[str, pl.DataFrame], list[Part]]:
    """Makes the feature tables of a date with the functions of the assets. All use one Dagster instance, as in a run."""
    tables, parts, instance = dict[str, pl.DataFrame](), [], dg.DagsterInstance.ephemeral()
    for asset in ASSETS:
        name, start, cpu = asset.key.path[-1], time.perf_counter(), time.process_time()
        windows = {table: dates for table, dates in inputs_of(asset, day).items() if table not in tables}
        columns = {name: one.metadata.get(LIMITED_TO) or None for name, one in asset.op.input_dict.items()}
        frames = {
            table: warehouse.scan(TABLES[table], dates).select(columns[table] or pl.all()).collect().rechunk()
            for table, dates in windows.items()
        }
        middle = time.perf_counter()
        inputs = {table: tables[table] for table, _ in inputs_read_by(asset) if table in tables}
        resources = {"clock": CLOCK, "warehouse": warehouse}
        needed = {key: resources[key] for key in asset.required_resource_keys if key in resources}
        derived: Any = asset(dg.build_asset_context(partition_key=str(day), instance=instance), **frames, **inputs, **needed)
        tables[name] = derived
        end, cpu = time.perf_counter(), time.process_time() - cpu
        files = sum(len(warehouse._parts("tables", TABLES[table], dates)) for table, dates in windows.items())
        rows = sum(frame.height for frame in frames.values())
        parts.append((name, files, rows, middle - start, end - middle, cpu))
    return tables, parts


def taken(parts: list[Part]) -> float:
    return sum(reading + computing for _, _, _, reading, computing, _ in parts)


KEY = ["player_id", "season"]
ORDER = [*KEY, "game_date", "game_id"]
INPUTS = [*ORDER, "points", "minutes", "ftm", "usage_pct"]
COLUMNS = (
    "games_played_season", "points_mean_last_3_games", "points_mean_last_5_games", "points_mean_last_10_games",
    "points_mean_season", "points_standard_deviation_last_10_games", "points_standard_deviation_season",
    "points_slope_last_10_games", "points_slope_last_7_games", "minutes_mean_last_10_games", "minutes_mean_season",
    "minutes_standard_deviation_last_10_games", "points_trend_level_last_5_games", "minutes_change_level_last_10_games",
    "points_per_minute_last_10_games", "free_throw_point_pct_last_10_games", "usage_pct_last_5_games", "usage_pct_season",
    "points_z_score_last_3_games", "points_z_score_last_5_games", "is_breakout",
)  # fmt: skip
"""The columns of `formulas.player_form` that SQL window functions can express: no streaks, no lists of games."""

TARGETS = {"DuckDB": 4, "pandas": 10}


def polars_windows(games: pl.DataFrame) -> pl.DataFrame:
    """Returns the columns with the expressions of `formulas.player_form`, which also makes others."""
    seconds = whole_parts("minutes", SECONDS_PER_MINUTE)
    totals = {
        "points": pl.col("points"),
        "seconds": seconds,
        "ftm": pl.col("ftm"),
        "points_of_known_shots": pl.when(pl.col("ftm").is_not_null()).then("points"),
        "usage": (pl.col("usage_pct") * seconds * BILLIONTHS).round(),
        "seconds_of_known_usage": pl.when(pl.col("usage_pct").is_not_null()).then(seconds),
    }
    return (
        in_order(games, KEY, totals, spreads=["points", "seconds"])
        .select(
            *ORDER,
            games_played_season=GAME,
            points_mean_last_3_games=window_mean("points", 3),
            points_mean_last_5_games=window_mean("points", 5),
            points_mean_last_10_games=window_mean("points", 10),
            points_mean_season=window_mean("points"),
            points_standard_deviation_last_10_games=window_standard_deviation("points", 10),
            points_standard_deviation_season=window_standard_deviation("points"),
            points_slope_last_10_games=window_slope("points", 10),
            points_slope_last_7_games=window_slope("points", 7),
            minutes_mean_last_10_games=window_mean("seconds", 10) / SECONDS_PER_MINUTE,
            minutes_mean_season=window_mean("seconds") / SECONDS_PER_MINUTE,
            minutes_standard_deviation_last_10_games=window_standard_deviation("seconds", 10) / SECONDS_PER_MINUTE,
            points_trend_level_last_5_games=form.points_trend_level(),
            minutes_change_level_last_10_games=form.minutes_change_level(),
            points_per_minute_last_10_games=form.points_per_minute(),
            free_throw_point_pct_last_10_games=form.free_throw_point_pct(),
            usage_pct_last_5_games=form.weighted_usage_pct(5),
            usage_pct_season=form.weighted_usage_pct(),
        )
        .with_columns(form.points_z_score(3), form.points_z_score(5), form.is_breakout())
    )


SQL = """
WITH windows AS (
  SELECT *, count(*) OVER season AS n,
    sum(points) OVER last2 AS sum2, sum(points) OVER last5 AS sum5,
    avg(points) OVER last3 AS mean3, avg(points) OVER last5 AS mean5, avg(points) OVER last10 AS mean10,
    avg(points) OVER season AS mean_season,
    stddev_samp(points) OVER last10 AS std10, stddev_samp(points) OVER season AS std_season,
    regr_slope(points, nth) OVER last10 AS slope10, regr_slope(points, nth) OVER last7 AS slope7,
    avg(minutes) OVER last10 AS minutes10, avg(minutes) OVER season AS minutes_season,
    stddev_samp(minutes) OVER last10 AS minutes_std10,
    sum(points) OVER last10 AS points10, sum(minutes) OVER last10 AS minutes_sum10,
    sum(ftm) OVER last10 AS ftm10, sum(CASE WHEN ftm IS NOT NULL THEN points END) OVER last10 AS known_points10,
    sum(usage_pct * minutes) OVER last5 AS usage5,
    sum(CASE WHEN usage_pct IS NOT NULL THEN minutes END) OVER last5 AS usage_minutes5,
    sum(usage_pct * minutes) OVER season AS usage_season,
    sum(CASE WHEN usage_pct IS NOT NULL THEN minutes END) OVER season AS usage_minutes_season
  FROM (SELECT *, row_number() OVER (PARTITION BY player_id, season ORDER BY game_date, game_id) AS nth FROM games)
  WINDOW
    season AS (PARTITION BY player_id, season ORDER BY game_date, game_id ROWS UNBOUNDED PRECEDING),
    last2 AS (PARTITION BY player_id, season ORDER BY game_date, game_id ROWS 1 PRECEDING),
    last3 AS (PARTITION BY player_id, season ORDER BY game_date, game_id ROWS 2 PRECEDING),
    last5 AS (PARTITION BY player_id, season ORDER BY game_date, game_id ROWS 4 PRECEDING),
    last7 AS (PARTITION BY player_id, season ORDER BY game_date, game_id ROWS 6 PRECEDING),
    last10 AS (PARTITION BY player_id, season ORDER BY game_date, game_id ROWS 9 PRECEDING)
), changes AS (
  SELECT *, sum2 / 2 - (sum5 - sum2) / 3 AS trend, minutes10 / nullif(minutes_season, 0) - 1 AS change FROM windows
)
SELECT player_id, season, game_date, game_id, n AS games_played_season,
  CASE WHEN n >= 5 THEN mean3 END AS points_mean_last_3_games,
  CASE WHEN n >= 5 THEN mean5 END AS points_mean_last_5_games,
  CASE WHEN n >= 5 THEN mean10 END AS points_mean_last_10_games,
  CASE WHEN n >= 5 THEN mean_season END AS points_mean_season,
  CASE WHEN n >= 5 THEN std10 END AS points_standard_deviation_last_10_games,
  CASE WHEN n >= 5 THEN std_season END AS points_standard_deviation_season,
  CASE WHEN n >= 5 THEN slope10 END AS points_slope_last_10_games,
  CASE WHEN n >= 5 THEN slope7 END AS points_slope_last_7_games,
  CASE WHEN n >= 5 THEN minutes10 END AS minutes_mean_last_10_games,
  CASE WHEN n >= 5 THEN minutes_std10 END AS minutes_standard_deviation_last_10_games,
  CASE WHEN n >= 5 THEN minutes_season END AS minutes_mean_season,
  CASE WHEN n >= 5 THEN sign(trend) * ((abs(trend) >= 1 - 1e-9)::INT + (abs(trend) >= 5 - 1e-9)::INT) END
    AS points_trend_level_last_5_games,
  CASE WHEN n >= 5 THEN sign(change) * ((abs(change) >= .1 - 1e-9)::INT + (abs(change) >= .2 - 1e-9)::INT) END
    AS minutes_change_level_last_10_games,
  CASE WHEN n >= 5 AND minutes_sum10 >= 20 THEN points10 / minutes_sum10 END AS points_per_minute_last_10_games,
  CASE WHEN n >= 5 AND known_points10 > 0 THEN ftm10 / known_points10 END AS free_throw_point_pct_last_10_games,
  CASE WHEN n >= 5 AND usage_minutes5 > 0 THEN usage5 / usage_minutes5 END AS usage_pct_last_5_games,
  CASE WHEN n >= 5 AND usage_minutes_season > 0 THEN usage_season / usage_minutes_season END AS usage_pct_season,
  CASE WHEN n >= 5 AND std_season > 0 THEN (mean3 - mean_season) / std_season END AS points_z_score_last_3_games,
  CASE WHEN n >= 5 AND std_season > 0 THEN (mean5 - mean_season) / std_season END AS points_z_score_last_5_games,
  CASE WHEN n >= 5 THEN (mean5 > mean_season + 1.5 * std_season + 1e-9)::INT END AS is_breakout
FROM changes
"""


def duckdb_windows(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    windows: pl.DataFrame = connection.sql(SQL).pl()
    return windows


def pandas_windows(games: pd.DataFrame) -> pd.DataFrame:
    frame = games.sort_values(ORDER, kind="stable", ignore_index=True)
    frame["usage_minutes"] = frame["usage_pct"] * frame["minutes"]
    frame["minutes_of_known_usage"] = frame["minutes"].where(frame["usage_pct"].notna())
    frame["points_of_known_shots"] = frame["points"].where(frame["ftm"].notna())
    grouped = frame.groupby(KEY, sort=False)
    n = grouped.cumcount() + 1
    frame["weighted"] = n * frame["points"]

    def rolling(column: str, games: int, statistic: str) -> pd.Series:
        window = grouped[column].rolling(games, min_periods=1)
        return getattr(window, statistic)().reset_index(level=KEY, drop=True)

    def season(column: str, statistic: str) -> pd.Series:
        return getattr(grouped[column].expanding(1), statistic)().reset_index(level=KEY, drop=True)

    def slope(games: int) -> pd.Series:
        size, total = n.clip(upper=games), rolling("points", games, "sum")
        oldest = n - size + 1
        weighted = rolling("weighted", games, "sum") - oldest * total
        return (size * weighted - size * (size - 1) / 2 * total) / (size**2 * (size**2 - 1) / 12)

    def level(value: pd.Series, small: float, large: float) -> pd.Series:
        size = (value.abs() >= small - 1e-9).astype(float) + (value.abs() >= large - 1e-9)
        return (np.sign(value) * size).where(value.notna())

    minutes, minutes_sum = rolling("minutes", 10, "mean"), rolling("minutes", 10, "sum")
    known_points, known_minutes = rolling("points_of_known_shots", 10, "sum"), rolling("minutes_of_known_usage", 5, "sum")
    mean, deviation = season("points", "mean"), season("points", "std")
    last3, last5 = rolling("points", 3, "mean"), rolling("points", 5, "mean")
    last2, sum5 = rolling("points", 2, "sum"), rolling("points", 5, "sum")
    season_minutes, known_minutes_season = season("minutes", "mean"), season("minutes_of_known_usage", "sum")
    values = {
        "points_mean_last_3_games": last3,
        "points_mean_last_5_games": last5,
        "points_mean_last_10_games": rolling("points", 10, "mean"),
        "points_mean_season": mean,
        "points_standard_deviation_last_10_games": rolling("points", 10, "std"),
        "points_standard_deviation_season": deviation,
        "points_slope_last_10_games": slope(10),
        "points_slope_last_7_games": slope(7),
        "minutes_mean_last_10_games": minutes,
        "minutes_standard_deviation_last_10_games": rolling("minutes", 10, "std"),
        "minutes_mean_season": season_minutes,
        "points_trend_level_last_5_games": level(last2 / 2 - (sum5 - last2) / 3, 1, 5),
        "minutes_change_level_last_10_games": level((minutes / season_minutes.where(season_minutes > 0)) - 1, 0.1, 0.2),
        "points_per_minute_last_10_games": (rolling("points", 10, "sum") / minutes_sum).where(minutes_sum >= 20 - 1e-9),
        "free_throw_point_pct_last_10_games": (rolling("ftm", 10, "sum") / known_points).where(known_points > 1e-9),
        "usage_pct_last_5_games": (rolling("usage_minutes", 5, "sum") / known_minutes).where(known_minutes > 1e-9),
        "usage_pct_season": (season("usage_minutes", "sum") / known_minutes_season).where(known_minutes_season > 1e-9),
        "points_z_score_last_3_games": ((last3 - mean) / deviation).where(deviation > 1e-9),
        "points_z_score_last_5_games": ((last5 - mean) / deviation).where(deviation > 1e-9),
        "is_breakout": (last5 > mean + 1.5 * deviation + 1e-9).astype(float),
    }
    out = frame[ORDER].assign(games_played_season=n)
    for name, value in values.items():
        out[name] = value.where(n >= 5)
    return out


def compare(name: str, expected: pl.DataFrame, actual: pl.DataFrame) -> None:
    """Fails unless both frames have the same rows and values equal within 1e-9."""
    expected, actual = (frame.with_columns(pl.col("game_date").cast(pl.Date)).sort(ORDER) for frame in (expected, actual))
    if expected.select(ORDER).rows() != actual.select(ORDER).rows():
        raise SystemExit(f"{name}: other rows than polars")
    for column in COLUMNS:
        ours, theirs = expected[column].cast(pl.Float64), actual[column].cast(pl.Float64).fill_nan(None)
        differ = (ours.is_null() != theirs.is_null()) | ((ours - theirs).abs() > TOLERANCE * (1 + ours.abs())).fill_null(False)
        if differ.any():
            at = differ.arg_true()[0]
            raise SystemExit(f"{name}: {column} differs on {differ.sum()} rows, first {ours[at]} and {theirs[at]}")


def best(call: Callable[[], object]) -> float:
    seconds = []
    for _ in range(REPEATS):
        gc.collect()
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def windows(folder: Path) -> list[tuple[str, int, dict[str, float]]]:
    """Returns name, rows and seconds per engine for each order of the input rows. Polars sorts, so order matters most there."""
    played = pl.read_parquet(folder / "player_game_summary.parquet").filter("did_play").select(*INPUTS, "team")
    results = []
    for order, games in (
        ("by date, as the warehouse has them", played),
        ("shuffled", played.sample(fraction=1, shuffle=True, seed=1)),
    ):
        inputs_of_games = games.select(INPUTS)
        frame, connection = inputs_of_games.to_pandas(), duckdb.connect()
        connection.execute("SET enable_progress_bar = false")
        connection.register("frame", inputs_of_games.to_arrow())
        connection.execute("CREATE TABLE games AS SELECT * FROM frame")
        ours = polars_windows(inputs_of_games)
        assert_frame_equal(ours, form.player_form(games).select(ours.columns), check_exact=True)
        compare("DuckDB", ours, duckdb_windows(connection))
        compare("pandas", ours, pl.from_pandas(pandas_windows(frame)))
        seconds = {
            "polars": best(partial(polars_windows, inputs_of_games)),
            "DuckDB": best(partial(duckdb_windows, connection)),
            "pandas": best(partial(pandas_windows, frame)),
            PLATFORM: best(partial(form.player_form, games)),
        }
        results.append((order, played.height, seconds))
    return results


PLATFORM = "the platform's player_form, with streaks and lists of games"


def show_seasons(folder: Path) -> None:
    """Prints the results of one, two and four seasons, and the steps of four."""
    rows, steps = [], {}
    for seasons, has_zones in ((1, False), (2, False), (4, False), (4, True)):
        (history, feature_rows), wall, cpu, peak = in_new_process(whole_features, folder, seasons, has_zones)
        name = f"{seasons}{', with made-up zones' if has_zones else ''}"
        rows.append(
            (
                name,
                f"{history:,}",
                f"{feature_rows:,}",
                wall.total(),
                cpu,
                10_000 * wall.total() / history,
                10_000 * cpu / history,
                peak,
            )
        )
        steps[has_zones] = wall
    head = ("seasons", "player-games", "feature rows", "s", "CPU s", "s per 10,000", "CPU s per 10,000", "peak GB")
    print_table(head, rows)
    print(f"\naimed at for four seasons: {AIM_SECONDS} s of compute, {AIM_GIGABYTES} GB; best of {REPEATS_OF_SEASONS}.")
    print("Where the cores are shared with others, CPU s say more than s.\n")
    bare, zoned = steps[False], steps[True]
    print_table(
        ("step of four seasons", "s", "s with made-up zones"),
        [(step, bare[step], zoned[step]) for step, seconds in zoned.most_common() if seconds >= 0.01],
    )


def show_one_day(folder: Path) -> None:
    """Prints the results of one date from a warm warehouse."""
    day, filling, results, rows = in_new_process(one_day, folder)
    for kind, first, parts in results:
        print(f"\n{kind}\n")
        print_table(
            ("asset", "files read", "rows read", "reading s", "computing s", "CPU s"),
            [(n, f, f"{r:,}", *s) for n, f, r, *s in parts],
        )
        total, reading, cpu = taken(parts), sum(part[3] for part in parts), sum(part[5] for part in parts)
        print(f"""
{rows:,} feature rows of {day}, the same as in four seasons at once, in {total:.2f} s ({cpu:.2f} CPU s), best of {REPEATS}; the
first run {first:.2f} s; aimed at: under {AIM_OF_A_DAY_SECONDS} s. Reading is {reading / total:.0%} of it.""")
    (_, first_of_days, days_parts), (_, first_of_months, months_parts) = results
    print(f"""
date files / months: {taken(days_parts) / taken(months_parts):.2f} times the seconds, {first_of_days / first_of_months:.2f} in the first run; reading
{sum(part[3] for part in days_parts) / sum(part[3] for part in months_parts):.2f} times. The warehouse was filled in {filling:.1f} s.""")


def show_windows(folder: Path) -> None:
    """Prints the engines as ratios."""
    for order, rows, seconds in in_new_process(windows, folder):
        print(f"\n{len(COLUMNS)} columns of {rows:,} played games, {order}: equal values, best of {REPEATS}\n")
        print_table(
            ("engine", "s", "times polars", "wanted"),
            [
                (engine, f"{taken:.3f}", taken / seconds["polars"], f">= {TARGETS[engine]}" if engine in TARGETS else "")
                for engine, taken in seconds.items()
            ],
        )


def main() -> None:
    has_archive = ARCHIVE.joinpath(f"games_{SEASONS[0]}.parquet").is_file()
    load = os.getloadavg()[0]
    print(f"data: {ARCHIVE if has_archive else 'generated'}; {os.cpu_count()} cores, load {load:.1f} before the start")
    print("Play-by-play, injuries and rosters are empty in it, so zones are made up from the box scores where said.\n")
    with tempfile.TemporaryDirectory(prefix="features-") as name:
        folder = Path(name)
        in_new_process(prepare, folder)
        show_seasons(folder)
        print()
        show_one_day(folder)
        show_windows(folder)


if __name__ == "__main__":
    main()

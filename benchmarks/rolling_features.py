"""Rolling windows in polars, DuckDB and pandas, and the whole of `features`.

The windows of 21 columns over every played game of four seasons, by the expressions that the platform uses, against
twins in window SQL and in pandas groupby/rolling: equal values, best of 5 in one run. Then `features_of` for one, two
and four seasons. Data from NBA_ARCHIVE_DIR (default ../shared/data), else a generated league of the same size.

    python benchmarks/rolling_features.py
"""

import gc
import multiprocessing
import os
import random
import resource
import time
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl

from nba_pipeline.assets.features.features import features_of
from nba_pipeline.assets.features.upcoming_players import expect_players
from nba_pipeline.assets.sources.boxscores import BoxscoreRows
from nba_pipeline.assets.sources.prop_lines import TABLE as PROP_LINES
from nba_pipeline.assets.sources.schedule import SEASON_TYPES
from nba_pipeline.assets.summaries.player_game_summary import summarise_player_games
from nba_pipeline.formulas.player_form import (
    free_throw_point_pct,
    is_breakout,
    minutes_change_level,
    points_per_minute,
    points_trend_level,
    points_z_score,
    weighted_usage_pct,
)
from nba_pipeline.formulas.rolling import (
    BILLIONTHS,
    GAME,
    SECONDS_PER_MINUTE,
    in_order,
    whole,
    window_mean,
    window_slope,
    window_standard_deviation,
)
from nba_pipeline.teams import TEAMS

ARCHIVE = Path(os.environ.get("NBA_ARCHIVE_DIR", Path(__file__).parents[2] / "shared" / "data"))
SEASONS = ("2021-22", "2022-23", "2023-24", "2024-25")
KEY = ["player_id", "season"]
ORDER = [*KEY, "game_date", "game_id"]
INPUTS = [*ORDER, "points", "minutes", "rebounds", "assists", "ftm", "usage_pct"]
COLUMNS = (
    "games_played_season", "points_mean_last_3_games", "points_mean_last_5_games", "points_mean_last_10_games",
    "points_mean_season", "points_standard_deviation_last_10_games", "points_standard_deviation_season",
    "points_slope_last_10_games", "points_slope_last_7_games", "minutes_mean_last_10_games",
    "minutes_standard_deviation_last_10_games", "rebounds_mean_last_10_games", "assists_mean_last_10_games",
    "points_trend_level_last_5_games", "minutes_change_level_last_10_games", "points_per_minute_last_10_games",
    "free_throw_point_pct_last_10_games", "usage_pct_last_5_games", "points_z_score_last_3_games",
    "points_z_score_last_5_games", "is_breakout",
)  # fmt: skip
REPEATS = 5
TARGETS = {"DuckDB": 4, "pandas": 10}


def polars_windows(games: pl.DataFrame) -> pl.DataFrame:
    seconds, is_shot_known = whole("minutes", SECONDS_PER_MINUTE), pl.col("ftm").is_not_null()
    totals = {
        "points": pl.col("points"), "seconds": seconds, "rebounds": pl.col("rebounds"), "assists": pl.col("assists"),
        "ftm": pl.col("ftm"), "points_of_known_shots": pl.when(is_shot_known).then("points"),
        "usage": (pl.col("usage_pct") * seconds * BILLIONTHS).round(),
        "seconds_of_known_usage": pl.when(pl.col("usage_pct").is_not_null()).then(seconds),
    }  # fmt: skip
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
            minutes_standard_deviation_last_10_games=window_standard_deviation("seconds", 10) / SECONDS_PER_MINUTE,
            rebounds_mean_last_10_games=window_mean("rebounds", 10),
            assists_mean_last_10_games=window_mean("assists", 10),
            points_trend_level_last_5_games=points_trend_level(),
            minutes_change_level_last_10_games=minutes_change_level(),
            points_per_minute_last_10_games=points_per_minute(),
            free_throw_point_pct_last_10_games=free_throw_point_pct(),
            usage_pct_last_5_games=weighted_usage_pct(5),
        )
        .with_columns(points_z_score(3), points_z_score(5), is_breakout())
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
    avg(rebounds) OVER last10 AS rebounds10, avg(assists) OVER last10 AS assists10,
    sum(points) OVER last10 AS points10, sum(minutes) OVER last10 AS minutes_sum10,
    sum(ftm) OVER last10 AS ftm10, sum(CASE WHEN ftm IS NOT NULL THEN points END) OVER last10 AS known_points10,
    sum(usage_pct * minutes) OVER last5 AS usage5,
    sum(CASE WHEN usage_pct IS NOT NULL THEN minutes END) OVER last5 AS usage_minutes5
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
  CASE WHEN n >= 5 THEN rebounds10 END AS rebounds_mean_last_10_games,
  CASE WHEN n >= 5 THEN assists10 END AS assists_mean_last_10_games,
  CASE WHEN n >= 5 THEN sign(trend) * ((abs(trend) >= 1 - 1e-9)::INT + (abs(trend) >= 5 - 1e-9)::INT) END
    AS points_trend_level_last_5_games,
  CASE WHEN n >= 5 THEN sign(change) * ((abs(change) >= .1 - 1e-9)::INT + (abs(change) >= .2 - 1e-9)::INT) END
    AS minutes_change_level_last_10_games,
  CASE WHEN n >= 5 AND minutes_sum10 >= 20 THEN points10 / minutes_sum10 END AS points_per_minute_last_10_games,
  CASE WHEN n >= 5 AND known_points10 > 0 THEN ftm10 / known_points10 END AS free_throw_point_pct_last_10_games,
  CASE WHEN n >= 5 AND usage_minutes5 > 0 THEN usage5 / usage_minutes5 END AS usage_pct_last_5_games,
  CASE WHEN n >= 5 AND std_season > 0 THEN (mean3 - mean_season) / std_season END AS points_z_score_last_3_games,
  CASE WHEN n >= 5 AND std_season > 0 THEN (mean5 - mean_season) / std_season END AS points_z_score_last_5_games,
  CASE WHEN n >= 5 THEN (mean5 > mean_season + 1.5 * std_season + 1e-9)::INT END AS is_breakout
FROM changes
"""


def duckdb_windows(connection: duckdb.DuckDBPyConnection) -> pl.DataFrame:
    return connection.sql(SQL).pl()


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
    season_minutes = season("minutes", "mean")
    values = {
        "points_mean_last_3_games": last3, "points_mean_last_5_games": last5,
        "points_mean_last_10_games": rolling("points", 10, "mean"), "points_mean_season": mean,
        "points_standard_deviation_last_10_games": rolling("points", 10, "std"),
        "points_standard_deviation_season": deviation,
        "points_slope_last_10_games": slope(10), "points_slope_last_7_games": slope(7),
        "minutes_mean_last_10_games": minutes,
        "minutes_standard_deviation_last_10_games": rolling("minutes", 10, "std"),
        "rebounds_mean_last_10_games": rolling("rebounds", 10, "mean"),
        "assists_mean_last_10_games": rolling("assists", 10, "mean"),
        "points_trend_level_last_5_games": level(last2 / 2 - (sum5 - last2) / 3, 1, 5),
        "minutes_change_level_last_10_games": level((minutes / season_minutes.where(season_minutes > 0)) - 1, 0.1, 0.2),
        "points_per_minute_last_10_games": (rolling("points", 10, "sum") / minutes_sum).where(minutes_sum >= 20 - 1e-9),
        "free_throw_point_pct_last_10_games": (rolling("ftm", 10, "sum") / known_points).where(known_points > 1e-9),
        "usage_pct_last_5_games": (rolling("usage_minutes", 5, "sum") / known_minutes).where(known_minutes > 1e-9),
        "points_z_score_last_3_games": ((last3 - mean) / deviation).where(deviation > 1e-9),
        "points_z_score_last_5_games": ((last5 - mean) / deviation).where(deviation > 1e-9),
        "is_breakout": (last5 > mean + 1.5 * deviation + 1e-9).astype(float),
    }  # fmt: skip
    out = frame[ORDER].assign(games_played_season=n)
    for name, value in values.items():
        out[name] = value.where(n >= 5)
    return out


def archive_tables(seasons: tuple[str, ...]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Schedule and summaries of the archive's seasons."""
    games = pl.concat(
        (pl.read_parquet(ARCHIVE / f"games_{season}.parquet") for season in seasons), how="vertical_relaxed"
    ).filter(pl.col("game_id").str.slice(0, 3).is_in(list(SEASON_TYPES)))  # fmt: skip
    competition = pl.col("game_id").str.slice(0, 3).replace_strict(SEASON_TYPES, default="")
    schedule = games.select(
        "game_date", "game_id", "season", "home_team", "away_team", "is_neutral", season_type=competition,
        tipoff_at="tipoff_utc", status=pl.lit("final"),
    )  # fmt: skip
    boxes = pl.concat(
        (pl.read_parquet(ARCHIVE / f"player_boxscores_{season}.parquet") for season in seasons), how="vertical_relaxed"
    )
    return schedule, boxes.with_columns(
        did_play=pl.lit(True), status=pl.lit("played"), reason=pl.lit(None, pl.String), is_starter="starter",
        seconds=pl.lit(None, pl.Int64), minutes_precision=pl.lit("rounded"), provider=pl.lit("archive"),
        team_points=pl.col("points").sum().over("game_id", "team"),
    ).select(pl.col(name).cast(column.dtype) for name, column in BoxscoreRows.columns().items())  # fmt: skip


def generated_tables(seasons: tuple[str, ...]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Schedule and box scores of thirty teams that play 82 rounds, of about the archive's size."""
    chance, games, boxes = random.Random(1), [], []
    teams = list(TEAMS)
    for season in seasons:
        opening = date(int(season[:4]), 10, 20)
        for number in range(82 * 15):
            if number % 15 == 0:
                order = chance.sample(teams, 30)
            day = opening + timedelta(days=2 * (number // 15))
            home, away = order[2 * (number % 15)], order[2 * (number % 15) + 1]
            game_id = f"002{season[2:4]}{number:05d}"
            games.append((day, game_id, season, home, away))
            for team, opponent in ((home, away), (away, home)):
                for player in chance.sample(range(15), 10):
                    made, free = chance.randrange(12), chance.randrange(6)
                    boxes.append((day, game_id, season, team, opponent, 100 * teams.index(team) + player + 1,
                                  chance.randrange(5, 42), made, free))  # fmt: skip
    schedule = pl.DataFrame(games, schema=["game_date", "game_id", "season", "home_team", "away_team"], orient="row")
    rows = pl.DataFrame(
        boxes, orient="row",
        schema=["game_date", "game_id", "season", "team", "opponent", "player_id", "minutes", "fgm", "ftm"],
    ).with_columns(points=2 * pl.col("fgm") + pl.col("ftm"), fga=2 * pl.col("fgm") + 1, fta=pl.col("ftm") + 1,
                   did_play=pl.lit(True), turnovers=1, oreb=1, rebounds=pl.col("fgm"), assists=pl.col("ftm"),
                   player_name=pl.lit("x"))  # fmt: skip
    rows = rows.with_columns(team_points=pl.col("points").sum().over("game_id", "team"))
    columns = BoxscoreRows.columns()
    return (
        schedule.with_columns(
            is_neutral=pl.lit(False), season_type=pl.lit("regular_season"), status=pl.lit("final"),
            tipoff_at=pl.lit(None, pl.Datetime("us", "UTC")),
        ),
        rows.select(
            (pl.col(name) if name in rows.columns else pl.lit(None)).cast(column.dtype).alias(name)
            for name, column in columns.items()
        ),
    )  # fmt: skip


def tables(seasons: tuple[str, ...]) -> tuple[pl.DataFrame, pl.DataFrame]:
    is_there = (ARCHIVE / f"games_{seasons[0]}.parquet").is_file()
    return archive_tables(seasons) if is_there else generated_tables(seasons)


def compare(name: str, expected: pl.DataFrame, found: pl.DataFrame) -> None:
    """Fail unless both have the same rows and, within 1e-9, the same values."""
    expected, found = (frame.with_columns(pl.col("game_date").cast(pl.Date)).sort(ORDER) for frame in (expected, found))
    if expected.select(ORDER).rows() != found.select(ORDER).rows():
        raise SystemExit(f"{name}: other rows than polars")
    for column in COLUMNS:
        ours, theirs = expected[column].cast(pl.Float64), found[column].cast(pl.Float64).fill_nan(None)
        differ = (ours.is_null() != theirs.is_null()) | ((ours - theirs).abs() > 1e-9 * (1 + ours.abs())).fill_null(False)
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


def windows() -> None:
    """One table of seconds and ratios for each order of the input rows; the order costs polars most, in its sort."""
    _, boxscores = tables(SEASONS)
    by_date = summarise_player_games(boxscores).filter("did_play").select(INPUTS)
    print(f"{len(COLUMNS)} windows, {by_date.height:,} played games, equal values, best of {REPEATS}, {os.cpu_count()} cores")
    for order, games in (
        ("by date, as the warehouse has them", by_date),
        ("shuffled", by_date.sample(fraction=1, shuffle=True, seed=1)),
    ):
        frame, connection = games.to_pandas(), duckdb.connect()
        connection.register("frame", games.to_arrow())
        connection.execute("CREATE TABLE games AS SELECT * FROM frame")
        ours = polars_windows(games)
        compare("DuckDB", ours, duckdb_windows(connection))
        compare("pandas", ours, pl.from_pandas(pandas_windows(frame)))
        seconds = {
            "polars": best(partial(polars_windows, games)),
            "DuckDB": best(partial(duckdb_windows, connection)),
            "pandas": best(partial(pandas_windows, frame)),
        }
        print(f"\n| rows {order} | seconds | times polars | wanted |\n|---|---|---|---|")
        for engine, taken in seconds.items():
            wanted = f">= {TARGETS[engine]}" if engine in TARGETS else ""
            print(f"| {engine} | {taken:.3f} | {taken / seconds['polars']:.1f} | {wanted} |")


def whole_features(count: int) -> tuple[int, int, float, float, float]:
    """History rows, expected rows, seconds of `features_of` and `expect_players`, peak memory in GB, in a new process."""
    schedule, boxscores = tables(SEASONS[-count:])
    summary = summarise_player_games(boxscores)
    start = time.perf_counter()
    expected = expect_players(schedule, boxscores)
    middle = time.perf_counter()
    rows = features_of(expected, summary, schedule, PROP_LINES.empty())
    end = time.perf_counter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2
    return summary.height, rows.height, end - middle, middle - start, peak


def main() -> None:
    print(f"data: {ARCHIVE if (ARCHIVE / f'games_{SEASONS[0]}.parquet').is_file() else 'generated'}\n")
    # before the windows: a new process starts with its parent's peak memory
    print("| seasons | history rows | feature rows | features_of s | expect_players s | peak RSS GB |")
    print("|---|---|---|---|---|---|")
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        for count in (1, 2, 4):
            history, rows, seconds, expecting, peak = pool.apply(whole_features, (count,))
            print(f"| {count} | {history:,} | {rows:,} | {seconds:.2f} | {expecting:.2f} | {peak:.2f} |")
    print()
    windows()


if __name__ == "__main__":
    main()

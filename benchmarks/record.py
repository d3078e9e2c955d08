"""Time to compute `system_performance` of eight systems: for a season at once, and for its last date.

The rows are 165 dates with 200 lined players, forecast by eight systems, in three versions of the ledger each. A season is
computed from sums per date. The alternative, a pass over the rows for each date, is measured on a few dates. Targets: a season
in less than 10 s and a date in less than 1 s, on an idle machine. CPU seconds include all threads.

    python benchmarks/record.py
"""

import random
import time
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import polars as pl
from measuring import print_table

from nba_pipeline.assets.grades.grades import TABLE as GRADES
from nba_pipeline.assets.grades.system_performance import GRADE, LINE, PICK, PREDICTION, rate_systems, rows_to_rate
from nba_pipeline.assets.predictions.picks import TABLE as PICKS
from nba_pipeline.assets.predictions.predictions import TABLE as PREDICTIONS
from nba_pipeline.assets.sources.prop_lines import TABLE as PROP_LINES
from nba_pipeline.formulas.grade_versions import OF_A_DATE
from nba_pipeline.systems import SYSTEMS

FIRST, DATES, PLAYERS, VERSIONS, BOOKS, CAPTURES = date(2025, 10, 21), 165, 200, 3, 6, 3
MOST_SECONDS, MOST_SECONDS_OF_A_DATE = 10.0, 1.0
SAMPLE = 3
"""Dates on which the alternative is measured."""


def tipoff(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, 23, tzinfo=UTC)


def bets(day: date, chance: random.Random) -> list[dict[str, object]]:
    """Returns one row per system and player: a prediction with its grade."""
    made = []
    for player in range(PLAYERS):
        line, points = chance.randrange(5, 30) + 0.5, chance.randrange(40)
        for system in SYSTEMS:
            forecast = line + chance.gauss(0, 3)
            side = "OVER" if forecast > line else "UNDER"
            bet = side if abs(forecast - line) >= 1 else "PASS"
            won = "WIN" if (points > line) == (side == "OVER") else "LOSS"
            made.append(
                {
                    "game_date": day, "game_id": f"{day:%Y%m%d}{player // 20}", "player_id": player, "system_id": system.system_id,
                    "market": "player_points", "run_kind": "live", "predicted_value": forecast, "line": line,
                    "prediction_id": f"{day}-{player}-{system.system_id}", "book": "draftkings", "recommendation": bet,
                    "line_snapshot_at": tipoff(day) - timedelta(hours=2), "tipoff_at": tipoff(day), "price": -110,
                    "best_price": -105, "is_actionable": abs(forecast - line) >= 3, "reasons": [], "quality_score": 90.0,
                    "blended_over_probability": min(max(0.5 + chance.gauss(0, 0.05), 0.01), 0.99),
                    "blended_push_probability": 0.0, "market_over_probability": 0.5, "did_play": True, "actual_value": points,
                    "outcome": won if bet != "PASS" else "NO_BET", "grade_version": 1,
                }
            )  # fmt: skip
    return made


def season(days: Sequence[date]) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """Returns predictions, grades and lines, in the columns that the asset reads."""
    chance, rows = random.Random(7), []
    for day in days:
        rows += bets(day, chance)
    kinds = {**PREDICTIONS.dtypes, **GRADES.dtypes}
    names = list(dict.fromkeys((*OF_A_DATE, *PREDICTION, *GRADE)))
    frame = pl.DataFrame(rows, schema_overrides={name: kinds[name] for name in names if name in rows[0]}, infer_schema_length=1)
    frame = frame.with_columns(pl.lit(None, kinds[name]).alias(name) for name in names if name not in frame.columns)
    versions = [frame.with_columns(version=pl.lit(n, pl.Int64())).select(*OF_A_DATE, *PREDICTION) for n in range(1, VERSIONS + 1)]
    older = [one.with_columns(pl.col("prediction_id") + f"-{n}") for n, one in enumerate(versions[:-1])]
    return pl.concat([*older, versions[-1]]), frame.select(*OF_A_DATE, *GRADE), lines_of(frame)


def lines_of(frame: pl.DataFrame) -> pl.DataFrame:
    """Returns a row per player, book and capture."""
    players = frame.unique(["game_id", "player_id"]).select("game_id", "player_id", "market", "line", "tipoff_at")
    books = pl.DataFrame({"book": ["draftkings", *(f"book_{n}" for n in range(BOOKS - 1))]})
    captures = pl.DataFrame({"hours": list(range(CAPTURES))})
    at = (pl.col("tipoff_at") - pl.duration(minutes=10) - pl.duration(hours="hours")).alias("snapshot_at")
    rows = players.join(books, how="cross").join(captures, how="cross").with_columns(
        at, at.alias("captured_at"), over_price=pl.lit(-110), under_price=pl.lit(-110), is_before_tipoff=pl.lit(value=True),
        source=pl.lit("benchmark"),
    )  # fmt: skip
    return rows.select(pl.col(name).cast(PROP_LINES.dtypes[name]) for name in LINE)


def seconds(tables: tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame], dates: Sequence[date]) -> tuple[float, float]:
    """Returns the wall and CPU time of the performance of some dates."""
    predictions, grades, lines = tables
    eligible = pl.DataFrame({"game_date": sorted(set(grades["game_date"]))}).with_columns(eligible=pl.lit(220))
    wall, cpu = time.perf_counter(), time.process_time()
    picks = PICKS.empty().select(list(dict.fromkeys(PICK)))
    assert rate_systems(rows_to_rate(predictions, grades, picks, lines, ()), eligible, dates).height
    return time.perf_counter() - wall, time.process_time() - cpu


def main() -> None:
    days = [FIRST + timedelta(days=number) for number in range(DATES)]
    tables = season(days)
    wall, cpu = seconds(tables, days)
    wall_of_one, cpu_of_one = seconds(tables, days[-1:])
    one_by_one = [seconds(tables, [day]) for day in days[:: DATES // SAMPLE]]
    alternative = DATES * sum(cpu for _, cpu in one_by_one) / len(one_by_one)
    rows = [
        ("a season, from sums per date", f"{wall:.2f}", f"{cpu:.2f}"),
        ("its last date", f"{wall_of_one:.2f}", f"{cpu_of_one:.2f}"),
        (f"a season, one pass per date ({len(one_by_one)} dates measured)", "", f"{alternative:.0f}"),
        ("alternative / sums per date", "", f"{alternative / cpu:.0f}"),
    ]
    print_table(("performance of eight systems", "seconds", "CPU seconds"), rows)
    for what, time_taken, target in (("season", wall, MOST_SECONDS), ("date", wall_of_one, MOST_SECONDS_OF_A_DATE)):
        print(
            f"a {what}: {time_taken:.2f} s, target {target:g} s on an idle machine: {'met' if time_taken < target else 'missed'}"
        )


if __name__ == "__main__":
    main()

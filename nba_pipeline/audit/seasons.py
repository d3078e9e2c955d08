"""Coverage, quality and plausibility of the warehouse per season.

Coverage is the share of complete final games, expected players or dates with games that have rows.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from nba_pipeline.assets.features.features import FEATURES
from nba_pipeline.completeness import gates
from nba_pipeline.formulas.quality import TIERS
from nba_pipeline.league.calendar import season_of_game_date
from nba_pipeline.settings import SETTINGS
from nba_pipeline.tables.declarations import Unit, declared
from nba_pipeline.tables.registry import TABLES
from nba_pipeline.warehouse import Warehouse

PLAUSIBLE: Mapping[str, tuple[float, float]] = {
    "pace": (97, 104), "offensive_rating": (104, 118), "effective_field_goal_pct": (0.51, 0.57),
    "true_shooting_pct": (0.54, 0.60), "points": (105, 119),
}  # fmt: skip
"""Lowest and highest plausible league mean of a season. The means of 2021-22 to 2024-25 are 99.9 to 100.9, 110.2 to 113.4,
0.533 to 0.548, 0.567 to 0.583 and 110.6 to 114.7. Single months stay within 98.0 to 102.2, 104.6 to 115.2, 0.514 to 0.556,
0.545 to 0.591 and 107.2 to 117.2.
"""

MIN_GAMES = 50
"""Minimum number of complete games required to judge a mean."""

Shares = dict[str, float | None]


def seasons(warehouse: Warehouse, dates: Sequence[date]) -> list[dict[str, Any]]:
    """Returns one record per season with games, oldest first.

    Fields: season, first_date, last_date, games, final_games, complete_games, player_games; coverage (table -> share, null
    if nothing is expected); tiers (quality tier -> share of the rows of `features`); null_shares (feature -> share of the rows
    of players with 5 games); means (league means, null without complete games); is_judged (whether there are enough games to
    judge the means); implausible (means of a judged season that are out of range or unknown).
    """
    schedule = warehouse.scan(TABLES["schedule"], dates).filter(pl.col("status") != "postponed").collect()
    if schedule.is_empty():
        return []
    judged = gates.judge_games(schedule, _box_scores(warehouse, dates))
    complete = judged.filter("is_complete").select("game_id", season_of_game_date())
    played = _per_season(warehouse.scan(TABLES["boxscores"], dates).filter("did_play"), pl.len())
    covered = {**_of_games(warehouse, dates, complete), **_of_players(warehouse, dates), **_of_dates(warehouse, dates, schedule)}
    features = _features(warehouse, dates)
    means = _per_season(warehouse.scan(TABLES["team_game_summary"], dates), pl.struct(pl.col(name).mean() for name in PLAUSIBLE))
    games = schedule.with_columns(season_of_game_date()).sort("game_date")
    records = []
    for (season,), rows in games.group_by(["season"], maintain_order=True):
        name = str(season)
        number = complete.filter(pl.col("season") == name).height
        league: Shares = means.get(name) or dict.fromkeys(PLAUSIBLE)
        records.append(
            {
                "season": name,
                "first_date": str(rows["game_date"][0]),
                "last_date": str(rows["game_date"][-1]),
                "games": rows.height,
                "final_games": rows.filter(pl.col("status") == "final").height,
                "complete_games": number,
                "player_games": played.get(name, 0),
                "coverage": {table: covered[table].get(name) for table in declared() if table in covered},
                **features.get(name, {"tiers": {}, "null_shares": {}}),
                "means": league,
                "is_judged": number >= MIN_GAMES,
                "implausible": _implausible(league) if number >= MIN_GAMES else [],
            }
        )
    return records


def tables_that_cover(unit: Unit) -> list[str]:
    """Returns the tables whose rows cover games, players or dates, see `Wiring.covers`."""
    return [name for name, one in declared().items() if one.covers == unit]


def covering_rows(warehouse: Warehouse, table: str, dates: Sequence[date]) -> pl.LazyFrame:
    """Returns the rows of a table that count as coverage."""
    rows, covered_by = warehouse.scan(TABLES[table], dates), declared()[table].covered_by
    return rows if covered_by is None else rows.filter(covered_by)


def _implausible(means: Mapping[str, float | None]) -> list[str]:
    unknown = [f"{name} is unknown: it is null in every row of team_game_summary" for name in PLAUSIBLE if means[name] is None]
    known = {name: mean for name, mean in means.items() if mean is not None}
    return unknown + [
        f"{name} {known[name]:.4g} is not between {low:g} and {high:g}"
        for name, (low, high) in PLAUSIBLE.items()
        if name in known and not low <= known[name] <= high
    ]


def _box_scores(warehouse: Warehouse, dates: Sequence[date]) -> pl.DataFrame:
    columns = ["game_id", "team", "did_play", "points", "team_points", "minutes", "minutes_precision"]
    return warehouse.scan(TABLES["boxscores"], dates).select(columns).collect()


def _per_season(rows: pl.LazyFrame, value: pl.Expr) -> dict[str, Any]:
    values = rows.group_by(season_of_game_date()).agg(value.alias("value")).collect()
    return dict(values.iter_rows())


def _of_games(warehouse: Warehouse, dates: Sequence[date], complete: pl.DataFrame) -> dict[str, Shares]:
    expected_counts: dict[str, int] = dict(complete.group_by("season").len().iter_rows())
    shares = dict[str, Shares]()
    for table in tables_that_cover("game"):
        rows = covering_rows(warehouse, table, dates)
        if table == "prop_lines":
            rows = rows.filter(pl.col("market") == SETTINGS.lines.market)
        present = rows.select("game_id").unique().collect()
        counts: dict[str, int] = dict(complete.join(present, on="game_id", how="semi").group_by("season").len().iter_rows())
        shares[table] = {season: counts.get(season, 0) / count for season, count in expected_counts.items()}
    return shares


def _of_players(warehouse: Warehouse, dates: Sequence[date]) -> dict[str, Shares]:
    columns = ["game_date", "game_id", "player_id"]
    expected = warehouse.scan(TABLES["upcoming_players"], dates).select(columns).collect()
    expected_counts: dict[str, int] = _per_season(expected.lazy(), pl.len())
    shares = dict[str, Shares]()
    for table in tables_that_cover("player"):
        present = covering_rows(warehouse, table, dates).select(columns).unique().collect()
        counts: dict[str, int] = _per_season(expected.join(present, on=columns, how="semi").lazy(), pl.len())
        shares[table] = {season: counts.get(season, 0) / count for season, count in expected_counts.items()}
    return shares


def _of_dates(warehouse: Warehouse, dates: Sequence[date], schedule: pl.DataFrame) -> dict[str, Shares]:
    slates = schedule.select("game_date").unique()
    expected_counts: dict[str, int] = _per_season(slates.lazy(), pl.len())
    shares = dict[str, Shares]()
    for table in tables_that_cover("date"):
        present = covering_rows(warehouse, table, dates).select("game_date").unique().collect()
        counts: dict[str, int] = _per_season(slates.join(present, on="game_date", how="semi").lazy(), pl.len())
        shares[table] = {season: counts.get(season, 0) / count for season, count in expected_counts.items()}
    return shares


def _features(warehouse: Warehouse, dates: Sequence[date]) -> dict[str, dict[str, Shares]]:
    """Returns, per season, the shares of quality tiers and the null shares of players with enough games."""
    is_known = pl.col("games_played_season") >= SETTINGS.predicting.least_games
    shares = (
        warehouse.scan(TABLES["features"], dates)
        .group_by(season_of_game_date())
        .agg(
            *[(pl.col("quality_tier") == tier).mean().alias(tier) for tier in TIERS],
            *[pl.col(name).filter(is_known).is_null().mean().alias(f"{name}_null") for name in FEATURES],
        )
        .collect()
    )
    return {
        row["season"]: {
            "tiers": {tier: row[tier] for tier in TIERS},
            "null_shares": {name: row[f"{name}_null"] for name in FEATURES},
        }
        for row in shares.iter_rows(named=True)
    }
